"""The networks of the study: trained from a recipe, or loaded where their authors published the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import ParamsT

from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.published import path_of, verified
from inputgrad.catalogue.recipe import CROPS, Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import Classifier
from inputgrad.compute.models import build
from inputgrad.compute.models.published import tensors
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import data_root

from .checkpoints import Note, kept
from .loop import Training, run
from .objectives import OBJECTIVES, Objective
from .steps import OPTIMISERS, augment, autocast, descend

VERSION = 1
"""Raised whenever training changes what network comes out; a checkpoint of another version is not used."""


@dataclass(frozen=True)
class Plain:
    """Trained on the images as they are. A defence changes some of this."""

    @property
    def declared(self) -> dict:
        """What of it decides which weights come out, as plain data; nothing where nothing is changed."""
        return {}

    def build(self, model: str, *, shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
        """The network, freshly initialised."""
        return build(model, shape=shape, classes=classes, width=width)

    def classifier(self, net: nn.Module, y: Tensor) -> Classifier:
        """``x`` -> logits for images with labels ``y``."""
        return net

    def attacked(self, net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
        """A batch of training images as the network is trained on it."""
        return x

    def perturbed(self, net: nn.Module, x: Tensor, y: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """A batch as the network is trained on it: images, and labels ``(B,)`` or probabilities of the classes."""
        return self.attacked(net, x, y, generator), y

    def watched(self, net: nn.Module, data: Splits) -> dict[str, float]:
        """What else is followed after each epoch."""
        return {}

    def weights(self, net: nn.Module) -> ParamsT:
        """What learns: all of the network, or groups of its weights that differ in decay."""
        return net.parameters()


PLAIN = Plain()


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network in eval mode and how it came about.

    Attributes:
        model: the network.
        checkpoint: the name of its file.
        origin: commit, versions and device it was trained with.
        history: one entry an epoch: ``epoch``, ``loss``, ``accuracy`` (both of the training images), ``seconds``;
            none where it was loaded or is as it was drawn.
        seconds: of all epochs.
        images_seen: in all epochs.
    """

    model: nn.Module
    checkpoint: str
    origin: dict = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    images_seen: int = 0

    @property
    def images_per_second(self) -> float:
        """How fast it was trained; 0 where it was not."""
        return self.images_seen / max(self.seconds, 1e-9)


def trained(
    data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device, defence: Plain = PLAIN,
    start: Trained | None = None,
) -> Trained:  # fmt: skip
    """The network of this declaration: from its checkpoint when there is one, else trained now and saved.

    One whose weights are published is :func:`loaded` and no matter of this, unless it is to go on from a ``start``.

    Two callers that want the same network at once train it once: the second waits for the first. With ``start``
    training begins at the weights of that network (:func:`begin_at`), and not at random ones.

    Raises:
        InputError: an augmentation of `smooth`, a damaged checkpoint, or one that cannot be written.
        TrainingDiverged: the loss became NaN or infinite.
    """
    checks.one_of("recipe augment", recipe.augment, CROPS)
    if MODELS[model].weights and start is None:
        raise InputError(f"model {model!r} is loaded as its authors trained it: this exhibit would train it")
    declared = {
        "model": model, "recipe": asdict(recipe), "seed": seed, "dataset": data.name, "digest": data.digest,
        "order": data.order, "shape": list(data.shape),
    }  # fmt: skip
    if (versions := [VERSION, MODELS[model].version]) != [1, 1]:
        declared["versions"] = versions
    if defence.declared:
        declared["defence"] = defence.declared
    if start is not None:
        declared["start"] = start.checkpoint
    torch.manual_seed(seed)
    net = defence.build(model, shape=data.shape, classes=data.classes, width=recipe.width)
    net = net.to(device).to(memory_format=torch.channels_last)  # where convolutions are the faster for it
    if start is not None:
        begin_at(net, start.model)
    name, _, note = kept(
        f"{data.name}-{model}-s{seed}", declared, net,
        lambda partial: ({}, fit(net, data, recipe, seed, partial, MODELS[model].objective, defence)),
    )  # fmt: skip
    return Trained(
        model=net.eval(), checkpoint=name, origin=note.get("origin", {}), history=note["history"],
        seconds=note["seconds"],
        images_seen=recipe.epochs * min(recipe.images or len(data.x_train), len(data.x_train)),
    )  # fmt: skip


def loaded(data: Splits, model: str, device: torch.device, root: str | None = None) -> Trained:
    """The classifier whose weights are published; nothing is trained.

    Raises:
        InputError: as :func:`restored`, or the data are not what the network was trained to tell apart.
    """
    MODELS[model].check_data(data.name, data.shape, data.classes)
    return restored(model, data.shape, device, root)


def restored(model: str, shape: tuple[int, int, int], device: torch.device, root: str | None = None) -> Trained:
    """A network with its published weights, for images of this shape: from the data folder or an installed package.

    Raises:
        InputError: the file or the package is missing, not whole or another one, or images that it cannot take.
    """
    weights = MODELS[model].weights
    if weights is None:
        raise InputError(f"model {model!r} has no published weights: it is trained")
    found = tensors(weights, verified(weights, data_root(root)))
    net = build(model, shape=shape, classes=weights.classes)
    try:
        net.load_state_dict({**of_preparation(net), **found})
    except RuntimeError as err:
        reason = " ".join(str(err).split())
        raise InputError(f"{path_of(weights, data_root(root))} does not hold {model!r} ({reason})") from err
    net = net.to(device).to(memory_format=torch.channels_last)
    origin = {"source": weights.source, "sha256": weights.sha256, "modified": False}
    return Trained(model=net.eval(), checkpoint=weights.file, origin=origin)


def untrained(
    model: str, *, shape: tuple[int, int, int], classes: int, width: float, seed: int, device: torch.device
) -> Trained:
    """A network of the catalogue as it is drawn, to start an encoder from scratch."""
    torch.manual_seed(seed)
    net = build(model, shape=shape, classes=classes, width=width).to(device).eval()
    return Trained(model=net, checkpoint=f"untrained-{model}-{width:g}-s{seed}")


def of_preparation(net: nn.Module) -> dict[str, Tensor]:
    """What a network keeps of the preparation of its pixels, which no file of weights holds."""
    return {name: tensor for name, tensor in net.state_dict().items() if name.startswith("prepare.")}


def begin_at(net: nn.Module, other: nn.Module) -> None:
    """Give ``net`` the weights of ``other``, in place; what has no counterpart of its shape there stays as drawn.

    For two classifiers of one architecture that is all but the last layer, where their classes differ.
    """
    own = net.state_dict()
    taken = {k: t for k, t in other.state_dict().items() if k in own and own[k].shape == t.shape}
    net.load_state_dict({**own, **taken})


def fit(
    net: nn.Module, data: Splits, recipe: Recipe, seed: int, partial: Path, objective: str = "classify",
    defence: Plain = PLAIN,
) -> Note:  # fmt: skip
    """Train ``net`` in place down the loss of the objective, cross-entropy for a classifier; see :class:`Fitting`."""
    return run(Fitting(net, data, recipe, OBJECTIVES[objective], defence), seed, partial)


class Fitting(Training):
    """Training on the images as they are, or as a defence changes them.

    ::

        for a random batch (x, y):  x, t <- perturb(augment(x / 255), y)
                                    step down the gradient of L(net(x), x, t)

    with L the loss of the objective; a defence perturbs images, or labels too, and by default nothing is perturbed.
    """

    def __init__(self, net: nn.Module, data: Splits, recipe: Recipe, objective: Objective, defence: Plain) -> None:
        optimizer = OPTIMISERS[recipe.optimizer](defence.weights(net), recipe)
        device = next(net.parameters()).device
        self.x, self.y = (part[: recipe.images].to(device) for part in (data.x_train, data.y_train))
        super().__init__(net, recipe, len(self.x), {"net": optimizer})
        self.data, self.objective, self.defence = data, objective, defence

    def step(self, chosen: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One step down the mean loss of a batch; sums of losses and scores."""
        x, y = augment(self.x[chosen].float() / 255, self.recipe.augment, generator), self.y[chosen]
        with autocast(x.device, self.recipe.precision):
            x, target = self.defence.perturbed(self.net, x, y, generator)
        x = x.to(memory_format=torch.channels_last)
        with autocast(x.device, self.recipe.precision):
            outputs = self.defence.classifier(self.net, y)(x)
            loss = self.objective.loss(outputs, x, target)
        descend(self.optimizers["net"], loss)
        score = self.objective.score(outputs.detach(), x, y)
        return {"loss": loss.detach() * len(chosen), "accuracy": score.sum()}

    def followed(self) -> dict[str, float]:
        """What the defence watches."""
        return self.defence.watched(self.net, self.data)
