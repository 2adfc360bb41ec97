"""Files of an earlier version, brought up to date: every rule by hand."""

import json
import re

import numpy as np
import pytest

from inputgrad.__main__ import main
from inputgrad.ground.checks import InputError
from inputgrad.record import migration, results
from inputgrad.record.row import COLUMNS

SCRATCH, TUNED = "[A] scratch classifier", "[B] pretrained classifier"
HAND = [
    # exhibit, settings, what a row said, what becomes of it (arm, maker, variant, eps, parameter, steps, unit)
    ("butterfly/enhancing", {}, {"defense": f"{SCRATCH}, Vanilla", "attack": "none"},
     (SCRATCH, "Vanilla", "", "", "", 0, "fraction")),
    ("butterfly/enhancing", {}, {"defense": f"{SCRATCH}, Proposed-50, direct, encoder from scratch"},
     (SCRATCH, "Proposed-50", "direct, encoder from scratch", "", "", 0, "fraction")),
    ("butterfly/enhancing", {}, {"defense": "probe and classifier, mean"},
     ("probe and classifier, mean", "", "", "", "", 0, "fraction")),
    ("butterfly/told", {}, {"defense": "head on the classifier's features, told", "unit": "ratio", "metric": "auroc"},
     ("head on the classifier's features", "", "told", "", "", 0, "ratio")),
    ("butterfly/attacking", {}, {"defense": f"{TUNED}, PGD, limited", "attack": "v on another classifier"},
     (TUNED, "PGD", "limited", "", "", 20, "fraction")),
    ("butterfly/attacking", {}, {"defense": f"{TUNED}, EHA", "metric": "l2", "unit": "x"},
     (TUNED, "EHA", "", "", "", 1, "x")),
    ("butterfly/curves", {}, {"defense": "attack, lr", "eps": "0.3", "steps": 4, "metric": "d_loss", "unit": "x"},
     ("attack", "", "lr", "", "0.3", 4, "loss")),
    ("butterfly/pictures", {}, {"defense": "enhance", "attack": "none"}, ("enhance", "", "", "", "", 0, "fraction")),
    ("convex/fooling", {}, {"attack": "DeepFool", "eps": "0.1", "steps": 1, "reading": "clip=True least eps"},
     ("none", "", "in the box, least eps", "0.1", "", 50, "fraction")),
    ("convex/fooling", {}, {"attack": "Algorithm 1", "eps": "0.1", "steps": 1, "reading": "scores=softmax"},
     ("none", "", "", "0.1", "", 1, "fraction")),
    ("convex/framework", {}, {"eps": "1.5", "steps": 1, "reading": "p=inf", "metric": "fooled_at_multiple"},
     ("none", "", "inf", "", "1.5", 1, "fraction")),
    ("convex/framework", {}, {"attack": "FastGrad", "eps": "0.1", "steps": 1, "metric": "fooling_ratio"},
     ("none", "", "", "0.1", "", 1, "fraction")),
    ("convex/pairs", {}, {"attack": "Algorithm 1-5", "steps": 1, "reading": "against DeepFool", "metric": "lead",
                          "unit": "points"},
     ("none", "", "DeepFool", "", "", 5, "percentage_points")),
    ("convex/pairs", {}, {"attack": "Algorithm 1", "reading": "against FastGrad", "metric": "mean_lead_low",
                          "unit": "points"},
     ("none", "", "FastGrad", "", "", 1, "percentage_points")),
    ("convex/recipes", {}, {"attack": "none", "reading": "trained=weight decay"},
     ("none", "", "weight decay", "", "", 0, "fraction")),
    ("convex/regression", {}, {"attack": "Algorithm 1-10", "eps": "0.2", "steps": 1, "metric": "pixels_moved_mean",
                               "unit": "x"},
     ("none", "", "", "0.2", "", 10, "ratio")),
    ("convex/regression", {}, {"attack": "none", "steps": 1, "metric": "output_error_median", "unit": "x"},
     ("none", "", "", "", "", 0, "output")),
    ("convex/robustness", {"deepfool_steps": 30}, {"attack": "DeepFool", "reading": "rho_unit=range", "unit": "ratio",
                                                   "metric": "rho1_hat"},
     ("none", "", "in units of the range", "", "", 30, "ratio")),
    ("convex/rounding", {}, {"attack": "FastGrad", "eps": "4", "steps": 1, "reading": "scale=4"},
     ("none", "", "", "4", "4", 1, "fraction")),
    ("convex/rounding", {}, {"attack": "FastGrad", "eps": "0.1", "steps": 1}, ("none", "", "", "0.1", "1", 1, "fraction")),
    ("selfgrad/audit", {}, {"defense": "Self gradient", "attack": "none", "steps": 1, "metric": "cosine_mean",
                            "unit": "ratio"},
     ("Self gradient", "", "", "", "", 0, "ratio")),
    ("selfgrad/audit", {}, {"defense": "Self gradient, rescaled, block off", "attack": "PGD", "steps": 20},
     ("Self gradient, rescaled", "", "block off", "", "", 20, "fraction")),
    ("selfgrad/convergence", {}, {"defense": "Self gradient", "attack": "quadratic", "eps": "0.5", "steps": 3,
                                  "metric": "change", "unit": "x"},
     ("Self gradient", "", "", "0.5", "", 3, "ratio")),
    ("selfgrad/convergence", {}, {"defense": "Self gradient", "steps": 3, "metric": "change_l2_mean", "unit": "x"},
     ("Self gradient", "", "", "", "", 3, "1/x")),
    ("sign/adversarial", {}, {"eps": "0.30", "steps": 1, "metric": "psnr_median", "unit": "x"},
     ("none", "", "", "0.30", "", 1, "dB")),
    ("sign/labels", {}, {"eps": "0.30", "steps": 1, "reading": "attack_loss=nll_logits label=runner_up"},
     ("none", "", "runner_up", "0.30", "", 1, "fraction")),
    ("sign/labels", {}, {"eps": "0.30", "steps": 1}, ("none", "", "true", "0.30", "", 1, "fraction")),
    ("sign/perceptibility", {}, {"eps": "1/32", "steps": 1, "metric": "ssim_mean", "unit": "x"},
     ("none", "", "", "", "1/32", 1, "ratio")),
    ("sign/perceptibility", {}, {"attack": "none", "eps": "0.0"}, ("none", "", "", "0.0", "", 0, "fraction")),
    ("smooth/readings", {}, {"defense": "updates", "eps": "0.2", "steps": 1, "reading": "0.2 sum noise"},
     ("updates", "", "sum noise", "0.2", "0.2", 1, "fraction")),
    ("smooth/readings", {}, {"defense": "control", "reading": "control", "metric": "drift_l2", "unit": "x"},
     ("control", "", "", "", "0", 0, "x")),
    ("synthesis/attacks", {"steps": 40}, {"defense": "as trained", "attack": "CW", "eps": "0.1", "steps": 1},
     ("as trained", "", "", "0.1", "", 40, "fraction")),
    ("synthesis/attacks", {"steps": 40}, {"defense": "as trained", "attack": "all of them", "eps": "0.1", "steps": 1},
     ("as trained", "", "", "0.1", "", 0, "fraction")),
]  # fmt: skip


def before(**changes):
    base = {"table": "own", "dataset": "MNIST", "model": "FCNN", "defense": "none", "attack": "FGSM", "eps": "", "steps": 0,
            "reading": "default", "metric": "accuracy", "value": 0.1, "unit": "fraction", "count": 1, "total": 10}  # fmt: skip
    row = {**base, **changes}
    return row if row["unit"] == "fraction" else {**row, "count": None}


@pytest.mark.parametrize(("exhibit", "settings", "said", "expected"), HAND)
def test_a_row_says_in_columns_what_it_said_in_names(exhibit, settings, said, expected):
    old = before(**said)
    row = migration.migrated(old, exhibit, settings)
    assert (row.arm, row.maker, row.variant, row.eps, row.parameter, row.steps, row.unit) == expected
    changed = {column for column in migration.BEFORE if getattr(row, column) != old[column]}
    assert changed <= {"eps", "steps", "unit"}


OLD = {
    "key": "0123456789abcdef",
    "provenance": {"commit": "e7c1152", "seconds": {"measure": 1.5},
                   "declaration": {"exhibit": "synthesis/attacks", "version": 1, "profile": "quick", "dataset": "mnist",
                                   "model": "fcnn", "seed": 0, "settings": {"steps": 50}}},
    "arrays": {"a": results.pack(np.array([1, 2], np.uint8))},
    "columns": list(migration.BEFORE),
    "rows": [
        ["own", "MNIST", "FCNN", "as trained", "none", "", 0, "default", "accuracy", 0.98, "fraction", 98, 100],
        ["own", "MNIST", "FCNN", "as trained", "PGD", "0.1", 1, "default", "accuracy", 0.07, "fraction", 7, 100],
        ["own", "MNIST", "FCNN", "as trained", "PGD", "0.1", 1, "default", "l2_mean", 1.2345, "x", None, 100],
    ],
}  # fmt: skip
NEW = [
    ["own", "MNIST", "FCNN", "as trained", "as trained", "", "", "none", "", "", 0, "default", "accuracy", 0.98,
     "fraction", 98, 100],
    ["own", "MNIST", "FCNN", "as trained", "as trained", "", "", "PGD", "0.1", "", 50, "default", "accuracy", 0.07,
     "fraction", 7, 100],
    ["own", "MNIST", "FCNN", "as trained", "as trained", "", "", "PGD", "0.1", "", 50, "default", "l2_mean", 1.2345, "x",
     None, 100],
]  # fmt: skip


@pytest.fixture
def old_file(workspace):
    path = results.RECORDED / "quick" / "synthesis" / "attacks" / "mnist-fcnn-s0.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(OLD))
    return path


def test_a_file_is_migrated_once_and_nothing_else_of_it_changes(old_file, capsys):
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == f"{old_file}: 3 rows; changed steps of 2\n"
    once = old_file.read_text()
    said = json.loads(once)
    assert len(said.pop("sum")) == 64
    assert said == {**OLD, "columns": list(COLUMNS), "rows": NEW}
    assert results.read(old_file).rows["value"].tolist() == [0.98, 0.07, 1.2345]
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == "every result file is up to date\n"
    assert old_file.read_text() == once


def test_a_reader_is_told_to_migrate(old_file):
    with pytest.raises(InputError, match="has the rows of an earlier version: run python -m inputgrad migrate"):
        results.read(old_file)


def test_a_file_without_a_sum_gets_it_and_nothing_else_of_it_changes(old_file, capsys):
    migration.migrate()
    now = old_file.read_text()
    before = re.sub(r'\n "sum": "[0-9a-f]{64}",', "", now)
    old_file.write_text(before)
    with pytest.raises(InputError, match="has no content sum: run python -m inputgrad migrate"):
        results.read(old_file)
    assert main(["migrate"]) == 0
    assert capsys.readouterr().out == f"{old_file}: its content sum added\n"
    assert old_file.read_text() == now
    old_file.write_text(before.replace('0.07, "fraction", 7', '0.08, "fraction", 7'))
    with pytest.raises(InputError, match="value 0.08 is not the count 7"):
        migration.migrate()
    assert '"sum"' not in old_file.read_text()


def test_validation_errors_get_the_count_that_they_are_of(old_file):
    migration.migrate()
    said = json.loads(old_file.read_text())
    said["provenance"]["declaration"]["settings"] = {"recipe": {"images": 12_000}}
    said["rows"][0][12:] = ["validation_error", 0.00792, "fraction", None, 0]
    del said["sum"]
    old_file.write_text(results.sealed(json.dumps(said)))
    (changed,) = migration.migrate()
    assert changed == f"{old_file}: 3 rows; count and total of 1"
    now = json.loads(old_file.read_text())
    assert now["rows"][0][12:] == ["validation_error", 19 / 2400, "fraction", 19, 2400]
    assert now["rows"][1:] == said["rows"][1:]
    assert migration.migrate() == []


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda raw: raw.update(columns=["value"]), "is damaged .*the columns of no version"),
        (lambda raw: raw["rows"][1].pop(), "is damaged"),
        (lambda raw: raw["provenance"].pop("declaration"), "is damaged"),
        (lambda raw: raw["rows"][1].__setitem__(9, "much"), "is damaged .*row 2: value 'much' is not a finite number"),
    ],
)
def test_what_cannot_be_migrated_stays_as_it_is(old_file, damage, why):
    raw = json.loads(old_file.read_text())
    damage(raw)
    old_file.write_text(json.dumps(raw))
    with pytest.raises(InputError, match=f"mnist-fcnn-s0.json {why}"):
        migration.migrate()
    assert json.loads(old_file.read_text()) == raw
