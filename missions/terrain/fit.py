"""Heights along a way from few corners: above one bound, below another, never too steep.

Theory of operation
-------------------
Along a way the height flown must stay above a lower bound (clearance, the wished height less the
tolerance) and below an upper one (the wished height plus the tolerance), and may rise and fall
only so steeply, because the aircraft climbs and sinks at its own speeds while it flies at the
job's. `lifted` is the lowest profile over a lower bound that keeps the slopes: it begins to climb
before a rise and sinks late behind one, so it only ever errs upwards. `lowered` is its mirror for
an upper bound. Where both keep the slopes and lower ≤ upper, every mixture of the two is a
possible flight, so from any point between them the flight can go on.

`fewest` then chooses corners: from a corner it goes as far as one straight line can between the
bounds (the slopes that fit shrink with every sample passed: a funnel), and among a few ends of that
line takes the one from which the next line reaches furthest. The corners of the way itself always
remain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agri.grid import FloatArray

SLACK = 1e-9
"""Rounding of numbers, metres per metre."""
FIRST_LOOK = 64
"""Samples looked at first for the end of a straight line; four times as many each time after."""
LEVELS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Heights tried at the end of a line, between the lowest and the highest it can have there."""
BACK = (1.0, 0.9, 0.7)
"""Ends of a line tried, as shares of the furthest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slopes:
    """How steeply a flight may climb and sink, metres per metre, both positive."""

    up: float
    down: float


def lifted(far_m: FloatArray, low_m: FloatArray, slopes: Slopes) -> FloatArray:
    """Return the lowest profile that is nowhere below `low_m` and nowhere too steep.

    Parameters
    ----------
    far_m : (N,) float64
        Distances along the way, rising.
    low_m : (N,) float64
        Lower bound.
    slopes : Slopes
        What the aircraft does at its speed.

    Examples
    --------
    >>> far = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    >>> lifted(far, np.array([0.0, 0.0, 2.0, 0.0, 0.0]), Slopes(up=1.0, down=0.5)).tolist()
    [0.0, 1.0, 2.0, 1.5, 1.0]
    """
    before = np.maximum.accumulate((low_m - slopes.up * far_m)[::-1])[::-1] + slopes.up * far_m
    behind = np.maximum.accumulate(low_m + slopes.down * far_m) - slopes.down * far_m
    return np.maximum(low_m, np.maximum(before, behind))


def lowered(far_m: FloatArray, high_m: FloatArray, slopes: Slopes) -> FloatArray:
    """Return the highest profile that is nowhere above `high_m` and nowhere too steep."""
    return -lifted(far_m, -high_m, Slopes(up=slopes.down, down=slopes.up))


def fewest(
    far_m: FloatArray,
    low_m: FloatArray,
    high_m: FloatArray,
    slopes: Slopes,
    corners: Sequence[int],
) -> list[tuple[int, float]]:
    """Return corners of a polyline between two bounds, as few as the search finds.

    Parameters
    ----------
    far_m : (N,) float64
        Distances along the way, rising strictly.
    low_m, high_m : (N,) float64
        Bounds that keep the slopes (`lifted`, `lowered`), low ≤ high.
    slopes : Slopes
        Steepest climb and sink.
    corners : sequence of int
        Samples that must be corners, rising; the first is 0, the last N − 1.

    Returns
    -------
    list of (sample, height_m)
        All of `corners` among them.

    Examples
    --------
    >>> far = np.linspace(0.0, 10.0, 11)
    >>> ridge = 5.0 - abs(far - 5.0)
    >>> fewest(far, ridge, ridge + 0.1, Slopes(up=1.0, down=1.0), [0, 10])
    [(0, 0.0), (5, 5.0), (10, 0.0)]
    """
    funnel = _Funnel(far_m, low_m, high_m, slopes, list(corners))
    found = [funnel.best((0, z) for z in funnel.levels(low_m[0], high_m[0]))]
    while found[-1][0] < corners[-1]:
        found.append(funnel.next_corner(*found[-1]))
    return found


class _Funnel:
    """Straight lines between the bounds, from one sample as far as they go."""

    def __init__(
        self,
        far_m: FloatArray,
        low_m: FloatArray,
        high_m: FloatArray,
        slopes: Slopes,
        corners: list[int],
    ) -> None:
        self.far_m, self.low_m, self.high_m = far_m, low_m, high_m
        self.middle_m = (low_m + high_m) / 2.0
        self.slopes = slopes
        self.corners = np.array(corners)

    @staticmethod
    def levels(low_m: float, high_m: float) -> list[float]:
        """Return heights to try, each once."""
        return sorted({float(low_m + share * (high_m - low_m)) for share in LEVELS})

    def lines(self, start: int, height_m: float) -> tuple[FloatArray, FloatArray]:
        """Return the least and greatest slope of lines to each of the samples they reach."""
        stop = int(self.corners[np.searchsorted(self.corners, start, side="right")])
        look = FIRST_LOOK
        while True:
            end = min(stop, start + look)
            there = slice(start + 1, end + 1)
            away = self.far_m[there] - self.far_m[start]
            least = np.maximum.accumulate((self.low_m[there] - height_m) / away)
            most = np.minimum.accumulate((self.high_m[there] - height_m) / away)
            least = np.maximum(least, -self.slopes.down)
            most = np.minimum(most, self.slopes.up)
            fits = least <= most + SLACK
            count = len(fits) if fits.all() else int(np.argmin(fits))
            if count < len(fits) or end == stop:
                count = max(count, 1)
                return least[:count], np.maximum(least, most)[:count]
            look *= 4

    def reach(self, start: int, height_m: float) -> int:
        """Return the furthest sample a line from here reaches."""
        if start >= self.corners[-1]:
            return start
        return start + len(self.lines(start, height_m)[0])

    def next_corner(self, start: int, height_m: float) -> tuple[int, float]:
        """Return where the line from here ends so that the next one gets furthest."""
        least, most = self.lines(start, height_m)
        ends = {max(1, int(len(least) * share)) for share in BACK}
        if start + len(least) in self.corners:
            ends = {len(least)}
        tried = []
        for count in sorted(ends, reverse=True):
            end = start + count
            away = self.far_m[end] - self.far_m[start]
            low = max(height_m + least[count - 1] * away, self.low_m[end])
            high = max(min(height_m + most[count - 1] * away, self.high_m[end]), low)
            tried += [(end, z) for z in self.levels(low, high)]
        return self.best(tried)

    def best(self, tried: Iterable[tuple[int, float]]) -> tuple[int, float]:
        """Return the corner from which the next line gets furthest, nearest the middle of two."""
        return max(tried, key=lambda t: (self.reach(*t), -abs(t[1] - self.middle_m[t[0]])))
