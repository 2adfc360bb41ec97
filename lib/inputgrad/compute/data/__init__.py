"""The data sets, loaded: uint8 tensors ``(N, C, H, W)`` held in memory, labels int64 ``(N,)``."""

from __future__ import annotations

import os
from dataclasses import dataclass

from torch import Tensor

from inputgrad.catalogue.datasets import check_name
from inputgrad.ground.paths import data_root


@dataclass(frozen=True)
class Splits:
    """A loaded data set: uint8 images ``(N, C, H, W)``, int64 labels ``(N,)``, and two sums.

    ``digest`` does not depend on the order of the images, ``order`` does.
    """

    name: str
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor
    classes: int
    digest: str
    order: str

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(C, H, W)`` of one image."""
        channels, height, width = self.x_train.shape[1:]
        return channels, height, width


def load(name: str, *, root: str | os.PathLike | None = None, size: int | None = None) -> Splits:
    """Load a data set into memory and verify its counts and content.

    Args:
        name: of the catalogue, or the reader's own ``<root>/<name>.npz`` (``x_train, y_train, x_test, y_test``,
            uint8) or ``<root>/<name>/{train,test}/<class>/*`` image folder.
        root: the data folder; default ``$INPUTGRAD_DATA`` or ``data/datasets``.
        size: resize images to ``size`` x ``size`` pixels (bilinear); ``None`` keeps the native size.

    Raises:
        InputError: unknown name, missing or unreadable folder, truncated or wrong file, no network.
    """
    from . import readers

    check_name(name, root)
    return readers.load(name, data_root(root), size)


def fetch(name: str, *, root: str | os.PathLike | None = None) -> str:
    """Download one data set with torchvision, verify it, and say where it lies.

    Raises:
        InputError: unknown name, no network, or a download that does not verify.
    """
    from . import readers

    check_name(name, root)
    return readers.fetch(name, data_root(root))
