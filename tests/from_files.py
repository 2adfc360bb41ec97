"""The recorded numbers read a second time: JSON and CSV as they lie in git, without the study's own code for it."""

import csv
import json
import re
from collections import defaultdict
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from scipy import stats

RANK = {"quick": 1, "desk": 2, "paper": 3}
MEDIANS = ("smooth/hardening", "smooth/readings", "smooth/baselines")
"""Exhibits whose paper reports medians over its runs."""
STAND_INS = ("selfgrad",)
"""Papers whose networks stand for one another: the larger profile replaces the smaller whatever its network."""
PERCENTAGES = ("percent", "percentage_points")
NOTHING = float("nan")


class Cell(NamedTuple):
    """One place of a table with what each seed gave there, fractions as percent."""

    place: dict[str, str]
    values: list[float]
    counts: list[float]
    totals: list[float]
    ends: tuple[float, float] = (NOTHING, NOTHING)
    """Of a measure that brings its own interval, in rows ``<metric>_low`` and ``<metric>_high``."""
    at_rest: float = NOTHING
    """Of a printed number under an attack: what is printed beside it for the images as they are."""

    @property
    def center(self) -> float:
        return float((np.median if self.place.get("exhibit") in MEDIANS else np.mean)(self.values))

    @property
    def interval(self) -> tuple[float, float]:
        """Three seeds or more that differ: Student's, or the extremes of a median; else from Wilson's lowest to its highest, or its own."""
        n = len(self.values)
        differ = n >= 3 and len(set(self.values)) > 1
        if differ and self.place.get("exhibit") in MEDIANS:
            return min(self.values), max(self.values)
        if differ:
            return self.student(1 / n)
        if self.place["unit"] != "fraction" or None in self.counts:
            return self.ends
        z, lows, highs = stats.norm.ppf(0.975), [], []
        for count, total in zip(self.counts, self.totals, strict=True):
            share, wide = count / total, 1 + z * z / total
            half = z / wide * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
            lows.append(100 * ((share + z * z / (2 * total)) / wide - half))
            highs.append(100 * ((share + z * z / (2 * total)) / wide + half))
        return min(lows), max(highs)

    @property
    def one_more(self) -> tuple[float, float]:
        """Where one more network is expected; nowhere from fewer than three."""
        return self.student(1 + 1 / len(self.values)) if len(self.values) >= 3 else (NOTHING, NOTHING)

    def student(self, share: float) -> tuple[float, float]:
        """The mean and 2.5 % to either side of Student's distribution; shares stay between nothing and all."""
        half = stats.t.ppf(0.975, len(self.values) - 1) * (share * np.var(self.values, ddof=1)) ** 0.5
        ends = (float(np.mean(self.values) - half), float(np.mean(self.values) + half))
        return (max(ends[0], 0), min(ends[1], 100)) if self.place["unit"] == "fraction" else ends


def files(root, key, profile=None):
    """The result files that pages show, with their declarations: of each place those of the largest profile.

    Args:
        root: the checkout.
        key: a paper, or one exhibit of it.
        profile: those of this one in their place.
    """
    top, found = {}, []
    pattern = f"*/{key}/*.json" if "/" in key else f"*/{key}/*/*.json"
    for path in sorted((root / "data" / "results").glob(pattern)):
        raw = json.loads(path.read_text())
        trial = raw["provenance"]["declaration"]
        if profile not in (None, trial["profile"]):
            continue
        place = (trial["exhibit"], trial["dataset"], "" if key.split("/")[0] in STAND_INS else trial["model"])
        top[place] = max(RANK[trial["profile"]], top.get(place, 0))
        found.append((place, trial, raw))
    return [(trial, raw) for place, trial, raw in found if RANK[trial["profile"]] == top[place]]


def measured(root, key, profile=None):
    """What they hold, cell by cell over seeds."""
    out = defaultdict(lambda: ([], [], []))
    for trial, raw in files(root, key, profile):
        for row in raw["rows"]:
            cell = dict(zip(raw["columns"], row, strict=True))
            value, *images = (cell.pop(name) for name in ("value", "count", "total"))
            place = {**{name: str(text) for name, text in cell.items()}, "exhibit": trial["exhibit"]}
            number = NOTHING if value is None else value * (100 if cell["unit"] == "fraction" else 1)
            for kept, new in zip(out[tuple(sorted(place.items()))], (number, *images), strict=True):
                kept.append(new)

    def end(place, which, farthest):
        other = {**dict(place), "metric": f"{dict(place)['metric']}_{which}"}
        return farthest(out.get(tuple(sorted(other.items())), ([NOTHING],))[0])

    return [Cell(dict(p), *numbers, (end(p, "low", min), end(p, "high", max))) for p, numbers in list(out.items())]


def printed(root, key):
    """What the paper prints, cell by cell."""
    out = []
    for path in sorted((root / "data" / "papers" / key).glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as lines:
            rows = [row for row in csv.DictReader(lines) if row.get("value")]
        out += [Cell({**row, "reading": "default"}, [float(row["value"])], [], []) for row in rows]
    natural = {beside(cell): cell.center for cell in out if cell.place["attack"] == "none"}
    return [c if c.place["attack"] == "none" else c._replace(at_rest=natural.get(beside(c), unmoved(c))) for c in out]


def beside(cell):
    """What a printed number shares with that of the images as they are."""
    return tuple(cell.place[column] for column in ("dataset", "model", "defense", "metric"))


def size(text):
    """The number in an eps, ``None`` where there is none."""
    return Fraction(text) if re.fullmatch(r"[\d.]+(/\d+)?", text) else None


def same(column, found, wanted):
    """Do two values of a column mean the same? Sizes are compared as numbers."""
    if column in ("eps", "parameter") and size(found) is not None and size(wanted) is not None:
        return abs(size(found) - size(wanted)) < 1e-9
    return found == wanted


def unmoved(cell):
    """The share of fooled images among those classified right, before anything is done to them."""
    return 0.0 if cell.place["metric"] == "fooling_ratio" else NOTHING


def closeness(ours, paper):
    """How near a cell of ours is to the paper's, in the word that the page on reading gives it."""
    value, (low, high), percent = paper.center, ours.one_more, paper.place["unit"] in PERCENTAGES
    close, near = (3, 10) if percent else (0.1 * abs(value), 0.3 * abs(value))
    if abs(ours.center - value) <= close:
        attacked = paper.at_rest == paper.at_rest
        return (
            "says little" if attacked and (abs(value - paper.at_rest) <= close or percent and value <= 3) else "close"
        )
    if abs(ours.center - value) > near:
        return "apart"
    return "inside" if low <= value <= high else "near"
