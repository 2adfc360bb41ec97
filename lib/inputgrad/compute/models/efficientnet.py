"""EfficientNet-Lite0, the small network of which ImageNet's weights come with a package."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from inputgrad.catalogue.published import ADVICE
from inputgrad.ground.checks import InputError

from .prepared import Prepared, Shift

SMALLEST = 32
"""Pixels: it halves an image five times."""


def efficientnet_lite0(*, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> Prepared:
    """EfficientNet-Lite0 as its package builds it, without stochastic depth; 4,652,008 parameters for 1,000 classes.

    ``x`` in [0, 1] is shifted to [-1, 1], as the weights expect it. The feature map has 1,280 channels and a side that
    is a thirty-second of the image's. Batch norm follows its batches ten times as fast as the package's does, at
    torch's own momentum of 0.1: a game has a few hundred steps.

    Raises:
        InputError: the package is not installed, images that are not in colour or too small, or another width.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as err:
        raise InputError(f"efficientnet_lite0 is built by a package that is not installed here: {ADVICE}") from err
    if width != 1:
        raise InputError(f"width {width!r} is not allowed for efficientnet_lite0: its weights have one size, width 1")
    if shape[0] != 3 or min(shape[1:]) < SMALLEST:
        raise InputError(
            f"images of {'x'.join(map(str, shape))} are not allowed for efficientnet_lite0: it takes colour images of "
            f"at least {SMALLEST} pixels"
        )
    net = EfficientNet.from_name(
        "efficientnet-lite0", num_classes=classes, image_size=list(shape[1:]), batch_norm_momentum=0.9
    )
    layers = OrderedDict(  # by the package's names, which are those of the weights
        _conv_stem=net._conv_stem, _bn0=net._bn0, relu_stem=nn.ReLU6(), _blocks=nn.Sequential(*net._blocks),
        _conv_head=net._conv_head, _bn1=net._bn1, relu_head=nn.ReLU6(), pool=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(), _dropout=net._dropout, _fc=net._fc,
    )  # fmt: skip
    return Prepared(Shift((0.5,) * 3, (2.0,) * 3), nn.Sequential(layers))
