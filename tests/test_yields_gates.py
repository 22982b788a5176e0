"""Forecasts at five gates: what they know, how wide they are, and what the orchard then bore."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from agri.errors import BadInput, Refused
from models.features import Column
from models.yields import Gate, advised, forecast_at, hindcast, learn, measures
from models.yields.gates import (
    Counts,
    Flowering,
    PastSeason,
    SeasonInputs,
    future_inputs,
    known_at,
)
from models.yields.spreads import field_quantile, tree_quantile
from tests.planted import gate_days, inputs_of, past_of, planted


@pytest.fixture(scope="module")
def orchard():
    scene, borne = planted(1)
    return borne, past_of(scene, borne, before=5), inputs_of(scene, borne, 5)


@pytest.fixture(scope="module")
def told(orchard):
    _, past, now = orchard
    return {gate: forecast_at(learn(past, gate), now) for gate in Gate}


def test_each_gate_uses_what_is_known_by_its_day(told) -> None:
    assert "flowering" not in told[Gate.INDUCTION].used
    assert {"area_m2", "ndvi", "lag_1", "effect"} <= set(told[Gate.INDUCTION].used)
    assert "flowering" in told[Gate.PANICLE].used
    assert [told[gate].counted for gate in Gate] == [0, 0, 0, 0, 18]


def test_nothing_from_the_future_moves_a_forecast(orchard) -> None:
    _, past, now = orchard
    late = replace(now, flowering=Flowering(share=0.5, logit_error=0.3, known_on=date(2026, 3, 1)))

    def said(inputs: SeasonInputs, gate: Gate) -> np.ndarray:
        found = forecast_at(models[gate], inputs)
        return np.append(found.trees.kg, found.error.whole_kg)

    models = {gate: learn(past, gate) for gate in (Gate.INDUCTION, Gate.FRUIT_20MM)}
    for gate in models:
        assert future_inputs(said, late, gate) == ()


def test_a_forecast_that_reads_the_future_is_caught(orchard) -> None:
    _, past, now = orchard
    model = learn(past, Gate.HARVEST)

    def hasty(inputs: SeasonInputs, gate: Gate) -> np.ndarray:
        return forecast_at(model, inputs).trees.kg  # the harvest's gate, whatever was asked

    assert future_inputs(hasty, now, Gate.INDUCTION) == ("flowering", "counts")
    assert future_inputs(hasty, now, Gate.FRUIT_SET) == ("counts",)


def test_what_a_season_gave_is_in_no_forecast_of_it(orchard) -> None:
    """Past seasons' own models see them as they were before their harvest."""
    _, past, _ = orchard
    other = [*past[:-1], replace(past[-1], yield_kg=past[-1].yield_kg[::-1] * 2.0)]
    for first, second in zip(hindcast(past, [Gate.INDUCTION]), hindcast(other, [Gate.INDUCTION]),
                             strict=True):  # fmt: skip
        assert np.array_equal(first.forecast.trees.kg, second.forecast.trees.kg)


def test_the_field_is_the_sum_of_its_trees_and_its_error_the_sum_of_the_parts(told) -> None:
    for one in told.values():
        assert one.trees.kg.sum() == pytest.approx(one.kg)
        parts = one.error
        assert parts.whole_kg == pytest.approx(
            np.sqrt(parts.flowering_kg**2 + parts.pattern_kg**2 + parts.level_kg**2)
        )
        assert one.total.p10 < one.total.p50 < one.total.p90
        low, middle, high = (one.tree_quantile(share) for share in (0.1, 0.5, 0.9))
        assert (low <= middle).all()
        assert (middle <= high).all()


def test_the_error_is_told_by_where_it_comes_from(told) -> None:
    """The unknown season weighs most; seen panicles take from flowering, counts from the level."""
    first, panicle, last = (told[g].error for g in (Gate.INDUCTION, Gate.PANICLE, Gate.HARVEST))
    assert first.level_kg > first.flowering_kg > 0
    assert panicle.flowering_kg < 0.75 * first.flowering_kg
    assert last.level_kg < 0.5 * panicle.level_kg
    assert last.whole_kg < 0.4 * first.whole_kg


def test_eighteen_counted_trees_tell_the_field_before_the_harvest() -> None:
    """Over orchards: the total, the interval of field and of trees, and the best trees."""
    off, held, trees, best = [], [], [], []
    for seed in range(1, 9):
        scene, borne = planted(seed)
        past, now = past_of(scene, borne, before=5), inputs_of(scene, borne, 5)
        found = forecast_at(learn(past, Gate.HARVEST), now)
        true = borne.kg[5]
        off.append(found.kg / true.sum() - 1.0)
        held.append(found.field_quantile(0.05) <= true.sum() <= found.field_quantile(0.95))
        inside = (true >= found.tree_quantile(0.05)) & (true <= found.tree_quantile(0.95))
        trees.append(inside.mean())
        fifth = np.argsort(-found.parts.pattern)[: len(true) // 5]
        best.append(np.isin(np.argsort(-borne.carries)[:5], fifth).mean())
    assert np.sqrt(np.mean(np.square(off))) < 0.15
    assert sum(held) >= 7
    assert 0.85 <= np.mean(trees) <= 0.95
    assert np.mean(best) >= 0.8


@pytest.mark.slow
def test_intervals_hold_over_orchards_seasons_and_gates(record_property) -> None:
    """Field and trees, nominal 90 %: 40 orchards, seasons with three to five known before them."""
    field: dict[Gate, list[bool]] = {gate: [] for gate in Gate}
    trees: dict[Gate, list[float]] = {gate: [] for gate in Gate}
    for seed in range(1, 41):
        scene, borne = planted(seed)
        for one in hindcast(past_of(scene, borne, before=6)):
            if one.forecast.seasons >= 3:
                held = one.trees_held()
                assert held is not None
                field[one.forecast.gate].append(one.field_held())
                trees[one.forecast.gate].append(held.share)
    record_property("orchards", 40)
    record_property("field_held", float(np.mean(np.concatenate([*field.values()]))))
    for gate in Gate:
        record_property("trees_held", float(np.mean(trees[gate])))
    assert 0.85 <= np.mean(np.concatenate([*field.values()])) <= 0.95
    for gate in Gate:
        assert 0.85 <= np.mean(trees[gate]) <= 0.95, gate


def test_shuffled_yields_teach_nothing(orchard) -> None:
    borne, past, now = orchard
    rng = np.random.default_rng(0)
    mixed = [replace(one, yield_kg=rng.permutation(one.yield_kg)) for one in past]
    bare = replace(now, counts=None)
    said = forecast_at(learn(mixed, Gate.HARVEST), bare).trees.kg
    true = rng.permutation(borne.kg[5])
    level = said * true.mean() / said.mean()
    r2 = 1.0 - np.sum((true - level) ** 2) / np.sum((true - true.mean()) ** 2)
    assert r2 <= 0.05


def test_without_any_grounds_there_is_no_forecast(orchard) -> None:
    _, _, now = orchard
    with pytest.raises(Refused) as why:
        forecast_at(learn((), Gate.PANICLE), now)
    assert why.value.message.key == "error.forecast_no_grounds"


def test_counted_trees_alone_are_grounds_and_the_words_say_too_few_seasons(orchard) -> None:
    borne, _, now = orchard
    found = forecast_at(learn((), Gate.HARVEST), now)
    true = float(borne.kg[5].sum())
    assert found.field_quantile(0.05) < true < found.field_quantile(0.95)
    assert abs(found.kg / true - 1.0) < 0.4
    keys = [one.key for one in found.findings]
    assert keys[:2] == ["finding.forecast_counts_only", "finding.forecast_by_size"]
    assert "chưa đủ vụ" in found.findings[0].text("vi").lower()


def test_field_totals_alone_tell_the_level_and_crowns_the_pattern(orchard) -> None:
    borne, past, now = orchard
    nothing = np.full(borne.kg.shape[1], np.nan)
    totals = [replace(one, yield_kg=nothing, field_kg=float(one.yield_kg.sum())) for one in past]
    found = forecast_at(learn(totals, Gate.INDUCTION), now)
    every = [one.field_kg for one in totals]
    assert min(every) < found.kg < max(every)
    volume = next(one.values for one in now.columns if one.name == "volume_m3")
    assert np.corrcoef(found.trees.kg, volume)[0, 1] > 0.999
    assert found.error.level_kg > found.error.flowering_kg


def test_trees_of_which_nothing_but_yields_is_known_are_forecast_too(orchard) -> None:
    _, past, now = orchard
    bare = [replace(one, inputs=replace(one.inputs, columns=(), counts=None)) for one in past]
    asked = replace(now, columns=(), counts=None)
    for seasons in (1, 2, 5):
        found = forecast_at(learn(bare[:seasons], Gate.PANICLE), asked)
        assert np.isfinite(found.trees.kg).all()
        assert found.kg > 0
    assert found.trees.kg.std() > 0


def test_one_season_widens_the_range_by_the_districts_spread(orchard) -> None:
    _, past, now = orchard
    one, five = (forecast_at(learn(some, Gate.PANICLE), now) for some in (past[-1:], past))
    assert one.parts.level_error == pytest.approx(0.45)
    assert one.freedom < five.freedom
    assert one.total.p90 / one.total.p50 > 1.6


def test_a_share_of_flowering_seen_over_the_field_moves_it_and_narrows_it(orchard) -> None:
    _, past, now = orchard
    model = learn(past, Gate.INDUCTION)
    plain = forecast_at(model, now)
    seen = replace(now, flowering=Flowering(share=0.4, logit_error=0.3, known_on=now.gate_days[0]))
    poor = forecast_at(model, seen)
    assert 0.38 < poor.parts.flowering.mean() < 0.6
    assert poor.kg < plain.kg
    assert poor.flowering_error < plain.flowering_error


def test_a_counted_tree_keeps_its_count(told, orchard) -> None:
    counts = orchard[2].counts
    last = told[Gate.HARVEST]
    assert last.trees.kg[counts.tree].tolist() == pytest.approx(counts.kg.tolist())
    wide = last.tree_quantile(0.9) - last.tree_quantile(0.1)
    assert np.median(wide[counts.tree]) < 0.5 * np.median(wide)


def test_what_to_measure_next_narrows_as_much_as_it_says(told, orchard) -> None:
    _, past, now = orchard
    early = measures(told[Gate.INDUCTION])
    assert [one.kind for one in early] == ["panicles"]
    assert early[0].error_kg < told[Gate.INDUCTION].error.whole_kg
    uncounted = forecast_at(learn(past, Gate.HARVEST), replace(now, counts=None))
    offered = {one.trees: one.error_kg for one in measures(uncounted)}
    assert sorted(offered.values(), reverse=True) == list(offered.values())
    best = advised(uncounted)
    assert best is not None
    assert 6 <= best.trees <= 18
    assert best.error_kg <= 0.15 * uncounted.kg
    assert advised(told[Gate.HARVEST]) is None
    middle = advised(told[Gate.FRUIT_20MM])
    assert middle is not None
    assert middle.trees <= 60
    assert advised(told[Gate.FRUIT_SET], Gate.PANICLE) is None


def test_counting_narrows_on_the_whole_as_much_as_was_promised() -> None:
    """One season's counts may agree better or worse than trees do; many may not."""
    ratio = []
    for seed in (1, 2, 3):
        past = past_of(*planted(seed), before=6)
        for row in (3, 4, 5):
            model, now = learn(past[:row], Gate.HARVEST), past[row].inputs
            got, uncounted = (forecast_at(model, one) for one in (now, replace(now, counts=None)))
            offered = {one.trees: one.error_kg for one in measures(uncounted)}[18] / uncounted.kg
            ratio.append(np.log(offered * got.kg / got.error.whole_kg))
    assert float(np.exp(np.mean(ratio))) == pytest.approx(1.0, abs=0.2)


def test_a_season_with_days_out_of_order_or_counts_of_nothing_is_refused() -> None:
    days = gate_days(2026)
    with pytest.raises(BadInput):
        SeasonInputs(season=2026, trees=np.arange(3), gate_days=days[::-1])
    bad = Column(name="x", values=np.ones(4), known_on=days[0])
    with pytest.raises(BadInput):
        SeasonInputs(season=2026, trees=np.arange(3), gate_days=days, columns=(bad,))
    for kg in ([], [-1.0], [np.nan]):
        with pytest.raises(BadInput):
            Counts(tree=np.arange(len(kg)), kg=np.array(kg), error=0.1, known_on=days[0])


def test_quantiles_are_those_of_yields_drawn_anew() -> None:
    rng = np.random.default_rng(0)
    roots = rng.normal(6.0, 1.2, 200_000)
    drawn = np.where(rng.random(200_000) < 0.7, np.maximum(roots, 0) ** 2, 0.0)
    kg = np.array([0.7 * (36.0 + 1.44)])
    for share in (0.1, 0.25, 0.5, 0.9):
        said = float(tree_quantile(kg, np.array([0.7]), 1.2, 0.0, share)[0])
        assert said == pytest.approx(np.quantile(drawn, share), rel=0.02, abs=0.02)
    wide = [field_quantile(100.0, 30.0, freedom, 0.9) for freedom in (1e6, 6.0, 3.0)]
    assert wide == sorted(wide)


def test_what_comes_later_is_taken_away(orchard) -> None:
    now = orchard[2]
    early = known_at(now, Gate.INDUCTION)
    assert early.counts is None
    assert {one.name for one in now.columns} - {one.name for one in early.columns} == {"flowering"}
    assert isinstance(PastSeason(inputs=early, yield_kg=np.ones(3)).field_kg, float)
