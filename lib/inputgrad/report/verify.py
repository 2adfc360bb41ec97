"""Is everything under ``data/`` as it should be? What the papers print and claim, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import relative
from inputgrad.record import results
from inputgrad.study import CHAPTERS, EXHIBITS

from . import cells, claims


def faults() -> list[str]:
    """A sentence for each file that is not as it should be: which it is, what is wrong, and what to do."""
    return list(dict.fromkeys(said for check in checks() if (said := refused(check))))


def checks() -> Iterator[Callable[[], object]]:
    """What has to go well, file by file."""
    for key in CHAPTERS:
        yield partial(cells.of_paper, key)
        yield partial(decidable, key)
    for path in sorted(results.RECORDED.rglob("*.json")):
        yield partial(results.read_once, path)
    for name in EXHIBITS:
        yield partial(current, name)


def decidable(key: str) -> None:
    """Refuse claims that cannot be decided on the paper's own numbers."""
    for claim in claims.load(key):
        claims.holds_on_paper(key, claim)


def current(exhibit: str) -> None:
    """Refuse recorded files that no declared trial claims any more."""
    if old := results.stale(exhibit):
        names = ", ".join(relative(path) for path in old)
        raise InputError(f"what is declared has changed since {names} was recorded: record it again, or delete it")


def refused(check: Callable[[], object]) -> str:
    """The sentence with which a check refuses something, or nothing."""
    try:
        check()
    except InputError as err:
        return str(err)
    return ""
