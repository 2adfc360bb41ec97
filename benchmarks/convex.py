"""Algorithm 1-n and DeepFool beside the least a network must cost and beside kept libraries: goals P8 and P9.

``python -m benchmarks.convex [--rounds N] [--threads N] [--record]``; read README.md beside it.
"""

from __future__ import annotations

import copy
import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import algorithm1, deepfool
from inputgrad.compute.gradients import frozen
from inputgrad.compute.metrics import correct
from inputgrad.compute.norms import norm

from . import harness
from .harness import FWD, GRAD, Row, Timing, compared, counted, exact, forward, judged, timed

Attack = Callable[[], Tensor]
"""One attack on the whole batch: ``x_adv``."""

MODEL, RECIPE, IMAGES, CLASSES = "lenet5", Recipe(epochs=6, lr=2e-3, schedule="onecycle"), 128, 10
RIVALS = CLASSES - 1
STEPS, EPS = 10, 0.1  # Algorithm 1-n
ROUNDS, OVERSHOOT = 50, 0.02  # DeepFool

LIMIT_NEAREST, NEAREST = f"limit of P9, nearest class: {STEPS} t_grad", f"P9, nearest class: Algorithm 1-{STEPS}"
LIMIT_ALL = f"limit of P9, all classes: {STEPS} times 1 forward, {RIVALS} backwards"
ALL = f"P9, all classes: Algorithm 1-{STEPS}"
LIMIT_FOOL = "limit of P8: the passes of each round, replayed"
FOOL = f"P8: DeepFool, l-inf, at most {ROUNDS} rounds"
PREPARED = "P8, prepared: the same, network and images in channels_last"

PACKAGES = ("torch", "numpy", "inputgrad", "foolbox", "adv-lib")


# What is timed


def linearised(model: nn.Module, x: Tensor) -> None:
    """The network's own work for the margins of all classes: one forward, a backward to the input for each rival."""
    with frozen(model):
        leaf = x.detach().requires_grad_()
        columns = model(leaf)[:, :RIVALS].sum(0)
        for i, column in enumerate(columns):
            torch.autograd.grad(column, leaf, retain_graph=i < RIVALS - 1)


def repeated(times: int, case: Callable[..., object], *arguments: object) -> None:
    """The same pass several times over."""
    for _ in range(times):
        case(*arguments)


def survivors(model: nn.Module, x: Tensor, y: Tensor) -> list[int]:
    """How many images each round of DeepFool still has to move, from runs that are stopped before it."""
    standing = [len(x)]
    while standing[-1] and len(standing) < ROUNDS:
        x_adv = deepfool(model, x, y, steps=len(standing), overshoot=OVERSHOOT)
        standing.append(harness.right(model, x_adv, y))
    return standing


def replayed(model: nn.Module, x: Tensor, standing: Sequence[int]) -> None:
    """Each round: a plain forward of the images found fooled, the linearisation of those that stand."""
    for entering, surviving in zip([len(x), *standing], standing, strict=False):
        if entering > surviving:
            forward(model, x[: entering - surviving])
        if surviving:
            linearised(model, x[:surviving])


def in_channels_last(model: nn.Module, x: Tensor) -> tuple[nn.Module, Tensor]:
    """A copy of the network and the images with the channels innermost."""
    return copy.deepcopy(model).to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)


def ours(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Attack]:
    """This package's attacks."""
    prepared, images = in_channels_last(model, x)
    fool = partial(deepfool, steps=ROUNDS, overshoot=OVERSHOOT)
    return {
        NEAREST: partial(algorithm1, model, x, y, eps=EPS, steps=STEPS, class_choice="argmin"),
        ALL: partial(algorithm1, model, x, y, eps=EPS, steps=STEPS),
        FOOL: partial(fool, model, x, y),
        PREPARED: partial(fool, prepared, images, y),
    }


def limits(model: nn.Module, x: Tensor, y: Tensor, standing: Sequence[int]) -> dict[str, Callable[[], object]]:
    """The network's own work for each of them, a case like any other."""
    return {
        FWD: partial(forward, model, x),
        GRAD: partial(harness.gradient, model, x, y),
        LIMIT_NEAREST: partial(repeated, STEPS, harness.gradient, model, x, y),
        LIMIT_ALL: partial(repeated, STEPS, linearised, model, x),
        LIMIT_FOOL: partial(replayed, model, x, standing),
    }


# Kept libraries, each as its user would call it, with the whole batch at once


def foolbox(model: nn.Module, x: Tensor, y: Tensor) -> Attack:
    """LinfDeepFoolAttack of foolbox."""
    import foolbox

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=x.device)
    attack = foolbox.attacks.LinfDeepFoolAttack(steps=ROUNDS, overshoot=OVERSHOOT)
    return lambda: attack(wrapped, x, y, epsilons=None)[0]


def foolbox_frozen(model: nn.Module, x: Tensor, y: Tensor) -> Attack:
    """The same for a user who has frozen the parameters, so that the reason for the gap shows."""
    attack = foolbox(model, x, y)

    def case() -> Tensor:
        with frozen(model):
            return attack()

    return case


def adv_lib(model: nn.Module, x: Tensor, y: Tensor) -> Attack:
    """``df`` of adv-lib."""
    from adv_lib.attacks import df

    return partial(df, model, x, y, steps=ROUNDS, overshoot=OVERSHOOT, norm=math.inf)


ADV_LIB, FOOLBOX = "P8: adv-lib", "P8: foolbox"
PEERS = {ADV_LIB: adv_lib, FOOLBOX: foolbox, "P8: foolbox, parameters frozen by the user": foolbox_frozen}


@dataclass(frozen=True)
class Answer:
    """What a minimum-norm attack achieves on a batch."""

    fooled: int
    length: float  # mean l-inf norm, units of x


def answer(model: nn.Module, x: Tensor, y: Tensor, attack: Attack) -> Answer:
    """Run the attack once and judge it."""
    x_adv = attack()
    return Answer(int((~correct(forward(model, x_adv), y)).sum()), float(norm(x_adv - x, math.inf).mean()))


def assert_alike(answers: Mapping[str, Answer]) -> None:
    """Stop unless all fool as many images as the first, at a mean norm within 0.5 %: only then compare times."""
    first = next(iter(answers.values()))
    if any(a.fooled != first.fooled or abs(a.length / first.length - 1) > 0.005 for a in answers.values()):
        lines = "\n".join(f"  {name}: {a.fooled} fooled, mean norm {a.length:.5f}" for name, a in answers.items())
        raise AssertionError(f"these attacks do not achieve the same, so no time is reported:\n{lines}")


# What is reported


def passes(work: Mapping) -> str:
    """Forwards, and backwards by the number of images in each."""
    sizes = sorted((key[1] for key in work if isinstance(key, tuple) and key[0] == "backwards"), reverse=True)
    backwards = ", ".join(f"{work['backwards', n]} of {n}" for n in sizes)
    return f"{work['forwards']} forwards; backwards: {backwards} images"


def counted_rows(model: nn.Module, x: Tensor, attacks: Mapping[str, Attack], standing: Sequence[int]) -> list[Row]:
    """The work of P8 and P9: exact, and free of noise."""
    moved = [n for n in standing if n]
    probes = min(len(moved) + 1, ROUNDS)  # the last one finds nobody standing
    by_size = Counter({("backwards", n): RIVALS * times for n, times in Counter(moved).items()})
    expected = {
        NEAREST: {"forwards": STEPS, ("backwards", len(x)): STEPS},
        ALL: {"forwards": STEPS, ("backwards", len(x)): STEPS * RIVALS},
        FOOL: {"forwards": probes + len(moved), **by_size},
    }
    rows = []
    for case, work in expected.items():
        with counted(model) as found:
            attacks[case]()
        rows.append(exact(f"{case.split(':')[0]}: work", passes(found), passes(work)))
    return rows


def timed_rows(timings: Mapping[str, Timing], missing: Mapping[str, str]) -> list[Row]:
    """The limits, the goals P9 and P8, and every library beside P8."""
    rows = [
        timed(timings, FWD),
        compared(timings, GRAD, FWD),
        timed(timings, LIMIT_NEAREST),
        judged(timings, NEAREST, LIMIT_NEAREST, "<=", 1.10, gate=1.30),
        timed(timings, LIMIT_ALL),
        judged(timings, ALL, LIMIT_ALL, "<=", 1.10, gate=1.30),
        timed(timings, LIMIT_FOOL),
        judged(timings, FOOL, LIMIT_FOOL, "<=", 1.15, gate=1.40),
        compared(timings, PREPARED, LIMIT_FOOL),
    ]
    goals = {ADV_LIB: 1.15, FOOLBOX: 3.0}
    for peer in PEERS:
        if peer in missing:
            rows.append(Row(peer, ratio="not run", goal=missing[peer]))
        elif peer in goals:
            rows.append(judged(timings, peer, FOOL, ">=", goals[peer]))
        else:
            rows.append(compared(timings, peer, FOOL))
    if ADV_LIB in timings:
        beside = judged(timings, ADV_LIB, PREPARED, ">=", 1.8)
        rows.append(replace(beside, case=f"{ADV_LIB} in the plain format, beside P8 prepared"))
    return rows


def measure(rounds: int) -> dict[str, object]:
    """Check, count and time; returns the report, in seconds but for the rows."""
    model, x, y = harness.network("digits28", MODEL, RECIPE)
    rightly = correct(forward(model, x), y)
    x, y = x[rightly][:IMAGES], y[rightly][:IMAGES]
    standing = survivors(model, x, y)
    attacks = ours(model, x, y)
    counts = counted_rows(model, x, attacks, standing)
    libraries, missing = harness.installed_peers(PEERS, model, x, y)
    fools = {FOOL: attacks[FOOL], PREPARED: attacks[PREPARED], **libraries}
    answers = {name: answer(model, x, y, attack) for name, attack in fools.items()}
    assert_alike(answers)
    timings = harness.run({**limits(model, x, y, standing), **attacks, **libraries}, rounds)
    return {
        "images": len(x),
        "standing": standing,
        "answers": answers,
        "rows": timed_rows(timings, missing) + counts,
        "seconds": {case: timing.summary() for case, timing in timings.items()},
    }


def section(rounds: int, report: Mapping[str, object]) -> str:
    """The table in Markdown, and what it rests on."""
    answers = report["answers"]
    names = {FOOL: "this package", PREPARED: "the same in channels_last"}
    lengths = ", ".join(f"{a.length:.5f} ({names.get(name, name.removeprefix('P8: '))})" for name, a in answers.items())
    return (
        f"### {MODEL}, {report['images']} images, {rounds} rounds\n\n{harness.rows_table(report['rows'])}\n"
        f"Images still standing before each round of DeepFool: {', '.join(map(str, report['standing']))}. All fool "
        f"{answers[FOOL].fooled} of {report['images']}, at a mean l-inf norm of {lengths}.\n"
    )


def main() -> int:
    """Measure, print, write ``build/benchmarks/convex.{json,md}``; 1 when a gate is broken."""
    args = harness.arguments(harness.parser("convex", __doc__))
    machine = harness.machine(PACKAGES)
    report = measure(args.rounds)
    text = f"{harness.heading(machine)}\n{section(args.rounds, report)}"
    return harness.finish("convex", args, machine, {MODEL: report}, text)


if __name__ == "__main__":
    sys.exit(main())
