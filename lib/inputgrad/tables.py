"""Tables for pages: ours beside theirs, claims with verdicts, costs. Needs no torch."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from . import claims, results
from .study import EXHIBITS, STUDY
from .study.schema import PROFILES

READINGS = {
    "default": "ours",
    "attack_loss=nll_logits": "ours, −z_y",
    "fgm_reduction=mean32": "ours, mean of 32",
}  # fmt: skip
"""How the readings shown side by side are headed."""


@dataclass(frozen=True)
class Table:
    """A data frame of finished text, with a caption; shows itself as HTML in a notebook and as Markdown in a chapter."""

    frame: pd.DataFrame
    caption: str = ""

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(str(c))}</th>" for c in self.frame.columns)
        body = "".join(
            "<tr>" + "".join(f"<td{shade(v)}>{html.escape(str(v))}</td>" for v in row) + "</tr>"
            for row in self.frame.itertuples(index=False)
        )
        return (
            f'<div class="scroll"><table class="sortable"><caption>{html.escape(self.caption)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        )

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def markdown(self, name: str = "") -> str:
        """A MyST ``{table}`` directive, sortable in the book; a plain pipe table where it has no caption."""
        columns = [str(c) for c in self.frame.columns]
        lines = ["| " + " | ".join(columns) + " |", "|" + ":--|" * len(columns)]
        for row in self.frame.itertuples(index=False):
            lines.append("| " + " | ".join(str(v).replace("|", "\\|").replace("\n", " ") for v in row) + " |")
        if not self.caption:
            return "\n".join(lines) + "\n"
        label = f":name: {name}\n" if name else ""
        return f"```{{table}} {self.caption}\n{label}:class: sortable\n\n" + "\n".join(lines) + "\n```\n"


@dataclass(frozen=True)
class Stack:
    """Several tables, one below the other."""

    tables: Sequence[Table]

    def _repr_html_(self) -> str:
        return "\n".join(t._repr_html_() for t in self.tables)


def shade(value: object) -> str:
    """The class that colours a verdict; the word itself says it too."""
    known = (*claims.CELL_WORDS, *claims.CLAIM_WORDS)
    return f' class="v-{str(value).replace(" ", "-")}"' if value in known else ""


def as_text(frame: pd.DataFrame) -> str:
    """A data frame for the terminal."""
    return frame.to_string(index=False)


def number(value: float, places: int = 1) -> str:
    """``value`` rounded, with a true minus sign; an en dash where there is none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{places}f}".replace("-", "−")


def measured(cell: pd.Series) -> str:
    """A mean with its spread over seeds, or one value alone."""
    if np.isnan(cell["ours"]):
        return "–"
    return number(cell["ours"]) + (f" ± {cell['spread']:.1f}" if cell["seeds"] > 1 else "")


# Ours beside theirs


def side_by_side(run, reading: str = "default") -> pd.DataFrame:
    """The paper's cells of an exhibit with ours; in a run with other parameters, only the cells that were run."""
    exhibit = EXHIBITS[run.exhibit]
    ours = claims.cells(results.table(run.shown))
    paper = claims.paper_cells(run.exhibit.split("/")[0])
    paper = paper[paper["table"].isin(exhibit.tables) & paper["metric"].isin(exhibit.metrics)]
    if not run.own and run.profile != "smoke" or run.shown is not run.results:
        return claims.compare(paper, ours, reading)
    mine = ours[ours["metric"].isin(exhibit.metrics) & (ours["reading"] == reading)].reset_index(drop=True)
    theirs = {claims.identity_of(row): row["value"] for row in paper.to_dict("records")}
    values = [theirs.get(claims.identity_of(row), float("nan")) for row in mine.to_dict("records")]
    mine = mine.rename(columns={"value": "ours"}).assign(value=values)
    words = [
        "–" if np.isnan(c.value) or c.profile == "smoke" else claims.cell_word(c.value, c.ours, c.low, c.high)
        for c in mine.itertuples()
    ]
    return mine.assign(difference=mine["ours"] - mine["value"], word=words)


def beside(run, readings: Sequence[str] = ("default",)) -> Stack:
    """The paper's tables with ours beside each number: one table a network, one row a data set and eps.

    Args:
        run: what ``inputgrad.run`` gave.
        readings: shown side by side; verdict and difference belong to the first that was run.
    """
    there = {r for result in run.shown for r in result.rows["reading"]}
    asked = [r for r in readings if r in there] or sorted(there)[:1]
    first = side_by_side(run, asked[0])
    others = {r: side_by_side(run, r) for r in asked[1:]}
    return Stack([of_model(first, others, model) for model in dict.fromkeys(first["model"])])


def of_model(first: pd.DataFrame, others: dict[str, pd.DataFrame], model: str) -> Table:
    """The table of one network."""
    cells = first[(first["model"] == model) & (first["attack"] != "none")]
    natural = first[(first["model"] == model) & (first["attack"] == "none")]
    rows = []
    for (dataset, eps), group in pd.concat([natural, cells]).groupby(["dataset", "eps"], sort=False):
        row = {"data set": dataset, "eps": eps or "not stated"}
        for attack in dict.fromkeys(cells["attack"]):
            found = group[group["attack"].isin([attack, "none"])]
            if found.empty:
                row |= {f"{attack}: paper": "–", "ours": "–"}
                continue
            cell = found.iloc[0]
            row |= {f"{attack}: paper": number(cell["value"], 2), f"{attack}: ours": measured(cell)}
            for reading, frame in others.items():
                other = frame[(frame["model"] == model) & (frame["dataset"] == dataset) & (frame["eps"] == eps)]
                other = other[other["attack"] == cell["attack"]]
                if len(frame[frame["attack"] == attack].dropna(subset=["ours"])):
                    shown = measured(other.iloc[0]) if len(other) else "–"
                    row[f"{attack}: {READINGS.get(reading, reading)}"] = shown
            row |= {f"{attack}: diff.": number(cell["difference"]), f"{attack}: verdict": cell["word"]}
        rows.append(row)
    frame = pd.DataFrame(rows).fillna("–")
    order = {d: i for i, d in enumerate(dict.fromkeys(frame["data set"]))} if len(frame) else {}
    if len(frame):
        keys = [(order[d], claims.eps_number("" if e == "not stated" else e)) for d, e in zip(frame["data set"], frame["eps"], strict=True)]
        frame = frame.iloc[sorted(range(len(frame)), key=lambda i: keys[i])]
    return Table(frame, f"{model}: {provenance_line(first[first['model'] == model])}")


def provenance_line(cells: pd.DataFrame) -> str:
    """Metric, unit, profile, seeds and images behind a table, in one line."""
    ran = cells.dropna(subset=["ours"])
    metric = " and ".join(dict.fromkeys(cells["metric"].str.replace("_", " ")))
    if ran.empty:
        return f"{metric} in percent; not run yet"
    seeds, images = (f"{int(ran[c].min())}" if ran[c].min() == ran[c].max() else f"{int(ran[c].min())} to {int(ran[c].max())}" for c in ("seeds", "images"))
    profiles = " and ".join(sorted(set(ran["profile"]), key=PROFILES.index))
    return f"{metric} in percent; ours at the {profiles} profile, {seeds} seed(s), {images} test images"


def own(run) -> Table:
    """What this very execution measured, whatever is shown above: natural values and the largest eps."""
    cells = claims.cells(results.table(run.results))
    cells = cells[(cells["reading"] == "default") & cells["metric"].isin(["accuracy", "error", "fooled"])]
    rows = [
        {"data set": c.dataset, "network": c.model, "attack": c.attack, "eps": c.eps, "metric": c.metric,
         "percent": number(c.value), "95 % interval": f"{number(c.low)} to {number(c.high)}", "images": c.images}
        for c in cells.itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), f"What this execution computed itself, at the {run.profile} profile")


# Equal success


def equal_success(run, target: float = 50.0) -> Table:
    """For each method, the budget at which half of the images right before are fooled, and how visible that is.

    Between two budgets of the grid the values are interpolated, linearly in the logarithm of the budget.
    """
    cells = claims.cells(results.table(run.shown))
    rows = []
    for (dataset, model, attack), group in cells[cells["attack"] != "none"].groupby(["dataset", "model", "attack"], sort=False):
        wide = group.assign(budget=group["eps"].map(claims.eps_number)).pivot_table(index="budget", columns="metric", values="value")
        fooled = np.maximum.accumulate(wide["fooled"].to_numpy())
        row = {"data set": dataset, "network": model, "method": attack}
        if fooled[-1] < target:
            rows.append({**row, "budget (l2)": f"> {wide.index[-1]:g}", "l2": "–", "l∞": "–", "PSNR, dB": "–", "SSIM": "–",
                         "fooled at most, %": number(fooled[-1])})  # fmt: skip
            continue
        log_budget = float(np.interp(target, fooled, np.log(wide.index)))
        at = {m: float(np.interp(log_budget, np.log(wide.index), wide[m])) for m in ("l2_median", "linf_median", "psnr_median", "ssim_median")}
        rows.append({**row, "budget (l2)": number(np.exp(log_budget), 2), "l2": number(at["l2_median"], 2), "l∞": number(at["linf_median"], 3),
                     "PSNR, dB": number(at["psnr_median"]), "SSIM": number(at["ssim_median"], 3), "fooled at most, %": number(fooled[-1])})  # fmt: skip
    return Table(pd.DataFrame(rows), "The step at which half of the correctly classified images are fooled; medians over the images")


def readings(run, metric: str = "error") -> Table:
    """Every reading of an exhibit at every eps it was run at: what an alternative would have made of the table."""
    cells = claims.cells(results.table(run.shown))
    cells = cells[cells["metric"].isin([metric, "reached_target"]) & (cells["attack"] != "none")]
    few = set(cells.loc[cells["reading"] != "default", "eps"])
    rows = [
        {"data set": c.dataset, "network": c.model, "attack": c.attack, "eps": c.eps, "reading": c.reading,
         "metric": c.metric.replace("_", " "), "percent": number(c.value), "95 % interval": f"{number(c.low)} to {number(c.high)}"}
        for c in cells[cells["eps"].isin(few)].itertuples()
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), "The readings side by side, in percent")


# Claims, cost, scoreboard


def verdict_table(key: str, chosen: Callable[[claims.Verdict], bool] = lambda verdict: True) -> Table:
    """The claims of a paper with their verdicts, and where the paper's own numbers do not bear the claim out."""
    rows = []
    for v in claims.verdicts(key):
        if chosen(v):
            own_numbers = {True: "yes", False: "no: the paper's slip", None: "–"}[v.paper]
            rows.append(
                {"claim": v.claim.id, "where": v.claim.source, "what the paper says": v.claim.text, "verdict": v.word,
                 "profile": v.profile or "–", "holds on its own numbers": own_numbers, "remark": v.reason or v.claim.note}
            )  # fmt: skip
    return Table(pd.DataFrame(rows), f"The claims of {STUDY[key].authors}, each decided by code")


def verdicts(run) -> Table:
    """The claims that this exhibit's recorded rows decide, or would decide."""
    exhibit = EXHIBITS[run.exhibit]

    def mine(verdict: claims.Verdict) -> bool:
        metrics = {m for s in verdict.claim.vars.values() for m in [s.get("metric")]}
        return bool(metrics & {*exhibit.metrics, *EXTRA_METRICS.get(run.exhibit, ())})

    return verdict_table(run.exhibit.split("/")[0], mine)


EXTRA_METRICS = {"sign/adversarial": ("l2_median",), "sign/cooperative": ("reached_target",)}
"""Metrics beyond the paper's tables that claims of an exhibit read."""


def cost(run) -> Table:
    """What each shown trial cost, and on what machine it ran."""
    rows = []
    for result in run.shown:
        p = result.provenance
        d = p["declaration"]
        rows.append(
            {"trial": result.path.stem, "profile": d["profile"], "training, s": p["seconds"]["training"],
             "measuring, s": p["seconds"]["measure"], "peak memory, MiB": p["peak_memory_mib"],
             "parameters": f"{p['network_parameters']:,}", "device": p["name"], "torch": p["versions"]["torch"],
             "commit": p["commit"] + (" (modified)" if p["modified"] else ""), "date": p["date"]}
        )  # fmt: skip
    return Table(pd.DataFrame(rows), "Where the numbers come from, and what they cost")


def scoreboard() -> Table:
    """The scoreboard over all papers."""
    board = claims.scoreboard()
    total = board.drop(columns=["paper", "profile"]).sum()
    rows = [
        {"paper": r["paper"], "claims": r["claims"], **{w: r[w] for w in claims.CLAIM_WORDS},
         "table cells": r["cells"], **{w: r[f"{w} cells"] for w in ("close", "near", "apart")}, "cells not run": r["not run cells"],
         "profile": r["profile"]}
        for r in [*board.to_dict("records"), {"paper": "all", "profile": "", **total}]
    ]  # fmt: skip
    return Table(pd.DataFrame(rows), "What reproduced, counted from the recorded results")


def paper_tables(key: str) -> list[Table]:
    """The paper's own tables as transcribed, without the columns that say nothing."""
    cells = claims.paper_cells(key)
    out = []
    for name, group in cells.groupby("table", sort=False):
        shown = group[["dataset", "model", "defense", "attack", "eps", "steps", "metric", "raw", "note"]]
        keep = [c for c in shown.columns if c in ("raw",) or len(set(shown[c])) > 1]
        caption = "Numbers that are only in the text" if name == "prose" else f"Table {name} of the paper"
        fixed = ", ".join(f"{c} {shown[c].iloc[0]}" for c in shown.columns if c not in keep and shown[c].iloc[0] not in ("", "none"))
        out.append(Table(shown[keep].rename(columns={"raw": "printed"}), caption + (f" ({fixed})" if fixed else "")))
    return out
