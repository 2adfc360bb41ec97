"""Running the study: trials to rows, inside a notebook or anywhere else."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping
from typing import Any

from inputgrad import study
from inputgrad.catalogue import datasets, peers
from inputgrad.catalogue.models import architecture
from inputgrad.catalogue.published import verified
from inputgrad.ground import checks, needs
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import locked
from inputgrad.ground.paths import data_root
from inputgrad.record import results
from inputgrad.record.results import Result
from inputgrad.record.run import Run
from inputgrad.study.schema import Trial


def run(exhibit: str, **parameters: Any) -> Run:
    """Read each trial that ``parameters`` ask for where there is a fresh result, compute the others.

    Without torch the study's own runs show what is recorded, and compute nothing.

    Everything is checked before anything expensive starts: names and values, the device, and that the data of every
    trial to be computed are there (a catalogued set that is not is downloaded first). A killed run goes on where it
    was; two runs at once compute each trial once.

    Args:
        exhibit: ``"<paper>/<name>"``.
        **parameters: as in the notebook's ``parameters`` cell; ``None`` takes the study's own.

    Raises:
        InputError: what was asked for cannot be run; the sentence says why.
    """
    needs.checkout()
    refuse_unknown_injected(exhibit)
    trials = study.trials(exhibit, **parameters)
    if not needs.computes():
        return read(exhibit, trials)
    device, root = asked_device(parameters), parameters.get("data_root")
    check_device(device)
    check_memory(trials, root)
    check_libraries(trials)
    missing = [t for t in trials if results.fresh(t) is None]
    for model in dict.fromkeys(name for t in missing for name in t.networks):
        if weights := architecture(model).weights:
            verified(weights, data_root(root))
    for dataset in dict.fromkeys(name for t in missing for name in study.data_of(t)):
        if not datasets.present(dataset, root):
            from inputgrad.compute.data import fetch  # torch starts here

            print(fetch(dataset, root=root), file=sys.stderr)
    vouch([t for t in missing if architecture(t.model).own], device, root)
    found, computed = [], 0
    for trial in trials:
        result, new = read_or_compute(trial, device, root)
        found.append(result)
        computed += new
    return Run(exhibit, found, computed, altered(exhibit, trials))


def altered(exhibit: str, trials: list[Trial]) -> bool:
    """Are these other trials than the study's own at their profile?"""
    return {t.key for t in trials} != results.declared_keys(exhibit, trials[0].profile)


def read(exhibit: str, trials: list[Trial]) -> Run:
    """What is recorded of ``trials``, where nothing can be computed; of the study's own, all that is recorded.

    Raises:
        InputError: nothing is, or one of another run's trials is not.
    """
    if not altered(exhibit, trials):
        found = results.recorded(exhibit)
    else:
        found = [result for trial in trials if (result := results.fresh(trial))]
        found = found if len(found) == len(trials) else []
    if not found:
        raise needs.lacking(exhibit, "torch")
    return Run(exhibit, found, 0, altered(exhibit, trials))


def read_or_compute(trial: Trial, device: str, root: str | None) -> tuple[Result, bool]:
    """A trial's result, and whether it had to be computed; the lock lets one process at a time compute it."""
    result = results.fresh(trial)
    if result is not None:
        return result, False
    path = results.path_of(trial)
    with locked(results.SCRATCH / "locks" / f"{trial.key}.lock"):
        result = results.fresh(trial)  # another process may have computed it while this one waited
        if result is not None:
            return result, False
        from .job import compute  # torch starts here, too

        outcome, provenance = compute(trial, device=device, root=root)
        results.write(trial, outcome.rows, outcome.arrays, provenance)
    return results.read(path), True


def check_libraries(trials: list[Trial]) -> None:
    """Refuse attacks of a library that is not installed, where they have to be run.

    Raises:
        InputError: naming it, and how to install it.
    """
    for trial in trials:
        if trial.settings.get("libraries") and results.fresh(trial) is None:
            peers.check_installed(trial.settings["libraries"])


def vouch(trials: list[Trial], device: str, root: str | None) -> None:
    """Refuse networks of the reader's own that cannot be built, or are no classifiers of the data they are to have.

    Raises:
        InputError: naming what is wrong with the first of them.
    """
    for dataset, model in dict.fromkeys((t.dataset, t.model) for t in trials):
        from inputgrad.compute.data import load  # torch starts here, too
        from inputgrad.compute.device import choose
        from inputgrad.compute.training.own import owned

        owned(load(dataset, root=root), model, choose(device), root)


def asked_device(parameters: Mapping[str, Any]) -> Any:
    """The device that is asked for, ``"auto"`` where none is; 0 and the like are no names, and are refused later."""
    device = parameters.get("device")
    return "auto" if device is None else device


def check_device(device: object) -> None:
    """Refuse a device that is not there; only ``"cuda"`` needs torch to tell."""
    if checks.one_of("device", device, ("auto", "cpu", "cuda")) == "cuda":
        from inputgrad.compute.device import choose

        choose("cuda")


def check_memory(trials: list[Trial], root: str | None) -> None:
    """Refuse a width at which weights, gradients and two moments need more memory than there is.

    Raises:
        InputError: naming the network; torch counts its parameters and allocates none.
    """
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wide = {(t.model, t.dataset, t.settings["recipe"].get("width", 1.0)) for t in trials}
    for model, dataset, width in sorted(w for w in wide if w[2] > 1):
        from inputgrad.compute.models import parameters  # torch starts here

        if known := datasets.extent(dataset, root):
            needed = 16 * parameters(model, shape=known.shape, classes=CLASSES, width=width)
            if needed > there:
                raise InputError(
                    f"width {width:g} makes {model} too large: training it needs {needed / 2**30:.0f} GiB of memory, "
                    f"and there are {there / 2**30:.0f}"
                )


CLASSES = 10
"""With which a network is counted; more add little."""


def refuse_unknown_injected(exhibit: str) -> None:
    """Refuse a parameter that papermill injected and the exhibit does not have (papermill itself only warns).

    Raises:
        InputError: naming the closest parameter there is.
    """
    if "IPython" not in sys.modules:
        return
    shell = sys.modules["IPython"].get_ipython()
    for cell in shell.user_ns.get("In", []) if shell else []:
        if cell.startswith("# Parameters\n"):
            for statement in ast.parse(cell).body:
                for target in getattr(statement, "targets", []):
                    checks.one_of(f"parameter of {exhibit}", target.id, study.parameters(exhibit))
