"""One training loop for every network of the study, with checkpoints that survive a kill."""

from __future__ import annotations

import hashlib
import json
import math
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .checks import InputError
from .data import Splits
from .defences import STANDARD, Defence
from .device import describe
from .files import replacing
from .gradients import Classifier
from .models import MODELS, build
from .models.published import tensors, verified
from .objectives import OBJECTIVES, Objective
from .origin import origin
from .paths import CHECKPOINTS, data_root, relative
from .progress import progress
from .study.schema import Recipe
from .wame import WAME

VERSION = 1
"""Raised whenever training changes what network comes out; a checkpoint of another version is not used."""


class TrainingDiverged(RuntimeError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Trained:
    """A network in eval mode and how it came about."""

    model: nn.Module
    history: list[dict[str, float]]  # one entry an epoch: epoch, loss, accuracy (both of the training images), seconds
    seconds: float
    images_per_second: float
    checkpoint: str
    origin: dict  # commit, versions and device it was trained with


def trained(
    data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device, defence: Defence = STANDARD,
    start: Trained | None = None,
) -> Trained:  # fmt: skip
    """The network of this declaration: from its checkpoint when there is one, else trained now and saved.

    One whose weights are published is not trained but :func:`loaded`.

    Two callers that want the same network at once train it once: the second waits for the first. With ``start``
    training begins at the weights of that network (:func:`begin_at`), and not at random ones.

    Raises:
        InputError: a damaged checkpoint, or one that cannot be written.
        TrainingDiverged: the loss became NaN or infinite.
    """
    if MODELS[model].weights:
        raise InputError(f"model {model!r} is loaded as its authors trained it: this exhibit would train it")
    declared = {
        "model": model, "recipe": asdict(recipe), "seed": seed, "dataset": data.name, "digest": data.digest,
        "shape": list(data.shape),
    }  # fmt: skip
    if (versions := [VERSION, MODELS[model].version]) != [1, 1]:
        declared["versions"] = versions
    if defence != STANDARD:
        declared["defence"] = asdict(defence)
    if start is not None:
        declared["start"] = start.checkpoint
    digest = hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:12]
    path = CHECKPOINTS / f"{data.name}-{model}-s{seed}-{digest}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    net = defence.build(model, shape=data.shape, classes=data.classes, width=recipe.width).to(device)
    if start is not None:
        begin_at(net, start.model)
    if device.type == "cuda":
        net = net.to(memory_format=torch.channels_last)
    with FileLock(path.with_suffix(".lock")):
        if path.is_file():
            _, note = restore(path, net)
        else:
            note = fit(net, data, recipe, seed, path.with_suffix(".partial"), MODELS[model].objective, defence)
            note["origin"] = {**origin(), **describe(device)}
            save(path, net.state_dict(), note)
            path.with_suffix(".partial").unlink(missing_ok=True)
    images = recipe.epochs * min(recipe.images or len(data.x_train), len(data.x_train))
    speed = images / max(note["seconds"], 1e-9)
    return Trained(net.eval(), note["history"], note["seconds"], speed, path.name, note.get("origin", {}))


def loaded(data: Splits, model: str, device: torch.device, root: str | None = None) -> Trained:
    """The network whose weights are published, from the file in the data folder; nothing is trained.

    Raises:
        InputError: the file is missing, not whole or another one, or the data are not what the network takes.
    """
    weights = MODELS[model].weights
    if (data.shape, data.classes) != (weights.shape, weights.classes):
        raise InputError(
            f"model {model!r} takes images of {weights.shape} of {weights.classes} classes: {data.name} has "
            f"{data.shape} of {data.classes}"
        )
    net = build(model, shape=data.shape, classes=data.classes)
    try:
        net.load_state_dict(tensors(weights, verified(weights, data_root(root))))
    except RuntimeError as err:
        reason = " ".join(str(err).split())
        raise InputError(f"{data_root(root) / weights.file} does not hold {model!r} ({reason})") from err
    net = net.to(device, memory_format=torch.channels_last) if device.type == "cuda" else net.to(device)
    origin = {"source": weights.source, "sha256": weights.sha256, "modified": False}
    return Trained(net.eval(), [], 0.0, 0.0, weights.file, origin)


def begin_at(net: nn.Module, other: nn.Module) -> None:
    """Give ``net`` the weights of ``other``, in place; what has no counterpart of its shape there stays as drawn.

    For two classifiers of one architecture that is all but the last layer, where their classes differ.
    """
    own = net.state_dict()
    taken = {k: t for k, t in other.state_dict().items() if k in own and own[k].shape == t.shape}
    net.load_state_dict({**own, **taken})


def fit(
    net: nn.Module, data: Splits, recipe: Recipe, seed: int, partial: Path, objective: str = "classify",
    defence: Defence = STANDARD,
) -> dict:  # fmt: skip
    """Train ``net`` in place; resumes from ``partial`` when a killed run left one there.

    ::

        for epoch:  for a random batch (x, y):  x <- attack(augment(x / 255))
                                                step down the gradient of L(net(x), x, y)

    with L the loss of the objective, cross-entropy for a classifier, and the attack of the defence, none by default.

    Every epoch draws its order and its augmentation from ``(seed, epoch)`` alone, so an interrupted run ends with
    the same weights as an unbroken one (bit for bit on a CPU).
    """
    device, objective = next(net.parameters()).device, OBJECTIVES[objective]
    x, y = data.x_train[: recipe.images].to(device), data.y_train[: recipe.images].to(device)
    optimizer = optimizer_of(net, recipe)
    note = {"history": [], "seconds": 0.0}
    if partial.is_file():
        tensors, note = restore(partial, net)
        load_optimizer(optimizer, tensors)
    batches = math.ceil(len(x) / recipe.batch)
    bar = progress(total=recipe.epochs * batches, initial=len(note["history"]) * batches, desc=f"train {partial.stem}")
    net.train()
    for epoch in range(len(note["history"]), recipe.epochs):
        start = time.perf_counter()
        generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
        torch.manual_seed(1_000_003 * seed + epoch)  # layers that draw (dropout)
        order = torch.randperm(len(x), generator=generator).to(device)
        loss_sum = torch.zeros((), device=device)
        right = torch.zeros((), device=device)
        for step, chosen in enumerate(order.split(recipe.batch)):
            set_lr(optimizer, recipe, (epoch + step / batches) / recipe.epochs)
            images = augment(x[chosen].float() / 255, recipe.augment, generator)
            with autocast(device, recipe.precision):
                images = defence.attacked(net, images, y[chosen], generator)
            model = defence.classifier(net, y[chosen])
            loss, outputs = train_step(model, optimizer, images, y[chosen], recipe.precision, objective)
            loss_sum += loss * len(chosen)
            right += objective.score(outputs, images, y[chosen]).sum()
            if step % 100 == 99 or step == batches - 1:
                stop_if_diverged(loss_sum, epoch, step, partial.stem, recipe)
            bar.update()
        note["seconds"] += time.perf_counter() - start
        note["history"].append(
            {"epoch": epoch + 1, "loss": loss_sum.item() / len(x), "accuracy": right.item() / len(x),
             "seconds": note["seconds"], **defence.watched(net, data)}
        )  # fmt: skip
        if epoch + 1 < recipe.epochs:
            save(partial, {**net.state_dict(), **optimizer_tensors(optimizer)}, note)
    bar.close()
    return note


def train_step(
    model: Classifier, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, precision: str, objective: Objective
) -> tuple[Tensor, Tensor]:
    """One step down the mean loss of a batch; returns the detached loss and outputs."""
    if x.device.type == "cuda":
        x = x.to(memory_format=torch.channels_last)
    with autocast(x.device, precision):
        outputs = model(x)
        loss = objective.loss(outputs, x, y)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss.detach(), outputs.detach()


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """bfloat16 where the recipe asks for it."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()


def stop_if_diverged(loss_sum: Tensor, epoch: int, step: int, name: str, recipe: Recipe) -> None:
    """Raise when the running loss is no longer finite."""
    if not torch.isfinite(loss_sum):
        raise TrainingDiverged(
            f"the loss of {name} is {loss_sum.item()} by epoch {epoch + 1}, step {step + 1}, with lr {recipe.lr:g}: "
            "try a smaller lr"
        )


def optimizer_of(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser a recipe names."""
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            net.parameters(), recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )  # fmt: skip
    if recipe.optimizer == "wame":
        return WAME(net.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    return torch.optim.Adam(net.parameters(), recipe.lr, weight_decay=recipe.weight_decay)


DROPS = {
    "constant": (),
    "step": ((0.5, 0.1), (0.75, 0.01)),
    "early_step": ((0.2, 0.1), (0.4, 0.01)),
    "gentle_step": ((0.3, 0.5), (0.6, 0.1)),
    "quarter_step": ((0.25, 0.1), (0.5, 0.01), (0.75, 0.001)),
}
"""From which share of the training on the learning rate is multiplied by what, for each schedule that drops it."""


def set_lr(optimizer: torch.optim.Optimizer, recipe: Recipe, done: float) -> None:
    """Set the learning rate for the moment when the share ``done`` in [0, 1) of the training is over."""
    if recipe.schedule == "onecycle":
        factor = min(done / 0.3, (1 - done) / 0.7)
    else:
        factor = next((f for share, f in reversed(DROPS[recipe.schedule]) if done >= share), 1.0)
    for group in optimizer.param_groups:
        group["lr"] = recipe.lr * factor


def augment(x: Tensor, kind: str, generator: torch.Generator, pad: int = 4) -> Tensor:
    """A random crop of each zero-padded image, and for ``"crop_flip"`` a mirror image of every other one."""
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


# Checkpoints: tensors and a JSON note in one safetensors file; loading one runs no code.


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
