"""Figures for pages; each function takes results and returns a ``Figure``. Needs no torch.

One module a chapter, beside what they share; a notebook writes ``figures.<chapter>.<figure>(run)``. A figure of numbers
draws one frame, a row a mark, checked by ``marks.tidy``; it keeps it as ``frame``, and the page shows it below.
"""

from importlib import import_module
from types import ModuleType

from inputgrad.study import CHAPTERS

from .ideas import one_image
from .marks import as_table
from .method import side_by_side
from .overview import scoreboard, stand_ins

__all__ = ["as_table", "one_image", "scoreboard", "side_by_side", "stand_ins"]


def __getattr__(name: str) -> ModuleType:
    """The module of a chapter, whichever chapters there are, or that of a reader's own network."""
    if name in CHAPTERS or name == "audit":
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
