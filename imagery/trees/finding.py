"""Find the crowns of a canopy model: whole, or read in pieces with the same result.

Theory of operation. A canopy of 2 cm is noise to a tree of 4 m: more pixels than the eye needs, and
a twig for every top. So it is first made coarser, to about `PIXELS_ACROSS` pixels across the
narrowest window, by the highest value of each block (a top is not lost), and smoothed by a
Gaussian, if asked, of which the known pixels alone have a say. Both look only at what lies near, so
any piece can be read by itself (`flooding` tells how pieces fit).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import shapely
from scipy import ndimage

from agri.grid import Coarsen, FloatArray, Grid
from imagery.metric import pixel_m, plane
from imagery.trees.crown import Crown, outline_of
from imagery.trees.flooding import CrownRule, Flooded, Read, flood

PIXELS_ACROSS = 8
"""Pixels that the radius of the narrowest window should have at most."""
TILE = 1024
"""Rows and columns of a piece."""
TRUNCATE = 4.0
"""A Gaussian reaches so many of its widths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canopy:
    """A canopy model that is read in pieces.

    Parameters
    ----------
    read : callable
        (row, column, rows, columns) → (rows, columns) float64 heights above ground, NaN where none.
    shape : (rows, columns)
        Of the whole.
    affine : six float
        As in `Grid`.
    epsg : int
        CRS, in metres.
    name : str
        For sentences.
    """

    read: Read
    shape: tuple[int, int]
    affine: tuple[float, float, float, float, float, float]
    epsg: int
    name: str = ""

    @classmethod
    def of(cls, grid: Grid) -> Canopy:
        """Return a grid that is in memory as a canopy."""

        def read(row: int, column: int, rows: int, columns: int) -> FloatArray:
            return grid.values[row : row + rows, column : column + columns]

        return cls(read=read, shape=grid.shape, affine=grid.affine, epsg=grid.epsg, name=grid.name)

    @property
    def place(self) -> Grid:
        """A grid of one pixel that has this canopy's CRS and transform."""
        return Grid(values=np.zeros((1, 1)), affine=self.affine, epsg=self.epsg, name=self.name)

    def coarser(self, factor: int, how: Coarsen = "max") -> Canopy:
        """Return the canopy with pixels `factor` times as long and wide."""
        if factor == 1:
            return self
        fine = self.read

        def read(row: int, column: int, rows: int, columns: int) -> FloatArray:
            part = fine(row * factor, column * factor, rows * factor, columns * factor)
            return replace(self.place, values=part).coarser(factor, how).values

        a, b, c, d, e, f = self.affine
        return replace(
            self,
            read=read,
            shape=(math.ceil(self.shape[0] / factor), math.ceil(self.shape[1] / factor)),
            affine=(factor * a, factor * b, c, factor * d, factor * e, f),
        )

    def smoothed(self, sigma: float) -> Canopy:
        """Return the canopy blurred by a Gaussian of `sigma` pixels."""
        if sigma <= 0.0:
            return self
        return self.changed(lambda part: blurred(part, sigma), math.ceil(TRUNCATE * sigma) + 1)

    def changed(self, change: Callable[[FloatArray], FloatArray], halo: int) -> Canopy:
        """Return the canopy changed by what looks at most `halo` pixels around each pixel."""
        before, whole = self.read, self.shape

        def read(row: int, column: int, rows: int, columns: int) -> FloatArray:
            first, left = max(0, row - halo), max(0, column - halo)
            end, right = min(whole[0], row + rows + halo), min(whole[1], column + columns + halo)
            after = change(before(first, left, end - first, right - left))
            return after[row - first :, column - left :][:rows, :columns]

        return replace(self, read=read)


def blurred(values: FloatArray, sigma: float) -> FloatArray:
    """Return values blurred, the known ones alone having a say; NaN stays NaN."""
    known = np.isfinite(values)
    weight = ndimage.gaussian_filter(known.astype(np.float64), sigma, truncate=TRUNCATE)
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), sigma, truncate=TRUNCATE)
    return np.where(known, total / np.where(known, weight, 1.0), np.nan)


def find_crowns(
    canopy: Canopy | Grid,
    rule: CrownRule | None = None,
    *,
    smooth_m: float = 0.0,
    tile: int = TILE,
    progress: Callable[[float], None] | None = None,
) -> tuple[Crown, ...]:
    """Return the crowns of a canopy model.

    Parameters
    ----------
    canopy : Canopy or Grid
        Heights above ground, metres.
    rule : CrownRule, optional
        What is a top and what belongs to a crown.
    smooth_m : float
        Width (standard deviation) of the Gaussian that takes twigs and noise away; heights of tops
        become a little lower by it.
    tile : int
        Rows and columns that are looked at in one go. It has no influence on the result.
    progress : callable, optional
        Told the share done, 0 to 1.

    Returns
    -------
    tuple of Crown
        From north to south as the raster's rows go, then from west to east.

    Raises
    ------
    BadInput
        When the canopy is not in metres, or scikit-image is not installed.
    """
    rule = rule or CrownRule()
    whole = Canopy.of(canopy) if isinstance(canopy, Grid) else canopy
    fine = pixel_m(whole.place)
    factor = max(1, math.floor(rule.window.radius_m(rule.window.lowest_m) / PIXELS_ACROSS / fine))
    whole = whole.coarser(factor).smoothed(smooth_m / (factor * fine))
    flooded = _all_pieces(whole, rule, tile, factor * fine, progress or _silent)
    crowns = [_measured(one, whole.place, factor * fine) for one in flooded]
    return tuple(crown for crown in crowns if crown.area_m2 >= rule.least_m2)


def _silent(_: float) -> None:
    """Tell nobody."""


def _all_pieces(
    canopy: Canopy, rule: CrownRule, tile: int, pixel: float, progress: Callable[[float], None]
) -> list[Flooded]:
    rows, columns = canopy.shape
    corners = [(r, c) for r in range(0, rows, tile) for c in range(0, columns, tile)]
    found: list[Flooded] = []
    for done, (row, column) in enumerate(corners, start=1):
        piece = (row, column, min(tile, rows - row), min(tile, columns - column))
        found += flood(canopy.read, piece, canopy.shape, pixel, rule)
        progress(done / len(corners))
    return sorted(found, key=lambda one: one.top)


def _measured(one: Flooded, place: Grid, pixel: float) -> Crown:
    """Return a crown with its outline, height and volume."""
    row, column = one.corner

    def mapped(points: FloatArray) -> FloatArray:
        return plane(place, points[:, 0] + column, points[:, 1] + row)

    height = one.heights[one.top[0] - row, one.top[1] - column]
    middle = plane(place, np.array([one.top[1] + 0.5]), np.array([one.top[0] + 0.5]))[0]
    return Crown(
        top=(float(middle[0]), float(middle[1])),
        outline=shapely.transform(outline_of(one.pixels), mapped),
        height_m=float(height),
        volume_m3=float(one.heights[one.pixels].sum() * pixel**2),
    )
