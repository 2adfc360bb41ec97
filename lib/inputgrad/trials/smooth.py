"""Computing the exhibits of `smooth` (Mosca, Magoulas 2018)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import product
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import pgd, pgd_restarts, random_sign
from inputgrad.compute.device import kept_generators
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods.hardening import CONTROL, Hardened, Update, hardened, prepared
from inputgrad.compute.methods.whitening import Whitening, moments
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import norm, per_image
from inputgrad.ground.checks import eps_value, whole

from .job import Job, Outcome, measuring
from .tally import Tally, placed, reading_of

BATCH = 128  # in training mode the attack's gradient has this batch's statistics
DEFAULT = {"rate": 0.2, "reduction": "sum", "mode": "accumulate", "attack_mode": "train", "source": "self",
           "label": "true"}  # fmt: skip
reading = partial(reading_of, DEFAULT)


def place(job: Job, eps: str, *, arm: str) -> dict[str, str]:
    """Which table or figure of the paper a cell belongs to, what the paper calls its data set and network, the arm."""
    in_tables = job.trial.exhibit.endswith("/hardening")
    return placed(job.trial, {"0": "4", "": "fig"}.get(eps, "5") if in_tables else "own", arm)


def control_of(job: Job) -> Hardened:
    """The trial's own network, which the exhibits of this paper train as their control."""
    return cast(Hardened, job.trained)


def arm(job: Job, update: Update) -> Hardened:
    """The network of this trial's seed under ``update``; the control is there already."""
    if update.rate == 0:
        return control_of(job)
    trial = job.trial
    return hardened(job.data, trial.model, Recipe(**trial.settings["recipe"]), trial.seed, job.device, update)


def update_of(settings: Mapping) -> Update:
    """The update that a trial's settings ask for."""
    return Update(settings["rate"], settings["reduction"], settings["mode"], settings["beyond"])


def told_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of the update a reading names."""
    return {name: settings[name] for name in ("rate", "reduction", "mode")}


def batches(job: Job, what: str = "") -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The first test images as the networks see them, their labels, and each image's own standard deviation in [0, 1].

    In batches, with progress. The standard deviation is 1 where images are not whitened.

    Raises:
        InputError: fewer than two images, which is too few for the batch statistics of an attack in training mode.
    """
    x, y = job.test_images()
    whole("images", len(x), least=2)
    scale = torch.ones(len(x), device=job.device)
    whitening = control_of(job).whitening
    if whitening is not None:
        scale = moments(x)[1][:, 0]
        x = whitening(x.cpu()).to(job.device)
    parts = max(1, round(len(x) / BATCH))
    while len(x.chunk(parts)[-1]) < 2:  # a lone image has no batch statistics
        parts -= 1
    triples = list(zip(x.chunk(parts), y.chunk(parts), scale.chunk(parts), strict=True))
    yield from measuring(job, triples, what)


def in_mode(model: nn.Module, mode: str) -> nn.Module:
    """The network, or for ``"train"`` a copy in training mode: dropout on, statistics of the batch."""
    return model if mode == "eval" else copy.deepcopy(model).train()


def fgsm_direction(model: nn.Module, x: Tensor, y: Tensor, mode: str, seed: int) -> Tensor:
    """The sign of the input gradient, taken in training or in evaluation mode [smooth, Eq. 20]."""
    with kept_generators(x.device):
        torch.manual_seed(seed)  # dropout
        return input_gradient(in_mode(model, mode), x, y).sign()


# Tables 4 and 5

STEPS = 50
"""Of each restart of the strongest attack."""


def hardening(job: Job) -> Outcome:
    """Accuracy of both arms, clean and on FGSM sets: their own or the control's, in both gradient modes."""
    s = job.trial.settings
    updates = {"control": CONTROL, "updates": update_of(s)}
    arms = {name: arm(job, update) for name, update in updates.items()}
    tallies = {name: Tally(partial(place, job, arm=name)) for name in arms}
    told = told_of(s)
    generator = torch.Generator().manual_seed(job.trial.seed)
    for x, y, scale in batches(job):
        noise = random_sign(x, generator)
        for name, network in arms.items():
            tally, model = tallies[name], network.model
            tally.add("none", "0", reading(**told), "accuracy", correct(predict(model, x), y), steps=0)
            for mode, source in product(s["attack_mode"], s["source"]):
                d = fgsm_direction(model if source == "self" else arms["control"].model, x, y, mode, job.trial.seed)
                called = reading(attack_mode=mode, source=source, **told)
                for eps in s["eps"]:
                    moved = eps_value(eps) * d
                    tally.add("FGSM", eps, called, "accuracy", correct(predict(model, x + moved), y), steps=1)
                    if called == reading(**told):
                        size = pixels(moved, scale, network.whitening)
                        tally.add("FGSM", eps, called, "pixels_linf", size, steps=1, unit="x")
            for eps in s["stronger_eps"]:
                stronger(tally, model, x, y, eps, noise, reading(**told), generator)
    held = len(prepared(job.data, s["recipe"]["images"]).y_valid)
    for name, network in arms.items():
        costs(tallies[name], network, reading(**told), job, updates[name])
        for entry in network.history:
            wrong = round((1 - entry["valid_accuracy"]) * held)
            tallies[name].counted("none", "", reading(**told), "validation_error", wrong, held, steps=entry["epoch"])
    return Outcome([row for tally in tallies.values() for row in tally.rows()])


def pixels(moved: Tensor, scale: Tensor, whitening: Whitening | None) -> Tensor:
    """The l-infinity size of perturbations of prepared images, in units of the images in [0, 1], ``(B,)``."""
    moved = moved if whitening is None else whitening.linear(moved)
    return norm(moved, torch.inf) * scale


def stronger(
    tally: Tally, model: nn.Module, x: Tensor, y: Tensor, eps: str, noise: Tensor, called: str,
    generator: torch.Generator,
) -> None:  # fmt: skip
    """Random signs, PGD-20, and the worst of that and of restarts with two losses, all of one size."""
    size = eps_value(eps)
    tally.add("random sign", eps, called, "accuracy", correct(predict(model, x + size * noise), y), steps=1)
    x_adv = pgd(model, x, y, eps=size, steps=20, early_exit=True, box=None)
    stands = correct(predict(model, x_adv), y)
    tally.add("PGD", eps, called, "accuracy", stands.clone(), steps=20)
    if stands.any():
        x, y = x[stands], y[stands]
        x_adv = pgd_restarts(model, x, y, eps=size, steps=STEPS, generator=generator, box=None)
        stands[stands.clone()] = correct(predict(model, x_adv), y)
    tally.add("PGD, restarts", eps, called, "accuracy", stands, steps=STEPS)


def costs(tally: Tally, network: Hardened, called: str, job: Job, update: Update) -> None:
    """How far the training images drifted, and what training this arm took in time and in memory for their copy."""
    images = prepared(job.data, job.trial.settings["recipe"]["images"]).x_train
    kept = images.numel() * images.element_size() / 2**20 if update.keeps else 0.0
    number = partial(tally.number, "none", "", called, steps=0)
    number("drift_l2", network.history[-1]["drift"], unit="x", images=0)
    number("training_seconds", network.seconds, unit="s", images=0)
    number("stored_mib", kept, unit="MiB", images=len(images))


# Which reading hardens


def readings(job: Job) -> Outcome:
    """One network for each reading of the update, all in lock-step with the control, under the same attacks.

    The rate is the rows' ``parameter``, reduction and mode are their ``variant``.
    """
    s = job.trial.settings
    sizes = {text: eps_value(text) for text in s["eps"]}
    base = Update(s["rates"][0], s["reductions"][0], s["modes"][0], s["beyond"])
    updates = [CONTROL, *(Update(rate, base.reduction, base.mode, s["beyond"]) for rate in s["rates"])]
    updates += [Update(base.rate, reduction, mode, s["beyond"]) for mode in s["modes"] for reduction in
                (s["reductions"] if mode != "discard" else s["reductions"][:1])]  # fmt: skip
    rows = []
    for update in dict.fromkeys(update if update.rate else CONTROL for update in updates):
        network = arm(job, update)
        tally, called = Tally(partial(in_reading, job, update)), described(update)
        for x, y, _ in batches(job, called):
            tally.add("none", "0", called, "accuracy", correct(predict(network.model, x), y), steps=0)
            directions = {
                "FGSM, training mode": fgsm_direction(network.model, x, y, "train", job.trial.seed),
                "FGSM": fgsm_direction(network.model, x, y, "eval", job.trial.seed),
                "FGSM of the control": fgsm_direction(job.trained.model, x, y, "eval", job.trial.seed),
                "FGSM of the control, training mode": fgsm_direction(job.trained.model, x, y, "train", job.trial.seed),
            }
            for eps, size in sizes.items():
                for attack, d in directions.items():
                    after = correct(predict(network.model, x + size * d), y)
                    tally.add(attack, eps, called, "accuracy", after, steps=1)
                x_adv = pgd(network.model, x, y, eps=size, steps=20, early_exit=True, box=None)
                tally.add("PGD", eps, called, "accuracy", correct(predict(network.model, x_adv), y), steps=20)
        costs(tally, network, called, job, update)
        rows += tally.rows()
    return Outcome(rows)


def in_reading(job: Job, update: Update, eps: str) -> dict[str, str]:
    """Where a cell of one reading of the update belongs."""
    if update == CONTROL:
        return {**place(job, eps, arm="control"), "parameter": "0"}
    variant = f"{update.reduction} {update.mode}"
    return {**place(job, eps, arm="updates"), "parameter": f"{update.rate:g}", "variant": variant}


def described(update: Update) -> str:
    """The name of a reading in tables: rate, reduction and mode."""
    return "control" if update == CONTROL else f"{update.rate:g} {update.reduction} {update.mode}"


# Figures 3 to 6


def pictures(job: Job) -> Outcome:
    """Images of the control's FGSM set that only the hardened network gets right, and how training images moved."""
    s = job.trial.settings
    updates, size = arm(job, update_of(s)), eps_value(s["eps"])
    called = reading(**told_of(s))
    kept: list[tuple[Tensor, ...]] = []
    tally = Tally(partial(place, job, arm="updates"))
    for x, y, _ in batches(job):
        x_adv = x + size * fgsm_direction(job.trained.model, x, y, "eval", job.trial.seed)
        before = predict(job.trained.model, x_adv).argmax(1)
        right = correct(predict(updates.model, x_adv), y)
        rescued = (before != y) & right
        tally.add("FGSM", s["eps"], called, "rescued", rescued, steps=1)
        tally.add("FGSM", s["eps"], called, "lost", (before == y) & ~right, steps=1)
        kept.append((x[rescued], x_adv[rescued], y[rescued], before[rescued]))
    x, x_adv, y, wrong = (torch.cat(parts)[: s["columns"]].cpu() for parts in zip(*kept, strict=True))
    whitening = control_of(job).whitening
    show = whitening.pictures if whitening else (lambda z: z.clamp(0, 1))
    move = whitening.linear if whitening else (lambda d: d)
    drift = updates.drift[:, : s["columns"]]
    arrays = {
        "clean": as_uint8(show(x)), "attacked": as_uint8(show(x_adv)), "perturbation": signed(move(x_adv - x)),
        "true": y.numpy().astype(np.int16), "control": wrong.numpy().astype(np.int16),
        "drift": np.stack([signed(move(d)) for d in drift]),
        "drift_l2": np.stack([norm(d, 2).numpy() for d in drift]).astype(np.float32),
    }  # fmt: skip
    return Outcome(tally.rows(), arrays)


def as_uint8(x: Tensor) -> np.ndarray:
    """Images in [0, 1] as ``(N, H, W, C)`` of uint8."""
    return (x * 255).round().byte().permute(0, 2, 3, 1).numpy()


def signed(d: Tensor) -> np.ndarray:
    """Differences, each scaled by its own largest absolute value, as uint8 around 128, ``(N, H, W, C)``."""
    peak = per_image(norm(d, torch.inf).clamp(min=1e-12), d)
    return ((d / peak + 1) / 2 * 255).round().byte().permute(0, 2, 3, 1).numpy()
