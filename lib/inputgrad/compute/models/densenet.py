"""DenseNet for small images, without bottlenecks (Huang et al. 2017, Sec. 3 and Table 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .prepared import Prepared, centred


class DenseLayer(nn.Sequential):
    """Batch norm, ReLU and a 3x3 convolution, whose output is put beside its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        super().__init__(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, growth, 3, padding=1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` -> ``(B, inputs + growth, H, W)``."""
        return torch.cat([x, super().forward(x)], 1)


def densenet(*, shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: int = 40) -> Prepared:
    """Three dense blocks of ``(depth - 4) / 3`` layers, 12 channels each, with 2x2 average pooling between.

    ``width`` scales the growth rate. At depth 40 and width 1, 1,019,722 parameters for three input channels and ten
    classes, as in the paper's 1.0 M.
    """
    growth = max(2, round(12 * width))
    channels = 16
    layers: list[nn.Module] = [nn.Conv2d(shape[0], channels, 3, padding=1, bias=False)]
    for block in range(3):
        for _ in range((depth - 4) // 3):
            layers.append(DenseLayer(channels, growth))
            channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU()]
        if block < 2:
            layers += [nn.Conv2d(channels, channels, 1, bias=False), nn.AvgPool2d(2)]
    return Prepared(
        centred(shape[0]), nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))
    )
