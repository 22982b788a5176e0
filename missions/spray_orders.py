"""What a list of items orders the sprayer on every leg: the one reading of it.

A DO_ item runs when the navigation item before it is reached, that is, on the leg to the next one.
Behind CONDITION_DISTANCE it waits until the next waypoint is that near; what still waits when the
waypoint is reached is lost (seen on ArduCopter 4.6-dev). `ordered_legs` follows both rules, so that
whoever draws, checks or simulates a spray flight sees the same stretches with the sprayer on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agri.geo import LonLat, distance_m
from missions.dose import PUMP_CHANNEL, SERVO_MAX_US, SERVO_MIN_US
from missions.items import Command, MissionItem

_FLOWN_TO = frozenset(
    {
        Command.NAV_WAYPOINT,
        Command.NAV_SPLINE_WAYPOINT,
        Command.NAV_LOITER_TIME,
        Command.NAV_LAND,
        Command.NAV_RETURN_TO_LAUNCH,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the sprayer and the aircraft's speed are set to.

    Parameters
    ----------
    on : bool
        Whether the sprayer is on.
    output : float
        Share of full output of a pump on a plain servo; 0 where the pump follows the speed.
    speed_m_s : float
        Ground speed asked, 0 before any is.
    """

    on: bool = False
    output: float = 0.0
    speed_m_s: float = 0.0


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


def ordered_legs(items: Sequence[MissionItem], home: LonLat) -> tuple[OrderedLeg, ...]:
    """Return the legs flown from `home` through `items` and what the sprayer is told on each.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0; item i of the list is number i + 1 on board.
    home : LonLat
        Take-off place.

    Returns
    -------
    tuple of OrderedLeg
        In flying order, RETURN_TO_LAUNCH back to `home` included.
    """
    legs: list[OrderedLeg] = []
    now = Setting()
    waiting: list[tuple[float | None, MissionItem]] = []
    distance: float | None = None
    here, height_m = home, 0.0
    for seq, item in enumerate(items, start=1):
        if item.command == Command.NAV_TAKEOFF:
            height_m = item.z
        elif item.command == Command.CONDITION_DISTANCE:
            distance = item.param1
        elif item.command in _FLOWN_TO or item.command == Command.NAV_DELAY:
            there, top_m = _target(item, here, height_m, home)
            length_m = distance_m(here, there)
            orders = _orders(waiting, now, length_m)
            legs.append(
                OrderedLeg(seq=seq, start=here, end=there, start_height_m=height_m,
                           end_height_m=top_m, length_m=length_m, stay_s=_stay_s(item),
                           orders=orders)
            )  # fmt: skip
            now, here, height_m = orders[-1][1], there, top_m
            waiting, distance = [], None
        else:
            waiting.append((distance, item))
            distance = None
    return tuple(leg for leg in legs if leg.length_m > 0.0 or leg.stay_s > 0.0)


def _target(item: MissionItem, here: LonLat, height_m: float, home: LonLat) -> tuple[LonLat, float]:
    """Return where an item leads to, and how high."""
    if item.command == Command.NAV_RETURN_TO_LAUNCH:
        return home, height_m
    if item.command == Command.NAV_DELAY:
        return here, height_m
    return (item.place if item.x or item.y else here), item.z


def _stay_s(item: MissionItem) -> float:
    stays = (Command.NAV_WAYPOINT, Command.NAV_LOITER_TIME, Command.NAV_DELAY)
    return max(0.0, item.param1) if item.command in stays else 0.0


def _orders(
    waiting: Sequence[tuple[float | None, MissionItem]], now: Setting, length_m: float
) -> tuple[tuple[float, Setting], ...]:
    """Return from where along a leg which setting holds."""
    found = [(0.0, now)]
    at_m = 0.0
    for distance, item in waiting:
        if distance is not None:
            at_m = max(at_m, length_m - distance)
        if at_m >= length_m > 0.0:
            break
        now = _told(item, now)
        if at_m <= 0.0:
            found[-1] = (0.0, now)
        else:
            found.append((at_m, now))
    return tuple(found)


def _told(item: MissionItem, now: Setting) -> Setting:
    """Return the setting after an item."""
    if item.command == Command.DO_SPRAYER:
        return Setting(on=int(item.param1) == 1, output=now.output, speed_m_s=now.speed_m_s)
    if item.command == Command.DO_SET_SERVO and int(item.param1) == PUMP_CHANNEL:
        output = (item.param2 - SERVO_MIN_US) / (SERVO_MAX_US - SERVO_MIN_US)
        return Setting(on=output > 0.0, output=max(0.0, output), speed_m_s=now.speed_m_s)
    if item.command == Command.DO_CHANGE_SPEED and item.param2 > 0.0:
        return Setting(on=now.on, output=now.output, speed_m_s=item.param2)
    return now
