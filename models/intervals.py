"""Between what and what: intervals calibrated by what is new, and how often they hold.

Theory of operation
-------------------
An interval learnt from records that lie among the ones it is tried on holds there alone. So errors
are taken from predictions of groups (blocks, fields, seasons) that were held out whole, and the
group is what is exchanged:

* nine groups or more (for 90 %): hierarchical conformal prediction (Lee, Barber and Willett 2023).
  Every group weighs 1 / (K + 1), spread evenly over its errors, and the missing 1 / (K + 1) stands
  for the new group, at infinity. It holds for a new group whatever the errors' distribution;
* fewer: errors are a group's offset plus what scatters within, both taken from the groups, and the
  margin is Student's t with K − 1 degrees of freedom times their joint deviation;
* fewer than `FEW` seasons: the offset's deviation is no smaller than `SEASON_SPREAD` of the
  forecast, and it is said that there are too few seasons. The spread is that of a whole district
  from year to year: Phương Nam lychee of Uông Bí gave 10.8 t/ha in 2020 and 4.0 to 4.5 in 2024,
  ± 45 % about the middle;
* a season of which trees were counted: split by the jackknife residuals of the recalibration.

Errors may be divided by a difficulty of each record (a positive scale) first, so that the interval
is wide where it must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from agri.errors import BadInput
from agri.findings import Finding
from models.validation.splits import Split

FloatArray = NDArray[np.float64]

FEW = 5
"""With fewer seasons their spread is not known."""
SEASON_SPREAD = 0.45
"""Relative deviation of a season's level where the farm's own seasons are too few."""
UNKNOWN_SPREAD = 1.0
"""What is said with a single group: the margin is no smaller than this share of the forecast."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far forecasts of something new may be off.

    Parameters
    ----------
    nominal : float
        Share that shall hold, 0.9.
    margin : float
        Half width, in the target's unit, or times the difficulty.
    relative : float
        The half width is no smaller than this share of the forecast; 0 with enough groups.
    groups : int
        How many groups it rests on.
    findings : tuple of Finding
    """

    nominal: float
    margin: float
    relative: float
    groups: int
    findings: tuple[Finding, ...] = ()

    def interval(self, said: FloatArray, difficulty: FloatArray | None = None) -> Interval:
        """Return the interval about forecasts; yields are never below 0."""
        wide = self.margin * (np.ones(len(said)) if difficulty is None else difficulty)
        half = np.maximum(wide, self.relative * np.abs(said))
        return Interval(low=np.maximum(said - half, 0.0), high=said + half, nominal=self.nominal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Lower and upper ends, (N,) float64 each, and the share that shall hold."""

    low: FloatArray
    high: FloatArray
    nominal: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How an interval did.

    Parameters
    ----------
    share : float
        Of records inside.
    by_group : dict of group to share
    width : float
        Mean, in the target's unit.
    score : float
        Mean interval score (Winkler 1972; Gneiting and Raftery 2007): width, plus 2 / (1 − nominal)
        times what a record lies outside; lower is better.
    """

    share: float
    by_group: dict[Any, float]
    width: float
    score: float


def calibrate(
    errors: FloatArray,
    groups: NDArray[Any],
    *,
    new: Split,
    nominal: float = 0.9,
    difficulty: FloatArray | None = None,
) -> Calibration:
    """Learn the margin from errors of groups that were held out whole.

    Parameters
    ----------
    errors : (N,) float64
        True minus said, NaN where nothing was said.
    groups : (N,) array
        The blocks, fields or seasons that were held out.
    new : Split
        What is new at the forecast.
    nominal : float
        Share that shall hold, above 0 and below 1.
    difficulty : (N,) float64 or None
        Positive scale of each record's error.

    Raises
    ------
    BadInput
        If there is no error to learn from.

    Examples
    --------
    >>> off = np.random.default_rng(0).normal(0, 1, 2000)
    >>> told = calibrate(off, np.arange(2000) // 50, new=Split.BLOCKED)
    >>> 1.5 < told.margin < 2.0, told.groups
    (True, 40)
    """
    known = np.isfinite(errors)
    if not known.any():
        raise BadInput("error.interval_no_errors")
    scaled = errors[known] if difficulty is None else errors[known] / difficulty[known]
    names, place = np.unique(groups[known], return_inverse=True)
    count = len(names)
    if (1.0 - nominal) * (count + 1) >= 1.0:
        return Calibration(nominal=nominal, margin=_hierarchical(scaled, place, nominal),
                           relative=0.0, groups=count)  # fmt: skip
    between, within = _parts(scaled, place)
    high = (1.0 + nominal) / 2.0
    reach = float(student.ppf(high, max(count - 1, 1)))
    margin = reach * float(np.sqrt(between * (1 + 1 / count) + within))
    if count >= FEW:
        return Calibration(nominal=nominal, margin=margin, relative=0.0, groups=count)
    if new in {Split.SEASON, Split.FORWARD}:
        told = Finding.warning("finding.interval_few_seasons", seasons=count,
                               percent=100 * SEASON_SPREAD)  # fmt: skip
        relative = SEASON_SPREAD * float(student.ppf(high, 30))
    else:
        told = Finding.warning("finding.interval_few_groups", groups=count)
        relative = UNKNOWN_SPREAD if count == 1 else 0.0
    return Calibration(nominal=nominal, margin=margin, relative=relative, groups=count,
                       findings=(told,))  # fmt: skip


def calibrate_counted(residuals: FloatArray, *, nominal: float = 0.9) -> Calibration:
    """Learn the margin of a season of which trees were counted.

    Parameters
    ----------
    residuals : (K,) float64
        Counted minus what was said without the tree (`SeasonRecalibration.residuals_`).

    Examples
    --------
    >>> calibrate_counted(np.array([1.0, -2.0, 3.0, -4.0, 5.0, 1.0, 2.0, -3.0, 4.0])).margin
    5.0
    """
    known = residuals[np.isfinite(residuals)]
    if not len(known):
        raise BadInput("error.interval_no_errors")
    if (1.0 - nominal) * (len(known) + 1) >= 1.0 - 1e-9:
        margin = _hierarchical(known, np.arange(len(known)), nominal)
        return Calibration(nominal=nominal, margin=margin, relative=0.0, groups=len(known))
    reach = float(student.ppf((1.0 + nominal) / 2.0, max(len(known) - 1, 1)))
    return Calibration(
        nominal=nominal,
        margin=reach * float(np.sqrt(np.mean(known**2) * (1 + 1 / len(known)))),
        relative=UNKNOWN_SPREAD if len(known) == 1 else 0.0,
        groups=len(known),
        findings=(Finding.warning("finding.interval_few_groups", groups=len(known)),),
    )


def coverage(interval: Interval, target: FloatArray, groups: NDArray[Any]) -> Coverage:
    """Return how often an interval held, by group too, and what it cost.

    Examples
    --------
    >>> said = Interval(low=np.zeros(4), high=np.ones(4), nominal=0.9)
    >>> coverage(said, np.array([0.5, 0.5, 0.5, 2.0]), np.array([1, 1, 2, 2])).by_group
    {1: 1.0, 2: 0.5}
    """
    inside = (target >= interval.low) & (target <= interval.high)
    wide = interval.high - interval.low
    outside = np.maximum(interval.low - target, 0) + np.maximum(target - interval.high, 0)
    score = wide + 2.0 / (1.0 - interval.nominal) * outside
    by_group = {name: float(inside[groups == name].mean()) for name in np.unique(groups).tolist()}
    return Coverage(share=float(inside.mean()), by_group=by_group, width=float(wide.mean()),
                    score=float(score.mean()))  # fmt: skip


def _hierarchical(errors: FloatArray, place: NDArray[np.intp], nominal: float) -> float:
    """Return the quantile of |error| with a group's weight spread over its errors."""
    sizes = np.bincount(place)
    weight = 1.0 / ((len(sizes) + 1) * sizes[place])
    order = np.argsort(np.abs(errors))
    reached = np.cumsum(weight[order]) >= nominal - 1e-9
    return float(np.abs(errors)[order[int(np.argmax(reached))]])


def _parts(errors: FloatArray, place: NDArray[np.intp]) -> tuple[float, float]:
    """Return the mean square of groups' offsets and the variance within groups."""
    sizes = np.bincount(place)
    offset = np.bincount(place, errors) / sizes
    free = max(len(errors) - len(sizes), 1)
    within = float(((errors - offset[place]) ** 2).sum()) / free
    return max(float(np.mean(offset**2) - within * np.mean(1 / sizes)), 0.0), within
