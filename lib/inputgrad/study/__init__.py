"""The study: five papers, in the order of the book, and the trials each exhibit consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .. import checks, data
from ..checks import InputError
from ..models import MODELS
from . import butterfly, convex, selfgrad, sign, smooth
from .schema import PROFILES, Exhibit, Paper, Parameter, Trial

STUDY: dict[str, Paper] = {
    module.PAPER.key: module.PAPER for module in (sign, convex, smooth, selfgrad, butterfly)
}  # fmt: skip

EXHIBITS: dict[str, Exhibit] = {f"{p.key}/{e.name}": e for p in STUDY.values() for e in p.exhibits}
"""Every exhibit by its id ``<paper>/<name>``."""

COMMON = (
    Parameter("profile", "smoke", "scale of data and training: smoke, quick or paper", str),
    Parameter("datasets", None, "list of data sets; None: the profile's own", list),
    Parameter("models", None, "list of networks; None: the profile's own", list),
    Parameter("seeds", None, "list of integers; None: the profile's own", list),
    Parameter("images", None, "test images attacked, from the start of the test set; None: the profile's own", int),
    Parameter("recipe", {}, "training fields to change, such as {'epochs': 2, 'lr': 0.01}", dict),
    Parameter("device", "auto", "auto, cpu or cuda", str),
    Parameter("data_root", None, "folder of the data sets; None: $INPUTGRAD_DATA or data/datasets", str),
)
"""The parameters that every exhibit takes."""


def exhibit(name: str) -> Exhibit:
    """The exhibit ``<paper>/<name>``.

    Raises:
        InputError: there is none of that name.
    """
    return EXHIBITS[checks.one_of("exhibit", name, EXHIBITS)]


def parameters(name: str) -> dict[str, Parameter]:
    """Every parameter of an exhibit's notebook, by name, in the order of its ``parameters`` cell."""
    return {p.name: p for p in (*COMMON, *exhibit(name).parameters)}


def trials(name: str, **given: Any) -> list[Trial]:
    """The trials that an exhibit's parameters ask for, after checking every one of them.

    Raises:
        InputError: an unknown parameter, or a value that is not allowed; nothing has been computed then.
    """
    declared, known = exhibit(name), parameters(name)
    for key in given:
        checks.one_of(f"parameter of {name}", key, known)
    given = {key: checks.structured(key, value) for key, value in given.items()}
    values = {key: given[key] if given.get(key) is not None else p.default for key, p in known.items()}
    profile = checks.one_of("profile", values["profile"], PROFILES)
    grid = declared.grids[profile]
    root = checked_root(values["data_root"])
    datasets = checks.unique("datasets", chosen(values, "datasets", grid.datasets))
    models = checks.unique("models", chosen(values, "models", grid.models))
    seeds = checks.unique("seeds", chosen(values, "seeds", grid.seeds))
    for dataset in datasets:
        data.check_name(dataset, root)
    for model in models:
        checks.one_of("model", model, MODELS)
    for seed in seeds:
        checks.whole("seed", seed)
    images = checks.whole("images", grid.images if values["images"] is None else values["images"], least=1)
    own = {p.name: p.check(values[p.name]) for p in declared.parameters}
    return [
        Trial(name, declared.version, profile, dataset, model, seed, settings)
        for dataset in datasets
        for model in models
        for settings in [{"images": images, "recipe": recipe_of(grid, model, values["recipe"]), **own}]
        for seed in seeds
    ]


def chosen(values: Mapping[str, Any], key: str, default: tuple) -> list:
    """The list given for ``key``, or the grid's own."""
    return checks.items(key, default if values[key] is None else values[key])


def recipe_of(grid, model: str, changes: object) -> dict:
    """The recipe of ``model`` in this grid with the reader's changes, as plain data; other models borrow the first."""
    recipe = grid.recipes.get(model) or next(iter(grid.recipes.values()))
    return asdict(recipe.override(changes))


def checked_root(root: object) -> str | None:
    """``root`` when it is ``None`` or an existing folder.

    Raises:
        InputError: a data folder was named, but there is none.
    """
    if root is None:
        return None
    if not isinstance(root, str) or not data.data_root(root).is_dir():
        raise InputError(f"data_root {root!r} is not a folder that can be read")
    return root


def declared_trials(name: str, profile: str) -> list[Trial]:
    """The trials of an exhibit at one profile with nothing changed: those whose results are recorded."""
    return trials(name, profile=profile)
