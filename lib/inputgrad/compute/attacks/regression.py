r"""Perturbations that change a network's output most, to first order [convex, Sec. III].

With the Jacobian J of the network at x, the programme is to maximise :math:`\lVert J\eta\rVert_2` over
:math:`\lVert\eta\rVert_p \le \varepsilon`. It is even in :math:`\eta`, so of every solution both signs are tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jvp, vjp

from inputgrad.compute.gradients import frozen
from inputgrad.compute.norms import norm, per_image, unit
from inputgrad.ground.checks import exponent, one_of, whole

Network = Callable[[Tensor], Tensor]
"""Maps ``x``, ``(B, C, H, W)``, to outputs of any shape ``(B, ...)``, image by image."""


@dataclass(frozen=True)
class Jacobian:
    r"""The Jacobian of a network at ``x`` as two products; the matrix itself is never formed.

    ``times(v)`` is :math:`J v`, shaped like the output; ``transposed(u)`` is :math:`J^\top u`, shaped like ``x``.
    """

    times: Callable[[Tensor], Tensor]
    transposed: Callable[[Tensor], Tensor]


def jacobian(model: Network, x: Tensor) -> Jacobian:
    """The Jacobian of ``model`` at each image of ``x``: forward mode one way, backward mode the other."""
    x = x.detach()
    with frozen(model):
        back = vjp(model, x)[1]

    def times(v: Tensor) -> Tensor:
        with frozen(model):
            return jvp(model, (x,), (v,))[1].detach()

    return Jacobian(times, lambda u: back(u)[0].detach())


def top_singular(j: Jacobian, like: Tensor, *, rounds: int = 50, generator: torch.Generator) -> Tensor:
    """The top right singular vector of each image's Jacobian by power iteration, ``(B, ...)`` of unit l2 norm.

    Args:
        j: the Jacobian at ``like``.
        like: the images.
        rounds: products with J and its transpose.
        generator: draws where the iteration starts.

    Raises:
        InputError: rounds < 1.
    """
    whole("rounds", rounds, least=1)
    v = unit(torch.randn(like.shape, generator=generator).to(like))
    for _ in range(rounds):
        v = unit(j.transposed(j.times(v)))
    return v


def largest_column(j: Jacobian, like: Tensor) -> Tensor:
    """The basis vector of the pixel that moves the output most: the column of J with the largest l2 norm, ``(B, ...)``.

    One forward-mode product a pixel, all images at once.
    """
    flat = like.flatten(1)
    lengths = torch.empty_like(flat)
    for i in range(flat.shape[1]):
        pixel = torch.zeros_like(flat)
        pixel[:, i] = 1
        lengths[:, i] = norm(j.times(pixel.view_as(like)), 2)
    return torch.zeros_like(flat).scatter(1, lengths.argmax(1, keepdim=True), 1.0).view_as(like)


def sign_iteration(
    j: Jacobian, like: Tensor, *, rounds: int = 50, restarts: int = 5, generator: torch.Generator
) -> Tensor:
    r"""A local maximiser of :math:`\lVert J\eta\rVert_2` over the signs :math:`\eta\in\{-1, 1\}^d`, ``(B, ...)``.

    Repeats :math:`\eta \leftarrow \mathrm{sign}(J^\top J \eta)`, which never lowers the value; starts at the sign of
    the top singular vector and at ``restarts`` random ones, and keeps each image's best. The maximum itself is NP-hard:
    :func:`sign_bound` says how far from it this can be.

    Raises:
        InputError: rounds < 1.
    """
    whole("rounds", rounds, least=1)
    starts = [top_singular(j, like, generator=generator)]
    starts += [torch.randn(like.shape, generator=generator).to(like) for _ in range(restarts)]
    best, value = torch.zeros_like(like), torch.full((len(like),), -1.0, dtype=like.dtype, device=like.device)
    for start in starts:
        eta = signs(start)
        for _ in range(rounds):
            after = signs(j.transposed(j.times(eta)))
            if torch.equal(after, eta):
                break
            eta = after
        found = norm(j.times(eta), 2)
        best = torch.where(per_image(found > value, like), eta, best)
        value = torch.maximum(found, value)
    return best


def signs(v: Tensor) -> Tensor:
    """The sign of each value, and 1 where it is zero, so that the result is a vertex of the cube."""
    return torch.where(v < 0, -1.0, 1.0).to(v)


def sign_bound(matrix: Tensor, *, rounds: int = 100) -> Tensor:
    r"""An upper bound of :math:`\max_{\eta\in[-1,1]^d} \lVert M\eta\rVert_2`, ``(B, m, d)`` -> ``(B,)``.

    For every positive w,

    .. math:: \lVert M\eta\rVert_2^2 \le
              \textstyle\sum_j w_j \cdot \lambda_{\max}\bigl(M\,\mathrm{diag}(w)^{-1} M^\top\bigr)

    The smallest of these is the semidefinite relaxation, at most :math:`\pi/2` times the squared maximum (Nesterov
    1998). w starts at the column norms of M and goes down the bound by gradient steps; each w gives a valid bound, so
    the least one met is returned.
    """
    core = compressed(matrix.detach())
    log_w = torch.linalg.vector_norm(core, dim=1).clamp(min=1e-9).log().requires_grad_()
    optimizer = torch.optim.Adam([log_w], lr=0.1)
    least = torch.full((len(core),), math.inf, dtype=core.dtype, device=core.device)
    for _ in range(rounds):
        with torch.enable_grad():
            w = log_w.exp()
            bound = w.sum(1) * torch.linalg.eigvalsh((core / w[:, None]) @ core.mT)[:, -1]
            optimizer.zero_grad()
            bound.log().sum().backward()
        least = torch.minimum(least, bound.detach())
        optimizer.step()
    return least.sqrt()


def compressed(matrix: Tensor) -> Tensor:
    r"""A matrix with the same :math:`M^\top M`, to a relative 1e-6, and no more rows than its rank, ``(B, r, d)``."""
    _, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    rank = max(1, int((s > s[:, :1] * 1e-6).sum(1).max()))
    return s[:, :rank, None] * vh[:, :rank]


def dense(j: Jacobian, output: Tensor) -> Tensor:
    """The Jacobian as matrices ``(B, m, d)``, one backward product for each of the m outputs (for bounds only)."""
    flat = output.flatten(1)
    rows = []
    for i in range(flat.shape[1]):
        one = torch.zeros_like(flat)
        one[:, i] = 1
        rows.append(j.transposed(one.view_as(output)).flatten(1))
    return torch.stack(rows, 1)


METHODS = {"2": "top singular vector", "1": "single pixel", "inf": "sign iteration"}
"""The attack for each exponent p of the ball."""


def farther(model: Network, x: Tensor, eta: Tensor, wanted: Tensor) -> Tensor:
    """``x + eta`` or ``x - eta``, for each image the one with its output farther from ``wanted``; not clipped."""
    with torch.no_grad():
        up, down = (norm(model(x + sign * eta) - wanted, 2) for sign in (1, -1))
    return torch.where(per_image(up >= down, x), x + eta, x - eta)


def direction(j: Jacobian, x: Tensor, p: str | float, generator: torch.Generator) -> Tensor:
    """The perturbation of unit lp norm that moves the output most to first order, ``(B, C, H, W)``.

    Args:
        j: the Jacobian at ``x``.
        x: the images.
        p: exponent of the ball: 1, 2 or ``inf``, as number or text; for ``inf`` the best that the sign iteration finds.
        generator: draws where iterations start.

    Raises:
        InputError: p below 1, or one for which there is no method here.
    """
    ball = exponent("p", p)
    name = one_of("p", "inf" if ball == math.inf else f"{ball:g}", METHODS)
    if name == "2":
        return top_singular(j, x, generator=generator)
    return largest_column(j, x) if name == "1" else sign_iteration(j, x, generator=generator)
