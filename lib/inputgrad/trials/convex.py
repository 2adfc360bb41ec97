"""Computing the exhibits of `convex` (Balda, Behboodi, Mathar 2018)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import data, models
from ..attacks import algorithm1, deepfool, pgd, random_sign
from ..attacks.convex import CLASS_CHOICES, perturbation, smallest_eps
from ..attacks.regression import METHODS, dense, direction, farther, jacobian, sign_bound
from ..checks import eps_value
from ..gradients import LOSSES, Margins, frozen, input_gradient, margins
from ..metrics import correct
from ..models.prepared import Prepared
from ..norms import UNIT, Box, dual, into, norm, steepest, unit
from ..objectives import measurements, segments
from ..progress import progress
from ..study.convex import fig2_eps
from . import Job, Outcome
from .tally import Tally, reading_of

BATCH = 128
DEFAULT = {"eps_unit": "range", "scores": "logits", "class_choice": "linearised", "p": "inf", "dtype": "float32",
           "clip": False}  # fmt: skip
reading = partial(reading_of, DEFAULT)


def place(job: Job, eps: str) -> dict[str, str]:
    """Which figure or table of the paper a cell belongs to, and what the paper calls its data set and network."""
    trial = job.trial
    exhibit = trial.exhibit.split("/")[1]
    table = {"robustness": "I", "fooling": "fig2" if eps in ("0", *fig2_eps(trial.model)) else ""}.get(exhibit, "own")
    return {
        "table": table,
        "dataset": data.label(trial.dataset),
        "model": models.label(trial.model),
        "defense": "none",
    }


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
        x: the first test images that are classified correctly, ``(N, C, H, W)``.
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
    prepare, logits = nn.Identity(), net
    if s["eps_unit"] == "range" and isinstance(net, Prepared):
        prepare, logits = net.prepare, net.body
    x, y = correct_images(job, net)
    low = prepare(torch.zeros_like(x[:1])).amin((2, 3), keepdim=True)
    high = prepare(torch.ones_like(x[:1])).amax((2, 3), keepdim=True)
    scores = nn.Sequential(logits, nn.Softmax(1)) if s["scores"] == "softmax" else logits
    return Victim(logits, scores, prepare(x), y, prepared_range(job, prepare), (low, high))


def correct_images(job: Job, net: nn.Module) -> tuple[Tensor, Tensor]:
    """The first ``images`` test images that are classified correctly: the paper attacks no others (all, if fewer)."""
    wanted, dtype = job.trial.settings["images"], next(net.parameters()).dtype
    found: list[Tensor] = []
    for x, y in test_batches(job, dtype):
        with torch.no_grad():
            found.append(correct(net(x), y))
        if sum(int(f.sum()) for f in found) >= wanted:
            break
    chosen = torch.cat(found).nonzero()[:wanted, 0].cpu()
    x = job.data.x_test[chosen].to(job.device).to(dtype) / 255
    return x.to(memory_format=torch.channels_last), job.data.y_test[chosen].to(job.device)


def test_batches(job: Job, dtype: torch.dtype = torch.float32) -> Iterator[tuple[Tensor, Tensor]]:
    """All test images, in [0, 1], and their labels."""
    for x, y in zip(job.data.x_test.split(BATCH), job.data.y_test.split(BATCH), strict=True):
        yield (x.to(job.device).to(dtype) / 255).to(memory_format=torch.channels_last), y.to(job.device)


def prepared_range(job: Job, prepare: nn.Module) -> float:
    """Largest minus smallest value of the prepared test set: the unit of the paper's eps."""
    parts = [prepare(x) for x, _ in test_batches(job)] if not isinstance(prepare, nn.Identity) else [torch.tensor(UNIT)]
    return float(max(p.max() for p in parts) - min(p.min() for p in parts))


# Figure 2


def fooling(job: Job) -> Outcome:
    """The share of images that each method fools, over eps.

    Gradients at the clean images are shared by all eps. DeepFool is run once and counts at eps where its perturbation
    is smaller, as in the paper; ``least eps`` reads the one-step methods the same way, an image counting from the
    smallest eps of the list that fools it.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = dict(sorted(step_sizes(job).items(), key=lambda item: item[1]))
    generator = torch.Generator().manual_seed(job.trial.seed)
    chosen = {name: s[name] for name in ("eps_unit", "scores", "class_choice", "p", "dtype")}
    exact = copy.deepcopy(v.logits).double()
    boxes = [(reading(clip=s["clip"], **chosen), v.box if s["clip"] else None, s["methods"])]
    if not s["clip"]:
        boxes.append((reading(clip=True, **chosen), v.box, s["clipped"]))
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        tally.add("none", "0", "default", "fooling_ratio", v.fooled(x, y), steps=0)
        shared = shared_steps(v, exact, x, y, s, generator)
        for name, box, methods in boxes:
            for method in methods:
                if method == "PGD" and s["p"] != "inf":
                    continue
                measure(tally, method, name, mover(method, v, x, y, s, shared, box), sizes, v, x, y, float(s["p"]))
    return Outcome(tally.rows())


def measure(
    tally: Tally, method: str, name: str, move: Callable[[float], Tensor], sizes: Mapping[str, float], v: Victim,
    x: Tensor, y: Tensor, p: float,
) -> None:  # fmt: skip
    """Add the fooled images of one method at every eps, and of one-step methods their least eps too."""
    if method == "DeepFool":
        x_adv = move(math.inf)
        fooled, length = v.fooled(x_adv, y), norm(x_adv - x, p)
        for eps, size in sizes.items():
            tally.add(method, eps, name, "fooling_ratio", fooled & (length < size * v.unit))
        return
    so_far = torch.zeros_like(y, dtype=torch.bool)
    for eps, size in sizes.items():
        fooled = v.fooled(move(size * v.unit), y)
        tally.add(method, eps, name, "fooling_ratio", fooled)
        if method not in STEPS_OF:
            so_far |= fooled
            tally.add(method, eps, f"{name} least eps".removeprefix("default "), "fooling_ratio", so_far)


STEPS_OF = {"Algorithm 1-5": 5, "Algorithm 1-10": 10, "PGD": 20}


def shared_steps(
    v: Victim, exact: nn.Module, x: Tensor, y: Tensor, s: Mapping, generator: torch.Generator
) -> dict[str, Callable[[float], Tensor]]:
    """The perturbations of the one-step methods as functions of eps, from gradients that are computed once."""
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


def mover(
    method: str, v: Victim, x: Tensor, y: Tensor, s: Mapping, shared: Mapping[str, Callable], box: Box | None
) -> Callable[[float], Tensor]:
    """``eps -> x_adv`` for one method, eps in units of ``x``."""
    p = float(s["p"])
    if method in shared:
        return lambda eps: into(x + shared[method](eps), box)
    if method == "DeepFool":
        return lambda eps: deepfool(v.scores, x, y, p=p, box=box)
    if method == "PGD":
        return lambda eps: pgd(v.logits, x, y, eps=eps, steps=20, loss="margin", early_exit=True, box=box)
    return lambda eps: algorithm1(
        v.scores, x, y, eps=eps, p=p, steps=STEPS_OF[method], class_choice=s["class_choice"], box=box
    )


# Table I


def robustness(job: Job) -> Outcome:
    """Test error, the two normalised distances, and the eps at which DeepFool has fooled 99 of 100 images.

    The measures have 95 % bootstrap intervals over the images (``..._low``, ``..._high``).
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    name = reading(**{k: s[k] for k in ("eps_unit", "scores", "dtype")})
    for x, y in test_batches(job):
        with torch.no_grad():
            tally.add("none", "", name, "test_error", ~correct(job.trained.model(x), y), steps=0)
    m = measures(v, job, steps=s["deepfool_steps"], overshoot=s["overshoot"])
    tally.add("DeepFool", "", name, "fooled_at_all", m["fooled"], steps=0)
    radius = torch.where(m["fooled"], m["length"], math.inf)
    add_bootstrapped(tally, "DeepFool", name, "rho1_hat", (m["length"] / m["peak"]), torch.mean, "ratio")
    in_range = reading_of({**DEFAULT, "rho_unit": "paper"}, rho_unit="range") if name == "default" else f"{name} range"
    add_bootstrapped(tally, "DeepFool", in_range, "rho1_hat", m["length"] / v.unit, torch.mean, "ratio")
    add_bootstrapped(tally, "none", name, "rho2_hat", m["linear"] / v.unit, torch.mean, "ratio")
    add_bootstrapped(tally, "DeepFool", name, "eps_fooled_99", radius / v.unit, quantile_99, "fraction_of_range")
    return Outcome(tally.rows())


def measures(v: Victim, job: Job, *, steps: int = 50, overshoot: float = 0.02) -> dict[str, Tensor]:
    """For every image DeepFool's success and l-infinity length, the image's peak, and its linearised distance."""
    parts: dict[str, list[Tensor]] = {"fooled": [], "length": [], "peak": [], "linear": []}
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        x_adv = deepfool(v.scores, x, y, steps=steps, overshoot=overshoot, box=None)
        parts["fooled"].append(v.fooled(x_adv, y))
        parts["length"].append(norm(x_adv - x, torch.inf))
        parts["peak"].append(norm(x, torch.inf))
        parts["linear"].append(smallest_eps(margins(v.scores, x, y), torch.inf))
    return {name: torch.cat(values).cpu() for name, values in parts.items()}


def quantile_99(values: Tensor) -> Tensor:
    """The smallest of the values that at least 99 of 100 do not exceed."""
    return values.quantile(0.99, interpolation="higher")


def add_bootstrapped(
    tally: Tally, attack: str, name: str, metric: str, values: Tensor, statistic: Callable[[Tensor], Tensor], unit: str,
    draws: int = 1000,
) -> None:  # fmt: skip
    """Add a statistic of one value an image with its 95 % percentile bootstrap interval, resampling the images."""
    generator = torch.Generator().manual_seed(0)
    picks = torch.randint(len(values), (draws, len(values)), generator=generator)
    found = torch.stack([statistic(values[pick]) for pick in picks]).sort().values
    numbers = {"": statistic(values), "_low": found[int(0.025 * draws)], "_high": found[int(0.975 * draws) - 1]}
    for suffix, value in numbers.items():
        tally.number(attack, "", name, metric + suffix, float(value), unit=unit, images=len(values))


# The framework itself


def framework(job: Job) -> Outcome:
    """Propositions 1 and 2 on a real network, and what softmax scores would make of the paper.

    Float64 throughout: what is asked here is what follows from the formulas, not from rounding.
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
            for text in s["multiples"]:
                x_adv = x + perturbation(m, eps_value(text) * feasible, float(p))
                tally.add("Algorithm 1", text, f"p={p}", "fooled_at_multiple", v.fooled(x_adv, y))
            attained = optimality(m, feasible, float(p))
            tally.add("Algorithm 1", "", f"p={p}", "optimal", attained < 1e-6)
        compare_scores(tally, v, softmax, x, y, step_sizes(job))
    for name, one in (("default", v), ("scores=softmax", softmax)):
        found = measures(one, job)
        tally.add("DeepFool", "", name, "fooled_at_all", found["fooled"], steps=0)
        tally.number("DeepFool", "", name, "rho1_hat", found["length"].mean() / v.unit, unit="ratio", images=len(v.x))
        tally.number("none", "", name, "rho2_hat", found["linear"].mean() / v.unit, unit="ratio", images=len(v.x))
    return Outcome(tally.rows())


def optimality(m: Margins, eps: Tensor, p: float) -> Tensor:
    """How far the closed form is from the dual bound it must attain, relative to it, ``(B,)`` [convex, Prop. 2]."""
    slopes = norm(m.gradient.flatten(0, 1), dual(p)).view_as(m.value)
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
        tally.add("Algorithm 2", "", name, "same_as_fastgrad", (d == up).flatten(1).all(1))
    for eps, size in sizes.items():
        tally.add("FastGrad", eps, "default", "fooling_ratio", v.fooled(x + size * v.unit * up, y))
        for name, d in own.items():
            tally.add("Algorithm 2", eps, name, "fooling_ratio", v.fooled(x + size * v.unit * d, y))


# Rounding


def rounding(job: Job) -> Outcome:
    """FastGrad in several precisions and with several losses, beside Algorithm 1, over eps and over the logits' scale.

    A factor on the logits changes no decision and none of the margins' signs; it only drives the softmax into or out
    of saturation. What changes with it is the loss and its rounding.
    """
    tally, s, v = Tally(partial(place, job)), job.trial.settings, victim(job)
    sizes = step_sizes(job)
    middle = list(sizes)[len(sizes) // 3]
    for x, y in v.batches(f"{job.trial.exhibit} {job.trial.name}"):
        for text in s["scale"]:
            factor = eps_value(text)
            name = "default" if factor == 1 else f"scale={text}"
            directions, saturated = loss_directions(v, x, y, factor)
            tally.add("none", "", name, "saturated", saturated, steps=0)
            for method, d in directions.items():
                agree = (d == directions["FastGrad (float64)"]).flatten(1).double().mean(1) > 0.95
                tally.add(method, "", name, "as_in_float64", agree)
                for eps in sizes if factor == 1 else (middle,):
                    fooled = v.fooled(x + sizes[eps] * v.unit * d, y)
                    tally.add(method, eps, name, "fooling_ratio", fooled)
    return Outcome(tally.rows())


def loss_directions(v: Victim, x: Tensor, y: Tensor, factor: float) -> tuple[dict[str, Tensor], Tensor]:
    """The sign steps of one network whose logits are multiplied by ``factor``, and where 1 - p_y rounds to zero."""

    def gradient(loss: Callable[[Tensor, Tensor], Tensor], dtype: torch.dtype) -> Tensor:
        model = v.logits if dtype == x.dtype else copy.deepcopy(v.logits).to(dtype)
        with frozen(model), torch.enable_grad():
            moved = x.detach().to(dtype).requires_grad_()
            return torch.autograd.grad(loss(factor * model(moved), y).sum(), moved)[0].sign().to(x)

    with torch.no_grad():
        p = (factor * v.logits(x)).softmax(1).gather(1, y[:, None])[:, 0]
    directions = {
        "FastGrad": gradient(LOSSES["ce"], torch.float32),
        "FastGrad (float64)": gradient(LOSSES["ce"], torch.float64),
        "FastGrad (clipped at 1e-7)": gradient(clipped_cross_entropy, torch.float32),
        "FastGrad (margin loss)": gradient(LOSSES["margin"], torch.float32),
        "Algorithm 2": gradient(LOSSES["nll_logits"], torch.float32),
        "Algorithm 1": perturbation(margins(v.logits, x, y), 1.0, torch.inf),
    }
    return directions, p == 1


def clipped_cross_entropy(logits: Tensor, y: Tensor, least: float = 1e-7) -> Tensor:
    """Minus the logarithm of the softmax, clipped to [1e-7, 1 - 1e-7] as some libraries do: flat beyond it."""
    p = F.softmax(logits, 1).gather(1, y[:, None])[:, 0]
    return -p.clamp(least, 1 - least).log()


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
    arrays["noise"] = np.stack([shown(a - x, (-eps_value(t) * v.unit, eps_value(t) * v.unit))
                                for a, t in zip(moved, texts, strict=True)])  # fmt: skip
    arrays["sum"] = np.stack([shown(a, v.box) for a in moved])
    for text, a in zip(texts, moved, strict=True):
        tally.add("Algorithm 1", text, "default", "fooled", v.fooled(a, y))
    return Outcome(tally.rows(), arrays)


def shown(x: Tensor, box: Box) -> np.ndarray:
    """Values from ``box`` as uint8 pictures ``(B, H, W, C)``; what is outside is cut off."""
    low, high = box
    return (((x - low) / (high - low)).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()


# Section III


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
    j = jacobian(net, x)
    steps = {p: unit(direction(j, x, p, generator)) for p in s["p"]}
    steps["random"] = unit(torch.randn(x.shape, generator=generator).to(x))
    with torch.no_grad():
        before = net(x)
    tally.add("none", "0", "default", "output_error", norm(before - wanted, 2), steps=0)
    for p, v in progress(steps.items(), desc=f"measure {job.trial.exhibit} {job.trial.name}"):
        method = METHODS.get(p, "random direction")
        linear = norm(j.times(v), 2)
        for text in s["radius"]:
            radius = eps_value(text)
            x_adv = farther(net, x, radius * v, wanted)
            with torch.no_grad():
                after = net(x_adv)
            tally.add(method, text, "default", "output_error", norm(after - wanted, 2))
            tally.add(method, text, "default", "output_change", norm(after - before, 2))
            tally.add(method, text, "default", "linear_change", radius * linear)
    first = x[: s["bounded"]]
    matrix = dense(jacobian(net, first), before[: s["bounded"]])
    largest = {
        "1": lambda: torch.linalg.vector_norm(matrix, dim=1).amax(1),
        "2": lambda: torch.linalg.matrix_norm(matrix, 2),
        "inf": lambda: sign_bound(matrix) / math.sqrt(matrix.shape[2]),
    }
    for p in s["p"]:
        tally.add(METHODS[p], "", "default", "share_of_bound", norm(j.times(steps[p]), 2)[: len(first)] / largest[p]())
    arrays = {"image": shown(x[:4], UNIT), "step": np.stack([v[:4].mean(1).cpu().numpy() for v in steps.values()])}
    return Outcome(tally.rows(), arrays)


def segmentation(job: Job) -> Outcome:
    """Every pixel of the stroke is to be taken for the next digit: targeted margins, summed over the pixels.

    The programme is linear in the sum, so its optimum is the steepest direction of one gradient; in steps as
    Algorithm 1-10, beside one step, and random signs.
    """
    tally, s, net = Tally(partial(place, job)), job.trial.settings, job.trained.model
    x, y = job.test_images()
    stroke = segments(x, y, job.data.classes) < job.data.classes
    target = (y + 1) % job.data.classes
    noise = random_sign(x, torch.Generator().manual_seed(job.trial.seed))
    with torch.no_grad():
        tally.add("none", "0", "default", "pixels_right", pixel_share(net(x).argmax(1) == y.view(-1, 1, 1), stroke))
    arrays = {"image": shown(x[:4], UNIT), "eps": np.array(s["eps"], "S"), "target": target[:4].cpu().numpy()}
    for text in s["eps"]:
        eps = eps_value(text)
        found = {"Algorithm 1": towards(net, x, target, stroke, eps, 1),
                 "Algorithm 1-10": towards(net, x, target, stroke, eps, 10),
                 "Random": into(x + eps * noise, UNIT)}  # fmt: skip
        for method, x_adv in found.items():
            with torch.no_grad():
                classes = net(x_adv).argmax(1)
            tally.add(method, text, "default", "pixels_moved", pixel_share(classes == target.view(-1, 1, 1), stroke))
            tally.add(method, text, "default", "pixels_right", pixel_share(classes == y.view(-1, 1, 1), stroke))
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
