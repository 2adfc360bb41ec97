"""The figures of `butterfly`."""

from __future__ import annotations

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from inputgrad.record import results
from inputgrad.record.results import Result
from inputgrad.record.run import Run
from inputgrad.report.tables.butterfly import OWN
from inputgrad.study.butterfly import DIRECT, FINE_TUNED, PROBE, SCRATCH, VANILLA

from . import marks
from .panels import (
    bare,
    canvas,
    datasets_shown,
    lines,
    name_marks,
    over_percent,
    over_points,
    panel_column,
    points,
    rules,
    share_legend,
    show,
)

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
    gammas = sorted(found[0].trial.settings[f"gammas_{problem}"], key=float) if found else [""]
    n = min(rows_of, len(found[0].arrays[f"{problem}_true"])) if found else 1
    figure, axes = canvas(2 * n, len(gammas) + 1, figsize=(1.3 * (len(gammas) + 1), 2.7 * n))
    bare(axes.flat)
    for result in found:
        order = [result.trial.settings[f"gammas_{problem}"].index(gamma) for gamma in gammas]
        part = pictures_of(result, problem)
        for j in range(n):
            show(axes[2 * j, 0], part["clean"][j], f"x: {part['before'][j]}", vmin=0, vmax=255)
            for column, (gamma, k) in enumerate(zip(gammas, order, strict=True), 1):
                show(axes[2 * j, column], part["moved"][k, j], f"γ {gamma}: {part['after'][k, j]}", vmin=0, vmax=255)
                show(axes[2 * j + 1, column], part["v"][k, j], f"l2 {part['l2'][k, j]:.2g}", vmin=0, vmax=255)
    return figure


# The chapter

ARMS = {
    "left alone": VANILLA, "game, D blind": "Proposed-50", "game, larger generator": "Proposed-101",
    "no game": DIRECT, "linear layer": PROBE, "classifier unknown": "Proposed-B", "UAP": "UAP", "EHA": "EHA",
}  # fmt: skip
"""Rows of the panels on the paper's two problems, by the paper's name for them."""

STAND_INS = {"Proposed-50": "Proposed-small", "Proposed-101": "Proposed-large", DIRECT: f"Proposed-small, {DIRECT}"}
"""What such a row is called where the encoder is not the paper's."""

PANELS_OF_CHAPTER = {
    "enhancing": ("1", SCRATCH, list(ARMS)[:5]),
    "attacking": ("2", FINE_TUNED, [arm for arm in ARMS if arm != "linear layer"]),
}

MAKERS = {
    VANILLA: "left alone", DIRECT: "no game", "game": "game, D blind",
    "game, D told the class": "game, D told the class", PROBE: "linear layer",
}  # fmt: skip
"""Rows of the panels in which the generator's maker knows more, by what is recorded."""

ORDER = ["left alone", "no game", "game, D blind", "game, D told the class", "game, larger generator",
         "classifier unknown", "linear layer", "UAP", "EHA"]  # fmt: skip
"""Of the rows, the same in each panel."""

THEIRS, FREE, EACH = "the paper, one cross a network", "unbounded", "each run"
WITHIN = "within "
"""Begins the name of what is bounded; its bound follows."""


def chapter() -> Figure:
    """The games whose maker knows more, run by run; below them each cell of the paper's two tables and of ours."""
    tables = in_tables()
    frame = marks.tidy(*where_more_is_known(), tables)
    parts, looks = dict(list(frame.groupby("panel", sort=False))), looks_of(frame["series"])
    rows = {panel: [row for row in ORDER if row in set(part["x"])] for panel, part in parts.items()}
    figure, grid = panel_column(frame, rows, row=0.34)
    for panel, ax in grid.items():
        names = set(parts[panel]["series"])
        spread = 0.2 if THEIRS in names else 0.36
        points(ax, parts[panel], looks.__getitem__, rows[panel], apart=0.8 / max(2, len(names)), spread=spread)
        over_points(ax) if EACH in names else over_percent(ax)
        if FREE in names and len(names) > 1:
            name_marks(ax, parts[panel], MAKERS["game"])
    share_legend(figure, columns=1, of=[grid[panel] for panel in dict.fromkeys(tables["panel"])])
    return figure


def looks_of(series: pd.Series) -> dict[str, dict]:
    """Colour and marker of each series: a cross for the paper, runs within the ball alike, one look a network."""
    kinds = zip((0, 1, 2, 9, 8), "v^Dp*", strict=True)
    networks = [{"color": PALETTE[i], "marker": marker, "markersize": 5} for i, marker in kinds]
    looks = {THEIRS: {"color": "black", "marker": "x", "markersize": 4}, FREE: {"color": PALETTE[3]}}
    looks |= {
        name: {"color": PALETTE[4], "marker": "s", "markersize": 5}
        for name in series
        if name == EACH or name.startswith(WITHIN)
    }
    return looks | dict(zip([name for name in dict.fromkeys(series) if name not in looks], networks, strict=False))


def where_more_is_known() -> list[pd.DataFrame]:
    """Accuracy where the maker knows more, means and runs, a panel a data set; and what each run gains in the ball."""
    ball, panel = WITHIN + bound(), "the maker knows more"
    free, bounded = (made(marks.with_runs(f"butterfly/{name}"), "accuracy") for name in ("told", "bounded"))
    first, gain = free["dataset"].isin(bounded["dataset"]), made(marks.runs_of("butterfly/bounded"), "gain")
    return [
        titled(free[first], panel, FREE), titled(bounded, panel, ball), titled(gain, f"gain {ball}", EACH),
        titled(free[~first], panel, FREE),
    ]  # fmt: skip


def made(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The enhanced classifier's cells of one metric, a row a maker of v; and the classifier and the layer alone."""
    table = table[table["metric"].eq(metric) & table["attack"].isin(["none", "enhance"])]
    maker = table["defense"].str.removeprefix(f"{SCRATCH}, ").str.removesuffix(", limited")
    return table.assign(x=maker.map(MAKERS))[maker.isin(list(MAKERS))]


def titled(table: pd.DataFrame, what: str, series: str) -> pd.DataFrame:
    """Cells in the panel of their data set, and of their network where it is not the only one there."""
    several = table.groupby("dataset")["model"].transform("nunique") > 1
    return table.assign(panel=marks.place(table).where(several, table["dataset"]) + f": {what}", series=series)


def bound() -> str:
    """The largest value of v where it is bounded, as it is declared; nothing where that is not recorded."""
    found = [r for r in results.shown("butterfly") if r.trial.exhibit == "butterfly/bounded"]
    return found[0].trial.settings["budget"] if found else ""


def in_tables() -> pd.DataFrame:
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
    found = pd.concat(parts)
    where, printed = marks.place(found), found["whose"] == "paper"
    return found.assign(series=where.mask(printed, THEIRS), which=found["which"].mask(printed, where))
