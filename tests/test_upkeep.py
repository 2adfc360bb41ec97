"""What a maintainer relies on: the workflows, the citation, the environments, by code where no reader would look."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAPERS = ("agarwal2020sign", "balda2018convex", "mosca2018smooth", "aboutalebi2020selfgradient", "yoo2018butterfly")


def bibliography():
    """The entries of the book's bibliography, each with its fields, by key."""
    text = (ROOT / "book" / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"@\w+\{(\w+),\n(.*?)\n\}", text, re.S)
    return {key: dict(re.findall(r"^  (\w+) = \{(.*?)\},?$", fields, re.M)) for key, fields in entries}


def plain(title):
    return title.replace("{", "").replace("}", "")


def test_the_citation_names_the_five_papers_as_the_bibliography_has_them():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    known = bibliography()
    assert [paper["title"] for paper in cited] == [plain(known[key]["title"]) for key in PAPERS]
    for paper, key in zip(cited, PAPERS, strict=True):
        entry = known[key]
        names = [f"{a['family-names']}, {a['given-names']}" for a in paper["authors"]]
        assert " and ".join(names) == entry["author"]
        assert str(paper["year"]) == entry["year"]
        assert paper.get("doi") == entry.get("doi")
        number = paper.get("identifiers", [{}])[0].get("value", "").removeprefix("arXiv:") or None
        assert number == entry.get("eprint")


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
USES = re.compile(r"- uses: (\S+)(.*)")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40}$")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[1].split())


def jobs():
    """Every job of every workflow: its workflow's file, its name and what it says."""
    for path in WORKFLOWS:
        yield from ((path, name, job) for name, job in yaml.safe_load(path.read_text())["jobs"].items())


def steps(key):
    return [(f"{path.name}: {name}", step[key]) for path, name, job in jobs() for step in job["steps"] if key in step]


def test_every_action_is_pinned_by_its_commit_and_its_version_said():
    lines = [(path.name, *match) for path in WORKFLOWS for match in USES.findall(path.read_text())]
    assert len(lines) == len(steps("uses"))
    for where, action, comment in lines:
        assert PINNED.match(action), (where, action)
        assert re.fullmatch(r"  # v\d+\.\d+\.\d+", comment), (where, action)
    versions = {(action.split("@")[0], action, comment) for _, action, comment in lines}
    assert len({name for name, *_ in versions}) == len(versions), "one action, one version"


def test_a_job_may_do_no_more_than_it_says_and_ends():
    assert all(yaml.safe_load(path.read_text())["permissions"] == {} for path in WORKFLOWS)
    writing = set()
    for path, name, job in jobs():
        assert job["timeout-minutes"] <= 120
        if any(right != "read" for right in job["permissions"].values()):
            writing.add((path.name, name))
    assert writing == {("book.yml", "publish")}
    checkouts = [step for *_, job in jobs() for step in job["steps"] if "actions/checkout" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_a_build_may_be_cancelled_and_a_publication_may_not():
    said = {name: job.get("concurrency", {}) for path, name, job in jobs() if path.name == "book.yml"}
    assert {name: group.get("cancel-in-progress") for name, group in said.items()} == {
        "forms": None, "build": True, "elsewhere": True, "read": True, "publish": False,
    }  # fmt: skip
    assert "concurrency" not in yaml.safe_load((ROOT / ".github/workflows/book.yml").read_text())
    groups = [group["group"].split("-${{ github.ref }}")[0] for group in said.values() if group]
    assert len(set(groups)) == len(groups)


def test_what_the_workflows_call_is_there():
    made = {word for _, line in steps("run") for word in re.findall(r"\bmake ([a-z-]+)", line)}
    assert {"test", "book", "test-faults", "test-browser", "test-slurm", "mutants", "locked", "read"} <= made <= TARGETS
    called = [line for _, line in steps("run") if line.startswith("bash ")]
    assert called and all((ROOT / line.split()[1]).is_file() for line in called)
    assert "UV_TORCH_BACKEND" in MAKEFILE
    assert all(yaml.safe_load(path.read_text())["env"] == {"UV_TORCH_BACKEND": "cpu"} for path in WORKFLOWS)


def test_what_people_have_is_tried():
    (elsewhere,) = [job for _, name, job in jobs() if name == "elsewhere"]
    tried = {(one["system"], one["python"]) for one in elsewhere["strategy"]["matrix"]["include"]}
    tried |= {(job["runs-on"], step["with"]["python-version"]) for _, name, job in jobs() if name == "build"
              for step in job["steps"] if "setup-python" in step.get("uses", "")}  # fmt: skip
    assert tried == {(system, python) for system in ("ubuntu-latest", "macos-latest") for python in ("3.11", "3.14")}
    assert any(one["locked"] for one in elsewhere["strategy"]["matrix"]["include"])


def test_every_target_is_phony_and_explained():
    rules = re.findall(r"^([a-z][a-z -]*):(.*)$", MAKEFILE, re.M)
    named = {name for names, _ in rules for name in names.split()}
    assert named <= TARGETS
    assert all("##" in rest for _, rest in rules)
    assert TARGETS - named <= {"help"} | named


def bare(requirement):
    """``"torch>=2.11"`` -> ``("torch", ">=2.11")``."""
    name, bounds = re.fullmatch(r"([\w-]+)((?:[<>=!].*)?)", requirement).groups()
    return name, bounds


CONDA = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib", "seaborn-base": "seaborn"}
"""Packages that conda-forge names otherwise."""


def test_conda_readers_get_the_same_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = dict(map(bare, [*project["dependencies"], *extras["run"], *extras["book"], *extras["test"]]))
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    named = dict(map(bare, (line for line in listed if isinstance(line, str))))
    own = {CONDA.get(name, name): bounds for name, bounds in named.items() if name not in ("python", "make", "pip")}
    assert own == {name: wanted[name] for name in own}
    assert {bare(line)[0] for line in extras["run"]} - set(own) == {"pyautoattack"}
    (pip,) = [line["pip"] for line in listed if isinstance(line, dict)]
    assert pip == ["-e .[run,book,test]"]


def test_the_lock_is_for_every_system():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    assert all("==" in line for line in lines)
    nvidia = [line for line in lines if line.startswith(("nvidia-", "cuda-"))]
    assert nvidia and all("sys_platform == 'linux'" in line for line in nvidia)


@pytest.mark.parametrize("path", sorted((ROOT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_workflows_are_yaml_without_repeated_keys(path):
    def unique(loader, node, deep=False):
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(set(keys)) == len(keys), keys
        return loader.construct_yaml_map(node)

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("tag:yaml.org,2002:map", unique)
    assert yaml.load(path.read_text(), Loader)
