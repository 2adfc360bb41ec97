"""The tables of `smooth` beyond those that every exhibit has."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from .. import cells, results
from ..checks import InputError
from ..markup import Table, number, span
from .common import side_by_side

ARMS = ("control", "updates")


def accuracy(run) -> Table:
    """Tables 4 and 5: both arms beside the paper's, and what the updates gain in each."""
    shown = side_by_side(run, "default").drop_duplicates(["dataset", "model", "eps", "defense"])
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
    return Table(pd.DataFrame(rows).fillna("–"), f"Accuracy in percent; eps 0 is the clean test set; {described(ran)}")


def described(shown: pd.DataFrame) -> str:
    """Profiles, runs and images behind a table, in one line."""
    if shown.empty:
        return "not run yet"
    profiles = " and ".join(dict.fromkeys(shown["profile"]))
    return f"ours at the {profiles} profile; medians of runs: {span(shown['seeds'])}; images: {span(shown['images'])}"


def gains(run) -> Table:
    """What the updates gain over the control in every reading of the attack."""
    table = cells.join_seeds(results.table(run.shown))
    table = table[(table["metric"] == "accuracy") & (table["eps"] != "0")]
    place = ["dataset", "model", "attack", "eps", "reading"]
    arms = table.pivot_table(index=place, columns="defense", values="value", sort=False)
    if set(ARMS) <= set(arms.columns):  # the control's own set is the one that both see
        for at in [a for a in arms.index if "source=control" in a[4]]:
            own = (*at[:4], at[4].replace("source=control", "").strip() or "default")
            if own in arms.index:
                arms.loc[at, "control"] = arms.loc[own, "control"]
    rows = [
        dict(zip(("data set", "network", "attack", "eps", "reading"), at, strict=True))
        | {name: number(arm.get(name)) for name in ARMS}
        | {"gain": number(arm.get("updates", np.nan) - arm.get("control", np.nan))}
        for at, arm in arms.iterrows()
    ]
    return Table(pd.DataFrame(rows), f"Accuracy in percent in every reading; {described(table)}")


def paired_test(control: list[float], updates: list[float]) -> tuple[float, float]:
    """Wilcoxon's signed-rank test of pairs: p that they differ, and p that the updates are not better.

    Raises:
        InputError: fewer than two pairs, or lists of different lengths.
    """
    if len(control) != len(updates) or len(control) < 2:
        raise InputError(f"a paired test needs at least 2 pairs: there are {len(control)} and {len(updates)} values")
    two_sided = stats.wilcoxon(updates, control).pvalue
    return float(two_sided), float(stats.wilcoxon(updates, control, alternative="greater").pvalue)


SAID = {"4": "finds no significant difference", "5": "finds an improvement, significant at 0.005"}


def tests(run) -> Table:
    """The Wilcoxon tests of Sec. 5.3 and 6, from the paper's own table and from ours."""
    paper, ours = cells.of_paper("smooth"), cells.join_seeds(results.table(run.shown))
    ours = ours[(ours["reading"] == "default") & (ours["metric"] == "accuracy")]
    rows = []
    for table, name in (("4", "Table 4"), ("5", "Table 5")):
        for label, keep in (("all", ""), ("with augmentation", "AUG"), ("without", "no AUG")):
            for who, numbers in (("paper", paper), ("ours", ours)):
                attack = "FGSM" if table == "5" else "none"
                found = numbers[(numbers["table"] == table) & (numbers["attack"] == attack)]
                augmented = found["model"].str.endswith("AUG")
                found = found if not keep else found[augmented if keep == "AUG" else ~augmented]
                arms = found.pivot_table(index=["dataset", "model", "eps"], columns="defense", values="value")
                arms = arms.dropna() if set(ARMS) <= set(arms.columns) else arms.iloc[:0]
                row = {"table": name, "rows": label, "whose numbers": who, "pairs": len(arms)}
                if len(arms) >= 2:
                    p, greater = paired_test(list(arms["control"]), list(arms["updates"]))
                    gain = number((arms["updates"] - arms["control"]).mean(), 2)
                    row |= {"mean gain": gain, "p, two-sided": f"{p:.4f}", "p, updates better": f"{greater:.4f}"}
                rows.append(row | {"the paper says": SAID[table] if (who, label) == ("paper", "all") else "–"})
    return Table(
        pd.DataFrame(rows).fillna("–"), "Wilcoxon's signed-rank test; the pairs of one network are not independent"
    )


def variants(run) -> Table:
    """Every reading of the update under the same attacks, with what it moved and cost."""
    table = cells.join_seeds(results.table(run.shown))
    rows = []
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
    return Table(
        pd.DataFrame(rows).fillna("–"), f"Accuracy in percent; {described(table[table['metric'] == 'accuracy'])}"
    )
