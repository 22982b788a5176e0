"""Commands that plan: surveys and spray flights planned, plans reviewed.

Each is the same operation as in the terminal (`agri.operations`), with fewer choices: what a form
does not ask takes the terminal's default. One plan is worked out at a time. A plan that its checks
refuse is kept and shown with the reasons, but is neither exported nor flown.

A review names the fingerprint of the plan that was on the page. When another stands there by the
time it is sent, nothing was reviewed.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError, BadInput, Refused
from agri.field import Field
from agri.operations.reviews import latest_review
from agri.operations.spray import PLANNED_WIND, SprayRequest, plan_job
from agri.operations.survey import SurveyRequest, plan_field
from agri.people import Review, Verdict
from agri.weather import Wind
from agri.web.forms import number, side_of, sides_shown
from agri.web.looking import checked_plan, field_of, show_plan
from agri.web.pages import area, page
from agri.web.visit import Routes, Visit, visit_of
from agri.words import Message
from missions.catalogue import aircraft, all_aircraft, camera, cameras, sprayer, sprayers
from missions.sprayer.job import DoseUnit, Product

USUAL_CAMERA = "MicaSense RedEdge-P multispectral"
ONE_AT_A_TIME = threading.Lock()


def _done(path: str) -> Response:
    return RedirectResponse(path, status_code=303)


# ------------------------------------------------------------------ planning a survey


def survey_page(request: Request, uid: str) -> Response:
    """Show the form that plans a survey."""
    return _survey(request, uid, wrong="")


def _survey(request: Request, uid: str, *, wrong: str, status: int = 200) -> Response:
    flown = list(all_aircraft())
    usual = {"camera": USUAL_CAMERA, "gsd_cm": "2", "aircraft": aircraft().name}
    return _form(request, uid, "survey", usual, status=status, wrong=wrong,
                 cameras=_names(list(cameras())), aircraft=_names(flown))  # fmt: skip


def survey(request: Request, uid: str) -> Response:
    """Plan a survey and show it."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    try:
        gsd_cm = number(visit.form, "gsd_cm", Message.of("page.web_gsd_cm"), low=0.3, high=50.0)
        asked = SurveyRequest(
            field=field.uid,
            camera=camera(visit.form.get("camera", "")),
            aircraft=aircraft(visit.form.get("aircraft", "")),
            gsd_m=gsd_cm / 100.0,
        )
        with ONE_AT_A_TIME:
            planned = plan_field(
                visit.desk.farm, asked, language=visit.language, now=visit.desk.now()
            )
    except AgriError as error:
        return _survey(request, uid, wrong=error.text(visit.language), status=400)
    return _done(f"/plans/{planned.record.uid}")


# ------------------------------------------------------------------ planning a spraying


def spray_page(request: Request, uid: str) -> Response:
    """Show the form that plans a spraying."""
    return _spray(request, uid, wrong="")


def _spray(request: Request, uid: str, *, wrong: str, status: int = 200) -> Response:
    usual = {
        "sprayer": sprayer().name, "product": "", "dose": "", "unit": DoseUnit.ML.value,
        "phi_days": "", "rate_l_ha": "20", "crop_height_m": "", "wind": "", "wind_from": "",
    }  # fmt: skip
    return _form(request, uid, "spray", usual, status=status, wrong=wrong,
                 sprayers=_names(list(sprayers())), usual_wind_m_s=PLANNED_WIND.speed_m_s,
                 sides=sides_shown(visit_of(request).language),
                 units=_names([unit.value for unit in DoseUnit]))  # fmt: skip


def spray(request: Request, uid: str) -> Response:
    """Plan a spraying and show its first sortie."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    try:
        asked = _spray_request(visit, field)
        with ONE_AT_A_TIME:
            job = plan_job(visit.desk.farm, asked, language=visit.language, now=visit.desk.now())
    except AgriError as error:
        return _spray(request, uid, wrong=error.text(visit.language), status=400)
    if len(job.sorties) > 1:
        return _done(f"/fields/{uid}?planned={len(job.sorties)}")
    return _done(f"/plans/{job.sorties[0].record.uid}")


def _spray_request(visit: Visit, field: Field) -> SprayRequest:
    form = visit.form
    try:
        unit = DoseUnit(form.get("unit", ""))
    except ValueError:
        raise BadInput("error.dose_unit") from None
    product = Product(
        name=form.get("product", "")[:80],
        dose_per_ha=number(form, "dose", Message.of("page.web_dose"), low=0.0, high=100_000.0),
        unit=unit,
        # a part of a day is a day more: nobody harvests sooner than the label allows
        phi_days=math.ceil(number(form, "phi_days", Message.of("page.web_phi"), low=0, high=365)),
    )
    return SprayRequest(
        fields=(field.uid,),
        sprayer=sprayer(form.get("sprayer", "")),
        product=product,
        rate_l_ha=number(form, "rate_l_ha", Message.of("page.web_rate"), low=1.0, high=500.0),
        crop_height_m=number(form, "crop_height_m", Message.of("page.web_crop_height"),
                             low=0.0, high=30.0),
        wind=_wind(form),
    )  # fmt: skip


def _wind(form: Mapping[str, str]) -> Wind:
    """Return the wind that is told; of any direction and as strong as usual what is not."""
    speed_m_s = PLANNED_WIND.speed_m_s
    if form.get("wind", "").strip():
        speed_m_s = number(form, "wind", Message.of("page.fly_wind"), low=0.0, high=40.0)
    return Wind(speed_m_s=speed_m_s, from_deg=side_of(form))


def _names(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in names]


def _form(
    request: Request,
    uid: str,
    template: str,
    usual: dict[str, str],
    *,
    status: int,
    **values: object,
) -> Response:
    """Show a form over a field, with what was told last time or is usual."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    told = {name: visit.form.get(name, value) for name, value in usual.items()}
    return page(request, visit, template, status=status, uid=uid, name=field.name, told=told,
                size=area(field.area_m2, visit.language), **values)  # fmt: skip


# ------------------------------------------------------------------ reviewing a plan


def review(request: Request, uid: str) -> Response:
    """Keep what an adviser says of a plan."""
    visit = visit_of(request)
    farm = visit.desk.farm
    checked = checked_plan(farm, uid)
    try:
        if visit.form.get("digest", "") != checked.plan.digest:
            raise Refused("error.review_other_plan")
        said = Review(
            plan_uid=uid,
            plan_digest=checked.plan.digest,
            verdict=_verdict(visit),
            remark=visit.form.get("remark", ""),
            by=visit.who.name,
            at_utc=visit.desk.now(),
        )
        last = latest_review(farm, checked.plan)
        if last is None or not last.says_as(said):
            farm.people.review(said)
    except AgriError as error:
        return show_plan(request, uid, wrong=error.text(visit.language), status=400)
    return _done(f"/plans/{uid}")


def _verdict(visit: Visit) -> Verdict:
    try:
        return Verdict(visit.form.get("verdict", ""))
    except ValueError:
        raise BadInput("error.no_verdict") from None


ROUTES: Routes = [
    ("GET", "/fields/{uid}/survey", survey_page),
    ("POST", "/fields/{uid}/survey", survey),
    ("GET", "/fields/{uid}/spray", spray_page),
    ("POST", "/fields/{uid}/spray", spray),
    ("POST", "/plans/{uid}/review", review),
]
