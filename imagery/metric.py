"""Rasters measured in metres: the size of their pixels, and places in their plane.

Trees, gaps and change are measured in metres, so their rasters must lie in a coordinate system in
metres (UTM 48N, VN-2000) with square pixels. Web Mercator counts "metres" that are 7 % too long in
Đông Triều, so it is refused like degrees are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from agri.errors import BadInput
from agri.grid import Grid

FloatArray = NDArray[np.float64]
WEB_MERCATOR = 3857
SQUARE = 0.01
"""Share by which a pixel's sides may differ, and its angles from right ones."""


def pixel_m(grid: Grid) -> float:
    """Return the length of a pixel's side in metres.

    Raises
    ------
    BadInput
        When the grid does not lie in metres, or its pixels are not square.

    Examples
    --------
    >>> pixel_m(Grid(values=np.zeros((2, 2)), affine=(0.25, 0, 0, 0, -0.25, 0), epsg=32648))
    0.25
    """
    system = CRS.from_epsg(grid.epsg)
    if not system.is_projected or system.axis_info[0].unit_conversion_factor != 1.0:
        raise BadInput("error.raster_not_metric", name=grid.name, epsg=grid.epsg)
    if grid.epsg == WEB_MERCATOR:
        raise BadInput("error.raster_not_metric", name=grid.name, epsg=grid.epsg)
    a, b, _, d, e, _ = grid.affine
    across, down = math.hypot(a, d), math.hypot(b, e)
    skew = abs(a * b + d * e) / (across * down)
    if abs(across - down) > SQUARE * across or skew > SQUARE:
        raise BadInput("error.raster_not_square", name=grid.name, width=across, height=down)
    return math.sqrt(across * down)


def plane(grid: Grid, column: FloatArray, row: FloatArray) -> FloatArray:
    """Return map places of (column, row), (N, 2); pixel centres lie at halves."""
    a, b, c, d, e, f = grid.affine
    return np.column_stack([a * column + b * row + c, d * column + e * row + f])


def pixels_of(grid: Grid, places: FloatArray) -> FloatArray:
    """Return (column, row) of map places, (N, 2); the inverse of `plane`.

    Examples
    --------
    >>> grid = Grid(values=np.zeros((2, 2)), affine=(0.5, 0, 10, 0, -0.5, 20), epsg=32648)
    >>> pixels_of(grid, plane(grid, np.array([1.5]), np.array([0.5]))).tolist()
    [[1.5, 0.5]]
    """
    a, b, c, d, e, f = grid.affine
    east, north = (np.asarray(places, dtype=np.float64) - (c, f)).T
    turned = a * e - b * d
    return np.column_stack([(e * east - b * north) / turned, (a * north - d * east) / turned])


def same_lattice(one: Grid, other: Grid) -> bool:
    """Return whether two grids have the same pixels: size, place and CRS."""
    return (
        one.shape == other.shape
        and one.epsg == other.epsg
        and bool(np.allclose(one.affine, other.affine, rtol=0.0, atol=1e-9))
    )
