"""The script of the book's tables in Chromium: CSV of the rows shown, filters in the address, folds that open."""

from urllib.parse import urlencode

import pandas as pd
import pytest

import browser
from inputgrad.ground.paths import ROOT
from inputgrad.report.markup import Table

FRAME = pd.DataFrame(
    [{"set": s, "A: paper": f"−{n}.5", "A: ours": 'say "x", y', "B: ours": n} for s in ("one", "two") for n in (1, 2)]
)
REPORT = """
addEventListener("load", () => {
  const said = document.createElement("pre");
  const shown = document.getElementById("inside");
  said.textContent = [csv(document.querySelector("table")), shown.closest("details").open, location.search].join("|");
  document.body.append(said);
  document.querySelectorAll("select, input").forEach((field) => {
    if (field.tagName !== "SELECT") return;
    field.value = "two";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  said.append("|" + location.search + location.hash + "|" + csv(document.querySelector("table")));
});
"""


@pytest.fixture
def said(tmp_path):
    """What the script of a page with one table in a fold says of it, opened at an address."""

    def of(address):
        script = (ROOT / "book" / "_static" / "sort.js").read_text(encoding="utf-8")
        table = Table(FRAME, "c")._repr_html_().replace('class="sortable"', 'class="sortable filterable" id="tab"')
        page = tmp_path / "page.html"
        page.write_text(f"<meta charset=utf-8><details>{table}<p id=inside></p></details><script>{script}{REPORT}</script>",
                        encoding="utf-8")  # fmt: skip
        dom = browser.opened(page, tmp_path / "profile", address)
        return dom.split("<pre>")[1].split("</pre>")[0].replace("&amp;", "&").split("|")

    return of


@browser.needed
def test_a_table_is_saved_as_it_stands_and_its_filters_stand_in_the_address(said):
    before, fold, search, after, chosen = said("")
    head = "set,A: paper,A: ours,B: ours"
    lines = [f'{s},-{n}.5,"say ""x"", y",{n}' for s in ("one", "two") for n in (1, 2)]
    assert before.split() == "\n".join([head, *lines]).split()
    assert (fold, search, after) == ("false", "", "?tab.set=two")
    assert chosen.split() == "\n".join([head, *lines[2:]]).split()


@browser.needed
def test_an_address_chooses_rows_and_opens_folds(said):
    before, fold, search, after, _ = said("?" + urlencode({"tab.set": "one", "tab.words": "1"}) + "#inside")
    assert "two" not in before and before.count("one,") == 1
    assert (fold, search) == ("true", "?tab.set=one&tab.words=1")
    assert after == "?tab.set=two&tab.words=1#inside"
    before, fold, *_ = said("?" + urlencode({"tab.set": "three"}))  # no such value: all rows
    assert before.count("one,") == before.count("two,") == 2


WIDE = pd.DataFrame(
    [{"claim": "c01", "A: paper": "1", "A: diff.": "0", "A: verdict": "close", "B: ours, other": "x" * 200}]
)
COLUMNS = """
addEventListener("load", () => {
  const seen = () => [...document.querySelectorAll("th, .groups td")].filter((c) => !c.hidden)
    .map((c) => c.textContent + (c.colSpan > 1 ? c.colSpan : "")).join(",");
  const said = document.createElement("pre"), button = document.querySelector("button.columns");
  const told = button.textContent + "|" + seen() + "|" + csv(document.querySelector("table")).split("\\r")[0];
  button.click();
  said.textContent = told + "|" + button.textContent + "|" + seen();
  document.body.append(said);
});
"""


@browser.needed
def test_a_table_too_wide_leaves_out_columns_that_can_wait(tmp_path):
    script = (ROOT / "book" / "_static" / "sort.js").read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(
        f"<meta charset=utf-8><style>.scroll {{ width: 200px; overflow: auto }}</style>{Table(WIDE)._repr_html_()}"
        f"<script>{script}{COLUMNS}</script>", encoding="utf-8",
    )  # fmt: skip
    dom = browser.opened(page, tmp_path / "profile", "")
    told = dom.split("<pre>")[1].split("</pre>")[0].split("|")
    assert told == ["2 more columns", ",A2,claim,paper,verdict", "claim,A: paper,A: diff.,A: verdict,\"B: ours, other\"",
                    "fewer columns", ",A3,B,claim,paper,diff.,verdict,ours, other"]  # fmt: skip
