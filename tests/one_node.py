"""SLURM on one node, this one: munge, a controller and a daemon on loopback, in a folder that is removed afterwards.

There is no accounting and nothing is held to its limits: the node claims more memory than it has, and a GPU, so that
what a job asks for can be read though it is not there.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psutil

from inputgrad.trials.notebooks import end_with_parent

NEEDED = ("munged", "munge", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
WHERE = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
"""Where daemons are looked for, too: they are not always in the path of a user."""

PARTITION, CPUS, MEMORY = "short", 2, 500_000
"""Of the one node: the partition that it is in, and the cores and MiB that it claims to have."""

CONF = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={daemon}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
ReturnToService=1
KillWait=2
MinJobAge=300
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName={partition} Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


ASKED = [f"{field}:|" for field in ("JobID", "State", "Comment", "MinMemory", "TimeLimit", "tres-per-job")]
"""Of `squeue`, for the fields of a :class:`Job`, and what ends each."""


@dataclass(frozen=True)
class Job:
    """What `squeue` says of a job: ``memory`` in its own unit (``9000M``), ``limit`` of its time, ``comment``."""

    id: str
    state: str
    comment: str
    memory: str
    limit: str
    gpus: str


@dataclass(frozen=True)
class Cluster:
    """A cluster that is up: its ``folder``, and the ``environment`` in which its commands find it."""

    folder: Path
    environment: dict[str, str]

    def jobs(self) -> list[Job]:
        """All jobs of the last five minutes, the oldest first."""
        said = self.call("squeue", "--states=all", "--noheader", "--sort=i", "--Format=" + ",".join(ASKED))
        return [Job(*line.split("|")[:-1]) for line in said.splitlines()]

    def call(self, name: str, *arguments: str) -> str:
        """What a command of SLURM says.

        Raises:
            RuntimeError: it failed; with what it said.
        """
        done = subprocess.run([found(name), *arguments], env=self.environment, capture_output=True, text=True,
                              check=False, timeout=60)  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{name} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def processes(self, job: str = "") -> list[psutil.Process]:
        """Those that belong to the cluster, or only to one of its jobs; not the caller's own."""
        told = [("SLURM_CONF", self.environment["SLURM_CONF"])] + [("SLURM_JOB_ID", job)] * bool(job)
        return [process for process in psutil.process_iter()
                if process.pid != os.getpid() and told <= sorted(set(told) & set(environment_of(process).items()))]  # fmt: skip


def environment_of(process: psutil.Process) -> dict[str, str]:
    """What a process was started with; nothing where it has ended."""
    try:
        return process.environ()
    except psutil.Error:
        return {}


def found(name: str) -> str:
    """The path of a program that :func:`missing` has found."""
    path = shutil.which(name, path=WHERE)
    assert path, name
    return path


def missing() -> str:
    """Why no cluster can be raised here, in one sentence; empty where it can."""
    lacking = [name for name in NEEDED if not shutil.which(name, path=WHERE)]
    if lacking:
        return f"there is no SLURM here, {', '.join(lacking)} not found: apt-get install slurm-wlm munge"
    if os.geteuid():
        return "only root can start the daemons of SLURM: sudo make test-slurm"
    if not find_spec("snakemake_executor_plugin_slurm"):
        return "Snakemake has no executor for SLURM here: pip install -e '.[run,book,cluster]'"
    return ""


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster for as long as the block lasts; whatever happens in it, its jobs, daemons and files go afterwards.

    Raises:
        RuntimeError: it did not come up; with the end of the logs.
    """
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # short: the path of a socket has at most 107 letters
    path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", os.defpath)])
    raised = Cluster(folder, {**os.environ, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")})
    try:
        configure(folder)
        wait_for_node(raised, [start(command, raised) for command in daemons(folder)])
        yield raised
    finally:
        end(with_keepers(raised.processes()))
        shutil.rmtree(folder, ignore_errors=True)


def configure(folder: Path) -> None:
    """Write what the daemons read.

    And an srun that is told once more where: Snakemake's executor removes ``SLURM_CONF`` from what srun sees in a job.
    """
    host, (controller, daemon) = socket.gethostname().split(".")[0], free_ports(2)
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    (folder / "munge.key").write_bytes(secrets.token_bytes(1024))
    (folder / "munge.key").chmod(0o600)
    (folder / "slurm.conf").write_text(CONF.format(
        folder=folder, host=host, controller=controller, daemon=daemon, cpus=CPUS, memory=MEMORY, partition=PARTITION,
    ))  # fmt: skip
    script(folder / "bin" / "srun", f'SLURM_CONF={folder}/slurm.conf exec {found("srun")} "$@"')
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
    if version() >= (23, 2):  # which looks for cgroups though nothing needs them; 22.05 knows no such plugin
        (folder / "cgroup.conf").write_text("CgroupPlugin=disabled\n")


def script(path: Path, line: str) -> None:
    """A program of one line of sh."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def version() -> tuple[int, ...]:
    """SLURM's, as ``slurmd -V`` has it: ``(22, 5, 8)``."""
    said = subprocess.run([found("slurmd"), "-V"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, said.split()[-1].split("-")[0].split(".")[:3]))


def daemons(folder: Path) -> list[list[str]]:
    """The commands of the three, in the foreground; munge's is forced, as the folder is nobody's but root's."""
    munge = {name: folder / f"munge.{name}" for name in ("key", "socket", "seed", "pid", "log")}
    return [
        [found("munged"), "--foreground", "--force", f"--key-file={munge['key']}", f"--socket={munge['socket']}",
         f"--seed-file={munge['seed']}", f"--pid-file={munge['pid']}", f"--log-file={munge['log']}"],
        [found("slurmctld"), "-D", "-i", "-f", str(folder / "slurm.conf")],
        [found("slurmd"), "-D", "-f", str(folder / "slurm.conf")],
    ]  # fmt: skip


def start(command: list[str], raised: Cluster) -> subprocess.Popen:
    """A daemon, which ends with this process at the latest; what it says goes to a file of its name."""
    with (raised.folder / f"{Path(command[0]).name}.said").open("w") as said:
        return subprocess.Popen(command, env=raised.environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                preexec_fn=end_with_parent)  # fmt: skip


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_for_node(raised: Cluster, started: list[subprocess.Popen], seconds: float = 60.0) -> None:
    """Return once the node takes jobs.

    Raises:
        RuntimeError: it does not, or one of the daemons has ended; with the end of what they said.
    """
    said, end_at = "", time.monotonic() + seconds
    while time.monotonic() < end_at and not any(daemon.poll() is not None for daemon in started):
        try:
            said = raised.call("sinfo", "--noheader", "--format=%t")
        except RuntimeError as err:
            said = str(err)
        if said.strip() == "idle":
            return
        time.sleep(0.5)
    raise RuntimeError(f"SLURM did not come up ({said.strip()})\n{told(raised.folder)}")


def told(folder: Path, lines: int = 15) -> str:
    """The end of what each daemon said."""
    return "\n".join(
        "\n".join([path.name, *path.read_text().splitlines()[-lines:]]) for path in sorted(folder.glob("*.said"))
    )


def with_keepers(processes: list[psutil.Process]) -> list[psutil.Process]:
    """These, and the slurmstepd of each: it writes its title over its environment."""
    keepers = {parent for process in processes if (parent := parent_of(process)) and is_keeper(parent)}
    return [*keepers, *processes]


def parent_of(process: psutil.Process) -> psutil.Process | None:
    """Who started it; None where either has ended."""
    try:
        return process.parent()
    except psutil.Error:
        return None


def is_keeper(process: psutil.Process) -> bool:
    """Is it the slurmstepd of a job?"""
    try:
        return process.name().startswith("slurmstepd")
    except psutil.Error:
        return False


def end(processes: list[psutil.Process]) -> None:
    """Kill them and wait until they are gone."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=10)
