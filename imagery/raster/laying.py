"""A raster laid on a grid in another system: for the tiles and pictures of a browser's map.

Theory of operation. GDAL's warped view is given the grid itself, of the size asked for, over the
overview that is just finer than it; so no more is decoded than is shown, and the nearest pixel is
taken. rio-tiler warps the whole raster's view and reads a window of it, with the same pixels: half
of its time goes where nothing is seen (`benchmarks/tiles.py`: 17.5 against 10.0 ms of a core for a
tile of a 10,000² index), so it is what the tests hold this against and not what draws.

The web's grid is for drawing and never for measuring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely.ops
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.enums import ColorInterp, Resampling
from rasterio.features import geometry_mask
from rasterio.transform import from_bounds
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from shapely.geometry import MultiPolygon, Polygon

from imagery.raster.guard import opened

WEB = "EPSG:3857"
SLACK = 1.2
"""An overview may be this much coarser than the grid, as GDAL itself has it."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """What a raster holds on a grid.

    Parameters
    ----------
    stored : ndarray
        (B, height, width), numbers as the file has them.
    known : ndarray
        (height, width) bool: where all layers have a number.
    """

    stored: NDArray[Any]
    known: NDArray[np.bool_]


def lay(
    path: Path, name: str, numbers: tuple[int, ...], *, within: Bounds, width: int, height: int
) -> Laid | None:
    """Return layers of a raster on a grid of the web's system.

    Parameters
    ----------
    path : Path
        Of the raster.
    name : str
        What it is called in a complaint.
    numbers : tuple of int
        Layers, from 1.
    within : tuple of float
        West, south, east, north of the grid, EPSG:3857 metres.
    width, height : int
        Of the grid, pixels.

    Returns
    -------
    Laid or None
        None where the raster does not reach.

    Raises
    ------
    BadInput
        When the file is damaged.
    """
    with opened(path, name) as source:
        reach = transform_bounds(source.crs, WEB, *source.bounds)
        if not _meet(reach, within):
            return None
        own = (reach[2] - reach[0]) / source.width
        level = _level(source.overviews(numbers[0]), (within[2] - within[0]) / width / own)
        if level is None:
            return _warped(source, numbers, within, width, height)
    with opened(path, name, level) as source:
        return _warped(source, numbers, within, width, height)


def lay_area(
    path: Path, name: str, numbers: tuple[int, ...], area: Polygon | MultiPolygon, *, side: int
) -> Laid | None:
    """Return layers of a raster on a grid around an area; outside it nothing is known.

    Parameters
    ----------
    path, name, numbers
        As `lay` has them.
    area : Polygon or MultiPolygon
        WGS 84 (lon, lat) degrees.
    side : int
        Most pixels of the grid's longer side; no more than the raster has.

    Returns
    -------
    Laid or None
        None where the raster does not reach.

    Raises
    ------
    BadInput
        When the file is damaged.
    """
    shape = shapely.ops.transform(_to_web().transform, area)
    west, south, east, north = shape.bounds
    with opened(path, name) as source:
        reach = transform_bounds(source.crs, WEB, *source.bounds)
        pixel = (reach[2] - reach[0]) / source.width
    step = max(max(east - west, north - south) / side, pixel)
    width, height = (max(1, round(long / step)) for long in (east - west, north - south))
    laid = lay(path, name, numbers, within=shape.bounds, width=width, height=height)
    if laid is None:
        return None
    grid = from_bounds(*shape.bounds, width, height)
    within = geometry_mask([shape], (height, width), grid, invert=True)
    return Laid(stored=laid.stored, known=laid.known & within)


@cache
def _to_web() -> Transformer:
    return Transformer.from_crs(4326, WEB, always_xy=True)


def _meet(one: Bounds, other: Bounds) -> bool:
    apart = one[0] >= other[2] or one[2] <= other[0] or one[1] >= other[3] or one[3] <= other[1]
    return not apart and all(map(math.isfinite, one))


def _level(factors: list[int], wanted: float) -> int | None:
    """Return the coarsest overview that still shows every pixel asked for; None for the file."""
    fine = [number for number, factor in enumerate(factors) if factor <= wanted * SLACK]
    return fine[-1] if fine else None


def _warped(source: Any, numbers: tuple[int, ...], within: Bounds, width: int, height: int) -> Laid:
    nodata = source.nodata
    alpha = ColorInterp.alpha in source.colorinterp
    add_alpha = nodata is None and not alpha
    with WarpedVRT(
        source, crs=WEB, transform=from_bounds(*within, width, height), width=width,
        height=height, src_nodata=nodata, nodata=nodata, add_alpha=add_alpha,
        resampling=Resampling.nearest,
    ) as view:  # fmt: skip
        stored = view.read(indexes=list(numbers))
        if nodata is None:
            known = view.read(view.colorinterp.index(ColorInterp.alpha) + 1) > 0
        elif math.isnan(nodata):
            known = ~np.isnan(stored).any(axis=0)
        else:
            known = (stored != nodata).all(axis=0)
    return Laid(stored=stored, known=known)
