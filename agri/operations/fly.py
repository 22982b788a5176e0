"""Fly one of the farm's plans, on a real aircraft or a simulated one, and keep what happened.

The order is the safety. Before anything is asked of the aircraft: the plan's checks, papers and
weather (`agri.operations.clearance`), and what the farm's record tells of flights broken off
(`agri.operations.found`). Then the address and the aircraft that is meant are held (`agri.leases`);
the link is opened without a heartbeat and looked at: an aircraft whose motors run is left alone,
for its failsafe may just be bringing it home. Then it is asked who it is and whether the link is
signed with the key it was given (`agri.operations.meeting`), and its board is held; its parameters
are read, one yes sets them, the plan is uploaded and proved, one yes arms. Each yes at a real
aircraft stands in the farm's record before it is acted on.

That last yes uses the launch's token up (`agri.workspace.tokens`); whoever asks for the same launch
again, from another window or after a crash, is refused. The flight's own record is opened on disk
between that yes and the arming, with the findings that were shown and the aircraft's parameters: an
aircraft whose flight cannot be recorded stays on the ground. Whatever breaks later, what was seen
is in the flight's folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from agri.errors import AgriError, BadInput, Refused, StoreError
from agri.files import copy_file, make_folder, told
from agri.findings import Finding, blocks
from agri.geo import LonLat
from agri.leases import Holder, Lease
from agri.operations.applied import AppliedMap, map_record
from agri.operations.clearance import Launcher, Record, aircraft_of, judge_launch
from agri.operations.found import AIRBORNE_M, as_it_stands, broken_off
from agri.operations.keyring import Keyring
from agri.operations.meeting import Ours, keep_aircraft, meet
from agri.operations.report import keep_report, report_flight
from agri.operations.simulated import PATIENT, SIMULATED, vehicle_at
from agri.track import Event, FlightRecord, Photo
from agri.words import Language, Message
from agri.workspace import Launch, PlanRecord, StoredFlight, Workspace
from agri.workspace.flightbook import FOLDER, FlightLog
from agri.workspace.flightlog import TLOG
from agri.workspace.tokens import claim, next_token
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
    on_found : callable
        Told what earlier flights left and how the aircraft stands, when there is something to tell.
    stopped_by : callable
        Returns the name of who ordered a stop, a return or a landing, "" while nobody did.
    """

    may_set: Callable[[tuple[Requirement, ...]], bool]
    may_arm: Callable[[Briefing], bool]
    on_link: Callable[[Link], None]
    on_progress: OnProgress
    on_found: Callable[[tuple[Finding, ...]], None] = lambda _: None
    stopped_by: Callable[[], str] = str


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


LEASES = ".leases"
SOMEONE = Launcher()
"""Who flies a simulation."""


class _Keeper:
    """What is kept of one launch: the yes, and the flight's log, which exists from then onwards."""

    def __init__(
        self, farm: Workspace, plan: FlightPlan, stored_plan: PlanRecord | None,
        launcher: Launcher, clock: Callable[[], datetime], *, simulated: bool, token: str,
    ) -> None:  # fmt: skip
        self.token, self.simulated = token, simulated
        self.log: FlightLog | None = None
        self.briefed = list(check_plan(plan))
        self.yes = None if simulated else Record(farm=farm, plan=plan, launcher=launcher,
                                                 clock=clock, token=token)  # fmt: skip
        self.tlog: Path | None = None
        self._rose = False
        self._farm, self._plan, self._stored_plan = farm, plan, stored_plan
        self._launcher, self._clock = launcher, clock

    def may_arm(self, briefing: Briefing, pilot: Pilot) -> bool:
        """Ask the person; with the yes the launch is used up, written down and recorded."""
        self.briefed[:] = briefing.findings
        if not pilot.may_arm(briefing):
            return False
        farm, plan, now = self._farm, self._plan, self._clock()
        judged = judge_launch(farm, plan, self._launcher, now=now, simulated=self.simulated)
        if blocks(judged):
            raise Blocked(judged)
        if self.log is None:
            claim(farm.folder, self.token, who=self._launcher.pilot, plan_name=plan.name,
                  at_utc=now)  # fmt: skip
        if self.yes is not None:
            keep_aircraft(self.yes, briefing)
            self.yes.launch(briefing.findings, briefing.parameters)
        launch = _launch(briefing, simulated=self.simulated)
        if self.log is None:
            self.log = self._begun(briefing, launch)
        else:
            self.log.launched(launch)
        return True

    def _begun(self, briefing: Briefing, launch: Launch) -> FlightLog:
        self._farm.recover()
        log = self._farm.begin_flight(
            plan_name=self._plan.name,
            plan_digest=self._plan.digest,
            vehicle=briefing.identity.name,
            mission_uid=self._stored_plan.uid if self._stored_plan else "",
            launch=launch,
        )
        with suppress(OSError):  # a disk without links gets a copy in the end
            os.link(self.tlog or "", log.folder / TLOG)
        return log

    def leave(self, error: BaseException, who: str) -> None:
        """Close the record of a launch that ended otherwise than by landing.

        One that ended on the ground says why, and who stopped it; any other is unfinished.
        """
        if self.log is None:
            return
        try:
            if isinstance(error, AgriError) and not (self._rose or isinstance(error, StoreError)):
                since_s = (self._clock() - self.log.head.started_utc).total_seconds()
                with suppress(AgriError):
                    self.log.stay(Event(since_s, _why_stayed(error, who)))
        finally:
            self.log.close()

    def keep_tlog(self) -> None:
        """Leave the telemetry log in the flight's folder; without a flight it is not kept."""
        if self.tlog is None:
            return
        with told(self.tlog):
            if self.log is not None and self.tlog.is_file():
                kept = self.log.folder / TLOG
                if not (kept.is_file() and kept.samefile(self.tlog)):
                    copy_file(self.tlog, kept)
            self.tlog.unlink(missing_ok=True)

    def position(
        self, *, time_s: float, place: LonLat, height_m: float, speed_m_s: float,
        battery_pct: float = float("nan"), pump_share: float = float("nan"),
    ) -> None:  # fmt: skip
        self._rose = self._rose or height_m > AIRBORNE_M
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
    token: str = "",
    held_in: Path | None = None,
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
        The time of day, with its time zone: papers and weather are judged by it, the flight is
        written down with it.
    signing : Signing or None
        The aircraft's key (`agri.operations.keyring`); None flies unsigned, and says so.
    keyring : Keyring or None
        The keys that aircraft were given: a real one that has its key is launched over a link
        signed with it only. None knows of no keys.
    token : str
        Names this launch, which then happens once; "" is the next launch of this plan.
    held_in : Path or None
        A folder beside the farm's own in which a real aircraft is held, for other farms to see.

    Returns
    -------
    Flown
        The flight, whatever its outcome.

    Raises
    ------
    BadInput
        When nobody is named to fly a real aircraft.
    Refused
        When a finding forbids it, another program has the aircraft, the launch was done before, the
        person said no, or the yes cannot be written down; nothing was armed.
    LinkError
        When the aircraft does not answer, or cannot be launched.
    StoreError
        When the record cannot be kept.
    """
    _refuse_unfit(plan, connect, speedup)
    simulated = connect in SIMULATED
    judged = judge_launch(farm, plan, launcher, now=clock(), simulated=simulated)
    if blocks(judged):
        raise Blocked((*check_plan(plan), *judged))
    left = broken_off(farm, plan, simulated=simulated)
    keeper = _Keeper(farm, plan, stored_plan, launcher, clock, simulated=simulated,
                     token=token or next_token(farm.folder, _series(plan, simulated)))  # fmt: skip
    keeper.tlog = make_folder(farm.folder / FOLDER) / f"{now:%Y%m%d-%H%M%S-%f}.tlog"
    try:
        with vehicle_at(connect, plan, speedup=speedup) as url, ExitStack() as held:
            holder = Holder.here(who=launcher.pilot, doing=plan.name, since_utc=clock())
            places = () if simulated else (farm.folder / LEASES, *([held_in] if held_in else ()))
            _hold(held, places, url, holder)
            _hold(held, places[:1], aircraft_of(farm, plan, launcher), holder)
            link = held.enter_context(Link.connect(url, deadline_s=deadline_s, tlog=keeper.tlog,
                                                   signing=signing, quiet=True))  # fmt: skip
            found = _look_first(link, plan, left, pilot)
            ours = None if simulated else Ours(farm, plan, launcher, keyring)
            keyed, who = meet(link, ours, judged)
            _hold(held, places, link.identify().uid, holder)
            link.speak()
            pilot.on_link(link)
            leave = PATIENT if simulated else ()
            _set_parameters(link, plan, pilot, leave, keeper.yes)
            record = fly(
                link, plan, confirm=lambda briefing: keeper.may_arm(briefing, pilot),
                findings=(*who, *found), keyed=keyed, log=keeper, token=keeper.token,
                on_progress=_hurried(link, pilot.on_progress, speedup), utc=clock,
            )  # fmt: skip
    except BaseException as error:
        keeper.leave(error, pilot.stopped_by())
        raise
    finally:
        keeper.keep_tlog()
    assert keeper.log is not None  # noqa: S101 - fly returns only after the yes
    stored = keeper.log.finish(record)
    report = report_flight(plan, record, keeper.briefed, language, simulated=simulated)
    picture, page = keep_report(farm, Path(stored.folder).name, report)
    flown = Flown(plan=plan, record=record, stored=stored, findings=tuple(keeper.briefed),
                  picture=picture, page=page)  # fmt: skip
    if plan.spray is None or not np.isfinite(record.track.pump_share).any():
        return flown
    return replace(flown, applied=map_record(farm, stored, plan, record, language=language))


def _refuse_unfit(plan: FlightPlan, connect: str, speedup: float | None) -> None:
    """Refuse what no aircraft is asked about."""
    findings = check_plan(plan)
    if blocks(findings):
        worst = next(f for f in findings if blocks([f]))
        raise Refused("error.fly_blocked", plan=plan.name, finding=worst.message)
    if plan.spray and plan.spray.settings.sprayer.control is PumpControl.EXPORT:
        raise Refused("error.fly_other_maker", sprayer=plan.spray.settings.sprayer.name)
    if speedup is not None and connect not in SIMULATED:
        raise BadInput("error.speedup_real")


def _why_stayed(error: AgriError, who: str) -> Message:
    """Return why a launch ended on the ground."""
    if error.message.key != "error.launch_stopped":
        return Message.of("event.launch_ended", reason=error.message)
    return (
        Message.of("event.launch_stopped_by", who=who)
        if who
        else Message.of("event.launch_stopped")
    )


def _series(plan: FlightPlan, simulated: bool) -> str:
    return plan.digest[:24] + ("-sim" if simulated else "")


def _hold(held: ExitStack, places: Collection[Path], what: str, holder: Holder) -> None:
    """Hold something, where it has a name, in every place for as long as `held` is open."""
    for place in places if what else ():
        held.enter_context(Lease(place, what, holder))


def _look_first(
    link: Link, plan: FlightPlan, left: tuple[Finding, ...], pilot: Pilot
) -> tuple[Finding, ...]:
    """Tell what was found before anything is done; an aircraft that runs is left alone."""
    link.require_key()
    stands = as_it_stands(link, plan)
    if blocks([stands]):
        raise Blocked((*left, stands))
    found = (*left, stands) if left else ()
    if found:
        pilot.on_found(found)
    return found


def _launch(briefing: Briefing, *, simulated: bool) -> Launch:
    told = [(p.name, p.value) for p in briefing.parameters if p.value is not None]
    return Launch(parameters=tuple(told), findings=tuple(briefing.findings), simulated=simulated)


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
