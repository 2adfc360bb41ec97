"""The one loop of every training: shuffled batches, learning rates, means of an epoch, going on after a kill."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from tqdm import tqdm

from inputgrad.catalogue.recipe import Recipe
from inputgrad.ground import checks
from inputgrad.ground.progress import progress

from .checkpoints import EXTRA, Note, optimizer_tensors, restore, save
from .steps import set_lr

PARTIAL_EVERY = 60.0
"""Seconds from one partial checkpoint to the next, at least: they can be as large as the training images."""


class TrainingDiverged(RuntimeError):
    """The loss is no longer a number."""


@dataclass(eq=False)
class Training(ABC):
    """What one kind of training does with a batch, and what it looks at after an epoch; :func:`run` does the rest.

    Attributes:
        net: what learns, on its device; its weights are the checkpoint.
        recipe: how long it learns, in which batches and by which schedule.
        images: how many there are to learn from.
        optimizers: by name, each made with the peak of its learning rate.
    """

    net: nn.Module
    recipe: Recipe
    images: int
    optimizers: Mapping[str, Optimizer]

    @abstractmethod
    def step(self, chosen: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Learn from one batch.

        Args:
            chosen: the indices of its images.
            generator: on the CPU; where random draws come from.

        Returns:
            Sums over the batch, detached, whose means over an epoch go into the history.
        """

    def followed(self) -> dict[str, float]:
        """What else goes into the history after an epoch."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """What a run that goes on needs beside the weights and the optimisers."""
        return {}

    def load(self, state: Mapping[str, Tensor]) -> None:  # noqa: B027 - most have no state
        """The inverse of :meth:`state`."""


def run(training: Training, seed: int, partial: Path) -> Note:
    """Train to the end; goes on from ``partial`` when a killed run left one there.

    ::

        for epoch:  for a random batch:  set the learning rates
                                         training.step(batch)
                    training.followed()

    Every epoch draws its order and all else from ``(seed, epoch)`` alone, and a partial checkpoint has the optimisers
    and the training's own state, so an interrupted run ends with the same weights as an unbroken one (bit for bit on a
    CPU). A last batch of one image is left out: batch norm needs two.

    Returns:
        The note: ``history``, one entry an epoch, and ``seconds`` of the steps alone.

    Raises:
        InputError: fewer than two images, or a damaged partial checkpoint.
        TrainingDiverged: what a step sums became NaN or infinite.
    """
    checks.whole("training images", training.images, least=2)
    note, epochs, batches = resumed(training, partial), training.recipe.epochs, batches_of(training)
    done = len(note["history"])
    bar = progress(total=epochs * batches, initial=done * batches, desc=f"train {partial.stem}")
    saved = time.perf_counter()
    for epoch in range(done, epochs):
        start = time.perf_counter()
        means = one_epoch(training, seed, epoch, bar, partial.stem)
        note["seconds"] += time.perf_counter() - start
        entry = {"epoch": epoch + 1, **means, **training.followed(), "seconds": note["seconds"]}
        note["history"].append(entry)
        if epoch + 1 < epochs and time.perf_counter() - saved >= PARTIAL_EVERY:
            save(partial, tensors_of(training), note)
            saved = time.perf_counter()
    bar.close()
    return note


def one_epoch(training: Training, seed: int, epoch: int, bar: tqdm[Any], name: str) -> dict[str, float]:
    """One pass over the images, and the means of what the steps sum; ``name`` stands in errors."""
    recipe, batches = training.recipe, batches_of(training)
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    torch.manual_seed(1_000_003 * seed + epoch)  # layers that draw
    order = torch.randperm(training.images, generator=generator).to(next(training.net.parameters()).device)
    parts = [part for part in order.split(recipe.batch) if len(part) > 1]
    training.net.train()
    sums: dict[str, Tensor] = {}
    for step, chosen in enumerate(parts):
        for optimizer in training.optimizers.values():
            set_lr(optimizer, recipe.schedule, (epoch + step / batches) / recipe.epochs)
        found = training.step(chosen, generator)
        sums = {key: value + sums.get(key, 0) for key, value in found.items()}
        if step % 100 == 99 or step == len(parts) - 1:
            stop_if_diverged(sums, recipe, name, epoch, step)
        bar.update()
    seen = sum(len(part) for part in parts)
    return {key: value.item() / seen for key, value in sums.items()}


def batches_of(training: Training) -> int:
    """How many batches an epoch is cut into, one of a single image included."""
    return math.ceil(training.images / training.recipe.batch)


def stop_if_diverged(sums: Mapping[str, Tensor], recipe: Recipe, name: str, epoch: int, step: int) -> None:
    """Raise when a running sum is no longer finite."""
    total = sum(value.item() for value in sums.values())
    if not math.isfinite(total):
        raise TrainingDiverged(
            f"the loss of {name} is {total} by epoch {epoch + 1}, step {step + 1}, with lr {recipe.lr:g}: "
            "try a smaller lr"
        )


def tensors_of(training: Training) -> dict[str, Tensor]:
    """All that a partial checkpoint holds."""
    own = {EXTRA + name: tensor for name, tensor in training.state().items()}
    return {**training.net.state_dict(), **optimizer_tensors(training.optimizers), **own}


def resumed(training: Training, partial: Path) -> Note:
    """The note to go on with, after what ``partial`` holds was loaded, if it is there."""
    if not partial.is_file():
        return {"history": [], "seconds": 0.0}
    tensors, note = restore(partial, training.net, training.optimizers)
    training.load({name.removeprefix(EXTRA): t for name, t in tensors.items() if name.startswith(EXTRA)})
    return note
