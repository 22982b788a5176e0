"""The map below all maps: its tiles, and where they are, for the script that draws maps.

A farm without one answers with nothing to draw, and maps stay plain; so do tiles outside it.
"""

from __future__ import annotations

import json

from fastapi import Request, Response

from agri.errors import AgriError
from agri.operations.fieldmap.basemap import basemap_path
from agri.operations.fieldmap.tile_store import StoreFacts, kind_of, opened_tiles
from agri.operations.maps.tiles import empty_tile
from agri.web.products import shelf_of, tile_answer
from agri.web.visit import Routes, Visit, visit_of


def basemap_facts(request: Request) -> Response:
    """Tell where the tiles are, how deep they go and whose they are; nothing without a basemap."""
    visit = visit_of(request)
    facts = _facts(visit)
    told: dict[str, object] = {}
    if facts is not None:
        stamp = basemap_path(visit.desk.farm.folder).stat().st_mtime_ns
        told = {"tiles": f"/basemap/{{z}}/{{x}}/{{y}}?of={stamp}", "least": facts.least,
                "most": facts.most, "source": facts.source}  # fmt: skip
    return Response(json.dumps(told, ensure_ascii=False), media_type="application/json")


def _facts(visit: Visit) -> StoreFacts | None:
    path = basemap_path(visit.desk.farm.folder)
    if not path.is_file():
        return None

    def read() -> StoreFacts | None:
        try:
            with opened_tiles(path) as store:
                return store.facts()
        except AgriError:
            return None

    return shelf_of(visit).kept(("basemap",), path, read)


def basemap_tile(request: Request, z: int, x: int, y: int) -> Response:
    """Answer with a tile of the basemap, an empty one where there is none."""
    path = basemap_path(visit_of(request).desk.farm.folder)
    data = None
    if path.is_file():
        try:
            with opened_tiles(path) as store:
                data = store.tile((z, x, y))
        except AgriError:
            data = None
    found = empty_tile() if data is None else data
    return tile_answer(found, kind_of(found))


ROUTES: Routes = [
    ("GET", "/basemap.json", basemap_facts),
    ("GET", "/basemap/{z}/{x}/{y}", basemap_tile),
]
