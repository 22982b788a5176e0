"""Whether the flight keeps clear of what stands and lives around the field (P8).

A house, a road or a power line keeps its clearance at every height, unless its crossing is
approved; everything else, and an approved crossing, may be flown over with
`VERTICAL_CLEARANCE_M` above its top. Home and rally points must be clear of everything at every
height, since the aircraft comes down there.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.field import NO_OVERFLIGHT, Obstacle
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat
from missions.airspace.keepouts import NO_LANDING, VERTICAL_CLEARANCE_M
from missions.checks.path import TOLERANCE_M, Path, apart_m
from missions.flightplan import FlightPlan, Site

PAD_M = 5.0
"""Home further from the pad than this is another place."""


def check_site(plan: FlightPlan, site: Site, path: Path) -> list[Finding]:
    """Return where the flight comes too near to what stands and lives around the field.

    Parameters
    ----------
    plan : FlightPlan
        The plan.
    site : Site
        What it was made around.
    path : Path
        Its flight.
    """
    findings: list[Finding] = []
    away_m = apart_m(plan.home, site.pad.place)
    if away_m > PAD_M:
        findings.append(Finding.error("finding.home_off_pad", pad=site.pad.name, distance_m=away_m))
    for zone in site.no_fly_zones:
        area = path.frame.geometry_to_local(zone.area)
        near = np.flatnonzero(shapely.distance(path.lines, area) <= TOLERANCE_M)
        if len(near):
            findings.append(
                Finding.error(
                    "finding.leg_in_no_fly_zone", item=path.legs[near[0]].seq, zone=zone.name
                )
            )
    for obstacle in site.obstacles:
        findings += _near_obstacle(obstacle, path)
    findings += _landings(plan, site, path.frame)
    return findings


def name_of(obstacle: Obstacle) -> str:
    """Return the obstacle's name, or what it is."""
    return obstacle.name or obstacle.kind.value


def _near_obstacle(obstacle: Obstacle, path: Path) -> list[Finding]:
    """Return the worst leg that comes nearer to `obstacle` than its clearance allows."""
    shape = path.frame.geometry_to_local(obstacle.geometry)
    away = shapely.distance(path.lines, shape)
    near = np.flatnonzero(away < obstacle.clearance_m - TOLERANCE_M)
    if not len(near):
        return []
    may_cross = obstacle.kind not in NO_OVERFLIGHT or obstacle.overflight_approved
    if not may_cross:
        worst = near[int(np.argmin(away[near]))]
        return [
            Finding.error(
                "finding.leg_near_obstacle",
                item=path.legs[worst].seq,
                obstacle=name_of(obstacle),
                distance_m=float(away[worst]),
                limit_m=obstacle.clearance_m,
            )
        ]
    zone = shape.buffer(obstacle.clearance_m)
    lowest_m, worst = min((_height_over(path, int(leg), zone), leg) for leg in near)
    needed_m = obstacle.height_m + VERTICAL_CLEARANCE_M
    if lowest_m >= needed_m - TOLERANCE_M:
        return []
    return [
        Finding.error(
            "finding.leg_low_over_obstacle",
            item=path.legs[worst].seq,
            obstacle=name_of(obstacle),
            height_m=lowest_m,
            limit_m=needed_m,
        )
    ]


def _height_over(path: Path, leg: int, zone: BaseGeometry) -> float:
    """Return the least height of a leg inside `zone`."""
    line: LineString = path.lines[leg]
    start_m, end_m = path.heights_m[leg]
    inside = shapely.get_coordinates(shapely.intersection(line, zone))
    shares = [line.project(Point(xy)) / line.length for xy in inside] or [0.0, 1.0]
    return min(float(start_m + share * (end_m - start_m)) for share in shares)


def _landings(plan: FlightPlan, site: Site, frame: LocalFrame) -> Iterator[Finding]:
    """Yield home and rally points that are not clear of what must not be landed on.

    The aircraft comes down there through every height, so heights do not help.
    """
    what = _stands_at(plan.home, site, frame)
    if what is not None:
        yield Finding.error("finding.home_not_clear", what=what)
    for number, point in enumerate(plan.rally_points, start=1):
        what = _stands_at(point.place, site, frame)
        if what is not None:
            yield Finding.error("finding.rally_not_clear", rally=number, what=what)


def _stands_at(place: LonLat, site: Site, frame: LocalFrame) -> str | None:
    """Return the name of what stands or lives at `place`, None when it is clear."""
    kept = [
        *((name_of(o), o.geometry, o.clearance_m - TOLERANCE_M) for o in site.obstacles),
        *((zone.name, zone.area, TOLERANCE_M) for zone in site.no_fly_zones),
        *(
            (living.name or living.kind.value, living.geometry, TOLERANCE_M)
            for living in site.sensitive_sites
            if living.kind in NO_LANDING
        ),
    ]
    here = Point(frame.metres(place))
    for name, geometry, apart in kept:
        if here.distance(frame.geometry_to_local(geometry)) < apart:
            return name
    return None
