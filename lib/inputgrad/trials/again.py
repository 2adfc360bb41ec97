"""A stranger's check: recorded trials measured again, and each number beside the one that is recorded.

A network that is trained again is another network of the same kind: sums are rounded in another order on another
processor, or with another number of threads. So a share of ``n`` images may differ by what two networks of one recipe
differ by: :data:`POINTS`, the distance within which the study calls a cell close, or :data:`Z` standard errors of the
difference of two shares, whichever is larger. A number that is no share may differ by the part :data:`PART` of the
larger of the two, within which the study calls it close, or where it is next to zero by :data:`LEAST`. Of the numbers
of all trials at least :data:`ENOUGH` must lie within: rows of one trial are of the same images and stray together.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from inputgrad import study
from inputgrad.catalogue import datasets
from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.published import path_of
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import BUILD, CHECKPOINTS, data_root, relative
from inputgrad.record import results
from inputgrad.record.cost import spent
from inputgrad.record.results import Result
from inputgrad.record.row import Row
from inputgrad.study.schema import Trial

POINTS, Z, PART, LEAST, ENOUGH = 0.03, 2.58, 0.1, 1e-6, 0.95

MACHINE = ("s", "1/s", "MiB")
"""Units of numbers that are the machine's, and not compared."""

REPORT = BUILD / "check" / "results.json"


@dataclass(frozen=True)
class Beside:
    """One number, as recorded and as measured again; ``None`` where one of the two has no such row."""

    name: str
    recorded: float | None
    measured: float | None
    tolerance: float

    @property
    def inside(self) -> bool:
        """Are the two as near as they should be?"""
        if self.recorded is None or self.measured is None:
            return False
        return abs(self.recorded - self.measured) <= self.tolerance


def tolerance(recorded: Row, measured: Row) -> float:
    """By how much two numbers of one cell may differ, in its unit."""
    if recorded.unit in ("fraction", "probability", "percentage_points"):
        scale, images = (100.0 if recorded.unit == "percentage_points" else 1.0), max(recorded.total, 1)
        share = (recorded.value + measured.value) / 2 if recorded.unit == "fraction" else 0.5
        return scale * max(POINTS, Z * math.sqrt(2 * share * (1 - share) / images))
    return max(PART * max(abs(recorded.value), abs(measured.value)), LEAST)


def beside(recorded: Iterable[Row], measured: Iterable[Row]) -> list[Beside]:
    """Every number of two measurements of one trial but those of the machine, in the order of the first."""
    before, after = ({row.identity: row for row in rows if row.unit not in MACHINE} for rows in (recorded, measured))
    out = []
    for identity in {**before, **after}:
        old, new = before.get(identity), after.get(identity)
        allowed = tolerance(old, new) if old and new else 0.0
        name = " ".join(str(part) for part in identity if part not in ("", 0, "none", "default"))
        out.append(Beside(name, old.value if old else None, new.value if new else None, allowed))
    return out


def cost(result: Result) -> float:
    """Seconds that a trial took when it was recorded, without the training of networks that lie here."""
    told = result.provenance
    others = {name: network["seconds"] for name, network in told.get("other_networks", {}).items()}
    networks = {told["checkpoint"]: told["seconds"]["training"], **others}
    return spent(told)["measure"] + sum(s for name, s in networks.items() if not (CHECKPOINTS / name).is_file())


def candidates(only: Sequence[str], root: str | None) -> list[Result]:
    """Recorded results that can be measured again here: the cheapest of each exhibit, then the next of each.

    Raises:
        InputError: there are none; the sentence names the data sets that would help.
    """
    study.check_only(only)
    known = [r for name in study.EXHIBITS if not only or {name, name.split("/")[0]} & set(only)
             for r in results.recorded(name)]  # fmt: skip
    absent = sorted({name for r in known for name in study.data_of(r.trial) if not datasets.present(name, root)})
    here = [r for r in known if {*absent}.isdisjoint(study.data_of(r.trial)) and loadable(r, root)]
    if not here:
        help = f"python -m inputgrad fetch {' '.join(absent)}" if absent else "python -m inputgrad list shows what is"
        raise InputError(f"nothing that is recorded of {', '.join(only) or 'the study'} can be measured here: {help}")
    taken: Counter[str] = Counter()
    turns = []
    for result in sorted(here, key=cost):
        exhibit = result.trial.exhibit
        turns.append((taken[exhibit], result))
        taken[exhibit] += 1
    return [result for _, result in sorted(turns, key=lambda turn: turn[0])]


def loadable(result: Result, root: str | None) -> bool:
    """Are the published networks that a trial loads there?"""
    try:
        weights = [MODELS[name].weights for name in result.trial.networks]
        return all(path_of(w, data_root(root)).is_file() for w in weights if w)
    except InputError:
        return False


def check(sample: int, *, only: Sequence[str] = (), root: str | None = None, report: Path = REPORT) -> str:
    """Measure ``sample`` recorded trials again, and compare; nothing recorded is changed.

    Returns:
        A table of the trials, as text; every number stands in ``report``.

    Raises:
        InputError: nothing can be measured here, or fewer than :data:`ENOUGH` of the numbers came out again.
    """
    lines, found = [f"{'inside':>6} {'of':>5}  trial"], {}
    for result in candidates(only, root)[:sample]:
        trial = result.trial
        name = f"{trial.profile} {trial.exhibit}/{trial.name}"
        found[name] = beside([Row.of(row) for row in rows_of(result)], measured(trial, root))
        lines.append(f"{sum(b.inside for b in found[name]):6} {len(found[name]):5}  {name}")
    every = [b for numbers in found.values() for b in numbers]
    share = sum(b.inside for b in every) / len(every)
    told = {name: [{**vars(b), "inside": b.inside} for b in numbers] for name, numbers in found.items()}
    write_text(report, json.dumps({"inside": share, "enough": ENOUGH, "trials": told}, indent=1) + "\n")
    lines.append(f"{100 * share:.1f} % of {len(every)} numbers came out again; each of them: {relative(report)}")
    if share < ENOUGH:
        raise InputError("\n".join([*lines, f"at least {100 * ENOUGH:g} % should have"]))
    return "\n".join(lines)


def measured(trial: Trial, root: str | None) -> list[Row]:
    """The rows of a trial, measured now."""
    from .job import compute  # torch starts here

    return compute(trial, root=root)[0].rows


def rows_of(result: Result) -> list[list]:
    """The rows of a result as its file has them."""
    return [list(row) for row in json.loads(result.path.read_text(encoding="utf-8"))["rows"]]
