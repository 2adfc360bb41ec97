"""How much of the lead over FastGrad in `convex` is rounding: several precisions and losses, image by image."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from inputgrad.compute.attacks.convex import perturbation
from inputgrad.compute.gradients import input_gradient, margins
from inputgrad.ground.checks import eps_value

from .convex import STEPS_OF, fooled_over, one_step_perturbations
from .convex_victim import DEFAULT, place, victim
from .job import Job, Outcome
from .tally import Tally


def rounding(job: Job) -> Outcome:
    """FastGrad in several precisions and with several losses, beside Algorithm 1: over eps, and at one over a factor.

    The factor on the logits, the rows' ``parameter``, changes no decision and no direction of a margin; it only makes
    the softmax sharper or softer, and with it the weights of the classes in the cross-entropy's gradient, and how they
    are rounded.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = v.sizes(job)
    at_scales = list(sizes)[len(sizes) // 3]
    double = copy.deepcopy(v.logits).double()
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        for text in s["scale"]:
            factor = eps_value(text)
            name = "default" if factor == 1 else f"scale={text}"
            single, exact = scaled(v.logits, factor), scaled(double, factor)
            add = partial(tally.add, reading=name, parameter=text)
            for metric, rounded in (("saturated", saturated(single, x, y)),
                                    ("saturated_float64", saturated(exact, x.double(), y))):  # fmt: skip
                add("none", "", metric=metric, values=rounded, steps=0)
            for method, eta in loss_steps(single, exact, x, y).items():
                for eps in sizes if factor == 1 else (at_scales,):
                    add(method, eps, metric="fooling_ratio", values=v.fooled(x + eta(sizes[eps]), y), steps=1)
    return Outcome(tally.rows())


def scaled(logits: nn.Module, factor: float) -> Callable[[Tensor], Tensor]:
    """The same network with its logits multiplied by ``factor``."""
    return lambda x: factor * logits(x)


def saturated(logits: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Where the softmax probability of the class ``y`` is exactly 1 in the precision of ``x``, ``(B,)`` bool."""
    with torch.no_grad():
        return logits(x).softmax(1).gather(1, y[:, None])[:, 0] == 1


def loss_steps(
    single: Callable[[Tensor], Tensor], double: Callable[[Tensor], Tensor], x: Tensor, y: Tensor
) -> dict[str, Callable[[float], Tensor]]:
    """One-step perturbations along several losses of one network, in float32 and in float64, as functions of eps."""
    m = margins(single, x, y)
    directions = {
        "FastGrad": input_gradient(single, x, y).sign(),
        "FastGrad (float64)": input_gradient(double, x.double(), y).sign().to(x),
        "FastGrad (clipped at 1e-7)": input_gradient(single, x, y, loss="clipped_ce").sign(),
        "FastGrad (margin loss)": input_gradient(single, x, y, loss="margin").sign(),
        "Algorithm 2": input_gradient(single, x, y, loss="nll_logits").sign(),
    }
    steps = {name: partial(torch.mul, d) for name, d in directions.items()}
    return {**steps, "Algorithm 1": lambda eps: perturbation(m, eps, torch.inf)}


def pairs(job: Job) -> Outcome:
    """Which images one method fools and another does not, over eps, with paired intervals of the lead.

    ``FastGrad (exact)`` steps along :func:`inputgrad.compute.gradients.rival_scores`, whose gradient is that of the
    cross-entropy up to a positive factor, so that nothing of it is rounded away.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = v.sizes(job)
    generator = torch.Generator().manual_seed(job.trial.seed)
    double = copy.deepcopy(v.logits).double()
    methods = dict.fromkeys(method for pair in s["pairs"] for method in pair.split(" / "))
    parts: dict[str, list[Tensor]] = {method: [] for method in methods}
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        etas = one_step_perturbations(v, double, x, y, DEFAULT, generator)
        etas["FastGrad (exact)"] = partial(torch.mul, input_gradient(v.logits, x, y, loss="rival_scores").sign())
        for method in methods:
            fooled = fooled_over(method, v, x, y, DEFAULT, etas, None, sizes)
            parts[method].append(torch.stack(list(fooled.values()), 1).cpu())
    hits = {method: torch.cat(found) for method, found in parts.items()}  # (N, number of eps)
    for method, found in hits.items():
        for i, eps in enumerate(sizes):
            tally.add(method, eps, "default", "fooling_ratio", found[:, i], steps=STEPS_OF.get(method, 1))
    for pair in s["pairs"]:
        one, other = pair.split(" / ")
        add_leads(tally, one, other, list(sizes), hits[one], hits[other])
    return Outcome(tally.rows())


def add_leads(tally: Tally, one: str, other: str, sizes: list[str], first: Tensor, second: Tensor) -> None:
    """Add, at every eps and over all of them, how many more images one method fools than another.

    Args:
        tally: what collects the rows.
        one, other: the two methods.
        sizes: the eps, as text.
        first, second: which images the two fool, ``(N, number of eps)`` bool.
    """
    name = f"against {other}"
    said: dict[str, Any] = {"steps": STEPS_OF.get(one, 1), "variant": other}
    for i, eps in enumerate(sizes):
        only_first, only_second = first[:, i] & ~second[:, i], second[:, i] & ~first[:, i]
        tally.add(one, eps, name, "only_first", only_first, **said)
        tally.add(one, eps, name, "only_second", only_second, **said)
        lead, low, high = paired_lead(int(only_first.sum()), int(only_second.sum()), len(first))
        for metric, value in (("lead", lead), ("lead_low", low), ("lead_high", high)):
            tally.number(one, eps, name, metric, value, unit="percentage_points", images=len(first), **said)
    mean = 100 * (first.float() - second.float()).mean(1)
    tally.bootstrapped(one, name, "mean_lead", mean, torch.mean, "percentage_points", **said)


def paired_lead(only_first: int, only_second: int, images: int) -> tuple[float, float, float]:
    """The difference of two shares of the same images in points, and its 95 % interval (Agresti and Min 2005).

    One half is added to each of the four kinds of image, fooled by both, by one or by none of the methods; the interval
    is cut off at -100 and 100.
    """
    b, c, n = only_first + 0.5, only_second + 0.5, images + 2
    middle, half = (b - c) / n, 1.96 * math.sqrt(b + c - (b - c) ** 2 / n) / n
    return 100 * (only_first - only_second) / images, max(100 * (middle - half), -100), min(100 * (middle + half), 100)
