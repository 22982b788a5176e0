"""Water between air, leaf and soil: vapour pressure deficit, wet leaves, evapotranspiration.

Theory of operation. The figures are those of FAO Irrigation and Drainage Paper 56 (R. G. Allen,
L. S. Pereira, D. Raes, M. Smith, "Crop evapotranspiration", Rome 1998), equation by equation, and
are held against its worked examples. Reference evapotranspiration is Penman–Monteith's (eq. 6)
where temperature, humidity, wind and radiation of a day are all known, and Hargreaves' (eq. 52),
which asks for temperatures alone, where they are not; which of them a day has is told. Nothing is
made up in between: a wind that was not measured is not taken for 2 m/s.

No station here measures wet leaves. A leaf is taken for wet in an hour with a relative humidity of
90 % or more, or with rain: an assumption, used widely, and to be replaced by a sensor of the farm's
own where advice hangs on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput
from agri.geo import LonLat
from agri.weather.series import Days, FloatArray, Hours

WET_PCT = 90.0
"""Relative humidity from which leaves are taken for wet: an assumption."""
WET_RAIN_MM = 0.1
"""Rain in an hour from which leaves are taken for wet: an assumption."""
ALBEDO = 0.23
"""Of the grass reference, FAO 56 eq. 38."""
STEFAN_MJ_K4_M2 = 4.903e-9
"""Stefan and Boltzmann's constant a day, FAO 56 eq. 39."""
LATENT_MJ_KG = 2.45
"""Heat that evaporates a kilogram of water, FAO 56 eq. 20: 1 / 0.408."""


def saturation_kpa(temperature_c: ArrayLike) -> FloatArray:
    """Return the vapour pressure of saturated air, FAO 56 eq. 11.

    Examples
    --------
    >>> saturation_kpa([24.5, 15.0]).round(3).tolist()      # FAO 56, example 3: 3.075 and 1.705
    [3.075, 1.705]
    """
    t = np.asarray(temperature_c, dtype=np.float64)
    pressure: FloatArray = 0.6108 * np.exp(17.27 * t / (t + 237.3))
    return pressure


def vapour_kpa(days: Days) -> FloatArray:
    """Return the day's actual vapour pressure, FAO 56 eq. 17, else eq. 19.

    Returns
    -------
    (N,) float64
        kPa, by lowest and highest humidity (eq. 17) where both are known, else by the mean
        (eq. 19); NaN where neither is.
    """
    low, high = saturation_kpa(days.low_c), saturation_kpa(days.high_c)
    by_both = (low * days.humidity_high_pct + high * days.humidity_low_pct) / 200.0
    by_mean = days.humidity_pct / 100.0 * (low + high) / 2.0
    return np.where(np.isfinite(by_both), by_both, by_mean)


def daily_deficit_kpa(days: Days) -> FloatArray:
    """Return the day's vapour pressure deficit, FAO 56 eq. 12 less `vapour_kpa`; never below 0."""
    saturated = (saturation_kpa(days.low_c) + saturation_kpa(days.high_c)) / 2.0
    return np.maximum(saturated - vapour_kpa(days), 0.0)


def leaves_wet(
    hours: Hours, *, humidity_pct: float = WET_PCT, rain_mm: float = WET_RAIN_MM
) -> NDArray[np.bool_]:
    """Return in which hours leaves are taken for wet; where nothing is known they are not.

    Parameters
    ----------
    hours : Hours
        N hours.
    humidity_pct, rain_mm : float
        From which leaves are wet: the assumption told at this room's head.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> hours = Hours(start=datetime(2026, 3, 1, tzinfo=UTC), temperature_c=[18.0, 18.0, 18.0],
    ...               humidity_pct=[95.0, 80.0, 80.0], rain_mm=[0.0, 0.4, 0.0])
    >>> leaves_wet(hours).tolist()
    [True, True, False]
    """
    wet: NDArray[np.bool_] = (hours.humidity_pct >= humidity_pct) | (hours.rain_mm >= rain_mm)
    return wet


@dataclass(frozen=True, slots=True, kw_only=True)
class WetSpell:
    """Hours on end in which leaves were taken for wet.

    Parameters
    ----------
    start : int
        Place of its first hour in the series.
    count_h : int
        Hours.
    mean_c : float
        Mean temperature in them, NaN when no hour's is known.
    """

    start: int
    count_h: int
    mean_c: float


def wet_spells(hours: Hours, wet: NDArray[np.bool_]) -> tuple[WetSpell, ...]:
    """Return the spells of wet leaves, in order; what infection models count by."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], wet, [False])).astype(np.int8)))
    found = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        known = hours.temperature_c[start:stop]
        known = known[np.isfinite(known)]
        mean_c = float(known.mean()) if known.size else math.nan
        found.append(WetSpell(start=start, count_h=stop - start, mean_c=mean_c))
    return tuple(found)


def sky_radiation_mj_m2(lat_deg: float, day_of_year: ArrayLike) -> FloatArray:
    """Return the radiation at the top of the air on a day, FAO 56 eq. 21 to 25.

    Parameters
    ----------
    lat_deg : float
        Latitude, degrees, north positive.
    day_of_year : (N,) int
        1 to 366.

    Returns
    -------
    (N,) float64
        MJ/m² a day; 0 in the polar night.

    Examples
    --------
    >>> sky_radiation_mj_m2(-20.0, [246]).round(1).tolist()      # FAO 56, example 8: 32.2
    [32.2]
    """
    turn = math.tau / 365.0 * np.asarray(day_of_year, dtype=np.float64)
    distance = 1.0 + 0.033 * np.cos(turn)
    declination = 0.409 * np.sin(turn - 1.39)
    latitude = math.radians(lat_deg)
    sunset = np.arccos(np.clip(-math.tan(latitude) * np.tan(declination), -1.0, 1.0))
    radiation: FloatArray = 24.0 * 60.0 / math.pi * 0.0820 * distance * (
        sunset * math.sin(latitude) * np.sin(declination)
        + math.cos(latitude) * np.cos(declination) * np.sin(sunset)
    )  # fmt: skip
    return np.maximum(radiation, 0.0)


def wind_at_2_m(wind_m_s: ArrayLike, height_m: float) -> FloatArray:
    """Return a wind as it would be 2 m over short grass, FAO 56 eq. 47.

    Examples
    --------
    >>> wind_at_2_m([3.2], 10.0).round(1).tolist()      # FAO 56, example 14: 2.4
    [2.4]
    """
    wind: FloatArray = (
        np.asarray(wind_m_s, dtype=np.float64) * 4.87 / math.log(67.8 * height_m - 5.42)
    )
    return wind


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evapotranspiration:
    """Reference evapotranspiration, and by which equation each day has it.

    Parameters
    ----------
    et0_mm : (N,) float64
        mm a day; NaN where not even temperatures are known.
    measured : (N,) bool
        True: Penman–Monteith; False: Hargreaves, from temperatures alone.
    """

    et0_mm: FloatArray
    measured: NDArray[np.bool_]


def evapotranspiration(
    days: Days, *, place: LonLat | None = None, height_m: float = 0.0
) -> Evapotranspiration:
    """Return the reference evapotranspiration of days: of short grass with water enough.

    Parameters
    ----------
    days : Days
        N days.
    place : LonLat, optional
        Where; by default the series' own.
    height_m : float
        Ground over the sea, m.

    Raises
    ------
    BadInput
        When the place is not known.
    """
    where = place or days.place
    if where is None:
        raise BadInput("error.weather_place")
    sky = sky_radiation_mj_m2(where.lat_deg, [day.timetuple().tm_yday for day in days.dates])
    exact = penman_monteith_mm(days, sky, height_m=height_m)
    measured = np.isfinite(exact)
    rough = hargreaves_mm(days.low_c, days.high_c, sky)
    return Evapotranspiration(et0_mm=np.where(measured, exact, rough), measured=measured)


def penman_monteith_mm(days: Days, sky_mj_m2: FloatArray, *, height_m: float = 0.0) -> FloatArray:
    """Return Penman–Monteith's reference evapotranspiration, FAO 56 eq. 6.

    Parameters
    ----------
    days : Days
        N days with temperatures, humidity, wind and radiation.
    sky_mj_m2 : (N,) float64
        Radiation at the top of the air (`sky_radiation_mj_m2`).
    height_m : float
        Ground over the sea, m.

    Returns
    -------
    (N,) float64
        mm a day, 0 or more, with no heat stored in the soil over the day (eq. 42); NaN where one of
        the columns is not known.
    """
    mean = (days.low_c + days.high_c) / 2.0
    slope = 4098.0 * saturation_kpa(mean) / (mean + 237.3) ** 2  # eq. 13
    psychrometric = 0.665e-3 * 101.3 * ((293.0 - 0.0065 * height_m) / 293.0) ** 5.26  # eq. 7, 8
    wind = wind_at_2_m(days.wind_m_s, days.wind_height_m)
    net = net_radiation_mj_m2(days, sky_mj_m2, height_m=height_m)
    dry = psychrometric * 900.0 / (mean + 273.0) * wind * daily_deficit_kpa(days)
    et0: FloatArray = (0.408 * slope * net + dry) / (slope + psychrometric * (1.0 + 0.34 * wind))
    return np.maximum(et0, 0.0)


def net_radiation_mj_m2(days: Days, sky_mj_m2: FloatArray, *, height_m: float = 0.0) -> FloatArray:
    """Return what the reference grass keeps of the sun, FAO 56 eq. 37 to 40.

    Returns
    -------
    (N,) float64
        MJ/m² a day.
    """
    clear = (0.75 + 2e-5 * height_m) * sky_mj_m2
    share = np.divide(days.radiation_mj_m2, clear, out=np.full(len(days), math.nan),
                      where=clear > 0.0)  # fmt: skip
    fourth = ((days.low_c + 273.16) ** 4 + (days.high_c + 273.16) ** 4) / 2.0
    vapour = 0.34 - 0.14 * np.sqrt(vapour_kpa(days))
    cloud = 1.35 * np.clip(share, 0.3, 1.0) - 0.35
    net: FloatArray = (1.0 - ALBEDO) * days.radiation_mj_m2 - (
        STEFAN_MJ_K4_M2 * fourth * vapour * cloud
    )
    return net


def hargreaves_mm(low_c: ArrayLike, high_c: ArrayLike, sky_mj_m2: ArrayLike) -> FloatArray:
    """Return Hargreaves' reference evapotranspiration, FAO 56 eq. 52: from temperatures alone.

    It is told to be too high where the air is damp, as it is here.

    Examples
    --------
    >>> hargreaves_mm([14.8], [26.6], [40.6]).round(2).tolist()
    [5.04]
    """
    low, high = np.asarray(low_c, dtype=np.float64), np.asarray(high_c, dtype=np.float64)
    swing = np.sqrt(np.maximum(high - low, 0.0))
    sky = np.asarray(sky_mj_m2, dtype=np.float64)
    et0: FloatArray = 0.0023 * ((low + high) / 2.0 + 17.8) * swing * sky / LATENT_MJ_KG
    return np.maximum(et0, 0.0)
