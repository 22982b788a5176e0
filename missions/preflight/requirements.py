"""What a flight asks of the vehicle's parameters, one by one.

A `Requirement` says what a parameter must be and why; `missions.preflight.vehicle` lists those of
every flight, `missions.preflight.spray` those of a spraying.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agri.findings import Severity
from agri.words import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What one parameter must be for a flight, and why.

    Parameters
    ----------
    name : str
        The parameter.
    wanted : float
        The value it would be set to.
    fits : callable
        Takes its value, tells whether that will do.
    reason : Message
        Why, for the one who is asked.
    severity : Severity
        ERROR when the flight must not begin without it.
    settable : bool
        False for one that only works after a restart or needs a person to know the wiring.
    absent : Severity or None
        How much it weighs that the vehicle has no such parameter; None when that does not matter.
    """

    name: str
    wanted: float
    fits: Callable[[float], bool]
    reason: Message
    severity: Severity = Severity.ERROR
    settable: bool = True
    absent: Severity | None = Severity.WARNING


def positive(value: float) -> bool:
    """Return whether a value is above 0.

    Examples
    --------
    >>> positive(2.0), positive(0.0)
    (True, False)
    """
    return value > 0.0


def why(word: str, **values: float) -> Message:
    """Return the reason kept in the dictionaries under ``link.why_…``."""
    return Message.of(f"link.why_{word}", **values)
