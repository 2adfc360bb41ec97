"""The figures of `smooth`."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from .. import cells, results
from .panels import STYLE, datasets_shown, share_legend, show

PALETTE = sns.color_palette("colorblind")
COLOURS = {"control": PALETTE[7], "updates": PALETTE[0]}


def errors(run) -> Figure:
    """Figures 1 and 2: misclassified validation images over epochs, median and range over runs, both arms."""
    table = results.table(run.shown)
    table = table[table["metric"] == "validation_error"]
    places = list(dict.fromkeys(zip(table["dataset"], table["model"], strict=True)))
    rows = max(1, math.ceil(len(places) / 4))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(rows, min(4, max(1, len(places))), figsize=(9.5, 0.6 + 2.3 * rows), squeeze=False)
        plt.close(figure)
    for ax in axes.flat[len(places) :]:
        ax.axis("off")
    grid = dict(zip(places, axes.flat, strict=False))
    for (dataset, model), ax in grid.items():
        here = table[(table["dataset"] == dataset) & (table["model"] == model)]
        for arm, colour in COLOURS.items():
            epochs = here[here["defense"] == arm].groupby("steps")["value"].agg(["median", "min", "max"]) * 100
            ax.plot(epochs.index, epochs["median"], color=colour, label=arm)
            ax.fill_between(epochs.index, epochs["min"], epochs["max"], color=colour, alpha=0.2, linewidth=0)
        ax.set(xlabel="epoch", yscale="log", title=f"{dataset}, {model}")
    for ax in axes[:, 0]:
        ax.set_ylabel("misclassified, percent")
    share_legend(figure, list(grid.values()))
    return figure


def chapter() -> Figure:
    """What the updates gain at eps 0.1 and 0.2 on each network, in the paper and in two readings of ours."""
    ours, paper = cells.ours("smooth"), cells.of_paper("smooth")
    ours = ours[ours["table"] == "5"]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
        plt.close(figure)
    for ax, eps in zip(axes, ("0.1", "0.2"), strict=True):
        series = {
            "paper": paper,
            "ours, gradient in training mode": ours[ours["reading"] == "default"],
            "ours, gradient in evaluation mode": ours[ours["reading"] == "attack_mode=eval"],
        }
        names = list(dict.fromkeys(zip(paper["dataset"], paper["model"], strict=True)))
        for (label, table), colour, shift in zip(
            series.items(), ("black", PALETTE[0], PALETTE[3]), (-0.2, 0, 0.2), strict=True
        ):
            here = table[(table["attack"] == "FGSM") & (table["eps"] == eps)]
            arms = here.pivot_table(index=["dataset", "model"], columns="defense", values="value")
            if {"control", "updates"} <= set(arms.columns):
                gain = arms["updates"] - arms["control"]
                places = [names.index(name) + shift for name in gain.index]
                ax.barh(places, gain, height=0.2, color=colour, label=label)
        ax.set_yticks(range(len(names)), [f"{d}, {m}" for d, m in names])
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set(title=f"FGSM, eps {eps}", xlabel="gain of the updates, points")
    axes[0].invert_yaxis()
    share_legend(figure, list(axes), columns=3)
    return figure


def variants(run, eps: str | None = None) -> Figure:
    """Accuracy at one eps for every reading of the update, under the attacks, as points in a row each."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "accuracy")]
    sizes = [e for e in dict.fromkeys(table["eps"]) if e != "0"]
    eps = eps or (sizes[0] if sizes else "0")
    table = table[table["eps"].isin([eps, "0"])]
    readings = list(dict.fromkeys(table["reading"]))
    with plt.style.context(STYLE):
        figure, ax = plt.subplots(figsize=(7.5, 0.8 + 0.32 * len(readings)))
        plt.close(figure)
    for attack, colour in zip(dict.fromkeys(table["attack"]), PALETTE, strict=False):
        own = table[table["attack"] == attack].groupby("reading", sort=False)["value"].mean()
        label = "clean" if attack == "none" else attack
        ax.plot(own.values, [readings.index(r) for r in own.index], "o", color=colour, label=label)
    paper = cells.of_paper("smooth")
    paper = paper[(paper["dataset"] == "MNIST") & (paper["model"] == "CNN") & (paper["eps"] == eps)]
    for printed in paper.itertuples():
        style = ":" if printed.defense == "control" else "--"
        ax.axvline(printed.value, color="black", linewidth=1, linestyle=style, label=f"paper, {printed.defense}")
    ax.set_yticks(range(len(readings)), readings)
    ax.invert_yaxis()
    ax.set(xlabel=f"accuracy, percent (eps {eps})", xlim=(-2, 102))
    share_legend(figure, [ax], columns=3)
    return figure


def sweep(run) -> Figure:
    """Accuracy over the rate, of both signs, under each attack, one panel an eps; the rate 0 is the control."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "accuracy")]
    words = table["reading"].str.replace("control", "0 sum accumulate").str.split(" ", expand=True)
    main = words[words[0] != "0"].iloc[0, 1:]
    table = table.assign(rate=words[0].astype(float))[(words[[1, 2]] == main).all(axis=1) | (words[0] == "0")]
    sizes = [e for e in dict.fromkeys(table["eps"]) if e != "0"]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(1, len(sizes), figsize=(9.5, 3.4), sharey=True, squeeze=False)
        plt.close(figure)
    for ax, eps in zip(axes[0], sizes, strict=True):
        here = table[table["eps"].isin(["0", eps])]
        for attack, colour in zip(dict.fromkeys(here["attack"]), PALETTE, strict=False):
            line = here[here["attack"] == attack].groupby("rate")["value"].mean()
            ax.plot(line.index, line.values, "o-", color=colour, label="clean" if attack == "none" else attack)
        ax.axvline(0, color="black", linewidth=0.6)
        ax.set(xlabel="rate (positive goes up the loss)", title=f"eps {eps}", ylim=(-2, 102))
    axes[0, 0].set_ylabel("accuracy, percent")
    share_legend(figure, list(axes[0]), columns=3)
    return figure


def rescued(run) -> Figure:
    """Figures 3 and 4: attacked images that only the hardened network gets right, and the perturbation alone."""
    shown = [r for r in datasets_shown(run) if len(r.arrays["true"])] or datasets_shown(run)[:1]
    columns = max(1, max(len(r.arrays["true"]) for r in shown))
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(
            3 * len(shown), columns, figsize=(1.1 * columns, 3.4 * len(shown)), squeeze=False
        )  # fmt: skip
        plt.close(figure)
    for ax in axes.flat:
        ax.axis("off")
    for i, result in enumerate(shown):
        arrays = result.arrays
        for j in range(len(arrays["true"])):
            show(axes[3 * i, j], arrays["clean"][j], str(arrays["true"][j]), vmin=0, vmax=255)
            show(axes[3 * i + 1, j], arrays["attacked"][j], f"control: {arrays['control'][j]}", vmin=0, vmax=255)
            show(axes[3 * i + 2, j], arrays["perturbation"][j], vmin=0, vmax=255)
    return figure


def drift(run) -> Figure:
    """Figures 5 and 6: how the first training images had moved after each of the first nine epochs."""
    shown = datasets_shown(run)
    epochs = max(r.arrays["drift"].shape[0] for r in shown)
    rows = [(r, i) for r in shown for i in range(min(2, r.arrays["drift"].shape[1]))]
    with plt.style.context(STYLE):
        figure, axes = plt.subplots(len(rows), epochs, figsize=(1.0 * epochs, 1.25 * len(rows)), squeeze=False)
        plt.close(figure)
    for row, (result, i) in zip(axes, rows, strict=True):
        for ax in row:
            ax.axis("off")
        for epoch, (ax, picture) in enumerate(zip(row, result.arrays["drift"][:, i], strict=False)):
            length = float(np.asarray(result.arrays["drift_l2"])[epoch, i])
            show(ax, picture, f"{epoch + 1}: {length:.2g}", vmin=0, vmax=255)
        row[0].text(-0.15, 0.5, result.provenance["declaration"]["dataset"], rotation=90, va="center", ha="right",
                    fontsize=8, transform=row[0].transAxes)  # fmt: skip
    return figure
