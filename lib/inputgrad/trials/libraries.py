"""Rows of the attacks of other libraries, beside ours at the same budget of gradients."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from inputgrad.compute.attacks.peers import ATTACKS_OF, OURS, asked
from inputgrad.ground.checks import eps_value
from inputgrad.study.libraries import GRADIENTS

from .tally import Tally


def beside(
    tally: Tally, model: nn.Module, x: Tensor, y: Tensor, right: Tensor, *, eps: str, settings: Mapping, seed: int
) -> Tensor:
    """Add the accuracy under each attack asked for, and its gradients and forward passes an image.

    Args:
        tally: takes the rows.
        model: the network.
        x: images in [0, 1], ``(B, C, H, W)``.
        y: labels, ``(B,)``.
        right: which of the images are classified right, ``(B,)`` bool; no others are attacked.
        eps: radius of the l-infinity ball, as text.
        settings: of the trial; nothing is done where it names no ``libraries``.
        seed: of random starts.

    Returns:
        Which images no attack fooled, ``(B,)`` bool.
    """
    names, gradients = settings.get("libraries", []), settings.get("gradients", GRADIENTS)
    attacks = {**OURS, **{n: attack for library in names for n, attack in ATTACKS_OF[library].items()}} if names else {}
    stands = torch.ones_like(right)
    for name, attack in attacks.items():
        left = right.clone()
        if right.any():
            found = asked(attack, model, x[right], y[right], eps=eps_value(eps), gradients=gradients, seed=seed)
            left[right] = ~found.fooled
            for metric, value in (("gradients", found.gradients), ("forwards", found.forwards)):
                worth = torch.full((int(right.sum()),), value)
                tally.add(name, eps, "default", metric, worth, steps=gradients, unit="ratio")
        tally.add(name, eps, "default", "accuracy", left, steps=gradients)
        stands &= left | ~right
    return stands
