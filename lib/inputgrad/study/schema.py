"""What the study can declare: grids, exhibits and papers, frozen and validated on construction."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from inputgrad.catalogue.datasets import DATASETS, Extent
from inputgrad.catalogue.models import MODELS, architecture, label
from inputgrad.catalogue.recipe import CROPS, Recipe
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError

SCALES = {"smoke": "smoke", "quick": "toy", "desk": "reduced", "paper": "paper's own"}
"""The profiles, from the smallest to the largest, and the scale that a verdict of each is marked with."""

PROFILES = tuple(SCALES)
"""A result of a later one is shown in place of an earlier one."""

OPTIONAL = {"desk"}
"""Declared where `paper` is out of a CPU's reach."""


Recipes = Mapping[str | tuple[str, str], Recipe]
"""One for each model, and for a (data set, model) that has its own."""


@dataclass(frozen=True)
class Grid:
    """The trials of one profile: every data set with every model and seed, and the scale of each.

    Attributes:
        datasets: names in ``DATASETS``.
        models: names in ``MODELS``.
        seeds: of initialisation, batch order and random controls.
        images: how many test images are attacked, a fixed prefix of the test set.
        recipes: one for each model that is trained, and for a (data set, model) that has its own.
        pairs: the (data set, model) combinations that are run, where it is not all of them.
    """

    datasets: tuple[str, ...]
    models: tuple[str, ...]
    seeds: tuple[int, ...]
    images: int
    recipes: Recipes
    pairs: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for name in checks.items("datasets", self.datasets):
            checks.one_of("dataset", name, DATASETS)
        for name in checks.items("models", self.models):
            checks.one_of("model", name, MODELS)
        for seed in checks.items("seeds", self.seeds):
            checks.whole("seed", seed)
        checks.whole("images", self.images, least=1)
        missing = {m for m in self.models if not MODELS[m].weights} - set(self.recipes)
        if missing:
            raise InputError(f"no recipe for {', '.join(sorted(missing))}")
        if not set(self.pairs) <= {(d, m) for d in self.datasets for m in self.models}:
            raise InputError("a pair of the grid names a data set or a model that the grid does not have")

    def combinations(self, datasets: Sequence[str], models: Sequence[str], both_named: bool) -> list[tuple[str, str]]:
        """Every data set with every model; of those that the grid pairs only its pairs, unless both were named."""
        every = [(dataset, model) for dataset in datasets for model in models]
        paired_datasets, paired_models = ({pair[i] for pair in self.pairs} for i in (0, 1))
        return [
            (dataset, model)
            for dataset, model in every
            if both_named
            or (dataset, model) in self.pairs
            or dataset not in paired_datasets
            or model not in paired_models
        ]


def grid(images: int, recipes: Mapping, seeds: tuple[int, ...], pairs: dict[str, tuple[str, ...]]) -> Grid:
    """The grid of one profile from the networks that go with each data set."""
    combinations = tuple((dataset, model) for dataset, models in pairs.items() for model in models)
    models = tuple(dict.fromkeys(model for _, model in combinations))
    chosen = {key: recipe for key, recipe in recipes.items() if key in models or key in combinations}
    return Grid(tuple(pairs), models, seeds, images, chosen, combinations)


@dataclass(frozen=True)
class Parameter:
    """One parameter of an exhibit beyond those that all share.

    Attributes:
        name: as in the notebook's ``parameters`` cell.
        default: used where the reader gives none.
        help: unit and meaning, one line; the comment in the notebook.
        check: takes the value, returns it normalised (plain JSON types), or raises ``InputError``.
        of: ``"test"`` or ``"train"`` where it is a number of the images attacked or of those to train on.
        opt_in: where it has its default it is no part of a trial's declaration, so that a result from before there
            was this parameter stays what it is.
    """

    name: str
    default: Any
    help: str
    check: Callable[[Any], Any] | None = None  # None: checked where all exhibits' parameters are
    of: str = ""
    opt_in: bool = False


@dataclass(frozen=True)
class Exhibit:
    """One table or figure of a paper, or the group of them that one computation yields.

    Attributes:
        name: ``notebooks/<paper>/<name>.ipynb``.
        title: the page's title.
        reproduces: the exhibits of the paper it stands for.
        compute: ``"module:function"``, a function of a ``Job`` that returns an ``Outcome``.
        version: raised whenever the way it is computed changes; results of another version are stale.
        grids: one for each profile, ``"desk"`` where there is one.
        parameters: those of its own.
        tables: which of the paper's tables (the ``table`` column) its cells stand beside.
        metrics: which metrics of those tables.
        objectives: what the networks it takes are trained to do.
        network: ``"module:function"`` that gives a trial's network, called as ``networks.trained``.
        augmentations: what the training of that network can do to its images.
        center: what is shown of several seeds, ``"mean"`` or ``"median"``.
        stand_in: the network of a smaller profile stands for that of the larger ones, whose results replace its own.
        check: raises ``InputError`` where its own parameters, each allowed by itself, do not go together.
        scale: further settings of a trial, from its profile, data set, how large that is, and settings: networks
            beside its own.
        takes_own: it can be computed of a network of the reader's own, which is never trained.
        trains: its numbers are of networks that it trains by the trial's recipe, which one that is loaded has not.
    """

    name: str
    title: str
    reproduces: str
    compute: str
    version: int
    grids: Mapping[str, Grid]
    parameters: tuple[Parameter, ...] = ()
    tables: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ("classify",)
    network: str = "inputgrad.compute.training.networks:trained"
    augmentations: tuple[str, ...] = CROPS
    center: str = "mean"
    stand_in: bool = False
    check: Callable[[Mapping[str, Any]], None] | None = None
    scale: Callable[[str, str, Extent | None, Mapping[str, Any]], dict[str, Any]] | None = None
    takes_own: bool = False
    trains: bool = False

    def __post_init__(self) -> None:
        if not set(PROFILES) - OPTIONAL <= set(self.grids) <= set(PROFILES):
            raise InputError(
                f"exhibit {self.name}: declare a grid for each of {', '.join(PROFILES)}; desk may be missing"
            )


@dataclass(frozen=True)
class Paper:
    """One paper: its key, how to cite it, its exhibits."""

    key: str
    citation: str  # key in book/references.bib
    title: str
    authors: str
    question: str
    exhibits: tuple[Exhibit, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One exhibit on one (dataset, model, seed) at one profile: the unit of computation and caching."""

    exhibit: str  # "<paper>/<name>"
    version: int
    profile: str
    dataset: str
    model: str
    seed: int
    settings: Mapping[str, Any] = field(default_factory=dict)  # images, recipe and the exhibit's own parameters

    @property
    def name(self) -> str:
        """``<dataset>-<model>-s<seed>``; of a network of the reader's own, its label as a file can be named."""
        model = self.model if self.model in MODELS else re.sub(r"[^A-Za-z0-9_.]+", "_", label(self.model))[:60]
        return f"{self.dataset}-{model}-s{self.seed}"

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks it takes: its own, and those beside it that its exhibit declares."""
        return tuple(dict.fromkeys([self.model, *(name for name, _ in self.settings.get("encoders", {}).values())]))

    @cached_property
    def key(self) -> str:
        """What freshness is judged by: a hash of the declaration and of the catalogue's content sum of the data."""
        source, network = DATASETS.get(self.dataset), architecture(self.model)
        declared = {**asdict(self), "data": source.digest if source else None}
        if network.version != 1:
            declared["architecture"] = network.version
        if network.weights:
            declared["weights"] = network.weights.sha256
        return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:16]
