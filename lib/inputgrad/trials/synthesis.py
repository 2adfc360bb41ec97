"""Computing what stands across the papers: the same networks under the attacks of all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import ATTACKS, NOISE, along, pgd, universal
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.methods.defences import by_name
from inputgrad.compute.methods.hardening import Update, control, hardened
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import norm, per_image, steepest
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.ground.checks import InputError, eps_value
from inputgrad.study import selfgrad, smooth
from inputgrad.study.synthesis import EPS, OTHERS, OWNERS

from .job import Job, Outcome, batches
from .libraries import beside
from .selfgrad import DEFAULT as BLOCK
from .selfgrad import defended
from .tally import Tally, placed

BATCH = 100

OUTSIDE = ("FGM", "FGM-l2")
"""Attacks that nothing keeps in the ball; they do not count among all of them."""

DEFENCES = {"Madry PGD": "PGD-7 training", "FGSM training": "FGSM training", "Self gradient": "self-gradient block"}
"""The defences of `selfgrad` that are taken along, and what they are called here."""

UPDATES = Update()
"""The updates of `smooth`, in the study's own reading, which hardens."""


def network(data: Splits, model: str, recipe: Recipe, seed: int, device: torch.device) -> Trained:
    """The network as its own chapter trains it, undefended.

    Raises:
        InputError: one of `smooth` on images with colours, which that chapter whitens and this page does not.
    """
    if OWNERS.get(model) is smooth and data.shape[0] != 1:
        raise InputError(
            f"model {model!r} is not allowed on {data.name}: its chapter whitens colours, and this page does not"
        )
    return (control if OWNERS.get(model) is smooth else trained)(data, model, recipe, seed, device)


def victims(job: Job) -> dict[str, nn.Module]:
    """The trial's network, and what the defences of its chapter make of it."""
    trial, found = job.trial, {"as trained": job.trained.model}
    owner = OWNERS.get(trial.model)
    if owner is selfgrad:
        every = by_name(*BLOCK.values())
        found |= {label: defended(job, every[name]).model for name, label in DEFENCES.items()}
    if owner is smooth:
        recipe = Recipe(**trial.settings["recipe"])
        found["image updates"] = hardened(job.data, trial.model, recipe, trial.seed, job.device, UPDATES).model
    return found


def radius(job: Job) -> str:
    """The radius of the trial's ball, as text."""
    return job.trial.settings["eps"] or EPS.get(job.trial.dataset, OTHERS)


def place(job: Job, arm: str, eps: str) -> dict[str, str]:
    """Where a cell belongs: to no paper's table."""
    return placed(job.trial, "own", arm)


def attacks(job: Job) -> Outcome:
    """Accuracy of each victim under one step with and without the sign, one v for all, Algorithm 1, and many steps.

    And of what the same step downhill makes of it, with the true label and with the predicted one. All are inside one
    l-infinity ball, but ``FGM-l2``, which has the l2 length of the step with the sign, and ``FGM``, which is as long or
    as short as the gradient makes it.
    """
    eps, rows = radius(job), []
    for name, model in victims(job).items():
        tally = Tally(partial(place, job, name))
        measured(tally, job, model, eps, name)
        rows += tally.rows()
    return Outcome(rows)


def measured(tally: Tally, job: Job, model: nn.Module, eps: str, name: str) -> None:
    """Every attack on one victim."""
    s = job.trial.settings
    size, generator = eps_value(eps), torch.Generator().manual_seed(job.trial.seed)
    x_train = job.data.x_train[: s["uap_images"]].to(job.device).float() / 255
    one = universal(model, x_train, eps=size, passes=5, batch=10, enough=1.0, seed=job.trial.seed)
    for part, labels in batches(job, BATCH, name):
        seen = predict(model, part)
        right = correct(seen, labels)
        tally.add("none", "", "default", "accuracy", right, steps=0)
        worst = right.clone()
        for attack, step in steps_of(model, size, s["steps"], one, generator).items():
            stands = correct(predict(model, step(part, labels)), labels)
            worst &= stands | (attack in OUTSIDE)
            steps = {"PGD": s["steps"], "CW": s["steps"], "UAP": 0}.get(attack, 1)
            tally.add(attack, eps, "default", "accuracy", stands, steps=steps)
        worst &= beside(tally, model, part, labels, right, eps=eps, settings=s, seed=job.trial.seed)
        tally.add("all of them", eps, "default", "accuracy", worst, steps=0)
        for label, told in (("true", labels), ("predicted", seen.argmax(1))):
            better = ATTACKS["D-FGSM"](model, part, told, eps=size)
            right_now = correct(predict(model, better), labels)
            tally.add(f"D-FGSM, {label} label", eps, "default", "accuracy", right_now, steps=1)


def steps_of(
    model: nn.Module, eps: float, steps: int, one: Tensor, generator: torch.Generator
) -> dict[str, Callable[[Tensor, Tensor], Tensor]]:
    """The attacks by name, each ``(x, y) -> x_adv``; ``one`` is the universal perturbation."""
    many = partial(pgd, model, eps=eps, steps=steps, early_exit=True, generator=generator)
    return {
        "random sign": lambda x, y: along(x, NOISE["random sign"](x, generator), eps),
        "UAP": lambda x, y: (x + one).clamp(0, 1),
        "FGM": partial(ATTACKS["FGM"], model, eps=eps),
        "FGM-linf": lambda x, y: without_sign(model, x, y, eps, torch.inf),
        "FGM-l2": lambda x, y: without_sign(model, x, y, eps, 2),
        "FGSM": partial(ATTACKS["FGSM"], model, eps=eps),
        "Algorithm 1": partial(ATTACKS["Algorithm 1"], model, eps=eps),
        "PGD": many,
        "CW": partial(many, loss="margin"),
    }


def without_sign(model: nn.Module, x: Tensor, y: Tensor, eps: float, p: float) -> Tensor:
    """A step along the gradient itself that is as long, in the l2 or l-infinity norm and before the box, as FGSM's."""
    g = steepest(input_gradient(model, x, y), 2)  # of length 1, however small the gradient
    length = per_image(norm(g, p), g)
    return along(x, torch.where(length > 0, g / length, 0.0), eps * norm(torch.ones_like(x[:1]), p).item())
