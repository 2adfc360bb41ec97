"""Adversarial examples as solutions of a linearised programme [convex]: Algorithms 1, 1-n and 2, and DeepFool."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inputgrad.compute.gradients import Classifier, Margins, input_gradient, margins, scores
from inputgrad.compute.norms import UNIT, Box, into, norm, per_image, steepest
from inputgrad.ground.checks import eps_value, exponent, one_of, whole

CLASS_CHOICES = {"linearised": "all", "argmin": "nearest"}
"""How Algorithm 1 chooses the class to move to, by the linearised optimum or by the smallest margin at ``x``."""


# The framework


def distances(m: Margins, p: float) -> Tensor:
    r"""How far each rival's linearised boundary is in the lp norm, ``(B, R)``.

    :math:`L_l(x) / \lVert\nabla L_l\rVert_q`; infinite where the gradient is zero and the rival not already ahead.
    """
    ratio = m.value / m.slopes(p)
    return torch.where(m.value <= 0, torch.zeros_like(ratio), ratio)


def smallest_eps(m: Margins, p: float) -> Tensor:
    r"""The radius of the smallest lp ball in which the linearised programme can be solved, ``(B,)`` [convex, Prop. 1].

    :math:`\min_l L_l(x) / \lVert\nabla L_l(x)\rVert_q`: below it no perturbation turns a linearised margin negative.
    On a linear classifier it is the exact distance to the decision boundary.
    """
    return distances(m, p).amin(1)


def perturbation(m: Margins, eps: float | Tensor, p: float) -> Tensor:
    r"""The minimiser of the linearised margin in an lp ball, ``(B, C, H, W)`` [convex, Prop. 2 and Eq. 6].

    .. math:: \eta = -\varepsilon\, v_p(\nabla L_{l^*}), \qquad
              l^* = \arg\min_l\; L_l(x) - \varepsilon \lVert\nabla L_l(x)\rVert_q

    with :math:`v_p` the steepest direction of the ball (:func:`inputgrad.compute.norms.steepest`).

    Args:
        m: the margins; with one rival an image there is nothing to choose.
        eps: radius, one for all images or one each, ``(B,)``.
        p: exponent of the ball, from 1 to ``inf``.
    """
    eps = torch.as_tensor(eps, dtype=m.value.dtype, device=m.value.device).view(-1, 1)
    chosen = m.gradient_of((m.value - eps * m.slopes(p)).argmin(1))
    return -per_image(eps, chosen) * steepest(chosen, p)


# The algorithms


def algorithm1(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, p: float = math.inf, steps: int = 1,
    class_choice: str = "linearised", target: Tensor | None = None, box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """Algorithm 1, and with ``steps = n`` Algorithm 1-n: n steps of ``eps / n``, each from where the last one led.

    The steps need no projection: their lengths add up to at most ``eps``. Each costs one forward pass and ``C - 1``
    backward passes, or one with ``class_choice="argmin"`` or a target.

    Args:
        model: ``x`` -> scores ``(B, C)``; in eval mode.
        x: clean inputs, ``(B, C, H, W)``.
        y: the class each image is to leave (in the paper the predicted one), ``(B,)``.
        eps: radius of the lp ball, in units of ``x``.
        p: exponent of the ball, from 1 to ``inf``.
        steps: n, at least 1.
        class_choice: a name in :data:`CLASS_CHOICES`.
        target: the class each image is to reach, ``(B,)``; ``None`` leaves the choice to ``class_choice``.
        box: the results are clipped to it; ``None`` does not clip, as the paper.

    Returns:
        ``x_adv``, shaped like ``x``, detached.

    Raises:
        InputError: eps < 0, p < 1, steps < 1, an unknown choice, a target that is the label, an output that is not a
            batch of scores.
    """
    eps, p = eps_value(eps), exponent("p", p)
    whole("steps", steps, least=1)
    rivals = CLASS_CHOICES[one_of("class_choice", class_choice, CLASS_CHOICES)] if target is None else target
    x_adv = x.detach()
    for _ in range(steps):
        x_adv = into(x_adv + perturbation(margins(model, x_adv, y, rivals), eps / steps, p), box)
    return x_adv


def algorithm2(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, p: float = math.inf, box: Box | None = UNIT
) -> Tensor:
    """Algorithm 2: one step down the score of the image's own class, whatever the others do.

    The arguments are those of :func:`algorithm1`.
    """
    eps, p = eps_value(eps), exponent("p", p)
    return into(x.detach() + eps * steepest(input_gradient(model, x, y, loss="nll_logits"), p), box)


def fast_grad(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float, p: float = math.inf, box: Box | None = UNIT
) -> Tensor:
    """FastGrad: one step up the cross-entropy, which is FGSM for ``p = inf``.

    The arguments are those of :func:`algorithm1`.
    """
    eps, p = eps_value(eps), exponent("p", p)
    return into(x.detach() + eps * steepest(input_gradient(model, x, y), p), box)


def deepfool(
    model: Classifier, x: Tensor, y: Tensor, *, eps: float = math.inf, p: float = math.inf, steps: int = 50,
    overshoot: float = 0.02, offset: float = 1e-4, box: Box | None = UNIT,
) -> Tensor:  # fmt: skip
    """DeepFool (Moosavi-Dezfooli et al. 2016): to the nearest linearised boundary, again, until the class changes.

    The whole batch at once. Each round asks with a plain forward pass who is still standing, and only for those
    computes gradients. Every step is lengthened by ``overshoot``, so that it ends behind the boundary.

    Args:
        model, x, y, p, box: as in :func:`algorithm1`; images not classified as ``y`` are left alone.
        eps: images that would be moved by this or more are left as they were: how the paper reads a minimum-norm
            attack as a curve over eps.
        steps: rounds at most, at least 1.
        overshoot: share by which every step is lengthened.
        offset: added to every distance, in units of ``x``, as in DeepFool's published code: steps that the box cuts
            short would otherwise creep up to the boundary and not cross it.

    Returns:
        ``x_adv``, shaped like ``x``, detached.

    Raises:
        InputError: eps < 0, p < 1, steps < 1, or an output that is not a batch of scores.
    """
    eps, p = eps if eps == math.inf else eps_value(eps), exponent("p", p)
    whole("steps", steps, least=1)
    x = x.detach()
    x_adv = x.clone()
    standing = torch.arange(len(x), device=x.device)
    for _ in range(steps):
        with torch.no_grad():
            standing = standing[scores(model, x_adv[standing]).argmax(1) == y[standing]]
        if not len(standing):
            break
        m = margins(model, x_adv[standing], y[standing])
        distance, nearest = distances(m, p).min(1)
        towards = -steepest(m.gradient_of(nearest), p)
        length = torch.where(distance.isfinite(), (1 + overshoot) * (distance + offset), 0.0)
        x_adv[standing] = into(x_adv[standing] + per_image(length, x) * towards, box)
    near = norm(x_adv - x, p) < eps
    return torch.where(per_image(near, x), x_adv, x)
