"""What chapters and pages open with."""

import re
from collections import Counter
from functools import partial

import nbformat

from inputgrad import study
from inputgrad.ground.paths import ROOT
from inputgrad.record import results
from inputgrad.report import answers, book, tables
from inputgrad.trials.runner import Run
from test_sentences import COMPARES


def test_every_chapter_and_page_opens_with_an_answer_that_rests_on_claims():
    names = {*study.CHAPTERS, *study.EXHIBITS}
    assert set(answers.sentences()) == names
    for name in names:
        text = answers.sentences()[name]
        assert "decide nothing" in text or re.search(r"\[\[(holds|verdict) ", text), name
        rest = book.HOLDS.sub("", book.TOKEN.sub("", text))
        assert not COMPARES.search(rest.replace("decide nothing", "")), (name, rest)
        box = answers.box(name, partial(book.fill, where=name))
        recorded = name in study.CHAPTERS or results.recorded(name)
        assert "[[" not in box and ("Scale: " in box) == bool(recorded) != ("Nothing is recorded yet" in box)


def test_the_first_page_has_question_and_answer_of_every_paper():
    text = answers.front(partial(book.fill, where="front"))
    for key, paper in study.STUDY.items():
        assert f"papers/{key}.md" in text and paper.question in text
    assert text.count("(Scale: ") == text.count("of its tables were run.)") == len(study.STUDY) and "[[" not in text


def test_an_answer_counts_the_claims_that_its_page_lists():
    box = answers.box("sign/adversarial", str)
    run = Run("sign/adversarial", results.recorded("sign/adversarial"), computed=0, altered=False)
    listed = tables.verdicts(run).frame
    words = Counter(listed.loc[listed["kind"] == "result", "verdict"])
    assert all(f"{n} {word}" in box for word, n in words.items())
    assert set(re.findall(r"\(#claim-(\S+?)\)", box)) == {
        claim.replace(".", "-") for claim, kind in zip(listed["claim"], listed["kind"], strict=True)
        if kind == "result"
    }  # fmt: skip
    assert f"it decides {(listed['kind'] == 'derived').sum()}, listed further down" in box
    assert "none of the paper's claims" in answers.box("sign/labels", str)


def test_an_answer_names_the_theory_that_its_page_decides_and_says_nothing_where_there_is_no_claim():
    assert "Of the paper's theory it decides [c15](#claim-convex-c15)." in answers.box("convex/regression", str)
    assert "claims" not in answers.box("sign/examples", str)


def test_a_staged_page_has_its_answer_below_the_title(tmp_path):
    page, source = tmp_path / "labels.ipynb", nbformat.read(ROOT / "notebooks" / "sign" / "labels.ipynb", 4)
    given = nbformat.v4.new_code_cell("profile = 'smoke'", metadata={"tags": ["injected-parameters"]})
    table = tables.verdict_table("sign")
    shown = nbformat.v4.new_output("display_data", {"text/html": table._repr_html_()})
    source.cells[-1] = nbformat.v4.new_code_cell("", outputs=[shown])
    nbformat.write(nbformat.from_dict({**source, "cells": [source.cells[0], given, *source.cells[1:]]}), page)
    answers.open_with(page, "An answer.")
    cells = nbformat.read(page, 4).cells
    assert cells[0].source.startswith("# Whose label?\n\nAn answer.\n")
    assert len(cells) == len(source.cells)
    linked = re.findall(
        r'<td><a href="../../book/verdicts.html#claim-([\w-]+)">', cells[-1].outputs[0].data["text/html"]
    )
    assert linked == [claim.replace(".", "-") for claim in table.frame["claim"]]
