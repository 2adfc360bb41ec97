"""Tables for pages: ours beside theirs, claims with verdicts, costs. Needs no torch.

What every exhibit has is in ``common``, ``claims`` and ``provenance``, and can be reached as ``tables.<name>``; beside
them one module for each chapter that has tables of its own, as ``tables.<chapter>``, ``tables.leaderboard`` across
them, and ``tables.audit`` of a network of the reader's own.
"""

from importlib import import_module
from types import ModuleType

from inputgrad.study import CHAPTERS

from . import audit, leaderboard
from .claims import scoreboard, verdict_table, verdicts
from .common import beside, own
from .provenance import cost, schedules

__all__ = [
    "audit",
    "beside",
    "cost",
    "leaderboard",
    "own",
    "schedules",
    "scoreboard",
    "verdict_table",
    "verdicts",
]


def __getattr__(name: str) -> ModuleType:
    """The module of a chapter, whichever chapters there are."""
    if name in CHAPTERS:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
