"""Clocks: timers run on the monotonic clock, signatures only grow, whatever the wall clock does."""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import Refused, StoreError
from missions.flight.launch import fly
from missions.link.clock import elapsed_s
from missions.link.diagnosis import ALIKE
from missions.link.link import Link
from missions.link.radio import Radio, open_radio
from missions.link.service import Service
from missions.link.signing import Memory, Signing, SigningState, start_signing, timestamp_at
from missions.wire.commands import CommandCall
from missions.wire.delivery import Delivery
from missions.wire.messages import Address
from tests.test_link import NoRadio, Stranger, heartbeat, position
from tests.test_link_signing import KEY, OTHER, Kept, signed_frame, signer
from tests.virtual_air import PAIR, VirtualAir, awake_autopilot, bad_radio, plan_of

ROOT = Path(__file__).resolve().parents[1]
WALL = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "time.localtime"}


def test_no_timer_of_the_wire_the_link_or_the_flight_can_ask_the_wall_clock() -> None:
    """It is asked for the log's times, once for the first signature, and for a record's date."""
    asking: Counter[str] = Counter()
    for package in ("wire", "link", "flight"):
        for path in (ROOT / "missions" / package).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL:
                    asking[f"{package}/{path.name} {ast.unparse(node)}"] += 1
    assert asking == {
        "link/radio.py time.time": 1,
        "link/radio.py time.time_ns": 1,
        "flight/launch.py datetime.now": 1,
    }


def flown(monkeypatch: pytest.MonkeyPatch, jump_s: float, seed: int) -> list[tuple[float, str]]:
    """What is sent and when, while a plan goes through a bad radio and the wall clock jumps."""
    wall_s = [1_790_000_000.0]
    monkeypatch.setattr(time, "time", lambda: wall_s[0])
    monkeypatch.setattr(time, "time_ns", lambda: int(wall_s[0] * 1e9))
    air = VirtualAir(awake_autopilot(), bad_radio(seed))
    delivery = Delivery(plan_of(12), PAIR)
    air.transmit(delivery.start(air.now_s))
    began_s, sent = air.now_s, []
    while not delivery.finished:
        if air.now_s - began_s > 3.0:
            wall_s[0] = 1_790_000_000.0 + jump_s
        air.step(delivery)
    assert delivery.verified is not None
    for now_s, way, message in air.crossed:
        if way == "up":
            sent.append((round(now_s - began_s, 3), message.get_type()))
    return sent


@pytest.mark.parametrize("seed", range(5))
def test_a_jump_of_the_wall_clock_in_mid_upload_moves_no_timer(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    quiet = flown(monkeypatch, 0.0, seed)
    assert len(quiet) > 50
    for jump_s in (3600.0, -3600.0):
        assert flown(monkeypatch, jump_s, seed) == quiet


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_heartbeats_and_repeats_keep_their_time_when_the_wall_clock_jumps(
    monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    wall_s, now_s, radio = [1_790_000_000.0], [100.0], NoRadio()
    monkeypatch.setattr(time, "time", lambda: wall_s[0])
    service = Service(radio, Address(255, 190), lambda: now_s[0])  # type: ignore[arg-type]
    service.take(heartbeat(), now_s[0])
    service.add(CommandCall(PAIR, 176, (1.0, 4.0), word="mode"))
    times: dict[str, list[float]] = {"HEARTBEAT": [], "COMMAND_LONG": []}
    for step in range(2000):
        now_s[0] += 0.01
        wall_s[0] += 0.01 + (jump_s if step == 1000 else 0.0)
        service.feed()
        if step % 20 == 0:
            service.take(position(step * 10), now_s[0])
        service.pass_time(now_s[0])
        for message in radio.sent:
            times.get(message.get_type(), []).append(now_s[0])
        radio.sent.clear()
    beats = times["HEARTBEAT"]
    gaps = [later - sooner for sooner, later in itertools.pairwise(beats[-15:])]
    assert all(0.99 <= gap <= 1.02 for gap in gaps), gaps
    repeats = times["COMMAND_LONG"]
    assert len(repeats) > 5
    assert all(0.69 <= later - sooner <= 0.72 for sooner, later in itertools.pairwise(repeats))


def test_two_aircraft_of_one_number_are_noticed_by_their_clocks() -> None:
    now_s, radio = [100.0], NoRadio()
    service = Service(radio, Address(255, 190), lambda: now_s[0])  # type: ignore[arg-type]
    service.take(heartbeat(), now_s[0])
    for boot_ms in range(0, 2000, 250):
        now_s[0] += 0.25
        service.take(position(600_000 + boot_ms), now_s[0])
        service.take(position(20_000 + boot_ms), now_s[0])
    assert service.restarts >= ALIKE


# Signing on a socket, against one who sends from the aircraft's own address


class SigningStranger(Stranger):
    """An aircraft that signs, and whoever can send from its address."""

    def __init__(self) -> None:
        super().__init__()
        self.signer = signer(Signing(key=KEY, link_id=4), system=1, component=1)
        self.base = timestamp_at(time.time())
        self.stamp = 0

    def say_signed(self, message: Any) -> bytes:
        self.stamp += 1_000
        frame = signed_frame(self.signer, message, self.base + self.stamp)
        self.socket.sendto(frame, ("127.0.0.1", self.port))
        return frame

    def keep_beating(self, **_: int) -> None:
        def run_on() -> None:
            while not self._stop.wait(0.02):
                self.say_signed(mavlink.MAVLink_heartbeat_message(2, 3, 81, 0, 3, 3))

        self._thread = threading.Thread(target=run_on, daemon=True)
        self._thread.start()


@pytest.fixture
def signing_stranger() -> Iterator[SigningStranger]:
    someone = SigningStranger()
    yield someone
    someone.close()


def place(height_m: float) -> Any:
    return mavlink.MAVLink_global_position_int_message(
        1000, 210800000, 1065100000, 0, round(height_m * 1000), 0, 0, 0, 0
    )


def test_nothing_unsigned_forged_repeated_or_old_is_taken_from_the_aircrafts_own_address(
    signing_stranger: SigningStranger,
) -> None:
    aircraft = signing_stranger
    aircraft.keep_beating()
    with Link.connect(aircraft.url, deadline_s=5.0, signing=Kept().signing()) as link:
        assert link.signing is SigningState.ON
        genuine = aircraft.say_signed(place(5.0))
        link.wait(lambda: link.telemetry().height_m == 5.0, 5.0, "error.link_lost")
        forger = signer(Signing(key=OTHER, link_id=4), system=1, component=1)
        plain = mavlink.MAVLink(None, srcSystem=1, srcComponent=1)
        to = ("127.0.0.1", aircraft.port)
        for number in range(50):
            aircraft.socket.sendto(bytes(place(66.0).pack(plain)), to)
            aircraft.socket.sendto(bytes(place(67.0).pack(plain, force_mavlink1=True)), to)
            aircraft.socket.sendto(signed_frame(forger, place(68.0), (1 << 47) + number), to)
            aircraft.socket.sendto(genuine, to)
        link.wait(lambda: link.heard().refused.for_signature >= 200, 5.0, "error.link_lost")
        refused = link.heard().refused
        assert (refused.unsigned, refused.old, refused.forged) == (50, 50, 100)
        assert link.telemetry().height_m == 5.0
        aircraft.say_signed(place(7.0))
        link.wait(lambda: link.telemetry().height_m == 7.0, 5.0, "error.link_lost")
        said = aircraft.heard()
    listener = mavlink.MAVLink(None)
    start_signing(listener, Signing(key=KEY), threading.Lock())
    listener.robust_parsing = True
    frames = [bytes(message.get_msgbuf()) for message in said]
    assert frames
    taken = [m.get_type() for frame in frames for m in listener.parse_buffer(frame) or ()]
    assert "BAD_DATA" not in taken


def test_an_aircraft_that_signs_is_not_spoken_to_without_its_key(
    signing_stranger: SigningStranger,
) -> None:
    signing_stranger.keep_beating()
    with Link.connect(signing_stranger.url, deadline_s=5.0) as link:
        with pytest.raises(Refused) as told:
            link.require_key()
        assert told.value.message.key == "error.link_key_needed"


def test_timestamps_are_written_down_ahead_of_their_use_all_the_flight_long(
    signing_stranger: SigningStranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program killed at any moment has used none that is not on the disk."""
    monkeypatch.setattr("missions.link.radio.RESERVE", 100_000)
    now_s = [50.0]
    kept = Kept()
    signing_stranger.keep_beating()
    with Link.connect(
        signing_stranger.url, deadline_s=1e9, signing=kept.signing(), clock=lambda: now_s[0]
    ) as link:
        first = len(kept.seen)
        assert first >= 1
        for _ in range(20):
            now_s[0] += 0.4
            before = len(kept.seen)
            link.radio.send(mavlink.MAVLink_timesync_message(0, 1))
            stamp = link.radio._stamps.last  # type: ignore[union-attr]
            ended_s = time.monotonic() + 5.0
            while len(kept.seen) == before and time.monotonic() < ended_s:
                if max(memory.timestamp for memory in kept.seen) >= stamp + 50_000:
                    break
                time.sleep(0.001)
            assert max(memory.timestamp for memory in kept.seen) >= stamp
        assert len(kept.seen) > first + 3
    assert kept.memory.timestamp >= stamp
    assert dict(kept.memory.streams)[4, 1, 1] > signing_stranger.base


def test_a_link_that_cannot_write_what_it_must_remember_is_not_opened(
    signing_stranger: SigningStranger,
) -> None:
    def full(_: Memory) -> None:
        raise StoreError("error.disk_full", path="a.memory")

    signing_stranger.keep_beating()
    with pytest.raises(StoreError):
        Link.connect(signing_stranger.url, deadline_s=3.0, signing=Signing(key=KEY, keep=full))


# ---- a computer that sleeps


def test_the_links_clock_goes_on_while_the_computer_sleeps() -> None:
    """Where the system has such a clock, it is the one that a link and a flight go by."""
    if sys.platform == "linux":
        assert elapsed_s() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=5.0)
    sooner = elapsed_s()
    assert elapsed_s() >= sooner
    for made in (Link.connect, Radio, open_radio, fly):
        assert inspect.signature(made).parameters["clock"].default is elapsed_s


def asked_again(silence_s: Callable[[float], float] | None, times: list[float]) -> list[float]:
    """When a command goes out that is ticked at `times` and never answered."""
    now_s = [0.0]
    silence = None if silence_s is None else lambda: silence_s(now_s[0])
    call = CommandCall(PAIR, 400, (1.0,), word="arm", silence=silence)
    sent = [0.0] if call.start(0.0) else []
    for moment in times:
        now_s[0] = moment
        sent += [moment] * len(call.tick(moment))
    return sent


def test_an_order_to_arm_is_not_repeated_over_a_link_that_was_broken() -> None:
    every = [step / 10.0 for step in range(1, 80)]
    assert len(asked_again(lambda _: 0.5, every)) == 10
    sent = asked_again(lambda now_s: 1.0 + now_s, every)
    assert 1 < len(sent) < 5
    assert max(sent) <= 2.0
    assert len(asked_again(None, every)) == 10


@pytest.mark.parametrize("slept_s", [4.0, 3600.0])
def test_an_order_to_arm_is_not_repeated_when_the_computer_wakes(slept_s: float) -> None:
    """Heartbeats that waited in the socket make the link look whole the moment it wakes."""
    woken = [0.7, 0.7 + slept_s, 0.8 + slept_s, 1.6 + slept_s]
    assert asked_again(lambda _: 0.0, woken) == [0.0, 0.7]
    assert asked_again(None, woken) == [0.0, 0.7, 0.7 + slept_s, 1.6 + slept_s]


def test_an_hour_asleep_is_no_fast_simulation() -> None:
    now_s, radio = [100.0], NoRadio()
    service = Service(radio, Address(255, 190), lambda: now_s[0])  # type: ignore[arg-type]
    service.take(heartbeat(), now_s[0])
    boot_ms = 0
    for step in range(40):
        passed_s = 3600.0 if step == 20 else 0.25
        now_s[0] += passed_s
        boot_ms += int(passed_s * 1000.0)
        service.take(position(boot_ms), now_s[0])
        assert service.rate == 1.0
    assert service.restarts == 0
