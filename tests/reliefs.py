"""Grounds of known shape, as grids around Đông Triều."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from agri.geo import LocalFrame
from agri.grid import FloatArray, Grid
from missions.terrain.relief import Relief, joined
from tests.sites import DONG_TRIEU

LOCAL = LocalFrame(DONG_TRIEU)
Shape = Callable[[FloatArray, FloatArray], FloatArray]
"""Height at (east_m, north_m)."""


def grid_of(
    shape: Shape, *, pixel_m: float = 1.0, half_m: float = 150.0, turn: float = 0.0, **told: str
) -> Grid:
    """A square grid in UTM around the origin, its pixels turned by `turn` radians."""
    lon, lat = LOCAL.to_lonlat([0.0], [0.0])
    blank = Grid(values=np.zeros((1, 1)), affine=(1, 0, 0, 0, -1, 0), epsg=32648)
    column, row = blank.pixels(lon, lat)
    x, y = float(column[0]), -float(row[0])
    count = round(2 * half_m / pixel_m)
    cos, sin = pixel_m * np.cos(turn), pixel_m * np.sin(turn)
    half = count / 2.0
    affine = (cos, sin, x - half * (cos + sin), sin, -cos, y - half * (sin - cos))
    empty = Grid(values=np.zeros((count, count)), affine=affine, epsg=32648, unit="m", **told)
    rows, columns = np.indices((count, count)) + 0.5
    lon, lat = empty.lonlat(columns.ravel(), rows.ravel())
    heights = shape(*LOCAL.to_local(lon, lat)).reshape(count, count)
    return Grid(values=heights, affine=affine, epsg=32648, unit="m", **told)


def relief_of(ground: Shape, surface: Shape | None = None, **options: float) -> Relief:
    return Relief(
        local=LOCAL,
        ground=joined(LOCAL, grid_of(ground, **options), "mean"),
        surface=joined(LOCAL, grid_of(surface, **options), "max") if surface else None,
    )


def plane(to_east: float, to_north: float, base_m: float = 20.0) -> Shape:
    return lambda east, north: base_m + to_east * east + to_north * north


def terraces(step_m: float = 2.0, every_m: float = 30.0, base_m: float = 20.0) -> Shape:
    """Level steps that rise to the north."""
    return lambda east, north: base_m + step_m * np.floor(north / every_m) + 0.0 * east


def cone(height_m: float, radius_m: float, base_m: float = 20.0) -> Shape:
    return lambda east, north: (
        base_m + height_m * np.clip(1.0 - np.hypot(east, north) / radius_m, 0.0, 1.0)
    )


def hills(seed: int, size_m: float = 4.0, base_m: float = 20.0) -> Shape:
    """Rolling ground: three waves of drawn length, direction and height."""
    chance = np.random.default_rng(seed)
    waves = [
        (
            size_m * chance.random(),
            *(chance.normal(size=2) / chance.uniform(15, 60)),
            chance.random(),
        )
        for _ in range(3)
    ]

    def shape(east: FloatArray, north: FloatArray) -> FloatArray:
        return base_m + sum(h * np.sin(a * east + b * north + 6.3 * p) for h, a, b, p in waves)

    return shape


def trees(ground: Shape, seed: int, count: int = 60, half_m: float = 100.0) -> Shape:
    """Round crowns of 2 to 6 m on a ground."""
    chance = np.random.default_rng(seed)
    places = chance.uniform(-half_m, half_m, (count, 2))
    tops = chance.uniform(2.0, 6.0, count)

    def shape(east: FloatArray, north: FloatArray) -> FloatArray:
        height = np.zeros_like(east)
        for (e, n), top in zip(places, tops, strict=True):
            near = np.hypot(east - e, north - n) / (0.5 * top)
            height = np.maximum(height, top * np.sqrt(np.clip(1.0 - near**2, 0.0, 1.0)))
        return ground(east, north) + height

    return shape
