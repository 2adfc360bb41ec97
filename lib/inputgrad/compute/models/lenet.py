"""The small networks of `convex`: a linear classifier, two hidden layers, and LeNet-5."""

from __future__ import annotations

from torch import nn

from .alexnet import scaled
from .prepared import Prepared, padded

SIDE = 32


def linear(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Prepared:
    """Softmax regression on the padded image, the case in which a linearised margin is the margin; no width."""
    return Prepared(padded(shape), nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * SIDE**2, classes)))


def fcnn(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Prepared:
    """Two hidden layers of 150 and 100 units with ReLU on the image padded to 32x32 [convex, Sec. IV]."""
    a, b = max(1, round(150 * width)), max(1, round(100 * width))
    return Prepared(
        padded(shape),
        nn.Sequential(
            nn.Flatten(), nn.Linear(shape[0] * SIDE**2, a), nn.ReLU(), nn.Linear(a, b), nn.ReLU(), nn.Linear(b, classes)
        ),
    )


def lenet5(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Prepared:
    """LeNet-5 (LeCun et al. 1998) with ReLU and max-pooling; 61,706 parameters for grey 28x28 images, ten classes."""
    a, b = (6, 16) if width == 1 else (scaled(6, width), scaled(16, width))
    return Prepared(
        padded(shape),
        nn.Sequential(
            nn.Conv2d(shape[0], a, 5), nn.ReLU(), nn.MaxPool2d(2),  # (B, 6, 14, 14)
            nn.Conv2d(a, b, 5), nn.ReLU(), nn.MaxPool2d(2),  # (B, 16, 5, 5)
            nn.Flatten(), nn.Linear(25 * b, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes),
        ),
    )  # fmt: skip
