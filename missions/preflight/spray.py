"""Before a spraying: what the vehicle's parameters must be besides those of every flight.

A spraying relies on more than a survey does, and what it relies on blocks:

* the sprayer is enabled, its pump is wired, and its dose is this job's
  (`missions.sprayer.parameters`), or the last job's litres would be poured on this field;
* WPNAV_SPEED is the job's: at another speed the dose is wrong once AUTO is entered again;
* every failsafe ends in the plan's return leg, whose first item switches the sprayer off
  (value 6: DO_LAND_START, else RTL): a plain RTL sprays all the way home (tried on 4.6);
* no failsafe option lets it spray on (FS_OPTIONS bits 0 and 1: go on in AUTO).

What only makes a flight rougher warns: the critical battery's action, the time-out, a turning
radius over a quarter of the swath.

Where the pump is wired only its owner knows: SERVOn_FUNCTION is read on sixteen outputs and never
set. SPRAY_SPINNER belongs to the nozzles, not to the job, and is left alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from agri.errors import AgriError
from agri.findings import Finding, Severity
from missions.flightplan import FlightPlan
from missions.items import Command
from missions.preflight.requirements import Requirement, positive, why
from missions.sprayer.dose import PUMP_CHANNEL
from missions.sprayer.gear import PumpControl
from missions.sprayer.parameters import (
    PUMP_FUNCTION,
    SPINNER_FUNCTION,
    job_parameters,
)

OUTPUTS = range(1, 17)
"""Servo outputs an ArduPilot autopilot has."""
ALONE_LEG = 6.0
"""Failsafe action: DO_LAND_START leg in AUTO, else RTL."""
GO_ON = 0b11
"""Bits of FS_OPTIONS: go on in AUTO without remote control, without ground station."""
FS_OPTIONS = 16.0
"""ArduCopter's own FS_OPTIONS."""
GCS_TIMEOUT_S = 5.0
RADIUS_CM = 200.0
"""ArduCopter's own WPNAV_RADIUS."""


def spray_requirements(plan: FlightPlan) -> tuple[Requirement, ...]:
    """Return what a spray plan asks of the vehicle; () for another.

    A plan whose parameters cannot be worked out asks nothing here: `check_spraying` says why.
    """
    if plan.spray is None or plan.spray.settings.sprayer.control is PumpControl.EXPORT:
        return ()
    try:
        wanted = job_parameters(plan.spray)
    except AgriError:
        return ()
    return (*_dose(plan, wanted), *_wiring(plan), *_failsafes(plan), *_flying(plan))


def _dose(plan: FlightPlan, wanted: Mapping[str, float]) -> Iterator[Requirement]:
    assert plan.spray is not None  # noqa: S101 - spray_requirements has looked
    speed_m_s = plan.spray.settings.speed_m_s
    for name, value in wanted.items():
        if name == "WPNAV_SPEED":
            yield Requirement(name=name, wanted=value, fits=_near(value, 1.0),
                              reason=why("speed", speed_m_s=speed_m_s))  # fmt: skip
        elif name == "SPRAY_ENABLE":
            yield Requirement(name=name, wanted=1.0, fits=_near(1.0, 0.1),
                              reason=why("sprayer"), absent=Severity.ERROR)  # fmt: skip
        elif name == "SPRAY_PUMP_RATE":
            yield Requirement(name=name, wanted=value, fits=_near(value, 0.002 * value + 0.0005),
                              reason=why("dose"))  # fmt: skip
        elif name in ("SPRAY_PUMP_MIN", "SPRAY_SPEED_MIN"):
            yield Requirement(name=name, wanted=value, fits=_near(value, 0.5),
                              reason=why("dose"))  # fmt: skip
        elif name in (f"SERVO{PUMP_CHANNEL}_MIN", f"SERVO{PUMP_CHANNEL}_MAX"):
            yield Requirement(name=name, wanted=value, fits=_near(value, 0.5),
                              reason=why("pulse"))  # fmt: skip


def _near(wanted: float, within: float) -> Callable[[float], bool]:
    return lambda value: abs(value - wanted) <= within


def _wiring(plan: FlightPlan) -> Iterator[Requirement]:
    """Return what must be read of the outputs; none of it is ever set."""
    assert plan.spray is not None  # noqa: S101
    if plan.spray.settings.sprayer.control is PumpControl.SERVO:
        yield Requirement(
            name=f"SERVO{PUMP_CHANNEL}_FUNCTION", wanted=0.0, fits=_near(0.0, 0.1),
            reason=why("plain_channel"), settable=False,
        )  # fmt: skip
        return
    for output in OUTPUTS:
        yield Requirement(
            name=f"SERVO{output}_FUNCTION", wanted=float(PUMP_FUNCTION), fits=lambda _: True,
            reason=why("pump"), settable=False, absent=None,
        )  # fmt: skip


def _failsafes(plan: FlightPlan) -> Iterator[Requirement]:
    leg = any(item.command == Command.DO_LAND_START for item in plan.items)
    for name, word, alone in (
        ("FS_THR_ENABLE", "remote_control", 1.0),
        ("FS_GCS_ENABLE", "ground_station", 1.0),
        ("BATT_FS_LOW_ACT", "battery", 2.0),
    ):
        yield Requirement(
            name=name,
            wanted=ALONE_LEG if leg else alone,
            fits=_near(ALONE_LEG, 0.1) if leg else positive,
            reason=why(f"{word}_dry") if leg else why(word),
        )
    yield Requirement(
        name="FS_OPTIONS",
        wanted=FS_OPTIONS,
        fits=lambda value: int(value) & GO_ON == 0,
        reason=why("go_on"),
    )
    yield Requirement(
        name="BATT_FS_CRT_ACT",
        wanted=1.0,
        fits=positive,
        reason=why("battery_critical"),
        severity=Severity.WARNING,
    )
    yield Requirement(
        name="FS_GCS_TIMEOUT",
        wanted=GCS_TIMEOUT_S,
        fits=lambda value: 0.0 < value <= GCS_TIMEOUT_S,
        reason=why("ground_station"),
        severity=Severity.WARNING,
    )


def _flying(plan: FlightPlan) -> Iterator[Requirement]:
    assert plan.spray is not None  # noqa: S101
    most_cm = 25.0 * plan.spray.settings.swath_m
    yield Requirement(
        name="WPNAV_RADIUS",
        wanted=float(math.floor(min(RADIUS_CM, most_cm))),
        fits=lambda value: value <= most_cm + 0.5,
        reason=why("radius", most_m=most_cm / 100.0),
        severity=Severity.WARNING,
    )


def check_spraying(plan: FlightPlan, values: Mapping[str, float | None]) -> list[Finding]:
    """Return what is wrong with a spray flight that no single parameter tells.

    Parameters
    ----------
    plan : FlightPlan
        The plan; [] for one that does not spray.
    values : mapping of str to float or None
        What was read, None for what the vehicle does not have.
    """
    if plan.spray is None:
        return []
    try:
        job_parameters(plan.spray)
    except AgriError as error:
        return [Finding.error("finding.spray_cannot_be_set", why=error.message)]
    if plan.spray.settings.sprayer.control is PumpControl.SERVO:
        return []
    functions = {values.get(f"SERVO{output}_FUNCTION") for output in OUTPUTS}
    found = []
    if float(PUMP_FUNCTION) not in functions:
        found.append(Finding.error("finding.pump_not_wired", function=PUMP_FUNCTION,
                                   output=PUMP_CHANNEL))  # fmt: skip
    if float(SPINNER_FUNCTION) not in functions:
        found.append(Finding.info("finding.spinner_not_wired", function=SPINNER_FUNCTION))
    return found
