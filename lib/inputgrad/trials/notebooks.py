"""Notebooks to pages: an exhibit's notebook run by papermill, with other parameters or without torch."""

from __future__ import annotations

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
from inputgrad.catalogue import own as own_networks
from inputgrad.ground import needs
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import own_folder
from inputgrad.ground.paths import NOTEBOOKS, relative
from inputgrad.record import results
from inputgrad.study.schema import Trial

from .runner import altered, asked_device, check_device, check_libraries, check_memory, read


def execute(exhibit: str, parameters: Mapping[str, Any], output: Path) -> None:
    """Run an exhibit's notebook with papermill; ``output`` appears only when it ran to its end.

    A failed run leaves the notebook with its traceback as ``<output>.failed.ipynb``.

    Raises:
        InputError: a parameter is unknown or not allowed (no kernel is started then), or the notebook failed.
    """
    if output.is_dir():
        raise InputError(f"output {str(output)!r} is a folder: name a file, such as out.ipynb")
    if output.suffix != ".ipynb" or NOTEBOOKS in output.resolve().parents:
        raise InputError(f"output {str(output)!r} is not allowed: name a file that ends in .ipynb, outside notebooks")
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
