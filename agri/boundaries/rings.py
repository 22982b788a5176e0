"""One ring: the corners that stay when repeats, spikes and needless corners are taken out.

Theory of operation
-------------------
A ring is walked once with a stack: a corner within 1 mm of the last is a repeat; a corner whose
way out and way back coincide (within 5 cm and 1°) is the tip of a spike and goes, which may bare
another spike beneath it. Then corners within 1 mm of the straight line between their neighbours
go, but only in runs that lie on one line as a whole, so that a finely drawn curve keeps its
shape. Cleaning only picks among the given corners: those that stay keep their degrees to the bit.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.geo import LocalFrame

Ring = NDArray[np.float64]
"""(N, 2) float64: x and y of the corners of one ring or line, closed or not."""
Rings = tuple[Ring, ...]
"""One polygon as written: the first ring is meant as its border, the others as holes."""

SAME_M = 0.001
"""Corners nearer than this are one corner."""
SPIKE_M = 0.05
LEAST_M2 = 0.01
"""Rings around less than this have no area."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A cleaned ring, open (the first corner is not repeated).

    Parameters
    ----------
    degrees : (N, 2) float64
        Corners, WGS 84 (lon, lat) degrees, as given.
    metres : (N, 2) float64
        The same corners in local metres.
    """

    degrees: Ring
    metres: Ring

    @property
    def signed_m2(self) -> float:
        """Shoelace area, positive when it turns counter-clockwise."""
        x, y = (self.metres - self.metres[0]).T
        return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y)) / 2.0

    @property
    def is_flat(self) -> bool:
        """Whether it lies along a line or goes round less than `LEAST_M2` without crossing."""
        if len(self.metres) < 3 or _is_line(self.metres):
            return True
        if abs(self.signed_m2) >= LEAST_M2:
            return False
        return bool(shapely.is_simple(shapely.linearrings(self.metres)))


def clean_ring(ring: Ring, frame: LocalFrame) -> tuple[Loop, Counter[str]]:
    """Return the ring without repeats, spikes and corners on straight lines.

    Parameters
    ----------
    ring : (N, 2) float64
        Corners in WGS 84 degrees, closed or not.
    frame : LocalFrame
        Where lengths are measured.

    Returns
    -------
    loop : Loop
        The corners that stay; fewer than three when nothing is enclosed.
    done : Counter of str
        How many corners each repair took, by the key of its finding.

    Examples
    --------
    >>> from agri.geo import LonLat
    >>> frame = LocalFrame(LonLat(lon_deg=106.5, lat_deg=21.0))
    >>> degrees = np.column_stack(frame.to_lonlat([0, 9, 9, 9, 30, 9, 0], [0, 0, 0, 5, 5, 5, 5]))
    >>> loop, done = clean_ring(degrees, frame)
    >>> len(loop.degrees), sorted(done)
    (4, ['finding.corners_repeated', 'finding.ring_closed', 'finding.spikes'])
    """
    done: Counter[str] = Counter()
    if not len(ring):
        return Loop(ring, ring), done
    metres = np.column_stack(frame.to_local(ring[:, 0], ring[:, 1]))
    kept, repeats, spikes, closed = _walk(metres.tolist())
    if len(kept) >= 3:
        straight = _on_straight_lines(metres[kept])
        done["finding.ring_closed"] = int(not closed)
        done["finding.corners_repeated"] = repeats
        done["finding.spikes"] = spikes
        done["finding.corners_straight"] = int(straight.sum())
        kept = np.asarray(kept)[~straight].tolist()
    return Loop(ring[kept], metres[kept]), +done


def _walk(corners: list[list[float]]) -> tuple[list[int], int, int, bool]:
    """Go round once; return the corners to keep, repeats and spikes left out, closed or not."""
    closed = len(corners) > 1 and _near(corners[0], corners[-1])
    kept: list[int] = []
    repeats = spikes = 0
    for place in range(len(corners) - int(closed)):
        if kept and _near(corners[kept[-1]], corners[place]):
            repeats += 1
            continue
        kept.append(place)
        while len(kept) >= 3 and _is_spike(*(corners[index] for index in kept[-3:])):
            spikes += 1
            del kept[-2]
            if _near(corners[kept[-2]], corners[kept[-1]]):
                kept.pop()
    while len(kept) >= 3:
        start, end = corners[kept[0]], corners[kept[-1]]
        if _near(start, end):
            kept.pop()
        elif _is_spike(corners[kept[-2]], end, start):
            spikes += 1
            kept.pop()
        elif _is_spike(end, start, corners[kept[1]]):
            spikes += 1
            kept.pop(0)
        else:
            break
    return kept, repeats, spikes, closed


def _near(first: Sequence[float], second: Sequence[float]) -> bool:
    return math.hypot(first[0] - second[0], first[1] - second[1]) <= SAME_M


def _is_spike(before: Sequence[float], tip: Sequence[float], after: Sequence[float]) -> bool:
    """Return whether the way to `tip` and back from it is one line, within `SPIKE_M` and 1°."""
    ux, uy = before[0] - tip[0], before[1] - tip[1]
    vx, vy = after[0] - tip[0], after[1] - tip[1]
    if ux * vx + uy * vy <= 0.0:
        return False
    across = abs(ux * vy - uy * vx)
    long, short = sorted((math.hypot(ux, uy), math.hypot(vx, vy)), reverse=True)
    return across < SPIKE_M * long and across < math.sin(math.radians(1.0)) * long * short


def _on_straight_lines(metres: Ring) -> NDArray[np.bool_]:
    """Return which corners lie on the straight line between the corners that stay.

    A run of such corners goes only when the whole run lies within a millimetre of one line, so
    that a finely drawn curve keeps its shape.
    """
    before, after = np.roll(metres, 1, axis=0), np.roll(metres, -1, axis=0)
    straight = _off_line_m(metres, before, after) <= SAME_M
    if straight.all() or not straight.any():
        return np.zeros(len(metres), dtype=np.bool_)
    count, start = len(metres), int(np.flatnonzero(~straight)[0])
    run: list[int] = []
    for step in range(1, count + 1):
        place = (start + step) % count
        if straight[place]:
            run.append(place)
            continue
        if run:
            ends = metres[run[0] - 1], metres[place]
            if (_off_line_m(metres[run], *ends) > SAME_M).any():
                straight[run] = False
        run = []
    return straight if count - int(straight.sum()) >= 3 else np.zeros(count, dtype=np.bool_)


def _off_line_m(points: Ring, starts: Ring, ends: Ring) -> NDArray[np.float64]:
    """Return how far points lie off the segments from `starts` to `ends`."""
    along = ends - starts
    length2 = np.maximum((along**2).sum(axis=-1), 1e-12)
    share = np.clip(((points - starts) * along).sum(axis=-1) / length2, 0.0, 1.0)
    off = points - starts - share[..., None] * along
    return np.asarray(np.hypot(off[..., 0], off[..., 1]), dtype=np.float64)


def _is_line(metres: Ring) -> bool:
    """Return whether all corners lie within a millimetre of one straight line."""
    centred = metres - metres.mean(axis=0)
    return bool(np.linalg.svd(centred, compute_uv=False)[-1] < SAME_M)


def turns_around(ring: Ring, points: Ring) -> NDArray[np.int64]:
    """Return how often a ring goes round each point, counter-clockwise positive.

    Parameters
    ----------
    ring : (N, 2) float64
        Corners in metres.
    points : (M, 2) float64
        Points in metres, none of them on the ring.

    Returns
    -------
    (M,) int64
        Winding numbers, by signed crossings of the ray to the right (Sunday 2001).

    Examples
    --------
    >>> turns_around(np.array([[0, 0], [2, 0], [2, 2], [0, 2.0]]), np.array([[1, 1], [3, 1.0]]))
    array([1, 0])
    """
    x1, y1 = ring.T
    x2, y2 = np.roll(ring, -1, axis=0).T
    turns = np.zeros(len(points), dtype=np.int64)
    for place, (x, y) in enumerate(points):
        left = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
        up = (y1 <= y) & (y < y2) & (left > 0.0)
        down = (y2 <= y) & (y < y1) & (left < 0.0)
        turns[place] = int(up.sum()) - int(down.sum())
    return turns
