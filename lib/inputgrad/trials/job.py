"""Computing one trial: load the data, train or restore the network, call the exhibit's function, note how."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from inputgrad.catalogue.models import architecture
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute import device as devices
from inputgrad.compute.data import Splits, load
from inputgrad.compute.training.checkpoints import noted
from inputgrad.compute.training.networks import Trained, loaded
from inputgrad.compute.training.own import owned
from inputgrad.ground.origin import origin
from inputgrad.ground.progress import progress
from inputgrad.record.row import Row
from inputgrad.study import exhibit
from inputgrad.study.schema import Exhibit, Trial

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """What an exhibit's function is given: the trial, its data and its trained network, on one device."""

    trial: Trial
    data: Splits
    trained: Trained
    device: torch.device
    root: str | None = None  # the data folder asked for, where an exhibit reads a second data set

    def test_images(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The first ``images`` test images as float ``(N, C, H, W)`` in [0, 1], and their labels."""
        n = self.trial.settings["images"]
        return self.data.x_test[:n].to(self.device).float() / 255, self.data.y_test[:n].to(self.device)


def batches(job: Job, size: int, what: str = "", first: int | None = None) -> Iterator[tuple[torch.Tensor, ...]]:
    """The test images and their labels in batches of ``size``, with progress; with ``first`` only so many images."""
    x, y = job.test_images()
    pairs = zip(x[:first].split(size), y[:first].split(size), strict=True)
    yield from measuring(job, list(pairs), what)


def measuring(job: Job, parts: Collection[T], what: str = "") -> Iterable[T]:
    """The parts of a measurement, with progress under the trial's name."""
    return progress(parts, desc=f"measure {job.trial.exhibit} {job.trial.name} {what}".strip())


@dataclass(frozen=True)
class Outcome:
    """What it returns: rows, and arrays for figures that show images."""

    rows: list[Row]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


def compute(trial: Trial, *, device: str = "auto", root: str | None = None) -> tuple[Outcome, dict]:
    """Compute ``trial`` and say how: ``(outcome, provenance)``."""
    with noted() as used:
        start = time.perf_counter()
        job = job_of(trial, device=device, root=root)
        ready = time.perf_counter()
        outcome = imported(exhibit(trial.exhibit).compute)(job)
    seconds = {"prepare": ready - start, "measure": time.perf_counter() - ready, "training": job.trained.seconds}
    others = {name: told for name, told in used.items() if name != job.trained.checkpoint}
    return outcome, {**provenance(job, seconds), "other_networks": others}


def job_of(trial: Trial, *, device: str = "auto", root: str | None = None) -> Job:
    """A trial with its data and its network, which is trained where it has no checkpoint."""
    declared, chosen = exhibit(trial.exhibit), devices.choose(device)
    devices.reset_peak_memory(chosen)
    data = load(trial.dataset, root=root, size=trial.settings.get("size"))
    given = architecture(trial.model)
    if given.own:
        network = owned(data, trial.model, chosen, root)
    elif given.weights and declared.network == Exhibit.network:
        network = loaded(data, trial.model, chosen, root)
    else:
        network = imported(declared.network)(data, trial.model, Recipe(**trial.settings["recipe"]), trial.seed, chosen)
    return Job(trial, data, network, chosen, root)


def another_label(y: Tensor, classes: int, generator: torch.Generator) -> Tensor:
    """A label drawn from those that are false, ``(B,)``."""
    return (y + torch.randint(1, classes, y.shape, generator=generator).to(y)) % classes


def imported(place: str) -> Callable:
    """The function at ``"module:function"``."""
    module, function = place.split(":")
    return getattr(import_module(module), function)


def provenance(job: Job, seconds: dict[str, float]) -> dict:
    """Where a result comes from: code, versions, machine, time, memory, data and network."""
    return {
        **origin(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        **devices.describe(job.device),
        "training": job.trained.origin,
        "seconds": {name: round(value, 1) for name, value in seconds.items()},
        "peak_memory_mib": devices.peak_memory(job.device) // 2**20,
        "data_digest": job.data.digest,
        "data_order": job.data.order,
        "checkpoint": job.trained.checkpoint,
        "network_parameters": sum(p.numel() for p in job.trained.model.parameters()),
        "training_images_per_second": round(job.trained.images_per_second, 1),
        "learning_curve": [{k: round(v, 5) for k, v in entry.items()} for entry in job.trained.history],
        "declaration": asdict(job.trial),
    }
