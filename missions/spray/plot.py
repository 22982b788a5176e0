"""The passes over a small plot with straight sides and no bends inwards, straight from its sides.

Theory of operation
-------------------
A commune has ten thousand plots of a few hundred square metres, most of them quadrilaterals. What
`missions.coverage.planning` searches for (arms, necks, sides to be left out, patches to be mended)
they do not have: the lines run along one of the sides, between the four passes of the edge. So
nothing is searched, and what `missions.spray.trimming` finds by trying every 0.1 m follows from
half-planes:

* every side moves inwards along its normal; corners move linearly with the distance, along
  (n₁ + n₂) / (1 + n₁ · n₂) of the normals of the two sides that meet there;
* a swath's edge meets a half-plane at one place. A line begins where `WORTH` of the width lies
  behind the edge's swaths, on `ACROSS` lines along it; what else of its flat end there is lies less
  than a width from that, so in the plot;
* a side goes on over its far corner as far as its flat end stays in the plot, and the next begins
  where `WORTH` of its width is outside that swath;
* the widths at which lines fill the plot evenly are where the inner ground's extent, which falls
  with the width, is a whole number of widths.

A plot that is too narrow for a line between its edge passes, bends gently (a side flown round a
bend is one pass) or has a sharp corner is none of this kind: it goes the long way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.route import Place
from missions.coverage.swaths import Fit, levels
from missions.coverage.ties import first_least
from missions.coverage.tracks import GRID_M, LegKind, Track
from missions.spray.trimming import ACROSS, ROUNDING_M, SHARP_DEG, SHORT, STRAIGHTER_M, WORTH

FloatArray = NDArray[np.float64]
Way = tuple[Place, Place]

SMALL_M2 = 10_000.0
"""Plots larger than this are searched thoroughly: there a per cent of the way is worth it."""
SIDES = 8
"""Most sides of such a plot."""
SHARPEST_DEG = 125.0
"""A side may turn into the next by so much; sharper corners are not sprayed to their tips."""
LEAST_SIDE_M = 0.5
"""Shortest side of the ground that the edge's swaths leave."""
LEVEL = 1e-9
"""A side that rises less than this on a line is along it."""


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A convex plot as half-planes.

    Parameters
    ----------
    shape : shapely.Polygon
        The plot, local metres.
    corners : (N, 2) float64
        Anticlockwise.
    ahead, inward : (N, 2) float64
        Directions of the sides and their normals into the plot; side k begins at corner k.
    moving : (N, 2) float64
        How far each corner moves for every metre that the sides move inwards.
    turns : (N,) float64
        By how much the way turns at each corner, radians.
    """

    shape: Polygon
    corners: FloatArray
    ahead: FloatArray
    inward: FloatArray
    moving: FloatArray
    turns: FloatArray

    @property
    def directions(self) -> list[float]:
        """Directions of the sides, degrees clockwise from north, 0 to 180, the longest first."""
        long_m = np.hypot(*(np.roll(self.corners, -1, axis=0) - self.corners).T)
        bearing = np.degrees(np.arctan2(self.ahead[:, 0], self.ahead[:, 1])) % 180.0
        return [float(bearing[k]) for k in np.argsort(-long_m.round(2), kind="stable")]

    def moved(self, inwards_m: float) -> FloatArray:
        """Return the corners with all sides moved inwards."""
        return self.corners + inwards_m * self.moving

    def roomy(self, width_m: float) -> bool:
        """Whether the swaths of the edge leave every side of the ground between them."""
        inner = self.moved(width_m)
        sides = np.roll(inner, -1, axis=0) - inner
        return bool(((sides * self.ahead).sum(axis=1) >= LEAST_SIDE_M).all())

    def extent_m(self, direction_deg: float, inwards_m: float) -> float:
        """Return how far the moved plot reaches across a direction."""
        return float(np.ptp(self.moved(inwards_m) @ _axes(direction_deg)[1]))


def plot_of(ground: BaseGeometry) -> Plot | None:
    """Return the ground as a plot, None when it is not small, convex and of few straight sides.

    Examples
    --------
    >>> plot = plot_of(shapely.box(0, 0, 30, 20))
    >>> plot.directions[0], plot.roomy(4.0), plot.roomy(10.0)
    (90.0, True, False)
    >>> plot_of(shapely.Point(0, 0).buffer(20.0)) is None
    True
    """
    if not isinstance(ground, Polygon) or ground.interiors or ground.area > SMALL_M2:
        return None
    line = shapely.get_coordinates(shapely.orient_polygons(ground).simplify(STRAIGHTER_M))[:-1]
    if not 3 <= len(line) <= SIDES:
        return None
    sides = np.roll(line, -1, axis=0) - line
    ahead = sides / np.hypot(*sides.T)[:, None]
    before = np.roll(ahead, 1, axis=0)
    cross = before[:, 0] * ahead[:, 1] - before[:, 1] * ahead[:, 0]
    turns = np.arctan2(cross, (before * ahead).sum(axis=1))
    if turns.min() < math.radians(SHARP_DEG) or turns.max() > math.radians(SHARPEST_DEG):
        return None
    inward = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
    normals = np.roll(inward, 1, axis=0)
    moving = (normals + inward) / (1.0 + (normals * inward).sum(axis=1))[:, None]
    return Plot(ground, line, ahead, inward, moving, turns)


def even_widths(plot: Plot, direction_deg: float, most_m: float, least_m: float) -> list[float]:
    """Return the widths at which lines fill the ground between the edge's swaths evenly.

    Examples
    --------
    >>> plot = plot_of(shapely.box(0, 0, 30, 20))
    >>> [round(width_m, 2) for width_m in even_widths(plot, 90.0, 4.5, 2.5)]
    [4.0, 3.33, 2.86, 2.5]
    """
    found: list[float] = []
    count = max(1, math.ceil(plot.extent_m(direction_deg, most_m) / most_m - 1e-6))
    while True:
        low, high = 0.0, most_m
        for _ in range(30):
            middle = (low + high) / 2.0
            if plot.extent_m(direction_deg, middle) > count * middle:
                low = middle
            else:
                high = middle
        if high < least_m:
            return found
        found.append(high)
        count += 1


def tracks_over(plot: Plot, direction_deg: float, width_m: float) -> tuple[Track, ...]:
    """Return the edge and the lines of a direction and width, untrimmed, to be compared."""
    ring = plot.moved(width_m / 2.0)
    sides = [Track(LegKind.EDGE, np.vstack([ring, ring[:1]]))]
    return (*sides, *(Track(LegKind.LINE, np.array(way))
                      for way in lines_of(plot, direction_deg, width_m)))  # fmt: skip


def lines_of(plot: Plot, direction_deg: float, width_m: float) -> list[Way]:
    """Return the lines between the edge's swaths, in order across the plot, all in one sense."""
    along, across = _axes(direction_deg)
    # of an even fit only how far the ground reaches across counts: its corners do
    corners = plot.moved(width_m) @ np.stack([along, across]).T
    at = levels(corners[None], width_m, Fit.EVEN)
    places = (at[:, None] + _offsets(width_m))[:, :, None] * across
    begins, ends = _worth(*_inside(plot, places, along, width_m))
    kept = ends - begins >= SHORT * width_m
    return [
        (_place(y * across + x0 * along), _place(y * across + x1 * along))
        for y, x0, x1 in zip(at[kept], begins[kept], ends[kept], strict=True)
    ]


def sides_of(plot: Plot, width_m: float) -> list[Way]:
    """Return the passes of the edge, in order round the plot, each trimmed by the one before."""
    ring = plot.moved(width_m / 2.0)
    onward = np.roll(ring, -1, axis=0)
    length_m = ((onward - ring) * plot.ahead).sum(axis=1)
    turns = np.roll(plot.turns, -1)
    over_m = width_m / 2.0 * np.tan(turns / 2.0)
    offsets = _offsets(width_m)
    found: list[tuple[float, float]] = []
    spots = ring[:, None, :] + offsets[None, :, None] * plot.inward[:, None, :]
    for k, ahead in enumerate(plot.ahead):
        enter, leave = _inside(plot, spots[k][None], ahead, -ROUNDING_M / 2.0)
        found.append((max(0.0, float(enter.max())), float(leave.min())))
    ends = np.minimum(length_m + over_m, [leave for _, leave in found])
    ways: list[Way] = []
    for k, ahead in enumerate(plot.ahead):
        fresh = _beyond(plot, k, spots[k] - ring[k - 1], float(ends[k - 1]), width_m / 2.0)
        start = max(found[k][0], float(np.sort(fresh)[_enough() - 1]))
        if ends[k] - start >= SHORT * width_m:
            ways.append((_place(ring[k] + start * ahead), _place(ring[k] + ends[k] * ahead)))
    return ways


def shares(plot: Plot, ways: Sequence[Way], width_m: float) -> tuple[float, float]:
    """Return how much of the plot straight swaths with flat ends spray, and how unevenly.

    Parameters
    ----------
    plot : Plot
    ways : sequence of ways
        Of two points each, local metres.
    width_m : float
        Of the swaths.

    Returns
    -------
    sprayed : float
        Share of the plot.
    uneven : float
        What is missed and sprayed twice, as a share of the ground half a width from the border on.
    """
    ends = np.array(ways)
    step = ends[:, 1] - ends[:, 0]
    aside = np.stack([-step[:, 1], step[:, 0]], axis=1) / np.hypot(*step.T)[:, None]
    aside *= width_m / 2.0
    boxes = np.stack(
        [ends[:, 0] - aside, ends[:, 1] - aside, ends[:, 1] + aside, ends[:, 0] + aside], axis=1
    )
    strips = shapely.polygons(boxes)
    sprayed = shapely.union_all(strips, grid_size=GRID_M)
    share = float(shapely.intersection(sprayed, plot.shape).area) / plot.shape.area
    inner = Polygon(plot.moved(width_m / 2.0))
    given = float(shapely.area(shapely.intersection(strips, inner)).sum())
    once = float(shapely.intersection(sprayed, inner).area)
    return share, (given + inner.area - 2.0 * once) / inner.area


def in_order(
    ways: Sequence[tuple[Place, ...]], kinds: Sequence[bool], home: Place
) -> tuple[tuple[tuple[Place, ...], ...], tuple[bool, ...]]:
    """Return sides and lines in the order of the shortest way from home and back, and their kinds.

    The edge first or last, begun at any side; the lines there and back, from any of their corners.

    Parameters
    ----------
    ways : sequence of ways
        Sides in order round the plot, lines in order across it, all in one sense.
    kinds : sequence of bool
        Whether each is a side.
    home : (east_m, north_m)
        The pad.
    """
    sides = [way for way, side in zip(ways, kinds, strict=True) if side]
    lines = [way for way, side in zip(ways, kinds, strict=True) if not side]
    if not ways:
        return (), ()
    rounds = [[*sides[k:], *sides[:k]] for k in range(len(sides))] or [[]]
    sweeps = [_there_and_back(order, turned=turned)
              for order in (lines, lines[::-1]) for turned in (False, True)]  # fmt: skip
    edges, rest = (True,) * len(sides), (False,) * len(lines)
    found = [((*edge, *sweep), edges + rest) for edge in rounds for sweep in sweeps]
    found += [((*sweep, *edge), rest + edges) for edge in rounds for sweep in sweeps]
    lengths = [
        math.dist(home, order[0][0])
        + sum(math.dist(a[1], b[0]) for a, b in pairwise(order))
        + math.dist(order[-1][1], home)
        for order, _ in found
    ]
    return found[first_least(lengths)]


def _there_and_back(lines: Sequence[tuple[Place, ...]], *, turned: bool) -> list[tuple[Place, ...]]:
    return [way[::-1] if (k % 2 == 1) != turned else way for k, way in enumerate(lines)]


def _beyond(plot: Plot, side: int, spots: FloatArray, end_m: float, half_m: float) -> FloatArray:
    """Return from where on lines along a side lie outside the swath of the side before, (A,).

    They go through `spots`, as seen from where that side's way begins.
    """
    ahead, before, inward = plot.ahead[side], plot.ahead[side - 1], plot.inward[side - 1]
    # inside that swath: not beyond its flat end, nor further in than half its width
    past = [(before, end_m), (inward, half_m)]
    leaves = np.full(len(spots), math.inf)
    enters = np.full(len(spots), -math.inf)
    for normal, reach_m in past:
        room = reach_m - spots @ normal
        rise = float(ahead @ normal)
        if rise > LEVEL:
            leaves = np.minimum(leaves, room / rise)
        elif rise < -LEVEL:
            enters = np.maximum(enters, room / rise)
        else:
            leaves = np.where(room < 0.0, -math.inf, leaves)
    return np.asarray(np.where(enters < leaves, np.maximum(leaves, 0.0), 0.0))


def _inside(
    plot: Plot, places: FloatArray, along: FloatArray, inwards_m: float
) -> tuple[FloatArray, FloatArray]:
    """Return where lines through (K, A, 2) places enter and leave the plot with its sides moved."""
    rise = plot.inward @ along
    room = places @ plot.inward.T - ((plot.corners * plot.inward).sum(axis=1) + inwards_m)
    rising, falling = rise > LEVEL, rise < -LEVEL
    enter = (-room[..., rising] / rise[rising]).max(axis=-1)
    leave = (room[..., falling] / -rise[falling]).min(axis=-1)
    beside = (room[..., ~rising & ~falling] < 0.0).any(axis=-1)
    empty = beside | (enter > leave)
    return np.where(empty, math.inf, enter), np.where(empty, -math.inf, leave)


def _worth(enter: FloatArray, leave: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where enough of the width lies inside, first and last, (K,) each."""
    enough = _enough()
    return np.sort(enter, axis=1)[:, enough - 1], np.sort(leave, axis=1)[:, -enough]


def _enough() -> int:
    return math.ceil(WORTH * ACROSS)


def _offsets(width_m: float) -> FloatArray:
    half = width_m / 2.0 - ROUNDING_M
    return np.linspace(-half, half, ACROSS)


def _axes(direction_deg: float) -> tuple[FloatArray, FloatArray]:
    """Return the unit vectors along a direction and across it, to the left."""
    angle = math.radians(direction_deg)
    sin, cos = math.sin(angle), math.cos(angle)
    return np.array([sin, cos]), np.array([-cos, sin])


def _place(point: FloatArray) -> Place:
    return float(point[0]), float(point[1])
