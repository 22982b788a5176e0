"""What a survey by agri promised: overlap, sharpness, coverage, energy.

Measured on the items, not taken from the plan's own word. Two shares of the field are found on
the ground:

* **seen**: within half a picture's width of a line with the camera on;
* **overlapped**: within half the *asked* line spacing of one, that is, where neighbouring
  pictures overlap as asked.

What the fence keeps the aircraft out of, with the room around it, is not counted as missed. Both
are told, and do not stop a flight: a map with a poorer edge may be what there is to have. What
does stop it is a grid that is not true on the ground, laid in a projection or stretched
afterwards: the median distance of neighbouring lines, measured on the items, must not exceed the
spacing asked.

Distances between pictures, and the time between them at the speed flown, are compared with what
was asked and with what the camera can do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from agri.findings import Finding
from missions.check_items import MAX_TURN_DEG
from missions.check_path import Path
from missions.energy import Aircraft
from missions.flightplan import FlightPlan, Site, SurveyJob
from missions.keepouts import solid_parts
from missions.survey import blur_px

Lines = np.ndarray[tuple[int, ...], np.dtype[np.object_]]

DEFAULT_SPEED_M_S = 10.0
"""ArduCopter's WPNAV_SPEED: flown when the mission sets no speed."""
ENOUGH = 0.98
"""Share of the field that must be seen, and overlapped as asked (P4)."""
SMALL_M2 = 1000.0
"""On smaller fields a border weighs too much for shares to say anything (P4: 0.1 ha)."""
ROUNDING_M = 0.05
"""Rounding of two places on the wire."""
GROUND_TRUE = 1.001
"""Lines are true on the ground to this share."""
PARALLEL = 0.035
"""Sine of 2 degrees: lines that differ less are parallel."""
SAME_LINE_M = 0.5
"""Pieces nearer than this side by side are one line, interrupted."""
MOSTLY = 0.9
"""Share of the land between two lines that must be the field's to make them neighbours."""
TRIGGER_ROUNDING_M = 0.01
INTERVAL_ROUNDING_S = 0.001
SHARP_PX = 1.0
"""More motion than this shows in the pictures."""
FENCE_ROOM_M = 10.0
"""Width of the ring around a keep-out that lines do not reach into."""
LEAST_RESERVE = 0.3
"""Share of the pack kept on landing (P6)."""
HEIGHT_SLACK_M = 0.5
LENGTH_SLACK = 0.02


def line_speeds(speeds_m_s: Mapping[int, float]) -> dict[int, float]:
    """Return the speed flown to each item, the vehicle's default where none is set."""
    return {number: speed or DEFAULT_SPEED_M_S for number, speed in speeds_m_s.items()}


def check_turns(path: Path) -> list[Finding]:
    """Return where the camera works on through a turn."""
    found = []
    for first, second in zip(range(len(path.legs)), range(1, len(path.legs)), strict=False):
        both = path.legs[first].trigger_m > 0.0 and path.legs[second].trigger_m > 0.0
        if both and _turn_deg(path, first, second) > MAX_TURN_DEG:
            found.append(path.legs[second].seq)
    if not found:
        return []
    return [Finding.warning("finding.camera_on_in_turn", item=found[0], count=len(found))]


def _turn_deg(path: Path, first: int, second: int) -> float:
    ways = [np.diff(shapely.get_coordinates(path.lines[leg]), axis=0)[0] for leg in (first, second)]
    into, out = (math.atan2(north, east) for east, north in ways)
    return abs(math.degrees(math.remainder(out - into, math.tau)))


def check_pictures(job: SurveyJob, path: Path, speeds_m_s: Mapping[int, float]) -> list[Finding]:
    """Return where pictures come too late, too seldom, blurred, or at another height.

    Parameters
    ----------
    job : SurveyJob
        What was asked.
    path : Path
        The flight.
    speeds_m_s : mapping of int to float
        Speed set for the leg to each item, 0 for none.
    """
    works = [n for n, leg in enumerate(path.legs) if leg.trigger_m > 0.0]
    if not works:
        return [Finding.error("finding.camera_never_on")]
    return [
        *_speed_unset(path, works, speeds_m_s),
        *_intervals(job, path, works, line_speeds(speeds_m_s)),
        *_spacing_along(job, path, works),
        *_sharpness(job, path, works, line_speeds(speeds_m_s)),
        *_height(job, path, works),
    ]


def _speed_unset(path: Path, works: list[int], speeds: Mapping[int, float]) -> Iterator[Finding]:
    unset = [path.legs[n].seq for n in works if not speeds[path.legs[n].seq]]
    if unset:
        yield Finding.warning("finding.speed_not_set", item=unset[0], speed_m_s=DEFAULT_SPEED_M_S)


def _intervals(
    job: SurveyJob, path: Path, works: list[int], speeds: Mapping[int, float]
) -> Iterator[Finding]:
    least_s = job.settings.camera.min_interval_s
    interval_s, leg = min(
        (path.legs[n].trigger_m / speeds[path.legs[n].seq], path.legs[n].seq) for n in works
    )
    if interval_s < least_s - INTERVAL_ROUNDING_S:
        yield Finding.error(
            "finding.camera_too_slow", item=leg, interval_s=interval_s, limit_s=least_s
        )


def _spacing_along(job: SurveyJob, path: Path, works: list[int]) -> Iterator[Finding]:
    trigger_m, leg = max((path.legs[n].trigger_m, path.legs[n].seq) for n in works)
    if trigger_m > job.geometry.trigger_m + TRIGGER_ROUNDING_M:
        yield Finding.error(
            "finding.pictures_too_far_apart",
            item=leg,
            trigger_m=trigger_m,
            limit_m=job.geometry.trigger_m,
        )


def _sharpness(
    job: SurveyJob, path: Path, works: list[int], speeds: Mapping[int, float]
) -> Iterator[Finding]:
    fastest = max(speeds[path.legs[n].seq] for n in works)
    blur = blur_px(fastest, job.settings.camera.exposure_s, job.geometry.gsd_cm)
    if blur > SHARP_PX:
        yield Finding.warning("finding.blurred", blur_px=blur, speed_m_s=fastest)


def _height(job: SurveyJob, path: Path, works: list[int]) -> Iterator[Finding]:
    off = np.abs(path.heights_m[works] - job.settings.height_m).max(axis=1)
    if off.max() > HEIGHT_SLACK_M:
        leg = works[int(np.argmax(off))]
        yield Finding.error(
            "finding.other_height",
            item=path.legs[leg].seq,
            height_m=float(path.heights_m[leg].max()),
            asked_m=job.settings.height_m,
        )


def shares_of_field(
    plan: FlightPlan, site: Site, job: SurveyJob, path: Path
) -> tuple[float, float]:
    """Return the shares of the field seen, and overlapped as asked.

    Parameters
    ----------
    plan, site, job, path
        The plan, what it was made around, what was asked, and its flight.

    Returns
    -------
    seen, overlapped : float
        Shares, 0 to 1, of the field (its holes filled) outside the exclusion fences.
    """
    closed = shapely.union_all(
        [
            shapely.make_valid(Polygon([path.frame.metres(vertex) for vertex in polygon.vertices]))
            for polygon in plan.fence_polygons
            if not polygon.inclusion
        ]
    )
    outline = path.frame.geometry_to_local(site.field.boundary)
    field = shapely.union_all(solid_parts(outline))
    lines = path.lines[[leg.trigger_m > 0.0 for leg in path.legs]]
    reach_m = job.geometry.footprint_across_m / 2.0
    half_m = job.geometry.line_spacing_m / 2.0 + ROUNDING_M
    return (
        _share(field.difference(closed), _swept(lines, reach_m)),
        _share(field.difference(closed.buffer(FENCE_ROOM_M)), _swept(lines, half_m)),
    )


def _swept(lines: Lines, half_m: float) -> BaseGeometry:
    swept: BaseGeometry = shapely.union_all(shapely.buffer(lines, half_m, cap_style="square"))
    return swept


def _share(field: BaseGeometry, swept: BaseGeometry) -> float:
    return float(field.intersection(swept).area / field.area) if field.area > 0.0 else 1.0


def measured_spacing_m(field: BaseGeometry, path: Path) -> float:
    """Return the median distance of each line from its nearest neighbour.

    Parameters
    ----------
    field : shapely geometry
        The field, local metres. Lines with other land between them are no neighbours.
    path : Path
        The flight; lines are the legs with the camera on.

    Returns
    -------
    float
        Metres; 0 when no line has a neighbour: parallel, and beside it for half the length of
        the shorter.
    """
    lines = [line for line, leg in zip(path.lines, path.legs, strict=True) if leg.trigger_m > 0.0]
    if len(lines) < 2:
        return 0.0
    ends = np.array([shapely.get_coordinates(line) for line in lines])
    ways = ends[:, 1] - ends[:, 0]
    lengths = np.hypot(ways[:, 0], ways[:, 1])
    ahead = ways / lengths[:, None]
    found = []
    for n, start in enumerate(ends[:, 0]):
        along = np.sort((ends - start) @ ahead[n], axis=1)
        beside_m = np.minimum(along[:, 1], lengths[n]) - np.maximum(along[:, 0], 0.0)
        across = (ends.mean(axis=1) - start) @ np.array([-ahead[n, 1], ahead[n, 0]])
        parallel = np.abs(ahead[:, 0] * ahead[n, 1] - ahead[:, 1] * ahead[n, 0]) < PARALLEL
        half = beside_m >= 0.5 * np.minimum(lengths, lengths[n])
        rivals = np.flatnonzero(parallel & half & (np.abs(across) > SAME_LINE_M))
        if len(rivals):
            nearest = rivals[np.argmin(np.abs(across[rivals]))]
            between = shapely.convex_hull(shapely.multipoints([*ends[n], *ends[nearest]]))
            if between.intersection(field).area >= MOSTLY * between.area:
                found.append(float(np.abs(across[nearest])))
    return float(np.median(found)) if found else 0.0


def check_coverage(
    plan: FlightPlan, site: Site, job: SurveyJob, path: Path
) -> tuple[list[Finding], float]:
    """Return what is missed of the field, and the share seen.

    Parameters
    ----------
    plan, site, job, path
        As in `shares_of_field`.
    """
    asked_m = job.geometry.line_spacing_m
    findings = []
    field = path.frame.geometry_to_local(site.field.boundary)
    flown_m = max(job.fitted_spacing_m, measured_spacing_m(field, path))
    if flown_m > asked_m * GROUND_TRUE + ROUNDING_M:
        findings.append(
            Finding.error("finding.lines_too_far_apart", spacing_m=flown_m, limit_m=asked_m)
        )
    seen, overlapped = shares_of_field(plan, site, job, path)
    small = site.field.area_m2 < SMALL_M2
    if seen < ENOUGH and not small:
        findings.append(Finding.warning("finding.not_all_seen", percent=100.0 * (1.0 - seen)))
    if overlapped < ENOUGH and not small:
        findings.append(
            Finding.warning("finding.gaps_between_lines", percent=100.0 * (1.0 - overlapped))
        )
    return findings, seen


def check_energy(job: SurveyJob, aircraft: Aircraft, path: Path) -> list[Finding]:
    """Return what is wrong with energy and speed for this aircraft.

    Parameters
    ----------
    job : SurveyJob
        Its estimate counts packs that each keep their reserve.
    aircraft : Aircraft
        What flies.
    path : Path
        The flight, whose length the estimate must have been made for.
    """
    estimate = job.estimate
    findings = []
    if aircraft.reserve < LEAST_RESERVE - 1e-9:
        findings.append(
            Finding.error(
                "finding.reserve_low",
                reserve_pct=100.0 * aircraft.reserve,
                limit_pct=100.0 * LEAST_RESERVE,
            )
        )
    usable_wh = estimate.batteries * aircraft.battery_wh * (1.0 - aircraft.reserve)
    if estimate.energy_wh > usable_wh * (1.0 + 1e-6):
        findings.append(
            Finding.error("finding.energy_short", energy_wh=estimate.energy_wh, limit_wh=usable_wh)
        )
    length_m = float(sum(line.length for line in path.lines))
    if estimate.length_m < length_m * (1.0 - LENGTH_SLACK):
        findings.append(
            Finding.error("finding.estimate_old", length_m=length_m, estimated_m=estimate.length_m)
        )
    if estimate.batteries > 1:
        findings.append(Finding.warning("finding.batteries", count=estimate.batteries))
    if job.settings.speed_m_s > aircraft.cruise_speed_m_s + 1e-9:
        findings.append(
            Finding.warning(
                "finding.faster_than_usual",
                speed_m_s=job.settings.speed_m_s,
                limit_m_s=aircraft.cruise_speed_m_s,
            )
        )
    return findings
