"""What ArduPilot must be set to for a dose: the SPRAY_ parameters and their neighbours.

Theory of operation
-------------------
ArduPilot's sprayer (AC_Sprayer, 4.6) knows no litres. While it is on, three times a second::

    output % = min(100, max(speed m/s · SPRAY_PUMP_RATE, SPRAY_PUMP_MIN))

and off below SPRAY_SPEED_MIN (cm/s) for a second. SPRAY_PUMP_RATE is a float of 0 to 100 (outside,
it falls back to 10 at start), SPRAY_PUMP_MIN an 8-bit whole number, SPRAY_SPEED_MIN a float,
SPRAY_SPINNER a pulse in µs. So there are two ways to use it:

* **following the speed** (a field): SPRAY_PUMP_RATE is taken from the pump's curve at job speed, so
  that the dose is right there. A pump's curve is not a straight line through nothing, so at
  other speeds it is off by what `dose_error` tells, e.g. for the catalogue's 16 L hexacopter
  at 3 L/min and 5 m/s: −10 % at half speed. SPRAY_PUMP_MIN is the least output on the curve,
  below which nozzles drip: slower than that the dose grows.
* **held** (a rate map, a hover over a tree): SPRAY_PUMP_RATE 0, SPRAY_PUMP_MIN the output. The
  speed alone makes the dose. Only whole percents can be held: plan with
  `missions.sprayer.dose.held_flow_l_min`. A hover needs SPRAY_SPEED_MIN 0.

A pump that is asked for more than 100 % at 1 m/s (slow and strong) is held too.

WPNAV_SPEED is the job's speed: a DO_CHANGE_SPEED is lost when AUTO is left and entered again
(tried on 4.6), and the copter would go on at twice the speed and half the dose.

A plain servo pump has none of this: its channel must have function 0, or DO_SET_SERVO is refused,
and the full range that `missions.sprayer.dose.servo_pwm` reckons with.
"""

from __future__ import annotations

import math

from agri.errors import Refused
from missions.sprayer.dose import (
    PUMP_CHANNEL,
    SERVO_MAX_US,
    SERVO_MIN_US,
    dose_for,
    held_percents,
    pump_flow_l_min,
    pump_output,
    rate_per_pass,
)
from missions.sprayer.dose import flow_l_min as flow_for
from missions.sprayer.gear import PumpControl
from missions.sprayer.job import SprayJob, SprayPass, SpraySettings

SPINNER_CHANNEL = 10
"""AUX 2 of a common autopilot, beside the pump (`missions.sprayer.dose.PUMP_CHANNEL`)."""
PUMP_FUNCTION, SPINNER_FUNCTION = 22, 23
"""SERVOn_FUNCTION of ArduPilot's sprayer."""
SPINNER_US = 1300
"""ArduPilot's own SPRAY_SPINNER."""
SPEED_MIN_M_S = 1.0
"""ArduPilot's own SPRAY_SPEED_MIN."""
SAME_RATE = 0.01
"""Rates that differ less than this are one."""


def spray_parameters(
    settings: SpraySettings, *, hover: bool = False, flow_l_min: float | None = None
) -> dict[str, float]:
    """Return what the autopilot must be set to for a job.

    Parameters
    ----------
    settings : SpraySettings
        The job.
    hover : bool
        Whether it sprays while it stands over a tree.
    flow_l_min : float, optional
        A flow to be held whatever the speed; None follows the speed (and, for a hover, holds the
        flow of the settings).

    Returns
    -------
    dict of str to float
        Parameter name to value. SERVO9_FUNCTION, SERVO10_FUNCTION and SPRAY_SPINNER are hints:
        where the pump is wired and how fast the spinner turns, its owner knows.

    Raises
    ------
    Refused
        When the pump cannot give the flow, or is another maker's.

    Examples
    --------
    >>> from agri.weather import Wind
    >>> from missions.catalogue import sprayer
    >>> from missions.sprayer.job import Product
    >>> water = Product(name="water", dose_per_ha=0.0)
    >>> asked = SpraySettings(sprayer=sprayer("16 L"), product=water, rate_l_ha=20.0,
    ...     height_m=2.5, speed_m_s=5.0, swath_m=5.0, wind=Wind(speed_m_s=1.0))
    >>> found = spray_parameters(asked)
    >>> found["SPRAY_PUMP_RATE"], found["SPRAY_PUMP_MIN"], found["WPNAV_SPEED"]
    (10.1538, 20.0, 500.0)
    """
    sprayer = settings.sprayer
    speed = {"WPNAV_SPEED": float(round(100.0 * settings.speed_m_s))}
    if sprayer.control is PumpControl.EXPORT:
        raise Refused("error.spray_export_only", sprayer=sprayer.name)
    flow = dose_for(settings).flow_l_min if flow_l_min is None else flow_l_min
    output = pump_output(sprayer, flow)
    if sprayer.control is PumpControl.SERVO:
        servo = f"SERVO{PUMP_CHANNEL}_"
        return {f"{servo}FUNCTION": 0.0, f"{servo}MIN": float(SERVO_MIN_US),
                f"{servo}MAX": float(SERVO_MAX_US), **speed}  # fmt: skip
    rate, least = round(100.0 * output / settings.speed_m_s, 4), held_percents(sprayer)[0]
    if hover or flow_l_min is not None or rate > 100.0:
        rate, least = 0.0, _held_percent(settings, output)
    else:
        least = min(least, math.floor(100.0 * output + 1e-9))
    stop_m_s = 0.0 if hover else min(SPEED_MIN_M_S, settings.speed_m_s / 2.0)
    return {
        "SPRAY_ENABLE": 1.0,
        "SPRAY_PUMP_RATE": rate,
        "SPRAY_PUMP_MIN": float(least),
        "SPRAY_SPEED_MIN": float(round(100.0 * stop_m_s)),
        "SPRAY_SPINNER": float(SPINNER_US),
        f"SERVO{PUMP_CHANNEL}_FUNCTION": float(PUMP_FUNCTION),
        f"SERVO{SPINNER_CHANNEL}_FUNCTION": float(SPINNER_FUNCTION),
        **speed,
    }


def _held_percent(settings: SpraySettings, output: float) -> int:
    least, most = held_percents(settings.sprayer)
    return min(most, max(least, round(100.0 * output)))


def job_parameters(job: SprayJob) -> dict[str, float]:
    """Return what the autopilot must be set to for a planned job, as its passes need it.

    Passes at the settings' rate and speed follow the speed. Trees, and passes of a rate map (also
    a sortie of which but one rate is left), hold the one flow they were planned with.

    Raises
    ------
    Refused
        As `spray_parameters`; and when passes that must be held need flows that differ, which
        ArduPilot's sprayer cannot change in flight.
    """
    settings = job.settings
    if settings.sprayer.control is not PumpControl.SPEED:
        return spray_parameters(settings, flow_l_min=settings.sprayer.max_flow_l_min)
    spots = [p for p in job.passes if len(p.places) == 1]
    swaths = [p for p in job.passes if len(p.places) > 1]
    if not (spots or job.kind == "trees" or _paced(swaths, settings)):
        return spray_parameters(settings)
    flows = [60.0 * p.spot_l / p.dwell_s for p in spots] + _flows(swaths)
    found = spray_parameters(settings, hover=bool(spots), flow_l_min=_one_flow(settings, flows))
    if spots:
        return found
    slowest_m_s = min(p.speed_m_s for p in swaths)
    return {
        **found,
        "SPRAY_SPEED_MIN": float(math.floor(50.0 * min(2.0 * SPEED_MIN_M_S, slowest_m_s))),
    }


def _paced(swaths: list[SprayPass], settings: SpraySettings) -> bool:
    """Return whether the speed of passes makes their dose, not the pump that follows it."""
    rate = rate_per_pass(settings)
    if any(abs(p.rate_l_ha - rate) > SAME_RATE * rate for p in swaths):
        return True
    widths = [p.width_m for p in swaths]
    if widths and max(widths) > min(widths) * (1.0 + SAME_RATE):
        return True
    flows = _flows(swaths)
    steady = bool(flows) and max(flows) <= min(flows) * (1.0 + SAME_RATE)
    speeds = [abs(p.speed_m_s - settings.speed_m_s) for p in swaths]
    return steady and min(speeds) > SAME_RATE * settings.speed_m_s


def _flows(swaths: list[SprayPass]) -> list[float]:
    return [flow_for(p.rate_l_ha, p.width_m, p.speed_m_s) for p in swaths]


def _one_flow(settings: SpraySettings, flows: list[float]) -> float:
    least, most = min(flows), max(flows)
    if most > least * 1.04:
        raise Refused("error.spray_flows_differ", sprayer=settings.sprayer.name, least=least,
                      most=most)  # fmt: skip
    return (least + most) / 2.0


def dose_error(settings: SpraySettings, speed_m_s: float) -> float:
    """Return how far the dose is off at a ground speed when the pump follows the speed.

    Parameters
    ----------
    settings : SpraySettings
        The job `spray_parameters` was asked for.
    speed_m_s : float
        Ground speed flown, above SPRAY_SPEED_MIN.

    Returns
    -------
    float
        0.1 for a tenth too much.

    Examples
    --------
    >>> from agri.weather import Wind
    >>> from missions.catalogue import sprayer
    >>> from missions.sprayer.job import Product
    >>> water = Product(name="water", dose_per_ha=0.0)
    >>> asked = SpraySettings(sprayer=sprayer("16 L"), product=water, rate_l_ha=20.0,
    ...     height_m=2.5, speed_m_s=5.0, swath_m=5.0, wind=Wind(speed_m_s=1.0))
    >>> [round(dose_error(asked, v), 3) for v in (5.0, 2.5, 1.25)]
    [0.0, -0.1, 0.333]
    """
    found = spray_parameters(settings)
    percent = min(100.0, max(speed_m_s * found["SPRAY_PUMP_RATE"], found["SPRAY_PUMP_MIN"]))
    given = pump_flow_l_min(settings.sprayer, percent / 100.0)
    asked = flow_for(rate_per_pass(settings), settings.swath_m, speed_m_s)
    return given / asked - 1.0
