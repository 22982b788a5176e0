"""Whether two tracks are one flight: the one heard on the ground, and the one the aircraft wrote.

Both come from the same navigation filter, so they lie on each other to centimetres once their
clocks are; two flights of one plan lie a hand's to an arm's length apart and drift along the way.
So the offset between the clocks is looked for at which the places agree best, over all offsets at
which the tracks overlap. A flight that hovers agrees at many: then the one nearest to what the
clocks said counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.geo import LocalFrame, LonLat
from agri.track import Track

FloatArray = NDArray[np.float64]

PLACES = 400
"""Places of the heard track that are compared."""
STEPS_S = (1.0, 0.1, 0.01)
"""Offsets are tried ever finer."""
LEAST_OVERLAP = 0.6
"""Part of the heard track that the other must cover."""
SAME_MEDIAN_M, SAME_MOST_M = 0.5, 2.0
"""One flight: half of the places agree to the first, nine in ten to the second."""
AS_GOOD_M = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How well two tracks lie on each other.

    Parameters
    ----------
    offset_s : float
        To be added to a time of the heard track to get one of the logged.
    median_m, most_m : float
        Distance between them: of half and of nine in ten places.
    """

    offset_s: float
    median_m: float
    most_m: float

    @property
    def same(self) -> bool:
        """Whether they are one flight."""
        return self.median_m <= SAME_MEDIAN_M and self.most_m <= SAME_MOST_M


def match(heard: Track, logged: Track, *, guess_s: float = 0.0) -> Match | None:
    """Lay a heard track on a logged one.

    Parameters
    ----------
    heard, logged : Track
        By their own clocks.
    guess_s : float
        The offset that the clocks tell.

    Returns
    -------
    Match or None
        None when one of them has no way to compare.
    """
    times, at = _thinned(heard)
    if len(times) < 10 or len(logged.time_s) < 2:
        return None
    frame = LocalFrame(LonLat(lon_deg=float(heard.lon_deg[0]), lat_deg=float(heard.lat_deg[0])))
    way = np.column_stack((*frame.to_local(logged.lon_deg, logged.lat_deg), logged.height_m))
    here = np.column_stack((*frame.to_local(at[:, 0], at[:, 1]), at[:, 2]))
    spare_s = (1.0 - LEAST_OVERLAP) * float(times[-1] - times[0])
    low = float(logged.time_s[0] - times[0]) - spare_s
    high = float(logged.time_s[-1] - times[-1]) + spare_s
    best: tuple[float, float, float] | None = None
    for step_s in STEPS_S:
        offsets = np.arange(low, max(high, low) + step_s, step_s)
        tried = [_away(times, here, logged.time_s, way, float(offset)) for offset in offsets]
        kept = [one for one in tried if one is not None]
        if not kept:
            return None
        least_m = min(one[1] for one in kept)
        good = [one for one in kept if one[1] <= least_m + AS_GOOD_M * step_s]
        best = min(good, key=lambda one: abs(one[0] - guess_s))
        low, high = best[0] - step_s, best[0] + step_s
    return None if best is None else Match(offset_s=best[0], median_m=best[1], most_m=best[2])


def _thinned(track: Track) -> tuple[FloatArray, FloatArray]:
    places = np.column_stack((track.lon_deg, track.lat_deg, track.height_m))
    told = np.flatnonzero(np.isfinite(places).all(axis=1))
    told = told[:: max(1, math.ceil(len(told) / PLACES))]
    return track.time_s[told], places[told]


def _away(
    times: FloatArray, here: FloatArray, way_s: FloatArray, way: FloatArray, offset_s: float
) -> tuple[float, float, float] | None:
    """Return offset, median and ninth tenth of the distances, None without enough overlap."""
    then = times + offset_s
    both = (then >= way_s[0]) & (then <= way_s[-1])
    if np.count_nonzero(both) < LEAST_OVERLAP * len(times):
        return None
    there = [np.interp(then[both], way_s, way[:, axis]) for axis in range(3)]
    away = np.hypot(np.hypot(there[0] - here[both, 0], there[1] - here[both, 1]),
                    there[2] - here[both, 2])  # fmt: skip
    median_m, most_m = np.percentile(away, (50.0, 90.0))
    return offset_s, float(median_m), float(most_m)
