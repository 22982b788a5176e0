"""What past seasons teach of a gate: the tree model, and how wrong each of its parts was.

Theory of operation
-------------------
Past seasons are looked at as they were known at the same gate, and `TreeYield` gives each tree's
flowering, pattern and level. Three errors are taken from seasons left out whole and drawn towards
what is assumed before any was seen (`spreads.drawn`):

* flowering: how far the share of flowering trees was off, in logits;
* pattern: what flowering trees differ by beside it, single trees (square roots) and blocks;
* level: the relative spread of the known seasons' levels.

Decisions:

* without weighed trees the pattern is the crown's size, and trees differ as `ASSUMED_TREE_SPREAD`;
* seasons of which only the field's total is known tell of the level alone;
* with a single weighed season nothing can be left out: its own residuals stand for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from models.features import Column, Harvests, bearing
from models.intervals import SEASON_SPREAD
from models.novelty import MOST, Known
from models.yields.gates import Gate, PastSeason, SeasonInputs, known_at
from models.yields.spreads import ASSUMED_TREE_SPREAD, drawn, root_spread
from models.yields.trees import TreeParts, TreeYield

FloatArray = NDArray[np.float64]

FLOWERING_SPREAD = 1.0
"""Logits by which a season's share of flowering trees is assumed to differ: from 90 % a season in
six falls below 77 % and one in forty below 55 %; of early lychee 50 to 60 % flowered in 2019."""
LEAST_SHARE = 0.02
"""Shares of flowering are held this far from 0 and 1 where logits are compared."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateModel:
    """What past seasons teach of a gate.

    Parameters
    ----------
    gate : Gate
    names : tuple of str
        Columns it was taught on, in order.
    trees : TreeYield or None
        None where no tree was ever weighed.
    level_kg, level_error : float
        Middle level of a season, kg per flowering tree (NaN when no season is known), and its
        relative deviation.
    flowering_error : float
        Deviation of a season's share of flowering trees, logits.
    spread : float
        Of the square root of a flowering tree's share of the level.
    block_error : float
        Relative deviation of parts of the field within a season.
    seasons : int
        How many are known.
    known : Known or None
        What novelty is told from.
    history : Harvests or None
        What trees bore, from which `bearing` is made.
    """

    gate: Gate
    names: tuple[str, ...]
    trees: TreeYield | None
    level_kg: float
    level_error: float
    flowering_error: float
    spread: float
    block_error: float
    seasons: int
    known: Known | None = None
    history: Harvests | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonTable:
    """Weighed trees of past seasons as a gate saw them, R rows.

    Parameters
    ----------
    names : tuple of str, P long
    matrix : (R, P) float64, NaN = not known
    kg : (R,) float64
    season : (R,) int
    tree : (R,) intp
        Index of each tree in its season's inputs.
    block : (R,) intp
    """

    names: tuple[str, ...]
    matrix: FloatArray
    kg: FloatArray
    season: NDArray[np.int_]
    tree: NDArray[np.intp]
    block: NDArray[np.intp]


def learn(past: Sequence[PastSeason], gate: Gate) -> GateModel:
    """Teach a gate from past seasons.

    Parameters
    ----------
    past : sequence of PastSeason
        May be empty: then the model knows nothing, and counted trees must tell all.
    gate : Gate

    Examples
    --------
    >>> learn((), Gate.HARVEST).seasons
    0
    """
    weighed = [one for one in past if np.count_nonzero(np.isfinite(one.yield_kg)) >= 2]
    totals = [one.field_kg / len(one.yield_kg) for one in past
              if one not in weighed and one.field_kg > 0]  # fmt: skip
    if not weighed:
        level, error = expected_level(np.array(totals))
        return GateModel(gate=gate, names=(), trees=None, level_kg=level, level_error=error,
                         flowering_error=FLOWERING_SPREAD, spread=root_spread(ASSUMED_TREE_SPREAD),
                         block_error=0.0, seasons=len(totals))  # fmt: skip
    history = _harvests(weighed)
    table = season_table(weighed, gate)
    model = TreeYield().fit(table.matrix, table.kg, season=table.season)
    bore = table.kg > 0
    levels = [float(table.kg[bore & (table.season == one)].mean())
              for one in np.unique(table.season[bore])]  # fmt: skip
    levels += [one / max(float(bore.mean()), 0.1) for one in totals]
    level, error = expected_level(np.array(levels))
    flowering, spread, block = _left_out(weighed, gate)
    return GateModel(gate=gate, names=table.names, trees=model, level_kg=level, level_error=error,
                     flowering_error=flowering, spread=spread, block_error=block,
                     seasons=len(levels), known=_known(table, model), history=history)  # fmt: skip


def columns_of(
    inputs: SeasonInputs, history: Harvests | None, seasons: int | None = None
) -> tuple[Column, ...]:
    """Return a season's columns, with what its trees' earlier harvests say.

    Parameters
    ----------
    inputs : SeasonInputs
        As known at a gate.
    history : Harvests or None
        May hold the season itself and later ones; they are not read.
    seasons : int or None
        So many seasons before it are read (`bearing`).
    """
    if history is None or not len(history.before(inputs.season, seasons).season):
        return inputs.columns
    made = bearing(history, inputs.trees, inputs.season, seasons)
    day = min(inputs.gate_days)
    return (*inputs.columns, *(Column(name=name, values=values, known_on=day)
                               for name, values in made.items()))  # fmt: skip


def aligned(columns: Sequence[Column], names: Sequence[str], count: int) -> FloatArray:
    """Return the columns of these names as a matrix, NaN where there is none, (count, P)."""
    found = {one.name: one.values for one in columns}
    empty = np.full(count, np.nan)
    return np.column_stack([found.get(name, empty) for name in names]) if names else (
        np.empty((count, 0)))  # fmt: skip


def expected_level(levels: FloatArray) -> tuple[float, float]:
    """Return the geometric mean of seasons' levels and its relative error for another season.

    Examples
    --------
    >>> expected_level(np.array([40.0]))
    (40.0, 0.45)
    >>> expected_level(np.empty(0))
    (nan, 0.45)
    """
    if not len(levels):
        return float("nan"), SEASON_SPREAD
    count = len(levels)
    found = float(np.log(levels).std(ddof=1)) * np.sqrt(1 + 1 / count) if count > 1 else 0.0
    return float(np.exp(np.log(levels).mean())), drawn(found, count - 1, SEASON_SPREAD)


def relative_size(columns: Sequence[Column], sizes: Sequence[str], count: int) -> FloatArray:
    """Return each tree's size as a share of the mean one, by the first size that is known."""
    found = {one.name: one.values for one in columns}
    for name in sizes:
        values = found.get(name)
        if values is not None and np.isfinite(values).any() and np.nanmean(values) > 0:
            share = np.nan_to_num(values / np.nanmean(values), nan=1.0)
            return np.asarray(np.maximum(share, 0.0) * count / max(share.sum(), 1e-12))
    return np.ones(count)


def _harvests(past: Sequence[PastSeason]) -> Harvests:
    return Harvests(
        unit=np.concatenate([one.inputs.trees for one in past]),
        season=np.concatenate([np.full(len(one.yield_kg), one.inputs.season) for one in past]),
        yield_kg=np.concatenate([one.yield_kg for one in past]),
    )


def season_table(past: Sequence[PastSeason], gate: Gate, seasons: int | None = None) -> SeasonTable:
    """Return the weighed trees of past seasons, each season seen as at its own gate.

    Of harvests before a season only the last so many `seasons` are seen, if told.
    """
    history = _harvests(past)
    seen = [columns_of(known_at(one.inputs, gate), history, seasons) for one in past]
    names = tuple(dict.fromkeys(
        column.name for columns in seen for column in columns if np.isfinite(column.values).any()
    ))  # fmt: skip
    if not names:  # nothing is known of the trees but what they bore
        names = ("unknown",)
    kept = [np.isfinite(one.yield_kg) for one in past]
    blocks = [np.zeros(len(use), dtype=np.intp) if one.inputs.block is None
              else np.unique(one.inputs.block, return_inverse=True)[1]
              for one, use in zip(past, kept, strict=True)]  # fmt: skip
    return SeasonTable(
        names=names,
        matrix=np.concatenate([aligned(columns, names, len(use))[use]
                               for columns, use in zip(seen, kept, strict=True)]),
        kg=np.concatenate([one.yield_kg[use] for one, use in zip(past, kept, strict=True)]),
        season=np.concatenate([np.full(int(use.sum()), one.inputs.season)
                               for one, use in zip(past, kept, strict=True)]),
        tree=np.concatenate([np.flatnonzero(use) for use in kept]),
        block=np.concatenate([one[use] for one, use in zip(blocks, kept, strict=True)]),
    )  # fmt: skip


def _left_out(past: Sequence[PastSeason], gate: Gate) -> tuple[float, float, float]:
    """Return the errors of flowering, of single trees and of blocks, in seasons left out whole.

    What tells a season is taught on the others as if no more harvests before them were known than
    before it; else early seasons would be told worse than they ever were.
    """
    names = sorted(one.inputs.season for one in past)
    flowering: list[float] = []
    squares: list[FloatArray] = []
    shares: list[float] = []
    for one in names:
        table = season_table(past, gate, one - names[0])
        new = table.season == one
        if not (table.kg[new] > 0).any():
            flowering.append(2.0 * FLOWERING_SPREAD)
            continue
        rest = ~new if len(names) > 1 else new
        model = TreeYield().fit(table.matrix[rest], table.kg[rest], season=table.season[rest])
        parts = model.parts(table.matrix[new])
        if not (table.kg > 0).all():
            flowering.append(_logit(float((table.kg[new] > 0).mean()))
                             - _logit(float(parts.flowering.mean())))  # fmt: skip
        off, blocks = _residuals(parts, table.kg[new], table.block[new])
        squares.append(off**2)
        shares += blocks
    every = np.concatenate(squares) if squares else np.empty(0)
    spread = drawn(float(np.sqrt(every.mean())) if len(every) else 0.0, len(every),
                   root_spread(ASSUMED_TREE_SPREAD))  # fmt: skip
    within = float(np.sqrt(max(float(np.mean(shares)), 0.0))) if shares else 0.0
    if len(names) == 1 or not flowering:
        return (FLOWERING_SPREAD if flowering else 0.0), spread, within
    found = float(np.sqrt(np.mean(np.array(flowering) ** 2)))
    return drawn(found, len(flowering), FLOWERING_SPREAD), spread, within


def _residuals(
    parts: TreeParts, kg: FloatArray, block: NDArray[np.intp]
) -> tuple[FloatArray, list[float]]:
    """Return residuals of flowering trees in square roots, and the variance between blocks."""
    bore = kg > 0
    share = kg[bore] / kg[bore].mean()
    told = parts.pattern[bore] / max(float(parts.pattern[bore].mean()), 1e-12)
    roots = np.sqrt(share) - np.sqrt(told)
    place, sizes = np.unique(block[bore], return_inverse=True, return_counts=True)[1:]
    if len(sizes) < 2:
        return roots, []
    off = share - told
    mean = np.bincount(place, off) / sizes
    level = np.bincount(place, told) / sizes
    within = float(((off - mean[place]) ** 2).sum()) / max(len(off) - len(sizes), 1)
    between = ((mean / np.maximum(level, 1e-6)) ** 2 - within / sizes / np.maximum(level, 1e-6) ** 2
               ) * len(sizes) / (len(sizes) - 1)  # fmt: skip
    return roots, [float(np.average(between, weights=sizes))]


def _logit(share: float) -> float:
    return float(logit(np.clip(share, LEAST_SHARE, 1.0 - LEAST_SHARE)))


def _known(table: SeasonTable, model: TreeYield) -> Known | None:
    if model.pattern_ is None or not table.names:
        return None
    step = max(1, -(-len(table.kg) // MOST))
    moves = np.zeros(len(table.names))
    kept = model.pattern_.filler_.kept_
    moves[kept] = np.abs(model.pattern_.coefficients_[: int(kept.sum())])
    if not moves.any():
        return None
    return Known(names=table.names, matrix=table.matrix[::step], importance=moves,
                 season=table.season[::step])  # fmt: skip
