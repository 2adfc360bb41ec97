"""The figures of the audit of a network of the reader's own."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from inputgrad.record.run import Run
from inputgrad.report.markup import with_steps

from . import marks
from .panels import canvas, lines, points, share_legend


def colours(frame: pd.DataFrame) -> dict[str, tuple]:
    """A colour for each series of a frame."""
    names = list(dict.fromkeys(frame["series"]))
    return dict(zip(names, sns.color_palette("colorblind", len(names)), strict=True))


def attacks(run: Run) -> Figure:
    """Accuracy of each network under each attack, one row an attack, with its 95 % interval."""
    mine = marks.of_run(run)
    mine = mine[mine["metric"].eq("accuracy") & mine["attack"].ne("PGD over eps")]
    names = [with_steps(c.attack, c.steps) for c in mine.itertuples()]
    frame = marks.tidy(mine.assign(panel="", series=marks.place(mine), x=names))
    of, order = colours(frame), list(dict.fromkeys(names))
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(8, 1.0 + 0.28 * len(order)))
    points(ax, frame, lambda series: {"color": of[series], "markersize": 4}, order, apart=0.14)
    ax.grid(axis="y", linewidth=0.3)
    ax.set(xlabel="accuracy, percent", xlim=(-2, 102))
    share_legend(figure)
    return figure


def radii(run: Run) -> Figure:
    """Accuracy under PGD-20 over the radius: a network whose gradient tells the truth ends at zero."""
    mine = marks.of_run(run)
    mine = mine[mine["attack"].eq("PGD over eps") & mine["metric"].eq("accuracy")]
    frame = marks.tidy(mine.assign(panel="", series=marks.place(mine), x=255 * marks.eps(mine)))
    of = colours(frame)
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(6, 3.2))
    lines({"": ax}, frame, lambda series: {"color": of[series]}, band=0.12)
    ax.set(xscale="log", xlabel="eps, in units of 1/255", ylabel="accuracy under PGD-20, percent", ylim=(-2, 102))
    share_legend(figure)
    return figure
