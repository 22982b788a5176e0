"""The promises of a spraying, P1 to P10 and the cutting into sorties, measured on its items.

Everything is measured with shapely on the items themselves; neither the checks nor the planner's
own geometry is asked, except where a promise is that the checks tell. What was refused is worked
out again. Names P1 … P15 are those of the safety invariants.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.geometry import LineString, MultiPoint, Point
from shapely.geometry.base import BaseGeometry

from agri.findings import Severity
from missions.drift.buffers import buffers, is_ruoi_field
from missions.flightplan import FlightPlan, Site
from missions.items import canonical
from missions.sortie import route_of
from missions.sprayer.gear import Sprayer
from missions.sprayer.job import SpraySettings
from missions.sprayer.parameters import job_parameters
from tests.spray_jobs import Case, Job
from tests.spray_reading import XY, Flown, Wet, fence
from tests.spray_refusals import dry_m, farthest_m, lane_m, lasts

TOLERANCE_M = 0.05
MARGIN_M = 2.0
EARLY_S, EARLY_M = 0.1, 0.4
"""Spraying is planned to begin this much before the swath: pumps start a sixth of a second early or
late, and a metre missed weighs more than one sprayed twice."""
ALONG_M = 0.1
"""Orders fire within this: 5 cm, and as much of rounding."""
OUTSIDE = 0.002
"""Share of what is sprayed that may fall outside by rounding and mitred corners."""
LARGE_M2 = 1000.0
KEEP_OFF_M = 3.0
NOTHING_LEFT = {"error.spray_out_of_reach", "error.spray_all_buffer", "error.spray_all_closed",
                "error.spray_all_label",
                "error.spray_clearance", "error.swath_too_wide", "error.swath_too_wide_now",
                "error.swath_does_not_fit"}  # fmt: skip
"""Refusals of ground on which nothing can be sprayed."""
POOR = {"finding.spray_missed", "finding.spray_twice", "finding.spray_left_out"}


# --- what may be sprayed, worked out again --------------------------------------------------------


def local(site: Site, shape: BaseGeometry) -> BaseGeometry:
    return site.field.frame.geometry_to_local(shape)


def ground_of(site: Site, asked: SpraySettings, *, clearances: bool) -> BaseGeometry:
    """The field less what stands in it and less the buffers; with `clearances` less those too."""
    frame = site.field.frame
    cuts = [zone.area for zone in buffers(site, asked, frame)]
    for obstacle in site.obstacles:
        by_m = obstacle.clearance_m if clearances else 0.0
        shape = local(site, obstacle.geometry)
        cuts.append(shape.buffer(by_m) if by_m else shape)
    if clearances:
        cuts += [local(site, zone.area) for zone in site.no_fly_zones]
    return local(site, site.field.boundary).difference(shapely.union_all(cuts))


def late(wet: Wet) -> float:
    return min(EARLY_S * wet.speed_m_s, EARLY_M) + ALONG_M


def sprayed(flights: list[Flown], width_m: float) -> BaseGeometry:
    return shapely.union_all([w.ground(width_m) for flown in flights for w in flown.wets])


# --- the promises of one sortie -------------------------------------------------------------------


def p1_inside_the_fence(plan: FlightPlan, flown: Flown) -> None:
    inside, outside = fence(plan, flown.frame)
    assert len(inside) == 1
    assert all(shape.is_valid for shape in (*inside, *outside))
    room = inside[0].buffer(-(MARGIN_M - TOLERANCE_M))
    shut = shapely.union_all(outside)
    places = [Point(flown.frame.metres(p.place)) for p in plan.rally_points]
    for thing in (*flown.lines, Point(flown.home), *places):
        assert room.covers(thing), f"P1: {thing.wkt} leaves the fence"
        assert not outside or thing.distance(shut) >= MARGIN_M - TOLERANCE_M, f"P1: {thing.wkt}"
    p1_lets_failsafes_home(room, flown.lines, flown.home)


def p1_lets_failsafes_home(room: BaseGeometry, lines: list[LineString], home: XY) -> None:
    """A failsafe flies straight home: a fence that bars the way stops the aircraft for good."""
    for line in lines:
        ways = MultiPoint([*line.coords, home]).convex_hull
        assert room.covers(ways), f"P1: the straight way home of {line.wkt} leaves the fence"


def p2_nothing_falls_outside(job: Job, flown: Flown) -> None:
    width_m = job.flown.swath_m
    strips = [wet.ground(width_m - 2.0 * TOLERANCE_M, late(wet), ALONG_M) for wet in flown.wets]
    fallen = shapely.union_all(strips)
    beyond = fallen.difference(ground_of(job.site, job.asked, clearances=False))
    assert beyond.area <= OUTSIDE * fallen.area + 0.1, f"P2: {beyond.area} of {fallen.area} m²"
    for zone in buffers(job.site, job.asked, flown.frame):
        into = fallen.intersection(zone.area.buffer(-2.0 * TOLERANCE_M))
        assert into.area <= 0.1, f"P2: {into.area} m² in the buffer of {zone.kind}"


def p3_off_wherever_it_does_not_work(plan: FlightPlan, flown: Flown) -> None:
    commands = [int(item.command) for item in plan.items]
    assert set(commands) <= {16, 20, 22, 114, 178, 183, 189, 216}
    assert (commands[0], commands[-1]) == (22, 20)
    assert [commands.count(n) for n in (22, 20, 189)] == [1, 1, 1]
    stops = [flown.turned(item) for item in plan.items]
    orders = [(n, on) for n, on in enumerate(stops) if on is not None]
    first_place = commands.index(16)
    assert orders[0][1] is False
    assert orders[0][0] < first_place
    home = commands.index(189)
    assert plan.items[home + 1].command == 216
    assert plan.items[home + 1].param1 == 0.0
    assert not any(on for n, on in orders if n < first_place or n > home)
    assert stops[-2] is False or plan.items[-2].command == 216
    assert any(on is False for n, on in orders if n > commands.index(16, home))
    is_on = held = False
    for item, on in zip(plan.items, stops, strict=True):
        assert not (on and is_on), "P3: on twice"
        if item.command in (16, 20, 22):
            assert not (held and is_on is None), "P3: off hangs on a condition"
            held = False
        held = held or item.command == 114
        is_on = is_on if on is None else on
    assert not flown.left_on
    assert len(flown.switchings) == sum(bool(on) for on in stops)
    assert flown.turns_while_on() < 25.5


def p3_an_off_behind_each_waypoint(plan: FlightPlan, flown: Flown) -> None:
    """What is held back is forgotten when the waypoint is reached: the off is said again there."""
    held = unsure = False
    for item in plan.items:
        if item.command in (16, 20, 22):
            assert not (unsure and item.command == 20)
            held = False
        elif item.command == 114:
            held = True
        elif flown.turned(item) is not None:
            assert not (unsure and flown.turned(item)), "P3: on again before a sure off"
            unsure = bool(flown.turned(item)) or (unsure and held)


def flow_l_min(sprayer: Sprayer, output: float) -> float:
    points = [(p.output, p.flow_l_min) for p in sprayer.pump]
    return float(np.interp(output, *zip(*points, strict=True)))


def p5_the_dose_is_given(job: Job, plan: FlightPlan, flown: Flown) -> None:
    assert plan.spray is not None
    sprayer, asked = job.asked.sprayer, job.flown
    told = job_parameters(plan.spray)
    wanted = asked.rate_l_ha / (2.0 if asked.crosshatch else 1.0)
    for wet in flown.wets:
        if flown.servo:
            share = (wet.pulse_us - told["SERVO9_MIN"]) / (told["SERVO9_MAX"] - told["SERVO9_MIN"])
        else:
            share = max(wet.speed_m_s * told["SPRAY_PUMP_RATE"], told["SPRAY_PUMP_MIN"]) / 100.0
            assert wet.speed_m_s > told["SPRAY_SPEED_MIN"] / 100.0
        assert sprayer.pump[0].output - 1e-3 <= share <= sprayer.pump[-1].output + 1e-3
        dose = flow_l_min(sprayer, share) / (wet.speed_m_s * 60.0 * asked.swath_m) * 1e4
        assert abs(dose / wanted - 1.0) <= 0.02, f"P5: {dose} for {wanted} L/ha"


def p6_tank_and_pack_are_enough(job: Job, plan: FlightPlan, flown: Flown) -> None:
    assert plan.spray is not None
    sprayer, asked, estimate = job.asked.sprayer, job.flown, plan.spray.estimate
    rate = asked.rate_l_ha / (2.0 if asked.crosshatch else 1.0)
    wet_m = sum(wet.line.length for wet in flown.wets)
    litres = wet_m * asked.swath_m * rate / 1e4
    assert litres <= sprayer.usable_l, f"P6: {litres} L of {sprayer.usable_l}"
    assert abs(estimate.litres - litres) <= 0.05 * litres + 0.2
    length_m = sum(line.length for line in flown.lines)
    assert estimate.length_m >= 0.99 * length_m - 1.0
    assert estimate.time_s >= length_m / asked.speed_m_s
    aircraft = sprayer.aircraft
    usable_wh = 0.7 * aircraft.battery_wh
    assert estimate.energy_wh <= usable_wh
    # what forward flight saves at 7 m/s is less than a third of hovering with an empty tank
    least_w = 0.67 * aircraft.hover_power_w
    assert estimate.energy_wh >= least_w * estimate.time_s / 3600.0
    for wet, (_, off_m) in zip(flown.wets, flown.switchings, strict=True):
        home_m = Point(flown.home).distance(Point(wet.points[-1]))
        assert least_w * (off_m + home_m) / asked.speed_m_s / 3600.0 <= usable_wh


def p7_p9_heights(job: Job, plan: FlightPlan) -> None:
    height_m = job.asked.crop_height_m + job.asked.height_m
    home = [int(item.command) for item in plan.items].index(189)
    located = [item for item in plan.items if item.command in (16, 22, 189)]
    assert {int(item.frame) for item in located} == {3}
    for number, item in enumerate(plan.items):
        if item.command not in (16, 22):
            continue
        if number < home:
            assert abs(item.z - height_m) <= 0.01
        assert height_m - 0.01 <= item.z <= plan.ceiling_m <= 120.0


def p8_clear_of_everything(job: Job, plan: FlightPlan, flown: Flown) -> None:
    path = shapely.union_all([*flown.lines, Point(flown.home)])
    places = [Point(flown.frame.metres(p.place)) for p in plan.rally_points]
    everything = shapely.union_all([path, *places])
    for obstacle in job.site.obstacles:
        shape = local(job.site, obstacle.geometry)
        assert everything.distance(shape) >= obstacle.clearance_m - TOLERANCE_M, f"P8: {obstacle}"
    for zone in job.site.no_fly_zones:
        assert everything.distance(local(job.site, zone.area)) > 0.0
    for living in job.site.sensitive_sites:
        shape = local(job.site, living.geometry)
        assert all(place.distance(shape) > 0.0 for place in (Point(flown.home), *places))


def p10_numbers_the_vehicle_takes(plan: FlightPlan) -> None:
    assert len(plan.items) <= 650
    assert sum(len(p.vertices) for p in plan.fence_polygons) <= 60
    assert 1 <= len(plan.rally_points) <= 46
    for item in plan.items:
        assert all(math.isfinite(v) for v in (*item.params, item.z))
        assert canonical(canonical(item)) == canonical(item)


# --- the promises of the whole job ----------------------------------------------------------------


def p4_the_whole_field_is_sprayed_once(job: Job, flights: list[Flown]) -> None:
    """98 % of what may be sprayed is, and at most 10 % twice, or it is told."""
    open_ground = ground_of(job.site, job.asked, clearances=True)
    if open_ground.area < LARGE_M2:
        return
    width_m, told = job.flown.swath_m, {finding.key for finding in job.found}
    ground = sprayed(flights, width_m).intersection(open_ground)
    share = ground.area / open_ground.area
    assert share >= 0.98 or told & {"finding.spray_missed", "finding.spray_left_out"}, (
        f"P4: {share:.4f} sprayed, not told"
    )
    strips = [w.ground(width_m).intersection(open_ground) for f in flights for w in f.wets]
    times = 2.0 if job.asked.crosshatch else 1.0
    twice = sum(strip.area for strip in strips) / times / max(ground.area, 1e-9) - 1.0
    assert twice <= 0.105 or "finding.spray_twice" in told, f"P4: {twice:.4f} twice, not told"


def p14_sorties_are_the_route(job: Job) -> None:
    """The sorties' passes, put together, are the route's, each metre once."""
    parts = [work for plan in job.plans for work in route_of(plan).passes]
    at = 0
    for whole in job.route.passes:
        so_far = 0.0
        while whole.length_m - so_far > TOLERANCE_M:
            part = parts[at]
            assert math.dist(whole.at(so_far), part.points[0]) <= TOLERANCE_M, "P14: moved"
            so_far += part.length_m
            assert math.dist(whole.at(so_far), part.points[-1]) <= TOLERANCE_M, "P14: moved"
            at += 1
        assert so_far <= whole.length_m + TOLERANCE_M, "P14: doubled"
    assert at == len(parts), "P14: more than the route"


def keeps_every_promise(job: Job) -> str:
    flights = [Flown(plan) for plan in job.plans]
    for plan, flown in zip(job.plans, flights, strict=True):
        p1_inside_the_fence(plan, flown)
        p2_nothing_falls_outside(job, flown)
        p3_off_wherever_it_does_not_work(plan, flown)
        p3_an_off_behind_each_waypoint(plan, flown)
        p5_the_dose_is_given(job, plan, flown)
        p6_tank_and_pack_are_enough(job, plan, flown)
        p7_p9_heights(job, plan)
        p8_clear_of_everything(job, plan, flown)
        p10_numbers_the_vehicle_takes(plan)
    p4_the_whole_field_is_sprayed_once(job, flights)
    p14_sorties_are_the_route(job)
    errors = [f.text("en") for f in job.found if f.severity is Severity.ERROR]
    assert not errors, errors
    return "told" if POOR & {f.key for f in job.found} else "planned"


# --- refusals that are right ----------------------------------------------------------------------


def is_right(case: Case, site: Site, key: str) -> bool:
    """Whether what was refused really cannot be flown, worked out again."""
    asked = case.asked
    sprayer = asked.sprayer
    rate = asked.rate_l_ha / (2.0 if asked.crosshatch else 1.0)
    flow = 0.006 * rate * asked.swath_m * asked.speed_m_s
    if key.startswith("error.dose_"):
        return not sprayer.min_flow_l_min <= flow <= sprayer.max_flow_l_min
    if key == "error.ruoi_field":
        return is_ruoi_field(site.field)
    if key == "error.tank_below_swath":
        return 20.0 * asked.swath_m * rate / 1e4 > sprayer.usable_l
    home = Point(site.field.frame.metres(site.pad.place))
    closed = [local(site, o.geometry).buffer(o.clearance_m) for o in site.obstacles]
    closed += [local(site, zone.area) for zone in site.no_fly_zones]
    living = [local(site, living.geometry) for living in site.sensitive_sites]
    if key == "error.pad_not_clear":
        # squares and mitred corners around what is closed reach this much further
        return any(home.distance(s) <= 0.5 * 10.0 for s in closed) or any(
            home.distance(s) <= 0.15 for s in living
        )
    if key == "error.pad_near_closed":
        return any(home.distance(shape) < 15.0 for shape in closed)
    if key in ("error.pad_cut_off", "error.no_way"):
        return bool(closed)
    if key in NOTHING_LEFT:
        ground = reachable(site, asked, closed, home)
        return not fits(ground, asked.swath_m)
    if key == "error.spray_too_short":
        ground, room = ground_of(site, asked, clearances=True), room_of(site, closed, home, True)
        return lane_m(ground, room, asked.swath_m, asked.angle_deg) <= dry_m(asked)
    if key == "error.spray_pack_too_small":
        field = local(site, site.field.boundary)
        return not lasts(asked, rate, farthest_m(home, field, closed, KEEP_OFF_M))
    return False


def reachable(
    site: Site, asked: SpraySettings, closed: list[BaseGeometry], home: Point
) -> BaseGeometry:
    """What may be sprayed and lies beside where the aircraft may fly."""
    ground = ground_of(site, asked, clearances=True)
    return ground.intersection(room_of(site, closed, home).buffer(asked.swath_m / 2.0))


def room_of(
    site: Site, closed: list[BaseGeometry], home: Point, surely: bool = False
) -> BaseGeometry:
    """Where the aircraft may fly; `surely`, where a fence of few corners closes rectangles."""
    # a fence has few corners: what overlaps or nearly so is closed as one, without its bays
    shut = shapely.union_all([shape.buffer(KEEP_OFF_M) for shape in closed])
    parts = getattr(shut, "geoms", [shut])
    shut = shapely.union_all(
        [part.minimum_rotated_rectangle if surely else part.convex_hull for part in parts]
    )
    around = shapely.union_all([local(site, site.field.boundary), home]).convex_hull.buffer(25.0)
    free = around.difference(shut)
    pieces = [p for p in getattr(free, "geoms", [free]) if p.distance(home) < 0.1]
    return shapely.union_all(pieces)


def fits(ground: BaseGeometry, width_m: float) -> bool:
    """Whether swaths surely fit: between one and two swaths no even number of them may."""
    return not ground.buffer(-width_m).is_empty
