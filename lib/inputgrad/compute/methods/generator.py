"""The two networks of `butterfly` that learn: a generator of perturbations and a discriminator [butterfly, Sec. 3]."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from inputgrad.catalogue.choices import D_TRAIN, G_TRAIN
from inputgrad.compute.models.prepared import Prepared
from inputgrad.ground.checks import InputError, number, one_of

WIDTHS = (512, 256, 128, 64)
"""Channels of the decoder's blocks, from the feature map towards the image; the paper's own are lost."""

SIZES = (32, 64, 96, 128, 224)
"""Image sizes that are tried where one is refused, so that the sentence can name some that are not."""


def features(classifier: nn.Module) -> nn.Sequential:
    """The body of a classifier up to its last feature map, ``(B, C, H, W)`` -> ``(B, F, h, w)``: a copy of its own.

    What is done to the pixels before the body stays in front of it. Where the scores are averages of maps, as in NIN,
    the convolution that makes those maps is part of the head.

    Args:
        classifier: a convolutional classifier of the catalogue, or torchvision's ResNet, VGG or DenseNet.

    Raises:
        InputError: it has no feature map, or is built in another way.
    """
    return copy.deepcopy(trunk(classifier))


def trunk(classifier: nn.Module) -> nn.Sequential:
    """The layers that :func:`features` copies."""
    if isinstance(classifier, Prepared):
        return nn.Sequential(classifier.prepare, *trunk(classifier.body))
    if isinstance(classifier, nn.Sequential):
        layers = list(classifier)[: head_at(list(classifier))]
        if any(isinstance(m, nn.Conv2d) for layer in layers for m in layer.modules()):
            return nn.Sequential(*layers)
    elif hasattr(classifier, "layer4"):  # torchvision's ResNet
        return nn.Sequential(*list(classifier.children())[:-2])
    elif hasattr(classifier, "features"):  # its VGG, and its DenseNet, which has the ReLU outside
        return nn.Sequential(*classifier.get_submodule("features").children(), nn.ReLU())
    raise InputError(
        f"the classifier, {type(classifier).__name__}, has no feature map that could be used: give a convolutional "
        "network of the catalogue, or torchvision's ResNet, VGG or DenseNet"
    )


def head_at(layers: list[nn.Module]) -> int:
    """Where the head of a sequential classifier begins; 0 when it is all head."""
    end = next((i for i, m in enumerate(layers) if isinstance(m, (nn.AdaptiveAvgPool2d, nn.Flatten))), 0)
    if any(isinstance(m, nn.Linear) for m in layers[end:]):
        return end
    return max((i for i, m in enumerate(layers[:end]) if isinstance(m, nn.Conv2d)), default=0)


def feature_map(body: nn.Module, shape: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """``(F, h, w)`` of what ``body`` makes of an image of this shape; ``None`` where it cannot take one."""
    device, mode = next(body.parameters()).device, body.training
    try:
        with torch.no_grad():
            return tuple(body.eval()(torch.zeros(1, *shape, device=device)).shape[1:])
    except RuntimeError:  # nothing is left of the image, or another number of channels
        return None
    finally:
        body.train(mode)


def stages(shape: tuple[int, int, int], found: tuple[int, int, int] | None) -> int | None:
    """How many doublings lead from a feature map back to the image; ``None`` where no number does."""
    if found is None or 0 in found:
        return None
    n = round(math.log2(shape[1] / found[1]))
    return n if n > 0 and (found[1] << n, found[2] << n) == tuple(shape[1:]) else None


def refused(encoder: nn.Module, shape: tuple[int, int, int], found: tuple[int, int, int] | None) -> InputError:
    """The sentence for an image size that the encoder cannot take."""
    channels, height, width = shape
    why = f"its feature map is {found[1]}x{found[2]}" if found and 0 not in found else "nothing is left of the image"
    tried = [(channels, size, size) for size in SIZES]
    allowed = [str(s[1]) for s in tried if stages(s, feature_map(encoder, s))]
    advice = f"it can take {', '.join(allowed)}" if allowed else "choose another encoder"
    return InputError(
        f"image size {height}x{width} with {channels} channels is not one the encoder can take, which must reduce it "
        f"by a power of two ({why}): {advice}"
    )


def up(inputs: int, outputs: int) -> list[nn.Module]:
    """Twice the resolution: a 4x4 deconvolution of stride 2, two 3x3 convolutions; batch norm and ReLU after each."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
    layers += [nn.Conv2d(outputs, outputs, 3, padding=1, bias=False) for _ in range(2)]
    return [m for layer in layers for m in (layer, nn.BatchNorm2d(outputs), nn.ReLU())]


class Generator(nn.Module):
    r"""The perturbation of an image, :math:`v = G_\phi(x) = \mathrm{dec}(\mathrm{enc}(x))` [butterfly, Eq. 2].

    The decoder doubles the resolution as often as the encoder halved it: by blocks (:func:`up`), and at last by a 4x4
    deconvolution to the channels of the image, whose weights start at zero, so that v = 0 before training. With
    fewer doublings than widths it keeps those nearest to the image.

    Args:
        encoder: ``(B, C, H, W)`` in [0, 1] -> feature map, for instance :func:`features` of a classifier.
        shape: ``(C, H, W)`` of one image.
        widths: channels of the decoder's blocks.
        limit: v is ``limit * tanh`` of the last layer, in units of ``x``; ``None`` is the last layer as it is.
        train: ``"full"``, or ``"decoder"``, which leaves the encoder as it is, in evaluation mode.

    Raises:
        InputError: an image size that the encoder cannot take, too few widths, a limit that is no number >= 0, or an
            unknown ``train``.
    """

    def __init__(
        self, encoder: nn.Module, shape: tuple[int, int, int], widths: tuple[int, ...] = WIDTHS,
        limit: float | None = None, train: str = G_TRAIN[0],
    ) -> None:  # fmt: skip
        super().__init__()
        found = feature_map(encoder, shape)
        n = stages(shape, found)
        if n is None or found is None:
            raise refused(encoder, shape, found)
        if len(widths) < n - 1:
            raise InputError(f"widths {tuple(widths)!r} are too few: {n - 1} blocks lead to {shape[1]}x{shape[2]}")
        counts = [found[0], *widths[len(widths) - (n - 1) :]]
        blocks = [m for a, b in zip(counts, counts[1:], strict=False) for m in up(a, b)]
        last = nn.ConvTranspose2d(counts[-1], shape[0], 4, 2, 1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.learns = one_of("g_train", train, G_TRAIN) == "full"
        self.encoder, self.decoder = encoder.requires_grad_(self.learns), nn.Sequential(*blocks, last)
        self.limit = None if limit is None else number("limit", limit)
        self.train()

    def train(self, mode: bool = True) -> Generator:
        """As of any module, but for an encoder that does not learn, which stays in evaluation mode."""
        super().train(mode)
        self.encoder.train(mode and self.learns)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` in [0, 1] -> v, shaped like ``x`` and in its units."""
        return self.decoded(self.encoder(x))

    def decoded(self, h: Tensor) -> Tensor:
        """The feature map of an image -> v."""
        v = self.decoder(h)
        return v if self.limit is None else self.limit * v.tanh()


class Discriminator(nn.Module):
    r"""Is the decision on this image what the game wants? :math:`d = D_\theta(\tilde x)` [butterfly, Eq. 3].

    The classifier's body, the average of its last feature map, and one unit. Gives its **logit** z, ``d`` being
    ``sigmoid(z)``; the losses of :mod:`inputgrad.compute.methods.game` take z. The body is always in evaluation mode.

    The paper's sees the image and nothing else. Told the class of the image, beyond the paper, it has one unit for each
    class, and z is that of the class it is told.

    Args:
        features: images -> feature map, for instance :func:`features` of the classifier; not shared with it.
        feature_size: channels of the feature map.
        train: ``"head"`` trains the one unit [butterfly, Sec. 3.4]; ``"full"`` the body too.
        classes: how many there are, where it is told the class; ``None`` where it is not.

    Raises:
        InputError: ``train`` is neither.
    """

    def __init__(
        self, features: nn.Module, feature_size: int, train: str = D_TRAIN[0], classes: int | None = None
    ) -> None:
        super().__init__()
        self.features = features.requires_grad_(one_of("d_train", train, D_TRAIN) == "full")
        self.told = classes is not None
        self.head = nn.Linear(feature_size, 1 if classes is None else classes)
        self.train()

    def train(self, mode: bool = True) -> Discriminator:
        """As of any module, but for the body, which stays in evaluation mode."""
        super().train(mode)
        self.features.eval()
        return self

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """``(B, C, H, W)`` in [0, 1], and labels ``(B,)``, which only one that is told looks at -> logits ``(B,)``."""
        z = self.head(self.features(x).mean((2, 3)))
        if not self.told:
            return z[:, 0]
        if y is None:
            raise InputError("a discriminator that is told the class needs the labels")
        return z.gather(1, y[:, None])[:, 0]
