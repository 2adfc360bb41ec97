"""What claims and prose select of the tables: one cell or a vector of them, in the paper's numbers and in ours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from inputgrad.ground.checks import InputError
from inputgrad.record.row import is_number

from . import cells
from .predicates import Vector

NUMBERS = ("value", "least", "most", "low", "high", "seeds", "images", "most_images", "printed")
"""What a selector can take ``of`` a cell: its centre, extremes over runs, 95 % interval, how many runs there are, the
images of the run with the fewest and of that with the most, or in place of our number the one that the paper prints."""

OURS = ("of", "exhibit")
"""What a selector says of our cells alone: the paper's have no runs, and are measured by no exhibit."""

SELECTORS = {*cells.IDENTITY, "over", *OURS}


def sizes(name: str, selector: Mapping) -> None:
    """Refuse a selector whose eps or parameter is no number."""
    for column in cells.SIZES:
        wanted = selector.get(column, "")
        for value in wanted if isinstance(wanted, list) else [wanted]:
            if not is_number(str(value)):
                raise InputError(f"{name} selects by {column} {value!r}, which is no number")


class Missing(LookupError):
    """A selector found no row: that part has not been run."""


def select(table: pd.DataFrame, selector: Mapping) -> tuple[float | Vector, pd.DataFrame]:
    """A selector's number or vector, and the rows it comes from.

    Raises:
        Missing: no row, or none for one of the values that a list asks for.
    """
    value, places = find(table, selector)
    return value, table.iloc[places]


def find(table: pd.DataFrame, selector: Mapping, among: np.ndarray | None = None) -> tuple[float | Vector, np.ndarray]:
    """A selector's number or vector, and the positions of its rows, sought ``among`` some of the table's or all.

    Raises:
        Missing: no row, or none for one of the values that a list asks for.
    """
    over = selector.get("over", [])
    over = [over] if isinstance(over, str) else over
    chosen = cells.places(table, "reading", selector.get("reading", "default"))
    if among is not None:
        chosen = np.intersect1d(chosen, among, assume_unique=True)
    for column, wanted in selector.items():
        if column not in ("over", "of", "reading"):
            chosen = np.intersect1d(chosen, cells.places(table, column, wanted), assume_unique=True)
            stop_if_missing(table, column, wanted, chosen)
    for column in set(over) & set(selector):  # once more: a later column may have taken all rows of a value
        stop_if_missing(table, column, selector[column], chosen)
    numbers = cells.column(table, selector.get("of", "value"))[chosen]
    if not over:
        if len(chosen) != 1:
            raise InputError(f"the selector {dict(selector)} fits {len(chosen)} rows, expected 1")
        return float(numbers[0]), chosen
    listed = [c for c in over if isinstance(selector.get(c), list)]
    order = {c: [key_of(c, v) for v in selector[c]] for c in listed}
    entries = []
    for value, *place in zip(numbers, *(cells.column(table, c)[chosen] for c in over), strict=True):
        key = tuple(key_of(c, v) for c, v in zip(over, place, strict=True))
        rank = tuple(order[c].index(k) if c in listed else k for c, k in zip(over, key, strict=True))
        entries.append((rank, key, float(value)))
    entries.sort(key=lambda entry: entry[0])
    keys = [key for _, key, _ in entries]
    if len(set(keys)) != len(keys):
        raise InputError(f"the selector {dict(selector)} fits several rows at one place")
    return Vector([key[0] if len(over) == 1 else key for key in keys], [value for _, _, value in entries]), chosen


def stop_if_missing(table: pd.DataFrame, column: str, wanted: object, chosen: np.ndarray) -> None:
    """Raise :class:`Missing` where one of the wanted values of a column has no row among the chosen."""
    for value in wanted if isinstance(wanted, list) else [wanted]:
        if not np.isin(cells.places(table, column, value), chosen).any():
            raise Missing(f"{column} {value}")


def key_of(column: str, value: object) -> float | str:
    """A key of a vector: sizes and steps as numbers, the rest as text."""
    return cells.eps_number(value) if column in (*cells.SIZES, "steps") else str(value)


def select_ours(key: str, ours: pd.DataFrame, selector: Mapping) -> tuple[float | Vector, np.ndarray]:
    """As :func:`find`, in our cells, which must reach everywhere the paper's do.

    Rows that belong to no table of the paper are chosen only by a selector that says so (``table: ''``).

    Raises:
        Missing: ours lack a row, or a place at which the paper's vector has a number.
    """
    printed_there = {c: v for c, v in selector.items() if c not in OURS}
    if selector.get("of") == "printed":
        return find(cells.of_paper(key), printed_there)[0], np.array([], dtype=int)
    value, places = find(ours, selector, None if "table" in selector else cells.in_tables(ours))
    try:
        printed, _ = find(cells.of_paper(key), printed_there)
    except Missing:  # a quantity that the paper does not print
        return value, places
    absent = (
        [k for k in printed.keys if k not in value.keys]
        if isinstance(printed, Vector) and isinstance(value, Vector)
        else []
    )
    if absent:
        first = " ".join(map(str, absent[0])) if isinstance(absent[0], tuple) else str(absent[0])
        raise Missing(first + (f" and {len(absent) - 1} more" if len(absent) > 1 else ""))
    return value, places


def ends_of(key: str, ours: pd.DataFrame, selector: Mapping, centre: float | Vector) -> list[float | Vector]:
    """``centre``, a selector's number or vector, then the same at the lower and upper ends of its 95 % intervals.

    Where a number has no interval its end is the number itself; what a selector takes ``of`` a cell has no ends.
    """
    if "of" in selector:
        return [centre]
    return [centre, *(end_of(centre, select_ours(key, ours, {**selector, "of": end})[0]) for end in ("low", "high"))]


def end_of(centre: float | Vector, end: float | Vector) -> float | Vector:
    """``end``, with the number itself where there is none."""
    if isinstance(centre, Vector) and isinstance(end, Vector):
        return Vector(centre.keys, [c if np.isnan(e) else e for c, e in zip(centre, end, strict=True)])
    return centre if isinstance(end, float) and np.isnan(end) else end
