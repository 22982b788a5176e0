"""A program killed at any moment has kept all it acknowledged, and nothing half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agri.errors import NotFound
from agri.files import TEMPORARY
from agri.findings import Severity
from agri.track import FlightRecord
from agri.words import Message
from agri.workspace import Workspace, flightlog
from agri.workspace.records import Outcome, StoredFlight
from tests.sizes import SHARE, of_full

ROOT = Path(__file__).resolve().parents[1]
MOST_ACKNOWLEDGED = 16
LATER_S = 0.03


@pytest.fixture(scope="module")
def nursery() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.farm_child", "nursery"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: sudden death spares what the system has, flushed to
    a disk or not, and other programs' disk use does not slow the test."""
    memory = Path("/dev/shm")  # noqa: S108
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if usable else None) as name:
        yield Path(name)


def kill_one(nursery: subprocess.Popen[str], folder: Path, seed: int) -> list[list[str]]:
    """Let a worker acknowledge a seeded number of things, kill it a moment later; return them."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    chance = random.Random(seed)
    wanted, later_s = chance.randint(0, MOST_ACKNOWLEDGED), chance.uniform(0.0, LATER_S)
    nursery.stdin.write(f"{folder} {seed}\n")
    nursery.stdin.flush()
    told: list[list[str]] = []
    child = 0
    while not child or len(told) < wanted:
        line = nursery.stdout.readline().split()
        assert line[:1] not in ([], ["gone"]), "the worker died by itself"
        if line[0] == "born":
            child = int(line[1])
        else:
            told.append(line)
    time.sleep(later_s)
    os.kill(child, signal.SIGKILL)
    while (line := nursery.stdout.readline().split())[0] != "gone":
        told.append(line)
    return told


def record(farm: Workspace, flight: StoredFlight) -> FlightRecord:
    return flightlog.read_record(farm.flight_folder(flight))[1]


def check_all(folder: Path, told: list[list[str]]) -> None:
    """Every acknowledged thing is there and whole; whatever else is there is whole too."""
    if ["farm"] not in told:
        try:
            Workspace.open(folder).close()
        except NotFound:
            return  # killed before there was a farm: it can be made again
    with Workspace.open(folder) as farm:
        errors = [f for f in farm.check() if f.severity is Severity.ERROR]
        assert not errors, [error.text() for error in errors]
        fields = {field.uid: field.name for field in farm.fields()}
        plans = {plan.uid: plan for plan in farm.plans(every=True)}
        flights = {flight.uid: flight for flight in farm.flights()}
        for word, *rest in told:
            match word:
                case "field":
                    assert fields[rest[0]] == rest[1]
                case "plan":
                    document = (folder / plans[rest[0]].file).read_text("utf-8")
                    assert len(document) == int(rest[1])
                case "flight":
                    assert flights[rest[0]].outcome == rest[1]
                    assert record(farm, flights[rest[0]]).outcome == rest[1]
                case "begun":
                    assert flights[rest[0]].outcome in (Outcome.LANDED, Outcome.UNFINISHED)
                case "event" if flights[rest[0]].outcome is Outcome.UNFINISHED:
                    index = float(rest[1])
                    kept = record(farm, flights[rest[0]])
                    assert Message.of("unit.hectares", area_ha=index) in [
                        event.message for event in kept.events
                    ]
                    assert index in kept.track.time_s
        named = [f.folder for f in flights.values()] + [p.file for p in plans.values()]
        assert not any(name.endswith(TEMPORARY) for name in named)


def kill_many(nursery: subprocess.Popen[str], folder: Path, kills: int, lives: int) -> int:
    """Kill `kills` workers, `lives` of them on each farm; return how much they acknowledged."""
    told: list[list[str]] = []
    total = 0
    for seed in range(kills):
        if seed % lives == 0:
            told = []
        farm = folder / f"farm-{seed // lives}"
        new = kill_one(nursery, farm, seed)
        told += new
        total += len(new)
        check_all(farm, told)
    return total


def test_fifty_programs_killed_at_any_moment_lose_nothing_they_acknowledged(
    nursery: subprocess.Popen[str], folder: Path
) -> None:
    assert kill_many(nursery, folder, kills=50, lives=5) > 300


@pytest.mark.slow
def test_five_hundred_programs_killed_at_any_moment_lose_nothing_they_acknowledged(
    nursery: subprocess.Popen[str], folder: Path, record_property
) -> None:
    acknowledged = kill_many(nursery, folder, kills=of_full(500), lives=10)
    record_property("farm_kills", of_full(500))
    record_property("farm_acknowledged", acknowledged)
    assert acknowledged > (8 if SHARE == 1.0 else 6) * of_full(500)


def test_a_flight_cut_short_by_death_is_closed_once_and_keeps_what_was_recorded(
    tmp_path: Path,
) -> None:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as farm:
        command = [sys.executable, "-m", "tests.farm_child", "fly", str(farm.folder), "5"]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told = [child.stdout.readline().split() for _ in range(6)]
            (flying,) = farm.flights()
            assert flying.outcome is Outcome.FLYING
            assert farm.recover() == ()
            child.kill()
        uid = told[0][1]
        assert flying.uid == uid
        assert farm.flight(uid).outcome is Outcome.UNFINISHED
        assert [finding.key for finding in farm.check()] == ["finding.flight_unfinished"]
        kept = farm.load_flight(uid)
        assert [event.time_s for event in kept.events] == [0.0, 1.0, 2.0, 3.0, 4.0]
        assert list(kept.track.time_s[:5]) == [0.0, 1.0, 2.0, 3.0, 4.0]
        (recovered,) = farm.recover()
        assert (recovered.uid, recovered.outcome) == (uid, Outcome.LOST)
        assert farm.flights() == (recovered,)
        assert farm.recover() == ()
        assert farm.check() == []
