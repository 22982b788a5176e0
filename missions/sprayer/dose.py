"""Dose: from litres per hectare to flow, speed and swath, to the pump and back.

The one formula, with q the flow in L/min, r the rate in L/ha, w the swath in m, v the ground speed
in m/s::

    q = r · w · v · 60 / 10,000 = 0.006 · r · w · v

(a swath of w metres at v m/s covers w · v · 60 m² a minute; the same formula stands in nozzle
makers' charts as q = r · km/h · w / 600).

**Swath.** Measured points are few. Between heights at one speed the width is interpolated; under
the lowest it shrinks in proportion to the height, over the highest it is held; between two speeds
the narrower of both counts. A swath taken too narrow costs time and overlaps; one too wide leaves
stripes nobody sees from the ground.

**Pump.** Straight lines between the measured points; below the first one the line goes to nothing
at no output. A dose outside the points is refused: below, the nozzles drip.

What an autopilot is set to for a dose stands in `missions.sprayer.parameters`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput, Refused
from missions.sprayer.gear import Sprayer
from missions.sprayer.job import SpraySettings

L_MIN_PER_L_HA_M_M_S = 0.006
"""60 s/min over 10,000 m²/ha."""
SLOWEST_M_S = 0.3
"""Slowest spraying; below it a copter's ground speed is mostly noise."""
PUMP_CHANNEL = 9
"""AUX 1 of a common autopilot: where the pump is taken to be wired."""
SERVO_MIN_US, SERVO_MAX_US = 1100, 1900
"""ArduPilot's own SERVOn_MIN and SERVOn_MAX, to which a pump's output 0 and 1 belong."""
_HAIR = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """What a job asks of the sprayer on a swath.

    Parameters
    ----------
    rate_l_ha : float
        Litres of mixture per hectare, of one pass.
    swath_m, speed_m_s : float
        Swath width and ground speed.
    flow_l_min : float
        What the pump must give for it.
    """

    rate_l_ha: float
    swath_m: float
    speed_m_s: float
    flow_l_min: float


def flow_l_min(rate_l_ha: float, swath_m: float, speed_m_s: float) -> float:
    """Return the flow that gives a rate on a swath at a speed.

    Examples
    --------
    >>> round(flow_l_min(20.0, 5.0, 5.0), 6)
    3.0
    """
    for name, value in (("rate", rate_l_ha), ("swath", swath_m), ("speed", speed_m_s)):
        if not 0.0 <= value < 1e5:
            raise BadInput("error.dose_value", name=name, value=value)
    return L_MIN_PER_L_HA_M_M_S * rate_l_ha * swath_m * speed_m_s


def swath_at(sprayer: Sprayer, height_m: float, speed_m_s: float) -> float:
    """Return the effective swath width to plan with, metres; see the head of this room.

    Parameters
    ----------
    sprayer : Sprayer
        What sprays.
    height_m : float
        Above the crop.
    speed_m_s : float
        Ground speed.

    Raises
    ------
    BadInput
        When the height or the speed is not a positive number.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> hexa = sprayer("16 L")
    >>> swath_at(hexa, 2.5, 6.0), swath_at(hexa, 2.5, 4.0), swath_at(hexa, 1.5, 3.0)
    (4.75, 4.25, 3.0)
    """
    for name, value in (("height", height_m), ("speed", speed_m_s)):
        if not 0.0 < value < 1e5:
            raise BadInput("error.dose_value", name=name, value=value)
    speeds = sorted({point.speed_m_s for point in sprayer.swath})
    slower = max((v for v in speeds if v <= speed_m_s), default=speeds[0])
    faster = min((v for v in speeds if v >= speed_m_s), default=speeds[-1])
    return min(_width_m(sprayer, v, height_m) for v in (slower, faster))


def _width_m(sprayer: Sprayer, speed_m_s: float, height_m: float) -> float:
    row = sorted((p.height_m, p.width_m) for p in sprayer.swath if p.speed_m_s == speed_m_s)
    lowest_m, width_m = row[0]
    if height_m < lowest_m:
        return width_m * height_m / lowest_m
    return float(np.interp(height_m, [h for h, _ in row], [w for _, w in row]))


def pump_flow_l_min(sprayer: Sprayer, output: float) -> float:
    """Return the flow at an output of 0 to 1.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> round(pump_flow_l_min(sprayer("16 L"), 0.5), 3), pump_flow_l_min(sprayer("16 L"), 0.0)
    (2.95, 0.0)
    """
    if not 0.0 <= output <= 1.0:
        raise BadInput("error.dose_value", name="output", value=output)
    return float(pump_flows_l_min(sprayer, output))


def pump_flows_l_min(sprayer: Sprayer, outputs: ArrayLike) -> NDArray[np.float64]:
    """Return what the pump gives at outputs that were told or measured.

    Parameters
    ----------
    sprayer : Sprayer
        Whose curve.
    outputs : array-like of float
        0 to 1, and what lies beyond as the nearer of both; NaN where it was not told.

    Returns
    -------
    float64 array of that shape
        Litres a minute, all nozzles together; NaN where the output is.
    """
    points = [(point.output, point.flow_l_min) for point in sprayer.pump]
    if points[0][0] > 0.0:
        points.insert(0, (0.0, 0.0))
    asked = np.asarray(outputs, dtype=np.float64)
    flow = np.interp(asked, [o for o, _ in points], [q for _, q in points])
    return np.where(asked > 0.0, flow, np.where(np.isnan(asked), np.nan, 0.0))


def pump_output(sprayer: Sprayer, flow_l_min: float) -> float:
    """Return the output, 0 to 1, at which the pump gives a flow; the inverse of `pump_flow_l_min`.

    Raises
    ------
    Refused
        When the pump cannot give it, or the nozzles would no longer spray.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> round(pump_output(sprayer("16 L"), 2.95), 3)
    0.5
    """
    least, most = sprayer.min_flow_l_min, sprayer.max_flow_l_min
    if not least * (1.0 - _HAIR) <= flow_l_min <= most * (1.0 + _HAIR):
        raise Refused("error.dose_flow", sprayer=sprayer.name, flow=flow_l_min, least=least,
                      most=most)  # fmt: skip
    return float(
        np.interp(
            flow_l_min, [p.flow_l_min for p in sprayer.pump], [p.output for p in sprayer.pump]
        )
    )


def servo_pwm(sprayer: Sprayer, flow_l_min: float) -> int:
    """Return the pulse, µs, at which a pump on a plain channel gives a flow; 0 L/min is off.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> servo_pwm(sprayer("servo"), 2.2), servo_pwm(sprayer("servo"), 0.0)
    (1660, 1100)
    """
    output = pump_output(sprayer, flow_l_min) if flow_l_min != 0.0 else 0.0
    return round(SERVO_MIN_US + (SERVO_MAX_US - SERVO_MIN_US) * output)


def held_flow_l_min(sprayer: Sprayer, flow_l_min: float) -> float:
    """Return the nearest flow that ArduPilot's sprayer can hold whatever the speed.

    It holds whole percents of output only (SPRAY_PUMP_MIN), and none that leaves the curve.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> round(held_flow_l_min(sprayer("16 L"), 2.99), 3)
    3.015
    """
    percent = round(100.0 * pump_output(sprayer, flow_l_min))
    least, most = held_percents(sprayer)
    return pump_flow_l_min(sprayer, min(most, max(least, percent)) / 100.0)


def held_percents(sprayer: Sprayer) -> tuple[int, int]:
    """Return the least and the greatest whole percent of output on the pump's curve.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> held_percents(sprayer("16 L"))
    (20, 100)
    """
    least = math.ceil(100.0 * sprayer.pump[0].output - _HAIR)
    return least, math.floor(100.0 * sprayer.pump[-1].output + _HAIR)


def fitting_speed_m_s(sprayer: Sprayer, rate_l_ha: float, swath_m: float) -> float:
    """Return the fastest ground speed at which the pump gives a rate on a swath.

    Raises
    ------
    Refused
        When there is none: slower than 0.3 m/s, or the least flow is too much at full speed.

    Examples
    --------
    >>> from missions.catalogue import sprayer
    >>> round(fitting_speed_m_s(sprayer("16 L"), 100.0, 4.0), 3)
    2.5
    >>> fitting_speed_m_s(sprayer("16 L"), 20.0, 4.0)
    6.0
    """
    each = flow_l_min(rate_l_ha, swath_m, 1.0)
    if each <= 0.0:
        raise BadInput("error.dose_value", name="rate", value=rate_l_ha)
    if each * SLOWEST_M_S > sprayer.max_flow_l_min * (1.0 + _HAIR):
        raise Refused("error.dose_over_rate", sprayer=sprayer.name, rate=rate_l_ha, swath=swath_m,
                      most=sprayer.max_flow_l_min, flow=each * SLOWEST_M_S,
                      speed=SLOWEST_M_S,
                      fits=_down(rate_l_ha * sprayer.max_flow_l_min / each / SLOWEST_M_S, 1),
                      )  # fmt: skip
    if each * sprayer.max_speed_m_s < sprayer.min_flow_l_min * (1.0 - _HAIR):
        speed = sprayer.max_speed_m_s
        raise Refused("error.dose_under_rate", sprayer=sprayer.name, rate=rate_l_ha,
                      swath=swath_m, least=sprayer.min_flow_l_min, flow=each * speed, speed=speed,
                      fits=_up(rate_l_ha * sprayer.min_flow_l_min / each / speed, 1))  # fmt: skip
    return min(sprayer.max_speed_m_s, sprayer.max_flow_l_min / each)


def rate_per_pass(settings: SpraySettings) -> float:
    """Return the rate of one pass: half of what is asked where two cross."""
    return settings.rate_l_ha / (2.0 if settings.crosshatch else 1.0)


def dose_for(settings: SpraySettings) -> Dose:
    """Return the dose of one pass, and refuse one that the pump cannot give.

    Raises
    ------
    Refused
        When the flow is over what the pump gives or under what the nozzles need; the sentence
        tells the speed and the rate that would do.

    Examples
    --------
    >>> from agri.weather import Wind
    >>> from missions.catalogue import sprayer
    >>> from missions.sprayer.job import Product
    >>> water = Product(name="water", dose_per_ha=0.0)
    >>> asked = SpraySettings(sprayer=sprayer("16 L"), product=water, rate_l_ha=40.0,
    ...     height_m=2.5, speed_m_s=5.0, swath_m=4.5, wind=Wind(speed_m_s=1.0), crosshatch=True)
    >>> dose_for(asked).rate_l_ha, round(dose_for(asked).flow_l_min, 3)
    (20.0, 2.7)
    """
    sprayer, rate = settings.sprayer, rate_per_pass(settings)
    flow = flow_l_min(rate, settings.swath_m, settings.speed_m_s)
    least, most = sprayer.min_flow_l_min, sprayer.max_flow_l_min
    told = {"sprayer": sprayer.name, "rate": settings.rate_l_ha, "flow": flow,
            "speed": settings.speed_m_s, "swath": settings.swath_m}  # fmt: skip
    if flow > most * (1.0 + _HAIR):
        slower, lower = settings.speed_m_s * most / flow, settings.rate_l_ha * most / flow
        key = "error.dose_over" if slower >= SLOWEST_M_S else "error.dose_over_rate"
        raise Refused(key, **told, most=most, slower=_down(slower, 2), fits=_down(lower, 1))
    if flow < least * (1.0 - _HAIR):
        faster, higher = settings.speed_m_s * least / flow, settings.rate_l_ha * least / flow
        fast = faster <= sprayer.max_speed_m_s
        key = "error.dose_under" if fast else "error.dose_under_rate"
        raise Refused(key, **told, least=least, faster=_up(faster, 2), fits=_up(higher, 1))
    return Dose(
        rate_l_ha=rate, swath_m=settings.swath_m, speed_m_s=settings.speed_m_s, flow_l_min=flow
    )


def _down(value: float, digits: int) -> float:
    """Round down, so that what a sentence offers will do."""
    return math.floor(value * 10.0**digits + 1e-6) / 10.0**digits


def _up(value: float, digits: int) -> float:
    return math.ceil(value * 10.0**digits - 1e-6) / 10.0**digits
