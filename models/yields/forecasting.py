"""A field's forecast at a gate, from what past seasons taught and what is known by then.

Theory of operation
-------------------
`forecast_at` puts flowering, pattern and level together. A share of flowering that was seen, or
computed from the winter, for the whole field shifts the trees' chances, weighed by its own error.
Counted trees bring level and slope (`SeasonRecalibration`); what they say of the field is joined
with what past seasons let expect (`reconcile`), and a counted tree keeps its count. Decisions:

* what differs between trees beside the forecast is measured on the counted trees and drawn towards
  what past seasons showed, so that five counts that happen to agree do not promise too much;
* counting tells level and flowering together; their errors are lowered by the same share;
* the middle of the total is the geometric one: seasons are multiples of each other;
* neither past seasons nor counts: there is no forecast, and it is said what to record.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from agri.errors import Refused
from agri.findings import Finding
from models.features import gather
from models.intervals import FEW, SEASON_SPREAD
from models.novelty import Novelty, novelty
from models.yields.gates import Counts, Gate, SeasonInputs, known_at
from models.yields.learning import LEAST_SHARE, GateModel, aligned, columns_of, relative_size
from models.yields.season import SeasonRecalibration
from models.yields.spreads import (
    ASSUMED_TREE_SPREAD,
    PRIOR_WEIGHT,
    ErrorParts,
    Quantiles,
    field_quantile,
    tree_quantile,
)
from models.yields.totals import Total, TreeForecast, reconcile, total
from models.yields.trees import TreeParts

FloatArray = NDArray[np.float64]

SIZES = ("volume_m3", "area_m2", "height_m")
"""Columns that stand for a crown's size, the best first."""
USUAL_SHARE = 0.9
"""Share of trees assumed to flower in a usual season where no tree was ever weighed by itself."""
NO_LEVEL = 10.0
"""Relative error of a level of which past seasons say nothing."""
LEAST_TOLD = 0.1
"""An error of what becomes of a counted fruit is told from here on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateForecast:
    """A field's forecast at a gate.

    Parameters
    ----------
    gate : Gate
    season : int
    used : tuple of str
        Columns known by then.
    parts : TreeParts
        Flowering, pattern and level before trees were counted, each with its error.
    flowering_error : float
        Deviation of the share of flowering trees, logits.
    trees : TreeForecast
        Expected kg of every tree, adding up to `kg`, with own and shared errors.
    spread : (N,) float64
        Of the square root of what each tree bears if it flowers, √kg.
    kg : float
        The field's middle, kg.
    error : ErrorParts
        Of the field's total.
    freedom : float
        Degrees of freedom of the field's error.
    counted, seasons : int
        Trees counted; past seasons known.
    novelty : Novelty or None
        None where no tree was ever weighed.
    findings : tuple of Finding
    """

    gate: Gate
    season: int
    used: tuple[str, ...]
    parts: TreeParts
    flowering_error: float
    trees: TreeForecast
    spread: FloatArray
    kg: float
    error: ErrorParts
    freedom: float
    counted: int
    seasons: int
    novelty: Novelty | None
    findings: tuple[Finding, ...]

    def field_quantile(self, share: float) -> float:
        """Return a quantile of the field's total, kg."""
        return field_quantile(self.kg, self.error.whole_kg, self.freedom, share)

    def tree_quantile(self, share: float) -> FloatArray:
        """Return a quantile of every tree, kg, (N,)."""
        shared = float(np.hypot(self.trees.level_error, self.trees.block_error))
        return tree_quantile(self.trees.kg, self.parts.flowering, self.spread, shared, share)

    @property
    def total(self) -> Quantiles:
        """P10, P50 and P90 of the field, kg."""
        return Quantiles(p10=self.field_quantile(0.1), p50=self.kg, p90=self.field_quantile(0.9))


def forecast_at(model: GateModel, inputs: SeasonInputs) -> GateForecast:
    """Return a field's forecast at the model's gate.

    Parameters
    ----------
    model : GateModel
    inputs : SeasonInputs
        Of the season asked about; what became known after the gate is not read.

    Raises
    ------
    Refused
        When no past season is known and no tree was counted.
    """
    now = known_at(inputs, model.gate)
    if not np.isfinite(model.level_kg) and now.counts is None:
        raise Refused("error.forecast_no_grounds")
    columns = columns_of(now, model.history)
    found = gather(columns, now.day(model.gate))
    matrix = aligned(columns, model.names, len(now.trees))
    parts, logits = _parts(model, now, matrix)
    pattern = float(parts.pattern.sum()) * parts.level_kg
    share = float(parts.expected_kg.sum() / pattern) if pattern > 0 else 1.0
    shared = ((1.0 - share) * logits, parts.level_error)
    trees = TreeForecast(
        kg=parts.expected_kg, own_error_kg=_own_error(parts, model.spread),
        level_error=float(np.hypot(*shared)), block_error=model.block_error,
        block=np.zeros(len(now.trees)) if now.block is None else now.block,
    )  # fmt: skip
    spread = np.full(len(now.trees), model.spread * np.sqrt(parts.level_kg))
    freedom = float(model.seasons + PRIOR_WEIGHT)
    whole = total(trees)
    if now.counts is not None:
        heard = _counted(trees, now.counts, found.matrix)
        trees, whole, spread = heard.trees, heard.whole, spread * heard.wider
        spread[now.counts.tree] = 0.5 * now.counts.error * np.sqrt(now.counts.kg)
        freedom += heard.weight * (len(now.counts.kg) + PRIOR_WEIGHT - freedom)
    kg = float(trees.kg.sum())
    what = None
    if model.known is not None:
        what = novelty(model.known, matrix, season=np.full(len(matrix), now.season))
    return GateForecast(
        gate=model.gate, season=now.season, used=found.names, parts=parts,
        flowering_error=logits, trees=trees, spread=spread, kg=kg,
        error=_error_parts(trees, parts, model.spread, shared, whole), freedom=freedom,
        counted=0 if now.counts is None else len(now.counts.kg), seasons=model.seasons,
        novelty=what, findings=(*_told(model, now), *found.findings,
                                *(what.findings if what is not None else ())),
    )  # fmt: skip


def _parts(model: GateModel, now: SeasonInputs, matrix: FloatArray) -> tuple[TreeParts, float]:
    """Return the parts before counting, and the error of the share of flowering, logits."""
    if model.trees is None:
        parts = _by_size(model, now)
    else:
        parts = model.trees.parts(matrix, level_kg=model.level_kg, level_error=model.level_error)
    logits, seen = model.flowering_error, now.flowering
    mean = float(parts.flowering.mean())
    if seen is None or mean >= 1.0:
        return parts, logits
    weight = logits**2 / (logits**2 + seen.logit_error**2)
    held = np.clip([mean, seen.share], LEAST_SHARE, 1.0 - LEAST_SHARE)
    there, here = logit(held).tolist()
    wanted = float(expit(there + weight * (here - there)))
    flowering = _shifted(parts.flowering, wanted)
    return replace(parts, flowering=flowering), float(logits * np.sqrt(1.0 - weight))


def _by_size(model: GateModel, now: SeasonInputs) -> TreeParts:
    """Return the parts where no tree was ever weighed: all by the crown's size."""
    count, counts = len(now.trees), now.counts
    pattern = relative_size(now.columns, SIZES, count)
    share, level, error = USUAL_SHARE, model.level_kg / USUAL_SHARE, model.level_error
    if counts is not None and not np.isfinite(level):
        bore = float(np.count_nonzero(counts.kg > 0)) + PRIOR_WEIGHT * USUAL_SHARE
        share = bore / (len(counts.kg) + PRIOR_WEIGHT)
        beside = max(float(pattern[counts.tree].mean()), 1e-6)
        level, error = float(counts.kg.mean()) / beside / share, NO_LEVEL
    return TreeParts(flowering=np.full(count, share), pattern=pattern, level_kg=level,
                     pattern_error=ASSUMED_TREE_SPREAD, level_error=error)  # fmt: skip


def _shifted(chance: FloatArray, wanted: float) -> FloatArray:
    """Return chances moved by one step of logits so that their mean is what is wanted."""
    place = logit(np.clip(chance, 1e-9, 1.0 - 1e-9))
    low, high = -30.0, 30.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(expit(place[::_stride(place)] + middle).mean()
                                            ) < wanted else (low, middle)  # fmt: skip
    return np.asarray(expit(place + 0.5 * (low + high)))


def _stride(values: FloatArray) -> int:
    return max(1, len(values) // 20_000)


def _variances(parts: TreeParts, spread: float) -> tuple[FloatArray, FloatArray]:
    """Return each tree's variance from whether it flowers, and from what it then bears, kg²."""
    p, share = parts.flowering, parts.pattern
    own = np.minimum(spread**2, share)
    bears = p * (4.0 * (share - own) * own + 2.0 * own**2)
    return p * (1.0 - p) * share**2 * parts.level_kg**2, bears * parts.level_kg**2


def _own_error(parts: TreeParts, spread: float) -> FloatArray:
    flowers, bears = _variances(parts, spread)
    return np.asarray(np.sqrt(flowers + bears))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Heard:
    """What counted trees made of a forecast: trees, their sum, how much is theirs, how wide."""

    trees: TreeForecast
    whole: Total
    weight: float
    wider: float


def _counted(trees: TreeForecast, counts: Counts, matrix: FloatArray) -> _Heard:
    """Bring trees to the level and slope of the counted ones, joined with what was expected.

    The error of the sum of trees that were not counted holds what single trees and parts of the
    field differ by (regression estimator of a total, Cochran 1977, ch. 7): the shared error is what
    is left of it beside those, so that nothing is counted twice.
    """
    at, count = counts.tree, len(counts.kg)
    both = np.column_stack([trees.kg, matrix])
    model = SeasonRecalibration().fit(both[at], counts.kg)
    said = np.maximum(model.predict(both), 0.0)
    whole, before = float(said.sum()), float(trees.kg.sum())
    if whole <= 0.0 or before <= 0.0:
        said, whole = np.full(len(said), counts.kg.mean()), float(counts.kg.mean()) * len(said)
    ratio = whole / before if before > 0 else 1.0
    assumed = float(np.mean(trees.own_error_kg[at] ** 2)) * ratio**2
    apart, about = (_beside(assumed, seen, count)
                    for seen in (float(np.mean(model.residuals_**2)), model.variance_))  # fmt: skip
    wider = apart / assumed if assumed > 0 else 1.0
    off = np.sqrt(about / count * max(1.0 - count / len(said), 0.0)) * len(said)
    relative = float(np.hypot(off / whole, counts.error)) if whole > 0 else counts.error
    own = trees.own_error_kg * ratio * np.sqrt(wider)
    own[at] = counts.error * counts.kg
    fresh = TreeForecast(kg=said, own_error_kg=own, level_error=0.0,
                         block_error=trees.block_error, block=trees.block)  # fmt: skip
    among = total(fresh).error_kg / whole if whole > 0 else 0.0
    shared = float(np.sqrt(max(relative**2 - among**2, counts.error**2)))
    prior = Total(kg=before, error_kg=total(trees).error_kg * max(ratio, 1.0))
    joined, field = reconcile(replace(fresh, level_error=shared), prior)
    kg = joined.kg.copy()
    kg[at] = counts.kg
    weight = trees.level_error**2 / max(trees.level_error**2 + relative**2, 1e-12)
    return _Heard(trees=replace(joined, kg=kg), whole=field, weight=weight,
                  wider=float(np.sqrt(wider * ratio)))  # fmt: skip


def _beside(assumed: float, seen: float, count: int) -> float:
    """Return the variance of trees beside the forecast, drawn towards what is assumed."""
    return (PRIOR_WEIGHT * assumed + (count - 1) * seen) / (PRIOR_WEIGHT + count - 1)


def _error_parts(
    trees: TreeForecast, parts: TreeParts, spread: float, shared: tuple[float, float],
    whole: Total,
) -> ErrorParts:  # fmt: skip
    """Return the field's error by its sources, which add up to the whole one's."""
    flowers, bears = _variances(parts, spread)
    own = flowers + bears
    share = np.divide(flowers, own, out=np.zeros_like(own), where=own > 0)
    variance = trees.own_error_kg**2
    place = np.unique(trees.block, return_inverse=True)[1]
    blocks = float((np.bincount(place, trees.kg) ** 2).sum()) * trees.block_error**2
    kg = float(trees.kg.sum())
    before = float(np.hypot(*shared))
    rate = kg * trees.level_error / before if before > 0 else 0.0
    found = ErrorParts(
        flowering_kg=float(np.sqrt((rate * shared[0]) ** 2 + float((share * variance).sum()))),
        pattern_kg=float(np.sqrt(float(((1.0 - share) * variance).sum()) + blocks)),
        level_kg=rate * shared[1] if before > 0 else kg * trees.level_error,
    )
    return found.scaled(whole.error_kg * kg / whole.kg) if whole.kg > 0 else found


def _told(model: GateModel, now: SeasonInputs) -> tuple[Finding, ...]:
    told: list[Finding] = []
    if not model.seasons:
        told.append(Finding.warning("finding.forecast_counts_only", wanted=FEW))
    elif model.seasons < FEW:
        told.append(Finding.warning("finding.forecast_few_seasons", seasons=model.seasons,
                                    wanted=FEW, percent=100.0 * SEASON_SPREAD))  # fmt: skip
    if model.trees is None:
        told.append(Finding.warning("finding.forecast_by_size",
                                    percent=100.0 * ASSUMED_TREE_SPREAD))  # fmt: skip
    if now.counts is not None and now.counts.error >= LEAST_TOLD:
        told.append(Finding.info("finding.forecast_count_error",
                                 percent=100.0 * now.counts.error))  # fmt: skip
    return tuple(told)
