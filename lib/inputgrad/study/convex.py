"""`convex`: adversarial examples as the solutions of linearised programmes under a norm bound."""

from .schema import Paper

PAPER = Paper(
    key="convex",
    citation="balda2018convex",
    title="On Generation of Adversarial Examples using Convex Programming",
    authors="Balda, Behboodi, Mathar",
    question="Are adversarial examples the closed-form solutions of a linearised margin under a norm bound, "
    "and do these beat FastGrad and DeepFool?",
)
