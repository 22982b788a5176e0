"""Yield models: shrunken, brought to a new season by counted trees, and in parts that add up."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from agri.errors import BadInput
from models.validation import Layout, Split, compare
from models.yields import (
    NearKriging,
    SeasonRecalibration,
    ShrunkenRidge,
    Total,
    TreeForecast,
    TreeYield,
    candidates,
    plan_sample,
    reconcile,
    total,
    trees_needed,
)


@pytest.mark.parametrize(
    "model",
    [
        ShrunkenRidge(),
        ShrunkenRidge(degree=1, space="root"),
        SeasonRecalibration(),
        TreeYield(),
        NearKriging(),
    ],
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


def _orchard(seed: int, seasons: int = 4, trees: int = 300) -> tuple[np.ndarray, ...]:
    """Trees with a size and a flush index; those with much flush do not flower."""
    rng = np.random.default_rng(seed)
    size = np.tile(rng.uniform(5, 25, trees), seasons)
    season = np.repeat(np.arange(seasons), trees)
    flush = rng.uniform(0, 1, len(size))
    level = rng.uniform(0.5, 1.5, seasons)[season]
    flowers = rng.uniform(size=len(size)) < 1 / (1 + np.exp(8 * (flush - 0.5)))
    kg = flowers * level * (2.5 * size + rng.normal(0, 4, len(size))).clip(0.5)
    return np.column_stack([size, flush]), kg, season


def test_a_trees_parts_are_told_apart_and_multiply() -> None:
    x, kg, season = _orchard(0)
    model = TreeYield().fit(x, kg, season=season)
    parts = model.parts([[15.0, 0.05], [15.0, 0.95], [25.0, 0.05]])
    assert parts.flowering[0] > 0.9
    assert parts.flowering[1] < 0.1
    assert parts.pattern[2] > 1.4 * parts.pattern[0]
    assert parts.expected_kg.tolist() == pytest.approx(model.predict(
        [[15.0, 0.05], [15.0, 0.95], [25.0, 0.05]]).tolist())  # fmt: skip
    level = np.array([kg[(season == one) & (kg > 0)].mean() for one in range(4)])
    assert level.min() < parts.level_kg < level.max()
    assert parts.level_error > 0.15


def test_a_tree_beyond_all_known_ones_flowers_like_the_last_known_one() -> None:
    x, kg, season = _orchard(2)
    model = TreeYield().fit(x, kg, season=season)
    parts = model.parts([[15.0, x[:, 1].max()], [15.0, 1e6], [1e9, 0.5], [x[:, 0].max(), 0.5]])
    assert parts.flowering[0] == pytest.approx(parts.flowering[1])
    assert parts.flowering[2] == pytest.approx(parts.flowering[3])


def test_one_season_says_nothing_of_how_seasons_differ() -> None:
    x, kg, season = _orchard(1, seasons=1)
    assert TreeYield().fit(x, kg, season=season).level_error_ == pytest.approx(0.45)


def test_trees_that_all_or_never_flowered_are_said_so_and_negative_yields_refused() -> None:
    x = np.arange(10.0)[:, None]
    assert TreeYield().fit(x, np.zeros(10)).predict(x).tolist() == [0] * 10
    assert TreeYield().fit(x, x[:, 0] + 1).parts(x).flowering.tolist() == [1] * 10
    with pytest.raises(BadInput, match="below zero"):
        TreeYield().fit(x, np.full(10, -1.0))


def test_the_error_of_a_sum_is_the_scatter_of_sums_drawn_anew() -> None:
    rng = np.random.default_rng(6)
    kg, block = rng.uniform(20, 80, 120), np.repeat(np.arange(4), 30)
    trees = TreeForecast(kg=kg, own_error_kg=0.4 * kg, level_error=0.2, block_error=0.15,
                         block=block)  # fmt: skip
    drawn = kg * (1 + 0.2 * rng.normal(size=(4000, 1)) + 0.15 * rng.normal(size=(4000, 4))[:, block]
                  + 0.4 * rng.normal(size=(4000, 120)))  # fmt: skip
    assert total(trees).error_kg == pytest.approx(drawn.sum(axis=1).std(), rel=0.05)
    assert total(trees).error_kg > 3 * np.sqrt((trees.own_error_kg**2).sum())
    assert total(trees, block == 2).error_kg == pytest.approx(
        drawn[:, block == 2].sum(axis=1).std(), rel=0.05)  # fmt: skip


def test_trees_add_up_to_the_reconciled_field() -> None:
    rng = np.random.default_rng(7)
    kg = rng.uniform(0, 80, 200)
    trees = TreeForecast(kg=kg, own_error_kg=0.3 * kg + 2, level_error=0.3, block_error=0.1,
                         block=np.arange(200) % 5)  # fmt: skip
    before = total(trees)
    for said in (0.2 * before.kg, 1.5 * before.kg):
        joined, whole = reconcile(trees, Total(kg=said, error_kg=0.1 * before.kg))
        assert joined.kg.sum() == pytest.approx(whole.kg)
        assert (joined.kg >= 0).all()
        assert whole.error_kg < min(before.error_kg, 0.1 * before.kg)
        assert abs(whole.kg - said) < abs(whole.kg - before.kg)


def test_a_spread_sample_tells_the_level_better_than_trees_at_random() -> None:
    rng = np.random.default_rng(8)
    x, y = np.meshgrid(np.arange(20) * 6.0, np.arange(20) * 6.0)
    places = np.column_stack([x.ravel(), y.ravel()])
    size = rng.uniform(1, 5, 400)
    kg = 10 * size + 0.15 * places[:, 0] + rng.normal(0, 4, 400)
    spread, free = [], []
    for _ in range(150):
        sample = plan_sample(places, size, 18, rng)
        assert len(set(sample.tree.tolist())) == 18
        assert sample.weight.sum() == pytest.approx(1)
        spread.append(sample.mean(kg[sample.tree]) - kg.mean())
        free.append(kg[rng.choice(400, 18, replace=False)].mean() - kg.mean())
    assert np.std(spread) < 0.6 * np.std(free)
    assert abs(np.mean(spread)) < 0.5


def test_as_many_trees_are_counted_as_the_target_asks_for() -> None:
    rng = np.random.default_rng(9)
    kg = rng.gamma(2.0, 20.0, 600)
    needed = trees_needed(float(kg.std() / kg.mean()), 0.15, 600)
    off = [kg[rng.choice(600, needed, replace=False)].mean() / kg.mean() - 1 for _ in range(2000)]
    assert 0.13 < np.std(off) < 0.155
    with pytest.raises(BadInput, match="above 0"):
        trees_needed(0.5, 0.0, 600)
    with pytest.raises(BadInput, match="between 1 and 3"):
        plan_sample(np.zeros((3, 2)), np.ones(3), 4, rng)


def test_kriging_fills_a_left_out_pass_better_than_its_nearest_records() -> None:
    rng = np.random.default_rng(10)
    x, y = np.meshgrid(np.arange(15) * 6.0, np.arange(60) * 2.0)
    places = np.column_stack([x.ravel(), y.ravel()])
    truth = np.sin(places[:, 0] / 15) + np.cos(places[:, 1] / 20)
    seen = truth + rng.normal(0, 0.4, len(truth))
    away = places[:, 0] == 42.0
    said = NearKriging().fit(places[~away], seen[~away]).predict(places[away])
    gap = np.abs(places[away][:, None] - places[~away][None]).sum(axis=2).argmin(axis=1)
    assert np.std(said - truth[away]) < 0.6 * np.std(seen[~away][gap] - truth[away])
