"""Templates, and the words they speak: every page is made here.

Theory of operation. Jinja2 with escaping on and nothing undefined: a name with ``<script>`` in it
is a name. Templates know no arithmetic; figures come as text in the visitor's language. There is no
script and no style inside a page, so the content policy can forbid both. What a map draws is asked
for by its script as GeoJSON (`agri.web.drawing`); the words scripts speak stand in ``data-``
attributes of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import DictLoader, Environment, StrictUndefined

from agri.findings import Finding, Severity
from agri.operations.sheets import sheet_templates
from agri.people import Power
from agri.units import INDOCHINA_TIME, square_metres_to_hectares, square_metres_to_sao
from agri.web.gate import SAFE_METHODS
from agri.web.rights import RIGHTS
from agri.web.static_files import file_at
from agri.web.visit import TOKEN_FIELD, Visit, cookie_name
from agri.web.ways import way_of
from agri.words import LANGUAGES, Language, day_text, say

STATE_SYMBOL = {"ok": "✓", "look": "⚠", "stop": "✕"}
SUFFIX = ".html.j2"


@cache
def _environment() -> Environment:
    folder = resources.files("agri").joinpath("web/templates")
    texts = {
        entry.name: entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(SUFFIX)
    }
    made = Environment(
        loader=DictLoader({**sheet_templates(), **texts}), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.globals["file_at"] = file_at
    return made


def bare_page(template: str) -> str:
    """Return a page that knows nothing of farm or visitor, in all languages."""
    return _environment().get_template(template + SUFFIX).render(say=say, languages=LANGUAGES)


def page(
    request: Request, visit: Visit, template: str, /, *, status: int = 200, **values: Any
) -> Response:
    """Return a page.

    Parameters
    ----------
    request : Request
        What was asked.
    visit : Visit
        By whom.
    template : str
        Its name, without its ending.
    status : int
        HTTP status.
    **values
        What the template shows.
    """
    language = visit.language

    def speak(key: str, /, **told: Any) -> str:
        return say(key, language, **told)

    html = _environment().get_template(template + SUFFIX).render(
        say=speak,
        language=language,
        others=[one for one in LANGUAGES if one != language],
        person=visit.person,
        may=_may(visit),
        here=visit.path,
        back=_back(request),
        token=visit.token,
        token_field=TOKEN_FIELD,
        farm_name=visit.desk.farm_name,
        neighbours=len(visit.desk.neighbours),
        menu=_menu(visit),
        under_way=_under_way(visit) if visit.person else [],
        role_name=lambda role: say(f"page.web_role_{role}", language),
        role_may=lambda role: say(f"page.web_role_may_{role}", language),
        **values,
    )  # fmt: skip
    response = HTMLResponse(html, status_code=status)
    if not visit.has_cookie and _for_a_person(request):
        keep_cookie(request, response, visit.cookie, signed_in=False)
    return response


def _back(request: Request) -> str:
    """Return where this page is had again: itself, or where the form stands that it answers."""
    path, route = request.url.path, getattr(request.scope.get("route"), "path", "")
    if request.method in SAFE_METHODS:
        return f"{path}?{request.url.query}" if request.url.query else path
    if ("GET", route) in RIGHTS:
        return path
    above = ("GET", route.rpartition("/")[0])
    return path.rpartition("/")[0] if above in RIGHTS else "/"


def _for_a_person(request: Request) -> bool:
    """Return whether a page is what was asked for, and not data by a script or a map's tile.

    What a page left behind asked for may be answered after the next page, which has a form: a
    cookie given with that answer would take the place of the one that the form is bound to.
    """
    return "text/html" in request.headers.get("accept", "")


def keep_cookie(request: Request, response: Response, value: str, *, signed_in: bool) -> None:
    """Give the browser its value; "" takes it away."""
    response.set_cookie(
        cookie_name(request, signed_in=signed_in), value, httponly=True, samesite="strict",
        secure=request.url.scheme == "https", path="/", max_age=None if value else 0,
    )  # fmt: skip


def _menu(visit: Visit) -> list[tuple[str, str]]:
    ways = [
        ("/", "page.web_fields"),
        ("/week", "page.web_week"),
        ("/plans", "page.web_plans"),
        ("/flights", "page.web_menu_flights"),
        ("/jobs", "page.web_menu_jobs"),
    ]
    return [(path, say(key, visit.language)) for path, key in ways]


def _under_way(visit: Visit) -> list[tuple[str, str]]:
    """Return the ways to the flights under way: whoever is signed in is one press from a stop."""
    return [
        (f"/flying/{one.uid}",
         say("page.web_under_way", visit.language, plan=one.asked.plan.name))
        for one in visit.desk.apron.under_way()
    ]  # fmt: skip


def _may(visit: Visit) -> Mapping[str, bool]:
    powers = visit.person.role.powers if visit.person else frozenset()
    return {power.value: power in powers for power in Power}


def area(area_m2: float, language: Language) -> str:
    """Return an area in sào and hectares, the unit of the village first."""
    return say("page.web_area", language, sao=square_metres_to_sao(area_m2),
               ha=square_metres_to_hectares(area_m2))  # fmt: skip


def litres_text(litres: float | None, language: Language) -> str:
    """Return litres as a form's field holds them, "" for none."""
    return "" if litres is None else say("page.rest_litres", language, litres=litres)


def when(moment: datetime, language: Language) -> str:
    """Return a moment as people here read it."""
    return day_text(moment.astimezone(INDOCHINA_TIME), language)


Shown = tuple[str, str, str, str, str]
"""A finding on a page: class, symbol and sentence, and path and words of where it is put right."""


def findings_shown(
    findings: Sequence[Finding], language: Language, *, plan: str = "", field: str = ""
) -> tuple[list[Shown], list[Shown], list[Shown]]:
    """Return what deserves a look, gravest first, what is worth knowing, and what is in order.

    Parameters
    ----------
    findings : sequence of Finding
        What checks found.
    language : {"vi", "en"}
        Of the sentences.
    plan, field : str
        Keys of what the page is about, for the ways there (`agri.web.ways`).
    """
    worries: list[Shown] = []
    notes: list[Shown] = []
    passed: list[Shown] = []
    for one in sorted(findings, key=lambda f: -f.severity):
        path, words = way_of(one, plan=plan, field=field)
        line = (one.severity.name.lower(), one.symbol, one.text(language), path,
                say(words, language) if words else "")  # fmt: skip
        kind = worries if one.severity > Severity.INFO else passed if one.passed else notes
        kind.append(line)
    return worries, notes, passed
