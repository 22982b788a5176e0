"""The farm's catalogue of imagery for other programs: STAC, read-only, files by name and number.

Theory of operation. A collection holds the products of one kind; an item is what the catalogue
keeps (`imagery.stac.item_of`), its links and files told as addresses of this server. A file is
asked for by its product's name and its key in the item: no path and no address comes in. Parts of a
file may be asked for (``Range``), so a program reads only those tiles of a raster that it shows.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

import shapely
from fastapi import Request, Response
from fastapi.responses import FileResponse

from agri.errors import AgriError, BadInput, NotFound
from agri.files import inside
from agri.web.open_features import CRS84, GEOJSON, answer, asked_of, base_of, link
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import say
from imagery import catalogue
from imagery.stac import KINDS, MEDIA, NAME, Product, item_of

VERSION = "1.1.0"
CONFORMS = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
)


def _products(visit: Visit) -> tuple[Product, ...]:
    try:
        return tuple(catalogue.products(visit.desk.farm.folder))
    except NotFound:
        return ()


def landing(request: Request) -> Response:
    """Say what there is."""
    visit, base = visit_of(request), base_of(request)
    kinds = _kinds(_products(visit))
    return answer({
        "type": "Catalog",
        "id": "imagery",
        "stac_version": VERSION,
        "title": visit.desk.farm_name,
        "description": say("page.open_stac_about", visit.language),
        "conformsTo": list(CONFORMS),
        "links": [
            link(f"{base}/stac/", "self"),
            link(f"{base}/stac/", "root"),
            link(f"{base}/stac/conformance", "conformance"),
            link(f"{base}/stac/collections", "data"),
            link(f"{base}/api/openapi.json", "service-desc",
                 "application/vnd.oai.openapi+json;version=3.0"),
            link(f"{base}/api/docs", "service-doc", "text/html"),
            *(link(f"{base}/stac/collections/{kind}", "child") for kind in kinds),
        ],
    })  # fmt: skip


def conformance(request: Request) -> Response:
    """Say which parts of the standards are kept."""
    del request
    return answer({"conformsTo": list(CONFORMS)})


def _kinds(found: tuple[Product, ...]) -> list[str]:
    return [kind for kind in KINDS if any(one.kind == kind for one in found)]


def collections(request: Request) -> Response:
    """List the collections: one for each kind of product there is."""
    visit, base = visit_of(request), base_of(request)
    found = _products(visit)
    return answer({
        "links": [link(f"{base}/stac/collections", "self"), link(f"{base}/stac/", "root")],
        "collections": [_collection(request, kind, found) for kind in _kinds(found)],
    })  # fmt: skip


def collection(request: Request, collection_id: str) -> Response:
    """Tell about one collection."""
    found = _products(visit_of(request))
    return answer(_collection(request, _known(collection_id, found), found))


def _known(kind: str, found: tuple[Product, ...]) -> str:
    if kind not in _kinds(found):
        raise Turned(404, "page.open_no_collection", name=kind[:60])
    return kind


def _collection(request: Request, kind: str, found: tuple[Product, ...]) -> dict[str, Any]:
    visit, base = visit_of(request), base_of(request)
    there = f"{base}/stac/collections/{kind}"
    own = [one for one in found if one.kind == kind]
    bounds = [round(float(v), 9) for v in shapely.total_bounds([one.footprint for one in own])]
    first, last = min(one.start for one in own), max(one.end for one in own)
    title = say(f"page.web_kind_{kind}", visit.language)
    return {
        "type": "Collection",
        "id": kind,
        "stac_version": VERSION,
        "title": title,
        "description": title,
        "license": "other",
        "itemType": "feature",
        "crs": [CRS84],
        "extent": {
            "spatial": {"bbox": [bounds], "crs": CRS84},
            "temporal": {"interval": [[_utc(first), _utc(last)]]},
        },
        "links": [
            link(there, "self"),
            link(f"{base}/stac/", "root"),
            link(f"{base}/stac/", "parent"),
            link(f"{there}/items", "items", GEOJSON),
        ],
    }


def _utc(moment: Any) -> str:
    return str(moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))


def items(request: Request, collection_id: str) -> Response:
    """Return items of a collection, the newest first."""
    visit, base = visit_of(request), base_of(request)
    found = _products(visit)
    kind, asked = _known(collection_id, found), asked_of(request.query_params)
    wanted = [
        one for one in sorted(found, key=lambda p: p.start, reverse=True)
        if one.kind == kind
        and (asked.area is None or one.footprint.intersects(asked.area))
        and (asked.first is None or one.end >= asked.first)
        and (asked.last is None or one.start <= asked.last)
    ]  # fmt: skip
    shown = wanted[asked.offset : asked.offset + asked.limit]
    links = [
        link(str(request.url), "self", GEOJSON),
        link(f"{base}/stac/", "root"),
        link(f"{base}/stac/collections/{kind}", "collection"),
    ]
    if asked.offset + asked.limit < len(wanted):
        onward = request.url.include_query_params(
            offset=asked.offset + asked.limit, limit=asked.limit
        )
        links.append(link(str(onward), "next", GEOJSON))
    return answer({
        "type": "FeatureCollection",
        "numberMatched": len(wanted),
        "numberReturned": len(shown),
        "links": links,
        "features": [_item(request, one) for one in shown],
    }, GEOJSON)  # fmt: skip


def item(request: Request, collection_id: str, item_id: str) -> Response:
    """Return one item."""
    product = _product(visit_of(request), item_id)
    if product.kind != collection_id:
        raise NotFound("error.no_product", name=item_id[:80])
    return answer(_item(request, product), GEOJSON)


def _product(visit: Visit, name: str) -> Product:
    if not NAME.fullmatch(name):
        raise NotFound("error.no_product", name=name[:80])
    return catalogue.product(visit.desk.farm.folder, name)


def _item(request: Request, product: Product) -> dict[str, Any]:
    base = base_of(request)
    body = item_of(product, up="..")
    home = f"{base}/stac/collections/{product.kind}"
    body["collection"] = product.kind
    for key, asset in body["assets"].items():
        asset["href"] = f"{base}/stac/assets/{product.name}/{key}"
    sources = [_source(request, name) for name in product.sources]
    body["links"] = [
        link(f"{home}/items/{product.name}", "self", GEOJSON),
        link(f"{base}/stac/", "root"),
        link(home, "parent"),
        link(home, "collection"),
        *(link(address, "derived_from", GEOJSON) for address in sources if address),
    ]
    return body


def _source(request: Request, name: str) -> str:
    try:
        source = catalogue.product(visit_of(request).desk.farm.folder, name)
    except AgriError:
        return ""
    return f"{base_of(request)}/stac/collections/{source.kind}/items/{name}"


def asset(request: Request, item_id: str, key: str) -> Response:
    """Return a file of a product, whole or in part."""
    visit = visit_of(request)
    product = _product(visit, item_id)
    keys = [f"file{n:05d}" if n else "data" for n in range(len(product.files))]
    if key not in keys:
        raise NotFound("error.no_product", name=f"{item_id}/{key}"[:80])
    file = product.files[keys.index(key)]
    try:
        path = inside(visit.desk.farm.folder, file.name)
    except BadInput:
        raise NotFound("error.no_product", name=f"{item_id}/{key}"[:80]) from None
    if not path.is_file():
        raise NotFound("error.no_product", name=f"{item_id}/{key}"[:80])
    kind = MEDIA.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, media_type=kind, filename=path.name)


ROUTES: Routes = [
    ("GET", "/stac", landing),
    ("GET", "/stac/", landing),
    ("GET", "/stac/conformance", conformance),
    ("GET", "/stac/collections", collections),
    ("GET", "/stac/collections/{collection_id}", collection),
    ("GET", "/stac/collections/{collection_id}/items", items),
    ("GET", "/stac/collections/{collection_id}/items/{item_id}", item),
    ("GET", "/stac/assets/{item_id}/{key}", asset),
]
