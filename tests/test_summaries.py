"""Every number on the written pages, computed a second time from the files; endings, digest, and lists of all."""

import re
import shlex
from collections import defaultdict
from functools import partial

import pytest

from from_files import PERCENTAGES, closeness, measured, printed, same, size
from inputgrad import book, cells, claims, summaries
from inputgrad.study import EXHIBITS, STUDY


def written(cell):
    """A number as prose has it."""
    percent = cell.place["unit"] in ("fraction", *PERCENTAGES)
    return f"{cell.center:.1f}\u00a0%" if percent else f"{cell.center:.3g}"


def tokens(root):
    """Every token on a written page, and in the reasons of claims."""
    texts = [page.read_text() for page in (root / "book").rglob("*.md")]
    texts += [claim.because for key in STUDY for claim in claims.load(key)]
    return sorted({(kind, text) for page in texts for kind, text in book.TOKEN.findall(page)})


@pytest.fixture(scope="module")
def sources():
    """What is measured and printed, by kind and key."""
    root = book.ROOT
    found = {("ours", key): measured(root, key) for key in (*STUDY, "synthesis")}
    return found | {("paper", key): printed(root, key) for key in STUDY}


def test_every_token_is_the_number_in_the_files(root, sources):
    checked = 0
    for kind, text in tokens(root):
        if kind not in ("ours", "paper"):
            continue
        key, *words = shlex.split(text)
        selector = dict(word.split("=", 1) for word in words)
        if kind == "ours":
            selector = {"reading": "default", **selector}
        fitting = [cell for cell in sources[kind, key]
                   if all(same(c, cell.place.get(c, ""), v) for c, v in selector.items())
                   and ("table" in selector or kind == "paper" or cell.place["table"] != "")]  # fmt: skip
        said = book.token(kind, text, "test")
        if said == "(not run yet)":
            assert not fitting, text
            continue
        (cell,) = fitting
        assert said == written(cell), text
        checked += 1
    assert checked > 100


def test_every_number_beside_the_papers_is_the_one_in_the_files(sources):
    """The page of all numbers, row by row, from the files and not from the study's own tables."""
    by_place = defaultdict(list)
    for key in STUDY:
        for cell in sources["ours", key]:
            place = cell.place
            if place["table"] and place["reading"] == "default":
                identity = [place[c] for c in ("table", "dataset", "model", "defense", "attack", "metric")]
                by_place[key, *identity, size(place["eps"])].append(cell)
    compared = [(key, row) for key in STUDY for row in cells.compare(cells.of_paper(key), cells.ours(key)).itertuples()]
    shown = summaries.every_number().frame
    assert len(shown) == len(compared)
    some = 0
    for (key, row), line in zip(compared, shown.to_dict("records"), strict=True):
        found = by_place[key, row.table, row.dataset, row.model, row.defense, row.attack, row.metric, size(row.eps)]
        found = [cell for cell in found if not row.steps or cell.place["steps"] == row.steps]
        if len(found) != 1:
            assert line["verdict"] == "not run" and line["ours"] == "–", line
            continue
        value = found[0].center
        assert line["ours"] == f"{value:.2f}".replace("-", "−"), line
        assert float(line["difference"].replace("−", "-")) == pytest.approx(value - row.value, abs=0.0051)
        assert line["verdict"] == closeness(value, row), line
        some += 1
    assert some > 300


def test_the_counts_of_the_pages_are_those_of_the_lists():
    every, board = summaries.every_claim(str).frame, claims.scoreboard()
    for row in board.to_dict("records"):
        here = every[(every["paper"] == row["paper"]) & (every["kind"] == "result")]
        assert {w: row[w] for w in claims.WORDS} == {w: int((here["verdict"] == w).sum()) for w in claims.WORDS}
    split = summaries.by_profile().frame
    for word in claims.WORDS:
        assert split[f"claims {word}"].sum() == board[word].sum()
    for word in cells.WORDS:
        assert split[f"cells {word}"].sum() == board[f"{word} cells"].sum()
    numbers = summaries.every_number().frame
    assert (numbers["verdict"] == "close").sum() == board["close cells"].sum()


def test_what_does_not_reproduce_says_why_or_that_nobody_knows():
    fill = partial(book.fill, where="claims")
    every = summaries.every_claim(fill).frame
    failed = every[every["verdict"] == "not reproduced"]
    reasons = {c.id: c.because for key in STUDY for c in claims.load(key)}
    assert len(failed)
    for row in failed.itertuples():
        assert row.why == (fill(reasons[row.claim]) if reasons[row.claim] else summaries.NO_REASON)
    assert not every["why"].str.contains("[[", regex=False).any()
    for key in STUDY:
        said = summaries.ending(key, fill)
        for claim in failed[(failed["paper"] == key) & (failed["kind"] == "result")]["claim"]:
            assert f"({claim.split('.')[1]}, " in said
        assert "**Cost:**" in said and "[[" not in said
    assert all(paper.title in summaries.digest(fill) for paper in STUDY.values())


def test_a_claim_without_a_reason_says_so():
    (claim,) = (c for c in claims.load("sign") if c.id == "sign.c01")
    assert summaries.why(claim, str) == summaries.NO_REASON


def test_a_reason_names_numbers_by_tokens():
    typed = [c.id for key in STUDY for c in claims.load(key)
             if re.search(r"\d[\d.]* ?(%|percent|points)", re.sub(r"\[\[[^\]]*\]\]", "", c.because))]  # fmt: skip
    assert not typed


def test_a_network_that_two_exhibits_share_is_paid_for_once(monkeypatch):
    from types import SimpleNamespace

    def result(checkpoint, training, measure):
        return SimpleNamespace(provenance={"checkpoint": checkpoint, "name": "a machine",
                                           "seconds": {"training": training, "measure": measure}})  # fmt: skip

    shared = [result("a", 3600, 3600), result("a", 3600, 3600), result("b", 3600, 0)]
    monkeypatch.setattr(summaries.results, "recorded", lambda exhibit: shared if exhibit == "sign/adversarial" else [])
    monkeypatch.setattr(summaries.results, "largest", lambda found: found)
    assert summaries.cost("sign") == (
        "3 recorded trials, at least 4.0 hours on a machine (networks that were trained for another trial not counted)."
    )
    monkeypatch.setattr(summaries.results, "recorded", lambda exhibit: [])
    assert summaries.cost("sign") == "Nothing is recorded yet."


def test_the_chapters_are_of_the_study():
    assert {name.split("/")[0] for name in EXHIBITS} == {*STUDY, "synthesis"}
