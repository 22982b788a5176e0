"""Rows of trees found from their places alone, straight ones and such as follow a slope.

Theory of operation
-------------------
1. **Votes.** Every tree's way to each of its nearest neighbours votes for a direction, nearer ones
   more. Votes are gathered over a neighbourhood of trees, so that missing trees and trees off
   their place cancel out.
2. **Families.** A grid looks like rows in more than one direction. Each strong direction at one
   tree is carried on from tree to tree, turning with the votes as slopes turn, and gives one family
   of possible rows.
3. **Links.** Along the local direction a tree is linked with the next one that is no further aside
   than `ASIDE` of the distance between rows, when each is the other's nearest. Where trees are
   missing the link is longer; loose ends that face one another are linked over wider gaps.
4. **Choice.** Of the families that leave few trees alone, those with the shortest links count,
   because trees stand nearer to one another within a row than across; among equals the one with
   fewer, longer rows, because that is less turning.
5. **Lines** along the trees: `missions.orchard.row_lines`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import LineString

from agri.errors import BadInput
from missions.airspace.route import Place
from missions.orchard.crowns import Tree
from missions.orchard.row_lines import row_line

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
NEIGHBOURS = 8
"""Nearest trees whose direction a tree votes for."""
NEIGHBOURHOOD = 24
"""Trees whose votes are gathered."""
BLUR_DEG = 8.0
"""How far a vote spreads over directions."""
STRONG = 0.55
"""Share of the strongest direction's votes that makes another family."""
FAMILIES = 4
TURN_DEG = 25
"""Most that the direction turns from one tree to the next."""
ASIDE = 0.4
"""Share of the distance between rows that a tree of a row may stand aside."""
GAP, WIDE_GAP = 3.5, 6.5
"""Longest links, as multiples of the spacing in the row: two missing trees; five."""
LEAST_TREES = 3
"""Fewer are no row."""
MOST_HELD = 0.9
"""Families that hold fewer trees than this share of the best one's do not count."""
SAME_SPACING = 1.08
"""Families whose spacing is within this factor of the closest are judged by their rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Trees in a row.

    Parameters
    ----------
    trees : tuple of Tree
        In order along the row.
    line : tuple of (east_m, north_m)
        Along the trees from the first to the last; local metres.

    Raises
    ------
    BadInput
        When it has no tree or its line no length.
    """

    trees: tuple[Tree, ...]
    line: tuple[Place, ...]

    def __post_init__(self) -> None:
        if not self.trees or len(self.line) < 2 or LineString(self.line).length < 1e-6:
            raise BadInput("error.row_value")

    @property
    def length_m(self) -> float:
        """Length of its line."""
        return float(LineString(self.line).length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What was found among trees.

    Parameters
    ----------
    rows : tuple of Row
        From one side of the orchard to the other, all in about the same direction.
    alone : tuple of Tree
        Trees that belong to no row.
    """

    rows: tuple[Row, ...]
    alone: tuple[Tree, ...]


def find_rows(trees: Sequence[Tree]) -> Rows:
    """Return the rows that trees stand in, and the trees that stand in none.

    Parameters
    ----------
    trees : sequence of Tree
        In local metres.

    Returns
    -------
    Rows
        The same trees, turned or moved, give the same rows.

    Examples
    --------
    >>> trees = [Tree(place=(4.0 * i, 7.0 * j), radius_m=1.5, height_m=3.0)
    ...          for j in range(3) for i in range(9)]
    >>> found = find_rows(trees)
    >>> [len(row.trees) for row in found.rows], found.rows[0].line, found.alone
    ([9, 9, 9], ((0.0, 0.0), (32.0, 0.0)), ())
    """
    if len(trees) < LEAST_TREES:
        return Rows(rows=(), alone=tuple(trees))
    survey = _Survey.of(np.array([tree.place for tree in trees]))
    families = [_family(survey, start) for start in _strong_directions(survey)]
    chains = _best(families, survey)
    rows = [_row([trees[k] for k in chain]) for chain in _side_by_side(chains, survey.places)]
    taken = {k for chain in chains for k in chain}
    return Rows(
        rows=tuple(rows), alone=tuple(tree for k, tree in enumerate(trees) if k not in taken)
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Survey:
    """Trees with their distances and votes.

    Parameters
    ----------
    places : (N, 2) float64
    between : (N, N) float64
        Metres, infinite to oneself.
    near : (N, K) int64
        Nearest others.
    around : (N, M) int64
        Neighbourhood, itself included.
    votes : (N, 180) float64
        Gathered, for directions of 0° to 179°, counterclockwise from east.
    spacing_m : float
        Median distance to the nearest tree.
    """

    places: FloatArray
    between: FloatArray
    near: IntArray
    around: IntArray
    votes: FloatArray
    spacing_m: float

    @classmethod
    def of(cls, places: FloatArray) -> _Survey:
        count = len(places)
        between = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
        np.fill_diagonal(between, math.inf)
        ranks = np.argsort(np.round(between, 6), axis=1, kind="stable")
        near = ranks[:, : min(NEIGHBOURS, count - 1)]
        around = np.concatenate(
            [np.arange(count)[:, None], ranks[:, : min(NEIGHBOURHOOD, count - 1)]], axis=1
        )
        spacing_m = float(np.median(between.min(axis=1)))
        own = _votes(places, near, spacing_m)
        return cls(places=places, between=between, near=near, around=around,
                   votes=own[around].mean(axis=1), spacing_m=spacing_m)  # fmt: skip


def _votes(places: FloatArray, near: IntArray, spacing_m: float) -> FloatArray:
    """Return each tree's own votes, (N, 180)."""
    ways = places[near] - places[:, None, :]
    length = np.maximum(np.hypot(ways[..., 0], ways[..., 1]), 1e-6)
    turn = np.degrees(np.arctan2(ways[..., 1], ways[..., 0]))
    weight = np.minimum(1.0, spacing_m / length) ** 2
    off = (turn[..., None] - np.arange(180.0) + 90.0) % 180.0 - 90.0
    return np.asarray((weight[..., None] * np.exp(-((off / BLUR_DEG) ** 2) / 2.0)).sum(axis=1))


def _strong_directions(survey: _Survey) -> list[tuple[int, int]]:
    """Return the tree with the clearest direction, with each of its strong directions, degrees."""
    seed = int(np.argmax(np.round(survey.votes.max(axis=1), 6)))
    votes = survey.votes[seed]
    peak = (votes >= np.roll(votes, 1)) & (votes > np.roll(votes, -1))
    strong = np.flatnonzero(peak & (votes >= STRONG * votes.max()))
    ranked = sorted(strong.tolist(), key=lambda deg: -votes[deg])[:FAMILIES]
    return [(seed, deg) for deg in ranked]


def _carried(survey: _Survey, seed: int, turn_deg: int) -> FloatArray:
    """Return the direction at every tree as unit vectors, carried on from one tree to the next."""
    count = len(survey.places)
    turned = np.zeros(count)
    turned[seed] = turn_deg
    far = survey.between[seed].copy()
    parent = np.full(count, seed)
    left = np.ones(count, dtype=bool)
    left[seed] = False
    while left.any():
        here = int(np.argmin(np.where(left, far, math.inf)))
        left[here] = False
        before = turned[parent[here]]
        options = np.round(before) + np.arange(-TURN_DEG, TURN_DEG + 1)
        turned[here] = options[np.argmax(survey.votes[here][options.astype(int) % 180])]
        nearer = survey.between[here] < far
        parent[nearer & left] = here
        far = np.minimum(far, survey.between[here])
    radians = np.radians(turned)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def _family(survey: _Survey, start: tuple[int, int]) -> list[list[int]]:
    """Return chains of trees along one direction."""
    ahead = _carried(survey, *start)
    mean = ahead[:, None, :] + ahead[None, :, :]
    mean = mean / np.maximum(np.hypot(mean[..., 0], mean[..., 1]), 1e-9)[..., None]
    ways = survey.places[None, :, :] - survey.places[:, None, :]
    along = (ways * mean).sum(axis=2)
    aside = np.abs(ways[..., 0] * mean[..., 1] - ways[..., 1] * mean[..., 0])
    np.fill_diagonal(aside, math.inf)
    ahead_of = np.where((along > 0.3 * survey.spacing_m) & (aside < 0.35 * survey.spacing_m),
                        along, math.inf).min(axis=1)  # fmt: skip
    pitch_m = (
        float(np.median(ahead_of[np.isfinite(ahead_of)]))
        if np.isfinite(ahead_of).any()
        else (survey.spacing_m)
    )
    beside = np.where(np.abs(along) < 0.6 * pitch_m, aside, math.inf).min(axis=1)
    apart_m = float(np.median(beside))
    aside_m = ASIDE * min(apart_m, 2.0 * survey.spacing_m)
    after = np.full(len(along), -1)
    for gap in (GAP, WIDE_GAP):
        fits = (along > 0.2 * pitch_m) & (along < gap * pitch_m) & (aside < aside_m)
        fits[after >= 0, :] = False
        fits[:, after[after >= 0]] = False
        cost = np.where(fits, along * (1.0 + (np.where(fits, aside, 0.0) / aside_m) ** 2), math.inf)
        _link(np.asarray(np.round(cost, 6), np.float64), after)
    return _chains(after)


def _link(cost: FloatArray, after: IntArray) -> None:
    """Link trees that are each other's best, as long as there are any."""
    while True:
        best, back = cost.argmin(axis=1), cost.argmin(axis=0)
        here = np.arange(len(cost))
        mutual = (back[best] == here) & np.isfinite(cost[here, best])
        if not mutual.any():
            return
        after[here[mutual]] = best[mutual]
        cost[mutual, :] = math.inf
        cost[:, best[mutual]] = math.inf


def _chains(after: IntArray) -> list[list[int]]:
    """Return the chains that links make; a closed one is opened at its lowest number."""
    led_to = set(after[after >= 0].tolist())
    starts = [k for k in range(len(after)) if k not in led_to]
    seen: set[int] = set()
    chains = []
    for start in [*starts, *range(len(after))]:
        chain, here = [], start
        while here >= 0 and here not in seen:
            seen.add(here)
            chain.append(here)
            here = int(after[here])
        if len(chain) >= LEAST_TREES:
            chains.append(chain)
    return chains


def _best(families: Sequence[list[list[int]]], survey: _Survey) -> list[list[int]]:
    """Return the family that is most likely meant; see the head of this room."""
    judged = []
    for chains in families:
        links = [survey.between[chain[:-1], chain[1:]] for chain in chains]
        link_m = float(np.median(np.concatenate(links))) if links else math.inf
        judged.append((sum(map(len, chains)), link_m, chains))
    most = max(held for held, _, _ in judged)
    judged = [one for one in judged if one[0] >= MOST_HELD * most]
    closest_m = min(link_m for _, link_m, _ in judged)
    return min(
        (chains for _, link_m, chains in judged if link_m <= SAME_SPACING * closest_m), key=len
    )


def _side_by_side(chains: Sequence[list[int]], places: FloatArray) -> list[list[int]]:
    """Return chains led from west to east, from one side of the orchard to the other."""
    if not chains:
        return []
    ways = np.array([places[chain[-1]] - places[chain[0]] for chain in chains])
    longest = ways[np.argmax(np.hypot(*ways.T))]
    ways *= np.sign(ways @ longest)[:, None]
    east, north = ways.sum(axis=0)
    hair = 1e-6 * math.hypot(east, north)
    forwards = east > hair or (east > -hair and north > 0.0)
    along = np.array([east, north]) * (1.0 if forwards else -1.0)
    led = [
        chain if (places[chain[-1]] - places[chain[0]]) @ along >= 0.0 else chain[::-1]
        for chain in chains
    ]
    aside = np.array([-along[1], along[0]])
    return sorted(led, key=lambda chain: float(places[chain].mean(axis=0) @ aside))


def _row(trees: Sequence[Tree]) -> Row:
    """Return a row with its line."""
    places = np.array([tree.place for tree in trees])
    return Row(trees=tuple(trees), line=row_line(places))
