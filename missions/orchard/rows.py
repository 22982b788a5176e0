"""Row by row: passes along rows of trees, the sprayer on over crowns only.

Theory of operation
-------------------
A row (`missions.orchard.row_finding`) is flown along its line, or on both sides of it at
`offset_m`. Over each crown the sprayer is on from where the crown begins along the way to where it
ends; where the gap to the next one is no wider than `gap_m` it stays on, because switching takes
time and mixture. A missing tree leaves a wider gap, and the pass ends and begins anew; in between
the aircraft goes straight on with the sprayer off.

Single trees are left out as in `missions.orchard.tree_ground`, and passes are cut where the swath
would reach a buffer or over the border, or where the aircraft may not be. What of the trees is then
not sprayed is told.

Passes keep the settings' swath, speed and rate, so that the pump follows the speed as over a field.
On both sides of a row each swath gets the rate; swaths that would overlap over the row are refused.

Rows are flown in the order of the shortest way (`missions.coverage.visiting`), which over rows side
by side is to and fro.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from agri.errors import BadInput, Refused
from agri.findings import Finding
from agri.words import Message
from missions.airspace.keepouts import explode
from missions.airspace.route import Place, distances
from missions.coverage.visiting import order_tracks
from missions.flightplan import DEFAULT_LIMITS, Site, VehicleLimits
from missions.orchard.crowns import Tree
from missions.orchard.row_finding import Row, Rows, find_rows
from missions.orchard.tree_ground import LITTLE_M, TreeGround, left_out, tree_ground
from missions.passes.route import Pass, SprayRoute
from missions.sprayer.dose import dose_for
from missions.sprayer.job import SpraySettings

__all__ = ["Row", "Rows", "find_rows", "plan_rows"]

GAP_M = 3.0
"""Gap between crowns over which the sprayer stays on: about a second at an orchard's speed."""
STEP_M = 0.2
"""Steps in which the ends of a swath are fitted into the field."""
BEND_M = 0.5
"""A bend nearer than this to an end of a pass is not flown: places are whole centimetres."""
LEAST_PASS_M = 1.0
"""Shorter pieces of a pass are not flown."""


def plan_rows(
    site: Site,
    settings: SpraySettings,
    rows: Sequence[Row],
    *,
    offset_m: float = 0.0,
    gap_m: float = GAP_M,
    alone: Sequence[Tree] = (),
    buffers: Sequence[BaseGeometry] = (),
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> SprayRoute:
    """Plan the spraying of trees row by row.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    settings : SpraySettings
        Sprayer, rate, swath, speed, heights; ``crop_height_m`` not below the highest tree.
    rows : sequence of Row
        In local metres of ``site.field.frame``.
    offset_m : float
        0 flies over the row; else both its sides at this distance, at least half the swath.
    gap_m : float
        Longest gap between crowns over which the sprayer stays on.
    alone : sequence of Tree
        Trees in no row: not sprayed, and told; their height counts.
    buffers : sequence of shapely geometry
        What spray must not reach, local metres.
    limits : VehicleLimits
        What the vehicle can store.

    Returns
    -------
    SprayRoute
        The same input gives the same route; `findings` tells what is left out and why.

    Raises
    ------
    BadInput
        When there is no row, offset or gap cannot be, or crossing passes are asked for.
    Refused
        When the pump cannot give the rate, a tree is too tall for the flying height, or nothing may
        be sprayed.
    """
    _sensible(settings, rows, offset_m, gap_m, len(alone))
    dose = dose_for(settings)
    trees = [tree for row in rows for tree in row.trees]
    row_of = [number for number, row in enumerate(rows) for _ in row.trees]
    half_m = settings.swath_m / 2.0
    ground = tree_ground(
        site,
        settings,
        trees,
        reach_m=[max(tree.radius_m, offset_m + half_m) for tree in trees],
        beside_m=[offset_m] * len(trees),
        standing=alone,
        buffers=buffers,
        limits=limits,
    )
    free = ground.treatable.intersection(ground.allowed)
    free = free.difference(ground.kept_free.buffer(half_m))
    room = site.field.frame.geometry_to_local(site.field.boundary).buffer(LITTLE_M)
    tracks: list[list[LineString]] = []
    missed: list[Tree] = []
    for number, row in enumerate(rows):
        kept = [trees[k] for k in ground.numbers if row_of[k] == number]
        flown = [
            [part for piece in _pieces(line, kept, gap_m, free)
             for part in _whole_swath(piece, room, half_m)]
            for line in _lines(row, offset_m)
        ]  # fmt: skip
        tracks += [pieces for pieces in flown if pieces]
        over = shapely.union_all([piece for pieces in flown for piece in pieces])
        missed += [t for t in kept if not over.dwithin(Point(t.place), offset_m + half_m + 1e-6)]
    if not tracks:
        why = Message.of("finding.why_off_row")
        raise Refused("error.no_tree_left", count=len(trees), first=why)
    return SprayRoute(
        passes=tuple(
            Pass(
                points=_corners(piece),
                width_m=settings.swath_m,
                rate_l_ha=dose.rate_l_ha,
                speed_m_s=settings.speed_m_s,
            )
            for piece in _in_order(tracks, ground)
        ),
        home=ground.home,
        allowed=ground.allowed,
        treatable=ground.treatable,
        angle_deg=_direction_deg(rows),
        findings=(*ground.findings, *_told(alone, missed)),
    )


def _sensible(
    settings: SpraySettings, rows: Sequence[Row], offset_m: float, gap_m: float, alone: int
) -> None:
    if not rows:
        raise BadInput("error.rows_none", count=alone)
    if settings.crosshatch:
        raise BadInput("error.rows_crosshatch")
    if offset_m != 0.0 and not settings.swath_m / 2.0 - 1e-9 <= offset_m <= 20.0:
        raise BadInput("error.row_offset", offset_m=offset_m, swath_m=settings.swath_m)
    if not 0.0 <= gap_m <= 1000.0:
        raise BadInput("error.row_gap", value=gap_m)


def _lines(row: Row, offset_m: float) -> Iterator[LineString]:
    """Yield the lines to fly, longer than the row by its widest crown at both ends."""
    more_m = max(tree.radius_m for tree in row.trees)
    at = np.array(row.line)
    first = at[0] + (at[0] - at[1]) / math.dist(at[0], at[1]) * more_m
    last = at[-1] + (at[-1] - at[-2]) / math.dist(at[-1], at[-2]) * more_m
    line = LineString([first, *at[1:-1], last])
    if offset_m == 0.0:
        yield line
        return
    for side_m in (offset_m, -offset_m):
        beside = line.offset_curve(side_m, join_style="mitre")
        parts = [part for part in explode(beside) if isinstance(part, LineString)]
        yield max(parts, key=lambda part: part.length)


def _pieces(
    line: LineString, trees: Sequence[Tree], gap_m: float, free: BaseGeometry
) -> list[LineString]:
    """Return the pieces of a line that are sprayed, in order."""
    spans = sorted(
        (far - tree.radius_m, far + tree.radius_m)
        for tree in trees
        for far in (line.project(Point(tree.place)),)
    )
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and start - joined[-1][1] <= gap_m:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    found: list[tuple[float, LineString]] = []
    for start, end in joined:
        whole = _between(line, max(0.0, start), min(line.length, end))
        for part in explode(whole.intersection(free)):
            if isinstance(part, LineString) and part.length >= LEAST_PASS_M:
                low, high = sorted(
                    line.project(Point(end)) for end in (part.coords[0], part.coords[-1])
                )
                found.append((low, _between(line, low, high)))
    return [piece for _, piece in sorted(found, key=lambda one: one[0])]


def _whole_swath(line: LineString, room: BaseGeometry, half_m: float) -> Iterator[LineString]:
    """Yield the parts of a line on which the swath lies in `room` to both sides."""
    shapely.prepare(room)
    strip = line.buffer(half_m, cap_style="flat")
    if room.covers(strip):
        yield line
        return
    far = np.linspace(0.0, line.length, max(2, math.ceil(line.length / STEP_M) + 1))
    at = shapely.get_coordinates(shapely.line_interpolate_point(line, far))
    hair = np.minimum(far + 1e-3, line.length)
    ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, hair)) - at
    ahead[-1] = ahead[-2]
    aside = np.stack([-ahead[:, 1], ahead[:, 0]], axis=1) / np.hypot(*ahead.T)[:, None] * half_m
    whole = shapely.covers(room, shapely.linestrings(np.stack([at - aside, at + aside], axis=1)))
    edges = np.flatnonzero(np.diff(np.concatenate([[0], whole.astype(int), [0]])))
    for first, last in zip(edges[::2], edges[1::2] - 1, strict=True):
        if far[last] - far[first] >= LEAST_PASS_M:
            yield _between(line, float(far[first]), float(far[last]))


def _between(line: LineString, start_m: float, end_m: float) -> LineString:
    """Return the part of a line between two distances along it, however short."""
    part = substring(line, start_m, end_m)
    return part if isinstance(part, LineString) else LineString([part, part])


def _in_order(tracks: Sequence[list[LineString]], ground: TreeGround) -> Iterator[LineString]:
    """Yield all pieces in the order of the shortest way, each led as it is flown."""
    ends = [place for pieces in tracks for place in (pieces[0].coords[0], pieces[-1].coords[-1])]
    between = distances(ground.allowed, np.array([ground.home, *ends]))
    for number, backwards in order_tracks(between[1:, 1:], between[0, 1:]):
        if backwards:
            yield from (piece.reverse() for piece in reversed(tracks[number]))
        else:
            yield from tracks[number]


def _corners(piece: LineString) -> tuple[Place, ...]:
    """Return a pass without bends so near to an end that rounding would spoil them."""
    first, *inner, last = [(float(e), float(n)) for e, n in piece.coords]
    kept = [at for at in inner if min(math.dist(at, first), math.dist(at, last)) >= BEND_M]
    return (first, *kept, last)


def _told(alone: Sequence[Tree], missed: Sequence[Tree]) -> list[Finding]:
    found = []
    if alone:
        first = alone[0].name or "?"
        found.append(Finding.warning("finding.trees_alone", count=len(alone), first=first))
    if missed:
        found.append(left_out(missed, Message.of("finding.why_off_row")))
    return found


def _direction_deg(rows: Sequence[Row]) -> float:
    """Return the mean direction of rows, degrees clockwise from north, 0 to below 180."""
    ways = np.array([(row.line[-1][0] - row.line[0][0], row.line[-1][1] - row.line[0][1])
                     for row in rows])  # fmt: skip
    twice = 2.0 * np.arctan2(ways[:, 0], ways[:, 1])
    far = np.hypot(*ways.T)
    mean = math.atan2(float(far @ np.sin(twice)), float(far @ np.cos(twice))) / 2.0
    return math.degrees(mean) % 180.0
