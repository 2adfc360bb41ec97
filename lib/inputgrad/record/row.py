"""The row: one measured number, and the columns that say what it is. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError

UNITS = {
    "fraction": "a share of images, from 0 to 1; pages show it in percent",
    "percentage_points": "a difference of two shares of images, times 100",
    "probability": "a mean probability, from 0 to 1; pages show it as it is",
    "ratio": "a number without a unit: a quotient, a share of values or pixels, a similarity",
    "x": "as the values of the images a network is given",
    "x^2": "the square of these",
    "1/x": "of a gradient with respect to them",
    "output": "as the values that a network which does not classify gives",
    "fraction_of_range": "a share of the range of the prepared test set",
    "dB": "decibels, for a peak of 1",
    "loss": "of the function that a network is trained on",
    "images": "a number of images",
    "s": "seconds",
    "1/s": "images a second",
    "MiB": "of memory",
}
"""Every unit that a number can have, and what it means."""

LIMITS = {
    **dict.fromkeys(("fraction", "probability"), (0.0, 1.0)),
    "percentage_points": (-100.0, 100.0),
    **dict.fromkeys(("x^2", "fraction_of_range", "images", "s", "1/s", "MiB"), (0.0, math.inf)),
}
"""Between which numbers a value of a unit lies, where not any number will do."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured number; every column is checked when a row is made, so also when it is written and read.

    Attributes:
        table: the paper's table or figure that it stands beside (``"1"``, ``"fig2"``, ``"prose"``); ``"own"`` or
            nothing where there is none.
        dataset: as the paper spells it.
        model: the network, as the paper spells it.
        defense: the whole name of the row in the paper's tables and in ours; ``"none"`` where there is one row only.
        arm: which network of a comparison it is: how it was trained or defended, or in `butterfly` which classifier.
        maker: in `butterfly`, who makes the perturbation: ``"Proposed-50"``, ``"UAP"``; ``"Vanilla"`` for nobody.
        variant: which variation it is, where there are several: ``"lr, limited"``, ``"block off"``, ``"in the box"``.
        attack: what is done to the images; ``"none"`` where nothing is.
        eps: the size of the attack as text (``"8/255"``), in the unit of its exhibit.
        parameter: what a series runs over where that is no eps, as text: gamma, a factor, a budget.
        steps: of the attack on an image (of Square, queries), or the epoch or iteration; 0 where it takes none.
        reading: which choices differ from the study's default, ``"default"`` for none.
        metric: what is measured.
        value: a finite number.
        unit: of the value, one of :data:`UNITS`.
        count: of a share, how many of the images are counted; ``None`` where nothing is counted.
        total: how many images it was measured on; 0 where it was none.

    Raises:
        InputError: a column has something it cannot have; the sentence names the column and what it has.
    """

    table: str
    dataset: str
    model: str
    defense: str
    arm: str
    maker: str = ""
    variant: str = ""
    attack: str
    eps: str = ""
    parameter: str = ""
    steps: int
    reading: str
    metric: str
    value: float
    unit: str
    count: int | None = None
    total: int

    def __post_init__(self) -> None:
        for column in TEXTS:
            check_text(column, getattr(self, column), may_be_empty=column in MAY_BE_EMPTY)
        for column in ("eps", "parameter"):
            if not is_number(getattr(self, column)):
                raise InputError(f"{column} {getattr(self, column)!r} is not a number: write it as '0.3' or '8/255'")
        checks.whole("steps", self.steps)
        checks.one_of("unit", self.unit, UNITS)
        checks.whole("total", self.total)
        if isinstance(self.value, bool) or not isinstance(self.value, int | float) or not math.isfinite(self.value):
            raise InputError(f"value {self.value!r} is not a finite number")
        least, most = LIMITS.get(self.unit, (-math.inf, math.inf))
        if not least <= self.value <= most:
            raise InputError(f"value {self.value!r} is not a number of {self.unit}, from {least:g} to {most:g}")
        if self.count is not None:
            if self.unit != "fraction" or not self.total:
                raise InputError(f"count {self.count!r} is that of a share of images, not of {self.total} {self.unit}")
            checks.whole("count", self.count, most=self.total)
            if not math.isclose(self.value * self.total, self.count, abs_tol=1e-6):
                raise InputError(f"value {self.value!r} is not the count {self.count} of the total {self.total}")

    @classmethod
    def of(cls, values: Sequence) -> Row:
        """The row with these values, in the order of :data:`COLUMNS`.

        Raises:
            InputError: there are more or fewer of them, or a column has something it cannot have.
        """
        if not isinstance(values, list | tuple) or len(values) != len(COLUMNS):
            raise InputError(f"{values!r} is not a list of {len(COLUMNS)} values, one a column")
        return cls(**dict(zip(COLUMNS, values, strict=True)))

    def values(self) -> list:
        """Its values, in the order of :data:`COLUMNS`."""
        return [getattr(self, column) for column in COLUMNS]

    @property
    def identity(self) -> tuple:
        """What it says that the number is of: a result has one row of each."""
        return IDENTITY_OF(self)


COLUMNS = tuple(field.name for field in fields(Row))
"""Of every row, in the order in which files have them."""

IDENTITY = tuple(column for column in COLUMNS if column not in ("value", "unit", "count", "total"))
IDENTITY_OF = attrgetter(*IDENTITY)

TEXTS = tuple(field.name for field in fields(Row) if field.type == "str" and field.name != "unit")
MAY_BE_EMPTY = ("table", "maker", "variant", "eps", "parameter")


def check_text(column: str, value: object, may_be_empty: bool) -> None:
    """Refuse what is no text, and an empty one where a column must say something."""
    if not isinstance(value, str) or not (value or may_be_empty):
        raise InputError(f"{column} {value!r} is not {'a text' if may_be_empty else 'a name'}")


@cache
def is_number(text: str) -> bool:
    """Is it a number written as ``"0.3"`` or ``"8/255"``, or nothing at all?"""
    try:
        return not text or math.isfinite(checks.as_float(text))
    except (ValueError, ArithmeticError):
        return False
