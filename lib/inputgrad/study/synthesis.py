"""Across the papers: their networks side by side under the attacks of all, in one ball. No paper has this."""

from __future__ import annotations

from inputgrad.catalogue.recipe import AUGMENTATIONS, Recipe

from . import convex, selfgrad, sign, smooth
from .libraries import LIBRARIES
from .parameters import count
from .schema import Exhibit, Grid, Paper, Parameter, grid
from .selfgrad import in_pixels

EPS = {"mnist": "0.1", "digits28": "0.1"}
"""The radius for grey digits; all other images have :data:`OTHERS`."""

OTHERS = "8/255"

OWNERS = {"alexnet": sign, "resnet18": sign, "fcnn": convex, "lenet5": convex, "nin": convex, "densenet40": convex,
          "smooth_cnn": smooth, "wrn10_2": selfgrad, "wrn28_10": selfgrad}  # fmt: skip
"""Each network and the chapter that trains it; its recipe there is its recipe here."""

ON_MNIST = ("alexnet", "fcnn", "lenet5", "smooth_cnn")
ON_CIFAR = ("alexnet", "resnet18", "nin", "densenet40")


def recipes(profile: str, dataset: str, models: tuple[str, ...]) -> dict[tuple[str, str], Recipe]:
    """How the chapters train these networks on a data set."""
    found = {}
    for model in models:
        for exhibit in OWNERS[model].PAPER.exhibits:
            there = exhibit.grids[profile].recipes
            recipe = there.get((dataset, model)) or there.get(model)
            if recipe:
                found[dataset, model] = recipe
                break
    return found


def networks(profile: str, images: int, pairs: dict[str, tuple[str, ...]]) -> Grid:
    """The grid of one profile."""
    own: dict[tuple[str, str], Recipe] = {}
    for dataset, models in pairs.items():
        own |= recipes(profile, dataset, models)
    return grid(images, {**{model: recipe for (_, model), recipe in own.items()}, **own}, (0,), pairs)


def radius(value: object) -> str | None:
    """One radius as text; ``None`` is each data set's own."""
    return None if value is None else in_pixels([value])[0]


ATTACKS = Exhibit(
    name="attacks",
    title="The same networks under every attack",
    reproduces="no paper: what the five say together",
    compute="inputgrad.trials.synthesis:attacks",
    takes_own=True,
    version=1,
    network="inputgrad.trials.synthesis:network",
    augmentations=AUGMENTATIONS,
    grids={
        "smoke": networks("smoke", 8, {"digits28": ("fcnn", "smooth_cnn"), "digits32": ("wrn10_2",)}),
        "quick": networks("quick", 300, {"mnist": ON_MNIST, "cifar10": (*ON_CIFAR, "wrn10_2")}),
        "paper": networks("paper", 10_000, {"mnist": ON_MNIST, "cifar10": (*ON_CIFAR, "wrn28_10")}),
    },
    parameters=(
        Parameter("eps", None, "radius of the l-infinity ball in units of x, as text; None: 0.1 for mnist, digits28, "
                  "else 8/255", radius),
        count("steps", 50, "steps of PGD, under cross-entropy and under the margin"),
        count("uap_images", 200, "training images the universal perturbation is made from", "train"),
        *LIBRARIES,
    ),
)  # fmt: skip

PAPER = Paper(
    key="synthesis",
    citation="",
    title="The five papers together",
    authors="this study",
    question="What do the five papers say together?",
    exhibits=(ATTACKS,),
)
"""Not a paper: the exhibits that stand across the five, in the shape of one."""
