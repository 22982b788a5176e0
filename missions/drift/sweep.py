"""Areas grown further towards the wind than away from it, exactly, and outwards only.

Theory of operation
-------------------
Spray let go at p reaches a place s when s − p lies in a reach K: a fan as long as the drift,
open to both sides of the wind's direction, widened all round. Nothing may be let go where K would
touch the area A: that is every p of the Minkowski sum A ⊕ (−K). Since the fan is narrower than a
half circle, K is convex, and the sum is exactly the union of A and, for every edge of its border,
the convex hull of K put at both of its ends.

Arcs become polygons **around** the true curve, never inside it; corners of the same shape lie on
the same rays whatever its size, so a longer reach contains every shorter one, and the reach for an
unknown direction contains that for every known one.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode

FAN_STEPS = 16
"""Chords of the fan's arc; at 90° they lie 0.12 % of its length outside at most."""
DISC_STEPS = 64
"""Chords of a full circle, likewise."""

Points = NDArray[np.float64]


def reach(
    around_m: float,
    downwind_m: float,
    from_deg: float | None,
    half_deg: float,
    ahead_deg: float = 0.0,
) -> Points:
    """Return the corners of −K: from where the place at (0, 0) is reached.

    Parameters
    ----------
    around_m : float
        Distance on every side.
    downwind_m : float
        Distance at which a place straight downwind is reached; not less than `around_m`.
    from_deg : float or None
        Where the wind comes from, degrees clockwise from north; None when it may come from
        anywhere.
    half_deg : float
        How far to either side the wind's direction swings, less than 90.
    ahead_deg : float
        A direction that turns with the site, for the circle's corners to turn with it.

    Returns
    -------
    (N, 2) float64
        East and north, metres; corners of a convex polygon around the origin.

    Examples
    --------
    >>> corners = reach(20.0, 50.0, 0.0, 45.0)
    >>> bool(49.99 < corners[:, 1].max() < 50.2), bool(-20.1 < corners[:, 1].min() < -19.99)
    (True, True)
    """
    fan_m = max(0.0, downwind_m - around_m)
    step = 2.0 * math.radians(half_deg) / FAN_STEPS
    disc_m = around_m / math.cos(math.pi / DISC_STEPS)
    if from_deg is None:
        far_m = fan_m / math.cos(step / 2.0) + disc_m
        return _circle(far_m / math.cos(math.pi / DISC_STEPS), ahead_deg)
    if fan_m == 0.0:
        return _circle(disc_m, ahead_deg)
    first = math.radians(from_deg - half_deg)
    turns = first + step * (np.arange(FAN_STEPS) + 0.5)
    turns = np.array([first, *turns, first + step * FAN_STEPS])
    between = np.full(FAN_STEPS, fan_m / math.cos(step / 2.0))
    long = np.array([fan_m, *between, fan_m])
    fan = np.vstack([[0.0, 0.0], np.column_stack([long * np.sin(turns), long * np.cos(turns)])])
    sums = (fan[:, None, :] + _circle(disc_m, ahead_deg)[None, :, :]).reshape(-1, 2)
    hull = MultiPoint(sums).convex_hull
    corners: Points = shapely.get_coordinates(hull)[:-1]
    return corners


def _circle(radius_m: float, ahead_deg: float) -> Points:
    steps = np.arange(DISC_STEPS) + 0.5
    turns = math.radians(ahead_deg) + math.tau * steps / DISC_STEPS
    return np.column_stack([radius_m * np.sin(turns), radius_m * np.cos(turns)])


def grown(shape: BaseGeometry, corners: Points) -> BaseGeometry:
    """Return the Minkowski sum of a shape and a convex polygon that holds the origin.

    Parameters
    ----------
    shape : shapely geometry
        Points, lines, areas, local metres.
    corners : (N, 2) float64
        Of the polygon.

    Examples
    --------
    >>> square = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
    >>> grown(shapely.box(0, 0, 10, 10), square).bounds
    (-1.0, -1.0, 11.0, 11.0)
    """
    areas: list[BaseGeometry] = []
    starts: list[Points] = []
    ends: list[Points] = []
    for part in explode(shape):
        if isinstance(part, Polygon):
            areas.append(part)
        lines: Any = [part.exterior, *part.interiors] if isinstance(part, Polygon) else [part]
        for line in lines:
            places = shapely.get_coordinates(line)
            starts.append(places[:-1] if len(places) > 1 else places)
            ends.append(places[1:] if len(places) > 1 else places)
    if not starts:
        return Polygon()
    both = np.stack([np.vstack(starts), np.vstack(ends)], axis=1)
    sums = both[:, :, None, :] + corners[None, None, :, :]
    hulls: Any = shapely.convex_hull(shapely.multipoints(sums.reshape(len(both), -1, 2)))
    whole: BaseGeometry = shapely.union_all([*areas, *hulls])
    return whole


def reach_m(around_m: float, downwind_m: float, off_deg: float, half_deg: float) -> float:
    """Return how far a place is reached in a direction.

    Parameters
    ----------
    around_m, downwind_m, half_deg : float
        As in `reach`.
    off_deg : float
        Angle between the way from the spray to the place and the way the wind blows.

    Returns
    -------
    float
        Metres: `downwind_m` within the fan, `around_m` at more than 90° beside it, between them
        falling without a step.

    Examples
    --------
    >>> [round(reach_m(20.0, 50.0, off, 45.0), 1) for off in (0, 45, 60, 90, 135, 180)]
    [50.0, 50.0, 47.4, 28.3, 20.0, 20.0]
    """
    fan_m = max(0.0, downwind_m - around_m)
    beside = math.radians(max(0.0, abs(math.remainder(off_deg, 360.0)) - half_deg))
    if beside >= math.pi / 2.0:
        return around_m
    across = fan_m * math.sin(beside)
    if across < around_m and fan_m * math.cos(beside) >= 0.0:
        through_side = beside > 0.0 and around_m / math.tan(beside) <= fan_m
        if not through_side:
            return fan_m * math.cos(beside) + math.sqrt(around_m**2 - across**2)
    return around_m / math.sin(beside)
