"""From a declaration of `butterfly` to its generator: the game is played once, and kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import nn

from inputgrad.catalogue.recipe import CROPS, Recipe
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import Classifier, scores
from inputgrad.compute.training.checkpoints import kept
from inputgrad.compute.training.networks import Trained
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError

from .game import HELD, Game, Images, Rules, pixels, play
from .generator import WIDTHS, Discriminator, Generator, feature_map, features

VERSION = 2
"""Raised whenever the game changes what generator comes out; a checkpoint of another version is not used."""


@dataclass(frozen=True, kw_only=True)
class Played(Trained):
    """A generator (``model``) in evaluation mode, and the discriminator it was trained with."""

    discriminator: Discriminator


def played(
    data: Splits, target: Trained, encoder: Trained, rules: Rules, recipe: Recipe, seed: int, device: torch.device, *,
    judge: Trained | None = None, first: int = 0, widths: tuple[int, ...] = WIDTHS,
) -> Played:  # fmt: skip
    """The generator of this declaration: from its checkpoint when there is one, else trained now and saved.

    Args:
        data: where the images are from.
        target: the classifier that is enhanced or attacked; it comes out as it went in, in evaluation mode.
        encoder: the network whose features the generator starts from (a copy).
        rules: of the game.
        recipe: of the game; its ``images``, ``None`` for all, are counted from ``first``.
        seed: of the decoder's and the discriminator's first weights, and of the batches.
        device: where to play.
        judge: the network whose features (a copy) the discriminator has where the rules say that the target is unknown.
        first: index of the first training image the game is played on; the target may have been trained on those
            before.
        widths: of the decoder's blocks.

    Raises:
        InputError: a target whose classes differ from the data's, a judge where there should be none or none where
            there should be one, an augmentation of `smooth`, an image size that the encoder cannot take, no images, or
            a damaged checkpoint.
        TrainingDiverged: a loss became NaN or infinite.
    """
    checks.one_of("recipe augment", recipe.augment, CROPS)
    check_classes(target.model, data, device)
    if rules.known != (judge is None):
        does = "takes no judge" if rules.known else "needs a judge"
        raise InputError(
            f"known={rules.known} {does}, the network whose features the discriminator has in place of the target's"
        )
    images = chosen_images(data, first, recipe.images)
    declared = {
        "rules": asdict(rules), "recipe": asdict(recipe), "seed": seed, "dataset": data.name, "digest": data.digest,
        "order": data.order, "shape": list(data.shape), "first": first, "widths": list(widths),
        "networks": [network and network.checkpoint for network in (target, encoder, judge)], "version": VERSION,
    }  # fmt: skip
    torch.manual_seed(seed)
    game = drawn(target.model, encoder.model, rules, data, widths=widths, judge=judge.model if judge else None)
    for part in (game.generator, game.discriminator):
        part.to(device).to(memory_format=torch.channels_last)
    name, _, note = kept(
        f"{data.name}-{rules.problem}-s{seed}", declared, game.moving,
        lambda partial: ({}, play(game, images, recipe, seed, partial)),
    )  # fmt: skip
    return Played(
        model=game.generator.eval(), discriminator=game.discriminator.eval(), checkpoint=name, origin=note["origin"],
        history=note["history"], seconds=note["seconds"], images_seen=recipe.epochs * len(images.x),
    )  # fmt: skip


def drawn(
    target: nn.Module, encoder: nn.Module, rules: Rules, data: Splits, *, widths: tuple[int, ...] = WIDTHS,
    judge: nn.Module | None = None,
) -> Game:  # fmt: skip
    """A game before its first round: what is new of generator and discriminator is drawn at random.

    The arguments are those of :func:`played`, but networks alone.

    Raises:
        InputError: an image size that the encoder or the judge cannot take.
    """
    generator = Generator(features(encoder), data.shape, widths, rules.limit, rules.g_train)
    body = features(judge or target)
    if (found := feature_map(body, data.shape)) is None:
        raise InputError(f"the judge cannot take images of {'x'.join(map(str, data.shape))}: choose another network")
    classes = None if rules.discriminator == "blind" else data.classes
    return Game(generator, Discriminator(body, found[0], rules.d_train, classes), target, rules)


def check_classes(target: Classifier, data: Splits, device: torch.device) -> None:
    """Raise ``InputError`` when the classes of the target are not those of the data."""
    if isinstance(target, nn.Module):
        target.eval()
    with torch.no_grad():
        found = scores(target, pixels(data.x_test[:1]).to(device)).shape[1]
    if found != data.classes:
        raise InputError(
            f"the target tells {found} classes apart, but {data.name} has {data.classes}: take a classifier of "
            f"{data.name}"
        )


def chosen_images(data: Splits, first: int, images: int | None) -> Images:
    """The training images the game is played on, and the last test images, which are held out."""
    checks.whole("first", first, most=len(data.x_train) - 2)
    last = len(data.x_train) if images is None else first + images
    return Images(data.x_train[first:last], data.y_train[first:last], data.x_test[-HELD:], data.y_test[-HELD:])
