"""Networks and defences side by side, each with its worst case over all attacks of a page and how it was found."""

from __future__ import annotations

import pandas as pd

from inputgrad.catalogue import models
from inputgrad.record import results
from inputgrad.report import cells
from inputgrad.report.markup import Stack, Table, between, number, scale, with_steps

TOGETHER = {"synthesis/attacks": "all of them", "selfgrad/audit": "worst of all", "selfgrad/defences": None}
"""The pages that attack networks inside one ball, and the row of each that counts an image only where it withstands
every attack; ``None`` where only the share under each attack is recorded."""

NOT_COUNTED = {
    "none", *TOGETHER.values(), "FGM", "FGM-l2", "PGD over eps", "D-FGSM, true label", "D-FGSM, predicted label"
}  # fmt: skip
"""No attacks, or such as may leave the ball."""

NAMES = {"Standard": "as trained", "Madry PGD": "PGD-7 training", "Self gradient": "self-gradient block",
         "Self gradient, rescaled": "self-gradient block, rescaled"}  # fmt: skip
"""The defences of `selfgrad` as the page across the papers calls them."""


def board() -> Stack:
    """One table a data set and page, whose attacks and images all its rows share; the largest worst case first.

    One row a network and defence, with what is left on clean images and in the worst case, the attack that finds most
    of it, and on what.
    """
    rows = []
    for exhibit in TOGETHER:
        for there in results.by_place(results.largest(results.recorded(exhibit))).values():
            network = models.label(there[0].trial.model)  # which may stand for another
            mine = cells.join_seeds(results.table(there))
            mine = mine[mine["metric"].eq("accuracy") & mine["variant"].eq("") & mine["reading"].eq("default")]
            rows += [row(exhibit, network, part) for _, part in mine.groupby("defense", sort=False)]
    frame = pd.DataFrame(rows).sort_values("least", ascending=False, kind="stable").drop(columns="least")
    heads = ["data set", "ε", "protocol"]
    return Stack(
        [
            Table(
                part.drop(columns=heads),
                f"{dataset}, ε = {eps}, under the attacks of {page}: accuracy in percent, clean and in the worst case",
            )
            for (dataset, eps, page), part in frame.groupby(heads)
        ]
    )


def row(exhibit: str, network: str, mine: pd.DataFrame) -> dict[str, object]:
    """The row of one network and defence; ``least`` is its worst case as a number."""
    clean = next(mine[mine["attack"] == "none"].itertuples())
    attacks = mine[~mine["attack"].isin(NOT_COUNTED)].sort_values("value", kind="stable")
    strongest = next(attacks.itertuples())
    equal = int(attacks["value"].eq(strongest.value).sum()) - 1
    worst = next(mine[mine["attack"] == TOGETHER[exhibit]].itertuples(), strongest)
    return {
        "network": network, "defence": NAMES.get(clean.defense, clean.defense), "worst case": number(worst.value),
        "95 % interval": between(worst), "clean": number(clean.value),
        "strongest attack": f"{with_steps(strongest.attack, strongest.steps)}"
                            f"{f' and {equal} more' if equal else ''}: {number(strongest.value)}",
        "attacks": len(attacks), "images": clean.images, "runs": clean.seeds, "scale": scale(clean.profile),
        "page": f"[{exhibit.split('/')[1]}](../notebooks/{exhibit}.ipynb)",
        "data set": clean.dataset, "ε": strongest.eps, "protocol": exhibit, "least": worst.value,
    }  # fmt: skip
