"""The interactive figures: their data are the figures' own, and a browser draws them."""

import html
import importlib.util
import json
import re

import pytest

import browser
from from_files import printed, same
from inputgrad.ground.paths import ROOT
from inputgrad.report import book
from inputgrad.report.figures import interactive
from inputgrad.study import CHAPTERS
from recounts import agrees

STATIC = ROOT / "book" / "_static"
VEGA = importlib.util.find_spec("vl_convert")


@pytest.fixture(scope="module")
def frames():
    return {name: book.FIGURES[name]().frame for name in interactive.CHOSEN}


def test_six_figures_can_be_explored_and_hold_every_mark(frames):
    assert set(frames) == set(CHAPTERS)
    for name, frame in frames.items():
        rows = interactive.spec(frame, interactive.CHOSEN[name])["data"]["values"]
        assert len(rows) == len(frame)
        for row, mark in zip(rows, frame.to_dict("records"), strict=True):
            assert row["value"] == pytest.approx(mark["value"], abs=1e-4)
            assert (row["low"] is None) == (mark["low"] != mark["low"])
            assert row["series"] in mark["series"] and row["whose"] == mark["whose"] and row["x"] == mark["x"]
            if mark["whose"] == "ours":
                agrees(row["ours"], mark["value"])
                agrees(row["95 % interval"], (mark["low"], mark["high"]))
                assert row["runs"] == mark["seeds"]


@pytest.mark.parametrize("name", ["sign", "convex"])
def test_beside_ours_stands_what_the_paper_prints(name, frames):
    theirs, places = printed(ROOT, name), ("dataset", "attack", "metric", "eps")
    frame, told = frames[name], 0
    drawn = {c.attack for c in frame.itertuples() if c.whose == "paper"}
    for row, mark in zip(interactive.records(frame), frame.to_dict("records"), strict=True):
        if mark["whose"] == "ours" and mark["attack"] in drawn - {"none"} and mark["reading"] == "default":
            wanted = {**mark, "model": mark["model"].removesuffix(" (authors)")}
            found = {c.center for c in theirs if c.place["model"] == wanted["model"]
                     and all(same(p, c.place[p], str(wanted[p])) for p in places)}  # fmt: skip
            assert len(found) <= 1
            agrees(row["paper"], *(found or {float("nan")}))
            told += len(found)
    assert told > 10


@pytest.mark.skipif(VEGA is None, reason="vl-convert-python, which holds the script that draws, is not installed")
@browser.needed
def test_a_browser_draws_every_mark_of_the_first_choice(frames, tmp_path):
    import vl_convert

    (tmp_path / "vega.js").write_text(f"(() => {{{vl_convert.javascript_bundle()}\n}})();")
    (tmp_path / "charts.js").write_text((STATIC / "charts.js").read_text())
    charts = [interactive.chart(name, frame).replace("<details", "<details open") for name, frame in frames.items()]
    (tmp_path / "page.html").write_text(
        "<!doctype html><html><meta charset='utf-8'><script src='charts.js'></script>" + "".join(charts)
    )
    dom = browser.opened(tmp_path / "page.html", tmp_path / "profile")
    drawn = re.findall(r'<details[^>]*class="chart".*?</details>', dom, re.S)
    assert len(drawn) == len(frames)
    for (name, frame), text in zip(frames.items(), drawn, strict=True):
        shown = frame
        for column in interactive.CHOSEN[name][:1]:
            shown = frame[frame[column] == frame[column].iloc[0]]
        marks = re.findall(r'<g class="mark-symbol role-mark layer_\d_marks".*?</g>', text, re.S)
        assert sum(part.count("<path") for part in marks) == len(shown), name
        assert text.count("<select") == len(interactive.CHOSEN[name])


def test_nothing_is_asked_of_another_host(frames):
    for name, frame in frames.items():
        text = interactive.chart(name, frame)
        assert "http" not in text
        kept = re.search(r'<script type="application/json">(.*)</script>', text, re.S)[1]
        assert json.loads(html.unescape(kept)) == json.loads(
            json.dumps(interactive.spec(frame, interactive.CHOSEN[name]))
        )
