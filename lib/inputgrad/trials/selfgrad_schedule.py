"""Training on single steps: with the block of `selfgrad` as published, and without one over a longer schedule."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import nn

from inputgrad.compute.methods.defences import WATCHED, Defence, RandomStart
from inputgrad.compute.methods.selfgradient import SelfGradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.training.networks import Trained
from inputgrad.ground.checks import eps_value
from inputgrad.record.row import Row
from inputgrad.study.parameters import long_name
from inputgrad.study.selfgrad import BLOCK_OFF

from .audit import inside
from .job import Job, Outcome, batches
from .selfgrad import BATCH, DEFAULT, attacks_of_tables, defended, place
from .selfgrad_active import PLAIN, STEPS, Stood, compared, stood_in
from .tally import Tally

CONTROL, RANDOM, BLOCK = "FGSM training", "FGSM training, random start", "Self gradient"
LITERAL = Defence(1, "block", DEFAULT["block_input"], DEFAULT["block_scale"], DEFAULT["detach_train"])
"""The block as the paper gives it, in training on single steps."""


def networks(job: Job) -> dict[tuple[str, str], Trained]:
    """Every network by its arm and its schedule, ``""`` for the short one.

    The block has that alone, as its training goes through second derivatives; a random start has the long one alone.
    """
    longer = job.trial.settings["longer"]
    after, long = stretched(job, longer), long_name(longer)
    return {
        (CONTROL, ""): job.trained,
        (BLOCK, ""): defended(job, LITERAL),
        (CONTROL, long): defended(after, PLAIN),
        (RANDOM, long): defended(after, RandomStart()),
    }


def stretched(job: Job, longer: int) -> Job:
    """The same job with a recipe of so many times the epochs, over which the learning rate runs as before."""
    settings = job.trial.settings
    recipe = {**settings["recipe"], "epochs": longer * settings["recipe"]["epochs"]}
    return replace(job, trial=replace(job.trial, settings={**settings, "recipe": recipe}))


def schedule(job: Job) -> Outcome:
    """Every network epoch by epoch and under attack, with a block also with the block off; and pairs of them."""
    rows, stood = [], {}
    for (arm, length), network in networks(job).items():
        found, stood[arm, length] = under_attack(job, arm, length, network.model)
        rows += followed(job, arm, length, network.history) + found
        if isinstance(network.model, SelfGradient):
            found, off = under_attack(job, arm, joined(length, BLOCK_OFF), network.model.net)
            rows += found + inside(job, arm, "default", network.model, length)
            rows += compared(job, arm, joined(length, f"over {BLOCK_OFF}"), off, stood[arm, length])
        if arm != CONTROL:
            rows += compared(job, arm, joined(length, f"over {CONTROL}"), stood[CONTROL, length], stood[arm, length])
        if length and (arm, "") in stood:
            rows += compared(job, arm, joined(length, "over the short schedule"), stood[arm, ""], stood[arm, length])
    return Outcome(rows)


def joined(*parts: str) -> str:
    """A schedule and what else distinguishes a row, as one variant."""
    return ", ".join(filter(None, parts))


def followed(job: Job, arm: str, length: str, history: list[dict]) -> list[Row]:
    """The accuracy under PGD on the last test images, at the end of each epoch of training."""
    tally = Tally(partial(place, job, arm=arm, variant=length))
    for entry in history:
        tally.number("none", "", "default", "robust_accuracy", entry["robust_accuracy"], steps=entry["epoch"],
                     unit="fraction", images=WATCHED)  # fmt: skip
    return tally.rows()


def under_attack(job: Job, arm: str, variant: str, model: nn.Module) -> tuple[list[Row], Stood]:
    """Accuracy clean, under FGSM, PGD and CW, and under all three; attacks hold a block constant."""
    s, tally = job.trial.settings, Tally(partial(place, job, arm=arm, variant=variant))
    generator = torch.Generator().manual_seed(job.trial.seed)
    size = eps_value(s["eps"])
    constant = model.detached() if isinstance(model, SelfGradient) else model
    parts = []
    for x, y in batches(job, BATCH, joined(arm, variant)):
        right = correct(predict(model, x), y)
        tally.add("none", "", "default", "accuracy", right, steps=0)
        worst = tally.withstood(attacks_of_tables(constant, x, y, size, (STEPS,), generator), right, s["eps"])
        tally.add("worst of all", s["eps"], "default", "accuracy", worst, steps=0)
        parts.append((right, worst))
    return tally.rows(), stood_in(parts)
