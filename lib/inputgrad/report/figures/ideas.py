"""The picture of the first page."""

from __future__ import annotations

import json

from matplotlib.figure import Figure

from inputgrad.ground.paths import IDEAS
from inputgrad.record.results import unpack

from .method import signed
from .panels import canvas, show

DOES = {
    "": "the image",
    "sign": "a step along\nthe sign",
    "convex": "a step towards\nthe nearest class",
    "smooth": "a drift up\nthe gradient",
    "selfgrad": "a block that\nreads the gradient",
    "butterfly": "a generator's\nperturbation",
}
"""What each paper does to the image, by its key."""


def one_image() -> Figure:
    """One image under the five ideas: what each adds, and what the network sees in the sum."""
    pictures = json.loads(IDEAS.read_text(encoding="utf-8"))["pictures"]
    figure, axes = canvas(2, len(pictures), figsize=(1.55 * len(pictures), 3.9))
    for above, below, picture in zip(*axes, pictures, strict=True):
        said = f"seen as {picture['answer']}\n({100 * picture['probability']:.0f} %)"
        show(below, unpack(picture["seen"]).clip(0, 1), said, vmin=0, vmax=1)
        if picture["paper"]:
            signed(above, unpack(picture["added"]), DOES[picture["paper"]])
        else:
            above.axis("off")
            above.text(0.5, 0.2, f"{DOES['']}:\na {picture['true']}", ha="center", transform=above.transAxes)
    for ax, picture in zip(axes[0], pictures, strict=True):
        ax.text(0.5, 1.42, picture["paper"], ha="center", weight="bold", transform=ax.transAxes)
    return figure
