"""The tables of `selfgrad` beyond those that every exhibit has."""

from __future__ import annotations

import numpy as np
import pandas as pd

from inputgrad.compute.methods.theorem import THRESHOLD, fixed_point, iterated_quadratic
from inputgrad.ground.checks import eps_value
from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Stack, Table, between, number, with_steps
from inputgrad.study.selfgrad import BILATERAL_ROW, BLOCK_OFF, SWITCHED

from .common import described, each_network, main_reading, side_by_side, stands_for
from .masking import ANSWERS, accuracies, signs


def defences(run: Run) -> Stack:
    """Tables 2 to 4: one table a data set, one row an attack, the paper's number and ours for each defence."""
    reading = main_reading(results.table(run.shown))
    shown, own = side_by_side(run, reading), cells.of_run(run)
    rest = own[(own["table"].eq("own") | own["reading"].ne(reading)) & own["metric"].eq("accuracy")]
    rest = rest.rename(columns={"value": "ours"})
    shown = pd.concat([shown[~shown["table"].eq("5")], rest[~rest["defense"].isin(set(shown["defense"]))]])
    shown = shown[~shown["variant"].isin(SWITCHED)].fillna({"word": "–"})
    return Stack([of_dataset(group, name, run) for name, group in shown.groupby("dataset", sort=False)])


def of_dataset(shown: pd.DataFrame, dataset: str, run: Run) -> Table:
    """The table of one data set."""
    rows: dict[tuple, dict[tuple[str, str], str]] = {}
    for c in shown.to_dict("records"):
        attack, steps = c["attack"], int(c["steps"])
        row = rows.setdefault((attack, steps), {("attack", ""): with_steps(attack, steps)})
        if c["defense"] == BILATERAL_ROW:
            row[f"{BILATERAL_ROW}, quoted", "paper"] = number(c["value"], 2)
            continue
        said = {"paper": number(c.get("value"), 2), "ours": number(c["ours"]), "verdict": c["word"]}
        row |= {(c["defense"], what): text for what, text in said.items()}
    order = {name: i for i, name in enumerate(("none", "FGSM", "PGD", "CW"))}
    ordered = [rows[key] for key in sorted(rows, key=lambda key: (order[key[0]], key[1]))]
    return Table(
        grouped(ordered, may_go=("paper", "verdict")),
        f"{dataset}: accuracy in percent; {described(shown.dropna(subset=['ours']))}; {stands_for(run.shown)}",
    )


def bilateral(run: Run) -> Stack:
    """The rows *Bilateral* of Tables 2 to 4, ours beside what the paper quotes, and the worst case."""
    mine = cells.of_run(run)
    mine = mine[mine["metric"].isin(["accuracy", "missed"])]
    groups = mine.groupby(["dataset", "defense"], sort=False)
    return Stack([of_bilateral(group, dataset, defense, run) for (dataset, defense), group in groups])


def of_bilateral(mine: pd.DataFrame, dataset: str, defense: str, run: Run) -> Table:
    """The table of one network; what the paper quotes stands beside numbers of its own eps alone."""
    quoted = cells.of_paper("selfgrad")
    quoted = quoted[quoted["defense"].eq(BILATERAL_ROW) & quoted["dataset"].eq(dataset)]
    compared = cells.compare(quoted, mine)
    beside = {(c.attack, int(c.steps)): c for c in compared[compared["word"] != "not run"].itertuples()}
    rows = []
    for c in mine.itertuples():
        there = beside.get((c.attack, int(c.steps))) if c.metric == "accuracy" else None
        name = with_steps(c.attack, int(c.steps))
        rows.append({
            "attack": name if c.metric == "accuracy" else f"missed by {name}",
            "quoted": number(there.value, 2) if there else "–", "ours": number(c.value), "95 % interval": between(c),
            "verdict": there.word if there and c.profile != "smoke" else "–",
        })  # fmt: skip
    caption = f"{defense}. {dataset}: accuracy in percent; {described(mine)}; {stands_for(run.shown)}"
    return Table(pd.DataFrame(rows), caption)


def grouped(rows: list[dict[tuple[str, str], str]], may_go: tuple[str, ...]) -> pd.DataFrame:
    """Rows of ``(group, column)`` as a frame, groups in the order in which they come up.

    Columns of the names in ``may_go`` are left out where nothing stands in them.
    """
    heads = list(dict.fromkeys(head for row in rows for head in row))
    groups = list(dict.fromkeys(group for group, _ in heads))
    filled = {head: [row.get(head, "–") for row in rows] for head in heads}
    kept = [head for head in heads if head[1] not in may_go or set(filled[head]) - {"–"}]
    kept.sort(key=lambda head: groups.index(head[0]))
    return pd.DataFrame({": ".join(filter(None, head)): filled[head] for head in kept})


def switched(run: Run) -> Table:
    """Table 5: the block switched on and off at inference."""
    mine = cells.of_run(run)
    mine = mine[mine["variant"].isin(SWITCHED) & mine["metric"].eq("accuracy")]
    paper = cells.of_paper("selfgrad")
    paper = paper[paper["table"] == "5"]
    rows = []
    for (dataset, defense), group in mine.groupby(["dataset", "defense"], sort=False):
        printed = paper[(paper["dataset"] == dataset) & (paper["defense"] == defense)]
        row = {"data set": dataset, "row": defense}
        for c in group.itertuples():
            name = "clean" if c.attack == "none" else f"PGD-{c.steps}"
            same = printed[(printed["attack"] == c.attack) & (printed["steps"].astype(int) == int(c.steps))]["value"]
            row |= {f"{name}: paper": number(same.mean(), 2), f"{name}: ours": number(c.value)}
        rows.append(row)
    return Table(pd.DataFrame(rows).fillna("–"), f"Accuracy in percent; {described(mine)}; {stands_for(run.shown)}")


@each_network
def oracle(run: Run) -> Table:
    """Table 1, and what the network that is told a gradient does with that of a false label."""
    paper, mine, rows = cells.of_paper("selfgrad"), cells.of_run(run), []
    dataset = mine["dataset"].iloc[0]
    paper = paper[(paper["table"] == "1") & (paper["dataset"] == dataset)]
    for defense, group in mine.groupby("defense", sort=False):
        value = {(c.attack, c.metric): c.value for c in group.itertuples()}
        printed = {c.attack: c.value for c in paper[paper["defense"] == defense].itertuples()}
        rows.append(
            {
                "training": defense.replace("_", " "),
                "clean: paper": number(printed.get("none")), "clean: ours": number(value.get(("none", "accuracy"))),
                "PGD-10: paper": number(printed.get("PGD")), "PGD-10: ours": number(value.get(("PGD", "accuracy"))),
                "false label: says it": number(value.get(("false label", "follows"))),
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), f"{dataset}, percent; {described(mine)}; {stands_for(run.shown)}")


def theorem(steps: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 10, 50)) -> Table:
    """The iterates of f(x) = x^2 / 2 at x = 1, for eps on both sides of 1/4, computed here."""
    rows = []
    for eps in (0.1, 0.2, THRESHOLD, 0.3, 0.5, 0.9):
        values = iterated_quadratic(eps, max(steps))
        limit = fixed_point(eps)
        row = {"eps": f"{eps:g}"}
        row |= {f"fⁿ(1): n = {n}": f"{values[n]:.4g}" for n in steps}
        rows.append(row | {"limit": "none" if limit != limit else f"{limit:.4g}"})
    return Table(
        pd.DataFrame(rows), "Theorem 1 promises convergence for every eps in [0, 1); on x²/2 it holds up to 1/4"
    )


@each_network
def convergence(run: Run) -> Table:
    """Figure 2's numbers: how far the self gradient moves from one iteration to the next."""
    mine = cells.of_run(run)
    mine = mine[mine["metric"] == "change_l2_mean"]
    rows = []
    for attack, group in mine.groupby("attack", sort=False):
        at = dict(zip(group["steps"], group["value"], strict=True))
        change = {f"change: {k}": f"{at[k]:.3g}" for k in (1, 2, 3, 5, 10) if k in at}
        rows.append({"network and move": attack, "length of g": f"{at[0]:.3g}", **change})
    return Table(
        pd.DataFrame(rows).fillna("–"), f"Mean l2 length over images; {described(mine)}; {stands_for(run.shown)}"
    )


# The audit


@each_network
def audit(run: Run) -> Table:
    """Every attack on every defence, and the worst case over all attacks on each image."""
    mine = accuracies(run)
    mine = mine[mine["variant"].eq("") & mine["attack"].ne("PGD over eps")]
    rows: dict[tuple, dict] = {}
    for c in mine.itertuples():
        attack = with_steps(c.attack, c.steps)
        rows.setdefault((c.attack, c.steps), {"attack": attack})[c.defense] = number(c.value)
    last = [key for key in rows if key[0] == "worst of all"]
    ordered = [rows[key] for key in rows if key not in last] + [rows[key] for key in last]
    caption = f"Accuracy in percent at this page's eps; {described(mine)}; {stands_for(run.shown)}"
    return Table(pd.DataFrame(ordered).fillna("–"), caption)


@each_network
def controls(run: Run) -> Table:
    """Each network, and the self-gradient one with something else in the block's place."""
    rows = []
    for defense, group in accuracies(run).groupby("defense", sort=False):
        value = {(c.attack, int(c.steps)): c.value for c in group.itertuples()}
        rows.append(
            {"network": defense, "clean": number(value.get(("none", 0))), "PGD-20": number(value.get(("PGD", 20)))}
        )
    inside = {c.metric: c.value for c in cells.of_run(run).itertuples()
              if c.attack == "none" and c.metric != "accuracy" and c.defense == "Self gradient"}  # fmt: skip
    said = ""
    if "block_rms_median" in inside:
        said = (
            f"; the block of Self gradient adds {inside['block_rms_median'] * 255:.3f}/255 (root mean square, median "
            f"image), the gradient it reads has a largest value of {inside['gradient_linf_median']:.3f}, "
            f"its cosine to the loss's gradient is {inside['cosine_mean']:.2f} in absolute value, and "
            f"{100 * inside['second_order_share_mean']:.2g} % of the attack's gradient comes through it"
        )
    return Table(pd.DataFrame(rows), f"Accuracy in percent{said}")


@each_network
def active(run: Run) -> Table:
    """What a block is worth: each network with it and with it off, and what is gained on the same images."""
    mine = cells.of_run(run)
    at = {(c.defense, c.attack, c.metric): c for c in mine.itertuples()}
    rows = []
    for name in dict.fromkeys(mine.loc[mine["metric"].eq("accuracy"), "defense"]):
        rms, worst = at.get((name, "none", "block_rms_median")), at[name, "worst of all", "accuracy"]
        row = {
            "network": name, "block: rms, of 1/255": number(255 * rms.value, 2) if rms else "–",
            "clean": number(at[name, "none", "accuracy"].value), "PGD-20": number(at[name, "PGD", "accuracy"].value),
            "worst of all": number(worst.value), "95 % interval": between(worst),
            "missed by PGD-20": number(at[name, "PGD", "missed"].value),
        }  # fmt: skip
        for other in ("FGSM training", BLOCK_OFF):
            for what, attack in (("clean", "none"), ("worst", "worst of all")):
                gain = at.get((f"{name}, over {other}", attack, "gain"))
                row[f"over {other}: {what}, points"] = number(gain.value) if gain else "–"
        rows.append(row)
    return Table(pd.DataFrame(rows), f"Accuracy in percent; {described(mine[mine['metric'] == 'accuracy'])}")


@each_network
def schedule(run: Run) -> Table:
    """Each network after its schedule, with its block and with it off, and what PGD left while it was trained."""
    mine = cells.of_run(run)
    at = {(c.defense, c.attack, c.metric): c for c in mine[mine["metric"] != "robust_accuracy"].itertuples()}
    rows = []
    for name in dict.fromkeys(mine.loc[mine["metric"].eq("accuracy"), "defense"]):
        rms, worst = at.get((name, "none", "block_rms_median")), at[name, "worst of all", "accuracy"]
        curve = mine[mine["metric"].eq("robust_accuracy") & mine["defense"].eq(name)].sort_values("steps")["value"]
        row = {
            "network": name, "block: rms, in units of x": f"{rms.value:.2e}" if rms else "–",
            **{head: number(at[name, attack, "accuracy"].value) for head, attack in SCHEDULED.items()},
            "worst of all": number(worst.value), "95 % interval": between(worst),
            "in training, PGD-10: highest": number(curve.max()) if len(curve) else "–",
            "in training, PGD-10: last": number(curve.iloc[-1]) if len(curve) else "–",
        }  # fmt: skip
        rows.append(row)
    return Table(pd.DataFrame(rows), f"Accuracy in percent; {described(mine[mine['metric'] == 'accuracy'])}")


SCHEDULED = {"clean": "none", "FGSM": "FGSM", "PGD-20": "PGD", "CW-20": "CW"}
"""The columns of that table by their attacks."""


@each_network
def by_run(run: Run) -> Table:
    """The gains of an exhibit run by run, each with the interval of its paired differences."""
    mine = results.table(run.shown)
    mine = mine[mine["metric"].isin(["gain", "gain_low", "gain_high"])]
    rows = []
    for (defense, attack, seed), group in mine.groupby(["defense", "attack", "seed"], sort=False):
        value = dict(zip(group["metric"], group["value"], strict=True))
        if "gain_low" in value:
            ends = f"{number(value['gain_low'])} to {number(value['gain_high'])}"
            rows.append({"compared": defense, "attack": attack, "run": str(seed), "gain, points": number(value["gain"]),
                         "95 % interval": ends})  # fmt: skip
    return Table(pd.DataFrame(rows), "How many more of the same images are right, in points, one row a run")


@each_network
def every_attack(run: Run) -> Table:
    """Accuracy of each network, one row an attack."""
    mine = accuracies(run)
    rows: dict[str, dict[str, str]] = {}
    for c in mine.itertuples():
        name = "clean" if c.attack == "none" else c.attack
        rows.setdefault(name, {"attack": name})[c.defense] = number(c.value)
    return Table(pd.DataFrame(list(rows.values())).fillna("–"), f"Accuracy in percent; {described(mine)}")


@each_network
def checklist(run: Run) -> Table:
    """The signs of gradient masking, line by line for each defence, and the verdict on the self-gradient network."""
    mine = accuracies(run)
    names = list(dict.fromkeys(mine.loc[mine["variant"] == "", "defense"]))
    answers = {name: signs(run, name) for name in names}
    shown = "Self gradient" if "Self gradient" in names else names[-1]
    rows = [
        {
            "question": row["question"],
            **{f"as it should be: {name}": ANSWERS[answers[name][i]["fine"]] for name in names},
            f"measured on: {shown}": row["measured"],
        }
        for i, row in enumerate(answers[shown])
    ]
    return Table(pd.DataFrame(rows), verdict(run))


def verdict(run: Run) -> str:
    """The audit's verdict on the self-gradient network, in a sentence a reader can quote."""
    mine = accuracies(run)
    shown = signs(run)
    if not shown or set(mine["profile"]) == {"smoke"}:
        return "No verdict: the self-gradient network was not run at quick or above"
    bad = [row["question"] for row in shown if row["fine"] is False]
    plain = [
        row["question"] for name in ("Madry PGD", "FGSM training") for row in signs(run, name) if row["fine"] is False
    ]
    said = "no sign of a masked gradient"
    if bad:
        common = sum(question in plain for question in bad)
        said = f"{len(bad)} of {len(shown)} checks failed ({' '.join(bad)}), {common} of them without a block too"
    worst = next(mine[mine["attack"].eq("worst of all") & mine["defense"].eq("Self gradient")].itertuples())
    return (
        f"Self gradient: {said}{idle(run)}; {number(worst.value)} % of the images are right in the worst case over all "
        f"attacks (95 % interval {between(worst)}); {described(mine)}"
    )


IDLE = 0.1
"""A block that adds less than this share of eps is said to be all but idle."""


def idle(run: Run) -> str:
    """As a clause, how small the audited block is in units of eps, where it has next to nothing to mask with."""
    mine = [c for c in cells.of_run(run).itertuples() if c.defense == "Self gradient"]
    rms = [c.value for c in mine if c.metric == "block_rms_median"]
    radius = [eps_value(c.eps) for c in mine if c.attack == "worst of all"]
    if not rms or not radius or rms[0] >= IDLE * radius[0]:
        return ""
    return (
        f", but the block is next to nothing: it adds {rms[0] / radius[0]:.2g} eps (root mean square, median image), "
        "and a block of the size of eps may behave otherwise"
    )


def blocks() -> Table:
    """How large the blocks are that were trained and audited, in units of the image and of eps."""
    mine = cells.ours("selfgrad")
    mine = mine[mine["exhibit"] == "selfgrad/audit"]
    rows = []
    for defense, group in mine.groupby("defense", sort=False):
        value = {c.metric: c.value for c in group.itertuples() if c.attack == "none"}
        if "block_rms_median" in value:
            radius = eps_value(group.loc[group["attack"] == "worst of all", "eps"].iloc[0])
            rms = value["block_rms_median"]
            read = f"{value['gradient_linf_median']:.3g}"
            rows.append(
                {
                    "network": defense,
                    "largest value of its gradient": read,
                    "output of its block, rms": f"{rms:.2e}",
                    "in units of eps": f"{rms / radius:.2g}",
                }
            )
    audited = mine[mine["attack"] == "worst of all"]
    return Table(pd.DataFrame(rows), f"CIFAR-10, the median image; {described(audited)}")


# The cost of training


@each_network
def costs(run: Run) -> Table:
    """Arithmetic, speed, and arithmetic to a robust accuracy, for each way to train."""
    mine, rows = cells.of_run(run), []
    share = run.shown[0].trial.settings["target"]
    needed = arithmetic_to(mine, share)
    times = {defense: needed[MADRY] / own for defense, own in needed.items()}
    for defense, group in mine.groupby("defense", sort=False):
        value = {c.metric: c.value for c in group.itertuples() if c.steps == 0}
        ends = {c.metric: c.value for c in group.sort_values("steps").itertuples() if c.steps > 0}
        rows.append(
            {
                "training": defense,
                "one step, in forward passes": number(value.get("forwards_worth")),
                "images/s": number(value.get("images_per_second"), 0),
                "of the matrix rate, %": number(100 * value.get("matrix_share", float("nan"))),
                "training, s": number(ends.get("seconds"), 0),
                "robust accuracy at the end": number(ends.get("robust_accuracy")),
                "arithmetic of Madry to the target, over its own": number(times.get(defense), 2),
            }
        )
    return Table(
        pd.DataFrame(rows),
        "Arithmetic of one training step, and speed, also as a share of this device's rate in a large matrix product; "
        f"the machine did other work meanwhile; the target is {share:g} of Madry's last robust accuracy, asked at the "
        f"end of each epoch on {int(mine['images'].max())} images; 0 means that it was never reached",
    )


MADRY = "Madry PGD"
"""The training whose last robust accuracy sets the target."""


def arithmetic_to(mine: pd.DataFrame, share: float) -> dict[str, float]:
    """Epochs times the arithmetic of a step, in forward passes, until a share of Madry's last robust accuracy."""
    curves, worth = {}, {}
    for defense, group in mine.groupby("defense", sort=False):
        curve = group[group["metric"] == "robust_accuracy"].sort_values("steps")
        if len(curve):
            curves[defense] = curve
            worth[defense] = group.loc[group["metric"] == "forwards_worth", "value"].iloc[0]
    if MADRY not in curves:
        return {}
    wanted = share * curves[MADRY]["value"].iloc[-1]
    first = {defense: curve.loc[curve["value"] >= wanted, "steps"].min() for defense, curve in curves.items()}
    return {defense: worth[defense] * (np.inf if pd.isna(epoch) else epoch) for defense, epoch in first.items()}
