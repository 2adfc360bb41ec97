import importlib

import pytest
import torch
import torch.nn.functional as F


@pytest.fixture
def pgd(root, monkeypatch):
    """The benchmark of PGD; the checkout need not be on the path."""
    monkeypatch.syspath_prepend(root)
    return importlib.import_module("benchmarks.pgd")


@pytest.fixture
def harness(pgd):
    return pgd.harness


@pytest.fixture
def classified(convnet):
    """``(model, x, y)``: a network and images that it classifies right."""
    model, x, _ = convnet
    return model, x, model(x).argmax(1)


def standing_ins(pgd, cpu):
    """Timings of this package and of no library: ``cpu`` seconds, by case, and one second for every other case."""
    cases = (*pgd.OURS, pgd.FWD, pgd.GRAD, pgd.LIMIT, pgd.LIMIT_CW, pgd.LIMIT_PREPARED, pgd.LIMIT_PREPARED_CW, pgd.LIMIT_EXIT, pgd.LIMIT_CHECK)
    return {case: pgd.Timing((cpu.get(case, 1.0),), (cpu.get(case, 1.0),)) for case in cases}


def test_p7_runs_at_the_smallest_eps_that_fools_enough(pgd, classified):
    model, x, y = classified
    task, fell = pgd.hard_enough(model, x, y)
    assert (fell > pgd.LONG).sum() <= pgd.LEFT * len(x)
    smaller = pgd.Task(pgd.LONG, task.eps - 0.01)
    assert (pgd.falls(model, x, y, smaller) > pgd.LONG).sum() > pgd.LEFT * len(x)


def test_the_counts_of_every_attack_are_the_expected_ones(pgd, classified):
    model, x, y = classified
    long, fell = pgd.hard_enough(model, x, y)
    sizes = pgd.gradient_sizes(fell)
    assert sizes[0] == len(x) and sizes == sorted(sizes, reverse=True) and sum(sizes) < pgd.LONG * len(x)
    prepared = pgd.in_channels_last(model, x)
    attacks = pgd.ours(model, x, y, prepared, long)
    assert tuple(attacks) == pgd.OURS
    rows = pgd.counted_rows((model, prepared[0]), x, y, attacks, fell)
    assert len(rows) == 1 + len(attacks)
    assert [row.case for row in rows if not row.met] == []


def test_an_attack_that_leaves_a_gradient_is_named_and_no_other(pgd, classified):
    model, x, y = classified
    attacks = {
        pgd.PGD: lambda: F.cross_entropy(model(x), y).backward(),
        pgd.CW: lambda: pgd.attacked(model, x, y, pgd.CW_TASK),
    }
    guilty, *_ = pgd.counted_rows((model, model), x, y, attacks, torch.zeros(len(x)))
    assert guilty.ratio == pgd.PGD
    assert not guilty.kept


def test_the_worst_iterate_is_what_early_exit_returns(pgd, classified):
    model, x, y = classified
    long, fell = pgd.hard_enough(model, x, y)
    fooled = pgd.fooled_on_the_way(model, y, lambda: pgd.attacked(model, x, y, long))
    assert not model._forward_hooks
    same = {"no exit": fooled, "counted": fell <= pgd.LONG}
    pgd.assert_same_images(same)
    other = fooled.clone()
    other[:2] = ~other[:2]
    with pytest.raises(AssertionError, match="no time is reported"):
        pgd.assert_same_images({**same, "other": other})


def test_nothing_is_timed_that_does_not_achieve_the_same(pgd, classified):
    model, x, y = classified
    found = pgd.answer(model, x, y, lambda: pgd.attacked(model, x, y, pgd.TASK))
    assert found.reach <= pgd.EPS + 1e-6
    pgd.assert_alike({"a": found, "b": pgd.Answer(found.right + 2, 0.0)}, pgd.EPS, 100)
    outside = pgd.answer(model, x, y, lambda: x - 2)
    for wrong in (pgd.Answer(found.right + 3, 0.0), pgd.Answer(found.right, 2 * pgd.EPS), outside):
        with pytest.raises(AssertionError, match="no time is reported"):
            pgd.assert_alike({"a": found, "b": wrong}, pgd.EPS, 100)
    with pytest.raises(AssertionError, match="b is weaker than a"):
        pgd.assert_no_weaker({"a": found, "b": pgd.Answer(found.right + 1, 0.0)}, "b", "a")


@pytest.mark.parametrize("loss", ["ce", "margin"])
def test_foolbox_takes_the_same_steps(pgd, classified, loss):
    pytest.importorskip("foolbox")
    model, x, y = classified
    task = pgd.Task(3, loss=loss)
    ours = pgd.attacked(model, x, y, task)
    for build in (pgd.foolbox, pgd.foolbox_frozen):
        assert torch.allclose(build(model, x, y, task)(), ours, atol=1e-6)


def test_a_library_that_is_not_there_is_reported_and_a_broken_gate_is_kept_apart(pgd):
    missing = {name: "none here" for case in pgd.GROUPS for name in pgd.peers(case)}
    fast = {pgd.EXIT: 0.3, pgd.FELL: 0.3}
    rows = pgd.timed_rows(standing_ins(pgd, fast), missing)
    assert [row.case for row in rows if not row.kept or row.met is False] == []
    assert {row.case for row in rows if row.ratio == "not run"} > set(missing)
    rows = pgd.timed_rows(standing_ins(pgd, {**fast, pgd.PGD: 1.1, pgd.APGD: 1.4}), missing)
    assert [row.case for row in rows if row.met is False] == [pgd.PGD, pgd.APGD]
    assert [row.case for row in rows if not row.kept] == [pgd.APGD]


def test_the_fastest_library_is_held_against_the_goal(pgd):
    timings = standing_ins(pgd, {pgd.EXIT: 0.5, pgd.FELL: 0.5})
    timings |= {"P7: foolbox": pgd.Timing((1.5,), (1.5,)), "P7: torchattacks": pgd.Timing((1.2,), (1.2,))}
    (row,) = pgd.fastest(timings, pgd.FULL, pgd.EXIT, 2.5)
    assert row.case == "P7, early exit: the fastest library, torchattacks"
    assert row.ratio == "2.40 of P7, early exit"
    assert row.met is False
    assert pgd.fastest(timings, pgd.PGD, pgd.PGD, 0.97) == []


@pytest.mark.parametrize("name", ["one_step", "convex", "pgd"])
def test_record_writes_between_the_markers_of_its_benchmark(harness, tmp_path, monkeypatch, name):
    before = harness.README.read_text(encoding="utf-8")
    monkeypatch.setattr(harness, "README", tmp_path / "README.md")
    harness.README.write_text(before, encoding="utf-8")
    harness.record(name, "a table")
    after = harness.README.read_text(encoding="utf-8")
    start, end = f"<!-- {name}: written by --record -->", f"<!-- {name}: end -->"
    head, rest = before.split(start)
    assert after == f"{head}{start}\n\na table\n{end}{rest.split(end)[1]}"
