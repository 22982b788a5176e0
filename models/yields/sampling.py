"""Which trees to count: as many as the season's level asks for, spread over map and forecast.

Theory of operation
-------------------
The mean of n trees drawn at random is off by CV / √n, so n = (CV / target)², less the finite
orchard's share: n / (1 + n / N) (Cochran 1977). The CV is measured on the farm's own trees; nothing
holds for every orchard. The trees are first cut into √n classes by what is expected of them, each
class along the map into pieces of like number, and one tree is drawn in each piece: every tree has
(nearly) the same chance, so the counted mean needs no weights, and what the forecast and the place
explain does not add to the error. Trees of which nothing is expected to be known are drawn too: the
forecast only orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput

FloatArray = NDArray[np.float64]

LEAST = 5
"""So many trees are counted at least: fewer cannot be checked against each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSample:
    """Trees to count.

    Parameters
    ----------
    tree : (K,) intp
        Index of each tree.
    weight : (K,) float64
        Share of the orchard it stands for; they add up to 1.
    """

    tree: NDArray[np.intp]
    weight: FloatArray

    def mean(self, counted: FloatArray) -> float:
        """Return the orchard's mean from what was counted on these trees, (K,)."""
        return float(self.weight @ counted)


def trees_needed(spread: float, target: float, count: int) -> int:
    """Return how many trees to count.

    Parameters
    ----------
    spread : float
        Measured coefficient of variation between trees, 0.6 = 60 %.
    target : float
        Wanted relative error of the mean (one standard deviation).
    count : int
        Trees in the orchard.

    Raises
    ------
    BadInput
        If the spread or the target is not a positive number.

    Examples
    --------
    >>> trees_needed(0.75, 0.15, 800), trees_needed(0.75, 0.10, 800), trees_needed(0.1, 0.15, 800)
    (25, 53, 5)
    """
    for name, value in (("spread", spread), ("target", target)):
        if not (np.isfinite(value) and value > 0):
            raise BadInput("error.sample_not_positive", name=name, value=value)
    free = (spread / target) ** 2
    return min(count, max(LEAST, int(np.ceil(free / (1.0 + free / count)))))


def plan_sample(
    xy_m: FloatArray, expected: FloatArray, trees: int, chance: np.random.Generator
) -> TreeSample:
    """Return which trees to count.

    Parameters
    ----------
    xy_m : (N, 2) float64, local metres
    expected : (N,) float64
        What is expected of each tree (forecast, crown area); NaN = nothing is.
    trees : int
        How many to count, `trees_needed`.
    chance : numpy.random.Generator
        Draws the tree within each piece.

    Examples
    --------
    >>> places = np.column_stack([np.arange(40.0), np.zeros(40)])
    >>> sample = plan_sample(places, np.arange(40.0), 4, np.random.default_rng(0))
    >>> (np.sort(sample.tree) // 10).tolist()
    [0, 1, 2, 3]
    """
    if not 1 <= trees <= len(xy_m):
        raise BadInput("error.sample_too_many", trees=trees, count=len(xy_m))
    known = np.where(np.isfinite(expected), expected, np.nanmedian(expected)
                     if np.isfinite(expected).any() else 0.0)  # fmt: skip
    order = np.lexsort((np.arange(len(known)), known))
    classes = max(1, round(float(np.sqrt(trees))))
    share = np.full(classes, trees // classes)
    share[: trees % classes] += 1
    ends = np.round(np.cumsum(share) / trees * len(order)).astype(np.intp)
    drawn: list[int] = []
    weight: list[float] = []
    for members, pieces in zip(np.split(order, ends[:-1]), share, strict=True):
        for piece in _pieces(xy_m, members, int(pieces)):
            drawn.append(int(chance.choice(piece)))
            weight.append(len(piece) / len(order))
    return TreeSample(tree=np.array(drawn, dtype=np.intp), weight=np.array(weight))


def _pieces(xy_m: FloatArray, members: NDArray[np.intp], pieces: int) -> list[NDArray[np.intp]]:
    """Cut trees in halves across their longer side, again and again, into pieces of like number."""
    if pieces == 1:
        return [members]
    first = pieces // 2
    across = int(np.argmax(np.ptp(xy_m[members], axis=0)))
    along = members[np.argsort(xy_m[members, across], kind="stable")]
    cut = round(len(along) * first / pieces)
    return _pieces(xy_m, along[:cut], first) + _pieces(xy_m, along[cut:], pieces - first)
