"""Which device computes, and what to say of it."""

from __future__ import annotations

import platform
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import torch

from inputgrad.ground.checks import InputError, one_of

DEVICES = ("auto", "cpu", "cuda")


def choose(device: str = "auto") -> torch.device:
    """``"auto"``: the GPU when there is one, else the CPU.

    Raises:
        InputError: an unknown name, or ``"cuda"`` where there is none.
    """
    one_of("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device 'cuda' was asked for, but this machine has no CUDA GPU: use 'cpu' or 'auto'")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False  # float32 means float32
    return torch.device(device)


def describe(device: torch.device) -> dict[str, str | int | None]:
    """What ran: the kind of device, its name, whether it multiplies in bfloat16; a CPU's threads, a GPU's versions."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        own = {"cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "driver": driver()}
    else:
        name, own = cpu_name(), {"threads": torch.get_num_threads()}
    return {"device": device.type, "name": name, "bfloat16": has_bfloat16(device), **own}


@cache
def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has a unit for bfloat16. Without one it is imitated, several times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    known: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.11 cannot tell
    return any(known.get(unit, False) for unit in ("avx512_bf16", "amx_bf16", "bf16"))


@cache
def driver() -> str:
    """The version of the GPU's driver, as ``nvidia-smi`` gives it, or ``""`` where there is no such command."""
    try:
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        return ""


def cpu_name() -> str:
    """The processor's name, as the operating system gives it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def kept_generators(device: torch.device) -> AbstractContextManager:
    """A block that may seed torch's global generators, and leaves them as they were: the CPU's and the device's."""
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" and torch.cuda.device_count() else [])


MATRIX = {"cpu": 1024, "cuda": 8192}
"""Rows and columns of the matrices whose product is timed, by kind of device."""


def matrix_rate(device: torch.device, precision: str = "fp32", rounds: int = 5) -> float:
    """Floating-point operations a second in a large product of square matrices, the best of some rounds.

    What the arithmetic of a training is measured against: no network does better.
    """
    n, bfloat16 = MATRIX[device.type], precision == "bf16" and has_bfloat16(device)  # as training falls back
    a = torch.randn(n, n, device=device, dtype=torch.bfloat16 if bfloat16 else torch.float32)
    best = float("inf")
    for _ in range(rounds):
        synchronise(device)
        start = time.perf_counter()
        _ = a @ a
        synchronise(device)
        best = min(best, time.perf_counter() - start)
    return 2 * n**3 / best


def synchronise(device: torch.device) -> None:
    """Wait until a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak_memory(device: torch.device) -> None:
    """Start counting anew, where the device can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_memory(device: torch.device) -> int:
    """Bytes: the most the GPU's allocator held since the reset, or the most resident memory this process ever had."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
