"""The figures of `convex`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .. import cells, results
from ..tables.common import main_reading, side_by_side
from .panels import STYLE, datasets_shown, line, panel_row, share_legend, show

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


def over_eps(run, methods: Sequence[str] = ()) -> Figure:
    """Fooled images over eps, one panel a network, one curve a method; the paper's points where it prints any.

    Args:
        run: what ``inputgrad.run`` gave.
        methods: those drawn; none named: all.
    """
    table = cells.of_run(run)
    table = table[(table["metric"] == "fooling_ratio") & (table["attack"] != "none")]
    return curves(table[table["reading"] == main_reading(table)], methods)


def chapter() -> Figure:
    """Figure 2 a and b from the recorded results."""
    table = cells.ours("convex")
    table = table[(table["table"] == "fig2") & (table["dataset"] == "MNIST") & (table["reading"] == "default")]
    methods = ("Algorithm 1-10", "DeepFool", "Algorithm 1", "FastGrad (float64)", "FastGrad", "Algorithm 2", "Random")
    return curves(table[table["metric"] == "fooling_ratio"], methods, width=4.0)


def curves(table: pd.DataFrame, methods: Sequence[str] = (), width: float = 3.0) -> Figure:
    """One panel a network, one curve a method, and a cross for every point that the paper prints."""
    paper = cells.of_paper("convex")
    paper = paper[paper["metric"] == "fooling_ratio"]
    figure, grid = panel_row(places_of(table), width=width)
    for (dataset, model), ax in grid.items():
        here = table[(table["dataset"] == dataset) & (table["model"] == model)]
        for method in methods or dict.fromkeys(here["attack"]):
            own = here[here["attack"] == method]
            line(ax, own, method, color=COLOURS[method], markersize=3, **STYLES.get(method, {}))
        here_printed = paper[(paper["dataset"] == dataset) & (paper["model"] == printed_as(model))]
        for method, printed in here_printed[here_printed["attack"].isin(here["attack"])].groupby("attack"):
            eps = printed["eps"].map(cells.eps_number)
            ax.plot(eps, printed["value"], "x", color=COLOURS[method], markersize=8, label=f"{method}, paper")
        ax.set(xlabel="eps", ylim=(-3, 103))
    next(iter(grid.values())).set_ylabel("fooled, percent")
    share_legend(figure, list(grid.values()), columns=5)
    return figure


def printed_as(model: str) -> str:
    """What the paper calls a network: the one that its authors published is its own."""
    return model.removesuffix(" (authors)")


def places_of(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Every (data set, network) of a table, in its order."""
    return list(dict.fromkeys(zip(table["dataset"], table["model"], strict=True)))


MEASURES = {"rho1_hat": "ρ₁", "rho2_hat": "ρ₂", "eps_fooled_99": "eps, 99 % fooled"}


def measures(run) -> Figure:
    """Table I as points: each measure of each network with its interval, and a cross for the paper's."""
    shown = side_by_side(run, main_reading(results.table(run.shown)))
    networks = list(dict.fromkeys(shown["model"]))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, len(MEASURES), figsize=(9.5, 2.4), sharey=True)
        plt.close(figure)
    for ax, (metric, name) in zip(axes, MEASURES.items(), strict=True):
        for cell in shown[shown["metric"] == metric].itertuples():
            row = networks.index(cell.model)
            ax.plot([cell.low, cell.high], [row, row], color=PALETTE[0], linewidth=3, alpha=0.4)
            ax.plot(cell.ours, row, "o", color=PALETTE[0], label="ours")
            ax.plot(cell.value, row, "x", color="black", label="paper")
        ax.set_yticks(range(len(networks)), networks)
        ax.set(xscale="log", title=name)
    axes[0].invert_yaxis()
    share_legend(figure, list(axes))
    return figure


def clipping(run) -> Figure:
    """The methods that were run both ways: free (solid) and kept in the box (dashed)."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "fooling_ratio") & (table["attack"] != "none")]
    kept = table[table["reading"].str.contains("clip=True") & ~table["reading"].str.contains("least")]
    free_reading = main_reading(table)
    figure, grid = panel_row(places_of(table))
    for (dataset, model), ax in grid.items():
        here = table[(table["dataset"] == dataset) & (table["model"] == model)]
        for method in dict.fromkeys(kept["attack"]):
            free = here[(here["attack"] == method) & (here["reading"] == free_reading) & ~here.index.isin(kept.index)]
            boxed = here[(here["attack"] == method) & here.index.isin(kept.index)]
            line(ax, free, method, color=COLOURS[method], markersize=3)
            line(ax, boxed, f"{method}, in the box", color=COLOURS[method], markersize=3, linestyle="--")
        ax.set(xlabel="eps", ylim=(-3, 103))
    next(iter(grid.values())).set_ylabel("fooled, percent")
    share_legend(figure, list(grid.values()), columns=3)
    return figure


def multiples(run) -> Figure:
    """Fooled images over eps in units of each image's smallest feasible eps, one panel a network, one curve a ball."""
    table = cells.of_run(run)
    table = table[table["metric"] == "fooled_at_multiple"]
    figure, grid = panel_row(places_of(table))
    balls = dict(zip(dict.fromkeys(table["reading"]), sns.color_palette("flare", 5), strict=False))
    for (dataset, model), ax in grid.items():
        here = table[(table["dataset"] == dataset) & (table["model"] == model)]
        for ball, colour in balls.items():
            line(ax, here[here["reading"] == ball], ball.replace("=", " = "), color=colour, markersize=3)
        ax.axvline(1, color="black", linewidth=0.8, linestyle=":")
        ax.set(xlabel="eps / smallest feasible eps", ylim=(-3, 103))
    next(iter(grid.values())).set_ylabel("fooled, percent")
    share_legend(figure, list(grid.values()), columns=5)
    return figure


def scales(run) -> Figure:
    """Fooled images at one eps over the factor on the logits: flat for every method that looks at margins."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "fooling_ratio") & (table["eps"] != "")]
    factors = table["reading"].where(table["reading"] != "default", "scale=1").str.removeprefix("scale=")
    table = table.assign(factor=factors, at=table["eps"])
    compared = table.loc[table["reading"] != "default", ["dataset", "model", "eps"]].drop_duplicates()
    table = table.merge(compared) if len(compared) else table
    figure, grid = panel_row(places_of(table))
    for (dataset, model), ax in grid.items():
        here = table[(table["dataset"] == dataset) & (table["model"] == model)]
        for method in dict.fromkeys(here["attack"]):
            own = here[here["attack"] == method].assign(eps=lambda t: t["factor"])
            line(ax, own, method, color=COLOURS[method], markersize=3, **STYLES.get(method, {}))
        ax.set_xscale("log", base=4)
        ax.set(xlabel=f"logits times (eps {', '.join(dict.fromkeys(here['at']))})", ylim=(-3, 103))
    next(iter(grid.values())).set_ylabel("fooled, percent")
    share_legend(figure, list(grid.values()), columns=3)
    return figure


def examples(run) -> Figure:
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


def example_block(block, result, columns: int) -> None:
    """Draw one data set's images, and its noise and sum for each eps."""
    arrays = result.arrays
    texts = [t.decode() for t in arrays["eps"]]
    axes = block.subplots(1 + 2 * len(texts), columns, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for j, picture in enumerate(arrays["image"]):
        show(axes[0, j], picture, str(arrays["true"][j]), vmin=0, vmax=255)
        for i in range(len(texts)):
            show(axes[1 + 2 * i, j], arrays["noise"][i, j], vmin=0, vmax=255)
            title = f"{arrays['true'][j]} → {arrays['class'][i, j]}"
            show(axes[2 + 2 * i, j], arrays["sum"][i, j], title, vmin=0, vmax=255)
    for row, text in enumerate(["image", *(w for t in texts for w in (f"noise, eps {t}", "sum"))]):
        axes[row, 0].text(-0.12, 0.5, text, rotation=90, va="center", ha="right", fontsize=8,
                          transform=axes[row, 0].transAxes)  # fmt: skip
    declared = result.provenance["declaration"]
    block.suptitle(f"{declared['dataset']}, {declared['model']}", fontsize=12)


def steps(run) -> Figure:
    """Sec. III: for two images of the autoencoder and of the regressor, the step of each ball and a random one."""
    shown = [r for r in run.shown if "step" in r.arrays]
    shown = list({r.provenance["declaration"]["model"]: r for r in shown}.values())
    rows = [(r, i) for r in shown for i in range(min(2, len(r.arrays["image"])))]
    columns = max((1 + len(r.arrays["step"]) for r in shown), default=1)
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(max(1, len(rows)), columns, figsize=(1.5 * columns, 1.6 * max(1, len(rows))),
                                    squeeze=False)  # fmt: skip
        plt.close(figure)
    for row, (result, i) in zip(axes, rows, strict=False):
        balls = [*result.provenance["declaration"]["settings"]["p"], "random"]
        show(row[0], result.arrays["image"][i], result.provenance["declaration"]["model"], vmin=0, vmax=255)
        for ax, ball, step in zip(row[1:], balls, result.arrays["step"][:, i], strict=False):
            peak = float(np.abs(step).max()) or 1.0
            title = ball if ball == "random" else f"p = {ball}"
            show(ax, step, title, cmap="RdBu_r", vmin=-peak, vmax=peak)
    for ax in axes.flat:
        ax.axis("off")
    return figure


def segmentation(run) -> Figure:
    """Four perturbed images and the segments that the network sees in them, one row an eps."""
    shown = [r for r in run.shown if "target" in r.arrays][-1:]
    texts = [t.decode() for t in shown[0].arrays["eps"]] if shown else []
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(max(1, len(texts)), 8, figsize=(9, 1.3 * max(1, len(texts)) + 0.3), squeeze=False)
        plt.close(figure)
    for ax in axes.flat:
        ax.axis("off")
    for i, text in enumerate(texts):
        arrays = shown[0].arrays
        pictures, classes = arrays[f"perturbed/{text}"], arrays[f"classes/{text}"]
        for j in range(len(pictures)):
            show(axes[i, 2 * j], pictures[j], f"eps {text}", vmin=0, vmax=255)
            background = classes[j].max() if classes[j].max() >= 10 else 10
            coloured = np.ma.masked_equal(classes[j], background)
            show(axes[i, 2 * j + 1], coloured, f"target {arrays['target'][j]}", cmap="tab10", vmin=0, vmax=9)
    return figure


def moved(run) -> Figure:
    """The share of the stroke's pixels that carry the target class, over eps, beside random signs."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "pixels_moved_mean") & (table["attack"] != "none")]
    table = table.assign(value=100 * table["value"])
    figure, grid = panel_row(places_of(table), width=4.2)
    for (dataset, model), ax in grid.items():
        here = table[(table["dataset"] == dataset) & (table["model"] == model)]
        for method in dict.fromkeys(here["attack"]):
            line(ax, here[here["attack"] == method], method, color=COLOURS[method], markersize=3)
        ax.set(xlabel="eps", ylim=(-3, 103), ylabel="pixels of the stroke, percent")
    share_legend(figure, list(grid.values()), columns=3)
    return figure
