"""The names of what the methods of single papers can be told to do."""

from __future__ import annotations

from inputgrad.ground.checks import InputError

MODES = ("accumulate", "reset", "fresh", "discard", "noise")
REDUCTIONS = ("sum", "mean")
"""What becomes of the moves of `smooth`, and of which loss; explained in ``hardening.Update``."""

BASELINES = ("FGSM training", "gradient penalty")
"""What they are compared with; explained in ``baselines.Baseline``."""

TAKES = ("raw", "max1", "sign")
"""How a network is given a gradient: as it is, divided by its own largest value, or only its sign."""

PROBLEMS = ("enhance", "attack")
GAME_LOSSES = ("ls", "lr")
L2 = ("mean_square", "norm")
D_TRAIN = ("head", "full")
G_TRAIN = ("full", "decoder")
OBJECTIVES = ("game", "direct")
DISCRIMINATORS = ("blind", "told", "random")
"""The choices of a game's rules, explained in ``game.Rules``; the first is the default."""

BODIES = ("classifier_full", "encoder_head")
"""Whose features a discriminator starts from, and what of it learns."""


def outside(what: str, value: float) -> None:
    """Refuse a rate outside the paper's range.

    Raises:
        InputError: it is not in [-1, 1].
    """
    if not -1 <= value <= 1:
        raise InputError(f"{what} {value!r} is outside the paper's [-1, 1]: confirm it with beyond=true")
