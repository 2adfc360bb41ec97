"""Computing `sign/smallest`: each image's smallest step that fools, along the sign and along the gradient itself."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from inputgrad.compute.attacks.smallest import smallest
from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.metrics import PERCEPTIBILITY, correct, predict, psnr
from inputgrad.compute.norms import into, norm, per_image, steepest, unit
from inputgrad.ground.checks import eps_value

from .job import Job, Outcome, measuring
from .sign import BATCH, box_of, place, reading
from .tally import Tally

BALL = {"FGSM": torch.inf, "FGM-l2": 2.0}
"""The exponent of the ball whose steepest direction a method goes; both are then made of l2 length one."""

SIZES = {
    "l2": ("1/32", "1/16", "1/8", "1/4", "1/2", "1", "2", "4", "8", "16"),
    "linf": ("1/512", "1/256", "1/128", "1/64", "1/32", "1/16", "1/8", "1/4", "1/2", "1"),
}
"""At which sizes the distribution of the smallest steps is counted."""

QUARTERS = {"q1": 0.25, "median": 0.5, "q3": 0.75}


def smallest_steps(job: Job) -> Outcome:
    """How large each image's smallest fooling step is, along each direction, over the images that were right before.

    An image that no step up to the longest fools counts as one that needs more than any other: its size is infinite,
    its PSNR minus infinity. A quartile that falls on such an image is no row.
    """
    tally, model, s = Tally(partial(place, job)), job.trained.model, job.trial.settings
    lengths = np.geomspace(s["reach"] / 1024, s["reach"], s["scan"]).tolist() if s["scan"] > 1 else [s["reach"]]
    x, y = job.test_images()
    right = torch.cat([correct(predict(model, a), b) for a, b in in_batches(x, y)])
    tally.add("none", "0.0", "default", "accuracy", right, steps=0)
    if not right.any():
        return Outcome(tally.rows())
    x, y = x[right], y[right]
    for loss in measuring(job, s["attack_loss"]):
        g = torch.cat([input_gradient(model, a, b, loss=loss) for a, b in in_batches(x, y)])
        sizes = {}
        for method in s["methods"]:
            d = unit(steepest(g, BALL[method]))
            t = torch.cat([smallest(model, *part, lengths=lengths, halvings=s["halvings"], box=box_of(s))
                           for part in in_batches(x, y, d)])  # fmt: skip
            sizes[method] = sizes_of(x, into(x + per_image(t.nan_to_num(posinf=0), x) * d, box_of(s)), t.isfinite())
            describe(tally, method, reading(attack_loss=loss, clip=s["clip"]), sizes[method])
        if set(BALL) <= set(sizes):
            for measure in SIZES:
                tally.add("FGM-l2", "", reading(attack_loss=loss, clip=s["clip"]), f"{measure}_below_sign",
                          sizes["FGM-l2"][measure] < sizes["FGSM"][measure], steps=1)  # fmt: skip
    return Outcome(tally.rows())


def in_batches(*of_all: Tensor) -> list[tuple[Tensor, ...]]:
    """The same batches of several tensors."""
    return list(zip(*(values.split(BATCH) for values in of_all), strict=True))


def sizes_of(x: Tensor, x_adv: Tensor, fooled: Tensor) -> dict[str, Tensor]:
    """l2, l-infinity and PSNR of each step after clipping, ``(B,)``; beyond all numbers where it does not fool."""
    delta = x_adv - x
    found = {
        "l2": norm(delta, 2),
        "linf": norm(delta, torch.inf),
        "psnr": psnr(delta),
    }
    return {name: torch.where(fooled, value, -torch.inf if name == "psnr" else torch.inf)
            for name, value in found.items()}  # fmt: skip


def describe(tally: Tally, method: str, called: str, sizes: dict[str, Tensor]) -> None:
    """The distribution of one direction's smallest steps: how many fool, quartiles, and shares up to given sizes."""
    tally.add(method, "", called, "crossed", sizes["l2"].isfinite(), steps=1)
    for measure, values in sizes.items():
        ordered = values.sort().values
        for name, share in QUARTERS.items():
            value = ordered[int(share * (len(ordered) - 1))]  # one of the images, no mean of two
            if value.isfinite():
                tally.number(method, "", called, f"smallest_{measure}_{name}", value, steps=1,
                             unit=PERCEPTIBILITY[measure], images=len(ordered))  # fmt: skip
    for measure, texts in SIZES.items():
        for text in texts:
            tally.add(method, "", called, f"within_{measure}", sizes[measure] <= eps_value(text), steps=1,
                      parameter=text)  # fmt: skip
