"""Quantiles of values of which some count only in part, without sorting them all together.

Theory of operation
-------------------
The pixels of an area are of two kinds: inner ones, which count 1 and may be millions, and those on
its outline, which count by their covered share and are few. The inner values are kept in order by
themselves (`Sorted`, an array; or `Counted`, numbers of equal values, for areas too large to hold)
and the outline's are woven in by their rank.

The quantile is the one that exactextract defines (its `quantile` operation, after the third
weighted form of the sample quantile): with the values in order, n of them, the weights w and their
sums C, element k (from 0) stands at s(k) = k · w(k) + (n − 1) · C(k − 1), and the quantile q lies
at q · (n − 1) · C(n − 1), by a straight line between neighbours. With equal weights that is
numpy's own quantile. Where an outline's value equals an inner one, the outline's comes first.

s rises along the order, so for given q it is enough to know the order near it: values that are
known to lie below or above (`Counted` tells only a stretch of ranks) are counted, not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Ordered(Protocol):
    """Inner values in order."""

    @property
    def size(self) -> int:
        """How many there are."""

    def below(self, values: FloatArray) -> IntArray:
        """Return how many inner values are below each value."""

    def at(self, rank: int) -> float:
        """Return the inner value of a rank, from 0."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Inner values as a sorted array.

    Parameters
    ----------
    values : (N,) float32
        Ascending.
    """

    values: NDArray[np.float32]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.values)

    def below(self, values: FloatArray) -> IntArray:
        """Return how many inner values are below each value."""
        return np.searchsorted(self.values, values.astype(np.float32)).astype(np.int64)

    def at(self, rank: int) -> float:
        """Return the inner value of a rank, from 0."""
        return float(self.values[rank])


@dataclass(frozen=True, slots=True)
class Counted:
    """A stretch of the inner values' order as different values with their numbers.

    Parameters
    ----------
    values : (U,) float64
        Ascending, all different.
    ends : (U,) int64
        How many inner values are equal to or below each.
    before : int
        How many are below the stretch.
    size : int
        How many there are in all.
    """

    values: FloatArray
    ends: IntArray
    before: int
    size: int

    def below(self, values: FloatArray) -> IntArray:
        """Return how many inner values are below each value; outside the stretch, its end."""
        place = np.searchsorted(self.values, values)
        return np.concatenate([[self.before], self.ends])[place].astype(np.int64)

    def at(self, rank: int) -> float:
        """Return the inner value of a rank, from 0; outside the stretch, its end."""
        place = int(np.searchsorted(self.ends, rank, side="right"))
        return float(self.values[min(place, len(self.values) - 1)])


def ranks_near(quantile: float, inner: int, outline_weight: float) -> tuple[int, int]:
    """Return the least and the greatest inner rank on which a quantile can depend.

    Parameters
    ----------
    quantile : float
        0 to 1.
    inner : int
        Number of inner values.
    outline_weight : float
        Sum of the outline's weights.

    Notes
    -----
    C(k) lies within 1 + n / (n − 1) of q · C(n − 1), and of it the outline holds at most its
    own weight.

    Examples
    --------
    >>> ranks_near(0.5, 1000, 20.0)
    (486, 514)
    """
    at = quantile * (inner + outline_weight)
    low = int(np.floor(at - outline_weight)) - 4
    high = int(np.ceil(at)) + 4
    return max(0, min(low, inner - 1)), max(0, min(high, inner - 1))


def weighted_quantiles(
    inner: Ordered, values: FloatArray, weights: FloatArray, quantiles: Sequence[float]
) -> tuple[float, ...]:
    """Return weighted quantiles of inner and outline values together.

    Parameters
    ----------
    inner : Ordered
        Values that count 1.
    values : (M,) float64
        The outline's, ascending.
    weights : (M,) float64
        What they count, above 0.
    quantiles : sequence of float
        0 to 1.

    Returns
    -------
    tuple of float
        NaN where there is no value at all.

    Examples
    --------
    >>> four = Sorted(np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32))
    >>> weighted_quantiles(four, np.empty(0), np.empty(0), (0.25, 1.0))
    (1.75, 4.0)
    >>> [round(q, 6) for q in weighted_quantiles(four, np.array([10.0]), np.array([0.5]), (1.0,))]
    [10.0]
    """
    number = inner.size + len(values)
    if number == 0:
        return (float("nan"),) * len(quantiles)
    outline = _Outline(inner, values, weights, number)
    return tuple(outline.quantile(share) for share in quantiles)


class _Outline:
    """The outline's values, each with its rank and place s among all."""

    def __init__(
        self, inner: Ordered, values: FloatArray, weights: FloatArray, number: int
    ) -> None:
        self.inner, self.values, self.number = inner, values, number
        self.sums = np.concatenate([[0.0], np.cumsum(weights)])
        self.pos = inner.below(values)
        ranks = self.pos + np.arange(len(values))
        self.at = ranks * weights + (number - 1) * (self.pos + self.sums[:-1])

    def quantile(self, share: float) -> float:
        """Return one quantile."""
        inner, values, number = self.inner, self.values, self.number
        target = share * (number - 1) * (inner.size + float(self.sums[-1]))
        woven = int(np.searchsorted(self.at, target, side="right"))
        # the inner values between the outline's last at or before the target and the next one
        first = int(self.pos[woven - 1]) if woven else 0
        stop = int(self.pos[woven]) if woven < len(values) else inner.size
        base = woven + (number - 1) * float(self.sums[woven])
        last = min(int(np.floor((target - base) / number + 1e-12)), stop - 1)
        if last >= first:
            left, at_left = inner.at(last), last * number + base
        elif woven:
            left, at_left = float(values[woven - 1]), float(self.at[woven - 1])
        else:  # the target is 0 and nothing stands before
            return inner.at(0) if stop > 0 else float(values[0])
        following = max(last + 1, first)
        if following < stop:
            right, at_right = inner.at(following), following * number + base
        elif woven < len(values):
            right, at_right = float(values[woven]), float(self.at[woven])
        else:
            return left
        part = (target - at_left) / (at_right - at_left) if at_right > at_left else 0.0
        return left + min(max(part, 0.0), 1.0) * (right - left)
