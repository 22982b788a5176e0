"""Fly one of the farm's plans, on a real aircraft or a simulated one, and keep what happened.

The order is the safety: the plan's checks, papers and weather (`agri.operations.clearance`), who is
at the other end of the link and whether it is signed with the key that aircraft was given, the
aircraft's parameters, one yes to set them, the upload and its proof, one yes to arm. Each yes at a
real aircraft stands in the farm's record before it is acted on. The flight's own record is opened
on disk between that yes and the arming, with the findings that were shown and the aircraft's
parameters: an aircraft whose flight cannot be recorded stays on the ground. Whatever breaks later,
what was seen is in the flight's folder.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from agri.errors import BadInput, Refused
from agri.files import copy_file, make_folder, told
from agri.findings import Finding, blocks
from agri.geo import LonLat
from agri.operations.applied import AppliedMap, map_record
from agri.operations.clearance import Launcher, Record, judge_launch
from agri.operations.keyring import Keyring
from agri.operations.meeting import Ours, keep_aircraft, meet
from agri.operations.report import keep_report, report_flight
from agri.operations.simulated import PATIENT, SIMULATED, vehicle_at
from agri.track import Event, FlightRecord, Photo
from agri.words import Language
from agri.workspace import Launch, PlanRecord, StoredFlight, Workspace
from agri.workspace.flightbook import FOLDER, FlightLog
from agri.workspace.flightlog import TLOG
from missions.checks.plan import check_plan
from missions.flight.briefing import read_needed
from missions.flight.launch import Blocked, Briefing, FlightProgress, OnProgress, fly, prepare
from missions.flight.phases import Phase
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.link.signing import Signing
from missions.preflight.requirements import Requirement
from missions.preflight.vehicle import unmet
from missions.sprayer.gear import PumpControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Pilot:
    """The person's part of a launch.

    Parameters
    ----------
    may_set : callable
        Shown the parameters that must change; its True sets them.
    may_arm : callable
        Shown the briefing; its True arms.
    on_link : callable
        Given the open link, so that Stop, Return and Land are at hand.
    on_progress : callable
        Told how the flight goes.
    """

    may_set: Callable[[tuple[Requirement, ...]], bool]
    may_arm: Callable[[Briefing], bool]
    on_link: Callable[[Link], None]
    on_progress: OnProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """A flight that is in the farm.

    Parameters
    ----------
    plan : FlightPlan
        What was to be flown.
    record : FlightRecord
        What was flown.
    stored : StoredFlight
        Its row in the farm.
    findings : tuple of Finding
        What the briefing told.
    picture, page : Path
        The files that show it.
    applied : AppliedMap or None
        What a spray flight put where; None for others, and when the aircraft did not tell its
        pump.
    """

    plan: FlightPlan
    record: FlightRecord
    stored: StoredFlight
    findings: tuple[Finding, ...]
    picture: Path
    page: Path
    applied: AppliedMap | None = None


SOMEONE = Launcher()
"""Who flies a simulation."""


class _Keeper:
    """The flight's log, which exists from the yes to arm onwards."""

    def __init__(self) -> None:
        self.log: FlightLog | None = None

    def position(
        self, *, time_s: float, place: LonLat, height_m: float, speed_m_s: float,
        battery_pct: float = float("nan"), pump_share: float = float("nan"),
    ) -> None:  # fmt: skip
        if self.log:
            self.log.position(time_s=time_s, place=place, height_m=height_m, speed_m_s=speed_m_s,
                              battery_pct=battery_pct, pump_share=pump_share)  # fmt: skip

    def photo(self, photo: Photo) -> None:
        if self.log:
            self.log.photo(photo)

    def event(self, event: Event) -> None:
        if self.log:
            self.log.event(event)


def fly_plan(
    farm: Workspace,
    plan: FlightPlan,
    stored_plan: PlanRecord | None,
    *,
    connect: str,
    pilot: Pilot,
    language: Language,
    now: datetime,
    launcher: Launcher = SOMEONE,
    speedup: float | None = None,
    deadline_s: float = 60.0,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    signing: Signing | None = None,
    keyring: Keyring | None = None,
) -> Flown:
    """Fly a plan and keep its record, picture and page in the farm.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    plan : FlightPlan
        What to fly.
    stored_plan : PlanRecord or None
        Its row, None for a plan from elsewhere.
    connect : str
        See `agri.operations.simulated.vehicle_at`.
    pilot : Pilot
        The person's part.
    language : {"vi", "en"}
        Language of picture and page.
    now : datetime
        Wall clock, UTC; names the telemetry log.
    launcher : Launcher
        Who flies what in which weather; a real aircraft needs a pilot's name.
    speedup : float, optional
        How much faster than the clock a simulation shall fly.
    deadline_s : float
        For the first heartbeat.
    clock : callable
        The time of day, with its time zone, by which papers and weather are judged.
    signing : Signing or None
        The aircraft's key (`agri.operations.keyring`); None flies unsigned, and says so.
    keyring : Keyring or None
        The keys that aircraft were given: a real one that has its key is launched over a link
        signed with it only. None knows of no keys.

    Returns
    -------
    Flown
        The flight, whatever its outcome.

    Raises
    ------
    BadInput
        When nobody is named to fly a real aircraft.
    Refused
        When a finding forbids it, the person said no, or the yes cannot be written down; nothing
        was armed.
    LinkError
        When the aircraft does not answer, or cannot be launched.
    StoreError
        When the record cannot be kept.
    """
    findings = _check(plan)
    if speedup is not None and connect not in SIMULATED:
        raise BadInput("error.speedup_real")
    simulated = connect in SIMULATED
    judged = judge_launch(farm, plan, launcher, now=clock(), simulated=simulated)
    if blocks(judged):
        raise Blocked((*findings, *judged))
    token = uuid.uuid4().hex
    yes = None if simulated else Record(farm=farm, plan=plan, launcher=launcher, clock=clock,
                                        token=token)  # fmt: skip
    keeper, briefed = _Keeper(), list(findings)

    def may_arm(briefing: Briefing) -> bool:
        briefed[:] = briefing.findings
        if not pilot.may_arm(briefing):
            return False
        now_judged = judge_launch(farm, plan, launcher, now=clock(), simulated=simulated)
        if blocks(now_judged):
            raise Blocked(now_judged)
        if yes is not None:
            keep_aircraft(yes, briefing)
            yes.launch(briefing.findings, briefing.parameters)
        keeper.log = keeper.log or farm.begin_flight(
            plan_name=plan.name,
            plan_digest=plan.digest,
            vehicle=briefing.identity.name,
            mission_uid=stored_plan.uid if stored_plan else "",
        )
        keeper.log.launched(_launch(briefing))
        return True

    tlog = make_folder(farm.folder / FOLDER) / f"{now:%Y%m%d-%H%M%S-%f}.tlog"
    try:
        with vehicle_at(connect, plan, speedup=speedup) as url:
            link = Link.connect(url, deadline_s=deadline_s, tlog=tlog, signing=signing)
            with link:
                ours = None if simulated else Ours(farm, plan, launcher, keyring)
                keyed, who = meet(link, ours, judged)
                pilot.on_link(link)
                leave = PATIENT if connect in SIMULATED else ()
                _set_parameters(link, plan, pilot, leave, yes)
                on_progress = _hurried(link, pilot.on_progress, speedup)
                record = fly(link, plan, confirm=may_arm, findings=who, keyed=keyed,
                             token=token, on_progress=on_progress, log=keeper)  # fmt: skip
    finally:
        _keep_tlog(tlog, keeper.log)
    assert keeper.log is not None  # noqa: S101 - fly returns only after the yes
    stored = keeper.log.finish(record)
    report = report_flight(plan, record, briefed, language)
    picture, page = keep_report(farm, Path(stored.folder).name, report)
    flown = Flown(plan=plan, record=record, stored=stored, findings=tuple(briefed),
                  picture=picture, page=page)  # fmt: skip
    if plan.spray is None or not np.isfinite(record.track.pump_share).any():
        return flown
    return replace(flown, applied=map_record(farm, stored, plan, record, language=language))


def _check(plan: FlightPlan) -> list[Finding]:
    findings = check_plan(plan)
    if blocks(findings):
        worst = next(f for f in findings if blocks([f]))
        raise Refused("error.fly_blocked", plan=plan.name, finding=worst.message)
    if plan.spray and plan.spray.settings.sprayer.control is PumpControl.EXPORT:
        raise Refused("error.fly_other_maker", sprayer=plan.spray.settings.sprayer.name)
    return findings


def _launch(briefing: Briefing) -> Launch:
    told = [(p.name, p.value) for p in briefing.parameters if p.value is not None]
    return Launch(parameters=tuple(told), findings=tuple(briefing.findings))


def _hurried(link: Link, on_progress: OnProgress, speedup: float | None) -> OnProgress:
    """Return `on_progress`, which also speeds a simulation up once it is in the air."""
    waiting = speedup is not None

    def told_and_hurried(progress: FlightProgress) -> None:
        nonlocal waiting
        if waiting and progress.phase is Phase.WATCH:
            waiting = False
            link.set_speedup(speedup or 1.0)
        on_progress(progress)

    return told_and_hurried


def _set_parameters(
    link: Link, plan: FlightPlan, pilot: Pilot, leave: Collection[str], yes: Record | None
) -> None:
    """Set what the plan needs after a yes, which at a real aircraft is written down first."""
    read = read_needed(link, plan)
    needs = tuple(need for need in unmet(plan, read) if need.name not in leave)
    if not any(need.settable for need in needs) or not pilot.may_set(needs):
        return
    if yes is not None:
        yes.parameters(needs, read)
    prepare(link, plan, leave=leave)


def _keep_tlog(tlog: Path, log: FlightLog | None) -> None:
    """Move the telemetry log into the flight's folder; without a flight it is not kept."""
    with told(tlog):
        if log is not None and tlog.is_file():
            copy_file(tlog, log.folder / TLOG)
        with suppress(FileNotFoundError):
            tlog.unlink()
