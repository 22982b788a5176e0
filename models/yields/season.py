"""A new season from a few counted trees: offset and slope of the old pattern, and a fresh model.

Theory of operation
-------------------
From one season to the next the pattern over a field carries over, its level and its scale do not. A
few counted trees of the new season give

* the old pattern with a new offset and slope; the slope is shrunk towards the ratio of the levels;
* a fresh small ridge of the features alone, and one of the features and the pattern;
* the mean of what was counted.

Each is fitted without every counted tree in turn and says it; the four are mixed with the weights,
none negative, adding up to 1, that would have said them best (stacking, Breiman 1996). What the
mixture misses by without the tree is kept: its jackknife residuals are what an interval is made of.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models.yields.ridge import ShrunkenRidge

FloatArray = NDArray[np.float64]

SHRINKAGES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0)
"""How many times the counted trees the prior slope weighs."""
LEAST_STACKED = 5
"""With fewer counted trees there is the pattern at a new level, and nothing else."""
FOLDS = 10
"""Trees are left out one by one up to this many, in so many groups above."""


class SeasonRecalibration(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Bring an old model's pattern to a new season by counted trees.

    Parameters
    ----------
    pattern : int
        Column of X that holds what the old model says; the other columns are features.

    Attributes
    ----------
    offset_, slope_ : float
        Of the pattern alone.
    weights_ : (4,) float64
        Of the mean, the pattern, the fresh ridge and the ridge of both; they add up to 1.
    residuals_ : (K,) float64
        Counted minus said without the tree.
    variance_ : float
        Of a tree about what is said: mean of the residual with the tree times that without it,
        which in least squares is neither too small nor too large, e² / (1 − leverage).

    Examples
    --------
    >>> old = np.linspace(10.0, 60.0, 20)
    >>> model = SeasonRecalibration().fit(old[:, None], 5 + 0.5 * old)
    >>> round(float(model.predict([[40.0]])[0]), 1)
    25.0
    """

    def __init__(self, pattern: int = 0) -> None:
        self.pattern = pattern

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from (K, 1 + P) pattern and features and (K,) counted yields."""
        x, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True,
                                  ensure_all_finite="allow-nan")  # fmt: skip
        target = np.asarray(target, dtype=np.float64)
        self._learn(x, target)
        self.weights_ = np.array([0.0, 1.0, 0.0, 0.0])
        fold = np.arange(len(target)) % (len(target) if len(target) <= 2 * FOLDS else FOLDS)
        said = np.empty((len(target), 4))
        for one in np.unique(fold):
            left = fold != one
            if left.sum() < 2:
                said[~left] = target.mean()
                continue
            part = SeasonRecalibration(self.pattern)
            part._learn(x[left], target[left])
            said[~left] = part._each(x[~left])
        if len(target) >= LEAST_STACKED:
            self.weights_ = _stack(said, target)
        self.residuals_ = target - said @ self.weights_
        fitted = target - self._each(x) @ self.weights_
        self.variance_ = max(float(np.mean(fitted * self.residuals_)), 0.0)
        return self

    def predict(self, X: Any) -> FloatArray:  # noqa: N803
        """Return (N,) what the new season's trees will bear."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return np.asarray(self._each(x) @ self.weights_)

    def _learn(self, x: FloatArray, target: FloatArray) -> None:
        self.level_ = float(target.mean())
        self.offset_, self.slope_ = _affine(x[:, self.pattern], target)
        features = np.delete(x, self.pattern, axis=1)
        whole = len(target) >= LEAST_STACKED
        self.fresh_ = ShrunkenRidge().fit(features, target) if whole and features.size else None
        self.both_ = ShrunkenRidge(degree=1).fit(x, target) if whole else None

    def _each(self, x: FloatArray) -> FloatArray:
        mean = np.full(len(x), self.level_)
        old = np.nan_to_num(self.offset_ + self.slope_ * x[:, self.pattern], nan=self.level_)
        features = np.delete(x, self.pattern, axis=1)
        fresh = mean if self.fresh_ is None else self.fresh_.predict(features)
        return np.column_stack([mean, old, fresh, old if self.both_ is None
                                else self.both_.predict(x)])  # fmt: skip

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _affine(pattern: FloatArray, target: FloatArray) -> tuple[float, float]:
    """Return offset and slope, the slope shrunk as leaving trees out asks for."""
    known = np.isfinite(pattern)
    if not known.any():
        return float(target.mean()), 0.0
    p, t = pattern[known], target[known]
    prior = float(t.mean() / p.mean()) if t.mean() * p.mean() > 0 else 1.0
    off, high = p - p.mean(), t - t.mean()
    square = float(off @ off)
    if len(p) < 3 or square <= 1e-12 * float(p @ p):
        return float(t.mean() - prior * p.mean()), prior
    best, least = prior, np.inf
    for share in SHRINKAGES:
        slope = float(off @ high + share * square * prior) / (square * (1 + share))
        lever = 1 / len(p) + off**2 / (square * (1 + share))
        loss = float((((high - slope * off) / (1 - np.minimum(lever, 0.99))) ** 2).sum())
        if loss < least:
            best, least = slope, loss
    return float(t.mean() - best * p.mean()), best


def _stack(said: FloatArray, target: FloatArray) -> FloatArray:
    """Return weights, none negative, adding up to 1, with the least squared error."""
    level = target.mean()
    size = float(np.abs(target - level).max()) or 1.0
    whole = 100.0 * np.sqrt(len(target))
    system = np.vstack([(said - level) / size, np.full(said.shape[1], whole)])
    weights, _ = nnls(system, np.append((target - level) / size, whole))
    return np.asarray(weights / weights.sum()) if weights.sum() > 0 else np.full(4, 0.25)
