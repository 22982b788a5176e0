"""Records entered on a phone: what was picked, counted, sprayed, spread, given, sold, seen.

Theory of operation. One form for each kind, asked and read by `agri.operations.record_forms`. A
record that says the same as one that stands already is most often the same button pressed twice:
it is shown again with a question, and entered when the form says that it is meant.

A record is never changed: what is corrected stands in front of it, and what was entered by mistake
is withdrawn, with the reason in its place. The form of a correction is empty; what is filled in
changes, the rest stays. Who corrects what somebody else has corrected since is shown that, with
their own figures still in the form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, Refused
from agri.field import Field
from agri.field_records import Record
from agri.operations.record_forms import KIND_ORDER, changes_told, form_of, record_told
from agri.operations.records import corrected, described, enter, withdrawn
from agri.units import INDOCHINA_TIME
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.visit import Routes, Turned, Visit, visit_of
from agri.words import day_text, say

AGAIN = "again"
"""The form's word that the same record is meant a second time."""


def record_page(request: Request, uid: str) -> Response:
    """Show the form of a kind of record."""
    return _form(request, uid, request.query_params.get("kind", KIND_ORDER[0]))


def _form(
    request: Request, uid: str, kind: str, *, wrong: str = "", ask: bool = False, status: int = 200
) -> Response:
    visit = visit_of(request)
    language, field = visit.language, field_of(visit.desk.farm, uid)
    today = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    usual = {"day": today.isoformat(), "by": visit.who.name}
    asked = form_of(kind, field, language)
    return page(
        request,
        visit,
        "record",
        status=status,
        uid=uid,
        name=field.name,
        kind=kind,
        kinds=[(one, say(f"page.kind_{one}", language)) for one in KIND_ORDER],
        asked=asked,
        told={one.name: visit.form.get(one.name, usual.get(one.name, "")) for one in asked},
        today=today.isoformat(),
        wrong=wrong,
        ask=ask,
    )


def record(request: Request, uid: str) -> Response:
    """Enter a record and show the diary it stands in."""
    visit = visit_of(request)
    farm, field, kind = visit.desk.farm, field_of(visit.desk.farm, uid), visit.form.get("kind", "")
    today = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    form_of(kind, field, visit.language)
    ask = False
    try:
        told = enter(farm, record_told(kind, visit.form, field, language=visit.language,
                                       today=today))  # fmt: skip
        ask = farm.records.known([told])[0] and not visit.form.get(AGAIN)
        if ask:
            raise Refused("error.record_there")
        stored = farm.records.add(told)
    except AgriError as error:
        wrong = error.text(visit.language)
        return _form(request, uid, kind, wrong=wrong, ask=ask, status=400)
    return RedirectResponse(f"/fields/{uid}/diary?season={stored.season}", status_code=303)


# ------------------------------------------------------------------ correcting


def _standing(visit: Visit, uid: str) -> tuple[Record, Field]:
    """Return the record that stands where the one with this key stood, and its field."""
    every = {one.uid: one for one in visit.desk.farm.records.read(every=True)}
    after = {one.replaces: one for one in every.values() if one.replaces}
    found = every.get(uid)
    while found is not None and found.uid in after:
        found = after.pop(found.uid)
    if found is None or not found.field_uid:
        raise Turned(404, "page.web_not_found")
    return found, field_of(visit.desk.farm, found.field_uid)


def correction_page(request: Request, uid: str) -> Response:
    """Show a record as it stands, with the forms that correct or withdraw it."""
    standing, _ = _standing(visit_of(request), uid)
    if standing.uid != uid:
        return RedirectResponse(f"/records/{standing.uid}", status_code=303)
    return _correction(request, uid)


def _correction(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    language = visit.language
    old, field = _standing(visit, uid)
    asked = [
        replace(
            one,
            need=False,
            hint="" if one.name == "area_m2" else one.hint,
            options=(("", "–"), *one.options) if one.options else (),
        )
        for one in form_of(old.kind, field, language)
    ]
    return page(
        request, visit, "correction", status=status, wrong=wrong, record=uid, uid=field.uid,
        name=field.name, kind=say(f"page.kind_{old.kind}", language),
        day=day_text(old.day, language), said=described(old, language), by=old.by, asked=asked,
        told={one.name: visit.form.get(one.name, "") for one in asked},
        why=visit.form.get("why", ""),
    )  # fmt: skip


def correct(request: Request, uid: str) -> Response:
    """Put a corrected record in front of one."""
    return _replace(request, uid, _corrected)


def withdraw(request: Request, uid: str) -> Response:
    """Put a note that says why in the place of a record entered by mistake."""
    return _replace(request, uid, _withdrawn)


def _corrected(visit: Visit, old: Record, field: Field) -> Record:
    today = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    changes = changes_told(old.kind, visit.form, field, language=visit.language, today=today)
    return corrected(visit.desk.farm, old, changes)


def _withdrawn(visit: Visit, old: Record, _: Field) -> Record:
    return replace(withdrawn(old, visit.form.get("why", "")), by=visit.who.name)


def _replace(
    request: Request, uid: str, made: Callable[[Visit, Record, Field], Record]
) -> Response:
    visit = visit_of(request)
    old, field = _standing(visit, uid)
    if old.uid != uid:
        wrong = say("page.record_meanwhile", visit.language)
        return _correction(request, old.uid, wrong=wrong, status=409)
    try:
        stored = visit.desk.farm.records.correct(uid, made(visit, old, field))
    except AgriError as error:
        return _correction(request, uid, wrong=error.text(visit.language), status=400)
    return RedirectResponse(f"/fields/{field.uid}/diary?season={stored.season}", status_code=303)


ROUTES: Routes = [
    ("GET", "/records/{uid}", correction_page),
    ("POST", "/records/{uid}/correct", correct),
    ("POST", "/records/{uid}/withdraw", withdraw),
    ("GET", "/fields/{uid}/records/new", record_page),
    ("POST", "/fields/{uid}/records/new", record),
]
