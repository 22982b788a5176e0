"""The way a spray route is flown, straight piece by straight piece, and how long each takes.

Theory of operation
-------------------
A sortie goes from over the pad to its first pass, along every pass, between them by the shortest
way that stays in ``route.allowed``, and back over the pad. Passes are flown at their own speed,
everything between them at the transit speed, which is the job's speed unless another is told: an
aircraft that loses an order for a speed (ArduCopter forgets it when AUTO is left) must not end up
faster than the job.

Time is `missions.energy`'s: a corner of angle θ is passed at (1 − θ / 90°) of the slower of the
two speeds that meet there, sharper ones and spots at rest, and between corners the aircraft
speeds up and slows down evenly. ArduCopter also bounds the jerk, which costs time, and rounds
corners, which saves about the same: over lawn-mower routes of 25 to 200 m the two together were
within 3 % of even acceleration.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import shapely
from shapely.geometry.base import BaseGeometry

from agri.errors import Refused
from missions.energy import leg_time_s
from missions.route import TOLERANCE_M, Place, shortest_way
from missions.spray_route import SprayRoute

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
    route: SprayRoute, *, transit_speed_m_s: float, acceleration_m_s2: float
) -> tuple[Piece, ...]:
    """Return the level flight of a route, from over the pad back to over the pad.

    Parameters
    ----------
    route : SprayRoute
        What is flown.
    transit_speed_m_s : float
        Ground speed off the passes.
    acceleration_m_s2 : float
        Horizontal acceleration.

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
    >>> from missions.spray_route import Pass
    >>> swath = Pass(points=((10, 0), (110, 0)), width_m=5.0, rate_l_ha=20.0, speed_m_s=5.0)
    >>> there = SprayRoute(passes=(swath,), home=(0, 0), allowed=box(-9, -9, 120, 9),
    ...                    treatable=box(10, -2, 110, 2), angle_deg=90.0)
    >>> [(str(p.kind), p.length_m, p.time_s) for p in course(
    ...     there, transit_speed_m_s=5.0, acceleration_m_s2=2.5)]
    [('transit', 10.0, 3.0), ('spray', 100.0, 21.0), ('transit', 110.0, 24.0)]
    """
    if not route.passes:
        return ()
    pieces: list[Piece] = []
    for index, way in enumerate(ways_between(route)):
        pieces += [
            Piece(kind=LegKind.TRANSIT, index=index, start=a, end=b, speed_m_s=transit_speed_m_s)
            for a, b in pairwise(way)
            if math.dist(a, b) > SAME_PLACE_M
        ]
        if index < len(route.passes):
            pieces += _along(route, index)
    return _timed(pieces, acceleration_m_s2)


def ways_between(route: SprayRoute) -> list[tuple[Place, ...]]:
    """Return the ways pad to first pass, pass to pass, and last pass to pad.

    Raises
    ------
    Refused
        When there is no way.
    """
    ends = [route.home, *(end for p in route.passes for end in (p.points[0], p.points[-1]))]
    ends.append(route.home)
    return ways(route.allowed, list(zip(ends[::2], ends[1::2], strict=True)))


def ways(region: BaseGeometry, pairs: Sequence[tuple[Place, Place]]) -> list[tuple[Place, ...]]:
    """Return the shortest way inside `region` for each pair of places.

    Raises
    ------
    Refused
        When there is none.
    """
    roomy = region.buffer(TOLERANCE_M, join_style="mitre")
    shapely.prepare(roomy)
    free = shapely.covers(roomy, shapely.linestrings(pairs))
    found: list[tuple[Place, ...]] = []
    for (start, end), straight in zip(pairs, free, strict=True):
        way = (start, end) if straight else shortest_way(region, start, end)
        if way is None:
            raise Refused("error.no_way", distance_m=math.dist(start, end))
        found.append(way)
    return found


def _along(route: SprayRoute, index: int) -> Iterator[Piece]:
    """Yield the pieces of one pass."""
    work = route.passes[index]
    if work.is_spot:
        place = work.points[0]
        yield Piece(
            kind=LegKind.SPOT, index=index, start=place, end=place, speed_m_s=0.0,
            litres=work.spot_l, time_s=work.dwell_s,
        )  # fmt: skip
        return
    from_m = 0.0
    for start, end in pairwise(work.points):
        length_m = math.dist(start, end)
        yield Piece(
            kind=LegKind.SPRAY, index=index, start=start, end=end, from_m=from_m,
            speed_m_s=work.speed_m_s, litres=work.rate_l_ha * work.width_m * length_m / 1e4,
        )  # fmt: skip
        from_m += length_m


def _timed(pieces: Sequence[Piece], acceleration_m_s2: float) -> tuple[Piece, ...]:
    """Return the pieces with their times, from rest to rest."""
    speeds = _corner_speeds(pieces, acceleration_m_s2)
    timed = []
    for piece, (begin, end) in zip(pieces, pairwise(speeds), strict=True):
        if piece.kind is LegKind.SPOT:
            timed.append(piece)
            continue
        time_s = leg_time_s(piece.length_m, begin, end, piece.speed_m_s, acceleration_m_s2)
        timed.append(replace(piece, time_s=time_s))
    return tuple(timed)


def _corner_speeds(pieces: Sequence[Piece], acceleration_m_s2: float) -> list[float]:
    """Return the speed at the beginning of every piece and at the end of the last."""
    speeds = [0.0] * (len(pieces) + 1)
    for at, (before, after) in enumerate(pairwise(pieces), start=1):
        top = min(before.speed_m_s, after.speed_m_s)
        if top > 0.0:
            speeds[at] = top * max(0.0, 1.0 - abs(_turn_deg(before, after)) / 90.0)
    lengths = [piece.length_m for piece in pieces]
    for at in range(1, len(speeds)):
        reach = speeds[at - 1] ** 2 + 2.0 * acceleration_m_s2 * lengths[at - 1]
        speeds[at] = min(speeds[at], math.sqrt(reach))
    for at in range(len(pieces) - 1, -1, -1):
        reach = speeds[at + 1] ** 2 + 2.0 * acceleration_m_s2 * lengths[at]
        speeds[at] = min(speeds[at], math.sqrt(reach))
    return speeds


def _turn_deg(before: Piece, after: Piece) -> float:
    into = math.atan2(before.end[1] - before.start[1], before.end[0] - before.start[0])
    out = math.atan2(after.end[1] - after.start[1], after.end[0] - after.start[0])
    return math.degrees(math.remainder(out - into, math.tau))
