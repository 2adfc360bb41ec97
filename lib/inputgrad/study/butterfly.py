"""`butterfly`: a generator of small perturbations that raise or lower a frozen classifier's accuracy."""

from .schema import Paper

PAPER = Paper(
    key="butterfly",
    citation="yoo2018butterfly",
    title="Butterfly Effect: Bidirectional Control of Classification Performance by Small Additive Perturbation",
    authors="Yoo, Park, Choi, Yun, Kwak",
    question="Can a generator of small perturbations raise the accuracy of a classifier it may not change, "
    "as well as lower it?",
)
