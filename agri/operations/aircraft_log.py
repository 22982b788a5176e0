"""The aircraft's own log after the landing: its track in place of the one heard on the ground.

A log (.bin) is first copied into the farm and read from there: a card may be pulled at any moment.
Which of its flights is meant is never taken on trust: it must lie on the track that was heard
(`missions.flight.matching`) at about the same time, or, where little was heard, have the plan's
mission on board. The heard track stays in the flight's folder, and so does the log.

What the log tells of mission, fence and rally points is compared with the plan's and told
(`agri.operations.log_fence`); where it does not tell, that is told.

A flight that nobody watched is made from the log alone (`import_unwatched`); then the mission on
board must be the plan's, or where the log does not tell it, the way flown.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from agri import files
from agri.errors import BadInput, NotFound, Refused
from agri.findings import Finding
from agri.names import same
from agri.operations.applied import AppliedMap, map_record
from agri.operations.found import was_simulated
from agri.operations.log_fence import about_fence
from agri.operations.log_fits import Fit, alone, exact, fits, flew, is_flight, plan_of_flight
from agri.operations.report import keep_report, report_flight
from agri.operations.sorties import flight_named
from agri.track import FlightRecord
from agri.units import INDOCHINA_TIME
from agri.words import Language
from agri.workspace import AircraftLog, Launch, Outcome, PlanRecord, StoredFlight, Workspace
from agri.workspace.flightbook import FOLDER
from missions.flightplan import FlightPlan
from missions.formats.dataflash import FlightsLog, LoggedFlight, read_dataflash
from missions.items import digest
from missions.wire.pump import pump_channel

MOST_BYTES = 300_000_000
"""A working day at ArduPilot's usual rates."""
CLOCKS_TOLD_S = 60.0
"""A difference between the clocks worth telling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A flight with the track of the aircraft's own log.

    Parameters
    ----------
    flight : StoredFlight
        Its row.
    record : FlightRecord
        The flight.
    plan : FlightPlan or None
        What was to be flown, None when it is not in the farm.
    findings : tuple of Finding
        What there is to say about the log.
    picture, page : Path or None
        The files that show it.
    applied : AppliedMap or None
        What it sprayed, of a spray flight whose pump the log tells.
    """

    flight: StoredFlight
    record: FlightRecord
    plan: FlightPlan | None
    findings: tuple[Finding, ...]
    picture: Path | None
    page: Path | None
    applied: AppliedMap | None = None


def import_log(
    farm: Workspace, file: Path, *, wanted: str = "", language: Language, now: datetime
) -> Imported:
    """Put the track of the aircraft's log in the place of the one that was heard on the ground.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    file : Path
        The log.
    wanted : str
        A flight's key or a beginning of it, or a plan's name; "" looks at all flights.
    language : {"vi", "en"}
        Language of pictures and pages.
    now : datetime
        Wall clock, UTC.

    Raises
    ------
    NotFound
        When there is no such flight or file, or none of the log's flights is it.
    BadInput
        When the file is no log that can be read.
    StoreError
        When the disk cannot take it; the flight is then as it was.
    """
    candidates = _candidates(farm, wanted)
    with _take(farm, file) as taken:
        log = taken.log
        found = [fit for flight in candidates for fit in fits(farm, flight, log)]
        if not found:
            raise NotFound("error.log_fits_none", file=file.name, times=_times(log.flights),
                           count=len(log.flights))  # fmt: skip
        fit = min(found, key=lambda one: abs(one.clocks_s))
        plan = plan_of_flight(farm, fit.flight)
        record = exact(fit, plan)
        paper = _paper(taken, fit.logged, offset_s=fit.offset_s, now=now)
        stored = farm.replace_track(fit.flight, record, (taken.copy, paper))
    findings = [*_about(log, fit.logged, record, plan), *_about_clocks(fit)]
    if np.isnan(fit.logged.track_with(pump_channel(plan) if plan else 0).pump_share).any():
        told = bool(np.isfinite(record.track.pump_share).any())
        findings += [Finding.warning("finding.log_pump_heard")] if told else []
    findings += _about_parameters(farm.launch_of(stored), fit.logged)
    return _shown(farm, stored, record, plan, findings, language=language)


def import_unwatched(
    farm: Workspace,
    file: Path,
    plan: FlightPlan,
    stored_plan: PlanRecord | None,
    *,
    language: Language,
    now: datetime,
) -> tuple[Imported, ...]:
    """Make flights of a plan from a log alone; those the farm has already are left out.

    Parameters
    ----------
    farm, file, language, now
        As in `import_log`.
    plan : FlightPlan
        What was flown.
    stored_plan : PlanRecord or None
        Its row, None for a plan from elsewhere.

    Returns
    -------
    tuple of Imported
        One for each flight of this plan, in order.

    Raises
    ------
    NotFound
        When the log has no flight of this plan.
    Refused
        When the farm has them all, or the log does not tell the time.
    BadInput, StoreError
        As `import_log`.
    """
    found = []
    with _take(farm, file) as taken:
        log = taken.log
        flown = [one for one in log.flights if flew(plan, one)]
        if not flown:
            raise NotFound("error.log_other_plan", file=file.name, plan=plan.name,
                           times=_times(log.flights))  # fmt: skip
        if any(one.started_utc is None for one in flown):
            raise Refused("error.log_without_time", file=file.name)
        known = _candidates(farm, "")
        new = [one for one in flown if not any(is_flight(farm, flight, one) for flight in known)]
        if not new:
            raise Refused("error.log_known", file=file.name, plan=plan.name)
        for logged in new:
            with _another(farm, taken.copy) as own:
                record = alone(logged, plan, log.firmware)
                paper = _paper(taken, logged, offset_s=0.0, now=now)
                launch = Launch(parameters=tuple(logged.parameters.items()), findings=())
                stored = farm.save_flight(
                    record,
                    mission_uid=stored_plan.uid if stored_plan else "",
                    log=(own, paper),
                    launch=launch,
                )
            about = _about(log, logged, record, plan)
            found.append(_shown(farm, stored, record, plan, about, language=language))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A log copied into the farm and read."""

    name: str
    copy: Path
    sha256: str
    log: FlightsLog


@contextmanager
def _take(farm: Workspace, file: Path) -> Iterator[_Taken]:
    """Copy a log into the farm and read it; the copy is gone afterwards, or stands in a flight."""
    with files.told(file):
        if not file.exists():
            raise NotFound("error.no_file", path=str(file))
        if not file.is_file():
            raise BadInput("error.not_a_file", path=str(file))
        if file.stat().st_size > MOST_BYTES:
            raise BadInput("error.file_too_large", path=str(file), limit_mb=MOST_BYTES / 1e6)
    with _another(farm, file) as copy:
        with files.told(copy), copy.open("rb") as opened:
            sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
            opened.seek(0)
            log = read_dataflash(opened, name=file.name)
        if not log.flights:
            raise NotFound("error.log_no_flight", file=file.name)
        yield _Taken(name=file.name, copy=copy, sha256=sha256, log=log)


@contextmanager
def _another(farm: Workspace, file: Path) -> Iterator[Path]:
    """Copy a file into the farm under a hidden name, which is free again afterwards."""
    copy = files.temporary_beside(files.make_folder(farm.folder / FOLDER) / "log.bin")
    try:
        files.copy_file(file, copy)
        yield copy
    finally:
        with suppress(OSError):
            copy.unlink()


def _candidates(farm: Workspace, wanted: str) -> list[StoredFlight]:
    every = [one for one in farm.flights() if one.outcome is not Outcome.FLYING]
    if not wanted:
        return every
    of_plan = [one for one in every if same(one.plan_name) == same(wanted)]
    return of_plan or [flight_named(farm, wanted)]


def _times(flights: Sequence[LoggedFlight]) -> str:
    """Return when the flights of a log began, by Vietnam's clock."""
    told = [one.started_utc for one in flights[:5] if one.started_utc]
    return ", ".join(f"{when.astimezone(INDOCHINA_TIME):%d/%m/%Y %H:%M}" for when in told) or "–"


def _paper(taken: _Taken, logged: LoggedFlight, *, offset_s: float, now: datetime) -> AircraftLog:
    return AircraftLog(
        file=taken.name,
        sha256=taken.sha256,
        imported_utc=now,
        started_utc=logged.started_utc,
        boot_s=logged.boot_s,
        offset_s=offset_s,
        accuracy_m=logged.accuracy_m if math.isfinite(logged.accuracy_m) else None,
        mission_digest=logged.mission_digest,
        damaged_bytes=taken.log.damaged_bytes,
    )


def _about(
    log: FlightsLog, logged: LoggedFlight, record: FlightRecord, plan: FlightPlan | None
) -> list[Finding]:
    found = []
    if log.damaged_bytes:
        found.append(Finding.warning("finding.log_damaged", bytes=log.damaged_bytes))
    if log.cut:
        found.append(Finding.info("finding.log_cut"))
    if plan is not None and logged.items:
        if logged.mission_digest == digest(plan.items):
            found.append(Finding.info("finding.log_same_mission", plan=plan.name))
        else:
            found.append(Finding.warning("finding.log_other_mission", plan=plan.name))
    found += about_fence(logged, plan) if plan is not None else []
    if plan is not None and plan.spray and not np.isfinite(record.track.pump_share).any():
        found.append(Finding.warning("finding.log_without_pump"))
    return found


def _about_clocks(fit: Fit) -> list[Finding]:
    if fit.clocks_s <= CLOCKS_TOLD_S:
        return []
    return [Finding.warning("finding.log_clocks", minutes=fit.clocks_s / 60.0)]


def _about_parameters(launch: Launch | None, logged: LoggedFlight) -> list[Finding]:
    """Tell of parameters that were others when it flew than when the briefing read them."""
    others = [
        name
        for name, value in (launch.parameters if launch else ())
        if name in logged.parameters
        and not math.isclose(logged.parameters[name], value, rel_tol=1e-5, abs_tol=1e-6)
    ]
    if not others:
        return []
    return [Finding.warning("finding.log_parameters", names=", ".join(others[:5]))]


def _shown(
    farm: Workspace,
    stored: StoredFlight,
    record: FlightRecord,
    plan: FlightPlan | None,
    findings: Sequence[Finding],
    *,
    language: Language,
) -> Imported:
    imported = Imported(flight=stored, record=record, plan=plan, findings=tuple(findings),
                        picture=None, page=None)  # fmt: skip
    if plan is None:
        return imported
    launch = farm.launch_of(stored)
    briefed = launch.findings if launch else ()
    report = report_flight(plan, record, (*briefed, *findings), language,
                           simulated=was_simulated(farm, stored))  # fmt: skip
    picture, page = keep_report(farm, Path(stored.folder).name, report)
    imported = replace(imported, picture=picture, page=page)
    if plan.spray is None or not np.isfinite(record.track.pump_share).any():
        return imported
    try:
        applied = map_record(farm, stored, plan, record, language=language)
    except Refused as trouble:
        told = Finding.warning("finding.log_not_mapped", reason=trouble.message)
        return replace(imported, findings=(*imported.findings, told))
    return replace(imported, applied=applied)
