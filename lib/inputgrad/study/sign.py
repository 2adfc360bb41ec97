"""`sign`: what the sign and the direction of the input gradient do to a network's accuracy."""

from __future__ import annotations

from functools import partial

from inputgrad.catalogue.recipe import Recipe
from inputgrad.ground import checks

from .parameters import choice, count, eps_list, eps_or_own, factors, flag, names
from .schema import Exhibit, Grid, Paper, Parameter, Recipes

REAL = ("mnist", "fashion_mnist", "cifar10", "cifar100")
STAND_INS = ("digits28", "digits32", "digits100")
MODELS = ("alexnet", "resnet18")

SMOKE: Recipes = {
    "alexnet": Recipe(epochs=6, batch=32, images=1200, width=0.25),
    "resnet18": Recipe(epochs=3, batch=32, images=1200, width=0.125),
}
QUICK: Recipes = {
    "alexnet": Recipe(epochs=10, batch=256, lr=2e-3),
    "resnet18": Recipe(epochs=5, batch=128, images=20_000, precision="bf16"),
}
PAPERS_OWN: Recipes = {
    "alexnet": Recipe(epochs=10, batch=32, lr=1e-3),
    "resnet18": Recipe(epochs=10, batch=32, lr=1e-3, precision="bf16"),
}

TABLE_EPS = ("0.05", "0.10", "0.15", "0.20", "0.25", "0.30")
SMALL_EPS = ("0.01", "0.02", "0.03", "0.04", "0.05")
TABLES = {("adversarial", "alexnet"): "1", ("adversarial", "resnet18"): "2",
          ("cooperative", "alexnet"): "3", ("cooperative", "resnet18"): "4"}  # fmt: skip
PROSE_EPS = {  # step sizes that the paper mentions outside its tables
    ("adversarial", "fashion_mnist", "alexnet"): ("0.9",),
    ("cooperative", "cifar10", "alexnet"): ("0.02",),
    ("cooperative", "cifar100", "alexnet"): ("0.04",),
    ("cooperative", "svhn", "alexnet"): ("0.02",),
}


def grids(*, images: dict[str, int], real: tuple = REAL, stand_ins: tuple = STAND_INS, models: tuple = MODELS) -> dict:
    """One grid for each profile; ``images`` are the test images attacked at ``smoke``, ``quick`` and ``paper``.

    With a number for ``desk`` there is that profile, too: ResNet-18 on the paper's schedule, which a CPU trains in
    hours, attacked on fewer images.
    """
    return {
        "smoke": Grid(stand_ins, models, (0,), images["smoke"], SMOKE),
        "quick": Grid(real, models, (0, 1, 2), images["quick"], QUICK),
        **({"desk": Grid(real, ("resnet18",), (0,), images["desk"], PAPERS_OWN)} if "desk" in images else {}),
        "paper": Grid((*real, "svhn") if len(real) > 2 else real, models, (0, 1, 2, 3, 4), images["paper"], PAPERS_OWN),
    }


EPS = Parameter(
    "eps", None, "list of step sizes in units of x, as text ('0.3', '8/255'); None: the paper's own", eps_or_own
)
CLIP = flag("clip", True, "keep the edited images in [0, 1]")
LOSSES = ("ce", "nll_logits", "margin")

ADVERSARIAL = Exhibit(
    name="adversarial",
    title="Adversarial examples with and without the sign",
    reproduces="Tables 1 and 2, and the SVHN and eps 0.9 figures of Sec. 4.1",
    compute="inputgrad.trials.sign:adversarial",
    takes_own=True,
    version=1,
    tables=("1", "2", "prose"),
    metrics=("accuracy", "accuracy_drop"),
    grids=grids(images={"smoke": 50, "quick": 1000, "desk": 2000, "paper": 10_000}),
    parameters=(
        EPS,
        names("attacks", ("FGSM", "FGM"), "list of FGSM, FGM", ("FGSM", "FGM")),
        names("attack_loss", ("ce", "nll_logits"), "losses to follow, each a reading: ce, nll_logits, margin", LOSSES),
        names(
            "fgm_reduction", ("sum", "mean32"), "how a batch's loss is reduced for FGM: sum, mean32", ("sum", "mean32")
        ),
        choice("label", "whose loss is followed: true or predicted label", ("true", "predicted")),
        CLIP,
        flag("skip_misclassified", False, "leave images alone that are already misclassified"),
        flag("controls", True, "also run random noise, the l2-normalised step and PGD-20"),
        count("pgd_images", 256, "how many of the images PGD-20 attacks", "test"),
    ),
)

EDITS = ("negatives", "all")
LABELS = ("true", "predicted", "random")

COOPERATIVE = Exhibit(
    name="cooperative",
    title="The same step downhill, and what it owes to the label",
    reproduces="Tables 3 and 4, and the figures of Sec. 6 given in prose",
    compute="inputgrad.trials.sign:cooperative",
    takes_own=True,
    version=1,
    tables=("3", "4", "prose"),
    metrics=("error",),
    grids=grids(images={"smoke": 50, "quick": 1000, "desk": 2000, "paper": 10_000}),
    parameters=(
        EPS,
        names("attacks", ("D-FGSM", "D-FGM"), "list of D-FGSM, D-FGM", ("D-FGSM", "D-FGM")),
        choice("attack_loss", "loss to go down: ce, nll_logits or margin", LOSSES),
        names("edit", EDITS, "which images are edited, each a reading: negatives, all", EDITS),
        names("label", LABELS, "whose loss is followed, each a reading: true, predicted, random; or runner_up",
              (*LABELS, "runner_up")),
        Parameter("ablation_eps", ["0.02", "0.10"], "list of step sizes for the readings other than the first",
                  partial(eps_list, what="ablation_eps")),
        CLIP,
    ),
)  # fmt: skip

TOLD = ("true", "runner_up", "other")

LABELLED = Exhibit(
    name="labels",
    title="Whose label? The true class, the runner-up and another",
    reproduces="nothing of the paper: a control of Sec. 6",
    compute="inputgrad.trials.sign:labels",
    takes_own=True,
    version=1,
    grids=grids(images={"smoke": 50, "quick": 10_000, "paper": 10_000}, real=("mnist", "cifar10"),
                stand_ins=("digits28",), models=("alexnet",)),
    parameters=(
        Parameter("eps", ["0.02", "0.05", "0.10"], "list of step sizes in units of x", eps_list),
        names("attacks", ("D-FGSM", "D-FGM"), "list of D-FGSM, D-FGM", ("D-FGSM", "D-FGM")),
        choice("attack_loss", "loss to go down: ce, nll_logits or margin", LOSSES),
        names("label", TOLD, "the class the step is told, each a reading: true, runner_up, other", TOLD),
        CLIP,
    ),
)  # fmt: skip

TWO = ("ce", "nll_logits")

TWO_LOSSES = Exhibit(
    name="losses",
    title="Two losses: cross-entropy and minus the true logit",
    reproduces="nothing of the paper: a hypothesis about Tables 1 to 4",
    compute="inputgrad.trials.sign_losses:losses",
    version=1,
    grids=grids(images={"smoke": 50, "quick": 10_000, "paper": 10_000}),
    parameters=(
        EPS,
        names("attacks", ("D-FGSM", "D-FGM"), "list of D-FGSM, D-FGM", ("D-FGSM", "D-FGM")),
        names("attack_loss", TWO, "losses to follow, each a reading: ce, nll_logits, margin", LOSSES),
        Parameter("far", ["1", "2", "3", "5", "10"], "list of step sizes of FGM beyond the paper's, in units of x",
                  partial(eps_list, what="far")),
        count("far_images", 1000, "how many of the images FGM goes that far on", "test"),
        CLIP,
    ),
)  # fmt: skip

METHODS = ("FGSM", "FGM", "FGM-l2", "random sign", "random normal")

PERCEPTIBILITY = Exhibit(
    name="perceptibility",
    title="Equal norm, equal success: the comparison the tables do not make",
    reproduces="the claim of Sec. 3 and Fig. 3 that sign noise is visible and magnitude noise is not",
    compute="inputgrad.trials.sign:equal_norm",
    takes_own=True,
    version=1,
    grids=grids(images={"smoke": 30, "quick": 250, "paper": 2000}),
    parameters=(
        Parameter("budgets", ["1/32", "1/16", "1/8", "1/4", "1/2", "1", "2", "4", "8", "16"],
                  "list of median l2 lengths of the step, in units of x", partial(factors, what="budgets")),
        names("methods", METHODS, "list of " + ", ".join(METHODS), METHODS),
        CLIP,
    ),
)  # fmt: skip

ALONG = ("FGSM", "FGM-l2")


SMALLEST = Exhibit(
    name="smallest",
    title="Each image's own smallest step",
    reproduces="the claim of Sec. 3 and Fig. 3, image by image",
    compute="inputgrad.trials.sign_smallest:smallest_steps",
    version=1,
    grids=grids(images={"smoke": 30, "quick": 250, "paper": 2000}),
    parameters=(
        names("methods", ALONG, "list of FGSM (along the sign), FGM-l2 (along the gradient)", ALONG),
        names("attack_loss", TWO, "losses to follow, each a reading: ce, nll_logits, margin", LOSSES),
        Parameter("reach", 32.0, "l2 length of the longest step, before clipping, in units of x",
                  partial(checks.positive, "reach", most=1e6)),
        count("scan", 21, "how many lengths are tried, up to the longest, before the bisection"),
        count("halvings", 10, "how often the bisection halves the gap"),
        CLIP,
    ),
)  # fmt: skip

PICTURED = grids(
    images={"smoke": 50, "quick": 1000, "paper": 10_000},
    real=("mnist", "fashion_mnist"),
    models=("resnet18", "alexnet"),
) | {"smoke": Grid(("digits28",), ("alexnet",), (0,), 50, SMOKE)}
"""The paper's pictures are of ResNet-18; of a data set those of the first network that is recorded are shown."""

EXAMPLES = Exhibit(
    name="examples",
    title="The pictures: attacked and repaired digits, a gradient and its sign",
    reproduces="Figures 1 to 6",
    compute="inputgrad.trials.sign:examples",
    takes_own=True,
    version=2,
    grids=PICTURED,
    parameters=(
        Parameter("eps", ["0", "0.05", "0.10", "0.20", "0.30"],
                  "list of step sizes in units of x, one row of pictures each", eps_list),
        count("columns", 6, "how many images are shown in a row", "test"),
    ),
)  # fmt: skip

PAPER = Paper(
    key="sign",
    citation="agarwal2020sign",
    title="The Role of 'Sign' and 'Direction' of Gradient on the Performance of CNN",
    authors="Agarwal, Singh, Vatsa",
    question="What do the sign and the direction of the gradient contribute to an attack, and does the same step "
    "downhill repair what the network gets wrong?",
    exhibits=(ADVERSARIAL, COOPERATIVE, LABELLED, TWO_LOSSES, PERCEPTIBILITY, SMALLEST, EXAMPLES),
)
