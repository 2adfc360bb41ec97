"""What all figures are made of: panels, lines with bands, points, bars, pictures, one legend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from inputgrad.record.run import Run

from .marks import as_table

STYLE = Path(__file__).parent / "inputgrad.mplstyle"


class Drawn(Figure):
    """A figure with the frame that it is drawn from, which a notebook shows below it, closed."""

    frame: pd.DataFrame

    def _ipython_display_(self) -> None:
        from IPython.core.pylabtools import print_figure
        from IPython.display import HTML, SVG, Image, display

        if not hasattr(self, "frame"):
            display(Image(print_figure(self)))  # pictures
        elif self.frame.empty:
            print("This run has nothing that is drawn here.")
        else:
            with plt.rc_context({"svg.hashsalt": "inputgrad"}):
                display(SVG(print_figure(self, fmt="svg", metadata={"Date": None})))
            display(HTML(f"<details><summary>Its numbers</summary>{as_table(self)._repr_html_()}</details>"))


def canvas(
    rows: int = 1, columns: int = 1, frame: pd.DataFrame | None = None, **options: Any
) -> tuple[Drawn, np.ndarray]:
    """A figure in the study's style that is to draw ``frame``, and its axes as an array (rows, columns)."""
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(rows, columns, FigureClass=Drawn, squeeze=False, **options)
    plt.close(figure)  # the notebook shows what a cell returns; pyplot need not show it again
    if frame is not None:
        figure.frame = frame
    return figure, axes


def panels(frame: pd.DataFrame, height: float = 2.5, share: bool = True) -> tuple[Drawn, dict[str, Axes]]:
    """A grid of axes, one row a network and one column a data set, by title."""
    rows = list(dict.fromkeys(frame["model"])) or ["not run"]
    columns = list(dict.fromkeys(frame["dataset"])) or ["nothing"]
    size = (0.6 + 2.6 * len(columns), 0.7 + height * len(rows))
    figure, axes = canvas(len(rows), len(columns), frame, figsize=size, sharey=share)
    grid = {f"{d}, {m}": axes[i, j] for i, m in enumerate(rows) for j, d in enumerate(columns)}
    for title, ax in grid.items():
        ax.set_title(title)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{''.join(frame['metric'].iloc[:1])}, percent")
    return figure, grid


def panel_row(
    frame: pd.DataFrame, *, width: float = 3.0, height: float = 2.9, ylabel: str = ""
) -> tuple[Drawn, dict[str, Axes]]:
    """One row of axes, one for each panel of a frame, titled; an empty one where there is nothing to show."""
    titles = list(dict.fromkeys(frame["panel"])) or ["nothing, not run"]
    size = (0.6 + width * len(titles), height)
    figure, axes = canvas(1, len(titles), frame, figsize=size, sharey=True)
    grid = dict(zip(titles, axes[0], strict=True))
    for title, ax in grid.items():
        ax.set_title(title)
    axes[0, 0].set_ylabel(ylabel)
    return figure, grid


def panel_column(
    frame: pd.DataFrame, rows: Mapping[str, Sequence[str]], *, row: float = 0.42, width: float = 5.2, **options: Any
) -> tuple[Drawn, dict[str, Axes]]:
    """One column of axes, narrow enough to be read on a phone, one for each panel of a frame, titled.

    Args:
        frame: the marks.
        rows: the names along each panel, by its title.
        row: how high the row of a name is, inches.
        width: of the figure, inches.
        options: of ``plt.subplots``.
    """
    heights = [row * len(names) + 0.1 for names in rows.values()]
    size = (width, sum(heights) + 0.58 * len(rows) + 0.3)
    figure, axes = canvas(len(rows), 1, frame, figsize=size, height_ratios=heights, **options)
    grid = dict(zip(rows, axes[:, 0], strict=True))
    for title, ax in grid.items():
        ax.set_title(title)
        ax.grid(axis="y", visible=False)
        for between in range(1, len(rows[title])):
            ax.axhline(between - 0.5, color="#cccccc", linewidth=0.6)
    return figure, grid


Style = Callable[[str], Mapping]
"""How a series is drawn, by its name."""


def lines(grid: Mapping[str, Axes], frame: pd.DataFrame, style: Style, band: float = 0.15) -> None:
    """One line a series (of two runs one each) through its marks, and the 95 % band of each, where it has one."""
    for (panel, series, _), part in frame.groupby(["panel", "series", "which"], sort=False):
        part = part.sort_values("x")
        (drawn,) = grid[panel].plot(part["x"], part["value"], **{"marker": "o", "label": series, **style(series)})
        ends = part[["low", "high"]].astype(float)
        if band and ends.notna().any(axis=None):
            grid[panel].fill_between(part["x"].astype(float), ends["low"], ends["high"], color=drawn.get_color(),
                                     alpha=band, linewidth=0, label=f"_{series}")  # fmt: skip


def name_ends(ax: Axes, apart: float = 0.06) -> None:
    """The name of each line beside its last mark, in a darker shade of its colour, instead of a legend.

    Args:
        ax: the panel, its limits set.
        apart: how far names at the same place are kept apart, as a share of the panel's height.
    """
    ends: dict[float, list[tuple[float, str, Any]]] = {}
    for line in ax.lines:
        name, (x, y) = str(line.get_label()), np.asarray(line.get_data(), dtype=float)
        if not name.startswith("_") and len(x):
            ends.setdefault(x[-1], []).append((y[-1], name, darker(line.get_color())))
    step = apart * float(np.ptp(ax.get_ylim()))
    for x, named in ends.items():
        height = -np.inf
        for y, name, shade in sorted(named, key=lambda end: end[:2]):
            height = max(y, height + step)
            ax.annotate(name, (x, height), (5, 0), textcoords="offset points", va="center", color=shade,
                        annotation_clip=False)  # fmt: skip


def darker(colour: Any) -> tuple[float, ...]:
    """A shade of a mark's colour in which text can be read on white."""
    return tuple(0.7 * share for share in to_rgb(colour))


def name_marks(ax: Axes, frame: pd.DataFrame, x: str) -> None:
    """The name of each series at its height right of all marks of the row ``x``, in a darker shade of its colour.

    This takes the place of a legend; the row is to have room, and the points are to be drawn.
    """
    row = [text.get_text() for text in ax.get_yticklabels()].index(x)
    here = frame[frame["x"] == x]
    reach = np.nanmax(here[["value", "high"]].to_numpy(float))
    for name in dict.fromkeys(here["series"]):
        drawn = [line for line in ax.lines if line.get_label() == name]
        heights = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in drawn])
        shade, height = darker(drawn[0].get_color()), heights[abs(heights - row) < 0.5].mean()
        ax.annotate(name, (reach, height), (7, 0), textcoords="offset points", va="center", color=shade, fontsize=9)


def points(
    ax: Axes, frame: pd.DataFrame, style: Style, order: Sequence[str], apart: float = 0.0, spread: float = 0.0
) -> None:
    """One point a mark, a row for each name in ``order`` from above, with its 95 % interval where it has one.

    A mean whose runs are drawn, too, is an upright stroke, and the runs are rings.

    Args:
        ax: the panel.
        frame: its marks.
        style: of each series.
        order: the names.
        apart: how far the series are from each other within a row, whose height is 1.
        spread: over how much of a row several marks of one series are spread, so that none hides another.
    """
    names = list(dict.fromkeys(frame["series"]))
    kinds: dict[str, Mapping] = {"": {}, "mean": {"marker": "|", "markersize": 7, "markeredgewidth": 2},
                                 "run": {"markersize": 3.5, "markerfacecolor": "none"}}  # fmt: skip
    for (name, kind), part in frame.groupby(["series", of_several(frame)], sort=False):
        options = {"marker": "o", **style(name), **kinds[kind]}
        lower = apart * (names.index(name) - (len(names) - 1) / 2)
        heights = [order.index(x) + lower + spread * share for x, share in zip(part["x"], beside(part), strict=True)]
        ends = part[["low", "high"]].astype(float)
        ax.hlines(heights, ends["low"], ends["high"], color=options["color"], linewidth=0.9, label=f"_{name}")
        ax.plot(part["value"], heights, linestyle="none", label=name, **options)
    ax.set_yticks(range(len(order)), order)
    ax.set_ylim(max(1, len(order)) - 0.5, -0.5)


def of_several(frame: pd.DataFrame) -> pd.Series:
    """Of each mark of a panel ``"mean"`` or ``"run"`` where both stand at one place, else nothing."""
    place, joined = [frame["series"], frame["x"]], frame["which"] == ""
    both = joined.groupby(place).transform("any") & ~joined.groupby(place).transform("all")
    return joined.map({True: "mean", False: "run"}).where(both, "")


def beside(part: pd.DataFrame) -> pd.Series:
    """Where each of several marks at one name stands between -1/2 and 1/2: -1/2, 0, 1/2 for three, 0 for one."""
    several = part.groupby("x")["which"]
    return several.cumcount() / (several.transform("size") - 1).clip(lower=1) - 0.5 * several.transform("size").gt(1)


def rules(ax: Axes, frame: pd.DataFrame, style: Style, *, lying: bool = False) -> None:
    """One line across the panel at each mark's value, for numbers that hold for the whole of it."""
    for mark in frame.itertuples():
        draw = ax.axhline if lying else ax.axvline
        draw(mark.value, **{"color": "black", "linewidth": 1, "label": mark.series, **style(mark.series)})


def bars(ax: Axes, frame: pd.DataFrame, style: Style, names: Sequence[str], order: Sequence[str], *,
         lying: bool = False, width: float = 0.8) -> None:  # fmt: skip
    """One bar a mark, grouped at each name in ``order``, a slot for each series of ``names``; two runs share a slot."""
    slot = width / len(names)
    for (series, x), part in frame.groupby(["series", "x"], sort=False):
        thin = slot / len(part)
        start = order.index(x) + slot * (names.index(series) - len(names) / 2) + thin / 2
        draw = ax.barh if lying else ax.bar
        draw(start + thin * np.arange(len(part)), part["value"], thin, label=series, **style(series))
    (ax.set_yticks if lying else ax.set_xticks)(range(len(order)), order)


def over_percent(ax: Axes) -> None:
    """An axis of accuracies, the same for all panels that have one."""
    ax.set(xlabel="accuracy, percent", xlim=(-2, 102))


def over_points(ax: Axes) -> None:
    """An axis of gains in percentage points, and a line where there is none."""
    ax.set_xlabel("gain, points")
    ax.axvline(0, color="black", linewidth=0.8)


def share_legend(figure: Figure, columns: int = 4, *, of: Sequence[Axes] = (), above: bool = False) -> None:
    """One legend below all panels, or above them, of those named or of all, each label once."""
    labelled = [ax.get_legend_handles_labels() for ax in of or figure.axes]
    entries = {label: handle for both in labelled for handle, label in zip(*both, strict=True)}
    where: Literal["outside upper center", "outside lower center"]
    where = "outside upper center" if above else "outside lower center"
    with plt.style.context(STYLE):
        figure.legend(entries.values(), entries.keys(), loc=where, ncols=columns)


def line_row(frame: pd.DataFrame, style: Style, *, columns: int = 4, width: float = 3.0, height: float = 2.9,
             ylabel: str = "", **axes: Any) -> Drawn:  # fmt: skip
    """One row of panels with a line a series, a legend of so many columns below; ``axes`` are set on each panel."""
    figure, grid = panel_row(frame, width=width, height=height, ylabel=ylabel)
    lines(grid, frame, style)
    for ax in grid.values():
        ax.set(**axes)
    share_legend(figure, columns)
    return figure


def aside(ax: Axes, text: str, size: int = 8, x: float = -0.12) -> None:
    """Upright text left of a row of pictures."""
    ax.text(x, 0.5, text, rotation=90, va="center", ha="right", fontsize=size, transform=ax.transAxes)


def show(ax: Axes, picture: np.ndarray, title: str = "", **style: Any) -> None:
    """One picture without axes; grey where it has one channel."""
    picture = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
    ax.imshow(picture, **{"cmap": "gray", "interpolation": "nearest", **style})
    ax.set_title(title, fontsize=10, pad=2)
    bare([ax])


def bare(axes: Iterable[Axes]) -> None:
    """Leave nothing but pictures: neither frames nor ticks, which the layout would measure though nobody sees them."""
    for ax in axes:
        ax.axis("off")
        ax.xaxis.set_visible(False)
        ax.yaxis.set_visible(False)


def datasets_shown(run: Run) -> list:
    """One result for each data set that a run shows, the best first found."""
    return list({r.trial.dataset: r for r in reversed(run.shown)}.values())[::-1]
