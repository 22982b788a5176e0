"""What left the tank against what its pump was told: nozzles that nobody aboard can see."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.cli import main
from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding, Severity
from agri.operations.applied import map_flight
from agri.operations.sorties import resume_flight
from agri.operations.spray import SprayRequest, plan_job
from agri.operations.tank import TankRead, last_flow_findings
from agri.track import TankReading
from agri.words import say
from agri.workspace import StoredFlight, Workspace
from missions.applied.balance import OFF, READING_L, TankBalance, balance_findings
from missions.flight.phases import Phase, Read
from missions.flight.steps import begin, step
from missions.flightplan import FlightPlan
from missions.sprayer.gear import PumpPoint
from sitl.faults import FaultKind
from sitl.scenarios import Breaks
from tests import farms
from tests import spray_flown as spraying
from tests.scenario_flights import Embedded, Watcher
from tests.scenario_flights import plan as flown_plan

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


def keys(filled: float, left: float, pumped: float, unheard: float = 0.0) -> list[str]:
    tank = TankReading(filled_l=filled, left_l=left)
    balance = TankBalance(tank=tank, pumped_l=pumped, unheard_l=unheard)
    return [finding.key for finding in balance_findings(balance, 4)]


@given(st.floats(2.5, 40.0), st.floats(-0.99, 0.99))
def test_a_tenth_and_the_reading_of_the_marks_are_forgiven(pumped, share):
    off_l = share * max(OFF * pumped, READING_L)
    assert keys(100.0, 100.0 - pumped - off_l, pumped) == []


@given(st.floats(2.5, 40.0), st.floats(1.01, 5.0))
def test_more_than_a_tenth_is_told_either_way(pumped, times):
    off_l = min(times * OFF, 0.9) * pumped
    assert keys(100.0, 100.0 - pumped + off_l, pumped) == ["finding.flow_low"]
    assert keys(100.0, 100.0 - pumped - off_l, pumped) == ["finding.flow_high"]


def test_a_little_sprayed_tells_nothing_of_nozzles():
    assert keys(10.0, 9.81, 0.0) == []
    assert keys(10.0, 9.9, 0.25) == []
    assert keys(10.0, 9.5, 0.0) == ["finding.flow_high"]


def test_what_may_have_gone_out_unheard_is_no_leak():
    assert keys(10.0, 2.0, 5.0) == ["finding.flow_high"]
    assert keys(10.0, 2.0, 5.0, unheard=2.9) == []
    assert keys(10.0, 7.0, 5.0, unheard=2.9) == ["finding.flow_low"]


@pytest.mark.parametrize(
    ("filled", "left"), [(10.0, 10.1), (10.0, -0.1), (float("nan"), 1.0), (10.0, float("inf"))]
)
def test_impossible_readings_are_refused(filled, left):
    with pytest.raises(BadInput):
        TankReading(filled_l=filled, left_l=left)


@pytest.mark.parametrize("litres", [-0.1, float("nan"), float("inf")])
def test_impossible_litres_of_a_pump_are_refused(litres):
    tank = TankReading(filled_l=10.0, left_l=4.0)
    with pytest.raises(BadInput):
        TankBalance(tank=tank, pumped_l=litres)
    with pytest.raises(BadInput):
        TankBalance(tank=tank, pumped_l=1.0, unheard_l=litres)


def test_the_finding_names_nozzles_and_filter_in_both_languages():
    balance = TankBalance(tank=TankReading(filled_l=10.0, left_l=6.4), pumped_l=7.2)
    (found,) = balance_findings(balance, 4)
    assert found.severity is Severity.WARNING
    assert "50 %" in found.text("en")
    assert "4 nozzles" in found.text("en")
    assert "filter" in found.text("en")
    assert "4 béc" in found.text("vi")
    assert "lưới lọc" in found.text("vi")


@pytest.mark.parametrize(("blocked", "told"), [(0.0, []), (0.25, ["finding.flow_low"])])
def test_nozzles_blocked_on_the_embedded_vehicle_are_found_by_its_tank(blocked, told):
    """The watch counts the pump's curve; the vehicle's own tank is read before and after."""
    vehicle = Embedded()
    vehicle.copter.gear.tank_l = 10.0
    watcher = Watcher(vehicle, flown_plan())
    watcher.take_off()
    dice = random.Random(7)
    watcher.until(lambda: watcher.places and watcher.places[-1][1] > dice.uniform(8.0, 12.0))
    vehicle.breaks(Breaks(FaultKind.NOZZLES_BLOCKED, blocked))
    watcher.until(lambda: not watcher.armed)
    pumped_l = watcher.watched.spray.litres
    assert pumped_l > 2.0
    assert keys(10.0, vehicle.copter.gear.tank_l, pumped_l) == told


def test_every_spraying_is_told_that_nothing_measures_its_flow():
    def read(plan: FlightPlan) -> dict[str, Severity]:
        state = replace(begin(plan), phase=Phase.READ)
        return {f.key: f.severity for f in step(state, Read(()), 0.0)[0].findings}

    found = read(spraying.plan())
    assert found["finding.spray_flow_unmeasured"] is Severity.INFO
    assert "finding.spray_flow_unmeasured" not in read(replace(spraying.plan(), spray=None))


# ---- in the farm


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.create(tmp_path / "farm", farm_name="Trại", now=farms.ticking()) as workspace:
        yield workspace


def test_a_map_without_a_reading_says_how_to_give_one(farm):
    shown = map_flight(farm, spraying.kept_flight(farm, 6).uid, language="en")
    assert dict(shown.facts)["By the tank"].startswith("not measured")
    assert not {f.key for f in shown.findings} & {"finding.flow_low", "finding.flow_high"}


def test_a_map_with_a_reading_that_fits_says_so_and_one_that_does_not_names_the_nozzles(farm):
    uid = spraying.kept_flight(farm, 6).uid
    fits = map_flight(farm, uid, language="vi", tank=TankRead(left_l=2.8, filled_l=10.0))
    assert dict(fits.facts)[say("page.fact_tank", "vi")].startswith("đã ra 7,2 L")
    assert "finding.flow_low" not in {f.key for f in fits.findings}
    blocked = map_flight(farm, uid, language="vi", tank=TankRead(left_l=5.5, filled_l=10.0))
    assert blocked.findings[0].key == "finding.flow_low"
    assert "finding.applied_well" not in {f.key for f in blocked.findings}
    assert "béc phun" in blocked.page.read_text("utf-8")


def test_a_reading_is_kept_and_shown_again_until_another_takes_its_place(farm, capsys):
    uid, fact = spraying.kept_flight(farm, 6).uid, say("page.fact_tank", "en")
    asked = ["--lang", "en", "applied", uid, "--farm", str(farm.folder)]
    assert main([*asked, "--left", "5.5", "--filled", "10"]) == 0
    capsys.readouterr()
    assert main(asked) == 0
    again = " ".join(capsys.readouterr().out.split())
    assert "4.5 L went out, 5.5 L are left" in again
    assert "nozzles" in again
    shown = map_flight(farm, uid, language="en")
    assert dict(shown.facts)[fact].startswith("4.5 L went out")
    assert "4.5 L went out" in shown.page.read_text("utf-8")
    assert shown.findings[0].key == "finding.flow_low"
    map_flight(farm, uid, language="en", tank=TankRead(left_l=2.8, filled_l=10.0))
    later = map_flight(farm, uid, language="en")
    assert dict(later.facts)[fact].startswith("7.2 L went out, 2.8 L are left")
    assert "finding.flow_low" not in {f.key for f in later.findings}


def test_a_reading_that_cannot_be_leaves_the_one_kept_before(farm):
    flight = spraying.kept_flight(farm, 6)
    map_flight(farm, flight.uid, language="en", tank=TankRead(left_l=2.8, filled_l=10.0))
    before = farm.applied_of(flight)
    with pytest.raises(BadInput):
        map_flight(farm, flight.uid, language="en", tank=TankRead(left_l=12.0, filled_l=10.0))
    assert farm.applied_of(flight) == before


def test_a_tank_filled_as_the_card_says_is_kept_with_the_litres_of_the_card(farm):
    flight = spraying.kept_flight(farm, 6)
    map_flight(farm, flight.uid, language="en", tank=TankRead(left_l=0.5))
    kept = farm.applied_of(flight)
    assert kept is not None
    assert kept.tank == TankReading(filled_l=7.2, left_l=0.5)
    assert kept.flow_share == pytest.approx(6.7 / kept.litres)


# ---- the next job


def told_of(farm: Workspace, **sprayer: Any) -> list[tuple[str, int]]:
    found = last_flow_findings(farm, replace(spraying.SPRAYER, **sprayer))
    return [(f.key, round(dict(f.message.values)["pct"])) for f in found]


def read(farm: Workspace, flight: StoredFlight, left: float) -> None:
    map_flight(farm, flight.uid, language="en", tank=TankRead(left_l=left, filled_l=10.0))


def test_the_next_job_of_a_sprayer_hears_what_its_last_reading_told(farm):
    flight = spraying.kept_flight(farm, 6)
    assert told_of(farm) == []
    map_flight(farm, flight.uid, language="en")
    assert told_of(farm) == []
    read(farm, flight, 10.0 - 0.75 * 7.2)
    assert told_of(farm) == [("finding.last_flow_low", 25)]
    assert told_of(farm, name="Another") == []
    calibrated = (spraying.SPRAYER.pump[0], PumpPoint(output=1.0, flow_l_min=4.5))
    assert told_of(farm, pump=calibrated) == []
    read(farm, flight, 10.0 - 1.25 * 7.2)
    assert told_of(farm) == [("finding.last_flow_high", 25)]
    read(farm, flight, 2.8)
    assert told_of(farm) == []


def test_only_the_newest_reading_counts_and_flights_nobody_read_do_not(farm):
    old, new, unread = (spraying.kept_flight(farm, 6, days=days) for days in range(3))
    read(farm, old, 5.0)
    map_flight(farm, unread.uid, language="en")
    assert [key for key, _ in told_of(farm)] == ["finding.last_flow_low"]
    read(farm, new, 2.8)
    assert told_of(farm) == []
    read(farm, new, 5.0)
    read(farm, old, 2.8)
    assert [key for key, _ in told_of(farm)] == ["finding.last_flow_low"]


def test_the_next_job_hears_nothing_of_a_tank_that_only_a_simulator_emptied(farm):
    """Its pump is a model: what is read beside it tells nothing of the nozzles outside."""
    read(farm, spraying.kept_flight(farm, 6, simulated=True), 5.0)
    assert told_of(farm) == []
    read(farm, spraying.kept_flight(farm, 6, days=-1), 5.0)
    assert [key for key, _ in told_of(farm)] == ["finding.last_flow_low"]


def test_a_job_planned_after_blocked_nozzles_says_to_calibrate_first(farm):
    flight = spraying.kept_flight(farm, 6)
    plan = spraying.plan()
    assert plan.spray is not None
    farm.add_fields([Field(name="Ruộng", boundary=plan.spray.treatable)])
    request = SprayRequest(fields=("Ruộng",), sprayer=spraying.SPRAYER, product=spraying.PRODUCT,
                           rate_l_ha=20.0)  # fmt: skip

    def planned(name: str) -> dict[str, Finding]:
        job = plan_job(farm, replace(request, name=name), language="vi", now=NOW)
        return {f.key: f for f in job.findings}

    assert "finding.last_flow_low" not in planned("Trước")
    read(farm, flight, 10.0 - 0.75 * 7.2)
    found = planned("Sau")["finding.last_flow_low"]
    assert found.severity is Severity.WARNING
    assert "25 %" in found.text("vi")
    assert "béc phun" in found.text("vi")


def test_a_tank_filled_as_the_card_says_needs_only_what_is_left(farm):
    shown = map_flight(
        farm, spraying.kept_flight(farm, 6).uid, language="en", tank=TankRead(left_l=0.0)
    )
    assert "flow" not in " ".join(f.key for f in shown.findings)
    with pytest.raises(BadInput):
        map_flight(
            farm, spraying.kept_flight(farm, 6).uid, language="en", tank=TankRead(left_l=9.0)
        )


def test_the_rest_of_a_flight_is_filled_up_by_what_was_read_and_blocked_nozzles_are_named(farm):
    uid = spraying.kept_flight(farm, 3).uid
    tank = TankRead(left_l=6.0, filled_l=7.2)
    job = resume_flight(farm, uid, overlap_m=0.0, language="en", now=NOW, tank=tank)
    assert job is not None
    found = {finding.key: dict(finding.message.values) for finding in job.findings}
    assert "finding.flow_low" in found
    assert "finding.resume_tank" not in found
    refill = found["finding.resume_refill"]
    assert refill["litres"] == 6.0
    assert refill["missing"] == max(0.0, refill["needed"] - 6.0)


@pytest.mark.parametrize("simulated", [True, False])
def test_the_rest_of_a_rehearsal_is_told_to_be_for_the_simulator_alone(farm, simulated):
    """Flown in the field it would leave dry what only a simulator sprayed."""
    flight = spraying.kept_flight(farm, 3, simulated=simulated)
    job = resume_flight(farm, flight.uid, overlap_m=0.0, language="vi", now=NOW)
    assert job is not None
    told = [one for one in job.findings if one.key == "finding.rest_simulated"]
    assert [one.severity for one in told] == [Severity.WARNING] * simulated
    assert all(f"cả kế hoạch {flight.plan_name}" in one.text("vi") for one in told)


def test_the_rest_of_a_flight_goes_by_the_reading_that_is_kept_and_keeps_a_new_one(farm):
    flight = spraying.kept_flight(farm, 3)

    def rest(tank: TankRead | None = None) -> dict[str, Any]:
        job = resume_flight(farm, flight.uid, overlap_m=0.0, language="en", now=NOW, tank=tank)
        assert job is not None
        return {finding.key: dict(finding.message.values) for finding in job.findings}

    map_flight(farm, flight.uid, language="en")
    assert "finding.resume_tank" in rest()
    map_flight(farm, flight.uid, language="en", tank=TankRead(left_l=6.0, filled_l=7.2))
    found = rest()
    assert found["finding.resume_refill"]["litres"] == 6.0
    assert "finding.flow_low" in found
    rest(TankRead(left_l=3.6, filled_l=7.2))
    kept = farm.applied_of(flight)
    assert kept is not None
    assert kept.tank == TankReading(left_l=3.6, filled_l=7.2)
    assert "finding.flow_low" not in rest()


def test_the_command_takes_litres_and_refuses_what_cannot_be(farm, capsys):
    uid = spraying.kept_flight(farm, 6).uid
    asked = ["--lang", "en", "applied", uid, "--farm", str(farm.folder)]
    assert main([*asked, "--left", "5,5 L", "--filled", "10"]) == 0
    assert "nozzles" in capsys.readouterr().out
    assert main([*asked, "--filled", "10"]) != 0
    assert main([*asked, "--left", "12", "--filled", "10"]) != 0
