"""Whether the flight, home and rally points keep inside the fence, with ArduPilot's margin.

Whole straight legs are judged, not waypoints alone: a leg between two good waypoints may cross
what neither is near. ArduCopter wants to be inside every inclusion and outside every exclusion at
once, so that is what is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point, Polygon

from agri.findings import Finding
from agri.geo import LocalFrame
from missions.airspace.fence import FENCE_MARGIN_M, RALLY_LIMIT_M
from missions.checks.path import TOLERANCE_M, Path, apart_m
from missions.flightplan import FlightPlan

CIRCLE_SIDES = 128
"""Sides of a quarter of a fence circle; the polygon runs within 1 cm of it up to 500 m."""


def _areas(plan: FlightPlan, frame: LocalFrame, *, inclusion: bool) -> list[Polygon]:
    polygons = [
        Polygon([frame.metres(vertex) for vertex in polygon.vertices])
        for polygon in plan.fence_polygons
        if polygon.inclusion is inclusion
    ]
    circles = [
        Point(frame.metres(circle.centre)).buffer(circle.radius_m, quad_segs=CIRCLE_SIDES)
        for circle in plan.fence_circles
        if circle.inclusion is inclusion
    ]
    return polygons + circles


def check_fence(plan: FlightPlan, path: Path) -> list[Finding]:
    """Return what is wrong with the fence, and where legs, home or rally points break it.

    Parameters
    ----------
    plan : FlightPlan
        Any plan. ArduCopter wants to be inside every inclusion and outside every exclusion.
    path : Path
        Its flight.
    """
    stay_in, keep_out = (_areas(plan, path.frame, inclusion=which) for which in (True, False))
    broken = [area for area in (*stay_in, *keep_out) if not area.is_valid]
    if broken:
        return [Finding.error("finding.fence_crosses_itself", count=len(broken))]
    if not stay_in:
        severity = Finding.warning if plan.site is None else Finding.error
        return [severity("finding.no_fence"), *_off_limits(plan, path, stay_in, keep_out)]
    return _off_limits(plan, path, stay_in, keep_out)


def room_m(shape: Any, stay_in: Sequence[Polygon], keep_out: Sequence[Polygon]) -> Any:
    """Return the least distance to any fence edge, negative where the fence is broken.

    Parameters
    ----------
    shape : shapely geometry or (N,) array of them
        Points or lines, local metres.
    stay_in, keep_out : sequence of shapely.Polygon
        The fence.

    Returns
    -------
    float or (N,) float64
        Metres; infinite without a fence.
    """
    room = np.full(np.shape(shape), math.inf)
    for area in stay_in:
        edge = shapely.distance(shape, area.exterior)
        room = np.minimum(room, np.where(shapely.covers(area, shape), edge, -1.0))
    for area in keep_out:
        away = shapely.distance(shape, area)
        room = np.minimum(room, np.where(away > 0.0, away, -1.0))
    return room


def _off_limits(
    plan: FlightPlan, path: Path, stay_in: Sequence[Polygon], keep_out: Sequence[Polygon]
) -> list[Finding]:
    least_m = FENCE_MARGIN_M - TOLERANCE_M
    rooms = np.atleast_1d(room_m(path.lines, stay_in, keep_out))
    findings: list[Finding] = []
    if len(rooms) and rooms.min() < least_m:
        worst = int(np.argmin(rooms))
        key = "finding.leg_breaks_fence" if rooms[worst] < 0.0 else "finding.leg_near_fence"
        findings.append(
            Finding.error(
                key,
                item=path.legs[worst].seq,
                distance_m=max(0.0, float(rooms[worst])),
                limit_m=FENCE_MARGIN_M,
                count=int(np.count_nonzero(rooms < least_m)),
            )
        )
    elif plan.spray is not None:
        findings += _barred(path, stay_in)
    home_m = float(room_m(Point(0.0, 0.0), stay_in, keep_out))
    if home_m < least_m:
        findings.append(Finding.error("finding.home_breaks_fence", limit_m=FENCE_MARGIN_M))
    for number, point in enumerate(plan.rally_points, start=1):
        there = Point(path.frame.metres(point.place))
        if float(room_m(there, stay_in, keep_out)) < least_m:
            findings.append(
                Finding.error("finding.rally_breaks_fence", rally=number, limit_m=FENCE_MARGIN_M)
            )
    return findings


def _barred(path: Path, stay_in: Sequence[Polygon]) -> list[Finding]:
    """Return an error where an inclusion lies across the straight way home of a spray flight.

    A failsafe flies it from wherever it acts; a sprayer's fence brakes, and holds it there.
    """
    ends = shapely.get_coordinates(path.lines).reshape(-1, 2, 2)
    corners = np.concatenate([ends, np.zeros((len(ends), 1, 2))], axis=1)
    ways = shapely.convex_hull(shapely.linestrings(corners))
    barred = ~np.all([shapely.covers(area.buffer(TOLERANCE_M), ways) for area in stay_in], axis=0)
    if not barred.any():
        return []
    item = path.legs[int(np.argmax(barred))].seq
    return [Finding.error("finding.fence_bars_home", item=item, count=int(barred.sum()))]


def least_room_m(plan: FlightPlan, path: Path) -> float:
    """Return how far inside the fence the whole flight stays; infinite without a fence."""
    areas = [_areas(plan, path.frame, inclusion=which) for which in (True, False)]
    rooms = np.atleast_1d(room_m(path.lines, *areas))
    return float(rooms.min()) if len(rooms) else math.inf


def check_rally(plan: FlightPlan) -> list[Finding]:
    """Return what is wrong with the rally points by themselves: too far, too high."""
    findings = []
    for number, point in enumerate(plan.rally_points, start=1):
        away_m = apart_m(plan.home, point.place)
        if away_m > RALLY_LIMIT_M:
            findings.append(
                Finding.warning(
                    "finding.rally_far", rally=number, distance_m=away_m, limit_m=RALLY_LIMIT_M
                )
            )
        if point.altitude_m > plan.ceiling_m + TOLERANCE_M:
            findings.append(
                Finding.error(
                    "finding.rally_above_ceiling",
                    rally=number,
                    height_m=point.altitude_m,
                    limit_m=plan.ceiling_m,
                )
            )
    return findings
