"""The edge pass: a working pass round the border and every hole.

Theory of operation
-------------------
The track is the border moved inwards by half a width with mitred corners, so that the swath's
outer side runs exactly along the border: nothing beyond it, nothing between. It is what small
plots gain most from; a sweep alone leaves saw teeth along every slanted side.

A ring closes on itself, so every corner is a bend that the swath goes round. A side that runs
across the sweep's lines (within `across_deg` of a right angle) may be left to the lines' own ends
when that is shorter; the ring then falls into open runs, whose ends go on towards the border as
far as a flat end stays inside the field.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.coverage.ties import first_least, ranked

FloatArray = NDArray[np.float64]
MITRE_LIMIT = 3.0
"""Corners sharper than about 39° are cut rather than drawn out into a needle."""
_BENDS_M = 0.02
"""Bends of the track smaller than this are smoothed away."""
NARROWER_M = 0.01
"""A flat end is tested this much narrower, so that rounding along a border does not shut it out."""


def edge_rings(field: BaseGeometry, width_m: float) -> list[FloatArray]:
    """Return the tracks half a width inside every border and hole.

    Parameters
    ----------
    field : shapely.Polygon or MultiPolygon
        Local metres.
    width_m : float
        Swath width.

    Returns
    -------
    list of (N, 2) float64
        Corners of each ring, not closed, outer rings with the field on their left; the nearest to
        the field's first corner first, rings and corners. None where the field is narrower than
        the swath.

    Examples
    --------
    >>> [ring.shape for ring in edge_rings(shapely.box(0, 0, 40, 20), 6.0)]
    [(4, 2)]
    """
    inner = field.buffer(-width_m / 2.0, join_style="mitre", mitre_limit=MITRE_LIMIT)
    corner = shapely.get_coordinates(field)[0]
    rings: list[FloatArray] = []
    for part in explode(inner):
        smooth = shapely.orient_polygons(part.simplify(_BENDS_M))
        if isinstance(smooth, Polygon) and smooth.area > 1e-6:
            for ring in (smooth.exterior, *smooth.interiors):
                at = shapely.get_coordinates(ring)[:-1]
                away = np.hypot(*(at - corner).T)
                rings.append(np.roll(at, -first_least(away), axis=0))
    return [rings[k] for k in ranked([math.dist(ring[0], corner) for ring in rings])]


def kept_sides(ring: FloatArray, direction_deg: float, across_deg: float) -> NDArray[np.bool_]:
    """Return which sides of a ring are flown when those across the lines are left to the lines.

    Parameters
    ----------
    ring : (N, 2) float64
        One ring of `edge_rings`.
    direction_deg : float
        Direction of the lines, degrees clockwise from north.
    across_deg : float
        Sides this near to a right angle with the lines are left out; 0 leaves none out.
    """
    angle = math.radians(direction_deg)
    along = np.array([math.sin(angle), math.cos(angle)])
    sides = np.roll(ring, -1, axis=0) - ring
    share = np.abs(sides @ along) / np.maximum(np.hypot(*sides.T), 1e-9)
    kept: NDArray[np.bool_] = share >= math.sin(math.radians(across_deg))
    return kept


def edge_runs(
    ring: FloatArray, kept: NDArray[np.bool_], field: BaseGeometry, width_m: float
) -> list[FloatArray]:
    """Return the working tracks along the kept sides of a ring.

    Parameters
    ----------
    ring : (N, 2) float64
        One ring of `edge_rings`.
    kept : (N,) bool
        Which of its sides are flown.
    field : shapely geometry
        The field, which no swath may leave; prepared by the caller.
    width_m : float
        Swath width.

    Returns
    -------
    list of (M, 2) float64
        Tracks; one that is flown whole ends where it began.
    """
    if kept.all():
        return [np.vstack([ring, ring[:1]])]
    runs: list[FloatArray] = []
    for first in np.flatnonzero(kept & ~np.roll(kept, 1)):
        length = int(np.argmin(np.roll(kept, -first)))
        corners = np.take(ring, np.arange(first, first + length + 1), axis=0, mode="wrap")
        runs.append(_run_on(corners, field, width_m))
    return runs


def _run_on(run: FloatArray, field: BaseGeometry, width_m: float) -> FloatArray:
    """Return an open run with both ends moved on as far as their flat ends stay in the field."""
    longer = run.copy()
    for before, end in ((1, 0), (-2, -1)):
        step = run[end] - run[before]
        step = step / np.hypot(*step)
        low, high = 0.0, 1.5 * width_m
        for _ in range(11):
            middle = (low + high) / 2.0
            tip = LineString([run[end], run[end] + step * middle])
            fits = field.covers(tip.buffer(width_m / 2.0 - NARROWER_M, cap_style="flat"))
            low, high = (middle, high) if fits else (low, middle)
        longer[end] = run[end] + step * low
    return longer
