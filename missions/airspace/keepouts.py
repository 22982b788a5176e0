"""What a flight at one height must stay out of, in local metres.

A no-fly zone is closed at every height. An obstacle is closed when its top comes nearer than
`VERTICAL_CLEARANCE_M` to the flying height, or, however low it is, when it is a house, a road or
a power line whose crossing nobody approved. Every closed thing is widened by its own clearance,
outwards and never less than asked: corners are mitred, so that few vertices hold the whole.

What may be flown over may still not be landed on: `ground_obstacles` widens everything, whatever
its height, for pads and rally points.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from shapely.geometry import MultiLineString, MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

from agri.field import NO_OVERFLIGHT, Obstacle, SensitiveKind
from agri.geo import LocalFrame
from missions.flightplan import Site

VERTICAL_CLEARANCE_M = 10.0
"""Least height above an obstacle's top at which it may be flown over."""
CRUMB_M2 = 0.01
"""Smaller areas are what cutting along a line leaves."""
CLEAN_M = 0.001
"""Vertices nearer than this to one another upset mitred corners and are merged."""
APART_M = 0.1
"""Pads keep this far from zones and living places: places are rounded on the wire."""
NO_LANDING = frozenset(SensitiveKind)
"""Sensitive places an aircraft must not come down on: water drowns it, people and bees it harms."""


def is_too_tall(obstacle: Obstacle, height_m: float) -> bool:
    """Return whether a flight at `height_m` would pass too near above `obstacle`, or hit it."""
    return obstacle.height_m + VERTICAL_CLEARANCE_M > height_m


def is_closed(obstacle: Obstacle, height_m: float) -> bool:
    """Return whether `obstacle` may not be flown over at `height_m` above the ground.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> from agri.field import ObstacleKind
    >>> tree = Obstacle(kind=ObstacleKind.TREE, geometry=Point(106.5, 21.0), height_m=12.0)
    >>> is_closed(tree, 20.0), is_closed(tree, 50.0)
    (True, False)
    """
    if obstacle.kind in NO_OVERFLIGHT and not obstacle.overflight_approved:
        return True
    return is_too_tall(obstacle, height_m)


def keep_outs(site: Site, height_m: float, frame: LocalFrame) -> tuple[tuple[str, Polygon], ...]:
    """Return what is closed at `height_m`, widened by its clearance, each with its name.

    Parameters
    ----------
    site : Site
        Field, pad and what stands around them.
    height_m : float
        Flying height above the ground.
    frame : LocalFrame
        The frame of the answer.

    Returns
    -------
    tuple of (str, shapely.Polygon)
        Local metres, holes filled; in the order of the site, zones first.
    """
    return _shut(site, frame, [o for o in site.obstacles if is_closed(o, height_m)])


def no_ways(site: Site, height_m: float, frame: LocalFrame) -> tuple[tuple[str, Polygon], ...]:
    """Return what not even a return in need may cross at `height_m`: what it would hit, and zones.

    As `keep_outs`, without what is closed only so that nobody is flown over in a plan.
    """
    return _shut(site, frame, [o for o in site.obstacles if is_too_tall(o, height_m)])


def _shut(
    site: Site, frame: LocalFrame, obstacles: Sequence[Obstacle]
) -> tuple[tuple[str, Polygon], ...]:
    closed = [
        (zone.name, part)
        for zone in site.no_fly_zones
        for part in solid_parts(frame.geometry_to_local(zone.area))
    ]
    home = Point(frame.metres(site.pad.place))
    for obstacle in obstacles:
        shape = frame.geometry_to_local(obstacle.geometry)
        wide = widened(shape, obstacle.clearance_m, facing=home)
        closed.extend((obstacle.name or obstacle.kind, part) for part in solid_parts(wide))
    return tuple(closed)


def ground_obstacles(site: Site, frame: LocalFrame) -> tuple[tuple[str, BaseGeometry], ...]:
    """Return everything an aircraft may not come down on, widened, each with its name.

    Every obstacle whatever its height, every no-fly zone and every sensitive place.
    """
    home = Point(frame.metres(site.pad.place))
    found: list[tuple[str, BaseGeometry]] = [
        (zone.name, frame.geometry_to_local(zone.area).buffer(APART_M, join_style="mitre"))
        for zone in site.no_fly_zones
    ]
    for obstacle in site.obstacles:
        shape = frame.geometry_to_local(obstacle.geometry)
        wide = widened(shape, obstacle.clearance_m, facing=home)
        found.append((obstacle.name or obstacle.kind, wide))
    found.extend(
        (
            place.name or place.kind,
            frame.geometry_to_local(place.geometry).buffer(APART_M, join_style="mitre"),
        )
        for place in site.sensitive_sites
        if place.kind in NO_LANDING
    )
    return tuple(found)


def widened(shape: BaseGeometry, by_m: float, *, facing: Point) -> BaseGeometry:
    """Return `shape` widened by at least `by_m` with few vertices.

    A point becomes a square that turns a side to `facing`, so that a turned site gives the same
    square turned; lines get a box for every stretch, areas mitred corners. The round form is joined
    in: a mitred one alone loses the outside of a hairpin.
    """
    parts: list[BaseGeometry] = []
    for part in explode(shape):
        if part.length < CLEAN_M:
            parts.append(_square(part.centroid, by_m + CLEAN_M, facing))
        elif isinstance(part, Polygon):
            clean = part.simplify(CLEAN_M)
            parts.append(clean.buffer(by_m + CLEAN_M, join_style="mitre", mitre_limit=2.0))
            parts.append(part.buffer(by_m))
        else:
            ends = shapely.get_coordinates(part)
            steps = MultiLineString(list(np.stack([ends[:-1], ends[1:]], axis=1)))
            parts.extend(step.buffer(by_m, cap_style="square") for step in explode(steps))
            parts.append(part.buffer(by_m))
    return shapely.union_all(parts)


def _square(centre: Point, half_m: float, facing: Point) -> Polygon:
    away_e, away_n = facing.x - centre.x, facing.y - centre.y
    length = math.hypot(away_e, away_n)
    along_e, along_n = (away_e / length, away_n / length) if length > 0.0 else (0.0, 1.0)
    return Polygon(
        [
            (
                centre.x + half_m * (f * along_e - s * along_n),
                centre.y + half_m * (f * along_n + s * along_e),
            )
            for f, s in ((1, 1), (1, -1), (-1, -1), (-1, 1))
        ]
    )


def explode(shape: BaseGeometry) -> Iterator[BaseGeometry]:
    """Yield the single parts of `shape`, empty ones left out."""
    for part in getattr(shape, "geoms", [shape]):
        if hasattr(part, "geoms"):
            yield from explode(part)
        elif not part.is_empty:
            yield part


def polygons(shape: BaseGeometry) -> list[Polygon]:
    """Return the single areas of `shape`, with their holes."""
    return [part for part in explode(shape) if isinstance(part, Polygon)]


def areas(shape: BaseGeometry) -> BaseGeometry:
    """Return the areas of `shape` without the lines, points and crumbs that cutting leaves.

    Examples
    --------
    >>> crumb, area = Point(5, 0).buffer(0.01), Point(9, 9).buffer(1.0)
    >>> cut = shapely.GeometryCollection([Point(0, 0), crumb, area])
    >>> areas(cut).geom_type, round(areas(cut).area, 1)
    ('Polygon', 3.1)
    """
    parts = [part for part in polygons(shape) if part.area > CRUMB_M2]
    if len(parts) == 1:
        return parts[0]
    return MultiPolygon(parts) if parts else Polygon()


def solid_parts(shape: BaseGeometry) -> list[Polygon]:
    """Return the areas of `shape` with their holes filled, overlapping ones kept apart.

    Examples
    --------
    >>> ring = Point(0, 0).buffer(10).difference(Point(0, 0).buffer(5))
    >>> [len(part.interiors) for part in solid_parts(ring)]
    [0]
    """
    return [Polygon(part.exterior) for part in polygons(shape)]


def filled(shape: BaseGeometry) -> MultiPolygon:
    """Return the areas of `shape`, joined, with their holes filled."""
    joined = shapely.union_all(solid_parts(shape))
    return MultiPolygon(solid_parts(joined))
