"""What lies under a flight: ground and surface asked in local metres, and how high they rise.

Theory of operation
-------------------
A ground grid (DEM: soil, water) and what stands on it: a surface grid (DSM: crowns, roofs), or a
canopy told as a function of the place. Between pixel centres a grid is bilinear.

To clear a surface it is not enough to look at it in points. `Relief.highest_beneath` takes samples
no further apart than half a pixel, along the leg and across the swath, and adds to each what the
bilinear surface can rise between four of them: at most a quarter of the pixel's concave second
differences and an eighth of the twist of its cells (the kink in the middle of half a pixel lifts by
an eighth of the second difference, in both directions and along a diagonal). On a plane that is
nothing. At a lone high pixel it would be more than the pixel's own height, so the bound is never
above the highest of the surrounding 3 × 3 pixels. Both bounds hold; the lower one is taken.

Pixels finer than `FINEST_M` are first joined, the surface by its highest values, the ground by the
mean: a DSM of 2 cm holds leaves, not heights.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.geo import LocalFrame
from agri.grid import Coarsen, FloatArray, Grid

Canopy = Callable[[FloatArray, FloatArray], FloatArray]
"""Crop height in metres above the ground at (east_m, north_m), arrays in, array out."""
FINEST_M = 0.25
"""Pixels finer than this are joined."""
STEP_ALONG_M = 0.5
"""Longest step along a leg, however coarse the grid: the ground bends by centimetres within it."""
STEP_M = 10.0
"""Step over which a grid's pixels are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How a field leans: the plane that fits its ground best.

    Parameters
    ----------
    rise : float
        Metres per metre in the steepest direction, 0 for level ground.
    direction_deg : float
        Uphill, degrees clockwise from true north, 0 to 360.
    """

    rise: float
    direction_deg: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One grid seen from local metres.

    Parameters
    ----------
    local : LocalFrame
        The planner's metres.
    grid : Grid
        Heights in metres.
    """

    local: LocalFrame
    grid: Grid
    _rise: Grid = field(init=False)
    _top: Grid = field(init=False)

    def __post_init__(self) -> None:
        values = self.grid.values
        top = _spread(values)
        object.__setattr__(self, "_top", _like(self.grid, top))
        object.__setattr__(self, "_rise", _like(self.grid, _spread(_bulge(values))))

    def pixels(self, east_m: FloatArray, north_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (column, row) of local places."""
        return self.grid.pixels(*self.local.to_lonlat(east_m, north_m))

    def at(self, east_m: FloatArray, north_m: FloatArray) -> FloatArray:
        """Return heights at local places, NaN where there is none."""
        return self.grid.at(*self.pixels(east_m, north_m))

    def jacobian(self, east_m: float, north_m: float) -> FloatArray:
        """Return the change of (column, row) with one metre of east and of north: (2, 2)."""
        east = np.array([-STEP_M, STEP_M, 0.0, 0.0]) + east_m
        north = np.array([0.0, 0.0, -STEP_M, STEP_M]) + north_m
        pixel = np.array(self.pixels(east, north))
        turned: FloatArray = (pixel[:, 1::2] - pixel[:, 0::2]) / (2.0 * STEP_M)
        return turned

    def pixel_m(self, east_m: float, north_m: float) -> tuple[float, float]:
        """Return the shorter and the longer side of a pixel, metres on the ground."""
        sides = np.hypot(*np.linalg.inv(self.jacobian(east_m, north_m)))
        return float(sides.min()), float(sides.max())

    def bound(self, column: FloatArray, row: FloatArray) -> FloatArray:
        """Return heights that the surface does not exceed within a quarter of a pixel."""
        return np.fmin(
            self.grid.at(column, row) + self._rise.at(column, row), self._top.at(column, row)
        )

    def within(self, area: BaseGeometry) -> FloatArray:
        """Return the values of all pixels whose centres lie in an area of local metres."""
        outline = shapely.transform(area, lambda xy: np.column_stack(self.pixels(*xy.T)))
        left, top, right, bottom = outline.bounds
        height, width = self.grid.shape
        columns = np.arange(max(0, math.floor(left - 0.5)), min(width, math.ceil(right + 0.5)))
        rows = np.arange(max(0, math.floor(top - 0.5)), min(height, math.ceil(bottom + 0.5)))
        shapely.prepare(outline)
        found = [
            self.grid.values[row, columns][shapely.contains_xy(outline, columns + 0.5, row + 0.5)]
            for row in rows
        ]
        return np.concatenate(found) if found else np.empty(0)


def _like(grid: Grid, values: FloatArray) -> Grid:
    return Grid(values=values, affine=grid.affine, epsg=grid.epsg, name=grid.name)


def _spread(values: FloatArray) -> FloatArray:
    """Return the highest of each pixel's 3 × 3 neighbours, itself among them."""
    padded = np.pad(values, 1, mode="edge")
    rows = np.fmax(np.fmax(padded[:-2], padded[1:-1]), padded[2:])
    highest: FloatArray = np.fmax(np.fmax(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
    return highest


def _bulge(values: FloatArray) -> FloatArray:
    """Return how far the bilinear surface can rise over samples half a pixel apart."""
    padded = np.pad(values, 1, mode="edge")
    middle = 2.0 * values
    across = middle - padded[1:-1, :-2] - padded[1:-1, 2:]
    down = middle - padded[:-2, 1:-1] - padded[2:, 1:-1]
    twist = np.abs(padded[:-1, :-1] + padded[1:, 1:] - padded[:-1, 1:] - padded[1:, :-1])
    most = np.fmax(np.fmax(twist[:-1, :-1], twist[:-1, 1:]), np.fmax(twist[1:, :-1], twist[1:, 1:]))
    bulge = 0.25 * (np.fmax(across, 0.0) + np.fmax(down, 0.0)) + 0.125 * most
    return np.where(np.isfinite(bulge), bulge, 0.0)


def joined(local: LocalFrame, grid: Grid, how: Coarsen) -> Layer:
    """Return a grid as a layer, pixels finer than `FINEST_M` joined."""
    rows, columns = grid.shape
    middle = _local_of_pixel(local, grid, columns / 2.0, rows / 2.0)
    size_m = Layer(local=local, grid=_like(grid, np.zeros((1, 1)))).pixel_m(*middle)[0]
    factor = max(1, math.ceil(FINEST_M / size_m - 1e-6)) if size_m < FINEST_M - 1e-6 else 1
    return Layer(local=local, grid=grid.coarser(factor, how) if factor > 1 else grid)


def _local_of_pixel(
    local: LocalFrame, grid: Grid, column: float, row: float
) -> tuple[float, float]:
    lon, lat = grid.lonlat(np.array([column]), np.array([row]))
    east, north = local.to_local(lon, lat)
    return float(east[0]), float(north[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Relief:
    """Ground and what stands on it, in local metres.

    Parameters
    ----------
    local : LocalFrame
        The planner's metres.
    ground : Layer
        DEM.
    surface : Layer, optional
        DSM, above the same as the ground.
    canopy : callable, optional
        (east_m, north_m) to crop height above the ground; with a surface the higher of both holds.
    """

    local: LocalFrame
    ground: Layer
    surface: Layer | None = None
    canopy: Canopy | None = None

    def ground_at(self, east_m: FloatArray, north_m: FloatArray) -> FloatArray:
        """Return ground heights at local places."""
        return self.ground.at(east_m, north_m)

    def top_at(self, east_m: FloatArray, north_m: FloatArray) -> FloatArray:
        """Return heights of what is flown over: surface, or ground and canopy."""
        tops = []
        if self.surface is not None:
            tops.append(self.surface.at(east_m, north_m))
        if self.canopy is not None or not tops:
            tops.append(self.ground.at(east_m, north_m) + self._crop(east_m, north_m))
        highest: FloatArray = np.fmax.reduce(tops)
        return highest

    def _crop(self, east_m: FloatArray, north_m: FloatArray) -> Any:
        return 0.0 if self.canopy is None else np.asarray(self.canopy(east_m, north_m), float)

    def step_m(self, east_m: float, north_m: float) -> float:
        """Return half a pixel of the finest layer, metres, and at most `STEP_ALONG_M`."""
        return min(STEP_ALONG_M, self._half_pixel_m(east_m, north_m))

    def _half_pixel_m(self, east_m: float, north_m: float) -> float:
        layers = [layer for layer in (self.ground, self.surface) if layer is not None]
        return min(layer.pixel_m(east_m, north_m)[0] for layer in layers) / 2.0

    def highest_beneath(
        self, east_m: FloatArray, north_m: FloatArray, half_width_m: float
    ) -> FloatArray:
        """Return a height that nothing beneath a straight leg's strip exceeds.

        Parameters
        ----------
        east_m, north_m : (N,) float64
            Samples of one straight leg from end to end, at most `step_m` apart.
        half_width_m : float
            Half the width of the strip.

        Returns
        -------
        (N,) float64
            Between two samples the straight line between their heights holds.
        """
        along = np.array([east_m[-1] - east_m[0], north_m[-1] - north_m[0]])
        along /= max(float(np.hypot(*along)), 1e-9)
        middle = float(east_m.mean()), float(north_m.mean())
        count = max(1, math.ceil(half_width_m / self._half_pixel_m(*middle)))
        offsets = np.linspace(-half_width_m, half_width_m, 2 * count + 1)
        tops = []
        for layer in (self.surface, None if self.surface and not self.canopy else self.ground):
            if layer is not None:
                tops.append(self._strip(layer, east_m, north_m, along, offsets))
        highest: FloatArray = np.fmax.reduce(tops)
        return highest

    def _strip(
        self,
        layer: Layer,
        east_m: FloatArray,
        north_m: FloatArray,
        along: FloatArray,
        offsets: FloatArray,
    ) -> FloatArray:
        aside = np.array([-along[1], along[0]])
        column, row = layer.pixels(east_m, north_m)
        turn = layer.jacobian(float(east_m.mean()), float(north_m.mean())) @ aside
        best = np.full(len(column), np.nan)
        for offset in offsets:
            height = layer.bound(column + turn[0] * offset, row + turn[1] * offset)
            if layer is self.ground:
                height = height + self._crop(
                    east_m + aside[0] * offset, north_m + aside[1] * offset
                )
            best = np.fmax(best, height)
        return best

    def extremes(self, area: BaseGeometry) -> tuple[float, float]:
        """Return the lowest ground and the highest top in an area of local metres.

        Raises
        ------
        BadInput
            When the grids tell nothing there.
        """
        lowest = self.ground.within(area)
        east, north = _lattice(area, self._half_pixel_m(area.centroid.x, area.centroid.y))
        tops = [self.ground.at(east, north) + self._crop(east, north), lowest]
        if self.surface is not None:
            tops.append(self.surface.within(area))
        known = np.concatenate(tops)
        if not np.isfinite(known).any() or not np.isfinite(lowest).any():
            raise BadInput("error.terrain_gap", name=self.ground.grid.name)
        return float(np.nanmin(lowest)), float(np.nanmax(known))


def _lattice(area: BaseGeometry, step_m: float) -> tuple[FloatArray, FloatArray]:
    """Return places inside an area, `step_m` apart or further when that would be too many."""
    west, south, east, north = area.bounds
    step = max(step_m, math.sqrt(max(east - west, 1.0) * max(north - south, 1.0) / 40_000.0))
    x, y = np.meshgrid(np.arange(west, east + step, step), np.arange(south, north + step, step))
    inside = shapely.contains_xy(area, x, y)
    return x[inside], y[inside]


def missing_shares(layer: Layer, area: BaseGeometry) -> tuple[float, float]:
    """Return which shares of an area lie outside a grid and in its gaps.

    Parameters
    ----------
    layer : Layer
        A grid.
    area : shapely geometry
        Local metres.
    """
    side = layer.pixel_m(area.centroid.x, area.centroid.y)[0]
    east, north = _lattice(area, side / 2.0)
    if len(east) == 0:
        east, north = np.array([area.centroid.x]), np.array([area.centroid.y])
    column, row = layer.pixels(east, north)
    height, width = layer.grid.shape
    outside = (column < 0) | (column > width) | (row < 0) | (row > height)
    gaps = ~outside & ~np.isfinite(layer.grid.at(column, row))
    return float(outside.mean()), float(gaps.mean())


def plane_fit(grid: Grid, area: BaseGeometry) -> Slope:
    """Return how the ground leans in an area, by least squares over its pixels.

    Parameters
    ----------
    grid : Grid
        Ground heights, metres.
    area : shapely geometry
        WGS 84 (lon, lat) degrees.

    Raises
    ------
    BadInput
        When the grid tells nothing there.
    """
    local = LocalFrame.around(area)
    layer = Layer(local=local, grid=grid)
    inner = local.geometry_to_local(area)
    east, north = _lattice(inner, layer.pixel_m(0.0, 0.0)[0] / 2.0)
    height = layer.at(east, north)
    known = np.isfinite(height)
    if known.sum() < 3:
        raise BadInput("error.terrain_gap", name=grid.name)
    sides = np.column_stack([east[known], north[known], np.ones(int(known.sum()))])
    (to_east, to_north, _), *_ = np.linalg.lstsq(sides, height[known], rcond=None)
    rise = math.hypot(to_east, to_north)
    direction = math.degrees(math.atan2(to_east, to_north)) % 360.0
    return Slope(rise=rise, direction_deg=direction if rise > 1e-9 else 0.0)
