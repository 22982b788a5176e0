"""How wide: errors of trees and of fields as quantiles, and from how few seasons they come.

Theory of operation
-------------------
Three rules are shared by all that forecasts:

* a variance from n values is drawn towards what is assumed before any is seen, which weighs as
  `PRIOR_WEIGHT` values: (2 · assumed² + n · found²) / (2 + n). The posterior of a normal
  distribution's variance is exactly this, with 2 + n degrees of freedom (Gelman et al., Bayesian
  Data Analysis, 2.6), so quantiles are Student's with as many;
* a tree bears nothing with the probability that it does not flower; if it does, the square root of
  its yield is normal. Quantiles of that mixture have a closed form;
* a field's total is log-normal about its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import t as student

FloatArray = NDArray[np.float64]

PRIOR_WEIGHT = 2
"""So many values an assumed variance weighs."""
ASSUMED_TREE_SPREAD = 0.75
"""Standard deviation over mean between trees where none was weighed: of 813 coffee trees over five
years it was 0.65 to 0.89 (agridat `paez.coffee.uniformity`); no figure for lychee was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """One chance in ten of less, the middle, one chance in ten of more; kg."""

    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorParts:
    """Where a field total's error comes from: standard deviations in kg that add up as squares.

    Parameters
    ----------
    flowering_kg : float
        Which and how many trees flower.
    pattern_kg : float
        What flowering trees bear beside each other, single trees and parts of the field.
    level_kg : float
        What the season gives a flowering tree.
    """

    flowering_kg: float
    pattern_kg: float
    level_kg: float

    @property
    def whole_kg(self) -> float:
        """All of it."""
        return float(np.sqrt(self.flowering_kg**2 + self.pattern_kg**2 + self.level_kg**2))

    def scaled(self, whole_kg: float) -> ErrorParts:
        """Return parts in the same proportions that add up to `whole_kg`.

        Examples
        --------
        >>> ErrorParts(flowering_kg=3.0, pattern_kg=0.0, level_kg=4.0).scaled(10.0).level_kg
        8.0
        """
        rate = whole_kg / self.whole_kg if self.whole_kg > 0 else 1.0
        return ErrorParts(flowering_kg=rate * self.flowering_kg, pattern_kg=rate * self.pattern_kg,
                          level_kg=rate * self.level_kg)  # fmt: skip


def drawn(found: float, count: float, assumed: float) -> float:
    """Return a standard deviation from `count` values, drawn towards what is assumed.

    Examples
    --------
    >>> drawn(0.2, 0, 0.5), round(drawn(0.2, 98, 0.5), 3)
    (0.5, 0.21)
    """
    weight = PRIOR_WEIGHT + count
    return float(np.sqrt((PRIOR_WEIGHT * assumed**2 + count * found**2) / weight))


def reach(share: float, freedom: float) -> float:
    """Return how many deviations lie below a quantile, Student's with so many degrees of freedom.

    Examples
    --------
    >>> round(reach(0.9, 2.0), 2), round(reach(0.9, 1e9), 2)
    (1.89, 1.28)
    """
    return float(student.ppf(share, freedom))


def root_spread(relative: float) -> float:
    """Return the deviation of square roots of shares whose mean is 1 and deviation `relative`.

    With roots normal about m, m² + s² = 1 and variance 4 m² s² + 2 s⁴.

    Examples
    --------
    >>> s = root_spread(0.75)
    >>> roots = np.random.default_rng(0).normal(np.sqrt(1 - s**2), s, 100_000)
    >>> round(float((roots**2).mean()), 2), round(float((roots**2).std()), 2)
    (1.0, 0.75)
    """
    return float(np.sqrt(1.0 - np.sqrt(max(1.0 - 0.5 * relative**2, 0.0))))


def tree_quantile(
    kg: FloatArray, flowering: FloatArray, spread: FloatArray | float, shared: float, share: float
) -> FloatArray:
    """Return a quantile of every tree's yield.

    Parameters
    ----------
    kg : (N,) float64
        Expected, over flowering and not.
    flowering : (N,) float64
        Probability that the tree flowers, 0 to 1.
    spread : float or (N,) float64
        Deviation of the square root of what a flowering tree bears, √kg.
    shared : float
        Relative error that all trees share: of the season's level, of a part of the field.
    share : float
        Which quantile, 0.1 = P10.

    Returns
    -------
    (N,) float64

    Examples
    --------
    >>> tree_quantile(np.array([30.0, 30.0]), np.array([1.0, 0.6]), 0.0, 0.0, 0.1).tolist()
    [30.0, 0.0]
    """
    bears = np.clip(flowering, 1e-6, 1.0)
    mean = kg / bears
    own = np.minimum(np.asarray(spread, dtype=np.float64) ** 2, mean)
    middle = np.sqrt(mean - own)
    deviation = np.sqrt(own + 0.25 * mean * shared**2)
    inner = (share - (1.0 - bears)) / bears
    root = middle + ndtri(np.clip(inner, 1e-9, 1.0 - 1e-9)) * deviation
    return np.asarray(np.where(inner <= 0.0, 0.0, np.maximum(root, 0.0) ** 2))


def field_quantile(kg: float, error_kg: float, freedom: float, share: float) -> float:
    """Return a quantile of a field's total, log-normal about `kg`.

    Examples
    --------
    >>> round(field_quantile(1000.0, 200.0, 1e9, 0.9)), field_quantile(1000.0, 200.0, 5.0, 0.5)
    (1289, 1000.0)
    """
    if kg <= 0:
        return 0.0
    width = float(np.sqrt(np.log1p((error_kg / kg) ** 2)))
    return float(kg * np.exp(reach(share, freedom) * width))
