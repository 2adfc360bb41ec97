"""What `butterfly` is compared with: one perturbation for all images, and FGSM of a given length."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inputgrad.compute.gradients import Classifier, input_gradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import UNIT, Box, into, norm, per_image
from inputgrad.ground.checks import InputError, eps_value, exponent, number, whole

from .convex import deepfool


def universal(
    model: Classifier, x: Tensor, y: Tensor | None = None, *, eps: float, p: float = math.inf, passes: int = 10,
    batch: int = 50, enough: float = 0.8, steps: int = 10, seed: int = 0, box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """One perturbation that changes the class of most images (Moosavi-Dezfooli et al. 2017, Alg. 1), in batches.

    ::

        v = 0
        for each pass, for each batch i:
            r_i = DeepFool(x_i + v) - (x_i + v)      0 for images already fooled
            v = project(v + sum of r_i)

    The published algorithm takes the images one by one: ``batch=1``. A larger batch asks DeepFool (of l2 steps) about
    many images at once, before v has moved.

    Args:
        model: ``x`` -> logits; in eval mode.
        x: the images v is made from, ``(N, C, H, W)``.
        y: the class each image is to leave, ``(N,)``; ``None``, as published, is the one the model sees.
        eps: radius of the lp ball that v stays in, in units of ``x``.
        p: 2 or ``inf``.
        passes: over the images, at most.
        batch: images that move v together.
        enough: share of images that are to leave their class: passes end when it is reached.
        steps: of DeepFool, at most.
        seed: of the order of the images.
        box: smallest and largest value of an input; ``None`` does not clip.

    Returns:
        v, ``(C, H, W)``, detached, inside the ball.

    Raises:
        InputError: a p other than 2 and inf, eps < 0, ``enough`` above 1, or a count below 1.
    """
    eps, p = eps_value(eps), exponent("p", p)
    for name, value in {"passes": passes, "batch": batch, "steps": steps}.items():
        whole(name, value, least=1)
    if number("enough", enough) > 1:
        raise InputError(f"enough {enough!r} is not allowed: it is a share of the images, from 0 to 1")
    x = x.detach()
    y = predict(model, x, batch).argmax(1) if y is None else y
    v = project(torch.zeros_like(x[0]), eps, p)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(passes):
        for chosen in torch.randperm(len(x), generator=generator).to(x.device).split(batch):
            moved = into(x[chosen] + v, box)
            r = deepfool(model, moved, y[chosen], p=2, steps=steps, box=box) - moved
            v = project(v + r.sum(0), eps, p)
        seen = predict(model, into(x + v, box), batch)
        if (~correct(seen, y)).float().mean() >= enough:
            break
    return v


def project(v: Tensor, eps: float, p: float) -> Tensor:
    """Project one perturbation onto the lp ball around 0: the nearest point of the ball, shaped like ``v``.

    Raises:
        InputError: a p other than 2 and inf.
    """
    if p == math.inf:
        return v.clamp(-eps, eps)
    if p == 2:
        return v * (eps / torch.linalg.vector_norm(v).clamp(min=torch.finfo(v.dtype).tiny)).clamp(max=1)
    raise InputError(f"p {p!r} is not allowed for a projection: choose 2 or inf")


def scaled_to(v: Tensor, length: float | Tensor, *, each: bool = True) -> Tensor:
    """Scale perturbations to a given l2 length; a perturbation that is zero stays zero.

    Args:
        v: ``(B, ...)``.
        length: in units of ``x``, one for all images or one each, ``(B,)``.
        each: every image has that length; otherwise all are scaled by one factor, so that the mean is.

    Returns:
        Shaped like ``v``.

    Raises:
        InputError: a length below 0.
    """
    if not isinstance(length, Tensor):
        number("length", length)
    now = norm(v, 2)
    now = now if each else now.mean().expand(len(v))
    return torch.where(per_image(now > 0, v), v * per_image(length / now, v), 0.0)


def eha(
    model: Classifier, x: Tensor, y: Tensor, *, length: float | Tensor, each: bool = True, box: Box | None = UNIT
) -> Tensor:
    """FGSM whose step has a given l2 length, as [butterfly, Table 2] compares itself with; see :func:`scaled_to`.

    Args:
        model, x, y, box: as in ``one_step``. What the box cuts off makes the perturbation shorter.
        length, each: as in :func:`scaled_to`.

    Returns:
        ``x_adv``, shaped like ``x``, detached.
    """
    return into(x.detach() + scaled_to(input_gradient(model, x, y).sign(), length, each=each), box)
