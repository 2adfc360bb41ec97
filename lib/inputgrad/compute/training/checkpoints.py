"""Checkpoints: tensors and a JSON note in one safetensors file; loading one runs no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from inputgrad.compute.device import describe
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import replacing
from inputgrad.ground.origin import origin
from inputgrad.ground.paths import CHECKPOINTS, relative

Fit = Callable[[Path], tuple[dict[str, Tensor], dict]]
"""Trains a network in place, resuming from a partial file if it is there: tensors to keep beside it, and the note."""


def kept(stem: str, declared: Mapping, net: nn.Module, fit: Fit) -> tuple[str, dict[str, Tensor], dict]:
    """Give ``net`` the weights of this declaration: from its checkpoint when there is one, else trained now and saved.

    Two callers that want the same network at once train it once: the second waits for the first.

    Args:
        stem: how the file's name begins; a hash of the declaration ends it.
        declared: everything that decides which weights come out, as plain data.
        net: what learns, on its device; changed in place.
        fit: trains it where there is no checkpoint.

    Returns:
        The checkpoint's name, all tensors in it, and its note: ``history``, ``seconds`` and ``origin``.

    Raises:
        InputError: a damaged checkpoint, or one that cannot be written.
    """
    digest = hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:12]
    path = CHECKPOINTS / f"{stem}-{digest}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if path.is_file():
            tensors, note = restore(path, net)
        else:
            tensors, note = fit(path.with_suffix(".partial"))
            note["origin"] = {**origin(), **describe(next(net.parameters()).device)}
            save(path, {**net.state_dict(), **tensors}, note)
            path.with_suffix(".partial").unlink(missing_ok=True)
    return path.name, tensors, note


def save(path: Path, tensors: dict[str, Tensor], note: dict) -> None:
    """Write a checkpoint at once or not at all."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        try:
            save_file(plain, temporary, metadata={"note": json.dumps(note)})
        except SafetensorError as err:  # how it reports a full disk
            raise OSError(str(err)) from err


def restore(path: Path, net: nn.Module) -> tuple[dict[str, Tensor], dict]:
    """Load a checkpoint's weights into ``net``; returns all its tensors and its note.

    Raises:
        InputError: the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            note = json.loads(file.metadata()["note"])
        net.load_state_dict({name: t for name, t in tensors.items() if not name.startswith(("optimizer.", "extra."))})
    except (SafetensorError, RuntimeError, OSError, ValueError, KeyError, TypeError) as err:
        reason = str(err).splitlines()[0]
        raise InputError(
            f"checkpoint {relative(path)} is damaged ({reason}): delete it, and the network is trained again"
        ) from err
    return tensors, note


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state as flat tensors ``optimizer.<parameter>.<name>``."""
    state = optimizer.state_dict()["state"]
    return {
        f"optimizer.{i}.{name}": torch.as_tensor(value)
        for i, entry in state.items()
        for name, value in entry.items()
        if value is not None
    }  # fmt: skip


def load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The inverse of :func:`optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
