"""Bilateral training, whose rows of Tables 2 to 4 `selfgrad` quotes from another paper: trained and attacked here."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.methods.bilateral import BETA, Bilateral
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.record.row import Row
from inputgrad.study.selfgrad import BILATERAL_ROW, TABLES

from .job import Job, Outcome
from .selfgrad import ATTACKS_OF_TABLES, defended, measured, place
from .selfgrad_active import under_attack


def beta_of(classes: int) -> float:
    """The ratio with which a label keeps half of its mass where the wrong classes are alike; 9 for ten classes."""
    return classes - 1.0


def bilaterally_trained(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device) -> Trained:
    """The trial's own network."""
    return trained(data, model, recipe, seed, device, Bilateral(beta=beta_of(data.classes)))


def bilateral(job: Job) -> Outcome:
    """The trial's network under attack, and one with the ratio of the authors' script where its own is another."""
    rows = attacked(job, job.trained.model)
    if beta_of(job.data.classes) != BETA:
        rows += attacked(job, defended(job, Bilateral()).model, f"beta {BETA:g}")
    return Outcome(rows)


def attacked(job: Job, model: nn.Module, variant: str = "") -> list[Row]:
    """The accuracies that the tables print, that in the worst case over more attacks, and what PGD-20 misses of it."""
    table = "own" if variant else TABLES.get(job.trial.dataset, "own")
    where = partial(place, job, table=table, arm=BILATERAL_ROW, variant=variant)
    found, _ = under_attack(job, BILATERAL_ROW, variant, model, {})
    return [
        *measured(job, model, where, "default", ATTACKS_OF_TABLES),
        *(row for row in found if row.attack == "worst of all" or row.metric == "missed"),
    ]
