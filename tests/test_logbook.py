"""Claims for machines say what the pages say."""

import json
from collections import Counter

import pandas as pd
import pytest

from inputgrad.report import claims, links, logbook, summaries
from inputgrad.study import STUDY

KEY = "smooth"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of the study with one paper in it, by name."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("STUDY", "CHAPTERS"):
            patch.setattr(logbook, name, {KEY: STUDY[KEY]})
        paths = logbook.write(tmp_path_factory.mktemp("logbook"), str)
    return {path.stem: json.loads(path.read_text()) for path in paths}


def test_every_verdict_has_a_word():
    assert set(logbook.DECIDED) == {*claims.WORDS, *claims.IN_PRINT.values()}
    assert {*logbook.DECIDED.values(), "toy"} == set(logbook.WORDS) == set(logbook.MEANING)


@pytest.mark.parametrize("verdict, profile, word", [
    ("reproduced", "paper", "verified"), ("reproduced", "desk", "verified"), ("reproduced", "quick", "toy"),
    ("not reproduced", "paper", "falsified"), ("not reproduced", "quick", "toy"), ("partly", "quick", "inconclusive"),
    ("partly", "paper", "inconclusive"), ("says little", "quick", "inconclusive"), ("not run", None, "inconclusive"),
    ("holds in print", None, "verified"), ("fails in print", None, "falsified"),
])  # fmt: skip
def test_the_word_follows_verdict_and_scale(verdict, profile, word):
    claim = claims.load(KEY)[0]
    assert logbook.word(claims.Verdict(claim, verdict, profile, "", None, pd.DataFrame())) == word


def test_every_claim_is_there_with_what_decides_it(written):
    entries = written["claims"]["papers"][KEY]
    verdicts = claims.verdicts(KEY)
    assert [e["id"] for e in entries] == [v.claim.id for v in verdicts]
    listed = summaries.every_claim(KEY, str).markdown()
    for e, v in zip(entries, verdicts, strict=True):
        assert (e["our_verdict"], e["profile"], e["exact"], e["weak"]) == (
            v.word,
            v.profile,
            v.claim.exact,
            v.claim.weak,
        )
        assert len(e["rows"]) == len(v.rows)
        assert f"{{#{e['links']['claim'].split('#')[1]}}}" in listed
        assert e["links"]["claim"].startswith(links.LIST)
        for row, value, unit in zip(e["rows"], v.rows.get("value", []), v.rows.get("unit", []), strict=True):
            told = dict(zip(written["claims"]["columns"], row, strict=True))
            assert told["value"] == pytest.approx(value)
            assert told["unit"] == {"fraction": "percent"}.get(unit, unit)


def test_a_papers_logbook_counts_its_words(written):
    book = written[f"logbook-{KEY}"]
    assert Counter(one["verdict"] for one in book["claims"]) == Counter({k: n for k, n in book["counts"].items() if n})
    assert len(book["claims"]) == sum(v.claim.kind in ("result", "internal") for v in claims.verdicts(KEY))
    assert all(one["evidence"] and one["link"] for one in book["claims"])
