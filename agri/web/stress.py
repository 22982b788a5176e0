"""Places that changed, worth a look: the ranked list, the walk through the chosen ones, as GPX.

Which places are walked is part of the address, so it can be sent to somebody; without a choice it
is the first `FIRST` of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from shapely.geometry import LineString, Point

from agri.field import Field
from agri.geo import LonLat, distance_m
from agri.names import slug
from agri.operations.fieldmap.rasters import listed
from agri.operations.fieldmap.stress import (
    MOST_WALKED,
    Spot,
    Walk,
    gpx_of,
    spot_title,
    spots_of,
    walk_through,
)
from agri.operations.layers import BLUE, GREEN, ORANGE, VERMILION, Layer
from agri.units import square_metres_to_sao
from agri.web.drawing import drawn_with
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.visit import Routes, Visit, visit_of
from agri.words import day_text, say

FIRST = 10
SHOWN = 100
NEAR_M = 1000.0
"""A pad farther away than this is of another field."""


def _asked(request: Request, uid: str) -> tuple[Visit, Field, tuple[Spot, ...], Walk]:
    """Return who asks, the field, its places, and the walk through the chosen ones."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    farm = visit.desk.farm
    spots = spots_of(farm.folder, listed(farm.folder), field.boundary)[:SHOWN]
    picked = set(request.query_params.getlist("pick"))
    chosen = [one for one in spots if one.key in picked] if picked else list(spots[:FIRST])
    return visit, field, spots, walk_through(chosen[:MOST_WALKED], _start(visit, field))


def _start(visit: Visit, field: Field) -> LonLat | None:
    """Return the pad that is nearest to a field, None when none is near."""
    middle = field.boundary.representative_point()
    here = LonLat(lon_deg=float(middle.x), lat_deg=float(middle.y))
    pads = visit.desk.farm.farm_with_findings()[0].pads
    away = [(distance_m(pad.place, here), pad.name, pad.place) for pad in pads]
    near = min(away, default=None, key=lambda one: one[:2])
    return near[2] if near is not None and near[0] < NEAR_M else None


def stress_page(request: Request, uid: str) -> Response:
    """Show what needs a look, ranked, and the walk through the chosen places."""
    visit, field, spots, walk = _asked(request, uid)
    order = {one.key: number for number, one in enumerate(walk.spots, 1)}
    query = urlencode([("pick", key) for key in order])
    return page(
        request,
        visit,
        "stress",
        uid=uid,
        name=field.name,
        rows=[_row(visit, one, number, order) for number, one in enumerate(spots, 1)],
        query=query,
        length=say("page.web_walk_length", visit.language, metres=walk.length_m,
                   count=len(walk.spots)),
        from_pad=walk.start is not None,
    )  # fmt: skip


def _row(visit: Visit, spot: Spot, rank: int, order: dict[str, int]) -> dict[str, Any]:
    language = visit.language
    size = say("page.web_spot_size", language, area_m2=spot.area_m2,
               sao=square_metres_to_sao(spot.area_m2), sure=100.0 * spot.confidence)  # fmt: skip
    return {
        "key": spot.key,
        "rank": rank,
        "stop": order.get(spot.key, 0),
        "title": spot_title(spot, language),
        "worse": spot.change < 0.0,
        "trees": spot.trees,
        "size": size,
        "day": day_text(spot.day, language),
        "causes": spot.causes(language),
        "looks": spot.looks(language),
    }


def stress_map(request: Request, uid: str) -> Response:
    """Return the field, the places in the order of the walk, and its way, as GeoJSON."""
    visit, field, spots, walk = _asked(request, uid)
    stops = {one.key: number for number, one in enumerate(walk.spots, 1)}
    told: list[tuple[Layer, dict[str, Any]]] = [
        (Layer(key="page.layer.field", geometry=field.boundary, colour=GREEN, width=3.0), {})
    ]
    told += [(_drawn(one, stops), _properties(visit, one, stops)) for one in spots]
    if len(walk.line) > 1:
        way = Layer(key="page.layer.walk", geometry=LineString(walk.line), colour=BLUE, width=3.0,
                    dash=(8.0, 6.0))  # fmt: skip
        told.append((way, {"length_m": round(walk.length_m, 1)}))
    if walk.start is not None:
        pad = Point(walk.start.lon_deg, walk.start.lat_deg)
        told.append((Layer(key="page.layer.pad", geometry=pad, colour=ORANGE, fill=1.0), {}))
    return drawn_with(told, visit.language)


def _drawn(spot: Spot, stops: dict[str, int]) -> Layer:
    stop = stops.get(spot.key)
    worse = spot.change < 0.0
    return Layer(
        key="page.layer.spot_worse" if worse else "page.layer.spot_better",
        geometry=spot.outline, colour=VERMILION if worse else BLUE, label=str(stop) if stop else "",
        fill=0.3 if stop else 0.05, width=2.5, dash=() if worse else (6.0, 4.0),
    )  # fmt: skip


def _properties(visit: Visit, spot: Spot, stops: dict[str, int]) -> dict[str, Any]:
    return {
        "id": spot.key,
        "day": spot.day.isoformat(),
        "measure": spot.measure,
        "change": spot.change,
        "area_m2": spot.area_m2,
        "confidence": spot.confidence,
        "trees": spot.trees,
        "may_be": _joined(spot.causes(visit.language)),
        "look_at": _joined(spot.looks(visit.language)),
        "stop": stops.get(spot.key),
    }


def _joined(sentences: Sequence[str]) -> str:
    return "; ".join(sentences)


def stress_gpx(request: Request, uid: str) -> Response:
    """Give the walk through the chosen places as GPX."""
    visit, field, _, walk = _asked(request, uid)
    title = say("page.web_walk", visit.language, name=field.name)
    file = f"{slug(field.name)[:60] or 'field'}-walk.gpx"
    return Response(
        gpx_of(walk, title, visit.language),
        media_type="application/gpx+xml",
        headers={"content-disposition": f'attachment; filename="{file}"'},
    )


ROUTES: Routes = [
    ("GET", "/fields/{uid}/stress", stress_page),
    ("GET", "/fields/{uid}/stress.geojson", stress_map),
    ("GET", "/fields/{uid}/stress.gpx", stress_gpx),
]
