"""Gaps of an orchard: where trees are missing, as areas and as a list for replanting.

Theory of operation. Every place of the grid has a cell of ground, as far as half a step each way.
Empty places that are neighbours in a row or column make one gap, and the gap's area is that of
their cells. A gap of more than `HOLE` places is no loss but a thing: a pond, a house, a road, a
block of its own. It is told as a hole and nothing is listed for replanting there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.findings import Finding
from imagery.trees.lattice import IntArray, Orchard, missing

HOLE = 30
"""Most places of a gap that is replanted (an assumption)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyPlace:
    """A place where a tree is missing.

    Parameters
    ----------
    name : str
        Its number in the orchard, as `place_name` gives it.
    row, place : int
        From 1.
    spot : (x, y)
        Where to plant, in the plane of the trees.
    """

    name: str
    row: int
    place: int
    spot: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Empty places beside one another.

    Parameters
    ----------
    outline : shapely.Polygon or MultiPolygon
        Their cells, in the plane of the trees.
    places : tuple of EmptyPlace
    hole : bool
        Whether it is too large for missing trees.
    """

    outline: Polygon | MultiPolygon
    places: tuple[EmptyPlace, ...]
    hole: bool = False

    @property
    def area_m2(self) -> float:
        """Ground of the cells."""
        return float(self.outline.area)


def place_name(row: int, place: int) -> str:
    """Return the number of a place: row, then place in the row.

    Examples
    --------
    >>> place_name(7, 12)
    '07-12'
    """
    return f"{row:02d}-{place:02d}"


def find_gaps(
    orchard: Orchard, area: BaseGeometry | None = None, *, hole: int = HOLE
) -> tuple[tuple[Gap, ...], tuple[Finding, ...]]:
    """Return the gaps of an orchard, the largest first.

    Parameters
    ----------
    orchard : Orchard
        Its grid.
    area : shapely geometry, optional
        Ground that is planted, in the same plane: places within a quarter step of its edge do not
        count. Without it only places between trees count (`lattice.missing`).
    hole : int
        Most places of a gap that is replanted.

    Returns
    -------
    gaps : tuple of Gap
    findings : tuple of Finding
        Holes passed over; trees that stand between the places.
    """
    empty = missing(orchard, inside_of(orchard, area))
    gaps = [_gap(orchard, group, hole) for group in _groups(orchard, empty)]
    found = [
        Finding.info("finding.orchard_hole", places=len(gap.places), area_m2=gap.area_m2)
        for gap in gaps
        if gap.hole
    ]
    if len(orchard.between):
        found.append(Finding.info("finding.trees_between", count=len(orchard.between)))
    return tuple(sorted(gaps, key=lambda gap: (-len(gap.places), gap.places[0].name))), tuple(found)


def inside_of(orchard: Orchard, area: BaseGeometry | None) -> NDArray[np.bool_] | None:
    """Return which places of the grid lie in a planted area, None when none is given."""
    if area is None:
        return None
    planted = area.buffer(-0.25 * min(orchard.spacing_m))
    return np.asarray(shapely.contains_xy(planted, orchard.spots), dtype=bool)


def to_replant(gaps: Sequence[Gap]) -> tuple[EmptyPlace, ...]:
    """Return where to plant, by row and place; holes are left out."""
    places = [place for gap in gaps if not gap.hole for place in gap.places]
    return tuple(sorted(places, key=lambda place: (place.row, place.place)))


def _groups(orchard: Orchard, empty: IntArray) -> list[IntArray]:
    """Return empty places that are neighbours, group by group."""
    if not len(empty):
        return []
    cells = np.stack([orchard.rows[empty], orchard.places[empty]], axis=1)
    pairs = cKDTree(cells).query_pairs(1.1, output_type="ndarray")
    links = sparse.coo_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(empty),) * 2
    )
    count, number = connected_components(links, directed=False)
    return [empty[number == k] for k in range(count)]


def _gap(orchard: Orchard, group: IntArray, hole: int) -> Gap:
    cells = [_cell(orchard, k) for k in group.tolist()]
    closing = 0.05 * min(orchard.spacing_m)
    outline = shapely.union_all([cell.buffer(closing, join_style="mitre") for cell in cells])
    places = tuple(
        EmptyPlace(
            name=place_name(int(orchard.rows[k]), int(orchard.places[k])),
            row=int(orchard.rows[k]),
            place=int(orchard.places[k]),
            spot=(float(orchard.spots[k, 0]), float(orchard.spots[k, 1])),
        )
        for k in group.tolist()
    )
    return Gap(
        outline=outline.buffer(-closing, join_style="mitre"),
        places=places,
        hole=len(places) > hole,
    )


def _cell(orchard: Orchard, k: int) -> Polygon:
    """Return the ground of a place, half a step each way, by the steps around it."""
    along = _step(orchard, k, 0, 1, orchard.along_m) / 2.0
    across = _step(orchard, k, 1, 0, orchard.across_m) / 2.0
    spot = orchard.spots[k]
    return Polygon([spot - along - across, spot + along - across,
                    spot + along + across, spot - along + across])  # fmt: skip


def _step(
    orchard: Orchard, k: int, down: int, over: int, usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean step at a place from the spots beside it, the usual one where none is."""
    steps = []
    for sense in (1, -1):
        beside = np.flatnonzero(
            (orchard.rows == orchard.rows[k] + sense * down)
            & (orchard.places == orchard.places[k] + sense * over)
        )
        if len(beside):
            steps.append(sense * (orchard.spots[beside[0]] - orchard.spots[k]))
    return np.mean(steps, axis=0) if steps else usual
