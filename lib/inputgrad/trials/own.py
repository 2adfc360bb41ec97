"""Computing the audit of a network of the reader's own."""

from __future__ import annotations

from functools import partial

import torch

from inputgrad.compute.gradients import input_gradient
from inputgrad.compute.metrics import correct, predict
from inputgrad.compute.norms import norm
from inputgrad.study.own import AS_GIVEN

from .audit import under_attack
from .job import Job, Outcome, batches
from .selfgrad import BATCH, place
from .tally import Tally


def audit(job: Job) -> Outcome:
    """The network under every attack of the audit of `selfgrad`, and what the checklist asks of it besides.

    ``guessing`` is the share of the commonest class among the images attacked: what a constant would get right.
    ``no_gradient`` counts the images whose cross-entropy has no gradient at all, of those right before.
    """
    model, tally = job.trained.model, Tally(partial(place, job, arm=AS_GIVEN))
    _, labels = job.test_images()
    commonest = labels.bincount().max() / len(labels)
    tally.number("none", "", "default", "guessing", commonest, steps=0, unit="fraction", images=len(labels))
    for x, y in batches(job, BATCH, "gradients"):
        right, zero = correct(predict(model, x), y), norm(input_gradient(model, x, y), torch.inf) == 0
        tally.add("none", "", "default", "no_gradient", zero[right], steps=0)
    return Outcome(tally.rows() + under_attack(job, AS_GIVEN, "default", model, {}))
