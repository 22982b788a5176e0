"""The farm's papers in the app: permits, licences, registrations, looks at the official map.

Theory of operation. Whoever flies enters what stands on the paper (`agri.operations.paper_forms`);
nothing is guessed, and each entry is written into the audit record under the name of who made it.
Everybody who is signed in may read them: whether a flight is allowed is no secret of the pilot's.
A paper that was renewed is entered anew after the old one is taken out.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError
from agri.operations.paper_forms import KINDS, USUAL, Paper, form_of, paper_told
from agri.papers import Shown
from agri.rules import rule
from agri.units import INDOCHINA_TIME
from agri.web.pages import STATE_SYMBOL, page, when
from agri.web.visit import Routes, Visit, visit_of
from agri.words import Message, say

GROUP_WORDS = ("papers", "papers_none", "paper_enter")
SHOWN_LIGHT = {Shown.CLEAR: "ok", Shown.RESTRICTED: "look", Shown.FORBIDDEN: "stop"}


def papers_page(request: Request) -> Response:
    """Show the farm's papers, and which of them hold today."""
    visit = visit_of(request)
    papers, found = visit.desk.farm.papers.read()
    language = visit.language

    def told(key: str, **values: object) -> str:
        return say(f"page.paper_line_{key}", language, **values)

    rows: dict[str, list[dict[str, Any]]] = {
        "permit": [
            _row(visit, one, (one.first_day, one.last_day), [
                told("days", first=one.first_day, last=one.last_day,
                     hours=f"{one.from_time:%H:%M}–{one.to_time:%H:%M}"),
                told("permit", by=Message.of(f"page.authority_{one.authority.value}"),
                     holder=one.holder, ceiling_m=one.ceiling_m, aircraft=one.aircraft or "–"),
            ])
            for one in papers.permits
        ],
        "licence": [
            _row(visit, one, (None, one.last_day), [
                told("licence", number=one.number, last=one.last_day,
                     kind=Message.of(f"page.licence_{one.licence_class.value}")),
            ])
            for one in papers.licences
        ],
        "aircraft": [
            _row(visit, one, (None, one.last_day), [
                told("aircraft", number=one.number, mass_kg=one.takeoff_kg),
            ])
            for one in papers.registrations
        ],
        "map": [
            {"uid": one.uid, "title": one.place,
             "lines": [told("map", by=one.by, when=when(one.looked_utc, language))],
             "light": SHOWN_LIGHT[one.shown], "symbol": STATE_SYMBOL[SHOWN_LIGHT[one.shown]],
             "state": say(f"cli.shown_{one.shown.value}", language)}
            for one in papers.map_checks
        ],
    }  # fmt: skip
    groups = [
        (kind, *(say(f"page.{words}_{kind}", language) for words in GROUP_WORDS), rows[kind])
        for kind in KINDS
    ]
    return page(request, visit, "papers", groups=groups,
                worries=[one.text(language) for one in found])  # fmt: skip


def _row(
    visit: Visit, paper: Paper, days: tuple[date | None, date | None], lines: list[str]
) -> dict[str, Any]:
    """Return a paper as a card shows it, with whether it holds today."""
    today = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    (first, last), light, key = days, "ok", "cli.paper_holds"
    if first is not None and today < first:
        light, key = "look", "cli.paper_not_yet"
    elif last is not None and last < today:
        light, key = "stop", "cli.paper_ended"
    return {"uid": paper.uid, "title": paper.title, "lines": lines, "light": light,
            "symbol": STATE_SYMBOL[light], "state": say(key, visit.language)}  # fmt: skip


def paper_page(request: Request) -> Response:
    """Show the form of a kind of paper."""
    return _form(request, request.query_params.get("kind", KINDS[0]))


def _form(request: Request, kind: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    asked = form_of(kind, visit.desk.farm, visit.language)
    usual = {**USUAL.get(kind, {}), **({"holder": visit.who.name} if kind == "licence" else {})}
    told = {one.name: visit.form.get(one.name, usual.get(one.name, "")) for one in asked}
    return page(request, visit, "paper", status=status, kind=kind, asked=asked, told=told,
                title=say(f"page.paper_enter_{kind}", visit.language), wrong=wrong,
                how=say(f"page.paper_how_{kind}", visit.language, who=visit.who.name,
                        site=rule("map").source))  # fmt: skip


def enter(request: Request) -> Response:
    """Enter a paper and show all of them."""
    visit = visit_of(request)
    kind, farm = visit.form.get("kind", ""), visit.desk.farm
    form_of(kind, farm, visit.language)
    try:
        farm.papers.add(paper_told(kind, visit.form, farm, by=visit.who.name,
                                   now=visit.desk.now(), language=visit.language))  # fmt: skip
    except AgriError as error:
        return _form(request, kind, wrong=error.text(visit.language), status=400)
    return RedirectResponse("/papers", status_code=303)


def remove(request: Request, uid: str) -> Response:
    """Take a paper out."""
    visit_of(request).desk.farm.papers.remove(uid)
    return RedirectResponse("/papers", status_code=303)


ROUTES: Routes = [
    ("GET", "/papers", papers_page),
    ("GET", "/papers/new", paper_page),
    ("POST", "/papers/new", enter),
    ("POST", "/papers/{uid}/remove", remove),
]
