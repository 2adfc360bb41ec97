"""The tables of the audit of a network of the reader's own: checklist, every attack, the worst case, one verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from inputgrad.record.results import by_place
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Stack, Table, between, number, with_steps
from inputgrad.study.own import AS_GIVEN

from .masking import ALLOWED, ANSWERS, accuracies, asked
from .masking import signs as of_gradient

NO_ATTACK = ("none", "worst of all", "PGD over eps")
"""Rows that are no attack at the page's eps."""

WORST = "worst of all"


def each(run: Run) -> Iterator[tuple[str, Run]]:
    """Each data set and network of a run by name, as a run of its own."""
    for found in by_place(run.shown).values():
        one = replace(run, results=found, altered=True)
        mine = cells.of_run(one)
        yield f"{mine['model'].iloc[0]} on {mine['dataset'].iloc[0]}", one


def at(run: Run, attack: str, metric: str = "accuracy") -> Any:
    """The one cell of an attack and metric."""
    mine = cells.of_run(run)
    return next(mine[mine["attack"].eq(attack) & mine["metric"].eq(metric)].itertuples())


def signs(run: Run) -> list[dict]:
    """What the checklist asks of one network: the signs of a masked gradient, and whether there is one at all."""
    zero = [c.value for c in cells.of_run(run).itertuples() if c.metric == "no_gradient"]
    first = asked("Has the loss a gradient at every image?", zero[0] <= ALLOWED if zero else None,
                  {"none at all, of the images": zero[0]} if zero else {})  # fmt: skip
    return [first, *of_gradient(run, AS_GIVEN)]


def checklist(run: Run) -> Stack:
    """One table a network: each question, whether it is as it should be, and the numbers that say so."""
    return Stack(
        [
            Table(
                pd.DataFrame(
                    {"question": row["question"], "as it should be": ANSWERS[row["fine"]], "measured": row["measured"]}
                    for row in signs(one)
                ),
                f"{name}: accuracies in percent; {ALLOWED:g} points are allowed for chance, in most rows",
            )
            for name, one in each(run)
        ]
    )


def attacks(run: Run) -> Table:
    """Accuracy under every attack with its interval, one column a network, the worst case over all of an image last."""
    columns: dict[str, dict[str, str]] = {}
    for title, one in each(run):
        mine = accuracies(one)
        mine = mine[mine["attack"].ne("PGD over eps")]
        ordered = pd.concat([mine[mine["attack"].ne(WORST)], mine[mine["attack"].eq(WORST)]])
        columns[title] = {
            with_steps(c.attack, c.steps): f"{number(c.value)} ({between(c)})" for c in ordered.itertuples()
        }
    names = list(dict.fromkeys(name for column in columns.values() for name in column if name != WORST))
    rows = [{"attack": n, **{t: c.get(n, "–") for t, c in columns.items()}} for n in (*names, WORST)]
    eps = next(c.eps for c in accuracies(run).itertuples() if c.attack == WORST)
    return Table(pd.DataFrame(rows), f"Accuracy in percent, with 95 % intervals, in the l∞ ball of radius {eps}")


def budget(run: Run) -> Table:
    """The attacks of other libraries and ours beside them: accuracy, and what each asked of the network an image."""
    mine = cells.of_run(run)
    asked = mine[mine["metric"].isin(["gradients_mean", "forwards_mean"])]
    cost = {(c.dataset, c.model, c.defense, c.attack, c.metric): c.value for c in asked.itertuples()}
    there = set(asked["attack"])
    rows = [
        {
            "data set": c.dataset, "network": c.model, "defence": c.defense, "attack": c.attack,
            "accuracy": number(c.value), "95 % interval": between(c),
            **{f"{what}, an image": number(cost.get((c.dataset, c.model, c.defense, c.attack, f"{what}_mean")))
               for what in ("gradients", "forwards")},
        }
        for c in mine.itertuples()
        if c.metric == "accuracy" and c.attack in there
    ]  # fmt: skip
    if not rows:
        return Table(pd.DataFrame([{"libraries": "none was asked for"}]), "Attacks of other libraries")
    steps = int(mine.loc[mine["attack"].isin(there), "steps"].max())
    return Table(pd.DataFrame(rows), f"Accuracy in percent at a budget of {steps} gradients an image")


def verdict(run: Run) -> Stack:
    """One table a network: the numbers of the verdict, and as its caption the sentence to quote."""
    return Stack([Table(pd.DataFrame([summary(one)]), sentence(name, one)) for name, one in each(run)])


def summary(run: Run) -> dict[str, str]:
    """The numbers of a verdict, as a table has them."""
    clean, worst, strongest, failed = at(run, "none"), at(run, WORST), best(run), failures(run)
    return {
        "ε": worst.eps, "clean": number(clean.value), "its 95 % interval": between(clean),
        "worst case": number(worst.value), "95 % interval": between(worst),
        "strongest attack": f"{with_steps(strongest.attack, strongest.steps)}: {number(strongest.value)}",
        "attacks": str(len(attacks_of(run))), "checks failed": f"{len(failed)} of {len(signs(run))}",
        "images": str(worst.images),
    }  # fmt: skip


def attacks_of(run: Run) -> pd.DataFrame:
    """The accuracies of one network under each attack at the page's eps."""
    mine = accuracies(run)
    return mine[~mine["attack"].isin(NO_ATTACK)]


def best(run: Run) -> Any:
    """The cell of the attack that leaves least."""
    return next(attacks_of(run).sort_values("value", kind="stable").itertuples())


def failures(run: Run) -> list[str]:
    """The questions of the checklist that are not as they should be."""
    return [row["question"] for row in signs(run) if row["fine"] is False]


def sentence(name: str, run: Run) -> str:
    """The verdict on one network in a sentence to quote.

    None is given at `smoke`, whose attacks are short, and on a network that is no better than its commonest class.
    """
    clean, worst, failed = at(run, "none"), at(run, WORST), failures(run)
    if worst.profile == "smoke":
        return f"{name}: no verdict, smoke only checks that everything runs; audit it with --profile quick or paper"
    guessing = at(run, "none", "guessing").value
    if clean.low <= guessing:
        return (
            f"{name}: no verdict; it is right on {number(clean.value)} % of {clean.images} clean images, no more than "
            f"the commonest class would be ({number(guessing)} %): is x in [0, 1] what it expects, and is the order of "
            "the labels its own?"
        )
    said = "no sign of a masked gradient was found"
    if failed:
        said = f"not to be relied on, as {len(failed)} of {len(signs(run))} checks failed ({' '.join(failed)})"
    return (
        f"{name}: of {worst.images} test images {number(clean.value)} % are classified right, and "
        f"{number(worst.value)} % (95 % interval {between(worst)} %) under every one of {len(attacks_of(run))} attacks "
        f"in the l∞ ball of radius {worst.eps}, an upper bound on its robust accuracy; {said}"
    )
