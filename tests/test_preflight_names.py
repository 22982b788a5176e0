"""What a newer firmware calls otherwise is read, judged and set by the name it has there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from agri.errors import Refused
from agri.findings import Severity, blocks
from missions.flight.briefing import Blocked, look, prepare, read_needed
from missions.flight.launch import fly
from missions.link.link import Link
from missions.preflight.requirements import RENAMED
from missions.preflight.vehicle import check_parameters, needed_parameters
from missions.wire.commands import Parameter
from sitl.autopilot import Autopilot
from sitl.firmware import SI_NAMES, Firmware
from sitl.simulator import Simulator
from tests import flights, spraying

PLAN = replace(flights.small_plan(), survey=None)
NEWER = Firmware(version=(4, 7, 0), release=255, build="0a1b2c3d")
GOOD: dict[str, float | None] = {
    need.name: need.wanted for need in needed_parameters(PLAN) if not need.instead_of
}
BY_NEWER_NAMES: dict[str, float | None] = {
    **{need.name: need.wanted for need in needed_parameters(PLAN)},
    **{need.instead_of: None for need in needed_parameters(PLAN) if need.instead_of},
}


def judged(values: dict[str, float | None]) -> list[tuple[Severity, str]]:
    found = check_parameters(PLAN, [Parameter(name, value) for name, value in values.items()])
    assert all(finding.text("vi") and finding.text("en") for finding in found)
    return [(finding.severity, str(dict(finding.message.values).get("name"))) for finding in found]


def test_an_aircraft_set_well_by_either_names_passes() -> None:
    assert judged(GOOD) == []
    assert judged(BY_NEWER_NAMES) == []


@pytest.mark.parametrize("value", [-1.0, 2.0, 32.0, float(0x1FFFFE), 4194303.0])
def test_each_check_that_is_skipped_blocks(value: float) -> None:
    skipped = {**BY_NEWER_NAMES, "ARMING_SKIPCHK": value}
    assert judged(skipped) == [(Severity.ERROR, "ARMING_SKIPCHK")]


@pytest.mark.parametrize("value", [0.0, 2.0, 64.0, 1048574.0])
def test_each_check_that_is_left_out_blocks(value: float) -> None:
    assert judged({**GOOD, "ARMING_CHECK": value}) == [(Severity.ERROR, "ARMING_CHECK")]


def test_a_vehicle_with_both_must_be_whole_in_both() -> None:
    assert judged({**GOOD, "ARMING_SKIPCHK": 0.0}) == []
    assert judged({**GOOD, "ARMING_SKIPCHK": 64.0}) == [(Severity.ERROR, "ARMING_SKIPCHK")]


def test_a_vehicle_that_tells_neither_is_not_armed() -> None:
    assert judged({**GOOD, "ARMING_CHECK": None}) == [(Severity.ERROR, "ARMING_CHECK")]


def test_metres_are_not_taken_for_centimetres() -> None:
    for value in (0.0, 1500.0, 14.0):
        found = judged({**BY_NEWER_NAMES, "RTL_ALT_M": value})
        assert found == [(Severity.ERROR, "RTL_ALT_M")]


def test_a_spraying_holds_its_speed_and_radius_by_either_name() -> None:
    names = {need.name for need in needed_parameters(spraying.PLAN)}
    assert {"WPNAV_SPEED", "WP_SPD", "WPNAV_RADIUS", "WP_RADIUS_M"} <= names
    wanted = {need.name: need.wanted for need in needed_parameters(spraying.PLAN)}
    for older, (newer, times) in RENAMED.items():
        if older in wanted:
            assert wanted[newer] == pytest.approx(wanted[older] * times)


# ---- on the simulated vehicle


def test_the_simulated_newer_firmware_has_the_newer_names_only() -> None:
    copter = Autopilot(home=PLAN.home, firmware=NEWER, parameters={"RTL_ALT_M": 22.0}).copter
    for older, newer in SI_NAMES.items():
        assert older not in copter.parameters
        assert newer.name in copter.parameters.listed()
    assert copter.parameters["RTL_ALT"] == 2200.0
    for skipped, checks in ((0.0, 1.0), (-1.0, 0.0), (4194303.0, 0.0)):
        copter.parameters.set("ARMING_SKIPCHK", skipped)
        assert copter.parameters["ARMING_CHECK"] == checks
    copter.parameters.set("ARMING_SKIPCHK", 32.0)
    assert copter.parameters["ARMING_CHECK"] not in (0.0, 1.0)
    with pytest.raises(Exception, match="RTL_ALT"):
        Autopilot(home=PLAN.home, firmware=NEWER, parameters={"RTL_ALT": 2200.0})


@pytest.fixture(scope="module")
def newer() -> Iterator[Simulator]:
    with Simulator(
        PLAN.home, speedup=10.0, ready_after_s=4.0, firmware=NEWER,
        parameters={"CAM1_TYPE": 1.0, "FS_GCS_TIMEOUT": 60.0, "ARMING_SKIPCHK": -1.0},
    ) as running:  # fmt: skip
        yield running


def test_a_newer_vehicle_that_skips_its_checks_is_refused_until_it_makes_them_all(
    newer: Simulator,
) -> None:
    with Link.connect(newer.url) as link:
        assert link.identify().version == "4.7.0"
        values = {p.name: p.value for p in read_needed(link, PLAN)}
        assert (values["ARMING_CHECK"], values["ARMING_SKIPCHK"]) == (None, -1.0)
        assert (values["RTL_ALT"], values["RTL_ALT_M"]) == (None, 15.0)
        with pytest.raises(Blocked) as blocked:
            fly(link, PLAN, confirm=lambda _: pytest.fail("was asked to arm"))
        wrong = [dict(f.message.values).get("name") for f in blocked.value.findings if blocks([f])]
        assert "ARMING_SKIPCHK" in wrong
        assert not link.telemetry().armed
        changed = {parameter.name: parameter.value for parameter in prepare(link, PLAN)}
        assert changed["ARMING_SKIPCHK"] == 0.0
        assert changed["WP_SPD"] == 8.0
        assert not changed.keys() & SI_NAMES.keys()
        assert prepare(link, PLAN) == ()
        assert not [f for f in look(link, PLAN).findings if "parameter" in f.key]


def test_no_is_still_no(newer: Simulator) -> None:
    with Link.connect(newer.url) as link:
        prepare(link, PLAN)
        with pytest.raises(Refused):
            fly(link, PLAN, confirm=lambda _: False)
        assert not link.telemetry().armed
