"""Pages that only show: fields, plans, flights.

What they say is what the terminal and the printed pages say: the same checks, facts and layers
(`agri.operations`). A plan's document is read and checked anew each time it is shown, so that no
page tells what was true yesterday.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fastapi import Request, Response

from agri.crop_cards import crop_told
from agri.errors import AgriError
from agri.field import Field
from agri.findings import Finding
from agri.names import same
from agri.operations.field_doubts import field_doubts
from agri.operations.found import broken_off, how_it_ended, marked, was_simulated
from agri.operations.layers import flight_layers, plan_layers
from agri.operations.mission_files import Checked, check_loaded
from agri.operations.page import state_of
from agri.operations.pictures_left import pictures_fall_short, pictures_of
from agri.operations.report import flight_facts, plan_facts
from agri.operations.rests import after_flight
from agri.people import Review
from agri.units import square_metres_to_hectares, square_metres_to_sao
from agri.web.drawing import drawn, fields_drawn
from agri.web.pages import STATE_SYMBOL, area, findings_shown, litres_text, page, when
from agri.web.pricing import cost_shown
from agri.web.products import product_rows
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import Language, say
from agri.workspace import AppliedRecord, PlanRecord, StoredFlight, Workspace
from missions.flightplan import FlightPlan
from missions.formats.document import read_document

MOST_SHOWN = 200
MOST_READ = 12
"""Plans of a field whose documents are read for the field's page; the others are named."""


def _missing() -> Turned:
    return Turned(404, "page.web_not_found")


def field_of(farm: Workspace, uid: str) -> Field:
    """Return the field with this key."""
    for field in farm.farm_with_findings()[0].fields:
        if field.uid == uid:
            return field
    raise _missing()


def record_of(farm: Workspace, uid: str) -> PlanRecord:
    """Return the row of the plan with this key."""
    for record in farm.plans(every=True):
        if record.uid == uid:
            return record
    raise _missing()


def checked_plan(farm: Workspace, uid: str) -> Checked:
    """Return the plan with this key, read and checked."""
    record = record_of(farm, uid)
    return check_loaded(read_document(farm.plan(record.uid)[1]), record, farm)


def flight_of(farm: Workspace, uid: str) -> StoredFlight:
    """Return the flight with this key."""
    for flight in farm.flights():
        if flight.uid == uid:
            return flight
    raise _missing()


# ------------------------------------------------------------------ fields


def fields_page(request: Request) -> Response:
    """Show the farm's fields, as a list and a map."""
    visit = visit_of(request)
    farm, findings = visit.desk.farm.farm_with_findings()
    plans = visit.desk.farm.plans()
    rows = []
    for field in farm.fields:
        count = sum(plan.field_uid == field.uid for plan in plans)
        told = say("page.web_plans_count", visit.language, count=count)
        crop = crop_told(field.crop, visit.language)
        rows.append((field.uid, field.name, crop, area(field.area_m2, visit.language), told))
    worries = findings_shown(findings, visit.language)[0]
    return page(request, visit, "fields", fields=rows, warnings=worries)


def fields_map(request: Request) -> Response:
    """Return the outlines of all fields."""
    visit = visit_of(request)
    farm, _ = visit.desk.farm.farm_with_findings()
    return fields_drawn(farm.fields, visit.language, linked=True)


def field_page(request: Request, uid: str) -> Response:
    """Show a field: its plans, its flights, what was applied to it."""
    visit = visit_of(request)
    farm = visit.desk.farm
    field = field_of(farm, uid)
    doubts = field_doubts(field, farm.farm_with_findings()[0].fields)
    records = [one for one in farm.plans() if one.field_uid == uid]
    flights = farm.flights()
    names = {one.uid for one in farm.plans(every=True) if one.field_uid == uid}
    own = [one for one in flights if one.mission_uid in names]
    sprayed = {one.flight_uid: one for one in farm.applied()}
    planned = request.query_params.get("planned", "")
    return page(
        request,
        visit,
        "field",
        uid=uid,
        name=field.name,
        crop=crop_told(field.crop, visit.language),
        size=area(field.area_m2, visit.language),
        doubts=findings_shown(doubts, visit.language)[0],
        planned=planned if re.fullmatch("[0-9]{1,3}", planned) else "",
        plans=plan_rows(visit, records),
        flights=flight_rows(visit, own),
        pictures=product_rows(visit, field),
        applied=[
            (
                one.uid,
                applied_facts(sprayed[one.uid], visit.language, simulated=was_simulated(farm, one)),
            )
            for one in own
            if one.uid in sprayed
        ],
    )


def field_map(request: Request, uid: str) -> Response:
    """Return the outline of one field."""
    visit = visit_of(request)
    return fields_drawn([field_of(visit.desk.farm, uid)], visit.language, linked=False)


# ------------------------------------------------------------------ plans


def plan_rows(
    visit: Visit, records: Sequence[PlanRecord]
) -> list[tuple[str, str, str, str, str, str]]:
    """Return key, name, kind, figures, day and review of plans."""
    reviews: dict[str, Review] = {}
    for review in visit.desk.farm.people.reviews():
        reviews.setdefault(review.plan_uid, review)
    rows = []
    in_order = sorted(records, key=lambda one: (-one.created_utc.timestamp(), one.name))
    for number, record in enumerate(in_order[:MOST_SHOWN]):
        said = reviews.get(record.uid)
        figures = _figures(visit, record) if number < MOST_READ else ""
        rows.append(
            (
                record.uid,
                record.name,
                say(f"page.kind_{record.kind}", visit.language),
                figures,
                when(record.created_utc, visit.language),
                say(f"page.web_review_{said.verdict.value}", visit.language) if said else "",
            )
        )
    return rows


def _figures(visit: Visit, record: PlanRecord) -> str:
    """Return time, and batteries or litres, of a plan whose document can be read."""
    try:
        plan = read_document(visit.desk.farm.plan(record.uid)[1])
    except AgriError as error:
        return error.text(visit.language)
    language = visit.language
    if plan.spray:
        estimate = plan.spray.estimate
        return say("page.web_plan_spray", language, minutes=estimate.time_s / 60.0,
                   litres=estimate.litres)  # fmt: skip
    if plan.survey:
        survey = plan.survey.estimate
        return say("page.web_plan_survey", language, minutes=survey.time_s / 60.0,
                   batteries=survey.batteries, photos=survey.photos)  # fmt: skip
    return ""


def plans_page(request: Request) -> Response:
    """Show all plans, the latest of each name."""
    visit = visit_of(request)
    return page(request, visit, "plans", plans=plan_rows(visit, visit.desk.farm.plans()))


def plan_page(request: Request, uid: str) -> Response:
    """Show a plan: traffic light, findings, figures, map, and what was said of it."""
    return show_plan(request, uid)


def show_plan(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    """Show a plan, with what was wrong with the last command."""
    visit = visit_of(request)
    language, farm = visit.language, visit.desk.farm
    checked = checked_plan(farm, uid)
    plan, state = checked.plan, state_of(checked.findings)
    worries, notes, passed = findings_shown(
        checked.findings, language, plan=uid, field=plan.site.field.uid if plan.site else ""
    )
    field = plan.site.field if plan.site else None
    known = {one.uid for one in farm.farm_with_findings()[0].fields}
    return page(
        request,
        visit,
        "plan",
        status=status,
        uid=uid,
        name=plan.name,
        kind=_kind(plan, language),
        field=(field.uid, field.name) if field and field.uid in known else None,
        state=state,
        symbol=STATE_SYMBOL[state],
        state_text=say(f"page.state_{state}", language),
        facts=plan_facts(plan, language),
        sprays=plan.spray is not None,
        cost=cost_shown(visit, plan),
        worries=worries,
        notes=notes,
        passed=passed,
        reviews=_reviews(farm, uid, plan, language),
        digest=plan.digest,
        newer=newer_plan(farm, uid),
        wrong=wrong,
    )


def _kind(plan: FlightPlan, language: Language) -> str:
    made = "survey" if plan.survey else "spray" if plan.spray else "mission"
    return say(f"page.kind_{made}", language)


def newer_plan(farm: Workspace, uid: str) -> str:
    """Return the key of the plan that stands in front of this one, "" when it is the newest."""
    record, standing = record_of(farm, uid), farm.plans()
    if any(one.uid == uid for one in standing):
        return ""
    named = [one.uid for one in standing if same(one.name) == same(record.name)]
    of_job = [one.uid for one in standing if same(one.job) == same(record.job)]
    return next(iter((*named, *reversed(of_job))), "")


def _reviews(
    farm: Workspace, uid: str, plan: FlightPlan, language: Language
) -> list[tuple[str, str, str, str, str]]:
    """Return verdict, its symbol and words, who and when, and the remark, the latest first."""
    symbols = {"approved": "✓", "sent_back": "↩"}
    return [
        (
            one.verdict.value,
            symbols[one.verdict.value],
            say(f"page.web_review_{one.verdict.value}", language),
            say("page.web_by", language, who=one.by, when=when(one.at_utc, language)),
            one.remark,
        )
        for one in farm.people.reviews(uid)
        if one.plan_digest == plan.digest
    ]


def plan_map(request: Request, uid: str) -> Response:
    """Return what a plan's map draws."""
    visit = visit_of(request)
    plan = read_document(visit.desk.farm.plan(record_of(visit.desk.farm, uid).uid)[1])
    return drawn(plan_layers(plan), visit.language)


# ------------------------------------------------------------------ flights


def flight_rows(visit: Visit, flights: Sequence[StoredFlight]) -> list[tuple[str, str, str, str]]:
    """Return key, plan's name, when and in which air, and how it ended, of flights."""
    farm, language = visit.desk.farm, visit.language
    return [
        (one.uid, one.plan_name,
         marked(when(one.started_utc, language), was_simulated(farm, one), language),
         say(f"page.web_outcome_{one.outcome.value}", language))
        for one in flights[:MOST_SHOWN]
    ]  # fmt: skip


def applied_facts(
    applied: AppliedRecord, language: Language, *, simulated: bool = False
) -> list[tuple[str, str]]:
    """Return what a flight applied, at a glance, marked where only a simulator flew."""
    return [
        (say("page.fact_product", language), marked(applied.product, simulated, language)),
        (say("page.report_litres", language),
         say("page.fact_litres_value", language, litres=applied.litres)),
        (say("page.fact_treated", language),
         say("page.fact_treated_value", language, ha=square_metres_to_hectares(applied.sprayed_m2),
             sao=square_metres_to_sao(applied.sprayed_m2))),
        (say("page.fact_missed", language),
         say("page.fact_missed_value", language, area_m2=applied.missed_m2,
             sao=square_metres_to_sao(applied.missed_m2))),
        (say("page.fact_harvest_from", language),
         say("page.web_day", language, day=applied.phi_end)),
    ]  # fmt: skip


def flights_page(request: Request) -> Response:
    """Show all flights, newest first."""
    visit = visit_of(request)
    farm = visit.desk.farm
    found = (*broken_off(farm, simulated=False), *broken_off(farm, simulated=True))
    return page(request, visit, "flights", flights=flight_rows(visit, farm.flights()),
                worries=findings_shown(found, visit.language)[0])  # fmt: skip


def flight_page(request: Request, uid: str) -> Response:
    """Show a flight: how it ended, its figures, what it applied, its map."""
    return show_flown(request, uid)


def show_flown(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    """Show a flight, with what was wrong with the last command."""
    visit = visit_of(request)
    farm, language = visit.desk.farm, visit.language
    flight = flight_of(farm, uid)
    record, plan = farm.load_flight(uid), _plan_flown(farm, flight)
    applied, after = farm.applied_of(flight), after_flight(farm, uid)
    left = pictures_of(farm, flight)
    ended = (*how_it_ended(farm, flight), *([left] if left else []))
    worries, notes, _ = findings_shown(ended, language)
    state, outcome = _state_of(flight, left)
    return page(
        request,
        visit,
        "flight",
        status=status,
        wrong=wrong,
        uid=uid,
        name=flight.plan_name,
        simulated=was_simulated(farm, flight),
        state=state,
        symbol=STATE_SYMBOL[state],
        state_text=say(outcome, language),
        facts=flight_facts(plan, record, language) if plan else [],
        plan=flight.mission_uid if plan else "",
        applied=applied_facts(applied, language) if applied else [],
        ended=[*worries, *notes],
        after=after,
        tank=visit.form.get("left_l", litres_text(after.left_l, language)),
        events=[(f"{one.time_s:.0f}", one.message.text(language)) for one in record.events],
        mapped=plan is not None,
        sprayed=plan is not None and plan.spray is not None,
    )


def _state_of(flight: StoredFlight, left: Finding | None) -> tuple[str, str]:
    """Return a flight's state and the key of its words, by what its pictures leave."""
    if pictures_fall_short(left, flight.outcome):
        return "look", "page.flight_landed_short"
    states = {"landed": "ok", "aborted": "look", "flying": "look"}
    return states.get(flight.outcome.value, "stop"), f"page.web_outcome_{flight.outcome.value}"


def _plan_flown(farm: Workspace, flight: StoredFlight) -> FlightPlan | None:
    if not flight.mission_uid:
        return None
    try:
        return read_document(farm.plan(flight.mission_uid)[1])
    except AgriError:
        return None


def flight_map(request: Request, uid: str) -> Response:
    """Return what a flight's map draws: the plan, the way flown, the pictures."""
    visit = visit_of(request)
    flight = flight_of(visit.desk.farm, uid)
    plan = _plan_flown(visit.desk.farm, flight)
    if plan is None:
        raise _missing()
    return drawn(flight_layers(plan, visit.desk.farm.load_flight(uid)), visit.language)


ROUTES: Routes = [
    ("GET", "/", fields_page),
    ("GET", "/fields.geojson", fields_map),
    ("GET", "/fields/{uid}.geojson", field_map),
    ("GET", "/fields/{uid}", field_page),
    ("GET", "/plans", plans_page),
    ("GET", "/plans/{uid}.geojson", plan_map),
    ("GET", "/plans/{uid}", plan_page),
    ("GET", "/flights", flights_page),
    ("GET", "/flights/{uid}.geojson", flight_map),
    ("GET", "/flights/{uid}", flight_page),
]
