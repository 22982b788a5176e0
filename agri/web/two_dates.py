"""Two dates of one field: one map wiped over the other, or one less the other.

The address says which two and how, so the page can be sent to somebody and shows the same. What
cannot be subtracted is one sentence; such maps can still be wiped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from agri.errors import BadInput
from agri.field import Field
from agri.operations.fieldmap.difference import Difference
from agri.operations.fieldmap.figures import Figures
from agri.operations.fieldmap.rasters import (
    RasterLayer,
    listed,
    raster_layers,
    same_title,
    with_key,
)
from agri.operations.maps.tiles import Sight
from agri.web.charts import Bars, Ramp, bars_of, figure, ramp_of
from agri.web.field_map import figures_of, options_of, sight, tiles_of
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.products import ends_told, shelf_of, tile_answer
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import Language, day_text, say

WAYS = ("swipe", "difference")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two maps, for the page."""

    title: str
    tiles: str
    ramp: Ramp | None
    bars: Bars | None
    figures: Figures | None


def two_dates(request: Request, uid: str) -> Response:
    """Show two dates of a field."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    layers = raster_layers(listed(visit.desk.farm.folder), field.boundary)
    if len(layers) < 2:
        raise Turned(404, "page.web_one_date")
    asked = request.query_params
    first, second = _two(layers, asked.get("a", ""), asked.get("b", ""))
    way = asked.get("way", WAYS[0])
    if way not in WAYS:
        raise Turned(404, "page.web_not_found")
    wrong, ramp, tiles = "", None, ""
    if way == "difference":
        try:
            told = Difference(earlier=_seen(visit, first), later=_seen(visit, second))
            ramp = ramp_of(told.sight, visit.language)
            tiles = difference_tiles(visit, first, second)
        except BadInput as error:
            wrong = error.text(visit.language)
    sides = [_side(visit, field, one) for one in (first, second)]
    return page(
        request,
        visit,
        "two_dates",
        status=400 if wrong else 200,
        uid=uid,
        name=field.name,
        way=way,
        wrong=wrong,
        options=[options_of(layers, one, visit.language) for one in (first, second)],
        sides=sides,
        ramp=ramp,
        tiles=tiles,
        rows=_rows(sides, visit.language) if first.title == second.title else [],
    )


def _two(layers: Sequence[RasterLayer], one: str, other: str) -> tuple[RasterLayer, RasterLayer]:
    """Return the layers an address names, else the last two dates of one index.

    The earlier one comes first, whichever was named first: the page says "before" and "after", and
    a difference the other way round would show what withered as grown.
    """
    first, second = with_key(layers, one), with_key(layers, other)
    if first is not None and second is not None:
        return (second, first) if second.day < first.day else (first, second)
    if one or other:
        raise Turned(404, "page.web_not_found")
    for title in dict.fromkeys(layer.title for layer in layers):
        dates = same_title(layers, title)
        if len(dates) > 1:
            return dates[-2], dates[-1]
    return layers[1], layers[0]


def _seen(visit: Visit, layer: RasterLayer) -> Sight:
    return sight(visit, layer.product.name, layer.number)


def difference_tiles(visit: Visit, one: RasterLayer, other: RasterLayer) -> str:
    """Return where the tiles of a difference are asked for, with {z}, {x} and {y}."""
    shelf = shelf_of(visit)
    stamps = [str(shelf.sight(layer.product.name, layer.number)[1][0]) for layer in (one, other)]
    of = "-".join([*stamps, ends_told(_seen(visit, other))])
    return f"/difference/{other.key}/{{z}}/{{x}}/{{y}}.webp?less={one.key}&of={of}"


def _side(visit: Visit, field: Field, layer: RasterLayer) -> Side:
    seen, language = _seen(visit, layer), visit.language
    figures = figures_of(visit, field, layer)
    known = figures is not None and figures.known
    return Side(
        title=f"{layer.title} · {day_text(layer.day, language)}",
        tiles=tiles_of(visit, layer),
        ramp=ramp_of(seen, language),
        bars=bars_of(figures, seen, language) if figures and known else None,
        figures=figures if known else None,
    )


def _rows(sides: Sequence[Side], language: Language) -> list[tuple[str, str, str, str]]:
    """Return label, first, second, and second less first, of what both have."""
    one, other = sides[0].figures, sides[1].figures
    if one is None or other is None:
        return []
    named = [("mean", one.mean, other.mean), ("median", one.quantiles[2], other.quantiles[2]),
             ("sd", one.sd, other.sd)]  # fmt: skip
    return [
        (say(f"page.web_stat_{key}", language), figure(first, language), figure(second, language),
         say("page.web_figure_signed", language, value=second - first))
        for key, first, second in named
    ]  # fmt: skip


def difference_tile(request: Request, key: str, z: int, x: int, y: int) -> Response:
    """Answer with a tile of a map less another, which the query names."""
    shelf, less = shelf_of(visit_of(request)), request.query_params.get("less", "")
    return tile_answer(shelf.difference_tile(_named(less), _named(key), z, x, y))


def _named(key: str) -> tuple[str, int]:
    name, _, layer = key.rpartition(".")
    if not (layer.isascii() and layer.isdigit() and len(layer) < 4):
        raise Turned(404, "page.web_not_found")
    return name, int(layer)


ROUTES: Routes = [
    ("GET", "/fields/{uid}/dates", two_dates),
    ("GET", "/difference/{key}/{z}/{x}/{y}.webp", difference_tile),
]
