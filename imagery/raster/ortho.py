"""An orthomosaic: what its file tells of itself, and its pixels window by window.

Theory of operation
-------------------
`open_ortho` judges the header (`imagery.raster.guard`) and keeps its facts as an `Ortho`; no pixel
is read. `blocks` then walks over the file in windows that follow its own blocks, so that each block
is decoded once: squares for a tiled file, whole rows for one in strips. A window is at most
`MAX_WINDOW_BYTES`, whatever the size of the file.

A pixel of a band has no value (NaN) where it equals the band's nodata value, where alpha is 0,
where the file's own mask says so, or where it is not finite. Scale and offset of the file are
applied. What a layer is, and what stands for full reflectance, `imagery.raster.layers` finds out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.windows import Window as RasterWindow

from agri.errors import BadInput
from imagery.bands import Band, Role, Sensor, roles_of
from imagery.raster.guard import judge_bands, judge_place, judge_size, opened, safe_name
from imagery.raster.layers import alpha_of, bands_of, has_mask, reflectance_at_of, words_of
from imagery.raster.systems import systems_of

Affine = tuple[float, float, float, float, float, float]

MAX_SIDE = 100_000
"""Most rows or columns of an orthomosaic."""
MAX_BANDS = 20
MAX_WINDOW_BYTES = 256_000_000
"""Most bytes of one window as float32."""
WINDOW_SIDE = 1024
"""Pixels a side of the squares in which a tiled file is read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangle of pixels.

    Parameters
    ----------
    column, row : int
        Of its upper left pixel.
    width, height : int
        Columns and rows.
    """

    column: int
    row: int
    width: int
    height: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array of the whole raster."""
        return (
            slice(self.row, self.row + self.height),
            slice(self.column, self.column + self.width),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ortho:
    """What an orthomosaic's file tells of itself.

    Parameters
    ----------
    path : Path
        The file, and `name` its name for sentences.
    width, height : int
        Columns and rows.
    epsg : int
        Horizontal CRS.
    affine : tuple of six float
        (a, b, c, d, e, f): x = a · column + b · row + c, y = d · column + e · row + f.
    bands : tuple of Band or None
        One for each layer; None for alpha and for what is no band.
    dtypes : tuple of str
        Kinds of number as stored.
    scales, offsets : tuple of float
        value = stored · scale + offset.
    nodata : tuple of float or None
        Stored value that means none.
    alpha : int or None
        Layer (from 1) that is 0 where the picture has nothing.
    masked : bool
        Whether the file holds a mask of its own.
    block : (int, int)
        Rows and columns of the blocks the file is packed in.
    reflectance_at : float or None
        Value (after scale and offset) that stands for a reflectance of 1; None when nobody knows.
    tags : tuple of (str, str)
        The file's own words.
    """

    path: Path
    name: str
    width: int
    height: int
    epsg: int
    affine: Affine
    bands: tuple[Band | None, ...]
    dtypes: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    nodata: tuple[float | None, ...]
    alpha: int | None = None
    masked: bool = False
    block: tuple[int, int] = (512, 512)
    reflectance_at: float | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def roles(self) -> dict[Role, int]:
        """Which layer (from 1) plays which role in formulas."""
        return {role: index + 1 for role, index in roles_of(self.bands).items()}

    @property
    def gsd(self) -> float:
        """Side of a pixel in the CRS's units."""
        a, b, _, d, e, _ = self.affine
        return math.sqrt(abs(a * e - b * d))

    def affine_of(self, window: Window) -> Affine:
        """Return the six numbers of a window's own transform."""
        a, b, c, d, e, f = self.affine
        column, row = window.column, window.row
        return a, b, c + a * column + b * row, d, e, f + d * column + e * row


def open_ortho(
    path: Path,
    *,
    bands: Sequence[str] = (),
    sensor: Sensor | None = None,
    in_camera_order: bool = False,
    reflectance_at: float | None = None,
) -> Ortho:
    """Judge an orthomosaic's header and return its facts; no pixel is read.

    Parameters
    ----------
    path : Path
        A GeoTIFF on this disk.
    bands : sequence of str
        Name for each layer ("Blue", "NIR", "717 nm", "alpha", "-"); () takes the file's own.
    sensor : Sensor, optional
        The camera, which gives names their wavelengths.
    in_camera_order : bool
        Whether to believe that the layers are the sensor's bands in the camera's own order.
    reflectance_at : float, optional
        Stored number (before scale and offset) that stands for a reflectance of 1: 10000, 32768.

    Returns
    -------
    Ortho

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is no GeoTIFF, too large, damaged, of unknown place, or has another number of
        layers than `bands` names.
    """
    name = safe_name(path)
    with opened(path, name) as source:
        judge_size(source, name, side=MAX_SIDE, bands=MAX_BANDS)
        judge_place(source, name)
        judge_bands(source, source.indexes, name)
        crs = CRS.from_wkt(source.crs.to_wkt()) if source.crs else None
        alpha = alpha_of(source, bands)
        scales = tuple(value if math.isfinite(value) and value else 1.0 for value in source.scales)
        return Ortho(
            path=path.resolve(),
            name=name,
            width=source.width,
            height=source.height,
            epsg=systems_of(crs, name)[0],
            affine=tuple(source.transform[:6]),
            bands=bands_of(source, bands, sensor, alpha=alpha, in_order=in_camera_order, name=name),
            dtypes=tuple(source.dtypes),
            scales=scales,
            offsets=tuple(value if math.isfinite(value) else 0.0 for value in source.offsets),
            nodata=tuple(source.nodatavals),
            alpha=alpha,
            masked=has_mask(source),
            block=source.block_shapes[0],
            reflectance_at=reflectance_at_of(source, scales, reflectance_at, name),
            tags=words_of(source),
        )


def blocks(
    ortho: Ortho,
    bands: Sequence[int | Role],
    *,
    side: int = WINDOW_SIDE,
    area: Window | None = None,
) -> Iterator[tuple[Window, NDArray[np.float32]]]:
    """Walk over an orthomosaic, window by window, each of its blocks decoded once.

    Parameters
    ----------
    ortho : Ortho
        From `open_ortho`.
    bands : sequence of int or Role
        Layers from 1, or what they are in formulas.
    side : int
        About how many pixels a side a window has.
    area : Window, optional
        Only this part.

    Yields
    ------
    window : Window
        They cover the raster (or `area`) without overlap, row by row.
    values : (B, h, w) float32
        NaN where a band has no value.

    Raises
    ------
    BadInput
        When there is no such band, a window would not fit into memory, or the file is damaged.
    """
    numbers = [band_number(ortho, band) for band in bands]
    with opened(ortho.path, ortho.name) as source:
        judge_unchanged(source, ortho)
        for window in windows(ortho, side=side, area=area, bands=len(numbers)):
            yield window, read_window(source, ortho, window, numbers)


def windows(
    ortho: Ortho, *, side: int = WINDOW_SIDE, area: Window | None = None, bands: int = 1
) -> Iterator[Window]:
    """Yield the windows of `blocks` without reading them."""
    area = area or Window(column=0, row=0, width=ortho.width, height=ortho.height)
    rows, columns = ortho.block
    if columns >= min(ortho.width, 4 * side):  # in strips, or one block: whole rows
        wide, high = ortho.width, max(1, side * side // ortho.width)
    else:
        wide, high = max(1, side // columns) * columns, side
    high = max(1, high // rows) * rows
    if min(wide, area.width) * min(high, area.height) * bands * 4 > MAX_WINDOW_BYTES:
        raise BadInput(
            "error.raster_block",
            name=ortho.name,
            size_mb=wide * high * bands * 4 / 1e6,
            limit_mb=MAX_WINDOW_BYTES / 1e6,
        )
    last_row, last_column = area.row + area.height, area.column + area.width
    for top in range(area.row // high * high, last_row, high):
        for left in range(area.column // wide * wide, last_column, wide):
            row, column = max(top, area.row), max(left, area.column)
            yield Window(
                column=column,
                row=row,
                width=min(left + wide, last_column) - column,
                height=min(top + high, last_row) - row,
            )


def band_number(ortho: Ortho, band: int | Role) -> int:
    """Return the layer (from 1) of a layer or role, or refuse it naming the bands there are."""
    if isinstance(band, Role):
        found = ortho.roles.get(band)
        if found is None:
            raise BadInput(
                "error.ortho_no_role", name=ortho.name, role=band.value, bands=told_bands(ortho)
            )
        return found
    if not 1 <= band <= len(ortho.bands):
        raise BadInput("error.raster_band", name=ortho.name, band=band, count=len(ortho.bands))
    return band


def told_bands(ortho: Ortho) -> str:
    """Return the bands for a sentence: "1 Blue (B), 2 Green (G), 3 ?, 4 alpha"."""
    words = []
    for number, band in enumerate(ortho.bands, 1):
        if number == ortho.alpha:
            words.append(f"{number} alpha")
            continue
        role = f" ({band.role.value})" if band is not None and band.role is not None else ""
        words.append(f"{number} {band.label[:40] if band is not None else '?'}{role}")
    return ", ".join(words)


def judge_unchanged(source: Any, ortho: Ortho) -> None:
    """Refuse a file that is no longer the one whose facts these are."""
    if (source.width, source.height, tuple(source.dtypes)) != (
        ortho.width,
        ortho.height,
        ortho.dtypes,
    ):
        raise BadInput("error.raster_damaged", name=ortho.name)


def read_window(
    source: Any, ortho: Ortho, window: Window, numbers: Sequence[int]
) -> NDArray[np.float32]:
    """Read one window of an open file.

    Parameters
    ----------
    source : rasterio dataset
        The file of `ortho`, from `imagery.raster.guard.opened`.
    ortho : Ortho
        Its facts.
    window : Window
        Inside the file.
    numbers : sequence of int
        Layers from 1.

    Returns
    -------
    (B, h, w) float32
        NaN where a band has no value.
    """
    part = RasterWindow(window.column, window.row, window.width, window.height)
    stored = source.read(list(numbers), window=part)
    values: NDArray[np.float32] = stored.astype(np.float32)
    for layer, number in enumerate(numbers):
        none = _stored_none(ortho.nodata[number - 1], stored.dtype)
        if none is not None and (hit := stored[layer] == none).any():
            values[layer][hit] = np.nan
        if stored.dtype.kind == "f":
            values[layer][~np.isfinite(values[layer])] = np.nan
        scale, offset = ortho.scales[number - 1], ortho.offsets[number - 1]
        if (scale, offset) != (1.0, 0.0):
            values[layer] *= np.float32(scale)
            values[layer] += np.float32(offset)
    if ortho.alpha is not None:
        values[:, source.read(ortho.alpha, window=part) == 0] = np.nan
    if ortho.masked:
        values[:, source.dataset_mask(window=part) == 0] = np.nan
    return values


def _stored_none(nodata: float | None, kind: np.dtype[Any]) -> Any:
    """Return the nodata value as a number of this kind, None where it cannot be one."""
    if nodata is None or not math.isfinite(nodata):
        return None
    if kind.kind == "f":
        return kind.type(nodata)
    limits = np.iinfo(kind)
    whole = nodata == int(nodata) and limits.min <= nodata <= limits.max
    return kind.type(int(nodata)) if whole else None
