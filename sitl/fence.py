"""The geofence: height ceiling, circle round home, polygons and circles, and when it is broken.

FENCE_TYPE is a mask: 1 the ceiling FENCE_ALT_MAX, 2 the circle FENCE_RADIUS round home, 4 the
polygons and circles that were uploaded, 8 the floor FENCE_ALT_MIN. As in ArduCopter a fence that
stays broken is reported once; the ceiling and the circle again for every 20 m more. After a change
of flight mode during a breach the fence keeps still for 10 s, so that a pilot can recover.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sitl.fence_storage import CIRCLES, POLYGONS
from sitl.ground import Ground
from sitl.parameters import Parameters
from sitl.storage import Item, Plan

ALT_MAX, CIRCLE, POLYGON, ALT_MIN = 1, 2, 4, 8
BACKUP_M = 20.0
GIVE_UP_M = 100.0
RECOVERY_S = 10.0
INCLUSIONS = frozenset({5001, 5003})

Ring = tuple[tuple[float, float], ...]


def inside(ring: Ring, east_m: float, north_m: float) -> bool:
    """Return whether a place lies in a closed ring, by counting crossings.

    Examples
    --------
    >>> square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    >>> inside(square, 5.0, 5.0), inside(square, 15.0, 5.0)
    (True, False)
    """
    within = False
    last_e, last_n = ring[-1]
    for corner_e, corner_n in ring:
        if (corner_n > north_m) != (last_n > north_m):
            share = (north_m - corner_n) / (last_n - corner_n)
            within ^= east_m < corner_e + share * (last_e - corner_e)
        last_e, last_n = corner_e, corner_n
    return within


def distance_to_ring(ring: Ring, east_m: float, north_m: float) -> float:
    """Return the distance from a place to the border of a ring, metres."""
    nearest = math.inf
    last_e, last_n = ring[-1]
    for corner_e, corner_n in ring:
        run_e, run_n = corner_e - last_e, corner_n - last_n
        length2 = run_e * run_e + run_n * run_n
        along = ((east_m - last_e) * run_e + (north_m - last_n) * run_n) / (length2 or 1.0)
        along = max(0.0, min(1.0, along))
        away = math.hypot(east_m - last_e - along * run_e, north_m - last_n - along * run_n)
        nearest = min(nearest, away)
        last_e, last_n = corner_e, corner_n
    return nearest


@dataclass(frozen=True, slots=True)
class Area:
    """One polygon, or one circle (a ring of one point with a radius)."""

    keep_in: bool
    ring: Ring
    radius_m: float = 0.0

    def beyond_m(self, east_m: float, north_m: float) -> float:
        """Return how far a place is on the wrong side of the border; negative on the right one."""
        if len(self.ring) == 1:
            away = math.dist((east_m, north_m), self.ring[0]) - self.radius_m
        else:
            border = distance_to_ring(self.ring, east_m, north_m)
            away = -border if inside(self.ring, east_m, north_m) else border
        return away if self.keep_in else -away


def read_areas(items: Sequence[Item], ground: Ground) -> list[Area]:
    """Return the areas that stored fence items describe (metres around the origin of `ground`)."""
    areas: list[Area] = []
    index = 0
    while index < len(items):
        head = items[index]
        keep_in = head.command in INCLUSIONS
        if head.command in POLYGONS:
            count = int(head.params[0])
            corners = tuple(ground.metres(i.x, i.y) for i in items[index : index + count])
            areas.append(Area(keep_in, corners))
            index += count
            continue
        if head.command in CIRCLES:
            areas.append(Area(keep_in, (ground.metres(head.x, head.y),), head.params[0]))
        index += 1
    return areas


class Fence:
    """The fence and the breaches it has seen.

    Attributes
    ----------
    breaches : int
        Mask of the parts broken now.
    count : int
        Breaches since switch-on.
    broken_s : float
        When the last breach began, simulated seconds.
    """

    def __init__(self, plan: Plan, parameters: Parameters, ground: Ground) -> None:
        self._plan = plan
        self._parameters = parameters
        self._ground = ground
        self._version = -1
        self._areas: list[Area] = []
        self.breaches = 0
        self.count = 0
        self.broken_s = 0.0
        self.beyond_m = 0.0
        self._ceiling_m = self._radius_m = 0.0
        self._quiet_until_s = -math.inf

    @property
    def areas(self) -> list[Area]:
        """What was uploaded, in metres."""
        if self._version != self._plan.version:
            self._version = self._plan.version
            self._areas = read_areas(self._plan.items, self._ground)
        return self._areas

    @property
    def enabled(self) -> int:
        """Mask of the parts that hold now."""
        p = self._parameters
        if p["FENCE_ENABLE"] == 0.0:
            return 0
        mask = int(p["FENCE_TYPE"]) & 15
        return mask if self.areas else mask & ~POLYGON

    def recover(self, now_s: float) -> None:
        """Keep still for a while, as the flight mode was changed during a breach."""
        if self.breaches:
            self._quiet_until_s = now_s + RECOVERY_S

    def look(
        self, place: tuple[float, float, float], home: tuple[float, float], now_s: float
    ) -> int:
        """Look whether the fence is broken; return the mask of what newly is.

        Parameters
        ----------
        place : (east, north, height)
            Metres; height above home.
        home : (east, north)
            Metres.
        now_s : float
            Simulated seconds.
        """
        enabled = self.enabled
        new = 0
        self.beyond_m = 0.0
        if enabled & ALT_MAX:
            new |= self._look_up(place[2])
        if enabled & CIRCLE:
            new |= self._look_round(math.dist(place[:2], home))
        if enabled & POLYGON:
            new |= self._mark(POLYGON, self.worst_m(place[0], place[1]))
        if enabled & ALT_MIN:
            new |= self._mark(ALT_MIN, self._parameters["FENCE_ALT_MIN"] - place[2])
        self.breaches &= enabled
        if now_s < self._quiet_until_s:
            return 0
        if new:
            self.count += 1
            self.broken_s = now_s
        return new

    def worst_m(self, east_m: float, north_m: float) -> float:
        """Return how far a place is on the wrong side of the worst polygon or circle.

        Of several areas to keep within, being in all of them is asked, as ArduPilot does by
        default.
        """
        return max((area.beyond_m(east_m, north_m) for area in self.areas), default=-math.inf)

    def _look_up(self, height_m: float) -> int:
        limit = self._parameters["FENCE_ALT_MAX"]
        if height_m < limit:
            self._ceiling_m = 0.0
            self.breaches &= ~ALT_MAX
            return 0
        self.beyond_m = max(self.beyond_m, height_m - limit)
        if self._ceiling_m == 0.0 or height_m >= self._ceiling_m:
            self._ceiling_m = height_m + BACKUP_M
            self.breaches |= ALT_MAX
            return ALT_MAX
        return 0

    def _look_round(self, away_m: float) -> int:
        limit = self._parameters["FENCE_RADIUS"]
        if away_m < limit:
            self._radius_m = 0.0
            self.breaches &= ~CIRCLE
            return 0
        self.beyond_m = max(self.beyond_m, away_m - limit)
        if self._radius_m == 0.0 or away_m >= self._radius_m:
            self._radius_m = away_m + BACKUP_M
            self.breaches |= CIRCLE
            return CIRCLE
        return 0

    def _mark(self, part: int, beyond_m: float) -> int:
        if beyond_m < 0.0:
            self.breaches &= ~part
            return 0
        self.beyond_m = max(self.beyond_m, beyond_m)
        if self.breaches & part:
            return 0
        self.breaches |= part
        return part
