"""The papers' networks side by side: whose they are, how long the steps are, what counts as standing."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from inputgrad import study
from inputgrad.compute.attacks import ATTACKS
from inputgrad.compute.data import load
from inputgrad.compute.norms import norm
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.report import cells, figures, tables
from inputgrad.study import EXHIBITS, convex, selfgrad, sign, smooth
from inputgrad.trials.job import Job
from inputgrad.trials.synthesis import DEFENCES, OUTSIDE, measured, network, radius, steps_of, without_sign
from inputgrad.trials.tally import Tally, side


@pytest.fixture
def tiny(small_run):
    """A small run on every kind of victim."""
    return small_run("synthesis/attacks")


def test_every_network_is_trained_as_in_its_chapter():
    owners = {"fcnn": convex, "lenet5": convex, "nin": convex, "densenet40": convex, "alexnet": sign,
              "resnet18": sign, "smooth_cnn": smooth, "wrn10_2": selfgrad, "wrn28_10": selfgrad}  # fmt: skip
    for profile in ("quick", "paper"):
        for trial in study.declared_trials("synthesis/attacks", profile):
            own = owners[trial.model].PAPER.key
            there = [t for e in EXHIBITS if e.startswith(f"{own}/") for t in study.declared_trials(e, profile)
                     if (t.dataset, t.model) == (trial.dataset, trial.model)]  # fmt: skip
            assert trial.settings["recipe"] in [t.settings["recipe"] for t in there], trial.name


def test_a_network_comes_from_the_function_of_its_chapter(monkeypatch):
    asked = []
    monkeypatch.setattr("inputgrad.trials.synthesis.control", lambda *a: asked.append("control"))
    monkeypatch.setattr("inputgrad.trials.synthesis.trained", lambda *a: asked.append("trained"))
    grey, colours = (SimpleNamespace(name="mine", shape=(channels, 28, 28)) for channels in (1, 3))
    for model in ("smooth_cnn", "wrn10_2", "fcnn", "a_readers_own"):
        network(grey, model, None, 0, None)
    assert asked == ["control", "trained", "trained", "trained"]
    with pytest.raises(InputError, match="model 'smooth_cnn' is not allowed on mine"):
        network(colours, "smooth_cnn", None, 0, None)
    assert smooth.HARDENING.network.endswith("hardening:control")


def test_a_step_without_the_sign_is_as_long_as_one_with_it():
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    x, y = torch.full((4, 3, 2, 2), 0.5), torch.tensor([0, 1, 2, 0])
    signed = torch.full_like(x, 0.01)
    for p in (2, torch.inf):
        moved = without_sign(net, x, y, 0.01, p) - x
        assert torch.allclose(norm(moved, p), norm(signed, p), rtol=1e-4)
    assert len({round(v, 6) for v in (without_sign(net, x, y, 0.01, 2) - x).abs().flatten().tolist()}) > 3


def test_a_step_without_the_sign_does_not_drown_in_small_numbers():
    x, y = torch.full((2, 3, 2, 2), 0.5), torch.tensor([0, 1])
    torch.manual_seed(0)
    weight = torch.randn(3, 12)

    def nearly_flat(x):
        return 1e-25 * (x.flatten(1) @ weight.T)

    for p in (2, torch.inf):
        moved = without_sign(nearly_flat, x, y, 0.01, p) - x
        assert torch.allclose(norm(moved, p), norm(torch.full_like(x, 0.01), p), rtol=1e-3)


def test_every_attack_but_the_long_ones_stays_in_the_ball():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    x, y, eps = torch.rand(6, 3, 2, 2), torch.arange(6) % 3, 0.05
    one = torch.full((3, 2, 2), eps)
    generator = torch.Generator().manual_seed(0)
    sizes = {name: (step(x, y) - x).abs().max().item()
             for name, step in steps_of(net, eps, 3, one, generator).items()}  # fmt: skip
    assert sizes.pop("FGM-l2") > eps and sizes.pop("FGM") > 0
    assert max(sizes.values()) <= eps + 1e-6 and min(sizes.values()) > 0


def test_what_stands_under_all_stands_under_each(tiny):
    found = tables.synthesis.victims(cells.of_run(tiny))
    labels = {place[2] for place, _ in found}
    assert labels == {"as trained", "image updates", *DEFENCES.values()}
    for _, accuracy in found:
        inside = [accuracy[a] for a in tables.synthesis.ATTACKS if a not in (*OUTSIDE, "all of them")]
        assert accuracy["all of them"] <= min(inside)
        assert set(accuracy) == {*tables.synthesis.ATTACKS, *tables.synthesis.DOWNHILL}


def test_all_of_them_are_those_inside_the_ball(monkeypatch):
    """Each attack of a stub fools one image; the long ones fool another, which still stands."""
    digits = load("digits28")
    y = digits.y_test[:4]

    def right(x):  # by the mark in the first pixel
        scores = torch.nn.functional.one_hot(y[: len(x)], 10).float()
        return torch.where(x[:, 0, 0, :1] == 2, -scores, scores)

    def fools(i):
        def step(x, labels):
            out = x.clone()
            out[i, 0, 0, 0] = 2
            return out

        return step

    stubs = {"FGM": fools(0), "FGM-l2": fools(0), "FGSM": fools(1), "PGD": fools(2)}
    monkeypatch.setattr("inputgrad.trials.synthesis.steps_of", lambda *args: stubs)
    monkeypatch.setattr("inputgrad.trials.synthesis.universal", lambda *args, **kwargs: None)
    monkeypatch.setitem(ATTACKS, "D-FGSM", lambda model, x, y, eps: x)
    trial = SimpleNamespace(settings={"uap_images": 1, "steps": 7, "images": 4}, seed=0, exhibit="e", name="n")
    job = Job(trial, digits, None, torch.device("cpu"))
    tally = Tally(lambda eps: {"table": "own", "dataset": "d", "model": "m", **side("as trained")})
    measured(tally, job, right, "0.1", "as trained")
    rows = {row.attack: row for row in tally.rows()}
    stands = {attack: row.count for attack, row in rows.items()}
    assert stands["FGM"] == stands["FGM-l2"] == stands["FGSM"] == 3 and stands["all of them"] == 2
    assert {a: row.steps for a, row in rows.items() if row.steps != 1} == {"none": 0, "PGD": 7, "all of them": 0}


def test_its_tables_and_its_figure(tiny):
    shown = tables.synthesis.attacks(tiny).tables
    assert len(shown) == 2 and all((t.frame != "–").all().all() for t in shown)
    frame = tables.synthesis.questions(tiny).frame
    (_, first), *_ = tables.synthesis.victims(cells.of_run(tiny))
    said = float(frame["the sign, equal l2: FGM-l2 − FGSM"].iloc[0].replace("−", "-"))
    assert said == pytest.approx(first["FGM-l2"] - first["FGSM"], abs=0.051)
    figure = figures.synthesis.attacks(tiny)
    figure.canvas.draw()
    assert len(figure.axes[0].get_yticklabels()) == len(frame)


def test_there_is_a_figure_before_anything_is_recorded():
    figures.synthesis.accuracies(figures.marks.of_rows(results.table([]))).canvas.draw()


def test_one_radius_in_pixels():
    with pytest.raises(InputError, match="eps '8' is above 1, the whole range of a pixel: did you mean '8/255'"):
        study.trials("synthesis/attacks", eps="8")
    assert study.trials("synthesis/attacks", eps="4/255")[0].settings["eps"] == "4/255"


@pytest.mark.parametrize(("dataset", "asked", "eps"),
                         [("mnist", None, "0.1"), ("cifar10", None, "8/255"), ("mnist", "4/255", "4/255")])  # fmt: skip
def test_a_radius_is_the_data_sets_own_or_the_one_asked_for(dataset, asked, eps):
    assert radius(SimpleNamespace(trial=SimpleNamespace(dataset=dataset, settings={"eps": asked}))) == eps
