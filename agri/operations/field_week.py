"""What to do this week on a field of the farm, from what the farm keeps: no file, no net asked.

Theory of operation. The terminal's `agri advise` lets its user name files; a page has a field and a
day. Everything else is what the farm keeps: weather of past years and the hours to come as they
were fetched last, records and flights, labels, and the last forecast of the yield. What is missing
is said in the advice itself.

A field whose crop has no card gets no advice but a sentence, and so does one that grows nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from agri.crop import CropCard
from agri.crop_cards import CropNames, crop_card
from agri.errors import AgriError, BadInput, NotFound
from agri.field import Field
from agri.operations.advice import (
    AdviceReport,
    Orchard,
    advise_field,
    farm_labels,
    farm_records,
)
from agri.operations.forecast_kept import kept_forecast
from agri.operations.hours_ahead import forecast_for
from agri.operations.stages import season_year
from agri.operations.weather import kept
from agri.units import INDOCHINA_TIME
from agri.weather.series import Days, Hours
from agri.workspace import Workspace
from models.advice.situation import Forecast


def week_of(farm: Workspace, field: Field, *, now: datetime) -> AdviceReport:
    """Return what to do on a field in the week from today on.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : Field
        Of it.
    now : datetime
        With a time zone.

    Raises
    ------
    BadInput, NotFound
        When no card tells of what grows there, or what is kept cannot be read.
    """
    card = _card(field)
    here = now.astimezone(INDOCHINA_TIME)
    place = field.frame.origin
    coming, told = forecast_for(farm.folder, place, now=now, fetching=False)
    records, found = farm_records(farm, field)
    forecast, trees = expected_yield(farm, field, season_year(card, here.date()))
    report = advise_field(
        field.name, card, today=here.date(), now=here, place=place, area_m2=field.area_m2,
        past=_past(farm), coming=coming, records=records, labels=farm_labels(farm, None),
        orchard=Orchard(forecast=forecast, trees=trees),
    )  # fmt: skip
    return replace(report, findings=tuple(dict.fromkeys((*told, *found, *report.findings))))


def _card(field: Field) -> CropCard:
    try:
        return crop_card(field.crop)
    except BadInput:
        raise BadInput("error.week_no_card", field=field.name, crop=field.crop or "?",
                       known=CropNames()) from None  # fmt: skip


def _past(farm: Workspace) -> Hours | Days | None:
    try:
        return kept(farm.folder).weather
    except NotFound:
        return None


def expected_yield(
    farm: Workspace, field: Field, season: int
) -> tuple[Forecast | None, float | None]:
    """Return the yield that the farm keeps a forecast of, when it is of this season, and its trees.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    field : Field
        Of it.
    season : int
        Year of the harvest.
    """
    try:
        found = kept_forecast(farm, field)
    except AgriError:
        return None, None
    if found is None or found.season != season:
        return None, None
    last = found.gates[-1]
    source = f"agri forecast {found.season}"
    return Forecast(low_kg=last.low_kg, kg=last.kg, high_kg=last.high_kg, source=source), float(
        found.trees
    )
