"""What a product tells of itself, in the places where GeoTIFF and GDAL look for it.

Georeference is copied from a one-pixel file that GDAL makes, so that its keys are GDAL's own. Name,
scale, statistics and tags of each band (formula, source, bands, error) and of the file (input,
hash, calibration, version) stand in GDAL's metadata.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
from rasterio.io import MemoryFile

from agri import __version__
from imagery.raster.guard import ENVIRONMENT
from imagery.raster.tiff import ASCII, DOUBLE, SHORT, TILE, Tag
from imagery.raster.tiles import COMPRESSION, NONE, Encoding, Layer, Tally

Affine = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be written.

    Parameters
    ----------
    width, height : int
        Pixels.
    epsg : int
        Horizontal CRS.
    affine : tuple of six float
        Pixel corner to map.
    layers : tuple of Layer
        The bands.
    encoding : Encoding
        How values are stored.
    tags : tuple of (str, str)
        What the product tells of itself.
    """

    width: int
    height: int
    epsg: int
    affine: Affine
    layers: tuple[Layer, ...]
    encoding: Encoding
    tags: tuple[tuple[str, str], ...] = ()

    @property
    def across(self) -> int:
        """Tiles in a row of one band."""
        return -(-self.width // TILE)

    @property
    def down(self) -> int:
        """Rows of tiles."""
        return -(-self.height // TILE)


def geo_tags(epsg: int, affine: Affine) -> list[Tag]:
    """Return GeoTIFF's own tags for a place, as GDAL writes them."""
    with rasterio.Env(**ENVIRONMENT), MemoryFile() as memory:
        with memory.open(driver="GTiff", width=1, height=1, count=1, dtype="uint8",
                         crs=f"EPSG:{epsg}", transform=rasterio.Affine(*affine)):  # fmt: skip
            pass
        data = bytes(memory.read())
    return _tags_in(data, {33550, 33922, 34264, 34735, 34736, 34737})


def _tags_in(data: bytes, wanted: set[int]) -> list[Tag]:
    """Return chosen tags of a small classic little-endian TIFF."""
    size = {ASCII: 1, SHORT: 2, DOUBLE: 8}

    def read(at: int, length: int) -> int:
        return int.from_bytes(data[at : at + length], "little")

    at = read(4, 4)
    found: list[Tag] = []
    for entry in range(at + 2, at + 2 + 12 * read(at, 2), 12):
        number, kind, count = read(entry, 2), read(entry + 2, 2), read(entry + 4, 4)
        if number in wanted:
            length = count * size[kind]
            start = entry + 8 if length <= 4 else read(entry + 8, 4)
            raw = data[start : start + length]
            code = {SHORT: "<u2", DOUBLE: "<f8"}.get(kind)
            value = raw if code is None else tuple(np.frombuffer(raw, code).tolist())
            found.append((number, kind, value))
    return found


def common_tags(plan: Plan) -> list[Tag]:
    """Return what the directories of all levels say beside size and tiles."""
    bands, encoding = len(plan.layers), plan.encoding
    whole = encoding.kind == "int16"
    tags: list[Tag] = [
        (258, SHORT, (8 * encoding.dtype.itemsize,) * bands),
        (259, SHORT, (COMPRESSION[encoding.packing],)),
        (262, SHORT, (1,)),
        (277, SHORT, (bands,)),
        (284, SHORT, (2 if bands > 1 else 1,)),
        (317, SHORT, (encoding.predictor,)),
        (339, SHORT, (2 if whole else 3,) * bands),
        (42113, ASCII, (str(NONE) if whole else "nan").encode() + b"\0"),
    ]
    if bands > 1:
        tags.append((338, SHORT, (0,) * (bands - 1)))
    return tags


def metadata_tag(plan: Plan, tallies: Sequence[Tally], more: Sequence[tuple[str, str]]) -> Tag:
    """Return GDAL's metadata: the product's tags, and each band's name, scale and statistics."""
    items = [_item(key, value) for key, value in (*plan.tags, *more)]
    items.append(_item("TIFFTAG_SOFTWARE_VERSION", f"agri {__version__}"))
    for index, (layer, sums) in enumerate(zip(plan.layers, tallies, strict=True)):
        items.append(_item("DESCRIPTION", layer.name, index, "description"))
        if plan.encoding.kind == "int16":
            items.append(_item("SCALE", repr(layer.scale), index, "scale"))
            items.append(_item("OFFSET", "0", index, "offset"))
        items += [_item(key, value, index) for key, value in band_tags(plan, layer, sums)]
    text = "<GDALMetadata>\n" + "".join(items) + "</GDALMetadata>\n"
    return 42112, ASCII, text.encode() + b"\0"


def band_tags(plan: Plan, layer: Layer, sums: Tally) -> list[tuple[str, str]]:
    """Return what a band tells of itself: statistics in stored numbers, and the layer's tags."""
    told = []
    if sums.count:
        share = 100.0 * sums.count / (plan.width * plan.height)
        told = [
            (f"STATISTICS_{name}", f"{value:.12g}")
            for name, value in (
                ("MAXIMUM", sums.high), ("MEAN", sums.mean), ("MINIMUM", sums.low),
                ("STDDEV", sums.deviation), ("VALID_PERCENT", float(f"{share:.4g}")),
            )
        ]  # fmt: skip
    return [*told, *layer.tags]


def plain_text(value: str) -> str:
    """Return a text without what does not print, lines apart."""
    return "".join(c for c in value if c.isprintable() or c == "\n")


def _item(name: str, value: str, sample: int | None = None, role: str = "") -> str:
    where = "" if sample is None else f' sample="{sample}"'
    plays = f' role="{role}"' if role else ""
    clean = escape(plain_text(value))  # GDAL reads twice
    return f"  <Item name={quoteattr(name)}{where}{plays}>{escape(clean)}</Item>\n"


def error_of(layer: Layer, encoding: Encoding) -> float:
    """Return how far a stored value may be from the computed one.

    Examples
    --------
    >>> error_of(Layer(name="NDVI"), Encoding())
    5e-05
    """
    return layer.scale / 2 if encoding.kind == "int16" else math.ldexp(1.0, -24)
