"""Downloads for researchers: tables, tracks and rasters, and the lines that open them."""

from __future__ import annotations

from fastapi import Request, Response

from agri.errors import AgriError
from agri.operations.downloads import (
    FORMS,
    MEDIA,
    form_named,
    snippet,
    table_file,
    track_file,
)
from agri.operations.maps.tiles import drawable
from agri.operations.open_data import NAMES, table_title
from agri.web.looking import flight_of
from agri.web.pages import page, when
from agri.web.visit import Routes, Visit, visit_of
from agri.words import say
from imagery.catalogue import products

MOST_TRACKS = 30
Row = tuple[str, str, list[tuple[str, str, str, str]]]
"""Title, what it is, and for each form: name, address, file, lines."""


def downloads_page(request: Request) -> Response:
    """List what can be downloaded."""
    visit = visit_of(request)
    tables: list[Row] = [
        (table_title(name, visit.language), "",
         [(form, f"/download/{name}.{form}", f"{name}.{form}", snippet(f"{name}.{form}"))
          for form in FORMS])
        for name in NAMES
    ]  # fmt: skip
    tracks: list[Row] = [
        (one.plan_name, when(one.started_utc, visit.language),
         [(form, f"/flights/{one.uid}/track.{form}", f"track-{one.uid[:8]}.{form}",
           snippet(f"track-{one.uid[:8]}.{form}")) for form in FORMS])
        for one in visit.desk.farm.flights()[:MOST_TRACKS]
    ]  # fmt: skip
    return page(request, visit, "downloads", tables=tables, tracks=tracks, rasters=_rasters(visit))


def _rasters(visit: Visit) -> list[Row]:
    try:
        listed = products(visit.desk.farm.folder)
    except AgriError:
        return []
    found: list[Row] = []
    for product in listed:
        file = product.files[0].name.rpartition("/")[2]
        if not drawable(product) or not file.endswith(".tif"):
            continue
        kind = say(f"page.web_kind_{product.kind}", visit.language)
        about = f"{kind} · {when(product.start, visit.language)}"
        address = f"/stac/assets/{product.name}/data"
        found.append((product.name, about, [("GeoTIFF", address, file, snippet(file))]))
    return found


def table_download(request: Request, name: str, form: str) -> Response:
    """Return a table of the farm as a file."""
    kind = form_named(form)
    return _file(table_file(visit_of(request).desk.farm, name, kind), f"{name}.{kind}")


def track_download(request: Request, uid: str, form: str) -> Response:
    """Return the track of a flight as a file."""
    farm, kind = visit_of(request).desk.farm, form_named(form)
    flight = flight_of(farm, uid)
    return _file(track_file(flight, farm.load_flight(uid), kind), f"track-{uid[:8]}.{kind}")


def _file(data: bytes, name: str) -> Response:
    kind = form_named(name.rpartition(".")[2])
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type=MEDIA[kind], headers=headers)


ROUTES: Routes = [
    ("GET", "/downloads", downloads_page),
    ("GET", "/download/{name}.{form}", table_download),
    ("GET", "/flights/{uid}/track.{form}", track_download),
]
