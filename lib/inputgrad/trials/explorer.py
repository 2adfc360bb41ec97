"""What the book's explorer runs in the browser: one small network and a few digits, as plain data.

Made once by ``python -m inputgrad explorer`` and kept in ``data/explorer.json``, so that the book needs no data set to
be built. The weights are rounded to half precision; whatever is said of the network is said of the rounded one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn

from inputgrad.catalogue.datasets import label
from inputgrad.compute.data import Splits, load
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.models.prepared import Prepared
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.ground import checks
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import EXPLORER
from inputgrad.study import exhibit

EXHIBIT, MODEL, SEED = "convex/fooling", "fcnn", 0
"""The network is the one that this exhibit attacks."""

RIGHT, WRONG = 3, 10
"""How many test digits are taken along: of each class the first that are classified right, and the first wrong ones."""


def write(profile: str) -> dict[str, Any]:
    """Train or load the network of ``profile``, write ``data/explorer.json``, and return what stands there.

    Raises:
        InputError: a profile that has no such network, or data that are not there.
    """
    grids = exhibit(EXHIBIT).grids
    grid = grids[checks.one_of("profile", profile, [name for name, its in grids.items() if MODEL in its.models])]
    dataset = next(d for d, m in grid.combinations(grid.datasets, grid.models, both_named=False) if m == MODEL)
    data = load(dataset)
    network = trained(data, MODEL, grid.recipes[MODEL], SEED, torch.device("cpu"))
    found = exported(data, network, profile)
    write_text(EXPLORER, json.dumps(found, indent=1) + "\n")
    return found


def exported(data: Splits, network: Trained, profile: str) -> dict[str, Any]:
    """The network with rounded weights, its digits, how many test images it classifies right, and where it is from."""
    model = halved(cast(Prepared, network.model))
    said = predict(lambda part: model(part.float() / 255), data.x_test, 1000)
    right = correct(said, data.y_test)
    chosen = chosen_images(right, data.y_test, data.classes)
    return {
        "dataset": label(data.name), "digest": data.digest, "exhibit": EXHIBIT, "profile": profile, "seed": SEED,
        "checkpoint": network.checkpoint, "origin": network.origin, "right": int(right.sum()), "images": len(right),
        "shape": list(data.shape[1:]), "layers": list(layers(model, data.shape)),
        "digits": {
            "index": chosen, "label": data.y_test[chosen].tolist(), "right": right[chosen].tolist(),
            "pixels": encoded(data.x_test[chosen]),
        },
    }  # fmt: skip


def halved(model: Prepared) -> Prepared:
    """The network with its weights rounded to half precision, in place."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half())
    return model


def layers(model: Prepared, shape: tuple[int, int, int]) -> Iterator[dict[str, Any]]:
    """Each layer's weights ``(outputs, inputs)`` and biases, with ReLU between them.

    The first has only the columns of the image's own pixels: those that the network puts around it are zero.
    """
    pixels = model.prepare(torch.ones(1, *shape)).flatten().bool()
    for layer in (layer for layer in model.body.modules() if isinstance(layer, nn.Linear)):
        weight = layer.weight.detach()
        weight = weight[:, pixels] if weight.shape[1] == len(pixels) else weight
        yield {"outputs": weight.shape[0], "inputs": weight.shape[1], "weight": encoded(weight.half()),
               "bias": encoded(layer.bias.half())}  # fmt: skip


def chosen_images(right: Tensor, y: Tensor, classes: int) -> list[int]:
    """Which test images are taken along: the first right ones of each class, then the first wrong ones."""
    of_class = [((y == k) & right).nonzero()[:RIGHT, 0] for k in range(classes)]
    return torch.cat([*of_class, (~right).nonzero()[:WRONG, 0]]).tolist()


def encoded(tensor: Tensor) -> str:
    """The bytes of a tensor on any device, little-endian, as base64."""
    values = tensor.detach().cpu().numpy()
    return base64.b64encode(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()).decode()
