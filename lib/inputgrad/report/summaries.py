"""What the study comes to, in words and tables that are written from the results: endings, digest, lists of all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import yaml

from inputgrad.catalogue import datasets, models
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.origin import git
from inputgrad.ground.paths import IMAGENETTE, ROOT
from inputgrad.record import results
from inputgrad.study import CHAPTERS, STUDY, synthesis

from . import cells, claims, links
from .markup import VERDICTS, Table, as_text, listed, measured, number, scale
from .tables.claims import decided_by_code, deciders

NO_REASON = "No explanation was found."
"""What is said of a claim that does not reproduce and gives no reason."""

HEADS = {
    "reproduced": "Reproduced",
    "partly": "Partly, in the weaker form only",
    "says little": "Holds, and says little",
    "undecided": "Undecided",
    "not reproduced": "Not reproduced",
}
"""The verdicts that are listed, and how."""


def why(claim: claims.Claim, fill: Callable[[str], str]) -> str:
    """Why a claim does not reproduce, its tokens filled, or that nobody knows."""
    return fill(claim.because) if claim.because else NO_REASON


def remark(verdict: claims.Verdict, fill: Callable[[str], str]) -> str:
    """What is to be said of a verdict: why a claim fails, what leaves it open, or what is wrong with it."""
    if verdict.word == "not reproduced":
        return why(verdict.claim, fill)
    if verdict.word == "undecided" and verdict.claim.because:
        return f"{as_text(verdict.reason)}. {fill(verdict.claim.because)}"
    return as_text(verdict.reason)


def ending(key: str, fill: Callable[[str], str]) -> str:
    """How a chapter ends: what reproduced, what did not and why, what waits, and what it all cost.

    Args:
        key: of the paper.
        fill: puts numbers in the place of tokens.
    """
    verdicts = [v for v in claims.verdicts(key) if v.claim.kind == "result"]
    parts = [section(verdicts, word, fill) for word in HEADS]
    waiting = [v for v in verdicts if v.word == "not run"]
    if waiting:
        parts.append(f"**Not run:** {len(waiting)}. The list of every claim says what each of them lacks.\n")
    return "\n".join([*parts, f"**Cost:** {cost(key)}\n"])


def section(verdicts: Sequence[claims.Verdict], word: str, fill: Callable[[str], str]) -> str:
    """Those with one verdict, under its head."""
    found = [item(v, fill) for v in verdicts if v.word == word]
    return "\n".join([f"**{HEADS[word]}:**\n", *found, ""]) if found else f"**{HEADS[word]}:** none.\n"


def item(verdict: claims.Verdict, fill: Callable[[str], str]) -> str:
    """A claim as an item of a list, with its number, the scale behind its verdict, and what is wrong with it."""
    behind = links.short(verdict.claim.id) + (f", {scale(verdict.profile)} scale" if verdict.profile else "")
    because = remark(verdict, fill)
    return f"- {verdict.claim.text} ({behind})" + (f". *Why:* {because}" if because else "")


def cost(key: str) -> str:
    """What the shown results of a paper cost: hours by device, of measuring and of training each trial's own network.

    Networks that a trial trains besides, such as defended ones, are in its measuring where they were trained for it,
    and nowhere where their checkpoints lay there already.
    """
    found = results.shown(key)
    hours: dict[str, float] = {}
    trained = {r.provenance["checkpoint"]: r.provenance["seconds"]["training"] for r in found}  # each network once
    for result in found:
        p = result.provenance
        seconds = p["seconds"]["measure"] + trained.pop(p["checkpoint"], 0)
        hours[p["name"]] = hours.get(p["name"], 0.0) + seconds / 3600
    if not hours:
        return "Nothing is recorded yet."
    spent = " and ".join(f"{value:.1f} hours on {device}" for device, value in hours.items())
    return (
        f"{len(found)} trials stand behind the numbers shown. They took at least {spent} "
        "([how that is counted](#what-a-number-costs))."
    )


def digest(fill: Callable[[str], str]) -> str:
    """The whole study in short: each paper, its question, its verdicts, and why what failed did."""
    board = claims.scoreboard().set_index("paper")
    parts = []
    for key, paper in STUDY.items():
        row = board.loc[key]
        verdicts = [v for v in claims.verdicts(key) if v.claim.kind == "result"]
        parts += [
            f"## {paper.authors}: {paper.title}\n",
            f"*{paper.question}* Of {row['claims']} claims: {in_words(row)}. Of {row['cells']} numbers that it prints: "
            f"{in_words(row, cells.WORDS, ' cells')}. {cost(key)}\n",
            section(verdicts, "reproduced", fill),
            section(verdicts, "not reproduced", fill),
        ]
    return "\n".join(parts)


def in_words(row: Mapping, words: Sequence[str] = claims.WORDS, suffix: str = "") -> str:
    """The counts of a row of the scoreboard that are not zero: ``"3 reproduced, 1 partly and 2 not run"``."""
    return listed([f"{row[word + suffix]} {word}" for word in words if row[word + suffix]])


def alone() -> tuple[int, int]:
    """How many places (exhibit, data set, network) are recorded at ``quick`` alone, and how many of them in one run."""
    places: dict[tuple, int] = {}
    for result in (result for paper in (*STUDY, synthesis.PAPER.key) for result in results.shown(paper)):
        if result.trial.profile == "quick":
            place = (result.trial.exhibit, *result.place)
            places[place] = places.get(place, 0) + 1
    return len(places), sum(runs == 1 for runs in places.values())


def imagenette() -> dict[str, str]:
    """Of Imagenette's test images, how many there are and how many of them are in ImageNet's training set.

    ImageNet's authors name an image of the validation set ``ILSVRC2012_val_...`` and one of the training set by its
    class; Imagenette, which splits both anew, keeps the names. ``data/imagenette.txt`` lists the former.

    Raises:
        InputError: a line of it is no such name, or is there twice.
    """
    listed_there = IMAGENETTE.read_text(encoding="utf-8").split()
    checks.unique("data/imagenette.txt", listed_there)
    for name in listed_there:
        if not re.fullmatch(r"ILSVRC2012_val_\d{8}", name):
            raise InputError(f"data/imagenette.txt has {name!r}, which is no name of ImageNet's validation set")
    test = datasets.DATASETS["imagenette96"].test
    return {"test": f"{test:,}", "learned": f"{test - len(listed_there):,}"}


def in_short() -> str:
    """How many claims about results came out how, and how many of each rest on the toy scale."""
    found = [verdict for key in STUDY for verdict in claims.verdicts(key) if verdict.claim.kind == "result"]
    words = {word: [v for v in found if v.word == word] for word in claims.WORDS}
    toy = {word: sum(v.profile == "quick" for v in mine) for word, mine in words.items()}
    behind = listed([f"{toys} {word}" for word, toys in toy.items() if toys])
    counted = listed([f"{len(mine)} {word}" for word, mine in words.items() if mine])
    return (
        f"Of the {len(found)} claims about results: {counted}. {sum(toy.values())} of these verdicts rest, at least "
        f"in part, on runs at *toy scale* (the profile `quick`): {behind}. There a network is trained for a shorter "
        "time than the paper's, or another one stands in for it. Such runs cannot say what the paper's own network "
        "would do, either way.\n"
    )


def coverage() -> str:
    """How far the study reaches: how many of the papers' numbers, at what scale, and how much rests on single runs."""
    board = claims.scoreboard()
    total = board.sum(numeric_only=True)
    ran = total["cells"] - total["not run cells"]
    full, reduced = ran_at("paper"), ran_at("desk")
    places, single = alone()
    bare = board.loc[board["cells"] == board["not run cells"], "paper"]
    elsewhere = [f"`{key}`" for key in bare if results.shown(key)]
    parts = [
        f"Of the {total['cells']} numbers in the papers' tables and plots {ran} have one of ours beside them.",
        f"Run at the full scale of `paper`: {full or 'none yet'}.",
        f"Run at the reduced scale of `desk`: {reduced}." if reduced else "",
        "All else is recorded at the toy scale of `quick`: on fewer images, for fewer epochs or with a narrower "
        f"network than the paper's. Of {places} places there, a place being one network on one data set on one page, "
        f"{single} rest on a single training run, from one random seed: they do not show how far a second run would "
        "differ.",
        f"What was run of {listed(elsewhere)} stands beside no number of the paper's tables." if elsewhere else "",
    ]
    return " ".join(filter(None, parts)) + "\n"


def ran_at(profile: str) -> str:
    """What is recorded at a profile, paper by paper: ``"`convex` FCNN and LeNet-5 on MNIST"``."""
    return "; ".join(
        f"`{key}` {listed(networks)} on {where}" for key in STUDY for where, networks in at_scale(key, profile).items()
    )


def at_scale(key: str, profile: str) -> dict[str, list[str]]:
    """The networks of a paper that are recorded at a profile, by the data sets they are recorded on."""
    places: dict[str, list[str]] = {}
    for result in results.shown(key):
        trial = result.trial
        if trial.profile == profile:
            places.setdefault(models.label(trial.model), []).append(datasets.label(trial.dataset))
    networks: dict[str, list[str]] = {}
    for network, attacked in places.items():
        networks.setdefault(listed(list(dict.fromkeys(attacked))), []).append(network)
    return networks


def by_profile() -> Table:
    """Claims and table cells by verdict, for each paper and profile."""
    rows = []
    for key in STUDY:
        verdicts = [v for v in claims.verdicts(key) if v.claim.kind == "result"]
        compared = cells.compare(cells.of_paper(key), cells.ours(key))
        for profile in ("paper", "desk", "quick", None):
            mine = [v.word for v in verdicts if v.profile == profile]
            there = compared[compared["profile"].isna() if profile is None else compared["profile"].eq(profile)]
            if mine or len(there):
                counted = {f"claims {word}": mine.count(word) for word in claims.WORDS}
                counted |= {f"cells {word}": int((there["word"] == word).sum()) for word in cells.WORDS}
                rows.append({"paper": key, "scale": scale(profile) if profile else "not run", **counted})
    caption = "Claims about results and numbers of tables, by verdict and by the smallest scale behind it"
    return Table(pd.DataFrame(rows), caption)


def every_claim(key: str, fill: Callable[[str], str]) -> Table:
    """Every claim of a paper at its anchor: its verdict, what decides it, and, where it does not reproduce, why."""
    pages = {f"{key}/{e.name}": f"[{e.name}](/notebooks/{key}/{e.name}.ipynb)" for e in CHAPTERS[key].exhibits}
    rows = [
        {"claim": f"[{v.claim.id}]{{#{links.anchor(v.claim.id)}}}", "verdict": v.word, "scale": scale(v.profile),
         "what is claimed": v.claim.text,
         "why": remark(v, fill) or as_text(v.claim.note or "–"),
         "decided by": f"{listed([pages[e] for e in deciders(key)[v.claim.id]])} {decision(key, v)}",
         "kind": v.claim.kind}
        for v in claims.verdicts(key)
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), decided_by_code(key, claims.verdicts(key)), marked_up=("why", "decided by"))


def decision(key: str, verdict: claims.Verdict) -> str:
    """How a claim is decided, folded: where it stands, whether the paper's own numbers bear it out, its predicates."""
    line, written = claims.written(key)[verdict.claim.id]
    on_paper = {True: "it holds there", False: "it fails there: the paper's slip", None: ""}[verdict.paper]
    facts = ["; ".join(filter(None, [verdict.claim.source, on_paper])),
             f"data/papers/{key}/claims.yaml, line {line}:", *(f"`{code}`" for code in written)]  # fmt: skip
    return f"<details><summary>predicate</summary>{'<br>'.join(facts)}</details>"


def every_number(key: str) -> Table:
    """Every number that a paper's tables print, with ours beside it."""
    rows = []
    for c in cells.compare(cells.of_paper(key), cells.ours(key)).itertuples():
        sizes = [f"eps {c.eps}" if c.eps else "", f"{c.steps} steps" if c.steps else ""]
        where = [c.dataset, c.model, c.defense, c.attack, *sizes, c.metric]
        places = max(2, len(str(c.value).partition(".")[2]))  # two, or more where the paper prints more
        rows.append({"table": c.table, "what": ", ".join(w for w in where if w not in ("", "none")),
                     "paper's": number(c.value, places), "ours": measured(c._asdict(), places),
                     "difference": number(c.difference, places), "verdict": c.word,
                     "scale": scale(c.profile)})  # fmt: skip
    return Table(
        pd.DataFrame(rows),
        f"Every number of the tables of {CHAPTERS[key].authors} beside ours, in the study's default reading; "
        "networks are named as in the paper",
    )


def folded(what: str, key: str, table: Table) -> str:
    """A paper's ``"claims"`` or ``"numbers"`` in a fold that counts them by verdict, and is linked to by its name."""
    words = list(table.frame["verdict"])
    counted = listed([f"{words.count(word)} {word}" for word in VERDICTS if word in words])
    head = f"[`{key}`]{{#{what}-{key}}}: {len(words)} {what} ({counted})"
    style = "filterable all" if what == "claims" else "filterable"
    return f"::::{{dropdown}} {head}\n{table.markdown(f'tab-{what}-{key}', style)}::::\n"


def where_claims_are(key: str) -> str:
    """What a chapter says of the list of its claims, which stands once in the book."""
    whose = "the paper's and ours" if key in STUDY else "all of them ours"
    return (
        f"[All {len(claims.verdicts(key))} claims](#claims-{key}), {whose}, are listed on one page: with "
        "each its verdict, the exhibits whose rows decide it, and its predicate.\n"
    )


def citation() -> str:
    """How to cite the study: the BibTeX of ``CITATION.cff``, with the commit that a book is built from."""
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    fields = {
        "title": f"{{{said['title']}}}", "author": f"{{{' and '.join(a['name'] for a in said['authors'])}}}",
        "version": said["version"], "date": said["date-released"], "license": said["license"],
        "note": f"built from commit {commit}" if (commit := git("rev-parse", "--short=12", "HEAD")) else "",
    }  # fmt: skip
    lines = "\n".join(f"  {name} = {{{value}}}," for name, value in fields.items() if value)
    return f"```bibtex\n@software{{input_gradients_reproduced,\n{lines}\n}}\n```\n"
