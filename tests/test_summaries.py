"""Every number on the written pages, computed a second time from the files; endings, digest, and lists of all."""

import re
import shlex
import tomllib
from collections import Counter, defaultdict
from functools import partial

import pandas as pd
import pytest
import yaml

from from_files import PERCENTAGES, closeness, files, measured, printed, same, size
from inputgrad.catalogue import datasets, models
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import ROOT
from inputgrad.record import results
from inputgrad.report import book, cells, claims, links, names, scales, summaries, tables
from inputgrad.report.markup import measured as measured_text
from inputgrad.study import CHAPTERS, STUDY
from inputgrad.trials.runner import Run
from recounts import agrees, runs


def written(cell, value):
    """A number of a cell as prose has it; of ours, points are no percent and have their sign."""
    percent = cell.place["unit"] in (PERCENTAGES if "raw" in cell.place else ("fraction", "percent"))
    if "raw" in cell.place:  # the paper's, as printed
        places = max(
            len(t.partition(".")[2]) for t in re.findall(r"\d+(?:\.\d+)?", cell.place["raw"]) if float(t) == value
        )
        return f"{value:.{places}f}" + "\u00a0%" * percent
    if cell.place["unit"] == "percentage_points":
        return ("−" if value < 0 else "+") + f"{abs(value):.1f}"
    return f"{value:.1f}\u00a0%" if percent else f"{value:.3g}"


def tokens(root):
    """Every token on a written page, and in the reasons of claims."""
    texts = [names.spelt_out(page.read_text(), page.name) for page in (root / "book").rglob("*.md")]
    texts += [claim.because for key in STUDY for claim in claims.load(key)]
    return sorted({(kind, text) for page in texts for kind, text in book.TOKEN.findall(page)})


@pytest.fixture(scope="module")
def sources():
    """What is measured and printed, by kind and key."""
    root = book.ROOT
    found = {("ours", key): measured(root, key) for key in (*STUDY, "synthesis")}
    return found | {("paper", key): printed(root, key) for key in STUDY}


def test_every_token_is_the_number_in_the_files(sources):
    checked = 0
    for kind, text in tokens(book.ROOT):
        if kind not in ("ours", "range", "paper"):
            continue
        key, *words = shlex.split(text)
        selector = dict(word.split("=", 1) for word in words)
        if kind != "paper":
            selector = {"reading": "default", **selector}
        fitting = [cell for cell in sources["paper" if kind == "paper" else "ours", key]
                   if all(same(c, cell.place.get(c, ""), v) for c, v in selector.items())
                   and ("table" in selector or kind == "paper" or cell.place["table"] != "")]  # fmt: skip
        (cell,) = fitting
        one = [cell.center] if len(cell.values) != 2 else cell.values
        wanted = [min(cell.values), max(cell.values)] if kind == "range" else one
        between = " to " if kind == "range" else " and "
        assert book.token(kind, text, "test") == between.join(written(cell, value) for value in wanted), text
        checked += 1
    assert checked > 100


def what(place):
    """The words by which the list of all numbers names a cell."""
    sizes = [f"eps {place['eps']}" if place["eps"] else "", f"{place['steps']} steps" if place["steps"] else ""]
    named = [place[c] for c in ("dataset", "model", "defense", "attack")]
    return ", ".join(word for word in (*named, *sizes, place["metric"]) if word not in ("", "none"))


@pytest.fixture(scope="module")
def beside(sources):
    """Every number of the papers' tables with ours, ``(key, paper's cell, our cell or None)``, from the files alone."""
    identity, out = ("table", "dataset", "model", "defense", "attack", "metric"), []
    for key in STUDY:
        by_place = defaultdict(list)
        for cell in sources["ours", key]:
            if cell.place["table"] and cell.place["reading"] == "default":
                by_place[(*(cell.place[c] for c in identity), size(cell.place["eps"]))].append(cell)
        for paper in sources["paper", key]:
            found = by_place[(*(paper.place[c] for c in identity), size(paper.place["eps"]))]
            found = [c for c in found if not paper.place["steps"] or c.place["steps"] == paper.place["steps"]]
            out.append((key, paper, found[0] if len(found) == 1 else None))
    return out


def every_number():
    """The lists of all papers' numbers as one."""
    return pd.concat([summaries.every_number(key).frame.assign(paper=key) for key in STUDY], ignore_index=True)


def every_claim(fill):
    """The lists of all claims as one, in which a claim is its number alone."""
    found = pd.concat([summaries.every_claim(key, fill).frame.assign(paper=key) for key in CHAPTERS], ignore_index=True)
    return found.assign(claim=found["claim"].str.extract(r"\[(.+)\]")[0])


def test_every_number_beside_the_papers_is_the_one_in_the_files(beside):
    frame = every_number()
    lines = {(line["paper"], line["table"], line["what"]): line for line in frame.to_dict("records")}
    assert len(lines) == len(frame) == len(beside)  # no two read alike
    for key, paper, ours in beside:
        line = lines[key, paper.place["table"], what(paper.place)]
        assert float(line["paper's"].replace("−", "-")) == paper.center, line
        if ours is None:
            assert (line["verdict"], line["ours"], line["difference"]) == ("not run", "–", "–"), line
            continue
        places = len(line["paper's"].partition(".")[2])
        agrees(line["ours"], runs(ours))
        assert all(len(n.partition(".")[2]) == places for n in re.findall(r"[\d.]+", line["ours"])), line
        difference = float(line["difference"].replace("−", "-"))
        assert difference == pytest.approx(ours.center - paper.center, abs=0.51 * 10**-places)
        assert line["verdict"] == closeness(ours, paper), line
    assert sum(ours is not None for *_, ours in beside) > 300


def test_the_counts_of_the_pages_are_those_of_the_lists():
    every, board = every_claim(str), claims.scoreboard()
    numbers, split = every_number(), summaries.by_profile().frame
    for row in board.to_dict("records"):
        here = every[(every["paper"] == row["paper"]) & (every["kind"] == "result")]
        assert {w: row[w] for w in claims.WORDS} == {w: int((here["verdict"] == w).sum()) for w in claims.WORDS}
        there = numbers[numbers["paper"] == row["paper"]]
        assert [row[f"{w} cells"] for w in cells.WORDS] == [int((there["verdict"] == w).sum()) for w in cells.WORDS]
        assert set(re.split(", | and ", row["scale"])) == {*here["scale"], *there["scale"]} - {"–"}
    for kind, words in (("claims", claims.WORDS), ("cells", cells.WORDS)):
        for word in words:
            assert split[f"{kind} {word}"].sum() == board[word if kind == "claims" else f"{word} cells"].sum()


def test_how_near_the_numbers_are_is_counted_from_the_files(beside):
    words = {key: Counter() for key in STUDY}
    for key, paper, ours in beside:
        words[key][closeness(ours, paper) if ours else "not run"] += 1
    for row in claims.scoreboard().to_dict("records"):
        assert {word: row[f"{word} cells"] for word in cells.WORDS} == {w: words[row["paper"]][w] for w in cells.WORDS}
    text = summaries.coverage().split(" Run at the full scale")[0]
    said = [int(n) for n in re.findall(r"\d+", text)]
    total = sum(words.values(), Counter())
    assert said == [len(beside), len(beside) - total["not run"]]


@pytest.mark.parametrize("profile", ["paper", "desk"])
def test_what_ran_at_a_scale_is_said(root, profile):
    for key in STUDY:
        trials = [trial for trial, _ in files(root, key)]
        full = defaultdict(set)
        for trial in trials:
            if trial["profile"] == profile:
                full[models.label(trial["model"])].add(datasets.label(trial["dataset"]))
        told = summaries.at_scale(key, profile)
        assert {n: set(re.split(", | and ", where)) for where, names in told.items() for n in names} == full
        assert all(
            f"`{key}` {summaries.listed(names)} on {where}" in summaries.coverage() for where, names in told.items()
        )


def test_what_is_listed_reads_well():
    assert summaries.listed([]) == "" and summaries.listed(["A"]) == "A"
    assert summaries.listed(["A", "B", "C"]) == "A, B and C"


@pytest.mark.parametrize("text", ["paper sign attack=FGMM metric=accuracy", "ours sign attack=FGMM metric=accuracy", "verdict sign", "count synthesis", "count sign",
                                  "ours sign metric", "verdict sign c99", "question nobody"])  # fmt: skip
def test_a_token_that_names_nothing_stops_the_build(text):
    with pytest.raises(InputError, match=r"page.md: \[\[.* names no number"):
        book.fill(f"[[{text}]]", "page.md")


def test_what_does_not_reproduce_says_why_or_that_nobody_knows():
    fill = partial(book.fill, where="claims")
    every = every_claim(fill)
    failed = every[every["verdict"] == "not reproduced"]
    reasons = {c.id: c.because for key in STUDY for c in claims.load(key)}
    assert len(failed)
    for row in failed.itertuples():
        assert row.why == (fill(reasons[row.claim]) if reasons[row.claim] else summaries.NO_REASON)
    assert not every["why"].str.contains("[[", regex=False).any()
    for key in STUDY:
        said = summaries.ending(key, fill)
        for claim in failed[(failed["paper"] == key) & (failed["kind"] == "result")]["claim"]:
            assert f"([{claim.split('.')[1]}](#{links.anchor(claim)}), " in said
        assert "**Cost:**" in said and "[[" not in said
    assert all(paper.title in summaries.digest(fill) for paper in STUDY.values())


@pytest.mark.parametrize("key", CHAPTERS)
def test_the_list_of_claims_folds_each_predicate_and_links_what_its_reasons_rest_on(key):
    fill = partial(book.fill, where="claims")
    shown = summaries.every_claim(key, fill).markdown()
    linked = sum(summaries.remark(v, fill).count("<sup class") for v in claims.verdicts(key))
    assert shown.count("<sup class") == linked
    assert shown.count("<details><summary>predicate</summary>") == len(claims.verdicts(key))
    assert "&lt;details" not in shown and "&lt;sup" not in shown


def test_a_table_of_claims_says_whose_they_are():
    captions = {kinds: tables.verdict_table("sign", lambda v, kinds=kinds: v.claim.kind in kinds).caption
                for kinds in (("result",), ("derived",), ("result", "derived"))}  # fmt: skip
    assert [caption.split(", each decided")[0] for caption in captions.values()] == [
        "The claims of Agarwal, Singh, Vatsa",
        "Our own statements (derived)",
        "The claims of Agarwal, Singh, Vatsa and our own statements (derived)",
    ]


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
        "3 trials stand behind the numbers shown. They took at least 4.0 hours on a machine ([how that is "
        "counted](#what-a-number-costs))."
    )
    monkeypatch.setattr(summaries.results, "recorded", lambda exhibit: [])
    assert summaries.cost("sign") == "Nothing is recorded yet."


def test_a_page_lists_the_claims_that_its_own_rows_decide():
    def listed(exhibit):
        return set(tables.verdicts(Run(exhibit, results.recorded(exhibit), computed=0, altered=False)).frame["claim"])

    assert "sign.c01" in listed("sign/adversarial") and "sign.c01" not in listed("sign/perceptibility")
    assert "sign.c11" in listed("sign/cooperative")  # not run yet: the page that would decide it
    assert "sign.c20c" in listed("sign/adversarial") and "sign.c20c" not in listed("sign/perceptibility")
    assert {"sign.d20", "sign.d21", "sign.d22"} <= listed("sign/labels")


def test_counts_in_words_leave_out_what_is_none(beside):
    words = Counter(closeness(ours, paper) if ours else "not run" for key, paper, ours in beside if key == "selfgrad")
    said = book.token("count", "selfgrad cells in words", "test").replace(" and ", ", ").split(", ")
    assert said == [f"{words[word]} {word}" for word in cells.WORDS if words[word]]
    places = Counter((d["exhibit"], d["dataset"], d["model"]) for key in (*STUDY, "synthesis")
                     for d, _ in files(book.ROOT, key) if d["profile"] == "quick")  # fmt: skip
    assert summaries.alone() == (len(places), sum(n == 1 for n in places.values()))


def test_what_of_imagenette_an_encoder_has_learned_is_counted_from_a_file(monkeypatch, tmp_path):
    lines = (ROOT / "data" / "imagenette.txt").read_text().splitlines()
    assert len(lines) == 134 and lines == sorted(set(lines))
    assert [book.token("count", f"imagenette {word}", "test") for word in ("learned", "test")] == ["3,791", "3,925"]
    monkeypatch.setattr(summaries, "IMAGENETTE", tmp_path / "imagenette.txt")
    for text, said in (
        ("n01440764_10026\n", "has 'n01440764_10026', which is no name of"),
        (2 * f"{lines[0]}\n", lines[0]),
    ):
        (tmp_path / "imagenette.txt").write_text(text)
        with pytest.raises(InputError, match=said):
            summaries.imagenette()


def test_two_runs_are_two_numbers():
    cell = {"ours": 70.0, "spread": 5.0, "runs": (75.0, 65.0)}
    assert [measured_text({**cell, "seeds": n}) for n in (1, 2, 3)] == ["70.0", "75.0 and 65.0", "70.0 ± 5.0"]


def test_what_a_larger_scale_changes_is_counted_from_the_files():
    """A claim that rests on one scale alone has that verdict there; numbers are paired place by place."""
    words = scales.words_at("sign")
    alone = {v.claim.id: v.word for v in claims.verdicts("sign")
             if v.claim.id in words and set(v.rows["profile"]) == {"paper"}}  # fmt: skip
    assert alone and alone == {name: words[name]["paper"] for name in alone}
    columns = ("table", "dataset", "model", "defense", "attack", "metric")
    ours = [defaultdict(list), defaultdict(list)]
    for found, profile in zip(ours, ("quick", "paper"), strict=True):
        for cell in measured(book.ROOT, "sign", profile):
            if cell.place["reading"] == "default":
                found[tuple(cell.place[c] for c in columns)].append(cell)
    nearer = Counter()
    for theirs in printed(book.ROOT, "sign"):
        there = [found[tuple(theirs.place[c] for c in columns)] for found in ours]
        far = [
            abs(c.center - theirs.center)
            for cells in there
            for c in cells
            if same("eps", c.place["eps"], theirs.place["eps"])
        ]
        if len(far) == 2:
            nearer["all"] += 1
            nearer["paper" if far[1] < far[0] else "quick"] += far[1] != far[0]
    assert ("quick", "paper", [nearer["quick"], nearer["paper"], nearer["all"]]) in list(scales.nearer("sign"))


def test_a_scale_that_lacks_a_part_of_a_claims_rows_does_not_judge_it():
    """As ``sign.d05``, one of whose ResNets the paper's own scale lacks."""
    (claim,) = (c for c in claims.load("sign") if c.id == "sign.d05")

    def verdict(word, *models):
        blank = dict.fromkeys(cells.IDENTITY, "")
        return claims.Verdict(claim, word, None, "", None, pd.DataFrame([{**blank, "model": m} for m in models]))

    both, one, other = verdict("partly", "a", "b"), verdict("reproduced", "a"), verdict("reproduced", "b", "c")
    assert scales.whole({"quick": both, "paper": one}) == {"quick": "partly"}
    assert scales.whole({"quick": both, "desk": one, "paper": both}) == {"quick": "partly", "paper": "partly"}
    assert scales.whole({"quick": both, "paper": other}) == {}
    rows = {p: claims.judge("sign", claim, scales.ours_at("sign", p)).rows for p in ("quick", "paper")}
    there = {p: set(zip(found["dataset"], found["model"], strict=True)) for p, found in rows.items()}
    assert ("F-MNIST", "ResNet-18") in there["quick"] - there["paper"]
    assert "sign.d05" not in scales.words_at("sign") and "sign.c04" in scales.words_at("sign")


def test_the_study_is_cited_as_its_citation_file_says():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    bibtex = summaries.citation()
    assert bibtex.startswith("```bibtex\n@software{") and bibtex.endswith("}\n```\n")
    assert f"  version = {{{said['version']}}}," in bibtex and f"{{{{{said['title']}}}}}" in bibtex
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == said["version"]
    assert (ROOT / "CHANGELOG.md").read_text().split("## ")[1].split()[0] == said["version"]
