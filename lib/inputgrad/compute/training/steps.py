"""What trainings have in common at a step: optimisers, learning rates, the step itself, precision, random crops."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.optimizer import ParamsT

from inputgrad.catalogue.recipe import SCHEDULES, Recipe
from inputgrad.compute.device import has_bfloat16

from .wame import WAME

OPTIMISERS: dict[str, Callable[[ParamsT, Recipe], torch.optim.Optimizer]] = {
    "adam": lambda weights, r: torch.optim.Adam(weights, r.lr, weight_decay=r.weight_decay),
    "sgd": lambda weights, r: torch.optim.SGD(weights, r.lr, momentum=r.momentum, weight_decay=r.weight_decay),
    "wame": lambda weights, r: WAME(weights, r.lr, weight_decay=r.weight_decay),
}
"""Each from the weights that learn, or groups of them that differ in decay, and the recipe."""


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step of the optimiser's parameters down the loss."""
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def set_lr(optimizer: torch.optim.Optimizer, schedule: str, done: float) -> None:
    """Set the learning rate for the moment when the share ``done`` in [0, 1) of the training is over.

    The peak is the rate that the optimiser was made with.
    """
    drops = SCHEDULES[schedule]
    if drops is None:
        factor = min(done / 0.3, (1 - done) / 0.7)
    else:
        factor = next((f for share, f in reversed(drops) if done >= share), 1.0)
    for group in optimizer.param_groups:
        group["lr"] = optimizer.defaults["lr"] * factor


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """bfloat16 where the recipe asks for it and the device has it; float32 elsewhere."""
    wanted = precision == "bf16" and has_bfloat16(device)
    return torch.autocast(device.type, torch.bfloat16) if wanted else nullcontext()


def augment(x: Tensor, kind: str, generator: torch.Generator, pad: int = 4) -> Tensor:
    """A random crop of each zero-padded image, and for ``"crop_flip"`` a mirror image of every other one.

    ``x`` is ``(B, C, H, W)`` and keeps its shape; with ``"none"`` it is returned as it is, and with any other kind it
    is cropped. ``generator`` is of the CPU.
    """
    if kind == "none":
        return x
    n, _, height, width = x.shape
    padded = F.pad(x, (pad, pad, pad, pad))
    top, left = torch.randint(0, 2 * pad + 1, (2, n), generator=generator).to(x.device)
    rows = top[:, None] + torch.arange(height, device=x.device)
    columns = left[:, None] + torch.arange(width, device=x.device)
    if kind == "crop_flip":
        mirror = (torch.rand(n, generator=generator) < 0.5).to(x.device)
        columns = torch.where(mirror[:, None], columns.flip(1), columns)
    index = torch.arange(n, device=x.device)
    return padded[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
