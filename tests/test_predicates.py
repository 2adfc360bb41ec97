"""A predicate says something only if it can fail: with the effect taken away, it does."""

import pytest

from inputgrad.report import cells, claims
from inputgrad.report.claims import ROUNDING, decide, values_on_paper
from inputgrad.report.predicates import Vector
from inputgrad.report.selectors import Missing, ends_of, select_ours
from inputgrad.study import CHAPTERS
from taken_away import without_effect

CHECKED = [(key, claim) for key in CHAPTERS for claim in claims.load(key) if claim.removed]


def values(key, claim):
    """What a claim's variables are: on our recorded rows, or the paper's own numbers where ours lack one."""
    mine = cells.ours(key)
    try:
        found = {n: select_ours(key, mine, s)[0] for n, s in claim.vars.items()}
        return found, claim.tolerance
    except Missing:
        try:
            return values_on_paper(key, claim), ROUNDING
        except Missing:
            pytest.skip("neither ours nor the paper's numbers are there")


@pytest.mark.parametrize(("key", "claim"), CHECKED, ids=[claim.id for _, claim in CHECKED])
def test_without_the_effect_nothing_holds(key, claim):
    found, tol = values(key, claim)
    gone = without_effect(claim, found)
    for name, expression in (("exact", claim.exact), ("weak", claim.weak)):
        assert decide(claim, expression, gone, tol) is not True, f"{name} holds without the effect: {expression}"


BY_INTERVALS = [(key, claim) for key in CHAPTERS for claim in claims.load(key) if claim.by_intervals]


@pytest.mark.parametrize(("key", "claim"), BY_INTERVALS, ids=[claim.id for _, claim in BY_INTERVALS])
def test_what_is_decided_by_intervals_has_some(key, claim):
    mine = cells.ours(key)
    try:
        centres = {name: select_ours(key, mine, selector)[0] for name, selector in claim.vars.items()}
    except Missing:
        pytest.skip("our numbers are not there")
    ends = [
        end
        for n, s in claim.vars.items()
        for end in ends_of(key, mine, s, centres[n])[1:]
        if plain(end) != plain(centres[n])
    ]
    assert ends


def plain(number):
    """A number, or the numbers of a vector."""
    return list(number) if isinstance(number, Vector) else number


@pytest.mark.parametrize("key", CHAPTERS)
def test_every_claim_names_what_it_is_checked_against_or_says_little(key):
    unchecked = [c.id for c in claims.load(key) if c.testable and not (c.removed or c.says_little)]
    assert not unchecked


def by(value, amount):
    """A variable of a claim with every number raised."""
    return Vector(value.keys, [v + amount for v in value.values]) if isinstance(value, Vector) else value + amount


@pytest.mark.parametrize("name", ["sign.c03", "sign.c11", "sign.c14"])
def test_a_fall_from_one_number_to_another_is_not_any_fall_of_that_size(name):
    """The paper's own numbers bear the claim out; all of them moved by the same amount do not."""
    (claim,) = (c for c in claims.load("sign") if c.id == name)
    printed = values_on_paper("sign", claim)
    moved = {key: by(value, 2 * claim.tolerance) for key, value in printed.items()}
    assert decide(claim, claim.exact, printed, ROUNDING)
    assert not decide(claim, claim.exact, moved, claim.tolerance)
