"""Networks that are loaded: made weights of the right and of wrong shapes, and what is said of a file that is not right."""

import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from inputgrad import study
from inputgrad.catalogue import models, published
from inputgrad.catalogue.models import Architecture
from inputgrad.catalogue.published import LENET5_AUTHORS, Place
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute import data
from inputgrad.compute.models import build
from inputgrad.compute.training import networks
from inputgrad.ground.checks import InputError
from inputgrad.trials import runner

NAME = "lenet5_authors"


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A data folder with a file of random weights laid out as the authors', which the catalogue takes for theirs."""
    values = np.random.default_rng(0).normal(0, 0.1, LENET5_AUTHORS.size // 4).astype("<f4")
    path = tmp_path / LENET5_AUTHORS.file
    path.parent.mkdir()
    path.write_bytes(values.tobytes())
    weights = dataclasses.replace(LENET5_AUTHORS, sha256=hashlib.sha256(values.tobytes()).hexdigest())
    entry = Architecture(NAME, "LeNet-5 (authors)", "lenet:lenet5", weights=weights)
    monkeypatch.setitem(models.MODELS, NAME, entry)
    return tmp_path, values


def at(values, name):
    place = LENET5_AUTHORS.places[name]
    return values[place.offset // 4 :][: np.prod(place.shape)].reshape(place.shape)


def test_the_places_do_not_overlap_and_fill_the_network():
    places = sorted((p.offset, p.offset + 4 * int(np.prod(p.shape))) for p in LENET5_AUTHORS.places.values())
    assert all(end <= start for (_, end), (start, _) in zip(places, places[1:], strict=False))
    assert places[-1][1] <= LENET5_AUTHORS.size
    net = build(NAME, shape=(1, 28, 28), classes=10)
    assert {n: p.numel() for n, p in net.named_parameters()} == {
        n: int(np.prod(p.shape)) for n, p in LENET5_AUTHORS.places.items()
    }


def test_a_loaded_network_computes_what_its_layout_says(made):
    """One image through numpy in TensorFlow's order (H, W, C), and through the loaded network."""
    root, values = made
    net = networks.loaded(data.load("digits28"), NAME, torch.device("cpu"), str(root))
    x = np.random.default_rng(1).random((28, 28, 1)).astype(np.float32)
    h = np.pad(x, ((2, 2), (2, 2), (0, 0)))
    for layer, size in (("body.0", 28), ("body.3", 10)):
        w, b = at(values, f"{layer}.weight"), at(values, f"{layer}.bias")
        patches = np.lib.stride_tricks.sliding_window_view(h, (5, 5), axis=(0, 1))  # (size, size, in, 5, 5)
        h = np.maximum(np.einsum("hwcij,ijco->hwo", patches, w) + b, 0)
        h = h.reshape(size // 2, 2, size // 2, 2, -1).max((1, 3))
    h = h.reshape(-1)
    for layer in ("body.7", "body.9", "body.11"):
        h = h @ at(values, f"{layer}.weight") + at(values, f"{layer}.bias")
        h = h if layer == "body.11" else np.maximum(h, 0)
    with torch.no_grad():
        ours = net.model(torch.from_numpy(x.transpose(2, 0, 1)[None]))[0].numpy()
    assert np.allclose(ours, h, atol=1e-4)
    assert net.history == [] and net.origin["sha256"] == models.MODELS[NAME].weights.sha256


def test_a_file_that_is_not_right_gets_one_sentence(made):
    root, values = made
    path, weights = root / LENET5_AUTHORS.file, models.MODELS[NAME].weights
    path.write_bytes(values.tobytes()[:-4])
    with pytest.raises(InputError, match=r"is cut short, 740476 of 740480 bytes: put there what https://github.com/eb"):
        published.verified(weights, root)
    path.write_bytes(values[::-1].tobytes())
    with pytest.raises(InputError, match=r"is another file, its sha256 is \w{64}, expected \w{64}: put there what"):
        published.verified(weights, root)
    path.unlink()
    with pytest.raises(InputError, match=r"could not be read \(No such file or directory\): put there what https"):
        published.verified(weights, root)
    with pytest.raises(InputError, match="could not be read"):  # before any trial is begun
        runner.run("convex/robustness", models=[NAME], data_root=str(root), datasets=["digits28"])


def test_tensors_of_another_network_do_not_load(made, monkeypatch):
    root, _ = made
    places = {**LENET5_AUTHORS.places, "body.11.weight": Place(730_272, (84, 9))}
    weights = dataclasses.replace(models.MODELS[NAME].weights, places=places)
    monkeypatch.setitem(models.MODELS, NAME, dataclasses.replace(models.MODELS[NAME], weights=weights))
    with pytest.raises(InputError, match=r"lenet.ckpt\S* does not hold 'lenet5_authors'.*body.11.weight"):
        networks.loaded(data.load("digits28"), NAME, torch.device("cpu"), str(root))


def test_it_takes_no_other_images_and_is_never_trained(made):
    root, _ = made
    with pytest.raises(InputError, match=r"takes images of \(1, 28, 28\) of 10 classes: digits32 has \(3, 32, 32\)"):
        networks.loaded(data.load("digits32"), NAME, torch.device("cpu"), str(root))
    with pytest.raises(InputError, match="model 'lenet5_authors' is loaded as its authors trained it"):
        networks.trained(data.load("digits28"), NAME, Recipe(), 0, torch.device("cpu"))


def test_its_seed_draws_the_images(made, workspace):
    root, _ = made
    given = {"datasets": ["digits28"], "models": [NAME], "images": 8, "data_root": str(root)}
    rows = runner.run("convex/robustness", seeds=[0, 1], **given).rows
    rho = rows[rows["metric"] == "rho2_hat"].set_index("seed")["value"]
    assert rho[0] != rho[1]
    error = rows[rows["metric"] == "test_error"]["value"]
    assert error.nunique() == 1


def test_its_trials_have_no_recipe_and_their_key_the_sum_of_the_weights(monkeypatch):
    (trial,) = study.trials("convex/robustness", models=[NAME], datasets=["mnist"], seeds=[0], recipe={"epochs": 3})
    assert trial.settings["recipe"] == {}
    key = trial.key
    other = dataclasses.replace(LENET5_AUTHORS, sha256="0" * 64)
    monkeypatch.setitem(models.MODELS, NAME, dataclasses.replace(models.MODELS[NAME], weights=other))
    assert study.trials("convex/robustness", models=[NAME], datasets=["mnist"], seeds=[0])[0].key != key


def test_fetching_says_where_it_lies_and_whose_it_is(made, command):
    root, _ = made
    assert published.fetch(models.MODELS[NAME].weights, root).startswith(f"{root / LENET5_AUTHORS.file}: 740480 bytes")
    done = command("fetch", NAME, "--data-root", str(root))  # another process: the file is not the authors'
    assert done.returncode == 2
    assert "is another file" in done.stderr
