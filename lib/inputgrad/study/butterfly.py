"""`butterfly`: a generator of small perturbations that raise or lower a frozen classifier's accuracy."""

from .schema import Paper

PROBLEMS = ("enhance", "attack")
GAME_LOSSES = ("ls", "lr")
L2 = ("mean_square", "norm")
D_TRAIN = ("head", "full")
OBJECTIVES = ("game", "direct")
"""The choices of a game's rules, explained in ``inputgrad.game.Rules``; the first is the default."""

PAPER = Paper(
    key="butterfly",
    citation="yoo2018butterfly",
    title="Butterfly Effect: Bidirectional Control of Classification Performance by Small Additive Perturbation",
    authors="Yoo, Park, Choi, Yun, Kwak",
    question="Can a generator of small perturbations raise the accuracy of a classifier it may not change, "
    "as well as lower it?",
)
