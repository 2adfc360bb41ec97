"""How the networks of `selfgrad` are defended: what they are trained on, and what they see of their own gradient."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT

from inputgrad.catalogue.choices import TAKES
from inputgrad.compute import models
from inputgrad.compute.attacks import pgd
from inputgrad.compute.attacks.pgd import EPS, STEP
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import Classifier
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.training.networks import Plain
from inputgrad.ground import checks

from .selfgradient import LabelGradient, OfSizeOne, SelfGradient

NETWORKS = ("plain", "block", "oracle")
WATCHED, WATCH_STEPS = 256, 10
"""On how many of the last test images, and under how many steps of PGD, robustness is followed during training."""


@dataclass(frozen=True)
class Defence(Plain):
    """What a network is trained on, and what it is given beside the image.

    Attributes:
        steps: of the attack on each training batch: 0 trains on clean images, 1 on FGSM (a step of ``EPS`` from the
            image itself), more on PGD (steps of ``STEP`` from a random start).
        network: ``"plain"``, ``"block"`` (reads its own gradient), ``"oracle"`` (told the gradient at the true label).
        takes: how a block or an oracle is given the gradient, a name in ``TAKES``.
        scale: factor on the block's output.
        detach: in training, treat that gradient as a constant.

    Raises:
        InputError: an unknown name, or steps below 0.
    """

    steps: int = 0
    network: str = "plain"
    takes: str = TAKES[0]
    scale: float = 1.0
    detach: bool = False

    def __post_init__(self) -> None:
        checks.whole("steps", self.steps)
        checks.one_of("network", self.network, NETWORKS)
        checks.one_of("block_input", self.takes, TAKES)
        checks.number("block_scale", self.scale)

    @property
    def declared(self) -> dict:
        """Its fields; nothing for :data:`STANDARD`, which changes nothing."""
        return {} if self == STANDARD else asdict(self)

    def build(self, model: str, *, shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
        """The network, freshly initialised."""
        channels = shape[0]
        if self.network == "oracle":
            net = models.build(model, shape=(2 * channels, *shape[1:]), classes=classes, width=width)
            return LabelGradient(net, self.takes, self.detach)
        net = models.build(model, shape=shape, classes=classes, width=width)
        return net if self.network == "plain" else SelfGradient(net, channels, self.takes, self.scale, self.detach)

    def classifier(self, net: nn.Module, y: Tensor) -> Classifier:
        """``x`` -> logits for images with labels ``y``, which only the oracle reads."""
        return partial(net, y=y) if self.network == "oracle" else net

    def attacked(self, net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """A batch of training images as the network is trained on it."""
        if self.steps == 0:
            return x
        start = {"alpha": EPS} if self.steps == 1 else {"alpha": STEP, "generator": generator}
        return pgd(self.classifier(net, y), x, y, eps=EPS, steps=self.steps, **start)

    def watched(self, net: nn.Module, data: Splits) -> dict[str, float]:
        """After an epoch of training on attacks: the accuracy on the last test images under PGD."""
        if self.steps == 0:
            return {}
        device = next(net.parameters()).device
        x, y = data.x_test[-WATCHED:].to(device).float() / 255, data.y_test[-WATCHED:].to(device)
        net.eval()
        model, start = self.classifier(net, y), torch.Generator().manual_seed(0)
        leave = self.network != "oracle"  # whose classifier is bound to all of these labels
        x_adv = pgd(model, x, y, eps=EPS, steps=WATCH_STEPS, alpha=STEP, generator=start, early_exit=leave)
        stands = correct(predict(model, x_adv), y)
        net.train()
        return {"robust_accuracy": stands.float().mean().item()}


@dataclass(frozen=True)
class ActiveBlock(Defence):
    """FGSM training of a network with a block that does something: given signs, its output is held at one size.

    No weight decay is on the block. The gradient it reads is a constant in training, which changes nothing: at a sign
    no gradient comes through.

    Attributes:
        amplitude: the root mean square of its output over all signs, in units of ``x``.
    """

    steps: int = 1
    network: str = "block"
    takes: str = "sign"
    detach: bool = True
    amplitude: float = EPS

    def build(self, model: str, *, shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
        """The network, freshly initialised."""
        net = super().build(model, shape=shape, classes=classes, width=width)
        assert isinstance(net, SelfGradient)
        net.block, net.scale = OfSizeOne(net.block, shape[0]), self.amplitude
        return net

    def weights(self, net: nn.Module) -> ParamsT:
        """Those of the block without decay."""
        assert isinstance(net, SelfGradient)
        undecayed: dict[str, Any] = {"params": net.block.parameters(), "weight_decay": 0.0}
        return [{"params": net.net.parameters()}, undecayed]


@dataclass(frozen=True)
class RandomStart(Defence):
    """FGSM training from a random start in the ball [Wong, Rice and Kolter 2020, Alg. 3].

    Attributes:
        alpha: size of the one step, in units of ``x``.
    """

    steps: int = 1
    alpha: float = 1.25 * EPS

    def attacked(self, net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """A batch of training images, one step from a random point of each one's ball."""
        return pgd(net, x, y, eps=EPS, steps=1, alpha=self.alpha, generator=generator)


STANDARD = Defence()
"""Training on the images as they are."""
MADRY_STEPS = 7
"""Of PGD in training, as Madry et al. 2018 train CIFAR-10 (Sec. 5)."""


def by_name(takes: str, scale: float, detach: bool) -> dict[str, Defence]:
    """The defences that are compared, under the names of the paper's rows; the block as the trial asks for it.

    In the rescaled one the block is given the gradient with largest value 1, a constant in training.
    """
    return {
        "Standard": STANDARD,
        "Madry PGD": Defence(steps=MADRY_STEPS),
        "FGSM training": Defence(steps=1),
        "Self gradient": Defence(1, "block", takes, scale, detach),
        "Self gradient, rescaled": Defence(1, "block", "max1", scale, detach=True),
    }
