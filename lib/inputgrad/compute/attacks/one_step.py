"""One step along the input gradient: FGSM, FGM and the same steps downhill [sign, Eq. 3-8]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from inputgrad.compute.gradients import Classifier, input_gradient
from inputgrad.compute.norms import DIRECTIONS, UNIT, Box, into
from inputgrad.ground.checks import eps_value


@dataclass(frozen=True)
class Step:
    """A one-step method: what it makes of the gradient, and whether it goes up (+1) or down (-1) the loss."""

    direction: str
    sense: int = 1


STEPS: Mapping[str, Step] = {
    "FGSM": Step("sign"),
    "FGM": Step("raw"),
    "D-FGSM": Step("sign", -1),
    "D-FGM": Step("raw", -1),
    "FGM-l2": Step("l2"),
}
"""The one-step methods by name; those with a D go down the loss, and FGM-l2, as long as FGSM can be, is a control."""


def along(x: Tensor, d: Tensor, eps: float, *, box: Box | None = UNIT) -> Tensor:
    """Move ``x`` by ``eps * d`` and clip it to the box, [0, 1] unless a paper's reading says otherwise."""
    return into(x + eps * d, box)


def one_step(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, step: Step, loss: str = "ce", box: Box | None = UNIT
) -> Tensor:
    r"""One step of size ``eps`` along the input gradient.

    .. math:: x_{adv} = \mathrm{clip}_{[0,1]}\bigl(x \pm \varepsilon\, d(\nabla_x L(f(x), y))\bigr)

    FGSM: :math:`d = \mathrm{sign}` [sign, Eq. 3]. FGM: :math:`d(g) = g`, the gradient of the image's own loss, not
    normalised [sign, Eq. 4]. D-FGSM and D-FGM go down the loss instead [sign, Eq. 7, 8].

    Args:
        model: ``x`` -> logits; in eval mode.
        x: clean inputs in [0, 1], ``(B, C, H, W)``.
        y: the labels whose loss is followed, ``(B,)``.
        eps: step size in units of ``x``.
        step: an entry of :data:`STEPS`.
        loss: a name in ``gradients.LOSSES``.
        box: smallest and largest value of an input; ``None`` does not clip.

    Returns:
        ``x_adv``, shaped like ``x``, detached.

    Raises:
        InputError: ``eps`` is no number >= 0, or ``loss`` no name of a loss.
    """
    eps = eps_value(eps)
    d = step.sense * DIRECTIONS[step.direction](input_gradient(model, x, y, loss=loss))
    return along(x, d, eps, box=box)


def sweep(
    model: Classifier, x: Tensor, y: Tensor, *, attacks: Sequence[str], eps: Mapping[str, float] | Sequence[float],
    loss: str = "ce", box: Box | None = UNIT,
) -> Iterator[tuple[str, str | float, Tensor]]:  # fmt: skip
    """Several one-step methods at many sizes from **one** gradient: yields ``(attack, eps, x_adv)``.

    Args:
        model, x, y, loss, box: as in :func:`one_step`.
        attacks: names in :data:`STEPS`.
        eps: step sizes, or a mapping of their names to sizes, whose names are then yielded.
    """
    g = input_gradient(model, x, y, loss=loss)
    sizes = eps if isinstance(eps, Mapping) else {size: size for size in eps}
    named = {name: eps_value(size) for name, size in sizes.items()}
    for attack in attacks:
        step = STEPS[attack]
        d = step.sense * DIRECTIONS[step.direction](g)
        for name, size in named.items():
            yield attack, name, along(x, d, size, box=box)


def random_sign(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw random signs shaped like ``x``: FGSM's step without its gradient, the control of every sign attack."""
    draw = torch.randint(0, 2, x.shape, generator=generator, dtype=torch.int8)
    return (2.0 * draw - 1.0).to(x)


def random_gauss(x: Tensor, generator: torch.Generator) -> Tensor:
    """Draw standard normal noise shaped like ``x``: the control of every unnormalised attack."""
    return torch.randn(x.shape, generator=generator).to(x)


NOISE = {"random sign": random_sign, "random normal": random_gauss}
"""The kinds of noise by name."""
