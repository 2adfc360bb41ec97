"""The page across the papers concludes by predicates on its own rows."""

import re

from inputgrad.report import book, cells, claims
from inputgrad.study import CHAPTERS, STUDY


def test_what_stands_across_the_papers_has_claims_and_no_tables():
    assert list(CHAPTERS) == [*STUDY, "synthesis"]
    assert cells.of_paper("synthesis").empty
    found = claims.verdicts("synthesis")
    assert {v.claim.kind for v in found} == {"derived"} and all(v.claim.removed for v in found)
    assert "synthesis" not in set(claims.scoreboard()["paper"])


def test_every_conclusion_of_the_page_stands_on_it(root):
    text = (root / "book" / "synthesis.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\[\[holds synthesis (\w+):", text))
    assert named == {claim.id.split(".")[1] for claim in claims.load("synthesis")}
    assert "[[" not in book.fill(text, "synthesis.md")
