"""The simulated copter's failsafes: what sets them off, what they say, and how each flight ends."""

from __future__ import annotations

import math

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from sitl.fence import Area, distance_to_ring, inside, read_areas
from sitl.storage import Item as Stored
from tests.ground_station import (
    ACCEPTED,
    AUTO,
    AUTO_RTL,
    BRAKE,
    FAILED,
    GROUND,
    GUIDED,
    LAND,
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

SPRAYER = {"SPRAY_ENABLE": 1, "SERVO9_FUNCTION": 22}
LEG: list[Item] = [
    {"command": 189, "frame": 6},
    do(216, 0.0),
    waypoint(-20, 20, 15.0),
    {"command": 21, "frame": 6},
]


def line(*more: Item) -> list[Item]:
    return [
        take_off(8.0),
        do(178, 1.0, 5.0, -1.0),
        waypoint(0, 30, 8.0),
        do(216, 1.0),
        waypoint(150, 30, 8.0),
        do(216, 0.0),
        RETURN,
        *more,
    ]


def flying(*more: Item, **parameters: float) -> Station:
    """A copter in the middle of a sprayed line."""
    station = Station(parameters={**SPRAYER, **parameters})
    station.start(line(*more))
    station.until(lambda: station.place[0] > 50.0)
    return station


def heartbeat(station: Station, system: int = 255) -> None:
    station.send(mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3), system=system)


def mode(station: Station) -> int:
    return int(station.of("HEARTBEAT")[-1].custom_mode)


def ends_at(station: Station, east_m: float, north_m: float) -> None:
    station.landed()
    assert math.dist(station.place, (east_m, north_m, 0.0)) < 2.0


# ---- radio


@pytest.mark.parametrize(
    ("enable", "expected"),
    [(1, RTL), (2, RTL), (3, LAND), (4, RTL), (5, LAND), (6, RTL), (7, BRAKE)],
)
def test_losing_the_radio_does_what_fs_thr_enable_says(enable, expected):
    station = flying(FS_THR_ENABLE=enable)
    station.set("SIM_RC_FAIL", 1)
    station.wait(0.8)
    assert station.copter.mode == AUTO
    station.wait(0.7)
    assert station.copter.mode == expected
    assert "Radio Failsafe" in station.texts()
    assert station.of("HEARTBEAT")[-1].system_status == 5


def test_losing_the_radio_without_the_failsafe_changes_nothing():
    station = flying(FS_THR_ENABLE=0)
    station.set("SIM_RC_FAIL", 1)
    station.wait(5.0)
    assert station.copter.mode == AUTO


def test_losing_the_radio_with_a_landing_leg_switches_the_sprayer_off():
    station = flying(*LEG, FS_THR_ENABLE=6)
    station.set("SIM_RC_FAIL", 1)
    station.wait(1.6)
    assert mode(station) == AUTO_RTL
    assert not station.copter.sprayer.running
    ends_at(station, -20.0, 20.0)


def test_the_radio_comes_back():
    station = flying()
    station.set("SIM_RC_FAIL", 1)
    station.wait(2.0)
    station.set("SIM_RC_FAIL", 0)
    station.wait(0.5)
    assert "Radio Failsafe Cleared" in station.texts()
    assert station.mode(AUTO) == ACCEPTED


def test_on_the_ground_losing_the_radio_disarms():
    station = Station()
    station.ready()
    station.mode(GUIDED)
    station.command(400, 1)
    station.set("SIM_RC_FAIL", 1)
    station.wait(1.5)
    assert not station.copter.armed
    assert "Radio Failsafe - Disarming" in station.texts()


def test_options_let_auto_go_on_without_the_radio():
    station = flying(FS_OPTIONS=1)
    station.set("SIM_RC_FAIL", 1)
    station.wait(3.0)
    assert station.copter.mode == AUTO
    assert "Radio Failsafe - Continuing Auto" in station.texts()


# ---- ground station


def test_a_silent_ground_station_is_missed_after_the_timeout_and_not_before():
    station = flying(*LEG, FS_GCS_ENABLE=6, FS_GCS_TIMEOUT=5)
    heartbeat(station)
    station.wait(4.5)
    assert station.copter.mode == AUTO
    assert not station.copter.auto_rtl
    station.wait(1.2)
    assert mode(station) == AUTO_RTL
    assert "GCS Failsafe" in station.texts()
    heartbeat(station)
    station.wait(0.6)
    assert "GCS Failsafe Cleared" in station.texts()
    ends_at(station, -20.0, 20.0)


@pytest.mark.parametrize(("enable", "expected"), [(1, RTL), (5, LAND), (7, BRAKE), (0, AUTO)])
def test_losing_the_ground_station_does_what_fs_gcs_enable_says(enable, expected):
    station = flying(FS_GCS_ENABLE=enable)
    heartbeat(station)
    station.wait(7.0)
    assert station.copter.mode == expected


def test_a_ground_station_never_heard_is_never_missed():
    station = flying(FS_GCS_ENABLE=1)
    station.wait(10.0)
    assert station.copter.mode == AUTO


def test_another_systems_heartbeat_is_not_the_ground_stations():
    station = flying(FS_GCS_ENABLE=1)
    heartbeat(station)
    for _ in range(7):
        heartbeat(station, system=7)
        station.wait(1.0)
    assert station.copter.mode == RTL


def test_options_let_auto_go_on_without_the_ground_station():
    station = flying(FS_GCS_ENABLE=1, FS_OPTIONS=2)
    heartbeat(station)
    station.wait(7.0)
    assert station.copter.mode == AUTO
    assert "GCS Failsafe - Continuing Auto Mode" in station.texts()


def test_before_take_off_the_lost_ground_station_prevents_arming():
    station = Station(parameters={"FS_GCS_ENABLE": 1})
    station.ready()
    heartbeat(station)
    station.wait(6.0)
    station.mode(GUIDED)
    assert station.command(400, 1) == FAILED
    assert "Arm: GCS failsafe on" in station.texts()


# ---- battery


def test_a_low_and_then_a_critical_battery_act_in_turn():
    station = Station(
        parameters={
            "BATT_CAPACITY": 3300,
            "BATT_LOW_MAH": 3000,
            "BATT_FS_LOW_ACT": 2,
            "BATT_CRT_MAH": 2850,
            "BATT_FS_CRT_ACT": 1,
        }
    )
    station.start([take_off(20.0), *(waypoint(0, 100 * k, 20.0) for k in range(1, 7)), RETURN])
    station.until(lambda: station.copter.mode == RTL)
    assert any(text.startswith("Battery 1 is low") for text in station.texts())
    station.until(lambda: station.copter.mode == LAND)
    assert any(text.startswith("Battery 1 is critical") for text in station.texts())
    station.landed()
    assert station.command(400, 1) == FAILED
    assert station.place[1] > 20.0  # it landed on the way home


def test_a_low_voltage_must_last_its_timer():
    station = Station(
        parameters={"SIM_BATT_CAP_AH": 1.0, "BATT_LOW_VOLT": 11.6, "BATT_FS_LOW_ACT": 1}
    )
    station.start([take_off(10.0), waypoint(0, 900, 10.0), RETURN])
    station.until(lambda: 0.0 < station.copter.battery.volts < 11.6)
    fell_s = station.now_s
    station.until(lambda: station.copter.mode == LAND, 60.0)
    assert station.now_s - fell_s >= 9.5


def test_an_empty_pack_drops_the_aircraft():
    station = Station(parameters={"SIM_BATT_CAP_AH": 0.3})
    station.start([take_off(20.0), waypoint(0, 900, 20.0), RETURN])
    station.until(lambda: station.copter.landed and station.now_s > 20.0, 120.0)
    assert station.copter.crashed
    assert not station.copter.armed


def test_a_battery_without_a_failsafe_action_is_only_reported():
    station = Station(parameters={"BATT_CAPACITY": 3300, "BATT_LOW_MAH": 3200})
    station.start(line())
    station.landed()
    assert any(text.startswith("Battery 1 is low") for text in station.texts())
    assert "Battery Failsafe" not in station.texts()
    assert math.dist(station.place, (0.0, 0.0, 0.0)) < 1.0


# ---- fence


def fenced(action: int, fence: list[Item], **parameters: float) -> Station:
    station = Station(
        parameters={
            **SPRAYER,
            "FENCE_ENABLE": 1,
            "FENCE_TYPE": 4,
            "FENCE_ACTION": action,
            **parameters,
        }
    )
    station.ready()
    assert station.upload(fence, 1) == 0
    station.wait(1.5)
    station.start(line())
    return station


@pytest.mark.parametrize(("action", "expected"), [(1, RTL), (2, LAND), (4, BRAKE), (0, AUTO)])
def test_crossing_the_polygon_does_what_fence_action_says(action, expected):
    station = fenced(action, ring([(-50, -50), (80, -50), (80, 80), (-50, 80)]))
    station.until(lambda: "Fence Breached" in station.texts())
    assert 80.0 <= station.place[0] < 81.0
    assert station.copter.mode == expected
    status = station.answer(request(162), "FENCE_STATUS")
    assert (status.breach_status, status.breach_type) == (1, 3)
    station.wait(15.0)
    if expected == BRAKE:
        assert station.place[0] < 95.0
        assert station.copter.body.speed_m_s < 0.1


def request(message_id: int):
    return mavlink.MAVLink_command_long_message(1, 1, 512, 0, message_id, 0, 0, 0, 0, 0, 0)


def test_flying_into_an_exclusion_is_a_breach_and_returning_crosses_it_only_once():
    station = fenced(1, ring([(60, 10), (90, 10), (90, 50), (60, 50)], 5002))
    station.until(lambda: station.copter.mode == RTL)
    assert 60.0 <= station.place[0] < 61.0
    ends_at(station, 0.0, 0.0)
    assert station.texts().count("Fence Breached") == 1


def test_circles_keep_in_and_keep_out():
    inner = {**waypoint(0, 0, 0.0, 5003), "frame": 0, "params": (70.0, 0, 0, 0)}
    station = fenced(2, [inner])
    station.until(lambda: station.copter.mode == LAND)
    assert math.hypot(*station.place[:2]) == pytest.approx(70.0, abs=1.0)
    outer = {**waypoint(100, 30, 0.0, 5004), "frame": 0, "params": (20.0, 0, 0, 0)}
    station = fenced(1, [outer])
    station.until(lambda: station.copter.mode == RTL)
    assert station.place[0] == pytest.approx(80.0, abs=1.0)


def test_the_ceiling_and_the_round_fence_need_no_upload():
    station = Station(parameters={"FENCE_ENABLE": 1, "FENCE_TYPE": 1, "FENCE_ALT_MAX": 6})
    station.start(line())
    station.until(lambda: station.copter.mode == RTL)
    assert station.place[2] == pytest.approx(6.0, abs=0.3)
    ends_at(station, 0.0, 0.0)
    station = Station(
        parameters={"FENCE_ENABLE": 1, "FENCE_TYPE": 2, "FENCE_RADIUS": 80, "FENCE_ACTION": 2}
    )
    station.start(line())
    station.until(lambda: station.copter.mode == LAND)
    assert math.hypot(*station.place[:2]) == pytest.approx(80.0, abs=1.0)


def test_a_pilot_who_takes_over_has_ten_seconds_before_the_fence_acts_again():
    station = fenced(4, ring([(-50, -50), (80, -50), (80, 80), (-50, 80)]))
    station.until(lambda: station.copter.mode == BRAKE)
    station.wait(5.0)
    assert station.mode(AUTO) == ACCEPTED
    station.wait(8.0)
    assert station.copter.mode == AUTO


def test_a_fence_that_is_off_stops_nothing():
    station = fenced(1, ring([(-50, -50), (80, -50), (80, 80), (-50, 80)]), FENCE_ENABLE=0)
    station.landed()
    assert "Fence Breached" not in station.texts()


def test_the_geometry_of_areas():
    square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    assert inside(square, 5.0, 5.0)
    assert not inside(square, -1.0, 5.0)
    assert distance_to_ring(square, 5.0, 2.0) == pytest.approx(2.0)
    assert distance_to_ring(square, 13.0, 14.0) == pytest.approx(5.0)
    keep_in, keep_out = Area(True, square), Area(False, square)
    assert keep_in.beyond_m(5.0, 4.0) == pytest.approx(-4.0)
    assert keep_out.beyond_m(5.0, 4.0) == pytest.approx(4.0)
    assert keep_in.beyond_m(12.0, 5.0) == pytest.approx(2.0)
    items = [
        Stored(command=i["command"], params=i["params"], x=i["x"], y=i["y"]) for i in ring(square)
    ]
    (area,) = read_areas(items, GROUND)
    assert area.keep_in
    assert all(math.dist(a, b) < 0.02 for a, b in zip(area.ring, square, strict=True))


# ---- position


def test_without_gps_it_lands_blind():
    station = flying(SIM_WIND_SPD=3, SIM_WIND_DIR=0)
    station.set("SIM_GPS_DISABLE", 1)
    station.until(lambda: station.copter.mode == LAND, 20.0)
    assert any(text.startswith("EKF Failsafe") for text in station.texts())
    assert station.mode(RTL) == FAILED
    north_m = station.place[1]
    station.landed()
    assert station.place[1] < north_m - 1.0  # carried south by the wind


def test_a_failsafe_in_stabilize_with_the_throttle_down_disarms():
    station = Station()
    station.ready()
    station.mode(STABILIZE)
    station.command(400, 1)
    station.wait(3.0)
    station.set("SIM_RC_FAIL", 1)
    station.wait(1.5)
    assert not station.copter.armed
