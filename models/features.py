"""What a forecast may know, and what it does where something is missing.

Theory of operation
-------------------
A column says from which day on it is known. A forecast of a day that takes a later column would be
looking into the future, and is refused by name. What is built from past harvests is made by
`bearing`, which reads only seasons before the one asked for; `future_columns` is the trial any
other builder must pass: what changes in the features when the season itself and all later ones are
taken away came from the future.

Missing values degrade stepwise, each step using what is there:

1. a column without any value is left out (the first season has no last year);
2. a gap is filled with what the row's known columns say of it: the conditional mean of a normal
   distribution whose covariance, from pairs of known values, is shrunk towards independence;
3. where a row knows nothing, that is the mean.

The relative effect of a tree is its mean share of the season's level, shrunk towards 1 by
n / (n + k), where k is the ratio of the variance within trees to that between trees (the mixed
model's best linear predictor, Henderson 1975).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from agri.errors import Refused
from agri.findings import Finding

FloatArray = NDArray[np.float64]

SHRINKAGE = 0.1
"""Share by which correlations between columns are shrunk when gaps are filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One feature of every record.

    Parameters
    ----------
    name : str
    values : (N,) float64, NaN = not known
    known_on : datetime.date
        First day on which all its values are known.
    """

    name: str
    values: FloatArray
    known_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A matrix with names, and what was left out of it.

    Parameters
    ----------
    names : tuple of str, P long
    matrix : (N, P) float64, NaN = not known
    findings : tuple of Finding
    """

    names: tuple[str, ...]
    matrix: FloatArray
    findings: tuple[Finding, ...] = ()


def gather(columns: tuple[Column, ...], day: date) -> Features:
    """Put together what is known on the day of a forecast.

    Parameters
    ----------
    columns : tuple of Column
    day : datetime.date
        The forecast's day.

    Raises
    ------
    Refused
        If a column is known later than `day`.

    Examples
    --------
    >>> area = Column(name="area_m2", values=np.array([9.0, 12.0]), known_on=date(2026, 1, 5))
    >>> last = Column(name="lag_1", values=np.full(2, np.nan), known_on=date(2025, 6, 1))
    >>> gather((area, last), date(2026, 2, 1)).names
    ('area_m2',)
    """
    told: list[Finding] = []
    kept: list[Column] = []
    for column in columns:
        if column.known_on > day:
            raise Refused("error.feature_from_future", name=column.name,
                          known=column.known_on, day=day)  # fmt: skip
        share = float(np.mean(~np.isfinite(column.values))) if column.values.size else 1.0
        if share >= 1.0:
            told.append(Finding.warning("finding.feature_dropped", name=column.name))
            continue
        if share > 0:
            told.append(Finding.info("finding.feature_gaps", name=column.name, share=100 * share))
        kept.append(column)
    rows = len(columns[0].values) if columns else 0
    matrix = np.column_stack([one.values for one in kept]) if kept else np.empty((rows, 0))
    return Features(names=tuple(one.name for one in kept), matrix=matrix, findings=tuple(told))


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvests:
    """What trees (or plots) bore.

    Parameters
    ----------
    unit : (N,) array of names or numbers
    season : (N,) int, the year of the harvest
    yield_kg : (N,) float64, NaN = not weighed
    """

    unit: NDArray[Any]
    season: NDArray[np.int_]
    yield_kg: FloatArray

    def before(self, season: int, seasons: int | None = None) -> Harvests:
        """Return the harvests of earlier seasons alone, of the last so many if told."""
        kept = self.season < season
        if seasons is not None:
            kept &= self.season >= season - seasons
        return Harvests(unit=self.unit[kept], season=self.season[kept],
                        yield_kg=self.yield_kg[kept])  # fmt: skip


def bearing(
    harvests: Harvests, units: NDArray[Any], season: int, seasons: int | None = None
) -> dict[str, FloatArray]:
    """Return what earlier harvests say of trees in a season, each relative to its season's mean.

    Parameters
    ----------
    harvests : Harvests
        May hold the season itself and later ones; they are not read.
    units : (M,) array
        The trees asked for.
    season : int
    seasons : int or None
        So many seasons before it are read; None for all. A model that is to tell a season of which
        only the last harvest is known is taught on seasons seen the same way: after one harvest
        the next says little, after two the one before last says most.

    Returns
    -------
    dict of (M,) float64
        ``lag_1``, ``lag_2`` (share of the mean one and two seasons before), ``effect`` (the
        shrunk mean share, 1 for a tree without a past) and ``alternation`` (mean of
        |a − b| / (a + b) over successive seasons, Hoblyn 1936: 0 even, 1 every second season).
    """
    past = harvests.before(season, seasons)
    years = np.unique(past.season)
    place = {name: row for row, name in enumerate(units.tolist())}
    table = np.full((len(units), len(years)), np.nan)
    for name, year, value in zip(past.unit.tolist(), past.season, past.yield_kg, strict=True):
        if name in place:
            table[place[name], np.searchsorted(years, year)] = value
    for column, year in enumerate(years):
        seen = past.yield_kg[past.season == year]
        level = float(np.nanmean(seen)) if np.isfinite(seen).any() else np.nan
        table[:, column] /= level if level > 0 else np.nan
    empty = np.full(len(units), np.nan)
    lags = {f"lag_{back}": table[:, np.searchsorted(years, season - back)].copy()
            if season - back in years else empty.copy() for back in (1, 2)}  # fmt: skip
    return {**lags, "effect": _shrunk(table), "alternation": _alternation(table, years)}


def _shrunk(share: FloatArray) -> FloatArray:
    count = np.isfinite(share).sum(axis=1)
    total = np.nansum(share, axis=1)
    mean = np.divide(total, count, out=np.ones(len(share)), where=count > 0)
    many = count >= 2
    if not many.any():
        return np.asarray(np.where(count > 0, 1.0 + 0.5 * (mean - 1.0), 1.0))
    within = float(np.nanvar(share[many], axis=1, ddof=1).mean())
    between = max(float(np.var(mean[many])) - within / float(count[many].mean()), 1e-6)
    weight = count / (count + within / between)
    return np.asarray(1.0 + weight * (mean - 1.0))


def _alternation(share: FloatArray, years: NDArray[np.int_]) -> FloatArray:
    successive = np.flatnonzero(np.diff(years) == 1)
    if not len(successive):
        return np.full(len(share), np.nan)
    first, second = share[:, successive], share[:, successive + 1]
    both = first + second
    index = np.divide(np.abs(first - second), both, out=np.full_like(both, np.nan), where=both > 0)
    count = np.isfinite(index).sum(axis=1)
    mean: FloatArray = np.full(len(share), np.nan)
    np.divide(np.nansum(index, axis=1), count, out=mean, where=count > 0)
    return mean


def future_columns(
    build: Callable[[Harvests, NDArray[Any], int], Mapping[str, FloatArray]],
    harvests: Harvests,
    season: int,
) -> tuple[str, ...]:
    """Return the features that know what the season asked for, or a later one, bore.

    Parameters
    ----------
    build : function of harvests, units and season
        As `bearing`.
    harvests : Harvests
        With the season and, better, later ones.
    season : int

    Examples
    --------
    >>> log = Harvests(unit=np.array([1, 2, 1, 2]), season=np.array([2024, 2024, 2025, 2025]),
    ...                yield_kg=np.array([10.0, 20.0, 30.0, 20.0]))
    >>> future_columns(bearing, log, 2025)
    ()
    >>> future_columns(lambda h, u, s: {"total": np.full(len(u), h.yield_kg.sum())}, log, 2025)
    ('total',)
    """
    units = np.unique(harvests.unit)
    knowing = build(harvests, units, season)
    then = build(harvests.before(season), units, season)
    return tuple(
        name for name, values in knowing.items()
        if name not in then or not np.array_equal(values, then[name], equal_nan=True)
    )  # fmt: skip


class GapFiller(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Leave out columns without values and fill gaps from a row's known columns.

    Attributes
    ----------
    kept_ : (P,) bool
        Which columns had any value; the others are left out.
    mean_, scale_ : (K,) float64
        Of the kept columns.

    Examples
    --------
    >>> x = np.array([[1.0, 2.0, np.nan], [2.0, 4.0, np.nan], [3.0, np.nan, np.nan]])
    >>> GapFiller().fit_transform(x).shape
    (3, 2)
    """

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803
        """Learn means and correlations from pairs of known values."""
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        known = np.isfinite(x)
        self.kept_ = known.any(axis=0)
        x, known = x[:, self.kept_], known[:, self.kept_]
        count = np.maximum(known.sum(axis=0), 1)
        self.mean_ = np.where(known, x, 0.0).sum(axis=0) / count
        off = np.where(known, x - self.mean_, 0.0)
        deviation = np.sqrt((off**2).sum(axis=0) / count)
        self.scale_ = np.where(deviation > 1e-12 * (1 + np.abs(self.mean_)), deviation, 1.0)
        off /= self.scale_
        pairs = np.maximum(known.T.astype(np.float64) @ known, 1.0)
        few = np.minimum(1.0, pairs / (pairs + 10.0))
        related = np.clip(off.T @ off / pairs, -1.0, 1.0) * (1 - SHRINKAGE) * few
        np.fill_diagonal(related, 1.0)
        values, axes = np.linalg.eigh(related) if len(related) else (np.empty(0), related)
        self.related_ = (axes * np.maximum(values, 1e-3)) @ axes.T
        return self

    def transform(self, X: Any) -> FloatArray:  # noqa: N803
        """Return (N, K) without gaps."""
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        z = (x[:, self.kept_] - self.mean_) / self.scale_
        known = np.isfinite(z)
        holed = np.flatnonzero(~known.all(axis=1))
        bits = np.packbits(known[holed], axis=1)
        packed = np.ascontiguousarray(bits).view(f"V{max(bits.shape[1], 1)}").ravel()
        first, place = np.unique(packed, return_index=True, return_inverse=True)[1:]
        for number, row in enumerate(first):
            rows, pattern = holed[place == number], known[holed[row]]
            z[np.ix_(rows, ~pattern)] = self._told(z[np.ix_(rows, pattern)], pattern)
        return np.asarray(z * self.scale_ + self.mean_)

    def _told(self, seen: FloatArray, pattern: NDArray[np.bool_]) -> FloatArray:
        if not pattern.any() or pattern.all():
            return np.zeros((len(seen), int((~pattern).sum())))
        among = self.related_[np.ix_(pattern, pattern)]
        across = self.related_[np.ix_(pattern, ~pattern)]
        return np.asarray(seen @ np.linalg.solve(among, across))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags
