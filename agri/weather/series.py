"""The values of a season's weather: hour by hour or day by day, without holes in the calendar.

Theory of operation. A series has one place in an array for every hour or day from its first to its
last; what is not known is NaN, never a guess, and what was filled in is told (`Filled`), so nobody
takes a guess for a measurement. Hours are counted in UTC, because an hour is the same length all
over the world; days are those of the people who live there, in the series' own time zone. Rain and
radiation of an hour are the sums over the hour that begins at its time.

Days come from hours by `days_from_hours`: a day of which fewer than `LEAST_HOURS` hours are known
has no extreme and no sum, because the missing hours may hold it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput
from agri.geo import LonLat
from agri.weather.now import in_utc
from agri.words import Message

FloatArray = NDArray[np.float64]
How = Literal["line", "climate"]
VIETNAM = timezone(timedelta(hours=7), "+07")
"""The time zone of Vietnam, all the year."""
LEAST_HOURS = 20
"""Of 24: fewer known hours do not make a day."""
MOST_PLACES = 1_000_000
"""Hours or days in a series: more than a century of hours."""

HOUR_COLUMNS = ("temperature_c", "humidity_pct", "rain_mm", "wind_m_s", "radiation_mj_m2")
DAY_COLUMNS = ("low_c", "high_c", "mean_c", "humidity_pct", "humidity_low_pct",
               "humidity_high_pct", "rain_mm", "wind_m_s", "radiation_mj_m2", "wet_h")  # fmt: skip


def _none() -> FloatArray:
    return np.empty(0, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A stretch of one column that was not measured but filled in.

    Parameters
    ----------
    column : str
        Name of the column.
    start, count : int
        First place in the array and how many.
    how : {"line", "climate"}
        By a straight line between its neighbours, or by the same days of other years.
    """

    column: str
    start: int
    count: int
    how: How


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hours:
    """Weather hour by hour.

    Parameters
    ----------
    start : datetime
        Of the first hour, with a time zone; kept as UTC.
    temperature_c : (N,) float64
        Of the air 2 m above the ground, °C; NaN = not known, as in every column.
    humidity_pct, rain_mm, wind_m_s, radiation_mj_m2 : (N,) float64, optional
        Relative humidity, %; rain in the hour, mm; mean wind, m/s, at `wind_height_m`; short-wave
        radiation in the hour, MJ/m². A column left out is all NaN.
    zone : tzinfo
        Of the people there: it makes the days.
    wind_height_m : float
        Height of the wind meter over the ground, 2 to 100 m.
    place : LonLat, optional
        Where.
    source : str
        Where it comes from.
    filled : tuple of Filled
        What is not measured but filled in.

    Raises
    ------
    BadInput
        When columns are of different lengths, empty or too long, or the start has no time zone.

    Examples
    --------
    >>> start = datetime(2026, 1, 1, tzinfo=VIETNAM)
    >>> hours = Hours(start=start, temperature_c=np.array([14.0, 13.5]))
    >>> len(hours), hours.start.isoformat(), hours.rain_mm.tolist()
    (2, '2025-12-31T17:00:00+00:00', [nan, nan])
    """

    start: datetime
    temperature_c: FloatArray
    humidity_pct: FloatArray = field(default_factory=_none)
    rain_mm: FloatArray = field(default_factory=_none)
    wind_m_s: FloatArray = field(default_factory=_none)
    radiation_mj_m2: FloatArray = field(default_factory=_none)
    zone: tzinfo = VIETNAM
    wind_height_m: float = 10.0
    place: LonLat | None = None
    source: str = ""
    filled: tuple[Filled, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", in_utc(self.start))
        _settle(self, HOUR_COLUMNS)

    def __len__(self) -> int:
        return int(self.temperature_c.size)

    def column(self, name: str) -> FloatArray:
        """Return a column by its name, one of `HOUR_COLUMNS`."""
        found: FloatArray = getattr(self, name)
        return found

    def time(self, place: int) -> datetime:
        """Return the local time at which an hour of the series begins."""
        return (self.start + timedelta(hours=place)).astimezone(self.zone)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Days:
    """Weather day by day.

    Parameters
    ----------
    first : date
        The first day, as people there call it.
    low_c, high_c : (N,) float64
        Lowest and highest temperature, °C, 2 m above the ground; NaN = not known, as in every
        column.
    mean_c : (N,) float64, optional
        Mean of the day, °C; not the middle of lowest and highest.
    humidity_pct, humidity_low_pct, humidity_high_pct : (N,) float64, optional
        Relative humidity, %: mean, lowest, highest.
    rain_mm, wind_m_s, radiation_mj_m2 : (N,) float64, optional
        Rain, mm; mean wind, m/s, at `wind_height_m`; short-wave radiation, MJ/m² a day.
    wet_h : (N,) float64, optional
        Hours in which leaves were taken for wet (`agri.weather.water.leaves_wet`).
    zone, wind_height_m, place, source, filled
        As in `Hours`.

    Raises
    ------
    BadInput
        When columns are of different lengths, empty or too long.

    Examples
    --------
    >>> days = Days(first=date(2026, 1, 1), low_c=np.array([12.0, 13.0]), high_c=[20.0, 22.0])
    >>> len(days), days.last.isoformat(), days.between(date(2026, 1, 2)).low_c.tolist()
    (2, '2026-01-02', [13.0])
    """

    first: date
    low_c: FloatArray
    high_c: FloatArray
    mean_c: FloatArray = field(default_factory=_none)
    humidity_pct: FloatArray = field(default_factory=_none)
    humidity_low_pct: FloatArray = field(default_factory=_none)
    humidity_high_pct: FloatArray = field(default_factory=_none)
    rain_mm: FloatArray = field(default_factory=_none)
    wind_m_s: FloatArray = field(default_factory=_none)
    radiation_mj_m2: FloatArray = field(default_factory=_none)
    wet_h: FloatArray = field(default_factory=_none)
    zone: tzinfo = VIETNAM
    wind_height_m: float = 10.0
    place: LonLat | None = None
    source: str = ""
    filled: tuple[Filled, ...] = ()

    def __post_init__(self) -> None:
        _settle(self, DAY_COLUMNS)

    def __len__(self) -> int:
        return int(self.low_c.size)

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=len(self) - 1)

    @property
    def dates(self) -> tuple[date, ...]:
        """Every day of the series."""
        return tuple(self.first + timedelta(days=place) for place in range(len(self)))

    def column(self, name: str) -> FloatArray:
        """Return a column by its name, one of `DAY_COLUMNS`."""
        found: FloatArray = getattr(self, name)
        return found

    def between(self, first: date | None = None, last: date | None = None) -> Days:
        """Return the days from `first` to `last`, both counted, as far as the series goes.

        Raises
        ------
        BadInput
            When none of them is in the series.
        """
        start = max(0, (first - self.first).days) if first else 0
        stop = min(len(self), (last - self.first).days + 1) if last else len(self)
        if stop <= start:
            raise BadInput("error.weather_span", first=self.first,
                           last=self.last)  # fmt: skip
        cut: dict[str, Any] = {name: self.column(name)[start:stop] for name in DAY_COLUMNS}
        filled = tuple(
            replace(one, start=max(one.start, start) - start,
                    count=min(one.start + one.count, stop) - max(one.start, start))
            for one in self.filled if one.start < stop and one.start + one.count > start
        )  # fmt: skip
        return replace(self, first=self.first + timedelta(days=start), filled=filled, **cut)


Series = TypeVar("Series", Hours, Days)


def columns_of(series: Hours | Days) -> tuple[str, ...]:
    """Return the names of a series' columns."""
    return HOUR_COLUMNS if isinstance(series, Hours) else DAY_COLUMNS


def spoken(column: str) -> Message:
    """Return a column's name as people say it, with its unit.

    Examples
    --------
    >>> spoken("rain_mm").text("en")
    'rain (mm)'
    """
    return Message.of(f"page.weather_{column}")


def _settle(series: Hours | Days, names: tuple[str, ...]) -> None:
    """Make every column a read-only array of the first one's length."""
    count = np.size(getattr(series, names[0]))
    if not 1 <= count <= MOST_PLACES:
        raise BadInput("error.weather_length", count=count, most=MOST_PLACES)
    if not 2.0 <= series.wind_height_m <= 100.0:
        raise BadInput("error.weather_value", name="wind_height_m", value=series.wind_height_m,
                       low=2.0, high=100.0)  # fmt: skip
    for name in names:
        object.__setattr__(series, name, _column(getattr(series, name), count, name))


def _column(values: ArrayLike, count: int, name: str) -> FloatArray:
    column = np.array(values, dtype=np.float64)
    if column.size == 0:
        column = np.full(count, math.nan)
    if column.shape != (count,):
        raise BadInput("error.weather_columns", name=name, count=column.size, wanted=count)
    column[~np.isfinite(column)] = math.nan
    column.setflags(write=False)
    return column


def days_from_hours(
    hours: Hours, wet: NDArray[np.bool_] | None = None, *, least_h: int = LEAST_HOURS
) -> Days:
    """Return the days of a series of hours, cut at local midnight.

    Parameters
    ----------
    hours : Hours
        N hours.
    wet : (N,) bool, optional
        In which hours leaves are wet; without it `Days.wet_h` is not known.
    least_h : int
        A day with fewer known hours of a column has none of its figures. Rain, radiation and
        wetness of the other days are scaled to 24 hours by nothing: they are sums of what is known.

    Returns
    -------
    Days
        From the first hour's day to the last one's.

    Examples
    --------
    >>> start = datetime(2026, 1, 1, tzinfo=VIETNAM)
    >>> day = days_from_hours(Hours(start=start, temperature_c=np.arange(24.0)))
    >>> day.low_c.tolist(), day.high_c.tolist(), day.mean_c.tolist()
    ([0.0], [23.0], [11.5])
    """
    first, day = _local_days(hours)
    count = int(day[-1]) + 1

    def daily(name: str, figure: Callable[[FloatArray], float]) -> FloatArray:
        return _by_day(hours.column(name), day, count, least_h, figure)

    wet_h = _none()
    if wet is not None:
        known = np.isfinite(hours.humidity_pct) | np.isfinite(hours.rain_mm)
        wet_h = _by_day(np.where(known, wet.astype(np.float64), math.nan), day, count, least_h,
                        np.sum)  # fmt: skip
    return Days(
        first=first, low_c=daily("temperature_c", np.min), high_c=daily("temperature_c", np.max),
        mean_c=daily("temperature_c", np.mean), humidity_pct=daily("humidity_pct", np.mean),
        humidity_low_pct=daily("humidity_pct", np.min),
        humidity_high_pct=daily("humidity_pct", np.max), rain_mm=daily("rain_mm", np.sum),
        wind_m_s=daily("wind_m_s", np.mean), radiation_mj_m2=daily("radiation_mj_m2", np.sum),
        wet_h=wet_h, zone=hours.zone, wind_height_m=hours.wind_height_m, place=hours.place,
        source=hours.source, filled=_filled_days(hours, day),
    )  # fmt: skip


def sum_by_day(hours: Hours, values: FloatArray, *, least_h: int = LEAST_HOURS) -> FloatArray:
    """Return the sums of hourly values over local days, NaN for days with too few known hours.

    Examples
    --------
    >>> start = datetime(2026, 1, 1, tzinfo=VIETNAM)
    >>> sum_by_day(Hours(start=start, temperature_c=np.arange(24.0)), np.ones(24)).tolist()
    [24.0]
    """
    _, day = _local_days(hours)
    return _by_day(values, day, int(day[-1]) + 1, least_h, np.sum)


def _local_days(hours: Hours) -> tuple[date, NDArray[np.int64]]:
    """Return the first local day, and for every hour how many days after it it lies."""
    first = hours.time(0).date()
    day = np.empty(len(hours), dtype=np.int64)
    place = 0
    while place < len(hours):
        here = hours.time(place).date()
        tomorrow = datetime.combine(here + timedelta(days=1), datetime.min.time(), hours.zone)
        seconds = (tomorrow.astimezone(UTC) - hours.start).total_seconds()
        stop = min(len(hours), max(place + 1, math.ceil(seconds / 3600.0)))
        day[place:stop] = (here - first).days
        place = stop
    return first, day


def _by_day(
    values: FloatArray,
    day: NDArray[np.int64],
    count: int,
    least_h: int,
    figure: Callable[[FloatArray], float],
) -> FloatArray:
    edges = np.searchsorted(day, np.arange(count + 1))
    result = np.full(count, math.nan)
    for place in range(count):
        known = values[edges[place] : edges[place + 1]]
        known = known[np.isfinite(known)]
        if known.size >= least_h:
            result[place] = figure(known)
    return result


_MADE_FROM = {
    "temperature_c": ("low_c", "high_c", "mean_c"),
    "humidity_pct": ("humidity_pct", "humidity_low_pct", "humidity_high_pct", "wet_h"),
    "rain_mm": ("rain_mm", "wet_h"),
    "wind_m_s": ("wind_m_s",),
    "radiation_mj_m2": ("radiation_mj_m2",),
}


def _filled_days(hours: Hours, day: NDArray[np.int64]) -> tuple[Filled, ...]:
    """Return the days that hold an hour that was filled in."""
    found: dict[Filled, None] = {}
    for one in hours.filled:
        start, stop = int(day[one.start]), int(day[one.start + one.count - 1])
        for column in _MADE_FROM[one.column]:
            found[Filled(column=column, start=start, count=stop - start + 1, how=one.how)] = None
    return tuple(found)
