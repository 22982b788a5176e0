"""Before a spraying: what it relies on is read and blocks; what only roughens a flight warns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agri.findings import Finding, Severity, blocks
from missions.catalogue import sprayer
from missions.flightplan import FlightPlan
from missions.items import Command
from missions.preflight.battery import flight_needs_pct
from missions.preflight.vehicle import (
    check_parameters,
    needed_parameters,
    unmet,
)
from missions.sprayer.dose import pump_flow_l_min
from missions.sprayer.job import SprayJob
from missions.sprayer.parameters import job_parameters
from missions.wire.commands import Parameter
from tests.spraying import JOB, PLAN, asked

SERVO = asked(sprayer=sprayer("servo"), swath_m=4.0, height_m=2.0, speed_m_s=4.0)


def met(plan: FlightPlan, **changed: float | None) -> list[Finding]:
    """What is found when every parameter is as wanted, but for some."""
    values: dict[str, float | None] = {
        need.name: need.wanted for need in needed_parameters(plan) if need.absent is not None
    }
    if plan.spray is not None and "SPRAY_ENABLE" in values:
        values |= {"SERVO9_FUNCTION": 22.0, "SERVO10_FUNCTION": 23.0}
    values |= changed
    return check_parameters(plan, [Parameter(name, value) for name, value in values.items()])


@pytest.mark.parametrize("plan", [PLAN, SERVO], ids=["sprayer", "servo"])
def test_an_aircraft_that_is_set_as_wanted_may_spray(plan: FlightPlan) -> None:
    assert met(plan) == []
    assert all(need.fits(need.wanted) for need in needed_parameters(plan))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPRAY_ENABLE", 0.0),
        ("SPRAY_ENABLE", None),
        ("SPRAY_PUMP_RATE", 10.0),
        ("SPRAY_PUMP_RATE", 0.0),
        ("SPRAY_PUMP_MIN", 99.0),
        ("SPRAY_SPEED_MIN", 300.0),
        ("WPNAV_SPEED", 1000.0),
        ("FENCE_ACTION", 1.0),
        ("FENCE_ENABLE", 0.0),
        ("FS_THR_ENABLE", 0.0),
        ("FS_THR_ENABLE", 1.0),
        ("FS_GCS_ENABLE", 1.0),
        ("FS_GCS_ENABLE", 0.0),
        ("BATT_FS_LOW_ACT", 2.0),
        ("ARMING_CHECK", 0.0),
        ("ARMING_CHECK", 1048572.0),
        ("FS_EKF_ACTION", 0.0),
        ("FS_EKF_ACTION", 2.0),
        ("FS_OPTIONS", 18.0),
        ("FS_OPTIONS", 1.0),
        ("SERVO9_FUNCTION", 0.0),
        ("SERVO9_FUNCTION", None),
    ],
)
def test_what_spraying_relies_on_blocks_with_one_finding(name: str, value: float | None) -> None:
    found = met(PLAN, **{name: value})
    assert [finding.severity for finding in found] == [Severity.ERROR]
    for language in ("vi", "en"):
        assert name in found[0].text(language)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATT_FS_CRT_ACT", 0.0),
        ("FS_GCS_TIMEOUT", 30.0),
        ("WPNAV_RADIUS", 500.0),
        ("SPRAY_PUMP_RATE", None),
    ],
)
def test_what_only_roughens_a_flight_warns(name: str, value: float | None) -> None:
    assert [(f.severity, name in f.text()) for f in met(PLAN, **{name: value})] == [
        (Severity.WARNING, True)
    ]


@pytest.mark.parametrize("output", [1, 8, 9, 16])
def test_the_pump_may_be_wired_to_any_output(output: int) -> None:
    wired = {"SERVO9_FUNCTION": 0.0, "SERVO10_FUNCTION": 23.0, f"SERVO{output}_FUNCTION": 22.0}
    assert met(PLAN, **wired) == []


def test_nozzles_that_do_not_spin_are_no_fault() -> None:
    found = met(PLAN, SERVO10_FUNCTION=0.0)
    assert [(f.severity, f.key) for f in found] == [(Severity.INFO, "finding.spinner_not_wired")]


def test_wiring_is_never_among_what_agri_would_set() -> None:
    nothing = [Parameter(need.name, -1.0) for need in needed_parameters(PLAN)]
    settable = {need.name for need in unmet(PLAN, nothing) if need.settable}
    assert not [name for name in settable if name.startswith("SERVO")]
    assert {"SPRAY_ENABLE", "SPRAY_PUMP_RATE", "SPRAY_PUMP_MIN", "WPNAV_SPEED"} <= settable
    assert "SPRAY_SPINNER" not in settable


def test_a_servo_pump_needs_a_plain_output_of_full_range() -> None:
    for name, value in (("SERVO9_FUNCTION", 22.0), ("SERVO9_MIN", 1000.0), ("SERVO9_MAX", 2000.0)):
        found = met(SERVO, **{name: value})
        assert [f.severity for f in found] == [Severity.ERROR]
        assert name in found[0].text()
    assert "SPRAY_ENABLE" not in {need.name for need in needed_parameters(SERVO)}


def test_without_a_return_leg_a_plain_return_will_do() -> None:
    bare = replace(PLAN, items=tuple(i for i in PLAN.items if i.command != Command.DO_LAND_START))
    assert met(bare, FS_THR_ENABLE=1.0, FS_GCS_ENABLE=1.0, BATT_FS_LOW_ACT=2.0) == []
    assert blocks(met(bare, FS_GCS_ENABLE=0.0))


def test_each_parameter_is_asked_for_once() -> None:
    for plan in (PLAN, SERVO, replace(PLAN, spray=None)):
        names = [need.name for need in needed_parameters(plan)]
        assert len(names) == len(set(names))


def test_what_is_wanted_is_the_jobs() -> None:
    wanted = {need.name: need.wanted for need in needed_parameters(PLAN)}
    for name, value in job_parameters(JOB).items():
        if name in wanted and not name.startswith("SERVO"):
            assert wanted[name] == value


def test_another_makers_sprayer_or_a_dose_out_of_reach_never_takes_off() -> None:
    much = tuple(replace(work, rate_l_ha=900.0) for work in JOB.passes)
    dose = replace(asked(rate_l_ha=900.0), spray=replace(JOB, passes=much))
    for plan in (asked(sprayer=sprayer("T40")), dose):
        found = met(plan)
        assert [f.key for f in found if f.severity is Severity.ERROR] == [
            "finding.spray_cannot_be_set"
        ]


def test_passes_of_several_rates_hold_one_flow_and_differing_flows_are_refused() -> None:
    first, *rest = JOB.passes
    held = replace(JOB, passes=(
        replace(first, rate_l_ha=first.rate_l_ha * 1.25, speed_m_s=first.speed_m_s / 1.25), *rest,
    ))  # fmt: skip
    found = job_parameters(held)
    assert found["SPRAY_PUMP_RATE"] == 0.0
    assert found["SPRAY_PUMP_MIN"] > 0.0
    assert found["SPRAY_SPEED_MIN"] <= 50.0 * first.speed_m_s / 1.25 + 0.5
    uneven = replace(JOB, passes=(replace(first, rate_l_ha=first.rate_l_ha * 1.25), *rest))
    assert met(replace(PLAN, spray=uneven))[0].key == "finding.spray_cannot_be_set"


def flow_given(job: SprayJob, speed_m_s: float) -> float:
    """What ArduPilot's pump gives at a speed with the job's settings."""
    found = job_parameters(job)
    percent = max(speed_m_s * found["SPRAY_PUMP_RATE"], found["SPRAY_PUMP_MIN"])
    return pump_flow_l_min(job.settings.sprayer, min(100.0, percent) / 100.0)


@pytest.mark.parametrize("rate", [1.25, 1.0, 0.8])
def test_a_sortie_with_one_rate_of_a_map_gives_that_rate(rate: float) -> None:
    """The last sortie of a rate map: all its passes ask 1.25 of the rate at 1/1.2 of the speed."""
    passes = tuple(
        replace(p, rate_l_ha=p.rate_l_ha * rate, speed_m_s=p.speed_m_s / 1.2) for p in JOB.passes
    )
    for work in passes:
        flow = flow_given(replace(JOB, passes=passes), work.speed_m_s)
        given = flow / (0.006 * work.width_m * work.speed_m_s)
        assert given == pytest.approx(work.rate_l_ha, rel=0.02)


def test_rings_round_trees_hold_their_flow_at_their_own_speed() -> None:
    rings = tuple(replace(p, speed_m_s=p.speed_m_s / 1.5) for p in JOB.passes)
    trees = replace(JOB, passes=rings, kind="trees")
    assert job_parameters(trees)["SPRAY_PUMP_RATE"] == 0.0
    flow = 0.006 * rings[0].rate_l_ha * rings[0].width_m * rings[0].speed_m_s
    assert flow_given(trees, 0.8) == pytest.approx(flow, rel=0.03)


def test_a_slower_edge_pass_follows_the_speed() -> None:
    first, *rest = JOB.passes
    slow = replace(JOB, passes=(replace(first, speed_m_s=first.speed_m_s / 1.5), *rest))
    assert job_parameters(slow) == job_parameters(JOB)


def test_spots_are_sprayed_standing_still() -> None:
    place = JOB.passes[0].places[:1]
    flow = (JOB.settings.sprayer.min_flow_l_min + JOB.settings.sprayer.max_flow_l_min) / 2.0
    spot = replace(JOB.passes[0], places=place, rate_l_ha=0.0, speed_m_s=0.0, spot_l=flow / 6.0,
                   dwell_s=10.0)  # fmt: skip
    found = job_parameters(replace(JOB, passes=(spot, spot), kind="trees"))
    assert found["SPRAY_SPEED_MIN"] == 0.0
    assert found["SPRAY_PUMP_RATE"] == 0.0


def test_the_battery_needed_is_the_sorties() -> None:
    assert PLAN.aircraft is not None
    needed = 100.0 * (150.0 / PLAN.aircraft.battery_wh + PLAN.aircraft.reserve)
    assert flight_needs_pct(PLAN) == pytest.approx(needed)
    assert flight_needs_pct(replace(PLAN, aircraft=None)) == pytest.approx(needed)
