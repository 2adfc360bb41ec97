"""Checking the framework of `convex`: Propositions 1 and 2 on real networks, and softmax scores in place of logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from inputgrad.compute.attacks import algorithm1
from inputgrad.compute.attacks.convex import perturbation, smallest_eps
from inputgrad.compute.gradients import Margins, input_gradient, margins
from inputgrad.ground.checks import eps_value

from .convex import STEPS_OF
from .convex_measures import measures
from .convex_victim import Victim, place, victim
from .job import Job, Outcome
from .tally import Tally


def framework(job: Job) -> Outcome:
    """Propositions 1 and 2 on a real network, and what softmax scores would make of the paper.

    Float64 throughout: what is asked here is what follows from the formulas, not from rounding. Multiples of the
    smallest feasible eps are the rows' ``parameter``.
    """
    tally, s = Tally(partial(place, job)), job.trial.settings
    job = replace(job, trial=replace(job.trial, settings={**s, "dtype": "float64"}))
    v = victim(job)
    softmax = replace(v, scores=nn.Sequential(v.logits, nn.Softmax(1)))
    sizes, what = v.sizes(job), f"{job.trial.exhibit} {job.trial.name}"
    for x, y in v.batches(what):
        m = margins(v.scores, x, y)
        for p in s["p"]:
            feasible = smallest_eps(m, float(p))
            ball = partial(tally.add, "Algorithm 1", "", f"p={p}", steps=1, variant=p)
            for text in s["multiples"]:
                x_adv = x + perturbation(m, eps_value(text) * feasible, float(p))
                ball("fooled_at_multiple", v.fooled(x_adv, y), parameter=text)
            ball("optimal", gap(m, feasible, float(p)) < 1e-6)
        compare_scores(tally, v, softmax, x, y, sizes)
        target = (y + 1) % job.data.classes
        for eps, size in sizes.items():
            x_adv = algorithm1(v.scores, x, y, eps=size, steps=10, target=target, box=None)
            reached = ~v.fooled(x_adv, target)
            tally.add("Algorithm 1-10, targeted", eps, "default", "reached_target", reached, steps=10)
    for name, one in (("default", v), ("scores=softmax", softmax)):
        found = measures(one, job)
        steps = STEPS_OF["DeepFool"]
        tally.add("DeepFool", "", name, "fooled_at_all", found["fooled"], steps=steps)
        rho1, rho2 = (found["length"] / found["peak"]).mean(), found["linear"].mean() / v.unit
        tally.number("DeepFool", "", name, "rho1_hat", rho1, steps=steps, unit="ratio", images=len(v.x))
        tally.number("none", "", name, "rho2_hat", rho2, steps=0, unit="ratio", images=len(v.x))
    return Outcome(tally.rows())


def gap(m: Margins, eps: Tensor, p: float) -> Tensor:
    """How far the closed form is from the dual bound it must attain, relative to it, ``(B,)`` [convex, Prop. 2]."""
    slopes = m.slopes(p)
    bound = (m.value - eps.view(-1, 1) * slopes).amin(1)
    eta = perturbation(m, eps, p)
    reached = (m.value + (m.gradient * eta.unsqueeze(1)).flatten(2).sum(2)).amin(1)
    return (reached - bound).abs() / (m.value.abs().amin(1) + eps * slopes.amax(1))


def compare_scores(tally: Tally, v: Victim, softmax: Victim, x: Tensor, y: Tensor, sizes: Mapping[str, float]) -> None:
    """Algorithm 2 on logits and on softmax scores, and FastGrad: which steps are the same, and what they fool."""
    up = input_gradient(v.logits, x, y).sign()
    own = {name: input_gradient(one.scores, x, y, loss="nll_logits").sign() for name, one in
           (("default", v), ("scores=softmax", softmax))}  # fmt: skip
    for name, d in own.items():
        tally.add("Algorithm 2", "", name, "same_as_fastgrad", (d == up).flatten(1).all(1), steps=1)
    for eps, size in sizes.items():
        tally.add("FastGrad", eps, "default", "fooling_ratio", v.fooled(x + size * up, y), steps=1)
        for name, d in own.items():
            tally.add("Algorithm 2", eps, name, "fooling_ratio", v.fooled(x + size * d, y), steps=1)
