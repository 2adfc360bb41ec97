"""Computing `smooth/baselines`: the updates beside hardening of equal cost, and whether drift tells the label."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import pgd
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods.baselines import PASSES, Baseline, of_equal_cost, trained_with
from inputgrad.compute.methods.hardening import CONTROL, Hardened, prepared
from inputgrad.compute.metrics import correct, predict
from inputgrad.ground.checks import eps_value

from .job import Job, Outcome, another_label
from .smooth import arm, batches, fgsm_direction, place, reading, told_of, update_of
from .tally import Tally


def baselines(job: Job) -> Outcome:
    """Every arm under the same attacks, and where it puts images that drift along the gradient of a label.

    FGSM and PGD-20 are in evaluation mode, on each arm's own gradient.
    """
    s = job.trial.settings
    named = partial(reading, attack_mode="eval", **told_of(s))
    recipe = Recipe(**s["recipe"])
    strengths = {"FGSM training": s["training_eps"], "gradient penalty": s["penalty"]}
    arms = {"control": (arm(job, CONTROL), recipe.epochs), "updates": (arm(job, update_of(s)), recipe.epochs)}
    for method in s["baselines"]:
        shorter, baseline = of_equal_cost(recipe), Baseline(method, strengths[method])
        network = trained_with(job.data, job.trial.model, shorter, job.trial.seed, job.device, baseline)
        arms[method] = (network, PASSES * shorter.epochs)
    rows = []
    for name, (network, passes) in arms.items():
        tally = Tally(partial(in_no_table, job, arm=name))
        generator = torch.Generator().manual_seed(job.trial.seed)  # every arm is told the same false labels
        for x, y, _ in batches(job, name):
            attacked(tally, job, network.model, x, y, named())
            false = another_label(y, job.data.classes, generator)
            before = predict(network.model, x).argmax(1) == false
            tally.add("none", "0", named(label="false"), "says_told", before, steps=0)
            for source, follows in (("self", network), ("control", arms["control"][0])):
                for label, goal in (("true", y), ("false", false)):
                    called = named(label=label, source=source)
                    drifted(tally, job, network.model, follows.model, x, y, goal, called)
        costs(tally, job, network, passes, named())
        rows += tally.rows()
    return Outcome(rows)


def in_no_table(job: Job, eps: str, *, arm: str) -> dict[str, str]:
    """Where a cell belongs: beside no table of the paper."""
    return {**place(job, eps, arm=arm), "table": ""}


def attacked(tally: Tally, job: Job, model: nn.Module, x: Tensor, y: Tensor, called: str) -> None:
    """Accuracy on clean images, under FGSM and under PGD-20."""
    tally.add("none", "0", called, "accuracy", correct(predict(model, x), y), steps=0)
    d = fgsm_direction(model, x, y, "eval", job.trial.seed)
    for eps in job.trial.settings["eps"]:
        size = eps_value(eps)
        tally.add("FGSM", eps, called, "accuracy", correct(predict(model, x + size * d), y), steps=1)
        x_adv = pgd(model, x, y, eps=size, steps=20, early_exit=True, box=None)
        tally.add("PGD", eps, called, "accuracy", correct(predict(model, x_adv), y), steps=20)


def drifted(
    tally: Tally, job: Job, model: nn.Module, follows: nn.Module, x: Tensor, y: Tensor, label: Tensor, called: str
) -> None:
    """Where ``model`` puts images that drifted up the loss of a label on ``follows``, as training images do.

    A network that reads the label off the drift says the label whose loss an image went up; one that does not says it
    less than before.
    """
    s = job.trial.settings
    moved = x
    for _ in range(s["drift_steps"]):
        moved = moved + s["rate"] * input_gradient(follows, moved, label)
    classes = predict(model, moved).argmax(1)
    tally.add("drift", "", called, "accuracy", classes == y, steps=s["drift_steps"])
    tally.add("drift", "", called, "says_told", classes == label, steps=s["drift_steps"])


def costs(tally: Tally, job: Job, network: Hardened, passes: int, called: str) -> None:
    """How many gradients of single images the training took, and how long."""
    images = len(prepared(job.data, job.trial.settings["recipe"]["images"]).x_train)
    tally.number("none", "", called, "image_gradients", passes * images, steps=0, unit="images", images=0)
    tally.number("none", "", called, "training_seconds", network.seconds, steps=0, unit="s", images=0)
