"""A deposit survives a round trip, and whatever is changed in it is named; recorded trials come out again."""

import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.record.row import Row
from inputgrad.report import archive, cells
from inputgrad.trials import again

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("CITATION.cff", "data/papers/smooth/", "data/results/quick/smooth/readings/")


@pytest.fixture(scope="module")
def deposit(tmp_path_factory):
    """A small deposit: some of the study's files, one network, and a book of one page."""
    if not (ROOT / ".git").exists():
        pytest.skip("a deposit is what git knows, and this is no checkout")
    import torch

    from inputgrad.compute.training import checkpoints

    folder = tmp_path_factory.mktemp("deposit")
    with pytest.MonkeyPatch.context() as patch:
        names = [name for name in archive.tracked() if name.startswith(KEPT)]
        patch.setattr(archive, "tracked", lambda: names)
        patch.setattr(archive, "EXHIBITS", ["smooth/readings"])
        patch.setattr(archive, "CHECKPOINTS", folder)
        (network,) = archive.recorded_networks()
        checkpoints.save(
            folder / network, {"a": torch.arange(6.0).reshape(2, 3), "n": torch.tensor(3)}, {"history": []}
        )
        patch.setattr(archive, "BOOK", str(folder / "html"))
        (folder / "html").mkdir()
        patch.setattr(archive, "files_of", lambda _: [])
        counted = archive.write(folder / "study.zip")
        archive.write(folder / "again.zip")
    assert counted["networks"] == counted["of networks"] == 1
    assert (folder / "study.zip").read_bytes() == (folder / "again.zip").read_bytes()
    return folder / "study.zip"


def rewritten(source, target, change):
    """A copy whose files, a mapping of name to content, were changed."""
    with zipfile.ZipFile(source) as old:
        files = {name: old.read(name) for name in old.namelist()}
    change(files)
    with zipfile.ZipFile(target, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)
    return target


def of(files, suffix):
    return next(name for name in files if name.endswith(suffix))


def test_a_deposit_verifies(deposit, command):
    assert archive.faults(deposit) == []
    done = command("verify", str(deposit))
    assert done.returncode == 0 and done.stdout == "everything in it is as it should be\n"


def flipped(files, suffix):
    name = of(files, suffix)
    files[name] = files[name][:-9] + bytes([files[name][-9] ^ 1]) + files[name][-8:]


def resummed(files):
    """Somebody changed a file and its sum in the list."""
    import hashlib

    names = sorted(set(files) - {archive.SUMS})
    files[archive.SUMS] = "".join(f"{hashlib.sha256(files[n]).hexdigest()}  {n}\n" for n in names).encode()


@pytest.mark.parametrize("change, said", [
    (lambda files: flipped(files, ".json"), "its sum differs"),
    (lambda files: files.pop(of(files, ".safetensors")), "is missing"),
    (lambda files: files.update(more=b""), "more is in no line of SHA256SUMS"),
    (lambda files: files.update({"../out": b""}), "../out leads out of the deposit"),
    (lambda files: files.pop(archive.SUMS), "SHA256SUMS is missing"),
    (lambda files: (flipped(files, ".safetensors"), resummed(files)), "its content is not what was written"),
    (lambda files: (flipped(files, "-s0.json"), resummed(files)), "is damaged"),
    (lambda files: (files.pop(of(files, ".safetensors")), resummed(files)), "and networks.json says otherwise"),
    (lambda files: (files.pop(of(files, "-s0.json")), resummed(files)), "measured on"),
    (lambda files: (files.pop(of(files, "claims.yaml")), resummed(files)), "ro-crate-metadata.json names"),
])  # fmt: skip
def test_what_is_wrong_with_a_deposit_is_named(deposit, tmp_path, change, said):
    found = archive.faults(rewritten(deposit, tmp_path / "changed.zip", change))
    assert any(said in line for line in found), found


@pytest.mark.parametrize("content", [None, b"", b"PK no"], ids=["absent", "empty", "no zip"])
def test_what_is_no_deposit_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(InputError, match="make archive writes one|no deposit that can be read"):
        archive.faults(tmp_path / "x.zip")


def test_machines_read_who_what_and_which_papers():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    made = archive.metadata(["README.md"])
    papers = [archive.identifier(paper) for paper in cited["references"]]
    graph = {entity["@id"]: entity for entity in made["ro-crate-metadata.json"]["@graph"]}
    assert graph["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert [paper["@id"] for paper in graph["./"]["citation"]] == papers
    assert all(part["@id"] in graph for part in graph["./"]["hasPart"] + graph["./"]["author"])
    assert [paper["@id"] for paper in made["codemeta.json"]["referencePublication"]] == papers
    assert [paper["identifier"] for paper in made[".zenodo.json"]["related_identifiers"]] == papers
    assert {made["codemeta.json"]["version"], made[".zenodo.json"]["version"]} == {cited["version"]}


# A stranger's check

ROW = {"table": "1", "dataset": "MNIST", "model": "LeNet-5", "defense": "none", "arm": "none", "attack": "FGSM",
       "steps": 1, "reading": "default", "metric": "accuracy"}  # fmt: skip


def share(count, total=1000, **changes):
    return Row(**{**ROW, **changes}, value=count / total, unit="fraction", count=count, total=total)


def number(value, unit="x"):
    return Row(**{**ROW, "metric": "l2_mean"}, value=value, unit=unit, total=100)


@pytest.mark.parametrize("old, new, inside", [
    (share(500), share(500), True), (share(980), share(951), True), (share(980), share(949), False),
    (share(500), share(557), True), (share(500), share(560), False), (share(5, 10), share(1, 10), True),
    (share(100, 10000), share(399, 10000), True), (share(100, 10000), share(401, 10000), False),
    (number(1.0), number(1.1), True), (number(1.0), number(1.2), False), (number(0.0), number(1e-7), True),
    (number(3.0, "percentage_points"), number(6.0, "percentage_points"), True),
])  # fmt: skip
def test_numbers_are_compared_by_the_tolerance(old, new, inside):
    (one,) = again.beside([old], [new])
    assert one.inside is inside


def test_a_row_that_is_missing_or_new_lies_outside_and_seconds_are_not_compared():
    found = again.beside([share(5), number(3.0, "s")], [share(5, attack="FGM"), number(9.0, "s")])
    assert [(one.recorded, one.measured, one.inside) for one in found] == [(0.005, None, False), (None, 0.005, False)]


def test_the_tolerance_is_that_of_the_books_cells():
    assert (100 * again.POINTS, again.PART) == (cells.CLOSE, cells.CLOSE_SHARE)


@pytest.fixture
def one_recorded(small_run, monkeypatch):
    """The result of a small run, as if it were the study's only recorded one."""
    (result,) = small_run("sign/labels").results
    monkeypatch.setattr(again.study, "EXHIBITS", {"sign/labels": again.study.EXHIBITS["sign/labels"]})
    monkeypatch.setattr(results, "recorded", lambda name: [result])
    return result


def test_what_was_measured_comes_out_again(one_recorded, workspace, tmp_path):
    before = one_recorded.path.read_bytes()
    text = again.check(1, report=tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["inside"] == 1.0 and "100.0 % of" in text
    assert len(next(iter(told["trials"].values()))) == len(one_recorded.rows)
    assert one_recorded.path.read_bytes() == before


def test_other_numbers_do_not_come_out_again(one_recorded, tmp_path, monkeypatch):
    def other(trial, root):
        rows = [Row.of(values) for values in again.rows_of(one_recorded)]
        return [share(row.total - row.count, row.total, **{c: getattr(row, c) for c in ROW}) if row.count is not None
                else row for row in rows]  # fmt: skip

    monkeypatch.setattr(again, "measured", other)
    with pytest.raises(InputError, match="should have"):
        again.check(1, report=tmp_path / "report.json")


def test_without_data_the_check_says_what_to_fetch(monkeypatch, tmp_path):
    with pytest.raises(InputError, match="inputgrad fetch mnist"):
        again.candidates(["convex/framework"], str(tmp_path))


def test_what_reads_an_absent_second_data_set_is_not_measured_again(monkeypatch):
    monkeypatch.setattr(again.datasets, "present", lambda name, root=None: name != "cifar100")
    monkeypatch.setattr(again, "loadable", lambda result, root: True)
    with pytest.raises(InputError, match="inputgrad fetch cifar100"):
        again.candidates(["butterfly/curves"], None)


def test_a_trial_costs_its_measuring_and_the_networks_that_are_not_here(monkeypatch, tmp_path):
    monkeypatch.setattr(again, "CHECKPOINTS", tmp_path)
    others = {"b": {"seconds": 20.0, "here": True}, "c": {"seconds": 5.0, "here": False}}
    told = {"checkpoint": "a", "seconds": {"training": 10.0, "measure": 50.0}, "other_networks": others}
    result = SimpleNamespace(provenance=told)
    assert again.cost(result) == 65
    for name in ("a", "b"):
        (tmp_path / name).touch()
    assert again.cost(result) == 35


def test_each_exhibit_has_its_turn(monkeypatch):
    monkeypatch.setattr(again.datasets, "present", lambda name, root=None: True)
    monkeypatch.setattr(again, "loadable", lambda result, root: True)
    found = again.candidates(["convex"], None)
    names = [result.provenance["declaration"]["exhibit"] for result in found]
    exhibits = len(set(names))
    assert exhibits > 1 and len(set(names[:exhibits])) == exhibits
    costs = [again.cost(result) for result in found]
    assert costs[:exhibits] == sorted(costs[:exhibits])
    assert costs[0] == min(costs)


def test_cheapest_first(monkeypatch):
    monkeypatch.setattr(again.datasets, "present", lambda *_: True)
    monkeypatch.setattr(again, "loadable", lambda *_: True)
    costs = [again.cost(result) for result in again.candidates(["convex/framework"], None)]
    assert costs == sorted(costs) and len(costs) > 5


def test_codecheck_names_what_is_made(root):
    said = yaml.safe_load((root / "codecheck.yml").read_text())
    assert said["paper"]["title"] == yaml.safe_load((root / "CITATION.cff").read_text())["title"]
    made = {str(again.REPORT.relative_to(ROOT)), "build/_build/html/index.html", "build/stage/book/_static/claims.json"}
    assert made | {"README.md"} == {entry["file"] for entry in said["manifest"]}
    makefile = (root / "Makefile").read_text()
    for target in ("readme", "book", "check-results"):
        assert any(f"`make {target}" in entry["comment"] for entry in said["manifest"]) and f"\n{target}:" in makefile
