"""A field's map: every map made of photos at its date, what can be laid over it, what a tap tells.

Theory of operation. The page is whole without its script: which map is shown is part of the
address, and its legend, histogram and figures are in the page. The script only spares the reload:
it asks for the same page and takes from it what changed. What a tap tells is a page of its own too
(``/fields/{uid}/at``), with the pixel's own value, the tree or zone that stands there and their
values over the dates; the script shows that page's middle below the map.

Figures, crowns and registers are kept as long as their file is the same (`TileShelf.kept`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from fastapi import Request, Response

from agri.errors import AgriError
from agri.field import Field
from agri.files import inside
from agri.geo import LonLat
from agri.map_notes import MapNote
from agri.operations.fieldmap.figures import QUANTILES, Figures, figures_within, value_at
from agri.operations.fieldmap.histories import (
    SIZES,
    History,
    Point,
    days_of_flights,
    kept_history,
    mapped_history,
    passport_of,
    register_of,
)
from agri.operations.fieldmap.overlays import kinds_there, overlays
from agri.operations.fieldmap.rasters import (
    RasterLayer,
    listed,
    of_kind,
    raster_layers,
    same_title,
    with_key,
)
from agri.operations.fieldmap.shapes import NamedShape, crowns_of, shape_at, shapes_from
from agri.operations.maps.tiles import Sight
from agri.people import Power
from agri.units import square_metres_to_sao
from agri.web.charts import Bars, Line, Ramp, bars_of, figure, line_of, ramp_of
from agri.web.drawing import drawn
from agri.web.forms import number
from agri.web.looking import field_of
from agri.web.pages import page, when
from agri.web.products import shelf_of, tiles_address
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import Language, Message, day_text, say
from imagery.stac import Product

MOST_ASKED = 24
"""Maps, the newest first, that are asked for their value at a place."""
NOTHING = "none"
Facts = list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a page tells of the map that is shown."""

    title: str
    ramp: Ramp | None
    bars: Bars | None
    facts: Facts
    empty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure over the dates, for a page: its name, its rows, its line."""

    name: str
    rows: tuple[tuple[str, str], ...]
    line: Line | None


# ------------------------------------------------------------------ the map


def map_of_field(request: Request, uid: str) -> Response:
    """Show a field's map."""
    return show_map(request, uid)


def show_map(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    """Show a field's map, with what was wrong with the last command."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    layers = raster_layers(listed(visit.desk.farm.folder), field.boundary)
    shown = chosen(layers, request.query_params.get("show", ""))
    return page(
        request,
        visit,
        "field_map",
        status=status,
        uid=uid,
        name=field.name,
        options=options_of(layers, shown, visit.language),
        shown=shown.key if shown else NOTHING,
        tiles=tiles_of(visit, shown) if shown else "",
        told=told_of(visit, field, shown) if shown else None,
        kinds=[(kind, say(f"page.web_overlay_{kind}", visit.language))
               for kind in kinds_there(visit.desk.farm, field)],
        dates=len(layers) > 1,
        changes="changes" in kinds_there(visit.desk.farm, field),
        notes=note_rows(visit, visit.desk.farm.notes.of_field(uid)),
        told_note=_note_told(visit, shown),
        note_kinds=[(kind, say(f"page.web_note_kind_{kind}", visit.language))
                    for kind in ("point", "line", "area")],
        wrong=wrong,
    )  # fmt: skip


def chosen(layers: Sequence[RasterLayer], key: str) -> RasterLayer | None:
    """Return the layer that an address names, else the newest index, else the first there is."""
    if key == NOTHING or not layers:
        return None
    found = with_key(layers, key)
    if found is None and key:
        raise Turned(404, "page.web_not_found")
    newest = max(layers, key=lambda one: (one.product.kind == "index", one.product.start))
    return found or newest


def options_of(
    layers: Sequence[RasterLayer], shown: RasterLayer | None, language: Language
) -> list[tuple[str, list[tuple[str, str, bool]]]]:
    """Return what can be shown: groups, and in each key, date and whether it is chosen."""
    groups: dict[str, list[tuple[str, str, bool]]] = {}
    for one in layers:
        group = one.title if one.product.kind == "index" else say(
            f"page.web_kind_{one.product.kind}", language)  # fmt: skip
        label = f"{group} · {day_text(one.day, language)}"
        if one.product.kind != "index":
            label += f" · {one.title}"
        groups.setdefault(group, []).append((one.key, label, one == shown))
    return list(groups.items())


def note_rows(visit: Visit, notes: Sequence[MapNote]) -> list[tuple[str, str, str, str, bool]]:
    """Return key, text, who and when, date of the photo, and whether one may take it back."""
    language = visit.language
    rows = []
    for one in notes:
        said = say("page.web_by", language, who=one.by, when=when(one.at_utc, language))
        day = day_text(one.photo_day, language) if one.photo_day else ""
        rows.append((one.uid, one.text, said, day, may_take_back(visit, one)))
    return rows


def may_take_back(visit: Visit, note: MapNote) -> bool:
    """Return whether somebody may take a note back: their own, or advisers any."""
    powers = visit.who.role.powers
    return Power.REVIEW in powers or (Power.PLAN in powers and visit.who.name == note.by)


def _note_told(visit: Visit, shown: RasterLayer | None) -> dict[str, str]:
    """Return what the form of a note holds: what was sent, else the day of the map shown."""
    usual = {"text": "", "places": "", "kind": "point",
             "photo_day": shown.day.isoformat() if shown else ""}  # fmt: skip
    return {name: visit.form.get(name, value) for name, value in usual.items()}


def tiles_of(visit: Visit, shown: RasterLayer) -> str:
    """Return where the tiles of a layer are asked for, with {z}, {x} and {y}."""
    name, layer = shown.product.name, shown.number or 1
    return tiles_address(name, *shelf_of(visit).sight(name, layer))


def sight(visit: Visit, name: str, layer: int) -> Sight:
    """Return how a product's layer is shown."""
    return shelf_of(visit).sight(name, layer or 1)[0]


def figures_of(visit: Visit, field: Field, shown: RasterLayer) -> Figures | None:
    """Return a layer's figures within a field, reckoned now or before; None for pictures."""
    seen = sight(visit, shown.product.name, shown.number)
    if seen.ramp is None:
        return None
    key = ("figures", shown.key, field.boundary.wkb)
    return shelf_of(visit).kept(key, seen.path, lambda: figures_within(seen, field.boundary))


def told_of(visit: Visit, field: Field, shown: RasterLayer) -> Told:
    """Return legend, histogram and figures of a layer within a field."""
    seen, language = sight(visit, shown.product.name, shown.number), visit.language
    figures = figures_of(visit, field, shown)
    kind = say(f"page.web_kind_{shown.product.kind}", language)
    title = f"{shown.title if shown.number else kind} · {day_text(shown.day, language)}"
    known = figures is not None and figures.known
    return Told(
        title=title,
        ramp=ramp_of(seen, language),
        bars=bars_of(figures, seen, language) if figures and known else None,
        facts=figure_facts(figures, language) if figures and known else [],
        empty=seen.ramp is not None and not known,
    )


def figure_facts(figures: Figures, language: Language) -> Facts:
    """Return label and value of a layer's figures."""
    tenth, low, middle, high, ninth = (figure(value, language) for value in figures.quantiles)
    assert QUANTILES == (0.1, 0.25, 0.5, 0.75, 0.9)  # noqa: S101 - the labels say so
    return [
        (say("page.web_stat_mean", language), figure(figures.mean, language)),
        (say("page.web_stat_sd", language), figure(figures.sd, language)),
        (say("page.web_stat_median", language), middle),
        (say("page.web_stat_half", language), f"{low} – {high}"),
        (say("page.web_stat_most", language), f"{tenth} – {ninth}"),
        (say("page.web_stat_seen", language),
         say("page.web_stat_seen_value", language, share=100.0 * figures.coverage,
             cell_cm=100.0 * figures.cell_m)),
    ]  # fmt: skip


def overlay(request: Request, uid: str, kind: str) -> Response:
    """Return one kind of what is laid over a field's map."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    found = overlays(visit.desk.farm, field, kind, crowns=lambda one: _crowns(visit, one))
    return drawn(found, visit.language)


def _crowns(visit: Visit, product: Product) -> tuple[NamedShape, ...]:
    farm = visit.desk.farm.folder
    path = inside(farm, product.files[0].name)
    return shelf_of(visit).kept(("crowns",), path, lambda: crowns_of(farm, product))


# ------------------------------------------------------------------ what a tap tells


def at_place(request: Request, uid: str) -> Response:
    """Tell what is known of one place: values of maps, the tree, the zone."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    place = place_asked(request)
    products = listed(visit.desk.farm.folder)
    layers = raster_layers(products, field.boundary)
    key = request.query_params.get("show", "")
    shown = with_key(layers, key)
    tree, tree_told = _tree_at(visit, field, products, layers, place)
    zone, zone_told = _zone_at(visit, field, products, layers, place)
    return page(
        request,
        visit,
        "at",
        uid=uid,
        name=field.name,
        shown=key or NOTHING,
        place=say("page.web_place", visit.language, lat=place.lat_deg, lon=place.lon_deg),
        pixel=_value_here(visit, shown, place) if shown else None,
        values=_values(visit, layers, place),
        tree=tree,
        tree_told=tree_told,
        zone=zone,
        zone_told=zone_told,
        path_back=f"/fields/{uid}/map?show={key}" if shown else f"/fields/{uid}/map",
    )


def place_asked(request: Request) -> LonLat:
    """Return the place that an address names.

    Raises
    ------
    BadInput
        When it names none.
    """
    told = dict(request.query_params)
    label = Message.of("page.web_place_label")
    lat = number(told, "lat", label, low=-80.0, high=84.0)
    lon = number(told, "lon", label, low=-180.0, high=180.0)
    return LonLat(lon_deg=lon, lat_deg=lat)


def _value_here(visit: Visit, shown: RasterLayer, place: LonLat) -> tuple[str, str, str]:
    """Return the title, value and state of the map that is shown: told, empty or outside."""
    language = visit.language
    seen = sight(visit, shown.product.name, shown.number)
    title = f"{shown.title} · {day_text(shown.day, language)}"
    if seen.ramp is None:
        return title, say("page.web_value_picture", language), "picture"
    found = value_at(seen, place)
    if not found.inside:
        return title, say("page.web_value_outside", language), "outside"
    if not found.known:
        return title, say("page.web_value_none", language), "none"
    return title, figure(found.value, language), "told"


def _values(visit: Visit, layers: Sequence[RasterLayer], place: LonLat) -> list[Measured]:
    """Return the pixel's own values over the dates, index by index."""
    own = [one for one in layers if one.product.kind == "index"]
    newest = sorted(own, key=lambda one: one.product.start, reverse=True)[:MOST_ASKED]
    found = []
    for title in dict.fromkeys(one.title for one in newest):
        points = []
        for one in same_title(newest, title):
            told = _value_or_none(visit, one, place)
            if told is not None:
                points.append(Point(day=one.day, label=one.product.name, value=told))
        if points:
            found.append(_measured(History(measure=title, points=tuple(points)), visit.language))
    return found


def _value_or_none(visit: Visit, layer: RasterLayer, place: LonLat) -> float | None:
    try:
        found = value_at(sight(visit, layer.product.name, layer.number), place)
    except AgriError:
        return None
    return found.value if found.known else None


def _measured(history: History, language: Language) -> Measured:
    name = history.measure
    if name in SIZES:
        name = say(f"page.web_measure_{name}", language)
    rows = tuple(
        (_when(one.day, one.label, language), figure(one.value, language)) for one in history.points
    )
    return Measured(name=name, rows=rows, line=line_of(history, language))


def _when(day: date | None, label: str, language: Language) -> str:
    return day_text(day, language) if day is not None else label


def _tree_at(
    visit: Visit, field: Field, products: Sequence[Product], layers: Sequence[RasterLayer],
    place: LonLat,
) -> tuple[str, list[Measured]]:  # fmt: skip
    """Return the number of the tree at a place and its measures, "" where none stands."""
    farm = visit.desk.farm.folder
    for product in of_kind(products, "trees", field.boundary)[:1]:
        found = shape_at(_crowns(visit, product), place)
        path = inside(farm, product.files[0].name).with_suffix(".json")
        book = shelf_of(visit).kept(("register",), path, partial(register_of, farm, product))
        if found is None:
            return "", []
        passport = passport_of(book, found.name)
        kept = kept_history(passport, days_of_flights(products)) if passport else tuple(
            History(measure=name, points=(Point(day=None, label=product.name, value=value),))
            for name, value in found.values.items() if name != "diameter_m"
        )  # fmt: skip
        mapped = _mapped(visit, found, layers)
        own = {one.measure for one, _ in mapped}
        told = [one for one in kept if one.measure not in own] + [one for one, _ in mapped]
        return found.name or "?", [_measured(one, visit.language) for one in told]
    return "", []


def _mapped(
    visit: Visit, shape: NamedShape, layers: Sequence[RasterLayer]
) -> tuple[tuple[History, Figures], ...]:
    own = [one for one in layers if one.product.kind == "index"]
    newest = sorted(own, key=lambda one: one.product.start, reverse=True)[:MOST_ASKED]
    return mapped_history(shape.area, newest, lambda name, layer: sight(visit, name, layer))


def _zone_at(
    visit: Visit, field: Field, products: Sequence[Product], layers: Sequence[RasterLayer],
    place: LonLat,
) -> tuple[tuple[str, str] | None, list[Measured]]:  # fmt: skip
    """Return name and size of the zone at a place, and its measures."""
    farm, language = visit.desk.farm.folder, visit.language
    for product in of_kind(products, "zones", field.boundary)[:1]:
        path = inside(farm, product.files[0].name)
        if path.suffix.lower() != ".geojson":
            continue
        shapes = shelf_of(visit).kept(("zones",), path, partial(shapes_from, path))
        found = shape_at(shapes, place)
        if found is None:
            return None, []
        mapped = _mapped(visit, found, layers)
        size_m2 = found.values.get("area_m2", mapped[0][1].area_m2 if mapped else 0.0)
        size = say("page.web_zone_size", language, area_m2=size_m2,
                   sao=square_metres_to_sao(size_m2))  # fmt: skip
        return (found.name, size), [_measured(one, language) for one, _ in mapped]
    return None, []


ROUTES: Routes = [
    ("GET", "/fields/{uid}/map", map_of_field),
    ("GET", "/fields/{uid}/map/{kind}.geojson", overlay),
    ("GET", "/fields/{uid}/at", at_place),
]
