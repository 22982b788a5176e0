"""What a list of items flies and orders, leg by leg: the one reading of it.

Formats, pages, pictures, checks and the flight on paper all look at the items through this room:
where the aircraft goes, at what height and speed, and what is switched on. A DO_ item runs when the
navigation item before it is reached, that is, on the leg to the next one. Items behind a
CONDITION_DISTANCE wait until the next waypoint is that near; what still waits when the waypoint is
reached is lost (both seen on ArduCopter 4.6-dev).

`ordered_legs` tells every leg and every stay with all that is ordered on it. `flown_legs` cuts the
legs where something is switched, so that on each piece things are as they are: a leg may be told in
several pieces, all with the number of the item flown to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from agri.geo import LonLat, distance_m
from missions.items import Command, MissionItem
from missions.sprayer.dose import PUMP_CHANNEL, SERVO_MAX_US, SERVO_MIN_US

_FLOWN_TO = frozenset(
    {
        Command.NAV_WAYPOINT,
        Command.NAV_SPLINE_WAYPOINT,
        Command.NAV_LOITER_TIME,
        Command.NAV_LAND,
        Command.NAV_DELAY,
        Command.NAV_RETURN_TO_LAUNCH,
    }
)
_WHOLE_SECONDS = frozenset(
    {Command.NAV_WAYPOINT, Command.NAV_SPLINE_WAYPOINT, Command.NAV_LOITER_TIME}
)
"""ArduCopter keeps how long these stay as a whole number."""
_NAVIGATION = range(95)
"""MAV_CMD numbers of places to go and waits."""
ON_THE_SPOT_M = 0.005
"""Pieces of a leg shorter than this are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What camera, sprayer and speed are set to.

    Parameters
    ----------
    trigger_m : float
        Distance between pictures, 0 when the camera rests.
    sprayer : bool
        What DO_SPRAYER told last.
    pump_us : float
        Pulse of a pump on a plain servo, 0 when none is told.
    speed_m_s : float
        Ground speed asked, 0 before any is.
    """

    trigger_m: float = 0.0
    sprayer: bool = False
    pump_us: float = 0.0
    speed_m_s: float = 0.0

    @property
    def on(self) -> bool:
        """Whether the sprayer is on."""
        return self.sprayer or self.pump_us > SERVO_MIN_US

    @property
    def output(self) -> float:
        """Share of full output of a pump on a plain servo; 0 where the pump follows the speed."""
        return max(0.0, (self.pump_us - SERVO_MIN_US) / (SERVO_MAX_US - SERVO_MIN_US))

    def after(self, item: MissionItem, pump_channel: int) -> Setting:
        """Return the setting once `item` has run."""
        if item.command == Command.DO_SET_CAM_TRIGG_DIST:
            return replace(self, trigger_m=max(item.param1, 0.0))
        if item.command == Command.DO_SPRAYER:
            return replace(self, sprayer=sprayer_on(item))
        if item.command == Command.DO_CHANGE_SPEED:
            told = int(item.param1) in (0, 1) and item.param2 > 0.0
            return replace(self, speed_m_s=item.param2) if told else self
        if is_pump(item, pump_channel):
            return replace(self, pump_us=item.param2)
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedLeg:
    """One straight leg, or a stay in one place, and what is ordered on it.

    Parameters
    ----------
    seq : int
        Number on board of the item flown to (the first item is 1; home is 0).
    start, end : LonLat
        From where to where; equal for a stay.
    start_height_m, end_height_m : float
        In the items' frame.
    length_m : float
        Between start and end.
    stay_s : float
        How long it is stayed at the end of it.
    orders : tuple of (float, Setting)
        From how far along the leg which setting holds; the first from 0.
    """

    seq: int
    start: LonLat
    end: LonLat
    start_height_m: float
    end_height_m: float
    length_m: float
    stay_s: float
    orders: tuple[tuple[float, Setting], ...]

    @property
    def sprays(self) -> bool:
        """Whether the sprayer is on anywhere on it."""
        return bool(self.stretches) or (self.stay_s > 0.0 and self.orders[-1][1].on)

    @property
    def stretches(self) -> tuple[tuple[float, float], ...]:
        """From where to where along it, metres, the sprayer is on."""
        found: list[tuple[float, float]] = []
        ends = [*(at for at, _ in self.orders[1:]), self.length_m]
        for (at, setting), until in zip(self.orders, ends, strict=True):
            if not setting.on or until <= at:
                continue
            if found and found[-1][1] == at:
                found[-1] = (found[-1][0], until)
            else:
                found.append((at, until))
        return tuple(found)


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


def sprayer_on(item: MissionItem) -> bool:
    """Return whether a DO_SPRAYER switches on: ArduCopter keeps its parameter as a whole number."""
    return int(item.param1) == 1


def is_pump(item: MissionItem, pump_channel: int) -> bool:
    """Return whether an item sets the pump on the servo `pump_channel` (0: there is none)."""
    return item.command == Command.DO_SET_SERVO and 0 < pump_channel == int(item.param1)


def ordered_legs(
    items: Sequence[MissionItem], home: LonLat, *, pump_channel: int = PUMP_CHANNEL
) -> tuple[OrderedLeg, ...]:
    """Return the legs and stays from `home` through `items`, and what is ordered on each.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0; item i of the list is number i + 1 on board.
    home : LonLat
        Take-off place.
    pump_channel : int
        Servo of a pump that DO_SET_SERVO drives (`missions.wire.pump.pump_channel`), 0 for none.

    Returns
    -------
    tuple of OrderedLeg
        In flying order, RETURN_TO_LAUNCH back to `home` included; vertical take-off and landing
        have no leg.
    """
    legs: list[OrderedLeg] = []
    here, height_m, now = home, 0.0, Setting()
    waiting: list[tuple[float | None, MissionItem]] = []
    distance: float | None = None
    for seq, item in enumerate(items, start=1):
        if item.command == Command.CONDITION_DISTANCE:
            distance = item.param1 if distance is None else min(distance, item.param1)
            continue
        if item.command not in _NAVIGATION:
            waiting.append((distance, item))
            distance = None
            continue
        there, top_m, stay_s = here, height_m, 0.0
        if item.command in _FLOWN_TO:
            there, top_m, stay_s = *_target(item, here, height_m, home), _stay_s(item)
        elif item.command == Command.NAV_TAKEOFF:
            top_m = item.z
        length_m = 0.0 if there == here else distance_m(here, there)
        orders = _orders(waiting, now, length_m, stay_s, pump_channel)
        if length_m > 0.0 or stay_s > 0.0:
            legs.append(
                OrderedLeg(seq=seq, start=here, end=there, start_height_m=height_m,
                           end_height_m=top_m, length_m=length_m, stay_s=stay_s, orders=orders)
            )  # fmt: skip
        now, here, height_m = orders[-1][1], there, top_m
        waiting, distance = [], None
    return tuple(legs)


def _target(item: MissionItem, here: LonLat, height_m: float, home: LonLat) -> tuple[LonLat, float]:
    """Return where an item leads to, and how high."""
    if item.command == Command.NAV_RETURN_TO_LAUNCH:
        return home, height_m
    if item.command == Command.NAV_DELAY:
        return here, height_m
    return (item.place if item.x or item.y else here), item.z


def _stay_s(item: MissionItem) -> float:
    if item.command in _WHOLE_SECONDS:
        return float(max(0, int(item.param1)))
    return max(0.0, item.param1) if item.command == Command.NAV_DELAY else 0.0


def _orders(
    waiting: Sequence[tuple[float | None, MissionItem]],
    now: Setting,
    length_m: float,
    stay_s: float,
    pump_channel: int,
) -> tuple[tuple[float, Setting], ...]:
    """Return from where along a leg which setting holds."""
    found = [(0.0, now)]
    at_m = 0.0
    for distance, item in waiting:
        if distance is not None:
            at_m = max(at_m, length_m - max(distance, 0.0))
            if at_m >= length_m - ON_THE_SPOT_M and (length_m > 0.0 or stay_s == 0.0):
                break
        now = now.after(item, pump_channel)
        if at_m <= found[-1][0] + ON_THE_SPOT_M:
            found[-1] = (found[-1][0], now)
        else:
            found.append((at_m, now))
    return tuple(found)


def flown_legs(
    items: Sequence[MissionItem], home: LonLat, *, pump_channel: int = 0
) -> tuple[FlownLeg, ...]:
    """Return the legs flown from `home` through `items`, cut where something is switched.

    Parameters
    ----------
    items, home, pump_channel
        As in `ordered_legs`; by default no pump hangs on a plain servo.

    Returns
    -------
    tuple of FlownLeg
        In flying order; stays in one place have none.
    """
    legs = ordered_legs(items, home, pump_channel=pump_channel)
    return tuple(piece for leg in legs if leg.length_m > 0.0 for piece in _pieces(leg))


def _pieces(leg: OrderedLeg) -> Iterator[FlownLeg]:
    """Yield the pieces of a leg on which nothing is switched."""
    shares = [*(at / leg.length_m for at, _ in leg.orders), 1.0]
    for (first, last), (_, setting) in zip(itertools.pairwise(shares), leg.orders, strict=True):
        yield _piece(leg, setting, first, last)


def _piece(leg: OrderedLeg, now: Setting, first: float, last: float) -> FlownLeg:
    def place(share: float) -> LonLat:
        if share in (0.0, 1.0):
            return leg.end if share else leg.start
        start, end = leg.start, leg.end
        return LonLat(
            lon_deg=start.lon_deg + share * (end.lon_deg - start.lon_deg),
            lat_deg=start.lat_deg + share * (end.lat_deg - start.lat_deg),
        )

    low_m, rise_m = leg.start_height_m, leg.end_height_m - leg.start_height_m
    return FlownLeg(
        seq=leg.seq,
        start=place(first),
        end=place(last),
        start_height_m=low_m + first * rise_m if first else low_m,
        end_height_m=low_m + last * rise_m if last != 1.0 else leg.end_height_m,
        trigger_m=now.trigger_m,
        spray_on=now.on,
        speed_m_s=now.speed_m_s,
        pump_us=now.pump_us,
        stop_s=leg.stay_s if last == 1.0 else 0.0,
    )
