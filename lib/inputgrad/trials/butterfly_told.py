"""Why the enhancing game of `butterfly` fails: the same game with a discriminator that is told the class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from torchmetrics.functional.classification import binary_auroc

from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.methods.game import Rules, decisions, perturbations, pixels
from inputgrad.compute.methods.generator import features
from inputgrad.compute.methods.probe import probe
from inputgrad.compute.metrics import predict
from inputgrad.compute.training.networks import Trained, restored, trained
from inputgrad.record.row import Row
from inputgrad.study.butterfly import DIRECT, PROBE, SCRATCH

from .butterfly_arms import Arm, Subject, described, limited, measured, of_arm, place, play, vanilla
from .butterfly_networks import ANOTHER
from .job import Job, Outcome
from .tally import Tally, reading_of

BY_NAME = {"told": "D told the class", "random": "D told a random class", "full": "D trained fully",
           "classifier_full": "D trained fully", "encoder_head": "D on the encoder's features"}  # fmt: skip


def told(job: Job) -> Outcome:
    """One classifier, enhanced on images new to it by a generator whose encoder knows more than it does.

    Without a game, which says what there is to gain; in the game by the paper's rules, whose discriminator is blind to
    the class; and in the same game with a discriminator that is told it.
    """
    start, subject = knowing(job), own(job)
    rows = vanilla(subject) + probed(job, start, job.trial.settings["recipe"]["images"])
    return Outcome(rows + errors_seen(job, called(job)) + enhanced(subject, arms(job, start)))


def bounded(job: Job) -> Outcome:
    """As :func:`told`, with every value of v inside the l-infinity ball of the trial's ``budget``."""
    subject = own(job)
    return Outcome(vanilla(subject) + enhanced(subject, limited(job, arms(job, knowing(job)))))


def judges(job: Job) -> Outcome:
    """The games of :func:`told` with discriminators that learn all of themselves, or have the encoder's features.

    The latter never see the classifier but for its decisions, as in the paper's black-box version.
    """
    subject = own(job)
    return Outcome(vanilla(subject) + enhanced(subject, judged(job, knowing(job))))


def units(job: Job) -> Outcome:
    """The games of :func:`told` with a discriminator that has a unit for each class, and is told a random one."""
    subject = own(job)
    return Outcome(vanilla(subject) + enhanced(subject, games(job, knowing(job))))


def called(job: Job) -> str:
    """The reading of a trial's rows."""
    return reading_of({"gamma": 1e-4}, gamma=job.trial.settings["gamma"])


def own(job: Job) -> Subject:
    """The trial's own classifier."""
    return Subject(job, SCRATCH, job.trained, called(job))


def enhanced(subject: Subject, generators: Iterable[Arm]) -> list[Row]:
    """The rows of each generator: how the classifier fares, with the controls, and what it gains."""
    rows = []
    for arm in generators:
        rows += of_arm(subject, arm)[0] + gained(subject, arm)
    return rows


def knowing(job: Job) -> Trained:
    """The encoder: loaded with ImageNet's weights, or trained on more images of the classifier's own data set."""
    model, width = job.trial.settings["encoders"]["small"]
    if MODELS[model].weights:
        return restored(model, job.data.shape, job.device, job.root)
    recipe = Recipe(**{**job.trial.settings["pretraining"], "width": width})
    return trained(job.data, model, recipe, job.trial.seed + ANOTHER, job.device)


def arms(job: Job, start: Trained) -> Iterator[Arm]:
    """Direct training, then every game."""
    yield Arm(DIRECT, start, replace(shared_rules(job), objective=DIRECT))
    yield from games(job, start)


def games(job: Job, start: Trained) -> Iterator[Arm]:
    """Every game: what the discriminator is told, and what of it learns."""
    for discriminator in job.trial.settings["discriminator"]:
        for d_train in job.trial.settings["d_train"]:
            yield Arm("game", start, replace(shared_rules(job), discriminator=discriminator, d_train=d_train),
                      variant=variant_of(discriminator, d_train))  # fmt: skip


def judged(job: Job, start: Trained) -> Iterator[Arm]:
    """Every game of :func:`judges`: a body for the discriminator, blind or told."""
    for body in job.trial.settings["bodies"]:
        whose, learns = body.split("_")
        judge = start if whose == "encoder" else None
        for discriminator in job.trial.settings["discriminator"]:
            rules = replace(shared_rules(job), discriminator=discriminator, d_train=learns, known=judge is None)
            yield Arm("game", start, rules, judge, variant=variant_of(discriminator, body))


def shared_rules(job: Job) -> Rules:
    """The rules that all games of a trial share."""
    return Rules("enhance", gamma=job.trial.settings["gamma"], g_train=job.trial.settings.get("g_train", "full"))


def variant_of(*choices: str) -> str:
    """How a game with these choices is called; those of the paper have no name."""
    return ", ".join(BY_NAME[choice] for choice in choices if choice in BY_NAME)


def gained(subject: Subject, arm: Arm) -> list[Row]:
    """By how much v raises the accuracy on the same test images; and in a game how its last epoch went."""
    job, tally = subject.job, subject.tally(arm.maker, arm.variant)
    number = partial(tally.number, "enhance", "", subject.reading, steps=0)
    x, y = job.test_images()
    result = play(job, subject.target, arm)  # there is a checkpoint by now
    moved = arm.rules.applied(x, perturbations(result.model, x))
    before, after = (decisions(subject.target.model, images, y)[0] for images in (x, moved))
    tally.gain("enhance", "", subject.reading, before, after)
    played = job.trial.settings["game"]["images"]
    for name in ("good", "d_accuracy"):
        if name in result.history[-1]:
            number(name, result.history[-1][name], unit="fraction", images=played)
    return tally.rows()


def probed(job: Job, start: Trained, n: int) -> list[Row]:
    """What the encoder knows: the accuracy of a linear layer on it, fitted to the first n training images."""
    body = features(start.model).to(job.device).eval()
    x, y = job.test_images()
    seen = described(body, job.data.x_train[:n].to(job.device))
    net = probe(seen, job.data.y_train[:n].to(job.device), job.data.classes)
    tally = Tally(partial(place, job, arm=PROBE))
    measured(tally, "none", called(job), predict(net, described(body, x)), y)
    return tally.rows()


def errors_seen(job: Job, called: str) -> list[Row]:
    """How well heads on the classifier's own features tell its right decisions from its wrong ones, without any v.

    Both are fitted to their minimum on the images of the game and asked about test images: one is blind, as the paper's
    discriminator is, the other has a unit for each class and is told the class. The area under the ROC curve is 0.5 for
    a head that sees nothing and 1 for one that sees all.
    """
    s, body = job.trial.settings, features(job.trained.model).to(job.device).eval()
    game = slice(s["first"], s["first"] + s["game"]["images"])
    seen = [part[game].to(job.device) for part in (job.data.x_train, job.data.y_train)]
    asked = job.test_images()
    rows = []
    for name in s["discriminator"]:
        h, t = zip(*(head_input(job, body, name, *images) for images in (seen, asked)), strict=True)
        if t[0].all() or not t[0].any() or t[1].all() or not t[1].any():
            continue  # one kind alone: there is nothing to tell apart
        z = predict(probe(h[0], t[0].long(), 2), h[1]).softmax(1)[:, 1]
        tally = Tally(partial(place, job, arm="head on the classifier's features", variant=name))
        area = binary_auroc(z, t[1].long()).item()
        tally.number("none", "", called, "auroc", area, unit="ratio", images=len(z), steps=0)
        rows += tally.rows()
    return rows


def head_input(job: Job, body: torch.nn.Module, name: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """What a head of this kind is given, ``(N, F)`` or ``(N, F * classes)``; and which decisions are right, ``(N,)``.

    A unit for each class of which one counts is one unit over features that are zero for all other classes.
    """
    h, right = described(body, x), decisions(job.trained.model, pixels(x), y)[0]
    if name == "told":
        one = torch.nn.functional.one_hot(y, job.data.classes).to(h)
        h = torch.cat([(one[:, :, None] * h[:, None, :]).flatten(1), one], 1)
    return h, right
