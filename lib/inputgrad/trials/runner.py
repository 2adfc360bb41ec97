"""Running the study: trials to rows inside a notebook, notebooks to pages from the command line."""

from __future__ import annotations

import ast
import ctypes
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inputgrad import study
from inputgrad.catalogue import datasets, peers
from inputgrad.catalogue import own as own_networks
from inputgrad.catalogue.models import architecture
from inputgrad.catalogue.published import verified
from inputgrad.ground import checks, needs
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import locked, own_folder
from inputgrad.ground.paths import NOTEBOOKS, data_root, relative
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
    for dataset in dict.fromkeys(t.dataset for t in missing):
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


# Notebooks to pages


def execute(exhibit: str, parameters: Mapping[str, Any], output: Path) -> None:
    """Run an exhibit's notebook with papermill; ``output`` appears only when it ran to its end.

    A failed run leaves the notebook with its traceback as ``<output>.failed.ipynb``.

    Raises:
        InputError: a parameter is unknown or not allowed (no kernel is started then), or the notebook failed.
    """
    if output.is_dir():
        raise InputError(f"output {str(output)!r} is a folder: name a file, such as out.ipynb")
    trials, notebook = study.trials(exhibit, **parameters), NOTEBOOKS / f"{exhibit}.ipynb"
    parameters = from_here(parameters)
    if not needs.computes():
        read_notebook(exhibit, trials, notebook, parameters, output)
        return
    check_memory(trials, parameters.get("data_root"))
    check_libraries(trials)
    check_device(asked_device(parameters))
    execute_notebook(notebook, parameters, output)


def from_here(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Checked parameters with the files and folders in them as absolute paths: the kernel starts in another folder."""
    found = dict(parameters)
    if isinstance(found.get("models"), list):
        found["models"] = [own_networks.resolved(model) for model in found["models"]]
    if found.get("data_root") is not None:
        found["data_root"] = own_networks.absolute(found["data_root"])
    return found


def read_notebook(
    exhibit: str, trials: list[Trial], notebook: Path, parameters: Mapping[str, Any], output: Path
) -> None:
    """As :func:`execute` without torch: cells that compute are left out, each with a sentence in its place."""
    if altered(exhibit, trials):
        read(exhibit, trials)
    with own_folder(Path(tempfile.gettempdir()), "inputgrad-") as folder:
        kept = folder / notebook.name
        kept.write_text(readable(exhibit, notebook.read_text(encoding="utf-8")), encoding="utf-8")
        execute_notebook(kept, parameters, output)


def readable(exhibit: str, text: str) -> str:
    """An exhibit's notebook without what computes; one of which nothing is recorded keeps its text alone."""
    return without_computing(text, COMPUTES if results.recorded(exhibit) else None)


def without_computing(text: str, tags: set[str] | None) -> str:
    """A notebook's JSON with a sentence in place of code cells of these tags, or of all but the parameters'."""
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        own_tags = set(cell["metadata"].get("tags", []))
        computes = own_tags & tags if tags is not None else "parameters" not in own_tags
        if cell["cell_type"] == "code" and computes:
            for field in ("outputs", "execution_count"):
                del cell[field]
            cell |= {"cell_type": "markdown", "metadata": {}, "source": LEFT_OUT}
    return json.dumps(notebook)


COMPUTES = {"method", "computes"}
"""The tags of cells that compute something themselves."""

LEFT_OUT = f"*This cell computes, and this book was built without torch: `{needs.INSTALL}` and build it again.*"
"""What stands in the place of a cell that computes, where nothing can."""


def execute_notebook(notebook: Path, parameters: Mapping[str, Any], output: Path) -> None:
    """Run any notebook; see :func:`execute`."""
    import papermill
    from jupyter_client.manager import AsyncKernelManager
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    class LocalKernelManager(AsyncKernelManager):
        """Unix sockets: no ports to race for, nothing on the network."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.transport, self.ip = "ipc", str(sockets / "kernel")

        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            await super().start_kernel(preexec_fn=end_with_parent, **options)

    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise InputError(f"output {str(output)!r} cannot be written: {err.strerror}: {err.filename}") from err
    running = output.with_suffix(f".{os.getpid()}.running.ipynb")
    failed = output.with_suffix(".failed.ipynb")
    for left in output.parent.glob(f"{output.stem}.*.running.ipynb"):  # of a run that was killed
        if not alive(left.name.split(".")[-3]):
            left.unlink(missing_ok=True)
    with own_folder(Path(tempfile.gettempdir()), "inputgrad-") as sockets:
        try:
            papermill.execute_notebook(
                str(notebook), str(running), dict(parameters), kernel_name="python3", progress_bar=False,
                stderr_file=sys.stderr, kernel_manager_class=LocalKernelManager, cwd=str(NOTEBOOKS.parent),
            )  # fmt: skip
        except (PapermillExecutionError, DeadKernelError) as err:
            running.replace(failed)
            reason = getattr(err, "evalue", "the kernel died; was there enough memory?")
            raise InputError(f"{relative(notebook)}: {reason} (as far as it came: {relative(failed)})") from err
        except BaseException:
            running.unlink(missing_ok=True)
            raise
    running.replace(output)
    failed.unlink(missing_ok=True)


def alive(process: str) -> bool:
    """Is there a process of this number?"""
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        pass
    return True


def end_with_parent() -> None:
    """Called in a new process: it is killed when its parent ends, however that ends (where there is Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


PR_SET_PDEATHSIG = 1
