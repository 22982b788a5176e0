"""Rules from an index to a rate: a table or straight lines between points, with bounds.

A rule says what a place gets whose index is so high, in litres or kilograms a hectare. Outside the
points the first and last rates hold; whatever comes out lies within the bounds and is a multiple of
a step, because a pump has no finer ones. Where the index is missing the rule either has a rate for
it or refuses: nothing is poured by guess, and nothing is left out unsaid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agri.errors import BadInput
from agri.zone import MAX_RATE_KG_HA, MAX_RATE_L_HA

FloatArray = NDArray[np.float64]
Unit = Literal["l/ha", "kg/ha"]
MOST = {"l/ha": MAX_RATE_L_HA, "kg/ha": MAX_RATE_KG_HA}
"""More than any machine gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRule:
    """What a place gets by its index.

    Parameters
    ----------
    points : tuple of (float, float)
        (index, rate), the index rising; one point gives one rate everywhere.
    unit : {"l/ha", "kg/ha"}
        Of the rates.
    how : {"lines", "steps"}
        Straight lines between points, or each point's rate from its index on up to the next.
    least, most : float
        Bounds of every rate. A rate of 0 that a point gives outright stays 0: left out.
    step : float
        Rates are multiples of this; 0 leaves them as they come.
    where_none : float, optional
        The rate where the index is missing; None refuses such places.

    Raises
    ------
    BadInput
        When points do not rise, a rate or bound is impossible, or the step is none.

    Examples
    --------
    >>> rule = RateRule(points=((0.4, 30.0), (0.8, 10.0)), unit="l/ha", least=12.0, most=28.0,
    ...                 step=0.5)
    >>> rule.rates([0.3, 0.5, 0.61, 0.9]).tolist()
    [28.0, 25.0, 19.5, 12.0]
    >>> rule.rates([0.5, float("nan")])
    Traceback (most recent call last):
    agri.errors.BadInput: Places with no index and so no rate: 1; say which rate they get, or fill
    the gaps in the picture.
    """

    points: tuple[tuple[float, float], ...]
    unit: Unit
    how: Literal["lines", "steps"] = "lines"
    least: float = 0.0
    most: float = math.inf
    step: float = 0.0
    where_none: float | None = None

    def __post_init__(self) -> None:
        if self.unit not in MOST:
            raise BadInput("error.rule_unit", unit=str(self.unit)[:20])
        index = [at for at, _ in self.points]
        rising = all(a < b for a, b in pairwise(index))
        if not self.points or not rising or not np.isfinite(index).all():
            raise BadInput("error.rule_points")
        limit = MOST[self.unit]
        rates = [rate for _, rate in self.points]
        rates += [self.least, *([] if self.where_none is None else [self.where_none])]
        rates += [] if math.isinf(self.most) else [self.most]
        for rate in rates:
            if not 0.0 <= rate <= limit:
                raise BadInput("error.rule_rate", rate=rate, unit=self.unit, most=limit)
        if self.least > self.most or not 0.0 <= self.step < limit:
            raise BadInput("error.rule_bounds", least=self.least, most=self.most, step=self.step)

    def rates(self, index: ArrayLike) -> FloatArray:
        """Return the rates of places, as numbers that 32 bits hold exactly.

        Parameters
        ----------
        index : array-like
            NaN where it is missing.

        Returns
        -------
        float64 array of that shape

        Raises
        ------
        BadInput
            When an index is missing and the rule has no rate for it.
        """
        values = np.asarray(index, dtype=np.float64)
        missing = np.isnan(values)
        if missing.any() and self.where_none is None:
            raise BadInput("error.rule_gap", count=int(missing.sum()))
        at, rate = np.array(self.points, dtype=np.float64).T
        if self.how == "lines":
            found = np.interp(values, at, rate)
        else:
            found = rate[np.clip(np.searchsorted(at, values, side="right") - 1, 0, None)]
        left_out = found == 0.0
        found = np.clip(self._stepped(found), self.least, self.most)
        found = np.where(left_out, 0.0, found)
        found = np.where(missing, self.where_none or 0.0, found)
        return found.astype(np.float32).astype(np.float64)

    def _stepped(self, rates: FloatArray) -> FloatArray:
        return rates if self.step == 0.0 else np.round(rates / self.step) * self.step
