"""What rasters say about crowns: the mean of an index over each.

Theory of operation. A pixel counts when its centre lies within the outline. On crowns of metres and
pixels of centimetres the mean differs from the exact, area-weighted one by thousandths
(`imagery.zonal` has the exact one, with quantiles). Crowns that overlap each get all their pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from agri.errors import BadInput
from agri.grid import Grid
from imagery.metric import pixels_of
from imagery.trees.crown import Crown


def measured(
    crowns: Sequence[Crown], rasters: Mapping[str, Grid], *, epsg: int
) -> tuple[Crown, ...]:
    """Return crowns with the means of rasters over them.

    Parameters
    ----------
    crowns : sequence of Crown
        Their places in `epsg`.
    rasters : mapping of str to Grid
        By the name the mean is to have; any pixels, the same CRS.
    epsg : int
        CRS of the crowns.

    Returns
    -------
    tuple of Crown
        What they had in `indices` before is kept.

    Raises
    ------
    BadInput
        When a raster lies in another CRS.
    """
    for name, grid in rasters.items():
        if grid.epsg != epsg:
            raise BadInput("error.rasters_apart", one=grid.name or name, other="crowns",
                           epsg=grid.epsg, other_epsg=epsg)  # fmt: skip
    return tuple(
        replace(
            crown,
            indices={
                **crown.indices,
                **{name: mean_over(grid, crown.outline) for name, grid in rasters.items()},
            },
        )
        for crown in crowns
    )


def mean_over(grid: Grid, outline: Polygon | MultiPolygon) -> float:
    """Return the mean of the known pixels whose centres lie within an outline, NaN without one.

    Examples
    --------
    >>> grid = Grid(values=np.array([[1.0, 2.0], [3.0, np.nan]]), affine=(1, 0, 0, 0, -1, 2),
    ...             epsg=32648)
    >>> mean_over(grid, shapely.box(0, 0, 2, 2)), mean_over(grid, shapely.box(5, 5, 6, 6))
    (2.0, nan)
    """
    own = shapely.transform(outline, lambda places: pixels_of(grid, places))
    left, top, right, bottom = own.bounds
    rows, columns = grid.shape
    first, last = max(0, math.floor(top)), min(rows, math.ceil(bottom))
    start, end = max(0, math.floor(left)), min(columns, math.ceil(right))
    if first >= last or start >= end:
        return math.nan
    part = grid.values[first:last, start:end]
    y, x = np.mgrid[first:last, start:end] + 0.5
    shapely.prepare(own)
    known = np.isfinite(part) & shapely.contains_xy(own, x, y)
    return float(part[known].mean()) if known.any() else math.nan
