"""From a site and what is asked of a survey to the flight plan that photographs it.

Theory of operation
-------------------
1. The fence is drawn first (`missions.airspace.fence`), then everything is laid inside its margins.
   The narrow form is tried before the wide one; the wide one is taken only where it shows more of
   the field. What the camera still could not see is refused, not left out in silence.
2. A hole of the field (a pond, a grave) is flown over, because a map wants the whole mosaic;
   what must not be flown over is an obstacle or a no-fly zone and is closed by the fence.
3. Lines are laid by `missions.coverage.planning` at the spacing the side overlap asks, or closer
   where the field's shape would leave ground that is not overlapped as asked. Where the
   border is slanted they may run up to `MAX_OVERRUN_M` beyond it, so that corners too are seen as
   often as asked; the fence is drawn wider by as much.
4. Items: TAKEOFF, ground speed, then for each straight line a waypoint, camera on, a waypoint,
   camera off. A DO_ item runs when the waypoint before it is reached, so the camera rests in every
   turn and transit; after the last line it is off before the way home begins. The way home is
   planned, to a waypoint over the pad, and only then RETURN_TO_LAUNCH comes down: RTL alone flies
   straight, over whatever is there.
5. Heights are above home, and the field is taken as flat and level with the pad.

The camera triggers by distance (DO_SET_CAM_TRIGG_DIST), so wind and speed leave the overlap alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.geo import LocalFrame
from missions.airspace.fence import Enclosure, enclose, generate_rally
from missions.airspace.keepouts import explode, filled, ground_obstacles, keep_outs
from missions.airspace.route import Place, shortest_way
from missions.coverage.planning import Coverage, plan_coverage
from missions.coverage.swaths import STRETCH
from missions.energy import PLANNING_WIND_M_S, Aircraft, Estimate, estimate_flight
from missions.flightplan import DEFAULT_LIMITS, FlightPlan, Site, SurveyJob, VehicleLimits
from missions.items import Command, Frame, MissionItem, item_at
from missions.survey import SurveyGeometry, SurveySettings, photo_count, survey_geometry

UNSEEN_SHARE = 0.005
"""Share of the field that may stay out of the camera's sight before the plan is refused."""
MAX_OVERRUN_M = 12.0
"""How far beyond the border lines may run where it is slanted, so that corners are seen well."""
MISSED = 0.01
"""Share of the field in no picture from which on a wider fence, which ways lead round keep-outs in,
is tried; checks tell 0.02."""
CLOSER = (1.0, 0.9, 0.8, 0.7)
"""Spacings tried, as shares of the asked one, until the field is overlapped as asked."""
OVERLAPPED = 0.985
"""Share of the field that lies within half the asked spacing of a line; checks want 0.98."""
BESIDE_M = 10.0
"""Strip beside an exclusion that lines do not reach into and cameras see from the side."""
SAME_PLACE_M = 0.05
"""Places nearer than this are one waypoint."""
PAD_ROOM_M = 5.0
"""A pad nearer than this to a keep-out's clearance is too near; else the way to it is shut."""
STRAIGHT_DEG = 15.0
"""A working line that bends more than this is two lines, the camera off between them."""
CORNER_M = 2.0
"""ArduCopter's WPNAV_RADIUS: this near to a corner it has begun to turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One straight piece of the flight, local metres, and whether pictures are taken on it."""

    start: Place
    end: Place
    works: bool

    @property
    def length_m(self) -> float:
        """Its length."""
        return math.dist(self.start, self.end)


def plan_survey(
    site: Site,
    settings: SurveySettings,
    aircraft: Aircraft,
    *,
    name: str,
    ceiling_m: float = 50.0,
    limits: VehicleLimits = DEFAULT_LIMITS,
    wind_m_s: float = PLANNING_WIND_M_S,
) -> FlightPlan:
    """Plan the survey of one field.

    Parameters
    ----------
    site : Site
        The field, the pad and what stands around them.
    settings : SurveySettings
        Camera, height, overlaps, speed.
    aircraft : Aircraft
        What flies.
    name : str
        The plan's name.
    ceiling_m : float
        Permitted height above ground.
    limits : VehicleLimits
        What the vehicle can store.
    wind_m_s : float
        Wind for the estimate.

    Returns
    -------
    FlightPlan
        Items, fence, rally points and estimate; the same input gives the same plan.

    Raises
    ------
    BadInput
        When the camera is too slow for the speed, or the lines are more than the vehicle stores.
    Refused
        When the height exceeds the ceiling, the pad is not clear, the wind is too strong, or a
        part of the field cannot be seen without crossing what is closed.
    """
    geometry = _flyable(settings, aircraft, ceiling_m, wind_m_s)
    frame = site.field.frame
    home = frame.metres(site.pad.place)
    ground, coverage = _covered(
        _open_grounds(site, frame, settings, geometry, limits), home, settings, geometry, aircraft
    )
    flown = _segments(coverage, home, ground.allowed)
    items, estimate = fly_segments(
        flown, site, settings, aircraft, limits=limits, wind_m_s=wind_m_s
    )
    path = [flown[0].start, *(segment.end for segment in flown)]
    return FlightPlan(
        name=name,
        home=site.pad.place,
        items=items,
        fence_polygons=ground.enclosure.polygons(frame),
        rally_points=generate_rally(
            site, ground.enclosure, path, altitude_m=settings.height_m, limits=limits
        ),
        ceiling_m=ceiling_m,
        limits=limits,
        site=site,
        aircraft=aircraft,
        survey=SurveyJob(
            settings=settings,
            geometry=geometry,
            angle_deg=coverage.angle_deg,
            fitted_spacing_m=coverage.spacing_m,
            estimate=estimate,
        ),
    )


def fly_segments(
    flown: Sequence[Segment],
    site: Site,
    settings: SurveySettings,
    aircraft: Aircraft,
    *,
    limits: VehicleLimits,
    wind_m_s: float = PLANNING_WIND_M_S,
) -> tuple[tuple[MissionItem, ...], Estimate]:
    """Return the items that fly straight pieces from the pad to the pad, and what that takes.

    Raises
    ------
    BadInput
        When they are more than the vehicle stores.
    """
    trigger_m = round(survey_geometry(settings).trigger_m, 2)
    items = _items(flown, site.field.frame, site, settings, trigger_m)
    if len(items) > limits.items:
        raise BadInput("error.too_many_items", count=len(items), limit=limits.items)
    estimate = estimate_flight(
        [flown[0].start, *(segment.end for segment in flown)],
        aircraft,
        height_m=settings.height_m,
        speed_m_s=settings.speed_m_s,
        wind_m_s=wind_m_s,
        photos=sum(photo_count(s.length_m, trigger_m) for s in flown if s.works),
    )
    return items, estimate


def _flyable(
    settings: SurveySettings, aircraft: Aircraft, ceiling_m: float, wind_m_s: float
) -> SurveyGeometry:
    """Return the geometry of settings that camera, permit and aircraft allow."""
    geometry = survey_geometry(settings)
    if settings.height_m > ceiling_m:
        raise Refused("error.above_ceiling", height_m=settings.height_m, ceiling_m=ceiling_m)
    if settings.speed_m_s > geometry.max_speed_m_s + 1e-9:
        raise BadInput(
            "error.camera_too_slow",
            camera=settings.camera.name,
            interval_s=settings.camera.min_interval_s,
            speed_m_s=settings.speed_m_s,
            max_speed_m_s=math.floor(geometry.max_speed_m_s * 10.0) / 10.0,
        )
    if wind_m_s > aircraft.max_wind_m_s:
        raise Refused(
            "error.too_windy",
            wind_m_s=wind_m_s,
            aircraft=aircraft.name,
            max_wind_m_s=aircraft.max_wind_m_s,
        )
    return geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """The fence, where legs may run in one piece with the pad, and what lines are laid over."""

    enclosure: Enclosure
    allowed: BaseGeometry
    target: BaseGeometry
    wanted: BaseGeometry
    unseen_share: float


def _open_grounds(
    site: Site,
    frame: LocalFrame,
    settings: SurveySettings,
    geometry: SurveyGeometry,
    limits: VehicleLimits,
) -> Iterator[_Ground]:
    """Yield the ground of each fence from which the field can be seen, the least fence first."""
    home = Point(frame.metres(site.pad.place))
    for name, shape in ground_obstacles(site, frame):
        if shape.intersects(home):
            raise Refused("error.pad_not_clear", pad=site.pad.name, obstacle=name)
    area = filled(frame.geometry_to_local(site.field.boundary))
    closed = keep_outs(site, settings.height_m, frame)
    reach_m = geometry.footprint_across_m / 2.0
    overrun_m = settings.lead_in_m + min(geometry.line_spacing_m / 2.0, MAX_OVERRUN_M)
    poorer: list[_Ground] = []
    found = False
    for wide in (False, True):
        fence = enclose(
            area,
            home,
            [shape for _, shape in closed],
            lead_in_m=overrun_m,
            wide=wide,
            limits=limits,
        )
        ground = _reachable(area, home, fence, reach_m)
        if ground and ground.unseen_share <= UNSEEN_SHARE:
            found = True
            yield ground
        elif ground:
            poorer.append(ground)
    if found:
        return
    if not poorer:
        nearest_m, name = min((shape.distance(home), name) for name, shape in closed)
        near = nearest_m < PAD_ROOM_M
        key = "error.pad_near_closed" if near else "error.pad_cut_off"
        raise Refused(key, pad=site.pad.name, obstacle=name)
    least = min(ground.unseen_share for ground in poorer)
    raise Refused("error.field_out_of_reach", name=site.field.name, percent=100.0 * least)


def _reachable(area: BaseGeometry, home: Point, fence: Enclosure, reach_m: float) -> _Ground | None:
    """Return what can be flown from `home` without leaving the fence's margins, None for nothing.

    The share not seen is of the field outside the exclusions.
    """
    pieces = [piece for piece in explode(fence.allowed) if piece.covers(home)]
    if not pieces:
        return None
    allowed = pieces[0]
    target = shapely.union_all(
        [part for part in explode(area.intersection(allowed)) if part.area >= 1.0]
    )
    if target.is_empty:
        return None
    wanted = area.difference(shapely.union_all(list(fence.exclusions)))
    unseen = wanted.difference(target.buffer(reach_m)).area / wanted.area
    return _Ground(
        enclosure=fence, allowed=allowed, target=target, wanted=wanted, unseen_share=unseen
    )


def _covered(
    grounds: Iterable[_Ground],
    home: Place,
    settings: SurveySettings,
    geometry: SurveyGeometry,
    aircraft: Aircraft,
) -> tuple[_Ground, Coverage]:
    """Return the first ground whose lines show the field, or the one where they show most."""
    best: tuple[float, _Ground, Coverage] | None = None
    for ground in grounds:
        coverage = _lines(ground, home, settings, geometry.line_spacing_m, aircraft)
        missed = _missed(coverage, ground, geometry)
        if best is None or missed < best[0] - MISSED / 2.0:
            best = (missed, ground, coverage)
        if missed <= MISSED:
            break
    assert best is not None  # noqa: S101 - no ground at all is refused
    return best[1:]


def _missed(coverage: Coverage, ground: _Ground, geometry: SurveyGeometry) -> float:
    """Return the share of the field outside the keep-outs that no picture shows.

    The first picture is taken where a line begins, then one each trigger distance.
    """
    half_m, ahead_m = geometry.footprint_across_m / 2.0, geometry.footprint_along_m / 2.0
    pictured = []
    for leg in coverage.legs:
        for start, end in pairwise(leg.points if leg.works else ()):
            length_m = math.dist(start, end)
            last_m = length_m - math.fmod(length_m, geometry.trigger_m)
            first = _on_line(start, end, -ahead_m / length_m)
            line = LineString([first, _on_line(start, end, (last_m + ahead_m) / length_m)])
            pictured.append(line.buffer(half_m, cap_style="flat"))
    left = ground.wanted.difference(shapely.union_all(pictured))
    return float(left.area / ground.wanted.area)


def _lines(
    ground: _Ground,
    home: Place,
    settings: SurveySettings,
    spacing_m: float,
    aircraft: Aircraft,
) -> Coverage:
    """Lay the lines, closer where the asked spacing leaves ground without its overlap.

    A swath may be stretched by `STRETCH`; an overlap may not be less than asked.
    """
    best: tuple[float, Coverage] | None = None
    for closer in CLOSER:
        coverage = plan_coverage(
            ground.target,
            width_m=spacing_m * closer / (1.0 + STRETCH),
            edge_pass=settings.edge_pass,
            angle_deg=settings.angle_deg,
            lead_in_m=settings.lead_in_m,
            allowed=ground.allowed,
            start=home,
            speed_m_s=settings.speed_m_s,
            acceleration_m_s2=aircraft.acceleration_m_s2,
            camera=True,
        )
        share = _overlapped(coverage, ground, spacing_m)
        if best is None or share > best[0]:
            best = (share, coverage)
        if share >= OVERLAPPED:
            break
    assert best is not None  # noqa: S101 - CLOSER is not empty
    return best[1]


def _overlapped(coverage: Coverage, ground: _Ground, spacing_m: float) -> float:
    """Return the share of the ground, away from keep-outs, within half a spacing of a line."""
    lines = [LineString(leg.points) for leg in coverage.legs if leg.works]
    swept = shapely.union_all([line.buffer(spacing_m / 2.0, cap_style="square") for line in lines])
    beside = [shape.buffer(BESIDE_M) for shape in ground.enclosure.exclusions]
    ground_area = ground.target.difference(shapely.union_all(beside))
    return (
        float(ground_area.intersection(swept).area / ground_area.area) if ground_area.area else 1.0
    )


def _segments(coverage: Coverage, home: Place, allowed: BaseGeometry) -> list[Segment]:
    """Return the whole flight, pad to pad, as straight pieces that join."""
    pieces: list[Segment] = []
    for leg in coverage.legs:
        here = leg.points[0]
        for point in leg.points[1:]:
            if math.dist(here, point) >= SAME_PLACE_M:
                pieces.append(Segment(start=here, end=point, works=leg.works))
                here = point
    return joined(pieces, home, allowed)


def joined(pieces: Sequence[Segment], home: Place, allowed: BaseGeometry) -> list[Segment]:
    """Return straight pieces as one flight, pad to pad, with the ways between them.

    Raises
    ------
    Refused
        When there is no way inside `allowed`.
    """
    flown: list[Segment] = []
    here = home
    for piece in pieces:
        flown += [*_transit(here, piece.start, allowed), piece]
        here = piece.end
    return _resting_at_corners(flown + _transit(here, home, allowed))


def _resting_at_corners(flown: Sequence[Segment]) -> list[Segment]:
    """Return the flight with a short piece without pictures on both sides of a working corner."""
    found: list[Segment] = []
    for index, segment in enumerate(flown):
        before = index > 0 and _both_work(flown[index - 1], segment)
        after = index + 1 < len(flown) and _both_work(segment, flown[index + 1])
        rest_m = min(CORNER_M, segment.length_m / 4.0)
        first = _along(segment, rest_m) if before else segment.start
        last = _along(segment, segment.length_m - rest_m) if after else segment.end
        if before:
            found.append(Segment(start=segment.start, end=first, works=False))
        found.append(Segment(start=first, end=last, works=segment.works))
        if after:
            found.append(Segment(start=last, end=segment.end, works=False))
    return found


def _both_work(first: Segment, second: Segment) -> bool:
    return first.works and second.works and _bends(first, second)


def _along(segment: Segment, far_m: float) -> Place:
    return _on_line(segment.start, segment.end, far_m / segment.length_m)


def _on_line(start: Place, end: Place, share: float) -> Place:
    (e0, n0), (e1, n1) = start, end
    return e0 + share * (e1 - e0), n0 + share * (n1 - n0)


def _transit(start: Place, end: Place, allowed: BaseGeometry) -> list[Segment]:
    if math.dist(start, end) < SAME_PLACE_M:
        return []
    way = shortest_way(allowed, start, end)
    if way is None:
        raise Refused("error.no_way", distance_m=math.dist(start, end))
    return [Segment(start=a, end=b, works=False) for a, b in pairwise(way)]


def _items(
    flown: Sequence[Segment],
    frame: LocalFrame,
    site: Site,
    settings: SurveySettings,
    trigger_m: float,
) -> tuple[MissionItem, ...]:
    """Return the items: up, speed, waypoints with the camera on over lines only, home, down."""
    height_m = settings.height_m
    items = [
        item_at(Command.NAV_TAKEOFF, site.pad.place, height_m),
        MissionItem(
            command=Command.DO_CHANGE_SPEED, param1=1.0, param2=settings.speed_m_s, param3=-1.0
        ),
    ]
    lon, lat = frame.to_lonlat(*zip(*(segment.end for segment in flown), strict=True))
    places = [
        item_at(Command.NAV_WAYPOINT, site.pad.place, height_m)
        if segment is flown[-1]
        else MissionItem(
            command=Command.NAV_WAYPOINT,
            frame=Frame.RELATIVE,
            x=round(float(y) * 1e7),
            y=round(float(x) * 1e7),
            z=height_m,
        )
        for segment, x, y in zip(flown, lon, lat, strict=True)
    ]
    if flown[0].works:
        items.append(item_at(Command.NAV_WAYPOINT, site.pad.place, height_m))
    for index, place in enumerate(places):
        items += [*_switches(flown, index, trigger_m), place]
    if flown[-1].works:
        items.append(_trigger(0.0))
    items.append(MissionItem(command=Command.NAV_RETURN_TO_LAUNCH))
    return tuple(items)


def _switches(flown: Sequence[Segment], index: int, trigger_m: float) -> Iterator[MissionItem]:
    """Yield what is switched when segment `index` begins."""
    was = index > 0 and flown[index - 1].works
    if was != flown[index].works:
        yield _trigger(0.0 if was else trigger_m)


def _trigger(distance_m: float) -> MissionItem:
    at_once = 1.0 if distance_m > 0.0 else 0.0
    return MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=distance_m, param3=at_once)


def _bends(first: Segment, second: Segment) -> bool:
    into = math.atan2(first.end[1] - first.start[1], first.end[0] - first.start[0])
    out = math.atan2(second.end[1] - second.start[1], second.end[0] - second.start[0])
    return abs(math.degrees(math.remainder(out - into, math.tau))) > STRAIGHT_DEG
