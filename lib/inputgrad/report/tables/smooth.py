"""The tables of `smooth` beyond those that every exhibit has."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from inputgrad.catalogue import models
from inputgrad.catalogue.choices import REDUCTIONS
from inputgrad.ground.checks import InputError
from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Table, measured, number, scale
from inputgrad.study.smooth import SMOKE

from .common import described, main_reading, side_by_side

ARMS = ("control", "updates")

PLACE = ["dataset", "model", "defense", "attack", "eps", "reading", "metric"]
"""What the runs of one cell have in common, validation errors of single epochs left aside."""


def by_run(rows: pd.DataFrame) -> dict[tuple, list[float]]:
    """What each run has at each :data:`PLACE`, in the order of the seeds, fractions as percent."""
    rows = rows[rows["metric"] != "validation_error"].sort_values("seed", kind="stable")
    rows = rows.assign(value=rows["value"] * rows["unit"].map({"fraction": 100.0}).fillna(1.0))
    return {place: list(group["value"]) for place, group in rows.groupby(PLACE, sort=False)}


def each(values: Sequence[float], places: int = 1) -> str:
    """A number for each run where there are two; of more their median, of none a dash."""
    if len(values) == 2:
        return " and ".join(number(value, places) for value in values)
    return number(np.median(values) if len(values) else None, places)


def against(
    control: Sequence[float], updates: Sequence[float], by: Callable[[float, float], float] = operator.sub
) -> list[float]:
    """The updates less the control, or ``by`` another operation: run by run, or of three runs or more the medians.

    Nothing where one arm has more runs than the other.
    """
    if len(control) != len(updates) or not len(control):
        return []
    if len(control) > 2:
        return [float(by(np.median(updates), np.median(control)))]
    return [by(u, c) for u, c in zip(updates, control, strict=True)]


RUNS = "of two runs both numbers, of more the median"
"""How captions say what :func:`each` does."""


def accuracy(run: Run) -> Table:
    """Tables 4 and 5: both arms beside the paper's, and what the updates gain in each."""
    shown = side_by_side(run, main_reading(results.table(run.shown)))
    shown = shown[shown["attack"].isin(["none", "FGSM"])]
    runs, read, rows = by_run(results.table(run.shown)), main_reading(results.table(run.shown)), []
    for (dataset, model, eps), group in shown.groupby(["dataset", "model", "eps"], sort=False):
        arm = group.set_index("defense")
        row, ours = {"data set": dataset, "network": model, "FGSM eps": eps}, {}
        for name in ARMS:
            cell = arm.loc[name] if name in arm.index else pd.Series(dtype=float)
            attack = "none" if eps == "0" else "FGSM"
            places = [(dataset, model, name, attack, eps, r, "accuracy") for r in (cell.get("reading"), read)]
            ours[name] = next((runs[place] for place in places if place in runs), [])
            row |= {
                f"{name}: paper": number(cell.get("value"), 2),
                f"{name}: ours": each(ours[name], 2),
                f"{name}: verdict": cell.get("word", "–"),
            }
        if set(ARMS) <= set(arm.index):
            row["gain: paper"] = number(arm.loc["updates", "value"] - arm.loc["control", "value"], 2)
            row["gain: ours"] = each(against(ours["control"], ours["updates"]), 2)
        rows.append(row)
    ran = shown.dropna(subset=["ours"])
    return Table(
        pd.DataFrame(rows).fillna("–"),
        f"Accuracy in percent; eps 0 is the clean test set; {RUNS}; {described(ran, 'runs')}",
    )


def gains(run: Run) -> Table:
    """What the updates gain over the control in every reading of the attack."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "accuracy") & (table["eps"] != "0")]
    runs = by_run(results.table(run.shown))
    places = dict.fromkeys(table[["dataset", "model", "attack", "eps", "reading"]].itertuples(index=False, name=None))
    rows = []
    for dataset, model, attack, eps, reading in places:
        control, updates = (runs.get((dataset, model, arm, attack, eps, reading, "accuracy"), []) for arm in ARMS)
        row = {"data set": dataset, "network": model, "attack": attack, "eps": eps, "reading": reading}
        rows.append(row | {"control": each(control), "updates": each(updates), "gain": each(against(control, updates))})
    caption = f"Accuracy in percent in every reading; {RUNS}; {described(table, 'runs')}"
    return Table(pd.DataFrame(rows), caption)


ON_MNIST = {"dataset": "MNIST", "model": "CNN"}
"""The network whose runs the chapter shows one by one."""

SHOWN = {
    "clean": ("none", "0", "default"),
    "FGSM, training mode": ("FGSM", "0.1", "default"),
    "FGSM, evaluation mode": ("FGSM", "0.1", "attack_mode=eval"),
    "PGD-20": ("PGD", "0.1", "default"),
    "PGD-50, restarts": ("PGD, restarts", "0.1", "default"),
    "random signs": ("random sign", "0.1", "default"),
}
"""What the chapter shows of each run: attack, eps and reading."""


def run_by_run() -> Table:
    """What every recorded run of the chapter's network keeps, at every scale, control beside updates of one seed."""
    rows = results.table(results.recorded("smooth/hardening"))
    rows = rows[rows["metric"] == "accuracy"]
    for column, wanted in ON_MNIST.items():
        rows = rows[rows[column] == wanted]
    frame = []
    for name, (attack, eps, reading) in SHOWN.items():
        here = rows[(rows["attack"] == attack) & (rows["eps"] == eps) & (rows["reading"] == reading)]
        row = {"under": name}
        for (profile, seed), group in here.groupby(["profile", "seed"], sort=False):
            row |= {f"{scale(profile)}, run {seed}: {c.defense}": number(100 * c.value) for c in group.itertuples()}
        frame.append(row)
    where = ", ".join(ON_MNIST.values())
    said = "; ".join(described(cells.join_seeds(part), "runs") for _, part in rows.groupby("profile", sort=False))
    return Table(pd.DataFrame(frame), f"{where}: accuracy of each run in percent, eps 0.1; {said}")


def paired_test(control: list[float], updates: list[float]) -> tuple[float, float]:
    """Wilcoxon's signed-rank test of pairs: p that they differ, and p that the updates are not better.

    Raises:
        InputError: fewer than two pairs, or lists of different lengths.
    """
    if len(control) != len(updates) or len(control) < 2:
        raise InputError(f"a paired test needs at least 2 pairs: there are {len(control)} and {len(updates)} values")
    two_sided = stats.wilcoxon(updates, control).pvalue
    return float(two_sided), float(stats.wilcoxon(updates, control, alternative="greater").pvalue)


TESTS = {"4": ("none", "finds no significant difference"), "5": ("FGSM", "finds an improvement, significant at 0.005")}
"""Which attack each table's pairs are under, and what the paper says of its test."""


AUGMENTED = [models.label(name) for name, recipe in SMOKE.items() if recipe.augment != "none"]

EVERY = "all"
ROWS = {EVERY: None, "with augmentation": True, "without": False}
"""Which rows of a table a test takes, and whether these are trained with augmentation."""


def pairs_of(numbers: pd.DataFrame, table: str, chosen: str) -> pd.DataFrame:
    """Control and updates side by side, one row a network and eps of a table.

    Args:
        numbers: cells of the paper or of ours.
        table: ``"4"`` or ``"5"``.
        chosen: one of :data:`ROWS`, or an eps at which all networks are taken, one pair each.
    """
    found = numbers[(numbers["table"] == table) & (numbers["attack"] == TESTS[table][0])]
    if chosen not in ROWS:
        found = found[cells.matching(found, "eps", chosen)]
    elif chosen != EVERY:
        found = found[found["model"].isin(AUGMENTED) == ROWS[chosen]]
    arms = found.pivot(index=["dataset", "model", "eps"], columns="defense", values="value")
    return arms.reindex(columns=list(ARMS)).dropna()


def tests(run: Run) -> Table:
    """The Wilcoxon tests of Sec. 5.3 and 6, from the paper's own table and from ours."""
    ours = cells.of_run(run)
    ours = ours[ours["reading"].isin([main_reading(ours), "default"]) & (ours["metric"] == "accuracy")]
    sources = {"paper": cells.of_paper("smooth"), "ours": ours}
    rows = []
    chosen = [*product(("4", "5"), ROWS), *product(("5",), run_eps(ours))]
    for (table, which), who in product(chosen, sources):
        arms = pairs_of(sources[who], table, which)
        row = {"table": f"Table {table}", "rows": which if which in ROWS else f"eps {which} alone",
               "whose numbers": who, "pairs": len(arms)}  # fmt: skip
        try:
            p, greater = paired_test(list(arms["control"]), list(arms["updates"]))
            gain = number((arms["updates"] - arms["control"]).mean(), 2)
            row |= {"mean gain": gain, "p, two-sided": f"{p:.4f}", "p, updates better": f"{greater:.4f}"}
        except InputError as err:
            row["remark"] = str(err)
        if who == "paper" and which == EVERY:
            row["remark"] = f"the paper {TESTS[table][1]}"
        rows.append(row)
    caption = (
        "Wilcoxon's signed-rank test; pairs of one network at several eps depend on each other, pairs at one eps are "
        "of different networks; of two runs the mean, of more the median"
    )
    return Table(pd.DataFrame(rows).fillna("–"), caption)


def run_eps(numbers: pd.DataFrame) -> list[str]:
    """The eps of FGSM that were run, as text."""
    return list(dict.fromkeys(numbers.loc[numbers["attack"] == "FGSM", "eps"]))


EFFECT = ("FGSM", "0.1")
"""The attack whose gain is compared with the gain from noise."""


def variants(run: Run) -> Table:
    """Every reading of the update under the same attacks, with what it moved and cost; the paper's rows first."""
    table, runs = cells.of_run(run), by_run(results.table(run.shown))
    rows = [of_paper(arm) for arm in ARMS]
    for (dataset, model, reading), group in table.groupby(["dataset", "model", "reading"], sort=False):
        value = {
            (c.attack, c.eps, c.metric): runs[tuple(getattr(c, column) for column in PLACE)] for c in group.itertuples()
        }
        row = {"data set": dataset, "network": model, "rate, reduction, mode": reading,
               "median drift, l2": each(value.get(("none", "", "drift_l2"), []), 3),
               "clean": each(value.get(("none", "0", "accuracy"), []))}  # fmt: skip
        for attack, eps, metric in value:
            if metric == "accuracy" and attack != "none":
                row[f"{attack}: {eps}"] = each(value[attack, eps, metric])
        seconds, stored = (value.get(("none", "", metric), []) for metric in ("training_seconds", "stored_mib"))
        rows.append(row | {"training, s": each(seconds, 0), "second copy, MiB": number(max(stored, default=None))})
    behind = described(table[table["metric"] == "accuracy"], "runs")
    caption = f"Accuracy in percent; {RUNS}; {behind}{share_of_noise(table)}"
    return Table(pd.DataFrame(rows).fillna("–"), caption)


def of_paper(arm: str) -> dict[str, str]:
    """What the paper prints for the network of this page; it does not say in which mode the gradient was taken."""
    paper = cells.of_paper("smooth")
    mine = paper[(paper["dataset"] == "MNIST") & (paper["model"] == "CNN") & (paper["defense"] == arm)]
    clean = mine[mine["attack"] == "none"]["value"].iloc[0]
    fgsm = mine[mine["attack"].eq("FGSM") & mine["eps"].isin(["0.1", "0.2"])]
    shown = {f"FGSM, training mode: {c.eps}": number(c.value, 2) for c in fgsm.itertuples()}
    name = {"data set": "MNIST", "network": "CNN", "rate, reduction, mode": f"the paper's {arm}"}
    return {**name, "clean": number(clean, 2), **shown}


def baselines(run: Run) -> Table:
    """What each training keeps under the same attacks, and how many gradients of images its training took."""
    table, rows = cells.of_run(run), []
    for place, group in table.groupby(["dataset", "model", "arm"], sort=False):
        found = {(c["attack"], c["eps"], c["metric"]): c for c in group.to_dict("records")}
        row = dict(zip(("data set", "network", "training"), place, strict=True))
        row["gradients, in millions"] = number(found["none", "", "image_gradients"]["value"] / 1e6, 3)
        row["clean"] = measured(found["none", "0", "accuracy"])
        row |= {f"{attack}: {eps}": measured(cell) for (attack, eps, metric), cell in found.items()
                if metric == "accuracy" and attack not in ("none", "drift")}  # fmt: skip
        rows.append(row | {"training, s": measured(found["none", "", "training_seconds"], 0)})
    tested = table[table["metric"] == "accuracy"]
    caption = f"Accuracy in percent in evaluation mode; {described(tested, 'runs')}"
    return Table(pd.DataFrame(rows), caption)


DRIFTED = {"true": "up the true label's loss", "false": "up a false label's loss"}


def leaks(run: Run) -> Table:
    """Where each training puts images that drifted up the loss of a label: at the true one, or the one told."""
    table = cells.of_run(run)
    table = table[table["attack"] == "drift"]
    choices = table["reading"].str.split()
    whose = choices.map(lambda said: "the control's" if "source=control" in said else "its own")
    told = choices.map(lambda said: "false" if "label=false" in said else "true")
    rows = []
    for place, group in table.assign(whose=whose, told=told).groupby(["dataset", "model", "arm", "whose"], sort=False):
        found = {(c["told"], c["metric"]): c for c in group.to_dict("records")}
        row = dict(zip(("data set", "network", "training", "gradient"), place, strict=True))
        row |= {f"{name}: right, %": measured(found[which, "accuracy"]) for which, name in DRIFTED.items()}
        rows.append(row | {f"{DRIFTED['false']}: called that, %": measured(found["false", "says_told"])})
    return Table(pd.DataFrame(rows), f"Images that drifted as training images do; {described(table, 'runs')}")


NOISE = [f"{reduction} noise" for reduction in REDUCTIONS]
"""The variants that move images along noise of the same step lengths."""


def share_of_noise(table: pd.DataFrame) -> str:
    """How much of the gain of the first reading noise of the same step lengths brings, as a clause."""
    attack, eps = EFFECT
    at = table[(table["attack"] == attack) & (table["eps"].map(cells.eps_number) == cells.eps_number(eps))]
    value = at.groupby("reading", sort=False)["value"].mean()
    first = next(iter(at.loc[at["arm"] == "updates", "reading"]), None)
    noise = next(iter(at.loc[at["variant"].isin(NOISE), "reading"]), None)
    if first is None or noise is None or "control" not in value or value[first] <= value["control"]:
        return ""
    share = 100 * (value[noise] - value["control"]) / (value[first] - value["control"])
    return f"; under {attack} at eps {eps} random steps ({noise}) bring {number(share, 0)} % of what {first} gains"


def costs(run: Run) -> Table:
    """How large the attack is in pixels, how far the training images drifted, and what keeping them costs."""
    table, runs = cells.of_run(run), by_run(results.table(run.shown))
    rows = []
    for (dataset, model), group in table.groupby(["dataset", "model"], sort=False):
        value = {(c.defense, c.attack, c.eps, c.metric): runs[tuple(getattr(c, column) for column in PLACE)]
                 for c in group[group["metric"] != "validation_error"].itertuples()}  # fmt: skip
        seconds = [value.get((arm, "none", "", "training_seconds"), []) for arm in ARMS]
        row = {"data set": dataset, "network": model}
        row |= {f"{arm}: training, s": each(s, 0) for arm, s in zip(ARMS, seconds, strict=True)}
        row["times as long"] = each(against(seconds[0], seconds[1], operator.truediv), 2)
        for column, metric, digits in (("median drift, l2", "drift_l2", 3), ("second copy, MiB", "stored_mib", 1)):
            found = value.get(("updates", "none", "", metric), [])
            row[column] = each(found, digits) if metric == "drift_l2" else number(max(found, default=None), digits)
        for (arm, attack, eps, metric), size in value.items():
            if (arm, attack, metric) == ("control", "FGSM", "pixels_linf_median"):
                row[f"eps {eps} in 1/255"] = each([255 * s for s in size], 2)
        rows.append(row)
    caption = (
        "The machine did other work during training; eps in 1/255 is the median over images of the largest change of a "
        f"channel under the control's gradient, with the whitening undone; {RUNS}"
    )
    return Table(pd.DataFrame(rows).fillna("–"), caption)
