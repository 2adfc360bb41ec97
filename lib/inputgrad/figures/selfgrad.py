"""The figures of `selfgrad`."""

from __future__ import annotations

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

from .. import cells
from .panels import STYLE, panel_row, share_legend

PALETTE = sns.color_palette("colorblind")
COLOURS = {"Standard": PALETTE[7], "Madry PGD": PALETTE[0], "Self gradient": PALETTE[3], "FGSM training": PALETTE[2],
           "Self gradient, rescaled": PALETTE[1], "Bilateral": PALETTE[4]}  # fmt: skip


# Figure 1


def architecture() -> Figure:
    """Figure 1: the modules that a self-gradient network calls, in their order, as recorded while it runs once."""
    calls = calls_of_a_forward()
    first, block, second = calls[0], calls[1:-1], calls[-1]
    layers = [f"{conv}\n{tanh}" for (conv, _), (tanh, _) in zip(block[::2], block[1::2], strict=True)]
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(9.5, 3))
        plt.close(figure)
    ax.set(xlim=(0, 104), ylim=(0, 32))
    ax.axis("off")
    top, low, step = 24, 7, 48 / max(1, len(layers))
    places = [56 + step * i for i in range(len(layers))]
    row = [(6, "image x"), (25, shaped(first)), (44, "sum"), *zip(places, layers, strict=True)]
    join(ax, [(x, top, text) for x, text in row], {2: "∇ₓ"})
    join(ax, [(6, low, "image x"), (44, low, "+"), (64, low, shaped(second))], {})
    arrow(ax, (places[-1], top - 4.5), (46.5, low + 1.5), "c B(g)" if layers else "")
    ax.plot([25, 25, 64, 64], [top - 4, 14.5, 14.5, low + 4], ":", color="black", linewidth=0.9)
    ax.text(26, 12, "same weights", fontsize=9)
    return figure


def calls_of_a_forward() -> list[tuple[str, tuple[int, ...]]]:
    """Name and output shape of what a self-gradient network calls: the network as one, and the block's layers."""
    import torch

    from ..models import build
    from ..models.selfgrad import SelfGradient

    shape = (3, 32, 32)
    network = SelfGradient(build("wrn10_2", shape=shape, classes=10, width=0.25), shape[0]).eval()
    calls: list[tuple[str, tuple[int, ...]]] = []
    for module in (network.net, *network.block):
        size = "x".join(map(str, getattr(module, "kernel_size", ())))
        name = "network f" if module is network.net else f"{size} {type(module).__name__}".strip()
        module.register_forward_hook(lambda _, __, out, name=name: calls.append((name, tuple(out.shape[1:]))))
    network(torch.rand(1, *shape))
    return calls


def shaped(call: tuple[str, tuple[int, ...]]) -> str:
    """A module's name above the shape of what it gives."""
    return f"{call[0]}\n→ {'x'.join(map(str, call[1]))}"


def join(ax: Axes, row: list[tuple[float, float, str]], words: dict[int, str]) -> None:
    """Framed texts with arrows from each to the next, some with a word."""
    for x, y, text in row:
        boxed(ax, x, y, text)
    for i, ((x, y, text), (after, _, other)) in enumerate(zip(row, row[1:], strict=False)):
        arrow(ax, (x + half(text), y), (after - half(other), y), words.get(i, ""))


def half(text: str) -> float:
    """Half the width of a framed text, in the units of the drawing."""
    return 0.9 + 0.3 * max(map(len, text.split("\n")))


def boxed(ax: Axes, x: float, y: float, text: str) -> None:
    """Text in a frame."""
    style = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": "black"}
    ax.text(x, y, text, ha="center", va="center", fontsize=8, bbox=style)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], text: str = "") -> None:
    """An arrow with a word above it."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "linewidth": 0.9})
    ax.text((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 1.2, text, ha="center", fontsize=9)


# Tables 2 to 4


def over_steps(run) -> Figure:
    """Accuracy over the steps of PGD (lines) and CW (dashed), one panel a data set; the paper's PGD as crosses."""
    mine = cells.of_run(run)
    mine = mine[mine["attack"].isin(["PGD", "CW"]) & ~mine["defense"].str.contains("inference")]
    paper = cells.of_paper("selfgrad")
    paper = paper[paper["table"].isin(["2", "3", "4"]) & paper["attack"].eq("PGD")]
    datasets = list(dict.fromkeys(mine["dataset"]))
    figure, grid = panel_row([(name, "PGD and CW") for name in datasets], width=8 / max(1, len(datasets)), height=3.6)
    for (dataset, _), ax in grid.items():
        for defense, colour in COLOURS.items():
            of_defense = mine[(mine["dataset"] == dataset) & (mine["defense"] == defense)].sort_values("steps")
            for attack, style in (("PGD", "o-"), ("CW", "s--")):
                line = of_defense[of_defense["attack"] == attack]
                ax.plot(line["steps"], line["value"], style, color=colour, markersize=4)
            printed = paper[(paper["dataset"] == dataset) & (paper["defense"] == defense)]
            ax.plot(printed["steps"].astype(int), printed["value"], "x", color=colour)
            if len(of_defense) or len(printed):
                ax.plot([], [], color=colour, linewidth=4, label=defense)
        for style, label in (("o-", "PGD"), ("s--", "CW"), ("x", "PGD in the paper")):
            ax.plot([], [], style, color="black", markersize=4, label=label)
        over_log_steps(ax)
    next(iter(grid.values())).set_ylabel("accuracy, percent")
    share_legend(figure, list(grid.values()), columns=4)
    return figure


def over_log_steps(ax: Axes) -> None:
    """A logarithmic axis of numbers of steps."""
    ax.set(xscale="log", xlabel="steps", ylim=(-2, None))
    ax.xaxis.set_major_locator(FixedLocator([10, 20, 40, 100]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter("{x:.0f}")


# Figure 2 and the theorem


def convergence(run) -> Figure:
    """Figure 2: how the self gradient changes from one iteration to the next; and the theorem's iterates."""
    mine = cells.of_run(run)
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.4))
        plt.close(figure)
    networks = mine[mine["metric"].eq("change_l2_mean") & mine["steps"].gt(0)]
    for (attack, line), colour in zip(networks.groupby("attack", sort=False), PALETTE, strict=False):
        line = line.sort_values("steps")
        axes[0].plot(line["steps"], line["value"].clip(lower=1e-12), "o-", color=colour, label=attack, markersize=4)
    axes[0].set(yscale="log", xlabel="iteration k", ylabel="mean l2 of g(k) − g(k−1)", title="the trained network")
    quadratic = mine[mine["attack"] == "quadratic"]
    for (eps, line), style in zip(quadratic.groupby("eps", sort=False), ("o-", "s-", "^--", "v--"), strict=False):
        line = line.sort_values("steps")
        axes[1].plot(line["steps"], line["value"].clip(upper=1e6), style, label=f"x²/2, eps {eps}", markersize=4)
    axes[1].set(yscale="log", xlabel="iteration n", ylabel="|fⁿ − fⁿ⁻¹| at 1 (cut at 10⁶)", title="Theorem 1 on x²/2")
    share_legend(figure, list(axes), columns=3)
    return figure


# The audit


def audit(run) -> Figure:
    """Accuracy of each defence under each attack, one row an attack, in the order of the audit."""
    mine = cells.of_run(run)
    mine = mine[mine["metric"].eq("accuracy") & mine["defense"].isin(list(COLOURS)) & mine["attack"].ne("PGD over eps")]
    names = [name(c) for c in mine.itertuples()]
    mine = mine.assign(name=names)
    order = list(dict.fromkeys(mine["name"]))
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(8, 1.0 + 0.28 * len(order)))
        plt.close(figure)
    for defense, group in mine.groupby("defense", sort=False):
        ax.plot(group["value"], [order.index(n) for n in group["name"]], "o", color=COLOURS[defense], label=defense)
    ax.set_yticks(range(len(order)), order)
    ax.invert_yaxis()
    ax.grid(axis="y", linewidth=0.3)
    ax.set(xlabel="accuracy, percent", xlim=(-2, None))
    share_legend(figure, [ax])
    return figure


def name(cell) -> str:
    """An attack with its number of steps where there are several of the kind."""
    if cell.attack in ("PGD", "CW"):
        return f"{cell.attack}-{cell.steps}"
    return "clean" if cell.attack == "none" else cell.attack


def radii(run) -> Figure:
    """Accuracy under PGD-20 over the radius: a network whose gradient tells the truth ends at zero."""
    mine = cells.of_run(run)
    at_all = mine[mine["attack"].eq("PGD over eps") & mine["metric"].eq("accuracy")]
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(6, 3.2))
        plt.close(figure)
    for defense, group in at_all.groupby("defense", sort=False):
        line = group.assign(x=255 * group["eps"].map(cells.eps_number)).sort_values("x")
        ax.plot(line["x"], line["value"], "o-", color=COLOURS.get(defense), label=defense)
        ax.fill_between(line["x"], line["low"], line["high"], color=COLOURS.get(defense), alpha=0.12, linewidth=0)
    ax.set(xscale="log", xlabel="eps, in units of 1/255", ylabel="accuracy under PGD-20, percent", ylim=(-2, None))
    share_legend(figure, [ax])
    return figure


# The cost of training


def costs(run) -> Figure:
    """Robust accuracy during training, over epochs and over seconds."""
    mine = cells.of_run(run)
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
        plt.close(figure)
    for defense, group in mine[mine["metric"] == "robust_accuracy"].groupby("defense", sort=False):
        robust = group.groupby("steps")["value"].mean()
        seconds = mine[mine["metric"].eq("seconds") & mine["defense"].eq(defense)].groupby("steps")["value"].mean()
        axes[0].plot(robust.index, robust, "o-", color=COLOURS[defense], label=defense, markersize=4)
        axes[1].plot(seconds.reindex(robust.index), robust, "o-", color=COLOURS[defense], markersize=4)
    axes[0].set(xlabel="epoch", ylabel="accuracy under PGD-10, percent")
    axes[1].set(xlabel="seconds of training")
    share_legend(figure, list(axes))
    return figure


def chapter() -> Figure:
    """Accuracy on CIFAR-10, clean and under FGSM, PGD-10, PGD-100 and CW-100: the paper's rows and ours."""
    ours, paper = cells.ours("selfgrad"), cells.of_paper("selfgrad")
    columns = (("none", 0), ("FGSM", 1), ("PGD", 10), ("PGD", 100), ("CW", 100))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
        plt.close(figure)
    for ax, (title, table) in zip(axes, {"the paper": paper, "ours": ours}.items(), strict=True):
        here = table[(table["dataset"] == "CIFAR-10") & (table["metric"] == "accuracy")]
        for i, (defense, colour) in enumerate(COLOURS.items()):
            mine = here[(here["defense"] == defense) & here["table"].isin(["2", "own"])]
            mine = mine[mine["exhibit"].eq("selfgrad/defences")] if "exhibit" in mine else mine
            value = {(c.attack, int(c.steps)): c.value for c in mine.itertuples()}
            heights = [value.get(column, float("nan")) for column in columns]
            if len(mine):
                ax.bar([x + 0.14 * (i - 2.5) for x in range(len(columns))], heights, 0.14, color=colour, label=defense)
        ax.set_xticks(range(len(columns)), ["clean", "FGSM", "PGD-10", "PGD-100", "CW-100"])
        ax.set_title(title)
    axes[0].set_ylabel("accuracy on CIFAR-10, percent")
    share_legend(figure, list(axes), columns=3)
    return figure
