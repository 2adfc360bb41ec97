"""The exhibits of `butterfly`: where rows belong, controls and baselines, what a tiny run measures, bad input."""

import copy
from dataclasses import asdict
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from inputgrad.catalogue import models
from inputgrad.catalogue.datasets import extent
from inputgrad.catalogue.published import IMAGENETTE
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import load
from inputgrad.compute.methods.game import decisions
from inputgrad.compute.methods.probe import probe
from inputgrad.compute.models import build
from inputgrad.compute.training import checkpoints
from inputgrad.compute.training.networks import Trained, begin_at, trained
from inputgrad.ground.checks import InputError
from inputgrad.record.row import Row
from inputgrad.report import cells, claims, tables
from inputgrad.study import trials
from inputgrad.study.butterfly_scales import ENCODERS, EXTERNAL, FOUR, scale
from inputgrad.trials import butterfly_arms, butterfly_networks, butterfly_pretrained, runner
from inputgrad.trials.butterfly import COMPARED, ROWS, TABLE_3, standing
from inputgrad.trials.butterfly_arms import PRINTED, random_of, shuffled
from inputgrad.trials.butterfly_figures import followed, optimum, spread_at_the_end, turned
from inputgrad.trials.butterfly_pretrained import next_of_class, of_imagenet
from inputgrad.trials.tally import Tally, side

CPU = torch.device("cpu")
TOLD = {"d_train": ["head", "full"]}
ENHANCING = {"sizes": ["small"]}
ATTACKING = {"sizes": ["small"]}
CURVES = {"gammas_enhance": ["0", "100"], "gammas_attack": ["0"], "loss": ["ls"]}
LONGER = {"gammas_enhance": ["100"], "longer": 3}
PICTURES = {"gammas_enhance": ["0"], "gammas_attack": ["0"], "columns": 3}


@pytest.fixture
def tiny_run(small_run):
    """``tiny_run(name)``: a tiny run of an exhibit of `butterfly`, with as many arms as a test looks at."""
    own = {"enhancing": ENHANCING, "told": TOLD, "units": {}, "bounded": {}, "judges": {}, "pretrained": {},
           "attacking": ATTACKING, "curves": CURVES, "longer": LONGER, "pictures": PICTURES}  # fmt: skip
    return lambda name: small_run(f"butterfly/{name}", **own[name])


def of(run, **selector):
    found = run.rows
    for column, value in selector.items():
        found = found[found[column] == value]
    return found


def value(run, **selector):
    (found,) = of(run, **selector)["value"]
    return found


# Where rows belong


def test_our_names_are_the_papers():
    paper = cells.of_paper("butterfly")
    assert set(paper["dataset"]) == set(PRINTED.values())
    assert set(paper["model"]) == {models.label(name) for name in FOUR}
    assert set(paper["attack"]) == COMPARED
    for table in ("1", "2"):
        assert set(paper[paper["table"] == table]["defense"]) == ROWS[table]
    assert set(paper[paper["table"] == "3"]["defense"]) == {*TABLE_3["1"].values(), *TABLE_3["2"].values()}


def row(**changes):
    base = {"table": "own", "dataset": "stl-10", "model": "VGG16", "defense": "[A] scratch classifier, Proposed-50",
            "arm": "[A] scratch classifier", "maker": "Proposed-50", "attack": "enhance", "steps": 0,
            "reading": "default", "metric": "accuracy", "value": 0.5, "unit": "ratio", "total": 9}  # fmt: skip
    return Row(**{**base, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["1"]),
        ({"metric": "second_number"}, ["1"]),
        ({"dataset": "ImageNet-50"}, ["1", "3"]),
        ({"dataset": "ImageNet-50", "defense": "[A] scratch classifier, Proposed-50, lr"}, ["own", "3"]),
        ({"dataset": "CIFAR-10"}, ["own"]),
        ({"model": "ResNet-18"}, ["own"]),
        ({"metric": "l2"}, ["own"]),
        ({"attack": "v on grey"}, ["own"]),
        ({"reading": "limit=0.1"}, ["own"]),
        ({"defense": "[A] scratch classifier, Proposed-small"}, ["own"]),
    ],
)
def test_only_the_papers_cells_stand_in_its_tables(changes, expected):
    found = standing([row(**changes)], "1")
    assert [r.table for r in found] == expected
    assert [r.defense for r in found if r.table == "3"] in ([], ["[A] Proposed-ls"], ["[A] Proposed-lr"])


def test_the_papers_own_cells_all_find_their_place():
    """Rows of ours that carry the paper's names fall onto its tables cell by cell, Table 3 included."""
    paper = cells.of_paper("butterfly")
    back = {new: old for table in TABLE_3.values() for old, new in table.items()}
    found = []
    for table, lines in (("1", "[A]"), ("2", "[B]")):
        mine = paper[paper["table"].eq(table) | paper["table"].eq("3") & paper["defense"].str.startswith(lines)]
        given = mine.assign(defense=mine["defense"].map(lambda d: back.get(d, d)))
        named = given[["dataset", "model", "defense", "attack", "metric"]].to_dict("records")
        found += standing([row(**columns) for columns in named], table)
    cell = ["table", "dataset", "model", "defense", "attack", "metric"]
    placed = {tuple(getattr(r, c) for c in cell) for r in found if r.table != "own"}
    assert placed == set(paper[cell].itertuples(index=False, name=None))


# The discriminator that is told the class


def test_the_told_game_has_its_bars_and_its_rival(tiny_run):
    """Direct training, both discriminators, the encoder's own worth, and gains that are differences of accuracies."""
    run = tiny_run("told")
    arms = ["Vanilla", "direct", "game", "game, D trained fully", "game, D told the class",
            "game, D told the class, D trained fully"]  # fmt: skip
    names = [f"[A] scratch classifier, {arm}" for arm in arms]
    assert set(names) <= set(run.rows["defense"]) and set(run.rows["reading"]) == {"default"}
    before = value(run, defense=names[0], attack="none", metric="accuracy")
    for name in names[1:]:
        after = value(run, defense=name, attack="enhance", metric="accuracy")
        gain, low, high = (value(run, defense=name, metric=f"gain{end}") for end in ("", "_low", "_high"))
        assert gain == pytest.approx(100 * (after - before), abs=0.01) and low <= gain <= high
        assert len(of(run, defense=name, metric="d_accuracy")) == (0 if name.endswith("direct") else 1)
    assert len(of(run, defense="linear probe of the encoder", metric="accuracy")) == 1
    assert all(0 <= v <= 1 for v in of(run, metric="auroc")["value"])


def test_a_random_class_makes_another_game_than_the_image_s_own(tiny_run, small_run):
    found = small_run("butterfly/units", discriminator=["told", "random"])
    told, random = (f"[A] scratch classifier, game, D told {what}" for what in ("the class", "a random class"))
    lengths = of(found, attack="enhance", metric="l2")
    assert set(lengths["defense"]) == {told, random} and lengths["value"].nunique() == 2
    alone = of(tiny_run("units"), attack="enhance", metric="gain")
    assert set(alone["defense"]) == {random}


def test_no_value_leaves_the_ball(tiny_run):
    run = tiny_run("bounded")
    names = [f"[A] scratch classifier, {arm}, limited" for arm in ("direct", "game", "game, D told the class")]
    assert set(names) == set(of(run, attack="enhance", metric="gain")["defense"])
    for name in names:
        assert 0 < value(run, defense=name, attack="enhance", metric="linf") <= 8 / 255 + 1e-6


def test_a_judge_has_its_own_features_and_its_own_name(tiny_run):
    run = tiny_run("judges")
    bodies = ("D trained fully", "D on the encoder's features")
    names = {f"[A] scratch classifier, game, {told}{body}" for told in ("", "D told the class, ") for body in bodies}
    lengths = of(run, attack="enhance", metric="l2")
    assert set(lengths["defense"]) == names and lengths["value"].nunique() == len(names)
    before = value(run, defense="[A] scratch classifier, Vanilla", attack="none", metric="accuracy")
    for name in names:
        after = value(run, defense=name, attack="enhance", metric="accuracy")
        assert value(run, defense=name, metric="gain") == pytest.approx(100 * (after - before), abs=0.01)


def test_two_classifiers_have_every_generator_and_a_v_of_their_class(tiny_run):
    run = tiny_run("pretrained")
    for kind in ("[A] scratch classifier", "[B] pretrained classifier"):
        before = value(run, defense=f"{kind}, Vanilla", attack="none", metric="accuracy")
        for maker in ("direct", "game", "game, D told the class"):
            after, own = (
                value(run, defense=f"{kind}, {maker}", attack=attack, metric="accuracy")
                for attack in ("enhance", "v of its class")
            )
            assert value(run, defense=f"{kind}, {maker}", metric="gain") == pytest.approx(
                100 * (after - before), abs=0.01
            )
            assert 0 <= own <= 1
    assert len(of(run, defense="linear probe of the encoder", metric="accuracy")) == 1


def test_the_next_image_of_a_class_is_another_one_of_it():
    y = torch.tensor([2, 0, 2, 1, 0, 2])
    assert next_of_class(y).tolist() == [2, 4, 5, 3, 1, 0]


def test_a_classifier_of_imagenet_answers_with_the_units_of_its_classes(monkeypatch):
    """Stand-ins for the weights and for their network: a linear one of a thousand units."""
    whole = nn.Linear(4, 1000)
    given = Trained(model=whole, checkpoint="weights")
    monkeypatch.setattr(butterfly_pretrained, "restored", lambda *_: given)
    monkeypatch.setattr(butterfly_pretrained, "build", lambda *_, classes, **__: nn.Linear(4, classes))
    data = SimpleNamespace(name="imagenette96", shape=(3, 96, 96), classes=10)
    found = of_imagenet(data, "efficientnet_lite0", Recipe(), 0, CPU)
    x = torch.randn(5, 4)
    assert torch.allclose(found.model(x), whole(x)[:, list(IMAGENETTE["imagenette96"])])
    assert found.checkpoint == "weights" and given.model is whole


def test_a_game_behind_what_is_learned_says_before_it_starts_what_it_cannot_have():
    given = {"profile": "quick", "models": ["efficientnet_lite0"]}
    with pytest.raises(
        InputError, match="^dataset 'cifar10' has classes that are not known .*: choose from imagenette96"
    ):
        trials("butterfly/pretrained", **given, datasets=["cifar10"])
    with pytest.raises(InputError, match="^first 4000 leaves too few of the 9469 training images"):
        trials("butterfly/pretrained", **given, game={"images": 9000})
    with pytest.raises(InputError, match="^first 600 leaves too few of the 1200 training images"):
        trials("butterfly/pretrained", game={"images": 700})
    with pytest.raises(InputError, match="^first 5000 leaves too few of the 9469 training images"):
        trials("butterfly/told", profile="quick", datasets=["imagenette96"], game={"images": 9000})
    with pytest.raises(InputError, match="^model 'resnet18_imagenet' has no recipe at this profile"):
        trials("butterfly/pretrained", profile="quick", models=["resnet18_imagenet"])


def test_the_game_of_pretrained_is_behind_the_images_of_the_fine_tuning():
    for profile in ("smoke", "quick", "paper"):
        for trial in trials("butterfly/pretrained", profile=profile):
            s = trial.settings
            assert s["first"] >= s["tuning"]["images"] and s["first"] >= s["recipe"].get("images", 0)


def test_the_game_of_told_is_on_images_that_nobody_has_learned():
    for profile in ("smoke", "quick", "paper"):
        for trial in trials("butterfly/told", profile=profile):
            s = trial.settings
            learned = {"encoder": s["pretraining"].get("images", 0), "classifier": s["recipe"]["images"]}
            assert s["first"] == max(learned.values())
            assert learned["encoder"] > learned["classifier"] or "weights" in s["pretraining"]  # of ImageNet
            there = {"digits32": 1200, "cifar10": 50_000, "imagenette96": 9469}
            assert s["first"] + s["game"]["images"] <= there[trial.dataset]


def written(folder, images):
    """A data set of the reader's own with so many training images; returns its folder."""
    x, y = np.zeros((images, 32, 32, 3), np.uint8), np.arange(images) % 10
    np.savez(folder / "mine.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    return str(folder)


def test_the_game_on_data_of_the_readers_own_is_behind_what_is_learned(tmp_path):
    given = {"datasets": ["mine"], "data_root": written(tmp_path, 650)}
    with pytest.raises(InputError, match="^first 600 leaves too few of the 650 training images of mine for the game"):
        trials("butterfly/told", **given)
    with pytest.raises(InputError, match="^first 650 leaves too few of the 650 training images of mine"):
        trials("butterfly/told", **given, recipe={"images": None}, game={"images": 20})
    (trial,) = trials("butterfly/told", **given, game={"images": 50})
    assert trial.settings["first"] == 600


def test_of_folders_of_images_it_has_to_be_said_how_many_are_learned(tmp_path):
    for split in ("train", "test"):
        (tmp_path / "mine" / split / "one").mkdir(parents=True)
    with pytest.raises(InputError, match="^recipe images None: say how many of mine are learned; its size is not"):
        trials("butterfly/told", datasets=["mine"], data_root=str(tmp_path), recipe={"images": None})


# Small parts


def test_shuffled_perturbations_are_never_their_own():
    v = torch.arange(60.0).view(20, 1, 1, 3)
    other = shuffled(v, 0)
    assert not (other == v).flatten(1).all(1).any()
    assert sorted(other.flatten().tolist()) == v.flatten().tolist()
    assert torch.equal(other, shuffled(v, 0)) and not torch.equal(other, shuffled(v, 1))


def test_random_perturbations_are_as_long():
    v = torch.rand(5, 3, 4, 4) * torch.arange(5.0).view(5, 1, 1, 1)
    noise = random_of(v, 0)
    assert torch.allclose(noise.flatten(1).norm(dim=1), v.flatten(1).norm(dim=1), rtol=1e-5)
    assert not torch.allclose(noise[1:], v[1:])


def test_a_probe_is_at_the_minimum_of_its_loss():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    h = 5 + 10 * torch.randn(120, 4, generator=generator)
    h[:, :3] += 20 * nn.functional.one_hot(y, 3)
    net = probe(h, y, 3, decay=0.1)
    z = (h - h.mean(0)) / h.std(0)
    weight, bias = (p.detach().requires_grad_() for p in net[1].parameters())
    assert torch.allclose(net(h), z @ weight.T + bias, atol=1e-3)
    loss = nn.functional.cross_entropy(z @ weight.T + bias, y) + 0.1 * weight.square().sum(1).mean()
    assert all(g.abs().max() < 1e-3 for g in torch.autograd.grad(loss, (weight, bias)))
    assert (net(h).argmax(1) == y).float().mean() > 0.8


def test_a_hidden_layer_learns_what_no_line_can():
    h = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(10, 1)
    y = (h[:, 0] != h[:, 1]).long()
    assert (probe(h, y, 2, decay=1e-4, hidden=16)(h).argmax(1) == y).all()
    assert (probe(h, y, 2, decay=1e-4)(h).argmax(1) == y).float().mean() < 1


def test_what_still_moves_at_the_end():
    assert spread_at_the_end([9.0, 5, 1, 1, 1, 1, 1, 1.0, 1.2]) == pytest.approx(0.2 / (3.2 / 3))
    assert spread_at_the_end([1.0, 2, 3, 4, 5, 6, 7, 8]) > 0.1  # growth that goes on
    assert spread_at_the_end([0.0]) == 0


def test_turned_images_come_first():
    y = torch.tensor([0, 0, 0, 0])
    before, after = torch.tensor([1, 0, 1, 0]), torch.tensor([1, 1, 0, 0])
    assert turned(before, after, y, "enhance", 2).tolist() == [2, 0]
    assert turned(before, after, y, "attack", 3).tolist() == [1, 0, 2]


def test_the_best_generator_makes_nothing_bad():
    losses = list(optimum().values())
    assert losses == sorted(losses, reverse=True) and losses[0] > 0.1 and losses[-1] == 0


def test_training_can_begin_at_another_network(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    data, recipe = load("digits32"), Recipe(epochs=1, images=64, width=0.125, lr=1e-6)
    shape = (3, 32, 32)
    first = trained(load("digits100"), "resnet18_imagenet", recipe, 1, CPU)
    second = trained(data, "resnet18_imagenet", recipe, 0, CPU, start=first)
    plain = trained(data, "resnet18_imagenet", recipe, 0, CPU)
    assert second.checkpoint != plain.checkpoint
    weights = [net.model[0].weight for net in (first, second, plain)]
    assert torch.allclose(weights[0], weights[1], atol=1e-4) and not torch.allclose(weights[0], weights[2], atol=1e-2)
    assert second.model[-1].out_features == 10
    net = build("resnet18_imagenet", shape=shape, classes=10, width=0.125)
    head = copy.deepcopy(net[-1].state_dict())
    begin_at(net, first.model)
    assert torch.equal(net[0].weight, first.model[0].weight)
    assert all(torch.equal(t, head[k]) for k, t in net[-1].state_dict().items())


# What a tiny run measures


def test_a_row_says_what_decisions_say(tiny_run, shared, monkeypatch):
    run = tiny_run("enhancing")
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", shared / "checkpoints")
    data, settings = load("digits32"), run.results[0].provenance["declaration"]["settings"]
    n = settings["images"]
    net = trained(data, "resnet18_imagenet", Recipe(**settings["recipe"]), 0, CPU).model
    right, p = decisions(net, data.x_test[:n], data.y_test[:n])
    plain = {"defense": "[A] scratch classifier, Vanilla", "attack": "none"}
    assert value(run, **plain, metric="accuracy") == pytest.approx(right.float().mean().item())
    assert value(run, **plain, metric="second_number") == pytest.approx(p.mean().item(), rel=1e-4)


def test_every_arm_has_its_controls(tiny_run):
    run = tiny_run("enhancing")
    accuracy = of(run, metric="accuracy")
    arms = {d for d in accuracy["defense"] if "Proposed" in d}
    assert {d.split(", ", 1)[1] for d in arms if d.startswith("[A]")} == {
        "Proposed-small", "Proposed-small, lr", "Proposed-small, D trained fully", "Proposed-small, direct",
        "Proposed-small, direct, encoder from scratch", "Proposed-small, direct, limited", "Proposed-small, limited",
        "Proposed-small, images new to the classifier",
    }  # fmt: skip
    for arm in arms:
        found = set(accuracy[accuracy["defense"] == arm]["attack"])
        assert {"enhance", "v of another image", "random v", "v on grey", "v on another seed"} <= found
    assert {"linear probe of the encoder", "probe and classifier, mean", "encoder, fine-tuned"} <= set(
        run.rows["defense"]
    )
    assert set(run.rows["table"]) == {"own"}


def test_the_second_number_can_be_a_mean_probability(tiny_run):
    for name in ("enhancing", "attacking"):
        run = tiny_run(name)
        for number in of(run, metric="second_number").itertuples():
            accuracy = value(run, metric="accuracy", defense=number.defense, attack=number.attack)
            assert number.unit == "probability" and claims.FUNCTIONS["ptrue_ok"](accuracy, number.value, 10)


def test_rivals_are_as_long_as_the_generator(tiny_run):
    run = tiny_run("attacking")
    kind = "[B] pretrained classifier"
    length = value(run, metric="l2", defense=f"{kind}, Proposed-small")
    assert length > 0
    for rival in ("UAP", "EHA"):
        assert value(run, metric="l2", defense=f"{kind}, {rival}") == pytest.approx(length, rel=1e-3)
    for arm in ("Proposed-small", "Proposed-small, direct", "UAP", "EHA", "PGD"):
        assert value(run, metric="linf", defense=f"{kind}, {arm}, limited") <= 8 / 255 + 1e-6
    assert len(of(run, attack="v at equal length", defense=f"{kind}, Proposed-B"))
    assert not len(of(run, attack="v at equal length", defense=f"{kind}, Proposed-small"))  # whose length it is
    black = of(run, defense=f"{kind}, Proposed-B")
    assert set(black["metric"]) >= {"accuracy", "second_number", "l2"}
    assert f"{kind}, Proposed-B, lr" in set(run.rows["defense"])


def test_curves_have_every_epoch(tiny_run):
    run = tiny_run("curves")
    arm = {"defense": "enhance, ls", "parameter": "100"}
    for metric in ("accuracy", "held_accuracy", "l2", "gained", "lost", "d_loss", "g_loss"):
        assert of(run, **arm, metric=metric)["steps"].tolist() == [1, 2]
    assert value(run, **arm, metric="last_l2") == of(run, **arm, metric="l2")["value"].iloc[-1]
    assert value(run, **arm, metric="last_l2") < value(run, defense="enhance, ls", parameter="0", metric="last_l2")
    before = value(run, defense="enhance, ls", parameter="", metric="accuracy")
    last = {m: of(run, **arm, metric=m)["value"].iloc[-1] for m in ("accuracy", "gained", "lost")}
    assert 100 * last["accuracy"] == pytest.approx(100 * before + last["gained"] - last["lost"], abs=0.01)


def test_longer_games_begin_as_those_of_the_curves_and_are_named_by_their_length(tiny_run):
    (trial,) = trials("butterfly/longer", profile="quick", longer=4)
    (short,) = trials("butterfly/curves", profile="quick")
    assert trial.settings["game"] == {**short.settings["game"], "epochs": 4 * short.settings["game"]["epochs"]}
    run, of_curves = tiny_run("longer"), tiny_run("curves")
    for metric in ("l2", "d_loss", "good"):
        whole = of(run, defense="enhance, ls, 3 times the epochs", parameter="100", metric=metric)
        assert whole["steps"].tolist() == [1, 2, 3, 4, 5, 6]
        first = of(of_curves, defense="enhance, ls", parameter="100", metric=metric)
        assert whole["value"].tolist()[:2] == first["value"].tolist()
    assert set(run.rows["defense"]) == {f"{p}, ls, 3 times the epochs" for p in ("enhance", "attack")}


def test_pictures_show_what_the_classifier_says(tiny_run):
    (result,) = tiny_run("pictures").results
    for problem in ("enhance", "attack"):
        arrays = {k.removeprefix(f"{problem}_"): a for k, a in result.arrays.items() if k.startswith(problem)}
        assert arrays["clean"].shape == (3, 32, 32, 3) and arrays["v"].shape == (1, 3, 32, 32, 3)
        right = [arrays[when] == arrays["true"] for when in ("before", "after")]
        wanted = ~right[0] & right[1][0] if problem == "enhance" else right[0] & ~right[1][0]
        assert sorted(wanted, reverse=True) == list(wanted)
        assert (arrays["l2"] > 0).all()


def test_a_generator_that_is_a_classifier_is_said_to_be_behind_its_probe(monkeypatch):
    base = {"dataset": "d", "model": "m", "metric": "accuracy", "profile": "quick", "seeds": 1, "images": 9, "eps": "",
            "table": "own"}  # fmt: skip
    small = ("[A] scratch classifier", "Proposed-small")
    rows = [
        (side("[A] scratch classifier", "Vanilla"), "none", 50.0), (side(*small), "enhance", 48.0),
        (side(*small, "direct"), "enhance", 65.0), (side(*small, "direct"), "v on grey", 60.0),
        (side(*small, "direct, encoder from scratch"), "enhance", 66.0),
        (side("[A] scratch classifier", "Proposed-large"), "enhance", 67.0),
        (side("linear probe of the encoder"), "none", 70.0),
    ]  # fmt: skip
    for noise, word in ((1, "no"), (4, "undecided")):
        frame = pd.DataFrame([{**base, **whose, "attack": a, "value": v, "low": v - noise, "high": v + noise}
                              for whose, a, v in rows])  # fmt: skip
        monkeypatch.setattr(tables.butterfly, "ours", lambda run, frame=frame: frame)
        (said,) = tables.butterfly.verdict(None).frame.to_dict("records")
        assert said["best generator"].endswith("direct") and said["ahead of the probe"] == word
    assert (said["its v on grey"], said["its v on another image"]) == ("60.0", "–")


# Claims about the curves


def curve_rows(length="", **lines):
    """Rows of curves, or of games of that length, from histories by ``<problem>_<gamma>``, as the exhibit writes them."""
    out = []
    place = {"table": "own", "dataset": "CIFAR-10", "model": "ResNet-18"}
    for name, history in lines.items():
        problem, gamma = name.split("_")
        tally = Tally(lambda eps, p=problem: {**place, **side(p, variant=f"ls{length}")})
        followed(tally, problem, gamma.replace("p", "."), "default", history, 100, 50)
        tally.number(problem, "", "default", "held_accuracy", 0.55, unit="fraction", images=50, steps=0)
        out += tally.rows()
    out = [row for i, row in enumerate(out) if row.parameter or row not in out[:i]]  # one row without v a problem
    tally = Tally(lambda eps: {**place, **side("appendix A")})
    for share, number in optimum().items():
        tally.number("optimal discriminator", "", "default", "optimal_g_loss", number, unit="loss", images=0, steps=0,
                     parameter=share)  # fmt: skip
    frame = pd.DataFrame(out + tally.rows())
    exhibit = "butterfly/longer" if length else "butterfly/curves"
    return cells.join_seeds(frame.assign(exhibit=exhibit, profile="quick", seed=0))


def history(l2, gained, lost, d_loss, held):
    return [{"epoch": i + 1, "l2": a, "gained": b, "lost": c, "d_loss": d, "held_accuracy": held}
            for i, (a, b, c, d) in enumerate(zip(l2, gained, lost, d_loss, strict=True))]  # fmt: skip


GOOD = {
    "enhance_0": history([3, 4, 4, 4, 4], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [9, 5, 3, 2, 1], 0.7),
    "enhance_0p0001": history([1, 2, 2, 2, 2], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [9, 5, 3, 2, 1], 0.6),
    "enhance_1": history([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [9, 5, 3, 2, 1], 0.5),
    "attack_3": history([1, 1, 1, 1, 1], [1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [2, 1, 1, 1, 1], 0.5),
}
BAD_GAMES = {
    "butterfly.c13": {"enhance_1": history([9, 9, 9, 9, 9], [1] * 5, [1] * 5, [1] * 5, 0.9)},
    "butterfly.c14": {"enhance_0p0001": history([1, 2, 2, 2, 2], [5, 4, 3, 2, 1], [1] * 5, [9, 5, 3, 2, 1], 0.6)},
    "butterfly.c15": {"attack_3": history([1] * 5, [1] * 5, [1] * 5, [9, 8, 7, 6, 1], 0.5),
                      "enhance_0p0001": history([1] * 5, [1] * 5, [1] * 5, [1] * 5, 0.5)},
    "butterfly.c16": {"enhance_0": history([3, 4, 5, 6, 8], [1] * 5, [1] * 5, [1] * 5, 0.7)},
}  # fmt: skip


def words(rows):
    return {v.claim.id: v.word for v in (claims.judge("butterfly", c, rows) for c in claims.load("butterfly"))}


LONG_GAMES = ", 5 times the epochs"
ASKED_OF = {"butterfly.c15": LONG_GAMES, "butterfly.c16": LONG_GAMES}
"""Which games a claim is asked of, where it is not the short ones."""


def test_claims_about_curves_are_decided_by_their_rows():
    found, longer = words(curve_rows(**GOOD)), words(curve_rows(LONG_GAMES, **GOOD))
    assert {found["butterfly.c13"], found["butterfly.c14"]} == {"reproduced"}
    assert {longer["butterfly.c15"], longer["butterfly.c16"]} == {"reproduced"}
    assert found["butterfly.c17"] == "says little"
    assert {found[f"butterfly.{name}"] for name in ("c01", "c15", "c16")} == {"not run"}


@pytest.mark.parametrize("claim", BAD_GAMES)
def test_a_claim_about_curves_can_fail(claim):
    rows = curve_rows(ASKED_OF.get(claim, ""), **{**GOOD, **BAD_GAMES[claim]})
    assert words(rows)[claim] == "not reproduced"


def long_history(*, l2=2.0, gained=1, lost=5, held=0.5, right=0.8, good=0.2):
    """Thirty epochs that differ in the length of v alone, which grows to ``l2`` over the last ten."""
    lengths = [2.0] * 20 + [2 + (l2 - 2) * k / 10 for k in range(1, 11)]
    return [{**entry, "d_accuracy": right, "good": good}
            for entry in history(lengths, [gained] * 30, [lost] * 30, [1] * 30, held)]  # fmt: skip


FAILED = {"enhance_0p0001": long_history(), "enhance_0": long_history(), "attack_3": long_history(good=0.8)}
"""Longer games that go as the short ones do, and settle."""

BETTER = {
    "butterfly.d64": {"enhance_0": long_history(l2=4.0)},
    "butterfly.d61": {"enhance_0": long_history(held=0.6)},
    "butterfly.d62": {"attack_3": long_history(good=0.5)},
    "butterfly.d63": {"enhance_0p0001": long_history(gained=6)},
}


@pytest.mark.parametrize("claim", BETTER)
def test_claims_about_longer_games_are_decided_by_their_rows(claim):
    assert words(curve_rows(LONG_GAMES, **FAILED))[claim] == "reproduced"
    assert words(curve_rows(LONG_GAMES, **{**FAILED, **BETTER[claim]}))[claim] == "not reproduced"


# Bad input


@pytest.mark.parametrize(
    ("exhibit", "given", "sentence"),
    [
        ("enhancing", {"gamma": -1}, "gamma -1 is not a number >= 0"),
        ("attacking", {"gamma": "much"}, "gamma 'much' is not a number >= 0"),
        ("curves", {"gammas_enhance": ["-0.1"]}, "gammas_enhance '-0.1' is not a number >= 0"),
        ("curves", {"gammas_attack": ["1", "1.0"]}, "gammas_attack names one number more than once: 1, 1.0"),
        ("pictures", {"gammas_attack": []}, "gammas_attack is an empty list"),
        ("enhancing", {"l2": "l1"}, "l2 'l1' is unknown: choose from mean_square, norm"),
        ("enhancing", {"loss": ["wgan"]}, "loss 'wgan' is unknown: choose from ls, lr"),
        ("enhancing", {"sizes": ["medium"]}, "sizes 'medium' is unknown: choose from small, large"),
        ("curves", {"d_train": "haed"}, "d_train 'haed' is unknown: choose from head, full; did you mean 'head'?"),
        ("enhancing", {"objective": ["play"]}, "objective 'play' is unknown: choose from game, direct"),
        ("enhancing", {"limit": -0.1}, "limit -0.1 is not a number >= 0"),
        ("enhancing", {"limit": 0}, "limit 0 leaves no perturbation: give a number above 0, or None for no limit"),
        ("enhancing", {"external": "cifar"}, "external 'cifar' is unknown"),
        ("enhancing", {"first": -1}, "first -1 is too small"),
        ("enhancing", {"game": {"epoch": 2}}, "game field 'epoch' is unknown"),
        ("enhancing", {"game": {"augment": "distort"}}, "game augment 'distort' is unknown: choose from none, crop"),
        ("enhancing", {"pretraining": 3}, "pretraining is 3: give a mapping"),
        ("enhancing", {"game": {"lr": 0}}, "game lr 0 is not a number above 0"),
        ("enhancing", {"game": {"width": 0.5}}, "game width 0.5 would change nothing"),
        ("attacking", {"passes": 0}, "passes 0 is too small: it must be at least 1"),
        ("attacking", {"models": ["segmenter"]}, "model 'segmenter' is trained to segment"),
        ("pictures", {"problems": ["enhanse"]}, "did you mean 'enhance'?"),
    ],
)
def test_bad_input_is_one_sentence(exhibit, given, sentence):
    with pytest.raises(InputError) as caught:
        trials(f"butterfly/{exhibit}", **given)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def job_on(dataset, **settings):
    given = {"external": None, "pretraining": {}, "game": {}, "recipe": {"images": 400}, **settings}
    given |= scale("smoke", dataset, extent(dataset), given)
    trial = SimpleNamespace(settings=given, dataset=dataset, profile="smoke", seed=0, model="resnet18_imagenet")
    return SimpleNamespace(trial=trial, data=load(dataset), root=None, device=CPU)


def test_an_encoder_needs_data_that_fit():
    with pytest.raises(
        InputError, match="external 'digits28' has images of 1 channels, but digits32 of 3: name another"
    ):
        butterfly_networks.encoder(job_on("digits32", external="digits28"), "small")
    with pytest.raises(
        InputError, match="external 'imagenet' has weights of resnet50, .*, but not of resnet18_imagenet"
    ):
        butterfly_networks.encoder(job_on("digits32", external="imagenet"), "small")


def test_an_encoder_that_cannot_take_the_images_is_refused(small_run):
    with pytest.raises(InputError, match="image size 28 is not one that the encoder resnet18_imagenet can take"):
        small_run("butterfly/pictures", datasets=["digits28"], external="none")


def test_external_data_come_at_the_size_of_the_target(monkeypatch):
    asked = []
    monkeypatch.setattr(
        butterfly_networks.data, "load", lambda name, **options: asked.append((name, options)) or load("digits100")
    )
    monkeypatch.setattr(butterfly_networks, "trained", lambda *arguments: arguments)
    butterfly_networks.loaded.cache_clear()
    images, model, recipe, *_ = butterfly_networks.encoder(job_on("digits32", pretraining={"epochs": 7}), "large")
    butterfly_networks.loaded.cache_clear()
    assert asked == [("digits100", {"root": None, "size": 32})] and images.classes == 100
    assert (model, recipe.width, recipe.epochs) == ("resnet18_imagenet", 0.25, 7)


def test_images_come_at_the_size_asked_for(small_run):
    with pytest.raises(InputError, match="size 16 is too small: it must be at least 32"):
        trials("butterfly/pictures", size=16)
    one = {"size": 64, "problems": ["enhance"], "gammas_enhance": ["0"], "columns": 2, "external": "none"}
    (result,) = small_run("butterfly/pictures", **one).results
    assert result.arrays["enhance_v"].shape[-3:] == (64, 64, 3)
    assert set(result.rows["reading"]) == {"external=none size=64"}


# The paper's own setting, on made data


@pytest.fixture
def imagenet10(tmp_path):
    """A data folder with ``imagenet10.npz``: 40 training and 10 test images of noise, 32 pixels, ten classes."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 40), ("test", 10)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
        arrays[f"y_{split}"] = (np.arange(n) % 10).astype(np.uint8)
    np.savez(tmp_path / "imagenet10.npz", **arrays)
    return tmp_path


def test_the_papers_data_fill_its_tables(imagenet10, workspace, monkeypatch):
    monkeypatch.setitem(EXTERNAL, "imagenet10", "digits100")
    small = {"recipe": {"epochs": 1, "images": 40, "width": 0.0625, "batch": 20}, "game": {"epochs": 1, "images": 40}}
    run = runner.run(
        "butterfly/attacking", datasets=["imagenet10"], models=["densenet169"], images=4, data_root=str(imagenet10),
        pretraining={"epochs": 1, "images": 20, "batch": 20}, sizes=["small"], loss=["ls"],
        d_train=["head"], objective=["game"], uap_images=1, passes=1, device="cpu", **small,
    )  # fmt: skip
    printed = of(run, table="2")
    assert set(printed["dataset"]) == {"ImageNet-10"} and set(printed["model"]) == {"DenseNet169"}
    assert set(printed["metric"]) == {"accuracy", "second_number"}
    kinds = {d.split(", ")[1] for d in printed["defense"]}
    assert kinds == {"Vanilla", "Proposed-B", "UAP", "EHA"}  # the encoder of this profile is not the paper's
    (table,) = tables.butterfly.attacking(run).tables
    assert {"accuracy: paper", "p_true: paper"} <= set(table.frame.columns)


def test_encoders_and_classifiers_can_start_from_imagenets_weights(imagenet10, workspace, monkeypatch):
    asked = []

    def weights(name, *, shape, classes, width, weights):
        asked.append((name, shape, classes, width, weights))
        torch.manual_seed(5)
        return build("densenet169", shape=shape, classes=classes, width=0.0625)

    monkeypatch.setattr(butterfly_networks, "torchvision_net", weights)
    monkeypatch.setitem(ENCODERS, "smoke", {"small": ("densenet169", 0.0625)})
    recipe = {**asdict(Recipe(epochs=1, lr=1e-6, images=20, width=0.0625)), "batch": 20}
    job = job_on("digits32", external="imagenet", recipe=recipe)
    job.trial.model = "densenet169"
    tuned = butterfly_networks.fine_tuned(job)
    assert asked == [("densenet169", (3, 32, 32), 1000, 0.0625, "imagenet")]
    start = weights("densenet169", shape=(3, 32, 32), classes=1000, width=0.0625, weights="imagenet")
    first = [next(net.parameters()) for net in (start, tuned.model)]
    assert torch.allclose(*first, atol=1e-4)
    assert (
        butterfly_networks.external(job_on("digits32")) == "digits100"
        and butterfly_networks.external(job) == "imagenet"
    )


def test_without_imagenets_weights_nothing_is_pretrained_and_the_reading_says_so(monkeypatch, capsys):
    job = job_on("digits32", l2="mean_square", loss=["ls"], d_train=["head"], objective=["game"], limit=None,
                 clip=False, size=None, first=0, gamma=1e-4)  # fmt: skip
    assert butterfly_arms.reading_for(job, 1e-4) == "default"
    job.trial.dataset = "stl10"  # for which the study would have ImageNet's
    butterfly_networks.obtained.cache_clear()
    monkeypatch.setattr(butterfly_networks, "with_imagenet_weights", lambda name, classes: None)
    assert butterfly_networks.external(job) == "imagenet" and butterfly_arms.reading_for(job, 1e-4) == "default"
    butterfly_networks.obtained.cache_clear()

    def missing(name, classes):
        raise InputError(f"the ImageNet weights of {name} cannot be downloaded")

    monkeypatch.setattr(butterfly_networks, "with_imagenet_weights", missing)
    assert butterfly_networks.external(job) == "none" and butterfly_arms.reading_for(job, 1e-4) == "external=none"
    assert "cannot be downloaded. Nothing is pretrained" in capsys.readouterr().out
    butterfly_networks.obtained.cache_clear()
    job.trial.settings["external"] = "imagenet"  # asked for: not replaced
    assert butterfly_networks.external(job) == "imagenet"
