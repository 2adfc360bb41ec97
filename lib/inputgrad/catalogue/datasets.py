"""The data sets there are, by name, and whether they lie in the data folder; loading one is for ``compute.data``."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from inputgrad.ground.checks import InputError, nearest, shown
from inputgrad.ground.paths import data_root


@dataclass(frozen=True)
class Source:
    """One data set of the catalogue.

    ``digest`` is the content sum of all (image, label) pairs whatever their order (``readers.content_digest``);
    ``None`` where the project has never held the data, and then only the counts are verified.
    """

    name: str
    label: str  # as the papers print it
    shape: tuple[int, int, int]  # (C, H, W)
    classes: int
    train: int
    test: int
    digest: str | None
    torchvision: str | None = None  # its class there; None: made from scikit-learn's digits
    archives: tuple[str, ...] = ()  # the files a reader can put in place by hand

    @property
    def embedded(self) -> bool:
        """Needs no download: built from scikit-learn's handwritten digits."""
        return self.torchvision is None


_IDX = tuple(f"{s}-{k}-ubyte.gz" for s in ("train", "t10k") for k in ("images-idx3", "labels-idx1"))

# fmt: off
DATASETS: dict[str, Source] = {
    s.name: s
    for s in (
        Source("digits28", "digits28", (1, 28, 28), 10, 1_200, 597,
               "89a4d03b073b820028eac90df3518734668767dc5b0ffa0ad5d0229905f08048"),
        Source("digits32", "digits32", (3, 32, 32), 10, 1_200, 597,
               "0761e1aa888c47b114f9b25bfd01134a0edb2085e066a54e2b39d13421ae578f"),
        Source("digits100", "digits100", (3, 32, 32), 100, 2_400, 600,
               "95e0841371ff7ea2d2599d13eda8d6eeb8034bed51c466003c328b9e2a333381"),
        Source("mnist", "MNIST", (1, 28, 28), 10, 60_000, 10_000,
               "ad5847021b4236f1ae8deb1fd16b65dd876d19ffbda95911cfa90aa881d43b1d", "MNIST",
               tuple(f"MNIST/raw/{f}" for f in _IDX)),
        Source("fashion_mnist", "F-MNIST", (1, 28, 28), 10, 60_000, 10_000,
               "bf2ac27d11a745af0afa7ec7e686f51a3872644fc155f6ecf99faa0d14d5ac93", "FashionMNIST",
               tuple(f"FashionMNIST/raw/{f}" for f in _IDX)),
        Source("cifar10", "CIFAR-10", (3, 32, 32), 10, 50_000, 10_000,
               "c7d387ea80a2e9216850dec406c0f2ab8b31cd42c77c2951de8de1db958296c5", "CIFAR10",
               ("cifar-10-python.tar.gz",)),
        Source("cifar100", "CIFAR-100", (3, 32, 32), 100, 50_000, 10_000,
               "7f4a16d2568fd29168c4d3ca98df07ad2c3aefa5fa38666984e971ba3f3203c8", "CIFAR100",
               ("cifar-100-python.tar.gz",)),
        Source("svhn", "SVHN", (3, 32, 32), 10, 73_257, 26_032,
               None, "SVHN",
               ("train_32x32.mat", "test_32x32.mat")),
        Source("stl10", "stl-10", (3, 96, 96), 10, 5_000, 8_000,
               None, "STL10",
               ("stl10_binary.tar.gz",)),
        Source("imagenette96", "Imagenette", (3, 96, 96), 10, 9_469, 3_925,
               None, "Imagenette",
               ("imagenette2-160.tgz",)),
    )
}
# fmt: on
"""The catalogue. A name that is not in it is looked for as ``<root>/<name>.npz`` or ``<root>/<name>/``."""


class Extent(NamedTuple):
    """How large a data set is: the shape ``(C, H, W)`` of an image, and how many there are to train on and to test."""

    shape: tuple[int, int, int]
    train: int
    test: int


def extent(name: str, root: str | os.PathLike | None = None) -> Extent | None:
    """How large a data set is, without loading it; ``None`` for folders of images, and archives that are damaged."""
    archive = data_root(root) / f"{name}.npz"
    if name in DATASETS:
        source = DATASETS[name]
        return Extent(source.shape, source.train, source.test)
    try:
        with zipfile.ZipFile(archive) as opened:
            train, test = (shape_in(opened, f"x_{split}.npy") for split in ("train", "test"))
        return Extent((train[3] if len(train) == 4 else 1, train[1], train[2]), train[0], test[0])
    except (OSError, ValueError, LookupError, zipfile.BadZipFile):
        return None


def shape_in(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """The shape of one array of an archive, from its header."""
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return read(file)[0]


def known(name: str, root: str | os.PathLike | None = None) -> bool:
    """Is ``name`` in the catalogue, or the reader's own archive or folder under ``root``?"""
    folder = data_root(root)
    return name in DATASETS or (folder / f"{name}.npz").is_file() or (folder / name / "train").is_dir()


def present(name: str, root: str | os.PathLike | None = None) -> bool:
    """Does something of ``name`` lie under ``root``? Cheap: its content is verified when it is loaded."""
    if name in DATASETS and DATASETS[name].embedded:
        return True
    folder = data_root(root)
    own = (folder / f"{name}.npz").is_file() or (folder / name / "train").is_dir()
    unpacked = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python", "stl10": "stl10_binary",
                "imagenette96": "imagenette2-160"}  # fmt: skip
    files = DATASETS[name].archives if name in DATASETS else ()
    return own or (folder / unpacked.get(name, "?")).is_dir() or any((folder / f).is_file() for f in files)


def fingerprint(name: str, root: str | os.PathLike | None = None) -> str | None:
    """What tells one state of a reader's own data from another: paths, sizes and times of its files.

    ``None`` for what the catalogue names, whose counts are verified and whose content sum a result carries.
    """
    if name in DATASETS:
        return None
    folder = data_root(root)
    archive = folder / f"{name}.npz"
    files = [archive] if archive.is_file() else sorted((folder / name).rglob("*"))
    lines = [f"{f.relative_to(folder)} {f.stat().st_size} {f.stat().st_mtime_ns}" for f in files if f.is_file()]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] if lines else None


def check_name(name: object, root: str | os.PathLike | None = None, others: Iterable[str] = ()) -> str:
    """``name`` when it is known; else an error that names the closest, and what the caller takes beside data sets.

    Raises:
        InputError: no such data set.
    """
    try:
        if isinstance(name, str) and Path(name).name == name and known(name, root):
            return name
    except (OSError, ValueError):  # a name that no file can have
        pass
    names = [*DATASETS, *others]
    raise InputError(
        f"dataset {shown(name)} is unknown: choose from {', '.join(names)}, or put NAME.npz or NAME/train/<class>/ "
        f"in {data_root(root)}{nearest(shown(name), names)}"
    )


def label(name: str) -> str:
    """The data set's name as the papers print it (``"cifar10"`` -> ``"CIFAR-10"``)."""
    return DATASETS[name].label if name in DATASETS else name
