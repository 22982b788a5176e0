"""The mix card of a plan as a page: what goes into the tank, read beside the tank.

It is made anew each time it is shown, as all pages are, and is the card that the terminal prints,
on a page of its own: nothing of the app's menus is in the way of wet hands, or on the paper.
"""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from agri.findings import blocks
from agri.operations.mix_card import Back, mix_card, render_mix_card
from agri.operations.sorties import sorties_of
from agri.units import INDOCHINA_TIME
from agri.web.looking import checked_plan, newer_plan
from agri.web.static_files import file_at
from agri.web.visit import Routes, visit_of


def mix_card_page(request: Request, uid: str) -> Response:
    """Show what goes into the tank, for all sorties of a plan's job; nothing for one not to fly."""
    visit = visit_of(request)
    farm = visit.desk.farm
    checked = checked_plan(farm, uid)
    plan = checked.plan
    if plan.spray is None or blocks(checked.findings) or newer_plan(farm, uid):
        return RedirectResponse(f"/plans/{uid}", status_code=303)
    alone = plan.spray.sorties == 1
    sorties = [plan] if alone else [one for _, one in sorties_of(farm, plan.name)]
    day = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    card = mix_card(sorties, day=day, language=visit.language)
    back = Back(path=f"/plans/{uid}", name=plan.name, style=file_at("paper/mix_card.css"),
                icon=file_at("icon.svg"))  # fmt: skip
    return HTMLResponse(render_mix_card(card, back=back))


ROUTES: Routes = [("GET", "/plans/{uid}/mix", mix_card_page)]
