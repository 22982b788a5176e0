"""Is this something the model has seen: distance in its features, season, field and range.

Theory of operation
-------------------
The dissimilarity index (Meyer and Pebesma 2021) is the distance of a record to its nearest known
one in the standardised features, each weighed by how much it moves the model, divided by the mean
distance of known records. The greatest index that is still inside comes from the known records
themselves, each towards those of other groups: the upper whisker, Q75 + 1.5 · (Q75 − Q25), or the
greatest index if that is less. Decisions:

* the index is blind to seasons: the features of a new season look like those of an old one while
  level and scale have moved. So a new season and a new field are told apart from it, always;
* a feature outside the range it was learnt from is named, since the ridge holds it at the edge;
* gaps are filled as the model fills them, so that a missing value is not far off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from agri.findings import Finding
from models.features import GapFiller

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

MOST = 2000
"""So many known records are compared with each other at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """What is new about records.

    Parameters
    ----------
    dissimilarity : (N,) float64
        0 = known, 1 = as far as known records lie from each other.
    limit : float
        Greatest dissimilarity that is still inside.
    inside : (N,) bool
        At most `limit`, and in no new season or field.
    out_of_range : (N, P) bool
        Features outside the range they were learnt from.
    new_season, new_field : (N,) bool
    findings : tuple of Finding
    """

    dissimilarity: FloatArray
    limit: float
    inside: BoolArray
    out_of_range: BoolArray
    new_season: BoolArray
    new_field: BoolArray
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a model has learnt from.

    Parameters
    ----------
    names : tuple of str, P long
    matrix : (N, P) float64, NaN = not known
    importance : (P,) float64
        How much each feature moves the model, not negative.
    season, field : (N,) array or None
    """

    names: tuple[str, ...]
    matrix: FloatArray
    importance: FloatArray
    season: NDArray[Any] | None = None
    field: NDArray[Any] | None = None


def novelty(
    known: Known,
    matrix: FloatArray,
    *,
    season: NDArray[Any] | None = None,
    field: NDArray[Any] | None = None,
    groups: NDArray[Any] | None = None,
) -> Novelty:
    """Return what is new about records.

    Parameters
    ----------
    known : Known
    matrix : (M, P) float64
        The records asked about.
    season, field : (M,) array or None
        None: not asked.
    groups : (N,) array or None
        Blocks, fields or seasons of the known records, between which their own dissimilarity is
        taken; None takes every record by itself.

    Examples
    --------
    >>> seen = Known(names=("age",), matrix=np.arange(20.0)[:, None], importance=np.ones(1))
    >>> found = novelty(seen, np.array([[5.5], [90.0]]))
    >>> found.inside.tolist(), found.out_of_range[:, 0].tolist()
    ([True, False], [False, True])
    """
    filler = GapFiller().fit(known.matrix)
    learnt = filler.transform(known.matrix)
    scale = known.importance[filler.kept_] / filler.scale_
    here, there = learnt * scale, filler.transform(matrix) * scale
    label = np.arange(len(here)) if groups is None else groups
    apart, own = _among(here, label)
    limit = _whisker(own / apart)
    distance = cKDTree(here).query(there)[0] / apart
    low, high = np.nanmin(learnt, axis=0), np.nanmax(learnt, axis=0)
    outside = np.zeros(matrix.shape, dtype=np.bool_)
    asked = matrix[:, filler.kept_]
    outside[:, filler.kept_] = (asked < low) | (asked > high)
    outside[:, ~filler.kept_] = np.isfinite(matrix[:, ~filler.kept_])
    new_season, new_field = _unseen(season, known.season, len(matrix)), _unseen(
        field, known.field, len(matrix))  # fmt: skip
    inside = (distance <= limit) & ~new_season & ~new_field
    told = _told(known, outside, new_season, new_field, distance > limit)
    return Novelty(dissimilarity=distance, limit=limit, inside=inside, out_of_range=outside,
                   new_season=new_season, new_field=new_field, findings=told)  # fmt: skip


def _among(here: FloatArray, label: NDArray[Any]) -> tuple[float, FloatArray]:
    """Return the mean distance of known records, and each one's to the nearest other group."""
    step = max(1, -(-len(here) // MOST))
    places, groups = here[::step], np.unique(label[::step], return_inverse=True)[1]
    total, own = 0.0, np.full(len(places), np.inf)
    for first in range(0, len(places), 256):
        part = places[first : first + 256]
        gap = np.sqrt(((part[:, None] - places[None]) ** 2).sum(axis=2))
        total += float(gap.sum())
        gap[groups[first : first + 256, None] == groups[None]] = np.inf
        own[first : first + 256] = gap.min(axis=1)
    pairs = len(places) * (len(places) - 1)
    apart = total / pairs if pairs and total > 0 else 1.0
    return apart, own[np.isfinite(own)]


def _whisker(index: FloatArray) -> float:
    if not len(index):
        return 0.0
    low, high = np.quantile(index, (0.25, 0.75))
    return float(min(high + 1.5 * (high - low), index.max()))


def _unseen(asked: NDArray[Any] | None, seen: NDArray[Any] | None, count: int) -> BoolArray:
    if asked is None or seen is None:
        return np.zeros(count, dtype=np.bool_)
    return np.asarray(~np.isin(asked, seen))


def _told(
    known: Known, outside: BoolArray, season: BoolArray, field: BoolArray, far: BoolArray
) -> tuple[Finding, ...]:
    told = []
    if season.any():
        told.append(Finding.warning("finding.novelty_season", percent=100 * season.mean()))
    if field.any():
        told.append(Finding.warning("finding.novelty_field", percent=100 * field.mean()))
    if far.any():
        told.append(Finding.warning("finding.novelty_far", percent=100 * far.mean()))
    for name, one in zip(known.names, outside.T, strict=True):
        if one.any():
            told.append(Finding.info("finding.novelty_range", name=name,
                                     percent=100 * one.mean()))  # fmt: skip
    return tuple(told)
