"""The picture of a method at work on one image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from .panels import canvas, show

Network = Callable[[ArrayLike], ArrayLike]
"""Images ``(B, C, H, W)`` -> scores ``(B, classes)``; called with whatever the pictures are."""


def side_by_side(model: Network, y: ArrayLike, **pictures: ArrayLike) -> Figure:
    """Images and what is added to them, beside each other under their names.

    What has a name that begins with x is an image, drawn from 0 (black) to 1 (white); its title says which class it
    has, and which the network sees in it. Anything else has a sign, and is drawn from blue through white to red, up to
    the peak that its title gives.

    Args:
        model: the network whose decisions the titles give.
        y: the true class, ``(1,)``.
        **pictures: each the first image of ``(B, C, H, W)``, anything that NumPy takes for an array.
    """
    figure, axes = canvas(1, len(pictures), figsize=(1.7 * len(pictures), 2.2))
    for ax, (name, values) in zip(axes[0], pictures.items(), strict=True):
        picture = np.moveaxis(np.asarray(values)[0], 0, -1)
        if name.startswith("x"):
            seen = np.asarray(model(values))[0].argmax()
            show(ax, picture.clip(0, 1), f"{name}\na {np.asarray(y).item()}, seen as {seen}", vmin=0, vmax=1)
        else:
            signed(ax, picture, name)
    return figure


def signed(ax: Axes, picture: np.ndarray, name: str) -> None:
    """One picture of values of both signs, zero in white."""
    peak = float(np.abs(picture).max())
    show(ax, picture, f"{name}\n±{peak:.2g}", cmap="RdBu_r", vmin=-(peak or 1), vmax=peak or 1)
