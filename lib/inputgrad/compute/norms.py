"""The geometry the papers share: norms of images, the direction of steepest ascent in each, and the box."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from inputgrad.ground.checks import exponent


def norm(x: Tensor, p: float) -> Tensor:
    """The lp norm of each image, ``(B, ...)`` -> ``(B,)``; for ``p = 0`` the number of values that are not zero."""
    flat = x.flatten(1)
    if p in (0, 1, 2, math.inf):
        return torch.linalg.vector_norm(flat, p, dim=1)
    scale = flat.abs().amax(1, keepdim=True)  # without it the high powers of small values underflow
    return torch.where(scale > 0, scale * torch.linalg.vector_norm(flat / scale, p, dim=1, keepdim=True), 0.0)[:, 0]


def per_image(values: Tensor, like: Tensor) -> Tensor:
    """Values ``(B,)``, one an image, in a shape in which they multiply or select whole images of ``like``."""
    return values.view(-1, *[1] * (like.ndim - 1))


def unit(g: Tensor) -> Tensor:
    """Each image is divided by its l2 norm; one of zeros, or whose squares underflow to zero, becomes zero."""
    length = per_image(norm(g, 2), g)
    return torch.where(length > 0, g / length, 0.0)


def as_long_as_sign(g: Tensor) -> Tensor:
    """Each image's direction at the l2 length of a sign without zeros, the root of its number of values."""
    return g[0].numel() ** 0.5 * unit(g)


def raw(g: Tensor) -> Tensor:
    """The gradient itself is kept, its magnitude with its direction [sign, Eq. 4]."""
    return g


Box = tuple["float | Tensor", "float | Tensor"]
"""The smallest and the largest value that an input may have; tensors where channels differ.

Its types are text because the book is also built where a stand-in for torch knows no ``|``.
"""

UNIT: tuple[float, float] = (0.0, 1.0)
"""The box of pixels."""


def into(x: Tensor, box: Box | None) -> Tensor:
    """Clip ``x`` to the box, or leave it as it is where there is none."""
    return x if box is None else x.clamp(*(torch.as_tensor(edge, dtype=x.dtype, device=x.device) for edge in box))


def dual(p: float) -> float:
    """The exponent q of the dual norm, 1/p + 1/q = 1.

    Raises:
        InputError: ``p`` is below 1.
    """
    p = exponent("p", p)
    if p == 1:
        return math.inf
    return 1.0 if p == math.inf else p / (p - 1)


def steepest(g: Tensor, p: float) -> Tensor:
    r"""The direction of unit lp norm along which ``g`` rises fastest, image by image.

    .. math:: v_i = \mathrm{sign}(g_i)\, |g_i|^{q-1} / \lVert g\rVert_q^{q-1}, \qquad
              \langle g, v\rangle = \lVert g\rVert_q

    with 1/p + 1/q = 1 [convex, Prop. 2, Eq. 6]. ``p = inf`` gives the sign; ``p = 1``, the limit, the one value with
    the largest absolute gradient. Where ``g`` is zero there is no such direction and ``v`` is zero.

    Args:
        g: gradients, ``(B, ...)``.
        p: exponent of the ball, from 1 to ``inf``.

    Raises:
        InputError: ``p`` is below 1.
    """
    p, q = exponent("p", p), dual(p)
    if p == math.inf:
        return g.sign()
    flat = g.flatten(1)
    if p == 1:
        largest = flat.abs().argmax(1, keepdim=True)
        return torch.zeros_like(flat).scatter(1, largest, flat.gather(1, largest).sign()).view_as(g)
    scale = flat.abs().amax(1, keepdim=True)
    v = flat.sign() * (flat.abs() / scale) ** (q - 1)  # relative to the largest, so that no power under- or overflows
    return torch.where(scale > 0, v / torch.linalg.vector_norm(v, p, dim=1, keepdim=True), 0.0).view_as(g)


DIRECTIONS: dict[str, Callable[[Tensor], Tensor]] = {"sign": torch.sign, "raw": raw, "l2": as_long_as_sign}
"""What a one-step method makes of the gradient. ``sign`` and ``l2`` are the steepest directions of the
l-infinity and l2 balls, of one l2 length where no gradient is zero; ``raw`` keeps the magnitude, so the step's length
differs from image to image."""
