"""What a larger scale changes: verdicts and table cells of one paper, each profile judged on its own rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations

import pandas as pd

from inputgrad.record import results
from inputgrad.study import EXHIBITS
from inputgrad.study.schema import PROFILES, SCALES

from . import cells, claims
from .markup import Table


@cache
def ours_at(key: str, profile: str) -> pd.DataFrame:
    """The cells of one paper from what is recorded at one profile, whatever the others have."""
    recorded = [r for name in EXHIBITS if name.startswith(f"{key}/") for r in results.recorded(name)]
    return cells.join_seeds(results.table([r for r in recorded if r.trial.profile == profile]))


@cache
def words_at(key: str) -> dict[str, dict[str, str]]:
    """The verdict at each scale of each of the paper's claims that two or more decide: ``{claim: {profile: word}}``.

    A scale that lacks a part of what another has for a claim, a network or a size, decides something else there. So
    does a statement of ours, where it says on which schedule it holds; none of ours is here.
    """
    found: dict[str, dict[str, claims.Verdict]] = {}
    for profile in PROFILES[1:]:
        ours = ours_at(key, profile)
        for claim in claims.load(key) if len(ours) else ():
            if claim.kind == "derived":
                continue
            verdict = claims.judge(key, claim, ours)
            if verdict.word in claims.WORDS and verdict.word != "not run":
                found.setdefault(claim.id, {})[profile] = verdict
    there = {claim: whole(verdicts) for claim, verdicts in found.items()}
    return {claim: words for claim, words in there.items() if len(words) > 1}


def whole(verdicts: Mapping[str, claims.Verdict]) -> dict[str, str]:
    """The words of the scales whose rows are of all that any other scale's are of."""
    parts = {profile: set(map(tuple, v.rows[cells.IDENTITY].to_numpy())) for profile, v in verdicts.items()}
    everything = set().union(*parts.values())
    return {profile: v.word for profile, v in verdicts.items() if parts[profile] == everything}


def nearer(key: str) -> Iterator[tuple[str, str, list[int]]]:
    """Of the numbers that a paper prints and two scales have: how many each is nearer to, and how many there are.

    ``(smaller, larger, [smaller's, larger's, all])``, for every two scales that have some.
    """
    paper = cells.of_paper(key)
    far = pd.DataFrame(
        {p: cells.compare(paper, ours_at(key, p))["difference"].astype(float).abs() for p in PROFILES[1:]}
    )
    for small, large in combinations(PROFILES[1:], 2):
        both = far[[small, large]].dropna()
        if len(both):
            first, second = both[small] < both[large], both[large] < both[small]
            yield small, large, [int(first.sum()), int(second.sum()), len(both)]


def changed(key: str) -> Table:
    """The paper's claims whose verdict is another at another scale."""
    of = {claim.id: claim.text for claim in claims.load(key)}
    there = [p for p in PROFILES if any(p in words for words in words_at(key).values())]
    rows = [
        {"claim": name, "what is claimed": of[name], **{SCALES[p]: words.get(p, "–") for p in there}}
        for name, words in words_at(key).items()
        if len(set(words.values())) > 1
    ]
    return Table(pd.DataFrame(rows), "Claims with another verdict at another scale, each scale judged on its own rows")


def told(key: str) -> str:
    """What another scale changes, in sentences and, where verdicts do, a table."""
    decided, table = words_at(key), changed(key)
    parts = [
        f"{both} of the paper's numbers have one of ours at the scales *{SCALES[small]}* and *{SCALES[large]}*. The "
        f"nearer one is that of *{SCALES[large]}* in {second} cases, and that of *{SCALES[small]}* in {first}."
        for small, large, (first, second, both) in nearer(key)
    ]
    if decided:
        parts.append(
            f"{len(decided)} of the paper's claims are decided at two scales, each on its own rows of the same "
            f"networks and sizes. The verdict is another one for {len(table.frame)} of them."
        )
    if not parts:
        parts.append("What another scale changes is not known: nothing of this paper is recorded at two.")
    return " ".join(parts) + "\n" + ("\n" + table.markdown(f"tab-scales-{key}", "short") if len(table.frame) else "")
