"""Signs of a masked gradient, from the accuracies that an audit measured. Needs no torch."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import number
from inputgrad.study.own import AS_GIVEN
from inputgrad.study.selfgrad import DEFENCES

ALLOWED = 5.0
"""Percentage points by which one attack may beat another before it counts as a sign: chance on some hundred images."""

LARGE = 64 / 255
"""At this radius an image can be turned into almost any other."""


def accuracies(run: Run) -> pd.DataFrame:
    """The accuracies that a run of the audit shows."""
    mine = cells.of_run(run)
    return mine[mine["metric"] == "accuracy"]


def measured_on(run: Run, defense: str) -> dict[tuple[str, str], float]:
    """Accuracies of one defence by attack and steps; those over the radius by ``("eps", radius)``."""
    found = {}
    for c in accuracies(run).itertuples():
        if c.defense == defense:
            place = ("eps", c.eps) if c.attack == "PGD over eps" else (c.attack, str(c.steps))
            found[place] = c.value
    return found


BLACK_BOX = ("Square", *(f"transfer from {name}" for name in DEFENCES))
"""Attacks that do without the network's own gradient."""


def signs(run: Run, defense: str = "Self gradient") -> list[dict]:
    """Signs of a masked gradient (Athalye et al. 2018, Sec. 3.1; Carlini et al. 2019, Sec. 5), from measurements.

    Returns:
        One entry a question: ``question``, ``fine`` (``None`` where it was not measured) and ``measured``.
    """
    value = measured_on(run, defense)
    if ("PGD", "20") not in value:
        return []
    pgd, longest = value["PGD", "20"], value["PGD", "100"]
    best = min(longest, value.get(("CW", "100"), longest))
    black = {a: v for (a, _), v in value.items() if a in BLACK_BOX}
    adapted = {a: v for (a, _), v in value.items() if a in ("PGD, smoothed", "PGD, block held constant",
                                                            "transfer from the block off")}  # fmt: skip
    strong = {a: v for (a, _), v in value.items() if a in ("PGD, restarts", "APGD", "APGD, then targeted")}
    radii = {cells.eps_number(eps): v for (kind, eps), v in value.items() if kind == "eps"}
    far = {r: v for r, v in radii.items() if r >= LARGE - 1e-9}
    falls = [c.value for c in cells.of_run(run).itertuples() if c.defense == defense and c.metric == "loss_falls_along"]
    return [
        asked("Do iterated attacks do at least as well as one step?",
              pgd <= value["FGSM", "1"] + ALLOWED, {"FGSM": value["FGSM", "1"], "PGD-20": pgd}),
        asked("Do attacks without a gradient, and transferred ones, stay behind it?",
              min(black.values()) >= pgd - ALLOWED if black else None, {"PGD-20": pgd, **black}),
        asked("Does the largest radius bring accuracy to zero?", min(far.values()) <= ALLOWED if far else None,
              {f"{255 * r:.0f}/255": v for r, v in far.items()}),
        asked("Does accuracy fall with the radius?", falling(radii) if len(radii) > 1 else None,
              {f"{255 * r:.0f}/255": radii[r] for r in sorted(radii)}),
        asked("Is a longer attack no better?", pgd - longest <= ALLOWED, {"PGD-20": pgd, "PGD-100": longest}),
        asked("Does random noise do less than the gradient?", value["random sign", "1"] > pgd,
              {"random signs": value["random sign", "1"], "PGD-20": pgd}),
        asked(f"Does {'averaging' if defense == AS_GIVEN else 'looking past the block, or averaging'} over noise"
              f"{'' if defense == AS_GIVEN else ','} gain nothing?",
              min(adapted.values()) >= pgd - ALLOWED if adapted else None, {"PGD-20": pgd, **adapted}),
        asked("Do restarts and adaptive step sizes find little more?",
              min(strong.values()) >= best - ALLOWED if strong else None, {"best of PGD-100, CW-100": best, **strong}),
        asked("Does the loss rise all the way along FGSM's direction?", falls[0] <= 2 * ALLOWED if falls else None,
              {"it falls somewhere, of the images": falls[0]} if falls else {}),
    ]  # fmt: skip


def asked(question: str, fine: bool | None, numbers: dict[str, float]) -> dict:
    """One line of the checklist."""
    said = "; ".join(f"{name} {number(v)}" for name, v in numbers.items())
    return {"question": question, "fine": fine if fine is None else bool(fine), "measured": said or "not run"}


def falling(radii: dict[float, float]) -> bool:
    """Does accuracy never rise with the radius, up to what is allowed?"""
    values = [radii[r] for r in sorted(radii)]
    return all(after <= before + ALLOWED for before, after in pairwise(values))


ANSWERS = {True: "yes", False: "no", None: "not run"}
