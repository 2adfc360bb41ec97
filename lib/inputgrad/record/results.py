"""Results on disk: tidy rows with provenance, one JSON file a trial. Needs no torch."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
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

    @property
    def place(self) -> tuple[str, str]:
        """Its data set and network."""
        trial = self.provenance["declaration"]
        return trial["dataset"], trial["model"]

    @property
    def exhibit_place(self) -> tuple[str, ...]:
        """Its exhibit, data set and network; no network where one stands for another."""
        exhibit = self.provenance["declaration"]["exhibit"]
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
    if is_declared(trial):
        return RECORDED / trial.profile / trial.exhibit / f"{trial.name}.json"
    return SCRATCH / trial.profile / trial.exhibit / f"{trial.name}-{trial.key}.json"


def write(trial: Trial, rows: Sequence[Row], arrays: Mapping[str, np.ndarray], provenance: dict) -> Path:
    """Write a trial's result at once or not at all."""
    packed = {name: pack(array) for name, array in arrays.items()}
    path = path_of(trial)
    write_text(path, written({"key": trial.key, "provenance": provenance, "arrays": packed}, rows))
    return path


def written(head: Mapping, rows: Sequence[Row]) -> str:
    """The text of a file: its head, and one row a line, so that git shows what changed."""
    text = json.dumps({**head, "columns": COLUMNS}, indent=1)
    return text[:-2] + ',\n "rows": [\n' + ",\n".join(json.dumps(row.values()) for row in rows) + "\n]}\n"


def read(path: Path) -> Result:
    """Read one result file, and check every row of it.

    Raises:
        InputError: it is damaged, or its rows are those of an earlier version.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        columns, rows = tuple(raw["columns"]), list(raw["rows"])
        arrays = {name: unpack(value) for name, value in raw["arrays"].items()}
        key, provenance = raw["key"], raw["provenance"]
    except (ValueError, KeyError, TypeError, zlib.error) as err:
        raise damaged(path, f"{type(err).__name__}: {err}") from err
    if columns != COLUMNS:
        raise InputError(
            f"results file {relative(path)} has the rows of an earlier version: run python -m inputgrad migrate"
        )
    for i, values in enumerate(rows, 1):
        try:
            Row.of(values)
        except InputError as err:
            raise damaged(path, f"row {i}: {err}") from err
    return Result(key, pd.DataFrame(rows, columns=COLUMNS), arrays, provenance, path)


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
    stat = path.stat()
    result = unchanged(path, stat.st_mtime_ns, stat.st_size)
    return result if result.key == trial.key else None


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
    parts = []
    for result in results:
        trial = result.provenance["declaration"]
        parts.append(result.rows.assign(exhibit=trial["exhibit"], profile=trial["profile"], seed=trial["seed"]))
    return pd.concat(parts, ignore_index=True)[["exhibit", "profile", "seed", *COLUMNS]]


def largest(found: list[Result]) -> list[Result]:
    """Of each exhibit, data set and network only the results of the largest profile there is."""

    def rank(result: Result) -> int:
        return PROFILES.index(result.provenance["declaration"]["profile"])

    top: dict[tuple, int] = {}
    for result in found:
        top[result.exhibit_place] = max(rank(result), top.get(result.exhibit_place, 0))
    return [result for result in found if rank(result) == top[result.exhibit_place]]


def shown(paper: str) -> list[Result]:
    """What the study has to say on a paper: the results of the largest recorded profile of all its exhibits."""
    return largest([r for name in EXHIBITS if name.startswith(f"{paper}/") for r in recorded(name)])
