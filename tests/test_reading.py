"""Reading without torch: what is recorded is shown and judged, and what computes is refused in one sentence."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from inputgrad.ground import needs
from inputgrad.ground.checks import InputError
from inputgrad.trials import notebooks, runner

ROOT = Path(__file__).resolve().parents[1]

BLOCKED = f"""
import sys

class Blocked:
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in {needs.COMPUTING!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked)
"""
"""A ``sitecustomize`` with which no process finds what computes, kernels included."""


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """``reader(*arguments)``: the command line in an environment without torch."""
    site = tmp_path_factory.mktemp("site")
    (site / "sitecustomize.py").write_text(BLOCKED)

    def run(*arguments, **environment):
        found = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT / 'lib'}", **environment}
        return subprocess.run([sys.executable, "-m", "inputgrad", *arguments], capture_output=True, text=True,
                              check=False, env=found, cwd=ROOT)  # fmt: skip

    return run


def sentence(done):
    """What a refused command says, which is one line."""
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    return line


@pytest.mark.parametrize("command", [["list"], ["verdicts", "smooth"], ["verify"]], ids=" ".join)
def test_reading_needs_no_torch(reader, command):
    done = reader(*command)
    assert done.returncode == 0, done.stderr
    assert "smooth" in done.stdout or "as it should be" in done.stdout


@pytest.mark.parametrize("command", [
    ["run", "smooth/readings", "-p", "images=7"], ["ideas"], ["record", "--hours", "1", "--dry-run"], ["fetch", "mnist"],
], ids=lambda words: words[0])  # fmt: skip
def test_what_computes_says_what_to_install(reader, command, tmp_path):
    line = sentence(reader(*command, INPUTGRAD_DATA=str(tmp_path)))
    assert re.fullmatch(
        r"inputgrad: (this|smooth/readings) computes, and \w+ is not installed: " + re.escape(needs.INSTALL), line
    )


def test_a_page_shows_what_is_recorded_and_leaves_out_what_computes(reader, tmp_path):
    done = reader("run", "smooth/readings", "-o", str(tmp_path / "page.ipynb"))
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "page.ipynb").read_text())["cells"]
    assert sum(notebooks.LEFT_OUT in "".join(cell["source"]) for cell in cells) == 1
    outputs = json.dumps([cell.get("outputs") for cell in cells])
    assert "0 computed now" in outputs and "not run" in outputs or "reproduced" in outputs


NOTEBOOK = {
    "cells": [
        {"cell_type": kind, "metadata": {"tags": tags}, "source": "", "outputs": [], "execution_count": None}
        for kind, tags in (("markdown", []), ("code", ["parameters"]), ("code", ["method"]), ("code", ["hide-input"]))
    ]
}


@pytest.mark.parametrize("tags, kept", [({"method"}, [1, 3]), (None, [1])])
def test_cells_that_compute_become_a_sentence(tags, kept):
    cells = json.loads(notebooks.without_computing(json.dumps(NOTEBOOK), tags))["cells"]
    assert [i for i, cell in enumerate(cells) if cell["cell_type"] == "code"] == kept
    assert all(cell["source"] == notebooks.LEFT_OUT for i, cell in enumerate(cells) if i and i not in kept)


def test_other_parameters_are_read_only_where_all_of_them_are_recorded(monkeypatch):
    monkeypatch.setattr(needs, "computes", lambda: False)
    with pytest.raises(InputError, match="computes, and torch"):
        runner.run("smooth/readings", images=7)
    shown = runner.run("smooth/readings", profile="quick")
    assert shown.computed == 0 and not shown.altered and shown.results


def test_a_copy_without_its_checkout_refuses_in_one_sentence(reader, tmp_path):
    shutil.copytree(ROOT / "lib" / "inputgrad", tmp_path / "inputgrad", ignore=shutil.ignore_patterns("__pycache__"))
    apart = {"PYTHONPATH": str(tmp_path)}
    said = "inputgrad: the notebooks, papers and results are not in"
    assert sentence(reader("list", **apart)).startswith(said)
    named = reader("verdicts", "smooth", "--brief", INPUTGRAD_ROOT=str(ROOT), **apart)
    assert named.returncode == 0 and "smooth" in named.stdout


def test_the_extra_run_is_what_computes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.match(r"[\w-]+", line)[0] for line in project["optional-dependencies"]["run"]}
    assert named == set(needs.COMPUTING)
    assert not named & {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}


STAND_INS = """
import importlib, sys
from pathlib import Path
sys.path.insert(0, "book/_ext")
from offline_book import COMPUTES
from sphinx.ext.autodoc.mock import mock
with mock(list(COMPUTES)):
    for name in sys.argv[1:]:
        importlib.import_module(name)
    assert not Path(str(sys.modules["torch"].__file__)).is_file(), "torch itself was imported"
"""


def test_the_pages_of_the_library_are_made_where_stand_ins_are_imported():
    root = Path(__file__).resolve().parents[1]
    pages = "".join(page.read_text(encoding="utf-8") for page in sorted((root / "book/api").glob("*.md")))
    modules = re.findall(r"automodule:: ([\w.]+)", pages)
    assert len(modules) > 10
    done = subprocess.run(
        [sys.executable, "-c", STAND_INS, *modules], capture_output=True, text=True, check=False, cwd=root
    )
    assert done.returncode == 0, done.stderr[-2000:]
