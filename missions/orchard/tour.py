"""A short way through many places: in which order trees are visited.

Theory of operation
-------------------
The nearest place next gives a first order. Local search betters it: stretches are turned round
(2-opt) and runs of up to three places moved elsewhere (Or-opt), looking only at each place's
nearest neighbours, in every direction, and only where something has changed. What then is short in
every small way is shaken: two neighbouring stretches change places (the double bridge, which
neither move can undo in one step), local search mends the spot, and what came out longer is taken
back. The number of shakes depends on the number of places alone, and where they strike on a
counter: the same places give the same order, and no clock is read.

An open way is a closed one through a place that is nowhere: it costs nothing to reach, and the
first or last place asked for is tied to it.

Distances are rounded to millimetres, so that orchards turned or moved give the same order.

2-opt: G. A. Croes, Operations Research 6 (1958). Or-opt: I. Or, dissertation, Northwestern
University (1976). Neighbour lists and don't-look bits: J. L. Bentley, ORSA Journal on Computing 4
(1992). Double bridge: O. Martin, S. W. Otto, E. W. Felten, Complex Systems 5 (1991).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray

from missions.airspace.route import Place

FloatArray = NDArray[np.float64]
NEAR = 6
"""Nearest places that a change may join a place to."""
SPREAD = 5
"""Nearest places in directions of their own that it may be joined to besides."""
RUN = 3
"""Longest run of places that is moved as one."""
STRETCH = 50
"""Longest stretch that a shake moves."""
SHAKES = 8
"""Shakes for each place, up to `MOST_SHAKES` in all."""
MOST_SHAKES = 4000
GAIN_M = 1e-6
"""A change must shorten the way by more than this."""
TIED_M = 1e7
"""What an edge that must be flown is cheaper by; beyond any farm."""
FEW = 6
"""So few places are tried in every order."""


def tour(points: FloatArray, *, start: Place | None = None, end: Place | None = None) -> list[int]:
    """Return the order in which a short way leads through all points.

    Parameters
    ----------
    points : (N, 2) float64
        East and north, metres.
    start, end : (east_m, north_m), optional
        Where the way comes from and where it goes to, besides the points; both the same for a way
        out and home. None: wherever the way is shortest.

    Returns
    -------
    list of int
        Every point's number once.

    Examples
    --------
    >>> tour(np.array([[30.0, 0], [10, 0], [20, 0]]), start=(0.0, 0.0))
    [1, 2, 0]
    """
    count = len(points)
    ends = list(dict.fromkeys(place for place in (start, end) if place is not None))
    places = np.concatenate([np.reshape(points, (-1, 2)), np.reshape(ends, (-1, 2))])
    between = np.hypot(*(places[:, None, :] - places[None, :, :]).transpose(2, 0, 1))
    first = None if start is None else count + ends.index(start)
    last = None if end is None else count + ends.index(end)
    return [node for node in visit(between, first=first, last=last) if node < count]


def visit(between: FloatArray, *, first: int | None = None, last: int | None = None) -> list[int]:
    """Return the order of nodes whose distances are known.

    Parameters
    ----------
    between : (N, N) float64
        Metres between nodes, the same both ways, finite.
    first, last : int, optional
        Nodes the way begins and ends at; the same node for a closed way (returned once, first).

    Returns
    -------
    list of int
        Every node once.

    Examples
    --------
    >>> at = np.array([0.0, 30.0, 10.0, 20.0])
    >>> visit(np.abs(at[:, None] - at), first=0, last=3)
    [0, 2, 1, 3]
    """
    count = len(between)
    if count < 2:
        return list(range(count))
    if first is not None and first == last:
        return _rotated(_closed(np.round(between, 3)), first)
    tied = np.zeros((count + 1, count + 1))
    tied[:count, :count] = np.round(between, 3)
    for node in (first, last):
        if node is not None:
            tied[count, node] = tied[node, count] = -TIED_M
    order = _rotated(_closed(tied), count)[1:]
    backwards = order[-1] == first if first is not None else order[0] == last
    if first is None and last is None:
        backwards = order[0] > order[-1]
    return order[::-1] if backwards else order


def way_length_m(between: FloatArray, order: Sequence[int], *, closed: bool = False) -> float:
    """Return the length of the way through nodes in an order.

    Examples
    --------
    >>> at = np.array([0.0, 30.0, 10.0])
    >>> way_length_m(np.abs(at[:, None] - at), [0, 2, 1], closed=True)
    60.0
    """
    way = [*order, order[0]] if closed else list(order)
    return float(sum(between[a, b] for a, b in pairwise(way)))


def _rotated(order: list[int], first: int) -> list[int]:
    at = order.index(first)
    return order[at:] + order[:at]


def _closed(between: FloatArray) -> list[int]:
    """Return a short closed way."""
    count = len(between)
    if count <= FEW:
        ways = [(0, *rest) for rest in permutations(range(1, count))]
        lengths = [round(way_length_m(between, way, closed=True), 6) for way in ways]
        return list(ways[lengths.index(min(lengths))])
    search = _Search(between, _nearest_next(between))
    search.settle(range(count))
    for shake in range(min(SHAKES * count, MOST_SHAKES)):
        search.shake(shake)
    return search.order


def _nearest_next(between: FloatArray) -> list[int]:
    """Return the nodes from the last on, each next one the nearest that is left."""
    here = len(between) - 1
    order, left = [here], np.ones(len(between), dtype=bool)
    for _ in range(len(between) - 1):
        left[here] = False
        here = int(np.argmin(np.where(left, between[here], math.inf)))
        order.append(here)
    return order


def _neighbours(between: FloatArray) -> list[list[int]]:
    """Return each node's nearest and its nearest in every direction, the nearest first.

    A node lies in a direction of its own when no other one taken is nearer to it than this one:
    so the way out of a clump is among the neighbours too.
    """
    others = between + np.diag(np.full(len(between), math.inf))
    nearest = np.argsort(others, axis=1, kind="stable")[:, :NEAR]
    found = []
    for node, row in enumerate(others):
        left, taken = row.copy(), set(nearest[node].tolist()) - {node}
        for _ in range(SPREAD):
            other = int(np.argmin(left))
            if left[other] == math.inf:
                break
            taken.add(other)
            left[others[other] < row] = math.inf
            left[other] = math.inf
        found.append(sorted(sorted(taken), key=row.tolist().__getitem__))
    return found


def _counted(number: int, low: int, high: int) -> int:
    """Return a number from `low` to below `high`, well mixed (splitmix64, Steele et al. 2014)."""
    mixed = (number + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
    return low + (mixed ^ mixed >> 31) % (high - low)


class _Search:
    """A closed way under way: `order` of the nodes, and `at`, where in it each node stands."""

    def __init__(self, between: FloatArray, order: list[int]) -> None:
        self.count = len(order)
        self.far: list[list[float]] = between.tolist()
        self.near = _neighbours(between)
        self.order = order
        self.at = [0] * self.count
        self._note(0, order)
        self.gained_m = 0.0

    def _note(self, start: int, nodes: Iterable[int]) -> None:
        """Write nodes into the order from a position on, round its end."""
        for position, node in enumerate(nodes, start):
            place = position % self.count
            self.order[place] = node
            self.at[node] = place

    def _stretch(self, start: int, size: int) -> list[int]:
        """Return `size` nodes from a position on, round the order's end."""
        start %= self.count
        over = start + size - self.count
        if over <= 0:
            return self.order[start : start + size]
        return self.order[start:] + self.order[:over]

    def _beside(self, node: int, step: int) -> int:
        return self.order[(self.at[node] + step) % self.count]

    def settle(self, nodes: Iterable[int]) -> None:
        """Better the way from these nodes on until no change near any of them helps."""
        waiting = deque(nodes)
        queued = set(waiting)
        while waiting:
            node = waiting.popleft()
            queued.discard(node)
            changed = self._turn_stretch(node) or self._move_run(node)
            for other in changed:
                if other not in queued:
                    queued.add(other)
                    waiting.append(other)

    def shake(self, number: int) -> None:
        """Swap two neighbouring stretches, settle, and take all back that came out longer."""
        order, at, gained_m = self.order[:], self.at[:], self.gained_m
        longest = min(STRETCH, (self.count - 2) // 2)
        start = _counted(3 * number, 0, self.count)
        one = _counted(3 * number + 1, 1, longest + 1)
        two = _counted(3 * number + 2, 1, longest + 1)
        first, second = self._stretch(start + 1, one), self._stretch(start + 1 + one, two)
        before, after = self.order[start], self.order[(start + 1 + one + two) % self.count]
        far = self.far
        was = far[before][first[0]] + far[first[-1]][second[0]] + far[second[-1]][after]
        now = far[before][second[0]] + far[second[-1]][first[0]] + far[first[-1]][after]
        self._note(start + 1, second + first)
        self.gained_m += was - now
        self.settle([before, first[0], first[-1], second[0], second[-1], after])
        if self.gained_m < gained_m - GAIN_M:
            self.order, self.at, self.gained_m = order, at, gained_m

    def _turn_stretch(self, node: int) -> tuple[int, ...]:
        """Turn a stretch beside `node` round if that shortens the way; return what changed."""
        far, order, at, count = self.far, self.order, self.at, self.count
        here, row = at[node], self.far[node]
        for step in (1, -1):
            beyond = order[(here + step) % count]
            edge = row[beyond]
            for other in self.near[node]:
                if edge - row[other] <= GAIN_M:
                    break
                further = order[(at[other] + step) % count]
                gain = edge - row[other] + far[other][further] - far[beyond][further]
                if gain > GAIN_M:
                    first, last = (beyond, other) if step == 1 else (other, beyond)
                    self._turn(at[first], at[last])
                    self.gained_m += gain
                    return node, beyond, other, further
        return ()

    def _turn(self, first: int, last: int) -> None:
        """Turn the order round from one position to another, or the rest, if that is less."""
        size = (last - first) % self.count + 1
        if 2 * size > self.count:
            first, size = last + 1, self.count - size
        self._note(first % self.count, self._stretch(first, size)[::-1])

    def _move_run(self, node: int) -> tuple[int, ...]:
        """Move a run that begins at `node` if that shortens the way; return what changed."""
        far, at, count = self.far, self.at, self.count
        row = far[node]
        for step in (1, -1):
            before = self._beside(node, -step)
            for size in range(1, min(RUN, count - 3) + 1):
                tail = self._beside(node, step * (size - 1))
                after = self._beside(tail, step)
                freed = row[before] + far[tail][after] - far[before][after]
                for other in self.near[node]:
                    if freed - row[other] <= GAIN_M:
                        break
                    if (at[other] - at[node]) * step % count < size:
                        continue
                    for side in (1, -1):
                        next_to = self._beside(other, side)
                        if (at[next_to] - at[node]) * step % count < size:
                            continue
                        gain = freed - row[other] - far[tail][next_to] + far[other][next_to]
                        if gain > GAIN_M:
                            self._move(node, size, step, other, side)
                            self.gained_m += gain
                            return node, tail, before, after, other, next_to
        return ()

    def _move(self, node: int, size: int, step: int, other: int, side: int) -> None:
        """Put the run of `size` from `node` on beside `other`, `node` next to it."""
        start = self.at[node] if step == 1 else self.at[node] - size + 1
        run = self._stretch(start, size)
        if (run[0] == node) != (side == 1):
            run = run[::-1]
        low, high = (
            (other, self._beside(other, 1)) if side == 1 else (self._beside(other, -1), other)
        )
        ahead = (self.at[low] - start - size) % self.count + 1
        behind = (start - self.at[high]) % self.count
        if ahead <= behind:
            self._note(start % self.count, self._stretch(start + size, ahead) + run)
        else:
            first = self.at[high]
            self._note(first, run + self._stretch(first, behind))
