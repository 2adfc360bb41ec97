import json
import re

import numpy as np
import pandas as pd
import pytest

from inputgrad import study
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import RECORDED
from inputgrad.record import results
from inputgrad.record.row import COLUMNS, UNITS, Row
from inputgrad.report.markup import Table
from inputgrad.study.schema import PROFILES

SIGN = "sign/adversarial"


def row(**changes):
    base = {"table": "1", "dataset": "MNIST", "model": "AlexNet", "defense": "none", "arm": "none", "attack": "FGSM",
            "eps": "0.05", "steps": 1, "reading": "default", "metric": "accuracy", "value": 0.5, "unit": "fraction",
            "count": 5, "total": 10}  # fmt: skip
    return Row(**{**base, **changes})


@pytest.fixture
def trial(workspace):
    return study.trials(SIGN, profile="quick", datasets=["mnist"], models=["alexnet"], seeds=[0])[0]


def provenance(trial):
    from dataclasses import asdict

    return {"declaration": asdict(trial)}


def resealed(path, change):
    """The file at ``path`` with ``change`` done to what it says, and the sum that goes with it."""
    raw = json.loads(path.read_text())
    del raw["sum"]
    change(raw)
    path.write_text(results.sealed(json.dumps(raw)))


def test_round_trip(trial):
    arrays = {"a/b": np.arange(6, dtype=np.int16).reshape(2, 3), "empty": np.zeros((0, 4), np.uint8)}
    path = results.write(trial, [row(), row(eps="0.10", value=0.25, count=None)], arrays, provenance(trial))
    back = results.fresh(trial)
    assert back.path == path
    assert back.rows["value"].tolist() == [0.5, 0.25]
    assert all(np.array_equal(back.arrays[k], arrays[k]) and back.arrays[k].dtype == arrays[k].dtype for k in arrays)
    json.loads(path.read_text())


def test_declared_trials_are_recorded_and_others_are_not(trial, workspace):
    own = study.trials(SIGN, profile="quick", datasets=["mnist"], models=["alexnet"], seeds=[0], eps=["0.1"])[0]
    smoke = study.declared_trials(SIGN, "smoke")[0]
    assert results.path_of(trial).is_relative_to(workspace / "recorded")
    assert results.path_of(own).is_relative_to(workspace / "scratch")
    assert results.path_of(smoke).is_relative_to(workspace / "scratch")


def test_a_result_of_another_declaration_is_not_fresh(trial):
    path = results.write(trial, [row()], {}, provenance(trial))
    resealed(path, lambda raw: raw.update(key="0" * 16))
    assert results.fresh(trial) is None
    assert results.recorded(SIGN) == []
    assert results.stale(SIGN) == [path]


@pytest.mark.parametrize("damage", [lambda t: t[: len(t) // 2], lambda t: "{}", lambda t: "[1, 2", lambda t: ""])
def test_a_damaged_file_is_named(trial, damage):
    path = results.write(trial, [row()], {}, provenance(trial))
    path.write_text(damage(path.read_text()))
    with pytest.raises(
        InputError, match="results file .*mnist-alexnet-s0.json is damaged .*: restore it with git, or delete it"
    ):
        results.fresh(trial)


WRONG = [
    ({"unit": "percent"}, "unit 'percent' is unknown: choose from fraction, "),
    ({"dataset": ""}, "dataset '' is not a name"),
    ({"maker": None}, "maker None is not a text"),
    ({"eps": "large"}, "eps 'large' is not a number: write it as '0.3' or '8/255'"),
    ({"parameter": "1/0"}, "parameter '1/0' is not a number"),
    ({"steps": -1}, "steps -1 is too small: it must be at least 0"),
    ({"steps": 1.0}, "steps 1.0 is not an integer"),
    ({"value": float("nan"), "count": None}, "value nan is not a finite number"),
    ({"value": "0.5"}, "value '0.5' is not a finite number"),
    ({"count": 11}, "count 11 is too large: it must be at most 10"),
    ({"count": 4}, "value 0.5 is not the count 4 of the total 10"),
    ({"total": -1, "count": None}, "total -1 is too small"),
    ({"count": 0, "total": 0}, "count 0 is that of a share of images, not of 0 fraction"),
    ({"unit": "x"}, "count 5 is that of a share of images, not of 10 x"),
    ({"value": 5.0, "count": None}, "value 5.0 is not a number of fraction, from 0 to 1"),
    ({"value": -1, "unit": "s", "count": None}, "value -1 is not a number of s, from 0 to inf"),
    ({"eps": "1e400"}, "eps '1e400' is not a number"),
    ({"eps": "9" * 400 + "/1"}, f"eps '{'9' * 400}/1' is not a number: write it as"),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_a_column_has_only_what_it_can_have(changes, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        row(**changes)


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_a_wrong_row_of_a_file_is_named(trial, changes, sentence):
    path = results.write(trial, [row(), row(eps="0.1")], {}, provenance(trial))
    raw = json.loads(path.read_text())
    for column, value in changes.items():
        raw["rows"][1][COLUMNS.index(column)] = value
    path.write_text(path.read_text().replace(json.dumps(row(eps="0.1").values()), json.dumps(raw["rows"][1])))
    with pytest.raises(
        InputError, match=re.escape(f"mnist-alexnet-s0.json is damaged (line {line_of(path)}, row 2: {sentence}")
    ):
        results.read(path)


def line_of(path):
    """The line of the last row of a file."""
    return path.read_text().count("\n") - 1


def test_a_row_has_every_column(trial):
    path = results.write(trial, [row()], {}, provenance(trial))
    path.write_text(path.read_text().replace(', "MNIST", ', ", "))
    with pytest.raises(InputError, match=r"row 1: .* is not a list of 17 values, one a column"):
        results.read(path)
    assert Row.of(row().values()) == row()


def test_a_number_is_recorded_once(trial):
    with pytest.raises(InputError, match="row 3 measures once more what row 1 does"):
        results.write(trial, [row(), row(eps="0.1"), row(value=0.4, count=4)], {}, provenance(trial))
    path = results.write(trial, [row()], {}, provenance(trial))
    resealed(path, lambda raw: raw["rows"].append(raw["rows"][0]))
    with pytest.raises(InputError, match="is damaged .row 2 measures once more what row 1 does"):
        results.read(path)


def test_what_was_not_written_so_is_seen_by_the_sum(trial):
    path = results.write(trial, [row(), row(eps="0.1")], {}, provenance(trial))
    text = path.read_text()
    for before, after in (('0.5, "fraction", 5', '0.4, "fraction", 4'), ('"0.1"', '"0.2"'), ("\n]}", "]}"),
                          ('"MNIST"', '"<b>MNIST</b>"'), ('"provenance": {', '"provenance": {"x": 1, ')):  # fmt: skip
        assert before in text
        path.write_text(text.replace(before, after))
        with pytest.raises(InputError, match="is damaged .its content is not that of its sum"):
            results.read(path)
    path.write_text(text)
    assert len(results.read(path).rows) == 2


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda raw: raw.update(provenance=None), "TypeError"),
        (lambda raw: raw.update(provenance={}), "KeyError: 'declaration'"),
        (lambda raw: raw["provenance"]["declaration"].update(profile=3), "what it declares is 3 sign/adversarial"),
        (lambda raw: raw["provenance"]["declaration"].update(profile="paper"), "what it declares is paper sign/adv"),
        (lambda raw: raw["provenance"]["declaration"].update(colour="red"), "unexpected keyword argument 'colour'"),
        (lambda raw: raw["provenance"]["declaration"]["settings"].update(images=1), "its key is of another declaration"),
        (lambda raw: raw.update(arrays=[1]), "AttributeError"),
        (lambda raw: raw.update(arrays={"a": {"dtype": "u1", "shape": [9], "zlib": "eJwDAAAAAAE="}}), "ValueError"),
    ],
)  # fmt: skip
def test_what_a_result_says_of_itself_is_checked(trial, change, why):
    path = results.write(trial, [row()], {}, provenance(trial))
    resealed(path, change)
    with pytest.raises(InputError, match=f"mnist-alexnet-s0.json is damaged .*{why}"):
        results.fresh(trial)


def test_a_file_of_an_earlier_version_is_refused(trial):
    path = results.write(trial, [row()], {}, provenance(trial))
    whole = path.read_text()
    path.write_text(re.sub(r'\n "sum": "[0-9a-f]{64}",', "", whole))
    with pytest.raises(InputError, match="has no content sum: delete it, and the trial is computed again"):
        results.read(path)
    before = json.loads(whole)
    before["columns"].remove("maker")
    path.write_text(json.dumps(before))
    with pytest.raises(InputError, match="has the rows of an earlier version: delete it"):
        results.read(path)


def test_deep_nesting_is_damage(trial):
    path = results.write(trial, [row()], {}, provenance(trial))
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="is damaged .RecursionError"):
        results.fresh(trial)


def test_every_unit_and_every_column_is_explained(root):
    text = (root / "data" / "README.md").read_text()
    assert [name for name in (*COLUMNS, *UNITS) if f"`{name}`" not in text] == []


def test_a_full_disk_keeps_what_was_there(trial, monkeypatch):
    path = results.write(trial, [row()], {}, provenance(trial))
    before = path.read_text()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left on device.: nothing was changed there"):
        results.write(trial, [row(value=0.1, count=1)], {}, provenance(trial))
    assert path.read_text() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_an_error_while_writing_leaves_no_file(tmp_path):
    with pytest.raises(TypeError):
        write_text(tmp_path / "x.json", None)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_profile_is_the_one_shown(workspace):
    for profile, dataset, seed in (
        ("quick", "mnist", 0),
        ("quick", "mnist", 1),
        ("paper", "mnist", 0),
        ("quick", "cifar10", 0),
    ):
        trial = study.trials(SIGN, profile=profile, datasets=[dataset], models=["alexnet"], seeds=[seed])[0]
        results.write(trial, [row()], {}, provenance(trial))
    shown = [r.provenance["declaration"] for r in results.largest(results.recorded(SIGN))]
    assert [(d["profile"], d["dataset"], d["seed"]) for d in shown] == [("quick", "cifar10", 0), ("paper", "mnist", 0)]


def test_every_recorded_file_is_fresh_and_says_where_it_comes_from():
    files = set(RECORDED.rglob("*.json"))
    found = [r for e in study.EXHIBITS for r in results.recorded(e)]
    assert {r.path for r in found} == files
    for result in found:
        p = result.provenance
        assert p["declaration"]["profile"] in PROFILES[1:]
        assert p["commit"] and not p["modified"], result.path  # what a commit names can be read
        assert p["device"] in ("cpu", "cuda") and p["versions"]["torch"] and p["seconds"]["measure"] > 0
        shares = result.rows[result.rows["unit"] == "fraction"].dropna(subset=["count"])
        assert np.allclose(shares["value"], shares["count"].astype(float) / shares["total"])


def test_text_of_a_row_is_text_on_a_page():
    """No HTML from a row, in a notebook's table or in a chapter's."""
    script = "<script>alert(1)</script> | <!-- p < 5 -->"
    shown = Table(pd.DataFrame({"data set": [script]}), "From a row")
    for page in (shown._repr_html_(), shown.markdown()):
        assert "<script" not in page and "<!--" not in page and "alert(1)" in page


def test_a_column_of_the_studys_own_markup_keeps_it():
    frame = pd.DataFrame({"data set": ["<b>a</b> | b"], "why": ["<sup>a</sup> |\nb"]})
    shown = Table(frame, "Of two columns", marked_up=("why",)).markdown()
    assert r"| &lt;b>a&lt;/b> \| b | <sup>a</sup> \| b |" in shown
