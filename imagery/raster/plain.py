"""A grid as the plainest GeoTIFF there is, for programs and controllers that know no other.

One band of float32 in strips, not compressed, no overviews, no nodata value: every pixel says what
it says. Otherwise a grid is written as `imagery.raster.grids` does.
"""

from __future__ import annotations

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from agri.grid import Grid
from imagery.raster.guard import ENVIRONMENT


def plain_tiff(grid: Grid) -> bytes:
    r"""Return a grid as an uncompressed GeoTIFF in strips.

    Parameters
    ----------
    grid : Grid
        Without NaN.

    Examples
    --------
    >>> one = Grid(values=np.ones((2, 2)), affine=(1.0, 0, 106.0, 0, -1.0, 22.0), epsg=4326)
    >>> plain_tiff(one)[:4]
    b'II*\x00'
    """
    height, width = grid.shape
    with rasterio.Env(**ENVIRONMENT), MemoryFile() as memory:
        with memory.open(driver="GTiff", width=width, height=height, count=1, dtype="float32",
                         crs=f"EPSG:{grid.epsg}",
                         transform=rasterio.Affine(*grid.affine)) as target:  # fmt: skip
            target.write(grid.values.astype(np.float32), 1)
            target.units = (grid.unit,)
        return bytes(memory.read())
