"""What is run on a network of the reader's own, and is no part of the study: nothing of it is declared or recorded."""

from __future__ import annotations

from functools import partial

from inputgrad.catalogue.recipe import Recipe

from .libraries import LIBRARIES
from .parameters import count, flag
from .schema import Exhibit, Grid, Parameter
from .selfgrad import EPS, in_pixels, queries

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
    version=1,
    grids={"smoke": grid(16), "quick": grid(100), "paper": grid(1000)},
    parameters=(
        EPS,
        count("restarts", 5, "random starts of PGD-100 with each of two losses"),
        count("samples", 16, "draws over which smoothed gradients are averaged"),
        Parameter("queries", None, "of the Square attack; None: 200 at smoke, 2000 at quick, 5000 at paper", queries),
        flag("autoattack", True, "also run AutoAttack: APGD on cross-entropy, then targeted"),
        Parameter("radii", ["1/255", "2/255", "4/255", "16/255", "32/255", "64/255"],
                  "list of radii at which PGD-20 must bring accuracy to zero", partial(in_pixels, what="radii")),
        *LIBRARIES,
    ),
)  # fmt: skip

EXHIBITS = (AUDIT,)
