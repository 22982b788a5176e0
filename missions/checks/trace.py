"""Where a mission sprays: the stretches and spots on which liquid leaves the nozzles.

Read off the flown legs, not off the plan's passes. Between an order and the liquid lie

* for ArduPilot's own sprayer 0.5 s from DO_SPRAYER 1 to a turning pump (it looks three times a
  second and waits 0.1 s for speed; seen on ArduCopter 4.6 between 0.33 and 0.67 s); a pump on a
  plain servo, and every off, is obeyed at once;
* the hose: `Sprayer.hose_s` from the pump to full flow, and to the last drop.

So what is wet begins later than ordered and ends later than ordered. How far the aircraft gets in
that time depends on the nearest corner: a leg begins and ends at about `CORNER_M_S`, with
`GAIN_M_S2` of acceleration over its first metres (as flown, 1.35 m/s²). At a stop it gets nowhere:
what is left in the hose falls where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from agri.geo import turn_deg
from missions.checks.path import Path
from missions.checks.switching import turns
from missions.items import Command, MissionItem
from missions.legs import FlownLeg, is_pump
from missions.sprayer.gear import PumpControl, Sprayer

ORDERED_S = 0.5
"""From DO_SPRAYER 1 to a turning pump, in the middle."""
CORNER_M_S = 1.2
"""Speed through a corner."""
GAIN_M_S2 = 1.35
"""Acceleration from it."""
CORNER_DEG = 20.0
"""Turns sharper than this slow the aircraft down."""
STRAIGHT_DEG = 0.5
"""Turns gentler than this are the rounding of places on the wire."""
STOP_S = 1.0
"""A stop at a waypoint of no more than this lets a pass end where it should."""
DEFAULT_SPEED_M_S = 10.0
"""ArduCopter's WPNAV_SPEED, flown when no speed is set."""

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class WetPiece:
    """A straight piece on which liquid leaves the nozzles.

    Parameters
    ----------
    seq : int
        Number on board of the item flown to.
    line : shapely.LineString
        Local metres of the path.
    speed_m_s : float
        Ground speed set, ArduCopter's own where none is.
    pump_us : float
        Pulse of a pump on a plain servo, 0 for none.
    """

    seq: int
    line: LineString
    speed_m_s: float
    pump_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """From one on to the next off.

    Parameters
    ----------
    seq : int
        Number of the item flown to when it is switched on.
    legs : tuple of int
        Indices into the path's legs.
    wet : tuple of WetPiece
        Empty when it is switched off before anything leaves the nozzles.
    """

    seq: int
    legs: tuple[int, ...]
    wet: tuple[WetPiece, ...]

    @property
    def line(self) -> LineString:
        """The wet way as one line, empty when nothing is wet."""
        if not self.wet:
            return LineString()
        first = shapely.get_coordinates(self.wet[0].line)[:1]
        ends = [shapely.get_coordinates(piece.line)[-1:] for piece in self.wet]
        return LineString(np.vstack([first, *ends]))

    @property
    def length_m(self) -> float:
        """Length of the wet way."""
        return float(sum(piece.line.length for piece in self.wet))


def gone_m(from_corner_m: float, speed_m_s: float, time_s: float) -> float:
    """Return how far the aircraft gets in a time, some way past a corner.

    Parameters
    ----------
    from_corner_m : float
        Way from the corner when the time begins.
    speed_m_s : float
        Speed set.
    time_s : float
        Time.

    Examples
    --------
    >>> gone_m(100.0, 5.0, 0.8), gone_m(0.0, 1.0, 2.0)
    (4.0, 2.0)
    >>> round(gone_m(0.0, 5.0, 1.0), 3)      # 1.2 m/s and gaining 1.35 m/s in a second
    1.875
    """
    start_m_s = speed_near(from_corner_m, speed_m_s)
    gaining_s = min(time_s, max(0.0, speed_m_s - start_m_s) / GAIN_M_S2)
    gained_m = start_m_s * gaining_s + GAIN_M_S2 * gaining_s**2 / 2.0
    return gained_m + speed_m_s * (time_s - gaining_s)


def speed_near(corner_m: float, speed_m_s: float) -> float:
    """Return the speed some way past, or before, a corner."""
    return min(speed_m_s, math.sqrt(CORNER_M_S**2 + 2.0 * GAIN_M_S2 * max(0.0, corner_m)))


def stretches(path: Path, sprayer: Sprayer | None) -> tuple[Stretch, ...]:
    """Return where a flight sprays, in flying order.

    Parameters
    ----------
    path : Path
        The flight.
    sprayer : Sprayer or None
        What sprays; None when it is not told: then liquid is taken to follow orders at once.
    """
    hose_s = 0.0 if sprayer is None else sprayer.hose_s
    ordered_s = 0.0
    if sprayer is not None and sprayer.control is not PumpControl.SERVO:
        ordered_s = ORDERED_S
    ends = np.array([shapely.get_coordinates(line) for line in path.lines]).reshape(-1, 2, 2)
    before, after = _corners(path.legs, ends)
    found = []
    for run in _runs(path.legs):
        first, last = run[0], run[-1]
        on_m = gone_m(before[first], speed_of(path.legs[first]), ordered_s + hose_s)
        off_m = speed_near(after[last], speed_of(path.legs[last])) * hose_s
        if path.legs[last].stop_s > 0.0 and after[last] == 0.0:
            off_m = 0.0
        wet = _wet(path, ends, run, on_m, off_m)
        found.append(Stretch(seq=path.legs[first].seq, legs=tuple(run), wet=wet))
    return tuple(found)


def speed_of(leg: FlownLeg) -> float:
    """Return the ground speed of a leg, ArduCopter's own where none is set."""
    return leg.speed_m_s or DEFAULT_SPEED_M_S


def _runs(legs: Sequence[FlownLeg]) -> list[list[int]]:
    """Return the indices of legs with the sprayer on, those that follow each other together."""
    runs: list[list[int]] = []
    for index, leg in enumerate(legs):
        if leg.spray_on and runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        elif leg.spray_on:
            runs.append([index])
    return runs


def _corners(legs: Sequence[FlownLeg], ends: Points) -> tuple[list[float], list[float]]:
    """Return how far each leg begins behind the last corner or stop, and ends before the next."""
    ways = ends[:, 1] - ends[:, 0]
    lengths = np.hypot(ways[:, 0], ways[:, 1])
    before, after = [0.0] * len(ends), [0.0] * len(ends)
    straight = [
        leg.stop_s == 0.0 and turn_deg(a, b) <= CORNER_DEG
        for leg, (a, b) in zip(legs, pairwise(ends), strict=False)
    ]
    for index in range(1, len(ends)):
        if straight[index - 1]:
            before[index] = before[index - 1] + float(lengths[index - 1])
    for index in range(len(ends) - 2, -1, -1):
        if straight[index]:
            after[index] = after[index + 1] + float(lengths[index + 1])
    return before, after


def _wet(
    path: Path, ends: Points, run: Sequence[int], on_m: float, off_m: float
) -> tuple[WetPiece, ...]:
    """Return the pieces of a run from `on_m` behind its beginning to `off_m` past its end."""
    found = []
    begin_m = 0.0
    for index in run:
        start, end = ends[index]
        length_m = math.dist(start, end)
        ahead = (end - start) / length_m
        first_m = max(0.0, on_m - begin_m)
        last_m = length_m
        if index == run[-1]:
            bends = _bends(path.legs, ends, index)
            last_m += 0.0 if bends else off_m
        if first_m < last_m:
            leg = path.legs[index]
            line = LineString([start + ahead * first_m, start + ahead * last_m])
            found.append(
                WetPiece(seq=leg.seq, line=line, speed_m_s=speed_of(leg), pump_us=leg.pump_us)
            )
        begin_m += length_m
    if _bends(path.legs, ends, run[-1]) and on_m < begin_m:
        found.append(_emptied(path.legs[run[-1]], ends[run[-1] + 1], off_m))
    return tuple(found)


def _bends(legs: Sequence[FlownLeg], ends: Points, index: int) -> bool:
    """Return whether a leg goes over into the next through a gentle bend."""
    if index + 1 == len(legs) or legs[index].stop_s > 0.0:
        return False
    return STRAIGHT_DEG < turn_deg(ends[index], ends[index + 1]) <= CORNER_DEG


def _emptied(leg: FlownLeg, ends: Points, off_m: float) -> WetPiece:
    """Return the beginning of the next leg, on which the hose of a spraying leg empties."""
    start, end = ends
    share = min(1.0, off_m / math.dist(start, end))
    return WetPiece(
        seq=leg.seq,
        line=LineString([start, start + (end - start) * share]),
        speed_m_s=speed_of(leg),
        pump_us=leg.pump_us,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A wait with the sprayer on.

    Parameters
    ----------
    seq : int
        Number on board of the item that waits.
    dwell_s : float
        How long.
    pump_us : float
        Pulse of a pump on a plain servo, 0 for none.
    east_m, north_m : float
        Where, local metres of the path.
    """

    seq: int
    dwell_s: float
    pump_us: float
    east_m: float
    north_m: float


def spots(items: Sequence[MissionItem], path: Path, pump_channel: int = 0) -> tuple[Spot, ...]:
    """Return the waits with the sprayer on.

    Parameters
    ----------
    items : sequence of MissionItem
        Without item 0.
    path : Path
        Their flight.
    pump_channel : int
        Servo of a pump that DO_SET_SERVO drives, 0 for none.
    """
    found = []
    here, on, pump_us = path.frame.origin, False, 0.0
    for number, item in enumerate(items, start=1):
        turned = turns(item, pump_channel)
        if turned is not None:
            on = turned
            pump_us = item.param2 if is_pump(item, pump_channel) else pump_us
        if item.command in _FLOWN_TO and (item.x or item.y):
            here = item.place
        if on and _waits_s(item) > 0.0:
            east_m, north_m = path.frame.metres(here)
            found.append(
                Spot(
                    seq=number,
                    dwell_s=item.param1,
                    pump_us=pump_us,
                    east_m=east_m,
                    north_m=north_m,
                )
            )
    return tuple(found)


_FLOWN_TO = frozenset({Command.NAV_WAYPOINT, Command.NAV_SPLINE_WAYPOINT, Command.NAV_LOITER_TIME})


def _waits_s(item: MissionItem) -> float:
    """Return how long an item waits; a short stop at a waypoint is the end of a pass, no spot."""
    if item.command in (Command.NAV_DELAY, Command.NAV_LOITER_TIME):
        return item.param1
    if item.command == Command.NAV_WAYPOINT and item.param1 > STOP_S:
        return item.param1
    return 0.0
