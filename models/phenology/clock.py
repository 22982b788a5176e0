"""The thermal clock: how much heat a crop takes, when the base temperature itself is uncertain.

Theory of operation. Between the first stage and the harvest a crop gathers degree days above a
base. Calendar dates hardly tell the base: whether 0 or 15 °C, what is learned in one season
predicts the next within days. So a `Clock` keeps several bases with weights, and for each the heat
to harvest and its spread. Other stages lie at fixed shares of that heat.

Decisions. A card tells heat at one base over a known number of days; at another base it is that
heat less (base difference × days), which is exact while no day is colder than the base. Seasons
whose first stage and harvest were dated teach the clock (`learned`): the mean moves from the card's
towards the seasons', and bases at which they agree weigh more. No spread is below what dates a few
days wrong bring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from agri.crop import CropCard
from agri.errors import BadInput
from models.phenology.temperatures import HOTTEST_C, Temperatures

FloatArray = NDArray[np.float64]

BASES = 5
"""Base temperatures a card's range is told by."""
PLAIN_DEGREES = 12.0
"""Degree days of a middling day of the growing season above 10 °C in the Đông Triều spring."""
DATE_ERROR_DAYS = 3.0
"""How far a dated harvest may be from the stage itself."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clock:
    """Heat from first stage to harvest for several base temperatures.

    Parameters
    ----------
    bases_c : (B,) float64, °C
        Base temperatures.
    weights : (B,) float64
        How likely each is; they sum to 1.
    heat : (B,) float64, °C d
        Heat to harvest at each base.
    spread : (B,) float64, °C d
        Its standard deviation from season to season.
    stages : tuple of (int, float)
        BBCH stage and the share of the heat at which it begins, rising from 0 to 1.
    length_days : float
        About how long it takes.
    ceiling_c : float
        Warmth above this counts no more.
    seasons : int
        How many dated seasons taught it.

    Raises
    ------
    BadInput
        When a heat is not positive.
    """

    bases_c: FloatArray
    weights: FloatArray
    heat: FloatArray
    spread: FloatArray
    stages: tuple[tuple[int, float], ...]
    length_days: float
    ceiling_c: float = HOTTEST_C
    seasons: int = 0

    def __post_init__(self) -> None:
        if not (self.heat > 0.0).all() or not (self.spread >= 0.0).all() or not self.stages:
            raise BadInput("error.clock_heat", heat=float(self.heat.min()))

    def share(self, bbch: int) -> float:
        """Return the share of the heat at which a stage begins.

        Raises
        ------
        BadInput
            When the crop's card does not tell the stage.
        """
        for stage, share in self.stages:
            if stage == bbch:
                return share
        known = ", ".join(str(stage) for stage, _ in self.stages)
        raise BadInput("error.stage_unknown", stage=bbch, known=known)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedSeason:
    """A season whose first stage and harvest were dated.

    Parameters
    ----------
    first_stage, harvest : date
        When the card's first stage began, and when the crop was ripe.
    temperatures : Temperatures
        Holding both days.
    """

    first_stage: date
    harvest: date
    temperatures: Temperatures


def normal_nodes(count: int) -> FloatArray:
    """Return the middles of `count` equally likely parts of a standard normal, scaled to sd 1.

    Examples
    --------
    >>> normal_nodes(3).round(2)
    array([-1.22,  0.  ,  1.22])
    """
    if count == 1:
        return np.zeros(1)
    nodes = np.array([NormalDist().inv_cdf((k + 0.5) / count) for k in range(count)])
    return np.asarray(nodes / nodes.std(), dtype=np.float64)


def clock_from(card: CropCard) -> Clock:
    """Return the clock of a crop card, before any season of the farm has taught it.

    Parameters
    ----------
    card : CropCard
        With "base_temperature" and stages.

    Raises
    ------
    BadInput
        When the card tells no base temperature or no stages.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> clock = clock_from(crop_card("vai_ph40"))
    >>> float(clock.bases_c[2]), float(clock.heat[2]), round(clock.share(65), 2)
    (10.0, 1660.0, 0.24)
    """
    base, total = card.number("base_temperature"), card.harvest_stage.heat
    bases = base.value + base.spread * normal_nodes(BASES)
    days = _days_to_harvest(card)
    heat = np.maximum(total.value + (base.value - bases) * days, 0.1 * total.value)
    return Clock(
        bases_c=bases,
        weights=np.full(BASES, 1.0 / BASES),
        heat=heat,
        spread=np.maximum(total.spread / total.value, DATE_ERROR_DAYS / days) * heat,
        stages=tuple((one.bbch, one.heat.value / total.value) for one in card.stages),
        length_days=days,
        ceiling_c=card.number("heat_ceiling").value if card.has("heat_ceiling") else HOTTEST_C,
    )


def _days_to_harvest(card: CropCard) -> float:
    for name in ("days_to_ripe", "days_to_harvest"):
        if card.has(name):
            return card.number(name).value
    if card.has("harvest") and card.has("first_stage"):
        return (card.number("harvest").value - card.number("first_stage").value) % 365.0
    return card.harvest_stage.heat.value / PLAIN_DEGREES


def heat_of(season: DatedSeason, base_c: float, ceiling_c: float = HOTTEST_C) -> float:
    """Return the degree days of a dated season, first and last day with.

    Raises
    ------
    BadInput
        When its temperatures do not hold both days.
    """
    days = season.temperatures.between(season.first_stage, season.harvest)
    return float(days.heat(base_c, ceiling_c).sum())


def learned(clock: Clock, seasons: Sequence[DatedSeason]) -> Clock:
    """Return the clock after dated seasons have taught it.

    Parameters
    ----------
    clock : Clock
        What was believed before.
    seasons : sequence of DatedSeason
        The farm's own; with none the clock stays as it is.

    Returns
    -------
    Clock
        Bases at which the seasons' heats agree better weigh more.

    Raises
    ------
    BadInput
        When a season's temperatures do not hold its days.

    Notes
    -----
    For each base a normal mean: half of the card's variance is how seasons differ, half how far
    the card may be from this farm, so that the card weighs as one season. The weight of a base is
    the seasons' marginal likelihood.
    """
    if not seasons:
        return clock
    heats = np.array([[heat_of(s, b, clock.ceiling_c) for s in seasons] for b in clock.bases_c])
    before, count = clock.seasons, len(seasons)
    noise2 = clock.spread**2 / (1.0 + 1.0 / (1.0 + before))
    means = heats.mean(axis=1)
    scatter = ((heats - means[:, None]) ** 2).sum(axis=1) / noise2
    offset = count * (means - clock.heat) ** 2 / (noise2 * (1.0 + count / (1.0 + before)))
    log_weight = np.log(clock.weights) - 0.5 * (scatter + offset)
    weights = np.exp(log_weight - log_weight.max())
    return replace(
        clock,
        weights=np.maximum(weights / weights.sum(), 1e-12),
        heat=clock.heat + (means - clock.heat) * count / (1.0 + before + count),
        spread=np.sqrt(noise2 * (1.0 + 1.0 / (1.0 + before + count))),
        seasons=before + count,
    )
