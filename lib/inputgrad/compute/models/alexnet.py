"""AlexNet for small images, in three readings of one sentence of `sign`."""

from __future__ import annotations

from torch import nn


def scaled(channels: int, width: float) -> int:
    """``channels`` times ``width``, at least 8 and a multiple of 8."""
    return max(8, int(channels * width) // 8 * 8)


def pool() -> nn.MaxPool2d:
    """Halves height and width, rounding up, so that 28x28 images survive as many pools as 32x32 ones."""
    return nn.MaxPool2d(2, ceil_mode=True)


def alexnet(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """AlexNet with its 11x11 stride-4 stem, five convolutions and three max-pools [sign, Sec. 4.1.2].

    The paper says that each of five convolutions is followed by max-pooling and ReLU. With AlexNet's own stem a
    32x32 image is 8x8 after the first convolution and only three pools fit; they stand where AlexNet has them
    (after convolutions 1, 2 and 5). :func:`alexnet_5pool` takes the sentence literally. One hidden layer.
    At width 1, 2,538,058 parameters for three input channels and ten classes.
    """
    a, b, c, d = (scaled(n, width) for n in (64, 192, 384, 256))
    return nn.Sequential(
        nn.Conv2d(shape[0], a, 11, stride=4, padding=5), nn.ReLU(), pool(),  # 32: (B, 64, 4, 4); 28: the same
        nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), pool(),  # (B, 192, 2, 2)
        nn.Conv2d(b, c, 3, padding=1), nn.ReLU(),
        nn.Conv2d(c, d, 3, padding=1), nn.ReLU(),
        nn.Conv2d(d, d, 3, padding=1), nn.ReLU(), pool(),  # (B, 256, 1, 1)
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(d, d), nn.ReLU(), nn.Linear(d, classes),
    )  # fmt: skip


def alexnet_5pool(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """Five stride-1 convolutions, each followed by max-pooling and ReLU: the literal reading [sign, Sec. 4.1.2].

    Pools round up, so that 32-16-8-4-2-1 and 28-14-7-4-2-1 both come out. AlexNet's channel counts; the first
    kernel is 5x5, since 11x11 at stride 1 would cover a third of the image.
    """
    counts = [shape[0], *(scaled(n, width) for n in (64, 192, 384, 256, 256))]
    layers: list[nn.Module] = []
    for i, kernel in enumerate((5, 5, 3, 3, 3)):
        layers += [nn.Conv2d(counts[i], counts[i + 1], kernel, padding=kernel // 2), pool(), nn.ReLU()]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(counts[-1], counts[-1]), nn.ReLU(), nn.Linear(counts[-1], classes),
    )  # fmt: skip


def alexnet_224(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """torchvision's AlexNet behind a bilinear upscaling to 224x224, without dropout; ``width`` must be 1."""
    from torchvision.models import alexnet as torchvision_alexnet

    from inputgrad.ground.checks import InputError

    if width != 1:
        raise InputError(f"width {width!r} is not allowed for alexnet_224: the network has one size, width 1")
    return nn.Sequential(
        nn.Upsample((224, 224), mode="bilinear"),
        nn.Conv2d(shape[0], 3, 1) if shape[0] != 3 else nn.Identity(),
        torchvision_alexnet(weights=None, num_classes=classes, dropout=0.0),
    )
