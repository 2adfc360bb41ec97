"""The generators of `butterfly`: each is trained in its game, and measured on the test images beside its controls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute.attacks import scaled_to
from inputgrad.compute.methods.game import HELD, Rules, decisions, judged, outputs, perturbations
from inputgrad.compute.methods.played import Played, played
from inputgrad.compute.norms import norm
from inputgrad.compute.training.networks import Trained
from inputgrad.ground.checks import eps_value
from inputgrad.record.row import Row
from inputgrad.study.butterfly import DIRECT, VANILLA

from .butterfly_networks import external
from .job import Job
from .tally import Tally, placed, reading_of

ATTACK = {"enhance": "enhance", "attack": "PGN adversarial"}
"""The paper's word for each problem."""

# Where rows belong

PRINTED = {"stl10": "stl-10", "imagenet10": "ImageNet-10", "imagenet50": "ImageNet-50"}
"""The paper's data sets, as its tables spell them."""


def place(job: Job, eps: str = "", *, arm: str, maker: str = "", variant: str = "") -> dict[str, str]:
    """Where a cell belongs; which of the paper's tables it stands in is decided by :func:`standing`."""
    where = placed(job.trial, "own", arm, maker, variant)
    return {**where, "dataset": PRINTED.get(job.trial.dataset, where["dataset"])}


DEFAULT = {"l2": "mean_square", "loss": "ls", "d_train": "head", "objective": "game", "limit": None, "clip": False,
           "external": None, "size": None, "first": 0}  # fmt: skip


def reading_for(job: Job, gamma: float | None = None) -> str:
    """The reading a row is of: what differs from the study's default, of a list its first, and of gamma ``gamma``."""
    s = job.trial.settings
    chosen = {name: s[name][0] if isinstance(s[name], list) else s[name] for name in DEFAULT}
    if external(job) == "none":
        chosen["external"] = "none"
    of_gamma = {} if gamma is None else {"gamma": s["gamma"]}
    return reading_of({**DEFAULT, "gamma": gamma}, **of_gamma, **chosen)


def measured(
    tally: Tally, attack: str, called: str, logits: Tensor, y: Tensor, *, table: bool = True, steps: int = 0
) -> None:
    """Accuracy and, where the paper has it too, the mean softmax probability of the true class.

    ``steps`` are those that made each image; a generator takes none.
    """
    right, p = judged(logits, y)
    tally.add(attack, "", called, "accuracy", right, steps=steps)
    if table:
        mean = p.mean().item()
        tally.number(attack, "", called, "second_number", mean, unit="probability", images=len(y), steps=steps)


# Classifiers


@dataclass(frozen=True)
class Subject:
    """A classifier that is enhanced or attacked, and what its rows say of it.

    Attributes:
        job: the trial.
        kind: what the paper calls such a classifier, ``"[A] scratch classifier"``; the rows' ``arm``.
        target: the classifier.
        reading: the rows' reading.
        others: classifiers that its perturbations are carried to, by name.
    """

    job: Job
    kind: str
    target: Trained
    reading: str
    others: Mapping[str, nn.Module] = field(default_factory=dict)

    def tally(self, maker: str = "", variant: str = "") -> Tally:
        """An empty tally whose rows are of this classifier, under what this maker makes."""
        return Tally(partial(place, self.job, arm=self.kind, maker=maker, variant=variant))

    def measured(self, tally: Tally, attack: str, x: Tensor, y: Tensor, *, table: bool = True, steps: int = 0) -> None:
        """Add how it fares on ``x``: see :func:`measured`."""
        measured(tally, attack, self.reading, outputs(self.target.model, x), y, table=table, steps=steps)

    def carried(self, tally: Tally, x: Tensor, y: Tensor, *, steps: int = 0) -> None:
        """Add how the other classifiers fare on ``x``."""
        for name, other in self.others.items():
            measured(tally, f"v on {name}", self.reading, outputs(other, x), y, table=False, steps=steps)


def vanilla(subject: Subject) -> list[Row]:
    """The rows of a classifier left alone, also on the images of the game; and of those v is carried to."""
    job, tally = subject.job, subject.tally(VANILLA)
    subject.measured(tally, "none", *job.test_images())
    subject.carried(tally, *job.test_images())
    right, _ = decisions(subject.target.model, *(part.to(job.device) for part in game_images(job)))
    share = right.float().mean().item()
    tally.number("none", "", subject.reading, "game_accuracy", share, unit="fraction", images=len(right), steps=0)
    return tally.rows()


# Games


def rules_of(job: Job, problem: str, **changes: object) -> Rules:
    """The rules that a trial's settings ask for; of a list its first."""
    s = job.trial.settings
    one = {name: s[name][0] if isinstance(s[name], list) else s[name] for name in ("loss", "d_train", "objective")}
    shared = {name: s[name] for name in ("l2", "limit", "clip")}
    return Rules(problem, **{"gamma": s.get("gamma"), **one, **shared, **changes})


def play(job: Job, target: Trained, arm: Arm) -> Played:
    """The generator of this arm, which plays on the trial's data against the classifier ``target``."""
    s = job.trial.settings
    first = s["first"] if arm.first is None else arm.first
    return played(
        job.data, target, arm.start, arm.rules, Recipe(**s["game"]), job.trial.seed, job.device,
        judge=arm.judge, first=first, widths=tuple(s["decoder"]),
    )  # fmt: skip


def game_images(job: Job) -> tuple[Tensor, Tensor]:
    """The first training images that the game is played on, uint8, and their labels: those it is followed on."""
    first, n = job.trial.settings["first"], job.trial.settings["game"]["images"] or HELD
    chosen = slice(first, first + min(n, HELD))
    return job.data.x_train[chosen], job.data.y_train[chosen]


@dataclass(frozen=True)
class Arm:
    """A generator to be trained and measured: its name, what it starts from, its rules and a judge's network.

    ``first`` is the index of its first training image, ``None`` for the trial's; ``variant`` says what sets it apart
    from others of its name.
    """

    maker: str
    start: Trained
    rules: Rules
    judge: Trained | None = None
    first: int | None = None
    variant: str = ""

    def but(self, variant: str, **changes: Any) -> Arm:
        """The same but for some fields, and how that is called."""
        return replace(self, variant=", ".join(filter(None, (self.variant, variant))), **changes)


def variants(job: Job, main: Arm) -> Iterator[Arm]:
    """The main arm with each further loss, choice of what the discriminator learns, and objective."""
    s = job.trial.settings
    words = {"full": "D trained fully", "head": "D's head"}
    for name in ("loss", "d_train", "objective"):
        for value in s[name][1:]:
            if value == DIRECT and not main.rules.known:
                continue
            changed = replace(main.rules, **{name: value})
            yield main.but(words.get(value, value), rules=changed)


def limited(job: Job, arms: Iterable[Arm]) -> list[Arm]:
    """The arms again with v inside the l-infinity ball of the trial's ``budget``, or of their own limit if smaller."""
    budget = eps_value(job.trial.settings["budget"])

    def smaller(limit: float | None) -> float:
        return budget if limit is None else min(limit, budget)

    return [arm.but("limited", rules=replace(arm.rules, limit=smaller(arm.rules.limit))) for arm in arms]


def directs(arms: Iterable[Arm], main: Arm | None = None) -> list[Arm]:
    """Those of the arms that have no discriminator, without ``main``."""
    return [arm for arm in arms if arm.rules.objective == DIRECT and arm is not main]


# Measuring


def of_arm(subject: Subject, arm: Arm, length: float | None = None) -> tuple[list[Row], float]:
    """The rows of one generator, controls included, and the mean l2 length of its perturbations of the test images.

    ``v`` is given to its own image, to another one, to a grey image (does it write the label?) and to the images of
    other classifiers; and noise of its length takes its place. With ``length``, all v are also scaled by one factor so
    that this is their mean length.
    """
    job, attack, apply = subject.job, ATTACK[arm.rules.problem], arm.rules.applied
    x, y = job.test_images()
    tally = subject.tally(arm.maker, arm.variant)
    result = play(job, subject.target, arm)
    v = perturbations(result.model, x)
    subject.measured(tally, attack, apply(x, v), y)
    controls = {
        "v of another image": apply(x, shuffled(v, job.trial.seed)),
        "random v": apply(x, random_of(v, job.trial.seed)),
        "v on grey": apply(torch.full_like(x, 0.5), v),
    }
    if length is not None:
        controls["v at equal length"] = apply(x, scaled_to(v, length, each=False))
    for control, moved in controls.items():
        subject.measured(tally, control, moved, y, table=False)
    subject.carried(tally, apply(x, v), y)
    number = partial(tally.number, attack, "", subject.reading, steps=0)
    own = norm(v, 2).mean().item()
    number("l2", own, unit="x", images=len(x))
    number("linf", norm(v, torch.inf).mean().item(), unit="x", images=len(x))
    number("game_accuracy", result.history[-1]["accuracy"], unit="fraction", images=len(game_images(job)[0]))
    share = weights_of(result.model) / weights_of(subject.target.model)
    number("weights", share, unit="ratio", images=0)
    return tally.rows(), own


def weights_of(net: nn.Module) -> int:
    """How many weights a network has."""
    return sum(p.numel() for p in net.parameters())


def shuffled(v: Tensor, seed: int) -> Tensor:
    """Every perturbation given to another image, at random, none to its own."""
    cycle = torch.randperm(len(v), generator=torch.Generator().manual_seed(seed)).to(v.device)
    out = torch.empty_like(v)
    out[cycle] = v[cycle.roll(1)]
    return out


def random_of(v: Tensor, seed: int) -> Tensor:
    """Normal noise with the l2 length of each perturbation."""
    noise = torch.randn(v.shape, generator=torch.Generator().manual_seed(seed)).to(v)
    return scaled_to(noise, norm(v, 2))


def described(body: nn.Module, x: Tensor) -> Tensor:
    """The mean of the last feature map, ``(N, F)``, of images that are uint8 or in [0, 1], batch by batch."""
    return outputs(lambda part: body(part).mean((2, 3)), x)
