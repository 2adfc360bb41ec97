"""The interactive figures: their data are the figures' own, and a browser draws them."""

import html
import json
import re
from urllib.parse import parse_qs, urlencode, urlsplit

import numpy as np
import pytest

import browser
from from_files import printed, same
from inputgrad.ground.paths import ROOT
from inputgrad.report import book
from inputgrad.report.figures import interactive
from inputgrad.study import CHAPTERS
from recounts import agrees

STATIC = ROOT / "book" / "_static"
SCRIPTS = ("sort.js", "charts.js")


@pytest.fixture(scope="module")
def frames():
    return {name: book.FIGURES[name]().frame for name in interactive.CHOSEN}


def test_six_figures_can_be_explored_and_hold_every_mark(frames):
    assert set(frames) == set(CHAPTERS)
    for frame in frames.values():
        rows = interactive.spec(frame)["data"]["values"]
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


@pytest.fixture(scope="module")
def page(frames, tmp_path_factory):
    """A page with the six charts, all of them open, beside the scripts that it needs."""
    vl_convert = pytest.importorskip("vl_convert", reason="vl-convert-python, which holds the script that draws")
    place = tmp_path_factory.mktemp("charts")
    (place / "vega.js").write_text(f"(() => {{{vl_convert.javascript_bundle()}\n}})();")
    for name in SCRIPTS:
        (place / name).write_text((STATIC / name).read_text())
    charts = [interactive.chart(name, frame).replace("<details", "<details open") for name, frame in frames.items()]
    loads = "".join(f"<script src='{name}'></script>" for name in SCRIPTS)
    (place / "page.html").write_text(f"<!doctype html><html><meta charset='utf-8'>{loads}{''.join(charts)}")
    return place / "page.html"


def expected(name, frame, **wanted):
    """The marks of a figure that fit what is chosen; of what is not named, what is chosen at first."""
    first = {choice["field"]: choice["first"] for choice in interactive.choices(name, frame)}
    chosen = {field: value for field, value in (first | wanted).items() if value != interactive.ALL}
    return [row for row in interactive.records(frame) if all(row[field] == value for field, value in chosen.items())]


@browser.needed
def test_a_browser_draws_every_mark_of_the_first_choice(frames, page, tmp_path):
    dom = browser.opened(page, tmp_path / "profile")
    drawn = re.findall(r'<details[^>]*class="chart".*?</details>', dom, re.S)
    assert len(drawn) == len(frames)
    for (name, frame), text in zip(frames.items(), drawn, strict=True):
        marks = re.findall(r'<g class="mark-symbol role-mark layer_\d_marks".*?</g>', text, re.S)
        assert sum(part.count("<path") for part in marks) == len(expected(name, frame)), name
        assert text.count("<select") == len(interactive.choices(name, frame))


@browser.needed
@pytest.mark.parametrize("name", ["butterfly", "selfgrad"])
def test_what_is_measured_has_an_axis_of_its_own(name, frames, page, tmp_path):
    """Gains of few points are drawn over few points, not over the percentages of other charts."""
    frame, axes = frames[name], interactive.spec(frames[name])["usermeta"]
    assert set(axes) == {"accuracy, percent", "gain, percentage points"}
    for metric, part in frame.groupby("metric"):
        (title,) = (measure for measure in axes if measure.startswith(f"{metric}, "))
        reached = part[["value", "low", "high"]].to_numpy(float)
        wanted = [min(0, np.nanmin(reached)), max(0, np.nanmax(reached))]
        assert axes[title]["title"] == title and axes[title]["scale"]["domain"] == pytest.approx(wanted, abs=1e-4)
    gain = frame.loc[frame["metric"] == "gain", "panel"].iloc[0]
    dom = browser.opened(page, tmp_path / "profile", f"?{urlencode({f'chart-{name}.part': gain})}")
    (drawn,) = re.findall(rf'<details[^>]*id="chart-{name}".*?</details>', dom, re.S)
    chart = drawn.split("<script")[0]
    assert "gain, percentage points" in chart
    assert "accuracy, percent" not in chart and ">100<" not in chart


def test_a_reader_chooses_by_what_has_several_values(frames):
    for name, frame in frames.items():
        rows = interactive.records(frame)
        several = [field for field in interactive.CHOSEN[name] if len({row[field] for row in rows}) > 1]
        found = interactive.choices(name, frame)
        assert [choice["field"] for choice in found] == several
        assert {"network", "attack"} & {choice["name"] for choice in found}
        for choice in found:
            assert set(choice["values"]) == {row[choice["field"]] for row in rows}
            assert choice["first"] in (interactive.ALL, *choice["values"])
            assert interactive.ALL not in choice["values"]
    one = frames["sign"][frames["sign"]["model"] == "AlexNet"]
    assert [choice["name"] for choice in interactive.choices("sign", one)] == ["attack"]


def test_series_of_one_chart_differ_in_colour_and_keep_theirs(frames):
    for name, frame in frames.items():
        rows, apart = interactive.records(frame), interactive.APART.get(name)
        colours = interactive.colours(rows, apart)
        for value in {row[apart] for row in rows} if apart else {None}:
            here = {row["series"] for row in rows if not apart or row[apart] == value}
            assert len({colours[series] for series in here}) == min(len(here), len(interactive.COLOURS)), (name, value)
    two = [{"at": "a", "series": "x"}, {"at": "b", "series": "y"}, {"at": "b", "series": "x"}]
    assert interactive.colours(two, "at") == dict(zip("xy", interactive.COLOURS, strict=False))


MARKS = ".mark-symbol.role-mark path"


@pytest.mark.browser
def test_selects_choose_marks_and_the_address_keeps_them(frames, page, chromium):
    tab, said = chromium.new_page(), []
    tab.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: said.append(str(error)))

    def shown(name, **wanted):
        tab.wait_for_function("([at, n]) => document.querySelectorAll(at).length === n",
                              arg=[f"#chart-{name} {MARKS}", len(expected(name, frames[name], **wanted))])  # fmt: skip

    def field(name, called):
        return tab.locator(f"#chart-{name} label", has_text=called).locator("select")

    tab.goto(page.as_uri())
    for name, frame in frames.items():
        shown(name)
        for choice in interactive.choices(name, frame):
            for value in (interactive.ALL, choice["values"][-1], choice["first"]):
                if expected(name, frame, **{choice["field"]: value}):
                    field(name, choice["name"]).select_option(value)
                    shown(name, **{choice["field"]: value})
    assert "?" not in tab.url  # all as at first

    field("sign", "network").select_option("ResNet-18")
    field("sign", "attack").select_option("FGM")
    kept = {"chart-sign.network": ["ResNet-18"], "chart-sign.attack": ["FGM"]}
    assert parse_qs(urlsplit(tab.url).query) == kept
    tab.goto("about:blank")
    tab.goto(f"{page.as_uri()}?{urlencode(kept, doseq=True)}&chart-smooth.attack=nonsense")
    shown("sign", model="ResNet-18", series="FGM")
    shown("smooth")
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")  # drawn anew, and as it was
    tab.wait_for_timeout(300)
    shown("sign", model="ResNet-18", series="FGM")
    assert said == []


@pytest.mark.browser
def test_what_would_leave_nothing_cannot_be_chosen(page, frames, chromium):
    tab = chromium.new_page()
    tab.goto(page.as_uri())
    network = tab.locator("#chart-synthesis label", has_text="network").locator("select")
    tab.wait_for_selector(f"#chart-synthesis {MARKS}")
    open_to = network.locator("option:not(:disabled)").all_text_contents()
    mnist = frames["synthesis"].query("dataset == 'MNIST'")["model"]
    assert open_to == [interactive.ALL, *dict.fromkeys(mnist)]
    assert len(open_to) < 1 + frames["synthesis"]["model"].nunique()
    tab.goto(f"{page.as_uri()}?chart-synthesis.data+set=MNIST&chart-synthesis.network=ResNet-18")
    tab.get_by_text("The figure has nothing for this choice.").wait_for()


@pytest.mark.browser
def test_without_scripts_no_chart_is_offered(page, chromium):
    style = (STATIC / "book.css").read_text()
    tab = chromium.new_context(java_script_enabled=False).new_page()
    tab.set_content(f"<style>{style}</style>{page.read_text()}")
    assert not tab.locator("details.chart").first.is_visible()


def test_nothing_is_asked_of_another_host(frames):
    for name, frame in frames.items():
        text = interactive.chart(name, frame)
        assert "http" not in text
        kept = re.search(r'<script type="application/json">(.*)</script>', text, re.S)[1]
        apart = interactive.APART.get(name)
        told = {"apart": apart, "choices": interactive.choices(name, frame), "spec": interactive.spec(frame, apart)}
        assert json.loads(html.unescape(kept)) == json.loads(json.dumps(told))
