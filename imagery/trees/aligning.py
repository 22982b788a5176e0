"""Two lists of the same trees laid on one another: shift and turn, with what is left over.

Theory of operation. Two flights over one orchard place the same trees a metre or three apart (GPS),
now and then turned by a hair. Shifts that bring many trees onto trees are counted, each tree with a
weight that falls off within `SHARP_M`: in an even grid a shift by a whole step fits nearly as well,
but every tree stands a little off its place, and only the true shift fits those too. From the best
shift on, the rigid motion is refined by least squares over the nearest pairs (Besl and McKay, IEEE
TPAMI 14 (1992) 239; Kabsch), trees without a partner left out. What remains between partners is the
residual; more than the bound, or partners for less than half, is refused: a wrong alignment gives
every tree another one's history.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agri.errors import Refused

FloatArray = NDArray[np.float64]
SHARP_M = 0.5
PARTNERS = 0.5
"""Share of the shorter list that must find a partner."""
ROUNDS = 15
CANDIDATES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAlignment:
    """A rigid motion of the plane: turned about `centre`, then shifted.

    Parameters
    ----------
    shift_m : (east, north)
    turn_rad : float
        Counterclockwise.
    centre : (x, y)
    residual_m : float
        Root mean square distance of partners.
    partners : int
        How many points found one.
    """

    shift_m: tuple[float, float]
    turn_rad: float
    centre: tuple[float, float]
    residual_m: float
    partners: int

    def moved(self, points: FloatArray) -> FloatArray:
        """Return points moved.

        Examples
        --------
        >>> motion = PointAlignment(shift_m=(1.0, 0.0), turn_rad=0.0, centre=(0.0, 0.0),
        ...                         residual_m=0.0, partners=1)
        >>> motion.moved(np.array([[2.0, 3.0]])).tolist()
        [[3.0, 3.0]]
        """
        cos, sin = math.cos(self.turn_rad), math.sin(self.turn_rad)
        off = np.asarray(points, dtype=np.float64) - self.centre
        turned = off @ np.array([[cos, sin], [-sin, cos]])
        return np.asarray(turned + self.centre + self.shift_m)


def align_points(
    reference: FloatArray, moved: FloatArray, *, reach_m: float = 4.0, bound_m: float = 0.8
) -> PointAlignment:
    """Return the motion that lays `moved` on `reference`.

    Parameters
    ----------
    reference, moved : (N, 2), (M, 2) float64
        Points in the same plane, metres.
    reach_m : float
        Farthest shift that is looked for.
    bound_m : float
        Largest residual that is accepted.

    Returns
    -------
    PointAlignment

    Raises
    ------
    Refused
        When the two cannot be laid on one another within the bounds.
    """
    fewer = min(len(reference), len(moved))
    if fewer < 3:
        raise Refused("error.alignment_few", count=fewer)
    tree = cKDTree(reference)
    best = max(
        (
            _refined(tree, reference, moved, shift, reach_m)
            for shift in _shifts(tree, moved, reach_m)
        ),
        key=lambda one: round(_fit(tree, one.moved(moved)), 6),
    )
    if best.partners < PARTNERS * fewer or best.residual_m > bound_m:
        raise Refused("error.alignment_poor", residual_m=best.residual_m, bound_m=bound_m,
                      partners=best.partners, count=fewer)  # fmt: skip
    return best


def _fit(tree: cKDTree, points: FloatArray) -> float:
    miss, _ = tree.query(points)
    return float(np.exp(-0.5 * (miss / SHARP_M) ** 2).sum())


def _shifts(tree: cKDTree, moved: FloatArray, reach_m: float) -> list[FloatArray]:
    """Return the shifts that bring most points near others, the best first."""
    near = tree.query_ball_point(moved, reach_m)
    ways = [tree.data[others] - point for point, others in zip(moved, near, strict=True) if others]
    if not ways:
        return [np.zeros(2)]
    all_ways = np.concatenate(ways)
    cells = np.round(all_ways / SHARP_M).astype(np.int64)
    kinds, counts = np.unique(cells, axis=0, return_counts=True)
    order = np.lexsort((np.abs(kinds).sum(axis=1), -counts))[: 4 * CANDIDATES]
    tried = sorted((kinds[k] * SHARP_M for k in order), key=lambda way: -_fit(tree, moved + way))
    return [np.zeros(2), *tried[:CANDIDATES]]


def _refined(
    tree: cKDTree, reference: FloatArray, moved: FloatArray, shift: FloatArray, reach_m: float
) -> PointAlignment:
    """Return the motion refined from a shift by least squares over the nearest pairs."""
    centre = moved.mean(axis=0)
    motion = PointAlignment(shift_m=(float(shift[0]), float(shift[1])), turn_rad=0.0,
                            centre=(float(centre[0]), float(centre[1])), residual_m=math.inf,
                            partners=0)  # fmt: skip
    for step in range(ROUNDS):
        gate = max(3.0 * SHARP_M * 0.8**step, SHARP_M * 1.5)
        miss, which = tree.query(motion.moved(moved))
        pairs = miss <= gate
        if pairs.sum() < 3:
            break
        motion = _rigid(reference[which[pairs]], moved[pairs], centre)
    if math.hypot(*motion.shift_m) > reach_m + SHARP_M:
        return PointAlignment(shift_m=(0.0, 0.0), turn_rad=0.0, centre=motion.centre,
                              residual_m=math.inf, partners=0)  # fmt: skip
    return motion


def _rigid(to: FloatArray, points: FloatArray, centre: FloatArray) -> PointAlignment:
    """Return the rigid motion of least squares (Kabsch in the plane)."""
    a, b = points - points.mean(axis=0), to - to.mean(axis=0)
    turn = math.atan2(float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()), float((a * b).sum()))
    still = PointAlignment(shift_m=(0.0, 0.0), turn_rad=turn,
                           centre=(float(centre[0]), float(centre[1])), residual_m=0.0,
                           partners=len(points))  # fmt: skip
    shift = (to - still.moved(points)).mean(axis=0)
    left = to - still.moved(points) - shift
    return PointAlignment(
        shift_m=(float(shift[0]), float(shift[1])), turn_rad=turn, centre=still.centre,
        residual_m=float(np.sqrt((left**2).sum(axis=1).mean())), partners=len(points),
    )  # fmt: skip
