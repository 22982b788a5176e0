"""Fitted lines: parallel swaths that miss no strip and waste no line.

Theory of operation
-------------------
The ground to be swept is turned so that the lines run east. Its extent across, H, takes
n = ceil(H / width) lines, and their spacing is shrunk to H / n: the first and the last lie half a
spacing from the ground's edge and nothing is left between. `STRETCH` lets a swath be asked to
reach a hair further than its width before one more line is flown: 4 mm on each metre, far below
what a swath's edge is known to.

That is the even fit. Where a side leans on the lines, the last line would be flown for a sliver:
`FEWER` leaves it out and lays the others at full width over where they cover most. Where the
ground has arms, lines at full width from the `LOW` or `HIGH` side may fill an arm with one less.

A line must reach as far as any point of its strip, or slanted borders leave saw teeth. But the
tip of a strip that narrows to a point is long and holds little: `trim` ends the line where what
is left of the strip is narrower than that share of the width. And a flat end must not spray
beyond the border: `field` cuts the lines to its chords along the middle and both sides of the
swath.

`sweep_cost` scores a direction without cutting any polygon: one scan line per swath, crossed with
all edges at once. It ranks directions; the best few are then laid out in full.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.coverage.scanlines import FloatArray, Span, chord_lengths, chords, crossings, edges_of

STRETCH = 0.004
"""Share of the width that the spacing may exceed it before another line is flown."""
LAP_M = 0.001
"""Least overlap, or gap, of neighbouring swaths: edges that coincide but for rounding are what
polygon unions go wrong on, here and in whoever judges the plan."""
ASIDE = 0.237
"""About a quarter of the spacing, but not where evenly drawn fields have their corners: there
rounding would decide."""
SHORTEST_M = 0.2
"""A line shorter than this is not flown."""
SLIVER_M = 0.02
"""What of a strip is thinner than this is rounding, not ground."""
MOST_SPARED = 0.7
"""Share of a width that leaving a line out may leave uncovered across the lines."""
INSIDE_M = 0.01
"""Flat ends stay this far inside the border, and so do the changes of line along it."""


def turn_matrix(direction_deg: float) -> FloatArray:
    """Return the rotation that lays compass direction `direction_deg` along +x."""
    angle = math.radians(90.0 - direction_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])


def line_count(extent_m: float, width_m: float) -> int:
    """Return how many swaths cover `extent_m` across.

    Examples
    --------
    >>> line_count(12.0, 6.0), line_count(12.5, 6.0), line_count(2.0, 6.0)
    (2, 3, 1)
    """
    return max(1, math.ceil(extent_m / (width_m * (1.0 + STRETCH)) - 1e-9))


class Fit(StrEnum):
    """How lines are fitted across the ground."""

    EVEN = "even"
    LOW = "low"
    HIGH = "high"
    FEWER = "fewer"


def levels(edges: FloatArray, width_m: float, fit: Fit) -> FloatArray:
    """Return the heights of the lines over turned ground; none where the fit is not to be had.

    The spacing is the step between them, or, of a single line, the ground's extent.
    """
    low, high = float(edges[:, :, 1].min()), float(edges[:, :, 1].max())
    count = line_count(high - low, width_m)
    spacing = width_m - LAP_M
    spare = count * spacing - (high - low)
    if fit is Fit.EVEN:
        even = (high - low) / count
        spacing = spacing if count > 1 and abs(even - width_m) < LAP_M else even
        return _level(low + ((high - low) - count * spacing) / 2.0, spacing, count)
    if count == 1 or spare < 0.0:
        return np.empty(0)
    if fit is not Fit.FEWER:
        return _level(low if fit is Fit.LOW else low - spare, spacing, count)
    spared = spacing - spare
    if spared > MOST_SPARED * width_m:
        return np.empty(0)
    left_m2: list[float] = []
    shares = (0.0, 0.5, 1.0)
    for share in shares:
        below, above = share * spared, (1.0 - share) * spared
        at = np.array([low + f * below for f in (0.25, 0.75)])
        at = np.append(at, [high - f * above for f in (0.25, 0.75)])
        long = chord_lengths(edges, at)
        left_m2.append(round(float(long[:2].sum() * below + long[2:].sum() * above) / 2.0, 3))
    return _level(low + shares[int(np.argmin(left_m2))] * spared, spacing, count - 1)


def _level(low: float, spacing: float, count: int) -> FloatArray:
    return np.asarray(low + (np.arange(count) + 0.5) * spacing, dtype=np.float64)


def sweep_cost(
    ground: BaseGeometry,
    direction_deg: float,
    *,
    width_m: float,
    speed_m_s: float,
    acceleration_m_s2: float,
    fit: Fit = Fit.EVEN,
) -> float:
    """Return a quick estimate of the time to sweep `ground` in a direction, seconds.

    Line length and line changes at `speed_m_s`, and for each line v/a lost in braking and v/a in
    gathering speed (the kinematics of a stop at constant acceleration). A line is as long as the
    longer chord `ASIDE` of the spacing beside it. Infinite when the fit is not to be had.
    """
    turn = turn_matrix(direction_deg)
    length_m, pieces, had = 0.0, 0.0, fit is Fit.EVEN
    for part in explode(ground):
        if not isinstance(part, Polygon):
            continue
        edges = edges_of(part) @ turn.T
        at = levels(edges, width_m, fit)
        had |= len(at) > 0
        if len(at) == 0:
            at = levels(edges, width_m, Fit.EVEN)
        aside = ASIDE * (at[1] - at[0] if len(at) > 1 else np.ptp(edges[:, :, 1]))
        length_m += float(
            np.maximum(chord_lengths(edges, at - aside), chord_lengths(edges, at + aside)).sum()
        )
        pieces += float(crossings(edges, at + aside / 20.0)[1].sum()) / 2.0
    changes_s = pieces * (width_m / speed_m_s + 2.0 * speed_m_s / acceleration_m_s2)
    return length_m / speed_m_s + changes_s if had else math.inf


@dataclass(frozen=True, slots=True)
class Strip:
    """Ground that one line is for, in one stretch along x: where it lies and how deep it is.

    Parameters
    ----------
    y : float
        Height of the line over turned ground.
    x : (K + 1,) float64
        Where the strip has corners.
    begin, end : (K,) float64
        Depth at both ends of each piece between corners, linear between.
    """

    y: float
    x: FloatArray
    begin: FloatArray
    end: FloatArray

    def span(self, least_m: float) -> Span:
        """Return the extent along x from the first to the last place that is so deep."""
        least_m = max(least_m, SLIVER_M)
        begin, end, enough = self.begin, self.end, least_m - 1e-6
        deep = np.maximum(begin, end) >= enough
        if not deep.any():
            return 0.0, 0.0
        first, last = int(np.argmax(deep)), len(deep) - 1 - int(np.argmax(deep[::-1]))
        step = np.diff(self.x)
        x0, x1 = float(self.x[first]), float(self.x[last + 1])
        if begin[first] < enough:
            x0 += float(step[first] * (least_m - begin[first]) / (end[first] - begin[first]))
        if end[last] < enough:
            x1 -= float(step[last] * (least_m - end[last]) / (begin[last] - end[last]))
        return x0, x1


@dataclass(frozen=True, slots=True)
class Strips:
    """Ground cut into strips across a direction.

    Parameters
    ----------
    turn : (2, 2) float64
        Rotation that lays the direction along +x.
    strips : tuple of Strip
        In the order of the parts and then across.
    width_m, spacing_m : float
        Width of the swath; the widest spacing used, `width_m` when there is no strip.
    """

    turn: FloatArray
    strips: tuple[Strip, ...]
    width_m: float
    spacing_m: float

    def lines(
        self, *, field: BaseGeometry | None = None, trim: float = 0.0, strict: bool = True
    ) -> list[FloatArray]:
        """Return the lines, each its (2, 2) ends in local metres.

        Parameters
        ----------
        field : shapely.Polygon or MultiPolygon, optional
            What flat swath ends may not reach beyond; None lets lines run as far as their strip.
        trim : float
            Share of the width; lines end where what is left of their strip is narrower.
        strict : bool
            Whether ground that no swath fits into is left out; else it gets whole lines.
        """
        reached = [(strip.y, strip.span(trim * self.width_m)) for strip in self.strips]
        reached = [(y, span) for y, span in reached if span[1] > span[0]]
        if field is not None:
            reached = list(_capped(reached, self.width_m, edges_of(field) @ self.turn.T, strict))
        return [
            np.array([[x0, y], [x1, y]]) @ self.turn
            for y, (x0, x1) in reached
            if x1 - x0 >= SHORTEST_M
        ]


def cut_strips(
    ground: BaseGeometry, direction_deg: float, *, width_m: float, fit: Fit = Fit.EVEN
) -> Strips:
    """Cut ground into the strips of fitted lines.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What the lines must cover, local metres.
    direction_deg : float
        Direction of the lines, degrees clockwise from north.
    width_m : float
        Swath width.
    fit : Fit
        How they are fitted; parts where it is not to be had get even lines.

    Returns
    -------
    Strips
        What to lay lines over.

    Examples
    --------
    >>> strips = cut_strips(shapely.box(0, 0, 30, 12), 90.0, width_m=7.0)
    >>> strips.spacing_m, [line.tolist() for line in strips.lines()]
    (6.0, [[[0.0, 3.0], [30.0, 3.0]], [[0.0, 9.0], [30.0, 9.0]]])
    """
    turn = turn_matrix(direction_deg)
    found: list[Strip] = []
    spacings: list[float] = []
    for part in explode(ground):
        if not isinstance(part, Polygon):
            continue
        shape = shapely.transform(part, lambda xy: xy @ turn.T)
        edges = edges_of(shape)
        at = levels(edges, width_m, fit)
        if len(at) == 0:
            at = levels(edges, width_m, Fit.EVEN)
        west, low, east, high = shape.bounds
        spacing = float(at[1] - at[0]) if len(at) > 1 else high - low
        spacings.append(spacing)
        boxes = [
            shapely.box(west - 1.0, y - spacing / 2.0, east + 1.0, y + spacing / 2.0) for y in at
        ]
        for y, cut in zip(at, shapely.intersection(shape, boxes), strict=True):
            found += [_strip(float(y), group) for group in _groups(cut, least_m2=0.02 * width_m)]
    return Strips(turn, tuple(found), width_m, min(width_m, max(spacings, default=width_m)))


def _groups(cut: BaseGeometry, *, least_m2: float) -> list[list[Polygon]]:
    """Return the pieces of a cut, those that overlap along x together."""
    pieces = sorted(
        (p for p in explode(cut) if isinstance(p, Polygon) and p.area > least_m2),
        key=lambda p: p.bounds,
    )
    groups: list[list[Polygon]] = []
    east = -math.inf
    for piece in pieces:
        if groups and piece.bounds[0] <= east:
            groups[-1].append(piece)
        else:
            groups.append([piece])
        east = max(east, piece.bounds[2])
    return groups


def _strip(y: float, group: Sequence[Polygon]) -> Strip:
    """Return pieces as a strip: two samples between each pair of corners tell the depth."""
    upright = np.concatenate([edges_of(piece) for piece in group])[:, :, ::-1]
    x = np.unique(upright[:, :, 1])
    step = np.diff(x)
    depth = chord_lengths(upright, np.concatenate([x[:-1] + 0.25 * step, x[:-1] + 0.75 * step]))
    near, far = depth[: len(step)], depth[len(step) :]
    return Strip(y, x, 1.5 * near - 0.5 * far, 1.5 * far - 0.5 * near)


def _capped(
    reached: Sequence[tuple[float, Span]], width_m: float, field: FloatArray, strict: bool
) -> Iterable[tuple[float, Span]]:
    """Yield the pieces of lines whose flat ends stay in the field on both sides."""
    half = width_m / 2.0 - INSIDE_M
    at = np.array([y for y, _ in reached])
    middles, lefts, rights = (chords(field, at + side) for side in (0.0, half, -half))
    for number, (y, span) in enumerate(reached):
        for middle in middles[number]:
            x0, x1 = max(span[0], middle[0] + INSIDE_M), min(span[1], middle[1] - INSIDE_M)
            for beside in (lefts[number], rights[number]):
                x0, x1 = _within(beside, x0, x1, strict)
            yield y, (x0, x1)


def _within(beside: Sequence[Span], x0: float, x1: float, strict: bool) -> Span:
    """Return the line cut to the chords that go with a good part of it, or to the best of them."""
    shared = [min(c[1], x1) - max(c[0], x0) for c in beside]
    along = [c for c, long in zip(beside, shared, strict=True) if long > 0.3 * (x1 - x0)]
    if not along and strict and x1 > x0:
        if max(shared, default=0.0) <= 0.0:
            return 0.0, 0.0
        along = [beside[int(np.argmax(shared))]]
    if not along:
        return x0, x1
    return max(x0, min(c[0] for c in along)), min(x1, max(c[1] for c in along))
