"""Computing Figures 1 and 2 of `convex` (Balda, Behboodi, Mathar 2018): what each method fools, over eps."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from inputgrad.compute.attacks import algorithm1, deepfool, pgd, random_sign
from inputgrad.compute.attacks.convex import CLASS_CHOICES, perturbation
from inputgrad.compute.gradients import input_gradient, margins
from inputgrad.compute.norms import Box, into, norm, per_image, steepest
from inputgrad.ground.checks import eps_value
from inputgrad.study.convex import IN_THE_BOX, LEAST_EPS, fig2_eps, least

from .convex_victim import Victim, place, reading, victim
from .job import Job, Outcome
from .tally import Tally

# Figure 2


def fooling(job: Job) -> Outcome:
    """The share of images that each method fools, over eps.

    Gradients at the clean images are shared by all eps. DeepFool is run once and counts at every eps that its
    perturbation stays below, as in the paper; the reading ``least eps`` treats the one-step methods likewise, an image
    counting from the smallest eps of the list that fools it.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = v.sizes(job)
    generator = torch.Generator().manual_seed(job.trial.seed)
    chosen = {name: s[name] for name in ("eps_unit", "scores", "class_choice", "p", "dtype")}
    exact = copy.deepcopy(v.logits).double()
    kept = [(s["clip"], s["methods"])] + ([] if s["clip"] else [(True, s["clipped"])])
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        tally.add("none", "0", "default", "fooling_ratio", v.fooled(x, y), steps=0)
        etas = one_step_perturbations(v, exact, x, y, s, generator)
        for clip, methods in kept:
            where = {"reading": reading(clip=clip, **chosen), "variant": IN_THE_BOX if clip else ""}
            for method in methods:
                if method != "PGD" or s["p"] == "inf":
                    add_curve(
                        tally, method, fooled_over(method, v, x, y, s, etas, v.box if clip else None, sizes), **where
                    )
    return Outcome(tally.rows())


STEPS_OF = {"Algorithm 1-5": 5, "Algorithm 1-10": 10, "PGD": 20, "DeepFool": 50}
ANEW = ("Algorithm 1-5", "Algorithm 1-10", "PGD")
"""Methods that are run anew for every eps."""


def add_curve(tally: Tally, method: str, fooled: Mapping[str, Tensor], *, reading: str, variant: str) -> None:
    """Add which images a method fools at every eps, the smallest first; and up to it, if it is run once for all."""
    steps = STEPS_OF.get(method, 1)
    so_far = torch.zeros_like(next(iter(fooled.values())))
    for eps, hits in fooled.items():
        tally.add(method, eps, reading, "fooling_ratio", hits, steps=steps, variant=variant)
        so_far = so_far | hits
        if method not in ANEW:
            tally.add(method, eps, least(reading), "fooling_ratio", so_far, steps=steps,
                      variant=", ".join(filter(None, (variant, LEAST_EPS))))  # fmt: skip


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
        "Random": noise / per_image(norm(noise, p), noise),
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
