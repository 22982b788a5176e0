"""Every rule catches the plan that breaks it, and only that; a sound plan passes.

One thing of a sound plan is changed at a time; the exact list of warnings and errors is asserted.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

from agri.field import Field, NoFlyZone, Obstacle, ObstacleKind, Pad, SensitiveKind, SensitiveSite
from agri.findings import Severity, blocks
from agri.geo import LonLat
from missions.checks.coverage import measured_spacing_m, shares_of_field
from missions.checks.path import LOCAL_M, apart_m, path_of
from missions.checks.plan import check_plan
from missions.energy import Estimate
from missions.flightplan import FenceCircle, FencePolygon, FlightPlan, RallyPoint, VehicleLimits
from missions.items import Command, Frame, MissionItem, item_at
from missions.survey import survey_geometry
from tests.plans import (
    AIRCRAFT,
    FENCE,
    HEIGHT_M,
    HOUSE,
    LINE,
    PAD_AT,
    PLAN,
    POND,
    SETTINGS,
    SITE,
    TREE,
    ZONE,
    box,
    changed,
    inserted,
    job,
    local,
    lonlat,
    site_with,
    speed,
    survey_items,
    the,
    told,
    trigger,
    waypoint,
    with_item,
    without,
)

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
RTL = MissionItem(command=Command.NAV_RETURN_TO_LAUNCH)
LAST = 24


def errors(*keys: str) -> list[tuple[str, Severity]]:
    return [(f"finding.{key}", ERROR) for key in keys]


def warnings(*keys: str) -> list[tuple[str, Severity]]:
    return [(f"finding.{key}", WARNING) for key in keys]


def info(plan: FlightPlan) -> list[str]:
    return [f.key for f in check_plan(plan) if f.severity is INFO]


def values(plan: FlightPlan, key: str) -> dict[str, Any]:
    return dict(the(plan, key).message.values)


# --- a sound plan ---------------------------------------------------------------------------


def test_a_sound_plan_is_told_group_by_group_what_was_checked() -> None:
    assert told(PLAN) == []
    assert info(PLAN) == [
        "finding.checked_items",
        "finding.checked_heights",
        "finding.checked_fence",
        "finding.checked_obstacles",
        "finding.checked_survey",
        "finding.set_rtl_height",
        "finding.set_speed",
        "finding.fingerprint",
    ]
    assert not blocks(check_plan(PLAN))
    assert PLAN.site is not None
    alone = replace(PLAN, site=replace(PLAN.site, obstacles=(), no_fly_zones=()))
    assert "finding.obstacles_none" in info(alone)
    assert "finding.checked_obstacles" not in info(alone)
    assert values(PLAN, "checked_items") == {"count": 24}
    assert values(PLAN, "checked_heights") == {"height_m": 40.0, "limit_m": 50.0}
    assert values(PLAN, "checked_fence") == {"legs": 12, "room_m": pytest.approx(15.0, abs=0.02)}
    assert values(PLAN, "checked_obstacles") == {"count": 4}
    assert values(PLAN, "checked_survey")["percent"] == pytest.approx(100.0)
    assert values(PLAN, "checked_survey")["photos"] == 105
    assert values(PLAN, "fingerprint") == {"digest": PLAN.digest[:12]}


def test_what_the_vehicle_must_be_set_to_follows_the_plan() -> None:
    assert values(PLAN, "set_speed") == {"speed_m_s": 6.0}
    assert values(PLAN, "set_rtl_height") == {"height_m": 19.0}
    assert values(site_with(TREE), "set_rtl_height") == {"height_m": 18.0}
    assert values(site_with(), "set_rtl_height") == {"height_m": 15.0}
    tall = replace(TREE, height_m=29.0)
    assert values(replace(site_with(tall), ceiling_m=38.0), "set_rtl_height") == {"height_m": 38.0}
    assert values(replace(PLAN, site=None), "set_rtl_height") == {"height_m": 15.0}


def test_findings_come_worst_first() -> None:
    plan = inserted(3, trigger(0.0), MissionItem(command=183), MissionItem(command=177))
    severities = [f.severity for f in check_plan(plan)]
    assert severities == sorted(severities, reverse=True)
    assert severities[0] is ERROR


def test_every_finding_speaks_both_languages() -> None:
    for plan in (PLAN, changed(2, param2=0.0), replace(PLAN, site=None, survey=None)):
        for finding in check_plan(plan):
            for language in ("vi", "en"):
                sentence = finding.text(language)
                assert not sentence.startswith("finding."), sentence
                assert "{" not in sentence


# --- items ------------------------------------------------------------------------------------


def test_an_empty_plan_is_an_error_and_nothing_else_is_said() -> None:
    assert [f.key for f in check_plan(replace(PLAN, items=()))] == ["finding.no_items"]
    assert told(replace(PLAN, items=())) == errors("no_items")


def test_take_off_must_come_first() -> None:
    assert told(without(1))[0] == errors("takeoff_not_first")[0]
    moved = replace(PLAN, items=(PLAN.items[2], PLAN.items[0], *PLAN.items[1:]))
    assert errors("takeoff_not_first")[0] in told(moved)
    only_actions = replace(PLAN, items=(speed(6.0),))
    assert set(errors("takeoff_not_first", "no_return")) <= set(told(only_actions))


def test_an_action_may_stand_before_take_off() -> None:
    items = (speed(6.0), PLAN.items[0], *PLAN.items[2:])
    assert told(replace(PLAN, items=items)) == []


def test_there_is_only_one_take_off() -> None:
    plan = inserted(3, PLAN.items[0], PLAN.items[0])
    assert told(plan) == errors("takeoff_again")
    assert values(plan, "takeoff_again") == {"item": 3, "command": 22, "count": 2}


def test_the_mission_ends_with_return_or_landing() -> None:
    assert told(without(LAST)) == errors("no_return")
    assert values(without(LAST), "no_return") == {"item": 23}
    landed = with_item(LAST, item_at(Command.NAV_LAND, SITE.pad.place, 0.0))
    assert told(landed) == []
    trailing = replace(without(LAST), items=(*without(LAST).items, trigger(0.0)))
    assert told(trailing) == errors("no_return")
    assert values(trailing, "no_return") == {"item": 24}


def test_nothing_is_flown_after_the_return() -> None:
    plan = inserted(7, RTL)
    assert ("finding.after_return", ERROR) in told(plan)
    assert values(plan, "after_return")["item"] == 8
    assert values(plan, "after_return")["count"] == 10


def test_an_action_after_the_return_is_never_run() -> None:
    plan = replace(PLAN, items=(*PLAN.items, speed(3.0), trigger(0.0)))
    assert told(plan) == warnings("never_run")
    assert values(plan, "never_run") == {"item": 25, "command": 178}


def test_jumps_are_refused() -> None:
    jump = MissionItem(command=Command.DO_JUMP, param1=3.0, param2=2.0)
    assert told(inserted(LAST, jump)) == errors("jump")
    assert values(inserted(LAST, jump, jump), "jump") == {"item": 24, "command": 177, "count": 2}


@pytest.mark.parametrize("command", [195, 197, 214, 246, 260, 300, 410, 530, 2003, 5001, 5100])
def test_commands_the_vehicle_refuses_are_errors(command: int) -> None:
    assert errors("command_refused")[0] in told(inserted(3, MissionItem(command=command)))
    assert values(inserted(3, MissionItem(command=command)), "command_refused") == {
        "item": 3,
        "command": command,
        "count": 1,
    }


@pytest.mark.parametrize("command", [95, 201, 183, 181, 4999, 5101])
def test_commands_agri_does_not_know_are_warnings(command: int) -> None:
    plan = inserted(3, MissionItem(command=command))
    assert told(plan) == warnings("command_unknown")
    assert values(plan, "command_unknown") == {"item": 3, "command": command, "count": 1}
    assert "finding.checked_items" not in info(plan)


@pytest.mark.parametrize("command", [92, 176, 179, 185, 207, 208, 218, 222, 223, 42702])
def test_commands_that_take_the_aircraft_out_of_hand_are_errors(command: int) -> None:
    plan = inserted(3, MissionItem(command=command))
    assert told(plan) == errors("command_dangerous")
    assert values(plan, "command_dangerous") == {"item": 3, "command": command, "count": 1}


def test_switching_the_fence_on_is_welcome_and_nothing_else() -> None:
    assert told(inserted(3, MissionItem(command=207, param1=1.0))) == []
    assert told(inserted(3, MissionItem(command=207, param1=2.0))) == errors("command_dangerous")


@pytest.mark.parametrize("command", [17, 18, 31, 84, 94])
def test_a_place_to_go_that_agri_does_not_know_is_an_error(command: int) -> None:
    """Where it would fly cannot be checked; an unknown action is only a warning."""
    plan = inserted(3, MissionItem(command=command), MissionItem(command=command))
    assert told(plan) == errors("way_unknown")
    assert values(plan, "way_unknown") == {"item": 3, "command": command, "count": 2}


def test_a_curved_way_is_told() -> None:
    plan = changed(23, command=82)
    assert told(plan) == warnings("curved_way")
    assert values(plan, "curved_way") == {"item": 23, "command": 82, "count": 1}


@pytest.mark.parametrize("command", [93, 114, 115, 203, 205, 206, 216, 1000, 2001])
def test_commands_agri_plans_with_are_not_told(command: int) -> None:
    assert told(inserted(3, MissionItem(command=command))) == []


def test_a_survey_never_switches_a_sprayer_on() -> None:
    on = MissionItem(command=Command.DO_SPRAYER, param1=1.0)
    assert told(inserted(3, on)) == errors("sprayer_on")
    assert values(inserted(3, on), "sprayer_on") == {"item": 3, "command": 216, "count": 1}
    assert told(inserted(3, replace(on, param1=0.0))) == []


def test_one_plan_has_one_frame() -> None:
    plan = changed(5, frame=Frame.GLOBAL)
    assert told(plan)[0] == errors("frames_mixed")[0]
    assert values(plan, "frames_mixed") == {
        "item": 5,
        "command": 16,
        "count": 1,
        "frame": "RELATIVE",
    }
    assert warnings("frame_sea")[0] in told(plan)


def test_an_item_without_a_place_may_have_any_frame() -> None:
    assert told(changed(4, frame=Frame.RELATIVE)) == []


def test_terrain_heights_are_refused_for_now() -> None:
    items = tuple(replace(i, frame=Frame.TERRAIN) for i in PLAN.items)
    plan = replace(PLAN, items=items)
    assert told(plan) == errors("frame_terrain")
    assert values(plan, "frame_terrain") == {"item": 1, "command": 22, "count": 12}


def test_a_place_without_a_frame_is_an_error() -> None:
    items = tuple(replace(i, frame=Frame.MISSION) for i in PLAN.items)
    assert told(replace(PLAN, items=items)) == errors("frame_missing")


def test_heights_above_the_sea_are_measured_from_home() -> None:
    def at_sea(item: MissionItem) -> MissionItem:
        return replace(item, frame=Frame.GLOBAL, z=item.z + 12.3) if item.is_located else item

    plan = replace(PLAN, items=tuple(at_sea(i) for i in PLAN.items))
    assert told(plan) == warnings("frame_sea")
    assert values(plan, "checked_heights")["height_m"] == pytest.approx(40.0)
    lower = replace(plan, home_altitude_m=0.0)
    assert ("finding.above_ceiling", ERROR) in told(lower)


@pytest.mark.parametrize("speed_m_s", [0.0, -1.0, 25.1])
def test_speeds_no_copter_flies_are_errors(speed_m_s: float) -> None:
    assert errors("speed_out_of_range")[0] in told(changed(2, param2=speed_m_s))
    assert values(changed(2, param2=speed_m_s), "speed_out_of_range") == {
        "item": 2,
        "speed_m_s": speed_m_s,
        "limit_m_s": 25.0,
    }


def test_the_fastest_speed_is_still_a_speed() -> None:
    assert "finding.speed_out_of_range" not in [key for key, _ in told(changed(2, param2=25.0))]


def test_an_air_speed_is_a_warning() -> None:
    assert told(changed(2, param1=0.0)) == warnings("speed_in_air")
    assert values(changed(2, param1=0.0), "speed_in_air") == {"item": 2}


def test_the_camera_is_off_before_the_way_home() -> None:
    plan = without(22)
    assert told(plan) == [*errors("camera_left_on"), *warnings("camera_on_in_turn")]
    assert values(plan, "camera_left_on") == {"item": 20}
    late = replace(plan, items=(*plan.items, trigger(0.0)))
    assert ("finding.camera_left_on", ERROR) in told(late)


def test_a_camera_started_by_time_must_stop_as_well() -> None:
    start = MissionItem(command=Command.IMAGE_START_CAPTURE, param2=2.0)
    stop = MissionItem(command=Command.IMAGE_STOP_CAPTURE)
    assert told(inserted(23, start)) == errors("camera_left_on")
    assert told(inserted(23, start, stop)) == []
    assert told(inserted(23, replace(start, param3=1.0))) == []


def test_a_list_longer_than_the_store_is_an_error() -> None:
    limits = VehicleLimits(items=24, fence_vertices=4, rally_points=1)
    assert not blocks(check_plan(PLAN, limits=limits))
    for name, limit, key in (
        ("items", 23, "too_many_items"),
        ("fence_vertices", 3, "too_many_fence_vertices"),
        ("rally_points", 0, "too_many_rally_points"),
    ):
        found = check_plan(PLAN, limits=replace(limits, **{name: limit}))
        (error,) = (f for f in found if f.severity is ERROR)
        assert error.key == f"finding.{key}"
        assert dict(error.message.values) == {"count": limit + 1, "limit": limit}


# --- places and heights ------------------------------------------------------------------------


def test_a_waypoint_without_a_place_is_an_error() -> None:
    plan = changed(5, x=0, y=0)
    assert ("finding.no_place", ERROR) in told(plan)
    assert values(plan, "no_place") == {"item": 5, "count": 1}
    nowhere = replace(PLAN, items=(PLAN.items[0], changed(3, x=0, y=0).items[2], RTL))
    assert ("finding.no_place", ERROR) in told(nowhere)


def test_a_place_on_the_equator_or_the_meridian_is_a_place() -> None:
    for here in (LonLat(lon_deg=106.5, lat_deg=0.0), LonLat(lon_deg=0.0, lat_deg=21.0)):
        way = item_at(Command.NAV_WAYPOINT, here, 30.0)
        there = replace(way, x=way.x + 90_000, y=way.y + 1)
        items = (item_at(Command.NAV_TAKEOFF, here, 30.0), way, there, RTL)
        plan = FlightPlan(name="x", home=here, items=items)
        assert "finding.no_place" not in [key for key, _ in told(plan)]
        far = replace(plan, home=LonLat(lon_deg=here.lon_deg, lat_deg=here.lat_deg + 0.03))
        assert values(far, "too_far")["item"] == 2


def test_take_off_and_landing_need_no_place() -> None:
    assert told(changed(1, x=0, y=0)) == []
    assert told(with_item(LAST, MissionItem(command=Command.NAV_LAND, frame=Frame.RELATIVE))) == []


def test_a_mission_of_take_off_and_return_has_no_places_to_judge() -> None:
    plan = replace(PLAN, items=(PLAN.items[0], RTL), site=None, survey=None, aircraft=None)
    assert told(plan) == warnings("site_not_told", "survey_not_told", "aircraft_not_told")
    assert values(plan, "checked_fence")["legs"] == 0
    assert values(plan, "checked_fence")["room_m"] == math.inf


def test_swapped_latitude_and_longitude_are_told_as_such() -> None:
    here = LonLat(lon_deg=10.02, lat_deg=45.0)
    items = (
        item_at(Command.NAV_TAKEOFF, here, 30.0),
        item_at(Command.NAV_WAYPOINT, LonLat(lon_deg=45.0, lat_deg=10.02), 30.0),
        RTL,
    )
    plan = FlightPlan(name="swapped", home=here, items=items)
    assert told(plan)[:2] == errors("swapped", "not_in_one_place")
    assert values(plan, "swapped") == {"item": 2}


def test_far_places_are_errors_and_distant_ones_warnings() -> None:
    far = with_item(23, waypoint(0.0, 1920.5))
    assert ("finding.too_far", ERROR) in told(far)
    assert values(far, "too_far") == {
        "item": 23,
        "distance_m": pytest.approx(2000.5, abs=0.1),
        "limit_m": 2000.0,
    }
    distant = with_item(23, waypoint(0.0, 425.0))
    assert ("finding.out_of_sight", WARNING) in told(distant)
    assert values(distant, "out_of_sight")["distance_m"] == pytest.approx(505.0, abs=0.5)
    near = told(with_item(23, waypoint(0.0, 415.0)))
    assert "finding.out_of_sight" not in [key for key, _ in near]
    assert "finding.too_far" not in [key for key, _ in told(with_item(23, waypoint(0.0, 1915.0)))]


@pytest.mark.parametrize(
    "changes",
    [
        {"home": LonLat(lon_deg=16.51, lat_deg=21.08)},
        {"items": changed(23, x=0, y=1_065_100_000).items},
        {"items": changed(23, x=210_800_000, y=0).items},
        {"rally_points": (RallyPoint(place=LonLat(lon_deg=0.0, lat_deg=0.0), altitude_m=30.0),)},
        {
            "fence_circles": (
                FenceCircle(
                    inclusion=False, centre=LonLat(lon_deg=106.0, lat_deg=21.0), radius_m=9.0
                ),
            )
        },
        {
            "fence_polygons": (
                FencePolygon(
                    inclusion=True,
                    vertices=(*FENCE.vertices, LonLat(lon_deg=106.9, lat_deg=21.08)),
                ),
            )
        },
        {"site": replace(SITE, pad=Pad(name="x", place=LonLat(lon_deg=1.0, lat_deg=21.08)))},
    ],
)
def test_places_too_far_apart_to_measure_are_an_error(changes: dict[str, Any]) -> None:
    assert ("finding.not_in_one_place", ERROR) in told(replace(PLAN, **changes))


@pytest.mark.parametrize(("lat_deg", "works"), [(84.1, False), (83.9, True), (-80.1, False)])
def test_a_flight_beyond_the_mapped_latitudes_is_an_error(lat_deg: float, works: bool) -> None:
    here = LonLat(lon_deg=106.51, lat_deg=lat_deg)
    items = (item_at(Command.NAV_TAKEOFF, here, 30.0), RTL)
    plan = FlightPlan(name="x", home=here, items=items)
    assert (("finding.not_in_one_place", ERROR) not in told(plan)) is works


def test_distances_stay_finite_round_the_earth() -> None:
    here = local(0.0, 0.0)
    assert apart_m(here, local(0.0, 1000.0)) == pytest.approx(1000.0, abs=0.01)
    assert LOCAL_M == 20_000.0
    assert apart_m(here, local(0.0, 1.1 * LOCAL_M)) == pytest.approx(1.1 * LOCAL_M, rel=0.01)
    quarter = apart_m(LonLat(lon_deg=0.0, lat_deg=0.0), LonLat(lon_deg=90.0, lat_deg=45.0))
    assert quarter == pytest.approx(6_371_000.0 * math.pi / 2.0, rel=1e-9)
    oblique = apart_m(LonLat(lon_deg=10.0, lat_deg=30.0), LonLat(lon_deg=40.0, lat_deg=60.0))
    assert oblique == pytest.approx(
        6_371_000.0
        * math.acos(
            math.sin(math.pi / 6) * math.sin(math.pi / 3)
            + math.cos(math.pi / 6) * math.cos(math.pi / 3) * math.cos(math.pi / 6)
        ),
        rel=1e-9,
    )
    for lon, lat in ((106.51, 90.0), (-73.49, -21.08), (-180.0, 0.0), (180.0, -90.0)):
        away = apart_m(here, LonLat(lon_deg=lon, lat_deg=lat))
        assert math.isfinite(away)
        assert away > LOCAL_M


def test_the_permit_caps_the_height() -> None:
    assert told(changed(23, z=50.04)) == []
    plan = changed(23, z=50.06)
    assert told(plan) == errors("above_ceiling")
    assert values(plan, "above_ceiling") == {"item": 23, "height_m": 50.06, "limit_m": 50.0}
    assert told(replace(PLAN, ceiling_m=39.9, rally_points=())) == errors("above_ceiling")


def test_no_permit_goes_above_the_hard_limit() -> None:
    plan = replace(changed(23, z=120.06), ceiling_m=500.0)
    assert told(plan)[0] == errors("too_high")[0]
    assert values(plan, "too_high") == {"item": 23, "height_m": 120.06, "limit_m": 120.0}
    assert "finding.too_high" not in [
        key for key, _ in told(replace(changed(23, z=120.0), ceiling_m=500.0))
    ]


def test_take_off_and_waypoints_must_be_in_the_air() -> None:
    assert ("finding.too_low", ERROR) in told(changed(1, z=1.99))
    assert values(changed(1, z=1.99), "too_low") == {"item": 1, "height_m": 1.99, "limit_m": 2.0}
    assert ("finding.too_low", ERROR) in told(changed(23, z=1.5))
    assert "finding.too_low" not in [key for key, _ in told(changed(1, z=2.0))]


def test_a_climb_the_aircraft_cannot_make_is_a_warning() -> None:
    """From 40 m to 45 m over 32 m at 6 m/s is 0.94 m/s; at 12 m to 45 m it is 6.2 m/s."""
    assert told(changed(23, z=45.0)) == []
    plan = replace(inserted(23, waypoint(100.0, 40.0, 20.0)), site=None, survey=None)
    assert told(plan)[0] == warnings("too_steep")[0]
    assert values(plan, "too_steep")["item"] == 23
    assert values(plan, "too_steep")["limit_m_s"] == 1.5
    assert values(plan, "too_steep")["rate_m_s"] == pytest.approx(20.0 / (8.0 / 6.0), rel=1e-3)
    quick = replace(plan, aircraft=replace(AIRCRAFT, descent_m_s=30.0, climb_m_s=30.0))
    assert "finding.too_steep" not in [key for key, _ in told(quick)]


def test_climbs_and_descents_have_their_own_limits() -> None:
    """40 m down to 20 m over 100 m at 6 m/s is 1.2 m/s down, then 1.2 m/s up."""
    up = replace(
        PLAN,
        items=(PLAN.items[0], speed(6.0), waypoint(0, 20, 20.0), waypoint(0, -80, 40.0), RTL),
        survey=None,
        aircraft=replace(AIRCRAFT, descent_m_s=1.3, climb_m_s=1.1),
    )
    assert values(up, "too_steep")["item"] == 4
    assert values(up, "too_steep")["limit_m_s"] == 1.1
    down = replace(up, aircraft=replace(AIRCRAFT, descent_m_s=1.1, climb_m_s=1.3))
    assert values(down, "too_steep")["item"] == 3
    unknown = replace(up, aircraft=None)
    assert "finding.too_steep" not in [key for key, _ in told(unknown)]


# --- fence and rally points --------------------------------------------------------------------


def fenced(*polygons: FencePolygon, circles: tuple[FenceCircle, ...] = ()) -> FlightPlan:
    return replace(PLAN, fence_polygons=polygons, fence_circles=circles)


def stay(west: float, south: float, east: float, north: float) -> FencePolygon:
    return FencePolygon(
        inclusion=True,
        vertices=tuple(local(*xy) for xy in box(west, south, east, north).exterior.coords[:-1]),
    )


def keep_out(west: float, south: float, east: float, north: float) -> FencePolygon:
    return replace(stay(west, south, east, north), inclusion=False)


def test_a_plan_of_agri_needs_a_fence_and_a_strangers_should_have_one() -> None:
    assert told(fenced()) == errors("no_fence")
    assert told(replace(fenced(), site=None))[0] == warnings("no_fence")[0]
    assert told(fenced(keep_out(150, 100, 160, 110))) == errors("no_fence")


def test_a_fence_that_crosses_itself_is_an_error() -> None:
    bow = FencePolygon(
        inclusion=True,
        vertices=(local(-200, -200), local(200, 200), local(200, -200), local(-200, 200)),
    )
    assert told(fenced(bow)) == errors("fence_crosses_itself")
    assert values(fenced(bow, replace(bow, inclusion=False)), "fence_crosses_itself") == {
        "count": 2
    }


def test_a_leg_outside_the_fence_is_an_error() -> None:
    plan = fenced(stay(-115, -95, 99, 75))
    assert told(plan) == errors("leg_breaks_fence")
    assert values(plan, "leg_breaks_fence") == {
        "item": 5,
        "distance_m": 0.0,
        "limit_m": 2.0,
        "count": 8,
    }


def test_a_leg_may_leave_a_notch_between_two_good_waypoints() -> None:
    notch = FencePolygon(
        inclusion=True,
        vertices=tuple(
            local(*xy)
            for xy in ((-115, -95), (115, -95), (115, 75), (5, 75), (0, 30), (-5, 75), (-115, 75))
        ),
    )
    plan = fenced(notch)
    assert told(plan) == errors("leg_breaks_fence")
    assert values(plan, "leg_breaks_fence")["item"] == 21


def test_legs_keep_the_vehicles_margin_inside() -> None:
    plan = fenced(stay(-115, -95, 101.9, 75))
    assert told(plan) == errors("leg_near_fence")
    assert values(plan, "leg_near_fence")["distance_m"] == pytest.approx(1.9, abs=0.02)
    assert values(plan, "leg_near_fence")["item"] in range(3, 23)
    assert told(fenced(stay(-115, -95, 102.0, 75))) == []


def test_legs_keep_the_margin_from_what_is_fenced_out() -> None:
    assert told(fenced(FENCE, keep_out(-10, -2, 10, 2))) == errors("leg_breaks_fence")
    assert told(fenced(FENCE, keep_out(-10, 25.9, 10, 30))) == errors("leg_near_fence")
    assert told(fenced(FENCE, keep_out(-10, 26.0, 10, 30))) == []


def test_the_flight_is_inside_every_inclusion_at_once() -> None:
    halves = fenced(stay(-115, -95, 10, 75), stay(-10, -95, 115, 75))
    assert told(halves) == errors("leg_breaks_fence")


def test_circles_count_as_polygons_do() -> None:
    def circle(inclusion: bool, east: float, north: float, radius_m: float) -> FenceCircle:
        return FenceCircle(inclusion=inclusion, centre=local(east, north), radius_m=radius_m)

    assert told(fenced(circles=(circle(True, 0, 0, 150.0),))) == []
    assert told(fenced(circles=(circle(True, 0, 0, 100.0),))) == errors("leg_breaks_fence")
    assert told(fenced(FENCE, circles=(circle(False, 0, 12.0, 9.9),))) == []
    assert told(fenced(FENCE, circles=(circle(False, 0, 12.0, 10.2),))) == errors("leg_near_fence")


def test_home_must_be_inside_the_fence_with_the_margin() -> None:
    plan = replace(fenced(stay(-115, -81.9, 115, 75)), rally_points=())
    assert told(plan) == errors("leg_near_fence", "home_breaks_fence")
    landed = replace(
        plan, items=(*PLAN.items[:22], item_at(Command.NAV_LAND, local(-90.0, 48.0), 0.0))
    )
    assert ("finding.home_breaks_fence", ERROR) in told(landed)
    assert values(landed, "home_breaks_fence") == {"limit_m": 2.0}


def test_home_is_measured_where_it_is() -> None:
    """A hop straight up and down has no legs; home is then all there is to judge."""
    hop = replace(PLAN, items=(PLAN.items[0], RTL), survey=None, rally_points=())
    x, y = PAD_AT
    snug = replace(hop, fence_polygons=(stay(x - 2.02, y - 2.02, x + 2.02, y + 2.02),))
    assert told(snug) == warnings("survey_not_told")
    for side in ((1.9, 2.02, 2.02, 2.02), (2.02, 1.9, 2.02, 2.02), (2.02, 2.02, 1.9, 2.02)):
        west, south, east, north = side
        near = stay(x - west, y - south, x + east, y + north)
        assert told(replace(hop, fence_polygons=(near,)))[0] == errors("home_breaks_fence")[0]


@pytest.mark.parametrize("away_m", [0.3, 0.7, 1.2])
def test_near_the_fence_is_not_yet_outside(away_m: float) -> None:
    plan = fenced(stay(-115, -95, 100 + away_m, 75))
    assert told(plan) == errors("leg_near_fence")
    assert values(plan, "leg_near_fence")["distance_m"] == pytest.approx(away_m, abs=0.02)
    beside = fenced(FENCE, keep_out(-10, 24.0 + away_m, 10, 30))
    assert told(beside) == errors("leg_near_fence")
    assert values(beside, "leg_near_fence")["count"] == 1
    assert values(beside, "leg_near_fence")["item"] == 17


def rallying(east_m: float, north_m: float, altitude_m: float = HEIGHT_M) -> FlightPlan:
    point = RallyPoint(place=local(east_m, north_m), altitude_m=altitude_m)
    return replace(PLAN, rally_points=(*PLAN.rally_points, point))


def test_rally_points_must_be_inside_the_fence() -> None:
    assert told(rallying(113.1, 0.0)) == errors("rally_breaks_fence")
    assert values(rallying(113.1, 0.0), "rally_breaks_fence") == {"rally": 2, "limit_m": 2.0}
    assert told(rallying(113.0, 0.0)) == []


def test_far_rally_points_are_a_warning() -> None:
    wide = replace(rallying(-100.0, 205.0), fence_polygons=(stay(-115, -95, 115, 300),), site=None)
    assert warnings("rally_far")[0] in told(wide)
    assert values(wide, "rally_far") == {
        "rally": 2,
        "distance_m": pytest.approx(302.0, abs=0.5),
        "limit_m": 300.0,
    }
    assert "finding.checked_fence" not in info(wide)
    near = replace(wide, rally_points=(RallyPoint(place=local(0.0, 219.0), altitude_m=40.0),))
    assert warnings("rally_far")[0] not in told(near)


def test_rally_points_keep_the_ceiling() -> None:
    assert told(rallying(-100.0, 0.0, 50.04)) == []
    assert told(rallying(-100.0, 0.0, 50.1)) == errors("rally_above_ceiling")
    assert values(rallying(-100.0, 0.0, 50.1), "rally_above_ceiling") == {
        "rally": 2,
        "height_m": 50.1,
        "limit_m": 50.0,
    }


def test_the_way_home_leads_to_the_nearest_rally_point_in_reach() -> None:
    """Without a waypoint over the pad, RTL from the last line's end at (-100, 48)."""
    direct = replace(PLAN, items=(*PLAN.items[:22], RTL))
    assert told(direct) == []
    over_pond = NoFlyZone(name="X", area=MultiPolygon([lonlat(box(-60, -25, -40, -15))]))
    barred = replace(direct, site=replace(SITE, no_fly_zones=(over_pond,)))
    without_lines = replace(
        barred,
        items=(PLAN.items[0], speed(6.0), waypoint(-110, -70), waypoint(-110, 40), RTL),
        survey=None,
    )
    assert told(without_lines) == [
        *errors("leg_in_no_fly_zone"),
        *warnings("survey_not_told"),
    ]
    assert values(without_lines, "leg_in_no_fly_zone")["item"] == 5
    beside = RallyPoint(place=local(-110, 60), altitude_m=HEIGHT_M)
    spared = replace(without_lines, rally_points=(*PLAN.rally_points, beside))
    assert told(spared) == warnings("survey_not_told")


# --- obstacles, zones, pads -------------------------------------------------------------------


def test_no_leg_enters_a_no_fly_zone() -> None:
    zone = NoFlyZone(name="Chùa", area=MultiPolygon([lonlat(box(-10, -2, 10, 2))]))
    plan = site_with(no_fly_zones=(ZONE, zone))
    assert told(plan) == errors("leg_in_no_fly_zone")
    assert values(plan, "leg_in_no_fly_zone") == {"item": 13, "zone": "Chùa"}
    between = NoFlyZone(name="Chùa", area=MultiPolygon([lonlat(box(-10, 2, 10, 22))]))
    assert told(site_with(no_fly_zones=(between,))) == []


def test_low_trees_are_flown_over_and_tall_ones_not() -> None:
    """Lines at 40 m: a tree may be 30 m high, 10 m below."""
    assert told(site_with(replace(TREE, geometry=lonlat(Point(30, 0)), height_m=30.0))) == []
    plan = site_with(replace(TREE, geometry=lonlat(Point(30, 0)), height_m=30.1))
    assert told(plan) == errors("leg_low_over_obstacle")
    assert values(plan, "leg_low_over_obstacle") == {
        "item": 13,
        "obstacle": "Cây vải",
        "height_m": pytest.approx(40.0),
        "limit_m": pytest.approx(40.1),
    }
    beside = replace(TREE, geometry=lonlat(Point(30, 3.0)), height_m=35.0, name="")
    assert told(site_with(beside)) == []
    nearer = replace(beside, geometry=lonlat(Point(30, 2.9)))
    assert told(site_with(nearer)) == errors("leg_low_over_obstacle")
    assert values(site_with(nearer), "leg_low_over_obstacle")["obstacle"] == "tree"


def test_the_height_counts_where_the_obstacle_is() -> None:
    """A leg that sinks from 40 m to 20 m passes a tree near its end low, near its start high."""
    items = (PLAN.items[0], speed(6.0), waypoint(-90, -50), waypoint(90, -50, 20.0), RTL)
    start = replace(TREE, geometry=lonlat(Point(-80, -50)), height_m=25.0)
    end = replace(TREE, geometry=lonlat(Point(80, -50)), height_m=25.0)
    plan = replace(PLAN, items=items, survey=None)
    assert told(replace(plan, site=replace(SITE, obstacles=(start,)))) == warnings(
        "survey_not_told"
    )
    low = replace(plan, site=replace(SITE, obstacles=(end,)))
    assert told(low)[0] == errors("leg_low_over_obstacle")[0]
    assert values(low, "leg_low_over_obstacle")["height_m"] == pytest.approx(20.78, abs=0.02)


@pytest.mark.parametrize("kind", [ObstacleKind.HOUSE, ObstacleKind.ROAD, ObstacleKind.POWER_LINE])
def test_houses_roads_and_lines_keep_their_distance_at_every_height(kind: ObstacleKind) -> None:
    crossing = Obstacle(
        name="X",
        kind=kind,
        geometry=lonlat(LineString([(0, -55), (0, 55)])),
        height_m=1.0,
        clearance_m=10.0,
    )
    assert told(site_with(crossing)) == errors("leg_near_obstacle")
    assert values(site_with(crossing), "leg_near_obstacle") == {
        "item": 5,
        "obstacle": "X",
        "distance_m": 0.0,
        "limit_m": 10.0,
    }
    assert told(site_with(replace(crossing, overflight_approved=True))) == []
    high = replace(crossing, overflight_approved=True, height_m=30.1)
    assert told(site_with(high)) == errors("leg_low_over_obstacle")


def test_clearance_is_measured_to_the_nearest_leg() -> None:
    """The last line runs 12 m south of this wall, which asks for 12.1 m, then for 12 m."""
    wall = replace(HOUSE, geometry=lonlat(LineString([(-50, 60), (50, 60)])), clearance_m=12.1)
    assert told(site_with(wall)) == errors("leg_near_obstacle")
    assert values(site_with(wall), "leg_near_obstacle")["distance_m"] == pytest.approx(12, abs=0.02)
    assert told(site_with(replace(wall, clearance_m=12.0))) == []


def test_home_is_the_pad() -> None:
    plan = replace(PLAN, site=replace(SITE, pad=Pad(name="Bãi 2", place=local(0.0, -74.9))))
    assert told(plan) == errors("home_off_pad")
    assert values(plan, "home_off_pad") == {
        "pad": "Bãi 2",
        "distance_m": pytest.approx(5.1, abs=0.02),
    }
    near = replace(PLAN, site=replace(SITE, pad=Pad(name="Bãi 2", place=local(0.0, -75.1))))
    assert told(near) == []


def test_home_is_clear_of_everything_however_low() -> None:
    x, y = PAD_AT
    tree = replace(TREE, geometry=lonlat(Point(x + 2.9, y)))
    plan = replace(site_with(tree), rally_points=())
    assert told(plan) == errors("home_not_clear")
    assert values(plan, "home_not_clear") == {"what": "Cây vải"}
    zone = NoFlyZone(name="Chợ", area=MultiPolygon([lonlat(box(x - 1, y - 90, x + 1, y + 0.5))]))
    barred = replace(site_with(no_fly_zones=(zone,)), rally_points=())
    assert told(barred) == errors("leg_in_no_fly_zone", "home_not_clear")
    clear = replace(TREE, geometry=lonlat(Point(x + 3.0, y)))
    assert told(replace(site_with(clear), rally_points=())) == []


@pytest.mark.parametrize("kind", list(SensitiveKind))
def test_nobody_lands_on_water_people_or_bees(kind: SensitiveKind) -> None:
    x, y = PAD_AT
    living = SensitiveSite(kind=kind, geometry=lonlat(box(x - 1, y - 1, x + 1, y + 1)))
    plan = replace(PLAN, site=replace(SITE, sensitive_sites=(POND, living)), rally_points=())
    assert told(plan) == errors("home_not_clear")
    assert values(plan, "home_not_clear") == {"what": kind.value}


def test_rally_points_are_clear_of_everything() -> None:
    assert told(rallying(40.0, -80.0)) == errors("rally_not_clear")
    assert values(rallying(40.0, -80.0), "rally_not_clear") == {"rally": 2, "what": "Ao cá"}
    assert told(rallying(30.0, 14.0)) == errors("rally_not_clear")
    assert told(rallying(30.0, 15.1)) == []


def test_a_power_line_and_a_house_beside_the_field_do_no_harm() -> None:
    assert told(site_with(HOUSE, LINE)) == []


# --- the survey --------------------------------------------------------------------------------


def asked(**changes: Any) -> FlightPlan:
    settings = replace(SETTINGS, **changes)
    return replace(PLAN, survey=job(settings=settings, geometry=survey_geometry(settings)))


def test_a_camera_on_in_a_turn_is_a_warning() -> None:
    plan = without(6)
    assert told(plan) == warnings("camera_on_in_turn")
    assert values(plan, "camera_on_in_turn") == {"item": 6, "count": 2}


def test_pictures_at_the_fastest_speed_are_the_ones_judged() -> None:
    """9 m/s on the first lines, 6 m/s after: 1.1 cm pixels and 1.3 ms smear 1.07 pixels."""
    camera = replace(SETTINGS.camera, exposure_s=0.0013)
    plan = asked(camera=camera)
    items = (*changed(2, param2=9.0).items[:10], speed(6.0), *PLAN.items[10:])
    assert told(replace(plan, items=items)) == warnings("blurred")
    assert values(replace(plan, items=items), "blurred")["speed_m_s"] == 9.0
    assert told(plan) == []


def test_a_slight_bend_is_no_turn() -> None:
    """17.6 degrees near the end of the first line, then 22."""
    assert told(inserted(5, waypoint(90.0, -45.0))) == []
    assert told(inserted(5, waypoint(90.0, -44.2))) == warnings("camera_on_in_turn")


def test_a_survey_without_pictures_is_an_error() -> None:
    items = tuple(i for i in PLAN.items if i.command != Command.DO_SET_CAM_TRIGG_DIST)
    found = told(replace(PLAN, items=items))
    assert errors("camera_never_on")[0] in found
    assert warnings("not_all_seen")[0] in found


def test_a_survey_without_a_speed_is_a_warning() -> None:
    plan = without(2)
    assert told(plan) == warnings("speed_not_set")
    assert values(plan, "speed_not_set") == {"item": 4, "speed_m_s": 10.0}
    assert "finding.set_speed" not in info(plan)


def test_pictures_never_come_faster_than_the_camera_can() -> None:
    """10 m at 10 m/s is one second, which the camera needs; at 10.1 m/s it is less."""
    assert told(changed(2, param2=10.0)) == []
    plan = changed(2, param2=10.1)
    assert told(plan) == errors("camera_too_slow")
    assert values(plan, "camera_too_slow") == {
        "item": 5,
        "interval_s": pytest.approx(0.990, abs=0.001),
        "limit_s": 1.0,
    }
    later = inserted(15, speed(12.0))
    assert values(later, "camera_too_slow")["item"] == 18
    slow = asked(camera=replace(SETTINGS.camera, min_interval_s=1.1))
    no_speed = replace(slow, items=without(2).items)
    assert told(no_speed) == [*errors("camera_too_slow"), *warnings("speed_not_set")]


def test_a_speed_of_climb_or_descent_is_not_a_ground_speed() -> None:
    for kind in (2.0, 3.0):
        assert told(inserted(3, replace(speed(20.0), param1=kind))) == []


def test_pictures_are_no_further_apart_than_asked() -> None:
    assert told(changed(8, param1=10.009)) == []
    plan = changed(8, param1=10.02)
    assert told(plan) == errors("pictures_too_far_apart")
    assert values(plan, "pictures_too_far_apart") == {
        "item": 9,
        "trigger_m": 10.02,
        "limit_m": pytest.approx(10.0),
    }


def test_blurred_pictures_are_a_warning() -> None:
    """1.1 cm pixels and 2 ms: 6 m/s smears 1.09 pixels, 5.4 m/s 0.98."""
    camera = replace(SETTINGS.camera, exposure_s=0.002)
    plan = asked(camera=camera)
    assert told(plan) == warnings("blurred")
    assert values(plan, "blurred")["blur_px"] == pytest.approx(1.094, abs=0.001)
    assert values(plan, "blurred")["speed_m_s"] == 6.0
    assert told(replace(plan, items=changed(2, param2=5.4).items)) == []


def test_lines_are_flown_at_the_height_asked() -> None:
    assert told(changed(7, z=40.4)) == []
    plan = changed(7, z=40.6)
    assert told(plan) == errors("other_height")
    assert values(plan, "other_height") == {
        "item": 9,
        "height_m": pytest.approx(40.6),
        "asked_m": 40.0,
    }
    low = changed(7, z=39.4)
    assert told(low) == errors("other_height")


def test_the_plans_own_spacing_is_no_wider_than_asked() -> None:
    """24 m asked, with 0.5 % and 5 cm of rounding."""
    assert told(replace(PLAN, survey=job(fitted_spacing_m=24.16))) == []
    plan = replace(PLAN, survey=job(fitted_spacing_m=24.18))
    assert told(plan) == errors("lines_too_far_apart")
    assert values(plan, "lines_too_far_apart") == {
        "spacing_m": 24.18,
        "limit_m": pytest.approx(24.0),
    }


@pytest.mark.parametrize(("stretch", "missed"), [(1.07, 5.5), (1.02, 1.3)])
def test_a_grid_stretched_on_the_ground_is_caught_on_its_items(
    stretch: float, missed: float
) -> None:
    """The plan says 24 m; laid wider, as in Web Mercator at 21 degrees, gaps open."""
    stretched = tuple(north * stretch for north in (-48.0, -24.0, 0.0, 24.0, 48.0))
    plan = replace(PLAN, items=survey_items(stretched))
    assert told(plan)[0] == errors("lines_too_far_apart")[0]
    assert values(plan, "lines_too_far_apart")["spacing_m"] == pytest.approx(
        24.0 * stretch, abs=0.02
    )
    if missed > 2.0:
        assert told(plan) == [*errors("lines_too_far_apart"), *warnings("gaps_between_lines")]
        assert values(plan, "gaps_between_lines")["percent"] == pytest.approx(missed, abs=0.3)
    else:
        assert told(plan) == errors("lines_too_far_apart")


def test_tracks_along_the_border_are_no_grid() -> None:
    stretched = survey_items((-51.4, -25.7, 0.0, 25.7, 51.4))
    grid = replace(asked(), items=stretched)
    assert told(grid) == [*errors("lines_too_far_apart"), *warnings("gaps_between_lines")]
    edge = replace(asked(edge_pass=True), items=stretched)
    assert told(edge) == warnings("gaps_between_lines")


def test_lines_a_hand_too_far_apart_that_leave_no_gap_to_speak_of_are_welcome() -> None:
    """24.3 m where 24 m was asked, but 99.6 % of this narrow field is overlapped as asked."""
    narrow = Field(name="Hẹp", boundary=MultiPolygon([lonlat(box(-100, -24, 100, 24))]))
    plan = replace(
        PLAN,
        items=survey_items((-12.15, 12.15)),
        site=replace(SITE, field=narrow),
    )
    assert told(plan) == []
    wider = replace(plan, items=survey_items((-12.25, 12.25)))
    assert told(wider) == errors("lines_too_far_apart")
    assert values(wider, "lines_too_far_apart")["spacing_m"] == pytest.approx(24.5, abs=0.02)


def test_a_grid_narrower_than_asked_is_welcome() -> None:
    narrow = tuple(north * 0.98 for north in (-48.0, -24.0, 0.0, 24.0, 48.0))
    assert told(replace(PLAN, items=survey_items(narrow), ceiling_m=60.0)) == []


def spacing(lines: list[tuple[float, float, float, float]], field: Polygon) -> float:
    items: list[MissionItem] = [PLAN.items[0]]
    for x0, y0, x1, y1 in lines:
        items += [waypoint(x0, y0), trigger(10.0), waypoint(x1, y1), trigger(0.0)]
    path = path_of(replace(PLAN, items=(*items, RTL)))
    lines = path.lines[[leg.trigger_m > 0.0 for leg in path.legs]]
    return measured_spacing_m(path.frame.geometry_to_local(lonlat(field)), lines)


def test_the_spacing_is_measured_between_neighbours_only() -> None:
    field = box(-200, -100, 200, 100)
    rows = [(-90.0, y, 90.0, y) for y in (0.0, 20.0, 41.0)]
    assert spacing(rows, field) == pytest.approx(20.0, abs=0.02)
    assert spacing(rows[:1], field) == 0.0
    turned = [(90.0, 0.0, -90.0, 0.0), (-90.0, 20.0, 90.0, 21.0)]
    assert spacing(turned, field) == pytest.approx(20.5, abs=0.3)
    slanted = [(-60.0, -60.0, 60.0, 60.0), (-40.0, -60.0, 60.0, 40.0), (-60.0, 60.0, -20.0, 99.0)]
    assert spacing(slanted, field) == pytest.approx(14.14, abs=0.02)
    close = [(-90.0, 0.0, 90.0, 0.0), (-90.0, 1.0, 90.0, 1.0)]
    assert spacing(close, field) == pytest.approx(1.0, abs=0.02)
    crossed = [(-90.0, 0.0, 90.0, 0.0), (-90.0, 20.0, 90.0, 30.0)]
    assert spacing(crossed, field) == 0.0
    pieces = [(-90.0, 0.0, -10.0, 0.0), (-20.0, 0.3, 90.0, 0.3)]
    assert spacing(pieces, field) == 0.0
    shifted = [(-90.0, 0.0, 0.0, 0.0), (-44.0, 20.0, 60.0, 20.0)]
    assert spacing(shifted, field) == 0.0
    beside = [(-90.0, 0.0, 0.0, 0.0), (-46.0, 20.0, 60.0, 20.0)]
    assert spacing(beside, field) == pytest.approx(20.0, abs=0.02)


def test_long_lines_weigh_more_than_the_short_sides_of_a_ring() -> None:
    field = box(-200, -100, 200, 100)
    ring = [(-90.0, 0.0, 90.0, 0.0), (90.0, 0.0, 90.0, 20.0), (90.0, 20.0, -90.0, 20.0)]
    ring.append((-90.0, 20.0, -90.0, 0.0))
    assert spacing(ring, field) == pytest.approx(20.0, abs=0.02)
    assert spacing([*ring, (-90.0, 10.0, 90.0, 10.0)], field) == pytest.approx(10.0, abs=0.02)


def test_a_line_between_two_makes_them_no_neighbours() -> None:
    field = box(-200, -100, 200, 100)
    outer = [(-90.0, 0.0, 90.0, 0.0), (-90.0, 40.0, 90.0, 40.0)]
    assert spacing(outer, field) == pytest.approx(40.0, abs=0.02)
    assert spacing([*outer, (-50.0, 5.0, 50.0, 35.0)], field) == 0.0


def test_lines_with_other_land_between_them_are_no_neighbours() -> None:
    """The two arms of a U stand 60 m apart; most of the land between is not the field's."""
    arms = [(-90.0, -30.0, 90.0, -30.0), (-90.0, 30.0, 90.0, 30.0)]
    u_shape = box(-100, -60, 100, 60).difference(box(-85, -20, 100, 20))
    assert spacing(arms, u_shape) == 0.0
    assert spacing(arms, box(-100, -60, 100, 60)) == pytest.approx(60.0, abs=0.02)
    pond = box(-100, -60, 100, 60).difference(box(-10, -20, 10, 20))
    assert spacing(arms, pond) == pytest.approx(60.0, abs=0.02)


def test_lines_on_both_sides_of_a_keep_out_are_no_neighbours() -> None:
    house = replace(PLAN, items=survey_items((-48.0, 48.0)), survey=job(fitted_spacing_m=24.0))
    assert ("finding.lines_too_far_apart", ERROR) in told(house)
    kept = replace(house, fence_polygons=(FENCE, keep_out(-99, -40, 99, 40)))
    assert ("finding.lines_too_far_apart", ERROR) not in told(kept)


def test_a_missing_line_leaves_a_gap_but_the_field_is_seen() -> None:
    plan = replace(PLAN, items=survey_items((-48.0, -24.0, 0.0, 48.0)))
    assert told(plan) == warnings("gaps_between_lines")
    assert values(plan, "gaps_between_lines")["percent"] == pytest.approx(19.9, abs=0.1)


def test_a_field_not_seen_whole_is_a_warning() -> None:
    plan = replace(PLAN, items=survey_items((-48.0, -24.0, 0.0)))
    assert told(plan) == warnings("not_all_seen", "gaps_between_lines")
    assert values(plan, "not_all_seen")["percent"] == pytest.approx(25.0, abs=0.1)
    assert "finding.checked_survey" not in info(plan)


def test_shares_are_of_the_field_outside_the_keep_outs() -> None:
    lines = (-48.0, -24.0, 24.0, 48.0)
    plan = replace(PLAN, items=survey_items(lines))
    assert plan.site is not None
    assert plan.survey is not None
    seen, overlapped = shares_of_field(plan, plan.site, plan.survey, path_of(plan))
    assert seen == pytest.approx(1.0)
    assert overlapped == pytest.approx(0.8, abs=0.005)
    kept = replace(plan, fence_polygons=(FENCE, keep_out(-100, -4, 100, 4)))
    _, overlapped = shares_of_field(kept, plan.site, plan.survey, path_of(kept))
    assert overlapped == pytest.approx(1.0)
    ring = replace(plan, fence_polygons=(FENCE, keep_out(-300, -300, 300, 300)))
    assert shares_of_field(ring, plan.site, plan.survey, path_of(ring)) == (1.0, 1.0)


def wide_field(east_m: float) -> Any:
    field = Field(name="Dài", boundary=MultiPolygon([lonlat(box(-100, -60, east_m, 60))]))
    return replace(SITE, field=field)


@pytest.mark.parametrize(
    ("trigger_m", "seen_to_m"), [(10.0, 120.0), (30.0, 100.0), (70.0, 60.0), (150.0, 70.0)]
)
def test_what_is_seen_ends_half_a_picture_after_the_last_one(
    trigger_m: float, seen_to_m: float
) -> None:
    """Lines from -100 to 100 m, pictures 40 m long, the field to 160 m."""
    items = tuple(
        replace(i, param1=trigger_m) if i.command == 206 and i.param1 else i for i in PLAN.items
    )
    one_way = tuple(
        item
        for north in (-48.0, -24.0, 0.0, 24.0, 48.0)
        for item in (
            waypoint(-100.0, north),
            trigger(trigger_m),
            waypoint(100.0, north),
            trigger(0.0),
        )
    )
    plan = replace(PLAN, items=(*items[:2], *one_way, *items[22:]), site=wide_field(160.0))
    assert plan.site is not None
    assert plan.survey is not None
    seen, _ = shares_of_field(plan, plan.site, plan.survey, path_of(plan))
    assert seen == pytest.approx((seen_to_m + 100.0) / 260.0, abs=0.001)


def test_what_is_seen_begins_half_a_picture_before_the_first_one() -> None:
    plan = replace(PLAN, items=survey_items((-48.0, 0.0, 48.0)), site=wide_field(130.0))
    shifted = Field(name="Tây", boundary=MultiPolygon([lonlat(box(-140, -60, 100, 60))]))
    one_line = replace(
        plan,
        items=(PLAN.items[0], waypoint(-100, 0), trigger(10.0), waypoint(100, 0), trigger(0), RTL),
        site=replace(SITE, field=shifted),
    )
    assert one_line.site is not None
    assert one_line.survey is not None
    seen, _ = shares_of_field(one_line, one_line.site, one_line.survey, path_of(one_line))
    assert seen == pytest.approx(220.0 / 240.0 * 60.0 / 120.0, abs=0.001)


def test_pictures_a_hand_apart_are_pictures_too() -> None:
    items = tuple(
        replace(i, param1=0.8) if i.command == 206 and i.param1 else i for i in PLAN.items
    )
    assert told(replace(PLAN, items=items)) == errors("camera_too_slow")


def test_the_ring_round_a_keep_out_that_lines_do_not_reach_is_ten_metres() -> None:
    plan = replace(
        PLAN,
        items=survey_items((-48.0, -24.0, 24.0, 48.0)),
        fence_polygons=(FENCE, keep_out(-100, 0, 100, 1)),
    )
    assert plan.site is not None
    assert plan.survey is not None
    _, overlapped = shares_of_field(plan, plan.site, plan.survey, path_of(plan))
    open_m2, missed_m2 = 200.0 * (120.0 - 21.0), 200.0 * (24.0 - 0.1 - 21.0)
    assert overlapped == pytest.approx(1.0 - missed_m2 / open_m2, abs=0.0015)


def test_a_hole_of_the_field_is_flown_over_and_counts() -> None:
    holed = box(-100, -60, 100, 60).difference(box(-80, -14, 80, 14))
    field = Field(name="Ao", boundary=MultiPolygon([lonlat(holed)]))
    plan = replace(
        PLAN,
        items=survey_items((-48.0, -24.0, 24.0, 48.0)),
        site=replace(SITE, field=field),
    )
    assert told(plan) == warnings("gaps_between_lines")


def test_shares_say_nothing_of_a_garden() -> None:
    garden = Field(name="Vườn", boundary=MultiPolygon([lonlat(box(300, 0, 330, 33))]))
    small = replace(PLAN, site=replace(SITE, field=garden))
    assert told(small) == []
    larger = Field(name="Vườn", boundary=MultiPolygon([lonlat(box(300, 0, 330, 34))]))
    assert told(replace(PLAN, site=replace(SITE, field=larger))) == warnings(
        "not_all_seen", "gaps_between_lines"
    )


# --- energy ------------------------------------------------------------------------------------


def estimated(**changes: Any) -> FlightPlan:
    usual = {"length_m": 1400.0, "time_s": 330.0, "energy_wh": 50.0, "batteries": 1, "photos": 105}
    return replace(PLAN, survey=job(estimate=Estimate(**(usual | changes))))


def test_a_third_of_the_pack_stays_for_the_landing() -> None:
    plan = replace(PLAN, aircraft=replace(AIRCRAFT, reserve=0.29))
    assert told(plan) == errors("reserve_low")
    assert values(plan, "reserve_low") == {
        "reserve_pct": pytest.approx(29.0),
        "limit_pct": pytest.approx(30.0),
    }
    assert told(replace(PLAN, aircraft=replace(AIRCRAFT, reserve=0.3))) == []


def test_the_packs_must_give_the_energy() -> None:
    """120 Wh with 30 % kept give 84 Wh."""
    assert told(estimated(energy_wh=84.0)) == []
    assert told(estimated(energy_wh=84.1)) == errors("energy_short")
    assert values(estimated(energy_wh=84.1), "energy_short") == {
        "energy_wh": 84.1,
        "limit_wh": pytest.approx(84.0),
    }
    assert told(estimated(energy_wh=84.1, batteries=2)) == warnings("batteries")


def test_more_than_one_pack_is_told() -> None:
    assert told(estimated(batteries=3)) == warnings("batteries")
    assert values(estimated(batteries=3), "batteries") == {"count": 3}


def test_an_estimate_for_a_shorter_path_is_an_error() -> None:
    """The path is 1,363 m long."""
    assert told(estimated(length_m=1337.0)) == []
    assert told(estimated(length_m=1330.0)) == errors("estimate_old")
    assert values(estimated(length_m=1330.0), "estimate_old") == {
        "length_m": pytest.approx(1363.4, abs=0.1),
        "estimated_m": 1330.0,
    }


def test_flying_faster_than_the_aircraft_is_known_at_is_a_warning() -> None:
    assert told(asked(speed_m_s=8.0)) == []
    assert told(asked(speed_m_s=8.1)) == warnings("faster_than_usual")
    assert values(asked(speed_m_s=8.1), "faster_than_usual") == {
        "speed_m_s": 8.1,
        "limit_m_s": 8.0,
    }


# --- strangers' plans ---------------------------------------------------------------------------


def test_what_a_strangers_file_does_not_tell_is_said_to_be_unchecked() -> None:
    bare = replace(PLAN, site=None, aircraft=None, survey=None)
    assert told(bare) == warnings("site_not_told", "survey_not_told", "aircraft_not_told")
    assert info(bare) == [
        "finding.checked_items",
        "finding.checked_heights",
        "finding.checked_fence",
        "finding.set_rtl_height",
        "finding.set_speed",
        "finding.fingerprint",
    ]


def test_each_thing_told_is_checked_by_itself() -> None:
    assert told(replace(PLAN, site=None)) == warnings("site_not_told")
    assert told(replace(PLAN, survey=None)) == warnings("survey_not_told")
    assert told(replace(PLAN, aircraft=None)) == warnings("aircraft_not_told")
    assert told(replace(estimated(batteries=2), aircraft=None)) == warnings("aircraft_not_told")
    assert "finding.checked_survey" not in info(replace(PLAN, site=None))
    assert "finding.checked_survey" in info(replace(PLAN, aircraft=None))
