"""What to record next: the trials that are not recorded, those first that settle most a second.

How long a trial takes is estimated from recorded ones: seconds for each floating-point operation of its network, in
training and in measuring, from the results that are most like it. What it settles is counted in the paper's numbers
and claims that have nothing of ours beside them, or something of a smaller profile.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from statistics import median

from inputgrad import study
from inputgrad.catalogue import datasets
from inputgrad.catalogue import models as networks
from inputgrad.catalogue.datasets import DATASETS
from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.published import Packaged, Weights, path_of
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import ROOT, data_root
from inputgrad.record import cost, results
from inputgrad.report import cells, claims
from inputgrad.study.schema import PROFILES, Trial

ROUND = 900
"""Seconds that one call of Snakemake should last; between two calls it is seen what still fits."""

BUSY = 75
"""The exit status of ``workflow/alone.py`` where another Snakemake is at work."""

START = 20.0
"""Seconds that a notebook takes to start, whatever it computes."""

CLAIM, SMALLER, SEED = 10.0, 0.5, 0.1
"""What counts as so many numbers of the paper: a claim; what a smaller profile has said already; one more seed."""


# How long it takes


@cache
def operations(model: str, dataset: str, width: float) -> int:
    """Floating-point operations of one image on its way through a network, counted without computing any."""
    import torch

    from inputgrad.compute.methods.flops import flops
    from inputgrad.compute.models import build

    source = DATASETS[dataset]
    with torch.device("meta"):
        net = build(model, shape=source.shape, classes=source.classes, width=width).eval()
        return flops(lambda: net(torch.empty(1, *source.shape)))


def work(trial: Trial) -> dict[str, float]:
    """Operations of a trial's training and of its measuring, up to a factor that trials of its kind have in common."""
    recipe, there = trial.settings["recipe"], DATASETS[trial.dataset].train
    passes = operations(trial.model, trial.dataset, recipe.get("width", 1.0))
    trained = recipe.get("epochs", 0) * min(recipe.get("images") or there, there)
    return {"training": float(passes * trained), "measure": float(passes * trial.settings["images"])}


def likeness(trial: Trial) -> list[tuple[str, ...]]:
    """What a trial is like, from the most to the least."""
    exhibit, model, dataset = trial.exhibit, trial.model, trial.dataset
    paper = exhibit.split("/")[0]
    return [(exhibit, model, dataset), (exhibit, model), (paper, model), (exhibit,), (paper,), ()]


def open_about_others(found: Iterable[results.Result]) -> list[results.Result]:
    """The results without those from before other networks were noted, of papers whose trials train some."""
    told = [(result.trial.exhibit.split("/")[0], result) for result in found]
    training = {paper for paper, result in told if result.provenance.get("other_networks")}
    return [result for paper, result in told if paper not in training or "other_networks" in result.provenance]


class Paces:
    """Seconds an operation in training and in measuring, by what a trial is like.

    Recorded networks that cannot be built here, for want of a package, say nothing: their operations are not known.
    Nor do results that may hide in their measuring what other networks took to train.
    """

    def __init__(self, found: Iterable[results.Result], machine: str = "") -> None:
        self.here: dict[tuple, list[float]] = {}
        self.anywhere: dict[tuple, list[float]] = {}
        for result in open_about_others(found):
            if not buildable(result.trial.model):
                continue
            tables = [self.anywhere, *([self.here] if result.provenance["name"] == machine else [])]
            seconds = cost.spent(result.provenance)
            for part, operations in work(result.trial).items():
                if operations and seconds.get(part):
                    for table, kind in product(tables, likeness(result.trial)):
                        table.setdefault((part, *kind), []).append(seconds[part] / operations)

    def seconds(self, trial: Trial, part: str) -> float:
        """An estimate for the ``"training"`` or the ``"measure"`` of a trial, from the results that are most like it.

        Of those that are equally like it, this machine's come first.
        """
        known = product(likeness(trial), (self.here, self.anywhere))
        pace = next((median(table[part, *kind]) for kind, table in known if (part, *kind) in table), 0.0)
        return pace * work(trial)[part]


# What it settles


@cache
def settles(exhibit: str, profile: str, dataset: str, model: str) -> float:
    """What the first trial of an exhibit on a data set and network settles, in numbers of the paper.

    A number that the exhibit stands beside counts 1, a claim that reads it :data:`CLAIM`; both :data:`SMALLER` of it
    where a smaller profile has spoken, and nothing where a larger one has.
    """
    key, declared = exhibit.split("/")[0], study.EXHIBITS[exhibit]
    if key not in study.STUDY:
        return 0.0
    place = {"dataset": datasets.label(dataset), "model": networks.label(model)}
    known = cells.compare(cells.of_paper(key), cells.ours(key))
    mine = known[(known["dataset"] == place["dataset"]) & (known["model"] == place["model"])]
    mine = mine[mine["table"].isin(declared.tables) & mine["metric"].isin(declared.metrics or mine["metric"])]
    numbers = sum(missing(profile, spoken) for spoken in mine["profile"])
    asked = [verdict for verdict in claims.verdicts(key) if verdict.claim.kind == "result"]
    return numbers + CLAIM * sum(
        missing(profile, verdict.profile)
        for verdict in asked
        if any(reads(selector, exhibit, place) for selector in verdict.claim.vars.values())
    )


def reads(selector: Mapping, exhibit: str, place: Mapping[str, str]) -> bool:
    """Does a claim's variable read what this exhibit measures on this data set and network?"""
    there = {"exhibit": (exhibit,), "table": study.EXHIBITS[exhibit].tables, **{c: (v,) for c, v in place.items()}}
    named = {c: v if isinstance(v, list) else [v] for c, v in selector.items() if c in there}
    return {"exhibit", "table"} & set(named) != set() and all(set(v) & set(there[c]) for c, v in named.items())


def missing(profile: str, spoken: object) -> float:
    """What a trial of ``profile`` adds where the profile ``spoken`` has said something, or none has."""
    if spoken not in PROFILES:
        return 1.0
    here, there = PROFILES.index(profile), PROFILES.index(str(spoken))
    return 1.0 if there == here else SMALLER if there < here else 0.0


def more(seeds: int) -> float:
    """What one more seed adds to so many: the first settles all there is, the next two its spread."""
    return 1.0 if seeds == 0 else SEED if seeds < 3 else SEED**2


# The plan


@dataclass(frozen=True)
class Entry:
    """One trial of the plan, the seconds that its training and measuring are thought to take, and what it settles.

    ``worth`` is that of a first seed, of which this one adds ``share``.
    """

    trial: Trial
    training: float
    measure: float
    worth: float
    share: float = 1.0

    @property
    def seconds(self) -> float:
        """Of both, and of the start."""
        return START + self.training + self.measure

    @property
    def network(self) -> tuple:
        """What tells its network from others."""
        trial = self.trial
        recipe = tuple(sorted(trial.settings["recipe"].items()))
        return study.EXHIBITS[trial.exhibit].network, trial.dataset, trial.model, trial.seed, recipe

    @property
    def name(self) -> str:
        """``<profile> <paper>/<exhibit>/<dataset>-<model>-s<seed>``."""
        return f"{self.trial.profile} {self.trial.exhibit}/{self.trial.name}"


def planned(profiles: Sequence[str], only: Sequence[str]) -> tuple[list[Entry], list[str]]:
    """The trials that are not recorded, those first that settle most a second; and what is not there for others.

    That are data sets, and networks that are loaded.

    A network that several trials measure is counted as trained once, for the first of them.

    Args:
        profiles: names in ``PROFILES`` but ``"smoke"``, which is not recorded.
        only: papers and exhibits (``"sign"``, ``"sign/labels"``); all of them where there is none.
    """
    wanted = [
        trial
        for name in study.EXHIBITS
        if not only or {name, name.split("/")[0]} & set(only)
        for profile in profiles
        for trial in study.declared_trials(name, profile)
        if results.fresh(trial) is None and not shadowed(trial)
    ]
    absent = {name for trial in wanted for name in study.data_of(trial) if not datasets.present(name)}
    readable = [trial for trial in wanted if absent.isdisjoint(study.data_of(trial))]
    unloadable = {name for trial in readable for name in not_at_hand(trial)}
    paces = Paces((r for name in study.EXHIBITS for r in results.recorded(name)), machine())
    left = [
        Entry(t, paces.seconds(t, "training"), paces.seconds(t, "measure"), settles(*place_of(t)))
        for t in readable
        if not not_at_hand(t)
    ]
    seeds = Counter(place_of(r.trial) for name in study.EXHIBITS for r in results.recorded(name))
    plan: list[Entry] = []
    while left:
        shares = [more(seeds[place_of(entry.trial)]) for entry in left]
        at = max(range(len(left)), key=lambda i: (left[i].worth + 0.01) * shares[i] / left[i].seconds)
        best = replace(left.pop(at), share=shares[at])
        left = [replace(e, training=0.0) if e.network == best.network else e for e in left]
        seeds[place_of(best.trial)] += 1
        plan.append(best)
    return plan, sorted(absent | unloadable)


def place_of(trial: Trial) -> tuple[str, str, str, str]:
    """Exhibit, profile, data set and network of a trial: all but its seed."""
    return trial.exhibit, trial.profile, trial.dataset, trial.model


def shadowed(trial: Trial) -> bool:
    """Is there a result of a larger profile that pages show in its place?"""
    larger = PROFILES[PROFILES.index(trial.profile) + 1 :]
    there = {place_of(result.trial) for result in results.recorded(trial.exhibit)}
    return any((trial.exhibit, profile, trial.dataset, trial.model) in there for profile in larger)


def not_at_hand(trial: Trial) -> list[str]:
    """The networks of a trial that are loaded and are not there; one that is trained always is."""
    return [name for name in trial.networks if (weights := MODELS[name].weights) and not at_hand(weights)]


def buildable(model: str) -> bool:
    """Can this network be built, with whatever weights? One that a package brings needs that package."""
    weights = MODELS[model].weights
    return not isinstance(weights, Packaged) or at_hand(weights)


def at_hand(weights: Weights | Packaged) -> bool:
    """Are these published weights there?"""
    try:
        return path_of(weights, data_root()).is_file()
    except InputError:
        return False


def machine() -> str:
    """The name of the device that trials run on here."""
    from inputgrad.compute import device

    return str(device.describe(device.choose())["name"])


def table(plan: Sequence[Entry], jobs: int) -> str:
    """The plan as text: what is thought to be done when with so many jobs at once, and what it settles."""
    lines, done = [f"{'after':>7} {'takes':>7} {'settles':>8}  trial"], 0.0
    for entry in plan:
        done += entry.seconds / jobs
        lines.append(f"{span(done):>7} {span(entry.seconds):>7} {entry.worth * entry.share:8.1f}  {entry.name}")
    return "\n".join(lines)


def span(seconds: float) -> str:
    """``90`` -> ``"2 min"``, ``9000`` -> ``"2.5 h"``."""
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.0f} min"


# Recording


def record(hours: float, *, jobs: int, profiles: Sequence[str], only: Sequence[str], dry_run: bool) -> None:
    """Print the plan; then have Snakemake run what fits into ``hours``, until they are over.

    Nothing is started that would not end in time by its estimate, which is corrected by what trials took until then. A
    trial that is stopped or fails leaves no result; a network that was half trained is trained on the next time.

    Raises:
        InputError: a parameter that is not allowed; nothing has been planned then.
    """
    end = time.monotonic() + 3600 * checks.positive("hours", hours)
    checks.whole("jobs", jobs, least=1)
    for profile in checks.unique("profile", list(profiles)):
        checks.one_of("profile", profile, PROFILES[1:])
    study.check_only(only)
    plan, absent = planned(profiles, only)
    for name in absent:
        print(f"{'network' if name in MODELS else 'data set'} {name} is not there: python -m inputgrad fetch {name}")
    if not plan:
        print("nothing is left to record of what is declared there and can be run here")
        return
    print(table(plan, jobs))
    if not dry_run:
        finished = work_through(plan, end, jobs)
        print(summary(finished, plan))


def work_through(plan: Sequence[Entry], end: float, jobs: int) -> list[tuple[Entry, float]]:
    """Call Snakemake with what fits, again and again; returns the trials that were recorded and their seconds."""
    waiting = list(plan)
    finished: list[tuple[Entry, float]] = []
    thought, taken = 0.0, 0.0
    while chosen := fitting(waiting, end - time.monotonic(), jobs, max(taken / thought, 1.0) if thought else 1.0):
        waiting = [entry for entry in waiting if entry not in chosen]
        start = time.monotonic()
        snakemake(chosen, jobs)
        seconds = [entry.seconds for entry in chosen]
        thought += max(sum(seconds) / jobs, *seconds)  # as long as the longest, however many run at once
        taken += time.monotonic() - start
        for entry in chosen:
            if found := results.fresh(entry.trial):
                spent = found.provenance["seconds"]
                finished.append((entry, START + spent["prepare"] + spent["measure"]))
            word = "recorded" if found else "not recorded"
            print(f"{entry.name}: {word}; {span(max(end - time.monotonic(), 0))} left", flush=True)
    return finished


def fitting(waiting: Sequence[Entry], left: float, jobs: int, slower: float) -> list[Entry]:
    """The next trials of one profile that end within ``left`` seconds: as many as keep ``jobs`` busy for a round.

    ``slower`` is how many times as long as thought everything took until now.
    """
    chosen: list[Entry] = []
    for entry in waiting:
        taken = slower * sum(e.seconds for e in chosen) / jobs
        if len(chosen) >= jobs and taken >= ROUND:
            break
        alike = all(e.trial.profile == entry.trial.profile for e in chosen)
        if alike and taken + slower * entry.seconds <= left:
            chosen.append(entry)
    return chosen


def snakemake(chosen: Sequence[Entry], jobs: int) -> None:
    """Have the trials run; one that fails does not keep the others from running.

    Raises:
        InputError: another Snakemake is at work in this checkout.
    """
    profile = chosen[0].trial.profile
    targets = [f"build/shards/{profile}/{entry.trial.exhibit}/{entry.trial.name}.ipynb" for entry in chosen]
    slots = max(jobs, 2)
    command = [
        sys.executable, "workflow/alone.py", "--snakefile", "workflow/Snakefile",
        "--profile", "workflow/profiles/local", "--cores", str(jobs), "--resources", f"slots={slots}",
        "--config", f"profile={profile}", f"slots={slots}", "--force", "--", *targets,
    ]  # fmt: skip
    if subprocess.run(command, cwd=ROOT, check=False).returncode == BUSY:
        raise InputError("nothing was recorded while another process is at work in this checkout")


def summary(finished: Sequence[tuple[Entry, float]], plan: Sequence[Entry]) -> str:
    """What was recorded, and how far the estimates were off."""
    lines = [f"{span(entry.seconds):>7} estimated, {span(spent):>7} taken: {entry.name}" for entry, spent in finished]
    return "\n".join([*lines, f"{len(finished)} of {len(plan)} trials recorded"])
