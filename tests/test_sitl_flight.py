"""The simulated copter from switch-on to landing: arming, AUTO, camera, sprayer, return."""

from __future__ import annotations

import itertools
import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.spray_gear import SprayHardware
from tests.ground_station import (
    ACCEPTED,
    AUTO,
    AUTO_RTL,
    BRAKE,
    DENIED,
    FAILED,
    GROUND,
    GUIDED,
    HOME_ITEM,
    LAND,
    LOITER,
    RETURN,
    RTL,
    STABILIZE,
    Item,
    Station,
    do,
    ring,
    take_off,
    waypoint,
)

SPRAYER = {"SPRAY_ENABLE": 1, "SERVO9_FUNCTION": 22, "SERVO10_FUNCTION": 23}
CAMERA = {"CAM1_TYPE": 1}
PREARM = 0x10000000


def spray_line() -> list[Item]:
    return [
        take_off(5.0),
        do(178, 1.0, 5.0, -1.0),
        waypoint(0, 30, 5.0),
        do(216, 1.0),
        waypoint(100, 30, 5.0),
        do(216, 0.0),
        waypoint(100, 40, 5.0),
        RETURN,
    ]


def pump(station: Station) -> int:
    return int(station.answer(request(36), "SERVO_OUTPUT_RAW").servo9_raw)


def request(message_id: int):
    return mavlink.MAVLink_command_long_message(1, 1, 512, 0, message_id, 0, 0, 0, 0, 0, 0)


# ---- coming up and arming


def test_it_comes_up_at_the_times_of_the_real_one():
    station = Station(ready_after_s=None)
    ready = station.copter.ready
    assert station.until(lambda: ready.gps_fix) == pytest.approx(10.0, abs=0.3)
    station.until(lambda: ready.has_origin)
    assert station.now_s == pytest.approx(20.0, abs=0.3)
    station.until(lambda: ready.position_good)
    assert station.now_s == pytest.approx(41.5, abs=0.3)


def test_what_it_says_of_itself_follows_readiness():
    station = Station(ready_after_s=None)
    station.wait(5.0)
    assert station.answer(request(24), "GPS_RAW_INT").fix_type < 3
    assert station.answer(request(33), "GLOBAL_POSITION_INT").lat == 0
    station.mode(GUIDED)
    station.wait(20.0)
    assert station.answer(request(24), "GPS_RAW_INT").fix_type >= 3
    assert not station.answer(request(193), "EKF_STATUS_REPORT").flags & 16
    assert not station.answer(request(1), "SYS_STATUS").onboard_control_sensors_health & PREARM
    station.wait(20.0)
    assert station.answer(request(193), "EKF_STATUS_REPORT").flags & 16
    assert station.answer(request(1), "SYS_STATUS").onboard_control_sensors_health & PREARM


def test_a_shorter_time_until_ready_is_kept():
    station = Station(ready_after_s=3.0)
    assert station.until(lambda: station.copter.ready.position_good) == pytest.approx(3.0, abs=0.2)


def test_arming_too_early_is_refused_and_said():
    station = Station(ready_after_s=None)
    station.wait(25.0)
    station.mode(GUIDED)
    assert station.command(400, 1) == FAILED
    assert "Arm: Need Position Estimate" in station.texts()
    assert not station.copter.armed


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (RTL, "Arm: RTL mode not armable"),
        (LAND, "Arm: LAND mode not armable"),
        (BRAKE, "Arm: BRAKE mode not armable"),
        (AUTO, "Arm: Mode requires mission"),
    ],
)
def test_modes_that_cannot_be_armed_in(mode, said):
    station = Station()
    station.ready()
    assert station.mode(mode) == ACCEPTED
    assert station.command(400, 1) == FAILED
    assert said in station.texts()


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"BATT_ARM_VOLT": 13.0}, "Battery 1 below minimum arming voltage"),
        ({"BATT_ARM_MAH": 4000.0}, "Battery 1 below minimum arming capacity"),
        ({"BATT_CRT_VOLT": 10.5}, "Battery 1 voltage failsafe critical >= low"),
        ({"FENCE_ENABLE": 1, "FENCE_TYPE": 4}, "Fences enabled, but none selected"),
        ({"SIM_RC_FAIL": 1}, "Radio failsafe on"),
        ({"FS_THR_VALUE": 905}, "Check FS_THR_VALUE"),
        ({"ANGLE_MAX": 500}, "Check ANGLE_MAX"),
    ],
)
def test_the_pre_arm_checks_say_why(parameters, said):
    station = Station(parameters=parameters)
    station.ready()
    assert station.command(400, 1) == FAILED
    assert f"Arm: {said}" in station.texts()
    station.wait(31.0)
    assert f"PreArm: {said}" in station.texts()


def test_outside_the_fence_it_is_not_armed_and_inside_it_is():
    station = Station(parameters={"FENCE_ENABLE": 1, "FENCE_TYPE": 4})
    station.ready()
    station.upload(ring([(100, 100), (200, 100), (200, 200), (100, 200)]), 1)
    station.wait(1.5)
    assert station.command(400, 1) == FAILED
    assert "Arm: vehicle outside fence" in station.texts()
    station.upload(ring([(-100, -100), (200, -100), (200, 200), (-100, 200)]), 1)
    station.wait(1.5)
    assert station.command(400, 1) == ACCEPTED


def test_a_fence_needs_a_position_before_arming_even_in_stabilize():
    station = Station(ready_after_s=None, parameters={"FENCE_ENABLE": 1, "FENCE_TYPE": 2})
    station.wait(30.0)
    assert station.command(400, 1) == FAILED
    assert "Arm: Fence enabled, need position estimate" in station.texts()


def test_forcing_arms_whatever_the_checks_say():
    station = Station(parameters={"BATT_ARM_VOLT": 13.0})
    station.ready()
    assert station.command(400, 1) == FAILED
    assert station.command(400, 1, 21196) == ACCEPTED
    assert station.copter.armed


def test_terrain_heights_need_an_answer_from_the_ground():
    station = Station()
    station.ready()
    station.upload([HOME_ITEM, take_off(10.0), {**waypoint(0, 20, 10.0), "frame": 10}])
    station.mode(GUIDED)
    station.wait(2.5)
    assert station.command(400, 1) == FAILED
    assert "Arm: waiting for terrain data" in station.texts()
    asked = station.of("TERRAIN_REQUEST")[0]
    heights = [10] * 16
    station.send(
        mavlink.MAVLink_terrain_data_message(asked.lat, asked.lon, asked.grid_spacing, 0, heights)
    )
    assert station.command(400, 1) == ACCEPTED
    station = Station(parameters={"TERRAIN_ENABLE": 0})
    station.ready()
    station.upload([HOME_ITEM, take_off(10.0), {**waypoint(0, 20, 10.0), "frame": 10}])
    assert station.command(400, 1) == FAILED


def test_auto_is_refused_on_the_ground_without_a_take_off():
    station = Station()
    station.ready()
    station.upload([HOME_ITEM, waypoint(0, 50, 10.0), RETURN])
    station.mode(GUIDED)
    assert station.command(400, 1) == ACCEPTED
    assert station.mode(AUTO) == FAILED
    assert "Auto: Missing Takeoff Cmd" in station.texts()
    assert station.command(300) == FAILED


def test_without_mission_start_it_stays_on_the_ground_and_disarms_after_ten_seconds():
    station = Station()
    station.ready()
    station.upload([HOME_ITEM, take_off(10.0), waypoint(0, 50, 10.0), RETURN])
    for order in ((176, 1, GUIDED), (400, 1), (176, 1, AUTO)):
        assert station.command(*order) == ACCEPTED
    assert station.landed(15.0) == pytest.approx(10.0, abs=0.5)
    assert station.copter.body.up_m == 0.0


def test_auto_options_allow_arming_and_taking_off_in_auto():
    station = Station(parameters={"AUTO_OPTIONS": 3})
    station.ready()
    station.upload([HOME_ITEM, take_off(10.0), waypoint(0, 20, 10.0), RETURN])
    assert station.mode(AUTO) == ACCEPTED
    assert station.command(400, 1) == ACCEPTED
    station.until(lambda: station.copter.body.up_m > 9.0, 30.0)
    station.landed()


def test_an_idle_armed_copter_disarms_by_itself_and_not_with_a_delay_of_zero():
    station = Station()
    station.ready()
    station.mode(GUIDED)
    station.command(400, 1)
    assert station.landed(15.0) == pytest.approx(10.0, abs=0.5)
    station.set("DISARM_DELAY", 0)
    station.command(400, 1)
    station.wait(30.0)
    assert station.copter.armed


def test_a_return_ordered_on_the_ground_does_nothing_but_wait_for_the_delay():
    station = Station()
    station.ready()
    station.command(400, 1)
    assert station.mode(RTL) == ACCEPTED
    station.wait(5.0)
    assert station.copter.armed
    station.wait(6.0)
    assert not station.copter.armed


def test_in_flight_it_disarms_only_by_force():
    station = Station()
    station.start([take_off(10.0), waypoint(0, 200, 10.0), RETURN])
    station.wait(15.0)
    assert station.command(400, 0) == FAILED
    assert station.copter.armed
    assert station.command(400, 0, 21196) == ACCEPTED
    station.until(lambda: station.copter.landed, 30.0)
    assert station.copter.crashed


# ---- a whole flight


def test_a_small_survey_takes_the_pictures_it_should_and_lands_at_home():
    lines = [(0.0, 20.0, 120.0), (30.0, 120.0, 20.0), (60.0, 20.0, 120.0)]
    items: list[Item] = [take_off(40.0), do(178, 1.0, 6.0, -1.0)]
    for east_m, start_m, end_m in lines:
        items += [
            waypoint(east_m, start_m, 40.0),
            do(206, 10.0, 0.0, 1.0),
            waypoint(east_m, end_m, 40.0),
            do(206, 0.0),
        ]
    station = Station(parameters=CAMERA)
    station.start([*items, waypoint(60.0, 130.0, 40.0), RETURN])
    flown_s = station.landed()
    pictures = station.of("CAMERA_FEEDBACK")
    per_line = [
        [m for m in pictures if abs(GROUND.metres(m.lat, m.lng)[0] - east_m) < 5.0]
        for east_m, *_ in lines
    ]
    assert [len(line) for line in per_line] == [10, 10, 10]
    assert [m.img_idx for m in pictures] == list(range(1, len(pictures) + 1))
    for line in per_line:
        places = [GROUND.metres(m.lat, m.lng) for m in line]
        gaps = [math.dist(a, b) for a, b in itertools.pairwise(places)]
        assert all(9.9 <= gap <= 10.4 for gap in gaps[1:])
    assert all(abs(m.alt_rel - 40.0) < 1.0 for m in pictures)
    assert math.hypot(*station.place[:2]) < 0.5
    assert station.place[2] == 0.0
    assert 120.0 < flown_s < 300.0
    assert [m.seq for m in station.of("MISSION_ITEM_REACHED")][-1] == len(items) + 2


def test_the_same_seed_flies_the_same_flight():
    def flight(seed: int) -> list[str]:
        station = Station(seed=seed, parameters={**CAMERA, "SIM_WIND_SPD": 5, "SIM_WIND_TURB": 2})
        station.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
        station.start([take_off(10.0), do(206, 5.0, 0.0, 1.0), waypoint(0, 50, 10.0), RETURN])
        station.landed()
        return [str(message) for _, message in station.log]

    first = flight(1)
    assert first == flight(1)
    assert first != flight(2)


def test_no_camera_no_pictures():
    station = Station()
    station.start([take_off(10.0), do(206, 5.0, 0.0, 1.0), waypoint(0, 50, 10.0), RETURN])
    station.landed()
    assert not station.of("CAMERA_FEEDBACK")


def test_triggering_goes_on_through_the_return_unless_kept_to_auto():
    def pictures(**parameters: float) -> int:
        station = Station(parameters={**CAMERA, **parameters})
        station.start([take_off(10.0), do(206, 5.0, 0.0, 1.0), waypoint(0, 100, 10.0), RETURN])
        station.until(lambda: station.place[1] > 50.0)
        station.mode(RTL)
        before = len(station.of("CAMERA_FEEDBACK"))
        station.landed()
        return len(station.of("CAMERA_FEEDBACK")) - before

    assert pictures() > 8
    assert pictures(CAM_AUTO_ONLY=1) == 0


def test_after_the_last_navigation_item_only_the_first_do_item_runs():
    station = Station(parameters={**SPRAYER, **CAMERA})
    station.start(
        [
            take_off(10.0),
            do(216, 1.0),
            waypoint(0, 50, 10.0),
            do(203, x=1),
            do(216, 0.0),
        ]
    )
    station.until(lambda: station.copter.mission.state == 2)
    station.wait(10.0)
    assert len(station.of("CAMERA_FEEDBACK")) == 1
    assert station.copter.sprayer.running
    assert math.dist(station.place, (0.0, 50.0, 10.0)) < 0.5
    current = station.answer(request(42), "MISSION_CURRENT")
    assert (current.seq, current.mission_state) == (3, 5)


def test_do_items_run_when_the_item_before_them_is_reached():
    station = Station(parameters=SPRAYER)
    station.start(spray_line())
    station.until(lambda: station.copter.sprayer.running)
    assert math.dist(station.place[:2], (0.0, 30.0)) < 2.5
    station.until(lambda: not station.copter.sprayer.running)
    assert math.dist(station.place[:2], (100.0, 30.0)) < 2.5
    reached = [m.seq for m in station.of("MISSION_ITEM_REACHED")]
    assert 1 not in reached  # the slot is taken by DO_CHANGE_SPEED, item 2
    assert reached[:3] == [2, 3, 5]


def test_a_delay_at_a_waypoint_is_waited_for():
    station = Station()
    station.start(
        [
            take_off(10.0),
            waypoint(0, 30, 10.0, params=(7.0, 0, 0, 0)),
            waypoint(0, 60, 10.0, 19, params=(5.0, 0, 0, 0)),
            RETURN,
        ]
    )
    station.until(lambda: station.copter.mission.nav == 2)
    station.until(lambda: math.dist(station.place[:2], (0.0, 30.0)) < 0.5)
    assert station.until(lambda: station.copter.mission.nav == 3) > 6.0
    station.until(lambda: math.dist(station.place[:2], (0.0, 60.0)) < 0.5)
    assert station.until(lambda: station.copter.mission.nav == 4) > 4.0


def test_conditions_hold_up_the_do_items_behind_them():
    station = Station(parameters=CAMERA)
    station.start(
        [
            take_off(10.0),
            do(114, 20.0),
            do(203, x=1),
            waypoint(0, 100, 10.0),
            do(112, 3.0),
            do(203, x=1),
            do(115, 90.0, 20.0, 1.0, 0.0),
            do(203, x=1),
            waypoint(0, 200, 10.0),
            RETURN,
        ]
    )
    station.landed()
    places = [GROUND.metres(m.lat, m.lng)[1] for m in station.of("CAMERA_FEEDBACK")]
    yaws = [m.yaw for m in station.of("CAMERA_FEEDBACK")]
    assert places[0] == pytest.approx(80.0, abs=1.0)
    assert places[1] > 110.0
    assert yaws[2] == pytest.approx(90.0, abs=3.0)


def test_jumps_are_taken_as_often_as_they_say():
    station = Station()
    station.start(
        [take_off(10.0), waypoint(0, 20, 10.0), waypoint(20, 20, 10.0), do(177, 2.0, 2.0), RETURN]
    )
    station.landed()
    reached = [m.seq for m in station.of("MISSION_ITEM_REACHED")]
    assert reached == [1, 2, 3, 2, 3, 2, 3, 5]


def test_land_items_land_here_or_there():
    station = Station()
    station.start([take_off(10.0), waypoint(0, 30, 10.0), waypoint(20, 40, 0.0, 21)])
    station.landed()
    assert math.dist(station.place, (20.0, 40.0, 0.0)) < 0.5
    station = Station()
    station.start([take_off(10.0), waypoint(0, 30, 10.0), {"command": 21, "frame": 6}])
    station.landed()
    assert math.dist(station.place, (0.0, 30.0, 0.0)) < 1.5


def test_disarming_sends_the_mission_back_to_its_beginning():
    station = Station()
    station.start([take_off(10.0), waypoint(0, 30, 10.0), RETURN])
    station.landed()
    current = station.answer(request(42), "MISSION_CURRENT")
    assert (current.seq, current.mission_state) == (0, 5)


def test_an_ordered_speed_is_forgotten_when_auto_is_left():
    station = Station()
    station.start([take_off(10.0), do(178, 1.0, 4.0, -1.0), waypoint(0, 400, 10.0), RETURN])
    station.until(lambda: station.place[1] > 60.0)
    assert station.copter.body.speed_m_s == pytest.approx(4.0, abs=0.2)
    station.mode(BRAKE)
    station.wait(8.0)
    assert station.copter.body.speed_m_s < 0.3
    assert station.mode(AUTO) == ACCEPTED
    station.wait(12.0)
    assert station.copter.body.speed_m_s == pytest.approx(10.0, abs=0.5)


def test_a_pause_keeps_the_speed_and_goes_on():
    station = Station()
    station.start([take_off(10.0), do(178, 1.0, 4.0, -1.0), waypoint(0, 200, 10.0), RETURN])
    station.until(lambda: station.place[1] > 60.0)
    assert station.command(193, 0) == ACCEPTED
    assert station.command(193, 0) == FAILED
    station.wait(8.0)
    assert station.copter.body.speed_m_s < 0.2
    assert station.answer(request(42), "MISSION_CURRENT").mission_state == 4
    assert station.command(193, 1) == ACCEPTED
    station.wait(8.0)
    assert station.copter.body.speed_m_s == pytest.approx(4.0, abs=0.2)


def test_an_item_can_be_made_current_in_flight():
    station = Station()
    station.start([take_off(10.0), *(waypoint(0, 50 * k, 10.0) for k in (1, 2, 3)), RETURN])
    station.until(lambda: station.place[1] > 20.0)
    assert station.command(224, 5) == ACCEPTED
    assert station.command(224, 99) == DENIED
    station.landed()
    assert max(GROUND.metres(m.x, m.y)[1] for m in station.download()[2:5]) > 100.0
    assert [m.seq for m in station.of("MISSION_ITEM_REACHED")] == [1, 5]


def test_a_mission_changed_in_flight_restarts_its_item():
    station = Station()
    station.start([take_off(10.0), waypoint(0, 300, 10.0), RETURN])
    station.until(lambda: station.place[1] > 50.0)
    assert station.upload([HOME_ITEM, take_off(10.0), waypoint(300, 0, 10.0), RETURN]) == 0
    assert "Auto mission changed, restarted command" in station.texts()
    station.until(lambda: station.place[0] > 280.0, 120.0)


def test_the_same_mission_uploaded_again_in_flight_changes_nothing():
    station = Station()
    items = [take_off(10.0), waypoint(0, 300, 10.0), RETURN]
    station.start(items)
    station.until(lambda: station.place[1] > 50.0)
    assert station.upload([HOME_ITEM, *items]) == 0
    assert not any("mission changed" in text for text in station.texts())


# ---- sprayer


def test_the_pump_follows_the_speed_within_the_line():
    station = Station(parameters=SPRAYER, sprayer=SprayHardware(tank_l=10.0, kg_per_l=0.0))
    station.start(spray_line())
    assert pump(station) == 0
    station.until(lambda: station.place[0] > 50.0)
    assert pump(station) == pytest.approx(1500, abs=15)
    station.until(lambda: station.place[0] > 101.0 or station.place[1] > 35.0)
    assert pump(station) == 1100
    gear = station.copter.gear
    assert gear.sprayed_l == pytest.approx(2.0 * 0.5 * 20.0 / 60.0, rel=0.15)
    assert gear.tank_l == pytest.approx(10.0 - gear.sprayed_l)


def test_the_sprayer_stays_on_when_auto_is_left_and_even_into_the_next_flight():
    station = Station(parameters=SPRAYER)
    station.start(spray_line())
    station.until(lambda: station.place[0] > 50.0)
    station.mode(RTL)
    station.until(lambda: station.copter.body.speed_m_s < 0.5)
    station.wait(1.5)
    assert pump(station) == 1100
    station.until(lambda: station.copter.body.speed_m_s > 3.0)
    station.wait(0.6)
    assert pump(station) > 1300
    station.landed()
    assert station.copter.sprayer.running
    assert station.command(216, 0) == ACCEPTED
    assert not station.copter.sprayer.running


def test_without_the_feature_the_order_is_accepted_and_nothing_happens():
    station = Station(parameters={"SERVO9_FUNCTION": 22})
    station.ready()
    assert station.command(216, 1) == ACCEPTED
    assert not station.copter.sprayer.running


# ---- return and landing


def test_a_return_climbs_waits_and_lands_at_home():
    station = Station()
    station.start([take_off(5.0), waypoint(0, 100, 5.0), RETURN])
    station.until(lambda: station.place[1] > 80.0)
    station.mode(RTL)
    highest = 0.0
    while station.copter.armed:
        station.wait(0.1)
        highest = max(highest, station.place[2])
    assert highest == pytest.approx(15.0, abs=0.3)
    assert math.hypot(*station.place[:2]) < 0.5


def test_a_return_goes_to_the_nearest_of_rally_points_and_home():
    def end(*rally: Item, **parameters: float) -> tuple[float, float]:
        station = Station(parameters=parameters)
        station.ready()
        station.upload(list(rally), 2)
        station.start([take_off(10.0), waypoint(0, 100, 10.0), RETURN])
        station.until(lambda: station.place[1] > 90.0)
        station.command(20)
        station.landed()
        return station.place[:2]

    near, far = waypoint(30, 90, 20.0, 5100), waypoint(0, 350, 20.0, 5100)
    assert math.dist(end(near), (30.0, 90.0)) < 0.5
    assert math.dist(end(far, near), (30.0, 90.0)) < 0.5
    assert math.dist(end(waypoint(0, -90, 20.0, 5100)), (0.0, 0.0)) < 0.5
    lone = end(waypoint(0, -90, 20.0, 5100), RALLY_INCL_HOME=0)
    assert math.dist(lone, (0.0, -90.0)) < 0.5
    limited = end(waypoint(0, -190, 20.0, 5100), RALLY_INCL_HOME=0, RALLY_LIMIT_KM=0.1)
    assert math.dist(limited, (0.0, 0.0)) < 0.5


def test_close_to_home_a_return_climbs_less():
    station = Station()
    station.start([take_off(5.0), waypoint(0, 3.0, 5.0), waypoint(0, 3.5, 5.0, 17)])
    station.until(lambda: station.copter.mission.nav == 3)
    station.wait(3.0)
    station.mode(RTL)
    highest = 0.0
    while station.copter.armed:
        station.wait(0.1)
        highest = max(highest, station.place[2])
    assert highest == pytest.approx(3.0 * 3.5, abs=0.4)


def test_a_final_height_leaves_it_hovering_over_home():
    station = Station(parameters={"RTL_ALT_FINAL": 500})
    station.start([take_off(10.0), waypoint(0, 50, 10.0), RETURN])
    station.until(lambda: station.copter.mission.state == 2)
    station.wait(5.0)
    assert station.copter.armed
    assert math.dist(station.place, (0.0, 0.0, 5.0)) < 0.5


def test_land_mode_sinks_slowly_below_ten_metres():
    station = Station()
    station.start([take_off(20.0), waypoint(0, 50, 20.0, 17)])
    station.until(lambda: station.copter.pilot.legs.finished and station.place[1] > 49.0)
    station.mode(LAND)
    station.until(lambda: station.place[2] < 8.0)
    assert station.until(lambda: station.place[2] < 4.0) == pytest.approx(8.0, abs=0.5)
    station.landed()
    assert "SIM Hit ground at 0.50" in " ".join(station.texts())


def test_loiter_without_a_stick_held_at_its_middle_sinks_and_lands():
    station = Station()
    station.start([take_off(20.0), waypoint(0, 200, 20.0), RETURN])
    station.until(lambda: station.place[1] > 50.0)
    station.mode(LOITER)
    station.landed(40.0)
    assert 2.0 < station.copter.body.touchdown_m_s < 3.0
    station = Station()
    station.start([take_off(20.0), waypoint(0, 200, 20.0), RETURN])
    station.until(lambda: station.place[1] > 50.0)
    station.mode(LOITER)
    for _ in range(20):
        sticks = [65535, 65535, 1500, 65535, 65535, 65535, 65535, 65535]
        station.send(mavlink.MAVLink_rc_channels_override_message(1, 1, *sticks))
        station.wait(1.0)
    assert station.place[2] > 15.0


def test_stabilize_with_the_throttle_down_falls():
    station = Station()
    station.start([take_off(20.0), waypoint(0, 200, 20.0), RETURN])
    station.until(lambda: station.place[1] > 50.0)
    station.mode(STABILIZE)
    station.until(lambda: station.copter.landed, 30.0)
    assert station.copter.crashed


def test_guided_takes_off_goes_and_holds():
    station = Station()
    station.ready()
    station.mode(GUIDED)
    assert station.command(22, 0, 0, 0, 0, 0, 0, 10) == FAILED
    station.command(400, 1)
    assert station.command(22, 0, 0, 0, 0, 0, 0, 10) == ACCEPTED
    station.until(lambda: station.place[2] > 9.8, 30.0)
    lat, lon = GROUND.e7(40.0, 30.0)
    message = mavlink.MAVLink_command_int_message(1, 1, 6, 192, 0, 0, -1, 0, 0, 0, lat, lon, 15.0)
    assert station.answer(message, "COMMAND_ACK").result == ACCEPTED
    station.wait(25.0)
    assert math.dist(station.place, (40.0, 30.0, 15.0)) < 0.3


def test_the_nose_turns_toward_the_next_waypoint():
    station = Station()
    station.start([take_off(10.0), waypoint(60, 0, 10.0), waypoint(60, -60, 10.0), RETURN])
    station.until(lambda: station.place[0] > 30.0)
    assert math.degrees(station.copter.body.yaw_rad) == pytest.approx(90.0, abs=3.0)
    station.until(lambda: station.place[1] < -30.0)
    assert math.degrees(station.copter.body.yaw_rad) == pytest.approx(180.0, abs=3.0)


def test_auto_rtl_jumps_to_the_landing_leg_and_is_shown_as_such():
    leg = [
        {"command": 189, "frame": 6},
        do(216, 0.0),
        waypoint(-20, 20, 15.0),
        {"command": 21, "frame": 6},
    ]
    station = Station(parameters=SPRAYER)
    station.start([*spray_line(), *leg])
    station.until(lambda: station.place[0] > 50.0)
    assert station.mode(AUTO_RTL) == ACCEPTED
    assert station.of("HEARTBEAT")[-1].custom_mode == AUTO_RTL
    station.wait(0.5)
    assert pump(station) == 1100
    station.landed()
    assert math.dist(station.place[:2], (-20.0, 20.0)) < 2.0
    station = Station()
    station.ready()
    station.upload([HOME_ITEM, *spray_line()])
    assert station.mode(AUTO_RTL) == FAILED
    assert "Unable to start landing sequence" in station.texts()
