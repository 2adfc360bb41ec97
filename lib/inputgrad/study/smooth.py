"""`smooth`: training images that drift up their own loss gradient, and whether that hardens a network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from inputgrad.catalogue.choices import BASELINES, MODES, REDUCTIONS, outside
from inputgrad.catalogue.datasets import Extent
from inputgrad.catalogue.recipe import DISTORTIONS, Recipe
from inputgrad.ground import checks

from .parameters import choice, count, eps_list, flag, names
from .schema import Exhibit, Paper, Parameter, grid

GREY = ("smooth_dnn", "smooth_dnn_aug", "smooth_cnn", "smooth_cnn_aug")
COLOUR = ("smooth_cnn", "smooth_cnn_aug")
REAL = {"mnist": GREY, "cifar10": COLOUR, "cifar100": COLOUR}
STAND_INS = {"digits28": GREY, "digits32": COLOUR}

TABLE5_EPS = ("0.001", "0.01", "0.1", "0.2")
ATTACK_MODES = ("train", "eval")
SOURCES = ("self", "control")


def recipes(**shared: Any) -> dict[str, Recipe]:
    """The recipe of each network: the paper's optimiser and augmentation, and what a profile shares."""
    kinds = {name: "distort" if name.endswith("_aug") else "none" for name in GREY}
    return {name: Recipe("wame", batch=128, weight_decay=1e-4, augment=kind, **shared) for name, kind in kinds.items()}


SMOKE = recipes(epochs=4, width=0.125, images=400)
SHORT = recipes(epochs=15, images=12_000, width=0.5, schedule="onecycle", precision="bf16")
SHORTER = recipes(epochs=10, images=12_000, width=0.5, schedule="onecycle", precision="bf16")
QUICK = SHORT | {("mnist", name): SHORTER[name] for name in GREY}
DESK = recipes(epochs=30, images=40_000, width=0.5, schedule="onecycle", precision="bf16")
ON_MNIST = recipes(epochs=50, schedule="early_step")
PAPERS_OWN = recipes(epochs=100, schedule="gentle_step") | {("mnist", name): ON_MNIST[name] for name in GREY}


def grids(images: tuple[int, int, int], real: dict, stand_ins: dict, seeds: int = 5) -> dict:
    """The grids of the profiles; ``desk`` is for colour images, the grey ones are within a CPU's reach at ``paper``."""
    colour = {dataset: models for dataset, models in real.items() if dataset != "mnist"}
    return {
        "smoke": grid(images[0], SMOKE, (0,), stand_ins),
        "quick": grid(images[1], QUICK, tuple(range(min(2, seeds))), real),
        **({"desk": grid(images[1], DESK, (0,), colour)} if colour else {}),
        "paper": grid(images[2], PAPERS_OWN, tuple(range(seeds)), real),
    }


def batches_of_two(profile: str, dataset: str, there: Extent | None, settings: Mapping) -> dict:
    """No further settings; one test image alone is refused, as an attack in training mode has no batch of it."""
    checks.whole("images", settings["images"], least=2)
    return {}


def rate(value: object, what: str = "rate") -> float:
    """A finite number; whether the paper's range holds is decided together with ``beyond``."""
    try:
        if isinstance(value, bool):
            raise ValueError
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise checks.InputError(f"{what} {checks.shown(value)} is not a number") from None
    if not -1e6 < found < 1e6:
        raise checks.InputError(f"{what} {checks.shown(value)} is not a finite number")
    return found


def rates(value: object) -> list[float]:
    """A list of rates that tables can tell apart."""
    found = [rate(v, "rates") for v in checks.items("rates", value)]
    checks.unique("rates", [f"{r:g}" for r in found])
    if not found[0]:
        raise checks.InputError("rates begin with 0, which moves no image: the other lists have the first, so name one")
    return found


def in_range(values: Mapping) -> None:
    """The paper's range of the rates, unless ``beyond`` says that a value outside it is meant."""
    for value in [] if values["beyond"] else values.get("rates", [values.get("rate")]):
        outside("rate", value)


RATE = Parameter("rate", 0.2, "lambda-bar, how far an image moves along its gradient; the paper allows [-1, 1]", rate)
REDUCTION = choice("reduction", "of the loss the images follow: sum (each its own) or mean over the batch", REDUCTIONS)
MODE = choice("mode", "what becomes of the moves: " + ", ".join(MODES), MODES)
BEYOND = flag("beyond", False, "allow rates outside [-1, 1]")
EPS = Parameter("eps", list(TABLE5_EPS), "list of eps of FGSM in units of the network's input, as text", eps_list)

HARDENING = Exhibit(
    name="hardening",
    title="Accuracy with and without the updates, clean and under FGSM",
    reproduces="Tables 4 and 5, the Wilcoxon tests of Sec. 5.3 and 6, Figures 1 and 2",
    compute="inputgrad.trials.smooth:hardening",
    network="inputgrad.compute.methods.hardening:control",
    trains=True,
    augmentations=DISTORTIONS,
    center="median",
    version=2,
    tables=("4", "5"),
    metrics=("accuracy",),
    grids=grids((50, 1000, 10_000), REAL, STAND_INS),
    check=in_range,
    scale=batches_of_two,
    parameters=(
        RATE, REDUCTION, MODE, BEYOND, EPS,
        names("attack_mode", ATTACK_MODES, "mode of the network whose gradient is taken, each a reading: train, eval",
              ATTACK_MODES),
        names("source", SOURCES, "whose gradient makes the adversarial set, each a reading: self, control", SOURCES),
        Parameter("stronger_eps", ["0.1", "0.2"],
                  "list of eps of random signs, PGD-20 and PGD with restarts in units of the network's input, as text",
                  partial(eps_list, what="stronger_eps")),
    ),
)  # fmt: skip

READINGS = Exhibit(
    name="readings",
    title="Which reading hardens, and how much of it is noise",
    reproduces="what Tables 4 and 5 leave open: whose gradient, what becomes of the moves, which sign",
    compute="inputgrad.trials.smooth:readings",
    network="inputgrad.compute.methods.hardening:control",
    trains=True,
    augmentations=DISTORTIONS,
    center="median",
    version=1,
    grids=grids((50, 1000, 10_000), {"mnist": ("smooth_cnn",)}, {"digits28": ("smooth_cnn",)}),
    check=in_range,
    scale=batches_of_two,
    parameters=(
        Parameter(
            "rates",
            [0.2, -1.0, -0.2, 0.05, 0.5, 1.0],
            "list of lambda-bar; the first is that of the other lists",
            rates,
        ),
        names("reductions", REDUCTIONS, "list of sum, mean", REDUCTIONS),
        names("modes", MODES, "list of " + ", ".join(MODES), MODES),
        BEYOND,
        Parameter("eps", ["0.1", "0.2"], "list of eps in units of the network's input, as text", eps_list),
    ),
)

ONE_CNN = ({"mnist": ("smooth_cnn",)}, {"digits28": ("smooth_cnn",)})

OF_EQUAL_COST = Exhibit(
    name="baselines",
    title="Baselines of equal cost, and whether drift tells the label",
    reproduces="nothing of the paper: controls of Tables 4 and 5",
    compute="inputgrad.trials.smooth_baselines:baselines",
    network="inputgrad.compute.methods.hardening:control",
    trains=True,
    augmentations=DISTORTIONS,
    center="median",
    version=1,
    grids=grids((50, 1000, 10_000), *ONE_CNN),
    check=in_range,
    scale=batches_of_two,
    parameters=(
        RATE, REDUCTION, MODE, BEYOND,
        Parameter("eps", ["0.1", "0.2"], "list of eps of FGSM and PGD-20 in units of the network's input, as text",
                  eps_list),
        names("baselines", BASELINES, "list of " + ", ".join(BASELINES), BASELINES),
        Parameter("training_eps", 0.1, "eps of FGSM training, in units of the network's input",
                  partial(checks.positive, "training_eps")),
        Parameter("penalty", 2.0, "factor of the squared input gradient in the penalised loss, above 0",
                  partial(checks.positive, "penalty")),
        count("drift_steps", 10, "how many moves of length rate times the gradient a test image drifts by"),
    ),
)  # fmt: skip

PICTURES = Exhibit(
    name="pictures",
    title="The pictures: rescued images, and how the training images drift",
    reproduces="Figures 3 to 6",
    compute="inputgrad.trials.smooth:pictures",
    network="inputgrad.compute.methods.hardening:control",
    trains=True,
    augmentations=DISTORTIONS,
    version=1,
    grids=grids((50, 1000, 10_000), {"mnist": ("smooth_cnn",), "cifar10": ("smooth_cnn",)},
                {"digits28": ("smooth_cnn",), "digits32": ("smooth_cnn",)}, seeds=1),
    check=in_range,
    scale=batches_of_two,
    parameters=(
        RATE, REDUCTION, MODE, BEYOND,
        Parameter("eps", "0.1", "eps of FGSM in units of the network's input, as text", lambda v: eps_list([v])[0]),
        Parameter("columns", 6, "how many images are shown in a row, at most 16",
                  partial(checks.whole, "columns", least=1, most=16), "test"),
    ),
)  # fmt: skip

PAPER = Paper(
    key="smooth",
    citation="mosca2018smooth",
    title="Hardening against adversarial examples with the smooth gradient method",
    authors="Mosca, Magoulas",
    question="Does a training set that drifts up its own loss gradient, without the sign, harden the network "
    "that learns from it?",
    exhibits=(HARDENING, READINGS, OF_EQUAL_COST, PICTURES),
)
