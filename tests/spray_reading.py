"""Where a list of items flies and sprays, read with plain arithmetic and nothing of agri's.

Orders run when the waypoint before them is reached; those behind a CONDITION_DISTANCE wait until
the next waypoint is that near, and are forgotten when it is reached. Flying on, it is reached when
the target is there, the aircraft up to 0.12 s behind: nearer orders are read as lost, before a stop
none is. From DO_SPRAYER 1 to a turning pump pass 0.5 s, a servo turns at once, and the hose delays
both ends. The speed some way from a corner is √(1.2² + 2 · 1.35 · way), up to what was set: as
ArduCopter was seen to fly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.ops
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from agri.geo import LocalFrame
from missions.flightplan import FlightPlan
from missions.items import MissionItem
from missions.sprayer.gear import PumpControl

SPRAYER_ON_S = 0.5
LOST_S, LOST_M = 0.12, 0.3
ROUNDING_M = 0.05
REST_US = 1100.0
SHARP_DEG = 20.0
XY = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wet:
    """A way along which liquid leaves the nozzles, and what was set there."""

    points: tuple[XY, ...]
    speed_m_s: float
    pulse_us: float

    @property
    def line(self) -> LineString:
        return LineString(self.points)

    def ground(self, width_m: float, late_m: float = 0.0, early_m: float = 0.0) -> BaseGeometry:
        """The ground under it, without its first metres and its last."""
        line = self.line
        if late_m + early_m >= line.length:
            return Polygon()
        kept = shapely.ops.substring(line, late_m, line.length - early_m)
        return kept.buffer(width_m / 2.0, cap_style="flat", join_style="mitre")


class Flown:
    """The level legs of a mission, metres around its field, and its wet ways."""

    def __init__(self, plan: FlightPlan) -> None:
        assert plan.site is not None
        assert plan.spray is not None
        self.plan = plan
        self.frame = plan.site.field.frame
        self.home: XY = self.frame.metres(plan.home)
        self.lines: list[LineString] = []
        self._stops: list[bool] = []
        self.switchings: list[tuple[float, float]] = []
        """From where to where, metres along the whole way, the sprayer is ordered on."""
        self.servo = plan.spray.settings.sprayer.control is PumpControl.SERVO
        self._hose_s = plan.spray.settings.sprayer.hose_s
        self._set: list[tuple[float, float]] = []
        self._speed, self._on_m = 0.0, math.nan
        self._read()
        self.left_on = not math.isnan(self._on_m)
        self.starts = np.concatenate([[0.0], np.cumsum([line.length for line in self.lines])])
        self.wets = [self._wet(*pair, n) for n, pair in enumerate(self.switchings)]

    def _read(self) -> None:
        here, far_m = self.home, 0.0
        held: list[tuple[float, list[MissionItem]]] = []
        for item in self.plan.items:
            if item.command in (16, 20):
                there = here
                if item.command == 20:
                    there = self.home
                elif item.x or item.y:
                    there = self.frame.metres(item.place)
                length_m = math.dist(here, there)
                stops = item.command == 16 and item.param1 >= 1.0
                lost_m = 0.0 if stops else max(LOST_M, LOST_S * self._speed)
                for left_m, orders in held:
                    for order in orders if left_m > lost_m else ():
                        self._obey(order, far_m + max(0.0, length_m - left_m))
                if length_m > 1e-6:
                    self.lines.append(LineString([here, there]))
                    self._stops.append(stops)
                    far_m += length_m
                here, held = there, []
            elif item.command == 114:
                held.append((item.param1, []))
            elif held:
                held[-1][1].append(item)
            else:
                self._obey(item, far_m)

    def _obey(self, item: MissionItem, at_m: float) -> None:
        if item.command == 178:
            self._speed = item.param2
        turned = self.turned(item)
        if turned is True and math.isnan(self._on_m):
            self._on_m = at_m
            self._set.append((self._speed, item.param2 if self.servo else 0.0))
        if turned is False and not math.isnan(self._on_m):
            self.switchings.append((self._on_m, at_m))
            self._on_m = math.nan

    def turned(self, item: MissionItem) -> bool | None:
        """Return whether an item turns the pump on or off, None when it does neither."""
        if item.command == (183 if self.servo else 216):
            return item.param2 > REST_US if self.servo else int(item.param1) == 1
        return None

    def _wet(self, on_m: float, off_m: float, number: int) -> Wet:
        """Return the wet way of one switching, its first drop and its last reckoned."""
        speed, pulse_us = self._set[number]
        delay_s = self._hose_s + (0.0 if self.servo else SPRAYER_ON_S)
        before_m, after_m = self._corners(on_m, off_m)
        wet_m = on_m + gone_m(on_m - before_m, speed, delay_s)
        last_m = off_m
        if after_m - off_m > ROUNDING_M:
            now = near_corner(after_m - off_m, speed)
            last_m += now * self._hose_s
            if now < speed:
                last_m -= 0.675 * self._hose_s**2
        points = self._way(wet_m, max(last_m, wet_m + 0.01))
        return Wet(points=points, speed_m_s=speed, pulse_us=pulse_us)

    def _corners(self, on_m: float, off_m: float) -> tuple[float, float]:
        """Return where along the way the corner before and the corner after a switching lie."""
        first = int(np.searchsorted(self.starts, on_m + ROUNDING_M, side="right")) - 1
        last = int(np.searchsorted(self.starts, off_m - ROUNDING_M, side="right")) - 1
        while first > 0 and self._flies_on(first - 1):
            first -= 1
        while last + 1 < len(self.lines) and self._flies_on(last):
            last += 1
        return float(self.starts[first]), float(self.starts[last + 1])

    def _flies_on(self, leg: int) -> bool:
        """Whether a leg goes over into the next without slowing down."""
        turned = turn_deg(self.lines[leg], self.lines[leg + 1])
        return not self._stops[leg] and turned < SHARP_DEG

    def _way(self, from_m: float, to_m: float) -> tuple[XY, ...]:
        inner = self.starts[(self.starts > from_m + 1e-6) & (self.starts < to_m - 1e-6)]
        return tuple(self.at(far_m) for far_m in (from_m, *inner, to_m))

    def at(self, far_m: float) -> XY:
        """Return the place so far along the whole way."""
        leg = int(np.searchsorted(self.starts, far_m, side="right")) - 1
        leg = min(max(leg, 0), len(self.lines) - 1)
        place = self.lines[leg].interpolate(far_m - self.starts[leg])
        return place.x, place.y

    def turns_while_on(self) -> float:
        """Return the sharpest turn flown with the sprayer ordered on, degrees."""
        sharpest = 0.0
        for on_m, off_m in self.switchings:
            inner = np.flatnonzero(
                (self.starts > on_m + ROUNDING_M) & (self.starts < off_m - ROUNDING_M)
            )
            for corner in inner:
                sharpest = max(sharpest, turn_deg(self.lines[corner - 1], self.lines[corner]))
        return sharpest


def turn_deg(first: LineString, second: LineString) -> float:
    """Return the angle between two legs."""
    (x0, y0), (x1, y1) = first.coords
    (x2, y2), (x3, y3) = second.coords
    turn = math.atan2(y3 - y2, x3 - x2) - math.atan2(y1 - y0, x1 - x0)
    return abs(math.degrees(math.remainder(turn, math.tau)))


def near_corner(way_m: float, speed_m_s: float) -> float:
    """Return the speed so far from a corner."""
    return min(speed_m_s, math.sqrt(1.2**2 + 2.0 * 1.35 * max(0.0, way_m)))


def gone_m(from_corner_m: float, speed_m_s: float, time_s: float) -> float:
    """Return the way flown in a time, some way past a corner."""
    now = near_corner(from_corner_m, speed_m_s)
    gaining_s = min(time_s, (speed_m_s - now) / 1.35)
    return now * gaining_s + 0.675 * gaining_s**2 + speed_m_s * (time_s - gaining_s)


def fence(plan: FlightPlan, frame: LocalFrame) -> tuple[list[Polygon], list[Polygon]]:
    """Return what a plan stays in and stays out of."""
    shapes: tuple[list[Polygon], list[Polygon]] = ([], [])
    for polygon in plan.fence_polygons:
        ring = [frame.metres(vertex) for vertex in polygon.vertices]
        shapes[not polygon.inclusion].append(Polygon(ring))
    return shapes
