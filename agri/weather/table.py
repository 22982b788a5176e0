"""Tables of weather stations: strangers' CSV files read with care, and our own written.

Theory of operation. A station's file may come from anywhere: a logger with semicolons and decimal
commas, a sheet with Vietnamese headings, a download with lines of remarks above its table. The head
is the first of the leading lines in which a time and a temperature or rain are recognised, by its
words without accents, case or unit; the unit is read from the heading ("°F", "km/h") and converted.
What the heading leaves open is assumed to be °C, %, mm, m/s and MJ/m² and, for wind, told.

Rows are put into their place in a calendar without holes; of two rows of one time the last holds.
A logger that reads every ten minutes has its hours made: means, and for rain sums. A cell that is
not a number is not known, and told. A table with several places in it is not averaged: the place
must be named. Limits on size, rows and columns come before any parsing, and what cannot be read is
one sentence.

Day before month is how dates are written here: ``05/01/2026`` is the fifth of January. A file in
which that cannot be (``01/25/2026``) is refused with the row.
"""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from agri.names import fold
from agri.weather.series import VIETNAM, Days, FloatArray, Hours, columns_of, spoken

MOST_BYTES = 60_000_000
MOST_ROWS = 500_000
MOST_COLUMNS = 200
YEARS = range(1800, 2200)
HEAD_LINES = 40
"""Lines above a table in which its head is looked for."""
EMPTY = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "--", "---", "m", "-999", "-999.0",
                   "-9999", "-99.9"})  # fmt: skip
"""What a missing value is written as."""

NAMES: dict[str, tuple[str, ...]] = {
    "time": ("time", "date time", "datetime", "timestamp", "date", "thoi gian", "ngay gio", "ngay",
             "ngay thang", "valid", "valid time"),
    "clock": ("hour", "gio", "clock", "gio do"),
    "place": ("city", "station", "station name", "tram", "tinh", "thanh pho", "province", "name",
              "location", "dia diem"),
    "low_c": ("temp min", "tmin", "t min", "min temp", "minimum temperature", "temperature min",
              "temperature 2m min", "nhiet do thap nhat", "nhiet do toi thap", "nhiet do min",
              "t2m min", "low c"),
    "high_c": ("temp max", "tmax", "t max", "max temp", "maximum temperature", "temperature max",
               "temperature 2m max", "nhiet do cao nhat", "nhiet do toi cao", "nhiet do max",
               "t2m max", "high c"),
    "mean_c": ("temp mean", "tmean", "tavg", "temp avg", "mean temperature", "temperature mean",
               "temperature 2m mean", "nhiet do trung binh", "nhiet do tb", "mean c"),
    "temperature_c": ("temperature", "temp", "t", "temperature 2m", "air temperature", "nhiet do",
                      "nhiet do khong khi", "t2m", "temperature c"),
    "humidity_low_pct": ("humidity min", "rh min", "rhmin", "do am thap nhat", "humidity low pct"),
    "humidity_high_pct": ("humidity max", "rh max", "rhmax", "do am cao nhat",
                          "humidity high pct"),
    "humidity_pct": ("humidity", "rh", "relative humidity", "relative humidity 2m", "do am",
                     "do am trung binh", "do am tb", "do am khong khi", "rh2m", "humidity mean",
                     "humidity pct", "humidi"),
    "rain_mm": ("rain", "rainfall", "precipitation", "precip", "precipitation sum", "rain sum",
                "mua", "luong mua", "prectotcorr", "rain mm"),
    "wind_m_s": ("wind", "wind speed", "wind speed 10m", "windspeed", "toc do gio", "gio tb",
                 "wind speed mean", "wind m s"),
    "radiation_mj_m2": ("radiation", "solar radiation", "shortwave radiation", "buc xa",
                        "shortwave radiation sum", "buc xa mat troi", "radiation mj m2"),
    "wet_h": ("wet h", "leaf wetness", "leaf wetness hours", "gio la uot"),
}  # fmt: skip
"""Headings by column, folded: lower case, no accents, no unit, single blanks."""
_COLUMN = {name: column for column, names in NAMES.items() for name in names}
_UNIT = re.compile(r"[(\[]([^)\]]*)[)\]]\s*$")
_DATE = re.compile(r"^(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})(?:[T ]+(.*))?$")
_TIME = re.compile(r"^(\d{1,2})(?:[:h](\d{1,2}))?(?::\d{1,2}(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$")
_OPEN_WIND = ("", "m/s", "ms", "mps")


@dataclass(frozen=True, slots=True, kw_only=True)
class StationTable:
    """A station's table as it was read.

    Parameters
    ----------
    weather : Hours or Days
        Hours when rows have a time of day.
    findings : tuple of Finding
        What was assumed and what could not be read.
    """

    weather: Hours | Days
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Head:
    columns: dict[str, int]
    units: dict[str, str]
    line: int
    delimiter: str


def read_table(data: bytes, *, name: str, place: str = "", zone: tzinfo = VIETNAM) -> StationTable:
    r"""Read a weather station's CSV table.

    Parameters
    ----------
    data : bytes
        The file: UTF-8 or UTF-16 with a mark, or Windows-1258.
    name : str
        Its name, for sentences.
    place : str
        Which of several places in it, accents and case aside.
    zone : tzinfo
        Of times that do not tell theirs.

    Raises
    ------
    BadInput
        When it is too large, no table of weather, has several places and none is named, or a row's
        date cannot be read.

    Examples
    --------
    >>> text = "Ngày;Nhiệt độ thấp nhất (°C);Nhiệt độ cao nhất (°C)\n05/01/2026;12,5;20,1\n"
    >>> days = read_table(text.encode(), name="tram.csv").weather
    >>> days.first.isoformat(), days.low_c.tolist(), days.high_c.tolist()
    ('2026-01-05', [12.5], [20.1])
    """
    if len(data) > MOST_BYTES:
        raise BadInput("error.file_too_large", path=name, limit_mb=MOST_BYTES / 1e6)
    lines = _text(data, name).splitlines()
    if len(lines) > MOST_ROWS:
        raise BadInput("error.weather_rows", name=name, count=len(lines), most=MOST_ROWS)
    head = _head(lines, name)
    findings: list[Finding] = []
    rows = list(_rows(lines, head, name))
    rows = _of_place(rows, head, place, name)
    if not rows:
        raise BadInput("error.weather_no_rows", name=name)
    weather = _series(rows, head, name, zone, findings)
    if "wind_m_s" in head.columns and not head.units.get("wind_m_s"):
        findings.append(Finding.warning("finding.weather_wind_unit", where=name))
    return StationTable(weather=weather, findings=tuple(findings))


def _text(data: bytes, name: str) -> str:
    if b"\0" in data[:4] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput("error.weather_not_table", name=name)
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1258", errors="replace")


def _head(lines: list[str], name: str) -> _Head:
    for number, line in enumerate(lines[:HEAD_LINES]):
        for delimiter in (";", "\t", ",", "|"):
            if not 1 <= line.count(delimiter) < MOST_COLUMNS:
                continue
            cells = _cells(line, delimiter)
            columns: dict[str, int] = {}
            units: dict[str, str] = {}
            for place, cell in enumerate(cells):
                column = _COLUMN.get(_folded(cell))
                if column is not None and column not in columns:
                    columns[column] = place
                    unit = _UNIT.search(cell.strip())
                    units[column] = unit[1].strip() if unit else ""
            if "time" in columns and len(columns.keys() - {"time", "clock", "place"}) > 0:
                return _Head(columns, units, number, delimiter)
    raise BadInput("error.weather_not_table", name=name)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except (csv.Error, StopIteration):
        return []


def _folded(cell: str) -> str:
    words = re.sub(r"[_\-./]+", " ", fold(_UNIT.sub("", cell.strip().strip("#").strip())))
    return " ".join(words.split())


def _rows(lines: list[str], head: _Head, name: str) -> list[list[str]]:
    width = max(head.columns.values()) + 1
    body = [line for line in lines[head.line + 1 :] if line.strip(' ,;\t|"')]
    reader = csv.reader(io.StringIO("\n".join(body)), delimiter=head.delimiter)
    try:
        return [row for row in reader if len(row) >= width]
    except csv.Error:
        raise BadInput("error.weather_not_table", name=name) from None


def _of_place(rows: list[list[str]], head: _Head, place: str, name: str) -> list[list[str]]:
    at = head.columns.get("place")
    if at is None:
        return rows
    there = sorted({row[at].strip() for row in rows})
    if not place and len(there) <= 1:
        return rows
    wanted = [one for one in there if fold(one) == fold(place)]
    if not wanted:
        raise BadInput("error.weather_which_place", name=name, places=", ".join(there[:12]))
    return [row for row in rows if row[at].strip() in wanted]


def _series(
    rows: list[list[str]], head: _Head, name: str, zone: tzinfo, findings: list[Finding]
) -> Hours | Days:
    at, clock = head.columns["time"], head.columns.get("clock")
    times = [_moment(row[at], row[clock] if clock is not None else "", name) for row in rows]
    hourly = any(one.time is not None for one in times)
    columns = columns_of_table(head.columns, hourly=hourly)
    if not columns:
        raise BadInput("error.weather_not_table", name=name)
    moments, unit = _moments(times, hourly=hourly, zone=zone)
    holds = sorted({moment: row for row, moment in enumerate(moments)}.values())
    if len(holds) < len(rows):
        doubled = len(rows) - len(holds)
        findings.append(Finding.warning("finding.weather_doubled", where=name, count=doubled))
    places, start, count = _calendar([moments[row] for row in holds], unit, name)
    if len(np.unique(places)) < places.size:
        findings.append(Finding.info("finding.weather_made_hours", where=name, count=places.size))
    made: dict[str, Any] = {}
    for column in columns:
        found = _numbers(rows, head, column, findings, name)[holds]
        watts = head.units.get(column, "").lower().startswith("w/")
        summed = column == "rain_mm" or (column == "radiation_mj_m2" and not watts)
        made[column] = _gathered(found, places, count, summed=summed)
    start = start.replace(tzinfo=UTC if hourly else zone)
    if hourly:
        made.setdefault("temperature_c", np.full(count, math.nan))
        return Hours(start=start, zone=zone, source=name, **made)
    made.setdefault("low_c", np.full(count, math.nan))
    made.setdefault("high_c", np.full(count, math.nan))
    return Days(first=start.date(), zone=zone, source=name, **made)


def columns_of_table(found: dict[str, int], *, hourly: bool) -> list[str]:
    """Return the columns of weather among those found; a daily table's one temperature is its mean.

    Examples
    --------
    >>> columns_of_table({"time": 0, "temperature_c": 1, "rain_mm": 2}, hourly=True)
    ['temperature_c', 'rain_mm']
    """
    known = ("temperature_c", "humidity_pct", "rain_mm", "wind_m_s", "radiation_mj_m2")
    daily = ("low_c", "high_c", "mean_c", "humidity_pct", "humidity_low_pct", "humidity_high_pct",
             "rain_mm", "wind_m_s", "radiation_mj_m2", "wet_h")  # fmt: skip
    return [name for name in (known if hourly else daily) if name in found]


@dataclass(frozen=True, slots=True)
class _Moment:
    day: date
    time: timedelta | None
    offset: timedelta | None


def _moment(text: str, clock: str, name: str) -> _Moment:
    matched = _DATE.match(text.strip())
    if matched is None:
        compact = re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text.strip())
        if compact is None:
            raise BadInput("error.weather_date", name=name, value=text.strip()[:40])
        year, month, day, rest = *compact.groups(), None
    else:
        first, month, last, rest = matched.groups()
        year, day = (first, last) if len(first) == 4 else (last, first)
    rest = rest or clock.strip()
    time = _TIME.match(rest.strip()) if rest else None
    try:
        when = date(int(year), int(month), int(day))
        if when.year not in YEARS:
            raise ValueError
        if rest and (time is None or not int(time[1]) <= 24 or not int(time[2] or 0) < 60):
            raise ValueError
    except ValueError:
        shown = f"{text.strip()} {clock.strip()}".strip()[:40]
        raise BadInput("error.weather_date", name=name, value=shown) from None
    if time is None:
        return _Moment(when, None, None)
    return _Moment(when, timedelta(hours=int(time[1]), minutes=int(time[2] or 0)),
                   _offset(time[3]))  # fmt: skip


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text == "Z":
        return timedelta(0)
    sign = -1 if text[0] == "-" else 1
    return sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))


def _moments(
    times: list[_Moment], *, hourly: bool, zone: tzinfo
) -> tuple[list[datetime], timedelta]:
    """Return every row's time, of hours in UTC, and what lies between two places."""
    if not hourly:
        return [datetime.combine(one.day, datetime.min.time()) for one in times], timedelta(days=1)
    moments = []
    for one in times:
        naive = datetime.combine(one.day, datetime.min.time()) + (one.time or timedelta())
        shift = one.offset if one.offset is not None else zone.utcoffset(naive)
        moments.append(naive - (shift or timedelta()))
    return moments, timedelta(hours=1)


def _calendar(
    moments: list[datetime], unit: timedelta, name: str
) -> tuple[NDArray[np.int64], datetime, int]:
    """Return every row's place, the first place's time, and how many places there are."""
    start = min(moments).replace(minute=0)
    places = np.array([int((moment - start) / unit) for moment in moments], dtype=np.int64)
    count = int(places.max()) + 1
    if count > MOST_ROWS:
        raise BadInput("error.weather_rows", name=name, count=count, most=MOST_ROWS)
    return places, start, count


def _gathered(
    found: FloatArray, places: NDArray[np.int64], count: int, *, summed: bool
) -> FloatArray:
    """Return one value a place: what several readings come to, by sum or by mean.

    A sum of which a part is not known is not known.
    """
    known = np.isfinite(found)
    read = np.bincount(places[known], minlength=count)
    total = np.bincount(places[known], weights=found[known], minlength=count)
    values: FloatArray = np.full(count, math.nan)
    np.divide(total, 1.0 if summed else read, out=values, where=read > 0)
    if summed:
        values[np.unique(places[~known])] = math.nan
    return values


def _numbers(
    rows: list[list[str]], head: _Head, column: str, findings: list[Finding], name: str
) -> FloatArray:
    at = head.columns[column]
    values = np.full(len(rows), math.nan)
    bad, example = 0, ""
    for place, row in enumerate(rows):
        text = row[at].strip().rstrip("%").strip()
        if text.lower() in EMPTY:
            continue
        try:
            values[place] = float(text.replace(",", ".") if text.count(",") == 1 else text)
        except ValueError:
            bad, example = bad + 1, example or text[:20]
    if bad:
        findings.append(
            Finding.warning("finding.weather_cells", where=name, column=spoken(column), count=bad,
                            value=example)
        )  # fmt: skip
    return _converted(values, column, head.units.get(column, ""), name)


def _converted(values: FloatArray, column: str, unit: str, name: str) -> FloatArray:
    said = unit.lower().replace(" ", "").replace("²", "2")
    if column.endswith("_c"):
        if said in ("°f", "f", "degf"):
            return (values - 32.0) / 1.8
        return values - 273.15 if said in ("k", "kelvin") else values
    factors = {
        "wind_m_s": {**dict.fromkeys(_OPEN_WIND, 1.0), "km/h": 1 / 3.6, "kmh": 1 / 3.6,
                     "kph": 1 / 3.6, "mph": 0.44704, "kn": 0.514444, "kt": 0.514444,
                     "knots": 0.514444},
        "rain_mm": {"": 1.0, "mm": 1.0, "cm": 10.0, "inch": 25.4, "in": 25.4, "mm/h": 1.0,
                    "l/m2": 1.0},
        "radiation_mj_m2": {"": 1.0, "mj/m2": 1.0, "mj/m2/day": 1.0, "w/m2": 0.0036,
                            "kwh/m2": 3.6, "wh/m2": 0.0036},
    }.get(column)  # fmt: skip
    if factors is None:
        return values
    if said not in factors:
        known = ", ".join(one for one in factors if one)
        raise BadInput(
            "error.weather_unit", name=name, column=spoken(column), unit=unit, known=known
        )
    return values * factors[said]


def write_table(weather: Hours | Days) -> bytes:
    """Return a series as a CSV table that `read_table` reads back, units in its headings.

    Examples
    --------
    >>> days = Days(first=date(2026, 1, 5), low_c=[12.5], high_c=[20.1])
    >>> print(write_table(days).decode(), end="")
    date,low_c (°C),high_c (°C)
    2026-01-05,12.5,20.1
    """
    units = {"c": "°C", "pct": "%", "mm": "mm", "s": "m/s", "m2": "MJ/m²", "h": "h"}
    names = [name for name in columns_of(weather) if np.isfinite(weather.column(name)).any()]
    hourly = isinstance(weather, Hours)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    heads = (f"{name} ({units[name.rsplit('_', 1)[-1]]})" for name in names)
    writer.writerow(["time" if hourly else "date", *heads])
    columns = [weather.column(name).tolist() for name in names]
    for place, row in enumerate(zip(*columns, strict=True)):
        told = (weather.time(place).isoformat(timespec="minutes") if isinstance(weather, Hours)
                else (weather.first + timedelta(days=place)).isoformat())  # fmt: skip
        writer.writerow([told, *("" if math.isnan(value) else f"{value:.6g}" for value in row)])
    return out.getvalue().encode()
