"""Whether a mission switches its sprayer as it must: read off the list of items alone (P3).

Nothing in ArduCopter switches a sprayer off when AUTO is left, and the pump follows the ground
speed: a sprayer forgotten on sprays all the way home (ardupilot issue 23927). So

* on and off alternate; an off may be said again at any time, an on may not;
* it is off from take-off to the first waypoint, and at every return and landing;
* an off that hangs on a CONDITION_DISTANCE is said again behind the waypoint: what is held back is
  forgotten when the waypoint is reached;
* there is a way home that begins with DO_LAND_START, where failsafes jump to. The first item behind
  it switches off, and so does one behind the first waypoint of that way: after a jump the items
  before the aircraft's next waypoint may have run, or not. It is never switched on again.

For a pump on a plain servo its own DO_SET_SERVO counts; DO_SPRAYER 0 alone does not stop it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agri.findings import Finding
from missions.items import Command, MissionItem
from missions.legs import is_pump, sprayer_on
from missions.sprayer.dose import SERVO_MIN_US

_NAVIGATION = range(95)
_PLACES = frozenset({Command.NAV_WAYPOINT, Command.NAV_SPLINE_WAYPOINT, Command.NAV_LOITER_TIME})
_ENDS = frozenset({Command.NAV_RETURN_TO_LAUNCH, Command.NAV_LAND})

Numbered = tuple[int, MissionItem]


def turns(item: MissionItem, pump_channel: int) -> bool | None:
    """Return whether an item turns the spray on or off, None when it does neither.

    Parameters
    ----------
    item : MissionItem
        Any item.
    pump_channel : int
        Servo of a pump that DO_SET_SERVO drives, 0 for none.

    Examples
    --------
    >>> turns(MissionItem(command=Command.DO_SPRAYER, param1=1.0), 0)
    True
    >>> turns(MissionItem(command=183, param1=9.0, param2=1100.0), 9)
    False
    """
    if is_pump(item, pump_channel):
        return item.param2 > SERVO_MIN_US
    if item.command == Command.DO_SPRAYER:
        return sprayer_on(item)
    return None


def stops(item: MissionItem, pump_channel: int) -> bool:
    """Return whether an item surely stops the spray."""
    own = is_pump(item, pump_channel) if pump_channel else item.command == Command.DO_SPRAYER
    return own and turns(item, pump_channel) is False


def check_switching(items: Sequence[MissionItem], pump_channel: int = 0) -> list[Finding]:
    """Return what is wrong with how a mission switches its sprayer.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0.
    pump_channel : int
        Servo of a pump that DO_SET_SERVO drives, 0 for none.
    """
    numbered = list(enumerate(items, start=1))
    return [
        *_states(numbered, pump_channel),
        *_way_home(numbered, pump_channel),
    ]


def _states(items: Sequence[Numbered], pump_channel: int) -> Iterator[Finding]:
    """Yield the first of each: on twice, on too early, on at a return, off only held back."""
    on = stuck = held = under_way = False
    told: set[str] = set()

    def once(key: str, number: int) -> Iterator[Finding]:
        if key not in told:
            told.add(key)
            yield Finding.error(key, item=number)

    for number, item in items:
        turned = turns(item, pump_channel)
        if item.command == Command.CONDITION_DISTANCE:
            held = True
        elif item.command in _NAVIGATION:
            held = False
            if item.command in _ENDS and (on or stuck):
                yield from once("finding.spray_on_at_return", number)
            under_way = under_way or (item.command in _PLACES and bool(item.x or item.y))
        elif turned:
            if not under_way:
                yield from once("finding.spray_on_at_takeoff", number)
            if stuck and not on:
                yield from once("finding.spray_off_held_back", number)
            elif on and item.command == Command.DO_SPRAYER:
                yield from once("finding.spray_on_twice", number)
            on = stuck = True
        elif stops(item, pump_channel):
            on, stuck = False, stuck and held


def _way_home(items: Sequence[Numbered], pump_channel: int) -> Iterator[Finding]:
    """Yield what is wrong with the ways home that failsafes jump to."""
    starts = [n for n, item in items if item.command == Command.DO_LAND_START]
    if not starts:
        yield Finding.error("finding.spray_no_land_start")
    for start in starts:
        behind = items[start:]
        if not _stopped(behind[:2] if pump_channel else behind[:1], pump_channel):
            yield Finding.error("finding.spray_land_start_first", item=start)
        first = next((k for k, (_, i) in enumerate(behind) if _is_place(i)), None)
        after = [] if first is None else _up_to_navigation(behind[first + 1 :])
        if not _stopped(after, pump_channel):
            yield Finding.error("finding.spray_land_start_again", item=start)
    if starts:
        again = next((n for n, i in items[starts[0] :] if turns(i, pump_channel)), None)
        if again is not None:
            yield Finding.error("finding.spray_on_in_return", item=again)


def _is_place(item: MissionItem) -> bool:
    return item.command in _PLACES and bool(item.x or item.y)


def _stopped(items: Sequence[Numbered], pump_channel: int) -> bool:
    return any(stops(item, pump_channel) for _, item in items)


def _up_to_navigation(items: Sequence[Numbered]) -> list[Numbered]:
    """Return the items that run at once: up to the next place, wait or condition."""
    found: list[Numbered] = []
    for entry in items:
        waits = entry[1].command in _NAVIGATION or entry[1].command == Command.CONDITION_DISTANCE
        if waits:
            break
        found.append(entry)
    return found
