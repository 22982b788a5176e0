"""Repair of outlines: rings as people draw and programs write them become a sound area.

Theory of operation
-------------------
The input is rings of longitude and latitude as written; the output a valid MultiPolygon and a
`Finding` for everything done to it. Lengths and areas are judged in the local metres of
`agri.geo.LocalFrame`, but coordinates that need no new corner are kept to the last bit: cleaning
only picks which of the given corners stay.

1. *Refuse* what no repair can mean: numbers that are not finite or not on earth, too many corners,
   parts farther apart than any farm.
2. *Clean* each ring (`rings`): repeated corners, spikes, corners on straight lines, the
   missing closing corner.
3. *Roles*: the ring that holds the others is the border. A hole outside it changes nothing and is
   dropped; a hole that crosses it is cut to it.
4. *Crossings*: a border that crosses or touches itself is divided where it does, and the pieces
   that it goes round an odd number of times are kept (as GEOS make_valid keeps them). The ground
   that it goes round at all is the measure: when more than 20 % of it would be lost, or more than
   ten pieces would remain, nobody can say which shape was meant, and the outline is refused.
   Crossings are counted before anything is computed from them: a scribble of n corners has n² of
   them. What was computed is laid on a grid of 1 mm, so that pieces which touch do so in corners
   they share and the area stays sound when it is turned into another frame.
5. *Parts* that overlap or share a border are joined; parts under 0.1 % of the whole, or thinner
   than 5 cm, are dropped.
6. Borders turn counter-clockwise, holes clockwise (RFC 7946).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.boundaries.rings import LEAST_M2, SAME_M, Loop, Ring, Rings, clean_ring, turns_around
from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame, LonLat

MAX_VERTICES = 100_000
"""More corners than this in one feature are refused."""
MAX_RINGS = 1_000
"""More rings than this in one feature are refused."""
MAX_EXTENT_M = 200_000.0
"""Parts of one area farther apart than this are refused."""
MAX_CROSSINGS = 500
MAX_PIECES = 10
MAX_LOSS = 0.20
SLIVER_M = 0.05
SMALL_PART = 0.001
_DEGREE_M = 111_320.0


@dataclass
class _Care:
    """What was done so far, to be told at the end."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    def note(self, key: str, count: int = 1) -> None:
        if count:
            self.counts[key] += count

    def told(self) -> tuple[Finding, ...]:
        counted = [
            Finding.info(key, self.name, count=count) for key, count in sorted(self.counts.items())
        ]
        return (*counted, *self.findings)


def repair_area(
    polygons: Sequence[Rings], *, name: str, rings_turn: bool = False
) -> tuple[MultiPolygon, tuple[Finding, ...]]:
    """Return the area that the rings mean, and what had to be repaired.

    Parameters
    ----------
    polygons : sequence of tuples of (N, 2) float64
        Rings of each polygon, WGS 84 (lon, lat) degrees; the first is meant as the border.
    name : str
        The feature's name, for findings and errors.
    rings_turn : bool
        Whether the format fixes how rings turn, so that a wrong turn is worth a finding.

    Returns
    -------
    area : shapely.MultiPolygon
        Valid, WGS 84 degrees, borders counter-clockwise.
    findings : tuple of Finding
        One for each kind of repair.

    Raises
    ------
    BadInput
        When nothing can be done; the sentence names the feature.

    Examples
    --------
    >>> ring = np.array([[106.5, 21.0], [106.501, 21.0], [106.501, 21.001], [106.5, 21.001]])
    >>> area, findings = repair_area([(ring,)], name="Ruộng 1")
    >>> area.is_valid, [finding.key for finding in findings]
    (True, ['finding.ring_closed'])
    """
    rings = [ring for rings in polygons for ring in rings if len(ring)]
    check_numbers(rings, name=name)
    frame = _frame(np.concatenate(rings), name)
    care = _Care(name)
    drawn = _cleaned(polygons, frame, care)
    if rings_turn:
        care.note("finding.ring_order", sum(_turns_wrongly(loops) for loops in drawn))
    area: BaseGeometry | None = _as_drawn(drawn)
    if area is None:
        _check_crossings([loop for loops in drawn for loop in loops], name)
        solid = _joined([_solid_polygon(loops, care) for loops in drawn], care)
        area = frame.geometry_to_lonlat(shapely.set_precision(solid, SAME_M))
    return _finished(area, frame, care), care.told()


def check_numbers(arrays: Iterable[Ring], *, name: str) -> None:
    """Refuse coordinates that are not finite, not on earth, or too many.

    Parameters
    ----------
    arrays : iterable of (N, 2) float64
        WGS 84 (lon, lat) degrees.
    name : str
        The feature's name, for the error.

    Raises
    ------
    BadInput
        Naming the feature.
    """
    listed = [ring for ring in arrays if len(ring)]
    if not listed:
        raise BadInput("error.geometry_empty", name=name)
    if len(listed) > MAX_RINGS:
        raise BadInput("error.boundary_rings", name=name, count=len(listed), limit=MAX_RINGS)
    corners = np.concatenate(listed)
    if len(corners) > MAX_VERTICES:
        raise BadInput("error.boundary_vertices", name=name, limit=MAX_VERTICES)
    if not np.isfinite(corners).all():
        raise BadInput("error.boundary_not_finite", name=name)
    lon, lat = corners.T
    if (np.abs(lon) > 180.0).any() or (lat < -80.0).any() or (lat > 84.0).any():
        raise BadInput("error.geometry_off_earth", name=name)


def _frame(corners: Ring, name: str) -> LocalFrame:
    west, south = corners.min(axis=0)
    east, north = corners.max(axis=0)
    wide_m = (east - west) * _DEGREE_M * math.cos(math.radians((south + north) / 2.0))
    extent_m = math.hypot(wide_m, (north - south) * _DEGREE_M)
    if extent_m > MAX_EXTENT_M:
        raise BadInput("error.boundary_extent", name=name, extent_km=extent_m / 1000.0)
    return LocalFrame(LonLat(lon_deg=float(west + east) / 2.0, lat_deg=float(south + north) / 2.0))


def _cleaned(polygons: Sequence[Rings], frame: LocalFrame, care: _Care) -> list[list[Loop]]:
    """Return the cleaned loops of each polygon that has an area; refuse when none has."""
    drawn: list[list[Loop]] = []
    refusal = BadInput("error.geometry_empty", name=care.name)
    for rings in polygons:
        loops = []
        for ring in rings:
            loop, done = clean_ring(ring, frame)
            loops.append(loop)
            care.counts.update(done)
        if not loops or loops[0].is_flat:
            few = bool(loops) and _distinct(rings[0]) < 3
            key = "error.boundary_few_corners" if few else "error.boundary_no_area"
            refusal = BadInput(key, name=care.name)
            continue
        holes = [loop for loop in loops[1:] if not loop.is_flat]
        care.note("finding.hole_without_area", len(loops) - 1 - len(holes))
        drawn.append([loops[0], *holes])
    if not drawn:
        raise refusal
    care.note("finding.part_without_area", len(polygons) - len(drawn))
    return drawn


def _distinct(ring: Ring) -> int:
    return len(np.unique(ring, axis=0)) if len(ring) else 0


def _turns_wrongly(loops: list[Loop]) -> bool:
    return loops[0].signed_m2 < 0.0 or any(hole.signed_m2 > 0.0 for hole in loops[1:])


def _as_drawn(drawn: list[list[Loop]]) -> MultiPolygon | None:
    """Return the area of sound rings with every coordinate kept, None when some are not sound."""

    def built(pick: Callable[[Loop], Ring]) -> MultiPolygon:
        return MultiPolygon([Polygon(pick(loops[0]), [pick(loop) for loop in loops[1:]])
                             for loops in drawn])  # fmt: skip

    in_degrees = built(lambda loop: loop.degrees)
    sound = built(lambda loop: loop.metres).is_valid and in_degrees.is_valid
    return in_degrees if sound else None


def _check_crossings(loops: Sequence[Loop], name: str) -> None:
    """Refuse rings whose segments meet so often that computing with them would not end."""
    ends = 0
    segments: list[NDArray[np.object_]] = []
    neighbours: list[NDArray[np.int64]] = []
    for loop in loops:
        pairs = np.stack([loop.metres, np.roll(loop.metres, -1, axis=0)], axis=1)
        segments.append(np.asarray(shapely.linestrings(pairs), dtype=np.object_))
        neighbours.append(ends + np.roll(np.arange(len(pairs)), -1))
        ends += len(pairs)
    every, following = np.concatenate(segments), np.concatenate(neighbours)
    tree, met, limit = STRtree(every), 0, MAX_CROSSINGS + 3 * ends
    for start in range(0, ends, 64):
        chunk = np.arange(start, min(start + 64, ends))
        rows, others = tree.query(every[chunk], predicate="intersects")
        first = chunk[rows]
        apart = (following[first] != others) & (following[others] != first) & (first < others)
        met += int(apart.sum())
        if met > limit:
            raise BadInput("error.boundary_tangled", name=name)


def _solid_polygon(loops: list[Loop], care: _Care) -> BaseGeometry:
    """Return the area within the border and outside the holes, in metres."""
    solids = [_solid_ring(loop, care) for loop in loops]
    outer = max(range(len(solids)), key=lambda place: float(solids[place].area))
    shell = solids[0]
    if outer and solids[outer].intersection(shell).area >= 0.99 * shell.area:
        care.findings.append(Finding.warning("finding.ring_roles", care.name))
        shell = solids[outer]
        solids[outer] = solids[0]
    holes = []
    for hole in solids[1:]:
        shared = hole.intersection(shell).area
        if shared < 0.01 * hole.area:
            care.note("finding.hole_outside")
            continue
        care.note("finding.hole_cut", int(hole.area - shared > 0.001 * hole.area + LEAST_M2))
        holes.append(hole)
    return shell.difference(shapely.union_all(holes)) if holes else shell


def _solid_ring(loop: Loop, care: _Care) -> BaseGeometry:
    """Return what a ring encloses, even-odd where it crosses itself."""
    polygon = Polygon(loop.metres)
    if polygon.is_valid:
        return polygon
    faces = shapely.get_parts(shapely.polygonize([shapely.node(polygon.exterior)]))
    if len(faces) > 2 * MAX_CROSSINGS:
        raise BadInput("error.boundary_tangled", name=care.name)
    turns = turns_around(loop.metres, shapely.get_coordinates(shapely.point_on_surface(faces)))
    areas = shapely.area(faces)
    around, kept = float(areas[turns != 0].sum()), float(areas[turns % 2 == 1].sum())
    if around < LEAST_M2:
        raise BadInput("error.boundary_no_area", name=care.name)
    solid = shapely.union_all(faces[turns % 2 == 1])
    pieces = [part for part in shapely.get_parts(solid) if part.area >= SMALL_PART * around]
    if 1.0 - kept / around > MAX_LOSS or len(pieces) > MAX_PIECES:
        raise BadInput("error.boundary_ambiguous", name=care.name)
    crosses = bool((turns > 0).any() and (turns < 0).any()) or bool((np.abs(turns) > 1).any())
    if crosses:
        care.findings.append(
            Finding.warning("finding.self_crossing", care.name, pieces=len(pieces), area_m2=kept)
        )
    else:
        care.note("finding.self_touch")
    return solid


def _joined(pieces: Sequence[BaseGeometry], care: _Care) -> BaseGeometry:
    """Return all pieces as one area, overlapping ones united."""
    parts = [part for piece in pieces for part in _polygons(piece)]
    together = MultiPolygon(parts)
    if together.is_valid:
        return together
    care.note("finding.parts_joined")
    return shapely.union_all(parts)


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


def _finished(area: BaseGeometry, frame: LocalFrame, care: _Care) -> MultiPolygon:
    """Return the area without slivers, turned rightly; refuse it when it is still not sound."""
    parts = [_without_pinholes(part, frame, care) for part in _polygons(area)]
    sizes = [frame.geometry_to_local(part) for part in parts]
    whole = sum(local.area for local in sizes)
    kept = [
        part
        for part, local in zip(parts, sizes, strict=True)
        if local.area >= max(SMALL_PART * whole, LEAST_M2)
        and 2.0 * local.area >= SLIVER_M * local.length
    ]
    if not kept:
        raise BadInput("error.boundary_no_area", name=care.name)
    care.note("finding.slivers", len(parts) - len(kept))
    turned = shapely.orient_polygons(MultiPolygon(kept))
    if not turned.is_valid:  # rounding to degrees made two borders meet
        turned = MultiPolygon(_polygons(shapely.make_valid(turned, method="structure")))
        if abs(frame.geometry_to_local(turned).area - whole) > SMALL_PART * whole:
            raise BadInput("error.boundary_ambiguous", name=care.name)
        turned = shapely.orient_polygons(turned)
    return turned


def _without_pinholes(part: Polygon, frame: LocalFrame, care: _Care) -> Polygon:
    holes = [
        hole for hole in part.interiors if Polygon(frame.geometry_to_local(hole)).area >= LEAST_M2
    ]
    care.note("finding.hole_without_area", len(part.interiors) - len(holes))
    return Polygon(part.exterior, holes) if len(holes) < len(part.interiors) else part
