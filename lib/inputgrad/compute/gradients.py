"""The gradient of the loss with respect to the input, as attacks use it.

What differentiates *through* that gradient takes it from its own graph: ``selfgradient`` and ``baselines`` of
``inputgrad.compute.methods``; ``hardening`` there reads it from the pass that trains the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.compute.norms import dual, norm
from inputgrad.ground.checks import InputError, one_of

Classifier = Callable[[Tensor], Tensor]
"""Maps ``x`` in [0, 1], ``(B, C, H, W)``, to logits ``(B, K)``."""


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """The cross-entropy of each image, ``-log softmax(z)_y``, ``(B,)``."""
    return F.cross_entropy(logits, y, reduction="none")


def nll_logits(logits: Tensor, y: Tensor) -> Tensor:
    """The negative score of the label, ``-z_y``, ``(B,)``.

    A negative log-likelihood loss gives this when it is fed raw logits. Its gradient never saturates.
    """
    return F.nll_loss(logits, y, reduction="none")


def rivals_alone(logits: Tensor, y: Tensor) -> Tensor:
    """The logits ``(B, K)`` with that of each image's class ``y``, ``(B,)``, at minus infinity."""
    return logits.scatter(1, y[:, None], -torch.inf)


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """The lead of the best rival, ``max_{k != y} z_k - z_y``, ``(B,)``: positive exactly on a misclassified image."""
    return rivals_alone(logits, y).amax(1) - logits.gather(1, y[:, None])[:, 0]


def rival_scores(logits: Tensor, y: Tensor) -> Tensor:
    r"""The lead of all rivals together, :math:`\log \sum_{k \ne y} e^{z_k} - z_y`, ``(B,)``.

    With it as L the cross-entropy is :math:`\log(1 + e^L)`, so that the two gradients are parallel. What single
    precision rounds away in the cross-entropy, one minus the probability of ``y``, is not in it.
    """
    return rivals_alone(logits, y).logsumexp(1) - logits.gather(1, y[:, None])[:, 0]


def clipped_cross_entropy(logits: Tensor, y: Tensor, least: float = 1e-7) -> Tensor:
    """The cross-entropy with the probability of the label kept in [1e-7, 1 - 1e-7], ``(B,)``.

    Some libraries clip like that; beyond those limits the loss is flat and its gradient zero.
    """
    return -logits.softmax(1).gather(1, y[:, None])[:, 0].clamp(least, 1 - least).log()


LOSSES = {"ce": cross_entropy, "nll_logits": nll_logits, "margin": margin, "rival_scores": rival_scores,
          "clipped_ce": clipped_cross_entropy}  # fmt: skip
"""The losses by name, functions of the logits ``(B, K)`` and the labels ``(B,)`` with one value an image."""


@contextmanager
def frozen(model: Classifier) -> Iterator[None]:
    """Inside the block no parameter of ``model`` asks for a gradient; after it each asks as it did before."""
    asking = [p for p in model.parameters() if p.requires_grad] if isinstance(model, nn.Module) else []
    for p in asking:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in asking:
            p.requires_grad_(True)


def input_gradient(model: Classifier, x: Tensor, y: Tensor, *, loss: str = "ce") -> Tensor:
    r""":math:`g(x) = \nabla_x L(f(x), y)`, the gradient of each image's own loss [sign, Eq. 2].

    The loss is **summed** over the batch before it is differentiated, so an image's gradient does not depend on the
    batch it travels in (a mean would shrink it as 1/B). Touches neither the model's mode nor any ``.grad``.

    Args:
        model: ``x`` -> logits ``(B, K)``; put it in eval mode, or batch statistics couple the images.
        x: inputs in [0, 1], ``(B, C, H, W)``.
        y: labels, ``(B,)``.
        loss: a name in :data:`LOSSES`.

    Returns:
        The gradient, shaped like ``x``, detached.

    Raises:
        InputError: the model's output is not a batch of scores, or ``loss`` no name of a loss.
    """
    return scores_and_gradient(model, x, y, loss=loss)[1]


def scores_and_gradient(model: Classifier, x: Tensor, y: Tensor, *, loss: str = "ce") -> tuple[Tensor, Tensor]:
    """The logits ``(B, K)`` and :func:`input_gradient`, both detached, from one forward and one backward pass."""
    with frozen(model), torch.enable_grad():
        x = x.detach().requires_grad_()
        f = scores(model, x)
        return f.detach(), torch.autograd.grad(LOSSES[one_of("loss", loss, LOSSES)](f, y).sum(), x)[0]


@dataclass(frozen=True)
class Margins:
    r"""First-order models of how far each image is ahead of its rival classes.

    .. math:: L_l(x + \eta) \approx L_l(x) + \langle\nabla L_l(x), \eta\rangle, \qquad L_l = f_y - f_l

    Attributes:
        value: :math:`L_l(x)`, ``(B, R)`` for R rivals; negative where the rival is ahead.
        gradient: :math:`\nabla L_l(x)`, ``(B, R, C, H, W)``.
    """

    value: Tensor
    gradient: Tensor

    def slopes(self, p: float) -> Tensor:
        r"""How fast each margin falls along the steepest step of lp length one, ``(B, R)``.

        :math:`\lVert\nabla L_l\rVert_q`, with q dual to p.
        """
        return norm(self.gradient.flatten(0, 1), dual(p)).view_as(self.value)

    def gradient_of(self, rival: Tensor) -> Tensor:
        """The gradient of one margin an image, ``(B, C, H, W)``, by the rival's index in [0, R), ``(B,)``."""
        return self.gradient[torch.arange(len(rival), device=rival.device), rival]


def margins(model: Classifier, x: Tensor, y: Tensor, rivals: str | Tensor = "all") -> Margins:
    """The margins of the class ``y`` over its rivals, linearised at ``x`` [convex, Eq. 3].

    One forward pass, and one backward pass a rival: ``C - 1`` for ``"all"``, one for ``"nearest"`` or a target.

    Args:
        model, x, y: as in :func:`input_gradient`.
        rivals: ``"all"`` other classes, the ``"nearest"`` (the one with the smallest margin), or one target class an
            image, ``(B,)``.

    Raises:
        InputError: the model's output is not a batch of scores, or a target is the label itself.
    """
    with frozen(model), torch.enable_grad():
        x = x.detach().requires_grad_()
        f = scores(model, x)
        others = rival_classes(f.detach(), y, rivals)
        value = f.gather(1, y[:, None]) - f.gather(1, others)
        columns = value.sum(0)
        last = len(columns) - 1
        gradient = [torch.autograd.grad(c, x, retain_graph=i < last)[0] for i, c in enumerate(columns)]
    return Margins(value.detach(), torch.stack(gradient, 1))


def scores(model: Classifier, x: Tensor) -> Tensor:
    """``model(x)``, after checking that it is one row of at least two scores an image.

    Raises:
        InputError: it is not.
    """
    f = model(x)
    if not isinstance(f, Tensor) or f.ndim != 2 or len(f) != len(x) or f.shape[1] < 2:
        found = tuple(f.shape) if isinstance(f, Tensor) else type(f).__name__
        raise InputError(
            f"the model's output is {found} for {len(x)} images: expected a batch of scores, ({len(x)}, classes) with "
            "at least 2 classes"
        )
    return f


def rival_classes(f: Tensor, y: Tensor, rivals: str | Tensor) -> Tensor:
    """The classes that ``y`` is compared with, ``(B, R)``; see :func:`margins`."""
    if not isinstance(rivals, str):
        if not isinstance(rivals, Tensor) or rivals.shape != y.shape:
            raise InputError(f"target {rivals!r} is not one class an image: give a tensor of {len(y)} classes")
        if (rivals == y).any():
            first = int((rivals == y).nonzero()[0])
            raise InputError(f"target {int(rivals[first])} of image {first} is its own label: choose another class")
        if not 0 <= int(rivals.min()) <= int(rivals.max()) < f.shape[1]:
            raise InputError(f"target {rivals.tolist()} is not in 0 to {f.shape[1] - 1}, the classes of the model")
        return rivals[:, None]
    if rivals == "nearest":
        return rivals_alone(f, y).argmax(1, keepdim=True)
    one_of("rivals", rivals, ("all", "nearest"))
    every = torch.arange(f.shape[1] - 1, device=y.device).expand(len(y), -1)
    return every + (every >= y[:, None])  # counts past y
