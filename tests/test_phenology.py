"""Phenology against orchards whose truth is known, and against measured weather."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.crop import CropCard
from agri.crop_cards import crop_card, crop_cards
from agri.errors import BadInput
from models.phenology.clock import Clock, DatedSeason, clock_from, heat_of, learned
from models.phenology.induction import (
    FlowerRecord,
    cool_days,
    induction_from,
    induction_outlook,
    taught,
    winter_before,
)
from models.phenology.season import FloweringIndex, SeasonOutlook, Seen, season_outlook
from models.phenology.temperatures import Temperatures, ensemble

PH40 = crop_card("vai_ph40")


def weather(first: date, days: int, *, warmer_c: float = 0.0, seed: int = 1) -> Temperatures:
    """Years like those of Hải Phòng: 17 °C in January, 29 °C in July, spells of some days."""
    turns = np.array([(first + timedelta(days=n)).timetuple().tm_yday for n in range(days)])
    noise = np.random.default_rng(seed).normal(0.0, 1.2, days + 4)
    spells = np.convolve(noise, np.ones(5) / 1.6, "valid")
    mean = 23.3 - 6.2 * np.cos(2 * np.pi * (turns - 20) / 365) + spells + warmer_c
    return Temperatures.of(first, mean - 3.0, mean + 3.5, np.full(days, 1.0))


PAST = tuple(weather(date(year, 1, 1), 730, seed=year) for year in range(2012, 2022, 2))


def outlook(seen: tuple[Seen | FloweringIndex, ...] = (), warmer_c: float = 0.0) -> SeasonOutlook:
    past = [Temperatures.of(one.first, one.low_c + warmer_c, one.high_c + warmer_c) for one in PAST]
    return season_outlook(PH40, 2024, past, seen=seen)


def haiphong(shared_data: Path) -> Temperatures:
    path = shared_data / "models/weather/vn_openmeteo_daily_2023_2025_6cities.csv"
    with path.open(encoding="utf-8-sig") as opened:
        rows = [row for row in csv.DictReader(opened) if row["city"] == "Hải Phòng"]
    low, high, rain = (
        [float(row[name]) for row in rows] for name in ("temp_min", "temp_max", "precipitation")
    )
    return Temperatures.of(date.fromisoformat(rows[0]["date"]), low, high, rain)


# ------------------------------------------------------------------ temperatures


def test_days_with_gaps_or_with_low_above_high_are_refused_by_their_date() -> None:
    with pytest.raises(BadInput, match="02 Jan 2024"):
        Temperatures.of(date(2024, 1, 1), [10, np.nan], [20, 20])
    with pytest.raises(BadInput, match="01 Jan 2024"):
        Temperatures.of(date(2024, 1, 1), [21, 10], [20, 20])
    with pytest.raises(BadInput, match="do not fit"):
        Temperatures.of(date(2024, 1, 1), [10], [20, 20])
    with pytest.raises(BadInput, match="is needed from"):
        PAST[0].between(date(2011, 1, 1), date(2012, 2, 1))


def test_an_ensemble_is_what_was_measured_and_then_every_past_year() -> None:
    so_far = weather(date(2024, 1, 1), 40, seed=99)
    seasons = ensemble(so_far, PAST, date(2024, 1, 5), date(2024, 6, 30))
    assert len(seasons) == 10
    for one in seasons:
        assert (one.first, one.last) == (date(2024, 1, 5), date(2024, 6, 30))
        assert np.array_equal(one.low_c[:36], so_far.low_c[4:])
    joint = PAST[0].between(date(2012, 2, 10), date(2012, 6, 30)).low_c
    assert np.array_equal(seasons[0].low_c[36:], joint)
    assert ensemble(so_far, (), date(2024, 1, 1), date(2024, 2, 1))[0].last == date(2024, 2, 1)
    with pytest.raises(BadInput, match="No past year"):
        ensemble(so_far, (), date(2024, 1, 1), date(2024, 6, 1))


def test_the_leap_day_is_stood_in_for_where_a_past_year_has_none() -> None:
    plain = Temperatures.of(date(2023, 1, 1), np.arange(365) / 20, np.arange(365) / 20 + 5)
    span = date(2024, 2, 27), date(2024, 3, 1)
    days = ensemble(None, [plain], *span)[0]
    assert (days.low_c * 20).round().tolist() == [57, 58, 58, 59]
    leap = Temperatures.of(date(2024, 1, 1), np.arange(366) / 20, np.arange(366) / 20 + 5)
    days = ensemble(None, [leap], date(2025, 2, 27), date(2025, 3, 1))[0]
    assert (days.low_c * 20).round().tolist() == [57, 58, 60]


def test_a_season_over_new_year_takes_whole_winters_from_the_past() -> None:
    winters = ensemble(None, PAST, *winter_before(2024))
    assert len(winters) == 5
    assert all(len(one) == 92 for one in winters)


# ------------------------------------------------------------------ measured weather


def test_degree_days_at_hai_phong_are_those_measured(shared_data: Path) -> None:
    days = haiphong(shared_data)
    measured = {10.0: (1625, 1694), 12.0: (1361, 1433), 15.0: (979, 1058)}
    for base, wanted in measured.items():
        for year, heat in zip((2023, 2024), wanted, strict=True):
            season = DatedSeason(
                first_stage=date(year, 1, 11), harvest=date(year, 5, 22), temperatures=days
            )
            assert heat_of(season, base) == pytest.approx(heat, abs=1.0)


def test_hours_of_cold_at_hai_phong_are_those_measured(shared_data: Path) -> None:
    days = haiphong(shared_data)
    for year, wanted in ((2024, (362, 996, 1374)), (2025, (323, 1067, 1442))):
        winter = days.between(*winter_before(year))
        hours = [winter.hours_below(limit).sum() for limit in (15.0, 20.0, 22.0)]
        assert hours == pytest.approx(wanted, abs=1.0)


@pytest.mark.parametrize("base", [0.0, 5.0, 10.0, 15.0])
def test_a_clock_set_by_2023_tells_the_harvest_of_2024_within_days(
    shared_data: Path, base: float
) -> None:
    """One base at a time: 16 to 20 May; the base can hardly be told from dates."""
    days = haiphong(shared_data)
    heat = heat_of(
        DatedSeason(first_stage=date(2023, 1, 11), harvest=date(2023, 5, 22), temperatures=days),
        base,
    )
    clock = Clock(
        bases_c=np.array([base]), weights=np.ones(1), heat=np.array([heat]), spread=np.zeros(1),
        stages=((51, 0.0), (89, 1.0)), length_days=132.0,
    )  # fmt: skip
    found = season_outlook(
        PH40, 2024, [], so_far=days, clock=clock, first_stage=date(2024, 1, 11),
        first_stage_error_days=0.01,
    )  # fmt: skip
    assert date(2024, 5, 16) <= found.harvest.p50 <= date(2024, 5, 20)
    assert found.harvest.days == 0
    if base == 10.0:
        assert found.harvest.p50 == date(2024, 5, 19)


def test_taught_by_2023_the_window_of_2024_holds_the_harvest_it_was_to_have(
    shared_data: Path,
) -> None:
    days = haiphong(shared_data)
    season = DatedSeason(
        first_stage=date(2023, 1, 11), harvest=date(2023, 5, 22), temperatures=days
    )
    clock = learned(clock_from(PH40), [season])
    so_far = days.between(date(2023, 11, 1), date(2024, 3, 1))
    past = [days.between(date(2023, 1, 1), date(2023, 12, 31))]
    found = season_outlook(PH40, 2024, past, so_far=so_far, clock=clock)
    assert found.harvest.p10 <= date(2024, 5, 22) <= found.harvest.p90
    assert abs((found.harvest.p50 - date(2024, 5, 20)).days) <= 4
    assert found.harvest.days <= 24
    assert "finding.few_past_years" in [one.key for one in found.findings]


# ------------------------------------------------------------------ synthetic truth


def planted(year: int, base: float, heat: float, start: date, bloom: float) -> tuple[date, date]:
    """Full bloom and harvest of an orchard with a known base and a known heat."""
    days = weather(date(year, 1, 1), 300, seed=year).between(start, date(year, 9, 30))
    summed = np.cumsum(days.heat(base))
    return tuple(  # type: ignore[return-value]
        start + timedelta(days=int(np.searchsorted(summed, share * heat))) for share in (bloom, 1.0)
    )


def test_windows_hold_the_planted_harvest_about_eight_times_in_ten() -> None:
    """Orchards drawn from the card's own ranges, in seasons never shown."""
    rng = np.random.default_rng(7)
    clock = clock_from(PH40)
    held = early = 0
    for year in range(2030, 2070):
        k = rng.integers(clock.bases_c.size)
        heat = rng.normal(clock.heat[k], clock.spread[k])
        start = date(year, 1, 11) + timedelta(days=round(rng.normal(0.0, 4.3)))
        _, harvest = planted(year, clock.bases_c[k], heat, start, clock.share(65))
        so_far = weather(date(year, 1, 1), 60, seed=year)
        window = season_outlook(PH40, year, PAST, so_far=so_far).harvest
        held += window.p10 <= harvest <= window.p90
        early += harvest < window.p50
    assert 27 <= held <= 38
    assert 10 <= early <= 30


def test_a_seen_bloom_narrows_the_harvest_and_moves_it_to_the_truth() -> None:
    clock = clock_from(PH40)
    start = date(2031, 1, 23)
    bloom, harvest = planted(2031, 10.0, 1660.0, start, clock.share(65))
    so_far = weather(date(2031, 1, 1), 75, seed=2031)
    before = season_outlook(PH40, 2031, PAST, so_far=so_far).harvest
    after = season_outlook(PH40, 2031, PAST, so_far=so_far, seen=[Seen(bbch=65, day=bloom)]).harvest
    assert after.days < before.days
    assert abs((after.p50 - harvest).days) < abs((before.p50 - harvest).days)


def test_dated_seasons_teach_a_clock_that_was_wrong() -> None:
    seasons = []
    for year in range(2030, 2036):
        start = date(year, 1, 11)
        _, harvest = planted(year, 10.0, 1500.0, start, 0.24)
        days = weather(date(year, 1, 1), 300, seed=year)
        seasons.append(DatedSeason(first_stage=start, harvest=harvest, temperatures=days))
    before = clock_from(PH40)
    after = learned(before, seasons)
    assert abs(after.heat[2] - 1500.0) < 0.25 * abs(before.heat[2] - 1500.0)
    assert (after.spread < before.spread).all()
    twice = learned(learned(before, seasons[:2]), seasons[2:])
    assert twice.heat == pytest.approx(after.heat)
    assert twice.spread == pytest.approx(after.spread)
    errors: dict[Clock, list[float]] = {before: [], after: []}
    for year in range(2040, 2048):
        start = date(year, 1, 11)
        _, harvest = planted(year, 10.0, 1500.0, start, 0.24)
        so_far = weather(date(year, 1, 1), 110, seed=year)
        for clock, missed in errors.items():
            found = season_outlook(PH40, year, PAST, so_far=so_far, clock=clock, first_stage=start)
            missed.append((found.harvest.p50 - harvest).days)
            assert bool(found.findings) is (clock is before)
    assert np.mean(errors[before]) > 7.0
    assert abs(np.mean(errors[after])) < 3.0


def test_a_base_that_fits_every_season_weighs_more_than_one_that_does_not() -> None:
    seasons = []
    for n, warmer in enumerate((-4.0, 0.0, 4.0, -4.0, 4.0, 0.0)):
        days = weather(date(2030 + n, 1, 1), 360, seed=n, warmer_c=warmer)
        start = date(2030 + n, 1, 11)
        summed = np.cumsum(days.between(start, days.last).heat(8.0))
        harvest = start + timedelta(days=int(np.searchsorted(summed, 1900.0)))
        seasons.append(DatedSeason(first_stage=start, harvest=harvest, temperatures=days))
    clock = learned(clock_from(PH40), seasons)
    assert float(clock.weights @ clock.bases_c) < 9.3


# ------------------------------------------------------------------ properties


@settings(max_examples=12, deadline=None)
@given(st.floats(0.0, 3.0))
def test_more_heat_never_makes_any_stage_later(warmer_c: float) -> None:
    plain, warm = outlook(), outlook(warmer_c=warmer_c)
    for stage in plain.stages:
        a, b = plain.when(stage), warm.when(stage)
        assert (b.p10, b.p50, b.p90) <= (a.p10, a.p50, a.p90)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([60, 65, 69, 71, 75]), st.floats(1.0, 6.0))
def test_what_is_seen_where_it_was_expected_narrows_the_harvest(bbch: int, error: float) -> None:
    before = outlook()
    seen = Seen(bbch=bbch, day=before.when(bbch).p50, error_days=error)
    after = outlook((seen,))
    assert after.harvest.days <= before.harvest.days
    assert after.when(bbch).days < before.when(bbch).days


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 200))
def test_stages_come_in_order_and_their_chances_make_one(day: int) -> None:
    found = outlook()
    chances = found.chances(date(2024, 1, 1) + timedelta(days=day))
    assert sum(chance for _, chance in chances) == pytest.approx(1.0)
    middles = [found.when(stage).p50 for stage in found.stages]
    assert all(a <= b for a, b in pairwise(middles))
    assert found.likely(middles[-1] + timedelta(days=40)) == 89
    assert found.likely(date(2023, 12, 20)) == -1


def test_a_rising_and_a_fading_bloom_lie_on_two_sides_of_full_bloom() -> None:
    day = outlook().when(65).p50
    rising, fading = (
        outlook((FloweringIndex(day=day, in_bloom=0.3, rising=up, error_days=2.0),)).when(65).p50
        for up in (True, False)
    )
    assert fading < day < rising


def test_a_note_far_from_all_that_was_expected_is_told_and_does_not_break_the_forecast() -> None:
    found = outlook((Seen(bbch=65, day=date(2024, 7, 1)),))
    assert "finding.seen_far" in [one.key for one in found.findings]
    assert abs((found.harvest.p50 - outlook().harvest.p50).days) <= 10


def test_weather_that_ends_before_the_harvest_is_refused_not_guessed() -> None:
    cold = [Temperatures.of(PAST[0].first, np.full(730, 8.0), np.full(730, 14.0))]
    with pytest.raises(BadInput, match="weather ends on"):
        assert season_outlook(PH40, 2024, cold).harvest
    with pytest.raises(BadInput, match="No past year"):
        season_outlook(PH40, 2024, [])
    with pytest.raises(BadInput, match="no stage BBCH 33"):
        outlook().when(33)


def test_rice_is_ripe_about_its_104_days_after_planting(shared_data: Path) -> None:
    rice, days = crop_card("lua_xuan"), haiphong(shared_data)
    for year in (2023, 2024):
        planted_on = date(year, 2, 10)
        window = season_outlook(rice, year, [], so_far=days, first_stage=planted_on).harvest
        assert abs((window.p50 - planted_on).days - 104) <= 6
        assert f"/{year}" in window.message("Lúa xuân").text("vi")


@pytest.mark.parametrize("name", ["vai_ph40", "vai_binh_khe", "vai_phuong_nam", "vai_thieu", "na"])
def test_the_heat_and_the_harvest_dates_of_a_card_agree_at_hai_phong(
    shared_data: Path, name: str
) -> None:
    card, days = crop_card(name), haiphong(shared_data)
    told = card.number("harvest")
    for year in (2023, 2024):
        window = season_outlook(card, year, [], so_far=days).harvest
        assert abs((window.p50 - told.day(year)).days) <= 5
        assert window.p10 <= told.day(year) <= window.p90


@pytest.mark.parametrize("card", crop_cards(), ids=lambda card: card.id)
def test_every_card_gives_a_season(card: CropCard) -> None:
    found = season_outlook(card, 2024, PAST)
    assert 5 <= found.harvest.days <= 60
    assert found.when(card.stages[0].bbch).days <= 40


# ------------------------------------------------------------------ induction


def winter(cold_days: int) -> Temperatures:
    low = np.where(np.arange(92) < cold_days, 12.0, 20.5)
    return Temperatures.of(date(2023, 11, 1), low, low + 6.0, np.full(92, 0.5))


def test_a_cold_winter_flowers_a_warm_one_hardly_and_between_nobody_is_sure() -> None:
    model = induction_from(PH40)
    cold, warm, between = (induction_outlook(model, [winter(n)]) for n in (60, 2, 13))
    assert cold.p50 > 0.8
    assert cold.findings[0].key == "finding.induction_good"
    assert warm.p50 < 0.2
    assert warm.findings[0].key == "finding.induction_poor"
    assert between.findings[0].key == "finding.induction_doubtful"
    assert between.p90 - between.p10 > 0.4


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 91), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_more_cold_never_flowers_less_and_more_flush_never_more(
    days: int, one: float, two: float
) -> None:
    model = induction_from(PH40)
    less, more = sorted((one, two))
    cold = induction_outlook(model, [winter(days + 1)], flush_share=less)
    mild = induction_outlook(model, [winter(days)], flush_share=less)
    flushed = induction_outlook(model, [winter(days)], flush_share=more)
    assert cold.p50 >= mild.p50 >= flushed.p50 - 1e-12
    assert cold.poor_chance <= mild.poor_chance + 1e-12 <= flushed.poor_chance + 1e-9
    assert mild.p10 <= mild.p50 <= mild.p90


def test_eight_warm_hours_spoil_a_day_and_two_do_not() -> None:
    model = induction_from(PH40)
    warm_8 = Temperatures.of(date(2023, 11, 1), [12.0], [22.7])
    warm_1 = Temperatures.of(date(2023, 11, 1), [12.0], [20.1])
    assert 24.0 - warm_8.hours_below(20.0)[0] >= 7
    assert cool_days(model, warm_8) <= 1.0 / 6.0
    assert cool_days(model, warm_1) == 1.0


def test_the_farms_own_winters_narrow_what_is_believed_and_find_the_planted_need() -> None:
    model = induction_from(PH40)
    truth = 20.0
    records = [
        FlowerRecord(cool_days=d, flowered=d**4 / (d**4 + truth**4)) for d in (10.0, 18.0, 24.0)
    ]
    after = taught(model, records)
    assert float(after.weights @ after.need_days) == pytest.approx(truth, abs=1.5)
    before = induction_outlook(model, [winter(20)], flush_share=0.0)
    now = induction_outlook(after, [winter(20)], flush_share=0.0)
    assert now.p90 - now.p10 < 0.5 * (before.p90 - before.p10)


def test_the_two_measured_winters_leave_ph40_in_doubt_not_in_certainty(shared_data: Path) -> None:
    model = induction_from(PH40)
    days = haiphong(shared_data)
    for year in (2024, 2025):
        found = induction_outlook(model, [days.between(*winter_before(year))])
        assert 10.0 <= found.cool_days <= 25.0
        assert 0.05 < found.poor_chance < 0.6
        assert found.p50 > 0.5


def test_without_a_winter_and_with_impossible_shares_it_is_refused() -> None:
    model = induction_from(PH40)
    with pytest.raises(BadInput, match="no winter weather"):
        induction_outlook(model, [])
    with pytest.raises(BadInput, match="not a share"):
        induction_outlook(model, [winter(20)], flush_share=30.0)
    with pytest.raises(BadInput, match="cool_days_needed"):
        induction_from(crop_card("na"))
