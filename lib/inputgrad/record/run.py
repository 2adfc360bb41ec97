"""One run of an exhibit: the results that it asked for, and those that are worth showing."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from . import results
from .results import Result


@dataclass(frozen=True)
class Run:
    """What a notebook works with: the results it asked for, and the ones worth showing."""

    exhibit: str
    results: list[Result]
    computed: int
    altered: bool  # with other parameters than the study's: then nothing recorded is shown in its place

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The rows of the trials of this run."""
        return results.table(self.results)

    @property
    def profile(self) -> str:
        """The profile this run was asked for."""
        return self.results[0].trial.profile

    @cached_property
    def shown(self) -> list[Result]:
        """The recorded results of the exhibit where this is the study's own run and there are any, else this run's."""
        recorded = [] if self.altered else results.recorded(self.exhibit)
        if not recorded:
            return self.results
        order = results.declared_places(self.exhibit)
        return sorted(results.largest(recorded), key=lambda result: order.index(result.place))

    def summary(self) -> str:
        """Where the numbers of this page come from, in lines of at most 78 characters."""
        n, kept = len(self.results), len(self.results) - self.computed
        text = f"This execution ran {counted(n)} at the {self.profile} profile: "
        text += f"{self.computed} computed now, {kept} read from results."
        if self.shown is not self.results:
            profiles = " and ".join(sorted({r.trial.profile for r in self.shown}))
            text += f" The tables and figures below show instead {counted(len(self.shown))} recorded at {profiles}."
        elif self.profile == "smoke":
            text += " Smoke numbers check the code; they say nothing about the paper."
        return textwrap.fill(text, 78)


def counted(trials: int) -> str:
    """``"1 trial"``, ``"14 trials"``."""
    return f"{trials} trial{'' if trials == 1 else 's'}"
