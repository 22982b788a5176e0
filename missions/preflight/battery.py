"""Before a launch and in the air: is the charge enough, and will the aircraft itself know when not?

Two look at the charge. The ground counts it: a flight begins with a pack that is enough for all of
it, and is called home while the way home still is. But a count knows neither an old pack nor a cold
one, which is empty while it still says a third. So the aircraft's own failsafe must be able to act:
as delivered its voltage limit is that of three cells (10.5 V), which a pack of six or twelve never
comes down to, and its charge limit is 0, never. An aircraft with neither limit fit for the pack
that is in it stays on the ground. One that sprays needs a critical limit too, at which it lands:
its fence's action is to brake, and where nobody hears it any more it would stand there until it
falls. Nor may it count with a larger pack than the one it was planned with, or the ground would be
told of charge that is not there; and one that tells neither charge nor voltage does not fly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from agri.findings import Finding
from agri.geo import distance_m
from missions.flightplan import FlightPlan
from missions.preflight.requirements import Requirement, why
from missions.wire.telemetry import Telemetry

BATTERY_FEW_PCT, BATTERY_MANY_PCT = 30.0, 50.0
"""With no estimate to go by: below the first nothing flies, below the second a warning."""
KEPT = 2.0 / 3.0
"""Share of the reserve with which an aircraft that was called home still stands on its pad: a fifth
of the pack where three tenths are kept back."""
WINDY, PLANNED = 1.5, 0.9
"""How much more the way home may take than in still air; the share of the reserve at which one that
goes as planned is still let go on."""
LOW_VOLT, LOW_MAH = "BATT_LOW_VOLT", "BATT_LOW_MAH"
CRITICAL_VOLT, CRITICAL_MAH = "BATT_CRT_VOLT", "BATT_CRT_MAH"
CAPACITY_MAH = "BATT_CAPACITY"
COUNTED_MOST = 1.3
"""A pack's charge times the voltage it shows at rest is at most this much of the energy it is sold
with: of a full cell's 4.2 V where 3.7 V are reckoned 1.14, and a seventh more for how it was
rounded."""
LIMIT_SHARE = 0.8
"""A limit of voltage is at least this share of what the pack shows at rest: of a full cell's 4.2 V
these are 3.36 V, where it is all but empty; of one half full, less."""
CELL_LIMIT_V, CELL_CRITICAL_V = 3.6, 3.5
"""What is advised for each cell: about a sixth of the charge is left under load; a twelfth, enough
to come down from above a roof (at 3.4 V one fell that was flown on the simulator)."""


def battery_requirements() -> tuple[Requirement, ...]:
    """Return what is read of the battery's count and failsafe; the pack's owner knows what fits.

    Examples
    --------
    >>> [need.name for need in battery_requirements()]
    ['BATT_LOW_VOLT', 'BATT_LOW_MAH', 'BATT_CRT_VOLT', 'BATT_CRT_MAH', 'BATT_CAPACITY']
    """
    return tuple(
        Requirement(
            name=name, wanted=0.0, fits=lambda _: True, reason=why("battery"), settable=False,
            absent=None,
        )
        for name in (LOW_VOLT, LOW_MAH, CRITICAL_VOLT, CRITICAL_MAH, CAPACITY_MAH)
    )  # fmt: skip


def check_limits(
    plan: FlightPlan, values: Mapping[str, float | None], telemetry: Telemetry
) -> list[Finding]:
    """Return an error for each limit of the battery that is not fit for the pack in the aircraft.

    Parameters
    ----------
    plan : FlightPlan
        What is to be flown; a critical limit and a true count are asked of a spraying only (what
        simulates a survey need not have the plan's pack).
    values : mapping of str to float or None
        Its parameters as read.
    telemetry : Telemetry
        The aircraft now, on the ground.
    """
    volts, found = telemetry.voltage_v, []
    limit_v = values.get(LOW_VOLT)
    if _never_acts(limit_v, values.get(LOW_MAH), volts):
        found.append(
            Finding.error("finding.battery_limit", limit_v=limit_v, volts=volts,
                          cell_v=CELL_LIMIT_V)
        )  # fmt: skip
    limit_v = values.get(CRITICAL_VOLT)
    if plan.spray is not None and _never_acts(limit_v, values.get(CRITICAL_MAH), volts):
        found.append(
            Finding.error("finding.battery_critical_limit", limit_v=limit_v, volts=volts,
                          cell_v=CELL_CRITICAL_V)
        )  # fmt: skip
    capacity_mah, aircraft = values.get(CAPACITY_MAH), plan.aircraft
    if plan.spray is not None and aircraft is not None and capacity_mah is not None:
        counted_wh = capacity_mah / 1000.0 * volts
        if counted_wh > COUNTED_MOST * aircraft.battery_wh:
            found.append(
                Finding.error("finding.battery_capacity", capacity_mah=capacity_mah,
                              battery_wh=aircraft.battery_wh)
            )  # fmt: skip
    return found


def _never_acts(limit_v: float | None, limit_mah: float | None, volts: float) -> bool:
    """Return whether limits that were read never act on a pack whose voltage is known.

    Examples
    --------
    >>> [_never_acts(10.5, 0.0, volts) for volts in (12.6, 25.2, math.nan)]
    [False, True, False]
    """
    if limit_v is None or limit_mah is None or not volts > 0.0:
        return False
    return limit_mah <= 0.0 and limit_v < LIMIT_SHARE * volts


def check_charge(plan: FlightPlan, telemetry: Telemetry) -> list[Finding]:
    """Return whether the pack that is in the aircraft is enough for a flight.

    Parameters
    ----------
    plan : FlightPlan
        What is to be flown.
    telemetry : Telemetry
        The aircraft now.
    """
    left_pct = telemetry.battery_pct
    if math.isnan(left_pct):
        told = telemetry.voltage_v > 0.0
        return [
            Finding.warning("finding.battery_unknown")
            if told
            else Finding.error("finding.battery_blind")
        ]
    told_pct = flight_needs_pct(plan)
    needed_pct = BATTERY_FEW_PCT if told_pct is None else told_pct
    if needed_pct > 100.0:
        return [Finding.error("finding.battery_never", needed_pct=needed_pct)]
    if left_pct < needed_pct:
        return [Finding.error("finding.battery_short", left_pct=left_pct, needed_pct=needed_pct)]
    if told_pct is None and left_pct < BATTERY_MANY_PCT:
        return [Finding.warning("finding.battery_half", left_pct=left_pct)]
    return []


def flight_needs_pct(plan: FlightPlan) -> float | None:
    """Return what a whole flight takes of one pack, reserve included, percent; None if not told."""
    job = plan.survey or plan.spray
    aircraft = plan.aircraft
    if aircraft is None and plan.spray is not None:
        aircraft = plan.spray.settings.sprayer.aircraft
    if job is None or aircraft is None:
        return None
    return 100.0 * (job.estimate.energy_wh / aircraft.battery_wh + aircraft.reserve)


def way_home_needs_pct(plan: FlightPlan, telemetry: Telemetry) -> float | None:
    """Return what flying home from here takes of the pack, percent; None if not told.

    Level flight at cruise speed and descent at landing speed for the last ten metres, both at
    hover power, half as much again for wind, and `KEPT` of the pack's reserve left when it stands;
    but no more than `PLANNED` of the reserve and the way itself, which every plan has left here.
    """
    aircraft, place = plan.aircraft, telemetry.place
    if aircraft is None or place is None or math.isnan(telemetry.height_m):
        return None
    height_m = max(0.0, telemetry.height_m)
    slow_m = min(height_m, 10.0)
    time_s = (
        distance_m(plan.home, place) / aircraft.cruise_speed_m_s
        + (height_m - slow_m) / aircraft.descent_m_s
        + slow_m / aircraft.land_speed_m_s
    )
    share = time_s * aircraft.hover_power_w / 3600.0 / aircraft.battery_wh
    return 100.0 * min(WINDY * share + KEPT * aircraft.reserve, share + PLANNED * aircraft.reserve)
