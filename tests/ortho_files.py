"""Small orthomosaics for tests, and a recipe that kills its own program."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray

from imagery.raster.tiles import Layer

NAMES = ("Blue 475 nm", "Green 560 nm", "Red 668 nm", "Red edge 717 nm", "NIR 842 nm")


def reflectances(height: int, width: int, seed: int = 1) -> NDArray[np.uint16]:
    """Five bands × 10000, with gaps of 0."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    green = (np.sin(y / 37) * np.cos(x / 41) + 1) / 2
    bands = np.stack([
        0.03 + 0.02 * green, 0.08 + 0.03 * green, 0.04 + 0.06 * (1 - green), 0.15 + 0.1 * green,
        0.3 + 0.3 * green,
    ])  # fmt: skip
    coarse = (
        chance.normal(size=(5, height // 6 + 1, width // 6 + 1))
        .astype(np.float32)
        .repeat(6, 1)
        .repeat(6, 2)
    )
    noise = 1 + 0.03 * coarse[:, :height, :width]
    stored = (bands * noise * 10000).astype(np.uint16)
    stored[:, : height // 5, : width // 3] = 0
    stored[2, height // 2 :: 97, ::89] = 0
    return stored


def write_ortho(
    path: Path, values: NDArray[Any], names: tuple[str, ...] = NAMES, **options: Any
) -> Path:
    """Write a five-band orthomosaic of Đông Triều, 512-pixel tiles unless told otherwise."""
    profile = {
        "driver": "GTiff", "count": len(values), "height": values.shape[1],
        "width": values.shape[2], "dtype": values.dtype, "crs": "EPSG:32648", "nodata": 0,
        "transform": rasterio.Affine(0.05, 0, 656000, 0, -0.05, 2332000), "compress": "deflate",
        "tiled": True, "blockxsize": 512, "blockysize": 512, "interleave": "pixel",
    }  # fmt: skip
    with rasterio.open(path, "w", **(profile | options)) as target:
        target.write(values)
        for number, name in enumerate(names, 1):
            target.set_band_description(number, name)
    return path


@dataclass(frozen=True)
class TwoRatios:
    """NDVI, and near infrared over red edge less one; counts the pixels it was shown.

    `dies_after` ends the program with signal 9 when so many pixels have been shown.
    """

    dies_after: int = 0
    numbers: tuple[int, ...] = (3, 4, 5)
    layers: tuple[Layer, ...] = (
        Layer(name="NDVI", tags=(("FORMULA", "(N - R) / (N + R) & more <x>"),)),
        Layer(name="CIRE", scale=1e-3),
    )
    identity: str = "two ratios"

    def compute(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        global shown  # noqa: PLW0603
        shown += values[0].size
        if self.dies_after and shown >= self.dies_after:
            os.kill(os.getpid(), signal.SIGKILL)
        red, edge, near = values
        with np.errstate(all="ignore"):
            return np.stack([(near - red) / (near + red), near / edge - 1]), (values[0].size,)


shown = 0
