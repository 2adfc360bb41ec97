"""The tables of `smooth` beyond those that every exhibit has."""

from __future__ import annotations

from itertools import product

import pandas as pd
from scipy import stats

from .. import cells, results
from ..checks import InputError
from ..markup import Table, number
from .common import described, main_reading, side_by_side

ARMS = ("control", "updates")


def accuracy(run) -> Table:
    """Tables 4 and 5: both arms beside the paper's, and what the updates gain in each."""
    shown = side_by_side(run, main_reading(results.table(run.shown)))
    shown = shown[shown["attack"].isin(["none", "FGSM"])]
    rows = []
    for (dataset, model, eps), group in shown.groupby(["dataset", "model", "eps"], sort=False):
        arm = group.set_index("defense")
        row = {"data set": dataset, "network": model, "FGSM eps": eps}
        for name in ARMS:
            cell = arm.loc[name] if name in arm.index else pd.Series(dtype=float)
            row |= {
                f"{name}: paper": number(cell.get("value"), 2), f"{name}: ours": number(cell.get("ours"), 2),
                f"{name}: verdict": cell.get("word", "–"),
            }  # fmt: skip
        if set(ARMS) <= set(arm.index):
            row |= {f"gain: {who}": number(arm.loc["updates", column] - arm.loc["control", column], 2)
                    for who, column in (("paper", "value"), ("ours", "ours"))}  # fmt: skip
        rows.append(row)
    ran = shown.dropna(subset=["ours"])
    return Table(
        pd.DataFrame(rows).fillna("–"),
        f"Accuracy in percent; eps 0 is the clean test set; {described(ran, 'medians of runs')}",
    )


def gains(run) -> Table:
    """What the updates gain over the control in every reading of the attack."""
    table = cells.of_run(run)
    table = table[(table["metric"] == "accuracy") & (table["eps"] != "0")]
    place = ["dataset", "model", "attack", "eps", "reading"]
    arms = table.pivot_table(index=place, columns="defense", values="value", sort=False).reset_index()
    rows = [
        {
            "data set": c.dataset, "network": c.model, "attack": c.attack, "eps": c.eps, "reading": c.reading,
            "control": number(c.control), "updates": number(c.updates), "gain": number(c.updates - c.control),
        }
        for c in arms.itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), f"Accuracy in percent in every reading; {described(table, 'medians of runs')}")


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


def pairs_of(numbers: pd.DataFrame, table: str, augmented: bool | None) -> pd.DataFrame:
    """Control and updates side by side, one row a network and eps of a table; with or without augmentation, or all."""
    found = numbers[(numbers["table"] == table) & (numbers["attack"] == TESTS[table][0])]
    if augmented is not None:
        found = found[found["model"].str.endswith("AUG") == augmented]
    arms = found.pivot_table(index=["dataset", "model", "eps"], columns="defense", values="value")
    return arms.reindex(columns=list(ARMS)).dropna()


def tests(run) -> Table:
    """The Wilcoxon tests of Sec. 5.3 and 6, from the paper's own table and from ours."""
    ours = cells.of_run(run)
    ours = ours[ours["reading"].isin([main_reading(ours), "default"]) & (ours["metric"] == "accuracy")]
    sources = {"paper": cells.of_paper("smooth"), "ours": ours}
    rows = []
    for table, augmented, who in product(TESTS, (None, True, False), sources):
        arms = pairs_of(sources[who], table, augmented)
        row = {"table": f"Table {table}", "rows": {None: "all", True: "with augmentation", False: "without"}[augmented],
               "whose numbers": who, "pairs": len(arms)}  # fmt: skip
        try:
            p, greater = paired_test(list(arms["control"]), list(arms["updates"]))
            gain = number((arms["updates"] - arms["control"]).mean(), 2)
            row |= {"mean gain": gain, "p, two-sided": f"{p:.4f}", "p, updates better": f"{greater:.4f}"}
        except InputError as err:
            row["remark"] = str(err)
        if who == "paper" and augmented is None:
            row["remark"] = f"the paper {TESTS[table][1]}"
        rows.append(row)
    caption = "Wilcoxon's signed-rank test; the pairs of one network, its four eps, are not independent"
    return Table(pd.DataFrame(rows).fillna("–"), caption)


EFFECT = ("FGSM", "0.1")
"""The attack whose gain is compared with the gain from noise."""


def variants(run) -> Table:
    """Every reading of the update under the same attacks, with what it moved and cost; the paper's rows first."""
    table = cells.of_run(run)
    rows = [of_paper(arm) for arm in ARMS]
    for (dataset, model, reading), group in table.groupby(["dataset", "model", "reading"], sort=False):
        value = {(c.attack, c.eps, c.metric): c.value for c in group.itertuples()}
        row = {"data set": dataset, "network": model, "rate, reduction, mode": reading,
               "median drift, l2": number(value.get(("none", "", "drift_l2")), 3),
               "clean": number(value.get(("none", "0", "accuracy")))}  # fmt: skip
        for attack, eps, metric in value:
            if metric == "accuracy" and attack != "none":
                row[f"{attack}: {eps}"] = number(value[attack, eps, metric])
        seconds, stored = (value.get(("none", "", metric)) for metric in ("training_seconds", "stored_mib"))
        rows.append(row | {"training, s": number(seconds, 0), "second copy, MiB": number(stored)})
    behind = described(table[table["metric"] == "accuracy"], "medians of runs")
    caption = f"Accuracy in percent; {behind}{share_of_noise(table)}"
    return Table(pd.DataFrame(rows).fillna("–"), caption)


def of_paper(arm: str) -> dict[str, str]:
    """What the paper prints for the network of this page; it does not say in which mode the gradient was taken."""
    paper = cells.of_paper("smooth")
    mine = paper[(paper["dataset"] == "MNIST") & (paper["model"] == "CNN") & (paper["defense"] == arm)]
    clean = mine[mine["attack"] == "none"]["value"].iloc[0]
    fgsm = {f"FGSM, training mode: {c.eps}": number(c.value) for c in mine.itertuples() if c.attack == "FGSM"}
    shown = {key: value for key, value in fgsm.items() if key.endswith((": 0.1", ": 0.2"))}
    name = {"data set": "MNIST", "network": "CNN", "rate, reduction, mode": f"the paper's {arm}"}
    return {**name, "clean": number(clean), **shown}


def share_of_noise(table: pd.DataFrame) -> str:
    """How much of the gain of the first reading noise of the same step lengths brings, as a clause."""
    attack, eps = EFFECT
    at = table[(table["attack"] == attack) & (table["eps"].map(cells.eps_number) == cells.eps_number(eps))]
    value = at.groupby("reading", sort=False)["value"].mean()
    first = next((r for r in value.index if r != "control"), None)
    noise = next((r for r in value.index if r.endswith("noise")), None)
    if first is None or noise is None or "control" not in value or value[first] <= value["control"]:
        return ""
    share = 100 * (value[noise] - value["control"]) / (value[first] - value["control"])
    return f"; of the gain of {first} under {attack} at {eps}, {noise} has {number(share, 0)} %"


def costs(run) -> Table:
    """How large the attack is in pixels, how far the training images drifted, and what keeping them costs."""
    table = cells.of_run(run)
    rows = []
    for (dataset, model), group in table.groupby(["dataset", "model"], sort=False):
        value = {(c.defense, c.attack, c.eps, c.metric): c.value for c in group.itertuples()}
        seconds = [value.get((arm, "none", "", "training_seconds")) for arm in ARMS]
        row = {"data set": dataset, "network": model}
        row |= {f"{arm}: training, s": number(s, 0) for arm, s in zip(ARMS, seconds, strict=True)}
        if all(seconds):
            row["times as long"] = number(seconds[1] / seconds[0], 2)
        for column, metric, digits in (("median drift, l2", "drift_l2", 3), ("second copy, MiB", "stored_mib", 1)):
            row[column] = number(value.get(("updates", "none", "", metric)), digits)
        for (arm, attack, eps, metric), size in value.items():
            if (arm, attack, metric) == ("control", "FGSM", "pixels_linf_median"):
                row[f"eps {eps} in 1/255"] = number(255 * size, 2)
        rows.append(row)
    caption = (
        "Training times of runs on whatever else the machine did; sizes in pixels are the median over images of the "
        "largest change of a channel, the whitening undone, from the control's gradient"
    )
    return Table(pd.DataFrame(rows).fillna("–"), caption)
