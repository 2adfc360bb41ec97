"""Input Gradients, Reproduced: five papers on the gradient of a network's loss with respect to its input.

Importing this package imports no torch; torch starts when something has to be computed.
"""

from inputgrad.trials.runner import Run, run

__all__ = ["Run", "run"]
