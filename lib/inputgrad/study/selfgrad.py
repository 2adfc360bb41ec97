"""`selfgrad`: a network that reads its own input gradient before it decides."""

from .schema import Paper

PAPER = Paper(
    key="selfgrad",
    citation="aboutalebi2020selfgradient",
    title="Self-Gradient Networks",
    authors="Aboutalebi, Shafiee, Wong",
    question="Does a network that adds a function of its own input gradient to its input become robust, "
    "or only look so?",
)
