"""Fields drawn on the map, and drawn anew: by tapping, by walking round, by typing corners.

Theory of operation. The form holds the corners as text, latitude and longitude, a line each; the
map of the page is a way to write them, and without scripts the text alone does. A field of several
parts, or with something left out inside, has more than one outline; such a one is changed in
another program (QGIS opens the farm), and the page says so, but its name and crop are changed here.

A field far larger than people here farm is mostly a finger that slipped on a map of the whole
commune: its size must be ticked before it is kept. One that nothing was done with is taken away.

Who changes a field names what was on the page: name, crop and outline. When something else stands
there by the time it is sent, nothing is changed. Plans made before stay as they are; before they
fly they are judged by the field as it is then (`agri.operations.since_planned`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.crop_cards import crop_cards, crop_told
from agri.errors import AgriError, Refused
from agri.field import Field
from agri.operations.field_removal import remove_field
from agri.operations.fieldmap.basemap import basemap_path
from agri.web.forms import outline
from agri.web.looking import field_of
from agri.web.pages import area, page
from agri.web.visit import Routes, Visit, visit_of
from agri.words import say

LARGE_M2 = 200_000.0
"""Above this, 20 ha, a field's size is asked once more."""
_ASK_SIZE = "error.field_large"


def _done(uid: str) -> Response:
    return RedirectResponse(f"/fields/{uid}", status_code=303)


def draw_page(request: Request) -> Response:
    """Show the map on which a field is drawn."""
    return _draw(request)


def _draw(request: Request, *, wrong: AgriError | None = None, status: int = 200) -> Response:
    visit = visit_of(request)
    told = {name: visit.form.get(name, "") for name in ("name", "crop", "corners")}
    return _form(request, wrong, status, told=told, action="/fields/new", was="", fixed=False,
                 title=say("page.web_draw_field", visit.language), skip="")  # fmt: skip


def _form(request: Request, wrong: AgriError | None, status: int, **shown: Any) -> Response:
    visit = visit_of(request)
    return page(request, visit, "draw", status=status,
                wrong=wrong.text(visit.language) if wrong else "",
                crops=[card.name(visit.language) for card in crop_cards()],
                large=wrong is not None and wrong.message.key == _ASK_SIZE,
                plain=not basemap_path(visit.desk.farm.folder).is_file(), **shown)  # fmt: skip


def draw(request: Request) -> Response:
    """Keep a field that was drawn."""
    visit = visit_of(request)
    try:
        field = Field(name=_name(visit), crop=_crop(visit),
                      boundary=outline(visit.form.get("corners", "")))  # fmt: skip
        _ask_size(visit, field)
        (stored,) = visit.desk.farm.add_fields([field])
    except AgriError as error:
        return _draw(request, wrong=error, status=400)
    return _done(stored.uid)


def _ask_size(visit: Visit, field: Field) -> None:
    if field.area_m2 > LARGE_M2 and visit.form.get("large", "") != "yes":
        raise Refused(_ASK_SIZE, name=field.name,
                     size=area(field.area_m2, visit.language))  # fmt: skip


def edit_page(request: Request, uid: str) -> Response:
    """Show a field on the map on which it is drawn anew."""
    return _edit(request, uid)


def _edit(
    request: Request, uid: str, *, wrong: AgriError | None = None, status: int = 200
) -> Response:
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    known = {"name": field.name, "crop": field.crop, "corners": corners(field)}
    told = {name: visit.form.get(name, value) for name, value in known.items()}
    title = say("page.web_edit_field", visit.language, name=field.name)
    return _form(request, wrong, status, told=told, action=f"/fields/{uid}/edit", was=_mark(field),
                 fixed=not corners(field), title=title, skip=uid)  # fmt: skip


def edit(request: Request, uid: str) -> Response:
    """Change a field's name, crop and outline."""
    visit = visit_of(request)
    farm = visit.desk.farm
    try:
        field = field_of(farm, uid)
        boundary = field.boundary
        if corners(field) and visit.form.get("corners", "").strip() != corners(field):
            boundary = outline(visit.form.get("corners", ""))
        changed = replace(field, name=_name(visit), crop=_crop(visit), boundary=boundary)
        if changed != field and visit.form.get("was", "") != _mark(field):
            raise Refused("error.field_changed_meanwhile", field=field.name,
                          crop=crop_told(field.crop, visit.language) or "–",
                          size=area(field.area_m2, visit.language))  # fmt: skip
        if boundary is not field.boundary:
            _ask_size(visit, changed)
        farm.change_field(changed)
    except AgriError as error:
        return _edit(request, uid, wrong=error, status=400)
    return _done(uid)


def remove(request: Request, uid: str) -> Response:
    """Remove a field that nothing was done with."""
    visit = visit_of(request)
    try:
        remove_field(visit.desk.farm, field_of(visit.desk.farm, uid))
    except Refused as error:
        return _edit(request, uid, wrong=error, status=400)
    return RedirectResponse("/", status_code=303)


def _name(visit: Visit) -> str:
    return visit.form.get("name", "")[:80]


def _crop(visit: Visit) -> str:
    return visit.form.get("crop", "").strip()[:80]


def corners(field: Field) -> str:
    r"""Return a field's outline as the form holds it; "" when it has more than one.

    Examples
    --------
    >>> from agri.web.forms import outline
    >>> corners(Field(name="A", boundary=outline("21.08, 106.51\n21.08, 106.52\n21.09, 106.52")))
    '21.0800000, 106.5100000\n21.0800000, 106.5200000\n21.0900000, 106.5200000'
    """
    parts = list(field.boundary.geoms)
    if len(parts) != 1 or parts[0].interiors:
        return ""
    places = list(parts[0].exterior.coords)[:-1]
    return "\n".join(f"{lat:.7f}, {lon:.7f}" for lon, lat, *_ in places)


def _mark(field: Field) -> str:
    told = json.dumps([field.name, field.crop]).encode()
    return hashlib.sha256(told + field.boundary.wkb).hexdigest()[:16]


ROUTES: Routes = [
    ("GET", "/fields/new", draw_page),
    ("POST", "/fields/new", draw),
    ("GET", "/fields/{uid}/edit", edit_page),
    ("POST", "/fields/{uid}/edit", edit),
    ("POST", "/fields/{uid}/remove", remove),
]
