"""`selfgrad`: a network that reads its own input gradient before it decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from inputgrad.catalogue.choices import TAKES
from inputgrad.catalogue.recipe import Recipe
from inputgrad.ground import checks

from .libraries import LIBRARIES
from .parameters import choice, count, eps_list, flag, lengthened, names, ratio
from .schema import Exhibit, Paper, Parameter, grid

TABLES = {"cifar10": "2", "cifar100": "3", "svhn": "4"}
STEPS = (10, 20, 40, 100)
"""The columns of Tables 2 to 4."""

SHARED: dict[str, Any] = {"batch": 128, "weight_decay": 5e-4, "optimizer": "sgd"}
SMOKE = Recipe(lr=0.1, epochs=3, images=256, width=0.25, schedule="onecycle", **SHARED)
QUICK = Recipe(lr=0.2, epochs=10, images=10_000, schedule="onecycle", precision="bf16", augment="crop_flip", **SHARED)
DESK = Recipe(lr=0.2, epochs=30, schedule="onecycle", precision="bf16", augment="crop_flip", **SHARED)
PAPERS_OWN = Recipe(lr=0.1, epochs=200, schedule="quarter_step", precision="bf16", augment="crop_flip", **SHARED)
ON_SVHN = Recipe(lr=0.01, epochs=200, schedule="quarter_step", precision="bf16", augment="crop", **SHARED)


def grids(images: tuple[int, int, int], datasets: tuple[str, ...] = tuple(TABLES)) -> dict:
    """The grids of the profiles: WRN-10-2 but at ``paper``, and there WRN-28-10."""
    quick = tuple(name for name in datasets if name != "svhn")
    large = {"wrn28_10": PAPERS_OWN, ("svhn", "wrn28_10"): ON_SVHN}
    return {
        "smoke": grid(images[0], {"wrn10_2": SMOKE}, (0,), {"digits32": ("wrn10_2",)}),
        "quick": grid(images[1], {"wrn10_2": QUICK}, (0,), dict.fromkeys(quick, ("wrn10_2",))),
        "desk": grid(max(images[1], 1000), {"wrn10_2": DESK}, (0,), dict.fromkeys(quick, ("wrn10_2",))),
        "paper": grid(images[2], large, (0,), dict.fromkeys(datasets, ("wrn28_10",))),
    }


def in_pixels(value: object, what: str = "eps") -> list[str]:
    """A list of radii in [0, 1] of an image's range.

    Raises:
        InputError: one above 1, which is meant in units of 1/255.
    """
    texts = eps_list(value, what)
    for text in texts:
        if checks.eps_value(text, what) > 1:
            raise checks.InputError(
                f"{what} {text!r} is above 1, the whole range of a pixel: did you mean '{text}/255'?"
            )
    return texts


def steps_list(value: object) -> list[int]:
    """A list of different numbers of steps, each at least 1, in rising order."""
    found = [checks.whole("steps", v, least=1) for v in checks.items("steps", value)]
    return sorted(checks.unique("steps", found))


def queries(value: object) -> int | None:
    """How many queries an attack has; ``None`` is the profile's own."""
    return None if value is None else checks.whole("queries", value, least=1)


BLOCK = (
    choice("block_input", "how the block is given the gradient: raw, max1 (largest value 1) or sign", TAKES),
    Parameter("block_scale", 1.0, "factor on the block's output, at least 0", partial(checks.number, "block_scale")),
    flag("detach_train", False, "in training, treat the self gradient as a constant"),
)
"""What the paper leaves open of the block."""


def used(values: Mapping) -> None:
    """A choice about the block needs a network that has one.

    Raises:
        InputError: the block is changed, and no self-gradient network is asked for.
    """
    changed = [p.name for p in BLOCK if values[p.name] != p.default]
    if changed and "Self gradient" not in values["defences"]:
        raise checks.InputError(
            f"{changed[0]} {values[changed[0]]!r} is about the block, and defences names no self-gradient network: "
            "add 'Self gradient', or leave it out"
        )


EPS = Parameter(
    "eps", "8/255", "radius of the attacks at test, in units of x in [0, 1], as text", lambda v: in_pixels([v])[0]
)
OF_STEPS = Parameter("steps", list(STEPS), "list of numbers of steps of PGD and CW", steps_list)
ON_WHAT_STANDS = (
    count("queries", 500, "of the Square attack, on images that still stand"),
    count("targets", 2, "most likely wrong classes that targeted APGD aims at, on images that still stand"),
)
DEFENCES = ("Standard", "Madry PGD", "FGSM training", "Self gradient", "Self gradient, rescaled")
"""The last is ours: its block is given the gradient with largest value 1, so that it has something to do."""

SWITCHED = ("block enabled at inference", "block disabled at inference")
"""The variants of Table 5."""

TABLES_2_TO_5 = Exhibit(
    name="defences",
    stand_in=True,
    title="Four defences under FGSM, PGD and CW, and the block switched off",
    reproduces="Tables 2 to 5, Figure 1",
    compute="inputgrad.trials.selfgrad:defences",
    trains=True,
    version=1,
    tables=("2", "3", "4", "5"),
    metrics=("accuracy",),
    grids=grids((16, 500, 10_000)),
    check=used,
    parameters=(
        EPS,
        OF_STEPS,
        names("defences", DEFENCES, "list of " + ", ".join(DEFENCES), DEFENCES),
        *BLOCK,
    ),
)

ORACLE = Exhibit(
    name="oracle",
    stand_in=True,
    title="Given the true loss gradient",
    reproduces="Table 1",
    compute="inputgrad.trials.selfgrad:oracle",
    trains=True,
    version=1,
    tables=("1",),
    metrics=("accuracy",),
    grids=grids((16, 500, 10_000), datasets=("cifar10",)),
    parameters=(
        EPS,
        choice("gradient_input", "how the network is given the gradient: max1 (largest value 1), raw or sign",
               ("max1", "raw", "sign")),
        flag("detach_train", True, "in training, treat that gradient as a constant"),
    ),
)  # fmt: skip

CONVERGENCE = Exhibit(
    name="convergence",
    stand_in=True,
    title="Does the self gradient converge?",
    reproduces="Figure 2, Theorem 1",
    compute="inputgrad.trials.selfgrad:convergence",
    trains=True,
    version=1,
    grids=grids((16, 500, 10_000), datasets=("cifar10",)),
    parameters=(
        EPS,
        count("iterations", 10, "how often the self gradient is taken again"),
        *BLOCK,
    ),
)

UNDER_ATTACK = (
    count("restarts", 5, "random starts of PGD-100 with each of two losses"),
    count("samples", 16, "draws over which smoothed gradients are averaged"),
    Parameter("queries", None, "queries of the Square attack; None: 200 at smoke, 2000 at quick, 5000 at paper",
              queries),
    flag("autoattack", True, "also run two of AutoAttack's attacks: APGD on cross-entropy, then targeted APGD"),
    Parameter("radii", ["1/255", "2/255", "4/255", "16/255", "32/255", "64/255"],
              "list of radii of PGD-20; from 64/255 on it must bring accuracy to zero",
              partial(in_pixels, what="radii")),
    *LIBRARIES,
)  # fmt: skip
"""How an audit attacks, after its eps."""

AUDIT = Exhibit(
    name="audit",
    stand_in=True,
    title="Is the robustness real? An audit",
    reproduces="beyond the paper: attacks and controls that tell robustness from a masked gradient",
    compute="inputgrad.trials.audit:audit",
    takes_own=True,
    version=1,
    grids=grids((8, 100, 1000), datasets=("cifar10",)),
    check=used,
    parameters=(
        EPS,
        names("defences", DEFENCES, "list of " + ", ".join(DEFENCES), DEFENCES),
        *BLOCK,
        *UNDER_ATTACK,
    ),
)

BLOCK_OFF = "block off"
SMALL = Recipe(lr=0.2, epochs=6, images=10_000, width=0.5, schedule="onecycle", precision="bf16", augment="crop_flip",
               **SHARED)  # fmt: skip


def active_name(size: str) -> str:
    """What a network is called whose block is held at this size, as text in units of x."""
    return f"Self gradient, sign, {size}"


ACTIVE_GRIDS = {
    **grids((16, 500, 1000), datasets=("cifar10",)),
    "quick": grid(500, {"wrn10_2": SMALL}, (0, 1, 2), {"cifar10": ("wrn10_2",)}),
}

ACTIVE = Exhibit(
    name="active",
    title="A block that does something",
    reproduces="beyond the paper: what a block does that mimics eps times a sign",
    compute="inputgrad.trials.selfgrad_active:active",
    trains=True,
    network="inputgrad.trials.selfgrad_active:fgsm_trained",
    version=1,
    grids=ACTIVE_GRIDS,
    parameters=(
        EPS,
        Parameter("amplitudes", ["4/255", "8/255", "16/255"], "list of sizes of the block's output, its root mean "
                  "square over all signs, in units of x in [0, 1], as text", partial(in_pixels, what="amplitudes")),
        count("samples", 4, "draws over which smoothed gradients are averaged"),
        *ON_WHAT_STANDS,
    ),
)  # fmt: skip


SCHEDULE_GRIDS = {**ACTIVE_GRIDS, "quick": grid(500, {"wrn10_2": SMALL}, (0,), {"cifar10": ("wrn10_2",)})}

SCHEDULE = Exhibit(
    name="schedule",
    title="Single steps over a longer schedule",
    reproduces="beyond the paper: training on single steps with the block as published, and without it for longer",
    compute="inputgrad.trials.selfgrad_schedule:schedule",
    trains=True,
    network="inputgrad.trials.selfgrad_active:fgsm_trained",
    version=1,
    grids=SCHEDULE_GRIDS,
    parameters=(
        EPS,
        lengthened(4, "how many times the epochs of the short schedule the long one has, 2 or more"),
    ),
)

COST = Exhibit(
    name="cost",
    stand_in=True,
    title="What robustness costs in training",
    reproduces="the claims of 10 times faster convergence (abstract, Sec. 3.5)",
    compute="inputgrad.trials.selfgrad:cost",
    trains=True,
    version=1,
    grids=grids((16, 256, 256), datasets=("cifar10",)),
    parameters=(
        ratio(
            "target",
            0.9,
            "share of Madry training's last robust accuracy that has to be reached, from 0 to 1",
            most=1.0,
        ),
        *BLOCK,
    ),
)

BILATERAL_ROW = "Bilateral"
"""The row of Tables 2 to 4 whose numbers the paper takes from another one."""

BILATERAL = Exhibit(
    name="bilateral",
    stand_in=True,
    title="Bilateral training, run",
    reproduces="the rows *Bilateral* of Tables 2 to 4, which the paper quotes from Wang and Zhang (2019)",
    compute="inputgrad.trials.selfgrad_bilateral:bilateral",
    network="inputgrad.trials.selfgrad_bilateral:bilaterally_trained",
    trains=True,
    version=1,
    grids=grids((16, 500, 10_000)),
    parameters=(
        EPS,
        OF_STEPS,
        *ON_WHAT_STANDS,
    ),
)

PAPER = Paper(
    key="selfgrad",
    citation="aboutalebi2020selfgradient",
    title="Self-Gradient Networks",
    authors="Aboutalebi, Shafiee, Wong",
    question="Does a network that adds a function of its own input gradient to its input become robust, "
    "or only look so?",
    exhibits=(TABLES_2_TO_5, BILATERAL, ORACLE, CONVERGENCE, AUDIT, ACTIVE, SCHEDULE, COST),
)
