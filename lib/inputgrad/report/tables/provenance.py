"""Tables of where numbers come from: what trials cost and on what machine, how networks are trained. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from inputgrad.catalogue import datasets
from inputgrad.record.run import Run
from inputgrad.report.markup import Table
from inputgrad.study import EXHIBITS


def cost(run: Run) -> Table:
    """What each shown trial cost, and on what machine it ran."""
    rows = []
    for result in run.shown:
        p = result.provenance
        rows.append(
            {
                "trial": result.path.stem, "profile": p["declaration"]["profile"],
                "training, s": p["seconds"]["training"], "precision": trained_in(p),
                "measuring, s": p["seconds"]["measure"], "peak memory, MiB": p["peak_memory_mib"],
                "parameters": f"{p['network_parameters']:,}",
                "device": p["name"], "torch": p["versions"]["torch"],
                "measured by": commit(p), "trained by": trainers(p),
                "date": p["date"],
            }
        )  # fmt: skip
    return Table(pd.DataFrame(rows), "Where the numbers come from, and what they cost")


def trained_in(provenance: Mapping) -> str:
    """The precision of a training: bfloat16 where the recipe asks for it and the device has it."""
    training = provenance.get("training") or {}
    asked = provenance["declaration"]["settings"].get("recipe", {}).get("precision") == "bf16"
    has = training.get("bfloat16", True)  # results from before this was recorded imitated what they had not
    return "–" if "source" in training else "bfloat16" if asked and has else "float32"


def trainers(provenance: Mapping) -> str:
    """The commits that trained a trial's networks, its own first; earlier results know of no others."""
    networks = [provenance.get("training"), *provenance.get("other_networks", {}).values()]
    return ", ".join(dict.fromkeys(trained_by(network) for network in networks))


def trained_by(training: Mapping | None) -> str:
    """The commit that trained a network, or that its authors did and it was loaded; a dash where it is not known."""
    if not training:
        return "–"
    return training.get("whose", "its authors") if "source" in training else commit(training)


def commit(origin: Mapping) -> str:
    """The commit of a measurement or a training, marked where its tree had changes beside it."""
    return origin["commit"] + (" (modified)" if origin["modified"] else "")


def schedules(*exhibits: str) -> Table:
    """How the networks of exhibits are trained at each profile but ``smoke``, a row an exhibit, profile and recipe."""
    rows: dict[tuple, list[str]] = {}
    for name in exhibits:
        for profile, grid in ((p, g) for p, g in EXHIBITS[name].grids.items() if p != "smoke"):
            for dataset, model in grid.combinations(grid.datasets, grid.models, both_named=False):
                recipe = grid.recipes.get((dataset, model)) or grid.recipes[model]
                told = (name, profile, recipe.width, recipe.images, recipe.epochs, recipe.schedule, recipe.precision,
                        len(grid.seeds), grid.images)  # fmt: skip
                names = rows.setdefault(told, [])
                names += [datasets.label(dataset)] if datasets.label(dataset) not in names else []
    frame = pd.DataFrame(
        {"page": name.split("/")[1], "profile": profile, "data sets": ", ".join(names), "width": f"{width:g}",
         "training images": f"{images:,}" if images else "all", "epochs": epochs, "rate": schedule.replace("_", " "),
         "precision": precision, "runs declared": seeds, "test images": f"{tested:,}"}
        for (name, profile, width, images, epochs, schedule, precision, seeds, tested), names in rows.items()
    )  # fmt: skip
    return Table(
        frame if len(exhibits) > 1 else frame.drop(columns="page"),
        "How the networks are trained: width is a factor on the paper's channels",
    )
