"""Asking for a flight, and saying yes to it: the way from a plan's page to motors that turn.

Theory of operation. Asking looks at the aircraft and changes nothing on it. What then is asked of
the person (parameters, the briefing) is shown on the flight's own page (`agri.web.watching`); the
answers come here. The yes to arm brings three things: the person's own password, typed for this
launch; the token of the very briefing that was read; the fingerprint of the plan on that page. All
of it is judged anew by `agri.operations.airborne`, which arms once or not at all.

The pilot is who is signed in, under the name that the papers know; nobody flies under another's.
"""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, BadInput, Refused
from agri.findings import blocks
from agri.operations.airborne import Airborne, LaunchAsked
from agri.operations.clearance import Launcher
from agri.operations.mission_files import Checked
from agri.operations.page import state_of
from agri.operations.reviews import judge_reviews
from agri.operations.simulated import SIMULATED
from agri.weather import Weather, Wind
from agri.web.forms import number, side_of, sides_shown
from agri.web.looking import checked_plan, newer_plan
from agri.web.pages import findings_shown, page
from agri.web.sessions import fresh_value
from agri.web.signing_in import patient, tried
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.web.watching import flight_under_way, show_flight
from agri.words import Message, say
from missions.link.address import read_address

SIMULATOR, REAL = SIMULATED[0], "real"
SPEEDS = ("1", "5", "20")
LONGEST_ONCE = 80
WEATHER = ("wind", "wind_from", "gust", "temperature", "humidity", "rain")


def _done(path: str) -> Response:
    return RedirectResponse(path, status_code=303)


# ------------------------------------------------------------------ asking


def why_not(visit: Visit, uid: str, checked: Checked) -> str:
    """Return why a plan cannot be flown from the page, "" when it can be asked for."""
    farm, language = visit.desk.farm, visit.language
    if state_of(checked.findings) == "stop":
        return say("page.fly_not_checked", language)
    if newer_plan(farm, uid):
        return say("page.web_plan_newer", language)
    said = [one for one in judge_reviews(farm, checked.plan) if blocks([one])]
    return said[0].text(language) if said else ""


def fly_page(request: Request, uid: str) -> Response:
    """Show the form that asks for a flight."""
    return _form(request, uid, wrong="")


def _form(request: Request, uid: str, *, wrong: str, status: int = 200) -> Response:
    visit = visit_of(request)
    checked = checked_plan(visit.desk.farm, uid)
    plan, language = checked.plan, visit.language
    told = {"where": SIMULATOR, "link": "", "aircraft": "", "link_key": "", "speedup": "1"}
    told |= dict.fromkeys(WEATHER, "")
    ring = visit.desk.apron.keyring
    papers = visit.desk.farm.papers.read()[0]
    worries, notes, passed = findings_shown(
        [*checked.findings, *judge_reviews(visit.desk.farm, plan)], language, plan=uid
    )
    return page(
        request, visit, "fly", status=status, wrong=wrong, uid=uid, name=plan.name,
        digest=plan.digest, once=fresh_value(), not_now=why_not(visit, uid, checked),
        told={name: visit.form.get(name, value) for name, value in told.items()},
        sprays=plan.spray is not None, worries=worries, notes=notes, passed=passed,
        aircraft=[(one.aircraft, one.aircraft) for one in papers.registrations],
        keys=[("", say("page.fly_no_key", language)),
              *((one.aircraft, one.aircraft) for one in (ring.all() if ring else ()))],
        speeds=[(one, say("page.fly_times", language, times=int(one))) for one in SPEEDS],
        sides=sides_shown(language),
    )  # fmt: skip


def ask(request: Request, uid: str) -> Response:
    """Begin to look at the aircraft."""
    visit = visit_of(request)
    checked = checked_plan(visit.desk.farm, uid)
    try:
        if visit.form.get("digest", "") != checked.plan.digest:
            raise Refused("error.launch_other_plan")
        refused = why_not(visit, uid, checked)
        if refused:
            return _form(request, uid, wrong=refused, status=409)
        flight = visit.desk.apron.begin(_asked(visit, checked))
    except AgriError as error:
        return _form(request, uid, wrong=error.text(visit.language), status=400)
    return _done(f"/flying/{flight.uid}")


def _asked(visit: Visit, checked: Checked) -> LaunchAsked:
    form = visit.form
    where, once = form.get("where", ""), form.get("once", "")
    if where not in (SIMULATOR, REAL) or not 16 <= len(once) <= LONGEST_ONCE:
        raise BadInput("error.fly_where")
    simulated = where == SIMULATOR
    if not simulated:
        read_address(form.get("link", "").strip())
    assert checked.record is not None  # noqa: S101 - it was read from the farm
    return LaunchAsked(
        plan=checked.plan,
        stored=checked.record,
        connect=SIMULATOR if simulated else form.get("link", "").strip(),
        simulated=simulated,
        launcher=Launcher(
            pilot=visit.who.name,
            aircraft="" if simulated else form.get("aircraft", ""),
            weather=_weather(visit) if checked.plan.spray else None,
        ),
        person_uid=visit.who.uid,
        language=visit.language,
        speedup=_speedup(form.get("speedup", "1")) if simulated else None,
        key="" if simulated else form.get("link_key", ""),
        once=once,
    )


def _speedup(told: str) -> float:
    if told not in SPEEDS:
        raise BadInput("error.fly_where")
    return float(told)


def _weather(visit: Visit) -> Weather | None:
    """Return the weather as measured at the field, None when nothing of it is told."""
    form = visit.form

    def told(name: str, low: float, high: float) -> float | None:
        if not form.get(name, "").strip():
            return None
        return number(form, name, Message.of(f"page.fly_{name}"), low=low, high=high)

    if not any(form.get(name, "").strip() for name in WEATHER):
        return None
    speed = told("wind", 0.0, 40.0)
    wind = None
    if speed is not None:
        wind = Wind(speed_m_s=speed, from_deg=side_of(form), gust_m_s=told("gust", 0.0, 60.0))
    return Weather(
        wind=wind, temperature_c=told("temperature", -60.0, 60.0),
        humidity_pct=told("humidity", 0.0, 100.0), rain_mm_h=told("rain", 0.0, 500.0),
        time_utc=visit.desk.now(),
    )  # fmt: skip


# ------------------------------------------------------------------ answering


def answer_parameters(request: Request, uid: str) -> Response:
    """Say yes or no to setting parameters on the aircraft."""
    visit = visit_of(request)
    flight = flight_under_way(visit, uid)
    yes = visit.form.get("answer", "") == "yes"
    try:
        flight.set_parameters(visit.form.get("token", ""), yes=yes, person_uid=visit.who.uid)
    except AgriError as error:
        return show_flight(request, flight, wrong=error.text(visit.language), status=409)
    return _done(f"/flying/{uid}")


def launch(request: Request, uid: str) -> Response:
    """Say yes to the briefing: with the person's own password, for this launch alone."""
    visit = visit_of(request)
    flight = flight_under_way(visit, uid)
    try:
        _know_again(visit)
        _still_allowed(visit, flight)
        flight.launch(visit.form.get("token", ""), digest=visit.form.get("digest", ""),
                      person_uid=visit.who.uid)  # fmt: skip
    except AgriError as error:
        status = 403 if error.message.key == "error.launch_password" else 409
        return show_flight(request, flight, wrong=error.text(visit.language), status=status)
    return _done(f"/flying/{uid}")


def _know_again(visit: Visit) -> None:
    """Look whether it is the person who is signed in that holds the phone now."""
    patient(visit, visit.who.name)
    kept = visit.desk.farm.people.with_key(visit.who.uid)
    password = visit.form.get("password", "")
    hashed = kept.password_hash if kept else None
    if not visit.desk.passwords.is_right(password, hashed):
        raise Refused("error.launch_password")
    if kept is None or kept.role is not visit.who.role:
        raise Turned(403, "page.web_not_allowed")
    visit.desk.patience.forgive(tried(visit, visit.who.name), visit.address)


def _still_allowed(visit: Visit, flight: Airborne) -> None:
    """Look once more at what may have changed while the briefing was read."""
    said = [one for one in judge_reviews(visit.desk.farm, flight.asked.plan) if blocks([one])]
    if said:
        raise Refused("error.fly_blocked", plan=flight.asked.plan.name, finding=said[0].message)
    if newer_plan(visit.desk.farm, flight.asked.stored.uid):
        raise Refused("error.launch_old_plan", plan=flight.asked.plan.name)


ROUTES: Routes = [
    ("GET", "/plans/{uid}/fly", fly_page),
    ("POST", "/plans/{uid}/fly", ask),
    ("POST", "/flying/{uid}/parameters", answer_parameters),
    ("POST", "/flying/{uid}/launch", launch),
]
