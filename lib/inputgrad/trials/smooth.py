"""Computing the exhibits of `smooth` (Mosca, Magoulas 2018)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from .. import data, models
from ..attacks import pgd, random_sign
from ..checks import eps_value, whole
from ..gradients import input_gradient
from ..hardening import CONTROL, Hardened, Update, hardened, prepared
from ..metrics import correct, predict
from ..norms import norm
from ..progress import progress
from ..study.schema import Recipe
from . import Job, Outcome
from .tally import Tally, reading_of

BATCH = 128  # in training mode the attack's gradient has this batch's statistics
DEFAULT = {"rate": 0.2, "reduction": "sum", "mode": "accumulate", "attack_mode": "train", "source": "self"}
reading = partial(reading_of, DEFAULT)


def place(job: Job, eps: str, *, defense: str) -> dict[str, str]:
    """Which table or figure of the paper a cell belongs to, what the paper calls its data set and network, the arm."""
    own = not job.trial.exhibit.endswith("/hardening")
    return {
        "table": "own" if own else {"0": "4", "": "fig"}.get(eps, "5"),
        "dataset": data.label(job.trial.dataset),
        "model": models.label(job.trial.model),
        "defense": defense,
    }


def arm(job: Job, update: Update) -> Hardened:
    """The network of this trial's seed under ``update``; the control is there already."""
    if update.rate == 0:
        return job.trained
    trial = job.trial
    return hardened(job.data, trial.model, Recipe(**trial.settings["recipe"]), trial.seed, job.device, update)


def update_of(settings: dict) -> Update:
    """The update that a trial's settings ask for."""
    return Update(settings["rate"], settings["reduction"], settings["mode"], settings["beyond"])


def batches(job: Job, what: str = "") -> Iterator[tuple[Tensor, Tensor]]:
    """The first test images, prepared as the networks see them, in batches, with progress.

    Raises:
        InputError: fewer than two images, which is too few for the batch statistics of an attack in training mode.
    """
    x, y = job.test_images()
    whole("images", len(x), least=2)
    if job.trained.whitening is not None:
        x = job.trained.whitening(x.cpu()).to(job.device)
    parts = max(1, round(len(x) / BATCH))
    pairs = list(zip(x.chunk(parts), y.chunk(parts), strict=True))  # of about one size, none with a lone image
    yield from progress(pairs, desc=f"measure {job.trial.exhibit} {job.trial.name} {what}".strip())


def in_mode(model: nn.Module, mode: str) -> nn.Module:
    """The network, or for ``"train"`` a copy in training mode: dropout on, statistics of the batch."""
    return model if mode == "eval" else copy.deepcopy(model).train()


def fgsm_direction(model: nn.Module, x: Tensor, y: Tensor, mode: str, seed: int) -> Tensor:
    """The sign of the input gradient, taken in training or in evaluation mode [smooth, Eq. 20]."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # dropout
        return input_gradient(in_mode(model, mode), x, y).sign()


# Tables 4 and 5


def hardening(job: Job) -> Outcome:
    """Accuracy of both arms, clean and on FGSM sets: their own or the control's, in both gradient modes."""
    s = job.trial.settings
    arms = {"control": arm(job, CONTROL), "updates": arm(job, update_of(s))}
    tallies = {name: Tally(partial(place, job, defense=name)) for name in arms}
    sizes = {text: eps_value(text) for text in s["eps"]}
    told = {name: s[name] for name in ("rate", "reduction", "mode")}
    generator = torch.Generator().manual_seed(job.trial.seed)
    for x, y in batches(job):
        noise = random_sign(x, generator)
        for name, network in arms.items():
            tally, model = tallies[name], network.model
            tally.add("none", "0", reading(**told), "accuracy", correct(predict(model, x), y), steps=0)
            for mode in s["attack_mode"]:
                for source in s["source"]:
                    maker = model if source == "self" else arms["control"].model
                    d = fgsm_direction(maker, x, y, mode, job.trial.seed)
                    called = reading(attack_mode=mode, source=source, **told)
                    for eps, size in sizes.items():
                        tally.add("FGSM", eps, called, "accuracy", correct(predict(model, x + size * d), y))
            if s["controls"]:
                for eps, size in sizes.items():
                    after = predict(model, x + size * noise)
                    tally.add("random sign", eps, reading(**told), "accuracy", correct(after, y))
                    x_adv = pgd(model, x, y, eps=size, steps=20, early_exit=True, box=None)
                    tally.add("PGD", eps, reading(**told), "accuracy", correct(predict(model, x_adv), y), steps=20)
    for name, network in arms.items():
        for entry in network.history:
            tallies[name].number(
                "none", "", reading(**told), "validation_error", 1 - entry["valid_accuracy"], unit="fraction",
                images=0, steps=entry["epoch"],
            )  # fmt: skip
    return Outcome([row for tally in tallies.values() for row in tally.rows()])


# Which reading hardens


def readings(job: Job) -> Outcome:
    """One network for each reading of the update, all in lock-step with the control, under the same attacks."""
    s = job.trial.settings
    sizes = {text: eps_value(text) for text in s["eps"]}
    base = Update(s["rates"][0], s["reductions"][0], s["modes"][0], s["beyond"])
    updates = [CONTROL, *(Update(rate, base.reduction, base.mode, s["beyond"]) for rate in s["rates"])]
    updates += [Update(base.rate, reduction, mode, s["beyond"]) for mode in s["modes"] for reduction in
                (s["reductions"] if mode != "discard" else s["reductions"][:1])]  # fmt: skip
    stored = prepared(job.data, job.trial.settings["recipe"]["images"]).x_train
    rows = []
    for update in dict.fromkeys(updates):
        network = arm(job, update)
        called = "control" if update == CONTROL else described(update)
        tally = Tally(partial(place, job, defense="control" if update == CONTROL else "updates"))
        for x, y in batches(job, called):
            tally.add("none", "0", called, "accuracy", correct(predict(network.model, x), y), steps=0)
            directions = {
                "FGSM, training mode": fgsm_direction(network.model, x, y, "train", job.trial.seed),
                "FGSM": fgsm_direction(network.model, x, y, "eval", job.trial.seed),
                "FGSM of the control": fgsm_direction(job.trained.model, x, y, "eval", job.trial.seed),
                "FGSM of the control, training mode": fgsm_direction(job.trained.model, x, y, "train", job.trial.seed),
            }
            for eps, size in sizes.items():
                for attack, d in directions.items():
                    tally.add(attack, eps, called, "accuracy", correct(predict(network.model, x + size * d), y))
                x_adv = pgd(network.model, x, y, eps=size, steps=20, early_exit=True, box=None)
                tally.add("PGD", eps, called, "accuracy", correct(predict(network.model, x_adv), y), steps=20)
        tally.number("none", "", called, "drift_l2", network.history[-1]["drift"], unit="x", images=0)
        tally.number("none", "", called, "training_seconds", network.seconds, unit="s", images=0)
        kept = stored.numel() * stored.element_size() / 2**20 if update.keeps else 0.0
        tally.number("none", "", called, "stored_mib", kept, unit="MiB", images=len(stored))
        rows += tally.rows()
    return Outcome(rows)


def described(update: Update) -> str:
    """The name of a reading in tables: rate, reduction and mode."""
    return f"{update.rate:g} {update.reduction} {update.mode}"


# Figures 3 to 6


def pictures(job: Job) -> Outcome:
    """Images of the control's FGSM set that only the hardened network gets right, and how training images moved."""
    s = job.trial.settings
    updates, size = arm(job, update_of(s)), eps_value(s["eps"])
    called = reading(**{name: s[name] for name in ("rate", "reduction", "mode")})
    kept: list[tuple[Tensor, ...]] = []
    tally = Tally(partial(place, job, defense="updates"))
    for x, y in batches(job):
        x_adv = x + size * fgsm_direction(job.trained.model, x, y, "eval", job.trial.seed)
        before = predict(job.trained.model, x_adv).argmax(1)
        right = correct(predict(updates.model, x_adv), y)
        rescued = (before != y) & right
        tally.add("FGSM", s["eps"], called, "rescued", rescued)
        tally.add("FGSM", s["eps"], called, "lost", (before == y) & ~right)
        kept.append((x[rescued], x_adv[rescued], y[rescued], before[rescued]))
    x, x_adv, y, wrong = (torch.cat(parts)[: s["columns"]].cpu() for parts in zip(*kept, strict=True))
    whitening = job.trained.whitening
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
    peak = norm(d, torch.inf).clamp(min=1e-12).view(-1, 1, 1, 1)
    return ((d / peak + 1) / 2 * 255).round().byte().permute(0, 2, 3, 1).numpy()
