"""`smooth`: training images that drift up the loss gradient, epoch by epoch."""

from .schema import Paper

PAPER = Paper(
    key="smooth",
    citation="mosca2018smooth",
    title="Hardening against adversarial examples with the smooth gradient method",
    authors="Mosca, Magoulas",
    question="Does a training set that drifts up its own loss gradient, without the sign, harden the network "
    "that learns from it?",
)
