"""What can be seen of a flight under way: one frozen value, and what happened since another.

Theory of operation. Whoever watches a flight asks for a `Sight`, the newest there is; a slow
watcher misses some in between and nothing waits for it. What must not be missed, the sentences
spoken and the way flown, stands in a `Trail`: each entry has a number, so a watcher asks for what
came after the last it got, also after its connection was broken. A trail has an end: of sentences
the last `MOST_TOLD` are kept, of the way the last `MOST_SPOTS`.

The way is thinned as it grows: a spot is kept when the aircraft has moved `APART_M`, or when its
pump goes on or off. What was sprayed so far is reckoned from the pump's output and its curve, as
the account after the flight does (`missions.applied`), less exactly: it is for the eye.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from agri.findings import Finding
from agri.geo import LonLat, distance_m
from agri.weather import Wind
from agri.words import Message
from missions.flight.phases import Phase
from missions.flightplan import FlightPlan
from missions.preflight.requirements import Requirement
from missions.sprayer.dose import pump_flows_l_min
from missions.wire.telemetry import Telemetry

MOST_TOLD, MOST_SPOTS = 200, 8_000
APART_M = 1.5
ON_SHARE = 0.05
"""Share of the pump's output above which it is drawn as spraying."""
LONGEST_STEP_S = 2.0
"""Over a longer silence nothing is reckoned to have been sprayed."""


class Stage(StrEnum):
    """How far a launch has come, as a person needs to know it."""

    LOOKING = "looking"
    PARAMETERS = "parameters"
    BRIEFING = "briefing"
    FLYING = "flying"
    OVER = "over"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self in (Stage.OVER, Stage.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked before the flight goes on; its token is answered once.

    Parameters
    ----------
    token : str
        Names this very question.
    until_s : float
        By when it must be answered, on the flight's clock.
    vehicle : str
        What the aircraft says it is, "" when it was not asked yet.
    needs : tuple of Requirement
        Parameters that would be set.
    findings : tuple of Finding
        The briefing.
    again : bool
        Whether a yes to arm grew old before it could be acted on.
    """

    token: str
    until_s: float
    vehicle: str = ""
    needs: tuple[Requirement, ...] = ()
    findings: tuple[Finding, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A flight at one moment.

    Parameters
    ----------
    number : int
        Of the last change; it only grows.
    stage : Stage
        How far it has come.
    phase : Phase or None
        Where the flight itself stands, None before it began.
    seen : Telemetry
        The aircraft.
    wind : Wind or None
        As far as anything aboard knows it.
    photos : int
        Pictures told so far.
    done : float
        Share of the plan's items that are behind it, 0 to 1.
    litres : float
        Sprayed so far, by the pump; NaN where nothing tells.
    no_more : bool
        Whether a person switched the sprayer off to the end of the flight.
    silence_s : float
        Since the aircraft was last heard, in its time.
    transfer : Message or None
        How far the upload or the comparison is.
    question : Question or None
        What a person is asked.
    findings : tuple of Finding
        What forbade it, or was told at the briefing.
    why : Message or None
        Why it stayed on the ground, or could not be watched to its end.
    flight : str
        Key of the flight's record, "" while there is none.
    outcome : str
        How it ended ("landed", "aborted", "lost"), "" before.
    """

    number: int
    stage: Stage
    phase: Phase | None
    seen: Telemetry
    wind: Wind | None
    photos: int
    done: float
    litres: float
    no_more: bool
    silence_s: float
    transfer: Message | None
    question: Question | None
    findings: tuple[Finding, ...]
    why: Message | None
    flight: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sentence spoken during a flight, its number and when."""

    number: int
    at_utc: datetime
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place of the way flown, its number, and whether the pump ran there."""

    number: int
    place: LonLat
    wet: bool


Entry = TypeVar("Entry", Told, Spot)


class Trail:
    """Sentences and the way of one flight, each with its number; not for several threads."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque(maxlen=MOST_TOLD)
        self._spots: deque[Spot] = deque(maxlen=MOST_SPOTS)

    def tell(self, number: int, at_utc: datetime, message: Message) -> None:
        """Keep a sentence."""
        self._told.append(Told(number=number, at_utc=at_utc, message=message))

    def move(self, number: int, seen: Telemetry) -> None:
        """Keep where the aircraft is, when it has gone on or its pump has turned."""
        if seen.place is None or not seen.armed:
            return
        wet = seen.pump_share > ON_SHARE
        last = self._spots[-1] if self._spots else None
        if last and last.wet == wet and distance_m(last.place, seen.place) < APART_M:
            return
        self._spots.append(Spot(number=number, place=seen.place, wet=wet))

    def told_since(self, number: int) -> tuple[Told, ...]:
        """Return the sentences after a number, the oldest first."""
        return _after(self._told, number)

    def spots_since(self, number: int) -> tuple[Spot, ...]:
        """Return the places after a number, the oldest first."""
        return _after(self._spots, number)


def _after(kept: deque[Entry], number: int) -> tuple[Entry, ...]:
    newer: list[Entry] = []
    for one in reversed(kept):
        if one.number <= number:
            break
        newer.append(one)
    return tuple(reversed(newer))


class Sprayed:
    """Litres that left the nozzles so far, by the pump's output; not for several threads.

    Parameters
    ----------
    plan : FlightPlan
        Whose sprayer tells how much a share of the output is.
    """

    def __init__(self, plan: FlightPlan) -> None:
        self._sprayer = plan.spray.settings.sprayer if plan.spray else None
        self._last_s = math.nan
        self.litres = math.nan

    def take(self, seen: Telemetry) -> None:
        """Take a sighting; the same output told again counts once."""
        if self._sprayer is None or not math.isfinite(seen.pump_share):
            return
        passed_s = seen.pump_s - self._last_s
        if passed_s <= 0.0:
            return
        self._last_s = seen.pump_s
        before_l = self.litres if math.isfinite(self.litres) else 0.0
        flow_l_min = float(pump_flows_l_min(self._sprayer, seen.pump_share))
        counts = seen.armed and passed_s <= LONGEST_STEP_S
        self.litres = before_l + (flow_l_min * passed_s / 60.0 if counts else 0.0)
