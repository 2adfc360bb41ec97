"""Figures for pages; each function takes results and returns a ``Figure``. Needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import cells, claims, results
from .data import DATASETS

STYLE = Path(__file__).with_name("inputgrad.mplstyle")
COLOURS = dict(
    zip(("FGSM", "FGM", "FGM-l2", "PGD", "random sign", "random normal"), sns.color_palette("colorblind"), strict=False)
)
COLOURS |= {"D-FGSM": COLOURS["FGSM"], "D-FGM": COLOURS["FGM"]}
VERDICT_COLOURS = {"reproduced": "#1b7f5c", "partly": "#8fc9a8", "not reproduced": "#c8553d", "not run": "#d9d9d9",
                   "close": "#1b7f5c", "near": "#8fc9a8", "apart": "#c8553d"}  # fmt: skip


def panels(table: pd.DataFrame, height: float = 2.5, share: bool = True) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A grid of axes, one row a network and one column a data set, titled."""
    rows, columns = list(dict.fromkeys(table["model"])), list(dict.fromkeys(table["dataset"]))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(
            len(rows),
            len(columns),
            figsize=(0.6 + 2.6 * len(columns), 0.7 + height * len(rows)),
            squeeze=False,
            sharey=share,
        )
    plt.close(figure)  # the notebook shows what a cell returns; pyplot need not show it again
    grid = {(m, d): axes[i, j] for i, m in enumerate(rows) for j, d in enumerate(columns)}
    for (model, dataset), ax in grid.items():
        ax.set_title(f"{dataset}, {model}")
    for ax in axes[:, 0]:
        ax.set_ylabel(f"{table['metric'].iloc[0]}, percent")
    return figure, grid


def line(ax: Axes, table: pd.DataFrame, label: str, **style) -> None:
    """One curve over eps with its 95 % band; nothing where nothing was measured."""
    if table.empty:
        return
    table = table.assign(x=table["eps"].map(cells.eps_number)).sort_values("x")
    (drawn,) = ax.plot(table["x"], table["value"], marker="o", label=label, **style)
    ax.fill_between(table["x"], table["low"], table["high"], color=drawn.get_color(), alpha=0.15, linewidth=0)


def share_legend(figure: Figure, axes: Sequence[Axes], columns: int = 4) -> None:
    """One legend below all panels, each label once."""
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    with plt.style.context(STYLE):
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=columns)


def over_eps(run, metric: str, attacks: Sequence[str], extra: Sequence[tuple[str, str, str]] = ()) -> Figure:
    """``metric`` over eps for each data set and network: ours solid with its 95 % band, the paper's dashed.

    Args:
        run: what ``inputgrad.run`` gave.
        metric: ``"accuracy"`` or ``"error"``.
        attacks: drawn beside the paper's numbers.
        extra: further curves of ours, ``(attack, reading, label)``.
    """
    table = cells.join_seeds(results.table(run.shown))
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
    table = cells.join_seeds(results.table(run.shown))
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
    table = cells.join_seeds(results.table(run.shown))
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


def show(ax: Axes, picture: np.ndarray, title: str = "", **style) -> None:
    """One picture without axes; grey where it has one channel."""
    picture = picture[..., 0] if picture.ndim == 3 and picture.shape[-1] == 1 else picture
    ax.imshow(picture, **{"cmap": "gray", "interpolation": "nearest", **style})
    ax.set_title(title, fontsize=10, pad=2)
    ax.axis("off")


def datasets_shown(run) -> list:
    """One result for each data set that a run shows, the best first found."""
    return list({r.provenance["declaration"]["dataset"]: r for r in reversed(run.shown)}.values())[::-1]


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
    from .data.digits import EMBEDDED

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


def chosen(table: pd.DataFrame, selector: dict) -> pd.DataFrame:
    """The cells that have one of the wanted values in every column named."""
    for column, wanted in selector.items():
        table = table[cells.matching(table, column, wanted)]
    return table
