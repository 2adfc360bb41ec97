"""Tables of claims with their verdicts, which exhibits decide them, and the scoreboard. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells, claims
from inputgrad.report.markup import Stack, Table, listed, scale
from inputgrad.report.selectors import OURS
from inputgrad.study import CHAPTERS, EXHIBITS


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
