"""From numbers of single images to tidy rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from inputgrad.compute.metrics import perceptibility


class Tally:
    """Collects, batch by batch, one number an image for each measured cell, and turns them into rows."""

    def __init__(self, place: Callable[[str], dict[str, str]]) -> None:
        """``place(eps)`` gives the columns that say where a cell belongs: table, dataset, model and defense."""
        self.place = place
        self.values: dict[tuple, list[Tensor]] = defaultdict(list)
        self.single: list[dict] = []

    def add(self, attack: str, eps: str, reading: str, metric: str, values: Tensor, *, steps: int = 1) -> None:
        """Add the values of one batch, ``(B,)``."""
        self.values[attack, eps, steps, reading, metric].append(values.cpu())

    def number(
        self, attack: str, eps: str, reading: str, metric: str, value: float, *, unit: str, images: int, steps: int = 0
    ) -> None:
        """Add one number that was measured on ``images`` images as a whole."""
        self.single.append({**self.place(eps), "attack": attack, "eps": eps, "steps": steps, "reading": reading,
                            "metric": metric, "value": float(f"{value:.5g}"), "unit": unit, "count": None,
                            "total": images})  # fmt: skip

    def perturbation(self, attack: str, eps: str, reading: str, x: Tensor, x_adv: Tensor) -> None:
        """Add how visible a batch of perturbations is."""
        for name, values in perceptibility(x, x_adv).items():
            self.add(attack, eps, reading, name, values)

    def rows(self) -> list[dict]:
        """One row a cell: shares with their counts; medians and means of the rest."""
        rows = list(self.single)
        for (attack, eps, steps, reading, metric), parts in self.values.items():
            values = torch.cat(parts)
            cell = {"attack": attack, "eps": eps, "steps": steps, "reading": reading}
            if values.dtype == torch.bool:
                hits, total = int(values.sum()), len(values)
                if total == 0:  # no image of this kind
                    continue
                rows.append({**self.place(eps), **cell, "metric": metric, "value": hits / total, "unit": "fraction",
                             "count": hits, "total": total})  # fmt: skip
            else:
                for name, value in ((f"{metric}_median", values.median()), (f"{metric}_mean", values.mean())):
                    rows.append({**self.place(eps), **cell, "metric": name, "value": float(f"{float(value):.5g}"),
                                 "unit": "x", "count": None, "total": len(values)})  # fmt: skip
        return rows


def reading_of(default: Mapping[str, object], **choices: object) -> str:
    """The name of a reading: the choices that differ from the study's default, or ``"default"``."""
    changed = [f"{name}={value}" for name, value in choices.items() if value != default[name]]
    return " ".join(changed) or "default"
