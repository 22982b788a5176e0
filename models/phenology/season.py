"""Stages and harvest date of a season: P10, P50 and P90 from weather that may come.

Theory of operation. Three things are not known: when the first stage began, how much heat the crop
takes (with its base temperature), and the weather still to come. The first two are a grid of
possibilities, each with a weight; the third is one season per past year
(`models.phenology.temperatures.ensemble`). For every combination the day of every stage is where
the heat summed from the first stage reaches the stage's share. Dates are weighted quantiles.

What is seen (a bloom, a drone's flowering index, fruit set) changes weights: a possibility whose
day for that stage lies far off loses, by a normal error of some days. One part in fifty of every
weight stays whatever is seen, so that a mistaken note cannot rule out the truth, and a note far
from all that was expected is told as such.

Decisions. No chance is drawn: the same input gives the same dates. Few past years tell little of
the weather, so the spread of heat is widened by √(1 + 1/years), and under five years it is said.
More heat never makes a date later, as long as nothing is seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from agri.crop import CropCard
from agri.errors import BadInput
from agri.findings import Finding
from agri.words import Message
from models.phenology.clock import Clock, clock_from, normal_nodes
from models.phenology.induction import weighted_quantiles
from models.phenology.temperatures import Temperatures, ensemble

FloatArray = NDArray[np.float64]

HEAT_NODES = 11
ANCHOR_SIGMAS = np.arange(-6.0, 6.01, 0.5)
ANCHOR_TAIL = 0.1
"""Part of the belief in the first stage's date that is three times as wide."""
MISTAKEN = 0.02
FEW_YEARS = 5
FAR_SIGMAS = 3.0
LONGER = 1.35
"""Weather is asked for over this many times the usual length, and 30 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A stage that was seen to begin.

    Parameters
    ----------
    bbch : int
        One of the card's stages.
    day : date
        When half of the orchard or field had reached it.
    error_days : float
        How far off the day may be.
    """

    bbch: int
    day: date
    error_days: float = 3.0

    def __post_init__(self) -> None:
        _check_error(self.error_days)

    def progress(self, clock: Clock) -> float:
        """Return the share of the heat to harvest that it stands for."""
        return clock.share(self.bbch)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloweringIndex:
    """The share of crowns in bloom that a drone counted on a day.

    Parameters
    ----------
    day : date
        Of the flight.
    in_bloom : float
        0 to 1.
    rising : bool
        Whether bloom was still opening; else it was fading.
    error_days : float
        How far off the stage may be, in days.

    Notes
    -----
    Between first flowers (60), full bloom (65) and end of bloom (69) the index is taken for
    straight in heat; that is assumed.
    """

    day: date
    in_bloom: float
    rising: bool = True
    error_days: float = 5.0

    def __post_init__(self) -> None:
        _check_error(self.error_days)
        if not 0.0 <= self.in_bloom <= 1.0:
            raise BadInput("error.share", name="in_bloom", value=self.in_bloom)

    def progress(self, clock: Clock) -> float:
        """Return the share of the heat to harvest that it stands for."""
        full = clock.share(65)
        start = clock.share(60) if self.rising else clock.share(69)
        return start + self.in_bloom * (full - start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A date with its uncertainty.

    Parameters
    ----------
    p10, p50, p90 : date
        One chance in ten of earlier, the middle, one in ten of later.

    Examples
    --------
    >>> Window(p10=date(2024, 5, 14), p50=date(2024, 5, 19), p90=date(2024, 5, 24)).days
    10
    """

    p10: date
    p50: date
    p90: date

    @property
    def days(self) -> int:
        """Days from p10 to p90."""
        return (self.p90 - self.p10).days

    def message(self, what: Message | str) -> Message:
        """The window as a sentence about `what`."""
        return Message.of("crop.window", what=what, p10=self.p10, p50=self.p50, p90=self.p90)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonOutlook:
    """When each stage of a season comes.

    Parameters
    ----------
    stages : tuple of int
        BBCH stages, in order.
    first : date
        The day that the arrays count from.
    days : (S, N) float64
        Day of each stage in each possibility; inf when its weather ends before.
    weights : (N,) float64
        How likely each possibility is; they sum to 1.
    last : date
        The last day of weather.
    findings : tuple of Finding
        What the dates lean on.
    """

    stages: tuple[int, ...]
    first: date
    days: FloatArray
    weights: FloatArray
    last: date
    findings: tuple[Finding, ...]

    def when(self, bbch: int) -> Window:
        """Return when a stage begins.

        Raises
        ------
        BadInput
            When the stage is not told, or the weather ends before it.
        """
        if bbch not in self.stages:
            known = ", ".join(map(str, self.stages))
            raise BadInput("error.stage_unknown", stage=bbch, known=known)
        row = self.days[self.stages.index(bbch)]
        quantiles = weighted_quantiles(row, self.weights, (0.1, 0.5, 0.9))
        if not all(map(math.isfinite, quantiles)):
            raise BadInput("error.season_too_short", stage=bbch, last=self.last)
        p10, p50, p90 = (self.first + timedelta(days=int(day)) for day in quantiles)
        return Window(p10=p10, p50=p50, p90=p90)

    @property
    def harvest(self) -> Window:
        """When the crop is ripe."""
        return self.when(self.stages[-1])

    def chances(self, day: date) -> tuple[tuple[int, float], ...]:
        """Return the chance of standing at each stage on a day.

        Returns
        -------
        tuple of (int, float)
            BBCH stage and chance, in order; −1 stands for "not begun". They sum to 1.
        """
        begun = (self.days <= (day - self.first).days) @ self.weights
        steps = np.concatenate([[1.0], begun, [0.0]])
        parts = np.maximum(steps[:-1] - steps[1:], 0.0)
        return tuple(zip((-1, *self.stages), map(float, parts), strict=True))

    def likely(self, day: date) -> int:
        """Return the likeliest stage on a day, −1 when the season has not begun."""
        return max(self.chances(day), key=lambda pair: pair[1])[0]


def season_outlook(
    card: CropCard,
    year: int,
    past: Sequence[Temperatures],
    *,
    so_far: Temperatures | None = None,
    clock: Clock | None = None,
    first_stage: date | None = None,
    first_stage_error_days: float | None = None,
    seen: Sequence[Seen | FloweringIndex] = (),
) -> SeasonOutlook:
    """Return when each stage of a season comes, harvest last.

    Parameters
    ----------
    card : CropCard
        With stages and "base_temperature".
    year : int
        In which the first stage lies.
    past : sequence of Temperatures
        Earlier years at the same place.
    so_far : Temperatures or None
        This season's measured days.
    clock : Clock or None
        As `models.phenology.clock.learned` from the farm; None for the card's.
    first_stage : date or None
        When it began (for rice the day of planting); None for the card's "first_stage".
    first_stage_error_days : float or None
        How far off that may be; None for 2 days of a given date, else the card's
        spread, at least a day.
    seen : sequence of Seen or FloweringIndex
        What was seen.

    Returns
    -------
    SeasonOutlook
        With findings on what it leans on.

    Raises
    ------
    BadInput
        When the card lacks a number, or weather is missing.
    """
    clock = clock or clock_from(card)
    anchor, sigma = _anchor(card, year, first_stage, first_stage_error_days)
    reach = timedelta(days=math.ceil(6.0 * sigma))
    first = anchor - reach
    if so_far is not None and first < so_far.first <= anchor:
        first = so_far.first
    last = anchor + timedelta(days=math.ceil(LONGER * clock.length_days) + 30)
    seasons = ensemble(so_far, past, first, max([last, *(one.day for one in seen)]))
    years = 0 if so_far is not None and so_far.last >= seasons[0].last else len(seasons)
    offsets = np.maximum(np.round((anchor - first).days + sigma * ANCHOR_SIGMAS), 0).astype(int)
    progress = [share for _, share in clock.stages] + [one.progress(clock) for one in seen]
    days = _stage_days(clock, seasons, offsets, np.array(progress), years)
    weights = np.broadcast_to(
        clock.weights[:, None, None] * _anchor_weights()[:, None], days.shape[2:]
    )
    prior = np.tile(weights.ravel(), len(seasons)) / (weights.sum() * len(seasons))
    flat = days.reshape(days.shape[0], -1)
    told, posterior = _updated(flat[len(clock.stages) :], prior, seen, first)
    return SeasonOutlook(
        stages=tuple(stage for stage, _ in clock.stages),
        first=first,
        days=flat[: len(clock.stages)],
        weights=posterior,
        last=seasons[0].last,
        findings=(*_grounds(card, clock, years), *told),
    )


def _anchor(
    card: CropCard, year: int, first_stage: date | None, error_days: float | None
) -> tuple[date, float]:
    if first_stage is not None:
        sigma = 2.0 if error_days is None else error_days
        _check_error(sigma)
        return first_stage, sigma
    told = card.number("first_stage")
    sigma = max(told.spread, 1.0) if error_days is None else error_days
    _check_error(sigma)
    return told.day(year), sigma


def _anchor_weights() -> FloatArray:
    narrow = np.exp(-0.5 * ANCHOR_SIGMAS**2)
    wide = np.exp(-0.5 * (ANCHOR_SIGMAS / 3.0) ** 2)
    mixed = (1.0 - ANCHOR_TAIL) * narrow / narrow.sum() + ANCHOR_TAIL * wide / wide.sum()
    return np.asarray(mixed, dtype=np.float64)


def _stage_days(
    clock: Clock,
    seasons: Sequence[Temperatures],
    offsets: NDArray[np.int_],
    progress: FloatArray,
    years: int,
) -> FloatArray:
    """Day of each progress: (P, years, bases, anchors, heats) float64, inf when not reached."""
    widen = math.sqrt(1.0 + 1.0 / years) if years else 1.0
    nodes = normal_nodes(HEAT_NODES)
    shape = (progress.size, len(seasons), clock.bases_c.size, offsets.size, nodes.size)
    days = np.empty(shape)
    for y, season in enumerate(seasons):
        for b, base in enumerate(clock.bases_c):
            summed = np.concatenate([[0.0], np.cumsum(season.heat(float(base), clock.ceiling_c))])
            need = np.maximum(clock.heat[b] + widen * clock.spread[b] * nodes, 1.0)
            target = summed[offsets][None, :, None] + progress[:, None, None] * need
            found = np.searchsorted(summed, target - 1e-9) - 1.0
            found = np.maximum(found, offsets[None, :, None])
            days[:, y, b] = np.where(found >= len(season), np.inf, found)
    return days


def _updated(
    days: FloatArray, prior: FloatArray, seen: Sequence[Seen | FloweringIndex], first: date
) -> tuple[tuple[Finding, ...], FloatArray]:
    """Findings about what was seen, and the weights after it."""
    weights, told = prior, []
    for row, one in zip(days, seen, strict=True):
        off = np.where(np.isfinite(row), row - (one.day - first).days, 1e3) / one.error_days
        if float(prior[np.abs(off) < FAR_SIGMAS].sum()) < MISTAKEN:
            middle = float(weighted_quantiles(row, prior, (0.5,))[0])
            expected = first + timedelta(days=int(min(middle, 400)))
            told.append(
                Finding.warning(
                    "finding.seen_far",
                    day=one.day,
                    expected=expected,
                )
            )
        weights = weights * ((1.0 - MISTAKEN) * np.exp(-0.5 * off**2) + MISTAKEN * 0.01)
    return tuple(told), weights / weights.sum()


def _grounds(card: CropCard, clock: Clock, years: int) -> tuple[Finding, ...]:
    told = []
    if 0 < years < FEW_YEARS:
        told.append(Finding.warning("finding.few_past_years", years=years, wanted=FEW_YEARS))
    if clock.seasons == 0 and card.assumed:
        told.append(Finding.warning("finding.dates_assumed", card=card.name_vi))
    return tuple(told)


def _check_error(days: float) -> None:
    if not 0.0 < days <= 60.0:
        raise BadInput("error.error_days", value=days)
