"""A season's weather for people: a table by month, and a picture.

Nothing is filled in here: what is missing is missing in the sums, and the findings say how much.
Chill of daily weather comes from a cosine over the day (`agri.weather.warmth`), wet leaves only
from hours (`agri.weather.water`).
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from agri.errors import BadInput
from agri.files import read_bytes_limited
from agri.findings import Finding
from agri.operations.picture import days_below
from agri.weather.quality import checked
from agri.weather.series import Days, FloatArray, Hours, days_from_hours, sum_by_day
from agri.weather.table import MOST_BYTES, read_table
from agri.weather.warmth import degree_days, hourly_c
from agri.weather.water import evapotranspiration, leaves_wet
from agri.words import Language, say

CHILL_C = (15.0, 20.0)
"""Thresholds of the hours of chill that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Season:
    """A season's weather day by day with what plants count.

    Parameters
    ----------
    days : Days
        The weather, impossible values left out.
    findings : tuple of Finding
        What is to be known of it.
    degree_days, cold_h, cool_h, et0_mm : (N,) float64
        Degree days over `base_c`, hours under 15 °C and under 20 °C, reference evapotranspiration;
        NaN where not known.
    base_c : float
        Base of the degree days.
    """

    days: Days
    findings: tuple[Finding, ...]
    degree_days: FloatArray
    cold_h: FloatArray
    cool_h: FloatArray
    et0_mm: FloatArray
    base_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A month of a season: means and sums of what is known; NaN where nothing is."""

    name: str
    known: int
    low_c: float
    high_c: float
    rain_mm: float
    degree_days: float
    cold_h: float
    cool_h: float
    wet_h: float
    et0_mm: float


def read_station(path: Path, *, station: str = "") -> tuple[Hours | Days, tuple[Finding, ...]]:
    """Read a station's table from a file.

    Raises
    ------
    NotFound, BadInput
        When there is none, or it is no table of weather.
    """
    read = read_table(read_bytes_limited(path, limit_bytes=MOST_BYTES), name=path.name,
                      place=station)  # fmt: skip
    return read.weather, read.findings


def season_of(
    weather: Hours | Days,
    *,
    base_c: float,
    upper_c: float | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Season:
    """Return a season of a series, checked and counted.

    Parameters
    ----------
    weather : Hours or Days
        As read.
    base_c, upper_c : float
        Of the degree days (`agri.weather.warmth.degree_days`, simple).
    first, last : date, optional
        From and to, both counted.

    Raises
    ------
    BadInput
        When none of these days is in it.
    """
    findings: list[Finding] = []
    if isinstance(weather, Hours):
        hours, findings = checked(weather)
        every = days_from_hours(hours, leaves_wet(hours))
        known = np.isfinite(hours.temperature_c)
        cold, cool = (
            sum_by_day(hours, np.where(known, hours.temperature_c < limit, math.nan))
            for limit in CHILL_C
        )
    else:
        every, findings = checked(weather)
        curve = hourly_c(every.low_c, every.high_c)
        whole = np.isfinite(curve).all(axis=1)
        cold, cool = (np.where(whole, np.sum(curve < limit, axis=1), math.nan) for limit in CHILL_C)
        findings.append(Finding.info("finding.weather_chill_curve"))
    days = every.between(first, last)
    start = (days.first - every.first).days
    part = slice(start, start + len(days))
    et0 = np.full(len(days), math.nan)
    if days.place is not None:
        found = evapotranspiration(days)
        et0 = found.et0_mm
        if not found.measured.all():
            rough = int(np.count_nonzero(~found.measured & np.isfinite(et0)))
            findings.append(Finding.info("finding.weather_hargreaves", count=rough))
    if np.isfinite(days.wet_h).any():
        findings.append(Finding.info("finding.weather_wet_assumed"))
    return Season(
        days=days, findings=tuple(findings), cold_h=cold[part], cool_h=cool[part], et0_mm=et0,
        degree_days=degree_days(days.low_c, days.high_c, base_c=base_c, upper_c=upper_c),
        base_c=base_c,
    )  # fmt: skip


def months(season: Season) -> tuple[Month, ...]:
    """Return a season by months, first to last."""
    names = np.array([f"{day:%Y-%m}" for day in season.days.dates])
    found = []
    for name in dict.fromkeys(names.tolist()):
        here = names == name
        days = season.days
        known = np.isfinite(days.low_c[here]) & np.isfinite(days.high_c[here])
        found.append(Month(
            name=name, known=int(known.sum()), low_c=_mean(days.low_c[here]),
            high_c=_mean(days.high_c[here]), rain_mm=_sum(days.rain_mm[here]),
            degree_days=_sum(season.degree_days[here]), cold_h=_sum(season.cold_h[here]),
            cool_h=_sum(season.cool_h[here]), wet_h=_sum(days.wet_h[here]),
            et0_mm=_sum(season.et0_mm[here]),
        ))  # fmt: skip
    return tuple(found)


def _mean(values: FloatArray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def _sum(values: FloatArray) -> float:
    return float(np.nansum(values)) if np.isfinite(values).any() else math.nan


def draw_season(season: Season, *, language: Language) -> bytes:
    """Return a PNG of a season: temperatures, rain, degree days and chill, wet leaves."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    days = season.days
    if not (np.isfinite(days.low_c) | np.isfinite(days.rain_mm)).any():
        raise BadInput("error.weather_nothing_known")
    figure = Figure(figsize=(10.5, 9.0), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    warm, rain, sums, wet = figure.subplots(4, 1, sharex=True)
    dates: list[date] = list(days.dates)
    warm.fill_between(dates, days.low_c, days.high_c, color="#D55E00", alpha=0.45)
    warm.set_ylabel(say("page.weather_temperature_c", language))
    rain.bar(dates, days.rain_mm, color="#0072B2", width=1.0)
    rain.set_ylabel(say("page.weather_rain_mm", language))
    if np.isfinite(season.et0_mm).any():
        rain.plot(dates, season.et0_mm, color="#E69F00", lw=1.0,
                  label=say("page.weather_et0", language))  # fmt: skip
        rain.legend(frameon=False, fontsize=8)
    sums.plot(dates, np.nancumsum(season.degree_days), color="#009E73",
              label=say("page.weather_degree_days", language, base=season.base_c))  # fmt: skip
    for limit, values, dash in zip(CHILL_C, (season.cold_h, season.cool_h), ("-", "--"),
                                   strict=True):  # fmt: skip
        sums.plot(dates, np.nancumsum(values), dash, color="#56B4E9",
                  label=say("page.weather_chill", language, limit=limit))  # fmt: skip
    sums.set_ylabel(say("page.weather_sums", language))
    sums.legend(frameon=False, fontsize=8)
    wet.bar(dates, days.wet_h, color="#CC79A7", width=1.0)
    wet.set_ylabel(say("page.weather_wet_h", language))
    for panel, values, key in ((rain, days.rain_mm, "page.weather_no_rain"),
                               (wet, days.wet_h, "page.weather_no_wet")):  # fmt: skip
        if not np.isfinite(values).any():
            panel.text(0.5, 0.5, say(key, language), ha="center", va="center",
                       transform=panel.transAxes)  # fmt: skip
            panel.set_yticks([])
    days_below(wet, "%d/%m/%Y")
    warm.set_title(say("page.weather_title", language, source=days.source or "–",
                       first=days.first, last=days.last))  # fmt: skip
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()
