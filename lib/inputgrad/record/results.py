"""Results on disk: tidy rows with provenance, one JSON file a trial. Needs no torch."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import RECORDED as RECORDED
from inputgrad.ground.paths import SCRATCH as SCRATCH
from inputgrad.ground.paths import relative
from inputgrad.study import EXHIBITS, declared_trials
from inputgrad.study.schema import PROFILES, Trial

from .row import COLUMNS, Row


@dataclass(frozen=True)
class Result:
    """One trial's rows, images and provenance, as read from its file."""

    key: str
    rows: pd.DataFrame
    arrays: Mapping[str, np.ndarray]
    provenance: Mapping
    path: Path

    @cached_property
    def trial(self) -> Trial:
        """The trial that it is the result of, as it was declared then."""
        return Trial(**self.provenance["declaration"])

    @property
    def place(self) -> tuple[str, str]:
        """Its data set and network."""
        return self.trial.dataset, self.trial.model

    @property
    def exhibit_place(self) -> tuple[str, ...]:
        """Its exhibit, data set and network; no network where one stands for another."""
        exhibit = self.trial.exhibit
        return exhibit, *(self.place[:1] if exhibit in EXHIBITS and EXHIBITS[exhibit].stand_in else self.place)


@cache
def declared_keys(exhibit: str, profile: str) -> frozenset[str]:
    """The keys of an exhibit's own trials at one profile."""
    return frozenset(trial.key for trial in declared_trials(exhibit, profile))


def declared_places(exhibit: str) -> list[tuple[str, str]]:
    """Every data set and network of an exhibit, in the order in which pages show them."""
    return list(dict.fromkeys((t.dataset, t.model) for p in reversed(PROFILES) for t in declared_trials(exhibit, p)))


def is_declared(trial: Trial) -> bool:
    """Is ``trial`` one of the study's own, at a profile that is recorded in git?"""
    return trial.profile != "smoke" and trial.key in declared_keys(trial.exhibit, trial.profile)


def path_of(trial: Trial) -> Path:
    """Where a trial's result lies: recorded when the study declares it, else scratch, named by its key too."""
    declared, other = stems(trial.name, trial.key)
    if is_declared(trial):
        return RECORDED / trial.profile / trial.exhibit / f"{declared}.json"
    return SCRATCH / trial.profile / trial.exhibit / f"{other}.json"


def stems(name: str, key: str) -> tuple[str, str]:
    """The names of a trial's file: where the study declares it, and where it does not."""
    return name, f"{name}-{key}"


def write(trial: Trial, rows: Sequence[Row], arrays: Mapping[str, np.ndarray], provenance: dict) -> Path:
    """Write a trial's result at once or not at all."""
    packed = {name: pack(array) for name, array in arrays.items()}
    one_each(rows)
    path = path_of(trial)
    write_text(path, written({"key": trial.key, "provenance": provenance, "arrays": packed}, rows))
    return path


def written(head: Mapping, rows: Sequence[Row]) -> str:
    """The text of a file: its content sum, its head, and one row a line, so that git shows what changed."""
    text = json.dumps({**head, "columns": COLUMNS}, indent=1)
    return sealed(text[:-2] + FIRST_ROW + ",\n".join(json.dumps(row.values()) for row in rows) + "\n]}\n")


FIRST_ROW = ',\n "rows": [\n'
"""What stands before it in a file."""


def sealed(text: str) -> str:
    """The text of a file with the sum of its content before all else."""
    return text.replace("{", "{" + sum_line(text), 1)


def sum_line(text: str) -> str:
    """The line that a file has besides ``text``: the SHA-256 sum of it."""
    return f'\n "sum": "{hashlib.sha256(text.encode()).hexdigest()}",'


def one_each(rows: Sequence[Row]) -> None:
    """Refuse two rows of one identity.

    Raises:
        InputError: naming the second.
    """
    seen: dict[tuple, int] = {}
    for i, row in enumerate(rows, 1):
        if seen.setdefault(row.identity, i) != i:
            raise InputError(f"row {i} measures once more what row {seen[row.identity]} does")


def read(path: Path) -> Result:
    """Read one result file: every row of it, its content sum, and that its declaration is the one its place says.

    Raises:
        InputError: it is damaged, or of an earlier version.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except ValueError as err:
        raise damaged(path, str(err)) from err
    return parsed(path, text)


def parsed(path: Path, text: str) -> Result:
    """As :func:`read`, of the ``text`` of a file."""
    try:
        raw = json.loads(text)
        columns, values = tuple(raw["columns"]), list(raw["rows"])
        key, provenance, packed = raw["key"], raw["provenance"], raw["arrays"]
    except UNREADABLE as err:
        raise damaged(path, f"{type(err).__name__}: {err}") from err
    if columns != COLUMNS:
        raise old(path, "the rows of an earlier version")
    rows = []
    for i, row in enumerate(values, 1):
        try:
            rows.append(Row.of(row))
        except InputError as err:
            raise damaged(path, f"line {line_of(text, i)}, row {i}: {err}") from err
    if "sum" not in raw:
        raise old(path, "no content sum")
    line = f'\n "sum": "{raw["sum"]}",'
    if line != sum_line(text.replace(line, "", 1)):
        raise damaged(path, "its content is not that of its sum")
    try:
        one_each(rows)
        trial = Trial(**provenance["declaration"])
        place = (trial.profile, *trial.exhibit.split("/"))
        arrays = {name: unpack(value) for name, value in packed.items()}
    except InputError as err:
        raise damaged(path, str(err)) from err
    except UNREADABLE as err:
        raise damaged(path, f"{type(err).__name__}: {err}") from err
    if path.parts[-4:-1] != place or path.stem not in stems(trial.name, key):
        raise damaged(path, f"what it declares is {trial.profile} {trial.exhibit}/{trial.name}")
    return Result(key, pd.DataFrame(values, columns=COLUMNS), arrays, provenance, path)


UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError,
              zlib.error)  # fmt: skip
"""What reading something that is no result may raise."""


def line_of(text: str, row: int) -> int:
    """The line of a file that this row stands on, counted from 1."""
    return text[: text.find(FIRST_ROW) + len(FIRST_ROW)].count("\n") + row


def old(path: Path, why: str) -> InputError:
    """What is said of a file that was written before results were what they are."""
    return InputError(f"results file {relative(path)} has {why}: delete it, and the trial is computed again")


def damaged(path: Path, why: str) -> InputError:
    """What is said of a file that cannot be used."""
    return InputError(
        f"results file {relative(path)} is damaged ({why}): restore it with git, or delete it and run the trial again"
    )


def fresh(trial: Trial) -> Result | None:
    """The trial's result when there is one that its declaration still fits."""
    path = path_of(trial)
    if not path.is_file():
        return None
    result = read_once(path)
    if result.key != trial.key:
        return None
    if result.provenance["declaration"] != json.loads(json.dumps(asdict(trial))):
        raise damaged(path, "its key is of another declaration")
    return result


def read_once(path: Path) -> Result:
    """As :func:`read`, where the file has changed since it was last read so."""
    stat = path.stat()
    return unchanged(path, stat.st_mtime_ns, stat.st_size)


@cache
def unchanged(path: Path, changed: int, size: int) -> Result:
    """The result in a file that was last ``changed`` then and has that size: read once, and not changed in place."""
    return read(path)


def pack(array: np.ndarray) -> dict:
    """An array as plain JSON: zlib, then base64."""
    data = base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)).decode()
    return {"dtype": str(array.dtype), "shape": list(array.shape), "zlib": data}


def unpack(value: Mapping) -> np.ndarray:
    """The inverse of :func:`pack`."""
    data = zlib.decompress(base64.b64decode(value["zlib"]))
    return np.frombuffer(data, value["dtype"]).reshape(value["shape"])


def recorded(exhibit: str) -> list[Result]:
    """Every recorded result of an exhibit that is still fresh, from the smallest profile to the largest."""
    found = [fresh(trial) for profile in PROFILES[1:] for trial in declared_trials(exhibit, profile)]
    return [result for result in found if result is not None]


def stale(exhibit: str) -> list[Path]:
    """Recorded files that no declared trial claims any more."""
    good = {result.path for result in recorded(exhibit)}
    files = [path for profile in PROFILES[1:] for path in (RECORDED / profile / exhibit).glob("*.json")]
    return sorted(set(files) - good)


def table(results: list[Result]) -> pd.DataFrame:
    """The rows of several results in one table, with ``exhibit``, ``profile`` and ``seed`` before them."""
    if not results:
        return pd.DataFrame(columns=["exhibit", "profile", "seed", *COLUMNS])
    told = ((result.rows, result.trial) for result in results)
    parts = [rows.assign(exhibit=t.exhibit, profile=t.profile, seed=t.seed) for rows, t in told]
    return pd.concat(parts, ignore_index=True)[["exhibit", "profile", "seed", *COLUMNS]]


def by_place(found: Iterable[Result]) -> dict[tuple[str, str], list[Result]]:
    """Results by data set and network."""
    places: dict[tuple[str, str], list[Result]] = {}
    for result in found:
        places.setdefault(result.place, []).append(result)
    return places


def largest(found: list[Result]) -> list[Result]:
    """Of each exhibit, data set and network only the results of the largest profile there is."""

    def rank(result: Result) -> int:
        return PROFILES.index(result.trial.profile)

    top: dict[tuple, int] = {}
    for result in found:
        top[result.exhibit_place] = max(rank(result), top.get(result.exhibit_place, 0))
    return [result for result in found if rank(result) == top[result.exhibit_place]]


def shown(paper: str) -> list[Result]:
    """What the study has to say on a paper: the results of the largest recorded profile of all its exhibits."""
    return largest([r for name in EXHIBITS if name.startswith(f"{paper}/") for r in recorded(name)])
