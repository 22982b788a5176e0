"""What a dataflash log tells in words: modes, messages, the mission, and how a flight ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from agri.errors import BadInput
from agri.track import Event
from agri.words import Message
from missions.formats.dataflash_flights import FlightTime
from missions.items import INT_TWIN, Frame, MissionItem
from missions.wire.telemetry import CopterMode

MOST_EVENTS = 500
"""Messages of one flight that are kept; an aircraft in trouble may say the same all the way."""


@dataclass(frozen=True, slots=True)
class LoggedCommand:
    """One record CMD: its time, and its columns from CTot to Frame."""

    time_s: float
    values: tuple[float, ...]


def items_of(commands: Sequence[LoggedCommand]) -> tuple[MissionItem, ...]:
    """Return the mission that was on board at last, () when it is not told whole.

    Home, which ArduPilot writes as item 0 by itself, is left out.
    """
    told: dict[int, MissionItem] = {}
    total = -1
    for command in commands:
        if not all(math.isfinite(value) for value in (*command.values[:3], command.values[10])):
            continue
        count, place = int(command.values[0]), int(command.values[1])
        if count != total:
            told, total = {}, count
        item = _item(command.values)
        if item is not None:
            told[place] = item
    if total < 2 or not all(place in told for place in range(1, total)):
        return ()
    return tuple(told[place] for place in range(1, total))


def _item(values: tuple[float, ...]) -> MissionItem | None:
    _, _, command, p1, p2, p3, p4, lat, lon, z, frame = values
    try:
        kind = INT_TWIN.get(int(frame)) or Frame(int(frame))
        return MissionItem(command=int(command), frame=kind, param1=p1, param2=p2, param3=p3,
                           param4=p4, x=round(lat * 1e7), y=round(lon * 1e7), z=z)  # fmt: skip
    except (BadInput, ValueError, OverflowError):
        return None


def mode_name(mode: int) -> str:
    """Return a mode's name, its number when it is not known.

    Examples
    --------
    >>> mode_name(3), mode_name(99)
    ('AUTO', '99')
    """
    return CopterMode(mode).name if mode in list(CopterMode) else str(mode)


def outcome_of(time: FlightTime, modes: Sequence[tuple[float, int]]) -> str:
    """Return how a flight ended: "landed", "aborted" or "lost" (see `LoggedFlight`)."""
    if not time.down:
        return "lost"
    took_off_s = time.took_off_s - time.start_s
    before = [mode for t, mode in modes if t <= took_off_s][-1:]
    flown = {*before, *(mode for t, mode in modes if t > took_off_s)}
    return "landed" if flown <= {CopterMode.AUTO} else "aborted"


def story(
    time: FlightTime, modes: Sequence[tuple[float, int]], said: Sequence[tuple[float, str]]
) -> tuple[Event, ...]:
    """Return what happened on a flight, in order, seconds since it began."""
    found = [Event(0.0, Message.of("event.armed"))]
    found.append(Event(time.took_off_s - time.start_s, Message.of("event.took_off")))
    found += [Event(t, Message.of("event.mode", mode=mode_name(mode))) for t, mode in modes]
    found += [Event(t, Message.of("event.aircraft_says", text=words)) for t, words in said if words]
    if time.down:
        found.append(Event(time.end_s - time.start_s, Message.of("event.landed")))
    return tuple(sorted(found[:MOST_EVENTS], key=lambda event: event.time_s))
