"""Snakemake, one at a time in this checkout: ``python workflow/alone.py ARGUMENTS``, in place of ``snakemake``.

Snakemake's own lock outlives a process that is killed. Here a file is locked by the system, which unlocks it when the
process ends, however that ends. Who has it may remove what a killed one left: Snakemake's lock, and processes that
still compute for it.
"""

import fcntl
import os
import sys
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".snakemake"
MARK = "INPUTGRAD_WORKFLOW"
"""Names the checkout in the environment of all processes that Snakemake starts."""

BUSY = 75
"""Exit status where another Snakemake is at work: EX_TEMPFAIL."""


def main(arguments):
    """Become Snakemake, once it is alone."""
    FOLDER.mkdir(exist_ok=True)
    held = os.open(FOLDER / "alone.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        busy(os.read(held, 20).decode())
    except OSError as err:
        sys.exit(f"{FOLDER} cannot be locked ({err.strerror}): put the checkout on another file system")
    os.truncate(held, 0)
    os.write(held, str(os.getpid()).encode())
    left, others = at_work()
    if others:
        busy(others[0].pid)
    end(left)
    for lock in (FOLDER / "locks").glob("*"):
        lock.unlink()
    os.set_inheritable(held, True)
    snakemake = str(Path(sys.executable).with_name("snakemake"))
    os.execve(snakemake, [snakemake, *arguments], {**os.environ, MARK: str(ROOT)})


def busy(process):
    """Say who is at work."""
    print(
        f"process {process} is at work in {ROOT}: wait until it ends, or stop it with kill {process}", file=sys.stderr
    )
    sys.exit(BUSY)


def at_work():
    """Processes that were started for a Snakemake of this checkout; and Snakemakes that were called by hand."""
    me = psutil.Process()
    marked, called = [], []
    for process in set(psutil.process_iter()) - {me, *me.parents()}:
        try:
            if process.environ().get(MARK) == str(ROOT):
                marked.append(process)
            elif process.cwd() == str(ROOT) and any(Path(word).name == "snakemake" for word in process.cmdline()[:2]):
                called.append(process)
        except psutil.Error:  # it has ended, or is somebody else's
            continue
    return marked, called


def end(processes):
    """End them, gently and then for sure."""
    for process in processes:
        process.terminate()
    _, still = psutil.wait_procs(processes, timeout=5)
    for process in still:
        process.kill()


if __name__ == "__main__":
    main(sys.argv[1:])
