"""The checks of a plan: what would be wrong with this flight, before anything leaves the house.

Theory of operation
-------------------
`check_plan` returns findings; an ERROR among them blocks export, upload and arming
(`agri.findings.blocks`), and callers see to that. It believes nothing the plan says of itself
that can be measured on its items. It is written apart from the planner and shares only the
limits it works to, so that a mistake in one shows in the other.

Four groups: the items by themselves (`missions.checks.items`), where they go (`path`, `fence`,
`site`), what a survey promised (`survey`, `coverage`) or a spraying must keep to (`spray`), its
heights where it is flown over ground that is not level (`terrain`: over the height files while they
are at hand, later over the ground that the plan itself carries, which is then said), and here what
could not be checked, because a stranger's file does not tell. Each group that found nothing wrong
says so in one INFO with its figures: silence is never taken for "checked".

That no number is infinite, not a number or out of range (invariant P10) needs no rule here:
`MissionItem` and `LonLat` cannot hold one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from agri.errors import AgriError
from agri.findings import Finding, Severity
from missions.checks.coverage import check_coverage
from missions.checks.dose import Ground
from missions.checks.fence import check_fence, check_rally, least_room_m
from missions.checks.items import check_items, speed_at
from missions.checks.path import (
    Path,
    check_climb,
    check_heights,
    check_places,
    is_local,
    path_of,
)
from missions.checks.site import check_site
from missions.checks.spray import check_spray, sprays
from missions.checks.survey import (
    check_energy,
    check_pictures,
    check_turns,
    line_speeds,
)
from missions.checks.terrain import check_terrain
from missions.flightplan import DEFAULT_LIMITS, FlightPlan, VehicleLimits
from missions.items import Command
from missions.preflight.vehicle import return_height_m
from missions.terrain.carrying import as_planned, foot, own_heights
from missions.terrain.model import HeightModel

CLIMB_M_S = 2.5
"""ArduCopter's WPNAV_SPEED_UP, for an aircraft not told."""
DESCENT_M_S = 1.5
"""ArduCopter's WPNAV_SPEED_DN, for an aircraft not told."""


def _passed(findings: Iterable[Finding]) -> bool:
    return all(finding.severity is Severity.INFO for finding in findings)


def check_plan(
    plan: FlightPlan,
    *,
    limits: VehicleLimits | None = None,
    ground: Ground | None = None,
    heights: HeightModel | None = None,
) -> list[Finding]:
    """Return everything found wrong, worth a look, or checked and well.

    Parameters
    ----------
    plan : FlightPlan
        A plan of agri's, or one read from a stranger's file.
    limits : VehicleLimits, optional
        What the vehicle stores; by default what the plan was made for.
    ground : callable, optional
        Height of the ground above home, for heights over a crop (`missions.checks.spray`); by
        default that of `heights`.
    heights : HeightModel, optional
        The ground to judge over; by default what the plan itself carries.

    Returns
    -------
    list of Finding
        Worst first, otherwise in the order of the groups.

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> home = LonLat(lon_deg=106.51, lat_deg=21.08)
    >>> check_plan(FlightPlan(name="empty", home=home, items=()))[0].key
    'finding.no_items'
    """
    findings = check_items(plan, limits or plan.limits)
    if plan.items:
        checked = "finding.checked_items_spray" if sprays(plan) else "finding.checked_items"
        findings += _summary(findings, checked, count=len(plan.items))
        findings += [*_flight(plan, ground, heights), *_not_told(plan), *_to_set(plan)]
        findings.append(Finding.info("finding.fingerprint", digest=plan.digest[:12]))
    return sorted(findings, key=lambda finding: -finding.severity)


def _summary(found: list[Finding], key: str, **values: Any) -> list[Finding]:
    return [Finding.info(key, **values)] if _passed(found) else []


def _flight(plan: FlightPlan, ground: Ground | None, heights: HeightModel | None) -> list[Finding]:
    findings = check_places(plan)
    if not is_local(plan):
        return [*findings, Finding.error("finding.not_in_one_place")]
    path = path_of(plan)
    model, told = _ground(plan, heights)
    if model is not None and ground is None and plan.spray is not None:
        ground = foot(model, plan.spray.settings)
    return [
        *findings,
        *_heights(plan, path, level=model is None),
        *_fence(plan, path),
        *_around(plan, path),
        *_survey(plan, path),
        *check_spray(plan, path, ground=ground),
        *told,
        *([] if model is None else check_terrain(plan, model, path)),
    ]


def _ground(
    plan: FlightPlan, heights: HeightModel | None
) -> tuple[HeightModel | None, list[Finding]]:
    """Return what the heights are judged over, and a sentence when it is the plan's own word."""
    if heights is not None or plan.spray is None or plan.spray.ground is None:
        return heights, []
    try:
        model = own_heights(plan)
    except AgriError as error:
        return None, [Finding(Severity.ERROR, error.message)]
    return model, [] if model is None else [as_planned(plan.spray.ground, model)]


def _heights(plan: FlightPlan, path: Path, *, level: bool) -> list[Finding]:
    aircraft = plan.aircraft
    found = check_heights(plan, level=level) + check_climb(
        path,
        line_speeds(speed_at(plan.items)),
        aircraft.climb_m_s if aircraft else CLIMB_M_S,
        aircraft.descent_m_s if aircraft else DESCENT_M_S,
    )
    highest_m = float(path.heights_m.max()) if len(path.legs) else 0.0
    return found + _summary(
        found, "finding.checked_heights", height_m=highest_m, limit_m=plan.ceiling_m
    )


def _fence(plan: FlightPlan, path: Path) -> list[Finding]:
    found = check_fence(plan, path) + check_rally(plan)
    if not _passed(found):
        return found
    room_m = least_room_m(plan, path)
    return [Finding.info("finding.checked_fence", legs=len(path.legs), room_m=room_m)]


def _around(plan: FlightPlan, path: Path) -> list[Finding]:
    if plan.site is None:
        return []
    found = check_site(plan, plan.site, path)
    count = len(plan.site.obstacles) + len(plan.site.no_fly_zones)
    if not count:
        return [*found, Finding.info("finding.obstacles_none")]
    return found + _summary(found, "finding.checked_obstacles", count=count)


def _survey(plan: FlightPlan, path: Path) -> list[Finding]:
    found = check_turns(path)
    job = plan.survey
    if job is None:
        return found
    found += check_pictures(job, path, speed_at(plan.items))
    if plan.aircraft is not None:
        found += check_energy(job, plan.aircraft, path)
    if plan.site is None:
        return found
    missed, seen = check_coverage(plan, plan.site, job, path)
    found += missed
    return found + _summary(
        found,
        "finding.checked_survey",
        percent=100.0 * seen,
        gsd_cm=job.geometry.gsd_cm,
        photos=job.estimate.photos,
        energy_wh=job.estimate.energy_wh,
    )


def _not_told(plan: FlightPlan) -> list[Finding]:
    """Say which rules could not be applied, because the file does not tell."""
    unknown = [
        ("finding.site_not_told", plan.site is None),
        ("finding.survey_not_told", plan.survey is None and not sprays(plan)),
        ("finding.aircraft_not_told", plan.aircraft is None),
    ]
    return [Finding.warning(key) for key, missing in unknown if missing]


def _to_set(plan: FlightPlan) -> list[Finding]:
    """Name the vehicle's parameters this flight relies on: they are not in the mission."""
    height_m = math.ceil(return_height_m(plan))
    found = [Finding.info("finding.set_rtl_height", height_m=height_m)]
    stored = plan.limits
    if stored.items > DEFAULT_LIMITS.items or stored.fence_vertices > DEFAULT_LIMITS.fence_vertices:
        found.append(
            Finding.info("finding.limits_told", fence_points=stored.fence_vertices,
                         items=stored.items)
        )  # fmt: skip
    speeds = [item.param2 for item in plan.items if item.command == Command.DO_CHANGE_SPEED]
    if speeds:
        found.append(Finding.info("finding.set_speed", speed_m_s=max(speeds)))
    return found
