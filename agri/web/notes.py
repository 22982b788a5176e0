"""Notes on maps: written, taken back, and given out as GeoJSON."""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from shapely.geometry import Point

from agri.errors import AgriError, BadInput
from agri.map_notes import MOST_CORNERS, MapNote
from agri.operations.layers import ORANGE, Layer
from agri.units import INDOCHINA_TIME
from agri.web.drawing import drawn_with
from agri.web.field_map import may_take_back, show_map
from agri.web.forms import drawn_shape
from agri.web.looking import field_of
from agri.web.visit import Routes, Turned, Visit, visit_of


def write(request: Request, uid: str) -> Response:
    """Keep a note on a field's map."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    try:
        drawn = drawn_shape(visit.form)
        if drawn is None:
            raise BadInput("error.note_place", most=MOST_CORNERS)
        note = MapNote(
            field_uid=field.uid,
            geometry=drawn,
            text=visit.form.get("text", ""),
            by=visit.who.name,
            at_utc=visit.desk.now(),
            photo_day=_day(visit),
        )
        if not any(one.says_as(note) for one in visit.desk.farm.notes.of_field(field.uid)):
            visit.desk.farm.notes.add(note)
    except AgriError as error:
        return show_map(request, uid, wrong=error.text(visit.language), status=400)
    return RedirectResponse(f"/fields/{uid}/map", status_code=303)


def _day(visit: Visit) -> date | None:
    """Return the day of the picture that a note speaks of, None when none is told."""
    text = visit.form.get("photo_day", "").strip()
    if not text:
        return None
    try:
        told = date.fromisoformat(text)
    except ValueError:
        raise BadInput("error.note_day", value=text[:40]) from None
    if told > visit.desk.now().astimezone(INDOCHINA_TIME).date():
        raise BadInput("error.note_day_future", day=told)
    return told


def take_back(request: Request, uid: str) -> Response:
    """Take a note back: one's own, or as an adviser any."""
    visit = visit_of(request)
    book = visit.desk.farm.notes
    note = next((one for one in book.of_field() if one.uid == uid), None)
    if note is None:
        raise Turned(404, "error.no_note")
    if not may_take_back(visit, note):
        raise Turned(403, "page.web_not_allowed")
    book.take_back(uid, by=visit.who.name, at_utc=visit.desk.now())
    return RedirectResponse(f"/fields/{note.field_uid}/map", status_code=303)


def notes_file(request: Request) -> Response:
    """Give the notes that stand, of one field or all, as GeoJSON."""
    visit = visit_of(request)
    notes = visit.desk.farm.notes.of_field(request.query_params.get("field", ""))
    pen = Layer(key="page.layer.note", geometry=Point(), colour=ORANGE, fill=0.25, width=3.0)
    told = [
        (Layer(key=pen.key, geometry=one.geometry, colour=pen.colour, fill=pen.fill,
               width=pen.width), _properties(one))
        for one in notes
    ]  # fmt: skip
    return drawn_with(told, visit.language, file="map-notes.geojson")


def _properties(note: MapNote) -> dict[str, Any]:
    return {
        "id": note.uid,
        "field": note.field_uid,
        "text": note.text,
        "by": note.by,
        "at_utc": note.at_utc.isoformat(),
        "photo_day": note.photo_day.isoformat() if note.photo_day else None,
    }


ROUTES: Routes = [
    ("POST", "/fields/{uid}/notes", write),
    ("POST", "/notes/{uid}/back", take_back),
    ("GET", "/notes.geojson", notes_file),
]
