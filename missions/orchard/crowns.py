"""Trees as spraying sees them: a place, a crown, a height; and what is wrong with a list of them.

Theory of operation
-------------------
A crown is taken for a body that is round seen from above. Standing on its base or hanging free, as
half an ellipsoid or a whole one, its volume is the same (see `canopy_volume_m3`). A crown drawn as
an area becomes the circle of the same area around its middle: the quadratic mean radius.

A list of trees from a file is refused as a whole when it cannot be meant: trees outside the field
are as a rule the wrong file or the wrong coordinate system, and a tree without a crown or a height
could be sprayed wrong or flown into. Doubled trees would get the dose twice; the later one is
dropped and told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.field import Field
from agri.findings import Finding
from agri.words import Message
from missions.airspace.route import Place

FloatArray = NDArray[np.float64]
MAX_TREES = 2000
"""Trees of one plan; a flight holds a few hundred, and a longer list is planned block by block."""
APART_M = 0.5
"""Trees nearer than this to one another are one tree marked twice (an assumption)."""
RADIUS_M = (0.1, 15.0)
HEIGHT_M = (0.3, 40.0)
LITRES_PER_M3 = 0.0125
"""Mixture for a cubic metre of lychee crown: an **assumption**, not a finding. No rate for lychee
from the air was found; 125 L/ha, the middle of the 100 to 150 taken for fruit trees, over 330 trees
a hectare is 0.38 L a tree, and a crown 4.4 m wide and 3 m deep holds 30 m³."""

RADIUS_KEYS = ("radius m", "radius", "crown radius", "crown radius m", "ban kinh", "ban kinh tan")
DIAMETER_KEYS = ("diameter m", "diameter", "crown diameter", "crown width", "duong kinh",
                 "duong kinh tan", "rong tan")  # fmt: skip
HEIGHT_KEYS = ("height m", "height", "tree height", "chieu cao", "cao", "chieu cao cay")
BASE_KEYS = ("base m", "crown base", "skirt", "cao goc tan", "chan tan")
"""Properties, folded, that files have for a crown's radius, width, top and lower edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One tree.

    Parameters
    ----------
    place : (east_m, north_m)
        Middle of its crown, local metres of the field's frame.
    radius_m : float
        Of the crown, 0.1 to 15.
    height_m : float
        Of its top above the ground, 0.3 to 40.
    base_m : float
        Height at which the crown begins, below its top.
    name, uid : str
        What the farmer calls it, and the farm's stable key; both may be empty.

    Raises
    ------
    BadInput
        When a figure is not finite or out of range.
    """

    place: Place
    radius_m: float
    height_m: float
    base_m: float = 0.0
    name: str = ""
    uid: str = ""

    def __post_init__(self) -> None:
        ranges = {
            "radius_m": (self.radius_m, *RADIUS_M),
            "tree_height_m": (self.height_m, *HEIGHT_M),
            "base_m": (self.base_m, 0.0, 0.95 * self.height_m),
        }
        for what, (value, low, high) in ranges.items():
            if not low <= value <= high:
                raise BadInput(
                    "error.tree_value",
                    tree=self.name,
                    name=Message.of(f"page.setting_{what}"),
                    value=value,
                    low=low,
                    high=high,
                )
        if not all(map(math.isfinite, self.place)):
            raise BadInput("error.tree_place", tree=self.name)

    @property
    def diameter_m(self) -> float:
        """Width of the crown."""
        return 2.0 * self.radius_m

    @property
    def volume_m3(self) -> float:
        """Volume of the crown."""
        return canopy_volume_m3(self.radius_m, self.height_m - self.base_m)

    @property
    def ground_m2(self) -> float:
        """Ground beneath the crown."""
        return math.pi * self.radius_m**2


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNote:
    """What a file tells of one tree besides its place; None where it does not."""

    name: str = ""
    uid: str = ""
    radius_m: float | None = None
    height_m: float | None = None
    base_m: float | None = None


def canopy_volume_m3(radius_m: float, depth_m: float) -> float:
    """Return the volume of a crown `depth_m` from its lower edge to its top.

    Half an ellipsoid with the half-axes r, r and d has 2/3 π r² d; a whole one with r, r and d/2
    has 4/3 π r² d/2: the same. The ellipsoid is the usual form for citrus (CitrusVol: Garcerá et
    al., Int. J. Environ. Res. Public Health 14 (2017) 715). Crowns are not ellipsoids: against
    laser scans of orange trees it was wrong by up to the volume itself (Marín-Buzón et al.,
    Agronomy 10 (2020) 893), so it ranks trees better than it measures them.

    Examples
    --------
    >>> round(canopy_volume_m3(2.2, 3.0), 1)
    30.4
    """
    return 2.0 / 3.0 * math.pi * radius_m**2 * depth_m


def trees_from(
    geometries: Sequence[BaseGeometry],
    notes: Sequence[TreeNote],
    field: Field,
    *,
    radius_m: float | None = None,
    height_m: float | None = None,
    apart_m: float = APART_M,
) -> tuple[tuple[Tree, ...], tuple[Finding, ...]]:
    """Return the trees of a list of points or crowns, and what there is to know of them.

    Parameters
    ----------
    geometries : sequence of shapely geometry
        Points, or areas of crowns, WGS 84 (lon, lat) degrees.
    notes : sequence of TreeNote
        One for each.
    field : Field
        They stand in; its frame is that of the answer.
    radius_m, height_m : float, optional
        Taken for trees that are not told to be wider or narrower, taller or lower.
    apart_m : float
        Trees nearer than this to an earlier one are dropped as doubled.

    Returns
    -------
    trees : tuple of Tree
        In the order of the list.
    findings : tuple of Finding
        Doubled trees, sizes that were assumed.

    Raises
    ------
    BadInput
        When there is none or are too many, when some stand outside the field, when one has no
        crown or no height and none is given to assume.
    """
    if not geometries:
        raise BadInput("error.trees_none", field=field.name)
    if len(geometries) > MAX_TREES:
        raise BadInput("error.trees_too_many", count=len(geometries), most=MAX_TREES)
    frame = field.frame
    shapes = [frame.geometry_to_local(shape) for shape in geometries]
    named = [note.name or str(number) for number, note in enumerate(notes, start=1)]
    places = [(middle.x, middle.y) for middle in (shape.centroid for shape in shapes)]
    _inside(places, named, frame.geometry_to_local(field.boundary), field.name)
    radii = [_radius(shape, note, radius_m) for shape, note in zip(shapes, notes, strict=True)]
    heights = [note.height_m or height_m for note in notes]
    _sized(radii, named, "error.trees_without_crown")
    _sized(heights, named, "error.trees_without_height")
    trees = [
        Tree(
            place=(float(place[0]), float(place[1])),
            radius_m=float(radius or 0.0),
            height_m=float(height or 0.0),
            base_m=note.base_m or 0.0,
            name=name,
            uid=note.uid,
        )
        for place, radius, height, note, name in zip(
            places, radii, heights, notes, named, strict=True
        )
    ]
    kept, findings = _single(trees, apart_m)
    return kept, (*findings, *_assumed(shapes, notes, radius_m, height_m))


def _inside(places: Sequence[Place], named: Sequence[str], area: BaseGeometry, field: str) -> None:
    shapely.prepare(area)
    inside = shapely.intersects_xy(area, *np.array(places).T)
    outside = [name for name, fits in zip(named, inside, strict=True) if not fits]
    if outside:
        raise BadInput("error.trees_outside", count=len(outside), first=outside[0], field=field)


def _radius(shape: BaseGeometry, note: TreeNote, otherwise_m: float | None) -> float | None:
    drawn_m = math.sqrt(shape.area / math.pi)
    return note.radius_m or drawn_m or otherwise_m


def _sized(sizes: Sequence[float | None], named: Sequence[str], key: str) -> None:
    without = [name for name, size in zip(named, sizes, strict=True) if not size]
    if without:
        raise BadInput(key, count=len(without), first=without[0])


def _single(trees: Sequence[Tree], apart_m: float) -> tuple[tuple[Tree, ...], list[Finding]]:
    """Return the trees without those that stand where an earlier one does."""
    points = shapely.points([tree.place for tree in trees])
    one, other = shapely.STRtree(points).query(points, predicate="dwithin", distance=apart_m)
    nearby: dict[int, list[int]] = {}
    for i, j in sorted(zip(one.tolist(), other.tolist(), strict=True)):
        if j < i:
            nearby.setdefault(i, []).append(j)
    dropped: set[int] = set()
    for i in sorted(nearby):
        if any(j not in dropped for j in nearby[i]):
            dropped.add(i)
    if not dropped:
        return tuple(trees), []
    first = trees[min(dropped)].name
    told = Finding.warning(
        "finding.trees_doubled", count=len(dropped), first=first, apart_m=apart_m
    )
    return tuple(tree for i, tree in enumerate(trees) if i not in dropped), [told]


def _assumed(
    shapes: Sequence[BaseGeometry],
    notes: Sequence[TreeNote],
    radius_m: float | None,
    height_m: float | None,
) -> list[Finding]:
    found = []
    bare = sum(
        not note.radius_m and not shape.area for shape, note in zip(shapes, notes, strict=True)
    )
    if bare:
        found.append(Finding.info("finding.crowns_assumed", count=bare, radius_m=radius_m))
    flat = sum(not note.height_m for note in notes)
    if flat:
        found.append(Finding.info("finding.heights_assumed", count=flat, height_m=height_m))
    return found


def canopy_heights(
    trees: Sequence[Tree], *, margin_m: float = 1.0
) -> Callable[[ArrayLike, ArrayLike], FloatArray]:
    """Return how high the crowns reach above the ground, as a function of the place.

    Parameters
    ----------
    trees : sequence of Tree
        All that stand there, sprayed or not.
    margin_m : float
        How far around a crown its height still counts: what a receiver without corrections and a
        drawn crown may be off.

    Returns
    -------
    callable
        (east_m, north_m), arrays of one shape, to metres above the ground: the highest crown's top
        there, 0 where there is none.

    Examples
    --------
    >>> top = canopy_heights([Tree(place=(0.0, 0.0), radius_m=2.0, height_m=5.0)])
    >>> top([0.0, 2.9, 3.1], [0.0, 0.0, 0.0]).tolist()
    [5.0, 5.0, 0.0]
    """
    middles = np.array([tree.place for tree in trees]).reshape(-1, 2)
    reach = np.array([tree.radius_m + margin_m for tree in trees])
    tops = np.array([tree.height_m for tree in trees])
    boxes = shapely.STRtree(
        shapely.box(*(middles - reach[:, None]).T, *(middles + reach[:, None]).T)
    )

    def top(east_m: ArrayLike, north_m: ArrayLike) -> FloatArray:
        east, north = np.broadcast_arrays(
            np.asarray(east_m, np.float64), np.asarray(north_m, np.float64)
        )
        flat = np.stack([east.ravel(), north.ravel()], axis=1)
        asked, tree = boxes.query(shapely.points(flat), predicate="intersects")
        under = np.hypot(*(flat[asked] - middles[tree]).T) <= reach[tree]
        highest = np.zeros(len(flat))
        np.maximum.at(highest, asked[under], tops[tree[under]])
        return highest.reshape(east.shape)

    return top


def highest_m(trees: Sequence[Tree], path: Sequence[Place], *, margin_m: float = 1.0) -> float:
    """Return the top of the highest crown beneath a path, 0 where there is none.

    Examples
    --------
    >>> trees = [Tree(place=(50.0, 1.0), radius_m=2.0, height_m=5.0)]
    >>> highest_m(trees, [(0.0, 0.0), (100.0, 0.0)]), highest_m(trees, [(0.0, 9.0), (100.0, 9.0)])
    (5.0, 0.0)
    """
    way = LineString(path) if len(path) > 1 else Point(path[0])
    tops = (
        tree.height_m for tree in trees if way.dwithin(Point(tree.place), tree.radius_m + margin_m)
    )
    return max(tops, default=0.0)
