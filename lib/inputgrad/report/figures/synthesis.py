"""The figure that stands across the papers."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from inputgrad.record.run import Run
from inputgrad.report.tables.synthesis import ATTACKS, DOWNHILL

from . import marks
from .panels import STYLE, canvas

HEADS = {
    "none": "no step", "D-FGSM, predicted label": "downhill, predicted label",
    "D-FGSM, true label": "downhill, true label", "FGM-linf": "without sign, equal l∞",
    "FGM-l2": "without sign, equal l2", "FGSM": "with sign (FGSM)", "UAP": "one v for all (UAP)",
}  # fmt: skip
"""How columns are headed whose attack has a shorter name in the results."""


def chapter() -> Figure:
    """Accuracy of every recorded victim under every attack, as a map."""
    return accuracies(marks.of_study("synthesis"))


def attacks(run: Run) -> Figure:
    """The same for what a run shows."""
    return accuracies(marks.of_run(run))


def accuracies(mine: pd.DataFrame) -> Figure:
    """One row a victim (of two runs one each), one column an attack; the two steps downhill stand apart on the left."""
    columns = [*DOWNHILL[::-1], *ATTACKS]
    mine = mine[mine["metric"].eq("accuracy") & mine["attack"].isin(columns)]
    defence = (", " + mine["defense"]).mask(mine["defense"].isin(["", "as trained"]), "")
    run = (", run " + mine["which"]).mask(mine["which"] == "", "")
    frame = marks.tidy(mine.assign(panel="", series=marks.place(mine) + defence + run, x=mine["attack"].replace(HEADS)))
    names, heads = list(dict.fromkeys(frame["series"])) or ["nothing"], [HEADS.get(c, c) for c in columns]
    values = frame.pivot(index="series", columns="x", values="value").reindex(index=names, columns=heads).astype(float)
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(10, 1.4 + 0.36 * len(names)))
    with plt.style.context(STYLE):
        sns.heatmap(values, ax=ax, vmin=0, vmax=100, cmap="viridis", annot=True, fmt=".0f", linewidths=0.4,
                    xticklabels=heads, yticklabels=names, cbar_kws={"label": "accuracy, percent"})  # fmt: skip
    ax.axvline(len(DOWNHILL), color="white", linewidth=4)
    datasets = frame.drop_duplicates("series")["dataset"].tolist()
    for i in range(1, len(datasets)):
        if datasets[i] != datasets[i - 1]:
            ax.axhline(i, color="white", linewidth=4)
    ax.set(xlabel="", ylabel="")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    ax.xaxis.tick_top()
    ax.set_xticklabels(ax.get_xticklabels(), rotation=40, ha="left")
    return figure
