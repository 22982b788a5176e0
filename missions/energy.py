"""Aircraft, flight time, energy and packs of a flight.

Theory of operation
-------------------
**Time.** A copter flies straight legs between corners. It passes a corner of angle θ at
speed · (1 − θ / 90°) and stops at right angles and sharper ones; between corners it speeds up and
slows down at `Aircraft.acceleration_m_s2`, so a leg too short for it is never flown at full speed.
A full stop and start thus costs speed / acceleration, 180° turn or take-off alike. Added are the
climb, the descent, ArduCopter's last 10 m at landing speed and the 5 s that RETURN_TO_LAUNCH waits
over home.

**Energy.** In forward flight a rotor needs less induced power than in hover and the body more
against drag; the saving is *not* counted (assumption on the safe side), the drag is::

    power = hover + ½ · ρ · CdA · v³ / η      v = ground speed + wind
    CdA = 0.02 m² · mass^(2/3)                η = 0.6      (assumptions, marked as such)
    hover ∝ mass^1.5                          (momentum theory at a given rotor disc)

Every leg is taken as flown against the whole wind: a lawn-mower path goes both ways, drag grows
with the cube, so the true energy is below. Climbing adds the weight's potential energy over η;
descending gives nothing back.

**Packs.** A pack may be drawn down to the reserve only. A pack can be changed at home only: a
flight that needs more breaks off where the energy home still fits, flies home straight, and comes
back to the point. That is counted, in time, energy and length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from agri.errors import BadInput, Refused
from agri.geo import turn_deg

AIR_KG_M3 = 1.2
"""Density of air at 20 °C and sea level."""
GRAVITY_M_S2 = 9.81
"""Standard gravity."""
DRAG_AREA_M2 = 0.02
"""Drag area CdA of a 1 kg copter with its camera (assumption); grows with mass^(2/3)."""
EFFICIENCY = 0.6
"""Share of electric power that becomes thrust power (assumption)."""
LAND_BELOW_M = 10.0
"""ArduCopter's LAND_ALT_LOW: below it the copter lands at landing speed."""
LOITER_HOME_S = 5.0
"""ArduCopter's RTL_LOIT_TIME."""
PLANNING_WIND_M_S = 5.0
"""Wind that plans are made for unless another is told: a fresh afternoon breeze (assumption)."""
PACK_STEP_M = 5.0
"""How finely the point is sought at which a pack must go home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aircraft:
    """A survey copter as far as planning must know it.

    Parameters
    ----------
    name : str
        Catalogue name.
    mass_kg : float
        Take-off mass with battery and camera.
    battery_wh, hover_power_w : float
        Energy of one full pack; electric power in hover at `mass_kg`.
    reserve : float
        Share of the pack that must be left on landing, 0.2 to 0.6 (invariant P6: ≥ 0.3).
    cruise_speed_m_s, climb_m_s, descent_m_s, land_speed_m_s : float
        Default survey speed; climb, descent and final landing speed.
    acceleration_m_s2 : float
        Horizontal acceleration (ArduCopter WPNAV_ACCEL, 2.5 by default).
    max_wind_m_s : float
        Wind it may be flown in.
    source : str
        Where the figures come from; assumptions are named as such.
    """

    name: str
    mass_kg: float
    battery_wh: float
    hover_power_w: float
    reserve: float = 0.3
    cruise_speed_m_s: float = 8.0
    climb_m_s: float = 2.5
    descent_m_s: float = 1.5
    land_speed_m_s: float = 0.5
    acceleration_m_s2: float = 2.5
    max_wind_m_s: float = 8.0
    source: str = ""

    def __post_init__(self) -> None:
        for field in (
            "mass_kg",
            "battery_wh",
            "hover_power_w",
            "cruise_speed_m_s",
            "climb_m_s",
            "descent_m_s",
            "land_speed_m_s",
            "acceleration_m_s2",
            "max_wind_m_s",
        ):
            if not getattr(self, field) > 0.0:
                raise BadInput(
                    "error.aircraft_value",
                    aircraft=self.name,
                    name=field,
                    value=getattr(self, field),
                )
        if not 0.2 <= self.reserve <= 0.6:
            raise BadInput(
                "error.aircraft_value", aircraft=self.name, name="reserve", value=self.reserve
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a flight will take, from take-off to disarm.

    Parameters
    ----------
    length_m : float
        Path flown, climb and descent left out.
    time_s, energy_wh : float
        Whole flight.
    batteries : int
        Packs needed when each keeps its reserve.
    photos : int
        Pictures taken.
    """

    length_m: float
    time_s: float
    energy_wh: float
    batteries: int
    photos: int


def with_payload(aircraft: Aircraft, payload_kg: float) -> Aircraft:
    """Return `aircraft` carrying `payload_kg` more, its hover power grown with mass^1.5.

    Examples
    --------
    >>> quad = Aircraft(name="quad", mass_kg=2.0, battery_wh=74.0, hover_power_w=240.0)
    >>> round(with_payload(quad, 0.5).hover_power_w, 1)
    335.4
    """
    mass_kg = aircraft.mass_kg + payload_kg
    grown = (mass_kg / aircraft.mass_kg) ** 1.5 if mass_kg > 0.0 else 0.0
    return replace(aircraft, mass_kg=mass_kg, hover_power_w=aircraft.hover_power_w * grown)


def cruise_power_w(aircraft: Aircraft, airspeed_m_s: float) -> float:
    """Return the electric power in level flight through the air at `airspeed_m_s`.

    Examples
    --------
    >>> quad = Aircraft(name="quad", mass_kg=2.0, battery_wh=74.0, hover_power_w=240.0)
    >>> cruise_power_w(quad, 0.0), round(cruise_power_w(quad, 10.0), 1)
    (240.0, 271.7)
    """
    drag_area_m2 = DRAG_AREA_M2 * aircraft.mass_kg ** (2.0 / 3.0)
    drag_w = 0.5 * AIR_KG_M3 * drag_area_m2 * airspeed_m_s**3
    return float(aircraft.hover_power_w + drag_w / EFFICIENCY)


def corner_speeds(
    path: Sequence[tuple[float, float]], speed_m_s: float, acceleration_m_s2: float
) -> list[float]:
    """Return the speed at every point of a path, metres per second; first and last are stops.

    Examples
    --------
    >>> corner_speeds([(0, 0), (100, 0), (200, 0), (200, 100)], 8.0, 2.5)
    [0.0, 8.0, 0.0, 0.0]
    """
    speeds = [0.0] * len(path)
    for index in range(1, len(path) - 1):
        angle_deg = turn_deg(path[index - 1 : index + 1], path[index : index + 2])
        speeds[index] = speed_m_s * max(0.0, 1.0 - angle_deg / 90.0)
    for order in (range(1, len(path)), range(len(path) - 2, -1, -1)):
        for index in order:
            other = index - 1 if order.step > 0 else index + 1
            reach = speeds[other] ** 2 + 2 * acceleration_m_s2 * math.dist(path[other], path[index])
            speeds[index] = min(speeds[index], math.sqrt(reach))
    return speeds


def leg_time_s(
    length_m: float,
    start_m_s: float,
    end_m_s: float,
    top_m_s: float,
    acceleration_m_s2: float,
    *,
    braking_m_s2: float | None = None,
) -> float:
    """Return the time of one straight leg flown as fast as speed and acceleration allow.

    Parameters
    ----------
    length_m : float
        Its length.
    start_m_s, end_m_s, top_m_s : float
        Speed at its ends and the greatest between.
    acceleration_m_s2, braking_m_s2 : float
        With which it speeds up and slows down; the same by default.

    Examples
    --------
    >>> leg_time_s(100.0, 0.0, 0.0, 5.0, 2.5)      # 100 / 5 s and one full stop and start
    22.0
    >>> leg_time_s(2.5, 0.0, 0.0, 5.0, 2.5)        # too short to reach 5 m/s
    2.0
    >>> leg_time_s(30.0, 0.0, 0.0, 5.0, 2.5, braking_m_s2=1.0)  # 2 s up, 5 s down, 2.5 s between
    9.5
    """
    up, down = acceleration_m_s2, braking_m_s2 or acceleration_m_s2
    reach = 2.0 * length_m + start_m_s**2 / up + end_m_s**2 / down
    top = max(min(top_m_s, math.sqrt(reach / (1.0 / up + 1.0 / down))), start_m_s, end_m_s)
    ramps_m = (top**2 - start_m_s**2) / (2.0 * up) + (top**2 - end_m_s**2) / (2.0 * down)
    ramps_s = (top - start_m_s) / up + (top - end_m_s) / down
    return ramps_s + max(0.0, length_m - ramps_m) / top if top > 0.0 else 0.0


def level_time_s(
    path: Sequence[tuple[float, float]], speed_m_s: float, acceleration_m_s2: float
) -> float:
    """Return the time of a level path from stop to stop."""
    speeds = corner_speeds(path, speed_m_s, acceleration_m_s2)
    return sum(
        leg_time_s(math.dist(path[i - 1], path[i]), speeds[i - 1], speeds[i], speed_m_s,
                   acceleration_m_s2)
        for i in range(1, len(path))
    )  # fmt: skip


def up_and_down(aircraft: Aircraft, height_m: float) -> tuple[float, float]:
    """Return time, s, and energy, Wh, of climb, descent and landing of one flight."""
    climb_s = height_m / aircraft.climb_m_s
    slow_m = min(height_m, LAND_BELOW_M)
    descent_s = (height_m - slow_m) / aircraft.descent_m_s + slow_m / aircraft.land_speed_m_s
    time_s = climb_s + LOITER_HOME_S + descent_s
    lift_wh = aircraft.mass_kg * GRAVITY_M_S2 * height_m / EFFICIENCY / 3600.0
    return time_s, aircraft.hover_power_w * time_s / 3600.0 + lift_wh


def estimate_flight(
    path: Sequence[tuple[float, float]],
    aircraft: Aircraft,
    *,
    height_m: float,
    speed_m_s: float,
    wind_m_s: float = PLANNING_WIND_M_S,
    photos: int = 0,
) -> Estimate:
    """Return what it takes to fly `path` from home and back to home.

    Parameters
    ----------
    path : sequence of (east_m, north_m)
        Level path in local metres, beginning and ending over home.
    aircraft : Aircraft
        What flies, with its payload.
    height_m : float
        Height above home.
    speed_m_s : float
        Ground speed.
    wind_m_s : float
        Wind, taken as headwind on every leg.
    photos : int
        Pictures taken, passed on.

    Returns
    -------
    Estimate
        Of all packs together.

    Raises
    ------
    Refused
        When one pack is not enough to reach some point of the path and come home.

    Examples
    --------
    >>> quad = Aircraft(name="quad", mass_kg=2.0, battery_wh=74.0, hover_power_w=240.0)
    >>> found = estimate_flight([(0, 0), (800, 0), (0, 0)], quad, height_m=50.0, speed_m_s=8.0)
    >>> found.length_m, found.batteries, round(found.time_s)
    (1600.0, 1, 278)
    """
    length_m = _length_m(path)
    level_s = level_time_s(path, speed_m_s, aircraft.acceleration_m_s2)
    watts = cruise_power_w(aircraft, speed_m_s + wind_m_s)
    once_s, once_wh = up_and_down(aircraft, height_m)
    usable_wh = aircraft.battery_wh * (1.0 - aircraft.reserve)
    if once_wh + watts * level_s / 3600.0 <= usable_wh:
        breaks: list[float] = []
    else:
        stop_s = speed_m_s / aircraft.acceleration_m_s2
        level_wh = usable_wh - once_wh - 2.0 * watts * stop_s / 3600.0
        pace = level_s / length_m if length_m > 0.0 else 0.0
        breaks = _breaks_m(path, level_wh * 3600.0 / watts, pace, 1.0 / speed_m_s)
    extra_m = 2.0 * sum(breaks)
    flights = len(breaks) + 1
    extra_s = extra_m / speed_m_s + len(breaks) * 2.0 * speed_m_s / aircraft.acceleration_m_s2
    flown_s = level_s + extra_s
    return Estimate(
        length_m=length_m + extra_m,
        time_s=flown_s + flights * once_s,
        energy_wh=watts * flown_s / 3600.0 + flights * once_wh,
        batteries=flights,
        photos=photos,
    )


def _length_m(path: Sequence[tuple[float, float]]) -> float:
    return sum(math.dist(start, end) for start, end in pairwise(path))


def _breaks_m(
    path: Sequence[tuple[float, float]], level_s: float, pace_s_m: float, home_s_m: float
) -> list[float]:
    """Return how far from home each pack but the last breaks off, metres.

    A pack has `level_s` of level flight: out to where the last one broke off, along the path at
    the flight's mean `pace_s_m`, and home at `home_s_m`.
    """
    points = _dense(path)
    home = path[0]
    away = [math.dist(home, point) for point in points]
    breaks: list[float] = []
    here, left_s = 0, level_s
    while here < len(points) - 1:
        spent_s = 0.0
        there = here
        while there < len(points) - 1:
            step_s = math.dist(points[there], points[there + 1]) * pace_s_m
            if spent_s + step_s + away[there + 1] * home_s_m > left_s:
                break
            spent_s += step_s
            there += 1
        if there == len(points) - 1:
            break
        if there == here:
            raise Refused("error.pack_too_small", distance_m=away[here])
        breaks.append(away[there])
        here, left_s = there, level_s - away[there] * home_s_m
    return breaks


def _dense(path: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    points = [path[0]]
    for start, end in pairwise(path):
        steps = max(1, math.ceil(math.dist(start, end) / PACK_STEP_M))
        points += [
            (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
            for i in range(1, steps + 1)
        ]
    return points
