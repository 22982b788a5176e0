"""Before a flight: asking the aircraft, telling a person, setting what must be set.

`look` asks everything a launch would and changes nothing; `prepare` sets the parameters a plan
needs, after a person said yes, and reads them back.
"""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Collection
from dataclasses import dataclass

from agri.errors import LinkError, Refused
from agri.findings import Finding, Severity
from missions.checks.plan import check_plan
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.link.trust import check_trust
from missions.preflight.battery import check_limits
from missions.preflight.firmware import check_firmware
from missions.preflight.guard import asked_of_guard, check_guard, waits_for_guard
from missions.preflight.vehicle import (
    check_identity,
    check_parameters,
    check_readiness,
    is_ready,
    needed_parameters,
    unmet,
)
from missions.wire.commands import Parameter
from missions.wire.sightings import Sighting, VehicleIdentity
from missions.wire.telemetry import Telemetry

TURN_S = 0.1
READY_WAIT_S = 90.0


class Blocked(Refused):
    """A launch that its findings forbid.

    Attributes
    ----------
    findings : tuple of Finding
        All that was found, the errors among them.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        errors = [f for f in findings if f.severity is Severity.ERROR]
        super().__init__(
            "error.launch_blocked", count=len(errors), first=errors[0].message if errors else ""
        )
        self.findings = findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What a person sees before saying yes.

    Parameters
    ----------
    identity : VehicleIdentity
        The aircraft.
    findings : tuple of Finding
        Of plan and aircraft.
    plan_digest : str
        What is (or would be) on board.
    telemetry : Telemetry
        The aircraft now.
    parameters : tuple of Parameter
        Those of the aircraft that the plan depends on, as read for this launch.
    """

    identity: VehicleIdentity
    findings: tuple[Finding, ...]
    plan_digest: str
    telemetry: Telemetry
    parameters: tuple[Parameter, ...] = ()


def look(link: Link, plan: FlightPlan, *, wait_s: float = READY_WAIT_S) -> Briefing:
    """Ask the aircraft everything a launch would, and change nothing.

    Parameters
    ----------
    link : Link
        To the aircraft.
    plan : FlightPlan
        What would be flown.
    wait_s : float
        How long its own checks are waited for, seconds of the aircraft's time.

    Raises
    ------
    LinkError
        When it does not answer.
    """
    link.require_key()
    identity = link.identify()
    parameters = read_needed(link, plan)
    seen = link.telemetry()
    since_s = seen.time_s
    with link.watch() as inbox:
        while (not is_ready(seen) and seen.time_s - since_s < wait_s) or waits_for_guard(
            plan, seen, seen.time_s - since_s
        ):
            next_sighting(inbox, link)
            seen = link.telemetry()
    values = {told.name: told.value for told in parameters}
    found = (
        *trust_in(link),
        *check_plan(plan),
        *check_identity(identity),
        *check_firmware(identity),
        *check_parameters(plan, parameters),
        *check_guard(plan, seen, values),
        *check_limits(plan, values, seen),
        *check_readiness(plan, seen),
    )
    return Briefing(identity=identity, findings=found, plan_digest=plan.digest, telemetry=seen,
                    parameters=parameters)  # fmt: skip


def trust_in(link: Link, *, keyed: str = "") -> tuple[Finding, ...]:
    """Return who could command the aircraft over this link (`missions.link.trust`).

    `keyed` is the name of the key that the aircraft was given, "" for none.
    """
    return check_trust(
        link.heard(),
        link.signing,
        cable=link.address.is_serial,
        simulated=link.is_simulation(),
        keyed=keyed,
    )


def read_needed(link: Link, plan: FlightPlan) -> tuple[Parameter, ...]:
    """Read the parameters that a plan depends on, each by the name that the aircraft has for it.

    A newer name is asked for only where the older one stays unanswered, and the spray guard's only
    where it is not heard, since a name that the aircraft has not costs seconds of waiting.

    Raises
    ------
    LinkError
        When none was answered.
    """
    needs = needed_parameters(plan)
    read = link.read_parameters([need.name for need in needs if not need.instead_of])
    values = {parameter.name: parameter.value for parameter in read}
    more = [n.name for n in needs if n.instead_of and values.get(n.instead_of) is None]
    more += asked_of_guard(plan, values, link.telemetry())
    with contextlib.suppress(LinkError):
        return (*read, *link.read_parameters(more)) if more else read
    return (*read, *(Parameter(name, None) for name in more))


def prepare(link: Link, plan: FlightPlan, *, leave: Collection[str] = ()) -> tuple[Parameter, ...]:
    """Set every parameter the plan needs that differs, and read each back.

    To be called after a person has seen the list (`missions.preflight.vehicle.unmet`) and said yes.

    Parameters
    ----------
    link : Link
        To the aircraft, on the ground.
    plan : FlightPlan
        Whose needs they are.
    leave : collection of str
        Parameters that stay as they are.

    Returns
    -------
    tuple of Parameter
        What was changed, with the new values.

    Raises
    ------
    Refused
        When the aircraft is armed.
    LinkError
        When one cannot be set.
    """
    if link.telemetry().armed:
        raise Refused("error.link_armed_upload")
    wrong = unmet(plan, read_needed(link, plan))
    return tuple(
        link.set_parameter(n.name, n.wanted) for n in wrong if n.settable and n.name not in leave
    )


def next_sighting(inbox: queue.SimpleQueue[Sighting], link: Link) -> Sighting | None:
    """Wait a moment for the next sighting; asking keeps our heartbeats going."""
    link.telemetry()
    try:
        return inbox.get(timeout=TURN_S)
    except queue.Empty:
        return None
