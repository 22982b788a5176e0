"""What stands around a field, drawn on its map: power lines, poles, trees, houses.

Theory of operation. A plan is only as safe as what the farm knows of its surroundings, so whoever
may plan may enter what they saw; pressed twice it is entered once. Plans made before are judged by
it from then on (`agri.operations.since_planned`). What is taken away opens the sky, so that is for
who may approve plans.
"""

from __future__ import annotations

from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, BadInput
from agri.field import Field, Obstacle, ObstacleKind
from agri.operations.layers import Layer
from agri.operations.obstacles import around, enter_obstacle, obstacles_of, remove_obstacle
from agri.web.drawing import drawn
from agri.web.forms import drawn_shape, number
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.visit import Routes, Visit, visit_of
from agri.words import Language, Message, say

KINDS = (ObstacleKind.POWER_LINE, ObstacleKind.POLE, ObstacleKind.TREE, ObstacleKind.HOUSE,
         ObstacleKind.OTHER)  # fmt: skip
LEAST_M, MOST_M = 0.5, 300.0
"""Heights that a form takes."""
SIGNS = {"point": "•", "line": "╱", "area": "▱"}


def obstacles_page(request: Request, uid: str) -> Response:
    """Show what stands around a field, and the form that enters more."""
    return _page(request, uid)


def _page(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    farm, language = visit.desk.farm, visit.language
    field = field_of(farm, uid)
    known = {"what": KINDS[0].value, "kind": "line", "height_m": "", "name": "", "places": ""}
    return page(
        request, visit, "obstacles", status=status, wrong=wrong, uid=uid, name=field.name,
        told={name: visit.form.get(name, value) for name, value in known.items()},
        kinds=[(kind.value, _kind(kind, language)) for kind in KINDS],
        shapes=[(one, sign, say(f"page.web_note_kind_{one}", language))
                for one, sign in SIGNS.items()],
        there=[(one.uid, _told(one, language), one.name) for one in obstacles_of(farm, field)],
    )  # fmt: skip


def _kind(kind: ObstacleKind, language: Language) -> str:
    return say(f"page.layer.{kind.value}", language)


def _told(one: Obstacle, language: Language) -> str:
    """Return what stands there and how high; a road or a pond has no height to tell."""
    kind = _kind(one.kind, language)
    if one.height_m <= 0.0:
        return kind
    return say("page.obstacle_told", language, kind=kind, height_m=one.height_m)


def obstacles_map(request: Request, uid: str) -> Response:
    """Return a field and what stands and lives around it; what stands there tells its height.

    The field's own page opens at it; the rest is there for whoever zooms out.
    """
    visit = visit_of(request)
    farm, language = visit.desk.farm, visit.language
    field = field_of(farm, uid)
    told = {one.geometry.wkb: _told(one, language) for one in obstacles_of(farm, field)}
    layers = [_labelled(one, told) for one in around(farm, field)]
    return drawn(layers, language, about=field.boundary)


def _labelled(layer: Layer, told: dict[bytes, str]) -> Layer:
    label = told.get(layer.geometry.wkb, "")
    return replace(layer, label=" · ".join(part for part in (layer.label, label) if part))


def enter(request: Request, uid: str) -> Response:
    """Keep what was drawn."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    try:
        enter_obstacle(visit.desk.farm, field, _obstacle(visit, field))
    except AgriError as error:
        return _page(request, uid, wrong=error.text(visit.language), status=400)
    return RedirectResponse(f"/fields/{uid}/obstacles", status_code=303)


def _obstacle(visit: Visit, field: Field) -> Obstacle:
    form = visit.form
    kind = next((one for one in KINDS if one.value == form.get("what", "")), None)
    shape = drawn_shape(form)
    if kind is None or shape is None:
        raise BadInput("error.obstacle_place", field=field.name)
    label = Message.of("page.obstacle_height")
    return Obstacle(
        name=form.get("name", "").strip()[:80],
        kind=kind,
        geometry=shape,
        height_m=number(form, "height_m", label, low=LEAST_M, high=MOST_M),
    )


def remove(request: Request, uid: str) -> Response:
    """Remove what is no longer there."""
    visit = visit_of(request)
    remove_obstacle(visit.desk.farm, uid)
    field = field_of(visit.desk.farm, visit.form.get("field", ""))
    return RedirectResponse(f"/fields/{field.uid}/obstacles", status_code=303)


ROUTES: Routes = [
    ("GET", "/fields/{uid}/obstacles", obstacles_page),
    ("GET", "/fields/{uid}/obstacles.geojson", obstacles_map),
    ("POST", "/fields/{uid}/obstacles", enter),
    ("POST", "/obstacles/{uid}/remove", remove),
]
