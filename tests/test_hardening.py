"""The Smooth Gradient Method: what moves, by how much, and that nothing else differs between the arms."""

from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from from_files import files
from inputgrad import study
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import load
from inputgrad.compute.methods import hardening
from inputgrad.compute.methods.baselines import AgainstSteps, Baseline, of_equal_cost, trained_with
from inputgrad.compute.methods.hardening import CONTROL, Update, hardened
from inputgrad.compute.training import checkpoints, loop
from inputgrad.compute.training.steps import set_lr
from inputgrad.ground.checks import InputError
from inputgrad.report.markup import scale
from inputgrad.report.tables import schedules, smooth
from inputgrad.report.tables.smooth import paired_test
from inputgrad.study.schema import PROFILES
from inputgrad.trials import smooth as trials

ROOT = Path(__file__).resolve().parents[1]
CPU = torch.device("cpu")
RECIPE = Recipe("wame", batch=32, epochs=3, images=100, width=0.0625)


@pytest.fixture(scope="module")
def digits():
    return load("digits28")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    return tmp_path


def weights(network):
    return {name: value.clone() for name, value in network.model.state_dict().items()}


def same(a, b):
    return all(torch.equal(value, b[name]) for name, value in a.items())


def one_step(update, *, batch=4, rate_of_weights=1e-30):
    """One batch through a linear model with known weights: the stored images before and after, and the hand-made update."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 3))
    clean, y = torch.rand(batch, 1, 3, 3), torch.arange(batch) % 3
    before = clean + 0.1
    w, b = net[1].weight.detach().clone(), net[1].bias.detach().clone()
    p = (before.flatten(1) @ w.T + b).softmax(1)
    own = ((p - F.one_hot(y, 3)) @ w).view_as(before)  # of each image's own cross-entropy
    sets, recipe = hardening.Sets(clean, y, clean, y, None), Recipe("sgd", rate_of_weights, batch, momentum=0)
    training = hardening.Hardening(net, sets, recipe, 0, update)
    training.stored = before.clone()
    training.step(torch.arange(batch), torch.Generator())
    return clean, before, training.stored, own


@pytest.mark.parametrize("rate_of_weights", [1e-30, 0.5])
def test_an_image_moves_by_rate_times_its_own_gradient(rate_of_weights):
    """Also when the weights move in the same step: both gradients come from the same pass."""
    _, before, after, own = one_step(Update(0.2), rate_of_weights=rate_of_weights)
    assert torch.allclose(after, before + 0.2 * own, atol=1e-6)


def test_the_mean_moves_an_image_as_many_times_less_as_the_batch_has_images():
    _, before, after, own = one_step(Update(-0.5, "mean"))
    assert torch.allclose(after, before - 0.5 * own / 4, atol=1e-6)


def test_reset_starts_from_the_clean_image():
    clean, _, after, own = one_step(Update(0.2, mode="reset"))
    assert torch.allclose(after, clean + 0.2 * own, atol=1e-6)


@pytest.mark.parametrize("update", [CONTROL, Update(0.2, mode="discard"), Update(0.2, mode="fresh")])
def test_some_modes_leave_the_stored_images_alone(update):
    _, before, after, _ = one_step(update)
    assert torch.equal(before, after)


def test_noise_moves_as_far_in_another_direction():
    _, before, after, own = one_step(Update(0.2, mode="noise"))
    moved = (after - before).flatten(1)
    assert torch.allclose(moved.norm(dim=1), 0.2 * own.flatten(1).norm(dim=1), rtol=1e-4)
    assert F.cosine_similarity(moved, own.flatten(1)).abs().max() < 0.95


def test_the_arms_are_in_lock_step(digits):
    """A move that is computed and dropped changes no bit; one that is kept changes the network."""
    control = hardened(digits, "smooth_cnn", RECIPE, 0, CPU, CONTROL)
    dropped = hardened(digits, "smooth_cnn", RECIPE, 0, CPU, Update(0.2, mode="discard"))
    zero = hardened(digits, "smooth_cnn", RECIPE, 0, CPU, Update(0.0, mode="reset"))
    moved = hardened(digits, "smooth_cnn", RECIPE, 0, CPU, Update(0.2))
    assert same(weights(control), weights(dropped))
    assert same(weights(control), weights(zero))
    assert not same(weights(control), weights(moved))
    fresh = hardened(digits, "smooth_dnn", RECIPE, 0, CPU, Update(1e-44, mode="fresh"))
    plain = hardened(digits, "smooth_dnn", RECIPE, 0, CPU, CONTROL)
    assert same(weights(plain), weights(fresh))  # a move too small to see draws nothing more
    assert control.drift.abs().sum() == 0
    assert (moved.drift[-1].flatten(1).norm(dim=1) > moved.drift[0].flatten(1).norm(dim=1)).float().mean() > 0.5


@pytest.mark.parametrize("augment", ["none", "distort"])
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(digits, tmp_path, monkeypatch, augment, every_epoch):
    recipe = RECIPE.override({"augment": augment})
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / "unbroken")
    unbroken = hardened(digits, "smooth_dnn", recipe, 0, CPU, Update(0.2))
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / "broken")
    step, steps = hardening.Hardening.step, []

    def dies(*arguments):
        if len(steps) == 6:  # in the second epoch
            raise KeyboardInterrupt
        steps.append(1)
        return step(*arguments)

    monkeypatch.setattr(hardening.Hardening, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        hardened(digits, "smooth_dnn", recipe, 0, CPU, Update(0.2))
    monkeypatch.setattr(hardening.Hardening, "step", step)
    resumed = hardened(digits, "smooth_dnn", recipe, 0, CPU, Update(0.2))
    assert same(weights(unbroken), weights(resumed))
    assert torch.equal(unbroken.drift, resumed.drift)
    again = hardened(digits, "smooth_dnn", recipe, 0, CPU, Update(0.2))  # from its checkpoint
    assert same(weights(resumed), weights(again))
    assert torch.equal(resumed.drift, again.drift)


def test_the_weights_of_the_best_validation_epoch_are_kept(digits, monkeypatch):
    scores = iter([0.5, 0.9, 0.2])
    kept = []
    monkeypatch.setattr(hardening, "accuracy", lambda net, x, y: kept.append(
        {k: v.clone() for k, v in net.state_dict().items()}) or next(scores))  # fmt: skip
    network = hardened(digits, "smooth_cnn", RECIPE, 0, CPU, CONTROL)
    assert same(weights(network), kept[1])


def test_the_split_is_the_papers():
    from types import SimpleNamespace

    mnist = SimpleNamespace(y_train=torch.arange(60_000) % 10, shape=(1, 28, 28))
    cifar = SimpleNamespace(y_train=torch.arange(50_000) % 10, shape=(3, 32, 32))
    for data, sizes in ((mnist, (50_000, 10_000)), (cifar, (40_000, 10_000))):
        train, valid = hardening.split(data, None)
        assert (len(train), len(valid)) == sizes
        assert not set(train.tolist()) & set(valid.tolist())
    _, valid = hardening.split(cifar, None)
    assert cifar.y_train[valid].bincount().tolist() == [1000] * 10
    assert [len(part) for part in hardening.split(cifar, 500)] == [500, 100]
    few = SimpleNamespace(y_train=torch.tensor([0] * 10 + [1] * 3), shape=(3, 32, 32))
    assert few.y_train[hardening.split(few, None)[1]].tolist() == [0, 0]  # a class of three gives none away


def test_too_few_images_to_hold_any_out_are_refused():
    from types import SimpleNamespace

    y, x = torch.arange(8) % 4, torch.zeros(8, 3, 32, 32, dtype=torch.uint8)
    few = SimpleNamespace(name="few", order="few", y_train=y, x_train=x, shape=(3, 32, 32))
    with pytest.raises(
        InputError, match="few has too few training images to hold any out .*: give 5 images of a class"
    ):
        hardening.prepared(few, None)


def test_more_images_than_are_left_to_train_on_are_refused(digits):
    left = len(hardening.split(digits, None)[0])
    with pytest.raises(
        InputError, match=f"^recipe images {left + 1} is too large: {left} of digits28 are left to train"
    ):
        hardening.prepared(digits, left + 1)


def test_a_rate_of_zero_is_the_control_and_is_measured_once(small_run):
    run = small_run("smooth/readings", rates=[0.2, 0], reductions=["mean"], modes=["reset"], beyond=True, eps=["0.1"])
    clean = run.rows[(run.rows["attack"] == "none") & (run.rows["metric"] == "accuracy")]
    assert sorted(zip(clean["defense"], clean["parameter"], strict=True)) == [("control", "0"), ("updates", "0.2")]


def test_no_batch_is_a_lone_image(monkeypatch):
    from types import SimpleNamespace

    job = SimpleNamespace(test_images=lambda: (torch.rand(5, 1, 4, 4), torch.zeros(5)), device=CPU)
    monkeypatch.setattr(trials, "BATCH", 1)
    monkeypatch.setattr(trials, "control_of", lambda _: SimpleNamespace(whitening=None))
    monkeypatch.setattr(trials, "measuring", lambda _, parts, what: parts)
    assert [len(y) for _, y, _ in trials.batches(job)] == [3, 2]


def test_colours_are_whitened_with_the_training_images(digits):
    data = load("digits32")
    smaller = {name: getattr(data, name)[:, :, ::4, ::4] for name in ("x_train", "x_test")}
    data = replace(data, **smaller, order="smaller")
    sets = hardening.prepared(data, 300)
    assert sets.whitening is not None
    assert hardening.prepared(data, 300) is sets  # kept
    assert hardening.prepared(digits, 300).whitening is None
    assert hardening.prepared(digits, 300).x_train.max() <= 1


BAD = [
    ("hardening", {"rate": 1.5}, r"rate 1.5 is outside the paper's \[-1, 1\]: confirm it with beyond=true"),
    ("readings", {"rates": [0.2, -3]}, r"rate -3.0 is outside the paper's \[-1, 1\]"),
    ("hardening", {"rate": "fast"}, r"rate 'fast' is not a number"),
    ("hardening", {"rate": True}, r"rate True is not a number"),
    ("hardening", {"mode": "acumulate"}, r"mode 'acumulate' is unknown: .*did you mean 'accumulate'"),
    ("hardening", {"reduction": "max"}, r"reduction 'max' is unknown: choose from sum, mean"),
    (
        "hardening",
        {"recipe": {"augment": "elastik"}},
        r"recipe augment 'elastik' is unknown: choose from none, crop, crop_flip, distort",
    ),
    ("pictures", {"recipe": {"augment": "crop"}}, r"recipe augment 'crop' is unknown: choose from none, distort"),
    ("readings", {"modes": []}, r"modes is an empty list"),
]


@pytest.mark.parametrize(("exhibit", "given", "sentence"), BAD)
def test_bad_input_gets_one_clear_sentence(exhibit, given, sentence):
    with pytest.raises(InputError, match=sentence):
        study.trials(f"smooth/{exhibit}", **given)


def test_a_rate_outside_the_papers_range_can_be_confirmed():
    assert study.trials("smooth/hardening", rate=1.5, beyond=True)[0].settings["rate"] == 1.5
    with pytest.raises(InputError, match=r"rate 2 is outside"):
        Update(2)
    assert Update(2, beyond=True).rate == 2


def test_random_crops_are_refused(digits, folder):
    """They would not let a gradient back to the stored image."""
    with pytest.raises(InputError, match="recipe augment 'crop' is unknown: choose from none, distort"):
        hardened(digits, "smooth_cnn", RECIPE.override({"augment": "crop"}), 0, CPU, CONTROL)
    assert not list(folder.iterdir())


def test_stored_images_are_written_now_and_then(digits, monkeypatch):
    """They can be half a gigabyte: not after every epoch, where epochs are short."""
    written = []
    monkeypatch.setattr(loop, "save", lambda path, tensors, note: written.append(sorted(tensors)))
    hardened(digits, "smooth_dnn", RECIPE, 0, CPU, Update(0.2))
    assert not written
    monkeypatch.setattr(loop, "PARTIAL_EVERY", 0.0)
    hardened(digits, "smooth_dnn", RECIPE, 1, CPU, Update(0.2))
    assert len(written) == 2 and all("extra.stored" in names for names in written)


def test_noise_ends_four_fifths_as_far_away_or_farther(digits):
    moved, noise = (
        hardened(digits, "smooth_cnn", RECIPE, 0, CPU, Update(0.2, mode=m)) for m in ("accumulate", "noise")
    )
    lengths = [network.drift[-1].flatten(1).norm(dim=1).median() for network in (moved, noise)]
    assert lengths[1] > 0.8 * lengths[0]


def test_a_paired_test_needs_pairs():
    with pytest.raises(InputError, match="a paired test needs at least 2 pairs: there are 1 and 1 values"):
        paired_test([1.0], [2.0])
    two_sided, greater = paired_test([1.0, 2, 3, 4, 5, 6], [1.5, 2.6, 3.7, 4.8, 5.9, 7])
    assert two_sided == pytest.approx(2 / 64)
    assert greater == pytest.approx(1 / 64)


def test_rates_drop_where_the_schedule_says():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    for schedule, expected in (("early_step", [1, 1, 0.1, 0.01, 0.01]), ("gentle_step", [1, 1, 1, 0.5, 0.1])):
        found = []
        for done in (0, 0.19, 0.2, 0.4, 0.99):
            set_lr(optimizer, schedule, done)
            found.append(optimizer.param_groups[0]["lr"])
        assert found == pytest.approx(expected)


def test_the_chapter_shows_each_run_by_itself():
    """Control beside updates of one seed, as the files have them; no mean of two."""
    shown = smooth.run_by_run().frame.set_index("under")
    for trial, raw in chain.from_iterable(files(ROOT, "smooth/hardening", profile) for profile in PROFILES):
        if (trial["dataset"], trial["model"]) == ("mnist", "smooth_cnn"):
            for row in raw["rows"]:
                cell = dict(zip(raw["columns"], row, strict=True))
                place = (cell["attack"], cell["eps"], cell["reading"])
                for name in [n for n, p in smooth.SHOWN.items() if p == place and cell["metric"] == "accuracy"]:
                    wanted = f"{100 * cell['value']:.1f}"
                    head = f"{scale(trial['profile'])}, run {trial['seed']}: {cell['defense']}"
                    assert shown.loc[name, head] == wanted


def test_two_runs_are_two_numbers_and_gains_are_taken_in_pairs():
    assert smooth.each([79.6, 60.5]) == "79.6 and 60.5"
    assert smooth.each([1.0, 5.0, 9.0]) == "5.0" and smooth.each([]) == "–"
    assert smooth.against([79.6, 60.5], [79.5, 87.1]) == pytest.approx([-0.1, 26.6])
    assert smooth.against([1.0, 2.0, 3.0], [1.0, 5.0, 9.0]) == [3.0] and smooth.against([], [1.0]) == []


def test_the_schedule_of_the_chapter_is_the_declared_one():
    rows = {(r["profile"], r["data sets"]): r for r in schedules("smooth/hardening").frame.to_dict("records")}
    assert rows["quick", "MNIST"]["epochs"] == 10 and rows["quick", "CIFAR-10, CIFAR-100"]["epochs"] == 15
    assert rows["paper", "MNIST"]["width"] == "1" and rows["quick", "MNIST"]["training images"] == "12,000"


@pytest.mark.parametrize(("method", "strength"), [("FGSM training", 0.3), ("gradient penalty", 2.0)])
def test_a_baseline_goes_down_its_own_loss(method, strength):
    """Of a linear model both losses can be written down; the images stay where they are."""
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(9, 3))
    x, y = torch.rand(6, 1, 3, 3), torch.arange(6) % 3
    w, b = net[1].weight.detach().clone(), net[1].bias.detach().clone()
    sets = hardening.Sets(x, y, x, y, None)
    training = AgainstSteps(net, sets, replace(RECIPE, batch=6), 0, Baseline(method, strength))
    found = training.step(torch.arange(6), torch.Generator())["loss"].item()
    g = (F.softmax(x.flatten(1) @ w.T + b, 1) - F.one_hot(y, 3)) @ w
    seen = x.flatten(1) + strength * g.sign() * (method == "FGSM training")
    loss = F.cross_entropy(seen @ w.T + b, y, reduction="sum")
    if method == "gradient penalty":
        loss = loss + strength * g.square().sum()
    assert found == pytest.approx(loss.item(), rel=1e-5)
    assert not torch.equal(net[1].weight, w)
    assert torch.equal(training.stored, x)


def test_a_baseline_costs_as_many_gradients_and_is_kept_apart(digits):
    assert of_equal_cost(replace(RECIPE, epochs=10)).epochs == 5
    assert of_equal_cost(replace(RECIPE, epochs=1)).epochs == 1
    short = of_equal_cost(RECIPE)
    found = [trained_with(digits, "smooth_dnn", short, 0, CPU, Baseline("gradient penalty", s)) for s in (0.1, 2.0)]
    assert not same(*map(weights, found))
    assert len({network.checkpoint for network in found}) == 2
    with pytest.raises(InputError, match="strength"):
        Baseline("FGSM training", 0)
    with pytest.raises(InputError, match="baseline 'PGD'"):
        Baseline("PGD", 0.1)
