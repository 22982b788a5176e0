"""The way a plan flies as a plain list of stops, for programs that know no mission items.

DJI's and Litchi's files are lists of places, each with a height above the take-off place and the
speed to the next one. A plan is one as well once its items are read in order: DO_ items act from
the stop before them on. What a CONDITION_DISTANCE holds back until somewhere along a leg counts
from that leg's end. Anything such a list cannot say is refused rather than left out where it
would change the way flown (heights that are not above take-off, jumps), and told by
`missing_from_stops` where it only changes what the aircraft does on the way (pump, fence).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LonLat
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem

PLAIN_SPEED_M_S = 3.0
"""Speed where neither an item nor the job tells one: slow, so that it can be watched."""

_PLACES = frozenset(
    {
        Command.NAV_WAYPOINT,
        Command.NAV_SPLINE_WAYPOINT,
        Command.NAV_LOITER_TIME,
        Command.NAV_LAND,
    }
)
_NAVIGATION = frozenset({Command.NAV_TAKEOFF, Command.NAV_DELAY, Command.NAV_RETURN_TO_LAUNCH})
PUMP_COMMANDS = frozenset({Command.DO_SPRAYER, Command.DO_SET_SERVO})
"""Commands that switch a pump."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A place the aircraft flies to, and how it goes on from there.

    Parameters
    ----------
    place : LonLat
        Where.
    height_m : float
        Above the take-off place.
    speed_m_s : float
        Ground speed to the next stop.
    wait_s : float
        Time spent hovering here.
    trigger_m : float
        Distance between pictures to the next stop, 0 where none are taken.
    """

    place: LonLat
    height_m: float
    speed_m_s: float
    wait_s: float = 0.0
    trigger_m: float = 0.0


def _first_speed(plan: FlightPlan) -> float:
    for item in plan.items:
        if item.command == Command.DO_CHANGE_SPEED and item.param2 > 0.0:
            return item.param2
    if plan.spray:
        return plan.spray.settings.speed_m_s
    return plan.survey.settings.speed_m_s if plan.survey else PLAIN_SPEED_M_S


def _check(plan: FlightPlan, form: str) -> None:
    for number, item in enumerate(plan.items, start=1):
        if item.command == Command.DO_JUMP:
            raise BadInput("error.stops_jump", form=form, item=number)
        flown = item.command in (_PLACES | {Command.NAV_TAKEOFF}) - {Command.NAV_LAND}
        if flown and item.frame is not Frame.RELATIVE:
            raise BadInput("error.stops_frame", form=form, item=number)


def _arrived(item: MissionItem, here: Stop) -> Stop:
    located = bool(item.x or item.y)
    wait_s = item.param1 if item.command != Command.NAV_LAND else 0.0
    height_m = here.height_m if item.command == Command.NAV_LAND else item.z
    return replace(
        here, place=item.place if located else here.place, height_m=height_m, wait_s=wait_s
    )


def _ordered(here: Stop, items: Iterable[MissionItem]) -> Stop:
    """Return the stop with what `items` order for the way on from it."""
    for item in items:
        if item.command == Command.NAV_TAKEOFF:
            here = replace(here, height_m=item.z)
        elif item.command == Command.DO_CHANGE_SPEED and item.param2 > 0.0:
            here = replace(here, speed_m_s=item.param2)
        elif item.command == Command.DO_SET_CAM_TRIGG_DIST:
            here = replace(here, trigger_m=max(item.param1, 0.0))
        elif item.command == Command.NAV_DELAY:
            here = replace(here, wait_s=here.wait_s + max(item.param1, 0.0))
    return here


def plan_stops(plan: FlightPlan, form: str) -> tuple[Stop, ...]:
    """Return the stops of a plan in flying order, take-off and return left out.

    Parameters
    ----------
    plan : FlightPlan
        A plan in heights above its take-off place.
    form : str
        Name of the file's kind, for the error sentence.

    Returns
    -------
    tuple of Stop
        At least two; a landing place is a stop at the height flown there.

    Raises
    ------
    BadInput
        When a height is not above take-off, an item cannot be said in stops, or there are fewer
        than two.
    """
    _check(plan, form)
    stops: list[Stop] = []
    here = Stop(place=plan.home, height_m=0.0, speed_m_s=_first_speed(plan))
    held: list[MissionItem] | None = None
    for item in plan.items:
        if item.command in _PLACES:
            here = _ordered(_arrived(item, here), held or ())
            stops.append(here)
            held = None
        elif item.command == Command.CONDITION_DISTANCE:
            held = held or []
        elif held is not None and item.command not in _NAVIGATION:
            held.append(item)
        else:
            here = _ordered(here, [item])
            if stops:
                stops[-1] = here
    joined = _without_doubles(stops)
    if len(joined) < 2:
        raise BadInput("error.stops_few", form=form, count=len(joined))
    return joined


def _without_doubles(stops: Iterable[Stop]) -> tuple[Stop, ...]:
    """Join stops at one place and height: the later one's speed, the waits of both."""
    joined: list[Stop] = []
    for stop in stops:
        if joined and (joined[-1].place, joined[-1].height_m) == (stop.place, stop.height_m):
            joined[-1] = replace(stop, wait_s=joined[-1].wait_s + stop.wait_s)
        else:
            joined.append(stop)
    return tuple(joined)


def ends_landing(plan: FlightPlan) -> bool:
    """Return whether the plan ends with a landing where it stands instead of a return."""
    return bool(plan.items) and plan.items[-1].command == Command.NAV_LAND


def missing_from_stops(plan: FlightPlan, form: str) -> list[Finding]:
    """Return what a list of stops leaves out of a plan, to be told to who takes the file along.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.
    form : str
        Name of the file's kind.

    Returns
    -------
    list of Finding
        Warnings where safety or dose is left to the other program.
    """
    commands = {item.command for item in plan.items}
    found = []
    if commands & PUMP_COMMANDS:
        found.append(Finding.warning("finding.export_without_pump", form=form))
    if plan.fence_polygons or plan.fence_circles:
        found.append(Finding.warning("finding.export_without_fence", form=form))
    if plan.rally_points:
        found.append(Finding.info("finding.export_without_rally", form=form))
    if Command.NAV_SPLINE_WAYPOINT in commands:
        found.append(Finding.warning("finding.export_straight", form=form))
    return found
