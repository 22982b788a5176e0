"""The items of a spray flight: when the sprayer is told what, and the way home."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, box

from agri.errors import BadInput
from agri.field import ObstacleKind
from agri.weather import Wind
from missions.checks.switching import check_switching
from missions.flightplan import FlightPlan, VehicleLimits
from missions.items import Command, Frame, digest
from missions.legs import ordered_legs
from missions.passes.flight import flight
from missions.passes.items import item_count, spray_items
from missions.passes.route import Pass, SprayRoute
from missions.passes.timing import (
    EARLY_S,
    NEAR_M,
    PUMP_ON_S,
    full_after_s,
    off_before_m,
    on_before_m,
    on_from_corner_m,
    on_lost_m,
    run_up_m,
)
from missions.spray.mission import plan_spray
from missions.sprayer.dose import PUMP_CHANNEL
from missions.sprayer.gear import PumpControl
from tests.sites import DONG_TRIEU, Draft
from tests.spray_reading import Flown
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
DRAFT = Draft()
SITE = DRAFT.site(box(-60, -30, 60, 30), (-70.0, -40.0))
NAV = {Command.NAV_WAYPOINT, Command.NAV_TAKEOFF, Command.NAV_RETURN_TO_LAUNCH, Command.NAV_DELAY}


def swath(*points, speed_m_s=4.0, rate_l_ha=20.0) -> Pass:
    return Pass(points=points, width_m=5.0, rate_l_ha=rate_l_ha, speed_m_s=speed_m_s)


def items_of(*passes, asked=CALM, **more):
    area = box(-40, -40, 160, 60)
    route = SprayRoute(passes=passes, home=(0.0, 0.0), allowed=area, treatable=area, angle_deg=90.0)
    return spray_items(route, asked, DRAFT.frame, DRAFT.frame.place(0.0, 0.0), **more)


def commands(items):
    return [Command(item.command) for item in items]


def test_a_swath_is_one_leg_with_both_orders_given_on_the_way():
    items = items_of(swath((10, 20), (110, 20)))
    start = commands(items).index(Command.CONDITION_DISTANCE)
    assert commands(items)[start - 1 : start + 6] == [
        Command.NAV_WAYPOINT,
        Command.CONDITION_DISTANCE, Command.DO_SPRAYER,
        Command.CONDITION_DISTANCE, Command.DO_SPRAYER,
        Command.NAV_WAYPOINT, Command.DO_SPRAYER,
    ]  # fmt: skip
    on, off = items[start], items[start + 2]
    run_m = run_up_m(4.0)
    assert on.param1 == pytest.approx(100 + run_m + on_before_m(run_m, 4.0, 0.3), abs=0.01)
    assert off.param1 == pytest.approx(run_m + off_before_m(run_m, 4.0, 0.3), abs=0.01)
    assert [items[start + k].param1 for k in (1, 3, 5)] == [1.0, 0.0, 0.0]


def test_lead_and_lag_follow_speed_pump_and_hose():
    assert on_before_m(200.0, 4.0, 0.3) == pytest.approx(4.0 * (PUMP_ON_S + EARLY_S + 0.3))
    assert on_before_m(200.0, 4.0, 0.0) == pytest.approx(4.0 * (PUMP_ON_S + EARLY_S))
    assert on_before_m(1.0, 4.0, 0.3) == 1.0
    assert off_before_m(200.0, 4.0, 0.3) == pytest.approx(1.2)
    assert off_before_m(0.0, 4.0, 0.3) < 0.4


def test_where_there_is_no_room_to_run_out_it_stops_at_the_end_and_switches_off_there():
    items = items_of(swath((10, 20), (159, 20)))
    end = next(k for k, i in enumerate(items) if i.command == Command.NAV_WAYPOINT and i.param1)
    assert items[end].param1 == 1.0
    assert items[end + 1].command == Command.DO_SPRAYER
    assert items[end + 1].param1 == 0.0
    held = [i.param1 for i in items if i.command == Command.CONDITION_DISTANCE]
    assert len(held) == 1


def test_no_off_hangs_on_a_distance_that_corner_cutting_may_skip():
    plan = plan_spray(SITE, CALM, name="Thử")
    items = plan.items
    for k, item in enumerate(items):
        if item.command == Command.CONDITION_DISTANCE and items[k + 1].param1 == 0.0:
            assert item.param1 >= NEAR_M
            assert items[k + 3].command == Command.DO_SPRAYER
            assert items[k + 3].param1 == 0.0


SERVO = replace(CALM, sprayer=replace(CALM.sprayer, control=PumpControl.SERVO))


def held_ons(items):
    """How near the waypoint behind it each on is held back, and with what speed set."""
    found, speed, held = [], 0.0, None
    for item in items:
        if item.command == Command.DO_CHANGE_SPEED:
            speed = item.param2
        elif item.command == Command.CONDITION_DISTANCE:
            held = item.param1
        elif item.command in NAV:
            held = None
        on = item.param2 > 1100.0 if item.command == Command.DO_SET_SERVO else (
            item.command == Command.DO_SPRAYER and item.param1 == 1.0)  # fmt: skip
        if on and held is not None:
            found.append((held, speed))
    return found


def test_an_on_that_a_bend_would_lose_is_given_at_a_waypoint_of_its_own():
    bent = swath((10, 20), (10.4, 20), (80, 34), speed_m_s=5.0)
    items = items_of(bent, asked=replace(SERVO, speed_m_s=5.0))
    at = next(
        k for k, i in enumerate(items) if i.command == Command.DO_SET_SERVO and i.param2 > 1100
    )
    assert commands(items)[at - 2 : at + 2] == [
        Command.NAV_WAYPOINT, Command.NAV_WAYPOINT, Command.DO_SET_SERVO, Command.NAV_WAYPOINT,
    ]  # fmt: skip
    start, own, bend = (DRAFT.frame.metres(items[k].place) for k in (at - 2, at - 1, at + 1))
    assert start == pytest.approx((10 - run_up_m(5.0), 20), abs=0.02)
    assert own == pytest.approx((10 - on_from_corner_m(5.0, 0.3, pump_s=0.0), 20), abs=0.02)
    assert bend == pytest.approx((10.4, 20), abs=0.02)
    assert {i.z for i in items if i.command == Command.NAV_WAYPOINT} == {CALM.flying_height_m}


@settings(max_examples=40)
@given(st.floats(0.1, 6.0), st.floats(2.0, 25.0), st.floats(0.5, 6.0), st.booleans(), st.booleans())
def test_no_on_is_held_back_so_near_before_a_bend_that_it_may_be_lost(
    first_m, turn_deg, speed_m_s, servo, hoseless
):
    asked = replace(SERVO if servo else CALM, speed_m_s=speed_m_s)
    if hoseless:
        asked = replace(asked, sprayer=replace(asked.sprayer, hose_s=0.0))
    turn = math.radians(turn_deg)
    bend = (10.0 + first_m, 20.0)
    end = (bend[0] + 40.0 * math.cos(turn), 20.0 + 40.0 * math.sin(turn))
    items = items_of(swath((10, 20), bend, end, speed_m_s=speed_m_s), asked=asked)
    assert all(left_m >= on_lost_m(speed) - 0.01 for left_m, speed in held_ons(items))
    assert sum(leg.sprays for leg in ordered_legs(items, DRAFT.frame.place(0, 0))) >= 2


def test_an_on_held_back_to_just_before_a_waypoint_flown_through_is_read_as_lost():
    plan = plan_spray(SITE, CALM, name="Thử")
    at = next(k for k, i in enumerate(plan.items) if i.command == Command.CONDITION_DISTANCE)
    assert plan.items[at + 1].param1 == 1.0
    for near_m, lost in ((0.2, 1), (0.47, 1), (0.49, 0)):  # 0.12 s at 4 m/s
        held = replace(plan.items[at], param1=near_m)
        items = (*plan.items[:at], held, *plan.items[at + 1 :])
        read = Flown(replace(plan, items=items))
        assert len(read.switchings) == len(Flown(plan).switchings) - lost
        assert not read.left_on


@dataclass(frozen=True)
class Rising:
    """Ground that rises from a line across the way on: a corner more, east of it uphill."""

    from_east_m: float
    frame: Frame = Frame.RELATIVE

    def along(self, points):
        told = [(points[0], 3.0)]
        for (e0, n0), (e1, n1) in pairwise(points):
            if e0 < self.from_east_m < e1:
                share = (self.from_east_m - e0) / (e1 - e0)
                told.append(((self.from_east_m, n0 + share * (n1 - n0)), 3.0))
            told.append(((e1, n1), 3.0 + max(0.0, e1 - self.from_east_m) / 10.0))
        return told


@pytest.mark.parametrize("behind_m", [0.2, 0.6, 1.0, 1.4, 1.9])
def test_an_on_that_a_corner_of_the_ground_would_lose_is_given_at_a_waypoint(behind_m):
    on_m = 10.0 - on_before_m(run_up_m(4.0), 4.0, 0.3)
    items = items_of(swath((10, 20), (80, 20)), heights=Rising(on_m + behind_m))
    assert not held_ons(items)
    at = next(k for k, i in enumerate(items) if i.command == Command.DO_SPRAYER and i.param1)
    assert items[at - 1].command == Command.NAV_WAYPOINT
    assert on_m <= DRAFT.frame.metres(items[at - 1].place)[0] <= on_m + behind_m + 0.02
    # and the height on the way is that of the ground's straight line
    assert items[at - 1].z == pytest.approx(3.0, abs=0.01)


def test_touching_passes_are_sprayed_on_and_only_the_speed_changes():
    items = items_of(
        swath((10, 20), (60, 20)), swath((60, 20), (110, 20), speed_m_s=2.0, rate_l_ha=40.0)
    )
    ons = [i for i in items if i.command == Command.DO_SPRAYER and i.param1 == 1.0]
    speeds = [i.param2 for i in items if i.command == Command.DO_CHANGE_SPEED]
    assert len(ons) == 1
    assert speeds == [4.0, 2.0, 4.0]
    [leg] = [leg for leg in ordered_legs(items, DRAFT.frame.place(0, 0)) if leg.sprays]
    changed = [at for at, setting in leg.orders if setting.speed_m_s == 2.0]
    assert changed[0] == pytest.approx(run_up_m(4.0) + 50.0, abs=0.05)
    [(begin, end)] = leg.stretches
    assert end - begin == pytest.approx(100.0, abs=5.0)


def test_a_plain_servo_is_set_to_the_flow_of_each_pass():
    items = items_of(swath((10, 20), (110, 20)), asked=SERVO)
    told = [i for i in items if i.command == Command.DO_SET_SERVO]
    assert {i.param1 for i in told} == {float(PUMP_CHANNEL)}
    # 20 L/ha on 5 m at 4 m/s is 2.4 L/min: half-way from 0.8 to 4.0, output 0.6
    assert max(i.param2 for i in told) == pytest.approx(1100 + 0.6 * 800)
    assert told[-1].param2 == 1100.0


def test_a_spot_is_hovered_over_for_its_dwelling_and_the_pumps_delay():
    spot = Pass(points=((30.0, 20.0),), width_m=3.0, spot_l=0.2, dwell_s=4.0)
    items = items_of(spot)
    at = commands(items).index(Command.NAV_DELAY)
    assert commands(items)[at - 2 : at + 2] == [
        Command.NAV_WAYPOINT, Command.DO_SPRAYER, Command.NAV_DELAY, Command.DO_SPRAYER,
    ]  # fmt: skip
    assert items[at].param1 == pytest.approx(4.0 + PUMP_ON_S)


def test_the_way_home_switches_off_first_and_again_and_before_the_return():
    items = plan_spray(SITE, CALM, name="Thử").items
    start = commands(items).index(Command.DO_LAND_START)
    assert items[start].x != 0
    assert items[start + 1].command == Command.DO_SPRAYER
    assert items[start + 1].param1 == 0.0
    assert items[start + 2].command == Command.NAV_WAYPOINT
    assert items[start + 3].command == Command.DO_SPRAYER
    assert commands(items)[-2:] == [Command.DO_SPRAYER, Command.NAV_RETURN_TO_LAUNCH]
    assert items[-2].param1 == 0.0
    assert commands(items)[:3] == [
        Command.NAV_TAKEOFF, Command.DO_SPRAYER, Command.DO_CHANGE_SPEED,
    ]  # fmt: skip


def test_where_something_stands_in_the_field_the_way_home_climbs_over_it_first():
    house = DRAFT.obstacle(ObstacleKind.POLE, Point(0, 0), 9.0)
    items = plan_spray(replace(SITE, obstacles=(house,)), CALM, name="Thử").items
    start = commands(items).index(Command.DO_LAND_START)
    climb = items[start + 2]
    assert (climb.command, climb.x, climb.y) == (Command.NAV_WAYPOINT, 0, 0)
    assert climb.z == 19.0


def test_one_frame_and_one_height_over_home():
    plan = plan_spray(SITE, CALM, name="Thử")
    located = [i for i in plan.items if i.is_located]
    assert {i.frame for i in located} == {Frame.RELATIVE}
    assert {i.z for i in located} == {CALM.flying_height_m}


def test_the_count_of_items_is_known_beforehand():
    plan = plan_spray(SITE, CALM, name="Thử")
    assert plan.spray is not None
    route_passes = tuple(
        Pass(
            points=tuple(SITE.field.frame.metres(p) for p in work.places),
            width_m=work.width_m, rate_l_ha=work.rate_l_ha, speed_m_s=work.speed_m_s,
        )
        for work in plan.spray.passes
    )  # fmt: skip
    area = box(-80, -50, 70, 40)
    route = SprayRoute(
        passes=route_passes, home=SITE.field.frame.metres(SITE.pad.place),
        allowed=area, treatable=area, angle_deg=90.0,
    )  # fmt: skip
    assert abs(item_count(route, CALM) - len(plan.items)) <= 2 * len(route_passes) + 2


def test_more_items_than_the_aircraft_stores_are_refused():
    with pytest.raises(BadInput) as told:
        plan_spray(SITE, CALM, name="Thử", limits=VehicleLimits(items=30))
    assert told.value.message.key == "error.too_many_items"


def flown_off(plan: FlightPlan) -> float:
    """Metres flown with the sprayer ordered on, further than lead and a tick from any pass."""
    assert plan.spray is not None
    assert plan.site is not None
    frame = plan.site.field.frame
    passes = shapely.MultiLineString(
        [[frame.metres(p) for p in work.places] for work in plan.spray.passes]
    ).buffer(on_before_m(99.0, CALM.speed_m_s, CALM.sprayer.hose_s) + 0.1)
    total = 0.0
    for leg in ordered_legs(plan.items, plan.home):
        line = shapely.LineString([frame.metres(leg.start), frame.metres(leg.end)])
        for begin, end in leg.stretches:
            wet = shapely.ops.substring(line, begin, end)
            total += wet.difference(passes).length
    return total


@settings(max_examples=6)
@given(st.integers(30, 120), st.integers(20, 90), st.floats(0.0, 180.0), st.booleans())
def test_the_sprayer_is_off_in_every_leg_that_is_no_pass(east_m, north_m, turn_deg, edge):
    """P3, and what `missions.checks.switching` reads off the same items."""
    draft = Draft(DONG_TRIEU, turn_deg)
    site = draft.site(box(0, 0, east_m, north_m), (-8.0, -8.0))
    plan = plan_spray(site, replace(CALM, edge_pass=edge), name="Thử")
    assert flown_off(plan) == pytest.approx(0.0, abs=0.01)
    assert not check_switching(plan.items)
    assert digest(plan.items) == digest(plan_spray(site, replace(CALM, edge_pass=edge), name="Thử")
                                        .items)  # fmt: skip


def test_runs_reach_back_and_on_only_where_the_region_lets_them():
    route = SprayRoute(
        passes=(swath((10, 0), (40, 0)),), home=(0.0, 0.0), allowed=box(-5, -5, 47, 5),
        treatable=box(5, -3, 42, 3), angle_deg=90.0,
    )  # fmt: skip
    [run] = flight(route).runs
    assert run.lead_m == pytest.approx(run_up_m(4.0))
    assert run.tail_m == pytest.approx(4.0, abs=0.01)


def test_a_pass_so_short_that_its_setting_would_come_after_the_off_is_not_set():
    slow = swath((60, 20), (60.4, 20), speed_m_s=2.0, rate_l_ha=40.0)
    items = items_of(swath((10, 20), (60, 20)), slow)
    on = next(k for k, i in enumerate(items) if i.command == Command.DO_SPRAYER and i.param1)
    off = next(k for k, i in enumerate(items[on + 1 :], on + 1) if i.command == Command.DO_SPRAYER)
    assert Command.DO_CHANGE_SPEED not in commands(items)[on:off]


def test_where_the_way_goes_straight_on_the_hose_empties_at_full_speed():
    """No corner slows the aircraft down: the off comes sooner, the on too."""
    area = box(-40, -40, 160, 60)
    lines = [swath((10, 20), (40, 20)), swath((70, 20), (100, 20))]
    [one, other] = flight(
        SprayRoute(
            passes=tuple(lines), home=(0.0, 0.0), allowed=area, treatable=area, angle_deg=90.0
        )
    ).runs
    assert (one.before_m, other.after_m) == (0.0, 0.0)
    between_m, far_m = 30.0 - one.tail_m - other.lead_m, other.lead_m + 30.0 + other.tail_m
    assert one.after_m == pytest.approx(between_m + far_m)
    assert other.before_m == pytest.approx(between_m + one.lead_m + 30.0 + one.tail_m)
    off = [leg.stretches[0] for leg in ordered_legs(items_of(*lines), DRAFT.frame.place(0, 0))
           if leg.stretches]  # fmt: skip
    [(_, first_m), (begun_m, last_m)] = off
    assert one.lead_m + 30.0 - first_m == pytest.approx(4.0 * 0.3, abs=0.02)
    assert other.lead_m + 30.0 - last_m < 4.0 * 0.3 - 0.02
    assert other.lead_m - begun_m == pytest.approx(4.0 * (PUMP_ON_S + EARLY_S + 0.3), abs=0.1)


@pytest.mark.parametrize(("leg_m", "rests"), [(4.0, True), (40.0, False)])
def test_a_run_behind_a_short_straight_leg_begins_from_a_stop(leg_m, rests):
    """Round a house's corner and nearly straight on: how fast it comes hangs on that leg."""
    corner_m = -6.0 - leg_m
    allowed = box(corner_m - 4, -40, corner_m, 5).union(box(corner_m - 4, -0.2, 60, 5))
    work = replace(swath((0, 0), (40, 0)), lead_m=6.0)
    route = SprayRoute(passes=(work,), home=(corner_m - 1, -30.0), allowed=allowed,
                       treatable=allowed, angle_deg=90.0)  # fmt: skip
    flown = flight(route, full_after_s(SETTINGS.sprayer))
    assert math.dist(*flown.transits[0][-2:]) == pytest.approx(leg_m, abs=0.1)
    assert flight(route).runs[0].before_m == pytest.approx(leg_m, abs=0.1)
    assert flown.runs[0].from_rest is rests
    items = spray_items(route, CALM, DRAFT.frame, DRAFT.frame.place(0.0, 0.0))
    on = next(n for n, item in enumerate(items) if item.param1 == 1.0
              and item.command == Command.DO_SPRAYER)  # fmt: skip
    before = [item for item in items[:on] if item.command == Command.NAV_WAYPOINT]
    assert (before[-1].param1 > 0.0) is rests
