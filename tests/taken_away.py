"""A claim's numbers with what it claims taken away."""

from collections.abc import Mapping

from inputgrad.ground.checks import InputError
from inputgrad.report.claims import Claim
from inputgrad.report.predicates import Vector


def without_effect(claim: Claim, values: Mapping[str, float | Vector]) -> dict[str, float | Vector]:
    """A claim's variables with what it claims taken away: each in ``removed`` gets the values of its control.

    A control with fewer keys stands for all places that hold its key: one natural accuracy for every eps of a data set.

    Raises:
        InputError: the control has no value for one of the places.
    """
    out = dict(values)
    for name, control in claim.removed.items():
        new, old = values[control] if isinstance(control, str) else control, values[name]
        if isinstance(old, Vector):
            new = Vector(old.keys, [claim.about(standing_for, new, key) for key in old.keys])
        out[name] = new
    return out


def standing_for(control: float | Vector, key: object) -> float:
    """The control's value at ``key``, or at the part of it that the control has."""
    if not isinstance(control, Vector):
        return control

    def parts(key: object) -> set:
        return set(key if isinstance(key, tuple) else (key,))

    for k, value in zip(control.keys, control.values, strict=True):
        if parts(k) <= parts(key):
            return value
    raise InputError(f"removed: the control has no value that stands for {key}")
