"""The report of a field as a sheet: HTML for A4, and PDF where a library for it is installed.

The same part serves the file, the app's page and the PDF. Pages break between sections, never in a
picture or a row; the app's menus and forms are not printed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agri.crop_cards import crop_told
from agri.errors import BadInput
from agri.files import write_bytes, write_text
from agri.names import slug
from agri.operations.advice_page import advice_values
from agri.operations.field_report import FieldReport
from agri.operations.fieldmap.stress import spot_title
from agri.operations.forecast_kept import GATE_HEADS, forecast_facts, gate_rows
from agri.operations.found import marked
from agri.operations.sheets import sheet
from agri.units import INDOCHINA_TIME, square_metres_to_hectares, square_metres_to_sao
from agri.words import Language, day_text, say
from agri.workspace import Workspace
from imagery.extras import extra


def report_values(report: FieldReport, language: Language) -> dict[str, Any]:
    """Return what the template of the report shows.

    Parameters
    ----------
    report : FieldReport
        From `agri.operations.field_report`.
    language : {"vi", "en"}
        Of the words.
    """
    week = advice_values(report.week, language) if report.week else None
    remark = report.remark
    return {
        "title": say("page.report_title", language),
        "name": report.field.name,
        "heads": _heads(report, language),
        "maps": [(one.title, b64encode(one.png).decode("ascii")) for one in report.maps],
        "figures": _figure_rows(report, language),
        "plots": _plot_rows(report, language),
        "plots_of": report.plots_of,
        "spots": _spot_rows(report, language),
        "applied": _applied_rows(report, language),
        "week": week,
        "missing": [one.text(language) for one in report.missing],
        "remark": (remark.text, say("page.web_by", language, who=remark.by or "–",
                                    when=day_text(remark.day, language))) if remark else None,
        **_forecast(report, language),
    }  # fmt: skip


def _heads(report: FieldReport, language: Language) -> list[tuple[str, str]]:
    area_m2 = report.field.area_m2
    here = report.field.frame.origin
    ground = say("page.diary_area", language, sao=square_metres_to_sao(area_m2),
                 ha=square_metres_to_hectares(area_m2))  # fmt: skip
    told = [
        ("page.diary_farm", report.farm_name),
        ("page.diary_field", report.field.name),
        ("page.diary_crop", crop_told(report.field.crop, language)),
        ("page.diary_ground", ground),
        ("page.report_place", f"{here.lat_deg:.5f}, {here.lon_deg:.5f}"),
        ("page.diary_made", day_text(report.made.astimezone(INDOCHINA_TIME), language)),
    ]
    return [(say(key, language), value) for key, value in told if value]


def _rows(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], language: Language
) -> dict[str, Any]:
    return {
        "title": title,
        "heads": [say(head, language) for head in heads],
        "rows": [tuple(row) for row in rows],
    }


def _number(value: float, language: Language) -> str:
    return say("page.number", language, value=value)


def _figure_rows(report: FieldReport, language: Language) -> dict[str, Any]:
    heads = ("page.record_day", "page.report_index", "page.report_mean", "page.report_p10",
             "page.report_p50", "page.report_p90", "page.report_covered")  # fmt: skip
    rows = [
        (day_text(product.start.astimezone(INDOCHINA_TIME).date(), language), row.label,
         _number(row.mean, language), *(_number(one, language) for one in row.quantiles),
         f"{100.0 * row.coverage:.0f} %")
        for product, row in report.figures
    ]  # fmt: skip
    return _rows(say("page.report_figures", language), heads, rows, language)


def _plot_rows(report: FieldReport, language: Language) -> dict[str, Any]:
    heads = ("page.report_plot", "page.report_mean", "page.report_below", "page.fact_area",
             "page.report_place")  # fmt: skip
    rows = [
        (one.name, _number(one.mean, language),
         say("page.report_below_value", language, sd=one.below_sd),
         say("page.report_m2", language, area_m2=one.area_m2),
         f"{one.middle.lat_deg:.6f}, {one.middle.lon_deg:.6f}")
        for one in report.plots
    ]  # fmt: skip
    title = say("page.report_plots", language, name=report.plots_of or "–")
    return _rows(title, heads, rows, language)


def _spot_rows(report: FieldReport, language: Language) -> dict[str, Any]:
    heads = ("page.report_spot", "page.record_trees", "page.fact_area", "page.report_cause",
             "page.report_look", "page.report_place")  # fmt: skip
    rows = [
        (spot_title(one, language), one.trees[:80],
         say("page.report_m2", language, area_m2=one.area_m2), " ".join(one.causes(language)),
         " ".join(one.looks(language)),
         f"{one.place.lat_deg:.6f}, {one.place.lon_deg:.6f}")
        for one in report.spots
    ]  # fmt: skip
    return _rows(say("page.report_spots", language), heads, rows, language)


def _applied_rows(report: FieldReport, language: Language) -> dict[str, Any]:
    heads = ("page.record_day", "page.fact_product", "page.report_litres", "page.fact_treated",
             "page.fact_missed", "page.fact_harvest_from")  # fmt: skip
    rows = [
        (day_text(one.sprayed_utc.astimezone(INDOCHINA_TIME).date(), language),
         marked(one.product, simulated, language),
         say("page.fact_litres_value", language, litres=one.litres),
         say("page.fact_treated_value", language, ha=square_metres_to_hectares(one.sprayed_m2),
             sao=square_metres_to_sao(one.sprayed_m2)),
         say("page.fact_missed_value", language, area_m2=one.missed_m2,
             sao=square_metres_to_sao(one.missed_m2)),
         day_text(one.phi_end, language))
        for one, simulated in report.applied
    ]  # fmt: skip
    return _rows(say("page.web_applied", language), heads, rows, language)


def _forecast(report: FieldReport, language: Language) -> dict[str, Any]:
    found = report.forecast
    if found is None:
        return {"forecast": None}
    picture = found.picture("forecast-gates", language)
    gates = _rows(say("page.forecast_gates", language), GATE_HEADS, gate_rows(found, language),
                  language)  # fmt: skip
    return {
        "forecast": forecast_facts(found, report.field, language),
        "forecast_told": found.said(language),
        "gates": gates,
        "forecast_picture": b64encode(picture.read_bytes()).decode("ascii") if picture else "",
    }


def render_report(report: FieldReport, language: Language) -> str:
    """Return the report as one file: HTML for A4, its style and pictures inside, no script."""
    return sheet("report", language, style="report", **report_values(report, language))


def pdf_made_here() -> bool:
    """Return whether the library that makes PDF files is installed."""
    return find_spec("weasyprint") is not None


def report_pdf(html: str, *, page: str = "") -> bytes:
    """Return a sheet as PDF.

    Parameters
    ----------
    html : str
        From `render_report`; what it does not carry inside is not asked for.
    page : str
        Where the sheet is kept as a page, which is what can be printed without the library.

    Raises
    ------
    BadInput
        When the library, or Pango with which it draws, is missing; the sentence tells how to go on.
    """
    try:
        weasyprint = extra("weasyprint", extra="pdf")
    except BadInput:
        raise BadInput("error.pdf_missing", page=page) from None
    except OSError:
        raise BadInput("error.pdf_drawing", page=page) from None

    fetcher = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    return bytes(weasyprint.HTML(string=html, url_fetcher=fetcher).write_pdf())


def keep_field_report(
    farm: Workspace, report: FieldReport, language: Language, *, pdf: bool = False
) -> tuple[Path, ...]:
    """Write the report into the farm's reports and return its files.

    Raises
    ------
    BadInput
        When PDF is asked for and the library for it is missing; the page is written even then.
    """
    html = render_report(report, language)
    day = report.made.astimezone(INDOCHINA_TIME).date()
    stem = f"{slug(report.field.name)}-{say('page.file_report', language)}-{day.isoformat()}"
    page = farm.reports / f"{stem}.html"
    write_text(page, html)
    if not pdf:
        return (page,)
    write_bytes(page.with_suffix(".pdf"), report_pdf(html, page=str(page)))
    return page, page.with_suffix(".pdf")
