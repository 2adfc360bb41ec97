"""Computing the exhibits of `butterfly` (Yoo, Park, Choi, Yun, Kwak 2018)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from inputgrad.catalogue import datasets, models
from inputgrad.catalogue.recipe import Recipe
from inputgrad.compute import data
from inputgrad.compute.attacks import ATTACKS, eha, pgd, scaled_to, universal
from inputgrad.compute.data import Splits
from inputgrad.compute.gradients import Classifier
from inputgrad.compute.methods.game import (
    BATCH,
    HELD,
    Played,
    Rules,
    decisions,
    outputs,
    perturbations,
    pixels,
    played,
    untrained,
)
from inputgrad.compute.methods.generator import Generator, features
from inputgrad.compute.methods.probe import probe
from inputgrad.compute.metrics import predict
from inputgrad.compute.models.imagenet import NAMES as WITH_WEIGHTS
from inputgrad.compute.models.imagenet import torchvision_net, with_imagenet_weights
from inputgrad.compute.norms import UNIT, into, norm
from inputgrad.compute.training.networks import Trained, trained
from inputgrad.ground.checks import InputError, eps_value
from inputgrad.ground.progress import progress
from inputgrad.record.row import Row
from inputgrad.study.butterfly import (
    ATTACKING,
    DIRECT,
    ENHANCING,
    EXTERNAL,
    FINE_TUNED,
    FOUR,
    FROM_SCRATCH,
    NEW_IMAGES,
    PROBE,
    SCRATCH,
    SIZES,
    VANILLA,
)

from .job import Job, Outcome
from .tally import Tally, reading_of, side

ANOTHER = 1000
"""Added to the seed for the second network that perturbations are tried on, and for the pretraining of [B]."""

ATTACK = {"enhance": "enhance", "attack": "PGN adversarial"}
"""The paper's word for each problem."""


# Where rows belong

PRINTED = {"stl10": "stl-10", "imagenet10": "ImageNet-10", "imagenet50": "ImageNet-50"}
"""The paper's data sets, as its tables spell them."""

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


def place(job: Job, eps: str = "", *, arm: str, maker: str = "", variant: str = "") -> dict[str, str]:
    """Where a cell belongs; which of the paper's tables it stands in is decided by :func:`standing`."""
    dataset = PRINTED.get(job.trial.dataset) or datasets.label(job.trial.dataset)
    here = {"table": "own", "dataset": dataset, "model": models.label(job.trial.model)}
    return {**here, **side(arm, maker, variant)}


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


DEFAULT = {"l2": "mean_square", "loss": "ls", "d_train": "head", "objective": "game", "limit": None, "clip": False,
           "external": None, "size": None, "first": 0}  # fmt: skip


def read(job: Job, gamma: float | None = None) -> str:
    """The reading a row is of: what differs from the study's default, of a list its first, and of gamma ``gamma``."""
    s = job.trial.settings
    chosen = {name: s[name][0] if isinstance(s[name], list) else s[name] for name in DEFAULT}
    if external(job) == "none":
        chosen["external"] = "none"
    of_gamma = {} if gamma is None else {"gamma": s["gamma"]}
    return reading_of({**DEFAULT, "gamma": gamma}, **of_gamma, **chosen)


# Networks


@lru_cache(maxsize=1)
def loaded(name: str, root: str | None, size: int) -> Splits:
    """A second data set at the size of the first."""
    return data.load(name, root=root, size=size)


def external(job: Job) -> str:
    """The data set that encoders are pretrained on, ``"imagenet"`` or ``"none"``.

    Where it is the study that would have ImageNet's weights, and they are not to be had, nothing is pretrained; the
    reading of every row says so.
    """
    s = job.trial.settings
    own = s["external"] or EXTERNAL.get(job.trial.dataset, "imagenet")
    wanted = (job.trial.model, *(name for name, _ in s["encoders"].values()))
    return "none" if own == "imagenet" and s["external"] is None and not obtained(wanted) else own


@cache
def obtained(names: tuple[str, ...]) -> bool:
    """Are ImageNet's weights of these networks at hand, or can they be downloaded? Says why not, once."""
    try:
        for name in names:
            with_imagenet_weights(name, classes=1000)
    except InputError as err:
        print(f"{err}. Nothing is pretrained: this is a run with external='none'.")
        return False
    return True


def pretrained(job: Job, model: str, width: float, seed: int) -> Trained:
    """A network that has learned from the external data.

    Raises:
        InputError: external images of another number of channels, or ImageNet's weights of a network that has none.
    """
    name, shape = external(job), job.data.shape
    if name == "none":
        return untrained(model, shape=shape, classes=job.data.classes, width=width, seed=seed, device=job.device)
    if name == "imagenet":
        if model not in WITH_WEIGHTS:
            raise InputError(
                f"external 'imagenet' has weights of {', '.join(WITH_WEIGHTS)}, but not of {model}: name a data set "
                "in its place, or 'none'"
            )
        net = torchvision_net(model, shape=shape, classes=1000, width=width, weights="imagenet")
        return Trained(model=net.to(job.device).eval(), checkpoint=f"imagenet-{model}")
    images = loaded(name, job.root, shape[-1])
    if images.shape != shape:
        raise InputError(
            f"external {name!r} has images of {images.shape[0]} channels, but {job.trial.dataset} of {shape[0]}: name "
            "another data set, or 'none'"
        )
    recipe = Recipe(**{**job.trial.settings["pretraining"], "width": width})
    return trained(images, model, recipe, seed, job.device)


def encoder(job: Job, size: str) -> Trained:
    """The network whose features a generator of this size starts from."""
    model, width = job.trial.settings["encoders"][size]
    return pretrained(job, model, width, job.trial.seed)


def suffix(job: Job, size: str) -> str:
    """What the paper puts behind *Proposed*: the depth of the encoder; ours are small and large."""
    model, _ = job.trial.settings["encoders"][size]
    return {"resnet50": "50", "resnet101": "101"}.get(model, size)


def recipe_of(job: Job) -> Recipe:
    """How the trial's classifier is trained."""
    return Recipe(**job.trial.settings["recipe"])


def fine_tuned(job: Job) -> Trained:
    """[B]: the trial's classifier, but its training on the target data begins where the external data left it.

    It is pretrained with a seed of its own, so that no encoder or judge begins at the weights it began at.
    """
    recipe = recipe_of(job)
    start = pretrained(job, job.trial.model, recipe.width, job.trial.seed + ANOTHER)
    return trained(job.data, job.trial.model, recipe, job.trial.seed, job.device, start=start)


def victim(job: Job) -> tuple[str, Trained]:
    """The classifier that is attacked: [B], or [A] where nothing is pretrained; with its name."""
    return (SCRATCH, job.trained) if external(job) == "none" else (FINE_TUNED, fine_tuned(job))


def rules_of(job: Job, problem: str, **changes: object) -> Rules:
    """The rules that a trial's settings ask for; of a list its first."""
    s = job.trial.settings
    one = {name: s[name][0] if isinstance(s[name], list) else s[name] for name in ("loss", "d_train", "objective")}
    shared = {name: s[name] for name in ("l2", "limit", "clip")}
    return Rules(problem, **{"gamma": s.get("gamma"), **one, **shared, **changes})


def play(
    job: Job, target: Trained, start: Trained, rules: Rules, judge: Trained | None = None, first: int | None = None
) -> Played:
    """The generator of these rules on the trial's data."""
    first = job.trial.settings["first"] if first is None else first
    return played(
        job.data, target, start, rules, Recipe(**job.trial.settings["game"]), job.trial.seed, job.device,
        judge=judge, first=first, widths=tuple(job.trial.settings["decoder"]),
    )  # fmt: skip


def game_images(job: Job) -> tuple[Tensor, Tensor]:
    """The first training images that the game is played on, uint8, and their labels: those it is followed on."""
    first, n = job.trial.settings["first"], job.trial.settings["game"]["images"] or HELD
    chosen = slice(first, first + min(n, HELD))
    return job.data.x_train[chosen], job.data.y_train[chosen]


# Measuring


def measured(
    tally: Tally, attack: str, called: str, target: Classifier, x: Tensor, y: Tensor, *, table: bool = True,
    steps: int = 0,
) -> None:  # fmt: skip
    """Accuracy on ``x`` and, where the paper has it too, the mean softmax probability of the true class.

    ``steps`` are those that made each image; a generator takes none.
    """
    right, p = decisions(target, x, y)
    tally.add(attack, "", called, "accuracy", right, steps=steps)
    if table:
        mean = p.mean().item()
        tally.number(attack, "", called, "second_number", mean, unit="probability", images=len(y), steps=steps)


def vanilla(job: Job, kind: str, target: Trained, others: Mapping[str, nn.Module], called: str) -> list[Row]:
    """The rows of a classifier left alone, also on the images of the game; and of those v is carried to."""
    tally = Tally(partial(place, job, arm=kind, maker=VANILLA))
    measured(tally, "none", called, target.model, *job.test_images())
    for name, other in others.items():
        measured(tally, f"v on {name}", called, other, *job.test_images(), table=False)
    right, _ = decisions(target.model, *(part.to(job.device) for part in game_images(job)))
    share = right.float().mean().item()
    tally.number("none", "", called, "game_accuracy", share, unit="fraction", images=len(right), steps=0)
    return tally.rows()


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


def of_arm(
    job: Job, kind: str, target: Trained, arm: Arm, others: Mapping[str, nn.Module], called: str, length: float | None
) -> tuple[list[Row], float]:
    """The rows of one generator, controls included, and the mean l2 length of its perturbations of the test images.

    ``v`` is given to its own image, to another one, to a grey image (does it write the label?) and to the images of
    other classifiers; and noise of its length takes its place. With ``length``, all v are also scaled by one factor so
    that this is their mean length.
    """
    x, y = job.test_images()
    tally = Tally(partial(place, job, arm=kind, maker=arm.maker, variant=arm.variant))
    result = play(job, target, arm.start, arm.rules, arm.judge, arm.first)
    v, apply, net = perturbations(result.model, x), arm.rules.applied, target.model
    measured(tally, ATTACK[arm.rules.problem], called, net, apply(x, v), y)
    controls = {
        "v of another image": apply(x, shuffled(v, job.trial.seed)),
        "random v": apply(x, random_of(v, job.trial.seed)),
        "v on grey": apply(torch.full_like(x, 0.5), v),
    }
    if length is not None:
        controls["v at equal length"] = apply(x, scaled_to(v, length, each=False))
    for control, moved in controls.items():
        measured(tally, control, called, net, moved, y, table=False)
    for name, other in others.items():
        measured(tally, f"v on {name}", called, other, apply(x, v), y, table=False)
    number = partial(tally.number, ATTACK[arm.rules.problem], "", called, steps=0)
    own = norm(v, 2).mean().item()
    number("l2", own, unit="x", images=len(x))
    number("linf", norm(v, torch.inf).mean().item(), unit="x", images=len(x))
    number("game_accuracy", result.history[-1]["accuracy"], unit="fraction", images=len(game_images(job)[0]))
    weights = sum(p.numel() for p in result.model.parameters()) / sum(p.numel() for p in net.parameters())
    number("weights", weights, unit="ratio", images=0)
    return tally.rows(), own


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
    """The arms again with v inside the l-infinity ball of the trial's ``budget``."""
    limit = eps_value(job.trial.settings["budget"])
    return [arm.but("limited", rules=replace(arm.rules, limit=limit)) for arm in arms]


def directs(arms: Iterable[Arm], main: Arm | None = None) -> list[Arm]:
    """Those of the arms that have no discriminator, without ``main``."""
    return [arm for arm in arms if arm.rules.objective == DIRECT and arm is not main]


# Tables 1 and 3


def enhancing(job: Job) -> Outcome:
    """Generators that raise the accuracy of a classifier, and what the same encoder and labels are worth without."""
    s, called = job.trial.settings, read(job, ENHANCING.parameters[0].default)
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
        rows += vanilla(job, kind, target, others, called)
        for arm in arms if kind == SCRATCH else [proposed[s["sizes"][-1]]]:
            rows += of_arm(job, kind, target, arm, others, called, None)[0]
    rows += baselines(job, main.start, called)
    return Outcome(standing(rows, "1"))


def unseen(job: Job) -> list[int]:
    """Where the training images begin that the classifier has not learned, if there are enough for another game."""
    learned, n = job.trial.settings["recipe"]["images"], job.trial.settings["game"]["images"]
    return [learned] if learned and n and learned + n <= len(job.data.x_train) else []


IN_WORDS = {SCRATCH: "scratch classifier", FINE_TUNED: "pretrained classifier"}
"""What a kind of classifier is called where another's v is carried to it."""


def from_scratch(job: Job, size: str) -> Trained:
    """An encoder of this size that has learned nothing."""
    model, width = job.trial.settings["encoders"][size]
    shape, classes = job.data.shape, job.data.classes
    return untrained(model, shape=shape, classes=classes, width=width, seed=job.trial.seed, device=job.device)


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
    hidden = sum(p.numel() for p in generator.decoder.parameters()) // (h.shape[1] + job.data.classes)
    scores = predict(probe(seen, labels, job.data.classes), h)
    large = predict(probe(seen, labels, job.data.classes, hidden=hidden, seed=job.trial.seed), h)
    both = scores.softmax(1) + predict(job.trained.model, x, BATCH).softmax(1)
    model, width = s["encoders"][s["sizes"][0]]
    tuned = trained(job.data, model, replace(recipe_of(job), width=width), job.trial.seed, job.device, start=start)
    found: dict[str, tuple[Classifier, Tensor]] = {
        PROBE: (lambda z: z, scores),
        "head of the decoder's size on the encoder": (lambda z: z, large),
        "probe and classifier, mean": (lambda z: z, both.clamp(min=1e-12).log()),
        "encoder, fine-tuned": (tuned.model, x),
    }
    rows = []
    for name, (net, given) in found.items():
        tally = Tally(partial(place, job, arm=name))
        measured(tally, "none", called, net, given, y)
        rows += tally.rows()
    return rows


def described(body: nn.Module, x: Tensor) -> Tensor:
    """The mean of the last feature map, ``(N, F)``, of images that are uint8 or in [0, 1], batch by batch."""
    return outputs(lambda part: body(part).mean((2, 3)), x)


# Table 2


def attacking(job: Job) -> Outcome:
    """Generators that lower the accuracy of a classifier, known or not, beside a universal perturbation and FGSM.

    The rivals are as long as the main generator's perturbations are on average (l2), and every other generator's are
    measured at that length too; generators and rivals are also compared in one l-infinity ball.
    """
    s, called = job.trial.settings, read(job, ATTACKING.parameters[0].default)
    kind, target = victim(job)
    other = job.trained
    if kind == SCRATCH:
        other = trained(job.data, job.trial.model, recipe_of(job), job.trial.seed + ANOTHER, job.device)
    others = {"another classifier": other.model}
    starts = {size: encoder(job, size) for size in s["sizes"]}
    rules = rules_of(job, "attack")
    arms = [Arm(f"Proposed-{suffix(job, size)}", start, rules) for size, start in starts.items()]
    arms += [arm for arm in variants(job, arms[0]) if arm.rules.loss == rules.loss]
    unknown = replace(rules, known=False, objective="game")
    judge = encoder(job, SIZES[-1])
    black = Arm("Proposed-B", starts[s["sizes"][0]], unknown, judge)
    arms += [black, *(black.but(loss, rules=replace(unknown, loss=loss)) for loss in s["loss"][1:])]
    arms += limited(job, [arms[0], *directs(arms, arms[0])])
    rows = vanilla(job, kind, target, others, called)
    first, length = of_arm(job, kind, target, arms[0], others, called, None)
    rows += first
    for arm in arms[1:]:
        rows += of_arm(job, kind, target, arm, others, called, length if arm.rules.limit is None else None)[0]
    rows += rivals(job, kind, target.model, length, others, called)
    return Outcome(standing(rows, "2"))


RIVALS = {"UAP": ("UAP", 0), "EHA": ("EHA (FGSM)", 1), "PGD": ("PGD", 20)}
"""The attack behind each of them, and the steps it takes on an image."""


def rivals(
    job: Job, kind: str, target: nn.Module, length: float, others: Mapping[str, nn.Module], called: str
) -> list[Row]:
    """UAP and EHA of a mean l2 length; with PGD inside the ball of the trial's budget; on this classifier and others.

    Lengths are those before any clipping.
    """
    s, rows = job.trial.settings, []
    x, y = job.test_images()
    box = UNIT if s["clip"] else None
    x_train = pixels(job.data.x_train[: s["uap_images"]].to(job.device))
    one_for_all = partial(universal, target, x_train, passes=s["passes"], enough=1.0, seed=job.trial.seed, box=box)

    def each(attack: Callable, what: str) -> Tensor:
        """The attack on all test images, batch by batch."""
        pairs = list(zip(x.split(BATCH), y.split(BATCH), strict=True))
        bar = progress(pairs, desc=f"measure {job.trial.exhibit} {job.trial.name} {what}")
        return torch.cat([attack(target, part, labels, box=box) for part, labels in bar])

    v = scaled_to(one_for_all(eps=length, p=2)[None], length)  # it may end inside the ball
    moved = {("UAP", ""): into(x + v, box), ("EHA", ""): each(partial(eha, length=length, each=False), "EHA")}
    eps = eps_value(s["budget"])
    moved |= {("UAP", "limited"): into(x + one_for_all(eps=eps, p=torch.inf), box),
              ("EHA", "limited"): each(partial(ATTACKS["FGSM"], eps=eps), "FGSM"),
              ("PGD", "limited"): each(partial(pgd, eps=eps, steps=RIVALS["PGD"][1]), "PGD")}  # fmt: skip
    for (maker, variant), x_tilde in moved.items():
        tally = Tally(partial(place, job, arm=kind, maker=maker, variant=variant))
        attack, steps = RIVALS[maker]
        measured(tally, attack, called, target, x_tilde, y, steps=steps)
        for other, net in others.items():
            measured(tally, f"v on {other}", called, net, x_tilde, y, table=False, steps=steps)
        number = partial(tally.number, attack, "", called, unit="x", images=len(x), steps=steps)
        for metric, p in (("l2", 2), ("linf", torch.inf)):
            number(metric, norm(x_tilde - x, p).mean().item())
        rows += tally.rows()
    return rows
