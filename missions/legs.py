"""The straight legs a list of items flies, and whether camera or sprayer works on each.

One reading of the items serves formats, pages, pictures and checks: where the aircraft goes, at
what height and speed, and what is switched on. A DO_ item runs when the navigation item before it
is reached, that is, on the leg to the next one (seen on ArduCopter). Items behind a
CONDITION_DISTANCE are held back until the next waypoint is that near: the leg is cut there, so that
on each piece things are as they are. What is still held back when the waypoint is reached is
forgotten. So a leg may be told in several pieces, all with the number of the item flown to.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from agri.geo import LonLat, distance_m
from missions.dose import SERVO_MIN_US
from missions.items import Command, MissionItem

_FLOWN_TO = frozenset(
    {
        Command.NAV_WAYPOINT,
        Command.NAV_SPLINE_WAYPOINT,
        Command.NAV_LOITER_TIME,
        Command.NAV_LAND,
    }
)
_WAITS = _FLOWN_TO - {Command.NAV_LAND}
_NAVIGATION = range(95)
"""MAV_CMD numbers of places to go and waits."""
ON_THE_SPOT_M = 0.005
"""Pieces of a leg shorter than this are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlownLeg:
    """One straight leg between two places, or a piece of one on which nothing is switched.

    Parameters
    ----------
    seq : int
        Number on board of the item flown to (the first item is 1; home is 0).
    start, end : LonLat
        From where to where.
    start_height_m, end_height_m : float
        In the items' frame, above home for RELATIVE.
    trigger_m : float
        Distance between pictures on this leg, 0 when the camera rests.
    spray_on : bool
        Whether the sprayer is switched on: DO_SPRAYER with a first parameter of 1 (anything else
        switches it off, as ArduCopter reads it), or the pump's own servo above its rest.
    speed_m_s : float
        Ground speed set for it, 0 when none is.
    pump_us : float
        Pulse of a pump on a plain servo, 0 when none is told.
    stop_s : float
        How long the aircraft stands at its end, 0 when it flies on.
    """

    seq: int
    start: LonLat
    end: LonLat
    start_height_m: float
    end_height_m: float
    trigger_m: float
    spray_on: bool = False
    speed_m_s: float = 0.0
    pump_us: float = 0.0
    stop_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Switches:
    """How things are switched."""

    trigger_m: float = 0.0
    sprayer: bool = False
    speed_m_s: float = 0.0
    pump_us: float = 0.0

    @property
    def spray_on(self) -> bool:
        return self.sprayer or self.pump_us > SERVO_MIN_US

    def after(self, items: Iterable[MissionItem], pump_channel: int) -> _Switches:
        """Return how they are once `items` have run."""
        now = self
        for item in items:
            if item.command == Command.DO_SET_CAM_TRIGG_DIST:
                now = replace(now, trigger_m=max(item.param1, 0.0))
            elif item.command == Command.DO_SPRAYER:
                now = replace(now, sprayer=sprayer_on(item))
            elif item.command == Command.DO_CHANGE_SPEED and int(item.param1) in (0, 1):
                now = replace(now, speed_m_s=item.param2)
            elif is_pump(item, pump_channel):
                now = replace(now, pump_us=item.param2)
        return now


def sprayer_on(item: MissionItem) -> bool:
    """Return whether a DO_SPRAYER switches on: ArduCopter keeps its parameter as a whole number."""
    return int(item.param1) == 1


def is_pump(item: MissionItem, pump_channel: int) -> bool:
    """Return whether an item sets the pump on the servo `pump_channel` (0: there is none)."""
    return item.command == Command.DO_SET_SERVO and 0 < pump_channel == int(item.param1)


def flown_legs(
    items: Sequence[MissionItem], home: LonLat, *, pump_channel: int = 0
) -> tuple[FlownLeg, ...]:
    """Return the legs flown from `home` through `items`, RETURN_TO_LAUNCH back to `home`.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0; item i of the list is number i + 1 on board.
    home : LonLat
        Take-off place.
    pump_channel : int
        Servo of a pump that DO_SET_SERVO drives (`missions.pump.pump_channel`), 0 for none.

    Returns
    -------
    tuple of FlownLeg
        In flying order; vertical take-off and landing have no leg.
    """
    legs: list[FlownLeg] = []
    here, height_m, now = home, 0.0, _Switches()
    held: list[tuple[float, list[MissionItem]]] = []
    for seq, item in enumerate(items, start=1):
        if item.command == Command.CONDITION_DISTANCE:
            held.append((item.param1, []))
        elif item.command == Command.NAV_RETURN_TO_LAUNCH or item.command in _FLOWN_TO:
            returns = item.command == Command.NAV_RETURN_TO_LAUNCH
            located = bool(item.x or item.y) and not returns
            there = item.place if located else home if returns else here
            end_height_m = height_m if returns else item.z
            whole = FlownLeg(
                seq=seq,
                start=here,
                end=there,
                start_height_m=height_m,
                end_height_m=end_height_m,
                trigger_m=0.0,
                stop_s=float(int(item.param1)) if item.command in _WAITS else 0.0,
            )
            now = _fly(whole, now, held, pump_channel, legs)
            here, height_m, held = there, end_height_m, []
        elif item.command in _NAVIGATION:
            height_m = item.z if item.command == Command.NAV_TAKEOFF else height_m
            held = []
        elif held:
            held[-1][1].append(item)
        else:
            now = now.after([item], pump_channel)
    return tuple(legs)


def _fly(
    whole: FlownLeg,
    now: _Switches,
    held: Sequence[tuple[float, list[MissionItem]]],
    pump_channel: int,
    legs: list[FlownLeg],
) -> _Switches:
    """Add the pieces of one leg to `legs` and return how things are switched at its end."""
    if whole.start == whole.end:
        return now
    length_m = distance_m(whole.start, whole.end) if held else math.inf
    begin_m = 0.0
    for left_m, orders in held:
        at_m = max(begin_m, length_m - max(left_m, 0.0))
        if at_m >= length_m - ON_THE_SPOT_M:
            break
        if at_m > begin_m + ON_THE_SPOT_M:
            legs.append(_piece(whole, now, begin_m / length_m, at_m / length_m))
            begin_m = at_m
        now = now.after(orders, pump_channel)
    legs.append(_piece(whole, now, begin_m / length_m if begin_m else 0.0, 1.0))
    return now


def _piece(whole: FlownLeg, now: _Switches, first: float, last: float) -> FlownLeg:
    def place(share: float) -> LonLat:
        if share in (0.0, 1.0):
            return whole.end if share else whole.start
        start, end = whole.start, whole.end
        return LonLat(
            lon_deg=start.lon_deg + share * (end.lon_deg - start.lon_deg),
            lat_deg=start.lat_deg + share * (end.lat_deg - start.lat_deg),
        )

    low_m, rise_m = whole.start_height_m, whole.end_height_m - whole.start_height_m
    return replace(
        whole,
        start=place(first),
        end=place(last),
        start_height_m=low_m + first * rise_m if first else low_m,
        end_height_m=low_m + last * rise_m if last != 1.0 else whole.end_height_m,
        trigger_m=now.trigger_m,
        spray_on=now.spray_on,
        speed_m_s=now.speed_m_s,
        pump_us=now.pump_us,
        stop_s=whole.stop_s if last == 1.0 else 0.0,
    )
