"""No flight of a real aircraft without papers, weather and a written yes; a simulated one is free.

A real address is played by the embedded simulator, named by its port instead of by its word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agri import audit
from agri.errors import BadInput, Refused
from agri.findings import Severity, blocks
from agri.operations.clearance import Launcher, judge_launch, parameters_digest
from agri.operations.fly import Pilot, fly_plan
from agri.papers import circle
from agri.weather import Weather, Wind
from agri.web.pages import findings_shown
from agri.workspace import Workspace
from missions.flight.briefing import Blocked, Briefing
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.wire.commands import Parameter
from sitl.simulator import Simulator
from tests import flights, spraying
from tests.papers import LICENCE, PERMIT, REGISTRATION, add_papers

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
"""9:00 in Vietnam."""
FLYER = Launcher(pilot=LICENCE.holder)
PLAN = replace(flights.small_plan(), survey=None)


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại") as workspace:
        add_papers(workspace, circle(PLAN.home, 3_000.0), NOW)
        yield workspace


UNKNOWN_AROUND = "finding.no_obstacles_known"


def keys(
    farm: Workspace, plan: FlightPlan, launcher: Launcher = FLYER, *, simulated: bool = False,
    now: datetime = NOW,
) -> dict[str, Severity]:  # fmt: skip
    found = judge_launch(farm, plan, launcher, now=now, simulated=simulated)
    for finding in found:
        assert finding.text("vi")
        assert finding.text("en")
    return {finding.key: finding.severity for finding in found}


# ---- what is judged


def test_papers_that_hold_let_a_real_flight_go(farm: Workspace) -> None:
    found = keys(farm, PLAN)
    assert found["finding.permit_covers"] is Severity.INFO
    assert Severity.ERROR not in found.values()


def test_a_real_flight_is_somebodys(farm: Workspace) -> None:
    with pytest.raises(BadInput, match="--pilot"):
        judge_launch(farm, PLAN, Launcher(pilot=" "), now=NOW, simulated=False)


def test_each_paper_that_is_missing_blocks(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        found = keys(bare, PLAN)
    assert list(found.values()).count(Severity.ERROR) == 4


def test_a_permit_that_is_over_and_a_stranger_at_the_stick_block(farm: Workspace) -> None:
    late = keys(farm, PLAN, now=NOW + timedelta(days=120))
    assert late["finding.permit_ended"] is Severity.ERROR
    assert Severity.ERROR in keys(farm, PLAN, Launcher(pilot="Người lạ")).values()
    assert Severity.ERROR in keys(farm, PLAN, replace(FLYER, aircraft="Máy lạ")).values()
    assert Severity.ERROR in keys(farm, replace(PLAN, ceiling_m=80.0)).values()


def test_a_paper_that_nobody_entered_is_never_ticked_as_checked(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        found = judge_launch(bare, PLAN, FLYER, now=NOW, simulated=True)
    worries, notes, passed = findings_shown(found, "vi")
    assert (worries, passed) == ([], [])
    assert any("chưa nhập giấy phép bay nào" in text for _, _, text, _, _ in notes)
    assert {symbol for _, symbol, _, _, _ in notes} == {"·"}


def test_papers_that_cover_a_flight_are_ticked(farm: Workspace) -> None:
    found = judge_launch(farm, PLAN, FLYER, now=NOW, simulated=False)
    ticked = {finding.key for finding in found if finding.symbol == "✓"}
    assert ticked == {"finding.permit_covers", "finding.map_clear"}


def test_a_launch_where_nothing_around_was_entered_is_warned_of_it(farm: Workspace) -> None:
    assert PLAN.site is not None
    bare = replace(PLAN, site=replace(PLAN.site, obstacles=()))
    for simulated in (False, True):
        assert keys(farm, bare, simulated=simulated)[UNKNOWN_AROUND] is Severity.WARNING
        assert UNKNOWN_AROUND not in keys(farm, PLAN, simulated=simulated)


def test_of_a_simulated_flight_all_is_information(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        assert keys(bare, PLAN, Launcher(), simulated=True) == {
            "finding.obstacles_known": Severity.INFO,
            "finding.simulated_papers": Severity.INFO,
        }
        told = keys(bare, PLAN, FLYER, simulated=True)
        stormy = replace(FLYER, weather=Weather(wind=Wind(speed_m_s=9.0), time_utc=NOW))
        sprayed = keys(bare, spraying.PLAN, stormy, simulated=True)
    assert "finding.permit_missing" in told
    assert "finding.spray_wind_stop" in sprayed
    assert sprayed.pop(UNKNOWN_AROUND) is Severity.WARNING
    assert set(told.values()) | set(sprayed.values()) == {Severity.INFO}


def test_a_spraying_is_told_that_its_weather_is_missing_and_stopped_by_a_bad_one(
    farm: Workspace,
) -> None:
    plan = spraying.PLAN
    assert keys(farm, plan)["finding.weather_not_entered"] is Severity.WARNING
    assert "finding.weather_not_entered" not in keys(farm, PLAN)
    for weather, key in (
        (Weather(wind=Wind(speed_m_s=9.0), time_utc=NOW), "finding.spray_wind_stop"),
        (Weather(temperature_c=39.0, time_utc=NOW), "finding.spray_hot"),
    ):
        assert keys(farm, plan, replace(FLYER, weather=weather))[key] is Severity.ERROR


def test_a_digest_of_parameters_tells_every_change_and_no_order() -> None:
    some = [Parameter("A", 1.0), Parameter("B", None), Parameter("C", 0.1)]
    assert parameters_digest(some) == parameters_digest(reversed(some))
    for changed in (some[:2], [*some[:2], Parameter("C", 0.2)], [*some, Parameter("D", None)]):
        assert parameters_digest(changed) != parameters_digest(some)


# ---- what is done


class Person:
    """Says yes to all, and remembers what it was asked and what stood in the record then."""

    def __init__(self, farm: Workspace, *, arms: bool = True) -> None:
        self.farm, self.arms = farm, arms
        self.link: Link | None = None
        self.briefing: Briefing | None = None

    def on_link(self, link: Link) -> None:
        self.link = link

    def may_arm(self, briefing: Briefing) -> bool:
        self.briefing = briefing
        return self.arms

    @property
    def pilot(self) -> Pilot:
        return Pilot(may_set=lambda _: True, may_arm=self.may_arm, on_link=self.on_link,
                     on_progress=lambda _: None)  # fmt: skip


def kinds(farm: Workspace) -> list[str]:
    seen = audit.verify(farm.folder)
    assert seen.whole
    return [entry.kind for entry in seen.entries]


@pytest.fixture
def aircraft() -> Iterator[Simulator]:
    with Simulator(PLAN.home, speedup=10.0, ready_after_s=5.0,
                   parameters={"CAM1_TYPE": 1.0, "FS_GCS_TIMEOUT": 60.0}) as flown:  # fmt: skip
        yield flown


def fly_real(farm: Workspace, aircraft: Simulator, person: Person, **more: object) -> None:
    fly_plan(farm, PLAN, None, connect=aircraft.url, pilot=person.pilot, language="vi", now=NOW,
             **{"launcher": FLYER, "clock": lambda: NOW, **more})  # type: ignore[arg-type] # fmt: skip


def armed(aircraft: Simulator) -> bool:
    with Link.connect(aircraft.url, deadline_s=30.0) as link:
        return link.telemetry().armed


def test_a_real_flight_stands_in_the_record_before_it_flies(
    farm: Workspace, aircraft: Simulator
) -> None:
    person = Person(farm)
    fly_real(farm, aircraft, person)
    assert kinds(farm) == ["parameters_confirmed", "launch_confirmed"]
    setting, launch = audit.verify(farm.folder).entries
    assert person.briefing is not None
    shown = person.briefing.findings
    assert "finding.permit_covers" in [finding.key for finding in shown]
    assert (launch.who, launch.at_utc) == (LICENCE.holder, NOW)
    assert launch.what.plan_digest == PLAN.digest
    assert launch.what.permit == PERMIT.number
    assert launch.what.aircraft == REGISTRATION.aircraft
    assert launch.what.parameters_digest == parameters_digest(person.briefing.parameters)
    assert set(launch.what.findings) == {
        finding.key for finding in shown if finding.severity is Severity.WARNING
    }
    assert launch.what.note.startswith("token ")
    assert "FENCE_ENABLE=1" in setting.what.note
    assert [flight.outcome for flight in farm.flights()] == ["landed"]


def test_a_record_that_cannot_be_written_keeps_the_aircraft_as_it_is(
    farm: Workspace, aircraft: Simulator
) -> None:
    audit.append(farm.folder, kind="looked", who="x", at_utc=NOW)
    (farm.folder / audit.FILE).write_bytes(b"spoiled\n")
    person = Person(farm)
    with pytest.raises(Refused) as refused:
        fly_real(farm, aircraft, person)
    assert refused.value.message.key == "error.launch_unrecorded"
    assert person.briefing is None
    with Link.connect(aircraft.url, deadline_s=30.0) as link:
        assert link.read_parameters(["FENCE_ENABLE"])[0].value == 0.0
        assert not link.telemetry().armed
    assert not farm.flights()


def test_a_record_that_breaks_at_the_yes_arms_nothing(farm: Workspace, aircraft: Simulator) -> None:
    person = Person(farm)

    def may_arm(_: Briefing) -> bool:
        (farm.folder / audit.FILE).write_bytes(b"spoiled\n")
        return True

    person.may_arm = may_arm  # type: ignore[method-assign]
    with pytest.raises(Refused) as refused:
        fly_real(farm, aircraft, person)
    assert refused.value.message.key == "error.launch_unrecorded"
    assert not armed(aircraft)
    assert not farm.flights()


def test_papers_that_end_while_the_person_looks_arm_nothing(
    farm: Workspace, aircraft: Simulator
) -> None:
    person, late = Person(farm), NOW + timedelta(days=120)
    with pytest.raises(Blocked) as blocked:
        fly_real(farm, aircraft, person, clock=lambda: late if person.briefing else NOW)
    assert "finding.permit_ended" in [finding.key for finding in blocked.value.findings]
    assert not armed(aircraft)
    assert kinds(farm) == ["parameters_confirmed"]


def test_without_papers_a_real_aircraft_is_not_even_called(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        person = Person(bare)
        with pytest.raises(Blocked) as blocked:
            fly_plan(bare, PLAN, None, connect="udp:127.0.0.1:9", pilot=person.pilot,
                     language="vi", now=NOW, launcher=FLYER, clock=lambda: NOW)  # fmt: skip
        assert person.link is None
        assert blocks(blocked.value.findings)
        assert kinds(bare) == []


def test_a_simulated_flight_without_papers_flies_and_writes_no_yes(tmp_path: Path) -> None:
    with Workspace.create(tmp_path / "bare", farm_name="Trại") as bare:
        person = Person(bare)
        flown = fly_plan(bare, PLAN, None, connect="sim", pilot=person.pilot, language="vi",
                         now=NOW, launcher=FLYER, speedup=60.0)  # fmt: skip
        assert flown.stored.outcome == "landed"
        told = {finding.key: finding.severity for finding in flown.findings}
        assert told["finding.simulated_papers"] is Severity.INFO
        assert told["finding.permit_missing"] is Severity.INFO
        assert kinds(bare) == []
