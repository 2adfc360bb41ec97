"""The figures of `butterfly`."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from inputgrad.record.results import Result
from inputgrad.record.run import Run
from inputgrad.report.tables.butterfly import OWN
from inputgrad.study.butterfly import FINE_TUNED, PROBE, SCRATCH

from . import marks
from .panels import bare, bars, canvas, datasets_shown, lines, points, rules, share_legend, show

PALETTE = sns.color_palette("colorblind")
SHORT = {SCRATCH: "[A]", FINE_TUNED: "[B]"}


def shortened(cell: Any) -> str:
    """A row's name without the long name of its classifier."""
    if cell.arm not in SHORT:
        return cell.defense
    return f"{SHORT[cell.arm]} " + ", ".join(filter(None, (cell.maker, cell.variant)))


def ours(table: pd.DataFrame) -> pd.DataFrame:
    """Cells without those that Table 3 repeats."""
    return table[table["table"] != "3"]


# Tables 1 and 2


def rows(run: Run) -> Figure:
    """Accuracy of every row with its interval, one colour a network; the paper's as crosses."""
    mine, paper = ours(marks.of_run(run)), marks.of_paper("butterfly")
    mine = mine[mine["metric"].eq("accuracy") & mine["attack"].isin(OWN)]
    paper = paper[paper["metric"].eq("accuracy") & paper["table"].isin(["1", "2"])]
    paper = paper[paper["defense"].isin(mine["defense"]) & marks.place(paper).isin(marks.place(mine))]
    names = {c.defense: shortened(c) for c in mine.itertuples()}
    mine, theirs = (t.assign(panel="", x=t["defense"].map(names)) for t in (mine, paper))
    frame = marks.tidy(mine.assign(series=marks.place(mine)), theirs.assign(series=marks.place(theirs) + ", paper"))
    order = list(dict.fromkeys(mine["x"]))
    looks = {}
    for place, colour in zip(dict.fromkeys(marks.place(mine)), PALETTE, strict=False):
        looks[place] = {"color": colour, "markersize": 4, "marker": "o"}
        looks[f"{place}, paper"] = {**looks[place], "marker": "x"}
    figure, ((ax,),) = canvas(1, 1, frame, figsize=(8, 1.0 + 0.3 * len(order)))
    points(ax, frame, looks.__getitem__, order, apart=0.12)
    ax.grid(axis="y", linewidth=0.3)
    ax.set(xlabel="accuracy, percent")
    share_legend(figure, columns=3)
    return figure


# Figures 4, 8, 9 and 10

PANELS = {"g_loss": "L_G", "d_loss": "L_D", "d_accuracy": "D right, percent", "good": "t = 1, percent",
          "l2": "mean l2 of v", "gained": "false to correct", "lost": "correct to false",
          "held_accuracy": "accuracy held out, percent"}  # fmt: skip


def curves(run: Run, problem: str, losses: tuple[str, ...] = ()) -> Figure:
    """One game's quantities over epochs, one colour a gamma, of the first data set that has any; lr is dashed.

    The dotted line is the accuracy without v.
    """
    mine = ours(marks.of_run(run))
    mine = mine[mine["arm"].eq(problem) & mine["metric"].isin(list(PANELS))]
    mine = mine[marks.place(mine) == marks.place(mine).iloc[0]] if len(mine) else mine
    before, mine = mine[mine["parameter"].eq("")], mine[mine["steps"].gt(0)]
    played = [loss for loss in dict.fromkeys(mine["variant"]) if not losses or loss in losses]
    gammas = list(dict.fromkeys(mine["parameter"]))
    mine, before = mine[mine["variant"].isin(played)], before[before["variant"].isin(played[:1])]  # the same for all
    series = mine["variant"] + ", gamma " + mine["parameter"]
    frame = marks.tidy(
        mine.assign(panel=mine["metric"].map(PANELS), series=series, x=mine["steps"]),
        before.assign(panel=before["metric"].map(PANELS), series="without v", x=""),
    )
    figure, axes = canvas(2, 4, frame, figsize=(10.5, 5))
    looks = {
        f"{loss}, gamma {gamma}": {"color": colour, "linestyle": style, "marker": "."}
        for loss, style in zip(played, ("-", "--"), strict=False)
        for gamma, colour in zip(gammas, PALETTE, strict=False)
    }
    grid = dict(zip(PANELS.values(), axes.flat, strict=True))
    lines(grid, frame[frame["x"] != ""], lambda name: looks[name])
    for title, ax in grid.items():
        here = frame[(frame["panel"] == title) & (frame["x"] == "")]
        rules(ax, here, lambda _: {"linestyle": ":", "linewidth": 0.8}, lying=True)
        ax.set(title=title, xlabel="epoch")
    share_legend(figure, columns=4)
    return figure


# Figures 1, 3, 5 to 7 and 11 to 14


def declared(result: Result) -> dict:
    """The settings that a result was computed with."""
    return result.provenance["declaration"]["settings"]


def shown_with(run: Run, problem: str) -> list:
    """The results that have pictures of a problem, one a data set."""
    return [r for r in datasets_shown(run) if f"{problem}_clean" in r.arrays]


def pictures_of(result: Result, problem: str) -> dict:
    """The arrays of a result that belong to one problem."""
    names = ("clean", "true", "before", "v", "moved", "after", "l2")
    return {name: result.arrays[f"{problem}_{name}"] for name in names}


def gallery(run: Run, problem: str) -> Figure:
    """Figures 3 and 5: images, v and their sum at the problem's first gamma, with the classes seen before and after."""
    found = shown_with(run, problem)
    columns = max([len(r.arrays[f"{problem}_true"]) for r in found], default=1)
    figure, axes = canvas(3 * max(1, len(found)), columns, figsize=(1.1 * columns + 0.3, 3.6 * max(1, len(found))))
    bare(axes.flat)
    for i, result in enumerate(found):
        part = pictures_of(result, problem)
        for j in range(len(part["true"])):
            show(axes[3 * i, j], part["clean"][j], f"{part['true'][j]}: {part['before'][j]}", vmin=0, vmax=255)
            show(axes[3 * i + 1, j], part["v"][0, j], f"{part['l2'][0, j]:.2g}", vmin=0, vmax=255)
            show(axes[3 * i + 2, j], part["moved"][0, j], f"{part['after'][0, j]}", vmin=0, vmax=255)
    return figure


def by_gamma(run: Run, problem: str, rows_of: int = 3) -> Figure:
    """Figures 6 and 7: the perturbed image and v below it for each gamma, a few images of the first data set."""
    found = shown_with(run, problem)[:1]
    gammas = sorted(declared(found[0])[f"gammas_{problem}"], key=float) if found else [""]
    n = min(rows_of, len(found[0].arrays[f"{problem}_true"])) if found else 1
    figure, axes = canvas(2 * n, len(gammas) + 1, figsize=(1.3 * (len(gammas) + 1), 2.7 * n))
    bare(axes.flat)
    for result in found:
        order = [declared(result)[f"gammas_{problem}"].index(gamma) for gamma in gammas]
        part = pictures_of(result, problem)
        for j in range(n):
            show(axes[2 * j, 0], part["clean"][j], f"x: {part['before'][j]}", vmin=0, vmax=255)
            for column, (gamma, k) in enumerate(zip(gammas, order, strict=True), 1):
                show(axes[2 * j, column], part["moved"][k, j], f"γ {gamma}: {part['after'][k, j]}", vmin=0, vmax=255)
                show(axes[2 * j + 1, column], part["v"][k, j], f"l2 {part['l2'][k, j]:.2g}", vmin=0, vmax=255)
    return figure


# The chapter

ARMS = {
    "left alone": "Vanilla", "generator": "Proposed-50", "larger generator": "Proposed-101", "direct": "direct",
    "linear probe": PROBE, "unknown classifier": "Proposed-B", "UAP": "UAP", "EHA": "EHA",
}  # fmt: skip
"""Rows of the chapter's figure, by the paper's name for them."""

STAND_INS = {"Proposed-50": "Proposed-small", "Proposed-101": "Proposed-large", "direct": "Proposed-small, direct"}
"""What such a row is called where the encoder is not the paper's."""

PANELS_OF_CHAPTER = {
    "enhancing": ("1", SCRATCH, list(ARMS)[:5]),
    "attacking": ("2", FINE_TUNED, [arm for arm in ARMS if arm != "linear probe"]),
}


def chapter() -> Figure:
    """A scratch classifier enhanced, a pretrained one attacked: each cell of the paper's and each of ours."""
    paper, mine = marks.of_paper("butterfly"), marks.of_study("butterfly")
    mine = mine[mine["attack"].isin(OWN) & mine["reading"].eq("default")]
    parts = []
    for name, (table, kind, arms) in PANELS_OF_CHAPTER.items():
        names = {f"{kind}, {row}": arm for arm in arms for row in {ARMS[arm], STAND_INS.get(ARMS[arm], ARMS[arm])}}
        names |= {ARMS[arm]: arm for arm in arms}
        for part in (paper[paper["table"] == table], mine[mine["exhibit"] == f"butterfly/{name}"]):
            part = part[part["metric"].eq("accuracy") & part["defense"].isin(names)]
            parts.append(part.assign(panel=f"{name} {SHORT[kind]}", x=part["defense"].map(names)))
    table, theirs = pd.concat(parts), "the paper, one bar a network"
    where, printed = marks.place(table), table["whose"] == "paper"
    frame = marks.tidy(table.assign(series=where.mask(printed, theirs), which=table["which"].mask(printed, where)))
    figure, axes = canvas(1, 2, frame, figsize=(9, 3.4), sharey=True)
    for ax, (title, part), (_, _, arms) in zip(
        axes[0], frame.groupby("panel", sort=False), PANELS_OF_CHAPTER.values(), strict=True
    ):
        series = list(dict.fromkeys(part["series"]))
        looks = {name: {"color": colour} for name, colour in zip(series, ("black", *PALETTE), strict=False)}
        bars(ax, part, looks.__getitem__, series, arms)
        ax.set_xticks(range(len(arms)), arms, rotation=30, ha="right")
        ax.set_title(title)
    axes[0, 0].set_ylabel("accuracy, percent")
    share_legend(figure, columns=2)
    return figure
