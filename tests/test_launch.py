"""A notebook that is shown with a button has what it needs where the button opens it."""

import json
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import NOTEBOOKS
from inputgrad.report import book
from inputgrad.study import EXHIBITS, OWN
from inputgrad.trials import launch, notebooks

ROOT = Path(__file__).resolve().parents[1]
HERE = "someone/study"


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """Copies of all notebooks, in whose place they stand."""
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    for module in (launch, book):
        monkeypatch.setattr(module, "NOTEBOOKS", tmp_path / "notebooks")
    return tmp_path / "notebooks"


def cells(path):
    return json.loads(path.read_text())["cells"]


def test_every_notebook_gets_one_cell_for_colab_after_its_parameters(copies):
    before = {name: cells(copies / f"{name}.ipynb") for name in (*EXHIBITS, *OWN)}
    launch.prepare("another/study")
    launch.prepare(HERE)
    for name, old in before.items():
        new = cells(copies / f"{name}.ipynb")
        (place,) = [i for i, cell in enumerate(new) if "launch" in cell["metadata"].get("tags", [])]
        assert "parameters" in new[place - 1]["metadata"]["tags"]
        assert new[:place] + new[place + 1 :] == old
        assert f"github.com/{HERE} " in "".join(new[place]["source"])


@pytest.mark.parametrize("shell, called", [("ZMQInteractiveShell", 0), ("google.colab._shell.Shell", 3)])
def test_the_cell_does_nothing_but_on_colab(shell, called, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    done = []

    class Shell(SimpleNamespace):
        def __str__(self):
            return f"<{shell} object>"

    here = Shell(system=done.append, run_line_magic=lambda *words: done.append(" ".join(words)))
    text = launch.with_cell((NOTEBOOKS / "sign/adversarial.ipynb").read_text(), HERE)
    (cell,) = [cell for cell in json.loads(text)["cells"] if cell.get("id") == "launch"]
    exec("".join(cell["source"]), {"get_ipython": lambda: here})
    assert len(done) == called
    if called:
        clone, install, enter = done
        folder = clone.split()[-1]
        assert f"github.com/{HERE} " in clone and f"'{folder}[run]'" in install and enter == f"cd {folder}"
        assert f"{folder}/lib" in sys.path


@pytest.mark.parametrize("name", ["study", "a/b/c", "a b/c", "$(x)/y"])
def test_a_repository_is_an_owner_and_a_name(name):
    with pytest.raises(InputError, match="write it as owner/name"):
        launch.with_cell((NOTEBOOKS / "sign/adversarial.ipynb").read_text(), name)


def test_the_command_wants_one_of_the_two(command):
    for arguments in ([], [HERE, "--reading"]):
        done = command("launch", *arguments)
        assert done.returncode == 2 and "launch needs one of the two" in done.stderr


def test_colabs_button_is_shown_where_every_notebook_clones_this_repository(copies, monkeypatch):
    monkeypatch.setenv("GITHUB_REPOSITORY", HERE)
    assert "colab_url" not in yaml.safe_load(book.config())["launch_buttons"]
    launch.prepare("another/study")
    assert "colab_url" not in yaml.safe_load(book.config())["launch_buttons"]
    launch.prepare(HERE)
    assert "colab_url" in yaml.safe_load(book.config())["launch_buttons"]


def test_on_binder_no_notebook_needs_what_is_not_installed(copies):
    assert (ROOT / "binder" / "requirements.txt").read_text() == "-e .[read]\n"
    assert "inputgrad launch --reading" in (ROOT / "binder" / "postBuild").read_text()
    launch.prepare(None)
    for name in (*EXHIBITS, *OWN):
        code = "\n".join("".join(c["source"]) for c in cells(copies / f"{name}.ipynb") if c["cell_type"] == "code")
        assert not re.search(r"inputgrad\.(compute|trials)|import torch", code), name
        assert notebooks.LEFT_OUT in json.dumps(cells(copies / f"{name}.ipynb"), ensure_ascii=False)


def test_the_devcontainer_installs_by_the_makefile():
    said = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert (ROOT / ".devcontainer" / said["build"]["dockerfile"]).is_file()
    assert said["postCreateCommand"] == "make .venv/.ready"
    assert "$(VENV)/.ready: pyproject.toml" in (ROOT / "Makefile").read_text()
