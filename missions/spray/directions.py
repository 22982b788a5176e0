"""Which directions the lines of a spraying may take, and what a flight along them costs.

Theory of operation
-------------------
`missions.coverage.planning` finds the quickest direction. Beside it are laid out, where they
matter: across the wind, along the contour, square to the quickest; and of the directions along and
across the ground's sides those that promise the evenest dose for their time (`directions`). A line
that meets a side at a slant ends flat, and leaves a tooth sprayed twice or not at all; a line a few
degrees off a side leaves a wedge. Both follow from the sides alone (`_teeth_m2`), so that few
directions need laying out. What is laid out is judged by time or by energy (`flying_cost`):

* time: length over speed, and speed / acceleration for every stop;
* energy: `missions.energy`'s power at the airspeed of every leg (ground velocity less wind) with
  half a tank on board, and the lift where it climbs;
* drift: a swath along the wind lies under its own mist, one across it blows wholly to one side,
  where the next has yet to come: lines along a wind of `FULL_WIND_M_S` or more count
  `ALONG_WIND` longer, in between by the squared cosine;
* slope: climbing and diving cost height accuracy, which is dose; a line counts `CLIMBING` times
  its rise longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from agri.weather import Wind
from missions.airspace.keepouts import explode
from missions.coverage.scanlines import edges_of
from missions.coverage.swaths import sweep_cost
from missions.coverage.ties import ranked
from missions.coverage.tracks import LegKind, Track
from missions.energy import EFFICIENCY, GRAVITY_M_S2, cruise_power_w, with_payload
from missions.spray.order import LEAST_WIND_M_S
from missions.spray.plot import Plot, tracks_over
from missions.sprayer.job import Objective, SpraySettings
from missions.terrain.relief import Slope

FULL_WIND_M_S = 3.0
"""Wind from which on lines along it count in full."""
ALONG_WIND = 0.1
"""How much longer a line along the wind counts."""
CLIMBING = 2.0
"""How many times its rise per metre longer a line counts."""
LEAST_SLOPE = 0.02
"""A slope below this does not turn the lines."""
WAY = 0.07
"""How much of ground sprayed twice a dearer flight weighs, share for share."""
SIDES = 4
"""The ground's longest sides that are looked at as directions, along and across,"""
PROMISING = 2
"""and how many of those are laid out."""
WIND_APART_DEG, SIDES_APART_DEG = 3.0, 0.5
"""Directions nearer to each other than this are one; lines a degree off a side leave a wedge."""
ALIKE = 0.002
"""What differs by no more of the ground is as good; then the first is taken."""
LEVEL_DEG = 0.25
"""Sides nearer to the direction of the lines than this are along them."""
LARGE_M2 = 300_000.0
"""On ground larger than this no direction is tried for its evenness."""

FloatArray = NDArray[np.float64]


def directions(
    ground: BaseGeometry, quickest_deg: float, settings: SpraySettings, slope: Slope | None
) -> list[float]:
    """Return the directions that are laid out over a ground, the quickest first.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What is sprayed, local metres.
    quickest_deg : float
        The direction `missions.coverage.planning` finds quickest, clockwise from north.
    settings : SpraySettings
        What is asked.
    slope : Slope or None
        How the field rises.

    Returns
    -------
    list of float
        Degrees clockwise from north: the quickest, those wind and slope ask for, and of those along
        and across the ground's sides the ones that promise most.
    """
    asked = _apart([quickest_deg, *_others(quickest_deg, settings, slope)], WIND_APART_DEG)
    if ground.area > LARGE_M2:
        return asked[:2]
    inner = ground.buffer(-settings.swath_m, join_style="mitre") if settings.edge_pass else ground
    if inner.is_empty:
        return asked
    outlines = [shapely.get_exterior_ring(part) for part in explode(ground)]
    sides = np.vstack([np.diff(shapely.get_coordinates(line), axis=0) for line in outlines])
    longest = ranked([-float(long) for long in np.hypot(*sides.T)], SIDES)
    own = [math.degrees(math.atan2(*sides[k])) for k in longest]
    tried = _apart([*own, *(angle_deg + 90.0 for angle_deg in own)], SIDES_APART_DEG)
    times = [_sweep_s(inner, angle_deg, settings) for angle_deg in tried]
    promises = [
        _teeth_m2(inner, angle_deg, settings.swath_m) / ground.area + WAY * time_s / min(times)
        for angle_deg, time_s in zip(tried, times, strict=True)
    ]
    best = [tried[number] for number in ranked(promises, PROMISING, tie=ALIKE)]
    return _apart([*asked, *best], SIDES_APART_DEG)


def plot_directions(plot: Plot, settings: SpraySettings, slope: Slope | None) -> list[float]:
    """Return the directions over a small plot that promise most, as `directions` does."""
    width_m, own = settings.swath_m, plot.directions
    tried = _apart([*own, *_others(own[0], settings, slope)], SIDES_APART_DEG)
    inner = Polygon(plot.moved(width_m))
    costs = [flying_cost(tracks_over(plot, way_deg, width_m), settings, slope) for way_deg in tried]
    promises = [
        _teeth_m2(inner, angle_deg, width_m) / plot.shape.area + WAY * cost / min(costs)
        for angle_deg, cost in zip(tried, costs, strict=True)
    ]
    return [tried[number] for number in ranked(promises, PROMISING, tie=ALIKE)]


def _others(quickest_deg: float, settings: SpraySettings, slope: Slope | None) -> Iterator[float]:
    """Yield further directions worth a look."""
    wind = settings.wind
    if slope is not None and slope.rise > LEAST_SLOPE:
        yield slope.direction_deg + 90.0
    if wind.from_deg is not None and wind.speed_m_s >= LEAST_WIND_M_S:
        yield wind.from_deg + 90.0
    if slope is not None or wind.from_deg is not None:
        yield quickest_deg + 90.0


def _apart(directions: Sequence[float], apart_deg: float) -> list[float]:
    """Return directions without those that are nearly one before them."""
    found: list[float] = []
    for angle_deg in directions:
        if all(abs(math.remainder(angle_deg - other, 180.0)) > apart_deg for other in found):
            found.append(angle_deg % 180.0)
    return found


def _sweep_s(ground: BaseGeometry, angle_deg: float, settings: SpraySettings) -> float:
    return sweep_cost(
        ground,
        angle_deg,
        width_m=settings.swath_m,
        speed_m_s=settings.speed_m_s,
        acceleration_m_s2=settings.sprayer.aircraft.acceleration_m_s2,
    )


def _teeth_m2(ground: BaseGeometry, angle_deg: float, width_m: float) -> float:
    """Return about how much flat ends spray twice or miss along the sides of a ground.

    A line that meets a side under the angle a ends flat, and from where half of its width has
    crossed that side: two triangles of (width / 2)² / tan(a) / 2. Such a line meets each
    width / sin(a) of the side. Along sides that the lines run along the width is fitted.
    """
    steps = np.vstack([ends[:, 1] - ends[:, 0] for ends in map(edges_of, explode(ground))])
    along = np.abs(steps @ _unit(angle_deg))
    level = along > np.hypot(*steps.T) * math.cos(math.radians(LEVEL_DEG))
    return float(along[~level].sum()) * width_m / 4.0


def flying_cost(tracks: Sequence[Track], settings: SpraySettings, slope: Slope | None) -> float:
    """Return what tracks cost: seconds or watt-hours, drift and slope weighed in.

    Parameters
    ----------
    tracks : sequence of Track
        Edge and lines, local metres.
    settings : SpraySettings
        Speed, wind, sprayer, and whether time or energy counts.
    slope : Slope or None
        How the field rises.
    """
    sprayer, wind, speed = settings.sprayer, settings.wind, settings.speed_m_s
    aircraft = with_payload(sprayer.aircraft, sprayer.tank_l / 2.0)
    air = _wind_vector(wind)
    change_s = settings.swath_m / speed + 2.0 * speed / aircraft.acceleration_m_s2
    total = len(tracks) * change_s * _power(settings, aircraft.hover_power_w)
    for track in tracks:
        for start, end in pairwise(track.points):
            step = np.subtract(end, start)
            length_m = float(np.hypot(*step))
            if length_m < 1e-6:
                continue
            ahead = step / length_m
            time_s = length_m / speed
            # a line is flown one way as often as the other; so is each side of the edge
            watts = [cruise_power_w(aircraft, float(np.hypot(*(sense * ahead * speed - air))))
                     for sense in (1.0, -1.0)]  # fmt: skip
            cost = time_s * _power(settings, sum(watts) / 2.0)
            rise = 0.0 if slope is None else slope.rise * float(ahead @ _unit(slope.direction_deg))
            if settings.objective is Objective.ENERGY:
                lift_j = abs(rise) / 2.0 * length_m * aircraft.mass_kg * GRAVITY_M_S2 / EFFICIENCY
                cost += lift_j / 3600.0
            weight = 1.0 + CLIMBING * abs(rise)
            if track.kind is LegKind.LINE and wind.from_deg is not None:
                blowing = min(1.0, wind.speed_m_s / FULL_WIND_M_S)
                weight += ALONG_WIND * blowing * float(ahead @ _unit(wind.from_deg)) ** 2
            total += cost * weight
    return float(total)


def _power(settings: SpraySettings, watts: float) -> float:
    """Return what a second costs: itself, or its watt-hours."""
    return watts / 3600.0 if settings.objective is Objective.ENERGY else 1.0


def _wind_vector(wind: Wind) -> FloatArray:
    return np.zeros(2) if wind.to_deg is None else wind.speed_m_s * _unit(wind.to_deg)


def _unit(bearing_deg: float) -> FloatArray:
    angle = math.radians(bearing_deg)
    return np.array([math.sin(angle), math.cos(angle)])
