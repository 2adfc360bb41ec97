"""The figures of `smooth`."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from inputgrad.record.run import Run

from . import marks
from .panels import (
    aside,
    bare,
    canvas,
    datasets_shown,
    line_row,
    lines,
    over_points,
    panel_column,
    panel_row,
    points,
    rules,
    share_legend,
    show,
)

PALETTE = sns.color_palette("colorblind")
COLOURS = {"control": PALETTE[7], "updates": PALETTE[0]}


def errors(run: Run) -> Figure:
    """Figures 1 and 2: misclassified validation images over epochs, both arms; the median and range of three runs
    or more, else each run.
    """
    table = marks.of_run(run)
    table = table[table["metric"] == "validation_error"]
    table = table.assign(**table[["low", "high"]].where(table["seeds"] >= 3))
    frame = marks.tidy(table.assign(panel=marks.place(table), series=table["defense"], x=table["steps"]))
    titles = list(dict.fromkeys(frame["panel"]))
    rows = max(1, math.ceil(len(titles) / 4))
    figure, axes = canvas(rows, min(4, max(1, len(titles))), frame, figsize=(9.5, 0.6 + 2.3 * rows))
    bare(axes.flat[len(titles) :])
    grid = dict(zip(titles, axes.flat, strict=False))
    lines(grid, frame, lambda arm: {"color": COLOURS[arm], "marker": ""}, band=0.2)
    for title, ax in grid.items():
        ax.set(xlabel="epoch", yscale="log", title=title)
    for ax in axes[:, 0]:
        ax.set_ylabel("misclassified, percent")
    share_legend(figure)
    return figure


GAINS: dict[str, dict] = {
    "paper": {"color": "black", "marker": "x", "markersize": 6},
    "ours, gradient in training mode": {"color": PALETTE[0], "markersize": 4.5},
    "ours, gradient in evaluation mode": {"color": PALETTE[3], "marker": "s", "markersize": 4.5},
}
READINGS = {"default": "ours, gradient in training mode", "attack_mode=eval": "ours, gradient in evaluation mode"}


def gains(table: pd.DataFrame) -> pd.DataFrame:
    """What the updates gain under FGSM at eps 0.1 and 0.2, in points, of every network of cells."""
    table = table[(table["metric"] == "accuracy") & (table["table"] == "5") & (table["attack"] == "FGSM")]
    table = table[table["eps"].isin(["0.1", "0.2"]) & table["reading"].isin(READINGS)]
    gain = marks.difference(table, "defense", of="updates", less="control")
    series = gain["reading"].map(READINGS).where(gain["whose"] == "ours", "paper")
    return gain.assign(panel="FGSM, eps " + gain["eps"], series=series, x=marks.place(gain))


def chapter() -> Figure:
    """What the updates gain at eps 0.1 and 0.2 on each network, in the paper and in two readings of ours, run by run
    where there are two; both panels over one axis.
    """
    paper = gains(marks.of_paper("smooth"))
    frame = marks.tidy(paper, gains(marks.of_study("smooth")))
    order = list(dict.fromkeys(paper["x"]))
    figure, grid = panel_column(frame, dict.fromkeys(sorted(set(frame["panel"])), order), sharex=True)
    for title, ax in grid.items():
        points(ax, frame[frame["panel"] == title], GAINS.__getitem__, order, apart=0.28, spread=0.14)
        over_points(ax)
        ax.set_xlabel("gain of the updates, points")
        ax.tick_params(labelbottom=True)
    share_legend(figure, columns=1)
    return figure


def variants(run: Run, eps: str | None = None) -> Figure:
    """Accuracy at one eps for every reading of the update, under the attacks, as points in a row each."""
    table = marks.of_run(run)
    table = table[table["metric"] == "accuracy"]
    sizes = [e for e in dict.fromkeys(table["eps"]) if e != "0"]
    eps = eps or (sizes[0] if sizes else "0")
    table = table[table["eps"].isin([eps, "0"])]
    mine = table.assign(panel=marks.place(table), series=table["attack"].replace("none", "clean"), x=table["reading"])
    paper = marks.of_paper("smooth")
    paper = paper[(paper["eps"] == eps) & (paper["metric"] == "accuracy")]
    paper = paper.assign(panel=marks.place(paper), series="paper, " + paper["defense"], x="")
    frame = marks.tidy(mine, paper[paper["panel"].isin(mine["panel"])], across=["reading"])
    readings, attacks = list(dict.fromkeys(mine["x"])), list(dict.fromkeys(mine["series"]))
    colours = dict(zip(attacks, PALETTE, strict=False))
    figure, grid = panel_row(frame, width=6.9, height=0.8 + 0.32 * len(readings))
    for title, ax in grid.items():
        here = frame[frame["panel"] == title]
        points(ax, here[here["whose"] == "ours"], lambda attack: {"color": colours[attack], "markersize": 6}, readings)
        rules(ax, here[here["whose"] == "paper"], lambda arm: {"linestyle": {"paper, control": ":"}.get(arm, "--")})
        ax.set(xlabel=f"accuracy, percent (eps {eps})", xlim=(-2, 102))
    share_legend(figure, columns=3)
    return figure


def sweep(run: Run) -> Figure:
    """Accuracy over the rate, of both signs, under each attack, one panel an eps; the rate 0 is the control."""
    table = marks.of_run(run)
    table = table[table["metric"] == "accuracy"]
    control = table["arm"] == "control"
    table = table[control | (table["variant"] == table.loc[~control, "variant"].iloc[0])]
    table = table.assign(x=marks.parameter(table), series=table["attack"].replace("none", "clean"))
    where = marks.suffix(table)
    sizes = [e for e in dict.fromkeys(table["eps"]) if e != "0"]
    frame = marks.tidy(
        *(table[table["eps"].isin(["0", eps])].assign(panel=f"eps {eps}" + where) for eps in sizes), across=["reading"]
    )
    colours = dict(zip(dict.fromkeys(frame["series"]), PALETTE, strict=False))
    figure = line_row(frame, lambda attack: {"color": colours[attack]}, columns=3, ylabel="accuracy, percent",
                      width=9 / max(1, frame["panel"].nunique()), height=3.4, xlabel="rate (positive goes up the loss)",
                      ylim=(-2, 102))  # fmt: skip
    for ax in figure.axes:
        ax.axvline(0, color="black", linewidth=0.6)
    return figure


def rescued(run: Run) -> Figure:
    """Figures 3 and 4: attacked images that only the hardened network gets right, and the perturbation alone."""
    shown = [r for r in datasets_shown(run) if len(r.arrays["true"])] or datasets_shown(run)[:1]
    columns = max(1, max(len(r.arrays["true"]) for r in shown))
    figure, axes = canvas(3 * len(shown), columns, figsize=(1.1 * columns, 3.4 * len(shown)))
    bare(axes.flat)
    for i, result in enumerate(shown):
        arrays = result.arrays
        for j in range(len(arrays["true"])):
            show(axes[3 * i, j], arrays["clean"][j], str(arrays["true"][j]), vmin=0, vmax=255)
            show(axes[3 * i + 1, j], arrays["attacked"][j], f"control: {arrays['control'][j]}", vmin=0, vmax=255)
            show(axes[3 * i + 2, j], arrays["perturbation"][j], vmin=0, vmax=255)
    return figure


def drift(run: Run) -> Figure:
    """Figures 5 and 6: how the first training images had moved after each of the first nine epochs."""
    shown = datasets_shown(run)
    epochs = max(r.arrays["drift"].shape[0] for r in shown)
    rows = [(r, i) for r in shown for i in range(min(2, r.arrays["drift"].shape[1]))]
    figure, axes = canvas(len(rows), epochs, figsize=(1.0 * epochs, 1.25 * len(rows)))
    bare(axes.flat)
    for row, (result, i) in zip(axes, rows, strict=True):
        for epoch, (ax, picture) in enumerate(zip(row, result.arrays["drift"][:, i], strict=False)):
            length = float(np.asarray(result.arrays["drift_l2"])[epoch, i])
            show(ax, picture, f"{epoch + 1}: {length:.2g}", vmin=0, vmax=255)
        aside(row[0], result.trial.dataset, x=-0.15)
    return figure
