"""One small trial in the folder named, with a partial checkpoint after every epoch: what test_soak kills.

Each write takes ``SLOWLY`` seconds longer before it is whole, so that many kills come in the middle of one.
"""

import os
import sys
import time
from pathlib import Path

from inputgrad.compute.training import checkpoints, loop
from inputgrad.ground import files
from inputgrad.record import results
from inputgrad.trials import runner

SMALL = {"datasets": ["digits28"], "models": ["alexnet"], "images": 20, "recipe": {"epochs": 12, "width": 0.25},
         "eps": ["0.1"], "pgd_images": 4, "device": "cpu"}  # fmt: skip

SLOWLY = 0.3


def synced_slowly(descriptor, synced=os.fsync):
    time.sleep(SLOWLY)
    synced(descriptor)


if __name__ == "__main__":
    os.fsync = synced_slowly
    folder = Path(sys.argv[1])
    results.SCRATCH, checkpoints.CHECKPOINTS = folder / "scratch", folder / "checkpoints"
    loop.PARTIAL_EVERY, files.JUST_MADE = 0.0, 0.0
    print("begins", flush=True)
    (found,) = runner.run("sign/adversarial", **SMALL).results
    print(found.path, flush=True)
