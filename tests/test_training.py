from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from inputgrad.catalogue.recipe import CROPS, OPTIMIZERS, SCHEDULES, Recipe
from inputgrad.compute import data
from inputgrad.compute.training import checkpoints, networks
from inputgrad.compute.training.loop import Training, TrainingDiverged, run
from inputgrad.compute.training.networks import Fitting, trained
from inputgrad.compute.training.steps import OPTIMISERS, augment, set_lr
from inputgrad.ground.checks import InputError

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=3, batch=16, images=48, lr=1e-3, augment="crop_flip")


@pytest.fixture
def loaded(tiny, workspace):
    return data.load("tiny", root=tiny)


def weights(network):
    return {k: v.clone() for k, v in network.model.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 1e-3), ("sgd", 1e-2)])
def test_the_loss_falls(loaded, optimizer, lr):
    network = trained(loaded, "resnet18", replace(RECIPE, optimizer=optimizer, lr=lr, width=0.125), 0, CPU)
    assert network.history[-1]["loss"] < network.history[0]["loss"]
    assert network.images_per_second > 0
    assert not network.model.training


def test_same_seed_same_bits_other_seed_other_bits(loaded, monkeypatch, tmp_path):
    found = []
    for i, seed in enumerate((0, 0, 1)):
        monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / str(i))
        found.append(weights(trained(loaded, "alexnet", RECIPE, seed, CPU)))
    assert same(found[0], found[1])
    assert not same(found[0], found[2])


def test_each_seed_and_epoch_has_its_own_order_and_draws(tmp_path):
    class Watching(Training):
        def step(self, chosen, generator):
            seen.append((tuple(chosen.tolist()), float(torch.rand(1, generator=generator)), float(torch.rand(1))))
            return {"loss": torch.zeros(())}

    def watched(seed):
        net = torch.nn.Linear(1, 1)
        optimizers = {"": torch.optim.SGD(net.parameters(), lr=0.1)}
        run(Watching(net, Recipe(epochs=2, batch=20), 20, optimizers), seed, tmp_path / "none")

    seen = []
    for seed in (0, 1, 0):
        watched(seed)
    assert seen[4:] == seen[:2]
    for orders_or_draws in zip(*seen[:4], strict=True):
        assert len(set(orders_or_draws)) == 4


def test_a_checkpoint_is_used_instead_of_training(loaded, monkeypatch):
    first = trained(loaded, "alexnet", RECIPE, 0, CPU)
    monkeypatch.setattr(networks, "fit", None)  # would fail if it were called
    assert same(weights(first), weights(trained(loaded, "alexnet", RECIPE, 0, CPU)))


def test_the_networks_that_a_trial_uses_are_noted_once_each(loaded):
    trained(loaded, "alexnet", RECIPE, 0, CPU)  # outside: not noted
    with checkpoints.noted() as used:
        own = [trained(loaded, "alexnet", RECIPE, seed, CPU) for seed in (0, 1, 1)]
    assert list(used) == [own[0].checkpoint, own[1].checkpoint]
    assert [used[network.checkpoint]["here"] for network in own[:2]] == [False, True]
    for network in own:
        told = used[network.checkpoint]
        assert told["seconds"] == round(network.seconds, 1) and told["commit"] == network.origin["commit"]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(loaded, monkeypatch, tmp_path, optimizer, every_epoch):
    recipe = replace(RECIPE, optimizer=optimizer)
    unbroken = weights(trained(loaded, "alexnet", recipe, 0, CPU))
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path / "killed")
    steps, step = [], Fitting.step

    def dies(*arguments):
        if len(steps) == 7:  # in the third of three epochs of three steps
            raise KeyboardInterrupt
        steps.append(1)
        return step(*arguments)

    monkeypatch.setattr(Fitting, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(loaded, "alexnet", recipe, 0, CPU)
    assert list((tmp_path / "killed").glob("*.partial"))
    assert not list((tmp_path / "killed").glob("*.safetensors"))
    steps.clear()
    monkeypatch.setattr(Fitting, "step", lambda *a: steps.append(1) or step(*a))
    assert same(unbroken, weights(trained(loaded, "alexnet", recipe, 0, CPU)))
    assert len(steps) == 3  # only the epoch that was cut short
    assert not list((tmp_path / "killed").glob("*.partial"))


def test_a_checkpoint_of_which_one_bit_is_another_is_refused(loaded, workspace):
    name = trained(loaded, "alexnet", RECIPE, 0, CPU).checkpoint
    path = workspace / "checkpoints" / name
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1  # of a weight: still a number
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{name} is damaged .its content is not what was written.: delete it"):
        trained(loaded, "alexnet", RECIPE, 0, CPU)


def test_a_checkpoint_written_before_there_were_sums_is_read(tmp_path):
    net = torch.nn.Linear(2, 1)
    save_file(net.state_dict(), tmp_path / "old.safetensors", metadata={"note": '{"seconds": 1}'})
    assert checkpoints.restore(tmp_path / "old.safetensors", torch.nn.Linear(2, 1))[1] == {"seconds": 1}


def test_a_damaged_checkpoint_is_named(loaded, workspace):
    name = trained(loaded, "alexnet", RECIPE, 0, CPU).checkpoint
    path = workspace / "checkpoints" / name
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=f"checkpoint .*{name} is damaged .*: delete it"):
        trained(loaded, "alexnet", RECIPE, 0, CPU)


def test_divergence_stops_with_a_clear_sentence(loaded, workspace):
    with pytest.raises(
        TrainingDiverged, match=r"the loss of tiny-alexnet-s0.* is (nan|inf) by epoch \d+.* with lr 1e\+20"
    ):
        trained(loaded, "alexnet", replace(RECIPE, lr=1e20), 0, CPU)
    assert not list((workspace / "checkpoints").glob("*.safetensors"))


def test_a_full_disk_leaves_nothing_behind(loaded, workspace, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="could not be written .No space left on device.: nothing was changed there"):
        trained(loaded, "alexnet", RECIPE, 0, CPU)
    assert [p.suffix for p in (workspace / "checkpoints").iterdir()] == [".lock"]


@pytest.mark.parametrize("has", [True, False])
def test_bfloat16_is_used_where_the_device_has_it_and_gives_a_float32_network(loaded, monkeypatch, has):
    monkeypatch.setattr("inputgrad.compute.training.steps.has_bfloat16", lambda device: has)
    seen, linear = set(), torch.nn.functional.linear
    monkeypatch.setattr("torch.nn.functional.linear", lambda *a: seen.add((out := linear(*a)).dtype) or out)
    network = trained(loaded, "fcnn", replace(RECIPE, precision="bf16", epochs=1, images=64), 0, CPU)
    assert (torch.bfloat16 in seen) == has and {p.dtype for p in network.model.parameters()} == {torch.float32}


def test_another_order_of_the_same_images_is_another_network(loaded):
    """The digest does not depend on the order, but which images a recipe takes does."""
    turned = replace(loaded, x_train=loaded.x_train.flip(0), y_train=loaded.y_train.flip(0), order="another")
    recipe = replace(RECIPE, epochs=1)
    first, second = trained(loaded, "lenet5", recipe, 0, CPU), trained(turned, "lenet5", recipe, 0, CPU)
    assert loaded.digest == turned.digest and first.checkpoint != second.checkpoint
    assert not same(weights(first), weights(second))


def test_a_last_batch_of_one_image_is_left_out(loaded):
    sizes, recipe = [], replace(RECIPE, images=33, epochs=1, width=0.125)
    step = Fitting.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Fitting, "step", lambda self, chosen, g: sizes.append(len(chosen)) or step(self, chosen, g))
        history = trained(loaded, "resnet18", recipe, 0, CPU).history
    assert sizes == [16, 16]
    assert (history[0]["accuracy"] * 32).is_integer()


@pytest.mark.parametrize(("field", "value"), [("batch", 1), ("images", 1)])
def test_batches_of_one_image_are_refused(field, value):
    with pytest.raises(InputError, match=f"recipe {field} 1 is too small: it must be at least 2"):
        Recipe().override({field: value})


def test_one_image_is_not_enough(loaded):
    one = replace(loaded, x_train=loaded.x_train[:1], y_train=loaded.y_train[:1])
    with pytest.raises(InputError, match="training images 1 is too small: it must be at least 2"):
        trained(one, "lenet5", RECIPE, 0, CPU)


def test_a_distortion_is_refused(loaded, workspace):
    """It would otherwise be a crop under another name."""
    with pytest.raises(InputError, match="recipe augment 'distort' is unknown: choose from none, crop, crop_flip$"):
        trained(loaded, "lenet5", replace(RECIPE, augment="distort"), 0, CPU)
    assert not (workspace / "checkpoints").exists()


def test_every_augmentation_that_is_declared_is_another_one():
    x = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    made = [augment(x, kind, torch.Generator().manual_seed(0)) for kind in CROPS]
    assert not any(torch.equal(a, b) for i, a in enumerate(made) for b in made[:i])


def test_every_optimiser_that_is_declared_is_there():
    assert set(OPTIMISERS) == set(OPTIMIZERS)
    assert len({type(make(torch.nn.Linear(1, 1).parameters(), Recipe())) for make in OPTIMISERS.values()}) == len(
        OPTIMISERS
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_never_exceeds_the_peak_and_reaches_it(schedule):
    optimizer = OPTIMISERS["sgd"](torch.nn.Linear(1, 1).parameters(), Recipe("sgd", lr=0.5))
    rates = []
    for percent in range(100):
        set_lr(optimizer, schedule, percent / 100)
        rates.append(optimizer.param_groups[0]["lr"])
    assert max(rates) == 0.5 and min(rates) >= 0
    assert (rates[-1] < 0.5) == (schedule != "constant")


def test_onecycle_rises_and_falls():
    net = torch.nn.Linear(1, 1)
    recipe = Recipe(optimizer="sgd", lr=0.4)
    optimizer = OPTIMISERS[recipe.optimizer](net.parameters(), recipe)
    rates = []
    for done in (0.0, 0.15, 0.3, 0.65, 0.999):
        set_lr(optimizer, "onecycle", done)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0, 0.2, 0.4, 0.2, 0.4 * 0.001 / 0.7])


def test_augmentation_crops_and_mirrors():
    x = torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).view(2, 3, 8, 8) + 1
    generator = torch.Generator().manual_seed(0)
    assert torch.equal(augment(x, "none", generator), x)
    for pad in (0, 2):
        crops = augment(x.repeat(50, 1, 1, 1), "crop", torch.Generator().manual_seed(0), pad=pad)
        assert crops.shape == (100, 3, 8, 8)
    assert torch.equal(augment(x, "crop", generator, pad=0), x)
    flips = augment(x.repeat(50, 1, 1, 1), "crop_flip", generator, pad=0)
    mirrored = (flips == x.flip(3).repeat(50, 1, 1, 1)).flatten(1).all(1)
    straight = (flips == x.repeat(50, 1, 1, 1)).flatten(1).all(1)
    assert (mirrored | straight).all()
    assert 20 < mirrored.sum() < 80


def test_nothing_is_trained_that_could_not_be_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(checkpoints.shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**20))
    net = torch.nn.Linear(100, 1000)
    with pytest.raises(InputError, match=r"training tiny-\w+ needs 4 MiB of disk in .*, and 1 are free"):
        checkpoints.kept("tiny", {}, net, lambda partial: pytest.fail("it was trained"))
    with pytest.raises(InputError, match="needs 6 MiB"):
        checkpoints.kept("tiny", {}, net, lambda partial: pytest.fail("it was trained"), beside=2**20)
