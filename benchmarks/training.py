"""A step of training beside the arithmetic it cannot do without: goals P12 and P13.

``python -m benchmarks.training [--device auto|cpu|cuda] [--rounds N] [--threads N] [--record]``; read README.md beside
it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute import device as devices
from inputgrad.compute.data import Splits, load
from inputgrad.compute.methods.defences import Defence
from inputgrad.compute.methods.flops import flops
from inputgrad.compute.training.networks import Fitting
from inputgrad.compute.training.objectives import OBJECTIVES
from inputgrad.compute.training.steps import autocast

from . import harness
from .harness import Row, Timing, judged, timed

BATCH = 128
MODELS = {"cpu": "wrn10_2", "cuda": "wrn28_10"}
"""The network of `selfgrad` at ``quick`` and at ``paper``."""

DEFENCES = {"standard": Defence(), "FGSM training": Defence(steps=1), "PGD-10 training": Defence(steps=10)}
PLAIN = "standard"
GOAL = {"cpu": "P13", "cuda": "P12"}
NOISE = 1.06
"""By how much more than its arithmetic a step may take that attacks its images first."""

SHARE = 0.30
"""The least share of the matrix rate that training has to have on a GPU."""

PACKAGES = ("torch", "numpy", "inputgrad")


@dataclass(frozen=True)
class Names:
    """What the cases of one precision are called."""

    goal: str
    precision: str

    @property
    def matrix(self) -> str:
        """One product of square matrices."""
        return f"matrix product, {self.precision}"

    @property
    def limit(self) -> str:
        """Forward and backward to the parameters."""
        return f"limit of {self.goal}, {self.precision}: forward and backward of a batch"

    def step(self, defence: str) -> str:
        """One step of training."""
        return f"{self.goal}, {self.precision}, {defence}: a step"


# What is timed


def fitting(data: Splits, model: str, defence: Defence, precision: str, device: torch.device) -> Fitting:
    """A training that has just begun."""
    recipe = Recipe("sgd", lr=0.01, batch=BATCH, images=BATCH, precision=precision, augment="crop_flip")
    torch.manual_seed(0)
    net = defence.build(model, shape=data.shape, classes=data.classes, width=1.0)
    net = net.to(device).to(memory_format=torch.channels_last).train()
    return Fitting(net, data, recipe, OBJECTIVES["classify"], defence)


def stepped(training: Fitting, device: torch.device) -> None:
    """One step on all its images, augmented as they always are."""
    training.step(torch.arange(BATCH), torch.Generator().manual_seed(0))
    devices.synchronise(device)


def passed(training: Fitting, precision: str, device: torch.device) -> None:
    """Forward and backward to the parameters, and nothing else."""
    x = (training.x.float() / 255).to(memory_format=torch.channels_last)
    with autocast(device, precision):
        loss = F.cross_entropy(training.net(x), training.y)
    torch.autograd.grad(loss, list(training.net.parameters()))
    devices.synchronise(device)


def multiplied(a: torch.Tensor, device: torch.device) -> None:
    """A matrix by itself."""
    _ = a @ a
    devices.synchronise(device)


def cases(names: Names, device: torch.device) -> tuple[dict[str, Callable[[], object]], dict[str, int]]:
    """The cases of one precision, and the floating-point operations of each."""
    data, model, n = load("digits32"), MODELS[device.type], devices.MATRIX[device.type]
    begun = {name: fitting(data, model, d, names.precision, device) for name, d in DEFENCES.items()}
    a = torch.randn(n, n, device=device, dtype=torch.bfloat16 if names.precision == "bf16" else torch.float32)
    found: dict[str, Callable[[], object]] = {
        names.matrix: partial(multiplied, a, device),
        names.limit: partial(passed, begun[PLAIN], names.precision, device),
        **{names.step(name): partial(stepped, training, device) for name, training in begun.items()},
    }
    return found, {name: flops(case) for name, case in found.items()}


# What is reported


def rate(timings: Mapping[str, Timing], work: Mapping[str, int], case: str) -> float:
    """Floating-point operations a second."""
    return work[case] / timings[case].summary()["cpu"]["median"]


def rows(timings: Mapping[str, Timing], work: Mapping[str, int], names: Names) -> list[Row]:
    """One precision: each kind of training beside the plain one, images a second, share of the matrix rate."""
    plain = names.step(PLAIN)
    out = [timed(timings, names.matrix), timed(timings, names.limit)]
    out += [judged(timings, plain, names.limit, "<=", 1.15, gate=1.5)]
    for name in DEFENCES:
        case = names.step(name)
        if name != PLAIN:
            out.append(judged(timings, case, plain, "<=", NOISE * work[case] / work[plain]))
        share = rate(timings, work, case) / rate(timings, work, names.matrix)
        speed = BATCH / timings[case].summary()["cpu"]["median"]
        wanted = {"goal": f">= {SHARE:.2f}", "met": share >= SHARE} if names.goal == "P12" else {}
        out.append(Row(f"{case.removesuffix(': a step')}: speed", **wanted,
                       ratio=f"{speed:.0f} images/s, {share:.2f} of the matrix rate"))  # fmt: skip
    return out


def precisions(device: torch.device) -> tuple[str, ...]:
    """Those that the device multiplies in."""
    return ("fp32", "bf16") if devices.has_bfloat16(device) else ("fp32",)


def measure(device: torch.device, rounds: int) -> dict[str, object]:
    """Count and time; returns the report."""
    found: list[Row] = []
    seconds = {}
    for precision in precisions(device):
        names = Names(GOAL[device.type], precision)
        own, work = cases(names, device)
        timings = harness.run(own, rounds)
        if device.type == "cuda":  # whose work takes no time of the CPU's
            timings = {name: Timing(timing.wall, timing.wall) for name, timing in timings.items()}
        found += rows(timings, work, names)
        seconds |= {case: timing.summary() for case, timing in timings.items()}
    return {"rows": found, "seconds": seconds}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write ``build/benchmarks/training.{json,md}``; 1 when a gate is broken."""
    options = harness.parser("training", __doc__)
    options.add_argument("--device", default="auto", help="auto (default), cpu or cuda")
    args = harness.arguments(options, argv)
    device = devices.choose(args.device)
    machine = harness.machine(PACKAGES) | {"clock": "wall time" if device.type == "cuda" else "CPU time"}
    if device.type == "cuda":
        machine["cpu"] = f"{devices.describe(device)['name']} beside {machine['cpu']}"
    model, report = MODELS[device.type], measure(device, args.rounds)
    text = (f"{harness.heading(machine)}\n### {model}, batches of {BATCH}, {args.rounds} rounds\n\n"
            f"{harness.rows_table(report['rows'])}")  # fmt: skip
    return harness.finish("training", args, machine, {model: report}, text)


if __name__ == "__main__":
    sys.exit(main())
