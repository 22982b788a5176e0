"""No advice to spray breaks the label, the bloom, the days before harvest, the wind or the rain.

What is allowed is written down here once more, plainly, and thousands of cases are held against it.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agri.errors import BadInput
from agri.field_records import Bloom, SprayRecord
from agri.labels import Label, ProductKind
from agri.weather.now import delta_t_c, sun_elevation_deg
from agri.weather.series import Hours
from models.advice.air import Air, air_blockers, spray_hours
from models.advice.allowed import day_blockers
from models.advice.outcome import Advice, Ground, Mark, Verdict
from models.advice.situation import Situation
from models.advice.spraying import rain_free_h, spray_week
from models.advice.week import advise
from tests.advice_cases import (
    FUNGICIDE,
    INSECTICIDE,
    LIMITS,
    PLACE,
    TODAY,
    all_kinds_of_hours,
    field_on_a_day,
    mild_hours,
    stage_view,
)

LABELS = (
    INSECTICIDE,
    replace(INSECTICIDE, phi_days=None),
    replace(INSECTICIDE, phi_days=21),
    replace(INSECTICIDE, dose_low=None, dose_high=None),
    replace(INSECTICIDE, crops=("lúa",)),
    replace(INSECTICIDE, targets=("nhện",)),
    replace(INSECTICIDE, interval_days=10),
    replace(INSECTICIDE, most_uses=1),
    replace(INSECTICIDE, kind=ProductKind.FUNGICIDE),
    replace(INSECTICIDE, kind=ProductKind.FUNGICIDE, bees=True),
)
BLOOMS = (((75, 1.0),), ((60, 0.04), (75, 0.96)), ((65, 0.06), (71, 0.94)), ((69, 1.0),), None)
EARLY = (None, -3, 6, 7, 20, 40)
DOSES = (None, 2.0, 2.1)
SEEN = (None, (60, 5), (65, 30), (71, 2))
USED = (None, 4)


def forbidden(label: Label, day: date, case: tuple[object, ...], situation: Situation) -> bool:
    """Whether a product may not be sprayed on a day, as the rules say it in one place."""
    bloom, early, dose, seen, used = case
    if label.crops != ("vải",) or label.targets != ("sâu đục cuống",) or label.dose_high is None:
        return True
    if isinstance(dose, float) and not 0.0 < dose <= 2.0:
        return True
    if label.phi_days is None or not isinstance(early, int):
        return True
    if day + timedelta(days=label.phi_days) > TODAY + timedelta(days=early):
        return True
    if isinstance(used, int):
        last = TODAY - timedelta(days=used)
        if label.interval_days is not None and (day - last).days < label.interval_days:
            return True
        if label.most_uses == 1:
            return True
    if label.kind is ProductKind.FUNGICIDE and not label.bees:
        return False
    if isinstance(seen, tuple) and seen[0] in (60, 65):
        ago = seen[1] + (day - TODAY).days
        if ago <= 21:
            return True
    if bloom is None:
        return True
    open_now = sum(share for stage, share in bloom if 60 <= stage <= 69)  # type: ignore[attr-defined]
    return bool(open_now > 0.05)


def situation_of(case: tuple[object, ...]) -> Situation:
    bloom, early, dose, seen, used = case
    ripe = TODAY + timedelta(days=early) if isinstance(early, int) else None
    stages = None if bloom is None else stage_view(bloom, ripe)  # type: ignore[arg-type]
    if bloom is None and ripe is not None:
        stages = replace(stage_view(((75, 1.0),), ripe), chances=())
    records = []
    if isinstance(seen, tuple):
        records.append(Bloom(day=TODAY - timedelta(days=seen[1]), field="V", bbch=seen[0]))
    if isinstance(used, int):
        records.append(SprayRecord(day=TODAY - timedelta(days=used), field="V",
                                   product="Thuốc sâu", phi_days=7))  # fmt: skip
    return field_on_a_day(stages=stages, dose=dose, records=tuple(records))


def test_thousands_of_days_break_no_label_bloom_interval_or_dose() -> None:
    told = Counter[bool]()
    for case in product(BLOOMS, EARLY, DOSES, SEEN, USED):
        situation = situation_of(case)
        rule = situation.rules.rule("borer")
        for label in LABELS:
            for ahead in (0, 5)[: 1 + (label is LABELS[0])]:
                day = TODAY + timedelta(days=ahead)
                wrong = forbidden(label, day, case, situation)
                blocked = bool(day_blockers(label, day, situation, rule))
                assert blocked == wrong, (case, label.product, day)
                told[blocked] += 1
    assert sum(told.values()) > 7_000
    assert told[False] > 300


def test_hours_of_every_wind_rain_and_air_are_offered_only_when_all_is_right() -> None:
    hours = all_kinds_of_hours()
    days = [TODAY + timedelta(days=k) for k in range(7)]
    offered = 0
    for dry_h in (6.0, 12.0, 24.0):
        for one in spray_hours(hours, PLACE, LIMITS, days, rain_free_h=dry_h):
            fine = is_fine(hours, one.start, dry_h)
            assert fine == (not one.blockers), (one.start, [b.text("en") for b in one.blockers])
            offered += fine
    assert offered > 10


def is_fine(hours: Hours, start: datetime, dry_h: float) -> bool:
    k = round((start - hours.time(0)).total_seconds() / 3600.0)
    wind, rain = hours.wind_m_s[k], hours.rain_mm[k : k + 1 + math.ceil(dry_h)]
    warm, damp = hours.temperature_c[k], hours.humidity_pct[k]
    sun = min(sun_elevation_deg(PLACE, start), sun_elevation_deg(PLACE, start + timedelta(hours=1)))
    if not np.isfinite([wind, warm, damp]).all() or not np.isfinite(rain).all():
        return False
    near_crop = wind * 4.87 / math.log(67.8 * 10.0 - 5.42)
    delta = delta_t_c(float(warm), float(damp))
    return bool(
        len(rain) == 1 + math.ceil(dry_h) and rain.max() == 0.0 and wind <= 3.0
        and near_crop >= 0.5 and warm <= 32.0 and damp >= 40.0 and delta <= 8.0
        and sun >= -0.833 and (delta >= 2.0 or sun >= 15.0)
    )  # fmt: skip


def test_no_window_of_any_label_holds_an_hour_or_a_day_that_is_forbidden() -> None:
    hours = all_kinds_of_hours()
    windows = cases = 0
    for case in list(product(BLOOMS, EARLY, (None, 2.1), (None, (60, 5)), (None, 4)))[::4]:
        for label in LABELS[:9:4]:
            situation = replace(situation_of(case), hours=hours, labels=(label,))
            week = spray_week(situation, "borer")
            cases += 1
            assert bool(week.windows) != bool(week.blockers)
            for window in week.windows:
                windows += 1
                assert not forbidden(label, window.start.date(), case, situation)
                start = window.start
                while start < window.end:
                    assert is_fine(hours, start, rain_free_h(label, situation))
                    start += timedelta(hours=1)
    assert cases > 80
    assert windows > 8


@settings(max_examples=60)
@given(
    st.floats(0.0, 20.0), st.floats(0.0, 45.0), st.floats(0.0, 100.0),
    st.floats(0.0, 5.0), st.floats(-90.0, 90.0),
)  # fmt: skip
def test_no_air_is_free_beyond_a_limit(
    wind: float, warm: float, damp: float, rain: float, sun: float
) -> None:
    air = Air(wind_m_s=wind, low_wind_m_s=0.75 * wind, temperature_c=warm, humidity_pct=damp,
              rain_mm=rain, sun_deg=sun, rain_after_mm=(0.0,))  # fmt: skip
    beyond = wind > 3.01 or warm > 32.01 or damp < 39.99 or rain > 0.0 or sun < -0.84
    if beyond:
        assert air_blockers(air, LIMITS)
    assert air_blockers(replace(air, rain_after_mm=(0.0, math.nan)), LIMITS)
    assert air_blockers(replace(air, wind_m_s=math.nan), LIMITS)


@pytest.mark.parametrize(
    ("changes", "blocked"),
    [
        ({}, None),
        ({"wind_m_s": 3.0}, None),
        ({"wind_m_s": 3.05}, "advice.air_wind"),
        ({"low_wind_m_s": 0.5}, None),
        ({"low_wind_m_s": 0.45}, "advice.air_calm"),
        ({"low_wind_m_s": 0.45, "sun_deg": 14.0}, "advice.air_inversion"),
        ({"temperature_c": 32.0, "humidity_pct": 60.0}, None),
        ({"temperature_c": 32.1, "humidity_pct": 60.0}, "advice.air_hot"),
        ({"temperature_c": 32.0, "humidity_pct": 45.0}, "advice.air_delta_t"),
        ({"temperature_c": 20.0, "humidity_pct": 39.0}, "advice.air_dry"),
        ({"humidity_pct": 97.0}, None),
        ({"humidity_pct": 97.0, "sun_deg": 14.0}, "advice.air_damp_low_sun"),
        ({"sun_deg": -0.8}, None),
        ({"sun_deg": -0.9}, "advice.air_night"),
        ({"rain_mm": 0.1}, "advice.air_rain"),
        ({"rain_after_mm": (0.1, 0.0, 0.0)}, "advice.air_rain_after"),
        ({"rain_after_mm": (0.0, 0.0, 0.1)}, "advice.air_rain_after"),
        ({"rain_after_mm": (0.0, math.nan, 0.0)}, "advice.air_rain_unknown"),
    ],
)
def test_each_limit_of_the_air_holds_at_its_edge(
    changes: dict[str, object], blocked: str | None
) -> None:
    mild = Air(wind_m_s=2.0, low_wind_m_s=1.5, temperature_c=25.0, humidity_pct=70.0, rain_mm=0.0,
               sun_deg=40.0, rain_after_mm=(0.0, 0.0, 0.0))  # fmt: skip
    told = air_blockers(replace(mild, **changes), LIMITS)  # type: ignore[arg-type]
    assert [one.key for one in told] == ([] if blocked is None else [blocked])


def test_the_end_of_a_forecast_is_not_taken_for_dry() -> None:
    hours = mild_hours(days=2)
    days = [TODAY, TODAY + timedelta(days=1)]
    free = [one.start for one in spray_hours(hours, PLACE, LIMITS, days, rain_free_h=12.0)
            if not one.blockers]  # fmt: skip
    assert max(free) == hours.time(48 - 13)
    assert not any(one.date() == TODAY + timedelta(days=9) for one in free)


def test_days_between_uses_and_after_a_bloom_end_on_the_day_the_rules_say() -> None:
    situation = field_on_a_day()
    rule = situation.rules.rule("borer")
    for ago, free in ((9, False), (10, True)):
        used = SprayRecord(day=TODAY - timedelta(days=ago), field="V", product="thuoc sau")
        told = replace(situation, records=(used,))
        label = replace(INSECTICIDE, interval_days=10)
        assert (not day_blockers(label, TODAY, told, rule)) == free
    for ago, free in ((21, False), (22, True)):
        seen = Bloom(day=TODAY - timedelta(days=ago), field="V", bbch=65)
        told = replace(situation, records=(seen,))
        assert (not day_blockers(INSECTICIDE, TODAY, told, rule)) == free


def test_without_a_label_nothing_is_offered_and_no_dose_is_told() -> None:
    wet = np.zeros(216)
    wet[72:80] = 2.0
    situation = field_on_a_day(labels=(), hours=mild_hours(rain_mm=wet))
    blight = next(one for one in advise(situation) if one.rule == "blight")
    assert blight.verdict is Verdict.NOT_NOW
    assert blight.label is None
    assert not blight.windows
    told = " ".join(message.text("en") for message in (*blight.blockers, *blight.reasons))
    assert "read the bottle's label" in told
    assert "ml" not in told.replace("mm", "")


def test_rain_to_come_asks_for_a_spray_before_it_and_the_window_ends_by_then() -> None:
    wet = np.zeros(216)
    wet[96:104] = 2.0
    blight = next(one for one in advise(field_on_a_day(hours=mild_hours(rain_mm=wet)))
                  if one.rule == "blight")  # fmt: skip
    assert blight.verdict is Verdict.DO
    assert blight.label is FUNGICIDE
    rain = mild_hours().time(96)
    assert max(window.end for window in blight.windows) <= rain - timedelta(hours=11)
    assert [one.mark for one in blight.days] == [Mark.DO] * 4 + [Mark.NO] * 3
    assert "infection by the model" in blight.reasons[0].text("en")
    assert blight.assumed  # a figure that is a guess is named


def test_a_dry_week_or_a_spray_that_still_holds_lets_blight_wait_until_rain_washes_it_off() -> None:
    quiet = next(one for one in advise(field_on_a_day()) if one.rule == "blight")
    assert quiet.verdict is Verdict.WAIT
    wet = np.zeros(216)
    wet[60:66] = 1.0
    spray = SprayRecord(day=TODAY - timedelta(days=1), field="V", product="Thuốc nấm",
                        target="sương mai", phi_days=7)  # fmt: skip
    situation = field_on_a_day(hours=mild_hours(rain_mm=wet), records=(spray,))
    held = next(one for one in advise(situation) if one.rule == "blight")
    assert held.verdict is Verdict.WAIT
    assert "still protects" in held.reasons[0].text("en")
    wet[30:36] = 6.0
    washed = field_on_a_day(hours=mild_hours(rain_mm=wet), records=(spray,))
    again = next(one for one in advise(washed) if one.rule == "blight")
    assert again.verdict is not Verdict.WAIT


def test_late_sprays_against_the_borer_give_way_to_the_days_before_harvest() -> None:
    """The bulletin sprays until 20 May; PH40 is picked from 20 May."""
    from agri.field_records import Count, Counted

    day = TODAY + timedelta(days=20)
    measured = Count(day=day, field="V", what=Counted.FRUIT, number=20, size_mm=24)
    near = field_on_a_day(
        today=day, hours=mild_hours(day), records=(measured,),
        stages=replace(stage_view(harvest=date(2027, 5, 20)), first=day),
        labels=(replace(INSECTICIDE, phi_days=14),),
    )  # fmt: skip
    borer = next(one for one in advise(near) if one.rule == "borer")
    assert borer.verdict is Verdict.NOT_NOW
    assert any(one.key == "advice.phi" for one in borer.blockers)
    assert "14" in borer.blockers[0].text("vi")
    short = replace(near, labels=(replace(INSECTICIDE, phi_days=3),))
    assert next(one for one in advise(short) if one.rule == "borer").verdict is Verdict.DO


def test_fruit_that_was_not_measured_is_measured_first_and_two_sizes_tell_the_day() -> None:
    from agri.field_records import Count, Counted

    unknown = next(one for one in advise(field_on_a_day()) if one.rule == "borer")
    assert unknown.verdict is Verdict.WAIT
    assert "Measure the length" in unknown.reasons[0].text("en")
    sizes = tuple(
        Count(day=TODAY - timedelta(days=ago), field="V", what=Counted.FRUIT, number=20, size_mm=mm)
        for ago, mm in ((8, 8.0), (0, 12.0))
    )
    growing = next(one for one in advise(field_on_a_day(records=sizes)) if one.rule == "borer")
    assert growing.verdict is Verdict.WAIT
    assert dict(growing.reasons[1].values)["day"] == TODAY + timedelta(days=12)


def test_an_advice_cannot_be_without_a_source_nor_do_what_is_forbidden() -> None:
    fine = advise(field_on_a_day())[0]
    with pytest.raises(BadInput, match="neither a source"):
        replace(fine, grounds=())
    empty = Ground(name="x", source=" ", confidence=fine.confidence, assumed=False)
    with pytest.raises(BadInput, match="neither a source"):
        replace(fine, grounds=(empty,))
    with pytest.raises(BadInput, match="says one thing"):
        replace(fine, verdict=Verdict.NOT_NOW)
    blocked: Advice = next(one for one in advise(field_on_a_day(labels=(), hours=None))
                           if one.verdict is Verdict.NOT_NOW)  # fmt: skip
    with pytest.raises(BadInput, match="says one thing"):
        replace(blocked, verdict=Verdict.DO)
