"""Which flight of the farm a flight of the aircraft's log is, and the record the two make.

It must lie on the track that was heard (`missions.flight.matching`) at about the same time. Where
too little was heard for that, the mission on board must be the plan's, and the clocks agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agri.operations.compare import off_plan_p95_m
from agri.track import Event, FlightRecord, Track
from agri.units import INDOCHINA_TIME
from agri.words import Message
from agri.workspace import Outcome, StoredFlight, Workspace
from missions.flight.matching import Match, match
from missions.flightplan import FlightPlan
from missions.formats.dataflash import FlightsLog, LoggedFlight
from missions.formats.dataflash_track import SILENCE_S, between, near_reports
from missions.formats.document import read_document
from missions.items import digest
from missions.wire.pump import pump_channel

CLOCKS_APART_S = 1800.0
"""How far the ground's clock may be off the satellites': a phone without network for weeks is
within minutes."""
LITTLE_HEARD_S = 300.0
"""With little of a track heard, the clocks must agree to this."""
ON_PLAN_M = 5.0
"""Where the log does not tell its mission: nine in ten and more of the way flown lie so near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A stored flight and the logged one it is."""

    flight: StoredFlight
    heard: FlightRecord
    logged: LoggedFlight
    offset_s: float
    clocks_s: float


def fits(farm: Workspace, flight: StoredFlight, log: FlightsLog) -> list[Fit]:
    """Return the flights of a log that may be this one of the farm."""
    near = [one for one in log.flights if _near(flight, one)]
    if not near:
        return []
    heard, plan = farm.heard_flight(flight), plan_of_flight(farm, flight)
    found_fits = []
    for logged in near:
        guess_s = _since(logged.started_utc, flight.started_utc)
        found = match(heard.track, logged.track, guess_s=guess_s)
        offset_s = _offset(found, guess_s, logged, plan)
        if offset_s is not None:
            apart_s = abs(offset_s - guess_s) if logged.started_utc else 0.0
            found_fits.append(Fit(flight=flight, heard=heard, logged=logged, offset_s=offset_s,
                             clocks_s=apart_s))  # fmt: skip
    return [fit for fit in found_fits if fit.clocks_s <= CLOCKS_APART_S]


def plan_of_flight(farm: Workspace, flight: StoredFlight) -> FlightPlan | None:
    """Return the plan of a flight, None when it is not of this farm."""
    return read_document(farm.plan(flight.mission_uid)[1]) if flight.mission_uid else None


def is_flight(farm: Workspace, flight: StoredFlight, logged: LoggedFlight) -> bool:
    """Return whether a flight of the farm is this one of a log."""
    if not _near(flight, logged):
        return False
    found = match(farm.load_flight(flight.uid).track, logged.track)
    return found is not None and found.same


def flew(plan: FlightPlan, logged: LoggedFlight) -> bool:
    """Return whether a flight of a log flew a plan."""
    if logged.items:
        return logged.mission_digest == digest(plan.items)
    off_m = off_plan_p95_m(plan, alone(logged, plan, ""))
    return off_m <= ON_PLAN_M


def exact(fit: Fit, plan: FlightPlan | None) -> FlightRecord:
    """Return the heard flight with the logged one's track, on the heard one's clock."""
    logged, heard = fit.logged, fit.heard
    track = logged.track_with(pump_channel(plan) if plan else 0)
    track = replace(track, time_s=np.round(track.time_s - fit.offset_s, 6))
    track = replace(track, pump_share=_pump(track, heard.track))
    photos = heard.photos
    if len(logged.photos) >= len(photos):
        photos = tuple(replace(p, time_s=p.time_s - fit.offset_s) for p in logged.photos)
    end_s = float(track.time_s[-1])
    from_log = Event(max([end_s, *(event.time_s for event in heard.events)]), _source(logged))
    ended = heard.outcome in (Outcome.LANDED, Outcome.ABORTED)
    return replace(
        heard,
        track=track,
        photos=photos,
        events=(*heard.events, from_log),
        outcome=heard.outcome if ended else logged.outcome,
    )


def _pump(track: Track, heard: Track) -> NDArray[np.float64]:
    """Return the pump's output by the log, and where it is silent, as it was heard."""
    told = np.isfinite(heard.pump_share)
    by_ear = between(track.time_s, heard.time_s[told], heard.pump_share[told])
    near = near_reports(track.time_s, heard.time_s[told], held_s=SILENCE_S)
    silent = ~np.isfinite(track.pump_share) & near
    return np.where(silent, by_ear, track.pump_share)


def alone(logged: LoggedFlight, plan: FlightPlan, firmware: str) -> FlightRecord:
    """Return a flight as the log alone tells it."""
    started = logged.started_utc or datetime.fromtimestamp(0.0, tz=INDOCHINA_TIME)
    track = logged.track_with(pump_channel(plan))
    end_s = _length_s(track)
    known = logged.mission_digest == digest(plan.items)
    return FlightRecord(
        plan_name=plan.name,
        plan_digest=plan.digest if known else "",
        started_utc=started,
        vehicle=firmware or "ArduPilot",
        outcome=logged.outcome,
        track=track,
        photos=logged.photos,
        events=(*logged.events, Event(end_s, _source(logged))),
    )


def _near(flight: StoredFlight, logged: LoggedFlight) -> bool:
    spread_s = CLOCKS_APART_S + flight.duration_s + _length_s(logged.track)
    return abs(_since(logged.started_utc, flight.started_utc)) <= spread_s


def _length_s(track: Track) -> float:
    return float(track.time_s[-1] - track.time_s[0]) if len(track.time_s) else 0.0


def _since(started: datetime | None, moment: datetime) -> float:
    """Return how long after a flight's beginning by GPS a moment was, 0 when GPS told no time."""
    return 0.0 if started is None else (moment - started).total_seconds()


def _offset(
    found: Match | None, guess_s: float, logged: LoggedFlight, plan: FlightPlan | None
) -> float | None:
    """Return the offset of a fit, None when they are two flights."""
    if found is not None:
        return found.offset_s if found.same else None
    on_board = plan is not None and logged.mission_digest == digest(plan.items)
    timed = logged.started_utc is not None and abs(guess_s) <= LITTLE_HEARD_S
    return guess_s if on_board and timed else None


def _source(logged: LoggedFlight) -> Message:
    if math.isfinite(logged.accuracy_m):
        return Message.of("event.track_from_log", accuracy_m=logged.accuracy_m)
    return Message.of("event.track_from_log_only")
