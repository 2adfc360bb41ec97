"""The networks there are, by name; building one is for ``compute.models``."""

from __future__ import annotations

from dataclasses import dataclass, replace

from inputgrad.ground.checks import InputError, nearest, shown

from . import own
from .own import Own
from .published import EFFICIENTNET_LITE0, LENET5_AUTHORS, Packaged, Weights


@dataclass(frozen=True)
class Architecture:
    """One network of the catalogue: where its builder is, and how the papers print its name."""

    name: str
    label: str
    builder: str  # "module:function", in ``compute.models``
    options: tuple[tuple[str, object], ...] = ()
    version: int = 1  # raised whenever the same recipe would train another network
    objective: str = "classify"  # what it is trained to do, a name in ``training.objectives.OBJECTIVES``
    weights: Weights | Packaged | None = None  # published ones, which are loaded: such a network is never trained
    smallest: int = 1  # side of an image, in pixels
    largest: int = 0  # the same; 0 for any
    multiple: int = 1  # of how many pixels that side is
    channels: tuple[int, ...] = ()  # of an image; () for any
    one_size: bool = False  # width 1 and no other
    own: Own | None = None  # the reader's: it is built or loaded as its name says, and never trained

    @property
    def given(self) -> bool:
        """Does it come with its weights, so that it is never trained?"""
        return self.weights is not None or self.own is not None

    def check(self, shape: tuple[int, int, int], width: float) -> None:
        """Refuse images, ``(C, H, W)``, or a width that this network cannot take.

        Raises:
            InputError: naming which.
        """
        side = min(shape[1:])
        if side < self.smallest:
            raise InputError(
                f"image size {side} is too small for {self.name}: it must be at least {self.smallest} pixels"
            )
        if self.largest and max(shape[1:]) > self.largest:
            raise InputError(
                f"image size {max(shape[1:])} is too large for {self.name}: it must be at most {self.largest} pixels"
            )
        if any(found % self.multiple for found in shape[1:]):
            raise InputError(
                f"image size {shape[1]}x{shape[2]} is not allowed for {self.name}: it must be a multiple of "
                f"{self.multiple} pixels"
            )
        if self.channels and shape[0] not in self.channels:
            allowed = " or ".join(map(str, self.channels))
            raise InputError(f"images of {shape[0]} channels are not allowed for {self.name}: it takes {allowed}")
        if self.one_size and width != 1:
            raise InputError(f"width {width!r} is not allowed for {self.name}: the network has one size, width 1")

    def check_data(self, name: str, shape: tuple[int, int, int], classes: int) -> None:
        """Refuse a data set that the published weights were not trained to tell apart.

        Args:
            name: of the data set.
            shape: of its images, ``(C, H, W)``.
            classes: how many it has.

        Raises:
            InputError: naming the network, what it takes, and what the data set has.
        """
        weights = self.weights
        if weights and (weights.shape not in (None, shape) or weights.classes != classes):
            size = f"images of {weights.shape}" if weights.shape else "colour images"
            raise InputError(
                f"model {self.name!r} takes {size} of {weights.classes} classes: {name} has {shape} of {classes}"
            )


MODELS: dict[str, Architecture] = {
    a.name: a
    for a in (
        Architecture("alexnet", "AlexNet", "alexnet:alexnet"),
        Architecture("alexnet_5pool", "AlexNet, five pools", "alexnet:alexnet_5pool"),
        Architecture("alexnet_224", "AlexNet at 224 pixels", "alexnet:alexnet_224", one_size=True),
        Architecture("resnet18", "ResNet-18", "resnet:resnet18"),
        Architecture("resnet18_imagenet", "ResNet-18, ImageNet stem", "resnet:resnet18", (("stem", "imagenet"),)),
        Architecture("linear", "linear", "lenet:linear", largest=32),
        Architecture("fcnn", "FCNN", "lenet:fcnn", largest=32),
        Architecture("lenet5", "LeNet-5", "lenet:lenet5", largest=32),
        Architecture("lenet5_authors", "LeNet-5 (authors)", "lenet:lenet5", weights=LENET5_AUTHORS, largest=32),
        Architecture("nin", "NIN", "nin:nin"),
        Architecture("densenet40", "DenseNet-40", "densenet:densenet", (("depth", 40),)),
        Architecture("densenet16", "DenseNet-16", "densenet:densenet", (("depth", 16),)),
        Architecture("smooth_dnn", "DNN", "smooth:dnn"),
        Architecture("smooth_dnn_aug", "DNN-AUG", "smooth:dnn"),
        Architecture("smooth_cnn", "CNN", "smooth:cnn", smallest=16),
        Architecture("smooth_cnn_aug", "CNN-AUG", "smooth:cnn", smallest=16),
        Architecture("smooth_cnn_pool", "CNN, poolings kept", "smooth:allcnn_pool"),
        Architecture("wrn28_10", "WRN-28-10", "wideresnet:wide_resnet", (("depth", 28), ("factor", 10))),
        Architecture("wrn16_4", "WRN-16-4", "wideresnet:wide_resnet", (("depth", 16), ("factor", 4))),
        Architecture("wrn10_2", "WRN-10-2", "wideresnet:wide_resnet", (("depth", 10), ("factor", 2))),
        Architecture("resnet50", "ResNet50", "imagenet:resnet50", smallest=32, channels=(1, 3), one_size=True),
        Architecture("resnet101", "ResNet101", "imagenet:resnet101", smallest=32, channels=(1, 3), one_size=True),
        Architecture("vgg16", "VGG16", "imagenet:vgg16", smallest=32, channels=(1, 3), one_size=True),
        Architecture("densenet169", "DenseNet169", "imagenet:densenet169", smallest=32, channels=(1, 3)),
        Architecture(
            "efficientnet_lite0",
            "EfficientNet-Lite0",
            "efficientnet:efficientnet_lite0",
            weights=EFFICIENTNET_LITE0,
            smallest=32,
            channels=(3,),
            one_size=True,
        ),
        Architecture("regressor", "regressor", "regression:regressor", objective="measure"),
        Architecture("autoencoder", "autoencoder", "regression:autoencoder", objective="reconstruct"),
        Architecture("segmenter", "segmenter", "regression:segmenter", objective="segment", multiple=4),
    )
}


def architecture(name: object) -> Architecture:
    """The network of the catalogue, or the reader's own, of this name; nothing is looked up on disk.

    Raises:
        InputError: there is none of that name.
    """
    if isinstance(name, str) and name in MODELS:
        return MODELS[name]
    found = own.parse(name)
    if found is None or (found.kind == "catalogue" and found.source not in MODELS):
        raise InputError(
            f"model {shown(name)} is unknown: choose from {', '.join(MODELS)}, or name your own as {own.FORMS}"
            f"{nearest(found.source if found else shown(name), MODELS)}"
        )
    if found.kind == "catalogue":
        return replace(MODELS[found.source], name=str(name), label=found.label, weights=None, own=found)
    return Architecture(str(name), found.label, "", own=found)


def label(name: str) -> str:
    """The network's name as the papers print it (``"resnet18"`` -> ``"ResNet-18"``), a reader's without its folders."""
    if name in MODELS:
        return MODELS[name].label
    found = own.parse(name)
    return found.label if found else name
