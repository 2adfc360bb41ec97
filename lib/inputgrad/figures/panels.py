"""What all figures are made of: panels, curves with bands, pictures, one legend."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import cells

STYLE = Path(__file__).parents[1] / "inputgrad.mplstyle"


def panels(table: pd.DataFrame, height: float = 2.5, share: bool = True) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A grid of axes, one row a network and one column a data set, titled."""
    rows, columns = list(dict.fromkeys(table["model"])), list(dict.fromkeys(table["dataset"]))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(
            len(rows),
            len(columns),
            figsize=(0.6 + 2.6 * len(columns), 0.7 + height * len(rows)),
            squeeze=False,
            sharey=share,
        )
    plt.close(figure)  # the notebook shows what a cell returns; pyplot need not show it again
    grid = {(m, d): axes[i, j] for i, m in enumerate(rows) for j, d in enumerate(columns)}
    for (model, dataset), ax in grid.items():
        ax.set_title(f"{dataset}, {model}")
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{table['metric'].iloc[0]}, percent")
    return figure, grid


def panel_row(
    places: Sequence[tuple[str, str]], *, width: float = 3.0, height: float = 2.9
) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """One row of axes, one for each (data set, network), titled; an empty one where there is nothing to show."""
    places = places or [("nothing", "not run")]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(
            1, len(places), figsize=(0.6 + width * len(places), height), squeeze=False, sharey=True
        )
    plt.close(figure)
    grid = dict(zip(places, axes[0], strict=True))
    for (dataset, model), ax in grid.items():
        ax.set_title(f"{dataset}, {model}")
    return figure, grid


def line(ax: Axes, table: pd.DataFrame, label: str, **style) -> None:
    """One curve over eps with its 95 % band; nothing where nothing was measured."""
    if table.empty:
        return
    table = table.assign(x=table["eps"].map(cells.eps_number)).sort_values("x")
    (drawn,) = ax.plot(table["x"], table["value"], marker="o", label=label, **style)
    ax.fill_between(table["x"], table["low"], table["high"], color=drawn.get_color(), alpha=0.15, linewidth=0)


def share_legend(figure: Figure, axes: Sequence[Axes], columns: int = 4) -> None:
    """One legend below all panels, each label once."""
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    with plt.style.context(STYLE):
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def show(ax: Axes, picture: np.ndarray, title: str = "", **style) -> None:
    """One picture without axes; grey where it has one channel."""
    picture = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
    ax.imshow(picture, **{"cmap": "gray", "interpolation": "nearest", **style})
    ax.set_title(title, fontsize=10, pad=2)
    ax.axis("off")


def datasets_shown(run) -> list:
    """One result for each data set that a run shows, the best first found."""
    return list({r.provenance["declaration"]["dataset"]: r for r in reversed(run.shown)}.values())[::-1]


def chosen(table: pd.DataFrame, selector: dict) -> pd.DataFrame:
    """The cells that have one of the wanted values in every column named."""
    for column, wanted in selector.items():
        table = table[cells.matching(table, column, wanted)]
    return table
