"""Before a spraying: does the spray guard run on the aircraft, and is it the one agri hands out?

The guard (`missions.onboard`) is the only thing that stops the pump when a person switches out of
AUTO while the link is gone. It tells of itself once a second by a named value, which only the
running script can send; that is what counts. Where nothing is heard, its parameter and SCR_ENABLE
tell why.

Decision: a missing guard is a WARNING and not an error. The return leg, the failsafes that lead to
it and the fence's brake are what a spraying cannot do without, and those block
(`missions.preflight.spray`); some boards have no memory for scripts. But it is never passed over in
silence: the person reads what is then not covered, and says yes to it. A guard that was told to run
and falls silent before the motors start is another flight than the one said yes to: an ERROR.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from agri.findings import Finding
from agri.words import Message
from missions import onboard
from missions.flightplan import FlightPlan
from missions.items import Command
from missions.preflight.requirements import Requirement, why
from missions.wire.telemetry import Telemetry

WAIT_S = 5.0 * onboard.NAMED_VALUE_S
"""How long it is listened for, on the aircraft's clock: of a link that loses a third, five are all
lost once in 250 times."""
SCRIPTING = "SCR_ENABLE"
RUNS = "finding.guard_runs"


def sprays(plan: FlightPlan) -> bool:
    """Return whether a plan switches a sprayer."""
    return plan.spray is not None or any(i.command == Command.DO_SPRAYER for i in plan.items)


def guard_requirements(plan: FlightPlan) -> tuple[Requirement, ...]:
    """Return what is read to tell why no guard is heard; none of it is demanded or set."""
    if not sprays(plan):
        return ()
    scripting = Requirement(
        name=SCRIPTING, wanted=1.0, fits=lambda _: True, reason=why("guard"), settable=False,
        absent=None,
    )  # fmt: skip
    return (scripting,)


def guard_version(telemetry: Telemetry) -> float | None:
    """Return what the guard last told of itself, None when that is too long ago or never was."""
    told = telemetry.named.get(onboard.NAMED_VALUE)
    if told is None or not -WAIT_S <= telemetry.time_s - told.time_s <= WAIT_S:
        return None
    return told.value


def waits_for_guard(plan: FlightPlan, telemetry: Telemetry, waited_s: float) -> bool:
    """Return whether it is still to be listened for, `waited_s` after the listening began."""
    return sprays(plan) and guard_version(telemetry) is None and waited_s < WAIT_S


def asked_of_guard(
    plan: FlightPlan, values: Mapping[str, float | None], telemetry: Telemetry
) -> tuple[str, ...]:
    """Return the parameter to be asked for when the guard is not heard though scripts may run."""
    silent = sprays(plan) and guard_version(telemetry) is None
    return (onboard.PARAMETER,) if silent and values.get(SCRIPTING) else ()


def check_guard(
    plan: FlightPlan, telemetry: Telemetry, values: Mapping[str, float | None]
) -> list[Finding]:
    """Return what is known of the spray guard; [] for a plan that does not spray.

    Parameters
    ----------
    plan : FlightPlan
        What is to be flown.
    telemetry : Telemetry
        The aircraft now, after it was listened to for `WAIT_S`.
    values : mapping of str to float or None
        Its parameters as read.
    """
    if not sprays(plan):
        return []
    version = guard_version(telemetry)
    if version is None:
        return [Finding.warning("finding.guard_not_heard", reason=_why_silent(values))]
    if version == 0.0:
        return [Finding.warning("finding.guard_helpless")]
    if version != onboard.VERSION:
        found = version if math.isfinite(version) else 0.0
        return [Finding.warning("finding.guard_other", found=found, version=onboard.VERSION)]
    return [Finding.info(RUNS, version=onboard.VERSION)]


def check_guard_still(shown: Iterable[Finding], telemetry: Telemetry) -> list[Finding]:
    """Return an error when the guard was shown to run and is not heard any more.

    Parameters
    ----------
    shown : iterable of Finding
        What the person saw.
    telemetry : Telemetry
        The aircraft, right before its motors start.
    """
    ran = any(finding.key == RUNS for finding in shown)
    if not ran or guard_version(telemetry) == onboard.VERSION:
        return []
    return [Finding.error("finding.guard_lost", seconds=WAIT_S)]


def _why_silent(values: Mapping[str, float | None]) -> Message:
    scripting, started = values.get(SCRIPTING), values.get(onboard.PARAMETER)
    if scripting is None:
        return Message.of("link.guard_no_scripts")
    if scripting == 0.0:
        return Message.of("link.guard_scripts_off")
    if started is None:
        return Message.of("link.guard_not_installed")
    return Message.of("link.guard_stopped", version=started)
