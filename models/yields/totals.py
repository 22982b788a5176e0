"""From trees to blocks and fields: sums that agree, with errors that do not cancel out.

Theory of operation
-------------------
The error of a tree has three sources: the season's level (the same for every tree), its block (soil
and water, the same within it) and its own. In a sum the first does not shrink at all and only the
last shrinks with √n, so

    variance(sum) = (Σ kg · level error)² + Σ over blocks (Σ kg · block error)² + Σ own error².

A field forecast from elsewhere (last years' crates) is joined with the trees' sum by the inverse of
their variances. The difference is given to trees by how much each tree's error has to do with the
sum's (the best linear reconciliation, Wickramasuriya et al. 2019), so that the trees add up to the
field to the last gram; no tree falls below 0, and what that leaves over is shared by the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeForecast:
    """What every tree will bear, and how wrong that may be.

    Parameters
    ----------
    kg : (N,) float64, not negative
    own_error_kg : (N,) float64
        Standard deviation of each tree at given level and block.
    level_error, block_error : float
        Relative standard deviations that trees share: in the season, in a block.
    block : (N,) array
        The block (or field) of each tree.
    """

    kg: FloatArray
    own_error_kg: FloatArray
    level_error: float
    block_error: float
    block: NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """A sum over trees: kg and its standard deviation."""

    kg: float
    error_kg: float


def total(trees: TreeForecast, kept: NDArray[np.bool_] | None = None) -> Total:
    """Return the sum over trees, or over those kept, with its correlated error.

    Examples
    --------
    >>> trees = TreeForecast(kg=np.full(100, 50.0), own_error_kg=np.full(100, 25.0),
    ...                      level_error=0.2, block_error=0.0, block=np.zeros(100))
    >>> total(trees)
    Total(kg=5000.0, error_kg=1030.78)
    """
    use = np.ones(len(trees.kg), dtype=np.bool_) if kept is None else kept
    kg = trees.kg[use]
    place = np.unique(trees.block[use], return_inverse=True)[1]
    blocks = np.bincount(place, kg) if len(kg) else np.zeros(0)
    variance = (
        (kg.sum() * trees.level_error) ** 2
        + float((blocks**2).sum()) * trees.block_error**2
        + float((trees.own_error_kg[use] ** 2).sum())
    )
    return Total(kg=float(kg.sum()), error_kg=float(np.sqrt(variance)))


def reconcile(trees: TreeForecast, field: Total) -> tuple[TreeForecast, Total]:
    """Return trees and field total that agree, from the trees' sum and another field forecast.

    Parameters
    ----------
    trees : TreeForecast
    field : Total
        A forecast of the same trees' sum whose error is independent.

    Returns
    -------
    trees : TreeForecast
        Adding up to the total.
    total : Total
        With the error of both joined.

    Examples
    --------
    >>> trees = TreeForecast(kg=np.array([40.0, 60.0]), own_error_kg=np.array([8.0, 6.0]),
    ...                      level_error=0.0, block_error=0.0, block=np.zeros(2))
    >>> joined, whole = reconcile(trees, Total(kg=120.0, error_kg=10.0))
    >>> joined.kg.round(1).tolist(), whole.kg
    ([46.4, 63.6], 110.0)
    """
    own = total(trees)
    both = own.error_kg**2 + field.error_kg**2
    share = own.error_kg**2 / both if both > 0 else 0.0
    kg = max(own.kg + share * (field.kg - own.kg), 0.0)
    error = own.error_kg * float(np.sqrt(1.0 - share))
    moved = trees.kg + _along(trees) * (kg - own.kg)
    moved = np.maximum(moved, 0.0)
    moved *= kg / moved.sum() if moved.sum() > 0 else 0.0
    level = trees.level_error * float(np.sqrt(1.0 - share))
    joined = TreeForecast(kg=moved, own_error_kg=trees.own_error_kg, level_error=level,
                          block_error=trees.block_error, block=trees.block)  # fmt: skip
    return joined, Total(kg=kg, error_kg=error)


def _along(trees: TreeForecast) -> FloatArray:
    """Return how much of a change of the sum falls to each tree; adds up to 1."""
    place = np.unique(trees.block, return_inverse=True)[1]
    blocks = np.bincount(place, trees.kg)
    with_sum = (
        trees.level_error**2 * trees.kg * trees.kg.sum()
        + trees.block_error**2 * trees.kg * blocks[place]
        + trees.own_error_kg**2
    )
    whole = with_sum.sum()
    return np.asarray(with_sum / whole if whole > 0 else np.full(len(place), 1 / len(place)))
