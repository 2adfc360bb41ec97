"""The figures of an audit: of a network of the reader's own, and what that of `selfgrad` has in common with it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from inputgrad.record.run import Run
from inputgrad.report.markup import with_steps

from . import marks
from .panels import canvas, lines, points, share_legend

Colour = Callable[[str], tuple | None]
"""From a series to its colour."""


def attacks(run: Run) -> Figure:
    """Accuracy of each network under each attack, one row an attack, with its 95 % interval."""
    mine = attacked(marks.of_run(run))
    frame = marks.tidy(mine.assign(panel="", series=marks.place(mine)))
    return by_attack(frame, colours(frame))


def radii(run: Run) -> Figure:
    """Accuracy under PGD-20 over the radius: a network whose gradient tells the truth ends at zero."""
    mine = over_eps(marks.of_run(run))
    frame = marks.tidy(mine.assign(panel="", series=marks.place(mine)))
    return by_radius(frame, colours(frame))


def colours(frame: pd.DataFrame) -> Colour:
    """A colour for each series of a frame."""
    names = list(dict.fromkeys(frame["series"]))
    return dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True)).__getitem__


def attacked(table: pd.DataFrame) -> pd.DataFrame:
    """The accuracies at the eps of a page, over the attack with its steps."""
    table = table[table["metric"].eq("accuracy") & table["attack"].ne("PGD over eps")]
    return table.assign(x=[with_steps(c.attack, c.steps) for c in table.itertuples()])


def over_eps(table: pd.DataFrame) -> pd.DataFrame:
    """The accuracies under PGD-20, over the radius in units of 1/255."""
    table = table[table["metric"].eq("accuracy") & table["attack"].eq("PGD over eps")]
    return table.assign(x=255 * marks.eps(table))


def by_attack(frame: pd.DataFrame, colour: Colour) -> Figure:
    """One row an attack, in the order of the audit."""
    order = list(dict.fromkeys(frame["x"]))
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(8, 1.0 + 0.28 * len(order)))
    points(ax, frame, lambda series: {"color": colour(series), "markersize": 4}, order, apart=0.14)
    ax.grid(axis="y", linewidth=0.3)
    ax.set(xlabel="accuracy, percent", xlim=(-2, 102))
    share_legend(figure)
    return figure


def by_radius(frame: pd.DataFrame, colour: Colour) -> Figure:
    """One line a series, over the logarithm of the radius."""
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(6, 3.2))
    lines({"": ax}, frame, lambda series: {"color": colour(series)}, band=0.12)
    ax.set(xscale="log", xlabel="eps, in units of 1/255", ylabel="accuracy under PGD-20, percent", ylim=(-2, 102))
    share_legend(figure)
    return figure
