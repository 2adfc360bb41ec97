"""The tables of `selfgrad` beyond those that every exhibit has."""

from __future__ import annotations

import pandas as pd

from .. import cells, results
from ..markup import Stack, Table, number
from ..theorem import THRESHOLD, fixed_point, iterated_quadratic
from .common import described, main_reading, side_by_side

QUOTED = "Bilateral"
"""The defence of another paper: its numbers are quoted from `selfgrad`, never measured."""


def ours(run) -> pd.DataFrame:
    """What a run shows, joined over seeds, with the reading of its block named in no row."""
    return cells.join_seeds(results.table(run.shown))


def stands_for(run) -> str:
    """Which network ours is, as a clause."""
    names = sorted({result.provenance["declaration"]["model"] for result in run.shown})
    return f"our network is {' and '.join(names)}"


def defences(run) -> Stack:
    """Tables 2 to 4: one table a data set, one row an attack, the paper's number and ours for each defence."""
    shown = side_by_side(run, main_reading(results.table(run.shown)))
    own = ours(run)
    rest = own[own["table"].eq("own") & own["metric"].eq("accuracy")].rename(columns={"value": "ours"})
    shown = pd.concat([shown[~shown["table"].eq("5")], rest[~rest["defense"].isin(set(shown["defense"]))]])
    shown = shown[~shown["defense"].str.contains("inference")]
    return Stack([of_dataset(group, name, run) for name, group in shown.groupby("dataset", sort=False)])


def of_dataset(shown: pd.DataFrame, dataset: str, run) -> Table:
    """The table of one data set."""
    rows: dict[tuple, dict] = {}
    for c in shown.to_dict("records"):
        attack = "clean" if c["attack"] == "none" else c["attack"]
        steps = "" if attack in ("clean", "FGSM") else f"-{c['steps']}"
        row = rows.setdefault((attack, int(c["steps"])), {"attack": f"{attack}{steps}"})
        if c["defense"] == QUOTED:
            row[f"{QUOTED}, quoted: paper"] = number(c["value"], 2)
            continue
        row |= {
            f"{c['defense']}: paper": number(c.get("value"), 2), f"{c['defense']}: ours": number(c["ours"]),
            f"{c['defense']}: verdict": c.get("word", "–"),
        }  # fmt: skip
    order = {name: i for i, name in enumerate(("clean", "FGSM", "PGD", "CW"))}
    frame = pd.DataFrame([rows[key] for key in sorted(rows, key=lambda key: (order[key[0]], key[1]))]).fillna("–")
    grouped = sorted(frame.columns, key=lambda c: list(dict.fromkeys(x.split(":")[0] for x in frame.columns)).index(
        c.split(":")[0]))  # fmt: skip
    frame = frame[[c for c in grouped if not (c.endswith(("paper", "verdict")) and frame[c].eq("–").all())]]
    return Table(
        frame, f"{dataset}: accuracy in percent; {described(shown.dropna(subset=['ours']))}; {stands_for(run)}"
    )


def switched(run) -> Table:
    """Table 5: the block switched on and off at inference."""
    mine = ours(run)
    mine = mine[mine["defense"].str.endswith("at inference") & mine["metric"].eq("accuracy")]
    paper = cells.of_paper("selfgrad")
    paper = paper[paper["table"] == "5"]
    rows = []
    for (dataset, defense), group in mine.groupby(["dataset", "defense"], sort=False):
        row = {"data set": dataset, "row": defense}
        for attack, name in (("none", "clean"), ("PGD", "PGD-10")):
            printed = paper[
                (paper["dataset"] == dataset) & (paper["defense"] == defense) & (paper["attack"] == attack)
            ]["value"]  # fmt: skip
            value = group[group["attack"] == attack]["value"]
            row |= {f"{name}: paper": number(printed.mean(), 2), f"{name}: ours": number(value.mean(), 2)}
        rows.append(row)
    return Table(pd.DataFrame(rows), f"Accuracy in percent; {described(mine)}; {stands_for(run)}")


def oracle(run) -> Table:
    """Table 1, and what the network that is told a gradient does with that of a false label."""
    paper = cells.of_paper("selfgrad")
    paper, rows = paper[paper["table"] == "1"], []
    for defense, group in ours(run).groupby("defense", sort=False):
        value = {(c.attack, c.metric): c.value for c in group.itertuples()}
        printed = {c.attack: c.value for c in paper[paper["defense"] == defense].itertuples()}
        rows.append(
            {
                "training": defense.replace("_", " "),
                "clean: paper": number(printed.get("none")), "clean: ours": number(value.get(("none", "accuracy"))),
                "PGD-10: paper": number(printed.get("PGD")), "PGD-10: ours": number(value.get(("PGD", "accuracy"))),
                "told a false label: says that label": number(value.get(("false label", "follows"))),
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), f"CIFAR-10, percent; {described(ours(run))}; {stands_for(run)}")


def theorem(steps: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 10, 50)) -> Table:
    """The iterates of f(x) = x^2 / 2 at x = 1, for eps on both sides of 1/4, computed here."""
    rows = []
    for eps in (0.1, 0.2, THRESHOLD, 0.3, 0.5, 0.9):
        values = iterated_quadratic(eps, max(steps))
        limit = fixed_point(eps)
        row = {"eps": f"{eps:g}"}
        row |= {f"fⁿ(1): n = {n}": f"{values[n]:.4g}" for n in steps}
        rows.append(row | {"limit": "none" if limit != limit else f"{limit:.4g}"})
    return Table(pd.DataFrame(rows), "Theorem 1 promises convergence for every eps in [0, 1): f(x) = x²/2 from 1/4 on")


def convergence(run) -> Table:
    """Figure 2's numbers: how far the self gradient moves from one iteration to the next."""
    mine = ours(run)
    mine = mine[mine["metric"] == "change_l2_mean"]
    last = sorted(set(mine["steps"]))
    chosen = [k for k in (0, 1, 2, 3, 5, 10) if k in last]
    rows = [
        {"network and move": attack, **{("length of g" if k == 0 else f"change: {k}"): f"{at[k]:.3g}" for k in chosen}}
        for attack, group in mine.groupby("attack", sort=False)
        for at in [dict(zip(group["steps"], group["value"], strict=True))]
    ]
    return Table(pd.DataFrame(rows), f"Mean l2 length over images; {described(mine)}; {stands_for(run)}")


# The audit

BLACK_BOX = ("Square", "transfer")


def audit(run) -> Table:
    """Every attack on every defence, and the worst case over all attacks on each image."""
    mine = accuracies(run)
    mine = mine[~mine["defense"].str.contains(", block") & mine["attack"].ne("PGD over eps")]
    rows: dict[tuple, dict] = {}
    for c in mine.itertuples():
        steps = f"-{c.steps}" if c.attack in ("PGD", "CW", "APGD") else ""
        name = "clean" if c.attack == "none" else f"{c.attack}{steps}"
        rows.setdefault((c.attack, c.steps), {"attack": name})[c.defense] = number(c.value)
    last = [key for key in rows if key[0] == "worst of all"]
    ordered = [rows[key] for key in rows if key not in last] + [rows[key] for key in last]
    caption = f"Accuracy in percent at the radius of the page; {described(mine)}; {stands_for(run)}"
    return Table(pd.DataFrame(ordered).fillna("–"), caption)


def accuracies(run) -> pd.DataFrame:
    """The accuracies that a run of the audit shows."""
    mine = ours(run)
    return mine[mine["metric"] == "accuracy"]


def controls(run) -> Table:
    """Each network, and the self-gradient one with something else in the block's place."""
    rows = []
    for defense, group in accuracies(run).groupby("defense", sort=False):
        value = {(c.attack, int(c.steps)): c.value for c in group.itertuples()}
        rows.append({"network": defense, "clean": number(value.get(("none", 0))),
                     "PGD-20": number(value.get(("PGD", 20)))})  # fmt: skip
    inside = {c.metric: c.value for c in ours(run).itertuples() if c.attack == "none" and c.metric != "accuracy"}
    said = ""
    if "block_rms_median" in inside:
        said = (
            f"; the block adds {inside['block_rms_median'] * 255:.3f}/255 (root mean square, median image), the "
            f"gradient it reads has a largest value of {inside['gradient_linf_median']:.3f}, its cosine to the loss's "
            f"gradient is {inside['cosine_mean']:.2f} in absolute value, and "
            f"{100 * inside['second_order_share_mean']:.2g} % of the attack's gradient comes through it"
        )
    return Table(pd.DataFrame(rows), f"Accuracy in percent{said}")


def signs(run, defense: str = "Self gradient") -> list[dict]:
    """The signs of a masked gradient (Athalye et al. 2018; Carlini et al. 2019, Sec. 5), each from measurements."""
    mine = accuracies(run)
    mine = mine[mine["defense"] == defense]
    at = {(c.attack, int(c.steps)): c for c in mine.itertuples() if c.attack != "PGD over eps"}
    value = {key: c.value for key, c in at.items()}
    radii = {cells.eps_number(c.eps): c.value for c in mine.itertuples() if c.attack == "PGD over eps"}
    falls = [c.value for c in ours(run).itertuples() if c.defense == defense and c.metric == "loss_falls_along"]
    pgd, longest = value.get(("PGD", 20)), value.get(("PGD", 100))
    if pgd is None:
        return []
    slack = 100 / at["PGD", 20].images  # one image
    black = {key[0]: v for key, v in value.items() if key[0].startswith(BLACK_BOX)}
    best = min(black, key=black.get)
    adaptive = {key[0]: v for key, v in value.items() if key[0] in ("PGD, smoothed", "PGD, block held constant",
                                                                    "transfer from the block off")}  # fmt: skip
    strong = [v for key, v in value.items() if key[0] in ("PGD, restarts", "APGD, then targeted")]
    questions = [
        ("Do iterated attacks beat one step?", value["FGSM", 1] >= pgd - slack,
         f"FGSM {number(value['FGSM', 1])}, PGD-20 {number(pgd)}"),
        ("Do black-box attacks stay behind white-box ones?", black[best] >= pgd - slack,
         f"the best, {best}: {number(black[best])}; PGD-20 {number(pgd)}"),
        ("Does a large enough radius bring accuracy to zero?", min(radii.values(), default=0.0) <= slack,
         f"{number(radii[max(radii)])} at {255 * max(radii):.0f}/255" if radii else "not run"),
        ("Does accuracy fall with the radius?", falling(radii, slack), "at each radius in turn"),
        ("Is more of the same attack no longer better?", pgd - longest <= CONVERGED,
         f"PGD-20 {number(pgd)}, PGD-100 {number(longest)}"),
        ("Does random noise do less than the gradient?", value["random sign", 1] > pgd,
         f"random signs {number(value['random sign', 1])}"),
        ("Do attacks made for the defence gain nothing on PGD?", min(adaptive.values(), default=pgd) >= pgd - slack,
         "; ".join(f"{name} {number(v)}" for name, v in adaptive.items()) or "none applies"),
        ("Is the loss rising along FGSM's direction?", not falls or falls[0] <= 10,
         f"it falls somewhere for {number(falls[0])} % of images" if falls else "not run"),
        ("Do restarts and AutoAttack's gradient attacks find little more?", min(strong) >= longest - CONVERGED,
         f"lowest {number(min(strong))}, PGD-100 {number(longest)}"),
    ]  # fmt: skip
    return [{"question": q, "as it should be": bool(fine), "measured": said} for q, fine, said in questions]


CONVERGED = 5.0
"""Percentage points by which a longer or a varied gradient attack may still be better."""


def falling(radii: dict[float, float], slack: float) -> bool:
    """Does accuracy never rise with the radius, up to ``slack``?"""
    values = [radii[r] for r in sorted(radii)]
    return all(b <= a + slack for a, b in zip(values, values[1:], strict=False))


def checklist(run) -> Table:
    """The signs of gradient masking, line by line for each defence, and the verdict on the last."""
    names = [name for name in dict.fromkeys(accuracies(run)["defense"]) if ", block" not in name]
    answers = {name: signs(run, name) for name in names}
    rows = [
        {
            "question": row["question"],
            **{f"as it should be: {name}": "yes" if answers[name][i]["as it should be"] else "no" for name in names},
            f"measured on: {names[-1]}": row["measured"],
        }
        for i, row in enumerate(answers[names[-1]])
    ]
    return Table(pd.DataFrame(rows), verdict(run))


def verdict(run) -> str:
    """The audit's verdict on the self-gradient network, in one sentence a reader can quote."""
    shown = signs(run)
    if not shown:
        return "not audited: the self-gradient network was not run"
    worst = {c.defense: c.value for c in accuracies(run).itertuples() if c.attack == "worst of all"}
    bad = [row["question"] for row in shown if not row["as it should be"]]
    masked = "no sign of a masked gradient" if not bad else f"{len(bad)} of {len(shown)} checks failed"
    beside = "; ".join(f"{name} {number(v)}" for name, v in worst.items())
    gain = ""
    if "FGSM training" in worst:
        gain = (
            f", {number(worst['Self gradient'] - worst['FGSM training'])} points from the same training without a block"
        )
    return f"{masked}; accuracy in the worst case over all attacks: {beside}{gain}"


# The cost of training


def costs(run) -> Table:
    """Passes, speed and time to a robust accuracy, for each way to train."""
    mine = ours(run)
    rows = []
    for defense, group in mine.groupby("defense", sort=False):
        value = {c.metric: c.value for c in group.itertuples() if c.steps == 0}
        ends = {c.metric: c.value for c in group.sort_values("steps").itertuples() if c.steps > 0}
        rows.append(
            {
                "training": defense,
                "passes a batch: forward": number(value.get("forward_passes"), 0),
                "passes a batch: backward": number(value.get("backward_passes"), 0),
                "images/s": number(value.get("images_per_second"), 0),
                "training, s": number(ends.get("seconds"), 0),
                "robust accuracy at the end": number(ends.get("robust_accuracy")),
                "times as fast as Madry to the target": number(value.get("speedup"), 2),
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), "One batch's passes through the network, and times as measured; 0: never there")
