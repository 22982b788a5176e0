"""Areas cut by lines along x, all edges and all lines at once.

Theory of operation
-------------------
An area is the set of its rings' edges. A horizontal line enters and leaves it where it crosses
an edge; an edge belongs to the heights from its lower end up to, but without, its upper end, so
that a corner counts once and an edge along the line not at all. The signed sum of the crossings is
the length inside; sorted in pairs they are the pieces inside.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode

FloatArray = NDArray[np.float64]
Span = tuple[float, float]
"""A piece along x: where it begins and ends."""


def edges_of(shape: BaseGeometry) -> FloatArray:
    """Return the straight edges of all rings, (N, 2, 2): start and end, x and y."""
    rings = [
        shapely.get_coordinates(ring)
        for part in explode(shape)
        if isinstance(part, Polygon)
        for ring in (part.exterior, *part.interiors)
    ]
    if not rings:
        return np.empty((0, 2, 2))
    return np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])


def crossings(edges: FloatArray, at: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return where each edge crosses each height of `at`, (E, N), signed by its sense; whether."""
    y0, y1 = edges[:, 0, 1][:, None], edges[:, 1, 1][:, None]
    crossed = (y0 <= at) != (y1 <= at)
    share = np.where(crossed, (at - y0) / np.where(y0 == y1, 1.0, y1 - y0), 0.0)
    x = edges[:, 0, 0][:, None] + share * (edges[:, 1, 0] - edges[:, 0, 0])[:, None]
    return x, crossed


def chord_lengths(edges: FloatArray, at: FloatArray) -> FloatArray:
    """Return the length inside, along x, at each height of `at`.

    Examples
    --------
    >>> chord_lengths(edges_of(shapely.box(0, 0, 7, 2)), np.array([-1.0, 1.0]))
    array([0., 7.])
    """
    x, crossed = crossings(edges, at)
    up = edges[:, 1, 1][:, None] > edges[:, 0, 1][:, None]
    signed: FloatArray = np.where(crossed, np.where(up, x, -x), 0.0)
    lengths: FloatArray = np.abs(signed.sum(axis=0))
    return lengths


def chords(edges: FloatArray, at: FloatArray) -> list[list[Span]]:
    """Return the pieces inside, along x, at each height of `at`."""
    x, crossed = crossings(edges, at)
    found = []
    for column in range(len(at)):
        ends = np.sort(x[crossed[:, column], column])
        found.append([(float(a), float(b)) for a, b in ends.reshape(-1, 2)])
    return found
