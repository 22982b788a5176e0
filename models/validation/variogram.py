"""Over what distance neighbours are alike: the variogram and its range.

Theory of operation
-------------------
Half the mean squared difference of pairs, binned by their distance up to half of the field's
diagonal, is fitted with nugget + sill · spherical(distance / range) (Matheron 1963): the range is
sought on a grid, nugget and sill by least squares, never negative, each bin weighing its number of
pairs over its squared distance (near pairs tell the range; the default of gstat, Pebesma 2004).
Decisions:

* at most `MOST` points are paired (every n-th, so the answer has no chance in it);
* values that do not vary, or too few points, have range 0: neighbours tell nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MOST = 1200
"""So many points are paired at most."""
BINS = 20
LEAST = 10
"""With fewer points there is no variogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variogram:
    """A spherical variogram.

    Parameters
    ----------
    nugget, sill : float
        Squared units of the values; sill is what is added to the nugget at the range.
    range_m : float
        Metres from where on pairs are no more alike; 0 if distance tells nothing.
    """

    nugget: float
    sill: float
    range_m: float

    def __call__(self, distance_m: FloatArray) -> FloatArray:
        """Return half the expected squared difference at distances in metres, 0 at 0.

        Examples
        --------
        >>> Variogram(nugget=1, sill=2, range_m=10)(np.array([0.0, 5.0, 20.0])).tolist()
        [0.0, 2.375, 3.0]
        """
        rise = spherical(distance_m, self.range_m)
        return np.asarray(np.where(distance_m > 0, self.nugget + self.sill * rise, 0.0))


def spherical(distance_m: FloatArray, range_m: float) -> FloatArray:
    """Return the spherical shape: 0 at 0, 1 from `range_m` on."""
    share = np.minimum(distance_m / range_m, 1.0) if range_m > 0 else np.ones_like(distance_m)
    return np.asarray(1.5 * share - 0.5 * share**3)


def fit_variogram(xy_m: FloatArray, values: FloatArray) -> Variogram:
    """Fit the variogram of values at places.

    Parameters
    ----------
    xy_m : (N, 2) float64, local metres
    values : (N,) float64, NaN = unknown

    Returns
    -------
    Variogram

    Examples
    --------
    >>> x = np.arange(0.0, 400.0)
    >>> wave = np.repeat(np.random.default_rng(0).normal(size=40), 10)
    >>> 5 < fit_variogram(np.column_stack([x, 0 * x]), wave).range_m < 30
    True
    """
    known = np.isfinite(values) & np.isfinite(xy_m).all(axis=1)
    places, found = xy_m[known], values[known]
    step = max(1, -(-len(found) // MOST))
    places, found = places[::step], found[::step]
    if len(found) < LEAST or np.ptp(found) == 0:
        return Variogram(nugget=float(np.var(found)) if len(found) else 0.0, sill=0.0, range_m=0.0)
    distance, half, weight = _binned(places, found)
    if not len(distance):
        return Variogram(nugget=float(np.var(found)), sill=0.0, range_m=0.0)
    best, least = Variogram(nugget=float(np.var(found)), sill=0.0, range_m=0.0), np.inf
    for reach in np.geomspace(distance[0], distance[-1], 40):
        nugget, sill = _fit(spherical(distance, float(reach)), half, weight)
        off = half - nugget - sill * spherical(distance, float(reach))
        loss = float(weight @ off**2)
        if loss < least and sill > 0:
            best, least = Variogram(nugget=nugget, sill=sill, range_m=float(reach)), loss
    return best


def without_trend(xy_m: FloatArray, values: FloatArray) -> FloatArray:
    """Return what is left of values beside a quadratic trend over the field.

    A slope over the whole field has no range; how far neighbours are alike shows beside it.

    Examples
    --------
    >>> x = np.linspace(0, 9, 10)
    >>> float(np.abs(without_trend(np.column_stack([x, x % 2]), 3 + x**2)).max()) < 1e-9
    True
    """
    z = (xy_m - xy_m.mean(axis=0)) / np.maximum(xy_m.std(axis=0), 1e-9)
    terms = np.column_stack([np.ones(len(z)), z, z**2, z[:, 0] * z[:, 1]])
    known = np.isfinite(values)
    return np.asarray(values - terms @ np.linalg.lstsq(terms[known], values[known])[0])


def _binned(xy_m: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    first, second = np.triu_indices(len(values), 1)
    distance = np.hypot(*(xy_m[first] - xy_m[second]).T)
    half = 0.5 * (values[first] - values[second]) ** 2
    edges = np.linspace(0.0, 0.5 * float(np.hypot(*np.ptp(xy_m, axis=0))), BINS + 1)
    place = np.digitize(distance, edges) - 1
    inside = place < BINS
    count = np.bincount(place[inside], minlength=BINS).astype(np.float64)
    full = count > 0
    means = [np.bincount(place[inside], part[inside], BINS)[full] / count[full]
             for part in (distance, half)]  # fmt: skip
    away = means[0] > 0
    return means[0][away], means[1][away], count[full][away] / means[0][away] ** 2


def _fit(shape: FloatArray, half: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Return nugget and sill, neither negative, by weighted least squares."""
    total, mean = weight.sum(), np.average(shape, weights=weight)
    level = np.average(half, weights=weight)
    spread = weight @ (shape - mean) ** 2 / total
    sill = float(weight @ ((shape - mean) * (half - level)) / total / spread) if spread > 0 else 0.0
    nugget = float(level - sill * mean)
    if nugget < 0:
        return 0.0, max(0.0, float(weight @ (shape * half) / (weight @ shape**2)))
    return (nugget, sill) if sill > 0 else (float(level), 0.0)
