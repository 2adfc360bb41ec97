"""Computing `sign/losses`: the steps of `sign` on cross-entropy and on minus the true logit."""

from __future__ import annotations

from functools import partial

from inputgrad.compute.attacks import sweep
from inputgrad.compute.metrics import correct, predict
from inputgrad.ground.checks import eps_value

from .job import Job, Outcome, batches
from .sign import BATCH, box_of, place, reading, repaired, step_sizes
from .tally import Tally


def losses(job: Job) -> Outcome:
    """Error after D-FGSM and D-FGM at the paper's eps, and accuracy under FGM far beyond them, following each loss.

    As in Tables 3 and 4, only images that are wrong before are stepped downhill, and what is counted is all images.
    """
    tally, model, s = Tally(partial(place, job)), job.trained.model, job.trial.settings
    near, far = step_sizes(job, small=True), {text: eps_value(text) for text in s["far"]}
    names = {loss: reading(attack_loss=loss, clip=s["clip"]) for loss in s["attack_loss"]}
    for x, y in batches(job, BATCH):
        logits = predict(model, x)
        wrong = ~correct(logits, y)
        tally.add("none", "0.0", "default", "error", wrong, steps=0)
        for loss, name in names.items():
            for attack, eps, classes in repaired(model, x, y, wrong, logits, {**s, "attack_loss": loss}, near):
                tally.add(attack, eps, name, "error", classes != y, steps=1)
    for x, y in batches(job, BATCH, first=s["far_images"]):
        for loss, name in names.items():
            for attack, size, x_adv in sweep(model, x, y, attacks=["FGM"], eps=far, loss=loss, box=box_of(s)):
                tally.add(attack, str(size), name, "accuracy", correct(predict(model, x_adv), y), steps=1)
    return Outcome(tally.rows())
