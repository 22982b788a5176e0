from __future__ import annotations

import contextlib
import math
import queue
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput, LinkError, Refused, StoreError
from agri.geo import LocalFrame, LonLat
from agri.track import Event, Photo
from missions.energy import Aircraft
from missions.flight.launch import Blocked, Briefing, FlightProgress, fly, look, prepare
from missions.flight.phases import Phase
from missions.flightplan import FencePolygon, FlightPlan, RallyPoint
from missions.items import Command, MissionItem, digest, item_at
from missions.link.address import read_address
from missions.link.link import Link
from missions.link.service import DEADMAN_S, Service
from missions.wire.commands import Parameter
from missions.wire.messages import Address
from missions.wire.pump import find_pump
from missions.wire.sightings import SightingKind, photo_of, version_text
from missions.wire.telemetry import CopterMode, PumpServo, Telemetry, fold
from sitl.simulator import Simulator

HOME = LonLat(lon_deg=106.51, lat_deg=21.08)
FRAME = LocalFrame(HOME)
SPEEDUP = 30.0


def short_plan(lines: int = 2, length_m: float = 60.0) -> FlightPlan:
    """A small survey: up, lines with the camera on, home, down."""
    items = [
        item_at(Command.NAV_TAKEOFF, HOME, 15.0),
        MissionItem(command=Command.DO_CHANGE_SPEED, param1=1.0, param2=8.0, param3=-1.0),
    ]
    for line in range(lines):
        start, end = (0.0, length_m) if line % 2 == 0 else (length_m, 0.0)
        items += [
            item_at(Command.NAV_WAYPOINT, FRAME.place(start, 10.0 * line + 5.0), 15.0),
            MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST, param1=10.0, param3=1.0),
            item_at(Command.NAV_WAYPOINT, FRAME.place(end, 10.0 * line + 5.0), 15.0),
            MissionItem(command=Command.DO_SET_CAM_TRIGG_DIST),
        ]
    items += [
        item_at(Command.NAV_WAYPOINT, HOME, 15.0),
        MissionItem(command=Command.NAV_RETURN_TO_LAUNCH),
    ]
    corners = tuple(FRAME.place(e, n) for e, n in ((-50, -50), (150, -50), (150, 150), (-50, 150)))
    return FlightPlan(
        name="short",
        home=HOME,
        items=tuple(items),
        fence_polygons=(FencePolygon(inclusion=True, vertices=corners),),
        rally_points=(RallyPoint(place=HOME, altitude_m=15.0),),
    )


PLAN = short_plan()
LAUNCH = "one-launch"


def simulator(**changed: float) -> Simulator:
    """A simulated aircraft with a camera, patient with a busy computer: at this speed-up five of
    its seconds are a sixth of ours."""
    return Simulator(
        HOME,
        speedup=SPEEDUP,
        ready_after_s=4.0,
        parameters={"CAM1_TYPE": 1.0, "SERVO11_FUNCTION": 10.0, "FS_GCS_TIMEOUT": 90.0, **changed},
    )


@pytest.fixture(scope="module")
def parked() -> Iterator[str]:
    """A simulated aircraft that no test flies; its address."""
    with simulator() as running:
        yield running.url


@pytest.fixture
def link(parked: str) -> Iterator[Link]:
    with Link.connect(parked) as connected:
        yield connected


def wait_ready(connected: Link) -> None:
    with connected.watch() as inbox:
        while not connected.telemetry().prearm_ok:
            inbox.get(timeout=10.0)


# Addresses


@pytest.mark.parametrize(
    ("url", "device", "baud"),
    [
        ("udp:127.0.0.1:14550", "udpin:127.0.0.1:14550", 57600),
        ("udpin:0.0.0.0:14550", "udpin:0.0.0.0:14550", 57600),
        ("udpout:192.168.1.7:14550", "udpout:192.168.1.7:14550", 57600),
        (" tcp:localhost:5760 ", "tcp:localhost:5760", 57600),
        ("/dev/ttyUSB0", "/dev/ttyUSB0", 57600),
        ("/dev/ttyACM0,115200", "/dev/ttyACM0", 115200),
        ("serial:/dev/ttyUSB1:921600", "/dev/ttyUSB1", 921600),
        ("COM5,57600", "COM5", 57600),
    ],
)
def test_an_address_is_read(url: str, device: str, baud: int) -> None:
    address = read_address(url)
    assert (address.device, address.baud) == (device, baud)


BAD_URLS = [
    "", "udp", "udp:", "udpin:14550", "tcp:host", "tcp:host:0", "tcp:host:70000", "tcp::5760",
    "tcp:h:1:2", "/etc/passwd", "/dev/../etc/passwd", "flight.bin", "csv:x", "mcast:", "uds:/tmp/x",
    "ws://host:1", "tcpin:0.0.0.0:5760", "udpbcast:1.2.3.4:5", "COM5;rm", "host:5760",
    "tcp:a b:5760",
]  # fmt: skip


@pytest.mark.parametrize("url", BAD_URLS)
def test_what_is_no_address_is_bad_input_and_opens_nothing(url: str) -> None:
    with pytest.raises(BadInput) as told:
        Link.connect(url)
    assert told.value.message.key == "error.link_address"


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_bad_input(text: str) -> None:
    with contextlib.suppress(BadInput):
        assert read_address(text).device


# Opening


def test_nobody_at_the_other_end_is_an_error_in_words() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(LinkError) as told:
            Link.connect(url, deadline_s=0.4)
    assert told.value.message.key in ("error.link_open", "error.link_open_timeout")


def test_an_open_port_without_an_aircraft_ends_at_the_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(LinkError) as told:
            Link.connect(url, deadline_s=0.4)
    assert told.value.message.key == "error.link_no_aircraft"


def test_a_device_that_is_not_there_is_an_error_in_words() -> None:
    with pytest.raises(LinkError) as told:
        Link.connect("/dev/ttyUSB99", deadline_s=2.0)
    assert "ttyUSB99" in told.value.text("vi")


def test_a_flight_log_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.tlog").write_bytes(b"a flight")
    with pytest.raises(StoreError):
        Link.connect("udp:127.0.0.1:14550", tlog=tmp_path / "a.tlog")
    assert (tmp_path / "a.tlog").read_bytes() == b"a flight"


class Stranger:
    """A UDP peer that says what it is told to, to a link that listens."""

    def __init__(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.05)
        self.url = f"udp:127.0.0.1:{self.port}"
        self.parser = mavlink.MAVLink(None)
        self.parser.robust_parsing = True
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, message: Any, system: int = 1, component: int = 1) -> None:
        packer = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
        self.socket.sendto(message.pack(packer), ("127.0.0.1", self.port))

    def beat(self, system: int = 1, kind: int = 2, autopilot: int = 3) -> None:
        self.say(mavlink.MAVLink_heartbeat_message(kind, autopilot, 81, 0, 3, 3), system)

    def heard(self) -> list[Any]:
        """Everything that has come, at least one wait long."""
        found: list[Any] = []
        while True:
            try:
                found += self.parser.parse_buffer(self.socket.recv(4096)) or []
            except TimeoutError:
                return found

    def keep_beating(self, **options: int) -> None:
        def run() -> None:
            while not self._stop.wait(0.02):
                self.beat(**options)

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.socket.close()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    someone = Stranger()
    yield someone
    someone.close()


def test_another_ground_station_is_not_an_aircraft(stranger: Stranger) -> None:
    stranger.keep_beating(kind=6, autopilot=8)
    with pytest.raises(LinkError):
        Link.connect(stranger.url, deadline_s=0.5)


def test_the_aircraft_asked_for_is_waited_for_and_others_are_not_mixed_in(
    stranger: Stranger,
) -> None:
    stranger.keep_beating(system=7)
    with pytest.raises(LinkError):
        Link.connect(stranger.url, deadline_s=0.4, vehicle_system=1)
    with Link.connect(stranger.url, deadline_s=5.0, vehicle_system=7) as connected:
        place = mavlink.MAVLink_global_position_int_message(
            1, 210000000, 1060000000, 0, 99_000, 0, 0, 0, 0
        )
        stranger.say(place, system=3)
        with connected.watch() as inbox:
            for _ in range(5):
                inbox.get(timeout=5.0)
        assert connected.telemetry().place is None


def test_dronekit_says_nothing_of_its_own(stranger: Stranger) -> None:
    """With our clock stopped there is no heartbeat of ours: a heartbeat would be dronekit's."""
    stranger.keep_beating()
    now_s = [0.0]
    with Link.connect(stranger.url, deadline_s=1e9, clock=lambda: now_s[0]) as connected:
        stranger.heard()
        value = mavlink.MAVLink_param_value_message(b"RTL_ALT", 1500.0, 9, 1300, 3)
        ended_s = time.monotonic() + 1.3
        said = []
        while time.monotonic() < ended_s:
            stranger.say(value)
            said += stranger.heard()
        assert {message.get_type() for message in said} == set()
        assert connected.alive
        now_s[0] += 1.5
        with connected.watch() as inbox:
            connected.telemetry()
            inbox.get(timeout=5.0)
        for _ in range(100):
            said += stranger.heard()
            if said:
                break
        assert "HEARTBEAT" in {message.get_type() for message in said}


# The service, without a socket


class NoRadio:
    """A radio in memory."""

    def __init__(self) -> None:
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.sent: list[Any] = []
        self.alive = True
        self.aimed = 0

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def aim(self, system: int, peer: Any = None) -> None:
        self.aimed, self.peer = system, peer

    def beats(self) -> int:
        return sum(message.get_type() == "HEARTBEAT" for message in self.sent)


def serve() -> tuple[Service, NoRadio, list[float]]:
    radio, now_s = NoRadio(), [100.0]
    service = Service(radio, Address(255, 190), lambda: now_s[0])  # type: ignore[arg-type]
    return service, radio, now_s


def from_vehicle(message: Any, system: int = 1, component: int = 1) -> Any:
    header = message.get_header()
    header.srcSystem, header.srcComponent = system, component
    return message


def heartbeat(mode: int = 0, armed: bool = False) -> Any:
    base = 81 | (128 if armed else 0)
    return from_vehicle(mavlink.MAVLink_heartbeat_message(2, 3, base, mode, 3, 3))


def position(boot_ms: int, height_m: float = 0.0) -> Any:
    return from_vehicle(
        mavlink.MAVLink_global_position_int_message(
            boot_ms, 210800000, 1065100000, 10_000, round(height_m * 1000), 300, 400, -50, 9000
        )
    )


def test_heartbeats_stop_when_the_application_asks_nothing_any_more() -> None:
    service, radio, now_s = serve()
    service.take(heartbeat(), now_s[0])
    service.feed()
    for _ in range(30):
        now_s[0] += 1.0
        service.feed()
        service.pass_time(now_s[0])
    assert radio.beats() == 30
    for _ in range(30):
        now_s[0] += 1.0
        service.pass_time(now_s[0])
    assert radio.beats() == 30 + int(DEADMAN_S)


def test_heartbeats_go_on_while_a_person_thinks_but_not_with_the_motors_on() -> None:
    service, radio, now_s = serve()
    service.take(heartbeat(), now_s[0])
    with service.patience():
        for _ in range(30):
            now_s[0] += 1.0
            service.pass_time(now_s[0])
        assert radio.beats() == 30
        service.take(heartbeat(armed=True), now_s[0])
        for _ in range(30):
            now_s[0] += 1.0
            service.pass_time(now_s[0])
        assert radio.beats() == 30 + int(DEADMAN_S)


def test_heartbeats_follow_the_aircrafts_own_clock() -> None:
    service, radio, now_s = serve()
    service.take(heartbeat(), now_s[0])
    boot_ms = 0
    for _ in range(200):
        now_s[0] += 0.05
        boot_ms += 1000
        service.feed()
        service.take(position(boot_ms), now_s[0])
        service.pass_time(now_s[0])
    assert service.rate == pytest.approx(20.0, rel=0.01)
    assert radio.beats() == pytest.approx(200, abs=25)


def test_a_real_aircrafts_clock_counts_as_ours() -> None:
    service, _, now_s = serve()
    service.take(heartbeat(), now_s[0])
    boot_ms = 0
    for step in range(100):
        now_s[0] += 0.25
        boot_ms += 250 + (-1) ** step * 20
        service.take(position(boot_ms), now_s[0])
        assert service.rate == 1.0


def test_an_aircraft_that_restarts_is_noticed_by_its_clock() -> None:
    service, _, now_s = serve()
    service.take(heartbeat(), now_s[0])
    for boot_ms in (600_000, 600_200, 599_900, 600_400):
        now_s[0] += 0.2
        service.take(position(boot_ms), now_s[0])
    assert service.restarts == 0
    service.take(position(3_000), now_s[0] + 30.0)
    assert service.restarts == 1


def test_missing_telemetry_is_asked_for_again() -> None:
    service, radio, now_s = serve()
    service.take(heartbeat(), now_s[0])
    asked = []
    for _ in range(20):
        now_s[0] += 0.5
        service.feed()
        service.pass_time(now_s[0])
        asked.append(sum(m.get_type() == "REQUEST_DATA_STREAM" for m in radio.sent))
    assert asked[0] == 4
    assert asked[-1] == 12


def test_a_message_nobody_can_read_is_counted_and_does_not_end_the_service() -> None:
    service, radio, _ = serve()
    service.begin()
    radio.inbox.put(object())
    radio.inbox.put(heartbeat())
    with service.changed:
        assert service.changed.wait_for(lambda: service.pair is not None, timeout=5.0)
    assert service.faults == 1
    service.end()


# Telemetry


def test_telemetry_is_folded_from_the_messages_that_tell_it() -> None:
    seen = Telemetry()
    for message in (
        heartbeat(mode=3, armed=True),
        position(61_500, 12.5),
        mavlink.MAVLink_sys_status_message(0, 0, 0x10000000, 0, 12600, 3012, 77, 0, 0, 0, 0, 0, 0),
        mavlink.MAVLink_gps_raw_int_message(0, 4, 0, 0, 0, 95, 100, 0, 0, 17),
        mavlink.MAVLink_ekf_status_report_message(831, 0, 0, 0, 0, 0),
        mavlink.MAVLink_mission_current_message(5, 12, 3),
        mavlink.MAVLink_mission_item_reached_message(4),
        mavlink.MAVLink_home_position_message(
            210800000, 1065100000, 0, 0, 0, 0, [1, 0, 0, 0], 0, 0, 0
        ),
        mavlink.MAVLink_fence_status_message(1, 1, 2, 0),
        mavlink.MAVLink_extended_sys_state_message(0, 2),
    ):
        seen = fold(seen, message, 7.0)
    assert seen.mode_name == "AUTO"
    assert seen.armed
    assert seen.heard_s == 7.0
    assert (seen.time_s, seen.height_m, seen.speed_m_s) == (61.5, 12.5, 5.0)
    assert (seen.climb_m_s, seen.yaw_deg) == (0.5, 90.0)
    assert (seen.battery_pct, seen.voltage_v, seen.current_a) == (77.0, 12.6, 30.12)
    assert (seen.fix_type, seen.satellites, seen.hdop) == (4, 17, 0.95)
    assert seen.ekf_ok
    assert seen.prearm_ok
    assert (seen.mission_current, seen.mission_total, seen.item_reached) == (5, 12, 4)
    assert seen.home == HOME
    assert seen.fence_breached
    assert seen.landed is False


def servo_output(**pulses: int) -> Any:
    values = [pulses.get(f"servo{n}", 0) for n in range(1, 17)]
    return mavlink.MAVLink_servo_output_raw_message(0, pulses.get("port", 0), *values)


def test_the_pumps_share_is_its_pulse_between_its_own_least_and_most() -> None:
    pump = PumpServo(channel=9, min_us=1100.0, max_us=1900.0)
    seen = Telemetry(pump=pump)
    assert math.isnan(seen.pump_share)
    shares = [
        fold(seen, servo_output(servo9=pulse, servo1=1700), 0.0).pump_share
        for pulse in (0, 1000, 1100, 1300, 1900, 2100)
    ]
    assert shares == [0.0, 0.0, 0.0, 0.25, 1.0, 1.0]
    turned = Telemetry(pump=replace(pump, reversed=True))
    assert fold(turned, servo_output(servo9=1300), 0.0).pump_share == 0.75
    assert fold(turned, servo_output(servo9=0), 0.0).pump_share == 0.0


def test_a_pumps_output_has_its_own_time_on_the_aircrafts_clock_which_runs_over() -> None:
    """32 bits of microseconds begin anew after 71.6 minutes; the clock of positions does not."""
    pump = PumpServo(channel=9, min_us=1100.0, max_us=1900.0)
    around_s = 2.0**32 / 1e6
    for clock_s, told_s in (
        (12.0, 12.05),
        (around_s - 0.02, around_s + 0.03),
        (around_s + 0.02, around_s - 0.03),
        (3.0 * around_s + 7.0, 3.0 * around_s + 7.0),
    ):
        message = servo_output(servo9=1300)
        message.time_usec = round(told_s * 1e6) % 2**32
        seen = fold(Telemetry(pump=pump, time_s=clock_s), message, 0.0)
        assert seen.pump_s == pytest.approx(told_s)


def test_a_pump_that_was_not_found_or_not_told_of_stays_unknown() -> None:
    assert math.isnan(fold(Telemetry(), servo_output(servo9=1500), 0.0).pump_share)
    seen = Telemetry(pump=PumpServo(channel=9, min_us=1100.0, max_us=1900.0))
    assert math.isnan(fold(seen, servo_output(servo9=1500, port=1), 0.0).pump_share)
    old = servo_output(servo9=1500)
    old.pack(mavlink.MAVLink(None), force_mavlink1=True)
    assert math.isnan(fold(seen, old, 0.0).pump_share)
    second = Telemetry(pump=PumpServo(channel=2, min_us=1000.0, max_us=2000.0))
    first_eight = servo_output(servo2=1500)
    first_eight.pack(mavlink.MAVLink(None), force_mavlink1=True)
    assert fold(second, first_eight, 0.0).pump_share == 0.5


@pytest.mark.parametrize(
    ("kept", "channel", "found"),
    [
        ({}, 0, None),
        ({"SERVO9_FUNCTION": 22.0}, 0, None),
        ({"SERVO9_FUNCTION": 22.0, "SERVO9_MIN": 1500.0, "SERVO9_MAX": 1500.0}, 0, None),
        ({"SERVO7_MIN": 1000.0, "SERVO7_MAX": 2000.0, "SERVO7_REVERSED": 1.0}, 7,
         PumpServo(channel=7, min_us=1000.0, max_us=2000.0, reversed=True)),
        ({"SERVO9_FUNCTION": 0.0, "SERVO12_FUNCTION": 22.0, "SERVO12_MIN": 1000.0,
          "SERVO12_MAX": 2000.0, "SERVO12_REVERSED": 0.0}, 0,
         PumpServo(channel=12, min_us=1000.0, max_us=2000.0)),
    ],
)  # fmt: skip
def test_the_pump_is_found_by_its_function_or_by_its_channel(
    kept: dict[str, float], channel: int, found: PumpServo | None
) -> None:
    def read(names: Sequence[str]) -> tuple[Parameter, ...]:
        return tuple(Parameter(name, kept.get(name)) for name in names)

    assert find_pump(read, channel) == found


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan])
def test_angles_and_winds_that_are_no_numbers_tell_nothing(wrong: float) -> None:
    known = fold(Telemetry(), mavlink.MAVLink_attitude_message(1, 0.1, 0.1, 1.0, 0, 0, 0), 1.0)
    known = fold(known, mavlink.MAVLink_wind_message(90.0, 3.0, 0.0), 1.0)
    assert math.isfinite(known.thrust_east_m_s2)
    assert known.wind_m_s == 3.0
    for angles in ((wrong, 0.1, 1.0), (0.1, wrong, 1.0), (0.1, 0.1, wrong)):
        told = fold(known, mavlink.MAVLink_attitude_message(2, *angles, 0, 0, 0), 2.0)
        assert math.isnan(told.thrust_east_m_s2)
        assert math.isnan(told.thrust_north_m_s2)
    for wind in ((wrong, 3.0), (90.0, wrong)):
        assert math.isnan(fold(known, mavlink.MAVLink_wind_message(*wind, 0.0), 2.0).wind_m_s)


def test_what_is_not_told_is_not_a_number() -> None:
    silent = mavlink.MAVLink_sys_status_message(0, 0, 0, 0, 65535, -1, -1, 0, 0, 0, 0, 0, 0)
    seen = fold(Telemetry(), silent, 0.0)
    assert math.isnan(seen.battery_pct)
    assert math.isnan(seen.voltage_v)
    assert math.isnan(seen.current_a)
    no_gps = mavlink.MAVLink_gps_raw_int_message(0, 0, 0, 0, 0, 65535, 65535, 0, 0, 0)
    assert math.isnan(fold(seen, no_gps, 0.0).hdop)
    nowhere = mavlink.MAVLink_global_position_int_message(5, 0, 0, 0, 0, 0, 0, 0, 65535)
    assert fold(seen, nowhere, 0.0).place is None


@pytest.mark.parametrize(("flags", "ok"), [(0, False), (16, True), (16 | 128, False), (128, False)])
def test_a_position_is_good_when_it_is_absolute_and_not_held(flags: int, ok: bool) -> None:
    report = mavlink.MAVLink_ekf_status_report_message(flags, 0, 0, 0, 0, 0)
    assert fold(Telemetry(), report, 0.0).ekf_ok is ok


def test_a_long_sentence_of_the_aircraft_is_put_together() -> None:
    seen = Telemetry()
    for chunk, text in enumerate(
        (b"PreArm: the first fifty letters of a long, long sen", b"tence")
    ):
        seen = fold(seen, mavlink.MAVLink_statustext_message(3, text[:50], 9, chunk), 0.0)
    assert len(seen.texts) == 1
    assert seen.texts[0].text.endswith("tence")


def test_only_the_last_sentences_are_kept() -> None:
    seen = Telemetry()
    for number in range(100):
        seen = fold(seen, mavlink.MAVLink_statustext_message(6, b"word %d" % number), 0.0)
    assert len(seen.texts) == 30
    assert seen.texts[-1].text == "word 99"


def test_a_picture_is_where_the_camera_says_on_the_aircrafts_clock() -> None:
    told = mavlink.MAVLink_camera_feedback_message(
        0, 1, 0, 41, 210800000, 1065100000, 60.0, 50.0, 0.0, 0.0, -90.0, 0.0, 0
    )
    photo = photo_of(told, Telemetry(time_s=12.5))
    assert photo == Photo(index=41, time_s=12.5, place=HOME, height_m=50.0, yaw_deg=270.0)
    told.lat = 2_000_000_000
    assert photo_of(told, Telemetry()) is None


def test_a_version_is_written_as_ardupilot_writes_it() -> None:
    assert version_text(0x04060300 | 255) == "4.6.3"
    assert version_text(0x04070000 | 128) == "4.7.0-beta"


# A simulated aircraft


def test_an_aircraft_says_what_it_is(link: Link) -> None:
    identity = link.identify()
    assert identity.is_arducopter
    assert identity.version.startswith("4.6")
    assert identity.system == 1
    assert "quadrotor" in identity.name


def test_dronekits_own_view_of_the_aircraft_is_there_for_notebooks(link: Link) -> None:
    wait_ready(link)
    assert link.vehicle.mode.name == link.telemetry().mode_name
    assert link.vehicle.armed is False
    assert link.vehicle.location.global_frame.lat == pytest.approx(HOME.lat_deg, abs=1e-5)


def test_parameters_are_read_set_and_read_back(link: Link) -> None:
    assert link.set_parameter("RTL_ALT", 2300.0).value == 2300.0
    assert [p.value for p in link.read_parameters(["RTL_ALT", "FENCE_ALT_MIN"])] == [2300.0, -10.0]
    link.set_parameter("RTL_ALT", 1500.0)


def test_a_plan_is_sent_proved_and_read_back(link: Link) -> None:
    wait_ready(link)
    seen: list[Any] = []
    proof = link.upload(PLAN, seen.append)
    assert proof.plan_digest == PLAN.digest
    assert link.proof == proof
    last = seen[-1]
    assert (last.stage, last.mission_type.name) == ("verify", "MISSION")
    assert last.done == last.total == len(PLAN.items) + 1
    assert all(now.done <= now.total or now.stage == "verify" for now in seen)
    onboard = link.download()
    assert digest(onboard.mission) == proof.mission_digest == digest(PLAN.items)
    assert link.verify(PLAN).plan_digest == PLAN.digest
    with pytest.raises(LinkError) as told:
        link.verify(short_plan(lines=1))
    assert told.value.message.key == "error.link_mission_differs"
    assert link.proof is None


def test_an_aircraft_that_restarted_has_nothing_proved_on_board(link: Link) -> None:
    wait_ready(link)
    proof = link.upload(PLAN)
    assert link.proof == proof
    with link.watch() as inbox:
        link.radio.inbox.put(position(100))
        while inbox.get(timeout=10.0).telemetry.time_s != 0.1:
            pass
    assert link.proof is None
    with pytest.raises(Refused):
        link.arm(proof)


def test_nothing_is_armed_without_the_proof_of_what_is_on_board(link: Link) -> None:
    wait_ready(link)
    first = link.upload(PLAN)
    second = link.upload(short_plan(lines=1))
    link.set_mode(CopterMode.GUIDED)
    with pytest.raises(Refused) as told:
        link.arm(first)
    assert told.value.message.key == "error.arm_unproved"
    with pytest.raises(LinkError):
        link.verify(PLAN)
    with pytest.raises(Refused):
        link.arm(second)
    assert not link.telemetry().armed


def test_nothing_is_sent_to_an_armed_aircraft(link: Link) -> None:
    wait_ready(link)
    proof = link.upload(PLAN)
    link.set_mode(CopterMode.GUIDED)
    link.arm(proof)
    with pytest.raises(Refused) as told:
        link.upload(PLAN)
    assert told.value.message.key == "error.link_armed_upload"
    with pytest.raises(Refused):
        prepare(link, PLAN)
    link.disarm()
    assert not link.telemetry().armed


def test_an_aircraft_that_will_not_arm_says_why_in_its_own_words(link: Link) -> None:
    wait_ready(link)
    proof = link.upload(PLAN)
    link.set_mode(CopterMode.AUTO)
    with pytest.raises(LinkError) as told:
        link.arm(proof)
    assert told.value.message.key == "error.link_arm_refused"
    assert "Mode not armable" in told.value.text("en") or "Arm" in told.value.text("en")
    link.set_mode(CopterMode.GUIDED)


def test_a_launch_token_is_used_up(link: Link) -> None:
    link.claim("launch-1")
    with pytest.raises(Refused) as told:
        link.claim("launch-1")
    assert told.value.message.key == "error.launch_repeated"
    link.claim("launch-2")


def test_looking_lists_what_must_be_set_and_preparing_sets_it() -> None:
    with simulator() as running, Link.connect(running.url) as connected:
        found = look(connected, PLAN).findings
        wrong = {str(dict(f.message.values).get("name")) for f in found if "parameter" in f.key}
        assert {"FENCE_ENABLE", "FENCE_TYPE", "FS_GCS_ENABLE", "BATT_FS_LOW_ACT"} <= wrong
        with pytest.raises(Blocked) as told:
            fly(connected, PLAN, confirm=lambda _: True)
        assert any(f.key == "finding.parameter_wrong" for f in told.value.findings)
        changed = {parameter.name for parameter in prepare(connected, PLAN)}
        assert changed == wrong
        assert prepare(connected, PLAN) == ()
        assert not any("parameter" in f.key for f in look(connected, PLAN).findings)
        with pytest.raises(Refused) as said:
            fly(connected, PLAN, confirm=lambda _: False)
        assert said.value.message.key == "error.launch_not_confirmed"
        assert not connected.telemetry().armed


class Kept:
    def __init__(self) -> None:
        self.times: list[float] = []
        self.photos: list[Photo] = []
        self.events: list[Event] = []

    def position(self, *, time_s: float, **_: Any) -> None:
        self.times.append(time_s)

    def photo(self, photo: Photo) -> None:
        self.photos.append(photo)

    def event(self, event: Event) -> None:
        self.events.append(event)


def frames(path: Path) -> tuple[Counter[str], Counter[str], list[Any]]:
    """What a telemetry log holds, read by pymavlink: from us, from the aircraft, the commands."""
    log = mavutil.mavlink_connection(str(path))
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    commands: list[Any] = []
    while (message := log.recv_msg()) is not None:
        (ours if message.get_srcSystem() == 255 else theirs)[message.get_type()] += 1
        if message.get_type() == "COMMAND_LONG":
            commands.append(message)
    return ours, theirs, commands


def test_a_plan_is_flown_from_the_checks_to_the_landing_and_all_of_it_is_kept(
    tmp_path: Path,
) -> None:
    kept, phases = Kept(), []
    briefings: list[Briefing] = []

    def confirm(briefing: Briefing) -> bool:
        briefings.append(briefing)
        return True

    def progress(now: FlightProgress) -> None:
        phases.append(now.phase)

    with simulator() as running, Link.connect(running.url, tlog=tmp_path / "a.tlog") as connected:
        look(connected, PLAN)
        prepare(connected, PLAN)
        record = fly(
            connected, PLAN, confirm=confirm, on_progress=progress, speedup=40.0, log=kept,
            token=LAUNCH,
        )  # fmt: skip
        with pytest.raises(Refused):
            fly(connected, PLAN, confirm=confirm, token=LAUNCH)
    assert record.outcome == "landed"
    assert record.plan_digest == PLAN.digest == briefings[0].plan_digest
    assert len(briefings) == 1
    assert "quadrotor" in record.vehicle
    assert 40.0 < record.duration_s < 120.0
    assert record.track.height_m.max() == pytest.approx(15.0, abs=1.0)
    assert len(record.photos) == pytest.approx(2 * 6, abs=2)
    assert [photo.index for photo in record.photos] == list(range(1, len(record.photos) + 1))
    assert all(0.0 < photo.time_s < record.duration_s + 5.0 for photo in record.photos)
    keys = [event.message.key for event in record.events]
    assert keys == ["event.armed", "event.started", "event.took_off", "event.landed"]
    assert kept.times == record.track.time_s.tolist()
    assert kept.photos == list(record.photos)
    assert kept.events == list(record.events)
    in_order = [Phase.IDENTIFY, Phase.READ, Phase.UPLOAD, Phase.CONFIRM, Phase.ARM, Phase.WATCH]
    assert [phase for phase in dict.fromkeys(phases) if phase in in_order] == in_order
    ours, theirs, commands = frames(tmp_path / "a.tlog")
    assert theirs["HEARTBEAT"] > 40
    assert ours["HEARTBEAT"] > 40
    assert theirs["GLOBAL_POSITION_INT"] >= len(record.track.time_s)
    assert ours["MISSION_ITEM_INT"] >= len(PLAN.items) + 1
    armings = [m for m in commands if m.command == 400]
    assert all(m.param2 == 0.0 for m in armings), "forced arming is never sent"


@pytest.mark.parametrize(
    ("stop", "mode"), [("hold", "BRAKE"), ("return_home", "RTL"), ("land", "LAND")]
)
def test_a_stop_from_another_thread_is_obeyed_with_sprayer_and_camera_off(
    stop: str, mode: str, tmp_path: Path
) -> None:
    asked = threading.Event()
    done: queue.SimpleQueue[str] = queue.SimpleQueue()

    def act(connected: Link) -> None:
        getattr(connected, stop)()
        done.put(connected.telemetry().mode_name)
        if stop == "hold":
            connected.land()

    with simulator() as running, Link.connect(running.url, tlog=tmp_path / "a.tlog") as connected:
        look(connected, PLAN)
        prepare(connected, PLAN)

        def progress(now: FlightProgress) -> None:
            if now.telemetry.mission_current >= 5 and not asked.is_set():
                asked.set()
                threading.Thread(target=act, args=(connected,)).start()

        record = fly(connected, PLAN, confirm=lambda _: True, on_progress=progress)
    assert done.get(timeout=5.0) == mode
    assert record.outcome == "aborted"
    told = [event.message for event in record.events if event.message.key == "event.ordered"]
    assert dict(told[0].values)["mode"] == mode
    assert not [e for e in record.events if e.message.key == "event.taken_over"]
    _, _, commands = frames(tmp_path / "a.tlog")
    off = [(m.command, m.param1) for m in commands if m.command in (216, 206)]
    assert {(216, 0.0), (206, 0.0)} == set(off)
    order = next(n for n, m in enumerate(commands) if m.command == 176 and m.param2 > 4.0)
    assert [m.command for m in commands[order - 2 : order + 1]] == [216, 206, 176]


def test_a_battery_too_low_for_the_way_home_calls_the_aircraft_home() -> None:
    weak = Aircraft(name="weak", mass_kg=2.0, battery_wh=3.0, hover_power_w=240.0)
    plan = replace(short_plan(lines=6), aircraft=weak)
    with simulator() as running, Link.connect(running.url) as connected:
        look(connected, plan)
        prepare(connected, plan)
        record = fly(connected, plan, confirm=lambda _: True)
    assert record.outcome == "aborted"
    keys = [event.message.key for event in record.events]
    assert keys.count("event.battery_return") == 1
    assert keys.index("event.battery_return") < keys.index("event.ordered")
    assert record.duration_s < 90.0


def test_a_person_who_took_more_than_a_minute_is_asked_again_and_the_proof_made_anew() -> None:
    ahead_s = [0.0]
    asked: list[Briefing] = []

    def clock() -> float:
        return time.monotonic() + ahead_s[0]

    def confirm(briefing: Briefing) -> bool:
        asked.append(briefing)
        if len(asked) == 1:
            ahead_s[0] += 61.0
        return True

    phases: list[Phase] = []
    plan = short_plan(lines=1)
    with simulator() as running, Link.connect(running.url, clock=clock) as connected:
        look(connected, plan)
        prepare(connected, plan)
        record = fly(
            connected,
            plan,
            confirm=confirm,
            clock=clock,
            on_progress=lambda now: phases.append(now.phase),
        )
    assert Phase.PROVE in phases
    assert record.outcome == "landed"


def test_a_stop_is_obeyed_while_an_upload_runs(parked: str) -> None:
    with Link.connect(parked) as connected:
        wait_ready(connected)
        connected.set_mode(CopterMode.GUIDED)
        started = threading.Event()
        ended: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def upload() -> None:
            try:
                ended.put(connected.upload(short_plan(lines=60), lambda _: started.set()))
            except LinkError as trouble:
                ended.put(trouble)

        thread = threading.Thread(target=upload)
        thread.start()
        assert started.wait(10.0)
        connected.land()
        assert connected.telemetry().mode_name == "LAND"
        thread.join(30.0)
        assert ended.get(timeout=1.0).plan_digest == short_plan(lines=60).digest
        connected.set_mode(CopterMode.GUIDED)


def test_a_simulator_that_dies_in_flight_leaves_a_record_of_a_lost_flight() -> None:
    kept = Kept()
    running = simulator().start()
    try:
        with Link.connect(running.url) as connected:
            look(connected, PLAN)
            prepare(connected, PLAN)

            def progress(now: FlightProgress) -> None:
                if now.telemetry.mission_current >= 5:
                    running.stop()

            record = fly(connected, PLAN, confirm=lambda _: True, on_progress=progress, log=kept)
            assert not connected.alive
            with pytest.raises(LinkError):
                connected.set_mode(CopterMode.AUTO)
    finally:
        running.stop()
    assert record.outcome == "lost"
    assert [event.message.key for event in record.events][-1] == "event.link_lost"
    assert kept.times == record.track.time_s.tolist()


def test_a_program_that_hangs_falls_silent_and_the_aircraft_comes_home_by_itself() -> None:
    ahead_s = [0.0]
    plan = short_plan(lines=12, length_m=90.0)

    def progress(now: FlightProgress) -> None:
        """Hang in the middle of the flight until the aircraft has landed without us."""
        if now.telemetry.mission_current >= 5 and not ahead_s[0]:
            ahead_s[0] = 10.0
            while seen().armed:
                threading.Event().wait(0.02)

    with (
        simulator(FS_GCS_TIMEOUT=5.0) as running,
        Link.connect(running.url, clock=lambda: time.monotonic() + ahead_s[0]) as connected,
    ):
        seen = partial(attrgetter("service.telemetry"), connected)
        look(connected, plan)
        prepare(connected, plan)
        record = fly(connected, plan, confirm=lambda _: True, on_progress=progress)
    assert record.outcome == "aborted"
    modes = [dict(e.message.values)["mode"] for e in record.events
             if e.message.key == "event.taken_over"]  # fmt: skip
    assert "RTL" in modes
    assert abs(record.track.lat_deg[-1] - HOME.lat_deg) < 2e-5


def test_a_real_aircraft_is_never_sped_up(stranger: Stranger) -> None:
    stranger.keep_beating()
    now_s = [0.0]

    def clock() -> float:
        now_s[0] += 0.02
        return now_s[0]

    with Link.connect(stranger.url, clock=clock) as connected, pytest.raises(Refused) as told:
        connected.set_speedup(10.0)
    assert told.value.message.key == "error.link_not_simulation"


def test_sightings_tell_pictures_words_and_places_in_order(link: Link) -> None:
    with link.watch() as inbox:
        kinds = {inbox.get(timeout=10.0).kind for _ in range(30)}
    assert {SightingKind.POSITION, SightingKind.STATE} <= kinds
