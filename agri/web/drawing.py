"""What the maps of the pages draw, as GeoJSON.

Each feature carries its own pen: the same colours, dashes and names as in plans' and flights'
pictures (`agri.operations.layers`). Places are rounded to 7 decimals, a centimetre. ``link`` is a
page of ours that a click leads to.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import shapely
from fastapi import Response
from shapely.geometry.base import BaseGeometry

from agri.field import Field
from agri.operations.layers import GREEN, Layer, beside
from agri.words import Language, say

DEGREES = 1e-7
KIND = "application/geo+json"


def drawn(
    layers: Iterable[Layer], language: Language, *, about: BaseGeometry | None = None
) -> Response:
    """Return layers as GeoJSON, lowest first; `about` is what the map opens at, by default all."""
    return _collection(
        [(layer.geometry, _pen(layer, say(layer.key, language)), "") for layer in layers], about
    )


def fields_drawn(fields: Sequence[Field], language: Language, *, linked: bool) -> Response:
    """Return the outlines of fields, each leading to its page where `linked`."""
    pen = Layer(key="page.layer.field", geometry=shapely.Point(), colour=GREEN, fill=0.2, width=3.0)
    name = say(pen.key, language)
    return _collection(
        [
            (field.boundary, {**_pen(pen, name), "label": field.name},
             f"/fields/{field.uid}" if linked else "")
            for field in fields
        ]
    )  # fmt: skip


def drawn_with(
    told: Sequence[tuple[Layer, Mapping[str, Any]]], language: Language, *, file: str = ""
) -> Response:
    """Return layers as GeoJSON, each with more to tell than its pen; as a file where one is named.

    Parameters
    ----------
    told : sequence of (Layer, mapping)
        Lowest first.
    language : {"vi", "en"}
        Of the layers' names.
    file : str
        Name under which a browser keeps it.
    """
    answer = _collection(
        [
            (layer.geometry, {**more, **_pen(layer, say(layer.key, language))}, "")
            for layer, more in told
        ]
    )
    if file:
        answer.headers["content-disposition"] = f'attachment; filename="{file}"'
    return answer


def _pen(layer: Layer, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": layer.label,
        "colour": layer.colour,
        "fill": layer.fill,
        "width": layer.width,
        "dash": " ".join(f"{part:g}" for part in layer.dash),
        "radius": layer.radius,
    }


def _collection(
    drawn: Sequence[tuple[BaseGeometry, dict[str, Any], str]], about: BaseGeometry | None = None
) -> Response:
    features = [
        {
            "type": "Feature",
            "properties": {**pen, "link": link},
            "geometry": json.loads(
                shapely.to_geojson(shapely.set_precision(geometry, DEGREES, mode="pointwise"))
            ),
        }
        for geometry, pen, link in drawn
    ]
    body: dict[str, Any] = {"type": "FeatureCollection", "features": features}
    if drawn:
        bounds = shapely.total_bounds([geometry for geometry, *_ in drawn])
        body["bbox"] = [float(value) for value in bounds]
    if about is not None:
        body["view"] = list(beside(about).bounds)
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text, media_type=KIND)
