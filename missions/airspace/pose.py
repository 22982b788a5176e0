"""The axes in which fences and lines are drawn: those of the ground itself, not of the map.

Theory of operation
-------------------
Of equally good plans a planner takes one, by millimetres that turn with the axes: where set
operations begin a ring, where an arc has its chords, on which side a rounded coordinate falls. So
that a field gives the same plan however it lies on the map (the safety invariants' P12), it is
drawn in metres seen from the pad, with the middle of the ground ahead, and with its corners on a
grid of `GRID_M`. What moves with the field is then the same to the last digit, but for a corner in
some hundred that lies right between two places of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import areas
from missions.airspace.route import Place

GRID_M = 0.001
"""A tenth of what the wire's 1e-7 degrees can tell: straight sides stay straight."""
NEAR_M = 1.0
"""A pad nearer than this to the ground's middle gives no sure direction: north is ahead."""

Shape = TypeVar("Shape", bound=BaseGeometry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Axes with their origin at a place, turned.

    Parameters
    ----------
    origin : (east_m, north_m)
        Local metres.
    ahead_deg : float
        Where the second axis points, degrees clockwise from north.

    Examples
    --------
    >>> pose = Pose.of(shapely.box(10, -5, 30, 5), (0.0, 0.0))
    >>> pose.ahead_deg, pose.seen(shapely.box(10, -5, 30, 5)).bounds
    (90.0, (-5.0, 10.0, 5.0, 30.0))
    >>> pose.local(pose.seen(shapely.box(10, -5, 30, 5))).bounds
    (10.0, -5.0, 30.0, 5.0)
    """

    origin: Place
    ahead_deg: float

    @classmethod
    def of(cls, ground: BaseGeometry, home: Place) -> Pose:
        """Return the axes of a ground as seen from its pad."""
        middle = ground.centroid
        east_m, north_m = middle.x - home[0], middle.y - home[1]
        near = math.hypot(east_m, north_m) < NEAR_M
        ahead_deg = 0.0 if near else math.degrees(math.atan2(east_m, north_m))
        return cls(origin=home, ahead_deg=ahead_deg)

    def turned(self, shape: Shape) -> Shape:
        """Return a shape in these axes, corners on the grid and in the order they had."""
        turn = self._turn().T
        return shapely.transform(
            shape, lambda at: np.round((at - self.origin) @ turn / GRID_M) * GRID_M
        )

    def seen(self, ground: BaseGeometry) -> BaseGeometry:
        """Return areas in these axes, corners on the grid and in one order."""
        return areas(shapely.normalize(shapely.set_precision(self.turned(ground), GRID_M)))

    def local(self, shape: Shape) -> Shape:
        """Return a shape of these axes in local metres."""
        return shapely.transform(shape, lambda at: at @ self._turn() + self.origin)

    def way(self, points: Sequence[Place]) -> tuple[Place, ...]:
        """Return a way of these axes in local metres."""
        return tuple((float(e), float(n)) for e, n in np.array(points) @ self._turn() + self.origin)

    def seen_deg(self, bearing_deg: float) -> float:
        """Return a bearing from these axes, 0 ≤ bearing < 360."""
        return (bearing_deg - self.ahead_deg) % 360.0

    def _turn(self) -> NDArray[np.float64]:
        angle = math.radians(self.ahead_deg)
        sin, cos = math.sin(angle), math.cos(angle)
        return np.array([[cos, -sin], [sin, cos]])
