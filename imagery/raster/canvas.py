"""A raster too large for memory, written in pieces in any order, cloud-optimised at last.

Theory of operation
-------------------
A mosaic is painted where photos lie, not row by row. Pieces go into a tiled TIFF in a hidden folder
beside the place where the product will be (`imagery.raster.workroom`); when all are there GDAL's
COG driver copies it, tile by tile, with overviews, and the copy takes the product's place in one
step. Interrupted anywhere, nothing of that name exists, or the older file still does.

Bytes (pictures) get a mask of what was painted, inside the file; floats (reflectance) get NaN.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.windows import Window

from agri.errors import BadInput
from agri.files import store_error, sync_folder, told
from imagery.raster.guard import ENVIRONMENT, GDAL_SAYS
from imagery.raster.workroom import work_room

TILE = 512
"""Rows and columns of a tile."""
PRODUCT: dict[str, Any] = {
    "driver": "COG", "compress": "zstd", "level": 1, "predictor": "yes", "blocksize": TILE,
    "overviews": "auto", "overview_resampling": "average", "num_threads": 1,
    "bigtiff": "if_safer",
}  # fmt: skip
"""How the product is written."""
MAX_PIXELS = 40_000_000_000
"""Most pixels of a canvas: 200,000 × 200,000, about 100 km² at 5 cm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CanvasShape:
    """What a canvas is like.

    Parameters
    ----------
    width, height : int
        Pixels.
    bands : int
        Layers.
    kind : {"uint8", "uint16", "float32"}
        Kind of number.
    epsg : int
        Horizontal CRS.
    affine : tuple of six float
        As `agri.grid.Grid` has it.
    band_names : tuple of str
        "" where there is none; shorter than `bands` when not told.
    tags : mapping of str to str
        What the file should tell of itself.

    Raises
    ------
    BadInput
        When it is empty or too large.
    """

    width: int
    height: int
    bands: int
    kind: str
    epsg: int
    affine: tuple[float, float, float, float, float, float]
    band_names: Sequence[str] = ()
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sides = (self.width, self.height, self.bands)
        if min(sides) < 1 or self.width * self.height > MAX_PIXELS:
            raise BadInput("error.canvas_size", width=self.width, height=self.height)


class Canvas:
    """What is painted on, in pieces. Made by `open_canvas`."""

    def __init__(self, target: Any, masked: bool) -> None:
        self._target = target
        self._masked = masked

    def paint(self, column: int, row: int, pixels: NDArray[Any], shown: NDArray[np.bool_]) -> None:
        """Paint a piece; best a whole tile, once.

        Parameters
        ----------
        column, row : int
            Where its upper left pixel lies.
        pixels : (H, W, B) array
            Of the canvas's kind.
        shown : (H, W) bool
            Where there is something.
        """
        height, width = shown.shape
        window = Window(column, row, width, height)
        if not self._masked:
            pixels = np.where(shown[:, :, None], pixels, np.nan)
        self._target.write(np.moveaxis(pixels, 2, 0), window=window)
        if self._masked:
            self._target.write_mask(shown, window=window)


@contextmanager
def open_canvas(path: Path, shape: CanvasShape) -> Iterator[Canvas]:
    """Open a canvas; when the block ends well, the product stands at `path`.

    Parameters
    ----------
    path : Path
        A GeoTIFF, replaced if it is there.
    shape : CanvasShape
        What it is like.

    Yields
    ------
    Canvas

    Raises
    ------
    Refused
        When another program is making the same product now.
    StoreError
        When the disk will not take it; an older file is then still there.
    """
    masked = shape.kind != "float32"
    with (
        work_room(path) as room,
        told(path),
        _spoken(path),
        rasterio.Env(**ENVIRONMENT),
    ):
        rough, ready = room / "rough.tif", room / "ready.tif"
        with rasterio.open(rough, "w", **_profile(shape)) as target:
            target.update_tags(**shape.tags)
            for number, name in enumerate(shape.band_names, start=1):
                target.set_band_description(number, name)
            yield Canvas(target, masked)
        rasterio.shutil.copy(rough, ready, **PRODUCT)
        with ready.open("rb+") as file:
            os.fsync(file.fileno())
        ready.replace(path)
        sync_folder(path.parent)


@contextmanager
def _spoken(path: Path) -> Iterator[None]:
    """Say in one sentence what GDAL could not write."""
    try:
        yield
    except GDAL_SAYS as error:
        raise store_error(OSError(str(error)), path) from error


def _profile(shape: CanvasShape) -> dict[str, Any]:
    profile: dict[str, Any] = {
        "driver": "GTiff",
        "width": shape.width,
        "height": shape.height,
        "count": shape.bands,
        "dtype": shape.kind,
        "crs": f"EPSG:{shape.epsg}",
        "transform": rasterio.Affine(*shape.affine),
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "pixel",
        "compress": "zstd",
        "zstd_level": 1,
        "sparse_ok": True,
        "bigtiff": "if_safer",
    }
    if shape.kind == "float32":
        profile["nodata"] = np.nan
    if shape.kind == "uint8" and shape.bands == 3:
        profile["photometric"] = "rgb"
    return profile
