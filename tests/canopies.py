"""Canopies of which every tree is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agri.grid import Grid

FloatArray = NDArray[np.float64]
EAST, NORTH = 650_000.0, 2_330_000.0
"""Of the raster's north-western corner: UTM 48N, near Đông Triều."""


def domes(
    places: FloatArray,
    radius_m: FloatArray,
    height_m: FloatArray,
    *,
    shape: tuple[int, int],
    pixel: float = 0.2,
    noise_m: float = 0.0,
    seed: int = 1,
) -> Grid:
    """Half ellipsoids on flat ground; places in metres east and south of the corner."""
    rows, columns = np.indices(shape)
    east, south = (columns + 0.5) * pixel, (rows + 0.5) * pixel
    canopy = np.zeros(shape)
    for (x, y), radius, height in zip(places, radius_m, height_m, strict=True):
        off = ((east - x) ** 2 + (south - y) ** 2) / radius**2
        canopy = np.maximum(canopy, height * np.sqrt(np.clip(1.0 - off, 0.0, None)))
    canopy += np.random.default_rng(seed).normal(0.0, noise_m, shape) if noise_m else 0.0
    return Grid(values=np.maximum(canopy, 0.0), affine=(pixel, 0.0, EAST, 0.0, -pixel, NORTH),
                epsg=32648, unit="m", name="chm.tif")  # fmt: skip


def orchard(
    columns: int, rows: int, *, seed: int, pixel: float = 0.2, apart_m: float = 6.0
) -> tuple[Grid, FloatArray, FloatArray, FloatArray]:
    """A grid of trees with crowns of 3.4 to 5 m: the canopy, places, radii and heights."""
    draw = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(columns), np.arange(rows))
    places = (np.stack([x.ravel(), y.ravel()], axis=1) + 1.0) * apart_m
    places += draw.uniform(-0.4, 0.4, places.shape)
    radius, height = draw.uniform(1.7, 2.5, len(places)), draw.uniform(2.5, 4.5, len(places))
    shape = (round((rows + 1) * apart_m / pixel), round((columns + 1) * apart_m / pixel))
    grid = domes(places, radius, height, shape=shape, pixel=pixel, noise_m=0.05, seed=seed)
    return grid, places, radius, height
