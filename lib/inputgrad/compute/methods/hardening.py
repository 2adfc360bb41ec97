"""The Smooth Gradient Method: training images that drift along their own loss gradient [smooth, Sec. 4]."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue.choices import MODES, REDUCTIONS, outside
from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.recipe import DISTORTIONS, Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.metrics import correct
from inputgrad.compute.models import build
from inputgrad.compute.norms import norm, per_image, unit
from inputgrad.compute.training.checkpoints import EXTRA, Note, kept
from inputgrad.compute.training.loop import Training, run
from inputgrad.compute.training.networks import Trained
from inputgrad.compute.training.steps import OPTIMISERS, autocast, descend
from inputgrad.ground import checks

from .distortion import augment
from .whitening import Whitening

VERSION = 1
"""Raised whenever hardening changes what network comes out; a checkpoint of another version is not used."""

BATCH = 250
KEPT, EPOCHS_KEPT = 16, 9  # images whose drift is kept for figures, over the first epochs


@dataclass(frozen=True)
class Update:
    r"""How training images move: :math:`x_{t+1} = x_t + \bar\lambda\,\partial E_t / \partial x_t` [smooth, Eq. 15].

    Attributes:
        rate: :math:`\bar\lambda`, in [-1, 1]; positive goes up the loss, 0 is the control.
        reduction: the loss that is differentiated: ``"sum"``, each image's own, or ``"mean"`` over the batch, which is
            as many times smaller as the batch has images.
        mode: ``"accumulate"`` keeps moving the stored image; ``"reset"`` starts from the clean image each epoch;
            ``"fresh"`` trains on the clean image moved once, just before the step; ``"discard"`` computes the move
            and drops it; ``"noise"`` takes steps of the same lengths, for each image in one random direction, and so
            ends at least as far away as the same lengths of gradients could.
        beyond: allow a rate outside the paper's [-1, 1].

    Raises:
        InputError: a rate outside [-1, 1] that ``beyond`` does not allow, or an unknown name.
    """

    rate: float = 0.2
    reduction: str = "sum"
    mode: str = "accumulate"
    beyond: bool = False

    def __post_init__(self) -> None:
        if not self.beyond:
            outside("rate", self.rate)
        checks.one_of("reduction", self.reduction, REDUCTIONS)
        checks.one_of("mode", self.mode, MODES)

    @property
    def keeps(self) -> bool:
        """Does a second copy of the training images move?"""
        return self.rate != 0 and self.mode in ("accumulate", "reset", "noise")


CONTROL = Update(rate=0.0)


@dataclass(frozen=True)
class Sets:
    """A data set as the networks of `smooth` see it: float tensors ``(N, C, H, W)``, and how to show them.

    MNIST and other grey images are in [0, 1]; colour images are ZCA-whitened with the training images' statistics.
    """

    x_train: Tensor
    y_train: Tensor
    x_valid: Tensor
    y_valid: Tensor
    whitening: Whitening | None


def split(data: Splits, images: int | None) -> tuple[Tensor, Tensor]:
    """Indices of the training and validation images [smooth, Sec. 5.1].

    The last sixth of grey data sets (MNIST: 50,000 and 10,000), the last fifth of each class of colour ones (CIFAR:
    40,000 and 10,000). ``images`` takes a prefix of the training part, and a fifth as many of the other.

    Raises:
        InputError: the training part has fewer.
    """
    y = data.y_train
    if data.shape[0] == 1:
        first = len(y) - len(y) // 6
        train, valid = torch.arange(first), torch.arange(first, len(y))
    else:
        classes = [(y == label).nonzero()[:, 0] for label in y.unique()]
        held = torch.cat([found[len(found) - len(found) // 5 :] for found in classes])
        mask = torch.zeros(len(y), dtype=torch.bool)
        mask[held] = True
        train, valid = (~mask).nonzero()[:, 0], mask.nonzero()[:, 0]
    if images is None:
        return train, valid
    if images > len(train):
        raise checks.InputError(
            f"recipe images {images} is too large: {len(train)} of {data.name} are left to train on, the others are "
            "held out for validation"
        )
    return train[:images], valid[: max(1, images // 5)]


def prepared(data: Splits, images: int | None) -> Sets:
    """The training and validation images, whitened where they have colours; the last ones asked for are kept.

    Raises:
        InputError: there are too few to hold any out, or fewer to train on than asked for.
    """
    asked = (data.order, images)
    if asked not in LAST:
        train, valid = split(data, images)
        if not len(valid):
            least = "6 images" if data.shape[0] == 1 else "5 images of a class"
            raise checks.InputError(
                f"{data.name} has too few training images to hold any out for validation: give {least}"
            )
        x_train, x_valid = (data.x_train[part].float() / 255 for part in (train, valid))
        whitening = None
        if data.shape[0] != 1:
            whitening = Whitening.fit(x_train)
            x_train, x_valid = whitening(x_train), whitening(x_valid)
        LAST.clear()
        LAST[asked] = Sets(x_train, data.y_train[train], x_valid, data.y_train[valid], whitening)
    return LAST[asked]


LAST: dict[tuple[str, int | None], Sets] = {}
"""The prepared images asked for last, by the order of the data and how many."""


@dataclass(frozen=True, kw_only=True)
class Hardened(Trained):
    """A network in eval mode, trained on images that moved.

    Its ``history`` has the accuracy on the validation images and the median l2 drift of the training images.

    Attributes:
        drift: how far the first images had moved after each of the first epochs, ``(epochs, images, C, H, W)``.
        whitening: what the network's inputs are prepared with; ``None`` for images in [0, 1].
    """

    drift: Tensor
    whitening: Whitening | None


def control(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device) -> Hardened:
    """The network of the control runs: the same initialisation, batches and draws, and images that stay."""
    return hardened(data, model, recipe, seed, device, CONTROL)


def hardened(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device, update: Update) -> Hardened:
    """The network of one arm: from its checkpoint when there is one, else trained now and saved.

    Arms with the same seed are in lock-step: same initialisation, same batches, same draws of augmentation and
    dropout. The weights are those of the epoch with the fewest errors on the validation images.

    Raises:
        InputError: random crops as augmentation, a damaged checkpoint, or one that cannot be written.
        TrainingDiverged: the loss became NaN or infinite.
    """
    told = {"update": [update.rate, update.reduction, update.mode]}
    return learned(
        data, model, recipe, seed, device, told, lambda net, sets: Hardening(net, sets, recipe, seed, update)
    )


def learned(
    data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device, told: Mapping[str, Any],
    training: Callable[[nn.Module, Sets], Hardening],
) -> Hardened:  # fmt: skip
    """The network that one kind of ``training`` gives, as :func:`hardened`; ``told`` tells it from the other kinds."""
    checks.one_of("recipe augment", recipe.augment, DISTORTIONS)
    declared = {
        "model": model, "recipe": asdict(recipe), "seed": seed, "dataset": data.name, "digest": data.digest,
        "order": data.order, "versions": [VERSION, MODELS[model].version], **told,
    }  # fmt: skip
    sets = prepared(data, recipe.images)
    torch.manual_seed(seed)
    net = build(model, shape=data.shape, classes=data.classes, width=recipe.width)
    net = net.to(device).to(memory_format=torch.channels_last)
    name, tensors, note = kept(
        f"{data.name}-{model}-s{seed}", declared, net, lambda partial: harden(training(net, sets), seed, partial),
        beside=sets.x_train.nbytes + sum(t.nbytes for t in net.state_dict().values()),  # stored images, best weights
    )  # fmt: skip
    return Hardened(
        model=net.eval(), checkpoint=name, origin=note["origin"], history=note["history"], seconds=note["seconds"],
        images_seen=recipe.epochs * len(sets.x_train), drift=tensors[f"{EXTRA}drift"], whitening=sets.whitening,
    )  # fmt: skip


def harden(training: Hardening, seed: int, partial: Path) -> tuple[dict[str, Tensor], Note]:
    """Train a network in place, and leave it at its best weights; see :class:`Hardening`.

    Returns:
        Tensors to keep beside the weights (``extra.drift``), and the note: history and seconds.
    """
    note = run(training, seed, partial)
    training.net.load_state_dict(training.best)
    return {f"{EXTRA}drift": torch.stack(training.drifts)}, note


class Hardening(Training):
    """Training on images that move.

    ::

        for a random batch i:
            E = mean over i of L(net(augment(x_i)), y_i)
            step the weights down the gradient of E
            x_i <- x_i + rate * (gradient of the sum, or of the mean, to x_i)

    Both gradients come from one backward pass.

    Attributes:
        clean: the training images as they were.
        stored: the training images as they are now.
        away: where images move that do not follow their gradient, unit vectors; ``None`` where they do.
        drifts: how far the first images had moved after each of the first epochs.
        best: the weights of the epoch that did best on the validation images, and ``best_accuracy`` how well.
    """

    def __init__(self, net: nn.Module, sets: Sets, recipe: Recipe, seed: int, update: Update) -> None:
        optimizer = OPTIMISERS[recipe.optimizer](net.parameters(), recipe)
        super().__init__(net, recipe, len(sets.x_train), {"net": optimizer})
        self.sets, self.update, device = sets, update, next(net.parameters()).device
        self.clean, self.y = sets.x_train.to(device), sets.y_train.to(device)
        self.stored = self.clean.clone() if update.keeps else self.clean
        self.away = random_direction(self.clean, seed) if update.mode == "noise" else None
        self.drifts: list[Tensor] = []
        self.best, self.best_accuracy = copy_of(net), -1.0

    def step(self, chosen: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One step of the weights, and one move of the batch's stored images; the sum of their losses."""
        x, y, update = self.stored[chosen], self.y[chosen], self.update
        if update.mode == "fresh" and update.rate:
            x = x + update.rate * gradient_now(self.net, x, y, update.reduction)
        x = x.detach().requires_grad_(update.rate != 0)
        with autocast(x.device, self.recipe.precision):
            loss = F.cross_entropy(self.net(augment(x, augmentation(self.recipe, x), generator)), y)
        descend(self.optimizers["net"], loss)
        if update.keeps:
            self.move(chosen, x)
        return {"loss": loss.detach() * len(chosen)}

    def move(self, chosen: Tensor, x: Tensor) -> None:
        """Move the stored images of a batch by the gradient that ``x``, which they were, has of its mean loss."""
        update = self.update
        assert x.grad is not None
        g = x.grad * len(chosen) if update.reduction == "sum" else x.grad
        if self.away is not None:
            g = self.away[chosen] * per_image(norm(g, 2), g)
        start = self.clean[chosen] if update.mode == "reset" else x.detach()
        self.stored[chosen] = start + update.rate * g

    def followed(self) -> dict[str, float]:
        """The accuracy on the validation images, and the median drift; keeps the weights where they are the best."""
        right, moved = accuracy(self.net, self.sets.x_valid, self.sets.y_valid), self.stored - self.clean
        if right > self.best_accuracy:
            self.best, self.best_accuracy = copy_of(self.net), right
        if len(self.drifts) < EPOCHS_KEPT:
            self.drifts.append(moved[:KEPT].cpu())
        return {"valid_accuracy": right, "drift": norm(moved, 2).median().item()}

    def state(self) -> dict[str, Tensor]:
        """Where the images are, their first drifts, and the best weights so far."""
        best = {f"best.{name}": value for name, value in self.best.items()}
        share = torch.tensor(self.best_accuracy, dtype=torch.float64)
        moved = {"stored": self.stored} if self.update.keeps else {}
        return {"drift": torch.stack(self.drifts), "best_accuracy": share, **best, **moved}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of :meth:`state`."""
        self.drifts, self.best_accuracy = list(state["drift"]), state["best_accuracy"].item()
        self.best = {name: state[f"best.{name}"].to(value.device) for name, value in self.best.items()}
        if self.update.keeps:
            self.stored = state["stored"].to(self.clean.device)


def copy_of(net: nn.Module) -> dict[str, Tensor]:
    """A network's weights and statistics as they are now."""
    return {name: value.clone() for name, value in net.state_dict().items()}


def augmentation(recipe: Recipe, x: Tensor) -> str:
    """Which distortion the recipe's ``"distort"`` is for these images."""
    if recipe.augment == "none":
        return "none"
    return "elastic" if x.shape[1] == 1 else "affine"


def gradient_now(net: nn.Module, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """The input gradient of un-augmented images as the network stands: in evaluation mode, so that nothing is drawn."""
    net.eval()
    g = input_gradient(net, x, y)
    net.train()
    return g if reduction == "sum" else g / len(x)


def random_direction(like: Tensor, seed: int) -> Tensor:
    """One unit vector an image."""
    return unit(torch.randn(like.shape, generator=torch.Generator().manual_seed(2_000_003 * (seed + 1))).to(like))


def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    """The share of images classified right, in evaluation mode."""
    device = next(net.parameters()).device
    net.eval()
    with torch.no_grad():
        right = [correct(net(a.to(device)), b.to(device)) for a, b in zip(x.split(BATCH), y.split(BATCH), strict=True)]
    return torch.cat(right).float().mean().item()
