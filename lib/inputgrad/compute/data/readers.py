"""Reading data sets from torchvision, ``.npz`` archives, image folders and the embedded digits."""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from inputgrad.catalogue.datasets import DATASETS, Source
from inputgrad.catalogue.digits import EMBEDDED
from inputgrad.ground.checks import InputError
from inputgrad.ground.files import locked

from . import Splits

ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def pair_digests(x: np.ndarray, y: np.ndarray) -> list[bytes]:
    """A 16-byte blake2b of each image with its label, in order."""
    return [
        hashlib.blake2b(image.tobytes() + int(target).to_bytes(2, "big"), digest_size=16).digest()
        for image, target in zip(np.ascontiguousarray(x), y, strict=True)
    ]


def content_digest(x: np.ndarray, y: np.ndarray) -> int:
    """A sum over (image, label) pairs that does not depend on their order: their digests, added modulo 2^128."""
    return sum(int.from_bytes(d, "big") for d in pair_digests(x, y)) % 2**128


def load(name: str, root: Path, size: int | None = None) -> Splits:
    """Load and verify; see :func:`inputgrad.compute.data.load`."""
    source = DATASETS.get(name)
    if source and source.embedded:
        arrays = [a.copy() for split in ("train", "test") for a in EMBEDDED[name](split)]
    elif (archive := root / f"{name}.npz").is_file():
        arrays = read_npz(archive)
    elif source:
        arrays = read_torchvision(source, root, download=True)
    else:
        arrays = read_folder(root / name, size)
    return verified(name, source, root, arrays, size)


def fetch(name: str, root: Path) -> str:
    """Download, verify and say where; see :func:`inputgrad.compute.data.fetch`."""
    data = load(name, root)
    where = "comes with the project" if name in EMBEDDED else f"is in {root}"
    known = DATASETS[name].digest if name in DATASETS else None
    checked = "content verified" if known else f"counts verified, content sum {data.digest}"
    return f"{name} {where}: {len(data.x_train)} training and {len(data.x_test)} test images, {checked}"


def verified(name: str, source: Source | None, root: Path, arrays: list[np.ndarray], size: int | None) -> Splits:
    """Check counts, shapes, labels and content, and turn the arrays into tensors."""
    x_train, y_train, x_test, y_test = arrays
    check_arrays(f"{name} in {root}", arrays)
    if source:
        found = (x_train.shape, x_test.shape)
        expected = ((source.train, *source.shape), (source.test, *source.shape))
        if found != expected:
            raise InputError(f"{name} in {root}: expected arrays of {expected}, found {found}")
    digest = f"{content_digest(x_train, y_train):032x}{content_digest(x_test, y_test):032x}"
    if source and source.digest and digest != source.digest:
        raise InputError(
            f"{name} in {root}: the content sum is {digest}, expected {source.digest}; delete it and fetch it again"
        )
    order = hashlib.blake2b(b"".join(pair_digests(x_train, y_train) + pair_digests(x_test, y_test)), digest_size=8)
    classes = source.classes if source else int(max(y_train.max(), y_test.max())) + 1
    tensors = [torch.from_numpy(np.ascontiguousarray(a)) for a in arrays]
    train, test = (resized(x, size) if size and size != x.shape[-1] else x for x in tensors[::2])
    return Splits(name, train, tensors[1].long(), test, tensors[3].long(), classes, digest, order.hexdigest())


def check_arrays(what: str, arrays: list[np.ndarray]) -> None:
    """Refuse splits that are empty, differ in image shape or counts, or have labels that are no class numbers."""
    x_train, y_train, x_test, y_test = arrays
    for x, y, split in ((x_train, y_train, "train"), (x_test, y_test, "test")):
        if len(x) != len(y):
            raise InputError(f"{what}: the {split} split has {len(x)} images but {len(y)} labels")
        if not len(x):
            raise InputError(f"{what}: the {split} split has no images")
        if not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() > 65535:
            raise InputError(
                f"{what}: expected labels that are integers from 0 to 65535 in the {split} split, found others"
            )
    if x_train.shape[1:] != x_test.shape[1:]:
        raise InputError(f"{what}: training images are {x_train.shape[1:]}, test images {x_test.shape[1:]}")


def resized(x: torch.Tensor, size: int) -> torch.Tensor:
    """Bilinear, antialiased resampling of uint8 ``(N, C, H, W)`` to ``size`` x ``size``."""
    parts = [
        torch.nn.functional.interpolate(part.float(), (size, size), mode="bilinear", antialias=True)
        for part in x.split(1024)
    ]
    return torch.cat([part.round().clamp(0, 255).byte() for part in parts])


def read_npz(path: Path) -> list[np.ndarray]:
    """The four arrays of a Keras-style archive, images as ``(N, C, H, W)``."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in ARRAYS if key not in archive]
            if missing:
                raise InputError(f"{path}: expected the arrays {', '.join(ARRAYS)}; {', '.join(missing)} not found")
            arrays = [archive[key] for key in ARRAYS]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as err:
        if isinstance(err, InputError):
            raise
        raise InputError(f"{path}: expected a complete .npz archive, found a damaged file ({err})") from err
    return [channels_first(path, a) if i % 2 == 0 else a.ravel() for i, a in enumerate(arrays)]


def channels_first(path: Path, x: np.ndarray) -> np.ndarray:
    """``(N, H, W)`` or ``(N, H, W, C)`` uint8 to ``(N, C, H, W)``."""
    if x.dtype != np.uint8 or x.ndim not in (3, 4):
        raise InputError(f"{path}: expected uint8 images (N, H, W) or (N, H, W, C), found {x.dtype} {x.shape}")
    return x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)


SPLITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "SVHN": ({"split": "train"}, {"split": "test"}),
    "STL10": ({"split": "train"}, {"split": "test"}),
    "Imagenette": ({"split": "train", "size": "160px"}, {"split": "val", "size": "160px"}),
}
"""How torchvision's classes call training and test images, where not by ``train``."""


def read_torchvision(source: Source, root: Path, *, download: bool) -> list[np.ndarray]:
    """The four arrays of a torchvision data set, downloaded (with its progress bar and checksums) if need be.

    One run at a time downloads; another waits, and reads what the first one fetched.
    """
    import torchvision

    kind = str(source.torchvision)
    try:
        root.mkdir(parents=True, exist_ok=True)
        maker = getattr(torchvision.datasets, kind)
        splits = SPLITS.get(kind, ({"train": True}, {"train": False}))
        with locked(root / f".{source.name}.lock") if os.access(root, os.W_OK) else nullcontext():
            parts = [maker(str(root), download=download, **split) for split in splits]
    except (RuntimeError, OSError, EOFError, ValueError) as err:
        reason = (str(err) or type(err).__name__).splitlines()[0]
        raise InputError(
            f"{source.name} is not in {root}, or not whole, and could not be downloaded ({reason}); on a machine "
            f"without network put {' and '.join(source.archives)} there, or {source.name}.npz with {', '.join(ARRAYS)}"
        ) from err
    arrays = []
    for part in parts:
        if not hasattr(part, "data"):  # files, read one by one
            arrays += squares(part, source.shape[-1])
            continue
        x = np.asarray(part.data)
        if x.ndim == 3:
            x = x[:, None]
        elif source.name.startswith("cifar"):
            x = x.transpose(0, 3, 1, 2)
        arrays += [x, np.asarray(part.targets if hasattr(part, "targets") else part.labels)]
    return arrays


def squares(images: Iterable, size: int) -> list[np.ndarray]:
    """Images, ``(N, C, size, size)``, and labels ``(N,)`` of pairs of a PIL image and a label.

    The shorter side is made ``size`` pixels long and the middle cut out.
    """
    from torchvision.transforms import v2

    square = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])
    pairs = [(np.asarray(square(image)), label) for image, label in images]
    return [np.stack([x for x, _ in pairs]).transpose(0, 3, 1, 2), np.asarray([label for _, label in pairs])]


def read_folder(folder: Path, size: int | None) -> list[np.ndarray]:
    """The four arrays of ``<folder>/{train,test}/<class>/*``; all images cut to one square size."""
    from torchvision.datasets import ImageFolder

    arrays: list[np.ndarray] = []
    classes: list[str] = []
    for split in ("train", "test"):
        try:
            images = ImageFolder(str(folder / split))
        except (OSError, RuntimeError) as err:
            raise InputError(f"{folder / split}: expected one folder of images for each class ({err})") from err
        if arrays and images.classes != classes:
            raise InputError(f"{folder}: train has the classes {', '.join(classes)}, test {', '.join(images.classes)}")
        classes = images.classes
        try:
            first = min(images[0][0].size) if size is None and not arrays else size or arrays[0].shape[-1]
            arrays += squares(images, first)
        except OSError as err:
            raise InputError(f"{folder / split}: an image could not be read ({err})") from err
    return arrays
