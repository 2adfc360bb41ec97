import re

import numpy as np
import pandas as pd
import pytest

from inputgrad.ground.checks import InputError
from inputgrad.report import cells, claims
from inputgrad.report.claims import Claim, judge
from inputgrad.report.predicates import FUNCTIONS, Vector
from inputgrad.study import STUDY
from taken_away import without_effect

CELL = {"exhibit": "sign/adversarial", "profile": "quick", "table": "1", "dataset": "CIFAR-10", "model": "AlexNet", "defense": "none",
        "arm": "none", "maker": "", "variant": "", "attack": "none", "eps": "0.0", "parameter": "", "steps": 0, "reading": "default", "metric": "accuracy", "value": 60.0, "spread": float("nan"),
        "low": 58.0, "high": 62.0, "runs": (60.0,), "least": 60.0, "most": 60.0, "seeds": 1, "images": 100}  # fmt: skip


def ours(*changes):
    return pd.DataFrame([{**CELL, **change} for change in changes])


@pytest.mark.parametrize("key", STUDY)
def test_each_claim_holds_on_the_papers_own_numbers_as_expected(key):
    for claim in claims.load(key):
        if claim.holds_on_paper is not None:
            assert claims.holds_on_paper(key, claim) == claim.holds_on_paper, claim.id


def test_the_papers_slips_are_the_known_ones():
    slips = [c.id for key in STUDY for c in claims.load(key) if c.holds_on_paper is False]
    assert slips == ["sign.c08", "sign.c27", "selfgrad.c05"]


@pytest.mark.parametrize("key", STUDY)
def test_the_papers_own_tables_reproduce_themselves(key):
    """Every exact predicate that holds on the paper holds when the paper's cells are handed in as ours."""
    paper = cells.of_paper(key).assign(profile="paper", exhibit=key, seeds=1)
    paper = paper.assign(**dict.fromkeys(("least", "most", "low", "high"), paper["value"]))
    for claim in claims.load(key):
        if claim.holds_on_paper:
            word = "says little" if claim.says_little else "reproduced"
            assert judge(key, claim, paper).word == word, claim.id


def test_transcription_counts():
    assert {k: len(cells.of_paper(k)) for k in STUDY} == {
        "sign": 250,
        "convex": 216,
        "smooth": 80,
        "selfgrad": 124,
        "butterfly": 312,
    }


@pytest.mark.parametrize("key", STUDY)
def test_transcribed_values_are_the_printed_ones(key):
    for cell in cells.of_paper(key).to_dict("records"):
        digits = "".join(
            c for c in cell["raw"].split("/")[0 if len(cell["raw"].split("/")) == 1 else -1] if c in "0123456789."
        )
        if cell["raw"].replace(".", "", 1).isdigit():
            assert float(digits) == pytest.approx(cell["value"]), cell


def test_what_the_page_on_reading_lists_as_laxer_or_rewritten_is_marked_as_hindsight(root):
    text = (root / "book" / "how-to-read.md").read_text()
    listed = re.findall(r"`(?:(\w+)\.)?(d\d+)`", "".join(re.findall(r"- \*\*(?:Laxer|Rewritten).*", text)))
    at, known = "", {c.id: c for key in STUDY for c in claims.load(key)}
    for paper, name in listed:
        at = paper or at
        assert known[f"{at}.{name}"].hindsight, f"{at}.{name}"
    assert len(listed) > 10 and not known["sign.d46"].hindsight


@pytest.mark.parametrize(
    ("paper", "mine", "low", "high", "word"),
    [
        (50, 53, 52, 54, "close"),
        (50, 53.1, 52, 54, "near"),
        (50, 55, 49, 61, "inside"),
        (50, 70, 40, 80, "apart"),
        (50, 58, 40, 80, "inside"),
        (50, 60, 58, 62, "near"),
        (50, 60.1, 58, 62, "apart"),
    ],
)
def test_cell_words_at_inside_and_outside_the_tolerance(paper, mine, low, high, word):
    assert cells.word_for(paper, {"value": mine, "new_low": low, "new_high": high}) == word


@pytest.mark.parametrize(
    ("mine", "word"), [(0.036, "close"), (0.0395, "close"), (0.0325, "close"), (0.046, "near"), (0.05, "apart")]
)
def test_a_distance_is_close_within_a_tenth_of_the_papers(mine, word):
    cell = {"value": mine, "new_low": np.nan, "new_high": np.nan}
    assert cells.word_for(0.036, cell, "ratio") == word
    assert cells.word_for(0.036, cell, "percent") == "close"  # as a percentage all of these are


@pytest.mark.parametrize(
    ("paper", "mine", "idle", "word"),
    [
        (50, 52, 80, "close"),
        (78, 76, 80, "says little"),  # the images as they are would be as close
        (2, 0, 80, "says little"),  # so would zero
        (2, 0, np.nan, "close"),  # not attacked: nothing was done to begin with
        (2, 20, 80, "apart"),  # a miss says something wherever it is
    ],
)
def test_a_cell_that_no_step_or_zero_would_match_says_little(paper, mine, idle, word):
    assert cells.word_for(paper, {"value": mine, "new_low": np.nan, "new_high": np.nan}, "percent", idle) == word


def test_intervals_of_shares_stay_within_all_images_and_one_more_network_is_wider():
    rows = [{**CELL, "seed": n, "value": v, "count": None, "total": 100, "unit": "fraction"} for n, v in
            enumerate((0.90, 0.99, 1.0))]  # fmt: skip
    cell = cells.join_seeds(pd.DataFrame(rows)).iloc[0]
    half = 4.3026527 * np.std([90, 99, 100], ddof=1)
    assert (cell["low"], cell["high"]) == (pytest.approx(289 / 3 - half / 3**0.5), 100.0)
    assert cell["new_low"] == pytest.approx(289 / 3 - half * (4 / 3) ** 0.5) and cell["new_high"] == 100.0
    assert cells.join_seeds(pd.DataFrame(rows[:2])).iloc[0][["new_low", "new_high"]].isna().all()


CLAIM = {
    "id": "x.c01",
    "source": "Table 1",
    "kind": "result",
    "text": "t",
    "vars": {"n": {"table": "1", "dataset": "CIFAR-10", "attack": "none"}},
}


@pytest.mark.parametrize(
    ("exact", "weak", "word"),
    [("abs(n-62.9)<=tol", "n>50", "reproduced"), ("abs(n-63.1)<=tol", "n>50", "partly"), ("abs(n-60)<=tol", "n>90", "not reproduced"),
     (None, "n>50", "reproduced"), (None, "n>90", "not reproduced"), ("n>90", None, "not reproduced"), ("n>50", None, "reproduced")],
)  # fmt: skip
def test_verdict_words(exact, weak, word):
    assert judge("sign", Claim(**CLAIM, exact=exact, weak=weak), ours({})).word == word


def test_a_claim_without_rows_is_not_run():
    claim = Claim(**{**CLAIM, "vars": {"n": {"dataset": "SVHN"}}}, exact=None, weak="n>1")
    verdict = judge("sign", claim, ours({}))
    assert (verdict.word, verdict.profile) == ("not run", None)
    assert "SVHN" in verdict.reason


@pytest.mark.parametrize(("exact", "word"), [("n>50", "holds in print"), ("n<50", "fails in print")])
def test_a_claim_about_the_papers_own_tables_needs_none_of_ours(exact, word):
    printed = {"table": "1", "dataset": "CIFAR-10", "model": "AlexNet", "attack": "none", "metric": "accuracy"}
    claim = Claim(**{**CLAIM, "kind": "internal", "vars": {"n": printed}}, exact=exact, weak=None)
    verdict = judge("sign", claim, ours({"dataset": "MNIST"}))
    assert (verdict.word, verdict.reason) == (word, "decided on the paper's own numbers")
    assert judge("sign", claim, ours({"value": 60.0})).word == ("reproduced" if exact == "n>50" else "not reproduced")


TWO = {"table": "1", "attack": "none", "dataset": ["CIFAR-10", "MNIST"], "over": "dataset"}


def test_a_list_needs_every_value():
    claim = Claim(**{**CLAIM, "vars": {"n": TWO}}, exact=None, weak="max(n)>1")
    assert judge("sign", claim, ours({})).word == "not run"
    assert judge("sign", claim, ours({}, {"dataset": "MNIST"})).word == "reproduced"


def test_a_list_needs_every_value_under_what_is_selected_after_it():
    selector = {"table": "1", "dataset": ["CIFAR-10", "MNIST"], "over": "dataset", "eps": "0.30", "attack": "FGM"}
    claim = Claim(**{**CLAIM, "vars": {"n": selector}}, exact=None, weak="max(n)>1")
    there = [{"eps": "0.30", "attack": "FGM"}, {"eps": "0.30", "dataset": "MNIST", "attack": "FGSM"}]
    assert judge("sign", claim, ours(*there)).word == "not run"
    assert judge("sign", claim, ours(*there, {**there[1], "attack": "FGM"})).word == "reproduced"


def test_ours_must_reach_everywhere_the_papers_vector_does():
    selector = {"table": "1", "dataset": "CIFAR-10", "attack": "FGM", "over": "eps"}
    claim = Claim(**{**CLAIM, "vars": {"n": selector}}, exact=None, weak="len(n)==6")
    at = [{"attack": "FGM", "eps": e} for e in ("0.05", "0.10", "0.15", "0.20", "0.25", "0.30")]
    assert judge("sign", claim, ours(*at[:5])).reason == "no recorded rows for 0.3"
    assert judge("sign", claim, ours(*at)).word == "reproduced"


def test_a_predicate_may_hold_ours_against_what_is_printed():
    at = {"table": "1", "dataset": "CIFAR-10", "model": "AlexNet", "attack": "none", "eps": "0.0", "metric": "accuracy"}
    claim = Claim(**{**CLAIM, "vars": {"n": at, "p": {**at, "of": "printed"}}}, exact=None, weak="n==60 and p==63.54")
    assert judge("sign", claim, ours({})).word == "reproduced"


def test_the_profile_of_a_verdict_is_the_smallest_behind_it():
    claim = Claim(**{**CLAIM, "vars": {"n": TWO}}, exact=None, weak="max(n)>1")
    assert judge("sign", claim, ours({"profile": "paper"}, {"dataset": "MNIST"})).profile == "quick"


def test_rows_outside_the_papers_tables_decide_nothing():
    assert judge("sign", Claim(**CLAIM, exact=None, weak="n>50"), ours({"table": ""})).word == "not run"


def test_rows_outside_the_papers_tables_decide_where_a_selector_asks_for_them():
    claim = Claim(**{**CLAIM, "vars": {"n": {"table": "", "attack": "none"}}}, exact=None, weak="n>50")
    assert judge("sign", claim, ours({"table": ""})).word == "reproduced"
    assert judge("sign", claim, ours({})).word == "not run"


def test_other_readings_decide_only_when_asked():
    alternative = ours({"reading": "edit=all", "value": 10.0})
    assert judge("sign", Claim(**CLAIM, exact=None, weak="n>50"), alternative).word == "not run"
    asked = Claim(**{**CLAIM, "vars": {"n": {"attack": "none", "reading": "edit=all"}}}, exact=None, weak="n==10")
    assert judge("sign", asked, alternative).word == "reproduced"


def test_a_selector_takes_the_extremes_and_the_number_of_runs():
    cell = ours({"least": 55.0, "most": 65.0, "seeds": 2})
    for number, value in (("least", 55), ("most", 65), ("low", 58), ("high", 62), ("seeds", 2), ("value", 60)):
        claim = Claim(
            **{**CLAIM, "vars": {"n": {"dataset": "CIFAR-10", "table": "1", "attack": "none", "of": number}}},
            exact=None,
            weak=f"n=={value}",
        )
        assert judge("sign", claim, cell).word == "reproduced", number


def test_a_statement_of_ours_gets_no_tolerance():
    for kind, word in (("result", "reproduced"), ("derived", "not reproduced")):
        assert judge("sign", Claim(**{**CLAIM, "kind": kind}, exact="n>=62-tol", weak=None), ours({})).word == word


def test_a_predicate_that_says_little_is_never_counted_as_reproduced():
    claim = Claim(**CLAIM, exact=None, weak="n>50", says_little="it always does")
    assert judge("sign", claim, ours({})).word == "says little"
    assert judge("sign", claim, ours({})).reason == "it always does"
    assert judge("sign", claim, ours({"value": 40.0})).word == "not reproduced"


@pytest.mark.parametrize(
    ("weak", "row", "word"),
    [
        ("n>60", {}, "reproduced"),  # 61 to 65 are all above
        ("n>62", {}, "undecided"),  # so are some of them
        ("n>64", {}, "undecided"),  # the number fails, the upper end would not
        ("n>66", {}, "not reproduced"),
        ("n>62", {"low": np.nan, "high": np.nan}, "reproduced"),  # no interval: the number alone
    ],
)
def test_where_the_interval_leaves_both_answers_open_a_claim_is_undecided(weak, row, word):
    cell = ours({"value": 63.0, "low": 61.0, "high": 65.0, **row})
    verdict = judge("sign", Claim(**CLAIM, exact=None, weak=weak, by_intervals=True), cell)
    assert (verdict.word, bool(verdict.reason)) == (word, word == "undecided")
    assert judge("sign", Claim(**CLAIM, exact=None, weak=weak), cell).word != "undecided"


def test_two_networks_are_apart_only_where_their_intervals_do_not_meet():
    both = {"n": CLAIM["vars"]["n"], "m": {**CLAIM["vars"]["n"], "dataset": "MNIST"}}
    claim = Claim(**{**CLAIM, "vars": both}, exact=None, weak="n>m", by_intervals=True)
    for high, word in ((60.9, "reproduced"), (61.1, "undecided")):
        cells = ours({"value": 63.0, "low": 61.0, "high": 65.0},
                     {"dataset": "MNIST", "value": 59.0, "low": 57.0, "high": high})  # fmt: skip
        assert judge("sign", claim, cells).word == word


def test_what_holds_without_the_effect_says_little_and_is_not_undecided():
    cell = ours({"value": 63.0, "low": 61.0, "high": 65.0})
    claim = Claim(**CLAIM, exact=None, weak="n>62", by_intervals=True, says_little="it always does")
    assert judge("sign", claim, cell).word == "says little"


def test_the_effect_is_taken_away_place_by_place():
    two = Vector([("MNIST", 0.1), ("MNIST", 0.2), ("F-MNIST", 0.1)], [1.0, 2.0, 3.0])
    values = {"f": two, "n": Vector(["F-MNIST", "MNIST"], [80.0, 90.0]), "g": 5.0}
    claim = Claim(
        **{**CLAIM, "vars": dict.fromkeys("fng", {})}, exact=None, weak="max(f)>0", removed={"f": "n", "g": 7}
    )
    gone = without_effect(claim, values)
    assert (gone["f"].values, gone["g"], gone["n"]) == ([90.0, 90.0, 80.0], 7, values["n"])
    with pytest.raises(InputError, match="claim x.c01: removed: the control has no value that stands for"):
        without_effect(claim, {**values, "n": Vector(["SVHN"], [1.0])})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"vars": {"n": {"datset": "MNIST"}}, "exact": "n>1"}, "claim x.c01: n selects by datset, which is no column"),
        ({"exact": "m>1"}, "claim x.c01: m is neither a variable nor a function"),
        ({"exact": "open('x')"}, "claim x.c01: open is neither a variable nor a function"),
        ({"exact": "n>"}, "claim x.c01: 'n>' is no expression"),
        ({"vars": {"n": {"of": "middle"}}, "exact": "n>1"}, "claim x.c01: number of n 'middle' is unknown"),
        ({"exact": "n>1", "removed": {"n": "m"}}, "claim x.c01: variable of removed 'm' is unknown"),
        ({"exact": None}, "claim x.c01: has variables and no predicate"),
    ],
)
def test_a_name_that_does_not_exist_fails_at_load(changes, sentence):
    with pytest.raises(InputError, match=sentence):
        Claim(**{**CLAIM, "weak": None, **changes})


def test_an_ambiguous_selector_is_an_error():
    with pytest.raises(InputError, match="fits 2 rows, expected 1"):
        judge("sign", Claim(**CLAIM, exact=None, weak="n>1"), ours({}, {"model": "ResNet-18"}))


def test_functions_worked_by_hand():
    f = FUNCTIONS
    x = Vector([0.05, 0.1, 0.2], [9.0, 4.0, 1.0])
    assert f["lt"]([1, 2], [2, 3]) and not f["lt"]([1, 3], [2, 3])
    assert f["le"]([1, 3.4], [2, 3], 0.5) and not f["le"]([1, 3.6], [2, 3], 0.5)
    assert f["sub"]([3, 1], [1, 2]) == [2, -1]
    assert f["absd"]([3, 1], [1, 2]) == [2, 1]
    assert f["frac_lt"]([1, 5], [2, 3]) == 0.5
    assert f["frac_le"]([1, 5], [2, 3], 2) == 1
    assert f["at"](x, 0.1) == 4
    assert f["argmin"](x) == 0.2
    assert f["first_below"](x, 4.5) == 0.1 and f["first_below"](x, 0) == np.inf
    assert f["first_reach"](Vector([1, 2, 3], [4.0, 9.0, 8.0]), 8) == 2 and f["first_reach"](x, 10) == np.inf
    assert f["settled_after"](Vector([1, 2, 3, 4], [9.0, 1.0, 3.0, 1.0])) == 3
    assert f["settled_after"](Vector([1, 2, 3], [5.0, 5.0, 5.0])) == -np.inf
    assert f["nonincreasing"](x) and not f["nonincreasing"]([1, 2]) and f["nonincreasing"]([1, 1.5], 0.5)
    assert f["overtakes"]([0, 1, 2, 5, 9], [0, 2, 4, 5, 6]) and f["overtakes"]([1, 9], [2, 8])
    for never in ([1, 5], [3, 5], [1, 9, 1, 9], [3, 1, 9], [2, 8]):
        assert not f["overtakes"](never, [2, 8, 2, 8][: len(never)])
    assert f["ptrue_ok"](0.9, 0.88, 10) and not f["ptrue_ok"](0.9, 0.05, 10) and not f["ptrue_ok"](0.5, 0.9, 10)
    low, high = (f[name](Vector([1.0], [50.0]), 100) for name in ("wilson_low", "wilson_high"))
    assert low.keys == high.keys == [1.0] and (low[0], high[0]) == pytest.approx((40.383, 59.617), abs=1e-3)
    assert f["spearman"]([1, 2, 3], [10, 20, 15]) == pytest.approx(0.5)
    with pytest.raises(ValueError):
        f["lt"]([1], [1, 2])


def test_where_half_are_fooled_is_read_between_two_sizes():
    keys = [(who, size) for who in ("a", "b", "c") for size in (1.0, 2.0, 4.0)]
    fooled = Vector(keys, [0.0, 40.0, 60.0, 50.0, 20.0, 90.0, 10.0, 30.0, 49.0])
    found = FUNCTIONS["reached"](fooled, Vector(keys, [1.0, 2.0, 4.0] * 3), 50)
    assert found.keys == [("a",), ("b",), ("c",)]
    assert found.values[:2] == pytest.approx([3.0, 1.0]) and np.isnan(found.values[2])


def test_eps_are_compared_as_numbers():
    assert cells.eps_number("0.30") == cells.eps_number("0.3") == cells.eps_number("3/10")
    table = pd.DataFrame({"eps": ["0.30", "8/255", ""]})
    assert cells.matching(table, "eps", "0.3").tolist() == [True, False, False]
    assert cells.matching(table, "eps", "").tolist() == [False, False, True]


def test_intervals():
    low, high = cells.interval([50], [50], [100])
    assert (low, high) == pytest.approx((40.4, 59.6), abs=0.1)  # Wilson
    low, high = cells.interval([10, 12, 14], [1, 1, 1], [10, 10, 10])
    assert (low, high) == pytest.approx((12 - 4.303 * 2 / 3**0.5, 12 + 4.303 * 2 / 3**0.5), abs=0.01)  # Student
    assert all(np.isnan(cells.interval([1.0], [float("nan")], [5])))
    assert all(np.isnan(cells.interval([1.0, 2.0], [1, float("nan")], [5, 5])))
    assert cells.interval([14, 10, 12], [1, 1, 1], [10, 10, 10], "median") == (10, 14)
    one = cells.interval([50], [50], [100])
    assert cells.interval([50, 50, 50], [50, 50, 50], [100, 100, 100]) == one  # runs in which nothing is drawn
    assert cells.interval([50, 50, 50], [50, 50, 50], [100, 100, 100], "median") == one
    assert cells.interval([10, 12], [1, 1], [10, 10], "median") == cells.interval([10, 12], [1, 1], [10, 10])


def test_two_runs_are_not_one_sample():
    """By hand: with z² = 3.8415, 5 of 10 give (0.2366, 0.7634) and 9 of 10 (0.5958, 0.9821); 14 of 20 no part of it."""
    five, nine = (100 * (5 + 3.8415 / 2 - 1.95996 * (2.5 + 3.8415 / 4) ** 0.5) / 13.8415,
                  100 * (9 + 3.8415 / 2 + 1.95996 * (0.9 + 3.8415 / 4) ** 0.5) / 13.8415)  # fmt: skip
    assert (five, nine) == pytest.approx((23.66, 98.21), abs=0.01)
    assert cells.interval([50, 90], [5, 9], [10, 10]) == pytest.approx((five, nine), abs=1e-3)
    assert cells.interval([90, 50], [9, 5], [10, 10]) == cells.interval([50, 90], [5, 9], [10, 10])


def test_two_runs_that_bring_their_own_intervals_keep_both():
    rows = [{**CELL, "metric": f"gain{end}", "seed": seed, "value": value, "count": None, "total": 100, "unit": "loss"}
            for seed, found in enumerate(((1.0, 2.0, 3.0), (5.0, 4.0, 6.0)))
            for end, value in zip(("_low", "", "_high"), found, strict=True)]  # fmt: skip
    (cell,) = cells.join_seeds(pd.DataFrame(rows)).query("metric == 'gain'").to_dict("records")
    assert (cell["value"], cell["low"], cell["high"]) == (3.0, 1.0, 6.0)


def test_seeds_are_joined_to_cells():
    row = {k: CELL[k] for k in (*cells.IDENTITY, *cells.PARTS)} | {
        "exhibit": "e",
        "profile": "quick",
        "unit": "fraction",
        "total": 10,
    }
    rows = pd.DataFrame([{**row, "value": v, "count": 10 * v, "seed": i} for i, v in enumerate((0.5, 0.7))])
    cell = cells.join_seeds(rows).iloc[0]
    assert (cell["value"], cell["seeds"]) == (60, 2)
    assert cell["spread"] == pytest.approx(14.14, abs=0.01)


def test_comparison_matches_by_number_and_reports_what_is_missing():
    paper = cells.of_paper("sign")
    compared = cells.compare(paper, ours({"value": 62.0, "eps": "0"}))
    assert compared.loc[compared["word"] != "not run", "ours"].tolist() == [62.0]
    assert len(compared) == len(paper)


@pytest.mark.parametrize(("count", "total"), [(0, 10), (3, 10), (10, 10), (517, 1000)])
def test_wilson_is_scipys(count, total):
    from scipy import stats

    ci = stats.binomtest(count, total).proportion_ci(method="wilson")
    assert cells.wilson(count, total) == pytest.approx((100 * ci.low, 100 * ci.high), abs=1e-9)


@pytest.mark.parametrize("n", [40, 100])
def test_shares_whose_intervals_do_not_meet_differ_however_their_images_are_paired(n):
    """The least favourable pairing of b > a has as many images as can be that are right only once, either way."""
    intervals = [cells.wilson(count, n) for count in range(n + 1)]
    apart = [(a, b) for a in range(n + 1) for b in range(a + 1, n + 1) if intervals[b][0] > intervals[a][1]]
    assert len(apart) > 400
    for a, b in apart:
        gained = min(b, n - a)
        lost = gained - (b - a)
        deviation = np.sqrt(gained + lost - (b - a) ** 2 / n)
        assert b - a > 1.96 * deviation
