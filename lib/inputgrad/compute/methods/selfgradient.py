"""Networks that are given a gradient of their own [selfgrad, Sec. 3 and Fig. 1]."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue.choices import TAKES
from inputgrad.compute.models import build
from inputgrad.compute.norms import norm, per_image

SMALLEST = 1e-12


def taken(g: Tensor, how: str) -> Tensor:
    """A gradient image as a network is given it: ``"raw"``, divided by its own largest value (``"max1"``), its sign."""
    if how == "max1":
        return g / per_image(norm(g, torch.inf).clamp(min=SMALLEST), g)
    if how == "sign":
        return g.sign()
    return slanted(g) if how == "slanted" else g


def slanted(g: Tensor) -> Tensor:
    r"""The sign of ``g`` forward; backward the slope of :math:`\tanh(g / m)`, m the mean of \|g\| over an image.

    A straight-through estimator (Athalye et al. 2018, Sec. 4.1.1), for attacks that would see through the jump.
    """
    smooth = (g / per_image(g.flatten(1).abs().mean(1).clamp(min=SMALLEST), g).detach()).tanh()
    return smooth + (g.sign() - smooth).detach()


def gradient_of(score: Callable[[Tensor], Tensor], x: Tensor, detach: bool) -> Tensor:
    """The gradient of the sum of ``score(x)``, shaped like ``x``.

    It is part of the graph where gradients are recorded, unless ``detach``.
    """
    through = torch.is_grad_enabled() and not detach
    with torch.enable_grad():
        z = x if through and x.requires_grad else x.detach().requires_grad_()
        return torch.autograd.grad(score(z).sum(), z, create_graph=through)[0]


def gradient_block(channels: int, depth: int = 5) -> nn.Sequential:
    r"""Five 1x1 convolutions without bias, each followed by tanh: :math:`B(g)`, in (-1, 1) [selfgrad, Sec. 3.3].

    B(0) = 0. Maps ``(B, C, H, W)`` to the same shape.
    """
    layers = [(nn.Conv2d(channels, channels, 1, bias=False), nn.Tanh()) for _ in range(depth)]
    return nn.Sequential(*(layer for pair in layers for layer in pair))


class OfSizeOne(nn.Module):
    """A block of 1x1 convolutions, divided by the root mean square of what it makes of all signs a pixel can have.

    However it learns, its output stays of one size; maps ``(B, C, H, W)`` to the same shape.
    """

    signs: Tensor

    def __init__(self, block: nn.Module, channels: int) -> None:
        super().__init__()
        every = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * channels)
        self.block = block
        self.register_buffer("signs", every.reshape(2**channels, channels, 1, 1), persistent=False)

    def forward(self, g: Tensor) -> Tensor:
        """B(g) over that root mean square."""
        return self.block(g) / self.block(self.signs).square().mean().sqrt().clamp(min=SMALLEST)


class SelfGradient(nn.Module):
    r"""A network that reads its own input gradient before it decides [selfgrad, Sec. 3.3 and Eq. 4].

    .. math:: F(x) = f\big(x + c\,B(g(x))\big), \qquad g(x) = \nabla_x \textstyle\sum_i f_i(x)

    The sum of the logits needs no label. Two passes through the same weights; with batch norm in training mode both
    move its statistics.

    Args:
        net: f, ``x`` -> logits.
        channels: of an input image.
        takes: how the block is given g, a name in ``TAKES``.
        scale: c.
        detach: treat g as a constant when F is differentiated.
    """

    def __init__(
        self, net: nn.Module, channels: int, takes: str = TAKES[0], scale: float = 1.0, detach: bool = False
    ) -> None:
        super().__init__()
        self.net: nn.Module = net
        self.block: nn.Module = gradient_block(channels)
        self.takes, self.scale, self.detach = takes, scale, detach

    def gradient(self, x: Tensor) -> Tensor:
        """g(x), shaped like ``x``; part of the graph where gradients are recorded, unless ``detach``."""
        return gradient_of(self.net, x, self.detach)

    def block_of(self, g: Tensor) -> Tensor:
        """c B(g), shaped like ``g``."""
        return self.scale * self.block(taken(g, self.takes))

    def correction(self, x: Tensor) -> Tensor:
        """What is added to the image, c B(g(x)), shaped like ``x``."""
        return self.block_of(self.gradient(x))

    def straight_through(self) -> SelfGradient:
        """The same network, same weights, differentiated through g, and at a sign with a slope."""
        same = copy.copy(self)
        same.takes, same.detach = "slanted" if self.takes == "sign" else self.takes, False
        return same

    def detached(self) -> SelfGradient:
        """The same network, same weights, that treats g as a constant when it is differentiated."""
        same = copy.copy(self)
        same.detach = True
        return same

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [0, 1] -> logits ``(B, K)``."""
        return self.net(x + self.correction(x))


class LabelGradient(nn.Module):
    r"""A network that is told the gradient of its loss at the *true* label: an oracle [selfgrad, Sec. 2 and Table 1].

    .. math:: F(x, y) = f([x, \nabla_x L(f([x, 0]), y)])

    Args:
        net: f, takes twice the channels of an image.
        takes, detach: as in :class:`SelfGradient`.
    """

    def __init__(self, net: nn.Module, takes: str = TAKES[0], detach: bool = False) -> None:
        super().__init__()
        self.net, self.takes, self.detach = net, takes, detach

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Images ``(B, C, H, W)`` in [0, 1] and their labels ``(B,)`` -> logits ``(B, K)``."""
        g = gradient_of(lambda z: self.loss(z, y), x, self.detach)
        return self.net(torch.cat([x, taken(g, self.takes)], 1))

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        """L(f([x, 0]), y), summed over the batch."""
        return F.cross_entropy(self.net(torch.cat([x, torch.zeros_like(x)], 1)), y, reduction="sum")


def calls_of_a_forward() -> list[tuple[str, tuple[int, ...]]]:
    """Name and output shape of what a self-gradient network calls: the network as one, and the block's layers."""
    shape = (3, 32, 32)
    network = SelfGradient(build("wrn10_2", shape=shape, classes=10, width=0.25), shape[0]).eval()
    calls: list[tuple[str, tuple[int, ...]]] = []
    for module in (network.net, *network.block.children()):
        size = "x".join(map(str, getattr(module, "kernel_size", ())))
        name = "network f" if module is network.net else f"{size} {type(module).__name__}".strip()
        module.register_forward_hook(lambda _, __, out, name=name: calls.append((name, tuple(out.shape[1:]))))
    network(torch.rand(1, *shape))
    return calls
