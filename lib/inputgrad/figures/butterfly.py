"""The figures of `butterfly`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from .. import cells
from ..tables.butterfly import OWN, ours, places
from .panels import STYLE, datasets_shown, share_legend, show

PALETTE = sns.color_palette("colorblind")
SHORT = {"[A] scratch classifier": "[A]", "[B] pretrained classifier": "[B]"}


def shortened(row: str) -> str:
    """A row's name without the long name of its classifier."""
    for long, short in SHORT.items():
        row = row.replace(f"{long}, ", f"{short} ")
    return row


# Tables 1 and 2


def rows(run) -> Figure:
    """Accuracy of every row with its interval, one colour a network; the paper's as crosses."""
    mine = ours(run)
    mine = mine[mine["metric"].eq("accuracy") & mine["attack"].isin(OWN)]
    paper = cells.of_paper("butterfly")
    paper = paper[paper["metric"].eq("accuracy") & paper["table"].isin(["1", "2"])]
    names = list(dict.fromkeys(mine["defense"]))
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(8, 1.0 + 0.3 * len(names)))
        plt.close(figure)
    groups = list(mine.groupby(["dataset", "model"], sort=False))
    for i, (((dataset, model), group), colour) in enumerate(zip(groups, PALETTE, strict=False)):
        heights = np.array([names.index(d) for d in group["defense"]]) + 0.12 * (i - (len(groups) - 1) / 2)
        spread = [group["value"] - group["low"], group["high"] - group["value"]]
        ax.errorbar(group["value"], heights, xerr=np.clip(np.nan_to_num(spread), 0, None), fmt="o", color=colour,
                    label=f"{dataset}, {model}", markersize=4, linewidth=0.9)  # fmt: skip
        theirs = paper[paper["dataset"].eq(dataset) & paper["model"].eq(model) & paper["defense"].isin(names)]
        if len(theirs):
            ax.plot(theirs["value"], [names.index(d) for d in theirs["defense"]], "x", color=colour,
                    label=f"{dataset}, {model}, paper")  # fmt: skip
    ax.set_yticks(range(len(names)), [shortened(name) for name in names])
    ax.invert_yaxis()
    ax.grid(axis="y", linewidth=0.3)
    ax.set(xlabel="accuracy, percent")
    share_legend(figure, [ax], columns=3)
    return figure


# Figures 4, 8, 9 and 10

PANELS = {"g_loss": "L_G", "d_loss": "L_D", "d_accuracy": "D right, percent", "good": "t = 1, percent",
          "l2": "mean l2 of v", "gained": "false to correct", "lost": "correct to false",
          "held_accuracy": "accuracy held out, percent"}  # fmt: skip


def curves(run, problem: str, losses: tuple[str, ...] = ()) -> Figure:
    """One game's quantities over epochs, one colour a gamma, of the first data set that has any; lr is dashed.

    The dotted line is the accuracy without v.
    """
    mine = ours(run)
    mine = mine[mine["defense"].str.startswith(f"{problem}, ")]
    mine = mine[mine["dataset"].eq(mine["dataset"].iloc[0])] if len(mine) else mine
    before, mine = mine[mine["eps"].eq("")], mine[mine["steps"].gt(0)]
    arms = [d for d in dict.fromkeys(mine["defense"]) if not losses or d.split(", ")[1] in losses]
    gammas = list(dict.fromkeys(mine["eps"]))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(2, 4, figsize=(10.5, 5))
        plt.close(figure)
    for ax, (metric, title) in zip(axes.flat, PANELS.items(), strict=True):
        for arm, style in zip(arms, ("-", "--"), strict=False):
            for gamma, colour in zip(gammas, PALETTE, strict=False):
                line = mine[mine["defense"].eq(arm) & mine["eps"].eq(gamma) & mine["metric"].eq(metric)]
                if line.empty:
                    continue
                line = line.sort_values("steps")
                ax.plot(line["steps"], line["value"], style, marker=".", color=colour,
                        label=f"{arm.split(', ')[1]}, gamma {gamma}")  # fmt: skip
        for value in before[before["metric"].eq(metric)]["value"].iloc[:1]:
            ax.axhline(value, linestyle=":", color="black", linewidth=0.8)
        ax.set(title=title, xlabel="epoch")
    share_legend(figure, list(axes.flat), columns=4)
    return figure


# Figures 1, 3, 5 to 7 and 11 to 14


def declared(result) -> dict:
    """The settings that a result was computed with."""
    return result.provenance["declaration"]["settings"]


def shown_with(run, problem: str) -> list:
    """The results that have pictures of a problem, one a data set."""
    return [r for r in datasets_shown(run) if f"{problem}_clean" in r.arrays]


def gallery(run, problem: str) -> Figure:
    """Figures 3 and 5: images, v and their sum at the problem's first gamma, with the classes seen before and after."""
    found = shown_with(run, problem)
    columns = max([len(r.arrays[f"{problem}_true"]) for r in found], default=1)
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(3 * max(1, len(found)), columns, squeeze=False,
                                    figsize=(1.1 * columns + 0.3, 3.6 * max(1, len(found))))  # fmt: skip
        plt.close(figure)
    for ax in axes.flat:
        ax.axis("off")
    for i, result in enumerate(found):
        part = {k.removeprefix(f"{problem}_"): a for k, a in result.arrays.items() if k.startswith(problem)}
        for j in range(len(part["true"])):
            show(axes[3 * i, j], part["clean"][j], f"{part['true'][j]}: {part['before'][j]}", vmin=0, vmax=255)
            show(axes[3 * i + 1, j], part["v"][0, j], f"{part['l2'][0, j]:.2g}", vmin=0, vmax=255)
            show(axes[3 * i + 2, j], part["moved"][0, j], f"{part['after'][0, j]}", vmin=0, vmax=255)
    return figure


def by_gamma(run, problem: str, rows_of: int = 3) -> Figure:
    """Figures 6 and 7: the perturbed image and v below it for each gamma, a few images of the first data set."""
    found = shown_with(run, problem)[:1]
    gammas = sorted(declared(found[0])[f"gammas_{problem}"], key=float) if found else [""]
    n = min(rows_of, len(found[0].arrays[f"{problem}_true"])) if found else 1
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(2 * n, len(gammas) + 1, squeeze=False,
                                    figsize=(1.3 * (len(gammas) + 1), 2.7 * n))  # fmt: skip
        plt.close(figure)
    for ax in axes.flat:
        ax.axis("off")
    for result in found:
        order = [declared(result)[f"gammas_{problem}"].index(gamma) for gamma in gammas]
        part = {k.removeprefix(f"{problem}_"): a for k, a in result.arrays.items() if k.startswith(problem)}
        for j in range(n):
            show(axes[2 * j, 0], part["clean"][j], f"x: {part['before'][j]}", vmin=0, vmax=255)
            for column, (gamma, k) in enumerate(zip(gammas, order, strict=True), 1):
                show(axes[2 * j, column], part["moved"][k, j], f"γ {gamma}: {part['after'][k, j]}", vmin=0, vmax=255)
                show(axes[2 * j + 1, column], part["v"][k, j], f"l2 {part['l2'][k, j]:.2g}", vmin=0, vmax=255)
    return figure


# The chapter

ARMS = {
    "left alone": "Vanilla", "generator": "Proposed-50", "larger generator": "Proposed-101", "direct": "direct",
    "linear probe": "linear probe of the encoder", "unknown classifier": "Proposed-B", "UAP": "UAP", "EHA": "EHA",
}  # fmt: skip
"""Rows of the chapter's figure, by the paper's name for them."""

STAND_INS = {"Proposed-50": "Proposed-small", "Proposed-101": "Proposed-large", "direct": "Proposed-small, direct"}
"""What such a row is called where the encoder is not the paper's."""

PANELS_OF_CHAPTER = {
    "enhancing": ("1", "[A] scratch classifier", list(ARMS)[:5]),
    "attacking": ("2", "[B] pretrained classifier", [arm for arm in ARMS if arm != "linear probe"]),
}


def chapter() -> Figure:
    """A scratch classifier enhanced, a pretrained one attacked: the paper's mean over its cells, and each of ours."""
    ours, paper = cells.ours("butterfly"), cells.of_paper("butterfly")
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
        plt.close(figure)
    for ax, (name, (table, kind, arms)) in zip(axes, PANELS_OF_CHAPTER.items(), strict=True):
        own = ours["exhibit"].eq(f"butterfly/{name}") & ours["attack"].isin(OWN) & ours["reading"].eq("default")
        series = {"the paper, mean": paper[paper["table"].eq(table)]}
        series |= {f"{dataset}, {model}": part for (dataset, model), part in places(ours[own])}
        width = 0.8 / len(series)
        for i, (colour, (label, part)) in enumerate(zip(("black", *PALETTE), series.items(), strict=False)):
            shift = (i - (len(series) - 1) / 2) * width
            part = part[part["metric"].eq("accuracy")]
            for j, arm in enumerate(arms):
                names = {ARMS[arm], STAND_INS.get(ARMS[arm], ARMS[arm])}
                values = part[part["defense"].isin({f"{kind}, {row}" for row in names} | names)]["value"]
                if len(values):
                    ax.bar(j + shift, values.mean(), width, color=colour, label=label)
        ax.set_xticks(range(len(arms)), arms, rotation=30, ha="right")
        ax.set_title(f"{name} {kind[:3]}")
    axes[0].set_ylabel("accuracy, percent")
    share_legend(figure, list(axes))
    return figure
