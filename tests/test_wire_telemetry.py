"""Every message that is read, against MAVLink's own units, bits and words for “not told”."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import Any

import pytest
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.geo import LonLat
from missions.wire.sightings import (
    ARDUPILOT,
    MULTIROTORS,
    OTHERS,
    RELEASES,
    VehicleIdentity,
    board_number,
    photo_of,
    version_text,
)
from missions.wire.telemetry import (
    GRAVITY_M_S2,
    NAMED_KEPT,
    TEXTS_KEPT,
    CopterMode,
    MissionState,
    NamedValue,
    PumpServo,
    StatusText,
    Telemetry,
    fold,
    mode_name,
)

NOTHING = Telemetry()
LAT_E7, LON_E7 = 210_800_123, 1_065_100_456


def told(message: Any, before: Telemetry = NOTHING, now_s: float = 0.0) -> dict[str, Any]:
    """What a message changes."""
    old, new = asdict(before), asdict(fold(before, message, now_s))
    return {name: new[name] for name in new if repr(new[name]) != repr(old[name])}


def position(**more: Any) -> Any:
    values = {
        "time_boot_ms": 12_345, "lat": LAT_E7, "lon": LON_E7, "alt": 99_000, "relative_alt": 4_500,
        "vx": 300, "vy": -400, "vz": -150, "hdg": 27_050,
    }  # fmt: skip
    return mavlink.MAVLink_global_position_int_message(**(values | more))


# ---- an aircraft that has told nothing


def test_nothing_is_known_of_an_aircraft_that_has_told_nothing() -> None:
    known = {
        name: value
        for name, value in asdict(NOTHING).items()
        if not (isinstance(value, float) and math.isnan(value))
    }
    assert known == {
        "time_s": 0.0, "heard_s": -math.inf, "heartbeats": 0, "vehicle_type": -1, "autopilot": -1,
        "mode": -1, "armed": False, "place": None, "fix_type": 0, "satellites": 0,
        "ekf_ok": False, "prearm_ok": False, "mission_current": 0, "mission_total": -1,
        "mission_state": 0, "item_reached": -1, "home": None, "fence_breached": False,
        "landed": None, "texts": (), "named": {}, "pump": None, "pump_s": -math.inf,
        "wind_s": -math.inf,
    }  # fmt: skip


def test_a_message_that_is_not_read_changes_nothing() -> None:
    assert told(mavlink.MAVLink_ping_message(0, 0, 0, 0)) == {}


# ---- heartbeat and modes


@pytest.mark.parametrize(
    ("bits", "armed"),
    [
        (0, False),
        (mavlink.MAV_MODE_FLAG_SAFETY_ARMED, True),
        (mavlink.MAV_MODE_FLAG_SAFETY_ARMED | mavlink.MAV_MODE_FLAG_CUSTOM_MODE_ENABLED, True),
        (0xFF & ~mavlink.MAV_MODE_FLAG_SAFETY_ARMED, False),
    ],
)
def test_a_heartbeat_tells_what_it_is_its_mode_and_whether_the_motors_may_turn(
    bits: int, armed: bool
) -> None:
    beat = mavlink.MAVLink_heartbeat_message(
        mavlink.MAV_TYPE_HEXAROTOR, mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA, bits, 17, 4, 3
    )
    seen = fold(fold(NOTHING, beat, 4.0), beat, 5.5)
    assert (seen.heard_s, seen.heartbeats, seen.armed) == (5.5, 2, armed)
    assert (seen.vehicle_type, seen.autopilot, seen.mode) == (13, 3, 17)


def test_modes_are_arducopters_own() -> None:
    names = dict(mavutil.mode_mapping_acm)
    for mode in CopterMode:
        if mode.value in names:
            theirs = names[mode.value].replace("_", "")
            assert mode.name.replace("_", "").startswith(theirs[:5]), mode
    assert {"AUTO": 3, "GUIDED": 4, "LOITER": 5, "RTL": 6, "LAND": 9, "BRAKE": 17}.items() <= {
        mode.name: mode.value for mode in CopterMode
    }.items()
    assert (mode_name(6), mode_name(99), mode_name(-1)) == ("RTL", "MODE 99", "MODE -1")


def test_no_two_modes_share_a_number() -> None:
    for enumeration in (CopterMode, MissionState):
        assert {name: int(one) for name, one in enumeration.__members__.items()} == {
            one.name: one.value for one in enumeration
        }
        assert len({*enumeration}) == len(enumeration.__members__)


def test_states_of_a_mission_are_mavlinks_own() -> None:
    for state in MissionState:
        assert state.value == getattr(mavlink, f"MISSION_STATE_{state.name}")


# ---- where it is


def test_a_position_is_read_in_metres_degrees_and_its_own_seconds() -> None:
    assert told(position()) == {
        "time_s": 12.345, "height_m": 4.5, "speed_m_s": 5.0, "climb_m_s": 1.5, "yaw_deg": 270.5,
        "v_east_m_s": -4.0, "v_north_m_s": 3.0,
        "place": asdict(LonLat(lon_deg=LON_E7 / 1e7, lat_deg=LAT_E7 / 1e7)),
    }  # fmt: skip


@pytest.mark.parametrize(("lat", "lon", "kept"), [
    (0, 0, True), (0, LON_E7, False), (LAT_E7, 0, False), (910_000_000, LON_E7, True),
])  # fmt: skip
def test_nowhere_and_an_impossible_place_keep_the_last_one(lat: int, lon: int, kept: bool) -> None:
    before = fold(NOTHING, position(), 0.0)
    seen = fold(before, position(lat=lat, lon=lon), 0.0)
    assert (seen.place == before.place) is kept
    assert (fold(NOTHING, position(lat=lat, lon=lon), 0.0).place is None) is kept


def test_a_heading_that_is_not_known_keeps_the_last() -> None:
    before = fold(NOTHING, position(), 0.0)
    assert fold(before, position(hdg=65535), 0.0).yaw_deg == 270.5
    assert fold(before, position(hdg=0), 0.0).yaw_deg == 0.0
    assert fold(before, position(hdg=35_999), 0.0).yaw_deg == 359.99


def test_home_is_a_place_and_a_height_above_the_sea() -> None:
    def home(lat: int, lon: int) -> Any:
        return mavlink.MAVLink_home_position_message(
            lat, lon, 12_500, 0.0, 0.0, 0.0, [1.0, 0.0, 0.0, 0.0], 0.0, 0.0, 0.0
        )

    place = LonLat(lon_deg=LON_E7 / 1e7, lat_deg=LAT_E7 / 1e7)
    assert told(home(LAT_E7, LON_E7)) == {"home": asdict(place), "home_amsl_m": 12.5}
    assert told(home(0, 0)) == {}


# ---- what it has left, and whether it knows where it is


def system(battery: int = 73, volts: int = 44_400, amps: int = 1_250, bits: int = 0) -> Any:
    return mavlink.MAVLink_sys_status_message(0, 0, bits, 0, volts, amps, battery, 0, 0, 0, 0, 0, 0)


def test_the_battery_is_read_in_percent_volts_and_amperes() -> None:
    assert told(system()) == {"battery_pct": 73.0, "voltage_v": 44.4, "current_a": 12.5}
    empty = told(system(battery=0, volts=0, amps=0))
    assert empty == {"battery_pct": 0.0, "voltage_v": 0.0, "current_a": 0.0}
    before = fold(NOTHING, system(), 0.0)
    seen = fold(before, system(battery=-1, volts=65535, amps=-1), 0.0)
    assert all(map(math.isnan, (seen.battery_pct, seen.voltage_v, seen.current_a)))


@pytest.mark.parametrize(
    ("bits", "ok"),
    [
        (mavlink.MAV_SYS_STATUS_PREARM_CHECK, True),
        (0xFFFFFFFF, True),
        (0xFFFFFFFF & ~mavlink.MAV_SYS_STATUS_PREARM_CHECK, False),
        (0, False),
    ],
)
def test_the_aircrafts_own_checks_are_one_bit(bits: int, ok: bool) -> None:
    assert fold(NOTHING, system(bits=bits), 0.0).prearm_ok is ok


def test_a_fix_is_read_with_its_satellites_and_dilution() -> None:
    def gps(eph: int) -> Any:
        return mavlink.MAVLink_gps_raw_int_message(0, 6, LAT_E7, LON_E7, 0, eph, 0, 0, 0, 17)

    assert told(gps(85)) == {"fix_type": 6, "satellites": 17, "hdop": 0.85}
    assert math.isnan(fold(fold(NOTHING, gps(85), 0.0), gps(65535), 0.0).hdop)


@pytest.mark.parametrize(
    ("bits", "good"),
    [
        (mavlink.EKF_POS_HORIZ_ABS, True),
        (mavlink.EKF_POS_HORIZ_ABS | mavlink.EKF_ATTITUDE, True),
        (mavlink.EKF_POS_HORIZ_ABS | mavlink.EKF_CONST_POS_MODE, False),
        (mavlink.EKF_CONST_POS_MODE, False),
        (mavlink.EKF_POS_HORIZ_REL | mavlink.EKF_ATTITUDE, False),
        (0, False),
    ],
)
def test_an_estimate_is_good_when_it_is_absolute_and_not_held(bits: int, good: bool) -> None:
    report = mavlink.MAVLink_ekf_status_report_message(bits, 0.1, 0.1, 0.1, 0.1, 0.1)
    assert fold(NOTHING, report, 0.0).ekf_ok is good


# ---- the mission, the fence, the ground


def test_the_item_flown_to_and_how_many_there_are() -> None:
    def current(total: int) -> Any:
        return mavlink.MAVLink_mission_current_message(7, total=total, mission_state=3)

    assert told(current(30)) == {"mission_current": 7, "mission_total": 30, "mission_state": 3}
    assert fold(fold(NOTHING, current(30), 0.0), current(65535), 0.0).mission_total == -1
    assert told(mavlink.MAVLink_mission_item_reached_message(4)) == {"item_reached": 4}


@pytest.mark.parametrize(("status", "out"), [(0, False), (1, True)])
def test_a_fence_is_broken_or_not(status: int, out: bool) -> None:
    seen = fold(NOTHING, mavlink.MAVLink_fence_status_message(status, 3, 1, 9), 0.0)
    assert seen.fence_breached is out


@pytest.mark.parametrize(
    ("state", "landed"),
    [
        (mavlink.MAV_LANDED_STATE_UNDEFINED, None),
        (mavlink.MAV_LANDED_STATE_ON_GROUND, True),
        (mavlink.MAV_LANDED_STATE_IN_AIR, False),
        (mavlink.MAV_LANDED_STATE_TAKEOFF, False),
        (mavlink.MAV_LANDED_STATE_LANDING, False),
    ],
)
def test_on_the_ground_is_one_state_and_the_unknown_is_unknown(
    state: int, landed: bool | None
) -> None:
    seen = fold(NOTHING, mavlink.MAVLink_extended_sys_state_message(0, state), 0.0)
    assert seen.landed is landed


# ---- what it says


def says(text: str, severity: int = 6, number: int = 0, chunk: int = 0) -> Any:
    return mavlink.MAVLink_statustext_message(severity, text.encode(), number, chunk)


def test_a_sentence_keeps_its_time_and_severity_and_loses_its_padding() -> None:
    before = Telemetry(time_s=9.0)
    assert fold(before, says("EKF3 ready\0\0\0", 4), 0.0).texts == (
        StatusText(9.0, 4, "EKF3 ready"),
    )


def test_a_long_sentence_in_pieces_becomes_one() -> None:
    seen = NOTHING
    for message in (says("before"), says("PreArm: ", 2, 5, 0), says("Hardware ", 2, 5, 1),
                    says("switch", 2, 5, 2)):  # fmt: skip
        seen = fold(seen, message, 0.0)
    assert [text.text for text in seen.texts] == ["before", "PreArm: Hardware switch"]


@pytest.mark.parametrize("second", [says("b", 6, 6, 1), says("b", 6, 5, 0), says("b", 6, 0, 1)])
def test_another_sentence_is_not_joined_to_the_last(second: Any) -> None:
    seen = fold(fold(NOTHING, says("a", 6, 5, 0), 0.0), second, 0.0)
    assert [text.text for text in seen.texts] == ["a", "b"]


def test_a_piece_whose_beginning_was_lost_stands_alone() -> None:
    assert [text.text for text in fold(NOTHING, says("end", 6, 5, 1), 0.0).texts] == ["end"]


def test_the_last_sentences_are_kept_and_the_oldest_go() -> None:
    seen = NOTHING
    for number in range(TEXTS_KEPT + 2):
        seen = fold(seen, says(f"n{number}"), 0.0)
    assert [text.text for text in seen.texts] == [f"n{n}" for n in range(2, TEXTS_KEPT + 2)]


def named(name: str, value: float, time_ms: int = 2_500) -> Any:
    return mavlink.MAVLink_named_value_float_message(time_ms, name.encode(), value)


def test_named_values_are_kept_by_name_with_the_scripts_own_time() -> None:
    seen = fold(fold(NOTHING, named("AGRI\0\0", 1.5), 0.0), named("B", 2.0, 9_000), 0.0)
    assert seen.named == {"AGRI": NamedValue(2.5, 1.5), "B": NamedValue(9.0, 2.0)}
    assert fold(seen, named("B", 3.0), 0.0).named["B"] == NamedValue(2.5, 3.0)


def test_a_flood_of_names_is_not_kept_and_those_known_stay_fresh() -> None:
    seen = NOTHING
    for number in range(NAMED_KEPT + 5):
        seen = fold(seen, named(f"N{number}", 1.0), 0.0)
    assert len(seen.named) == NAMED_KEPT
    assert fold(seen, named("N0", 7.0), 0.0).named["N0"].value == 7.0


# ---- the pump


@pytest.mark.parametrize(
    ("pulse_us", "turned", "share"),
    [
        (0.0, False, 0.0), (-1.0, False, 0.0), (1000.0, False, 0.0), (1100.0, False, 0.0),
        (1300.0, False, 0.25), (1900.0, False, 1.0), (2000.0, False, 1.0),
        (0.0, True, 0.0), (1100.0, True, 1.0), (1300.0, True, 0.75), (1900.0, True, 0.0),
        (1.0, True, 1.0),
    ],
)  # fmt: skip
def test_a_pulse_is_a_share_of_the_pumps_own_range(
    pulse_us: float, turned: bool, share: float
) -> None:
    pump = PumpServo(channel=9, min_us=1100.0, max_us=1900.0, reversed=turned)
    assert pump.share(pulse_us) == pytest.approx(share)
    assert replace(pump, max_us=1100.0).share(pulse_us) == 0.0


def servos(port: int = 0, old: bool = False, **pulses: int) -> Any:
    values = {f"servo{number}_raw": 0 for number in range(1, 17)} | pulses
    message = mavlink.MAVLink_servo_output_raw_message(7_900_000, port, **values)
    message.pack(mavlink.MAVLink(None, srcSystem=1), force_mavlink1=old)
    return message


@pytest.mark.parametrize("channel", [1, 8, 9, 16])
def test_the_pumps_own_servo_is_read(channel: int) -> None:
    pump = PumpServo(channel=channel, min_us=1000.0, max_us=2000.0)
    before = Telemetry(time_s=8.0, pump=pump)
    share = {"pump_share": 0.25, "pump_s": 7.9}
    pulses = {f"servo{channel}_raw": 1250}
    assert told(servos(**pulses), before) == share
    assert told(servos(port=1, **pulses), before) == {}
    assert told(servos(**pulses)) == {}
    old = told(servos(old=True, **pulses), before)
    assert old == (share if channel <= 8 else {})


@pytest.mark.parametrize(("rounds", "now_s"), [(0, 8.0), (1, 8.0 + 4294.967296), (2, 8597.0)])
def test_a_servos_clock_that_begins_anew_after_71_minutes_is_followed(
    rounds: int, now_s: float
) -> None:
    """Its microseconds fill 32 bits."""
    pump = PumpServo(channel=9, min_us=1000.0, max_us=2000.0)
    seen = fold(Telemetry(time_s=now_s, pump=pump), servos(servo9_raw=1500), 0.0)
    assert seen.pump_s == pytest.approx(7.9 + rounds * 4294.967296)


# ---- lean and wind


def test_a_lean_is_a_push_of_g_times_its_tangent() -> None:
    assert pytest.approx(9.80665) == GRAVITY_M_S2
    for roll, pitch, yaw in ((0.2, 0.0, 0.3), (0.0, -0.3, 1.0), (0.15, 0.2, -2.0)):
        lean = mavlink.MAVLink_attitude_message(0, roll, pitch, yaw, 0.0, 0.0, 0.0)
        seen = fold(NOTHING, lean, 0.0)
        # The thrust axis of the body, turned into the world by yaw, pitch and roll.
        down = math.cos(roll) * math.cos(pitch)
        north = math.cos(yaw) * math.sin(pitch) * math.cos(roll) + math.sin(yaw) * math.sin(roll)
        east = math.sin(yaw) * math.sin(pitch) * math.cos(roll) - math.cos(yaw) * math.sin(roll)
        assert seen.thrust_north_m_s2 == pytest.approx(-9.80665 * north / down)
        assert seen.thrust_east_m_s2 == pytest.approx(-9.80665 * east / down)


@pytest.mark.parametrize(("lean_deg", "told_it"), [(78.0, True), (79.0, False), (120.0, False)])
def test_a_lean_near_a_quarter_turn_is_none(lean_deg: float, told_it: bool) -> None:
    lean = mavlink.MAVLink_attitude_message(0, 0.0, math.radians(lean_deg), 0.0, 0.0, 0.0, 0.0)
    before = replace(NOTHING, thrust_east_m_s2=1.0, thrust_north_m_s2=1.0)
    seen = fold(before, lean, 0.0)
    assert math.isfinite(seen.thrust_north_m_s2) is told_it
    assert math.isfinite(seen.thrust_east_m_s2) is told_it


@pytest.mark.parametrize(("speed", "known"), [(0.0, False), (0.01, True), (6.5, True)])
def test_a_wind_of_exactly_nothing_is_not_told(speed: float, known: bool) -> None:
    before = Telemetry(time_s=8.0, wind_m_s=3.0, wind_from_deg=10.0, wind_s=7.0)
    seen = fold(before, mavlink.MAVLink_wind_message(-90.0, speed, 0.0), 0.0)
    assert math.isfinite(seen.wind_m_s) is known
    assert math.isfinite(seen.wind_from_deg) is known
    assert seen.wind_s == (8.0 if known else 7.0)
    assert not known or (seen.wind_m_s, seen.wind_from_deg) == (speed, -90.0)


# ---- what aircraft it is, and the pictures it tells of


def test_kinds_of_aircraft_are_mavlinks_own() -> None:
    theirs = {
        getattr(mavlink, name): name.removeprefix("MAV_TYPE_")
        for name in dir(mavlink) if name.startswith("MAV_TYPE_")
    }  # fmt: skip
    for number, name in MULTIROTORS.items():
        assert theirs[number] == name.upper()
    assert {theirs[number] for number in OTHERS} == {
        "FIXED_WING", "HELICOPTER", "GROUND_ROVER", "SUBMARINE",
    }  # fmt: skip
    assert ARDUPILOT == mavlink.MAV_AUTOPILOT_ARDUPILOTMEGA
    for number, suffix in RELEASES.items():
        official = "OFFICIAL" if not suffix else suffix.upper()
        assert number == getattr(mavlink, f"FIRMWARE_VERSION_TYPE_{official}")


@pytest.mark.parametrize(
    ("vehicle_type", "autopilot", "ours", "name"),
    [
        (2, 3, True, "ArduPilot quadrotor 4.6.0, system 1"),
        (2, 12, False, "autopilot 12 quadrotor 4.6.0, system 1"),
        (1, 3, False, "ArduPilot plane 4.6.0, system 1"),
        (77, 3, False, "ArduPilot type 77 4.6.0, system 1"),
    ],
)
def test_only_a_multirotor_of_ardupilot_is_ours(
    vehicle_type: int, autopilot: int, ours: bool, name: str
) -> None:
    found = VehicleIdentity(vehicle_type=vehicle_type, autopilot=autopilot, version="4.6.0")
    assert found.is_arducopter is ours
    assert found.name == name
    assert replace(found, version="", system=9).name.endswith("r, system 9") or not ours


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0x040502FF, "4.5.2"), (0x040600C0, "4.6.0-rc"), (0x04060080, "4.6.0-beta"),
        (0x04060040, "4.6.0-alpha"), (0x04060000, "4.6.0-dev"), (0x0A0B0C07, "10.11.12-7"),
    ],
)  # fmt: skip
def test_a_version_is_four_bytes(number: int, text: str) -> None:
    assert version_text(number) == text


def test_what_an_aircraft_does_not_tell_of_itself_is_nothing() -> None:
    told_ = VehicleIdentity(vehicle_type=2, autopilot=3)
    assert asdict(told_) == {
        "vehicle_type": 2, "autopilot": 3, "version": "", "system": 1, "capabilities": 0,
        "uid": "", "build": "",
    }  # fmt: skip


def test_a_boards_number_is_its_long_one_or_else_its_short_one() -> None:
    def board(uid: int, uid2: bytes) -> Any:
        return mavlink.MAVLink_autopilot_version_message(
            0, 0, 0, 0, 0, [0] * 8, [0] * 8, [0] * 8, 0, 0, uid, list(uid2.ljust(18, b"\0"))
        )

    assert board_number(board(0xABC, bytes([1, 2, 3]))) == "010203"
    assert board_number(board(0xABC, b"")) == "abc"
    assert board_number(board(0, b"")) == ""


@pytest.mark.parametrize(
    ("yaw", "kept"), [(0.0, 0.0), (359.5, 359.5), (360.0, 0.0), (-90.0, 270.0)]
)
def test_a_picture_keeps_its_place_height_and_heading(yaw: float, kept: float) -> None:
    def feedback(lat: int) -> Any:
        return mavlink.MAVLink_camera_feedback_message(
            0, 1, 0, 5, lat, LON_E7, 90.0, 40.5, 0.0, 0.0, yaw, 0.0, 0
        )

    photo = photo_of(feedback(LAT_E7), Telemetry(time_s=31.0))
    assert photo is not None
    assert (photo.index, photo.time_s, photo.height_m, photo.yaw_deg) == (5, 31.0, 40.5, kept)
    assert photo.place == LonLat(lon_deg=LON_E7 / 1e7, lat_deg=LAT_E7 / 1e7)
    assert photo_of(feedback(910_000_000), Telemetry()) is None
