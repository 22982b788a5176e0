"""Values over time: a smooth line through flights that come when they come.

Theory of operation
-------------------
Whittaker's smoother (Eilers, Anal. Chem. 75 (2003) 3631) takes the line of daily values z that is
least in Σ w (y − z)² + λ Σ (second differences of z)²: it may miss points, and it must not bend
for nothing. Days without a flight have weight 0 and are bridged, so dates need no order of steps.
The equation is solved exactly (a banded matrix). Points far off the line, clouds and haze as a
rule, get less weight in a second and third round (Tukey's biweight), so that one bad flight does
not pull the season down. The line is drawn between the first and the last flight, never beyond.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from agri.errors import BadInput
from agri.grid import FloatArray

ROUNDS = 3
BIWEIGHT = 4.685
"""Points farther off than so many deviations have no weight."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """Measured values and the line through them, ready to be drawn.

    Parameters
    ----------
    name : str
        What is measured: "ndvi", or a tree's number.
    dates : tuple of date
        Of the flights, oldest first.
    values : (N,) float64
        As measured.
    weights : (N,) float64
        Their say in the line, 0 to 1; 0 was taken for an outlier.
    days : tuple of date
        Every day from the first flight to the last.
    line : (D,) float64
        The smooth line on those days.
    """

    name: str
    dates: tuple[date, ...]
    values: FloatArray
    weights: FloatArray
    days: tuple[date, ...]
    line: FloatArray

    def at(self, day: date) -> float:
        """Return the line's value on a day, NaN outside.

        Examples
        --------
        >>> steady = smoothed([date(2026, 1, k) for k in (1, 11, 21)], [0.2, 0.3, 0.4])
        >>> round(steady.at(date(2026, 1, 6)), 3)
        0.25
        """
        index = (day - self.days[0]).days
        return float(self.line[index]) if 0 <= index < len(self.line) else math.nan


def smoothed(
    dates: Sequence[date],
    values: Sequence[float],
    *,
    stiffness: float = 3000.0,
    weights: Sequence[float] | None = None,
    floor: float = 0.01,
    name: str = "",
) -> Series:
    """Return a smooth line through values.

    Parameters
    ----------
    dates : sequence of date
        In any order; two flights of one day both have a say.
    values : sequence of float
        NaN for a flight that saw nothing.
    stiffness : float
        λ for daily steps; 3,000 lets the line follow changes of about two weeks.
    weights : sequence of float, optional
        Trust in each value, 0 to 1.
    floor : float
        Noise of one value: what lies nearer to the line is no outlier.
    name : str
        For the legend.

    Raises
    ------
    BadInput
        When there are fewer than two known values.
    """
    order = sorted(range(len(dates)), key=lambda k: dates[k])
    when = tuple(dates[k] for k in order)
    measured = np.array([values[k] for k in order], dtype=np.float64)
    trust = np.array([1.0 if weights is None else weights[k] for k in order])
    known = np.isfinite(measured) & (trust > 0.0)
    if known.sum() < 2:
        raise BadInput("error.series_few", name=name, count=int(known.sum()))
    index = np.array([(day - when[0]).days for day in when])
    size = int(index[-1]) + 1
    say = np.where(known, trust, 0.0)
    plain = np.where(known, measured, 0.0)
    for turn in range(ROUNDS):
        line = _line(index, plain, say, size, stiffness)
        if turn == ROUNDS - 1 or known.sum() < 5:
            break
        off = np.abs(plain - line[index])
        spread = max(1.4826 * float(np.median(off[known])), floor)
        far = np.minimum(off / (BIWEIGHT * spread), 1.0)
        say = np.where(known, trust * (1.0 - far**2) ** 2, 0.0)
    days = tuple(when[0] + timedelta(days=k) for k in range(size))
    return Series(name=name, dates=when, values=measured, weights=say, days=days, line=line)


def _line(
    index: NDArray[np.int64], values: FloatArray, weights: FloatArray, size: int, stiffness: float
) -> FloatArray:
    """Return the line of least misses and bends on `size` days."""
    weight, total = np.zeros(size), np.zeros(size)
    np.add.at(weight, index, weights)
    np.add.at(total, index, weights * values)
    if size < 3:
        return np.asarray(total / np.maximum(weight, 1e-12))
    bends = np.array([1.0, -2.0, 1.0])
    band = np.zeros((3, size))
    for start in range(3):
        for other in range(start, 3):
            place = slice(other, size - 2 + other)
            band[2 - (other - start), place] += bends[start] * bends[other]
    band *= stiffness
    band[2] += weight + 1e-9
    return np.asarray(solveh_banded(band, total))
