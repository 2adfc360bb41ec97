"""Table cells: what the papers print, what we measured, and how far apart they are. Needs no torch."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import PAPERS, relative
from inputgrad.record import printed, results
from inputgrad.record.run import Run
from inputgrad.study import EXHIBITS, STUDY

T = TypeVar("T")

CLOSE, NEAR = 3.0, 10.0
"""Percentage points within which a cell is *close* or *near*; fixed before any run."""

CLOSE_SHARE, NEAR_SHARE = 0.1, 0.3
"""The same for numbers that are no percentages, as shares of the paper's number."""

PERCENTAGES = ("percent", "percentage_points")
NORMAL = stats.norm.ppf(0.975)
"""Up to which 97.5 % of the normal distribution lies."""

CENTERS: dict[str, Callable[..., Any]] = {"mean": np.mean, "median": np.median}
WORDS = ("close", "inside", "near", "apart", "says little", "not run")
IDENTITY = ["table", "dataset", "model", "defense", "attack", "eps", "parameter", "steps", "reading", "metric"]
"""The columns that say which cell a number belongs to."""

PARTS = ["arm", "maker", "variant"]
"""Those that say what its ``defense`` or its ``reading`` is made of; nothing in the papers' tables."""

SIZES = ("eps", "parameter")
"""Those that hold a number as text."""


@cache
def eps_number(text: object) -> float:
    """``"8/255"`` -> 0.0314...; text without a number (``""``) -> NaN, which equals no eps but itself."""
    written = str(text).strip()
    return checks.as_float(written) if written else float("nan")


@cache
def of_paper(key: str) -> pd.DataFrame:
    """Everything the paper prints, one row a cell, as transcribed in ``data/papers/<key>/*.csv``.

    Nothing for what stands across the papers, which has claims and no tables.
    """
    found = printed.tables(key)
    if not found and key in STUDY:
        raise InputError(f"{relative(PAPERS / key)} holds no tables")
    blank = dict.fromkeys(("parameter", *PARTS), "")
    table = pd.DataFrame(found, columns=printed.COLUMNS, dtype=str).assign(reading="default", **blank)
    return table.assign(value=table["value"].astype(float))


def interval(
    values: Sequence[float] | np.ndarray, counts: Sequence[float], totals: Sequence[float], center: str = "mean"
) -> tuple[float, float]:
    """A 95 % interval: Student's over three seeds or more that differ, else what covers Wilson's of each, in percent.

    The images of one seed say how well its own share is known, and nothing of how far another network's lies from it:
    the interval of two goes from the lowest end to the highest. Seeds that all give one number, as where nothing is
    drawn by them, say nothing of how well it is known.

    For ``center="median"``, three seeds or more give the smallest and the largest value, which hold the median of all
    runs with probability 1 - 2^(1 - n): 94 % for five.
    """
    differ = len(values) >= 3 and np.ptp(values) > 0
    if differ and center == "median":
        return float(np.min(values)), float(np.max(values))
    if differ:
        return student(values, 1 / len(values))
    if not len(counts) or pd.isna(list(counts)).any():
        return float("nan"), float("nan")
    low, high = zip(*(wilson(count, total) for count, total in zip(counts, totals, strict=True)), strict=True)
    return min(low), max(high)


def wilson(count: float, total: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, in percent: scipy's, without the p-value that it searches for first."""
    share, weight = count / total, NORMAL * NORMAL / total
    centre = (share + weight / 2) / (1 + weight)
    half = np.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return 100 * float(max(centre - half, 0)), 100 * float(min(centre + half, 1))


def student(values: Sequence[float] | np.ndarray, variance: float) -> tuple[float, float]:
    """Student's 95 % interval around the mean, for something whose variance is that many times that of one run."""
    half = student_quantile(len(values) - 1) * np.std(values, ddof=1) * np.sqrt(variance)
    return float(np.mean(values) - half), float(np.mean(values) + half)


@cache
def student_quantile(freedom: int) -> float:
    """Up to which 97.5 % of Student's distribution lies."""
    return stats.t.ppf(0.975, freedom)


def one_more(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Student's 95 % prediction interval for one more network, from three or more; NaN from fewer."""
    return student(values, 1 + 1 / len(values)) if len(values) >= 3 else (float("nan"), float("nan"))


def joined(exhibit: str, runs: Sequence[tuple]) -> dict:
    """One cell from the ``(unit, value, count, total)`` of each run: fractions become percent, in ``runs``, too.

    ``images`` are those of the run with the fewest, ``most_images`` of that with the most: the runs attack the same
    images, of which not each run has as many in a group such as those it is sure of.
    """
    units, values, counts, totals = zip(*runs, strict=True)
    shares, center = units[0] == "fraction", EXHIBITS[exhibit].center if exhibit in EXHIBITS else "mean"
    shown = np.array([value * (100 if unit == "fraction" else 1) for unit, value in zip(units, values, strict=True)])
    intervals = interval(shown, counts if shares else [], totals, center), one_more(shown)
    (low, high), (new_low, new_high) = np.clip(intervals, 0, 100) if shares else intervals
    return {
        "unit": units[0],
        "value": CENTERS[center](shown),
        "spread": shown.std(ddof=1) if len(shown) > 1 else float("nan"),
        "low": low, "high": high, "new_low": new_low, "new_high": new_high,
        "runs": tuple(shown.tolist()), "least": shown.min(), "most": shown.max(),
        "seeds": len(shown), "images": int(min(totals)), "most_images": int(max(totals)),
    }  # fmt: skip


@np.errstate(over="ignore")  # some distances are astronomic
def join_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of single seeds joined to cells: mean or median (fractions as percent), extremes, interval, n."""
    runs: dict[tuple, list[tuple]] = {}
    names = ["exhibit", "profile", *IDENTITY, *PARTS]
    identities = zip(*(rows[c] for c in names), strict=True)
    measured = zip(*(rows[c] for c in ("unit", "value", "count", "total")), strict=True)
    for identity, cell in zip(identities, measured, strict=True):
        runs.setdefault(identity, []).append(cell)
    out = [{**dict(zip(names, identity, strict=True)), **joined(identity[0], cell)} for identity, cell in runs.items()]
    with_intervals(out)
    numbers = dict.fromkeys(("value", "spread", "low", "high", "new_low", "new_high", "least", "most"), float)
    columns = [*names, "unit", *numbers, "runs", "seeds", "images", "most_images"]
    return pd.DataFrame(out, columns=columns).astype(numbers)


def of_run(run: Run) -> pd.DataFrame:
    """The cells of what a run shows."""
    return join_seeds(results.table(run.shown))


def with_intervals(joined: list[dict]) -> None:
    """Give a measure without an interval over seeds the one in its rows ``<metric>_low`` and ``<metric>_high``.

    Of two seeds the lower of the lower ends and the higher of the upper ones, as in :func:`interval`.
    """

    def place(cell: Mapping, metric: str) -> tuple:
        return (*(cell[c] for c in ("exhibit", "profile", *IDENTITY) if c != "metric"), metric)

    there = {place(cell, cell["metric"]): cell for cell in joined}
    for cell in joined:
        low, high = (there.get(place(cell, f"{cell['metric']}_{end}")) for end in ("low", "high"))
        if low is not None and high is not None and np.isnan(cell["low"]):
            cell["low"], cell["high"] = low["least"], high["most"]


@cache
def ours(key: str) -> pd.DataFrame:
    """The best recorded cells of one paper."""
    return join_seeds(results.table(results.shown(key)))


KEPT_FOR: dict[int, dict[str, Any]] = {}


def once(table: pd.DataFrame, name: str, make: Callable[[pd.DataFrame], T]) -> T:
    """``make(table)``, computed once while the table lives: tables of cells are not changed in place."""
    if id(table) not in KEPT_FOR:
        KEPT_FOR[id(table)] = {}
        weakref.finalize(table, KEPT_FOR.pop, id(table), None)
    kept = KEPT_FOR[id(table)]
    if name not in kept:
        kept[name] = make(table)
    return kept[name]


def of_tables(table: pd.DataFrame) -> pd.DataFrame:
    """The cells that stand in a table of the paper."""
    return once(table, "of tables", lambda t: t.iloc[in_tables(t)])


def in_tables(table: pd.DataFrame) -> np.ndarray:
    """The positions of the cells that stand in a table of the paper."""
    return once(table, "in tables", lambda t: np.flatnonzero(t["table"] != ""))


def column(table: pd.DataFrame, name: str) -> np.ndarray:
    """A column of cells as an array."""
    return once(table, f"values of {name}", lambda t: t[name].to_numpy())


def places(table: pd.DataFrame, name: str, wanted: object) -> np.ndarray:
    """Positions of the rows that have one of the ``wanted`` values in a column; :data:`SIZES` compared as numbers."""
    values = wanted if isinstance(wanted, list) else [wanted]

    def found(table: pd.DataFrame) -> np.ndarray:
        there = once(table, name, lambda t: t.groupby(name, sort=False).indices)
        if name in SIZES:
            numbers = [eps_number(v) for v in values]
            fits = [rows for text, rows in there.items() if np.isclose(eps_number(text), numbers, equal_nan=True).any()]
        else:
            texts = {str(v) for v in values}
            fits = [rows for value, rows in there.items() if str(value) in texts]
        return np.sort(np.concatenate(fits)) if fits else np.array([], dtype=int)

    return once(table, f"{name} of {values}", found)


def matching(table: pd.DataFrame, column: str, wanted: object) -> pd.Series:
    """Which rows have one of the ``wanted`` values in ``column``; eps compared as numbers."""
    found = np.zeros(len(table), dtype=bool)
    found[places(table, column, wanted)] = True
    return pd.Series(found, table.index)


def word_for(paper: float, ours: Mapping, unit: str = "percent", idle: float = float("nan")) -> str:
    """How near a cell of ours is to the paper's number.

    *close*: within 3 points (a tenth, if no percentage); *says little*: close, but so would be a step that does
    nothing, or in percent zero; *near*: within 10 points (three tenths), and *inside* where it is in our prediction
    interval for one more network, too; else *apart*.

    Args:
        paper: its number.
        ours: a cell: ``value``, ``new_low`` and ``new_high``.
        unit: of the paper's number.
        idle: what the paper has where nothing is done to the image; NaN where the cell is that itself.
    """
    percent = unit in PERCENTAGES
    close, near = (CLOSE, NEAR) if percent else (CLOSE_SHARE * abs(paper), NEAR_SHARE * abs(paper))
    difference = abs(ours["value"] - paper)
    if difference <= close:
        attacked = not np.isnan(idle)
        free = abs(paper - idle) <= close or (percent and abs(paper) <= close)
        return "says little" if attacked and free else "close"
    if difference > near:
        return "apart"
    return "inside" if ours["new_low"] <= paper <= ours["new_high"] else "near"


PLACE = ["dataset", "model", "defense", "metric"]
"""What a cell has in common with that of the images as they are."""

REST = {"fooling_ratio": 0.0}
"""What metrics are by their definition where nothing is done to the image, printed or not."""


def at_rest(paper: pd.DataFrame) -> dict[tuple, float]:
    """The paper's numbers of images as they are, by :data:`PLACE`."""
    natural = paper[paper["attack"] == "none"]
    return dict(zip(map(tuple, natural[PLACE].to_numpy()), natural["value"], strict=True))


def idle_value(row: Mapping, natural: Mapping[tuple, float]) -> float:
    """What an attacked cell would be if nothing were done to the image; NaN for images as they are."""
    if row["attack"] == "none":
        return float("nan")
    return natural.get(tuple(row[c] for c in PLACE), REST.get(row["metric"], float("nan")))


KEPT = ("spread", "low", "high", "runs", "least", "most", "seeds", "images", "profile", "exhibit")
"""What a comparison keeps of our cell besides its value."""


def compare(paper: pd.DataFrame, measured: pd.DataFrame, reading: str = "default") -> pd.DataFrame:
    """Each of the paper's cells with ours beside it.

    Adds the columns ``ours``, :data:`KEPT`, ``difference`` and ``word``.
    """
    index: dict[tuple, list[Mapping]] = {}
    for row in measured[measured["reading"] == reading].to_dict("records"):
        if row["table"]:
            index.setdefault(identity_of(row), []).append(row)
    beside, natural = [], at_rest(paper)
    for row in paper.to_dict("records"):
        found = [c for c in index.get(identity_of(row), []) if not row["steps"] or str(c["steps"]) == row["steps"]]
        if len(found) != 1:
            beside.append({"ours": float("nan"), "word": "not run"})
            continue
        cell = found[0]
        word = word_for(row["value"], cell, row["unit"], idle_value(row, natural))
        kept = {k: cell[k] for k in KEPT}
        beside.append({"ours": cell["value"], "difference": cell["value"] - row["value"], "word": word, **kept})
    return paper.reset_index(drop=True).join(pd.DataFrame(beside, columns=["ours", *KEPT, "difference", "word"]))


def printed_for(row: Mapping, there: Mapping[tuple, Sequence[Mapping]]) -> Mapping | None:
    """The paper's one cell of a row of ours, of as many steps where the paper says how many.

    Args:
        row: a cell of ours.
        there: the paper's cells by :func:`identity_of`.
    """
    found = [c for c in there.get(identity_of(row), ()) if c["steps"] in ("", str(row["steps"]))]
    return found[0] if len(found) == 1 else None


def identity_of(row: Mapping) -> tuple:
    """What a cell is, whoever measured it, but for its steps, parameter and reading; eps as a rounded number."""
    eps = eps_number(row["eps"])
    return (*(row[c] for c in ("table", "dataset", "model", "defense", "attack", "metric")),
            None if np.isnan(eps) else round(eps, 9))  # fmt: skip
