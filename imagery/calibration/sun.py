"""Where the sun stands: for light sensors that lean, and for judging whether there is enough light.

Theory of operation
-------------------
NOAA's solar equations (after Meeus, Astronomical Algorithms, low accuracy form): good to 0.01° or
so between 1900 and 2100, far below what an attitude sensor knows. Elevation is the apparent one:
NOAA's refraction (1010 hPa, 10 °C) is added, as the makers' own libraries do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.geo import LonLat
from imagery.photo import Attitude

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sun:
    """Direction of the sun.

    Parameters
    ----------
    elevation_deg : float
        Above the horizon, with refraction.
    azimuth_deg : float
        Clockwise from true north, 0 to 360.
    """

    elevation_deg: float
    azimuth_deg: float

    @property
    def towards(self) -> NDArray[np.float64]:
        """(3,) float64: unit vector north, east, down, from the ground to the sun."""
        elevation, azimuth = math.radians(self.elevation_deg), math.radians(self.azimuth_deg)
        level = math.cos(elevation)
        return np.array(
            [level * math.cos(azimuth), level * math.sin(azimuth), -math.sin(elevation)]
        )


def sun_at(place: LonLat, utc: datetime) -> Sun:
    """Return where the sun stands over a place.

    Parameters
    ----------
    place : LonLat
        On the ground.
    utc : datetime
        Aware.

    Raises
    ------
    BadInput
        When the time has no zone.

    Examples
    --------
    >>> noon = datetime(2026, 6, 21, 4, 55, tzinfo=UTC)
    >>> sun = sun_at(LonLat(lon_deg=106.51, lat_deg=21.08), noon)
    >>> round(sun.elevation_deg, 1)
    87.6
    """
    if utc.tzinfo is None:
        raise BadInput("error.photo_value", value=str(utc))
    days = (utc - _J2000).total_seconds() / 86400.0
    century = days / 36525.0
    declination, equation_min = _declination_and_equation(century)
    utc_minutes = (days + 0.5) % 1.0 * 1440.0
    true_solar_min = (utc_minutes + equation_min + 4.0 * place.lon_deg) % 1440.0
    hour = math.radians(true_solar_min / 4.0 - 180.0)
    latitude = math.radians(place.lat_deg)
    north = math.cos(latitude) * math.sin(declination) - math.sin(latitude) * math.cos(
        declination
    ) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    up = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(hour)
    elevation_deg = math.degrees(math.asin(max(-1.0, min(1.0, up))))
    return Sun(
        elevation_deg=elevation_deg + _refraction_deg(elevation_deg),
        azimuth_deg=math.degrees(math.atan2(east, north)) % 360.0,
    )


def leaning_deg(sun: Sun, sensor: Attitude) -> float:
    """Return the angle between the sun and the upward axis of a sensor.

    Parameters
    ----------
    sun : Sun
    sensor : Attitude
        Of the light sensor.

    Examples
    --------
    >>> level = Attitude(yaw_deg=30.0, pitch_deg=0.0, roll_deg=0.0)
    >>> round(leaning_deg(Sun(elevation_deg=40.0, azimuth_deg=180.0), level), 6)
    50.0
    """
    cosine = float(sun.towards @ _up(sensor))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


def _up(sensor: Attitude) -> NDArray[np.float64]:
    """The sensor's upward axis, north–east–down: body (0, 0, −1) by yaw, pitch, roll."""
    yaw, pitch, roll = (
        math.radians(angle) for angle in (sensor.yaw_deg, sensor.pitch_deg, sensor.roll_deg)
    )
    across, along = math.sin(roll), math.cos(roll) * math.sin(pitch)
    return -np.array(
        [
            math.cos(yaw) * along + math.sin(yaw) * across,
            math.sin(yaw) * along - math.cos(yaw) * across,
            math.cos(roll) * math.cos(pitch),
        ]
    )


def _declination_and_equation(century: float) -> tuple[float, float]:
    """Return the sun's declination (radians) and the equation of time (minutes)."""
    t = century
    mean_longitude = math.radians((280.46646 + t * (36000.76983 + 0.0003032 * t)) % 360.0)
    anomaly = math.radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre_deg = (
        math.sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + math.sin(2.0 * anomaly) * (0.019993 - 0.000101 * t)
        + math.sin(3.0 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * t)
    apparent = mean_longitude + math.radians(centre_deg - 0.00569 - 0.00478 * math.sin(node))
    seconds = 21.448 - t * (46.8150 + t * (0.00059 - 0.001813 * t))
    obliquity = math.radians(23.0 + (26.0 + seconds / 60.0) / 60.0 + 0.00256 * math.cos(node))
    declination = math.asin(math.sin(obliquity) * math.sin(apparent))
    y = math.tan(obliquity / 2.0) ** 2
    equation = (
        y * math.sin(2.0 * mean_longitude)
        - 2.0 * eccentricity * math.sin(anomaly)
        + 4.0 * eccentricity * y * math.sin(anomaly) * math.cos(2.0 * mean_longitude)
        - 0.5 * y * y * math.sin(4.0 * mean_longitude)
        - 1.25 * eccentricity**2 * math.sin(2.0 * anomaly)
    )
    return declination, 4.0 * math.degrees(equation)


def _refraction_deg(elevation_deg: float) -> float:
    """NOAA's approximation of atmospheric refraction."""
    if elevation_deg > 85.0:
        return 0.0
    tangent = math.tan(math.radians(elevation_deg))
    if elevation_deg > 5.0:
        seconds = 58.1 / tangent - 0.07 / tangent**3 + 0.000086 / tangent**5
    elif elevation_deg > -0.575:
        e = elevation_deg
        seconds = 1735.0 + e * (-518.2 + e * (103.4 + e * (-12.79 + e * 0.711)))
    else:
        seconds = -20.774 / tangent
    return seconds / 3600.0
