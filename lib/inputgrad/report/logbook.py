"""Claims for machines: each with its verdict, scale, rows and links, and a logbook a paper. Needs no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from inputgrad.ground.files import write_text
from inputgrad.ground.origin import git
from inputgrad.study import CHAPTERS, STUDY
from inputgrad.study.schema import SCALES

from . import cells, claims, links
from .tables.claims import deciders

DECIDED = {"reproduced": "verified", "holds in print": "verified",
           "not reproduced": "falsified", "fails in print": "falsified",
           "partly": "inconclusive", "says little": "inconclusive", "undecided": "inconclusive",
           "not run": "inconclusive"}  # fmt: skip
"""The word of a logbook for each of our verdicts, at a scale that decides."""

TOY = "quick"
"""The profile at which nothing is decided: what would be verified or falsified there is ``toy``."""

WORDS = ("verified", "falsified", "toy", "inconclusive")

COLUMNS = ["exhibit", "profile", *cells.IDENTITY, *cells.PARTS, "unit", "value", "low", "high", "least", "most",
           "seeds", "images"]  # fmt: skip
"""Of a claim's rows: which cell it is; its number, 95 % interval and extremes over runs; how many runs and images."""

MEANING = {
    "verified": "holds on recorded results of the paper's own or a reduced scale, within a tolerance fixed before; "
                "of a claim about the paper's own tables: holds on its numbers",
    "falsified": "fails there",
    "toy": "holds or fails at the toy scale of quick alone: our_verdict says which",
    "inconclusive": "only its weaker form holds, or it would hold without the effect, or the "
                    "intervals of its numbers leave it open, or it was not run",
}  # fmt: skip
"""What a logbook's words mean; it carries this itself."""


def word(verdict: claims.Verdict) -> str:
    """The logbook's word for a verdict: verified, falsified, toy or inconclusive."""
    decided = DECIDED[verdict.word]
    return "toy" if verdict.profile == TOY and decided != "inconclusive" else decided


def entry(key: str, verdict: claims.Verdict, fill: Callable[[str], str]) -> dict[str, Any]:
    """One claim as plain data: what it says, what decides it, what came out, the rows behind it, and where to look."""
    claim = verdict.claim
    return {
        "id": claim.id,
        "text": claim.text,
        "source": claim.source,
        "kind": claim.kind,
        "logbook": word(verdict),
        "our_verdict": verdict.word,
        "scale": SCALES[verdict.profile] if verdict.profile else None,
        "profile": verdict.profile,
        "reason": (fill(claim.because) if verdict.word == "not reproduced" else verdict.reason) or None,
        "holds_on_the_papers_numbers": verdict.paper,
        "exact": claim.exact,
        "weak": claim.weak,
        "tolerance": claim.tolerance,
        "variables": {name: dict(selector) for name, selector in claim.vars.items()},
        "rows": rows(verdict),
        "links": {
            "claim": f"{links.LIST}.html#{links.anchor(claim.id)}",
            "predicate": f"data/papers/{key}/claims.yaml",
            "exhibits": [f"notebooks/{exhibit}.html" for exhibit in deciders(key)[claim.id]],
            "results": [f"data/results/*/{exhibit}/*.json" for exhibit in deciders(key)[claim.id]],
        },
    }  # fmt: skip


def rows(verdict: claims.Verdict) -> list[list]:
    """The numbers that a verdict rests on, each as a list in the order of :data:`COLUMNS`; shares are in percent."""
    found = verdict.rows.assign(unit=verdict.rows["unit"].replace("fraction", "percent"))
    return [[plain(value) for value in row] for row in found.reindex(columns=COLUMNS).itertuples(index=False)]


def plain(value: Any) -> Any:
    """A cell of a table as JSON has it: numbers that are none become null."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def everything(fill: Callable[[str], str]) -> dict[str, Any]:
    """Every claim of the study, a list of entries for each paper."""
    return {
        "study": "Input Gradients, Reproduced",
        "commit": git("rev-parse", "--short=12", "HEAD") or None,
        "words": MEANING,
        "columns": COLUMNS,
        "papers": {key: [entry(key, v, fill) for v in claims.verdicts(key)] for key in CHAPTERS},
    }


def of_paper(key: str, entries: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The logbook of one paper: for each of its claims one word, and a sentence of evidence."""
    paper = CHAPTERS[key]
    listed = [
        {
            "claim": e["text"], "source": e["source"], "verdict": e["logbook"], "evidence": evidence(e),
            "link": e["links"]["claim"],
        }
        for e in entries if e["kind"] in ("result", "internal")
    ]  # fmt: skip
    counts = {name: sum(one["verdict"] == name for one in listed) for name in WORDS}
    return {"paper": paper.title, "authors": paper.authors, "words": MEANING, "counts": counts, "claims": listed}


def evidence(entry: Mapping[str, Any]) -> str:
    """What stands behind an entry, in a sentence."""
    scale = f" at the {entry['scale']} scale" if entry["scale"] else ""
    rows = f", from {len(entry['rows'])} recorded numbers" if entry["rows"] else ""
    return f"{entry['our_verdict']}{scale}{rows}" + (f": {entry['reason']}" if entry["reason"] else "")


def write(folder: Path, fill: Callable[[str], str]) -> list[Path]:
    """Write ``claims.json`` and a ``logbook-<paper>.json`` for each paper into ``folder``; returns their paths."""
    found = everything(fill)
    texts = {"claims": found}
    texts |= {f"logbook-{key}": of_paper(key, found["papers"][key]) for key in STUDY}
    paths = [folder / f"{name}.json" for name in texts]
    for path, content in zip(paths, texts.values(), strict=True):
        write_text(path, json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
    return paths
