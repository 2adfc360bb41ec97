"""Timing cases side by side in one process: interleaved, shuffled, in CPU time as well as wall time."""

from __future__ import annotations

import gc
import json
import os
import platform
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch

from inputgrad.device import cpu_name
from inputgrad.files import write_text
from inputgrad.progress import progress


@dataclass(frozen=True)
class Timing:
    """What one case took, in seconds, one value a round: CPU time of all threads, and wall time."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]

    def summary(self) -> dict[str, dict[str, float]]:
        """Minimum, quartiles and median of both clocks, in seconds."""
        names = ("min", "lower", "median", "upper")
        return {
            clock: dict(zip(names, np.percentile(seconds, (0, 25, 50, 75)).tolist(), strict=True))
            for clock, seconds in (("cpu", self.cpu), ("wall", self.wall))
        }


def run(cases: Mapping[str, Callable[[], object]], rounds: int, seed: int = 0) -> dict[str, Timing]:
    """Time every case once a round, each round in a new order, after one call of each to warm up.

    Load that comes and goes so falls on all cases alike; put a limit among them, as a case like any other.
    """
    order, generator = list(cases), random.Random(seed)
    clocks: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for case in cases.values():
        case()
    for _ in progress(range(rounds), desc="rounds"):
        generator.shuffle(order)
        with uncollected():
            for name in order:
                clocks[name].append(timed(cases[name]))
    return {name: Timing(*zip(*pairs, strict=True)) for name, pairs in clocks.items()}


def timed(case: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of this process and wall seconds of one call."""
    cpu, wall = time.process_time(), time.perf_counter()
    case()
    return time.process_time() - cpu, time.perf_counter() - wall


@contextmanager
def uncollected() -> Iterator[None]:
    """Garbage is collected before the block and not inside it."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def ratio(timings: Mapping[str, Timing], a: str, b: str) -> float:
    """Median CPU time of case ``a`` in units of that of case ``b``."""
    return float(np.median(timings[a].cpu) / np.median(timings[b].cpu))


def machine(packages: Sequence[str]) -> dict[str, object]:
    """What ran, and how busy it was: processor, threads, load average over 1, 5 and 15 minutes, versions."""
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(load, 2) for load in os.getloadavg()],
        "versions": {"python": platform.python_version(), **{name: installed(name) for name in packages}},
    }


def installed(package: str) -> str:
    """The version of an installed package, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def write(stem: Path, report: Mapping[str, object], text: str) -> None:
    """Write ``report``, which may hold dataclasses, to ``<stem>.json`` and ``text`` to ``<stem>.md``."""
    write_text(stem.with_suffix(".json"), json.dumps(report, indent=2, default=asdict) + "\n")
    write_text(stem.with_suffix(".md"), text)
