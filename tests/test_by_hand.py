"""From a right attack to a right row: trials on a network whose every answer is known, each row worked out by hand.

The network asks whether an image is brighter than one half, so how far its mean is from there is how much an attack has
to move it, and all attacks on it go the same way. Images are of one shade each.
"""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from inputgrad.compute import device
from inputgrad.compute.attacks import pgd
from inputgrad.compute.attacks.pgd import EPS, STEP
from inputgrad.compute.methods.defences import Defence
from inputgrad.compute.norms import UNIT
from inputgrad.study import trials
from inputgrad.trials import (
    audit,
    convex,
    selfgrad,
    selfgrad_active,
    selfgrad_schedule,
    sign,
    sign_losses,
    sign_smallest,
    smooth,
    smooth_baselines,
)

SHADES = torch.tensor([0.48, 0.57, 0.38, 0.67, 0.28, 0.77, 0.45])
LABELS = torch.tensor([0, 1, 0, 1, 0, 1, 1])
MARGINS = np.array(
    [0.02, 0.07, 0.12, 0.17, 0.22, 0.27, -0.05]
)  # how far an attack has to go; the last is wrong as it is
TOWARDS = np.array([1, -1, 1, -1, 1, -1, -1])  # where an attack goes: away from the label
RIGHT = MARGINS > 0


class Brighter(nn.Module):
    """Is an image brighter than one half? Logits -z and z, z = slope * (mean - 1/2), and of two classes never chosen.

    ``turned`` takes -z for z; ``turns`` does so in training mode.
    """

    def __init__(self, slope=20.0, turned=False, turns=False):
        super().__init__()
        self.slope, self.turned, self.turns = slope, turned, turns

    def forward(self, x):
        z = self.slope * (x.flatten(1).mean(1) - 0.5)
        z = -z if self.turned != (self.turns and self.training) else z
        return torch.stack([-z, z, z.abs() - 50, z.abs() - 60], 1)


def job(exhibit, model, seed=0, *, side=1, shades=SHADES, labels=LABELS, trained=None, **settings):
    """A job on the images above, ``side`` pixels wide."""
    (trial,) = trials(exhibit, models=[model], seeds=[seed], datasets=["digits28"], **settings)
    x = shades.view(-1, 1, 1, 1).expand(-1, 1, side, side).contiguous()
    return SimpleNamespace(trial=trial, trained=trained, data=SimpleNamespace(classes=4), device=torch.device("cpu"),
                           test_images=lambda: (x, labels))  # fmt: skip


def table(rows, *by):
    """Values by these columns, of which no row may repeat another's."""
    found = pd.DataFrame(rows).set_index(list(by))["value"].sort_index()
    assert found.index.is_unique
    return found


def drawn(generator, eps, pixels=1):
    """A uniform start in the ball of radius ``eps``, towards the attack, ``(N, pixels)``."""
    u = torch.rand((len(SHADES), pixels), generator=generator)
    return TOWARDS[:, None] * (eps * (2 * u - 1)).numpy()


def standing(start, eps, alpha, k):
    """Which images no point of the first ``k`` steps fools."""
    return np.all([np.minimum(start + i * alpha, eps).mean(1) < MARGINS for i in range(k + 1)], axis=0)


@pytest.mark.parametrize("seed", [0, 1])
def test_selfgrad_counts_an_image_until_the_step_that_fools_it(seed):
    steps, eps = [1, 2, 3, 5, 8], 0.2
    at = job("selfgrad/defences", "wrn10_2", seed, eps=str(eps), steps=steps)
    rows = selfgrad.measured(at, Brighter(), lambda eps: selfgrad.place(at, eps), "default", selfgrad.ATTACKS_OF_TABLES)
    found = table(rows, "attack", "steps")
    assert found.pop(("none", 0)) == RIGHT.mean()
    assert found.pop(("FGSM", 1)) == (eps < MARGINS).mean()
    generator = torch.Generator().manual_seed(seed)
    starts = {"PGD": drawn(generator, eps), "CW": drawn(generator, eps)}
    by_hand = {(a, k): standing(u, eps, eps / 4, k).mean() for a, u in starts.items() for k in steps}
    assert found.to_dict() == by_hand
    assert len({by_hand["PGD", k] for k in steps}) > 2  # more steps fool more


def test_which_defences_belong_to_the_papers_table(monkeypatch):
    """Three rows are the paper's, and its Table 5 switches the block; whatever else is defended is ours."""

    network = Brighter()
    network.net = Brighter()
    monkeypatch.setattr(selfgrad, "defended", lambda job, defence: SimpleNamespace(model=network))
    at = job("selfgrad/defences", "wrn10_2", eps="0.1", steps=[1, 2])
    for dataset, table_of in (("cifar10", "2"), ("svhn", "4"), ("digits28", "own")):
        at.trial = replace(at.trial, dataset=dataset)
        rows = pd.DataFrame(selfgrad.defences(at).rows)
        found = {(r.arm, r.variant): r.table for r in rows.itertuples()}
        enabled, disabled = (("Self gradient", f"block {state} at inference") for state in ("enabled", "disabled"))
        printed = dict.fromkeys([(name, "") for name in ("Standard", "Madry PGD", "Self gradient")], table_of)
        own = dict.fromkeys([("FGSM training", ""), ("Self gradient, rescaled", "")], "own")
        switched = dict.fromkeys([enabled, disabled], "5" if table_of != "own" else "own")
        assert found == {**printed, **own, **switched}
        assert len({(r.table, r.arm, r.variant) for r in rows.itertuples()}) == len(found)
        for variant in (enabled[1], disabled[1]):
            part = rows[rows["variant"] == variant]
            assert set(zip(part["attack"], part["steps"], strict=True)) == {("none", 0), ("PGD", 1)}


def test_the_cost_of_a_defence_by_hand(monkeypatch):
    """Madry PGD ends at 0.5 and first has 0.9 of that after 30 s; FGSM training after 8 s, the block never."""
    robust = {"Standard": [None, None], "Madry PGD": [0.4, 0.45, 0.5], "FGSM training": [0.46, 0.2],
              "Self gradient": [0.1, 0.2], "Self gradient, rescaled": [0.3, 0.45]}  # fmt: skip
    rate = {"Standard": 4.0, "Madry PGD": 15.0, "FGSM training": 8.0, "Self gradient": 10.0,
            "Self gradient, rescaled": 20.0}  # fmt: skip
    at = job("selfgrad/cost", "wrn10_2", target=0.9)
    asked = selfgrad.asked(at)

    def network(job, defence):
        name = {defence: name for name, defence in asked.items()}[defence]
        history = [{"epoch": i, "seconds": i * rate[name]} | ({} if v is None else {"robust_accuracy": v})
                   for i, v in enumerate(robust[name], 1)]  # fmt: skip
        return SimpleNamespace(history=history, images_per_second=rate[name])

    monkeypatch.setattr(selfgrad, "defended", network)
    monkeypatch.setattr(selfgrad, "matrix_rate", lambda device, precision: 400.0)
    monkeypatch.setattr(selfgrad, "arithmetic",
                        lambda job, d, training=True: 100.0 * (1 + d.steps) if training else 50.0)  # fmt: skip
    found = table(selfgrad.cost(at).rows, "metric", "arm", "steps")
    for name, values in robust.items():
        worth = 2.0 * (1 + asked[name].steps)
        assert found["forwards_worth", name, 0] == worth
        assert found["matrix_share", name, 0] == pytest.approx(50 * worth * rate[name] / 400)
        assert found["images_per_second", name, 0] == rate[name]
        assert found["seconds", name].tolist() == [rate[name] * i for i in range(1, len(values) + 1)]
        assert [v for v in values if v is not None] == (found["robust_accuracy", name].tolist() if values[0] else [])
    assert found["speedup"].droplevel("steps").to_dict() == {
        "Madry PGD": 1, "FGSM training": 30 / 8, "Self gradient": 0, "Self gradient, rescaled": 30 / 40,
    }  # fmt: skip


def test_the_arithmetic_of_a_step_is_that_of_its_defence():
    """A network of one product of 4 pixels with 4 classes: 32 operations an image forward, 32 to each of x and w."""

    class Product(nn.Linear):
        def forward(self, x):
            return super().forward(x.flatten(1))

    at = job("selfgrad/cost", "wrn10_2", side=2)
    at.data.shape = (1, 2, 2)
    for steps in (0, 1, 3):
        defence = Defence(steps)
        object.__setattr__(defence, "build", lambda *a, **k: Product(4, 4, bias=False))
        assert selfgrad.arithmetic(at, defence, training=False) == 32
        assert selfgrad.arithmetic(at, defence) == 64 + 64 * steps  # to w and not to x, after steps to x and not to w


@pytest.mark.parametrize("seed", [0, 1])
def test_the_audit_by_hand(seed, monkeypatch):
    eps, others = 0.15, {"transfer from Madry PGD": Brighter(), "transfer from FGSM training": Brighter(turned=True)}
    monkeypatch.setitem(audit.TARGETS, "smoke", 1)
    at = job("selfgrad/audit", "wrn10_2", seed, side=4, eps=str(eps), restarts=1, samples=2, queries=20,
             radii=["0.05", "0.1", "0.2"])  # fmt: skip
    rows = audit.under_attack(at, "Standard", "default", Brighter(), others)
    found = table(rows, "metric", "attack", "eps", "steps")
    assert found.pop(("loss_falls_along", "FGSM", "0.15", 1)) == 0
    found = found["accuracy"]
    assert found.pop(("none", "", 0)) == RIGHT.mean()
    for radius in ("0.05", "0.1", "0.2"):
        assert found.pop(("PGD over eps", radius, 20)) == (float(radius) < MARGINS).mean()
    found = found.droplevel("eps")
    left = (eps < MARGINS).mean()
    assert (found.xs("worst of all") == left).all()
    assert found.min() == left  # the worst of all is none better than any

    generator = torch.Generator().manual_seed(seed)
    signs = TOWARDS * (2.0 * torch.randint(0, 2, (7, 16), generator=generator, dtype=torch.int8) - 1).mean(1).numpy()
    assert found["random sign", 1] == (RIGHT & (eps * signs < MARGINS)).mean()
    for attack in ("PGD", "CW"):
        start = drawn(generator, eps, pixels=16)
        assert [found[attack, k] for k in (10, 100)] == [standing(start, eps, eps / 4, k).mean() for k in (10, 100)]
    for attack in ("FGSM", "PGD, restarts", "PGD, smoothed", "transfer from Madry PGD", "APGD", "APGD, then targeted"):
        assert (found.xs(attack) == left).all(), attack
    assert (found.xs("transfer from FGSM training") == RIGHT.mean()).all()  # goes the wrong way
    assert left <= found["Square", 20] <= RIGHT.mean()


def test_the_worst_of_all_is_over_images_and_not_over_attacks(monkeypatch):
    stands = {"A": [1, 1, 0, 1, 1, 1, 1], "B": [1, 0, 1, 1, 1, 1, 0], "C": [0, 1, 1, 1, 1, 1, 1]}
    monkeypatch.setattr(audit, "attacks", lambda *_: ((a, torch.tensor(s).bool(), 1) for a, s in stands.items()))
    at = job("selfgrad/audit", "wrn10_2", eps="0.1", radii=["0.1"])
    found = table(audit.under_attack(at, "Standard", "default", Brighter(), {}), "attack", "metric")
    assert found["worst of all", "accuracy"] == 3 / 7
    assert [found[a, "accuracy"] for a in stands] == [5 / 7, 5 / 7, 5 / 7]  # the last image was never right


@pytest.mark.parametrize("seed", [0, 1])
def test_the_active_block_by_hand(seed, monkeypatch):
    """What the quick attacks leave, what the slow ones take of it, and what PGD alone has missed."""
    stands = {"FGSM": [1, 1, 0, 1, 1, 1, 1], "PGD": [1, 0, 1, 1, 1, 1, 0], "CW": [0, 1, 1, 1, 1, 1, 1]}
    monkeypatch.setattr(
        selfgrad_active, "quick_attacks", lambda *_: ((a, torch.tensor(s).bool(), 1) for a, s in stands.items())
    )
    asked = []

    def slow(model, x, y, size, settings, stands):
        asked.append((len(x), size, settings["queries"], settings["targets"]))
        yield "Square", torch.arange(len(x)) > 0, 1

    monkeypatch.setattr(selfgrad_active, "square_and_apgd", slow)
    at = job("selfgrad/active", "wrn10_2", seed, eps="0.1", queries=7, targets=1)
    rows, stood = selfgrad_active.under_attack(at, "FGSM training", "", Brighter(), {})
    found = table(rows, "metric", "attack")
    accuracy = found["accuracy"]
    left = RIGHT & np.all(list(stands.values()), axis=0)
    assert accuracy["none"] == RIGHT.mean() and asked == [(left.sum(), 0.1, 7, 1)]
    for attack, s in stands.items():
        assert accuracy[attack] == (RIGHT & np.array(s, bool)).mean()
    assert accuracy[selfgrad_active.ALL_BUT_SLOW] == left.mean()
    assert accuracy["worst of all"] == (left.sum() - 1) / len(left)  # the slow ones take the first
    by_pgd = (RIGHT & np.array(stands["PGD"], bool)).sum()
    assert found["missed", "PGD"] == (by_pgd - (left.sum() - 1)) / len(left)
    assert (stood["clean"].sum(), stood["worst"].sum()) == (RIGHT.sum(), left.sum() - 1)
    gains = table(
        selfgrad_active.compared(at, "A", "over B", {**stood, "worst": ~stood["worst"]}, stood), "attack", "metric"
    )
    assert gains["none", "gain"] == 0
    assert gains["worst of all", "gain"] == pytest.approx(100 * (2 * (left.sum() - 1) / 7 - 1), rel=1e-4)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_schedule_by_hand(seed, monkeypatch):
    """What each of three attacks leaves and what all three do; and the curve of a training, an epoch a row."""
    stands = {"FGSM": [1, 1, 0, 1, 1, 1, 1], "PGD": [1, 0, 1, 1, 1, 1, 0], "CW": [0, 1, 1, 1, 1, 1, 1]}
    monkeypatch.setattr(
        selfgrad_schedule, "attacks_of_tables", lambda *_: ((a, torch.tensor(s).bool(), 1) for a, s in stands.items())
    )
    at = job("selfgrad/schedule", "wrn10_2", seed, eps="0.1")
    rows, stood = selfgrad_schedule.under_attack(at, "Self gradient", "6 times the epochs", Brighter())
    assert {(r.defense, r.arm) for r in rows} == {("Self gradient, 6 times the epochs", "Self gradient")}
    accuracy = table(rows, "attack")
    left = RIGHT & np.all(list(stands.values()), axis=0)
    assert accuracy["none"] == RIGHT.mean() and accuracy["worst of all"] == left.mean()
    for attack, s in stands.items():
        assert accuracy[attack] == (RIGHT & np.array(s, bool)).mean()
    assert (stood["clean"].numpy() == RIGHT).all() and (stood["worst"].numpy() == left).all()
    history = [{"epoch": k, "loss": 0.0, "robust_accuracy": k / 8} for k in (1, 2, 3)]
    curve = table(selfgrad_schedule.followed(at, "FGSM training", "", history), "metric", "steps")
    assert dict(curve["robust_accuracy"]) == {1: 0.125, 2: 0.25, 3: 0.375}


@pytest.mark.parametrize("seed", [0, 1])
def test_the_quick_attacks_by_hand(seed):
    eps = 0.15
    at = job("selfgrad/active", "wrn10_2", seed, side=4, eps=str(eps))
    sources = {"another": Brighter(), "a turned one": Brighter(turned=True)}
    generator = torch.Generator().manual_seed(seed)
    found = {
        a: s.numpy() for a, s, _ in selfgrad_active.quick_attacks(at, Brighter(), *at.test_images(), sources, generator)
    }
    assert list(found) == ["FGSM", "PGD", "CW", "transfer from another", "transfer from a turned one"]
    generator = torch.Generator().manual_seed(seed)
    for attack in ("PGD", "CW"):
        start = drawn(generator, eps, pixels=16)
        assert (found[attack] & RIGHT == standing(start, eps, eps / 4, 20)).all()
    for attack in ("FGSM", "transfer from another"):
        assert ((found[attack] & RIGHT) == (eps < MARGINS)).all()
    assert (found["transfer from a turned one"][RIGHT]).all()


@pytest.fixture
def turning(monkeypatch):
    """Networks by rate that turn in training mode; the control (rate 0) is turned besides, and so right in nothing."""
    entry = {"epoch": 1, "valid_accuracy": 0.75, "drift": 2.0}
    networks = {rate: SimpleNamespace(model=Brighter(turned=rate == 0, turns=True).eval(), whitening=None,
                                      history=[entry], seconds=3.0) for rate in (0, 0.2, -1.0)}  # fmt: skip
    monkeypatch.setattr(smooth, "arm", lambda job, update: networks[update.rate])
    sets = SimpleNamespace(x_train=torch.zeros(512, 1, 16, 32), y_valid=torch.zeros(8))
    monkeypatch.setattr(smooth, "prepared", lambda data, images: sets)
    return networks


@pytest.mark.parametrize("seed", [0, 1])
def test_smooth_takes_the_gradient_of_the_network_and_in_the_mode_that_is_asked(seed, turning):
    """An attack succeeds where the gradient is turned twice, or not at all."""
    at = job("smooth/hardening", "smooth_cnn", seed, trained=turning[0], eps=["0.1", "0.2"], stronger_eps=["0.15"])
    found = table(smooth.hardening(at).rows, "arm", "metric", "reading", "attack", "eps")
    assert found["updates", "accuracy", "default", "none", "0"] == RIGHT.mean()
    assert found["control", "accuracy", "default", "none", "0"] == (~RIGHT).mean()
    succeeds = {"default": False, "source=control": True, "attack_mode=eval": True,
                "attack_mode=eval source=control": False}  # fmt: skip
    for reading, success in succeeds.items():
        for eps in (0.1, 0.2):
            left = (eps < MARGINS) if success else (-eps < MARGINS)
            assert found["updates", "accuracy", reading, "FGSM", str(eps)] == left.mean(), reading
    assert found["updates", "pixels_linf_median", "default", "FGSM", "0.2"] == pytest.approx(0.2)
    noise = torch.randint(0, 2, (7, 1, 1, 1), generator=torch.Generator().manual_seed(seed), dtype=torch.int8).flatten()
    moved = 0.15 * TOWARDS * (2 * noise - 1).numpy()
    assert found["updates", "accuracy", "default", "random sign", "0.15"] == (moved < MARGINS).mean()
    for attack in ("PGD", "PGD, restarts"):
        assert found["updates", "accuracy", "default", attack, "0.15"] == (MARGINS > 0.15).mean()
    of_training = found.xs(("default", "none", ""), level=["reading", "attack", "eps"])
    assert of_training["updates"].to_dict() == {
        "drift_l2": 2, "training_seconds": 3, "stored_mib": 1, "validation_error": 0.25
    }  # fmt: skip
    assert of_training["control", "stored_mib"] == 0


def test_every_reading_of_smooth_meets_the_same_attacks(turning):
    at = job("smooth/readings", "smooth_cnn", trained=turning[0], rates=[0.2, -1.0], reductions=["sum"],
             modes=["accumulate", "reset"], eps=["0.1", "0.2"])  # fmt: skip
    found = table(smooth.readings(at).rows, "parameter", "variant", "metric", "attack", "eps")
    arms = [("0.2", "sum accumulate"), ("-1", "sum accumulate"), ("0.2", "sum reset")]
    assert set(found.index.droplevel(["metric", "attack", "eps"])) == {("0", ""), *arms}
    succeeds = {"FGSM": True, "FGSM, training mode": False, "FGSM of the control": False,
                "FGSM of the control, training mode": True, "PGD": True}  # fmt: skip
    for arm in arms:
        rows = found.loc[arm]
        assert rows["accuracy", "none", "0"] == RIGHT.mean()
        for attack, success in succeeds.items():
            for eps in (0.1, 0.2):
                left = ((eps if success else -eps) < MARGINS).mean()
                assert rows["accuracy", attack, str(eps)] == left, (attack, eps)
    assert found["0", "", "accuracy", "none", "0"] == (~RIGHT).mean()


def test_the_pictures_of_smooth_are_of_whom_the_updates_rescue(turning, monkeypatch):
    """The control is turned, so that a step up its loss leads the other network to the label: too short for the last."""
    drift = torch.stack([torch.full((4, 1, 1, 1), length) for length in (1.0, 3.0)])
    updates = SimpleNamespace(model=Brighter(), drift=drift)
    monkeypatch.setattr(smooth, "arm", lambda job, update: updates)
    outcome = smooth.pictures(job("smooth/pictures", "smooth_cnn", trained=turning[0], eps="0.03", columns=2))
    found = table(outcome.rows, "attack", "metric", "eps")
    assert found.to_dict() == {("FGSM", "lost", "0.03"): 1 / 7, ("FGSM", "rescued", "0.03"): 6 / 7}
    arrays = outcome.arrays
    assert (arrays["true"].tolist(), arrays["control"].tolist()) == ([0, 1], [1, 0])
    assert np.allclose(arrays["clean"].flatten(), 255 * np.array([0.48, 0.57]), atol=0.51)
    assert np.allclose(arrays["attacked"].flatten(), 255 * np.array([0.45, 0.60]), atol=0.51)
    assert arrays["perturbation"].flatten().tolist() == [0, 255]
    assert arrays["drift_l2"].tolist() == [[1, 1], [3, 3]] and (arrays["drift"] == 255).all()


def test_the_pictures_of_convex_are_of_each_class_once(monkeypatch):
    """Algorithm 1 moves an image by eps towards the other class, which it reaches where its margin is smaller."""
    at = job("convex/examples", "fcnn", eps=["0.05", "0.1"], columns=2)
    x, _ = at.test_images()
    victim = convex.Victim(Brighter(), Brighter(), x[RIGHT], LABELS[RIGHT], unit=1.0, box=UNIT)
    monkeypatch.setattr(convex, "victim", lambda job: victim)
    outcome = convex.examples(at)
    arrays = outcome.arrays
    assert (arrays["true"].tolist(), arrays["class"].tolist()) == ([0, 1], [[1, 1], [1, 0]])
    assert arrays["eps"].tolist() == [b"0.05", b"0.1"]
    shades = np.array([[0.48, 0.57], [0.48 + 0.05, 0.57 - 0.05], [0.48 + 0.1, 0.57 - 0.1]])
    assert np.allclose(arrays["image"].flatten(), 255 * shades[0], atol=0.51)
    assert np.allclose(arrays["sum"].reshape(2, 2), 255 * shades[1:], atol=0.51)
    assert arrays["noise"].reshape(2, 2).tolist() == [[255, 0], [255, 0]]
    found = table(outcome.rows, "attack", "metric", "eps")
    assert found.to_dict() == {("Algorithm 1", "fooled", "0.05"): 1 / 2, ("Algorithm 1", "fooled", "0.1"): 1}


@pytest.mark.parametrize("seed", [0, 1])
def test_convex_measures_eps_in_units_of_the_range(seed, monkeypatch):
    at = job("convex/fooling", "fcnn", seed, eps=["0.04", "0.1"])
    x, _ = at.test_images()
    model, x, y = Brighter().double(), x[RIGHT].double(), LABELS[RIGHT]
    monkeypatch.setattr(convex, "victim", lambda job: convex.Victim(model, model, x, y, unit=2.0, box=UNIT))
    found = table(convex.fooling(at).rows, "attack", "reading", "variant", "eps")
    assert found.pop(("none", "default", "", "0")) == 0
    signs = 2.0 * torch.randint(0, 2, (6, 1), generator=torch.Generator().manual_seed(seed), dtype=torch.int8) - 1
    away = TOWARDS[RIGHT] * signs[:, 0].numpy()
    for (attack, _, _, eps), ratio in found.items():
        size = 2 * float(eps)
        needed = {"DeepFool": 1.02 * (MARGINS[RIGHT] + 1e-4), "Random": np.where(away > 0, MARGINS[RIGHT], np.inf)}
        assert ratio == (needed.get(attack, MARGINS[RIGHT]) < size).mean(), (attack, eps)
    assert len(found.index.unique("attack")) == 9
    assert [found["FastGrad", "default", "", eps] for eps in ("0.04", "0.1")] == [2 / 6, 4 / 6]


@pytest.mark.parametrize("seed", [0, 1])
def test_sign_by_hand(seed):
    """FGM moves each pixel by eps times its gradient, 2 slope p / 121, with p the probability of the wrong class."""
    at = job("sign/adversarial", "alexnet", seed, side=11, trained=SimpleNamespace(model=Brighter()),
             eps=["0.1", "1.5"], attack_loss=["ce"], pgd_images=7)  # fmt: skip
    found = table(sign.adversarial(at).rows, "metric", "attack", "reading", "eps")
    p = 1 / (1 + np.exp(40 * MARGINS))
    sure = np.maximum(p, 1 - p) > 0.99
    assert found["accuracy", "none", "default", "0.0"] == RIGHT.mean()
    for eps in (0.1, 1.5):
        steps = {("FGSM", "default"): np.full(7, eps), ("FGM", "default"): eps * 40 * p / 121,
                 ("FGM", "fgm_reduction=mean32"): eps * 40 * p / 121 / 32}  # fmt: skip
        for (attack, reading), step in steps.items():
            stands = np.minimum(step, 0.9) < MARGINS
            assert found["accuracy", attack, reading, str(eps)] == stands.mean(), (attack, reading, eps)
            if reading == "default":
                for metric, group in (("accuracy_sure", sure), ("accuracy_unsure", ~sure)):
                    assert found[metric, attack, reading, str(eps)] == stands[RIGHT & group].mean(), (metric, attack)
        assert found["accuracy", "PGD", "default", str(eps)] == (min(eps, 0.9) < MARGINS).mean()
        assert found["accuracy", "FGM-l2", "default", str(eps)] == (min(eps, 0.9) < MARGINS).mean()
    assert found["linf_median", "FGSM", "default", "0.1"] == pytest.approx(0.1)


def test_of_the_images_that_a_network_is_sure_of_only_the_right_ones_count():
    """Three are sure and right, of which FGSM leaves two; two more are sure and wrong, which it leaves wrong."""
    shades, labels = torch.tensor([0.3, 0.2, 0.9, 0.1, 0.8, 0.45]), torch.tensor([0, 0, 1, 1, 0, 0])
    at = job("sign/adversarial", "alexnet", side=11, shades=shades, labels=labels, eps=["0.25"], attacks=["FGSM"],
             attack_loss=["ce"], controls=False, trained=SimpleNamespace(model=Brighter()))  # fmt: skip
    rows = {row.metric: row for row in sign.adversarial(at).rows if row.attack == "FGSM"}
    assert (rows["accuracy_sure"].count, rows["accuracy_sure"].total) == (2, 3)
    assert (rows["accuracy_unsure"].count, rows["accuracy_unsure"].total) == (0, 1)
    assert (rows["accuracy"].count, rows["accuracy"].total) == (2, 6)
    assert {row.steps for row in rows.values()} == {1}


def test_a_step_downhill_repairs_what_is_as_near():
    """All but the last are wrong, by as much as they were right above."""
    lost = torch.tensor([0.52, 0.43, 0.62, 0.33, 0.72, 0.23, 0.7])
    at = job("sign/cooperative", "alexnet", shades=lost,
             trained=SimpleNamespace(model=Brighter()), eps=["0.1", "0.2"], ablation_eps=["0.25"],
             label=["true", "predicted"], attacks=["D-FGSM"])  # fmt: skip
    found = table(sign.cooperative(at).rows, "attack", "reading", "eps").to_dict()
    assert found == {
        ("none", "default", "0.0"): 6 / 7,
        ("D-FGSM", "default", "0.1"): 4 / 7,
        ("D-FGSM", "default", "0.2"): 2 / 7,
        ("D-FGSM", "edit=all", "0.25"): 1 / 7,
        ("D-FGSM", "label=predicted", "0.25"): 6 / 7,
        ("D-FGSM", "label=predicted edit=all", "0.25"): 6 / 7,
    }


def test_a_step_downhill_reaches_the_runner_up_that_it_is_told():
    """The runner-up of a network of two classes is the other one; among the images edited, wrong or all."""
    lost = torch.tensor([0.52, 0.43, 0.62, 0.33, 0.72, 0.23, 0.7])
    at = job("sign/cooperative", "alexnet", shades=lost, trained=SimpleNamespace(model=Brighter()), eps=["0.1", "0.2"],
             ablation_eps=["0.25"], label=["runner_up"], attacks=["D-FGSM"])  # fmt: skip
    found = table(sign.cooperative(at).rows, "metric", "attack", "reading", "eps")
    assert found["reached_target"].to_dict() == {
        ("D-FGSM", "label=runner_up", "0.1"): 2 / 6,
        ("D-FGSM", "label=runner_up", "0.2"): 4 / 6,
        ("D-FGSM", "label=runner_up edit=all", "0.25"): 6 / 7,
    }
    assert set(found.index.unique("metric")) == {"error", "reached_target"}


def test_whose_label_by_hand():
    """Six images are wrong, all with the true class next; the last is right, and 0.2 from its runner-up."""
    lost = torch.tensor([0.52, 0.43, 0.62, 0.33, 0.72, 0.23, 0.7])
    at = job("sign/labels", "alexnet", shades=lost, trained=SimpleNamespace(model=Brighter()), eps=["0.1", "0.25"],
             label=["true", "runner_up"], attacks=["D-FGSM"])  # fmt: skip
    found = table(sign.labels(at).rows, "attack", "variant", "metric", "reading", "eps")
    assert found.to_dict() == {
        ("none", "", "error", "default", "0.0"): 6 / 7,
        ("D-FGSM", "true", "reached", "default", "0.1"): 2 / 6,
        ("D-FGSM", "true", "reached", "default", "0.25"): 5 / 6,
        ("D-FGSM", "runner_up", "reached", "label=runner_up", "0.1"): 2 / 6,
        ("D-FGSM", "runner_up", "reached", "label=runner_up", "0.25"): 5 / 6,
        ("D-FGSM", "runner_up", "reached_right", "label=runner_up", "0.1"): 0,
        ("D-FGSM", "runner_up", "reached_right", "label=runner_up", "0.25"): 1,
    }


def test_both_losses_by_hand():
    """Downhill, the two losses of this network go the same way; far uphill nothing that was right is left."""
    lost = torch.tensor([0.52, 0.43, 0.62, 0.33, 0.72, 0.23, 0.7])
    at = job("sign/losses", "alexnet", shades=lost, trained=SimpleNamespace(model=Brighter()), eps=["0.1", "0.2"],
             attacks=["D-FGSM"], far=["10"], far_images=7)  # fmt: skip
    found = table(sign_losses.losses(at).rows, "attack", "metric", "reading", "eps").to_dict()
    for reading in ("default", "attack_loss=nll_logits"):
        assert found.pop(("D-FGSM", "error", reading, "0.1")) == 4 / 7
        assert found.pop(("D-FGSM", "error", reading, "0.2")) == 2 / 7
    assert found.pop(("FGM", "accuracy", "default", "10")) == 1 / 7  # sure of it, and so with hardly a gradient
    assert found.pop(("FGM", "accuracy", "attack_loss=nll_logits", "10")) == 0
    assert found == {("none", "error", "default", "0.0"): 6 / 7}


def test_the_smallest_steps_by_hand():
    """Of one pixel each image has to move by its margin; beyond the longest step no size is known."""
    at = job("sign/smallest", "alexnet", attack_loss=["ce"], trained=SimpleNamespace(model=Brighter()))
    found = table(sign_smallest.smallest_steps(at).rows, "metric", "attack", "parameter")
    assert found["accuracy", "none", ""] == RIGHT.mean()
    for way in ("FGSM", "FGM-l2"):
        assert found["crossed", way, ""] == 1
        for quartile, margin in (("q1", 0.07), ("median", 0.12), ("q3", 0.17)):
            for measure in ("l2", "linf"):
                assert found[f"smallest_{measure}_{quartile}", way, ""] == pytest.approx(margin, rel=2e-3)
        assert found["smallest_psnr_median", way, ""] == pytest.approx(-20 * np.log10(0.17), rel=2e-3)
        assert found["within_l2", way, "1/8"] == found["within_linf", way, "1/8"] == 3 / 6
    assert found["l2_below_sign", "FGM-l2", ""] == found["linf_below_sign", "FGM-l2", ""] == 0
    near = job("sign/smallest", "alexnet", attack_loss=["ce"], methods=["FGSM"], reach=0.1,
               trained=SimpleNamespace(model=Brighter()))  # fmt: skip
    found = table(sign_smallest.smallest_steps(near).rows, "metric", "attack", "parameter")
    assert found["crossed", "FGSM", ""] == 2 / 6
    assert found["smallest_l2_q1", "FGSM", ""] == pytest.approx(0.07, rel=2e-3)
    assert not {"smallest_l2_median", "smallest_psnr_q1", "l2_below_sign"} & set(found.index.unique("metric"))


def test_the_pictures_of_sign_are_of_what_its_network_says():
    """Of each class the first image that is right; then the first that are wrong."""
    at = job("sign/examples", "alexnet", eps=["0.1", "0.25"], columns=2, trained=SimpleNamespace(model=Brighter()))
    outcome = sign.examples(at)
    arrays = outcome.arrays
    said = {name: arrays[name].tolist() for name in arrays if name.endswith(("true", "before", "class"))}
    assert said == {
        "attacked/true": [0, 1], "attacked/before": [0, 1],
        "attacked/FGSM/class": [[1, 0], [1, 0]], "attacked/FGM/class": [[1, 0], [1, 0]],
        "repaired/true": [1], "repaired/before": [0],
        "repaired/D-FGSM/class": [[1], [1]], "repaired/D-FGM/class": [[1], [1]],
    }  # fmt: skip
    shades = [[0.48 + 0.1, 0.57 - 0.1], [0.48 + 0.25, 0.57 - 0.25]]
    assert np.allclose(arrays["attacked/FGSM"].reshape(2, 2), 255 * np.array(shades), atol=0.51)
    assert arrays["gradient/image"].tolist() == [[[round(255 * 0.48)]]]
    assert arrays["gradient/value"].item() == pytest.approx(40 / (1 + np.exp(40 * 0.02)), rel=1e-4)
    assert table(outcome.rows, "attack", "metric", "eps").to_dict() == {("none", "accuracy", "0.0"): RIGHT.mean()}


def test_steps_of_one_median_length():
    """Of FGM the median length is the budget, and each image moves by its own share of it; of FGSM all move alike."""
    budget, slope = 1.1, 4.0
    at = job("sign/perceptibility", "alexnet", side=11, budgets=[str(budget)],
             methods=["FGSM", "FGM", "random sign"], trained=SimpleNamespace(model=Brighter(slope)))  # fmt: skip
    found = table(sign.equal_norm(at).rows, "metric", "attack", "parameter")
    margins = MARGINS[RIGHT]
    assert found["accuracy", "none", ""] == RIGHT.mean()
    assert found["fooled", "FGSM", "1.1"] == (margins < budget / 11).mean()
    p = 1 / (1 + np.exp(2 * slope * margins))
    assert found["fooled", "FGM", "1.1"] == (margins < budget / 11 * p / np.sort(p)[2]).mean()
    assert found["l2_median", "FGM", "1.1"] == found["l2_median", "FGSM", "1.1"] == pytest.approx(budget)
    assert found["fooled", "random sign", "1.1"] < found["fooled", "FGSM", "1.1"]


@pytest.mark.parametrize("seed", [0, 1])
def test_what_a_defence_is_trained_on(seed):
    """FGSM: one step of 8/255 from the image itself. PGD: steps of 2/255 from a random start, within 8/255."""
    x = SHADES.view(-1, 1, 1, 1)
    clean, fgsm, madry = (
        Defence(steps).attacked(Brighter(), x, LABELS, torch.Generator().manual_seed(seed)) for steps in (0, 1, 3)
    )
    assert torch.equal(clean, x)
    moved = TOWARDS * (fgsm - x).flatten().numpy()
    assert np.allclose(moved, 8 / 255, atol=1e-6)
    start = drawn(torch.Generator().manual_seed(seed), EPS)[:, 0]
    assert np.allclose(TOWARDS * (madry - x).flatten().numpy(), np.minimum(start + 3 * STEP, EPS), atol=1e-6)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_random_start_is_in_the_ball_and_in_the_box(seed):
    """All labels are wrong, so that every image keeps its start."""
    x = torch.tensor([0.0, 0.05, 0.4, 0.6, 0.97, 1.0]).view(-1, 1, 1, 1)
    y = torch.tensor([1, 1, 1, 0, 0, 0])
    start = pgd(Brighter(), x, y, eps=0.08, early_exit=True, generator=torch.Generator().manual_seed(seed))
    u = torch.rand(x.shape, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(start, (x + 0.08 * (2 * u - 1)).clamp(0, 1), atol=1e-7)
    assert ((x + 0.08 * (2 * u - 1) < 0) | (x + 0.08 * (2 * u - 1) > 1)).any()  # some would have been outside


def test_float32_means_float32():
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    device.choose("cpu")
    assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32


def test_drift_along_a_label_goes_away_from_it():
    """Up the loss of the true label every image ends up wrong; up that of the other label none gets worse."""
    at = job("smooth/baselines", "smooth_cnn", rate=1.0, drift_steps=20)
    place = {"table": "own", "dataset": "d", "model": "m", "defense": "u", "arm": "u"}
    tally, model = smooth_baselines.Tally(lambda eps: place), Brighter(4.0)
    for name, label in (("true", LABELS), ("false", 1 - LABELS)):
        smooth_baselines.drifted(tally, at, model, model, at.test_images()[0], LABELS, label, name)
    found = table(tally.rows(), "metric", "reading").to_dict()
    assert found == {("accuracy", "true"): 0, ("says_told", "true"): 0,
                     ("accuracy", "false"): 1, ("says_told", "false"): 0}  # fmt: skip
