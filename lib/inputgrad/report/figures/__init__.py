"""Figures for pages; each function takes results and returns a ``Figure``. Needs no torch.

One module a paper, beside what they share; a notebook writes ``figures.<paper>.<figure>(run)``. A figure of numbers
draws one frame, a row a mark, checked by ``marks.tidy``; it keeps it as ``frame``, and the page shows it below.
"""

from . import butterfly, convex, selfgrad, sign, smooth, synthesis
from .marks import as_table
from .overview import readme, scoreboard, stand_ins

__all__ = [
    "as_table",
    "butterfly",
    "convex",
    "readme",
    "scoreboard",
    "selfgrad",
    "sign",
    "smooth",
    "stand_ins",
    "synthesis",
]
