"""Several of these at once, in one folder: trials that each take a moment, so that the others come while it lasts."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

from inputgrad.record import results
from inputgrad.trials import runner


def compute(trial, **options):
    """In place of a trial's own computing, which would load torch: a second, and a result without rows."""
    time.sleep(1)
    return SimpleNamespace(rows=[], arrays={}), {"declaration": asdict(trial)}


if __name__ == "__main__":
    results.SCRATCH = Path(sys.argv[1]) / "scratch"
    sys.modules["inputgrad.trials.job"] = SimpleNamespace(compute=compute)
    seeds = [int(seed) for seed in sys.argv[2:]]
    print(runner.run("sign/adversarial", datasets=["digits28"], models=["alexnet"], seeds=seeds).computed)
