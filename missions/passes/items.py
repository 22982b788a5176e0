"""From a spray route to the items of its flight.

Theory of operation
-------------------
::

    TAKEOFF · sprayer off · speed · [way] ·
    run-up waypoint · distance, on · (distance, speed)… · distance, off · run-out waypoint, off · …
    DO_LAND_START · sprayer off · way home, off again after its first waypoint · off · RTL

* `missions.passes.flight` tells why a swath is one leg, `missions.passes.timing` where the
  pump is told what. CONDITION_DISTANCE holds back the items after it until the next waypoint is
  that near.
* ArduCopter forgets what is still held back when the waypoint is reached, and corners are cut by
  WPNAV_RADIUS. An order nearer to the waypoint than `NEAR_M` is therefore written behind it, and
  the off is always written behind it **once more**: no leg outside a swath is flown on the
  strength of a condition.
* An on that a bend, or a waypoint where the ground changes its slope, would lose
  (`missions.passes.timing.on_lost_m`) gets a waypoint of its own on the run-up, as far before the
  swath as from a corner it must be, and is given there at once.
* A swath takes seven items, a bend one more, and the transit's corners.
* Behind a ring or a swath slower than the job the speed is told anew before the way to the next
  (`missions.passes.speeds`): the aircraft would fly on at half a metre a second. A run slower than
  the way to it begins from a stop of `STOP_S`.
* A spot is hovered over: waypoint, on, NAV_DELAY (which takes fractions of a second), off.
* The way home begins with DO_LAND_START, where failsafes and AUTO_RTL jump to; the item behind it
  switches the sprayer off, and it is switched off once more at the leg's first waypoint and before
  RETURN_TO_LAUNCH.
* A pump on a plain servo is set by DO_SET_SERVO in steps of the flow a pass asks; DO_SPRAYER 0 is
  written for it as well, where it does no harm.

A jump by failsafe flies straight from wherever it happens to the leg's first waypoint. Where
something stands inside the fence, the leg begins by climbing over it on the spot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agri.geo import LocalFrame, LonLat
from missions.airspace.route import Place
from missions.items import Command, MissionItem, item_at
from missions.passes.flight import AT_ONCE_M, Flight, Run, flight, ordered_m
from missions.passes.route import Pass, SprayRoute
from missions.passes.speeds import STOP_S, begins_at_rest, transit_speeds
from missions.passes.timing import NEAR_M, full_after_s, on_from_corner_m, on_lost_m, pump_on_s
from missions.sprayer.dose import PUMP_CHANNEL, SERVO_MIN_US, flow_l_min, servo_pwm
from missions.sprayer.gear import PumpControl, Sprayer
from missions.sprayer.job import SpraySettings
from missions.terrain.heights import Agreed, Flat, Heights

Place3 = tuple[Place, float]
"""A place and its height."""
SAME_PLACE_M = 0.05
"""Places nearer than this are one waypoint."""
LATE_M = 0.3
"""An off this much late, behind a bend, is let be."""


def spray_items(
    route: SprayRoute,
    settings: SpraySettings,
    frame: LocalFrame,
    home: LonLat,
    *,
    heights: Heights | None = None,
    climb_home_m: float = 0.0,
) -> tuple[MissionItem, ...]:
    """Return the items that fly a route.

    Parameters
    ----------
    route : SprayRoute
        Passes and where legs may run, metres of `frame`.
    settings : SpraySettings
        The job's.
    frame : LocalFrame
        Of the route.
    home : LonLat
        The pad.
    heights : Heights, optional
        By default the flying height above home throughout.
    climb_home_m : float
        Height to which the way home climbs on the spot; 0 flies it as high as the work.

    Returns
    -------
    tuple of MissionItem
        Without ArduPilot's item 0.

    Raises
    ------
    Refused
        When the allowed region joins two passes, or a pass and the pad, by no way.
    """
    level = heights or Flat(height_m=settings.flying_height_m)
    flown = flight(route, full_after_s(settings.sprayer))
    ways = [way for run, to in zip(flown.runs, flown.transits, strict=False)
            for way in (to, run.points)]  # fmt: skip
    agreed = Agreed(heights=level, ways=(*ways, flown.transits[-1]))
    writer = _Writer(settings, frame, home, agreed)
    return tuple(writer.items(flown, climb_home_m))


def item_count(
    route: SprayRoute, settings: SpraySettings, *, heights: Heights | None = None
) -> int:
    """Return how many items a route takes, the climb home counted.

    Parameters
    ----------
    route, settings, heights
        As in `spray_items`.
    """
    here = LonLat(lon_deg=0.0, lat_deg=0.0)
    frame = LocalFrame(here)
    return len(spray_items(route, settings, frame, here, heights=heights, climb_home_m=1.0))


@dataclass(frozen=True, slots=True)
class _Order:
    """What is ordered how far along a run; `must` tells that it may not be lost."""

    at_m: float
    items: tuple[MissionItem, ...]
    must: bool = True


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the items of one flight."""

    settings: SpraySettings
    frame: LocalFrame
    home: LonLat
    heights: Heights

    def items(self, flown: Flight, climb_home_m: float) -> Iterator[MissionItem]:
        """Yield the items from take-off to return."""
        start = self.heights.along([flown.transits[0][0]])[0]
        yield item_at(Command.NAV_TAKEOFF, self.home, start[1], frame=self.heights.frame)
        yield from self._off()
        speed = self.settings.speed_m_s
        yield _speed(speed)
        here: Place = flown.transits[0][0]
        between = transit_speeds(flown, speed)
        for run, way, between_m_s in zip(flown.runs, flown.transits, between, strict=False):
            if between_m_s != speed:
                speed = between_m_s
                yield _speed(speed)
            stop_s = STOP_S if begins_at_rest(run, speed) else 0.0
            yield from self._way(way, here, stop_s)
            here = run.points[0]
            if run.is_spot:
                yield from self._spot(run.passes[0])
            else:
                if run.passes[0].speed_m_s != speed:
                    yield _speed(run.passes[0].speed_m_s)
                yield from self._run(run)
                here = run.points[-1]
                speed = run.passes[-1].speed_m_s
        if speed != self.settings.speed_m_s:
            yield _speed(self.settings.speed_m_s)
        yield from self._way_home(flown.transits[-1], climb_home_m)

    def _way(self, way: Sequence[Place], here: Place, stop_s: float = 0.0) -> Iterator[MissionItem]:
        """Yield the waypoints of a transit, its last place included, where it may stop."""
        places = self.heights.along(way)
        for number, (place, height_m) in enumerate(places, start=1):
            if math.dist(here, place) >= SAME_PLACE_M:
                yield self._waypoint(place, height_m, stop_s if number == len(places) else 0.0)
                here = place

    def _way_home(self, way: Sequence[Place], climb_home_m: float) -> Iterator[MissionItem]:
        last, height_m = self.heights.along(way[:1])[0]
        yield MissionItem(
            command=Command.DO_LAND_START,
            frame=self.heights.frame,
            x=self.frame.place(*last).lat_e7,
            y=self.frame.place(*last).lon_e7,
            z=height_m,
        )
        yield from self._off()
        if climb_home_m > 0.0:
            yield MissionItem(command=Command.NAV_WAYPOINT, frame=self.heights.frame,
                              z=climb_home_m)  # fmt: skip
        places = self.heights.along(way)
        places = places[1:] if len(places) > 1 else places
        for number, (place, low_m) in enumerate(places):
            top_m = max(low_m, climb_home_m)
            if number == len(places) - 1:
                yield item_at(Command.NAV_WAYPOINT, self.home, top_m, frame=self.heights.frame)
            else:
                yield self._waypoint(place, top_m)
            if number == 0 or number == len(places) - 1:
                yield from self._off()
        yield MissionItem(command=Command.NAV_RETURN_TO_LAUNCH)

    def _run(self, run: Run) -> Iterator[MissionItem]:
        """Yield the items behind a run's first waypoint, up to its last and the off behind it."""
        on, *later = self._orders(run)
        places, on = self._with_on(self.heights.along(run.points), on, run)
        orders = [on, *later]
        begin_m = 0.0
        for number, ((start, _), (end, height_m)) in enumerate(pairwise(places), start=2):
            end_m = begin_m + math.dist(start, end)
            if number < len(places):
                orders[-1:] = [_before_bend(off, begin_m, end_m) for off in orders[-1:]]
            while orders and _in_time(orders[0], begin_m, end_m):
                order = orders.pop(0)
                if order.at_m > begin_m + AT_ONCE_M:
                    yield MissionItem(command=Command.CONDITION_DISTANCE,
                                      param1=round(end_m - order.at_m, 2))  # fmt: skip
                yield from order.items
            stops = number == len(places) and run.tail_m == 0.0
            yield self._waypoint(end, height_m, STOP_S if stops else 0.0)
            begin_m = end_m
        for order in orders[:-1]:
            yield from order.items
        yield from self._off()

    def _orders(self, run: Run) -> Iterator[_Order]:
        """Yield what is ordered along a run, the last one off."""
        on_m, off_m = ordered_m(run, self.settings.sprayer.hose_s, pump_s=self._pump_s)
        yield _Order(on_m, self._on(run.passes[0]), must=False)
        far_m = run.lead_m
        for before, after in pairwise(run.passes):
            far_m += before.length_m
            changed = self._changed(before, after)
            if changed and far_m < off_m:
                yield _Order(far_m, changed)
        yield _Order(off_m, self._off())

    def _with_on(
        self, places: Sequence[Place3], on: _Order, run: Run
    ) -> tuple[list[Place3], _Order]:
        """Return the places of a run and its on, which no waypoint behind it loses."""
        speed = run.passes[0].speed_m_s
        begin_m = 0.0
        for number, (start, end) in enumerate(pairwise(places[:-1]), start=1):
            end_m = begin_m + math.dist(start[0], end[0])
            if begin_m + AT_ONCE_M < on.at_m and 0.0 <= end_m - on.at_m < on_lost_m(speed):
                hose_s = self.settings.sprayer.hose_s
                at_m = run.lead_m - on_from_corner_m(speed, hose_s, pump_s=self._pump_s)
                at_m = min(max(on.at_m, at_m), end_m)
                share = (at_m - begin_m) / (end_m - begin_m)
                own = [_between(start, end, share)] if end_m - at_m >= SAME_PLACE_M else []
                return [*places[:number], *own, *places[number:]], _Order(at_m, on.items)
            begin_m = end_m
        return list(places), on

    @property
    def _pump_s(self) -> float:
        return pump_on_s(self.settings.sprayer)

    def _changed(self, before: Pass, after: Pass) -> tuple[MissionItem, ...]:
        """Return what must be told where one pass goes over into the next."""
        if self.settings.sprayer.control is PumpControl.SERVO:
            told = _servo(self.settings.sprayer, after)
            return (told,) if told != _servo(self.settings.sprayer, before) else ()
        return (_speed(after.speed_m_s),) if after.speed_m_s != before.speed_m_s else ()

    def _spot(self, work: Pass) -> Iterator[MissionItem]:
        yield from self._on(work)
        yield MissionItem(command=Command.NAV_DELAY, param1=round(work.dwell_s + self._pump_s, 2))
        yield from self._off()

    def _on(self, work: Pass) -> tuple[MissionItem, ...]:
        if self.settings.sprayer.control is PumpControl.SERVO:
            return (_servo(self.settings.sprayer, work),)
        return (_sprayer(on=True),)

    def _off(self) -> tuple[MissionItem, ...]:
        off = _sprayer(on=False)
        if self.settings.sprayer.control is PumpControl.SERVO:
            return (off, _servo_at(SERVO_MIN_US))
        return (off,)

    def _waypoint(self, place: Place, height_m: float, stop_s: float = 0.0) -> MissionItem:
        where = self.frame.place(*place)
        return item_at(
            Command.NAV_WAYPOINT, where, height_m, frame=self.heights.frame, param1=stop_s
        )


def _between(start: Place3, end: Place3, share: float) -> Place3:
    """Return the place so far from one to the other, with its height."""
    (here, low_m), (there, high_m) = start, end
    east_m, north_m = (a + (b - a) * share for a, b in zip(here, there, strict=True))
    return (east_m, north_m), low_m + (high_m - low_m) * share


def _in_time(order: _Order, begin_m: float, end_m: float) -> bool:
    """Return whether an order is surely carried out on a leg."""
    if order.at_m <= begin_m + AT_ONCE_M:
        return True
    return order.at_m <= end_m - (NEAR_M if order.must else 0.0)


def _before_bend(off: _Order, begin_m: float, end_m: float) -> _Order:
    """Return a run's off, sooner where a bend too near behind it would lose it.

    Behind the bend it would be up to `NEAR_M` late, and the swath as much too long; off is the safe
    state. `missions.spray.lines` lays passes that end straight, so that this is rare.
    """
    if not end_m - NEAR_M < off.at_m < end_m - LATE_M:
        return off
    return replace(off, at_m=max(begin_m, end_m - NEAR_M))


def _speed(speed_m_s: float) -> MissionItem:
    return MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=speed_m_s, param3=-1.0)


def _sprayer(*, on: bool) -> MissionItem:
    return MissionItem(command=Command.DO_SPRAYER, param1=1.0 if on else 0.0)


def _servo(sprayer: Sprayer, work: Pass) -> MissionItem:
    """Return the pump's setting for the flow a pass asks, or the nearest the pump gives."""
    if work.is_spot:
        wanted = work.spot_l / work.dwell_s * 60.0
    else:
        wanted = flow_l_min(work.rate_l_ha, work.width_m, work.speed_m_s)
    given = min(max(wanted, sprayer.min_flow_l_min), sprayer.max_flow_l_min)
    return _servo_at(servo_pwm(sprayer, given))


def _servo_at(pulse_us: int) -> MissionItem:
    return MissionItem(
        command=Command.DO_SET_SERVO, param1=float(PUMP_CHANNEL), param2=float(pulse_us)
    )
