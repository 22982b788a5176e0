"""GeoTIFF in and out: the one room that opens rasters, and it opens them guarded.

Theory of operation
-------------------
A raster is a stranger's file. GDAL would follow it anywhere: a VRT or a name that begins with
``/vsi`` reads other files or the network, a side file (``.aux.xml``, ``.ovr``, ``.msk``, ``.tfw``)
changes what the raster says, a header of 50 bytes asks for terabytes. So

* the name is resolved to a regular file on this disk before GDAL sees it, and names below a
  folder ``/vsi…`` are refused;
* its first four bytes must be TIFF's or BigTIFF's, and GDAL may try the GTiff driver only;
* side files are not looked for (`ENVIRONMENT`), nor is the network;
* the header is judged before a pixel is read: size, bands, kind of number, size of one block (a
  block is decoded whole);
* a window is read in strips of at most `STRIP_PIXELS`. A window of more than `max_pixels` is made
  coarser by a whole factor on the way, by the mean, or by the **highest** value where a height to
  clear must not be lost between two pixels.

Whatever a damaged file makes GDAL say becomes one sentence.

What a value means is asked for, not guessed: the nodata value, the mask, infinities become NaN;
scale and offset are applied; heights in feet become metres. A file without nodata value that holds
−9999, −32767, −32768 or −3.4 × 10³⁸ as heights means "none" by them. The horizontal CRS must be one
that EPSG lists, because a nameless one cannot be handed on; the vertical one is told as
`Grid.datum`: "ellipsoid", "EGM96" (EPSG:5773), "EGM2008" (3855), "Hòn Dấu" (5727, the sea level of
VN-2000, Vietnam), another one by its own name, "" where the file does not tell. One that counts
downwards, and heights in a unit that nobody knows, are refused.

Written is a COG (float32, NaN for none, deflate) whose bytes depend on the grid alone: whole or not
at all (`agri.files`), read back equal.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.windows import Window

from agri.errors import BadInput, NotFound
from agri.files import told, write_bytes
from agri.grid import Coarsen, FloatArray, Grid, coarser_values

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

MAX_SIDE = 40_000
"""Most rows or columns of a file."""
MAX_BANDS = 20
MAX_BLOCK_BYTES = 128_000_000
"""Most bytes of one block, decoded, all its bands."""
MAX_PIXELS = 4_000_000
"""Most pixels of a grid; a larger window is made coarser."""
STRIP_PIXELS = 1_000_000
"""Pixels read in one go."""
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""First bytes of TIFF and BigTIFF, both byte orders."""
ENVIRONMENT: dict[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "GDAL_TIFF_INTERNAL_MASK": "YES",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_CACHEMAX": 64_000_000,
    "GDAL_HTTP_MAX_RETRY": "0",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "GTIFF_REPORT_COMPD_CS": "YES",
}
"""GDAL's settings while a file is open: no side files, no network, a small cache."""
DATUMS = {5773: "EGM96", 3855: "EGM2008", 5798: "EGM84", 5714: "MSL", 5727: "Hòn Dấu"}
"""Vertical CRS by EPSG code (EPSG 12: 5727 is Hon Dau 1992 height, Vietnam onshore)."""
UNDECLARED = (-9999.0, -32767.0, -32768.0, float(np.finfo(np.float32).min))
"""What programs write for "no height" and sometimes forget to declare."""
NAMED = {"egm2008": "EGM2008", "egm96": "EGM96", "egm84": "EGM84", "hon dau": "Hòn Dấu",
         "ellipsoid": "ellipsoid"}  # fmt: skip
"""The same by a part of their names, for files that tell no code."""
FEET = ("ft", "feet", "foot", "international foot", "[ft_i]")
US_FEET = ("us survey foot", "us foot", "ftus", "us-ft", "[ft_us]")
METRES = ("", "m", "metre", "metres", "meter", "meters", "unknown")
UNITS_M = {
    **dict.fromkeys(METRES, 1.0), **dict.fromkeys(FEET, 0.3048),
    **dict.fromkeys(US_FEET, 1200.0 / 3937.0), "cm": 0.01, "mm": 0.001,
}  # fmt: skip
"""Metres in what a band says its heights are measured in."""

_GDAL_SAYS = (RasterioError, CPLE_BaseError, CRSError, UnicodeError, MemoryError)


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
    name = _safe(path)
    with _opened(path, name) as source:
        _judge_header(source, band, name)
        crs = CRS.from_wkt(source.crs.to_wkt()) if source.crs else None
        epsg, datum, to_metres = _systems(crs, name)
        corners = None if area is None else _corners(source, epsg, area, margin_m, name)
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


def _safe(path: Path) -> str:
    """Return the file's name once it is known to be a TIFF on this disk and nothing else."""
    name = "".join(c if c.isprintable() else "·" for c in path.name[:60])
    with told(path):
        if not path.exists():
            raise NotFound("error.no_file", path=str(path))
        if not path.is_file():
            raise BadInput("error.not_a_file", path=str(path))
        if path.resolve().parts[1].lower().startswith("vsi"):
            raise BadInput("error.raster_kind", name=name)
        with path.open("rb") as file:
            magic = file.read(4)
    if magic not in MAGIC:
        raise BadInput("error.raster_kind", name=name)
    return name


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    """Open with GTiff alone; whatever GDAL finds wrong, now or later, becomes one sentence."""
    try:
        with warnings.catch_warnings(), rasterio.Env(**ENVIRONMENT):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path.resolve(), driver="GTiff") as source:
                yield source
    except _GDAL_SAYS as error:
        raise BadInput("error.raster_damaged", name=name) from error


def _judge_header(source: Any, band: int, name: str) -> None:
    """Refuse what would not fit into memory, before any pixel is read."""
    if max(source.width, source.height) > MAX_SIDE or source.count > MAX_BANDS:
        raise BadInput(
            "error.raster_size",
            name=name,
            width=source.width,
            height=source.height,
            bands=source.count,
            side=MAX_SIDE,
            most=MAX_BANDS,
        )
    if not 1 <= band <= source.count:
        raise BadInput("error.raster_band", name=name, band=band, count=source.count)
    kinds = [np.dtype(kind) for kind in source.dtypes]
    if kinds[band - 1].kind not in "iuf":
        raise BadInput("error.raster_numbers", name=name, kind=source.dtypes[band - 1])
    rows, columns = source.block_shapes[band - 1]
    together = len(kinds) if source.profile.get("interleave") == "pixel" else 1
    block_bytes = rows * columns * together * max(kind.itemsize for kind in kinds)
    if block_bytes > MAX_BLOCK_BYTES:
        raise BadInput(
            "error.raster_block",
            name=name,
            size_mb=block_bytes / 1e6,
            limit_mb=MAX_BLOCK_BYTES / 1e6,
        )
    if source.transform.is_identity or abs(source.transform.determinant) < 1e-18:
        raise BadInput("error.grid_affine", name=name)


def _systems(crs: CRS | None, name: str) -> tuple[int, str, float]:
    """Return the horizontal EPSG code, the vertical datum, and metres in its unit."""
    if crs is None:
        raise BadInput("error.raster_no_crs", name=name)
    datum, to_metres = "", 1.0
    if crs.is_compound:
        crs, vertical = crs.sub_crs_list[0], crs.sub_crs_list[1]
        datum, to_metres = _datum(vertical), _unit_m(vertical, 0)
        if any(axis.direction.lower() == "down" for axis in vertical.axis_info):
            raise BadInput("error.raster_depths", name=name, datum=datum[:60])
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if len(crs.axis_info) == 3:
        to_metres = _unit_m(crs, 2)
        crs, datum = crs.to_2d(), "ellipsoid"
    try:
        epsg = crs.to_epsg()
    except CRSError:
        epsg = None
    if epsg is None or not (crs.is_projected or crs.is_geographic):
        raise BadInput("error.raster_crs_not_epsg", name=name, crs=crs.name[:60])
    return epsg, datum, to_metres


def _datum(vertical: CRS) -> str:
    """Return what a vertical system is above, by its code, else by its name."""
    named = (word for part, word in NAMED.items() if part in vertical.name.casefold())
    return DATUMS.get(vertical.to_epsg() or 0, next(named, vertical.name))


def _unit_m(crs: CRS, axis: int) -> float:
    axes = crs.axis_info
    return float(axes[axis].unit_conversion_factor) if len(axes) > axis else 1.0


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


def _corners(
    source: Any, epsg: int, area: Bounds, margin_m: float, name: str
) -> tuple[list[float], list[float]]:
    west, south, east, north = area
    up = margin_m / 111_000.0
    across = up / max(0.05, math.cos(math.radians(max(abs(south), abs(north)))))
    try:
        left, low, right, high = Transformer.from_crs(4326, epsg, always_xy=True).transform_bounds(
            west - across, south - up, east + across, north + up
        )
    except ProjError:
        raise BadInput("error.raster_elsewhere", name=name) from None
    if not all(map(math.isfinite, (left, low, right, high))):
        raise BadInput("error.raster_elsewhere", name=name)
    a, b, c, d, e, f = source.transform[:6]
    corners = np.array([(left, low), (left, high), (right, low), (right, high)]) - (c, f)
    columns, rows = np.linalg.solve([[a, b], [d, e]], corners.T)
    return columns.tolist(), rows.tolist()


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
