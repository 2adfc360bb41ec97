"""What the papers print, as transcribed in ``data/papers``: read, and every line of it checked. Needs no torch."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from functools import cache
from pathlib import Path

from inputgrad.ground import checks
from inputgrad.ground.checks import InputError
from inputgrad.ground.paths import PAPERS, relative
from inputgrad.study import STUDY

from .row import is_number

COLUMNS = ("paper", "table", "dataset", "model", "defense", "attack", "eps", "steps", "metric", "value", "unit", "raw",
           "note")  # fmt: skip
"""Of every file but those of architectures."""

LAYERS = ("table", "network", "layer_index", "layer", "size")
"""Of these."""

MAY_BE_EMPTY = ("eps", "steps", "note")
UNITS = ("percent", "percentage_points", "fraction", "ratio", "fraction_of_range")

NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e-?\d+)?")

SUMS = "SHA256SUMS"
"""The file beside the papers' folders that has the sums of their tables, as ``sha256sum`` writes and checks them."""


def tables(key: str) -> list[dict[str, str]]:
    """The rows of all tables of one paper, in the order of their names, what stands in prose last.

    Raises:
        InputError: one of them is not there, or has something that it cannot have; the sentence names file and line.
    """
    names = sorted(sums(key), key=lambda name: (name == "prose.csv", name))
    return [row for name in names for row in rows(PAPERS / key / name) if "value" in row]


@cache
def sums(key: str) -> dict[str, str]:
    """The tables that a paper has, and the sum of each.

    Raises:
        InputError: one of them is not there, there is another, or the list cannot be read.
    """
    try:
        lines = [line.split("  ") for line in (PAPERS / SUMS).read_text(encoding="utf-8").splitlines()]
        listed = {name.split("/")[1]: digest for digest, name in lines if name.startswith(f"{key}/")}
    except (OSError, ValueError, IndexError) as err:
        raise InputError(f"{relative(PAPERS / SUMS)} cannot be read ({err}): restore it with git") from err
    there = {path.name for path in (PAPERS / key).glob("*.csv")}
    for name in sorted(set(listed) ^ there):
        where = f"listed in {relative(PAPERS / SUMS)} and not there" if name in listed else "not listed"
        raise InputError(f"{relative(PAPERS / key / name)} is {where}: restore it with git, or {WRITE_SUMS}")
    return listed


WRITE_SUMS = f"where the change is meant, cd {relative(PAPERS)} && sha256sum */*.csv > {SUMS}"


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of one table.

    Raises:
        InputError: a line of it has something that it cannot have, or the file is not what its sum says.
    """
    data, line = path.read_bytes(), 1
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        header = tuple(next(reader, ()))
        columns = LAYERS if path.name.endswith("architectures.csv") else COLUMNS
        if header != columns:
            raise InputError(f"the columns are {', '.join(header) or 'missing'} and should be {', '.join(columns)}")
        found = []
        for values in reader:
            line = reader.line_num
            if len(values) != len(columns):
                raise InputError(f"there are {len(values)} values for {len(columns)} columns")
            found.append(dict(zip(columns, values, strict=True)))
            if columns == COLUMNS:
                check(found[-1])
    except UnicodeDecodeError as err:
        line = data[: err.start].count(b"\n") + 1
        raise wrong(path, line, "it is not UTF-8") from err
    except (InputError, csv.Error) as err:
        raise wrong(path, line, str(err)) from err
    if sums(path.parent.name).get(path.name) != hashlib.sha256(data).hexdigest():
        raise InputError(f"{relative(path)} is not what {SUMS} says: restore it with git, or {WRITE_SUMS}")
    return found


def wrong(path: Path, line: int, why: str) -> InputError:
    """What is said of a line that cannot be used."""
    return InputError(f"{relative(path)}, line {line}: {why}: correct it, or restore the file with git")


def check(row: dict[str, str]) -> None:
    """Refuse a row that has something it cannot have; its value must stand in ``raw``, the cell as printed."""
    for column, text in row.items():
        if not text and column not in MAY_BE_EMPTY:
            raise InputError(f"{column} is empty")
    checks.one_of("paper", row["paper"], [paper.citation for paper in STUDY.values()])
    checks.one_of("unit", row["unit"], UNITS)
    if not is_number(row["eps"]):
        raise InputError(f"eps {row['eps']!r} is not a number: write it as '0.3' or '8/255'")
    if row["steps"] and not row["steps"].isdecimal():
        raise InputError(f"steps {row['steps']!r} is not an integer")
    written = {float(number) for number in NUMBER.findall(row["raw"])}
    if not is_number(row["value"]) or abs(checks.as_float(row["value"])) not in written:
        raise InputError(f"value {row['value']!r} is no number of the cell as printed, {row['raw']!r}")
