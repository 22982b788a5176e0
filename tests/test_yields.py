"""Yield models: shrunken, brought to a new season by counted trees, and in parts that add up."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from models.validation import Layout, Split, compare
from models.yields import SeasonRecalibration, ShrunkenRidge, candidates


@pytest.mark.parametrize(
    "model",
    [ShrunkenRidge(), ShrunkenRidge(degree=1, space="root"), SeasonRecalibration()],
    ids=str,
)
def test_the_models_are_scikit_learn_estimators(model: object) -> None:
    check_estimator(model)


def test_the_ridge_finds_a_curve_and_stays_level_beyond_what_it_saw() -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, (200, 2))
    y = 5 + x[:, 0] - 0.1 * x[:, 0] ** 2 + rng.normal(0, 0.1, 200)
    model = ShrunkenRidge().fit(x, y)
    assert float(model.predict([[5.0, 5.0]])[0]) == pytest.approx(7.5, abs=0.1)
    edge = float(model.predict([[x[:, 0].max(), 5.0]])[0])
    assert float(model.predict([[1000.0, 5.0]])[0]) == pytest.approx(edge, abs=1e-6)


def test_noise_is_shrunk_to_the_mean() -> None:
    rng = np.random.default_rng(1)
    model = ShrunkenRidge().fit(rng.normal(size=(60, 8)), rng.normal(40, 10, 60))
    said = model.predict(rng.normal(size=(200, 8)))
    assert said.std() < 4


def test_a_penalty_sought_by_season_is_no_smaller_when_seasons_differ() -> None:
    rng = np.random.default_rng(2)
    season = np.repeat(np.arange(6), 40)
    weather = rng.normal(size=6)[season][:, None]
    x = np.hstack([weather, rng.normal(size=(240, 3))])
    y = rng.normal(0, 3, 6)[season] + x[:, 1] + rng.normal(0, 0.5, 240)
    by_row, by_season = ShrunkenRidge().fit(x, y), ShrunkenRidge().fit(x, y, groups=season)
    assert by_season.penalty_ > by_row.penalty_


def test_root_space_keeps_the_sum_of_skewed_yields() -> None:
    rng = np.random.default_rng(3)
    size = rng.uniform(1, 6, 4000)
    kg = (size + rng.normal(0, 1.0, 4000)) ** 2
    said = ShrunkenRidge(space="root").fit(size[:, None], kg).predict(size[:, None])
    assert said.sum() == pytest.approx(kg.sum(), rel=0.02)


def test_every_model_goes_on_with_a_column_that_has_no_value() -> None:
    rng = np.random.default_rng(4)
    x = np.column_stack([rng.normal(size=(80, 2)), np.full(80, np.nan)])
    x[::7, 1] = np.nan
    y = x[:, 0] * 5 + 40
    for name, make in candidates().items():
        said = make().fit(x, y).predict(x)
        assert np.corrcoef(said, y)[0, 1] > 0.9, name
        assert np.isfinite(make().fit(x[:, :2], y).predict(x[:, :2])).all()


def test_neither_ridge_nor_forest_foretells_shuffled_targets() -> None:
    rng = np.random.default_rng(5)
    x, field = rng.normal(size=(240, 4)), np.arange(240) % 6
    y = rng.permutation(x[:, 0] * 3 + rng.normal(0, 1, 240))
    models = {name: make for name, make in candidates().items() if name in {"ridge", "forest"}}
    told = compare(models, x, y, Layout(field=field), deployment=Split.FIELD, splits=())
    assert max(one.r2 for one in told.scores) <= 0.05
    assert told.headline.model == "ridge"


def _new_season(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pattern of the old season, a feature, and a season of 0.4 its scale with its own part."""
    rng = np.random.default_rng(seed)
    old, feature = rng.uniform(20, 80, 400), rng.normal(size=400)
    new = 12 + 0.4 * old + 3 * feature + rng.normal(0, 3, 400)
    return np.column_stack([old, feature]), new, rng.permutation(400)[:18]


def test_eighteen_counted_trees_bring_level_and_slope() -> None:
    errors = []
    for seed in range(12):
        x, new, counted = _new_season(seed)
        model = SeasonRecalibration().fit(x[counted], new[counted])
        rest = np.setdiff1d(np.arange(400), counted)
        said = model.predict(x[rest])
        off = np.sqrt(np.mean((said - new[rest]) ** 2))
        shifted = x[rest, 0] + (new[counted] - x[counted, 0]).mean()
        errors.append((off, np.sqrt(np.mean((shifted - new[rest]) ** 2)), new.std()))
        assert model.weights_.sum() == pytest.approx(1)
        assert (model.weights_ >= 0).all()
    mixed, shift, mean = np.mean(errors, axis=0)
    assert mixed < 0.5 * shift
    assert mixed < 0.6 * mean


def test_two_counted_trees_set_the_level_alone() -> None:
    model = SeasonRecalibration().fit([[40.0], [60.0]], [20.0, 30.0])
    assert model.predict([[100.0]]).tolist() == pytest.approx([50.0])
    assert model.weights_.tolist() == [0, 1, 0, 0]


def test_the_jackknife_residuals_are_as_wide_as_the_errors() -> None:
    ratio = []
    for seed in range(12):
        x, new, counted = _new_season(seed)
        model = SeasonRecalibration().fit(x[counted], new[counted])
        ratio.append(np.std(model.residuals_) / np.std(model.predict(x) - new))
    assert 0.75 < np.mean(ratio) < 1.3
