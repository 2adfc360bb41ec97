"""Notebooks that open elsewhere: on Colab with a cell that gets the rest, on Binder without what computes."""

from __future__ import annotations

import json
import re
from pathlib import Path

from inputgrad import study
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import NOTEBOOKS

from .notebooks import readable

TAG = "launch"

CELL = """if "google.colab" in str(get_ipython()):  # Colab opens this notebook alone: get the checkout and its packages
    import sys

    get_ipython().system("git clone --quiet --depth 1 https://github.com/REPOSITORY /content/study")
    get_ipython().system("pip install --quiet -e '/content/study[run]'")
    get_ipython().run_line_magic("cd", "/content/study")
    sys.path.insert(0, "/content/study/lib")"""
"""The cell after the parameters': it does nothing but on Colab."""


def with_cell(text: str, repository: str) -> str:
    """A notebook's JSON with the cell for Colab after its parameters, in place of one it has.

    Args:
        text: the notebook.
        repository: whose checkout the cell clones, as ``owner/name``.

    Raises:
        InputError: the repository is written otherwise.
    """
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise InputError(f"repository {repository!r} is not allowed: write it as owner/name")
    notebook = json.loads(text)
    cells = [cell for cell in notebook["cells"] if TAG not in tags(cell)]
    place = next(i for i, cell in enumerate(cells) if "parameters" in tags(cell))
    source = CELL.replace("REPOSITORY", repository).splitlines(keepends=True)
    cell = {"cell_type": "code", "execution_count": None, "id": TAG, "metadata": {"tags": [TAG, "remove-cell"]},
            "outputs": [], "source": source}  # fmt: skip
    notebook["cells"] = [*cells[: place + 1], cell, *cells[place + 1 :]]
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def tags(cell: dict) -> list[str]:
    """The tags of a cell."""
    return cell["metadata"].get("tags", [])


def prepare(repository: str | None) -> list[Path]:
    """Write the cell for Colab into every notebook, or without a repository leave out of each what computes."""
    paths = []
    for exhibit in (*study.EXHIBITS, *study.OWN):
        paths.append(path := NOTEBOOKS / f"{exhibit}.ipynb")
        text = path.read_text(encoding="utf-8")
        write_text(path, with_cell(text, repository) if repository else readable(exhibit, text) + "\n")
    return paths
