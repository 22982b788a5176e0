"""Days of temperature as plain arrays: the only weather that phenology asks for.

Theory of operation. `Temperatures` is the lowest and highest temperature of consecutive days, and
rain where it is known. Unlike `agri.weather.series.Days` it has no gaps: a missing day would
pass for a day without heat (`Temperatures.from_days` refuses it by its date). Degree days and hours
come from `agri.weather.warmth`.

What the season still brings is not known, so it is told by past years: `ensemble` joins what was
measured so far to the same calendar days of every past year. 29 February is left out of a past
year's tail where the season has none, and the day before stands in for it where the season has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput
from agri.weather.series import Days
from agri.weather.warmth import degree_days, hourly_c

FloatArray = NDArray[np.float64]

COLDEST_C, HOTTEST_C = -60.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Temperatures:
    """The temperatures of consecutive days at one place.

    Parameters
    ----------
    first : date
        The first day.
    low_c, high_c : (N,) float64, °C
        Lowest and highest of each day; no gaps.
    rain_mm : (N,) float64, mm, or None
        Rain of each day; None when not known.

    Raises
    ------
    BadInput
        When they are not equally long, hold gaps or impossible values, or low exceeds high.

    Examples
    --------
    >>> days = Temperatures.of(date(2024, 1, 1), [10, 12], [20, 22])
    >>> days.last, len(days)
    (datetime.date(2024, 1, 2), 2)
    """

    first: date
    low_c: FloatArray
    high_c: FloatArray
    rain_mm: FloatArray | None = None

    def __post_init__(self) -> None:
        low, high = self.low_c, self.high_c
        rain = self.rain_mm
        if low.ndim != 1 or low.shape != high.shape or not low.size:
            raise BadInput("error.temperatures_length", low=low.size, high=high.size)
        wrong = ~((low >= COLDEST_C) & (low <= high) & (high <= HOTTEST_C))
        if rain is not None and rain.shape == low.shape:
            wrong |= ~((rain >= 0.0) & (rain < 3000.0))
        elif rain is not None:
            raise BadInput("error.temperatures_length", low=low.size, high=rain.size)
        if wrong.any():
            day = self.first + timedelta(days=int(np.argmax(wrong)))
            raise BadInput("error.temperatures_day", day=day)

    @classmethod
    def of(
        cls, first: date, low_c: ArrayLike, high_c: ArrayLike, rain_mm: ArrayLike | None = None
    ) -> Temperatures:
        """Build from anything that makes arrays; they are copied."""
        rain = None if rain_mm is None else np.array(rain_mm, dtype=np.float64)
        low, high = np.array(low_c, dtype=np.float64), np.array(high_c, dtype=np.float64)
        return cls(first=first, low_c=low, high_c=high, rain_mm=rain)

    @classmethod
    def from_days(cls, days: Days) -> Temperatures:
        """Build from a series whose gaps are filled; rain with a gap counts as not known.

        Raises
        ------
        BadInput
            When a day's temperature is not known.

        Examples
        --------
        >>> days = Days(first=date(2024, 1, 1), low_c=[10.0], high_c=[20.0])
        >>> Temperatures.from_days(days).rain_mm is None
        True
        """
        rain = None if np.isnan(days.rain_mm).any() else days.rain_mm
        return cls.of(days.first, days.low_c, days.high_c, rain)

    def __len__(self) -> int:
        return int(self.low_c.size)

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=len(self) - 1)

    def between(self, first: date, last: date) -> Temperatures:
        """Return the days from `first` to `last`, both with.

        Raises
        ------
        BadInput
            When not all of them are here.
        """
        if not self.first <= first <= last <= self.last:
            raise BadInput(
                "error.temperatures_span",
                first=first, last=last,
                have_first=self.first, have_last=self.last,
            )  # fmt: skip
        part = slice((first - self.first).days, (last - self.first).days + 1)
        rain = None if self.rain_mm is None else self.rain_mm[part]
        return Temperatures.of(first, self.low_c[part], self.high_c[part], rain)

    def heat(self, base_c: float, ceiling_c: float = HOTTEST_C) -> FloatArray:
        """Return each day's degree days: (low + high) / 2, at most the ceiling, above the base.

        Parameters
        ----------
        base_c, ceiling_c : float
            °C.

        Returns
        -------
        (N,) float64, °C d
            Never negative.

        Examples
        --------
        >>> Temperatures.of(date(2024, 1, 1), [4, 12], [8, 22]).heat(10.0)
        array([0., 7.])
        """
        return degree_days(self.low_c, self.high_c, base_c=base_c, upper_c=ceiling_c)

    def hours_below(self, limit_c: float) -> FloatArray:
        """Return each day's hours below a limit, by a day that swings as a cosine.

        Returns
        -------
        (N,) float64, h
            0 to 24, in whole hours.

        Examples
        --------
        >>> Temperatures.of(date(2024, 1, 1), [10, 18], [20, 28]).hours_below(15.0)
        array([11.,  0.])
        """
        curve = hourly_c(self.low_c, self.high_c)
        return np.asarray((curve < limit_c).sum(axis=1), dtype=np.float64)


def ensemble(
    so_far: Temperatures | None, past: Sequence[Temperatures], first: date, last: date
) -> tuple[Temperatures, ...]:
    """Return one possible season for every past year: what is measured, then that year's rest.

    Parameters
    ----------
    so_far : Temperatures or None
        This season's measured days, from `first` on or earlier; None when there are none yet.
    past : sequence of Temperatures
        Measured days of earlier years, of any length; every whole season in them is used.
    first, last : date
        The span that is asked for.

    Returns
    -------
    tuple of Temperatures
        From `first` to `last` each; one alone when everything is measured.

    Raises
    ------
    BadInput
        When this season's days leave a gap, or no past year holds the rest.

    Examples
    --------
    >>> year = Temperatures.of(date(2022, 1, 1), np.full(700, 10.0), np.full(700, 20.0))
    >>> len(ensemble(None, [year], date(2024, 1, 1), date(2024, 5, 31)))
    2
    """
    known = None
    if so_far is not None and so_far.last >= first:
        known = so_far.between(first, min(last, so_far.last))
        if known.last == last:
            return (known,)
    rest = first if known is None else known.last + timedelta(days=1)
    tails = [
        tail
        for series in past
        for year in range(series.first.year, series.last.year + 1)
        if year < rest.year and (tail := _tail(series, rest, last, rest.year - year)) is not None
    ]
    if not tails:
        raise BadInput("error.temperatures_no_past", first=f"{rest:%d-%m}", last=f"{last:%d-%m}")
    return tuple(tail if known is None else _joined(known, tail) for tail in tails)


def _tail(series: Temperatures, rest: date, last: date, back: int) -> Temperatures | None:
    """The days from `rest` to `last`, measured `back` years earlier; None when not all are."""
    span = [rest + timedelta(days=n) for n in range((last - rest).days + 1)]
    places = np.array([(_earlier(day, back) - series.first).days for day in span])
    if places.min() < 0 or places.max() >= len(series):
        return None
    rain = None if series.rain_mm is None else series.rain_mm[places]
    return Temperatures.of(rest, series.low_c[places], series.high_c[places], rain)


def _earlier(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def _joined(before: Temperatures, after: Temperatures) -> Temperatures:
    rain = None
    if before.rain_mm is not None and after.rain_mm is not None:
        rain = np.concatenate([before.rain_mm, after.rain_mm])
    low = np.concatenate([before.low_c, after.low_c])
    return Temperatures.of(before.first, low, np.concatenate([before.high_c, after.high_c]), rain)
