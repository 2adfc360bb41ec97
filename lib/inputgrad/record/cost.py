"""What recorded trials cost, to ask a cluster for what the next ones need. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from inputgrad.study import EXHIBITS
from inputgrad.study.schema import Trial

from . import results
from .results import Result

Costs = Mapping[tuple, Mapping[str, int]]
"""The most that trials of a kind took, ``memory`` in MiB and ``minutes``, by what they have in common."""


def kinds(trial: Trial) -> list[tuple]:
    """What a trial has in common with others, from the most to the least: its profile always is."""
    exhibit, profile, dataset, model = trial.exhibit, trial.profile, trial.dataset, trial.model
    return [(profile, exhibit, dataset, model), (profile, exhibit, model), (profile, model), (profile, exhibit),
            (profile,)]  # fmt: skip


def spent(provenance: Mapping[str, Any]) -> dict[str, float]:
    """Seconds of ``training``, of every network that a trial used, and of its ``measure`` alone.

    Results from before other networks than the trial's own were noted know only of the latter.
    """
    seconds, others = provenance["seconds"], provenance.get("other_networks", {}).values()
    within = sum(network["seconds"] for network in others if network["here"])
    return {
        "training": seconds.get("training", 0.0) + sum(network["seconds"] for network in others),
        "measure": max(seconds.get("measure", 0.0) - within, 0.0),
    }


def of(found: Iterable[Result]) -> Costs:
    """The costs of these results, by kind."""
    costs: dict[tuple, dict[str, int]] = {}
    for result in found:
        provenance = result.provenance
        took = math.ceil(sum(spent(provenance).values()) / 60)
        for kind in kinds(result.trial):
            there = costs.setdefault(kind, {})
            for what, value in {"memory": int(provenance["peak_memory_mib"]), "minutes": took}.items():
                there[what] = max(value, there.get(what, 0))
    return costs


@cache
def of_recorded() -> Costs:
    """The costs of all that is recorded when this is first asked."""
    return of(result for name in EXHIBITS for result in results.recorded(name))


def most(costs: Costs, trial: Trial, what: str, unknown: int) -> int:
    """The most that the recorded trials most like this one took of ``what``; ``unknown`` where there is none."""
    return next((costs[kind][what] for kind in kinds(trial) if kind in costs), unknown)
