"""One-step attacks beside the least a network must cost and beside kept libraries: goals P1 to P4 and P11.

``python -m benchmarks.one_step [--long] [--rounds N] [--threads N] [--record]``; read README.md beside it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import ATTACKS, sweep
from inputgrad.compute.gradients import frozen

from . import harness
from .harness import FWD, GRAD, Row, Timing, compared, counted, exact, forward, judged, ratio, timed

Case = Callable[[], list[int]]
"""One attack at several eps, evaluated: how many images stay right, for each."""

EPS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)  # units of x
SMALL_EPS = tuple(eps / 10 for eps in EPS)  # not timed: here counts tell attacks apart
FOUR = ("FGSM", "FGM", "D-FGSM", "D-FGM")
IMAGES = {"alexnet": 128, "resnet18": 32}
RECIPES = {
    "alexnet": Recipe(epochs=12, schedule="onecycle"),
    "resnet18": Recipe(epochs=3, schedule="onecycle", width=0.25),
}
N1, N2 = len(EPS), len(FOUR) * len(EPS)

LIMIT1, LIMIT2 = f"limit of P1: 1 t_grad + {N1} t_fwd", f"limit of P2: 1 t_grad + {N2} t_fwd"
P1, P2 = f"P1: FGSM, {N1} eps, one gradient", f"P2: {', '.join(FOUR)}, {N1} eps each, one gradient"
EACH = "P4: as P2, one gradient for each attack and eps"

PACKAGES = ("torch", "numpy", "inputgrad", "foolbox", "adversarial-robustness-toolbox", "torchattacks")


# What is timed


def limit(model: nn.Module, x: Tensor, y: Tensor, *, gradients: int, forwards: int) -> None:
    """The network's own work: forward and backward to the input with parameters frozen; plain forwards."""
    for _ in range(gradients):
        harness.gradient(model, x, y)
    for _ in range(forwards):
        forward(model, x)


def swept(model: nn.Module, x: Tensor, y: Tensor, *, attacks: Sequence[str], eps: Sequence[float] = EPS) -> list[int]:
    """This package: every attack at every eps from one gradient."""
    return [harness.right(model, x_adv, y) for _, _, x_adv in sweep(model, x, y, attacks=attacks, eps=eps)]


def separate(model: nn.Module, x: Tensor, y: Tensor) -> list[int]:
    """The four attacks at every eps, each with a gradient of its own."""
    return [harness.right(model, ATTACKS[name](model, x, y, eps=eps), y) for name in FOUR for eps in EPS]


def cases(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Callable]:
    """The limits and this package, each a case like any other."""
    calls = {
        FWD: partial(limit, gradients=0, forwards=1),
        GRAD: partial(limit, gradients=1, forwards=0),
        LIMIT1: partial(limit, gradients=1, forwards=N1),
        P1: partial(swept, attacks=FOUR[:1]),
        LIMIT2: partial(limit, gradients=1, forwards=N2),
        P2: partial(swept, attacks=FOUR),
        EACH: separate,
    }
    return {name: partial(call, model, x, y) for name, call in calls.items()}


# Kept libraries, each as its user would call it, with the whole batch at once


def foolbox(model: nn.Module, x: Tensor, y: Tensor, eps: Sequence[float]) -> Case:
    """FGSM of foolbox, which takes a list of eps and counts the fooled images itself."""
    import foolbox

    wrapped, attack = foolbox.PyTorchModel(model, bounds=(0, 1), device=x.device), foolbox.attacks.FGSM()
    return lambda: [len(y) - int(fooled.sum()) for fooled in attack(wrapped, x, y, epsilons=eps)[2]]


def foolbox_frozen(model: nn.Module, x: Tensor, y: Tensor, eps: Sequence[float]) -> Case:
    """The same for a user who has frozen the parameters, so that the reason for the gap shows."""
    attack = foolbox(model, x, y, eps)

    def case() -> list[int]:
        with frozen(model):
            return attack()

    return case


def art(model: nn.Module, x: Tensor, y: Tensor, eps: Sequence[float]) -> Case:
    """FGSM of the adversarial-robustness-toolbox, one attack for each eps, on NumPy arrays."""
    from art.attacks.evasion import FastGradientMethod
    from art.estimators.classification import PyTorchClassifier

    images, labels = x.numpy(), y.numpy()
    wrapped = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), tuple(x.shape[1:]), 10, clip_values=(0, 1), device_type="cpu"
    )
    attacks = [FastGradientMethod(wrapped, eps=size, batch_size=len(x)) for size in eps]

    def survivors(attack: FastGradientMethod) -> int:
        logits = wrapped.predict(attack.generate(images, labels), batch_size=len(x))
        return int((logits.argmax(1) == labels).sum())

    return lambda: [survivors(attack) for attack in attacks]


def torchattacks(model: nn.Module, x: Tensor, y: Tensor, eps: Sequence[float]) -> Case:
    """FGSM of torchattacks, one attack for each eps."""
    import torchattacks

    attacks = [torchattacks.FGSM(model, eps=size) for size in eps]
    return lambda: [harness.right(model, attack(x, y), y) for attack in attacks]


PEERS = {
    "P3: foolbox, epsilons=[...]": foolbox,
    "P3: foolbox, parameters frozen by the user": foolbox_frozen,
    "P3: adversarial-robustness-toolbox": art,
    "P3: torchattacks": torchattacks,
}


def assert_equal(answers: Mapping[str, list[int]]) -> None:
    """Stop unless all leave the same number of images right at every eps: only then compare times."""
    if len({tuple(answer) for answer in answers.values()}) > 1:
        lines = "\n".join(f"  {name}: {answer}" for name, answer in answers.items())
        raise AssertionError(f"these differ in how many images stay right, so no time is reported:\n{lines}")


# What is reported


def leaves_gradients(attack: Callable, model: nn.Module, x: Tensor, y: Tensor) -> bool:
    """Does some parameter hold a gradient after ``attack`` that held none before?"""
    model.zero_grad(set_to_none=True)
    attack(model, x[:8], y[:8], eps=EPS[0])
    return any(p.grad is not None for p in model.parameters())


def ceiling(timings: Mapping[str, Timing], evaluations: int) -> float:
    """The most that one gradient for all can win over one for each: ``n (g + f) / (g + n f)``."""
    g_over_f = ratio(timings, GRAD, FWD)
    return evaluations * (g_over_f + 1) / (g_over_f + evaluations)


def counted_rows(model: nn.Module, x: Tensor, y: Tensor, ours: Mapping[str, Callable]) -> list[Row]:
    """P11 for every attack of the catalogue, and the work of P1 and P2: exact, and free of noise."""
    guilty = [name for name, attack in ATTACKS.items() if leaves_gradients(attack, model, x, y)]
    rows = [exact(f"P11: attacks (of {len(ATTACKS)}) that leave a p.grad", ", ".join(guilty) or "none", "none")]
    for case, evaluations in ((P1, N1), (P2, N2)):
        with counted(model) as work:
            ours[case]()
        found = f"{work['backwards']} backward, {work['forwards']} forwards"
        rows.append(exact(f"{case.split(':')[0]}: work", found, f"1 backward, {1 + evaluations} forwards"))
    return rows


def timed_rows(timings: Mapping[str, Timing], missing: Mapping[str, str]) -> list[Row]:
    """The limits, the goals P1, P2 and P4, and every peer beside P1; the best of them is held against P3."""
    best = min((p for p in PEERS if p in timings), key=lambda p: ratio(timings, p, P1), default=None)
    rows = [
        timed(timings, FWD),
        compared(timings, GRAD, FWD),
        timed(timings, LIMIT1),
        judged(timings, P1, LIMIT1, "<=", 1.10, gate=1.30),
        timed(timings, LIMIT2),
        judged(timings, P2, LIMIT2, "<=", 1.10, gate=1.30),
        judged(timings, EACH, P2, ">=", 2.5, gate=min(2.5, 0.8 * ceiling(timings, N2))),
    ]
    for peer in PEERS:
        if peer in missing:
            rows.append(Row(peer, ratio="not run", goal=missing[peer]))
        elif peer == best:
            rows.append(judged(timings, peer, P1, ">=", 0.9 * ceiling(timings, N1)))
        else:
            rows.append(compared(timings, peer, P1))
    return rows


def measure(name: str, rounds: int) -> dict[str, object]:
    """Check, count and time one network; returns its report, in seconds but for the rows."""
    model, x, y = harness.network("digits32", name, RECIPES[name])
    x, y = x[: IMAGES[name]], y[: IMAGES[name]]
    ours = cases(model, x, y)
    counts = counted_rows(model, x, y, ours)
    assert_equal({case: ours[case]() for case in (P2, EACH)})
    for eps in (SMALL_EPS, EPS):
        libraries, missing = harness.installed_peers(PEERS, model, x, y, eps)
        fgsm = {P1: partial(swept, model, x, y, attacks=FOUR[:1], eps=eps), **libraries}
        assert_equal({case: call() for case, call in fgsm.items()})
    timings = harness.run({**ours, **libraries}, rounds)
    return {
        "images": len(x),
        "right": ours[P1](),
        "ceiling_p3": ceiling(timings, N1),
        "ceiling_p4": ceiling(timings, N2),
        "rows": timed_rows(timings, missing) + counts,
        "seconds": {case: timing.summary() for case, timing in timings.items()},
    }


def section(name: str, rounds: int, report: Mapping[str, object]) -> str:
    """One network's table in Markdown, and what the table rests on."""
    right_at = ", ".join(f"{n} at {eps}" for n, eps in zip(report["right"], EPS, strict=True))
    return (
        f"### {name}, {report['images']} images, {rounds} rounds\n\n"
        f"{harness.rows_table(report['rows'])}\n"
        f"Images that FGSM leaves right, by every library that ran: {right_at}. From t_grad and t_fwd as "
        f"measured, one gradient for all can be at most {report['ceiling_p3']:.2f} times (P3) and "
        f"{report['ceiling_p4']:.2f} times (P4) cheaper than one for each.\n"
    )


def main() -> int:
    """Measure, print, write ``build/benchmarks/one_step.{json,md}``; 1 when a gate is broken."""
    options = harness.parser("one_step", __doc__)
    options.add_argument("--long", action="store_true", help="ResNet-18 as well")
    args = harness.arguments(options)
    machine = harness.machine(PACKAGES)
    models = {name: measure(name, args.rounds) for name in IMAGES if args.long or name == "alexnet"}
    sections = [section(name, args.rounds, report) for name, report in models.items()]
    return harness.finish("one_step", args, machine, models, "\n".join([harness.heading(machine), *sections]))


if __name__ == "__main__":
    sys.exit(main())
