"""From tracks to a flight: their order, and the allowed legs between them.

Theory of operation
-------------------
Open tracks are ordered by `missions.coverage.visiting`, on the lengths of the ways that
`missions.airspace.route` finds between all their ends. Rings come in last, the longest first: each
between the two tracks, and begun at the place on it, where that costs least. A place along a side
will do: it is often nearer than a corner, and a corner flown through in one go is swept round, one
begun at is not.

The ways bend `BERTH_M` inside the corners of the allowed region, so that not even rounding puts
them outside. A layout whose tracks the region does not join gives None.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from missions.airspace.route import Place, distances, shortest_way
from missions.coverage.ties import first_least, ranked
from missions.coverage.tracks import FloatArray, Leg, LegKind, Track
from missions.coverage.visiting import order_tracks

BERTH_M = 0.01
"""How far inside corners the ways bend."""
SAME_M = 1e-6
"""Places nearer than this need no leg between them."""


def join_tracks(
    tracks: tuple[Track, ...], region: BaseGeometry, start: Place | None
) -> tuple[Leg, ...] | None:
    """Return the flight over all tracks.

    Parameters
    ----------
    tracks : tuple of Track
        Open tracks and rings, local metres.
    region : shapely.Polygon or MultiPolygon
        Where every leg must stay.
    start : (east_m, north_m), optional
        Where the aircraft comes from.

    Returns
    -------
    tuple of Leg, or None
        Each leg begins where the one before ended; None when the region does not join the tracks.
    """
    lines = [t for t in tracks if not t.closed]
    rings = [t for t in tracks if t.closed]
    come = [] if start is None else [np.array(start)]
    places = np.array([*(end for t in lines for end in t.ends), *come]).reshape(-1, 2)
    between = distances(region, places, berth_m=BERTH_M)
    if np.isinf(between).any():
        return None
    count = 2 * len(lines)
    begin = between[count, :count] if come else None
    visits = order_tracks(between[:count, :count], begin)
    ordered = [lines[number].turned() if backward else lines[number] for number, backward in visits]
    for number in ranked([-ring.length_m for ring in rings]):
        ordered = _with_ring(ordered, rings[number], start)
    return _legs(ordered, region, start)


def _legs(tracks: list[Track], region: BaseGeometry, start: Place | None) -> tuple[Leg, ...] | None:
    legs: list[Leg] = []
    here = start
    for track in tracks:
        first, last = (_place(end) for end in track.ends)
        if here is not None and math.dist(here, first) > SAME_M:
            way = shortest_way(region, here, first, berth_m=BERTH_M)
            if way is None:
                return None
            legs.append(Leg(kind=LegKind.TRANSIT, points=way))
        elif here is not None:
            first = here
        points = tuple(_place(p) for p in track.points)
        if math.dist(first, points[0]) > SAME_M:
            legs.append(Leg(kind=LegKind.LEAD_IN, points=(first, points[0])))
        else:
            points = (first, *points[1:])
        legs.append(Leg(kind=track.kind, points=points))
        if math.dist(points[-1], last) > SAME_M:
            legs.append(Leg(kind=LegKind.LEAD_IN, points=(points[-1], last)))
            here = last
        else:
            here = points[-1]
    return tuple(legs)


def _place(point: FloatArray) -> Place:
    return float(point[0]), float(point[1])


def _with_ring(tracks: list[Track], ring: Track, start: Place | None) -> list[Track]:
    """Return the order with a ring put in where, and begun where, it costs least."""
    closed = LineString(ring.points)
    left = [None if start is None else np.array(start), *(t.ends[1] for t in tracks)]
    entered = [*(t.ends[0] for t in tracks), None]
    options = []
    for number, (before, after) in enumerate(zip(left, entered, strict=True)):
        near = [closed.project(Point(p)) for p in (before, after) if p is not None]
        for at_m in near or [0.0]:
            corner = shapely.get_coordinates(closed.interpolate(at_m))[0]
            extra = sum(math.dist(p, corner) for p in (before, after) if p is not None)
            if before is not None and after is not None:
                extra -= math.dist(before, after)
            options.append((extra, number, at_m))
    _, number, at_m = options[first_least([option[0] for option in options])]
    return [*tracks[:number], _begun_at(ring, at_m), *tracks[number:]]


def _begun_at(ring: Track, at_m: float) -> Track:
    """Return a ring begun `at_m` along it."""
    steps = np.hypot(*np.diff(ring.points, axis=0).T)
    so_far = np.append(0.0, np.cumsum(steps))
    side = int(np.clip(np.searchsorted(so_far, at_m, side="right") - 1, 0, len(steps) - 1))
    share = (at_m - so_far[side]) / max(steps[side], 1e-12)
    begin = ring.points[side] + share * (ring.points[side + 1] - ring.points[side])
    corners = np.roll(ring.points[:-1], -(side + 1), axis=0)
    whole = np.vstack([begin, corners, begin])
    kept = [whole[0], *(b for a, b in pairwise(whole) if math.dist(a, b) > SAME_M)]
    kept[-1] = kept[0]
    return replace(ring, points=np.array(kept))
