"""What a cluster is asked for: from what recorded trials took, and what the profile says."""

import re
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import yaml

from inputgrad.catalogue.recipe import Recipe
from inputgrad.record import cost
from inputgrad.study.schema import Trial


def trial(model="fcnn", exhibit="convex/fooling", profile="paper", dataset="mnist"):
    return Trial(exhibit, 1, profile, dataset, model, 0, {"images": 10, "recipe": asdict(Recipe())})


def recorded(of, mib, training, measure):
    seconds = {"prepare": 999.0, "training": training, "measure": measure}
    return SimpleNamespace(trial=of, provenance={"peak_memory_mib": mib, "seconds": seconds})


def test_a_trial_is_given_what_the_most_like_it_took():
    costs = cost.of([
        recorded(trial(), 900, 30.0, 31.0), recorded(trial(), 1100, 10.0, 1.0),
        recorded(trial("lenet5"), 5000, 3000.0, 100.0), recorded(trial(profile="quick"), 9000, 1.0, 1.0),
    ])  # fmt: skip
    assert cost.most(costs, trial(), "memory", 1) == 1100
    assert cost.most(costs, trial(), "minutes", 1) == 2
    assert cost.most(costs, trial(exhibit="convex/pairs"), "memory", 1) == 1100  # the same network
    assert cost.most(costs, trial("nin"), "minutes", 1) == 52  # the same exhibit
    assert cost.most(costs, trial("nin", "sign/labels"), "memory", 1) == 5000  # the same profile
    assert cost.most(costs, trial("nin", "sign/labels", "desk"), "memory", 7) == 7


def test_networks_trained_on_the_way_count_as_training():
    others = {"a": {"seconds": 20.0, "here": True}, "b": {"seconds": 5.0, "here": False}}
    told = {"seconds": {"training": 10.0, "measure": 50.0}, "other_networks": others}
    assert cost.spent(told) == {"training": 35.0, "measure": 30.0}
    assert cost.spent({"seconds": told["seconds"]}) == {"training": 10.0, "measure": 50.0}


def test_what_is_recorded_has_costs():
    assert all(kind["memory"] > 0 and kind["minutes"] > 0 for kind in cost.of_recorded().values())


def test_slurm_asks_once_for_a_gpu_and_squeue_for_the_state(root):
    profile = yaml.safe_load((root / "workflow/profiles/slurm/config.yaml").read_text())
    rules = (root / "workflow/Snakefile").read_text()
    assert set(profile["default-resources"]) == {"slurm_account", "slurm_partition"}
    assert re.findall(r"^        (gpu=\d)", rules, re.M) == ["gpu=1", "gpu=1"]
    assert profile["slurm-status-command"] == "squeue" and profile["retries"] >= 1
    assert not (root / "workflow/profiles/kubernetes").exists()


def test_where_no_cluster_can_be_raised_for_a_test_one_sentence_says_why(monkeypatch):
    one_node = pytest.importorskip("one_node", exc_type=ImportError)  # psutil
    monkeypatch.setattr(one_node, "WHERE", "nowhere")
    assert one_node.missing().endswith("sinfo not found: apt-get install slurm-wlm munge")
    monkeypatch.setattr("shutil.which", lambda name, path: name)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert one_node.missing() == "only root can start the daemons of SLURM: sudo make test-slurm"
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(one_node, "find_spec", lambda name: None)
    assert one_node.missing().startswith("Snakemake has no executor for SLURM here: pip install -e")
    monkeypatch.setattr(one_node, "find_spec", lambda name: name)
    assert one_node.missing() == ""
