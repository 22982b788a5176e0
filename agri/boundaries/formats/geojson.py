"""GeoJSON: RFC 7946, and the older ``crs`` member where it names an EPSG code.

Collections, single features and bare geometries are all taken. A ``crs`` that is a link is not
followed; without a named code the coordinates are WGS 84, as the RFC has it. NaN and numbers too
large pass through to the checks, which name the feature they stand in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agri.boundaries.outlines import (
    MAX_DEPTH,
    OutlineFile,
    as_list,
    check_count,
    make_outline,
    shown,
)
from agri.errors import BadInput

_CODE = re.compile(r"EPSG:(?:[\d.]*:)?(\d{4,6})$")


def read_geojson(text: str, *, file: str) -> OutlineFile:
    """Read GeoJSON text.

    Parameters
    ----------
    text : str
        The document.
    file : str
        The file's name, for error sentences.

    Raises
    ------
    BadInput
        When it is not JSON, not GeoJSON, or a feature cannot be read.

    Examples
    --------
    >>> found = read_geojson('{"type": "Point", "coordinates": [106.5, 21.1]}', file="a.json")
    >>> found.outlines[0].points[0].tolist()
    [[106.5, 21.1]]
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput("error.boundary_json", file=file) from None
    outlines = []
    for position, (geometry, properties) in enumerate(_features(document, file, 0), 1):
        check_count(position, file)
        parts = list(_parts(geometry, f"#{position}", 0))
        outlines.append(make_outline(parts, properties, position=position))
    return OutlineFile(outlines=tuple(outlines), crs=_crs(document), rings_turn=True)


def _features(document: Any, file: str, depth: int) -> Iterator[tuple[Any, dict[str, Any]]]:
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection" and isinstance(document.get("features"), list) and not depth:
        for feature in document["features"]:
            yield from _features(feature, file, depth + 1)
    elif kind == "Feature":
        given = document.get("properties")
        properties = dict(given) if isinstance(given, dict) else {}
        if isinstance(document.get("id"), str):
            properties.setdefault("label", document["id"])
        yield document.get("geometry"), properties
    elif isinstance(document, dict) and ("coordinates" in document or "geometries" in document):
        yield document, {}
    else:
        raise BadInput("error.boundary_json", file=file)


def _parts(geometry: Any, label: str, depth: int) -> Iterator[tuple[str, Any]]:
    if geometry is None:
        return
    if not isinstance(geometry, dict):
        raise BadInput("error.boundary_geometry", name=label, kind=shown(geometry))
    if depth > MAX_DEPTH:
        raise BadInput("error.boundary_geometry", name=label, kind="GeometryCollection")
    kind, coordinates = str(geometry.get("type")), geometry.get("coordinates")
    if kind == "GeometryCollection":
        for part in as_list(geometry.get("geometries"), label):
            yield from _parts(part, label, depth + 1)
    elif kind in {"Polygon", "LineString", "Point"}:
        if coordinates:
            yield kind, coordinates
    elif kind in {"MultiPolygon", "MultiLineString", "MultiPoint"}:
        for part in as_list(coordinates, label):
            yield kind.removeprefix("Multi"), part
    else:
        raise BadInput("error.boundary_geometry", name=label, kind=shown(kind))


def _crs(document: Any) -> str:
    crs = document.get("crs")
    named = crs.get("properties") if isinstance(crs, dict) and crs.get("type") == "name" else None
    name = str(named.get("name", "")) if isinstance(named, dict) else ""
    match = _CODE.search(name)
    return f"EPSG:{match[1]}" if match else "EPSG:4326"
