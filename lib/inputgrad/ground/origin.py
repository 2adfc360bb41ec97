"""Which code is running: commit and versions, as they were when this process started."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import version

from .paths import ROOT


@cache
def origin() -> dict:
    """``commit``, whether ``lib`` was ``modified`` since, and ``versions``; read once, before anything is computed."""
    return {
        "commit": git("rev-parse", "--short=12", "HEAD"),
        "modified": bool(git("status", "--porcelain", "--untracked-files=no", "--", "lib")),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in ("torch", "torchvision", "numpy")}},
    }


def git(*arguments: str) -> str:
    """What git prints, or ``""`` outside a checkout and where there is no git."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
