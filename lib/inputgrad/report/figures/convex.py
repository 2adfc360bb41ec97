"""The figures of `convex`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure, FigureBase

from inputgrad.record.results import Result
from inputgrad.record.run import Run
from inputgrad.report.tables.common import main_reading
from inputgrad.study.convex import IN_THE_BOX

from . import marks
from .panels import (
    STYLE,
    aside,
    bare,
    canvas,
    datasets_shown,
    line_row,
    lines,
    name_ends,
    panel_row,
    points,
    share_legend,
    show,
)  # fmt: skip

PALETTE = sns.color_palette("colorblind")
COLOURS = {
    "DeepFool": PALETTE[7],
    "Algorithm 1-10": PALETTE[2],
    "Algorithm 1-5": PALETTE[8],
    "Algorithm 1": PALETTE[0],
    "Algorithm 2": PALETTE[4],
    "FastGrad": PALETTE[3],
    "FastGrad (float64)": PALETTE[1],
    "FastGrad (exact)": PALETTE[5],
    "FastGrad (clipped at 1e-7)": PALETTE[5],
    "FastGrad (margin loss)": PALETTE[9],
    "Random": PALETTE[6],
    "PGD": "black",
}
STYLES: Mapping[str, Mapping] = {
    "FastGrad (float64)": {"linestyle": "--"},
    "PGD": {"linestyle": ":"},
    "Random": {"linestyle": ":"},
}


OURS: Mapping[str, Mapping] = {
    method: {"color": colour, "markersize": 3, **STYLES.get(method, {})} for method, colour in COLOURS.items()
}
CROSS = {"linestyle": "none", "marker": "x", "markersize": 5}
LOOKS: Mapping[str, Mapping] = {
    **OURS,
    **{f"{method}, paper": {**look, **CROSS} for method, look in OURS.items()},
    **{f"{method}, {IN_THE_BOX}": {**look, "linestyle": "--"} for method, look in OURS.items()},
}
"""Colour and line of each method; the paper's points are crosses, what is kept in the box is dashed."""


def over_eps(run: Run, methods: Sequence[str] = ()) -> Figure:
    """Fooled images over eps, one panel a network, one curve a method; the paper's points where it prints any.

    Args:
        run: what ``inputgrad.run`` gave.
        methods: those drawn; none named: all.
    """
    table = fooling(marks.of_run(run))
    return curves(table[table["reading"] == main_reading(table)], methods)


def chapter() -> Figure:
    """Figure 2 a and b from the recorded results."""
    table = fooling(marks.of_study("convex"))
    table = table[(table["table"] == "fig2") & (table["dataset"] == "MNIST") & (table["reading"] == "default")]
    methods = ("Algorithm 1-10", "DeepFool", "Algorithm 1", "FastGrad (float64)", "FastGrad", "Algorithm 2", "Random")
    return curves(table, methods, width=4.0)


def fooling(table: pd.DataFrame) -> pd.DataFrame:
    """The cells that say how many images a method fools, as one panel a network and one series a method over eps."""
    table = table[(table["metric"] == "fooling_ratio") & (table["attack"] != "none")]
    return table.assign(panel=marks.place(table), series=table["attack"], x=marks.eps(table))


def curves(table: pd.DataFrame, methods: Sequence[str] = (), width: float = 3.0) -> Figure:
    """One panel a network, one curve a method, and a cross for every point that the paper prints."""
    methods = methods or list(dict.fromkeys(table["attack"]))
    drawn = pd.concat([table[table["attack"] == method] for method in methods])
    beside = drawn[["panel", "dataset", "model", "attack"]].drop_duplicates()
    beside = beside.assign(model=beside["model"].replace(PRINTED_AS))
    paper = fooling(marks.of_paper("convex")).drop(columns="panel").merge(beside)
    frame = marks.tidy(drawn, paper.assign(series=paper["attack"] + ", paper"))
    return over(frame, "eps", 5, width)


PRINTED_AS = {"LeNet-5 (authors)": "LeNet-5"}
"""What the paper calls a network: the one that its authors published is its own."""


def over(frame: pd.DataFrame, xlabel: str, columns: int, width: float = 3.0) -> Figure:
    """Fooled images, one panel a network, one curve a method."""
    return line_row(frame, LOOKS.__getitem__, columns=columns, width=width, ylabel="fooled, percent", xlabel=xlabel,
                    ylim=(-3, 103))  # fmt: skip


MEASURES = {"rho1_hat": "ρ₁", "rho2_hat": "ρ₂", "eps_fooled_99": "eps, 99 % fooled"}


def measures(run: Run) -> Figure:
    """Table I as points: each measure of each network with its interval, and a cross for the paper's."""
    table = marks.of_run(run)
    table = table[(table["reading"] == main_reading(table)) | (table["attack"] == "none")]
    ours, paper = (t[t["metric"].isin(list(MEASURES))] for t in (table, marks.of_paper("convex")))
    ours = ours.assign(x=marks.place(ours))
    beside = ours.assign(model=ours["model"].replace(PRINTED_AS))[["dataset", "model", "x"]].drop_duplicates()
    parts = (ours, paper.merge(beside))
    frame = marks.tidy(*(t.assign(panel=t["metric"].map(MEASURES), series=t["whose"]) for t in parts))
    order = list(dict.fromkeys(ours["x"]))
    looks = {"ours": {"color": PALETTE[0]}, "paper": {"color": "black", "marker": "x"}}
    figure, axes = canvas(1, len(MEASURES), frame, figsize=(9.5, 2.4), sharey=True)
    for ax, title in zip(axes[0], MEASURES.values(), strict=True):
        points(ax, frame[frame["panel"] == title], lambda whose: looks[whose], order)
        ax.set(xscale="log", title=title)
    share_legend(figure)
    return figure


def clipping(run: Run) -> Figure:
    """The methods that were run both ways: free (solid) and kept in the box (dashed)."""
    table = fooling(marks.of_run(run))
    kept = table[table["variant"] == IN_THE_BOX]
    kept = kept.assign(series=kept["attack"] + f", {IN_THE_BOX}")
    free = table[(table["variant"] == "") & table["attack"].isin(kept["attack"])]
    return over(marks.tidy(free, kept), "eps", 3)


def multiples(run: Run) -> Figure:
    """Fooled images over eps in units of each image's smallest feasible eps, one panel a network, one curve a ball."""
    table = marks.of_run(run)
    table = table[table["metric"] == "fooled_at_multiple"]
    balls = "p = " + table["variant"]
    frame = marks.tidy(table.assign(panel=marks.place(table), series=balls, x=marks.parameter(table)))
    colours = dict(zip(dict.fromkeys(balls), sns.color_palette("flare", 5), strict=False))
    figure = line_row(frame, lambda ball: {"color": colours[ball], "markersize": 3}, columns=5,
                      ylabel="fooled, percent", xlabel="eps / smallest feasible eps", ylim=(-3, 103))  # fmt: skip
    for ax in figure.axes:
        ax.axvline(1, color="black", linewidth=0.8, linestyle=":")
    return figure


NETWORKS = (PALETTE[3], PALETTE[0], PALETTE[2], PALETTE[4], PALETTE[1])
"""A colour for each network of a panel."""


def targeted(run: Run) -> Figure:
    """Images that Algorithm 1-10 takes to the next class over eps, one panel a data set, one curve a network."""
    table = marks.of_run(run)
    table = table[table["metric"] == "reached_target"]
    frame = marks.tidy(table.assign(panel=table["dataset"], series=table["model"], x=marks.eps(table)))
    colours = dict(zip(dict.fromkeys(frame["series"]), cycle(NETWORKS), strict=False))
    figure, grid = panel_row(frame, width=5.6, height=3.2, ylabel="at the target, percent")
    lines(grid, frame, lambda network: {"color": colours[network], "markersize": 3})
    for ax in grid.values():
        ax.set(xlabel="eps", ylim=(-3, 103))
        name_ends(ax)
    return figure


def scales(run: Run) -> Figure:
    """Fooled images at one eps over the factor on the logits: flat for every method that looks at margins."""
    table = fooling(marks.of_run(run))
    compared = table.loc[table["reading"] != "default", ["dataset", "model", "eps"]].drop_duplicates()
    table = table.assign(x=marks.parameter(table))
    frame = marks.tidy(table.merge(compared) if len(compared) else table, across=["reading"])
    figure = over(frame, "logits times", 3)
    for ax in figure.axes:
        sizes = dict.fromkeys(frame.loc[frame["panel"] == ax.get_title(), "eps"])
        ax.set_xscale("log", base=4)
        ax.set_xlabel(f"logits times (eps {', '.join(sizes)})")
    return figure


def examples(run: Run) -> Figure:
    """Figure 1: images, noise and sum, one block a data set, two rows an eps, titled "class before → class after"."""
    shown = datasets_shown(run)
    columns = max(r.arrays["image"].shape[0] for r in shown)
    heights = [1 + 2 * len(r.arrays["eps"]) for r in shown]
    with plt.style.context(STYLE):
        figure = plt.figure(figsize=(1.0 * columns * len(shown) + 0.8, 1.12 * max(heights) + 0.4))
        plt.close(figure)
        blocks = figure.subfigures(1, len(shown), squeeze=False)[0]
        for block, result in zip(blocks, shown, strict=True):
            example_block(block, result, columns)
    return figure


def example_block(block: FigureBase, result: Result, columns: int) -> None:
    """Draw one data set's images, and its noise and sum for each eps."""
    arrays = result.arrays
    texts = [t.decode() for t in arrays["eps"]]
    axes = block.subplots(1 + 2 * len(texts), columns, squeeze=False)
    bare(axes.flat)
    for j, picture in enumerate(arrays["image"]):
        show(axes[0, j], picture, str(arrays["true"][j]), vmin=0, vmax=255)
        for i in range(len(texts)):
            show(axes[1 + 2 * i, j], arrays["noise"][i, j], vmin=0, vmax=255)
            title = f"{arrays['true'][j]} → {arrays['class'][i, j]}"
            show(axes[2 + 2 * i, j], arrays["sum"][i, j], title, vmin=0, vmax=255)
    for row, text in enumerate(["image", *(w for t in texts for w in (f"noise, eps {t}", "sum"))]):
        aside(axes[row, 0], text)
    block.suptitle(f"{result.trial.dataset}, {result.trial.model}", fontsize=12)


def steps(run: Run) -> Figure:
    """Sec. III: for two images of the autoencoder and of the regressor, the step of each ball and a random one."""
    shown = [r for r in run.shown if "step" in r.arrays]
    shown = list({r.trial.model: r for r in shown}.values())
    rows = [(r, i) for r in shown for i in range(min(2, len(r.arrays["image"])))]
    columns = max((1 + len(r.arrays["step"]) for r in shown), default=1)
    figure, axes = canvas(max(1, len(rows)), columns, figsize=(1.5 * columns, 1.6 * max(1, len(rows))))
    for row, (result, i) in zip(axes, rows, strict=False):
        balls = [*result.trial.settings["p"], "random"]
        show(row[0], result.arrays["image"][i], result.trial.model, vmin=0, vmax=255)
        for ax, ball, step in zip(row[1:], balls, result.arrays["step"][:, i], strict=False):
            peak = float(np.abs(step).max()) or 1.0
            title = ball if ball == "random" else f"p = {ball}"
            show(ax, step, title, cmap="RdBu_r", vmin=-peak, vmax=peak)
    bare(axes.flat)
    return figure


def segmentation(run: Run) -> Figure:
    """Four perturbed images and the segments that the network sees in them, one row an eps."""
    shown = [r for r in run.shown if "target" in r.arrays][-1:]
    texts = [t.decode() for t in shown[0].arrays["eps"]] if shown else []
    figure, axes = canvas(max(1, len(texts)), 8, figsize=(9, 1.3 * max(1, len(texts)) + 0.3))
    bare(axes.flat)
    for i, text in enumerate(texts):
        arrays = shown[0].arrays
        pictures, classes = arrays[f"perturbed/{text}"], arrays[f"classes/{text}"]
        for j in range(len(pictures)):
            show(axes[i, 2 * j], pictures[j], f"eps {text}", vmin=0, vmax=255)
            background = classes[j].max() if classes[j].max() >= 10 else 10
            coloured = np.ma.masked_equal(classes[j], background)
            show(axes[i, 2 * j + 1], coloured, f"target {arrays['target'][j]}", cmap="tab10", vmin=0, vmax=9)
    return figure


def moved(run: Run) -> Figure:
    """The share of the stroke's pixels that carry the target class, over eps, beside random signs."""
    table = marks.of_run(run)
    table = table[(table["metric"] == "pixels_moved_mean") & (table["attack"] != "none")]
    table = table.assign(panel=marks.place(table), series=table["attack"], x=marks.eps(table))
    return line_row(marks.tidy(table), LOOKS.__getitem__, columns=3, width=4.2, xlabel="eps", ylim=(-0.03, 1.03),
                    ylabel="share of the stroke's pixels")  # fmt: skip
