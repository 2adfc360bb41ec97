"""What a killed run leaves: nothing that keeps the next one from going on, and nothing for good."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from inputgrad.ground import files
from inputgrad.ground.checks import InputError
from inputgrad.trials import notebooks

WRITER = """
import sys, time
from pathlib import Path
from inputgrad.ground.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def writer(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "a.txt")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    yield process
    process.kill()


def test_what_a_killed_writer_left_is_swept_by_the_next_and_a_living_one_is_respected(tmp_path, writer, monkeypatch):
    monkeypatch.setattr(files, "JUST_MADE", 0.0)
    (tmp_path / ".b.txt.abc.tmp").write_text("of an earlier version, now")
    (tmp_path / ".c.txt.abc.tmp").write_text("of an earlier version, long ago")
    os.utime(tmp_path / ".c.txt.abc.tmp", (0, 0))
    files.write_text(tmp_path / "b.txt", "whole")
    left = {path.name for path in tmp_path.iterdir()} - {".b.txt.abc.tmp", "b.txt"}
    assert len(left) == 1
    writer.kill()
    writer.wait()
    files.write_text(tmp_path / "b.txt", "again")
    assert {path.name for path in tmp_path.iterdir()} == {".b.txt.abc.tmp", "b.txt"}


def test_what_was_just_made_is_left(tmp_path):
    (tmp_path / ".x.tmp").mkdir()
    (tmp_path / ".x.tmp" / files.OWNER).write_text("")
    files.write_text(tmp_path / "b.txt", "whole")
    assert (tmp_path / ".x.tmp").is_dir()


def test_a_file_system_without_locks_is_one_sentence(tmp_path, monkeypatch):
    def none(descriptor, how):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with pytest.raises(InputError, match="could not be written .No locks available.: nothing was changed there"):
        files.write_text(tmp_path / "b.txt", "whole")
    assert list(tmp_path.iterdir()) == []
    with (
        pytest.raises(
            InputError, match="a.lock could not be locked .No locks available.: two runs at once need a file"
        ),
        files.locked(tmp_path / "a.lock"),
    ):
        pytest.fail("nothing may go on without the lock")


RUN = """
import sys
from pathlib import Path
from inputgrad.trials import notebooks
notebooks.execute_notebook(Path(sys.argv[1]), {}, Path(sys.argv[2]))
"""


@pytest.mark.faults
def test_a_kernel_ends_with_its_parent_and_the_next_run_sweeps(tmp_path, monkeypatch):
    waits = nbformat.v4.new_code_cell(
        f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    for name, cells in (("waits", [waits]), ("ends", [])):
        notebook = nbformat.v4.new_notebook(cells=cells)
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, tmp_path / f"{name}.ipynb")
    output, temporary = tmp_path / "out.ipynb", tmp_path / "t"
    temporary.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-c", RUN, tmp_path / "waits.ipynb", output], env={**os.environ, "TMPDIR": str(temporary)}
    )
    kernel = until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    run.kill()
    run.wait()
    until(lambda: not running(kernel), seconds=5)
    assert list(tmp_path.glob("out.*.running.ipynb")) and list(temporary.glob("inputgrad-*"))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr(files, "JUST_MADE", 0.0)
    notebooks.execute_notebook(tmp_path / "ends.ipynb", {}, output)
    assert not list(tmp_path.glob("out.*.running.ipynb")) and not list(temporary.glob("inputgrad-*"))


def until(holds, seconds=60):
    """What ``holds()`` gives once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come to that")


def running(process):
    """Does it run, and has not merely not been waited for?"""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return notebooks.alive(process) and not Path("/proc/self").exists()


# Snakemake


@pytest.fixture
def checkout(tmp_path, root):
    """A folder with ``workflow/alone.py``."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "alone.py").write_text((root / "workflow" / "alone.py").read_text())
    return tmp_path


# in place of Snakemake: its lock, and a job; it ends when told to
WORKFLOW = """
import os, runpy, subprocess, sys
from unittest import mock
def snakemake(path, arguments, environment):
    os.makedirs(".snakemake/locks", exist_ok=True)
    open(".snakemake/locks/0.input.lock", "w").close()
    job = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=environment)
    print(job.pid, flush=True)
    sys.stdin.readline()
    os.remove(".snakemake/locks/0.input.lock")
    job.kill()
with mock.patch("os.execve", snakemake):
    sys.argv = ["alone.py"]
    runpy.run_path("workflow/alone.py", run_name="__main__")
"""


def start(checkout):
    return subprocess.Popen(
        [sys.executable, "-c", WORKFLOW],
        cwd=checkout,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_snakemake_goes_on_after_a_kill_and_is_alone(checkout):
    pytest.importorskip("psutil")
    first = start(checkout)
    job = first.stdout.readline().strip()
    second = start(checkout)
    assert second.wait(30) == 75
    assert second.stderr.read() == (
        f"process {first.pid} is at work in {checkout}: wait until it ends, or stop it with kill {first.pid}\n"
    )
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert (checkout / ".snakemake" / "locks" / "0.input.lock").exists() and running(job)
    third = start(checkout)
    assert third.stdout.readline().strip().isdecimal()
    assert not running(job)
    third.communicate("go on\n")
    assert third.returncode == 0


def test_a_snakemake_called_by_hand_is_respected_and_named(checkout):
    pytest.importorskip("psutil")
    (checkout / "snakemake").write_text("import time; print(1, flush=True); time.sleep(60)")
    by_hand = subprocess.Popen([sys.executable, "snakemake"], cwd=checkout, stdout=subprocess.PIPE)
    by_hand.stdout.readline()
    other = start(checkout)
    assert other.wait(30) == 75
    assert f"process {by_hand.pid} is at work in" in other.stderr.read()
    by_hand.kill()
    by_hand.wait()
