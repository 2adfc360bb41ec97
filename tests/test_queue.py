"""What is recorded next: estimates, what a trial settles, what fits, and that Snakemake is asked for no more."""

from dataclasses import asdict
from types import SimpleNamespace

import pytest

from inputgrad import queue, study
from inputgrad.catalogue.recipe import Recipe
from inputgrad.ground.checks import InputError
from inputgrad.queue import START, Entry, Paces, fitting, missing, more, operations, reads, span
from inputgrad.record import results


def trial(seed=0, model="fcnn", images=100, exhibit="convex/fooling", profile="paper", epochs=2):
    settings = {"images": images, "recipe": asdict(Recipe(epochs=epochs, images=1000))}
    return study.schema.Trial(exhibit, 1, profile, "mnist", model, seed, settings)


def result(of, seconds, name="one", **told):
    return SimpleNamespace(trial=of, provenance={"seconds": seconds, "name": name, **told})


def test_operations_are_those_of_the_layers():
    assert operations("linear", "mnist", 1.0) == 2 * 32 * 32 * 10  # padded to 32 pixels


def test_a_trial_takes_as_long_as_one_like_it_in_proportion():
    paces = Paces([result(trial(), {"training": 10, "measure": 4})])
    assert paces.seconds(trial(seed=1, images=300), "measure") == pytest.approx(12)
    assert paces.seconds(trial(seed=1, epochs=6), "training") == pytest.approx(30)
    assert Paces([]).seconds(trial(), "measure") == 0


def test_another_network_takes_as_long_as_its_arithmetic_says():
    paces = Paces([result(trial(), {"training": 10, "measure": 4})])
    ratio = operations("lenet5", "mnist", 1.0) / operations("fcnn", "mnist", 1.0)
    assert paces.seconds(trial(model="lenet5"), "measure") == pytest.approx(4 * ratio)


def test_what_is_most_like_a_trial_counts_and_this_machine_most():
    other, like = result(trial(exhibit="convex/pairs"), {"measure": 100}), result(trial(), {"measure": 4})
    assert Paces([other, like]).seconds(trial(), "measure") == pytest.approx(4)
    slow = [result(trial(seed=s), {"measure": 40}, "other") for s in range(3)]
    assert Paces([*slow, like], "one").seconds(trial(), "measure") == pytest.approx(4)


def test_results_that_may_hide_a_training_in_their_measuring_say_nothing():
    hidden = result(trial(), {"training": 10, "measure": 90})
    others = {"another": {"seconds": 30, "here": True}}
    told = result(trial(seed=1), {"training": 10, "measure": 34}, other_networks=others)
    alone = result(trial(seed=1), {"training": 10, "measure": 34}, other_networks={})
    assert Paces([hidden, alone]).seconds(trial(), "measure") == pytest.approx((90 + 34) / 2)  # there is none to hide
    assert Paces([hidden, told]).seconds(trial(), "training") == pytest.approx(40)
    assert Paces([hidden, told]).seconds(trial(), "measure") == pytest.approx(4)


def test_less_is_missing_where_something_has_spoken():
    assert [missing("paper", spoken) for spoken in (None, float("nan"), "quick", "paper")] == [1, 1, queue.SMALLER, 1]
    assert missing("quick", "paper") == 0
    assert more(0) == 1 > more(1) == more(2) > more(3) > 0


def test_a_claim_is_read_where_exhibit_or_table_and_place_fit():
    place = {"dataset": "MNIST", "model": "AlexNet"}
    assert reads({"table": "1", "dataset": ["MNIST", "SVHN"]}, "sign/adversarial", place)
    assert reads({"exhibit": "sign/adversarial", "model": "AlexNet"}, "sign/adversarial", place)
    assert not reads({"table": "1", "dataset": "SVHN"}, "sign/adversarial", place)
    assert not reads({"table": "3"}, "sign/adversarial", place)
    assert not reads({"dataset": "MNIST"}, "sign/adversarial", place)


def test_a_number_that_is_not_run_is_worth_more_than_one_that_is():
    whole = queue.settles.__wrapped__("butterfly/enhancing", "paper", "stl10", "resnet50")
    assert whole > 0
    assert queue.settles.__wrapped__("synthesis/attacks", "quick", "mnist", "fcnn") == 0


def entry(seed, seconds, profile="paper"):
    return Entry(trial(seed, profile=profile), seconds / 2 - START, seconds / 2, 1.0)


def test_nothing_is_begun_that_would_not_end():
    waiting = [entry(0, 50), entry(1, 500), entry(2, 30), entry(3, 10, "quick")]
    assert fitting(waiting, 100, 1, 1.0) == [waiting[0], waiting[2]]
    assert fitting(waiting, 100, 1, 3.0) == [waiting[2]]
    assert fitting(waiting, 5, 1, 1.0) == []
    long = [entry(seed, 600) for seed in range(5)]
    assert len(fitting(long, 1e6, 1, 1.0)) == 2
    assert len(fitting(long, 1e6, 2, 1.0)) == 3


def test_estimates_are_corrected_by_what_was_taken(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(queue, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(results, "fresh", lambda trial: None)
    begun = []

    def snakemake(chosen, jobs):
        begun.append([e.trial.seed for e in chosen])
        clock[0] += 3 * sum(e.seconds for e in chosen)  # three times as long as thought

    monkeypatch.setattr(queue, "snakemake", snakemake)
    plan = [entry(0, 1000), entry(1, 1000), entry(2, 1000), entry(3, 300)]
    queue.work_through(plan, 5000, 1)
    assert begun == [[0], [3]]  # after the first the others, 3,000 seconds each, would not end in the 2,000 left


def test_cores_that_wait_for_the_longest_trial_are_not_slow(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(queue, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(results, "fresh", lambda trial: None)
    begun = []

    def snakemake(chosen, jobs):
        begun.append([e.trial.seed for e in chosen])
        clock[0] += max(e.seconds for e in chosen)  # exactly as long as thought

    monkeypatch.setattr(queue, "snakemake", snakemake)
    monkeypatch.setattr(queue, "ROUND", 0)
    queue.work_through([entry(0, 3000), entry(1, 100), entry(2, 3000)], 7000, 2)
    assert begun == [[0, 1], [2]]


def test_the_plan_says_when_so_many_jobs_are_done():
    plan = [entry(0, 7200), entry(1, 7200)]
    ends = [line.split()[:2] for line in queue.table(plan, 2).splitlines()[1:]]
    assert ends == [["60", "min"], ["2.0", "h"]]


def test_what_fits_is_asked_of_snakemake_and_reported(monkeypatch, capsys):
    plan = [entry(0, 60), entry(1, 60), entry(2, 1e9)]
    asked, there = [], {}
    monkeypatch.setattr(queue, "planned", lambda profiles, only: (plan, ["svhn"]))

    def run(command, cwd, check):
        asked.append(command)
        there[plan[0].trial.key] = SimpleNamespace(provenance={"seconds": {"prepare": 30, "measure": 90}})
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(queue.subprocess, "run", run)
    monkeypatch.setattr(results, "fresh", lambda trial: there.get(trial.key))
    queue.record(1, jobs=1, profiles=["paper"], only=[], dry_run=False)
    (command,) = asked
    assert command[-2:] == [f"build/shards/paper/convex/fooling/mnist-fcnn-s{seed}.ipynb" for seed in (0, 1)]
    assert "profile=paper" in command
    said = capsys.readouterr().out
    assert "data set svhn is not there: python -m inputgrad fetch svhn" in said
    assert "paper convex/fooling/mnist-fcnn-s0: recorded" in said
    assert "paper convex/fooling/mnist-fcnn-s1: not recorded" in said
    assert "1 min estimated,   2 min taken: paper convex/fooling/mnist-fcnn-s0" in said
    assert said.endswith("1 of 3 trials recorded\n")


def test_nothing_more_is_asked_while_another_snakemake_is_at_work(monkeypatch):
    monkeypatch.setattr(queue, "planned", lambda profiles, only: ([entry(0, 60), entry(1, 60)], []))
    monkeypatch.setattr(queue.subprocess, "run", lambda *a, **k: SimpleNamespace(returncode=75))
    with pytest.raises(InputError, match="nothing was recorded while another process is at work in this checkout"):
        queue.record(1, jobs=1, profiles=["paper"], only=[], dry_run=False)


def test_a_dry_run_starts_nothing(monkeypatch, capsys):
    monkeypatch.setattr(queue.subprocess, "run", lambda *a, **k: pytest.fail("something was started"))
    monkeypatch.setattr(queue, "planned", lambda profiles, only: ([entry(0, 60)], []))
    queue.record(1, jobs=1, profiles=["paper"], only=[], dry_run=True)
    assert "paper convex/fooling/mnist-fcnn-s0" in capsys.readouterr().out
    monkeypatch.setattr(queue, "planned", lambda profiles, only: ([], []))
    queue.record(1, jobs=1, profiles=["paper"], only=[], dry_run=False)
    assert capsys.readouterr().out == "nothing is left to record of what is declared there and can be run here\n"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"hours": 0}, "hours 0 is not a number above 0"),
        ({"hours": "two"}, "hours 'two' is not a number above 0"),
        ({"jobs": 0}, "jobs 0 is too small"),
        ({"profiles": ["smoke"]}, "profile 'smoke' is unknown"),
        ({"profiles": ["quick", "quick"]}, "profile names quick more than once"),
        ({"only": ["sing"]}, "only 'sing' is unknown"),
    ],
)
def test_bad_input_is_one_sentence_before_anything_is_planned(given, said, monkeypatch):
    monkeypatch.setattr(queue, "planned", lambda *a: pytest.fail("it was planned"))
    with pytest.raises(InputError, match=said):
        queue.record(**{"hours": 1, "jobs": 1, "profiles": ["quick"], "only": [], "dry_run": False, **given})


def test_a_recorded_network_that_cannot_be_built_here_has_no_pace(monkeypatch):
    asked = []
    monkeypatch.setattr(queue, "at_hand", lambda _: False)
    monkeypatch.setattr(queue, "operations", lambda model, *_: asked.append(model) or 1)
    queue.Paces(r for name in ("butterfly/pretrained", "butterfly/judges") for r in results.recorded(name))
    assert asked and "efficientnet_lite0" not in asked


def test_the_plan_has_what_is_not_recorded_once_and_no_absent_data(monkeypatch, tmp_path):
    monkeypatch.setenv("INPUTGRAD_DATA", str(tmp_path))
    plan, absent = queue.planned(["quick", "paper"], ["sign"])
    assert plan == []
    assert {"mnist", "cifar10"} <= set(absent)
    monkeypatch.setattr(queue.datasets, "present", lambda name: name == "mnist")
    plan, _ = queue.planned(["quick", "paper"], ["sign/adversarial"])
    names = [entry.name for entry in plan]
    assert len(set(names)) == len(names)
    assert {entry.trial.dataset for entry in plan} == {"mnist"}
    assert not any(results.fresh(entry.trial) for entry in plan)
    assert "quick sign/adversarial/mnist-alexnet-s1" not in names  # pages show the results of paper


def test_the_plan_has_no_trial_whose_second_data_set_is_absent(monkeypatch):
    monkeypatch.setattr(queue.results, "fresh", lambda trial: None)
    monkeypatch.setattr(queue, "shadowed", lambda trial: False)
    monkeypatch.setattr(queue.datasets, "present", lambda name: name != "cifar100")
    plan, absent = queue.planned(["quick"], ["butterfly/enhancing", "butterfly/units"])
    planned = {(entry.trial.exhibit, entry.trial.dataset) for entry in plan}
    assert ("butterfly/units", "cifar10") in planned and ("butterfly/enhancing", "cifar10") not in planned
    assert "cifar100" in absent


def test_times_are_read_at_a_glance():
    assert [span(30), span(90), span(9000)] == ["0 min", "2 min", "2.5 h"]
