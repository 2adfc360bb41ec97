"""What has to be there before something starts: the checkout, and the packages that compute."""

from __future__ import annotations

from importlib.util import find_spec

from .checks import InputError
from .paths import ROOT

COMPUTING = ("torch", "torchvision", "torchmetrics", "pyautoattack", "safetensors")
"""What the extra ``run`` installs, as it is imported."""

INSTALL = "pip install -e '.[run]'"
"""The command that installs it."""


def computes() -> bool:
    """Can anything be computed here, or only what is recorded be read?"""
    return there("torch")


def there(package: str) -> bool:
    """Is a package installed? It is not imported."""
    try:
        return find_spec(package) is not None
    except ImportError:
        return False


def lacking(what: str, package: str) -> InputError:
    """What is said where a package of the extra ``run`` is not there: ``what`` computes."""
    return InputError(f"{what} computes, and {package} is not installed: {INSTALL}")


def checkout() -> None:
    """Refuse an installation that has no checkout around it.

    Raises:
        InputError: there are no papers and notebooks where they should be.
    """
    if not all((ROOT / part).is_dir() for part in ("notebooks", "data/papers", "book")):
        raise InputError(
            f"the notebooks, papers and results are not in {ROOT}: install with pip install -e . in the checkout, "
            "or name the checkout in INPUTGRAD_ROOT"
        )
