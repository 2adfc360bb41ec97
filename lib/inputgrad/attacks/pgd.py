"""Projected gradient ascent in the l-infinity ball (Madry et al. 2018, Sec. 2.1): the reference attack."""

from __future__ import annotations

import torch
from torch import Tensor

from ..checks import whole
from ..gradients import Classifier, input_gradient
from ..norms import UNIT, Box, into


def pgd(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, steps: int = 20, alpha: float | None = None,
    loss: str = "ce", early_exit: bool = False, generator: torch.Generator | None = None, box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """``steps`` signed steps of size ``alpha``, each projected onto the ball of radius ``eps`` and onto the box.

    Args:
        model, x, y, loss: as in ``one_step``.
        eps: radius in units of ``x``.
        steps: at least 1.
        alpha: step size in units of ``x``; default ``2.5 * eps / steps``.
        early_exit: stop working on an image once it is misclassified (it then keeps its first fooling iterate);
            costs one more forward on the survivors, saves the gradients of the rest.
        generator: draws a uniform random start in the ball; ``None`` starts at ``x``.
        box: smallest and largest value of an input; ``None`` has no box.

    Returns:
        ``x_adv``, shaped like ``x``, detached, inside ball and box.

    Raises:
        InputError: ``steps`` is not an integer >= 1.
    """
    whole("steps", steps, least=1)
    alpha = 2.5 * eps / steps if alpha is None else alpha
    low, high = into(x - eps, box), into(x + eps, box)
    x_adv = x.detach().clone()
    if generator is not None:
        x_adv = x_adv + eps * (2 * torch.rand(x.shape, generator=generator).to(x) - 1)
        x_adv = x_adv.clamp(low, high)
    standing = torch.arange(len(x), device=x.device)
    for _ in range(steps):
        if early_exit:
            with torch.no_grad():
                right = model(x_adv[standing]).argmax(1) == y[standing]
            standing = standing[right]
            if not len(standing):
                break
        g = input_gradient(model, x_adv[standing], y[standing], loss=loss)
        moved = x_adv[standing] + alpha * g.sign()
        x_adv[standing] = moved.clamp(low[standing], high[standing])
    return x_adv
