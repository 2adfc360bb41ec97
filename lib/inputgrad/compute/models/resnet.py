"""ResNet-18 for small images (He et al. 2016, Sec. 4.1 and 4.2)."""

from __future__ import annotations

from torch import Tensor, nn

from .alexnet import scaled


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut: ``relu(shortcut(x) + residual(x))``."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """``(B, inputs, H, W)`` -> ``(B, outputs, H / stride, W / stride)``."""
        return self.relu(self.shortcut(x) + self.residual(x))


def resnet18(*, shape: tuple[int, int, int], classes: int, width: float = 1.0, stem: str = "small") -> nn.Sequential:
    """ResNet-18: four stages of two basic blocks, 64-128-256-512 channels, global average, one linear layer.

    ``stem="small"``: a 3x3 stride-1 convolution, for 28x28 and 32x32 images; 11,173,962 parameters for three
    input channels and ten classes. ``stem="imagenet"``: 7x7 stride 2 and a 3x3 stride-2 max-pool.
    """
    counts = [scaled(n, width) for n in (64, 128, 256, 512)]
    first: list[nn.Module] = [nn.Conv2d(shape[0], counts[0], 3, 1, 1, bias=False), nn.BatchNorm2d(counts[0]), nn.ReLU()]
    if stem == "imagenet":
        first[0] = nn.Conv2d(shape[0], counts[0], 7, 2, 3, bias=False)
        first.append(nn.MaxPool2d(3, 2, 1))
    blocks: list[nn.Module] = []
    inputs = counts[0]
    for stage, outputs in enumerate(counts):
        for block in range(2):
            blocks.append(BasicBlock(inputs, outputs, stride=2 if stage > 0 and block == 0 else 1))
            inputs = outputs
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))
