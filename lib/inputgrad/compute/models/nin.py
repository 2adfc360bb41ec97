"""Network in Network (Lin, Chen and Yan 2014, Sec. 4.2)."""

from __future__ import annotations

from torch import nn

from .alexnet import scaled
from .prepared import Prepared, standardised


def nin(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Prepared:
    """Three convolutions, each followed by two 1x1 convolutions; dropout between, global average at the end.

    No batch norm. Weights start as He et al. (2015) scale them, which a network of nine ReLU layers needs to train
    from the first step. At width 1, 966,986 parameters for three input channels and ten classes.
    """
    a, b, c = (scaled(n, width) for n in (192, 160, 96))
    body = nn.Sequential(
        *mlpconv(shape[0], a, b, c, kernel=5), nn.MaxPool2d(3, 2, 1), nn.Dropout(0.5),  # (B, 96, 16, 16)
        *mlpconv(c, a, a, a, kernel=5), nn.AvgPool2d(3, 2, 1), nn.Dropout(0.5),  # (B, 192, 8, 8)
        *mlpconv(a, a, a, classes, kernel=3)[:-1], nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    for layer in body:
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return Prepared(standardised(shape[0]), body)


def mlpconv(inputs: int, a: int, b: int, c: int, *, kernel: int) -> list[nn.Module]:
    """A convolution and two 1x1 convolutions, a ReLU after each."""
    return [
        nn.Conv2d(inputs, a, kernel, padding=kernel // 2), nn.ReLU(),
        nn.Conv2d(a, b, 1), nn.ReLU(),
        nn.Conv2d(b, c, 1), nn.ReLU(),
    ]  # fmt: skip
