"""Where the rate changes along a pass: its stretches, found exactly, not by sampling.

A pass gets the rate that lies under its middle line. Each of its straight legs is cut where it
meets the border of a patch, or, on a grid, the border of a pixel; between two cuts the rate is that
of the middle. Neighbouring stretches of the same rate are one. Within a leg the grid's pixel
coordinates are taken as straight, which is a map projection's bend over some hundred metres:
millimetres.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.geo import LocalFrame
from agri.grid import Grid
from agri.zone import RateMap, same_rate
from missions.airspace.route import Place
from missions.passes.route import Pass

HAIR_M = 0.01
"""Shorter stretches come from rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Part of a pass with one rate.

    Parameters
    ----------
    start_m, end_m : float
        Distances from the pass's beginning.
    rate_l_ha : float
        What the map says, NaN where it says nothing.
    """

    start_m: float
    end_m: float
    rate_l_ha: float

    @property
    def length_m(self) -> float:
        """Its length."""
        return self.end_m - self.start_m


def stretches(passes: Sequence[Pass], rate_map: RateMap, frame: LocalFrame) -> list[list[Stretch]]:
    """Return the stretches of every pass; a spot has one of no length.

    Parameters
    ----------
    passes : sequence of Pass
        Local metres.
    rate_map : RateMap
        What is asked.
    frame : LocalFrame
        Where the local metres lie.
    """
    borders = [frame.geometry_to_local(patch.area).boundary for patch in rate_map.patches]
    tree = shapely.STRtree(borders)
    found = []
    for work in passes:
        if work.is_spot:
            cuts = [0.0, 0.0]
        elif rate_map.grid is not None:
            cuts = list(_pixel_cuts(work, rate_map.grid, frame))
        else:
            cuts = list(_border_cuts(work, borders, tree))
        found.append(_joined(work, cuts, rate_map, frame))
    return found


def _legs(work: Pass) -> Iterator[tuple[float, Place, Place]]:
    """Return the straight legs of a pass with the distance at which each begins."""
    far_m = 0.0
    for start, end in pairwise(work.points):
        if start != end:
            yield far_m, start, end
        far_m += math.dist(start, end)


def _border_cuts(
    work: Pass, borders: Sequence[BaseGeometry], tree: shapely.STRtree
) -> Iterator[float]:
    for far_m, start, end in _legs(work):
        leg = LineString([start, end])
        yield far_m
        for index in sorted(tree.query(leg)):
            met = leg.intersection(borders[index])
            for corner in shapely.get_coordinates(met):
                yield far_m + Point(start).distance(Point(corner))
    yield work.length_m


def _pixel_cuts(work: Pass, grid: Grid, frame: LocalFrame) -> Iterator[float]:
    for far_m, start, end in _legs(work):
        yield far_m
        lon, lat = frame.to_lonlat([start[0], end[0]], [start[1], end[1]])
        for first, last in grid.pixels(lon, lat):
            low, high = sorted((float(first), float(last)))
            steps = np.arange(math.ceil(low), math.floor(high) + 1)
            if high > low:
                yield from far_m + math.dist(start, end) * (steps - first) / (last - first)
    yield work.length_m


def _joined(
    work: Pass, cuts: Sequence[float], rate_map: RateMap, frame: LocalFrame
) -> list[Stretch]:
    """Return the stretches between cuts, hairs left out and equal neighbours joined."""
    if work.is_spot:
        place = frame.place(*work.points[0])
        rate = rate_map.rate_at(place.lon_deg, place.lat_deg)
        return [Stretch(start_m=0.0, end_m=0.0, rate_l_ha=rate)]
    kept = [0.0]
    for cut in sorted(cuts):
        if cut - kept[-1] > HAIR_M:
            kept.append(float(cut))
    kept[-1] = work.length_m
    middles = np.array([work.at((a + b) / 2.0) for a, b in pairwise(kept)]).reshape(-1, 2)
    rates = rate_map.rates_at(*frame.to_lonlat(*middles.T))
    found: list[Stretch] = []
    for (start_m, end_m), rate in zip(pairwise(kept), rates, strict=True):
        if found and same_rate(found[-1].rate_l_ha, float(rate)):
            found[-1] = replace(found[-1], end_m=end_m)
        else:
            found.append(Stretch(start_m=start_m, end_m=end_m, rate_l_ha=float(rate)))
    return found
