"""Lead-ins: the way before and after a line on which the aircraft is already straight.

A line is led in from as far as the allowed region lets the straight way before it go, and no
further than asked; the same beyond its end.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import ArrayLike
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.coverage.tracks import FloatArray, LegKind, Track


def with_leads(track: Track, region: BaseGeometry, lead_in_m: float) -> Track:
    """Return a line with its lead-in and lead-out as far as they are allowed; edges as they are.

    Examples
    --------
    >>> line = Track(LegKind.LINE, np.array([[0.0, 0.0], [10.0, 0.0]]))
    >>> first, last = with_leads(line, shapely.box(-2, -5, 30, 5), 5.0).ends
    >>> first.tolist(), last.tolist()
    ([-2.0, 0.0], [15.0, 0.0])
    """
    if lead_in_m <= 0.0 or track.kind is not LegKind.LINE:
        return track
    ahead = track.points[1] - track.points[0]
    ahead = ahead / np.hypot(*ahead)
    first, last = track.points[0], track.points[-1]
    before = reach(first, first - ahead * lead_in_m, region)
    return replace(track, lead=(before, reach(last, last + ahead * lead_in_m, region)))


def reach(start: ArrayLike, tip: ArrayLike, region: BaseGeometry) -> FloatArray:
    """Return how far the straight way from `start` to `tip` stays in a region.

    Parameters
    ----------
    start, tip : (east_m, north_m)
        Local metres.
    region : shapely geometry
        In the same frame.

    Returns
    -------
    (2,) float64
        `start` itself where the way leaves the region at once.

    Examples
    --------
    >>> reach((0.0, 0.0), (9.0, 0.0), shapely.box(-2, -5, 4, 5)).tolist()
    [4.0, 0.0]
    """
    here, there = np.asarray(start, dtype=float), np.asarray(tip, dtype=float)
    line = LineString([here, there])
    if region.covers(line):
        return there
    for piece in explode(line.intersection(region)):
        if isinstance(piece, LineString) and piece.distance(Point(here)) < 1e-6:
            end: FloatArray = max(shapely.get_coordinates(piece), key=lambda p: math.dist(p, here))
            return end
    return here
