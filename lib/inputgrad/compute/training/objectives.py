"""What networks are trained to do: classify, measure, reconstruct or segment an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Objective:
    """A loss and a score, both functions of ``(outputs, x, y)`` with ``x`` in [0, 1] and the labels ``y``.

    ``loss`` is a mean over the batch; ``score`` one value in [0, 1] an image, for the learning curve.
    """

    loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    score: Callable[[Tensor, Tensor, Tensor], Tensor]


def measurements(x: Tensor) -> Tensor:
    r"""Two numbers read off a grey image, ``(B, 2)``: how much ink there is, and how far it leans.

    Ink is ten times the mean intensity. Slant is :math:`\mu_{11} / \mu_{02}`, the mixed over the vertical second
    moment of the intensity about its centre: the shear that would set the stroke upright, positive where its top leans
    to the right.
    """
    ink = x.mean(1)
    height, width = ink.shape[1:]
    mass = ink.sum((1, 2)).clamp(min=1e-6)
    rows = torch.arange(height, dtype=x.dtype, device=x.device).view(1, -1, 1)
    columns = torch.arange(width, dtype=x.dtype, device=x.device).view(1, 1, -1)
    down = rows - ((ink * rows).sum((1, 2)) / mass).view(-1, 1, 1)
    across = columns - ((ink * columns).sum((1, 2)) / mass).view(-1, 1, 1)
    spread = (ink * down.square()).sum((1, 2)).clamp(min=1e-6)
    return torch.stack([10 * mass / (height * width), -(ink * down * across).sum((1, 2)) / spread], 1)


def segments(x: Tensor, y: Tensor, background: int) -> Tensor:
    """The class of each pixel, ``(B, H, W)``: the image's label where there is ink, ``background`` elsewhere."""
    return torch.where(x.mean(1) > 0.5, y.view(-1, 1, 1), background)


def pixel_classes(outputs: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The true segments, with the last of the network's classes as background."""
    return segments(x, y, outputs.shape[1] - 1)


def closeness(outputs: Tensor, wanted: Tensor) -> Tensor:
    """1 for what was wanted, towards 0 with the mean squared error of an image."""
    return 1 / (1 + (outputs - wanted).square().flatten(1).mean(1))


OBJECTIVES = {
    "classify": Objective(
        loss=lambda outputs, x, y: F.cross_entropy(outputs, y),
        score=lambda outputs, x, y: outputs.argmax(1) == y,
    ),
    "measure": Objective(
        loss=lambda outputs, x, y: F.mse_loss(outputs, measurements(x)),
        score=lambda outputs, x, y: closeness(outputs, measurements(x)),
    ),
    "reconstruct": Objective(
        loss=lambda outputs, x, y: F.mse_loss(outputs, x),
        score=lambda outputs, x, y: closeness(outputs, x),
    ),
    "segment": Objective(
        loss=lambda outputs, x, y: F.cross_entropy(outputs, pixel_classes(outputs, x, y)),
        score=lambda outputs, x, y: (outputs.argmax(1) == pixel_classes(outputs, x, y)).float().mean((1, 2)),
    ),
}
