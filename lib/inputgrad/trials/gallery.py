"""What the book's explorer shows of networks too large for a browser: images, directions and answers, recorded.

Made once by ``python -m inputgrad gallery`` and kept in ``data/gallery.json``. A direction is rounded to one byte a
value before the network is asked, so that a page which moves an image along it shows what the network has answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inputgrad import study
from inputgrad.catalogue import datasets, models
from inputgrad.compute.attacks import STEPS, along
from inputgrad.compute.gradients import Classifier, input_gradient
from inputgrad.compute.methods.game import perturbations
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import DIRECTIONS, UNIT, Box, per_image
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import GALLERY
from inputgrad.study.butterfly import DIRECT

from .butterfly_arms import play
from .butterfly_told import arms, knowing
from .explorer import encoded
from .job import Job, job_of

SHOWN = (("butterfly/told", "imagenette96"), ("selfgrad/active", "cifar10"))
"""The exhibits whose first recorded network is shown, and its data set."""

NAMES = {
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "imagenette96": ("tench", "springer", "cassette player", "chain saw", "church", "French horn", "garbage truck",
                     "gas pump", "golf ball", "parachute"),
}  # fmt: skip
"""What the classes of a data set are, by label."""

RIGHT, WRONG = 4, 2
"""How many test images are taken along: the first right ones, each of another class, and the first wrong ones."""

EPS = tuple(i / 200 for i in range(21))
TIMES = tuple(i / 10 for i in range(16))
LEVELS = 127
"""The largest byte of a direction."""


@dataclass(frozen=True)
class Way:
    """A direction for each image, and how far along it the network is asked.

    ``directions`` are shaped like the images; ``box`` is what moved images are clipped to, ``None`` where they are not.
    """

    name: str
    unit: str
    sizes: Sequence[float]
    directions: Tensor
    box: Box | None = UNIT


def write(profile: str = "quick") -> dict[str, Any]:
    """Record every network of :data:`SHOWN`, write ``data/gallery.json``, and return what stands there.

    Raises:
        InputError: data, or ImageNet's weights, that are not there.
    """
    trials = [study.trials(name, profile=profile, datasets=[d])[0] for name, d in SHOWN]
    found = {"levels": LEVELS, "networks": [of_network(job_of(trial)) for trial in trials]}
    write_text(GALLERY, json.dumps(found, indent=1) + "\n")
    return found


def of_network(job: Job) -> dict[str, Any]:
    """A trial's own network: its images, each way's directions and the answers along them, and where it is from."""
    model, (x, y) = job.trained.model, job.test_images()
    right = correct(predict(model, x, 250), y)
    chosen = chosen_images(right.cpu(), y.cpu())
    trial, x, y = job.trial, x[chosen], y[chosen]
    return {
        "exhibit": trial.exhibit, "profile": trial.profile, "seed": trial.seed, "model": models.label(trial.model),
        "dataset": datasets.label(trial.dataset), "digest": job.data.digest, "checkpoint": job.trained.checkpoint,
        "origin": job.trained.origin, "right": int(right.sum()), "images": len(right), "shape": list(job.data.shape),
        "classes": NAMES.get(trial.dataset) or [str(k) for k in range(job.data.classes)],
        "chosen": {"index": chosen, "label": y.tolist(), "right": right[chosen].tolist(),
                   "pixels": encoded((255 * x).round().byte())},
        "ways": [recorded(model, x, way) for way in (*steps(model, x, y), *generators(job, x))],
    }  # fmt: skip


def chosen_images(right: Tensor, y: Tensor) -> list[int]:
    """The first right image of each of the first classes met, then the first wrong ones, as indices."""
    first = {int(y[i]): int(i) for i in reversed(right.nonzero()[:, 0])}
    return sorted(first.values())[:RIGHT] + (~right).nonzero()[:WRONG, 0].tolist()


def steps(model: Classifier, x: Tensor, y: Tensor) -> Iterator[Way]:
    """One step along the gradient: its sign up and down the loss, and the gradient itself at the same l2 length."""
    g = input_gradient(model, x, y)
    for name in ("FGSM", "D-FGSM"):
        yield Way(name, "ε", EPS, STEPS[name].sense * DIRECTIONS["sign"](g))
    yield Way("FGM-l2", "ε", EPS, DIRECTIONS["l2"](g))


def generators(job: Job, x: Tensor) -> Iterator[Way]:
    """What the generators of ``butterfly/told`` add, in units of what they add."""
    if job.trial.exhibit != "butterfly/told":
        return
    for arm in arms(job, knowing(job)):
        v = perturbations(play(job, job.trained, arm).model, x)
        how = "no game" if arm.maker == DIRECT else ", ".join(filter(None, (arm.maker, arm.variant)))
        yield Way(f"generator, {how}", "times v", TIMES, v, box=UNIT if arm.rules.clip else None)


def recorded(model: Classifier, x: Tensor, way: Way) -> dict[str, Any]:
    """A way as plain data: its directions as bytes, and softmax probabilities ``(images, sizes, classes)``."""
    d = way.directions
    most = d.abs().amax((1, 2, 3)).clamp_min(1e-12)
    levels = (d / per_image(most, d) * LEVELS).round()
    d = levels * per_image(most, d) / LEVELS
    asked = [predict(model, along(x, d, size, box=way.box)).softmax(1) for size in way.sizes]
    return {
        "name": way.name, "unit": way.unit, "sizes": list(way.sizes), "clipped": way.box is not None,
        "most": most.tolist(), "directions": encoded(levels.to(torch.int8)),
        "answers": encoded(torch.stack(asked, 1)),
    }  # fmt: skip
