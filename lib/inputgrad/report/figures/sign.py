"""The figures of `sign`."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure, FigureBase

from inputgrad.catalogue import datasets, models
from inputgrad.record.results import Result
from inputgrad.record.run import Run

from . import marks
from .panels import STYLE, aside, bare, bars, canvas, datasets_shown, line_row, lines, panels, rules, share_legend, show

COLOURS = dict(
    zip(("FGSM", "FGM", "FGM-l2", "PGD", "random sign", "random normal"), sns.color_palette("colorblind"), strict=False)
)
COLOURS |= {"D-FGSM": COLOURS["FGSM"], "D-FGM": COLOURS["FGM"]}


def over_eps(run: Run, metric: str, attacks: Sequence[str], extra: Sequence[tuple[str, str, str]] = ()) -> Figure:
    """``metric`` over eps for each data set and network: ours solid with its 95 % band, the paper's dashed.

    Args:
        run: what ``inputgrad.run`` gave.
        metric: ``"accuracy"`` or ``"error"``.
        attacks: drawn beside the paper's numbers, each in the first reading it was run in.
        extra: further curves of ours, ``(attack, reading, label)``.
    """
    ours, paper = marks.of_run(run), marks.of_paper(run.exhibit.split("/")[0])
    ours = ours[ours["metric"] == metric]
    paper = paper[(paper["metric"] == metric) & (paper["eps"] != "") & marks.place(paper).isin(marks.place(ours))]
    first = {a: next(iter(ours.loc[ours["attack"] == a, "reading"]), "default") for a in attacks}
    frame = marks.tidy(
        *(curve(ours, a, f"{a}, ours", first[a]) for a in attacks),
        *(curve(paper, a, f"{a}, paper") for a in attacks),
        *(curve(ours, a, label, reading) for a, reading, label in extra),
    )
    figure, grid = panels(frame, share=metric == "accuracy")
    styles = {f"{a}, paper": {"linestyle": "--", "alpha": 0.8, "marker": ""} for a in attacks}
    styles |= {label: {"linestyle": ":", "alpha": 0.7} for _, _, label in extra}
    colours = {f"{a}, {whose}": COLOURS.get(a) for a in attacks for whose in ("ours", "paper")}
    colours |= {label: COLOURS[a] for a, _, label in extra}
    lines(grid, frame, lambda name: {"color": colours[name], **styles.get(name, {})})
    for ax in grid.values():
        ax.set(xlabel="eps", ylim=(-3, 103) if metric == "accuracy" else (0, None),
               xlim=(-0.01, 0.32 if not run.altered else None))  # fmt: skip
    share_legend(figure)
    return figure


def curve(table: pd.DataFrame, attack: str, series: str, reading: str = "default") -> pd.DataFrame:
    """An attack over eps as a series, from the natural value on; nothing where it was not run."""
    own = table[(table["attack"] == attack) & (table["reading"] == reading) & (marks.eps(table) > 0)]
    natural = table[(table["attack"] == "none") & marks.place(table).isin(marks.place(own))]
    own = pd.concat([natural, own])
    return own.assign(panel=marks.place(own), series=series, x=marks.eps(own))


ORACLES = {
    "default": "true label, wrong images",
    "edit=all": "true label, all",
    "label=predicted": "predicted, wrong images",
    "label=predicted edit=all": "predicted, all",
    "label=random": "random, wrong images",
    "label=random edit=all": "random, all",
}


def oracle(run: Run, eps: str | None = None) -> Figure:
    """Error after one step of D-FGSM, by whose label the step was told and which images were edited."""
    table = marks.of_run(run)
    table = table[(table["metric"] == "error") & table["attack"].isin(["D-FGSM", "none"])]
    tried = table[table["attack"] == "D-FGSM"].groupby("eps", sort=False).size()
    eps = eps or (tried.idxmax() if len(tried) else None)  # the eps at which most readings were run
    natural, steps = table[table["attack"] == "none"], table[(table["attack"] == "D-FGSM") & (table["eps"] == eps)]
    steps = steps[steps["reading"].isin(ORACLES)]
    frame = marks.tidy(
        natural.assign(panel=marks.place(natural), series="natural error", x=""),
        steps.assign(panel=marks.place(steps), series="D-FGSM", x=steps["reading"].map(ORACLES)),
        across=["reading"],
    )
    order = [name for name in ORACLES.values() if name in set(frame["x"])]
    figure, grid = panels(frame, height=2.2)
    for title, ax in grid.items():
        here = frame[frame["panel"] == title]
        bars(ax, here[here["x"] != ""], lambda _: {"color": COLOURS["FGSM"], "alpha": 0.85}, ["D-FGSM"], order,
             lying=True)  # fmt: skip
        rules(ax, here[here["x"] == ""], lambda _: {"linestyle": "--"})
        ax.set(ylabel="", xlabel=f"error, percent (eps {eps})", ylim=(max(1, len(order)) - 0.5, -0.5))
    share_legend(figure)
    return figure


def equal_norm(run: Run) -> Figure:
    """Fooled images over the median l2 length of the step, every method at the same lengths."""
    table = marks.of_run(run)
    table = table[table["metric"] == "fooled"]
    frame = marks.tidy(table.assign(panel=marks.place(table), series=table["attack"], x=marks.parameter(table)))
    figure, grid = panels(frame)
    lines(grid, frame, lambda attack: {"color": COLOURS[attack]})
    for ax in grid.values():
        ax.axhline(50, color="black", linewidth=0.8, linestyle=":")
        ax.set_xscale("log", base=2)
        ax.set(xlabel="median l2 of the step", ylim=(-3, 103))
    share_legend(figure, columns=5)
    return figure


def smallest(run: Run) -> Figure:
    """Share of the images whose smallest fooling step has at most a given l2 length, along sign and gradient."""
    table = marks.of_run(run)
    table = table[table["metric"] == "within_l2"]
    names = table["attack"].map(WAYS) + table["reading"].map(lambda r: f", {LOSS.get(r, r)}")
    frame = marks.tidy(table.assign(panel=marks.place(table), series=names, x=marks.parameter(table)))
    figure, grid = panels(frame)
    lines(grid, frame, lambda name: {"color": COLOURS["FGSM" if name.startswith("sign") else "FGM-l2"],
                                     "linestyle": "-" if name.endswith("cross-entropy") else ":"})  # fmt: skip
    for ax in grid.values():
        ax.axhline(50, color="black", linewidth=0.8, linestyle=":")
        ax.set_xscale("log", base=2)
        ax.set(xlabel="l2 of the smallest step", ylabel="images fooled within it, percent", ylim=(-3, 103))
    share_legend(figure)
    return figure


WAYS = {"FGSM": "sign", "FGM-l2": "gradient"}
LOSS = {"default": "cross-entropy", "attack_loss=nll_logits": "−z_y"}


def galleries(run: Run, attacks: Sequence[str]) -> Figure:
    """One block of pictures for each data set and attack, a row for each eps, titled "class before → class after"."""
    shown = datasets_shown(run)
    eps = shown[0].trial.settings["eps"]
    columns = max(1, max(len(r.arrays[f"{group_of(a)}/true"]) for r in shown for a in attacks))
    with plt.style.context(STYLE):
        figure = plt.figure(figsize=(0.95 * columns * len(attacks) + 0.8, (1.1 * len(eps) + 0.3) * len(shown)))
        plt.close(figure)
        blocks = figure.subfigures(len(shown), len(attacks), squeeze=False)
        for result, row in zip(shown, blocks, strict=True):
            for attack, block in zip(attacks, row, strict=True):
                gallery(block, result, attack, eps, columns)
    return figure


DOWNHILL = ("D-FGSM", "D-FGM")


def group_of(attack: str) -> str:
    """Which of the stored pictures an attack belongs to."""
    return "repaired" if attack in DOWNHILL else "attacked"


def gallery(block: FigureBase, result: Result, attack: str, eps: Sequence[str], columns: int) -> None:
    """Draw the pictures of one attack on one data set into a (sub)figure."""
    group = group_of(attack)
    earlier = result.arrays[f"{group}/before"]
    pictures, classes = result.arrays[f"{group}/{attack}"], result.arrays[f"{group}/{attack}/class"]
    axes = block.subplots(len(eps), columns, squeeze=False)
    bare(axes.flat)
    for i, row in enumerate(pictures):
        for j, picture in enumerate(row):
            show(axes[i, j], picture, f"{earlier[j]} → {classes[i, j]}", vmin=0, vmax=255)
        aside(axes[i, 0], f"eps {eps[i]}", size=9)
    dataset, network = datasets.label(result.trial.dataset), models.label(result.trial.model)
    missing = "" if len(earlier) else ": no misclassified image"
    block.suptitle(f"{attack} on {dataset}, {network}{missing}", fontsize=12)


def gradients(run: Run) -> Figure:
    """For each data set an image, the loss gradient at it, and that gradient's sign."""
    shown = datasets_shown(run)
    figure, axes = canvas(len(shown), 3, figsize=(6.5, 2.2 * len(shown)))
    for row, result in zip(axes, shown, strict=True):
        gradient = result.arrays["gradient/value"]
        peak = float(np.abs(gradient).max()) or 1.0
        show(row[0], result.arrays["gradient/image"], "image", vmin=0, vmax=255)
        show(row[1], gradient, f"gradient, ±{peak:.2g}", cmap="RdBu_r", vmin=-peak, vmax=peak)
        show(row[2], np.sign(gradient), "its sign, ±1", cmap="RdBu_r", vmin=-1, vmax=1)
    return figure


def chapter() -> Figure:
    """The study's first picture: accuracy over eps with and without the sign, paper and ours, on CIFAR-10."""
    ours, paper = (t[t["dataset"].eq("CIFAR-10") & t["metric"].eq("accuracy") & t["table"].ne("")]
                   for t in (marks.of_study("sign"), marks.of_paper("sign")))  # fmt: skip
    ours = ours.sort_values("model", kind="stable")
    frame = marks.tidy(
        *(curve(ours, attack, f"{attack}, ours") for attack in ("FGSM", "FGM")),
        *(curve(paper, attack, f"{attack}, paper") for attack in ("FGSM", "FGM")),
        curve(ours, "FGM", "FGM on −z_y, ours", "attack_loss=nll_logits"),
    )
    looks = {"FGM on −z_y, ours": {"color": COLOURS["FGM"], "linestyle": ":"}}
    for attack in ("FGSM", "FGM"):
        looks[f"{attack}, ours"] = {"color": COLOURS[attack]}
        looks[f"{attack}, paper"] = {"color": COLOURS[attack], "linestyle": "--", "alpha": 0.8, "marker": ""}
    return line_row(frame, looks.__getitem__, columns=5, width=4.2, height=3.2, ylabel="accuracy, percent",
                    xlabel="eps", ylim=(-3, 103))  # fmt: skip
