"""Before a launch: the autopilot's own safeguards, which no flight may take away.

ArduPilot looks at itself before it arms, and lands when it no longer knows where it is. Both can be
switched off by a parameter, and people do so to get into the air quickly. agri refuses such an
aircraft; what it offers to set is always the full safeguard, never a part of it:

* ARMING_CHECK with bit 0 is "all checks"; any other value leaves some out. From 4.7 on there is
  ARMING_SKIPCHK instead, which names what is skipped: 0 is nothing, -1 everything (ArduPilot pull
  request 31568, November 2025). An aircraft that tells neither is not armed.
* FS_EKF_ACTION as delivered is 1 (land); 3 lands in manual modes too. 0 only reports, 2 holds
  height and drifts with the wind.

The point to which the aircraft comes home by itself may have been moved away from where it stands:
`check_home_point` holds it against the plan's pad.
"""

from __future__ import annotations

from agri.findings import Finding, Severity
from agri.geo import distance_m
from missions.flightplan import FlightPlan
from missions.preflight.requirements import Requirement, why
from missions.wire.telemetry import Telemetry

ALL_CHECKS = 1
"""Bit of ARMING_CHECK."""
LAND, ALWAYS_LAND = 1.0, 3.0
"""Values of FS_EKF_ACTION."""
HOME_LIMIT_M = 5.0
"""How far the aircraft, and its point of return, may be from the planned take-off place."""


def safeguards() -> tuple[Requirement, ...]:
    """Return what every flight asks of the autopilot's own safeguards.

    Examples
    --------
    >>> [(need.name, need.wanted, need.fits(0.0)) for need in safeguards()]
    [('ARMING_CHECK', 1.0, False), ('ARMING_SKIPCHK', 0.0, True), ('FS_EKF_ACTION', 1.0, False)]
    """
    return (
        Requirement(
            name="ARMING_CHECK",
            wanted=1.0,
            fits=lambda value: int(value) & ALL_CHECKS == ALL_CHECKS,
            reason=why("arming_checks"),
            absent=Severity.ERROR,
        ),
        Requirement(
            name="ARMING_SKIPCHK",
            wanted=0.0,
            fits=lambda value: value == 0.0,
            reason=why("arming_checks"),
            absent=None,
            instead_of="ARMING_CHECK",
        ),
        Requirement(
            name="FS_EKF_ACTION",
            wanted=LAND,
            fits=lambda value: value in (LAND, ALWAYS_LAND),
            reason=why("position_lost"),
        ),
    )


def check_home_point(plan: FlightPlan, telemetry: Telemetry) -> list[Finding]:
    """Return an error when the aircraft would come home to another place than the plan's pad.

    Nothing is found while it has told no such point: it takes the place where it arms, which
    `missions.preflight.vehicle.check_readiness` judges.
    """
    if telemetry.home is None:
        return []
    apart_m = distance_m(plan.home, telemetry.home)
    if apart_m <= HOME_LIMIT_M:
        return []
    return [Finding.error("finding.home_point_far", distance_m=apart_m, limit_m=HOME_LIMIT_M)]
