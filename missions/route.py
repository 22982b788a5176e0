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

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from missions.keepouts import explode

Place = tuple[float, float]
"""East and north, local metres."""

TOLERANCE_M = 0.005
"""A leg along a border counts as inside when it leaves it by no more than this."""


def shortest_way(region: BaseGeometry, start: Place, end: Place) -> tuple[Place, ...] | None:
    """Return the shortest way from `start` to `end` inside `region`.

    Parameters
    ----------
    region : shapely.Polygon or MultiPolygon
        Where legs may run, local metres.
    start, end : (east_m, north_m)
        Places inside the region.

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
    nodes = np.array([start, end, *_inward_corners(parts[0])])
    return _dijkstra(nodes, roomy)


def distances(region: BaseGeometry, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the length of the shortest way inside `region` between every pair of places.

    Parameters
    ----------
    region : shapely.Polygon or MultiPolygon
        Where legs may run, local metres.
    places : (N, 2) float64
        East and north, inside the region.

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
    corners = np.array([c for part in explode(region) for c in _inward_corners(part)])
    if len(corners) == 0:
        return straight
    joined = _seen(roomy, corners, corners)
    for middle in range(len(corners)):
        joined = np.minimum(joined, joined[:, middle, None] + joined[None, middle, :])
    reach = _seen(roomy, places, corners)
    onward = (reach[:, :, None] + joined[None, :, :]).min(axis=1)
    round_corners = np.stack([(onward[i] + reach).min(axis=1) for i in range(len(places))])
    return np.minimum(straight, round_corners)


def _seen(
    region: BaseGeometry, start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the straight distances from each start to each end, infinite where not covered."""
    shape = (len(start), len(end), 2)
    pairs = np.stack([np.broadcast_to(start[:, None], shape), np.broadcast_to(end, shape)], axis=2)
    free = shapely.covers(region, shapely.linestrings(pairs.reshape(-1, 2, 2)))
    steps = pairs[:, :, 1] - pairs[:, :, 0]
    length = np.hypot(steps[:, :, 0], steps[:, :, 1])
    length[~free.reshape(length.shape)] = np.inf
    return length


def _inward_corners(region: BaseGeometry) -> list[Place]:
    """Return the corners round which a way may bend: where the region's angle exceeds 180°."""
    found: list[Place] = []
    if not isinstance(region, Polygon):
        return found
    region = shapely.orient_polygons(region)
    for ring in (region.exterior, *region.interiors):
        at = shapely.get_coordinates(ring)[:-1]
        before, after = at - np.roll(at, 1, axis=0), np.roll(at, -1, axis=0) - at
        cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        found.extend((float(e), float(n)) for e, n in at[cross < -1e-9])
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
