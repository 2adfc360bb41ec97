"""The kinds of parameter that exhibits declare."""

from __future__ import annotations

import math
from functools import partial

from inputgrad.ground import checks

from .schema import Parameter


def eps_list(value: object, what: str = "eps") -> list[str]:
    """A list of different radii written as text or numbers, kept as text."""
    given = checks.items(what, value)
    sizes = [checks.eps_value(v, what, allowed=">= 0") for v in given]
    texts = checks.unique(what, [v if isinstance(v, str) else repr(v) for v in given])
    if same := [text for text, size in zip(texts, sizes, strict=True) if sizes.count(size) > 1]:
        raise checks.InputError(f"{what} has one number twice, written in two ways: {', '.join(same)}")
    return texts


def factors(value: object, what: str) -> list[str]:
    """As :func:`eps_list`, of numbers above 0 in a unit of their own."""
    for text in checks.items(what, value):
        checks.positive(what, checks.eps_value(text, what, allowed="above 0"))
    return eps_list(value, what)


def eps_or_own(value: object) -> list[str] | None:
    """As :func:`eps_list`; ``None`` is the paper's own grid."""
    return None if value is None else eps_list(value)


def several(what: str, allowed: tuple[str, ...], value: object) -> list[str]:
    """A non-empty list of names out of ``allowed``."""
    return checks.unique(what, [checks.one_of(what, v, allowed) for v in checks.items(what, value)])


def names(name: str, default: tuple[str, ...], help: str, allowed: tuple[str, ...]) -> Parameter:
    """A parameter that is a list of names."""
    return Parameter(name, list(default), help, partial(several, name, allowed))


def choice(name: str, help: str, allowed: tuple[str, ...]) -> Parameter:
    """A parameter that is one of ``allowed``; the first is the default."""
    return Parameter(name, allowed[0], help, lambda value: checks.one_of(name, value, allowed))


def flag(name: str, default: bool, help: str) -> Parameter:
    """A parameter that is true or false."""
    return Parameter(name, default, help, partial(checks.truth, name))


def count(name: str, default: int, help: str, of: str = "") -> Parameter:
    """A parameter that is an integer of at least 1; ``of`` which images, where it is a number of these."""
    return Parameter(name, default, help, partial(checks.whole, name, least=1), of)


def ratio(name: str, default: float, help: str, most: float = math.inf) -> Parameter:
    """A parameter that is a number of at least 0 and at most ``most``."""
    return Parameter(name, default, help, partial(checks.number, name, most=most))


def lengthened(default: int, help: str) -> Parameter:
    """A parameter that says how many times the epochs of a shorter training a longer one has."""
    return Parameter("longer", default, help, partial(checks.whole, "longer", least=2))


def long_name(longer: int) -> str:
    """What the longer training is called that has so many times the epochs of the shorter one."""
    return f"{longer} times the epochs"
