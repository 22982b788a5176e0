"""A dataflash log is read to exact tracks, and a damaged one never brings a traceback."""

from __future__ import annotations

import io
import math
import random
import struct
import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import AgriError, BadInput
from agri.track import Track
from missions.formats import dataflash, dataflash_records
from missions.formats.dataflash import FlightsLog, read_dataflash
from missions.items import Frame, MissionItem, digest
from tests import spray_flown
from tests.dataflash_files import (
    ARMED,
    AUTO,
    DISARMED,
    FIRMWARE,
    FLYING,
    GUIDED,
    KINDS,
    LANDED,
    PARAMETERS,
    RTL,
    LogWriter,
    add_flight,
    add_rows,
    fence_records,
    items_records,
    log_of,
    rally_records,
    read,
)
from tests.sizes import of_full

START = datetime(2026, 11, 22, 1, 30, 0, 250_000, tzinfo=UTC)


def track_at(rate_hz: float = 10.0, seconds: float = 20.0, *, north_m: float = 0.0) -> Track:
    """Up, along a line with the pump on in its middle, and down again, in the log's own grain."""
    time_s = np.round(np.arange(0.0, seconds + 1e-9, 1.0 / rate_hz), 6)
    east = 5.0 * np.maximum(0.0, time_s - 3.0)
    lon, lat = spray_flown.FRAME.to_lonlat(east, np.full(len(time_s), north_m))
    height = np.minimum(5.0, np.minimum(2.0 * time_s, 2.0 * (seconds - time_s)))
    share = np.where((time_s > 6.0) & (time_s < 12.0), np.round(0.25 + time_s / 40.0, 2), 0.0)
    return Track(
        time_s=time_s,
        lon_deg=np.round(lon, 7),
        lat_deg=np.round(lat, 7),
        height_m=height.astype(np.float32).astype(np.float64),
        speed_m_s=np.where(time_s > 3.0, 5.0, 0.0),
        battery_pct=np.round(99.0 - time_s),
        pump_share=share,
    )


def assert_same(found: Track, expected: Track) -> None:
    np.testing.assert_allclose(found.time_s, expected.time_s, atol=2e-6)
    for name in ("lon_deg", "lat_deg"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=1e-9)
    np.testing.assert_allclose(found.height_m, expected.height_m, atol=1e-6)
    np.testing.assert_allclose(found.speed_m_s, expected.speed_m_s, atol=1e-6)
    np.testing.assert_array_equal(found.battery_pct, expected.battery_pct)
    np.testing.assert_allclose(found.pump_share, expected.pump_share, atol=1e-9)


@pytest.mark.parametrize("rate_hz", [4.0, 10.0, 50.0])
def test_a_log_gives_back_the_track_it_was_written_from(rate_hz: float) -> None:
    track = track_at(rate_hz)
    log = read(log_of(track, started_utc=START, items=spray_flown.items()))
    (flight,) = log.flights
    assert_same(flight.track, track)
    assert (log.firmware, log.damaged_bytes, log.cut) == (FIRMWARE, 0, False)
    assert flight.started_utc is not None
    assert abs(flight.started_utc - START) < timedelta(milliseconds=2)
    assert flight.boot_s == 50.0
    assert flight.accuracy_m == 0.4
    assert flight.outcome == "landed"
    assert dict(flight.parameters) == PARAMETERS
    assert [mode for _, mode in flight.modes] == [GUIDED, AUTO]
    assert flight.mission_digest == digest(spray_flown.items())
    assert [event.message.key for event in flight.events][-1] == "event.landed"


def test_the_bodies_mean_what_pymavlinks_own_reader_says(tmp_path: Path) -> None:
    from pymavlink.DFReader import DFReader_binary

    path = tmp_path / "log.bin"
    path.write_bytes(log_of(track_at(), started_utc=START, items=spray_flown.items()))
    with path.open("rb") as file:
        ours = [
            message.to_dict()
            for message in dataflash_records.Records(file, set(KINDS), name="log.bin")
        ]
    reader = DFReader_binary(str(path))
    theirs = []
    while (message := reader.recv_msg()) is not None:
        if message.get_type() in KINDS:
            theirs.append(message.to_dict())
    reader.close()
    assert repr(ours) == repr(theirs)
    assert len(ours) > 1000


def test_the_flights_between_two_switchings_on_are_told_apart() -> None:
    log = LogWriter()
    first, second = track_at(), track_at(seconds=30.0, north_m=10.0)
    add_flight(log, first, boot_s=60.0, started_utc=START)
    later = START + timedelta(seconds=300.0)
    add_flight(log, second, boot_s=360.0, started_utc=later)
    one, two = read(bytes(log.data)).flights
    assert_same(one.track, first)
    assert_same(two.track, second)
    assert one.started_utc is not None
    assert two.started_utc is not None
    assert abs(two.started_utc - one.started_utc - timedelta(seconds=300.0)).total_seconds() < 0.01


def test_a_log_kept_only_while_armed_is_told_apart_by_its_silences() -> None:
    log = LogWriter()
    first, second = track_at(), track_at(seconds=30.0, north_m=10.0)
    for track, boot_s in ((first, 60.0), (second, 2000.0)):
        add_flight(log, track, boot_s=boot_s, started_utc=START, events=((0.5, FLYING),),
                   down=(LANDED,))  # fmt: skip
    one, two = read(bytes(log.data)).flights
    assert_same(one.track, first)
    assert_same(two.track, second)
    assert [one.outcome, two.outcome] == ["landed", "landed"]


def test_a_silence_in_the_air_parts_no_flight() -> None:
    track = track_at(seconds=60.0)
    holed = (track.time_s < 20.0) | (track.time_s > 40.0)
    heard = Track(**{name: getattr(track, name)[holed] for name in Track.__slots__})
    (flight,) = read(log_of(heard, started_utc=START)).flights
    assert_same(flight.track, heard)


def test_what_was_logged_before_arming_and_after_disarming_is_no_flight() -> None:
    track = track_at(seconds=40.0)
    height = np.minimum(5.0, np.minimum(2.0 * (track.time_s - 10), 2.0 * (30 - track.time_s)))
    track = replace(track, height_m=np.maximum(0.0, height), pump_share=track.pump_share * 0.0)
    (flight,) = read(log_of(track, events=((10.0, ARMED), (10.5, FLYING), (29.9, LANDED),
                                           (30.0, DISARMED)), down=())).flights  # fmt: skip
    inside = (track.time_s >= 10.0) & (track.time_s <= 30.0)
    np.testing.assert_allclose(flight.track.time_s, track.time_s[inside] - 10.0, atol=2e-6)
    assert flight.boot_s == 60.0


def test_an_aircraft_that_never_left_the_ground_has_not_flown() -> None:
    track = replace(track_at(), height_m=np.full(201, 0.3))
    assert read(log_of(track)).flights == ()


@pytest.mark.parametrize(
    ("modes", "down", "outcome"),
    [
        (((0.0, GUIDED), (0.4, AUTO)), (LANDED, DISARMED), "landed"),
        (((0.0, GUIDED), (0.4, AUTO), (9.0, RTL)), (LANDED, DISARMED), "aborted"),
        (((0.0, GUIDED), (0.4, AUTO)), (), "lost"),
    ],
)
def test_how_a_flight_ended_is_told(
    modes: tuple[tuple[float, int], ...], down: tuple[int, ...], outcome: str
) -> None:
    (flight,) = read(log_of(track_at(), modes=modes, down=down)).flights
    assert flight.outcome == outcome


def test_the_pump_is_the_servo_that_the_parameters_name() -> None:
    track = track_at()
    other = {"SERVO11_FUNCTION": 22.0, "SERVO11_MIN": 1100.0, "SERVO11_MAX": 1900.0}
    (flight,) = read(log_of(track, channel=11, parameters=other)).flights
    assert_same(flight.track, track)
    (turned,) = read(
        log_of(track, channel=11, parameters=other | {"SERVO11_REVERSED": 1.0})
    ).flights
    np.testing.assert_allclose(turned.track.pump_share, 1.0 - track.pump_share, atol=1e-9)
    held = {"SERVO9_FUNCTION": 0.0, "SERVO9_MIN": 1100.0, "SERVO9_MAX": 1900.0}
    (silent,) = read(log_of(track, parameters=held)).flights
    assert np.isnan(silent.track.pump_share).all()
    np.testing.assert_allclose(silent.track_with(9).pump_share, track.pump_share, atol=1e-9)


def test_a_pump_logged_oftener_than_the_place_keeps_every_change() -> None:
    log, track = LogWriter(), track_at(5.0)
    dry = replace(track, pump_share=np.zeros(len(track.time_s)))
    add_flight(log, dry, down=(), rows=slice(0, 1))
    for row in range(1, len(track.time_s)):
        for step_s in (0.05, 0.1, 0.15):
            time_s = track.time_s[row - 1] + step_s
            pulses = [0] * 8 + [1500 if 7.02 < time_s < 8.12 else 1100] + [0] * 5
            log.add("RCOU", round((50.0 + time_s) * 1e6), *pulses)
        add_rows(log, dry, rows=slice(row, row + 1), boot_s=50.0)
    (flight,) = read(bytes(log.data)).flights
    found = flight.track
    assert len(found.time_s) == 4 * len(track.time_s) - 3
    ran_s = float(np.trapezoid(found.pump_share, found.time_s)) / 0.5
    assert ran_s == pytest.approx(0.85, abs=1e-4), "of 7.05 to 8.1 s, dry at each place between"
    np.testing.assert_allclose(found.lon_deg, np.interp(found.time_s, track.time_s, track.lon_deg))


def test_parameters_are_those_of_the_launch() -> None:
    log = LogWriter()
    log.add("PARM", 40_000_000, "WPNAV_SPEED", 300.0, math.nan)
    log.add("PARM", 41_000_000, "WPNAV_SPEED", 400.0, math.nan)
    add_flight(log, track_at(), parameters={"SERVO9_FUNCTION": 22.0}, down=())
    log.add("PARM", 70_000_000, "WPNAV_SPEED", 900.0, math.nan)
    log.add("PARM", 70_000_000, "LATE", 1.0, math.nan)
    (flight,) = read(bytes(log.data)).flights
    assert flight.parameters["WPNAV_SPEED"] == 400.0
    assert flight.parameters["LATE"] == 1.0, "a log may tell a parameter only after the launch"


def test_the_mission_is_the_one_on_board_at_last_and_none_when_it_is_not_whole() -> None:
    plan = spray_flown.plan()
    log = LogWriter()
    items_records(log, 45_000_000, plan.items[:5])
    add_flight(log, track_at(), items=plan.items)
    assert read(bytes(log.data)).flights[0].mission_digest == digest(plan.items)
    log = LogWriter()
    add_flight(log, track_at(), down=())
    log.add("CMD", 60_000_000, 9, 3, 16, 0.0, 0.0, 0.0, 0.0, 21.08, 106.51, 5.0, 3)
    assert read(bytes(log.data)).flights[0].mission_digest == ""
    assert read(log_of(track_at())).flights[0].items == ()


def test_pictures_are_where_the_camera_was_triggered() -> None:
    log, track = LogWriter(), track_at()
    add_flight(log, track, down=())
    for number in range(3):
        log.add("CAM", 70_000_000 - 1 + number // 2, 0, 7 + number, 21.08, 106.51, 40.0, 30.0, 90.0)
    photos = read(bytes(log.data)).flights[0].photos
    assert [photo.index for photo in photos] == [1, 3]
    assert (photos[0].height_m, photos[0].yaw_deg) == (30.0, 90.0)
    assert photos[0].place.lat_deg == 21.08


def test_without_the_filters_place_the_receivers_counts() -> None:
    track = track_at()
    log = LogWriter({name: kind for name, kind in KINDS.items() if name not in ("POS", "XKF1")})
    log.define(60, "POS", "QLLfff", "TimeUS,A,B,C,D,E")
    log.define(61, "XKF1", "QBff", "TimeUS,I,A,B")
    add_flight(log, track, started_utc=START, gps_s=0.1)
    (flight,) = read(bytes(log.data)).flights
    np.testing.assert_allclose(flight.track.lon_deg, track.lon_deg, atol=1e-9)
    np.testing.assert_allclose(flight.track.height_m, track.height_m, atol=0.006)
    np.testing.assert_allclose(flight.track.speed_m_s, track.speed_m_s, atol=1e-6)


def test_without_gps_time_the_moment_is_not_known() -> None:
    (flight,) = read(log_of(track_at())).flights
    assert flight.started_utc is None
    assert_same(flight.track, track_at())


# ---------------------------------------------------------------- damage


WHOLE = log_of(track_at(), started_utc=START, items=spray_flown.items())
SMALL = log_of(track_at(4.0), started_utc=START, items=spray_flown.items()[:6])


@pytest.mark.parametrize("cut", [1, 7, 20, 45, 300, 5000])
def test_a_log_cut_short_keeps_all_before_the_cut(cut: int) -> None:
    log = read(WHOLE[:-cut])
    (flight,) = log.flights
    count = len(flight.track.time_s)
    expected = track_at()
    part = Track(**{name: getattr(expected, name)[:count] for name in Track.__slots__})
    assert count > 150
    np.testing.assert_allclose(flight.track.lon_deg, part.lon_deg, atol=1e-9)
    np.testing.assert_allclose(flight.track.pump_share[:-1], part.pump_share[:-1], atol=1e-9)
    assert log.damaged_bytes == 0


@pytest.mark.parametrize("filling", [b"\x00", b"\xff"])
def test_filling_at_the_end_is_no_damage(filling: bytes) -> None:
    log = read(WHOLE + filling * 5000)
    assert (log.damaged_bytes, log.cut) == (0, False)
    assert_same(log.flights[0].track, track_at())


def test_damage_in_the_middle_is_told_and_costs_only_itself() -> None:
    middle = len(WHOLE) // 2
    log = read(WHOLE[:middle] + b"\x17" * 400 + WHOLE[middle + 400 :])
    (flight,) = log.flights
    assert 300 <= log.damaged_bytes <= 700
    exact = dict(zip(np.round(track_at().time_s, 4), track_at().lon_deg, strict=True))
    times = np.round(flight.track.time_s, 4)
    assert len(times) >= 197
    known = np.array([exact[time_s] for time_s in times])
    assert np.max(np.abs(flight.track.lon_deg - known)) < 1e-9


def test_a_time_from_nowhere_is_damage() -> None:
    log = LogWriter()
    add_flight(log, track_at(), down=())
    place = bytes(log.data)
    for wild in (0, 10**13, 2**63, 3_000_000):
        log.add("POS", wild, 45.0, 7.0, 9.0, 9.0, 9.0)
    (flight,) = read(bytes(log.data)).flights
    (plain,) = read(place).flights
    assert_same(flight.track, plain.track)


@pytest.mark.parametrize("data", [b"", b"\xa3", b"hello" * 1000, bytes(100_000), WHOLE[:80]])
def test_what_is_no_log_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(BadInput) as told:
        read(data)
    assert told.value.message.key == "error.log_not_dataflash"
    assert "00000042.BIN" in told.value.text("vi")


@pytest.mark.parametrize(
    ("letters", "columns"),
    [
        ("QZZfff", "TimeUS,Lat,Lng,Alt,RelHomeAlt,RelOriginAlt"),
        ("QLLfff", "TimeUS,Lat,Lat,Alt,RelHomeAlt,RelOriginAlt"),
        ("QLL", "TimeUS,Lat,Lng"),
        ("ZLLfff", "TimeUS,Lat,Lng,Alt,RelHomeAlt,RelOriginAlt"),
    ],
)
def test_columns_of_another_kind_than_usual_are_passed_over(letters: str, columns: str) -> None:
    log = LogWriter({**KINDS, "POS": (letters, columns)})
    values: list[object] = ["x" if letter == "Z" else 1.0 for letter in letters]
    log.add("POS", *values)
    log.add("EV", 5_000_000, ARMED)
    assert read(bytes(log.data)).flights == ()


def test_a_kind_whose_length_is_not_that_of_its_columns_is_passed_over() -> None:
    data = bytearray(WHOLE)
    place = data.index(b"POS\x00") - 1
    data[place] += 4
    log = read(bytes(data))
    assert log.damaged_bytes > 0
    assert len(log.flights) <= 1


def test_a_kind_without_end_or_length_is_read_to_the_end_of_the_file() -> None:
    log = LogWriter()
    fmt = struct.pack("<BB4s16s64s", 77, 3, b"NIL", b"", b"")
    none = struct.pack("<BB4s16s64s", 78, 0, b"NON", b"", b"")
    log.data += b"\xa3\x95\x80" + fmt + b"\xa3\x95\x80" + none
    add_flight(log, track_at(), started_utc=START)
    log.data += b"\xa3\x95\x4d" * 100_000 + b"\xa3\x95\x4e" * 20_000
    found = read(bytes(log.data))
    assert_same(found.flights[0].track, track_at())
    assert found.damaged_bytes >= 3 * 20_000 - 3


def test_a_log_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, name in (
        (dataflash_records, "MOST_RECORDS"), (dataflash, "MOST_ROWS"), (dataflash, "MOST_WORDS"),
    ):  # fmt: skip
        monkeypatch.setattr(room, name, 10)
        with pytest.raises(BadInput) as told:
            read(WHOLE)
        assert told.value.message.key == "error.log_endless"
        monkeypatch.undo()
    monkeypatch.setattr(dataflash_records, "MOST_BREAKS", 10)
    with pytest.raises(BadInput) as told:
        read(WHOLE + b"\xa3\x95\xff\x01" * 100)
    assert told.value.message.key == "error.log_broken"


class Endless(io.RawIOBase):
    """A file of `size` bytes that repeats a piece and is never in memory."""

    def __init__(self, head: bytes, piece: bytes, size: int) -> None:
        super().__init__()
        self._head, self._piece, self._left = head, piece, size

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._head:
            head, self._head = self._head, b""
            return head
        count = min(size, self._left)
        self._left -= count
        return (self._piece * (count // len(self._piece) + 1))[:count]


@pytest.mark.parametrize("piece", [b"\xa3\x95\x18" + bytes(21), b"rubbish"])
def test_a_large_log_is_never_in_memory_as_a_whole(piece: bytes) -> None:
    tracemalloc.start()
    with Endless(WHOLE, piece, 8_000_000) as file:
        log = read_dataflash(file, name="large.bin")  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_same(log.flights[0].track, track_at())
    assert peak < 5_000_000


def spoiled(seed: int) -> bytes:
    """The log with some bytes changed, some taken out, doubled or put in, perhaps cut."""
    chance = random.Random(seed)
    data = bytearray(SMALL)
    for _ in range(chance.randint(1, 30)):
        place = chance.randrange(len(data))
        length = chance.choice((1, 2, 8, 89, 300))
        match chance.randrange(5):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = data[place : place + length]
            case 3:
                data[place:place] = chance.randbytes(length)
            case _:
                early = chance.randrange(min(2200, len(data)))  # where the formats stand
                data[early] = chance.choice((0, 255, data[early] ^ 1 << chance.randrange(8)))
    return bytes(data[: chance.randrange(len(data))] if chance.random() < 0.3 else data)


def read_or_refused(data: bytes) -> FlightsLog | None:
    try:
        return read(data)
    except AgriError:
        return None


def hold_together(log: FlightsLog) -> None:
    for flight in log.flights:
        track = flight.track
        lengths = {len(getattr(track, name)) for name in Track.__slots__}
        assert len(lengths) == 1
        assert np.all(np.diff(track.time_s) > 0.0)
        assert np.isfinite(track.lon_deg).all()
        assert np.isfinite(track.height_m).all()
        share = track.pump_share[np.isfinite(track.pump_share)]
        assert np.all((share >= 0.0) & (share <= 1.0))
        assert flight.outcome in ("landed", "aborted", "lost")


@pytest.mark.parametrize("part", range(5))
def test_no_damaged_log_brings_a_traceback(part: int) -> None:
    told = []
    for seed in range(100 * part, 100 * part + 100):
        log = read_or_refused(spoiled(seed))
        if log is not None:
            hold_together(log)
            told.append(len(log.flights))
    assert len(told) >= 50, "most damaged logs are still read"
    assert sum(told) >= 40


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_no_damaged_log_of_ten_thousand_brings_a_traceback(part: int, record_property) -> None:
    record_property("damaged_logs", of_full(1000))
    tracemalloc.start()
    for seed in range(1000 + 1000 * part, 1000 + 1000 * part + of_full(1000)):
        log = read_or_refused(spoiled(seed))
        if log is not None:
            hold_together(log)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.integers(min_value=0, max_value=len(WHOLE)))
def test_any_bytes_at_any_place_are_read_or_refused(rubbish: bytes, place: int) -> None:
    log = read_or_refused(WHOLE[:place] + rubbish + WHOLE[place:])
    if log is not None:
        hold_together(log)


@pytest.mark.parametrize("left", [1, 2, 3, 9])
def test_a_log_that_ends_within_a_records_head_is_cut_and_not_damaged(left: int) -> None:
    whole = log_of(track_at(), started_utc=START)
    another = LogWriter()
    begin = len(another.data)
    another.add("EV", 90_000_000, FLYING)
    log = read(whole + bytes(another.data[begin : begin + left]))
    assert (log.damaged_bytes, log.cut) == (0, True)


# ---------------------------------------------------------------- fence and rally points


def corner(command: int, number: int, size: float) -> MissionItem:
    place = {"x": 210800000 + 7 * number, "y": 1065100000 - 3 * number}
    return MissionItem(command=command, frame=Frame.GLOBAL, param1=size, **place)


FENCE = (
    *(corner(5001, number, 5.0) for number in range(5)),
    *(corner(5002, number, 3.0) for number in range(5, 8)),
    corner(5003, 8, 37.5),
    corner(5004, 9, 12.25),
    corner(5000, 10, 0.0),
)
RALLY = tuple(
    MissionItem(command=5100, frame=Frame.RELATIVE, x=210800000, y=1065100000 + n, z=10.0 + n)
    for n in range(3)
)


def test_fence_and_rally_points_come_back_item_for_item() -> None:
    (flight,) = read(log_of(track_at(), fence=FENCE, rally=RALLY)).flights
    assert flight.fence == FENCE
    assert flight.rally == RALLY


def test_an_empty_fence_is_not_an_untold_one() -> None:
    (flight,) = read(log_of(track_at(), fence=(), rally=())).flights
    assert (flight.fence, flight.rally) == ((), ())
    (flight,) = read(log_of(track_at())).flights
    assert (flight.fence, flight.rally) == (None, None)


def test_of_several_fences_the_last_before_the_landing_counts_for_each_flight() -> None:
    log = LogWriter()
    fence_records(log, 1_000_000, FENCE[:5])
    fence_records(log, 2_000_000, FENCE[:8])
    rally_records(log, 2_000_000, RALLY[:1])
    add_flight(log, track_at(), boot_s=60.0)
    fence_records(log, 200_000_000, FENCE[5:])
    rally_records(log, 200_000_000, ())
    add_flight(log, track_at(), boot_s=360.0)
    one, two = read(bytes(log.data)).flights
    assert (one.fence, one.rally) == (FENCE[:8], RALLY[:1])
    assert (two.fence, two.rally) == (FENCE[5:], ())


@pytest.mark.parametrize("count", [255, 256, 257, 700])
def test_a_fence_longer_than_its_counters_is_read_whole(count: int) -> None:
    long = tuple(corner(5001, number, 100.0) for number in range(count))
    (flight,) = read(log_of(track_at(), fence=long)).flights
    assert flight.fence == long


@pytest.mark.parametrize("lost", [0, 3, len(FENCE) - 1])
def test_a_fence_of_which_a_record_is_lost_is_not_told(lost: int) -> None:
    log = LogWriter()
    fence_records(log, 1_000_000, FENCE)
    size = struct.calcsize("<QBBBiiBf") + 3
    end = len(log.data) - size * (len(FENCE) - 1 - lost)
    del log.data[end - size : end]
    add_flight(log, track_at())
    (flight,) = read(bytes(log.data)).flights
    assert flight.fence is None


def test_a_fence_of_unknown_kind_and_a_rally_point_of_no_height_are_not_told() -> None:
    log = LogWriter()
    log.add("FNCE", 1_000_000, 1, 0, 42, 21.08, 106.51, 0.0, 30.0)
    rally_records(log, 1_000_000, RALLY, flags=4 | 2 << 3)
    add_flight(log, track_at())
    (flight,) = read(bytes(log.data)).flights
    assert (flight.fence, flight.rally) == (None, None)


@pytest.mark.parametrize(
    ("flags", "frame"),
    [(0, Frame.RELATIVE), (4, Frame.GLOBAL), (4 | 1 << 3, Frame.RELATIVE),
     (4 | 3 << 3, Frame.TERRAIN)],
)  # fmt: skip
def test_a_rally_points_height_is_above_what_its_flags_say(flags: int, frame: Frame) -> None:
    log = LogWriter()
    rally_records(log, 1_000_000, RALLY, flags=flags)
    add_flight(log, track_at())
    (flight,) = read(bytes(log.data)).flights
    assert flight.rally == tuple(replace(item, frame=frame) for item in RALLY)
