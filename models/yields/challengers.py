"""Models that may replace the ridge: only where they win the deployment split.

The forest and the boosting of scikit-learn with gaps filled first (boosting fails on a column
without any value), kept small; and the mean of ridge and forest, which is often better than either
on a few fields. `models.validation.choose` decides; the ridge stands first, as the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.ensemble import (
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    VotingRegressor,
)
from sklearn.pipeline import make_pipeline

from models.features import GapFiller
from models.yields.ridge import ShrunkenRidge

TREES = 60
LEAST_LEAF = 3


def forest(seed: int) -> Any:
    """Return an unfitted random forest that takes gaps."""
    return make_pipeline(
        GapFiller(),
        RandomForestRegressor(TREES, min_samples_leaf=LEAST_LEAF, max_features=0.5,
                              random_state=seed),
    )  # fmt: skip


def boosting(seed: int) -> Any:
    """Return an unfitted gradient boosting that takes gaps and columns without values."""
    return make_pipeline(
        GapFiller(),
        HistGradientBoostingRegressor(max_iter=60, learning_rate=0.1, min_samples_leaf=10,
                                      l2_regularization=1.0, random_state=seed),
    )  # fmt: skip


def candidates(seed: int = 0) -> Mapping[str, Callable[[], Any]]:
    """Return what may be chosen from, the default first.

    Examples
    --------
    >>> list(candidates())
    ['ridge', 'blend', 'forest', 'boosting']
    """
    return {
        "ridge": ShrunkenRidge,
        "blend": lambda: VotingRegressor([("ridge", ShrunkenRidge()), ("forest", forest(seed))]),
        "forest": lambda: forest(seed),
        "boosting": lambda: boosting(seed),
    }
