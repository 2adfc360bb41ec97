"""What every chapter and page opens with: what came out, which claims it decides, at what scale and on how much."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import yaml

from inputgrad.ground.paths import ROOT
from inputgrad.record import results
from inputgrad.record.results import Result
from inputgrad.study import CHAPTERS, STUDY
from inputgrad.study.schema import PROFILES, SCALES

from . import claims, links
from .markup import listed, span
from .tables.claims import decided_by


@cache
def sentences() -> dict[str, str]:
    """The answers that people wrote, by chapter and exhibit, with their tokens."""
    return yaml.safe_load((ROOT / "book" / "answers.yaml").read_text(encoding="utf-8"))


def box(name: str, fill: Callable[[str], str]) -> str:
    """The answer of a chapter or an exhibit, as a note in Markdown.

    Args:
        name: ``"sign"`` or ``"sign/adversarial"``.
        fill: puts numbers and verdicts in the place of tokens.
    """
    there = results.shown(name) if name in CHAPTERS else results.largest(results.recorded(name))
    verdicts = claims.verdicts(name) if name in CHAPTERS else decided_by(name)
    facts = [decided(name, verdicts), behind(there)]
    return "\n".join([":::{admonition} What came out", ":class: answer", "", fill(sentences()[name]), "",
                      " ".join(filter(None, facts)), ":::", ""])  # fmt: skip


def front(fill: Callable[[str], str]) -> str:
    """Every paper with its question, its answer and how many of its numbers were run, for the first page."""
    parts, board = [], claims.scoreboard().set_index("paper")
    for key, paper in STUDY.items():
        row = board.loc[key]
        ran = f"{row['cells'] - row['not run cells']} of the {row['cells']} numbers of its tables were run"
        parts.append(
            f"**[`{key}`](papers/{key}.md)**, {{cite:t}}`{paper.citation}`. *{paper.question}*\n\n"
            f"{fill(sentences()[key])} (Scale: {scales_of(results.shown(key))}; {ran}.)\n"
        )
    return "\n".join(parts)


def decided(name: str, verdicts: Sequence[claims.Verdict]) -> str:
    """Which claims about results hang on its rows, by verdict; of an exhibit also of theory, and how many of ours."""
    if name.split("/")[0] not in STUDY:
        return ""
    key, exhibit = name.split("/")[0], "/" in name
    about = [v for v in verdicts if v.claim.kind == "result"]
    groups = {word: [v.claim.id for v in about if v.word == word] for word in claims.WORDS}
    counted = listed([f"{len(ids)} {word}" + (f" ({links.listed_by(ids)})" if exhibit else "")
                      for word, ids in groups.items() if ids])  # fmt: skip
    said = []
    if about:
        said.append(f"[The paper's claims](#claims-{key}) about results: {counted}.")
    elif verdicts:
        said.append("This page decides none of the paper's claims about results.")
    if exhibit and (theory := [v.claim.id for v in verdicts if v.claim.kind == "theory"]):
        said.append(f"Of the paper's theory it decides {links.listed_by(theory)}.")
    if exhibit and (own := sum(v.claim.kind == "derived" for v in verdicts)):
        said.append(f"Of our own statements it decides {own}, listed further down.")
    return " ".join(said)


def scales_of(there: Sequence[Result]) -> str:
    """The scales of results, from the smallest."""
    profiles = {result.trial.profile for result in there}
    return listed([SCALES[profile] for profile in PROFILES if profile in profiles]) or "none"


def behind(there: Sequence[Result]) -> str:
    """The scale, the runs and the test images behind the numbers."""
    if not there:
        return "Nothing is recorded yet."
    runs: dict[tuple, int] = {}
    for result in there:
        runs[result.exhibit_place] = runs.get(result.exhibit_place, 0) + 1
    images = [r.trial.settings["images"] for r in there]
    return (
        f"Scale: {scales_of(there)}; runs of each network: {span(runs.values())}; test images: {span(images)}. "
        "[How to read this](/book/how-to-read.md)"
    )


def open_with(notebook: Path, text: str) -> None:
    """Put a note below the title of an executed page, in place; link its claims; leave out papermill's parameters."""
    page = json.loads(notebook.read_text(encoding="utf-8"))
    title, *rest = "".join(page["cells"][0]["source"]).split("\n")
    page["cells"][0]["source"] = "\n".join([title, "", text, *rest])
    page["cells"] = [c for c in page["cells"] if "injected-parameters" not in c["metadata"].get("tags", [])]
    for shown in (output.get("data", {}) for cell in page["cells"] for output in cell.get("outputs", [])):
        if "text/html" in shown:
            shown["text/html"] = links.in_html("".join(shown["text/html"]))
    notebook.write_text(json.dumps(page, ensure_ascii=False), encoding="utf-8")
