"""The OpenAPI document of what other programs may read, and a page of it for people.

Theory of operation. One table, `PATHS`, names every path with its parameters and what it answers;
the document is made of it, and so is the page, which needs no script. What stands here is exactly
what `agri.web.rights` marks for machines; a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from agri import __version__
from agri.operations.open_data import NAMES
from agri.web.open_features import (
    GEOJSON,
    JSON,
    MOST_LIMIT,
    OPENAPI,
    USUAL_LIMIT,
    answer,
    base_of,
)
from agri.web.pages import page
from agri.web.visit import Routes, visit_of
from agri.words import Language, say
from imagery.stac import KINDS

Schema = dict[str, Any]
LINKS: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Link"}}
TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}


def _object(needed: tuple[str, ...], **properties: Schema) -> Schema:
    return {"type": "object", "required": list(needed), "properties": properties}


SCHEMAS: dict[str, Schema] = {
    "Link": _object(("href", "rel"), href=TEXT, rel=TEXT, type=TEXT, title=TEXT),
    "Error": _object(("code", "description"), code=TEXT, description=TEXT),
    "Landing": _object(("title", "links"), title=TEXT, description=TEXT, links=LINKS),
    "Conformance": _object(("conformsTo",), conformsTo={"type": "array", "items": TEXT}),
    "Collection": _object(
        ("id", "links"), id=TEXT, title=TEXT, description=TEXT, links=LINKS,
        extent={"type": "object"}, itemType=TEXT, crs={"type": "array", "items": TEXT},
    ),
    "Collections": _object(
        ("links", "collections"), links=LINKS,
        collections={"type": "array", "items": {"$ref": "#/components/schemas/Collection"}},
    ),
    "Feature": _object(
        ("type", "id", "geometry", "properties"), type={"type": "string", "enum": ["Feature"]},
        id=TEXT, geometry={"type": "object", "nullable": True}, properties={"type": "object"},
        links=LINKS,
    ),
    "Features": _object(
        ("type", "features", "links", "numberReturned"),
        type={"type": "string", "enum": ["FeatureCollection"]}, links=LINKS, numberMatched=COUNT,
        numberReturned=COUNT, timeStamp=TEXT,
        features={"type": "array", "items": {"$ref": "#/components/schemas/Feature"}},
    ),
}  # fmt: skip


def _query(name: str, schema: Schema, **more: Any) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


def _path(name: str, **schema: Any) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", **schema}}


NUMBERS: Schema = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
PARAMETERS: dict[str, Schema] = {
    "bbox": _query("bbox", NUMBERS, style="form", explode=False),
    "datetime": _query("datetime", TEXT),
    "limit": _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": USUAL_LIMIT}
    ),
    "offset": _query("offset", {"type": "integer", "minimum": 0, "default": 0}),
    "collection": _path("collection_id", enum=list(NAMES)),
    "feature": _path("feature_id"),
    "kind": _path("collection_id", enum=list(KINDS)),
    "item": _path("item_id", pattern="^[a-z0-9][a-z0-9_-]{0,79}$"),
    "key": _path("key", pattern="^(data|file[0-9]{5})$"),
}
PAGED = ("bbox", "datetime", "limit", "offset")
PATHS: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    ("/api/", "landing", (), "Landing", JSON),
    ("/api/conformance", "conformance", (), "Conformance", JSON),
    ("/api/collections", "collections", (), "Collections", JSON),
    ("/api/collections/{collection_id}", "collection", ("collection",), "Collection", JSON),
    ("/api/collections/{collection_id}/items", "items", ("collection", *PAGED), "Features",
     GEOJSON),
    ("/api/collections/{collection_id}/items/{feature_id}", "item", ("collection", "feature"),
     "Feature", GEOJSON),
    ("/api/openapi.json", "document", (), "", OPENAPI),
    ("/api/docs", "docs", (), "", "text/html"),
    ("/stac/", "stac_landing", (), "Landing", JSON),
    ("/stac/conformance", "stac_conformance", (), "Conformance", JSON),
    ("/stac/collections", "stac_collections", (), "Collections", JSON),
    ("/stac/collections/{collection_id}", "stac_collection", ("kind",), "Collection", JSON),
    ("/stac/collections/{collection_id}/items", "stac_items", ("kind", *PAGED), "Features",
     GEOJSON),
    ("/stac/collections/{collection_id}/items/{item_id}", "stac_item", ("kind", "item"),
     "Feature", GEOJSON),
    ("/stac/assets/{item_id}/{key}", "stac_asset", ("item", "key"), "", "*/*"),
)  # fmt: skip
"""Path, name, parameters, what it answers and its media type."""


def document(base: str, language: Language) -> dict[str, Any]:
    """Return the OpenAPI 3.0 document.

    Parameters
    ----------
    base : str
        Address of the server.
    language : {"vi", "en"}
        Of its sentences.
    """
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "agri",
            "version": __version__,
            "description": say("page.open_about", language),
        },
        "servers": [{"url": base or "/"}],
        "paths": {path: {"get": _operation(row, language)} for row in PATHS for path in row[:1]},
        "components": {"schemas": SCHEMAS},
    }


def _operation(
    row: tuple[str, str, tuple[str, ...], str, str], language: Language
) -> dict[str, Any]:
    path, name, parameters, schema, kind = row
    told: Schema = {"$ref": f"#/components/schemas/{schema}"} if schema else {}
    right = {"description": "OK", "content": {kind: {"schema": told}}}
    wrong = {"400": "page.open_wrong", "401": "page.open_signed_out", "404": "page.open_missing"}
    return {
        "operationId": name,
        "tags": ["stac" if path.startswith("/stac") else "features"],
        "summary": say(f"page.open_path_{name.removeprefix('stac_')}", language),
        "parameters": [
            {**PARAMETERS[one], "description": say(f"page.open_with_{one}", language)}
            for one in parameters
        ],
        "responses": {
            "200": right,
            **({"206": {"description": say("page.open_part", language),
                        "content": {kind: {"schema": told}}}} if kind == "*/*" else {}),
            **{
                code: {"description": say(key, language), "content": {
                    JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}}
                for code, key in wrong.items()
            },
        },
    }  # fmt: skip


def openapi(request: Request) -> Response:
    """Return the document."""
    return answer(document(base_of(request), visit_of(request).language), OPENAPI)


def docs(request: Request) -> Response:
    """Show the document to people."""
    visit = visit_of(request)
    body = document(base_of(request), visit.language)
    rows = [
        (path, told["get"]["summary"],
         [(one["name"], one["description"]) for one in told["get"]["parameters"]])
        for path, told in body["paths"].items()
    ]  # fmt: skip
    return page(request, visit, "open", rows=rows, base=base_of(request))


ROUTES: Routes = [
    ("GET", "/api/openapi.json", openapi),
    ("GET", "/api/docs", docs),
]
