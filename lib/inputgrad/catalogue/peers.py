"""Other libraries of attacks, by name: what has to be installed, and which of their attacks are run here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inputgrad.ground.checks import InputError

from .own import installed


@dataclass(frozen=True)
class Peer:
    """One library: the package it is imported as, how to install it, and its attacks that are run here."""

    package: str
    advice: str
    attacks: tuple[str, ...]


PEERS = {
    "foolbox": Peer("foolbox", "pip install -e '.[bench]'", ("PGD",)),
    "art": Peer("art", "pip install -e '.[bench]'", ("PGD", "APGD")),
    "torchattacks": Peer("torchattacks", "pip install --no-deps torchattacks", ("PGD", "APGD")),
    "adv-lib": Peer("adv_lib", "benchmarks/README.md says how to install adv-lib", ("PGD", "APGD")),
}
"""By the names that a parameter takes; ``art`` is the adversarial-robustness-toolbox."""


def check_installed(names: Iterable[str]) -> None:
    """Refuse a library that cannot be imported.

    Raises:
        InputError: naming the first of them, and how to install it.
    """
    for name in names:
        if not installed(PEERS[name].package):
            raise InputError(f"libraries {name!r} is not installed: {PEERS[name].advice}, or leave it out")
