"""What a flight applied: litres, ground, gaps, and a map of how much fell where.

Theory of operation. The figures are worked out anew from the flight's record and its plan, as the
terminal does (`agri.operations.applied`), so a page never tells what an older agri thought. What is
kept in the farm, for the diary and the days before harvest, is made by a command of its own.
"""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError
from agri.operations.applied import (
    applied_facts,
    applied_findings,
    applied_layers,
    applied_table,
    map_flight,
)
from agri.operations.found import was_simulated
from agri.operations.page import state_of
from agri.operations.sorties import plan_of
from agri.web.drawing import drawn
from agri.web.looking import flight_of
from agri.web.pages import STATE_SYMBOL, findings_shown, page
from agri.web.planning import ONE_AT_A_TIME
from agri.web.visit import Routes, visit_of
from agri.words import say
from missions.applied.account import applied


def applied_page(request: Request, uid: str) -> Response:
    """Show what a flight applied."""
    return _page(request, uid)


def _page(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    farm, language = visit.desk.farm, visit.language
    flight = flight_of(farm, uid)
    kept = farm.applied_of(flight) is not None
    try:
        plan, record = plan_of(farm, flight), farm.load_flight(uid)
        found = applied(record, plan)
    except AgriError as error:
        return page(request, visit, "applied", status=status, uid=uid, name=flight.plan_name,
                    why=error.text(language), wrong=wrong, kept=kept)  # fmt: skip
    findings = applied_findings(plan, found)
    state = state_of(findings)
    worries, notes, passed = findings_shown(findings, language)
    return page(
        request,
        visit,
        "applied",
        status=status,
        uid=uid,
        name=flight.plan_name,
        simulated=was_simulated(farm, flight),
        why="",
        wrong=wrong,
        kept=kept,
        state=state,
        symbol=STATE_SYMBOL[state],
        state_text=say(f"page.applied_{'ok' if state == 'ok' else 'look'}", language),
        facts=applied_facts(plan, record, found, language),
        findings=[*worries, *notes, *passed],
        table=applied_table(found, language),
    )


def applied_map(request: Request, uid: str) -> Response:
    """Return what the map of a flight's spraying draws."""
    visit = visit_of(request)
    farm = visit.desk.farm
    flight = flight_of(farm, uid)
    plan = plan_of(farm, flight)
    return drawn(applied_layers(plan, applied(farm.load_flight(uid), plan)), visit.language)


def keep_applied(request: Request, uid: str) -> Response:
    """Keep what a flight applied, for the diary and the days before harvest."""
    visit = visit_of(request)
    flight = flight_of(visit.desk.farm, uid)
    try:
        with ONE_AT_A_TIME:
            map_flight(visit.desk.farm, flight.uid, language=visit.language)
    except AgriError as error:
        return _page(request, uid, wrong=error.text(visit.language), status=400)
    return RedirectResponse(f"/flights/{uid}/applied", status_code=303)


ROUTES: Routes = [
    ("GET", "/flights/{uid}/applied.geojson", applied_map),
    ("GET", "/flights/{uid}/applied", applied_page),
    ("POST", "/flights/{uid}/applied", keep_applied),
]
