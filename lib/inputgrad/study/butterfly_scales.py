"""What the profiles of `butterfly` play with: encoders, decoders, classifiers and games, and what these cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from inputgrad.catalogue.datasets import DATASETS, Extent
from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.published import IMAGENETTE
from inputgrad.catalogue.recipe import Recipe, within
from inputgrad.ground import checks

from .schema import grid

ENCODERS = {
    "smoke": {"small": ("resnet18_imagenet", 0.125), "large": ("resnet18_imagenet", 0.25)},
    "quick": {"small": ("resnet18", 0.25), "large": ("resnet18", 0.375)},
    ("quick", "imagenette96"): {"small": ("resnet18_imagenet", 0.25), "large": ("resnet18_imagenet", 0.5)},
    "paper": {"small": ("resnet50", 1.0), "large": ("resnet101", 1.0)},
}
"""Network and width of the encoders of each profile, and of a data set that has its own."""

DECODERS = {
    "smoke": (64, 32, 16, 8),
    "quick": (256, 128, 64, 32),
    ("quick", "imagenette96"): (128, 64, 32, 16),
    "paper": (512, 256, 128, 64),
}
"""Channels of the decoder's blocks."""

EXTERNAL = {"digits32": "digits100", "cifar10": "cifar100", "imagenette96": "cifar100"}
"""What the encoder is pretrained on, by target data; for any other ImageNet, as in the paper."""


def external_of(dataset: str, asked: str | None) -> str:
    """The data set that encoders are pretrained on, ``"imagenet"`` or ``"none"``: what is asked for, or the study's."""
    return asked or EXTERNAL.get(dataset, "imagenet")


PRETRAINING = {
    "smoke": Recipe(lr=3e-3, epochs=3, batch=64, images=600, schedule="onecycle"),
    "quick": Recipe("sgd", lr=0.1, batch=128, epochs=15, images=20_000, weight_decay=5e-4, schedule="onecycle",
                    augment="crop_flip", precision="bf16"),
    ("quick", "imagenette96"): Recipe("sgd", lr=0.1, batch=128, epochs=8, images=20_000, weight_decay=5e-4,
                                      schedule="onecycle", augment="crop_flip", precision="bf16"),
    "paper": Recipe("sgd", lr=0.1, batch=128, epochs=60, weight_decay=5e-4, schedule="onecycle", augment="crop_flip",
                    precision="bf16"),
}  # fmt: skip
"""How an encoder is pretrained where its data are no weights of torchvision's; the width is the encoder's."""

GAMES = {
    "smoke": Recipe(lr=5e-3, epochs=2, batch=50, images=100),
    "quick": Recipe(lr=1e-4, epochs=6, batch=50, precision="bf16"),
    ("quick", "imagenette96"): Recipe(lr=1e-4, epochs=8, batch=50, images=2500, precision="bf16"),
    "paper": Recipe(lr=2e-4, epochs=30, batch=32, precision="bf16"),
}
"""How the generator is trained; without a number of images, on those that the classifier was trained on."""


STRIDES = {"resnet18": 8}
"""How many pixels of an image are one of an encoder's feature map, where it is not :data:`STRIDE`."""

STRIDE = 32


def playable(dataset: str, there: Extent | None, settings: Mapping, model: str, game: Recipe) -> None:
    """Refuse what a game with this encoder cannot be played on; ``there`` is how large the data set is, where known.

    Raises:
        InputError: more images or larger batches than there are, an image size that the encoder does not reduce to a
            feature map by a power of two, external images of other channels or weights that there are none of, or too
            few training images behind ``first``.
    """
    stride, external = STRIDES.get(model, STRIDE), settings.get("external")
    side = settings.get("size") or (there.shape[1] if there else stride)
    if side % stride:
        raise checks.InputError(
            f"image size {side} is not one that the encoder {model} can take: it must be a multiple of {stride}"
        )
    if external == "imagenet" and model not in FOUR:
        raise checks.InputError(
            f"external 'imagenet' has weights of {', '.join(FOUR)}, but not of {model}: name a data set in its place, "
            "or 'none'"
        )
    if there and external in DATASETS and DATASETS[external].shape[0] != there.shape[0]:
        raise checks.InputError(
            f"external {external!r} has images of {DATASETS[external].shape[0]} channels, but {dataset} of "
            f"{there.shape[0]}: name another data set, or 'none'"
        )
    if there:
        within("game", settings["game"], asdict(game), there.train, dataset)
    learned = external_of(dataset, external)
    if learned in DATASETS:
        within("pretraining", settings["pretraining"], settings["pretraining"], DATASETS[learned].train, learned)
    first = settings.get("first", 0)
    if there and first and first + (game.images or 2) > there.train:
        raise checks.InputError(
            f"first {first} leaves too few of the {there.train} training images of {dataset} for the game"
        )


def own_of(by_profile: Mapping, *, profile: str, dataset: str) -> Any:
    """What a profile has for this data set, or for all."""
    return by_profile.get((profile, dataset), by_profile[profile])


def scale(profile: str, dataset: str, there: Extent | None, settings: Mapping) -> dict:
    """The networks beside a trial's classifier and how they are trained, as plain data."""
    own = partial(own_of, profile=profile, dataset=dataset)
    game = own(GAMES).override(settings["game"])
    if not game.images:
        game = replace(game, images=settings["recipe"]["images"])
    for model, _ in own(ENCODERS).values():
        playable(dataset, there, settings, model, game)
    return {
        "game": asdict(game),
        "pretraining": asdict(own(PRETRAINING).override(settings["pretraining"])),
        "encoders": own(ENCODERS),
        "decoder": own(DECODERS),
    }


def scale_of_longer(profile: str, dataset: str, there: Extent | None, settings: Mapping) -> dict:
    """As :func:`scale`; the game is as many times longer as is asked for."""
    scaled = scale(profile, dataset, there, settings)
    return {**scaled, "game": {**scaled["game"], "epochs": settings["longer"] * scaled["game"]["epochs"]}}


FOUR = ("resnet50", "resnet101", "vgg16", "densenet169")
SMOKE = {"resnet18_imagenet": Recipe(lr=5e-3, epochs=4, batch=50, images=400, width=0.125, schedule="onecycle")}
SHARED: dict[str, Any] = {
    "batch": 64,
    "weight_decay": 5e-4,
    "schedule": "onecycle",
    "augment": "crop_flip",
    "precision": "bf16",
}
QUICK = {name: Recipe("sgd", lr=0.05, epochs=20, images=5000, width=width, **SHARED)
         for name, width in (("resnet18", 0.25), ("wrn10_2", 1.0), ("resnet18_imagenet", 0.25))}  # fmt: skip
PAPERS_OWN = {name: Recipe("sgd", lr=0.02, epochs=100, **SHARED) for name in FOUR}


def grids(quick: dict[str, tuple[str, ...]], paper: tuple[str, ...]) -> dict:
    """The grids of the three profiles from the networks of each: at `paper` STL-10 and the two proxies."""
    return {
        "smoke": grid(50, SMOKE, (0,), {"digits32": ("resnet18_imagenet",)}),
        "quick": grid(2000, QUICK, (0,), quick),
        "paper": grid(8000, PAPERS_OWN, (0,), dict.fromkeys(("stl10", "cifar10", "imagenette96"), paper)),
    }


TABLES = grids({"cifar10": ("resnet18", "wrn10_2"), "imagenette96": ("resnet18_imagenet",)}, FOUR)
FIGURES = grids({"cifar10": ("resnet18",)}, FOUR[:1])


# The discriminator that is told the class: an encoder that knows more than the classifier, all of them small

SMALL = Recipe(lr=1e-3, batch=64, epochs=30, images=2000, width=0.25, schedule="onecycle", augment="crop_flip")
TOLD_GRIDS = {
    "smoke": FIGURES["smoke"],
    "quick": grid(
        2000,
        {"alexnet": SMALL, "resnet18_imagenet": QUICK["resnet18_imagenet"]},
        (0, 1, 2),
        {"cifar10": ("alexnet",), "imagenette96": ("resnet18_imagenet",)},
    ),
    "paper": grid(8000, {FOUR[0]: replace(PAPERS_OWN[FOUR[0]], images=5000)}, (0,), {"cifar10": FOUR[:1]}),
}
KNOWING = {
    "smoke": Recipe(lr=3e-3, epochs=3, batch=64, images=600, schedule="onecycle"),
    "quick": replace(SMALL, epochs=8, images=20_000),
    "paper": replace(PRETRAINING["paper"], images=40_000),
}
"""How the encoder is trained where it is not loaded: on the classifier's own data set, but on more images of it."""

TOLD_ENCODERS = {
    **ENCODERS,
    "quick": {"small": ("alexnet", 0.25)},
    ("quick", "imagenette96"): {"small": ("efficientnet_lite0", 1.0)},
}
TOLD_DECODERS = {**DECODERS, ("quick", "imagenette96"): (64, 32, 16, 8)}
TOLD_GAMES = {
    "smoke": Recipe(lr=5e-3, epochs=2, batch=50, images=100),
    "quick": Recipe(lr=1e-4, epochs=10, batch=50, images=2000),
    ("quick", "imagenette96"): Recipe(lr=1e-3, epochs=6, batch=25, images=4469),
    "paper": GAMES["paper"],
}


def learned_of(what: str, images: int | None, dataset: str, there: Extent | None) -> int:
    """How many training images are learned: those named, else all there are.

    Raises:
        InputError: none are named, and how many there are is not known.
    """
    if images:
        return images
    if there is None:
        raise checks.InputError(
            f"{what} images None: say how many of {dataset} are learned; its size is not known here"
        )
    return there.train


def scale_of_told(
    profile: str, dataset: str, there: Extent | None, settings: Mapping, games: Mapping = TOLD_GAMES, behind: int = 0
) -> dict:  # fmt: skip
    """As :func:`scale`; the game is played on the images behind those that encoder and classifier have learned.

    ``behind`` is how many further networks of the trial have learned.
    """
    own = partial(own_of, profile=profile, dataset=dataset)
    model, width = own(TOLD_ENCODERS)["small"]
    game = own(games).override(settings["game"])
    recipe = settings["recipe"]  # which a network that is loaded has not
    learned = learned_of("recipe", recipe["images"], dataset, there) if recipe else 0
    if weights := MODELS[model].weights:
        pretraining = {"weights": weights.sha256}
    else:
        encoder = KNOWING[profile].override(settings["pretraining"])
        pretraining = asdict(encoder)
        learned = max(learned, learned_of("pretraining", encoder.images, dataset, there))
    first = max(learned, behind)
    if not game.images:
        left = recipe.get("images") or (there.train - first if there else 0)
        if left < 2:
            raise checks.InputError(
                f"game images None: say on how many of {dataset}, behind the {first} that are learned"
            )
        game = replace(game, images=left)
    playable(dataset, there, {**settings, "first": first}, model, game)
    return {
        "game": asdict(game),
        "pretraining": pretraining,
        "encoders": {"small": (model, width)},
        "decoder": own(TOLD_DECODERS),
        "first": first,
        **({"g_train": "decoder"} if weights else {}),
    }


# Classifiers that have ImageNet's weights themselves

TUNING = {
    "smoke": SMOKE["resnet18_imagenet"],
    "quick": Recipe("sgd", lr=0.02, batch=50, epochs=2, images=4000, weight_decay=5e-4, schedule="onecycle",
                    augment="crop_flip"),
    "paper": replace(PAPERS_OWN[FOUR[0]], images=5000),
}  # fmt: skip
"""How a network that begins at the encoder's weights is made into a classifier."""

PRETRAINED_GRIDS = {**TOLD_GRIDS, "quick": grid(1000, {}, (0, 1, 2), {"imagenette96": ("efficientnet_lite0",)})}
PRETRAINED_GAMES = {**TOLD_GAMES, ("quick", "imagenette96"): Recipe(lr=1e-3, epochs=5, batch=20, images=2000)}


def scale_of_pretrained(profile: str, dataset: str, there: Extent | None, settings: Mapping) -> dict:
    """As :func:`scale_of_told`; the game is played on images behind those that the encoder was fine-tuned on, too.

    Raises:
        InputError: as :func:`playable`, or a loaded classifier where the classes are not known to be ImageNet's.
    """
    if not settings["recipe"] and dataset not in IMAGENETTE:
        raise checks.InputError(
            f"dataset {dataset!r} has classes that are not known to be ImageNet's, with which a loaded classifier "
            f"answers: choose from {', '.join(IMAGENETTE)}, or a model that is trained"
        )
    tuning = TUNING[profile]
    told = scale_of_told(profile, dataset, there, settings, PRETRAINED_GAMES, tuning.images or 0)
    return {**told, "tuning": asdict(tuning)}
