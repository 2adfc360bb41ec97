"""The figures of `selfgrad`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from inputgrad.record.run import Run
from inputgrad.study.own import AS_GIVEN

from . import marks
from .audit import attacked, by_attack, by_radius, over_eps
from .panels import (
    STYLE,
    canvas,
    lines,
    name_marks,
    over_percent,
    over_points,
    panel_column,
    panel_row,
    points,
    share_legend,
)

PALETTE = sns.color_palette("colorblind")
COLOURS = {"Standard": PALETTE[7], "Madry PGD": PALETTE[0], "Self gradient": PALETTE[3], "FGSM training": PALETTE[2],
           "Self gradient, rescaled": PALETTE[1], "Bilateral": PALETTE[4]}  # fmt: skip


# Figure 1


def architecture(calls: list[tuple[str, tuple[int, ...]]]) -> Figure:
    """Figure 1: the modules that a self-gradient network calls, in their order, with what each gives."""
    first, block, second = calls[0], calls[1:-1], calls[-1]
    layers = [f"{conv}\n{tanh}" for (conv, _), (tanh, _) in zip(block[::2], block[1::2], strict=True)]
    figure, ((ax,),) = canvas(figsize=(9.5, 3))
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


def over_steps(run: Run) -> Figure:
    """Accuracy over the steps of PGD (lines) and CW (dashed), one panel a data set; the paper's PGD as crosses."""
    ours, paper = marks.of_run(run), marks.of_paper("selfgrad")
    ours = ours[
        (ours["metric"] == "accuracy") & ours["attack"].isin(["PGD", "CW"]) & ours["defense"].isin(list(COLOURS))
    ]
    several = ours.groupby(["dataset", "defense", "attack"])["model"].transform("nunique") > 1
    ours = ours.assign(which=ours["which"].mask(several, ours["model"] + " " + ours["which"]))
    paper = paper[paper["table"].isin(["2", "3", "4"]) & (paper["attack"] == "PGD") & (paper["metric"] == "accuracy")]
    paper = paper[paper["dataset"].isin(ours["dataset"]) & paper["defense"].isin(list(COLOURS))]
    frame = marks.tidy(*(
        t.assign(panel=t["dataset"] + ", PGD and CW", series=t["defense"] + ", " + t["attack"] + suffix,
                 x=t["steps"].astype(int)) for t, suffix in ((ours, ""), (paper, " in the paper"))
    ))  # fmt: skip
    figure, grid = panel_row(frame, width=8 / max(1, frame["panel"].nunique()), height=3.6, ylabel="accuracy, percent")
    lines(grid, frame, OVER_STEPS.__getitem__, band=0)
    for ax in grid.values():
        over_log_steps(ax)
    names = dict.fromkeys(frame["defense"])
    handles = {name: Line2D([], [], color=COLOURS[name], linewidth=4) for name in COLOURS if name in names}
    handles |= {name: Line2D([], [], **{"color": "black", "markersize": 4, **STEPS[name]}) for name in STEPS}
    with plt.style.context(STYLE):
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=4)
    return figure


STEPS: Mapping[str, Mapping] = {
    "PGD": {"marker": "o", "linestyle": "-"},
    "CW": {"marker": "s", "linestyle": "--"},
    "PGD in the paper": {"marker": "x", "linestyle": "none", "markersize": 6},
}


OVER_STEPS = {
    f"{defence}, {attack}": {"color": colour, "markersize": 4, **look}
    for defence, colour in COLOURS.items()
    for attack, look in STEPS.items()
}
"""Colour by defence and line by attack."""


def over_log_steps(ax: Axes) -> None:
    """A logarithmic axis of numbers of steps."""
    ax.set(xscale="log", xlabel="steps", ylim=(-2, None))
    ax.xaxis.set_major_locator(FixedLocator([10, 20, 40, 100]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter("{x:.0f}")


# Figure 2 and the theorem


def convergence(run: Run) -> Figure:
    """Figure 2: how the self gradient changes from one iteration to the next; and the theorem's iterates."""
    mine = marks.of_run(run)
    networks = mine[mine["metric"].eq("change_l2_mean") & mine["steps"].gt(0)]
    quadratic = mine[mine["attack"] == "quadratic"].drop_duplicates(["eps", "steps"])  # the same beside every network
    frame = marks.tidy(
        networks.assign(
            panel="the trained network", series=networks["attack"] + marks.suffix(networks), x=networks["steps"]
        ),
        quadratic.assign(panel="Theorem 1 on x²/2", series="x²/2, eps " + quadratic["eps"], x=quadratic["steps"]),
    )
    figure, axes = canvas(1, 2, frame, figsize=(9.5, 3.4))
    grid = dict(zip(("the trained network", "Theorem 1 on x²/2"), axes[0], strict=True))
    looks = dict(
        zip(dict.fromkeys(networks["attack"] + marks.suffix(networks)), ({"color": c} for c in PALETTE), strict=False)
    )
    kinds = ({"marker": m, "linestyle": s} for m, s in (("o", "-"), ("s", "-"), ("^", "--"), ("v", "--")))
    looks |= dict(zip(dict.fromkeys("x²/2, eps " + quadratic["eps"]), kinds, strict=False))
    lines(grid, frame, lambda name: {"markersize": 4, **looks[name]})
    for title, ax in grid.items():
        changes = any((line.get_ydata() > 0).any() for line in ax.lines)  # a linear network's gradient never does
        ax.set(yscale="log" if changes else "linear", title=title)
    axes[0, 0].set(xlabel="iteration k", ylabel="mean l2 of g(k) − g(k−1)")
    axes[0, 1].set(xlabel="iteration n", ylabel="|fⁿ − fⁿ⁻¹| at 1 (axis ends at 10⁶)")
    if quadratic["value"].max() > 1e6:
        axes[0, 1].set_ylim(None, 1e6)
    share_legend(figure, columns=3)
    return figure


# The audit


def audit(run: Run) -> Figure:
    """Accuracy of each defence under each attack, one row an attack, in the order of the audit."""
    mine = attacked(marks.of_run(run))
    mine = mine[mine["defense"].isin([*COLOURS, AS_GIVEN])]
    frame = marks.tidy(mine.assign(panel="", series=mine["defense"] + marks.suffix(mine)))
    return by_attack(frame, colour_of(frame))


def radii(run: Run) -> Figure:
    """Accuracy under PGD-20 over the radius: a network whose gradient tells the truth ends at zero."""
    mine = over_eps(marks.of_run(run))
    frame = marks.tidy(mine.assign(panel="", series=mine["defense"] + marks.suffix(mine)))
    return by_radius(frame, colour_of(frame))


def colour_of(frame: pd.DataFrame) -> Callable[[str], tuple]:
    """The colour of each series, which is that of its defence."""
    of = dict(zip(frame["series"], frame["defense"], strict=True))
    return lambda series: COLOURS.get(of[series], PALETTE[0])


SEEN = {"none": "clean", "PGD": "PGD-20", "worst of all": "worst of all"}
"""What the figure of the active block shows, in its order; PGD there has one number of steps."""


def active(run: Run) -> Figure:
    """Clean accuracy, what PGD-20 leaves and the worst case, one row a network, with its block and with it off."""
    mine = marks.of_run(run)
    mine = mine[mine["metric"].eq("accuracy") & mine["attack"].isin(list(SEEN))]
    frame = marks.tidy(mine.assign(panel="", series=mine["attack"].map(SEEN) + marks.suffix(mine), x=mine["defense"]))
    colours = dict(zip(dict.fromkeys(frame["series"]), (PALETTE[7], PALETTE[0], PALETTE[3]) * len(frame), strict=False))
    order = list(dict.fromkeys(frame["x"]))
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(8, 1.2 + 0.36 * len(order)))
    points(ax, frame, lambda series: {"color": colours[series], "markersize": 4}, order, apart=0.14)
    ax.set(xlabel="accuracy, percent", xlim=(-2, None))
    share_legend(figure)
    return figure


ARMS = {
    "FGSM training": {"color": PALETTE[2], "marker": "s"},
    "FGSM training, random start": {"color": PALETTE[0], "marker": "v"},
    "Self gradient": {"color": PALETTE[3], "marker": "o"},
}
"""Of each training whose schedule is followed, by more than colour."""


def epochs(run: Run) -> Figure:
    """Accuracy under PGD after each epoch of training, a line a network; the short schedule is dashed."""
    mine = marks.of_run(run)
    mine = mine[mine["metric"] == "robust_accuracy"]
    frame = marks.tidy(mine.assign(panel="", series=mine["defense"] + marks.suffix(mine), x=mine["steps"]))
    looks = {c.series: {**ARMS[c.arm], "linestyle": "-" if c.variant else "--"} for c in frame.itertuples()}
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(8, 3.6))
    lines({"": ax}, frame, lambda series: {"markersize": 4, **looks[series]})
    ax.set(xlabel="epoch", ylabel="accuracy under PGD-10, percent", ylim=(-2, None))
    share_legend(figure, columns=2)
    return figure


# The cost of training


def costs(run: Run) -> Figure:
    """Robust accuracy during training, over epochs and over seconds."""
    mine = marks.of_run(run)
    robust, keys = mine[mine["metric"] == "robust_accuracy"], ["dataset", "model", "defense", "steps", "which"]
    seconds = mine.loc[mine["metric"] == "seconds", [*keys, "value"]].rename(columns={"value": "x"})
    titles = {"epoch": robust.assign(x=robust["steps"]), "seconds of training": robust.merge(seconds, on=keys)}
    frame = marks.tidy(*(t.assign(panel=title, series=t["defense"] + marks.suffix(t)) for title, t in titles.items()))
    colour = colour_of(frame)
    figure, axes = canvas(1, 2, frame, figsize=(9, 3.2), sharey=True)
    grid = dict(zip(titles, axes[0], strict=True))
    lines(grid, frame, lambda series: {"color": colour(series), "markersize": 4})
    for title, ax in grid.items():
        ax.set_xlabel(title)
    axes[0, 0].set_ylabel("accuracy under PGD-10, percent")
    share_legend(figure)
    return figure


# The chapter

COLUMNS = {("none", 0): "clean", ("FGSM", 1): "FGSM", ("PGD", 10): "PGD-10", ("PGD", 100): "PGD-100",
           ("CW", 100): "CW-100"}  # fmt: skip
CONTROL = "FGSM training"
BLOCK, GAIN = "ours, a block that acts", f"gain over {CONTROL}, worst of all"
"""The chapter's two panels on the active block."""

SPREAD = {BLOCK: 0.22, GAIN: 0.44}
"""Over how much of a row their runs are spread."""

LOOKS = {
    **{name: {"color": COLOURS[name], "marker": mark, "markersize": 5}
       for name, mark in zip(COLOURS, "vDosP*", strict=True)},
    "clean": {"color": PALETTE[5]}, "PGD-20": {"color": "dimgray"},
    "worst of all": {"color": "black"}, "each run": {"color": "black", "markersize": 5},
}  # fmt: skip
"""Of each series of that figure, by more than colour."""


def defended(table: pd.DataFrame, panel: str) -> pd.DataFrame:
    """Accuracy on CIFAR-10 of the defences of Table 2, a row an attack."""
    table = table[table["dataset"].eq("CIFAR-10") & table["metric"].eq("accuracy") & table["table"].isin(["2", "own"])]
    table = table.assign(x=[COLUMNS.get((c.attack, int(c.steps))) for c in table.itertuples()])
    return table[table["x"].notna() & table["defense"].isin(list(COLOURS))].assign(panel=panel, series=table["defense"])


def acting() -> pd.DataFrame:
    """Accuracy with a block that acts and without one, the mean and each run, a row a network."""
    table = marks.with_runs("selfgrad/active")
    table = table[table["dataset"].eq("CIFAR-10") & table["metric"].eq("accuracy")]
    table = table[table["variant"].eq("") & table["attack"].isin(list(SEEN))]
    return table.assign(panel=BLOCK, series=table["attack"].map(SEEN), x=table["arm"].map(by_block))


def gained() -> pd.DataFrame:
    """What each run gains over its control in the worst case over all attacks, with its interval of paired images."""
    runs = marks.runs_of("selfgrad/active")
    runs = runs[runs["dataset"].eq("CIFAR-10") & runs["metric"].eq("gain")]
    runs = runs[runs["attack"].eq("worst of all") & runs["variant"].eq(f"over {CONTROL}")]
    return runs.assign(panel=GAIN, series="each run", x=runs["arm"].map(by_block))


def by_block(arm: str) -> str:
    """A network of the active block's page by its block alone: ``"block of 4/255"``."""
    return arm.replace("Self gradient, sign, ", "block of ").replace(CONTROL, "no block")


def chapter() -> Figure:
    """Accuracy on CIFAR-10: the paper's rows and ours with their intervals; a block that acts, run by run."""
    ours = marks.of_study("selfgrad")
    ours = defended(ours[ours["exhibit"] == "selfgrad/defences"], "ours")
    frame = marks.tidy(ours, defended(marks.of_paper("selfgrad"), "the paper"), acting(), gained())
    parts = {panel: frame[frame["panel"] == panel] for panel in ("the paper", "ours", BLOCK, GAIN)}
    rows = {panel: list(dict.fromkeys(part["x"])) for panel, part in parts.items() if len(part)}
    figure, grid = panel_column(frame, rows, row=0.46)
    for panel, ax in grid.items():
        apart = 0.32 if panel == BLOCK else 0.16
        points(
            ax,
            parts[panel],
            lambda name: {"markersize": 5, **LOOKS[name]},
            rows[panel],
            apart=apart,
            spread=SPREAD.get(panel, 0),
        )
        over_points(ax) if panel == GAIN else over_percent(ax)
    if BLOCK in grid:
        name_marks(grid[BLOCK], parts[BLOCK], rows[BLOCK][0])
    share_legend(figure, columns=2, of=[ax for panel, ax in grid.items() if panel not in SPREAD], above=True)
    return figure
