"""What the exhibits of `convex` start from: a network, the images that it gets right, and what eps means there."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from inputgrad.catalogue import models
from inputgrad.compute.metrics import correct
from inputgrad.compute.models.prepared import Prepared
from inputgrad.compute.norms import UNIT, Box
from inputgrad.ground.checks import eps_value
from inputgrad.ground.progress import progress
from inputgrad.study.convex import fig2_eps

from .job import Job
from .tally import placed, reading_of

BATCH = 128
DEFAULT = {"eps_unit": "range", "scores": "logits", "class_choice": "linearised", "p": "inf", "dtype": "float32",
           "clip": False, "rho_unit": "paper"}  # fmt: skip
reading = partial(reading_of, DEFAULT)


def place(job: Job, eps: str) -> dict[str, str]:
    """Which figure or table of the paper a cell belongs to, and what the paper calls its data set and network."""
    trial = job.trial
    exhibit = trial.exhibit.split("/")[1]
    table = {"robustness": "I", "fooling": "fig2" if eps in ("0", *fig2_eps(trial.model)) else ""}.get(exhibit, "own")
    return placed(trial, table)


def step_sizes(job: Job) -> dict[str, float]:
    """The eps asked for, text to number; by default those of Fig. 2 for this network."""
    return {text: eps_value(text) for text in job.trial.settings["eps"] or fig2_eps(job.trial.model)}


@dataclass(frozen=True)
class Victim:
    """A network and the images it is attacked on, in the space in which perturbations are measured.

    Attributes:
        logits: ``x`` -> logits, what a prediction and FastGrad's loss are made of.
        scores: ``x`` -> what margins are taken of, logits or softmax.
        x: the test images that are attacked, all classified correctly, ``(N, C, H, W)``.
        y: their labels, ``(N,)``.
        unit: what eps = 1 means in ``x``.
        box: what pixels in [0, 1] become.
    """

    logits: nn.Module
    scores: nn.Module
    x: Tensor
    y: Tensor
    unit: float
    box: Box

    def sizes(self, job: Job) -> dict[str, float]:
        """The eps asked for, text to number in units of ``x``, the smallest first."""
        return {text: size * self.unit for text, size in sorted(step_sizes(job).items(), key=lambda item: item[1])}

    def batches(self, what: str) -> Iterator[tuple[Tensor, Tensor]]:
        """The images in batches, with progress."""
        parts = zip(self.x.split(BATCH), self.y.split(BATCH), strict=True)
        yield from progress(list(parts), desc=f"measure {what}")

    def fooled(self, x_adv: Tensor, y: Tensor) -> Tensor:
        """Which images are no longer classified as before, ``(B,)`` bool."""
        with torch.no_grad():
            return ~correct(self.logits(x_adv), y)


def victim(job: Job) -> Victim:
    """The trial's network, in the space, precision and scores that its settings ask for."""
    s = {**DEFAULT, **job.trial.settings}
    net = copy.deepcopy(job.trained.model).to(getattr(torch, s["dtype"])).to(memory_format=torch.channels_last)
    prepare: nn.Module = nn.Identity()
    logits: nn.Module = net
    if s["eps_unit"] == "range" and isinstance(net, Prepared):
        prepare, logits = net.prepare, net.body
    x, y = correct_images(job, net)
    low = prepare(torch.zeros_like(x[:1])).amin((2, 3), keepdim=True)
    high = prepare(torch.ones_like(x[:1])).amax((2, 3), keepdim=True)
    scores = nn.Sequential(logits, nn.Softmax(1)) if s["scores"] == "softmax" else logits
    return Victim(logits, scores, prepare(x), y, prepared_range(job, prepare), (low, high))


def correct_images(job: Job, net: nn.Module) -> tuple[Tensor, Tensor]:
    """``images`` test images that are classified correctly: the paper attacks no others (all, if fewer).

    The first ones for a network of ours, which differs from seed to seed. One that is loaded is the same for every
    seed: there the seed draws the images, as its authors drew them.
    """
    wanted, dtype = job.trial.settings["images"], next(net.parameters()).dtype
    drawn = models.architecture(job.trial.model).weights is not None
    found: list[Tensor] = []
    for x, y in test_batches(job, dtype):
        with torch.no_grad():
            found.append(correct(net(x), y))
        if not drawn and sum(int(f.sum()) for f in found) >= wanted:
            break
    right = torch.cat(found).nonzero()[:, 0].cpu()
    if drawn:
        right = right[torch.randperm(len(right), generator=torch.Generator().manual_seed(job.trial.seed))]
    chosen = right[:wanted]
    x = job.data.x_test[chosen].to(job.device).to(dtype) / 255
    return x.to(memory_format=torch.channels_last), job.data.y_test[chosen].to(job.device)


def test_batches(job: Job, dtype: torch.dtype = torch.float32) -> Iterator[tuple[Tensor, Tensor]]:
    """All test images, in [0, 1], and their labels."""
    for x, y in zip(job.data.x_test.split(BATCH), job.data.y_test.split(BATCH), strict=True):
        yield (x.to(job.device).to(dtype) / 255).to(memory_format=torch.channels_last), y.to(job.device)


def prepared_range(job: Job, prepare: nn.Module) -> float:
    """Largest minus smallest value of the prepared test set: the unit of the paper's eps."""
    if isinstance(prepare, nn.Identity):
        return UNIT[1] - UNIT[0]
    extremes = [torch.stack(prepare(x).aminmax()) for x, _ in test_batches(job)]
    low, high = torch.stack(extremes, 1)
    return float(high.max() - low.min())
