"""What a flight asks of the vehicle's parameters, one by one.

A `Requirement` says what a parameter must be and why; `missions.preflight.vehicle` lists those of
every flight, `missions.preflight.spray` those of a spraying.

ArduCopter 4.7 gave parameters new names and units (metres instead of centimetres; what arming skips
instead of what it checks). A requirement says by `instead_of` which older name it stands for: it is
asked for only when the vehicle has not the older one, and that one is then not missed. So whichever
the vehicle has is judged, and what is offered to be set is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from agri.findings import Severity
from agri.words import Message

RENAMED: Mapping[str, tuple[str, float]] = {
    "RTL_ALT": ("RTL_ALT_M", 0.01),
    "WPNAV_SPEED": ("WP_SPD", 0.01),
    "WPNAV_RADIUS": ("WP_RADIUS_M", 0.01),
    "WPNAV_RFND_USE": ("WP_RFND_USE", 1.0),
}
"""Name up to 4.6 to the name from 4.7 on, and what its value is multiplied with (ArduPilot pull
requests 31970 and 32147, January and February 2026)."""


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
    instead_of : str
        The older name that this one stands for; "" for a parameter of its own.
    """

    name: str
    wanted: float
    fits: Callable[[float], bool]
    reason: Message
    severity: Severity = Severity.ERROR
    settable: bool = True
    absent: Severity | None = Severity.WARNING
    instead_of: str = ""


def with_renamed(needs: Iterable[Requirement]) -> Iterator[Requirement]:
    """Give each requirement, and beside it the one by its newer name, if it has one.

    Examples
    --------
    >>> old = Requirement(name="RTL_ALT", wanted=1500.0, fits=positive, reason=why("fence"))
    >>> [(need.name, need.wanted, need.instead_of) for need in with_renamed([old])]
    [('RTL_ALT', 1500.0, ''), ('RTL_ALT_M', 15.0, 'RTL_ALT')]
    """
    for need in needs:
        yield need
        if need.name in RENAMED:
            name, times = RENAMED[need.name]
            yield replace(
                need, name=name, wanted=need.wanted * times, fits=_scaled(need.fits, times),
                absent=None, instead_of=need.name,
            )  # fmt: skip


def _scaled(fits: Callable[[float], bool], times: float) -> Callable[[float], bool]:
    return lambda value: fits(value / times)


def missed(
    need: Requirement, values: Mapping[str, float | None], needs: Iterable[Requirement]
) -> bool:
    """Return whether the vehicle has neither the parameter nor another that stands for it."""
    names = (need.name, *(other.name for other in needs if other.instead_of == need.name))
    return all(values.get(name) is None for name in names)


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
