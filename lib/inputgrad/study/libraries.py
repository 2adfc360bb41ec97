"""The parameters for attacks of other libraries, which no exhibit runs unless it is asked to."""

from __future__ import annotations

from functools import partial

from inputgrad.catalogue.peers import PEERS
from inputgrad.ground import checks

from .parameters import several
from .schema import Parameter

GRADIENTS = 100
"""That each attack has, an image, where the reader gives no number."""


def names(value: object) -> list[str]:
    """Names of libraries, or none."""
    return [] if value == [] else several("libraries", tuple(PEERS), value)


LIBRARIES = (
    Parameter("libraries", [], f"list of other libraries whose attacks to run beside: {', '.join(PEERS)}", names,
              opt_in=True),
    Parameter("gradients", GRADIENTS, "gradients an image that each of their attacks has, and ours beside",
              partial(checks.whole, "gradients", least=2), opt_in=True),
)  # fmt: skip
