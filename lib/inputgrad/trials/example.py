"""One image and a small network that sees it: what each notebook shows its method on. No result rests on them.

The images are scikit-learn's handwritten digits, so nothing is downloaded; a network is trained once, in seconds, and
kept as a checkpoint like any other. Everything is on the CPU, and asks for no gradient that a notebook would have to
detach.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks.pgd import drawn_within
from inputgrad.compute.data import Splits, load
from inputgrad.compute.methods.game import Game, Rules
from inputgrad.compute.methods.played import drawn
from inputgrad.compute.methods.selfgradient import OfSizeOne, SelfGradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.training.networks import trained
from inputgrad.compute.training.steps import OPTIMISERS

DATASET, SEED = "digits28", 0
RECIPES = {
    "lenet5": Recipe(lr=2e-3, epochs=6, schedule="onecycle"),
    "wrn10_2": Recipe(lr=5e-3, epochs=3, schedule="onecycle", width=0.25),  # whose features a generator can start from
}
GAME = Recipe(lr=1e-3)


@cache
def digits() -> Splits:
    """The images."""
    return load(DATASET)


def network(model: str) -> nn.Module:
    """The example's network of this name, in evaluation mode."""
    return trained(digits(), model, RECIPES[model], SEED, torch.device("cpu")).model


def first_image(model: nn.Module, right: bool) -> tuple[Tensor, Tensor]:
    """The first test image that a network classifies right, or wrong, ``(1, C, H, W)``, and its label ``(1,)``."""
    x, y = digits().x_test.float() / 255, digits().y_test
    found = (correct(predict(model, x), y) == right).nonzero()[0]
    return x[found], y[found]


def one_image(right: bool = True) -> tuple[Tensor, Tensor, nn.Module]:
    """``(x, y, model)``: LeNet-5, and the first test image ``(1, 1, 28, 28)`` that it classifies right (or wrong)."""
    model = network("lenet5").requires_grad_(False)
    return *first_image(model, right), model


def random_start(x: Tensor, eps: float) -> Tensor:
    """A random point of each image's ball, always the same one, in [0, 1]; shaped like ``x``."""
    return (x + drawn_within(x, eps, torch.Generator().manual_seed(SEED))).clamp(0, 1)


def reading_itself(model: nn.Module, size: float | None = None) -> SelfGradient:
    """A network given a self-gradient block as it is drawn, before any training; its own gradient is a constant.

    With ``size`` the block is given the gradient's sign, and its output has that root mean square over all signs.
    """
    torch.manual_seed(SEED)
    channels = digits().shape[0]
    network = SelfGradient(model, channels, detach=True)
    if size is not None:
        network.block, network.takes, network.scale = OfSizeOne(network.block, channels), "sign", size
    return network.eval().requires_grad_(False)


Match = tuple[Tensor, Tensor, Game, dict[str, torch.optim.Optimizer]]


def one_game(problem: str, **rules: Any) -> Match:
    """``(x, y, match, optimizers)``: a game before its first round, and an image whose decision it is to turn.

    One small WRN-10-2 is the classifier, and its body what encoder and discriminator begin as; the rest is as it is
    drawn.

    Args:
        problem: ``"enhance"`` takes the first test image that is classified wrong, ``"attack"`` the first right one.
        **rules: further fields of :class:`Rules`.
    """
    target = network("wrn10_2")
    x, y = first_image(target, right=problem == "attack")
    torch.manual_seed(SEED)
    game = drawn(target.requires_grad_(False), target, Rules(problem, **rules), digits())
    optimizers = {
        name: OPTIMISERS["adam"](getattr(game, name).parameters(), GAME) for name in ("generator", "discriminator")
    }
    return x, y, game, optimizers
