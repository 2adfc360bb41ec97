"""Claims and links to them: each has one anchor, and every link to one leads there."""

import re
from functools import partial

import pytest
import yaml

from inputgrad import study
from inputgrad.ground.paths import PAPERS, ROOT
from inputgrad.report import answers, book, claims, links, summaries
from inputgrad.report.tables.claims import decided_by, deciders

ANCHOR = re.compile(r"\[([\w.]+)\]\{#(claim-[\w-]+)\}")
LINK = re.compile(r"\]\(#(claims?-[\w-]+)\)")


@pytest.fixture(scope="module")
def listed():
    return book.every_claim()


@pytest.fixture(scope="module")
def anchors(listed):
    """The anchors of claims in the list of every claim, by claim."""
    found = ANCHOR.findall(listed)
    assert len({claim for claim, _ in found}) == len({anchor for _, anchor in found}) == len(found)
    return dict(found)


def test_every_claim_has_one_anchor(anchors):
    assert list(anchors) == [claim.id for key in study.CHAPTERS for claim in claims.load(key)]
    assert all(anchors[claim] == links.anchor(claim) for claim in anchors)


def written():
    """What the book writes and generates with links to claims, by where it stands."""
    said = partial(book.fill, where="here")
    yield from ((str(p), book.fill(p.read_text(encoding="utf-8"), p.name)) for p in (ROOT / "book").rglob("*.md"))
    yield from ((f"box of {name}", answers.box(name, said)) for name in (*study.CHAPTERS, *study.EXHIBITS))
    yield from ((f"ending of {key}", summaries.ending(key, said)) for key in study.STUDY)
    yield from ((f"chapter {key}", summaries.where_claims_are(key)) for key in study.CHAPTERS)
    yield from {"front": answers.front(said), "digest": summaries.digest(said), "changelog": book.changelog()}.items()


def test_every_link_to_a_claim_leads_there(listed, anchors):
    there = {*anchors.values(), *(f"claims-{key}" for key in study.CHAPTERS)}
    assert all(listed.count(f"{{#claims-{key}}}") == 1 for key in study.CHAPTERS)
    linked = {"list": listed, **dict(written())}
    for where, text in linked.items():
        assert set(LINK.findall(text)) <= there, where
        assert not ANCHOR.search(text) or where == "list"
    counted = {where: len(LINK.findall(text)) for where, text in linked.items()}
    assert all(counted[name] for name in ("front", "digest", "changelog", "ending of sign", "box of sign/adversarial"))


def test_a_claim_and_the_exhibits_that_decide_it_link_to_each_other(listed):
    rows = {match[1]: line for line in listed.splitlines() if (match := ANCHOR.match(line, 2))}
    for key in study.CHAPTERS:
        for claim, exhibits in deciders(key).items():
            assert all(f"](/notebooks/{name}.ipynb)" in rows[claim] for name in exhibits)
            assert rows[claim].count("](/notebooks/") == len(exhibits)
    decides = {v.claim.id for v in decided_by("sign/adversarial")}  # and no other
    assert decides == {claim for claim, names in deciders("sign").items() if "sign/adversarial" in names}


@pytest.mark.parametrize("key", study.CHAPTERS)
def test_the_predicate_beside_a_claim_is_the_one_in_the_file(key):
    lines = (PAPERS / key / "claims.yaml").read_text(encoding="utf-8").splitlines()
    shown = claims.written(key)
    assert list(shown) == [claim.id for claim in claims.load(key)]
    for claim in claims.load(key):
        line, text = shown[claim.id]
        assert re.match(rf"- \{{?id: {re.escape(claim.id)}\b", lines[line - 1])
        assert not any("`" in part for part in text)
        if claim.testable:
            read = yaml.load("\n".join(text).replace("\u00a0", " "), claims.SAFE)
            assert (read["vars"], read.get("exact"), read.get("weak")) == (claim.vars, claim.exact, claim.weak)


def test_in_a_text_only_claims_that_there_are_become_links():
    known = {"sign.c01"}.__contains__
    assert links.in_markdown("`sign.c01`, `sign.c99` and `sign`", known) == (
        "[`sign.c01`](#claim-sign-c01), `sign.c99` and `sign`"
    )
    assert (
        links.in_markdown("<!-- holds sign c02 -->It falls<!-- /holds -->.", known)
        == f"It falls{links.mark('sign.c02')}."
    )
