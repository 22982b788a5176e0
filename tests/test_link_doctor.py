"""The link's doctor: what it measures against the truth, and what it says of it."""

from __future__ import annotations

import json
import math
import stat
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.errors import BadInput, LinkError, NotFound, Refused
from agri.files import read_private, write_private
from agri.findings import Severity, blocks
from agri.operations.keyring import Keyring, key_folder
from agri.operations.link import bring_key, doctor
from agri.words import LANGUAGES
from missions.flight.briefing import look
from missions.link.diagnosis import diagnose
from missions.link.doctor import examine
from missions.link.hearing import Heard, RadioStatus
from missions.link.hearing import Refused as RefusedFrames
from missions.link.link import Link
from missions.link.quality import Examination, FrameCount, Rate
from missions.link.service import Service
from missions.link.signing import Memory, SigningState
from missions.link.trust import check_trust
from missions.wire.messages import Address
from missions.wire.pinging import Pinging, loss_up
from sitl.chaos import Chaos
from sitl.simulator import Simulator
from tests.test_cli import run
from tests.test_link import PLAN, NoRadio, Stranger
from tests.test_link_signing import KEY, OTHER, SECRET, everywhere
from tests.virtual_air import HOME, US, VEHICLE, VirtualAir, awake_autopilot

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


# Counting


@given(
    first=st.integers(0, 255),
    came=st.lists(st.sampled_from("xxxx.2~"), min_size=2, max_size=400),
)
def test_what_is_missing_is_counted_whatever_comes_late_or_twice(
    first: int, came: list[str]
) -> None:
    """x comes, . is lost, 2 comes twice, ~ comes after the next one."""
    order: list[int] = []
    late: list[int] = []
    for number, fate in enumerate(["x", *came, "x"], start=first):
        if fate == "~":
            late.append(number)
            continue
        if fate != ".":
            order += [number] * (1 + (fate == "2")) + late
            late = []
    gap = longest = 0
    for fate in came:
        gap = gap + 1 if fate in ".~" else 0
        longest = max(longest, gap)
    if longest > 100:
        return
    count = FrameCount()
    for number in order:
        count.add(number % 256, "X", 0.0)
    assert count.missing == came.count(".")
    assert count.heard == len(came) + 2 - came.count(".")


def test_the_longest_silence_is_between_two_frames() -> None:
    count = FrameCount()
    for seq, now_s in enumerate((0.0, 0.5, 3.0, 3.1)):
        count.add(seq, "X", now_s)
    assert count.silence_s == 2.5


def lossy_link(loss: float, seed: int, seconds: float) -> tuple[FrameCount, Pinging, VirtualAir]:
    """Measure a link of known loss in virtual time, all frames crossing as bytes."""
    up, down = (
        Chaos[bytes](loss=loss, delay_s=0.04, jitter_s=0.02, duplicate=0.03, late=0.03,
                     late_s=0.3, seed=2 * seed + way) for way in (0, 1)
    )  # fmt: skip
    now_s = [0.0]
    radio = NoRadio()
    service = Service(radio, US, lambda: now_s[0], quiet=True)  # type: ignore[arg-type]
    count = FrameCount()

    air = VirtualAir(awake_autopilot(), (up, down))
    now_s[0] = air.now_s
    pinging: Pinging | None = None
    with service.listen(count.take):
        while pinging is None or not pinging.finished:
            came = len(air.crossed)
            air.step()
            now_s[0] = air.now_s
            for _, way, message in air.crossed[came:]:
                if way == "down":
                    service.take(message, air.now_s)
            service.feed()
            service.pass_time(air.now_s)
            if pinging is None and service.telemetry.place is not None:
                pinging = Pinging(service.pair, round(seconds / 0.1), 0.1)  # type: ignore[arg-type]
                service.add(pinging)
            sent, radio.sent = radio.sent, []
            for message in sent:
                air.put_up(message)
    return count, pinging, air


@pytest.mark.parametrize("loss", [0.0, 0.05, 0.15, 0.30, 0.45])
def test_the_loss_measured_is_the_loss_there_was(loss: float) -> None:
    """Within 3 points each way; the way up by two thousand questions."""
    count, pinging, air = lossy_link(loss, seed=round(100 * loss), seconds=200.0)
    true_down = air.down.tally.lost / air.down.tally.sent
    true_up = air.up.tally.lost / air.up.tally.sent
    assert air.down.tally.sent > 3_000
    assert count.loss == pytest.approx(true_down, abs=0.03)
    up, margin = loss_up(pinging.sent, len(pinging.trips_s), count.loss)
    assert pinging.sent == 2_000
    assert up == pytest.approx(true_up, abs=0.03)
    assert margin < 0.05
    assert 0.08 <= min(pinging.trips_s) <= 0.16


def test_the_margin_told_holds_the_truth_nineteen_times_of_twenty() -> None:
    inside = 0
    for seed in range(40):
        count, pinging, _ = lossy_link(0.2, seed=1000 + seed, seconds=10.0)
        up, margin = loss_up(pinging.sent, len(pinging.trips_s), count.loss)
        inside += abs(up - 0.2) <= margin
    assert inside >= 36


def test_one_who_only_measures_sends_no_heartbeat_and_no_order_but_for_telemetry() -> None:
    now_s = [100.0]
    radio = NoRadio()
    service = Service(radio, Address(255, 190), lambda: now_s[0], quiet=True)  # type: ignore[arg-type]
    for armed in (False, True):
        radio.sent.clear()
        beat = mavlink.MAVLink_heartbeat_message(2, 3, 81 | (128 if armed else 0), 0, 3, 3)
        beat.get_header().srcSystem = beat.get_header().srcComponent = 1
        for _ in range(20):
            now_s[0] += 1.0
            service.feed()
            service.take(beat, now_s[0])
            service.pass_time(now_s[0])
        kinds = {message.get_type() for message in radio.sent}
        assert kinds == {"TIMESYNC"} | (set() if armed else {"REQUEST_DATA_STREAM"})


# What it says


GOOD = Examination(
    seconds=15.0, system=1, frames=200, loss_down=0.01, loss_up=0.02, loss_up_margin=0.02,
    asked=150, answered=147, trip_s=0.08, trip_p95_s=0.2, silence_s=0.4,
    rates=(Rate(message="HEARTBEAT", hz=1.0, needed_hz=0.7),), restarts=0, heard=Heard(),
    signing=SigningState.ON, cable=False, simulated=False,
)  # fmt: skip
WEAK = RadioStatus(rssi=70, noise=60, remote_rssi=120, remote_noise=40, room_pct=10, errors=3)
CASES: list[tuple[dict[str, Any], str, Severity]] = [
    ({}, "finding.link_good", Severity.INFO),
    ({"loss_down": 0.15}, "finding.link_loss_down", Severity.WARNING),
    ({"loss_down": 0.35}, "finding.link_loss_down", Severity.ERROR),
    ({"loss_up": 0.15}, "finding.link_loss_up", Severity.WARNING),
    ({"loss_up": 0.35}, "finding.link_loss_up", Severity.ERROR),
    ({"answered": 0, "trip_s": math.nan, "trip_p95_s": math.nan, "loss_up": 1.0},
     "finding.link_unanswered", Severity.ERROR),
    ({"trip_p95_s": 1.4}, "finding.link_slow", Severity.WARNING),
    ({"trip_p95_s": 3.0}, "finding.link_slow", Severity.ERROR),
    ({"silence_s": 2.0}, "finding.link_silence", Severity.WARNING),
    ({"silence_s": 4.0}, "finding.link_silence", Severity.ERROR),
    ({"restarts": 4}, "finding.link_two_alike", Severity.ERROR),
    ({"rates": (Rate(message="GLOBAL_POSITION_INT", hz=1.0, needed_hz=2.0),)},
     "finding.link_rate", Severity.WARNING),
    ({"rates": (Rate(message="GLOBAL_POSITION_INT", hz=0.0, needed_hz=2.0),)},
     "finding.link_rate", Severity.ERROR),
    ({"heard": Heard(radio=replace(WEAK, room_pct=90))}, "finding.link_radio_weak",
     Severity.WARNING),
    ({"heard": Heard(radio=replace(WEAK, rssi=130))}, "finding.link_radio_full", Severity.WARNING),
    ({"heard": Heard(stations=(Address(254, 190),))}, "finding.link_second_station",
     Severity.WARNING),
    ({"heard": Heard(stations=(Address(255, 190),), twin=True)}, "finding.link_twin_station",
     Severity.ERROR),
    ({"heard": Heard(aircraft=(7,))}, "finding.link_other_aircraft", Severity.WARNING),
    ({"heard": Heard(strangers=9)}, "finding.link_strangers", Severity.WARNING),
    ({"heard": Heard(refused=RefusedFrames(forged=3))}, "finding.link_forged", Severity.WARNING),
    ({"heard": Heard(old=True)}, "finding.link_mavlink1", Severity.ERROR),
    ({"failsafe_s": 0.0}, "finding.link_no_failsafe", Severity.WARNING),
    ({"failsafe_s": 5.0, "silence_s": 1.4}, "finding.link_good", Severity.INFO),
    ({"failsafe_s": 2.5, "silence_s": 1.4}, "finding.link_failsafe_near", Severity.WARNING),
    ({"failsafe_s": 0.0, "simulated": True}, "finding.link_good", Severity.INFO),
    ({"signing": SigningState.OFF}, "finding.link_unsigned", Severity.WARNING),
    ({"signing": SigningState.NO_KEY}, "finding.link_key_missing", Severity.ERROR),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "key", "severity"), CASES)
def test_each_fault_is_named_alone_and_weighed(
    changed: dict[str, Any], key: str, severity: Severity
) -> None:
    (found,) = diagnose(replace(GOOD, **changed))
    assert (found.key, found.severity) == (key, severity)
    for language in LANGUAGES:
        assert "{" not in found.text(language)


@pytest.mark.parametrize(
    ("aboard", "told_s"),
    [({"FS_GCS_ENABLE": 6.0, "FS_GCS_TIMEOUT": 20.0}, 20.0), ({"FS_GCS_ENABLE": 0.0}, 0.0)],
)
def test_what_is_set_on_board_for_a_lost_link_is_read_there(
    aboard: dict[str, float], told_s: float
) -> None:
    with (
        Simulator(HOME, ready_after_s=1.0, parameters=aboard) as running,
        Link.connect(running.url, quiet=True) as link,
    ):
        assert examine(link, seconds=3.0).failsafe_s == told_s


@pytest.mark.parametrize(
    ("cable", "simulated", "radio", "warned"),
    [
        (True, False, None, False),
        (True, False, WEAK, True),
        (False, True, None, False),
        (False, False, None, True),
    ],
)
def test_an_unsigned_aircraft_is_told_of_loudly_on_all_but_a_cable_and_a_simulator(
    cable: bool, simulated: bool, radio: RadioStatus | None, warned: bool
) -> None:
    found = check_trust(Heard(radio=radio), SigningState.OFF, cable=cable, simulated=simulated)
    assert [f.key for f in found] == ["finding.link_unsigned"] * warned
    if warned:
        assert "ANYONE" in found[0].text("en")


# Over a socket


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulated aircraft has not all servos of a real one; do not ask for them for long."""
    monkeypatch.setattr("missions.wire.commands.PARAMETER_TRIES", 2)


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    someone = Stranger()
    yield someone
    someone.close()


def second_sender(first: Stranger) -> Stranger:
    """Another address that sends to the same port."""
    other = Stranger()
    other.port = first.port
    return other


def place(height_m: float) -> Any:
    return mavlink.MAVLink_global_position_int_message(
        1000, 210800000, 1065100000, 0, round(height_m * 1000), 0, 0, 0, 0
    )


def test_only_the_address_the_aircraft_was_first_heard_from_is_heard_and_answered(
    stranger: Stranger,
) -> None:
    other = second_sender(stranger)
    try:
        stranger.keep_beating()
        with Link.connect(stranger.url, deadline_s=5.0) as link:
            stranger.say(place(5.0))
            link.wait(lambda: link.telemetry().height_m == 5.0, 5.0, "error.link_lost")
            for sent in range(20, 401, 20):  # no more at a time than a socket keeps
                for number in range(10):
                    other.say(place(99.0 + sent + number))
                    other.beat(system=9)
                link.wait(lambda sent=sent: link.heard().strangers >= sent, 5.0, "error.link_lost")
            assert link.telemetry().height_m == 5.0
            assert link.heard().aircraft == ()
            assert {m.get_type() for m in other.heard()} == set()
            found = check_trust(link.heard(), link.signing, cable=False, simulated=True)
            assert [f.key for f in found] == ["finding.link_strangers"]
            assert stranger.heard()
    finally:
        other.close()


def test_two_programs_do_not_share_the_port_of_one_aircraft(stranger: Stranger) -> None:
    stranger.keep_beating()
    with Link.connect(stranger.url, deadline_s=5.0):
        with pytest.raises(LinkError) as told:
            Link.connect(stranger.url, deadline_s=5.0)
        assert told.value.message.key == "error.link_port_taken"
    with Link.connect(stranger.url, deadline_s=5.0) as link:
        assert link.telemetry().heartbeats >= 1


def test_an_aircraft_that_is_called_first_is_pinned_too() -> None:
    """udpout: we send first, and answers come back from where they were sent to."""
    with (
        Simulator(HOME, speedup=10.0, ready_after_s=2.0, protocol="udp") as running,
        Link.connect(running.url) as link,
    ):
        assert link.read_parameters(["RTL_ALT"])[0].value == 1500.0
        host, port = running.url.removeprefix("udpout:").split(":")
        assert link.radio._udp is not None
        assert link.radio._udp.address == (host, int(port))


def test_half_a_frame_of_a_stranger_does_not_swallow_the_aircrafts(stranger: Stranger) -> None:
    other = second_sender(stranger)
    try:
        other.socket.sendto(bytes([0xFD, 255, 0, 0, 0]), ("127.0.0.1", stranger.port))
        stranger.keep_beating()
        with Link.connect(stranger.url, deadline_s=5.0) as link:
            assert link.telemetry().heartbeats >= 1
    finally:
        other.close()


def test_other_stations_and_other_aircraft_on_the_link_are_told_and_not_obeyed(
    stranger: Stranger,
) -> None:
    stranger.keep_beating()
    with Link.connect(stranger.url, deadline_s=5.0) as link:
        stranger.beat(system=254, kind=6, autopilot=8)
        stranger.beat(system=7)
        stranger.say(place(77.0), system=7)
        stranger.say(place(6.0))
        link.wait(lambda: link.telemetry().height_m == 6.0, 5.0, "error.link_lost")
        heard = link.heard()
        assert (heard.stations, heard.aircraft, heard.twin) == ((Address(254, 1),), (7,), False)
        stranger.beat(system=255, kind=6, autopilot=8)
        link.wait(lambda: link.heard().twin, 5.0, "error.link_lost")
        keys = {f.key for f in check_trust(link.heard(), link.signing, cable=False, simulated=True)}
    assert keys == {"finding.link_twin_station", "finding.link_other_aircraft"}


def test_foreign_answers_do_not_count_as_answers() -> None:
    """Another number, and another ground station's name on it: neither ends a question."""
    air = VirtualAir(awake_autopilot())
    pinging = Pinging(air_pair(), 5, 0.1)
    air.transmit(pinging.start(air.now_s))
    for _ in range(3):
        for asked in list(pinging._waiting):
            answer = mavlink.MAVLink_timesync_message(5, asked)
            air.put_down(answer, Address(9, 1))
    until_s = air.now_s + 3.0
    air.to_vehicle = lambda *_: []
    while air.now_s < until_s:
        air.step(pinging)
    assert pinging.trips_s == []
    assert pinging.finished


def air_pair() -> Any:
    from missions.wire.messages import Pair

    return Pair(vehicle=VEHICLE, us=US)


def test_the_briefing_warns_of_an_unsigned_network_link(monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(HOME, speedup=10.0, ready_after_s=2.0) as running:
        for simulated, expected in ((True, []), (False, ["finding.link_unsigned"])):
            with Link.connect(running.url) as link:
                monkeypatch.setattr(Link, "is_simulation", lambda _, told=simulated: told)
                found = [f for f in look(link, PLAN).findings if f.key.startswith("finding.link")]
                assert [f.key for f in found] == expected
                assert not blocks(found)


@pytest.mark.usefixtures("hasty")
def test_a_good_link_is_measured_by_the_doctor_and_found_good(tmp_path: Path) -> None:
    seen: list[float] = []
    with Simulator(HOME, ready_after_s=2.0, parameters={"SERVO9_FUNCTION": 22.0}) as running:
        report = doctor(
            running.url,
            keyring=Keyring(tmp_path),
            seconds=4.0,
            on_time=lambda done, _: seen.append(done),
        )
    assert [f.key for f in report.findings] == ["finding.link_good"]
    figures = report.examination
    assert figures.asked == figures.answered == 40
    assert figures.loss_down == figures.loss_up == 0.0
    rates = {rate.message: rate.hz for rate in figures.rates}
    assert rates["GLOBAL_POSITION_INT"] >= 2.0
    assert rates["SERVO_OUTPUT_RAW"] >= 4.0
    assert seen[-1] == 4.0
    with pytest.raises(BadInput):
        doctor("tcp:127.0.0.1:1", keyring=Keyring(tmp_path), seconds=1.0)


# Keys on the disk


def chance(secret: bytes) -> Any:
    return lambda count: secret[:count]


def test_a_key_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    kept = ring.make("Máy bay 1", token_bytes=chance(SECRET), now=NOW)
    assert kept.key == KEY
    (path,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for mode in (0o640, 0o604, 0o620, 0o666):
        path.chmod(mode)
        with pytest.raises(Refused) as told:
            ring.find("Máy bay 1")
        assert told.value.message.key == "error.file_not_private"
    path.chmod(0o600)
    assert ring.find("Máy bay 1").key == KEY
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput):
        ring.find("Máy bay 1")


def test_private_files_are_whole_or_not_there(tmp_path: Path) -> None:
    write_private(tmp_path / "a", b"secret")
    assert read_private(tmp_path / "a") == b"secret"
    with pytest.raises(BadInput):
        read_private(tmp_path / "a", limit_bytes=3)
    with pytest.raises(NotFound):
        read_private(tmp_path / "b")


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "CON", "a\x00b", "x" * 500])
def test_no_name_of_an_aircraft_leaves_the_key_folder(tmp_path: Path, name: str) -> None:
    ring = Keyring(tmp_path / "keys")
    with pytest.raises(BadInput):
        ring.make(name, token_bytes=chance(SECRET), now=NOW)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"key": 3}', '{"aircraft":"a","key":"zz","made":"","installed":1}']
)
def test_what_is_no_key_file_is_told_without_its_content(tmp_path: Path, text: str) -> None:
    write_private(tmp_path / "a.key", text.encode())
    with pytest.raises(BadInput) as told:
        Keyring(tmp_path).find("a")
    assert told.value.message.key == "error.key_file"


def test_a_key_is_changed_in_two_steps_and_the_old_one_stays_until_the_new_is_proved(
    tmp_path: Path,
) -> None:
    ring = Keyring(tmp_path)
    ring.make("a", token_bytes=chance(SECRET), now=NOW)
    with pytest.raises(Refused):
        ring.make("a", token_bytes=chance(SECRET[::-1]), now=NOW)
    with pytest.raises(Refused) as told:
        ring.signing("a")
    assert told.value.message.key == "error.key_not_installed"
    ring.took("a", KEY)
    ring.make("a", token_bytes=chance(SECRET[::-1]), now=NOW, rotate=True)
    assert ring.signing("a").key == KEY
    assert ring.to_install("a").key == OTHER
    ring.took("a", OTHER)
    assert ring.signing("a").key == ring.to_install("a").key == OTHER
    assert SECRET.hex() not in (tmp_path / "a.key").read_text()


def test_what_signing_must_remember_is_kept_for_each_link_and_never_goes_back(
    tmp_path: Path,
) -> None:
    ring = Keyring(tmp_path)
    ring.make("a", token_bytes=chance(SECRET), now=NOW)
    ring.took("a", KEY)
    flight, measuring = ring.signing("a"), ring.signing("a", link_id=2)
    flight.keep(Memory(timestamp=500, streams=(((1, 1, 1), 400),)))
    measuring.keep(Memory(timestamp=300))
    assert ring.signing("a").memory == Memory(timestamp=500, streams=(((1, 1, 1), 400),))
    assert ring.signing("a", link_id=2).memory == Memory(timestamp=500)
    for spoiled in ({"timestamp": -1, "streams": []}, {"timestamp": 1 << 60, "streams": []}, {}):
        write_private(tmp_path / "a.1.memory", json.dumps(spoiled).encode())
        with pytest.raises(BadInput):
            ring.signing("a")


def test_keys_lie_in_the_users_own_configuration() -> None:
    assert key_folder({"XDG_CONFIG_HOME": "/c"}) == Path("/c/agri/keys")
    assert key_folder({"APPDATA": "/d"}) == Path("/d/agri/keys")
    assert key_folder({}) == Path.home() / ".config" / "agri" / "keys"


def test_a_key_that_could_not_be_proved_is_not_taken_for_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Keyring(tmp_path)
    ring.make("a", token_bytes=chance(SECRET), now=NOW)
    monkeypatch.setattr("missions.link.keying.PROOF_S", 0.2)
    monkeypatch.setattr("missions.link.keying._send", lambda *_: None)
    with Simulator(HOME, ready_after_s=2.0) as running, pytest.raises(LinkError) as told:
        bring_key(ring, "a", connect=running.url)
    assert told.value.message.key == "error.key_unproved"
    assert not ring.find("a").installed


@pytest.mark.usefixtures("hasty")
def test_the_terminal_makes_brings_uses_and_lists_keys_and_shows_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("AGRI_LANG", "en")
    monkeypatch.setattr("secrets.token_bytes", chance(SECRET))
    said: Counter[str] = Counter()
    with Simulator(HOME, ready_after_s=2.0, over_radio=True) as running:
        steps: list[tuple[tuple[str, ...], int, str]] = [
            (("link", "key", "list"), 0, "No aircraft has a key"),
            (("link", "key", "install", "a", "--connect", running.url), 2, "no key for a"),
            (("link", "key", "new", "a"), 0, KEY.fingerprint),
            (("link", "key", "new", "a"), 1, "has a key already"),
            (("link", "key", "list"), 0, "not yet"),
            (("link", "key", "install", "a", "--connect", "udp:0.0.0.0:1"), 1, ""),
            (("link", "key", "install", "a", "--connect", running.url), 0, "proved"),
            (("link", "key", "list"), 0, "yes"),
            (("link", "doctor", "--connect", running.url, "--seconds", "3"), 1, "Give its key"),
            (("link", "doctor", "--connect", running.url, "--seconds", "3", "--key", "a"), 0,
             "The link is good"),
            (("link", "doctor", "--connect", running.url, "--seconds", "two"), 2, "not a number"),
            (("link", "doctor", "--connect", "nowhere"), 2, "not an address"),
        ]  # fmt: skip
        monkeypatch.setattr(bring_key, "__kwdefaults__", {"deadline_s": 2.0})
        for words, code, part in steps:
            found, text = run(capsys, *words)
            assert (found, part in text) == (code, True), (words, found, text)
            said[text] += 1
    for way in everywhere(SECRET):
        assert way.decode("latin-1") not in "".join(said)
    holding = [p.name for p in tmp_path.rglob("*") if p.is_file() and SECRET.hex() in p.read_text()]
    assert holding == ["a.key"]
