"""The networks of the catalogue, built."""

from __future__ import annotations

from importlib import import_module

import torch
from torch import nn

from inputgrad.catalogue.models import MODELS
from inputgrad.ground.checks import one_of


def build(name: str, *, shape: tuple[int, int, int], classes: int, width: float = 1.0) -> nn.Module:
    """A freshly initialised network (from torch's global generator): ``x`` in [0, 1] -> logits ``(B, classes)``.

    A network with another objective than ``"classify"`` gives what that objective compares.

    Args:
        name: in :data:`inputgrad.catalogue.models.MODELS`.
        shape: ``(C, H, W)`` of one image.
        classes: number of classes.
        width: factor on every channel count; 1 is the network of the paper.

    Raises:
        InputError: unknown name.
    """
    architecture = MODELS[one_of("model", name, MODELS)]
    module, function = architecture.builder.split(":")
    builder = getattr(import_module(f".{module}", __package__), function)
    return builder(shape=shape, classes=classes, width=width, **dict(architecture.options))


def parameters(name: str, *, shape: tuple[int, int, int], classes: int, width: float) -> int:
    """How many parameters a network has, counted without making any; the arguments are those of :func:`build`."""
    with torch.device("meta"):
        return sum(p.numel() for p in build(name, shape=shape, classes=classes, width=width).parameters())
