"""Gaps in daily weather closed, and told: the short ones by a line, the long ones by other years.

Theory of operation. A gap of a few days between two known days is drawn straight through, except
for rain and wet hours: rain of yesterday and tomorrow says nothing of today. A longer one takes,
day by day, the mean of the same season (`AROUND_DAYS` to both sides) of the other years that the
series itself or a longer one given beside it has. What neither can close stays NaN. Every stretch
filled is written into the series (`Filled`), and findings say how many days: a degree-day sum that
stands on a climate is not a measured one.

Mean rain of a climate is drizzle every day; sums over weeks are right, and days are not. Whoever
asks about single days (wetness, infection) does not use filled ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from agri.findings import Finding
from agri.weather.quality import runs, when
from agri.weather.series import DAY_COLUMNS, Days, Filled, FloatArray, spoken

LONGEST_LINE_DAYS = 3
AROUND_DAYS = 7
LEAST_YEARS_DAYS = 10
"""Days of other years that a mean needs."""
NO_LINE = frozenset({"rain_mm", "wet_h"})


def fill(
    days: Days, *, climate: Days | None = None, longest_line: int = LONGEST_LINE_DAYS
) -> tuple[Days, list[Finding]]:
    """Return a series whose gaps are closed as far as honest, and what was filled.

    Parameters
    ----------
    days : Days
        With NaN where nothing is known. Columns of which no day is known stay so.
    climate : Days, optional
        A longer series of the place; by default the series' own other years.
    longest_line : int
        Longest gap, days, that is closed by a straight line.

    Examples
    --------
    >>> from datetime import date
    >>> days = Days(first=date(2026, 1, 1), low_c=[12.0, np.nan, 14.0], high_c=[20.0, 21.0, 22.0])
    >>> filled, findings = fill(days)
    >>> filled.low_c.tolist(), [(one.column, one.start, one.how) for one in filled.filled]
    ([12.0, 13.0, 14.0], [('low_c', 1, 'line')])
    """
    told: list[Filled] = list(days.filled)
    findings: list[Finding] = []
    columns: dict[str, Any] = {}
    for name in DAY_COLUMNS:
        values = days.column(name).copy()
        if np.isfinite(values).any():
            new = _lines(name, values, longest_line) + _climates(name, values, days, climate)
            told += new
            findings += _tell(name, values, days, new)
        columns[name] = values
    told.sort(key=lambda one: (one.column, one.start))
    return replace(days, filled=tuple(told), **columns), findings


def _lines(name: str, values: FloatArray, longest: int) -> list[Filled]:
    """Draw short gaps between known days straight, in place."""
    found: list[Filled] = []
    if name in NO_LINE:
        return found
    for start, count in runs(~np.isfinite(values)):
        stop = start + count
        if count <= longest and start > 0 and stop < values.size:
            line = np.linspace(values[start - 1], values[stop], count + 2)[1:-1]
            values[start:stop] = line
            found.append(Filled(column=name, start=start, count=count, how="line"))
    return found


def _climates(name: str, values: FloatArray, days: Days, climate: Days | None) -> list[Filled]:
    """Take what is still missing from the same season of other years, in place."""
    missing = ~np.isfinite(values)
    if not missing.any():
        return []
    beside = climate if climate is not None else days
    known = beside.column(name)
    of_year = np.array([day.timetuple().tm_yday for day in beside.dates])
    years = np.array([day.year for day in beside.dates])
    dates = days.dates
    for place in np.flatnonzero(missing).tolist():
        day = dates[place]
        apart = np.abs(of_year - day.timetuple().tm_yday)
        near = (np.minimum(apart, 365 - apart) <= AROUND_DAYS) & (years != day.year)
        there = known[near & np.isfinite(known)]
        if there.size >= LEAST_YEARS_DAYS:
            values[place] = there.mean()
    return [
        Filled(column=name, start=start, count=count, how="climate")
        for start, count in runs(missing & np.isfinite(values))
    ]


def _tell(name: str, values: FloatArray, days: Days, new: list[Filled]) -> list[Finding]:
    findings = []
    by_line = sum(one.count for one in new if one.how == "line")
    by_climate = [one for one in new if one.how == "climate"]
    if by_line:
        findings.append(Finding.info("finding.weather_by_line", column=spoken(name), count=by_line))
    if by_climate:
        findings.append(
            Finding.warning("finding.weather_by_climate", column=spoken(name),
                            count=sum(one.count for one in by_climate),
                            when=when(days, by_climate[0].start))
        )  # fmt: skip
    left = int(np.count_nonzero(~np.isfinite(values)))
    if left:
        first = int(np.argmax(~np.isfinite(values)))
        findings.append(
            Finding.warning("finding.weather_left_open", column=spoken(name), count=left,
                            when=when(days, first))
        )  # fmt: skip
    return findings
