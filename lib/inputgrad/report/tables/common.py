"""Tables for pages: ours beside theirs, claims with verdicts, costs. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps

import numpy as np
import pandas as pd

from inputgrad.catalogue import datasets, models
from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Stack, Table, between, images_of, measured, number, span
from inputgrad.study import EXHIBITS
from inputgrad.study.schema import PROFILES

# Ours beside theirs


def each_network(table: Callable[[Run], Table]) -> Callable[[Run], Table | Stack]:
    """The table of one network on one data set; of a run of several one of each, below its name."""

    @wraps(table)
    def of(run: Run) -> Table | Stack:
        shown = results.by_place(run.shown)
        if len(shown) == 1:
            return table(run)
        found = []
        for (dataset, model), alone in shown.items():
            one = table(replace(run, results=alone, altered=True))
            found.append(replace(one, caption=f"{datasets.label(dataset)}, {models.label(model)}. {one.caption}"))
        return Stack(found)

    return of


READINGS = {
    "default": "ours",
    "attack_loss=nll_logits": "ours, −z_y",
    "fgm_reduction=mean32": "ours, mean of 32",
    "edit=all": "ours, all edited",
}
"""How the readings shown side by side are headed."""

CONTROLS = ("FGM-l2", "random sign", "random normal", "PGD")
"""Attacks that are always run in the default reading, beside the paper's own."""


def side_by_side(run: Run, reading: str) -> pd.DataFrame:
    """One row a cell with the paper's ``value``, ``ours``, ``difference`` and ``word``.

    All the paper's cells of the exhibit where recorded results are shown; else only those this run measured, and no
    verdict on smoke numbers.
    """
    exhibit = EXHIBITS[run.exhibit]
    mine = cells.of_run(run)
    paper = cells.of_paper(run.exhibit.split("/")[0])
    natural = cells.at_rest(paper)
    paper = paper[paper["table"].isin(exhibit.tables) & paper["metric"].isin(exhibit.metrics)]
    if run.shown is not run.results:
        return cells.compare(paper, mine, reading)
    theirs: dict[tuple, list[Mapping]] = {}
    for row in paper.to_dict("records"):
        theirs.setdefault(cells.identity_of(row), []).append(row)
    controls = set(CONTROLS) - set(paper["attack"])  # ours, beside what the paper prints
    in_reading = (mine["reading"] == reading) & ~mine["attack"].isin(controls) | (mine["attack"] == "none")
    mine = mine[mine["metric"].isin(exhibit.metrics) & in_reading]
    own_cells = mine.to_dict("records")
    printed = [cells.printed_for(row, theirs) for row in own_cells]
    found = [(cell["value"], cell["unit"]) if cell else (float("nan"), "") for cell in printed]
    words = [
        "–"
        if np.isnan(value) or row["profile"] == "smoke"
        else cells.word_for(value, row, unit, cells.idle_value(row, natural))
        for row, (value, unit) in zip(own_cells, found, strict=True)
    ]
    mine = mine.reset_index(drop=True).rename(columns={"value": "ours"}).assign(value=[value for value, _ in found])
    return mine.assign(difference=mine["ours"] - mine["value"], word=words)


def beside(run: Run, readings: Sequence[str] = ("default",)) -> Stack:
    """The paper's tables with ours beside each number: one table a network, one row a data set and eps.

    Args:
        run: what ``inputgrad.run`` gave.
        readings: shown side by side; difference and verdict belong to the first that was run.
    """
    there = run_readings(results.table(run.shown))
    asked = [r for r in readings if any(r in ran for ran in there.values())]
    asked += [ran[0] for ran in there.values() if not set(ran) & set(asked)]
    frames = {reading: side_by_side(run, reading) for reading in dict.fromkeys(asked)}
    networks = dict.fromkeys(frames[asked[0]]["model"])
    return Stack([of_model({r: f[f["model"] == name] for r, f in frames.items()}, name) for name in networks])


def run_readings(rows: pd.DataFrame) -> dict[str, list[str]]:
    """For each attack of an exhibit, controls left aside, the readings it was run in, in that order."""
    own = rows[~rows["attack"].isin(["none", *CONTROLS])]
    return {attack: list(dict.fromkeys(group["reading"])) for attack, group in own.groupby("attack", sort=False)}


def of_model(frames: Mapping[str, pd.DataFrame], model: str) -> Table:
    """The table of one network from its cells in each reading."""
    every = pd.concat(list(frames.values()))
    index = {r: {(c["dataset"], c["eps"], c["attack"]): c for c in f.to_dict("records")} for r, f in frames.items()}
    attacks = [a for a in dict.fromkeys(every["attack"]) if a != "none"]
    order = list(dict.fromkeys(every["dataset"]))
    places = sorted(
        {(c["dataset"], c["eps"]) for c in every.to_dict("records")},
        key=lambda place: (order.index(place[0]), cells.eps_number(place[1])),
    )
    rows = []
    for dataset, eps in places:
        row = {"data set": dataset, "eps": eps or "not stated"}
        for attack in attacks:
            row |= of_attack(index, dataset, eps, attack)
        rows.append(row)
    return Table(pd.DataFrame(rows).fillna("–"), f"{model}: {provenance_line(every)}")


def of_attack(index: Mapping[str, Mapping], dataset: str, eps: str, attack: str) -> dict[str, str]:
    """The columns of one attack in one row: paper, ours in each reading it was run in, difference, verdict."""
    ran = [
        r for r, cell_at in index.items() if any(k[2] == attack and not np.isnan(c["ours"]) for k, c in cell_at.items())
    ]
    first = ran[0] if ran else next(iter(index))
    cell = index[first].get((dataset, eps, attack)) or index[first].get((dataset, eps, "none"))
    if cell is None:
        return {}
    row = {f"{attack}: paper": number(cell["value"], 2), f"{attack}: {headed(first)}": measured(cell)}
    for reading in ran[1:]:
        other = index[reading].get((dataset, eps, attack))
        row[f"{attack}: {headed(reading)}"] = measured(other) if other else "–"
    return {**row, f"{attack}: diff.": number(cell["difference"]), f"{attack}: verdict": cell["word"]}


def headed(reading: str) -> str:
    """How the column of a reading is headed."""
    return READINGS.get(reading, f"ours, {reading}")


def provenance_line(shown: pd.DataFrame) -> str:
    """Metric, unit, profile, seeds and images behind a table, in one line."""
    metric = " and ".join(dict.fromkeys(shown["metric"].str.replace("_", " ")))
    ran = shown.dropna(subset=["ours"])
    return f"{metric} in percent; {described(ran)}"


def described(shown: pd.DataFrame, runs: str = "seeds") -> str:
    """Profiles, seeds and images behind a table, in one line."""
    if shown.empty:
        return "not run yet"
    profiles = sorted(set(shown["profile"]), key=PROFILES.index)
    at = f"{' and '.join(profiles)} profile{'s' if len(profiles) > 1 else ''}"
    return f"ours at the {at}; {runs}: {span(shown['seeds'])}; test images: {span(shown['images'])}"


def stands_for(shown: Sequence[results.Result]) -> str:
    """Which network ours is where it stands for the paper's, as a clause."""
    names = sorted({models.label(result.trial.model) for result in shown})
    return f"our network is {' and '.join(names)}"


def main_reading(table: pd.DataFrame) -> str:
    """The study's own reading where a run has it, else the first that its attacks were run in."""
    readings = list(dict.fromkeys(table.loc[table["attack"] != "none", "reading"]))
    return "default" if "default" in readings or not readings else readings[0]


def own(run: Run) -> Table:
    """What this very execution measured, whatever is shown above it."""
    table = cells.join_seeds(results.table(run.results))
    shown = table["reading"].isin([main_reading(table), "default"])
    table = table[shown & table["metric"].isin(["accuracy", "error", "fooled", "fooling_ratio"])]
    conditions, ran_over = table["defense"].nunique() > 1, table["parameter"].ne("").any()
    rows = [
        {
            "data set": c.dataset, "network": c.model, **({"condition": c.defense} if conditions else {}),
            "attack": c.attack, "eps": c.eps, **({"parameter": c.parameter} if ran_over else {}), "steps": str(c.steps),
            "metric": c.metric,
            "percent": measured(c._asdict()), "95 % interval": between(c), "images": images_of(c._asdict()),
        }
        for c in table.itertuples()
    ]  # fmt: skip
    ours = f"; {stands_for(run.results)}" if EXHIBITS[run.exhibit].stand_in else ""
    return Table(pd.DataFrame(rows), f"What this execution computed itself, at the {run.profile} profile{ours}")
