"""Coverage: working lines over a whole field, and the way that joins them.

Theory of operation
-------------------
1. **Edge pass** (`missions.edge_pass`), when asked for: a working track half a width inside every
   border and hole.
2. **Fitted lines** (`missions.swaths`) over what the edge pass leaves, spacing shrunk to fit.
3. **Mending**: what is still uncovered and as large as `PATCH` of a square swath gets a short line
   of its own.
4. **Order** (`missions.visiting`) and **ways** (`missions.route`): the legs between working tracks
   are the shortest that stay in the allowed region as a whole, not only at their ends.

The direction is chosen by flight time, turns included. Directions are tried relative to the field
(its sides, and steps from the side of its smallest box), so that a turned field gives the same plan
turned. A scan-line score ranks them; the best few are laid out in full and flown on paper.

All is in local metres, and nothing is random: the same field gives the same plan.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from missions.edge_pass import edge_rings, edge_runs
from missions.keepouts import explode
from missions.route import Place, distances, shortest_way
from missions.swaths import SHORTEST_M, lay_lines, sweep_cost
from missions.visiting import order_tracks

FloatArray = NDArray[np.float64]
STEP_DEG = 1.0
"""Step of the directions that are scored."""
FULL_LAYOUTS = 10
"""Directions, besides the field's own sides, that are laid out in full."""
SIDES = 4
"""The field's longest sides that are always tried as directions."""
ACROSS_DEG = (0.0, 20.0, 32.0)
"""How near to a right angle with the lines an edge may be and be left to the lines' ends."""
PATCH = 0.15
"""Uncovered ground of this share of a square swath gets a line of its own."""
SPARE = 0.002
"""Share of the field that may stay uncovered unweighed."""
MISSED_WORTH = 4.0
"""How many times its own swath length a patch of missed ground is worth flying."""
MOST_MISSED_PER_M = 0.0015
"""Share of the field, per metre of width, above which missed ground weighs prohibitively: what
flat swath ends leave at slanted borders grows with the width."""
_TOLERANCE_M = 0.005


class LegKind(StrEnum):
    """What a leg is for."""

    EDGE = "edge"
    LINE = "line"
    LEAD_IN = "lead_in"
    TRANSIT = "transit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A straight or bent path flown in one go.

    Parameters
    ----------
    kind : LegKind
        EDGE and LINE work; LEAD_IN leads to and from a line; TRANSIT joins.
    points : tuple of (east_m, north_m)
        At least two, local metres.
    """

    kind: LegKind
    points: tuple[Place, ...]

    @property
    def length_m(self) -> float:
        """Length of the path."""
        return sum(math.dist(a, b) for a, b in pairwise(self.points))

    @property
    def works(self) -> bool:
        """Whether camera or sprayer works on it."""
        return self.kind in (LegKind.EDGE, LegKind.LINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """A field's coverage plan.

    Parameters
    ----------
    legs : tuple of Leg
        In flying order; each begins where the one before ended.
    angle_deg : float
        Direction of the lines, degrees clockwise from north, 0 ≤ angle < 180.
    width_m : float
        Swath width asked for.
    spacing_m : float
        Widest spacing flown, never more than the width.
    """

    legs: tuple[Leg, ...]
    angle_deg: float
    width_m: float
    spacing_m: float

    @property
    def path_m(self) -> float:
        """Length of all legs."""
        return sum(leg.length_m for leg in self.legs)

    @property
    def work_m(self) -> float:
        """Length of the working legs."""
        return sum(leg.length_m for leg in self.legs if leg.works)

    @property
    def turns(self) -> int:
        """How often the aircraft changes direction by more than 20°."""
        points = [leg.points[0] for leg in self.legs[:1]]
        points += [point for leg in self.legs for point in leg.points[1:]]
        steps = [np.subtract(b, a) for a, b in pairwise(points) if math.dist(a, b) > 0.01]
        return sum(
            float(a @ b) < math.cos(math.radians(20.0)) * float(np.hypot(*a) * np.hypot(*b))
            for a, b in pairwise(steps)
        )

    @property
    def covered(self) -> BaseGeometry:
        """Ground within half a width of the working legs; flat ends, round bends."""
        return swept((leg.points for leg in self.legs if leg.works), self.width_m)


@dataclass(frozen=True, slots=True)
class _Track:
    """A working track: its points, and the ends of its lead-in and lead-out if it has any."""

    kind: LegKind
    points: FloatArray
    lead: tuple[FloatArray, FloatArray] | None = None

    @property
    def closed(self) -> bool:
        return len(self.points) > 3 and math.dist(self.points[0], self.points[-1]) < 1e-9

    @property
    def ends(self) -> tuple[FloatArray, FloatArray]:
        return self.lead or (self.points[0], self.points[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    tracks: tuple[_Track, ...]
    angle_deg: float
    spacing_m: float


def swept(paths: Iterable[Iterable[Place]], width_m: float) -> BaseGeometry:
    """Return the ground within half a width of paths; flat ends, round bends."""
    lines = [LineString(list(points)) for points in paths]
    return shapely.union_all(
        shapely.buffer(lines, width_m / 2.0, cap_style="flat", join_style="round")
    )


def plan_coverage(
    area: BaseGeometry,
    *,
    width_m: float,
    edge_pass: bool = True,
    angle_deg: float | None = None,
    lead_in_m: float = 0.0,
    allowed: BaseGeometry | None = None,
    start: Place | None = None,
    speed_m_s: float = 5.0,
    acceleration_m_s2: float = 2.5,
) -> Coverage:
    """Cover an area with working lines joined by legs that stay in the allowed region.

    Parameters
    ----------
    area : shapely.Polygon or MultiPolygon
        What to cover: concave, with holes, in parts; local metres.
    width_m : float
        Swath width, or line spacing of a survey.
    edge_pass : bool
        Whether to fly a pass round the border and every hole.
    angle_deg : float, optional
        Direction of the lines, degrees clockwise from north; None finds the quickest.
    lead_in_m : float
        How far lines begin before and go on after the area, where that is allowed.
    allowed : shapely.Polygon or MultiPolygon, optional
        Where every leg must stay as a whole; by default the area itself.
    start : (east_m, north_m), optional
        Where the aircraft comes from.
    speed_m_s, acceleration_m_s2 : float
        For the time that the direction is chosen by.

    Returns
    -------
    Coverage
        Legs in flying order.

    Raises
    ------
    BadInput
        When the width is not positive, the area is empty, or the allowed region does not join all
        of it.

    Examples
    --------
    >>> plan = plan_coverage(shapely.box(0, 0, 120, 60), width_m=6.0)
    >>> round(plan.covered.area / (120 * 60), 3), round(plan.angle_deg)
    (1.0, 90)
    """
    if not width_m > 0.0:
        raise BadInput("error.swath_width", value=width_m)
    region = area if allowed is None else allowed
    ground = _areas(area if allowed is None else shapely.intersection(area, allowed))
    if ground.is_empty:
        raise BadInput("error.coverage_empty")
    planner = _Planner(
        ground=ground,
        region=region,
        width_m=width_m,
        edge_pass=edge_pass,
        lead_in_m=lead_in_m,
        start=start,
    )
    if angle_deg is not None:
        layouts = planner.layouts([angle_deg % 180.0])
    else:
        kinematics = (speed_m_s, acceleration_m_s2)
        layouts = planner.layouts(planner.directions(*kinematics))
    return planner.best(list(layouts), speed_m_s, acceleration_m_s2)


def _areas(shape: BaseGeometry) -> BaseGeometry:
    """Return the areas of a shape, without the lines and points an intersection may leave."""
    return shapely.union_all([p for p in explode(shape) if isinstance(p, Polygon) and p.area > 0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planner:
    """One call of `plan_coverage`: what stays the same for every direction tried."""

    ground: BaseGeometry
    region: BaseGeometry
    width_m: float
    edge_pass: bool
    lead_in_m: float
    start: Place | None

    def directions(self, speed_m_s: float, acceleration_m_s2: float) -> list[float]:
        """Return the directions worth laying out: the field's longest sides, the best scored."""
        box = shapely.get_coordinates(self.ground.minimum_rotated_rectangle)
        base_deg = _bearing(box[1] - box[0]) if len(box) > 2 else 0.0
        outlines = [shapely.get_exterior_ring(part) for part in explode(self.ground)]
        sides = np.vstack([np.diff(shapely.get_coordinates(o), axis=0) for o in outlines])
        longest = np.argsort(-np.round(np.hypot(*sides.T), 3), kind="stable")[:SIDES]
        own = [_bearing(sides[k]) for k in longest]
        steps = [(base_deg + k * STEP_DEG) % 180.0 for k in range(round(180.0 / STEP_DEG))]
        inner = self.ground.buffer(-self.width_m, join_style="mitre") if self.edge_pass else None
        ground = self.ground if inner is None or inner.is_empty else inner

        def cost(direction_deg: float) -> float:
            seconds = sweep_cost(
                ground,
                direction_deg,
                width_m=self.width_m,
                speed_m_s=speed_m_s,
                acceleration_m_s2=acceleration_m_s2,
            )
            return round(seconds, 3)

        best = sorted(range(len(steps)), key=lambda k: (cost(steps[k]), k))[:FULL_LAYOUTS]
        return list(dict.fromkeys([*own, *(steps[k] for k in best)]))

    def layouts(self, directions: Iterable[float]) -> Iterator[_Layout]:
        """Yield the working tracks of each direction, with more or less of the edge flown."""
        rings = edge_rings(self.ground, self.width_m) if self.edge_pass else []
        roomy = self.ground.buffer(0.01, join_style="mitre")
        shapely.prepare(roomy)
        for direction_deg in directions:
            seen: set[int] = set()
            for across_deg in ACROSS_DEG if rings else (0.0,):
                edges: list[_Track] = []
                for ring in rings:
                    runs, _ = edge_runs(ring, direction_deg, across_deg, roomy, self.width_m)
                    edges += [_Track(LegKind.EDGE, run) for run in runs]
                corners = sum(len(track.points) for track in edges)
                if corners not in seen:
                    seen.add(corners)
                    yield self._lay(direction_deg, edges)

    def _lay(self, direction_deg: float, edges: list[_Track]) -> _Layout:
        """Lay lines over what the edge tracks leave, and mend what they miss."""
        half = self.width_m / 2.0
        strips = [
            LineString(e.points).buffer(half, cap_style="flat", join_style="mitre", mitre_limit=3.0)
            for e in edges
        ]
        rest = self.ground
        if strips:
            left = shapely.difference(self.ground, shapely.union_all(strips))
            clean = left.buffer(-0.03, join_style="mitre").buffer(0.03, join_style="mitre")
            thick = [p for p in explode(clean) if not p.buffer(-0.12 * self.width_m).is_empty]
            rest = shapely.union_all(thick)
        field = self.ground if self.edge_pass else None
        lines, spacing_m = lay_lines(rest, direction_deg, width_m=self.width_m, field=field)
        tracks = [*edges, *(_Track(LegKind.LINE, piece) for piece in self._allowed(lines))]
        if self.edge_pass or not tracks:
            tracks += self._mend(tracks)
        return _Layout(
            tracks=tuple(self._led(t) for t in tracks),
            angle_deg=direction_deg % 180.0,
            spacing_m=spacing_m,
        )

    def _allowed(self, lines: Iterable[FloatArray]) -> Iterator[FloatArray]:
        """Yield the pieces of lines that lie in the allowed region."""
        for line in lines:
            inside = shapely.intersection(LineString(line), self.region)
            for piece in explode(inside):
                ends = shapely.get_coordinates(piece)[[0, -1]]
                if isinstance(piece, LineString) and math.dist(*ends) >= SHORTEST_M:
                    yield ends if (ends[1] - ends[0]) @ (line[1] - line[0]) > 0 else ends[::-1]

    def _mend(self, tracks: list[_Track]) -> list[_Track]:
        """Return a short line for each patch that is still uncovered and worth it."""
        left = self.ground
        if tracks:
            left = shapely.difference(self.ground, swept((t.points for t in tracks), self.width_m))
        found: list[_Track] = []
        for patch in explode(left):
            worth = patch.area >= PATCH * self.width_m**2 or not tracks
            if not isinstance(patch, Polygon) or not worth:
                continue
            axis = _long_axis(patch)
            for piece in self._allowed([axis]):
                swath = swept([piece], self.width_m)
                gain = shapely.intersection(swath, patch).area
                waste = shapely.difference(swath, self.ground).area
                if not tracks or gain > max(PATCH * self.width_m**2, 20.0 * waste):
                    found.append(_Track(LegKind.LINE, piece))
        return found

    def _led(self, track: _Track) -> _Track:
        """Return a line with its lead-in and lead-out, as far as they are allowed."""
        if self.lead_in_m <= 0.0 or track.kind is not LegKind.LINE:
            return track
        ahead = track.points[1] - track.points[0]
        ahead = ahead / np.hypot(*ahead)
        first, last = track.points[0], track.points[-1]
        before = self._reach(first, first - ahead * self.lead_in_m)
        return replace(track, lead=(before, self._reach(last, last + ahead * self.lead_in_m)))

    def _reach(self, start: FloatArray, end: FloatArray) -> FloatArray:
        """Return how far the straight way to `end` stays in the allowed region."""
        inside = shapely.intersection(LineString([start, end]), self.region)
        for piece in explode(inside):
            if isinstance(piece, LineString) and piece.distance(shapely.Point(start)) < 1e-6:
                tip: FloatArray = max(
                    shapely.get_coordinates(piece), key=lambda p: math.dist(p, start)
                )
                return tip
        return start

    def best(self, layouts: list[_Layout], speed_m_s: float, acceleration_m_s2: float) -> Coverage:
        """Return the layout that is flown quickest, joined; missed ground counts as way."""
        stop_m = speed_m_s**2 / acceleration_m_s2
        scores = []
        for number, layout in enumerate(layouts):
            tracks = layout.tracks
            seen = swept((t.points for t in tracks), self.width_m)
            missed_m2 = self.ground.area - shapely.intersection(seen, self.ground).area
            fine_m = self._fine_m(missed_m2)
            work_m = sum(LineString(t.points).length for t in tracks)
            rough = work_m + len(tracks) * (self.width_m + stop_m) + fine_m
            scores.append((round(rough, 3), number, fine_m))
        flown = []
        for _, number, fine_m in sorted(scores)[:4]:
            joined = self._join(layouts[number])
            cost = joined.path_m + joined.turns * stop_m / 2.0 + fine_m
            flown.append((round(cost, 3), number, joined))
        return min(flown, key=lambda entry: entry[:2])[2]

    def _fine_m(self, missed_m2: float) -> float:
        """Return what missed ground weighs, as metres of way."""
        share = missed_m2 / self.ground.area
        most = MOST_MISSED_PER_M * self.width_m
        weighed = max(0.0, share - SPARE) + 15.0 * max(0.0, share - most)
        return MISSED_WORTH * weighed * self.ground.area / self.width_m

    def _join(self, layout: _Layout) -> Coverage:
        """Return the layout's tracks in a good order, joined by allowed legs."""
        lines = [t for t in layout.tracks if not t.closed]
        rings = [t for t in layout.tracks if t.closed]
        come = [] if self.start is None else [np.array(self.start)]
        places = np.array([*(e for t in lines for e in t.ends), *come]).reshape(-1, 2)
        between = distances(self.region, places)
        count = 2 * len(lines)
        begin = between[count, :count] if come else None
        visits = order_tracks(between[:count, :count], begin)
        if np.isinf(between).any():
            raise BadInput("error.coverage_disconnected")
        ordered = [_flown(lines[number], backward) for number, backward in visits]
        for ring in sorted(rings, key=lambda r: -LineString(r.points).length):
            ordered = _with_ring(ordered, ring, self.start)
        return Coverage(
            legs=tuple(self._legs(ordered)),
            angle_deg=layout.angle_deg,
            width_m=self.width_m,
            spacing_m=layout.spacing_m,
        )

    def _legs(self, tracks: list[_Track]) -> Iterator[Leg]:
        here = self.start
        for track in tracks:
            first, last = (_place(end) for end in track.ends)
            if here is not None and math.dist(here, first) > 1e-6:
                way = shortest_way(self.region, here, first)
                if way is None:
                    raise BadInput("error.coverage_disconnected")
                yield Leg(kind=LegKind.TRANSIT, points=way)
            points = tuple(_place(p) for p in track.points)
            if math.dist(first, points[0]) > 1e-6:
                yield Leg(kind=LegKind.LEAD_IN, points=(first, points[0]))
            yield Leg(kind=track.kind, points=points)
            if math.dist(points[-1], last) > 1e-6:
                yield Leg(kind=LegKind.LEAD_IN, points=(points[-1], last))
            here = last


def _bearing(step: FloatArray) -> float:
    """Return the direction of a step, degrees clockwise from north, 0 to 180."""
    return math.degrees(math.atan2(step[0], step[1])) % 180.0


def _place(point: FloatArray) -> Place:
    return float(point[0]), float(point[1])


def _long_axis(patch: Polygon) -> FloatArray:
    """Return the middle line of the smallest box round a patch, along its longer side."""
    a, b, c, d = shapely.get_coordinates(patch.minimum_rotated_rectangle)[:4]
    if math.dist(a, b) >= math.dist(b, c):
        return np.array([(a + d) / 2.0, (b + c) / 2.0])
    return np.array([(a + b) / 2.0, (c + d) / 2.0])


def _flown(track: _Track, backward: bool) -> _Track:
    if not backward:
        return track
    lead = track.lead and (track.lead[1], track.lead[0])
    return replace(track, points=track.points[::-1], lead=lead)


def _with_ring(tracks: list[_Track], ring: _Track, start: Place | None) -> list[_Track]:
    """Return the order with a ring put in where, and turned to begin where, it costs least."""
    corners = ring.points[:-1]
    left = [None if start is None else np.array(start), *(t.ends[1] for t in tracks)]
    entered = [*(t.ends[0] for t in tracks), None]
    options = []
    for place, (before, after) in enumerate(zip(left, entered, strict=True)):
        extra = np.zeros(len(corners))
        if before is not None:
            extra = extra + np.hypot(*(corners - before).T)
        if after is not None:
            extra = extra + np.hypot(*(corners - after).T)
        if before is not None and after is not None:
            extra = extra - math.dist(before, after)
        corner = int(np.argmin(np.round(extra, 6)))
        options.append((round(float(extra[corner]), 6), place, corner))
    _, place, corner = min(options)
    turned = np.roll(corners, -corner, axis=0)
    whole = replace(ring, points=np.vstack([turned, turned[:1]]))
    return [*tracks[:place], whole, *tracks[place:]]
