"""The Smooth Gradient Method: training images that drift along their own loss gradient [smooth, Sec. 4]."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue.choices import MODES, REDUCTIONS, outside
from inputgrad.catalogue.models import MODELS
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.metrics import correct
from inputgrad.compute.models import build
from inputgrad.compute.norms import norm, per_image, unit
from inputgrad.compute.training.checkpoints import kept, load_optimizer, optimizer_tensors, restore, save
from inputgrad.compute.training.networks import Trained
from inputgrad.compute.training.steps import OPTIMISERS, autocast, set_lr, stop_if_diverged
from inputgrad.ground import checks
from inputgrad.ground.progress import progress

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
class Prepared:
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
    """
    y = data.y_train
    if data.shape[0] == 1:
        first = len(y) - len(y) // 6
        train, valid = torch.arange(first), torch.arange(first, len(y))
    else:
        held = torch.cat([(y == label).nonzero()[:, 0][-(int((y == label).sum()) // 5) :] for label in y.unique()])
        mask = torch.zeros(len(y), dtype=torch.bool)
        mask[held] = True
        train, valid = (~mask).nonzero()[:, 0], mask.nonzero()[:, 0]
    return (train, valid) if images is None else (train[:images], valid[: max(1, images // 5)])


def prepared(data: Splits, images: int | None) -> Prepared:
    """The training and validation images, whitened where they have colours; the last ones asked for are kept."""
    asked = (data.order, images)
    if asked not in LAST:
        train, valid = split(data, images)
        x_train, x_valid = (data.x_train[part].float() / 255 for part in (train, valid))
        whitening = None
        if data.shape[0] != 1:
            whitening = Whitening.fit(x_train)
            x_train, x_valid = whitening(x_train), whitening(x_valid)
        LAST.clear()
        LAST[asked] = Prepared(x_train, data.y_train[train], x_valid, data.y_train[valid], whitening)
    return LAST[asked]


LAST: dict[tuple[str, int | None], Prepared] = {}


@dataclass(frozen=True)
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
        InputError: a damaged checkpoint, or one that cannot be written.
        TrainingDiverged: the loss became NaN or infinite.
    """
    declared = {
        "model": model, "recipe": asdict(recipe), "seed": seed, "dataset": data.name, "digest": data.digest,
        "order": data.order, "update": [update.rate, update.reduction, update.mode],
        "versions": [VERSION, MODELS[model].version],
    }  # fmt: skip
    checks.whole("recipe batch", recipe.batch, least=2)  # batch norm
    sets = prepared(data, recipe.images)
    torch.manual_seed(seed)
    net = build(model, shape=data.shape, classes=data.classes, width=recipe.width).to(device)
    net = net.to(memory_format=torch.channels_last)
    name, tensors, note = kept(
        f"{data.name}-{model}-s{seed}", declared, net, lambda partial: harden(net, sets, recipe, seed, update, partial)
    )
    speed = recipe.epochs * len(sets.x_train) / max(note["seconds"], 1e-9)
    return Hardened(
        net.eval(), note["history"], note["seconds"], speed, name, note["origin"], tensors["extra.drift"],
        sets.whitening,
    )  # fmt: skip


def harden(
    net: nn.Module, sets: Prepared, recipe: Recipe, seed: int, update: Update, partial: Path
) -> tuple[dict[str, Tensor], dict]:
    """Train ``net`` in place on images that move; resumes from ``partial`` when a killed run left one there.

    ::

        for epoch:  for a random batch i:  E = mean over i of L(net(augment(x_i)), y_i)
                                           step the weights down the gradient of E
                                           x_i <- x_i + rate * (gradient of the sum, or of the mean, to x_i)

    Both gradients come from one backward pass. The stored images, the optimiser and the best weights so far are part
    of the checkpoint, so that an interrupted run ends with the same weights as an unbroken one (bit for bit on a CPU).

    Returns:
        Tensors to keep beside the weights (``extra.drift``), and the note: history and seconds.
    """
    device = next(net.parameters()).device
    clean, y = sets.x_train.to(device), sets.y_train.to(device)
    stored = clean.clone() if update.keeps else clean
    away = random_direction(clean, seed) if update.mode == "noise" else None
    optimizer = OPTIMISERS[recipe.optimizer](net, recipe)
    note = {"history": [], "seconds": 0.0, "best": -1.0}
    best = {name: value.clone() for name, value in net.state_dict().items()}
    drifts: list[Tensor] = []
    if partial.is_file():
        tensors, note = restore(partial, net)
        load_optimizer(optimizer, tensors)
        stored = tensors["extra.stored"].to(device) if update.keeps else clean
        best = {name.removeprefix("extra.best."): t.to(device) for name, t in tensors.items() if "extra.best." in name}
        drifts = list(tensors["extra.drift"])
    batches = math.ceil(len(clean) / recipe.batch)
    bar = progress(total=recipe.epochs * batches, initial=len(note["history"]) * batches, desc=f"harden {partial.stem}")
    for epoch in range(len(note["history"]), recipe.epochs):
        start = time.perf_counter()
        loss = one_epoch(net, optimizer, stored, clean, y, recipe, update, away, epoch, seed, bar, partial.stem)
        note["seconds"] += time.perf_counter() - start
        right = accuracy(net, sets.x_valid, sets.y_valid)
        moved = norm(stored - clean, 2)
        note["history"].append(
            {"epoch": epoch + 1, "loss": loss, "valid_accuracy": right, "drift": moved.median().item()}
        )
        if right > note["best"]:
            note["best"], best = right, {name: value.clone() for name, value in net.state_dict().items()}
        if epoch < EPOCHS_KEPT:
            drifts.append((stored - clean)[:KEPT].cpu())
        if epoch + 1 < recipe.epochs:
            extra = {"extra.drift": torch.stack(drifts), **({"extra.stored": stored} if update.keeps else {})}
            extra |= {f"extra.best.{name}": value for name, value in best.items()}
            save(partial, {**net.state_dict(), **optimizer_tensors(optimizer), **extra}, note)
    bar.close()
    net.load_state_dict(best)
    return {"extra.drift": torch.stack(drifts)}, note


def one_epoch(
    net: nn.Module, optimizer: torch.optim.Optimizer, stored: Tensor, clean: Tensor, y: Tensor, recipe: Recipe,
    update: Update, away: Tensor | None, epoch: int, seed: int, bar, name: str,
) -> float:  # fmt: skip
    """One pass over the images, which move in place; the mean loss. ``name`` stands in errors."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    torch.manual_seed(1_000_003 * seed + epoch)  # dropout
    net.train()
    loss_sum = torch.zeros((), device=clean.device)
    order = torch.randperm(len(clean), generator=generator).to(clean.device).split(recipe.batch)
    parts = [part for part in order if len(part) > 1]  # batch norm needs two
    for step, chosen in enumerate(parts):
        set_lr(optimizer, recipe, (epoch + step / len(order)) / recipe.epochs)
        loss = one_batch(net, optimizer, stored, clean, y, chosen, recipe, update, generator, away)
        loss_sum += loss * len(chosen)
        if step % 100 == 99 or step == len(parts) - 1:
            stop_if_diverged(loss_sum, epoch, step, name, recipe)
        bar.update()
    return loss_sum.item() / len(clean)


def one_batch(
    net: nn.Module, optimizer: torch.optim.Optimizer, stored: Tensor, clean: Tensor, y: Tensor, chosen: Tensor,
    recipe: Recipe, update: Update, generator: torch.Generator, away: Tensor | None,
) -> Tensor:  # fmt: skip
    """One step of the weights, and one move of the batch's stored images; returns the detached mean loss.

    ``away`` is where images move that do not follow their gradient, unit vectors shaped like ``clean``.
    """
    x = stored[chosen]
    if update.mode == "fresh" and update.rate:
        x = x + update.rate * gradient_now(net, x, y[chosen], update.reduction)
    x = x.detach().requires_grad_(update.rate != 0)
    with autocast(x.device, recipe.precision):
        loss = F.cross_entropy(net(augment(x, augmentation(recipe, x), generator)), y[chosen])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if update.keeps:
        g = x.grad * len(chosen) if update.reduction == "sum" else x.grad
        start = clean[chosen] if update.mode == "reset" else x.detach()
        if away is not None:
            g = away[chosen] * per_image(norm(g, 2), g)
        stored[chosen] = start + update.rate * g
    return loss.detach()


def augmentation(recipe: Recipe, x: Tensor) -> str:
    """Which augmentation the recipe's ``"distort"`` is for these images."""
    if recipe.augment != "distort":
        return recipe.augment
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
