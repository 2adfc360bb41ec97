r"""Theorem 1 of [selfgrad] on a quadratic, in closed form.

The theorem says that for every f and every 0 <= eps < 1 the iterates

.. math:: f^n(x) = f\big(x + \varepsilon \nabla f^{n-1}(x)\big), \qquad f^0 = f

come to rest. For :math:`f(x) = a x^2 / 2` the gradient of every iterate is linear, :math:`\nabla f^n(x) = c_n x`, with

.. math:: c_0 = a, \qquad c_n = a (1 + \varepsilon c_{n-1})^2

and that sequence has a fixed point only where :math:`a\,\varepsilon \le 1/4`.
"""

from __future__ import annotations

import numpy as np

THRESHOLD = 0.25
"""The largest a eps at which the iterates of the quadratic converge."""


def iterated_quadratic(eps: float, n: int, a: float = 1.0, x: float = 1.0) -> list[float]:
    """:math:`f^0(x), \\dots, f^n(x)` for :math:`f(x) = a x^2 / 2`; infinite where a float no longer holds them."""
    slopes = [a]
    with np.errstate(over="ignore"):
        for _ in range(n):
            slopes.append(a * float(np.square(1 + eps * np.float64(slopes[-1]))))
    return [c * x * x / 2 for c in slopes]


def fixed_point(eps: float, a: float = 1.0) -> float:
    """The value that :math:`f^n(1)` converges to, the smaller root of :math:`c = a (1 + \\varepsilon c)^2`, halved.

    NaN where there is none.
    """
    inside = 1 - 4 * a * eps
    if inside < 0 or eps == 0:
        return a / 2 if eps == 0 else float("nan")
    return float((1 - 2 * a * eps - np.sqrt(inside)) / (2 * a * eps * eps) / 2)
