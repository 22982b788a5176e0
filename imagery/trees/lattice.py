"""The orchard's grid: which row and place of the row every tree has, and which places are empty.

Theory of operation
-------------------
Planters set trees at even steps along even rows, straight or along a slope. What is seen of that:
trees a little off their places, some missing, some found twice, some bushes between. So the grid is
not fitted as one stiff pattern but grown from tree to tree:

1. **Steps.** The ways from each tree to its nearest neighbours are gathered; the densest place
   among them is the step along the row, the densest in another direction the step to the next row.
   The two may make any angle (square, rectangle, quincunx).
2. **Growing.** From the tree whose steps fit best, each known place foretells its four neighbours:
   its own spot plus its own steps. The tree nearest to what is foretold, if near enough, takes the
   place; steps follow slowly what was found, so rows may curve and spread. Where there is no tree
   the place stays empty and foretells further, up to `LEAPS` empty places in a row. Surest first:
   places foretold by few leaps and small misses come before others.
3. **Spots.** The spot of each place is then told by an even (affine) fit to the trees around it, so
   an empty place is as exact as its neighbours allow. A tree further than `ASTRAY` of the shorter
   step from its spot loses its place: it stands between (`Orchard.between`).
4. **Empty places that count** lie in the orchard: inside `area` where that is given, otherwise
   between trees of the same row, or the same column, or the same diagonal (see `missing`).

Rows are numbered from 1 as the step across leads, places in the row from 1. Steps are turned so
that rows run from west to east (or south to north) and are counted to the left of that.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agri.errors import BadInput

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
FEWEST = 6
"""Trees from which a grid can be told."""
NEIGHBOURS = 8
NEAR = 0.36
"""How far from what is foretold a tree may stand, as a share of the shorter step."""
ASTRAY = 0.40
"""How far from its spot, once all places are known."""
LEAPS = 5
"""Most empty places in a row over which the grid grows."""
LEARN = 0.3
"""How far a step follows what was found, from one tree to the next."""
AROUND = 3
"""Places around each whose trees tell its spot."""
EVEN = 1.06
"""Steps whose lengths differ by less than this factor are equal; rows then run more to the east."""
BESIDE, AROUND_IT = 2, 6
"""A tree with fewer others among the 8 places beside it, and fewer among the 24 around it, stands
outside the orchard."""
MOST_WAYS = 3000
"""Of a large orchard, evenly chosen ones tell the steps."""
ALIKE = 0.18
"""Ways that differ by less than this share of their length are alike."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Orchard:
    """The grid of an orchard.

    Parameters
    ----------
    along_m, across_m : (2,) float64
        Mean steps to the next place in the row and to the next row, metres east and north.
    rows, places : (P,) int64
        Numbers of each place, from 1.
    spots : (P, 2) float64
        Where each place is, in the plane of the points.
    trees : (P,) int64
        Which point stands there, −1 for none.
    between : (K,) int64
        Points that have no place in the grid.
    residual_m : float
        Root mean square distance of trees from their spots.
    """

    along_m: FloatArray
    across_m: FloatArray
    rows: IntArray
    places: IntArray
    spots: FloatArray
    trees: IntArray
    between: IntArray
    residual_m: float

    @property
    def spacing_m(self) -> tuple[float, float]:
        """Steps' lengths: along the row, and to the next row at right angles to it."""
        along = math.hypot(*self.along_m)
        area = abs(self.along_m[0] * self.across_m[1] - self.along_m[1] * self.across_m[0])
        return along, float(area) / along

    @property
    def angle_deg(self) -> float:
        """Direction of rows, counterclockwise from east, −90 to 90."""
        angle = math.degrees(math.atan2(self.along_m[1], self.along_m[0]))
        return angle - 180.0 if angle > 90.0 else angle + 180.0 if angle <= -90.0 else angle

    @property
    def cell_m2(self) -> float:
        """Ground of one tree."""
        along, across = self.spacing_m
        return along * across


def fit_orchard(points: FloatArray) -> Orchard:
    """Return the grid in which trees stand.

    Parameters
    ----------
    points : (N, 2) float64
        Middles of crowns in a plane, metres east and north.

    Returns
    -------
    Orchard
        With every place the growing has reached, empty ones too; `missing` tells which count.

    Raises
    ------
    BadInput
        When there are fewer than six points, or they stand in no grid: fewer than half of them
        find a place.

    Examples
    --------
    >>> x, y = np.meshgrid(np.arange(6) * 5.0, np.arange(4) * 7.0)
    >>> points = np.delete(np.column_stack([x.ravel(), y.ravel()]), 8, axis=0)
    >>> orchard = fit_orchard(points)
    >>> [round(step, 2) for step in orchard.spacing_m], round(orchard.angle_deg, 1)
    ([5.0, 7.0], 0.0)
    >>> orchard.spots[missing(orchard)].round(3).tolist()
    [[10.0, 7.0]]
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(points) < FEWEST:
        raise BadInput("error.orchard_few", count=len(points), least=FEWEST)
    along, across = _steps(points)
    grown = _grown(points, along, across)
    orchard = _told(points, grown, along, across)
    held = int((orchard.trees >= 0).sum())
    if held < 0.5 * len(points):
        raise BadInput("error.orchard_no_grid", held=held, count=len(points))
    return orchard


def _steps(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the two steps that trees are most often apart: along rows, and across."""
    count = min(NEIGHBOURS + 1, len(points))
    _, near = cKDTree(points).query(points, k=count)
    ways = (points[near[:, 1:]] - points[:, None, :]).reshape(-1, 2)
    ways = np.where((ways[:, :1] < 0) | ((ways[:, :1] == 0) & (ways[:, 1:] < 0)), -ways, ways)
    length = np.hypot(*ways.T)
    usual = float(np.median(np.hypot(*(points[near[:, 1]] - points).T)))
    ways = ways[(length > 0.4 * usual) & (length < 3.0 * usual)]
    ways = ways[:: max(1, len(ways) // MOST_WAYS)]
    first = _densest(ways, np.ones(len(ways)))
    beside = np.abs(ways @ np.array([-first[1], first[0]])) / math.hypot(*first)
    length = np.hypot(*ways.T)
    fits = (beside > 0.5 * length) & (beside > 0.35 * math.hypot(*first))
    if not fits.any():
        raise BadInput("error.orchard_no_grid", held=0, count=len(points))
    second = _densest(ways[fits], (np.median(length) / length[fits]) ** 2)
    short, long = sorted((first, second), key=lambda way: float(np.hypot(*way)))
    if np.hypot(*long) < EVEN * np.hypot(*short) and abs(long[0]) > abs(short[0]):
        short, long = long, short
    if short @ long < 0.0:
        long = -long
    along = short if short[0] > 1e-6 * np.hypot(*short) else short * np.sign(short[1] or 1.0)
    left = along[0] * long[1] - along[1] * long[0] > 0.0
    return along, long if left else -long


def _densest(ways: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the middle of the place where ways (either sense) are densest."""
    both = np.concatenate([ways, -ways])
    tree = cKDTree(both)
    reach = ALIKE * float(np.median(np.hypot(*ways.T)))
    heavy = np.concatenate([weights, weights])
    held = np.array([heavy[near].sum() for near in tree.query_ball_point(ways, reach)])
    middle = ways[int(np.argmax(np.round(held, 9)))]
    for _ in range(10):
        near = tree.query_ball_point(middle, reach)
        middle = np.average(both[near], axis=0, weights=heavy[near])
    return np.asarray(middle)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A place that the growing has reached: its spot, its own steps, its tree, leaps to it."""

    spot: FloatArray
    steps: FloatArray
    tree: int
    leaps: int


SIGHTS = (
    ((0, 1), (1, 0)),
    ((1, 1), (1, -1)),
    ((2, 1), (2, -1), (1, 2), (1, -2)),
)
"""Ways along which a place may lie between trees: row and column, diagonals, and what is straight
across in a quincunx."""
WAYS = ((1, 0), (-1, 0), (0, 1), (0, -1))


def _grown(points: FloatArray, along: FloatArray, across: FloatArray) -> dict[
    tuple[int, int], _Place
]:  # fmt: skip
    """Return places by (row, place), grown from the surest tree; see the head of this room."""
    steps = np.stack([along, across])
    near_m = NEAR * float(np.hypot(*steps.T).min())
    tree = cKDTree(points)
    ahead = np.concatenate([steps, -steps])
    misses = tree.query(points[:, None, :] + ahead)[0].max(axis=1)
    start = int(np.argmin(np.round(misses, 6)))
    places: dict[tuple[int, int], _Place] = {}
    taken: set[int] = set()
    queue: list[tuple[float, int, int, int, _Place]] = []
    number = 0

    def offer(cells: list[tuple[int, int]], spots: FloatArray, own: FloatArray, leaps: int) -> None:
        nonlocal number
        for cell, spot, miss, which in zip(cells, spots, *tree.query(spots), strict=True):
            number += 1
            found = miss <= near_m
            place = _Place(spot=spot, steps=own, tree=int(which) if found else -1,
                           leaps=0 if found else leaps + 1)  # fmt: skip
            order = leaps + (float(miss) / near_m if found else 2.0)
            heapq.heappush(queue, (order, number, *cell, place))

    offer([(0, 0)], points[[start]], steps, 0)
    while queue:
        _, _, row, column, place = heapq.heappop(queue)
        if (row, column) in places or place.leaps > LEAPS:
            continue
        if place.tree in taken:
            place = _Place(spot=place.spot, steps=place.steps, tree=-1, leaps=place.leaps + 1)
        spot = place.spot
        if place.tree >= 0:
            taken.add(place.tree)
            spot = 0.5 * (spot + points[place.tree])
        places[row, column] = place
        own = _learnt(places, points, (row, column), place.steps)
        onward = [way for way in WAYS if (row + way[0], column + way[1]) not in places]
        if onward and place.leaps < LEAPS:
            cells = [(row + down, column + over) for down, over in onward]
            offer(cells, spot + np.array(onward, dtype=np.float64) @ own[::-1], own, place.leaps)
    return places


def _learnt(
    places: dict[tuple[int, int], _Place], points: FloatArray, cell: tuple[int, int],
    steps: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return steps that follow a little the ways to the trees beside a place."""
    own = steps.copy()
    here = places[cell]
    if here.tree < 0:
        return own
    for axis, (down, over) in enumerate(((0, 1), (1, 0))):
        for sense in (1, -1):
            beside = places.get((cell[0] + sense * down, cell[1] + sense * over))
            if beside is not None and beside.tree >= 0:
                way = sense * (points[beside.tree] - points[here.tree])
                own[axis] += 0.5 * LEARN * (way - own[axis])
    return own


def _told(
    points: FloatArray, grown: dict[tuple[int, int], _Place], along: FloatArray, across: FloatArray
) -> Orchard:
    """Return the orchard of grown places: spots fitted, astray trees out, numbers from 1."""
    cells = np.array(sorted(grown), dtype=np.int64)
    trees = np.array([grown[row, column].tree for row, column in cells.tolist()])
    rough = np.array([grown[row, column].spot for row, column in cells.tolist()])
    shorter = float(min(np.hypot(*along), np.hypot(*across)))
    for _ in range(2):
        spots = _spots(cells, trees, points, rough)
        off = np.where(trees >= 0, np.hypot(*(points[trees] - spots).T), 0.0)
        trees = np.where(off > ASTRAY * shorter, -1, trees)
    trees = np.where(_lonely(cells, trees), -1, trees)
    held = trees >= 0
    low = cells[held].min(axis=0) if held.any() else cells.min(axis=0)
    off = np.hypot(*(points[trees[held]] - spots[held]).T)
    design = np.column_stack([cells[held][:, ::-1], np.ones(held.sum())])
    fitted = np.linalg.lstsq(design, points[trees[held]], rcond=None)[0]
    curved = not np.isfinite(fitted).all() or len(off) < FEWEST
    return Orchard(
        along_m=along if curved else fitted[0],
        across_m=across if curved else fitted[1],
        rows=cells[:, 0] - low[0] + 1,
        places=cells[:, 1] - low[1] + 1,
        spots=spots,
        trees=trees,
        between=np.setdiff1d(np.arange(len(points)), trees[held]),
        residual_m=float(np.sqrt((off**2).mean())) if len(off) else math.nan,
    )


def _lonely(cells: IntArray, trees: IntArray) -> NDArray[np.bool_]:
    """Return which places hold a tree with hardly another one around."""
    held = cells[trees >= 0]
    if not len(held):
        return np.zeros(len(cells), dtype=bool)
    finder = cKDTree(held)
    beside, around = (
        finder.query_ball_point(cells, reach + 0.5, p=np.inf, return_length=True) - 1
        for reach in (1, 2)
    )
    return np.asarray((trees >= 0) & (beside < BESIDE) & (around < AROUND_IT))


def _spots(cells: IntArray, trees: IntArray, points: FloatArray, rough: FloatArray) -> FloatArray:
    """Return each place's spot from an even fit to the trees at most `AROUND` places away."""
    held = np.flatnonzero(trees >= 0)
    spots = rough.copy()
    if not len(held):
        return spots
    finder = cKDTree(cells[held])
    for k, near in enumerate(finder.query_ball_point(cells, AROUND + 0.5, p=np.inf)):
        others = held[near]
        away = cells[others] - cells[k]
        design = np.column_stack([away, np.ones(len(others))])
        if len(others) < FEWEST or np.linalg.matrix_rank(design) < 3:
            continue
        weight = np.exp(-(away**2).sum(axis=1) / AROUND**2)[:, None]
        weight = np.where((others == k)[:, None], 0.3 * weight, weight)
        spots[k] = np.linalg.lstsq(
            design * np.sqrt(weight), points[trees[others]] * np.sqrt(weight), rcond=None
        )[0][2]
    return spots


def missing(orchard: Orchard, inside: NDArray[np.bool_] | None = None) -> IntArray:
    """Return the places where a tree is missing.

    Parameters
    ----------
    orchard : Orchard
        The grid.
    inside : (P,) bool, optional
        Which places lie in the orchard. Without it, an empty place counts when trees (or places
        that count already) stand on both sides of it in its row, its column or a diagonal, at most
        `LEAPS` places away on either side: a missing corner is not noticed.

    Returns
    -------
    (M,) int64
        Positions in the orchard's arrays, by row and place.
    """
    empty = np.flatnonzero(orchard.trees < 0)
    if inside is not None:
        return np.asarray(empty[inside[empty]])
    low = np.array([orchard.rows.min(), orchard.places.min()]) - 1
    size = np.array([orchard.rows.max(), orchard.places.max()]) - low + 1
    at = np.stack([orchard.rows, orchard.places], axis=1) - low
    full = np.zeros(size + LEAPS + 1, dtype=bool)
    full[at[orchard.trees >= 0, 0], at[orchard.trees >= 0, 1]] = True
    counts: set[int] = set()
    for directions in SIGHTS:
        found = [k for k in empty.tolist() if k not in counts
                 and any(_between(full, at[k], way) for way in directions)]  # fmt: skip
        counts.update(found)
        full[at[found, 0], at[found, 1]] = True
    return np.array(sorted(counts), dtype=np.int64)


def _between(full: NDArray[np.bool_], at: IntArray, way: tuple[int, int]) -> bool:
    """Return whether trees stand on both sides of a place along a way."""
    for sense in (1, -1):
        reach = LEAPS // max(map(abs, way))
        cells = at + sense * np.arange(1, reach + 1)[:, None] * np.array(way)
        fits = ((cells >= 0) & (cells < full.shape)).all(axis=1)
        if not full[cells[fits, 0], cells[fits, 1]].any():
            return False
    return True
