"""Past seasons forecast as they would have been then, against what they gave.

Theory of operation
-------------------
A forecast is used on the season to come, so it is tried on every season from those before it alone
(the forward split of `models.validation`), gate by gate, with the inputs known at each gate then.
Nothing of a season, nor of a later one, is in the model that says it. How often field and trees lay
within the interval is told by season: one field's seasons are few, so coverage over a single farm
is a hint, and over many fields or simulated ones a figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import AgriError
from models.intervals import Coverage, Interval, coverage
from models.yields.forecasting import GateForecast, forecast_at
from models.yields.gates import Gate, PastSeason
from models.yields.learning import learn

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Told:
    """What would have been said of a past season at a gate, and what it gave.

    Parameters
    ----------
    forecast : GateForecast
    yield_kg : (N,) float64
        NaN where a tree was not weighed.
    field_kg : float
        Of the trees that were weighed, or of the whole field where none was.
    """

    forecast: GateForecast
    yield_kg: FloatArray
    field_kg: float

    @property
    def said_kg(self) -> float:
        """What was said of the trees that make up `field_kg`."""
        weighed = np.isfinite(self.yield_kg)
        return float(self.forecast.trees.kg[weighed].sum()) if weighed.any() else self.forecast.kg

    def field_held(self, nominal: float = 0.9) -> bool:
        """Return whether the field lay within its interval."""
        scale = self.said_kg / self.forecast.kg if self.forecast.kg > 0 else 1.0
        low, high = (scale * self.forecast.field_quantile(0.5 + side * nominal / 2)
                     for side in (-1, 1))  # fmt: skip
        return low <= self.field_kg <= high

    def trees_held(self, nominal: float = 0.9) -> Coverage | None:
        """Return how often trees lay within their intervals; None when none was weighed."""
        weighed = np.isfinite(self.yield_kg)
        if not weighed.any():
            return None
        low, high = (self.forecast.tree_quantile(0.5 + side * nominal / 2)[weighed]
                     for side in (-1, 1))  # fmt: skip
        season = np.full(int(weighed.sum()), self.forecast.season)
        return coverage(Interval(low=low, high=high, nominal=nominal), self.yield_kg[weighed],
                        season)  # fmt: skip


def hindcast(
    past: Sequence[PastSeason],
    gates: Sequence[Gate] = tuple(Gate),
    *,
    progress: Callable[[float], None] | None = None,
) -> tuple[Told, ...]:
    """Return every past season that has an earlier one, forecast at each gate.

    Parameters
    ----------
    past : sequence of PastSeason
        In any order.
    gates : sequence of Gate
    progress : function of the share done, or None
    """
    ordered = sorted(past, key=lambda one: one.inputs.season)
    found: list[Told] = []
    for at, one in enumerate(ordered):
        for gate in gates:
            try:
                said = forecast_at(learn(ordered[:at], gate), one.inputs)
            except AgriError:
                continue  # nothing was known then: nothing would have been said
            weighed = np.isfinite(one.yield_kg)
            given = float(one.yield_kg[weighed].sum()) if weighed.any() else one.field_kg
            if np.isfinite(given):
                found.append(Told(forecast=said, yield_kg=one.yield_kg, field_kg=given))
        if progress is not None:
            progress((at + 1) / len(ordered))
    return tuple(found)
