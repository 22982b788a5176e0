"""Where the plan flies: the path in local metres, its places, heights and climbs.

Everything is measured in local metres around home. The way home is a leg too:
RETURN_TO_LAUNCH flies straight to the nearest of home and the rally points. A leg has the heights
of its ends; RTL keeps at least the height it starts from. `TOLERANCE_M` covers the rounding of
places to 10⁻⁷ degrees and nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat, distance_m
from missions.airspace.fence import RALLY_LIMIT_M
from missions.checks.items import is_navigation, placed
from missions.flightplan import FlightPlan
from missions.items import Command, Frame, MissionItem
from missions.legs import FlownLeg, flown_legs
from missions.wire.pump import pump_channel

TOLERANCE_M = 0.05
"""Rounding of two places on the wire."""
FAR_M = 2000.0
"""No field survey goes further from home; swapped coordinates and wrong zones do."""
SIGHT_M = 500.0
"""Further away a small copter is hard to see."""
LOWEST_M = 2.0
"""Below this a copter is not in the air."""
HIGHEST_M = 120.0
"""Above this no permit for a field survey goes."""
LOCAL_M = 20_000.0
"""Beyond this local metres mean nothing; distances are then rough."""
EARTH_M = 6_371_000.0
"""Mean radius of the earth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The flight in local metres.

    Parameters
    ----------
    frame : LocalFrame
        Around home.
    legs : tuple of FlownLeg
        Straight legs, the way home included.
    lines : (N,) object
        One shapely LineString for each leg.
    heights_m : (N, 2) float64
        Above home, at the start and the end of each leg.
    """

    frame: LocalFrame
    legs: tuple[FlownLeg, ...]
    lines: NDArray[Any]
    heights_m: NDArray[np.float64]


def path_of(plan: FlightPlan) -> Path:
    """Return the flight of `plan` in local metres around its home."""
    frame = LocalFrame(plan.home)
    legs = tuple(
        _to_nearest_rally(plan, leg)
        for leg in flown_legs(plan.items, plan.home, pump_channel=pump_channel(plan))
    )
    ends = [place for leg in legs for place in (leg.start, leg.end)]
    east, north = frame.to_local([p.lon_deg for p in ends], [p.lat_deg for p in ends])
    lines: Any = shapely.linestrings(np.column_stack([east, north]).reshape(-1, 2, 2))
    above_home = plan.home_altitude_m if _above_sea(plan.items) else 0.0
    heights = np.array([(leg.start_height_m, leg.end_height_m) for leg in legs])
    return Path(
        frame=frame,
        legs=legs,
        lines=np.atleast_1d(lines),
        heights_m=heights.reshape(-1, 2) - above_home,
    )


def _above_sea(items: Sequence[MissionItem]) -> bool:
    return any(item.is_located and item.frame is Frame.GLOBAL for item in items)


def _to_nearest_rally(plan: FlightPlan, leg: FlownLeg) -> FlownLeg:
    if plan.items[leg.seq - 1].command != Command.NAV_RETURN_TO_LAUNCH:
        return leg
    near = [(distance_m(leg.start, p.place), p.place) for p in plan.rally_points]
    target = min(
        [(distance_m(leg.start, plan.home), plan.home)]
        + [entry for entry in near if entry[0] <= RALLY_LIMIT_M],
        key=lambda entry: entry[0],
    )[1]
    return replace(leg, end=target)


def apart_m(first: LonLat, second: LonLat) -> float:
    """Return the distance between two places: true within `LOCAL_M`, rough but finite beyond.

    Examples
    --------
    >>> here = LonLat(lon_deg=106.51, lat_deg=21.08)
    >>> round(apart_m(here, LonLat(lon_deg=-73.49, lat_deg=-21.08)) / 1000.0)
    20015
    """
    lat1, lat2 = math.radians(first.lat_deg), math.radians(second.lat_deg)
    turn = math.radians(second.lon_deg - first.lon_deg)
    half = (
        math.sin((lat2 - lat1) / 2.0) ** 2
        + math.cos(lat1) * math.cos(lat2) * math.sin(turn / 2.0) ** 2
    )
    rough_m = 2.0 * EARTH_M * math.asin(min(1.0, math.sqrt(half)))
    return rough_m if rough_m > LOCAL_M else distance_m(first, second)


def is_local(plan: FlightPlan) -> bool:
    """Return whether all places of `plan` lie where its local metres mean something."""
    if not -80.0 <= plan.home.lat_deg <= 84.0:
        return False
    places = [
        *(item.place for item in plan.items if item.is_located and (item.x or item.y)),
        *(vertex for polygon in plan.fence_polygons for vertex in polygon.vertices),
        *(circle.centre for circle in plan.fence_circles),
        *(point.place for point in plan.rally_points),
    ]
    if plan.site is not None:
        places.append(plan.site.pad.place)
    return all(apart_m(plan.home, place) <= LOCAL_M for place in places)


def check_places(plan: FlightPlan) -> list[Finding]:
    """Return what is wrong with the places: missing, swapped, too far.

    Parameters
    ----------
    plan : FlightPlan
        Any plan.
    """
    findings: list[Finding] = []
    located = placed(plan.items)
    climbs = _climbs_home(plan.items)
    nowhere = [n for n, item in located if not (item.x or item.y) and n not in climbs]
    if nowhere:
        findings.append(Finding.error("finding.no_place", item=nowhere[0], count=len(nowhere)))
    away = [
        (apart_m(plan.home, item.place), number, item.place)
        for number, item in located
        if item.x or item.y
    ]
    if not away:
        return findings
    far_m, number, _ = max(away, key=lambda entry: entry[0])
    swapped = next((n for d, n, p in away if d > FAR_M and _is_swapped(plan.home, p)), None)
    if swapped is not None:
        findings.append(Finding.error("finding.swapped", item=swapped))
    elif far_m > FAR_M:
        findings.append(
            Finding.error("finding.too_far", item=number, distance_m=far_m, limit_m=FAR_M)
        )
    elif far_m > SIGHT_M:
        findings.append(
            Finding.warning("finding.out_of_sight", item=number, distance_m=far_m, limit_m=SIGHT_M)
        )
    return findings


def _climbs_home(items: Sequence[MissionItem]) -> set[int]:
    """Return the waypoints without place that begin a way home: they climb on the spot."""
    found = set()
    begins = False
    for number, item in enumerate(items, start=1):
        if item.command == Command.DO_LAND_START:
            begins = True
        elif begins and is_navigation(item):
            if item.command == Command.NAV_WAYPOINT and not (item.x or item.y):
                found.add(number)
            begins = False
    return found


def _is_swapped(home: LonLat, place: LonLat) -> bool:
    try:
        turned = LonLat(lon_deg=place.lat_deg, lat_deg=place.lon_deg)
    except BadInput:
        return False
    return apart_m(home, turned) <= FAR_M


def check_heights(plan: FlightPlan, *, level: bool = True) -> list[Finding]:
    """Return what is wrong with the heights: over the ceiling, near the ground, too steep.

    Parameters
    ----------
    plan : FlightPlan
        Any plan; heights above sea are compared with the home's.
    level : bool
        Whether the ground is as high as home. Over other ground a flight may be lower than home,
        and `missions.checks.terrain` tells whether it is too low.
    """
    base_m = plan.home_altitude_m
    flown = [
        (item.z - (base_m if item.frame is Frame.GLOBAL else 0.0), number)
        for number, item in enumerate(plan.items, start=1)
        if item.is_located and item.command not in (Command.NAV_LAND, Command.DO_LAND_START)
    ]
    if not flown:
        return []
    (highest_m, top), (lowest_m, bottom) = max(flown), min(flown)
    findings = []
    if highest_m > HIGHEST_M + TOLERANCE_M:
        findings.append(
            Finding.error("finding.too_high", item=top, height_m=highest_m, limit_m=HIGHEST_M)
        )
    elif highest_m > plan.ceiling_m + TOLERANCE_M:
        findings.append(
            Finding.error(
                "finding.above_ceiling", item=top, height_m=highest_m, limit_m=plan.ceiling_m
            )
        )
    least_m = _lowest_m(plan)
    if level and lowest_m < least_m:
        findings.append(
            Finding.error("finding.too_low", item=bottom, height_m=lowest_m, limit_m=least_m)
        )
    return findings


def _lowest_m(plan: FlightPlan) -> float:
    """Return the least height of a flight: a spraying may be as low as its sprayer sprays."""
    return LOWEST_M if plan.spray is None else min(LOWEST_M, plan.spray.settings.height_m)


def check_climb(
    path: Path, speeds_m_s: Mapping[int, float], climb_m_s: float, descent_m_s: float
) -> list[Finding]:
    """Return the first leg on which the aircraft cannot climb or descend as fast as it flies.

    Parameters
    ----------
    path : Path
        The flight.
    speeds_m_s : mapping of int to float
        Ground speed on the leg to each item.
    climb_m_s, descent_m_s : float
        What the aircraft does.
    """
    for leg, line, (start_m, end_m) in zip(path.legs, path.lines, path.heights_m, strict=True):
        rate_m_s = float(end_m - start_m) * speeds_m_s[leg.seq] / line.length
        limit_m_s = climb_m_s if rate_m_s > 0.0 else descent_m_s
        if abs(rate_m_s) > limit_m_s:
            return [
                Finding.warning(
                    "finding.too_steep", item=leg.seq, rate_m_s=abs(rate_m_s), limit_m_s=limit_m_s
                )
            ]
    return []
