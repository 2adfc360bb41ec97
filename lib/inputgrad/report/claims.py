"""Claims and their verdicts: always computed, never typed. Needs no torch."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import yaml

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import PAPERS, relative
from inputgrad.study import STUDY
from inputgrad.study.schema import PROFILES, SCALES

from . import cells
from .markup import listed
from .predicates import FUNCTIONS, Vector, free_names, holds
from .selectors import NUMBERS, OURS, SELECTORS, Missing, ends_of, find, select_ours, sizes

T = TypeVar("T")

SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Loads plain data and nothing else; where there is one, in C."""

ROUNDING = 0.0051
"""Of numbers printed with two decimals, in percent: the tolerance on the paper's own numbers."""


WORDS = ("reproduced", "partly", "says little", "undecided", "not reproduced", "not run")

KINDS = ("result", "internal", "derived", "theory", "protocol")

TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "source", "kind", "text", "note", "because", "says_little"), str),
    **dict.fromkeys(("vars", "removed"), Mapping),
    **dict.fromkeys(("exact", "weak"), str | None),
    "holds_on_paper": bool | None,
    "by_intervals": bool,
}
"""Of a claim's fields."""

NEEDED = ("id", "source", "text")

IN_PRINT = {True: "holds in print", False: "fails in print"}
"""The verdict on a claim about the paper's own tables where we have no rows of that table: by the numbers printed."""


OPEN = {
    True: "it holds for our numbers, and would fail for other values within their 95 % intervals",
    False: "it fails for our numbers, and would hold for other values within their 95 % intervals",
}
"""Why a claim is undecided, by what our numbers say of it."""


@dataclass(frozen=True)
class Claim:
    """One claim of a paper; see ``data/README.md`` for the fields."""

    id: str
    source: str
    kind: str
    text: str
    exact: str | None
    weak: str | None
    vars: Mapping[str, Mapping] = field(default_factory=dict)
    holds_on_paper: bool | None = None
    note: str = ""
    because: str = ""  # why it does not reproduce, with tokens for numbers; shown only where it does not
    removed: Mapping[str, str | float] = field(default_factory=dict)  # variable -> its control: the effect taken away
    says_little: str = ""  # why the predicate holds whether or not there is an effect
    by_intervals: bool = False  # whether the answer must stand wherever in their intervals the numbers lie

    def __post_init__(self) -> None:
        for name, kinds in TYPES.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or (name in NEEDED and not value):
                raise InputError(f"claim {self.id}: {name} is {value!r}, which it cannot be")
        self.about(checks.one_of, "kind", self.kind, KINDS)
        for name, selector in self.vars.items():
            if not isinstance(selector, Mapping):
                raise InputError(f"claim {self.id}: {name} is {selector!r}: write what it selects by, column: value")
            self.about(sizes, name, selector)
            unknown = set(selector) - SELECTORS
            if unknown:
                raise InputError(f"claim {self.id}: {name} selects by {', '.join(sorted(unknown))}, which is no column")
            self.about(checks.one_of, f"number of {name}", selector.get("of", "value"), NUMBERS)
        if self.vars and self.deciding is None:
            raise InputError(f"claim {self.id}: has variables and no predicate: write it as exact or weak")
        for name in (*self.removed, *(v for v in self.removed.values() if isinstance(v, str))):
            self.about(checks.one_of, "variable of removed", name, self.vars)
        for expression in filter(None, (self.exact, self.weak) if self.vars else ()):
            unknown = self.about(free_names, expression) - set(self.vars) - set(FUNCTIONS) - {"tol"}
            if unknown:
                raise InputError(f"claim {self.id}: {', '.join(sorted(unknown))} is neither a variable nor a function")

    @property
    def hindsight(self) -> bool:
        """Was this statement of ours set or changed, as its note says, after rows that decide it had been seen?"""
        return self.kind == "derived" and bool(re.search(r"\b(set|changed) after\b", self.note))

    def about(self, function: Callable[..., T], *arguments: object) -> T:
        """``function(*arguments)``, with this claim's id before the sentence of any error."""
        try:
            return function(*arguments)
        except InputError as err:
            raise InputError(f"claim {self.id}: {err}") from err

    @property
    def testable(self) -> bool:
        """Has variables, and with them predicates that are more than words."""
        return bool(self.vars)

    @property
    def deciding(self) -> str | None:
        """The predicate that a claim stands or falls with: the weak one, or the exact one where there is no other."""
        return self.exact if self.weak is None else self.weak

    @property
    def tolerance(self) -> float:
        """What ``tol`` is on our numbers: nothing in statements of ours, which write their margins out."""
        return 0.0 if self.kind == "derived" else cells.CLOSE


@cache
def load(key: str) -> tuple[Claim, ...]:
    """The claims of one paper.

    Raises:
        InputError: the file is damaged, or a claim names a column, variable or function that does not exist.
    """
    path = PAPERS / key / "claims.yaml"
    found: dict[str, Claim] = {}
    line = 1
    try:
        loader = SAFE(path.read_text(encoding="utf-8"))
        top = loader.get_single_node()
        if not isinstance(top, yaml.SequenceNode):
            raise InputError("the file is no list of claims")
        for node in top.value:
            line = node.start_mark.line + 1
            claim = Claim(**fields_of(node, loader))
            if found.setdefault(claim.id, claim) is not claim:
                raise InputError(f"claim {claim.id} is there twice")
    except yaml.MarkedYAMLError as err:
        raise wrong(path, err.problem_mark.line + 1 if err.problem_mark else line, str(err.problem)) from err
    except (UnicodeDecodeError, yaml.YAMLError) as err:  # what is no text, and what YAML does not take for one
        raise wrong(path, line, " ".join(str(err).split())) from err
    except OSError as err:
        raise InputError(f"{relative(path)} cannot be read ({err.strerror}): restore it with git") from err
    except (InputError, TypeError) as err:
        raise wrong(path, line, str(err).removeprefix("Claim.__init__() ")) from err
    return tuple(found.values())


@cache
def written(key: str) -> dict[str, tuple[int, list[str]]]:
    """How each claim of a paper is decided: the line at which it starts in the file, and what stands there of it.

    Of the file's own lines those of ``vars``, ``exact``, ``weak`` and ``removed``.
    """
    found: dict[str, tuple[int, list[str]]] = {}
    name, shown = "", False
    for number, line in enumerate((PAPERS / key / "claims.yaml").read_text(encoding="utf-8").splitlines(), 1):
        if start := re.match(r"- \{?id: ([\w.]+)", line):
            name, shown = start[1], False
            found[name] = (number, [])
        elif line[2:3].isalpha():
            shown = line.startswith(("  vars:", "  exact:", "  weak:", "  removed:"))
        if shown:
            inner = line[2:].lstrip()
            found[name][1].append("\u00a0" * (len(line) - 2 - len(inner)) + inner)  # spaces that a page keeps
    return found


def wrong(path: Path, line: int, why: str) -> InputError:
    """What is said of a claim that cannot be used."""
    return InputError(f"{relative(path)}, line {line}: {why}: correct it, or restore the file with git")


def fields_of(node: yaml.Node, loader: yaml.SafeLoader) -> dict:
    """The fields of one claim; none of them twice, of which YAML would keep the last in silence."""
    if not isinstance(node, yaml.MappingNode):
        raise InputError("this is no claim, with a name and a value for each field")
    checks.unique("claim", [key.value for key, _ in node.value])
    return loader.construct_document(node)


def holds_on_paper(key: str, claim: Claim) -> bool | None:
    """``exact`` on the paper's own numbers; ``None`` where the paper prints none of them."""
    if not claim.testable or claim.exact is None:
        return None
    try:
        values = values_on_paper(key, claim)
    except Missing:
        return None
    return decide(claim, claim.exact, values, ROUNDING)


def values_on_paper(key: str, claim: Claim) -> dict[str, float | Vector]:
    """A claim's variables from the paper's own numbers, which have no runs or intervals.

    Raises:
        Missing: the paper prints one of them nowhere.
    """
    selectors = {name: {c: v for c, v in selector.items() if c not in OURS} for name, selector in claim.vars.items()}
    return {name: find(cells.of_paper(key), selector)[0] for name, selector in selectors.items()}


def decide(claim: Claim, expression: str | None, values: Mapping[str, float | Vector], tol: float) -> bool | None:
    """Does one of a claim's predicates hold at this tolerance? ``None`` where there is no predicate."""
    return None if expression is None else claim.about(holds, expression, {**values, "tol": tol})


def open_within(claim: Claim, ends: Mapping[str, Sequence[float | Vector]]) -> bool:
    """Does the deciding predicate answer differently at two of the places that the variables' intervals leave open?

    Args:
        claim: whose predicate it is.
        ends: of each variable its number and, where it has an interval, both ends; a vector moves as a whole.
    """
    places = (dict(zip(ends, place, strict=True)) for place in product(*ends.values()))
    answers = (decide(claim, claim.deciding, values, claim.tolerance) for values in places)
    first = next(answers)
    return any(answer != first for answer in answers)


@dataclass(frozen=True)
class Verdict:
    """What became of one claim."""

    claim: Claim
    word: str
    profile: str | None  # the smallest scale among its rows; of theory, which knows no scale, None
    reason: str
    paper: bool | None
    rows: pd.DataFrame = field(repr=False)


def judge(key: str, claim: Claim, ours: pd.DataFrame) -> Verdict:
    """The verdict on one claim from our cells.

    *reproduced*: weak and exact (within the tolerance), or weak where the paper gives no number; *partly*: weak;
    *says little*: it holds, and would without the effect; *undecided*: elsewhere in the intervals of its numbers the
    answer would be another; *not run*: a part of it has no recorded rows yet; *holds in print* or *fails in print*: the
    same, of a claim about the paper's own tables, which its own numbers decide.
    """
    paper = holds_on_paper(key, claim)
    nothing = ours.iloc[:0]
    if not claim.testable:
        return Verdict(claim, "not run", None, "stated in words, and not yet as a predicate", paper, nothing)
    try:
        found = {name: select_ours(key, ours, selector) for name, selector in claim.vars.items()}
    except Missing as err:
        if claim.kind == "internal" and paper is not None:  # about the paper's own tables, which are all it needs
            return Verdict(claim, IN_PRINT[paper], None, "decided on the paper's own numbers", paper, nothing)
        return Verdict(claim, "not run", None, f"no recorded rows for {err}", paper, nothing)
    values = {name: value for name, (value, _) in found.items()}
    rows = ours.iloc[list(dict.fromkeys(place for _, places in found.values() for place in places))]
    exact, weak = (decide(claim, e, values, claim.tolerance) for e in (claim.exact, claim.deciding))
    word, reason = "partly" if exact is False else "reproduced", ""
    if weak and claim.says_little:
        word, reason = "says little", claim.says_little
    elif claim.by_intervals and open_within(
        claim, {n: ends_of(key, ours, s, values[n]) for n, s in claim.vars.items()}
    ):
        word, reason = "undecided", OPEN[bool(weak)]
    elif not weak:
        word = "not reproduced"
    scale = None if claim.kind == "theory" else min(rows["profile"], key=PROFILES.index, default=None)
    return Verdict(claim, word, scale, reason, paper, rows)


@cache
def verdicts(key: str) -> tuple[Verdict, ...]:
    """The verdicts on all claims of one paper, from what is recorded."""
    return tuple(judge(key, claim, cells.ours(key)) for claim in load(key))


@cache
def scoreboard() -> pd.DataFrame:
    """One row a paper: its claims and its table cells by verdict, and the scales behind them.

    Counts what a paper claims as a result; claims about its own tables, and ours about it, stand in its chapter only.
    """
    out = []
    for key in STUDY:
        found = [v for v in verdicts(key) if v.claim.kind == "result"]
        words = [v.word for v in found]
        compared = cells.compare(cells.of_paper(key), cells.ours(key))
        profiles = {*compared["profile"].dropna(), *(v.profile for v in found if v.profile)}
        out.append(
            {
                "paper": key,
                "claims": len(words),
                **{word: words.count(word) for word in WORDS},
                "cells": len(compared),
                **{f"{word} cells": int((compared["word"] == word).sum()) for word in cells.WORDS},
                "scale": listed([SCALES[profile] for profile in PROFILES if profile in profiles]) or "–",
            }
        )
    return pd.DataFrame(out)
