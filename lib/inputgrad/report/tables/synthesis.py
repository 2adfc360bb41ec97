"""The tables that stand across the papers."""

from __future__ import annotations

import pandas as pd

from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Stack, Table, between, number

from .common import described

ATTACKS = ("none", "random sign", "UAP", "FGM", "FGM-linf", "FGM-l2", "FGSM", "Algorithm 1", "PGD", "CW", "all of them")
"""In the order in which they are shown, from no attack to all of them."""

DOWNHILL = ("D-FGSM, predicted label", "D-FGSM, true label")

QUESTIONS = {
    "the sign, equal l∞": ("FGM-linf", "FGSM"),
    "the sign, equal l2": ("FGM-l2", "FGSM"),
    "one v for all": ("random sign", "UAP"),
    "the nearest class": ("FGSM", "Algorithm 1"),
    "more steps": ("FGSM", "PGD"),
    "downhill, predicted label": ("D-FGSM, predicted label", "none"),
    "downhill, true label": ("D-FGSM, true label", "none"),
}
"""What each comparison of two attacks on one victim asks, and the two, the first minus the second."""


def victims(mine: pd.DataFrame) -> list[tuple[tuple[str, str, str], dict[str, float]]]:
    """Each (data set, network, defence) with its accuracy under every attack."""
    mine = mine[mine["metric"] == "accuracy"]
    groups = mine.groupby(["dataset", "model", "defense"], sort=False)
    return [(place, dict(zip(group["attack"], group["value"], strict=True))) for place, group in groups]


def attacks(run: Run) -> Stack:
    """One table a data set: one row a victim, one column an attack."""
    mine = cells.of_run(run)
    shown = []
    for dataset, here in mine.groupby("dataset", sort=False):
        rows = [
            {"network": model, "defence": defense, **{a: number(accuracy.get(a)) for a in (*ATTACKS, *DOWNHILL)}}
            for (_, model, defense), accuracy in victims(here)
        ]
        sizes = ", ".join(dict.fromkeys(here.loc[here["eps"] != "", "eps"]))
        caption = f"{dataset}, eps {sizes}: accuracy in percent; {described(here)}"
        shown.append(Table(pd.DataFrame(rows), caption))
    return Stack(shown)


def standing() -> Table:
    """Of what is recorded, every victim without a step, under one step, under many, and under all, with intervals."""
    mine = cells.ours("synthesis")
    heads = {"none": "no step", "FGSM": "one step", "PGD": "many steps", "all of them": "all attacks"}
    last = {(c.dataset, c.model, c.defense): c for c in mine[mine["attack"] == "all of them"].itertuples()}
    rows = [
        {
            "data set": place[0], "network": place[1], "defence": place[2],
            **{head: number(accuracy[attack]) for attack, head in heads.items()},
            "95 % interval of the last": between(last[place]),
        }
        for place, accuracy in victims(mine)
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), f"Accuracy in percent; {described(mine)}")


def questions(run: Run) -> Table:
    """What each comparison comes to, in percentage points, one row a victim."""
    rows = [
        {
            "data set": dataset, "network": model, "defence": defense,
            **{f"{asked}: {a} − {b}": number(accuracy[a] - accuracy[b]) for asked, (a, b) in QUESTIONS.items()},
        }
        for (dataset, model, defense), accuracy in victims(cells.of_run(run))
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), "Differences of accuracies in percentage points, at one eps a data set")
