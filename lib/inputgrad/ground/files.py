"""Writing files so that a reader never finds half of one, and a killed writer leaves nothing for good."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .checks import InputError

OWNER = "owner"
"""The file in a temporary folder that is locked while its owner lives: whatever ends it, the system unlocks it."""

JUST_MADE, LONG_AGO = 10.0, 86400.0
"""Seconds: a folder may be made and not yet locked; one without any lock, of an earlier version, is left so long."""


@contextmanager
def own_folder(parent: Path, prefix: str, suffix: str = "") -> Iterator[Path]:
    """A new folder in ``parent`` for as long as the block lasts; those whose owner was killed are removed first."""
    sweep(parent, prefix, suffix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=parent))
    owner = os.open(folder / OWNER, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owner)


def sweep(parent: Path, prefix: str, suffix: str) -> None:
    """Remove what such names in ``parent`` have as long as nobody owns it; also the plain files of earlier versions."""
    for left in parent.glob(f"{prefix}*{suffix}"):
        if abandoned(left):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def abandoned(left: Path) -> bool:
    """Is the owner of this temporary folder gone?"""
    try:
        age = time.time() - left.stat().st_mtime
        owner = os.open(left / OWNER, os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return left.exists() and age > LONG_AGO
    except OSError:  # somebody else's
        return False
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(owner)
    return age > JUST_MADE


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file ``path`` while the block lasts, and wait for it first; the file stays.

    The system unlocks it when its holder ends, however that ends.

    Raises:
        InputError: the file system has no locks, or the file cannot be opened.
    """
    lock = -1
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as err:
        if lock >= 0:
            os.close(lock)
        raise InputError(
            f"{path} could not be locked ({err.strerror}): two runs at once need a file system with locks, such as a "
            "local disk"
        ) from err
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and is removed otherwise.

    Raises:
        InputError: the disk is full or not writable; what stood at ``path`` before still stands there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with own_folder(path.parent, ".", ".tmp") as folder:
            temporary = folder / path.name
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
    except OSError as err:
        reason = err.strerror or str(err)
        raise InputError(f"{path} could not be written ({reason}): nothing was changed there") from err


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` at once or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
