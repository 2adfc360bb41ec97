"""The tables of `convex` beyond those that every exhibit has."""

from __future__ import annotations

import pandas as pd

from inputgrad.record import results
from inputgrad.record.run import Run
from inputgrad.report import cells
from inputgrad.report.markup import Table, between, number
from inputgrad.study import EXHIBITS
from inputgrad.study.convex import IN_RANGE
from inputgrad.study.convex import least as least_of

from .common import described, main_reading, side_by_side

MEASURES = {
    "test_error": ("test error, %", 1),
    "rho1_hat": ("ρ₁", 4),
    "rho2_hat": ("ρ₂", 4),
    "eps_fooled_99": ("eps, 99 % fooled", 4),
}


def measures(run: Run) -> Table:
    """Table I: each measure of each network beside the paper's, with its interval."""
    reading = main_reading(results.table(run.shown))
    shown = side_by_side(run, reading)
    rows = []
    for cell in shown[shown["metric"].isin(MEASURES) & shown["reading"].isin([reading, "default"])].to_dict("records"):
        name, places = MEASURES[cell["metric"]]
        rows.append(
            {
                "data set": cell["dataset"], "network": cell["model"], "measure": name,
                "paper": number(cell["value"], places), "ours": number(cell["ours"], places),
                "95 % interval": f"{number(cell['low'], places)} to {number(cell['high'], places)}",
                "difference": number(cell["difference"], places), "verdict": cell["word"],
            }
        )  # fmt: skip
    said = "" if reading == "default" else f" in the reading {reading}"
    return Table(pd.DataFrame(rows), f"Table I{said}; {described(shown.dropna(subset=['ours']))}")


def units(run: Run) -> Table:
    """The mean DeepFool perturbation in the paper's unit and in the unit of the other two measures."""
    table = cells.of_run(run)
    rows = []
    for (dataset, model), group in table.groupby(["dataset", "model"], sort=False):
        value = {(c.metric, c.reading): c.value for c in group.itertuples()}
        first = main_reading(group)
        rho1, rho2 = (value.get((m, first), float("nan")) for m in ("rho1_hat", "rho2_hat"))
        ranged = group["metric"].eq("rho1_hat") & group["variant"].eq(IN_RANGE)
        in_range = next(iter(group.loc[ranged, "value"]), float("nan"))
        rows.append(
            {
                "data set": dataset, "network": model, "ρ₁": number(rho1, 4),
                "ρ₁ in units of the range": number(in_range, 4), "ρ₂": number(rho2, 4),
                "ρ₁ / ρ₂": number(rho1 / rho2, 2), "in the same unit": number(in_range / rho2, 2),
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), "How much of the gap between the first two measures is the unit")


def over_eps(run: Run, least: bool = False) -> Table:
    """The curves as numbers: one row a network and eps, one column a method, in percent.

    Args:
        run: what ``inputgrad.run`` gave.
        least: an image counts from the smallest eps that fools it, for one-step methods as for DeepFool.
    """
    table = cells.of_run(run)
    table = table[(table["metric"] == "fooling_ratio") & (table["attack"] != "none")]
    reading = main_reading(table)
    if least:
        reading = least_of(reading)
    table = table[table["reading"] == reading].assign(size=lambda t: t["eps"].map(cells.eps_number))
    methods = list(dict.fromkeys(table["attack"]))
    rows = []
    for (dataset, model, _, eps), group in table.groupby(["dataset", "model", "size", "eps"], sort=False):
        value = group.set_index("attack")["value"]
        rows.append(
            {"data set": dataset, "network": model, "eps": eps}
            | {m: number(value.get(m, float("nan"))) for m in methods}
        )
    return Table(pd.DataFrame(rows), f"Fooled, percent of the images classified correctly; {described(table)}")


def propositions(run: Run) -> Table:
    """Fooled images at multiples of each image's smallest feasible eps, for every exponent of the ball."""
    table = cells.of_run(run)
    at = table[table["metric"] == "fooled_at_multiple"]
    place = ["dataset", "model", "reading"]
    optimal = table[table["metric"] == "optimal"].set_index(place)["value"]
    rows = []
    for (dataset, model, reading), group in at.groupby(place, sort=False):
        row = {
            "data set": dataset, "network": model, "ball": reading,
            "closed form optimal, %": number(optimal.get((dataset, model, reading))),
        }  # fmt: skip
        rows.append(row | {f"fooled at: {c.parameter} ×": number(c.value) for c in group.itertuples()})
    caption = f"Algorithm 1 at multiples of the eps of Proposition 1, percent fooled; {described(at)}"
    return Table(pd.DataFrame(rows), caption)


def scores(run: Run) -> Table:
    """What the measures and Algorithm 2 become when margins are taken of softmax scores instead of logits."""
    table = cells.of_run(run)
    rows = []
    for (dataset, model), group in table.groupby(["dataset", "model"], sort=False):
        for reading, name in (("default", "logits"), ("scores=softmax", "softmax")):
            value = {(c.attack, c.metric): c.value for c in group[group["reading"] == reading].itertuples()}
            rows.append(
                {
                    "data set": dataset,
                    "network": model,
                    "margins of": name,
                    "Algorithm 2 is FastGrad, % of images": number(value.get(("Algorithm 2", "same_as_fastgrad"))),
                    "ρ₁": f"{value.get(('DeepFool', 'rho1_hat'), float('nan')):.3g}",
                    "ρ₂": f"{value.get(('none', 'rho2_hat'), float('nan')):.3g}",
                }
            )
    return Table(pd.DataFrame(rows), "Logits or softmax: what the framework says of each, in float64")


def targeted(run: Run) -> Table:
    """How many images Algorithm 1-10 takes to the next class, over eps."""
    table = cells.of_run(run)
    table = table[table["metric"] == "reached_target"]
    rows = [
        {"data set": c.dataset, "network": c.model, "eps": c.eps, "at the target, %": number(c.value),
         "95 % interval": between(c)}
        for c in table.itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), f"Algorithm 1-10 with a target; {described(table)}")


def scales(run: Run) -> Table:
    """Every loss at one eps over the scale of the logits, and where one minus the probability rounds to zero."""
    table = cells.of_run(run)
    place = ["dataset", "model", "parameter"]
    single, double = (table[table["metric"] == m].set_index(place)["value"] for m in ("saturated", "saturated_float64"))
    fooled = table[table["metric"] == "fooling_ratio"]
    compared = set(fooled.loc[fooled["reading"] != "default", "eps"]) or set(fooled["eps"])
    rows = []
    for (dataset, model, eps, factor), group in fooled[fooled["eps"].isin(compared)].groupby(
        ["dataset", "model", "eps", "parameter"], sort=False
    ):
        row = {
            "data set": dataset, "network": model, "eps": eps, "logits times": factor,
            "p rounds to 1, %: float32": number(single.get((dataset, model, factor))),
            "p rounds to 1, %: float64": number(double.get((dataset, model, factor))),
        }  # fmt: skip
        rows.append(row | {c.attack: number(c.value) for c in group.itertuples()})
    rows.sort(key=lambda r: (r["data set"], r["network"], cells.eps_number(r["logits times"])))
    return Table(pd.DataFrame(rows), f"The same decisions, sharper and softer probabilities; {described(fooled)}")


def leads(run: Run) -> Table:
    """How many more images one method fools than another, of the same ones, at every eps and on average over them."""
    table = cells.of_run(run)
    table = table[table["variant"] != ""]
    rows = []
    for (dataset, model, attack, other, eps), group in table.groupby(
        ["dataset", "model", "attack", "variant", "eps"], sort=False
    ):
        cell = {c.metric: c for c in group.itertuples()}
        lead = cell["lead"] if eps else cell["mean_lead"]
        rows.append(
            {
                "data set": dataset, "network": model, "one": attack, "other": other,
                "eps": eps or "all",
                "only the one, %": number(cell["only_first"].value) if eps else "–",
                "only the other, %": number(cell["only_second"].value) if eps else "–",
                "lead, points": number(lead.value, 2),
                "95 % interval": f"{number(lead.low, 2)} to {number(lead.high, 2)}",
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), f"Who fools more of the same images; {described(table)}")


def recipes(run: Run) -> Table:
    """The measures of Table I for one network, one row a way to train it."""
    table = cells.of_run(run)
    rows = []
    for (dataset, model, way), group in table.groupby(["dataset", "model", "variant"], sort=False):
        value = group.set_index("metric")["value"]
        rows.append(
            {"data set": dataset, "network": model, "way": way}
            | {name: number(value.get(metric, float("nan")), places) for metric, (name, places) in MEASURES.items()}
            | {"p rounds to 1, %": number(value["saturated"])}
        )
    return Table(pd.DataFrame(rows), f"One network, trained in several ways; {described(table)}")


def authors(run: Run) -> Table:
    """The network that the paper attacked under our attacks, beside the paper's own numbers of it and our LeNet-5."""
    mine = cells.of_run(run)
    mine = mine[(mine["reading"] == "default") & (mine["dataset"] == "MNIST")]
    printed = cells.of_paper("convex")
    printed = printed[(printed["model"] == "LeNet-5") & printed["metric"].isin(EXHIBITS[run.exhibit].metrics)]
    theirs = cells.compare(printed, mine[mine["model"] == "LeNet-5 (authors)"].assign(model="LeNet-5"))
    ours = cells.compare(printed, mine[mine["model"] == "LeNet-5"])["ours"]
    places = [1 if unit == "percent" else 4 for unit in printed["unit"]]
    rows = [
        {
            "measure": c.metric.replace("_", " "), "attack": c.attack, "eps": c.eps, "paper": number(c.value, n),
            "the authors' network here": number(c.ours, n), "difference": number(c.difference, n), "verdict": c.word,
            "our LeNet-5": number(own, n),
        }
        for c, own, n in zip(theirs.itertuples(), ours, places, strict=True)
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), f"LeNet-5 on MNIST; {described(theirs.dropna(subset=['ours']))}")


OUTPUTS = [f"{measure}_median" for measure in ("output_error", "output_change", "linear_change", "share_of_bound")]


def outputs(run: Run) -> Table:
    """Sec. III: how far each ball's optimum moves the output, to first order and in fact."""
    table = cells.of_run(run)
    table = table[table["metric"].isin(OUTPUTS)]
    bound = table[table["metric"] == "share_of_bound_median"].set_index(["model", "attack"])["value"]
    clean = table[(table["attack"] == "none") & (table["metric"] == "output_error_median")].set_index("model")["value"]
    rows = []
    for (model, attack, eps), group in table[~table["attack"].isin(["none"]) & (table["eps"] != "")].groupby(
        ["model", "attack", "eps"], sort=False
    ):
        value = group.set_index("metric")["value"]
        change, linear = (value.get(f"{m}_median", float("nan")) for m in ("output_change", "linear_change"))
        rows.append(
            {
                "network": model, "method": attack, "l2 of the step": eps, "moves the output by": number(change, 3),
                "first order says": number(linear, 3),
                "error before": number(clean.get(model), 3), "error after": number(value.get("output_error_median"), 3),
                "of the optimum or its bound": number(bound.get((model, attack), float("nan")), 3),
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), f"Medians over the images; {described(table)}")
