"""Networks whose weights somebody else has published: they are loaded, never trained, and never part of the project."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inputgrad.ground.checks import InputError
from inputgrad.ground.files import replacing


@dataclass(frozen=True)
class Place:
    """One tensor of a TensorFlow data file: float32, little-endian, in C order."""

    offset: int  # bytes from the beginning
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Weights:
    """One file of published weights.

    ``places`` go by the names of our own layers. TensorFlow has convolutions as (H, W, in, out), dense layers as
    (in, out).
    """

    file: str  # relative to the data folder
    source: str  # where its publisher has it
    sha256: str
    size: int  # in bytes
    places: Mapping[str, Place]
    shape: tuple[int, int, int]  # (C, H, W) of the images the network takes
    classes: int
    flattened: tuple[str, tuple[int, int, int]]  # the dense layer after the flattening, and the (H, W, C) before it


LENET5_AUTHORS = Weights(
    file="adversarialconvex/lenet.ckpt.data-00000-of-00001",
    source="https://github.com/ebalda/adversarialconvex/raw/5b23676375555a3a5149ae94308c2e320f361aee/"
    "pretrainedmodels/savedmodel_lenet_mnist/lenet.ckpt.data-00000-of-00001",
    sha256="bb48b8759b5cd2220796ecdb966367cd8a0d083e3847a3b841a2fe5f9b6918ef",
    size=740_480,
    places={
        "body.0.weight": Place(0, (5, 5, 1, 6)),
        "body.0.bias": Place(1_800, (6,)),
        "body.3.weight": Place(1_872, (5, 5, 6, 16)),
        "body.3.bias": Place(30_672, (16,)),
        "body.7.weight": Place(30_864, (400, 120)),
        "body.7.bias": Place(606_864, (120,)),
        "body.9.weight": Place(608_304, (120, 84)),
        "body.9.bias": Place(729_264, (84,)),
        "body.11.weight": Place(730_272, (84, 10)),
        "body.11.bias": Place(740_352, (10,)),
    },
    shape=(1, 28, 28),
    classes=10,
    flattened=("body.7.weight", (5, 5, 16)),
)
"""LeNet-5 as the authors of `convex` attacked it; what else is in the file is the optimiser's state."""


def verified(weights: Weights, root: Path) -> bytes:
    """What a file of published weights holds, after checking that it is that file.

    Raises:
        InputError: it is not there, not whole, or another file.
    """
    path = root / weights.file
    advice = f"put there what {weights.source} has"
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise InputError(f"{path} could not be read ({err.strerror}): {advice}") from err
    if len(raw) < weights.size:
        raise InputError(f"{path} is cut short, {len(raw)} of {weights.size} bytes: {advice}")
    found = hashlib.sha256(raw).hexdigest()
    if found != weights.sha256:
        raise InputError(f"{path} is another file, its sha256 is {found}, expected {weights.sha256}: {advice}")
    return raw


def fetch(weights: Weights, root: Path) -> str:
    """Download a file of published weights unless it is there, verify it, and say where it lies and whose it is.

    Raises:
        InputError: no network, or what is there, or came, is another file.
    """
    path = root / weights.file
    if not path.is_file():
        download(weights.source, path)
    verified(weights, root)
    return f"{path}: {weights.size} bytes of {weights.source}, sha256 verified; published without a licence"


def download(source: str, path: Path) -> None:
    """Write what ``source`` has to ``path``, at once or not at all.

    Raises:
        InputError: it could not be had.
    """
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(source, timeout=60) as answer:
            raw = answer.read()
    except (URLError, TimeoutError, OSError) as err:
        reason = getattr(err, "reason", None) or err
        raise InputError(f"{source} could not be downloaded ({reason}): put that file at {path}") from err
    with replacing(path) as temporary:
        temporary.write_bytes(raw)
