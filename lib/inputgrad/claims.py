"""What the papers say, what we measured, and the verdicts: always computed, never typed. Needs no torch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd
import yaml
from scipy import stats
from simpleeval import EvalWithCompoundTypes, InvalidExpression

from . import results
from .checks import InputError
from .paths import PAPERS, relative
from .study import STUDY
from .study.schema import PROFILES

CLOSE, NEAR = 3.0, 10.0
"""Percentage points within which a cell is *close* or *near*; fixed before any run."""

ROUNDING = 0.0051
"""Of numbers printed with two decimals, in percent: the tolerance on the paper's own numbers."""

IDENTITY = ["table", "dataset", "model", "defense", "attack", "eps", "steps", "reading", "metric"]
SELECTORS = {*IDENTITY, "over"}
CELL_WORDS = ("close", "near", "apart", "not run")
CLAIM_WORDS = ("reproduced", "partly", "not reproduced", "not run")


# Numbers


def eps_number(text: object) -> float:
    """``"8/255"`` -> 0.0314...; text without a number (``""``) -> NaN, which equals no eps but itself."""
    return float(Fraction(str(text).strip())) if str(text).strip() else float("nan")


@cache
def paper_cells(key: str) -> pd.DataFrame:
    """Everything the paper prints, one row a cell, as transcribed in ``data/papers/<key>/*.csv``."""
    frames = [
        pd.read_csv(path, dtype=str, keep_default_na=False)
        for path in sorted((PAPERS / key).glob("*.csv"))
        if not path.name.endswith("architectures.csv")
    ]
    if not frames:
        raise InputError(f"{relative(PAPERS / key)} holds no tables")
    cells = pd.concat(frames, ignore_index=True).assign(reading="default")
    return cells.assign(value=cells["value"].astype(float))


def interval(values: Sequence[float], counts: Sequence[float], totals: Sequence[float]) -> tuple[float, float]:
    """A 95 % interval in percent: Student's over three seeds or more, else Wilson's over the images of all seeds."""
    if len(values) >= 3:
        half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
        return float(np.mean(values) - half), float(np.mean(values) + half)
    if not len(counts) or np.isnan(list(counts)).any():
        return float("nan"), float("nan")
    wilson = stats.binomtest(int(sum(counts)), int(sum(totals))).proportion_ci(method="wilson")
    return 100 * float(wilson.low), 100 * float(wilson.high)


def cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of single seeds joined to cells: mean over seeds (fractions as percent), spread, interval, n."""
    out = []
    scale = rows["unit"].map({"fraction": 100.0}).fillna(1.0)
    rows = rows.assign(value=rows["value"] * scale)
    for identity, group in rows.groupby(["exhibit", "profile", *IDENTITY], sort=False, dropna=False):
        values = group["value"].to_numpy()
        shares = group["unit"].iloc[0] == "fraction"
        low, high = interval(values, group["count"], group["total"]) if shares else (float("nan"),) * 2
        out.append(
            {
                **dict(zip(["exhibit", "profile", *IDENTITY], identity, strict=True)),
                "value": values.mean(), "spread": values.std(ddof=1) if len(values) > 1 else float("nan"),
                "low": low, "high": high, "seeds": len(values), "images": int(group["total"].iloc[0]),
            }
        )  # fmt: skip
    columns = ["exhibit", "profile", *IDENTITY, "value", "spread", "low", "high", "seeds", "images"]
    return pd.DataFrame(out, columns=columns)


@cache
def our_cells(key: str) -> pd.DataFrame:
    """The best recorded cells of one paper."""
    return cells(results.best_recorded(key))


def matching(table: pd.DataFrame, column: str, wanted: object) -> pd.Series:
    """Which rows have one of the ``wanted`` values in ``column``; eps compared as numbers."""
    values = wanted if isinstance(wanted, list) else [wanted]
    if column == "eps":
        numbers = table["eps"].map(eps_number)
        return pd.Series(
            [any(np.isclose(x, eps_number(v), equal_nan=True) for v in values) for x in numbers], table.index, dtype=bool
        )
    return table[column].astype(str).isin([str(v) for v in values])


# Cells


def cell_word(paper: float, ours: float, low: float, high: float) -> str:
    """*close*: within 3 points or inside our interval; *near*: within 10; else *apart*."""
    if abs(ours - paper) <= CLOSE or low <= paper <= high:
        return "close"
    return "near" if abs(ours - paper) <= NEAR else "apart"


def compare(paper: pd.DataFrame, ours: pd.DataFrame, reading: str = "default") -> pd.DataFrame:
    """Each of the paper's cells with ours beside it: ``ours, spread, low, high, seeds, images, profile, difference, word``."""
    index: dict[tuple, list[Mapping]] = {}
    for row in ours[ours["reading"] == reading].to_dict("records"):
        if row["table"]:
            index.setdefault(identity_of(row), []).append(row)
    beside = []
    for row in paper.to_dict("records"):
        found = [c for c in index.get(identity_of(row), []) if not row["steps"] or str(c["steps"]) == row["steps"]]
        if len(found) != 1:
            beside.append({"ours": float("nan"), "word": "not run"})
            continue
        cell = found[0]
        word = cell_word(row["value"], cell["value"], cell["low"], cell["high"])
        kept = {k: cell[k] for k in ("spread", "low", "high", "seeds", "images", "profile", "exhibit")}
        beside.append({"ours": cell["value"], "difference": cell["value"] - row["value"], "word": word, **kept})
    extra = ["ours", "spread", "low", "high", "seeds", "images", "profile", "exhibit", "difference", "word"]
    return paper.reset_index(drop=True).join(pd.DataFrame(beside, columns=extra))


def identity_of(row: Mapping) -> tuple:
    """What a cell is, whoever measured it; eps as a rounded number."""
    eps = eps_number(row["eps"])
    return (*(row[c] for c in ("table", "dataset", "model", "defense", "attack", "metric")),
            None if np.isnan(eps) else round(eps, 9))  # fmt: skip


# The claim language


class Vector:
    """Numbers with the keys they stand at; what a selector with ``over`` gives."""

    def __init__(self, keys: list, values: list[float]) -> None:
        self.keys, self.values = keys, values

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, i: int) -> float:
        return self.values[i]


def paired(x: Sequence, y: Sequence) -> list[tuple[float, float]]:
    """Two vectors of one length, element by element."""
    return list(zip(x, y, strict=True))


def at(x: Vector, key: object) -> float:
    """The value at ``key``."""
    for k, v in zip(x.keys, x.values, strict=True):
        if k == key or (isinstance(k, float) and np.isclose(k, key)):
            return v
    raise KeyError(key)


def first_below(x: Vector, threshold: float) -> float:
    """The first key whose value is <= ``threshold``; infinite when there is none."""
    return next((k for k, v in zip(x.keys, x.values, strict=True) if v <= threshold), float("inf"))


def ptrue_ok(acc: float, p: float, classes: int) -> bool:
    """Can ``p`` be the mean softmax probability of the true class at accuracy ``acc`` (both fractions, printed rounded)?"""
    return acc / classes - 5e-4 <= p <= acc + (1 - acc) / 2 + 5e-4


def share(flags: list[bool]) -> float:
    """The share of true ones."""
    return sum(flags) / len(flags)


FUNCTIONS: dict[str, Callable] = {
    "lt": lambda x, y: all(a < b for a, b in paired(x, y)),
    "le": lambda x, y, tol=0.0: all(a <= b + tol for a, b in paired(x, y)),
    "sub": lambda x, y: [a - b for a, b in paired(x, y)],
    "absd": lambda x, y: [abs(a - b) for a, b in paired(x, y)],
    "frac_lt": lambda x, y: share([a < b for a, b in paired(x, y)]),
    "frac_le": lambda x, y, tol=0.0: share([a <= b + tol for a, b in paired(x, y)]),
    "min": min,
    "max": max,
    "mean": lambda x: float(np.mean(list(x))),
    "last": lambda x: x[len(x) - 1],
    "len": len,
    "all": all,
    "any": any,
    "abs": abs,
    "sum": sum,
    "zip": paired,
    "at": at,
    "keys": lambda x: x.keys,
    "argmin": lambda x: x.keys[int(np.argmin(x.values))],
    "first_below": first_below,
    "nonincreasing": lambda x, tol=0.0: all(b <= a + tol for a, b in zip(x, list(x)[1:], strict=False)),
    "wilcoxon": lambda x, y: float(stats.wilcoxon(list(x), list(y)).pvalue),
    "wilcoxon_greater": lambda x, y: float(stats.wilcoxon(list(x), list(y), alternative="greater").pvalue),
    "spearman": lambda x, y: float(stats.spearmanr(list(x), list(y)).statistic),
    "corr": lambda x, y: float(np.corrcoef(list(x), list(y))[0, 1]),
    "ptrue_ok": ptrue_ok,
    "b_first_below": lambda b, f: b[1] < f[1],
}
"""What a predicate may call; there is nothing else it can reach."""


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

    def __post_init__(self) -> None:
        for name, selector in self.vars.items():
            unknown = set(selector) - SELECTORS
            if unknown:
                raise InputError(f"claim {self.id}: {name} selects by {', '.join(sorted(unknown))}, which is no column")
        if self.vars:
            for expression in filter(None, (self.exact, self.weak)):
                unknown = free_names(self.id, expression) - set(self.vars) - set(FUNCTIONS) - {"tol"}
                if unknown:
                    raise InputError(f"claim {self.id}: {', '.join(sorted(unknown))} is neither a variable nor a function")

    @property
    def testable(self) -> bool:
        """Has predicates, and not only words."""
        return bool(self.vars)


def free_names(claim: str, expression: str) -> set[str]:
    """The names an expression reads and does not bind itself in a comprehension."""
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError as err:
        raise InputError(f"claim {claim}: {expression!r} is no expression ({err.msg})") from err
    names = [n for n in nodes if isinstance(n, ast.Name)]
    bound = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return {n.id for n in names} - bound


@cache
def load(key: str) -> tuple[Claim, ...]:
    """The claims of one paper.

    Raises:
        InputError: the file is damaged, or a claim names a column, variable or function that does not exist.
    """
    path = PAPERS / key / "claims.yaml"
    try:
        return tuple(Claim(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, TypeError) as err:
        raise InputError(f"{relative(path)} cannot be read: {err}") from err


class Missing(LookupError):
    """A selector found no row: that part has not been run."""


def select(table: pd.DataFrame, selector: Mapping) -> tuple[float | Vector, pd.DataFrame]:
    """A selector's number or vector, and the rows it comes from.

    Raises:
        Missing: no row, or not every value that a list asks for.
    """
    over = selector.get("over", [])
    over = [over] if isinstance(over, str) else over
    rows = table[matching(table, "reading", selector.get("reading", "default"))]
    for column, wanted in selector.items():
        if column not in ("over", "reading"):
            rows = rows[matching(rows, column, wanted)]
            for value in wanted if isinstance(wanted, list) else [wanted]:
                if not matching(rows, column, value).any():
                    raise Missing(f"{column} {value}")
    if not over:
        if len(rows) != 1:
            raise InputError(f"the selector {dict(selector)} fits {len(rows)} rows, expected 1")
        return float(rows["value"].iloc[0]), rows
    order = {c: [str(v) for v in selector[c]] for c in over if isinstance(selector.get(c), list) and c != "eps"}
    entries = []
    for row in rows.to_dict("records"):
        key = tuple(key_of(c, row[c]) for c in over)
        rank = tuple(order[c].index(str(row[c])) if c in order else key_of(c, row[c]) for c in over)
        entries.append((rank, key[0] if len(over) == 1 else key, float(row["value"])))
    entries.sort(key=lambda entry: entry[0])
    if len({key for _, key, _ in entries}) != len(entries):
        raise InputError(f"the selector {dict(selector)} fits several rows at one place")
    return Vector([key for _, key, _ in entries], [value for _, _, value in entries]), rows


def key_of(column: str, value: object) -> float | str:
    """A key of a vector: eps and steps as numbers, the rest as text."""
    return eps_number(value) if column in ("eps", "steps") else str(value)


def holds(claim: Claim, expression: str | None, values: Mapping[str, float | Vector], tol: float) -> bool | None:
    """Evaluate a predicate with the kept safe evaluator; ``None`` for no predicate."""
    if expression is None:
        return None
    try:
        evaluator = EvalWithCompoundTypes(functions=FUNCTIONS, names={**values, "tol": tol, "True": True, "False": False})
        return bool(evaluator.eval(expression))
    except (InvalidExpression, KeyError, ValueError, TypeError, IndexError) as err:
        raise InputError(f"claim {claim.id}: {expression!r} cannot be evaluated ({type(err).__name__}: {err})") from err


def holds_on_paper(key: str, claim: Claim) -> bool | None:
    """``exact`` on the paper's own numbers; ``None`` where the paper prints none of them."""
    if not claim.testable or claim.exact is None:
        return None
    try:
        values = {name: select(paper_cells(key), selector)[0] for name, selector in claim.vars.items()}
    except Missing:
        return None
    return holds(claim, claim.exact, values, ROUNDING)


@dataclass(frozen=True)
class Verdict:
    """What became of one claim."""

    claim: Claim
    word: str
    profile: str | None
    reason: str
    paper: bool | None
    rows: pd.DataFrame = field(repr=False)


def judge(key: str, claim: Claim, ours: pd.DataFrame) -> Verdict:
    """The verdict on one claim from our cells.

    *reproduced*: weak and exact (within the tolerance), or weak where the paper gives no number; *partly*: weak;
    *not run*: a part of it has no recorded rows yet.
    """
    paper = holds_on_paper(key, claim)
    nothing = ours.iloc[:0]
    if not claim.testable:
        return Verdict(claim, "not run", None, "stated in words; its exhibit is not built yet", paper, nothing)
    ours = ours[ours["table"] != ""]
    try:
        found = {name: select(ours, selector) for name, selector in claim.vars.items()}
    except Missing as err:
        return Verdict(claim, "not run", None, f"no recorded rows for {err}", paper, nothing)
    values = {name: value for name, (value, _) in found.items()}
    rows = pd.concat([r for _, r in found.values()]).drop_duplicates()
    exact, weak = (holds(claim, e, values, CLOSE) for e in (claim.exact, claim.weak))
    if weak is False or (weak is None and exact is False):
        word = "not reproduced"
    else:
        word = "partly" if exact is False else "reproduced"
    profile = min(rows["profile"], key=PROFILES.index)
    return Verdict(claim, word, profile, "", paper, rows)


def verdicts(key: str) -> list[Verdict]:
    """The verdicts on all claims of one paper, from what is recorded."""
    return [judge(key, claim, our_cells(key)) for claim in load(key)]


def scoreboard() -> pd.DataFrame:
    """One row a paper: its claims and its table cells by verdict, and the profiles behind them."""
    out = []
    for key in STUDY:
        words = [v.word for v in verdicts(key)]
        compared = compare(paper_cells(key), our_cells(key))
        profiles = sorted(set(compared["profile"].dropna()), key=PROFILES.index)
        out.append(
            {
                "paper": key,
                "claims": len(words),
                **{word: words.count(word) for word in CLAIM_WORDS},
                "cells": len(compared),
                **{f"{word} cells": int((compared["word"] == word).sum()) for word in CELL_WORDS},
                "profile": " and ".join(profiles) or "-",
            }
        )
    return pd.DataFrame(out)
