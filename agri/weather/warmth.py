"""Warmth and cold that plants count: degree days, hours and units of chill.

Theory of operation. Every figure is a pure function of temperatures; days without lowest or highest
temperature give NaN, and whoever sums them fills the gaps first (`agri.weather.filling`) or says
how many days are missing. Where only lowest and highest are known, hours come from a cosine over
the day with its top at 14 h (`hourly_c`); that is an assumption, and measured hours are better.

Chill is counted here, not judged: thresholds and units belong to a crop, and units that were
fitted to one cultivar in one country need not hold for another. `LYCHEE_YU_HER_PAU` is there to be
compared with, not to be believed: over the winters 2023/24 and 2024/25 at Hải Phòng it gives about
41 units where its authors ask for 60.37, although lychee flowered there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from agri.errors import BadInput
from agri.weather.series import Days, FloatArray, Hours

DegreeMethod = Literal["simple", "modified"]
WARMEST_H = 14
"""Hour of the day, local, at which the day's cosine has its top."""


def degree_days(
    low_c: ArrayLike,
    high_c: ArrayLike,
    *,
    base_c: float,
    upper_c: float | None = None,
    method: DegreeMethod = "simple",
) -> FloatArray:
    """Return growing degree days, day by day.

    Parameters
    ----------
    low_c, high_c : (N,) float
        Lowest and highest temperature of the day, °C; NaN = not known.
    base_c : float
        Temperature under which nothing develops, °C.
    upper_c : float, optional
        Cut-off: warmth above it does not count (horizontal cut-off).
    method : {"simple", "modified"}
        "simple": the middle of lowest and highest, held between base and cut-off, less the base.
        "modified": lowest and highest are each held between base and cut-off before the middle is
        taken. These are methods 1 and 2 of G. S. McMaster and W. W. Wilhelm, "Growing degree-days:
        one equation, two interpretations", Agric. For. Meteorol. 87 (1997) 291.

    Returns
    -------
    (N,) float64
        °C·d, 0 or more; NaN where a temperature is not known.

    Raises
    ------
    BadInput
        When the cut-off is not above the base.

    Examples
    --------
    >>> degree_days([8.0], [22.0], base_c=10.0).tolist()
    [5.0]
    >>> degree_days([8.0], [22.0], base_c=10.0, method="modified").tolist()
    [6.0]
    >>> degree_days([24.0], [38.0], base_c=10.0, upper_c=30.0, method="modified").tolist()
    [17.0]
    """
    top_c = math.inf if upper_c is None else upper_c
    if not base_c < top_c:
        raise BadInput("error.degree_limits", base=base_c, upper=top_c)
    low, high = np.asarray(low_c, dtype=np.float64), np.asarray(high_c, dtype=np.float64)
    if method == "modified":
        low, high = np.clip(low, base_c, top_c), np.clip(high, base_c, top_c)
    middle: FloatArray = np.clip((low + high) / 2.0, base_c, top_c) - base_c
    return middle


def hourly_c(low_c: ArrayLike, high_c: ArrayLike) -> FloatArray:
    """Return 24 temperatures a day from lowest and highest: a cosine with its top at 14 h.

    Parameters
    ----------
    low_c, high_c : (N,) float
        °C; NaN = not known.

    Returns
    -------
    (N, 24) float64
        °C at 0, 1, … 23 h local time. The plainest of the day curves, an assumption: real nights
        cool more slowly after midnight, and the lowest comes at sunrise, not at 2 h.

    Examples
    --------
    >>> day = hourly_c([10.0], [20.0])
    >>> float(day[0, 14]), float(day[0, 2]), round(float(day.mean()), 9)
    (20.0, 10.0, 15.0)
    """
    low, high = np.asarray(low_c, dtype=np.float64), np.asarray(high_c, dtype=np.float64)
    swing = np.cos(math.tau * (np.arange(24) - WARMEST_H) / 24.0)
    curve: FloatArray = ((low + high) / 2.0)[:, None] + ((high - low) / 2.0)[:, None] * swing
    return curve


def temperatures(weather: Hours | Days) -> FloatArray:
    """Return a series' temperatures hour by hour, measured or from the day's cosine.

    Returns
    -------
    (N,) float64
        °C; of N / 24 days those of `hourly_c`.
    """
    if isinstance(weather, Hours):
        return weather.temperature_c
    return hourly_c(weather.low_c, weather.high_c).ravel()


def hours_below(weather: Hours | Days, threshold_c: float) -> int:
    """Return how many hours were colder than a threshold; hours not known do not count.

    Examples
    --------
    >>> from datetime import date
    >>> winter = Days(first=date(2026, 1, 1), low_c=[10.0], high_c=[20.0])
    >>> hours_below(winter, 15.0), hours_below(winter, 5.0)
    (11, 0)
    """
    return int(np.count_nonzero(temperatures(weather) < threshold_c))


def warm_hours(low_c: ArrayLike, high_c: ArrayLike, threshold_c: float) -> FloatArray:
    """Return the hours of each day above a threshold, by the day's cosine.

    Eight hours a day above 20 °C undo what a cold night did to lychee, two do not (C. M. Menzel
    and D. R. Simpson, "Temperatures above 20 °C reduce flowering in lychee", J. Hort. Sci. 70
    (1995) 981).

    Examples
    --------
    >>> warm_hours([10.0, 18.0], [20.5, 30.0], 20.0).tolist()
    [3.0, 17.0]
    """
    curve = hourly_c(low_c, high_c)
    count: FloatArray = np.sum(curve > threshold_c, axis=1).astype(np.float64)
    count[~np.isfinite(curve).all(axis=1)] = math.nan
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaChill:
    """A chill unit that is 1 at the best temperature and 0 at both ends.

    Parameters
    ----------
    low_c, best_c, high_c : float
        °C, low < best < high.
    needed : float or None
        Days' units that its authors ask for.
    source : str
        Who fitted it, to what.

    Raises
    ------
    BadInput
        When the three temperatures do not rise.
    """

    low_c: float
    best_c: float
    high_c: float
    needed: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if not self.low_c < self.best_c < self.high_c:
            raise BadInput("error.chill_unit", low=self.low_c, best=self.best_c, high=self.high_c)


LYCHEE_YU_HER_PAU = BetaChill(
    low_c=0.0, best_c=19.8, high_c=21.9, needed=60.37,
    source="lychee 'Yu Her Pau', Taiwan (Chang 2024, abstract): start and step not told",
)  # fmt: skip
"""To be compared with; see the head of this room."""


def beta_units(temperature_c: ArrayLike, unit: BetaChill) -> FloatArray:
    """Return chill units of temperatures.

    Parameters
    ----------
    temperature_c : float array
        °C; NaN = not known.
    unit : BetaChill
        Its three temperatures.

    Returns
    -------
    float64 array
        0 to 1, by the beta function of W. Yan and L. A. Hunt, "An equation for modelling the
        temperature response of plants using only the cardinal temperatures", Ann. Bot. 84 (1999)
        607, eq. 6, counted from `low_c`.

    Examples
    --------
    >>> beta_units([0.0, 19.8, 21.9, 30.0], LYCHEE_YU_HER_PAU).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    above = np.asarray(temperature_c, dtype=np.float64) - unit.low_c
    inside = np.clip(above, 0.0, unit.high_c - unit.low_c)
    best, span = unit.best_c - unit.low_c, unit.high_c - unit.best_c
    units: FloatArray = (
        (unit.high_c - unit.low_c - inside) / span * (inside / best) ** (best / span)
    )
    return np.where(np.isfinite(above), units, math.nan)


_UTAH_C = (1.4, 2.4, 9.1, 12.4, 15.9, 18.0)
_UTAH_UNITS = (0.0, 0.5, 1.0, 0.5, 0.0, -0.5, -1.0)


def utah_units(temperature_c: ArrayLike) -> FloatArray:
    """Return the chill units of hours by the Utah model, which counts warm hours against cold.

    Parameters
    ----------
    temperature_c : float array
        °C, one value an hour; NaN = not known.

    Returns
    -------
    float64 array
        −1 to 1 an hour (E. A. Richardson, S. D. Seeley and D. R. Walker, "A model for estimating
        the completion of rest for 'Redhaven' and 'Elberta' peach trees", HortScience 9 (1974) 331,
        table 1). Made for peaches; in the subtropics it soon runs far below zero.

    Examples
    --------
    >>> utah_units([1.0, 2.0, 5.0, 10.0, 14.0, 17.0, 25.0]).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0, -0.5, -1.0]
    """
    values = np.asarray(temperature_c, dtype=np.float64)
    units: FloatArray = np.array(_UTAH_UNITS)[np.searchsorted(_UTAH_C, values, side="right")]
    return np.where(np.isfinite(values), units, math.nan)
