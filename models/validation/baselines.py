"""What one would say without a model: the mean, the tree's mean, the tree's last season.

Every comparison shows them; a model that does not beat them is not worth its name. A tree without
a past gets the mean. On alternate bearers the last season is the worst of the three.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.validation.splits import Fold, Layout

FloatArray = NDArray[np.float64]
Baseline = Callable[[FloatArray, Layout, Fold], FloatArray | None]


def mean(target: FloatArray, layout: Layout, fold: Fold) -> FloatArray | None:
    """Say the mean of the known records for every new one."""
    del layout
    return np.full(len(fold.test), target[fold.train].mean())


def unit_mean(target: FloatArray, layout: Layout, fold: Fold) -> FloatArray | None:
    """Say each tree's or plot's own mean; None where units are not known."""
    if layout.unit is None:
        return None
    past: dict[Any, list[float]] = {}
    for name, value in zip(layout.unit[fold.train].tolist(), target[fold.train], strict=True):
        past.setdefault(name, []).append(float(value))
    otherwise = float(target[fold.train].mean())
    return np.array(
        [np.mean(past.get(name, [otherwise])) for name in layout.unit[fold.test].tolist()]
    )


def last_season(target: FloatArray, layout: Layout, fold: Fold) -> FloatArray | None:
    """Say what each tree bore in the latest known season before; None without units or seasons."""
    if layout.unit is None or layout.season is None:
        return None
    past: dict[Any, list[tuple[Any, float]]] = {}
    for index in fold.train.tolist():
        past.setdefault(layout.unit[index], []).append((layout.season[index], target[index]))
    otherwise = float(target[fold.train].mean())
    said = []
    for index in fold.test.tolist():
        before = [pair for pair in past.get(layout.unit[index], [])
                  if pair[0] < layout.season[index]]  # fmt: skip
        said.append(max(before)[1] if before else otherwise)
    return np.array(said, dtype=np.float64)


BASELINES: Mapping[str, Baseline] = {
    "mean": mean,
    "unit_mean": unit_mean,
    "last_season": last_season,
}
