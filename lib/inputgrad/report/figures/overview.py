"""Figures about the whole study."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from inputgrad.report import cells, claims

from . import marks
from .panels import aside, canvas, show

VERDICT_COLOURS = {"reproduced": "#1b7f5c", "partly": "#8fc9a8", "not reproduced": "#c8553d", "not run": "#d9d9d9",
                   "close": "#1b7f5c", "inside": "#57a683", "near": "#8fc9a8", "apart": "#c8553d",
                   "says little": "#b5b5b5", "undecided": "#7d93ab"}  # fmt: skip


def scoreboard() -> Figure:
    """Claims and table cells of each paper by verdict, as stacked bars."""
    board = claims.scoreboard().iloc[::-1]
    frame = marks.tidy(*(
        pd.DataFrame({"panel": title, "series": word, "x": board["paper"], "value": board[word + suffix],
                      "metric": title, "unit": "count", "which": "", "seeds": 0})
        for title, words, suffix in (("claims", claims.WORDS, ""), ("table cells", cells.WORDS, " cells"))
        for word in words
    ))  # fmt: skip
    figure, axes = canvas(1, 2, frame, figsize=(9, 3), sharey=True)
    for ax, (title, part) in zip(axes[0], frame.groupby("panel", sort=False), strict=True):
        left = np.zeros(len(board))
        for word, counted in part.groupby("series", sort=False):
            ax.barh(counted["x"], counted["value"], left=left, color=VERDICT_COLOURS[word], label=word)
            left += counted["value"].to_numpy(float)
        ax.set_title(title)
        ax.grid(visible=False, axis="y")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    return figure


def stand_ins() -> Figure:
    """The first eight test images of each embedded data set."""
    from inputgrad.catalogue.digits import EMBEDDED

    figure, axes = canvas(len(EMBEDDED), 8, figsize=(8, 3.6))
    for row, (name, make) in zip(axes, EMBEDDED.items(), strict=True):
        images, labels = make("test")
        for ax, image, label in zip(row, images, labels, strict=False):
            show(ax, image.transpose(1, 2, 0), f"{label:02d}" if name == "digits100" else str(label))
        aside(row[0], name, size=9, x=-0.15)
    return figure
