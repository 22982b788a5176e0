"""A product written in one pass: rows of tiles in, a cloud-optimised GeoTIFF out.

Theory of operation
-------------------
Rows of tiles of the full image come in order. Two of them make one row of the first overview, two
of those one of the second, and so on: of each level only the row being filled is in memory
(`_carry`), so memory grows with the width of the image and not with its area. Packed tiles go to
the journal's files (`imagery.raster.journal`). When the last row is there, the head is made
(`imagery.raster.tiff`) and the files are put behind it, smallest overview first; the product takes
its name when it is whole, and not before.

The bytes depend on the pixels and the settings alone: not on threads, nor on whether the run was
interrupted and taken up again.

What a product tells of itself: nodata, scale, statistics and name of each band, and tags (formula,
source, sensor, calibration, hash of the input, version), in GDAL's own places, so that any program
reads them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from agri import __version__
from agri.files import replacing
from imagery.raster.guard import ENVIRONMENT
from imagery.raster.journal import Journal
from imagery.raster.tiff import ASCII, DOUBLE, SHORT, TILE, Level, Tag, cog_head, level_shapes
from imagery.raster.tiles import (
    COMPRESSION,
    NONE,
    Encoding,
    Layer,
    Tally,
    TileRow,
    halved,
    none_of,
    pack,
    stored_of,
    tally,
    unpack,
    values_of,
)

Affine = tuple[float, float, float, float, float, float]
STRETCH = 4
"""Tiles that one task packs."""


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


def encoded(
    tiles: Iterable[NDArray[np.float32]], encoding: Encoding, *, counted: bool = False
) -> TileRow:
    """Pack tiles that stand side by side, and halve them.

    Parameters
    ----------
    tiles : iterable of (K, 512, 512) float32
        Stored numbers (see `imagery.raster.tiles`) from left to right; NaN for none.
    encoding : Encoding
        How they are stored.
    counted : bool
        Whether their values are counted and summed.
    """
    packed, halves = [], []
    sums: list[Tally] = []
    for planes in tiles:
        if counted:
            sums = sums or [Tally() for _ in planes]
            for total, band in zip(sums, planes, strict=True):
                total.add(tally(band))
        packed.append([pack(stored_of(band, encoding.kind), encoding.packing) for band in planes])
        halves.append(stored_of(halved(planes, whole=encoding.kind == "int16"), encoding.kind))
    return TileRow(
        tiles=tuple(zip(*packed, strict=True)),
        half=np.concatenate(halves, axis=2),
        tallies=sums,
    )


def joined(parts: Sequence[TileRow]) -> TileRow:
    """Return stretches of one row, from left to right, as the row."""
    if len(parts) == 1:
        return parts[0]
    tallies = [Tally() for _ in parts[0].tallies]
    for part in parts:
        for whole, piece in zip(tallies, part.tallies, strict=True):
            whole.add(piece)
    return TileRow(
        tiles=tuple(
            tuple(tile for part in parts for tile in part.tiles[band])
            for band in range(len(parts[0].tiles))
        ),
        half=np.concatenate([part.half for part in parts], axis=2),
        tallies=tallies,
        counts=tuple(np.sum([part.counts for part in parts], axis=0).tolist()),
    )


class CogWriter:
    """Writes one product, row of tiles by row of tiles.

    Parameters
    ----------
    path : Path
        Takes this name when it is whole; a file of that name is replaced then.
    plan : Plan
        What is written.
    job : str
        What distinguishes this job: the same words take up what an interrupted run finished.
    pool : ThreadPoolExecutor
        Packs the overviews.

    Attributes
    ----------
    next_row : int
        The row of tiles that is wanted next; not 0 when an interrupted run is taken up.
    """

    def __init__(self, path: Path, plan: Plan, job: str, pool: ThreadPoolExecutor) -> None:
        self.path, self.plan, self._pool = path, plan, pool
        self._shapes = level_shapes(plan.width, plan.height)
        self._waiting: dict[int, NDArray[Any]] = {}
        self._journal = Journal(path, job, len(self._shapes))
        try:
            self._replay()
        except BaseException:
            self._journal.close(discard=False)
            raise

    @property
    def next_row(self) -> int:
        """The row of tiles that is wanted next."""
        return self._journal.kept[0].rows

    def add(self, row: TileRow) -> None:
        """Keep the next row of the full image."""
        self._keep(0, row)

    def finish(self, more_tags: Sequence[tuple[str, str]] = ()) -> tuple[list[Tally], list[int]]:
        """Give the product its name; return what was counted.

        Parameters
        ----------
        more_tags : sequence of (str, str)
            What the product tells of itself beside `Plan.tags`.
        """
        journal, plan = self._journal, self.plan
        levels = [
            Level(width=width, height=height, sizes=tuple(kept.sizes))
            for (width, height), kept in zip(self._shapes, journal.kept, strict=True)
        ]
        head = cog_head(
            levels,
            bands=len(plan.layers),
            common=_common(plan),
            first=[*geo_tags(plan.epsg, plan.affine), _metadata(plan, journal.tallies, more_tags)],
        )
        with replacing(self.path) as target:
            target.write(head)
            journal.pour(target)
        journal.close(discard=True)
        return journal.tallies, journal.counts

    def leave(self, *, discard: bool) -> None:
        """Stop before the end: keep what is finished for the next run, or throw it away."""
        self._journal.close(discard=discard)

    def _keep(self, level: int, row: TileRow) -> None:
        number = self._journal.kept[level].rows
        self._journal.keep(level, row)
        self._carry(level, number, row.half)

    def _carry(self, level: int, number: int, half: NDArray[Any]) -> None:
        """Put a halved row where the next level wants it; pack that row when it is full."""
        if level + 1 >= len(self._shapes):
            return
        width = self._shapes[level + 1][0]
        if number // 2 < self._journal.kept[level + 1].rows:
            return
        wide = -(-width // TILE) * TILE
        row = self._waiting.setdefault(
            level + 1, none_of((len(self.plan.layers), TILE, wide), self.plan.encoding)
        )
        top = number % 2 * (TILE // 2)
        row[:, top : top + TILE // 2, : half.shape[2]] = half
        last = number == -(-self._shapes[level][1] // TILE) - 1
        if number % 2 == 1 or last:
            del self._waiting[level + 1]
            self._keep(level + 1, self._packed(row))

    def _packed(self, row: NDArray[Any]) -> TileRow:
        step = STRETCH * TILE
        parts = [row[:, :, left : left + step] for left in range(0, row.shape[2], step)]
        return joined(list(self._pool.map(self._one_packed, parts)))

    def _one_packed(self, part: NDArray[Any]) -> TileRow:
        return encoded(in_tiles(part), self.plan.encoding)

    def _replay(self) -> None:
        """Fill the rows being filled, and overviews that are behind, from finished tiles."""
        for level in reversed(range(len(self._shapes) - 1)):  # what is carried up finds its row
            for number in range(2 * self._journal.kept[level + 1].rows,
                                self._journal.kept[level].rows):  # fmt: skip
                self._carry(level, number, self._half_again(level, number))

    def _half_again(self, level: int, number: int) -> NDArray[Any]:
        bands, across = len(self.plan.layers), -(-self._shapes[level][0] // TILE)
        tiles = self._journal.tiles(level, number, bands * across)
        planes = [
            np.hstack([
                values_of(unpack(tile, self.plan.encoding))
                for tile in tiles[band * across : (band + 1) * across]
            ])
            for band in range(bands)
        ]  # fmt: skip
        kind = self.plan.encoding.kind
        return stored_of(halved(np.stack(planes), whole=kind == "int16"), kind)


def in_tiles(stored: NDArray[Any]) -> Iterator[NDArray[np.float32]]:
    """Yield the tiles of stored numbers, (K, 512, w), as `encoded` takes them."""
    for left in range(0, stored.shape[2], TILE):
        yield values_of(stored[:, :, left : left + TILE])


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


def _common(plan: Plan) -> list[Tag]:
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


def _metadata(plan: Plan, tallies: Sequence[Tally], more: Sequence[tuple[str, str]]) -> Tag:
    """Return GDAL's metadata: the product's tags, and each band's name, scale and statistics."""
    items = [_item(key, value) for key, value in (*plan.tags, *more)]
    items.append(_item("TIFFTAG_SOFTWARE_VERSION", f"agri {__version__}"))
    for index, (layer, sums) in enumerate(zip(plan.layers, tallies, strict=True)):
        items.append(_item("DESCRIPTION", layer.name, index, "description"))
        if plan.encoding.kind == "int16":
            items.append(_item("SCALE", repr(layer.scale), index, "scale"))
            items.append(_item("OFFSET", "0", index, "offset"))
        if sums.count:
            share = 100.0 * sums.count / (plan.width * plan.height)
            for name, value in (
                ("MAXIMUM", sums.high), ("MEAN", sums.mean), ("MINIMUM", sums.low),
                ("STDDEV", sums.deviation), ("VALID_PERCENT", float(f"{share:.4g}")),
            ):  # fmt: skip
                items.append(_item(f"STATISTICS_{name}", f"{value:.14g}", index))
        items += [_item(key, value, index) for key, value in layer.tags]
    text = "<GDALMetadata>\n" + "".join(items) + "</GDALMetadata>\n"
    return 42112, ASCII, text.encode() + b"\0"


def _item(name: str, value: str, sample: int | None = None, role: str = "") -> str:
    where = "" if sample is None else f' sample="{sample}"'
    plays = f' role="{role}"' if role else ""
    clean = escape("".join(c for c in value if c.isprintable() or c == "\n"))  # GDAL reads twice
    return f"  <Item name={quoteattr(name)}{where}{plays}>{escape(clean)}</Item>\n"


def error_of(layer: Layer, encoding: Encoding) -> float:
    """Return how far a stored value may be from the computed one.

    Examples
    --------
    >>> error_of(Layer(name="NDVI"), Encoding())
    5e-05
    """
    return layer.scale / 2 if encoding.kind == "int16" else math.ldexp(1.0, -24)
