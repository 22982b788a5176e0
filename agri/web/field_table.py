"""The table of fields with its filters, and fields held against one another.

Both are asked for by their address, without a script: a filter that was sent to somebody shows them
the same. Fields are compared on one index, each by its newest map or by that of a day before; all
have the map's own colours, and the same numbers below the bars.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response

from agri.crop_cards import crop_told
from agri.errors import AgriError, BadInput
from agri.field import Field
from agri.operations.fieldmap.figures import Figures
from agri.operations.fieldmap.pictures import draw_field
from agri.operations.fieldmap.rasters import RasterLayer, listed, raster_layers, same_title
from agri.operations.fieldmap.standing import Standing, Wanted, standings
from agri.units import INDOCHINA_TIME, SAO_M2
from agri.web.charts import bars_of, figure, ramp_of
from agri.web.field_map import figure_facts, figures_of, sight
from agri.web.forms import number
from agri.web.looking import field_of
from agri.web.pages import area, findings_shown, page
from agri.web.products import shelf_of, tile_answer
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import Message, day_text, say

SPANS = (0, 7, 14, 30, 90, 365)
MOST_COMPARED = 8


def table(request: Request) -> Response:
    """Show the fields that are wanted, with how each stands."""
    visit = visit_of(request)
    asked = dict(request.query_params)
    every = standings(visit.desk.farm)
    wrong = ""
    try:
        wanted = _wanted(asked)
    except BadInput as error:
        wanted, wrong = Wanted(), error.text(visit.language)
    today = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    shown = [one for one in every if wanted.takes(one, today)]
    crops = sorted({one.field.crop for one in every if one.field.crop}, key=str.casefold)
    titles = _titles(visit)
    return page(
        request,
        visit,
        "field_table",
        status=400 if wrong else 200,
        wrong=wrong,
        crops=[("", say("page.web_any", visit.language)),
               *((crop, crop_told(crop, visit.language)) for crop in crops)],
        spans=[(str(days) if days else "", _span(visit, days)) for days in SPANS],
        told={name: asked.get(name, "") for name in
              ("crop", "least", "most", "flown", "mapped", "waiting", "amiss")},
        rows=[_row(visit, one) for one in shown],
        count=say("page.web_table_count", visit.language, shown=len(shown), count=len(every)),
        titles=titles,
    )  # fmt: skip


def _span(visit: Visit, days: int) -> str:
    key = "page.web_not_for_days" if days else "page.web_any"
    return say(key, visit.language, days=days)


def _wanted(asked: Mapping[str, str]) -> Wanted:
    """Return what an address asks for."""

    def sao(name: str) -> float | None:
        if not asked.get(name, "").strip():
            return None
        label = Message.of("page.fact_area")
        return SAO_M2 * number(asked, name, label, low=0.0, high=1e7)

    def days(name: str) -> int:
        told = asked.get(name, "")
        return int(told) if told in {str(one) for one in SPANS} else 0

    return Wanted(
        crop=asked.get("crop", ""), least_m2=sao("least"), most_m2=sao("most"),
        not_flown_days=days("flown"), not_mapped_days=days("mapped"),
        waiting=asked.get("waiting") == "1", amiss=asked.get("amiss") == "1",
    )  # fmt: skip


def _row(visit: Visit, one: Standing) -> dict[str, Any]:
    language = visit.language
    worries = findings_shown(one.warnings, language)[0]
    return {
        "uid": one.field.uid,
        "name": one.field.name,
        "crop": crop_told(one.field.crop, language),
        "size": area(one.field.area_m2, language),
        "flown": day_text(one.flown, language) if one.flown else "–",
        "mapped": day_text(one.mapped, language) if one.mapped else "–",
        "waiting": [(plan.uid, plan.name) for plan in one.waiting],
        "warnings": worries,
    }


def _titles(visit: Visit) -> list[str]:
    layers = raster_layers(listed(visit.desk.farm.folder))
    return list(dict.fromkeys(one.title for one in layers if one.product.kind == "index"))


# ------------------------------------------------------------------ comparing


def compare(request: Request) -> Response:
    """Hold the same index of several fields against one another."""
    visit = visit_of(request)
    titles = _titles(visit)
    asked = request.query_params
    title = asked.get("index", "") or (titles[0] if titles else "")
    if title not in titles and asked.get("index"):
        raise Turned(404, "page.web_not_found")
    layers = raster_layers(listed(visit.desk.farm.folder))
    picked = asked.getlist("field")
    fields = visit.desk.farm.farm_with_findings()[0].fields
    chosen = [one for one in fields if one.uid in picked][:MOST_COMPARED]
    newest = [(field, _newest(layers, title, field)) for field in chosen]
    found = [(field, layer, figures_of(visit, field, layer)) for field, layer in newest if layer]
    known = [(field, layer, told) for field, layer, told in found if told and told.known]
    span = _common([told for *_, told in known])
    ramps = [ramp_of(sight(visit, layer.product.name, layer.number), visit.language)
             for _, layer, _ in known[:1]]  # fmt: skip
    return page(
        request,
        visit,
        "compare",
        titles=[(one, one) for one in titles],
        title=title,
        fields=[(one.uid, one.name, one.uid in picked) for one in fields],
        most=MOST_COMPARED,
        ramp=ramps[0] if ramps else None,
        sides=[_side(visit, field, layer, told, span) for field, layer, told in known],
        without=[field.name for field in chosen if field not in {one for one, *_ in known}],
    )


def _newest(layers: Sequence[RasterLayer], title: str, field: Field) -> RasterLayer | None:
    own = [one for one in same_title(layers, title)
           if one.product.footprint.intersects(field.boundary)]  # fmt: skip
    return own[-1] if own else None


def _common(figures: Sequence[Figures]) -> tuple[float, float]:
    """Return the values between which all bars are drawn, NaN where there are none."""
    ends = [
        (one.edges[number], one.edges[number + 1])
        for one in figures
        for number, ground in enumerate(one.bars_m2)
        if ground > 0.0
    ]
    if not ends:
        return math.nan, math.nan
    return min(low for low, _ in ends), max(high for _, high in ends)


def _side(
    visit: Visit, field: Field, layer: RasterLayer, told: Figures, span: tuple[float, float]
) -> dict[str, Any]:
    seen, stamp = shelf_of(visit).sight(layer.product.name, layer.number or 1)
    return {
        "uid": field.uid,
        "name": field.name,
        "day": day_text(layer.day, visit.language),
        "mean": figure(told.mean, visit.language),
        "picture": f"/fields/{field.uid}/pictures/{layer.key}.webp?of={stamp[0]}",
        "bars": bars_of(told, seen, visit.language, span=span),
        "facts": figure_facts(told, visit.language),
    }


def picture(request: Request, uid: str, key: str) -> Response:
    """Answer with a small picture of a map, cut to a field."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    name, _, layer = key.rpartition(".")
    if not (layer.isascii() and layer.isdigit() and len(layer) < 4):
        raise Turned(404, "page.web_not_found")
    seen = sight(visit, name, int(layer))
    kept = ("picture", key, field.boundary.wkb)
    return tile_answer(shelf_of(visit).kept(kept, seen.path, lambda: _drawn(seen, field)))


def _drawn(seen: Any, field: Field) -> bytes:
    try:
        return draw_field(seen, field.boundary)
    except AgriError as error:
        raise Turned(404, "page.web_not_found") from error


ROUTES: Routes = [
    ("GET", "/table", table),
    ("GET", "/compare", compare),
    ("GET", "/fields/{uid}/pictures/{key}.webp", picture),
]
