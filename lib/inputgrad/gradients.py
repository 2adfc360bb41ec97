"""The gradient of the loss with respect to the input: the one place that computes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Classifier = Callable[[Tensor], Tensor]
"""Maps ``x`` in [0, 1], ``(B, C, H, W)``, to logits ``(B, K)``."""


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """``-log softmax(z)_y``, one value an image."""
    return F.cross_entropy(logits, y, reduction="none")


def nll_logits(logits: Tensor, y: Tensor) -> Tensor:
    """``-z_y``: what a negative log-likelihood loss gives when it is fed raw logits; it never saturates."""
    return F.nll_loss(logits, y, reduction="none")


def margin(logits: Tensor, y: Tensor) -> Tensor:
    """``max_{k != y} z_k - z_y``: positive exactly when the image is misclassified."""
    others = logits.masked_fill(F.one_hot(y, logits.shape[1]).bool(), -torch.inf)
    return others.amax(1) - logits.gather(1, y[:, None])[:, 0]


LOSSES = {"ce": cross_entropy, "nll_logits": nll_logits, "margin": margin}


@contextmanager
def frozen(model: Classifier) -> Iterator[None]:
    """No parameter of ``model`` asks for a gradient inside the block; afterwards each asks as it did before."""
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
    """
    with frozen(model), torch.enable_grad():
        x = x.detach().requires_grad_()
        return torch.autograd.grad(LOSSES[loss](model(x), y).sum(), x)[0]
