"""Networks that read their own gradient, how they are defended and attacked, and the theorem."""

import copy
import math
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch import nn

from from_files import files
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import pgd, steps_to_fool
from inputgrad.compute.attacks.pgd import drawn_within
from inputgrad.compute.data import load
from inputgrad.compute.device import matrix_rate
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods import defences
from inputgrad.compute.methods.bilateral import Bilateral, adversarial_labels, most_confusing
from inputgrad.compute.methods.defences import Defence
from inputgrad.compute.methods.flops import flops
from inputgrad.compute.methods.selfgradient import LabelGradient, OfSizeOne, SelfGradient, gradient_block, taken
from inputgrad.compute.methods.theorem import THRESHOLD, fixed_point, iterated_quadratic
from inputgrad.compute.metrics import predict
from inputgrad.compute.models import build
from inputgrad.compute.training.networks import fit
from inputgrad.compute.training.steps import OPTIMISERS
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.report import cells, tables
from inputgrad.study import trials
from inputgrad.study.schema import Trial
from inputgrad.trials.audit import falls_along, smoothed
from inputgrad.trials.job import Job
from inputgrad.trials.selfgrad import changes, convergence, defended, softened
from inputgrad.trials.selfgrad_schedule import networks
from inputgrad.trials.tally import side

ROOT = Path(__file__).resolve().parents[1]
SHAPE = (3, 16, 16)


@pytest.fixture(scope="module")
def digits32():
    return load("digits32")


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(12, *SHAPE, generator=generator), torch.randint(10, (12,), generator=generator)


@pytest.fixture
def network():
    torch.manual_seed(3)
    network = SelfGradient(build("wrn10_2", shape=SHAPE, classes=10, width=0.25), 3, takes="max1")
    for conv in network.block[::2]:
        nn.init.normal_(conv.weight, std=1.5)  # a block that does something
    for layer in network.net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    network.net(torch.rand(64, *SHAPE))  # statistics, so that classes differ from image to image
    return network.eval()


def test_a_wide_resnet_has_its_published_size():
    sizes = {name: sum(p.numel() for p in build(name, shape=(3, 32, 32), classes=10).parameters())
             for name in ("wrn28_10", "wrn16_4")}  # fmt: skip
    assert sizes == {"wrn28_10": 36_479_194, "wrn16_4": 2_748_890}


def test_the_block_is_five_convolutions_without_bias_and_keeps_zero():
    block = gradient_block(3)
    assert [type(m) for m in block] == 5 * [nn.Conv2d, nn.Tanh]
    assert all(conv.kernel_size == (1, 1) and conv.bias is None for conv in block[::2])
    assert not block(torch.zeros(2, *SHAPE)).any()


def test_a_block_of_zero_weights_is_the_plain_network(network, batch):
    x, y = batch
    for conv in network.block[::2]:
        nn.init.zeros_(conv.weight)
    assert torch.equal(network(x), network.net(x))
    assert torch.equal(input_gradient(network, x, y), input_gradient(network.net, x, y))


def test_the_self_gradient_is_that_of_the_sum_of_logits(batch):
    x, _ = batch
    weight = torch.randn(10, 3 * 16 * 16, generator=torch.Generator().manual_seed(1))
    linear = nn.Sequential(nn.Flatten(), nn.Linear(weight.shape[1], 10, bias=False))
    linear[1].weight.data = weight
    expected = weight.sum(0).view(1, *SHAPE).expand_as(x)
    assert torch.allclose(SelfGradient(linear, 3).gradient(x), expected, atol=1e-5)
    with torch.no_grad():  # the first pass records what it needs even where nothing else does
        assert torch.isfinite(SelfGradient(linear, 3)(x)).all()


@pytest.mark.parametrize("detach", [False, True])
def test_gradients_of_both_passes_against_finite_differences(detach):
    torch.manual_seed(0)
    smooth = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Softplus(), nn.Flatten(), nn.Linear(4 * 16, 5)).double()
    network = SelfGradient(smooth, 3, detach=detach).double()
    with torch.no_grad():
        for conv in network.block[::2]:
            conv.weight.copy_(torch.eye(3)[:, :, None, None] + 0.3 * torch.randn(3, 3, 1, 1))
    x, y = torch.rand(2, 3, 6, 6, dtype=torch.float64), torch.tensor([1, 3])

    def loss(z):
        added = network.correction(x) if detach else network.correction(z)
        return nn.functional.cross_entropy(smooth(z + added.detach()), y, reduction="sum")

    g, h = input_gradient(network, x, y), 1e-6
    for place in [(0, 0, 0, 0), (1, 2, 3, 4), (0, 1, 5, 5)]:
        step = torch.zeros_like(x)
        step[place] = h
        assert g[place].item() == pytest.approx((loss(x + step) - loss(x - step)).item() / (2 * h), rel=1e-5)
    other = input_gradient(network.detached(), x, y)
    assert torch.equal(g, other) == detach  # the smooth network has a second order


def test_nothing_comes_through_the_gradient_of_a_relu_network_in_evaluation_mode(network, batch):
    x, y = batch
    assert torch.allclose(input_gradient(network, x, y), input_gradient(network.detached(), x, y), atol=1e-9)
    networks = network.train(), copy.deepcopy(network).detached().train()
    assert not torch.allclose(*(input_gradient(n, x, y) for n in networks), atol=1e-6)  # batch norm couples the images


def test_a_detached_view_shares_the_weights(network):
    view = network.detached()
    assert view.detach and not network.detach
    assert view.net is network.net and view.block is network.block


def test_how_a_gradient_is_taken():
    g = torch.tensor([[2.0, -4.0], [0.0, 0.0]]).view(2, 1, 1, 2)
    assert torch.equal(taken(g, "raw"), g)
    assert taken(g, "max1").flatten().tolist() == [0.5, -1, 0, 0]
    assert taken(g, "sign").flatten().tolist() == [1, -1, 0, 0]


def test_a_slanted_sign_is_a_sign_with_a_slope():
    g = torch.tensor([-2.0, 0.0, 1.0, 3.0]).view(1, 1, 2, 2).requires_grad_()
    out = taken(g, "slanted")
    assert torch.equal(out.detach(), g.detach().sign())
    (slope,) = torch.autograd.grad(out.sum(), g)
    assert torch.allclose(slope, (1 - (g / 1.5).tanh().square()) / 1.5)  # 1.5 is the mean of |g|


def test_a_block_of_size_one_stays_of_that_size_however_it_learns():
    torch.manual_seed(0)
    block = OfSizeOne(gradient_block(3), 3)
    assert len(block.signs.flatten(1).unique(dim=0)) == 8
    for factor in (1.0, 5.0, 0.1):
        with torch.no_grad():
            for weights in block.parameters():
                weights.mul_(factor)
            assert block(block.signs).square().mean().sqrt().item() == pytest.approx(1.0, rel=1e-4)


def test_an_active_block_has_its_size_and_no_decay():
    defence = defences.ActiveBlock(amplitude=0.1)
    torch.manual_seed(0)
    network = defence.build("wrn10_2", shape=SHAPE, classes=10, width=0.25)
    assert network.block_of(network.block.signs).square().mean().sqrt().item() == pytest.approx(0.1)
    optimizer = OPTIMISERS["sgd"](defence.weights(network), Recipe("sgd", lr=0.1, weight_decay=0.5))
    body, block = optimizer.param_groups
    assert (body["weight_decay"], block["weight_decay"]) == (0.5, 0.0)
    assert {id(p) for p in block["params"]} == {id(p) for p in network.block.parameters()}
    assert len(body["params"]) + len(block["params"]) == len(list(network.parameters()))


def test_at_a_sign_training_through_the_gradient_is_training_on_a_constant(batch):
    torch.manual_seed(1)
    found = []
    for detach in (True, False):
        torch.manual_seed(1)
        net = defences.ActiveBlock(detach=detach).build("wrn10_2", shape=SHAPE, classes=10, width=0.25).train()
        nn.functional.cross_entropy(net(batch[0]), batch[1]).backward()
        found.append([p.grad for p in net.parameters()])
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*found, strict=True))


def test_softened_no_relu_is_left(batch, monkeypatch):
    network = softened(build("resnet18", shape=SHAPE, classes=10, width=0.1).eval())
    monkeypatch.setattr(nn.functional, "relu", None)
    assert predict(network, batch[0]).shape == (len(batch[0]), 10)


def test_straight_through_a_sign_there_is_a_gradient_and_through_the_sign_itself_none(batch):
    torch.manual_seed(1)
    network = defences.ActiveBlock(amplitude=0.2).build("wrn10_2", shape=SHAPE, classes=10, width=0.25).eval()
    network.detach = False
    smooth = softened(network)
    through, past, constant = (
        input_gradient(m, *batch) for m in (smooth.straight_through(), smooth, smooth.detached())
    )
    assert torch.allclose(past, constant) and not torch.allclose(through, constant)
    assert torch.equal(predict(smooth.straight_through(), batch[0]), predict(smooth, batch[0]))


def test_a_random_start_steps_from_inside_the_ball_and_stays_there(network, batch):
    generator = torch.Generator().manual_seed(0)
    x_adv = defences.RandomStart().attacked(network.net, *batch, generator)
    moved = (x_adv - batch[0]).abs()
    assert moved.max() <= defences.EPS + 1e-6
    assert not torch.allclose(x_adv, Defence(1).attacked(network.net, *batch, generator))
    assert defences.RandomStart().declared != Defence(1).declared != defences.ActiveBlock().declared


def test_an_adversarial_label_gives_the_likeliest_wrong_class_least():
    p = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5]])
    found = adversarial_labels(p.log(), torch.tensor([0, 2]), beta=9.0, gamma=0.1)
    v = math.log(0.3) - math.log(0.2)  # by how much the second class is likelier than the third
    share = torch.tensor([0.1, v + 0.1]) / (v + 0.2)
    taken = 1 / (1 + 9 * share[1])
    assert torch.allclose(found[0], torch.tensor([1 - taken, taken * share[0], taken * share[1]]))
    assert torch.allclose(found[1], torch.tensor([1 / 11, 1 / 11, 9 / 11]))  # alike: label smoothing
    assert torch.allclose(found.sum(1), torch.ones(2)) and found[0, 0] == pytest.approx(9 * found[0].tolist()[2])


def test_bilateral_training_perturbs_images_towards_another_class_and_their_labels(network, batch):
    net, (x, y) = network.net.train(), batch
    before = copy.deepcopy(net.state_dict())
    x_adv, labels = Bilateral().perturbed(net, x, y, torch.Generator().manual_seed(0))
    assert net.training and all(torch.equal(t, before[name]) for name, t in net.state_dict().items())
    assert (x_adv - x).abs().max() <= defences.EPS + 1e-6 and x_adv.min() >= 0 and x_adv.max() <= 1
    k = most_confusing(predict(net.eval(), x), y)
    assert not (k == y).any() and torch.allclose(labels, adversarial_labels(predict(net, x), y))
    start = (x + drawn_within(x, defences.EPS, torch.Generator().manual_seed(0))).clamp(0, 1)
    stepped = start - defences.EPS * input_gradient(net, start, k).sign()
    inside = torch.maximum(torch.minimum(stepped, x + defences.EPS), x - defences.EPS).clamp(0, 1)
    assert torch.allclose(x_adv, inside, atol=1e-6)


def test_a_network_is_trained_on_what_the_defence_makes_of_images_and_labels(digits32, tmp_path):
    recipe, weights = Recipe(epochs=1, images=64, batch=32, width=0.125, precision="bf16"), {}
    made = {
        "nothing": lambda x, y: (x, y),
        "images": lambda x, y: (1 - x, y),
        "labels": lambda x, y: (x, adversarial_labels(torch.zeros(len(y), 10), y)),
    }
    for name, make in made.items():

        class Changing(Defence):
            def perturbed(self, net, x, y, generator, make=make):
                return make(x, y)

        torch.manual_seed(0)
        net = build("wrn10_2", shape=digits32.shape, classes=10, width=0.125)
        fit(net, digits32, recipe, 0, tmp_path / name, defence=Changing())
        weights[name] = torch.cat([w.flatten() for w in net.parameters()])
    assert not torch.allclose(weights["nothing"], weights["images"])
    assert not torch.allclose(weights["nothing"], weights["labels"])


def test_the_oracle_reads_the_label(batch):
    x, y = batch
    torch.manual_seed(0)
    oracle = LabelGradient(build("wrn10_2", shape=(6, 16, 16), classes=10, width=0.25), takes="max1").eval()
    assert oracle(x, y).shape == (12, 10)
    assert not torch.equal(oracle(x, y), oracle(x, (y + 1) % 10))
    classifier = Defence(7, "oracle").classifier(oracle, y)
    assert torch.equal(classifier(x), oracle(x, y))
    assert (pgd(classifier, x, y, eps=0.1, steps=2) - x).abs().max() <= 0.1 + 1e-6


def test_attacks_are_monotone_in_steps_and_one_run_gives_every_number(network, batch):
    x, _ = batch
    y = network(x).argmax(1).detach()
    options = {"eps": 0.1, "alpha": 0.008}
    fell = steps_to_fool(network, x, y, steps=12, generator=torch.Generator().manual_seed(0), **options)
    left = [int((fell > k).sum()) for k in range(13)]
    assert left == sorted(left, reverse=True) and left[0] > left[-1]
    for k in (1, 4, 12):
        shorter = steps_to_fool(network, x, y, steps=k, generator=torch.Generator().manual_seed(0), **options)
        assert torch.equal(fell > k, shorter > k)
        x_adv = pgd(network, x, y, steps=k, early_exit=True, generator=torch.Generator().manual_seed(0), **options)
        assert torch.equal(network(x_adv).argmax(1) == y, fell > k)
        assert (x_adv - x).abs().max() <= options["eps"] + 1e-6 and x_adv.min() >= 0 and x_adv.max() <= 1


def test_counting_the_first_fooling_step_loses_nothing_against_looking_at_every_iterate(network, batch):
    x, _ = batch
    plain = network.net
    y = plain(x).argmax(1).detach()
    fell = steps_to_fool(plain, x, y, eps=0.05, steps=8, alpha=0.004)
    wrong = [plain(x).argmax(1) != y]
    for k in range(1, 9):  # attack after attack, none leaving early
        wrong.append(plain(pgd(plain, x, y, eps=0.05, steps=k, alpha=0.004)).argmax(1) != y)
    first = [next((k for k, w in enumerate(wrong) if w[i]), 9) for i in range(len(x))]
    assert fell.tolist() == first and len(set(first)) > 2


def test_an_attack_step_is_one_forward_and_one_backward_pass_on_who_stands(network, batch):
    x, _ = batch
    y = network.net(x).argmax(1).detach()
    seen = []
    hook = network.net[0].register_forward_hook(lambda m, args, out: seen.append(len(args[0])))
    fell = steps_to_fool(network.net, x, y, eps=0.05, steps=12, alpha=0.004)
    hook.remove()
    assert (fell <= 12).sum() > 0 and len(set(fell.tolist())) > 2
    standing = [int((fell >= k).sum()) for k in range(12)] + [int((fell > 11).sum())]
    assert seen == [n for n in standing if n]  # the last is the look at where the twelfth step led
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("name", [*defences.by_name("raw", 1.0, False), "oracle"])
def test_every_defence_trains_and_resumes(name, digits32, tmp_path, monkeypatch, every_epoch):
    from inputgrad.catalogue.recipe import Recipe

    defence = {**defences.by_name("raw", 1.0, False), "oracle": Defence(2, "oracle", "max1", detach=True)}[name]
    recipe = Recipe("sgd", lr=0.05, batch=16, epochs=2, images=32)
    monkeypatch.setattr(defences, "WATCHED", 8)

    def trained():
        torch.manual_seed(0)
        net = defence.build("wrn10_2", shape=digits32.shape, classes=10, width=0.125)
        before = copy.deepcopy(net.state_dict())
        note = fit(net, digits32, recipe, 0, tmp_path / f"{name}.partial", "classify", defence)
        return net, before, note

    net, before, note = trained()
    assert any(not torch.equal(a, before[k]) for k, a in net.state_dict().items())
    assert len(note["history"]) == 2 and ("robust_accuracy" in note["history"][0]) == (defence.steps > 0)
    again, _, _ = trained()  # from the partial checkpoint of the first epoch
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True))


def test_the_theorem_fails_on_a_quadratic():
    by_hand = [0.5, 1.125, 2.2578125, 5.3067, 19.887, 218.26]
    assert iterated_quadratic(0.5, 5) == pytest.approx(by_hand, rel=1e-3)
    assert iterated_quadratic(THRESHOLD - 0.05, 400)[-1] == pytest.approx(fixed_point(THRESHOLD - 0.05), rel=1e-6)
    assert iterated_quadratic(0.5, 40)[-1] == float("inf") and fixed_point(0.5) != fixed_point(0.5)
    assert fixed_point(0.0) == 0.5


def test_inside_one_linear_piece_the_self_gradient_stands_still(batch):
    x, _ = batch
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
    network = SelfGradient(linear, 3)
    first, *later = list(changes(network, x, network.block_of, 3))
    assert (first > 0).all() and all(not c.any() for c in later)


def test_iterates_that_overflow_are_cut_off_and_stay_numbers(digits32):
    settings = {"eps": "8/255", "iterations": 20, "block_input": "raw", "block_scale": 1.0, "detach_train": False,
                "images": 2, "recipe": {}}  # fmt: skip
    network = SelfGradient(build("wrn10_2", shape=(3, 32, 32), classes=10, width=0.125), 3).eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inputgrad.trials.selfgrad.defended", lambda job, d: SimpleNamespace(model=network))
        trial = SimpleNamespace(settings=settings, dataset="digits32", model="wrn10_2", exhibit="e", name="n")
        images = (digits32.x_test[:2].float() / 255, digits32.y_test[:2])
        rows = convergence(SimpleNamespace(trial=trial, test_images=lambda: images)).rows
    values = [row.value for row in rows if row.attack == "quadratic"]
    assert len(values) == 80 and all(0 <= v <= 1e30 for v in values)


def test_an_attack_goes_through_what_was_constant_in_training(digits32, monkeypatch):
    told = LabelGradient(build("wrn10_2", shape=(6, 32, 32), classes=10, width=0.125), detach=True).eval()
    monkeypatch.setattr("inputgrad.trials.selfgrad.trained", lambda *args: SimpleNamespace(model=told))
    trial = SimpleNamespace(model="wrn10_2", seed=0, settings={"recipe": {}})
    job = SimpleNamespace(data=digits32, trial=trial, device="cpu", trained=None)
    defence = Defence(7, "oracle", "max1", detach=True)
    x, y = digits32.x_test[:4].float() / 255, digits32.y_test[:4]
    constant = input_gradient(defence.classifier(told, y), x, y)
    through = input_gradient(defence.classifier(defended(job, defence).model, y), x, y)
    assert not torch.allclose(constant, through, rtol=1e-3, atol=0)


def test_the_long_schedule_has_so_many_times_the_epochs_and_is_else_the_same(digits32, monkeypatch):
    asked = []

    def trained(data, model, recipe, seed, device, defence):
        asked.append((recipe, defence))
        return SimpleNamespace(model=nn.Identity())

    monkeypatch.setattr("inputgrad.trials.selfgrad.trained", trained)
    (trial,) = trials("selfgrad/schedule", longer=3)
    control = SimpleNamespace(model=nn.Identity())
    found = networks(Job(trial, digits32, control, torch.device("cpu")))
    short, block = Recipe(**trial.settings["recipe"]), defences.by_name("raw", 1.0, False)["Self gradient"]
    long = short.override({"epochs": 3 * short.epochs})
    assert asked == [(short, block), (long, Defence(1)), (long, defences.RandomStart())]
    assert [", ".join(filter(None, place)) for place in found] == [
        "FGSM training", "Self gradient", "FGSM training, 3 times the epochs",
        "FGSM training, random start, 3 times the epochs",
    ]  # fmt: skip
    assert found["FGSM training", ""] is control


def test_the_schedule_compares_within_a_schedule_and_between_the_two(small_run):
    run = small_run("selfgrad/schedule", longer=2)
    found = results.table(run.shown)
    epochs = found[found["metric"] == "robust_accuracy"].groupby("defense")["steps"].max()
    assert set(epochs[["FGSM training", "Self gradient"]]) == {epochs.min()}
    assert set(epochs[epochs.index.str.endswith("2 times the epochs")]) == {2 * epochs.min()} and len(epochs) == 4
    clean = found[found["metric"].eq("accuracy") & found["attack"].eq("none")].set_index("defense")["value"]
    gains = found[found["metric"].eq("gain") & found["attack"].eq("none")].set_index("defense")["value"]
    long = ", 2 times the epochs"
    pairs = {
        "Self gradient, over block off": ("Self gradient, block off", "Self gradient"),
        "Self gradient, over FGSM training": ("FGSM training", "Self gradient"),
        f"FGSM training{long}, over the short schedule": ("FGSM training", f"FGSM training{long}"),
        f"FGSM training, random start{long}, over FGSM training":
            (f"FGSM training{long}", f"FGSM training, random start{long}"),
    }  # fmt: skip
    assert set(gains.index) == set(pairs)
    for name, (before, after) in pairs.items():
        assert gains[name] == pytest.approx(100 * (clean[after] - clean[before]), abs=0.01)


def test_softplus_takes_the_place_of_every_relu(network, batch):
    x, _ = batch
    smooth = softened(network, beta=200.0)
    assert not any(isinstance(m, nn.ReLU) for m in smooth.modules())
    assert any(isinstance(m, nn.ReLU) for m in network.modules())
    assert torch.allclose(smooth.net(x), network.net(x), atol=0.2)


def test_smoothed_logits_are_the_mean_over_noise(batch):
    x, _ = batch
    model = smoothed(lambda z: z.flatten(1)[:, :10], 0.1, 400, torch.Generator().manual_seed(0))
    assert torch.allclose(model(x), x.flatten(1)[:, :10], atol=0.03)


def test_the_loss_of_a_linear_network_never_falls_along_its_gradient(batch):
    x, y = batch
    linear = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 10))
    assert not falls_along(linear, x, y, 0.1).any()
    assert falls_along(lambda z: torch.sin(900 * linear(z)), x, y, 0.1).any()


def test_arithmetic_is_counted_through_gradients_of_gradients():
    x, weight = torch.rand(4, 8, requires_grad=True), torch.rand(8, 8, requires_grad=True)

    def twice():
        y = (x @ weight).tanh()
        g = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
        g.square().sum().backward()

    once = flops(lambda: x.detach() @ weight.detach())
    assert once == 2 * 4 * 8 * 8
    # forward; to x; then back through both: to the upstream gradient and to the weight, and to x and the weight again
    assert flops(twice) == 6 * once


# The audit's verdict

SOUND = {
    ("random sign", 1): 60.0, ("FGSM", 1): 35.0, ("PGD", 20): 30.0, ("PGD", 100): 29.0, ("PGD, restarts", 100): 28.0,
    ("PGD, smoothed", 20): 31.0, ("PGD, block held constant", 20): 30.0, ("transfer from the block off", 20): 31.0,
    ("transfer from Standard", 20): 55.0, ("Square", 5000): 40.0, ("APGD, then targeted", 100): 27.0, ("CW", 100): 29.0,
    ("worst of all", 0): 26.0,
}  # fmt: skip


RADII = {"4/255": 60.0, "16/255": 10.0, "64/255": 0.0}


def fabricated(monkeypatch, values, radii=RADII, falls=2.0):
    """A run whose audit measured these numbers on 100 images."""
    shared = {"defense": "Self gradient", "variant": "", "images": 100, "metric": "accuracy", "profile": "quick", "seeds": 1,
              "low": 1.0, "high": 2.0}  # fmt: skip
    rows = [{**shared, "attack": a, "steps": k, "eps": "8/255", "value": v} for (a, k), v in values.items()]
    rows += [{**shared, "attack": "PGD over eps", "steps": 20, "eps": eps, "value": v} for eps, v in radii.items()]
    rows.append({**shared, "attack": "FGSM", "steps": 1, "eps": "8/255", "value": falls, "metric": "loss_falls_along"})
    monkeypatch.setattr(cells, "of_run", lambda run: pd.DataFrame(rows))


def failed(monkeypatch, changes=(), **others):
    fabricated(monkeypatch, {**SOUND, **dict(changes)}, **others)
    return [row["question"] for row in tables.masking.signs(None) if row["fine"] is False]


def test_a_sound_network_passes_the_checklist(monkeypatch):
    assert failed(monkeypatch) == []
    assert tables.selfgrad.verdict(None).startswith("Self gradient: no sign of a masked gradient")
    assert failed(monkeypatch, radii={"4/255": 60.0}) == []  # a large radius was not asked for


@pytest.mark.parametrize(
    ("changes", "others", "question"),
    [
        ({("Square", 5000): 20.0}, {}, "without a gradient"),
        ({("transfer from Standard", 20): 10.0}, {}, "without a gradient"),
        ({("FGSM", 1): 20.0}, {}, "one step"),
        ({("PGD", 100): 20.0, ("CW", 100): 20.0, ("APGD, then targeted", 100): 19.0}, {}, "longer attack"),
        ({("random sign", 1): 25.0}, {}, "random noise"),
        ({("PGD, smoothed", 20): 5.0}, {}, "looking past the block"),
        ({("APGD, then targeted", 100): 3.0}, {}, "adaptive step sizes"),
        ({}, {"radii": {"4/255": 60.0, "64/255": 20.0}}, "bring accuracy to zero"),
        ({}, {"radii": {"4/255": 30.0, "16/255": 60.0, "64/255": 0.0}}, "fall with the radius"),
        ({}, {"falls": 40.0}, "along FGSM"),
    ],
)
def test_each_sign_of_masking_is_caught(monkeypatch, changes, others, question):
    bad = failed(monkeypatch, changes, **others)
    assert len(bad) == 1 and question in bad[0]
    said = tables.selfgrad.verdict(None)
    assert said.startswith("Self gradient: 1 of 9 checks failed") and bad[0] in said and "0 of them" in said


def test_a_sign_that_plain_networks_show_too_is_said_to_be_one(monkeypatch):
    fabricated(monkeypatch, {**SOUND, ("Square", 5000): 20.0})
    table = cells.of_run(None)
    both = pd.concat([table, table.assign(defense="FGSM training")])
    monkeypatch.setattr(cells, "of_run", lambda run: both)
    assert "1 of 9 checks failed" in tables.selfgrad.verdict(None) and "1 of them" in tables.selfgrad.verdict(None)


@pytest.mark.parametrize(("rms", "said"), [(1e-5, True), (0.02, False)])
def test_a_block_that_does_nothing_is_said_to_do_nothing(monkeypatch, rms, said):
    fabricated(monkeypatch, SOUND)
    table = cells.of_run(None)
    block = table.iloc[:1].assign(attack="none", eps="", metric="block_rms_median", value=rms)
    monkeypatch.setattr(cells, "of_run", lambda run: pd.concat([table, block]))
    assert ("the block is next to nothing" in tables.selfgrad.verdict(None)) == said


def test_the_chapter_gives_the_block_in_units_of_eps():
    for trial, raw in files(ROOT, "selfgrad/audit"):
        found = [dict(zip(raw["columns"], row, strict=True)) for row in raw["rows"]]
        rms = {c["defense"]: c["value"] for c in found if c["metric"] == "block_rms_median"}
        shown = tables.selfgrad.blocks().frame.set_index("network")["in units of eps"]
        assert {name: f"{value / (8 / 255):.2g}" for name, value in rms.items()} == dict(shown)
        assert trial["settings"]["eps"] == "8/255"


def test_arithmetic_to_a_target_is_epochs_times_steps():
    rows = [{"defense": d, "metric": "robust_accuracy", "steps": k, "value": v}
            for d, values in (("Madry PGD", (10.0, 28.0, 27.0, 30.0)), ("Self gradient", (27.0, 20.0, 20.0, 20.0)),
                              ("FGSM training", (1.0, 2.0, 3.0, 4.0))) for k, v in enumerate(values, 1)]  # fmt: skip
    rows += [{"defense": d, "metric": "forwards_worth", "steps": 0, "value": v}
             for d, v in (("Madry PGD", 17.0), ("Self gradient", 16.0), ("FGSM training", 5.0))]  # fmt: skip
    needed = tables.selfgrad.arithmetic_to(pd.DataFrame(rows), 0.9)
    assert needed == {"Madry PGD": 34.0, "Self gradient": 16.0, "FGSM training": float("inf")}


def test_smoke_numbers_get_no_verdict(monkeypatch):
    fabricated(monkeypatch, SOUND)
    table = cells.of_run(None).assign(profile="smoke")
    monkeypatch.setattr(cells, "of_run", lambda run: table)
    assert tables.selfgrad.verdict(None).startswith("No verdict")


# Bad input


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"eps": "8"}, "eps '8' is above 1, the whole range of a pixel: did you mean '8/255'?"),
        ({"eps": 8}, "did you mean '8/255'?"),
        ({"eps": "-1/255"}, "must be finite and >= 0"),
        ({"steps": [0, 10]}, "steps 0 is too small: it must be at least 1"),
        ({"steps": [10, 10]}, "steps names 10 more than once"),
        ({"defences": ["self gradient"]}, "did you mean 'Self gradient'?"),
        ({"block_input": "max"}, "block_input 'max' is unknown"),
        ({"block_scale": -1}, "block_scale -1 is not a number >= 0"),
        ({"defences": ["Standard"], "block_input": "sign"}, "defences names no self-gradient network"),
    ],
)
def test_bad_input_is_one_sentence(given, sentence):
    with pytest.raises(InputError) as caught:
        trials("selfgrad/defences", **given)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("longer", [1, 0, -2, 2.5, "4", True])
def test_a_long_schedule_is_longer(longer):
    with pytest.raises(InputError, match="^longer [^\n]*$"):
        trials("selfgrad/schedule", longer=longer)


def test_a_defence_refuses_what_it_does_not_know():
    for wrong in ({"steps": -1}, {"network": "bloc"}, {"takes": "abs"}, {"scale": -2}):
        with pytest.raises(InputError):
            Defence(**wrong)


def test_the_matrix_rate_is_that_of_the_best_round(monkeypatch):
    ticks = iter([0.0, 2.0, 10.0, 10.5])
    monkeypatch.setattr("inputgrad.compute.device.time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    assert matrix_rate(torch.device("cpu"), rounds=2) == 2 * 1024**3 / 0.5


def test_a_row_in_another_reading_stays_in_its_table(monkeypatch):
    shared = {"exhibit": "selfgrad/defences", "profile": "quick", "table": "2", "dataset": "CIFAR-10", "attack": "none",
              "model": "WRN-28-10", "eps": "", "parameter": "", "steps": 0, "metric": "accuracy", "unit": "fraction",
              "count": 5, "total": 10, "seed": 0, "value": 0.5}  # fmt: skip
    rows = pd.DataFrame([
        {**shared, **side("Standard"), "reading": "default"},
        {**shared, **side("Self gradient"), "reading": "block_input=sign"},
    ])  # fmt: skip
    monkeypatch.setattr("inputgrad.record.results.table", lambda shown: rows)
    nothing = []
    run = SimpleNamespace(exhibit="selfgrad/defences", shown=nothing, results=nothing)
    (table,) = tables.selfgrad.defences(run).tables
    assert {"Standard: ours", "Self gradient: ours"} <= set(table.frame)


def test_ours_stands_beside_what_the_paper_has_for_as_many_steps(monkeypatch):
    shared = {"exhibit": "selfgrad/defences", "profile": "quick", "table": "2", "dataset": "CIFAR-10", "attack": "PGD",
              "model": "WRN-28-10", "eps": "8/255", "parameter": "", "metric": "accuracy", "unit": "fraction",
              "count": 5, "total": 10, "seed": 0, "value": 0.5, "reading": "default", **side("Self gradient")}  # fmt: skip
    rows = pd.DataFrame([{**shared, "steps": steps} for steps in (5, 10, 100)])
    monkeypatch.setattr("inputgrad.record.results.table", lambda shown: rows)
    nothing = []
    run = SimpleNamespace(exhibit="selfgrad/defences", shown=nothing, results=nothing)
    beside = tables.common.side_by_side(run, "default").set_index("steps")["value"]
    paper = {5: float("nan"), 10: 64.37, 100: 63.88}
    assert beside.to_dict() == pytest.approx(paper, nan_ok=True)


def test_the_larger_network_replaces_the_one_that_stood_for_it():
    def recorded(exhibit, model, profile):
        declaration = asdict(Trial(exhibit, 1, profile, "cifar10", model, 0))
        return results.Result("key", pd.DataFrame(), {}, {"declaration": declaration}, Path("r.json"))

    small, large = (recorded("selfgrad/audit", *place) for place in (("wrn10_2", "quick"), ("wrn28_10", "paper")))
    assert results.largest([small, large]) == [large]
    other = [recorded("convex/fooling", *place) for place in (("nin", "quick"), ("densenet40", "paper"))]
    assert results.largest(other) == other  # networks that the paper tells apart


def test_a_run_of_two_data_sets_has_a_table_of_each(small_run):
    run = small_run("selfgrad/convergence", datasets=["digits28", "digits32"], iterations=2)
    both = tables.selfgrad.convergence(run).tables
    alone = tables.selfgrad.convergence(small_run("selfgrad/convergence", datasets=["digits32"], iterations=2))
    assert [table.caption.split(", ")[0] for table in both] == ["digits28", "digits32"]
    assert both[1].frame.equals(alone.frame) and not both[0].frame.equals(alone.frame)
