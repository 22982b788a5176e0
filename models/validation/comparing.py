"""All splits side by side, baselines beside the models, and the choice under one standard error.

Theory of operation
-------------------
Every model is fitted anew in every fold of every split that the records allow. Told are the error
over all held-out records (RMSE, MAE, R² about the held-out mean) and, where seasons are left out,
the same once the season's level is known (predictions scaled to the season's true mean: what
counting trees can give at best). The headline is the deployment's split. Decisions:

* the deployment split must be possible on these records and must not be the random one: a figure
  from random folds says nothing of a new block, field or season, so it is refused as headline;
* the first model is the default. Another is chosen only if its squared error in the deployment
  split is lower by more than one standard error over its folds (paired), with three folds at least;
  among those that are, the one with the lowest error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agri.errors import Refused
from agri.findings import Finding
from models.validation.baselines import BASELINES
from models.validation.splits import Fold, Layout, Split, folds_of
from models.validation.variogram import fit_variogram, without_trend

FloatArray = NDArray[np.float64]

LEAST_FOLDS = 3
"""With fewer folds there is no standard error to win by."""


class Model(Protocol):
    """What scikit-learn calls a regressor."""

    def fit(self, x: Any, y: Any) -> Any:
        """Learn."""

    def predict(self, x: Any) -> Any:
        """Say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How one model did in one split.

    Parameters
    ----------
    model : str
    split : Split
    rmse, mae : float
        In the target's unit, over all held-out records.
    r2 : float
        1 − squared error / squared deviation from the held-out mean.
    rmse_level_known : float
        With every held-out season's predictions scaled to its true mean; NaN without seasons.
    fold_mse : tuple of float
        Mean squared error of each fold.
    predicted : (N,) float64
        What was said of each held-out record, NaN where it was never held out.
    """

    model: str
    split: Split
    rmse: float
    mae: float
    r2: float
    rmse_level_known: float
    fold_mse: tuple[float, ...]
    predicted: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Models and baselines in all splits.

    Parameters
    ----------
    scores : tuple of Score
    deployment : Split
        What will be new when the model is used.
    default : str
        The first model.
    findings : tuple of Finding
        Splits that could not be made, blocks that are too small.
    """

    scores: tuple[Score, ...]
    deployment: Split
    default: str
    findings: tuple[Finding, ...]

    def score(self, model: str, split: Split | None = None) -> Score:
        """Return a model's score in a split, in the deployment's if none is named."""
        wanted = (model, split or self.deployment)
        return next(one for one in self.scores if (one.model, one.split) == wanted)

    @property
    def headline(self) -> Score:
        """The chosen model's score in the deployment split."""
        return self.score(choose(self))


def compare(
    models: Mapping[str, Callable[[], Model]],
    features: FloatArray | Callable[[Fold], FloatArray],
    target: FloatArray,
    layout: Layout,
    *,
    deployment: Split,
    splits: tuple[Split, ...] = tuple(Split),
    range_m: float | None = None,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
) -> Comparison:
    """Try models and baselines in all splits that the records allow.

    Parameters
    ----------
    models : mapping of name to a function that makes an unfitted regressor
        The first is the default.
    features : (N, P) float64, or function of a fold that returns it
        NaN only if the models take it. A function may take from what is taught whatever was not
        known of what is asked, as past harvests of a season early in the records.
    target : (N,) float64
    layout : Layout
    deployment : Split
        What will be new when the model is used; not random.
    splits : tuple of Split
        Which to try; the deployment's is always tried.
    range_m : float or None
        Least side of blocks in metres; None takes the target's variogram range about its trend.
    seed : int
        Of random folds.
    progress : function of the share done, or None

    Raises
    ------
    Refused
        If `deployment` is random, or the records do not allow its split.
    """
    if deployment is Split.RANDOM:
        raise Refused("error.validation_random_alone")
    reach = _reach(layout, target) if range_m is None else range_m
    wanted = [split for split in Split if split in {*splits, deployment}]
    folds = {split: folds_of(split, layout, len(target), range_m=reach, seed=seed)
             for split in wanted}  # fmt: skip
    if not folds[deployment]:
        raise Refused("error.validation_impossible", split=str(deployment))
    scores: list[Score] = []
    for done, split in enumerate(wanted):
        if folds[split]:
            trial = _Trial(target=target, layout=layout, split=split, folds=folds[split])
            scores += _scores(models, features, trial)
        if progress is not None:
            progress((done + 1) / len(wanted))
    return Comparison(scores=tuple(scores), deployment=deployment, default=next(iter(models)),
                      findings=tuple(_told(folds, reach)))  # fmt: skip


def choose(comparison: Comparison) -> str:
    """Return the model to use: the default unless another wins by more than one standard error."""
    default = comparison.score(comparison.default)
    chosen, least = default.model, default.rmse
    for score in comparison.scores:
        if score.split is not comparison.deployment or score.model in BASELINES:
            continue
        gain = np.subtract(default.fold_mse, score.fold_mse)
        if len(gain) < LEAST_FOLDS or score.rmse >= least:
            continue
        if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)):
            chosen, least = score.model, score.rmse
    return chosen


def _reach(layout: Layout, target: FloatArray) -> float:
    """Return the longest variogram range of any season's map, its trend taken away."""
    if layout.xy_m is None:
        return 0.0
    season = np.zeros(len(target)) if layout.season is None else layout.season
    reach = 0.0
    for one in np.unique(season):
        here = season == one
        places = layout.xy_m[here]
        reach = max(reach, fit_variogram(places, without_trend(places, target[here])).range_m)
    return reach


def _told(folds: Mapping[Split, tuple[Fold, ...]], reach: float) -> list[Finding]:
    told = [Finding.info("finding.validation_split_absent", split=str(split))
            for split, trials in folds.items() if not trials]  # fmt: skip
    if any(fold.note == "small" for fold in folds.get(Split.BLOCKED, ())):
        told.append(Finding.warning("finding.validation_blocks_small", range_m=reach))
    return told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """One split of the records."""

    target: FloatArray
    layout: Layout
    split: Split
    folds: tuple[Fold, ...]


def _scores(
    models: Mapping[str, Callable[[], Model]],
    features: FloatArray | Callable[[Fold], FloatArray],
    trial: _Trial,
) -> list[Score]:
    found, target = [], trial.target
    for name, baseline in BASELINES.items():
        said = [baseline(target, trial.layout, fold) for fold in trial.folds]
        parts = [one for one in said if one is not None]
        if len(parts) == len(said):
            found.append(_score(name, trial, parts))
    seen = [features(fold) if callable(features) else features for fold in trial.folds]
    for name, make in models.items():
        parts = [np.asarray(make().fit(x[fold.train], target[fold.train]).predict(x[fold.test]),
                            dtype=np.float64)
                 for x, fold in zip(seen, trial.folds, strict=True)]  # fmt: skip
        found.append(_score(name, trial, parts))
    return found


def _score(name: str, trial: _Trial, parts: list[FloatArray]) -> Score:
    target, season = trial.target, trial.layout.season
    predicted = np.full(len(target), np.nan)
    for fold, said in zip(trial.folds, parts, strict=True):
        predicted[fold.test] = said
    held = np.isfinite(predicted)
    error = predicted[held] - target[held]
    spread = float(((target[held] - target[held].mean()) ** 2).sum())
    by_season = trial.split in {Split.SEASON, Split.FORWARD}
    return Score(
        model=name,
        split=trial.split,
        rmse=float(np.sqrt(np.mean(error**2))),
        mae=float(np.abs(error).mean()),
        r2=1.0 - float(error @ error) / spread if spread > 0 else np.nan,
        rmse_level_known=_level_known(predicted, target, season) if by_season else np.nan,
        fold_mse=tuple(float(np.mean((said - target[fold.test]) ** 2))
                       for fold, said in zip(trial.folds, parts, strict=True)),
        predicted=predicted,
    )  # fmt: skip


def _level_known(predicted: FloatArray, target: FloatArray, season: NDArray[Any] | None) -> float:
    """Return the RMSE once each held-out season's mean is known (by scaling, so 0 stays 0)."""
    squares: list[FloatArray] = []
    for one in np.unique(season):  # type: ignore[arg-type]
        here = (season == one) & np.isfinite(predicted)
        if not here.any():
            continue
        said, true = predicted[here], target[here]
        level = true.mean() / said.mean() if said.mean() > 0 else 1.0
        squares.append((said * level - true) ** 2)
    return float(np.sqrt(np.concatenate(squares).mean())) if squares else np.nan
