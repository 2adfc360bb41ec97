"""The study: five papers, in the order of the book, and the trials each exhibit consists of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from inputgrad.catalogue import own as readers
from inputgrad.catalogue.datasets import DATASETS, Extent, check_name, extent, fingerprint
from inputgrad.catalogue.models import Architecture, architecture
from inputgrad.catalogue.recipe import Recipe, within
from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import data_root

from . import butterfly, convex, own, selfgrad, sign, smooth, synthesis
from .butterfly_scales import external_of
from .schema import Exhibit, Grid, Paper, Parameter, Trial

PAPERS = (sign.PAPER, convex.PAPER, smooth.PAPER, selfgrad.PAPER, butterfly.PAPER)

STUDY: dict[str, Paper] = {paper.key: paper for paper in PAPERS}
"""The papers by key, in the order of the book. A paper is registered here and nowhere else."""

CHAPTERS: dict[str, Paper] = {**STUDY, synthesis.PAPER.key: synthesis.PAPER}
"""The papers and, last, what stands across them: whatever has rows and claims."""

EXHIBITS: dict[str, Exhibit] = {f"{p.key}/{e.name}": e for p in CHAPTERS.values() for e in p.exhibits}
"""Every exhibit by its id ``<paper>/<name>``; those that stand across the papers are under ``synthesis/``."""

OWN: dict[str, Exhibit] = {f"own/{e.name}": e for e in own.EXHIBITS}
"""What is run on a network of the reader's own and is no part of the study: nothing of it is declared or recorded."""

COMMON = (
    Parameter("profile", "smoke", "scale of data and training: smoke, quick, desk where there is one, or paper"),
    Parameter("datasets", None, "list of data sets; None: the profile's own"),
    Parameter("models", None, "list of networks; None: the profile's own"),
    Parameter("seeds", None, "list of integers; None: the profile's own"),
    Parameter("images", None, "how many test images are attacked (the page says which); None: the profile's own"),
    Parameter("recipe", {}, "training fields to change, such as {'epochs': 2, 'lr': 0.01}"),
    Parameter("device", "auto", "auto, cpu or cuda"),
    Parameter("data_root", None, "folder of the data sets; None: $INPUTGRAD_DATA or data/datasets"),
)
"""The parameters that every exhibit takes."""


def exhibit(name: str) -> Exhibit:
    """The exhibit ``<paper>/<name>``.

    Raises:
        InputError: there is none of that name.
    """
    there = {**EXHIBITS, **OWN}
    of_paper = [full for full in there if full.startswith(f"{name}/")]
    return there[checks.one_of("exhibit", name, of_paper or there)]


def parameters(name: str) -> dict[str, Parameter]:
    """Every parameter of an exhibit's notebook, by name, in the order of its ``parameters`` cell."""
    return {p.name: p for p in (*COMMON, *exhibit(name).parameters)}


def trials(name: str, **given: Any) -> list[Trial]:
    """The trials that an exhibit's parameters ask for, after checking every one of them.

    Raises:
        InputError: an unknown parameter, or a value that is not allowed; nothing has been computed then.
    """
    declared, values = exhibit(name), valued(name, given)
    profile = checks.one_of("profile", values["profile"], declared.grids)
    grid, root = declared.grids[profile], checked_root(values["data_root"])
    datasets, models, seeds = axes(name, grid, values, root)
    images = checks.whole("images", grid.images if values["images"] is None else values["images"], least=1)
    shared = {"images": images, **particular(declared, values)}
    both_named = values["datasets"] is not None and values["models"] is not None
    found = []
    for dataset, model in grid.combinations(datasets, models, both_named):
        settings = settings_of(name, profile, dataset, model, values, shared, root)
        alike = architecture(model).own and values["seeds"] is None  # all of them would be the same network
        drawn = seeds[:1] if alike else seeds
        found += [Trial(name, declared.version, profile, dataset, model, seed, settings) for seed in drawn]
    return found


def data_of(trial: Trial) -> tuple[str, ...]:
    """The data sets that a trial reads: its own, and one beside it where an encoder is pretrained on another."""
    beside = external_of(trial.dataset, trial.settings["external"]) if "external" in trial.settings else ""
    return tuple(dict.fromkeys([trial.dataset, *([beside] if beside in DATASETS else [])]))


def check_only(only: Sequence[str]) -> None:
    """Refuse a name that is neither a paper's nor an exhibit's, where a command is to see to some alone."""
    for name in only:
        checks.one_of("only", name, [*STUDY, synthesis.PAPER.key, *EXHIBITS])


def valued(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The value of every parameter of an exhibit: as given, or its default; checked are the names alone.

    Raises:
        InputError: an unknown parameter.
    """
    known = parameters(name)
    for key in given:
        checks.one_of(f"parameter of {name}", key, known)
    said = {key: checks.structured(key, value) for key, value in given.items()}
    return {key: said[key] if said.get(key) is not None else p.default for key, p in known.items()}


def axes(name: str, grid: Grid, values: Mapping[str, Any], root: str | None) -> tuple[list[str], list[str], list[int]]:
    """The data sets, networks and seeds that are asked for.

    Raises:
        InputError: one that there is not, that is there twice, or that the exhibit does not take.
    """
    declared = exhibit(name)
    datasets = checks.unique("datasets", chosen(values, "datasets", grid.datasets))
    models = checks.unique("models", [readers.resolved(m) for m in chosen(values, "models", grid.models)])
    seeds = checks.unique("seeds", chosen(values, "seeds", grid.seeds))
    for dataset in datasets:
        check_name(dataset, root)
    for model in models:
        network = architecture(model)
        if network.own:
            check_own(name, network, values)
        elif network.given and declared.trains:
            raise InputError(
                f"model {model!r} is loaded as it was published, and {name} trains its networks: choose one that is "
                f"trained, such as {grid.models[0]}"
            )
        if network.objective not in declared.objectives:
            raise InputError(
                f"model {model!r} is trained to {network.objective}: {name} takes networks trained to "
                f"{' or '.join(declared.objectives)}"
            )
    checks.unique("models", [architecture(model).label for model in models])
    for seed in seeds:
        checks.whole("seed", seed)
    return datasets, models, seeds


def particular(declared: Exhibit, values: Mapping[str, Any]) -> dict[str, Any]:
    """The exhibit's own parameters, checked; one that is opted into is there where it is not its default.

    Raises:
        InputError: a value that is not allowed, by itself or beside the others.
    """
    checked = {p.name: p.check(values[p.name]) for p in declared.parameters if p.check}
    if declared.check:
        declared.check(checked)
    opted_out = {p.name for p in declared.parameters if p.check and p.opt_in and checked[p.name] == p.default}
    return {key: value for key, value in checked.items() if key not in opted_out}


def settings_of(
    name: str, profile: str, dataset: str, model: str, values: Mapping[str, Any], shared: Mapping, root: str | None
) -> dict[str, Any]:  # fmt: skip
    """The settings of one data set and network: those that all ``shared``, the recipe, and what follows from them.

    Raises:
        InputError: what is asked for is more than the data set has, or nothing for this network.
    """
    declared = exhibit(name)
    recipe = recipe_of(declared, declared.grids[profile], dataset, model, values["recipe"])
    settings = {**shared, "recipe": recipe}
    if there := extent(dataset, root):
        within("recipe", values["recipe"], recipe, there.train, dataset)
        asked = {p.name for p in parameters(name).values() if values[p.name] != p.default}
        enough(dataset, there, settings, asked, {p.name: p.of for p in declared.parameters if p.of})
        shape = sized(there.shape, shared.get("size"))
        architecture(model).check(shape, recipe.get("width", 1.0))
        if dataset in DATASETS and declared.network == Exhibit.network:
            architecture(model).check_data(dataset, shape, DATASETS[dataset].classes)
    if declared.scale:
        settings |= declared.scale(profile, dataset, there, settings)
    if print_of := fingerprint(dataset, root):
        settings["data"] = print_of
    if named := architecture(model).own:
        settings["victim"] = readers.fingerprint(named)
    return settings


def check_own(name: str, network: Architecture, values: Mapping[str, Any]) -> None:
    """Refuse a network of the reader's own where it cannot be used, is not there, or where it is not said on what.

    Raises:
        InputError: naming which.
    """
    taking = ", ".join(e for e, declared in {**OWN, **EXHIBITS}.items() if declared.takes_own)
    if not exhibit(name).takes_own:
        raise InputError(
            f"model {network.label} is your own and is never trained, and {name} trains its networks in a way of its "
            f"own: yours can be used in {taking}"
        )
    if network.own:
        readers.check(network.own)
    if values["datasets"] is None:
        raise InputError(f"model {network.label} is your own: say on which data, as in datasets='[\"mnist\"]'")
    if values["recipe"]:
        raise InputError(f"recipe {checks.shown(values['recipe'])}: {network.label} is your own and is never trained")


def chosen(values: Mapping[str, Any], key: str, default: tuple) -> list:
    """The list given for ``key``, or the grid's own."""
    return checks.items(key, default if values[key] is None else values[key])


def recipe_of(declared: Exhibit, grid: Grid, dataset: str, model: str, changes: object) -> dict:
    """The recipe of ``model`` in this grid with the reader's changes, as plain data; other models borrow the first.

    A network that is loaded has none. One that has a single size does not borrow the width.

    Raises:
        InputError: a field or a value that a recipe cannot have, or there is no recipe to borrow.
    """
    if architecture(model).given:
        Recipe().override(changes)  # which is for the networks beside it, and has to be one
        return {}
    recipe = grid.recipes.get((dataset, model)) or grid.recipes.get(model) or next(iter(grid.recipes.values()), None)
    if recipe is None:
        raise InputError(
            f"model {model!r} has no recipe at this profile, whose networks are all loaded: choose from "
            f"{', '.join(grid.models)}"
        )
    if architecture(model).one_size:
        recipe = replace(recipe, width=1.0)
    changed = recipe.override(changes)
    checks.one_of("recipe augment", changed.augment, declared.augmentations)
    return asdict(changed)


def enough(dataset: str, there: Extent, settings: Mapping[str, Any], asked: set[str], of: Mapping[str, str]) -> None:
    """Refuse numbers of images that the reader gives and that are more than there are.

    Args:
        dataset: its name.
        there: how large it is.
        settings: of the trial.
        asked: the parameters that the reader gives.
        of: what further parameters are numbers of: ``"test"`` or ``"train"``.

    Raises:
        InputError: naming the first of them.
    """
    images = settings["images"]
    most = {"test": (images, "images are attacked"), "train": (there.train, f"training images are in {dataset}")}
    limits = {"images": (images, there.test, f"test images are in {dataset}")}
    limits |= {name: (settings[name], *most[kind]) for name, kind in of.items()}
    for name, (found, limit, what) in limits.items():
        if name in asked and found > limit:
            raise InputError(f"{name} {found} is too large: only {limit} {what}")


def sized(shape: tuple[int, int, int], size: int | None) -> tuple[int, int, int]:
    """The shape of an image once it is resized to a side of ``size``."""
    return (shape[0], size, size) if size else shape


def checked_root(given: object) -> str | None:
    """The data folder given, after checking that it, or the one in the environment, can be read.

    Raises:
        InputError: a data folder was named, but it is none or may not be read.
    """
    named = given if given is not None else os.environ.get("INPUTGRAD_DATA")
    if named is None:
        return None
    what = "data_root" if given is not None else "INPUTGRAD_DATA"
    try:
        root = data_root(named) if isinstance(named, str) else None
        found = root is not None and root.is_dir() and os.access(root, os.R_OK | os.X_OK)
    except (OSError, RuntimeError, ValueError):  # a user whom nobody knows; a name that no folder can have
        found = False
    if not found:
        raise InputError(f"{what} {checks.shown(named)} is not a folder that can be read")
    return None if given is None else str(named)


@cache
def declared_trials(name: str, profile: str) -> tuple[Trial, ...]:
    """The trials of an exhibit at one profile with nothing changed: those whose results are recorded."""
    return tuple(trials(name, profile=profile)) if name not in OWN and profile in exhibit(name).grids else ()
