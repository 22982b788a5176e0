"""What a farmer reads: this week's work, the diary of a season, and what a field will bear.

They show what the terminal and the printed sheets show, by the same values and the same parts
(`agri.operations.sheets`). Nothing here takes long: a forecast, which may, is made elsewhere and
read as it was left. What is not known on a field is one sentence in its place.
"""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from agri.errors import AgriError
from agri.field import Field
from agri.field_records import Harvest
from agri.operations.advice import AdviceReport
from agri.operations.advice_page import VERDICT_SYMBOL, advice_values
from agri.operations.diary import Diary, field_diary, flight_sprays
from agri.operations.diary_page import diary_table, diary_values
from agri.operations.field_week import week_of
from agri.operations.forecast_kept import (
    GATE_HEADS,
    KeptForecast,
    card_facts,
    card_limits,
    card_rows,
    forecast_card,
    forecast_facts,
    forecast_picture,
    gate_rows,
    kept_forecast,
)
from agri.operations.lot_label import code_text, page_name
from agri.operations.records import described, season_at
from agri.units import INDOCHINA_TIME
from agri.web.looking import field_of
from agri.web.pages import page, when
from agri.web.visit import Routes, Visit, visit_of
from agri.words import day_text, say
from models.advice.outcome import Verdict

MOST_FIELDS = 40
"""Fields whose week is worked out for the farm's page; the others are named."""
FIRST_WORKS = 4
"""Works of a field that the farm's page names."""


# ------------------------------------------------------------------ this week


def _week(visit: Visit, field: Field) -> tuple[AdviceReport | None, str]:
    """Return a field's week, or why there is none."""
    try:
        return week_of(visit.desk.farm, field, now=visit.desk.now()), ""
    except AgriError as error:
        return None, error.text(visit.language)


def farm_week(request: Request) -> Response:
    """Show what comes first this week on every field."""
    visit = visit_of(request)
    fields = visit.desk.farm.farm_with_findings()[0].fields
    cards = [_week_card(visit, one) for one in fields[:MOST_FIELDS]]
    return page(request, visit, "weeks", cards=cards, left=len(fields) - len(cards))


def _week_card(visit: Visit, field: Field) -> dict[str, Any]:
    report, why = _week(visit, field)
    works = [
        (one.verdict.value, VERDICT_SYMBOL[one.verdict],
         say(f"page.advice_{one.verdict.value}", visit.language), one.what.text(visit.language))
        for one in (report.week if report else ())
    ]  # fmt: skip
    order = [verdict.value for verdict in Verdict]
    works.sort(key=lambda work: order.index(work[0]))
    return {"uid": field.uid, "name": field.name, "works": works[:FIRST_WORKS],
            "more": max(0, len(works) - FIRST_WORKS), "why": why}  # fmt: skip


def field_week(request: Request, uid: str) -> Response:
    """Show what to do this week on a field, what waits, and what is forbidden and why."""
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    report, why = _week(visit, field)
    told = advice_values(report, visit.language) if report else {}
    return page(request, visit, "week", **{"uid": uid, "name": field.name, "why": why, **told})


# ------------------------------------------------------------------ the diary


def _diary(request: Request, uid: str) -> Diary:
    visit = visit_of(request)
    field = field_of(visit.desk.farm, uid)
    today = visit.desk.now().astimezone(INDOCHINA_TIME).date()
    asked = request.query_params.get("season", "")
    season = int(asked) if asked.isascii() and asked.isdigit() and len(asked) == 4 else 0
    season = season or season_at(field, today)
    lot = request.query_params.get("lot", "")[:200]
    return field_diary(visit.desk.farm, field.uid, season=season, lot=lot, made=today)


def diary_page(request: Request, uid: str) -> Response:
    """Show the diary of a field's season, or of a lot with its code."""
    visit = visit_of(request)
    diary = _diary(request, uid)
    told, no_code = _diary_told(visit, diary)
    own = visit.desk.farm.records.read(field=diary.field.uid)
    flown, _ = flight_sprays(visit.desk.farm, diary.field, own)
    seasons = {one.season for one in (*own, *flown)} | {diary.season}
    lots = {one.lot for one in own if isinstance(one, Harvest) and one.season == diary.season}
    return page(
        request,
        visit,
        "diary",
        uid=uid,
        seasons=sorted(seasons, reverse=True),
        lots=sorted(lots - {""}),
        no_code=no_code,
        entries=[
            (
                one.uid,
                day_text(one.day, visit.language),
                say(f"page.kind_{one.kind}", visit.language),
                described(one, visit.language),
            )
            for one in reversed(diary.records)
            if one.field_uid and one.uid
        ],
        **told,
    )


def _diary_told(visit: Visit, diary: Diary) -> tuple[dict[str, Any], str]:
    """Return what the diary shows, and why a lot's code is missing."""
    try:
        code = code_text(diary, visit.language) if diary.lot else ""
        return diary_values(diary, visit.language, code), ""
    except AgriError as error:
        return diary_values(diary, visit.language), error.text(visit.language)


def diary_csv(request: Request, uid: str) -> Response:
    """Return the records of a diary as a table for spreadsheets."""
    diary = _diary(request, uid)
    text = "\ufeff" + diary_table(diary, visit_of(request).language)
    headers = {"content-disposition": f'attachment; filename="{page_name(diary)}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


# ------------------------------------------------------------------ the forecast


def forecast_page(request: Request, uid: str) -> Response:
    """Show the kept forecast of a field: its range, where its error comes from, its model."""
    visit = visit_of(request)
    farm, language = visit.desk.farm, visit.language
    field = field_of(farm, uid)
    found = kept_forecast(farm, field)
    if found is None:
        return page(request, visit, "forecast", uid=uid, name=field.name, found=None,
                    how=say("page.forecast_none", language, field=field.name))  # fmt: skip
    return page(
        request,
        visit,
        "forecast",
        uid=uid,
        name=field.name,
        found=found,
        said=found.said(language),
        how=say("page.forecast_again", language, field=field.name),
        facts=forecast_facts(found, field, language),
        made=when(found.made, language),
        heads=[say(key, language) for key in GATE_HEADS],
        rows=gate_rows(found, language),
        pictures=_pictures(found, uid, visit),
        **_card(visit, field),
    )


def _pictures(found: KeptForecast, uid: str, visit: Visit) -> list[tuple[str, str]]:
    """Return address and name of the forecast's pictures."""
    return [
        (f"/fields/{uid}/forecast/{kind}.png?of={found.made.timestamp():.0f}&in={visit.language}",
         say(f"page.picture_{kind.replace('-', '_')}", visit.language))
        for kind, _ in found.pictures
    ]  # fmt: skip


def _card(visit: Visit, field: Field) -> dict[str, Any]:
    card = forecast_card(visit.desk.farm, field)
    if card is None:
        return {"card": None}
    return {
        "card": card_facts(card, visit.language),
        "card_rows": card_rows(card, visit.language),
        "limits": card_limits(card, visit.language),
        "features": ", ".join(card.features),
    }


def forecast_png(request: Request, uid: str, kind: str) -> Response:
    """Return a picture of a field's forecast."""
    visit = visit_of(request)
    farm = visit.desk.farm
    data = forecast_picture(farm, field_of(farm, uid), kind, visit.language)
    return Response(data, media_type="image/png")


ROUTES: Routes = [
    ("GET", "/week", farm_week),
    ("GET", "/fields/{uid}/week", field_week),
    ("GET", "/fields/{uid}/diary", diary_page),
    ("GET", "/fields/{uid}/diary.csv", diary_csv),
    ("GET", "/fields/{uid}/forecast", forecast_page),
    ("GET", "/fields/{uid}/forecast/{kind}.png", forecast_png),
]
