"""Maps made of photos: their pages, and their tiles.

Theory of operation. A tile is asked for by the product's name in the farm's catalogue; there is no
way to name a file or an address. How a product is shown (`agri.operations.maps.tiles.Sight`) is
kept for as long as its file is the same, and the last `KEPT_BYTES` of drawn tiles with it, so that
a map moved back and forth is not drawn twice. Outside a raster the answer is an empty tile and not
an error, for a map's edge is none.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from fastapi import Request, Response

from agri.errors import AgriError
from agri.field import Field
from agri.operations.fieldmap.difference import Difference, draw_difference
from agri.operations.layers import BLACK, Layer
from agri.operations.maps.tiles import (
    Sight,
    draw_tile,
    drawable,
    layer_count,
    sight_of,
)
from agri.web.charts import ramp_of
from agri.web.drawing import drawn
from agri.web.pages import page, when
from agri.web.visit import Routes, Visit, visit_of
from agri.words import say
from imagery.catalogue import products
from imagery.stac import Product

KEPT_BYTES = 48_000_000
KEPT_THINGS = 200
"""Figures of maps, lists of trees; the newest asked for."""
T = TypeVar("T")
FOR_A_DAY = "private, max-age=86400"

Stamp = tuple[int, int]


class TileShelf:
    """Sights and tiles of one farm that were asked for lately; several threads may use it."""

    def __init__(self, farm: Path) -> None:
        self._farm = farm
        self._lock = threading.Lock()
        self._sights: dict[tuple[str, int], tuple[Stamp, Stamp, Sight]] = {}
        self._tiles: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._made: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._bytes = 0

    def sight(self, name: str, layer: int) -> tuple[Sight, Stamp]:
        """Return how a product is shown, and what tells its file from a later one."""
        item = _stamp(self._farm / "imagery" / name / f"{name}.json")
        kept = self._sights.get((name, layer))
        if kept and kept[0] == item and kept[1] == _stamp(kept[2].path):
            return kept[2], kept[1]
        sight = sight_of(self._farm, name, layer)
        stamp = _stamp(sight.path)
        with self._lock:
            self._sights[name, layer] = (item, stamp, sight)
        return sight, stamp

    def tile(self, name: str, layer: int, z: int, x: int, y: int) -> bytes:
        """Return a tile, drawn now or before."""
        sight, stamp = self.sight(name, layer)
        return self._drawn((name, layer, stamp, z, x, y), lambda: draw_tile(sight, z, x, y))

    def difference_tile(
        self, one: tuple[str, int], other: tuple[str, int], z: int, x: int, y: int
    ) -> bytes:
        """Return a tile of the second layer less the first, drawn now or before."""
        (earlier, stamp), (later, stamp_too) = self.sight(*one), self.sight(*other)
        told = Difference(earlier=earlier, later=later)
        key = (one, other, stamp, stamp_too, z, x, y)
        return self._drawn(key, lambda: draw_difference(told, z, x, y))

    def _drawn(self, key: tuple[object, ...], draw: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
        data = draw()
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = data
                self._bytes += len(data)
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._tiles.popitem(last=False)[1])
        return data

    def picture(
        self, key: tuple[object, ...], path: Path | None, draw: Callable[[], bytes]
    ) -> bytes:
        """Return a picture of a file as it stands, drawn now or before (as `kept`)."""
        return self._drawn((*key, path, _stamp(path) if path else None), draw)

    def kept(self, key: tuple[object, ...], path: Path | None, make: Callable[[], T]) -> T:
        """Return what was made of a file as it stands, made now or before.

        Parameters
        ----------
        key : tuple
            What it is.
        path : Path
            Of which file: a later one is another. None where the key holds all it is made of.
        make : callable
            Makes it; what it raises is not kept.
        """
        whole = (*key, path, _stamp(path) if path else None)
        with self._lock:
            if whole in self._made:
                self._made.move_to_end(whole)
                found: T = self._made[whole]
                return found
        made = make()
        with self._lock:
            self._made[whole] = made
            while len(self._made) > KEPT_THINGS:
                self._made.popitem(last=False)
        return made


def _stamp(path: Path) -> Stamp:
    try:
        told = path.stat()
    except (OSError, ValueError):
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)


def tile(request: Request, name: str, z: int, x: int, y: int) -> Response:
    """Answer with a tile of a product's layer."""
    return tile_answer(shelf_of(visit_of(request)).tile(name, _layer(request), z, x, y))


def tiles_address(name: str, sight: Sight, stamp: Stamp) -> str:
    """Return where a layer's tiles are asked for, with {z}, {x} and {y}.

    Browsers keep tiles for a day, so what they are drawn from is part of it: the file as it stands
    and the values of the first and last colours.
    """
    return (f"/tiles/{name}/{{z}}/{{x}}/{{y}}.webp?layer={sight.layer or 1}"
            f"&of={stamp[0]}&ends={ends_told(sight)}")  # fmt: skip


def ends_told(sight: Sight) -> str:
    """Return the values of the first and last colours, for an address."""
    return "_".join(f"{value:g}" for ends in sight.ends for value in ends)


def tile_answer(data: bytes, kind: str = "image/webp") -> Response:
    """Answer with a tile's bytes, which a browser may keep for a day."""
    return Response(data, media_type=kind, headers={"cache-control": FOR_A_DAY})


def shelf_of(visit: Visit) -> TileShelf:
    """Return the farm's shelf of tiles."""
    shelf = visit.desk.shelf
    assert isinstance(shelf, TileShelf)  # noqa: S101 - put there when the app is made
    return shelf


def _layer(request: Request) -> int:
    told = request.query_params.get("layer", "1")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 4 else 0


def product_rows(visit: Visit, field: Field) -> list[tuple[str, str, str, str]]:
    """Return name, title, kind and day of the maps that show a field."""
    try:
        listed = products(visit.desk.farm.folder)
    except AgriError:
        return []
    return [
        (one.name, _title(one), say(f"page.web_kind_{one.kind}", visit.language),
         when(one.start, visit.language))
        for one in sorted(listed, key=lambda p: p.start, reverse=True)
        if drawable(one) and one.footprint.intersects(field.boundary)
    ]  # fmt: skip


def _title(product: Product) -> str:
    names = [layer.band.name for layer in product.layers]
    return ", ".join(names) if product.kind == "index" and names else product.name


def map_page(request: Request, name: str) -> Response:
    """Show a map made of photos, with its legend."""
    visit = visit_of(request)
    sight, stamp = shelf_of(visit).sight(name, _layer(request))
    product, language = sight.product, visit.language
    layers = [
        (number, layer.band.name, number == sight.layer)
        for number, layer in enumerate(product.layers, 1)
    ]
    return page(
        request,
        visit,
        "map_page",
        name=name,
        title=sight.title or name,
        kind=say(f"page.web_kind_{product.kind}", language),
        day=when(product.start, language),
        layers=layers if sight.layer and layer_count(sight) > 1 else [],
        tiles=tiles_address(name, sight, stamp),
        ramp=ramp_of(sight, language),
    )


def map_outline(request: Request, name: str) -> Response:
    """Return the outlines of the fields that a map shows, or its own where it shows none."""
    visit = visit_of(request)
    sight, _ = shelf_of(visit).sight(name, 1)
    footprint = sight.product.footprint
    farm, _ = visit.desk.farm.farm_with_findings()
    shown = [one for one in farm.fields if one.boundary.intersects(footprint)]
    lines = [
        Layer(key="page.layer.field", geometry=one.boundary, colour=BLACK, label=one.name, width=3)
        for one in shown
    ]
    if not lines:
        lines = [Layer(key="page.layer.other_map", geometry=footprint, colour=BLACK, dash=(6, 6))]
    return drawn(lines, visit.language)


ROUTES: Routes = [
    ("GET", "/maps/{name}.geojson", map_outline),
    ("GET", "/maps/{name}", map_page),
    ("GET", "/tiles/{name}/{z}/{x}/{y}.webp", tile),
]
