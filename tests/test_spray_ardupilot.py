"""A small paddy flown by a real ArduCopter: where its pump really turns, beside the plan.

Needs the program ``arducopter`` (AGRI_ARDUCOPTER or on the path) and skips without it. The pump's
own output (SERVO_OUTPUT_RAW) and the position are logged at 50 Hz of simulated time.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import shapely
from shapely.geometry import LineString, MultiLineString, Point, box

from agri.weather import Wind
from missions.flightplan import FlightPlan
from missions.passes.energy import estimate_spray
from missions.passes.flight import LATE_M, flight
from missions.passes.timing import full_after_s
from missions.sortie import route_of
from missions.spray.mission import fly_route, plan_spray
from tests.sites import Draft
from tests.sprays import SETTINGS
from tests.test_spray_invariants import NO_ROOM, broken_off, planned
from tests.two_copters import FITTED as SHORT_WAY_HOME
from tests.two_copters import Fix, parameters_of, real, skip_without_arducopter

skip_without_arducopter()
pytestmark = pytest.mark.ardupilot
FITTED = {**SHORT_WAY_HOME, "SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "WPNAV_SPEED": 400.0}


@pytest.fixture(scope="module")
def flown() -> tuple[FlightPlan, list[Fix]]:
    calm = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
    plan = plan_spray(Draft().site(box(-40, -15, 40, 15), (-45.0, -20.0)), calm, name="Thử")
    return plan, real(plan.items, plan.home, FITTED).fixes


def around_pad(plan: FlightPlan, log: list[Fix]) -> tuple[list[LineString], list[Point]]:
    """The passes, and the places with the pump on, metres of the field."""
    assert plan.site is not None
    assert plan.spray is not None
    frame = plan.site.field.frame
    east, north = frame.metres(plan.home)
    passes = [LineString([frame.metres(p) for p in w.places]) for w in plan.spray.passes]
    return passes, [Point(east + f.east_m, north + f.north_m) for f in log if f.wet]


def test_the_pump_begins_and_ends_at_every_pass_where_it_was_planned(flown):
    plan, log = flown
    passes, _ = around_pad(plan, log)
    assert plan.site is not None
    frame = plan.site.field.frame
    east, north = frame.metres(plan.home)
    runs: list[list[tuple[float, float]]] = []
    was = False
    for fix in log:
        if fix.wet and not was:
            runs.append([])
        if fix.wet:
            runs[-1].append((east + fix.east_m, north + fix.north_m))
        was = fix.wet
    assert len(runs) == len(passes)
    speed, hose = 4.0, SETTINGS.sprayer.hose_s
    for run, work in zip(runs, passes, strict=True):
        begin, end = work.coords[0], work.coords[-1]
        # the pump turns before its swath by what the hose takes, give or take a look and a corner
        assert math.dist(run[0], begin) <= speed * (hose + 0.1 + 1.0 / 6.0) + 0.6
        assert math.dist(run[-1], end) <= speed * hose + 0.6


def test_no_drop_falls_outside_the_passes_and_they_are_sprayed_whole(flown):
    plan, log = flown
    passes, wet = around_pad(plan, log)
    reach = MultiLineString([list(p.coords) for p in passes]).buffer(2.6)
    assert all(reach.covers(place) for place in wet)
    assert plan.spray is not None
    assert plan.site is not None
    treatable = plan.site.field.frame.geometry_to_local(plan.spray.treatable)
    width_m = plan.spray.settings.swath_m
    ground = shapely.union_all([p.buffer(width_m / 2.0) for p in wet])
    assert ground.intersection(treatable).area >= 0.985 * treatable.area


def test_it_lands_with_the_pump_at_rest(flown):
    _, log = flown
    assert not any(fix.wet for fix in log[-100:])
    assert any(fix.wet for fix in log)


def test_a_rest_with_no_room_for_a_run_up_begins_at_its_line_from_a_stop():
    """Three flights: from the stop on it is wet 0.03 to 0.14 m behind the line."""
    job = planned(NO_ROOM)
    assert job is not None
    rest = broken_off(job.plans[0], 0.5 * route_of(job.plans[0]).work_m)
    assert rest is not None
    plan = fly_route(
        job.site, job.flown, rest, name="Nốt", estimate=estimate_spray(rest, job.flown)
    )
    (run,) = flight(rest, full_after_s(job.flown.sprayer)).runs
    assert run.from_rest
    assert plan.spray is not None
    log = real(plan.items, plan.home, parameters_of(plan))
    frame = job.site.field.frame
    east, north = frame.metres(plan.home)
    (sprayed,) = log.sprays()
    hose_s = job.flown.sprayer.hose_s
    begins_s, ends_s = sprayed[0].time_s + hose_s, sprayed[-1].time_s + hose_s
    wet = [Point(east + f.east_m, north + f.north_m) for f in log.fixes
           if begins_s <= f.time_s <= ends_s]  # fmt: skip
    treatable = frame.geometry_to_local(plan.spray.treatable)
    assert all(treatable.covers(place) for place in wet)
    begin, end = (Point(run.passes[0].points[end]) for end in (0, -1))
    late_m = begin.distance(end) - wet[0].distance(end)
    assert abs(late_m) <= LATE_M
