"""Computing the exhibits of `convex` (Balda, Behboodi, Mathar 2018)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inputgrad.catalogue import models
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import algorithm1, deepfool, pgd, random_sign
from inputgrad.compute.attacks.convex import CLASS_CHOICES, perturbation, smallest_eps
from inputgrad.compute.gradients import Margins, input_gradient, margins
from inputgrad.compute.metrics import correct
from inputgrad.compute.models.prepared import Prepared
from inputgrad.compute.norms import UNIT, Box, into, norm, steepest
from inputgrad.compute.training.networks import trained
from inputgrad.ground.checks import eps_value
from inputgrad.ground.progress import progress
from inputgrad.study.convex import IN_RANGE, IN_THE_BOX, LEAST_EPS, WAYS, fig2_eps

from .job import Job, Outcome
from .tally import Tally, placed, reading_of

BATCH = 128
DEFAULT = {"eps_unit": "range", "scores": "logits", "class_choice": "linearised", "p": "inf", "dtype": "float32",
           "clip": False, "rho_unit": "paper"}  # fmt: skip
reading = partial(reading_of, DEFAULT)


def place(job: Job, eps: str) -> dict[str, str]:
    """Which figure or table of the paper a cell belongs to, and what the paper calls its data set and network."""
    trial = job.trial
    exhibit = trial.exhibit.split("/")[1]
    table = {"robustness": "I", "fooling": "fig2" if eps in ("0", *fig2_eps(trial.model)) else ""}.get(exhibit, "own")
    return placed(trial, table)


def step_sizes(job: Job) -> dict[str, float]:
    """The eps asked for, text to number; by default those of Fig. 2 for this network."""
    return {text: eps_value(text) for text in job.trial.settings["eps"] or fig2_eps(job.trial.model)}


# Where the attacks work


@dataclass(frozen=True)
class Victim:
    """A network and the images it is attacked on, in the space in which perturbations are measured.

    Attributes:
        logits: ``x`` -> logits, what a prediction and FastGrad's loss are made of.
        scores: ``x`` -> what margins are taken of, logits or softmax.
        x: the test images that are attacked, all classified correctly, ``(N, C, H, W)``.
        y: their labels, ``(N,)``.
        unit: what eps = 1 means in ``x``.
        box: what pixels in [0, 1] become.
    """

    logits: nn.Module
    scores: nn.Module
    x: Tensor
    y: Tensor
    unit: float
    box: Box

    def batches(self, what: str) -> Iterator[tuple[Tensor, Tensor]]:
        """The images in batches, with progress."""
        parts = zip(self.x.split(BATCH), self.y.split(BATCH), strict=True)
        yield from progress(list(parts), desc=f"measure {what}")

    def fooled(self, x_adv: Tensor, y: Tensor) -> Tensor:
        """Which images are no longer classified as before, ``(B,)`` bool."""
        with torch.no_grad():
            return ~correct(self.logits(x_adv), y)


def victim(job: Job) -> Victim:
    """The trial's network, in the space, precision and scores that its settings ask for."""
    s = {**DEFAULT, **job.trial.settings}
    net = copy.deepcopy(job.trained.model).to(getattr(torch, s["dtype"])).to(memory_format=torch.channels_last)
    prepare: nn.Module = nn.Identity()
    logits: nn.Module = net
    if s["eps_unit"] == "range" and isinstance(net, Prepared):
        prepare, logits = net.prepare, net.body
    x, y = correct_images(job, net)
    low = prepare(torch.zeros_like(x[:1])).amin((2, 3), keepdim=True)
    high = prepare(torch.ones_like(x[:1])).amax((2, 3), keepdim=True)
    scores = nn.Sequential(logits, nn.Softmax(1)) if s["scores"] == "softmax" else logits
    return Victim(logits, scores, prepare(x), y, prepared_range(job, prepare), (low, high))


def correct_images(job: Job, net: nn.Module) -> tuple[Tensor, Tensor]:
    """``images`` test images that are classified correctly: the paper attacks no others (all, if fewer).

    The first ones for a network of ours, which differs from seed to seed. One that is loaded is the same for every
    seed: there the seed draws the images, as its authors drew them.
    """
    wanted, dtype = job.trial.settings["images"], next(net.parameters()).dtype
    drawn = models.architecture(job.trial.model).weights is not None
    found: list[Tensor] = []
    for x, y in test_batches(job, dtype):
        with torch.no_grad():
            found.append(correct(net(x), y))
        if not drawn and sum(int(f.sum()) for f in found) >= wanted:
            break
    right = torch.cat(found).nonzero()[:, 0].cpu()
    if drawn:
        right = right[torch.randperm(len(right), generator=torch.Generator().manual_seed(job.trial.seed))]
    chosen = right[:wanted]
    x = job.data.x_test[chosen].to(job.device).to(dtype) / 255
    return x.to(memory_format=torch.channels_last), job.data.y_test[chosen].to(job.device)


def test_batches(job: Job, dtype: torch.dtype = torch.float32) -> Iterator[tuple[Tensor, Tensor]]:
    """All test images, in [0, 1], and their labels."""
    for x, y in zip(job.data.x_test.split(BATCH), job.data.y_test.split(BATCH), strict=True):
        yield (x.to(job.device).to(dtype) / 255).to(memory_format=torch.channels_last), y.to(job.device)


def prepared_range(job: Job, prepare: nn.Module) -> float:
    """Largest minus smallest value of the prepared test set: the unit of the paper's eps."""
    if isinstance(prepare, nn.Identity):
        return UNIT[1] - UNIT[0]
    extremes = [torch.stack(prepare(x).aminmax()) for x, _ in test_batches(job)]
    low, high = torch.stack(extremes, 1)
    return float(high.max() - low.min())


# Figure 2


def fooling(job: Job) -> Outcome:
    """The share of images that each method fools, over eps.

    Gradients at the clean images are shared by all eps. DeepFool is run once and counts at every eps that its
    perturbation stays below, as in the paper; the reading ``least eps`` treats the one-step methods likewise, an image
    counting from the smallest eps of the list that fools it.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = {text: size * v.unit for text, size in sorted(step_sizes(job).items(), key=lambda item: item[1])}
    generator = torch.Generator().manual_seed(job.trial.seed)
    chosen = {name: s[name] for name in ("eps_unit", "scores", "class_choice", "p", "dtype")}
    exact = copy.deepcopy(v.logits).double()
    kept = [(s["clip"], s["methods"])] + ([] if s["clip"] else [(True, s["clipped"])])
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        tally.add("none", "0", "default", "fooling_ratio", v.fooled(x, y), steps=0)
        etas = one_step_perturbations(v, exact, x, y, s, generator)
        for clip, methods in kept:
            name, box, variant = reading(clip=clip, **chosen), v.box if clip else None, IN_THE_BOX if clip else ""
            for method in methods:
                if method == "PGD" and s["p"] != "inf":
                    continue
                fooled, steps = fooled_over(method, v, x, y, s, etas, box, sizes), STEPS_OF.get(method, 1)
                so_far = torch.zeros_like(y, dtype=torch.bool)
                for eps, hits in fooled.items():
                    tally.add(method, eps, name, "fooling_ratio", hits, steps=steps, variant=variant)
                    so_far |= hits
                    if method not in ("Algorithm 1-5", "Algorithm 1-10", "PGD"):
                        tally.add(method, eps, least(name), "fooling_ratio", so_far.clone(), steps=steps,
                                  variant=", ".join(filter(None, (variant, LEAST_EPS))))  # fmt: skip
    return Outcome(tally.rows())


STEPS_OF = {"Algorithm 1-5": 5, "Algorithm 1-10": 10, "PGD": 20, "DeepFool": 50}


def least(name: str) -> str:
    """The reading in which an image counts from the smallest eps that fools it."""
    return "least eps" if name == "default" else f"{name} least eps"


def one_step_perturbations(
    v: Victim, exact: nn.Module, x: Tensor, y: Tensor, s: Mapping, generator: torch.Generator
) -> dict[str, Callable[[float], Tensor]]:
    """The perturbation of every one-step method as a function of eps, from gradients that are computed once."""
    p = float(s["p"])
    m = margins(v.scores, x, y, CLASS_CHOICES[s["class_choice"]])
    noise = random_sign(x, generator)
    directions = {
        "Algorithm 2": steepest(input_gradient(v.scores, x, y, loss="nll_logits"), p),
        "FastGrad": steepest(input_gradient(v.logits, x, y), p),
        "FastGrad (float64)": steepest(input_gradient(exact, x.double(), y), p).to(x),
        "Random": noise / norm(noise, p).view(-1, 1, 1, 1),
    }
    scaled = {name: partial(torch.mul, d) for name, d in directions.items()}
    return {"Algorithm 1": lambda eps: perturbation(m, eps, p), **scaled}


def fooled_over(
    method: str, v: Victim, x: Tensor, y: Tensor, s: Mapping, etas: Mapping[str, Callable], box: Box | None,
    sizes: Mapping[str, float],
) -> dict[str, Tensor]:  # fmt: skip
    """Which images of a batch one method fools at every eps, ``{eps: (B,) bool}``; ``sizes`` in units of ``x``."""
    p = float(s["p"])
    if method == "DeepFool":
        x_adv = deepfool(v.scores, x, y, p=p, box=box)
        hits, length = v.fooled(x_adv, y), norm(x_adv - x, p)
        return {text: hits & (length < size) for text, size in sizes.items()}

    def moved(eps: float) -> Tensor:
        if method in etas:
            return into(x + etas[method](eps), box)
        if method == "PGD":
            steps = STEPS_OF[method]
            return pgd(v.logits, x, y, eps=eps, steps=steps, loss="margin", early_exit=True, box=box)
        steps, how = STEPS_OF[method], s["class_choice"]
        return algorithm1(v.scores, x, y, eps=eps, p=p, steps=steps, class_choice=how, box=box)

    return {text: v.fooled(moved(size), y) for text, size in sizes.items()}


# Table I


def robustness(job: Job) -> Outcome:
    """Test error, the two normalised distances, and the eps at which DeepFool has fooled 99 of 100 images.

    The measures have 95 % bootstrap intervals over the images (``..._low``, ``..._high``).
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    chosen = {k: s[k] for k in ("eps_unit", "scores", "dtype")}
    name, in_range = reading(**chosen), reading(**chosen, rho_unit="range")
    for x, y in test_batches(job):
        with torch.no_grad():
            tally.add("none", "", name, "test_error", ~correct(job.trained.model(x), y), steps=0)
    m = measures(v, job, steps=s["deepfool_steps"], overshoot=s["overshoot"])
    tally.add("DeepFool", "", name, "fooled_at_all", m["fooled"], steps=s["deepfool_steps"])
    add_measures(tally, name, m, v.unit, steps=s["deepfool_steps"], in_range=in_range)
    return Outcome(tally.rows())


def measures(v: Victim, job: Job, *, steps: int = STEPS_OF["DeepFool"], overshoot: float = 0.02) -> dict[str, Tensor]:
    """For every image DeepFool's success and l-infinity length, the image's peak, and its linearised distance."""
    parts: dict[str, list[Tensor]] = {"fooled": [], "length": [], "peak": [], "linear": []}
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        x_adv = deepfool(v.scores, x, y, steps=steps, overshoot=overshoot, box=None)
        parts["fooled"].append(v.fooled(x_adv, y))
        parts["length"].append(norm(x_adv - x, torch.inf))
        parts["peak"].append(norm(x, torch.inf))
        parts["linear"].append(smallest_eps(margins(v.scores, x, y), torch.inf))
    return {name: torch.cat(values).cpu() for name, values in parts.items()}


def add_measures(
    tally: Tally, name: str, m: Mapping[str, Tensor], unit: float, *, steps: int, in_range: str = "", variant: str = ""
) -> None:
    """Add the measures of Table I of one network, from :func:`measures`; the first also in the reading ``in_range``."""
    radius = torch.where(m["fooled"], m["length"], math.inf)
    deepfool = partial(add_bootstrapped, tally, "DeepFool", steps=steps)
    deepfool(name, "rho1_hat", m["length"] / m["peak"], torch.mean, "ratio", variant=variant)
    if in_range:
        deepfool(in_range, "rho1_hat", m["length"] / unit, torch.mean, "ratio", variant=IN_RANGE)
    linear = m["linear"] / unit
    add_bootstrapped(tally, "none", name, "rho2_hat", linear, torch.mean, "ratio", steps=0, variant=variant)
    deepfool(name, "eps_fooled_99", radius / unit, quantile_99, "fraction_of_range", variant=variant)


def quantile_99(values: Tensor) -> Tensor:
    """The smallest of the values that more than 99 of 100 do not exceed, as Table I asks (> 99 %)."""
    return values.quantile(0.99, interpolation="higher")


def add_bootstrapped(
    tally: Tally, attack: str, name: str, metric: str, values: Tensor, statistic: Callable[[Tensor], Tensor], unit: str,
    *, steps: int, variant: str = "", draws: int = 1000,
) -> None:  # fmt: skip
    """Add a statistic of one value an image with its 95 % percentile bootstrap interval, resampling the images."""
    generator = torch.Generator().manual_seed(0)
    picks = torch.randint(len(values), (draws, len(values)), generator=generator)
    found = torch.stack([statistic(values[pick]) for pick in picks]).sort().values
    numbers = {"": statistic(values), "_low": found[int(0.025 * draws)], "_high": found[int(0.975 * draws) - 1]}
    for suffix, value in numbers.items():
        if not torch.isfinite(value):  # more images withstand DeepFool than the quantile leaves out
            continue
        tally.number(
            attack, "", name, metric + suffix, float(value), steps=steps, unit=unit, images=len(values), variant=variant
        )


# The framework itself


def framework(job: Job) -> Outcome:
    """Propositions 1 and 2 on a real network, and what softmax scores would make of the paper.

    Float64 throughout: what is asked here is what follows from the formulas, not from rounding. Multiples of the
    smallest feasible eps are the rows' ``parameter``.
    """
    tally, s = Tally(partial(place, job)), job.trial.settings
    job = replace(job, trial=replace(job.trial, settings={**s, "dtype": "float64"}))
    v = victim(job)
    softmax = replace(v, scores=nn.Sequential(v.logits, nn.Softmax(1)))
    what = f"{job.trial.exhibit} {job.trial.name}"
    for x, y in v.batches(what):
        m = margins(v.scores, x, y)
        for p in s["p"]:
            feasible = smallest_eps(m, float(p))
            ball = partial(tally.add, "Algorithm 1", "", f"p={p}", steps=1, variant=p)
            for text in s["multiples"]:
                x_adv = x + perturbation(m, eps_value(text) * feasible, float(p))
                ball("fooled_at_multiple", v.fooled(x_adv, y), parameter=text)
            ball("optimal", gap(m, feasible, float(p)) < 1e-6)
        compare_scores(tally, v, softmax, x, y, step_sizes(job))
        target = (y + 1) % job.data.classes
        for eps, size in step_sizes(job).items():
            x_adv = algorithm1(v.scores, x, y, eps=size * v.unit, steps=10, target=target, box=None)
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
        tally.add("FastGrad", eps, "default", "fooling_ratio", v.fooled(x + size * v.unit * up, y), steps=1)
        for name, d in own.items():
            tally.add("Algorithm 2", eps, name, "fooling_ratio", v.fooled(x + size * v.unit * d, y), steps=1)


# Rounding


def rounding(job: Job) -> Outcome:
    """FastGrad in several precisions and with several losses, beside Algorithm 1, over eps and over the logits' scale.

    A factor on the logits, the rows' ``parameter``, changes no decision and no direction of a margin; it only makes the
    softmax sharper or softer, and with it the weights of the classes in the cross-entropy's gradient, and how they are
    rounded.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = {text: size * v.unit for text, size in step_sizes(job).items()}
    middle = list(sizes)[len(sizes) // 3]
    double = copy.deepcopy(v.logits).double()
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        for text in s["scale"]:
            factor = eps_value(text)
            name = "default" if factor == 1 else f"scale={text}"
            single, exact = scaled(v.logits, factor), scaled(double, factor)
            add = partial(tally.add, reading=name, parameter=text)
            for metric, rounded in (("saturated", saturated(single, x, y)),
                                    ("saturated_float64", saturated(exact, x.double(), y))):  # fmt: skip
                add("none", "", metric=metric, values=rounded, steps=0)
            for method, eta in loss_steps(single, exact, x, y).items():
                for eps in sizes if factor == 1 else (middle,):
                    add(method, eps, metric="fooling_ratio", values=v.fooled(x + eta(sizes[eps]), y), steps=1)
    return Outcome(tally.rows())


def scaled(logits: nn.Module, factor: float) -> Callable[[Tensor], Tensor]:
    """The same network with its logits multiplied by ``factor``."""
    return lambda x: factor * logits(x)


def saturated(logits: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Where the softmax probability of the class ``y`` is exactly 1 in the precision of ``x``, ``(B,)`` bool."""
    with torch.no_grad():
        return logits(x).softmax(1).gather(1, y[:, None])[:, 0] == 1


def loss_steps(
    single: Callable[[Tensor], Tensor], double: Callable[[Tensor], Tensor], x: Tensor, y: Tensor
) -> dict[str, Callable[[float], Tensor]]:
    """One-step perturbations along several losses of one network, in float32 and in float64, as functions of eps."""
    m = margins(single, x, y)
    directions = {
        "FastGrad": input_gradient(single, x, y).sign(),
        "FastGrad (float64)": input_gradient(double, x.double(), y).sign().to(x),
        "FastGrad (clipped at 1e-7)": input_gradient(single, x, y, loss="clipped_ce").sign(),
        "FastGrad (margin loss)": input_gradient(single, x, y, loss="margin").sign(),
        "Algorithm 2": input_gradient(single, x, y, loss="nll_logits").sign(),
    }
    steps = {name: partial(torch.mul, d) for name, d in directions.items()}
    return {**steps, "Algorithm 1": lambda eps: perturbation(m, eps, torch.inf)}


# Method against method


def pairs(job: Job) -> Outcome:
    """Which images one method fools and another does not, over eps, with paired intervals of the lead.

    ``FastGrad (exact)`` steps along :func:`inputgrad.compute.gradients.rival_scores`, whose gradient is that of the
    cross-entropy up to a positive factor, so that nothing of it is rounded away.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = {text: size * v.unit for text, size in step_sizes(job).items()}
    generator = torch.Generator().manual_seed(job.trial.seed)
    double = copy.deepcopy(v.logits).double()
    methods = dict.fromkeys(method for pair in s["pairs"] for method in pair.split(" / "))
    parts: dict[str, list[Tensor]] = {method: [] for method in methods}
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        etas = one_step_perturbations(v, double, x, y, DEFAULT, generator)
        etas["FastGrad (exact)"] = partial(torch.mul, input_gradient(v.logits, x, y, loss="rival_scores").sign())
        for method in methods:
            fooled = fooled_over(method, v, x, y, DEFAULT, etas, None, sizes)
            parts[method].append(torch.stack(list(fooled.values()), 1).cpu())
    hits = {method: torch.cat(found) for method, found in parts.items()}  # (N, number of eps)
    for method, found in hits.items():
        for i, eps in enumerate(sizes):
            tally.add(method, eps, "default", "fooling_ratio", found[:, i], steps=STEPS_OF.get(method, 1))
    for pair in s["pairs"]:
        one, other = pair.split(" / ")
        add_leads(tally, one, other, list(sizes), hits[one], hits[other])
    return Outcome(tally.rows())


def add_leads(tally: Tally, one: str, other: str, sizes: list[str], first: Tensor, second: Tensor) -> None:
    """Add, at every eps and over all of them, how many more images one method fools than another.

    Args:
        tally: what collects the rows.
        one, other: the two methods.
        sizes: the eps, as text.
        first, second: which images the two fool, ``(N, number of eps)`` bool.
    """
    name = f"against {other}"
    said: dict[str, Any] = {"steps": STEPS_OF.get(one, 1), "variant": other}
    for i, eps in enumerate(sizes):
        only_first, only_second = first[:, i] & ~second[:, i], second[:, i] & ~first[:, i]
        tally.add(one, eps, name, "only_first", only_first, **said)
        tally.add(one, eps, name, "only_second", only_second, **said)
        lead, low, high = paired_lead(int(only_first.sum()), int(only_second.sum()), len(first))
        for metric, value in (("lead", lead), ("lead_low", low), ("lead_high", high)):
            tally.number(one, eps, name, metric, value, unit="percentage_points", images=len(first), **said)
    mean = 100 * (first.float() - second.float()).mean(1)
    add_bootstrapped(tally, one, name, "mean_lead", mean, torch.mean, "percentage_points", **said)


def paired_lead(only_first: int, only_second: int, images: int) -> tuple[float, float, float]:
    """The difference of two shares of the same images in points, and its 95 % interval (Agresti and Min 2005).

    One half is added to each of the four kinds of image, fooled by both, by one or by none of the methods.
    """
    b, c, n = only_first + 0.5, only_second + 0.5, images + 2
    middle, half = (b - c) / n, 1.96 * math.sqrt(b + c - (b - c) ** 2 / n) / n
    return 100 * (only_first - only_second) / images, 100 * (middle - half), 100 * (middle + half)


# Ways to train


def recipes(job: Job) -> Outcome:
    """Table I for one network trained in several ways: what the measures owe to the training."""
    tally, own = Tally(partial(place, job)), Recipe(**job.trial.settings["recipe"])
    for way in job.trial.settings["ways"]:
        recipe = own.override(WAYS[way])
        one = replace(job, trained=trained(job.data, job.trial.model, recipe, job.trial.seed, job.device))
        one = replace(one, trial=replace(job.trial, settings={**job.trial.settings, **DEFAULT}))
        v, name = victim(one), f"trained={way}"
        for x, y in test_batches(one):
            with torch.no_grad():
                wrong = ~correct(one.trained.model(x), y)
            tally.add("none", "", name, "test_error", wrong, steps=0, variant=way)
        for x, y in v.batches(f"{job.trial.exhibit} {way}"):
            tally.add("none", "", name, "saturated", saturated(v.logits, x, y), steps=0, variant=way)
        add_measures(tally, name, measures(v, one), v.unit, steps=STEPS_OF["DeepFool"], variant=way)
    return Outcome(tally.rows())


# Figure 1


def examples(job: Job) -> Outcome:
    """One correctly classified image of each class, Algorithm 1's noise at several eps, and their sum."""
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    texts = s["eps"] or [fig2_eps(job.trial.model)[i] for i in (2, 4, 8)]
    firsts = torch.stack([(v.y == label).nonzero()[0, 0] for label in v.y.unique()])[: s["columns"]]
    x, y = v.x[firsts], v.y[firsts]
    m = margins(v.scores, x, y)
    box = v.box if s["clip"] else None
    moved = [into(x + perturbation(m, eps_value(text) * v.unit, math.inf), box) for text in texts]
    arrays = {"true": y.cpu().numpy().astype(np.int16), "image": shown(x, v.box), "eps": np.array(texts, "S")}
    with torch.no_grad():
        arrays["class"] = torch.stack([v.logits(a).argmax(1) for a in moved]).cpu().numpy().astype(np.int16)
    spans = [max(eps_value(text) * v.unit, 1e-12) for text in texts]
    arrays["noise"] = np.stack([shown(a - x, (-span, span)) for a, span in zip(moved, spans, strict=True)])
    arrays["sum"] = np.stack([shown(a, v.box) for a in moved])
    for text, a in zip(texts, moved, strict=True):
        tally.add("Algorithm 1", text, reading(clip=s["clip"]), "fooled", v.fooled(a, y), steps=1,
                  variant=IN_THE_BOX if s["clip"] else "")  # fmt: skip
    return Outcome(tally.rows(), arrays)


def shown(x: Tensor, box: Box) -> np.ndarray:
    """Values from ``box`` as uint8 pictures ``(B, H, W, C)``; what is outside is cut off."""
    low, high = box
    return (((x - low) / (high - low)).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
