"""The tables of `sign` beyond those that every exhibit has."""

from __future__ import annotations

import numpy as np
import pandas as pd

from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Table, between, images_of, measured, number
from inputgrad.report.predicates import crossing

from .common import described, run_readings


def readings(run: Run, metric: str = "error") -> Table:
    """Every reading of an exhibit at every eps where several were run."""
    table = cells.of_run(run)
    table = table[table["metric"].isin([metric, "reached_target"]) & (table["attack"] != "none")]
    compared = set(table.loc[table["reading"] != "default", "eps"])
    rows = [
        {
            "data set": c.dataset, "network": c.model, "attack": c.attack, "eps": c.eps, "reading": c.reading,
            "metric": c.metric.replace("_", " "), "percent": measured(c._asdict()), "95 % interval": between(c),
        }
        for c in table[table["eps"].isin(compared)].itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), f"The readings side by side, in percent; {described(table)}")


def saturation(run: Run) -> Table:
    """How FGM fares on images the network was sure of, and how many gradients vanish.

    At the largest eps that every data set and network of the run has: the paper's text goes further on one.
    """
    table = cells.of_run(run)
    first = run_readings(table).get("FGM", ["default"])[0]
    told = table.loc[table["metric"].isin(["accuracy_sure", "accuracy_unsure"]), "reading"]
    table = table[table["reading"] == next(iter(told), first)]
    tried = table[table["attack"] == "FGM"].groupby("eps", sort=False)["dataset"].size()
    largest = max(tried[tried == tried.max()].index, key=cells.eps_number, default="")
    rows = []
    for (dataset, model), group in table.groupby(["dataset", "model"], sort=False):
        fgm = group[group["attack"] == "FGM"]
        at_largest = fgm[fgm["eps"] == largest].set_index("metric")
        sure, unsure = (at_largest.reindex([m]).iloc[0] for m in ("accuracy_sure", "accuracy_unsure"))
        vanished = group[group["metric"] == "gradient_zero"].to_dict("records")
        rows.append(
            {
                "data set": dataset, "network": model, "eps": largest,
                "gradient below 1e-6, % of images": measured(vanished[0]) if vanished else "–",
                "images it is sure of": images_of(sure), "FGM accuracy on them, %": measured(sure),
                "other images": images_of(unsure), "FGM accuracy on those, %": measured(unsure),
            }
        )  # fmt: skip
    caption = "Images right before the attack, apart for those classified with a softmax confidence above 0.99"
    return Table(pd.DataFrame(rows), f"{caption}; {described(table)}")


REACHED = {
    "reached": ("wrong before", ("true", "runner_up", "other")),
    "reached_behind": ("of these, true class not the runner-up", ("true", "runner_up", "other")),
    "reached_right": ("right before", ("runner_up", "other")),
}
TOLD = {"true": "true class", "runner_up": "runner-up", "other": "another"}


def reached(run: Run) -> Table:
    """How many images one step downhill takes to the class it is told, by that class and by what they were before."""
    table = cells.of_run(run)
    table = table[table["metric"].isin(REACHED)]
    rows = []
    for (dataset, model, attack, eps), group in table.groupby(["dataset", "model", "attack", "eps"], sort=False):
        row = {"data set": dataset, "network": model, "attack": attack, "eps": eps}
        for metric, (name, told) in REACHED.items():
            here = group[group["metric"] == metric]
            row[f"{name}: images"] = images_of(here.iloc[0]) if len(here) else "–"
            for label in told:
                own = here[here["variant"] == label]
                row[f"{name}: {TOLD[label]}, %"] = number(next(iter(own["value"]), float("nan")))
        rows.append(row)
    caption = "Images that the step takes to the class it goes towards, in percent of each kind"
    return Table(pd.DataFrame(rows), caption)


BOTH = {"ce": "default", "−z_y": "attack_loss=nll_logits"}
"""The two losses, and the readings in which they were followed."""


def both_losses(run: Run) -> Table:
    """The same step on both losses, beside what the paper prints where it prints something."""
    table, paper = cells.of_run(run), by_step(cells.of_paper("sign"))
    table = table[table["attack"] != "none"]
    rows = []
    for (dataset, model, attack, eps), group in table.groupby(["dataset", "model", "attack", "eps"], sort=False):
        rows.append(
            {
                "data set": dataset, "network": model, "attack": attack, "eps": eps,
                "metric": group["metric"].iloc[0],
                "paper": number(paper.get((dataset, model, attack, cells.eps_number(eps))), 2),
                **{name: in_reading(group, reading) for name, reading in BOTH.items()},
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), f"One step on either loss, in percent; {described(table)}")


def in_reading(group: pd.DataFrame, reading: str) -> str:
    """The number of a cell in one reading, a dash where it was not run."""
    found = group[group["reading"] == reading].to_dict("records")
    return measured(found[0]) if found else "–"


def by_step(table: pd.DataFrame) -> dict[tuple, float]:
    """Accuracies and errors of the paper's tables by data set, network, attack and eps."""
    own = table[table["metric"].isin(["accuracy", "error"]) & table["table"].isin(["1", "2", "3", "4"])]
    places = zip(own["dataset"], own["model"], own["attack"], own["eps"].map(cells.eps_number), strict=True)
    return dict(zip(places, own["value"], strict=True))


def distances(run: Run) -> Table:
    """How far each column of the paper's tables is from ours on either loss: the mean difference over eps.

    The columns of FGSM and FGM are those that `sign/adversarial` has recorded, on whatever data this run was.
    """
    paper, recorded = by_step(cells.of_paper("sign")), cells.ours("sign")
    recorded = recorded[(recorded["exhibit"] == "sign/adversarial") & (recorded["table"] != "")]
    every = pd.concat([recorded, cells.of_run(run)])
    steps = zip(every["dataset"], every["model"], every["attack"], every["eps"].map(cells.eps_number), strict=True)
    off = [abs(value - paper.get(step, np.nan)) for step, value in zip(steps, every["value"], strict=True)]
    every = every.assign(off=off)[every["metric"].isin(["accuracy", "error"]) & (every["attack"] != "none")]
    rows = []
    for place, group in every.dropna(subset="off").groupby(["model", "attack", "dataset"], sort=False):
        means = {name: group.loc[group["reading"] == reading, "off"].mean() for name, reading in BOTH.items()}
        if not any(np.isnan(mean) for mean in means.values()):
            row = dict(zip(("network", "attack", "data set"), place, strict=True))
            numbers = {name: number(mean, 2) for name, mean in means.items()}
            rows.append({**row, **numbers, "nearer": min(means, key=means.__getitem__)})
    return Table(pd.DataFrame(rows), "Mean difference between the paper's column and ours over eps, in points")


QUARTILES = ("q1", "median", "q3")
MEASURES = {"l2": ("l2", 3), "linf": ("l∞", 4), "psnr": ("PSNR, dB", 1)}


def smallest(run: Run) -> Table:
    """Quartiles over the images of the smallest step that fools, and the share that any step fools."""
    table = cells.of_run(run)
    rows = []
    table = table[table["attack"] != "none"]
    for (dataset, model, reading, attack), group in table.groupby(
        ["dataset", "model", "reading", "attack"], sort=False
    ):
        found = dict(zip(group["metric"], group.to_dict("records"), strict=True))
        row = {"data set": dataset, "network": model, "loss": LOSS_OF.get(reading, reading), "along": ALONG[attack],
               "images": images_of(found["crossed"]), "fooled, %": measured(found["crossed"])}  # fmt: skip
        for measure, (name, places) in MEASURES.items():
            for quartile in QUARTILES:
                cell = found.get(f"smallest_{measure}_{quartile}")
                row[f"{name}: {quartile}"] = measured(cell, places) if cell else "–"
        rows.append(row)
    return Table(pd.DataFrame(rows), f"The smallest step that fools, quartiles over the images; {described(table)}")


ALONG = {"FGSM": "sign", "FGM-l2": "gradient"}
LOSS_OF = {reading: name for name, reading in BOTH.items()}


def which_is_smaller(run: Run) -> Table:
    """On how many images the step along the gradient is the smaller of the two."""
    table, rows = cells.of_run(run), []
    table = table[table["attack"] != "none"]
    for place, group in table.groupby(["dataset", "model", "reading"], sort=False):
        dataset, model, reading = place
        row = {"data set": dataset, "network": model, "loss": LOSS_OF.get(reading, reading)}
        for measure, name in (("l2", "l2"), ("linf", "l∞")):
            here = next(group[group["metric"] == f"{measure}_below_sign"].itertuples(), None)
            row[f"{name}: percent"] = measured(here._asdict()) if here else "–"
            row[f"{name}: 95 % interval"] = between(here) if here else "–"
        rows.append(row)
    caption = "Images whose smallest step along the gradient is smaller than along its sign"
    return Table(pd.DataFrame(rows), f"{caption}; {described(table)}")


VISIBILITY = {
    "l2_median": ("l2", 2),
    "l2_mean": ("mean l2", 2),
    "linf_median": ("l∞", 3),
    "linf_mean": ("mean l∞", 3),
    "psnr_median": ("PSNR, dB", 1),
    "ssim_median": ("SSIM", 3),
}


def equal_success(run: Run, target: float = 50.0) -> Table:
    """For each method the budget at which half of the images right before are fooled, and how visible that is."""
    table = cells.of_run(run)
    table = table[table["attack"] != "none"]
    rows = []
    for place, group in table.groupby(["dataset", "model", "attack"], sort=False):
        runs = [visible_at(part, target) for part in two_runs(run, group) or [group]]
        found = {name: " and ".join(each[name] for each in runs).replace("– and –", "–") for name in runs[0]}
        rows.append({**dict(zip(("data set", "network", "method"), place, strict=True)), **found})
    caption = "The step at which half of the correctly classified images are fooled; medians where no mean is named"
    return Table(pd.DataFrame(rows), f"{caption}; {described(table)}")


def two_runs(run: Run, group: pd.DataFrame) -> list[pd.DataFrame]:
    """The cells of a group run by run where they are joined from two; else nothing."""
    if group["seeds"].max() != 2:
        return []
    rows = results.table(run.shown)
    same = [rows[c].eq(group[c].iloc[0]) for c in ("dataset", "model", "attack")]
    return [cells.join_seeds(part) for _, part in rows[np.logical_and.reduce(same)].groupby("seed")]


def visible_at(group: pd.DataFrame, target: float) -> dict[str, str]:
    """The budget at which a method fools ``target`` percent, and what its steps are like there.

    Between two budgets of the grid values are interpolated linearly in the logarithm of the budget.
    """
    budgets = group.assign(budget=group["parameter"].map(cells.eps_number))
    wide = budgets.pivot(index="budget", columns="metric", values="value")
    most = {"fooled at most, %": number(wide["fooled"].max())}
    budget = crossing(wide.index, wide["fooled"], target)
    if np.isnan(budget):
        return {"budget (l2)": f"> {wide.index[-1]:g}", **{name: "–" for name, _ in VISIBILITY.values()}, **most}
    at = {
        name: number(float(np.interp(np.log(budget), np.log(wide.index), wide[metric])), places)
        for metric, (name, places) in VISIBILITY.items()
    }
    return {"budget (l2)": number(budget, 2), **at, **most}
