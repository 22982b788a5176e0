"""The aircraft's own log takes the place of the track heard on the ground, and nothing is lost."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiLineString, box

from agri.cli import main
from agri.errors import AgriError, BadInput, NotFound, Refused, StoreError
from agri.findings import Finding, Severity
from agri.geo import LocalFrame
from agri.operations.aircraft_log import import_log, import_unwatched
from agri.operations.applied import map_flight
from agri.operations.log_fence import about_fence
from agri.operations.sorties import resume_flight
from agri.operations.tank import TankRead
from agri.track import Event, FlightRecord, TankReading, Track
from agri.weather import Wind
from agri.words import Message
from agri.workspace import (
    Launch,
    PlanRecord,
    StoredFlight,
    Workspace,
    flightlog,
    launches,
)
from missions.flight.matching import match
from missions.flightplan import FlightPlan
from missions.formats.document import write_document
from missions.items import MissionType, item_at
from missions.spray.mission import plan_spray
from sitl.spray_gear import SprayHardware
from tests import farms
from tests.dataflash_files import (
    ABOVE_HOME,
    LogWriter,
    add_flight,
    log_of,
    log_of_record,
    rally_records,
    read,
)
from tests.sites import Draft
from tests.sprays import SETTINGS
from tests.two_copters import embedded, parameters_of

START = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PARAMETERS = {"SERVO9_FUNCTION": 22.0, "SERVO9_MIN": 1100.0, "SERVO9_MAX": 1900.0}
BOOTED_S = 3.7
"""The log's clock runs before the one of the record begins."""


@dataclass(frozen=True)
class Flown:
    """A plan, its flight as the aircraft logged it, and as it was heard four times a second."""

    plan: FlightPlan
    logged: Track
    heard: FlightRecord


def part(track: Track, chosen: Any) -> Track:
    return Track(**{name: getattr(track, name)[chosen] for name in Track.__slots__})


def heard_of(plan: FlightPlan, logged: Track, **changes: Any) -> FlightRecord:
    """What the ground hears: every sixth place, on a clock of its own."""
    track = part(logged, slice(5, None, 6))
    values: dict[str, Any] = {
        "plan_name": plan.name,
        "plan_digest": plan.digest,
        "started_utc": START,
        "vehicle": "ArduCopter 4.6.0, sysid 1",
        "outcome": "landed",
        "track": replace(track, time_s=np.round(track.time_s - BOOTED_S, 3)),
        "photos": (),
        "events": (Event(0.0, Message.of("event.armed")),),
    }
    return FlightRecord(**(values | changes))


def shifted(track: Track, home: Any, east_m: float, north_m: float) -> Track:
    frame = LocalFrame(home)
    east, north = frame.to_local(track.lon_deg, track.lat_deg)
    lon, lat = frame.to_lonlat(east + east_m, north + north_m)
    return replace(track, lon_deg=lon, lat_deg=lat)


@pytest.fixture(scope="module")
def flown() -> Flown:
    """A small paddy flown by the embedded simulator, looked at ten times a second."""
    calm = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
    plan = plan_spray(Draft().site(box(-20, -10, 20, 10), (-24.0, -14.0)), calm, name="Thử")
    pump = tuple((point.output, point.flow_l_min) for point in SETTINGS.sprayer.pump)
    log = embedded(plan.items, plan.home, parameters_of(plan) | PARAMETERS,
                   sprayer=SprayHardware(pump=pump, kg_per_l=0.0))  # fmt: skip
    fixes = np.unique(np.array(log.fixes, dtype=np.float64), axis=0)[::5]
    fixes = fixes[np.unique(fixes[:, 0], return_index=True)[1]]
    time_s, east, north, up, pulse = fixes.T
    lon, lat = LocalFrame(plan.home).to_lonlat(east, north)
    step_s = np.gradient(time_s)
    track = Track(
        time_s=np.round(time_s - time_s[0], 6),
        lon_deg=np.round(lon, 7),
        lat_deg=np.round(lat, 7),
        height_m=up,
        speed_m_s=np.hypot(np.gradient(east), np.gradient(north)) / step_s,
        battery_pct=np.full(len(time_s), 80.0),
        pump_share=np.clip((pulse - 1100.0) / 800.0, 0.0, 1.0),
    )
    return Flown(plan, track, heard_of(plan, track))


def log_file(folder: Path, flown: Flown, *, track: Track | None = None, **options: Any) -> Path:
    path = folder / "00000007.BIN"
    begun = START - timedelta(seconds=BOOTED_S)
    values = {"started_utc": begun, "items": flown.plan.items, "parameters": PARAMETERS}
    path.write_bytes(log_of(track or flown.logged, **(values | options)))
    return path


def keep_plan(farm: Workspace, plan: FlightPlan) -> PlanRecord:
    row = PlanRecord(name=plan.name, kind="spray", digest=plan.digest, created_utc=START,
                     path=MultiLineString())  # fmt: skip
    return farm.save_plan(row, write_document(plan))


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại", now=farms.ticking()) as workspace:
        yield workspace


@pytest.fixture
def stored(farm: Workspace, flown: Flown) -> StoredFlight:
    return farm.save_flight(flown.heard, mission_uid=keep_plan(farm, flown.plan).uid)


@pytest.fixture
def bare(farm: Workspace, flown: Flown) -> StoredFlight:
    """The flight in a farm that does not have its plan."""
    return farm.save_flight(flown.heard)


def state(farm: Workspace) -> dict[str, str]:
    """Every flight's row and every file of theirs."""
    kept = {flight.uid: repr(flight) for flight in farm.flights()}
    for file in sorted((farm.folder / "flights").rglob("*")):
        if file.is_file():
            kept[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return kept


# ---------------------------------------------------------------- the exact track


def test_the_logs_track_stands_in_the_flight_and_the_heard_one_beside_it(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    file = log_file(tmp_path, flown)
    imported = import_log(farm, file, wanted=stored.uid, language="vi", now=NOW)
    kept = farm.load_flight(stored.uid)
    np.testing.assert_allclose(kept.track.time_s, flown.logged.time_s - BOOTED_S, atol=0.011)
    for name in ("lon_deg", "lat_deg"):
        expected = getattr(flown.logged, name)
        np.testing.assert_allclose(getattr(kept.track, name), expected, atol=1e-9)
    np.testing.assert_allclose(kept.track.pump_share, flown.logged.pump_share, atol=1e-3)
    assert farms.same_flight(farm.heard_flight(stored), flown.heard)
    assert (kept.started_utc, kept.outcome) == (flown.heard.started_utc, "landed")
    assert kept.events[:-1] == flown.heard.events
    assert kept.events[-1].message.key == "event.track_from_log"
    (row,) = farm.flights()
    assert (row.uid, row.source, row.folder) == (stored.uid, "log", stored.folder)
    assert row == imported.flight
    folder = farm.flight_folder(row)
    paper = launches.read_log(folder)
    assert paper is not None
    assert (folder / paper.kept_as).read_bytes() == file.read_bytes()
    assert (paper.file, paper.imported_utc) == ("00000007.BIN", NOW)
    assert paper.offset_s == pytest.approx(BOOTED_S, abs=0.011)
    assert "finding.log_same_mission" in {finding.key for finding in imported.findings}
    assert not [entry for entry in (farm.folder / "flights").iterdir() if entry.name[0] == "."]
    assert farm.check() == []


def test_what_was_applied_is_reckoned_from_the_exact_track(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    tank = TankRead(left_l=1.0, filled_l=9.0)
    before = map_flight(farm, stored.uid, language="vi", tank=tank).applied
    imported = import_log(farm, log_file(tmp_path, flown), language="vi", now=NOW)
    assert imported.applied is not None
    after = imported.applied.applied
    assert map_flight(farm, stored.uid, language="vi").applied.litres == after.litres
    row = farm.applied_of(stored)
    assert row is not None
    assert row.litres == after.litres
    assert row.tank == TankReading(left_l=1.0, filled_l=9.0), "the log does not know the tank"
    assert after.litres != before.litres
    assert after.litres == pytest.approx(before.litres, rel=0.05)


def test_where_the_log_is_silent_about_the_pump_it_is_as_it_was_heard(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    before = map_flight(farm, stored.uid, language="vi").applied
    imported = import_log(farm, log_file(tmp_path, flown, parameters={}), language="vi", now=NOW)
    assert "finding.log_pump_heard" in {finding.key for finding in imported.findings}
    assert imported.applied is not None
    assert imported.applied.applied.litres == pytest.approx(before.litres, rel=0.01)


def test_the_rest_of_a_broken_off_flight_begins_where_the_log_says(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    wet = np.flatnonzero(flown.logged.pump_share > 0.05)
    stop = wet[int(0.6 * len(wet))]
    share = np.where(np.arange(len(flown.logged.time_s)) < stop, flown.logged.pump_share, 0.0)
    broken = replace(flown.logged, pump_share=share)
    record = heard_of(flown.plan, broken, outcome="aborted")
    stored = farm.save_flight(record, mission_uid=keep_plan(farm, flown.plan).uid)
    import_log(farm, log_file(tmp_path, flown, track=broken), language="vi", now=NOW)
    job = resume_flight(farm, stored.uid, overlap_m=0.0, language="vi", now=NOW)
    assert job is not None
    rest = job.sorties[0].plan.spray
    assert rest is not None
    assert flown.plan.spray is not None
    begins = rest.passes[0].places[0]
    hose_m = SETTINGS.sprayer.hose_s * float(broken.speed_m_s[stop])
    frame = LocalFrame(flown.plan.home)
    ended = frame.to_local(broken.lon_deg[stop : stop + 1], broken.lat_deg[stop : stop + 1])
    east, north = frame.metres(begins)
    away_m = float(np.hypot(ended[0][0] - east, ended[1][0] - north))
    assert away_m == pytest.approx(hose_m, abs=0.6)


def test_a_log_brought_in_again_changes_nothing_more(
    farm: Workspace, bare: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    file = log_file(tmp_path, flown)
    import_log(farm, file, language="vi", now=NOW)
    once = state(farm)
    again = import_log(farm, file, language="vi", now=NOW)
    assert state(farm) == once
    assert len([e for e in again.record.events if e.message.key == "event.track_from_log"]) == 1
    later = file.with_name("other.BIN")
    later.write_bytes(file.read_bytes() + bytes(100))
    import_log(farm, later, language="vi", now=NOW)
    logs = list(farm.flight_folder(bare).glob("flight-*.bin"))
    assert len(logs) == 2, "the first log is kept beside the second"
    assert farms.same_flight(farm.heard_flight(bare), flown.heard)


def test_a_flight_that_was_lost_from_sight_is_told_to_have_landed(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    early = part(flown.heard.track, slice(0, len(flown.heard.track.time_s) // 2))
    lost = replace(flown.heard, outcome="lost", track=early)
    stored = farm.save_flight(lost, mission_uid=keep_plan(farm, flown.plan).uid)
    imported = import_log(farm, log_file(tmp_path, flown), wanted="Thử", language="vi", now=NOW)
    assert imported.flight.outcome == "landed"
    assert farm.flight(stored.uid).duration_s > 1.8 * lost.duration_s


def test_a_flight_whose_recording_died_is_whole_again(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    uid = keep_plan(farm, flown.plan).uid
    with farm.begin_flight(plan_name="Thử", plan_digest=flown.plan.digest, vehicle="x",
                           mission_uid=uid, started_utc=START) as log:  # fmt: skip
        for row in range(0, len(flown.heard.track.time_s), 2):
            track = flown.heard.track
            place = LocalFrame(flown.plan.home).place(0.0, 0.0)
            place = replace(place, lon_deg=track.lon_deg[row], lat_deg=track.lat_deg[row])
            log.position(time_s=track.time_s[row], place=place, speed_m_s=1.0,
                         height_m=track.height_m[row])  # fmt: skip
        with pytest.raises(NotFound):
            import_log(farm, log_file(tmp_path, flown), language="vi", now=NOW)
    imported = import_log(farm, log_file(tmp_path, flown), language="vi", now=NOW)
    assert (imported.flight.outcome, imported.flight.source) == ("landed", "log")
    assert farm.check() == []


# ---------------------------------------------------------------- which flight it is


def test_of_two_flights_of_a_plan_each_gets_its_own(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    second = shifted(flown.logged, flown.plan.home, 0.9, -0.7)
    later = START + timedelta(seconds=900.0)
    one = farm.save_flight(flown.heard)
    two = farm.save_flight(heard_of(flown.plan, second, started_utc=later))
    log = LogWriter()
    begun = START - timedelta(seconds=BOOTED_S)
    options: dict[str, Any] = {"parameters": PARAMETERS, "items": flown.plan.items}
    add_flight(log, flown.logged, boot_s=60.0, started_utc=begun, **options)
    add_flight(log, second, boot_s=960.0, started_utc=begun + timedelta(seconds=900.0), **options)
    path = tmp_path / "two.BIN"
    path.write_bytes(bytes(log.data))
    for stored, track in ((one, flown.logged), (two, second)):
        import_log(farm, path, wanted=stored.uid, language="vi", now=NOW)
        kept = farm.load_flight(stored.uid).track
        np.testing.assert_allclose(kept.lon_deg, track.lon_deg, atol=1e-7)


@pytest.mark.parametrize("trouble", ["elsewhere", "another day", "another flight of the plan"])
def test_a_log_of_another_flight_is_refused_and_changes_nothing(
    farm: Workspace, bare: StoredFlight, flown: Flown, tmp_path: Path, trouble: str
) -> None:
    begun = START - timedelta(seconds=BOOTED_S)
    track = flown.logged
    if trouble == "elsewhere":
        track = shifted(track, flown.plan.home, 40.0, 0.0)
    elif trouble == "another day":
        begun -= timedelta(days=1)
    else:
        track = shifted(track, flown.plan.home, 0.8, 0.6)
        begun += timedelta(seconds=400.0)
    before = state(farm)
    path = log_file(tmp_path, flown, track=track, started_utc=begun)
    for wanted in (bare.uid, ""):
        with pytest.raises(NotFound) as told:
            import_log(farm, path, wanted=wanted, language="vi", now=NOW)
        assert told.value.message.key == "error.log_fits_none"
        assert f"{begun + timedelta(hours=7):%H:%M}" in told.value.text("vi")
    assert state(farm) == before


def test_a_clock_that_was_wrong_on_the_ground_is_told(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    record = replace(flown.heard, started_utc=START + timedelta(minutes=12))
    farm.save_flight(record)
    imported = import_log(farm, log_file(tmp_path, flown), language="en", now=NOW)
    (told,) = [one for one in imported.findings if one.key == "finding.log_clocks"]
    assert "12 minutes" in told.text("en")
    without = log_file(tmp_path, flown, started_utc=None)
    imported = import_log(farm, without, language="en", now=NOW)
    assert "finding.log_clocks" not in {one.key for one in imported.findings}


def test_a_flight_of_which_nothing_was_heard_is_known_by_its_mission(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    silent = replace(flown.heard, outcome="lost", track=part(flown.heard.track, slice(0, 3)))
    stored = farm.save_flight(silent, mission_uid=keep_plan(farm, flown.plan).uid)
    changed = (*flown.plan.items[:-1], item_at(16, flown.plan.home, 5.0))
    other = log_file(tmp_path, flown, items=changed)
    with pytest.raises(NotFound):
        import_log(farm, other, language="vi", now=NOW)
    import_log(farm, log_file(tmp_path, flown), language="vi", now=NOW)
    kept = farm.load_flight(stored.uid)
    assert len(kept.track.time_s) == len(flown.logged.time_s)


def test_a_mission_changed_in_the_field_is_told(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    changed = (*flown.plan.items[:-1], item_at(16, flown.plan.home, 5.0))
    imported = import_log(farm, log_file(tmp_path, flown, items=changed), language="vi", now=NOW)
    assert "finding.log_other_mission" in {finding.key for finding in imported.findings}
    assert imported.flight.uid == stored.uid


def keys_of(imported: Any) -> set[str]:
    return {one.key for one in imported.findings if "fence" in one.key or "rally" in one.key}


def test_fence_and_rally_points_are_held_against_the_plans(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    fence, rally = (flown.plan.wire_items(kind) for kind in (MissionType.FENCE, MissionType.RALLY))
    assert fence
    assert rally
    moved = (replace(fence[0], x=fence[0].x + 50), *fence[1:])
    high = (replace(rally[0], z=rally[0].z + 5.0), *rally[1:])
    for told, expected in (
        ({"fence": fence, "rally": rally}, {"log_same_fence", "log_same_rally"}),
        ({"fence": moved, "rally": high}, {"log_other_fence", "log_other_rally"}),
        ({"fence": fence[:-1], "rally": rally[:-1]}, {"log_other_fence", "log_other_rally"}),
        ({"fence": (), "rally": ()}, {"log_other_fence", "log_other_rally"}),
        ({}, {"log_without_fence", "log_without_rally"}),
    ):
        path = log_file(tmp_path, flown, **told)  # type: ignore[arg-type]
        imported = import_log(farm, path, language="vi", now=NOW)
        assert keys_of(imported) == {f"finding.{key}" for key in expected}, told
        for finding in imported.findings:
            assert finding.text("en") != finding.text("vi")
            warns = finding.severity is Severity.WARNING
            assert warns is ("other" in finding.key), finding.key


def test_a_rally_point_above_the_sea_is_not_the_plans(
    stored: StoredFlight, flown: Flown
) -> None:  # fmt: skip
    rally = flown.plan.wire_items(MissionType.RALLY)
    for flags, key in ((ABOVE_HOME, "log_same_rally"), (4, "log_other_rally")):
        log = LogWriter()
        rally_records(log, 1_000_000, rally, flags=flags)
        add_flight(log, flown.logged)
        (logged,) = read(bytes(log.data)).flights
        assert f"finding.{key}" in {one.key for one in about_fence(logged, flown.plan)}


def test_a_plan_without_fence_and_rally_points_asks_for_none(flown: Flown) -> None:
    bare = replace(flown.plan, fence_polygons=(), fence_circles=(), rally_points=())
    fence, rally = (flown.plan.wire_items(kind) for kind in (MissionType.FENCE, MissionType.RALLY))
    for told, expected in (
        ({}, []),
        ({"fence": (), "rally": ()}, []),
        ({"fence": (), "rally": rally}, []),
        ({"fence": fence}, ["finding.log_other_fence"]),
    ):
        (logged,) = read(log_of(flown.logged, **told)).flights  # type: ignore[arg-type]
        assert [one.key for one in about_fence(logged, bare)] == expected


@pytest.mark.parametrize(
    ("parameters", "off"),
    [
        ({}, ""),
        ({"FENCE_ENABLE": 1.0, "FENCE_TYPE": 5.0}, ""),
        ({"FENCE_ENABLE": 0.0, "FENCE_TYPE": 5.0}, "FENCE_ENABLE"),
        ({"FENCE_ENABLE": 1.0, "FENCE_TYPE": 3.0}, "FENCE_TYPE"),
        ({"FENCE_ENABLE": 0.0, "FENCE_AUTOENABLE": 3.0, "FENCE_TYPE": 4.0}, ""),
        ({"FENCE_ENABLE": 0.0, "FENCE_AUTOENABLE": 3.0, "FENCE_TYPE": 1.0}, "FENCE_TYPE"),
    ],
)
def test_a_fence_that_was_on_board_but_not_in_force_is_told(
    flown: Flown, parameters: dict[str, float], off: str
) -> None:
    fence = flown.plan.wire_items(MissionType.FENCE)
    (logged,) = read(log_of(flown.logged, fence=fence, parameters=parameters)).flights
    told = [one for one in about_fence(logged, flown.plan) if one.key == "finding.log_fence_off"]
    assert len(told) == bool(off)
    assert all(off in one.text("en") for one in told)


def test_settings_changed_since_the_briefing_are_told(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    launch = Launch(parameters=(("WPNAV_SPEED", 400.0), ("SPRAY_ENABLE", 1.0)), findings=())
    farm.save_flight(flown.heard, launch=launch)
    others = PARAMETERS | {"WPNAV_SPEED": 900.0, "SPRAY_ENABLE": 1.0}
    path = log_file(tmp_path, flown, parameters=others)
    imported = import_log(farm, path, language="en", now=NOW)
    (told,) = [one for one in imported.findings if one.key == "finding.log_parameters"]
    assert "WPNAV_SPEED" in told.text("en")
    assert "SPRAY_ENABLE" not in told.text("en")


# ---------------------------------------------------------------- what goes wrong


def test_a_disk_that_fills_up_leaves_the_flight_as_it_was(
    farm: Workspace, bare: StoredFlight, flown: Flown, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path, before = log_file(tmp_path, flown), farm.load_flight(bare.uid)
    real, done = os.replace, False
    for good in range(9):
        left = [good]

        def full(source: Any, target: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            real(source, target)

        monkeypatch.setattr(os, "replace", full)
        with suppress(StoreError):
            import_log(farm, path, language="vi", now=NOW)
            done = True
        monkeypatch.undo()
        kept = farm.load_flight(bare.uid)
        whole = len(kept.track.time_s) == len(flown.logged.time_s)
        assert whole or farms.same_flight(kept, before)
        assert farms.same_flight(farm.heard_flight(bare), flown.heard)
        assert not [e for e in (farm.folder / "flights").iterdir() if e.name[0] == "."]
    assert done
    assert farm.flight(bare.uid).source == "log"
    assert farm.check() == []


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (None, "error.no_file"),
        (b"not a log", "error.log_not_dataflash"),
        (b"", "error.log_not_dataflash"),
        ("ground", "error.log_no_flight"),
        ("large", "error.file_too_large"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_sentence(
    farm: Workspace, bare: StoredFlight, flown: Flown, tmp_path: Path, content: Any, key: str
) -> None:
    path = tmp_path / "x.bin"
    if content == "ground":
        still = replace(flown.logged, height_m=np.zeros(len(flown.logged.time_s)))
        shutil.copy(log_file(tmp_path, flown, track=still), path)
    elif content == "large":
        with path.open("wb") as file:
            file.truncate(400_000_000)
    elif content is not None:
        path.write_bytes(content)
    before = state(farm)
    with pytest.raises((BadInput, NotFound)) as told:
        import_log(farm, path, wanted=bare.uid, language="vi", now=NOW)
    assert told.value.message.key == key
    assert state(farm) == before


def test_a_damaged_log_is_used_and_told(
    farm: Workspace, bare: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    path = log_file(tmp_path, flown)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\x11" * 3000
    path.write_bytes(data[:-20])
    imported = import_log(farm, path, wanted=bare.uid, language="vi", now=NOW)
    keys = {finding.key for finding in imported.findings}
    assert {"finding.log_damaged", "finding.log_cut"} <= keys


# ---------------------------------------------------------------- nobody watched


def test_a_flight_nobody_watched_is_made_from_the_log_alone(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    row = keep_plan(farm, flown.plan)
    path = log_file(tmp_path, flown)
    (imported,) = import_unwatched(farm, path, flown.plan, row, language="vi", now=NOW)
    stored = farm.flight(imported.flight.uid)
    assert (stored.source, stored.outcome, stored.mission_uid) == ("log", "landed", row.uid)
    assert stored.plan_digest == flown.plan.digest
    begun = START - timedelta(seconds=BOOTED_S)
    assert abs((stored.started_utc - begun).total_seconds()) < 0.01
    kept = farm.load_flight(stored.uid)
    np.testing.assert_allclose(kept.track.lat_deg, flown.logged.lat_deg, atol=1e-9)
    launch = farm.launch_of(stored)
    assert launch is not None
    assert dict(launch.parameters) == PARAMETERS
    assert imported.applied is not None
    assert farm.applied_of(stored) is not None
    assert resume_flight(farm, stored.uid, overlap_m=0.0, language="vi", now=NOW) is None
    with pytest.raises(Refused) as told:
        import_unwatched(farm, path, flown.plan, row, language="vi", now=NOW)
    assert told.value.message.key == "error.log_known"
    assert len(farm.flights()) == 1


def test_a_flight_of_another_plan_or_of_no_time_is_not_entered(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path
) -> None:
    changed = (*flown.plan.items[:-1], item_at(16, flown.plan.home, 5.0))
    for options, key in (
        ({"items": changed}, "error.log_other_plan"),
        ({"items": (), "track": shifted(flown.logged, flown.plan.home, 30.0, 0.0)},
         "error.log_other_plan"),
        ({"started_utc": None}, "error.log_without_time"),
        ({}, "error.log_known"),
    ):  # fmt: skip
        path = log_file(tmp_path, flown, **options)  # type: ignore[arg-type]
        with pytest.raises(AgriError) as told:
            import_unwatched(farm, path, flown.plan, None, language="vi", now=NOW)
        assert told.value.message.key == key
    assert len(farm.flights()) == 1


def test_a_log_without_its_mission_is_known_by_the_way_flown(
    farm: Workspace, flown: Flown, tmp_path: Path
) -> None:
    path = log_file(tmp_path, flown, items=())
    (imported,) = import_unwatched(farm, path, flown.plan, None, language="vi", now=NOW)
    assert imported.flight.plan_digest == ""


# ---------------------------------------------------------------- what was known at the launch


def test_parameters_and_findings_of_the_launch_come_back(farm: Workspace, flown: Flown) -> None:
    findings = (Finding.warning("finding.log_clocks", where="Ruộng", minutes=2.5),
                Finding.info("finding.log_other_mission", plan="Đình"))  # fmt: skip
    launch = Launch(parameters=(("A", 1.5), ("B", -2.0)), findings=findings)
    with farm.begin_flight(plan_name="x", plan_digest="", vehicle="") as log:
        log.launched(launch)
        log.finish(flown.heard)
        assert farm.launch_of(farm.flight(log.uid)) == launch
    other = farm.save_flight(flown.heard)
    assert farm.launch_of(other) is None
    path = farm.flight_folder(other) / launches.LAUNCH
    for spoiled in ("[]", "{}", '{"parameters": {"A": "x"}, "findings": []}', '{"parameters"'):
        path.write_text(spoiled, "utf-8")
        with pytest.raises((StoreError, BadInput)):
            farm.launch_of(other)


# ---------------------------------------------------------------- commands


def test_the_command_finds_the_flight_and_tells_what_it_did(
    farm: Workspace, stored: StoredFlight, flown: Flown, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = str(log_file(tmp_path, flown))
    options = ["--farm", str(farm.folder)]
    assert main(["--lang", "vi", "flight", "import", stored.uid[:8], path, *options]) == 0
    said = capsys.readouterr()
    assert "Thử" in said.out
    assert said.err == ""
    assert main(["--lang", "en", "flight", "import", path, *options]) == 0
    assert "item for item" in capsys.readouterr().out
    assert main(["flight", "import", "--plan", "Thử", path, *options]) == 1
    assert main(["flight", "import", "a", "b", path, *options]) == 2
    assert main(["flight", "import", *options]) == 2
    assert main(["flight", "import", "no such flight", path, *options]) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert main(["applied", stored.uid[:8], *options]) == 0


def test_the_command_makes_a_flight_from_a_log_alone(
    farm: Workspace, flown: Flown, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_plan(farm, flown.plan)
    path = str(log_file(tmp_path, flown))
    assert main(["flight", "import", path, "--plan", "Thử", "--farm", str(farm.folder)]) == 0
    assert len(farm.flights()) == 1
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------- laying tracks on each other


@settings(max_examples=25, deadline=None)
@given(
    offset_s=st.floats(min_value=-500.0, max_value=500.0),
    first=st.integers(min_value=0, max_value=5),
    cut=st.floats(min_value=0.0, max_value=0.6),
    noise_m=st.floats(min_value=0.0, max_value=0.15),
)
def test_the_offset_between_two_clocks_is_found(
    flown: Flown, offset_s: float, first: int, cut: float, noise_m: float
) -> None:
    chance = np.random.default_rng(first)
    heard = part(flown.logged, slice(first, None, 6))
    heard = part(heard, slice(0, int(len(heard.time_s) * (1.0 - cut))))
    frame = LocalFrame(flown.plan.home)
    east, north = frame.to_local(heard.lon_deg, heard.lat_deg)
    lon, lat = frame.to_lonlat(east + chance.normal(0, noise_m, len(east)),
                               north + chance.normal(0, noise_m, len(east)))  # fmt: skip
    heard = replace(heard, time_s=heard.time_s - offset_s, lon_deg=lon, lat_deg=lat)
    found = match(heard, flown.logged, guess_s=offset_s)
    assert found is not None
    assert found.same
    assert found.offset_s == pytest.approx(offset_s, abs=0.03 + 0.2 * noise_m)
    beside = match(shifted(heard, flown.plan.home, 0.8, 0.8), flown.logged, guess_s=offset_s)
    assert beside is None or not beside.same


def test_nothing_is_laid_on_a_track_of_a_few_places(flown: Flown) -> None:
    assert match(part(flown.logged, slice(0, 5)), flown.logged) is None
    assert match(flown.logged, part(flown.logged, slice(0, 1))) is None
    assert log_of_record(flown.heard, flown.plan)
    assert flightlog.HEARD != flightlog.TRACK
