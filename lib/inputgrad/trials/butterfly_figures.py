"""Computing the figures of `butterfly`: the game epoch by epoch, and its pictures."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from inputgrad.compute.methods.game import BATCH, HELD, decisions, optimal_generator_loss, outputs, perturbations
from inputgrad.compute.metrics import predict
from inputgrad.compute.norms import norm
from inputgrad.record.row import Row
from inputgrad.study.butterfly import SIZES
from inputgrad.study.parameters import long_name

from .butterfly_arms import Arm, game_images, measured, place, play, reading_for, rules_of
from .butterfly_networks import encoder, victim
from .job import Job, Outcome
from .smooth import as_uint8, signed
from .tally import Tally

# Figures 4, 8, 9 and 10

FOLLOWED = {"accuracy": "fraction", "held_accuracy": "fraction", "d_accuracy": "fraction", "good": "fraction",
            "p_true": "probability", "d_loss": "loss", "g_loss": "loss", "l2": "x", "mean_square": "x^2",
            "gained": "images", "lost": "images"}  # fmt: skip
"""What is kept of every epoch, and its unit."""


def curves(job: Job) -> Outcome:
    """The games epoch by epoch, and what Appendix A says of any."""
    tally = Tally(partial(place, job, arm="appendix A"))
    number = partial(tally.number, "optimal discriminator", "", reading_for(job), "optimal_g_loss", images=0, steps=0)
    for share, value in optimum().items():
        number(value, unit="loss", parameter=share)
    return Outcome(games(job) + tally.rows())


def longer(job: Job) -> Outcome:
    """The games epoch by epoch over more epochs, in rows that are named so."""
    return Outcome(games(job, long_name(job.trial.settings["longer"])))


def games(job: Job, length: str = "") -> list[Row]:
    """Rows of the game of each problem, loss and gamma.

    The column ``parameter`` has gamma, and ``steps`` the epoch. The scratch classifier is enhanced and the fine-tuned
    one attacked, both with the small encoder. Further losses are played with the first gamma alone.
    """
    s, rows = job.trial.settings, []
    start, counts = encoder(job, SIZES[0]), (len(game_images(job)[0]), len(job.data.x_test[-HELD:]))
    for problem in s["problems"]:
        target = job.trained if problem == "enhance" else victim(job)[1]
        gammas = s[f"gammas_{problem}"]
        for loss in s["loss"] if s["objective"] == "game" else s["loss"][:1]:
            variant = ", ".join(filter(None, (loss if s["objective"] == "game" else s["objective"], length)))
            tally = Tally(partial(place, job, arm=problem, variant=variant))
            untouched(tally, problem, reading_for(job), job, target.model)
            for gamma in gammas if loss == s["loss"][0] else gammas[:1]:
                rules = rules_of(job, problem, loss=loss, gamma=float(gamma))
                history = play(job, target, Arm(problem, start, rules)).history
                followed(tally, problem, gamma, reading_for(job), history, *counts)
            rows += tally.rows()
    return rows


def untouched(tally: Tally, attack: str, called: str, job: Job, target: nn.Module) -> None:
    """Accuracy before the game, on its images and on those held out: epoch 0 of every gamma."""
    parts = {"accuracy": game_images(job), "held_accuracy": (job.data.x_test[-HELD:], job.data.y_test[-HELD:])}
    for metric, (x, y) in parts.items():
        right, _ = decisions(target, x.to(job.device), y.to(job.device))
        share = right.float().mean().item()
        tally.number(attack, "", called, metric, share, unit="fraction", images=len(x), steps=0)


def followed(tally: Tally, attack: str, gamma: str, called: str, history: list[dict], images: int, held: int) -> None:
    """Every epoch of one game; and how it ended, in rows of its own that know no epoch."""
    number = partial(tally.number, attack, "", called, parameter=gamma)
    for entry in history:
        for name in [n for n in FOLLOWED if n in entry]:
            total = held if name == "held_accuracy" else images
            number(name, entry[name], unit=FOLLOWED[name], images=total, steps=entry["epoch"])
    end, last = partial(number, steps=0), history[-1]
    end("last_l2", last["l2"], unit="x", images=images)
    end("last_held_accuracy", last["held_accuracy"], unit="fraction", images=held)
    end("still_moving", spread_at_the_end([entry["l2"] for entry in history]), unit="ratio", images=images)


def spread_at_the_end(values: list[float], share: float = 1 / 3) -> float:
    """How far apart the last third of some values lie, as a share of their mean; 0 where all are 0."""
    tail = values[-max(2, round(share * len(values))) :]
    mean = sum(tail) / len(tail)
    return (max(tail) - min(tail)) / mean if mean else 0.0


def optimum(seed: int = 0, cells: int = 20) -> dict[str, float]:
    """The generator's loss against the optimal discriminator when a share of every image's bad mass becomes good.

    A discrete check of Appendix A: 20 images with random masses [butterfly, Eq. 15 and 21].

    Returns:
        The loss by that share, from 0 to 1, as text.
    """
    good, bad = torch.rand(2, cells, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    total = (good + bad).sum()
    shares = [f"{k / 10:g}" for k in range(11)]
    losses = [optimal_generator_loss((good + float(s) * bad) / total, (1 - float(s)) * bad / total) for s in shares]
    return {share: loss.item() for share, loss in zip(shares, losses, strict=True)}


# Figures 1, 3, 5 to 7 and 11 to 14


def pictures(job: Job) -> Outcome:
    """Test images whose decision the first gamma of each problem turns, with v and x + v for every gamma."""
    s, rows = job.trial.settings, []
    arrays: dict[str, np.ndarray] = {}
    x, y = job.test_images()
    start, called = encoder(job, SIZES[0]), reading_for(job)
    for problem in s["problems"]:
        target = job.trained if problem == "enhance" else victim(job)[1]
        before = predict(target.model, x, BATCH).argmax(1)
        tally = Tally(partial(place, job, arm=problem))
        measured(tally, "none", called, outputs(target.model, x), y)
        shown: Tensor | None = None
        parts: dict[str, list[np.ndarray]] = {"v": [], "moved": [], "after": [], "l2": []}
        for gamma in s[f"gammas_{problem}"]:
            rules = rules_of(job, problem, gamma=float(gamma))
            v = perturbations(play(job, target, Arm(problem, start, rules)).model, x)
            moved = rules.applied(x, v)
            after = predict(target.model, moved, BATCH).argmax(1)
            shown = turned(before, after, y, problem, s["columns"]) if shown is None else shown
            length, played = norm(v, 2).mean().item(), {"steps": 0, "parameter": gamma}
            tally.add(problem, "", called, "accuracy", after == y, **played)
            tally.number(problem, "", called, "l2", length, unit="x", images=len(x), **played)
            parts["v"].append(signed(v[shown].cpu()))
            parts["moved"].append(as_uint8(moved[shown].clamp(0, 1).cpu()))
            parts["after"].append(after[shown].cpu().numpy().astype(np.int16))
            parts["l2"].append(norm(v[shown], 2).cpu().numpy().astype(np.float32))
        arrays |= {f"{problem}_{name}": np.stack(found) for name, found in parts.items()}
        arrays |= {f"{problem}_clean": as_uint8(x[shown].cpu()),
                   f"{problem}_true": y[shown].cpu().numpy().astype(np.int16),
                   f"{problem}_before": before[shown].cpu().numpy().astype(np.int16)}  # fmt: skip
        rows += tally.rows()
    return Outcome(rows, arrays)


def turned(before: Tensor, after: Tensor, y: Tensor, problem: str, n: int) -> Tensor:
    """Indices of the first ``n`` images: those that went over to what the game wants, then all others."""
    wanted = (before != y) & (after == y) if problem == "enhance" else (before == y) & (after != y)
    return torch.argsort(~wanted, stable=True)[:n]
