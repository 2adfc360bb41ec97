"""The game of `butterfly`: a generator of perturbations against a frozen classifier [butterfly, Sec. 3]."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue.choices import D_TRAIN, DISCRIMINATORS, G_TRAIN, GAME_LOSSES, L2, OBJECTIVES, PROBLEMS
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.gradients import Classifier, frozen, rivals_alone
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import UNIT, into, norm
from inputgrad.compute.training.checkpoints import Note
from inputgrad.compute.training.loop import Training, run
from inputgrad.compute.training.steps import OPTIMISERS, augment, autocast, descend
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError

from .generator import Discriminator, Generator

BATCH = 250
HELD = 1000
"""On how many of the game's first images, and of the last test images, the accuracy is followed epoch by epoch."""


@dataclass(frozen=True)
class Rules:
    r"""What is played for.

    Attributes:
        problem: ``"enhance"`` rewards right decisions of the target [butterfly, Eq. 4], ``"attack"`` wrong ones
            [butterfly, Eq. 10].
        loss: ``"ls"``, least squares [butterfly, Eq. 7, 8], or ``"lr"``, logistic [butterfly, Eq. 25, 26].
        gamma: :math:`\gamma`, weight of the intensity of v in the generator's loss [butterfly, Eq. 9].
        l2: that intensity: ``"mean_square"`` of v over all values, or the mean over the images of its l2 ``"norm"``.
        d_train: what of the discriminator learns, ``"head"`` or ``"full"``.
        g_train: what of the generator learns: ``"full"``, or its ``"decoder"``, the encoder staying as it is.
        d_lr: peak learning rate of the discriminator; the recipe's is the generator's.
        limit: largest absolute value of v, in units of ``x``; ``None``, as in the paper, for no limit.
        clip: clip ``x + v`` to [0, 1]; the paper does not say so.
        known: the discriminator has the target's features; else those of another network, and the target is only ever
            asked for its decision.
        objective: ``"game"``; or ``"direct"``, beyond the paper, which has no discriminator: the generator goes down
            the target's own :func:`distance_to_goal`.
        discriminator: ``"blind"``, which sees the perturbed image and nothing else [butterfly, Eq. 3]. Beyond the
            paper: ``"told"``, which is told the image's class, too; or, as a control of that, ``"random"``, which is
            told a class drawn anew for each image in every round.

    Raises:
        InputError: an unknown name, a number below 0, or a direct objective on an unknown target.
    """

    problem: str = PROBLEMS[0]
    loss: str = GAME_LOSSES[0]
    gamma: float = 1e-4
    l2: str = L2[0]
    d_train: str = D_TRAIN[0]
    g_train: str = G_TRAIN[0]
    d_lr: float = 1e-3
    limit: float | None = None
    clip: bool = False
    known: bool = True
    objective: str = OBJECTIVES[0]
    discriminator: str = DISCRIMINATORS[0]

    def __post_init__(self) -> None:
        allowed = {"problem": PROBLEMS, "loss": GAME_LOSSES, "l2": L2, "d_train": D_TRAIN, "g_train": G_TRAIN,
                   "objective": OBJECTIVES, "discriminator": DISCRIMINATORS}  # fmt: skip
        for name, names in allowed.items():
            checks.one_of(name, getattr(self, name), names)
        for name in ("gamma", "d_lr") if self.limit is None else ("gamma", "d_lr", "limit"):
            object.__setattr__(self, name, checks.number(name, getattr(self, name)))
        checks.truth("clip", self.clip)
        if not checks.truth("known", self.known) and self.objective == "direct":
            raise InputError("objective 'direct' needs known=True: it takes gradients through the target")

    def applied(self, x: Tensor, v: Tensor) -> Tensor:
        r""":math:`\tilde x = x + v` [butterfly, Eq. 1]."""
        return into(x + v, UNIT if self.clip else None)


# The losses. The discriminator gives logits z, and d = sigmoid(z).


def rewards(target: Classifier, x_tilde: Tensor, y: Tensor, problem: str) -> Tensor:
    """t, ``(B,)``: 1 where the target decides as the game wants, else 0 [butterfly, Eq. 4 and 10].

    Asks the target for nothing but its decision.
    """
    right = correct(predict(target, x_tilde.detach()), y)
    return (right if problem == "enhance" else ~right).float()


def discriminator_loss(z: Tensor, t: Tensor, kind: str) -> Tensor:
    r"""How badly d tells good images (t = 1) from bad ones (t = 0).

    ``"ls"``: :math:`\frac1n \sum_i (d_i - t_i)^2` [butterfly, Eq. 7]. ``"lr"``:
    :math:`-\frac1n \sum_i t_i \log d_i + (1 - t_i) \log(1 - d_i)` [butterfly, Eq. 25].

    Args:
        z: logits, ``(B,)``.
        t: in {0, 1}, ``(B,)``.
        kind: ``"ls"`` or ``"lr"``.
    """
    if kind == "ls":
        return (z.sigmoid() - t).square().mean()
    return F.binary_cross_entropy_with_logits(z, t)


def generator_loss(z: Tensor, kind: str) -> Tensor:
    r"""The discriminator's loss if every image were good.

    ``"ls"``: :math:`\frac1n \sum_i (d_i - 1)^2` [butterfly, Eq. 8]. ``"lr"``: :math:`-\frac1n \sum_i \log d_i`
    [butterfly, Eq. 26].
    """
    return discriminator_loss(z, torch.ones_like(z), kind)


def penalty(v: Tensor, kind: str) -> Tensor:
    """The intensity of a batch of perturbations, as :class:`Rules` explains it [butterfly, Eq. 9]."""
    return v.square().mean() if kind == "mean_square" else norm(v, 2).mean()


def optimal_generator_loss(good: Tensor, bad: Tensor) -> Tensor:
    r""":math:`L_G(D^*) = \sum p_b^2 / (p_g + p_b)`, smallest where nothing is bad [butterfly, Eq. 21].

    It is the loss against :math:`D^* = p_g / (p_g + p_b)`, which minimises the least squares loss [butterfly, Eq. 15].

    Args:
        good: :math:`p_g`, how much of each image's probability goes with t = 1, shaped as one likes.
        bad: :math:`p_b`, with t = 0.
    """
    return (bad.square() / (good + bad)).sum()


# The game


@dataclass(frozen=True)
class Game:
    """Who plays, and by which rules. The generator and the discriminator move; the target is asked."""

    generator: Generator
    discriminator: Discriminator
    target: Classifier
    rules: Rules

    @property
    def moving(self) -> nn.ModuleDict:
        """What learns, and therefore is kept."""
        judging = self.discriminator if self.rules.d_train == "full" else self.discriminator.head
        return nn.ModuleDict({"generator": self.generator, "discriminator": judging})


@dataclass(frozen=True)
class Images:
    """uint8 images ``(N, C, H, W)`` with labels ``(N,)``: those that the game is played on, and some held out."""

    x: Tensor
    y: Tensor
    x_held: Tensor
    y_held: Tensor


def play_batch(
    game: Game, optimizers: Mapping[str, torch.optim.Optimizer], x: Tensor, y: Tensor, precision: str = "fp32",
    h: Tensor | None = None, said: Tensor | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """One round: v = G(x); t; a step of D; D again; a step of G [butterfly, Sec. 3.4].

    Args:
        game: the players; the target is in evaluation mode.
        optimizers: of ``"generator"`` and ``"discriminator"``.
        x: images in [0, 1], ``(B, C, H, W)``.
        y: labels, ``(B,)``.
        precision: ``"fp32"`` or ``"bf16"``, as in a recipe.
        h: the encoder's feature maps of these images, where they are known.
        said: the classes that the discriminator is told, ``(B,)``; ``None`` for the images' own.

    Returns:
        Detached means over the batch: ``g_loss`` (with the penalty), ``penalty`` (without gamma), ``good`` (t), and
        in a game ``d_loss`` and ``d_accuracy`` (how often d > 1/2 says t), both before its step.
    """
    rules, found = game.rules, {}
    said = y if said is None else said
    with autocast(x.device, precision):
        v = game.generator(x) if h is None else game.generator.decoded(h)
        x_tilde = rules.applied(x, v)
        t = rewards(game.target, x_tilde, y, rules.problem)
    if rules.objective == "game":
        with autocast(x.device, precision):  # its own, which keeps no weights from before the step
            z = game.discriminator(x_tilde.detach(), said)
        found["d_loss"] = discriminator_loss(z.float(), t, rules.loss)
        found["d_accuracy"] = ((z > 0) == t.bool()).float().mean()
        descend(optimizers["discriminator"], found["d_loss"])
    with autocast(x.device, precision):
        wanted = wish(game, x_tilde, y, said)
    found["penalty"] = penalty(v.float(), rules.l2)
    found["g_loss"] = wanted + rules.gamma * found["penalty"]
    descend(optimizers["generator"], found["g_loss"])
    return {name: value.detach() for name, value in {**found, "good": t.mean()}.items()}


def wish(game: Game, x_tilde: Tensor, y: Tensor, said: Tensor) -> Tensor:
    """The generator's loss without the penalty; its gradient goes through the other network and leaves it alone."""
    if game.rules.objective == "game":
        with frozen(game.discriminator):
            return generator_loss(game.discriminator(x_tilde, said).float(), game.rules.loss)
    with frozen(game.target):
        return distance_to_goal(game.target(x_tilde).float(), y, game.rules.problem)


def distance_to_goal(logits: Tensor, y: Tensor, problem: str) -> Tensor:
    r"""How far a classifier is from deciding as the game wants; at least 0, as the losses of the game are.

    With p the softmax probability of the true class: the mean of :math:`-\log p` to enhance (cross-entropy), of
    :math:`-\log(1 - p)` to attack.

    Args:
        logits: ``(B, C)``.
        y: labels, ``(B,)``.
        problem: ``"enhance"`` or ``"attack"``.
    """
    if problem == "enhance":
        return F.cross_entropy(logits, y)
    return (logits.logsumexp(1) - rivals_alone(logits, y).logsumexp(1)).mean()


def play(game: Game, images: Images, recipe: Recipe, seed: int, partial: Path) -> Note:
    """Play in place; see :class:`Playing`.

    Args:
        game: the players, on their device.
        images: uint8.
        recipe: ``lr``, of the generator, ``batch``, ``epochs``, ``schedule``, ``augment`` and ``precision``.
        seed: of order and augmentation.
        partial: the file of an unfinished game.

    Returns:
        The note: ``seconds``, and ``history`` with the means of :func:`play_batch` over each epoch and, after it, with
        :func:`fared` on the game's first :data:`HELD` images and ``held_accuracy``.

    Raises:
        InputError: a game of one image, or a damaged ``partial``.
        TrainingDiverged: a loss became NaN or infinite.
    """
    return run(Playing(game, images, recipe), seed, partial)


class Playing(Training):
    """The game as a training.

    ::

        for a random batch (x, y):  play_batch
        after each epoch:           how the target fares on G(x) + x, of the game's first images and of those held out

    The target is put into evaluation mode and stays there. An encoder that does not learn sees each image once, unless
    the images change from epoch to epoch.
    """

    def __init__(self, game: Game, images: Images, recipe: Recipe) -> None:
        recipes = {"generator": recipe, "discriminator": replace(recipe, lr=game.rules.d_lr)}
        optimizers = {
            name: OPTIMISERS[own.optimizer](getattr(game, name).parameters(), own) for name, own in recipes.items()
        }
        super().__init__(game.moving, recipe, len(images.x), optimizers)
        device = next(game.generator.parameters()).device
        if isinstance(game.target, nn.Module):
            game.target.eval()
        self.game, self.x, self.y = game, images.x.to(device), images.y.to(device)
        self.x_held, self.y_held = images.x_held.to(device), images.y_held.to(device)
        fixed = not game.generator.learns and recipe.augment == "none"
        self.h, self.h_held = (outputs(game.generator.encoder, x) if fixed else None for x in (self.x, self.x_held))
        self.before = decisions(game.target, self.x[:HELD], self.y[:HELD])[0]

    def step(self, chosen: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """One round; sums of what :func:`play_batch` gives."""
        x = augment(pixels(self.x[chosen]), self.recipe.augment, generator)
        h, y = None if self.h is None else self.h[chosen], self.y[chosen]
        found = play_batch(self.game, self.optimizers, x, y, self.recipe.precision, h, self.said(y, generator))
        return {name: value * len(chosen) for name, value in found.items()}

    def said(self, y: Tensor, generator: torch.Generator) -> Tensor:
        """The classes that the discriminator is told of images of the classes ``y``, ``(B,)``."""
        if self.game.rules.discriminator != "random":
            return y
        return torch.randint(self.game.discriminator.head.out_features, y.shape, generator=generator).to(y)

    def followed(self) -> dict[str, float]:
        """How the target fares."""
        found = fared(self.game, self.x[:HELD], self.y[:HELD], self.before, self.h)
        if len(self.x_held):
            found["held_accuracy"] = fared(self.game, self.x_held, self.y_held, h=self.h_held)["accuracy"]
        return found


# What came out


def pixels(x: Tensor) -> Tensor:
    """Images in [0, 1]: uint8 ones divided by 255, others as they are."""
    return x if x.is_floating_point() else x.float() / 255


def perturbations(generator: nn.Module, x: Tensor) -> Tensor:
    """v = G(x) in evaluation mode, without a graph, batch by batch; shaped like ``x``, which is uint8 or in [0, 1]."""
    return outputs(generator.eval(), x)


def outputs(net: Classifier, x: Tensor) -> Tensor:
    """What a network makes of images, uint8 or in [0, 1], without a graph, batch by batch; ``(N, ...)``."""
    return predict(lambda part: net(pixels(part)), x, BATCH)


def judged(logits: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Which images are classified right, and the softmax probability of the true class, ``(N,)`` each."""
    return correct(logits, y), logits.softmax(1).gather(1, y[:, None])[:, 0]


def decisions(target: Classifier, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """As :func:`judged`, of a target and images, uint8 or in [0, 1]."""
    return judged(outputs(target, x), y)


def fared(game: Game, x: Tensor, y: Tensor, before: Tensor | None = None, h: Tensor | None = None) -> dict[str, float]:
    """How the target fares on perturbed images, the generator being in evaluation mode.

    Args:
        game: the players, on the device of the images.
        x: images, uint8 or in [0, 1], ``(N, C, H, W)``.
        y: labels, ``(N,)``.
        before: which of them it classified right without a perturbation, ``(N,)`` bool; ``None`` leaves the flips out.
        h: the encoder's feature maps of these images, and maybe of more behind them, where they are known.

    Returns:
        ``accuracy``; ``p_true``, the mean softmax probability of the true class; ``l2`` and ``mean_square``, the mean
        over the images of the l2 norm and of the mean square of v; and counts of flips, ``gained`` (false to correct)
        and ``lost`` (correct to false).
    """
    generator = game.generator.eval()
    rows = []
    for i in range(0, len(x), BATCH):
        part, labels = x[i : i + BATCH], y[i : i + BATCH]
        v = outputs(generator, part) if h is None else predict(generator.decoded, h[i : i + len(part)])
        right, p = decisions(game.target, game.rules.applied(pixels(part), v), labels)
        rows.append(torch.stack([right, p, norm(v, 2), v.flatten(1).square().mean(1)]))
    right, p, l2, mean_square = torch.cat(rows, 1)
    found = {"accuracy": right, "p_true": p, "l2": l2, "mean_square": mean_square}
    means = {name: value.mean().item() for name, value in found.items()}
    if before is None:
        return means
    right = right.bool()
    return {**means, "gained": int((right & ~before).sum()), "lost": int((~right & before).sum())}
