"""A registered aircraft is known by its autopilot; another one never flies under its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agri import audit
from agri.errors import BadInput, NotFound, Refused
from agri.findings import Finding, Severity
from agri.operations.clearance import Launcher
from agri.operations.fly import fly_plan
from agri.operations.recognition import recognise
from agri.papers import Registration, circle
from agri.workspace import Workspace
from missions.flight.briefing import Blocked, Briefing
from missions.link.link import Link
from missions.wire.sightings import VehicleIdentity
from sitl.firmware import Firmware
from sitl.simulator import Simulator
from tests import flights
from tests.farms import edit
from tests.papers import LICENCE, REGISTRATION, add_papers
from tests.test_ardupilot_link import real_copter
from tests.test_clearance import Person

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
PLAN = replace(flights.small_plan(), survey=None)
FLYER = Launcher(pilot=LICENCE.holder, aircraft=REGISTRATION.aircraft)
BOARD, OTHER_BOARD = "3a0025000f51383132", "3a0025000f51383133"
SECOND = replace(REGISTRATION, aircraft="Máy phun 2", number="QN-0013", serial="A78")


def told(system: int = 1, board: str = BOARD) -> VehicleIdentity:
    return VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0", system=system, uid=board)


def judged(
    identity: VehicleIdentity, *papers: Registration, name: str = "máy phun 1"
) -> Finding | None:
    found = recognise(papers, name, identity)
    assert len(found) <= 1
    assert all(finding.text("vi") and finding.text("en") for finding in found)
    return found[0] if found else None


# ---- what is judged

KNOWN = replace(REGISTRATION, system=1, board=BOARD)


@pytest.mark.parametrize(
    ("identity", "paper", "key", "severity"),
    [
        (told(), KNOWN, "finding.aircraft_known", Severity.INFO),
        (told(system=2), KNOWN, "finding.aircraft_wrong", Severity.ERROR),
        (told(board=OTHER_BOARD), KNOWN, "finding.aircraft_wrong", Severity.ERROR),
        (told(board=""), KNOWN, "finding.aircraft_wrong", Severity.ERROR),
        (told(), REGISTRATION, "finding.aircraft_first", Severity.WARNING),
        (told(), replace(KNOWN, board=""), "finding.aircraft_first", Severity.WARNING),
        (told(2), replace(KNOWN, board=""), "finding.aircraft_wrong", Severity.ERROR),
        (told(board=""), replace(KNOWN, board=""), "finding.aircraft_known", Severity.INFO),
    ],
)
def test_an_aircraft_is_known_new_or_another(
    identity: VehicleIdentity, paper: Registration, key: str, severity: Severity
) -> None:
    found = judged(identity, paper)
    assert found is not None
    assert (found.key, found.severity) == (key, severity)


def test_the_wrong_aircraft_is_told_with_both() -> None:
    wrong = judged(told(system=9, board=OTHER_BOARD), KNOWN)
    assert wrong is not None
    for part in (KNOWN.aircraft, BOARD, OTHER_BOARD, "9"):
        assert part in wrong.text("en")
    other = judged(told(board=OTHER_BOARD), KNOWN, replace(SECOND, system=1, board=OTHER_BOARD))
    assert other is not None
    assert other.key == "finding.aircraft_other"
    assert other.severity is Severity.ERROR
    assert KNOWN.aircraft in other.text("vi")
    assert SECOND.aircraft in other.text("vi")


def test_a_known_aircraft_is_not_taken_for_another_at_that_ones_first_launch() -> None:
    found = judged(told(), KNOWN, SECOND, name="máy phun 2")
    assert found is not None
    assert found.key == "finding.aircraft_other"


def test_of_an_aircraft_without_registration_the_papers_tell() -> None:
    assert judged(told(), KNOWN, name="máy lạ") is None


@pytest.mark.parametrize("system", [-1, 256])
def test_a_number_that_no_aircraft_has_is_refused(system: int) -> None:
    with pytest.raises(BadInput):
        replace(REGISTRATION, system=system)


# ---- what is kept


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no aircraft be known to be simulated."""
    monkeypatch.setattr(Link, "is_simulation", lambda _: False)


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        add_papers(workspace, circle(PLAN.home, 3_000.0), NOW)
        yield workspace


def paper_of(farm: Workspace) -> Registration:
    return farm.papers.read()[0].registrations[0]


def test_what_an_autopilot_told_is_kept_once_and_never_changed(farm: Workspace) -> None:
    before = paper_of(farm)
    farm.papers.keep_autopilot(before.uid, system=7, board=BOARD)
    for _ in range(2):
        kept = farm.papers.keep_autopilot(before.uid, system=7, board=BOARD)
        assert paper_of(farm) == kept == replace(before, system=7, board=BOARD)
    for system, board in ((8, BOARD), (7, OTHER_BOARD), (7, "")):
        with pytest.raises(Refused):
            farm.papers.keep_autopilot(before.uid, system=system, board=board)
    with pytest.raises(NotFound):
        farm.papers.keep_autopilot("none", system=1, board="")
    assert paper_of(farm) == kept
    assert farm.check() == []


@pytest.mark.parametrize("value", ["'x'", "-3", "999"])
def test_a_number_spoilt_elsewhere_makes_the_registration_missing(
    farm: Workspace, value: str
) -> None:
    edit(farm, f"UPDATE registrations SET system = {value}")  # noqa: S608
    papers, findings = farm.papers.read()
    assert papers.registrations == ()
    assert [finding.severity for finding in findings] == [Severity.WARNING]


# ---- what is done


def fly(farm: Workspace, url: str, person: Person) -> None:
    fly_plan(farm, PLAN, None, connect=url, pilot=person.pilot, language="vi", now=NOW,
             launcher=FLYER, clock=lambda: NOW)  # fmt: skip


def looked(farm: Workspace, url: str) -> Person:
    """Go as far as the question whether to arm, and say no."""
    person = Person(farm, arms=False)
    with pytest.raises(Refused) as refused:
        fly(farm, url, person)
    if person.briefing is None:
        raise refused.value
    return person


def seen(person: Person) -> list[str]:
    assert person.briefing is not None
    return [f.key for f in person.briefing.findings if f.key.startswith("finding.aircraft_")]


def simulated(system: int = 1, board: str = BOARD) -> Simulator:
    fitted = {"CAM1_TYPE": 1.0, "FS_GCS_TIMEOUT": 60.0, "SYSID_THISMAV": float(system)}
    return Simulator(PLAN.home, speedup=10.0, ready_after_s=4.0, parameters=fitted,
                     firmware=Firmware(board=board))  # fmt: skip


@pytest.mark.usefixtures("real")
def test_the_first_launch_keeps_the_aircraft_with_a_yes_and_a_line_in_the_record(
    farm: Workspace,
) -> None:
    with simulated() as aircraft:
        assert seen(looked(farm, aircraft.url)) == ["finding.aircraft_first"]
        assert paper_of(farm).system == 0, "a no keeps nothing"
        kinds = [entry.kind for entry in audit.verify(farm.folder).entries]
        assert "aircraft_kept" not in kinds
        person = Person(farm)
        fly(farm, aircraft.url, person)
        assert (paper_of(farm).system, paper_of(farm).board) == (1, BOARD)
        record = audit.verify(farm.folder)
        assert record.whole
        kept, launch = record.entries[-2:]
        assert (kept.kind, launch.kind) == ("aircraft_kept", "launch_confirmed")
        assert kept.who == LICENCE.holder
        assert BOARD in kept.what.note
        assert "finding.aircraft_first" in launch.what.findings
    assert [flight.outcome for flight in farm.flights()] == ["landed"]
    with simulated() as again:
        assert seen(looked(farm, again.url)) == ["finding.aircraft_known"]


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize(("system", "board"), [(2, BOARD), (1, OTHER_BOARD), (1, "")])
def test_another_aircraft_is_refused_and_nothing_on_it_is_set(
    farm: Workspace, system: int, board: str
) -> None:
    farm.papers.keep_autopilot(paper_of(farm).uid, system=1, board=BOARD)
    with simulated(system, board) as aircraft:
        with pytest.raises(Blocked) as blocked:
            looked(farm, aircraft.url)
        assert "finding.aircraft_wrong" in [finding.key for finding in blocked.value.findings]
        with Link.connect(aircraft.url) as link:
            assert link.read_parameters(["FENCE_ENABLE"])[0].value == 0.0
            assert not link.telemetry().armed
    assert not audit.verify(farm.folder).entries


def test_a_rehearsal_at_an_address_is_neither_refused_nor_kept(farm: Workspace) -> None:
    farm.papers.keep_autopilot(paper_of(farm).uid, system=1, board=BOARD)
    with simulated(board=OTHER_BOARD) as aircraft:
        assert seen(looked(farm, aircraft.url)) == []
    assert paper_of(farm).board == BOARD


@pytest.mark.usefixtures("real")
def test_two_who_meet_an_aircraft_first_at_once_do_not_both_have_it(farm: Workspace) -> None:
    """The second finds another board kept when its yes comes, and arms nothing."""
    with simulated() as aircraft:
        person = Person(farm)

        def may_arm(briefing: Briefing) -> bool:
            farm.papers.keep_autopilot(paper_of(farm).uid, system=5, board=OTHER_BOARD)
            return bool(briefing)

        person.may_arm = may_arm  # type: ignore[method-assign]
        with pytest.raises(Refused) as refused:
            fly(farm, aircraft.url, person)
        assert refused.value.message.key == "error.autopilot_kept"
        with Link.connect(aircraft.url) as link:
            assert not link.telemetry().armed
    assert paper_of(farm).board == OTHER_BOARD
    assert not farm.flights()


@pytest.mark.ardupilot
def test_a_real_autopilot_is_known_again_by_its_number_and_board(farm: Workspace) -> None:
    boards = []
    for _ in range(2):
        with real_copter() as copter, Link.connect(copter.url) as link:
            boards.append(link.identify())
    first, again = boards
    assert first.uid
    kept = farm.papers.keep_autopilot(paper_of(farm).uid, system=first.system, board=first.uid)
    found = judged(again, kept)
    assert found is not None
    assert found.key == "finding.aircraft_known"
