"""Input Gradients, Reproduced: five papers on the gradient of a network's loss with respect to its input.

Importing this package imports no torch; torch starts when something has to be computed.
"""

from inputgrad.record.run import Run
from inputgrad.trials.runner import run

__all__ = ["Run", "run"]
