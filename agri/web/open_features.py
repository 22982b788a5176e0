"""The farm for other programs, OGC API – Features style: read-only, JSON, linked.

Theory of operation. The pages here are for machines: `agri.web.rights` marks them, so that who may
not look gets 401 and no way to a form, and every error is ``{"code", "description"}``. A collection
is a table of `agri.operations.open_data`; its items can be asked for by box, period and page. Links
are absolute and begin with the address the request came to, which the gate has looked at.

What is asked wrongly is told (400). Parameters that nobody knows are ignored, for programs add
their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import shapely
from fastapi import Request, Response
from shapely.geometry.base import BaseGeometry

from agri.errors import NotFound
from agri.operations.open_data import NAMES, Thing, table_title, things
from agri.web.visit import Routes, Turned, visit_of
from agri.words import say

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOJSON, JSON = "application/geo+json", "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
)
USUAL_LIMIT, MOST_LIMIT = 100, 10_000


def base_of(request: Request) -> str:
    """Return the address the server was called by, without a slash at its end."""
    return str(request.base_url).rstrip("/")


def answer(body: Mapping[str, Any], kind: str = JSON) -> Response:
    """Return a document."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text, media_type=kind)


def link(href: str, rel: str, kind: str = JSON, title: str = "") -> dict[str, str]:
    """Return a link."""
    return {"href": href, "rel": rel, "type": kind, **({"title": title} if title else {})}


def landing(request: Request) -> Response:
    """Say what there is."""
    visit, base = visit_of(request), base_of(request)
    return answer({
        "title": visit.desk.farm_name,
        "description": say("page.open_about", visit.language),
        "links": [
            link(f"{base}/api/", "self"),
            link(f"{base}/api/openapi.json", "service-desc", OPENAPI),
            link(f"{base}/api/docs", "service-doc", "text/html"),
            link(f"{base}/api/conformance", "conformance"),
            link(f"{base}/api/collections", "data"),
            link(f"{base}/stac/", "related", title="STAC"),
        ],
    })  # fmt: skip


def conformance(request: Request) -> Response:
    """Say which parts of the standard are kept."""
    del request
    return answer({"conformsTo": list(CONFORMS)})


# ------------------------------------------------------------------ collections


def collections(request: Request) -> Response:
    """List the collections."""
    base = base_of(request)
    return answer({
        "links": [link(f"{base}/api/collections", "self")],
        "collections": [_collection(request, name) for name in NAMES],
    })  # fmt: skip


def collection(request: Request, collection_id: str) -> Response:
    """Tell about one collection."""
    return answer(_collection(request, _known(collection_id)))


def _known(name: str) -> str:
    if name not in NAMES:
        raise Turned(404, "page.open_no_collection", name=name[:60])
    return name


def _collection(request: Request, name: str) -> dict[str, Any]:
    visit, there = visit_of(request), f"{base_of(request)}/api/collections/{name}"
    found = things(visit.desk.farm, name)
    shapes = [one.geometry for one in found if one.geometry is not None]
    moments = [one.moment for one in found if one.moment is not None]
    extent: dict[str, Any] = {}
    if shapes:
        bounds = [round(float(v), 9) for v in shapely.total_bounds(shapes)]
        extent["spatial"] = {"bbox": [bounds], "crs": CRS84}
    if moments:
        extent["temporal"] = {"interval": [[_utc(min(moments)), _utc(max(moments))]]}
    return {
        "id": name,
        "title": table_title(name, visit.language),
        "itemType": "feature",
        "crs": [CRS84],
        **({"extent": extent} if extent else {}),
        "links": [
            link(there, "self"),
            link(f"{there}/items", "items", GEOJSON),
        ],
    }  # fmt: skip


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


# ------------------------------------------------------------------ items


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which items are asked for.

    Parameters
    ----------
    area : shapely geometry or None
        They meet it.
    first, last : datetime or None
        They are in this period, both ends in it.
    limit, offset : int
        How many, and how many are passed over.
    """

    area: BaseGeometry | None
    first: datetime | None
    last: datetime | None
    limit: int
    offset: int

    def wants(self, one: Thing) -> bool:
        """Return whether a thing is asked for; what has no moment is of every period."""
        if self.area is not None and (
            one.geometry is None or not one.geometry.intersects(self.area)
        ):
            return False
        if one.moment is None:
            return True
        late = self.first is not None and one.moment < self.first
        return not late and not (self.last is not None and one.moment > self.last)


def asked_of(query: Mapping[str, str]) -> Asked:
    """Return what a query asks for.

    Raises
    ------
    Turned
        400, naming the parameter that cannot be read.
    """
    first, last = _period(query.get("datetime", ""))
    return Asked(
        area=_box(query.get("bbox", "")), first=first, last=last,
        limit=min(_whole(query, "limit", USUAL_LIMIT, least=1), MOST_LIMIT),
        offset=_whole(query, "offset", 0, least=0),
    )  # fmt: skip


def _wrong(name: str, value: str) -> Turned:
    return Turned(400, "page.open_parameter", name=name, value=value[:60])


def _whole(query: Mapping[str, str], name: str, usual: int, *, least: int) -> int:
    text = query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise _wrong(name, text)
    return int(text)


def _box(text: str) -> BaseGeometry | None:
    """Read west, south, east, north; with heights, six numbers. A box may cross 180°."""
    if not text:
        return None
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise _wrong("bbox", text) from None
    if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise _wrong("bbox", text)
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if south > north or not all(abs(one) <= 1e6 for one in numbers):
        raise _wrong("bbox", text)
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(
        shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)
    )


def _period(text: str) -> tuple[datetime | None, datetime | None]:
    """Read a moment, a day, or two of them with a slash between, either of which may be open."""
    if not text:
        return None, None
    parts = text.split("/")
    if len(parts) > 2:
        raise _wrong("datetime", text)
    first = _moment(parts[0], text, end=False)
    last = _moment(parts[-1], text, end=True)
    if (
        len(parts) == 2
        and first is None
        and last is None
        and text not in ("../..", "/", "../", "/..")
    ):
        raise _wrong("datetime", text)
    if (len(parts) == 1 and first is None) or (first and last and first > last):
        raise _wrong("datetime", text)
    return first, last


def _moment(part: str, text: str, *, end: bool) -> datetime | None:
    if part in ("", ".."):
        return None
    try:
        found = datetime.fromisoformat(part)
        if len(part) == 10 and end:
            found = found.replace(hour=23, minute=59, second=59, microsecond=999_999)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _wrong("datetime", text) from None


def items(request: Request, collection_id: str) -> Response:
    """Return items of a collection."""
    name, visit = _known(collection_id), visit_of(request)
    asked = asked_of(request.query_params)
    found = [one for one in things(visit.desk.farm, name) if asked.wants(one)]
    shown = found[asked.offset : asked.offset + asked.limit]
    there = f"{base_of(request)}/api/collections/{name}"
    links = [link(str(request.url), "self", GEOJSON), link(there, "collection")]
    if asked.offset + asked.limit < len(found):
        onward = request.url.include_query_params(
            offset=asked.offset + asked.limit, limit=asked.limit
        )
        links.append(link(str(onward), "next", GEOJSON))
    if asked.offset > 0:
        back = request.url.include_query_params(
            offset=max(0, asked.offset - asked.limit), limit=asked.limit
        )
        links.append(link(str(back), "prev", GEOJSON))
    return answer({
        "type": "FeatureCollection",
        "timeStamp": _utc(visit.desk.now()),
        "numberMatched": len(found),
        "numberReturned": len(shown),
        "links": links,
        "features": [feature(one) for one in shown],
    }, GEOJSON)  # fmt: skip


def feature(one: Thing) -> dict[str, Any]:
    """Return a thing as GeoJSON."""
    shape = one.geometry
    return {
        "type": "Feature",
        "id": one.uid,
        "geometry": json.loads(shapely.to_geojson(shapely.transform(shape, lambda a: a.round(9))))
        if shape is not None
        else None,
        "properties": dict(one.told),
    }


def item(request: Request, collection_id: str, feature_id: str) -> Response:
    """Return one item."""
    name, visit = _known(collection_id), visit_of(request)
    for one in things(visit.desk.farm, name):
        if one.uid == feature_id:
            there = f"{base_of(request)}/api/collections/{name}"
            links = [link(str(request.url), "self", GEOJSON), link(there, "collection")]
            return answer({**feature(one), "links": links}, GEOJSON)
    raise NotFound("error.no_thing", name=feature_id[:60])


def told_wrong(status: int, text: str) -> Response:
    """Return an error as these pages tell it."""
    response = answer({"code": str(status), "description": text})
    response.status_code = status
    if status == 401:
        response.headers["www-authenticate"] = 'Bearer realm="agri"'
    return response


ROUTES: Routes = [
    ("GET", "/api", landing),
    ("GET", "/api/", landing),
    ("GET", "/api/conformance", conformance),
    ("GET", "/api/collections", collections),
    ("GET", "/api/collections/{collection_id}", collection),
    ("GET", "/api/collections/{collection_id}/items", items),
    ("GET", "/api/collections/{collection_id}/items/{feature_id}", item),
]
