"""Networks that keep what is done to the pixels apart from what learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inputgrad.ground.checks import InputError


class Prepared(nn.Module):
    """``body(prepare(x))``: ``x`` in [0, 1] -> scores.

    `convex` attacks what comes after the preparation and measures its steps in the range of the prepared images; every
    other exhibit sees one network.
    """

    def __init__(self, prepare: nn.Module, body: nn.Module) -> None:
        super().__init__()
        self.prepare, self.body = prepare, body

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` -> what the body gives."""
        return self.body(self.prepare(x))


class Shift(nn.Module):
    """``(x - mean) * scale``, channel by channel."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: tuple[float, ...], scale: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("scale", torch.tensor(scale).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Shaped like ``x``."""
        return (x - self.mean) * self.scale


CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
CIFAR_STD = (0.2470, 0.2435, 0.2616)


def standardised(channels: int) -> Shift:
    """Zero mean and unit variance on CIFAR-10, channel by channel; half and a quarter for other channel counts."""
    mean, std = (CIFAR_MEAN, CIFAR_STD) if channels == 3 else ((0.5,) * channels, (0.25,) * channels)
    return Shift(mean, tuple(1 / s for s in std))


def centred(channels: int) -> Shift:
    """The mean of CIFAR-10 taken off, in units of 1/255; one half for other channel counts."""
    mean = CIFAR_MEAN if channels == 3 else (0.5,) * channels
    return Shift(mean, (255.0,) * channels)


def padded(shape: tuple[int, int, int], size: int = 32) -> nn.Module:
    """Zeros around smaller images, up to ``size`` x ``size``.

    Raises:
        InputError: the images are larger.
    """
    if max(shape[1:]) > size:
        raise InputError(f"image size {max(shape[1:])} is too large: it must be at most {size} pixels")
    height, width = size - shape[1], size - shape[2]
    return nn.ZeroPad2d((width // 2, width - width // 2, height // 2, height - height // 2))
