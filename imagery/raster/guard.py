"""The guard of everything that opens a raster: GeoTIFF alone, from this disk, header judged first.

Theory of operation
-------------------
A raster is a stranger's file. GDAL would follow it anywhere: a VRT or a name that begins with
``/vsi`` reads other files or the network, a side file (``.aux.xml``, ``.ovr``, ``.msk``, ``.tfw``)
changes what the raster says, a header of 50 bytes asks for terabytes. So

* the name is resolved to a regular file on this disk before GDAL sees it, and names below a
  folder ``/vsi…`` are refused;
* its first four bytes must be TIFF's or BigTIFF's, and GDAL may try the GTiff driver only;
* the one other thing is an index of pieces of the form that `imagery.raster.pieces` writes, taken
  apart and made anew before GDAL sees it (`imagery.raster.index`); its pieces are such GeoTIFFs;
* side files are not looked for (`ENVIRONMENT`), nor is the network;
* the header is judged before a pixel is read: size, bands, kind of number, size of one block (a
  block is decoded whole).

Whatever a damaged file makes GDAL say becomes one sentence. GDAL quotes the file's own bytes in its
warnings; where those are no text, rasterio's logger stumbles where no one can catch it, and Python
would print a traceback: that one kind is passed over in silence (`_let_garbled_words_pass`).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj.exceptions import CRSError
from rasterio._err import CPLE_BaseError
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from agri.errors import BadInput, NotFound
from agri.files import told
from imagery.raster.index import is_index, judged_index
from imagery.raster.tiff import MAGIC

MAX_BLOCK_BYTES = 128_000_000
"""Most bytes of one block, decoded, all its bands."""
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

GDAL_SAYS = (RasterioError, CPLE_BaseError, CRSError, UnicodeError, MemoryError)
"""What GDAL, PROJ and rasterio raise on a damaged file."""


def safe_name(path: Path) -> str:
    """Return the file's name once it is known to be a TIFF on this disk, or an index of such."""
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
    if magic not in MAGIC and not is_index(path):
        raise BadInput("error.raster_kind", name=name)
    return name


@cache
def _let_garbled_words_pass() -> None:
    """Print no traceback when GDAL's warning quotes bytes that are no text."""
    before = sys.unraisablehook

    def hook(event: Any) -> None:
        logger = "rasterio" in str(event.object)
        if not (logger and isinstance(event.exc_value, UnicodeDecodeError)):
            before(event)

    sys.unraisablehook = hook


@contextmanager
def damage_told(name: str) -> Iterator[None]:
    """Under the guard's settings, turn whatever GDAL finds wrong into one sentence."""
    _let_garbled_words_pass()
    try:
        with rasterio.Env(**ENVIRONMENT):
            yield
    except GDAL_SAYS as error:
        raise BadInput("error.raster_damaged", name=name) from error


def open_source(path: Path, level: int | None = None) -> Any:
    """Open with GTiff alone, or a judged index; the caller is inside `damage_told`, and closes it.

    With `level` the file looks like that overview of it, 0 the finest.
    """
    more = {} if level is None else {"overview_level": level}
    if is_index(path):
        return rasterio.open(judged_index(path.resolve()), driver="VRT", **more)
    return rasterio.open(path.resolve(), driver="GTiff", **more)


@contextmanager
def opened(path: Path, name: str, level: int | None = None) -> Iterator[Any]:
    """Open with GTiff alone; whatever GDAL finds wrong, now or later, becomes one sentence."""
    with warnings.catch_warnings(), damage_told(name):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with open_source(path, level) as source:
            yield source


def judge_size(source: Any, name: str, *, side: int, bands: int) -> None:
    """Refuse more pixels a side or bands than these, before any pixel is read."""
    if max(source.width, source.height) > side or source.count > bands:
        raise BadInput(
            "error.raster_size",
            name=name,
            width=source.width,
            height=source.height,
            bands=source.count,
            side=side,
            most=bands,
        )


def judge_bands(source: Any, bands: Sequence[int], name: str) -> None:
    """Refuse bands (from 1) that are not there, are no plain numbers, or lie in huge blocks."""
    kinds = [np.dtype(kind) for kind in source.dtypes]
    for band in bands:
        if not 1 <= band <= source.count:
            raise BadInput("error.raster_band", name=name, band=band, count=source.count)
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


def judge_place(source: Any, name: str) -> None:
    """Refuse a raster that does not tell where it lies."""
    if source.transform.is_identity or abs(source.transform.determinant) < 1e-18:
        raise BadInput("error.grid_affine", name=name)
