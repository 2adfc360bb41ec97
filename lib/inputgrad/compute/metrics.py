"""What is measured of a prediction and of a perturbation. Fractions here, percent on pages."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .norms import norm


def predict(model: Callable[[Tensor], Tensor], x: Tensor, batch: int | None = None) -> Tensor:
    """What the model gives for ``x``, ``(N, ...)``, without a graph; ``batch`` images at a time where that is said."""
    with torch.no_grad():
        return model(x) if batch is None else torch.cat([model(part) for part in x.split(batch)])


def correct(logits: Tensor, y: Tensor) -> Tensor:
    """Which images are classified right, ``(B,)`` bool."""
    return logits.argmax(1) == y


def paired_difference(before: Tensor, after: Tensor) -> tuple[float, float, float]:
    """How many more of the same images are right, in percentage points, with a 95 % interval.

    The interval is normal, of the mean of the differences, each -1, 0 or 1, and cut off at -100 and 100; of
    one image it is NaN.

    Args:
        before: which images are right, ``(N,)`` bool.
        after: the same for the same images under something else.
    """
    difference = 100 * (after.double() - before.double())
    mean, half = difference.mean(), 1.96 * difference.std() / len(difference) ** 0.5
    low, high = ((mean + end).clamp(-100, 100).item() for end in (-half, half))
    return mean.item(), low, high


PERCEPTIBILITY = {"l2": "x", "linf": "x", "l0": "ratio", "psnr": "dB", "ssim": "ratio"}
"""The measures of how visible a perturbation is, and the unit of each."""


def psnr(delta: Tensor) -> Tensor:
    """The peak signal-to-noise ratio of perturbations, ``(B,)`` in dB for a peak of 1; at most 100, of no change."""
    return -10 * torch.log10(delta.flatten(1).square().mean(1).clamp(min=1e-10))


def perceptibility(x: Tensor, x_adv: Tensor) -> dict[str, Tensor]:
    """How visible each perturbation is, one value an image.

    ``l2`` and ``linf`` in units of ``x``; ``l0`` the share of values changed by more than 1/255; ``psnr`` in dB for a
    peak of 1, capped at 100 for an unchanged image; ``ssim`` in [-1, 1] (Wang et al. 2004, torchmetrics).
    """
    from torchmetrics.functional.image import structural_similarity_index_measure  # takes longer to import than torch

    delta = x_adv - x
    ssim = structural_similarity_index_measure(x_adv, x, data_range=1.0, reduction="none")
    return {
        "l2": norm(delta, 2),
        "linf": norm(delta, torch.inf),
        "l0": (delta.abs() > 1 / 255).flatten(1).float().mean(1),
        "psnr": psnr(delta),
        "ssim": torch.as_tensor(ssim).reshape(-1),
    }
