"""Whether a flight may start by the farm's papers and by the weather, and who said yes to it.

A real aircraft flies only by papers that hold (permit, licence, registration, a look at the map),
and sprays only in weather within limits; an ERROR of either forbids the launch. Both are judged
when the flight is asked for and once more at the yes: a permit's hours end, weather grows old.

A plan that an adviser sent back, or that what was built or drawn since makes wrong, is flown
neither by a real aircraft nor in a simulation (`agri.operations.reviews`, `since_planned`).

A simulated flight needs no permit. What the papers and the weather would say of it is shown as
information, in case a person wants to know, and blocks nothing.

What a person confirms at a real aircraft is written to the farm's record (`agri.audit`) before it
is done: parameters before the first is set, a launch before anything that arms. Where it cannot be
written, it is not done. Simulated flights write nothing there: the record is to be read by someone
who asks what was done to real aircraft, and a hundred rehearsals would hide the one that counts. An
address that leads to a simulator cannot be told from a real one and counts as real.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from agri import audit
from agri.audit import AuditUnwritable, Confirmed
from agri.errors import BadInput, Refused
from agri.findings import Finding, Severity
from agri.operations.papers import judge_plan
from agri.operations.planning import surroundings
from agri.operations.reviews import judge_reviews
from agri.operations.since_planned import judge_site
from agri.operations.sorties import weather_for
from agri.papers import Registration
from agri.weather import Weather
from agri.workspace import Workspace
from missions.flightplan import FlightPlan
from missions.preflight.requirements import Requirement
from missions.wire.commands import Parameter
from missions.wire.sightings import VehicleIdentity

LAUNCH, PARAMETERS, AIRCRAFT = "launch_confirmed", "parameters_confirmed", "aircraft_kept"
"""Kinds of entries in the record."""
COVERS = "finding.permit_covers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launcher:
    """Who flies what, in which weather.

    Parameters
    ----------
    pilot : str
        As in the papers; "" only for a simulated flight.
    aircraft : str
        Name, registration or serial number; "" for the only one registered, or the plan's.
    weather : Weather or None
        As measured at the field; None when it was not entered.
    """

    pilot: str = ""
    aircraft: str = ""
    weather: Weather | None = None


def aircraft_of(farm: Workspace, plan: FlightPlan, launcher: Launcher) -> str:
    """Return which aircraft is meant: the one named, the only one registered, or the plan's."""
    registered = farm.papers.read()[0].registrations
    if launcher.aircraft:
        return launcher.aircraft
    if len(registered) == 1:
        return registered[0].aircraft
    return plan.aircraft.name if plan.aircraft else ""


def names_of(farm: Workspace, plan: FlightPlan, launcher: Launcher) -> tuple[str, ...]:
    """Return all that the aircraft meant is called: its name, registration and serial number."""
    meant = aircraft_of(farm, plan, launcher)
    registered = [one for one in farm.papers.read()[0].registrations if one.is_called(meant)]
    return (meant, *(n for one in registered for n in (one.aircraft, one.number, one.serial)))


def judge_launch(
    farm: Workspace, plan: FlightPlan, launcher: Launcher, *, now: datetime, simulated: bool
) -> tuple[Finding, ...]:
    """Return what advisers, the surroundings, papers and weather say of a launch.

    Parameters
    ----------
    farm : Workspace
        The open farm, whose papers count.
    plan : FlightPlan
        What is to be flown.
    launcher : Launcher
        Who flies what, in which weather.
    now : datetime
        When, with its time zone.
    simulated : bool
        Whether no real aircraft flies: then all is information. The papers are judged only when a
        pilot is named.

    Raises
    ------
    BadInput
        When nobody is named to fly a real aircraft, or the plan does not tell its aircraft's mass.
    """
    around = () if plan.site is None else (surroundings(plan.site),)
    said = (*judge_reviews(farm, plan), *judge_site(farm, plan), *around)
    if simulated:
        found = _papers(farm, plan, launcher, now) if launcher.pilot and plan.aircraft else []
        if launcher.weather is not None:
            found += _weather(plan, launcher.weather, now)
        return (*said, *as_information(found))
    if not launcher.pilot.strip():
        raise BadInput("error.pilot_needed")
    papers = _papers(farm, plan, launcher, now)
    return (*said, *papers, *_weather(plan, launcher.weather, now))


def as_information(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings of a simulated flight: the line that says why they block nothing, then they.

    Examples
    --------
    >>> told = as_information([Finding.error("finding.spray_unknown_wind")])
    >>> [(finding.key, finding.severity.name) for finding in told]
    [('finding.simulated_papers', 'INFO'), ('finding.spray_unknown_wind', 'INFO')]
    """
    told = (replace(finding, severity=Severity.INFO) for finding in findings)
    return (Finding.info("finding.simulated_papers"), *told)


def _papers(farm: Workspace, plan: FlightPlan, launcher: Launcher, now: datetime) -> list[Finding]:
    aircraft = aircraft_of(farm, plan, launcher)
    return judge_plan(farm, plan, pilot=launcher.pilot, aircraft=aircraft, starts=now)


def _weather(plan: FlightPlan, weather: Weather | None, now: datetime) -> list[Finding]:
    if plan.spray is None:
        return []
    if weather is None:
        return [Finding.warning("finding.weather_not_entered")]
    return list(weather_for(plan, weather, now=now))


# ------------------------------------------------------------------ the record


def parameters_digest(parameters: Iterable[Parameter]) -> str:
    """Return the SHA-256 of an aircraft's parameters, whatever their order.

    Parameters
    ----------
    parameters : iterable of Parameter
        As read; one the aircraft does not have counts as none.

    Examples
    --------
    >>> some = [Parameter("A", 1.0), Parameter("B", None)]
    >>> parameters_digest(some) == parameters_digest(some[::-1])
    True
    """
    lines = sorted(f"{p.name}={'' if p.value is None else repr(p.value)}" for p in parameters)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The record of what one person confirms for one flight of a real aircraft.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    plan : FlightPlan
        What is flown.
    launcher : Launcher
        By whom, and with what.
    clock : callable
        The time of day, with its time zone.
    token : str
        Names this launch.
    """

    farm: Workspace
    plan: FlightPlan
    launcher: Launcher
    clock: Callable[[], datetime]
    token: str

    def launch(self, findings: Iterable[Finding], parameters: Iterable[Parameter]) -> None:
        """Write down a yes to arm: the warnings accepted, the parameters as read.

        Raises
        ------
        Refused
            When it cannot be written: then nothing may be armed.
        """
        shown = tuple(findings)
        self._append(
            LAUNCH,
            permit=next((f.where for f in shown if f.key == COVERS), ""),
            findings=tuple(f.key for f in shown if f.severity is Severity.WARNING),
            parameters_digest=parameters_digest(parameters),
            note=f"token {self.token}",
        )

    def aircraft(self, paper: Registration, identity: VehicleIdentity) -> None:
        """Write down that an aircraft was seen for the first time and taken for a registered one.

        Raises
        ------
        Refused
            When it cannot be written: then it may not be kept.
        """
        board = identity.uid or "-"
        self._append(
            AIRCRAFT,
            note=f"{paper.aircraft} {paper.number}: system {identity.system}, board {board}",
        )

    def parameters(self, needs: Iterable[Requirement], read: Iterable[Parameter]) -> None:
        """Write down a yes to set parameters: the new values, and the digest of those before.

        Raises
        ------
        Refused
            When it cannot be written: then none may be set.
        """
        wanted = [need for need in needs if need.settable]
        self._append(
            PARAMETERS,
            parameters_digest=parameters_digest(read),
            note=", ".join(f"{need.name}={need.wanted:g}" for need in wanted),
        )

    def _append(self, kind: str, *, permit: str = "", findings: tuple[str, ...] = (),
                parameters_digest: str = "", note: str = "") -> None:  # fmt: skip
        pilot = self.launcher.pilot
        what = Confirmed(
            plan_name=self.plan.name,
            plan_digest=self.plan.digest,
            aircraft=aircraft_of(self.farm, self.plan, self.launcher),
            pilot=pilot,
            permit=permit,
            findings=findings,
            parameters_digest=parameters_digest,
            note=note,
        )
        try:
            audit.append(self.farm.folder, kind=kind, who=pilot, at_utc=self.clock(), what=what)
        except AuditUnwritable as error:
            raise Refused("error.launch_unrecorded", reason=error.message) from error
