"""May this link be trusted with an aircraft: what a person must know before flying over it.

An unsigned aircraft obeys whoever reaches it. On a cable that is the one who holds it; over a
telemetry radio or a network it is everybody near, so it is told loudly, before every flight.

An aircraft that was given its key is launched with that key only, whatever the wire: a serial port
may lead to a radio that does not tell of itself, and an aircraft that takes unsigned orders though
it has a key was reset, or is another one.
"""

from __future__ import annotations

from collections.abc import Iterable

from agri.findings import Finding
from missions.link.hearing import Heard
from missions.link.signing import SigningState


def check_trust(
    heard: Heard, signing: SigningState, *, cable: bool, simulated: bool, keyed: str = ""
) -> tuple[Finding, ...]:
    """Judge who could command the aircraft over this link, and who else is on it.

    Parameters
    ----------
    heard : Heard
        What was heard on it.
    signing : SigningState
        How far it is signed.
    cable : bool
        Whether it is a serial port; a telemetry radio on it gives itself away (`Heard.radio`).
    simulated : bool
        Whether the aircraft is a simulation.
    keyed : str
        Name of the key that the aircraft was given; "" when it was given none.

    Examples
    --------
    >>> [f.key for f in check_trust(Heard(), SigningState.OFF, cable=False, simulated=False)]
    ['finding.link_unsigned']
    >>> check_trust(Heard(), SigningState.OFF, cable=True, simulated=False)
    ()
    >>> told = check_trust(Heard(), SigningState.OFF, cable=True, simulated=False, keyed="may1")
    >>> [(finding.key, finding.severity.name) for finding in told]
    [('finding.link_key_unused', 'ERROR')]
    """
    found = [*_signing(heard, signing, cable=cable, simulated=simulated), *_others(heard)]
    if keyed and signing is not SigningState.ON and not simulated:
        unused = Finding.error("finding.link_key_unused", aircraft=keyed)
        found = [unused, *(f for f in found if f.key not in ANSWERED_BY_KEY)]
    return tuple(found)


ANSWERED_BY_KEY = ("finding.link_key_missing", "finding.link_unsigned")
"""What need not be told when it is told that the key must be used."""


def _signing(
    heard: Heard, signing: SigningState, *, cable: bool, simulated: bool
) -> Iterable[Finding]:
    in_reach = not simulated and (not cable or heard.radio is not None)
    if signing is SigningState.NO_KEY and in_reach:
        yield Finding.error("finding.link_key_missing")
    elif signing is SigningState.OFF and in_reach:
        yield Finding.warning("finding.link_unsigned")
    if heard.old:
        yield Finding.error("finding.link_mavlink1")
    if heard.refused.for_signature:
        yield Finding.warning("finding.link_forged", count=heard.refused.for_signature)


def _others(heard: Heard) -> Iterable[Finding]:
    if heard.twin:
        yield Finding.error("finding.link_twin_station")
    others = sorted({station.system for station in heard.stations})
    if others and not heard.twin:
        yield Finding.warning("finding.link_second_station", numbers=_list(others))
    if heard.aircraft:
        yield Finding.warning("finding.link_other_aircraft", numbers=_list(heard.aircraft))
    if heard.strangers:
        yield Finding.warning("finding.link_strangers", count=heard.strangers)


def _list(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)
