"""The figure that stands across the papers."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .. import cells
from ..tables.synthesis import ATTACKS, DOWNHILL, victims
from .panels import STYLE

HEADS = {
    "none": "no step", "D-FGSM, predicted label": "downhill, predicted label",
    "D-FGSM, true label": "downhill, true label", "FGM-linf": "without sign, equal l∞",
    "FGM-l2": "without sign, equal l2", "FGSM": "with sign (FGSM)", "UAP": "one v for all (UAP)",
}  # fmt: skip
"""How columns are headed whose attack has a shorter name in the results."""


def chapter() -> Figure:
    """Accuracy of every recorded victim under every attack, as a map."""
    return accuracies(cells.ours("synthesis"))


def attacks(run) -> Figure:
    """The same for what a run shows."""
    return accuracies(cells.of_run(run))


def accuracies(mine: pd.DataFrame) -> Figure:
    """One row a victim, one column an attack; the two steps downhill stand apart on the left."""
    rows = victims(mine) or [(("nothing", "", ""), {})]
    columns = [*DOWNHILL[::-1], *ATTACKS]
    names = [", ".join(part for part in place if part not in ("", "as trained")) for place, _ in rows]
    values = np.array([[accuracy.get(attack, np.nan) for attack in columns] for _, accuracy in rows])
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(10, 1.4 + 0.36 * len(rows)))
        plt.close(figure)
        sns.heatmap(values, ax=ax, vmin=0, vmax=100, cmap="viridis", annot=True, fmt=".0f", linewidths=0.4,
                    xticklabels=[HEADS.get(c, c) for c in columns], yticklabels=names,
                    cbar_kws={"label": "accuracy, percent"})  # fmt: skip
    ax.axvline(len(DOWNHILL), color="white", linewidth=4)
    for i in range(1, len(rows)):
        if rows[i][0][0] != rows[i - 1][0][0]:
            ax.axhline(i, color="white", linewidth=4)
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.set_xticklabels(ax.get_xticklabels(), rotation=40, ha="left")
    return figure
