"""From a site and what is asked of a spraying to the flight plan that sprays it.

Theory of operation
-------------------
The route is planned by `missions.spray.planning` (or by another planner of routes) and flown here:
the fence that the route was planned in is drawn again, the items are written
(`missions.passes.items`), the rally points are chosen, and the job is told with them, so that every
file of it can be planned again from itself alone.

**Width.** A route's swaths may be narrower than asked, where the field is no multiple of the asked
width (`missions.spray.lines`). The job tells the width that is flown: the pump's setting, the dose
and the mixture follow from it. Nothing else of what was asked is changed.

**Ground.** Heights over a height file (`missions.terrain.model.HeightModel`) put a cut-out of it
into the plan (`missions.terrain.carrying`), and with it the height from which every straight way
home is clear: the way home begins by climbing to it on the spot, rally points lie as high, and the
vehicle's RTL_ALT must be no lower. A height of return above the ceiling is refused.

**Several fields** are flown in one plan from one pad, the nearest first, with the sprayer off
between them. The ground between two fields may be a house's roof, a road, a power line: where no
way inside the fence joins them they are refused in one flight; the aircraft is landed and carried,
as Japan's rules ask of its spraying helicopters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from agri.field import Field
from agri.geo import LocalFrame
from missions.airspace.fence import Enclosure, generate_rally
from missions.airspace.keepouts import VERTICAL_CLEARANCE_M, polygons
from missions.airspace.route import shortest_way
from missions.carried_ground import CarriedGround
from missions.flightplan import DEFAULT_LIMITS, FlightPlan, Site, VehicleLimits
from missions.passes.climbs import with_climbs
from missions.passes.energy import estimate_spray
from missions.passes.flight import Flight, flight
from missions.passes.items import spray_items
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import full_after_s
from missions.spray.planning import enclosures, open_piece, pad_shut, plan_route
from missions.sprayer.job import SprayEstimate, SprayJob, SprayPass, SpraySettings
from missions.terrain.carrying import carried
from missions.terrain.heights import Heights
from missions.terrain.model import HeightModel
from missions.terrain.relief import Slope

T = TypeVar("T")
WIDTH_STEP_M = 1e-4
"""Widths that differ by no more than a tenth of a millimetre are one."""
INSIDE_M = 0.1
"""A route lies in a fence's margins when no more than this of it sticks out."""


def plan_spray(
    site: Site,
    settings: SpraySettings,
    *,
    name: str,
    buffers: Sequence[BaseGeometry] = (),
    slope: Slope | None = None,
    heights: Heights | None = None,
    ceiling_m: float = 50.0,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> FlightPlan:
    """Plan the spraying of one field as one flight, whatever tank and pack hold.

    Parameters
    ----------
    site : Site
        The field, the pad and what stands around them.
    settings : SpraySettings
        What is asked.
    name : str
        The plan's name.
    buffers, slope
        As in `missions.spray.planning.plan_route`.
    heights, ceiling_m, limits
        As in `fly_route`.

    Returns
    -------
    FlightPlan
        The same input gives the same plan. What it takes stands in ``spray.estimate``.

    Raises
    ------
    BadInput
        When the items are more than the vehicle stores.
    Refused
        When nothing is left to spray, the pad is shut in, or the height is above the ceiling.
    """
    route = plan_route(site, settings, buffers=buffers, limits=limits, slope=slope)
    estimate = estimate_spray(route, flown_settings(route, settings))
    return fly_route(
        site, settings, route, name=name, estimate=estimate, heights=heights, ceiling_m=ceiling_m,
        limits=limits,
    )  # fmt: skip


def flown_settings(route: SprayRoute, settings: SpraySettings) -> SpraySettings:
    """Return the settings with the width that a route's swaths have, if they all have one."""
    widths = [work.width_m for work in route.passes if not work.is_spot]
    if not widths or max(widths) - min(widths) > WIDTH_STEP_M:
        return settings
    if abs(widths[0] - settings.swath_m) < WIDTH_STEP_M:
        return settings
    # told as it is: rounded it could ask a hair more, or less, than the pump gives
    return replace(settings, swath_m=widths[0])


def fly_route(
    site: Site,
    settings: SpraySettings,
    route: SprayRoute,
    *,
    name: str,
    estimate: SprayEstimate,
    sortie: int = 1,
    sorties: int = 1,
    job: str = "",
    kind: str = "field",
    heights: Heights | None = None,
    ceiling_m: float = 50.0,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> FlightPlan:
    """Return the flight plan that flies a route.

    Parameters
    ----------
    site : Site
        The route's site; the route is in metres of ``site.field.frame``.
    settings : SpraySettings
        What was asked of the whole job.
    route : SprayRoute
        All of it, or one sortie.
    name : str
        The plan's name.
    estimate : SprayEstimate
        Of this route over level ground; what climbing adds is added.
    sortie, sorties, job, kind
        As in `missions.sprayer.job.SprayJob`.
    heights : Heights, optional
        By default the flying height above home throughout.
    ceiling_m : float
        Permitted height above ground.
    limits : VehicleLimits
        What the vehicle can store.

    Returns
    -------
    FlightPlan
        Items, fence, rally points and the job.

    Raises
    ------
    BadInput
        When the items are more than the vehicle stores.
    Refused
        When the height is above the ceiling, or no fence holds the route.
    """
    frame = site.field.frame
    height_m = settings.flying_height_m
    if height_m > ceiling_m:
        raise Refused("error.above_ceiling", height_m=height_m, ceiling_m=ceiling_m)
    fence, flown = _fenced(site, route, settings, frame, limits)
    ground = _ground(site, route, flown, heights, ceiling_m)
    climb_m = _climb_home_m(site, fence, flown, height_m, ceiling_m)
    if ground is not None:
        climb_m = ground.return_m
    items = spray_items(
        route, settings, frame, site.pad.place, heights=heights, climb_home_m=climb_m
    )
    if len(items) > limits.items:
        raise BadInput("error.too_many_items", count=len(items), limit=limits.items)
    path = [place for run in flown.runs for place in run.points]
    return FlightPlan(
        name=name,
        home=site.pad.place,
        items=items,
        fence_polygons=fence.polygons(frame),
        rally_points=generate_rally(
            site,
            fence,
            [route.home, *path],
            altitude_m=max(height_m, ground.return_m if ground else 0.0),
            limits=limits,
        ),
        ceiling_m=ceiling_m,
        limits=limits,
        site=site,
        aircraft=settings.sprayer.aircraft,
        spray=SprayJob(
            settings=flown_settings(route, settings),
            treatable=_on_earth(route.treatable, frame),
            passes=tuple(_pass_on_earth(work, frame) for work in route.passes),
            angle_deg=0.0 if math.isnan(route.angle_deg) else route.angle_deg % 180.0,
            estimate=estimate if ground is None else with_climbs(estimate, items, settings),
            kind=kind,
            job=job or name,
            sortie=sortie,
            sorties=sorties,
            ground=ground,
        ),
    )


def _fenced(
    site: Site,
    route: SprayRoute,
    settings: SpraySettings,
    frame: LocalFrame,
    limits: VehicleLimits,
) -> tuple[Enclosure, Flight]:
    """Return the narrowest fence that holds a route with all its ways, and the route as flown."""
    flown = flight(route, full_after_s(settings.sprayer))
    ways = [run.points for run in flown.runs if not run.is_spot]
    ways += [way for way in flown.transits if len(way) > 1]
    lines = shapely.MultiLineString([list(way) for way in ways])
    for fence in enclosures(site, settings.flying_height_m, frame, limits):
        if shapely.difference(lines, fence.allowed.buffer(INSIDE_M)).is_empty:
            return fence, flown
    raise Refused("error.spray_no_fence", name=site.field.name)


def _ground(
    site: Site, route: SprayRoute, flown: Flight, heights: Heights | None, ceiling_m: float
) -> CarriedGround | None:
    """Return what the plan carries of the ground it is flown over, None for level ground."""
    if not isinstance(heights, HeightModel):
        return None
    ways = [run.points for run in flown.runs] + list(flown.transits)
    places = shapely.MultiPoint([place for way in ways for place in way])
    return carried(
        heights,
        route.allowed,
        places.convex_hull,
        obstacles=site.obstacles,
        ceiling_m=ceiling_m,
    )


def _climb_home_m(
    site: Site, fence: Enclosure, flown: Flight, height_m: float, ceiling_m: float
) -> float:
    """Return how high the way home must climb first, 0 when nothing stands in the fence.

    A failsafe jumps to the way home from anywhere in the field.
    """
    if not fence.exclusions:
        return 0.0
    first = flown.transits[-1][1]
    closed = shapely.union_all(list(fence.exclusions))
    straight = [
        shapely.LineString([place, first])
        for run in flown.runs
        for place in run.points
        if math.dist(place, first) > INSIDE_M
    ]
    if not shapely.intersects(closed, straight).any():
        return 0.0
    tallest_m = max((obstacle.height_m for obstacle in site.obstacles), default=0.0)
    return min(ceiling_m, max(height_m, tallest_m + VERTICAL_CLEARANCE_M))


def _on_earth(shape: BaseGeometry, frame: LocalFrame) -> MultiPolygon:
    return MultiPolygon(polygons(frame.geometry_to_lonlat(shape)))


def _pass_on_earth(work: Pass, frame: LocalFrame) -> SprayPass:
    return SprayPass(
        places=tuple(frame.place(*point) for point in work.points),
        width_m=work.width_m,
        rate_l_ha=work.rate_l_ha,
        speed_m_s=work.speed_m_s,
        spot_l=work.spot_l,
        dwell_s=work.dwell_s,
    )


def several_fields(
    sites: Sequence[Site],
    settings: SpraySettings,
    *,
    name: str,
    buffers: Sequence[Sequence[BaseGeometry]] = (),
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> tuple[Site, SprayRoute]:
    """Join several fields into one job from one pad.

    Parameters
    ----------
    sites : sequence of Site
        Fields with the same pad; what stands around them counts for all.
    settings : SpraySettings
        What is asked of all.
    name : str
        Name of the joined field.
    buffers : sequence of sequences of shapely geometry
        For each site, metres of its own field's frame; none by default.
    limits : VehicleLimits
        What the vehicle can store.

    Returns
    -------
    site : Site
        One field of all parts, with everything that stands around any of them.
    route : SprayRoute
        The fields in order, nearest first, in metres of that site's frame.

    Raises
    ------
    BadInput
        When there is no field, or the pads differ.
    Refused
        When no open way joins a field with the one before it; or as for one field.
    """
    joined = _joined(sites, name)
    frame = joined.field.frame
    home = frame.metres(joined.pad.place)
    planned: list[tuple[Site, SprayRoute]] = []
    for site, own in zip(sites, list(buffers) or [()] * len(sites), strict=True):
        try:
            alone = plan_route(
                replace(joined, field=site.field), settings, buffers=own, limits=limits
            )
        except Refused as refused:
            if refused.message.key != "error.spray_out_of_reach":
                raise
            raise Refused("error.carry_aircraft", name=site.field.name) from None
        planned.append((site, _moved(alone, site.field.frame, frame)))
    shut: Site | None = None
    for fence in enclosures(joined, settings.flying_height_m, frame, limits):
        allowed = open_piece(fence.allowed, home)
        if allowed is None:
            continue
        order, shut = _nearest_first(planned, home, allowed)
        if shut is None:
            return joined, SprayRoute(
                passes=tuple(work for route in order for work in route.passes),
                home=home,
                allowed=allowed,
                treatable=shapely.union_all([route.treatable for route in order]),
                angle_deg=order[0].angle_deg,
            )
    if shut is None:
        raise pad_shut(joined, settings.flying_height_m, frame)
    raise Refused("error.carry_aircraft", name=shut.field.name)


def _joined(sites: Sequence[Site], name: str) -> Site:
    if not sites:
        raise BadInput("error.no_fields")
    if len({site.pad.place for site in sites}) > 1:
        raise BadInput("error.different_pads")
    whole = shapely.union_all([site.field.boundary for site in sites])
    return Site(
        field=Field(name=name, boundary=MultiPolygon(polygons(whole))),
        pad=sites[0].pad,
        obstacles=tuple(_once(o for site in sites for o in site.obstacles)),
        sensitive_sites=tuple(_once(s for site in sites for s in site.sensitive_sites)),
        no_fly_zones=tuple(_once(z for site in sites for z in site.no_fly_zones)),
    )


def _once(things: Iterable[T]) -> list[T]:
    kept: list[T] = []
    for thing in things:
        if thing not in kept:
            kept.append(thing)
    return kept


def _moved(route: SprayRoute, source: LocalFrame, target: LocalFrame) -> SprayRoute:
    """Return a route in another frame."""

    def shape(geometry: BaseGeometry) -> BaseGeometry:
        return target.geometry_to_local(source.geometry_to_lonlat(geometry))

    passes = tuple(
        replace(
            work,
            points=tuple(
                (float(e), float(n))
                for e, n in shapely.get_coordinates(shape(shapely.MultiPoint(work.points)))
            ),
        )
        for work in route.passes
    )
    return SprayRoute(
        passes=passes,
        home=target.metres(source.place(*route.home)),
        allowed=shape(route.allowed),
        treatable=shape(route.treatable),
        angle_deg=route.angle_deg,
    )


def _nearest_first(
    fields: Sequence[tuple[Site, SprayRoute]],
    home: tuple[float, float],
    allowed: BaseGeometry,
) -> tuple[list[SprayRoute], Site | None]:
    """Return the routes in order, each the nearest by open way, and a field no way leads to."""
    left = list(fields)
    order: list[SprayRoute] = []
    here = home
    while left:
        ways = [shortest_way(allowed, here, route.passes[0].points[0]) for _, route in left]
        lengths = [
            math.inf if way is None else float(shapely.LineString(way).length) for way in ways
        ]
        near = min(range(len(left)), key=lambda k: (round(lengths[k], 1), k))
        if math.isinf(lengths[near]):
            return order, left[near][0]
        order.append(left.pop(near)[1])
        here = order[-1].passes[-1].points[-1]
    return order, None
