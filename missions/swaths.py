"""Fitted lines: parallel swaths that miss no strip and waste no line.

Theory of operation
-------------------
The ground to be swept is turned so that the lines run east. Its extent across, H, takes
n = ceil(H / width) lines, and their spacing is shrunk to H / n: the first and the last lie half a
spacing from the ground's edge and nothing is left between. `STRETCH` lets a swath be asked to
reach a hair further than its width before one more line is flown: 4 mm on each metre, far below
what a swath's edge is known to.

Where a side leans on the lines, the last line would be flown for a sliver; `fewer` leaves it out
and lays the others at full width over where they cover most.

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

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from missions.keepouts import explode

FloatArray = NDArray[np.float64]
Span = tuple[float, float]
STRETCH = 0.004
"""Share of the width that the spacing may exceed it before another line is flown."""
SHORTEST_M = 0.2
"""A line shorter than this is not flown."""
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


def edges_of(shape: BaseGeometry) -> FloatArray:
    """Return the straight edges of all rings, (N, 2, 2): start and end, x and y."""
    rings = [
        shapely.get_coordinates(ring)
        for part in explode(shape)
        if isinstance(part, Polygon)
        for ring in (part.exterior, *part.interiors)
    ]
    if not rings:
        return np.empty((0, 2, 2))
    return np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])


def _crossings(edges: FloatArray, at: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return where each edge crosses each height of `at`, (E, N), signed by its sense; whether."""
    y0, y1 = edges[:, 0, 1][:, None], edges[:, 1, 1][:, None]
    crossed = (y0 <= at) != (y1 <= at)
    share = np.where(crossed, (at - y0) / np.where(y0 == y1, 1.0, y1 - y0), 0.0)
    x = edges[:, 0, 0][:, None] + share * (edges[:, 1, 0] - edges[:, 0, 0])[:, None]
    return x, crossed


def chord_lengths(edges: FloatArray, at: FloatArray) -> FloatArray:
    """Return the length inside, along x, at each height of `at`."""
    x, crossed = _crossings(edges, at)
    up = edges[:, 1, 1][:, None] > edges[:, 0, 1][:, None]
    signed: FloatArray = np.where(crossed, np.where(up, x, -x), 0.0)
    lengths: FloatArray = np.abs(signed.sum(axis=0))
    return lengths


def chords(edges: FloatArray, at: FloatArray) -> list[list[Span]]:
    """Return the pieces inside, along x, at each height of `at`."""
    x, crossed = _crossings(edges, at)
    found = []
    for column in range(len(at)):
        ends = np.sort(x[crossed[:, column], column])
        found.append([(float(a), float(b)) for a, b in ends.reshape(-1, 2)])
    return found


def levels(edges: FloatArray, width_m: float, *, fewer: bool) -> FloatArray:
    """Return the heights of the lines over turned ground; none where no line can be left out.

    The spacing is the step between them, or, of a single line, the ground's extent.
    """
    low, high = float(edges[:, :, 1].min()), float(edges[:, :, 1].max())
    count = line_count(high - low, width_m)
    if not fewer:
        fitted: FloatArray = low + (np.arange(count) + 0.5) * (high - low) / count
        return fitted
    spared = (high - low) - (count - 1) * width_m
    if count == 1 or spared > MOST_SPARED * width_m:
        return np.empty(0)
    left_m2: list[float] = []
    shares = (0.0, 0.5, 1.0)
    for share in shares:
        below, above = share * spared, (1.0 - share) * spared
        at = np.array([low + f * below for f in (0.25, 0.75)])
        at = np.append(at, [high - f * above for f in (0.25, 0.75)])
        long = chord_lengths(edges, at)
        left_m2.append(round(float(long[:2].sum() * below + long[2:].sum() * above) / 2.0, 3))
    first = low + shares[int(np.argmin(left_m2))] * spared
    return np.asarray(first + (np.arange(count - 1) + 0.5) * width_m, dtype=np.float64)


def sweep_cost(
    ground: BaseGeometry,
    direction_deg: float,
    *,
    width_m: float,
    speed_m_s: float,
    acceleration_m_s2: float,
    fewer: bool = False,
) -> float:
    """Return a quick estimate of the time to sweep `ground` in a direction, seconds.

    Line length and line changes at `speed_m_s`, and for each line v/a lost in braking and v/a in
    gathering speed (the kinematics of a stop at constant acceleration). Infinite when `fewer` is
    asked and no line can be left out.
    """
    turn = turn_matrix(direction_deg)
    length_m, pieces, spared = 0.0, 0, False
    for part in explode(ground):
        if not isinstance(part, Polygon):
            continue
        edges = edges_of(part) @ turn.T
        at = levels(edges, width_m, fewer=fewer)
        spared |= fewer and len(at) > 0
        if len(at) == 0:
            at = levels(edges, width_m, fewer=False)
        length_m += float(chord_lengths(edges, at).sum())
        pieces += int(_crossings(edges, at)[1].sum()) // 2
    changes_s = pieces * (width_m / speed_m_s + 2.0 * speed_m_s / acceleration_m_s2)
    return math.inf if fewer and not spared else length_m / speed_m_s + changes_s


def lay_lines(
    ground: BaseGeometry,
    direction_deg: float,
    *,
    width_m: float,
    field: BaseGeometry | None = None,
    trim: float = 0.0,
    fewer: bool = False,
) -> tuple[list[FloatArray], float]:
    """Lay fitted lines over `ground`.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What the lines must cover, local metres.
    direction_deg : float
        Direction of the lines, degrees clockwise from north.
    width_m : float
        Swath width.
    field : shapely.Polygon or MultiPolygon, optional
        What flat swath ends may not reach beyond; None lets lines run as far as their strip.
    trim : float
        Share of the width; lines end where what is left of their strip is narrower.
    fewer : bool
        Whether a line is left out where it would be flown for a sliver.

    Returns
    -------
    lines : list of (2, 2) float64
        Ends of each line, local metres, strip by strip.
    spacing_m : float
        The widest spacing used, `width_m` when there is no line.
    """
    turn = turn_matrix(direction_deg)
    bound = None if field is None else edges_of(field) @ turn.T
    lines: list[FloatArray] = []
    spacings: list[float] = []
    for part in explode(ground):
        if not isinstance(part, Polygon):
            continue
        shape = shapely.transform(part, lambda xy: xy @ turn.T)
        edges = edges_of(shape)
        at = levels(edges, width_m, fewer=fewer)
        if len(at) == 0:
            at = levels(edges, width_m, fewer=False)
        west, low, east, high = shape.bounds
        spacing = float(at[1] - at[0]) if len(at) > 1 else high - low
        spacings.append(spacing)
        boxes = [
            shapely.box(west - 1.0, y - spacing / 2.0, east + 1.0, y + spacing / 2.0) for y in at
        ]
        strips = shapely.intersection(shape, boxes)
        reached = [
            (y, span)
            for y, strip in zip(at, strips, strict=True)
            for span in _spans(strip, least_m2=0.02 * width_m, least_m=trim * width_m)
        ]
        for y, (x0, x1) in reached if bound is None else _capped(reached, width_m, bound):
            if x1 - x0 >= SHORTEST_M:
                lines.append(np.array([[x0, y], [x1, y]]) @ turn)
    return lines, min(width_m, max(spacings, default=width_m))


def _spans(strip: BaseGeometry, *, least_m2: float, least_m: float) -> list[Span]:
    """Return the extents along x of a strip's pieces, joined where they overlap, and trimmed."""
    pieces = sorted(
        (p for p in explode(strip) if isinstance(p, Polygon) and p.area > least_m2),
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
    spans = []
    for group in groups:
        whole = (group[0].bounds[0], max(piece.bounds[2] for piece in group))
        spans.append(whole if least_m <= 0.0 else _trimmed(group, least_m))
    return [span for span in spans if span[1] > span[0]]


def _trimmed(group: Sequence[Polygon], least_m: float) -> Span:
    """Return the extent along x of where pieces of a strip are `least_m` deep; else nothing.

    Depth is linear between the corners, so two samples between each pair of corners tell it.
    """
    upright = np.concatenate([edges_of(piece) for piece in group])[:, :, ::-1]
    x = np.unique(upright[:, :, 1])
    step = np.diff(x)
    near = chord_lengths(upright, x[:-1] + 0.25 * step)
    far = chord_lengths(upright, x[:-1] + 0.75 * step)
    begin, end = 1.5 * near - 0.5 * far, 1.5 * far - 0.5 * near
    deep = np.maximum(begin, end) >= least_m - 1e-6
    if not deep.any():
        return 0.0, 0.0
    first, last = int(np.argmax(deep)), len(deep) - 1 - int(np.argmax(deep[::-1]))
    rise, fall = end[first] - begin[first], begin[last] - end[last]
    skip = 0.0 if begin[first] >= least_m - 1e-6 else (least_m - begin[first]) / rise
    spare = 0.0 if end[last] >= least_m - 1e-6 else (least_m - end[last]) / fall
    return float(x[first] + skip * step[first]), float(x[last + 1] - spare * step[last])


def _capped(
    reached: Sequence[tuple[float, Span]], width_m: float, field: FloatArray
) -> Iterable[tuple[float, Span]]:
    """Yield the pieces of lines whose flat ends stay in the field on both sides."""
    half = width_m / 2.0 - INSIDE_M
    at = np.array([y for y, _ in reached])
    middles, lefts, rights = (chords(field, at + side) for side in (0.0, half, -half))
    for number, (y, span) in enumerate(reached):
        for middle in middles[number]:
            x0, x1 = max(span[0], middle[0] + INSIDE_M), min(span[1], middle[1] - INSIDE_M)
            for beside in (lefts[number], rights[number]):
                x0, x1 = _within(beside, x0, x1)
            yield y, (x0, x1)


def _within(beside: Sequence[Span], x0: float, x1: float) -> Span:
    """Return the line cut to the chords that go with a good part of it; none leaves it whole."""
    along = [c for c in beside if min(c[1], x1) - max(c[0], x0) > 0.3 * (x1 - x0)]
    if not along:
        return x0, x1
    return max(x0, min(c[0] for c in along)), min(x1, max(c[1] for c in along))
