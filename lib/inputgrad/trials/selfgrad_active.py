"""What a block of `selfgrad` does that is not idle: networks trained with one of a given size, and attacks on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import pgd
from inputgrad.compute.data import Splits
from inputgrad.compute.methods.defences import ActiveBlock, Defence, RandomStart
from inputgrad.compute.methods.selfgradient import SelfGradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.ground.checks import eps_value
from inputgrad.record.row import Row
from inputgrad.study.selfgrad import BLOCK_OFF, active_name

from .audit import inside, smoothed, square_and_apgd
from .job import Job, Outcome, batches
from .selfgrad import BATCH, attacks_of_tables, defended, holds, place, softened
from .tally import Tally

STEPS = 20
ALL_BUT_SLOW = "all but APGD and Square"
PLAIN = Defence(steps=1)
"""The control: the same training on single steps, without a block."""

Stood = dict[str, Tensor]
"""Which images are still right, clean and in the worst case, ``(N,)`` bool."""


def fgsm_trained(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device) -> Trained:
    """The trial's own network is the control, trained on FGSM."""
    return trained(data, model, recipe, seed, device, PLAIN)


def arms(job: Job) -> dict[str, Defence]:
    """The control, the same from a random start, and a block of each size that is asked for."""
    active = {active_name(size): ActiveBlock(amplitude=eps_value(size)) for size in job.trial.settings["amplitudes"]}
    return {"FGSM training": PLAIN, "FGSM training, random start": RandomStart(), **active}


def active(job: Job) -> Outcome:
    """Every network under attack, with a block also with the block off; and pairs of them image by image."""
    networks = {name: job.trained.model if d == PLAIN else defended(job, d).model for name, d in arms(job).items()}
    control = networks["FGSM training"]
    rows, base = [], None
    for name, network in networks.items():
        others = {} if network is control else {"FGSM training": control}
        found, stood = under_attack(job, name, "", network, others)
        rows += found
        base = base or stood
        if isinstance(network, SelfGradient):
            found, off = under_attack(job, name, BLOCK_OFF, network.net, {"the block on": network})
            rows += found + inside(job, name, "default", network)
            rows += compared(job, name, f"over {BLOCK_OFF}", off, stood)
        if network is not control:
            rows += compared(job, name, "over FGSM training", base, stood)
    return Outcome(rows)


def under_attack(
    job: Job, name: str, variant: str, model: nn.Module, sources: Mapping[str, nn.Module]
) -> tuple[list[Row], Stood]:
    """Accuracy under each attack, and under all of them; the slow ones only try images that stand so far.

    Gradient attacks hold a block constant: with ReLU and at a sign none of the gradient comes through it.
    """
    s, tally = job.trial.settings, Tally(partial(place, job, arm=name, variant=variant))
    generator = torch.Generator().manual_seed(job.trial.seed)
    slow = {"autoattack": True, "queries": s["queries"], "targets": min(s["targets"], job.data.classes - 1)}
    parts = []
    followed = model.detached() if isinstance(model, SelfGradient) else model
    for x, y in batches(job, BATCH, f"{name} {variant}"):
        right = correct(predict(model, x), y)
        tally.add("none", "", "default", "accuracy", right, steps=0)
        found = list(quick_attacks(job, followed, x, y, sources, generator))
        worst = tally.withstood(found, right, s["eps"])
        pgd_stands = right & next(stands for attack, stands, _ in found if attack == "PGD")
        tally.add(ALL_BUT_SLOW, s["eps"], "default", "accuracy", worst.clone(), steps=0)
        left = worst.nonzero()[:, 0]
        x, y = x[left], y[left]
        if len(left):
            for _, stands, _ in square_and_apgd(followed, x, y, eps_value(s["eps"]), slow, partial(holds, model, y)):
                worst[left] &= stands
        tally.add("worst of all", s["eps"], "default", "accuracy", worst, steps=0)
        tally.add("PGD", s["eps"], "default", "missed", pgd_stands & ~worst, steps=STEPS)
        parts.append((right, worst))
    return tally.rows(), stood_in(parts)


def stood_in(parts: Sequence[tuple[Tensor, Tensor]]) -> Stood:
    """Which images are right and which stand under all attacks, from those of each batch."""
    return dict(zip(("clean", "worst"), map(torch.cat, zip(*parts, strict=True)), strict=True))


def quick_attacks(
    job: Job, model: nn.Module, x: Tensor, y: Tensor, sources: Mapping[str, nn.Module], generator: torch.Generator
) -> Iterator[tuple[str, Tensor, int]]:
    """Each attack's name, which images stand, ``(B,)`` bool, and its steps."""
    s, size, stands = job.trial.settings, eps_value(job.trial.settings["eps"]), partial(holds, model, y)
    yield from attacks_of_tables(model, x, y, size, (STEPS,), generator)
    follow = partial(pgd, eps=size, steps=STEPS, alpha=size / 4)
    if isinstance(model, SelfGradient):
        sources = {**sources, "the block off": model.net}
        yield "PGD, smoothed", stands(follow(smoothed(model, size / 2, s["samples"], generator), x, y)), STEPS
        yield "PGD, straight through", stands(follow(softened(model).straight_through(), x, y)), STEPS
    for source, network in sources.items():
        yield f"transfer from {source}", stands(follow(network, x, y)), STEPS


def compared(job: Job, name: str, variant: str, before: Stood, after: Stood) -> list[Row]:
    """How many more of the same images are right than with another network, and the interval of paired differences."""
    tally = Tally(partial(place, job, arm=name, variant=variant))
    tally.gain("none", "", "default", before["clean"], after["clean"])
    tally.gain("worst of all", job.trial.settings["eps"], "default", before["worst"], after["worst"])
    return tally.rows()
