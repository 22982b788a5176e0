"""The default yield model: a ridge, shrunk as far as the records ask for.

Theory of operation
-------------------
Small farms' tables are noisy and correlated: a linear model that is pulled towards the mean beats
forests on them (and says why). Columns without values are left out and gaps filled
(`models.features.GapFiller`), what remains is standardised, and squares and products are added
where there are `ROWS_PER_TERM` records for every term. The penalty is the one with the least error
in generalised cross-validation (Golub, Heath and Wahba 1979), or, if `fit` is told groups (blocks,
seasons), in leaving whole groups out. Decisions:

* features are held within the range they were learnt from: a square runs away beyond it;
* ``space="root"`` fits square roots, which evens out the spread of yields that grows with them, and
  returns the mean, fitted² + variance, so that sums over trees keep right;
* a target that does not vary is said as it is.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from models.features import GapFiller
from models.validation.splits import deal

FloatArray = NDArray[np.float64]

PENALTIES = np.geomspace(1e-4, 1e3, 29)
"""Penalties tried, as a share of the number of records."""
ROWS_PER_TERM = 5


class ShrunkenRidge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regression with gaps, squares and products, and a penalty that is found.

    Parameters
    ----------
    degree : {1, 2}
        2 adds squares and products where the records are enough for them.
    space : {"plain", "root"}
        "root" fits signed square roots.

    Attributes
    ----------
    coefficients_ : (T,) float64
        Of the standardised terms.
    penalty_ : float
        Share of the number of records.
    spread_ : float
        Standard deviation of what is left, in the fitted space.

    Examples
    --------
    >>> x = np.linspace(0, 1, 40)[:, None]
    >>> model = ShrunkenRidge().fit(x, 3 * x[:, 0] + 2)
    >>> float(model.predict([[0.5]])[0])
    3.5
    """

    def __init__(self, degree: int = 2, space: Literal["plain", "root"] = "plain") -> None:
        self.degree = degree
        self.space = space

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:  # noqa: N803
        """Learn from records.

        Parameters
        ----------
        X : (N, P) float, NaN = not known
        y : (N,) float
        groups : (N,) array or None
            Blocks or seasons that are left out whole when the penalty is sought.
        """
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan",
                          ensure_min_samples=2)  # fmt: skip
        target = check_array(column_or_1d(y, warn=True), ensure_2d=False, dtype=np.float64)
        check_consistent_length(x, target)
        self.filler_ = GapFiller().fit(x)
        filled = self.filler_.transform(x)
        self.low_, self.high_ = filled.min(axis=0), filled.max(axis=0)
        count = filled.shape[1]
        self.squared_ = self.degree >= 2 and len(x) >= ROWS_PER_TERM * count * (count + 3) / 2
        terms = self._terms(filled)
        self.mean_ = terms.mean(axis=0)
        deviation = terms.std(axis=0)
        self.scale_ = np.where(deviation > 1e-9 * (1 + np.abs(self.mean_)), deviation, np.inf)
        fitted = _into(target, self.space)
        self.level_ = float(fitted.mean())
        z, off = (terms - self.mean_) / self.scale_, fitted - self.level_
        self.penalty_ = _by_group(z, off, deal(np.asarray(groups))) if _several(groups) \
            else _by_gcv(z, off)  # fmt: skip
        self.coefficients_ = _solve(z, off, self.penalty_)
        self.spread_ = float(np.std(off - z @ self.coefficients_))
        return self

    def predict(self, X: Any) -> FloatArray:  # noqa: N803
        """Return (N,) expected values."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        terms = self._terms(self.filler_.transform(x))
        said = self.level_ + ((terms - self.mean_) / self.scale_) @ self.coefficients_
        if self.space == "root":
            return np.asarray(np.sign(said) * said**2 + self.spread_**2)
        return np.asarray(said)

    def _terms(self, filled: FloatArray) -> FloatArray:
        held = np.clip(filled, self.low_, self.high_)
        if not self.squared_ or not held.shape[1]:
            return held
        middle, half = (self.low_ + self.high_) / 2, (self.high_ - self.low_) / 2
        u = (held - middle) / np.where(half > 0, half, 1.0)
        first, second = np.triu_indices(held.shape[1])
        return np.hstack([held, u[:, first] * u[:, second]])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _into(target: FloatArray, space: str) -> FloatArray:
    return np.asarray(np.sign(target) * np.sqrt(np.abs(target))) if space == "root" else target


def _several(groups: Any) -> bool:
    return groups is not None and len(np.unique(np.asarray(groups))) > 1


def _solve(z: FloatArray, off: FloatArray, penalty: float) -> FloatArray:
    square = z.T @ z + penalty * len(z) * np.eye(z.shape[1])
    return np.asarray(np.linalg.solve(square, z.T @ off))


def _by_gcv(z: FloatArray, off: FloatArray) -> float:
    """Return the penalty with the least generalised cross-validation error."""
    if not z.shape[1]:
        return float(PENALTIES[-1])
    left, size, _ = np.linalg.svd(z, full_matrices=False)
    along, total = left.T @ off, float(off @ off)
    kept = size[None] ** 2 / (size[None] ** 2 + PENALTIES[:, None] * len(z))
    rest = total - along @ along + (((1 - kept) * along) ** 2).sum(axis=1)
    free = len(z) - 1 - kept.sum(axis=1)
    error = np.where(free > 0.5, np.maximum(rest, 0.0) / np.maximum(free, 0.5) ** 2, np.inf)
    return float(PENALTIES[int(np.argmin(error))])


def _by_group(z: FloatArray, off: FloatArray, fold: NDArray[np.intp]) -> float:
    """Return the penalty with the least error in folds that are left out whole."""
    loss = np.zeros(len(PENALTIES))
    for one in np.unique(fold):
        new = fold == one
        level, centre = off[~new].mean(), z[~new].mean(axis=0)
        known, said = z[~new] - centre, z[new] - centre
        for place, penalty in enumerate(PENALTIES):
            told = level + said @ _solve(known, off[~new] - level, float(penalty))
            loss[place] += float(((told - off[new]) ** 2).sum())
    return float(PENALTIES[int(np.argmin(loss))])
