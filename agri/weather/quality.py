"""What in a series of weather cannot have been, what hangs, and what is missing.

Theory of operation. `checked` gives back the series without what is physically impossible (it
becomes NaN, to be filled or left) and tells of everything it saw; nothing is put right in silence.
What is only strange stays: a jump between two hours, a value that does not move for hours on end, a
day whose lowest is above its highest (there both go, as nobody knows which is wrong). Limits are
those of weather here and a margin over every record of Vietnam; they catch a broken sensor and a
wrong unit, not a bad calibration.

A finding is told once per column and kind, with the first place and how often: a year of a stuck
hygrometer is one sentence, not a thousand.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.findings import Finding
from agri.weather.series import Days, FloatArray, Hours, Series, columns_of, spoken

TEMPERATURES = frozenset({"temperature_c", "low_c", "high_c", "mean_c"})
HUMIDITIES = frozenset({"humidity_pct", "humidity_low_pct", "humidity_high_pct"})
HOUR_LIMITS = {"rain_mm": (0.0, 250.0), "wind_m_s": (0.0, 75.0), "radiation_mj_m2": (0.0, 5.1)}
DAY_LIMITS = {"rain_mm": (0.0, 1900.0), "wind_m_s": (0.0, 60.0), "radiation_mj_m2": (0.0, 45.0),
              "wet_h": (0.0, 24.0)}  # fmt: skip
"""Beyond the world's records of rain, and beyond the sun at the top of the air."""
TEMPERATURE_LIMITS_C = (-25.0, 55.0)
HUMIDITY_LIMITS_PCT = (1.0, 100.5)
STEPS_HOUR = {"temperature_c": 10.0, "humidity_pct": 50.0}
STEPS_DAY = {"low_c": 15.0, "high_c": 20.0, "mean_c": 15.0}
"""A change from one hour or day to the next that is looked at: assumptions."""
STUCK_HOURS = {"temperature_c": 12, "wind_m_s": 24}
STUCK_DAYS = {"low_c": 5, "high_c": 5, "mean_c": 5, "humidity_pct": 6}
"""Hours or days on end with the very same value that are looked at; saturated air may stand at
100 % for a night, and no wind is not a stuck meter, so zero and 100 % do not count."""


def limits(column: str, series: Hours | Days) -> tuple[float, float]:
    """Return lowest and highest value of a column that can have been."""
    if column in TEMPERATURES:
        return TEMPERATURE_LIMITS_C
    if column in HUMIDITIES:
        return HUMIDITY_LIMITS_PCT
    return (HOUR_LIMITS if isinstance(series, Hours) else DAY_LIMITS)[column]


def checked(series: Series) -> tuple[Series, list[Finding]]:
    """Return a series without what cannot have been, and what is to be known of it.

    Parameters
    ----------
    series : Hours or Days
        As read.

    Returns
    -------
    series : Hours or Days
        Impossible values are NaN.
    findings : list of Finding
        Per column and kind: out of limits, jumps, stuck values, lowest above highest, gaps.

    Examples
    --------
    >>> from datetime import date
    >>> days = Days(first=date(2026, 1, 1), low_c=[12.0, 99.0, 12.5], high_c=[20.0, 21.0, 22.0])
    >>> kept, findings = checked(days)
    >>> kept.low_c.tolist(), [finding.key for finding in findings]
    ([12.0, nan, 12.5], ['finding.weather_limits', 'finding.weather_gap'])
    """
    findings: list[Finding] = []
    columns: dict[str, Any] = {}
    for name in columns_of(series):
        columns[name] = _within(name, series, findings)
    if isinstance(series, Days):
        _orderly(series, columns, findings)
    for name, values in columns.items():
        _jumps(name, values, series, findings)
        _hanging(name, values, series, findings)
    _missing(columns, series, findings)
    return replace(series, **columns), findings


def _within(name: str, series: Hours | Days, findings: list[Finding]) -> FloatArray:
    values = series.column(name)
    low, high = limits(name, series)
    wrong = (values < low) | (values > high)
    if not wrong.any():
        return values
    first = int(np.argmax(wrong))
    findings.append(
        Finding.warning("finding.weather_limits", column=spoken(name), count=int(wrong.sum()),
                        value=float(values[first]), when=when(series, first), low=low, high=high)
    )  # fmt: skip
    return np.where(wrong, math.nan, values)


def _orderly(days: Days, columns: dict[str, FloatArray], findings: list[Finding]) -> None:
    for low, high in (("low_c", "high_c"), ("humidity_low_pct", "humidity_high_pct")):
        wrong = columns[low] > columns[high]
        if wrong.any():
            first = int(np.argmax(wrong))
            findings.append(
                Finding.warning("finding.weather_crossed", count=int(wrong.sum()),
                                low=spoken(low), high=spoken(high), when=when(days, first))
            )  # fmt: skip
            columns[low] = np.where(wrong, math.nan, columns[low])
            columns[high] = np.where(wrong, math.nan, columns[high])


def _jumps(name: str, values: FloatArray, series: Hours | Days, findings: list[Finding]) -> None:
    most = (STEPS_HOUR if isinstance(series, Hours) else STEPS_DAY).get(name)
    if most is None:
        return
    steps = np.abs(np.diff(values))
    wrong = steps > most
    if wrong.any():
        first = int(np.argmax(wrong))
        findings.append(
            Finding.warning("finding.weather_step", column=spoken(name), count=int(wrong.sum()),
                            step=float(steps[first]), when=when(series, first + 1), most=most)
        )  # fmt: skip


def _hanging(name: str, values: FloatArray, series: Hours | Days, findings: list[Finding]) -> None:
    least = (STUCK_HOURS if isinstance(series, Hours) else STUCK_DAYS).get(name)
    if least is None:
        return
    same = (np.diff(values) == 0.0) & (values[1:] != 0.0) & (values[1:] < 100.0 - 1e-9)
    for start, count in runs(same):
        if count + 1 >= least:
            findings.append(
                Finding.warning("finding.weather_stuck", column=spoken(name), count=count + 1,
                                value=float(values[start]), when=when(series, start))
            )  # fmt: skip
            return


def _missing(columns: dict[str, FloatArray], series: Hours | Days, findings: list[Finding]) -> None:
    for name, values in columns.items():
        gaps = list(runs(~np.isfinite(values)))
        if not gaps or gaps[0][1] == len(series):
            continue
        start, longest = max(gaps, key=lambda gap: gap[1])
        findings.append(
            Finding.info("finding.weather_gap", column=spoken(name), longest=longest,
                         count=sum(count for _, count in gaps), total=len(series),
                         when=when(series, start))
        )  # fmt: skip


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and length of every stretch of true flags.

    Examples
    --------
    >>> runs(np.array([True, True, False, True]))
    [(0, 2), (3, 1)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [
        (start, stop - start)
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def when(series: Hours | Days, place: int) -> str:
    """Return the day, or the day and hour, of a place in a series, as text."""
    if isinstance(series, Hours):
        return f"{series.time(place):%Y-%m-%d %H:%M}"
    return series.dates[place].isoformat()
