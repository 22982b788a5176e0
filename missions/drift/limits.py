"""Go or no go: whether the weather allows a spraying to start now.

Theory of operation
-------------------
`SprayLimits` are the outermost limits agri knows; a user may draw them tighter, never wider. What
is beyond a limit that stops is an ERROR; what is between the limit to start and the one that
stops, or what no figure stops, is a WARNING. What is not known is a WARNING of its own, named for
what is missing: nothing unknown is ever taken for good.

* **Wind**: 0.5 to 3 m/s to start, up to 4 m/s with a warning, gusts to 5 m/s. A calm near dawn or
  dusk, when the ground is colder than the air, is told as a possible inversion: droplets then hang
  and creep as a cloud. The wind is also held against the one the buffers were drawn for: when it
  drifts further, or has turned out of the swing they allow for, the plan must be made again.
* **Heat and dryness**: at most 32 °C, at least 40 % humidity, and a wet-bulb depression (delta T)
  of 2 to 8 °C; 8 to 10 is marginal and above 10 unsuitable (Australian Bureau of Meteorology's and
  GRDC's delta-T chart, as told by sprayers101.com).
* **Rain** washes off and is never sprayed in. **Night**: nothing is flown between sunset and
  sunrise, which needs time and place.

The other figures are agri's own defaults (assumptions, no Vietnamese rule with figures was found).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from agri.errors import Refused
from agri.findings import Finding
from agri.geo import LonLat
from agri.weather import Weather, Wind, in_utc, sun_elevation_deg
from missions.drift.droplets import CALM_M_S, SWING_DEG, conditions, downwind_of, stretch
from missions.sprayer.job import SpraySettings

SUNRISE_DEG = -0.833
"""Height of the sun's middle at sunrise and sunset (NOAA)."""
LOW_SUN_DEG = 15.0
"""Below this the ground may still, or again, be colder than the air (assumption: about the first
and the last 70 minutes of a day at 21° N)."""
ROUNDING = 1e-9
"""Figures as near as this to a limit are on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayLimits:
    """Limits a spraying starts and flies within; tighter ones may be set, wider ones are refused.

    Parameters
    ----------
    calm_m_s : float
        Least mean wind; slower air is calm.
    start_m_s, stop_m_s : float
        Most mean wind to start in without a warning, and at all.
    gust_m_s : float
        Strongest gust.
    temperature_c : float
        Hottest.
    humidity_pct : float
        Driest.
    delta_t_low_c, delta_t_high_c, delta_t_stop_c : float
        Wet-bulb depression: least and most without a warning, and most at all.
    rain_mm_h : float
        Most rain.
    height_m : float
        Greatest height above the crop without a warning.
    speed_m_s : float
        Greatest ground speed without a warning.
    age_min : float
        Older weather is no longer the weather.

    Raises
    ------
    Refused
        When a limit is wider than agri's own.

    Examples
    --------
    >>> SprayLimits(stop_m_s=3.5).stop_m_s
    3.5
    >>> SprayLimits(stop_m_s=6.0)
    Traceback (most recent call last):
    agri.errors.Refused: stop_m_s: 6 is wider than agri's limit of 4; only tighter ones may be set.
    """

    calm_m_s: float = CALM_M_S
    start_m_s: float = 3.0
    stop_m_s: float = 4.0
    gust_m_s: float = 5.0
    temperature_c: float = 32.0
    humidity_pct: float = 40.0
    delta_t_low_c: float = 2.0
    delta_t_high_c: float = 8.0
    delta_t_stop_c: float = 10.0
    rain_mm_h: float = 0.0
    height_m: float = 3.0
    speed_m_s: float = 7.0
    age_min: float = 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, widest = getattr(self, field.name), field.default
            least = field.name in _LEAST
            wider = not math.isfinite(value) or (value < widest if least else value > widest)
            if wider:
                raise Refused("error.limit_wider", name=field.name, value=value, limit=widest)

    def tightened(self, **changes: float) -> SprayLimits:
        """Return these limits with some drawn tighter.

        Raises
        ------
        Refused
            When one would become wider than it is now.
        """
        for name, value in changes.items():
            now = getattr(self, name)
            if value < now if name in _LEAST else value > now:
                raise Refused("error.limit_wider", name=name, value=value, limit=now)
        return replace(self, **changes)


_LEAST = frozenset({"calm_m_s", "humidity_pct", "delta_t_low_c"})
"""Limits from below; the others are limits from above."""
DEFAULT_SPRAY_LIMITS = SprayLimits()
"""agri's own."""


def go_no_go(
    weather: Weather,
    settings: SpraySettings,
    *,
    place: LonLat | None = None,
    now: datetime | None = None,
    limits: SprayLimits = DEFAULT_SPRAY_LIMITS,
) -> list[Finding]:
    """Return what speaks against spraying in this weather, worst first.

    Parameters
    ----------
    weather : Weather
        As measured or forecast.
    settings : SpraySettings
        The job, with the wind its buffers were drawn for.
    place : LonLat, optional
        The field; without it nobody can tell night from day.
    now : datetime, optional
        When spraying would start, with a time zone; the weather's own time when not given.
    limits : SprayLimits
        The limits.

    Returns
    -------
    list of Finding
        An ERROR means: do not start. When nothing is found, one INFO with the figures.
    """
    time = weather.time_utc if now is None else in_utc(now)
    sun_deg = None if place is None or time is None else sun_elevation_deg(place, time)
    found = [
        *_wind(weather.wind, sun_deg, limits, settings.sprayer.aircraft.max_wind_m_s),
        *_planned_for(weather.wind, settings),
        *_air(weather, limits),
        *_daylight(sun_deg),
        *_age(weather, time, limits),
    ]
    if not found and weather.wind is not None:
        found = [
            Finding.info(
                "finding.spray_go",
                wind_m_s=weather.wind.speed_m_s,
                temperature_c=weather.temperature_c,
                humidity_pct=weather.humidity_pct,
            )
        ]
    return sorted(found, key=lambda finding: -finding.severity)


def wind_findings(
    wind: Wind, limits: SprayLimits = DEFAULT_SPRAY_LIMITS, aircraft_m_s: float = math.inf
) -> Iterator[Finding]:
    """Yield what is wrong with a wind to spray in, direction and calm left aside.

    Parameters
    ----------
    wind : Wind
        The wind.
    limits : SprayLimits
        The limits.
    aircraft_m_s : float
        Most wind the aircraft may be flown in.
    """
    stop_m_s = min(limits.stop_m_s, aircraft_m_s)
    if wind.speed_m_s > stop_m_s + ROUNDING:
        yield Finding.error("finding.spray_wind_stop", wind_m_s=wind.speed_m_s, limit_m_s=stop_m_s)
    elif wind.speed_m_s > limits.start_m_s + ROUNDING:
        yield Finding.warning(
            "finding.spray_wind_high", wind_m_s=wind.speed_m_s, limit_m_s=limits.start_m_s
        )
    if wind.gust_m_s is not None and wind.gust_m_s > limits.gust_m_s + ROUNDING:
        yield Finding.error("finding.spray_gust", gust_m_s=wind.gust_m_s, limit_m_s=limits.gust_m_s)


def _wind(
    wind: Wind | None, sun_deg: float | None, limits: SprayLimits, aircraft_m_s: float
) -> Iterator[Finding]:
    if wind is None:
        yield _missing("wind")
        return
    yield from wind_findings(wind, limits, aircraft_m_s)
    if wind.gust_m_s is None:
        yield _missing("gust")
    if wind.from_deg is None:
        yield _missing("direction")
    if wind.speed_m_s < limits.calm_m_s - ROUNDING:
        low_sun = sun_deg is None or sun_deg < LOW_SUN_DEG
        key = "finding.spray_inversion" if low_sun else "finding.spray_calm"
        yield Finding.warning(key, wind_m_s=wind.speed_m_s, limit_m_s=limits.calm_m_s)


def _planned_for(wind: Wind | None, settings: SpraySettings) -> Iterator[Finding]:
    """Yield whether the buffers of the plan hold in the wind there is."""
    if wind is None:
        return
    planned = settings.wind
    factors = [stretch(conditions(settings, each)) for each in (wind, planned)]
    if factors[0] > factors[1] * (1.0 + ROUNDING):
        yield Finding.error(
            "finding.spray_wind_grown", wind_m_s=wind.speed_m_s, planned_m_s=planned.speed_m_s
        )
    drawn, blows = downwind_of(planned), downwind_of(wind)
    if drawn is None:
        return
    if blows is None:
        yield Finding.error("finding.spray_wind_unsteady", planned_deg=drawn)
    elif abs(math.remainder(blows - drawn, 360.0)) > SWING_DEG / 2.0 + ROUNDING:
        yield Finding.error("finding.spray_wind_turned", from_deg=blows, planned_deg=drawn)


def _air(weather: Weather, limits: SprayLimits) -> Iterator[Finding]:
    hot, dry, rain = weather.temperature_c, weather.humidity_pct, weather.rain_mm_h
    if hot is None:
        yield _missing("temperature")
    elif hot > limits.temperature_c + ROUNDING:
        yield Finding.error("finding.spray_hot", temperature_c=hot, limit_c=limits.temperature_c)
    if dry is None:
        yield _missing("humidity")
    elif dry < limits.humidity_pct - ROUNDING:
        yield Finding.error("finding.spray_dry", humidity_pct=dry, limit_pct=limits.humidity_pct)
    yield from _drying(weather.delta_t_c, limits)
    if rain is None:
        yield _missing("rain")
    elif rain > limits.rain_mm_h:
        yield Finding.error("finding.spray_rain", rain_mm_h=rain)


def _drying(delta_t_c: float | None, limits: SprayLimits) -> Iterator[Finding]:
    if delta_t_c is None:
        return
    values: dict[str, Any] = {
        "delta_t_c": delta_t_c,
        "low_c": limits.delta_t_low_c,
        "high_c": limits.delta_t_high_c,
    }
    if delta_t_c > limits.delta_t_stop_c + ROUNDING:
        yield Finding.error("finding.spray_delta_t_stop", **values)
    elif delta_t_c > limits.delta_t_high_c + ROUNDING:
        yield Finding.warning("finding.spray_delta_t_high", **values)
    elif delta_t_c < limits.delta_t_low_c - ROUNDING:
        yield Finding.warning("finding.spray_delta_t_low", **values)


def _daylight(sun_deg: float | None) -> Iterator[Finding]:
    if sun_deg is None:
        yield _missing("daylight")
    elif sun_deg < SUNRISE_DEG:
        yield Finding.error("finding.spray_night", sun_deg=sun_deg)


def _age(weather: Weather, time: datetime | None, limits: SprayLimits) -> Iterator[Finding]:
    if weather.time_utc is None:
        yield _missing("time")
    elif time is not None:
        age_min = abs((time - weather.time_utc).total_seconds()) / 60.0
        if age_min > limits.age_min:
            yield Finding.warning(
                "finding.spray_weather_old", age_min=age_min, limit_min=limits.age_min
            )


def _missing(what: str) -> Finding:
    return Finding.warning(f"finding.spray_unknown_{what}")
