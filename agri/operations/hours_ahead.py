"""The hours to come, from Open-Meteo's forecast: asked seldom, kept in the farm, never needed.

Theory of operation. The forecast's address answers the same questions as that of past weather
(`agri.operations.weather`), for some days back and the week ahead. What was fetched is kept as a
table beside the past weather and is not asked for again for some hours. Without a net the kept one
is used as long as it is not old, and it is said how old it is; a forecast that has run out is none.

A forecast is a model's guess for a square of some kilometres. It chooses hours to get ready for;
whether to spray is judged at the field, by what is measured there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from agri.errors import NotFound, StoreError, Unreachable
from agri.files import make_folder, read_bytes_limited, read_json_limited, write_bytes, write_json
from agri.findings import Finding
from agri.geo import LonLat
from agri.operations.weather import FOLDER, SAME_PLACE_DEG, fetch
from agri.weather.series import DAY_COLUMNS, Days, Hours, days_from_hours
from agri.weather.table import MOST_BYTES, read_table, write_table

ADDRESS = "https://api.open-meteo.com/v1/forecast"
NAME = "forecast"
BACK_DAYS, AHEAD_DAYS = 7, 8
FRESH_H = 3.0
"""A kept forecast younger than this is not asked for again."""
OLD_H = 36.0
"""A kept forecast older than this is no forecast any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A forecast and when it was fetched.

    Parameters
    ----------
    hours : Hours
        Some past days and the days to come.
    fetched : datetime
        When, UTC.
    """

    hours: Hours
    fetched: datetime


def kept_forecast(folder: Path, place: LonLat) -> Outlook | None:
    """Return the forecast kept in a farm's folder for a place; None when there is none."""
    file = folder / FOLDER / f"{NAME}.csv"
    try:
        note = read_json_limited(file.with_suffix(".json"), limit_bytes=10_000)
        data = read_bytes_limited(file, limit_bytes=MOST_BYTES)
    except NotFound:
        return None
    try:
        where = LonLat(lon_deg=note["lon_deg"], lat_deg=note["lat_deg"])
        fetched = datetime.fromisoformat(note["fetched"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        raise StoreError("error.weather_note", path=str(file.with_suffix(".json"))) from None
    near = (abs(where.lon_deg - place.lon_deg) < SAME_PLACE_DEG
            and abs(where.lat_deg - place.lat_deg) < SAME_PLACE_DEG)  # fmt: skip
    weather = read_table(data, name=file.name).weather
    if not near or not isinstance(weather, Hours):
        return None
    return Outlook(hours=replace(weather, place=where, source=NAME), fetched=fetched)


def fresh_forecast(
    folder: Path, place: LonLat, *, now: datetime, address: str = ADDRESS
) -> Outlook:
    """Return a forecast that is at most some hours old, fetching and keeping one when needed.

    Parameters
    ----------
    folder : Path
        Of the farm.
    place : LonLat
        Where.
    now : datetime
        With a time zone.
    address : str
        Of the service.

    Raises
    ------
    Unreachable
        When it does not answer; what is kept stays.
    """
    old = kept_forecast(folder, place)
    if old is not None and now - old.fetched < timedelta(hours=FRESH_H):
        return old
    today = now.astimezone(UTC).date()
    first, last = today - timedelta(days=BACK_DAYS), today + timedelta(days=AHEAD_DAYS)
    found = fetch("open-meteo", place, first, last, address=address)
    assert isinstance(found, Hours)  # noqa: S101 - that service gives hours
    file = make_folder(folder / FOLDER) / f"{NAME}.csv"
    write_bytes(file, write_table(found))
    note = {"lon_deg": place.lon_deg, "lat_deg": place.lat_deg, "fetched": now.isoformat()}
    write_json(file.with_suffix(".json"), note)
    return Outlook(hours=replace(found, source=NAME), fetched=now.astimezone(UTC))


def forecast_for(
    folder: Path, place: LonLat, *, now: datetime, fetching: bool, address: str = ADDRESS
) -> tuple[Hours | None, tuple[Finding, ...]]:
    """Return the hours to come as far as they are known, and what is to be said of them.

    Parameters
    ----------
    folder, place, now, address
        As in `fresh_forecast`.
    fetching : bool
        Whether the net may be asked.
    """
    told: list[Finding] = []
    if fetching:
        try:
            return fresh_forecast(folder, place, now=now, address=address).hours, ()
        except Unreachable as error:
            told.append(Finding.warning("finding.forecast_unreachable", reason=error.message))
    old = kept_forecast(folder, place)
    if old is None:
        return None, tuple(told)
    age_h = (now - old.fetched).total_seconds() / 3600.0
    if not -1.0 <= age_h <= OLD_H:
        return None, (*told, Finding.warning("finding.forecast_old", hours=age_h))
    if age_h > FRESH_H:
        told.append(Finding.info("finding.forecast_age", hours=age_h))
    return old.hours, tuple(told)


def days_with(past: Hours | Days | None, coming: Hours | None) -> Days | None:
    """Return past days and those to come on one calendar; what was measured wins.

    A day that the past does not hold, or holds in part, is taken from the forecast.
    """
    older = days_from_hours(past) if isinstance(past, Hours) else past
    newer = None if coming is None else days_from_hours(coming)
    if older is None or newer is None:
        return older or newer
    first, last = min(older.first, newer.first), max(older.last, newer.last)
    columns: dict[str, Any] = {
        name: np.full((last - first).days + 1, np.nan) for name in DAY_COLUMNS
    }
    for series in (newer, older):
        start = (series.first - first).days
        for name, column in columns.items():
            part, values = column[start : start + len(series)], series.column(name)
            part[np.isfinite(values)] = values[np.isfinite(values)]
    return replace(older, first=first, filled=(), place=older.place or newer.place, **columns)
