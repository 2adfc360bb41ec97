"""How one network is trained: the recipe, and the names of its choices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError

OPTIMIZERS = ("adam", "sgd", "wame")

SCHEDULES: dict[str, tuple[tuple[float, float], ...] | None] = {
    "constant": (),
    "onecycle": None,  # no steps: linear up, then down
    "step": ((0.5, 0.1), (0.75, 0.01)),
    "early_step": ((0.2, 0.1), (0.4, 0.01)),
    "gentle_step": ((0.3, 0.5), (0.6, 0.1)),
    "quarter_step": ((0.25, 0.1), (0.5, 0.01), (0.75, 0.001)),
}
"""From which share of the training on the learning rate is multiplied by what."""

CROPS = ("none", "crop", "crop_flip")
"""What every training but that of `smooth` can do to its images."""

DISTORTIONS = ("none", "distort")
"""What that of `smooth` can do to them."""

AUGMENTATIONS = tuple(dict.fromkeys(CROPS + DISTORTIONS))


NUMBERS: dict[str, Callable[[str, object], float]] = {
    "lr": checks.positive,
    "width": partial(checks.positive, most=100.0),
    "momentum": partial(checks.number, below=1.0),
    "weight_decay": checks.number,
}
"""What numbers the fields of a recipe can be: a momentum of 1 would forget nothing, and grow for ever."""


@dataclass(frozen=True)
class Recipe:
    """How one network is trained. Every field may be overridden by a notebook's ``recipe`` parameter.

    Attributes:
        optimizer: ``"adam"``, ``"sgd"`` or ``"wame"``.
        lr: peak learning rate, above 0.
        batch: images per step, at least 2; a last batch of one image is left out.
        epochs: passes over the training images.
        images: how many training images are used, a fixed prefix of the set; ``None`` is all.
        width: factor on every channel count of the network, above 0 and at most 100.
        schedule: ``"constant"``, ``"onecycle"`` (linear up for 30 %, then down to zero), or a rate that drops twice:
            ``"step"`` (a tenth after half of the training, a hundredth after three quarters), ``"early_step"`` (the
            same after a fifth and two fifths), ``"gentle_step"`` (a half after 30 %, a tenth after 60 %); or
            ``"quarter_step"``, a tenth of it after each quarter.
        momentum: of SGD, below 1.
        weight_decay: L2 penalty as the optimiser applies it.
        augment: ``"none"``, ``"crop"`` (4-pixel pad and random crop) or ``"crop_flip"``; in `smooth` ``"distort"``:
            elastic distortion of grey images; rotation, zoom and mirror image of colour ones.
        precision: ``"fp32"``, or ``"bf16"`` for bfloat16 autocast during training, on a device that multiplies in it;
            on others it is float32. Evaluation is always float32.
    """

    optimizer: str = "adam"
    lr: float = 1e-3
    batch: int = 32
    epochs: int = 10
    images: int | None = None
    width: float = 1.0
    schedule: str = "constant"
    momentum: float = 0.9
    weight_decay: float = 0.0
    augment: str = "none"
    precision: str = "fp32"

    def __post_init__(self) -> None:
        checks.one_of("recipe optimizer", self.optimizer, OPTIMIZERS)
        checks.one_of("recipe schedule", self.schedule, SCHEDULES)
        checks.one_of("recipe augment", self.augment, AUGMENTATIONS)
        checks.one_of("recipe precision", self.precision, ("fp32", "bf16"))
        checks.whole("recipe batch", self.batch, least=2)  # batch norm has nothing to compare one image with
        checks.whole("recipe epochs", self.epochs, least=1)
        if self.images is not None:
            checks.whole("recipe images", self.images, least=2)
        for name, check in NUMBERS.items():
            object.__setattr__(self, name, check(f"recipe {name}", getattr(self, name)))

    def override(self, changes: object, what: str = "recipe") -> Recipe:
        """This recipe with the fields named in ``changes`` replaced; ``what`` is what a refusal calls it.

        Raises:
            InputError: not a mapping, an unknown field (with the closest), or a value that is not allowed.
        """
        if not isinstance(changes, Mapping):
            raise InputError(f"{what} is {checks.shown(changes)}: give a mapping such as {{'epochs': 2}}")
        names = [f.name for f in fields(self)]
        for name in map(str, changes):
            checks.one_of(f"{what} field", name, names)
        try:
            return Recipe(**{**asdict(self), **changes})
        except InputError as err:
            raise InputError(what + str(err).removeprefix("recipe")) from None


def within(what: str, changed: Collection[str], recipe: Mapping[str, Any], there: int, dataset: str) -> None:
    """Refuse more images than there are, or a batch of more than are learned, where the reader gives them.

    Args:
        what: whose recipe it is, as the sentence begins.
        changed: the fields that the reader gives.
        recipe: all its fields; none of a network that is not trained.
        there: how many training images the data set has.
        dataset: its name.

    Raises:
        InputError: naming the field.
    """
    learned = min(recipe.get("images") or there, there)
    limits = {
        "images": (there, f"training images are in {dataset}"),
        "batch": (learned, "images are there to train on"),
    }
    for field, (most, of) in limits.items():
        if field in changed and (recipe.get(field) or 0) > most:
            raise InputError(f"{what} {field} {recipe[field]} is too large: only {most} {of}")
