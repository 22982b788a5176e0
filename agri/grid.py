"""A grid of numbers that lies on the earth: ground heights, a rate map, litres per hectare.

One value for every raster that crosses a floor: `imagery.raster` reads and writes it as GeoTIFF,
planners and maps only ask it for values at places. It knows its CRS by EPSG code and its place by
the six numbers of an affine transform, as GDAL and rasterio have them: pixel (column, row) corner
to map x, y. Row 0 is the first row of the array, as a rule the northern one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from agri.errors import BadInput

FloatArray = NDArray[np.float64]


@lru_cache(maxsize=32)
def _to_grid(epsg: int) -> Transformer:
    return Transformer.from_crs(4326, epsg, always_xy=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Values on a regular grid.

    Parameters
    ----------
    values : (H, W) float64
        NaN where there is none.
    affine : tuple of six float
        (a, b, c, d, e, f): x = a · column + b · row + c, y = d · column + e · row + f, at the
        corners of pixels, in the CRS's units.
    epsg : int
        Horizontal CRS.
    unit : str
        Of the values: "m", "l/ha".
    datum : str
        For heights, what they are above, as the file tells: "EGM96", "EGM2008", "ellipsoid", ""
        when it does not tell.
    name : str
        Where it comes from, for sentences.

    Raises
    ------
    BadInput
        When the array is not a plane of at least one pixel, the transform cannot be turned round,
        or the CRS is unknown.

    Examples
    --------
    >>> grid = Grid(values=np.array([[1.0, 2.0]]), affine=(1.0, 0.0, 106.0, 0.0, -1.0, 22.0),
    ...             epsg=4326)
    >>> float(grid.sample(107.5, 21.5)), float(grid.sample(107.0, 21.5)), grid.shape
    (2.0, 1.5, (1, 2))
    """

    values: FloatArray
    affine: tuple[float, float, float, float, float, float]
    epsg: int
    unit: str = ""
    datum: str = ""
    name: str = ""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or min(self.values.shape) < 1:
            raise BadInput("error.grid_shape", name=self.name, shape=str(self.values.shape))
        if not np.isfinite(self.affine).all() or abs(self._determinant) < 1e-18:
            raise BadInput("error.grid_affine", name=self.name)
        try:
            CRS.from_epsg(self.epsg)
        except CRSError:
            raise BadInput("error.grid_crs", name=self.name, epsg=self.epsg) from None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def _determinant(self) -> float:
        a, b, _, d, e, _ = self.affine
        return a * e - b * d

    def pixels(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return (column, row) of places, with fractions; pixel centres lie at halves."""
        x, y = _to_grid(self.epsg).transform(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
        a, b, c, d, e, f = self.affine
        east, north = np.asarray(x) - c, np.asarray(y) - f
        column = (e * east - b * north) / self._determinant
        row = (a * north - d * east) / self._determinant
        return np.asarray(column, dtype=np.float64), np.asarray(row, dtype=np.float64)

    def sample(
        self, lon_deg: ArrayLike, lat_deg: ArrayLike, *, nearest: bool = False
    ) -> FloatArray:
        """Return the values at places, between pixel centres by bilinear interpolation.

        Parameters
        ----------
        lon_deg, lat_deg : array-like of the same shape
            WGS 84 degrees.
        nearest : bool
            Whether to take the pixel's own value (for classes and rates) instead.

        Returns
        -------
        float64 array of that shape
            NaN outside the grid, and where a pixel that weighs in has no value. In the outer half
            pixel the edge's value holds.
        """
        return self.at(*self.pixels(lon_deg, lat_deg), nearest=nearest)

    def at(self, column: FloatArray, row: FloatArray, *, nearest: bool = False) -> FloatArray:
        """Return the values at (column, row) as `pixels` gives them; otherwise as `sample`."""
        height, width = self.shape
        inside = (column >= 0) & (column <= width) & (row >= 0) & (row <= height)
        inside &= np.isfinite(column) & np.isfinite(row)
        column, row = np.where(inside, column, 0.0), np.where(inside, row, 0.0)
        if nearest:
            j = np.minimum(column.astype(np.intp), width - 1)
            i = np.minimum(row.astype(np.intp), height - 1)
            return np.where(inside, self.values[i, j], np.nan)
        u, v = np.clip(column - 0.5, 0.0, width - 1.0), np.clip(row - 0.5, 0.0, height - 1.0)
        j0, i0 = np.floor(u).astype(np.intp), np.floor(v).astype(np.intp)
        j1, i1 = np.minimum(j0 + 1, width - 1), np.minimum(i0 + 1, height - 1)
        s, t = u - j0, v - i0
        total = np.zeros_like(u)
        for i, j, weight in (
            (i0, j0, (1 - s) * (1 - t)),
            (i0, j1, s * (1 - t)),
            (i1, j0, (1 - s) * t),
            (i1, j1, s * t),
        ):
            total = total + np.where(weight > 0.0, weight * self.values[i, j], 0.0)
        return np.where(inside, total, np.nan)
