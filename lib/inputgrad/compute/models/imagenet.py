"""The four classifiers of `butterfly`, as torchvision builds them, for any number of classes [butterfly, Sec. 4.1]."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from inputgrad.ground.checks import InputError, one_of, whole

from .prepared import Prepared, Shift

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SMALLEST = 32
"""Pixels: each of the four halves an image five times."""

NAMES = ("resnet50", "resnet101", "vgg16", "densenet169")


class Colours(nn.Module):
    """Three equal channels of a grey image; a colour image as it is."""

    def forward(self, x: Tensor) -> Tensor:
        """``(B, 1 or 3, H, W)`` -> ``(B, 3, H, W)``."""
        return x.expand(-1, 3, -1, -1)


def torchvision_net(
    name: str, *, shape: tuple[int, int, int], classes: int, width: float = 1.0, weights: str | None = None
) -> Prepared:
    """torchvision's network behind the standardisation of ImageNet: ``x`` in [0, 1] -> logits ``(B, classes)``.

    Args:
        name: in :data:`NAMES`.
        shape: ``(C, H, W)`` of one image; grey images are given three equal channels.
        classes: number of classes, at least 2.
        width: factor on every channel count; other than 1 for ``"densenet169"`` alone, which torchvision builds with
            any growth rate.
        weights: ``"imagenet"`` starts from torchvision's, with a new last layer where ``classes`` is not 1000.

    Raises:
        InputError: images that are neither grey nor in colour or are smaller than 32 pixels, a width that torchvision
            cannot build, weights that are not to be had.
    """
    import torchvision.models as zoo

    one_of("model", name, NAMES)
    whole("classes", classes, least=2)
    if shape[0] not in (1, 3):
        raise InputError(f"images of {shape[0]} channels are not allowed for {name}: it takes 1 (grey) or 3 (colour)")
    if min(shape[1:]) < SMALLEST:
        raise InputError(
            f"image size {min(shape[1:])} is too small for {name}, which halves an image five times: it must be at "
            f"least {SMALLEST} pixels"
        )
    if width != 1 and (name != "densenet169" or weights):
        raise InputError(f"width {width!r} is not allowed for {name}: torchvision's network has one size, width 1")
    if weights:
        net = with_imagenet_weights(name, classes)
    elif width != 1:
        growth, first = max(2, round(32 * width)), max(2, round(64 * width))
        net = zoo.DenseNet(growth, (6, 12, 32, 32), first, num_classes=classes)
    else:
        net = zoo.get_model(name, weights=None, num_classes=classes)
    return Prepared(nn.Sequential(Colours(), Shift(IMAGENET_MEAN, tuple(1 / s for s in IMAGENET_STD))), net)


resnet50, resnet101, vgg16, densenet169 = (partial(torchvision_net, name) for name in NAMES)


def with_imagenet_weights(name: str, classes: int) -> nn.Module:
    """torchvision's network with its first ImageNet weights (``IMAGENET1K_V1``), and a new last layer.

    The last layer is drawn from torch's global generator; with 1000 classes it is ImageNet's own. Takes standardised
    colour images. The weights are kept where torch keeps downloads (``$TORCH_HOME/hub/checkpoints``), and reading them
    runs no code.

    Args:
        name: in :data:`NAMES`.
        classes: number of classes, at least 2.

    Raises:
        InputError: an unknown name, weights that can neither be found nor downloaded, or a damaged file of them.
    """
    import torch.hub
    import torchvision.models as zoo

    one_of("model", name, NAMES)
    whole("classes", classes, least=2)
    weights = zoo.get_model_weights(name)["IMAGENET1K_V1"]
    file = Path(torch.hub.get_dir(), "checkpoints", weights.url.rsplit("/", 1)[-1])
    net = zoo.get_model(name, weights=None)
    try:
        tensors = weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
        net.load_state_dict({modern(key): tensor for key, tensor in tensors.items()})
    except Exception as err:  # reading half of a file fails in many ways
        reason = (str(err).splitlines() or [""])[0]
        if file.exists():
            raise InputError(f"{file} is damaged ({type(err).__name__}: {reason}): delete it and try again") from err
        raise InputError(
            f"the ImageNet weights of {name} cannot be downloaded ({reason}): put {weights.url} at {file}, or train "
            "the network from scratch"
        ) from err
    if classes != 1000:
        renew_head(net, classes)
    return net


def modern(key: str) -> str:
    """A weight's name as torchvision has it now: DenseNet's files still say ``norm.1`` for ``norm1``."""
    return re.sub(r"\.(norm|relu|conv)\.([12])\.", r".\1\2.", key)


def renew_head(net: nn.Module, classes: int) -> None:
    """A new last linear layer with ``classes`` outputs, in place."""
    name, last = [(name, m) for name, m in net.named_modules() if isinstance(m, nn.Linear)][-1]
    owner, _, attribute = name.rpartition(".")
    setattr(net.get_submodule(owner), attribute, nn.Linear(last.in_features, classes))
