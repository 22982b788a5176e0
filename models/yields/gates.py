"""Five gates of a season, and what is known at each.

Theory of operation
-------------------
A season's forecast is made anew at five moments, each a stage of growth (BBCH) that closes a
question:

=============  =====  ====================================================================
gate           stage  what is known from then on
=============  =====  ====================================================================
induction      51     crowns, past harvests, how cold the winter was
panicle        60     which trees have panicles, and how many
fruit set      71     how much has set; most of it will still drop
fruit 20 mm    75     fruit that will mostly stay: counting trees tells the season's level
harvest        81     the last count before picking
=============  =====  ====================================================================

Every input says on which day it became known, so what a gate may use is not a list in the code but
a comparison of days: `known_at` leaves out whatever came later, for the season asked about and for
past ones alike, so a model is taught at a gate with nothing that it will not have there.
`future_inputs` is the trial: it changes all that came later and names what moved the forecast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from models.features import Column

FloatArray = NDArray[np.float64]


class Gate(IntEnum):
    """A moment of the season at which a forecast is made."""

    INDUCTION = 1
    PANICLE = 2
    FRUIT_SET = 3
    FRUIT_20MM = 4
    HARVEST = 5


GATE_BBCH = {Gate.INDUCTION: 51, Gate.PANICLE: 60, Gate.FRUIT_SET: 71, Gate.FRUIT_20MM: 75,
             Gate.HARVEST: 81}  # fmt: skip
"""The stage with whose first day a gate closes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """What counted trees bear.

    Parameters
    ----------
    tree : (K,) intp
        Index of each counted tree.
    kg : (K,) float64
        What it will bear: fruits times their mass times the share that stays.
    error : float
        Relative error of that conversion, the same for all trees.
    known_on : date
        Of the last count.

    Raises
    ------
    BadInput
        When there is none, or one is negative or not a number.
    """

    tree: NDArray[np.intp]
    kg: FloatArray
    error: float
    known_on: date

    def __post_init__(self) -> None:
        if not len(self.kg) or not ((self.kg >= 0) & np.isfinite(self.kg)).all():
            raise BadInput("error.counts_none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flowering:
    """What share of the trees (or shoots) flowers, over the whole field.

    Parameters
    ----------
    share : float
        Middle, 0 to 1.
    logit_error : float
        Standard deviation of log(share / (1 − share)).
    known_on : date
    """

    share: float
    logit_error: float
    known_on: date


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonInputs:
    """All that is known of a field's trees in a season, each with its day.

    Parameters
    ----------
    season : int
        Year of the harvest.
    trees : (N,) array
        Their names.
    gate_days : tuple of date
        Of the five gates, in order.
    columns : tuple of Column
        Sizes, indices, what earlier harvests say.
    flowering : Flowering or None
    counts : Counts or None
    block : (N,) array or None
        Part of the field that each tree stands in.

    Raises
    ------
    BadInput
        When the days are not five in order, or a column has another number of trees.
    """

    season: int
    trees: NDArray[Any]
    gate_days: tuple[date, ...]
    columns: tuple[Column, ...] = ()
    flowering: Flowering | None = None
    counts: Counts | None = None
    block: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        if len(self.gate_days) != len(Gate) or list(self.gate_days) != sorted(self.gate_days):
            raise BadInput("error.gate_days", season=self.season)
        for column in self.columns:
            if len(column.values) != len(self.trees):
                raise BadInput("error.gate_column", name=column.name, season=self.season)

    def day(self, gate: Gate) -> date:
        """Return the day of a gate."""
        return self.gate_days[gate - 1]

    def reached(self, day: date) -> tuple[Gate, ...]:
        """Return the gates whose day has come.

        Examples
        --------
        >>> days = tuple(date(2026, month, 1) for month in (1, 2, 3, 4, 5))
        >>> season = SeasonInputs(season=2026, trees=np.arange(3), gate_days=days)
        >>> [gate.name for gate in season.reached(date(2026, 2, 20))]
        ['INDUCTION', 'PANICLE']
        """
        return tuple(gate for gate in Gate if self.day(gate) <= day)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PastSeason:
    """A season that is over.

    Parameters
    ----------
    inputs : SeasonInputs
    yield_kg : (N,) float64
        What each tree bore, NaN = not weighed.
    field_kg : float
        What the field bore where trees were not weighed one by one; NaN = not known.
    """

    inputs: SeasonInputs
    yield_kg: FloatArray
    field_kg: float = float("nan")


def known_at(inputs: SeasonInputs, gate: Gate) -> SeasonInputs:
    """Return a season as it was known on a gate's day.

    Examples
    --------
    >>> days = tuple(date(2026, month, 1) for month in (1, 2, 3, 4, 5))
    >>> bloom = Column(name="bloom", values=np.ones(2), known_on=date(2026, 1, 20))
    >>> season = SeasonInputs(season=2026, trees=np.arange(2), gate_days=days, columns=(bloom,))
    >>> len(known_at(season, Gate.INDUCTION).columns), len(known_at(season, Gate.PANICLE).columns)
    (0, 1)
    """
    day = inputs.day(gate)
    flowering, counts = inputs.flowering, inputs.counts
    return replace(
        inputs,
        columns=tuple(one for one in inputs.columns if one.known_on <= day),
        flowering=flowering if flowering is not None and flowering.known_on <= day else None,
        counts=counts if counts is not None and counts.known_on <= day else None,
    )


def future_inputs(
    forecast: Callable[[SeasonInputs, Gate], FloatArray], inputs: SeasonInputs, gate: Gate
) -> tuple[str, ...]:
    """Return the inputs known only after a gate that nevertheless move its forecast.

    Parameters
    ----------
    forecast : function of inputs and gate
        Returns numbers; they are compared to the bit.
    inputs : SeasonInputs
        With all that became known in the season.
    gate : Gate

    Examples
    --------
    >>> days = tuple(date(2026, month, 1) for month in (1, 2, 3, 4, 5))
    >>> bloom = Column(name="bloom", values=np.ones(2), known_on=date(2026, 1, 20))
    >>> season = SeasonInputs(season=2026, trees=np.arange(2), gate_days=days, columns=(bloom,))
    >>> future_inputs(lambda s, g: s.columns[0].values, season, Gate.INDUCTION)
    ('bloom',)
    """
    day, told = inputs.day(gate), forecast(inputs, gate)
    changed: list[tuple[str, SeasonInputs]] = []
    for at, one in enumerate(inputs.columns):
        if one.known_on > day:
            other = replace(one, values=np.nan_to_num(one.values[::-1] * 3.0, nan=1.0) + 7.0)
            columns = (*inputs.columns[:at], other, *inputs.columns[at + 1 :])
            changed.append((one.name, replace(inputs, columns=columns)))
    if inputs.flowering is not None and inputs.flowering.known_on > day:
        turned = replace(inputs.flowering, share=1.0 - 0.9 * inputs.flowering.share)
        changed.append(("flowering", replace(inputs, flowering=turned)))
    if inputs.counts is not None and inputs.counts.known_on > day:
        more = replace(inputs.counts, kg=3.0 * inputs.counts.kg[::-1] + 7.0)
        changed.append(("counts", replace(inputs, counts=more)))
    return tuple(name for name, other in changed
                 if not np.array_equal(forecast(other, gate), told, equal_nan=True))  # fmt: skip
