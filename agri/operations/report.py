"""The words and numbers beside the map: what a plan's and a flight's picture and page say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from agri.field import Field
from agri.files import write_bytes, write_text
from agri.findings import Finding
from agri.operations.compare import off_plan_p95_m, planned_photos
from agri.operations.found import marked
from agri.operations.layers import Layer, flight_layers, plan_layers
from agri.operations.page import Table, render_page, state_of
from agri.operations.picture import draw_picture
from agri.operations.pictures_left import pictures_fall_short, pictures_left
from agri.track import FlightRecord
from agri.units import INDOCHINA_TIME, square_metres_to_hectares, square_metres_to_sao
from agri.weather import Wind
from agri.words import Language, day_text, say
from agri.workspace import Workspace
from missions.flightplan import FlightPlan
from missions.items import Command, MissionItem
from missions.sprayer.dose import rate_per_pass
from missions.sprayer.job import SprayJob

Facts = list[tuple[str, str]]
TOLD_OVERLAP = 0.005
"""Share of a sortie's litres from which on what overlaps is told."""
SAME_RATE = 0.01
"""Rates closer than this are one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The two files that show a plan or a flight.

    Parameters
    ----------
    png : bytes
        The picture.
    html : str
        The page.
    """

    png: bytes
    html: str

    def _repr_html_(self) -> str:
        """Show the page in a notebook: a frame of its own, so no style leaks in or out."""
        inside = escape(self.html, quote=True)
        return f'<iframe srcdoc="{inside}" style="width:100%;height:640px;border:0"></iframe>'


def keep_report(farm: Workspace, stem: str, report: Report) -> tuple[Path, Path]:
    """Write picture and page into the farm's reports and return their paths.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    stem : str
        File name without its ending.
    report : Report
        What to write.
    """
    picture, page = farm.reports / f"{stem}.png", farm.reports / f"{stem}.html"
    write_bytes(picture, report.png)
    write_text(page, report.html)
    return picture, page


def fact(facts: Facts, language: Language, key: str, /, **values: object) -> None:
    """Add a fact: the label of `key`, and the value that ``key_value`` says of `values`."""
    facts.append((say(key, language), say(f"{key}_value", language, **values)))


def _time(facts: Facts, language: Language, time_s: float) -> None:
    minutes, seconds = divmod(round(time_s), 60)
    fact(facts, language, "page.fact_time", minutes=minutes, seconds=seconds)


def plan_facts(plan: FlightPlan, language: Language) -> Facts:
    """Return label and value of what there is to know about a plan at a glance."""
    facts: Facts = []
    if plan.site:
        area_m2 = plan.site.field.area_m2
        fact(facts, language, "page.fact_area", ha=square_metres_to_hectares(area_m2),
              sao=square_metres_to_sao(area_m2))  # fmt: skip
    if plan.aircraft:
        facts.append((say("page.fact_aircraft", language), plan.aircraft.name))
    if plan.survey:
        settings, geometry = plan.survey.settings, plan.survey.geometry
        estimate = plan.survey.estimate
        facts.append((say("page.fact_camera", language), settings.camera.name))
        fact(facts, language, "page.fact_height", height_m=settings.height_m)
        fact(facts, language, "page.fact_gsd", gsd_cm=geometry.gsd_cm)
        fact(facts, language, "page.fact_lines", spacing_m=plan.survey.fitted_spacing_m,
              side=settings.side_overlap * 100)  # fmt: skip
        fact(facts, language, "page.fact_trigger", trigger_m=geometry.trigger_m,
              interval_s=geometry.interval_s)  # fmt: skip
        fact(facts, language, "page.fact_blur", blur_px=geometry.blur_px)
        facts.append((say("page.fact_photos", language), str(estimate.photos)))
        fact(facts, language, "page.fact_speed", speed_m_s=settings.speed_m_s)
        fact(facts, language, "page.fact_length", length_m=estimate.length_m)
        _time(facts, language, estimate.time_s)
        fact(facts, language, "page.fact_energy", energy_wh=estimate.energy_wh)
        facts.append((say("page.fact_batteries", language), str(estimate.batteries)))
    if plan.spray:
        facts += _spray_facts(plan.spray, language)
        if plan.site and plan.spray.kind == "field":
            left_m2 = _spared_m2(plan.site.field, plan.spray)
            fact(facts, language, "page.fact_spared", ha=square_metres_to_hectares(left_m2),
                 sao=square_metres_to_sao(left_m2))  # fmt: skip
    home = f"{plan.home.lat_deg:.6f}, {plan.home.lon_deg:.6f}"
    facts.append((say("page.fact_home", language), home))
    facts.append((say("page.fact_digest", language), plan.digest[:12]))
    return facts


def _spared_m2(field: Field, job: SprayJob) -> float:
    """Return how much of a field buffers and clearances keep dry."""
    sprayed = field.frame.geometry_to_local(job.treatable).area
    return max(0.0, field.area_m2 - float(sprayed))


def _spray_facts(job: SprayJob, language: Language) -> Facts:
    facts: Facts = []
    settings, estimate = job.settings, job.estimate
    if job.sorties > 1:
        fact(facts, language, "page.fact_sortie", number=job.sortie, of=job.sorties)
    facts.append((say("page.fact_sprayer", language), settings.sprayer.name))
    product = settings.product
    fact(facts, language, "page.fact_product", name=product.name, dose=product.dose_per_ha,
          unit=product.unit.value)  # fmt: skip
    fact(facts, language, "page.fact_phi", days=product.phi_days)
    fact(facts, language, "page.fact_rate", rate_l_ha=settings.rate_l_ha)
    fact(facts, language, "page.fact_litres", litres=estimate.litres)
    twice_l = overlap_l(job)
    if twice_l > TOLD_OVERLAP * estimate.litres:
        fact(facts, language, "page.fact_overlap", litres=twice_l,
             percent=100.0 * twice_l / (estimate.litres - twice_l))  # fmt: skip
    fact(facts, language, "page.fact_treated", ha=square_metres_to_hectares(estimate.area_m2),
          sao=square_metres_to_sao(estimate.area_m2))  # fmt: skip
    fact(facts, language, "page.fact_swath", swath_m=settings.swath_m)
    fact(facts, language, "page.fact_spray_height", height_m=settings.height_m,
          ground_m=settings.flying_height_m)  # fmt: skip
    fact(facts, language, "page.fact_speed", speed_m_s=settings.speed_m_s)
    facts.append((say("page.fact_wind", language), wind_words(settings.wind, language)))
    fact(facts, language, "page.fact_length", length_m=estimate.length_m)
    _time(facts, language, estimate.time_s)
    fact(facts, language, "page.fact_energy", energy_wh=estimate.energy_wh)
    facts.append((say("page.fact_batteries", language), "1"))
    return facts


def overlap_l(job: SprayJob) -> float:
    """Return what a sortie sprays beyond the rate on its ground, 0 where the rate is not one.

    Where swaths meet a border or an edge pass they overlap, and each begins a little early: real
    liquid, which `missions.passes.energy` counts and the flight on paper
    (`missions.applied.deposit`) sprays as well.
    """
    rate = rate_per_pass(job.settings)
    even = all(math.isclose(work.rate_l_ha, rate, rel_tol=SAME_RATE) for work in job.passes)
    if job.kind not in ("field", "part") or not even:
        return 0.0
    needed_l = job.settings.rate_l_ha * square_metres_to_hectares(job.estimate.area_m2)
    return max(0.0, job.estimate.litres - needed_l)


def wind_words(wind: Wind, language: Language) -> str:
    """Return a wind in words: its speed, and the quarter it comes from where that is known.

    Examples
    --------
    >>> wind_words(Wind(speed_m_s=2.0, from_deg=40.0), "en")
    '2.0 m/s from the north-east'
    """
    if wind.from_deg is None:
        return say("page.wind_unknown_side", language, speed_m_s=wind.speed_m_s)
    quarter = round(wind.from_deg / 45.0) % 8
    side = say(f"page.quarter_{quarter}", language)
    return say("page.wind_from", language, speed_m_s=wind.speed_m_s, side=side)


def flight_facts(plan: FlightPlan, record: FlightRecord, language: Language) -> Facts:
    """Return label and value of what there is to know about a flight at a glance."""
    when = day_text(record.started_utc.astimezone(INDOCHINA_TIME), language)
    facts: Facts = [
        (say("page.fact_when", language), when),
        (say("page.fact_vehicle", language), record.vehicle),
    ]
    _time(facts, language, record.duration_s)
    if plan.survey or record.photos:
        taken = say(
            "page.fact_photos_of", language, taken=len(record.photos), planned=planned_photos(plan)
        )
        facts.append((say("page.fact_photos", language), taken))
    off_m = off_plan_p95_m(plan, record)
    if math.isfinite(off_m):
        fact(facts, language, "page.fact_cross_track", off_m=off_m)
    left = record.track.battery_pct[np.isfinite(record.track.battery_pct)]
    if len(left):
        fact(facts, language, "page.fact_battery_left", pct=float(left[-1]))
    facts.append((say("page.fact_digest", language), record.plan_digest[:12]))
    return facts


def _item_row(seq: int, item: MissionItem) -> tuple[str, ...]:
    try:
        name = Command(item.command).name
    except ValueError:
        name = str(item.command)
    params = ", ".join(f"{p:g}" for p in item.params if p and math.isfinite(p))
    if not item.is_located or not (item.x or item.y):
        height = f"{item.z:g}" if item.z else ""
        return str(seq), name, "", "", height, params
    place = item.place
    return str(seq), name, f"{place.lat_deg:.7f}", f"{place.lon_deg:.7f}", f"{item.z:g}", params


def _items_table(plan: FlightPlan, language: Language) -> Table:
    heads = ("seq", "command", "lat", "lon", "height", "value")
    return Table(
        title=say("page.table_items", language, count=len(plan.items)),
        heads=tuple(say(f"page.head_{head}", language) for head in heads),
        rows=tuple(_item_row(seq, item) for seq, item in enumerate(plan.items, start=1)),
    )


def drawn(
    layers: Sequence[Layer],
    *,
    kind: str,
    title: str,
    state: str,
    state_text: str,
    facts: Facts,
    findings: Sequence[Finding],
    tables: Sequence[Table],
    language: Language,
) -> Report:
    """Return picture and page of the same layers, title and facts (see `render_page`)."""
    html = render_page(
        layers,
        kind=kind,
        title=title,
        state=state,
        state_text=state_text,
        facts=facts,
        findings=findings,
        tables=tables,
        language=language,
    )
    png = draw_picture(layers, title=f"{kind}: {title}", facts=facts, language=language)
    return Report(png=png, html=html)


def report_plan(plan: FlightPlan, findings: Sequence[Finding], language: Language) -> Report:
    """Draw a plan: its picture and its page.

    Parameters
    ----------
    plan : FlightPlan
        The plan.
    findings : sequence of Finding
        What its checks found; they set the page's traffic light.
    language : {"vi", "en"}
        Language of both files.

    Returns
    -------
    Report
        PNG and HTML.
    """
    layers, facts, state = plan_layers(plan), plan_facts(plan, language), state_of(findings)
    made = "survey" if plan.survey else "spray" if plan.spray else "mission"
    kind = say(f"page.kind_{made}", language)
    return drawn(
        layers,
        kind=kind,
        title=plan.name,
        state=state,
        state_text=say(f"page.state_{state}", language),
        facts=facts,
        findings=findings,
        tables=[_items_table(plan, language)],
        language=language,
    )


def report_flight(
    plan: FlightPlan,
    record: FlightRecord,
    findings: Sequence[Finding],
    language: Language,
    *,
    simulated: bool = False,
) -> Report:
    """Draw a flight: its picture and its page.

    Parameters
    ----------
    plan : FlightPlan
        What was to be flown.
    record : FlightRecord
        What was flown.
    findings : sequence of Finding
        What the pre-flight and the watch found.
    language : {"vi", "en"}
        Language of both files.
    simulated : bool
        Whether it was flown in the simulator: the page says so.

    Returns
    -------
    Report
        PNG and HTML.
    """
    layers, facts = flight_layers(plan, record), flight_facts(plan, record, language)
    state = {"landed": "ok", "aborted": "look"}.get(record.outcome, "stop")
    words = f"page.flight_{record.outcome}"
    if pictures_fall_short(pictures_left(plan, record, ""), record.outcome):
        state, words = "look", "page.flight_landed_short"
    events = Table(
        title=say("page.table_events", language),
        heads=(say("page.head_time", language), say("page.head_event", language)),
        rows=tuple((f"{e.time_s:.0f}", e.message.text(language)) for e in record.events),
        open=True,
    )
    kind = marked(say("page.kind_flight", language), simulated, language)
    return drawn(
        layers,
        kind=kind,
        title=plan.name,
        state=state,
        state_text=say(words, language),
        facts=facts,
        findings=findings,
        tables=[events, _items_table(plan, language)],
        language=language,
    )
