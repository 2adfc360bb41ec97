"""Projected gradient ascent in the l-infinity ball (Madry et al. 2018, Sec. 2.1): the reference attack."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from inputgrad.compute.gradients import Classifier, scores_and_gradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import UNIT, Box, into
from inputgrad.ground.checks import eps_value, number, whole

EPS = 8 / 255
"""The radius of [selfgrad, Sec. 5.1]."""

STEP = 2 / 255
"""The step size of the work that [selfgrad] compares itself with."""


def drawn_within(x: Tensor, eps: float, generator: torch.Generator) -> Tensor:
    """What leads from each image to a random point of its l-infinity ball, uniform in it; shaped like ``x``."""
    return eps * (2 * torch.rand(x.shape, generator=generator).to(x) - 1)


def pgd(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, steps: int = 20, alpha: float | None = None,
    loss: str = "ce", early_exit: bool = False, generator: torch.Generator | None = None, box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """``steps`` signed steps of size ``alpha``, each projected onto the ball of radius ``eps`` and onto the box.

    Args:
        model, x, y, loss: as in ``one_step``; the attack of Carlini and Wagner in this form is ``loss="margin"``.
        eps: radius in units of ``x``.
        steps: at least 1.
        alpha: step size in units of ``x``; default ``2.5 * eps / steps``.
        early_exit: stop working on an image once it is misclassified (it then keeps its first fooling iterate).
        generator: draws a uniform random start in the ball; ``None`` starts at ``x``.
        box: smallest and largest value of an input; ``None`` has no box.

    Returns:
        ``x_adv``, shaped like ``x``, detached, inside ball and box.

    Raises:
        InputError: ``steps`` is no integer >= 1, ``eps`` or ``alpha`` no number >= 0, or ``loss`` no name of a loss.
    """
    x_adv, _ = ascend(
        model, x, y, eps=eps, steps=steps, alpha=alpha, loss=loss, early_exit=early_exit, generator=generator, box=box
    )
    return x_adv


def steps_to_fool(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, steps: int, alpha: float, loss: str = "ce",
    generator: torch.Generator | None = None, box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """How many steps of :func:`pgd` it takes until each image is misclassified, ``(B,)``.

    0 where it is at the start, ``steps + 1`` where it never is. ``> k`` is what survives k steps, for every k at once:
    the first k of many steps of one size are PGD-k.
    """
    x_adv, fell = ascend(
        model, x, y, eps=eps, steps=steps, alpha=alpha, loss=loss, early_exit=True, generator=generator, box=box
    )
    standing = (fell > steps).nonzero()[:, 0]
    if len(standing):
        wrong = ~correct(predict(model, x_adv[standing]), y[standing])
        fell[standing[wrong]] = steps
    return fell


def ascend(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, steps: int, alpha: float | None, loss: str,
    early_exit: bool, generator: torch.Generator | None, box: Box | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The loop of :func:`pgd`: one forward and one backward pass a step, on the images that are still worked on.

    Returns:
        ``x_adv``, and after how many steps each image was seen misclassified, ``(B,)``, which is ``steps + 1`` where it
        was not, and everywhere without ``early_exit``.
    """
    whole("steps", steps, least=1)
    eps = eps_value(eps)
    alpha = 2.5 * eps / steps if alpha is None else number("alpha", alpha)
    low, high = into(x - eps, box), into(x + eps, box)
    x_adv = x.detach().clone()
    if generator is not None:
        x_adv = x_adv + drawn_within(x, eps, generator)
        x_adv = x_adv.clamp(low, high)
    fell = torch.full((len(x),), steps + 1, device=x.device)
    standing: Any = torch.arange(len(x), device=x.device) if early_exit else slice(None)
    for step in range(steps):
        at = x_adv[standing]
        f, g = scores_and_gradient(model, at, y[standing], loss=loss)
        moved = (at + alpha * g.sign()).clamp(low[standing], high[standing])
        if early_exit:
            right = correct(f, y[standing])
            fell[standing[~right]] = step
            standing, moved = standing[right], moved[right]
            if not len(standing):
                break
        x_adv[standing] = moved
    return x_adv, fell


def pgd_restarts(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, generator: torch.Generator, steps: int = 50,
    restarts: int = 3, losses: tuple[str, ...] = ("ce", "margin"), box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """PGD from random starts, with one loss after the other, on the images that still stand.

    Args:
        model, x, y, eps, steps, generator, box: as in :func:`pgd`.
        restarts: with each loss, at least 1.
        losses: names in ``LOSSES``.

    Returns:
        ``x_adv``, shaped like ``x``, with the first fooling iterate of each image, or its last one.

    Raises:
        InputError: ``steps`` or ``restarts`` is not an integer >= 1.
    """
    whole("restarts", restarts, least=1)
    x_adv = x.detach().clone()
    standing = torch.arange(len(x), device=x.device)
    for loss in losses * restarts:
        standing = standing[correct(predict(model, x_adv[standing]), y[standing])]
        if not len(standing):
            break
        x_adv[standing] = pgd(model, x[standing], y[standing], eps=eps, steps=steps, loss=loss, early_exit=True,
                              generator=generator, box=box)  # fmt: skip
    return x_adv
