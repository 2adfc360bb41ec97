"""`butterfly`: a generator of small perturbations that raise or lower a frozen classifier's accuracy."""

from __future__ import annotations

from functools import partial
from typing import Any

from inputgrad.catalogue.choices import BODIES, D_TRAIN, DISCRIMINATORS, GAME_LOSSES, L2, OBJECTIVES, PROBLEMS
from inputgrad.catalogue.datasets import DATASETS
from inputgrad.catalogue.recipe import CROPS, Recipe
from inputgrad.ground import checks

from .butterfly_scales import (
    FIGURES,
    PRETRAINED_GRIDS,
    QUICK,
    TABLES,
    TOLD_GRIDS,
    scale,
    scale_of_longer,
    scale_of_pretrained,
    scale_of_told,
)
from .parameters import choice, count, flag, lengthened, names, ratio
from .schema import Exhibit, Paper, Parameter, grid

SCRATCH, FINE_TUNED = "[A] scratch classifier", "[B] pretrained classifier"
"""What the paper calls the two kinds of classifier: the arms of its tables."""

VANILLA = "Vanilla"
"""In the place of a generator: there is none."""

DIRECT, FROM_SCRATCH, NEW_IMAGES = "direct", "encoder from scratch", "images new to the classifier"
"""Variants of a generator: trained on the classifier's own loss, with an encoder or images that are not the others'."""

PROBE = "linear probe of the encoder"

AS_PUBLISHED = "ImageNet's classifier"
"""A classifier of ImageNet that answers with those of its classes that the data set has, and was not fitted to it."""

SIZES = ("small", "large")
"""Of the generator's encoder: ResNet-50 and ResNet-101 in the paper."""


def externals(value: object) -> str | None:
    """A data set of the catalogue, ``"imagenet"`` or ``"none"``; ``None`` is the study's own choice."""
    return None if value is None else checks.one_of("external", value, (*DATASETS, "imagenet", "none"))


def pixels(value: object) -> int | None:
    """A side of an image; ``None`` is the data set's own."""
    return None if value is None else checks.whole("size", value, least=32, most=512)


def changes(what: str, value: Any) -> dict:
    """Fields of a recipe with their new values; how wide its networks are is no matter of it."""
    checks.one_of(f"{what} augment", Recipe().override(value, what).augment, CROPS)
    if "width" in value:
        raise checks.InputError(f"{what} width {value['width']!r} would change nothing: the profile names its networks")
    return dict(value)


def upper(value: object) -> float | None:
    """A largest absolute value above 0; ``None`` is none."""
    if value is not None and checks.number("limit", value) == 0:
        raise checks.InputError("limit 0 leaves no perturbation: give a number above 0, or None for no limit")
    return None if value is None else checks.number("limit", value)


def radius(value: object) -> str:
    """A radius above 0, kept as text."""
    if checks.eps_value(value, "budget") == 0:
        raise checks.InputError("budget 0 leaves no perturbation: give a number above 0")
    return value if isinstance(value, str) else repr(value)


def gammas(what: str, value: object) -> list[str]:
    """A list of different numbers >= 0, kept as text."""
    texts = [v if isinstance(v, str) else repr(v) for v in checks.items(what, value) if checks.number(what, v) >= 0]
    if len({float(text) for text in texts}) < len(texts):
        raise checks.InputError(f"{what} names one number more than once: {', '.join(texts)}")
    return texts


def several_gammas(problem: str, default: tuple[str, ...]) -> Parameter:
    """The gammas of one problem."""
    name = f"gammas_{problem}"
    return Parameter(
        name, list(default), f"list of weights of the intensity to {problem} with, as text", partial(gammas, name)
    )


BUDGET = Parameter(
    "budget",
    "8/255",
    "largest absolute value of v in the rows called limited, in units of x in [0, 1], as text",
    radius,
)
LIMIT = Parameter("limit", None, "largest absolute value of v in units of x in [0, 1]; None: no limit", upper)
INTENSITY = choice("l2", "intensity of v: mean_square over all values, or mean over images of the l2 norm", L2)
CLIP = flag("clip", False, "clip perturbed images to [0, 1]")
OTHER = (
    Parameter("size", None, "images resized to so many pixels a side, 32 to 512; None: as the data set has them",
              pixels),
    Parameter("external", None, "data set the encoder is pretrained on, imagenet or none; None: the study's own",
              externals),
    Parameter("first", 0, "index of the first training image of the game; the classifier's own begin at 0",
              partial(checks.whole, "first")),
    Parameter("game", {}, "fields to change in the training of the generator, such as {'epochs': 2}",
              partial(changes, "game")),
    Parameter("pretraining", {}, "fields to change in the pretraining of encoders", partial(changes, "pretraining")),
)  # fmt: skip
"""Where the generator comes from and what it is trained on."""

LISTS = (
    names("sizes", SIZES, "list of encoders: small, large; further rows have the first", SIZES),
    names("loss", GAME_LOSSES, "list of losses: ls (least squares), lr (logistic); further rows have the first",
          GAME_LOSSES),
    names("d_train", D_TRAIN, "list of what learns in the discriminator: head, full; further rows have the first",
          D_TRAIN),
    names("objective", OBJECTIVES, "list of game, and direct: the classifier's own cross-entropy in its place",
          OBJECTIVES),
)  # fmt: skip

ENHANCING = Exhibit(
    name="enhancing",
    title="Raising the accuracy of a classifier that may not change",
    reproduces="Table 1, the enhancing half of Table 3",
    compute="inputgrad.trials.butterfly:enhancing",
    trains=True,
    version=1,
    tables=("1", "3"),
    metrics=("accuracy", "second_number"),
    grids=TABLES,
    scale=scale,
    parameters=(ratio("gamma", 1e-4, "weight of the intensity of v in the generator's loss, at least 0"), INTENSITY,
                *LISTS, BUDGET, LIMIT, CLIP, *OTHER),
)  # fmt: skip

TOLD = Exhibit(
    name="told",
    title="What the discriminator cannot see",
    reproduces="no table: why the enhancing game fails here",
    compute="inputgrad.trials.butterfly_told:told",
    trains=True,
    version=1,
    grids=TOLD_GRIDS,
    scale=scale_of_told,
    parameters=(
        ratio("gamma", 1e-4, "weight of the intensity of v in the generator's loss, at least 0"),
        names("discriminator", DISCRIMINATORS[:2], "list of what the discriminator sees: blind (the image), told (its "
              "class, too)", DISCRIMINATORS[:2]),
        names("d_train", D_TRAIN[:1], "list of what learns in the discriminator: head, full", D_TRAIN),
        OTHER[-2], OTHER[-1],
    ),
)  # fmt: skip

BOUNDED = Exhibit(
    name="bounded",
    title="The same in a small ball",
    reproduces="no table: what the enhancing game does when v has to be small",
    compute="inputgrad.trials.butterfly_told:bounded",
    version=1,
    grids={**TOLD_GRIDS, "quick": grid(2000, QUICK, (0, 1, 2), {"imagenette96": ("resnet18_imagenet",)})},
    scale=scale_of_told,
    parameters=(
        *TOLD.parameters[:3],
        BUDGET,
        *TOLD.parameters[3:],
    ),
)

JUDGES = Exhibit(
    name="judges",
    title="What the discriminator judges by",
    reproduces="no table: whether the game fails because the discriminator has the classifier's features",
    compute="inputgrad.trials.butterfly_told:judges",
    version=1,
    grids={**TOLD_GRIDS, "quick": BOUNDED.grids["quick"]},
    scale=scale_of_told,
    parameters=(
        *TOLD.parameters[:2],
        names("bodies", BODIES, "list of the discriminator's features and what of it learns: classifier_full, "
              "encoder_head", BODIES),
        *TOLD.parameters[3:],
    ),
)  # fmt: skip

UNITS = Exhibit(
    name="units",
    title="The units or the class: a discriminator told a random class",
    reproduces="no table: whether a unit for each class is enough, without being told which counts",
    compute="inputgrad.trials.butterfly_told:units",
    version=1,
    grids=TOLD_GRIDS,
    scale=scale_of_told,
    parameters=(
        TOLD.parameters[0],
        names("discriminator", DISCRIMINATORS[2:], "list of what the discriminator is told: nothing (blind), the "
              "image's class (told), one drawn at random (random)", DISCRIMINATORS),
        *TOLD.parameters[2:],
    ),
)  # fmt: skip

PRETRAINED = Exhibit(
    name="pretrained",
    title="A classifier that has seen ImageNet itself",
    reproduces="no table: whether the games raise a classifier that knows what the generator's encoder knows",
    compute="inputgrad.trials.butterfly_pretrained:pretrained",
    network="inputgrad.trials.butterfly_pretrained:of_imagenet",
    version=1,
    grids=PRETRAINED_GRIDS,
    scale=scale_of_pretrained,
    parameters=TOLD.parameters,
)

ATTACKING = Exhibit(
    name="attacking",
    title="Lowering it: a generator beside one universal perturbation and FGSM",
    reproduces="Table 2, the adversarial half of Table 3",
    compute="inputgrad.trials.butterfly:attacking",
    trains=True,
    version=1,
    tables=("2", "3"),
    metrics=("accuracy", "second_number"),
    grids=TABLES,
    scale=scale,
    parameters=(ratio("gamma", 3.0, "weight of the intensity of v in the generator's loss, at least 0"), INTENSITY,
                *LISTS, BUDGET, LIMIT, CLIP, *OTHER,
                count("passes", 5, "passes of the universal perturbation over its training images, at most"),
                count("uap_images", 500, "training images the universal perturbation is made from", "train")),
)  # fmt: skip


def curved(enhance: tuple[str, ...], attack: tuple[str, ...], losses: tuple[str, ...]) -> tuple[Parameter, ...]:
    """What is asked of games that are followed epoch by epoch, with the gammas and losses that they are played with."""
    return (
        names("problems", PROBLEMS, "list of enhance, attack", PROBLEMS),
        several_gammas("enhance", enhance),
        several_gammas("attack", attack),
        INTENSITY,
        names("loss", losses, "list of losses: ls (least squares), lr (logistic)", GAME_LOSSES),
        choice("d_train", "what learns in the discriminator: head or full", D_TRAIN),
        choice("objective", "game, or direct: the classifier's own cross-entropy in its place", OBJECTIVES),
        LIMIT, CLIP, *OTHER,
    )  # fmt: skip


CURVES = Exhibit(
    name="curves",
    title="The game epoch by epoch",
    reproduces="Figures 4, 8, 9 and 10, Appendix A",
    compute="inputgrad.trials.butterfly_figures:curves",
    trains=True,
    version=1,
    grids=FIGURES,
    scale=scale,
    parameters=curved(("0.0001", "0", "0.1", "1", "10", "100"), ("3", "0", "0.3"), GAME_LOSSES),
)

LONGER = Exhibit(
    name="longer",
    title="The same game, played for longer",
    reproduces="Figures 4, 8 and 9, over more epochs",
    compute="inputgrad.trials.butterfly_figures:longer",
    trains=True,
    version=1,
    grids=FIGURES,
    scale=scale_of_longer,
    parameters=(
        *curved(("0.0001", "0"), ("3",), GAME_LOSSES[:1]),
        lengthened(5, "how many times the epochs of the curves' games these have, 2 or more"),
    ),
)

PICTURES = Exhibit(
    name="pictures",
    title="The pictures: perturbations of both kinds, and how gamma shapes them",
    reproduces="Figures 1, 3, 5 to 7 and 11 to 14",
    compute="inputgrad.trials.butterfly_figures:pictures",
    trains=True,
    version=1,
    grids=FIGURES,
    scale=scale,
    parameters=(
        names("problems", PROBLEMS, "list of enhance, attack", PROBLEMS),
        several_gammas("enhance", ("0.0001", "0", "0.1")),
        several_gammas("attack", ("3", "0", "0.3")),
        INTENSITY,
        choice("loss", "ls (least squares) or lr (logistic)", GAME_LOSSES),
        choice("d_train", "what learns in the discriminator: head or full", D_TRAIN),
        choice("objective", "game, or direct: the classifier's own cross-entropy in its place", OBJECTIVES),
        LIMIT, CLIP, *OTHER,
        count("columns", 8, "how many images are shown in a row", "test"),
    ),
)  # fmt: skip

PAPER = Paper(
    key="butterfly",
    citation="yoo2018butterfly",
    title="Butterfly Effect: Bidirectional Control of Classification Performance by Small Additive Perturbation",
    authors="Yoo, Park, Choi, Yun, Kwak",
    question="Can a generator of small perturbations raise the accuracy of a classifier it may not change, "
    "as well as lower it?",
    exhibits=(ENHANCING, TOLD, UNITS, BOUNDED, JUDGES, PRETRAINED, ATTACKING, CURVES, LONGER, PICTURES),
)
