"""Time, energy and mixture of a sortie, leg by leg, the aircraft growing lighter as it sprays.

Theory of operation
-------------------
**Fill.** The tank is filled with what the sortie sprays and what the pump cannot draw
(`Sprayer.dead_l`), no more: every litre carried home is paid for in flight time. A litre of
mixture weighs 1 kg (water; the products in it change that by less than 1 %).

**Power.** Hover power grows with mass^1.5 and drag is added, as in `missions.energy`. What forward
flight saves is counted, low: of hover power `INDUCED_SHARE` goes into pushing air down, and that
part falls with the airspeed v as momentum theory has it (Leishman, *Principles of Helicopter
Aerodynamics*, ch. 2)::

    x = (v / induced)²       factor = √(√(x² / 4 + 1) − x / 2)
    induced = `FIGURE_OF_MERIT` · hover power / weight

Rotors of spraying copters have a figure of merit of 0.45 to 0.55; 0.6 makes the induced velocity
too high and the saving too small, by some per cent of the whole. The mass of a leg is the mean of
its beginning and its end.

**Wind.** When its direction is known every leg meets its own airspeed, the length of ground
velocity less wind. When not, every leg is taken as flown straight against it or straight with it,
whichever costs more: a little wind from ahead saves induced power, much of it is paid in drag.

**Both ends.** The climb is paid at the mass of take-off, waiting over the pad and landing at the
mass left. `GROUND_S` stands for what every flight adds on the ground: from the order to the motors
lifting, and from touching down to the motors stopping.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.weather import Wind
from missions.energy import (
    AIR_KG_M3,
    DRAG_AREA_M2,
    EFFICIENCY,
    GRAVITY_M_S2,
    LAND_BELOW_M,
    LOITER_HOME_S,
    Aircraft,
)
from missions.passes.flight import beyond_m, flight
from missions.passes.pieces import LegKind, Piece, course
from missions.passes.route import SprayRoute
from missions.passes.timing import full_after_s, pump_on_s
from missions.sprayer.job import SprayEstimate, SpraySettings

KG_PER_L = 1.0
"""Water; spray mixtures differ by less than 1 %."""
FIGURE_OF_MERIT = 0.6
"""Of rotor, motor and speed controller together; taken high, so that little is saved."""
INDUCED_SHARE = 0.7
"""Share of hover power that pushes air down; the rest drags the blades round."""
GROUND_S = 9.0
"""Spinning up, lifting off, feeling the ground and stopping: measured on ArduCopter 4.6-dev and on
the embedded simulator, 8 to 11 s more than climb, landing and the legs between."""

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LegCost:
    """What one leg of a sortie takes.

    Parameters
    ----------
    kind : LegKind
        Climb, transit, spray, spot or landing.
    index : int
        Pass it belongs to; for a transit the pass it leads to (the number of passes for the way
        home, as for the landing; 0 for the climb).
    length_m, time_s, energy_wh, litres : float
        Level length, time, electric energy, mixture sprayed.
    mass_kg : float
        Mass at its beginning.
    """

    kind: LegKind
    index: int
    length_m: float
    time_s: float
    energy_wh: float
    litres: float
    mass_kg: float


def fill_l(route: SprayRoute, settings: SpraySettings) -> float:
    """Return the litres to fill in: what the route sprays and what the pump cannot draw."""
    return route.litres + settings.sprayer.dead_l


def hover_power_w(aircraft: Aircraft, mass_kg: FloatArray) -> FloatArray:
    """Return the hover power at each mass, growing with mass^1.5.

    Parameters
    ----------
    aircraft : Aircraft
        With its mass and hover power.
    mass_kg : (N,) float64
        Masses.

    Returns
    -------
    (N,) float64
        Watts.
    """
    grown: FloatArray = (mass_kg / aircraft.mass_kg) ** 1.5
    return aircraft.hover_power_w * grown


def flight_power_w(
    aircraft: Aircraft,
    mass_kg: FloatArray,
    airspeed_m_s: FloatArray | float,
    *,
    saving: bool = True,
) -> FloatArray:
    """Return the power in level flight at each mass and airspeed.

    Parameters
    ----------
    aircraft : Aircraft
        With its mass and hover power.
    mass_kg : (N,) float64
        Masses.
    airspeed_m_s : (N,) float64 or float
        Speeds through the air.
    saving : bool
        Whether what forward flight saves is counted; without it this is
        `missions.energy.cruise_power_w`.

    Returns
    -------
    (N,) float64
        Watts.

    Examples
    --------
    >>> from missions.energy import cruise_power_w, with_payload
    >>> quad = Aircraft(name="quad", mass_kg=2.0, battery_wh=74.0, hover_power_w=240.0)
    >>> watts = flight_power_w(quad, np.array([2.5]), 8.0, saving=False)
    >>> bool(np.isclose(watts[0], cruise_power_w(with_payload(quad, 0.5), 8.0)))
    True
    >>> flight_power_w(quad, np.array([2.0]), np.array([0.0, 6.0])).round(1)
    array([240. , 221.4])
    """
    hover_w = hover_power_w(aircraft, mass_kg)
    drag_area_m2 = DRAG_AREA_M2 * mass_kg ** (2.0 / 3.0)
    drag_w = 0.5 * AIR_KG_M3 * drag_area_m2 * np.power(airspeed_m_s, 3) / EFFICIENCY
    if not saving:
        return np.asarray(hover_w + drag_w)
    induced_m_s = FIGURE_OF_MERIT * hover_w / (mass_kg * GRAVITY_M_S2)
    x = (airspeed_m_s / induced_m_s) ** 2
    factor = np.sqrt(np.sqrt(x * x / 4.0 + 1.0) - x / 2.0)
    return np.asarray(hover_w * (1.0 - INDUCED_SHARE * (1.0 - factor)) + drag_w)


def level_power_w(
    aircraft: Aircraft, mass_kg: FloatArray, pieces: Sequence[Piece], wind: Wind
) -> FloatArray:
    """Return the power on each piece, the worse of two where the wind's direction is not known."""
    low, high = airspeeds(pieces, wind)
    return worse_power_w(aircraft, mass_kg, low, high)


def worse_power_w(
    aircraft: Aircraft, mass_kg: FloatArray, low_m_s: FloatArray, high_m_s: FloatArray
) -> FloatArray:
    """Return the greater power of two airspeeds; between them it is never more."""
    low_w = flight_power_w(aircraft, mass_kg, low_m_s)
    return np.maximum(low_w, flight_power_w(aircraft, mass_kg, high_m_s))


def airspeeds(pieces: Sequence[Piece], wind: Wind) -> tuple[FloatArray, FloatArray]:
    """Return the least and the greatest airspeed of each piece at its full ground speed.

    Returns
    -------
    low_m_s, high_m_s : (N,) float64
        The same where the wind's direction is known; over a spot the wind's speed.
    """
    speed = np.array([piece.speed_m_s for piece in pieces])
    if wind.to_deg is None:
        return np.abs(speed - wind.speed_m_s), speed + wind.speed_m_s
    start = np.array([piece.start for piece in pieces]).reshape(-1, 2)
    along = np.array([piece.end for piece in pieces]).reshape(-1, 2) - start
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)
    toward = math.radians(wind.to_deg)
    air = wind.speed_m_s * np.array([math.sin(toward), math.cos(toward)])
    relative = along / length[:, None] * speed[:, None] - air
    found = np.hypot(relative[:, 0], relative[:, 1])
    return found, found


def climb_cost(aircraft: Aircraft, mass_kg: float, height_m: float) -> tuple[float, float]:
    """Return time, s, and energy, Wh, from the order to the flying height."""
    time_s = height_m / aircraft.climb_m_s + GROUND_S / 2.0
    lift_j = mass_kg * GRAVITY_M_S2 * height_m / EFFICIENCY
    watts = float(hover_power_w(aircraft, np.array(mass_kg)))
    return time_s, (watts * time_s + lift_j) / 3600.0


def landing_cost(
    aircraft: Aircraft, mass_kg: FloatArray, height_m: float
) -> tuple[float, FloatArray]:
    """Return time, s, and energy at each mass, Wh, of waiting over the pad and landing."""
    slow_m = min(height_m, LAND_BELOW_M)
    down_s = (height_m - slow_m) / aircraft.descent_m_s + slow_m / aircraft.land_speed_m_s
    time_s = LOITER_HOME_S + down_s + GROUND_S / 2.0
    return time_s, hover_power_w(aircraft, mass_kg) * time_s / 3600.0


def spray_legs(
    route: SprayRoute, settings: SpraySettings, *, transit_speed_m_s: float | None = None
) -> tuple[LegCost, ...]:
    """Return what each leg of a sortie takes, from take-off to landing.

    Parameters
    ----------
    route : SprayRoute
        One sortie; nothing to do gives no legs.
    settings : SpraySettings
        The job's: sprayer with its aircraft, height, wind.
    transit_speed_m_s : float, optional
        Ground speed off the passes; the job's speed by default.

    Returns
    -------
    tuple of LegCost
        Climb first, landing last.

    Raises
    ------
    Refused
        When the allowed region joins two passes, or a pass and the pad, by no way.
    """
    aircraft = settings.sprayer.aircraft
    transit = settings.speed_m_s if transit_speed_m_s is None else transit_speed_m_s
    pieces = course(route, transit_speed_m_s=transit, acceleration_m_s2=aircraft.acceleration_m_s2,
                    fill_s=full_after_s(settings.sprayer))  # fmt: skip
    if not pieces:
        return ()
    litres = np.array([piece.litres for piece in pieces])
    full_kg = aircraft.mass_kg + KG_PER_L * fill_l(route, settings)
    after = full_kg - KG_PER_L * np.cumsum(litres)
    before = after + KG_PER_L * litres
    watts = level_power_w(aircraft, (before + after) / 2.0, pieces, settings.wind)
    level = [
        LegCost(
            kind=piece.kind, index=piece.index, length_m=piece.length_m, time_s=piece.time_s,
            energy_wh=float(power) * piece.time_s / 3600.0, litres=piece.litres,
            mass_kg=float(mass),
        )
        for piece, power, mass in zip(pieces, watts, before, strict=True)
    ]  # fmt: skip
    up_s, up_wh = climb_cost(aircraft, full_kg, settings.flying_height_m)
    down_s, down_wh = landing_cost(aircraft, after[-1:], settings.flying_height_m)
    climb = LegCost(
        kind=LegKind.CLIMB, index=0, length_m=0.0, time_s=up_s, energy_wh=up_wh, litres=0.0,
        mass_kg=full_kg,
    )  # fmt: skip
    landing = LegCost(
        kind=LegKind.LAND, index=len(route.passes), length_m=0.0, time_s=down_s,
        energy_wh=float(down_wh[0]), litres=0.0, mass_kg=float(after[-1]),
    )  # fmt: skip
    return (climb, *level, landing)


def estimate_spray(
    route: SprayRoute, settings: SpraySettings, *, transit_speed_m_s: float | None = None
) -> SprayEstimate:
    """Return what one sortie takes, from the order to take off until the motors stop.

    Parameters
    ----------
    route, settings, transit_speed_m_s
        As in `spray_legs`.

    Returns
    -------
    SprayEstimate
        Zeros for a route without passes.

    Raises
    ------
    Refused
        When the allowed region joins two passes, or a pass and the pad, by no way.
    """
    legs = spray_legs(route, settings, transit_speed_m_s=transit_speed_m_s)
    return SprayEstimate(
        length_m=sum(leg.length_m for leg in legs),
        sprayed_m=sum(leg.length_m for leg in legs if leg.kind is LegKind.SPRAY),
        time_s=sum(leg.time_s for leg in legs),
        energy_wh=sum(leg.energy_wh for leg in legs),
        litres=sum(leg.litres for leg in legs) + _ends_l(route, settings),
        area_m2=treated_m2(route),
    )


def _ends_l(route: SprayRoute, settings: SpraySettings) -> float:
    """Return what beginning early takes more, less what beginning late or ending short leaves."""
    if not route.passes:
        return 0.0
    sprayer = settings.sprayer
    pump_s = pump_on_s(sprayer)
    ends_l = 0.0
    for run in flight(route, full_after_s(sprayer)).runs:
        ends = zip((run.passes[0], run.passes[-1]),
                   beyond_m(run, sprayer.hose_s, pump_s=pump_s), strict=True)  # fmt: skip
        for work, far_m in ends:
            if not work.is_spot:
                ends_l += max(far_m, -work.length_m) * work.litres / work.length_m
    return ends_l


def treated_m2(route: SprayRoute) -> float:
    """Return the ground under the swaths and spots of a route, inside what may be sprayed, m²."""
    shapes = [
        shapely.Point(p.points[0]).buffer(p.width_m / 2.0)
        if p.is_spot
        else shapely.LineString(p.points).buffer(p.width_m / 2.0, cap_style="flat")
        for p in route.passes
    ]
    return float(shapely.union_all(shapes).intersection(route.treatable).area)
