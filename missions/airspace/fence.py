"""The fence a flight stays in, what it stays out of, and where it may come down.

Theory of operation
-------------------
The aircraft's own geofence is the last line of defence: it holds when agri, the link and the
pilot do not. It is drawn from the site, before any line is planned, and the lines are then laid
inside it, never the other way round.

* **Inclusion.** The field (holes filled), the pad and a corridor between them, narrow notches
  closed, widened by `KEEP_INSIDE_M` and by the lead-in. When a keep-out bars the way, the `wide`
  form, the convex hull of all with room around it, lets the flight go round.
* **Outer.** What the vehicle stores: the inclusion and all that lies straight between it and the
  pad. Lines are laid in the inclusion, but a failsafe flies straight home from wherever it acts. A
  fence that bars that way stops a sprayer where its pack runs out: its action is to brake.
* **Exclusions.** What `missions.airspace.keepouts` closes at the flying height, as far as it lies
  inside.
* **Margins.** Every leg stays `KEEP_INSIDE_M` from the inclusion's edge: ArduPilot's FENCE_MARGIN
  of 2 m and 3 m that a GNSS receiver without corrections errs. Towards an exclusion it is
  `KEEP_OFF_M`, the margin and one metre, since the obstacle's clearance lies behind it.
* **Few vertices.** A vehicle holds 60 vertices over all polygons. Shapes are simplified outwards
  only: inclusion and exclusions contain what they stand for at every tolerance. Exclusions that
  still are too many are joined with their neighbours; the field then loses a little, never the
  obstacle its clearance.
* **Rally points.** The pad is one, and as a rule the only one: nobody watches over another
  landing place, and a return at flying height passes well above roofs. A point in the field is
  added only where the straight way home, which is how RETURN_TO_LAUNCH flies, would hit something
  tall or enter a no-fly zone, the field bears a low crop and the place is clear and dry.

All geometry is in local metres (`agri.geo.LocalFrame`) until the last step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from agri.errors import Refused
from agri.geo import LocalFrame, LonLat
from missions.airspace.keepouts import (
    explode,
    filled,
    ground_obstacles,
    keep_outs,
    no_ways,
    solid_parts,
)
from missions.airspace.pose import GRID_M, Pose
from missions.flightplan import (
    DEFAULT_LIMITS,
    FencePolygon,
    RallyPoint,
    Site,
    VehicleLimits,
)

FENCE_MARGIN_M = 2.0
"""ArduPilot's FENCE_MARGIN: a path nearer than this to a fence may be taken for a breach."""
KEEP_INSIDE_M = FENCE_MARGIN_M + 3.0
"""Least distance of every leg from the inclusion fence (3 m of position error is assumed)."""
KEEP_OFF_M = FENCE_MARGIN_M + 1.0
"""Least distance of every leg from an exclusion fence, which itself holds the clearance."""
HAIR_M = 0.001
"""Widening by no more than this is left undone; the margins hold thousands of it."""
CORRIDOR_M = 6.0
"""Half the width of the corridor between pad and field, margin not counted."""
NOTCH_M = 15.0
"""Notches of the field narrower than twice this are closed by the fence."""
WIDE_M = 25.0
"""Room that the wide form leaves around the convex hull."""
INCLUSION_VERTICES = (24, 16, 12)
"""Vertices the inclusion gets, fewer when exclusions need them."""
EXCLUSION_VERTICES = 8
"""Vertices one exclusion gets as long as there is room."""
BOX = 4
"""Vertices of the coarsest exclusion, a turned rectangle."""
MAX_JOIN_M = 60.0
"""Keep-outs further apart than this are not joined into one exclusion."""
RALLY_LIMIT_M = 300.0
"""ArduCopter's RALLY_LIMIT_KM of 0.3: a rally point further away is not used."""
MAX_EXTRA_RALLY = 3
"""Rally points besides the pad; each is a place to be kept free of people."""
LOW_CROPS = frozenset({"lúa", "rice", "rau", "vegetables", "cỏ", "grass"})
"""Crops an aircraft can come down in; a tree crop, or one not told, gets no rally point."""
_ROUNDING_M = 0.04
"""Fence vertices and waypoints are rounded to 1e-7 degrees on the wire, about 1.1 cm each, and
round corners are drawn with 16 chords."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    """A fence in local metres: one area to stay in, and areas in it to stay out of.

    Parameters
    ----------
    inclusion : shapely.Polygon
        Without holes.
    exclusions : tuple of shapely.Polygon
        Without holes; may reach over the inclusion's edge.
    outer : shapely.Polygon, optional
        What the vehicle is to stay in, without holes; the inclusion when not given.
    """

    inclusion: Polygon
    exclusions: tuple[Polygon, ...] = ()
    outer: Polygon | None = None

    @property
    def allowed(self) -> BaseGeometry:
        """Where legs may run: every margin kept."""
        inside = self.inclusion.buffer(-(KEEP_INSIDE_M + _ROUNDING_M), join_style="mitre")
        closed = [e.buffer(KEEP_OFF_M + _ROUNDING_M, join_style="mitre") for e in self.exclusions]
        return inside.difference(shapely.union_all(closed)) if closed else inside

    @property
    def vertices(self) -> int:
        """Vertices the vehicle must store."""
        return sum(_corners(polygon) for polygon in (self.stored, *self.exclusions))

    @property
    def stored(self) -> Polygon:
        """What the vehicle is to stay in."""
        return self.inclusion if self.outer is None else self.outer

    def polygons(self, frame: LocalFrame) -> tuple[FencePolygon, ...]:
        """Return the fence as the vehicle stores it, the inclusion first."""
        found = []
        for inclusion, shape in ((True, self.stored), *((False, e) for e in self.exclusions)):
            ring = shapely.get_coordinates(shape.exterior)[:-1]
            places = [frame.place(float(e), float(n)) for e, n in ring]
            found.append(FencePolygon(inclusion=inclusion, vertices=_apart(places)))
        return tuple(found)


def _apart(places: Sequence[LonLat]) -> tuple[LonLat, ...]:
    """Return a ring's places without those that the wire's 1e-7 degrees cannot tell apart.

    Two corners a hair apart would be stored as one place twice, and a last one that falls on the
    first makes other programs read the ring as closed.

    Examples
    --------
    >>> here = LonLat(lon_deg=106.5, lat_deg=21.0)
    >>> there = LonLat(lon_deg=106.6, lat_deg=21.0)
    >>> again = LonLat(lon_deg=106.50000000001, lat_deg=21.0)
    >>> len(_apart([here, there, again]))
    2
    """
    kept = [
        place
        for before, place in zip([places[-1], *places], places, strict=False)
        if (before.lon_e7, before.lat_e7) != (place.lon_e7, place.lat_e7)
    ]
    return tuple(kept)


def enclose(
    area: BaseGeometry,
    home: Point,
    closed: Sequence[Polygon],
    *,
    lead_in_m: float = 0.0,
    wide: bool = False,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> Enclosure:
    """Draw the fence around `area` and `home`, and around what is closed inside.

    Parameters
    ----------
    area : shapely geometry
        What is to be flown over, local metres.
    home : shapely.Point
        The pad, local metres.
    closed : sequence of shapely.Polygon
        Keep-outs with their clearances, local metres.
    lead_in_m : float
        How far lines run over the area's border.
    wide : bool
        Whether to leave room to go round keep-outs.
    limits : VehicleLimits
        What the vehicle can store.

    Returns
    -------
    Enclosure
        With at most ``limits.fence_vertices`` vertices.

    Raises
    ------
    Refused
        When the vehicle cannot hold so many keep-outs, however they are joined.

    Examples
    --------
    >>> fence = enclose(Polygon([(0, 0), (100, 0), (100, 50), (0, 50)]), Point(-20, 25), [])
    >>> fence.allowed.covers(Point(-20, 25)), len(fence.exclusions)
    (True, 0)
    """
    pose = Pose.of(area, (home.x, home.y))
    area, home = pose.seen(area), Point(0.0, 0.0)
    closed = [part for shape in closed for part in _held(pose.seen(shape))]
    lines = shapely.union_all([_widened(part, lead_in_m) for part in explode(area)])
    core = _inclusion_core(lines, home, wide=wide)
    outline = _widened(core, KEEP_INSIDE_M + 3 * _ROUNDING_M)
    in_sight = _widened(with_ways_to(core, home), KEEP_INSIDE_M + 3 * _ROUNDING_M)
    for corners in INCLUSION_VERTICES:
        inclusion = outer = _outward(outline, corners)
        if not inclusion.covers(in_sight):
            outer = _outward(filled(shapely.union(inclusion, in_sight)).geoms[0], corners)
        inside = _inside(closed, outer)
        room = limits.fence_vertices - _corners(outer)
        if BOX * len(inside) <= room:
            break
    exclusions = tuple(pose.local(shape) for shape in _exclusions(inside, room))
    return Enclosure(
        inclusion=pose.local(inclusion), exclusions=exclusions, outer=pose.local(outer)
    )


def with_ways_to(area: Polygon, home: Point) -> Polygon:
    """Return an area with every straight way from its places to `home`, holes filled.

    Examples
    --------
    >>> corner = Polygon([(0, 0), (30, 0), (30, 10), (10, 10), (10, 30), (0, 30)])
    >>> [round(with_ways_to(corner, Point(5, north)).area) for north in (5, 29)]
    [500, 652]
    """
    ring = shapely.get_coordinates(area.exterior)
    corners = np.stack([ring[:-1], ring[1:], np.broadcast_to((home.x, home.y), ring[1:].shape)], 1)
    sides, ways = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    wide = np.abs(sides[:, 0] * ways[:, 1] - sides[:, 1] * ways[:, 0]) > HAIR_M**2
    return filled(shapely.union_all([area, *shapely.polygons(corners[wide])])).geoms[0]


def _held(seen: BaseGeometry) -> list[Polygon]:
    """Return areas that hold what the grid they are seen on may have cut off."""
    grown = [part.buffer(GRID_M, join_style="mitre") for part in solid_parts(seen)]
    return solid_parts(shapely.union_all([*grown, seen]))


def generate_fence(
    site: Site,
    *,
    height_m: float,
    lead_in_m: float = 0.0,
    wide: bool = False,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> tuple[FencePolygon, ...]:
    """Return the fence polygons of a site flown at `height_m`, the inclusion first.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    height_m : float
        Flying height above the ground; lower obstacles may be flown over.
    lead_in_m, wide, limits
        As in `enclose`.

    Returns
    -------
    tuple of FencePolygon
        One inclusion, then exclusions.
    """
    frame = site.field.frame
    area = filled(frame.geometry_to_local(site.field.boundary))
    closed = [shape for _, shape in keep_outs(site, height_m, frame)]
    home = Point(frame.metres(site.pad.place))
    fence = enclose(area, home, closed, lead_in_m=lead_in_m, wide=wide, limits=limits)
    return fence.polygons(frame)


def _inclusion_core(area: BaseGeometry, home: Point, *, wide: bool) -> Polygon:
    parts = [
        _widened(LineString([home, nearest_points(home, part)[1]]), CORRIDOR_M)
        for part in explode(area)
        if not part.covers(home)
    ]
    whole = shapely.union_all([area, *parts])
    if wide:
        return _widened(whole.convex_hull, WIDE_M)
    closed = whole.buffer(NOTCH_M).buffer(-NOTCH_M)
    return filled(shapely.union_all([closed, whole])).geoms[0]


def _widened(shape: BaseGeometry, by_m: float) -> Polygon:
    """Return `shape` with everything within `by_m` of it, corners mitred, holes filled.

    The round form is joined in: a mitred one alone may lose a little at notches. Less than
    `HAIR_M` is nothing: joining shapes so near each other is beyond what can be computed.
    """
    if by_m <= HAIR_M:
        return solid_parts(shape)[0]
    clean = shape.simplify(0.001)
    mitred = clean.buffer(by_m, cap_style="square", join_style="mitre", mitre_limit=2.0)
    return filled(shapely.union_all([mitred, shape.buffer(by_m)])).geoms[0]


def _corners(polygon: Polygon) -> int:
    return len(polygon.exterior.coords) - 1


def _outward(shape: Polygon, max_vertices: int) -> Polygon:
    """Return a polygon of at most `max_vertices` (≥ 4) corners that covers `shape`."""
    found = solid = solid_parts(shape.simplify(0.001))[0]
    tolerance_m = 0.1
    while _corners(found) > max_vertices or not found.covers(solid):
        if tolerance_m > 50.0:
            return _box(solid)
        grown = solid.buffer(1.05 * tolerance_m, join_style="mitre", mitre_limit=2.0)
        found = solid_parts(grown.simplify(tolerance_m))[0]
        tolerance_m *= 1.4
    return found


def _box(shape: BaseGeometry) -> Polygon:
    """Return the smallest turned rectangle around `shape`."""
    box = shape.minimum_rotated_rectangle.buffer(_ROUNDING_M, join_style="mitre")
    return solid_parts(box)[0]


def _inside(closed: Sequence[Polygon], inclusion: Polygon) -> list[Polygon]:
    """Return what is closed inside the inclusion, overlapping ones joined, cut off well outside."""
    near = _box(inclusion.buffer(10.0, join_style="mitre"))
    parts = [shape.intersection(near) for shape in closed if shape.intersects(inclusion)]
    return solid_parts(shapely.union_all(parts)) if parts else []


def _exclusions(parts: list[Polygon], room: int) -> tuple[Polygon, ...]:
    """Return polygons of at most `room` vertices together that cover all `parts`.

    The two nearest are joined into their convex hull until rectangles would fit.
    """
    count = len(parts)
    while BOX * len(parts) > room:
        first, second = np.triu_indices(len(parts), 1)
        shapes = np.array(parts)
        gaps = shapely.distance(shapes[first], shapes[second])
        if not len(gaps) or gaps.min() > MAX_JOIN_M:
            raise Refused("error.fence_full", count=count, budget=max(room, 0))
        pair = {int(first[gaps.argmin()]), int(second[gaps.argmin()])}
        hull = shapely.union_all([parts[i] for i in sorted(pair)]).convex_hull
        rest = [part for i, part in enumerate(parts) if i not in pair]
        parts = solid_parts(shapely.union_all([*rest, hull]))
    for each in (EXCLUSION_VERTICES, 6, BOX):
        simple = [_outward(part, each) for part in parts]
        if sum(_corners(shape) for shape in simple) <= room:
            break
    return tuple(simple)


def generate_rally(
    site: Site,
    enclosure: Enclosure,
    path: Sequence[tuple[float, float]],
    *,
    altitude_m: float,
    limits: VehicleLimits = DEFAULT_LIMITS,
) -> tuple[RallyPoint, ...]:
    """Return where the aircraft may come down: the pad, and places that spare a crossing.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    enclosure : Enclosure
        The fence, in the field's local frame.
    path : sequence of (east_m, north_m)
        Where the aircraft flies, in the same frame; sampled every 10 m.
    altitude_m : float
        Height above home at which the way to a rally point is flown.
    limits : VehicleLimits
        What the vehicle can store.

    Returns
    -------
    tuple of RallyPoint
        The pad first.
    """
    frame = site.field.frame
    home = frame.metres(site.pad.place)
    chosen = [home]
    if site.field.crop.strip().lower() in LOW_CROPS and len(path) > 1:
        candidates = _dry_places(site, enclosure, frame)
        line = LineString(path)
        steps = np.linspace(0.0, line.length, max(2, math.ceil(line.length / 10.0)))
        flown = shapely.get_coordinates(line.interpolate(steps))
        barred = shapely.union_all([shape for _, shape in no_ways(site, altitude_m, frame)])
        room = min(limits.rally_points - 1, MAX_EXTRA_RALLY)
        chosen += _sparing_places(flown, home, candidates, barred, room)
    places = (site.pad.place, *(frame.place(e, n) for e, n in chosen[1:]))
    return tuple(RallyPoint(place=place, altitude_m=altitude_m) for place in places)


def _dry_places(site: Site, enclosure: Enclosure, frame: LocalFrame) -> list[tuple[float, float]]:
    """Return a grid of places in the field, holes left out, clear of all that stands or lives."""
    barred = [shape.buffer(KEEP_INSIDE_M) for _, shape in ground_obstacles(site, frame)]
    field = frame.geometry_to_local(site.field.boundary).buffer(-KEEP_INSIDE_M)
    free = field.intersection(enclosure.allowed).difference(shapely.union_all(barred))
    if free.is_empty:
        return []
    west, south, east, north = free.bounds
    step_m = max(20.0, (east - west) / 12.0, (north - south) / 12.0)
    grid_e, grid_n = np.meshgrid(
        np.arange(west + step_m / 2, east, step_m), np.arange(south + step_m / 2, north, step_m)
    )
    home_e, home_n = frame.metres(site.pad.place)
    near = np.hypot(grid_e - home_e, grid_n - home_n) <= RALLY_LIMIT_M
    inside = near & shapely.contains_xy(free, grid_e, grid_n)
    return [(float(e), float(n)) for e, n in zip(grid_e[inside], grid_n[inside], strict=True)]


def _sparing_places(
    flown: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    home: tuple[float, float],
    candidates: list[tuple[float, float]],
    barred: BaseGeometry,
    room: int,
) -> list[tuple[float, float]]:
    """Add, one by one, the place that frees most of the ways home from crossing `barred`."""
    chosen: list[tuple[float, float]] = []

    def crossings(places: list[tuple[float, float]]) -> int:
        targets = np.array([home, *places])
        away = np.linalg.norm(flown[:, None, :] - targets[None, :, :], axis=2)
        away[:, 1:][away[:, 1:] > RALLY_LIMIT_M] = math.inf
        nearest = targets[np.argmin(away, axis=1)]
        ways = shapely.linestrings(np.stack([flown, nearest], axis=1))
        return int(np.count_nonzero(shapely.intersects(ways, barred)))

    worst = crossings(chosen)
    while worst and len(chosen) < room and candidates:
        found, place = min((crossings([*chosen, c]), c) for c in candidates)
        if found >= worst:
            break
        worst = found
        chosen.append(place)
    return chosen
