"""Computing the exhibits of `selfgrad` (Aboutalebi, Shafiee, Wong 2020)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import ATTACKS, pgd, steps_to_fool
from inputgrad.compute.device import matrix_rate
from inputgrad.compute.gradients import Classifier
from inputgrad.compute.methods.defences import MADRY_STEPS, STANDARD, WATCHED, Defence, by_name
from inputgrad.compute.methods.flops import flops
from inputgrad.compute.methods.selfgradient import LabelGradient, SelfGradient
from inputgrad.compute.methods.theorem import iterated_quadratic
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import norm
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.ground.checks import eps_value
from inputgrad.record.row import Row
from inputgrad.study.selfgrad import SWITCHED, TABLES

from .job import Job, Outcome, another_label, batches
from .tally import Place, Tally, placed, reading_of

BATCH = 100
PRINTED_ROWS = ("Standard", "Madry PGD", "Self gradient")
PRINTED = "WRN-28-10"
"""The network of the paper's tables; beside them stands whatever Wide ResNet a trial has."""

Network = TypeVar("Network", bound=nn.Module)

DEFAULT: dict[str, Any] = {"block_input": "raw", "block_scale": 1.0, "detach_train": False}
ORACLE = {"gradient_input": "max1", "detach_train": True}


def place(
    job: Job, eps: str = "", *, table: str = "own", arm: str = "Self gradient", variant: str = ""
) -> dict[str, Any]:
    """Which table of the paper a cell belongs to, and what the paper calls its data set, network and row."""
    where = placed(job.trial, table, arm, variant=variant)
    return where if table == "own" else {**where, "model": PRINTED}


def asked(job: Job) -> dict[str, Defence]:
    """The defences, the block as the trial asks for it."""
    s = job.trial.settings
    return by_name(s["block_input"], s["block_scale"], s["detach_train"])


def defended(job: Job, defence: Defence) -> Trained:
    """The trial's network with this defence; the undefended one is there already.

    Whatever was constant in training, an attack differentiates through everything.
    """
    if defence == STANDARD:
        return job.trained
    trial = job.trial
    found = trained(job.data, trial.model, Recipe(**trial.settings["recipe"]), trial.seed, job.device, defence)
    if isinstance(found.model, SelfGradient | LabelGradient):
        found.model.detach = False
    return found


def reading_for(job: Job, defence: Defence) -> str:
    """The reading that a row of this defence is of: only the block has any."""
    s = job.trial.settings
    own = {name: s[name] for name in DEFAULT if name in s}
    return reading_of(DEFAULT, **own) if defence.network == "block" else "default"


# Tables 2 to 5


def defences(job: Job) -> Outcome:
    """Accuracy of each defence, clean and under FGSM, PGD and CW; of the block also switched off."""
    s, rows = job.trial.settings, []
    table = TABLES.get(job.trial.dataset, "own")
    for name, defence in asked(job).items():
        if name not in s["defences"]:
            continue
        model = defended(job, defence).model
        own, called = table if name in PRINTED_ROWS else "own", reading_for(job, defence)
        rows += measured(job, model, partial(place, job, table=own, arm=name), called, ATTACKS_OF_TABLES)
        if name == "Self gradient":
            where = partial(place, job, table="own" if table == "own" else "5", arm=name)
            enabled, disabled = (partial(where, variant=variant) for variant in SWITCHED)
            rows += [replace(row, **enabled()) for row in rows if row.arm == name and row.attack in ("none", "PGD")
                     and row.steps in (0, s["steps"][0])]  # fmt: skip
            rows += measured(job, model.get_submodule("net"), disabled, called, {"PGD": "ce"}, least=True)
    return Outcome(rows)


ATTACKS_OF_TABLES = {"FGSM": "ce", "PGD": "ce", "CW": "margin"}
"""And the loss each one follows."""


def holds(model: Classifier, y: Tensor, x_adv: Tensor) -> Tensor:
    """Which images are classified right, ``(B,)`` bool."""
    return correct(predict(model, x_adv), y)


def attacks_of_tables(
    model: Classifier, x: Tensor, y: Tensor, size: float, steps: Sequence[int], generator: torch.Generator,
    losses: Mapping[str, str] = ATTACKS_OF_TABLES,
) -> Iterator[tuple[str, Tensor, int]]:  # fmt: skip
    """Each attack's name, which images stand, ``(B,)`` bool, and its steps: PGD and CW at every number from one run.

    An image counts as fooled by k steps when any of the first k iterates, or the random start, fools the network.
    """
    for attack, loss in losses.items():
        if attack == "FGSM":
            yield attack, holds(model, y, ATTACKS["FGSM"](model, x, y, eps=size)), 1
            continue
        fell = steps_to_fool(model, x, y, eps=size, steps=steps[-1], alpha=size / 4, loss=loss, generator=generator)
        for k in steps:
            yield attack, fell > k, k


def measured(
    job: Job, model: Classifier, where: Place, called: str, losses: Mapping[str, str], least: bool = False
) -> list[Row]:
    """Rows of one network: clean, and under each attack.

    ``called`` is the reading of all; ``least`` keeps to the smallest number of steps.
    """
    s, tally = job.trial.settings, Tally(where)
    size, steps = eps_value(s["eps"]), s["steps"][:1] if least else s["steps"]
    generator = torch.Generator().manual_seed(job.trial.seed)
    for x, y in batches(job, BATCH, where("")["defense"]):
        tally.add("none", "", called, "accuracy", correct(predict(model, x), y), steps=0)
        for attack, stands, k in attacks_of_tables(model, x, y, size, steps, generator, losses):
            tally.add(attack, s["eps"], called, "accuracy", stands, steps=k)
    return tally.rows()


# Table 1


def oracle(job: Job) -> Outcome:
    """PGD-trained networks with and without the true loss gradient as input, and what a false one does."""
    s, size = job.trial.settings, eps_value(job.trial.settings["eps"])
    told = Defence(MADRY_STEPS, "oracle", s["gradient_input"], detach=s["detach_train"])
    arms = {"with_loss_gradient_input": told, "without_gradient_input": Defence(MADRY_STEPS)}
    rows = []
    for arm, defence in arms.items():
        net = defended(job, defence).model
        tally = Tally(partial(place, job, table="1", arm=f"Madry PGD {arm}"))
        called = reading_of(ORACLE, gradient_input=s["gradient_input"], detach_train=s["detach_train"])
        generator = torch.Generator().manual_seed(job.trial.seed)
        for x, y in batches(job, BATCH, arm):
            model = defence.classifier(net, y)
            tally.add("none", "", called, "accuracy", correct(predict(model, x), y), steps=0)
            x_adv = pgd(model, x, y, eps=size, steps=10, alpha=size / 4, generator=generator)
            tally.add("PGD", s["eps"], called, "accuracy", correct(predict(model, x_adv), y), steps=10)
            false = another_label(y, job.data.classes, generator)
            follows = correct(predict(defence.classifier(net, false), x), false)
            tally.add("false label", "", called, "follows", follows, steps=0)
        rows += tally.rows()
    return Outcome(rows)


# Figure 2 and Theorem 1

RATES = {"0.2": 0.2, "0.25": 0.25, "0.3": 0.3, "0.5": 0.5}
"""eps of the iterated quadratic f(x) = x^2 / 2; up to 1/4 its iterates converge."""


def convergence(job: Job) -> Outcome:
    """How much the self gradient changes when it is taken again, for the trained block and for a plain step of eps."""
    s, defence = job.trial.settings, asked(job)["Self gradient"]
    network = cast(SelfGradient, defended(job, defence).model)
    smooth = softened(network)
    size, tally = eps_value(s["eps"]), Tally(partial(place, job))
    for x, _ in batches(job, BATCH, "iterated"):
        for activation, chosen in (("ReLU", network), ("softplus", smooth)):
            moves = {"block": chosen.block_of, "a step of eps along g": lambda g: size * g}
            for move, correction in moves.items():
                called = f"{activation}, {move}"
                for k, change in enumerate(changes(chosen, x, correction, s["iterations"])):
                    tally.add(called, "", reading_for(job, defence), "change_l2", change, steps=k, unit="1/x")
    for text, eps in RATES.items():
        values = iterated_quadratic(eps, s["iterations"])
        for n, (before, after) in enumerate(pairwise(values), 1):
            moved = abs(after - before)
            moved = moved if moved < LARGEST else LARGEST  # of two infinite ones, too
            tally.number("quadratic", text, "default", "change", moved, unit="ratio", images=0, steps=n)
    return Outcome(tally.rows())


LARGEST = 1e30
"""Iterates that diverge are cut off here, to stay numbers in a file."""


def changes(network: SelfGradient, x: Tensor, correction: Callable[[Tensor], Tensor], n: int) -> Iterator[Tensor]:
    """The l2 norm of g_0, then of g_k - g_{k-1} up to k = n, ``(B,)`` each; g_k is taken at x + correction(g_{k-1})."""
    with torch.no_grad():
        g = network.gradient(x)
        yield norm(g, 2)
        for _ in range(n):
            before, g = g, network.gradient(x + correction(g))
            yield norm(g - before, 2)


def softened(network: Network, beta: float = 10.0) -> Network:
    """A copy with softplus in place of every ReLU: as close to it as ``log(2) / beta``, and smooth."""
    smooth = copy.deepcopy(network)
    for module in list(smooth.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU):
                setattr(module, name, nn.Softplus(beta))
    return smooth


# The cost of training


def cost(job: Job) -> Outcome:
    """Robust accuracy after each epoch, the time that took, and the arithmetic of one step."""
    target, tallies, reached = job.trial.settings["target"], {}, {}
    peak = matrix_rate(job.device, job.trial.settings["recipe"]["precision"])
    forward = arithmetic(job, STANDARD, training=False)
    for name, defence in asked(job).items():
        network, step = defended(job, defence), arithmetic(job, defence)
        tally = tallies[name] = Tally(partial(place, job, arm=name))
        number = partial(tally.number, "none", "", reading_for(job, defence))
        for entry in network.history:
            number("seconds", entry["seconds"], unit="s", images=0, steps=entry["epoch"])
            if "robust_accuracy" in entry:
                robust = entry["robust_accuracy"]
                number("robust_accuracy", robust, unit="fraction", images=WATCHED, steps=entry["epoch"])
        number("images_per_second", network.images_per_second, unit="1/s", images=0, steps=0)
        number("forwards_worth", step / forward, unit="ratio", images=0, steps=0)
        number("matrix_share", step * network.images_per_second / peak, unit="ratio", images=0, steps=0)
        reached[name] = network.history
    wanted = target * reached["Madry PGD"][-1]["robust_accuracy"]
    when = {name: first_at(history, wanted) for name, history in reached.items() if name != "Standard"}
    for name, seconds in when.items() if wanted > 0 else ():
        speedup, called = when["Madry PGD"] / seconds, reading_for(job, asked(job)[name])
        tallies[name].number("none", "", called, "speedup", speedup, unit="ratio", images=WATCHED, steps=0)
    return Outcome([row for tally in tallies.values() for row in tally.rows()])


def first_at(history: list[dict], wanted: float) -> float:
    """Seconds of training until the robust accuracy is ``wanted``; infinite if it never is."""
    return next((e["seconds"] for e in history if e.get("robust_accuracy", -1.0) >= wanted), float("inf"))


def arithmetic(job: Job, defence: Defence, training: bool = True) -> float:
    """Floating-point operations an image: of one training step, with its attack, or of a forward pass.

    Counted operation by operation on two images, gradients of gradients included.
    """
    width = job.trial.settings["recipe"]["width"]
    net = defence.build(job.trial.model, shape=job.data.shape, classes=job.data.classes, width=width)
    x, y = (part[:2].cpu() for part in job.test_images())

    def step() -> None:
        attacked = defence.attacked(net, x, y, torch.Generator().manual_seed(0))
        nn.functional.cross_entropy(defence.classifier(net, y)(attacked), y).backward()

    return flops(step if training else lambda: predict(net, x)) / len(x)
