"""Computing Section III of `convex` (Balda, Behboodi, Mathar 2018): networks that do not classify."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inputgrad.catalogue import models
from inputgrad.compute.attacks import algorithm1, random_sign
from inputgrad.compute.attacks.regression import METHODS, dense, direction, farther, jacobian, sign_bound
from inputgrad.compute.gradients import frozen
from inputgrad.compute.norms import UNIT, into, norm, unit
from inputgrad.compute.training.objectives import measurements, segments
from inputgrad.ground.checks import eps_value

from .convex import STEPS_OF, shown
from .convex_victim import place
from .job import Job, Outcome, measuring
from .tally import Tally


def regression(job: Job) -> Outcome:
    """The attacks of Sec. III on whichever network the trial has: two numbers, an image, or a class for each pixel."""
    measured = segmentation if models.MODELS[job.trial.model].objective == "segment" else outputs_moved
    return measured(job)


def outputs_moved(job: Job) -> Outcome:
    """How far each ball's first-order optimum moves the output, beside random directions, and how close to optimal.

    All steps have the same l2 length, so that they compare: a single pixel is as long in l1, and a step of signs is
    ``sqrt(d)`` times shorter in l-infinity.
    """
    tally, s = Tally(partial(place, job)), job.trial.settings
    x, _ = job.test_images()
    net, generator = job.trained.model, torch.Generator().manual_seed(job.trial.seed)
    wanted = {"measure": measurements, "reconstruct": lambda x: x}[models.MODELS[job.trial.model].objective](x)
    j, side = jacobian(net, x), math.sqrt(x[0].numel())
    first = x[: s["bounded"]]
    with torch.no_grad():
        before = net(x)
    matrix = dense(jacobian(net, first), before[: len(first)])
    largest = {
        "1": lambda: torch.linalg.vector_norm(matrix, dim=1).amax(1),
        "2": lambda: torch.linalg.matrix_norm(matrix, 2),
        "inf": lambda: sign_bound(matrix) / side,
    }
    tally.add("none", "0", "default", "output_error", norm(before - wanted, 2), steps=0, unit="output")
    etas = {p: direction(j, x, p, generator) / (side if p == "inf" else 1) for p in s["p"]}
    etas["random"] = unit(torch.randn(x.shape, generator=generator).to(x))
    for p, eta in measuring(job, etas.items()):
        method, linear = METHODS.get(p, "random direction"), norm(j.times(eta), 2)
        if p in largest:
            share = linear[: len(first)] / largest[p]()
            tally.add(method, "", "default", "share_of_bound", share, steps=1, unit="ratio")
        for text in s["radius"]:
            radius = eps_value(text)
            with torch.no_grad():
                after = net(farther(net, x, radius * eta, wanted))
            moves = {
                "output_error": norm(after - wanted, 2),
                "output_change": norm(after - before, 2),
                "linear_change": radius * linear,
            }
            for metric, values in moves.items():
                tally.add(method, text, "default", metric, values, steps=1, unit="output")
    arrays = {"image": shown(x[:4], UNIT), "step": np.stack([v[:4].mean(1).cpu().numpy() for v in etas.values()])}
    return Outcome(tally.rows(), arrays)


def segmentation(job: Job) -> Outcome:
    """Every pixel of the stroke is to be taken for the next digit: targeted margins, summed over the pixels to go.

    The programme is linear in the sum, so its optimum is the steepest direction of one gradient: one such step, ten
    of a tenth, and random signs as a control.
    """
    tally, s, net = Tally(partial(place, job)), job.trial.settings, job.trained.model
    x, y = job.test_images()
    stroke = segments(x, y, job.data.classes) < job.data.classes
    target = (y + 1) % job.data.classes
    noise = random_sign(x, torch.Generator().manual_seed(job.trial.seed))
    with torch.no_grad():
        right = pixel_share(net(x).argmax(1) == y.view(-1, 1, 1), stroke)
    tally.add("none", "0", "default", "pixels_right", right, steps=0, unit="ratio")
    arrays = {"image": shown(x[:4], UNIT), "eps": np.array(s["eps"], "S"), "target": target[:4].cpu().numpy()}
    for text in s["eps"]:
        eps = eps_value(text)
        found = {"Algorithm 1": towards(net, x, target, stroke, eps, 1),
                 "Algorithm 1-10": towards(net, x, target, stroke, eps, STEPS_OF["Algorithm 1-10"]),
                 "Random": into(x + eps * noise, UNIT)}  # fmt: skip
        for method, x_adv in found.items():
            with torch.no_grad():
                classes = net(x_adv).argmax(1)
            for metric, digit in (("pixels_moved", target), ("pixels_right", y)):
                share = pixel_share(classes == digit.view(-1, 1, 1), stroke)
                tally.add(method, text, "default", metric, share, steps=STEPS_OF.get(method, 1), unit="ratio")
            if method == "Algorithm 1-10":
                arrays[f"perturbed/{text}"] = shown(x_adv[:4], UNIT)
                arrays[f"classes/{text}"] = classes[:4].cpu().numpy().astype(np.int16)
    return Outcome(tally.rows(), arrays)


def towards(net: nn.Module, x: Tensor, target: Tensor, stroke: Tensor, eps: float, steps: int) -> Tensor:
    """``steps`` steps of Algorithm 1 towards the target on the sum over the stroke's pixels that are not there yet."""

    def totals(x: Tensor) -> Tensor:
        """Two scores an image: the strongest other class of each such pixel, added up, and the target's."""
        f = net(x)
        wanted = f.gather(1, target.view(-1, 1, 1, 1).expand(-1, 1, *f.shape[2:]))[:, 0]
        is_target = F.one_hot(target, f.shape[1]).bool().view(*f.shape[:2], 1, 1)
        other = f.masked_fill(is_target, -torch.inf).amax(1)
        open_pixels = stroke & (other > wanted)
        return torch.stack([(scores * open_pixels).sum((1, 2)) for scores in (other, wanted)], 1)

    against, wanted = torch.zeros_like(target), torch.ones_like(target)
    with frozen(net):
        return algorithm1(totals, x, against, eps=eps, steps=steps, target=wanted)


def pixel_share(hits: Tensor, stroke: Tensor) -> Tensor:
    """The share of each image's stroke that is hit, ``(B,)``."""
    return (hits & stroke).flatten(1).sum(1) / stroke.flatten(1).sum(1).clamp(min=1)
