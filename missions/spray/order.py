"""The order in which the passes of a spraying are flown, as the wind asks for it.

Theory of operation
-------------------
When the wind's direction is known, work begins at the downwind side and goes upwind, so
that no mist is blown over ground that the aircraft has yet to cross: the lines are flown in the
order found, in that order reversed, or strictly from downwind to upwind. Strictly is taken if it
is at most `UPWIND_WORTH` longer than the shortest, else the sense that begins further downwind if
it is at most that much longer, else the shortest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from agri.weather import Wind
from missions.airspace.route import Place
from missions.coverage.ties import first_least

FloatArray = NDArray[np.float64]
Way = tuple[Place, ...]

LEAST_WIND_M_S = 0.5
"""A wind below this has no direction to speak of."""
UPWIND_WORTH = 0.08
"""How much longer the flight may be for working upwind."""


def wind_order(
    ways: tuple[Way, ...], kinds: Sequence[bool], start: Place, wind: Wind
) -> tuple[Way, ...]:
    """Return ways in the order and senses that the wind asks for.

    Parameters
    ----------
    ways : tuple of tuple of (east_m, north_m)
        In the order of the shortest flight.
    kinds : sequence of bool
        Whether each is of the edge.
    start : (east_m, north_m)
        Where the aircraft comes from.
    wind : Wind
        Planned for.

    Examples
    --------
    >>> lines = (((0.0, 9.0), (50.0, 9.0)), ((50.0, 3.0), (0.0, 3.0)))
    >>> south = Wind(speed_m_s=2.0, from_deg=180.0)
    >>> wind_order(lines[::-1], (False, False), (0.0, 9.0), south) == lines
    True
    """
    if wind.from_deg is None or wind.speed_m_s < LEAST_WIND_M_S or len(ways) < 2:
        return ways
    angle = math.radians(wind.from_deg)
    upwind = np.array([math.sin(angle), math.cos(angle)])
    back = tuple(way[::-1] for way in reversed(ways))
    strict = _downwind_first(ways, kinds, start, upwind)
    lengths = [_way_m(((start,), *order)) for order in (strict, ways, back)]
    limit_m = min(lengths) * (1.0 + UPWIND_WORTH)
    if lengths[0] <= limit_m:
        return strict
    senses = [(_advance(order, upwind), order) for order, long_m in
              ((ways, lengths[1]), (back, lengths[2])) if long_m <= limit_m]  # fmt: skip
    if not senses:
        return ways
    return senses[first_least([-advance for advance, _ in senses], 0.01)][1]


def _downwind_first(
    ways: Sequence[Way], kinds: Sequence[bool], start: Place, upwind: FloatArray
) -> tuple[Way, ...]:
    """Return edge passes as they come, then lines from downwind to upwind, each nearer end first.

    The edge goes first, begun at its pass nearest to `start`.
    """
    known = list(zip(ways, kinds, strict=True))
    edge = [way for way, is_edge in known if is_edge]
    lines = [way for way, is_edge in known if not is_edge]
    lines.sort(key=lambda way: round(float(np.mean(way, axis=0) @ upwind), 2))
    found: list[Way] = list(edge)
    here = edge[-1][-1] if edge else start
    for way in lines:
        turned = math.dist(here, way[-1]) < math.dist(here, way[0]) - 0.02
        found.append(way[::-1] if turned else way)
        here = found[-1][-1]
    return tuple(found)


def _advance(order: Sequence[Way], upwind: FloatArray) -> float:
    """Return how well work goes upwind in an order: -1 to 1, rank by rank."""
    at = np.array([float(np.mean(way, axis=0) @ upwind) for way in order])
    place = np.argsort(np.argsort(at))
    return float(np.corrcoef(place, np.arange(len(at)))[0, 1])


def _way_m(ways: Sequence[Way]) -> float:
    """Return the length of ways and of the straight legs between them."""
    return sum(math.dist(a, b) for way in ways for a, b in pairwise(way)) + sum(
        math.dist(a[-1], b[0]) for a, b in pairwise(ways)
    )
