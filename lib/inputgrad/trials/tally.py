"""From numbers of single images to rows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from inputgrad.catalogue import datasets, models
from inputgrad.compute.metrics import PERCEPTIBILITY, paired_difference, perceptibility
from inputgrad.record.row import Row
from inputgrad.study.schema import Trial

Place = Callable[[str], Mapping[str, str]]
"""From an eps to the columns that say where a cell belongs: table, dataset, model, and what :func:`side` gives."""


def placed(trial: Trial, table: str, arm: str = "none", maker: str = "", variant: str = "") -> dict[str, str]:
    """Where a trial's cell belongs: its table, what the papers call its data set and network, and the arm's columns."""
    where = {"table": table, "dataset": datasets.label(trial.dataset), "model": models.label(trial.model)}
    return {**where, **side(arm, maker, variant)}


class Cell(NamedTuple):
    """The columns that say what a number is, but for its place."""

    attack: str
    eps: str
    reading: str
    metric: str
    steps: int
    unit: str
    parameter: str
    variant: str


class Tally:
    """Collects, batch by batch, one number an image for each measured cell, and turns them into rows."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.values: dict[Cell, list[Tensor]] = defaultdict(list)
        self.single: list[Row] = []

    def add(
        self, attack: str, eps: str, reading: str, metric: str, values: Tensor, *, steps: int, unit: str = "fraction",
        parameter: str = "", variant: str = "",
    ) -> None:  # fmt: skip
        """Add the values of one batch, ``(B,)``: bool where images are counted, else numbers of another ``unit``."""
        if (values.dtype == torch.bool) != (unit == "fraction"):
            raise ValueError(f"{metric} has values of {values.dtype} and the unit {unit}: bool goes with fraction")
        cell = Cell(attack, eps, reading, metric, steps, unit, parameter, variant)
        self.values[cell].append(values.cpu())

    def withstood(
        self, found: Iterable[tuple[str, Tensor, int]], right: Tensor, eps: str, reading: str = "default"
    ) -> Tensor:
        """Add the accuracy of a batch under each attack; which images are right under all of them, ``(B,)`` bool.

        Args:
            found: each attack's name, which images stand, ``(B,)`` bool, and its steps.
            right: which are right without an attack; another does not count as right under one.
            eps: the radius, as the rows have it.
            reading: the rows' reading.
        """
        worst = right.clone()
        for attack, stands, steps in found:
            self.add(attack, eps, reading, "accuracy", stands & right, steps=steps)
            worst &= stands
        return worst

    def number(
        self, attack: str, eps: str, reading: str, metric: str, value: float | Tensor, *, steps: int, unit: str,
        images: int, parameter: str = "", variant: str = "",
    ) -> None:  # fmt: skip
        """Add one number that was measured on ``images`` images as a whole."""
        cell = Cell(attack, eps, reading, metric, steps, unit, parameter, variant)
        self.single.append(self.row(cell, value=shortened(value), total=images))

    def counted(
        self, attack: str, eps: str, reading: str, metric: str, count: int, total: int, *, steps: int
    ) -> None:  # fmt: skip
        """Add a share of images that were counted elsewhere."""
        cell = Cell(attack, eps, reading, metric, steps, "fraction", "", "")
        self.single.append(self.share(cell, count, total))

    def bootstrapped(
        self, attack: str, reading: str, metric: str, values: Tensor, statistic: Callable[[Tensor], Tensor], unit: str,
        *, steps: int, variant: str = "", draws: int = 1000,
    ) -> None:  # fmt: skip
        """Add a statistic of one value an image, ``(N,)``, with its 95 % percentile bootstrap interval over images."""
        generator = torch.Generator().manual_seed(0)
        picks = torch.randint(len(values), (draws, len(values)), generator=generator)
        found = torch.stack([statistic(values[pick]) for pick in picks]).sort().values
        numbers = {"": statistic(values), "_low": found[int(0.025 * draws)], "_high": found[int(0.975 * draws) - 1]}
        for suffix, value in numbers.items():
            if torch.isfinite(value):  # it is not where more images withstand an attack than a quantile leaves out
                self.number(attack, "", reading, metric + suffix, float(value), steps=steps, unit=unit,
                            images=len(values), variant=variant)  # fmt: skip

    def gain(self, attack: str, eps: str, reading: str, before: Tensor, after: Tensor, *, steps: int = 0) -> None:
        """Add by how many points more of the same images are right, ``(N,)`` bool each, with its interval."""
        for end, value in zip(("", "_low", "_high"), paired_difference(before, after), strict=True):
            if math.isfinite(value):  # one image has no interval
                self.number(attack, eps, reading, f"gain{end}", value, steps=steps, unit="percentage_points",
                            images=len(after))  # fmt: skip

    def perturbation(
        self, attack: str, eps: str, reading: str, x: Tensor, x_adv: Tensor, *, steps: int, parameter: str = ""
    ) -> None:
        """Add how visible a batch of perturbations is."""
        for name, values in perceptibility(x, x_adv).items():
            self.add(attack, eps, reading, name, values, steps=steps, unit=PERCEPTIBILITY[name], parameter=parameter)

    def rows(self) -> list[Row]:
        """One row a cell: shares with their counts; medians and means of the rest."""
        rows = list(self.single)
        for cell, parts in self.values.items():
            values = torch.cat(parts)
            total = len(values)
            if values.dtype != torch.bool:
                for name, value in (("median", values.median()), ("mean", values.mean())):
                    one = cell._replace(metric=f"{cell.metric}_{name}")
                    rows.append(self.row(one, value=shortened(value), total=total))
            elif total:  # else there is no image of this kind
                rows.append(self.share(cell, int(values.sum()), total))
        return rows

    def share(self, cell: Cell, count: int, total: int) -> Row:
        """The row of a share of ``total`` images."""
        return self.row(cell, value=count / total, count=count, total=total)

    def row(self, cell: Cell, **numbers: Any) -> Row:
        """The row of a cell; what its place says holds where the cell says nothing itself."""
        said = {column: value for column, value in cell._asdict().items() if value != ""}
        return Row(**{**self.place(cell.eps), **said}, **numbers)


def shortened(value: float | Tensor) -> float:
    """Five digits of a number: what a median or a mean over images is worth."""
    return float(f"{float(value):.5g}")


def side(arm: str, maker: str = "", variant: str = "") -> dict[str, str]:
    """The columns that say which side of a comparison a row is on; ``defense``, its whole name, is made of them."""
    whole = ", ".join(part for part in (arm, maker, variant) if part)
    return {"defense": whole, "arm": arm, "maker": maker, "variant": variant}


def reading_of(default: Mapping[str, object], **choices: object) -> str:
    """The name of a reading: the choices that differ from the study's default, or ``"default"``."""
    changed = [f"{name}={value}" for name, value in choices.items() if value != default[name]]
    return " ".join(changed) or "default"
