"""What the list of items says by itself: order, commands, frames, switches, storage.

Every rule names a failure seen on a real vehicle or in another planner (facts in the docstring
of each). A rule tells its first offender and how many there are, not every one of six hundred.
Item numbers are those on board: home is 0, the first item 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from agri.findings import Finding
from missions.flightplan import FlightPlan, VehicleLimits
from missions.items import LOCATED, Command, Frame, MissionItem
from missions.legs import is_pump, sprayer_on
from missions.wire.pump import pump_channel

Numbered = tuple[int, MissionItem]

FIRST_NOT_NAVIGATION = 95
"""MAV_CMD numbers from here to 4999 are conditions and actions, not places to go."""
ENDS = frozenset({Command.NAV_RETURN_TO_LAUNCH, Command.NAV_LAND})
"""Commands that end a flight."""
REFUSED = frozenset({195, 197, 214, 246, 260, 300, 410, 530, 2003})
"""Commands ArduCopter 4.6 refuses in a mission (tried), or loads nowhere (214, seconds meant)."""
DANGEROUS = frozenset({92, 176, 179, 185, 208, 218, 222, 223, 42702})
"""Commands that hand the aircraft over to another program or mode, move home, stop the motors,
open a parachute or press any switch: NAV_GUIDED_ENABLE, DO_SET_MODE, DO_SET_HOME,
DO_FLIGHTTERMINATION, DO_PARACHUTE, DO_AUX_FUNCTION, DO_GUIDED_LIMITS, DO_ENGINE_CONTROL,
NAV_SCRIPT_TIME."""
FENCE_ENABLE = 207
"""DO_FENCE_ENABLE: 1 switches the fence on; anything else takes a part of it away."""
PLANNED = frozenset(
    {
        *(command for command in Command if command < Command.FENCE_RETURN_POINT),
    }
    - {Command.DO_JUMP, Command.DO_SPRAYER, Command.DO_SET_SERVO}
    - REFUSED
)
"""Commands agri knows the effect of; others are told as unknown."""
SLOWEST_M_S = 0.0
FASTEST_M_S = 25.0
"""No survey copter flies faster; more is taken for a mistake of units."""
MAX_TURN_DEG = 20.0
"""Lines bend less than this; a sharper corner with the camera on is a turn."""


def numbered(items: Sequence[MissionItem]) -> list[Numbered]:
    """Return items with their numbers on board."""
    return list(enumerate(items, start=1))


def is_navigation(item: MissionItem) -> bool:
    """Return whether the vehicle goes somewhere, or waits, for this item."""
    return item.command < FIRST_NOT_NAVIGATION


def check_items(plan: FlightPlan, limits: VehicleLimits) -> list[Finding]:
    """Return what is wrong with the items by themselves.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.
    limits : VehicleLimits
        What the vehicle stores.

    Returns
    -------
    list of Finding
        Empty when all is well.
    """
    if not plan.items:
        return [Finding.error("finding.no_items")]
    items = numbered(plan.items)
    return [
        *_take_off(items),
        *_end(items),
        *_commands(
            items, spraying=plan.survey is None or plan.spray is not None, pump=pump_channel(plan)
        ),
        *_frames(items),
        *_speeds(items),
        *_camera_off(items),
        *_storage(plan, limits),
    ]


def _first(key: str, found: Iterable[Numbered], **values: Any) -> Iterator[Finding]:
    """Yield one ERROR about the first offender, with the count of all."""
    offenders = list(found)
    if offenders:
        number, item = offenders[0]
        yield Finding.error(
            key, item=number, command=int(item.command), count=len(offenders), **values
        )


def _take_off(items: Sequence[Numbered]) -> Iterator[Finding]:
    """Without TAKEOFF as its first place to go, AUTO is refused on the ground."""
    navigation = [entry for entry in items if is_navigation(entry[1])]
    starts = [entry for entry in navigation if entry[1].command == Command.NAV_TAKEOFF]
    if not starts or navigation[0] is not starts[0]:
        yield Finding.error("finding.takeoff_not_first")
    yield from _first("finding.takeoff_again", starts[1:])


def _end(items: Sequence[Numbered]) -> Iterator[Finding]:
    """A mission without RTL or LAND hovers for ever; what comes after one is not flown."""
    navigation = [entry for entry in items if is_navigation(entry[1])]
    if not navigation or navigation[-1][1].command not in ENDS:
        yield Finding.error("finding.no_return", item=items[-1][0])
    ends = [number for number, item in items if item.command in ENDS]
    if not ends:
        return
    yield from _first("finding.after_return", (e for e in navigation if e[0] > ends[0]))
    trailing = [e for e in items if e[0] > ends[-1] and not is_navigation(e[1])]
    if trailing:
        yield Finding.warning(
            "finding.never_run", item=trailing[0][0], command=int(trailing[0][1].command)
        )


def _commands(items: Sequence[Numbered], *, spraying: bool, pump: int) -> Iterator[Finding]:
    """DO_JUMP loops and breaks resuming; refused commands stop the upload half way."""
    yield from _first("finding.jump", (e for e in items if e[1].command == Command.DO_JUMP))
    yield from _first("finding.command_refused", (e for e in items if _is_refused(e[1])))
    yield from _first("finding.command_dangerous", (e for e in items if _is_dangerous(e[1])))
    if not spraying:
        on = (e for e in items if e[1].command == Command.DO_SPRAYER and sprayer_on(e[1]))
        yield from _first("finding.sprayer_on", on)
    unknown = [e for e in items if _is_unknown(e[1]) and not is_pump(e[1], pump)]
    yield from _first("finding.way_unknown", (e for e in unknown if is_navigation(e[1])))
    actions = [entry for entry in unknown if not is_navigation(entry[1])]
    curves = [e for e in items if e[1].command == Command.NAV_SPLINE_WAYPOINT]
    for key, found in (("finding.command_unknown", actions), ("finding.curved_way", curves)):
        if found:
            number, item = found[0]
            yield Finding.warning(key, item=number, command=int(item.command), count=len(found))


def _is_refused(item: MissionItem) -> bool:
    fence_or_rally = Command.FENCE_RETURN_POINT <= item.command <= Command.RALLY_POINT
    return item.command in REFUSED or fence_or_rally


def _is_dangerous(item: MissionItem) -> bool:
    fence_off = item.command == FENCE_ENABLE and item.param1 != 1.0
    return item.command in DANGEROUS or fence_off


def _is_unknown(item: MissionItem) -> bool:
    judged = (Command.DO_JUMP, Command.DO_SPRAYER, FENCE_ENABLE)
    known = item.command in PLANNED or item.command in judged
    return not (known or _is_refused(item) or _is_dangerous(item))


def _frames(items: Sequence[Numbered]) -> Iterator[Finding]:
    """Two frames in one plan mix heights above two things; terrain data may not be on board."""
    located = [e for e in items if e[1].is_located and not _is_mark(e[1])]
    if not located:
        return
    frame = located[0][1].frame
    yield from _first(
        "finding.frames_mixed",
        (e for e in located if e[1].frame is not frame),
        frame=frame.name,
    )
    yield from _first("finding.frame_terrain", (e for e in located if e[1].frame is Frame.TERRAIN))
    yield from _first("finding.frame_missing", (e for e in located if e[1].frame is Frame.MISSION))
    if any(item.frame is Frame.GLOBAL for _, item in located):
        yield Finding.warning("finding.frame_sea")


def _is_mark(item: MissionItem) -> bool:
    """Return whether an item only marks a way home: its height and place are not flown to."""
    return item.command == Command.DO_LAND_START and not (item.x or item.y)


def _speeds(items: Sequence[Numbered]) -> Iterator[Finding]:
    """DO_CHANGE_SPEED must be a ground speed above 0 that a copter can fly."""
    changes = [entry for entry in items if entry[1].command == Command.DO_CHANGE_SPEED]
    for number, item in changes:
        if not SLOWEST_M_S < item.param2 <= FASTEST_M_S:
            yield Finding.error(
                "finding.speed_out_of_range",
                item=number,
                speed_m_s=item.param2,
                limit_m_s=FASTEST_M_S,
            )
            return
    air = [number for number, item in changes if int(item.param1) == 0]
    if air:
        yield Finding.warning("finding.speed_in_air", item=air[0])


def _camera_off(items: Sequence[Numbered]) -> Iterator[Finding]:
    """DO_SET_CAM_TRIGG_DIST goes on through the way home until 0 is sent."""
    on = 0
    for number, item in items:
        if item.command == Command.DO_SET_CAM_TRIGG_DIST:
            on = number if item.param1 > 0.0 else 0
        elif item.command == Command.IMAGE_START_CAPTURE and item.param3 != 1.0:
            on = number
        elif item.command == Command.IMAGE_STOP_CAPTURE:
            on = 0
        elif item.command in ENDS:
            break
    if on:
        yield Finding.error("finding.camera_left_on", item=on)


def _storage(plan: FlightPlan, limits: VehicleLimits) -> Iterator[Finding]:
    """A list longer than the store is refused, or cut short, at upload."""
    vertices = sum(len(polygon.vertices) for polygon in plan.fence_polygons)
    for key, count, limit in (
        ("finding.too_many_items", len(plan.items), limits.items),
        ("finding.too_many_fence_vertices", vertices, limits.fence_vertices),
        ("finding.too_many_rally_points", len(plan.rally_points), limits.rally_points),
    ):
        if count > limit:
            yield Finding.error(key, count=count, limit=limit)


def speed_at(items: Sequence[MissionItem]) -> dict[int, float]:
    """Return the ground speed set when each item is flown to, 0 where none is set.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0.

    Returns
    -------
    dict of int to float
        Number on board to metres per second.
    """
    speed_m_s, found = 0.0, {}
    for number, item in numbered(items):
        if item.command == Command.DO_CHANGE_SPEED and int(item.param1) in (0, 1):
            speed_m_s = item.param2
        found[number] = speed_m_s
    return found


def placed(items: Sequence[MissionItem]) -> list[Numbered]:
    """Return the items that must have a place: located, but neither TAKEOFF nor LAND."""
    free = (Command.NAV_TAKEOFF, Command.NAV_LAND, Command.DO_LAND_START)
    return [e for e in numbered(items) if e[1].command in LOCATED and e[1].command not in free]
