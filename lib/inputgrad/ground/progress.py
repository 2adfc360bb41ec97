"""Progress on the terminal: one moving bar where there is a terminal, a line now and then where there is none."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def progress(*items: Any, **options: Any) -> tqdm[Any]:
    """A tqdm bar with an estimate of the time left, on standard error; the arguments are those of tqdm."""
    seldom = {} if sys.stderr.isatty() else {"mininterval": 15.0, "ncols": 100, "ascii": True}
    return tqdm(*items, **{"leave": False, "delay": 2.0, **seldom, **options})
