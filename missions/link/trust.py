"""May this link be trusted with an aircraft: what a person must know before flying over it.

An unsigned aircraft obeys whoever reaches it. On a cable that is the one who holds it; over a
telemetry radio or a network it is everybody near, so it is told loudly, before every flight.
"""

from __future__ import annotations

from collections.abc import Iterable

from agri.findings import Finding
from missions.link.hearing import Heard
from missions.link.signing import SigningState


def check_trust(
    heard: Heard, signing: SigningState, *, cable: bool, simulated: bool
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

    Examples
    --------
    >>> [f.key for f in check_trust(Heard(), SigningState.OFF, cable=False, simulated=False)]
    ['finding.link_unsigned']
    >>> check_trust(Heard(), SigningState.OFF, cable=True, simulated=False)
    ()
    """
    return tuple(_signing(heard, signing, cable=cable, simulated=simulated)) + tuple(_others(heard))


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
