"""From working tracks to passes that spray once: straight, trimmed, flat at both ends.

Theory of operation
-------------------
A coverage plan (`missions.coverage.planning`) thinks of a swath as a brush that sweeps round its
bends. A boom does not: at a corner flown round, the ground inside is sprayed twice and the corner
outside not at all, and while the aircraft slows for it the pump lags behind. So

* a track is cut at every bend sharper than `SHARP_DEG`; gentler ones are flown through;
* a side of the edge goes on over its far corner, half a width times tan(turn / 2), as far as its
  flat end stays in the ground, so that the corner is sprayed to its tip; the next side begins
  where that swath ends. The corner is sprayed once;
* every pass begins and ends where at least `WORTH` of its width is ground that nothing else
  sprays: lines end at the edge pass's swath, not at the border. Less would leave teeth beside
  slanted borders, more would spray them twice.

Nothing is sprayed outside the ground: a flat end is tried across its whole width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.airspace.route import KINK_M, Place
from missions.coverage.tracks import Leg, LegKind, swept

FloatArray = NDArray[np.float64]
SHARP_DEG = 20.0
"""A bend sharper than this ends a pass."""
WORTH = 0.4
"""Share of the width that must be unsprayed ground for a pass to begin or go on there."""
TWIN = 0.97
"""A side of the edge of which a line sprays this share is left to the line."""
GAP_M = 12.0
"""A line is parted where sides spray its ground for at least this far: a run-out and a run-up."""
SHORT = 0.2
"""A pass whose length is less than this share of its width is not flown."""
STEP_M = 0.1
"""Shorter stretches are none."""
NEARLY_M = 0.02
"""Lines shorter than two widths by less than this are as long."""
LOOK_M, FINER = 0.2, 16
"""How finely the ends of passes are sought at first, and how many times finer, twice, then: where
they lie must not hang on where a track happens to begin."""
ACROSS = 9
"""Points across a swath at which ground is looked for."""
SPECK_M2 = 0.05
"""Less than this beside a swath is let be: rounding."""
ROUNDING_M = 0.01
"""Flat ends are tried this much narrower, so that rounding along a border shuts nothing out."""
STRAIGHTER_M = 0.04
"""Bends smaller than this are flown straight: short legs are flown slowly."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of a track, how far it may go on at its end over a corner, and whose track it is.

    `ring` numbers the closed tracks along borders; a track with ends has none.
    """

    points: FloatArray
    over_m: float
    edge: bool
    ring: int | None


def cut_passes(
    legs: Iterable[Leg],
    ground: BaseGeometry,
    width_m: float,
    *,
    allowed: BaseGeometry | None = None,
) -> tuple[tuple[tuple[Place, ...], bool], ...]:
    """Return the ways of the passes over the working legs of a coverage plan, in their order.

    Parameters
    ----------
    legs : iterable of Leg
        Of a `missions.coverage.planning.Coverage`.
    ground : shapely.Polygon or MultiPolygon
        What may be sprayed, local metres.
    width_m : float
        Width of the swath.
    allowed : shapely.Polygon or MultiPolygon, optional
        Where the aircraft itself must stay; by default wherever its swath does.

    Returns
    -------
    tuple of (way, edge)
        The way is sprayed from its first point to its last; whether it is of the edge.

    Examples
    --------
    >>> ring = Leg(kind=LegKind.EDGE, points=((3, 3), (37, 3), (37, 17), (3, 17), (3, 3)))
    >>> ways = [way for way, _ in cut_passes([ring], shapely.box(0, 0, 40, 20), 6.0)]
    >>> len(ways), round(shapely.union_all([swept([way], 6.0) for way in ways]).area)
    (4, 576)
    """
    roomy = ground.buffer(ROUNDING_M / 2.0, join_style="mitre")
    shapely.prepare(roomy)
    pieces = [
        inside
        for number, leg in enumerate(legs)
        if leg.works
        for piece in _pieces(leg, width_m, number)
        for flyable in _flyable(piece, allowed)
        for inside in _sprayable(flyable, roomy, width_m)
    ]
    pieces = _without_twins(pieces, width_m)
    done: dict[int, FloatArray] = {}
    edges = [k for k, piece in enumerate(pieces) if piece.edge]
    lines = [k for k, piece in enumerate(pieces) if not piece.edge]
    for k in edges:
        done[k] = _lengthened(pieces[k], roomy, width_m)
    done = _sides(done, _before(pieces), roomy, width_m)
    sprayed = swept(done.values(), width_m)
    least_long_m = 2.0 * width_m - NEARLY_M
    short = [k for k in lines if _length(pieces[k].points) < least_long_m]
    for k in lines:
        if k not in short:
            done[k] = _trimmed(pieces[k].points, roomy, sprayed, width_m)
    if short:
        sprayed = swept([way for way in done.values() if len(way)], width_m)
    for k in sorted(short, key=lambda k: -round(_length(pieces[k].points), 2)):
        done[k] = _trimmed(pieces[k].points, roomy, sprayed, width_m)
        if len(done[k]):
            sprayed = shapely.union(sprayed, swept([done[k]], width_m))
    least_m = SHORT * width_m
    flown = [k for k in sorted(done) if len(done[k])]
    sides = swept([done[k] for k in flown if pieces[k].edge], width_m)
    return tuple(
        (tuple((float(e), float(n)) for e, n in way), pieces[k].edge)
        for k in flown
        for part in ([done[k]] if pieces[k].edge else _parted(done[k], sides, width_m))
        for way in [_without_turned_ends(part, width_m)]
        if _length(way) >= least_m
    )


def _without_twins(pieces: Sequence[_Piece], width_m: float) -> list[_Piece]:
    """Return pieces without the sides of the edge whose ground a line sprays as it passes."""
    lines = [piece.points for piece in pieces if not piece.edge]
    if not lines:
        return list(pieces)
    strips = shapely.STRtree([swept([points], width_m) for points in lines])
    kept = []
    for piece in pieces:
        if piece.edge:
            strip = swept([piece.points], width_m)
            over = strips.geometries[strips.query(strip, predicate="intersects")]
            if shapely.intersection(strip, shapely.union_all(over)).area >= TWIN * strip.area:
                continue
        kept.append(piece)
    return kept


def _parted(points: FloatArray, sides: BaseGeometry, width_m: float) -> list[FloatArray]:
    """Return a line without the long stretches on which the edge's sides spray its ground."""
    length_m, gap_m = _length(points), max(GAP_M, 2.0 * width_m)
    far = np.linspace(0.0, length_m, math.ceil(length_m / (5.0 * STEP_M)) + 1)
    at, ahead = _along(points, far)
    twice = _within(sides, _sections(at, ahead, width_m)).mean(axis=1) > 1.0 - WORTH
    changes = np.flatnonzero(np.diff(twice.astype(np.int8), prepend=0, append=0))
    here_m, parts = 0.0, []
    for first, behind in changes.reshape(-1, 2):
        if far[behind - 1] - far[first] >= gap_m:
            parts.append(_between(points, here_m, float(far[first])))
            here_m = float(far[behind - 1])
    return [*parts, _between(points, here_m, length_m)] if parts else [points]


def straight_end(way: Sequence[Place], far_m: float) -> tuple[Place, ...]:
    """Return a way that does not bend in its last metres: the bends there are one before them.

    An order that falls so near before a bend may be lost. Bends within a pass are gentle: what the
    way leaves its own by is a tenth of `far_m` at most.

    Examples
    --------
    >>> way = ((0.0, 0.0), (10.0, 0.0), (11.0, 0.3))
    >>> [(round(e, 2), round(n, 2)) for e, n in straight_end(way, 2.0)]
    [(0.0, 0.0), (9.04, 0.0), (11.0, 0.3)]
    """
    points = np.asarray(way)
    left_m = _length(points) - far_m
    inner = np.cumsum(np.hypot(*np.diff(points, axis=0).T))[:-1]
    late = inner > left_m + STEP_M
    if not late.any() or left_m < STEP_M:
        return tuple(way)
    at, _ = _along(points, np.array([left_m]))
    kept = points[1:-1][inner < left_m - STEP_M]
    straight = np.vstack([points[:1], kept, at, points[-1:]])
    return tuple((float(e), float(n)) for e, n in straight)


def _pieces(leg: Leg, width_m: float, number: int) -> list[_Piece]:
    """Return a leg cut at its sharp bends; `number` names it."""
    points = np.asarray(leg.points)
    closed = math.dist(points[0], points[-1]) < 1e-6
    if closed:
        points = _from_corner(points)
    points = shapely.get_coordinates(LineString(points).simplify(STRAIGHTER_M))
    if closed:  # once more: where it began may be no corner any more
        points = _from_corner(points)
    turns, sharp = _bends(points)
    last = len(points) - 1
    corners = {k: _over(float(turns[k - 1]), width_m) for k in sharp if closed or k < last}
    ring = number if closed and corners else None
    return [
        _Piece(points[a : b + 1], corners.get(b, 0.0), leg.kind is LegKind.EDGE, ring)
        for a, b in pairwise(sorted({0, *corners, last}))
    ]


def _bends(points: FloatArray) -> tuple[FloatArray, list[int]]:
    """Return by how much a way turns after each of its sides, and where it turns sharply."""
    steps = np.diff(points, axis=0)
    bearing = np.arctan2(steps[:, 0], steps[:, 1])
    turns = np.abs(np.remainder(np.diff(bearing, append=bearing[:1]) + np.pi, 2 * np.pi) - np.pi)
    return turns, [int(k) + 1 for k in np.flatnonzero(turns > math.radians(SHARP_DEG))]


def _from_corner(ring: FloatArray) -> FloatArray:
    """Return a closed way begun at a corner: made straighter, it keeps where it begins."""
    _, sharp = _bends(ring)
    if not sharp:
        return ring
    points = np.roll(ring[:-1], -sharp[-1], axis=0)
    return np.vstack([points, points[:1]])


def _flyable(piece: _Piece, allowed: BaseGeometry | None) -> list[_Piece]:
    """Return what of a piece the aircraft may fly, and how far on it may."""
    if allowed is None:
        return [piece]
    step = piece.points[-1] - piece.points[-2]
    tip = piece.points[-1] + step / max(float(np.hypot(*step)), 1e-9) * piece.over_m
    line = LineString([*piece.points, tip])
    if allowed.covers(line):
        return [piece]
    parts = explode(shapely.intersection(LineString(piece.points), allowed))
    return [
        replace(piece, points=shapely.get_coordinates(part), over_m=0.0)
        for part in parts
        if isinstance(part, LineString)
    ]


def _sprayable(piece: _Piece, ground: BaseGeometry, width_m: float) -> list[_Piece]:
    """Return a piece without the stretches on which its swath leaves the ground.

    Its ends are trimmed later; what matters here is a hole's corner beside the middle of a line,
    and a path along it that is narrower than the ends are looked at.
    """
    line = LineString(piece.points)
    swath = line.buffer(width_m / 2.0 - ROUNDING_M, cap_style="flat", join_style="mitre")
    if ground.covers(swath):
        return [piece]
    length_m = line.length
    cuts = []
    for part in explode(shapely.difference(swath, ground)):
        if part.area < SPECK_M2:
            continue
        far = [line.project(Point(xy)) for xy in shapely.get_coordinates(part)]
        beside = min(far) > STEP_M and max(far) < length_m - STEP_M
        along = not piece.edge and part.area > 5.0 * ROUNDING_M * (max(far) - min(far))
        if beside or along:
            cuts.append((min(far), max(far)))
    kept = []
    here_m = 0.0
    for start_m, end_m in [*sorted(cuts), (length_m, length_m)]:
        if start_m - here_m >= STEP_M:
            over_m = piece.over_m if end_m >= length_m else 0.0
            points = _between(piece.points, here_m, start_m)
            kept.append(replace(piece, points=points, over_m=over_m))
        here_m = max(here_m, end_m)
    return kept


def _over(turn: float, width_m: float) -> float:
    """Return how far a side goes on over a corner to spray it to its tip."""
    return min(width_m / 2.0 * math.tan(min(turn, 2.8) / 2.0), 1.5 * width_m)


def _lengthened(piece: _Piece, ground: BaseGeometry, width_m: float) -> FloatArray:
    """Return a side that goes on over its far corner while its flat end stays in the ground."""
    points = piece.points
    if piece.over_m < STEP_M:
        return points
    step = points[-1] - points[-2]
    ahead = step / np.hypot(*step)

    def good(far: FloatArray) -> NDArray[np.bool_]:
        at = points[-1] + far[:, None] * ahead
        return np.asarray(_within(ground, _sections(at, ahead, width_m)).all(axis=1))

    far = np.append(np.arange(0.0, piece.over_m, LOOK_M), piece.over_m)
    whole = good(far)
    if not whole[0]:
        return points
    reached = float(far[-1])
    if not whole.all():
        beyond = int(np.argmin(whole))
        reached = _limit(good, float(far[beyond]), float(far[beyond - 1]))
    longer = points.copy()
    longer[-1] = points[-1] + ahead * reached
    return longer


def _before(pieces: Sequence[_Piece]) -> dict[int, int]:
    """Return which side of the edge ends at the corner at which each begins."""
    edges = [k for k, piece in enumerate(pieces) if piece.edge]
    found = {k: before for before, k in pairwise(edges)}
    rings: dict[int, list[int]] = {}
    for k in edges:
        ring = pieces[k].ring
        if ring is not None:
            rings.setdefault(ring, []).append(k)
    return found | {ring[0]: ring[-1] for ring in rings.values()}


def _sides(
    sides: dict[int, FloatArray], before: Mapping[int, int], ground: BaseGeometry, width_m: float
) -> dict[int, FloatArray]:
    """Return the sides of the edge, each without what the others spray before it does.

    Each yields at its start to the one before it, whose swath covers their corner; sides further
    off, across a narrow neck, to those that come first.
    """
    found: dict[int, FloatArray] = {}
    keys = list(sides)
    swaths = {k: swept([sides[k]], width_m) for k in keys}
    tree = shapely.STRtree([swaths[k] for k in keys])
    for k in keys:
        near = [keys[int(n)] for n in tree.query(swaths[k])]
        others = [swaths[n] for n in near if n != k and (n < k or n == before.get(k))]
        found[k] = _trimmed(sides[k], ground, shapely.union_all(others), width_m)
        swaths[k] = swept([found[k]], width_m) if len(found[k]) else shapely.Point()
    return found


def _trimmed(
    points: FloatArray, ground: BaseGeometry, sprayed: BaseGeometry, width_m: float
) -> FloatArray:
    """Return a pass without the ends that leave the ground or have too little left to spray."""
    length_m = _length(points)
    shapely.prepare(sprayed)

    def good(far: FloatArray) -> NDArray[np.bool_]:
        spots = _sections(*_along(points, far), width_m)
        inside = _within(ground, spots)
        fresh = inside & ~_within(sprayed, spots)
        return np.asarray(inside.all(axis=1) & (fresh.mean(axis=1) >= WORTH))

    far = np.linspace(0.0, length_m, max(2, math.ceil(length_m / LOOK_M) + 1))
    tried = far[np.minimum(far, length_m - far) <= 4.0 * width_m]
    fits = good(tried)
    if not fits.any():
        return points[:0]
    first, last = int(np.argmax(fits)), len(fits) - 1 - int(np.argmax(fits[::-1]))
    start_m, end_m = float(tried[first]), float(tried[last])
    if first > 0:
        start_m = _limit(good, float(tried[first - 1]), start_m)
    if last + 1 < len(tried):
        end_m = _limit(good, float(tried[last + 1]), end_m)
    return _between(points, start_m, end_m)


def _limit(good: Callable[[FloatArray], NDArray[np.bool_]], bad_m: float, good_m: float) -> float:
    """Return how near to a bad place a way is still good, to the millimetre or so."""
    for _ in range(2):
        far = np.linspace(bad_m, good_m, FINER + 1)
        first = max(1, int(np.argmax(good(far))))
        bad_m, good_m = float(far[first - 1]), float(far[first])
    return good_m


def _along(points: FloatArray, far: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return places and directions at distances along a way."""
    steps = np.diff(points, axis=0)
    long = np.hypot(*steps.T)
    so_far = np.append(0.0, np.cumsum(long))
    side = np.clip(np.searchsorted(so_far, far, side="right") - 1, 0, len(steps) - 1)
    ahead = steps / np.maximum(long, 1e-12)[:, None]
    return points[side] + (far - so_far[side])[:, None] * ahead[side], ahead[side]


def _sections(at: FloatArray, ahead: FloatArray, width_m: float) -> FloatArray:
    """Return points across the swath at places, (N, ACROSS, 2)."""
    ahead = np.broadcast_to(ahead, at.shape)
    aside = np.stack([ahead[:, 1], -ahead[:, 0]], axis=1)
    half = width_m / 2.0 - ROUNDING_M
    offsets = np.linspace(-half, half, ACROSS)
    return np.asarray(at[:, None, :] + offsets[None, :, None] * aside[:, None, :])


def _within(shape: BaseGeometry, spots: FloatArray) -> NDArray[np.bool_]:
    """Return which of (N, ACROSS, 2) places lie in a shape, (N, ACROSS)."""
    found = np.asarray(shapely.contains_xy(shape, spots[..., 0].ravel(), spots[..., 1].ravel()))
    return found.reshape(spots.shape[:2])


def _between(points: FloatArray, start_m: float, end_m: float) -> FloatArray:
    """Return a stretch of a way, without bends a hand's width from its ends."""
    so_far = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))
    inner = points[(so_far > start_m + KINK_M) & (so_far < end_m - KINK_M)]
    ends, _ = _along(points, np.array([start_m, end_m]))
    return np.vstack([ends[:1], inner, ends[1:]])


def _without_turned_ends(points: FloatArray, width_m: float) -> FloatArray:
    """Return a way without last legs in which a boom only turns.

    Where a leg is shorter than half a width times tan(turn / 2), the boom's inner end goes
    backwards: its strip crosses itself, and the aircraft slows for a bend that sprays a wedge.
    """
    for _ in range(2):
        while len(points) > 2:
            back, here, ahead = points[-3:]
            leg, before = ahead - here, here - back
            turn = abs(math.atan2(before[0] * leg[1] - before[1] * leg[0], before @ leg))
            if math.hypot(*leg) > width_m / 2.0 * math.tan(turn / 2.0):
                break
            points = points[:-1]
        points = points[::-1]
    return points


def _length(points: FloatArray | Sequence[Place]) -> float:
    return float(np.hypot(*np.diff(np.asarray(points), axis=0).T).sum())
