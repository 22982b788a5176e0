"""Zones in the pixels of a raster: their corners brought into its CRS, then through its transform.

A zone's sides are straight in longitude and latitude. Brought into another CRS they bend by about
L² / 8 R (7 mm on 1 km at 21°), so sides longer than `STEP_DEG` are divided before; what is left is
below 0.1 mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from agri.geo import transformer
from agri.zone import Zone

Affine = tuple[float, float, float, float, float, float]
FloatArray = NDArray[np.float64]

EQUAL_AREA = 6933
"""EASE-Grid 2.0, global: every square metre on the ellipsoid is one on the map."""
STEP_DEG = 0.001
"""Longest side that is taken as straight, about 100 m."""


def in_pixels(zones: Sequence[Zone], epsg: int, affine: Affine) -> NDArray[np.object_]:
    """Return zones' areas in pixel coordinates.

    Parameters
    ----------
    zones : sequence of Zone
        WGS 84 degrees.
    epsg : int
        The raster's CRS.
    affine : tuple of six float
        The raster's transform, as in `agri.grid.Grid`; it may be turned.

    Returns
    -------
    (Z,) array of shapely geometries
        Columns and rows; an empty polygon for a zone that the CRS cannot show.

    Examples
    --------
    >>> one = Zone(name="A", area=shapely.box(106.0, 21.0, 106.0005, 21.0005))
    >>> found = in_pixels([one], 4326, (0.00025, 0.0, 106.0, 0.0, -0.00025, 21.001))
    >>> [round(value, 6) for value in found[0].bounds]
    [0.0, 2.0, 2.0, 4.0]
    """
    areas = _areas(zones, divided=epsg != 4326)
    a, b, c, d, e, f = affine
    determinant = a * e - b * d

    def pixels(degrees: FloatArray) -> FloatArray:
        x, y = degrees.T
        if epsg != 4326:
            x, y = transformer(4326, epsg).transform(x, y)
        east, north = x - c, y - f
        with np.errstate(invalid="ignore"):
            return np.column_stack([e * east - b * north, a * north - d * east]) / determinant

    placed = shapely.transform(areas, pixels)
    shown = np.isfinite(shapely.bounds(placed)).all(axis=1)
    placed[~shown] = Polygon()
    return np.asarray(placed, dtype=np.object_)


def sizes_m2(zones: Sequence[Zone]) -> FloatArray:
    """Return zones' sizes on the ellipsoid, square metres, all in one go.

    Parameters
    ----------
    zones : sequence of Zone

    Returns
    -------
    (Z,) float64
        By the equal-area cylinder of EPSG:6933; within 1 part in 20,000 of `Zone.area_m2`, which
        lays a frame of its own around each zone.

    Examples
    --------
    >>> one = Zone(name="A", area=shapely.box(106.51, 21.08, 106.511, 21.081))
    >>> round(float(sizes_m2([one])[0] / one.area_m2), 4)
    1.0
    """
    level = shapely.transform(
        _areas(zones, divided=True),
        lambda xy: np.column_stack(transformer(4326, EQUAL_AREA).transform(*xy.T)),
    )
    found: FloatArray = shapely.area(level)
    return found


def _areas(zones: Sequence[Zone], *, divided: bool) -> NDArray[np.object_]:
    """Return zones' areas, their long sides divided."""
    areas = np.array([zone.area for zone in zones], dtype=np.object_)
    if divided:
        west, south, east, north = shapely.bounds(areas).T
        long = np.maximum(east - west, north - south) > STEP_DEG
        areas[long] = shapely.segmentize(areas[long], STEP_DEG)
    return areas
