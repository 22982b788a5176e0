"""Before every spraying it is told whether the spray guard runs, and what else is not covered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pymavlink.dialects.v20 import ardupilotmega as mavlink

from agri.findings import Finding, Severity
from agri.operations.simulated import vehicle_at
from missions import onboard
from missions.flight.briefing import look, read_needed
from missions.flight.phases import (
    Answered,
    Begin,
    Did,
    FlightState,
    Identified,
    Order,
    Phase,
    Proved,
    Read,
    Saw,
)
from missions.flight.steps import begin, step
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.preflight.guard import WAIT_S, check_guard, guard_version
from missions.preflight.vehicle import needed_parameters
from missions.wire.commands import Parameter
from missions.wire.delivery import Verified
from missions.wire.sightings import Sighting, SightingKind, VehicleIdentity
from missions.wire.telemetry import NAMED_KEPT, NamedValue, PumpServo, Telemetry, fold
from sitl.ardupilot import ArduPilot
from sitl.simulator import Simulator
from tests import flights, spraying
from tests.test_ardupilot_link import FITTED, real_copter

PLAN = spraying.PLAN
SURVEY = replace(flights.small_plan(), survey=None)
PUMP = PumpServo(channel=9, min_us=1100.0, max_us=1900.0)


def heard(value: float | None, *, at_s: float = 59.0) -> Telemetry:
    named = {} if value is None else {onboard.NAMED_VALUE: NamedValue(at_s, value)}
    return Telemetry(time_s=60.0, heard_s=0.0, named=named)


def told(telemetry: Telemetry, plan: FlightPlan = PLAN, **values: float | None) -> Finding | None:
    found = check_guard(plan, telemetry, values)
    assert len(found) <= 1
    assert all(finding.text("vi") and finding.text("en") for finding in found)
    return found[0] if found else None


# ---- what is judged


def test_a_guard_of_our_version_is_told_and_no_other_is_passed_over() -> None:
    ours = told(heard(float(onboard.VERSION)))
    assert ours is not None
    assert (ours.key, ours.severity) == ("finding.guard_runs", Severity.INFO)
    for value, key in (
        (onboard.VERSION + 1.0, "finding.guard_other"),
        (onboard.VERSION - 0.5, "finding.guard_other"),
        (float("nan"), "finding.guard_other"),
        (0.0, "finding.guard_helpless"),
        (None, "finding.guard_not_heard"),
    ):
        found = told(heard(value))
        assert found is not None
        assert (found.key, found.severity) == (key, Severity.WARNING)


@pytest.mark.parametrize("at_s", [60.0 - WAIT_S - 0.1, 60.0 + WAIT_S + 0.1])
def test_what_was_told_long_ago_or_before_a_restart_does_not_count(at_s: float) -> None:
    found = told(heard(float(onboard.VERSION), at_s=at_s))
    assert found is not None
    assert found.key == "finding.guard_not_heard"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "no SCR_ENABLE"),
        ({"SCR_ENABLE": None}, "no SCR_ENABLE"),
        ({"SCR_ENABLE": 0.0}, "SCR_ENABLE is 0"),
        ({"SCR_ENABLE": 1.0}, "no SPGD_VER"),
        ({"SCR_ENABLE": 1.0, "SPGD_VER": None}, "no SPGD_VER"),
        ({"SCR_ENABLE": 1.0, "SPGD_VER": 1.0}, "SPGD_VER is 1"),
    ],
)
def test_a_guard_that_is_not_heard_is_told_with_its_reason_its_danger_and_its_cure(
    values: dict[str, float | None], says: str
) -> None:
    found = told(heard(None), **values)
    assert found is not None
    text = found.text("en")
    for part in (says, "sprays all the way home", "agri guard script --out"):
        assert part in text


def test_a_flight_that_sprays_nothing_needs_no_guard() -> None:
    assert told(heard(None), SURVEY) is None
    assert "SCR_ENABLE" not in {need.name for need in needed_parameters(SURVEY)}
    assert told(heard(None), replace(PLAN, spray=None)) is not None, "it still switches a sprayer"


def test_nothing_of_the_guard_is_ever_set() -> None:
    asked = [need for need in needed_parameters(PLAN) if need.name.startswith(("SCR_", "SPGD_"))]
    assert [(need.name, need.settable, need.fits(0.0)) for need in asked] == [
        ("SCR_ENABLE", False, True)
    ]


def test_named_values_are_kept_by_name_and_not_without_end() -> None:
    telemetry = Telemetry()
    for number in range(2 * NAMED_KEPT):
        name = f"N{number}".encode()
        telemetry = fold(telemetry, mavlink.MAVLink_named_value_float_message(5, name, 1.0), 0.0)
    assert len(telemetry.named) == NAMED_KEPT
    again = fold(telemetry, mavlink.MAVLink_named_value_float_message(7_000, b"N0", 2.0), 0.0)
    assert again.named["N0"] == NamedValue(7.0, 2.0)


# ---- when it is asked


def after(*sightings: Telemetry) -> FlightState:
    """A launch after some sightings of a ready aircraft."""
    good = tuple(
        Parameter(need.name, need.wanted) for need in needed_parameters(PLAN) if not need.instead_of
    )
    identity = VehicleIdentity(vehicle_type=2, autopilot=3, version="4.6.0-dev")
    state = begin(PLAN)
    for event in (Begin(), Identified(identity), Read(good, PUMP)):
        state, _ = step(state, event, 0.0)
    for seen in sightings:
        sighting = Sighting(kind=SightingKind.STATE, telemetry=seen)
        state, orders = step(state, Saw(sighting), 0.0)
        assert Order.UPLOAD not in orders or state.phase is Phase.UPLOAD
    return state


def told_of(*sightings: Telemetry) -> tuple[Phase, list[str]]:
    """The phase, and what was found of the guard."""
    state = after(*sightings)
    return state.phase, [f.key for f in state.findings if f.key.startswith("finding.guard")]


READY = replace(
    heard(None), place=PLAN.home, battery_pct=100.0, fix_type=3, satellites=14, hdop=0.8,
    ekf_ok=True, prearm_ok=True, home=PLAN.home, vehicle_type=2, autopilot=3,
)  # fmt: skip


def test_a_launch_listens_for_the_guard_and_goes_on_as_soon_as_it_is_heard() -> None:
    assert told_of(READY)[0] is Phase.READY
    later = replace(READY, time_s=60.0 + WAIT_S - 0.1)
    assert told_of(READY, later)[0] is Phase.READY
    speaks = replace(READY, named=heard(float(onboard.VERSION)).named)
    assert told_of(READY, speaks) == (Phase.UPLOAD, ["finding.guard_runs"])
    silent = replace(READY, time_s=60.0 + WAIT_S)
    assert told_of(READY, silent) == (Phase.UPLOAD, ["finding.guard_not_heard"])


@pytest.mark.parametrize(
    ("first", "then", "armed"),
    [
        (float(onboard.VERSION), float(onboard.VERSION), True),
        (float(onboard.VERSION), None, False),
        (float(onboard.VERSION), 0.0, False),
        (None, None, True),
        (0.0, None, True),
    ],
)
def test_a_guard_that_falls_silent_after_the_yes_keeps_the_motors_off(
    first: float | None, then: float | None, armed: bool
) -> None:
    before = replace(READY, named=heard(first).named)
    state = after(before, replace(before, time_s=before.time_s + WAIT_S))
    assert state.phase is Phase.UPLOAD
    proof = Verified(plan_digest=PLAN.digest, mission_digest="m", fence_digest="f",
                     rally_digest="r", verified_s=0.0)  # fmt: skip
    for event in (Proved(proof), Answered(True), Proved(proof)):
        state, _ = step(state, event, 0.0)
    for second in range(round(60.0 + WAIT_S), 91):  # a gap would ask the person again
        named = heard(then, at_s=second - 1.0).named
        later = replace(READY, time_s=float(second), named=named)
        state, _ = step(state, Saw(Sighting(kind=SightingKind.STATE, telemetry=later)), 0.0)
    state, orders = step(state, Did(Order.GUIDED), 0.0)
    assert (Order.ARM in orders) is armed
    assert ("finding.guard_lost" in [f.key for f in state.findings]) is not armed


# ---- on the simulated vehicle


@contextmanager
def simulated(**parameters: float) -> Iterator[Link]:
    fitted = {"SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "FS_GCS_TIMEOUT": 60.0}
    with (
        Simulator(
            PLAN.home, speedup=10.0, ready_after_s=4.0, parameters={**fitted, **parameters}
        ) as running,  # fmt: skip
        Link.connect(running.url) as link,
    ):
        yield link


def guard_found(link: Link, plan: FlightPlan = PLAN) -> tuple[str, Severity]:
    (found,) = [f for f in look(link, plan).findings if f.key.startswith("finding.guard")]
    return found.key, found.severity


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"SCR_ENABLE": 1.0, "SPGD_VER": float(onboard.VERSION)}, "finding.guard_runs"),
        ({"SCR_ENABLE": 1.0, "SPGD_VER": 99.0}, "finding.guard_other"),
        ({"SCR_ENABLE": 1.0, "SPGD_VER": 1.0, "SERVO9_FUNCTION": 0.0}, "finding.guard_helpless"),
        ({"SCR_ENABLE": 0.0}, "finding.guard_not_heard"),
    ],
)
def test_the_simulated_aircraft_is_read(parameters: dict[str, float], key: str) -> None:
    with simulated(**parameters) as link:
        found = guard_found(link)
    assert found == (key, Severity.INFO if key == "finding.guard_runs" else Severity.WARNING)


def test_a_rehearsal_carries_the_guard_as_a_real_spraying_should() -> None:
    with vehicle_at("sim", PLAN) as url, Link.connect(url) as link:
        assert guard_found(link) == ("finding.guard_runs", Severity.INFO)


# ---- on a real ArduCopter


@pytest.mark.ardupilot
def test_a_rehearsal_on_a_real_autopilot_carries_the_guard_too() -> None:
    real_copter()  # skips where there is none
    with vehicle_at("ardupilot", PLAN) as url, Link.connect(url) as link:
        assert guard_found(link) == ("finding.guard_runs", Severity.INFO)


def spray_copter(scripts: dict[str, str] | None) -> ArduPilot:
    real_copter()  # skips where there is none
    fitted = {**FITTED, "SPRAY_ENABLE": 1.0, "SERVO9_FUNCTION": 22.0, "SERVO10_FUNCTION": 23.0}
    return ArduPilot(PLAN.home, speedup=10.0, parameters=fitted, scripts=scripts)


@pytest.mark.ardupilot
def test_a_real_autopilot_with_the_script_is_heard_and_one_without_is_told() -> None:
    with (
        spray_copter({onboard.FILE_NAME: onboard.script()}) as copter,
        Link.connect(copter.url) as link,
    ):
        assert guard_found(link) == ("finding.guard_runs", Severity.INFO)
        assert guard_version(link.telemetry()) == onboard.VERSION
    with spray_copter(None) as copter, Link.connect(copter.url) as link:
        values = {p.name: p.value for p in read_needed(link, PLAN)}
        assert values["SCR_ENABLE"] == 0.0
        assert guard_found(link) == ("finding.guard_not_heard", Severity.WARNING)


@pytest.mark.ardupilot
def test_a_real_autopilot_with_an_older_script_is_told() -> None:
    older = onboard.script().replace(f"local VERSION = {onboard.VERSION}", "local VERSION = 77")
    with spray_copter({onboard.FILE_NAME: older}) as copter, Link.connect(copter.url) as link:
        assert guard_found(link) == ("finding.guard_other", Severity.WARNING)
