"""Before a launch: is this the right aircraft, is it ready, and will it come home by itself?

ArduPilot leaves most of its safety off as delivered (fence, ground-station failsafe, battery
failsafe: all 0), so nothing is assumed: every parameter a flight relies on is read and judged.
What must differ is a `Requirement` with its reason; `needed_parameters` lists them for a plan, a
caller may set them (`missions.flight.launch.prepare`) after a person said yes, and they are read
back.

A finding of level ERROR blocks arming. No force is offered.

The fence is the vehicle's own: altitude and polygon (FENCE_TYPE 5; the circle of 150 m that is on
by default would end a survey). Its ceiling is the permit's. For the way home RTL_ALT is a lower
bound: an aircraft that is higher comes home at its own height.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from agri.findings import Finding, Severity
from agri.geo import distance_m
from agri.words import Message
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, located_items
from missions.preflight.battery import battery_requirements, check_charge
from missions.preflight.guard import guard_requirements, sprays
from missions.preflight.requirements import Requirement, missed, positive, why, with_renamed
from missions.preflight.safeguards import HOME_LIMIT_M, check_home_point, safeguards
from missions.preflight.spray import check_spraying, spray_requirements
from missions.wire.commands import Parameter
from missions.wire.sightings import VehicleIdentity
from missions.wire.telemetry import Telemetry

HDOP_GOOD, HDOP_LIMIT = 1.4, 2.0
"""ArduPilot's own GPS_HDOP_GOOD, and what is refused."""
FENCE_ALTITUDE, FENCE_CIRCLE, FENCE_POLYGON = 1, 2, 4
"""Bits of FENCE_TYPE."""
MARGIN_M = 2.0
RTL_LOWEST_M = 15.0
RTL_OVER_OBSTACLES_M = 10.0
BLIND_M = 60.0
"""Below this height above terrain a rangefinder is needed."""


def needed_parameters(plan: FlightPlan) -> tuple[Requirement, ...]:
    """Return what the vehicle's parameters must be for this plan.

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> plan = FlightPlan(name="p", home=LonLat(lon_deg=106.51, lat_deg=21.08), items=())
    >>> [r.name for r in needed_parameters(plan)][:3]
    ['FS_THR_ENABLE', 'FS_GCS_ENABLE', 'BATT_FS_LOW_ACT']
    """
    spraying = spray_requirements(plan)
    failsafes = () if spraying else _failsafes(plan)
    needs = (
        *failsafes,
        *spraying,
        *guard_requirements(plan),
        *safeguards(),
        *battery_requirements(),
        *_return(plan),
        *_fence(plan),
        *_job(plan),
        *_terrain(plan),
    )
    return tuple(with_renamed(needs))


def terrain_requirements(height_m: float) -> tuple[Requirement, ...]:
    """Return what a flight `height_m` above terrain (frame 10) asks of the vehicle.

    The terrain heights on board are those of a 100 m grid, some 10 m wrong: lower than
    `BLIND_M` only a rangefinder keeps a copter off the ground (ArduCopter's manual).

    Examples
    --------
    >>> [need.name for need in terrain_requirements(3.0)]
    ['TERRAIN_ENABLE', 'RNGFND1_TYPE', 'WPNAV_RFND_USE']
    """
    terrain = why("terrain", height_m=height_m)
    needs = [Requirement(name="TERRAIN_ENABLE", wanted=1.0, fits=positive, reason=terrain)]
    if height_m < BLIND_M:
        finder = why("rangefinder", height_m=height_m, least_m=BLIND_M)
        for name, settable in (("RNGFND1_TYPE", False), ("WPNAV_RFND_USE", True)):
            needs.append(
                Requirement(name=name, wanted=1.0, fits=positive, reason=finder, settable=settable)
            )
    return tuple(needs)


def _terrain(plan: FlightPlan) -> Iterable[Requirement]:
    above = [i.z for i in plan.items if i.is_located and i.frame is Frame.TERRAIN]
    return terrain_requirements(min(above)) if above else ()


def _failsafes(plan: FlightPlan) -> Iterable[Requirement]:
    leg = any(item.command == Command.DO_LAND_START for item in plan.items)
    action = 6.0 if leg else 1.0
    yield Requirement(
        name="FS_THR_ENABLE", wanted=action, fits=positive, reason=why("remote_control")
    )
    yield Requirement(
        name="FS_GCS_ENABLE", wanted=action, fits=positive, reason=why("ground_station")
    )
    yield Requirement(
        name="BATT_FS_LOW_ACT",
        wanted=6.0 if leg else 2.0,
        fits=positive,
        reason=why("battery"),
    )


def return_height_m(plan: FlightPlan) -> float:
    """Return the least height above home at which a plan may come home: what RTL_ALT must be.

    Over the tallest obstacle, and over the ground that the plan carries (a way home above the
    ceiling is refused when it is planned).

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> home = LonLat(lon_deg=106.51, lat_deg=21.08)
    >>> return_height_m(FlightPlan(name="p", home=home, items=()))
    15.0
    """
    tallest_m = max((o.height_m for o in plan.site.obstacles), default=0.0) if plan.site else 0.0
    ground = plan.spray.ground if plan.spray is not None else None
    ground_m = 0.0 if ground is None else ground.return_m
    return min(plan.ceiling_m, max(RTL_LOWEST_M, tallest_m + RTL_OVER_OBSTACLES_M, ground_m))


def _return(plan: FlightPlan) -> Iterable[Requirement]:
    least_m = return_height_m(plan)
    yield Requirement(
        name="RTL_ALT",
        wanted=round(least_m * 100.0),
        fits=lambda cm: least_m * 100.0 - 1.0 <= cm <= plan.ceiling_m * 100.0,
        reason=why("return_height", least_m=least_m, most_m=plan.ceiling_m),
    )


def _fence(plan: FlightPlan) -> Iterable[Requirement]:
    if not plan.fence_polygons and not plan.fence_circles:
        return
    spraying = sprays(plan)
    yield Requirement(name="FENCE_ENABLE", wanted=1.0, fits=positive, reason=why("fence"))
    yield Requirement(
        name="FENCE_TYPE",
        wanted=float(FENCE_ALTITUDE | FENCE_POLYGON),
        fits=lambda value: int(value) & 7 == FENCE_ALTITUDE | FENCE_POLYGON,
        reason=why("fence_type"),
    )
    yield Requirement(
        name="FENCE_ACTION",
        wanted=4.0 if spraying else 1.0,
        fits=(lambda value: value == 4.0) if spraying else positive,
        reason=why("fence_action"),
    )
    yield Requirement(
        name="FENCE_ALT_MAX",
        wanted=plan.ceiling_m,
        fits=lambda value: 0.0 < value <= plan.ceiling_m,
        reason=why("ceiling", ceiling_m=plan.ceiling_m),
    )
    yield Requirement(
        name="FENCE_MARGIN",
        wanted=MARGIN_M,
        fits=lambda value: value >= MARGIN_M,
        reason=why("fence_margin", margin_m=MARGIN_M),
    )


def _job(plan: FlightPlan) -> Iterable[Requirement]:
    speeds = [i.param2 for i in plan.items if i.command == Command.DO_CHANGE_SPEED]
    if plan.spray is None and speeds and max(speeds) > 0.0:
        speed_m_s = max(speeds)
        yield Requirement(
            name="WPNAV_SPEED",
            wanted=round(speed_m_s * 100.0),
            fits=lambda value: abs(value - speed_m_s * 100.0) <= 1.0,
            reason=why("speed", speed_m_s=speed_m_s),
            severity=Severity.WARNING,
        )
    if any(i.command == Command.DO_SET_CAM_TRIGG_DIST for i in plan.items):
        yield Requirement(
            name="CAM1_TYPE",
            wanted=1.0,
            fits=positive,
            reason=why("camera"),
            severity=Severity.WARNING,
            settable=False,
        )


def unmet(plan: FlightPlan, parameters: Sequence[Parameter]) -> tuple[Requirement, ...]:
    """Return the requirements of a plan that the vehicle's parameters do not meet."""
    values = {parameter.name: parameter.value for parameter in parameters}
    return tuple(
        need
        for need in needed_parameters(plan)
        if (value := values.get(need.name)) is not None and not need.fits(value)
    )


def check_parameters(plan: FlightPlan, parameters: Sequence[Parameter]) -> list[Finding]:
    """Return what is wrong with the vehicle's parameters for this plan."""
    values = {parameter.name: parameter.value for parameter in parameters}
    needs = needed_parameters(plan)
    found = []
    for need in needs:
        value = values.get(need.name)
        if value is None:
            if need.absent is not None and missed(need, values, needs):
                missing = Message.of("finding.parameter_absent", name=need.name)
                found.append(Finding(need.absent, missing))
        elif not need.fits(value):
            key = "finding.parameter_wrong" if need.settable else "finding.parameter_by_hand"
            message = Message.of(
                key, name=need.name, value=value, wanted=need.wanted, reason=need.reason
            )
            found.append(Finding(need.severity, message))
    found += check_spraying(plan, values)
    return found + _height_under_fence(plan, values.get("FENCE_ALT_MAX"))


def _height_under_fence(plan: FlightPlan, fence_m: float | None) -> list[Finding]:
    if not plan.fence_polygons or fence_m is None:
        return []
    limit_m = min(fence_m, plan.ceiling_m) if fence_m > 0.0 else plan.ceiling_m
    heights = [i.z for i in located_items(plan.items) if i.frame is Frame.RELATIVE]
    highest_m = max(heights, default=0.0)
    if highest_m > limit_m - 0.5:
        return [Finding.error("finding.height_at_fence", height_m=highest_m, limit_m=limit_m)]
    if highest_m > limit_m - MARGIN_M:
        return [Finding.warning("finding.height_near_fence", height_m=highest_m, limit_m=limit_m)]
    return []


def check_identity(identity: VehicleIdentity) -> list[Finding]:
    """Return whether agri can fly this aircraft at all."""
    if identity.is_arducopter:
        return []
    return [Finding.error("finding.not_a_copter", vehicle=identity.name)]


def is_ready(telemetry: Telemetry) -> bool:
    """Return whether the aircraft's own checks pass and it knows where it is."""
    return (
        telemetry.fix_type >= 3
        and telemetry.ekf_ok
        and telemetry.prearm_ok
        and telemetry.place is not None
    )


def check_readiness(plan: FlightPlan, telemetry: Telemetry) -> list[Finding]:
    """Return what keeps the aircraft, as it stands now, from taking off."""
    return [
        *_check_state(telemetry),
        *_check_position(telemetry),
        *_check_place(plan, telemetry),
        *check_charge(plan, telemetry),
    ]


def _check_state(telemetry: Telemetry) -> list[Finding]:
    if telemetry.armed:
        return [Finding.error("finding.already_armed")]
    if telemetry.prearm_ok:
        return []
    reasons = [
        t.text.partition(":")[2].strip() for t in telemetry.texts if t.text.startswith("PreArm:")
    ]
    return [Finding.error("finding.prearm", reason=reasons[-1] if reasons else "PreArm")]


def _check_position(telemetry: Telemetry) -> list[Finding]:
    if telemetry.fix_type < 3:
        return [Finding.error("finding.no_fix", satellites=telemetry.satellites)]
    found = []
    if not telemetry.ekf_ok:
        found.append(Finding.error("finding.no_estimate"))
    if math.isnan(telemetry.hdop) or telemetry.hdop > HDOP_LIMIT:
        found.append(Finding.error("finding.hdop", hdop=telemetry.hdop, limit=HDOP_LIMIT))
    elif telemetry.hdop > HDOP_GOOD:
        found.append(Finding.warning("finding.hdop", hdop=telemetry.hdop, limit=HDOP_GOOD))
    return found


def _check_place(plan: FlightPlan, telemetry: Telemetry) -> list[Finding]:
    if telemetry.place is None:
        return [Finding.error("finding.place_unknown")]
    apart_m = distance_m(plan.home, telemetry.place)
    if apart_m > HOME_LIMIT_M:
        return [Finding.error("finding.home_far", distance_m=apart_m, limit_m=HOME_LIMIT_M)]
    return check_home_point(plan, telemetry)
