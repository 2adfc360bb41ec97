"""The profile for SLURM, on a cluster of one node that is raised here: what comes out, what is asked for, and kills.

Three small trials of one exhibit and its page run through the local profile. The first of them is then recorded in a
second checkout, where the other two and the page run as jobs of SLURM; one job is cancelled and the next one for the
same trial is killed by the system. ``make test-slurm`` runs these alone; they need root, and Debian's packages
``slurm-wlm`` and ``munge``.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psutil
import pytest
import yaml

import one_node
from inputgrad.record import cost, results

pytestmark = pytest.mark.slurm

EXHIBIT, PROFILE = "sign/labels", "quick"
PAGE = f"build/executed/{PROFILE}/{EXHIBIT}.ipynb"
RECORDED, CHECKPOINTS = f"data/results/{PROFILE}/{EXHIBIT}", "data/checkpoints"
TRIALS = [f"digits28-alexnet-s{seed}" for seed in range(3)]
BROKEN = TRIALS[1]

SMALL = f"""

# three trials on embedded digits in place of the study's own
LABELLED.grids["{PROFILE}"] = Grid(("digits28",), ("alexnet",), (0, 1, 2), 20, SMOKE)
"""

SLOW = """

# a partial checkpoint after every epoch, then time enough to be killed; who wrote it and how far it came
import os

PARTIAL_EVERY = 0.0


def save(partial, tensors, note, write=save):
    write(partial, tensors, note)
    with open("epochs.txt", "a") as seen:
        print(os.environ.get("SLURM_JOB_ID"), partial.stem, len(note["history"]), file=seen)
    time.sleep(2)
"""


@dataclass
class Seen:
    """What happened on the cluster: its jobs by their ids, how far each came, and what was asked for their state."""

    jobs: dict[str, one_node.Job] = field(default_factory=dict)
    epochs: dict[str, list[int]] = field(default_factory=dict)
    asked: str = ""
    killed: list[str] = field(default_factory=list)

    def of(self, what):
        """The jobs whose comment names it, in the order in which they were submitted."""
        return [job for job in sorted(self.jobs.values(), key=lambda job: int(job.id)) if what in job.comment]


def checkout(root, copy, slowed=False):
    """A copy of what trials and pages need, with three small trials declared and nothing recorded."""
    for name in ("lib", "notebooks", "book", "workflow", "data/papers"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "lib/inputgrad/study/sign.py").open("a") as declared:
        declared.write(SMALL)
    if slowed:
        with (copy / "lib/inputgrad/compute/training/loop.py").open("a") as loop:
            loop.write(SLOW)
    return copy


def at(copy, environment):
    """How a command is run in a checkout, with that checkout's library; on the CPU, where rows are the same to the bit."""
    kept = {key: value for key, value in environment.items() if not key.startswith("INPUTGRAD_")}
    path = os.pathsep.join([str(copy / "lib"), environment.get("PYTHONPATH", "")])
    return {"cwd": copy, "env": {**kept, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}}


def snakemake(profile, *options):
    return [str(Path(sys.executable).with_name("snakemake")), "--snakefile", "workflow/Snakefile", "--profile",
            f"workflow/profiles/{profile}", *options, "--config", f"profile={PROFILE}", "--", PAGE]  # fmt: skip


def fill_in(copy):
    """What a reader changes in the profile, in the form in which it says so; and a state that is asked for sooner."""
    path = copy / "workflow/profiles/slurm/config.yaml"
    profile = yaml.safe_load(path.read_text())
    profile["default-resources"] |= {"slurm_account": "anybody", "slurm_partition": one_node.PARTITION}
    profile["set-resources"] = {"trial": {"gpu": 0}}  # the page keeps its GPU, which the node claims to have
    profile["slurm-init-seconds-before-status-checks"] = 4
    path.write_text(yaml.safe_dump(profile))


@pytest.fixture(scope="module", autouse=True)
def possible():
    """Skip with the one reason why not, where no cluster can be raised; fail where ``REQUIRED`` says it has to be."""
    if reason := one_node.missing():
        (pytest.fail if os.environ.get("REQUIRED") else pytest.skip)(reason)


@pytest.fixture(scope="module")
def root():
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, root):
    """A checkout in which the local profile has run the trials and the page."""
    copy = checkout(root, tmp_path_factory.mktemp("local") / "whole")
    done = subprocess.run(
        snakemake("local", "--cores", "1"), capture_output=True, text=True, check=False, **at(copy, os.environ)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return copy


@pytest.fixture(scope="module")
def cluster():
    with one_node.cluster() as raised:
        yield raised


@pytest.fixture(scope="module")
def broken(tmp_path_factory, root, whole, cluster):
    """A checkout in which SLURM has run all but one trial, two jobs of one trial being killed; and what was seen."""
    copy = checkout(root, tmp_path_factory.mktemp("slurm") / "broken", slowed=True)
    (copy / RECORDED).mkdir(parents=True)
    (copy / CHECKPOINTS).mkdir(parents=True)
    shutil.copy(whole / RECORDED / f"{TRIALS[0]}.json", copy / RECORDED)
    for network in (whole / CHECKPOINTS).glob("*.safetensors"):
        if not network.name.startswith(tuple(TRIALS[1:])):  # others are for what a page shows on one image
            shutil.copy(network, copy / CHECKPOINTS)
    fill_in(copy)
    options = at(copy, watched(cluster, copy.parent))
    with (copy.parent / "said.txt").open("w") as said:
        run = subprocess.Popen(snakemake("slurm"), stdout=said, stderr=subprocess.STDOUT, **options)
    try:
        seen = follow(run, cluster, copy)
    finally:
        run.kill()
        run.wait()
    assert run.returncode == 0, (copy.parent / "said.txt").read_text() + str(seen)
    seen.asked = (copy.parent / "asked.txt").read_text()
    return copy, seen


def watched(cluster, folder):
    """The cluster's environment, in which each call of squeue and sacct is written down."""
    for name in ("squeue", "sacct"):
        program = shutil.which(name) or "/bin/false"
        one_node.script(folder / "bin" / name, f'echo "$0 $*" >> {folder}/asked.txt; exec {program} "$@"')
    return {**cluster.environment, "PATH": os.pathsep.join([str(folder / "bin"), cluster.environment["PATH"]])}


def follow(run, cluster, copy, seconds=1800.0):
    """Look on until the run ends: the first job of one trial is cancelled, the process of the second is killed."""
    seen, end_at = Seen(), time.monotonic() + seconds
    while run.poll() is None and time.monotonic() < end_at:
        seen.jobs |= {job.id: job for job in cluster.jobs()}
        seen.epochs = epochs(copy)
        running = [job.id for job in seen.of(BROKEN) if job.state == "RUNNING" and job.id in seen.epochs]
        if running and running[-1] not in seen.killed and len(seen.killed) < 2:
            kill(cluster, running[-1], cancel=not seen.killed)
            seen.killed.append(running[-1])
        time.sleep(0.3)
    seen.jobs |= {job.id: job for job in cluster.jobs()}
    seen.epochs = epochs(copy)
    return seen


def epochs(copy):
    """How many epochs were done at each partial checkpoint of the network of a trial, by the job that wrote it."""
    path, found = copy / "epochs.txt", {}
    for line in path.read_text().splitlines() if path.exists() else []:
        job, network, done = line.split()
        if network.startswith(tuple(TRIALS[1:])):
            found.setdefault(job, []).append(int(done))
    return found


def kill(cluster, job, cancel):
    """As a person would, or as the system does where memory runs out."""
    if cancel:
        cluster.call("scancel", job)
        return
    for process in cluster.processes(job):
        if "inputgrad" in process.cmdline():
            process.send_signal(signal.SIGKILL)


def shown(page):
    """What each cell of a page shows, but for the one that says how long it took."""
    cells = [cell for cell in nbformat.read(page, 4).cells if cell.cell_type == "code"]
    return {cell.source: [output.get("data", output.get("text")) for output in cell.outputs]
            for cell in cells if not cell.source.startswith("tables.cost(")}  # fmt: skip


def test_rows_and_page_are_those_of_the_local_profile(whole, broken):
    copy, _ = broken
    for name in TRIALS:
        ours, theirs = (results.read(folder / RECORDED / f"{name}.json") for folder in (copy, whole))
        assert ours.rows.to_csv() == theirs.rows.to_csv() != ""
    ours, theirs = shown(copy / PAGE), shown(whole / PAGE)
    assert sum(map(bool, ours.values())) >= 3
    assert ours == theirs


def test_a_job_that_is_killed_is_tried_again_and_the_training_goes_on(broken):
    _, seen = broken
    cancelled, died, last = seen.of(BROKEN)
    assert [cancelled.id, died.id] == seen.killed
    assert [job.state for job in (cancelled, died, last)] == ["CANCELLED", "FAILED", "COMPLETED"]
    reached = [seen.epochs[job.id] for job in (cancelled, died, last)]
    assert reached[0][0] == 1
    assert reached[0][-1] < reached[1][0] and reached[1][-1] < reached[2][0]
    (other,) = seen.of(TRIALS[2])
    assert other.state == "COMPLETED" and seen.epochs[other.id][0] == 1
    assert not seen.of(TRIALS[0])


def test_memory_and_time_are_those_of_what_is_recorded_and_more_at_each_try(whole, broken):
    _, seen = broken
    like = results.read(whole / RECORDED / f"{TRIALS[0]}.json")
    took = next(iter(cost.of([like]).values()))
    memory, minutes = 2000 + 2 * took["memory"], 20 + 3 * took["minutes"]
    assert took["memory"] != 4000 and took["minutes"] != 60  # what is asked for where nothing is recorded
    assert [(job.memory, job.limit) for job in seen.of(BROKEN)] == [
        (f"{attempt * memory}M", duration(attempt * minutes)) for attempt in (1, 2, 3)
    ]
    (other,) = seen.of(TRIALS[2])
    assert (other.memory, other.limit) == (f"{memory}M", duration(minutes))


def duration(minutes):
    """As squeue writes it: ``23:00``, ``1:02:00``."""
    hours, rest = divmod(minutes, 60)
    return f"{hours}:{rest:02d}:00" if hours else f"{rest}:00"


def test_a_job_asks_for_one_gpu_or_for_none_where_the_profile_is_told_so(broken):
    _, seen = broken
    (page,) = seen.of("rule_page")
    assert page.state == "COMPLETED" and page.gpus.endswith("gpu:1")
    trials = seen.of("rule_trial")
    assert len(trials) == 4 and all("gpu" not in job.gpus for job in trials)


def test_the_state_is_asked_of_squeue_alone(broken):
    _, seen = broken
    asked = [line.split() for line in seen.asked.splitlines()]
    assert any("--states=all" in words for words in asked)
    assert {Path(words[0]).name for words in asked} == {"squeue"}


def test_a_cluster_leaves_nothing_behind_whatever_happens():
    with pytest.raises(ZeroDivisionError), one_node.cluster() as raised:
        raised.call("sbatch", "--wrap", "srun sleep 60", "--output", str(raised.folder / "out"))
        until(lambda: len(raised.processes("1")) > 1)
        everything = one_node.with_keepers(raised.processes())
        raise ZeroDivisionError
    assert not raised.folder.exists()
    assert len(everything) > 4 and not [process for process in everything if alive(process)]


def until(holds, seconds=30.0):
    """Return once it does."""
    end_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end_at, "it did not come to that"
        time.sleep(0.2)


def alive(process):
    """Does it run, and has not merely not been waited for?"""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
