"""Working tracks over a field: which directions, how much of the edge, how many lines.

Theory of operation
-------------------
1. **Directions** are tried relative to the field (its longest sides, and steps from the
   longest), so that a turned field gives the same plan turned. A scan-line score of the
   swept ground ranks them.
2. **Edge** (`missions.coverage.edge_pass`), when asked for: whole, or without the sides that run
   across the lines, which the lines' own ends reach. What the flown edge leaves is the rest.
3. **Lines** (`missions.coverage.swaths`) over the rest: evenly, one fewer, or from one side. The
   best by the score are laid out in full, each in several styles (`missions.coverage.mending`),
   from thorough to sparing.
4. **Mending** (`missions.coverage.mending`): ground still uncovered gets a short line of its own
   where that is worth it.

Which layout is flown is decided by `missions.coverage.planning`, which knows what missed ground
weighs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from missions.airspace.keepouts import explode
from missions.coverage.edge_pass import edge_rings, edge_runs, kept_sides
from missions.coverage.leads import with_leads
from missions.coverage.mending import STYLES, SWEEP, Style, in_order, mend, pieces_in, pockets
from missions.coverage.swaths import Fit, Strips, cut_strips, sweep_cost
from missions.coverage.ties import ranked
from missions.coverage.tracks import FloatArray, Layout, LegKind, Track, swept

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
WORTH_TRYING = 0.01
"""Share of the sweep's time that another fit must save to be weighed."""
SLIVER = 0.12
"""Ground that is nowhere twice this share of the width deep is left to the swaths beside it."""
SPLINTER = 0.03
"""Splinters thinner than twice this share of the width, left beside edge tracks, are no ground."""


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
    whole_edge : bool
        Whether no side is left to the ends of the lines.
    camera : bool
        As in `missions.coverage.planning.plan_coverage`.
    """

    ground: BaseGeometry
    region: BaseGeometry
    width_m: float
    edge_pass: bool
    lead_in_m: float
    speed_m_s: float
    acceleration_m_s2: float
    styles: tuple[Style, ...] = STYLES
    whole_edge: bool = False
    camera: bool = False
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
            for style in self._styles(choice.fit):
                drafts.append(self._draft(choice, strips, style))
        for number in ranked([draft.least_m for draft in drafts]):
            yield self._finish(drafts[number])

    def _styles(self, fit: Fit) -> tuple[Style, ...]:
        """Return the styles of a fit; lines from one side are not there to be thorough."""
        if not self.edge_pass:
            return (SWEEP,)
        return self.styles[1:] if fit in (Fit.LOW, Fit.HIGH) else self.styles

    def _choices(self, directions: Iterable[float]) -> Iterator[_Choice]:
        """Yield every direction with each choice of sides and line count, and its score."""
        rings = edge_rings(self.ground, self.width_m) if self.edge_pass else []
        for direction_deg in directions:
            seen: list[_Edge] = []
            for across_deg in ACROSS_DEG if rings and not self.whole_edge else (0.0,):
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
        thin_m = SPLINTER * self.width_m
        with np.errstate(divide="ignore", invalid="ignore"):  # GEOS divides by a side's length of 0
            clean = left.buffer(-thin_m, join_style="mitre").buffer(thin_m, join_style="mitre")
        deep_m = SLIVER * self.width_m
        deep = [
            part
            for part in explode(clean)
            if isinstance(part, Polygon) and not part.buffer(-deep_m).is_empty
        ]
        return MultiPolygon(in_order(deep, self.ground))

    def _draft(self, choice: _Choice, strips: Strips, style: Style) -> _Draft:
        """Return edge and lines of a choice in a style."""
        lines = strips.lines(
            field=self.ground if self.edge_pass else None,
            trim=style.trim,
            strict=len(choice.edge.tracks) > 0,
        )
        laid = [Track(LegKind.LINE, piece) for piece in pieces_in(lines, self.region)]
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
            patches, mended_m2 = mend(
                left,
                self.ground,
                self.region,
                width_m=self.width_m,
                style=draft.style,
                needed=not draft.tracks,
            )
        elif self.camera:
            patches, mended_m2 = pockets(
                left, self.region, direction_deg=draft.angle_deg, width_m=self.width_m
            )
        return Layout(
            tracks=tuple(
                with_leads(t, self.region, self.lead_in_m) for t in [*draft.tracks, *patches]
            ),
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


def apart_deg(one: float, other: float) -> float:
    """Return the angle between two directions of lines, 0 to 90."""
    return abs(math.remainder(one - other, 180.0))


def bearing_deg(step: FloatArray) -> float:
    """Return the direction of a step, degrees clockwise from north."""
    return math.degrees(math.atan2(step[0], step[1]))
