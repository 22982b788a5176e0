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
from pathlib import Path

from fastapi import Request, Response

from agri.errors import AgriError
from agri.field import Field
from agri.operations.layers import BLACK, Layer
from agri.operations.maps.tiles import (
    RASTERS,
    Sight,
    colours,
    draw_tile,
    layer_count,
    sight_of,
)
from agri.web.drawing import drawn
from agri.web.pages import page, when
from agri.web.visit import Routes, Visit, visit_of
from agri.words import Language, say
from imagery.catalogue import products
from imagery.stac import Product

KEPT_BYTES = 48_000_000
LEGEND_STEPS = 16
FOR_A_DAY = "private, max-age=86400"

Stamp = tuple[int, int]


class TileShelf:
    """Sights and tiles of one farm that were asked for lately; several threads may use it."""

    def __init__(self, farm: Path) -> None:
        self._farm = farm
        self._lock = threading.Lock()
        self._sights: dict[tuple[str, int], tuple[Stamp, Stamp, Sight]] = {}
        self._tiles: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
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
        key = (name, layer, stamp, z, x, y)
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
        data = draw_tile(sight, z, x, y)
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = data
                self._bytes += len(data)
            while self._bytes > KEPT_BYTES:
                self._bytes -= len(self._tiles.popitem(last=False)[1])
        return data


def _stamp(path: Path) -> Stamp:
    try:
        told = path.stat()
    except (OSError, ValueError):
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)


def tile(request: Request, name: str, z: int, x: int, y: int) -> Response:
    """Answer with a tile of a product's layer."""
    data = _shelf(visit_of(request)).tile(name, _layer(request), z, x, y)
    return Response(data, media_type="image/webp", headers={"cache-control": FOR_A_DAY})


def _shelf(visit: Visit) -> TileShelf:
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
        if one.kind in RASTERS and one.footprint.intersects(field.boundary)
    ]  # fmt: skip


def _title(product: Product) -> str:
    names = [layer.band.name for layer in product.layers]
    return ", ".join(names) if product.kind == "index" and names else product.name


def map_page(request: Request, name: str) -> Response:
    """Show a map made of photos, with its legend."""
    visit = visit_of(request)
    sight, stamp = _shelf(visit).sight(name, _layer(request))
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
        tiles=f"/tiles/{name}/{{z}}/{{x}}/{{y}}.webp?layer={sight.layer or 1}&of={stamp[0]}",
        legend=_legend(sight, language),
    )


def _legend(sight: Sight, language: Language) -> list[tuple[int, str, str]]:
    """Return place, colour and value of a ramp's steps, the value where it is written."""
    if sight.ramp is None:
        return []
    (low, high), table = sight.ends[0], colours(sight.ramp)
    steps = []
    for number in range(LEGEND_STEPS):
        share = number / (LEGEND_STEPS - 1)
        red, green, blue, _ = table[round(255 * share)]
        written = number in (0, LEGEND_STEPS - 1)
        value = say("page.web_legend_value", language, value=low + share * (high - low))
        steps.append((number, f"#{red:02x}{green:02x}{blue:02x}", value if written else ""))
    return steps


def map_outline(request: Request, name: str) -> Response:
    """Return the outlines of the fields that a map shows, or its own where it shows none."""
    visit = visit_of(request)
    sight, _ = _shelf(visit).sight(name, 1)
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
