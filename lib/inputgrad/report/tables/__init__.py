"""Tables for pages: ours beside theirs, claims with verdicts, costs. Needs no torch.

What every exhibit has is in ``tables.common`` and can be reached as ``tables.<name>``; one module a paper beside it.
"""

from . import butterfly, convex, selfgrad, sign, smooth, synthesis
from .common import beside, cost, own, paper_tables, schedules, scoreboard, verdict_table, verdicts

__all__ = [
    "beside",
    "butterfly",
    "convex",
    "cost",
    "own",
    "paper_tables",
    "schedules",
    "scoreboard",
    "selfgrad",
    "sign",
    "smooth",
    "synthesis",
    "verdict_table",
    "verdicts",
]
