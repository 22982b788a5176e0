"""A season's models as plain numbers, and back: the same forecasts to the bit.

Theory of operation. What five gates were taught is kept as one `State`: names and single numbers as
JSON, everything else as arrays. Building it again sets the very numbers that were learnt on new
estimators; nothing is fitted, and nothing stands in the file that could be run. Numbers that could
not have been written by `season_state` are refused: another version, an unknown gate, arrays that
do not fit each other.

Tree names are kept as numbers of the order in which the season's inputs list them, with the names
beside them as UTF-8 bytes, since arrays hold plain numbers alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from agri.errors import AgriError, Refused
from models.features import GapFiller, Harvests
from models.intervals import FEW
from models.novelty import Known
from models.saved.arrays import Array
from models.saved.card import Card, Trial, table_digest
from models.saved.document import State
from models.validation import Comparison
from models.yields.gates import Gate, PastSeason
from models.yields.hindcast import Told
from models.yields.learning import GateModel, SeasonTable, learn
from models.yields.ridge import ShrunkenRidge
from models.yields.trees import TreeYield

KIND = "season yield 1"
_FILLER = ("kept_", "mean_", "scale_", "related_")
_RIDGE = ("low_", "high_", "mean_", "scale_", "coefficients_")
_NUMBERS = ("level_", "penalty_", "spread_")
_TREES = ("level_", "level_error_", "pattern_error_", "flowering_share_")
_GATE = ("level_kg", "level_error", "flowering_error", "spread", "block_error")


def season_models(past: Sequence[PastSeason]) -> tuple[GateModel, ...]:
    """Return what past seasons teach of all five gates."""
    return tuple(learn(past, gate) for gate in Gate)


def season_state(models: Sequence[GateModel]) -> State:
    """Return five gates' models as a state to keep.

    Parameters
    ----------
    models : sequence of GateModel
        As `season_models` returns them, of at least one season.
    """
    arrays: dict[str, Array] = {}
    gates = [_gate_state(model, f"g{int(model.gate)}", arrays) for model in models]
    return State(kind=KIND, numbers={"gates": gates}, arrays=arrays)


def season_from(state: State) -> tuple[GateModel, ...]:
    """Return the models of a state.

    Raises
    ------
    Refused
        When the state is none of `season_state`.
    """
    try:
        models = tuple(_gate_from(told, f"g{told['gate']}", state.arrays)
                       for told in state.numbers["gates"])  # fmt: skip
        if state.kind != KIND or [one.gate for one in models] != list(Gate):
            raise ValueError
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, AgriError):
        raise Refused("error.model_head") from None
    return models


KINDS = {KIND: season_from}
"""What `models.saved.registry.Registry.load` may build."""


def season_card(
    table: SeasonTable, done: Comparison, told: Sequence[Told], *, name: str, made: datetime,
    limits: Sequence[str] = (),
) -> Card:  # fmt: skip
    """Return the card of a season's models.

    Parameters
    ----------
    table : SeasonTable
        What they were taught on.
    done : Comparison
        Of the tree model in all splits.
    told : sequence of Told
        Past seasons as they would have been forecast.
    name : str
    made : datetime
        With a time zone.
    limits : sequence of str
        Where it must not be used, in words.
    """
    least = {score.split: score.rmse for score in done.scores if score.model == "mean"}
    trials = tuple(
        Trial(split=str(score.split), measure=measure, value=float(value),
              baseline=least.get(score.split) if measure == "rmse" else None)
        for score in done.scores if score.model == done.default
        for measure, value in (("rmse", score.rmse), ("r2", score.r2))
    )  # fmt: skip
    held = [one.share for one in (here.trees_held() for here in told) if one is not None]
    columns = [*table.names, "kg", "season"]
    values = [*table.matrix.T, table.kg, table.season.astype(np.float64)]
    return Card(
        name=name, target="yield", unit="kg/tree", features=table.names, made=made,
        data_digest=table_digest(columns, values), rows=len(table.kg),
        seasons=len(np.unique(table.season)), headline=str(done.deployment), trials=trials,
        nominal_coverage=0.9, coverage=float(np.mean(held)) if held else None,
        novelty_limit=next((one.forecast.novelty.limit for one in reversed(told)
                            if one.forecast.novelty is not None), None),
        limits=tuple(limits) or _limits(table),
    )  # fmt: skip


def _limits(table: SeasonTable) -> tuple[str, ...]:
    seasons = len(np.unique(table.season))
    few = (f"{seasons} of {FEW} seasons / {seasons} trong {FEW} vụ",) if seasons < FEW else ()
    return ("this field's own trees / chỉ cho các cây của vườn này", *few)


def _gate_state(model: GateModel, at: str, arrays: dict[str, Array]) -> dict[str, Any]:
    level = model.level_kg if np.isfinite(model.level_kg) else None
    told: dict[str, Any] = {
        "gate": int(model.gate), "names": list(model.names), "seasons": model.seasons,
        **{name: float(getattr(model, name)) for name in _GATE[1:]}, "level_kg": level,
        "trees": None, "known": False, "history": False,
    }  # fmt: skip
    if model.trees is not None:
        told["trees"] = _trees_state(model.trees, f"{at}_t", arrays)
    if model.known is not None:
        told["known"] = True
        arrays[f"{at}_known"] = model.known.matrix
        arrays[f"{at}_moves"] = model.known.importance
        arrays[f"{at}_known_season"] = np.asarray(model.known.season, dtype=np.int64)
    if model.history is not None:
        told["history"] = True
        units, place = np.unique(model.history.unit, return_inverse=True)
        words = json.dumps(units.tolist(), ensure_ascii=False).encode()
        arrays[f"{at}_units"] = np.frombuffer(words, dtype=np.uint8)
        arrays[f"{at}_unit"] = place.astype(np.int64)
        arrays[f"{at}_season"] = model.history.season.astype(np.int64)
        arrays[f"{at}_kg"] = model.history.yield_kg
    return told


def _gate_from(told: Mapping[str, Any], at: str, arrays: Mapping[str, Array]) -> GateModel:
    names = tuple(str(name) for name in told["names"])
    known, history = None, None
    if told["known"]:
        known = Known(names=names, matrix=arrays[f"{at}_known"], importance=arrays[f"{at}_moves"],
                      season=arrays[f"{at}_known_season"])  # fmt: skip
        if known.matrix.shape[1:] != (len(names),) or known.importance.shape != (len(names),):
            raise ValueError
    if told["history"]:
        units = np.array(json.loads(arrays[f"{at}_units"].astype(np.uint8).tobytes()))
        history = Harvests(unit=units[arrays[f"{at}_unit"]], season=arrays[f"{at}_season"],
                           yield_kg=arrays[f"{at}_kg"])  # fmt: skip
        if not len(history.unit) == len(history.season) == len(history.yield_kg):
            raise ValueError
    trees = None
    if told["trees"] is not None:
        trees = _trees_from(told["trees"], f"{at}_t", arrays, len(names))
    level = float("nan") if told["level_kg"] is None else float(told["level_kg"])
    return GateModel(
        gate=Gate(told["gate"]), names=names, trees=trees, level_kg=level,
        **{name: float(told[name]) for name in _GATE[1:]}, seasons=int(told["seasons"]),
        known=known, history=history,
    )  # fmt: skip


def _trees_state(model: TreeYield, at: str, arrays: dict[str, Array]) -> dict[str, Any]:
    told: dict[str, Any] = {name: float(getattr(model, name)) for name in _TREES}
    told |= {"degree": model.degree, "flowers": model.flowering_ is not None, "pattern": None}
    if model.flowering_ is not None:
        filler, scaler, logistic = (step for _, step in model.flowering_.steps)
        _put(model, ("low_", "high_"), at, arrays)
        _put(filler, _FILLER, f"{at}_f", arrays)
        _put(scaler, ("mean_", "scale_"), f"{at}_z", arrays)
        _put(logistic, ("coef_", "intercept_"), f"{at}_l", arrays)
    if model.pattern_ is not None:
        told["pattern"] = _ridge_state(model.pattern_, f"{at}_r", arrays)
    return told


def _trees_from(
    told: Mapping[str, Any], at: str, arrays: Mapping[str, Array], count: int
) -> TreeYield:
    model = TreeYield(int(told["degree"]))
    model.n_features_in_ = count
    for name in _TREES:
        setattr(model, name, float(told[name]))
    model.flowering_, model.pattern_ = None, None
    if told["flowers"]:
        _take(model, ("low_", "high_"), at, arrays)
        filler = _filler(f"{at}_f", arrays, count)
        scaler, logistic = StandardScaler(), LogisticRegression(C=0.5, solver="newton-cholesky")
        _take(scaler, ("mean_", "scale_"), f"{at}_z", arrays)
        _take(logistic, ("coef_", "intercept_"), f"{at}_l", arrays)
        logistic.classes_ = np.array([False, True])
        inner = int(filler.kept_.sum())
        scaler.n_features_in_ = logistic.n_features_in_ = inner
        fits = (1, inner), (inner,), (count,), (count,)
        if fits != (logistic.coef_.shape, scaler.scale_.shape, model.low_.shape,
                    model.high_.shape):  # fmt: skip
            raise ValueError
        model.flowering_ = make_pipeline(filler, scaler, logistic)
    if told["pattern"] is not None:
        model.pattern_ = _ridge_from(told["pattern"], f"{at}_r", arrays, count)
    return model


def _ridge_state(model: ShrunkenRidge, at: str, arrays: dict[str, Array]) -> dict[str, Any]:
    _put(model.filler_, _FILLER, f"{at}_f", arrays)
    _put(model, _RIDGE, at, arrays)
    return {"degree": model.degree, "space": model.space, "squared": bool(model.squared_),
            **{name: float(getattr(model, name)) for name in _NUMBERS}}  # fmt: skip


def _ridge_from(
    told: Mapping[str, Any], at: str, arrays: Mapping[str, Array], count: int
) -> ShrunkenRidge:
    if told["space"] not in ("plain", "root"):
        raise ValueError
    model = ShrunkenRidge(int(told["degree"]), told["space"])
    model.n_features_in_, model.squared_ = count, bool(told["squared"])
    model.filler_ = _filler(f"{at}_f", arrays, count)
    _take(model, _RIDGE, at, arrays)
    for name in _NUMBERS:
        setattr(model, name, float(told[name]))
    model.predict(np.zeros((1, count)))  # arrays that do not fit fail here, not later
    return model


def _filler(at: str, arrays: Mapping[str, Array], count: int) -> GapFiller:
    filler = GapFiller()
    _take(filler, _FILLER, at, arrays)
    inner = int(filler.kept_.sum())
    if filler.kept_.shape != (count,) or filler.kept_.dtype != np.bool_:
        raise ValueError
    if filler.mean_.shape != (inner,) or filler.related_.shape != (inner, inner):
        raise ValueError
    filler.n_features_in_ = count
    return filler


def _put(model: Any, names: Sequence[str], at: str, arrays: dict[str, Array]) -> None:
    for name in names:
        arrays[f"{at}_{name.strip('_')}"] = np.asarray(getattr(model, name))


def _take(model: Any, names: Sequence[str], at: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name in names:
        setattr(model, name, arrays[f"{at}_{name.strip('_')}"])
