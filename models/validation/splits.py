"""Which records a model is tried on: random, blocked, leave-field, leave-season, forward.

Theory of operation
-------------------
What is new when the model is used decides which split tells the truth:

========  ============================  =============================================
split     what is new                   folds
========  ============================  =============================================
random    nothing (a tree among known)  records at random
blocked   a part of the field           blocks no smaller than the variogram's range
field     a field                       one field at a time
season    a season                      one season at a time, past and later ones known
forward   the season to come            each season from the ones before it alone
========  ============================  =============================================

Blocks are cut along the points' own main directions, with sides of at least the range, and dealt to
folds largest first, so folds are of like size and nothing is left to chance. Where a field is too
small for `LEAST_BLOCKS` blocks of that size, it is cut into as many along its length, which is said
by `Fold.note` of "small": such folds flatter the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

LEAST_BLOCKS = 4
FOLDS = 5


class Split(StrEnum):
    """What is new for the model in each fold."""

    RANDOM = "random"
    BLOCKED = "blocked"
    FIELD = "field"
    SEASON = "season"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where, when and of what tree the records are; what is not known is None.

    Parameters
    ----------
    xy_m : (N, 2) float64 or None
        Local metres.
    field, season, unit : (N,) arrays or None
        Names or numbers of the field, the season (sortable) and the tree or plot.
    """

    xy_m: FloatArray | None = None
    field: NDArray[Any] | None = None
    season: NDArray[Any] | None = None
    unit: NDArray[Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One trial.

    Parameters
    ----------
    train, test : (A,), (B,) intp
        Indices of the records; none is in both.
    note : str
        "small" where blocks are smaller than the variogram's range, else "".
    """

    train: IntArray
    test: IntArray
    note: str = ""


def folds_of(
    split: Split, layout: Layout, count: int, *, range_m: float = 0.0, seed: int = 0
) -> tuple[Fold, ...]:
    """Return the folds of a split, none where the layout does not allow it.

    Parameters
    ----------
    split : Split
    layout : Layout
    count : int
        Number of records.
    range_m : float
        Least side of a block, metres: the variogram's range.
    seed : int
        Of random folds.

    Examples
    --------
    >>> seasons = Layout(season=np.array([2021, 2022, 2023, 2023]))
    >>> [fold.test.tolist() for fold in folds_of(Split.FORWARD, seasons, 4)]
    [[1], [2, 3]]
    >>> folds_of(Split.FIELD, seasons, 4)
    ()
    """
    if split is Split.RANDOM:
        order = np.random.default_rng(seed).permutation(count)
        label = np.empty(count, dtype=np.intp)
        label[order] = np.arange(count) % min(FOLDS, count)
        return _leaving(label)
    if split is Split.BLOCKED:
        if layout.xy_m is None:
            return ()
        block, small = blocks_of(layout.xy_m, range_m)
        return _leaving(deal(block), "small" if small else "")
    if split is Split.FIELD:
        return _leaving(layout.field)
    if split is Split.SEASON:
        return _leaving(layout.season)
    return _forward(layout.season)


def blocks_of(xy_m: FloatArray, range_m: float) -> tuple[IntArray, bool]:
    """Return the block of every place, and whether blocks had to be smaller than `range_m`.

    Without a range the field is cut into about twenty.

    Examples
    --------
    >>> places = np.column_stack([np.arange(100.0), np.zeros(100)])
    >>> block, small = blocks_of(places, 20.0)
    >>> np.bincount(block).tolist(), small
    ([25, 25, 25, 25], False)
    """
    middle = xy_m - xy_m.mean(axis=0)
    axes = np.linalg.svd(middle, full_matrices=False)[2]
    along = middle @ axes.T
    along -= along.min(axis=0)
    extent = np.maximum(np.ptp(along, axis=0), 1e-9)
    if range_m > 0:
        cuts = np.maximum(np.floor(extent / range_m), 1).astype(np.intp)
    else:
        across = max(1, round(float(np.sqrt(4 * FOLDS * extent[1] / extent[0]))))
        cuts = np.array([round(4 * FOLDS / across), across])
    small = int(cuts.prod()) < LEAST_BLOCKS
    if small:
        cuts = np.array([LEAST_BLOCKS, 1])
    place = np.minimum((along / extent * cuts).astype(np.intp), cuts - 1)
    names = place[:, 0] * cuts[1] + place[:, 1]
    return np.unique(names, return_inverse=True)[1].astype(np.intp), small


def deal(groups: NDArray[Any], folds: int = FOLDS) -> IntArray:
    """Return the fold of every record: whole groups, largest first, to the emptiest fold.

    Examples
    --------
    >>> deal(np.array([0, 0, 0, 1, 2, 2]), 2).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    place, sizes = np.unique(groups, return_inverse=True, return_counts=True)[1:]
    filled = np.zeros(min(folds, len(sizes)), dtype=np.intp)
    given = np.zeros(len(sizes), dtype=np.intp)
    for group in np.argsort(-sizes, kind="stable"):
        given[group] = np.argmin(filled)
        filled[given[group]] += sizes[group]
    return np.asarray(given[place])


def _leaving(label: NDArray[Any] | None, note: str = "") -> tuple[Fold, ...]:
    if label is None:
        return ()
    names = np.unique(label)
    if len(names) < 2:
        return ()
    return tuple(
        Fold(train=np.flatnonzero(label != name), test=np.flatnonzero(label == name), note=note)
        for name in names
    )


def _forward(season: NDArray[Any] | None) -> tuple[Fold, ...]:
    if season is None:
        return ()
    later: Sequence[Any] = np.unique(season)[1:].tolist()
    return tuple(
        Fold(train=np.flatnonzero(season < now), test=np.flatnonzero(season == now))
        for now in later
    )
