"""The report of a field for the extension agent: all that is known of it, gathered once.

Theory of operation. Nothing is measured for the report that other pages do not tell: maps are the
quick looks of the catalogue's newest rasters, figures their exact statistics within the field's
border and its plots of one sào, then what flights applied, the kept forecast, and the week's work.
The agent's remark is a note in the field's book with `SOURCE`, so that the next report has it too.

What cannot be had (a damaged raster, a crop without a card) is a sentence in its place; the rest is
reported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from agri.errors import AgriError
from agri.field import Field, Pad
from agri.field_records import Note
from agri.files import inside
from agri.geo import LonLat
from agri.operations.advice import AdviceReport
from agri.operations.field_week import week_of
from agri.operations.fieldmap.stress import Spot, spots_of
from agri.operations.forecast_kept import KeptForecast, kept_forecast
from agri.operations.found import was_simulated
from agri.operations.layers import BLACK, Layer, nearby, site_layers
from agri.operations.maps.quicklook import Look, draw_photo_map, draw_quicklook
from agri.operations.maps.sights import as_picture, layer_names, seen
from agri.operations.picture import draw_picture
from agri.operations.records import enter
from agri.operations.report_pieces import Anew, Pieces, fingerprint
from agri.units import INDOCHINA_TIME
from agri.words import Language, Message, say
from agri.workspace import AppliedRecord, Workspace
from agri.zone import Zone
from imagery.catalogue import products
from imagery.indices.catalogue import shown_of
from imagery.raster import open_ortho
from imagery.stac import Product
from imagery.zonal import OrthoLayers, ZoneStatistics, sao_plots, zonal_statistics
from missions.flightplan import Site

SOURCE = "report"
"""Of a note that is an agent's remark on a report."""
ANEW = Anew()
MOST_INDICES, MOST_ROWS, MOST_PLOTS, MOST_FLIGHTS = 2, 8, 8, 12
"""Index maps drawn; rows of figures; plots to visit; flights told."""
MAP_IN = (5.0, 4.1)
"""Maps on paper: two side by side on A4."""
WEAK_SD = 1.0
"""A plot is one to visit when its mean lies this many standard deviations below the plots' mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportMap:
    """A picture with legend, scale and north."""

    title: str
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class WeakPlot:
    """A plot of one sào that lies below the others.

    Parameters
    ----------
    name : str
        As in the field's plots, counted from its corner.
    middle : LonLat
        A point in it, to walk to.
    mean, below_sd : float
        The index there, and how many standard deviations below the plots' mean.
    area_m2 : float
        Of it.
    """

    name: str
    middle: LonLat
    mean: float
    below_sd: float
    area_m2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """What is known of a field on a day.

    Parameters
    ----------
    farm_name : str
    field : Field
    made : datetime
        With a time zone.
    maps : tuple of ReportMap
        The field on the map first.
    figures : tuple of (Product, ZoneStatistics)
        Of index maps within the border, the newest first.
    plots : tuple of WeakPlot
        Of the newest index map, the weakest first.
    spots : tuple of Spot
        What changed and needs a look, the most worth a walk first.
    plots_of : str
        Which index that was, "" for none.
    applied : tuple of (AppliedRecord, bool)
        The newest first, and whether it was flown in the simulator: nothing fell on the field.
    forecast : KeptForecast or None
    week : AdviceReport or None
    remark : Note or None
        The agent's latest.
    missing : tuple of Message
        What could not be had.
    """

    farm_name: str
    field: Field
    made: datetime
    maps: tuple[ReportMap, ...]
    figures: tuple[tuple[Product, ZoneStatistics], ...]
    plots: tuple[WeakPlot, ...]
    plots_of: str
    spots: tuple[Spot, ...]
    applied: tuple[tuple[AppliedRecord, bool], ...]
    forecast: KeptForecast | None
    week: AdviceReport | None
    remark: Note | None
    missing: tuple[Message, ...]


def field_report(
    farm: Workspace, field: Field, *, now: datetime, language: Language, pieces: Pieces = ANEW
) -> FieldReport:
    """Gather the report of a field.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : Field
        Of it.
    now : datetime
        With a time zone.
    language : {"vi", "en"}
        Of the words in pictures.
    pieces : Pieces
        Who keeps what takes long (`agri.operations.report_pieces`).
    """
    missing: list[Message] = []
    maps = [_field_map(farm, field, language, pieces)]
    listed = _listed(farm, field, missing)
    maps += _photo_maps(farm, field, listed, language, missing, pieces=pieces)
    indices = [one for one in listed if one.kind == "index"]
    maps += _index_maps(farm, field, indices, language, missing, pieces=pieces)
    plots, plots_of = _weak_plots(farm, field, indices, missing, pieces)
    try:
        forecast = kept_forecast(farm, field)
    except AgriError as error:
        forecast = None
        missing.append(error.message)
    try:
        week = week_of(farm, field, now=now)
    except AgriError as error:
        week = None
        missing.append(error.message)
    return FieldReport(
        farm_name=farm.farm_name, field=field, made=now, maps=tuple(maps),
        figures=_figures(farm, field, indices, missing, pieces), plots=plots, plots_of=plots_of,
        spots=spots_of(farm.folder, listed, field.boundary)[:MOST_PLOTS],
        applied=_applied(farm, field), forecast=forecast, week=week,
        remark=last_remark(farm, field), missing=tuple(dict.fromkeys(missing)),
    )  # fmt: skip


def last_remark(farm: Workspace, field: Field) -> Note | None:
    """Return the agent's latest remark on a field, None when there is none."""
    notes = [one for one in farm.records.read(Note, field=field.uid) if one.source == SOURCE]
    return notes[-1] if notes else None


def keep_remark(farm: Workspace, field: Field, text: str, *, by: str, now: datetime) -> Note:
    """Keep an agent's remark in the field's book.

    Raises
    ------
    BadInput
        When it says nothing, or too much.
    """
    day = now.astimezone(INDOCHINA_TIME).date()
    note = Note(day=day, field=field.name, text=text, by=by, source=SOURCE)
    return farm.records.add(enter(farm, note))


# ------------------------------------------------------------------ maps


def _field_map(farm: Workspace, field: Field, language: Language, pieces: Pieces) -> ReportMap:
    whole = farm.farm_with_findings()[0]
    pads = whole.pads or (Pad(name="", place=field.frame.origin),)
    site = Site(
        field=field, pad=pads[0], obstacles=whole.obstacles,
        sensitive_sites=whole.sensitive_sites, no_fly_zones=whole.no_fly_zones,
    )  # fmt: skip
    layers = site_layers(site)
    others = [
        Layer(key="page.layer.other_field", geometry=one.boundary, colour=BLACK, label=one.name,
              width=1.2, dash=(4, 4))
        for one in whole.fields if one.uid != field.uid
    ]  # fmt: skip
    shown = nearby([*others, *layers], field.boundary)
    title = say("page.report_where", language)
    png = pieces.picture(
        ("field map", language, fingerprint(shown)), None,
        lambda: draw_picture(shown, title="", facts=(), language=language, size_in=MAP_IN),
    )  # fmt: skip
    return ReportMap(title=title, png=png)


def _listed(farm: Workspace, field: Field, missing: list[Message]) -> list[Product]:
    """Return the catalogue's products that show the field, the newest first."""
    try:
        there = products(farm.folder)
    except AgriError as error:
        missing.append(error.message)
        return []
    own = [one for one in there if one.footprint.intersects(field.boundary)]
    return sorted(own, key=lambda one: one.start, reverse=True)


def _file(farm: Workspace, product: Product) -> Path:
    return inside(farm.folder, product.files[0].name)


def _day(product: Product, language: Language) -> str:
    return say("page.web_day", language, day=product.start.astimezone(INDOCHINA_TIME).date())


def _border(field: Field) -> tuple[Layer, ...]:
    return (Layer(key="page.layer.field", geometry=field.boundary, colour=BLACK, width=2.0),)


def _photo_maps(
    farm: Workspace, field: Field, listed: Sequence[Product], language: Language,
    missing: list[Message], *, pieces: Pieces,
) -> list[ReportMap]:  # fmt: skip
    """Return the newest picture made of photos."""
    for product in listed:
        if product.kind != "orthomosaic":
            continue
        file = _file(farm, product)
        key = ("photo map", product.name, language, fingerprint(_border(field)))
        try:
            png = pieces.picture(key, file, partial(_photo_map, file, field, language))
        except AgriError as error:
            missing.append(error.message)
            continue
        title = say("page.report_photo_map", language, day=_day(product, language))
        return [ReportMap(title=title, png=png)]
    return []


def _photo_map(file: Path, field: Field, language: Language) -> bytes:
    picture, grid = as_picture(open_ortho(file))
    look = Look(title="", legend="", size_in=MAP_IN)
    return draw_photo_map(picture, grid, look, layers=_border(field), language=language)


def _index_maps(
    farm: Workspace, field: Field, indices: Sequence[Product], language: Language,
    missing: list[Message], *, pieces: Pieces,
) -> list[ReportMap]:  # fmt: skip
    """Return the newest map of each index, at most `MOST_INDICES`."""
    found: dict[str, ReportMap] = {}
    for product in indices:
        if len(found) == MOST_INDICES:
            break
        file = _file(farm, product)
        try:
            names = pieces.kept(("layers", product.name), file,
                                partial(_names, file))  # fmt: skip
            for number, name in names.items():
                if name in found or len(found) == MOST_INDICES:
                    continue
                key = ("index map", product.name, number, name, language,
                       fingerprint(_border(field)))  # fmt: skip
                draw = partial(_index_map, file, number, name, field, language)
                png = pieces.picture(key, file, draw)
                title = say("page.report_index_map", language, name=name,
                            day=_day(product, language))  # fmt: skip
                found[name] = ReportMap(title=title, png=png)
        except AgriError as error:
            missing.append(error.message)
    return list(found.values())


def _names(file: Path) -> Mapping[int, str]:
    return layer_names(open_ortho(file))


def _index_map(file: Path, number: int, name: str, field: Field, language: Language) -> bytes:
    look = Look(title="", legend=name, ends=shown_of(name), size_in=MAP_IN)
    sight = seen(open_ortho(file), number)
    return draw_quicklook(sight, look, layers=_border(field), language=language)


# ------------------------------------------------------------------ figures


def _figures(
    farm: Workspace, field: Field, indices: Sequence[Product], missing: list[Message],
    pieces: Pieces,
) -> tuple[tuple[Product, ZoneStatistics], ...]:  # fmt: skip
    zone = Zone(name=field.name, area=field.boundary, kind="field")
    found: list[tuple[Product, ZoneStatistics]] = []
    for product in indices[:MOST_ROWS]:
        file = _file(farm, product)
        key = ("figures", product.name, field.name, field.boundary.wkb)
        try:
            rows = pieces.kept(key, file, partial(_statistics, file, zone))
        except AgriError as error:
            missing.append(error.message)
            continue
        found += [(product, row) for row in rows if math.isfinite(row.mean)]
    return tuple(found[:MOST_ROWS])


def _statistics(file: Path, zone: Zone) -> tuple[ZoneStatistics, ...]:
    table, _ = zonal_statistics(OrthoLayers.of(open_ortho(file)), [zone])
    return tuple(table.rows)


def _weak_plots(
    farm: Workspace, field: Field, indices: Sequence[Product], missing: list[Message],
    pieces: Pieces,
) -> tuple[tuple[WeakPlot, ...], str]:  # fmt: skip
    """Return the plots of the newest index map that lie far below the others."""
    for product in indices[:1]:
        file = _file(farm, product)
        key = ("weak plots", product.name, field.boundary.wkb)
        try:
            return pieces.kept(key, file, partial(_weak_plots_of, file, field))
        except AgriError as error:
            missing.append(error.message)
    return (), ""


def _weak_plots_of(file: Path, field: Field) -> tuple[tuple[WeakPlot, ...], str]:
    layers = OrthoLayers.of(open_ortho(file))
    table, _ = zonal_statistics(layers, sao_plots(field.boundary), quantiles=())
    name = layers.labels[0]
    rows = [row for row in table.of(name) if math.isfinite(row.mean) and row.coverage >= 0.5]
    return tuple(weak_plots(rows)[:MOST_PLOTS]), name


def weak_plots(rows: Sequence[ZoneStatistics]) -> list[WeakPlot]:
    """Return which of some plots lie far below the others, the weakest first.

    Parameters
    ----------
    rows : sequence of ZoneStatistics
        One of each plot, all with a mean.
    """
    if len(rows) < 3:
        return []
    middle = sum(row.mean for row in rows) / len(rows)
    spread = math.sqrt(sum((row.mean - middle) ** 2 for row in rows) / (len(rows) - 1))
    weak = []
    for row in rows:
        below = (middle - row.mean) / spread if spread > 0.0 else 0.0
        if below >= WEAK_SD:
            point = row.zone.area.representative_point()
            weak.append(WeakPlot(name=row.zone.name, mean=row.mean, below_sd=below,
                                 area_m2=row.area_m2,
                                 middle=LonLat(lon_deg=point.x, lat_deg=point.y)))  # fmt: skip
    return sorted(weak, key=lambda plot: -plot.below_sd)


def _applied(farm: Workspace, field: Field) -> tuple[tuple[AppliedRecord, bool], ...]:
    """Return what flights of the field's plans applied, and whether in the simulator."""
    plans = {one.uid for one in farm.plans(every=True) if one.field_uid == field.uid}
    flights = {one.uid: one for one in farm.flights()}
    found = [
        (one, was_simulated(farm, flights[one.flight_uid]))
        for one in farm.applied()
        if one.flight_uid in flights
        and (flights[one.flight_uid].mission_uid in plans or _over(one, field))
    ]
    return tuple(found[:MOST_FLIGHTS])


def _over(applied: AppliedRecord, field: Field) -> bool:
    if applied.area.is_empty:
        return False
    return bool(applied.area.intersection(field.boundary).area > 0.5 * applied.area.area)
