"""Whether a spraying does what it must and nothing else, measured on its items (P2 to P6).

Theory of operation
-------------------
Written apart from the planner. The flight is read off the items: where liquid leaves the nozzles
(`missions.checks.trace`), how it is switched (`missions.checks.switching`). What may be sprayed is
worked out again from the site and the settings with today's rules for buffers
(`missions.drift.buffers`): the plan's own treatable area is not looked at, so that one that was
tampered with changes nothing.

From the plan's own word come only what no item can tell: what sprays, with what settings, and how
wide and strong each pass is meant to be. A width told narrower than `NARROWEST` of the job's swath
is not believed.

* **P2** every wet stretch, its whole width, lies in the field, off every obstacle, out of every
  buffer.
* **P3** it is switched as `missions.checks.switching` says, and nothing is sprayed off the passes:
  on turns and transits.
* **P4** coverage and overlap, told as warnings with figures (`missions.checks.dose`), **P5** dose,
  **P6** tank, pack, speed, height and wind, likewise.

A spraying of which nothing is told, a stranger's, is held to the least buffers for wind from
anywhere and along its lines only; what could not be judged is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.errors import AgriError
from agri.findings import Finding, Severity
from missions.airspace.keepouts import explode
from missions.checks.dose import Ground, check_limits, check_work
from missions.checks.path import Path
from missions.checks.switching import check_switching, turns
from missions.checks.trace import spots, stretches
from missions.checks.work import work_of
from missions.drift.buffers import Buffer, buffers, default_buffers, is_ruoi_field, past_edge_m
from missions.drift.limits import DEFAULT_SPRAY_LIMITS, SprayLimits
from missions.flightplan import FlightPlan, Site
from missions.sprayer.gear import PumpControl
from missions.wire.pump import pump_channel

SIDE_M = 0.05
"""Rounding of places on the wire, to either side of a swath."""
ALONG_M = 0.5
"""A stretch may begin or end this much off: orders fire within centimetres, speeds differ."""
SPECK_M2 = 0.1
"""Less than this outside is the rounding of corners."""

CHECKED = {"trees": "finding.checked_spray_trees", "rows": "finding.checked_spray_rows"}
"""What is said of a sound plan whose work is no share of the field: its own kind of work."""


def sprays(plan: FlightPlan) -> bool:
    """Return whether a plan is to be judged as a spraying.

    A survey is not: that it must not spray, `missions.checks.items` tells.
    """
    if plan.spray is not None:
        return True
    return plan.survey is None and any(turns(item, 0) for item in plan.items)


def check_spray(
    plan: FlightPlan,
    path: Path,
    *,
    limits: SprayLimits = DEFAULT_SPRAY_LIMITS,
    ground: Ground | None = None,
) -> list[Finding]:
    """Return what is wrong with a spraying, and what was checked and well.

    Parameters
    ----------
    plan : FlightPlan
        A plan of agri's, or a stranger's.
    path : Path
        Its flight.
    limits : SprayLimits
        Wind, height and speed.
    ground : callable, optional
        Takes (N,) longitudes and latitudes, gives (N,) metres of the ground above home; by
        default the ground is as high as home.

    Returns
    -------
    list of Finding
        Empty when the plan does not spray.
    """
    if not sprays(plan):
        return []
    channel = pump_channel(plan)
    found = check_switching(plan.items, channel)
    job = plan.spray
    runs = stretches(path, None if job is None else job.settings.sprayer)
    waits = spots(plan.items, path, channel)
    if job is not None and not runs and not waits:
        found.append(Finding.error("finding.spray_never_on"))
    kept, area = _treatable(plan, path)
    found += kept
    if job is None:
        found.append(Finding.warning("finding.spray_not_told"))
        lines = [run.line for run in runs]
        places = [(run.seq, line) for run, line in zip(runs, lines, strict=True)]
        return [*found, *_misplaced(places, area, 0.0)]
    work = work_of(job, path, runs, waits)
    found += _misplaced(work.strips(SIDE_M, ALONG_M), area, SIDE_M)
    found += work.off_passes
    found += check_limits(plan, path, runs, limits, ground)
    told, figures = check_work(plan, path, work, None if area is None else area.open)
    found += told
    sprayer = job.settings.sprayer
    if sprayer.control is PumpControl.EXPORT:
        found.append(Finding.info("finding.spray_own_controller", sprayer=sprayer.name))
    if all(finding.severity is not Severity.ERROR for finding in found):
        found.append(Finding.info(CHECKED.get(job.kind, "finding.checked_spray"), **figures))
        found.append(Finding.info("finding.spray_past_edge", distance_m=past_edge_m(job.settings)))
    return found


class _Area:
    """What may be sprayed: the field, less what stands in it, less each buffer."""

    def __init__(self, site: Site, path: Path, kept: Sequence[Buffer]) -> None:
        self.kept = kept
        local = path.frame.geometry_to_local
        standing = [local(obstacle.geometry) for obstacle in site.obstacles]
        solid = [part for shape in standing for part in explode(shape) if part.area > 0.0]
        self.ground: BaseGeometry = local(site.field.boundary).difference(shapely.union_all(solid))

    @property
    def open(self) -> BaseGeometry:
        """What may be sprayed, local metres."""
        return self.ground.difference(shapely.union_all([each.area for each in self.kept]))


def _treatable(plan: FlightPlan, path: Path) -> tuple[list[Finding], _Area | None]:
    if plan.site is None:
        return [], None
    if is_ruoi_field(plan.site.field):
        return [Finding.error("finding.spray_ruoi", plan.site.field.name)], None
    try:
        if plan.spray is None:
            kept = default_buffers(plan.site, path.frame)
        else:
            kept = buffers(plan.site, plan.spray.settings, path.frame)
    except AgriError as error:
        return [Finding.error("finding.spray_buffers_unknown", why=error.message)], None
    return [], _Area(plan.site, path, kept)


def _misplaced(
    strips: Sequence[tuple[int, BaseGeometry]], area: _Area | None, room_m: float
) -> Iterator[Finding]:
    """Yield each buffer that is sprayed, and how much falls outside the field."""
    if area is None:
        return
    for buffer in area.kept:
        hits = [
            (_weight(strip.intersection(buffer.area)), seq)
            for seq, strip in strips
            if strip.intersects(buffer.area)
        ]
        inside = [hit for hit in hits if hit[0] > SPECK_M2]
        if inside:
            yield Finding.error(
                "finding.spray_in_buffer",
                item=inside[0][1],
                count=len(inside),
                area_m2=sum(hit[0] for hit in inside),
                why=buffer.message,
            )
    roomy = area.ground.buffer(max(room_m, SIDE_M) / 2.0, join_style="mitre")
    outside = [(_weight(strip.difference(roomy)), seq) for seq, strip in strips]
    far = [entry for entry in outside if entry[0] > SPECK_M2]
    if far:
        yield Finding.error(
            "finding.spray_outside",
            item=far[0][1],
            count=len(far),
            area_m2=sum(entry[0] for entry in far),
        )


def _weight(shape: BaseGeometry) -> float:
    """Return the area of a shape, of lines their length as if a metre wide."""
    lines = [part for part in explode(shape) if isinstance(part, LineString)]
    points = [part for part in explode(shape) if isinstance(part, Point)]
    return float(shape.area + sum(line.length for line in lines) + len(points))
