"""Computing Table I of `convex`: a network's robustness in one number, three times, and what training makes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import deepfool
from inputgrad.compute.attacks.convex import smallest_eps
from inputgrad.compute.gradients import margins
from inputgrad.compute.metrics import correct
from inputgrad.compute.norms import norm
from inputgrad.compute.training.networks import trained
from inputgrad.study.convex import IN_RANGE, WAYS

from .convex import STEPS_OF
from .convex_rounding import saturated
from .convex_victim import Victim, place, reading, test_batches, victim
from .job import Job, Outcome
from .tally import Tally


def robustness(job: Job) -> Outcome:
    """Test error, the two normalised distances, and the eps at which DeepFool has fooled 99 of 100 images.

    The measures have 95 % bootstrap intervals over the images (``..._low``, ``..._high``).
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    chosen = {k: s[k] for k in ("eps_unit", "scores", "dtype")}
    name, in_range = reading(**chosen), reading(**chosen, rho_unit="range")
    for x, y in test_batches(job):
        with torch.no_grad():
            tally.add("none", "", name, "test_error", ~correct(job.trained.model(x), y), steps=0)
    m = measures(v, job, steps=s["deepfool_steps"], overshoot=s["overshoot"])
    tally.add("DeepFool", "", name, "fooled_at_all", m["fooled"], steps=s["deepfool_steps"])
    add_measures(tally, name, m, v.unit, steps=s["deepfool_steps"], in_range=in_range)
    return Outcome(tally.rows())


def measures(v: Victim, job: Job, *, steps: int = STEPS_OF["DeepFool"], overshoot: float = 0.02) -> dict[str, Tensor]:
    """For every image DeepFool's success and l-infinity length, the image's peak, and its linearised distance."""
    parts: dict[str, list[Tensor]] = {"fooled": [], "length": [], "peak": [], "linear": []}
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        x_adv = deepfool(v.scores, x, y, steps=steps, overshoot=overshoot, box=None)
        parts["fooled"].append(v.fooled(x_adv, y))
        parts["length"].append(norm(x_adv - x, torch.inf))
        parts["peak"].append(norm(x, torch.inf))
        parts["linear"].append(smallest_eps(margins(v.scores, x, y), torch.inf))
    return {name: torch.cat(values).cpu() for name, values in parts.items()}


def add_measures(
    tally: Tally, name: str, m: Mapping[str, Tensor], unit: float, *, steps: int, in_range: str = "", variant: str = ""
) -> None:
    """Add the measures of Table I of one network, from :func:`measures`; the first also in the reading ``in_range``."""
    radius = torch.where(m["fooled"], m["length"], math.inf)
    deepfool = partial(tally.bootstrapped, "DeepFool", steps=steps, variant=variant)
    deepfool(name, "rho1_hat", m["length"] / m["peak"], torch.mean, "ratio")
    if in_range:
        deepfool(in_range, "rho1_hat", m["length"] / unit, torch.mean, "ratio", variant=IN_RANGE)
    linear = m["linear"] / unit
    tally.bootstrapped("none", name, "rho2_hat", linear, torch.mean, "ratio", steps=0, variant=variant)
    deepfool(name, "eps_fooled_99", radius / unit, quantile_99, "fraction_of_range")


def quantile_99(values: Tensor) -> Tensor:
    """The smallest of the values that more than 99 of 100 do not exceed, as Table I asks (> 99 %)."""
    return values.quantile(0.99, interpolation="higher")


def recipes(job: Job) -> Outcome:
    """Table I for one network trained in several ways: what the measures owe to the training."""
    tally, own = Tally(partial(place, job)), Recipe(**job.trial.settings["recipe"])
    for way in job.trial.settings["ways"]:
        recipe = own.override(WAYS[way])
        one = replace(job, trained=trained(job.data, job.trial.model, recipe, job.trial.seed, job.device))
        v, name = victim(one), f"trained={way}"
        for x, y in test_batches(one):
            with torch.no_grad():
                wrong = ~correct(one.trained.model(x), y)
            tally.add("none", "", name, "test_error", wrong, steps=0, variant=way)
        for x, y in v.batches(f"{job.trial.exhibit} {way}"):
            tally.add("none", "", name, "saturated", saturated(v.logits, x, y), steps=0, variant=way)
        add_measures(tally, name, measures(v, one), v.unit, steps=STEPS_OF["DeepFool"], variant=way)
    return Outcome(tally.rows())
