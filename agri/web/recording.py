"""Records entered on a phone: what was picked, counted, sprayed, spread, given, sold, seen.

Theory of operation. One form for each kind, asked and read by `agri.operations.record_forms`. A
record that says the same as one that stands already is most often the same button pressed twice:
it is shown again with a question, and entered when the form says that it is meant.
"""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, Refused
from agri.operations.record_forms import KIND_ORDER, form_of, record_told
from agri.operations.records import enter
from agri.units import INDOCHINA_TIME
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.visit import Routes, visit_of
from agri.words import say

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


ROUTES: Routes = [
    ("GET", "/fields/{uid}/records/new", record_page),
    ("POST", "/fields/{uid}/records/new", record),
]
