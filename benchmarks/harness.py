"""Timing cases side by side in one process: interleaved, shuffled, in CPU time as well as wall time.

Also what every benchmark here needs: its network, the limits, counted work, rows of a report, and the README.
"""

from __future__ import annotations

import argparse
import gc
import json
import operator
import os
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.data import load
from inputgrad.compute.device import cpu_name
from inputgrad.compute.gradients import frozen
from inputgrad.compute.metrics import correct
from inputgrad.compute.training.networks import trained
from inputgrad.ground.checks import whole
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import BUILD
from inputgrad.ground.progress import progress

FWD, GRAD = "t_fwd", "t_grad"
README = Path(__file__).with_name("README.md")


# The clock


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
                clocks[name].append(clocked(cases[name]))
    return {name: Timing(*zip(*pairs, strict=True)) for name, pairs in clocks.items()}


def clocked(case: Callable[[], object]) -> tuple[float, float]:
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


# The network and its own work


def network(dataset: str, name: str, recipe: Recipe) -> tuple[nn.Module, Tensor, Tensor]:
    """A network trained on one of the embedded data sets, and all its test images and labels."""
    data = load(dataset)
    model = trained(data, name, recipe, 0, torch.device("cpu")).model
    return model, data.x_test.float() / 255, data.y_test


def forward(model: nn.Module, x: Tensor) -> Tensor:
    """Logits without a graph: t_fwd."""
    with torch.no_grad():
        return model(x)


def right(model: nn.Module, x: Tensor, y: Tensor) -> int:
    """How many images are classified right."""
    return int(correct(forward(model, x), y).sum())


def summed(logits: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy, summed over the batch."""
    return F.cross_entropy(logits, y, reduction="sum")


def gradient(model: nn.Module, x: Tensor, y: Tensor, loss: Callable[[Tensor, Tensor], Tensor] = summed) -> Tensor:
    """Forward and backward to the input with the parameters frozen: t_grad, where the loss is the cross-entropy."""
    with frozen(model):
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(loss(model(leaf), y).sum(), leaf)[0]


# What is counted


@contextmanager
def counted(model: nn.Module) -> Iterator[Counter]:
    """The passes through ``model`` in the block, and the images in them.

    ``forwards``; ``graphs``, the forwards that a gradient can come back through; ``backwards``, the gradients that came
    back to the logits. ``("graphs", n)`` and ``("backwards", n)`` count those of n images.
    """
    work = Counter(forwards=0, graphs=0, backwards=0)

    def returned(gradient: Tensor) -> None:
        work.update(["backwards", ("backwards", len(gradient))])

    def called(_module: nn.Module, _inputs: tuple, logits: Tensor) -> None:
        work["forwards"] += 1
        if logits.requires_grad:
            work.update(["graphs", ("graphs", len(logits))])
            logits.register_hook(returned)

    hook = model.register_forward_hook(called)
    try:
        yield work
    finally:
        hook.remove()


# Kept libraries


def installed_peers(
    builders: Mapping[str, Callable[..., Callable]], *arguments: object
) -> tuple[dict[str, Callable], dict[str, str]]:
    """What each library's builder makes of the arguments, and why the others do not run."""
    found: dict[str, Callable] = {}
    missing: dict[str, str] = {}
    for name, build in builders.items():
        try:
            found[name] = build(*arguments)
        except ImportError as err:
            missing[name] = str(err)
    return found, missing


# What is reported


@dataclass(frozen=True)
class Row:
    """One line of the report; ``kept`` is false when a bound is broken that a noisy machine must keep too."""

    case: str
    cpu_ms: float | None = None
    ratio: str = ""
    goal: str = ""
    met: bool | None = None
    kept: bool = True

    def cells(self) -> list[str]:
        """The row as text."""
        cpu_ms = "" if self.cpu_ms is None else f"{self.cpu_ms:.1f}"
        return [self.case, cpu_ms, self.ratio, self.goal, {None: "", True: "yes", False: "no"}[self.met]]


def timed(timings: Mapping[str, Timing], case: str, **rest: object) -> Row:
    """A row with the median CPU time of ``case``, in milliseconds."""
    return Row(case, 1e3 * timings[case].summary()["cpu"]["median"], **rest)


def compared(timings: Mapping[str, Timing], case: str, against: str) -> Row:
    """A row with the ratio of ``case`` to the case ``against``, and no goal."""
    return timed(timings, case, ratio=f"{ratio(timings, case, against):.2f} of {against.split(':')[0]}")


def judged(
    timings: Mapping[str, Timing], case: str, against: str, sense: str, goal: float, gate: float | None = None
) -> Row:
    """A row whose ratio to the case ``against`` has to be ``sense`` (``"<="`` or ``">="``) ``goal``."""
    found, holds = ratio(timings, case, against), {"<=": operator.le, ">=": operator.ge}[sense]
    return timed(
        timings, case, ratio=f"{found:.2f} of {against.split(':')[0]}", goal=f"{sense} {goal:.2f}",
        met=holds(found, goal), kept=gate is None or holds(found, gate),
    )  # fmt: skip


def exact(case: str, found: str, expected: str) -> Row:
    """A row for something that is counted, not timed; a difference breaks the gate."""
    return Row(case, ratio=found, goal=expected, met=found == expected, kept=found == expected)


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


def rows_table(rows: Sequence[Row]) -> str:
    """The rows of one network as a Markdown table."""
    return table(("case", "median CPU ms", "ratio", "goal", "met?"), [row.cells() for row in rows])


def heading(machine: Mapping[str, object]) -> str:
    """What it was measured on, in two lines."""
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    threads = f"{machine['threads']} of {machine['cores']} cores"
    clock = machine.get("clock", "CPU time")
    return f"{machine['cpu']}, {threads}, load {machine['load'][0]} before the run; {clock}.\n{versions}.\n"


def write(stem: Path, report: Mapping[str, object], text: str) -> None:
    """Write ``report``, which may hold dataclasses, to ``<stem>.json`` and ``text`` to ``<stem>.md``."""
    write_text(stem.with_suffix(".json"), json.dumps(report, indent=2, default=asdict) + "\n")
    write_text(stem.with_suffix(".md"), text)


def record(name: str, text: str) -> None:
    """Put ``text`` between the markers of the benchmark ``name`` in the README here."""
    start, end = f"<!-- {name}: written by --record -->", f"<!-- {name}: end -->"
    before, rest = README.read_text(encoding="utf-8").split(start)
    _, after = rest.split(end)
    write_text(README, f"{before}{start}\n\n{text}\n{end}{after}")


# The command line


def parser(name: str, description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    options = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description.splitlines()[0])
    options.add_argument("--rounds", type=int, default=7, help="calls of every case (default 7)")
    options.add_argument("--threads", type=int, default=1, help="threads torch computes with (default 1)")
    options.add_argument("--record", action="store_true", help="put the tables into benchmarks/README.md")
    return options


def arguments(options: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The checked command line; torch computes with as many threads as it says."""
    args = options.parse_args(argv)
    whole("--rounds", args.rounds, least=1)
    torch.set_num_threads(whole("--threads", args.threads, least=1))
    return args


def finish(
    name: str, args: argparse.Namespace, machine: Mapping[str, object], models: Mapping[str, Mapping], text: str
) -> int:
    """Print, write ``build/benchmarks/<name>.{json,md}``, record when asked to; 1 when a gate is broken."""
    write(BUILD / "benchmarks" / name, {"machine": machine, "rounds": args.rounds, "models": models}, text)
    print(text)
    if args.record:
        record(name, text)
    rows = [(model, row) for model, report in models.items() for row in report["rows"]]
    broken = [f"{model}: {row.case}: {row.ratio}" for model, row in rows if not row.kept]
    for line in broken:
        print(f"gate broken: {line}", file=sys.stderr)
    return 1 if broken else 0
