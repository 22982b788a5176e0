"""Fly one of the farm's plans, on a real aircraft or a simulated one, and keep what happened.

The order is the safety: the plan's checks, the aircraft's parameters, one yes to set them, the
upload and its proof, one yes to arm. The record is opened on disk between that yes and the arming:
an aircraft whose flight cannot be recorded stays on the ground. Whatever breaks later, what was
seen is in the flight's folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from agri.errors import BadInput, Refused
from agri.files import copy_file, make_folder, told
from agri.findings import Finding, blocks
from agri.geo import LonLat
from agri.operations.report import keep_report, report_flight
from agri.track import Event, FlightRecord, Photo
from agri.words import Language
from agri.workspace import PlanRecord, StoredFlight, Workspace
from agri.workspace.flightbook import FOLDER, FlightLog
from agri.workspace.flightlog import TLOG
from missions.checks import check_plan
from missions.flightplan import FlightPlan
from missions.launch import Briefing, FlightProgress, OnProgress, fly, prepare
from missions.link import Link
from missions.phases import Phase
from missions.preflight import needed_parameters, unmet
from missions.requirements import Requirement

SIMULATED = ("sim", "ardupilot")
"""Words for ``--connect`` that start a simulation instead of naming an address."""
CAMERA_FITTED = {"CAM1_TYPE": 1.0, "SERVO11_FUNCTION": 10.0}
"""A simulated aircraft carries a camera on servo 11; real ones are wired by people."""
GROUND_SPEEDUP = 10.0
"""How fast a simulation runs on the ground: all its time limits run with it, and at 10 the eight
seconds it waits for a mission item are still 0.8 s by the clock. The speed asked for comes once it
has taken off."""
READY_AFTER_S = 5.0
"""The embedded simulator's receiver finds its position sooner than ArduCopter's 41.5 s."""
SIMULATED_HOVER_A = 30.0
"""Current a simulated copter draws in hover, whatever its frame (seen on ArduCopter's own)."""
LINK_PATIENCE_S = 1.0
"""A busy computer may be silent for this long by the wall clock; a sped-up simulation counts that
many times longer, so its FS_GCS_TIMEOUT grows with the speed-up (ArduPilot allows 120 s)."""


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
    """

    plan: FlightPlan
    record: FlightRecord
    stored: StoredFlight
    findings: tuple[Finding, ...]
    picture: Path
    page: Path


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


@contextmanager
def simulate(home: LonLat, *, port: int, speedup: float, udp: bool) -> Iterator[str]:
    """Run the embedded simulator at `home` and give its address.

    Parameters
    ----------
    home : LonLat
        Where it stands.
    port : int
        Port on this machine.
    speedup : float
        How much faster than the clock.
    udp : bool
        Listen with UDP instead of TCP.
    """
    from sitl.simulator import Simulator

    with Simulator(home, port=port, speedup=speedup, protocol="udp" if udp else "tcp",
                   parameters=CAMERA_FITTED) as simulated:  # fmt: skip
        yield simulated.url


@contextmanager
def vehicle_at(connect: str, plan: FlightPlan, *, speedup: float | None = None) -> Iterator[str]:
    """Give the address of the aircraft, starting a simulation where ``connect`` asks for one.

    Parameters
    ----------
    connect : str
        ``sim``, ``ardupilot`` or an address (`missions.address`).
    plan : FlightPlan
        A simulation stands at its home.
    speedup : float, optional
        How fast a simulation will fly.

    Raises
    ------
    NotFound
        When no real ArduCopter simulator is on this machine.
    """
    patience_s = LINK_PATIENCE_S * max(GROUND_SPEEDUP, speedup or 1.0)
    fitted = {**CAMERA_FITTED, "FS_GCS_TIMEOUT": min(120.0, max(5.0, patience_s))}
    if plan.aircraft:
        hover_h = plan.aircraft.battery_wh / plan.aircraft.hover_power_w
        fitted["BATT_CAPACITY"] = float(round(1000.0 * SIMULATED_HOVER_A * hover_h))
    if connect == "sim":
        from sitl.simulator import Simulator

        with Simulator(plan.home, speedup=GROUND_SPEEDUP, ready_after_s=READY_AFTER_S,
                       parameters=fitted) as simulated:  # fmt: skip
            yield simulated.url
    elif connect == "ardupilot":
        from sitl.ardupilot import ArduPilot

        with ArduPilot(plan.home, speedup=GROUND_SPEEDUP, parameters=fitted) as real:
            yield real.url
    else:
        yield connect


def fly_plan(
    farm: Workspace,
    plan: FlightPlan,
    stored_plan: PlanRecord | None,
    *,
    connect: str,
    pilot: Pilot,
    language: Language,
    now: datetime,
    speedup: float | None = None,
    deadline_s: float = 60.0,
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
        See `vehicle_at`.
    pilot : Pilot
        The person's part.
    language : {"vi", "en"}
        Language of picture and page.
    now : datetime
        Wall clock, UTC; names the telemetry log.
    speedup : float, optional
        How much faster than the clock a simulation shall fly.
    deadline_s : float
        For the first heartbeat.

    Returns
    -------
    Flown
        The flight, whatever its outcome.

    Raises
    ------
    Refused
        When a finding forbids it, or the person said no; nothing was armed.
    LinkError
        When the aircraft does not answer, or cannot be launched.
    StoreError
        When the record cannot be kept.
    """
    findings = check_plan(plan)
    if blocks(findings):
        worst = next(f for f in findings if blocks([f]))
        raise Refused("error.fly_blocked", plan=plan.name, finding=worst.message)
    if speedup is not None and connect not in SIMULATED:
        raise BadInput("error.speedup_real")
    keeper, briefed = _Keeper(), list(findings)

    def may_arm(briefing: Briefing) -> bool:
        briefed[:] = briefing.findings
        if not pilot.may_arm(briefing):
            return False
        keeper.log = keeper.log or farm.begin_flight(
            plan_name=plan.name,
            plan_digest=plan.digest,
            vehicle=briefing.identity.name,
            mission_uid=stored_plan.uid if stored_plan else "",
        )
        return True

    tlog = make_folder(farm.folder / FOLDER) / f"{now:%Y%m%d-%H%M%S-%f}.tlog"
    try:
        with vehicle_at(connect, plan, speedup=speedup) as url:
            link = Link.connect(url, deadline_s=deadline_s, tlog=tlog)
            with link:
                pilot.on_link(link)
                _set_parameters(link, plan, pilot)
                on_progress = _hurried(link, pilot.on_progress, speedup)
                record = fly(link, plan, confirm=may_arm, on_progress=on_progress, log=keeper)
    finally:
        _keep_tlog(tlog, keeper.log)
    assert keeper.log is not None  # noqa: S101 - fly returns only after the yes
    stored = keeper.log.finish(record)
    report = report_flight(plan, record, briefed, language)
    picture, page = keep_report(farm, Path(stored.folder).name, report)
    return Flown(plan=plan, record=record, stored=stored, findings=tuple(briefed), picture=picture,
                 page=page)  # fmt: skip


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


def _set_parameters(link: Link, plan: FlightPlan, pilot: Pilot) -> None:
    needs = unmet(plan, link.read_parameters([need.name for need in needed_parameters(plan)]))
    if any(need.settable for need in needs) and pilot.may_set(needs):
        prepare(link, plan)


def _keep_tlog(tlog: Path, log: FlightLog | None) -> None:
    """Move the telemetry log into the flight's folder; without a flight it is not kept."""
    with told(tlog):
        if log is not None and tlog.is_file():
            copy_file(tlog, log.folder / TLOG)
        with suppress(FileNotFoundError):
            tlog.unlink()
