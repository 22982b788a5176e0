"""Watching a flight under way, and the four orders that may be given to it.

Theory of operation. The page is made by the server as it is now, and works so; a script keeps it
fresh by server-sent events, or by asking again where those do not come through. Each event is the
newest state and what happened since the last that was sent, so nothing queues up for a slow phone:
it gets fewer. After a break a browser names the last number it got and is told the rest. A stream
ends with the flight and with the session; while an aircraft flies, watching it is a sign of life,
so nobody is signed out in the middle of a flight they may have to stop.

Stop and sprayer off are for everybody who may look. Orders are given first and written down after,
and wait for no other page: they need none of the threads on which pages are made.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

from agri.errors import AgriError, BadInput
from agri.operations.airborne import Airborne
from agri.operations.found import broken_off
from agri.operations.layers import plan_layers
from agri.operations.pictures_left import survey_flown
from agri.operations.rests import after_flight
from agri.operations.sight import Stage
from agri.operations.sorties import SEAM_M, resume_flight
from agri.operations.survey_rest import rest_of_survey
from agri.operations.tank import TankRead
from agri.web.drawing import drawn
from agri.web.forms import number
from agri.web.live import after_of, shown
from agri.web.looking import flight_of, show_flown
from agri.web.pages import findings_shown, litres_text, page
from agri.web.planning import ONE_AT_A_TIME
from agri.web.rights import RIGHTS
from agri.web.sessions import fresh_value
from agri.web.visit import Routes, Turned, Visit, visit_of, write_down
from agri.words import Message, say

LOG = logging.getLogger("agri.web")
EVERY_S = 0.2
"""Between two looks at a flight for a stream: 5 Hz."""
AT_LEAST_S = 1.0
"""A silent aircraft is told of too."""
OF_THE_FLIGHT = ("finding.resume_left", "finding.resume_tank", "finding.resume_refill",
                 "finding.resume_unseen", "finding.flow_low", "finding.flow_high",
                 "finding.survey_rest", "finding.rest_simulated")  # fmt: skip
"""What the flight that was broken off tells of its rest; the rest's own findings stand on its page.
"""
LONGEST_PAGE = 80
MOST_TANK_L = 1_000.0
"""No sprayer that flies carries more."""


def flight_under_way(visit: Visit, uid: str) -> Airborne:
    """Return the flight with this key."""
    flight = visit.desk.apron.find(uid)
    if flight is None:
        raise Turned(404, "page.web_not_found")
    return flight


def flying_page(request: Request, uid: str) -> Response:
    """Show a flight under way; one that this server knows nothing of is told by the record."""
    visit = visit_of(request)
    flight = visit.desk.apron.find(uid)
    if flight is None:
        farm = visit.desk.farm
        found = (*broken_off(farm, simulated=False), *broken_off(farm, simulated=True))
        worries = findings_shown(found, visit.language)[0]
        return page(request, visit, "flight_gone", status=404, worries=worries)
    return show_flight(request, flight)


def show_flight(
    request: Request, flight: Airborne, *, wrong: str = "", status: int = 200
) -> Response:
    """Show a flight as it is now, with what was wrong with the last answer."""
    visit = visit_of(request)
    sight, plan = flight.sight(), flight.asked.plan
    language, question = visit.language, sight.question
    asked = question.findings if question else sight.findings
    worries, notes, passed = findings_shown(
        asked,
        language,
        plan=flight.asked.stored.uid,
        field=plan.site.field.uid if plan.site else "",
    )
    after = after_flight(visit.desk.farm, sight.flight) if sight.flight else None
    width_m = plan.spray.settings.swath_m if plan.spray else 0.0
    return page(
        request, visit, "flying", status=status, wrong=wrong, uid=flight.uid, name=plan.name,
        plan=flight.asked.stored.uid, simulated=flight.asked.simulated,
        pilot=flight.asked.launcher.pilot, mine=flight.asked.person_uid == visit.who.uid,
        live=shown(flight, language), stage=sight.stage.value, digest=plan.digest,
        question=question, vehicle=question.vehicle if question else "",
        needs=[(one.name, f"{one.wanted:g}", one.reason.text(language))
               for one in (question.needs if question else ())],
        worries=worries, notes=notes, passed=passed,
        sprays=plan.spray is not None, once=fresh_value(), width=f"{width_m:.2f}", after=after,
        tank=litres_text(after.left_l if after else None, language),
    )  # fmt: skip


def flying_map(request: Request, uid: str) -> Response:
    """Return the plan that is flown, as its page draws it."""
    visit = visit_of(request)
    return drawn(plan_layers(flight_under_way(visit, uid).asked.plan), visit.language)


def flying_state(request: Request, uid: str) -> Response:
    """Return a flight as it is now, for who asks again and again."""
    visit = visit_of(request)
    flight = flight_under_way(visit, uid)
    _may_watch(visit, flight)
    return JSONResponse(
        shown(flight, visit.language, after=after_of(request.query_params, "after"))
    )


def flying_events(request: Request, uid: str) -> Response:
    """Tell how a flight goes, until it is over."""
    visit = visit_of(request)
    flight = flight_under_way(visit, uid)
    last = request.headers.get("last-event-id", "")
    after = after_of({"after": last or request.query_params.get("after", "")}, "after")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(stream(visit, flight, after), media_type="text/event-stream",
                             headers=headers)  # fmt: skip


async def stream(visit: Visit, flight: Airborne, after: int) -> AsyncIterator[str]:
    """Give the newest state whenever it is taken, until flight or session end."""
    streams = visit.desk.streams
    if not streams.acquire(blocking=False):
        yield _event("full")
        return
    try:
        sent_s = -AT_LEAST_S
        yield f"retry: 1000\n: {'.' * 8}\n\n"
        while _may_watch(visit, flight):
            sight = flight.sight()
            now_s = time.monotonic()
            if sight.number > after or now_s - sent_s >= AT_LEAST_S or sight.stage.ended:
                state = shown(flight, visit.language, after=after)
                after, sent_s = int(state["number"]), now_s
                yield _event("state", json.dumps(state, ensure_ascii=False), after)
            if sight.stage.ended:
                yield _event("over")
                return
            await asyncio.sleep(EVERY_S)
        yield _event("signed-out")
    finally:
        streams.release()


def _event(kind: str, data: str = "{}", number: int | None = None) -> str:
    named = f"id: {number}\n" if number is not None else ""
    return f"{named}event: {kind}\ndata: {data}\n\n"


def _may_watch(visit: Visit, flight: Airborne) -> bool:
    """Return whether the session lasts; while the aircraft flies, watching keeps it open."""
    alive = flight.sight().stage is Stage.FLYING
    return visit.desk.sessions.seen(visit.cookie, alive=alive) is not None


# ------------------------------------------------------------------ orders


def _ordering(verb: str, path: str) -> Callable[[Request, str], Awaitable[Response]]:
    """Return what gives an order: on the server's own thread, for all others may be busy."""
    kind = RIGHTS["POST", path].kind

    async def ordered(request: Request, uid: str) -> Response:
        visit = visit_of(request)
        flight = flight_under_way(visit, uid)
        told = request.query_params
        flight.order(verb, by=visit.who.name, page=told.get("page", "")[:LONGEST_PAGE],
                     nth=after_of(told, "nth"))  # fmt: skip
        try:
            note = f"/flying/{uid}; plan: {flight.asked.plan.name}"
            await run_in_threadpool(write_down, visit, kind, note)
        except AgriError:
            LOG.exception("an order that was given could not be written down")
        if "application/json" in request.headers.get("accept", ""):
            after = after_of(request.query_params, "after")
            return JSONResponse(shown(flight, visit.language, after=after))
        return RedirectResponse(f"/flying/{uid}", status_code=303)

    ordered.__name__ = verb
    return ordered


# ------------------------------------------------------------------ afterwards


def plan_rest(request: Request, uid: str) -> Response:
    """Plan what a flight left undone, and show it."""
    visit = visit_of(request)
    farm, language, now = visit.desk.farm, visit.language, visit.desk.now()
    flight = flight_of(farm, uid)
    survey = survey_flown(farm, flight) is not None
    try:
        tank = None if survey else _tank_read(visit, uid)
    except BadInput as error:
        return show_flown(request, uid, wrong=error.text(language), status=400)
    with ONE_AT_A_TIME:
        if survey:
            rest = rest_of_survey(farm, flight, language=language, now=now)
            plans, found = [rest] if rest else [], rest.findings if rest else ()
        else:
            job = resume_flight(farm, uid, overlap_m=SEAM_M, language=language, now=now,
                                tank=tank)  # fmt: skip
            plans, found = list(job.sorties) if job else [], job.findings if job else ()
    if not plans:
        done = "cli.nothing_left_survey" if survey else "cli.nothing_left"
        return page(request, visit, "sentence", text=say(done, language))
    of_flight = [one for one in found if one.key in OF_THE_FLIGHT]
    worries, notes, told = findings_shown(of_flight, language)
    return page(request, visit, "rest", flight=uid, findings=[*told, *notes, *worries],
                plans=[(one.record.uid, one.plan.name) for one in plans])  # fmt: skip


def rest_again(request: Request, uid: str) -> Response:
    """Lead back to the flight whose rest was planned."""
    visit = visit_of(request)
    return RedirectResponse(f"/flights/{flight_of(visit.desk.farm, uid).uid}", status_code=303)


def _tank_read(visit: Visit, uid: str) -> TankRead | None:
    """Return what was read at the tank; None where the record's own figure was left standing."""
    reckoned_l = after_flight(visit.desk.farm, uid).left_l
    told = visit.form.get("left_l", "").strip()
    if told in ("", litres_text(reckoned_l, visit.language)):
        return None
    label = Message.of("page.rest_tank")
    return TankRead(left_l=number(visit.form, "left_l", label, low=0.0, high=MOST_TANK_L))


ORDERS = (("stop", "stop"), ("sprayer_off", "sprayer-off"), ("return", "return"), ("land", "land"))
ROUTES: Routes = [
    ("GET", "/flying/{uid}.geojson", flying_map),
    ("GET", "/flying/{uid}/state", flying_state),
    ("GET", "/flying/{uid}/events", flying_events),
    ("GET", "/flying/{uid}", flying_page),
    ("GET", "/flights/{uid}/rest", rest_again),
    ("POST", "/flights/{uid}/rest", plan_rest),
    *(
        ("POST", path, _ordering(verb, path))
        for verb, path in ((verb, f"/flying/{{uid}}/{name}") for verb, name in ORDERS)
    ),
]
