"""Figures for pages; each function takes results and returns a ``Figure``. Needs no torch.

One module a paper, beside what they share; a notebook writes ``figures.<paper>.<figure>(run)``.
"""

from . import butterfly, convex, selfgrad, sign, smooth, synthesis
from .overview import readme, scoreboard, stand_ins

__all__ = ["butterfly", "convex", "readme", "scoreboard", "selfgrad", "sign", "smooth", "stand_ins", "synthesis"]
