"""In which order, and from which end, the working tracks are flown.

Theory of operation
-------------------
Tracks are visited one after another; between them the aircraft flies the shortest way that stays in
the allowed region. Those ways are measured once for all pairs of ends
(`missions.airspace.route.distances`). The nearest end next gives a first order from every end; the
shortest few are bettered: stretches are turned round (2-opt) and single tracks moved (Or-opt) as
long as it shortens the way. Where the flight may begin decides which ends of the lines are joined,
so no end is left untried. Near equals go to the lower number (`missions.coverage.ties`): the same
tracks give the same order.

2-opt: G. A. Croes, A method for solving traveling-salesman problems, Operations Research 6 (1958);
Or-opt: I. Or, dissertation, Northwestern University (1976).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from missions.coverage.ties import TIE_M, first_least, ranked

FloatArray = NDArray[np.float64]
Visit = tuple[int, bool]
"""Number of a track, and whether it is flown from its end to its beginning."""
TOURS = 3
"""How many first orders are bettered."""
FEW = 8
"""Of so few tracks every first order is."""
ROUNDS = 12
GAIN_M = 3.0 * TIE_M
"""A change must shorten the way by more than this."""


def order_tracks(between: FloatArray, begin: FloatArray | None = None) -> list[Visit]:
    """Return the order of open tracks.

    Parameters
    ----------
    between : (2 n, 2 n) float64
        Metres between ends; track k begins at 2 k and ends at 2 k + 1.
    begin : (2 n,) float64, optional
        Metres from where the aircraft comes from to each end.

    Returns
    -------
    list of (int, bool)
        Each track once.

    Examples
    --------
    >>> at = np.array([0.0, 9.0, 20.0, 11.0])
    >>> order_tracks(np.abs(at[:, None] - at), np.abs(at - 0.0))
    [(0, False), (1, True)]
    """
    count = len(between) // 2
    if count == 0:
        return []
    come = np.zeros(2 * count) if begin is None else begin
    first = _nearest_next(between)
    lengths = [_length(tour, between, come) for tour in first]
    improved = [
        _improve(first[k], between, come) for k in ranked(lengths, TOURS if count > FEW else None)
    ]
    best = improved[first_least([_length(tour, between, come) for tour in improved])]
    return [(end // 2, end % 2 == 1) for end in best]


def _nearest_next(between: FloatArray) -> list[list[int]]:
    """Return a tour from every end: the ends entered at, each next one the nearest to be had.

    All tours are drawn at once, one step of each at a time.
    """
    ends = len(between)
    rows = np.arange(ends)
    left = np.ones((ends, ends), dtype=bool)
    here = rows
    tours = [here]
    for _ in range(ends // 2 - 1):
        left[rows, here] = left[rows, here ^ 1] = False
        onward = np.where(left, between[here ^ 1], np.inf)
        here = np.argmax(onward <= onward.min(axis=1, keepdims=True) + TIE_M, axis=1)
        tours.append(here)
    return [[int(end) for end in tour] for tour in np.stack(tours, axis=1)]


def _length(
    tour: Sequence[int] | NDArray[np.int64], between: FloatArray, come: FloatArray
) -> float:
    at = np.array(tour)
    return float(come[at[0]] + between[at[:-1] ^ 1, at[1:]].sum())


def _improve(tour: list[int], between: FloatArray, come: FloatArray) -> list[int]:
    """Return the tour after turning stretches and moving tracks while that shortens it."""
    best = tour
    for _ in range(ROUNDS):
        length = _length(best, between, come)
        better = _move_tracks(_turn_stretches(best, between, come), between, come)
        if _length(better, between, come) > length - GAIN_M:
            break
        best = better
    return best


def _turn_stretches(tour: Sequence[int], between: FloatArray, come: FloatArray) -> list[int]:
    at = np.array(tour)
    count = len(at)
    for first in range(count):
        before = come if first == 0 else between[at[first - 1] ^ 1]
        stretch = at[first:]
        # what comes after a stretch, as it lies and turned; after the last track comes nothing
        now, then = np.zeros(count - first), np.zeros(count - first)
        now[:-1] = between[stretch[:-1] ^ 1, stretch[1:]]
        then[:-1] = between[stretch[0], stretch[1:]]
        now += before[stretch[0]]
        then += before[stretch ^ 1]
        gain = now - then
        pick = first_least(-gain)
        if gain[pick] > GAIN_M:
            at[first : first + pick + 1] = at[first : first + pick + 1][::-1] ^ 1
    return [int(end) for end in at]


def _move_tracks(tour: Sequence[int], between: FloatArray, come: FloatArray) -> list[int]:
    best = np.array(tour)
    count = len(best)
    # the ways to a track, on from it, and those they take the place of; the last ends there
    to, on, was = np.zeros(count), np.zeros(count), np.zeros(count)
    for track in [end // 2 for end in tour if count > 1]:
        here = int(np.argmax(best // 2 == track))
        rest = np.concatenate([best[:here], best[here + 1 :]])
        left = rest ^ 1
        was[0], was[1:-1] = come[rest[0]], between[left[:-1], rest[1:]]
        now = _length(best, between, come) - _length(rest, between, come)
        options = []
        for end in (int(best[here]), int(best[here]) ^ 1):
            to[0], to[1:] = come[end], between[left, end]
            on[:-1] = between[end ^ 1, rest]
            cost = to + on - was
            place = first_least(cost)
            options.append((float(cost[place]), place, end))
        cost_m, place, end = options[first_least([option[0] for option in options])]
        if cost_m < now - GAIN_M:
            best = np.concatenate([rest[:place], [end], rest[place:]])
    return [int(end) for end in best]
