"""Networks that do not classify, for Sec. III of `convex`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .alexnet import scaled


def regressor(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """Two hidden layers of 150 and 100 units to two numbers, ink and slant of the stroke; ``classes`` unused."""
    a, b = (max(1, round(n * width)) for n in (150, 100))
    inputs = shape[0] * shape[1] * shape[2]
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, a), nn.ReLU(), nn.Linear(a, b), nn.ReLU(), nn.Linear(b, 2))


def autoencoder(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """The image through a code of 32 numbers and back, 256 hidden units on either side; ``classes`` unused."""
    hidden, code = max(1, round(256 * width)), max(1, round(32 * width))
    inputs = shape[0] * shape[1] * shape[2]
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, code),
        nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, inputs),
        nn.Unflatten(1, shape),
    )  # fmt: skip


class Segmenter(nn.Module):
    """An encoder that halves the image twice, a decoder that joins its levels again (Ronneberger et al. 2015)."""

    def __init__(self, channels: int, classes: int, width: float) -> None:
        super().__init__()
        a, b, c = (scaled(n, width) for n in (16, 32, 64))
        self.fine, self.middle, self.coarse = block(channels, a), block(a, b), block(b, c)
        self.halve, self.enlarge = nn.MaxPool2d(2), nn.Upsample(scale_factor=2)
        self.join_middle, self.join_fine = block(b + c, b), block(a + b, a)
        self.last = nn.Conv2d(a, classes + 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)``, H and W multiples of 4 -> scores of every pixel ``(B, classes + 1, H, W)``."""
        fine = self.fine(x)
        middle = self.middle(self.halve(fine))
        coarse = self.coarse(self.halve(middle))
        middle = self.join_middle(torch.cat([middle, self.enlarge(coarse)], 1))
        return self.last(self.join_fine(torch.cat([fine, self.enlarge(middle)], 1)))


def block(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3x3 convolutions with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


def segmenter(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Segmenter:
    """Scores of every pixel for the ``classes`` and, as the last one, the background."""
    return Segmenter(shape[0], classes, width)
