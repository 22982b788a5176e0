"""Is the aircraft at the other end of the link the one that the papers mean?

A registration is a paper; what flies is an autopilot that tells a number on the link (its system
id) and, on most boards, a serial number. The first launch of a registered aircraft shows both to
the person, and with the yes to arm they are written into the farm's record and kept with the
registration. From then on an aircraft that tells anything else is refused: two aircraft in one
shed, a number given twice, or a swapped autopilot, whose parameters and pump nobody has looked at.

A simulation on this computer stands for any aircraft and is never kept: a rehearsal must not write
itself into the papers.

An autopilot that was changed on purpose is a new beginning: the registration is taken out and
entered again, which a person does knowingly.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agri.findings import Finding
from agri.papers import Registration
from missions.wire.sightings import VehicleIdentity

FIRST = "finding.aircraft_first"
NOT_TOLD = "–"


def registered(registrations: Iterable[Registration], name: str) -> Registration | None:
    """Return the registration meant by a name, a number or a serial number."""
    return next((one for one in registrations if one.is_called(name)), None)


def is_known(paper: Registration, identity: VehicleIdentity) -> bool:
    """Return whether all that the aircraft tells of itself is what was kept."""
    return (paper.system, paper.board) == (identity.system, identity.uid)


def may_be_kept(paper: Registration, identity: VehicleIdentity) -> bool:
    """Return whether nothing was kept yet that differs: a board that told no number may now."""
    return paper.system in (0, identity.system) and paper.board in ("", identity.uid)


def recognise(
    registrations: Iterable[Registration], name: str, identity: VehicleIdentity
) -> tuple[Finding, ...]:
    """Judge whether the aircraft on the link is the one meant.

    Parameters
    ----------
    registrations : iterable of Registration
        The farm's.
    name : str
        The aircraft meant; () when it is not registered, which the papers' own judgement tells.
    identity : VehicleIdentity
        What it tells of itself.

    Returns
    -------
    tuple of Finding
        INFO when it is the one, WARNING when it was never seen and will be kept with the yes to
        arm, ERROR when it is another.
    """
    every = tuple(registrations)
    meant = registered(every, name)
    if meant is None:
        return ()
    told: dict[str, Any] = {"system": identity.system, "board": identity.uid or NOT_TOLD}
    owner = next((one for one in every if one != meant and _is(one, identity)), None)
    if owner is not None and not is_known(meant, identity):
        return (
            Finding.error("finding.aircraft_other", meant=meant.aircraft, found=owner.aircraft,
                          **told),
        )  # fmt: skip
    if not may_be_kept(meant, identity):
        kept: dict[str, Any] = {"kept_system": meant.system, "kept_board": meant.board or NOT_TOLD}
        return (Finding.error("finding.aircraft_wrong", meant=meant.aircraft, **kept, **told),)
    if is_known(meant, identity):
        return (Finding.info("finding.aircraft_known", meant=meant.aircraft, **told),)
    return (Finding.warning(FIRST, meant=meant.aircraft, number=meant.number, **told),)


def _is(paper: Registration, identity: VehicleIdentity) -> bool:
    """Return whether an aircraft is surely that of a paper: its board's number tells."""
    return bool(identity.uid) and paper.board == identity.uid
