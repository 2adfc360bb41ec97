"""One image under the five ideas: the picture of the first page, as plain data.

Made once by ``python -m inputgrad ideas`` and kept in ``data/ideas.json``, so that the book is built without torch. An
illustration on the example's network and digits: no result rests on it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

from torch import Tensor, nn

from inputgrad.compute.attacks import ATTACKS
from inputgrad.compute.gradients import Classifier, input_gradient
from inputgrad.compute.methods.game import perturbations, play_batch
from inputgrad.compute.metrics import predict
from inputgrad.ground.files import write_text
from inputgrad.ground.origin import origin
from inputgrad.ground.paths import IDEAS
from inputgrad.record.results import pack

from .example import DATASET, one_game, reading_itself

EPS = 0.1
RATE, EPOCHS = 0.2, 9
ROUNDS, GAMMA = 60, 3


def moved() -> tuple[Tensor, Tensor, Classifier, dict[str, Tensor]]:
    """``(x, y, model, found)``: an image, its label, a network, and by paper what the network is shown in its place."""
    x, y, game, optimizers = one_game("attack", gamma=GAMMA)
    model = cast(nn.Module, game.target)
    for _ in range(ROUNDS):
        play_batch(game, optimizers, x, y)
    found = {
        "sign": ATTACKS["FGSM"](model, x, y, eps=EPS),
        "convex": ATTACKS["Algorithm 1"](model, x, y, eps=EPS),
        "smooth": drifted(model, x, y),
        "selfgrad": x + reading_itself(model).correction(x),
        "butterfly": game.rules.applied(x, perturbations(game.generator, x)),
    }
    return x, y, model, found


def drifted(model: Classifier, x: Tensor, y: Tensor) -> Tensor:
    """The image after some moves up its own gradient, the network staying as it is [smooth, Sec. 3]."""
    for _ in range(EPOCHS):
        x = x + RATE * input_gradient(model, x, y)
    return x


def pictures() -> Iterator[dict[str, Any]]:
    """The image as it is, then each paper's, with what the network says."""
    x, y, model, found = moved()
    for paper, seen in {"": x, **found}.items():
        p, answer = predict(model, seen).softmax(1).max(1)
        arrays = {name: pack(part[0, 0].numpy()) for name, part in (("seen", seen), ("added", seen - x))}
        yield {"paper": paper, "true": y.item(), "answer": answer.item(), "probability": round(p.item(), 4), **arrays}


def write() -> None:
    """Write ``data/ideas.json``."""
    found = {"dataset": DATASET, "eps": EPS, "rate": RATE, "epochs": EPOCHS, "rounds": ROUNDS, "gamma": GAMMA}
    write_text(IDEAS, json.dumps({**found, "origin": origin(), "pictures": list(pictures())}, indent=1) + "\n")
