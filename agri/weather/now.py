"""Wind and weather as the field has it now: what drift, go or no-go and energy are judged by.

Directions are where the wind comes **from**, degrees clockwise from true north, as every weather
report and every windsock tells it.

What is not known is None, never a mild guess: whoever judges by a `Weather` says what is missing.
Two figures follow from what is known: how fast droplets dry up (`delta_t_c`, the wet-bulb
depression) and how high the sun stands (`sun_elevation_deg`), which tells night from day and the
hours in which air lies still over cold ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from agri.errors import BadInput
from agri.geo import LonLat

COMPASS = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
"""The sides of the sky as people name where a wind comes from, 45° apart, from north clockwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wind:
    """A wind near the ground (2 to 10 m up).

    Parameters
    ----------
    speed_m_s : float
        Mean over some minutes, 0 to 40.
    from_deg : float or None
        Where it comes from, degrees clockwise from true north, 0 ≤ from < 360; None when not
        known: then every side is taken for downwind.
    gust_m_s : float or None
        Strongest gust, not below the mean; None when not known.

    Raises
    ------
    BadInput
        When a figure is not finite or out of range.

    Examples
    --------
    >>> Wind(speed_m_s=2.0, from_deg=90.0).to_deg
    270.0
    """

    speed_m_s: float
    from_deg: float | None = None
    gust_m_s: float | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.speed_m_s <= 40.0:
            raise BadInput("error.wind_speed", value=self.speed_m_s)
        if self.from_deg is not None and not math.isfinite(self.from_deg):
            raise BadInput("error.wind_direction", value=self.from_deg)
        if self.from_deg is not None:
            object.__setattr__(self, "from_deg", self.from_deg % 360.0)
        if self.gust_m_s is not None and not self.speed_m_s <= self.gust_m_s <= 60.0:
            raise BadInput("error.wind_gust", value=self.gust_m_s, mean=self.speed_m_s)

    @property
    def to_deg(self) -> float | None:
        """Where it blows to, degrees clockwise from true north."""
        return None if self.from_deg is None else (self.from_deg + 180.0) % 360.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """The weather at a field at one time, measured or forecast; None stands for not known.

    Parameters
    ----------
    wind : Wind or None
        Near the ground.
    temperature_c : float or None
        Of the air in the shade, −60 to 60 °C.
    humidity_pct : float or None
        Relative, 0 to 100 %.
    rain_mm_h : float or None
        Rain, 0 to 500 mm an hour; 0 when it is dry.
    time_utc : datetime or None
        When it was so, with a time zone; kept as UTC.
    source : str
        Where it comes from: "handheld meter", "forecast of the provincial station".

    Raises
    ------
    BadInput
        When a figure is not finite or out of range, or the time has no time zone.

    Examples
    --------
    >>> now = Weather(temperature_c=30.0, humidity_pct=50.0)
    >>> round(now.delta_t_c, 1), now.wind is None
    (7.7, True)
    """

    wind: Wind | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None
    rain_mm_h: float | None = None
    time_utc: datetime | None = None
    source: str = ""

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("temperature_c", self.temperature_c, -60.0, 60.0),
            ("humidity_pct", self.humidity_pct, 0.0, 100.0),
            ("rain_mm_h", self.rain_mm_h, 0.0, 500.0),
        ):
            if value is not None and not low <= value <= high:
                raise BadInput("error.weather_value", name=name, value=value, low=low, high=high)
        if self.time_utc is not None:
            object.__setattr__(self, "time_utc", in_utc(self.time_utc))

    @property
    def delta_t_c(self) -> float | None:
        """Wet-bulb depression, None when temperature or humidity is not known."""
        if self.temperature_c is None or self.humidity_pct is None:
            return None
        return delta_t_c(self.temperature_c, self.humidity_pct)


def in_utc(time: datetime) -> datetime:
    """Return a time in UTC; one without a time zone is refused.

    Raises
    ------
    BadInput
        When the time does not tell its time zone.

    Examples
    --------
    >>> in_utc(datetime.fromisoformat("2026-05-01T06:00:00+07:00")).hour
    23
    """
    if time.tzinfo is None:
        raise BadInput("error.time_without_zone", value=time.isoformat())
    return time.astimezone(UTC)


def wet_bulb_c(temperature_c: float, humidity_pct: float) -> float:
    """Return the wet-bulb temperature at sea level.

    Parameters
    ----------
    temperature_c : float
        Air temperature, °C.
    humidity_pct : float
        Relative humidity, %.

    Returns
    -------
    float
        °C, by R. Stull, "Wet-Bulb Temperature from Relative Humidity and Air Temperature", J. Appl.
        Meteor. Climatol. 50 (2011) 2267, eq. 1: within −1 to +0.65 °C for 5 to 99 % and −20 to
        50 °C (dry and cold air together left out). Never above the air temperature.

    Examples
    --------
    >>> round(wet_bulb_c(20.0, 50.0), 1)      # the paper's own example
    13.7
    """
    wet_c: float = (
        temperature_c * math.atan(0.151977 * math.sqrt(humidity_pct + 8.313659))
        + math.atan(temperature_c + humidity_pct)
        - math.atan(humidity_pct - 1.676331)
        + 0.00391838 * humidity_pct**1.5 * math.atan(0.023101 * humidity_pct)
        - 4.686035
    )
    return min(wet_c, temperature_c)


def delta_t_c(temperature_c: float, humidity_pct: float) -> float:
    """Return the wet-bulb depression, "delta T": air temperature less wet-bulb temperature.

    Droplets dry up the faster the larger it is; spraying is advised between 2 and 8 °C.

    Examples
    --------
    >>> round(delta_t_c(20.0, 50.0), 1)
    6.3
    """
    return temperature_c - wet_bulb_c(temperature_c, humidity_pct)


def sun_elevation_deg(place: LonLat, time: datetime) -> float:
    """Return how high the sun stands over the horizon, refraction left out.

    Parameters
    ----------
    place : LonLat
        On the ground.
    time : datetime
        With a time zone.

    Returns
    -------
    float
        Degrees, negative below the horizon, by NOAA's "General Solar Position Calculations"
        (Fourier series of declination and equation of time); within about 0.5°. The sun rises and
        sets at −0.833°, half its width and the air's refraction.

    Raises
    ------
    BadInput
        When the time does not tell its time zone.

    Examples
    --------
    >>> equinox = datetime(2026, 3, 20, 12, 7, tzinfo=UTC)
    >>> sun_elevation_deg(LonLat(lon_deg=0.0, lat_deg=0.0), equinox) > 89.0
    True
    """
    utc = in_utc(time)
    minutes = utc.hour * 60.0 + utc.minute + utc.second / 60.0
    days = 366.0 if utc.year % 4 == 0 and (utc.year % 100 != 0 or utc.year % 400 == 0) else 365.0
    turn = math.tau / days * (utc.timetuple().tm_yday - 1 + (minutes / 60.0 - 12.0) / 24.0)
    one, two, three = ((math.cos(n * turn), math.sin(n * turn)) for n in (1, 2, 3))
    equation_min = 229.18 * (
        0.000075 + 0.001868 * one[0] - 0.032077 * one[1] - 0.014615 * two[0] - 0.040849 * two[1]
    )
    declination = (
        0.006918 - 0.399912 * one[0] + 0.070257 * one[1] - 0.006758 * two[0] + 0.000907 * two[1]
        - 0.002697 * three[0] + 0.00148 * three[1]
    )  # fmt: skip
    hour_angle = math.radians((minutes + equation_min + 4.0 * place.lon_deg) / 4.0 - 180.0)
    latitude = math.radians(place.lat_deg)
    height = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour_angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, height))))
