"""Which trees of an orchard may be sprayed, and where the aircraft may fly between them.

Theory of operation
-------------------
The fence is drawn first (`missions.airspace.fence`) and legs stay inside its margins, in the narrow
form where that reaches as many trees as the wide one. Then every tree is judged by itself. It is
left out, and told, when

* its spray would reach a buffer, fall beyond the border, or come nearer to a border edge than the
  distance set for it;
* the aircraft would have to fly where it must not: near an obstacle, beyond the fence's margins.

What a tree's spray reaches is a circle: its crown or the swath, whichever is wider.

A flight passes over every crown of the list, sprayed or not, so the flying height must clear the
highest by the least height the sprayer works at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import Refused
from agri.findings import Finding
from agri.geo import LocalFrame
from agri.words import Message
from missions.airspace.fence import Enclosure, enclose
from missions.airspace.keepouts import explode, filled, ground_obstacles, keep_outs
from missions.airspace.route import Place
from missions.flightplan import DEFAULT_LIMITS, Site, VehicleLimits
from missions.orchard.crowns import Tree
from missions.sprayer.job import SpraySettings

FloatArray = NDArray[np.float64]
NAMED = 6
"""Trees that a finding names; the others are only counted."""
OBSTACLE_M = 15.0
"""A tree that cannot be flown to and stands this near to a keep-out is left out for it."""
LITTLE_M = 0.05
"""No border is known better than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeGround:
    """What of an orchard can be worked on.

    Parameters
    ----------
    home : (east_m, north_m)
        The pad.
    allowed : shapely geometry
        Where legs may run, one piece with the pad.
    treatable : shapely geometry
        Field less obstacles with their clearances, less buffers, less what borders keep free.
    kept_free : shapely geometry
        Buffers and what borders keep free: no swath reaches into it.
    numbers : tuple of int
        Trees that may be sprayed, by their number in the list.
    findings : tuple of Finding
        What was left out and why, and what else to know.
    """

    home: Place
    allowed: BaseGeometry
    treatable: BaseGeometry
    kept_free: BaseGeometry
    numbers: tuple[int, ...]
    findings: tuple[Finding, ...]


def tree_ground(
    site: Site,
    settings: SpraySettings,
    trees: Sequence[Tree],
    *,
    reach_m: Sequence[float],
    beside_m: Sequence[float],
    standing: Sequence[Tree] = (),
    buffers: Sequence[BaseGeometry] = (),
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> TreeGround:
    """Return which trees may be sprayed and where legs may run.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    settings : SpraySettings
        Heights and clearances.
    trees : sequence of Tree
        In the field's frame.
    reach_m, beside_m : sequence of float
        For each tree how far from its middle spray falls, and the aircraft flies.
    standing : sequence of Tree
        Others that are not to be sprayed but flown over.
    buffers : sequence of shapely geometry
        What spray must not reach, local metres.
    limits : VehicleLimits
        What the vehicle can store.

    Raises
    ------
    Refused
        When the pad is not clear, a tree is too tall for the flying height, or none is left.
    """
    frame = site.field.frame
    home = frame.metres(site.pad.place)
    _pad_clear(site, frame, Point(home))
    _tall_enough(settings, [*trees, *standing])
    field = frame.geometry_to_local(site.field.boundary)
    closed = keep_outs(site, settings.flying_height_m, frame)
    points = shapely.points([tree.place for tree in trees])
    flown = shapely.buffer(points, np.asarray(beside_m) + LITTLE_M)
    allowed = _allowed(filled(field), Point(home), [shape for _, shape in closed], flown, limits)
    edges = _kept_edges(field, settings)
    reasons = _reasons(
        points,
        np.asarray(reach_m),
        flown=flown,
        allowed=allowed,
        closed=closed,
        buffers=buffers,
        edges=edges,
    )
    numbers = tuple(number for number, why in enumerate(reasons) if why is None)
    if not numbers:
        why = next(why for why in reasons if why is not None)
        raise Refused("error.no_tree_left", count=len(trees), first=why)
    strips = [edge.buffer(clearance_m) for edge, clearance_m in edges if clearance_m > 0.0]
    kept_free = shapely.union_all([*buffers, *strips])
    left = field.difference(shapely.union_all([kept_free, *(shape for _, shape in closed)]))
    low = _far_below(settings, [trees[number] for number in numbers])
    return TreeGround(
        home=home,
        allowed=allowed,
        treatable=MultiPolygon([part for part in explode(left) if isinstance(part, Polygon)]),
        kept_free=kept_free,
        numbers=numbers,
        findings=(*_left_out(trees, reasons), *low),
    )


def _pad_clear(site: Site, frame: LocalFrame, home: Point) -> None:
    for name, shape in ground_obstacles(site, frame):
        if shape.intersects(home):
            raise Refused("error.pad_not_clear", pad=site.pad.name, obstacle=name)


def _tall_enough(settings: SpraySettings, trees: Sequence[Tree]) -> None:
    clear_m, flying_m = settings.sprayer.min_height_m, settings.flying_height_m
    highest = max(trees, key=lambda tree: tree.height_m)
    if highest.height_m + clear_m > flying_m + 1e-9:
        raise Refused(
            "error.trees_above_flight",
            tree=highest.name,
            height_m=highest.height_m,
            flying_m=flying_m,
            clear_m=clear_m,
        )


def _allowed(
    area: BaseGeometry,
    home: Point,
    closed: Sequence[Polygon],
    flown: NDArray[np.object_],
    limits: VehicleLimits,
) -> BaseGeometry:
    """Return where legs may run: the form of the fence that reaches more trees."""
    best: tuple[int, BaseGeometry] = (-1, Polygon())
    for wide in (False, True):
        fence = enclose(area, home, closed, wide=wide, limits=limits)
        piece = _piece(fence, home)
        shapely.prepare(piece)
        count = int(np.count_nonzero(shapely.covers(piece, flown)))
        if count > best[0]:
            best = count, piece
        if count == len(flown):
            break
    return best[1]


def _piece(fence: Enclosure, home: Point) -> BaseGeometry:
    return next((piece for piece in explode(fence.allowed) if piece.covers(home)), Polygon())


def _kept_edges(field: BaseGeometry, settings: SpraySettings) -> list[tuple[LineString, float]]:
    """Return the border's edges in the order they are numbered, each with the distance to keep."""
    told = {edge.edge: edge.clearance_m for edge in settings.edges}
    edges: list[LineString] = []
    for part in explode(field):
        assert isinstance(part, Polygon)  # noqa: S101 - a field is made of areas
        for ring in (part.exterior, *part.interiors):
            ends = shapely.get_coordinates(ring)
            edges += [LineString(pair) for pair in np.stack([ends[:-1], ends[1:]], axis=1)]
    return [(e, told.get(number, settings.clearance_m)) for number, e in enumerate(edges, start=1)]


def _reasons(
    points: NDArray[np.object_],
    reach_m: FloatArray,
    *,
    flown: NDArray[np.object_],
    allowed: BaseGeometry,
    closed: Sequence[tuple[str, Polygon]],
    buffers: Sequence[BaseGeometry],
    edges: Sequence[tuple[LineString, float]],
) -> list[Message | None]:
    """Return for each tree why it may not be sprayed, None when it may."""
    found: list[Message | None] = [None] * len(points)

    def mark(bad: NDArray[np.bool_], why: Message) -> None:
        for number in np.flatnonzero(bad):
            found[number] = found[number] or why

    for edge, clearance_m in edges:
        away_m = shapely.distance(points, edge)
        mark(away_m < reach_m - LITTLE_M, Message.of("finding.why_border"))
        wished = Message.of("finding.why_clearance", clearance_m=clearance_m)
        mark(away_m < clearance_m + reach_m - LITTLE_M, wished)
    for buffer in buffers:
        mark(shapely.distance(points, buffer) < reach_m, Message.of("finding.why_buffer"))
    shut = ~shapely.covers(allowed, flown)
    for name, shape in closed:
        near = shapely.distance(flown, shape) < OBSTACLE_M
        mark(shut & near, Message.of("finding.why_obstacle", name=name))
    mark(shut, Message.of("finding.why_unreachable"))
    return found


def left_out(trees: Sequence[Tree], why: Message) -> Finding:
    """Return the finding that tells of trees not sprayed for one reason."""
    names = ", ".join(tree.name or "?" for tree in trees[:NAMED])
    more = ", …" if len(trees) > NAMED else ""
    return Finding.warning("finding.trees_left_out", count=len(trees), why=why, names=names + more)


def _left_out(trees: Sequence[Tree], reasons: Sequence[Message | None]) -> list[Finding]:
    """Return one finding for each reason, with the trees it holds for."""
    held: dict[Message, list[Tree]] = {}
    for tree, why in zip(trees, reasons, strict=True):
        if why is not None:
            held.setdefault(why, []).append(tree)
    return [left_out(some, why) for why, some in held.items()]


def _far_below(settings: SpraySettings, trees: Sequence[Tree]) -> list[Finding]:
    height_m = settings.sprayer.max_height_m
    low = sum(settings.flying_height_m - tree.height_m > height_m + 1e-9 for tree in trees)
    if not low:
        return []
    return [Finding.warning("finding.trees_far_below", count=low, height_m=height_m)]
