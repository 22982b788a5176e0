"""Whether a survey shows the whole field, and whether its lines are true on the ground.

Measured on the items, not taken from the plan's own word. Two shares of the field are found on
the ground:

* **seen**: in the pictures of a line with the camera on, the first at its start, then one each
  trigger distance;
* **overlapped**: within half the *asked* line spacing of one, that is, where neighbouring
  pictures overlap as asked.

Of the rest of a survey that was broken off, what was photographed before counts with it.
What the fence keeps the aircraft out of, with the room around it, is not counted as missed. Both
are told, and do not stop a flight: a map with a poorer edge may be what there is to have. What
does stop it is a grid that is not true on the ground, laid in a projection or stretched
afterwards: its lines leave gaps, and the median distance of neighbouring lines, measured on the
items, exceeds the spacing asked. (Tracks along the border are no grid; with an edge pass the
shares alone judge.)
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from agri.findings import Finding
from missions.airspace.keepouts import solid_parts
from missions.checks.path import Path
from missions.flightplan import FlightPlan, Site, SurveyJob

Lines = np.ndarray[tuple[int, ...], np.dtype[np.object_]]

ENOUGH = 0.98
"""Share of the field that must be seen, and overlapped as asked (P4)."""
GAPLESS = 0.995
"""Share overlapped below which lines leave gaps that their distance may explain."""
SMALL_M2 = 1000.0
"""On smaller fields a border weighs too much for shares to say anything (P4: 0.1 ha)."""
ROUNDING_M = 0.05
"""Rounding of two places on the wire."""
GROUND_TRUE = 1.005
"""Half a hundredth more than asked saves a line and does no harm; more is not ground-true."""
PARALLEL = 0.035
"""Sine of 2 degrees: lines that differ less are parallel."""
SAME_LINE_M = 0.5
"""Pieces nearer than this side by side are one line, interrupted."""
MOSTLY = 0.9
"""Share of the land between two lines that must be the field's to make them neighbours."""
FENCE_ROOM_M = 10.0
"""Width of the ring around a keep-out that lines do not reach into."""


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
    closed = _closed(plan, path)
    field = shapely.union_all(solid_parts(path.frame.geometry_to_local(site.field.boundary)))
    half_m = job.geometry.line_spacing_m / 2.0 + ROUNDING_M
    return (
        _share(field.difference(closed), _pictured(job, path)),
        _share(field.difference(closed.buffer(FENCE_ROOM_M)), _swept(_lines(job, path), half_m)),
    )


def _closed(plan: FlightPlan, path: Path) -> BaseGeometry:
    rings = [
        Polygon([path.frame.metres(vertex) for vertex in polygon.vertices])
        for polygon in plan.fence_polygons
        if not polygon.inclusion
    ]
    closed: BaseGeometry = shapely.union_all(shapely.make_valid(rings))
    return closed


def _lines(job: SurveyJob, path: Path) -> Lines:
    """Return the lines with the camera on; of the rest of a survey also those flown before."""
    own = path.lines[[leg.trigger_m > 0.0 for leg in path.legs]]
    if job.before is None:
        return own
    before: Lines = shapely.get_parts(path.frame.geometry_to_local(job.before))
    return np.concatenate([own, before])


def _pictured(job: SurveyJob, path: Path) -> BaseGeometry:
    """Return the ground in the pictures of all lines, each line one strip."""
    triggers = [leg.trigger_m for leg in path.legs if leg.trigger_m > 0.0]
    lines = _lines(job, path)
    triggers += [job.geometry.trigger_m] * (len(lines) - len(triggers))
    strips = []
    for line, trigger_m in zip(lines, triggers, strict=True):
        start, end = shapely.get_coordinates(line)
        ahead = (end - start) / line.length
        length_m = line.length + ROUNDING_M
        back_m = job.geometry.footprint_along_m / 2.0
        front_m = length_m - math.fmod(length_m, trigger_m) + back_m
        middle = LineString([start - back_m * ahead, start + front_m * ahead])
        half_m = job.geometry.footprint_across_m / 2.0
        strips.append(middle.buffer(half_m, cap_style="flat"))
    pictured: BaseGeometry = shapely.union_all(strips)
    return pictured


def _swept(lines: Lines, half_m: float) -> BaseGeometry:
    swept: BaseGeometry = shapely.union_all(shapely.buffer(lines, half_m, cap_style="square"))
    return swept


def _share(field: BaseGeometry, swept: BaseGeometry) -> float:
    return float(field.intersection(swept).area / field.area) if field.area > 0.0 else 1.0


def measured_spacing_m(field: BaseGeometry, lines: Lines) -> float:
    """Return the median distance of lines from their nearest neighbours, weighed by length.

    Parameters
    ----------
    field : shapely geometry
        The field, local metres. Lines with other land between them are no neighbours.
    lines : (N,) object
        Straight lines with the camera on, local metres.

    Returns
    -------
    float
        Metres; 0 when no line has a neighbour: parallel, beside it for half the length of the
        shorter, and no third line between the two.
    """
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
            others = [line for m, line in enumerate(lines) if m not in (n, nearest)]
            alone = not shapely.intersects(others, between.buffer(-SAME_LINE_M)).any()
            if alone and between.intersection(field).area >= MOSTLY * between.area:
                found.append((float(np.abs(across[nearest])), float(beside_m[nearest])))
    return _weighted_median(found)


def _weighted_median(found: list[tuple[float, float]]) -> float:
    half, reached = sum(weight for _, weight in found) / 2.0, 0.0
    for value, weight in sorted(found):
        reached += weight
        if reached >= half:
            return value
    return 0.0


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
    seen, overlapped = shares_of_field(plan, site, job, path)
    flown_m = job.fitted_spacing_m
    if overlapped < GAPLESS and not job.settings.edge_pass:
        field = path.frame.geometry_to_local(site.field.boundary)
        lines = _lines(job, path)
        flown_m = max(flown_m, measured_spacing_m(field.difference(_closed(plan, path)), lines))
    findings = []
    if flown_m > asked_m * GROUND_TRUE + ROUNDING_M:
        findings.append(
            Finding.error("finding.lines_too_far_apart", spacing_m=flown_m, limit_m=asked_m)
        )
    small = site.field.area_m2 < SMALL_M2
    if seen < ENOUGH and not small:
        findings.append(Finding.warning("finding.not_all_seen", percent=100.0 * (1.0 - seen)))
    if overlapped < ENOUGH and not small:
        findings.append(
            Finding.warning("finding.gaps_between_lines", percent=100.0 * (1.0 - overlapped))
        )
    return findings, seen
