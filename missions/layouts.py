"""Working tracks over a field: which directions, how much of the edge, how many lines.

Theory of operation
-------------------
1. **Directions** are tried relative to the field (its longest sides, and steps from the
   longest), so that a turned field gives the same plan turned. A scan-line score of the
   swept ground ranks them.
2. **Edge** (`missions.edge_pass`), when asked for: whole, or without the sides that run across
   the lines, which the lines' own ends reach. What the flown edge leaves is the rest.
3. **Lines** (`missions.swaths`) over the rest: as many as fit it, or one fewer. The best by the
   score are laid out in full, each in three styles: `THOROUGH` covers whatever it can, `LEAN`
   and `SPARING` let go what costs more way than it is worth.
4. **Mending**: ground still uncovered gets a short line of its own where that is worth it.

Which layout is flown is decided by `missions.coverage`, which knows what missed ground weighs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from missions.edge_pass import edge_rings, edge_runs, kept_sides
from missions.keepouts import explode
from missions.swaths import SHORTEST_M, Fit, Strips, cut_strips, sweep_cost
from missions.ties import ranked
from missions.tracks import FloatArray, Layout, LegKind, Track, swept

STEP_DEG = 1.0
"""Step of the directions that are scored."""
DIRECTIONS = 10
"""Directions, besides the field's own sides, for which edge and line count are weighed."""
SAME_DEG = 0.05
"""Directions nearer than this are one."""
SIDES = 4
"""The field's longest sides that are always tried as directions."""
WHOLE_EDGE = 5
"""Directions that are laid out in full with the whole edge flown."""
PART_EDGE = 6
"""Choices laid out in full that leave a part of the edge to the lines, or a line out."""
ACROSS_DEG = (0.0, 20.0, 32.0)
"""How near to a right angle with the lines an edge may be and be left to the lines' ends."""
WORTH_TRYING = 0.002
"""Share of the sweep's time that another fit must save to be weighed."""
SLIVER = 0.12
"""Ground that is nowhere twice this share of the width deep is left to the swaths beside it."""
MOST_WASTE = 0.0005
"""Share of the field that lines into narrow corners may spray beyond it, all together."""
_CLEAN_M = 0.03
"""Splinters thinner than twice this, which cutting leaves, are no ground."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How far to go for the last of the ground.

    Parameters
    ----------
    trim : float
        Share of the width below which the tip of a strip is not flown to.
    patch : float
        Uncovered ground of this share of a square swath may get a line of its own.
    worth : float
        How many metres of way, in swath lengths of the patch's area, such a line may cost.
    """

    trim: float
    patch: float
    worth: float


THOROUGH = Style(trim=0.02, patch=0.12, worth=20.0)
LEAN = Style(trim=0.25, patch=0.25, worth=3.0)
SPARING = Style(trim=0.42, patch=0.3, worth=2.0)
SWEEP = Style(trim=0.0, patch=math.inf, worth=0.0)
"""Lines alone, as far as their strips reach: for cameras, which see beyond a line's end."""
STYLES = (THOROUGH, LEAN, SPARING)
SMALL_STYLES = (THOROUGH, LEAN)
"""On small fields, where the last of the ground is worth its way."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """The edge tracks of one choice of sides, and the ground they leave."""

    tracks: tuple[Track, ...]
    rest: BaseGeometry


@dataclass(frozen=True, slots=True, eq=False)
class _Choice:
    """A direction, the edge flown, whether a line is left out; and the score of them."""

    cost_s: float
    direction_deg: float
    edge: _Edge
    fit: Fit

    @property
    def whole(self) -> bool:
        """Whether the whole edge is flown, or none is asked for."""
        return all(track.closed for track in self.edge.tracks)


@dataclass(frozen=True, slots=True)
class _Draft:
    """Tracks before mending, and the least they cost to fly, metres."""

    tracks: tuple[Track, ...]
    angle_deg: float
    spacing_m: float
    style: Style
    least_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """What stays the same for every direction tried.

    Parameters
    ----------
    ground : shapely.Polygon or MultiPolygon
        What to cover, local metres.
    region : shapely.Polygon or MultiPolygon
        Where tracks and leads must stay.
    width_m : float
        Swath width.
    edge_pass : bool
        Whether the edge is flown.
    lead_in_m : float
        How far lines begin before and go on after the ground, where that is allowed.
    speed_m_s, acceleration_m_s2 : float
        For the time by which directions are ranked.
    styles : tuple of Style
        What is tried with an edge pass.
    """

    ground: BaseGeometry
    region: BaseGeometry
    width_m: float
    edge_pass: bool
    lead_in_m: float
    speed_m_s: float
    acceleration_m_s2: float
    styles: tuple[Style, ...] = STYLES
    _edges: dict[bytes, _Edge] = field(default_factory=dict)

    def directions(self) -> list[float]:
        """Return the directions worth weighing: the field's longest sides, the best scored."""
        outlines = [shapely.get_exterior_ring(part) for part in explode(self.ground)]
        sides = np.vstack([np.diff(shapely.get_coordinates(o), axis=0) for o in outlines])
        longest = ranked([-float(long) for long in np.hypot(*sides.T)], SIDES)
        base_deg = bearing_deg(sides[longest[0]])
        own = [base_deg + (bearing_deg(sides[k]) - base_deg) % 180.0 for k in longest]
        steps = [base_deg + k * STEP_DEG for k in range(round(180.0 / STEP_DEG))]
        inner = self.ground.buffer(-self.width_m, join_style="mitre") if self.edge_pass else None
        ground = self.ground if inner is None or inner.is_empty else inner
        costs = [self._cost(ground, direction_deg) for direction_deg in steps]
        best = ranked(costs, DIRECTIONS)
        found: list[float] = []
        for direction_deg in [*own, *(steps[k] for k in best)]:
            if all(apart_deg(direction_deg, other) > SAME_DEG for other in found):
                found.append(direction_deg)
        return found

    def layouts(self, directions: Iterable[float]) -> Iterator[Layout]:
        """Yield the tracks of the most promising choices of direction, edge and line count.

        Those that cost least at least come first: whoever reads on may stop when that exceeds
        what has been found.
        """
        given = list(self._choices(directions))
        choices = [given[k] for k in ranked([choice.cost_s for choice in given])]
        even = [c for c in choices if c.whole and c.fit is Fit.EVEN]
        full = even[:WHOLE_EDGE] + [c for c in even[WHOLE_EDGE:] if c in given[:1]]
        if not self.edge_pass:
            full = even
        less = [c for c in choices if not c.whole or c.fit is not Fit.EVEN][:PART_EDGE]
        drafts: list[_Draft] = []
        for choice in full + less:
            strips = cut_strips(
                choice.edge.rest, choice.direction_deg, width_m=self.width_m, fit=choice.fit
            )
            for style in self.styles if self.edge_pass else (SWEEP,):
                drafts.append(self._draft(choice, strips, style))
        for number in ranked([draft.least_m for draft in drafts]):
            yield self._finish(drafts[number])

    def _choices(self, directions: Iterable[float]) -> Iterator[_Choice]:
        """Yield every direction with each choice of sides and line count, and its score."""
        rings = edge_rings(self.ground, self.width_m) if self.edge_pass else []
        for direction_deg in directions:
            seen: list[_Edge] = []
            for across_deg in ACROSS_DEG if rings else (0.0,):
                kept = [kept_sides(ring, direction_deg, across_deg) for ring in rings]
                edge = self._edge(rings, kept)
                if any(edge is other for other in seen):
                    continue
                seen.append(edge)
                edge_s = sum(track.length_m for track in edge.tracks) / self.speed_m_s
                even_s = self._cost(edge.rest, direction_deg)
                yield _Choice(edge_s + even_s, direction_deg, edge, Fit.EVEN)
                for fit in (Fit.FEWER, Fit.LOW, Fit.HIGH) if self.edge_pass else ():
                    lines_s = self._cost(edge.rest, direction_deg, fit)
                    if lines_s < even_s * (1.0 - WORTH_TRYING):
                        yield _Choice(edge_s + lines_s, direction_deg, edge, fit)

    def _cost(self, ground: BaseGeometry, direction_deg: float, fit: Fit = Fit.EVEN) -> float:
        return sweep_cost(
            ground,
            direction_deg,
            width_m=self.width_m,
            speed_m_s=self.speed_m_s,
            acceleration_m_s2=self.acceleration_m_s2,
            fit=fit,
        )

    def _edge(self, rings: list[FloatArray], kept: list[NDArray[np.bool_]]) -> _Edge:
        """Return the edge tracks along the kept sides, and what they leave."""
        key = b"".join(sides.tobytes() for sides in kept)
        if key not in self._edges:
            shapely.prepare(self.ground)
            tracks = tuple(
                Track(LegKind.EDGE, run)
                for ring, sides in zip(rings, kept, strict=True)
                for run in edge_runs(ring, sides, self.ground, self.width_m)
            )
            self._edges[key] = _Edge(tracks, self._rest(tracks))
        return self._edges[key]

    def _rest(self, tracks: tuple[Track, ...]) -> BaseGeometry:
        if not tracks:
            return self.ground
        strips = [
            LineString(track.points).buffer(
                self.width_m / 2.0, cap_style="flat", join_style="mitre", mitre_limit=3.0
            )
            for track in tracks
        ]
        left = shapely.difference(self.ground, shapely.union_all(strips))
        clean = left.buffer(-_CLEAN_M, join_style="mitre").buffer(_CLEAN_M, join_style="mitre")
        deep_m = SLIVER * self.width_m
        deep = [
            part
            for part in explode(clean)
            if isinstance(part, Polygon) and not part.buffer(-deep_m).is_empty
        ]
        return MultiPolygon(self._in_order(deep))

    def _in_order(self, parts: list[Polygon]) -> list[Polygon]:
        """Return parts by their distance from the field's first corner, however it lies."""
        corner = Point(shapely.get_coordinates(self.ground)[0])
        return [parts[k] for k in ranked([part.centroid.distance(corner) for part in parts])]

    def _draft(self, choice: _Choice, strips: Strips, style: Style) -> _Draft:
        """Return edge and lines of a choice in a style."""
        lines = strips.lines(
            field=self.ground if self.edge_pass else None,
            trim=style.trim,
            strict=len(choice.edge.tracks) > 0,
        )
        laid = [Track(LegKind.LINE, piece) for piece in self._allowed(lines)]
        tracks = (*choice.edge.tracks, *laid)
        stop_m = self.speed_m_s**2 / self.acceleration_m_s2
        least_m = sum(t.length_m for t in tracks) + len(tracks) * (self.width_m + stop_m)
        return _Draft(tracks, choice.direction_deg % 180.0, strips.spacing_m, style, least_m)

    def _finish(self, draft: _Draft) -> Layout:
        """Mend what a draft misses, and tell what is missed still."""
        left = self._left(draft.tracks)
        patches: list[Track] = []
        mended_m2 = 0.0
        if self.edge_pass or not draft.tracks:
            patches, mended_m2 = self._mend(left, draft.style, needed=not draft.tracks)
        return Layout(
            tracks=tuple(self._led(t) for t in [*draft.tracks, *patches]),
            angle_deg=draft.angle_deg,
            spacing_m=draft.spacing_m,
            missed_m2=left.area - mended_m2,
            least_m=draft.least_m,
        )

    def _left(self, tracks: tuple[Track, ...]) -> BaseGeometry:
        """Return the ground no track reaches."""
        if not tracks:
            return self.ground
        seen = swept((track.points for track in tracks), self.width_m, exact=False)
        return shapely.difference(self.ground, seen)

    def _allowed(self, lines: list[FloatArray]) -> Iterator[FloatArray]:
        """Yield the pieces of lines that lie in the allowed region."""
        shapely.prepare(self.region)
        for line in lines:
            drawn = LineString(line)
            if self.region.covers(drawn):
                yield line
                continue
            for piece in explode(shapely.intersection(drawn, self.region)):
                ends = shapely.get_coordinates(piece)[[0, -1]]
                if isinstance(piece, LineString) and math.dist(*ends) >= SHORTEST_M:
                    yield ends if (ends[1] - ends[0]) @ (line[1] - line[0]) > 0 else ends[::-1]

    def _mend(self, left: BaseGeometry, style: Style, *, needed: bool) -> tuple[list[Track], float]:
        """Return a short line for each uncovered patch that is worth it, and what they gain."""
        least_m2 = style.patch * self.width_m**2
        found: list[Track] = []
        gained_m2, spare_m2 = 0.0, MOST_WASTE * self.ground.area
        patches = [p for p in explode(left) if isinstance(p, Polygon)]
        for patch in self._in_order([p for p in patches if needed or p.area >= least_m2]):
            axis = _long_axis(patch)
            way_m = math.dist(*axis) + 2.0 * self.width_m
            if not needed and way_m > style.worth * patch.area / self.width_m:
                continue
            for piece in self._allowed([axis]):
                swath = swept([piece], self.width_m, exact=False)
                gain_m2 = shapely.intersection(swath, patch).area
                waste_m2 = shapely.difference(swath, self.ground).area
                pays = way_m <= style.worth * gain_m2 / self.width_m
                if needed or (pays and gain_m2 > least_m2 and waste_m2 <= spare_m2):
                    found.append(Track(LegKind.LINE, piece))
                    gained_m2 += gain_m2
                    spare_m2 -= waste_m2
        return found, gained_m2

    def _led(self, track: Track) -> Track:
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
            if isinstance(piece, LineString) and piece.distance(Point(start)) < 1e-6:
                tip: FloatArray = max(
                    shapely.get_coordinates(piece), key=lambda p: math.dist(p, start)
                )
                return tip
        return start


def apart_deg(one: float, other: float) -> float:
    """Return the angle between two directions of lines, 0 to 90."""
    return abs(math.remainder(one - other, 180.0))


def bearing_deg(step: FloatArray) -> float:
    """Return the direction of a step, degrees clockwise from north."""
    return math.degrees(math.atan2(step[0], step[1]))


def _long_axis(patch: Polygon) -> FloatArray:
    """Return the middle line of the smallest box round a patch, along its longer side."""
    a, b, c, d = shapely.get_coordinates(patch.minimum_rotated_rectangle)[:4]
    if math.dist(a, b) >= math.dist(b, c):
        return np.array([(a + d) / 2.0, (b + c) / 2.0])
    return np.array([(a + b) / 2.0, (c + d) / 2.0])
