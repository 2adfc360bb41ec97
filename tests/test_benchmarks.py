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
    cases = (
        *pgd.OURS,
        pgd.FWD,
        pgd.GRAD,
        pgd.LIMIT,
        pgd.LIMIT_CW,
        pgd.LIMIT_PREPARED,
        pgd.LIMIT_PREPARED_CW,
        pgd.LIMIT_EXIT,
        pgd.LIMIT_CHECK,
    )
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


@pytest.mark.parametrize("name", ["one_step", "convex", "pgd", "training", "audit"])
def test_record_writes_between_the_markers_of_its_benchmark(harness, tmp_path, monkeypatch, name):
    before = harness.README.read_text(encoding="utf-8")
    monkeypatch.setattr(harness, "README", tmp_path / "README.md")
    harness.README.write_text(before, encoding="utf-8")
    harness.record(name, "a table")
    after = harness.README.read_text(encoding="utf-8")
    start, end = f"<!-- {name}: written by --record -->", f"<!-- {name}: end -->"
    head, rest = before.split(start)
    assert after == f"{head}{start}\n\na table\n{end}{rest.split(end)[1]}"


@pytest.fixture
def module(root, monkeypatch):
    """Another benchmark by its name."""
    monkeypatch.syspath_prepend(root)
    return lambda name: importlib.import_module(f"benchmarks.{name}")


def test_the_fastest_library_cannot_win_more_than_the_limit_of_p6_leaves(pgd):
    timings = standing_ins(pgd, {pgd.LIMIT_PREPARED: 0.5})
    timings |= {"P5, PGD: foolbox": pgd.Timing((0.9,), (0.9,)), "P5, PGD: adv-lib": pgd.Timing((0.7,), (0.7,))}
    (row,) = pgd.out_of_reach(timings, pgd.PGD, pgd.LIMIT_PREPARED)
    assert row.ratio == "1.40 of limit of P6, PGD"
    assert pgd.out_of_reach(timings, pgd.CW, pgd.LIMIT_PREPARED_CW) == []


def test_a_step_of_training_is_held_against_its_arithmetic(module):
    training = module("training")
    names = training.Names("P12", "bf16")
    attacked = [names.step(name) for name in list(training.DEFENCES)[1:]]
    work = {names.matrix: 100, names.limit: 100, names.step("standard"): 100, **dict.fromkeys(attacked, 200)}
    seconds = {**dict.fromkeys(work, 1.0), attacked[0]: 2.11, attacked[1]: 2.13, names.step("standard"): 4.0}
    seconds[names.limit] = 4.0
    timings = {case: training.Timing((s, s), (s, s)) for case, s in seconds.items()}
    met = {row.case: row.met for row in training.rows(timings, work, names) if row.met is not None}
    assert met[names.step("standard")] is True
    assert met["P12, bf16, standard: speed"] is False  # a quarter of the matrix rate
    assert met["P12, bf16, FGSM training: speed"] is True
    timings[names.step("standard")] = training.Timing((1.0,), (1.0,))
    met = {row.case: row.met for row in training.rows(timings, work, names)}
    assert (met[attacked[0]], met[attacked[1]]) == (True, False)  # 2.11 and 2.13 of at most 1.06 times 2


def test_a_step_is_one_of_the_study(module):
    training, device = module("training"), torch.device("cpu")
    data = training.load("digits32")
    begun = training.fitting(data, "lenet5", training.DEFENCES["PGD-10 training"], "fp32", device)
    before = [p.detach().clone() for p in begun.net.parameters()]
    one = training.flops(lambda: training.passed(begun, "fp32", device))
    assert all(torch.equal(a, b) for a, b in zip(before, begun.net.parameters(), strict=True))
    whole = training.flops(lambda: training.stepped(begun, device))
    assert any(not torch.equal(a, b) for a, b in zip(before, begun.net.parameters(), strict=True))
    assert 6 < whole / one < 11  # ten gradients with respect to the images cost more than half a step each


def test_an_audit_of_another_strength_is_not_timed(module):
    audit = module("audit")
    ours = {"": torch.arange(64) < 20}
    audit.assert_as_strong("a", ours, {"": torch.arange(64) < 23})
    with pytest.raises(AssertionError, match="24 images stand and 20 here"):
        audit.assert_as_strong("a", ours, {"": torch.arange(64) < 24})


def test_the_parts_of_an_audit_are_those_that_the_audit_runs(module, classified):
    audit, (model, x, y) = module("audit"), classified
    assert list(audit.ours(model, x, y)) == list(audit.PARTS)
    every = audit.whole(model, x, y)
    assert {f"PGD-{k}" for k in audit.STEPS} | {f"CW-{k}" for k in audit.STEPS} < set(every)
    fell = audit.ours(model, x, y)[audit.LINEAR]()
    assert set(fell) == {str(k) for k in audit.STEPS}
    assert torch.equal(audit.ours(model, x, y)[audit.FGSM]()[""], every["FGSM-1"])
    assert set(audit.ours(model, x, y)[audit.CHECK]()) == {"Square", "APGD", "APGD, then targeted"}


def test_what_a_library_has_is_added_up(module):
    audit = module("audit")
    mine, theirs = (audit.case_of(who, audit.FGSM) for who in ("this package", "foolbox"))
    one = {audit.case_of("this package", part): audit.Timing((1.0,), (1.0,)) for part in audit.PARTS}
    timings = {audit.WHOLE: audit.Timing((9.0,), (9.0,)), **one, theirs: audit.Timing((3.0,), (3.0,)),
               audit.case_of("foolbox", audit.LINEAR): audit.Timing((4.0,), (4.0,))}  # fmt: skip
    there = {"foolbox": {audit.FGSM: None, audit.LINEAR: None}}
    rows = {row.case: row for row in audit.rows(timings, there, {"torchattacks": "none here"})}
    assert rows["P14, what foolbox has: foolbox"].ratio == "3.50 of P14, what foolbox has"
    assert rows["P14, what foolbox has: this package"].cpu_ms == 2000
    assert rows["P14: torchattacks"].ratio == "not run"
    assert rows[theirs].ratio == "3.00 of P14, FGSM" and mine in rows
