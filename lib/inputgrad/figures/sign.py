"""The figures of `sign`."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from .. import cells
from ..data import DATASETS
from .panels import STYLE, datasets_shown, line, panels, share_legend, show

COLOURS = dict(
    zip(("FGSM", "FGM", "FGM-l2", "PGD", "random sign", "random normal"), sns.color_palette("colorblind"), strict=False)
)
COLOURS |= {"D-FGSM": COLOURS["FGSM"], "D-FGM": COLOURS["FGM"]}


def over_eps(run, metric: str, attacks: Sequence[str], extra: Sequence[tuple[str, str, str]] = ()) -> Figure:
    """``metric`` over eps for each data set and network: ours solid with its 95 % band, the paper's dashed.

    Args:
        run: what ``inputgrad.run`` gave.
        metric: ``"accuracy"`` or ``"error"``.
        attacks: drawn beside the paper's numbers.
        extra: further curves of ours, ``(attack, reading, label)``.
    """
    table = cells.of_run(run)
    table = table[table["metric"] == metric]
    paper = cells.of_paper(run.exhibit.split("/")[0])
    paper = paper[(paper["metric"] == metric) & (paper["eps"] != "")]
    figure, grid = panels(table, share=metric == "accuracy")
    for (model, dataset), ax in grid.items():
        here = table[(table["model"] == model) & (table["dataset"] == dataset)]
        theirs = paper[(paper["model"] == model) & (paper["dataset"] == dataset)]
        natural = here[here["attack"] == "none"]
        for attack in attacks:
            own = here[here["attack"] == attack]
            own = own[own["reading"] == next(iter(own["reading"]), "default")]  # the first reading it was run in
            line(ax, pd.concat([natural, own]), f"{attack}, ours", color=COLOURS[attack])
            printed = theirs[theirs["attack"].isin([attack, "none"])]
            printed = printed.assign(x=printed["eps"].map(cells.eps_number)).sort_values("x")
            if len(printed):
                ax.plot(
                    printed["x"], printed["value"], "--", color=COLOURS[attack], alpha=0.8, label=f"{attack}, paper"
                )
        for attack, reading, label in extra:
            own = here[(here["attack"] == attack) & (here["reading"] == reading)]
            if len(own):
                line(ax, pd.concat([natural, own]), label, color=COLOURS[attack], linestyle=":", alpha=0.7)
        ax.set(
            xlabel="eps",
            ylim=(-3, 103) if metric == "accuracy" else (0, None),
            xlim=(-0.01, 0.32 if not run.own else None),
        )
    share_legend(figure, list(grid.values()))
    return figure


ORACLES = {
    "default": "true label, wrong images",
    "edit=all": "true label, all",
    "label=predicted": "predicted, wrong images",
    "label=predicted edit=all": "predicted, all",
    "label=random": "random, wrong images",
    "label=random edit=all": "random, all",
}


def oracle(run, eps: str | None = None) -> Figure:
    """Error after one step of D-FGSM, by whose label the step was told and which images were edited."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "error") & table["attack"].isin(["D-FGSM", "none"])]
    tried = table[table["attack"] == "D-FGSM"].groupby("eps", sort=False).size()
    eps = eps or (tried.idxmax() if len(tried) else None)  # the eps at which most readings were run
    figure, grid = panels(table, height=2.2)
    for (model, dataset), ax in grid.items():
        here = table[(table["model"] == model) & (table["dataset"] == dataset)]
        shown = here[(here["attack"] == "D-FGSM") & (here["eps"] == eps) & here["reading"].isin(ORACLES)]
        ax.barh([ORACLES[r] for r in shown["reading"]], shown["value"], color=COLOURS["FGSM"], alpha=0.85)
        for value in here.loc[here["attack"] == "none", "value"]:
            ax.axvline(value, color="black", linestyle="--", linewidth=1, label="natural error")
        ax.invert_yaxis()
        ax.set_ylabel("")
        ax.set_xlabel(f"error, percent (eps {eps})")
    share_legend(figure, list(grid.values()))
    return figure


def equal_norm(run) -> Figure:
    """Fooled images over the median l2 length of the step, every method at the same lengths."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "fooled")]
    figure, grid = panels(table)
    for (model, dataset), ax in grid.items():
        here = table[(table["model"] == model) & (table["dataset"] == dataset)]
        for attack in dict.fromkeys(here["attack"]):
            line(ax, here[here["attack"] == attack], attack, color=COLOURS[attack])
        ax.axhline(50, color="black", linewidth=0.8, linestyle=":")
        ax.set_xscale("log", base=2)
        ax.set(xlabel="median l2 of the step", ylim=(-3, 103))
    share_legend(figure, list(grid.values()), columns=5)
    return figure


def galleries(run, attacks: Sequence[str]) -> Figure:
    """One block of pictures for each data set and attack, a row for each eps, titled "class before → class after"."""
    shown = datasets_shown(run)
    eps = shown[0].provenance["declaration"]["settings"]["eps"]
    columns = max(1, max(len(r.arrays[f"{group_of(a)}/true"]) for r in shown for a in attacks))
    with plt.style.context(STYLE):
        figure = plt.figure(figsize=(0.95 * columns * len(attacks) + 0.8, (1.1 * len(eps) + 0.3) * len(shown)))
        plt.close(figure)
        blocks = figure.subfigures(len(shown), len(attacks), squeeze=False)
        for result, row in zip(shown, blocks, strict=True):
            for attack, block in zip(attacks, row, strict=True):
                gallery(block, result, attack, eps, columns)
    return figure


def group_of(attack: str) -> str:
    """Which of the stored pictures an attack belongs to."""
    return "repaired" if attack.startswith("D-") else "attacked"


def gallery(block, result, attack: str, eps: Sequence[str], columns: int) -> None:
    """Draw the pictures of one attack on one data set into a (sub)figure."""
    group = group_of(attack)
    earlier = result.arrays[f"{group}/before"]
    pictures, classes = result.arrays[f"{group}/{attack}"], result.arrays[f"{group}/{attack}/class"]
    axes = block.subplots(len(eps), columns, squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            show(axes[i, j], picture, f"{earlier[j]} → {classes[i, j]}", vmin=0, vmax=255)
        axes[i, 0].text(
            -0.12,
            0.5,
            f"eps {eps[i]}",
            rotation=90,
            va="center",
            ha="right",
            fontsize=9,
            transform=axes[i, 0].transAxes,
        )
    name = result.provenance["declaration"]["dataset"]
    label = DATASETS[name].label if name in DATASETS else name
    block.suptitle(f"{attack} on {label}" + ("" if len(earlier) else ": no misclassified image"), fontsize=12)


def gradients(run) -> Figure:
    """For each data set an image, the loss gradient at it, and that gradient's sign."""
    shown = datasets_shown(run)
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(len(shown), 3, figsize=(6.5, 2.2 * len(shown)), squeeze=False)
        plt.close(figure)
    for row, result in zip(axes, shown, strict=True):
        gradient = result.arrays["gradient/value"]
        peak = float(np.abs(gradient).max()) or 1.0
        show(row[0], result.arrays["gradient/image"], "image", vmin=0, vmax=255)
        show(row[1], gradient, f"gradient, ±{peak:.2g}", cmap="RdBu_r", vmin=-peak, vmax=peak)
        show(row[2], np.sign(gradient), "its sign, ±1", cmap="RdBu_r", vmin=-1, vmax=1)
    return figure
