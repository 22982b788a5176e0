"""What an ArduPilot dataflash log (.bin) tells of its flights: the exact track, and what flew it.

Theory of operation. One log holds all flights between two times the aircraft was switched on. A
flight lasts from arming to disarming (events 10 and 11, record ARM). An aircraft that logs only
while armed begins a log without the first and ends it without the second; then its flights are
told apart by the silence between them. What never left the ground is no flight.

* **Place and height**: the navigation filter's (POS), which is what steers the aircraft; where
  there is none the receiver's (GPS). `accuracy_m` is the receiver's own word for its error (GPA).
* **Time**: the aircraft's clock. Each fix with a GPS week sets it against UTC; the middle of them
  all counts.
* **Speed**: the filter's (XKF1 of the core in use), else the receiver's, else from the places.
* **Pump**: pulses of the servo outputs (RCOU and its sisters), by SERVOx_FUNCTION, _MIN and _MAX
  of this very flight. There is a row for each report of place **and** of outputs, so that no
  moment at which the pump changed is moved.
* **Parameters**: as they were when the flight began. A log repeats all of them at its beginning,
  which may take the first seconds of the flight.
* **Mission**: as it was on board (CMD), so its digest can be held against a plan's items; fence and
  rally points likewise (`missions.formats.dataflash_fence`).

A record's time that is nowhere near its neighbours' is damage and is passed over. A log can be as
long as `MOST_ROWS` allows; longer ones are refused rather than cut.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.track import Event, Photo, Track
from missions.formats.dataflash_fence import (
    FENCE_COLUMNS,
    NEW_FENCE,
    NEW_RALLY,
    RALLY_COLUMNS,
    Told,
    fence_told,
    rally_told,
)
from missions.formats.dataflash_flights import FlightTime, flight_times
from missions.formats.dataflash_records import Records, number, text
from missions.formats.dataflash_track import Columns, photos_of, track_of
from missions.formats.dataflash_words import LoggedCommand, items_of, outcome_of, story
from missions.items import MissionItem, digest

FloatArray = NDArray[np.float64]

MOST_ROWS = 2_000_000
"""Of one kind of record: eleven hours at 50 a second."""
MOST_WORDS = 50_000
"""Parameters, items and messages."""
BACK_US, AHEAD_US = 1.0e6, 60.0e6
"""How far a record's time may lie before and after the last one's."""
GPS_EPOCH = datetime(1980, 1, 6, tzinfo=UTC)
LEAP_S = 18.0
"""GPS time ahead of UTC since 2017 (IERS Bulletin C; none announced since)."""
FIX_3D = 3.0
WANTED = frozenset({
    "POS", "GPS", "GPA", "XKF1", "XKF4", "BAT", "RCOU", "RCO2", "RCO3", "MODE", "EV", "ARM", "PARM",
    "CMD", "FNCE", "RALY", "MSG", "CAM",
})  # fmt: skip
COMMAND_COLUMNS = (
    "CTot", "CNum", "CId", "Prm1", "Prm2", "Prm3", "Prm4", "Lat", "Lng", "Alt", "Frame",
)  # fmt: skip
OUTPUTS = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LoggedFlight:
    """One flight of a log.

    Parameters
    ----------
    started_utc : datetime or None
        When it began, by GPS; None when the log holds no GPS time.
    boot_s : float
        The same by the aircraft's clock, seconds since it was switched on.
    track : Track
        Where it was, seconds since it began, with the output of the sprayer's pump (function 22).
    columns : Columns
        What the track was made of, for `track_with`.
    modes : tuple of (float, int)
        When it changed to which mode, seconds and ArduCopter's number.
    photos : tuple of Photo
        Pictures taken.
    events : tuple of Event
        What happened, by the log.
    parameters : mapping of str to float
        As they were when it began.
    items : tuple of MissionItem
        The mission on board, without home; empty when the log does not tell it whole.
    fence, rally : tuple of MissionItem or None
        The fence and the rally points on board; None when the log does not tell them whole.
    accuracy_m : float
        What the receiver thought of its own error, 95 % of the time; NaN when not told.
    outcome : {"landed", "aborted", "lost"}
        Flown to its end in AUTO; came down otherwise; the log ends in the air.
    """

    started_utc: datetime | None
    boot_s: float
    track: Track
    columns: Columns
    modes: tuple[tuple[float, int], ...]
    photos: tuple[Photo, ...]
    events: tuple[Event, ...]
    parameters: Mapping[str, float]
    items: tuple[MissionItem, ...]
    fence: tuple[MissionItem, ...] | None
    rally: tuple[MissionItem, ...] | None
    accuracy_m: float
    outcome: str

    @property
    def mission_digest(self) -> str:
        """Digest of the mission on board (`missions.items.digest`), "" when it is not known."""
        return digest(self.items) if self.items else ""

    def track_with(self, channel: int) -> Track:
        """Return the track with the output of another servo as its pump; 0 is the sprayer's."""
        return track_of(self.columns, self.parameters, channel=channel)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FlightsLog:
    """What a log holds.

    Parameters
    ----------
    flights : tuple of LoggedFlight
        In order; empty when nothing flew.
    firmware : str
        What flew, by its own word.
    damaged_bytes : int
        What could not be read.
    cut : bool
        Whether the log ends within a record, as it does when power is lost.
    """

    flights: tuple[LoggedFlight, ...]
    firmware: str
    damaged_bytes: int
    cut: bool


def read_dataflash(file: BinaryIO, *, name: str = "log") -> FlightsLog:
    """Read a dataflash log.

    Parameters
    ----------
    file : BinaryIO
        The log, open at its beginning; read once, a piece at a time.
    name : str
        Its name, for sentences.

    Returns
    -------
    FlightsLog

    Raises
    ------
    BadInput
        When it is no such log, or longer or more broken than can be read.
    """
    records = Records(file, WANTED, name=name)
    heard = _Heard(name)
    for message in records:
        heard.take(message)
    if heard.last_us < 0.0:
        raise BadInput("error.log_not_dataflash", name=name)
    flights = [heard.flight(time) for time in flight_times(heard.columns, heard.states, heard.gaps)]
    return FlightsLog(
        flights=tuple(flights),
        firmware=next((said for _, said in heard.said if "Copter" in said), ""),
        damaged_bytes=records.damaged_bytes,
        cut=records.cut,
    )


class _Heard:
    """All wanted of a log, as it comes."""

    def __init__(self, name: str) -> None:
        self.columns = Columns()
        self.states: list[tuple[float, str]] = []
        self.gaps: list[tuple[float, float]] = []
        self.modes: list[tuple[float, int]] = []
        self.said: list[tuple[float, str]] = []
        self.last_us = -1.0
        self._name = name
        self._doubtful_us = math.nan
        self._settings: list[tuple[float, str, float]] = []
        self._commands: list[LoggedCommand] = []
        self._fence: list[Told] = []
        self._rally: list[Told] = []
        self._utc = array("d")
        self._core = 0.0
        self._words = 0
        self._takers = {
            "POS": self._pos, "GPS": self._gps, "GPA": self._gpa, "XKF1": self._xkf1,
            "XKF4": self._xkf4, "BAT": self._bat, "RCOU": self._outputs, "RCO2": self._outputs,
            "RCO3": self._outputs, "MODE": self._mode, "EV": self._event, "ARM": self._arm,
            "PARM": self._parm, "CMD": self._cmd, "MSG": self._msg, "CAM": self._cam,
            "FNCE": self._fnce, "RALY": self._raly,
        }  # fmt: skip

    def take(self, message: object) -> None:
        """Take a record in."""
        time_us = number(message, "TimeUS")
        if not self._plausible(time_us):
            return
        self._takers[message.get_type()](message, time_us * 1e-6)  # type: ignore[attr-defined]
        if self._words > MOST_WORDS or self.columns.longest > MOST_ROWS:
            raise BadInput("error.log_endless", name=self._name)

    def _plausible(self, time_us: float) -> bool:
        """Tell a record's time from damage: two that agree make a silence, one alone does not."""
        last = self.last_us
        if not 0.0 <= time_us < 1e14:
            return False
        if last >= 0.0 and not last - BACK_US <= time_us <= last + AHEAD_US:
            agreed = abs(time_us - self._doubtful_us) <= BACK_US and time_us > last
            self._doubtful_us = time_us
            if not agreed:
                return False
        if last >= 0.0 and time_us - last > 1e6:
            self.gaps.append((last * 1e-6, time_us * 1e-6))
        self.last_us = max(last, time_us)
        return True

    def _pos(self, message: object, time_s: float) -> None:
        self.columns.place.add(time_s, number(message, "Lng"), number(message, "Lat"),
                               number(message, "RelHomeAlt"))  # fmt: skip

    def _gps(self, message: object, time_s: float) -> None:
        if number(message, "I") > 0.0 or not number(message, "Status") >= FIX_3D:
            return
        week, within_s = number(message, "GWk"), number(message, "GMS") * 1e-3
        if week > 1000.0 and 0.0 <= within_s <= 604_800.0:
            self._utc.append(week * 604_800.0 + within_s - LEAP_S - time_s)
        self.columns.receiver.add(time_s, number(message, "Lng"), number(message, "Lat"),
                                  number(message, "Alt"), number(message, "Spd"))  # fmt: skip

    def _gpa(self, message: object, time_s: float) -> None:
        if not number(message, "I") > 0.0:
            self.columns.error.add(time_s, number(message, "HAcc"))

    def _xkf1(self, message: object, time_s: float) -> None:
        if number(message, "C") in (self._core, math.nan):
            speed = math.hypot(number(message, "VN"), number(message, "VE"))
            self.columns.speed.add(time_s, speed)

    def _xkf4(self, message: object, time_s: float) -> None:
        del time_s
        core = number(message, "PI")
        self._core = core if 0.0 <= core < 8.0 else self._core

    def _bat(self, message: object, time_s: float) -> None:
        if not max(number(message, "Inst"), number(message, "I")) > 0.0:
            left = number(message, "RemPct")
            self.columns.battery.add(time_s, left if 0.0 <= left <= 100.0 else math.nan)

    def _outputs(self, message: object, time_s: float) -> None:
        for channel in range(1, OUTPUTS + 1):
            pulse_us = number(message, f"C{channel}")
            if 0.0 <= pulse_us <= 65_535.0:
                self.columns.outputs[channel].add(time_s, pulse_us)

    def _mode(self, message: object, time_s: float) -> None:
        found = number(message, "ModeNum")
        self._count()
        self.modes.append((time_s, int(found) if 0.0 <= found < 256.0 else -1))

    def _event(self, message: object, time_s: float) -> None:
        names = {10.0: "armed", 11.0: "disarmed", 18.0: "landed", 28.0: "flying"}
        state = names.get(number(message, "Id"))
        if state:
            self._count()
            self.states.append((time_s, state))

    def _arm(self, message: object, time_s: float) -> None:
        self._count()
        armed = number(message, "ArmState")
        if armed in (0.0, 1.0):
            self.states.append((time_s, "armed" if armed else "disarmed"))

    def _parm(self, message: object, time_s: float) -> None:
        name, value = text(message, "Name"), number(message, "Value")
        if name and math.isfinite(value):
            self._count()
            self._settings.append((time_s, name, value))

    def _cmd(self, message: object, time_s: float) -> None:
        self._count()
        values = tuple(number(message, name) for name in COMMAND_COLUMNS)
        self._commands.append(LoggedCommand(time_s, values))

    def _fnce(self, message: object, time_s: float) -> None:
        self._count()
        self._fence.append((time_s, tuple(number(message, name) for name in FENCE_COLUMNS)))

    def _raly(self, message: object, time_s: float) -> None:
        self._count()
        self._rally.append((time_s, tuple(number(message, name) for name in RALLY_COLUMNS)))

    def _msg(self, message: object, time_s: float) -> None:
        self._count()
        words = text(message, "Message")
        self.said.append((time_s, words))
        if words == NEW_FENCE:
            self._fence.append((time_s, ()))
        elif words == NEW_RALLY:
            self._rally.append((time_s, ()))

    def _cam(self, message: object, time_s: float) -> None:
        if number(message, "I") > 0.0:
            return
        self.columns.photos.add(
            time_s, number(message, "Img"), number(message, "Lng"), number(message, "Lat"),
            number(message, "RelAlt"), number(message, "Y"),
        )  # fmt: skip

    def _count(self) -> None:
        self._words += 1

    def flight(self, time: FlightTime) -> LoggedFlight:
        """Return what was heard of one flight."""
        columns = self.columns.between(time.start_s, time.end_s)
        parameters = self._parameters(time.start_s)
        modes = [(t - time.start_s, mode) for t, mode in self.modes if t <= time.end_s]
        begun = [mode for t, mode in modes if t <= 0.0][-1:]
        modes = [*((0.0, mode) for mode in begun), *(one for one in modes if one[0] > 0.0)]
        commands = [one for one in self._commands if one.time_s <= time.end_s]
        said = [(t - time.start_s, s) for t, s in self.said if time.start_s <= t <= time.end_s]
        errors = columns.error.of(1)
        errors = errors[np.isfinite(errors)]
        return LoggedFlight(
            started_utc=self._utc_at(time.start_s),
            boot_s=time.start_s,
            track=track_of(columns, parameters, channel=0),
            columns=columns,
            modes=tuple(modes),
            photos=photos_of(columns),
            events=story(time, modes, said),
            parameters=parameters,
            items=items_of(commands),
            fence=fence_told([one for one in self._fence if one[0] <= time.end_s]),
            rally=rally_told([one for one in self._rally if one[0] <= time.end_s]),
            accuracy_m=float(np.percentile(errors, 95)) if len(errors) else math.nan,
            outcome=outcome_of(time, modes),
        )

    def _parameters(self, start_s: float) -> dict[str, float]:
        found: dict[str, float] = {}
        for time_s, name, value in self._settings:
            if name not in found or time_s <= start_s:
                found[name] = value
        return found

    def _utc_at(self, boot_s: float) -> datetime | None:
        if not self._utc:
            return None
        since_s = float(np.median(np.frombuffer(self._utc))) + boot_s
        try:
            return GPS_EPOCH + timedelta(seconds=since_s)
        except OverflowError:
            return None
