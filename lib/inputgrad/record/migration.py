"""Result files of earlier versions brought up to date, nothing measured again.

A file without the sum of its content gets it, and validation errors that were counted on nothing their count and total;
nothing else of these changes but that the value is no longer rounded. In one whose rows lack columns of now,
what stood in names becomes columns: arm, maker and variant; what is no eps becomes the parameter; and wrong steps and
units are put right. Values, counts, totals, readings, keys, pictures and provenance stay as they are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from inputgrad.ground.checks import InputError
from inputgrad.ground.files import write_text
from inputgrad.ground.paths import relative

from . import results
from .row import COLUMNS, Row

BEFORE = ("table", "dataset", "model", "defense", "attack", "eps", "steps", "reading", "metric", "value", "unit",
          "count", "total")  # fmt: skip
"""The columns of a row at that time."""


def migrate() -> list[str]:
    """Bring every file up to date, recorded and scratch, and say of each what changed; nothing for those that are."""
    files = [path for folder in (results.RECORDED, results.SCRATCH) for path in sorted(folder.rglob("*.json"))]
    return [said for path in files if (said := migrated_file(path))]


def migrated_file(path: Path) -> str:
    """Bring one file up to date and say what changed; nothing where it was.

    Raises:
        InputError: it is damaged, or its rows are those of no version; it stays as it is.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text)
        columns, declared = tuple(raw["columns"]), raw["provenance"]["declaration"]
        if columns == COLUMNS:
            return with_counts(path, raw) if "sum" in raw else with_sum(path, text)
        if columns != BEFORE:
            raise ValueError("rows with the columns of no version")
        before = [dict(zip(BEFORE, values, strict=True)) for values in raw["rows"]]
    except results.UNREADABLE as err:
        raise results.damaged(path, f"{type(err).__name__}: {err}") from err
    rows = []
    for i, row in enumerate(before, 1):
        try:
            rows.append(migrated(row, declared["exhibit"], declared["settings"]))
        except InputError as err:
            raise results.damaged(path, f"row {i}: {err}") from err
    head = {name: raw[name] for name in ("key", "provenance", "arrays")}
    write_text(path, results.written(head, rows))
    moved = Counter(c for row, now in zip(before, rows, strict=True) for c in BEFORE if row[c] != getattr(now, c))
    said = ", ".join(f"{column} of {n}" for column, n in moved.items())
    return f"{relative(path)}: {len(rows)} rows" + (f"; changed {said}" if said else "")


def with_sum(path: Path, text: str) -> str:
    """Add the sum of its content to a file that has none, and say so.

    Raises:
        InputError: what it says is damaged; it stays as it is.
    """
    results.parsed(path, results.sealed(text))
    write_text(path, results.sealed(text))
    return f"{relative(path)}: its content sum added"


def with_counts(path: Path, raw: Mapping) -> str:
    """Add count and total to the validation errors of `smooth` that have none, and say so; nothing where all have.

    A fifth as many images as the recipe trains on are validated on.
    """
    said = [dict(zip(COLUMNS, values, strict=True)) for values in raw["rows"]]
    without = [row for row in said if row["metric"] == "validation_error" and not row["total"]]
    if not without:
        return ""
    total = raw["provenance"]["declaration"]["settings"]["recipe"]["images"] // 5
    for row in without:
        wrong = round(row["value"] * total)
        row |= {"value": wrong / total, "count": wrong, "total": total}
    head = {name: raw[name] for name in ("key", "provenance", "arrays")}
    write_text(path, results.written(head, [Row(**row) for row in said]))
    return f"{relative(path)}: {len(said)} rows; count and total of {len(without)}"


def migrated(row: Mapping, exhibit: str, settings: Mapping) -> Row:
    """One row, from the columns it had, its exhibit and the settings of its trial."""
    arm, maker, variant = arm_of(exhibit, row["defense"])
    eps, parameter = sizes_of(exhibit, row)
    changed = {"eps": eps, "steps": steps_of(exhibit, row, maker, settings), "unit": unit_of(row)}
    added = {"arm": arm, "maker": maker, "variant": variant or variant_of(exhibit, row), "parameter": parameter}
    return Row(**{**row, **changed, **added})


CLASSIFIERS = ("[A] scratch classifier", "[B] pretrained classifier")
SEEN_BY_HEADS = "head on the classifier's features"


def arm_of(exhibit: str, defense: str) -> tuple[str, str, str]:
    """Arm, maker and variant, as far as they stood in ``defense``."""
    first, _, rest = defense.partition(", ")
    if first in CLASSIFIERS:
        return first, *rest.partition(", ")[::2]
    if first == SEEN_BY_HEADS or (exhibit == "butterfly/curves" and rest):
        return first, "", rest
    if exhibit.startswith("selfgrad/"):
        arm, block, what = defense.partition(", block ")
        return arm, "", f"block {what}" if block else ""
    return defense, "", ""


IN_EPS = ("butterfly/curves", "butterfly/pictures", "sign/perceptibility")
"""Where the column eps of attacked rows held gamma, Appendix A's share, or the median l2 length of the step."""


def sizes_of(exhibit: str, row: Mapping) -> tuple[str, str]:
    """Eps, and the parameter, which stood in its place or in ``reading``."""
    if exhibit == "convex/rounding":
        return row["eps"], "1" if row["reading"] == "default" else row["reading"].removeprefix("scale=")
    if exhibit == "smooth/readings":
        return row["eps"], "0" if row["reading"] == "control" else row["reading"].split()[0]
    multiple = exhibit == "convex/framework" and row["metric"] == "fooled_at_multiple"
    if multiple or (exhibit in IN_EPS and row["attack"] != "none"):
        return "", row["eps"]
    return row["eps"], ""


PREFIXES = {"convex/framework": "p=", "convex/pairs": "against ", "convex/recipes": "trained="}
"""Of the readings that name a variant."""


def variant_of(exhibit: str, row: Mapping) -> str:
    """The variant, where it stood in ``reading``."""
    reading = row["reading"]
    if exhibit in PREFIXES and reading.startswith(PREFIXES[exhibit]):
        return reading.removeprefix(PREFIXES[exhibit])
    if exhibit in ("convex/fooling", "convex/examples"):
        words = {"clip=True": "in the box", "least": "least eps"}
        return ", ".join(words[word] for word in reading.split() if word in words)
    if exhibit == "convex/robustness" and "rho_unit=range" in reading.split():
        return "in units of the range"
    if exhibit == "smooth/readings" and reading != "control":
        return reading.partition(" ")[2]
    if exhibit == "sign/labels" and row["attack"] != "none":
        told = [word.removeprefix("label=") for word in reading.split() if word.startswith("label=")]
        return told[0] if told else "true"
    return ""


SYNTHESIS = {"UAP": 0, "all of them": 0}
RIVALS = {"EHA": 1, "PGD": 20}
SEVERAL = {"Algorithm 1-5": 5, "Algorithm 1-10": 10}
DEEPFOOL = 50


def steps_of(exhibit: str, row: Mapping, maker: str, settings: Mapping) -> int:
    """The steps of the attack, which were 0 or 1 where nobody had said them."""
    attack, steps = row["attack"], row["steps"]
    if exhibit == "synthesis/attacks":
        return settings["steps"] if attack in ("PGD", "CW") else SYNTHESIS.get(attack, steps)
    if exhibit == "butterfly/attacking":
        return RIVALS.get(maker, steps)
    if exhibit in ("convex/pairs", "convex/regression") and attack in SEVERAL:
        return SEVERAL[attack]
    if exhibit == "convex/pairs" and row["metric"].startswith("mean_lead"):
        return 1
    if exhibit in ("convex/regression", "selfgrad/audit") and attack == "none":
        return 0
    if exhibit.startswith("convex/") and attack == "DeepFool":
        return settings.get("deepfool_steps", DEEPFOOL)
    return steps


UNITS = {
    **dict.fromkeys(("l0", "ssim", "cosine", "second_order_share", "share_of_bound", "pixels_right", "pixels_moved",
                     "change"), "ratio"),
    **dict.fromkeys(("output_error", "output_change", "linear_change"), "output"),
    **dict.fromkeys(("gradient_linf", "change_l2"), "1/x"),
    **dict.fromkeys(("d_loss", "g_loss", "optimal_g_loss"), "loss"),
    "psnr": "dB", "mean_square": "x^2",
}  # fmt: skip
"""Of the measures that were all said to be in units of x; those that are not named here are."""


def unit_of(row: Mapping) -> str:
    """The unit of a value."""
    measure = row["metric"].removesuffix("_mean").removesuffix("_median")
    return (
        UNITS.get(measure, "x") if row["unit"] == "x" else {"points": "percentage_points"}.get(row["unit"], row["unit"])
    )
