"""Yield models kept and read back: the same forecasts to the bit, with a card and the way back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agri.errors import Refused
from models.saved.document import State, read_model, write_model
from models.saved.registry import Registry
from models.validation import Layout, Split, compare
from models.yields import Gate, forecast_at, hindcast
from models.yields.kept import KINDS, season_card, season_from, season_models, season_state
from models.yields.learning import season_table
from models.yields.trees import TreeYield
from tests.planted import inputs_of, past_of, planted

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def farm():
    scene, borne = planted(2)
    past, now = past_of(scene, borne, before=5), inputs_of(scene, borne, 5)
    table = season_table(past, Gate.HARVEST)
    done = compare({"trees": TreeYield}, table.matrix, table.kg, Layout(season=table.season),
                   deployment=Split.FORWARD, splits=(Split.RANDOM, Split.SEASON))  # fmt: skip
    card = season_card(table, done, hindcast(past, [Gate.HARVEST]), name="Vườn vải", made=NOW)
    return past, now, season_models(past), card


def test_a_model_read_back_forecasts_the_same_to_the_bit(farm) -> None:
    _, now, models, card = farm
    document = write_model(season_state(models), card)
    again, _ = read_model(document, KINDS)
    assert write_model(season_state(again), card).head == document.head
    for one, other in zip(models, again, strict=True):
        first, second = forecast_at(one, now), forecast_at(other, now)
        assert np.array_equal(first.trees.kg, second.trees.kg)
        assert np.array_equal(first.tree_quantile(0.1), second.tree_quantile(0.1))
        assert first.total == second.total
        assert first.error == second.error
        assert first.findings == second.findings


def test_a_model_of_nothing_weighed_is_kept_too(farm) -> None:
    past, now, _, card = farm
    nothing = np.full(len(now.trees), np.nan)
    totals = [replace(one, yield_kg=nothing, field_kg=9000.0) for one in past]
    models = season_models(totals)
    again, _ = read_model(write_model(season_state(models), card), KINDS)
    assert forecast_at(again[4], now).kg == forecast_at(models[4], now).kg


def test_the_card_says_what_it_was_taught_on_and_how_it_did(farm) -> None:
    card = farm[3]
    assert card.headline == "forward"
    assert card.seasons == 5
    assert {one.split for one in card.trials} == {"random", "season", "forward"}
    assert all(one.baseline is not None for one in card.trials if one.measure == "rmse")
    assert 0.75 <= card.coverage <= 1.0
    assert card.novelty_limit > 0
    other = replace(season_table(farm[0], Gate.HARVEST))
    assert len(card.data_digest) == 64
    assert len(other.kg) == card.rows


def test_a_newer_model_can_be_taken_back(farm, tmp_path: Path) -> None:
    past, now, models, card = farm
    registry = Registry(tmp_path)
    registry.keep(season_state(models), card, now=NOW)
    registry.keep(season_state(season_models(past[:3])), card, now=NOW)
    newer = forecast_at(registry.load("Vườn vải", KINDS)[0][0], now).kg
    registry.use("Vườn vải", 1, now=NOW, why="worse")
    older = forecast_at(registry.load("Vườn vải", KINDS)[0][0], now).kg
    assert older == forecast_at(models[0], now).kg
    assert older != newer
    assert registry.versions("Vườn vải") == (1, 2)


def test_a_state_that_does_not_fit_together_is_refused(farm) -> None:
    state = season_state(farm[2])
    short = {**state.arrays, "g1_t_r_coefficients": state.arrays["g1_t_r_coefficients"][:1]}
    gates = state.numbers["gates"]
    bad = [
        replace(state, arrays=short),
        replace(state, kind="another"),
        replace(state, arrays={}),
        replace(state, numbers={"gates": gates[:3]}),
        replace(state, numbers={"gates": [{**gates[0], "gate": 9}, *gates[1:]]}),
        State(kind=state.kind, numbers={}, arrays=state.arrays),
    ]
    for one in bad:
        with pytest.raises(Refused):
            season_from(one)
