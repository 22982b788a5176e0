"""One band of a GeoTIFF as `agri.grid.Grid`, and a grid as GeoTIFF.

Theory of operation
-------------------
The file is opened by `imagery.raster.guard`. A window is read in strips of at most `STRIP_PIXELS`.
A window of more than `max_pixels` is made coarser by a whole factor on the way, by the mean, or by
the **highest** value where a height to clear must not be lost between two pixels.

What a value means is asked for, not guessed: the nodata value, the mask, infinities become NaN;
scale and offset are applied; heights in feet become metres. A file without nodata value that holds
−9999, −32767, −32768 or −3.4 × 10³⁸ as heights means "none" by them. CRS and datum are told by
`imagery.raster.systems`; heights in a unit that nobody knows are refused.

Written is a COG (float32, NaN for none, deflate) whose bytes depend on the grid alone: whole or not
at all (`agri.files`), read back equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.io import MemoryFile
from rasterio.windows import Window

from agri.errors import BadInput
from agri.files import write_bytes
from agri.grid import Coarsen, FloatArray, Grid, coarser_values
from imagery.raster.guard import (
    ENVIRONMENT,
    judge_bands,
    judge_place,
    judge_size,
    opened,
    safe_name,
)
from imagery.raster.systems import DATUMS, Bounds, corners_of, systems_of

MAX_SIDE = 40_000
"""Most rows or columns of a file."""
MAX_BANDS = 20
MAX_PIXELS = 4_000_000
"""Most pixels of a grid; a larger window is made coarser."""
STRIP_PIXELS = 1_000_000
"""Pixels read in one go."""
UNDECLARED = (-9999.0, -32767.0, -32768.0, float(np.finfo(np.float32).min))
"""What programs write for "no height" and sometimes forget to declare."""
FEET = ("ft", "feet", "foot", "international foot", "[ft_i]")
US_FEET = ("us survey foot", "us foot", "ftus", "us-ft", "[ft_us]")
METRES = ("", "m", "metre", "metres", "meter", "meters", "unknown")
UNITS_M = {
    **dict.fromkeys(METRES, 1.0), **dict.fromkeys(FEET, 0.3048),
    **dict.fromkeys(US_FEET, 1200.0 / 3937.0), "cm": 0.01, "mm": 0.001,
}  # fmt: skip
"""Metres in what a band says its heights are measured in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Where:
    """Rows, columns and coarsening of what is read."""

    column: int
    row: int
    width: int
    height: int
    factor: int


def read_grid(
    path: Path,
    *,
    band: int = 1,
    area: Bounds | None = None,
    margin_m: float = 50.0,
    unit: str = "",
    coarsen: Coarsen = "mean",
    max_pixels: int = MAX_PIXELS,
) -> Grid:
    """Read one band of a GeoTIFF, whole or around an area.

    Parameters
    ----------
    path : Path
        A file on this disk.
    band : int
        From 1.
    area : (west, south, east, north), optional
        Degrees (WGS 84); only what lies within `margin_m` of it is read.
    margin_m : float
        Metres around `area`.
    unit : str
        What the values are measured in; "m" says that they are heights, so that feet become metres
        and undeclared "no height" values NaN. "" takes the file's own word.
    coarsen : {"mean", "max", "min"}
        What stands for many pixels when there are more than `max_pixels`; a pixel of the coarser
        grid has no value only if none of them has.
    max_pixels : int
        Most pixels of the grid.

    Returns
    -------
    Grid
        ``name`` is the file's name.

    Raises
    ------
    NotFound
        When there is no such file.
    BadInput
        When it is no GeoTIFF, too large, damaged, of unknown place, has no such band, does not
        reach the area, or holds no value there.
    """
    name = safe_name(path)
    with opened(path, name) as source:
        _judge_header(source, band, name)
        crs = CRS.from_wkt(source.crs.to_wkt()) if source.crs else None
        epsg, datum, to_metres = systems_of(crs, name)
        corners = None if area is None else corners_of(source, epsg, area, margin_m, name)
        where = _window(source, corners, max_pixels, name)
        values = _read(source, band, where, coarsen)
        values = _meant(source, band, values, unit)
        if unit == "m":
            values *= _metres(source, band, to_metres, name)
        datum = datum or str(source.tags().get("DATUM", ""))[:40]
        unit = unit or (source.units[band - 1] or "")[:20]
        affine = _placed(source, where)
    if not np.isfinite(values).any():
        raise BadInput("error.raster_empty", name=name)
    return Grid(
        values=values,
        affine=affine,
        epsg=epsg,
        unit=unit,
        datum=datum,
        name=name,
    )


def write_grid(path: Path, grid: Grid) -> None:
    """Write a grid as a cloud-optimised GeoTIFF, whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it is there.
    grid : Grid
        Values are kept as float32; unit and datum go with them.

    Raises
    ------
    StoreError
        When the disk will not take it; an older file is then still there.

    Notes
    -----
    The same grid always gives the same bytes.
    """
    height, width = grid.shape
    profile: dict[str, Any] = {
        "driver": "COG",
        "width": width,
        "height": height,
        "count": 1,
        "dtype": "float32",
        "crs": _written_crs(grid),
        "transform": rasterio.Affine(*grid.affine),
        "nodata": math.nan,
        "compress": "deflate",
        "predictor": "3",
        "blocksize": 256,
        "overviews": "AUTO",
        "overview_resampling": "average",
        "num_threads": 1,
    }
    with rasterio.Env(**ENVIRONMENT), MemoryFile() as memory:
        with memory.open(**profile) as target:
            target.write(grid.values.astype(np.float32), 1)
            target.units = (grid.unit,)
            if grid.datum:
                target.update_tags(DATUM=grid.datum)
        data = bytes(memory.read())
    write_bytes(path, data)


def _written_crs(grid: Grid) -> str:
    vertical = next((code for code, name in DATUMS.items() if name == grid.datum), 0)
    return f"EPSG:{grid.epsg}" + (f"+{vertical}" if vertical else "")


def _judge_header(source: Any, band: int, name: str) -> None:
    """Refuse what would not fit into memory, before any pixel is read."""
    judge_size(source, name, side=MAX_SIDE, bands=MAX_BANDS)
    judge_bands(source, (band,), name)
    judge_place(source, name)


def _window(
    source: Any, corners: tuple[list[float], list[float]] | None, max_pixels: int, name: str
) -> _Where:
    """Return the part of the raster that covers the corners (columns, rows)."""
    left, top, right, bottom = 0, 0, source.width, source.height
    if corners is not None:
        columns, rows = corners
        left, right = max(left, math.floor(min(columns))), min(right, math.ceil(max(columns)))
        top, bottom = max(top, math.floor(min(rows))), min(bottom, math.ceil(max(rows)))
    if left >= right or top >= bottom:
        raise BadInput("error.raster_elsewhere", name=name)
    width, height = right - left, bottom - top
    factor = max(1, math.ceil(math.sqrt(width * height / max_pixels)))
    return _Where(column=left, row=top, width=width, height=height, factor=factor)


def _placed(source: Any, where: _Where) -> tuple[float, float, float, float, float, float]:
    """Return the six numbers of the window's own transform."""
    a, b, c, d, e, f = source.transform[:6]
    k, column, row = where.factor, where.column, where.row
    return k * a, k * b, c + a * column + b * row, k * d, k * e, f + d * column + e * row


def _read(source: Any, band: int, where: _Where, coarsen: Coarsen) -> FloatArray:
    """Read the window in strips, each made coarser before the next is read."""
    factor = where.factor
    rows_out = math.ceil(where.height / factor)
    found = np.empty((rows_out, math.ceil(where.width / factor)))
    step = max(1, STRIP_PIXELS // (where.width * factor))
    for first in range(0, rows_out, step):
        top = first * factor
        rows = min(step * factor, where.height - top)
        window = Window(where.column, where.row + top, where.width, rows)
        strip = source.read(band, window=window, masked=True)
        with np.errstate(invalid="ignore"):  # a broken file may hold signalling NaN
            plain = np.ma.filled(strip.astype(np.float64), np.nan)
        plain[~np.isfinite(plain)] = np.nan
        found[first : first + math.ceil(rows / factor)] = coarser_values(plain, factor, coarsen)
    return found


def _meant(source: Any, band: int, values: NDArray[np.float64], unit: str) -> FloatArray:
    """Return stored numbers as what they stand for."""
    heights = unit == "m"
    if heights and source.nodatavals[band - 1] is None:
        values[np.isin(values, UNDECLARED)] = np.nan
    scale, offset = float(source.scales[band - 1]), float(source.offsets[band - 1])
    if math.isfinite(scale) and math.isfinite(offset) and scale != 0.0:
        values = values * scale + offset
    return values


def _metres(source: Any, band: int, by_system: float, name: str) -> float:
    """Return how many metres the heights' unit is: the vertical system's word, else the band's."""
    said = (source.units[band - 1] or "").strip()
    if said.lower() not in UNITS_M:
        raise BadInput("error.raster_unit", name=name, unit=said[:20])
    return by_system if by_system != 1.0 else UNITS_M[said.lower()]
