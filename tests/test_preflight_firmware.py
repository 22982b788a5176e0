"""An aircraft's firmware is held against the versions that agri's flights were tried on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from agri.findings import Severity, blocks
from missions.flight.briefing import Blocked, look
from missions.flight.launch import fly
from missions.link.link import Link
from missions.preflight.firmware import (
    FirmwareList,
    Tried,
    check_firmware,
    firmware_list,
    version_order,
)
from missions.preflight.vehicle import check_identity
from missions.wire.sightings import MULTIROTORS, VehicleIdentity, version_text
from sitl.firmware import Firmware
from sitl.simulator import Simulator
from tests import flights
from tests.test_ardupilot_link import real_copter

PLAN = replace(flights.small_plan(), survey=None)
KNOWN = FirmwareList(
    minimum="4.2.0",
    minimum_source="x",
    tried=(
        Tried(version="4.6.1", day=date(2026, 5, 1), where="aircraft", source="x"),
        Tried(version="4.7.0-dev", build="0a1b", day=date(2026, 6, 1), where="simulator",
              source="x"),
    ),
)  # fmt: skip


def copter(version: str, build: str = "0a1b2c3d") -> VehicleIdentity:
    return VehicleIdentity(vehicle_type=2, autopilot=3, version=version, build=build)


@pytest.mark.parametrize(
    ("identity", "key", "severity"),
    [
        (copter("4.6.1"), "finding.firmware_tried", Severity.INFO),
        (copter("4.6.1", ""), "finding.firmware_tried", Severity.INFO),
        (copter("4.7.0-dev"), "finding.firmware_tried", Severity.INFO),
        (copter("4.7.0-dev", "ffffffff"), "finding.firmware_unreleased", Severity.WARNING),
        (copter("4.7.0-dev", ""), "finding.firmware_unreleased", Severity.WARNING),
        (copter("4.6.1-rc"), "finding.firmware_unreleased", Severity.WARNING),
        (copter("4.6.2"), "finding.firmware_untried", Severity.WARNING),
        (copter("4.2.0"), "finding.firmware_untried", Severity.WARNING),
        (copter("5.0.0"), "finding.firmware_untried", Severity.WARNING),
        (copter("4.2.0-rc"), "finding.firmware_old", Severity.ERROR),
        (copter("4.1.5"), "finding.firmware_old", Severity.ERROR),
        (copter("3.6.12"), "finding.firmware_old", Severity.ERROR),
        (copter(""), "finding.firmware_unknown", Severity.ERROR),
        (copter("4.6"), "finding.firmware_unknown", Severity.ERROR),
    ],
)
def test_each_firmware_is_told_as_what_it_is(
    identity: VehicleIdentity, key: str, severity: Severity
) -> None:
    (found,) = check_firmware(identity, KNOWN)
    assert (found.key, found.severity) == (key, severity)
    assert found.text("vi")
    text = found.text("en")
    assert all(part in text for part in filter(None, [identity.version]) if "." in part[2:])


def test_the_list_that_comes_with_agri_is_whole() -> None:
    known = firmware_list()
    least = version_order(known.minimum)
    assert least is not None
    assert known.tried
    for tried in known.tried:
        order = version_order(tried.version)
        assert order is not None
        assert order >= least
        assert tried.source
        assert tried.build or order[-1], "a development version tells its build"
        identity = copter(tried.version, tried.build)
        (found,) = check_firmware(identity)
        assert found.severity is Severity.INFO
        assert str(tried.day.year) in found.text("en")


@pytest.mark.parametrize("number", [0x040600FF, 0x04060000, 0x04050240, 0x040A00C0])
def test_every_version_an_autopilot_tells_is_understood(number: int) -> None:
    assert version_order(version_text(number)) is not None


@pytest.mark.parametrize("kind", [0, 1, 4, 7, 10, 12, 19, 20, 22])
def test_what_is_no_multirotor_is_refused_whatever_its_firmware(kind: int) -> None:
    other = replace(copter("4.6.1"), vehicle_type=kind)
    assert blocks(check_identity(other))
    assert check_firmware(other, KNOWN) == []
    assert kind not in MULTIROTORS


@pytest.mark.parametrize("autopilot", [0, 4, 12])
def test_what_is_no_ardupilot_is_refused(autopilot: int) -> None:
    assert blocks(check_identity(replace(copter("4.6.1"), autopilot=autopilot)))


# ---- on the simulated vehicle


def simulated(firmware: Firmware | None = None, personality: str = "copter") -> Simulator:
    return Simulator(PLAN.home, speedup=10.0, ready_after_s=4.0, firmware=firmware,
                     personality=personality)  # type: ignore[arg-type] # fmt: skip


@pytest.mark.parametrize(
    ("firmware", "key"),
    [
        (None, "finding.firmware_tried"),
        (Firmware(build="0badcafe"), "finding.firmware_unreleased"),
        (Firmware(version=(4, 5, 7), release=255), "finding.firmware_untried"),
        (Firmware(version=(4, 1, 5), release=255), "finding.firmware_old"),
    ],
)
def test_the_simulated_aircraft_is_asked(firmware: Firmware | None, key: str) -> None:
    with simulated(firmware) as running, Link.connect(running.url) as link:
        found = [f for f in look(link, PLAN, wait_s=0.0).findings if "firmware" in f.key]
        assert [finding.key for finding in found] == [key]


@pytest.mark.parametrize(
    ("firmware", "personality", "key"),
    [
        (Firmware(version=(4, 1, 5), release=255), "copter", "finding.firmware_old"),
        (None, "plane", "finding.not_a_copter"),
        (None, "rover", "finding.not_a_copter"),
        (None, "px4", "finding.not_a_copter"),
    ],
)
def test_a_launch_of_one_that_may_not_fly_is_refused_before_anything_is_uploaded(
    firmware: Firmware | None, personality: str, key: str
) -> None:
    with simulated(firmware, personality) as running, Link.connect(running.url) as link:
        with pytest.raises(Blocked) as blocked:
            fly(link, PLAN, confirm=lambda _: pytest.fail("was asked to arm"))
        assert key in [f.key for f in blocked.value.findings if blocks([f])]
        assert link.proof is None
        assert not link.telemetry().armed


# ---- on a real ArduCopter


@pytest.mark.ardupilot
def test_the_real_program_tells_the_version_that_stands_in_the_list() -> None:
    with real_copter() as running, Link.connect(running.url) as link:
        identity = link.identify()
    assert version_order(identity.version) is not None
    assert len(identity.build) == 8
    (found,) = check_firmware(identity)
    assert found.key == "finding.firmware_tried"
    assert identity.uid
