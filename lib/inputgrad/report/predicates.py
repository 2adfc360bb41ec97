"""The language of claims: expressions over numbers and vectors, evaluated by a kept safe evaluator."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from simpleeval import EvalWithCompoundTypes, InvalidExpression

from inputgrad.ground.checks import InputError

from .cells import wilson


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


def at(x: Vector, key: Any) -> float:
    """The value at ``key``."""
    for k, v in zip(x.keys, x.values, strict=True):
        if k == key or (isinstance(k, float) and np.isclose(k, key)):
            return v
    raise KeyError(key)


def settled_after(x: Vector, share: float = 0.1) -> float:
    """The last key at which a curve is farther from its end than this share of its way; -inf where it never is."""
    end = x[len(x) - 1]
    away = [float(k) for k, value in zip(x.keys, x.values, strict=True) if abs(value - end) > share * abs(x[0] - end)]
    return max(away, default=float("-inf"))


def first_below(x: Vector, threshold: float) -> float:
    """The first key whose value is <= ``threshold``; infinite when there is none."""
    return next((k for k, v in zip(x.keys, x.values, strict=True) if v <= threshold), float("inf"))


def crossing(sizes: Sequence[float], x: Sequence[float], level: float) -> float:
    """The size at which ``x``, taken as the largest so far, first reaches ``level``; NaN where it stays below.

    Between two sizes it is a straight line over the logarithm of the size.
    """
    top = np.maximum.accumulate(list(x))
    if top[-1] < level:
        return float("nan")
    i = int(np.argmax(top >= level))
    before = max(i - 1, 0)
    share = (level - top[before]) / (top[i] - top[before]) if top[i] > top[before] else 0.0
    return float(sizes[before] ** (1 - share) * sizes[i] ** share)


def reached(x: Vector, y: Vector, level: float) -> Vector:
    """``y`` where ``x`` first reaches ``level``, for each group of keys that differ in the last part alone.

    That part is a size, and between two sizes ``y``, too, is a straight line over its logarithm; NaN where ``x`` stays
    below.
    """
    groups: dict[tuple, list[tuple[float, float, float]]] = {}
    for (*place, size), a in zip(x.keys, x.values, strict=True):
        groups.setdefault(tuple(place), []).append((size, a, at(y, (*place, size))))
    found = []
    for points in groups.values():
        size, a, b = np.array(sorted(points)).T
        found.append(float(np.interp(np.log(crossing(size, a, level)), np.log(size), b)))
    return Vector(list(groups), found)


def first_reach(x: Vector, threshold: float) -> float:
    """The first key whose value is >= ``threshold``; infinite when there is none."""
    return next((k for k, v in zip(x.keys, x.values, strict=True) if v >= threshold), float("inf"))


def overtakes(x: Sequence[float], y: Sequence[float]) -> bool:
    """Is ``x`` below ``y`` at first and above it at the end, with one change between? Ties may stand anywhere."""
    above = [a > b for a, b in paired(x, y) if a != b]
    return bool(above) and not above[0] and above[-1] and above == sorted(above)


def wilson_end(x: Vector, images: float, end: int) -> Vector:
    """The lower (``end`` 0) or upper (1) end of Wilson's 95 % interval of each share ``x`` of images, in percent."""
    return Vector(x.keys, [wilson(value * images / 100, images)[end] for value in x.values])


def ptrue_ok(acc: float, p: float, classes: int) -> bool:
    """Can ``p`` be the mean softmax probability of the true class at accuracy ``acc``, both fractions as printed?"""
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
    "abs": abs,
    "sum": sum,
    "zip": paired,
    "at": at,
    "keys": lambda x: x.keys,
    "argmin": lambda x: x.keys[int(np.argmin(x.values))],
    "first_below": first_below,
    "first_reach": first_reach,
    "reached": reached,
    "settled_after": settled_after,
    "nonincreasing": lambda x, tol=0.0: all(b <= a + tol for a, b in zip(x, list(x)[1:], strict=False)),
    "wilcoxon": lambda x, y: float(stats.wilcoxon(list(x), list(y)).pvalue),
    "wilcoxon_greater": lambda x, y: float(stats.wilcoxon(list(x), list(y), alternative="greater").pvalue),
    "spearman": lambda x, y: float(stats.spearmanr(list(x), list(y)).statistic),
    "corr": lambda x, y: float(np.corrcoef(list(x), list(y))[0, 1]),
    "ptrue_ok": ptrue_ok,
    "wilson_low": lambda x, images: wilson_end(x, images, 0),
    "wilson_high": lambda x, images: wilson_end(x, images, 1),
    "overtakes": overtakes,
}
"""What a predicate may call; there is nothing else it can reach."""


def free_names(expression: str) -> set[str]:
    """The names an expression reads and does not bind itself in a comprehension.

    Raises:
        InputError: it is no expression.
    """
    try:
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    except SyntaxError as err:
        raise InputError(f"{expression!r} is no expression ({err.msg})") from err
    names = [n for n in nodes if isinstance(n, ast.Name)]
    return {n.id for n in names} - {n.id for n in names if isinstance(n.ctx, ast.Store)}


def holds(expression: str, values: Mapping[str, float | Vector]) -> bool:
    """Does the expression hold for these values? Only they and :data:`FUNCTIONS` can be reached.

    Raises:
        InputError: it cannot be evaluated.
    """
    try:
        return bool(EvalWithCompoundTypes(functions=FUNCTIONS, names=dict(values)).eval(expression))
    except (InvalidExpression, KeyError, ValueError, TypeError, IndexError) as err:
        raise InputError(f"{expression!r} cannot be evaluated ({type(err).__name__}: {err})") from err
