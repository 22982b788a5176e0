"""What can be laid over a field's map, one kind at a time: routes, flights, ground sprayed…

Each is asked for by its own name, so that a phone loads only what is switched on. Of plans, flights
and applications the newest `NEWEST` are drawn; a document that cannot be read is left out here, for
its own page tells why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from shapely.geometry import LineString, MultiPolygon

from agri.errors import AgriError
from agri.field import Field
from agri.files import inside
from agri.operations.fieldmap.rasters import listed, of_kind
from agri.operations.fieldmap.shapes import NamedShape, crowns_of, shapes_from
from agri.operations.layers import (
    BLACK,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    Layer,
    plan_layers,
)
from agri.workspace import Workspace
from imagery.stac import Product
from missions.airspace.keepouts import polygons
from missions.formats.document import read_document

NEWEST = 3
MOST_LABELLED = 120
NOTE_LETTERS = 40
ROUTES = ("page.layer.lines", "page.layer.spray_lines", "page.layer.spray_spots", "page.layer.pad")
METRE_DEG = 9e-6
Crowns = Callable[[Product], Sequence[NamedShape]]


def overlays(
    farm: Workspace, field: Field, kind: str, *, crowns: Crowns | None = None
) -> list[Layer]:
    """Return what one kind of overlay draws over a field; nothing for a kind that is none.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : Field
        The field.
    kind : {"plans", "flights", "applied", "trees", "zones", "changes", "notes"}
    crowns : callable, optional
        Gives the crowns of a list of trees, for callers that keep them.
    """
    if kind in ("plans", "flights", "applied"):
        return {"plans": _plans, "flights": _flights, "applied": _applied}[kind](farm, field)
    if kind == "notes":
        return note_layers(farm, field)
    products = listed(farm.folder)
    if kind == "trees":
        read = crowns or (lambda one: crowns_of(farm.folder, one))
        return [layer for one in of_kind(products, "trees", field.boundary)[:1]
                for layer in _trees(read(one))]  # fmt: skip
    if kind in ("zones", "changes"):
        wanted = of_kind(products, "zones" if kind == "zones" else "change", field.boundary)
        return [
            layer for one in wanted[: 1 if kind == "zones" else NEWEST]
            for layer in _areas(farm.folder, one, kind)
        ]  # fmt: skip
    return []


def kinds_there(farm: Workspace, field: Field) -> tuple[str, ...]:
    """Return the kinds of overlays that have something to draw over a field."""
    uids = {one.uid for one in farm.plans(every=True) if one.field_uid == field.uid}
    flown = [one for one in farm.flights() if one.mission_uid in uids]
    sprayed = {one.flight_uid for one in farm.applied()}
    kinds = {one.kind for one in listed(farm.folder) if one.footprint.intersects(field.boundary)}
    there = {
        "plans": bool(uids), "flights": bool(flown),
        "applied": any(one.uid in sprayed for one in flown), "trees": "trees" in kinds,
        "zones": "zones" in kinds, "changes": "change" in kinds,
        "notes": bool(farm.notes.of_field(field.uid)),
    }  # fmt: skip
    return tuple(kind for kind, some in there.items() if some)


def note_layers(farm: Workspace, field: Field) -> list[Layer]:
    """Return the notes that stand on a field's map, the latest on top."""
    return [
        Layer(key="page.layer.note", geometry=one.geometry, colour=ORANGE, fill=0.25, width=3.0,
              label=one.text.partition("\n")[0][:NOTE_LETTERS], radius=8.0)
        for one in reversed(farm.notes.of_field(field.uid))
    ]  # fmt: skip


def _plans(farm: Workspace, field: Field) -> list[Layer]:
    own = sorted((one for one in farm.plans() if one.field_uid == field.uid),
                 key=lambda one: one.created_utc, reverse=True)  # fmt: skip
    found: list[Layer] = []
    for record in own[:NEWEST]:
        with suppress(AgriError):
            plan = read_document(farm.plan(record.uid)[1])
            found += [one for one in plan_layers(plan) if one.key in ROUTES]
    return found


def _flights(farm: Workspace, field: Field) -> list[Layer]:
    uids = {one.uid for one in farm.plans(every=True) if one.field_uid == field.uid}
    found = []
    for flight in [one for one in farm.flights() if one.mission_uid in uids][:NEWEST]:
        with suppress(AgriError):
            track = farm.load_flight(flight.uid).track
            path = list(zip(track.lon_deg, track.lat_deg, strict=True))
            if len(path) > 1:
                line = LineString(path).simplify(2e-7)
                found.append(Layer(key="page.layer.track", geometry=line, colour=VERMILION))
    return found


def _applied(farm: Workspace, field: Field) -> list[Layer]:
    uids = {one.uid for one in farm.plans(every=True) if one.field_uid == field.uid}
    own = {one.uid for one in farm.flights() if one.mission_uid in uids}
    newest = sorted((one for one in farm.applied() if one.flight_uid in own),
                    key=lambda one: one.sprayed_utc, reverse=True)[:NEWEST]  # fmt: skip
    return [
        Layer(key="page.layer.sprayed", geometry=one.area, colour=SKY, fill=0.4, width=1.0,
              label=one.product)
        for one in newest
    ]  # fmt: skip


def _trees(shapes: Sequence[NamedShape]) -> list[Layer]:
    if len(shapes) > MOST_LABELLED:
        outlines = [ring for one in shapes for ring in polygons(one.area.simplify(METRE_DEG / 5.0))]
        whole = MultiPolygon(outlines)
        return [Layer(key="page.layer.crown", geometry=whole, colour=GREEN, width=1.2)]
    return [
        Layer(key="page.layer.crown", geometry=one.area, colour=GREEN, width=1.5) for one in shapes
    ]


def _areas(farm: Path, product: Product, kind: str) -> list[Layer]:
    path = inside(farm, product.files[0].name)
    if path.suffix.lower() != ".geojson":
        return []
    key, colour = {"zones": ("page.layer.zone", PURPLE), "changes": ("page.layer.changed", BLACK)}[
        kind
    ]
    with suppress(AgriError):
        shapes = shapes_from(path)
        return [
            Layer(key=key, geometry=one.area, colour=colour, fill=0.05, width=2.0,
                  label=one.name if len(shapes) <= MOST_LABELLED else "")
            for one in shapes
        ]  # fmt: skip
    return []
