"""The ground of a spray job in metres that are true and lie along the axes of its UTM zone.

A grid aligned with the zone is what every map program reads; but the zone's metres are up to 0.04 %
off, and a hectare must be a hectare. So the zone's coordinates are moved to an origin in the field
and divided by the zone's scale there: (x, y) are metres on the ground, y along the zone's north.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from agri.geo import LocalFrame, transformer
from missions.applied.sprayed_way import corners_of
from missions.sprayer.job import SprayJob, SprayPass

FloatArray = NDArray[np.float64]

DISC_SIDES = 16
"""Segments of a quarter circle."""


class Floor:
    """The ground of a job.

    Parameters
    ----------
    job : SprayJob
        Whose treatable ground and passes.
    cell_m : float
        Side of a cell, metres on the ground; the origin is a corner of a cell.

    Attributes
    ----------
    epsg, scale, origin : int, float, tuple of two float
        The UTM zone, its metres to a metre on the ground, and where (0, 0) is in it.
    treatable : shapely geometry
        What may be sprayed, metres.
    passes : list of (N, 2) float64
        The points of every pass, metres.
    """

    def __init__(self, job: SprayJob, cell_m: float) -> None:
        self.job, self.cell_m = job, cell_m
        self.frame = LocalFrame.around(job.treatable)
        self.epsg = self.frame.utm_epsg
        east, north = self._utm(*self.frame.to_lonlat([0.0, 1000.0], [0.0, 0.0]))
        self.scale = math.dist((east[0], north[0]), (east[1], north[1])) / 1000.0
        step = cell_m * self.scale
        self.origin = (round(east[0] / step) * step, round(north[0] / step) * step)
        self.treatable = shapely.make_valid(self._placed(job.treatable))
        shapely.prepare(self.treatable)
        self.passes = [self._points(work) for work in job.passes]
        self._ways = [shapely.LineString(p) if len(p) > 1 else shapely.Point(p[0])
                      for p in self.passes]  # fmt: skip
        self._tree = shapely.STRtree(self._ways)

    def _utm(self, lon: ArrayLike, lat: ArrayLike) -> tuple[FloatArray, FloatArray]:
        east, north = transformer(4326, self.epsg).transform(np.asarray(lon), np.asarray(lat))
        return np.asarray(east), np.asarray(north)

    def metres(self, lon: FloatArray, lat: FloatArray) -> FloatArray:
        """Return places as (N, 2) metres."""
        east, north = self._utm(lon, lat)
        return np.column_stack((east - self.origin[0], north - self.origin[1])) / self.scale

    def lonlat(self, xy: FloatArray) -> FloatArray:
        """Return (N, 2) metres as degrees."""
        east, north = (xy * self.scale + self.origin).T
        back = transformer(self.epsg, 4326).transform(east, north)
        return np.column_stack(back)

    def _placed(self, shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(shape, lambda xy: self.metres(*xy.T))

    def _points(self, work: SprayPass) -> FloatArray:
        lon, lat = ([getattr(p, name) for p in work.places] for name in ("lon_deg", "lat_deg"))
        return self.metres(np.array(lon), np.array(lat))

    def widths(self, places: FloatArray) -> FloatArray:
        """Return the width sprayed at places: that of the nearest pass."""
        own = np.array([work.width_m for work in self.job.passes])
        if len(own) == 0:
            return np.full(len(places), self.job.settings.swath_m)
        if np.ptp(own) == 0.0:
            return np.full(len(places), own[0])
        return np.asarray(own[self._tree.nearest(shapely.points(places))])

    def under_passes(self) -> BaseGeometry:
        """Return the ground under all passes."""
        return shapely.union_all([
            band(way, work.width_m) for way, work in zip(self._ways, self.job.passes, strict=True)
        ])  # fmt: skip

    def beginnings(self, late_s: float) -> BaseGeometry:
        """Return the ground where passes begin: `late_s` of their flight, half of them at most."""
        found = []
        for way, work in zip(self._ways, self.job.passes, strict=True):
            if isinstance(way, shapely.LineString):
                far_m = min(late_s * work.speed_m_s, way.length / 2.0)
                found.append(band(substring(way, 0.0, far_m), work.width_m))
        return shapely.union_all(found)


def band(way: BaseGeometry, width_m: float) -> BaseGeometry:
    """Return the ground under a way flown at a swath's width; of a point the disc around it."""
    if way.geom_type == "Point":
        return shapely.buffer(way, width_m / 2.0, quad_segs=DISC_SIDES)
    return shapely.buffer(way, width_m / 2.0, cap_style="flat", join_style="mitre", mitre_limit=2.0)


def pieces_of(points: FloatArray, width_m: float) -> FloatArray:
    """Return the ground under a pass, piece by piece, as it is flown."""
    start, end = points[:-1], points[1:]
    return corners_of(start, end, np.full(len(start), width_m), np.ones(len(start), dtype=bool))
