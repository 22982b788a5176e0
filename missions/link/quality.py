"""How good a link is, counted from what was heard: loss, silence and rates.

**Loss on the way down** comes from the sequence numbers: every sender counts its frames 0 to 255
and round again, so a gap tells how many are missing. A number that lies up to half a round back is
a frame that came late or twice; late ones fill their gap, doubles count once. An outage so long
that whole rounds are missing shows as a silence, not in the share.

**Rates** are in the aircraft's own time, so that a simulation that runs faster is judged like a
real aircraft.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from missions.link.hearing import Heard
from missions.link.signing import SigningState

ROUND = 256
NEEDED_HZ = {
    "HEARTBEAT": 0.7,
    "GLOBAL_POSITION_INT": 2.0,
    "SYS_STATUS": 1.0,
    "GPS_RAW_INT": 0.5,
    "EKF_STATUS_REPORT": 0.5,
    "MISSION_CURRENT": 0.5,
}
"""What a flight is watched by, and how often it must come: half of what is asked for, so that a
link with a third of its messages lost is not called silent."""
PUMP_HZ = {"SERVO_OUTPUT_RAW": 4.0}
"""The same for an aircraft with a sprayer."""


class FrameCount:
    """Counts the frames of one sender.

    Attributes
    ----------
    heard : int
        Different frames that came.
    kinds : Counter of str
        How many of each message.
    silence_s : float
        The longest time between two of them, seconds.

    Examples
    --------
    >>> count = FrameCount()
    >>> for seq in (254, 255, 1, 0, 1, 4):
    ...     count.add(seq, "HEARTBEAT", 0.0)
    >>> count.heard, count.missing, count.loss
    (5, 2, 0.286)
    """

    def __init__(self) -> None:
        self.heard = 0
        self.kinds: Counter[str] = Counter()
        self.silence_s = 0.0
        self._first = self._newest = 0
        self._recent: set[int] = set()
        self._last_s = math.nan

    def take(self, message: Any, now_s: float) -> None:
        """Take one message that came at `now_s`, seconds."""
        self.add(message.get_seq(), message.get_type(), now_s)

    def add(self, seq: int, kind: str, now_s: float) -> None:
        """Count a frame by its sequence number."""
        if not self.heard:
            self._first = self._newest = seq
        ahead = (seq - self._newest + ROUND // 2) % ROUND - ROUND // 2
        number = self._newest + ahead
        if number in self._recent or number < self._first:
            return
        self.heard += 1
        self.kinds[kind] += 1
        self._newest = max(self._newest, number)
        self._recent.add(number)
        self._recent = {n for n in self._recent if n > self._newest - ROUND}
        self.silence_s = max(self.silence_s, now_s - self._last_s)
        self._last_s = now_s

    @property
    def missing(self) -> int:
        """Frames between the first and the newest that never came."""
        return self._newest - self._first + 1 - self.heard if self.heard else 0

    @property
    def loss(self) -> float:
        """Share of the frames that did not come, 0 to 1; NaN when none came."""
        return self.missing / (self.missing + self.heard) if self.heard else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often a message came, and how often it must; hertz of the aircraft's time."""

    message: str
    hz: float
    needed_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What a link was measured to be.

    Parameters
    ----------
    seconds : float
        How long it was measured.
    system : int
        The aircraft.
    frames : int
        Frames that came from it.
    loss_down : float
        Share lost on the way from the aircraft, 0 to 1.
    loss_up, loss_up_margin : float
        Share lost on the way to it, and how far that may be off; NaN when nothing can be said.
    asked, answered : int
        Questions for the time, and answers.
    trip_s, trip_p95_s : float
        There and back, seconds: the middle one, and what 19 of 20 stay below; NaN without answers.
    silence_s : float
        Longest time without a word from it, seconds.
    rates : tuple of Rate
        Of the messages a flight is watched by.
    restarts : int
        How often its clock went back meanwhile.
    heard : Heard
        Who else was heard.
    signing : SigningState
        How far the link is signed.
    cable, simulated : bool
        Whether it is a serial port, and whether the aircraft is a simulation.
    failsafe_s : float
        After how long a silence of ours the aircraft acts by itself, as it is set on board; 0 when
        it does not act, NaN when that was not told.
    """

    seconds: float
    system: int
    frames: int
    loss_down: float
    loss_up: float
    loss_up_margin: float
    asked: int
    answered: int
    trip_s: float
    trip_p95_s: float
    silence_s: float
    rates: tuple[Rate, ...]
    restarts: int
    heard: Heard
    signing: SigningState
    cable: bool
    simulated: bool
    failsafe_s: float = math.nan


def rates(count: FrameCount, seconds: float, *, sprays: bool) -> tuple[Rate, ...]:
    """Return how often the needed messages came in `seconds` of the aircraft's time."""
    needed = NEEDED_HZ | (PUMP_HZ if sprays else {})
    return tuple(
        Rate(message=name, hz=count.kinds[name] / seconds, needed_hz=hz)
        for name, hz in needed.items()
    )


def quantile(values: list[float], share: float) -> float:
    """Return the smallest value that `share` of `values` do not exceed; NaN for none.

    Examples
    --------
    >>> quantile([0.3, 0.1, 0.2], 0.5), quantile([0.3, 0.1, 0.2], 0.95)
    (0.2, 0.3)
    """
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
