"""Models are tried on what will be new, beside what one would say without them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import check_estimator

from agri.errors import Refused
from models.features import Column, GapFiller, Harvests, bearing, future_columns, gather
from models.validation import Layout, Split, choose, compare, fit_variogram, folds_of
from models.validation.splits import blocks_of
from models.yields import ShrunkenRidge


def _field(seed: int = 0, side: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Places 4 m apart and a smooth surface of about 30 m range with noise."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(side) * 4.0, np.arange(side) * 4.0)
    places = np.column_stack([x.ravel(), y.ravel()])
    knots = rng.uniform(0, side * 4, (40, 2))
    gap = np.hypot(*(places[:, None] - knots[None]).transpose(2, 0, 1))
    surface = np.exp(-((gap / 12) ** 2)) @ rng.normal(0, 2, 40)
    return places, surface + rng.normal(0, 0.3, len(places))


def test_no_record_is_learnt_from_and_tried_on_at_once() -> None:
    rng = np.random.default_rng(1)
    layout = Layout(xy_m=rng.uniform(0, 100, (60, 2)), field=np.arange(60) % 3,
                    season=2020 + np.arange(60) // 20, unit=np.arange(60) % 20)  # fmt: skip
    for split in Split:
        folds = folds_of(split, layout, 60, range_m=20.0)
        assert len(folds) >= 2
        assert all(not set(fold.train) & set(fold.test) for fold in folds)
    for fold in folds_of(Split.FORWARD, layout, 60):
        assert layout.season[fold.train].max() < layout.season[fold.test].min()  # type: ignore[index]


def test_blocks_are_at_least_as_long_as_the_variogram_reaches() -> None:
    places, values = _field()
    reach = fit_variogram(places, values).range_m
    assert 10 < reach < 50
    turned = places @ np.array([[0.8, -0.6], [0.6, 0.8]])
    for points in (places, turned):
        block, small = blocks_of(points, reach)
        assert not small
        assert block.max() + 1 <= (100 / reach + 1) ** 2


def test_without_a_range_a_field_is_cut_into_about_twenty_blocks() -> None:
    for long, wide in ((650.0, 240.0), (100.0, 100.0), (400.0, 5.0)):
        x, y = np.meshgrid(np.linspace(0, long, 60), np.linspace(0, wide, 40))
        block, small = blocks_of(np.column_stack([x.ravel(), y.ravel()]), 0.0)
        assert 18 <= block.max() + 1 <= 22
        assert not small


def test_random_folds_alone_are_refused() -> None:
    with pytest.raises(Refused, match="Random folds alone"):
        compare({"line": LinearRegression}, np.ones((9, 1)), np.arange(9.0), Layout(),
                deployment=Split.RANDOM)  # fmt: skip


def test_one_season_cannot_try_a_new_season() -> None:
    layout = Layout(season=np.full(9, 2025))
    with pytest.raises(Refused, match="season"):
        compare({"line": LinearRegression}, np.ones((9, 1)), np.arange(9.0), layout,
                deployment=Split.SEASON)  # fmt: skip


def test_random_folds_flatter_a_model_of_places_and_the_headline_is_the_blocked_one() -> None:
    places, values = _field()
    models = {"forest": lambda: RandomForestRegressor(20, random_state=0)}
    told = compare(models, places, values, Layout(xy_m=places), deployment=Split.BLOCKED)
    assert told.headline.split is Split.BLOCKED
    assert told.score("forest", Split.RANDOM).r2 > told.headline.r2 + 0.3
    assert {one.model for one in told.scores} == {"forest", "mean"}
    absent = {dict(one.message.values)["split"] for one in told.findings}
    assert absent == {"field", "season", "forward"}


def test_shuffled_targets_are_not_foretold() -> None:
    places, values = _field()
    shuffled = np.random.default_rng(5).permutation(values)
    models = {"line": LinearRegression, "forest": lambda: RandomForestRegressor(20, random_state=0)}
    told = compare(models, places, shuffled, Layout(xy_m=places), deployment=Split.BLOCKED,
                   range_m=25.0)  # fmt: skip
    assert max(one.r2 for one in told.scores) <= 0.05


def test_another_model_is_taken_only_if_it_wins_by_more_than_one_standard_error() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 3))
    layout = Layout(field=np.arange(300) % 6)
    models = {"line": LinearRegression, "forest": lambda: RandomForestRegressor(20, random_state=0)}
    for rule, best in ((x.sum(axis=1), "line"), (np.sign(x[:, 0] * x[:, 1]) * 3.0, "forest")):
        target = rule + rng.normal(0, 0.2, 300)
        told = compare(models, x, target, layout, deployment=Split.FIELD, splits=())
        assert choose(told) == best == told.headline.model


def test_baselines_of_trees_read_only_the_past() -> None:
    layout = Layout(season=np.repeat([1, 2, 3], 2), unit=np.tile([7, 8], 3))
    target = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    told = compare({"line": LinearRegression}, np.ones((6, 1)), target, layout,
                   deployment=Split.FORWARD)  # fmt: skip
    assert told.score("last_season").predicted[2:].tolist() == [1, 2, 3, 4]
    assert told.score("unit_mean").predicted[2:].tolist() == [1, 2, 2, 3]
    assert told.score("last_season", Split.SEASON).predicted.tolist() == [4.5, 4.5, 1, 2, 3, 4]
    assert told.score("last_season").rmse_level_known < told.score("last_season").rmse


def test_a_feature_from_the_future_is_caught() -> None:
    bloom = Column(name="bloom", values=np.ones(3), known_on=date(2026, 3, 1))
    with pytest.raises(Refused, match="bloom"):
        gather((bloom,), date(2026, 2, 28))
    rng = np.random.default_rng(3)
    log = Harvests(unit=np.tile(np.arange(30), 4), season=np.repeat([2021, 2022, 2023, 2024], 30),
                   yield_kg=rng.uniform(5, 60, 120))  # fmt: skip

    def careless(harvests: Harvests, units: np.ndarray, season: int) -> dict[str, np.ndarray]:
        mean = [harvests.yield_kg[harvests.unit == unit].mean() for unit in units]
        return {**bearing(harvests, units, season), "tree_mean": np.array(mean)}

    assert future_columns(bearing, log, 2023) == ()
    assert future_columns(careless, log, 2023) == ("tree_mean",)


def test_the_first_season_has_no_last_year_and_goes_on_without_it() -> None:
    log = Harvests(unit=np.arange(5), season=np.full(5, 2025), yield_kg=np.arange(1.0, 6.0))
    made = bearing(log, np.arange(5), 2025)
    assert np.isnan(made["lag_1"]).all()
    assert made["effect"].tolist() == [1.0] * 5
    columns = tuple(Column(name=name, values=values, known_on=date(2025, 1, 1))
                    for name, values in made.items())  # fmt: skip
    kept = gather(columns, date(2025, 2, 1))
    assert kept.names == ("effect",)
    assert [one.key for one in kept.findings] == ["finding.feature_dropped"] * 3


def test_gaps_are_told_from_the_columns_that_are_known() -> None:
    rng = np.random.default_rng(4)
    first = rng.normal(size=400)
    whole = np.column_stack([first, 2 * first + rng.normal(0, 0.1, 400), np.full(400, np.nan)])
    holed = whole.copy()
    holed[:100, 1] = np.nan
    filled = GapFiller().fit(holed).transform(holed)
    assert filled.shape == (400, 2)
    assert np.abs(filled[:100, 1] - whole[:100, 1]).mean() < 0.5 * np.abs(whole[:100, 1]).mean()


def test_the_gap_filler_is_a_scikit_learn_transformer() -> None:
    check_estimator(GapFiller())


def test_where_no_column_has_a_value_nothing_is_left_and_the_mean_is_said() -> None:
    nothing = np.full((6, 2), np.nan)
    assert GapFiller().fit_transform(nothing).shape == (6, 0)
    assert ShrunkenRidge().fit(nothing, np.arange(6.0)).predict(nothing[:1]).tolist() == [2.5]
