"""Weather from the net, kept in the farm: Open-Meteo and NASA POWER, asked seldom and never needed.

Theory of operation. What was fetched lies in the farm's folder ``weather`` as a table
(`agri.weather.table`) and a note of its place, so a farm without a net has all it ever fetched, and
any other program can read it. Only what is missing is asked for: days that are kept and older than
`SETTLED_DAYS` are not asked for again; the last ones are, because services revise them. One request
a time, with a name, a time limit and a size limit; no answer is one sentence, and the caller goes
on with what is kept.

Neither service is a station: both are models of the weather on a grid of 10 to 50 km, and a valley
is colder at night than they say. Their names stand in the series' source.

Addresses: Open-Meteo's historical weather (archive-api.open-meteo.com/v1/archive, data CC BY 4.0)
and POWER's daily API (power.larc.nasa.gov/api/temporal/daily/point, community AG, local solar
days).
"""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from agri.errors import BadInput, NotFound, StoreError, Unreachable
from agri.files import make_folder, read_bytes_limited, read_json_limited, write_bytes, write_json
from agri.geo import LonLat
from agri.weather.series import Days, FloatArray, Hours, Series, columns_of
from agri.weather.table import MOST_BYTES, read_table, write_table

Service = Literal["open-meteo", "nasa-power"]
SERVICES: dict[str, str] = {
    "open-meteo": "https://archive-api.open-meteo.com/v1/archive",
    "nasa-power": "https://power.larc.nasa.gov/api/temporal/daily/point",
}
FOLDER = "weather"
TIMEOUT_S = 30.0
MOST_ANSWER_BYTES = 40_000_000
SETTLED_DAYS = 10
"""Older days are not asked for again."""
MOST_DAYS = 3660
"""In one request."""
SAME_PLACE_DEG = 0.02
AGENT = "agri (precision agriculture; one request at a time)"
OPEN_METEO = {
    "temperature_2m": ("temperature_c", 1.0), "relative_humidity_2m": ("humidity_pct", 1.0),
    "precipitation": ("rain_mm", 1.0), "wind_speed_10m": ("wind_m_s", 1.0),
    "shortwave_radiation": ("radiation_mj_m2", 0.0036),
}  # fmt: skip
"""Open-Meteo's names, ours, and the factor between: W/m² over an hour are 0.0036 MJ/m²."""
POWER = {
    "T2M_MIN": "low_c", "T2M_MAX": "high_c", "T2M": "mean_c", "RH2M": "humidity_pct",
    "PRECTOTCORR": "rain_mm", "WS10M": "wind_m_s", "ALLSKY_SFC_SW_DWN": "radiation_mj_m2",
}  # fmt: skip
POWER_MISSING = -900.0
"""POWER writes −999 for what it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Weather kept in a farm.

    Parameters
    ----------
    weather : Hours or Days
        The series, with place and source.
    fetched : datetime
        When something was last fetched, UTC.
    file : Path
        Its table.
    """

    weather: Hours | Days
    fetched: datetime
    file: Path


def fetch(
    service: Service,
    place: LonLat,
    first: date,
    last: date,
    *,
    address: str = "",
    timeout_s: float = TIMEOUT_S,
) -> Hours | Days:
    """Return the weather of a place from a service.

    Parameters
    ----------
    service : {"open-meteo", "nasa-power"}
        The first gives hours, the second days.
    place : LonLat
        Where.
    first, last : date
        From and to, both counted.
    address : str
        Of the service, by default its own.
    timeout_s : float
        For connecting and for each silence.

    Raises
    ------
    BadInput
        When the days are none or too many.
    Unreachable
        When the service does not answer, or with what is not weather.
    """
    if not 0 <= (last - first).days < MOST_DAYS:
        raise BadInput("error.weather_asked", first=first, last=last,
                       most=MOST_DAYS)  # fmt: skip
    hourly = service == "open-meteo"
    asked = _open_meteo_query(place, first, last) if hourly else _power_query(place, first, last)
    answer = _ask(f"{address or SERVICES[service]}?{urlencode(asked)}", service, timeout_s)
    try:
        weather = _hours(answer) if hourly else _days(answer)
        _as_asked(weather, first, last)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, BadInput):
        raise Unreachable("error.weather_answer", service=service) from None
    return replace(weather, place=place, source=service)


def _as_asked(weather: Hours | Days, first: date, last: date) -> None:
    """Refuse an answer about other days than those asked for."""
    begins = weather.start.date() if isinstance(weather, Hours) else weather.first
    count = (last - first).days + 1
    if begins != first or len(weather) > (24 * count if isinstance(weather, Hours) else count):
        raise ValueError


def _open_meteo_query(place: LonLat, first: date, last: date) -> dict[str, str]:
    return {
        "latitude": f"{place.lat_deg:.4f}", "longitude": f"{place.lon_deg:.4f}",
        "start_date": first.isoformat(), "end_date": last.isoformat(),
        "hourly": ",".join(OPEN_METEO), "timezone": "UTC", "wind_speed_unit": "ms",
    }  # fmt: skip


def _power_query(place: LonLat, first: date, last: date) -> dict[str, str]:
    return {
        "parameters": ",".join(POWER), "community": "AG", "format": "JSON",
        "latitude": f"{place.lat_deg:.4f}", "longitude": f"{place.lon_deg:.4f}",
        "start": f"{first:%Y%m%d}", "end": f"{last:%Y%m%d}",
    }  # fmt: skip


def _ask(url: str, service: str, timeout_s: float) -> Any:
    """Return a service's JSON; every way it can fail is one sentence."""
    if not url.startswith(("https://", "http://127.0.0.1:")):
        raise BadInput("error.weather_address", url=url[:80])
    request = Request(url, headers={"User-Agent": AGENT, "Accept": "application/json"})  # noqa: S310 - the scheme is checked above
    try:
        with urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - the scheme is checked above
            data = answer.read(MOST_ANSWER_BYTES + 1)
    except HTTPError as error:
        raise Unreachable("error.weather_refused", service=service, status=error.code) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = str(getattr(error, "reason", error))[:120]
        raise Unreachable("error.weather_unreachable", service=service, reason=reason) from None
    if len(data) > MOST_ANSWER_BYTES:
        raise Unreachable("error.weather_answer", service=service)
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise Unreachable("error.weather_answer", service=service) from None


def _numbers(values: Any, factor: float = 1.0) -> FloatArray:
    return np.array([math.nan if one is None else float(one) * factor for one in values])


def _hours(answer: Any) -> Hours:
    table = answer["hourly"]
    start = datetime.fromisoformat(table["time"][0]).replace(tzinfo=UTC)
    last = datetime.fromisoformat(table["time"][-1]).replace(tzinfo=UTC)
    if answer.get("utc_offset_seconds", 0) != 0:
        raise ValueError
    if (last - start) != timedelta(hours=len(table["time"]) - 1):
        raise ValueError
    columns: dict[str, Any] = {
        ours: _numbers(table[theirs], factor) for theirs, (ours, factor) in OPEN_METEO.items()
    }
    return Hours(start=start, wind_height_m=10.0, **columns)


def _days(answer: Any) -> Days:
    table: Mapping[str, Mapping[str, float]] = answer["properties"]["parameter"]
    names = sorted(table["T2M_MIN"])
    dates = [datetime.strptime(name, "%Y%m%d").replace(tzinfo=UTC).date() for name in names]
    if (dates[-1] - dates[0]).days != len(dates) - 1:
        raise ValueError
    columns: dict[str, Any] = {}
    for theirs, ours in POWER.items():
        values = _numbers(table[theirs][name] for name in names)
        columns[ours] = np.where(values < POWER_MISSING, math.nan, values)
    return Days(first=dates[0], wind_height_m=10.0, **columns)


def kept(folder: Path, service: str = "") -> Kept:
    """Return the weather kept in a farm's folder, of one service or the last fetched.

    Raises
    ------
    NotFound
        When none is kept.
    BadInput, StoreError
        When it cannot be read.
    """
    found = [_kept(folder, name) for name in ([service] if service else SERVICES)
             if (folder / FOLDER / f"{name}.json").is_file()]  # fmt: skip
    if not found:
        raise NotFound("error.weather_none_kept")
    return max(found, key=lambda one: one.fetched)


def _kept(folder: Path, service: str) -> Kept:
    file = folder / FOLDER / f"{service}.csv"
    note = read_json_limited(folder / FOLDER / f"{service}.json", limit_bytes=10_000)
    try:
        place = LonLat(lon_deg=note["lon_deg"], lat_deg=note["lat_deg"])
        fetched = datetime.fromisoformat(note["fetched"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        raise StoreError("error.weather_note", path=str(file.with_suffix(".json"))) from None
    data = read_bytes_limited(file, limit_bytes=MOST_BYTES)
    weather = read_table(data, name=file.name).weather
    return Kept(weather=replace(weather, place=place, source=service), fetched=fetched, file=file)


def refresh(
    folder: Path,
    service: Service,
    place: LonLat,
    first: date,
    last: date,
    *,
    now: datetime,
    address: str = "",
    timeout_s: float = TIMEOUT_S,
) -> Kept:
    """Fetch what a farm's folder does not hold yet, keep it, and return all that is kept.

    Parameters
    ----------
    folder : Path
        Of the farm.
    service, place, first, last, address, timeout_s
        As in `fetch`; days after yesterday are not asked for.
    now : datetime
        With a time zone.

    Raises
    ------
    Unreachable
        As `fetch`; what is kept stays as it was.
    """
    last = min(last, (now - timedelta(days=1)).date())
    try:
        old: Kept | None = _kept(folder, service)
    except NotFound:
        old = None
    if old is not None and not _same_place(old.weather.place, place):
        old = None
    start = first if old is None else _missing_from(old.weather, first, last, now.date())
    if old is not None and start is None:
        return old
    new = fetch(service, place, start or first, last, address=address, timeout_s=timeout_s)
    weather = new if old is None else _joined(old.weather, new)
    file = make_folder(folder / FOLDER) / f"{service}.csv"
    write_bytes(file, write_table(weather))
    note = {"lon_deg": place.lon_deg, "lat_deg": place.lat_deg, "fetched": now.isoformat()}
    write_json(file.with_suffix(".json"), note)
    return Kept(weather=weather, fetched=now, file=file)


def _same_place(one: LonLat | None, other: LonLat) -> bool:
    return one is not None and (
        abs(one.lon_deg - other.lon_deg) < SAME_PLACE_DEG
        and abs(one.lat_deg - other.lat_deg) < SAME_PLACE_DEG
    )


def _missing_from(weather: Hours | Days, first: date, last: date, today: date) -> date | None:
    """Return the first day to ask for, None when all is kept and settled."""
    if isinstance(weather, Hours):
        there, until = weather.start.date(), weather.time(len(weather) - 1).astimezone(UTC).date()
    else:
        there, until = weather.first, weather.last
    if first < there:
        return first
    settled = today - timedelta(days=SETTLED_DAYS)
    if last <= until and last <= settled:
        return None
    return min(until, settled)


def _joined(old: Hours | Days, new: Hours | Days) -> Hours | Days:
    if isinstance(old, Hours) and isinstance(new, Hours):
        shift = round((new.start - old.start).total_seconds() / 3600.0)
        return replace(_merged(old, new, shift), start=min(old.start, new.start))
    if isinstance(old, Days) and isinstance(new, Days):
        shift = (new.first - old.first).days
        return replace(_merged(old, new, shift), first=min(old.first, new.first))
    return new


def _merged(old: Series, new: Series, shift: int) -> Series:
    """Return both on one calendar; where both know a value the new one holds."""
    begin = min(0, shift)
    count = max(len(old), shift + len(new)) - begin
    columns: dict[str, Any] = {}
    for name in columns_of(old):
        values = np.full(count, math.nan)
        values[-begin : -begin + len(old)] = old.column(name)
        part = values[shift - begin : shift - begin + len(new)]
        fresh = new.column(name)
        part[np.isfinite(fresh)] = fresh[np.isfinite(fresh)]
        columns[name] = values
    return replace(new, **columns)
