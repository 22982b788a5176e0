"""Yield of trees in parts: P(flowering) × pattern × season level, each with its error.

Theory of operation
-------------------
In a bad winter half of the trees of an early lychee do not flower at all, so a tree's yield is a
hurdle: whether it flowers (logistic regression, weakly shrunken), times what it bears if it does
(the pattern: a ridge of square roots, relative to the season's level), times the season's level.
The parts are told apart (`TreeYield.parts`), so that each can be replaced by what is seen: a
drone's count of flowering trees, counted fruit, a season's winter. Decisions:

* a season's level is the mean of the trees that bore; the level to be expected is the geometric
  mean of the known ones, and its error their relative spread. One season says nothing of it: then
  it is `SEASON_SPREAD` of a district;
* features are held within the range they were learnt from, for flowering as for the pattern;
* where every tree, or none, flowered, that is what is said, drawn towards one half by one tree;
* the pattern's error is what is left of trees that bore, relative to the season's level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from agri.errors import BadInput
from models.features import GapFiller
from models.intervals import SEASON_SPREAD
from models.yields.ridge import ShrunkenRidge

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeParts:
    """What a tree's yield is made of.

    Parameters
    ----------
    flowering : (N,) float64, 0 to 1
        Probability that the tree flowers.
    pattern : (N,) float64
        Share of the season's level that it bears if it flowers.
    pattern_error : float
        Standard deviation of that share.
    level_kg : float
        Season's level, kg per bearing tree.
    level_error : float
        Relative standard deviation of the level.
    """

    flowering: FloatArray
    pattern: FloatArray
    pattern_error: float
    level_kg: float
    level_error: float

    @property
    def expected_kg(self) -> FloatArray:
        """Expected kg of every tree, (N,)."""
        return np.asarray(self.flowering * self.pattern * self.level_kg)

    @property
    def own_error_kg(self) -> FloatArray:
        """Standard deviation of every tree at the given level, (N,): flowering and pattern."""
        p = self.flowering
        variance = p * self.pattern_error**2 + p * (1 - p) * self.pattern**2
        return np.asarray(np.sqrt(variance) * self.level_kg)


class TreeYield(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """P(flowering) × pattern × season level, learnt from trees of one or more seasons.

    Parameters
    ----------
    degree : {1, 2}
        Of the pattern's ridge.

    Attributes
    ----------
    level_, level_error_ : float
        kg per bearing tree to be expected in another season, and its relative deviation.
    pattern_error_ : float
        Deviation of a bearing tree's share.

    Examples
    --------
    >>> area = np.linspace(5, 20, 40)[:, None]
    >>> model = TreeYield().fit(area, 3 * area[:, 0])
    >>> 20 < float(model.predict([[10.0]])[0]) < 40
    True
    """

    def __init__(self, degree: int = 1) -> None:
        self.degree = degree

    def fit(self, X: Any, y: Any, season: Any = None) -> Self:  # noqa: N803
        """Learn from (N, P) features, (N,) kg (0 = did not bear) and (N,) seasons.

        Raises
        ------
        BadInput
            If a yield is negative.
        """
        x, kg = validate_data(self, X, y, dtype=np.float64, y_numeric=True,
                              ensure_all_finite="allow-nan", ensure_min_samples=2)  # fmt: skip
        kg = np.asarray(kg, dtype=np.float64)
        if (kg < 0).any():
            raise BadInput("error.yield_negative", value=float(kg.min()))
        when = np.zeros(len(kg)) if season is None else np.asarray(season)
        bore = kg > 0
        names, place = np.unique(when, return_inverse=True)
        sums = np.bincount(place, kg, len(names))
        levels = sums / np.maximum(np.bincount(place, bore, len(names)), 1)
        self._learn_level(levels[levels > 0])
        share = kg / np.where(levels > 0, levels, 1.0)[place]
        self.flowering_, self.flowering_share_ = None, (bore.sum() + 0.5) / (len(bore) + 1.0)
        if bore.all():
            self.flowering_share_ = 1.0
        elif bore.sum() >= 2 and np.isfinite(x).any():
            self.flowering_ = make_pipeline(GapFiller(), StandardScaler(),
                                            LogisticRegression(C=0.5, solver="newton-cholesky")
                                            ).fit(x, bore)  # fmt: skip
        known = np.isfinite(x)
        self.low_ = np.where(known, x, np.inf).min(axis=0)
        self.high_ = np.where(known, x, -np.inf).max(axis=0)
        self.pattern_, self.pattern_error_ = None, 0.0
        if bore.sum() >= 2:
            self.pattern_ = ShrunkenRidge(self.degree, "root").fit(x[bore], share[bore])
            self.pattern_error_ = float(np.std(share[bore] - self.pattern_.predict(x[bore])))
        return self

    def _learn_level(self, levels: FloatArray) -> None:
        self.level_ = float(np.exp(np.log(levels).mean())) if len(levels) else 0.0
        self.level_error_ = SEASON_SPREAD
        if len(levels) > 1:
            found = float(np.log(levels).std(ddof=1) * np.sqrt(1 + 1 / len(levels)))
            trust = (len(levels) - 1) / (len(levels) + 1)
            self.level_error_ = float(np.sqrt(trust * found**2 + (1 - trust) * SEASON_SPREAD**2))

    def parts(
        self,
        X: Any,  # noqa: N803
        level_kg: float | None = None,
        level_error: float | None = None,
    ) -> TreeParts:
        """Return the parts of every tree's yield.

        Parameters
        ----------
        X : (N, P) float, NaN = not known
        level_kg, level_error : float or None
            Level of the season asked about and its relative deviation, from counted trees or a
            winter's chill; None takes what the known seasons let expect.
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        flowering = np.full(len(x), float(self.flowering_share_))
        if self.flowering_ is not None:
            held = np.minimum(np.maximum(x, self.low_), self.high_)
            held[:, self.low_ > self.high_] = np.nan
            flowering = self.flowering_.predict_proba(held)[:, 1]
        pattern = np.ones(len(x)) if self.pattern_ is None else self.pattern_.predict(x)
        return TreeParts(
            flowering=flowering,
            pattern=np.maximum(pattern, 0.0),
            pattern_error=self.pattern_error_,
            level_kg=self.level_ if level_kg is None else level_kg,
            level_error=self.level_error_ if level_error is None else level_error,
        )

    def predict(self, X: Any) -> FloatArray:  # noqa: N803
        """Return (N,) expected kg in a season like the known ones."""
        return self.parts(X).expected_kg

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.positive_only = True
        return tags
