"""The shortest way between two places that never leaves an allowed region.

Theory of operation
-------------------
In a region with straight borders the shortest way bends only at corners that stick into it, so
the corners of border and holes, with start and end, are the nodes of a graph whose edges are the
straight legs that the region covers (a visibility graph); Dijkstra's search does the rest. Every
leg is tested as a whole against the region, not only its ends. Ties go to the earlier node, so
the same input gives the same way.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import Refused
from missions.airspace.keepouts import explode

Place = tuple[float, float]
"""East and north, local metres."""

TOLERANCE_M = 0.005
"""A leg along a border counts as inside when it leaves it by no more than this."""
BESIDE_M = 0.05
"""A place outside by no more than this counts as the nearest one inside: passes along a border are
drawn straighter by a centimetre."""
KINK_M, KINK_OUT_M = 0.1, 0.025
"""A bend nearer than this to another is left out, if the way then leaves the region by no more:
half of what a path may be off (`missions.checks.path`)."""


def shortest_way(
    region: BaseGeometry, start: Place, end: Place, *, berth_m: float = 0.0
) -> tuple[Place, ...] | None:
    """Return the shortest way from `start` to `end` inside `region`.

    Parameters
    ----------
    region : shapely.Polygon or MultiPolygon
        Where legs may run, local metres.
    start, end : (east_m, north_m)
        Places inside the region.
    berth_m : float
        How far inside the region's corners the way bends.

    Returns
    -------
    tuple of (east_m, north_m) or None
        From `start` to `end`, both included; None when the region does not join them.

    Examples
    --------
    >>> hall = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 1), (6, 1), (6, 9), (4, 9)]])
    >>> shortest_way(hall, (1.0, 2.0), (9.0, 2.0))
    ((1.0, 2.0), (4.0, 1.0), (6.0, 1.0), (9.0, 2.0))
    """
    roomy = region.buffer(TOLERANCE_M, join_style="mitre")
    shapely.prepare(roomy)
    if roomy.covers(LineString([start, end])):
        return (start, end)
    both = shapely.MultiPoint([start, end])
    parts = [part for part in explode(region) if part.buffer(TOLERANCE_M).covers(both)]
    if not parts:
        return None
    nodes = np.array([start, end, *_inward_corners(parts[0], berth_m)])
    return _dijkstra(nodes, roomy)


def distances(
    region: BaseGeometry, places: NDArray[np.float64], *, berth_m: float = 0.0
) -> NDArray[np.float64]:
    """Return the length of the shortest way inside `region` between every pair of places.

    Parameters
    ----------
    region : shapely.Polygon or MultiPolygon
        Where legs may run, local metres.
    places : (N, 2) float64
        East and north, inside the region.
    berth_m : float
        How far inside the region's corners a way bends.

    Returns
    -------
    (N, N) float64
        Metres; infinite where the region does not join two places.
    """
    roomy = region.buffer(TOLERANCE_M, join_style="mitre")
    shapely.prepare(roomy)
    straight = _seen(roomy, places, places)
    if np.isfinite(straight).all():
        return straight
    corners = np.array([c for part in explode(region) for c in _inward_corners(part, berth_m)])
    if len(corners) == 0:
        return straight
    joined = _seen(roomy, corners, corners)
    for middle in range(len(corners)):
        joined = np.minimum(joined, joined[:, middle, None] + joined[None, middle, :])
    reach = _seen(roomy, places, corners)
    onward = (reach[:, :, None] + joined[None, :, :]).min(axis=1)
    round_corners = np.stack([(onward[i] + reach).min(axis=1) for i in range(len(places))])
    shortest: NDArray[np.float64] = np.minimum(straight, round_corners)
    return shortest


def ways(region: BaseGeometry, pairs: Sequence[tuple[Place, Place]]) -> list[tuple[Place, ...]]:
    """Return the shortest way inside `region` for each pair of places.

    Most are straight: all are tried at once, and only those that something bars are searched for.

    Raises
    ------
    Refused
        When there is none.

    Examples
    --------
    >>> ways(Polygon([(0, 0), (9, 0), (9, 9), (0, 9)]), [((1.0, 1.0), (8.0, 8.0))])
    [((1.0, 1.0), (8.0, 8.0))]
    """
    roomy = region.buffer(TOLERANCE_M, join_style="mitre")
    shapely.prepare(roomy)
    free = shapely.covers(roomy, shapely.linestrings(pairs))
    found: list[tuple[Place, ...]] = []
    for (start, end), straight in zip(pairs, free, strict=True):
        way = (start, end) if straight else shortest_way(region, start, end)
        if way is None:
            raise Refused("error.no_way", distance_m=math.dist(start, end))
        found.append(way if straight else _without_kinks(way, region))
    return found


def _without_kinks(way: tuple[Place, ...], region: BaseGeometry) -> tuple[Place, ...]:
    """Return a way without bends a hand's width before or behind another, where that is harmless.

    A leg so short turns by tens of degrees once its ends are rounded on the wire, and a vehicle
    slows for it as for a corner.
    """
    roomy = region.buffer(KINK_OUT_M, join_style="mitre")
    kept = list(way)
    at = 1
    while at < len(kept) - 1:
        near = min(math.dist(kept[at], kept[at - 1]), math.dist(kept[at], kept[at + 1]))
        shorter = LineString([kept[at - 1], kept[at + 1]])
        if near < KINK_M and roomy.covers(shorter):
            del kept[at]
        else:
            at += 1
    return tuple(kept)


def distances_from(
    region: BaseGeometry, start: Place, places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the length of the shortest way inside `region` from one place to each of many.

    Parameters
    ----------
    region : shapely.Polygon or MultiPolygon
        Where legs may run, local metres.
    start : (east_m, north_m)
        A place inside the region.
    places : (N, 2) float64
        East and north, inside the region or beside it by `BESIDE_M` at most.

    Returns
    -------
    (N,) float64
        Metres; infinite where the region does not join the two.

    Examples
    --------
    >>> hall = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 1), (6, 1), (6, 9), (4, 9)]])
    >>> distances_from(hall, (1.0, 2.0), np.array([[3.0, 2.0], [9.0, 2.0]])).round(3)
    array([2.   , 8.325])
    """
    roomy = region.buffer(TOLERANCE_M, join_style="mitre")
    shapely.prepare(roomy)
    origin = np.array([start])
    places = _pulled_in(region, places)
    found: NDArray[np.float64] = _seen(roomy, origin, places)[0]
    hidden = np.isinf(found)
    if not hidden.any():
        return found
    corners = np.array([c for part in explode(region) for c in _inward_corners(part, 0.0)])
    if len(corners) == 0:
        return found
    joined = _seen(roomy, corners, corners)
    for middle in range(len(corners)):
        joined = np.minimum(joined, joined[:, middle, None] + joined[None, middle, :])
    onward = (_seen(roomy, origin, corners)[0][:, None] + joined).min(axis=0)
    found[hidden] = (_seen(roomy, places[hidden], corners) + onward).min(axis=1)
    return found


def _pulled_in(region: BaseGeometry, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places, those just beside a region as the nearest ones in it."""
    points = np.asarray(shapely.points(places))
    off_m = shapely.distance(region, points)
    beside = (off_m > 0.0) & (off_m <= BESIDE_M)
    if not beside.any():
        return places
    lines = shapely.shortest_line(region, points[beside])
    inside = places.copy()
    inside[beside] = shapely.get_coordinates(shapely.get_point(lines, 0))
    return inside


def _seen(
    region: BaseGeometry, start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the straight distances from each start to each end, infinite where not covered."""
    rows, columns = np.indices((len(start), len(end))).reshape(2, -1)
    if start is end:
        half = rows < columns
        rows, columns = rows[half], columns[half]
    legs = np.stack([start[rows], end[columns]], axis=1)
    free = shapely.covers(region, shapely.linestrings(legs))
    length = np.where(free, np.hypot(*(legs[:, 1] - legs[:, 0]).T), np.inf)
    seen = np.zeros((len(start), len(end)))
    seen[rows, columns] = length
    if start is end:
        seen[columns, rows] = length
    return seen


def _inward_corners(region: BaseGeometry, berth_m: float) -> list[Place]:
    """Return the corners round which a way may bend: where the region's angle exceeds 180°.

    Each is moved inwards, so that both its sides pass `berth_m` away, and no further than thrice.
    """
    found: list[Place] = []
    if not isinstance(region, Polygon):
        return found
    region = shapely.orient_polygons(region)
    for ring in (region.exterior, *region.interiors):
        at = shapely.get_coordinates(ring)[:-1]
        before, after = at - np.roll(at, 1, axis=0), np.roll(at, -1, axis=0) - at
        cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        bent = cross < -1e-9
        into, out = (s[bent] / np.hypot(*s[bent].T)[:, None] for s in (before, after))
        aside = np.stack([-into[:, 1] - out[:, 1], into[:, 0] + out[:, 0]], axis=1)
        apart = np.maximum(1.0 + (into * out).sum(axis=1), 1.0 / 3.0)[:, None]
        found.extend((float(e), float(n)) for e, n in at[bent] + berth_m * aside / apart)
    return found


def _dijkstra(nodes: NDArray[np.float64], region: BaseGeometry) -> tuple[Place, ...] | None:
    """Search from node 0 to node 1; the edges of a node are tested when it is first reached."""
    best = np.full(len(nodes), math.inf)
    came = np.full(len(nodes), -1)
    done = np.zeros(len(nodes), dtype=bool)
    best[0] = 0.0
    queue = [(0.0, 0)]
    while queue:
        _, here = heapq.heappop(queue)
        if done[here]:
            continue
        done[here] = True
        if here == 1:
            return _way_back(nodes, came)
        others = np.flatnonzero(~done)
        legs = np.stack([np.broadcast_to(nodes[here], (len(others), 2)), nodes[others]], axis=1)
        free = shapely.covers(region, shapely.linestrings(legs))
        for other in others[free]:
            there = best[here] + math.dist(nodes[here], nodes[other])
            if there < best[other] - 1e-9:
                best[other], came[other] = there, here
                heapq.heappush(queue, (there, int(other)))
    return None


def _way_back(nodes: NDArray[np.float64], came: NDArray[np.int64]) -> tuple[Place, ...]:
    way, here = [], 1
    while here >= 0:
        way.append((float(nodes[here][0]), float(nodes[here][1])))
        here = int(came[here])
    return tuple(reversed(way))
