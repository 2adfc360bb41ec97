"""The explorer's recorded networks: what was asked is what is kept, and the page shows what the file says."""

import base64
import re

import numpy as np
import pytest
import torch

import browser
from inputgrad import study
from inputgrad.compute.metrics import predict
from inputgrad.ground.paths import ROOT
from inputgrad.report import explorer as page
from inputgrad.trials import gallery
from inputgrad.trials.job import job_of

STATIC = ROOT / "book" / "_static"


def decoded(text, kind, *shape):
    return np.frombuffer(base64.b64decode(text), kind).reshape(shape)


def moved(network, way, image, size):
    """An image of the file, moved along a direction of the file."""
    shape = network["shape"]
    x = decoded(network["chosen"]["pixels"], "u1", -1, *shape)[image] / 255
    d = decoded(way["directions"], "i1", -1, *shape)[image] * way["most"][image] / gallery.LEVELS
    x_adv = torch.tensor(x + size * d, dtype=torch.float32)[None]
    return x_adv.clamp(0, 1) if way["clipped"] else x_adv


def answers(network, way):
    """The recorded probabilities, ``(images, sizes, classes)``."""
    return decoded(way["answers"], "<f4", -1, len(way["sizes"]), len(network["classes"]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """``(network, model)``: a small network on the embedded digits, and what is kept of it."""
    from inputgrad.compute.training import checkpoints

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "CHECKPOINTS", tmp_path_factory.mktemp("checkpoints"))
        (trial,) = study.trials("butterfly/told", images=20, recipe={"epochs": 2}, game={"epochs": 1})
        job = job_of(trial, device="cpu")
        return gallery.of_network(job), job.trained.model


def test_what_the_network_was_asked_is_what_is_kept(made):
    network, model = made
    assert {way["name"] for way in network["ways"]} == {
        "FGSM", "D-FGSM", "FGM-l2", "generator, no game", "generator, game", "generator, game, D told the class",
    }  # fmt: skip
    for way in network["ways"]:
        for image in (0, len(network["chosen"]["index"]) - 1):
            for at in (0, len(way["sizes"]) // 2, -1):
                said = predict(model, moved(network, way, image, way["sizes"][at])).softmax(1)[0]
                kept = answers(network, way)[image, at]
                assert np.abs(said.numpy() - kept).max() < 1e-4, (way["name"], image, at)


def test_the_images_are_right_and_wrong_as_the_file_says(made):
    network, _ = made
    said = answers(network, network["ways"][0])[:, 0].argmax(1)
    assert ((said == network["chosen"]["label"]) == network["chosen"]["right"]).all()


def test_images_of_different_classes_come_first_and_wrong_ones_last():
    right = torch.tensor([True, True, False, True, False, True, True, False, True])
    assert gallery.chosen_images(right, torch.tensor([1, 1, 0, 2, 5, 0, 4, 5, 3])) == [0, 3, 5, 6, 2, 4]


@pytest.mark.parametrize("network", page.gallery()["networks"], ids=lambda n: n["dataset"])
def test_the_recorded_answers_fit_the_recorded_images(network):
    for way in network["ways"]:
        p = answers(network, way)
        assert np.allclose(p.sum(2), 1, atol=1e-4) and p.min() >= 0
        assert ((p[:, 0].argmax(1) == network["chosen"]["label"]) == network["chosen"]["right"]).all()
        assert way["sizes"][0] == 0 and sorted(way["sizes"]) == way["sizes"]
    assert 0 < network["right"] < network["images"]
    assert f"{100 * network['right'] / network['images']:.1f} %" in page.about_gallery()


@browser.needed
def test_the_page_shows_the_recorded_answer(tmp_path):
    network = page.gallery()["networks"][1]
    (tmp_path / "data.js").write_text(page.gallery_script())
    (tmp_path / "gallery.js").write_text((STATIC / "gallery.js").read_text())
    (tmp_path / "page.html").write_text(
        "<!doctype html><meta charset='utf-8'><div id='gallery'></div><script src='data.js'></script>"
        "<script src='gallery.js'></script><script>const set = (name, value) => { const field ="
        "document.querySelector(name); field.value = value; field.dispatchEvent(new Event('input')); };"
        "set('.ga-network', 1); document.querySelector('[data-image=\"2\"]').click(); set('.ga-way', 0);"
        "set('.ex-eps input', 12);</script>"
    )
    dom = browser.opened(tmp_path / "page.html", tmp_path / "profile")
    said = re.search(r'class="ex-said"[^>]*>([^<]*)<', dom)[1]
    before, after = (network["classes"][answers(network, network["ways"][0])[2, at].argmax()] for at in (0, 12))
    assert before != after and said.startswith(f"The answer turns from {before} to {after}, which is ")
    assert ">0.06</output>" in dom
