"""`convex`: adversarial examples as the solutions of linearised programmes under a norm bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from inputgrad.catalogue.recipe import Recipe
from inputgrad.ground import checks

from .parameters import choice, count, eps_list, eps_or_own, factors, flag, names, ratio, several
from .schema import Exhibit, Grid, Paper, Parameter, grid

ON_MNIST = ("fcnn", "lenet5")
ON_CIFAR = ("nin", "densenet40")
LAST_EPS = {
    "fcnn": 0.1,
    "lenet5": 0.2,
    "lenet5_authors": 0.2,
    "nin": 0.03,
    "densenet40": 0.01,
    "densenet16": 0.01,
}  # of Fig. 2; the first is 0.001


def fig2_eps(model: str) -> tuple[str, ...]:
    """The ten eps of Fig. 2 for a network, as text; others borrow LeNet-5's."""
    return tuple(f"{eps:.4g}" for eps in np.linspace(0.001, LAST_EPS.get(model, 0.2), 10))


PAPERS_OWN = {
    "linear": Recipe(batch=128, epochs=10),
    "fcnn": Recipe(batch=128, epochs=30, lr=5e-3, schedule="onecycle"),
    "lenet5": Recipe(batch=128, epochs=15, lr=3e-3, schedule="onecycle"),
    "nin": Recipe("sgd", batch=128, lr=0.05, epochs=160, weight_decay=1e-4, schedule="step", augment="crop_flip"),
    "densenet40": Recipe("sgd", batch=64, lr=0.1, epochs=300, weight_decay=1e-4, schedule="step", augment="crop_flip"),
    "regressor": Recipe(batch=128, epochs=20),
    "autoencoder": Recipe(batch=128, epochs=20),
    "segmenter": Recipe(batch=128, epochs=2),
}
QUICK = {
    **PAPERS_OWN,
    "nin": Recipe(batch=128, epochs=6, schedule="onecycle", augment="crop_flip", precision="bf16"),
    "densenet40": Recipe(
        "sgd", batch=64, lr=0.1, epochs=4, weight_decay=1e-4, schedule="onecycle", augment="crop_flip", precision="bf16"
    ),
}
DESK = {name: replace(QUICK[name], epochs=30) for name in ON_CIFAR}
SMOKE = {
    **{name: replace(PAPERS_OWN[name], batch=32, epochs=10, images=600) for name in ("linear", *ON_MNIST)},
    "nin": Recipe(batch=32, epochs=8, lr=2e-3, images=600, width=0.125),
    "densenet16": Recipe(batch=32, epochs=6, lr=2e-3, images=600, width=0.25),
    **{name: replace(PAPERS_OWN[name], batch=32, epochs=5) for name in ("regressor", "autoencoder")},
    "segmenter": Recipe(batch=32, epochs=6, lr=5e-3, schedule="onecycle", images=600, width=0.5),
}


def grids(images: tuple[int, int, int], on_mnist: tuple[str, ...], on_cifar: tuple[str, ...] = ()) -> dict[str, Grid]:
    """The grids of the profiles, at as many ``images`` each; beside our LeNet-5 at ``paper`` the authors'."""
    real = {"mnist": on_mnist, **({"cifar10": on_cifar} if on_cifar else {})}
    small = tuple("densenet16" if m == "densenet40" else m for m in on_cifar)
    stand_ins = {"digits28": on_mnist, **({"digits32": small} if small else {})}
    return {
        "smoke": grid(images[0], SMOKE, (0,), stand_ins),
        "quick": grid(images[1], QUICK, (0,), real),
        **({"desk": grid(images[2], DESK, (0,), {"cifar10": on_cifar})} if on_cifar else {}),
        "paper": grid(images[2], PAPERS_OWN, (0, 1, 2, 3, 4), {**real, "mnist": with_authors(on_mnist)}),
    }


def with_authors(models: tuple[str, ...]) -> tuple[str, ...]:
    """These networks, and after LeNet-5 the one that the authors trained."""
    return (*models, "lenet5_authors") if "lenet5" in models else models


def exponent(value: object) -> str:
    """The exponent of an lp norm as text, ``"inf"`` for infinity."""
    p = checks.exponent("p", value)
    return "inf" if p == math.inf else f"{p:g}"


EPS = Parameter("eps", None, "list of eps, as text ('0.03', '8/255'), in eps_unit; None: the ten of Fig. 2", eps_or_own)
EPS_UNIT = choice(
    "eps_unit", "unit of eps: range (largest minus smallest value of the prepared test set) or pixel (x in [0, 1])",
    ("range", "pixel"),
)  # fmt: skip
SCORES = choice("scores", "what a margin is taken of: logits or softmax", ("logits", "softmax"))
CLASS_CHOICE = choice(
    "class_choice",
    "the class Algorithm 1 moves to: linearised optimum, or argmin of the margins",
    ("linearised", "argmin"),
)
DTYPE = choice("dtype", "precision of the attacks: float32 or float64", ("float32", "float64"))

ONE_STEP = ("Algorithm 1", "Algorithm 2", "FastGrad", "FastGrad (float64)", "Random")
METHODS = ("DeepFool", "Algorithm 1-10", "Algorithm 1-5", *ONE_STEP, "PGD")
CLIPPED = ("DeepFool", "Algorithm 1", "FastGrad")
NORMS = ("1", "2", "inf")
PAIRED = (
    "Algorithm 1 / FastGrad",
    "Algorithm 1 / FastGrad (float64)",
    "Algorithm 1 / FastGrad (exact)",
    "Algorithm 1-5 / DeepFool",
    "Algorithm 2 / FastGrad",
)
IN_THE_BOX, LEAST_EPS = "in the box", "least eps"
"""Variants: images are kept in the box; an image counts from the smallest eps of the list that fools it."""


def least(reading: str) -> str:
    """The reading in which an image counts from the smallest eps that fools it."""
    return LEAST_EPS if reading == "default" else f"{reading} {LEAST_EPS}"


IN_RANGE = "in units of the range"
"""The variant of a length that is not divided by the image's own peak."""

WAYS = {
    "study": {},
    "constant rate": {"lr": 1e-3, "schedule": "constant"},
    "short": {"epochs": 5},
    "weight decay": {"weight_decay": 1e-4},
    "SGD": {"optimizer": "sgd", "lr": 0.1, "epochs": 15},
    "crops": {"augment": "crop", "epochs": 15},
}
"""Ways to train one network: what each changes in the recipe of the study."""


def balls(allowed: tuple[str, ...], value: object) -> list[str]:
    """A list of exponents out of ``allowed``, as text or as numbers."""
    return several("p", allowed, [f"{v:g}" if isinstance(v, (int, float)) else v for v in checks.items("p", value)])


def has_a_method(values: Mapping) -> None:
    """Refuse PGD alone in another ball than that of l-infinity, the only one it is run in: nothing would be left.

    Raises:
        InputError: naming the two.
    """
    if values["methods"] == ["PGD"] and values["p"] != "inf":
        raise checks.InputError(
            f"methods ['PGD'] has nothing to run at p {values['p']}: PGD is run for p inf only, so name another, too"
        )


EXPONENTS = ("1", "1.5", "2", "3", "inf")

FRAMEWORK = Exhibit(
    name="framework",
    title="What the framework itself implies",
    reproduces="Propositions 1 and 2, and what softmax scores would make of Algorithm 2 and of Table I",
    compute="inputgrad.trials.convex_framework:framework",
    version=1,
    grids=grids((40, 512, 1024), ("linear", *ON_MNIST)),
    parameters=(
        Parameter("multiples", ["0.5", "0.9", "0.99", "1.01", "1.1", "1.25", "1.5", "2", "3"],
                  "list of eps in units of each image's smallest feasible eps (Proposition 1)",
                  partial(factors, what="multiples")),
        Parameter("p", list(EXPONENTS), "list of exponents of the ball: 1, 1.5, 2, 3, inf", partial(balls, EXPONENTS)),
        Parameter("eps", None,
                  "list of eps at which scores are compared, in fractions of the range; None: the ten of Fig. 2",
                  eps_or_own),
    ),
)  # fmt: skip

EXAMPLES = Exhibit(
    name="examples",
    title="The pictures: images, noise, and their sum",
    reproduces="Figure 1",
    compute="inputgrad.trials.convex:examples",
    version=1,
    grids=grids((40, 100, 1024), ("lenet5",), ("nin",)),
    parameters=(
        Parameter("eps", None, "list of eps in fractions of the range; None: three of the ten of Fig. 2", eps_or_own),
        count("columns", 6, "how many images are shown in a row", "test"),
        flag("clip", False, "keep the images within [0, 1]"),
    ),
)

FOOLING = Exhibit(
    name="fooling",
    title="Fooled images over eps",
    reproduces="Figure 2",
    compute="inputgrad.trials.convex:fooling",
    version=1,
    tables=("fig2",),
    metrics=("fooling_ratio",),
    grids=grids((20, 100, 1024), ON_MNIST, ON_CIFAR),
    parameters=(
        EPS,
        EPS_UNIT,
        names("methods", METHODS, "list of " + ", ".join(METHODS), METHODS),
        Parameter("clipped", list(CLIPPED), "list of methods that are also run with the images kept within [0, 1]",
                  lambda value: [] if value == [] else several("clipped", METHODS, value)),
        flag("clip", False, "keep the images of all methods within [0, 1]"),
        SCORES,
        CLASS_CHOICE,
        Parameter("p", "inf", "exponent of the ball, from 1 to inf; PGD is run for inf only", exponent),
        DTYPE,
    ),
    check=has_a_method,
)  # fmt: skip

ROBUSTNESS = Exhibit(
    name="robustness",
    title="Three measures of robustness",
    reproduces="Table I",
    compute="inputgrad.trials.convex_measures:robustness",
    version=1,
    tables=("I",),
    metrics=("test_error", "rho1_hat", "rho2_hat", "eps_fooled_99"),
    grids=grids((20, 512, 1024), ON_MNIST, ON_CIFAR),
    parameters=(
        EPS_UNIT,
        SCORES,
        count("deepfool_steps", 50, "rounds of DeepFool at most"),
        ratio("overshoot", 0.02, "share by which DeepFool lengthens each step, at least 0"),
        DTYPE,
    ),
)

ROUNDING = Exhibit(
    name="rounding",
    title="Why FastGrad is weak: rounding",
    reproduces="the gap between Algorithm 1 and FastGrad in Figure 2",
    compute="inputgrad.trials.convex_rounding:rounding",
    version=1,
    grids=grids((20, 256, 1024), ON_MNIST, ON_CIFAR),
    parameters=(
        EPS,
        Parameter(
            "scale",
            ["1/16", "1/4", "1", "4", "16"],
            "list of factors on the logits, as text",
            partial(factors, what="scale"),
        ),
    ),
)

PAIRS = Exhibit(
    name="pairs",
    title="Method against method, on the same images",
    reproduces="the comparisons of Section IV, and FastGrad without rounding",
    compute="inputgrad.trials.convex_rounding:pairs",
    version=1,
    grids=grids((20, 100, 1024), ON_MNIST, ON_CIFAR),
    parameters=(
        EPS,
        names("pairs", PAIRED, "list of " + ", ".join(PAIRED), PAIRED),
    ),
)

RECIPES = Exhibit(
    name="recipes",
    title="How far the measures move with the training",
    reproduces="Table I for one network, trained in several ways",
    compute="inputgrad.trials.convex_measures:recipes",
    trains=True,
    version=1,
    grids={profile: replace(grid, seeds=(0,)) for profile, grid in grids((20, 256, 1024), ("fcnn",)).items()},
    parameters=(names("ways", tuple(WAYS), "list of " + ", ".join(WAYS), tuple(WAYS)),),
)

REGRESSION = Exhibit(
    name="regression",
    title="Beyond classes: regression, reconstruction, segmentation",
    reproduces="Section III, which the paper gives without an experiment",
    compute="inputgrad.trials.regression:regression",
    version=1,
    objectives=("measure", "reconstruct", "segment"),
    grids=grids((16, 64, 256), ("regressor", "autoencoder", "segmenter")),
    parameters=(
        Parameter("p", list(NORMS), "list of exponents of the ball: 1, 2, inf", partial(balls, NORMS)),
        Parameter("radius", ["1/2", "1", "2", "4"],
                  "list of eps of the l2 ball, in units of x; those of the others are scaled to it",
                  partial(factors, what="radius")),
        Parameter("eps", ["0.02", "0.05", "0.1", "0.2"],
                  "list of eps for the segmentation (l-infinity), in units of x", eps_list),
        count("bounded", 16, "how many images are held against the optimum, or for inf a bound of it", "test"),
    ),
)  # fmt: skip

PAPER = Paper(
    key="convex",
    citation="balda2018convex",
    title="On Generation of Adversarial Examples using Convex Programming",
    authors="Balda, Behboodi, Mathar",
    question="Are adversarial examples the closed-form solutions of a linearised margin under a norm bound, "
    "and do these beat FastGrad and DeepFool?",
    exhibits=(FRAMEWORK, FOOLING, ROUNDING, PAIRS, ROBUSTNESS, RECIPES, REGRESSION, EXAMPLES),
)
