"""What a start finds: flights broken off before it, and an aircraft as it stands now.

A program that was killed left two witnesses: the farm's record, line by line up to its end, and the
aircraft, which went on without it and came home by its own plan, fence and failsafes. Nothing else
is remembered and nothing is repeated: what both tell is said, and a person asks anew.

Flights of simulations and of real aircraft do not speak for each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np

from agri.errors import AgriError, LinkError
from agri.findings import Finding, Severity
from agri.geo import LonLat, distance_m
from agri.operations.pictures_left import pictures_left
from agri.track import FlightRecord
from agri.units import INDOCHINA_TIME
from agri.words import Language, say
from agri.workspace import Outcome, StoredFlight, Workspace
from agri.workspace.records import TELEMETRY
from missions.applied.account import applied
from missions.flightplan import FlightPlan
from missions.link.link import Link
from missions.wire.telemetry import Telemetry

AIRBORNE_M = 1.0
"""Above home: higher than a landed aircraft's barometer is ever wrong by."""
POSITION, SYSTEM, MISSION = 33, 1, 42
"""GLOBAL_POSITION_INT, SYS_STATUS and MISSION_CURRENT, asked for once."""
TOLD_WITHIN_S = 2.0
TIMEOUT_S = 5.0
"""FS_GCS_TIMEOUT as ArduCopter is delivered."""
BROKEN = (Outcome.UNFINISHED, Outcome.LOST)


def broken_off(
    farm: Workspace, plan: FlightPlan | None = None, *, simulated: bool
) -> tuple[Finding, ...]:
    """Return what the farm's record tells of flights that ended before they were over.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    plan : FlightPlan, optional
        What is to be flown: then also what its own last flight left undone.
    simulated : bool
        Whether flights of simulations are meant.

    Returns
    -------
    tuple of Finding
        Warnings; empty when all ended well.
    """
    found: list[Finding] = []
    last = True
    for flight in farm.flights():
        own = plan is not None and flight.plan_digest == plan.digest
        told = flight.outcome is Outcome.UNFINISHED or (own and last)
        if flight.outcome in (Outcome.FLYING, Outcome.STAYED) or not told:
            continue
        if was_simulated(farm, flight) != simulated:
            continue
        found += _told(farm, flight, plan if own else None)
        last = last and not own
    return tuple(found)


def how_it_ended(farm: Workspace, flight: StoredFlight) -> tuple[Finding, ...]:
    """Return what the record tells of a flight that was broken off or stayed on the ground."""
    if flight.outcome is Outcome.STAYED:
        return _stayed(farm, flight)
    return tuple(_told(farm, flight, None)) if flight.outcome in BROKEN else ()


def _stayed(farm: Workspace, flight: StoredFlight) -> tuple[Finding, ...]:
    """Return why a launch never took off, and when that was."""
    with suppress(AgriError):
        *_, last = farm.load_flight(flight.uid).events
        ended = flight.started_utc + timedelta(seconds=last.time_s)
        asked, stayed = _local(flight.started_utc), _local(ended)
        return (
            Finding.warning("finding.stayed", plan=flight.plan_name, started=asked, ended=stayed,
                            reason=last.message),
        )  # fmt: skip
    return ()


def was_simulated(farm: Workspace, flight: StoredFlight) -> bool:
    """Return whether a flight was flown in the simulator, by what was kept at its launch."""
    with suppress(AgriError):
        launch = farm.launch_of(flight)
        return launch is not None and launch.simulated
    return False


def rehearsed(farm: Workspace, flight: StoredFlight) -> tuple[Finding, ...]:
    """Return what whoever plans a flight's rest must know when only a simulator flew it."""
    if not was_simulated(farm, flight):
        return ()
    return (Finding.warning("finding.rest_simulated", plan=flight.plan_name),)


def marked(text: str, simulated: bool, language: Language) -> str:
    """Return what is told of a flight, with the simulator's mark where nothing flew.

    Examples
    --------
    >>> marked("Flight record", True, "en"), marked("Flight record", False, "en")
    ('Flight record · Simulator', 'Flight record')
    """
    return f"{text} · {say('page.live_simulated', language)}" if simulated else text


def _told(farm: Workspace, flight: StoredFlight, plan: FlightPlan | None) -> Iterator[Finding]:
    try:
        record = farm.load_flight(flight.uid)
    except AgriError as error:
        yield Finding.warning("finding.file", where=flight.folder, reason=error.message)
        return
    if flight.outcome in BROKEN:
        yield _end(flight, record)
    left = pictures_left(plan, record, flight.uid) if plan is not None else None
    if left is not None and left.severity is Severity.WARNING:
        yield left
    if plan is None or plan.spray is None:
        return
    started = _local(flight.started_utc)
    if flight.outcome is Outcome.LANDED:
        yield Finding.warning("finding.flown_already", plan=plan.name, started=started)
    elif np.isfinite(record.track.pump_share).any():
        yield Finding.warning(
            "finding.rest_left",
            litres=applied(record, plan).litres,
            planned=plan.spray.estimate.litres,
            flight=flight.uid[:8],
        )


def _end(flight: StoredFlight, record: FlightRecord) -> Finding:
    """Return where and when a flight was last heard of."""
    track, started = record.track, _local(flight.started_utc)
    place = np.flatnonzero(np.isfinite(track.lon_deg) & np.isfinite(track.lat_deg))
    up = np.flatnonzero(track.height_m > AIRBORNE_M)
    if len(up) == 0 or len(place) == 0:
        return Finding.warning("finding.broken_off_ground", plan=flight.plan_name, started=started)
    first, last = int(place[0]), int(place[-1])
    ends = (LonLat(lon_deg=float(track.lon_deg[n]), lat_deg=float(track.lat_deg[n]))
            for n in (first, last))  # fmt: skip
    until = flight.started_utc + timedelta(seconds=float(track.time_s[last]))
    lost = flight.outcome is Outcome.LOST
    return Finding.warning(
        "finding.flight_lost" if lost else "finding.broken_off",
        plan=flight.plan_name,
        started=started,
        until=_local(until),
        height_m=float(track.height_m[last]),
        distance_m=distance_m(*ends),
    )


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(INDOCHINA_TIME):%H:%M:%S %d/%m/%Y}"


def as_it_stands(link: Link, plan: FlightPlan) -> Finding:
    """Look at an aircraft that was opened quietly, and say how it stands; nothing is ordered.

    Returns
    -------
    Finding
        An ERROR when its motors run: who comes now only watches.

    Raises
    ------
    LinkError
        When the connection ends.
    """
    if not link.telemetry().armed:
        return Finding.info("finding.found_standing")
    seen = _asked(link)
    away_m = math.nan if seen.place is None else distance_m(plan.home, seen.place)
    high = not seen.height_m <= AIRBORNE_M
    return Finding.error(
        "finding.found_flying" if high else "finding.found_armed",
        mode=seen.mode_name,
        height_m=_or_unknown(seen.height_m),
        distance_m=_or_unknown(away_m),
        item=seen.mission_current,
        battery_pct=_or_unknown(seen.battery_pct),
    )


def _or_unknown(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else "?"


def _asked(link: Link) -> Telemetry:
    """Ask for one of each message that tells where the aircraft is; go by what came."""
    for message in (POSITION, SYSTEM, MISSION):
        with suppress(LinkError):
            link.request(message)
    with suppress(LinkError):
        link.wait(lambda: link.telemetry().place is not None, TOLD_WITHIN_S, "error.link_lost")
    return link.telemetry()


def unseen(
    farm: Workspace, flight: StoredFlight, record: FlightRecord, plan: FlightPlan
) -> tuple[Finding, ...]:
    """Return what may have been sprayed after a record broke off: until the failsafe acted.

    Parameters
    ----------
    farm : Workspace
        The open farm.
    flight : StoredFlight
        Whose record it is.
    record : FlightRecord
        The record.
    plan : FlightPlan
        What was flown.
    """
    track = record.track
    heard = flight.outcome in BROKEN and flight.source == TELEMETRY
    flying = len(track.time_s) > 0 and track.height_m[-1] > AIRBORNE_M
    if plan.spray is None or not heard or not flying:
        return ()
    launch = farm.launch_of(flight)
    told = dict(launch.parameters).get("FS_GCS_TIMEOUT") if launch else None
    seconds = TIMEOUT_S if told is None else told
    length_m = seconds * plan.spray.settings.speed_m_s
    return (Finding.warning("finding.resume_unseen", seconds=seconds, length_m=length_m),)
