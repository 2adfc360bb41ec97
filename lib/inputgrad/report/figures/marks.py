"""Marks: one frame a figure, one row a mark, made from cells and checked before anything is drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Table, between, number

PLACE = ["panel", "series", "which", "x"]
"""Where a mark stands: its panel, its series, which of several there (a run, by its seed), where along the axis."""

COLUMNS = [*PLACE, "value", "low", "high", "seeds", "whose", "exhibit", *cells.IDENTITY, *cells.PARTS, "unit"]
"""Of a figure's frame: where a mark stands, how far it reaches, and which cell it is."""


def of_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells of rows of single seeds; where there are two runs, each is a cell of its own, named by its seed."""
    joined = cells.join_seeds(rows).assign(which="", whose="ours")
    pairs = joined.loc[joined["seeds"] == 2, ["exhibit", "profile", *cells.IDENTITY]].reset_index(names="place")
    if pairs.empty:
        return joined
    split = each_run(rows).merge(pairs).set_index("place")
    return pd.concat([joined.drop(split.index), split]).sort_index(kind="stable").reset_index(drop=True)


def each_run(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells of rows of single seeds, each run a cell of its own, named by its seed, however many there are."""
    alone = [cells.join_seeds(part).assign(which=str(seed)) for seed, part in rows.groupby("seed")]
    return pd.concat(alone or [cells.join_seeds(rows).assign(which="")]).assign(whose="ours")


@cache
def runs_of(exhibit: str) -> pd.DataFrame:
    """Each run of the best recorded cells of one exhibit, with the interval over the images of that run alone."""
    rows = results.table(results.shown(exhibit.split("/")[0]))
    return each_run(rows[rows["exhibit"] == exhibit])


def with_runs(exhibit: str) -> pd.DataFrame:
    """The best recorded cells of one exhibit, and beside a mean of three runs or more those runs.

    The interval is that of the mean; runs beside it have none.
    """
    joined = of_study(exhibit.split("/")[0])
    joined = joined[joined["exhibit"] == exhibit]
    means = joined.loc[joined["seeds"] >= 3, ["exhibit", "profile", *cells.IDENTITY]]
    return pd.concat([joined, runs_of(exhibit).merge(means).assign(low=np.nan, high=np.nan)], ignore_index=True)


def of_run(run: Run) -> pd.DataFrame:
    """The cells of what a run shows."""
    return of_rows(results.table(run.shown))


@cache
def of_study(key: str) -> pd.DataFrame:
    """The best recorded cells of one paper."""
    return of_rows(results.table(results.shown(key)))


def of_paper(key: str) -> pd.DataFrame:
    """What the paper prints."""
    return cells.of_paper(key).assign(which="", whose="paper", exhibit="", seeds=0)


def tidy(*parts: pd.DataFrame, across: Sequence[str] = ()) -> pd.DataFrame:
    """The frame of a figure, from cells with ``panel``, ``series`` and ``x``.

    Args:
        parts: cells of ours or of the paper, drawn together.
        across: ``"reading"`` where a series goes through several readings.

    Raises:
        InputError: two rows at one place, a panel of several metrics or units, or a series of several readings.
    """
    frame = pd.concat([part.reindex(columns=COLUMNS) for part in parts if len(part)] or [pd.DataFrame(columns=COLUMNS)])
    frame = frame.reset_index(drop=True)
    frame["unit"] = frame["unit"].replace("fraction", "percent")  # cells are in percent
    for column, within in (("metric", ["panel"]), ("unit", ["panel"]), ("reading", ["panel", "series"])):
        if column not in across:
            one_of_a_kind(frame if column != "reading" else frame[frame["attack"] != "none"], column, within)
    twice = frame[frame.duplicated(PLACE, keep=False)]
    if len(twice):
        raise InputError(f"{len(twice)} rows stand where one can be drawn: {named(twice.iloc[0], PLACE)}")
    return frame


def one_of_a_kind(frame: pd.DataFrame, column: str, within: list[str]) -> None:
    """Refuse rows that differ in ``column`` where one thing is drawn."""
    for _, part in frame.groupby(within, sort=False):
        kinds = list(part[column].dropna().unique())
        if len(kinds) > 1:
            raise InputError(
                f"{named(part.iloc[0], within)} would mix rows of {column} {' and '.join(map(str, kinds))}"
            )


def named(row: pd.Series, columns: list[str]) -> str:
    """``panel 'eps 0.1', series 'paper'``."""
    return ", ".join(f"{column} {row[column]!r}" for column in columns if row[column] != "")


def place(table: pd.DataFrame) -> pd.Series:
    """Data set and network, as panels are headed."""
    return table["dataset"] + ", " + table["model"]


def suffix(table: pd.DataFrame) -> pd.Series:
    """``", <data set>, <network>"`` where there are several, for series that share a panel; else nothing."""
    where = ", " + place(table)
    return where if where.nunique() > 1 else where.map(lambda _: "")


def eps(table: pd.DataFrame) -> pd.Series:
    """The numbers in a table's eps."""
    return table["eps"].map(cells.eps_number).astype(float)


def parameter(table: pd.DataFrame) -> pd.Series:
    """The numbers in a table's parameter."""
    return table["parameter"].map(cells.eps_number).astype(float)


def difference(table: pd.DataFrame, column: str, of: str, less: str) -> pd.DataFrame:
    """Cells that differ in one column only, subtracted: value where it is ``of`` less value where it is ``less``."""
    keys = [c for c in ("which", "whose", "exhibit", "seeds", *cells.IDENTITY) if c != column]
    sides = [table[table[column] == name] for name in (of, less)]
    for side in sides:
        if side.duplicated(keys).any():
            raise InputError(f"several rows of one cell cannot be subtracted: {named(side.iloc[0], keys)}")
    both = sides[0].merge(sides[1][[*keys, "value"]], on=keys, suffixes=("", "_less"))
    return both.assign(**{column: f"{of} − {less}"}, value=both["value"] - both["value_less"],
                       low=np.nan, high=np.nan, unit="percentage_points")  # fmt: skip


PLACES = {"paper": 2}
"""How many places a number has by whose it is, where it is not one: the papers print two."""


def as_table(figure: Any) -> Table:
    """The marks of a figure as a table; what is the same for all of them is left out or said in its caption."""
    frame = figure.frame
    percent = frame["unit"].isin(cells.PERCENTAGES)
    said = frame["unit"].map({"percent": ", percent", "percentage_points": ", percentage points"}).fillna("")
    what = frame["metric"].str.replace("_", " ") + said
    shown = frame[["panel", "series"]].assign(
        at=[x if isinstance(x, str) else f"{x:g}" for x in frame["x"]],
        measure=what,
        which=[f"run {which}" if which.isdigit() else which for which in frame["which"]],
        value=[
            number(c.value, PLACES.get(c.whose, 1)) if p else f"{c.value:.3g}"
            for c, p in zip(frame.itertuples(), percent, strict=True)
        ],
        interval=[between(c) if p else "–" for c, p in zip(frame.itertuples(), percent, strict=True)],
        runs=[{"ours": str(c.seeds), "paper": "paper"}.get(c.whose, "–") for c in frame.itertuples()],
    )
    same = [c for c in ("panel", "series", "measure", "which", "interval", "runs") if shown[c].nunique() < 2]
    common = f": {what.iloc[0]}" if "measure" in same and len(what) else ""
    which = "run" if all(re.fullmatch(r"(run \d+)?", name) for name in shown["which"]) else "which"
    shown = shown.drop(columns=same).rename(columns={"interval": "95 % interval", "which": which})
    return Table(shown, f"What the figure draws{common}")
