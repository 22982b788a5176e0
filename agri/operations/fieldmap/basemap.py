"""The map below all maps: prepared around the fields beforehand, for where there is no internet.

Theory of operation. The user brings what they have: an MBTiles of a map program, or a GeoTIFF, as a
picture from the air or an orthomosaic. Of it `prepare` keeps the tiles that touch the ground within
`AROUND_M` of a field, as ``basemap.mbtiles`` in the farm's folder; the rest stays where it was. If
that is more than `MOST_TILES` tiles or `MOST_BYTES`, the deepest zooms are left out.

Whose the pictures are is kept and shown on every map: what the file says of itself, or what the
user says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.files import told as told_of
from agri.geo import LocalFrame
from agri.names import slug
from agri.operations.fieldmap.tile_store import (
    DEEPEST,
    MAGIC,
    Tile,
    opened_tiles,
    plain_words,
    write_store,
)
from agri.operations.maps.tiles import draw_tile, empty_tile, picture_of
from agri.workspace import Workspace
from imagery.catalogue import footprint
from imagery.raster import Ortho, open_ortho
from imagery.stac import FileFacts, Product, RasterPlace

FILE = "basemap.mbtiles"
AROUND_M = 300.0
SHALLOWEST = 8
FINEST = 20
MOST_TILES = 20_000
MOST_BYTES = 500_000_000
WORLD_M = 156_543.034
"""Ground of a pixel at zoom 0 on the equator."""
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A basemap as it was kept.

    Parameters
    ----------
    path : Path
        The file in the farm.
    tiles : int
        How many it holds.
    size_bytes : int
    least, most : int
        Zooms.
    source : str
        Whose it is, "" when nobody says.
    """

    path: Path
    tiles: int
    size_bytes: int
    least: int
    most: int
    source: str


def basemap_path(farm: Path) -> Path:
    """Return where a farm's basemap stands, if it has one."""
    return farm / FILE


def tiles_around(grounds: Sequence[BaseGeometry], zoom: int) -> list[Tile] | None:
    """Return the tiles of a zoom that touch the ground near some areas, None for too many.

    Parameters
    ----------
    grounds : sequence of shapely geometry
        WGS 84 (lon, lat) degrees.
    zoom : int
    """
    found: set[Tile] = set()
    for ground in grounds:
        frame = LocalFrame.around(ground)
        near = frame.geometry_to_lonlat(frame.geometry_to_local(ground.envelope).buffer(AROUND_M))
        west, south, east, north = near.bounds
        left, top = _tile(west, north, zoom)
        right, bottom = _tile(east, south, zoom)
        if (right - left + 1) * (bottom - top + 1) > MOST_TILES:
            return None
        found |= {(zoom, x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}
    return sorted(found)


def _tile(lon_deg: float, lat_deg: float, zoom: int) -> tuple[int, int]:
    count = 1 << zoom
    x = (lon_deg + 180.0) / 360.0 * count
    y = (1.0 - math.asinh(math.tan(math.radians(lat_deg))) / math.pi) / 2.0 * count
    return min(max(int(x), 0), count - 1), min(max(int(y), 0), count - 1)


def prepare(
    farm: Workspace,
    file: Path,
    *,
    source: str = "",
    now: datetime,
    progress: Progress | None = None,
) -> Prepared:
    """Keep the part of a map around a farm's fields as its basemap.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    file : Path
        An MBTiles of pictures, or a GeoTIFF.
    source : str
        Whose the pictures are; "" takes what the file says.
    now : datetime
        Aware of its time zone.
    progress : callable, optional
        Told the share done, 0 to 1.

    Raises
    ------
    BadInput
        When the farm has no field, the file is of neither kind or damaged, or shows none of the
        fields.
    StoreError
        When the disk cannot take it; an older basemap then stays.
    """
    grounds = [field.boundary for field in farm.farm_with_findings()[0].fields]
    if not grounds:
        raise BadInput("error.basemap_no_fields")
    target, told = basemap_path(farm.folder), progress or (lambda _: None)
    if _is_store(file):
        count = _cut(file, target, grounds, plain_words(source), told)
    else:
        ortho = open_ortho(file)
        wanted = _wanted(grounds, SHALLOWEST, _finest(ortho))
        pairs = _counted(_drawn(ortho, wanted, now), len(wanted), told)
        count = write_store(target, pairs, name=ortho.name, source=plain_words(source))
    with opened_tiles(target) as made:
        facts = made.facts()
    return Prepared(path=target, tiles=count, size_bytes=target.stat().st_size, least=facts.least,
                    most=facts.most, source=facts.source)  # fmt: skip


def _is_store(file: Path) -> bool:
    with told_of(file), file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def _cut(
    file: Path, target: Path, grounds: Sequence[BaseGeometry], source: str, told: Progress
) -> int:
    """Keep the tiles of another file that lie around the fields."""
    with opened_tiles(file) as store:
        facts = store.facts()
        wanted = _wanted(grounds, max(facts.least, SHALLOWEST), facts.most)
        some = ((tile, store.tile(tile)) for tile in wanted)
        pairs = ((tile, data) for tile, data in some if data is not None)
        return write_store(target, _counted(pairs, len(wanted), told), name=file.name[:60],
                           source=source or facts.source)  # fmt: skip


def _wanted(grounds: Sequence[BaseGeometry], least: int, most: int) -> list[Tile]:
    """Return the tiles around the fields, from the coarsest zoom as deep as there is room."""
    found: list[Tile] = []
    for zoom in range(least, min(most, DEEPEST) + 1):
        more = tiles_around(grounds, zoom)
        if more is None or len(found) + len(more) > MOST_TILES:
            break
        found += more
    return found


def _finest(ortho: Ortho) -> int:
    """Return the zoom whose pixels are as fine as a raster's."""
    west, south, east, north = footprint(_place(ortho)).bounds
    span_m = 111_320.0 * math.cos(math.radians((south + north) / 2.0)) * (east - west)
    gsd_m = max(span_m / ortho.width, 1e-3)
    return min(FINEST, max(SHALLOWEST, math.ceil(math.log2(WORLD_M / gsd_m) - 0.5)))


def _place(ortho: Ortho) -> RasterPlace:
    return RasterPlace(epsg=ortho.epsg, affine=ortho.affine, shape=(ortho.height, ortho.width))


def _drawn(ortho: Ortho, wanted: Sequence[Tile], now: datetime) -> Iterator[tuple[Tile, bytes]]:
    """Draw tiles of a raster that is in no catalogue; those that show nothing are left out."""
    product = Product(
        name=slug(Path(ortho.name).stem)[:60] or "basemap", kind="orthomosaic",
        footprint=footprint(_place(ortho)), start=now, end=now,
        files=(FileFacts(name=ortho.name, size=0, sha256=""),),
    )  # fmt: skip
    sight = picture_of(product, ortho)
    for tile in wanted:
        data = draw_tile(sight, *tile)
        if data != empty_tile():
            yield tile, data


def _counted(
    pairs: Iterable[tuple[Tile, bytes]], count: int, told: Progress
) -> Iterator[tuple[Tile, bytes]]:
    """Pass tiles on, telling how far it is, until there are enough bytes."""
    size = 0
    for number, (tile, data) in enumerate(pairs, 1):
        size += len(data)
        if size > MOST_BYTES:
            return
        yield tile, data
        told(min(1.0, number / max(count, 1)))
