"""What to measure next: how much narrower a forecast becomes, before anybody walks.

Theory of operation
-------------------
Of a field's error the part that all trees share does not shrink with their number; it shrinks when
it is measured. Two measurements are at hand within a season:

* counting k trees more tells level and flowering together, to CV / √k (less the finite orchard's
  share, Cochran 1977), CV being how trees differ beside the forecast, and to the error of what
  becomes of a counted fruit, which no number of trees takes away;
* looking at the panicles, from above or walking, tells the share of flowering trees to
  `SEEN_LOGITS`.

Independent errors join by the inverse of their variances. What is advised is the least number of
trees that brings the error to `ENOUGH`, else the least that comes within `NEAR` of what narrows it
most; nothing, when it is there
already or when nothing narrows it by more than `LITTLE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.yields.forecasting import GateForecast
from models.yields.gates import Gate

COUNT_ERROR = {Gate.FRUIT_SET: 0.5, Gate.FRUIT_20MM: 0.15, Gate.HARVEST: 0.05}
"""Relative error of what becomes of a fruit counted at a gate; assumed, no figure for lychee was
found. Before fruit has set there is nothing to count."""
SEEN_LOGITS = 0.4
"""How well a share of flowering is told by looking: 60 % may be 50 to 69 %; assumed."""
STEPS = (6, 12, 18, 30, 60, 120)
LITTLE = 0.08
NEAR = 0.1
ENOUGH = 0.15
"""Relative error, one standard deviation, with which pickers and crates can be ordered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing to measure.

    Parameters
    ----------
    kind : {"count", "panicles"}
    trees : int
        How many to count; all, for panicles.
    error_kg : float
        The field's error afterwards, one standard deviation.
    """

    kind: Literal["count", "panicles"]
    trees: int
    error_kg: float


def measures(forecast: GateForecast, gate: Gate | None = None) -> tuple[Measure, ...]:
    """Return what can be measured and the error it would leave.

    Parameters
    ----------
    forecast : GateForecast
    gate : Gate or None
        When it would be measured; None takes the forecast's own gate.
    """
    when = forecast.gate if gate is None else gate
    found: list[Measure] = []
    if when <= Gate.PANICLE and "flowering" not in forecast.used and forecast.flowering_error > 0:
        found.append(Measure(kind="panicles", trees=len(forecast.trees.kg),
                             error_kg=_after_panicles(forecast)))  # fmt: skip
    if when in COUNT_ERROR:
        left = len(forecast.trees.kg) - forecast.counted
        for trees in STEPS:
            if trees <= left:
                found.append(Measure(kind="count", trees=trees,
                                     error_kg=_after_counting(forecast, trees, when)))  # fmt: skip
    return tuple(found)


def advised(forecast: GateForecast, gate: Gate | None = None) -> Measure | None:
    """Return what narrows the forecast most for its trouble; None when nothing narrows it."""
    error_kg = forecast.error.whole_kg
    enough = ENOUGH * forecast.kg
    useful = [one for one in measures(forecast, gate) if one.error_kg < (1.0 - LITTLE) * error_kg]
    if error_kg <= enough or not useful:
        return None
    reaching = [one for one in useful if one.error_kg <= enough]
    if reaching:
        return min(reaching, key=lambda one: (one.kind != "panicles", one.trees))
    least = min(one.error_kg for one in useful)
    near = [one for one in useful if one.error_kg <= (1.0 + NEAR) * least]
    return min(near, key=lambda one: one.trees)


def _after_counting(forecast: GateForecast, trees: int, gate: Gate) -> float:
    kg = forecast.trees.kg
    mean = float(kg.mean())
    if mean <= 0:
        return forecast.error.whole_kg
    own = float(np.mean(forecast.trees.own_error_kg**2)) / mean**2
    left = max(1.0 - (forecast.counted + trees) / len(kg), 0.0)
    told = (own + forecast.trees.block_error**2) / trees * left + COUNT_ERROR[gate] ** 2
    known = (forecast.error.whole_kg / forecast.kg) ** 2
    after = 1.0 / (1.0 / known + 1.0 / told) if known > 0 else 0.0
    if forecast.counted:
        after = max(after, min(COUNT_ERROR[gate] ** 2, known))
    return float(forecast.kg * np.sqrt(after))


def _after_panicles(forecast: GateForecast) -> float:
    logits = forecast.flowering_error
    rate = SEEN_LOGITS**2 / (SEEN_LOGITS**2 + logits**2)
    level = forecast.parts.level_error**2
    flowering = max(forecast.trees.level_error**2 - level, 0.0)
    saved = (forecast.trees.level_error**2 - level - rate * flowering) * forecast.kg**2
    return float(np.sqrt(max(forecast.error.whole_kg**2 - saved, 0.0)))
