"""The book's explorer: its script gives what the library gives, and its data are what they are said to be."""

import base64
import html
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import browser
from inputgrad.catalogue import datasets
from inputgrad.compute.attacks import ATTACKS, STEPS, one_step
from inputgrad.compute.data import load
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.models import build
from inputgrad.compute.training import checkpoints
from inputgrad.compute.training.networks import trained
from inputgrad.ground.paths import ROOT
from inputgrad.report import explorer as page
from inputgrad.study import exhibit
from inputgrad.trials import explorer

STATIC = ROOT / "book" / "_static"
EPS = 0.05
SHOWN = (0, 4, 13, 30, 33)  # digits: three that are read right, two that are read wrong


def decoded(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def digits(found):
    """The images ``(N, 1, 28, 28)`` in double precision, and their labels."""
    x = decoded(found["digits"]["pixels"], "u1").reshape(-1, 1, *found["shape"])
    return torch.tensor(x / 255, dtype=torch.float64), torch.tensor(found["digits"]["label"])


def plain(found):
    """Logits by numpy, from the file's numbers alone: images ``(N, 784)`` -> ``(N, 10)``."""
    layers = [(decoded(layer["weight"], "<f2").reshape(layer["outputs"], layer["inputs"]).astype(float),
               decoded(layer["bias"], "<f2").astype(float)) for layer in found["layers"]]  # fmt: skip

    def logits(x):
        for weight, bias in layers[:-1]:
            x = np.maximum(x @ weight.T + bias, 0)
        return x @ layers[-1][0].T + layers[-1][1]

    return logits


@pytest.fixture(scope="module")
def network():
    """``(data, model)``: what is in the repository, and the library's network with its weights, in double precision."""
    found = page.read()
    model = build("fcnn", shape=(1, *found["shape"]), classes=10).double().eval()
    linears = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    inside = model.prepare(torch.ones(1, 1, *found["shape"], dtype=torch.float64)).flatten().bool()
    with torch.no_grad():
        for layer, given in zip(linears, found["layers"], strict=True):
            weight = torch.tensor(decoded(given["weight"], "<f2").astype(float)).view(given["outputs"], given["inputs"])
            if layer is linears[0]:
                layer.weight.zero_()
                layer.weight[:, inside] = weight
            else:
                layer.weight.copy_(weight)
            layer.bias.copy_(torch.tensor(decoded(given["bias"], "<f2").astype(float)))
    return found, model.requires_grad_(False)


def computed(tmp_path, script, maths=None):
    """What a script finds in the browser, with the explorer's data and mathematics beside it."""
    (tmp_path / "data.js").write_text(page.script())
    (tmp_path / "gradient.js").write_text(maths or (STATIC / "gradient.js").read_text())
    (tmp_path / "page.html").write_text(
        "<!doctype html><meta charset='utf-8'><body><script src='data.js'></script><script src='gradient.js'></script>"
        f"<script>const found = (() => {{ {script} }})(); document.body.textContent = JSON.stringify(found);</script>"
    )
    dom = browser.opened(tmp_path / "page.html", tmp_path / "profile")
    return json.loads(html.unescape(re.search(r"<body>(.*)</body>", dom, re.S)[1]))


EVERYTHING = """
  const net = networkOf(EXPLORER), digits = digitsOf(EXPLORER);
  return SHOWN.flatMap((i) => [digits[i].label, (digits[i].label + 1) % 10].map((y) => ({
    digit: i, y, logits: logits(net, digits[i].x), gradient: inputGradient(net, digits[i].x, y),
    steps: Object.fromEntries(Object.entries(STEPS).map(([name, step]) => [name, step(net, digits[i].x, y)(SIZE)])),
  })));
""".replace("SHOWN", str(list(SHOWN))).replace("SIZE", str(EPS))


def step(model, x, y, name):
    """The library's step of a method of the page.

    Where the network is sure the cross-entropy's gradient is rounding; that of ``rival_scores`` is parallel to it.
    """
    if name in ("FGSM", "D-FGSM", "FGM-l2"):
        return one_step(model, x, y, eps=EPS, step=STEPS[name], loss="rival_scores")
    return ATTACKS[name](model, x, y, eps=EPS)


def differences(found, model, results):
    """How far each of the script's results is from the library's, the largest by what it is of."""
    x, most = digits(found)[0], {}
    for result in results:
        image, y = x[result["digit"]][None], torch.tensor([result["y"]])
        pairs = {"logits": model(image), "gradient": input_gradient(model, image, y),
                 **{name: step(model, image, y, name) for name in result["steps"]}}  # fmt: skip
        for name, wanted in pairs.items():
            got = torch.tensor(result[name] if name in result else result["steps"][name], dtype=torch.float64)
            most[name] = max(most.get(name, 0.0), float((got - wanted.flatten()).abs().max()))
    return most


@browser.needed
def test_the_script_gives_what_the_library_gives(network, tmp_path):
    found, model = network
    results = computed(tmp_path, EVERYTHING)
    assert len(results) == 2 * len(SHOWN)
    most = differences(found, model, results)
    assert set(most) == {"logits", "gradient", "FGSM", "FGM", "FGM-l2", "Algorithm 1", "D-FGSM"}
    assert all(value < 1e-5 for value in most.values()), most


@browser.needed
def test_a_slip_in_the_script_is_noticed(network, tmp_path):
    found, model = network
    maths = (STATIC / "gradient.js").read_text()
    slip = maths.replace("values[k][j] > 0 ? t : 0", "t")
    assert slip != maths
    most = differences(found, model, computed(tmp_path, EVERYTHING, slip))
    assert most["logits"] < 1e-5 < min(most["gradient"], most["FGSM"], most["Algorithm 1"])


@browser.needed
def test_the_page_shows_what_a_reader_chooses(network, tmp_path):
    found, model = network
    x, y = digits(found)
    wrong = found["digits"]["right"].index(False)
    for name in ("explorer.js", "gradient.js"):
        (tmp_path / name).write_text((STATIC / name).read_text())
    (tmp_path / "data.js").write_text(page.script())
    (tmp_path / "page.html").write_text(
        "<!doctype html><meta charset='utf-8'><div id='explorer'></div>"
        + "".join(f"<script src='{name}'></script>" for name in ("data.js", "gradient.js", "explorer.js"))
        + f"<script>document.querySelector('[data-digit=\"{wrong}\"]').click();"
        "document.querySelector('[data-method=D-FGSM]').click();"
        f"const eps = document.querySelector('.ex-eps input'); eps.value = {EPS};"
        "eps.dispatchEvent(new Event('input'));</script>"
    )
    dom = browser.opened(tmp_path / "page.html", tmp_path / "profile")
    said = re.search(r'class="ex-said"[^>]*>([^<]*)<', dom)[1]
    image, label = x[[wrong]], y[[wrong]]
    before, after = (int(model(z).argmax()) for z in (image, step(model, image, label, "D-FGSM")))
    assert said.startswith(f"D-FGSM with the label {int(label)} and ε = {EPS:.3f}: ")
    assert f"from {before} to {after}" in said or before == after and f"stays {before}" in said


def test_the_digits_are_read_as_the_file_says(network):
    found, model = network
    x, y = digits(found)
    logits = plain(found)(x.flatten(1).numpy())
    assert (logits.argmax(1) == y.numpy()).tolist() == found["digits"]["right"]
    assert np.abs(logits - model(x).numpy()).max() < 1e-9
    text = page.about()
    assert f"{100 * found['right'] / found['images']:.1f} %" in text and f"{found['images']:,}" in text


@pytest.mark.skipif(not datasets.present("mnist"), reason="MNIST is not in the data folder")
def test_the_network_is_right_as_often_as_the_file_says():
    found, data = page.read(), load("mnist")
    assert found["digest"] == data.digest
    logits = plain(found)(data.x_test.flatten(1).numpy() / 255)
    assert abs(int((logits.argmax(1) == data.y_test.numpy()).sum()) - found["right"]) <= 1  # in single precision there


def test_a_file_is_made_the_same_twice(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "CHECKPOINTS", tmp_path)
    data, recipe = load("digits28"), replace(exhibit(explorer.EXHIBIT).grids["smoke"].recipes["fcnn"], epochs=3)
    made = [explorer.exported(data, trained(data, "fcnn", recipe, 0, torch.device("cpu")), "smoke") for _ in range(2)]
    assert made[0] == made[1]
    found = made[0]
    logits = plain(found)(data.x_test.flatten(1).numpy() / 255)
    assert int((logits.argmax(1) == data.y_test.numpy()).sum()) == found["right"] > 300 and found["images"] == 597
    assert found["digits"]["right"].count(True) == 30
    chosen = data.x_test[found["digits"]["index"]]
    assert (decoded(found["digits"]["pixels"], "u1") == chosen.numpy().ravel()).all()
