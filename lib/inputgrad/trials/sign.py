"""Computing the exhibits of `sign` (Agarwal, Singh, Vatsa 2020)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from inputgrad.compute.attacks import NOISE, STEPS, along, one_step, pgd, sweep
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import DIRECTIONS, UNIT, Box, norm, per_image
from inputgrad.ground.checks import InputError, eps_value
from inputgrad.record.row import Row
from inputgrad.study.sign import PROSE_EPS, SMALL_EPS, TABLE_EPS, TABLES

from .job import Job, Outcome, batches, measuring
from .tally import Tally, placed, reading_of

BATCH = 250
DEFAULT = {"attack_loss": "ce", "fgm_reduction": "sum", "label": "true", "clip": True, "skip_misclassified": False,
           "edit": "negatives"}  # fmt: skip
reading = partial(reading_of, DEFAULT)
SURE = 0.99  # softmax confidence above which the network is called sure of an image


def place(job: Job, eps: str) -> dict[str, str]:
    """Which table of the paper a cell belongs to, and what the paper calls its data set and network."""
    trial = job.trial
    exhibit = trial.exhibit.split("/")[1]
    table = TABLES.get((exhibit, trial.model), "")
    in_tables = ("0.0", *TABLE_EPS, *(SMALL_EPS if table == "4" else ()))
    if table and (trial.dataset == "svhn" or eps in PROSE_EPS.get((exhibit, trial.dataset, trial.model), ())):
        table = "prose"
    elif eps not in in_tables:
        table = ""
    return placed(trial, table)


def step_sizes(job: Job, small: bool = False) -> dict[str, float]:
    """The step sizes asked for, text to number; by default the paper's own for this data set and network."""
    trial = job.trial
    texts = trial.settings["eps"]
    if texts is None:
        own = {*TABLE_EPS, *(SMALL_EPS if small and trial.model != "alexnet" else ())}
        own |= set(PROSE_EPS.get((trial.exhibit.split("/")[1], trial.dataset, trial.model), ()))
        texts = sorted(own, key=float)
    return {text: eps_value(text) for text in texts}


def box_of(settings: Mapping) -> Box | None:
    """The box that edited images are kept in, if the trial keeps them in one."""
    return UNIT if settings["clip"] else None


# Tables 1 and 2


def adversarial(job: Job) -> Outcome:
    """Accuracy under FGSM and FGM over eps, in every reading asked for, beside the controls.

    In the default reading also how visible the step is, and the accuracy over the images that were right before,
    apart for those the network was sure of: where the loss is saturated the gradient has no magnitude to keep.
    """
    tally, model, s = Tally(partial(place, job)), job.trained.model, job.trial.settings
    sizes = step_sizes(job)
    generator = torch.Generator().manual_seed(job.trial.seed)
    shared = {"label": s["label"], "clip": s["clip"], "skip_misclassified": s["skip_misclassified"]}
    for x, y in batches(job, BATCH):
        logits = predict(model, x)
        right = correct(logits, y)
        sure = logits.softmax(1).amax(1) > SURE
        tally.add("none", "0.0", "default", "accuracy", right, steps=0)
        followed, edited = asked_for(s, y, logits)
        for loss in s["attack_loss"]:
            g = input_gradient(model, x, followed, loss=loss)
            tally.add(
                "none", "0.0", reading(attack_loss=loss, **shared), "gradient_zero", norm(g, torch.inf) < 1e-6, steps=0
            )
            for attack, reduction, d in directions_of(g, s["attacks"], s["fgm_reduction"], batch=32):
                name = reading(attack_loss=loss, fgm_reduction=reduction, **shared)
                for eps, x_adv in stepped(x, d, edited, sizes, box_of(s)):
                    after = correct(predict(model, x_adv), y)
                    tally.add(attack, eps, name, "accuracy", after, steps=1)
                    if name == reading(**shared):
                        tally.perturbation(attack, eps, name, x, x_adv, steps=1)
                        tally.add(attack, eps, name, "accuracy_sure", after[right & sure], steps=1)
                        tally.add(attack, eps, name, "accuracy_unsure", after[right & ~sure], steps=1)
        if s["controls"]:
            for attack, d in controls_of(model, x, followed, generator).items():
                for eps, x_adv in stepped(x, d, edited, sizes, box_of(s)):
                    tally.add(attack, eps, reading(**shared), "accuracy", correct(predict(model, x_adv), y), steps=1)
    if s["controls"]:
        measure_pgd(tally, job, sizes, reading(**shared))
    rows = tally.rows()
    return Outcome(rows + drops_of_svhn(rows))


def stepped(
    x: Tensor, d: Tensor, edited: Tensor, sizes: Mapping[str, float], box: Box | None
) -> Iterator[tuple[str, Tensor]]:
    """Step along ``d`` at each size: yields ``(eps, x_adv)``, where images that are not ``edited`` stay as they are."""
    for eps, size in sizes.items():
        yield eps, torch.where(per_image(edited, x), along(x, d, size, box=box), x)


def drops_of_svhn(rows: list[Row]) -> list[Row]:
    """For SVHN the paper gives drops instead of accuracies: the natural accuracy minus the one after FGSM or FGM."""
    accuracies = [r for r in rows if r.dataset == "SVHN" and r.metric == "accuracy" and r.table]
    natural = [r.value for r in accuracies if r.attack == "none"]
    return [
        replace(r, metric="accuracy_drop", value=100 * (natural[0] - r.value), unit="percentage_points", count=None)
        for r in accuracies
        if r.attack in ("FGSM", "FGM")
    ]


def directions_of(
    g: Tensor, attacks: Iterable[str], reductions: Iterable[str], *, batch: int
) -> Iterator[tuple[str, str, Tensor]]:
    """``(attack, reduction, direction)``; the mean over a batch only rescales, so it changes FGM and not FGSM."""
    for attack in attacks:
        d = DIRECTIONS[STEPS[attack].direction](g)
        for reduction in reductions if attack == "FGM" else ("sum",):
            yield attack, reduction, d / batch if reduction == "mean32" else d


def asked_for(settings: Mapping, y: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
    """The label whose loss is followed, ``(B,)``, and which images are edited, ``(B,)`` bool."""
    right = correct(logits, y)
    followed = y if settings["label"] == "true" else logits.argmax(1)
    return followed, right if settings["skip_misclassified"] else torch.ones_like(right)


def controls_of(model: Callable, x: Tensor, y: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
    """Directions beside the paper's, ``(B, C, H, W)``: random ones, and the gradient as long as its sign can be."""
    g = input_gradient(model, x, y)
    return {"FGM-l2": DIRECTIONS["l2"](g), **{kind: draw(x, generator) for kind, draw in NOISE.items()}}


def measure_pgd(tally: Tally, job: Job, sizes: dict[str, float], name: str, steps: int = 20) -> None:
    """The reference attack, on the first ``pgd_images`` images: what a strong attack leaves in the same ball."""
    model, s = job.trained.model, job.trial.settings
    for x, y in batches(job, BATCH, first=s["pgd_images"]):
        followed, edited = asked_for(s, y, predict(model, x))
        for eps, size in sizes.items():
            x_adv = pgd(model, x, followed, eps=size, steps=steps, early_exit=True, box=box_of(s))
            x_adv = torch.where(per_image(edited, x), x_adv, x)
            tally.add("PGD", eps, name, "accuracy", correct(predict(model, x_adv), y), steps=steps)


# Tables 3 and 4


def cooperative(job: Job) -> Outcome:
    """Error after D-FGSM and D-FGM over eps, and the ablation of the label the step was told."""
    tally, model, s = Tally(partial(place, job)), job.trained.model, job.trial.settings
    sizes = step_sizes(job, small=True)
    ablation = {text: eps_value(text) for text in s["ablation_eps"]}
    generator = torch.Generator().manual_seed(job.trial.seed)
    for x, y in batches(job, BATCH):
        logits = predict(model, x)
        wrong = ~correct(logits, y)
        tally.add("none", "0.0", "default", "error", wrong, steps=0)
        random = torch.randint(job.data.classes, y.shape, generator=generator).to(y)
        labels = {"true": y, "predicted": logits.argmax(1), "random": random, "runner_up": runner_up(logits)}
        for i, label in enumerate(s["label"]):
            for j, edit in enumerate(s["edit"]):
                name = reading(attack_loss=s["attack_loss"], label=label, edit=edit, clip=s["clip"])
                chosen = wrong if edit == "negatives" else torch.ones_like(wrong)
                for attack, eps, classes in repaired(
                    model, x, labels[label], chosen, logits, s, sizes if i == j == 0 else ablation
                ):
                    tally.add(attack, eps, name, "error", classes != y, steps=1)
                    if label in ("random", "runner_up"):
                        reached = classes[chosen] == labels[label][chosen]
                        tally.add(attack, eps, name, "reached_target", reached, steps=1)
    rows = tally.rows()
    return Outcome(rows + best_of_svhn(rows))


def repaired(
    model: Callable, x: Tensor, label: Tensor, chosen: Tensor, logits: Tensor, s: Mapping, sizes: dict[str, float]
) -> Iterator[tuple[str, str, Tensor]]:
    """Step the ``chosen`` images down the loss of ``label``: yields ``(attack, eps, classes of the whole batch)``."""
    classes = logits.argmax(1)
    if not chosen.any():
        yield from ((attack, eps, classes) for attack in s["attacks"] for eps in sizes)
        return
    edits = sweep(
        model, x[chosen], label[chosen], attacks=s["attacks"], eps=sizes, loss=s["attack_loss"], box=box_of(s)
    )
    for attack, eps, x_new in edits:
        after = classes.clone()
        after[chosen] = predict(model, x_new).argmax(1)
        yield attack, str(eps), after


def best_of_svhn(rows: list[Row]) -> list[Row]:
    """The paper gives SVHN's lowest D-FGSM error without its eps: the lowest over our grid stands beside it."""
    wanted = ("SVHN", "D-FGSM", "default", "error")
    errors = [r for r in rows if (r.dataset, r.attack, r.reading, r.metric) == wanted]
    return [replace(min(errors, key=lambda r: r.value), eps="")] if errors else []


# Whose label


def labels(job: Job) -> Outcome:
    """The share of images that one step downhill takes to the class it is told: the true one, the runner-up, another.

    ``reached`` of the images wrong before, ``reached_behind`` of those among them whose true class is not the
    runner-up, and ``reached_right`` of the images right before, which are at their true class already.

    Raises:
        InputError: fewer than four classes, of which none may be left to draw.
    """
    if "other" in job.trial.settings["label"] and job.data.classes < 4:
        raise InputError(f"a data set of {job.data.classes} classes has no fourth one to draw: leave label 'other' out")
    tally, model, s = Tally(partial(place, job)), job.trained.model, job.trial.settings
    sizes = step_sizes(job)
    generator = torch.Generator().manual_seed(job.trial.seed)
    for x, y in batches(job, BATCH):
        logits = predict(model, x)
        wrong = ~correct(logits, y)
        tally.add("none", "0.0", "default", "error", wrong, steps=0)
        told = {"true": y, "runner_up": runner_up(logits)}
        if "other" in s["label"]:
            told["other"] = another(logits, y, generator)
        behind = wrong & (told["runner_up"] != y)
        groups = {"reached": wrong, "reached_behind": behind, "reached_right": ~wrong}
        for label in s["label"]:
            name = reading(attack_loss=s["attack_loss"], label=label, clip=s["clip"])
            for attack, eps, x_new in sweep(
                model, x, told[label], attacks=s["attacks"], eps=sizes, loss=s["attack_loss"], box=box_of(s)
            ):
                reached = predict(model, x_new).argmax(1) == told[label]
                for metric, group in groups.items():
                    if (label, metric) != ("true", "reached_right"):
                        tally.add(attack, str(eps), name, metric, reached[group], steps=1, variant=label)
    return Outcome(tally.rows())


def runner_up(logits: Tensor) -> Tensor:
    """The second most likely class, ``(B,)``."""
    return logits.topk(2).indices[:, 1]


def another(logits: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """A class drawn from those that are neither predicted, nor the runner-up, nor true, ``(B,)``; of four or more."""
    drawn = torch.rand(logits.shape, generator=generator).to(logits)
    taken = torch.cat([logits.topk(2).indices, y[:, None]], 1)
    return drawn.scatter(1, taken, -1).argmax(1)


# Equal norm


def equal_norm(job: Job) -> Outcome:
    """Accuracy and visibility when every method's step has the same median l2 length before clipping.

    For each method the step is ``eps * d`` with one ``eps`` for all images, as the paper has it, chosen so that the
    median over the images of the step's l2 norm is the budget, the rows' ``parameter``. ``fooled`` counts over the
    images right before.
    """
    tally, model, s = Tally(partial(place, job)), job.trained.model, job.trial.settings
    budgets = {text: eps_value(text) for text in s["budgets"]}
    generator = torch.Generator().manual_seed(job.trial.seed)
    x, y = job.test_images()
    logits = predict(model, x, BATCH)
    right = correct(logits, y)
    tally.add("none", "0.0", "default", "accuracy", right, steps=0)
    if not right.any():
        return Outcome(tally.rows())
    x, y = x[right], y[right]
    g = torch.cat([input_gradient(model, a, b) for a, b in zip(x.split(BATCH), y.split(BATCH), strict=True)])
    for method in measuring(job, s["methods"]):
        d = NOISE[method](x, generator) if method in NOISE else DIRECTIONS[STEPS[method].direction](g)
        typical = norm(d, 2).median()
        for text, budget in budgets.items():
            eps = float(budget / typical) if typical > 0 else 0.0
            x_adv = along(x, d, eps, box=box_of(s))
            classes = predict(model, x_adv, BATCH).argmax(1)
            called = reading(clip=s["clip"])
            tally.add(method, "", called, "fooled", classes != y, steps=1, parameter=text)
            tally.perturbation(method, "", called, x, x_adv, steps=1, parameter=text)
    return Outcome(tally.rows())


# Figures 1 to 6


def examples(job: Job) -> Outcome:
    """The paper's pictures: attacked images right before, repaired images wrong before, a gradient and its sign."""
    model, s = job.trained.model, job.trial.settings
    sizes = [eps_value(text) for text in s["eps"]]
    x, y = job.test_images()
    before = predict(model, x, BATCH).argmax(1)
    arrays: dict[str, np.ndarray] = {}
    for group, chosen, attacks in (
        ("attacked", one_of_each_class(y, before == y, s["columns"]), ("FGSM", "FGM")),
        ("repaired", torch.nonzero(before != y)[: s["columns"], 0], ("D-FGSM", "D-FGM")),
    ):
        images, labels = x[chosen], y[chosen]
        arrays[f"{group}/true"] = labels.cpu().numpy().astype(np.int16)
        arrays[f"{group}/before"] = before[chosen].cpu().numpy().astype(np.int16)
        for attack in attacks:
            edited = (
                [one_step(model, images, labels, eps=eps, step=STEPS[attack]) for eps in sizes] if len(chosen) else []
            )
            arrays[f"{group}/{attack}"] = as_pictures(edited, x)
            arrays[f"{group}/{attack}/class"] = as_classes(edited, model)
    first = torch.zeros(1, dtype=torch.long, device=y.device)  # the first test image, right or wrong
    arrays["gradient/image"] = as_pictures([x[first]], x)[0, 0]
    arrays["gradient/value"] = input_gradient(model, x[first], y[first])[0].mean(0).cpu().numpy().astype(np.float32)
    tally = Tally(partial(place, job))
    tally.add("none", "0.0", "default", "accuracy", before == y, steps=0)
    return Outcome(tally.rows(), arrays)


def one_of_each_class(y: Tensor, eligible: Tensor, n: int) -> Tensor:
    """Indices of the first eligible image of each of the first ``n`` classes that have one, in label order."""
    found = [torch.nonzero(eligible & (y == label))[:1, 0] for label in y.unique()]
    return torch.cat(found)[:n]


def as_pictures(edited: list[Tensor], like: Tensor) -> np.ndarray:
    """Images of several step sizes as uint8 ``(eps, image, H, W, C)``."""
    if not edited:
        return np.zeros((0, 0, *like.shape[2:], like.shape[1]), np.uint8)
    return (torch.stack(edited) * 255).round().byte().permute(0, 1, 3, 4, 2).cpu().numpy()


def as_classes(edited: list[Tensor], model: Callable[[Tensor], Tensor]) -> np.ndarray:
    """The class the network gives each of them, int16 ``(eps, image)``."""
    if not edited:
        return np.zeros((0, 0), np.int16)
    return torch.stack([predict(model, x).argmax(1) for x in edited]).cpu().numpy().astype(np.int16)
