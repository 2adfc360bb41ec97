"""Killed again and again, at random moments, and on a full disk: the next run goes on, and ends with the same rows.

``KILLS`` (10) is how often each of the two, a training and the build of a page, is killed, ``SEED`` (0) draws the moments.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.record import results

pytestmark = pytest.mark.faults

KILLS, SEED = int(os.environ.get("KILLS", "10")), int(os.environ.get("SEED", "0"))


def killed(command, seconds, **options):
    """Run a command in a group of its own and kill that after so many seconds; was it still running?"""
    process = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def unbroken(command, **options):
    """Seconds that a command takes when nobody kills it."""
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - start


def said(folder):
    """The rows of all results below a folder."""
    return {path.name: results.read(path).rows.to_csv() for path in sorted(folder.rglob("*.json"))}


def left(folder):
    """What half-written files and folders there are."""
    return [path.name for path in folder.rglob(".*") if path.name.endswith(".tmp")] + list(folder.rglob("*.partial"))


def test_a_training_that_is_killed_ends_with_the_same_rows(tmp_path, root):
    draw, (whole, broken) = random.Random(SEED), (tmp_path / "whole", tmp_path / "broken")
    seconds = unbroken([sys.executable, "tests/one_run.py", whole], cwd=root)
    kills = sum(
        killed([sys.executable, "tests/one_run.py", broken], draw.uniform(0.2, 0.7) * seconds, cwd=root)
        for _ in range(KILLS)
    )
    unbroken([sys.executable, "tests/one_run.py", broken], cwd=root)
    print(f"{kills} kills in runs of {seconds:.0f} s")
    assert kills
    assert said(broken) == said(whole) != {}
    assert not left(broken)


PAGE = "build/executed/smoke/convex/rounding.ipynb"
BUILD = [sys.executable, "workflow/alone.py", "--snakefile", "workflow/Snakefile", "--profile",
         "workflow/profiles/local", "--cores", "1", "--config", "profile=smoke", "--", PAGE]  # fmt: skip


def checkout(root, copy):
    """A copy of what the build of a page needs."""
    for name in ("lib", "notebooks", "book", "workflow", "data/papers", "data/results"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


def at(copy):
    """How a command is run in a checkout, with that checkout's library."""
    path = os.pathsep.join([str(copy / "lib"), os.environ.get("PYTHONPATH", "")])
    return {"cwd": copy, "env": {**os.environ, "PYTHONPATH": path}}


def test_a_build_that_is_killed_ends_with_the_same_rows(tmp_path, root):
    pytest.importorskip("snakemake")
    draw, (whole, broken) = random.Random(SEED), (checkout(root, tmp_path / name) for name in ("whole", "broken"))
    seconds = unbroken(BUILD, **at(whole))
    kills = sum(killed(BUILD, draw.uniform(0.1, 0.7) * seconds, **at(broken)) for _ in range(KILLS))
    unbroken(BUILD, **at(broken))
    print(f"{kills} kills in builds of {seconds:.0f} s")
    assert kills
    assert said(broken / "build" / "results") == said(whole / "build" / "results") != {}
    assert (broken / PAGE).is_file()
    assert not list((broken / PAGE).parent.glob("*.running.ipynb"))
    assert not list((broken / ".snakemake" / "locks").glob("*"))


def test_a_page_is_built_where_there_is_no_network_interface(tmp_path, root):
    pytest.importorskip("snakemake")
    alone = ["unshare", "--net", "--map-root-user"]
    if not shutil.which("unshare") or subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    copy = checkout(root, tmp_path / "copy")
    unbroken([*alone, *BUILD], **at(copy))
    assert (copy / PAGE).is_file()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_what_was_there(small_disk):
    import torch

    from inputgrad.compute.training import checkpoints

    text, tensors = small_disk / "a.txt", small_disk / "net.safetensors"
    write_text(text, "before")
    checkpoints.save(tensors, {"x": torch.zeros(10)}, {})
    before = tensors.read_bytes()
    with pytest.raises(
        InputError, match="a.txt could not be written .No space left on device.: nothing was changed there"
    ):
        write_text(text, "x" * 3_000_000)
    with pytest.raises(InputError, match="net.safetensors could not be written .*: nothing was changed there"):
        checkpoints.save(tensors, {"x": torch.zeros(10**6)}, {})
    assert text.read_text() == "before" and tensors.read_bytes() == before
    assert sorted(path.name for path in small_disk.iterdir()) == ["a.txt", "net.safetensors"]
    assert Path(small_disk).is_mount()
