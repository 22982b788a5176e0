"""Whether the fence and the rally points on board were the plan's, by the aircraft's own log.

Both are compared as the mission is: by what ArduCopter keeps of the items (`missions.items`).
A plan without rally points is not held against points the log tells of, for taking them away is
not logged (see `missions.formats.dataflash_fence`). A fence that was stored but not in force is
told too: FENCE_ENABLE (unless FENCE_AUTOENABLE switches the fence on by itself) and FENCE_TYPE,
whose one bit stands for polygons and circles alike, as they were when the flight began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agri.findings import Finding
from missions.flightplan import FlightPlan
from missions.formats.dataflash import LoggedFlight
from missions.items import Command, Frame, MissionItem, MissionType, digest
from missions.preflight.vehicle import FENCE_POLYGON

ANY = ~0


def about_fence(logged: LoggedFlight, plan: FlightPlan) -> list[Finding]:
    """Return what the log tells of the plan's fence and rally points.

    Parameters
    ----------
    logged : LoggedFlight
        The flight, by the aircraft.
    plan : FlightPlan
        What was to be flown.
    """
    fence, rally = (plan.wire_items(kind) for kind in (MissionType.FENCE, MissionType.RALLY))
    found = list(_compared("fence", logged.fence, fence, plan.name))
    if fence:
        found += _not_in_force(logged.parameters, plan)
    if rally:
        found += _compared("rally", logged.rally, rally, plan.name)
    return found


def _compared(
    what: str, told: tuple[MissionItem, ...] | None, wanted: tuple[MissionItem, ...], plan: str
) -> Iterator[Finding]:
    if told is None:
        if wanted:
            yield Finding.info(f"finding.log_without_{what}", plan=plan)
    elif digest(told) != digest(wanted) or _frames(told) != _frames(wanted):
        yield Finding.warning(f"finding.log_other_{what}", plan=plan, count=len(told),
                              wanted=len(wanted))  # fmt: skip
    elif wanted:
        yield Finding.info(f"finding.log_same_{what}", plan=plan)


def _frames(items: tuple[MissionItem, ...]) -> list[Frame]:
    """Return what heights are above: the digest takes that of a rally point for granted."""
    return [item.frame for item in items if item.command == Command.RALLY_POINT]


def _not_in_force(parameters: Mapping[str, float], plan: FlightPlan) -> Iterator[Finding]:
    by_itself = parameters.get("FENCE_AUTOENABLE", 0.0) > 0.0
    judged = {} if by_itself else {"FENCE_ENABLE": ANY}
    for name, bits in (judged | {"FENCE_TYPE": FENCE_POLYGON}).items():
        value = parameters.get(name)
        if value is not None and not int(value) & bits:
            yield Finding.warning("finding.log_fence_off", plan=plan.name, name=name, value=value)
            return
