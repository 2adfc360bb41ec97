"""The catalogue of attacks.

Each is a pure function ``(model, x, y, *, eps, ...) -> x_adv``, which the tables' name of it finds in :data:`ATTACKS`.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from inputgrad.compute.gradients import Classifier
from inputgrad.compute.norms import UNIT, Box
from inputgrad.ground.checks import eps_value

from .convex import algorithm1, algorithm2, deepfool, fast_grad
from .one_step import NOISE, STEPS, Step, along, one_step, random_gauss, random_sign, sweep
from .pgd import pgd, pgd_restarts, steps_to_fool
from .universal import eha, scaled_to, universal

__all__ = [
    "ATTACKS",
    "NOISE",
    "STEPS",
    "Attack",
    "Step",
    "algorithm1",
    "algorithm2",
    "along",
    "deepfool",
    "eha",
    "fast_grad",
    "noise",
    "one_step",
    "pgd",
    "pgd_restarts",
    "random_gauss",
    "random_sign",
    "scaled_to",
    "steps_to_fool",
    "sweep",
    "universal",
]


class Attack(Protocol):
    """What every attack of the catalogue can be called as: a function without state; other options have defaults."""

    def __call__(self, model: Classifier, x: Tensor, y: Tensor, *, eps: float, box: Box | None = UNIT) -> Tensor:
        """Attack a batch.

        Args:
            model: ``x`` -> logits; in eval mode, and left as it is.
            x: inputs in [0, 1], ``(B, C, H, W)``.
            y: labels, ``(B,)``.
            eps: the size of the perturbation, in units of ``x``.
            box: smallest and largest value of an input; ``None`` does not clip.

        Returns:
            ``x_adv``, shaped like ``x``, detached. What is done to an image depends on the others through draws alone.
        """


def noise(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, kind: str, seed: int = 0, box: Box | None = UNIT
) -> Tensor:
    """Add noise of size ``eps``: a control that never asks ``model``; ``kind`` is a name in ``NOISE``."""
    return along(x, NOISE[kind](x, torch.Generator().manual_seed(seed)), eps_value(eps), box=box)


ATTACKS: dict[str, Attack] = {
    **{name: partial(one_step, step=step) for name, step in STEPS.items()},
    **{name: partial(noise, kind=name) for name in NOISE},
    "PGD": pgd,
    "CW": partial(pgd, loss="margin"),
    "Algorithm 1": algorithm1,
    "Algorithm 1-5": partial(algorithm1, steps=5),
    "Algorithm 1-10": partial(algorithm1, steps=10),
    "Algorithm 2": algorithm2,
    "FastGrad": fast_grad,
    "DeepFool": deepfool,
}
"""The attacks by the names that tables have for them. Adding one is a file beside this one, and a line here."""
