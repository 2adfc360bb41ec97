"""The networks of `smooth`, which take prepared inputs: grey images in [0, 1], colour images after ZCA-whitening.

Nothing is normalised inside. Batch norm follows each ReLU; the last layer has neither.
"""

from __future__ import annotations

from torch import nn

from .alexnet import scaled


def units(n: int, width: float) -> int:
    """``n`` as the paper has it; at another width than 1 scaled, to a multiple of 8."""
    return n if width == 1 else scaled(n, width)


def dense(inputs: int, outputs: int) -> list[nn.Module]:
    """A fully connected layer with ReLU, batch norm and dropout."""
    return [nn.Linear(inputs, outputs), nn.ReLU(), nn.BatchNorm1d(outputs), nn.Dropout(0.5)]


def conv(inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0) -> list[nn.Module]:
    """A convolution with ReLU and batch norm."""
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.ReLU(), nn.BatchNorm2d(outputs)]


def dnn(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """Five hidden layers of 2500, 2000, 1500, 1000 and 500 units [smooth, Table 1].

    At width 1, 11,987,510 parameters for grey 28x28 images and ten classes.
    """
    sizes = [shape[0] * shape[1] * shape[2], *(units(n, width) for n in (2500, 2000, 1500, 1000, 500))]
    hidden = [layer for a, b in zip(sizes, sizes[1:], strict=False) for layer in dense(a, b)]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], classes))


def cnn(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """The paper's convolutional network: that of Table 2 for grey images, that of Table 3 for colour images."""
    return (lenet if shape[0] == 1 else allcnn)(shape=shape, classes=classes, width=width)


def lenet(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """Two 5x5 convolutions with pooling, then 1024 units [smooth, Table 2]; convolutions without padding.

    At width 1, 1,166,282 parameters for grey 28x28 images and ten classes.
    """
    a, b = units(64, width), units(1024, width)
    height, length = (((side - 4) // 2 - 4) // 2 for side in shape[1:])
    return nn.Sequential(
        *conv(shape[0], a, 5), nn.MaxPool2d(2),  # (B, 64, 12, 12)
        *conv(a, a, 5), nn.MaxPool2d(2),  # (B, 64, 4, 4)
        nn.Flatten(), *dense(a * height * length, b), nn.Linear(b, classes),
    )  # fmt: skip


def allcnn(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """Convolutions only, with strides for pooling [smooth, Table 3, as All-CNN-C of Springenberg et al. 2015].

    As printed, Table 3 has six layers of stride 2 and two poolings, which leave nothing of a 32x32 image. This is the
    reading that agrees with its source and the authors' files: one layer of stride 2 at the end of each block, no
    pooling. :func:`allcnn_pool` is the other. At width 1, 1,372,234 parameters for three channels and ten classes.
    """
    a, b = units(96, width), units(192, width)
    return nn.Sequential(
        *conv(shape[0], a, 3, padding=1), *conv(a, a, 3, padding=1), *conv(a, a, 3, stride=2, padding=1),
        nn.Dropout(0.5),  # (B, 96, 16, 16)
        *conv(a, b, 3, padding=1), *conv(b, b, 3, padding=1), *conv(b, b, 3, stride=2, padding=1),
        nn.Dropout(0.5),  # (B, 192, 8, 8)
        *head(b, classes),
    )  # fmt: skip


def allcnn_pool(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Sequential:
    """Table 3 with all its layers and both poolings, every stride 1: five convolutions in each block [smooth].

    At width 1, 2,203,402 parameters for three channels and ten classes.
    """
    a, b = units(96, width), units(192, width)
    counts = [shape[0], *[a] * 5, *[b] * 5]
    layers = [conv(i, o, 3, padding=1) for i, o in zip(counts, counts[1:], strict=False)]
    first, second = ([module for layer in block for module in layer] for block in (layers[:5], layers[5:]))
    return nn.Sequential(
        *first, nn.MaxPool2d(2), nn.Dropout(0.5),  # (B, 96, 16, 16)
        *second, nn.MaxPool2d(2), nn.Dropout(0.5),  # (B, 192, 8, 8)
        *head(b, classes),
    )  # fmt: skip


def head(channels: int, classes: int) -> list[nn.Module]:
    """A 3x3 and two 1x1 convolutions, the last to one channel for each class, and their averages."""
    return [
        *conv(channels, channels, 3, padding=1), *conv(channels, channels, 1),
        nn.Conv2d(channels, classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    ]  # fmt: skip
