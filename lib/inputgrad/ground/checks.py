"""Input checks: one clear sentence naming the parameter, the value and what is allowed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Sequence

import yaml


class InputError(ValueError):
    """Something the reader can put right; its text is one sentence, shown without a traceback."""


def nearest(value: object, allowed: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the closest allowed name, or nothing when none is close."""
    close = difflib.get_close_matches(shown(value).strip("'\""), list(allowed), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


MANY = 100
"""More names than a sentence can list."""


def one_of(what: str, value: object, allowed: Iterable[str]) -> str:
    """``value`` when it is one of ``allowed``; else an error that lists them, or the likest of many."""
    names = list(allowed)
    name = str(value).lower() if isinstance(value, bool) else value  # YAML reads the name true as a truth value
    if isinstance(name, str) and name in names:
        return name
    listed = ", ".join(names)
    if len(names) > MANY:
        likest = difflib.get_close_matches(str(value), names, n=5, cutoff=0.0)
        listed = f"{len(names):,}, among them {', '.join(likest)}"
    raise InputError(f"{what} {shown(value)} is unknown: choose from {listed}{nearest(value, names)}")


def items(what: str, values: object) -> list:
    """``values`` as a list; an empty one, or something that is no list, is an error."""
    if isinstance(values, (str, bytes, dict)) or not isinstance(values, Iterable):
        raise InputError(f"{what} is {shown(values)}: give a list, for instance {what}='[...]'")
    found = list(values)
    if not found:
        raise InputError(f"{what} is an empty list: give at least one value, or leave it out for the default")
    return found


def structured(what: str, value: object) -> object:
    """``value``, read as YAML where it is the text of a list or mapping: ``papermill -p`` passes those as text."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError(
            f'{what} {shown(value)} cannot be read as a list or mapping: write it as \'["a", "b"]\''
        ) from None


def eps_value(text: object, what: str = "eps", allowed: str = ">= 0, in units of x in [0, 1]") -> float:
    """A radius in some unit, from text (``"8/255"``, ``"0.3"``) or a number; finite and >= 0."""
    try:
        if isinstance(text, bool):
            raise ValueError
        value = as_float(text) if isinstance(text, str) else float(text)  # type: ignore[arg-type]
    except ZeroDivisionError:
        raise InputError(
            f"{what} {shown(text)} divides by zero: write a number >= 0 such as '0.3' or '8/255'"
        ) from None
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{what} {shown(text)} is not a number: write it as '0.3' or '8/255'") from None
    if not math.isfinite(value) or value < 0:
        raise InputError(f"{what} {shown(text)} is not allowed: it must be finite and {allowed}")
    return value


def as_float(text: str) -> float:
    """The number that ``"0.3"``, ``"8/255"`` or ``"8.5/255"`` writes.

    Raises:
        ValueError, ArithmeticError: it writes none, or one beyond all floats.
    """
    over, slash, under = text.partition("/")
    return float(over) / int(under) if slash else float(text)


def number(what: str, value: object, most: float = math.inf, below: float = math.inf) -> float:
    """A finite number >= 0, from a number or its text (YAML reads ``1e-3`` as text), at most ``most``, or ``below``."""
    found = finite(value)
    if not found >= 0:
        raise InputError(f"{what} {shown(value)} is not a number >= 0")
    if found > most or found >= below:
        limit = f"below {below:g}" if found >= below else f"at most {most:g}"
        raise InputError(f"{what} {shown(value)} is too large: it must be {limit}")
    return found


def positive(what: str, value: object, most: float = math.inf) -> float:
    """A finite number above 0, at most ``most``."""
    if not finite(value) > 0:
        raise InputError(f"{what} {shown(value)} is not a number above 0")
    return number(what, value, most)


def finite(value: object) -> float:
    """The finite number that a value or its text is; NaN where it is none."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def shown(value: object) -> str:
    """A value as a sentence shows it: in one line, and not all of one that has no end."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of more digits than Python writes; a list that nests for ever
        text = f"of type {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:200]}..."


def exponent(what: str, value: object) -> float:
    """The exponent of an lp norm: a number from 1 to infinity (``math.inf``, or the text ``"inf"``)."""
    try:
        p = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        p = math.nan
    if not p >= 1:
        raise InputError(f"{what} {shown(value)} is not allowed: an lp norm needs a number >= 1, or inf")
    return p


def whole(what: str, value: object, least: int = 0, most: int = 2**31 - 1) -> int:
    """An integer from ``least`` to ``most`` (``True`` and ``2.0`` are refused: they are slips)."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{what} {shown(value)} is not an integer")
    if value < least:
        raise InputError(f"{what} {shown(value)} is too small: it must be at least {least}")
    if value > most:
        raise InputError(f"{what} {shown(value)} is too large: it must be at most {most}")
    return value


def unique(what: str, values: Sequence) -> list:
    """``values`` as a list; a repeated one is an error, since it would be counted twice."""
    repeated = sorted({v if isinstance(v, str) else shown(v) for v in values if list(values).count(v) > 1})
    if repeated:
        raise InputError(f"{what} names {', '.join(repeated)} more than once")
    return list(values)


def truth(what: str, value: object) -> bool:
    """``True`` or ``False``, and nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise InputError(f"{what} {shown(value)} is neither true nor false")
    return value
