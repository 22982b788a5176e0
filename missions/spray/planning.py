"""From a field and what is asked of a spraying to the route that sprays it.

Theory of operation
-------------------
1. **What may be sprayed** (`treatable_area`): the field without its holes, the obstacles with their
   clearances, the edges' clearances and the drift buffers; of that, where the aircraft gets to
   without leaving the fence's margins, and where a swath fits: what is narrower is left out, and
   `Treatable.dropped` tells it. Cuts are rounded away from what they keep spray from.
2. **Lines** (`missions.spray.lines`): direction by time or energy in the wind and on the slope, the
   swath as wide as fits the ground evenly, order by the wind.
3. **Passes** (`missions.spray.trimming`): each begins and ends where the ground begins that nothing
   else sprays.

The fence is drawn before anything else, as for a survey; at spraying height everything that stands
in the field is closed. Everything is in the field's own local frame.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.findings import Finding
from agri.geo import LocalFrame
from missions.airspace.fence import Enclosure, enclose
from missions.airspace.keepouts import areas, explode, filled, ground_obstacles, keep_outs, polygons
from missions.airspace.pose import Pose
from missions.airspace.route import Place
from missions.coverage.tracks import swept
from missions.drift import buffers as drift
from missions.flightplan import DEFAULT_LIMITS, Site, VehicleLimits
from missions.passes.flight import AT_ONCE_M, Run, beyond_m, flight, ordered_m
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import early_m, full_after_s, pump_on_s
from missions.spray.lines import Laid, lay_lines
from missions.sprayer.job import SpraySettings
from missions.terrain.relief import Slope

__all__ = ["Treatable", "enclosures", "plan_route", "treatable_area", "untreated"]

SNAP_M = 1e-6
"""Grid on which shapes that are nearly the same are laid over each other."""
MITRE_LIMIT = 3.0
"""As the edge pass: corners sharper than about 39° are not sprayed to their tips."""
ROUND_OFF_M = 0.1
"""Round cuts are drawn with fewer corners, this much further off at most."""
PAD_ROOM_M = 5.0
"""A pad nearer than this to a keep-out's clearance is too near; else the way to it is shut."""
WIDER_GAIN = 0.005
"""Share of the ground that the wide fence must make reachable to be drawn."""
ENOUGH, TWICE = 0.985, 0.10
"""Share that must be sprayed, and share that may be sprayed twice (P4): 98 % and what is lost where
drops rather fall a hand's width short of a pass's end, half a per cent where passes are short,"""
SMALL_M2 = 1000.0
"""on ground larger than this."""
LEAST_M = 0.05
"""A pass that is wet over less than this is not."""
TOLD_M2 = 5.0
"""Ground left out is told from this on."""
MUCH_LEFT = 0.2
"""Share of what may be sprayed; whoever leaves out more is warned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatable:
    """What of a field is sprayed, local metres.

    Parameters
    ----------
    area : shapely.Polygon or MultiPolygon
        What may and can be sprayed.
    dropped : shapely geometry
        What may be sprayed but is too narrow for the swath, or out of reach.
    rounded_m2 : float
        What may be sprayed but lies where round cuts were given fewer corners.
    """

    area: BaseGeometry
    dropped: BaseGeometry
    rounded_m2: float = 0.0


def treatable_area(
    site: Site,
    settings: SpraySettings,
    buffers: Sequence[BaseGeometry],
    frame: LocalFrame,
    *,
    allowed: BaseGeometry | None = None,
) -> Treatable:
    """Return what of a field is sprayed.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    settings : SpraySettings
        Swath width, heights and clearances.
    buffers : sequence of shapely geometry
        Where no spray may fall, local metres of `frame`.
    frame : LocalFrame
        The frame of buffers and answer.
    allowed : shapely geometry, optional
        Where the aircraft may fly, local metres; without it everywhere.

    Returns
    -------
    Treatable
        In parts where the field is.
    """
    whole = frame.geometry_to_local(site.field.boundary)
    pose = Pose.of(whole, frame.metres(site.pad.place))
    field = pose.seen(whole)
    closed = [shape for _, shape in keep_outs(site, settings.flying_height_m, frame)]
    cuts = [*map(pose.seen, [*closed, *buffers]), *_edge_strips(pose.turned(whole), settings)]
    cuts = [cut for cut in cuts if not cut.is_empty]
    ground = areas(shapely.difference(field, shapely.union_all([_rounded_off(c) for c in cuts])))
    rounded_m2 = 0.0
    if any(map(_bent, cuts)):
        rounded_m2 = float(shapely.difference(field, shapely.union_all(cuts)).area - ground.area)
    reached = ground
    if allowed is not None:
        around = _mitred(pose.seen(allowed), settings.swath_m / 2.0)
        reached = areas(shapely.intersection(ground, around, grid_size=SNAP_M))
    sprayed = _wide_enough(reached, settings.swath_m)
    return Treatable(
        area=pose.local(sprayed),
        dropped=pose.local(areas(shapely.difference(ground, sprayed))),
        rounded_m2=max(0.0, rounded_m2),
    )


def untreated(treatable: Treatable, site: Site) -> list[Finding]:
    """Return what to tell of ground that is left out, nothing when there is none to speak of."""
    left_m2 = treatable.dropped.area
    if left_m2 < TOLD_M2:
        return []
    share = left_m2 / (treatable.area.area + left_m2)
    tell = Finding.warning if share > MUCH_LEFT else Finding.info
    return [
        tell("finding.spray_left_out", name=site.field.name, area_m2=left_m2, percent=100.0 * share)
    ]


def unevenly(route: SprayRoute, treatable: Treatable, settings: SpraySettings) -> Iterator[Finding]:
    """Yield what the passes of a whole job miss and spray twice, where it is too much.

    The checks see one sortie at a time, and can tell neither of a job of several. What is begun
    late for want of room to run up counts as missed.
    """
    ground = treatable.area
    wanted_m2 = float(ground.area) + treatable.rounded_m2
    if wanted_m2 < SMALL_M2:
        return
    wet = [work for _, works in _wet(route, settings) for work in works]
    strips = [swept([work.points], work.width_m).intersection(ground) for work in wet]
    once_m2 = float(shapely.union_all(strips).area)
    times = 2.0 if settings.crosshatch else 1.0
    early_m2 = sum(early_m(work.speed_m_s) * work.width_m for work in route.passes)
    twice = (sum(float(strip.area) for strip in strips) + early_m2) / times / max(
        once_m2, 1.0
    ) - 1.0
    if once_m2 < ENOUGH * wanted_m2:
        percent = 100.0 * (1.0 - once_m2 / wanted_m2)
        yield Finding.warning("finding.spray_missed", percent=percent)
    if twice > TWICE:
        yield Finding.warning("finding.spray_twice", percent=100.0 * twice)


def _wet(route: SprayRoute, settings: SpraySettings) -> Iterator[tuple[Run, list[Pass]]]:
    """Yield what of each run is wet: without what is begun late and ended short."""
    sprayer = settings.sprayer
    pump_s = pump_on_s(sprayer)
    for run in flight(route, full_after_s(sprayer)).runs:
        before_m, after_m = beyond_m(run, sprayer.hose_s, pump_s=pump_s)
        on_m, off_m = ordered_m(run, sprayer.hose_s, pump_s=pump_s)
        wet = []
        for work in run.passes if off_m > on_m + AT_ONCE_M else ():
            from_m = max(0.0, -before_m) if work is run.passes[0] else 0.0
            to_m = work.length_m + (min(0.0, after_m) if work is run.passes[-1] else 0.0)
            if to_m - from_m > LEAST_M:
                wet.append(work.part(from_m, to_m))
        yield run, wet


def plan_route(
    site: Site,
    settings: SpraySettings,
    *,
    buffers: Sequence[BaseGeometry] = (),
    limits: VehicleLimits = DEFAULT_LIMITS,
    slope: Slope | None = None,
) -> SprayRoute:
    """Plan the passes over one field.

    Parameters
    ----------
    site : Site
        The field, the pad and what stands around them.
    settings : SpraySettings
        What is asked.
    buffers : sequence of shapely geometry
        Where no spray may fall, metres of ``site.field.frame``.
    limits : VehicleLimits
        What the vehicle can store.
    slope : Slope, optional
        How the field rises.

    Returns
    -------
    SprayRoute
        The whole field, whatever tank and pack hold; the same input gives the same route.

    Raises
    ------
    Refused
        When the pad is not clear or cut off, buffers and clearances leave nothing to spray, the
        swath is wider than the field, or what is left is too short for any drop to fall.
    """
    frame = site.field.frame
    home = frame.metres(site.pad.place)
    check_pad(site, frame)
    tried: list[tuple[BaseGeometry, Treatable]] = []
    for fence in enclosures(site, settings.flying_height_m, frame, limits):
        allowed = open_piece(fence.allowed, home)
        if allowed is None:
            continue
        ground = treatable_area(site, settings, buffers, frame, allowed=allowed)
        gains = not tried or ground.area.area > tried[0][1].area.area * (1.0 + WIDER_GAIN) + 1.0
        tried.insert(0 if gains else len(tried), (allowed, ground))
        if ground.dropped.area < TOLD_M2:
            break
    if not tried:
        raise pad_shut(site, settings.flying_height_m, frame)
    if tried[0][1].area.is_empty:
        raise _nothing_left(site, settings, buffers, tried[0][1])
    laid, allowed, ground = _laid(tried, home, settings, slope)
    route = SprayRoute(
        passes=laid.passes,
        home=home,
        allowed=allowed,
        treatable=ground.area,
        angle_deg=laid.angle_deg,
    )
    worth = [run for run, wet in _wet(route, settings) if wet]
    if not worth:
        raise Refused("error.spray_too_short", name=site.field.name)
    route = replace(route, passes=tuple(work for run in worth for work in run.passes))
    found = (*untreated(ground, site), *unevenly(route, ground, settings))
    return replace(route, findings=found)


def _laid(
    tried: Sequence[tuple[BaseGeometry, Treatable]],
    home: tuple[float, float],
    settings: SpraySettings,
    slope: Slope | None,
) -> tuple[Laid, BaseGeometry, Treatable]:
    """Return the passes in the first region that they and the ways between them fit, and that."""
    fitting = [(allowed, ground) for allowed, ground in tried if not ground.area.is_empty]
    for allowed, ground in fitting[:-1]:
        with suppress(Refused):
            return lay_lines(ground.area, allowed, home, settings, slope=slope), allowed, ground
    allowed, ground = fitting[-1]
    return lay_lines(ground.area, allowed, home, settings, slope=slope), allowed, ground


def enclosures(
    site: Site, height_m: float, frame: LocalFrame, limits: VehicleLimits = DEFAULT_LIMITS
) -> Iterator[Enclosure]:
    """Yield the fences a flight over a site may have, the narrow one first."""
    home = Point(frame.metres(site.pad.place))
    area = filled(frame.geometry_to_local(site.field.boundary))
    closed = [shape for _, shape in keep_outs(site, height_m, frame)]
    for wide in (False, True):
        yield enclose(area, home, closed, wide=wide, limits=limits)


def open_piece(allowed: BaseGeometry, home: tuple[float, float]) -> BaseGeometry | None:
    """Return the piece of an allowed region that holds the pad, None when none does."""
    here = Point(home)
    return next((piece for piece in explode(allowed) if piece.covers(here)), None)


def check_pad(site: Site, frame: LocalFrame) -> None:
    """Refuse a pad that stands in what an aircraft may not come down on."""
    home = Point(frame.metres(site.pad.place))
    for name, shape in ground_obstacles(site, frame):
        if shape.intersects(home):
            raise Refused("error.pad_not_clear", pad=site.pad.name, obstacle=name)


def pad_shut(site: Site, height_m: float, frame: LocalFrame) -> Refused:
    """Return the refusal of a pad that no fence joins to the field."""
    home = Point(frame.metres(site.pad.place))
    closed = keep_outs(site, height_m, frame)
    nearest_m, name = min((shape.distance(home), name) for name, shape in closed)
    key = "error.pad_near_closed" if nearest_m < PAD_ROOM_M else "error.pad_cut_off"
    return Refused(key, pad=site.pad.name, obstacle=name)


def _nothing_left(
    site: Site, settings: SpraySettings, buffers: Sequence[BaseGeometry], ground: Treatable
) -> Refused:
    if not treatable_area(site, settings, buffers, site.field.frame).area.is_empty:
        return Refused("error.spray_out_of_reach", name=site.field.name)
    asked_m = max([settings.clearance_m, *(edge.clearance_m for edge in settings.edges)])
    if _free_without_clearance(site, settings, buffers):
        field = site.field.frame.geometry_to_local(site.field.boundary)
        across_m = 2.0 * shapely.maximum_inscribed_circle(field, tolerance=0.1).length
        return Refused("error.spray_clearance", name=site.field.name, clearance_m=asked_m,
                       across_m=across_m, swath_m=settings.swath_m)  # fmt: skip
    if not ground.dropped.is_empty and ground.dropped.area >= TOLD_M2:
        told = settings.wind.from_deg is not None
        key = "error.swath_too_wide_now" if told else "error.swath_too_wide"
        return Refused(key, name=site.field.name, width_m=settings.swath_m)
    label_m = settings.product.label_buffer_m
    if label_m > 0.0 and _free_without_label(site, settings, buffers):
        return Refused("error.spray_all_label", name=site.field.name, label_m=label_m)
    key = "error.spray_all_buffer" if buffers else "error.spray_all_closed"
    return Refused(key, name=site.field.name)


def _free_without_clearance(
    site: Site, settings: SpraySettings, buffers: Sequence[BaseGeometry]
) -> bool:
    """Whether ground is left once no distance is kept from edges, here and among the buffers."""
    frame = site.field.frame
    zones = drift.buffers(site, settings, frame)
    edges = {zone.area.wkb for zone in zones if zone.kind is drift.BufferKind.EDGE}
    others = [buffer for buffer in buffers if buffer.wkb not in edges]
    freed = replace(settings, clearance_m=0.0, edges=())
    return not treatable_area(site, freed, others, frame).area.is_empty


def _free_without_label(
    site: Site, settings: SpraySettings, buffers: Sequence[BaseGeometry]
) -> bool:
    """Whether ground is left with the buffers that are drawn when the label asks for none."""
    frame = site.field.frame
    unlabelled = replace(settings, product=replace(settings.product, label_buffer_m=0.0))
    own = {zone.area.wkb for zone in drift.buffers(site, settings, frame)}
    others = [buffer for buffer in buffers if buffer.wkb not in own]
    least = [zone.area for zone in drift.buffers(site, unlabelled, frame)]
    return not treatable_area(site, unlabelled, [*others, *least], frame).area.is_empty


def _edge_strips(field: BaseGeometry, settings: SpraySettings) -> Iterator[BaseGeometry]:
    """Yield the strips along the field's edges that their clearances keep free of spray."""
    named = {edge.edge: edge.clearance_m for edge in settings.edges}
    number = 0
    for part in polygons(field):
        for hole, ring in enumerate((part.exterior, *part.interiors)):
            steps = np.diff(shapely.get_coordinates(ring), axis=0)
            before = np.roll(steps, 1, axis=0)
            cross = before[:, 0] * steps[:, 1] - before[:, 1] * steps[:, 0]
            turns = np.arctan2(cross, (before * steps).sum(axis=1))
            # the field lies on the left of a ring drawn anticlockwise, of a hole on the right
            inwards = -turns if ring.is_ccw == (hole == 0) else turns
            over = np.tan(np.clip(inwards, 0.0, math.pi / 2.0) / 2.0)
            over = np.append(over, over[:1])
            for at, (start, end) in enumerate(pairwise(ring.coords)):
                number += 1
                clearance_m = named.get(number, settings.clearance_m)
                yield _strip(start, end, clearance_m, over[at : at + 2])
    unknown = [edge for edge in named if edge > number]
    if unknown:
        raise BadInput("error.edge_unknown", edge=min(unknown), count=number)


def _strip(start: Place, end: Place, clearance_m: float, over: NDArray[np.float64]) -> BaseGeometry:
    """Return the strip along an edge, longer by shares of its depth where it meets its neighbours.

    Where the border bends into the field that is half the turn's tangent: there the strips' corners
    meet. The whole depth reaches round any sharper bend.
    """
    step = np.subtract(end, start)
    reach = step / max(float(np.hypot(*step)), 1e-9) * clearance_m
    line = LineString([start - over[0] * reach, end + over[1] * reach])
    return line.buffer(clearance_m, cap_style="flat")


def _rounded_off(cut: BaseGeometry) -> BaseGeometry:
    """Return a cut with few corners that holds the whole of it."""
    grown = cut.buffer(ROUND_OFF_M, join_style="mitre", mitre_limit=2.0)
    return shapely.union(grown.simplify(ROUND_OFF_M * 0.9), cut) if _bent(cut) else cut


def _bent(cut: BaseGeometry) -> bool:
    """Whether a cut has arcs in it, drawn with many corners."""
    return bool(shapely.get_num_coordinates(cut) > 12)


def _mitred(shape: BaseGeometry, by_m: float, limit: float = 5.0) -> BaseGeometry:
    """Return a shape with its borders moved outwards; where two corners meet they may cross."""
    moved = shape.buffer(by_m, join_style="mitre", mitre_limit=limit)
    return areas(shapely.make_valid(moved))


def _wide_enough(ground: BaseGeometry, width_m: float) -> BaseGeometry:
    """Return where a swath fits into the ground."""
    inner = _mitred(ground, -width_m / 2.0, MITRE_LIMIT)
    if inner.is_empty:
        return Polygon()
    grown = _mitred(inner, width_m / 2.0, MITRE_LIMIT)
    # without a grid GEOS 3.14 may answer with points where two shapes are the same but for a hair
    fitting = shapely.intersection(grown, ground, grid_size=SNAP_M)
    fits = [p for p in polygons(fitting) if p.area >= width_m**2 / 4.0]
    return MultiPolygon(fits) if len(fits) != 1 else fits[0]
