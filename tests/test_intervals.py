"""Intervals hold where something is new, are wide where little is known, and novelty is told."""

from __future__ import annotations

import numpy as np
import pytest

from agri.errors import BadInput
from models.intervals import Interval, calibrate, calibrate_counted, coverage
from models.novelty import Known, novelty
from models.validation import Layout, Split, folds_of
from models.yields import SeasonRecalibration, ShrunkenRidge


def _groups(rng: np.random.Generator, count: int, each: int) -> tuple[np.ndarray, ...]:
    """Records of groups with an offset of their own that no feature knows."""
    group = np.repeat(np.arange(count), each)
    x = rng.normal(size=(len(group), 2))
    y = 50 + 5 * x[:, 0] + rng.normal(0, 6, count)[group] + rng.normal(0, 4, len(group))
    return x, y, group


def _held_out(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> np.ndarray:
    said = np.empty(len(y))
    for fold in folds_of(Split.FIELD, Layout(field=group), len(y)):
        said[fold.test] = ShrunkenRidge().fit(x[fold.train], y[fold.train]).predict(x[fold.test])
    return y - said


@pytest.mark.parametrize("count", [5, 7, 12, 25])
def test_intervals_hold_in_new_groups_as_often_as_they_say(count: int) -> None:
    rng = np.random.default_rng(count)
    held = []
    for _ in range(20):
        x, y, group = _groups(rng, count + 10, 15)
        old = group < count
        told = calibrate(_held_out(x[old], y[old], group[old]), group[old], new=Split.FIELD)
        said = ShrunkenRidge().fit(x[old], y[old]).predict(x[~old])
        held.append(coverage(told.interval(said), y[~old], group[~old]).share)
    assert 0.85 <= np.mean(held) <= 0.97


def test_errors_at_random_are_too_narrow_for_a_new_group() -> None:
    rng = np.random.default_rng(0)
    random, blocked = [], []
    for _ in range(10):
        x, y, group = _groups(rng, 24, 15)
        old = group < 14
        model = ShrunkenRidge().fit(np.column_stack([x, np.eye(24)[group]])[old], y[old])
        inside = y[old] - model.predict(np.column_stack([x, np.eye(24)[group]])[old])
        said = ShrunkenRidge().fit(x[old], y[old]).predict(x[~old])
        for kept, errors, place in (
            (random, inside, np.arange(old.sum())),
            (blocked, _held_out(x[old], y[old], group[old]), group[old]),
        ):
            told = calibrate(errors, place, new=Split.FIELD)
            kept.append(coverage(told.interval(said), y[~old], group[~old]).share)
    assert np.mean(random) < 0.8
    assert np.mean(blocked) > 0.87


@pytest.mark.parametrize("seasons", [1, 2, 4])
def test_with_too_few_seasons_the_interval_is_wide_and_says_so(seasons: int) -> None:
    rng = np.random.default_rng(seasons)
    errors, season = rng.normal(0, 1.0, 40 * seasons), np.repeat(np.arange(seasons), 40)
    told = calibrate(errors, season, new=Split.FORWARD)
    wide = told.interval(np.array([50.0]))
    assert wide.low[0] < 50 * (1 - 0.7) < 50 * (1 + 0.7) < wide.high[0]
    assert told.findings[0].text("vi").startswith("Chưa đủ vụ")
    assert not calibrate(np.tile(errors, 6), np.repeat(np.arange(6), len(errors)),
                         new=Split.FORWARD).findings  # fmt: skip


def test_a_difficulty_makes_intervals_wide_where_errors_are() -> None:
    rng = np.random.default_rng(3)
    hard = rng.uniform(0.2, 3.0, 3000)
    errors, group = rng.normal(0, hard), np.arange(3000) // 100
    even = calibrate(errors, group, new=Split.BLOCKED).interval(np.full(3000, 50.0))
    fitted = calibrate(errors, group, new=Split.BLOCKED, difficulty=hard)
    scaled = fitted.interval(np.full(3000, 50.0), hard)
    truth = 50 + rng.normal(0, hard)
    assert coverage(scaled, truth, group).score < 0.9 * coverage(even, truth, group).score
    assert 0.87 < coverage(scaled, truth, group).share < 0.96


def test_counted_trees_give_an_interval_that_holds_in_their_season() -> None:
    rng = np.random.default_rng(4)
    held = []
    for _ in range(25):
        old = rng.uniform(20, 80, 300)
        new = 12 + 0.4 * old + rng.normal(0, 5, 300)
        counted = rng.permutation(300)[:18]
        model = SeasonRecalibration().fit(old[counted, None], new[counted])
        told = calibrate_counted(model.residuals_)
        held.append(coverage(told.interval(model.predict(old[:, None])), new, old > 50).share)
    assert 0.86 <= np.mean(held) <= 0.97


def test_no_errors_give_no_interval_and_two_counted_trees_a_wide_one() -> None:
    with pytest.raises(BadInput, match="record a harvest"):
        calibrate(np.full(3, np.nan), np.arange(3), new=Split.SEASON)
    with pytest.raises(BadInput, match="record a harvest"):
        calibrate_counted(np.array([]))
    told = calibrate_counted(np.array([1.0, -1.0]))
    assert told.margin > 6
    assert told.findings[0].key == "finding.interval_few_groups"


def test_the_interval_score_counts_width_and_what_lies_outside() -> None:
    said = Interval(low=np.zeros(2), high=np.full(2, 2.0), nominal=0.9)
    told = coverage(said, np.array([1.0, 3.0]), np.zeros(2))
    assert (told.share, told.width, told.score) == pytest.approx((0.5, 2.0, 12.0))


def test_what_lies_far_from_all_known_records_is_told() -> None:
    rng = np.random.default_rng(5)
    seen = rng.normal(size=(400, 3))
    known = Known(names=("size", "vigour", "noise"), matrix=seen,
                  importance=np.array([1.0, 1.0, 0.0]))  # fmt: skip
    asked = np.array([[0.0, 0.0, 9.0], [9.0, 9.0, 0.0], [0.1, np.nan, 0.0]])
    found = novelty(known, asked)
    assert found.inside.tolist() == [True, False, True]
    assert found.out_of_range.tolist() == [[False, False, True], [True, True, False],
                                           [False, False, False]]  # fmt: skip
    assert [one.key for one in found.findings] == ["finding.novelty_far"] + [
        "finding.novelty_range"] * 3  # fmt: skip
    more = rng.normal(size=(400, 3))
    assert novelty(known, more).inside.mean() > 0.9


def test_a_new_season_and_a_new_field_are_told_though_features_look_known() -> None:
    rng = np.random.default_rng(6)
    seen = rng.normal(size=(200, 2))
    known = Known(names=("size", "vigour"), matrix=seen, importance=np.ones(2),
                  season=np.full(200, 2025), field=np.full(200, "Đồi 1"))  # fmt: skip
    found = novelty(known, seen, season=np.full(200, 2026), field=np.full(200, "Đồi 1"))
    assert (found.dissimilarity == 0).all()
    assert not found.inside.any()
    assert [one.key for one in found.findings] == ["finding.novelty_season"]
    assert novelty(known, seen, field=np.full(200, "Đồi 2")).new_field.all()


def test_a_column_without_values_does_not_hinder_novelty() -> None:
    seen = np.column_stack([np.arange(50.0), np.full(50, np.nan)])
    known = Known(names=("size", "lag_1"), matrix=seen, importance=np.ones(2))
    found = novelty(known, np.array([[10.0, 0.7]]))
    assert found.inside.all()
    assert found.out_of_range.tolist() == [[False, True]]
