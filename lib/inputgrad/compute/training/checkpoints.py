"""Checkpoints: tensors and a JSON note in one safetensors file; loading one runs no code."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from inputgrad.compute.device import describe
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import locked, replacing
from inputgrad.ground.origin import origin
from inputgrad.ground.paths import CHECKPOINTS, relative

Note = dict[str, Any]
"""What is told of a training, as plain data: ``history``, one entry an epoch, ``seconds``, and ``origin`` at last."""

Fit = Callable[[Path], tuple[dict[str, Tensor], Note]]
"""Trains a network in place, resuming from a partial file if it is there: tensors to keep beside it, and the note."""

EXTRA, OPTIMIZER = "extra.", "optimizer."
"""How the names of tensors begin that are no weights: what a training keeps beside them, and its optimisers' state."""


Used = dict[str, dict[str, Any]]
"""Networks by the names of their checkpoints: ``seconds`` of training, whether trained ``here``, and their origin."""

_used: ContextVar[Used | None] = ContextVar("used", default=None)


@contextmanager
def noted() -> Iterator[Used]:
    """Collect every network that is restored or trained inside, in the order of first use."""
    used: Used = {}
    token = _used.set(used)
    try:
        yield used
    finally:
        _used.reset(token)


def kept(
    stem: str, declared: Mapping, net: nn.Module, fit: Fit, beside: int = 0
) -> tuple[str, dict[str, Tensor], Note]:
    """Give ``net`` the weights of this declaration: from its checkpoint when there is one, else trained now and saved.

    Two callers that want the same network at once train it once: the second waits for the first.

    Args:
        stem: how the file's name begins; a hash of the declaration ends it.
        declared: everything that decides which weights come out, as plain data.
        net: what learns, on its device; changed in place.
        fit: trains it where there is no checkpoint.
        beside: bytes that it keeps, at most, beside weights and the state of an optimiser.

    Returns:
        The checkpoint's name, all tensors in it, and its note: ``history``, ``seconds`` and ``origin``.

    Raises:
        InputError: a damaged checkpoint, or one that cannot be written, for want of room too: before it is trained.
    """
    digest = hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:12]
    path = CHECKPOINTS / f"{stem}-{digest}.safetensors"
    with locked(path.with_suffix(".lock")):
        if there := path.is_file():
            tensors, note = restore(path, net)
        else:
            check_room(path, net, beside)
            tensors, note = fit(path.with_suffix(".partial"))
            note["origin"] = {**origin(), **describe(next(net.parameters()).device)}
            save(path, {**net.state_dict(), **tensors}, note)
            path.with_suffix(".partial").unlink(missing_ok=True)
    if (used := _used.get()) is not None:
        told = {"seconds": round(note["seconds"], 1), "here": not there, **note.get("origin", {})}
        used.setdefault(path.name, told)
    return path.name, tensors, note


COPIES = 5
"""How many times its weights a partial file has at most: the weights, and WAME's four states of each."""


def check_room(path: Path, net: nn.Module, beside: int) -> None:
    """Refuse to train what could not be saved.

    Raises:
        InputError: the disk has too little room for two partial files of ``net``, the one that is there until its
            successor is written.
    """
    needed = 2 * (COPIES * sum(t.nbytes for t in net.state_dict().values()) + beside)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise InputError(
            f"training {path.stem} needs {needed / 2**20:.0f} MiB of disk in {relative(path.parent)}, and "
            f"{free / 2**20:.0f} are free: make room, or name another folder in INPUTGRAD_CHECKPOINTS"
        )


def save(path: Path, tensors: Mapping[str, Tensor], note: Note) -> None:
    """Write a checkpoint at once or not at all."""
    plain, told = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, json.dumps(note)
    with replacing(path) as temporary:
        try:
            save_file(plain, temporary, metadata={"note": told, "sum": content_sum(plain, told)})
        except SafetensorError as err:  # how it reports a full disk
            raise OSError(str(err)) from err


def content_sum(tensors: Mapping[str, Tensor], told: str) -> str:
    """The SHA-256 of a note and of every tensor's name, type, shape and bytes."""
    digest = hashlib.sha256(told.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def restore(
    path: Path, net: nn.Module, optimizers: Mapping[str, torch.optim.Optimizer] | None = None
) -> tuple[dict[str, Tensor], Note]:
    """Load a checkpoint's weights into ``net``, and what it has of optimisers; returns all its tensors and its note.

    Raises:
        InputError: the file is damaged or belongs to another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            told, written = file.metadata()["note"], file.metadata().get("sum")  # earlier ones have no sum
        if written and written != content_sum(tensors, told):
            raise ValueError("its content is not what was written")
        note = json.loads(told)
        net.load_state_dict({name: t for name, t in tensors.items() if not name.startswith((OPTIMIZER, EXTRA))})
        load_optimizers(optimizers or {}, tensors)
    except (SafetensorError, RuntimeError, OSError, ValueError, KeyError, TypeError) as err:
        reason = str(err).splitlines()[0]
        raise InputError(
            f"checkpoint {relative(path)} is damaged ({reason}): delete it, and the network is trained again"
        ) from err
    return tensors, note


def optimizer_tensors(optimizers: Mapping[str, torch.optim.Optimizer]) -> dict[str, Tensor]:
    """The state of optimisers as flat tensors ``optimizer.<its name>.<index of the parameter>.<entry>``."""
    return {
        f"{OPTIMIZER}{name}.{index}.{entry}": torch.as_tensor(value)
        for name, optimizer in optimizers.items()
        for index, entries in optimizer.state_dict()["state"].items()
        for entry, value in entries.items()
        if value is not None
    }


def load_optimizers(optimizers: Mapping[str, torch.optim.Optimizer], tensors: Mapping[str, Tensor]) -> None:
    """The inverse of :func:`optimizer_tensors`; other tensors are passed over."""
    states: dict[str, dict[int, dict[str, Tensor]]] = {name: {} for name in optimizers}
    for key, value in tensors.items():
        if key.startswith(OPTIMIZER):
            name, index, entry = key.removeprefix(OPTIMIZER).split(".")
            states[name].setdefault(int(index), {})[entry] = value
    for name, optimizer in optimizers.items():
        optimizer.load_state_dict({**optimizer.state_dict(), "state": states[name]})
