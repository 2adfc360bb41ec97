"""The interactive form of a figure: its marks as a Vega-Lite chart, in which a reader chooses and hovers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from inputgrad.report import cells
from inputgrad.report.markup import between, number

CHOSEN: dict[str, tuple[str, ...]] = {
    "sign": ("panel",), "convex": ("panel",), "smooth": ("panel", "dataset"), "selfgrad": (),
    "butterfly": ("panel", "dataset"), "synthesis": ("dataset", "model"),
}  # fmt: skip
"""The figures that have one, and the columns that a reader chooses from: of the first one value is seen at a time."""

CALLED = {"panel": "panel", "dataset": "data set", "model": "network"}

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c", "#a6761d")
"""Okabe and Ito's, which can be told apart without colour vision, on a light ground and on a dark one."""


TOLD = ("who", "where", "ours", "95 % interval", "runs", "paper")
"""What is said of a mark."""

MEASURED = {"filter": "isValid(datum.low)"}
FAINT, FAINT_BAND = ({"condition": {"param": "shown", "value": full}, "value": full / 10} for full in (1, 0.15))
"""How series look that a reader has not kept."""

Plain = dict[str, Any]
"""Plain data, as JSON has it."""


def chart(name: str, frame: pd.DataFrame) -> str:
    """The chart of a figure as HTML that ``charts.js`` draws when a reader opens it."""
    text = json.dumps(spec(frame, CHOSEN[name]), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        '<details class="chart"><summary>Choose, and hover for value, interval and runs</summary>'
        f'<div></div><script type="application/json">{text}</script></details>\n'
    )


def spec(frame: pd.DataFrame, chosen: Sequence[str] = ()) -> Plain:
    """A Vega-Lite chart of a figure's marks: lines over numbers, points beside names.

    Args:
        frame: of :func:`inputgrad.report.figures.marks.tidy`, one row a mark.
        chosen: the columns that a reader chooses from; of the first one value is shown at a time.
    """
    numeric = all(isinstance(x, float) for x in frame["x"])
    return {
        "width": "container",
        "height": 300 if numeric else {"step": 8, "for": "offset"},
        "data": {"values": records(frame)},
        "params": [choice(c, list(dict.fromkeys(frame[c])), c == chosen[0]) for c in chosen],
        "transform": [{"filter": f"chosen_{c} == 'all' || datum.{c} == chosen_{c}"} for c in chosen],
        "layer": over_numbers(frame) if numeric else beside_names(frame),
    }


def over_numbers(frame: pd.DataFrame) -> list[Plain]:
    """A line a series through its marks, dashed where it is the paper's, and a band where there are intervals."""
    value, series = of_value(frame), of_series()
    x: Plain = {"field": "x", "type": "quantitative", "title": "eps"}
    band = {"x": x, "y": value | {"field": "low"}, "y2": {"field": "high"}, **series, "opacity": FAINT_BAND}
    dash = whose(frame, [[1, 0], [5, 4]])
    return [
        {"transform": [MEASURED], "mark": "area", "encoding": band},
        {"mark": "line", "encoding": {"x": x, "y": value, **series, "opacity": FAINT, "strokeDash": dash}},
        points(frame, {"x": x, "y": value, **series}),
    ]


def beside_names(frame: pd.DataFrame) -> list[Plain]:
    """A point a mark in the row of its name, with its interval, a little lower for each series."""
    value, series = of_value(frame), of_series()
    names = list(dict.fromkeys(frame["x"]))
    y: Plain = {"field": "x", "type": "nominal", "title": None, "sort": names, "axis": {"labelLimit": 130}}
    row = {"y": y, "yOffset": {"field": "series", "sort": None}, **series}
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


def of_value(frame: pd.DataFrame) -> Plain:
    """What is measured, and its unit: ``"accuracy, percent"``."""
    title = f"{frame['metric'].iloc[0]}, {frame['unit'].iloc[0]}".replace("_", " ")
    return {"field": "value", "type": "quantitative", "title": title}


def of_series() -> Plain:
    """A colour for each series, several runs of which are several marks."""
    legend = {"orient": "bottom", "labelLimit": 260, "symbolOpacity": 1}
    colour = {"field": "series", "type": "nominal", "title": None, "sort": None, "legend": legend,
              "scale": {"range": COLOURS}}  # fmt: skip
    return {"color": colour, "detail": {"field": "which"}}


def whose(frame: pd.DataFrame, looks: list[Any]) -> Plain:
    """How ours and the paper's marks differ; nothing is said of it where all are ours."""
    legend = {"orient": "bottom", "symbolFillColor": "#8c8c8c", "symbolStrokeColor": "#8c8c8c"}
    return {"field": "whose", "type": "nominal", "title": None, "scale": {"domain": ["ours", "paper"], "range": looks},
            "legend": legend if frame["whose"].nunique() > 1 else None}  # fmt: skip


def choice(column: str, values: list[str], one: bool) -> Plain:
    """A field to choose a value of a column with; all of them at first, unless one is seen at a time."""
    options = values if one else ["all", *values]
    bind = {"input": "select", "options": options, "name": f"{CALLED[column]} "}
    return {"name": f"chosen_{column}", "value": options[0], "bind": bind}


def records(frame: pd.DataFrame) -> list[Plain]:
    """The marks as plain data: where each stands, what is said of it, and of ours what the paper has there."""
    theirs: dict[tuple, set[float]] = {}
    for c in frame[frame["whose"] == "paper"].itertuples():
        for key in keys(c):
            theirs.setdefault(key, set()).add(c.value)
    out = []
    for c in frame.itertuples():
        ours = c.whose == "ours"
        found = set(next((theirs[key] for key in keys(c) if key in theirs), ())) if ours else {c.value}
        run = f", {'run ' if c.which.isdigit() else ''}{c.which}" if c.which else ""
        out.append(
            {
                "panel": c.panel, "dataset": c.dataset, "model": c.model, "whose": c.whose,
                "series": c.series.removesuffix(", ours").removesuffix(", paper"), "which": c.which + c.whose,
                "x": c.x, "value": round(c.value, 4), "low": none_if_nan(c.low), "high": none_if_nan(c.high),
                "who": f"{c.series}{run}", "where": f"{c.x:g}" if isinstance(c.x, float) else c.x,
                "ours": number(c.value) if ours else "–", "95 % interval": between(c), "runs": c.seeds if ours else "–",
                "paper": number(found.pop() if len(found) == 1 else None, 2),
            }
        )  # fmt: skip
    return out


def keys(c: Any) -> list[tuple]:
    """What a mark of ours and the paper's number beside it share: the panel they are drawn in, else the network."""
    eps = cells.eps_number(c.eps)
    rest = (c.dataset, c.defense, c.attack, c.x, None if np.isnan(eps) else round(eps, 9))
    return [("panel", c.panel, *rest), ("network", c.model, *rest)]


def none_if_nan(value: float) -> float | None:
    """A number that JSON has: ``None`` where there is none."""
    return None if np.isnan(value) else round(value, 4)
