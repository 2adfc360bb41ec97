"""Computing the tables of `butterfly` (Yoo, Park, Choi, Yun, Kwak 2018)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from inputgrad.catalogue import models
from inputgrad.compute.attacks import ATTACKS, eha, pgd, scaled_to, universal
from inputgrad.compute.methods.game import BATCH, outputs, pixels
from inputgrad.compute.methods.generator import Generator, features
from inputgrad.compute.methods.probe import probe
from inputgrad.compute.metrics import predict
from inputgrad.compute.norms import UNIT, into, norm
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.ground.checks import eps_value
from inputgrad.record.row import Row
from inputgrad.study.butterfly import (
    ATTACKING,
    ENHANCING,
    FINE_TUNED,
    FROM_SCRATCH,
    NEW_IMAGES,
    PROBE,
    SCRATCH,
    SIZES,
)
from inputgrad.study.butterfly_scales import FOUR

from .butterfly_arms import (
    PRINTED,
    Arm,
    Subject,
    described,
    directs,
    limited,
    measured,
    of_arm,
    place,
    reading_for,
    rules_of,
    vanilla,
    variants,
    weights_of,
)  # fmt: skip
from .butterfly_networks import ANOTHER, encoder, external, fine_tuned, from_scratch, recipe_of, suffix, victim
from .job import Job, Outcome, batches
from .tally import Tally

ROWS = {
    "1": {f"{SCRATCH}, Vanilla", f"{SCRATCH}, Proposed-50", f"{SCRATCH}, Proposed-101", f"{FINE_TUNED}, Vanilla",
          f"{FINE_TUNED}, Proposed-101"},
    "2": {f"{FINE_TUNED}, {row}" for row in ("Vanilla", "Proposed-50", "Proposed-101", "Proposed-B", "UAP", "EHA")},
}  # fmt: skip

TABLE_3 = {
    "1": {f"{SCRATCH}, Vanilla": "[A] Vanilla (1)", f"{SCRATCH}, Proposed-50": "[A] Proposed-ls",
          f"{SCRATCH}, Proposed-50, lr": "[A] Proposed-lr"},
    "2": {f"{FINE_TUNED}, Vanilla": "[B] vanilla (2)",
          f"{FINE_TUNED}, Proposed-B": "[B] proposed-m (B) [= ls, black box]",
          f"{FINE_TUNED}, Proposed-B, lr": "[B] proposed-l (B) [= lr, black box]"},
}  # fmt: skip
"""Rows of Table 3 that are rows of ours under another name."""

COMPARED = {"none", "enhance", "PGN adversarial", "UAP", "EHA (FGSM)"}
"""The attacks that the paper's tables know; the rest are controls."""


def standing(rows: list[Row], table: str) -> list[Row]:
    """The rows, with the paper's table where they have a cell there, and once more where Table 3 prints them too.

    Only the paper's data sets and classifiers have one, and of readings only the study's default.
    """
    found = []
    for row in rows:
        cell = (
            row.dataset in PRINTED.values()
            and row.model in {models.label(name) for name in FOUR}
            and row.metric in ENHANCING.metrics
            and row.attack in COMPARED
            and row.reading == "default"
        )
        found.append(replace(row, table=table) if cell and row.defense in ROWS[table] else row)
        if cell and row.dataset == "ImageNet-50" and row.defense in TABLE_3[table]:
            found.append(replace(row, table="3", defense=TABLE_3[table][row.defense]))
    return found


# Tables 1 and 3


def enhancing(job: Job) -> Outcome:
    """Generators that raise the accuracy of a classifier, and what the same encoder and labels are worth without."""
    s, called = job.trial.settings, reading_for(job, ENHANCING.parameters[0].default)
    classifiers = {SCRATCH: job.trained}
    if external(job) != "none":
        classifiers[FINE_TUNED] = fine_tuned(job)
    recipe = recipe_of(job)
    another = trained(job.data, job.trial.model, recipe, job.trial.seed + ANOTHER, job.device)
    starts = {size: encoder(job, size) for size in s["sizes"]}
    rules = rules_of(job, "enhance")
    proposed = {size: Arm(f"Proposed-{suffix(job, size)}", start, rules) for size, start in starts.items()}
    main = proposed[s["sizes"][0]]
    fresh = from_scratch(job, s["sizes"][0])
    arms = [*proposed.values(), *variants(job, main)]
    best = (directs(arms) or [main])[0]
    within = limited(job, [main, *directs(arms, main)])
    arms += [best.but(FROM_SCRATCH, start=fresh), *within]
    arms += [main.but(NEW_IMAGES, first=n) for n in unseen(job)]
    rows = []
    for kind, target in classifiers.items():
        others = {"another seed": another.model}
        others |= {IN_WORDS[k]: t.model for k, t in classifiers.items() if k != kind}
        subject = Subject(job, kind, target, called, others)
        rows += vanilla(subject)
        for arm in arms if kind == SCRATCH else [proposed[s["sizes"][-1]]]:
            rows += of_arm(subject, arm)[0]
    rows += baselines(job, main.start, called)
    return Outcome(standing(rows, "1"))


def unseen(job: Job) -> list[int]:
    """Where the training images begin that the classifier has not learned, if there are enough for another game."""
    learned, n = job.trial.settings["recipe"]["images"], job.trial.settings["game"]["images"]
    return [learned] if learned and n and learned + n <= len(job.data.x_train) else []


IN_WORDS = {SCRATCH: "scratch classifier", FINE_TUNED: "pretrained classifier"}
"""What a kind of classifier is called where another's v is carried to it."""


def baselines(job: Job, start: Trained, called: str) -> list[Row]:
    """What the encoder gives without a generator: heads on it, their mean with the classifier, and all of it tuned.

    One head is linear, the other as large as the generator's decoder.
    """
    x, y = job.test_images()
    s, body = job.trial.settings, features(start.model).to(job.device).eval()
    n = s["recipe"]["images"]
    labels = job.data.y_train[:n].to(job.device)
    seen, h = described(body, job.data.x_train[:n].to(job.device)), described(body, x)
    generator = Generator(body, job.data.shape, tuple(s["decoder"]))
    hidden = weights_of(generator.decoder) // (h.shape[1] + job.data.classes)
    scores = predict(probe(seen, labels, job.data.classes), h)
    large = predict(probe(seen, labels, job.data.classes, hidden=hidden, seed=job.trial.seed), h)
    both = scores.softmax(1) + predict(job.trained.model, x, BATCH).softmax(1)
    model, width = s["encoders"][s["sizes"][0]]
    tuned = trained(job.data, model, replace(recipe_of(job), width=width), job.trial.seed, job.device, start=start)
    found = {
        PROBE: scores,
        "head of the decoder's size on the encoder": large,
        "probe and classifier, mean": both.clamp(min=1e-12).log(),
        "encoder, fine-tuned": outputs(tuned.model, x),
    }
    rows = []
    for name, logits in found.items():
        tally = Tally(partial(place, job, arm=name))
        measured(tally, "none", called, logits, y)
        rows += tally.rows()
    return rows


# Table 2


def attacking(job: Job) -> Outcome:
    """Generators that lower the accuracy of a classifier, known or not, beside a universal perturbation and FGSM.

    The rivals are as long as the main generator's perturbations are on average (l2), and every other generator's are
    measured at that length too; generators and rivals are also compared in one l-infinity ball.
    """
    s, called = job.trial.settings, reading_for(job, ATTACKING.parameters[0].default)
    kind, target = victim(job)
    other = job.trained
    if kind == SCRATCH:
        other = trained(job.data, job.trial.model, recipe_of(job), job.trial.seed + ANOTHER, job.device)
    subject = Subject(job, kind, target, called, {"another classifier": other.model})
    starts = {size: encoder(job, size) for size in s["sizes"]}
    rules = rules_of(job, "attack")
    arms = [Arm(f"Proposed-{suffix(job, size)}", start, rules) for size, start in starts.items()]
    arms += [arm for arm in variants(job, arms[0]) if arm.rules.loss == rules.loss]
    unknown = replace(rules, known=False, objective="game")
    judge = encoder(job, SIZES[-1])
    black = Arm("Proposed-B", starts[s["sizes"][0]], unknown, judge)
    arms += [black, *(black.but(loss, rules=replace(unknown, loss=loss)) for loss in s["loss"][1:])]
    inside = limited(job, [arms[0], *directs(arms, arms[0])])
    first, length = of_arm(subject, arms[0])
    rows = vanilla(subject) + first
    for arm in arms[1:]:
        rows += of_arm(subject, arm, length)[0]
    for arm in inside:
        rows += of_arm(subject, arm)[0]
    return Outcome(standing(rows + rivals(subject, length), "2"))


RIVALS = {"UAP": ("UAP", 0), "EHA": ("EHA (FGSM)", 1), "PGD": ("PGD", 20)}
"""The attack behind each of them, and the steps it takes on an image."""


def rivals(subject: Subject, length: float) -> list[Row]:
    """UAP and EHA of a mean l2 length; with PGD inside the ball of the trial's budget; on this classifier and others.

    Lengths are those before any clipping.
    """
    job, target, rows = subject.job, subject.target.model, []
    s = job.trial.settings
    x, y = job.test_images()
    box = UNIT if s["clip"] else None
    x_train = pixels(job.data.x_train[: s["uap_images"]].to(job.device))
    one_for_all = partial(universal, target, x_train, passes=s["passes"], enough=1.0, seed=job.trial.seed, box=box)

    def each(attack: Callable, what: str) -> Tensor:
        """The attack on all test images, batch by batch."""
        return torch.cat([attack(target, part, labels, box=box) for part, labels in batches(job, BATCH, what)])

    v = scaled_to(one_for_all(eps=length, p=2)[None], length)  # it may end inside the ball
    moved = {("UAP", ""): into(x + v, box), ("EHA", ""): each(partial(eha, length=length, each=False), "EHA")}
    eps = eps_value(s["budget"])
    moved |= {("UAP", "limited"): into(x + one_for_all(eps=eps, p=torch.inf), box),
              ("EHA", "limited"): each(partial(ATTACKS["FGSM"], eps=eps), "FGSM"),
              ("PGD", "limited"): each(partial(pgd, eps=eps, steps=RIVALS["PGD"][1]), "PGD")}  # fmt: skip
    for (maker, variant), x_tilde in moved.items():
        tally = subject.tally(maker, variant)
        attack, steps = RIVALS[maker]
        subject.measured(tally, attack, x_tilde, y, steps=steps)
        subject.carried(tally, x_tilde, y, steps=steps)
        number = partial(tally.number, attack, "", subject.reading, unit="x", images=len(x), steps=steps)
        for metric, p in (("l2", 2), ("linf", torch.inf)):
            number(metric, norm(x_tilde - x, p).mean().item())
        rows += tally.rows()
    return rows
