"""WAME, the optimiser of `smooth`: Adam's step without its momentum, with a factor for each weight as in Rprop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from inputgrad.ground import checks

TINY = 1e-11
"""What keeps the root of v from being zero."""


class WAME(torch.optim.Optimizer):
    r"""Weight-wise adaptive learning rates with a moving average estimator (Mosca and Magoulas 2017).

    With :math:`g_t` the gradient of a weight, and all operations weight by weight,

    .. math::

        a_t &= a_{t-1} \cdot \{1.2 \text{ if } g_{t-1} g_t > 0;\; 0.1 \text{ if } g_{t-1} g_t < 0;\; 1 \text{ else}\} \\
        A_t &= \mathrm{clip}(a_t, 0.01, 100) \\
        m_t &= 0.9\, m_{t-1} + 0.1\, A_t \\
        v_t &= 0.999\, v_{t-1} + 0.001\, g_t^2 \\
        w_t &= w_{t-1} - \eta_t\, \frac{A_t}{m_t}\, \frac{g_t}{\sqrt{v_t} + 10^{-11}}, \qquad
        \eta_t = \eta\, \frac{\sqrt{1 - 0.999^t}}{1 - 0.9^t}

    and :math:`a_0 = m_0 = 1`, :math:`g_0 = v_0 = 0`, as in the authors' published code. Two points:

    - The state holds :math:`a_t`, not the clipped :math:`A_t`, as the formula and the code have it. A weight whose
      gradient keeps changing sign has an ever smaller factor, down to an exact zero, while :math:`A_t` stays at 0.01
      and :math:`A_t / m_t` goes to 1.
    - :math:`g_{t-1}` is the previous *gradient*. The published code stores the parameter in its place, by a slip.

    Every entry of the state is a tensor: ``step`` (scalar), ``previous``, ``factor`` (a), ``average`` (m) and
    ``square`` (v), each shaped like its parameter.

    Args:
        params: parameters, or groups of them.
        lr: learning rate :math:`\eta`, at least 0.
        alpha: share of the old value in m, also in the correction of the learning rate.
        beta: share of the old value in v.
        up: what a is multiplied by where the gradient keeps its sign.
        down: what a is multiplied by where it changes.
        limits: smallest and largest A.
        weight_decay: added to the gradient as ``weight_decay * w`` before anything else, at least 0.

    Raises:
        InputError: a learning rate or weight decay below 0, or not a number.
    """

    def __init__(
        self, params: Iterable, lr: float = 1e-3, alpha: float = 0.9, beta: float = 0.999, up: float = 1.2,
        down: float = 0.1, limits: tuple[float, float] = (0.01, 100), weight_decay: float = 0.0,
    ) -> None:  # fmt: skip
        lr, weight_decay = checks.number("lr", lr), checks.number("weight_decay", weight_decay)
        defaults = {
            "lr": lr, "alpha": alpha, "beta": beta, "up": up, "down": down, "limits": limits,
            "weight_decay": weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient; returns what ``closure`` gives, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for w in group["params"]:
                if w.grad is not None:
                    state = self.state[w]
                    if not state:
                        state.update(start(w))
                    g = w.grad.add(w, alpha=group["weight_decay"]) if group["weight_decay"] else w.grad
                    w.sub_(move(g, state, group))
        return loss


def start(w: Tensor) -> dict[str, Tensor]:
    """The state of a parameter before its first step."""
    return {
        "step": torch.zeros(()),
        "previous": torch.zeros_like(w), "factor": torch.ones_like(w), "average": torch.ones_like(w),
        "square": torch.zeros_like(w),
    }  # fmt: skip


def move(g: Tensor, state: dict[str, Tensor], group: dict) -> Tensor:
    """What is taken off a parameter with gradient ``g``, shaped like it; brings the state up to date in place."""
    alpha, beta, a, m, v = group["alpha"], group["beta"], state["factor"], state["average"], state["square"]
    t = state["step"].add_(1).item()
    change = state["previous"].mul_(g)
    a.mul_(torch.ones_like(a).masked_fill_(change > 0, group["up"]).masked_fill_(change < 0, group["down"]))
    clipped = a.clamp(*group["limits"])
    m.mul_(alpha).add_(clipped, alpha=1 - alpha)
    v.mul_(beta).addcmul_(g, g, value=1 - beta)
    state["previous"].copy_(g)
    lr = group["lr"] * (1 - beta**t) ** 0.5 / (1 - alpha**t)
    return clipped.div_(m).mul_(g).div_(v.sqrt().add_(TINY)).mul_(lr)
