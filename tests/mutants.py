"""Which changes to the code no test notices: ``make mutants``, or ``python tests/mutants.py --only trials/sign``.

The changes are mutmut's (a number + 1, another operator, an argument left out, ...). Its own runner is not used: it
looks for no package in ``lib/``, starts with every test there is, and ends with the last mutant. Here a seed draws the
sample, a mutant meets only the test files that hold its module, and time is bounded. It meets them in a process forked
from one that has imported all the libraries, and is read in place of its file: nothing in the checkout is written.
"""

import argparse
import difflib
import os
import random
import signal
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path

import pytest
from mutmut.mutation.file_mutation import create_mutations, deep_replace

import inputgrad.report.figures
import inputgrad.trials.audit
import inputgrad.trials.runner  # noqa: F401 - these three for the libraries they import

LIB, TESTS = Path(__file__).parents[1] / "lib" / "inputgrad", Path(__file__).parent
HELD_BY = {
    "compute/attacks/*": "by_hand attacks convex regression butterfly_parts",
    "trials/sign": "by_hand sign",
    "trials/sign_losses": "sign",
    "trials/sign_smallest": "sign",
    "trials/convex*": "by_hand convex_trials",
    "trials/regression": "regression",
    "trials/smooth": "by_hand hardening",
    "trials/smooth_baselines": "hardening",
    "trials/selfgrad": "by_hand selfgrad",
    "trials/audit": "by_hand selfgrad",
    "trials/butterfly*": "butterfly_parts butterfly",
    "trials/synthesis": "synthesis",
    "trials/tally": "by_hand sign",
    "report/tables/*": "hardening selfgrad sentences pages",
    "report/claims": "claims predicates",
    "report/selectors": "claims predicates",
}
"""Modules, and the test files that hold them. A mutant that these let pass may still fail in a longer one."""
LIMIT = 300
"""Seconds of tests after which a mutant counts as noticed: it runs for ever."""


class Instead(SourceFileLoader):
    """Finds one module of the library, and loads ``text`` for it."""

    def __init__(self, path, text):
        parts = path.relative_to(LIB.parent).with_suffix("").parts
        super().__init__(".".join(parts).removesuffix(".__init__"), str(path))
        self.text = text

    def find_spec(self, name, path=None, target=None):
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, name):
        return compile(self.text, self.path, "exec")


def meet(path, text, names):
    """In a process of its own: run the tests with ``text`` for the file at ``path``, and exit as pytest does."""
    signal.alarm(LIMIT)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(1, 2)
    for name in [name for name in sys.modules if name.split(".")[0] == "inputgrad"]:
        del sys.modules[name]
    sys.meta_path.insert(0, Instead(path, text))
    os._exit(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *(str(TESTS / f"test_{n}.py") for n in names.split())]))


def passing(jobs, cores, deadline=float("inf")):
    """Run ``(path, text, names)`` side by side, none begun after the deadline: yields each, and whether it passes."""
    running, jobs = {}, iter(jobs)
    while True:
        while len(running) < cores and time.monotonic() < deadline and (job := next(jobs, None)):
            process = get_context("fork").Process(target=meet, args=job)
            process.start()
            running[process.sentinel] = process, job
        if not running:
            return
        for done in wait(running):
            process, job = running.pop(done)
            process.join()
            yield job, process.exitcode == 0


def mutants(path, names):
    """Every mutant of a file's functions, each as what to call for its text."""
    module, found, *_ = create_mutations(str(path), path.read_text(encoding="utf-8"))
    return [(path, lambda m=m: deep_replace(module, m.original_node, m.mutated_node).code, names)
            for m in found if m.contained_by_top_level_function]  # fmt: skip


def main():
    """Draw, run, and print every mutant that the tests let pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--only", nargs="*", default=list(HELD_BY), choices=list(HELD_BY))
    asked = parser.parse_args()
    deadline = time.monotonic() + 60 * asked.minutes
    files = [(path, HELD_BY[held]) for held in asked.only for path in sorted(LIB.glob(f"{held}.py"))]
    unchanged = {names: (path, path.read_text(encoding="utf-8"), names) for path, names in files}
    for (_, _, names), passes in passing(unchanged.values(), asked.cores):
        if not passes:
            sys.exit(f"these tests fail, or take more than {LIMIT} s, without any change: {names}")
    sample = [mutant for path, names in files for mutant in mutants(path, names)]
    random.Random(asked.seed).shuffle(sample)
    noticed, left = 0, 0
    for (path, text, names), passes in passing(((p, make(), n) for p, make, n in sample), asked.cores, deadline):
        noticed, left = noticed + (not passes), left + passes
        if passes:
            print(f"\n{path.relative_to(LIB)} passes {names}")
            lines = path.read_text(encoding="utf-8").splitlines(), text.splitlines()
            print(*list(difflib.unified_diff(*lines, n=0, lineterm=""))[2:], sep="\n", flush=True)
    print(f"\n{noticed + left} of {len(sample)} mutants were drawn: {noticed} noticed, {left} not")


if __name__ == "__main__":
    main()
