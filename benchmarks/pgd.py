"""PGD, CW and APGD beside the least a network must cost and beside kept libraries: goals P5, P6, P7, P10 and P11.

``python -m benchmarks.pgd [--rounds N] [--threads N] [--record]``; read README.md beside it.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from pyautoattack.autopgd_base import APGDAttack
from torch import Tensor, nn

from inputgrad.compute.attacks import ATTACKS, pgd, steps_to_fool
from inputgrad.compute.gradients import frozen, margin
from inputgrad.compute.metrics import correct

from . import harness
from .convex import IMAGES, MODEL, RECIPE, Attack, in_channels_last, repeated
from .harness import FWD, GRAD, Row, Timing, compared, counted, exact, forward, judged, ratio, timed
from .one_step import leaves_gradients

STEPS, EPS = 10, 0.1  # PGD and CW; units of x
LONG, LEFT = 40, 0.20  # P7: the steps, and the most of the images that may be left right
CHECK = 100  # APGD
WITHIN = 0.02  # of the images: the most by which two attacks that are compared may differ

LIMIT, LIMIT_CHECK = f"limit of P5, PGD: {STEPS} t_grad", f"limit of P10: {CHECK + 1} t_grad"
LIMIT_CW = f"limit of P5, CW: {STEPS} gradients of the margin"
LIMIT_PREPARED = f"limit of P6, PGD: {STEPS} t_grad in channels_last"
LIMIT_PREPARED_CW = f"limit of P6, CW: {STEPS} gradients of the margin in channels_last"
PGD, CW = f"P5, PGD: {STEPS} steps, no early exit", f"P5, CW: {STEPS} steps on the margin, no early exit"
PREPARED, PREPARED_CW = "P6, PGD: network and images in channels_last", "P6, CW: network and images in channels_last"
LIMIT_EXIT = "limit of P7: the gradients of the images that stand, replayed"
FULL = f"P7, no exit: PGD, {LONG} steps"
EXIT, FELL = f"P7, early exit: PGD, at most {LONG} steps", f"P7, counted: steps_to_fool, at most {LONG} steps"
APGD = f"P10: APGD of pyautoattack, {CHECK} iterations on the cross-entropy"
OURS = (PGD, CW, PREPARED, PREPARED_CW, FULL, EXIT, FELL, APGD)

PACKAGES = (
    "torch", "numpy", "inputgrad", "pyautoattack", "foolbox", "adversarial-robustness-toolbox", "torchattacks",
    "adv-lib",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What every library is asked for: so many signed steps from the images themselves, in [0, 1]."""

    steps: int
    eps: float = EPS
    loss: str = "ce"

    @property
    def alpha(self) -> float:
        """The step size that ``pgd`` takes when it is told none."""
        return 2.5 * self.eps / self.steps


TASK, CW_TASK = Task(STEPS), Task(STEPS, loss="margin")


# What is timed


def attacked(model: nn.Module, x: Tensor, y: Tensor, task: Task, *, early_exit: bool = False) -> Tensor:
    """``pgd`` of this package."""
    return pgd(model, x, y, eps=task.eps, steps=task.steps, loss=task.loss, early_exit=early_exit)


def falls(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Tensor:
    """``steps_to_fool`` of this package."""
    return steps_to_fool(model, x, y, eps=task.eps, steps=task.steps, alpha=task.alpha, loss=task.loss)


def apgd(model: nn.Module, x: Tensor, y: Tensor) -> Attack:
    """APGD of pyautoattack, called as the audit of `selfgrad` calls it."""
    attack = APGDAttack(model, n_iter=CHECK, norm="Linf", eps=EPS, loss="ce", seed=0, device=x.device)
    return partial(attack.perturb, x, y)


def ours(model: nn.Module, x: Tensor, y: Tensor, prepared: tuple[nn.Module, Tensor], long: Task) -> dict[str, Attack]:
    """This package's attacks, and the one that it takes from pyautoattack."""
    return {
        PGD: partial(attacked, model, x, y, TASK),
        CW: partial(attacked, model, x, y, CW_TASK),
        PREPARED: partial(attacked, *prepared, y, TASK),
        PREPARED_CW: partial(attacked, *prepared, y, CW_TASK),
        FULL: partial(attacked, model, x, y, long),
        EXIT: partial(attacked, model, x, y, long, early_exit=True),
        FELL: partial(falls, model, x, y, long),
        APGD: apgd(model, x, y),
    }


def replayed(model: nn.Module, x: Tensor, y: Tensor, sizes: Sequence[int]) -> None:
    """One gradient for each size, of so many images."""
    for n in sizes:
        harness.gradient(model, x[:n], y[:n])


def limits(
    model: nn.Module, x: Tensor, y: Tensor, prepared: tuple[nn.Module, Tensor], sizes: Sequence[int]
) -> dict[str, Callable[[], object]]:
    """The network's own work for each of them, a case like any other."""
    on_margin = partial(harness.gradient, loss=margin)
    return {
        FWD: partial(forward, model, x),
        GRAD: partial(harness.gradient, model, x, y),
        LIMIT: partial(repeated, STEPS, harness.gradient, model, x, y),
        LIMIT_CW: partial(repeated, STEPS, on_margin, model, x, y),
        LIMIT_PREPARED: partial(repeated, STEPS, harness.gradient, *prepared, y),
        LIMIT_PREPARED_CW: partial(repeated, STEPS, on_margin, *prepared, y),
        LIMIT_EXIT: partial(replayed, model, x, y, sizes),
        LIMIT_CHECK: partial(repeated, CHECK + 1, harness.gradient, model, x, y),
    }


# Where P7 is measured


def hard_enough(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Task, Tensor]:
    """The smallest eps, in hundredths, that leaves few enough images right, and after how many steps each falls."""
    for hundredths in range(1, 101):
        task = Task(LONG, hundredths / 100)
        fell = falls(model, x, y, task)
        if (fell > LONG).sum() <= LEFT * len(x):
            return task, fell
    raise AssertionError(f"PGD with {LONG} steps leaves more than {LEFT:.0%} of the images right at every eps")


def gradient_sizes(fell: Tensor) -> list[int]:
    """How many images are in the gradient of each step under early exit: all that were right before it."""
    return [n for step in range(LONG) if (n := int((fell >= step).sum()))]


# Kept libraries, each as its user would call it, with the whole batch at once and no random start


def foolbox(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Attack:
    """LinfPGD of foolbox; on the margin, with the method overridden that it offers for a loss of one's own."""
    import eagerpy
    import foolbox

    class OnMargin(foolbox.attacks.LinfPGD):
        def get_loss_fn(self, model: Callable, labels: eagerpy.Tensor) -> Callable:
            return lambda inputs: eagerpy.astensor(margin(model(inputs).raw, labels.raw).sum())

    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device=x.device)
    kind = OnMargin if task.loss == "margin" else foolbox.attacks.LinfPGD
    attack = kind(steps=task.steps, abs_stepsize=task.alpha, random_start=False)
    return lambda: attack(wrapped, x, y, epsilons=task.eps)[1]


def foolbox_frozen(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Attack:
    """The same for a user who has frozen the parameters, so that the reason for the gap shows."""
    attack = foolbox(model, x, y, task)

    def case() -> Tensor:
        with frozen(model):
            return attack()

    return case


def art(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Attack:
    """ProjectedGradientDescent of the adversarial-robustness-toolbox, on NumPy arrays; cross-entropy."""
    from art.attacks.evasion import ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    images, labels = x.numpy(), y.numpy()
    wrapped = PyTorchClassifier(
        model, nn.CrossEntropyLoss(), tuple(x.shape[1:]), 10, clip_values=(0, 1), device_type="cpu"
    )
    attack = ProjectedGradientDescent(
        wrapped, eps=task.eps, eps_step=task.alpha, max_iter=task.steps, batch_size=len(x), verbose=False
    )
    return lambda: torch.from_numpy(attack.generate(images, labels))


def torchattacks(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Attack:
    """PGD of torchattacks; cross-entropy."""
    import torchattacks

    attack = torchattacks.PGD(model, eps=task.eps, alpha=task.alpha, steps=task.steps, random_start=False)
    return partial(attack, x, y)


def adv_lib(model: nn.Module, x: Tensor, y: Tensor, task: Task) -> Attack:
    """``pgd_linf`` of adv-lib, which returns an iterate that fools and never asks about the last step's."""
    from adv_lib.attacks import pgd_linf

    loss = {"ce": "ce", "margin": "dl"}[task.loss]
    return partial(
        pgd_linf, model, x, y, task.eps, steps=task.steps, random_init=False, loss_function=loss,
        absolute_step_size=task.alpha,
    )  # fmt: skip


FOOLBOX, FROZEN, ART = "foolbox", "foolbox, parameters frozen by the user", "adversarial-robustness-toolbox"
PEERS = {FOOLBOX: foolbox, FROZEN: foolbox_frozen, ART: art, "torchattacks": torchattacks, "adv-lib": adv_lib}
GROUPS = {PGD: ("P5, PGD", PEERS), CW: ("P5, CW", (FOOLBOX, FROZEN, "adv-lib")), FULL: ("P7", PEERS)}
"""What the cases of the libraries are called that do the same as one of ours, and which can."""


def peers(case: str) -> dict[str, Callable[..., Attack]]:
    """The builders of what the libraries have beside ``case``, each with the name of its own case."""
    group, names = GROUPS[case]
    return {f"{group}: {name}": PEERS[name] for name in names}


# Correctness first


@dataclass(frozen=True)
class Answer:
    """What an attack achieves on a batch: images still right, and its largest l-inf norm in units of x."""

    right: int
    reach: float


def answer(model: nn.Module, x: Tensor, y: Tensor, attack: Attack) -> Answer:
    """Run the attack once and judge it; infinitely far is what leaves the box."""
    x_adv = attack().detach()
    inside = bool((x_adv >= 0).all() and (x_adv <= 1).all())
    return Answer(harness.right(model, x_adv, y), float((x_adv - x).abs().max()) if inside else math.inf)


def assert_alike(answers: Mapping[str, Answer], eps: float, images: int) -> None:
    """Stop unless all stay in ball and box and leave as many images right as the first, within 2 % of them."""
    first = next(iter(answers.values()))
    if any(abs(a.right - first.right) > WITHIN * images or a.reach > eps + 1e-6 for a in answers.values()):
        lines = "\n".join(f"  {name}: {a.right} right, largest norm {a.reach:.5f}" for name, a in answers.items())
        raise AssertionError(f"these do not achieve the same within eps {eps}, so no time is reported:\n{lines}")


def assert_no_weaker(answers: Mapping[str, Answer], case: str, than: str) -> None:
    """Stop if ``case`` leaves the ball, or leaves more images right than ``than``."""
    if answers[case].right > answers[than].right or answers[case].reach > EPS + 1e-6:
        raise AssertionError(f"{case} is weaker than {than}, so no time is reported: {answers[case]}, {answers[than]}")


def fooled_on_the_way(model: nn.Module, y: Tensor, attack: Attack) -> Tensor:
    """Which images some iterate fools, the last one included, ``(B,)``; all are in every forward of ``attack``."""
    fooled = []
    hook = model.register_forward_hook(lambda _module, _inputs, logits: fooled.append(~correct(logits.detach(), y)))
    try:
        forward(model, attack())
    finally:
        hook.remove()
    return torch.stack(fooled).any(0)


def assert_same_images(fooled: Mapping[str, Tensor]) -> None:
    """Stop unless all fool the images that the first fools, but for one, and few enough are left."""
    first = next(iter(fooled.values()))
    if any((f ^ first).sum() > 1 or (~f).sum() > LEFT * len(f) for f in fooled.values()):
        lines = "\n".join(f"  {name}: {f.nonzero()[:, 0].tolist()}" for name, f in fooled.items())
        raise AssertionError(f"these do not fool the same images, so no time is reported:\n{lines}")


# What is reported


def passes(forwards: int, sizes: Sequence[int]) -> str:
    """Forwards, backwards, and the images in the backwards."""
    return f"{forwards} forwards; {len(sizes)} backwards, {sum(sizes)} images in them"


def found_passes(work: Counter) -> str:
    """The same of what was counted."""
    sizes = [key[1] for key in work.elements() if isinstance(key, tuple) and key[0] == "backwards"]
    return passes(work["forwards"], sizes)


def expected_passes(images: int, fell: Tensor) -> dict[str, str]:
    """The work of each attack here; ``steps_to_fool`` also asks whether the last step fools, APGD who is right."""
    sizes = gradient_sizes(fell)
    return {
        **dict.fromkeys((PGD, CW, PREPARED, PREPARED_CW), passes(STEPS, [images] * STEPS)),
        FULL: passes(LONG, [images] * LONG),
        EXIT: passes(len(sizes), sizes),
        FELL: passes(len(sizes) + bool((fell >= LONG).any()), sizes),
        APGD: passes(1 + CHECK + 1, [images] * (CHECK + 1)),
    }


def counted_rows(
    models: tuple[nn.Module, nn.Module], x: Tensor, y: Tensor, attacks: Mapping[str, Attack], fell: Tensor
) -> list[Row]:
    """P11 for every attack here and in the catalogue, and the work of each here: exact, and free of noise."""
    expected, rows = expected_passes(len(x), fell), []
    guilty = [name for name, attack in ATTACKS.items() if leaves_gradients(attack, models[0], x, y)]
    for case, attack in attacks.items():
        for model in models:
            model.zero_grad(set_to_none=True)
        with counted(models[0]) as plain, counted(models[1]) as prepared:
            attack()
        if any(p.grad is not None for model in models for p in model.parameters()):
            guilty.append(case)
        rows.append(exact(f"{case.split(':')[0]}: work", found_passes(plain + prepared), expected[case]))
    of = len(ATTACKS) + len(attacks)
    return [exact(f"P11: attacks (of {of}) that leave a p.grad", ", ".join(guilty) or "none", "none"), *rows]


def library_rows(
    timings: Mapping[str, Timing], missing: Mapping[str, str], case: str, against: str, goals: Mapping[str, float]
) -> list[Row]:
    """Every library that has what ``case`` does, beside ``against``; in ``goals``, how many times as long it takes."""
    rows = []
    for peer in peers(case):
        goal = goals.get(peer.split(": ")[1])
        if peer in missing:
            rows.append(Row(peer, ratio="not run", goal=missing[peer]))
        elif goal is None:
            rows.append(compared(timings, peer, against))
        else:
            rows.append(judged(timings, peer, against, ">=", goal))
    return rows


def fastest(
    timings: Mapping[str, Timing], case: str, against: str, goal: float, gate: float | None = None
) -> list[Row]:
    """The fastest library that has what ``case`` does, held against ``against``; no row where none ran."""
    ran = [peer for peer in peers(case) if peer in timings]
    if not ran:
        return []
    best = min(ran, key=lambda peer: ratio(timings, peer, against))
    row = judged(timings, best, against, ">=", goal, gate)
    return [replace(row, case=f"{against.split(':')[0]}: the fastest library, {best.split(': ')[1]}")]


def out_of_reach(timings: Mapping[str, Timing], case: str, limit: str) -> list[Row]:
    """How many times as long as the network's own work the fastest library takes: more than that P6 cannot win."""
    ran = [peer for peer in peers(case) if peer in timings]
    if not ran:
        return []
    row = compared(timings, min(ran, key=lambda peer: ratio(timings, peer, limit)), limit)
    return [replace(row, case=f"{limit.split(':')[0]}, the fastest library beside it: the most that P6 can win")]


def timed_rows(timings: Mapping[str, Timing], missing: Mapping[str, str]) -> list[Row]:
    """The limits, the goals P5 to P7 with every library beside them, and P10."""
    slow = {FOOLBOX: 1.3, ART: 1.3}
    rows = [timed(timings, FWD), compared(timings, GRAD, FWD), timed(timings, LIMIT)]
    for case, limit, prepared, least in (
        (PGD, LIMIT, PREPARED, LIMIT_PREPARED), (CW, LIMIT_CW, PREPARED_CW, LIMIT_PREPARED_CW),
    ):  # fmt: skip
        rows += [
            *([compared(timings, limit, LIMIT)] if limit != LIMIT else []),
            judged(timings, case, limit, "<=", 1.05, gate=1.20),
            *library_rows(timings, missing, case, case, slow),
            *fastest(timings, case, case, 1 / 1.03),
            timed(timings, least),
            compared(timings, prepared, least),
            *fastest(timings, case, prepared, 1.5),
            *out_of_reach(timings, case, least),
        ]
    rows += [
        timed(timings, LIMIT_EXIT),
        replace(compared(timings, FULL, LIMIT_EXIT), case=f"{FULL}, beside that limit: the most that P7 can win"),
        compared(timings, EXIT, LIMIT_EXIT),
        compared(timings, FELL, LIMIT_EXIT),
        judged(timings, FULL, EXIT, ">=", 2.5, gate=1.8),
        replace(judged(timings, FULL, FELL, ">=", 2.5, gate=1.8), case=f"{FULL}, beside steps_to_fool"),
        *library_rows(timings, missing, FULL, EXIT, {}),
        *fastest(timings, FULL, EXIT, 2.5, gate=1.8),
        timed(timings, LIMIT_CHECK),
        judged(timings, APGD, LIMIT_CHECK, "<=", 1.10, gate=1.30),
        Row("P10, early exit: pyautoattack has none", ratio="not run", goal="<= 0.80"),
    ]
    return rows


def checked(
    model: nn.Module, x: Tensor, y: Tensor, attacks: Mapping[str, Attack], long: Task, fell: Tensor
) -> tuple[dict[str, Answer], dict[str, Attack], dict[str, str]]:
    """Run every attack once; returns what each achieves, the libraries' attacks, and why the others do not run."""
    assert_same_images({
        FULL: fooled_on_the_way(model, y, attacks[FULL]),
        EXIT: ~correct(forward(model, attacks[EXIT]()), y),
        FELL: fell <= LONG,
    })  # fmt: skip
    answers = {case: answer(model, x, y, attack) for case, attack in attacks.items() if case != FELL}
    assert_no_weaker(answers, APGD, PGD)
    libraries, missing = {}, {}
    for task, case, *alike in ((TASK, PGD, PREPARED), (CW_TASK, CW, PREPARED_CW), (long, FULL, EXIT)):
        found, absent = harness.installed_peers(peers(case), model, x, y, task)
        answers |= {name: answer(model, x, y, attack) for name, attack in found.items()}
        assert_alike({name: answers[name] for name in (case, *alike, *found)}, task.eps, len(x))
        libraries |= found
        missing |= absent
    return answers, libraries, missing


def measure(rounds: int) -> dict[str, object]:
    """Check, count and time; returns the report, in seconds but for the rows."""
    model, x, y = harness.network("digits28", MODEL, RECIPE)
    rightly = correct(forward(model, x), y)
    x, y = x[rightly][:IMAGES], y[rightly][:IMAGES]
    long, fell = hard_enough(model, x, y)
    prepared = in_channels_last(model, x)
    attacks = ours(model, x, y, prepared, long)
    counts = counted_rows((model, prepared[0]), x, y, attacks, fell)
    answers, libraries, missing = checked(model, x, y, attacks, long, fell)
    timings = harness.run({**limits(model, x, y, prepared, gradient_sizes(fell)), **attacks, **libraries}, rounds)
    return {
        "images": len(x),
        "eps": long.eps,
        "standing": gradient_sizes(fell),
        "left": int((fell > LONG).sum()),
        "answers": answers,
        "rows": timed_rows(timings, missing) + counts,
        "seconds": {case: timing.summary() for case, timing in timings.items()},
    }


def section(rounds: int, report: Mapping[str, object]) -> str:
    """The table in Markdown, and what it rests on."""
    images, standing = report["images"], report["standing"]
    by_count: dict[int, list[str]] = {}
    for name, found in report["answers"].items():
        by_count.setdefault(found.right, []).append(name.split(":")[0] if name in OURS else name)
    right = "".join(f"- {count} by {'; '.join(names)}\n" for count, names in sorted(by_count.items()))
    return (
        f"### {MODEL}, {images} images, {rounds} rounds\n\n{harness.rows_table(report['rows'])}\n"
        f"P5, P6 and P10 at eps {EPS}; P7 at {report['eps']}, where {report['left']} of {images} images stand to the "
        f"end. Images standing before each step of P7: {', '.join(map(str, standing))}. That is "
        f"{LONG * images / sum(standing):.2f} times fewer in all than without early exit, about the most that it can "
        f"win.\n\nImages left right, by what each attack returns:\n\n{right}"
    )


def main() -> int:
    """Measure, print, write ``build/benchmarks/pgd.{json,md}``; 1 when a gate is broken."""
    args = harness.arguments(harness.parser("pgd", __doc__))
    machine = harness.machine(PACKAGES)
    report = measure(args.rounds)
    text = f"{harness.heading(machine)}\n{section(args.rounds, report)}"
    return harness.finish("pgd", args, machine, {MODEL: report}, text)


if __name__ == "__main__":
    sys.exit(main())
