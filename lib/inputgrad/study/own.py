"""What is run on a network of the reader's own, and is no part of the study: nothing of it is declared or recorded."""

from __future__ import annotations

from inputgrad.catalogue.recipe import Recipe

from .schema import Exhibit, Grid
from .selfgrad import EPS, UNDER_ATTACK

AS_GIVEN = "as given"
"""What the row of a network is called that is audited as it comes: no defence is trained into it."""

SHOWN = Recipe(epochs=6, images=1200)
"""How the network is trained that is audited where the reader names none: LeNet-5, in seconds."""


def grid(images: int) -> Grid:
    """LeNet-5 on the embedded digits: an illustration."""
    return Grid(("digits28",), ("lenet5",), (0,), images, {"lenet5": SHOWN})


AUDIT = Exhibit(
    name="audit",
    title="A network of your own under every attack",
    reproduces="no paper: what a network of the reader's own withstands",
    compute="inputgrad.trials.own:audit",
    takes_own=True,
    version=2,
    grids={"smoke": grid(16), "quick": grid(100), "paper": grid(1000)},
    parameters=(
        EPS,
        *UNDER_ATTACK,
    ),
)

EXHIBITS = (AUDIT,)
