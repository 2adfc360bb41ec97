"""The games of `butterfly` on classifiers that have ImageNet's weights themselves."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.published import IMAGENETTE
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.methods.game import perturbations
from inputgrad.compute.models import build
from inputgrad.compute.training.networks import Trained, restored, trained
from inputgrad.record.row import Row
from inputgrad.study.butterfly import AS_PUBLISHED, FINE_TUNED, SCRATCH

from .butterfly_arms import Arm, Subject, play, vanilla
from .butterfly_told import arms, called, enhanced, knowing, probed
from .job import Job, Outcome


def pretrained(job: Job) -> Outcome:
    """ImageNet's classifier as it is, and fine-tuned; each alone, without a game, and in both games.

    The generator's encoder has the weights that both classifiers began with.
    """
    start = knowing(job)
    own = AS_PUBLISHED if MODELS[job.trial.model].weights else SCRATCH
    rows = probed(job, start, job.trial.settings["first"])
    for kind, target in {own: job.trained, FINE_TUNED: fine_tuned(job, start)}.items():
        subject = Subject(job, kind, target, called(job))
        rows += vanilla(subject)
        for arm in arms(job, start):
            rows += enhanced(subject, [arm]) + within_class(subject, arm)
    return Outcome(rows)


def of_imagenet(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device) -> Trained:
    """The trial's own network: ImageNet's classifier, with no output units but those of the data's classes.

    A network that has no published weights is trained.
    """
    if not MODELS[model].weights:
        return trained(data, model, recipe, seed, device)
    given = restored(model, data.shape, device)
    net = build(model, shape=data.shape, classes=data.classes).to(device).to(memory_format=torch.channels_last)
    chosen, own = torch.tensor(IMAGENETTE[data.name], device=device), net.state_dict()
    net.load_state_dict({k: t if t.shape == own[k].shape else t[chosen] for k, t in given.model.state_dict().items()})
    return replace(given, model=net.eval())


def fine_tuned(job: Job, start: Trained) -> Trained:
    """The classifier that begins at the encoder's weights and learns the data set."""
    model, width = job.trial.settings["encoders"]["small"]
    recipe = Recipe(**{**job.trial.settings["tuning"], "width": width})
    return trained(job.data, model, recipe, job.trial.seed, job.device, start=start)


def within_class(subject: Subject, arm: Arm) -> list[Row]:
    """The accuracy where each image is given the v of another one of its class."""
    x, y = subject.job.test_images()
    tally = subject.tally(arm.maker, arm.variant)
    v = perturbations(play(subject.job, subject.target, arm).model, x)
    subject.measured(tally, "v of its class", arm.rules.applied(x, v[next_of_class(y)]), y, table=False)
    return tally.rows()


def next_of_class(y: Tensor) -> Tensor:
    """For each image the index of the next one of its class, of the last the first's, ``(N,)``.

    Args:
        y: labels, ``(N,)``; an image that is alone in its class has its own.
    """
    found = torch.empty_like(y)
    for label in y.unique():
        own = (y == label).nonzero()[:, 0]
        found[own] = own.roll(-1)
    return found
