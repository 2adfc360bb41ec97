"""The audit of `selfgrad`: attacks and controls that tell robustness from a gradient that hides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from pyautoattack.square import SquareAttack
from torch import Tensor, nn

from inputgrad.catalogue.models import architecture
from inputgrad.compute.attacks import along, pgd, pgd_restarts, random_sign, steps_to_fool
from inputgrad.compute.device import kept_generators
from inputgrad.compute.gradients import Classifier, input_gradient
from inputgrad.compute.methods.selfgradient import SelfGradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import norm
from inputgrad.ground.checks import eps_value
from inputgrad.record.row import Row
from inputgrad.study.own import AS_GIVEN
from inputgrad.study.selfgrad import STEPS

from .job import Job, Outcome, batches
from .libraries import beside
from .selfgrad import BATCH, asked, attacks_of_tables, defended, holds, place, reading_for
from .tally import Tally

LONG = 100
"""Steps of the longest PGD."""

QUERIES = {"smoke": 200, "quick": 2000, "desk": 2000, "paper": 5000}
"""Of Square, where the reader gives no number."""

TARGETS = {"smoke": 2, "quick": 9, "desk": 9, "paper": 9}
"""Classes that targeted APGD aims at, the most likely wrong ones: as many as in AutoAttack but at `smoke`."""

ALONG = (0.25, 0.5, 0.75, 1.0)
"""Shares of eps at which the loss along FGSM's direction is looked at."""


def audit(job: Job) -> Outcome:
    """Every defence under every attack, the worst case over all of an image, and what the block does.

    A network of the reader's own comes as it is, in place of all defences.
    """
    s = job.trial.settings
    if architecture(job.trial.model).own:
        return Outcome(under_attack(job, AS_GIVEN, "default", job.trained.model, {}))
    chosen = {name: defended(job, d).model for name, d in asked(job).items() if name in s["defences"]}
    rows = []
    for name, model in chosen.items():
        others = {f"transfer from {other}": source for other, source in chosen.items() if other != name}
        called = reading_for(job, asked(job)[name])
        rows += under_attack(job, name, called, model, others)
        if isinstance(model, SelfGradient):
            rows += controls(job, name, called, model)
            rows += inside(job, name, called, model)
    return Outcome(rows)


def under_attack(job: Job, name: str, called: str, model: nn.Module, others: Mapping[str, nn.Module]) -> list[Row]:
    """Rows of one defence: its accuracy under each attack, under all of them at once, and over the radius."""
    s = dict(job.trial.settings)
    s["queries"] = s["queries"] or QUERIES[job.trial.profile]
    s["targets"] = min(TARGETS[job.trial.profile], job.data.classes - 1)
    size, tally = eps_value(s["eps"]), Tally(partial(place, job, arm=name))
    generator = torch.Generator().manual_seed(job.trial.seed)
    for x, y in batches(job, BATCH, name):
        right = correct(predict(model, x), y)
        tally.add("none", "", called, "accuracy", right, steps=0)
        worst = tally.withstood(attacks(model, x, y, size, s, others, generator), right, s["eps"], called)
        worst &= beside(tally, model, x, y, right, eps=s["eps"], settings=s, seed=job.trial.seed)
        tally.add("worst of all", s["eps"], called, "accuracy", worst, steps=0)
        for eps in s["radii"]:
            x_adv = pgd(model, x, y, eps=eps_value(eps), steps=20, early_exit=True, generator=generator)
            tally.add("PGD over eps", eps, called, "accuracy", correct(predict(model, x_adv), y) & right, steps=20)
        tally.add("FGSM", s["eps"], called, "loss_falls_along", falls_along(model, x, y, size)[right], steps=1)
    return tally.rows()


def attacks(
    model: nn.Module, x: Tensor, y: Tensor, size: float, s: Mapping, others: Mapping[str, nn.Module],
    generator: torch.Generator,
) -> Iterator[tuple[str, Tensor, int]]:  # fmt: skip
    """Each attack's name, which images stand, ``(B,)`` bool, and its steps."""
    stands = partial(holds, model, y)
    yield "random sign", stands(along(x, random_sign(x, generator), size)), 1
    yield from attacks_of_tables(model, x, y, size, STEPS, generator)
    x_adv = pgd_restarts(model, x, y, eps=size, steps=LONG, restarts=s["restarts"], generator=generator)
    yield "PGD, restarts", stands(x_adv), LONG
    follow = partial(pgd, eps=size, steps=20, alpha=size / 4)
    yield "PGD, smoothed", stands(follow(smoothed(model, size / 2, s["samples"], generator), x, y)), 20
    if isinstance(model, SelfGradient):
        yield "PGD, block held constant", stands(follow(model.detached(), x, y)), 20
        others = {**others, "transfer from the block off": model.net}
    for attack, source in others.items():
        yield attack, stands(follow(source, x, y)), 20
    yield from square_and_apgd(model, x, y, size, s, stands)


def square_and_apgd(
    model: nn.Module, x: Tensor, y: Tensor, size: float, s: Mapping, stands: Callable
) -> Iterator[tuple[str, Tensor, int]]:
    """The attacks of Croce and Hein's own library: Square, and APGD on cross-entropy and on targets."""
    shared = {"norm": "Linf", "eps": size, "device": x.device, "seed": 0}
    x_adv = perturbed(SquareAttack(model, n_queries=s["queries"], **shared), x, y)
    yield "Square", stands(x_adv), s["queries"]
    if not s["autoattack"]:
        return
    x_adv = perturbed(APGDAttack(model, n_iter=LONG, loss="ce", **shared), x, y)
    left = stands(x_adv)
    yield "APGD", left, LONG
    if predict(model, x[:1]).shape[1] < 4:  # its loss compares four classes
        return
    if left.any():
        targeted = APGDAttack_targeted(model, n_iter=LONG, n_target_classes=s["targets"], **shared)
        x_adv[left] = perturbed(targeted, x[left], y[left])
    yield "APGD, then targeted", stands(x_adv), LONG


def perturbed(attack: Any, x: Tensor, y: Tensor) -> Tensor:
    """What an attack of that library makes of images; it seeds the global generator, which is put back."""
    with kept_generators(x.device):
        return attack.perturb(x, y)


def smoothed(model: Classifier, sigma: float, samples: int, generator: torch.Generator) -> Classifier:
    """``x`` -> logits averaged over normal noise of standard deviation ``sigma``, and so gradients over pieces."""
    return lambda x: torch.stack(
        [model(x + sigma * torch.randn(x.shape, generator=generator).to(x)) for _ in range(samples)]
    ).mean(0)


def falls_along(model: Classifier, x: Tensor, y: Tensor, size: float) -> Tensor:
    """Does the loss fall anywhere on the way to FGSM's image, ``(B,)`` bool: a step up that goes down is a warning."""
    d = input_gradient(model, x, y).sign()
    losses = [
        F.cross_entropy(predict(model, along(x, d, share * size)), y, reduction="none") for share in (0.0, *ALONG)
    ]
    return (torch.stack(losses).diff(dim=0) < 0).any(0)


def controls(job: Job, name: str, called: str, network: SelfGradient) -> list[Row]:
    """The same weights with something else in the block's place: clean and under PGD-20, attacked as they are."""
    s, rows = job.trial.settings, []
    size, generator = eps_value(s["eps"]), torch.Generator().manual_seed(job.trial.seed)
    x, _ = job.test_images()
    with torch.no_grad():
        mean = network.correction(x[:100]).mean(0, keepdim=True)

    def on_noise(z: Tensor) -> Tensor:
        with torch.no_grad():
            g = network.gradient(z)
        noise = torch.randn(z.shape, generator=generator).to(z) * g.std()
        return network.net(z + network.block_of(noise))

    stand_ins: dict[str, Classifier] = {
        "block off": network.net,
        "block a constant": lambda z: network.net(z + mean),
        "block on noise": on_noise,
    }
    for what, model in stand_ins.items():
        tally = Tally(partial(place, job, arm=name, variant=what))
        for images, y in batches(job, BATCH, what):
            tally.add("none", "", called, "accuracy", correct(predict(model, images), y), steps=0)
            fell = steps_to_fool(model, images, y, eps=size, steps=20, alpha=size / 4, generator=generator)
            tally.add("PGD", s["eps"], called, "accuracy", fell > 20, steps=20)
        rows += tally.rows()
    return rows


def inside(job: Job, name: str, called: str, network: SelfGradient, variant: str = "") -> list[Row]:
    """How large the block's output is, how its gradient lies to the loss's, and what constancy hides from an attack."""
    tally = Tally(partial(place, job, arm=name, variant=variant))
    for x, y in batches(job, BATCH, "inside the block"):
        with torch.no_grad():
            added, g = network.correction(x), network.gradient(x)
        rms = added.flatten(1).square().mean(1).sqrt()
        full, constant = (input_gradient(m, x, y) for m in (network, network.detached()))
        cosine = F.cosine_similarity(g.flatten(1), full.flatten(1)).abs()
        hidden = norm(full - constant, 2) / norm(full, 2).clamp(min=1e-12)
        add = partial(tally.add, "none", "", called, steps=0)
        add("block_rms", rms, unit="x")
        add("gradient_linf", norm(g, torch.inf), unit="1/x")
        add("cosine", cosine, unit="ratio")
        add("second_order_share", hidden, unit="ratio")
    return tally.rows()
