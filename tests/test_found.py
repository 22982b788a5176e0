"""What a start finds: flights broken off before it, told by the record and by the aircraft."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agri.cli import main
from agri.errors import Refused
from agri.findings import Severity
from agri.geo import LonLat
from agri.operations.found import as_it_stands, broken_off, how_it_ended, unseen
from agri.operations.mission_files import load_plan
from agri.operations.sorties import resume_flight
from agri.track import Event
from agri.words import Message
from agri.workspace import FlightLog, Launch, PlanRecord, StoredFlight, Workspace
from missions.flightplan import FlightPlan, job_of
from missions.formats.document import write_document
from missions.wire.telemetry import CopterMode, Telemetry
from tests import farms, spray_flown
from tests.flights_killed import PLAN as SPRAYING
from tests.flights_killed import make_farm

PLAN = spray_flown.plan()
START = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
"""9:00 in Vietnam."""


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        yield workspace


def begin(farm: Workspace, plan: FlightPlan = PLAN, *, simulated: bool = False,
          started: datetime = START) -> FlightLog:  # fmt: skip
    path = farms.plan(plan.name).path
    record = PlanRecord(name=plan.name, kind="spray", digest=plan.digest, created_utc=START,
                        path=path)  # fmt: skip
    stored = farm.save_plan(record, write_document(plan))
    log = farm.begin_flight(plan_name=plan.name, plan_digest=plan.digest, vehicle="copter",
                            mission_uid=stored.uid, started_utc=started)  # fmt: skip
    parameters = (("FS_GCS_TIMEOUT", 8.0),)
    log.launched(Launch(parameters=parameters, findings=(), simulated=simulated))
    log.event(Event(0.0, Message.of("event.armed")))
    return log


def fly_to(log: FlightLog, east_m: float, *, height_m: float = 5.0) -> None:
    """Fly the first swath, with the pump on from its beginning, as far as `east_m`."""
    north = spray_flown.NORTHS[0]
    for second in range(61):
        east = second * east_m / 60.0
        on = 1.0 if east > spray_flown.FIELD[0] else 0.0
        log.position(time_s=float(second), place=spray_flown.FRAME.place(east, north),
                     height_m=height_m, speed_m_s=5.0, battery_pct=80.0,
                     pump_share=0.5 * on)  # fmt: skip


def only_flight(farm: Workspace) -> StoredFlight:
    (flight,) = farm.flights()
    return flight


def keys(found: tuple[Any, ...]) -> list[str]:
    for finding in found:
        assert finding.text("vi")
        assert "{" not in finding.text("en")
    return [finding.key for finding in found]


def test_a_farm_in_which_all_ended_well_tells_nothing(farm: Workspace) -> None:
    assert broken_off(farm, PLAN, simulated=False) == ()
    farm.save_flight(farms.flight())
    assert broken_off(farm, PLAN, simulated=False) == ()


def test_a_flight_broken_off_is_told_with_place_and_hour_and_its_rest_offered(
    farm: Workspace,
) -> None:
    log = begin(farm)
    fly_to(log, 100.0)
    log.close()
    found = broken_off(farm, PLAN, simulated=False)
    assert keys(found) == ["finding.broken_off", "finding.rest_left"]
    said = found[0].text("en")
    assert "09:01:00 24/11/2026" in said
    assert "5 m up and 100 m from" in said
    assert f"agri resume {log.uid[:8]}" in found[1].text("vi")
    assert all(finding.severity is Severity.WARNING for finding in found)


def test_another_plan_is_told_of_it_too_but_not_of_its_rest(farm: Workspace) -> None:
    log = begin(farm)
    fly_to(log, 100.0)
    log.close()
    other = replace(PLAN, name="Khác", items=PLAN.items[:-6] + PLAN.items[-1:])
    assert keys(broken_off(farm, other, simulated=False)) == ["finding.broken_off"]
    assert keys(broken_off(farm, None, simulated=False)) == ["finding.broken_off"]


def test_a_launch_broken_off_on_the_ground_is_told_as_that(farm: Workspace) -> None:
    log = begin(farm)
    log.close()
    assert keys(broken_off(farm, PLAN, simulated=False)) == ["finding.broken_off_ground"]
    fly_to(log := begin(farm, started=START.replace(hour=3)), 3.0, height_m=0.2)
    log.close()
    assert keys(how_it_ended(farm, farm.flights()[0])) == ["finding.broken_off_ground"]


def test_once_closed_it_is_told_to_its_own_plan_alone(farm: Workspace) -> None:
    log = begin(farm)
    fly_to(log, 100.0)
    log.close()
    farm.recover()
    assert keys(broken_off(farm, PLAN, simulated=False)) == [
        "finding.flight_lost", "finding.rest_left",
    ]  # fmt: skip
    assert broken_off(farm, None, simulated=False) == ()


def test_only_the_newest_flight_of_a_plan_speaks_for_it(farm: Workspace) -> None:
    log = begin(farm)
    fly_to(log, 100.0)
    log.close()
    farm.recover()
    whole = begin(farm, started=START.replace(hour=3))
    whole.finish(replace(farms.flight(plan_name=PLAN.name), plan_digest=PLAN.digest,
                         started_utc=START.replace(hour=3)))  # fmt: skip
    assert keys(broken_off(farm, PLAN, simulated=False)) == ["finding.flown_already"]


def test_rehearsals_and_real_flights_do_not_speak_for_each_other(farm: Workspace) -> None:
    log = begin(farm, simulated=True)
    fly_to(log, 100.0)
    log.close()
    assert broken_off(farm, PLAN, simulated=False) == ()
    assert "finding.broken_off" in keys(broken_off(farm, PLAN, simulated=True))


def test_a_flight_that_goes_on_is_not_broken_off_and_its_rest_is_not_planned(
    farm: Workspace,
) -> None:
    log = begin(farm)
    fly_to(log, 100.0)
    assert broken_off(farm, PLAN, simulated=False) == ()
    with pytest.raises(Refused) as refused:
        resume_flight(farm, log.uid, overlap_m=0.0, language="vi", now=START)
    assert refused.value.message.key == "error.resume_flying"
    log.close()


def test_a_record_that_cannot_be_read_is_told_and_stops_nobody(farm: Workspace) -> None:
    log = begin(farm)
    log.close()
    (farm.flight_folder(only_flight(farm)) / "track.jsonl").write_text("spoiled")
    assert keys(broken_off(farm, PLAN, simulated=False)) == ["finding.file"]


def test_what_was_sprayed_after_the_record_ended_is_reckoned_by_the_failsafe(
    farm: Workspace,
) -> None:
    log = begin(farm)
    fly_to(log, 100.0)
    log.close()
    flight = only_flight(farm)
    (found,) = unseen(farm, flight, farm.load_flight(flight.uid), PLAN)
    assert dict(found.message.values) == {"seconds": 8.0, "length_m": 40.0}
    landed = begin(farm, started=START.replace(hour=3))
    fly_to(landed, 100.0, height_m=0.0)
    landed.close()
    last = farm.flights()[0]
    assert unseen(farm, last, farm.load_flight(last.uid), PLAN) == ()
    assert unseen(farm, replace(flight, source="log"), farm.load_flight(flight.uid), PLAN) == ()


class Quiet:
    """An aircraft as a link tells it; what is asked of it is remembered."""

    def __init__(self, **seen: Any) -> None:
        self.seen = Telemetry(heartbeats=1, **seen)
        self.asked: list[int] = []

    def telemetry(self) -> Telemetry:
        return self.seen

    def request(self, message: int) -> None:
        self.asked.append(message)

    def wait(self, condition: Any, *_: Any) -> None:
        condition()


@pytest.mark.parametrize(
    ("seen", "key"),
    [
        ({"armed": False}, "finding.found_standing"),
        ({"armed": True, "height_m": 0.1, "place": PLAN.home}, "finding.found_armed"),
        ({"armed": True, "height_m": 12.0, "place": PLAN.home}, "finding.found_flying"),
        ({"armed": True}, "finding.found_flying"),
    ],
)
def test_an_aircraft_is_told_as_it_stands_and_given_no_order(
    seen: dict[str, Any], key: str
) -> None:
    aircraft = Quiet(mode=CopterMode.AUTO, **seen)
    found = as_it_stands(aircraft, PLAN)  # type: ignore[arg-type]
    assert keys((found,)) == [key]
    assert (found.severity is Severity.ERROR) == aircraft.seen.armed
    assert set(aircraft.asked) <= {1, 33, 42}


# ---- at the terminal


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A planned farm whose rehearsal was broken off at the end of the first swath."""
    folder = make_farm(tmp_path)
    plan, record = load_plan(SPRAYING, folder)
    assert record is not None
    start, *_, end = job_of(plan).passes[0].places
    with Workspace.open(folder) as farm:
        log = farm.begin_flight(plan_name=plan.name, plan_digest=plan.digest, vehicle="copter",
                                mission_uid=record.uid)  # fmt: skip
        log.launched(Launch(parameters=(), findings=(), simulated=True))
        for second in range(31):
            share = second / 30.0
            place = LonLat(
                lon_deg=start.lon_deg + share * (end.lon_deg - start.lon_deg),
                lat_deg=start.lat_deg + share * (end.lat_deg - start.lat_deg),
            )
            log.position(time_s=second / 4.0, place=place, height_m=2.5, speed_m_s=6.0,
                         battery_pct=80.0, pump_share=0.4)  # fmt: skip
        log.close()
    return folder


@pytest.mark.parametrize("wanted", [True, False])
def test_at_the_terminal_the_rest_is_offered_and_a_no_goes_on_to_the_whole_plan(
    broken: Path, wanted: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def ask(key: str) -> bool:
        asked.append(key)
        return wanted and key == "cli.ask_rest"

    monkeypatch.setattr("agri.cli.show.ask", ask)
    monkeypatch.setattr("agri.cli.pilot.ask", ask)
    code = main(["--lang", "en", "fly", SPRAYING, "--connect", "sim", "--farm", str(broken)])
    out = capsys.readouterr().out
    assert "was broken off when agri ended" in out
    with Workspace.open(broken) as farm:
        names = [plan.name for plan in farm.plans()]
        assert [flight.outcome for flight in farm.flights()] == ["unfinished"]
    if wanted:
        assert (code, asked) == (0, ["cli.ask_rest"])
        assert len(names) == 2
        assert "Nothing has been launched" in out
    else:
        assert asked[0] == "cli.ask_rest"
        assert "cli.ask_arm" in asked or "cli.ask_set" in asked
        assert code == 1
        assert names == [SPRAYING]
        assert "found standing with its motors off" in out
