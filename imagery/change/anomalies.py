"""What to look at first: trees and patches that changed, ranked, with what may be behind them.

Theory of operation
-------------------
Trees are listed at a rate of false discoveries (`significance`). Listed trees that are neighbours
and changed in the same sense are one anomaly, and a neighbour of two of them that changed clearly
in that sense, though not enough to be listed alone, belongs to it. Its ground is that of its
places. The rank is by area times confidence: a patch of twenty trees comes before a single one.

What may be behind an anomaly is told from what can be seen from above: does the index fall or rise,
is it one tree, a patch or a line. These are **possibilities**, each with what to look at in the
field. Nobody can tell a disease from a dry root by NDVI, and the list does not pretend to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely.geometry import MultiPoint, MultiPolygon, Point, Polygon

from agri.grid import FloatArray
from agri.words import Message
from imagery.change.area_change import AreaChange
from imagery.change.significance import false_discovery
from imagery.change.tree_change import TreeChange

SIZES = ("height_m", "area_m2", "volume_m3")
CLEAR = 2.0
"""Deviations from which a neighbour of listed trees belongs to them."""
LONG = 3.5
"""Length over width from which an anomaly is a line."""
FEWEST_IN_LINE = 4

CAUSES = {
    ("falls", "one"): ("page.cause_trunk", "page.cause_pruned", "page.cause_disease"),
    ("falls", "patch"): ("page.cause_disease", "page.cause_water", "page.cause_soil"),
    ("falls", "line"): ("page.cause_work", "page.cause_water", "page.cause_disease"),
    ("rises", "one"): ("page.cause_flush", "page.cause_weeds"),
    ("rises", "patch"): ("page.cause_flush", "page.cause_weeds", "page.cause_fed"),
    ("rises", "line"): ("page.cause_fed", "page.cause_weeds"),
    ("shrinks", "one"): ("page.cause_pruned", "page.cause_storm", "page.cause_measured"),
    ("shrinks", "patch"): ("page.cause_storm", "page.cause_pruned", "page.cause_measured"),
    ("shrinks", "line"): ("page.cause_pruned", "page.cause_measured"),
    ("grows", "one"): ("page.cause_flush", "page.cause_weeds", "page.cause_measured"),
    ("grows", "patch"): ("page.cause_flush", "page.cause_measured"),
    ("grows", "line"): ("page.cause_flush", "page.cause_measured"),
}
"""Possibilities, the likeliest first: what extension manuals name for such signs, not findings."""
GROUND_CAUSES = {
    ("falls", "patch"): ("page.cause_spread", "page.cause_water", "page.cause_soil"),
    ("falls", "line"): ("page.cause_work", "page.cause_water", "page.cause_ripe"),
    ("rises", "patch"): ("page.cause_fed", "page.cause_weedy", "page.cause_later"),
    ("rises", "line"): ("page.cause_fed", "page.cause_weedy"),
    ("shrinks", "patch"): ("page.cause_laid", "page.cause_measured"),
    ("shrinks", "line"): ("page.cause_laid", "page.cause_measured"),
    ("grows", "patch"): ("page.cause_fed", "page.cause_measured"),
    ("grows", "line"): ("page.cause_fed", "page.cause_measured"),
}
"""The same where a raster was compared, in which no tree is known: a paddy, a bed, a young crop."""
LOOK = {
    "page.cause_disease": "page.look_leaves",
    "page.cause_water": "page.look_water",
    "page.cause_soil": "page.look_soil",
    "page.cause_trunk": "page.look_trunk",
    "page.cause_pruned": "page.look_notes",
    "page.cause_storm": "page.look_branches",
    "page.cause_work": "page.look_work",
    "page.cause_flush": "page.look_flush",
    "page.cause_weeds": "page.look_weeds",
    "page.cause_fed": "page.look_notes",
    "page.cause_measured": "page.look_picture",
    "page.cause_spread": "page.look_plants",
    "page.cause_ripe": "page.look_plants",
    "page.cause_later": "page.look_plants",
    "page.cause_laid": "page.look_plants",
    "page.cause_weedy": "page.look_between",
}
"""What to look at in the field for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """Something that changed and is worth a look.

    Parameters
    ----------
    names : tuple of str
        Numbers of its trees; empty for a patch of a raster.
    outline : shapely.Polygon or MultiPolygon
        In the plane of what was compared.
    measure : str
        What changed.
    change : float
        Median change against its own history, or against neighbours where there is no history.
    confidence : float
        1 less the rate of false discoveries at which it is listed.
    sense : {"falls", "rises", "shrinks", "grows"}
    shape : {"one", "patch", "line"}
    """

    names: tuple[str, ...]
    outline: Polygon | MultiPolygon
    measure: str
    change: float
    confidence: float
    sense: str
    shape: str

    @property
    def area_m2(self) -> float:
        """Ground of it."""
        return float(self.outline.area)

    @property
    def weight(self) -> float:
        """What it is ranked by: area times confidence."""
        return self.area_m2 * self.confidence

    @property
    def causes(self) -> tuple[Message, ...]:
        """What may be behind it: possibilities, not a diagnosis."""
        return tuple(Message.of(key) for key in self._causes())

    @property
    def look(self) -> tuple[Message, ...]:
        """What to look at in the field, in the order of `causes`."""
        keys = dict.fromkeys(LOOK[key] for key in self._causes())
        return tuple(Message.of(key) for key in keys)

    def _causes(self) -> tuple[str, ...]:
        return (CAUSES if self.names else GROUND_CAUSES)[self.sense, self.shape]


def tree_anomalies(
    changes: Sequence[TreeChange],
    *,
    measure: str,
    spacing_m: tuple[float, float],
    rate: float = 0.05,
) -> tuple[Anomaly, ...]:
    """Return the trees that changed, neighbours together, ranked.

    Parameters
    ----------
    changes : sequence of TreeChange
        All trees that were compared, changed or not.
    measure : str
        What was compared.
    spacing_m : (along, across)
        Steps of the orchard's grid (`Register.spacing_m`).
    rate : float
        Share of false discoveries that is accepted.

    Returns
    -------
    tuple of Anomaly
        By area times confidence, the largest first.
    """
    if not changes:
        return ()
    doubt = false_discovery(np.array([one.chance for one in changes]))
    sense = np.array([math.copysign(1.0, _far(one)) for one in changes])
    far = np.array([abs(_far(one)) for one in changes])
    places = np.array([one.middle for one in changes])
    reach = 1.25 * math.hypot(*spacing_m) if min(spacing_m) > 0.6 * max(spacing_m) else (
        1.15 * max(spacing_m)
    )  # fmt: skip
    near = cKDTree(places).query_pairs(reach, output_type="ndarray")
    near = near[sense[near[:, 0]] == sense[near[:, 1]]]
    strong = doubt <= rate
    beside = np.bincount(near[strong[near[:, 1]], 0], minlength=len(changes))
    beside += np.bincount(near[strong[near[:, 0]], 1], minlength=len(changes))
    held = strong | ((far >= CLEAR) & (beside >= 2))
    links = near[held[near].all(axis=1)]
    graph = sparse.coo_array((np.ones(len(links)), links.T), shape=(len(changes),) * 2)
    _, group = connected_components(graph, directed=False)
    found = []
    for number in np.unique(group[held]).tolist():
        members = np.flatnonzero((group == number) & held)
        some = [changes[k] for k in members.tolist()]
        told = _tree_anomaly(some, float(doubt[members].min()), measure, spacing_m)
        found.append(told)
    return ranked(found)


def _far(one: TreeChange) -> float:
    """Return the deviations of a tree that speak loudest."""
    both = [z for z in (one.own_z, one.beside_z) if math.isfinite(z)]
    return max(both, key=abs, default=0.0)


def _tree_anomaly(
    some: Sequence[TreeChange], doubt: float, measure: str, spacing_m: tuple[float, float]
) -> Anomaly:
    changes = [one.own if math.isfinite(one.own) else one.beside for one in some]
    falls = _far(some[0]) < 0.0
    reach = 0.5 * max(spacing_m)
    area = shapely.union_all([Point(one.middle).buffer(1.1 * reach) for one in some])
    outline = area.buffer(reach).buffer(-reach)
    return Anomaly(
        names=tuple(sorted(one.name for one in some)), outline=outline, measure=measure,
        change=float(np.median(changes)), confidence=1.0 - doubt, sense=_sense(falls, measure),
        shape=_shape(np.array([one.middle for one in some])),
    )  # fmt: skip


def _sense(falls: bool, measure: str) -> str:
    """Return the word for a change of an index or of a size."""
    if measure in SIZES:
        return "shrinks" if falls else "grows"
    return "falls" if falls else "rises"


def _shape(places: FloatArray) -> str:
    """Return whether places are one, a line or a patch."""
    if len(places) == 1:
        return "one"
    if len(places) < FEWEST_IN_LINE:
        return "patch"
    spread = np.sqrt(np.linalg.eigvalsh(np.cov(places.T)).clip(0.0))
    return "line" if spread[1] > LONG * max(spread[0], 1e-9) else "patch"


def area_anomalies(areas: Sequence[AreaChange], *, measure: str) -> tuple[Anomaly, ...]:
    """Return changed patches of a raster as anomalies, ranked.

    Parameters
    ----------
    areas : sequence of AreaChange
        From `changed_areas`.
    measure : str
        What was compared.
    """
    found = []
    for area in areas:
        box = MultiPoint(shapely.get_coordinates(area.outline)).minimum_rotated_rectangle
        sides = np.hypot(*np.diff(shapely.get_coordinates(box)[:3], axis=0).T)
        found.append(
            Anomaly(
                names=(), outline=area.outline, measure=measure, change=area.change,
                confidence=1.0 - area.doubt,
                sense=_sense(area.change < 0.0, measure),
                shape="line" if sides.max() > LONG * max(sides.min(), 1e-9) else "patch",
            )
        )  # fmt: skip
    return ranked(found)


def ranked(anomalies: Sequence[Anomaly]) -> tuple[Anomaly, ...]:
    """Return anomalies by area times confidence, the largest first."""
    return tuple(sorted(anomalies, key=lambda one: (-one.weight, one.names)))
