"""The geometry the papers share: norms of images, and the direction of steepest ascent in each."""

from __future__ import annotations

import torch
from torch import Tensor


def norm(x: Tensor, p: float) -> Tensor:
    """The lp norm of each image, ``(B, ...)`` -> ``(B,)``."""
    return torch.linalg.vector_norm(x.flatten(1), p, dim=1)


def unit(g: Tensor) -> Tensor:
    """Each image divided by its l2 norm; an image of zeros stays zero."""
    length = norm(g, 2).view(-1, *[1] * (g.ndim - 1))
    return torch.where(length > 0, g / length, 0.0)


def raw(g: Tensor) -> Tensor:
    """The gradient itself, not normalised: the direction *and* the magnitude [sign, Eq. 6]."""
    return g


DIRECTIONS = {"sign": torch.sign, "raw": raw, "l2": unit}
"""What a one-step method makes of the gradient. ``sign`` and ``l2`` are the steepest directions of the
l-infinity and l2 balls; ``raw`` keeps the magnitude, so the step's length differs from image to image."""
