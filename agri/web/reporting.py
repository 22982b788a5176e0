"""The report of a field: read, remarked on, printed from the browser or fetched as PDF.

Its maps and figures are kept by what they were made of (`agri.operations.report_pieces`), on the
shelf where the tiles are; so are its PDFs, by the very sheet that they print.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from agri.errors import AgriError
from agri.names import slug
from agri.operations.field_report import FieldReport, field_report, keep_remark
from agri.operations.field_report_page import (
    pdf_made_here,
    render_report,
    report_pdf,
    report_values,
)
from agri.operations.report_pieces import Key, T
from agri.web.looking import field_of
from agri.web.pages import page
from agri.web.planning import ONE_AT_A_TIME
from agri.web.products import TileShelf, shelf_of
from agri.web.visit import Routes, visit_of


def _report(request: Request, uid: str) -> FieldReport:
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    pieces = _OneAtATime(shelf_of(visit))
    return field_report(visit.desk.farm, field, now=visit.desk.now(), language=visit.language,
                        pieces=pieces)  # fmt: skip


class _OneAtATime:
    """The shelf, on which new pieces are made one at a time, for pictures take memory."""

    def __init__(self, shelf: TileShelf) -> None:
        self._shelf = shelf

    def picture(self, key: Key, path: Path | None, draw: Callable[[], bytes]) -> bytes:
        """Return a picture, drawn now or before."""
        return self._shelf.picture(key, path, lambda: _alone(draw))

    def kept(self, key: Key, path: Path | None, make: Callable[[], T]) -> T:
        """Return a value, made now or before."""
        return self._shelf.kept(key, path, lambda: _alone(make))


def _alone(make: Callable[[], T]) -> T:
    with ONE_AT_A_TIME:
        return make()


def report_page(request: Request, uid: str) -> Response:
    """Show the report of a field, as it will be on paper."""
    return _page(request, uid)


def _page(request: Request, uid: str, *, wrong: str = "", status: int = 200) -> Response:
    visit = visit_of(request)
    told = report_values(_report(request, uid), visit.language)
    return page(request, visit, "report", status=status, uid=uid, wrong=wrong, pdf=pdf_made_here(),
                **told)  # fmt: skip


def report_as_pdf(request: Request, uid: str) -> Response:
    """Return the report as PDF, or the page with a sentence on how to print it."""
    visit = visit_of(request)
    report = _report(request, uid)
    try:
        html = render_report(report, visit.language)
        key = ("pdf", hashlib.sha256(html.encode()).hexdigest())
        data = shelf_of(visit).picture(key, None, lambda: report_pdf(html))
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
