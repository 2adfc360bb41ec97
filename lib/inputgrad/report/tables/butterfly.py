"""The tables of `butterfly` beyond those that every exhibit has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Stack, Table, between, number
from inputgrad.study.butterfly import DIRECT, FROM_SCRATCH, NEW_IMAGES, PROBE, SCRATCH, VANILLA

from .common import described

OWN = ("none", "enhance", "PGN adversarial", "UAP", "EHA (FGSM)", "PGD")
"""The attacks that are a row's own, each row having one; the rest are its controls."""

CONTROLS = ("v of another image", "v of its class", "random v", "v on grey", "v at equal length")


def ours(run: Run) -> pd.DataFrame:
    """What a run shows, joined over seeds; rows that Table 3 repeats are left out."""
    joined = cells.of_run(run)
    return joined[joined["table"] != "3"]


def printed(table: str) -> dict[tuple, float]:
    """The paper's numbers of one table, by data set, network, row and metric."""
    paper = cells.of_paper("butterfly")
    paper = paper[paper["table"] == table]
    return {(c.dataset, c.model, c.defense, c.metric): c.value for c in paper.itertuples()}


def places(mine: pd.DataFrame) -> list[tuple[tuple[str, str], pd.DataFrame]]:
    """The cells of each data set and network, in their order."""
    return list(mine.groupby(["dataset", "model"], sort=False))


def value_of(group: pd.DataFrame, metric: str, attacks: tuple[str, ...] = OWN) -> float:
    """The one number of a row with this metric under one of the attacks; NaN where there is none."""
    found = group[group["metric"].eq(metric) & group["attack"].isin(attacks)]["value"]
    return float(found.iloc[0]) if len(found) else float("nan")


def tested(mine: pd.DataFrame) -> str:
    """Profiles, seeds and test images behind the accuracies, in one line."""
    return described(mine[mine["metric"] == "accuracy"])


def accuracies(run: Run, table: str) -> Stack:
    """One table a data set and network, one row a classifier and what is done to its images."""
    theirs = printed(table)
    return Stack([of_place(place, group, theirs) for place, group in places(ours(run))])


def of_place(place: tuple[str, str], cells_of: pd.DataFrame, theirs: Mapping[tuple, float]) -> Table:
    """The table of one data set and network."""
    rows = []
    for defense, group in cells_of.groupby("defense", sort=False):
        own = group[group["metric"].eq("accuracy") & group["attack"].isin(OWN)]
        row = {
            "row": defense, "accuracy: paper": number(theirs.get((*place, defense, "accuracy")), 2),
            "accuracy: ours": number(value_of(group, "accuracy")),
            "accuracy: 95 % interval": between(next(own.itertuples())),
            "p_true: paper": number(theirs.get((*place, defense, "second_number")), 3),
            "p_true: ours": number(value_of(group, "second_number"), 3),
            "v: mean l2": number(value_of(group, "l2"), 2), "v: mean l∞": number(value_of(group, "linf"), 3),
            "game: accuracy on its images": number(value_of(group, "game_accuracy")),
            "game: weights, of the classifier's": number(value_of(group, "weights")),
        }  # fmt: skip
        rows.append(row)
    caption = f"{place[0]}, {place[1]}: accuracy in percent; {tested(cells_of)}"
    return Table(filled(pd.DataFrame(rows)), caption)


def filled(frame: pd.DataFrame) -> pd.DataFrame:
    """A table without the columns in which there is nothing but dashes."""
    return frame.drop(columns=[c for c in frame.columns if frame[c].eq("–").all()])


def enhancing(run: Run) -> Stack:
    """Table 1 and the enhancing half of Table 3, with what the encoder and the labels are worth by themselves."""
    return accuracies(run, "1")


def attacking(run: Run) -> Stack:
    """Table 2 and the adversarial half of Table 3."""
    return accuracies(run, "2")


def controls(run: Run) -> Stack:
    """What each generator's perturbations do elsewhere, and what noise of their length does in their place."""
    shown = []
    for (dataset, model), here in places(ours(run)):
        accuracy = here[here["metric"] == "accuracy"]
        elsewhere = [a for a in dict.fromkeys(accuracy["attack"]) if a not in (*OWN, *CONTROLS)]
        rows = []
        for defense, group in accuracy.groupby("defense", sort=False):
            if set(group["attack"]) <= {"none"}:
                continue
            arm, maker = group[["arm", "maker"]].iloc[0]
            alone = accuracy[accuracy["arm"].eq(arm) & accuracy["maker"].eq(VANILLA)]
            own = "–" if maker == VANILLA else number(value_of(group, "accuracy"))
            row = {"row": defense, "no v": number(value_of(alone, "accuracy")), "its v": own}
            rows.append(row | {c: number(value_of(group, "accuracy", (c,))) for c in (*CONTROLS, *elsewhere)})
        caption = f"{dataset}, {model}: accuracy in percent; {tested(here)}"
        shown.append(Table(filled(pd.DataFrame(rows)), caption))
    return Stack(shown)


def told(run: Run) -> Stack:
    """One table a data set and network: what a generator gains without a game, and with a blind or a told D."""
    shown = []
    for (dataset, model), here in places(ours(run)):
        rows = []
        for defense, group in here.groupby("defense", sort=False):
            cell = {c.metric: c for c in group[group["attack"].isin(OWN)].itertuples()}
            rows.append(
                {
                    "row": defense, "accuracy": percent(cell.get("accuracy")),
                    "95 % interval": between(cell["accuracy"]) if "accuracy" in cell else "–",
                    "gain on the same images, points": percent(cell.get("gain")),
                    "gain run by run, with its paired 95 % interval": run_by_run(cell),
                    "game: accuracy on its images": percent(cell.get("game_accuracy")),
                    "game: D right": percent(cell.get("d_accuracy")), "game: t = 1": percent(cell.get("good")),
                    "v: mean l2": number(value_of(group, "l2"), 2),
                    "tells right from wrong: area under ROC": number(value_of(group, "auroc"), 3),
                }
            )  # fmt: skip
        shown.append(Table(filled(pd.DataFrame(rows)), f"{dataset}, {model}: accuracy in percent; {tested(here)}"))
    return Stack(shown)


def run_by_run(cell: Mapping[str, Any]) -> str:
    """The gain of each run with the interval of its paired differences, of the cells of one row by their metric."""
    if "gain" not in cell:
        return "–"
    runs = zip(*(cell[metric].runs for metric in ("gain", "gain_low", "gain_high")), strict=True)
    return "; ".join(f"{number(gain)} ({number(low)} to {number(high)})" for gain, low, high in runs)


OTHER_MAKERS = (VANILLA, "Proposed-large", "Proposed-101")
OTHER_VARIANTS = (FROM_SCRATCH, f"{DIRECT}, {FROM_SCRATCH}", NEW_IMAGES)
"""Generators, and variants of them, whose encoder or whose images are not those of the linear probe."""


def verdict(run: Run) -> Table:
    """Does the generator know more than its classifier, or is it a classifier? One row a data set and network."""
    rows = []
    for (dataset, model), here in places(ours(run)):
        own = here[here["metric"].eq("accuracy") & here["attack"].isin(OWN)]
        scratch = own[own["arm"].eq(SCRATCH)]
        rivals = scratch[~scratch["maker"].isin(OTHER_MAKERS) & ~scratch["variant"].isin(OTHER_VARIANTS)]
        best = max(rivals.itertuples(), key=lambda c: c.value, default=None)
        plain = next(scratch[scratch["maker"].eq(VANILLA)].itertuples(), None)
        probe = next(own[own["arm"].eq(PROBE)].itertuples(), None)
        name = best.defense if best else ""
        other = here[here["defense"].eq(name) & here["metric"].eq("accuracy")]
        rows.append(
            {
                "data set": dataset, "network": model, "left alone": percent(plain), "best generator": name or "–",
                "its accuracy": percent(best), "linear probe of its encoder": percent(probe),
                "its v on grey": number(value_of(other, "accuracy", ("v on grey",))),
                "its v on another image": number(value_of(other, "accuracy", ("v of another image",))),
                "ahead of the probe": ahead(best, probe),
            }
        )  # fmt: skip
    return Table(
        pd.DataFrame(rows),
        f"Accuracy in percent; the choice of the best generator on these very test images favours it; "
        f"{tested(ours(run))}",
    )


def percent(cell: Any) -> str:
    """The value of a cell, or a dash for none."""
    return number(float("nan") if cell is None else cell.value)


def ahead(first: Any, second: Any) -> str:
    """Is one accuracy above another? ``"undecided"`` where their intervals overlap."""
    if first is None or second is None:
        return "–"
    return "yes" if first.low > second.high else "no" if first.high < second.low else "undecided"


# The curves


def ends(run: Run) -> Table:
    """How each game ended, one row a problem, loss and gamma."""
    every = ours(run)
    played = every["parameter"].ne("")
    mine, untouched = every[played & every["steps"].gt(0)], every[~played]
    rows = []
    for (*place, gamma), group in mine.groupby(["dataset", "model", "defense", "parameter"], sort=False):
        dataset, model, arm = place
        here = untouched[(untouched[["dataset", "model", "defense"]] == place).all(axis=1)]
        before = dict(zip(*here[["metric", "value"]].T.values, strict=True))
        first = dict(zip(*group[group["steps"] == group["steps"].min()][["metric", "value"]].T.values, strict=True))
        last = dict(zip(*group[group["steps"] == group["steps"].max()][["metric", "value"]].T.values, strict=True))
        rows.append(
            {
                "data set": dataset, "network": model, "problem and loss": arm, "gamma": gamma,
                "mean l2 of v": number(last["l2"], 2), "mean square": f"{last['mean_square']:.2g}",
                "L_D": number(last.get("d_loss"), 3), "L_G": number(last["g_loss"], 3),
                "D right": number(last.get("d_accuracy")), "t = 1": number(last["good"]),
                "false to correct: first": number(first["gained"], 0),
                "false to correct: last": number(last["gained"], 0),
                "correct to false: first": number(first["lost"], 0), "correct to false: last": number(last["lost"], 0),
                "accuracy: game, no v": number(before["accuracy"]), "accuracy: game": number(last["accuracy"]),
                "accuracy: held out, no v": number(before["held_accuracy"]),
                "accuracy: held out": number(last["held_accuracy"]),
            }
        )  # fmt: skip
    return Table(
        pd.DataFrame(rows),
        "After the last epoch; accuracies in percent; D right is how often D says t, t = 1 the share of good images, "
        "both over that epoch while G learns; "
        f"flips are counted on the game's first images; {described(mine[mine['metric'] == 'held_accuracy'])}",
    )


def optimum(run: Run) -> Table:
    """Appendix A on discrete masses: the generator's loss against the best discriminator."""
    mine = ours(run)
    mine = mine[mine["metric"] == "optimal_g_loss"].drop_duplicates("parameter")
    row = {"of the bad mass turned good": "L_G(D*)", **{c.parameter: f"{c.value:.4f}" for c in mine.itertuples()}}
    return Table(pd.DataFrame([row]), "Twenty images with random masses; the loss is least where nothing is bad")


# The pictures


def gammas(run: Run) -> Table:
    """Length of v and accuracy for each gamma."""
    mine = ours(run)
    rows = []
    place = ["dataset", "model", "defense", "parameter"]
    for (dataset, model, problem, gamma), group in mine.groupby(place, sort=False):
        rows.append(
            {
                "data set": dataset, "network": model, "problem": problem, "gamma": gamma or "no v",
                "mean l2 of v": number(value_of(group, "l2", (problem,)), 2),
                "accuracy": number(value_of(group, "accuracy", (problem, "none"))),
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), f"Accuracy in percent; {tested(mine)}")
