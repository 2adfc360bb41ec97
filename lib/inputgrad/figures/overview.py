"""Figures about the whole study."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .. import cells, claims
from .panels import STYLE, chosen, line, share_legend, show
from .sign import COLOURS

VERDICT_COLOURS = {"reproduced": "#1b7f5c", "partly": "#8fc9a8", "not reproduced": "#c8553d", "not run": "#d9d9d9",
                   "close": "#1b7f5c", "inside": "#57a683", "near": "#8fc9a8", "apart": "#c8553d",
                   "says little": "#b5b5b5"}  # fmt: skip


def scoreboard() -> Figure:
    """Claims and table cells of each paper by verdict, as stacked bars."""
    board = claims.scoreboard().iloc[::-1]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3), sharey=True)
    for ax, words, suffix, title in (
        (axes[0], claims.WORDS, "", "claims"),
        (axes[1], cells.WORDS, " cells", "table cells"),
    ):
        left = np.zeros(len(board))
        for word in words:
            values = board[word + suffix].to_numpy()
            ax.barh(board["paper"], values, left=left, color=VERDICT_COLOURS[word], label=word)
            left = left + values
        ax.set_title(title)
        ax.grid(visible=False, axis="y")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
    return figure


def stand_ins() -> Figure:
    """The first eight test images of each embedded data set."""
    from ..data.digits import EMBEDDED

    with plt.style.context(STYLE):
        figure, axes = plt.subplots(len(EMBEDDED), 8, figsize=(8, 3.6))
    for row, (name, make) in zip(axes, EMBEDDED.items(), strict=True):
        images, labels = make("test")
        for ax, image, label in zip(row, images, labels, strict=False):
            show(ax, image.transpose(1, 2, 0), f"{label:02d}" if name == "digits100" else str(label))
        row[0].text(-0.15, 0.5, name, rotation=90, va="center", ha="right", transform=row[0].transAxes, fontsize=9)
    return figure


def readme() -> Figure:
    """The study's first picture: accuracy over eps with and without the sign, paper and ours, on CIFAR-10."""
    ours, paper = cells.ours("sign"), cells.of_paper("sign")
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
    for ax, model in zip(axes, ("AlexNet", "ResNet-18"), strict=True):
        here = {"dataset": "CIFAR-10", "model": model, "metric": "accuracy"}
        for attack, reading, label, style in (
            ("FGSM", "default", "FGSM", "-"),
            ("FGM", "default", "FGM", "-"),
            ("FGM", "attack_loss=nll_logits", "FGM on −z_y", ":"),
        ):
            own = chosen(ours, {**here, "attack": [attack, "none"], "reading": [reading, "default"]})
            own = own[(own["reading"] == reading) | (own["attack"] == "none")]
            line(ax, own[own["table"] != ""], f"{label}, ours", color=COLOURS[attack], linestyle=style)
            if reading == "default":
                printed = chosen(paper, {**here, "attack": [attack, "none"]})
                printed = printed.assign(x=printed["eps"].map(cells.eps_number)).sort_values("x")
                ax.plot(printed["x"], printed["value"], "--", color=COLOURS[attack], alpha=0.8, label=f"{label}, paper")
        ax.set(title=f"CIFAR-10, {model}", xlabel="eps", ylim=(-3, 103))
    axes[0].set_ylabel("accuracy, percent")
    share_legend(figure, list(axes), columns=5)
    return figure
