"""Signing: the bytes, the timestamps, what is refused, and that the key is seen nowhere."""

from __future__ import annotations

import copy
import hashlib
import logging
import pickle
import struct
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink import mavutil
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput, LinkError, Refused
from agri.geo import LonLat
from missions.flight.launch import fly, look, prepare
from missions.link.keying import install_key
from missions.link.link import Link
from missions.link.signing import (
    KEY_BYTES,
    LAST_TIMESTAMP,
    Memory,
    Signing,
    SigningKey,
    SigningState,
    Stamps,
    carries_key,
    start_signing,
    timestamp_at,
)
from sitl.signing import SignedParser, set_up, signing_state
from sitl.simulator import Simulator
from tests.test_link import PLAN, Stranger, short_plan, wait_ready

HOME = LonLat(lon_deg=106.51, lat_deg=21.08)
SECRET = bytes((37 * n + 11) % 256 for n in range(KEY_BYTES))
KEY = SigningKey(SECRET)
OTHER = SigningKey(SECRET[::-1])


def signature(secret: bytes, frame: bytes) -> bytes:
    """The signature of a whole signed frame, worked out from the specification alone."""
    return hashlib.sha256(secret + frame[:-6]).digest()[:6]


def signer(signing: Signing, *, system: int = 255, component: int = 190) -> Any:
    parser = mavlink.MAVLink(None, srcSystem=system, srcComponent=component)
    parser.robust_parsing = True
    start_signing(parser, signing, threading.Lock())
    return parser


def signed_frame(parser: Any, message: Any, timestamp: int) -> bytes:
    parser.signing.timestamp = timestamp
    frame = bytes(message.pack(parser))
    parser.seq = (parser.seq + 1) % 256
    return frame


def beat() -> Any:
    return mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3)


# The key


def test_a_key_shows_itself_to_nobody() -> None:
    key = SigningKey.made_by(lambda count: SECRET[:count])
    signing = Signing(key=key)
    shown = f"{key} {key!r} {[key]} {signing} {vars(SigningKey)} {Memory()}"
    assert SECRET.hex() not in shown
    assert repr(SECRET) not in shown
    for pack in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            pack(key)
    assert key == KEY
    assert key != OTHER
    assert key.fingerprint == hashlib.sha256(SECRET).hexdigest()[:8]


@pytest.mark.parametrize("wrong", [b"", bytes(KEY_BYTES), b"x" * 31, b"x" * 33])
def test_what_is_no_key_is_refused_without_being_told(wrong: bytes) -> None:
    with pytest.raises(BadInput) as told:
        SigningKey(wrong)
    assert told.value.message.key == "error.signing_key_bytes"


# The bytes


@given(
    secret=st.binary(min_size=32, max_size=32).filter(any),
    timestamp=st.integers(1, LAST_TIMESTAMP - 10),
    link_id=st.integers(1, 255),
    text=st.binary(min_size=1, max_size=50),
)
def test_a_signed_frame_is_what_the_specification_says(
    secret: bytes, timestamp: int, link_id: int, text: bytes
) -> None:
    parser = signer(Signing(key=SigningKey(secret), link_id=link_id))
    frame = signed_frame(parser, mavlink.MAVLink_statustext_message(6, text), timestamp)
    assert frame[0] == 0xFD
    assert frame[2] == 0x01
    assert len(frame) == 10 + frame[1] + 2 + 13
    assert frame[-13] == link_id
    assert int.from_bytes(frame[-12:-6], "little") == timestamp
    assert frame[-6:] == signature(secret, frame)


def test_a_frame_worked_out_by_hand_is_the_frame_sent() -> None:
    """HEARTBEAT of system 255, component 190, link 1, at the first moment of 2020."""
    timestamp = timestamp_at(1_577_836_800.0)
    assert timestamp == 157_766_400 * 100_000
    payload = struct.pack("<IBBBBB", 0, 6, 8, 0, 4, 3)
    head = bytes([0xFD, len(payload), 1, 0, 0, 255, 190, 0, 0, 0])
    crc = mavutil.x25crc(head[1:] + payload + bytes([50])).crc
    body = head + payload + struct.pack("<H", crc) + bytes([1]) + timestamp.to_bytes(6, "little")
    expected = body + hashlib.sha256(SECRET + body).digest()[:6]
    message = mavlink.MAVLink_heartbeat_message(6, 8, 0, 0, 4, 3)
    assert signed_frame(signer(Signing(key=KEY)), message, timestamp) == expected


def test_the_simulated_aircraft_and_this_end_understand_each_other_and_no_other_key() -> None:
    state = signing_state()
    set_up(state, SECRET, 5_000)
    aircraft = SignedParser(state, wired=False)
    plain = bytes(beat().pack(mavlink.MAVLink(None)))
    ours, foreign = signer(Signing(key=KEY)), signer(Signing(key=OTHER))
    down = bytes(beat().pack(aircraft))
    assert down[-6:] == signature(SECRET, down)
    assert [m.get_type() for m in ours.parse_buffer(down)] == ["HEARTBEAT"]
    up = signed_frame(ours, beat(), 6_000)
    assert [m.get_type() for m in aircraft.parse_buffer(up)] == ["HEARTBEAT"]
    for wrong in (signed_frame(foreign, beat(), 7_000), up, plain):
        assert [m.get_type() for m in aircraft.parse_buffer(wrong)] == ["BAD_DATA"]
    wired = SignedParser(state, wired=True)
    assert [m.get_type() for m in wired.parse_buffer(plain)] == ["HEARTBEAT"]


# Timestamps


@given(
    kept=st.integers(0, 1 << 46),
    wall_s=st.floats(0.0, 4e9),
    steps=st.lists(st.tuples(st.floats(0.0, 100.0), st.integers(0, 1 << 47)), max_size=30),
)
def test_timestamps_only_grow_whatever_was_kept_or_heard(
    kept: int, wall_s: float, steps: list[tuple[float, int]]
) -> None:
    stamps = Stamps(kept=kept, unix_s=wall_s, now_s=10.0)
    now_s, last = 10.0, kept
    for passed_s, heard in steps:
        now_s += passed_s
        stamp = stamps.take(now_s, heard=heard)
        assert stamp > last
        assert stamp > heard
        last = stamp


def test_the_next_run_goes_on_after_the_last_even_when_the_clock_was_set_back() -> None:
    first = Stamps(kept=0, unix_s=1_790_000_000.0, now_s=0.0)
    last = first.take(500.0)
    second = Stamps(kept=last, unix_s=1_790_000_000.0 - 3600.0, now_s=0.0)
    assert second.take(0.0) == last + 1
    assert second.take(1.0) == last + 1 + 100_000


# What is refused


def frames_of_a_session(count: int, begun: int) -> list[bytes]:
    """A recorded session of an aircraft that signs with our key."""
    aircraft = signer(Signing(key=KEY, link_id=3), system=1, component=1)
    kinds = [
        beat(),
        mavlink.MAVLink_command_ack_message(400, 0),
        mavlink.MAVLink_mission_ack_message(255, 190, 0, 0),
        mavlink.MAVLink_param_value_message(b"RTL_ALT", 1500.0, 9, 1300, 3),
    ]
    return [signed_frame(aircraft, kinds[n % len(kinds)], begun + 1_000 * n) for n in range(count)]


def taken(parser: Any, frames: list[bytes]) -> int:
    return sum(
        message.get_type() != "BAD_DATA" and not message.get_type().startswith("UNKNOWN")
        for frame in frames
        for message in parser.parse_buffer(frame) or ()
    )


def test_a_recorded_session_is_refused_whole_at_once_later_and_by_the_next_run() -> None:
    begun = timestamp_at(1_790_000_000.0)
    session = frames_of_a_session(500, begun)
    ours = signer(Signing(key=KEY))
    ours.signing.timestamp = begun
    assert taken(ours, session) == 500
    assert taken(ours, session) == 0
    assert taken(ours, session[::-1]) == 0
    memory = Memory(
        timestamp=ours.signing.timestamp,
        streams=tuple(ours.signing.stream_timestamps.items()),
    )
    next_run = signer(Signing(key=KEY, memory=memory))
    assert taken(next_run, session) == 0
    forgetful = signer(Signing(key=KEY, memory=Memory(timestamp=begun + 7_000_000)))
    assert taken(forgetful, session) == 0
    assert taken(next_run, frames_of_a_session(10, begun + 600_000)) == 10


def test_unsigned_wrongly_signed_and_old_frames_are_refused_but_not_the_radios_own() -> None:
    ours = signer(Signing(key=KEY))
    plain = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
    radio = mavlink.MAVLink(None, srcSystem=51, srcComponent=68)
    genuine = frames_of_a_session(4, 10_000)
    assert taken(ours, [bytes(beat().pack(plain))]) == 0
    assert taken(ours, [bytes(beat().pack(plain, force_mavlink1=True))]) == 0
    foreign = signer(Signing(key=OTHER), system=1, component=1)
    assert taken(ours, [signed_frame(foreign, beat(), 20_000)]) == 0
    for place in range(len(genuine[0])):
        spoiled = bytearray(genuine[0])
        spoiled[place] ^= 0x10
        parser = signer(Signing(key=KEY))
        assert taken(parser, [bytes(spoiled)]) == 0, place
    status = mavlink.MAVLink_radio_status_message(120, 110, 100, 40, 50, 0, 0)
    assert taken(ours, [bytes(status.pack(radio))]) == 1
    assert taken(ours, genuine) == 4


def test_a_forged_frame_from_the_future_does_not_silence_the_aircraft() -> None:
    ours = signer(Signing(key=KEY))
    foreign = signer(Signing(key=OTHER, link_id=3), system=1, component=1)
    genuine = frames_of_a_session(20, 10_000)
    assert taken(ours, [signed_frame(foreign, beat(), LAST_TIMESTAMP - 5)]) == 0
    assert taken(ours, genuine[:10]) == 10
    assert taken(ours, [signed_frame(foreign, beat(), LAST_TIMESTAMP - 5)]) == 0
    assert taken(ours, genuine[10:]) == 10


def test_the_message_that_carries_a_key_is_known_by_its_frame() -> None:
    setup = mavlink.MAVLink_setup_signing_message(1, 1, list(SECRET), 9)
    assert carries_key(bytes(setup.pack(mavlink.MAVLink(None))))
    assert carries_key(bytes(setup.pack(signer(Signing(key=KEY)))))
    assert not carries_key(bytes(beat().pack(mavlink.MAVLink(None))))
    assert not carries_key(bytes(beat().pack(mavlink.MAVLink(None), force_mavlink1=True)))
    assert not carries_key(b"")


# Over a socket


class Kept:
    """Remembers in memory what signing asks to have written."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.seen: list[Memory] = []

    def __call__(self, memory: Memory) -> None:
        self.memory = memory
        self.seen.append(memory)

    def signing(self, key: SigningKey = KEY) -> Signing:
        return Signing(key=key, memory=self.memory, keep=self)


@pytest.fixture
def aircraft() -> Iterator[str]:
    """A simulated aircraft whose port demands signatures once it has a key; its address."""
    with Simulator(HOME, speedup=10.0, ready_after_s=2.0, over_radio=True) as running:
        yield running.url


def stamps_in(log: Path) -> list[int]:
    """The timestamps of our own signed frames in a telemetry log, in the order sent."""
    reader = mavutil.mavlink_connection(str(log))
    found = []
    while (message := reader.recv_msg()) is not None:
        frame = bytes(message.get_msgbuf())
        if message.get_srcSystem() == 255 and frame[2] & 1:
            assert frame[-6:] == signature(SECRET, frame)
            found.append(int.from_bytes(frame[-12:-6], "little"))
    return found


def everywhere(secret: bytes) -> list[bytes]:
    """The ways a key could be written."""
    return [
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        secret.hex(" ").encode(),
        repr(list(secret)).encode(),
        repr(list(secret))[1:-1].encode(),
        repr(secret)[2:-1].encode(),
    ]


def test_a_key_is_installed_proved_used_and_written_nowhere(
    aircraft: str, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    for name in ("dronekit", "autopilot", "pymavlink"):
        logging.getLogger(name).addHandler(caplog.handler)
    kept = Kept()
    log, second = tmp_path / "install.tlog", tmp_path / "flight.tlog"
    with Link.connect(aircraft, tlog=log) as link:
        assert link.signing is SigningState.OFF
        install_key(link, kept.signing())
        assert link.signing is SigningState.ON
    with pytest.raises(LinkError):
        Link.connect(aircraft, deadline_s=3.0, signing=Kept().signing(OTHER))
    with Link.connect(aircraft, signing=kept.signing(), tlog=second) as link:
        wait_ready(link)
        assert link.upload(PLAN).plan_digest == PLAN.digest
        assert link.set_parameter("RTL_ALT", 2300.0).value == 2300.0
    sent = stamps_in(log) + stamps_in(second)
    assert sorted(set(sent)) == sent
    assert len(sent) > 40
    assert sent[-1] <= kept.memory.timestamp
    assert kept.memory.streams
    printed = capfd.readouterr()
    logged = "\n".join(caplog.messages) + "".join(str(r.__dict__) for r in caplog.records)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert min(len(data) for data in files) > 500
    for way in everywhere(SECRET):
        for data in (*files, logged.encode(), printed.out.encode(), printed.err.encode()):
            assert way not in data
    for name in ("dronekit", "autopilot", "pymavlink"):
        logging.getLogger(name).removeHandler(caplog.handler)


def test_a_flight_is_flown_signed_from_the_first_frame_to_the_landing(tmp_path: Path) -> None:
    fitted = {"CAM1_TYPE": 1.0, "SERVO11_FUNCTION": 10.0, "FS_GCS_TIMEOUT": 90.0}
    plan, kept, log = short_plan(lines=1), Kept(), tmp_path / "a.tlog"
    with Simulator(
        HOME, speedup=30.0, ready_after_s=4.0, parameters=fitted, over_radio=True
    ) as running:
        with Link.connect(running.url) as wire:
            install_key(wire, kept.signing())
        with Link.connect(running.url, signing=kept.signing(), tlog=log) as link:
            look(link, plan)
            prepare(link, plan)
            assert fly(link, plan, confirm=lambda _: True).outcome == "landed"
            assert link.heard().refused.for_signature == 0
    reader = mavutil.mavlink_connection(str(log))
    signed = plain = 0
    while (message := reader.recv_msg()) is not None:
        frame = bytes(message.get_msgbuf())
        good = frame[0] == 0xFD and frame[2] & 1 and frame[-6:] == signature(SECRET, frame)
        signed, plain = signed + bool(good), plain + (not good)
    assert plain == 0
    assert signed > 500


def test_an_unsigned_station_commands_nothing_once_the_aircraft_has_a_key(
    aircraft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("missions.wire.commands.PARAMETER_TRIES", 2)
    with Link.connect(aircraft) as link:
        wait_ready(link)
        install_key(link, Kept().signing())
    with Link.connect(aircraft) as bare:
        assert bare.signing is SigningState.NO_KEY
        with pytest.raises(LinkError):
            bare.read_parameters(["RTL_ALT"])
        with pytest.raises(LinkError):
            bare._call(176, [1.0, 4.0], word="mode", tries=3)
        assert bare.telemetry().mode_name == "STABILIZE"


def test_a_key_is_changed_for_another(aircraft: str) -> None:
    with Simulator(HOME, speedup=10.0, ready_after_s=2.0) as wired:
        for key in (KEY, OTHER):
            kept = Kept()
            with Link.connect(wired.url) as link:
                install_key(link, kept.signing(key))
            with Link.connect(wired.url, signing=kept.signing(key)) as link:
                assert link.read_parameters(["RTL_ALT"])[0].value == 1500.0
        with pytest.raises(LinkError) as told:
            Link.connect(wired.url, deadline_s=2.0, signing=Kept().signing(KEY))
        assert told.value.message.key == "error.link_signature"


def test_no_key_goes_over_the_air(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("missions.wire.commands.PARAMETER_TRIES", 2)
    stranger = Stranger()
    try:
        stranger.keep_beating()
        with Link.connect(stranger.url) as link:
            with pytest.raises((LinkError, Refused)):
                install_key(link, Kept().signing())
            assert not link.radio.signs
            object.__setattr__(link.address, "device", "udpin:192.168.1.7:14550")
            with pytest.raises(Refused) as told:
                install_key(link, Kept().signing())
            assert told.value.message.key == "error.key_over_air"
            object.__setattr__(link.address, "device", "/dev/ttyUSB0")
            status = mavlink.MAVLink_radio_status_message(120, 110, 100, 40, 50, 0, 0)
            stranger.say(status, system=51, component=68)
            with pytest.raises(Refused) as told:
                install_key(link, Kept().signing())
            assert told.value.message.key == "error.key_over_radio"
        said = {message.get_type() for message in stranger.heard()}
        assert "SETUP_SIGNING" not in said
        assert "HEARTBEAT" in said
    finally:
        stranger.close()


def test_armed_motors_get_no_key() -> None:
    with (
        Simulator(HOME, speedup=10.0, ready_after_s=2.0) as running,
        Link.connect(running.url) as link,
    ):
        wait_ready(link)
        link._call(176, [1.0, 4.0], word="mode")
        link._call(400, [1.0, 0.0], word="arm")
        link.wait(lambda: link.telemetry().armed, 5.0, "error.link_lost")
        with pytest.raises(Refused) as told:
            install_key(link, Kept().signing())
        assert told.value.message.key == "error.key_armed"
        assert link.signing is SigningState.OFF


def heartbeats(link: Link, enough: Callable[[int], bool]) -> bool:
    return enough(link.telemetry().heartbeats)


def test_a_wall_clock_that_jumps_an_hour_on_the_way_changes_nothing(
    aircraft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_s, real_ns = time.time, time.time_ns
    ahead_s = [0]
    monkeypatch.setattr(time, "time", lambda: real_s() + ahead_s[0])
    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + ahead_s[0] * 1_000_000_000)
    kept = Kept()
    with Link.connect(aircraft) as link:
        install_key(link, kept.signing())
    for jump_s in (3600, -3600):
        with Link.connect(aircraft, signing=kept.signing()) as link:
            wait_ready(link)
            before = link.telemetry().heartbeats
            ahead_s[0] += jump_s
            assert link.upload(PLAN).plan_digest == PLAN.digest
            more = partial(int.__lt__, before + 5)
            link.wait(partial(heartbeats, link, more), 10.0, "error.link_lost")
            assert link.heard().refused.for_signature == 0
    stamps = [memory.timestamp for memory in kept.seen]
    assert max(stamps) - min(stamps) < 3 * 60 * 100_000
