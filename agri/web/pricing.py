"""The farm's own prices, entered by its owner, and what a plan costs by them.

A figure that nobody entered is not there: the page says which, and leads to where it is entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.amounts import AREA_M2, read_vnd_per
from agri.errors import AgriError, BadInput
from agri.names import fold
from agri.operations.costs import keep_prices, read_prices, work_of
from agri.prices import Part, Prices, costs_of, total_vnd
from agri.units import HECTARE_M2, SAO_M2
from agri.web.pages import page
from agri.web.visit import Routes, Visit, visit_of
from agri.words import say
from missions.flightplan import FlightPlan

ONE: Mapping[str, float] = {"": 1.0}
BY_AMOUNT: Mapping[str, float] = {"": 1.0, "l": 1.0, "lit": 1.0, "kg": 1.0, "ml": 0.001, "g": 0.001}
HOUR: Mapping[str, float] = {"": 1.0, "h": 1.0, "gio": 1.0}
SINGLE = ("hire", "battery", "labour")


def cost_shown(visit: Visit, plan: FlightPlan) -> dict[str, Any] | None:
    """Return what a plan costs, as its page shows it; None for a mission made elsewhere."""
    work, language = work_of(plan), visit.language
    if work is None:
        return None
    try:
        costs = costs_of(work, read_prices(visit.desk.farm))
    except AgriError as error:
        return {"rows": [], "total": "", "wrong": error.text(language), "missing": "/prices"}
    units = {Part.PRODUCT: work.product_unit, Part.HIRE: "ha", Part.LABOUR: "h"}
    rows = []
    for one in costs:
        unit = units.get(one.part, "packs")
        amount = say(f"page.cost_amount_{unit}", language, amount=one.amount)
        vnd = one.vnd
        told = say("page.vnd", language, vnd=vnd) if vnd is not None else ""
        name = work.product if one.part is Part.PRODUCT else say(f"page.cost_{one.part}", language)
        rows.append((name, amount, told))
    total = total_vnd(costs)
    untold = any(one.part is Part.PRODUCT and one.vnd is None for one in costs)
    return {
        "rows": rows, "wrong": "",
        "total": say("page.vnd", language, vnd=total) if total is not None else "",
        "missing": "/prices" + (f"?product={quote(work.product)}" if untold else ""),
    }  # fmt: skip


def prices_page(request: Request) -> Response:
    """Show the farm's prices as a form."""
    return _form(request)


def _kept(visit: Visit) -> tuple[Prices, str]:
    """Return the prices kept; none, and why, when they cannot be read: they are entered anew."""
    try:
        return read_prices(visit.desk.farm), ""
    except AgriError as error:
        return Prices(), error.text(visit.language)


def _form(request: Request, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    prices, unread = _kept(visit)
    language = visit.language

    def told(vnd: float | None) -> str:
        return say("page.vnd_number", language, vnd=vnd) if vnd is not None else ""

    hire_vnd_sao = prices.hire_vnd_ha and prices.hire_vnd_ha * SAO_M2 / HECTARE_M2
    hire = say("page.vnd_sao", language, vnd=hire_vnd_sao) if hire_vnd_sao is not None else ""
    kept = {"hire": hire, "battery": told(prices.battery_vnd), "labour": told(prices.labour_vnd_h)}
    asked_for = request.query_params.get("product", "")[:80]
    rows = [(number, name, visit.form.get(f"product_{number}", told(price)))
            for number, (name, price) in enumerate(prices.products)]  # fmt: skip
    return page(
        request, visit, "prices", status=status, wrong=wrong or unread, products=rows,
        told={name: visit.form.get(name, value) for name, value in kept.items()},
        new=visit.form.get("product", asked_for), new_vnd=visit.form.get("product_vnd", ""),
    )  # fmt: skip


def enter(request: Request) -> Response:
    """Keep the prices that a form tells; what is left empty is not entered."""
    visit = visit_of(request)
    try:
        keep_prices(visit.desk.farm, _told(visit, _kept(visit)[0]))
    except AgriError as error:
        return _form(request, wrong=error.text(visit.language), status=400)
    return RedirectResponse("/prices", status_code=303)


def _told(visit: Visit, before: Prices) -> Prices:
    form, language = visit.form, visit.language

    def price(field: str, units: Mapping[str, float], unit: str, label: str) -> float | None:
        text = form.get(field, "").strip()
        return read_vnd_per(text, units, unit, name=label) if text else None

    told: dict[str, float] = {}
    named = [(name, f"product_{number}") for number, (name, _) in enumerate(before.products)]
    new = form.get("product", "").strip()[:80]
    if bool(new) != bool(form.get("product_vnd", "").strip()):
        raise BadInput("error.price_without_name" if not new else "error.price_untold", name=new)
    if new:
        named = [one for one in named if fold(one[0]) != fold(new)] + [(new, "product_vnd")]
    for name, field in named:
        vnd = price(field, BY_AMOUNT, "", name)
        if vnd is not None:
            told[name] = vnd
    hire, battery, labour = (say(f"page.price_{one}", language) for one in SINGLE)
    hire_vnd_m2 = price("hire", AREA_M2, "sao", hire)
    return Prices(
        products=tuple(told.items()),
        battery_vnd=price("battery", ONE, "", battery),
        labour_vnd_h=price("labour", HOUR, "", labour),
        hire_vnd_ha=hire_vnd_m2 * HECTARE_M2 if hire_vnd_m2 is not None else None,
    )


ROUTES: Routes = [("GET", "/prices", prices_page), ("POST", "/prices", enter)]
