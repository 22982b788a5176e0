"""The way a spray route is flown, straight piece by straight piece, and how long each takes.

Theory of operation
-------------------
A sortie is flown as `missions.passes.flight` lays it out: from over the pad to its first run, every
run with its run-up and run-out, between them the shortest way that stays in ``route.allowed``, and
back over the pad. Runs are flown at their passes' speed, everything between them at the transit
speed, which is the job's unless another is told: an aircraft that loses an order for a speed
(ArduCopter forgets it when AUTO is left) must not end up faster than the job.

Time is `missions.energy`'s: a corner of angle θ is passed at (1 − θ / 90°) of the slower of the
two speeds that meet there, sharper ones at rest, and between corners the aircraft speeds up and
slows down evenly. ArduCopter also bounds the jerk, which costs time, and rounds corners, which
saves about the same: over lawn-mower routes of 25 to 200 m the two together were within 3 % of
even acceleration.

Where the aircraft really comes to rest (over the pad, over a spot, at the end of a run without
run-out, before a run slower than the way to it) nothing is rounded and the jerk costs all of its
time: there it speeds up and slows down at the mean of what jerk allows (`missions.passes.speeds`).
Short legs of a pass with bends are no faster than jerk lets them be. A spot takes the time the pump
needs to turn besides its dwelling, a stop at the end of a run or before it `STOP_S`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from agri.geo import turn_deg
from missions.airspace.route import Place
from missions.energy import leg_time_s
from missions.passes.flight import Run, flight
from missions.passes.route import SprayRoute
from missions.passes.speeds import (
    STOP_S,
    begins_at_rest,
    from_rest_m_s2,
    leg_peak_m_s,
    transit_speeds,
)
from missions.passes.timing import PUMP_ON_S

SAME_PLACE_M = 0.01
"""Places nearer than this need no leg between them."""


class LegKind(StrEnum):
    """What a piece of a sortie is."""

    CLIMB = "climb"
    TRANSIT = "transit"
    SPRAY = "spray"
    SPOT = "spot"
    LAND = "land"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One straight piece of the level flight, or the dwelling over a spot.

    Parameters
    ----------
    kind : LegKind
        TRANSIT, SPRAY or SPOT.
    index : int
        Pass it belongs to; for a transit the pass it leads to, the number of passes for the way
        home.
    start, end : (east_m, north_m)
        Local metres; equal for a spot.
    from_m : float
        How far along its pass it begins; 0 for a transit.
    speed_m_s : float
        Fastest it is flown.
    litres : float
        Mixture sprayed on it.
    time_s : float
        How long it takes.
    """

    kind: LegKind
    index: int
    start: Place
    end: Place
    from_m: float = 0.0
    speed_m_s: float
    litres: float = 0.0
    time_s: float = 0.0

    @property
    def length_m(self) -> float:
        """Its length."""
        return math.dist(self.start, self.end)


def course(
    route: SprayRoute,
    *,
    transit_speed_m_s: float,
    acceleration_m_s2: float,
    fill_s: float = 0.0,
) -> tuple[Piece, ...]:
    """Return the level flight of a route, from over the pad back to over the pad.

    Parameters
    ----------
    route : SprayRoute
        What is flown.
    transit_speed_m_s : float
        Ground speed off the passes; short ways behind a slower pass are flown at its speed.
    acceleration_m_s2 : float
        Horizontal acceleration.
    fill_s : float
        As `missions.passes.flight.flight` takes it.

    Returns
    -------
    tuple of Piece
        They join; each with its time.

    Raises
    ------
    Refused
        When the allowed region joins two passes, or a pass and the pad, by no way.

    Examples
    --------
    >>> from shapely.geometry import box
    >>> from missions.passes.route import Pass
    >>> swath = Pass(points=((10, 0), (110, 0)), width_m=5.0, rate_l_ha=20.0, speed_m_s=5.0)
    >>> there = SprayRoute(passes=(swath,), home=(0, 0), allowed=box(-9, -9, 110, 9),
    ...                    treatable=box(10, -2, 110, 2), angle_deg=90.0)
    >>> [(str(p.kind), p.length_m, round(p.time_s, 2)) for p in course(
    ...     there, transit_speed_m_s=5.0, acceleration_m_s2=2.5)]
    [('transit', 3.75, 3.49), ('transit', 6.25, 2.13), ('spray', 100.0, 23.38),
     ('transit', 110.0, 26.47)]
    """
    if not route.passes:
        return ()
    flown = flight(route, fill_s)
    speeds = transit_speeds(flown, transit_speed_m_s)
    pieces: list[Piece] = []
    rests = {0}
    index = 0
    for number, (way, speed) in enumerate(zip(flown.transits, speeds, strict=True)):
        pieces += _straight(way, index, speed)
        if number < len(flown.runs):
            run = flown.runs[number]
            if pieces and begins_at_rest(run, speed):
                pieces[-1] = replace(pieces[-1], time_s=pieces[-1].time_s + STOP_S)
                rests.add(len(pieces))
            rests |= {len(pieces)} if run.is_spot else set()
            pieces += _run(run, index)
            rests |= {len(pieces)} if run.tail_m == 0.0 else set()
            index += len(run.passes)
    return _timed(pieces, rests | {len(pieces)}, acceleration_m_s2)


def _straight(way: Sequence[Place], index: int, speed_m_s: float) -> Iterator[Piece]:
    """Yield the pieces of a way on which nothing is sprayed."""
    for a, b in pairwise(way):
        if math.dist(a, b) > SAME_PLACE_M:
            yield Piece(kind=LegKind.TRANSIT, index=index, start=a, end=b, speed_m_s=speed_m_s)


def _run(run: Run, index: int) -> Iterator[Piece]:
    """Yield the pieces of a run: run-up, passes, run-out."""
    first, last = run.passes[0], run.passes[-1]
    if run.is_spot:
        place = run.points[0]
        yield Piece(
            kind=LegKind.SPOT, index=index, start=place, end=place, speed_m_s=0.0,
            litres=first.spot_l, time_s=first.dwell_s + PUMP_ON_S,
        )  # fmt: skip
        return
    yield from _straight((run.points[0], first.points[0]), index, first.speed_m_s)
    for number, work in enumerate(run.passes, start=index):
        from_m = 0.0
        for start, end in pairwise(work.points):
            length_m = math.dist(start, end)
            if length_m <= SAME_PLACE_M:
                continue
            bent = len(work.points) > 2
            stops = run.tail_m == 0.0 and end == run.points[-1]
            yield Piece(
                kind=LegKind.SPRAY, index=number, start=start, end=end, from_m=from_m,
                speed_m_s=min(work.speed_m_s, leg_peak_m_s(length_m) if bent else math.inf),
                litres=work.rate_l_ha * work.width_m * length_m / 1e4,
                time_s=STOP_S if stops else 0.0,
            )  # fmt: skip
            from_m += length_m
    beyond = index + len(run.passes)
    yield from _straight((last.points[-1], run.points[-1]), beyond, last.speed_m_s)


def _timed(pieces: Sequence[Piece], rests: set[int], acceleration_m_s2: float) -> tuple[Piece, ...]:
    """Return the pieces with their times; what they have of their own is added.

    `rests` tells before which pieces, and behind the last, the aircraft comes to rest.
    """
    speeds = _corner_speeds(pieces)
    faster = _ramps(pieces, speeds, rests, acceleration_m_s2)
    speeds.reverse()
    back = {len(pieces) - at for at in rests}
    slower = _ramps(pieces[::-1], speeds, back, acceleration_m_s2)[::-1]
    speeds.reverse()
    timed = []
    for piece, ends, up, down in zip(pieces, pairwise(speeds), faster, slower, strict=True):
        if piece.kind is LegKind.SPOT:
            timed.append(piece)
            continue
        flown_s = leg_time_s(piece.length_m, *ends, piece.speed_m_s, up, braking_m_s2=down)
        timed.append(replace(piece, time_s=piece.time_s + flown_s))
    return tuple(timed)


def _corner_speeds(pieces: Sequence[Piece]) -> list[float]:
    """Return the speed the corners allow at each piece's beginning and at the end of the last."""
    speeds = [0.0] * (len(pieces) + 1)
    for at, (before, after) in enumerate(pairwise(pieces), start=1):
        top = min(before.speed_m_s, after.speed_m_s)
        if top > 0.0:
            angle_deg = turn_deg((before.start, before.end), (after.start, after.end))
            speeds[at] = top * max(0.0, 1.0 - angle_deg / 90.0)
    return speeds


def _ramps(
    pieces: Sequence[Piece], speeds: list[float], rests: set[int], acceleration_m_s2: float
) -> list[float]:
    """Return the acceleration of each piece from its beginning on; `speeds` are bounded by it."""
    found = []
    gentle = False
    for at, piece in enumerate(pieces):
        if at in rests:
            speeds[at] = 0.0
            gentle = True
        rate = acceleration_m_s2
        if gentle:
            rate = from_rest_m_s2(piece.length_m, piece.speed_m_s, acceleration_m_s2)
        found.append(rate)
        reach = math.sqrt(speeds[at] ** 2 + 2.0 * rate * piece.length_m)
        gentle = gentle and reach < speeds[at + 1]
        speeds[at + 1] = min(speeds[at + 1], reach)
    return found
