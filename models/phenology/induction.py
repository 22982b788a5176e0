"""Floral induction: how many shoots the winter will bring to flower, as a probability.

Theory of operation. Lychee makes flower buds in cool weather: at 20/15 °C nearly every branch
flowers, at 25/20 °C none; eight hours a day above 20 °C are harmful, two are not (Menzel and
Simpson 1995, J. Hort. Sci. 70:981). So a day counts as cool by its hours above 20 °C: wholly up to
two, not at all from eight, straight between (the straight line is assumed). How long it is cool
matters more than how cold (Fang 2022), so cool days are summed from November to January.

The share of shoots that flower rises with them as D⁴ / (D⁴ + m⁴), where m is the number of cool
days at which half flower. No source tells m for the cultivars of Đông Triều, and cultivars differ
from 3 to 95 % at the same cold, so m is wide, and `taught` narrows it by the farm's own winters.
A threshold of another cultivar is not used: by the 60.37 units of 'Yu Her Pau' (Chang 2024) no
lychee would flower at Hải Phòng.

Shoots that flush in winter do not flower. What share flushed is seen by drone or by eye; until
then it is guessed from rain (assumed: 5 % and 10 % more for every 100 mm, half to twice that).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from agri.crop import CropCard
from agri.errors import BadInput
from agri.findings import Finding
from agri.weather.warmth import warm_hours
from models.phenology.clock import normal_nodes
from models.phenology.temperatures import Temperatures

FloatArray = NDArray[np.float64]

LIMITS_C = (13.0, 15.0, 18.0, 20.0, 22.0, 24.0)
"""Hours below these are told beside the cool days."""
STEEPNESS = 4.0
"""Assumed: with twice the cool days that half the shoots need, 94 % flower."""
NEED_NODES = 61
POOR_SHARE = 0.5
"""Fewer flowering shoots than this is a poor bloom; 2019, a bad year, had 50 to 60 % of trees."""
GOOD_UP_TO, POOR_FROM = 0.25, 0.6
"""Chance of a poor bloom up to which the outlook is good, and from which it is poor."""
RECORD_ERROR = 0.15
"""How far a share that was counted may be from the true one."""
FLUSH_DRY, FLUSH_PER_100_MM, FLUSH_MOST = 0.05, 0.10, 0.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InductionModel:
    """What a crop needs to flower.

    Parameters
    ----------
    cool_below_c : float
        The warmest that is cool.
    harmless_h, harmful_h : float
        Hours a day above it that do not matter, and that spoil the day.
    need_days : (M,) float64
        Cool days at which half the shoots flower, as far as is known.
    weights : (M,) float64
        How likely each is; they sum to 1.
    flush_loss : float
        Share of the flushed shoots that do not flower.
    """

    cool_below_c: float
    harmless_h: float
    harmful_h: float
    need_days: FloatArray
    weights: FloatArray
    flush_loss: float

    def flowering(self, cool_days: float, flush_share: float = 0.0) -> FloatArray:
        """Return the share of shoots that flower for every need: (M,) float64, 0 to 1."""
        cool = max(cool_days, 0.0) ** STEEPNESS
        share = cool / (cool + self.need_days**STEEPNESS)
        return np.asarray(share * (1.0 - self.flush_loss * flush_share), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowerRecord:
    """A past winter of the farm: its cool days and the share of shoots that flowered after it.

    Parameters
    ----------
    cool_days : float
        By `cool_days`.
    flowered : float
        0 to 1.
    flush_share : float
        Share of shoots that had flushed in that winter, 0 to 1.
    """

    cool_days: float
    flowered: float
    flush_share: float = 0.0

    def __post_init__(self) -> None:
        _check_share("flowered", self.flowered)
        _check_share("flush_share", self.flush_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class InductionOutlook:
    """How the trees will flower after a winter.

    Parameters
    ----------
    p10, p50, p90 : float
        Share of shoots that flower: one chance in ten of less, the middle, one in ten of more.
    poor_chance : float
        Chance that fewer than `POOR_SHARE` flower.
    cool_days : float
        Mean over the winters that are possible.
    hours_below : tuple of (float, float)
        Limit in °C, and hours below it, mean over the winters.
    findings : tuple of Finding
        The outlook in words, and what it leans on.
    """

    p10: float
    p50: float
    p90: float
    poor_chance: float
    cool_days: float
    hours_below: tuple[tuple[float, float], ...]
    findings: tuple[Finding, ...]


def winter_before(year: int) -> tuple[date, date]:
    """Return the first and last day in which the flowers of `year` are made.

    Examples
    --------
    >>> winter_before(2024)
    (datetime.date(2023, 11, 1), datetime.date(2024, 1, 31))
    """
    return date(year - 1, 11, 1), date(year, 1, 31)


def induction_from(card: CropCard) -> InductionModel:
    """Return the model of a crop card, before the farm's own winters have taught it.

    Raises
    ------
    BadInput
        When the card does not tell what the crop needs.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> model = induction_from(crop_card("vai_ph40"))
    >>> float(model.need_days[NEED_NODES // 2])
    12.0
    """
    need = card.number("cool_days_needed")
    if need.low <= 0.0:
        raise BadInput("error.crop_range", number=need.name, low=need.low, value=need.value,
                       high=need.high)  # fmt: skip
    spread = math.log(need.high / need.low) / (2.0 * 1.645)
    return InductionModel(
        cool_below_c=card.number("cool_below").value,
        harmless_h=card.number("warm_hours_harmless").value,
        harmful_h=card.number("warm_hours_harmful").value,
        need_days=need.value * np.exp(spread * normal_nodes(NEED_NODES)),
        weights=np.full(NEED_NODES, 1.0 / NEED_NODES),
        flush_loss=card.number("flush_loss").value,
    )


def cool_days(model: InductionModel, winter: Temperatures) -> float:
    """Return how many cool days a winter had, days between cool and warm counted in part.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> cold = Temperatures.of(date(2023, 11, 1), np.full(30, 12.0), np.full(30, 19.0))
    >>> cool_days(induction_from(crop_card("vai_ph40")), cold)
    30.0
    """
    above = warm_hours(winter.low_c, winter.high_c, model.cool_below_c)
    credit = (model.harmful_h - above) / (model.harmful_h - model.harmless_h)
    return float(np.clip(credit, 0.0, 1.0).sum())


def taught(model: InductionModel, records: Sequence[FlowerRecord]) -> InductionModel:
    """Return the model after the farm's own winters: needs that explain them weigh more.

    Examples
    --------
    >>> from agri.crop_cards import crop_card
    >>> model = induction_from(crop_card("vai_ph40"))
    >>> easy = taught(model, [FlowerRecord(cool_days=10.0, flowered=0.95)])
    >>> float(easy.weights @ easy.need_days) < float(model.weights @ model.need_days)
    True
    """
    weights = model.weights
    for record in records:
        missed = model.flowering(record.cool_days, record.flush_share) - record.flowered
        weights = weights * (np.exp(-0.5 * (missed / RECORD_ERROR) ** 2) + 1e-6)
    return replace(model, weights=weights / weights.sum())


def induction_outlook(
    model: InductionModel, winters: Sequence[Temperatures], *, flush_share: float | None = None
) -> InductionOutlook:
    """Return how the trees will flower after a winter that is known, or several that may come.

    Parameters
    ----------
    model : InductionModel
        Of the card, or `taught`.
    winters : sequence of Temperatures
        Equally likely winters (`models.phenology.temperatures.ensemble`); one when it is over.
    flush_share : float or None
        Share of shoots seen flushing, 0 to 1; None when nobody looked.

    Returns
    -------
    InductionOutlook
        A probability, with its reasons.

    Raises
    ------
    BadInput
        When there is no winter, or the share is none.
    """
    if not winters:
        raise BadInput("error.no_winter")
    if flush_share is not None:
        _check_share("flush_share", flush_share)
    cool = [cool_days(model, winter) for winter in winters]
    flushes = [_flushes(winter, flush_share) for winter in winters]
    shares = np.concatenate(
        [model.flowering(c, f) for c, some in zip(cool, flushes, strict=True) for f in some]
    )
    weights = np.tile(model.weights, shares.size // model.weights.size)
    p10, p50, p90 = weighted_quantiles(shares, weights, (0.1, 0.5, 0.9))
    poor = float(weights[shares < POOR_SHARE].sum() / weights.sum())
    hours = tuple(
        (limit, float(np.mean([winter.hours_below(limit).sum() for winter in winters])))
        for limit in LIMITS_C
    )
    days = float(np.mean(cool))
    findings = [_told(poor, p50, days)]
    if flush_share is None:
        findings.append(Finding.info("finding.flush_not_seen"))
    return InductionOutlook(
        p10=p10, p50=p50, p90=p90, poor_chance=poor, cool_days=days, hours_below=hours,
        findings=tuple(findings),
    )  # fmt: skip


def weighted_quantiles(
    values: FloatArray, weights: FloatArray, at: Sequence[float]
) -> tuple[float, ...]:
    """Return the smallest values that reach the given parts of the weight.

    Examples
    --------
    >>> weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]), (0.1, 0.5))
    (1.0, 2.0)
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.asarray(at) * reached[-1] * (1.0 - 1e-12))
    return tuple(float(values[order[min(k, order.size - 1)]]) for k in places)


def _told(poor: float, share: float, days: float) -> Finding:
    chance, percent = 100.0 * poor, 100.0 * share
    if poor <= GOOD_UP_TO:
        return Finding.info("finding.induction_good", chance=chance, share=percent, days=days)
    key = "finding.induction_poor" if poor >= POOR_FROM else "finding.induction_doubtful"
    return Finding.warning(key, chance=chance, share=percent, days=days)


def _flushes(winter: Temperatures, seen: float | None) -> tuple[float, ...]:
    if seen is not None:
        return (seen, seen, seen)
    rain = 100.0 if winter.rain_mm is None else float(winter.rain_mm.sum())
    middle = min(FLUSH_DRY + FLUSH_PER_100_MM * rain / 100.0, FLUSH_MOST / 2.0)
    return (middle / 2.0, middle, middle * 2.0)


def _check_share(name: str, value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise BadInput("error.share", name=name, value=value)
