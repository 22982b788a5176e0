"""The dose's parameters on a real ArduCopter binary; skipped, with the reason, where none is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agri.errors import NotFound
from agri.findings import Severity
from missions.flight.launch import prepare
from missions.formats.param import read_param, write_param
from missions.link.link import Link
from missions.preflight.vehicle import check_parameters, needed_parameters
from missions.sprayer.dose import pump_flow_l_min, servo_pwm
from missions.sprayer.parameters import job_parameters
from sitl.ardupilot import ArduPilot, find_arducopter
from tests.spraying import JOB, PLAN

pytestmark = pytest.mark.ardupilot


@pytest.fixture(scope="module")
def link() -> Iterator[Link]:
    try:
        find_arducopter()
    except NotFound as missing:
        pytest.skip(str(missing))
    fitted = {"SERVO9_FUNCTION": 22.0, "SERVO10_FUNCTION": 23.0}
    copter = ArduPilot(PLAN.home, speedup=10.0, parameters=fitted)
    with copter, Link.connect(copter.url) as connected:
        with connected.watch() as inbox:
            while connected.telemetry().time_s < 10.0:
                inbox.get(timeout=20.0)
        yield connected


def test_one_setting_makes_a_real_copter_ready_and_it_keeps_every_value(link: Link) -> None:
    names = [need.name for need in needed_parameters(PLAN)]
    before = check_parameters(PLAN, link.read_parameters(names))
    assert "finding.parameter_wrong" in {finding.key for finding in before}
    assert "finding.pump_not_wired" not in {finding.key for finding in before}
    changed = {parameter.name for parameter in prepare(link, PLAN)}
    assert {"SPRAY_ENABLE", "SPRAY_PUMP_RATE", "WPNAV_SPEED", "FENCE_ACTION"} <= changed
    after = check_parameters(PLAN, link.read_parameters(names))
    assert [f.text() for f in after if f.severity is not Severity.INFO] == []
    kept = {p.name: p.value for p in link.read_parameters(list(read_param(write_param(PLAN))))}
    for name, value in read_param(write_param(PLAN)).items():
        if name in job_parameters(JOB):
            assert kept[name] == pytest.approx(value, rel=1e-6)


def test_the_pumps_pulse_is_the_one_the_curve_is_measured_at(link: Link) -> None:
    low, high = (p.value for p in link.read_parameters(["SERVO9_MIN", "SERVO9_MAX"]))
    sprayer = JOB.settings.sprayer
    assert (low, high) == (1100.0, 1900.0)
    for share in (0.0, 0.5, 1.0):
        flow = sprayer.min_flow_l_min + share * (sprayer.max_flow_l_min - sprayer.min_flow_l_min)
        output = (servo_pwm(sprayer, flow) - low) / (high - low)
        assert pump_flow_l_min(sprayer, output) == pytest.approx(flow, rel=0.01)
