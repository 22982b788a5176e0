"""A flight in the air is recorded line by line, and ended once."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from shapely.geometry import Polygon

from agri.errors import BadInput, NotFound, StoreError
from agri.findings import Severity
from agri.geo import LonLat
from agri.track import Event, Photo, TankReading
from agri.words import Message
from agri.workspace import Launch, Workspace, flightbook, flightlog
from agri.workspace.flightbook import FlightLog
from agri.workspace.flightlog import plain, read_message
from agri.workspace.records import Outcome, StoredFlight
from tests import farms
from tests.postgres import IN_A_FILE

PLACE = LonLat(lon_deg=farms.LON, lat_deg=farms.LAT)


@pytest.fixture
def farm(tmp_path: Path, home: str) -> Iterator[Workspace]:
    with Workspace.create(
        tmp_path / "farm",
        farm_name="Trại",
        now=farms.ticking(),
        new_uid=farms.counting(),
        database=home,
    ) as workspace:
        yield workspace


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def __call__(self) -> float:
        return self.time_s


def begin(farm: Workspace, clock: Clock | None = None) -> FlightLog:
    return farm.begin_flight(
        plan_name="Ruộng Đồng 50 m",
        plan_digest="ab" * 32,
        vehicle="ArduCopter 4.6.2, 1",
        mission_uid="m",
        clock=clock or Clock(),
    )


def report(log: FlightLog, time_s: float) -> None:
    log.position(time_s=time_s, place=PLACE, height_m=12.3, speed_m_s=8.0)


def test_a_flight_is_in_the_book_from_before_its_start_to_its_end(farm: Workspace) -> None:
    with begin(farm) as log:
        report(log, 0.5)
        (flying,) = farm.flights()
        assert (flying.uid, flying.outcome, flying.mission_uid) == (log.uid, Outcome.FLYING, "m")
        assert farm.load_flight(log.uid).track.time_s.tolist() == [0.5]
        log.tlog.write_bytes(b"raw")
        stored = log.finish(farms.flight())
    assert farm.flights() == (stored,)
    assert (stored.uid, stored.outcome, stored.mission_uid) == (flying.uid, Outcome.LANDED, "m")
    assert farms.same_flight(farm.load_flight(stored.uid), farms.flight())
    folder = farm.flight_folder(stored)
    assert {entry.name for entry in folder.iterdir()} == {
        "track.jsonl", "track.csv", "photos.csv", "flight.tlog",
    }  # fmt: skip
    assert farm.check() == []


@IN_A_FILE
def test_what_was_recorded_line_by_line_reads_like_what_was_told(farm: Workspace) -> None:
    photo = Photo(index=4, time_s=1.25, place=PLACE, height_m=50.0, yaw_deg=90.5)
    nested = Message.of("finding.row_unusable", reason=Message.of("unit.hectares", area_ha=1.5))
    odd = Message.of(
        "error.no_file", path=Path("ruộng"), at=PLACE, none=None, off=math.inf, on=True
    )
    with begin(farm) as log:
        log.position(time_s=1 / 3, place=PLACE, height_m=-0.5, speed_m_s=math.nan, battery_pct=87.5,
                     pump_share=0.3)  # fmt: skip
        log.photo(photo)
        log.event(Event(2.5, nested))
        log.event(Event(3.5, odd))
        uid = log.uid
    kept = farm.load_flight(uid)
    assert kept.outcome == "lost"
    assert (kept.plan_name, kept.vehicle) == ("Ruộng Đồng 50 m", "ArduCopter 4.6.2, 1")
    assert kept.track.time_s.tolist() == [1 / 3]
    assert kept.track.height_m.tolist() == [-0.5]
    assert math.isnan(kept.track.speed_m_s[0])
    assert kept.track.battery_pct.tolist() == [87.5]
    assert kept.track.pump_share.tolist() == [0.3]
    assert kept.photos == (photo,)
    assert kept.events[0] == Event(2.5, nested)
    assert dict(kept.events[1].message.values) == {
        "path": "ruộng", "at": str(PLACE), "none": None, "off": "inf", "on": True,
    }  # fmt: skip


@IN_A_FILE
def test_the_disk_is_flushed_at_events_and_pictures_and_each_second(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    log = begin(farm, clock)
    flushed: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(handle), real(handle)))
    counts = []
    for step in range(11):
        clock.time_s = 100.0 + step * 0.25
        report(log, step * 0.25)
        counts.append(len(flushed))
    assert counts == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    log.event(Event(3.0, Message.of("error.no_farm", folder="x")))
    assert len(flushed) == 3
    log.photo(Photo(index=0, time_s=3.0, place=PLACE, height_m=0.0, yaw_deg=0.0))
    assert len(flushed) == 4
    log.close()


@IN_A_FILE
def test_a_record_older_than_spraying_reads_with_a_pump_that_is_not_told(
    farm: Workspace,
) -> None:
    track = replace(farms.flight().track, pump_share=np.linspace(0.0, 1.0, 20))
    stored = farm.save_flight(farms.flight(track=track))
    path = farm.flight_folder(stored) / flightlog.TRACK
    table = (path.parent / "track.csv").read_text().splitlines()
    assert table[0].endswith(",pump_share")
    assert table[-1].endswith(",1.0")
    assert farms.same_flight(farm.load_flight(stored.uid), farms.flight(track=track))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sum("pump_share" in line for line in lines) == 20
    older = [{k: v for k, v in line.items() if k != "pump_share"} for line in lines]
    path.write_text("".join(json.dumps(line) + "\n" for line in older))
    assert farms.same_flight(farm.load_flight(stored.uid), farms.flight())
    assert np.isnan(farm.load_flight(stored.uid).track.pump_share).all()


def test_what_a_flight_applied_comes_back_and_is_replaced_when_worked_out_again(
    farm: Workspace,
) -> None:
    flight = farm.save_flight(farms.flight())
    other = farm.save_flight(farms.flight(started_utc=farms.START + timedelta(hours=1)))
    assert farm.applied_of(flight) is None
    kept = farm.save_applied(flight, farms.applied("whatever"))
    assert kept.uid
    assert (kept.flight_uid, kept.phi_end) == (flight.uid, date(2026, 12, 6))
    assert farm.applied_of(flight) == kept
    assert farm.applied_of(other) is None
    again = farm.save_applied(flight, farms.applied("whatever", litres=7.5, cv_pct=math.nan))
    assert (again.uid, again.litres, again.cv_pct) == (kept.uid, 7.5, None)
    assert farm.applied_of(flight) == again
    dry = farm.save_applied(other, farms.applied("x", area=Polygon(), product="  Nước lã "))
    assert (dry.area.is_empty, dry.product) == (True, "Nước lã")
    assert farm.applied_of(other) == dry
    assert farm.check() == []
    assert farm.frame("applied")["flight_uid"].tolist() == [flight.uid, other.uid]


def test_a_tank_that_was_read_stays_read_until_it_is_read_anew(farm: Workspace) -> None:
    flight, other = (farm.save_flight(farms.flight(plan_name=name)) for name in ("a", "b"))
    first, second = (TankReading(filled_l=10.0, left_l=left) for left in (2.95, 4.0))
    kept = farm.save_applied(flight, farms.applied("x", tank=first))
    unread = farm.save_applied(other, farms.applied("x"))
    assert (kept.tank, kept.flow_share) == (first, pytest.approx(1.0))
    assert (unread.tank, unread.flow_share) == (None, None)
    mapped = farm.save_applied(flight, farms.applied("x", litres=6.0))
    assert mapped == replace(kept, litres=6.0)
    assert farm.applied_of(flight) == mapped
    told = "SELECT tank_filled_l, tank_left_l, tank_used_l, flow_share FROM applied ORDER BY fid"
    rows = farms.told(farm, told)
    assert rows == [(10.0, 2.95, pytest.approx(7.05), pytest.approx(1.175)), (None,) * 4]
    again = farm.save_applied(flight, farms.applied("x", litres=6.0, tank=second))
    assert again == replace(mapped, tank=second)
    assert farm.applied_of(other) == unread
    assert farms.told(farm, told)[0] == (10.0, 4.0, 6.0, 1.0)
    dry = farm.save_applied(other, farms.applied("x", litres=0.0, tank=first))
    assert dry.flow_share is None
    assert farm.check() == []


def test_what_was_applied_is_listed_from_the_newest(farm: Workspace) -> None:
    flights = [farm.save_flight(farms.flight(plan_name=name)) for name in ("a", "b", "c")]
    days = [farms.START + timedelta(days=number) for number in (1, 3, 2)]
    for flight, day in zip(flights, days, strict=True):
        farm.save_applied(flight, farms.applied("x", sprayed_utc=day))
    assert [found.sprayed_utc for found in farm.applied()] == sorted(days, reverse=True)


@pytest.mark.parametrize(
    "change",
    ["tank_left_l = 11", "tank_left_l = NULL", "tank_filled_l = 'full'", "tank_left_l = -1"],
)
def test_a_reading_that_another_program_spoiled_is_told_and_counts_as_not_read(
    farm: Workspace, change: str
) -> None:
    flight = farm.save_flight(farms.flight())
    reading = TankReading(filled_l=10.0, left_l=2.95)
    kept = farm.save_applied(flight, farms.applied("x", tank=reading))
    if not farms.spoil(farm, f"UPDATE applied SET {change}"):  # noqa: S608 - the words above
        assert "'full'" in change
        assert farm.applied_of(flight) == kept
        return
    assert farm.applied_of(flight) == replace(kept, tank=None)
    assert [(f.key, f.severity) for f in farm.check()] == [("finding.row_tank", Severity.WARNING)]
    farm.save_applied(flight, farms.applied("x", tank=reading))
    assert farm.check() == []


@pytest.mark.parametrize(("filled", "left"), [(5.0, 5.1), (5.0, -0.1), (math.nan, 1.0)])
def test_a_reading_that_cannot_be_is_refused(filled: float, left: float) -> None:
    with pytest.raises(BadInput):
        TankReading(filled_l=filled, left_l=left)


@IN_A_FILE
def test_what_was_applied_by_a_flight_the_farm_does_not_have_is_refused(farm: Workspace) -> None:
    flight = replace(farm.save_flight(farms.flight()), uid="elsewhere")
    with pytest.raises(NotFound):
        farm.save_applied(flight, farms.applied("elsewhere"))
    with pytest.raises(BadInput):
        farms.applied("")


def test_a_row_of_what_was_applied_that_lacks_figures_is_told_and_left_out(
    farm: Workspace,
) -> None:
    flight = farm.save_flight(farms.flight())
    farm.save_applied(flight, farms.applied("x"))
    farms.edit(farm, "UPDATE applied SET litres = NULL")
    assert farm.applied_of(flight) is None
    assert [finding.key for finding in farm.check()] == ["finding.row_unusable"]


def test_a_flight_left_without_an_end_is_unfinished_until_it_is_recovered(
    farm: Workspace,
) -> None:
    with begin(farm) as log:
        for step in range(5):
            log.position(
                time_s=float(step),
                place=LonLat(lon_deg=farms.LON + step * 1e-5, lat_deg=farms.LAT),
                height_m=50.0,
                speed_m_s=8.0,
            )
    (unfinished,) = farm.flights()
    assert (unfinished.outcome, unfinished.duration_s) == (Outcome.UNFINISHED, 4.0)
    assert [finding.key for finding in farm.check()] == ["finding.flight_unfinished"]
    (recovered,) = farm.recover()
    assert recovered.outcome is Outcome.LOST
    assert recovered.path is not None
    assert farm.flights() == (recovered,)
    assert farm.recover() == ()


@pytest.mark.parametrize("cut", [2, 5, 40, 90])
@IN_A_FILE
def test_a_line_cut_short_is_passed_over_and_those_before_it_count(
    farm: Workspace, cut: int
) -> None:
    with begin(farm) as log:
        for step in range(5):
            report(log, float(step))
    path = log.folder / flightlog.TRACK
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert farm.load_flight(log.uid).track.time_s.tolist() == [0.0, 1.0, 2.0, 3.0]
    path.write_bytes(whole[:-cut] + b"\n\x00\xff\n[1]\n{}\n" + b"[" * 10_000 + b"\n" + whole[-cut:])
    assert farm.load_flight(log.uid).track.time_s.tolist()[:4] == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "line",
    [
        {"type": "position", "time_s": 1.0},
        {"type": "position", **dict.fromkeys(flightlog._POSITION, "x")},
        {"type": "photo", "index": 1e999, "time_s": 1, "lon_deg": 1, "lat_deg": 1},
        {"type": "photo", "index": 1, "time_s": 1, "lon_deg": 1, "lat_deg": 91, "height_m": 1,
         "yaw_deg": 1},
        {"type": "event", "time_s": 1, "message": "x"},
        {"type": "event", "time_s": 1, "message": {"key": "x", "values": [1]}},
        {"type": "rocket"},
        {"type": ["x"]},
        {"kind": "x"},
        "x",
        None,
    ],
)  # fmt: skip
@IN_A_FILE
def test_a_line_that_makes_no_sense_is_passed_over(farm: Workspace, line: object) -> None:
    with begin(farm) as log:
        report(log, 1.0)
    path = log.folder / flightlog.TRACK
    path.write_bytes(path.read_bytes() + json.dumps(line).encode() + b"\n")
    kept = farm.load_flight(log.uid)
    assert (len(kept.track.time_s), kept.photos, kept.events) == (1, (), ())


@IN_A_FILE
def test_a_record_without_its_first_line_is_told(farm: Workspace) -> None:
    stored = farm.save_flight(farms.flight())
    path = farm.flight_folder(stored) / flightlog.TRACK
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])
    with pytest.raises(StoreError) as told:
        farm.load_flight(stored.uid)
    assert told.value.message.key == "error.flight_unreadable"
    path.unlink()
    with pytest.raises(NotFound):
        farm.load_flight(stored.uid)
    assert [finding.key for finding in farm.check()] == ["finding.file"]
    assert farm.flights() == (stored,)


def test_a_flight_whose_end_was_written_but_not_its_row_keeps_its_end(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = begin(farm)

    def no_row(*args: object) -> None:
        raise StoreError("error.disk_full", path="farm.gpkg")

    monkeypatch.setattr(type(log._database), "writing", no_row)
    with pytest.raises(StoreError):
        log.finish(farms.flight(outcome="aborted"))
    monkeypatch.undo()
    assert farm.flights()[0].outcome is Outcome.FLYING, "it may be ended again"
    log.close()
    (recovered,) = farm.recover()
    assert recovered.outcome is Outcome.ABORTED
    assert farms.same_flight(farm.load_flight(log.uid), farms.flight(outcome="aborted"))


@IN_A_FILE
def test_an_end_that_failed_may_be_tried_again(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = begin(farm)
    report(log, 1.0)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError):
        log.finish(farms.flight())
    monkeypatch.undo()
    assert farm.load_flight(log.uid).track.time_s.tolist() == [1.0]
    report(log, 2.0)
    assert log.finish(farms.flight()) == farm.flight(log.uid)


def test_a_flight_whose_row_vanished_gets_it_back_at_its_end(farm: Workspace) -> None:
    log = begin(farm)
    farms.edit(farm, "DELETE FROM flights")
    stored = log.finish(farms.flight())
    assert farm.flights() == (stored,)


@IN_A_FILE
def test_a_flight_that_cannot_be_entered_does_not_begin(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError) as told:
        begin(farm)
    assert told.value.message.key == "error.disk_full"
    monkeypatch.undo()
    assert farm.flights() == ()


@IN_A_FILE
def test_a_write_that_was_cut_short_does_not_spoil_the_next_line(farm: Workspace) -> None:
    log = begin(farm)

    class Half:
        """A disk that takes half a line once."""

        def __init__(self, file: object) -> None:
            self.file, self.full = file, True

        def write(self, data: bytes) -> int:
            part = data[: len(data) // 2] if self.full else data
            self.full = False
            return int(self.file.write(part))  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

    log._file = Half(log._file)  # type: ignore[assignment]
    with pytest.raises(StoreError):
        report(log, 1.0)
    report(log, 2.0)
    log.close()
    assert farm.load_flight(log.uid).track.time_s.tolist() == [2.0]


@IN_A_FILE
def test_only_a_real_ending_ends_a_flight(farm: Workspace) -> None:
    for outcome in ("flying", "unfinished", "fine", ""):
        with pytest.raises(BadInput):
            farm.save_flight(farms.flight(outcome=outcome))
    assert farm.flights() == ()


def test_the_newest_flight_comes_first(farm: Workspace) -> None:
    clock = farms.ticking()
    stored = [farm.save_flight(farms.flight(started_utc=clock())) for _ in range(3)]
    assert list(farm.flights()) == stored[::-1]
    assert np.all(np.diff([f.started_utc.timestamp() for f in farm.flights()]) < 0)
    with pytest.raises(NotFound):
        farm.flight("00000000")
    with pytest.raises(NotFound):
        farm.flight("")


@IN_A_FILE
def test_a_flight_in_the_book_has_its_launch_whenever_the_program_dies(
    farm: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The launch is written before the row: a row without it would hide whether it was real."""
    launch = Launch(parameters=(("A", 1.0),), findings=(), simulated=True)
    seen: list[Launch | None] = []

    def put(connection: object, rows: Sequence[StoredFlight]) -> None:
        seen.append(farm.launch_of(rows[0]))

    monkeypatch.setattr(flightbook, "FLIGHTS", SimpleNamespace(insert=put))
    farm.begin_flight(plan_name="Đông", plan_digest="ab" * 32, vehicle="copter", launch=launch)
    assert seen == [launch]


def test_a_sentence_keeps_its_days_and_moments_on_the_disk():
    told = Message.of(
        "finding.permit_ended",
        day=date(2026, 12, 6),
        flight=datetime(2026, 12, 7, 6, 30, tzinfo=UTC),
    )
    kept = read_message(json.loads(json.dumps(plain(told))))
    assert kept == told
    assert "06/12/2026" in kept.text("vi")
    assert "07 Dec 2026 06:30" in kept.text("en")
