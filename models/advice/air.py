"""Hours in which the air lets a spray be sprayed.

Theory of operation. Each hour of a forecast is judged by itself, and by the hours after it in which
no rain may fall. What is beyond a limit, or not known, is a blocker; there is no hour that is
offered because nobody knew better. The limits are an argument (`AirLimits`): who plans flights
gives those that flights are judged by.

* **Wind**: not above the limit to start. The forecast's wind is that at its height (10 m) and is
  taken as it is, which is stricter than the wind near the crop; for stillness it is taken down to
  2 m, which is stricter too.
* **Still air** is a blocker: mist hangs, and near dawn and dusk it creeps far as a cloud.
* **Heat, dryness, delta T** (wet-bulb depression): at most the limits; above the good range is a
  blocker. Below it the air is damp: with a low sun that is an inversion's air and a blocker, with a
  high sun and a wind it is told as a caution, because in the damp spring of the Red River delta
  hardly an hour would be left.
* **Rain**: none in the hour and none in the rain-free hours after it.
* **Night**: nothing is flown.

Gusts are not in the hourly series: who sprays looks at the wind for some minutes before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from agri.errors import BadInput
from agri.geo import LonLat
from agri.weather.now import delta_t_c, sun_elevation_deg
from agri.weather.series import FloatArray, Hours
from agri.weather.water import wind_at_2_m
from agri.words import Message
from models.advice.outcome import Span

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class AirLimits:
    """Limits of an hour to spray in.

    Parameters
    ----------
    calm_m_s, wind_m_s : float
        Least and most mean wind.
    temperature_c, humidity_pct : float
        Hottest and driest.
    delta_t_low_c, delta_t_high_c : float
        Wet-bulb depression.
    rain_mm_h : float
        Most rain.
    low_sun_deg, sunrise_deg : float
        Sun below which air may lie still over cold ground, and below which it is night.
    """

    calm_m_s: float
    wind_m_s: float
    temperature_c: float
    humidity_pct: float
    delta_t_low_c: float
    delta_t_high_c: float
    rain_mm_h: float
    low_sun_deg: float
    sunrise_deg: float

    def __post_init__(self) -> None:
        pairs = ((self.calm_m_s, self.wind_m_s), (self.delta_t_low_c, self.delta_t_high_c),
                 (self.sunrise_deg, self.low_sun_deg))  # fmt: skip
        if not all(low < high for low, high in pairs) or self.rain_mm_h < 0.0:
            raise BadInput("error.advice_limits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """The air of one hour; NaN stands for not known.

    Parameters
    ----------
    wind_m_s, low_wind_m_s : float
        Mean wind as forecast, and taken down to 2 m.
    temperature_c, humidity_pct, rain_mm : float
        Of the hour.
    sun_deg : float
        Lowest the sun stands in the hour.
    rain_after_mm : tuple of float
        Rain of the hours after it, as many as must stay dry.
    """

    wind_m_s: float
    low_wind_m_s: float
    temperature_c: float
    humidity_pct: float
    rain_mm: float
    sun_deg: float
    rain_after_mm: tuple[float, ...] = ()


def air_blockers(air: Air, limits: AirLimits) -> tuple[Message, ...]:
    """Return what forbids spraying in an hour, the gravest first; none when nothing does."""
    return (*_rain(air, limits), *_wind(air, limits), *_warmth(air, limits), *_sun(air, limits))


def air_cautions(air: Air, limits: AirLimits) -> tuple[Message, ...]:
    """Return what to heed in an hour that may be sprayed in."""
    if _delta_t(air) < limits.delta_t_low_c - ROUNDING:
        return (Message.of("advice.air_damp", delta_t_c=_delta_t(air), low_c=limits.delta_t_low_c),)
    return ()


def _rain(air: Air, limits: AirLimits) -> Iterator[Message]:
    if math.isnan(air.rain_mm) or any(map(math.isnan, air.rain_after_mm)):
        yield Message.of("advice.air_rain_unknown", hours=len(air.rain_after_mm))
    if air.rain_mm > limits.rain_mm_h:
        yield Message.of("advice.air_rain", rain_mm=air.rain_mm)
    elif any(one > limits.rain_mm_h for one in air.rain_after_mm):
        first = next(k for k, one in enumerate(air.rain_after_mm, 1) if one > limits.rain_mm_h)
        yield Message.of("advice.air_rain_after", hours=first, wanted=len(air.rain_after_mm))


def _wind(air: Air, limits: AirLimits) -> Iterator[Message]:
    if math.isnan(air.wind_m_s):
        yield Message.of("advice.air_wind_unknown")
    elif air.wind_m_s > limits.wind_m_s + ROUNDING:
        yield Message.of("advice.air_wind", wind_m_s=air.wind_m_s, limit_m_s=limits.wind_m_s)
    elif air.low_wind_m_s < limits.calm_m_s - ROUNDING:
        low = air.sun_deg < limits.low_sun_deg
        key = "advice.air_inversion" if low else "advice.air_calm"
        yield Message.of(key, wind_m_s=air.low_wind_m_s, limit_m_s=limits.calm_m_s)


def _warmth(air: Air, limits: AirLimits) -> Iterator[Message]:
    if math.isnan(air.temperature_c) or math.isnan(air.humidity_pct):
        yield Message.of("advice.air_unknown")
        return
    if air.temperature_c > limits.temperature_c + ROUNDING:
        yield Message.of("advice.air_hot", temperature_c=air.temperature_c,
                         limit_c=limits.temperature_c)  # fmt: skip
    if air.humidity_pct < limits.humidity_pct - ROUNDING:
        yield Message.of("advice.air_dry", humidity_pct=air.humidity_pct,
                         limit_pct=limits.humidity_pct)  # fmt: skip
    delta = _delta_t(air)
    if delta > limits.delta_t_high_c + ROUNDING:
        yield Message.of("advice.air_delta_t", delta_t_c=delta, high_c=limits.delta_t_high_c)
    if delta < limits.delta_t_low_c - ROUNDING and air.sun_deg < limits.low_sun_deg:
        yield Message.of("advice.air_damp_low_sun", delta_t_c=delta, low_c=limits.delta_t_low_c)


def _sun(air: Air, limits: AirLimits) -> Iterator[Message]:
    if math.isnan(air.sun_deg):
        yield Message.of("advice.air_daylight_unknown")
    elif air.sun_deg < limits.sunrise_deg:
        yield Message.of("advice.air_night")


def _delta_t(air: Air) -> float:
    if math.isnan(air.temperature_c) or math.isnan(air.humidity_pct):
        return math.nan
    return delta_t_c(air.temperature_c, air.humidity_pct)


@dataclass(frozen=True, slots=True, kw_only=True)
class SprayHour:
    """One hour of a forecast, judged.

    Parameters
    ----------
    start : datetime
        When it begins, local.
    blockers, cautions : tuple of Message
        What forbids it, and what to heed.
    """

    start: datetime
    blockers: tuple[Message, ...]
    cautions: tuple[Message, ...]


def spray_hours(
    hours: Hours,
    place: LonLat | None,
    limits: AirLimits,
    days: Sequence[date],
    *,
    rain_free_h: float,
    now: datetime | None = None,
) -> tuple[SprayHour, ...]:
    """Judge every hour of some days that the series holds.

    Parameters
    ----------
    hours : Hours
        With the days and the rain-free hours after them.
    place : LonLat or None
        Without it nobody can tell night from day, and every hour is blocked.
    limits : AirLimits
        The limits.
    days : sequence of date
        Local days to judge.
    rain_free_h : float
        Hours without rain after spraying.
    now : datetime, optional
        Hours that began before it are left out.

    Returns
    -------
    tuple of SprayHour
        In order; hours that the series does not hold are not in it.
    """
    wanted, low_wind = set(days), wind_at_2_m(hours.wind_m_s, hours.wind_height_m)
    found = []
    for k in range(len(hours)):
        start = hours.time(k)
        if start.date() not in wanted or (now is not None and start < now):
            continue
        air = _air(hours, low_wind, k, place, math.ceil(rain_free_h))
        blockers = air_blockers(air, limits)
        cautions = () if blockers else air_cautions(air, limits)
        found.append(SprayHour(start=start, blockers=blockers, cautions=cautions))
    return tuple(found)


def _air(hours: Hours, low_wind: FloatArray, k: int, place: LonLat | None, after: int) -> Air:
    start, sun = hours.time(k), math.nan
    if place is not None:
        sun = min(sun_elevation_deg(place, start + timedelta(minutes=m)) for m in (0, 60))
    rain = hours.rain_mm[k + 1 : k + 1 + after].tolist()
    rain += [math.nan] * (after - len(rain))
    return Air(
        wind_m_s=float(hours.wind_m_s[k]), low_wind_m_s=float(low_wind[k]), sun_deg=sun,
        temperature_c=float(hours.temperature_c[k]), humidity_pct=float(hours.humidity_pct[k]),
        rain_mm=float(hours.rain_mm[k]), rain_after_mm=tuple(rain),
    )  # fmt: skip


def spans(hours: Sequence[SprayHour], *, shortest_h: float) -> tuple[Span, ...]:
    """Join hours on end without blockers into stretches of at least `shortest_h` hours.

    Examples
    --------
    >>> from datetime import UTC
    >>> free = [SprayHour(start=datetime(2027, 5, 1, h, tzinfo=UTC), blockers=(), cautions=())
    ...         for h in (1, 2, 5)]
    >>> [(one.start.hour, one.end.hour) for one in spans(free, shortest_h=2)]
    [(1, 3)]
    """
    found: list[Span] = []
    for one in hours:
        if one.blockers:
            continue
        end = one.start + timedelta(hours=1)
        if found and found[-1].end == one.start and found[-1].end.date() == one.start.date():
            found[-1] = Span(start=found[-1].start, end=end)
        else:
            found.append(Span(start=one.start, end=end))
    return tuple(
        one for one in found if (one.end - one.start).total_seconds() >= 3600.0 * shortest_h
    )
