"""The forecast of a field: gate by gate, tree by tree, with its grounds, its range and its gaps.

Theory of operation. Trees come from the orchard's register, what they gave and what was counted
from the farm's records or from tables, this season's gates and the winter's flowering from the
weather where it is known. `models.yields` forecasts every gate that has come, each from what was
known then, so that one sees how the range closed; the last one is the forecast. It is written as a
list for machines (JSON), a map of trees (GeoJSON, GeoTIFF, PNG) and pictures. Nothing is forecast
without grounds: the refusal says what to record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agri.crop import CropCard
from agri.errors import AgriError, BadInput
from agri.field import Field
from agri.files import read_text_limited, write_json, write_text
from agri.findings import Finding
from agri.geo import transformer
from agri.grid import Grid
from agri.operations.forecast_pictures import draw_check, draw_gates, draw_tree_map
from agri.operations.harvests import Kept
from agri.operations.maps.shelf import Shelf
from agri.operations.maps.trees import REGISTER_BYTES
from agri.operations.report import Facts, fact
from agri.operations.season_inputs import Orchard, Seasons, gate_days, seasons_of
from agri.operations.stages import StageReport, season_year, stages_of
from agri.weather.series import Days, Hours
from agri.words import LANGUAGES, Language, say
from agri.workspace.flightlog import plain
from imagery.raster import write_grid
from imagery.trees.passport import register_from
from models.saved.registry import Registry
from models.validation import Comparison, Layout, Split, compare
from models.yields.forecasting import GateForecast, forecast_at
from models.yields.gates import GATE_BBCH, Flowering, Gate
from models.yields.hindcast import Told, hindcast
from models.yields.kept import KINDS, season_card, season_models, season_state
from models.yields.learning import GateModel, SeasonTable, learn, season_table
from models.yields.measuring import Measure, advised
from models.yields.trees import TreeYield

FloatArray = NDArray[np.float64]
CELL_M = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of a forecast.

    Parameters
    ----------
    card : CropCard
    day : date
        What became known after it is not looked at.
    register : Path
        ``…-trees.json``.
    kept : Kept
        Harvests, counts, flowering.
    season : int
        Year of the harvest; 0 takes the one `day` belongs to.
    weather : Hours, Days or None
    fruit_kg : float or None
        Mass of a fruit; by default the card's.
    flowering : float or None
        Share of the trees seen in flower, 0 to 1, on `day`.
    check : bool
        Whether to try the model on past seasons and draw that.
    """

    card: CropCard
    day: date
    register: Path
    kept: Kept
    season: int = 0
    weather: Hours | Days | None = None
    fruit_kg: float | None = None
    flowering: float | None = None
    check: bool = False
    version: int | None = None
    maps: bool = True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """A field's forecast.

    Parameters
    ----------
    field : Field
    gates : tuple of GateForecast
        Those that have come, the last one being the forecast.
    days : tuple of date
        Of all five gates.
    advice : Measure or None
        What to measure next.
    advice_gate : Gate
        When.
    facts, findings, files
        As other products.
    """

    field: Field
    gates: tuple[GateForecast, ...]
    days: tuple[date, ...]
    advice: Measure | None
    advice_gate: Gate
    facts: Facts
    findings: tuple[Finding, ...]
    files: tuple[Path, ...]

    @property
    def last(self) -> GateForecast:
        """The forecast."""
        return self.gates[-1]


def forecast_field(
    field: Field, asked: Asked, shelf: Shelf, *, progress: Callable[[float], None] | None = None
) -> Forecast:
    """Forecast a field, and write what there is to see of it.

    Parameters
    ----------
    field : Field
    asked : Asked
    shelf : Shelf
        Where files go.
    progress : function of the share done, or None

    Raises
    ------
    Refused
        When there are no grounds.
    BadInput
        When a table, a tree or the card cannot be used.
    """
    orchard, seasons, days = field_seasons(asked)
    reached = seasons.now.reached(asked.day) or (Gate.INDUCTION,)
    kept = None if asked.version is None else _kept_models(field, asked.version, shelf)
    gates = []
    for gate in reached:
        try:
            model = learn(seasons.past, gate) if kept is None else kept[gate - 1]
            gates.append(forecast_at(model, seasons.now))
        except AgriError:
            if gate is reached[-1]:
                raise
    last = gates[-1]
    gate, advice = _next(last)
    facts = _facts(field, last, advice, gate, shelf.language)
    files: list[Path] = []
    if asked.maps:
        files += [*_maps(field, orchard, last, shelf),
                  _pictures(field, "forecast-gates", shelf, lambda language: draw_gates(
                      gates, days, name=field.name, language=language))]  # fmt: skip
    tried = _tried(orchard, seasons, progress) if asked.check else None
    if tried is not None:
        files.append(_pictures(field, "forecast-check", shelf, lambda language: draw_check(
            tried.done, tried.table.kg, tried.told, name=field.name,
            language=language)))  # fmt: skip
    said = [one for one in last.findings
            if not (last.counted and one.key == "finding.novelty_season")]  # fmt: skip
    findings = tuple(dict.fromkeys((*seasons.findings, *said)))
    told = shelf.place(field.name, "forecast", ".json")
    write_json(told, _document(field, gates, days, findings, shelf.language))
    return Forecast(field=field, gates=tuple(gates), days=days, advice=advice, advice_gate=gate,
                    facts=facts, findings=findings, files=(told, *files))  # fmt: skip


def field_seasons(asked: Asked) -> tuple[Orchard, Seasons, tuple[date, ...]]:
    """Return trees, seasons and this season's gate days."""
    if not asked.register.is_file():
        raise BadInput("error.forecast_no_register", name=asked.register.name)
    text = read_text_limited(asked.register, limit_bytes=REGISTER_BYTES)
    orchard = Orchard.of(register_from(text))
    season = asked.season or season_year(asked.card, asked.day)
    days = gate_days(asked.card, season)
    flowering = None
    if asked.weather is not None:
        stages = stages_of(asked.card, asked.weather, day=asked.day, year=season)
        days = _by_weather(stages, days)
        flowering = _by_winter(stages, days[0])
    if days[0] > asked.day:
        days = (asked.day, *days[1:])
    if asked.flowering is not None:
        flowering = Flowering(share=asked.flowering, logit_error=0.4, known_on=asked.day)
    seasons = seasons_of(orchard, asked.card, asked.kept, season=season, day=asked.day, days=days,
                         fruit_kg=asked.fruit_kg, flowering=flowering)  # fmt: skip
    return orchard, seasons, days


def _by_weather(stages: StageReport, days: tuple[date, ...]) -> tuple[date, ...]:
    """Return gate days as the weather tells them, where it does."""
    windows = {row.bbch: row.window for row in stages.rows if row.window is not None}
    found = [windows[GATE_BBCH[gate]].p50 if GATE_BBCH[gate] in windows else day
             for gate, day in zip(Gate, days, strict=True)]  # fmt: skip
    return tuple(found) if found == sorted(found) else days


def _by_winter(stages: StageReport, day: date) -> Flowering | None:
    """Return the share of flowering that the winter lets expect."""
    told = stages.induction
    if told is None:
        return None
    low, middle, high = (np.log(share / (1.0 - share)) for share in
                         np.clip([told.p10, told.p50, told.p90], 0.02, 0.98))  # fmt: skip
    return Flowering(share=told.p50, logit_error=max(float(high - low) / 2.563, 0.4),
                     known_on=day) if np.isfinite(middle) else None  # fmt: skip


def _next(last: GateForecast) -> tuple[Gate, Measure | None]:
    """Return when to measure what next: at this gate, else at one to come."""
    for gate in Gate:
        if gate >= last.gate:
            found = advised(last, gate)
            if found is not None and (found.kind == "panicles" or gate >= Gate.FRUIT_20MM):
                return gate, found
    return last.gate, None


def _facts(
    field: Field, last: GateForecast, advice: Measure | None, gate: Gate, language: Language
) -> Facts:
    facts: Facts = []
    total, error = last.total, last.error
    fact(facts, language, "page.fact_forecast", season=last.season, kg=total.p50)
    fact(facts, language, "page.fact_forecast_range", low=total.p10, high=total.p90)
    fact(facts, language, "page.fact_forecast_tree", kg=last.kg / len(last.trees.kg),
         trees=len(last.trees.kg), t_ha=last.kg / 1000.0 / (field.area_m2 / 10_000.0))  # fmt: skip
    fact(facts, language, "page.fact_forecast_gate", gate=say(f"page.gate_{last.gate}", language))
    fact(facts, language, "page.fact_forecast_error", flowering=error.flowering_kg,
         pattern=error.pattern_kg, level=error.level_kg)  # fmt: skip
    fact(facts, language, "page.fact_forecast_grounds", seasons=last.seasons, counted=last.counted)
    if advice is not None:
        fact(facts, language, f"page.fact_next_{advice.kind}", trees=advice.trees,
             gate=say(f"page.gate_{gate}", language), now=error.whole_kg,
             then=advice.error_kg)  # fmt: skip
    return facts


def _maps(field: Field, orchard: Orchard, last: GateForecast, shelf: Shelf) -> list[Path]:
    """Write the map of trees as GeoJSON, GeoTIFF and picture."""
    points = shelf.place(field.name, "forecast", ".geojson")
    write_text(points, json.dumps(_features(orchard, last), ensure_ascii=False, sort_keys=True))
    raster = shelf.place(field.name, "forecast", ".tif")
    write_grid(raster, _grid(orchard, last))
    picture = _pictures(field, "forecast", shelf, lambda language: draw_tree_map(
        orchard.xy_m, last, name=field.name, language=language))  # fmt: skip
    return [points, raster, picture]


def _pictures(field: Field, kind: str, shelf: Shelf, draw: Callable[[Language], bytes]) -> Path:
    """Keep a picture in every language, and return the one in the language asked for.

    Farmer and adviser read one forecast in two languages; the one asked for has the plain name.
    """
    for language in LANGUAGES:
        if language != shelf.language:
            shelf.keep_picture(field.name, f"{kind}-{language}", draw(language))
    return shelf.keep_picture(field.name, kind, draw(shelf.language))


def _features(orchard: Orchard, last: GateForecast) -> dict[str, Any]:
    lon, lat = transformer(orchard.epsg, 4326).transform(*orchard.xy_m.T)
    low, high = last.tree_quantile(0.1), last.tree_quantile(0.9)
    known = np.ones(len(low), dtype=bool) if last.novelty is None else (
        last.novelty.dissimilarity <= last.novelty.limit)  # fmt: skip
    return {"type": "FeatureCollection", "features": [
        {"type": "Feature",
         "geometry": {"type": "Point", "coordinates": [round(float(x), 7), round(float(y), 7)]},
         "properties": {"tree": name, "kg": round(float(kg), 2), "kg_p10": round(float(a), 2),
                        "kg_p90": round(float(b), 2), "flowering": round(float(p), 3),
                        "like_known": bool(k)}}
        for x, y, name, kg, a, b, p, k in zip(
            lon, lat, orchard.names.tolist(), last.trees.kg, low, high, last.parts.flowering,
            known, strict=True)
    ]}  # fmt: skip


def _grid(orchard: Orchard, last: GateForecast) -> Grid:
    """Return kg a tree on a raster, each cell saying the tree it lies under."""
    reach = _reach(orchard.xy_m)
    low, high = orchard.xy_m.min(axis=0) - reach, orchard.xy_m.max(axis=0) + reach
    shape = tuple(int(np.ceil(size / CELL_M)) for size in (high - low)[::-1])
    x = low[0] + (np.arange(shape[1]) + 0.5) * CELL_M
    y = high[1] - (np.arange(shape[0]) + 0.5) * CELL_M
    places = np.column_stack([one.ravel() for one in np.meshgrid(x, y)])
    far, tree = cKDTree(orchard.xy_m).query(places)
    kg = np.where(far <= reach, last.trees.kg[tree], np.nan).reshape(shape)
    return Grid(values=kg, affine=(CELL_M, 0.0, float(low[0]), 0.0, -CELL_M, float(high[1])),
                epsg=orchard.epsg, unit="kg/tree", name="kg")  # fmt: skip


def _reach(xy_m: FloatArray) -> float:
    if len(xy_m) < 2:
        return 2.0
    return float(np.clip(0.45 * np.median(cKDTree(xy_m).query(xy_m, k=2)[0][:, 1]), 1.0, 6.0))


def _document(
    field: Field,
    gates: Sequence[GateForecast],
    days: Sequence[date],
    findings: Sequence[Finding],
    language: Language,
) -> dict[str, Any]:
    last = gates[-1]
    return {
        "field": field.name, "season": last.season, "trees": len(last.trees.kg),
        "gates": [_gate(one, days[one.gate - 1]) for one in gates],
        "language": language,
        "findings": [{"key": one.key, "text": one.text(language), "message": plain(one.message)}
                     for one in findings],
    }  # fmt: skip


def _gate(one: GateForecast, day: date) -> dict[str, Any]:
    total, error = one.total, one.error
    return {
        "gate": int(one.gate), "about": day.isoformat(), "kg_p10": round(total.p10, 1),
        "kg_p50": round(total.p50, 1), "kg_p90": round(total.p90, 1), "counted": one.counted,
        "seasons": one.seasons, "used": list(one.used),
        "error_kg": {"flowering": round(error.flowering_kg, 1),
                     "pattern": round(error.pattern_kg, 1), "level": round(error.level_kg, 1)},
        "parts": {"flowering": round(float(one.parts.flowering.mean()), 4),
                  "level_kg": round(one.parts.level_kg, 2),
                  "level_error": round(one.parts.level_error, 4)},
    }  # fmt: skip


def keep_models(field: Field, asked: Asked, shelf: Shelf, *, now: datetime) -> int:
    """Keep what past seasons teach of a field, with its card, in the farm; return its number.

    Parameters
    ----------
    field : Field
    asked : Asked
    shelf : Shelf
        Of a farm.
    now : datetime
        With a time zone.

    Raises
    ------
    BadInput
        When there is no farm, or fewer than two seasons of weighed trees to try the models on.
    """
    if shelf.farm is None:
        raise BadInput("error.field_without_farm", name=field.name)
    orchard, seasons, _ = field_seasons(asked)
    tried = _tried(orchard, seasons, None)
    if tried is None:
        raise BadInput("error.forecast_keep_few")
    card = season_card(tried.table, tried.done, tried.told, name=_model_name(field), made=now)
    state = season_state(season_models(seasons.past))
    return Registry(shelf.farm.folder).keep(state, card, now=now)


def _kept_models(field: Field, version: int, shelf: Shelf) -> tuple[GateModel, ...]:
    if shelf.farm is None:
        raise BadInput("error.field_without_farm", name=field.name)
    return Registry(shelf.farm.folder).load(_model_name(field), KINDS, version or None)[0]


def _model_name(field: Field) -> str:
    return f"forecast {field.name}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tried:
    """The model tried on past seasons."""

    table: SeasonTable
    done: Comparison
    told: tuple[Told, ...]


def _tried(
    orchard: Orchard, seasons: Seasons, progress: Callable[[float], None] | None
) -> _Tried | None:
    """Return how the model did on past seasons; None where fewer than two were weighed."""
    weighed = [one for one in seasons.past if np.count_nonzero(np.isfinite(one.yield_kg)) >= 2]
    if len(weighed) < 2:
        return None
    table = season_table(weighed, Gate.HARVEST)
    layout = Layout(xy_m=orchard.xy_m[table.tree], season=table.season, unit=table.tree)
    done = compare({"trees": TreeYield}, table.matrix, table.kg, layout, deployment=Split.FORWARD,
                   splits=(Split.RANDOM, Split.BLOCKED, Split.SEASON))  # fmt: skip
    told = hindcast(weighed, (Gate.INDUCTION, Gate.HARVEST), progress=progress)
    return _Tried(table=table, done=done, told=told)
