"""Where things live, in one place."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(os.environ.get("INPUTGRAD_ROOT") or Path(__file__).resolve().parents[3])
"""The checkout: the folder that holds ``notebooks/``, ``data/`` and ``book/``."""

NOTEBOOKS = ROOT / "notebooks"
PAPERS = ROOT / "data" / "papers"
RECORDED = ROOT / "data" / "results"
EXPLORER = ROOT / "data" / "explorer.json"
GALLERY = ROOT / "data" / "gallery.json"
IDEAS = ROOT / "data" / "ideas.json"
IMAGENETTE = ROOT / "data" / "imagenette.txt"
CHECKPOINTS = Path(os.environ.get("INPUTGRAD_CHECKPOINTS") or ROOT / "data" / "checkpoints")
BUILD = ROOT / "build"
SCRATCH = BUILD / "results"


def data_root(given: str | os.PathLike | None = None) -> Path:
    """The folder of the data sets: the one given, else ``$INPUTGRAD_DATA``, else ``data/datasets``."""
    return Path(given or os.environ.get("INPUTGRAD_DATA") or ROOT / "data" / "datasets").expanduser()


def relative(path: Path) -> str:
    """``path`` as a reader would type it from the checkout."""
    try:
        return path.resolve().relative_to(ROOT).as_posix()
    except ValueError:
        return str(path)
