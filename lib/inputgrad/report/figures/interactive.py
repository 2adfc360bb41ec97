"""The interactive form of a figure: its marks as a Vega-Lite chart, in which a reader chooses and hovers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd

from inputgrad.report import cells
from inputgrad.report.markup import between, number

CHOSEN: dict[str, dict[str, str]] = {
    "sign": {"dataset": "data set", "model": "network", "series": "attack"},
    "convex": {"dataset": "data set", "model": "network", "series": "attack"},
    "smooth": {"panel": "attack", "dataset": "data set", "model": "network"},
    "selfgrad": {"panel": "part", "model": "network", "x": "attack or block", "series": "defence or attack"},
    "butterfly": {"panel": "part", "dataset": "data set", "model": "network", "x": "method"},
    "synthesis": {"dataset": "data set", "model": "network", "x": "attack"},
}
"""The figures that have one; what a reader chooses by, and its name there. One value needs no choice."""

APART = {"sign": "model", "convex": "model", "smooth": "panel", "selfgrad": "panel", "butterfly": "panel",
         "synthesis": "dataset"}  # fmt: skip
"""Whose values have a chart each. The first of them is seen at first, of all else everything."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c", "#a6761d")
"""Okabe and Ito's, which can be told apart without colour vision, on a light ground and on a dark one."""


TOLD = ("who", "where", "ours", "95 % interval", "runs", "paper")
"""What is said of a mark."""

ALL = "all"
"""The choice of every value."""

MEASURED = {"filter": "isValid(datum.low)"}
FAINT, FAINT_BAND = ({"condition": {"param": "shown", "value": full}, "value": full / 10} for full in (1, 0.15))
"""How series look that a reader has not kept."""

Plain = dict[str, Any]
"""Plain data, as JSON has it."""


def chart(name: str, frame: pd.DataFrame) -> str:
    """The chart of a figure as HTML that ``charts.js`` draws when a reader opens it."""
    told = {"apart": APART.get(name), "choices": choices(name, frame), "spec": spec(frame, APART.get(name))}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<details class="chart" id="chart-{name}"><summary>Choose, and hover for value, interval and runs</summary>'
        f'<div></div><script type="application/json">{text}</script></details>\n'
    )


def spec(frame: pd.DataFrame, apart: str | None = None) -> Plain:
    """A Vega-Lite chart of a figure's marks: lines over numbers, points beside names.

    Axes and colours are those of all marks, so that they stay as they are whatever is chosen. Where there are several
    measures, ``usermeta`` has the axis of each, which ``charts.js`` gives to a chart of that measure alone.

    Args:
        frame: of :func:`inputgrad.report.figures.marks.tidy`, one row a mark.
        apart: the field whose values have a chart each.
    """
    numeric, marked = all(isinstance(x, float) for x in frame["x"]), records(frame)
    alone = {measure: of_value(part) for measure, part in frame.groupby(measures(frame), sort=False)}
    return {
        "width": "container",
        "height": 300 if numeric else {"step": 8, "for": "offset"},
        "data": {"values": marked},
        "usermeta": {measure: {key: axis[key] for key in ("title", "scale")} for measure, axis in alone.items()},
        "layer": (over_numbers if numeric else beside_names)(frame, colours(marked, apart)),
    }


def choices(name: str, frame: pd.DataFrame) -> list[Plain]:
    """What a reader chooses by: field, name, values, and which is chosen at first (``"all"`` or one of them)."""
    marked, found = records(frame), []
    for field, called in CHOSEN[name].items():
        values = list(dict.fromkeys(row[field] for row in marked))
        if len(values) > 1:
            first = values[0] if field == APART.get(name) else ALL
            found.append({"field": field, "name": called, "values": values, "first": first})
    return found


def colours(marked: Sequence[Plain], apart: str | None = None) -> dict[str, str]:
    """A colour for each series, no two alike in one chart as long as there are enough."""
    charts: dict[str, dict[str, None]] = {}
    for row in marked:
        charts.setdefault(row[apart] if apart else "", {})[row["series"]] = None
    found: dict[str, str] = {}
    for series in charts.values():
        taken = [found[name] for name in series if name in found]
        free = cycle([c for c in COLOURS if c not in taken] or COLOURS)
        found |= {name: next(free) for name in series if name not in found}
    return found


def over_numbers(frame: pd.DataFrame, coloured: Mapping[str, str]) -> list[Plain]:
    """A line a series through its marks, dashed where it is the paper's, and a band where there are intervals."""
    value, series = of_value(frame), of_series(coloured)
    x: Plain = {"field": "x", "type": "quantitative", "title": "eps", "scale": reach(frame["x"])}
    band = {"x": x, "y": value | {"field": "low"}, "y2": {"field": "high"}, **series, "opacity": FAINT_BAND}
    dash = whose(frame, [[1, 0], [5, 4]])
    return [
        {"transform": [MEASURED], "mark": "area", "encoding": band},
        {"mark": "line", "encoding": {"x": x, "y": value, **series, "opacity": FAINT, "strokeDash": dash}},
        points(frame, {"x": x, "y": value, **series}),
    ]


def beside_names(frame: pd.DataFrame, coloured: Mapping[str, str]) -> list[Plain]:
    """A point a mark in the row of its name, with its interval, a little lower for each series and run that has one."""
    value, series = of_value(frame), of_series(coloured)
    names = list(dict.fromkeys(frame["x"]))
    y: Plain = {"field": "x", "type": "nominal", "title": None, "sort": names, "axis": {"labelLimit": 130}}
    row = {"y": y, "yOffset": {"field": "line", "sort": None}, **series}
    ends = {"x": value | {"field": "low"}, "x2": {"field": "high"}, "opacity": FAINT}
    return [{"transform": [MEASURED], "mark": "rule", "encoding": row | ends}, points(frame, {"x": value, **row})]


def points(frame: pd.DataFrame, encoding: Plain) -> Plain:
    """The marks themselves, with what is said of each when a reader hovers; a click on the legend keeps one series."""
    return {
        "params": [{"name": "shown", "select": {"type": "point", "fields": ["series"]}, "bind": "legend"}],
        "mark": {"type": "point", "filled": True, "size": 55},
        "encoding": {**encoding, "opacity": FAINT, "shape": whose(frame, ["circle", "cross"]),
                     "tooltip": [{"field": field, "title": field} for field in TOLD]},
    }  # fmt: skip


def measures(frame: pd.DataFrame) -> pd.Series:
    """What is measured, and its unit: ``"accuracy, percent"``."""
    return (frame["metric"] + ", " + frame["unit"]).str.replace("_", " ")


def of_value(frame: pd.DataFrame) -> Plain:
    """The axis of the values of a frame."""
    return {"field": "value", "type": "quantitative", "title": " or ".join(dict.fromkeys(measures(frame))),
            "scale": reach(*(frame[c] for c in ("value", "low", "high")))}  # fmt: skip


def reach(*columns: pd.Series) -> Plain:
    """A scale that holds zero and every number."""
    numbers = [0.0, *(round(float(v), 4) for column in columns for v in column if not np.isnan(v))]
    return {"domain": [min(numbers), max(numbers)], "nice": True}


def of_series(coloured: Mapping[str, str]) -> Plain:
    """A colour for each series, several runs of which are several marks."""
    legend = {"orient": "bottom", "labelLimit": 260, "symbolOpacity": 1}
    colour = {"field": "series", "type": "nominal", "title": None, "sort": None, "legend": legend,
              "scale": {"domain": list(coloured), "range": list(coloured.values())}}  # fmt: skip
    return {"color": colour, "detail": {"field": "which"}}


def whose(frame: pd.DataFrame, looks: list[Any]) -> Plain:
    """How ours and the paper's marks differ; nothing is said of it where all are ours."""
    legend = {"orient": "bottom", "symbolFillColor": "#8c8c8c", "symbolStrokeColor": "#8c8c8c"}
    return {"field": "whose", "type": "nominal", "title": None, "scale": {"domain": ["ours", "paper"], "range": looks},
            "legend": legend if frame["whose"].nunique() > 1 else None}  # fmt: skip


def records(frame: pd.DataFrame) -> list[Plain]:
    """The marks as plain data: where each stands, what is said of it, and of ours what the paper has there."""
    theirs: dict[tuple, set[float]] = {}
    for c in frame[frame["whose"] == "paper"].itertuples():
        for key in keys(c):
            theirs.setdefault(key, set()).add(c.value)
    out, networks = [], alone(frame)
    for c, measure in zip(frame.itertuples(), measures(frame), strict=True):
        ours = c.whose == "ours"
        found = set(next((theirs[key] for key in keys(c) if key in theirs), ())) if ours else {c.value}
        run = f", {'run ' if c.which.isdigit() else ''}{c.which}" if c.which else ""
        out.append(
            {
                "panel": c.panel, "dataset": c.dataset, "model": networks.get(c.panel, c.model), "whose": c.whose,
                "series": c.series.removesuffix(", ours").removesuffix(", paper"), "which": c.which + c.whose,
                "line": f"{c.series} {'' if np.isnan(c.low) else c.which}".strip(),
                "x": c.x, "measure": measure, "value": round(c.value, 4),
                "low": none_if_nan(c.low), "high": none_if_nan(c.high), "who": f"{c.series}{run}",
                "where": f"{c.x:g}" if isinstance(c.x, float) else c.x,
                "ours": number(c.value) if ours else "–", "95 % interval": between(c), "runs": c.seeds if ours else "–",
                "paper": number(found.pop() if len(found) == 1 else None, 2),
            }
        )  # fmt: skip
    return out


def alone(frame: pd.DataFrame) -> dict[str, str]:
    """The network of each panel in which we have one alone: the paper's marks there stand beside it."""
    networks = frame[frame["whose"] == "ours"].groupby("panel")["model"].unique()
    return {panel: found[0] for panel, found in networks.items() if len(found) == 1}


def keys(c: Any) -> list[tuple]:
    """What a mark of ours and the paper's number beside it share: the panel they are drawn in, else the network."""
    eps = cells.eps_number(c.eps)
    rest = (c.dataset, c.defense, c.attack, c.x, None if np.isnan(eps) else round(eps, 9))
    return [("panel", c.panel, *rest), ("network", c.model, *rest)]


def none_if_nan(value: float) -> float | None:
    """A number that JSON has: ``None`` where there is none."""
    return None if np.isnan(value) else round(value, 4)
