"""The MAVLink side of the simulated copter: commands, parameters, streams, and random messages."""

from __future__ import annotations

import inspect
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput
from sitl.autopilot import Autopilot
from sitl.parameters import Parameters, copter_defaults
from tests.ground_station import (
    ACCEPTED,
    AUTO,
    DENIED,
    FAILED,
    GUIDED,
    HOME,
    LAND,
    RETURN,
    RTL,
    UNSUPPORTED,
    Station,
    take_off,
    waypoint,
)


@pytest.fixture
def station() -> Station:
    station = Station()
    station.ready()
    return station


# ---- commands


@pytest.mark.parametrize(
    ("command", "params", "result"),
    [
        (176, (1, 99), FAILED),
        (176, (0, 4), DENIED),
        (22, (0, 0, 0, 0, 0, 0, 10), FAILED),
        (20, (), ACCEPTED),
        (21, (), ACCEPTED),
        (17, (), ACCEPTED),
        (178, (1, 5, -1), ACCEPTED),
        (178, (1, 0, -1), FAILED),
        (178, (1, math.nan), FAILED),
        (179, (1,), ACCEPTED),
        (179, (0,), FAILED),
        (179, (0, 0, 0, 0, 21.0, 106.5, 12.0), ACCEPTED),
        (181, (0, 1), ACCEPTED),
        (183, (12, 1500), ACCEPTED),
        (183, (1, 1500), FAILED),
        (185, (0,), FAILED),
        (189, (), FAILED),
        (192, (-1, 1), UNSUPPORTED),
        (193, (7,), DENIED),
        (203, (0, 0, 0, 0, 1), ACCEPTED),
        (206, (5, 0, 1), ACCEPTED),
        (207, (1,), ACCEPTED),
        (207, (5,), FAILED),
        (216, (1,), ACCEPTED),
        (216, (0.5,), ACCEPTED),
        (224, (0,), DENIED),
        (246, (0,), UNSUPPORTED),
        (400, (7,), UNSUPPORTED),
        (401, (), ACCEPTED),
        (410, (), ACCEPTED),
        (510, (33,), ACCEPTED),
        (511, (33, 100000), ACCEPTED),
        (511, (9999, 100000), FAILED),
        (512, (148,), ACCEPTED),
        (512, (9999,), FAILED),
        (519, (), UNSUPPORTED),
        (520, (1,), ACCEPTED),
        (520, (0,), FAILED),
        (2000, (0, 1, 1), FAILED),
        (115, (90, 10, 1, 0), ACCEPTED),
        (115, (900,), FAILED),
        (16, (), UNSUPPORTED),
        (530, (), UNSUPPORTED),
        (31010, (), UNSUPPORTED),
    ],
)
def test_what_each_command_is_answered_on_the_ground(station, command, params, result):
    assert station.command(command, *params) == result


def test_an_acknowledgement_names_the_command_and_who_asked(station):
    message = mavlink.MAVLink_command_long_message(1, 1, 300, 0, *[0.0] * 7)
    message.get_header().srcSystem, message.get_header().srcComponent = 42, 7
    station.vehicle.receive(message)
    (ack,) = [m for m in station.wait(0.1) if m.get_type() == "COMMAND_ACK"]
    assert (ack.command, ack.target_system, ack.target_component) == (300, 42, 7)
    assert (ack.get_srcSystem(), ack.get_srcComponent()) == (1, 1)


def test_command_int_is_answered_alike(station):
    message = mavlink.MAVLink_command_int_message(1, 1, 0, 176, 0, 0, 1, GUIDED, 0, 0, 0, 0, 0)
    assert station.answer(message, "COMMAND_ACK").result == ACCEPTED
    assert station.copter.mode == GUIDED
    take = mavlink.MAVLink_command_int_message(1, 1, 0, 22, 0, 0, 0, 0, 0, 0, 0, 0, 10.0)
    assert station.answer(take, "COMMAND_ACK").result == DENIED


def test_the_set_mode_message_is_acknowledged_as_eleven(station):
    ack = station.answer(mavlink.MAVLink_set_mode_message(1, 1, LAND), "COMMAND_ACK")
    assert (ack.command, ack.result) == (11, ACCEPTED)
    assert station.copter.mode == LAND


def test_a_mode_change_is_told_at_once(station):
    station.send(mavlink.MAVLink_command_long_message(1, 1, 176, 0, 1, RTL, 0, 0, 0, 0, 0))
    came = station.wait(0.02)
    beats = [m for m in came if m.get_type() == "HEARTBEAT"]
    assert [m.custom_mode for m in beats][-1:] == [RTL]


@pytest.mark.parametrize("target", [(2, 1), (1, 154), (255, 0)])
def test_what_is_meant_for_others_is_ignored(station, target):
    message = mavlink.MAVLink_command_long_message(*target, 176, 0, 1, LAND, 0, 0, 0, 0, 0)
    assert station.answer(message, "COMMAND_ACK") is None
    assert station.copter.mode != LAND


def test_a_broadcast_is_heard(station):
    message = mavlink.MAVLink_command_long_message(0, 0, 176, 0, 1, LAND, 0, 0, 0, 0, 0)
    assert station.answer(message, "COMMAND_ACK").result == ACCEPTED


def test_mission_start_on_the_ground_is_accepted_even_disarmed(station):
    station.upload([{"command": 16, "frame": 0}, take_off(10.0), waypoint(0, 20, 10.0), RETURN])
    assert station.command(300) == ACCEPTED
    assert station.copter.mode == AUTO
    station.wait(20.0)
    assert station.copter.body.up_m == 0.0


def test_the_system_id_is_a_parameter():
    station = Station(parameters={"SYSID_THISMAV": 33})
    station.ready()
    assert station.command(300) is None
    message = mavlink.MAVLink_command_long_message(33, 1, 401, 0, *[0.0] * 7)
    assert station.answer(message, "COMMAND_ACK").get_srcSystem() == 33


def test_home_can_be_moved_and_stays_where_it_was_put(station):
    assert station.command(179, 0, 0, 0, 0, 21.0831, 106.5121, 30.0) == ACCEPTED
    (told,) = station.of("HOME_POSITION")[-1:]
    assert (told.latitude, told.altitude) == (210831000, 30000)
    station.mode(GUIDED)
    station.command(400, 1)
    assert station.copter.home[0] == 210831000
    other = Station()
    other.ready()
    other.mode(GUIDED)
    other.command(400, 1)
    assert other.copter.home[0] == HOME.lat_e7


def test_a_reboot_keeps_parameters_and_plans_and_needs_disarmed_motors():
    station = Station()
    station.ready()
    station.set("CAM1_TYPE", 1)
    station.set("RTL_ALT", 2500)
    station.upload([{"command": 16, "frame": 0}, take_off(10.0), RETURN])
    assert not station.vehicle.copter.camera.exists
    before_s = station.now_s
    assert station.command(246, 1) == ACCEPTED
    station.copter = station.vehicle.copter
    assert station.now_s >= before_s
    assert station.copter.now_s < 1.0
    assert station.copter.camera.exists
    assert station.copter.parameters["RTL_ALT"] == 2500.0
    assert not station.copter.ready.position_good
    station.ready()
    assert len(station.download()) == 3
    station.mode(GUIDED)
    station.command(400, 1)
    assert station.command(246, 1) == FAILED


# ---- what it says of itself


def test_its_version_and_capabilities(station):
    version = station.answer(
        mavlink.MAVLink_command_long_message(1, 1, 512, 0, 148, 0, 0, 0, 0, 0, 0),
        "AUTOPILOT_VERSION",
    )
    assert version.flight_sw_version >> 16 == 0x0406
    for bit in ("MISSION_INT", "MISSION_FENCE", "MISSION_RALLY", "PARAM_FLOAT", "COMMAND_INT"):
        assert version.capabilities & getattr(mavlink, f"MAV_PROTOCOL_CAPABILITY_{bit}")


@pytest.mark.parametrize(
    ("personality", "kind", "autopilot"),
    [("copter", 2, 3), ("plane", 1, 3), ("rover", 10, 3), ("px4", 2, 12)],
)
def test_personalities_show_in_the_heartbeat(personality, kind, autopilot):
    station = Station(personality=personality)
    station.wait(1.5)
    beat = station.of("HEARTBEAT")[-1]
    assert (beat.type, beat.autopilot) == (kind, autopilot)


def test_the_heartbeat_comes_once_a_second_and_tells_the_state(station):
    station.log.clear()
    station.wait(10.0)
    assert len(station.of("HEARTBEAT")) == 10
    beat = station.of("HEARTBEAT")[-1]
    assert (beat.base_mode, beat.system_status) == (81, 3)
    station.start([take_off(10.0), waypoint(0, 50, 10.0), RETURN])
    station.wait(10.0)
    beat = station.of("HEARTBEAT")[-1]
    assert (beat.base_mode, beat.custom_mode, beat.system_status) == (217, AUTO, 4)


def test_long_texts_come_in_parts():
    station = Station()
    station.ready()
    station.mode(27)
    parts = [m for m in station.of("STATUSTEXT") if m.id != 0]
    assert [m.text for m in parts] == [
        "Mode change to AUTO RTL failed: No return path or ",
        "landing sequence found",
    ]
    assert [m.chunk_seq for m in parts] == [0, 1]
    assert parts[0].id == parts[1].id


# ---- parameters


def test_every_parameter_is_listed_once_with_index_and_count(station):
    station.send(mavlink.MAVLink_param_request_list_message(1, 1))
    came = [m for m in station.wait(2.0) if m.get_type() == "PARAM_VALUE"]
    assert [m.param_index for m in came] == list(range(len(came)))
    assert {m.param_count for m in came} == {len(came)}
    assert len({m.param_id for m in came}) == len(came) > 300
    values = {m.param_id: m.param_value for m in came}
    assert (values["RTL_ALT"], values["WPNAV_SPEED"], values["FENCE_ENABLE"]) == (1500, 1000, 0)
    assert "SPRAY_PUMP_RATE" not in values


def test_a_group_is_listed_once_its_switch_is_on(station):
    station.set("SPRAY_ENABLE", 1)
    assert "SPRAY_PUMP_RATE" in station.copter.parameters.listed()


def test_setting_reads_back_what_is_kept(station):
    message = mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", 2000.4, 9)
    told = station.answer(message, "PARAM_VALUE")
    assert (told.param_id, told.param_value, told.param_type) == ("RTL_ALT", 2000.0, 6)
    message = mavlink.MAVLink_param_set_message(1, 1, b"NO_SUCH", 1.0, 9)
    assert station.answer(message, "PARAM_VALUE") is None
    message = mavlink.MAVLink_param_set_message(1, 1, b"RTL_ALT", math.nan, 9)
    assert station.answer(message, "PARAM_VALUE") is None


def test_reading_by_name_and_by_index(station):
    by_name = mavlink.MAVLink_param_request_read_message(1, 1, b"WPNAV_SPEED", -1)
    told = station.answer(by_name, "PARAM_VALUE")
    assert (told.param_id, told.param_value, told.param_index) == ("WPNAV_SPEED", 1000.0, 65535)
    index = station.copter.parameters.listed().index("WPNAV_SPEED")
    by_index = mavlink.MAVLink_param_request_read_message(1, 1, b"", index)
    assert station.answer(by_index, "PARAM_VALUE").param_id == "WPNAV_SPEED"
    missing = mavlink.MAVLink_param_request_read_message(1, 1, b"NO_SUCH", -1)
    assert station.answer(missing, "PARAM_VALUE") is None
    hidden = mavlink.MAVLink_param_request_read_message(1, 1, b"SPRAY_PUMP_RATE", -1)
    assert station.answer(hidden, "PARAM_VALUE").param_value == 10.0


def test_parameters_a_ground_station_must_find_are_there():
    names = set(copter_defaults())
    for wanted in [
        "FENCE_ENABLE",
        "FENCE_TYPE",
        "FENCE_ACTION",
        "FENCE_ALT_MAX",
        "FENCE_MARGIN",
        "FENCE_RADIUS",
        "FENCE_TOTAL",
        "FS_GCS_ENABLE",
        "FS_GCS_TIMEOUT",
        "FS_OPTIONS",
        "FS_THR_ENABLE",
        "FS_EKF_ACTION",
        "BATT_FS_LOW_ACT",
        "BATT_FS_CRT_ACT",
        "BATT_LOW_VOLT",
        "BATT_LOW_MAH",
        "BATT_CRT_MAH",
        "BATT_ARM_VOLT",
        "BATT_CAPACITY",
        "RTL_ALT",
        "RTL_LOIT_TIME",
        "RTL_ALT_FINAL",
        "WPNAV_SPEED",
        "WPNAV_RADIUS",
        "WPNAV_ACCEL",
        "ARMING_CHECK",
        "SPRAY_ENABLE",
        "SPRAY_PUMP_RATE",
        "SPRAY_SPEED_MIN",
        "SPRAY_SPINNER",
        "SERVO9_FUNCTION",
        "CAM1_TYPE",
        "CAM_AUTO_ONLY",
        "MIS_TOTAL",
        "MIS_RESTART",
        "MIS_OPTIONS",
        "SYSID_THISMAV",
        "SYSID_MYGCS",
        "SIM_SPEEDUP",
        "SIM_WIND_SPD",
        "SIM_WIND_DIR",
        "SIM_WIND_TURB",
        "SIM_BATT_VOLTAGE",
        "SIM_BATT_CAP_AH",
        "SIM_RC_FAIL",
        "DISARM_DELAY",
        "AUTO_OPTIONS",
        "TERRAIN_ENABLE",
        "RALLY_LIMIT_KM",
        "RALLY_INCL_HOME",
    ]:
        assert wanted in names


def test_unknown_or_impossible_parameters_are_refused_at_the_start():
    with pytest.raises(BadInput):
        Parameters({"NO_SUCH": 1.0})
    with pytest.raises(BadInput):
        Autopilot(home=HOME, parameters={"RTL_ALT": math.inf})


# ---- streams


def test_nothing_but_heartbeats_comes_unasked(station):
    station.log.clear()
    station.wait(5.0)
    assert {m.get_type() for _, m in station.log} == {"HEARTBEAT"}


def test_a_data_stream_brings_its_messages_at_its_rate_and_stops(station):
    station.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 1))
    station.log.clear()
    station.wait(10.0)
    for kind in [
        "SYS_STATUS",
        "GPS_RAW_INT",
        "MISSION_CURRENT",
        "SERVO_OUTPUT_RAW",
        "RC_CHANNELS",
        "ATTITUDE",
        "VFR_HUD",
        "GLOBAL_POSITION_INT",
        "BATTERY_STATUS",
        "EKF_STATUS_REPORT",
        "SYSTEM_TIME",
        "WIND",
    ]:
        assert len(station.of(kind)) == pytest.approx(40, abs=1), kind
    station.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 4, 0))
    station.log.clear()
    station.wait(3.0)
    assert {m.get_type() for _, m in station.log} == {"HEARTBEAT"}


def test_a_message_interval_is_kept_and_told(station):
    assert station.command(511, 33, 200_000) == ACCEPTED
    station.log.clear()
    station.wait(10.0)
    assert len(station.of("GLOBAL_POSITION_INT")) == pytest.approx(50, abs=1)
    ask = mavlink.MAVLink_command_long_message(1, 1, 510, 0, 33, 0, 0, 0, 0, 0, 0)
    assert station.answer(ask, "MESSAGE_INTERVAL").interval_us == 200_000
    station.command(511, 33, -1)
    station.log.clear()
    station.wait(2.0)
    assert not station.of("GLOBAL_POSITION_INT")


def test_each_ground_station_has_its_own_rates():
    vehicle = Autopilot(home=HOME, ready_after_s=1.0)
    vehicle.attach("second")
    vehicle.receive(mavlink.MAVLink_request_data_stream_message(1, 1, 6, 10, 1), "second")
    vehicle.advance(2.0)
    vehicle.take("second")
    mine = vehicle.advance(4.0)
    theirs = vehicle.take("second")
    assert {m.get_type() for m in mine} == {"HEARTBEAT", "STATUSTEXT"} or {
        m.get_type() for m in mine
    } == {"HEARTBEAT"}
    assert sum(m.get_type() == "GLOBAL_POSITION_INT" for m in theirs) == pytest.approx(20, abs=1)
    vehicle.detach("second")
    vehicle.advance(5.0)
    assert vehicle.take("second") == []


def test_time_is_answered(station):
    reply = station.answer(mavlink.MAVLink_timesync_message(0, 12345), "TIMESYNC")
    assert reply.ts1 == 12345
    assert reply.tc1 > 0


# ---- whatever comes

MESSAGES = [
    kind
    for _, kind in inspect.getmembers(mavlink, inspect.isclass)
    if issubclass(kind, mavlink.MAVLink_message) and kind is not mavlink.MAVLink_message
    if getattr(kind, "fieldtypes", None) and kind.__name__.endswith("_message")
]
LISTENED = [
    kind
    for kind in MESSAGES
    if kind.msgname.startswith(("MISSION_", "COMMAND_", "PARAM_", "SET_", "RC_CHANNELS_OVER"))
]
WHOLE = {"uint8_t": (0, 255), "int8_t": (-128, 127), "uint16_t": (0, 65535)}
WHOLE |= {"int16_t": (-32768, 32767), "uint32_t": (0, 2**32 - 1), "int32_t": (-(2**31), 2**31 - 1)}
WHOLE |= {"uint64_t": (0, 2**64 - 1), "int64_t": (-(2**63), 2**63 - 1)}


@st.composite
def messages(draw, kinds=MESSAGES):
    kind = draw(st.sampled_from(kinds))
    values: list[Any] = []
    fields = zip(kind.fieldnames, kind.fieldtypes, strict=True)
    for name, fieldtype in fields:
        order = kind.ordered_fieldnames.index(name)
        length = kind.array_lengths[order]
        if fieldtype == "char":
            values.append(draw(st.binary(max_size=length)).replace(b"\x00", b""))
            continue
        if name == "target_system":
            one: st.SearchStrategy[Any] = st.sampled_from([0, 1, 2])
        elif name == "target_component":
            one = st.sampled_from([0, 1])
        elif name == "command":
            one = st.sampled_from([16, 20, 22, 176, 178, 179, 192, 216, 300, 400, 511, 2000, 9])
        elif fieldtype in WHOLE:
            one = st.one_of(
                st.sampled_from([0, 1, *WHOLE[fieldtype]]), st.integers(*WHOLE[fieldtype])
            )
        else:
            one = st.one_of(
                st.floats(width=32 if fieldtype == "float" else 64),
                st.sampled_from([0.0, 1.0, math.nan, math.inf, 1e30]),
            )
        values.append([draw(one)] * length if length else draw(one))
    return kind(*values)


ANY = settings(max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def packer() -> Any:
    return mavlink.MAVLink(None, 1, 1)


@ANY
@given(st.lists(st.one_of(messages(), messages(LISTENED)), min_size=1, max_size=12))
def test_no_message_whatever_it_holds_makes_it_raise(packer, sent):
    vehicle = Autopilot(home=HOME, ready_after_s=0.5)
    vehicle.advance(1.0)
    for message in sent:
        vehicle.receive(message)
        for told in vehicle.advance(vehicle.now_s + 0.1):
            assert told.pack(packer)
    assert all(math.isfinite(value) for value in (vehicle.copter.body.up_m, vehicle.now_s))


@settings(ANY, max_examples=40)
@given(st.lists(messages(LISTENED), min_size=1, max_size=6), st.integers(0, 2**31))
def test_in_flight_neither(packer, sent, seed):
    station = Station(seed=seed)
    station.start([take_off(5.0), waypoint(0, 60, 5.0), RETURN])
    station.wait(8.0)
    for message in sent:
        station.send(message)
        for told in station.wait(0.3):
            assert told.pack(packer)
    body = station.copter.body
    assert all(map(math.isfinite, (body.east_m, body.north_m, body.up_m, body.yaw_rad)))


EXTREMES = st.sampled_from([-1e30, -1e4, -1.0, 0.0, 1e-30, 1.0, 255.0, 1e4, 1e30, math.nan])


@settings(ANY, max_examples=50, report_multiple_bugs=False)
@given(st.lists(st.tuples(st.sampled_from(sorted(copter_defaults())), EXTREMES), max_size=12))
def test_no_parameter_however_extreme_makes_it_raise_in_flight(packer, changes):
    station = Station()
    station.send(mavlink.MAVLink_request_data_stream_message(1, 1, 0, 10, 1))
    station.start([take_off(5.0), waypoint(0, 60, 5.0), RETURN])
    for name, value in changes:
        message = mavlink.MAVLink_param_set_message(1, 1, name.encode(), value, 9)
        message.target_system = station.vehicle.system_id
        station.send(message)
        for told in station.wait(0.7):
            assert told.pack(packer)
    body = station.copter.body
    assert all(map(math.isfinite, (body.east_m, body.north_m, body.up_m, body.yaw_rad)))


@ANY
@given(st.binary(max_size=600))
def test_garbage_bytes_decode_to_nothing_that_harms(garbage):
    vehicle = Autopilot(home=HOME, ready_after_s=0.5)
    parser = mavlink.MAVLink(None)
    parser.robust_parsing = True
    for message in parser.parse_buffer(garbage) or []:
        vehicle.receive(message)
    assert vehicle.advance(1.0)
