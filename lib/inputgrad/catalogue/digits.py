"""The embedded stand-ins: scikit-learn's 1,797 real handwritten digits, dressed as the papers' data sets.

No download, bit-identical everywhere: images are made with integer arithmetic (Pillow's resampling) and a
seeded NumPy generator, after one fixed, stratified split into 1,200 training and 597 test digits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from PIL import Image

SPLIT_SEED = 20200614
TRAIN = 1200


def digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """``{"train": (x, y), "test": (x, y)}``, x uint8 ``(N, 8, 8)`` scaled to 0..255, split stratified by class."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    raw = load_digits()
    x = np.round(raw.images * (255 / 16)).astype(np.uint8)
    x_train, x_test, y_train, y_test = train_test_split(
        x, raw.target, train_size=TRAIN, stratify=raw.target, random_state=SPLIT_SEED
    )
    return {"train": (x_train, y_train), "test": (x_test, y_test)}


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bicubic resampling of uint8 ``(N, h, w)`` images to ``(N, height, width)``."""
    bicubic = Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(image).resize((width, height), bicubic)) for image in images])


def colour(masks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Put each uint8 mask ``(N, 32, 32)`` in a random bright colour over a smooth random colour field plus noise.

    Colours are drawn without regard to the class, so they tell nothing about it. Returns uint8 ``(N, 3, 32, 32)``.
    """
    n = len(masks)
    coarse = rng.integers(0, 160, size=(n * 3, 4, 4), dtype=np.uint8)
    ground = resize(coarse, 32, 32).reshape(n, 3, 32, 32).astype(np.int32)
    ink = rng.integers(170, 256, size=(n, 3, 1, 1), dtype=np.int32)
    noise = rng.integers(-12, 13, size=(n, 3, 32, 32), dtype=np.int32)
    alpha = masks[:, None].astype(np.int32)
    blend = (ground * (255 - alpha) + ink * alpha) // 255
    return np.clip(blend + noise, 0, 255).astype(np.uint8)


def pairs(x: np.ndarray, y: np.ndarray, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two digits of one split side by side, ``each`` images for every label 00..99; masks ``(100 each, 32, 32)``."""
    small = resize(x, 24, 16)
    labels = np.repeat(np.arange(100), each)
    left, right = (np.array([rng.choice(np.flatnonzero(y == d)) for d in part]) for part in divmod(labels, 10))
    masks = np.zeros((len(labels), 32, 32), np.uint8)
    masks[:, 4:28, :16], masks[:, 4:28, 16:] = small[left], small[right]
    order = rng.permutation(len(labels))
    return masks[order], labels[order]


@cache
def digits28(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Grey 28x28 digits; stand for MNIST and Fashion-MNIST."""
    x, y = digits()[split]
    return resize(x, 28, 28)[:, None], y


@cache
def digits32(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Coloured 32x32 digits on a textured ground; stand for CIFAR-10, SVHN and STL-10."""
    x, y = digits()[split]
    return colour(resize(x, 32, 32), np.random.default_rng([32, split == "train"])), y


@cache
def digits100(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Coloured 32x32 pairs of digits, classes 00 to 99; stand for CIFAR-100."""
    rng = np.random.default_rng([100, split == "train"])
    masks, y = pairs(*digits()[split], each=24 if split == "train" else 6, rng=rng)
    return colour(masks, rng), y


EMBEDDED = {"digits28": digits28, "digits32": digits32, "digits100": digits100}
"""Each makes a split once, and gives the same arrays to all: whoever changes them takes a copy."""
