"""A grid of numbers that lies on the earth: ground heights, a rate map, litres per hectare.

One value for every raster that crosses a floor: `imagery.raster` reads and writes it as GeoTIFF,
planners and maps only ask it for values at places. It knows its CRS by EPSG code and its place by
the six numbers of an affine transform, as GDAL and rasterio have them: pixel (column, row) corner
to map x, y. Row 0 is the first row of the array, as a rule the northern one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.exceptions import CRSError
from shapely.geometry import MultiPolygon

from agri.errors import BadInput

FloatArray = NDArray[np.float64]
Coarsen = Literal["mean", "max", "min"]
"""What stands for many pixels: their mean, or the highest where a height to clear must not be
lost, or the lowest."""


@lru_cache(maxsize=32)
def _to_grid(epsg: int) -> Transformer:
    return Transformer.from_crs(4326, epsg, always_xy=True)


def coarser_values(values: FloatArray, factor: int, how: Coarsen) -> FloatArray:
    """Return one value for every factor × factor values, NaN only where none of them is known.

    Parameters
    ----------
    values : (H, W) float64
        NaN where there is none.
    factor : int
        1 or more; at the last row and column a block may have fewer values.
    how : {"mean", "max", "min"}
        What stands for a block.

    Examples
    --------
    >>> coarser_values(np.array([[1.0, 3.0, 5.0]]), 2, "mean").tolist()
    [[2.0, 5.0]]
    """
    if factor == 1:
        return values
    rows, columns = (-size % factor for size in values.shape)
    padded = np.pad(values, ((0, rows), (0, columns)), constant_values=np.nan)
    height, width = (size // factor for size in padded.shape)
    blocks = padded.reshape(height, factor, width, factor)
    if how != "mean":
        most = np.fmax if how == "max" else np.fmin
        best: FloatArray = most.reduce(most.reduce(blocks, axis=3), axis=1)
        return best
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0.0).sum(axis=(1, 3))
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


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

    def coarser(self, factor: int, how: Coarsen = "mean") -> Grid:
        """Return the grid with pixels `factor` times as long and wide (see `coarser_values`)."""
        a, b, c, d, e, f = self.affine
        return replace(
            self,
            values=coarser_values(self.values, factor, how),
            affine=(factor * a, factor * b, c, factor * d, factor * e, f),
        )

    def pixels(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Return (column, row) of places, with fractions; pixel centres lie at halves."""
        x, y = _to_grid(self.epsg).transform(np.asarray(lon_deg, float), np.asarray(lat_deg, float))
        a, b, c, d, e, f = self.affine
        east, north = np.asarray(x) - c, np.asarray(y) - f
        column = (e * east - b * north) / self._determinant
        row = (a * north - d * east) / self._determinant
        return np.asarray(column, dtype=np.float64), np.asarray(row, dtype=np.float64)

    def lonlat(self, column: FloatArray, row: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the places (WGS 84 degrees) of (column, row); the inverse of `pixels`."""
        a, b, c, d, e, f = self.affine
        lon, lat = _to_grid(self.epsg).transform(
            a * column + b * row + c, d * column + e * row + f, direction=TransformDirection.INVERSE
        )
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)

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


def areas_where(grid: Grid, chosen: NDArray[np.bool_]) -> MultiPolygon:
    """Return the ground of chosen pixels, WGS 84 (lon, lat) degrees.

    Parameters
    ----------
    grid : Grid
        Whose pixels they are.
    chosen : (H, W) bool
        Which.

    Returns
    -------
    shapely.MultiPolygon
        Neighbours joined; empty when none is chosen.

    Examples
    --------
    >>> grid = Grid(values=np.zeros((2, 2)), affine=(1.0, 0.0, 106.0, 0.0, -1.0, 22.0), epsg=4326)
    >>> areas_where(grid, np.array([[True, True], [False, False]])).bounds
    (106.0, 21.0, 108.0, 22.0)
    """
    edges = np.diff(np.pad(chosen.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    runs = shapely.box(starts, rows, ends, rows + 1)
    joined = shapely.union_all(runs, grid_size=1.0)
    parts = [part for part in getattr(joined, "geoms", [joined]) if not part.is_empty]

    def degrees(pixels: FloatArray) -> FloatArray:
        return np.column_stack(grid.lonlat(*pixels.T))

    return MultiPolygon([shapely.transform(part, degrees) for part in parts])
