"""Where liquid falls around corners and stops, and which thing a finding names: by arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from shapely.geometry import LineString, Point, box

from agri.field import Obstacle, ObstacleKind
from missions.checks.fence import check_rally, room_m
from missions.checks.path import path_of
from missions.checks.plan import check_plan
from missions.checks.spray import check_spray
from missions.checks.survey import check_energy
from missions.checks.switching import check_switching
from missions.checks.trace import Stretch, gone_m, spots, stretches
from missions.flightplan import DEFAULT_LIMITS, FlightPlan, RallyPoint
from missions.items import Command, MissionItem, item_at
from missions.sprayer.gear import PumpControl
from tests import plans
from tests.plans import local, lonlat, speed
from tests.spray_settings import SITE
from tests.spraying import (
    JOB,
    PLAN,
    RTL,
    land_start,
    servo,
    sprayer,
    waypoint,
    with_items,
)

HOSE_S = 0.4
ORDERED_S, CORNER_M_S, GAIN_M_S2, DEFAULT_SPEED_M_S = 0.5, 1.2, 1.35, 10.0
SPRAYER = replace(JOB.settings.sprayer, hose_s=HOSE_S)


def near(corner_m: float) -> float:
    """Speed so far from a corner at 5 m/s: 1.2 m/s at it, gaining 1.35 m/s a second."""
    return min(5.0, math.sqrt(CORNER_M_S**2 + 2.0 * GAIN_M_S2 * corner_m))


def flown(*items: MissionItem, by: object = SPRAYER) -> tuple[Stretch, ...]:
    start = [sprayer(0), item_at(Command.NAV_TAKEOFF, SITE.pad.place, 3.0), speed(5.0)]
    plan = with_items(*start, *items, land_start(), sprayer(0), waypoint(0.0, -50.0), RTL)
    return stretches(path_of(plan), by)  # type: ignore[arg-type]


def ends(one: Stretch) -> list[tuple[float, float]]:
    """Begin and end of its wet way in metres from its first waypoint, at (-30, 0)."""
    path = path_of(PLAN)
    west = path.frame.metres(local(-30.0, 0.0))
    return [(e - west[0], n - west[1]) for e, n in one.line.coords[:: len(one.line.coords) - 1]]


# ---- where a stretch is wet


def test_the_run_up_of_all_straight_legs_since_the_corner_counts() -> None:
    """A corner, 2 m and 4 m straight on, then on: the aircraft is as fast as 6 m make it."""
    [one] = flown(
        waypoint(-30, 0), waypoint(-28, 0), waypoint(-24, 0), sprayer(1), waypoint(20, 0),
        sprayer(0), waypoint(20, 10),
    )  # fmt: skip
    (begin, _), (end, _) = ends(one)
    assert begin == pytest.approx(6.0 + gone_m(6.0, 5.0, ORDERED_S + HOSE_S), abs=0.03)
    assert end == pytest.approx(50.0 + near(0.0) * HOSE_S, abs=0.03)
    assert gone_m(6.0, 5.0, ORDERED_S + HOSE_S) - gone_m(4.0, 5.0, ORDERED_S + HOSE_S) > 0.2


def test_the_way_left_of_all_straight_legs_before_the_next_corner_counts() -> None:
    """Off, then 1 m, 3 m and 2 m straight on before a corner: still as fast as 6 m allow."""
    [one] = flown(
        waypoint(-30, 0), sprayer(1), waypoint(10, 0), sprayer(0), waypoint(11, 0),
        waypoint(14, 0), waypoint(16, 0), waypoint(16, 20),
    )  # fmt: skip
    (begin, _), (end, _) = ends(one)
    assert begin == pytest.approx(gone_m(0.0, 5.0, ORDERED_S + HOSE_S), abs=0.03)
    assert end == pytest.approx(40.0 + near(6.0) * HOSE_S, abs=0.03)


def test_a_stop_is_a_corner_and_there_the_hose_empties_on_the_spot() -> None:
    stop = replace(waypoint(10, 0), param1=1.0)
    [one] = flown(waypoint(-30, 0), sprayer(1), stop, sprayer(0), waypoint(30, 0), waypoint(30, 9))
    assert ends(one)[1][0] == pytest.approx(40.0, abs=0.02)
    [one] = flown(waypoint(-30, 0), stop, sprayer(1), waypoint(30, 0), sprayer(0), waypoint(30, 9))
    assert ends(one)[0][0] == pytest.approx(40.0 + gone_m(0.0, 5.0, ORDERED_S + HOSE_S), abs=0.03)


@pytest.mark.parametrize(("turn_deg", "slow"), [(19.0, False), (21.0, True)])
def test_a_turn_of_more_than_twenty_degrees_is_a_corner(turn_deg: float, slow: bool) -> None:
    away = (40.0 * math.cos(math.radians(turn_deg)), 40.0 * math.sin(math.radians(turn_deg)))
    first = (-30.0 - away[0], -away[1])
    [one] = flown(
        waypoint(*first), waypoint(-30, 0), sprayer(1), waypoint(30, 0), sprayer(0),
        waypoint(30, 30),
    )  # fmt: skip
    corner_m = 0.0 if slow else 40.0
    assert ends(one)[0][0] == pytest.approx(gone_m(corner_m, 5.0, ORDERED_S + HOSE_S), abs=0.03)


def test_a_pass_of_three_legs_is_one_stretch_and_each_pass_its_own() -> None:
    found = flown(
        waypoint(-30, 0), sprayer(1), waypoint(-10, 0), waypoint(10, 0), waypoint(30, 0),
        sprayer(0), waypoint(30, 10), sprayer(1), waypoint(10, 10), waypoint(-10, 10),
        waypoint(-30, 10), sprayer(0), waypoint(-30, 20),
    )  # fmt: skip
    assert [len(one.legs) for one in found] == [3, 3]
    assert [one.legs[k + 1] - one.legs[k] for one in found for k in range(2)] == [1] * 4
    first = found[0]
    assert [piece.seq for piece in first.wet] == [6, 7, 8]
    assert first.seq == 6
    assert first.length_m == pytest.approx(
        60.0 - gone_m(0.0, 5.0, ORDERED_S + HOSE_S) + near(0.0) * HOSE_S, abs=0.05
    )


def test_through_a_gentle_bend_the_hose_empties_along_the_next_leg() -> None:
    """Off at a bend of 10°: 0.4 s at 5 m/s are wet on the way that leads on."""
    turn = math.radians(10.0)
    on = (60.0 * math.cos(turn), 60.0 * math.sin(turn))
    [one] = flown(
        waypoint(-30, 0), sprayer(1), waypoint(0, 0), sprayer(0), waypoint(*on),
        waypoint(on[0], on[1] + 9.0),
    )  # fmt: skip
    emptied = one.wet[-1].line
    assert emptied.length == pytest.approx(5.0 * HOSE_S, abs=0.02)
    (e0, n0), (e1, n1) = emptied.coords
    assert math.degrees(math.atan2(n1 - n0, e1 - e0)) == pytest.approx(10.0, abs=0.2)
    assert one.wet[-1].seq == one.wet[0].seq
    first = one.wet[0].line
    assert first.length == pytest.approx(30.0 - gone_m(0.0, 5.0, ORDERED_S + HOSE_S), abs=0.02)
    assert first.coords[-1] == pytest.approx(emptied.coords[0])


def test_a_pump_on_a_servo_begins_without_waiting_for_an_order() -> None:
    ways = (waypoint(-30, 0), sprayer(1), waypoint(30, 0), sprayer(0), waypoint(30, 9))
    by_servo = replace(SPRAYER, control=PumpControl.SERVO)
    [one] = flown(*ways, by=by_servo)
    assert ends(one)[0][0] == pytest.approx(gone_m(0.0, 5.0, HOSE_S), abs=0.03)
    [one] = flown(*ways, by=None)
    assert ends(one)[0][0] == pytest.approx(0.0, abs=0.02)


def test_where_no_speed_is_set_the_vehicles_own_is_flown() -> None:
    start = [sprayer(0), item_at(Command.NAV_TAKEOFF, SITE.pad.place, 3.0)]
    plan = with_items(*start, waypoint(-30, 0), sprayer(1), waypoint(30, 0), sprayer(0), RTL)
    [one] = stretches(path_of(plan), None)
    assert [piece.speed_m_s for piece in one.wet] == [DEFAULT_SPEED_M_S]


def test_what_is_switched_off_before_anything_leaves_the_nozzles_is_dry() -> None:
    [one] = flown(waypoint(-30, 0), sprayer(1), waypoint(-29.8, 0), sprayer(0), waypoint(-29.8, 9))
    assert one.wet == ()
    assert one.length_m == 0.0
    assert one.line.is_empty


# ---- waits


def test_a_wait_is_where_the_aircraft_was_last_sent_with_the_pumps_pulse_of_then() -> None:
    delay = MissionItem(command=Command.NAV_DELAY, param1=3.0)
    items = [
        waypoint(10, 5), servo(1700.0), delay, servo(1100.0), waypoint(-10, 5), servo(1500.0),
        sprayer(0), delay, sprayer(1), delay,
    ]  # fmt: skip
    path = path_of(PLAN)
    found = spots(items, path, 9)
    assert [(one.seq, one.pump_us, one.dwell_s) for one in found] == [
        (3, 1700.0, 3.0), (10, 1500.0, 3.0),
    ]  # fmt: skip
    for one, at in zip(found, ((10, 5), (-10, 5)), strict=True):
        assert (one.east_m, one.north_m) == pytest.approx(path.frame.metres(local(*at)), abs=0.02)


@pytest.mark.parametrize(("stop_s", "count"), [(1.0, 0), (1.01, 1)])
def test_a_stop_of_a_second_ends_a_pass_and_a_longer_one_is_a_wait(
    stop_s: float, count: int
) -> None:
    found = spots([sprayer(1), replace(waypoint(0, 0), param1=stop_s)], path_of(PLAN))
    assert len(found) == count


# ---- which one is named


def test_room_is_the_least_distance_inside_the_one_fence_and_outside_the_other() -> None:
    stay_in, keep_out = [box(0, 0, 100, 100)], [box(40, 40, 50, 50)]
    for place, expected in (((10, 60), 10.0), ((60, 45), 10.0), ((52, 30), math.hypot(2, 10))):
        assert float(room_m(Point(place), stay_in, keep_out)) == pytest.approx(expected)
    for place in ((-1, 50), (45, 45), (40, 45)):
        assert float(room_m(Point(place), stay_in, keep_out)) < 0.0
    line = LineString([(10, 10), (90, 10)])
    assert room_m([line, Point(5, 5)], stay_in, keep_out).tolist() == [10.0, 5.0]
    assert float(room_m(Point(7, 7), [], [])) == math.inf


def values(plan: FlightPlan, key: str) -> list[dict[str, object]]:
    return [dict(f.message.values) for f in check_plan(plan) if f.key == f"finding.{key}"]


def test_rally_points_are_numbered_from_one() -> None:
    far = RallyPoint(place=local(0.0, 900.0), altitude_m=15.0)
    plan = replace(PLAN, rally_points=(PLAN.rally_points[0], far))
    assert [found["rally"] for found in values(plan, "rally_breaks_fence")] == [2]
    high = replace(PLAN.rally_points[0], altitude_m=PLAN.ceiling_m + 0.5)
    plan = replace(PLAN, rally_points=(PLAN.rally_points[0], high))
    [found] = [dict(f.message.values) for f in check_rally(plan)]
    assert (found["rally"], found["height_m"]) == (2, PLAN.ceiling_m + 0.5)


def test_limits_beyond_the_vehicles_usual_ones_are_told() -> None:
    usual = PLAN.limits
    assert values(PLAN, "limits_told") == []
    for more in (
        replace(usual, items=DEFAULT_LIMITS.items + 1),
        replace(usual, fence_vertices=DEFAULT_LIMITS.fence_vertices + 1),
    ):
        [found] = values(replace(PLAN, limits=more), "limits_told")
        assert found == {"fence_points": more.fence_vertices, "items": more.items}


def test_a_surveys_energy_is_held_against_all_its_packs_less_their_reserve() -> None:
    aircraft = plans.AIRCRAFT
    usable_wh = 2.0 * aircraft.battery_wh * (1.0 - aircraft.reserve)
    path = path_of(plans.PLAN)
    for energy_wh, short in ((usable_wh, False), (usable_wh * 1.001, True)):
        estimate = replace(plans.job().estimate, energy_wh=energy_wh, batteries=2)
        found = check_energy(plans.job(estimate=estimate), aircraft, path)
        told = {f.key: dict(f.message.values) for f in found}
        assert ("finding.energy_short" in told) is short
        assert told["finding.batteries"] == {"count": 2}
    assert told["finding.energy_short"]["limit_wh"] == pytest.approx(usable_wh)


def test_a_controller_of_its_own_is_named_and_only_that() -> None:
    own = replace(JOB.settings.sprayer, control=PumpControl.EXPORT)
    plan = replace(PLAN, spray=replace(JOB, settings=replace(JOB.settings, sprayer=own)))
    for one, told in ((plan, True), (PLAN, False)):
        keys = [finding.key for finding in check_spray(one, path_of(one))]
        assert ("finding.spray_own_controller" in keys) is told


# ---- switching


@pytest.mark.parametrize("at", [(0, 1), (1, 0), (1, 1)])
def test_a_place_told_by_either_coordinate_is_a_place(at: tuple[int, int]) -> None:
    """On the equator or the meridian of Greenwich one of both is nothing."""
    place = MissionItem(command=Command.NAV_WAYPOINT, x=at[0], y=at[1], z=3.0)
    mission = [sprayer(0), place, sprayer(1), place, sprayer(0),
               land_start(), sprayer(0), place, sprayer(0), RTL]  # fmt: skip
    assert check_switching(mission) == []
    bare = replace(place, x=0, y=0)
    keys = [f.key for f in check_switching([sprayer(0), bare, *mission[2:]])]
    assert keys == ["finding.spray_on_at_takeoff"]
    keys = [f.key for f in check_switching([*mission[:7], bare, *mission[8:]])]
    assert keys == ["finding.spray_land_start_again"]


def test_a_climb_on_the_spot_is_no_place_to_begin_spraying() -> None:
    """Neither is any other item that happens to tell a place."""
    wait = MissionItem(command=Command.NAV_DELAY, x=5, y=5, param1=2.0)
    place = MissionItem(command=Command.NAV_WAYPOINT, x=5, y=5, z=3.0)
    takeoff = MissionItem(command=Command.NAV_TAKEOFF, x=5, y=5, z=3.0)
    back = [land_start(), sprayer(0), place, sprayer(0), RTL]
    for first in (wait, takeoff):
        found = check_switching([sprayer(0), first, sprayer(1), place, sprayer(0), *back])
        assert [(f.key, dict(f.message.values)) for f in found] == [
            ("finding.spray_on_at_takeoff", {"item": 3})
        ]


# ---- what lies outside, and who stands where


def test_what_is_sprayed_outside_is_told_by_its_first_item_with_its_area() -> None:
    """The last two passes run 3 m and 5 m too far, ten metres wide."""
    items = list(PLAN.items)
    items[13], items[17] = waypoint(33.0, 5.0), waypoint(-35.0, 15.0)
    plan = with_items(*items)
    sound = [finding.key for finding in check_spray(PLAN, path_of(PLAN))]
    assert "finding.spray_outside" not in sound
    found = values(plan, "spray_outside")
    assert [(one["item"], one["count"]) for one in found] == [(14, 2)]
    assert found[0]["area_m2"] == pytest.approx(80.0, rel=0.25)


def test_a_rally_point_beside_a_house_is_told_by_its_number() -> None:
    house = plans_house(east_m=20.0, north_m=-50.0)
    site = replace(SITE, obstacles=(house,))
    there = replace(PLAN.rally_points[0], place=local(20.0, -50.0))
    plan = replace(PLAN, site=site, rally_points=(PLAN.rally_points[0], there))
    assert [one["rally"] for one in values(plan, "rally_not_clear")] == [2]


def plans_house(east_m: float, north_m: float) -> Obstacle:
    around = lonlat(box(east_m - 3, north_m - 3, east_m + 3, north_m + 3))
    return Obstacle(kind=ObstacleKind.HOUSE, geometry=around, height_m=5.0, name="Nhà")


def test_a_hose_that_empties_longer_than_the_next_leg_is_long_wets_all_of_it() -> None:
    turn = math.radians(10.0)
    on = (1.2 * math.cos(turn), 1.2 * math.sin(turn))
    [one] = flown(
        waypoint(-30, 0), sprayer(1), waypoint(0, 0), sprayer(0), waypoint(*on),
        waypoint(60.0 * math.cos(turn), 60.0 * math.sin(turn)),
    )  # fmt: skip
    assert one.wet[-1].line.length == pytest.approx(1.2, abs=0.02)
