"""Tables for pages: ours beside theirs, claims with verdicts, costs. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, wraps

import numpy as np
import pandas as pd

from inputgrad.catalogue import datasets, models
from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells, claims
from inputgrad.report.markup import Stack, Table, between, listed, measured, number, scale, span
from inputgrad.report.selectors import OURS
from inputgrad.study import CHAPTERS, EXHIBITS
from inputgrad.study.schema import PROFILES

# Ours beside theirs


def each_network(table: Callable[[Run], Table]) -> Callable[[Run], Table | Stack]:
    """The table of one network on one data set; of a run of several one of each, below its name."""

    @wraps(table)
    def of(run: Run) -> Table | Stack:
        shown = list(dict.fromkeys((result.trial.dataset, result.trial.model) for result in run.shown))
        if len(shown) == 1:
            return table(run)
        found = []
        for dataset, model in shown:
            alone = [result for result in run.shown if (result.trial.dataset, result.trial.model) == (dataset, model)]
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
    measured = mine.to_dict("records")
    printed = [cells.printed_for(row, theirs) for row in measured]
    found = [(cell["value"], cell["unit"]) if cell else (float("nan"), "") for cell in printed]
    words = [
        "–"
        if np.isnan(value) or row["profile"] == "smoke"
        else cells.word_for(value, row, unit, cells.idle_value(row, natural))
        for row, (value, unit) in zip(measured, found, strict=True)
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
    models = dict.fromkeys(frames[asked[0]]["model"])
    return Stack([of_model({r: f[f["model"] == model] for r, f in frames.items()}, model) for model in models])


def run_readings(rows: pd.DataFrame) -> dict[str, list[str]]:
    """For each attack of an exhibit, controls left aside, the readings it was run in, in that order."""
    own = rows[~rows["attack"].isin(["none", *CONTROLS])]
    return {attack: list(dict.fromkeys(group["reading"])) for attack, group in own.groupby("attack", sort=False)}


def of_model(frames: Mapping[str, pd.DataFrame], model: str) -> Table:
    """The table of one network from its cells in each reading."""
    every = pd.concat(list(frames.values()))
    index = {r: {(c["dataset"], c["eps"], c["attack"]): c for c in f.to_dict("records")} for r, f in frames.items()}
    attacks = [a for a in dict.fromkeys(every["attack"]) if a != "none"]
    datasets = list(dict.fromkeys(every["dataset"]))
    places = sorted(
        {(c["dataset"], c["eps"]) for c in every.to_dict("records")},
        key=lambda place: (datasets.index(place[0]), cells.eps_number(place[1])),
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
            "percent": measured(c._asdict()), "95 % interval": between(c), "images": c.images,
        }
        for c in table.itertuples()
    ]  # fmt: skip
    ours = f"; {stands_for(run.results)}" if EXHIBITS[run.exhibit].stand_in else ""
    return Table(pd.DataFrame(rows), f"What this execution computed itself, at the {run.profile} profile{ours}")


# Claims, cost, scoreboard


def verdict_table(key: str, chosen: Callable[[claims.Verdict], bool] = lambda verdict: True) -> Table:
    """The claims of a paper with their verdicts, and whether the paper's own numbers bear them out."""
    on_paper = {True: "yes", False: "no: the paper's slip", None: "–"}
    there = [v for v in claims.verdicts(key) if chosen(v)]
    rows = [
        {
            "claim": v.claim.id, "where": v.claim.source, "what is claimed": v.claim.text, "verdict": v.word,
            "scale": scale(v.profile), "kind": v.claim.kind, "holds on its own numbers": on_paper[v.paper],
            "remark": v.reason or v.claim.note,
        }
        for v in there
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), decided_by_code(key, there))


def decided_by_code(key: str, there: Sequence[claims.Verdict]) -> str:
    """The caption of a table of claims: the paper's, our own statements, or both."""
    theirs = [f"the claims of {CHAPTERS[key].authors}"] if any(v.claim.kind != "derived" for v in there) else []
    ours = ["our own statements (derived)"] if any(v.claim.kind == "derived" for v in there) else []
    text = f"{listed(theirs + ours)}, each decided by code from the recorded results"
    return text[0].upper() + text[1:]


def verdicts(run: Run, also: Sequence[str] = ()) -> Table:
    """The claims that this exhibit's recorded rows decide, or would decide, however much of it this run is.

    Args:
        run: what ``inputgrad.run`` gave.
        also: claims that other exhibits' rows decide and this one is about, such as ``"c23"``.
    """
    ids = {v.claim.id for v in decided_by(run.exhibit, run.shown)}
    ids |= {f"{run.exhibit.split('/')[0]}.{name}" for name in also}
    return verdict_table(run.exhibit.split("/")[0], lambda verdict: verdict.claim.id in ids)


def decided_by(name: str, shown: Sequence[results.Result] = ()) -> list[claims.Verdict]:
    """The verdicts that hang on an exhibit's rows, or would if it were run.

    Args:
        name: ``"sign/adversarial"``.
        shown: results of it besides the recorded ones.
    """
    key, exhibit = name.split("/")[0], EXHIBITS[name]
    paper, mine = cells.of_paper(key), results.table([*shown, *results.recorded(name)])
    paper = paper[paper["table"].isin(exhibit.tables) & paper["metric"].isin(exhibit.metrics)]

    def here(verdict: claims.Verdict) -> bool:
        if not verdict.rows.empty:
            return name in set(verdict.rows["exhibit"])
        selectors = verdict.claim.vars.values()
        return any(fits(paper, s) or ("table" in s and fits(mine, s, ("dataset", "model"))) for s in selectors)

    return [verdict for verdict in claims.verdicts(key) if here(verdict)]


@cache
def deciders(key: str) -> dict[str, list[str]]:
    """The exhibits whose recorded rows decide each claim of a paper, or would if they were run, by the claim's id."""
    found: dict[str, list[str]] = {v.claim.id: [] for v in claims.verdicts(key)}
    for exhibit in CHAPTERS[key].exhibits:
        for verdict in decided_by(f"{key}/{exhibit.name}"):
            found[verdict.claim.id].append(f"{key}/{exhibit.name}")
    return found


def fits(table: pd.DataFrame, selector: Mapping, ignoring: Sequence[str] = ()) -> bool:
    """Does a claim's selector choose any of these rows, some columns left aside?"""
    aside = ("over", "reading", *OURS, *ignoring)
    chosen = np.ones(len(table), dtype=bool)
    for column, wanted in selector.items():
        if column not in aside:
            chosen &= cells.matching(table, column, wanted).to_numpy()
    return bool(chosen.any())


def cost(run: Run) -> Table:
    """What each shown trial cost, and on what machine it ran."""
    rows = []
    for result in run.shown:
        p = result.provenance
        rows.append(
            {
                "trial": result.path.stem, "profile": p["declaration"]["profile"],
                "training, s": p["seconds"]["training"], "precision": trained_in(p),
                "measuring, s": p["seconds"]["measure"], "peak memory, MiB": p["peak_memory_mib"],
                "parameters": f"{p['network_parameters']:,}",
                "device": p["name"], "torch": p["versions"]["torch"],
                "measured by": commit(p), "trained by": trainers(p),
                "date": p["date"],
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), "Where the numbers come from, and what they cost")


def trained_in(provenance: Mapping) -> str:
    """The precision of a training: bfloat16 where the recipe asks for it and the device has it."""
    training = provenance.get("training") or {}
    asked = provenance["declaration"]["settings"].get("recipe", {}).get("precision") == "bf16"
    has = training.get("bfloat16", True)  # results from before this was recorded imitated what they had not
    return "–" if "source" in training else "bfloat16" if asked and has else "float32"


def trainers(provenance: Mapping) -> str:
    """The commits that trained a trial's networks, its own first; earlier results know of no others."""
    networks = [provenance.get("training"), *provenance.get("other_networks", {}).values()]
    return ", ".join(dict.fromkeys(trained_by(network) for network in networks))


def trained_by(training: Mapping | None) -> str:
    """The commit that trained a network, or that its authors did and it was loaded; a dash where it is not known."""
    if not training:
        return "–"
    return training.get("whose", "its authors") if "source" in training else commit(training)


def commit(origin: Mapping) -> str:
    """The commit of a measurement or a training, marked where its tree had changes beside it."""
    return origin["commit"] + (" (modified)" if origin["modified"] else "")


def schedules(*exhibits: str) -> Table:
    """How the networks of exhibits are trained at each profile but ``smoke``, a row an exhibit, profile and recipe."""
    rows: dict[tuple, list[str]] = {}
    for name in exhibits:
        for profile, grid in ((p, g) for p, g in EXHIBITS[name].grids.items() if p != "smoke"):
            for dataset, model in grid.combinations(grid.datasets, grid.models, both_named=False):
                recipe = grid.recipes.get((dataset, model)) or grid.recipes[model]
                told = (name, profile, recipe.width, recipe.images, recipe.epochs, recipe.schedule, recipe.precision,
                        len(grid.seeds), grid.images)  # fmt: skip
                names = rows.setdefault(told, [])
                names += [datasets.label(dataset)] if datasets.label(dataset) not in names else []
    frame = pd.DataFrame(
        {"page": name.split("/")[1], "profile": profile, "data sets": ", ".join(names), "width": f"{width:g}",
         "training images": f"{images:,}" if images else "all", "epochs": epochs, "rate": schedule.replace("_", " "),
         "precision": precision, "runs declared": seeds, "test images": f"{tested:,}"}
        for (name, profile, width, images, epochs, schedule, precision, seeds, tested), names in rows.items()
    )  # fmt: skip
    return Table(
        frame if len(exhibits) > 1 else frame.drop(columns="page"),
        "How the networks are trained: width is a factor on the paper's channels",
    )


def scoreboard() -> Stack:
    """The scoreboard over all papers: one table of claims, one of the numbers in tables."""
    board = claims.scoreboard()
    rows = [*board.to_dict("records"), {**board.sum(numeric_only=True), "paper": "all", "scale": ""}]
    of_claims = [{"paper": r["paper"], "claims": r["claims"], **{w: r[w] for w in claims.WORDS}, "scale": r["scale"]}
                 for r in rows]  # fmt: skip
    of_cells = [{"paper": r["paper"], "numbers": r["cells"], **{w: r[f"{w} cells"] for w in cells.WORDS}} for r in rows]
    return Stack(
        [
            Table(pd.DataFrame(of_claims), "What the papers claim of their results, and what became of it"),
            Table(pd.DataFrame(of_cells), "The numbers in their tables and plots, and how near ours are"),
        ]
    )


def paper_tables(key: str) -> list[Table]:
    """The paper's own tables as transcribed, without the columns that say nothing."""
    out = []
    for name, group in cells.of_paper(key).groupby("table", sort=False):
        shown = group[["dataset", "model", "defense", "attack", "eps", "steps", "metric", "raw", "note"]]
        kept = [c for c in shown.columns if c == "raw" or len(set(shown[c])) > 1]
        fixed = {c: shown[c].iloc[0] for c in shown.columns if c not in kept}
        said = ", ".join(f"{c} {value}" for c, value in fixed.items() if value not in ("", "none"))
        caption = "Numbers that are only in the text" if name == "prose" else f"Table {name} of the paper"
        frame = shown[kept].rename(columns={"raw": "printed"})
        out.append(Table(frame, caption + (f" ({said})" if said else "")))
    return out
