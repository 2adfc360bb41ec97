"""Wide residual networks (Zagoruyko, Komodakis 2016, Sec. 2 and Table 1)."""

from __future__ import annotations

from torch import Tensor, nn

from .alexnet import scaled


class WideBlock(nn.Module):
    """Batch norm and ReLU before each of two 3x3 convolutions, and a shortcut around both."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU())
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
        )  # fmt: skip
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if stride != 1 or inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H / stride, W / stride)``."""
        active = self.before(x)
        return (x if self.shortcut is None else self.shortcut(active)) + self.residual(active)


def wide_resnet(
    *, shape: tuple[int, int, int], classes: int, width: float = 1.0, depth: int = 28, factor: int = 10
) -> nn.Sequential:
    """WRN-``depth``-``factor``: a 3x3 convolution, three stages of ``(depth - 4) / 6`` blocks, average, linear layer.

    The stages have 16, 32 and 64 channels times ``factor``, at full, half and quarter resolution. WRN-28-10 has
    36,479,194 parameters for three input channels and ten classes.
    """
    first = scaled(16, width)
    counts = [scaled(n * factor, width) for n in (16, 32, 64)]
    blocks: list[nn.Module] = []
    inputs = first
    for stage, outputs in enumerate(counts):
        for block in range((depth - 4) // 6):
            blocks.append(WideBlock(inputs, outputs, stride=2 if stage > 0 and block == 0 else 1))
            inputs = outputs
    stem = nn.Conv2d(shape[0], first, 3, 1, 1, bias=False)
    head = (nn.BatchNorm2d(inputs), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
    return nn.Sequential(stem, *blocks, *head)
