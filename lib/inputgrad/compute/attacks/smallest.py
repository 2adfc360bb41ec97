"""The smallest step along a direction that changes the decision, found image by image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inputgrad.compute.gradients import Classifier
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import UNIT, Box, into, per_image


def smallest(
    model: Classifier, x: Tensor, y: Tensor, d: Tensor, *, lengths: Sequence[float], halvings: int,
    box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    r"""The smallest length at which each image's step along ``d`` is classified as another class.

    .. math:: t(x) = \min\{t : \arg\max f(\mathrm{clip}_{[0,1]}(x + t\,d)) \ne y\}

    The lengths are tried from below; between the first that fools an image and the one before, bisection halves the gap
    so many times. A shorter crossing that lies between two of the lengths, and ends before the next, is missed.

    Args:
        model: ``x`` -> logits; in eval mode.
        x: inputs in [0, 1], ``(B, C, H, W)``, all classified right.
        y: their labels, ``(B,)``.
        d: directions, shaped like ``x``; an image whose direction is zero is never fooled.
        lengths: what is tried, rising.
        halvings: how often the gap is halved.
        box: smallest and largest value of an input; ``None`` does not clip.

    Returns:
        The lengths, ``(B,)``, before clipping; infinite where no length that was tried fools.
    """

    def fooled(t: Tensor) -> Tensor:
        return ~correct(predict(model, into(x + per_image(t, x) * d, box)), y)

    low, high = torch.zeros(len(x)).to(x), torch.full((len(x),), torch.inf).to(x)
    for length in lengths:
        standing = high.isinf()
        hit = standing & fooled(torch.full_like(high, length))
        low = torch.where(standing & ~hit, length, low)
        high = torch.where(hit, length, high)
    found = high.isfinite()
    for _ in range(halvings):
        middle = torch.where(found, (low + high) / 2, low)
        hit = found & fooled(middle)
        low, high = torch.where(hit, low, middle), torch.where(hit, middle, high)
    return high
