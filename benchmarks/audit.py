"""A whole audit of one network, and kept libraries doing those of its attacks that they have: goal P14.

``python -m benchmarks.audit [--rounds N] [--threads N] [--record]``; read README.md beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain

import torch
from torch import Tensor, nn

from inputgrad.compute.attacks import ATTACKS, pgd_restarts, steps_to_fool
from inputgrad.compute.metrics import correct
from inputgrad.study.selfgrad import STEPS
from inputgrad.trials import audit

from . import harness, pgd
from .convex import MODEL, RECIPE
from .harness import Row, Timing, compared, forward, judged, timed

EPS, LONG, RESTARTS, QUERIES, TARGETS, IMAGES = 0.1, audit.LONG, 5, 500, 3, 64
SETTINGS = {"restarts": RESTARTS, "samples": 16, "queries": QUERIES, "autoattack": True, "targets": TARGETS}
WITHIN = 0.05
"""Of the images: by how many a library may differ, which draws its own starts and judges its last iterate alone."""

WHOLE = "P14: the whole audit"
FGSM, LINEAR, MARGIN = "FGSM", "PGD at 10, 20, 40 and 100 steps", "CW at 10, 20, 40 and 100 steps"
AGAIN = f"PGD-{LONG}, {RESTARTS} random starts with each of two losses"
CHECK = "Square, APGD, then targeted"
PARTS = (FGSM, LINEAR, MARGIN, AGAIN, CHECK)
PACKAGES = ("torch", "numpy", "inputgrad", "pyautoattack", "foolbox", "torchattacks")

Standing = Callable[[], dict[str, Tensor]]
"""Runs attacks: by what each is called, which images stand, ``(B,)`` bool."""


# This package


def whole(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Every attack of the audit."""
    generator = torch.Generator().manual_seed(0)
    found = audit.attacks(model, x, y, EPS, SETTINGS, {}, generator)
    return {f"{name}-{steps}": stands for name, stands, steps in found}


def long(model: nn.Module, x: Tensor, y: Tensor, loss: str) -> dict[str, Tensor]:
    """All numbers of steps in one run, which ends for an image when it falls."""
    fell = steps_to_fool(model, x, y, eps=EPS, steps=LONG, alpha=EPS / 4, loss=loss, generator=torch.Generator())
    return {str(k): fell > k for k in STEPS}


def ours(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Standing]:
    """The parts of the audit that a library has, as the audit runs them."""

    def stands(x_adv: Tensor) -> Tensor:
        return correct(forward(model, x_adv), y)

    def again() -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(0)
        return {"": stands(pgd_restarts(model, x, y, eps=EPS, steps=LONG, restarts=RESTARTS, generator=generator))}

    def check() -> dict[str, Tensor]:
        return {name: left for name, left, _ in audit.square_and_apgd(model, x, y, EPS, SETTINGS, stands)}

    return {
        FGSM: lambda: {"": stands(ATTACKS["FGSM"](model, x, y, eps=EPS))},
        LINEAR: partial(long, model, x, y, "ce"),
        MARGIN: partial(long, model, x, y, "margin"),
        AGAIN: again,
        CHECK: check,
    }


# Kept libraries, each as its user would call it


def of_foolbox(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Standing]:
    """Those of foolbox, which has no Square and no APGD; PGD steps by a quarter of eps from a random start."""
    import eagerpy
    import foolbox

    class OnMargin(foolbox.attacks.LinfPGD):
        def get_loss_fn(self, model: Callable, labels: eagerpy.Tensor) -> Callable:
            return lambda inputs: eagerpy.astensor(pgd.margin(model(inputs).raw, labels.raw).sum())

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=x.device)

    def left(attack: foolbox.Attack) -> Tensor:
        return ~attack(wrapped, x, y, epsilons=EPS)[2]

    def at_each(kind: type) -> dict[str, Tensor]:
        return {str(k): left(kind(steps=k, rel_stepsize=1 / 4)) for k in STEPS}

    def again() -> dict[str, Tensor]:
        kinds = (foolbox.attacks.LinfPGD, OnMargin)
        return {"": torch.stack([left(k(steps=LONG, rel_stepsize=2.5 / LONG).repeat(RESTARTS)) for k in kinds]).all(0)}

    return {
        FGSM: lambda: {"": left(foolbox.attacks.LinfFastGradientAttack())},
        LINEAR: partial(at_each, foolbox.attacks.LinfPGD),
        MARGIN: partial(at_each, OnMargin),
        AGAIN: again,
    }


def of_torchattacks(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Standing]:
    """Those of torchattacks, which has no PGD on the margin and so no restarts with it."""
    import torchattacks

    def stands(attack: Callable) -> Tensor:
        return correct(forward(model, attack(x, y)), y)

    def at_each() -> dict[str, Tensor]:
        return {str(k): stands(torchattacks.PGD(model, eps=EPS, alpha=EPS / 4, steps=k)) for k in STEPS}

    def check() -> dict[str, Tensor]:
        square = stands(torchattacks.Square(model, eps=EPS, n_queries=QUERIES))
        left = stands(torchattacks.APGD(model, eps=EPS, steps=LONG))
        both = left.clone()
        if left.any():
            targeted = torchattacks.APGDT(model, eps=EPS, steps=LONG, n_classes=TARGETS + 1)
            both[left] = correct(forward(model, targeted(x[left], y[left])), y[left])
        return {"Square": square, "APGD": left, "APGD, then targeted": both}

    return {
        FGSM: lambda: {"": stands(torchattacks.FGSM(model, eps=EPS))},
        LINEAR: at_each,
        CHECK: check,
    }


LIBRARIES = {"foolbox": of_foolbox, "torchattacks": of_torchattacks}


# Correctness first


def assert_as_strong(name: str, mine: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    """Stop where a library's attack leaves another number of images right, by more than 5 % of them."""
    for what, stands in theirs.items():
        if abs(int(stands.sum()) - int(mine[what].sum())) > WITHIN * len(stands):
            raise AssertionError(
                f"{name} {what}: {int(stands.sum())} images stand and {int(mine[what].sum())} here, so no time is "
                "reported"
            )


# What is reported


def case_of(library: str, part: str) -> str:
    """What a library's part is called."""
    return f"P14, {part}: {library}"


def total(timings: Mapping[str, Timing], cases: list[str]) -> Timing:
    """Several cases, one after the other."""
    rounds = zip(*(timings[case].cpu for case in cases), strict=True)
    walls = zip(*(timings[case].wall for case in cases), strict=True)
    return Timing(tuple(map(sum, rounds)), tuple(map(sum, walls)))


def rows(timings: dict[str, Timing], there: Mapping[str, Mapping], missing: Mapping[str, str]) -> list[Row]:
    """The audit, its parts beside the libraries' and, library by library, all that it has at once."""
    out = [timed(timings, WHOLE)]
    for part in PARTS:
        own = case_of("this package", part)
        out += [timed(timings, own)]
        out += [compared(timings, case_of(name, part), own) for name, parts in there.items() if part in parts]
    for name, parts in there.items():
        mine, theirs = (f"P14, what {name} has: {who}" for who in ("this package", name))
        timings[mine] = total(timings, [case_of("this package", part) for part in parts])
        timings[theirs] = total(timings, [case_of(name, part) for part in parts])
        out += [timed(timings, mine), judged(timings, theirs, mine, ">=", 1.0)]
    return out + [Row(f"P14: {name}", ratio="not run", goal=why) for name, why in missing.items()]


def measure(rounds: int) -> dict[str, object]:
    """Check and time; returns the report, in seconds but for the rows."""
    model, x, y = harness.network("digits28", MODEL, RECIPE)
    rightly = correct(forward(model, x), y)
    x, y = x[rightly][:IMAGES], y[rightly][:IMAGES]
    there, missing = harness.installed_peers(LIBRARIES, model, x, y)
    mine = ours(model, x, y)
    for part in PARTS:
        found = mine[part]()
        for name, parts in there.items():
            if part in parts:
                assert_as_strong(case_of(name, part), found, parts[part]())
    every = whole(model, x, y)
    cases = {WHOLE: partial(whole, model, x, y)}
    for name, parts in chain([("this package", mine)], there.items()):
        cases |= {case_of(name, part): case for part, case in parts.items()}
    timings = harness.run(cases, rounds)
    return {
        "images": len(x),
        "attacks": len(every),
        "left": int(torch.stack(list(every.values())).all(0).sum()),
        "rows": rows(timings, there, missing),
        "seconds": {case: timing.summary() for case, timing in timings.items()},
    }


def section(rounds: int, report: Mapping[str, object]) -> str:
    """The table in Markdown, and what it rests on."""
    return (
        f"### {MODEL}, {report['images']} images, {rounds} rounds\n\n{harness.rows_table(report['rows'])}\n"
        f"At eps {EPS}: {report['left']} of {report['images']} images stand under all {report['attacks']} attacks.\n"
    )


def main() -> int:
    """Measure, print, write ``build/benchmarks/audit.{json,md}``."""
    args = harness.arguments(harness.parser("audit", __doc__))
    machine = harness.machine(PACKAGES)
    report = measure(args.rounds)
    text = f"{harness.heading(machine)}\n{section(args.rounds, report)}"
    return harness.finish("audit", args, machine, {MODEL: report}, text)


if __name__ == "__main__":
    sys.exit(main())
