"""Rules of advice have sources; fertiliser, water, counts, harvest and money follow from them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.advice_rules import advice_rules, labels_from_text, read_rules, rules_from_text
from agri.advising import SURENESS, Topic
from agri.crop_cards import crop_card, crop_cards
from agri.errors import BadInput
from agri.field_records import (
    Count,
    Counted,
    Fertiliser,
    Harvest,
    Irrigation,
    Price,
    SprayRecord,
)
from agri.rules import Confidence
from agri.weather.series import Days
from agri.words import LANGUAGES, Message
from models.advice.blight import blight_severity, infections
from models.advice.economics import Costs, Prices, economics_of, prices_of, waiting_of
from models.advice.feeding import rations
from models.advice.outcome import Mark, Verdict
from models.advice.picking import pickers
from models.advice.situation import Forecast, Situation
from models.advice.watering import water_balance
from models.advice.week import advise
from tests.advice_cases import FUNGICIDE, PLACE, TODAY, field_on_a_day, mild_hours, stage_view

RULE = """
[[rule]]
id = "water"
topic = "water"
confidence = "low"
"""
LABEL = """
[[label]]
product = "A"
kind = "fungicide"
crops = ["vải"]
targets = ["sương mai"]
read_by = "Hoa"
read_on = 2027-03-01
"""


def advice_of(situation: Situation, rule: str):  # type: ignore[no-untyped-def]
    return next((one for one in advise(situation) if one.rule == rule), None)


# ---------------------------------------------------------------- rules and labels


def test_every_rule_and_number_that_comes_with_agri_has_a_source_or_is_said_to_be_assumed() -> None:
    rules = advice_rules().rules
    assert len(rules) >= 14
    for rule in rules:
        for one in (rule, *rule.numbers):
            assert one.source.strip() or one.assumed
            assert not one.assumed or one.confidence in (Confidence.LOW, Confidence.UNSURE)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("", "source is missing"),
        ('source = "a"\nassumd = true\n', "assumd"),
        ('source = "a"\nfrom_bbch = 80\nto_bbch = 70\n', "from_bbch"),
        ('source = "a"\nmonths = [13]\n', "months"),
        ('source = "a"\nkinds = ["oil palm"]\n', "oil palm"),
        (('source = "a"\n[rule.numbers]\nx = { value = 1, low = 0, high = 2, unit = "h", '
         'confidence = "low" }\n'), "source is missing"),
        (('source = "a"\n[rule.numbers]\nx = { value = 3, low = 0, high = 2, unit = "h", '
         'confidence = "low", assumed = true }\n'), "x"),
        ("assumed = 1\n", "assumed"),
    ],
)  # fmt: skip
def test_a_rule_that_is_not_sound_is_refused_in_one_sentence(added: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        rules_from_text(RULE + added)
    for language in LANGUAGES:
        assert told in caught.value.text(language) or language == "vi"
        assert "error." not in caught.value.text(language)


def test_an_assumed_rule_claims_no_more_than_low_confidence() -> None:
    rules_from_text(RULE + "assumed = true")
    with pytest.raises(BadInput, match="confidence"):
        rules_from_text(RULE.replace('"low"', '"high"') + "assumed = true")


def test_a_users_own_rules_take_the_place_of_agris_and_unknown_ones_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    own = tmp_path / "own.toml"
    own.write_text(RULE + 'source = "our own soil pits, 2026"\n', "utf-8")
    changed = read_rules(own)
    assert changed.rule("water").source.startswith("our own")
    assert len(changed.rules) == len(advice_rules().rules)
    own.write_text(RULE.replace('id = "water"', 'id = "moon"') + "assumed = true\n", "utf-8")
    with pytest.raises(BadInput, match="moon"):
        read_rules(own)


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("phi_days = -1", "phi_days"),
        ("phi_days = 400", "phi_days"),
        ("phi_days = 7.5", "phi_days"),
        ("phi_days = true", "phi_days"),
        ("dose_low = 2\ndose_high = 1\nunit = 'ml/l'", "dose"),
        ("dose_low = 1\ndose_high = 1", "dose"),
        ("phi = 7", "phi"),
        ("bees = 1", "bees"),
    ],
)
def test_a_label_that_cannot_be_is_refused(added: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        labels_from_text(LABEL + added)


@pytest.mark.parametrize("missing", ["product", "kind", "crops", "targets", "read_by", "read_on"])
def test_a_label_needs_all_that_tells_who_read_what(missing: str) -> None:
    text = "\n".join(line for line in LABEL.splitlines() if not line.startswith(missing))
    with pytest.raises(BadInput):
        labels_from_text(text)


def test_targets_and_crops_of_a_label_are_known_with_and_without_accents() -> None:
    label = labels_from_text(LABEL.replace("sương mai", "SUONG MAI"))[0]
    rule = advice_rules().rule("blight")
    assert label.is_for((rule.id, *rule.aliases))
    assert label.is_on(crop_card("vai_ph40"))
    assert not label.is_on(crop_card("lua_mua"))
    assert label.phi_days is None


# ---------------------------------------------------------------- blight


def test_blight_is_worst_at_its_own_temperature_and_only_grows_with_wetness() -> None:
    for part, best in (("fruit", 24.556), ("leaf", 27.7696)):
        warm = [blight_severity(c, 5.0, part) for c in np.arange(10.0, 36.0, 0.5)]  # type: ignore[arg-type]
        assert abs(10.0 + 0.5 * int(np.argmax(warm)) - best) <= 0.5
        wet = [blight_severity(20.0, h, part) for h in range(30)]  # type: ignore[arg-type]
        assert wet == sorted(wet)
        assert wet[0] == 0.0
        assert wet[-1] <= 1.0


def test_spells_are_read_off_the_hours_with_their_rain() -> None:
    damp, rain = np.full(216, 70.0), np.zeros(216)
    damp[10:16], rain[12] = 95.0, 3.0
    found = infections(mild_hours(humidity_pct=damp, rain_mm=rain))
    assert [(one.wet_h, one.rain_mm, one.fitted) for one in found] == [(6.0, 3.0, True)]
    assert found[0].severity > 0.95


# ---------------------------------------------------------------- fertiliser


@pytest.mark.parametrize(("age", "urea"), [(1, 0.25), (5, 0.40), (9, 0.90), (15, 1.80), (40, 2.20)])
def test_three_rounds_add_up_to_the_years_ration(age: float, urea: float) -> None:
    card = crop_card("vai_ph40")
    total = sum(rations(card, age, number)["urea"][1] for number in (1, 2, 3))
    assert total == pytest.approx(urea)
    assert rations(card, age, 2)["organic"] == (0.0, 0.0)


def test_fertiliser_follows_harvest_flowers_and_small_fruit_and_is_not_spread_before_rain() -> None:
    over = field_on_a_day(harvested_on=TODAY - timedelta(days=8))
    first = advice_of(over, "feed")
    assert first.verdict is Verdict.DO
    assert "round 1" in first.what.text("en")
    flowers = field_on_a_day(stages=stage_view(((60, 0.8), (51, 0.2))))
    assert "round 2" in advice_of(flowers, "feed").what.text("en")
    small = field_on_a_day(stages=stage_view(((71, 1.0),)))
    assert "round 3" in advice_of(small, "feed").what.text("en")
    assert advice_of(field_on_a_day(), "feed") is None
    rain = np.zeros(9)
    rain[:9] = 40.0
    wet = Days(first=TODAY, low_c=np.full(9, 20.0), high_c=np.full(9, 28.0), rain_mm=rain)
    drowned = advice_of(replace(small, water_days=wet), "feed")
    assert drowned.verdict is Verdict.NOT_NOW
    assert drowned.blockers[0].key == "advice.feed_rain"


def test_a_tree_of_unknown_age_gets_no_figure_and_what_was_given_is_told() -> None:
    small = field_on_a_day(stages=stage_view(((71, 1.0),)))
    unknown = advice_of(replace(small, age_years=None), "feed")
    assert unknown.verdict is Verdict.NOT_NOW
    assert not re.search(r"[0-9] kg", " ".join(one.text("en") for one in unknown.reasons))
    half = Fertiliser(day=TODAY - timedelta(days=2), field="V", product="Kali clorua", mass_kg=90.0)
    told = advice_of(replace(small, records=(half,)), "feed")
    assert any("potash 90 kg" in one.text("en") for one in told.reasons)
    full = [("Urê", 68.0), ("Super lân", 117.0), ("Kali", 195.0)]
    records = tuple(Fertiliser(day=TODAY, field="V", product=name, mass_kg=kg) for name, kg in full)
    assert advice_of(replace(small, records=records), "feed") is None


# ---------------------------------------------------------------- water


def dry_days(rain_mm: float = 0.0) -> Days:
    count = 60
    return Days(
        first=TODAY - timedelta(days=52), low_c=np.full(count, 22.0), high_c=np.full(count, 32.0),
        rain_mm=np.full(count, rain_mm), place=PLACE,
    )  # fmt: skip


def test_weeks_without_rain_ask_for_water_and_rain_or_watering_puts_it_off() -> None:
    dry = advice_of(field_on_a_day(water_days=dry_days()), "water")
    assert dry.verdict is Verdict.DO
    assert dry.days[0].mark is Mark.DO
    assert any("m³" in one.text("vi") for one in dry.reasons)
    assert any(one.key == "advice.water_start_assumed" for one in dry.reasons)
    wet = advice_of(field_on_a_day(water_days=dry_days(rain_mm=6.0)), "water")
    assert wet.verdict is Verdict.WAIT
    given = Irrigation(day=TODAY - timedelta(days=1), field="V", volume_m3=1500.0)
    assert advice_of(field_on_a_day(water_days=dry_days(), records=(given,)), "water").verdict is (
        Verdict.WAIT
    )


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 90), st.floats(0, 40)), min_size=1))
def test_a_balance_never_leaves_full_and_empty_and_more_water_never_dries(
    days: list[tuple[float, float, float]],
) -> None:
    need, rain, water = (np.array(one) for one in zip(*days, strict=True))
    found = water_balance(need, rain, water, start_mm=20.0, most_mm=90.0)
    assert (found >= 0.0).all()
    assert (found <= 90.0).all()
    more = water_balance(need, rain + 5.0, water, start_mm=20.0, most_mm=90.0)
    assert (more <= found + 1e-9).all()


def test_water_without_weather_is_not_guessed_and_winter_trees_are_left_dry() -> None:
    blind = advice_of(field_on_a_day(water_days=None), "water")
    assert blind.verdict is Verdict.NOT_NOW
    winter = field_on_a_day(today=date(2026, 11, 22), stages=None, water_days=dry_days())
    assert advice_of(winter, "hold_water").verdict is Verdict.WAIT
    assert advice_of(winter, "water") is None


# ---------------------------------------------------------------- counts and harvest


def test_a_count_is_asked_for_at_its_gate_and_not_again_at_once() -> None:
    assert advice_of(field_on_a_day(), "count_fruit").verdict is Verdict.DO
    done = Count(day=TODAY - timedelta(days=2), field="V", what=Counted.FRUIT, number=100)
    assert advice_of(field_on_a_day(records=(done,)), "count_fruit").verdict is Verdict.WAIT
    panicles = field_on_a_day(stages=stage_view(((51, 1.0),)))
    assert advice_of(panicles, "count_panicles").verdict is Verdict.DO


def test_no_fruit_is_picked_inside_a_sprays_days_nor_after_a_spray_nobody_knows() -> None:
    ripe = field_on_a_day(stages=stage_view(((89, 1.0),), TODAY), labels=())
    assert advice_of(ripe, "harvest").verdict is Verdict.DO
    for phi, ago, free in ((14, 3, False), (14, 14, True), (7, 6, False), (None, 30, False)):
        spray = SprayRecord(day=TODAY - timedelta(days=ago), field="V", product="X", phi_days=phi)
        told = advice_of(replace(ripe, records=(spray,)), "harvest")
        assert (told.days[0].mark is Mark.DO) == free, (phi, ago)
        first = next((one.day for one in told.days if one.mark is Mark.DO), None)
        if phi is None:
            assert told.verdict is Verdict.NOT_NOW
        elif first is not None:
            assert first >= spray.day + timedelta(days=phi)


def test_people_come_from_the_forecast_and_the_assumed_rate_is_said_to_be_so() -> None:
    forecast = Forecast(low_kg=3000.0, kg=5000.0, high_kg=7000.0)
    told = advice_of(field_on_a_day(stages=stage_view(((81, 1.0),), TODAY + timedelta(days=9)),
                                    forecast=forecast), "harvest")  # fmt: skip
    assert told.verdict is Verdict.WAIT
    assert dict(told.reasons[-1].values)["people"] == pickers(5000.0, 7.0, 80.0) == 9
    assert "kg_person_day" in told.assumed


def test_after_harvest_is_over_neither_borer_nor_harvest_is_advised() -> None:
    later = field_on_a_day(harvested_on=TODAY - timedelta(days=20), stages=stage_view(((-1, 1.0),)))
    assert {one.rule for one in advise(later)}.isdisjoint({"borer", "harvest", "blight"})


def test_a_harvest_of_another_season_neither_ends_this_one_nor_lifts_its_days() -> None:
    ripe = field_on_a_day(stages=stage_view(((89, 1.0),), TODAY), labels=())
    last_year = replace(ripe, harvested_on=TODAY - timedelta(days=320))
    assert advice_of(last_year, "harvest").verdict is Verdict.DO
    assert last_year.first_picking == TODAY
    now = replace(ripe, harvested_on=TODAY)
    assert advice_of(now, "harvest") is None
    assert now.first_picking == TODAY + timedelta(days=365)


def test_picking_that_began_counts_as_the_harvests_early_end() -> None:
    picked = Harvest(day=TODAY - timedelta(days=1), field="V", mass_kg=10.0)
    assert field_on_a_day(records=(picked,)).first_picking == picked.day


# ---------------------------------------------------------------- the week


def test_the_week_is_told_in_order_in_both_languages_for_every_crop_and_stage() -> None:
    for card in crop_cards():
        for stage in (-1, 51, 60, 65, 71, 75, 81, 89):
            situation = field_on_a_day(card=card, stages=stage_view(((stage, 1.0),)))
            week = advise(situation)
            verdicts = [one.verdict for one in week]
            assert verdicts == sorted(verdicts, key=(Verdict.DO, Verdict.WAIT,
                                                     Verdict.NOT_NOW).index)  # fmt: skip
            for one in week:
                assert one.grounds
                assert len(one.days) == 7
                assert one.confidence is min((g.confidence for g in one.grounds),
                                             key=SURENESS.index)  # fmt: skip
                for message in (one.what, *one.reasons, *one.blockers, *one.cautions):
                    for language in LANGUAGES:
                        text = message.text(language)
                        assert not re.search(r"advice\.|\{", text), text


def test_a_field_of_which_nothing_is_known_gets_no_order_to_spray() -> None:
    blind = field_on_a_day(stages=None, hours=None, water_days=None, place=None, labels=(),
                           age_years=None)  # fmt: skip
    assert all(one.verdict is not Verdict.DO for one in advise(blind) if one.topic is Topic.SPRAY)


def test_a_field_without_a_place_is_not_sprayed_because_night_cannot_be_told() -> None:
    from models.advice.spraying import spray_week

    week = spray_week(field_on_a_day(place=None), "blight")
    assert not week.windows
    assert Message.of("advice.air_daylight_unknown") in week.blockers
    assert FUNGICIDE is week.label


# ---------------------------------------------------------------- money


def test_break_even_is_where_nothing_is_earned_or_lost() -> None:
    costs = Costs(field_vnd=40e6, kg_vnd=5e3)
    found = economics_of(4000.0, Prices(low=25e3, middle=35e3, high=50e3), costs)
    even = Prices(low=1.0, middle=found.break_even_vnd_kg, high=1e6)
    assert economics_of(4000.0, even, costs).profit_vnd[1] == pytest.approx(0.0, abs=1e-3)
    at = economics_of(found.break_even_kg, found.prices, costs)
    assert at.profit_vnd[1] == pytest.approx(0.0, abs=1e-3)
    assert economics_of(0.0, found.prices, costs).break_even_vnd_kg == float("inf")
    cheap = economics_of(10.0, Prices(low=1e3, middle=2e3, high=3e3), costs)
    assert cheap.break_even_kg == float("inf")


def test_waiting_pays_while_fruit_grows_and_costs_when_ripe_fruit_hangs_in_the_rain() -> None:
    rule, costs = advice_rules().rule("waiting"), Costs(kg_vnd=5e3)
    before = waiting_of(1000.0, 35e3, costs, rule, days=7, days_to_ripe=7, rain_days=0)
    after = waiting_of(1000.0, 35e3, costs, rule, days=7, days_to_ripe=0, rain_days=4)
    assert before[0].worth_vnd <= before[1].worth_vnd <= before[2].worth_vnd
    assert before[2].worth_vnd > 0.0 > after[1].worth_vnd
    assert before[1].mass_kg == pytest.approx(1040.0)
    none = waiting_of(1000.0, 35e3, costs, rule, days=0, days_to_ripe=3, rain_days=0)
    assert [one.worth_vnd for one in none] == [0.0, 0.0, 0.0]


def test_prices_come_from_the_book_and_are_refused_out_of_order() -> None:
    kept = [Price(day=TODAY, vnd_kg=vnd) for vnd in (20e3, 30e3, 35e3, 40e3, 85e3)]
    found = prices_of(kept)
    assert found is not None
    assert (found.low, found.middle, found.high) == pytest.approx((24e3, 35e3, 67e3))
    assert prices_of([]) is None
    with pytest.raises(BadInput, match="out of order"):
        Prices(low=40e3, middle=30e3, high=50e3)
    with pytest.raises(BadInput, match="cost"):
        Costs(field_vnd=-1.0)
