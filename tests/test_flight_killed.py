"""agri killed at any moment of a flight: the aircraft comes home dry, the record stays readable.

Nothing is launched again by itself. Whoever starts agri anew is told what it found, and asked.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pymavlink import mavutil

from agri import audit
from agri.findings import Severity
from agri.operations.mission_files import load_plan
from agri.operations.sorties import resume_flight
from agri.track import FlightRecord
from agri.workspace import Workspace, flightlog
from agri.workspace.records import Outcome, StoredFlight
from missions.applied.account import applied
from missions.flightplan import FlightPlan, job_of
from tests.flights_killed import (
    PLAN,
    STAGES,
    Killed,
    Nursery,
    kill_flight,
    make_farm,
    nursery,
    outside_m,
)
from tests.sizes import of_full

BY_ITSELF = {6: "RTL", 27: "AUTO_RTL"}
PUMP_TURNS_US = 1112
ROUNDS = of_full(200, at_least=10)
PARTS = 10


@pytest.fixture(scope="module")
def flier() -> Iterator[Nursery]:
    with nursery() as opened:
        yield opened


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    memory = Path("/dev/shm")  # noqa: S108
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if usable else None) as name:
        yield make_farm(Path(name))


def kill_and_check(flier: Nursery, template: Path, stage: str, seed: int) -> tuple[str, str]:
    """One round on a farm of its own; return when it died and how the farm tells it."""
    farm = template.parent / f"{stage}-{seed}"
    shutil.copytree(template, farm)
    try:
        plan, _ = load_plan(PLAN, farm)
        killed = kill_flight(flier, farm, plan, stage, seed)
        check_aircraft(killed, plan)
        with Workspace.open(farm) as workspace:
            outcome = check_record(killed, workspace, plan)
        check_restart(killed, farm)
    finally:
        shutil.rmtree(farm)
    return killed.last, outcome


def check_aircraft(killed: Killed, plan: FlightPlan) -> None:
    """It stands at home, dry, and did not start again."""
    last = killed.flown[-1]
    assert killed.home_m < 2.0
    assert abs(last.height_m) < 0.5
    assert not last.armed
    assert not killed.armed_again
    assert last.pump_us <= PUMP_TURNS_US
    assert outside_m(plan, killed.deposits) < 1.0
    since_s: float | None = None
    for seen in killed.flown:
        if seen.mode not in BY_ITSELF:
            since_s = None
            continue
        since_s = seen.time_s if since_s is None else since_s
        if seen.time_s - since_s > 1.5:
            assert seen.pump_us <= PUMP_TURNS_US, f"sprays in {BY_ITSELF[seen.mode]}"


def check_record(killed: Killed, farm: Workspace, plan: FlightPlan) -> str:
    """What was acknowledged is there; the chain is whole; one launch at most."""
    errors = [f for f in farm.check() if f.severity is Severity.ERROR]
    assert not errors, [error.text() for error in errors]
    verdict = audit.verify(farm.folder)
    assert verdict.whole
    launches = [entry for entry in verdict.entries if entry.kind == "launch_confirmed"]
    claims = list((farm.folder / "launches").glob("*"))
    flights = farm.flights()
    assert 1 >= len(claims) >= len(launches) >= len(flights)
    assert len(flights) == 1 or not any(seen.armed for seen in killed.flown)
    assert len(flights) == 1 or "phase GUIDED" not in killed.before
    if not flights:
        for left in (farm.folder / "flights").glob("*.tlog"):
            assert not arm_orders(left)
        return "none"
    check_flight(killed, farm, flights[0], plan)
    return str(flights[0].outcome)


def check_flight(killed: Killed, farm: Workspace, flight: StoredFlight, plan: FlightPlan) -> None:
    folder = farm.flight_folder(flight)
    record = flightlog.read_record(folder)[1]
    told = [line for line in killed.before if line.startswith("event.")]
    assert set(told) <= {event.message.key for event in record.events}
    assert flight.outcome in (Outcome.UNFINISHED, Outcome.LANDED)
    assert farm.launch_of(flight) is not None
    tlog = folder / flightlog.TLOG
    assert tlog.exists() or not any(seen.armed for seen in killed.flown)
    if tlog.exists():
        assert len(arm_orders(tlog)) <= 1
        heard = frames(tlog)["GLOBAL_POSITION_INT"]
        assert heard >= len(record.track.time_s) - 100, "the log lags more than a second"
    if "spraying" in killed.before:
        check_rest(farm, flight, record, plan)


def check_rest(
    farm: Workspace, flight: StoredFlight, record: FlightRecord, plan: FlightPlan
) -> None:
    """The rest and what was sprayed are the plan once."""
    planned_l, done_l = job_of(plan).estimate.litres, applied(record, plan).litres
    rest = resume_flight(farm, flight.uid, overlap_m=0.0, language="vi", now=datetime.now(UTC))
    left_l = 0.0
    if rest is not None:
        left_l = sum(job_of(sortie.plan).estimate.litres for sortie in rest.sorties)
        keys = [finding.key for sortie in rest.sorties for finding in sortie.findings]
        assert ("finding.broken_off" in keys) == (flight.outcome is Outcome.UNFINISHED)
    assert done_l + left_l == pytest.approx(planned_l, rel=0.1)


def check_restart(killed: Killed, farm: Path) -> None:
    """The next start says what it found, asks anew, and repeats no launch."""
    before, between, after = killed.before, killed.in_between, killed.after
    assert not any("fault" in line for line in (*before, *between, *after))
    assert "event.armed" not in (*between, *after)
    running = {"blocked finding.found_flying", "blocked finding.found_armed"} & set(between)
    if running:
        assert "connected" not in between
        assert not any(line.startswith("phase") for line in between)
    elif between:
        assert any("refused" in line for line in between), between
    claimed = bool(list((farm / "launches").glob("*")))
    refusal = "error.launch_done" if claimed else "error.launch_not_confirmed"
    assert after[-2].startswith(f"refused {refusal}"), after
    found = {line.removeprefix("found ") for line in after if line.startswith("found")}
    if "event.landed" in before:
        return
    if "event.took_off" in before:
        assert {"finding.broken_off", "finding.found_standing"} <= found
    elif "event.armed" in before:
        assert {"finding.broken_off", "finding.broken_off_ground"} & found
    if "spraying" in before:
        assert "finding.rest_left" in found
    assert found <= {line.removeprefix("briefed ") for line in after if line.startswith("briefed")}


def frames(path: Path) -> Counter[str]:
    """How many messages of each kind a telemetry log holds, read as other programs read it."""
    log = mavutil.mavlink_connection(str(path))
    count: Counter[str] = Counter()
    while (message := log.recv_msg()) is not None:
        count[message.get_type()] += 1
    log.close()
    return count


def arm_orders(path: Path) -> list[float]:
    """When an order to arm went out for the first time."""
    log = mavutil.mavlink_connection(str(path))
    found = []
    while (message := log.recv_msg()) is not None:
        order = message.get_type() == "COMMAND_LONG" and message.command == 400
        if order and message.param1 == 1.0 and message.confirmation == 0:
            found.append(message._timestamp)
    log.close()
    return found


@pytest.mark.parametrize("stage", STAGES)
def test_a_flight_whose_program_is_killed_ends_at_home_and_is_not_repeated(
    flier: Nursery, template: Path, stage: str
) -> None:
    kill_and_check(flier, template, stage, 1)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_two_hundred_flights_whose_program_is_killed_all_end_at_home(
    flier: Nursery, template: Path, part: int, record_property: Callable[[str, object], None]
) -> None:
    stages = list(STAGES)
    for number in range(part, ROUNDS, PARTS):
        stage = stages[number % len(stages)]
        died, outcome = kill_and_check(flier, template, stage, 1000 + number)
        record_property(f"round {number}", f"{stage}, died in {died}, flight {outcome}")
    record_property("flights_killed", len(range(part, ROUNDS, PARTS)))
