"""A table as readers see it: HTML in a notebook, Markdown in a chapter, numbers written one way."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from inputgrad.study.schema import SCALES

VERDICTS = ("close", "inside", "near", "apart", "reproduced", "partly", "says little", "undecided", "not reproduced",
            "not run", "holds in print", "fails in print")  # fmt: skip
"""The words that are coloured."""


@dataclass(frozen=True)
class Table:
    """A data frame of finished text with a caption: HTML in a notebook, Markdown in a chapter.

    Args:
        frame: one row a row of the table.
        caption: of the table.
        marked_up: columns whose Markdown the study wrote, HTML in it included; all others are text.
    """

    frame: pd.DataFrame
    caption: str = ""
    marked_up: Sequence[str] = ()

    def _repr_html_(self) -> str:
        body = "".join(
            "<tr>" + "".join(f"<td{shade(v)}>{html.escape(str(v))}</td>" for v in row) + "</tr>"
            for row in self.frame.itertuples(index=False)
        )
        return (
            f'<p class="table-caption">{html.escape(self.caption)}</p><div class="scroll"><table class="sortable">'
            f"<thead>{header([str(c) for c in self.frame.columns])}</thead><tbody>{body}</tbody></table></div>"
        )

    def markdown(self, name: str = "", style: str = "") -> str:
        """A MyST ``{table}`` directive, sortable in the book; a plain pipe table where it has no caption."""
        lines = ["| " + " | ".join(str(c) for c in self.frame.columns) + " |", "|" + ":--|" * len(self.frame.columns)]
        written = [str if c in self.marked_up else as_text for c in self.frame.columns]
        for row in self.frame.itertuples(index=False):
            lines.append("| " + " | ".join(in_cell(w(v)) for w, v in zip(written, row, strict=True)) + " |")
        if not self.caption:
            return "\n".join(lines) + "\n"
        label = f":name: {name}\n" if name else ""
        return (
            f"```{{table}} {self.caption}\n{label}:class: {f'sortable {style}'.strip()}\n\n"
            + "\n".join(lines)
            + "\n```\n"
        )


def as_text(value: object) -> str:
    """Text in Markdown, with nothing in it that a page would take for HTML."""
    return TAG.sub("&lt;", str(value))


def in_cell(text: str) -> str:
    """Markdown as it stands in a cell of a table: on one line, and in no more than one cell."""
    return text.replace("|", "\\|").replace("\n", " ")


TAG = re.compile("<(?=[A-Za-z/!?])")


@dataclass(frozen=True)
class Stack:
    """Several tables, one below the other."""

    tables: Sequence[Table]

    def _repr_html_(self) -> str:
        return "\n".join(t._repr_html_() for t in self.tables)


def scale(profile: object) -> str:
    """The scale of a profile, as verdicts are marked with it: ``"quick"`` -> ``"toy"``; a dash where there is none."""
    return SCALES.get(str(profile), "–")


def header(columns: Sequence[str]) -> str:
    """The head of a table; columns named ``"group: column"`` get their group once, above them."""
    parts = [(c.split(": ", 1)[0], c.split(": ", 1)[1]) if ": " in c else ("", c) for c in columns]
    names = "".join(f"<th>{html.escape(name)}</th>" for _, name in parts)
    if not any(group for group, _ in parts):
        return f"<tr>{names}</tr>"
    groups = "".join(
        f'<td colspan="{len(list(members))}">{html.escape(group)}</td>'
        for group, members in groupby(parts, key=lambda part: part[0])
    )
    return f'<tr class="groups">{groups}</tr><tr>{names}</tr>'


def shade(value: object) -> str:
    """The class of a table cell: a verdict's colour (the word itself says it too), or text that may wrap."""
    if value in VERDICTS:
        return f' class="v-{str(value).replace(" ", "-")}"'
    return ' class="text"' if isinstance(value, str) and len(value) > 30 else ""


def number(value: float | None, places: int = 1) -> str:
    """``value`` rounded, with a true minus sign; an en dash where there is none."""
    return "–" if value is None or np.isnan(value) else f"{value:.{places}f}".replace("-", "−")


def between(cell: Any) -> str:
    """A cell's 95 % interval, a dash where it has none."""
    return "–" if np.isnan(cell.low) else f"{number(cell.low)} to {number(cell.high)}"


def measured(cell: Mapping, places: int = 1) -> str:
    """What our runs gave: one number, both of two runs in the order of their seeds, or from three centre and spread."""
    if cell["seeds"] == 2:
        return " and ".join(number(value, places) for value in cell["runs"])
    center = cell["ours"] if "ours" in cell else cell["value"]
    return number(center, places) + (f" ± {cell['spread']:.{places}f}" if cell["seeds"] > 2 else "")


def with_steps(attack: str, steps: int) -> str:
    """An attack, with its number of steps where there are several of the kind; ``"clean"`` for none."""
    if attack in ("PGD", "CW", "APGD"):
        return f"{attack}-{steps}"
    return "clean" if attack == "none" else attack


def listed(words: Sequence[str]) -> str:
    """``"A, B and C"``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def images_of(cell: Mapping) -> str:
    """How many images a cell is of: ``"593"``, or ``"447 to 890"`` where its runs differ."""
    return "–" if np.isnan(cell["images"]) else span((cell["images"], cell["most_images"]))


def span(values: Iterable[float]) -> str:
    """``"3"``, or ``"1 to 3"`` where they differ."""
    low, high = int(min(values)), int(max(values))
    return str(low) if low == high else f"{low} to {high}"
