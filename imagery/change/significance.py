"""How far from usual a value is, and how many of many alarms are false.

Theory of operation. "Usual" is the median, and "far" is counted in 1.4826 median absolute
deviations, which equal a standard deviation for a normal spread and are not moved by the very trees
that are looked for (Hampel, J. Am. Stat. Assoc. 69 (1974) 383). A spread never counts less than a
noise floor: of a hundred equal values each hundredth is not an alarm.

A thousand trees tested at 5 % give fifty alarms where nothing is wrong. The list is therefore cut
by the rule of Benjamini and Hochberg (J. R. Stat. Soc. B 57 (1995) 289): of all that is listed at
q = 0.05, about one in twenty is expected to be nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from agri.grid import FloatArray

NORMAL = 1.4826


def robust_z(values: FloatArray, *, floor: float = 0.0) -> FloatArray:
    """Return how many robust deviations each value lies from the median; NaN stays NaN.

    Parameters
    ----------
    values : (N,) float64
        Any unit.
    floor : float
        Least deviation that counts, in the same unit.

    Examples
    --------
    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 20.0])).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 11.47]
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(values.shape, np.nan)
    off = values - np.median(values[known])
    spread = max(NORMAL * float(np.median(np.abs(off[known]))), floor)
    return np.asarray(off / spread) if spread > 0.0 else np.where(known, np.sign(off) * np.inf, off)


def two_sided(z: FloatArray, count: int) -> FloatArray:
    """Return how likely a value at least so far from usual is by chance (Student's t).

    Parameters
    ----------
    z : (N,) float64
        From `robust_z`; NaN gives 1.
    count : int
        Values from which median and deviation came.
    """
    chance = 2.0 * stats.t.sf(np.abs(np.where(np.isfinite(z), z, 0.0)), max(count - 1, 1))
    infinite = np.isinf(z)
    return np.where(infinite, 0.0, chance)


def false_discovery(chances: FloatArray) -> FloatArray:
    """Return for each test the least rate of false discoveries at which it would be listed.

    Parameters
    ----------
    chances : (N,) float64
        Likelihoods by chance, 0 to 1.

    Returns
    -------
    (N,) float64
        Benjamini and Hochberg's adjusted values.

    Examples
    --------
    >>> false_discovery(np.array([0.01, 0.02, 0.03, 0.5])).round(3).tolist()
    [0.04, 0.04, 0.04, 0.5]
    """
    if not len(chances):
        return np.asarray(chances, dtype=np.float64)
    order = np.argsort(chances, kind="stable")
    ranked = chances[order] * len(chances) / np.arange(1, len(chances) + 1)
    least = np.minimum.accumulate(ranked[::-1])[::-1]
    adjusted = np.empty(len(chances))
    adjusted[order] = np.minimum(least, 1.0)
    return adjusted


def listed(chances: FloatArray, rate: float) -> NDArray[np.bool_]:
    """Return which tests are listed at a rate of false discoveries."""
    return np.asarray(false_discovery(chances) <= rate)
