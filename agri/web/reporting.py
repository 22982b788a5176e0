"""The report of a field: read, remarked on, printed from the browser or fetched as PDF."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError
from agri.names import slug
from agri.operations.field_report import FieldReport, field_report, keep_remark
from agri.operations.field_report_page import render_report, report_pdf, report_values
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.planning import ONE_AT_A_TIME
from agri.web.visit import Routes, visit_of


def _report(request: Request, uid: str) -> FieldReport:
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    with ONE_AT_A_TIME:  # pictures take memory
        return field_report(visit.desk.farm, field, now=visit.desk.now(), language=visit.language)


def report_page(request: Request, uid: str) -> Response:
    """Show the report of a field, as it will be on paper."""
    return _page(request, uid)


def _page(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    told = report_values(_report(request, uid), visit.language)
    return page(request, visit, "report", status=status, uid=uid, wrong=wrong, **told)


def report_as_pdf(request: Request, uid: str) -> Response:
    """Return the report as PDF, or the page with a sentence on how to print it."""
    visit = visit_of(request)
    report = _report(request, uid)
    try:
        data = report_pdf(render_report(report, visit.language))
    except AgriError as error:
        return _page(request, uid, wrong=error.text(visit.language))
    name = f"{slug(report.field.name)}.pdf"
    headers = {"content-disposition": f'inline; filename="{name}"'}
    return Response(data, media_type="application/pdf", headers=headers)


def remark(request: Request, uid: str) -> Response:
    """Keep the agent's remark."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    try:
        keep_remark(visit.desk.farm, field, visit.form.get("remark", ""), by=visit.who.name,
                    now=visit.desk.now())  # fmt: skip
    except AgriError as error:
        return _page(request, uid, wrong=error.text(visit.language), status=400)
    return RedirectResponse(f"/fields/{uid}/report", status_code=303)


ROUTES: Routes = [
    ("GET", "/fields/{uid}/report", report_page),
    ("GET", "/fields/{uid}/report.pdf", report_as_pdf),
    ("POST", "/fields/{uid}/report", remark),
]
