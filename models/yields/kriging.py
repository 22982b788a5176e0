"""A map from scattered records: ordinary kriging from the nearest ones, many places at once.

Theory of operation
-------------------
Yield monitors and picked trees leave gaps. Each place is said from its `NEAREST` records, weighted
so that the squared error is least under the fitted spherical variogram and the weights add up to 1
(ordinary kriging, Matheron 1963). All places' small systems are solved in one batch, which is what
makes it fast. Decisions:

* the variogram is that of the values themselves; where distance tells nothing, the mean of the
  nearest is said;
* records at one place are told apart by the nugget, so the systems can always be solved.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from models.validation.variogram import Variogram, fit_variogram

FloatArray = NDArray[np.float64]

NEAREST = 24
BATCH = 4096


class NearKriging(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ordinary kriging of places from their nearest records.

    Parameters
    ----------
    nearest : int
        How many records each place is said from.

    Attributes
    ----------
    variogram_ : Variogram

    Examples
    --------
    >>> x, y = np.meshgrid(np.arange(12.0), np.arange(12.0))
    >>> places = np.column_stack([x.ravel(), y.ravel()])
    >>> model = NearKriging().fit(places, np.sin(places[:, 0] / 3))
    >>> round(float(model.predict([[4.5, 4.5]])[0]), 1), round(float(np.sin(1.5)), 1)
    (1.0, 1.0)
    """

    def __init__(self, nearest: int = NEAREST) -> None:
        self.nearest = nearest

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803
        """Learn from (N, D) places, metres (the first two are taken), and (N,) values."""
        x, values = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        self.places_ = x if x.shape[1] < 3 else x[:, :2]
        self.values_ = np.asarray(values, dtype=np.float64)
        flat = np.column_stack([self.places_, np.zeros(len(x))])[:, :2]
        found = fit_variogram(flat, self.values_)
        nugget = max(found.nugget, 1e-6 * (found.nugget + found.sill), 1e-12)
        self.variogram_ = Variogram(nugget=nugget, sill=found.sill, range_m=found.range_m)
        return self

    def predict(self, X: Any) -> FloatArray:  # noqa: N803
        """Return (M,) values at (M, D) places."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        places = x if x.shape[1] < 3 else x[:, :2]
        count = min(self.nearest, len(self.values_))
        distance, near = cKDTree(self.places_).query(places, k=count)
        distance, near = distance.reshape(len(x), count), near.reshape(len(x), count)
        said = [self._solved(distance[at : at + BATCH], near[at : at + BATCH])
                for at in range(0, len(x), BATCH)]  # fmt: skip
        return np.concatenate(said)

    def _solved(self, distance: FloatArray, near: NDArray[np.intp]) -> FloatArray:
        values, count = self.values_[near], near.shape[1]
        if self.variogram_.range_m <= 0 or count == 1:
            return np.asarray(values.mean(axis=1))
        sill = self.variogram_.nugget + self.variogram_.sill
        where = self.places_[near]
        apart = np.sqrt(((where[:, :, None] - where[:, None]) ** 2).sum(axis=3))
        like = sill - self._rise(apart)
        like[:, np.arange(count), np.arange(count)] = sill
        sides = np.stack([sill - self._rise(distance), np.ones_like(distance)], axis=2)
        solved = np.linalg.solve(like, sides)
        total = solved.sum(axis=1)
        weights = solved[:, :, 0] + solved[:, :, 1] * ((1 - total[:, :1]) / total[:, 1:])
        return np.asarray((weights * values).sum(axis=1))

    def _rise(self, distance: FloatArray) -> FloatArray:
        """Return the variogram with its nugget at distance 0 too: a record is not its place."""
        near = np.maximum(distance, 1e-9)
        return self.variogram_(near)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # two coordinates are all it reads
        return tags
