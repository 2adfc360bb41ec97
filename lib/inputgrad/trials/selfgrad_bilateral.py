"""Bilateral training, whose rows of Tables 2 to 4 `selfgrad` quotes from another paper: trained and attacked here."""

from __future__ import annotations

from functools import partial

import torch

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.methods.bilateral import Bilateral
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.study.selfgrad import BILATERAL_ROW, TABLES

from .job import Job, Outcome
from .selfgrad import ATTACKS_OF_TABLES, measured, place
from .selfgrad_active import under_attack


def bilaterally_trained(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device) -> Trained:
    """The trial's own network."""
    return trained(data, model, recipe, seed, device, Bilateral())


def bilateral(job: Job) -> Outcome:
    """The accuracies that the tables print, that in the worst case over more attacks, and what PGD-20 misses of it."""
    network = job.trained.model
    where = partial(place, job, table=TABLES.get(job.trial.dataset, "own"), arm=BILATERAL_ROW)
    rows = measured(job, network, where, "default", ATTACKS_OF_TABLES)
    found, _ = under_attack(job, BILATERAL_ROW, "", network, {})
    return Outcome([*rows, *(row for row in found if row.attack == "worst of all" or row.metric == "missed")])
