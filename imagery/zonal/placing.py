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
from imagery.zonal.coverage import Edges, edges_of

Affine = tuple[float, float, float, float, float, float]
FloatArray = NDArray[np.float64]

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
    areas = np.array([zone.area for zone in zones], dtype=np.object_)
    a, b, c, d, e, f = affine
    determinant = a * e - b * d
    if epsg != 4326:
        areas = shapely.segmentize(areas, STEP_DEG)

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


def edges_in_pixels(zones: Sequence[Zone], epsg: int, affine: Affine) -> Edges:
    """Return zones' edges in pixel coordinates; see `in_pixels`."""
    return edges_of(in_pixels(zones, epsg, affine))
