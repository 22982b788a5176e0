"""A season's weather: the figures of its sources, honest gaps, and strangers' tables."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import BadInput
from agri.geo import LonLat
from agri.weather.filling import fill
from agri.weather.quality import checked
from agri.weather.series import VIETNAM, Days, Hours, days_from_hours
from agri.weather.table import read_table, write_table
from agri.weather.warmth import (
    LYCHEE_YU_HER_PAU,
    beta_units,
    degree_days,
    hourly_c,
    hours_below,
)
from agri.weather.water import (
    daily_deficit_kpa,
    evapotranspiration,
    leaves_wet,
    net_radiation_mj_m2,
    sky_radiation_mj_m2,
    wet_spells,
)

SHARED = Path(os.environ.get("AGRI_SHARED", Path(__file__).resolve().parents[2] / "shared"))
DAILY = SHARED / "data/models/weather/vn_openmeteo_daily_2023_2025_6cities.csv"
HOURLY = SHARED / "data/models/weather/hanoi_hourly_T_RH_2024_2025.csv"
needs_real = pytest.mark.skipif(not DAILY.exists(), reason="the real weather tables are not here")


def hai_phong() -> Days:
    weather = read_table(DAILY.read_bytes(), name=DAILY.name, place="hai phong").weather
    assert isinstance(weather, Days)
    return weather


def uccle() -> Days:
    """FAO 56, example 18: Uccle near Brussels, 6 July; 9.25 hours of sun are 22.07 MJ/m²."""
    return Days(
        first=date(1998, 7, 6), low_c=[12.3], high_c=[21.5], humidity_low_pct=[63.0],
        humidity_high_pct=[84.0], wind_m_s=[10.0 / 3.6], radiation_mj_m2=[22.07],
        place=LonLat(lon_deg=4.35, lat_deg=50.8),
    )  # fmt: skip


def test_evapotranspiration_is_that_of_the_worked_example_of_fao_56() -> None:
    days = uccle()
    sky = sky_radiation_mj_m2(50.8, [187])
    assert sky[0] == pytest.approx(41.09, abs=0.02)
    assert daily_deficit_kpa(days)[0] == pytest.approx(0.589, abs=0.002)
    assert net_radiation_mj_m2(days, sky, height_m=100.0)[0] == pytest.approx(13.28, abs=0.02)
    found = evapotranspiration(days, height_m=100.0)
    assert found.measured[0]
    assert found.et0_mm[0] == pytest.approx(3.88, abs=0.02)


def test_without_wind_the_day_falls_back_to_temperatures_and_says_so() -> None:
    found = evapotranspiration(replace(uccle(), wind_m_s=[math.nan]))
    assert not found.measured[0]
    assert 3.0 < found.et0_mm[0] < 5.0
    with pytest.raises(BadInput):
        evapotranspiration(replace(uccle(), place=None))


@needs_real
@pytest.mark.parametrize(
    ("start", "stop", "base_c", "sums"),
    [
        ((1, 11), (5, 22), 10.0, (1625, 1694)),
        ((1, 11), (5, 22), 12.0, (1361, 1433)),
        ((1, 11), (5, 22), 15.0, (979, 1058)),
        ((2, 10), (5, 22), 10.0, (1405, 1459)),
        ((1, 20), (5, 10), 10.0, (1342, 1387)),
    ],
)
def test_degree_days_of_real_springs_are_those_measured(
    start: tuple[int, int], stop: tuple[int, int], base_c: float, sums: tuple[int, int]
) -> None:
    days = hai_phong()
    for year, wanted in zip((2023, 2024), sums, strict=True):
        spring = days.between(date(year, *start), date(year, *stop))
        assert round(degree_days(spring.low_c, spring.high_c, base_c=base_c).sum()) == wanted


@needs_real
def test_chill_of_real_winters_is_that_measured() -> None:
    days = hai_phong()
    winters = [days.between(date(y, 11, 1), date(y + 1, 1, 31)) for y in (2023, 2024)]
    found = [[hours_below(winter, limit) for winter in winters] for limit in (15, 20, 22)]
    assert found == [[362, 323], [996, 1067], [1374, 1442]]
    units = [beta_units(winter.mean_c, LYCHEE_YU_HER_PAU).sum() for winter in winters]
    assert units == pytest.approx([41.1, 40.6], abs=0.06)
    assert LYCHEE_YU_HER_PAU.needed is not None
    assert max(units) < LYCHEE_YU_HER_PAU.needed, "the units do not carry over to the north"


@needs_real
def test_a_real_table_of_six_cities_asks_which_one() -> None:
    with pytest.raises(BadInput) as raised:
        read_table(DAILY.read_bytes(), name=DAILY.name)
    assert "Hải Phòng" in raised.value.text("vi")


@needs_real
def test_real_hours_become_days_with_wet_leaves() -> None:
    hours = read_table(HOURLY.read_bytes(), name=HOURLY.name).weather
    assert isinstance(hours, Hours)
    assert len(hours) == 12_097
    kept, findings = checked(hours)
    assert not [one for one in findings if one.key == "finding.weather_limits"]
    days = days_from_hours(kept, leaves_wet(kept))
    first = kept.temperature_c[:24]
    assert days.first == date(2024, 1, 1)
    assert (days.low_c[0], days.high_c[0]) == (first.min(), first.max())
    assert 0 < np.nanmean(days.wet_h) < 24


@given(
    st.floats(-5, 25), st.floats(0, 15), st.floats(0, 14), st.floats(16, 40),
)  # fmt: skip
def test_degree_days_are_never_negative_nor_above_the_cut_off(
    low: float, swing: float, base: float, upper: float
) -> None:
    for method in ("simple", "modified"):
        found = degree_days([low], [low + swing], base_c=base, upper_c=upper, method=method)  # type: ignore[arg-type]
        assert 0.0 <= found[0] <= upper - base


def test_colder_thresholds_never_have_more_hours() -> None:
    draw = np.random.default_rng(3)
    low = draw.normal(14, 4, 60)
    winter = Days(first=date(2026, 1, 1), low_c=low, high_c=low + draw.uniform(0, 10, 60))
    counts = [hours_below(winter, limit) for limit in range(40)]
    assert counts == sorted(counts)
    assert counts[-1] == 60 * 24
    assert hourly_c(winter.low_c, winter.high_c).mean() == pytest.approx(
        (winter.low_c + winter.high_c).mean() / 2
    )


def test_days_are_cut_at_midnight_of_the_farm_and_not_of_greenwich() -> None:
    start = datetime(2026, 1, 1, 12, tzinfo=VIETNAM)
    hours = Hours(start=start, temperature_c=np.arange(60.0), rain_mm=np.ones(60))
    days = days_from_hours(hours)
    assert days.first == date(2026, 1, 1)
    assert np.isnan(days.low_c[0]), "twelve hours are no day"
    assert days.low_c[1:].tolist() == [12.0, 36.0]
    assert days.rain_mm[1:].tolist() == [24.0, 24.0]
    assert hours.start == datetime(2026, 1, 1, 5, tzinfo=UTC)


def test_wet_spells_tell_how_long_and_how_warm() -> None:
    hours = Hours(start=datetime(2026, 3, 1, tzinfo=UTC), temperature_c=[20, 21, 22, 23, 24, 25],
                  humidity_pct=[95, 95, 50, 50, 92, 50])  # fmt: skip
    spells = wet_spells(hours, leaves_wet(hours))
    assert [(one.start, one.count_h, one.mean_c) for one in spells] == [(0, 2, 20.5), (4, 1, 24.0)]


def spring(count: int = 60) -> Days:
    draw = np.random.default_rng(1)
    low = 15 + draw.normal(0, 1.5, count)
    return Days(first=date(2026, 3, 1), low_c=low, high_c=low + 7 + draw.normal(0, 1, count),
                rain_mm=np.where(draw.random(count) < 0.2, 5.0, 0.0))  # fmt: skip


def test_good_weather_has_nothing_found() -> None:
    assert checked(spring())[1] == []


@pytest.mark.parametrize(
    ("place", "value", "key"),
    [
        (10, 85.0, "finding.weather_limits"),
        (10, 24.9, "finding.weather_crossed"),
        (slice(20, 27), 15.5, "finding.weather_stuck"),
        (slice(30, 36), math.nan, "finding.weather_gap"),
        (10, -2.0, "finding.weather_step"),
    ],
)
def test_what_is_wrong_with_a_sensor_is_found(place: int | slice, value: float, key: str) -> None:
    days = spring()
    low, high = days.low_c.copy(), days.high_c.copy()
    low[place] = value
    if key == "finding.weather_crossed":
        high[place] = 20.0
    kept, findings = checked(replace(days, low_c=low, high_c=high))
    assert key in [one.key for one in findings]
    for one in findings:
        assert one.text("vi") != one.text("en")
    if key in ("finding.weather_limits", "finding.weather_crossed"):
        assert np.isnan(kept.low_c[10])


def test_short_gaps_are_drawn_and_long_ones_taken_from_other_years_each_told() -> None:
    count = 3 * 365
    of_year = np.arange(count) % 365
    low = 17 - 7 * np.cos(math.tau * of_year / 365)
    holes = low.copy()
    holes[100:102] = math.nan
    holes[500:530] = math.nan
    rain = np.full(count, 4.0)
    rain[100] = math.nan
    days = Days(first=date(2021, 1, 1), low_c=holes, high_c=low + 8, rain_mm=rain)
    filled, findings = fill(days)
    assert np.abs(filled.low_c - low).max() < 0.6
    told = {(one.column, one.start, one.count, one.how) for one in filled.filled}
    assert told == {("low_c", 100, 2, "line"), ("low_c", 500, 30, "climate"),
                    ("rain_mm", 100, 1, "climate")}  # fmt: skip
    assert [one.key for one in findings].count("finding.weather_by_climate") == 2
    part = filled.between(date(2021, 1, 1) + timedelta(days=510))
    assert [(one.start, one.count) for one in part.filled] == [(0, 20)]


def test_a_gap_that_nothing_can_close_stays_open() -> None:
    days = spring()
    low = days.low_c.copy()
    low[10:30] = math.nan
    filled, findings = fill(replace(days, low_c=low))
    assert np.isnan(filled.low_c[10:30]).all()
    assert [one.key for one in findings] == ["finding.weather_left_open"]


LOGGER = """Trạm Bình Khê;;;;
Xuất ngày 02/02/2026;;;;
Ngày;Giờ;Nhiệt độ (°C);Độ ẩm (%);Lượng mưa (mm);Tốc độ gió (km/h)
31/01/2026;23:00;14,5;91;0,2;7,2
01/02/2026;00:00;14,1;---;0,0;3,6
01/02/2026;02:00;lỗi;95;0,0;3,6
"""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16"])
def test_a_logger_with_vietnamese_headings_and_decimal_commas_is_read(encoding: str) -> None:
    read = read_table(LOGGER.encode(encoding), name="logger.csv")
    hours = read.weather
    assert isinstance(hours, Hours)
    assert hours.start == datetime(2026, 1, 31, 16, tzinfo=UTC)
    assert hours.temperature_c[:2].tolist() == [14.5, 14.1]
    assert np.isnan(hours.temperature_c[2:]).all()
    assert hours.wind_m_s[0] == pytest.approx(2.0)
    assert np.isnan(hours.humidity_pct[1])
    assert [one.key for one in read.findings] == ["finding.weather_cells"]


def test_readings_every_ten_minutes_become_hours_and_no_rain_is_lost() -> None:
    rows = [f"2026-01-01 {k // 6:02d}:{k % 6}0,{20 + k % 6},0.2" for k in range(12)]
    rows.append(rows[-1].replace("0.2", "0.5"))
    read = read_table("\n".join(["time,temperature,rain", *rows]).encode(), name="x.csv")
    assert isinstance(read.weather, Hours)
    assert read.weather.temperature_c.tolist() == [22.5, 22.5]
    assert read.weather.rain_mm == pytest.approx([1.2, 1.5])
    assert {one.key for one in read.findings} == {
        "finding.weather_doubled", "finding.weather_made_hours"}  # fmt: skip


def test_our_own_table_reads_back_as_it_was_written() -> None:
    for series in (spring(), Hours(start=datetime(2026, 1, 1, tzinfo=UTC), wind_m_s=[1.0, 2.0],
                                   temperature_c=[10.25, math.nan])):  # fmt: skip
        back = read_table(write_table(series), name="own.csv").weather
        assert type(back) is type(series)
        assert len(back) == len(series)
        first = "low_c" if isinstance(series, Days) else "temperature_c"
        np.testing.assert_allclose(back.column(first), series.column(first), rtol=1e-5)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "error.weather_not_table"),
        (b"PK\x03\x04\x00\x00", "error.weather_not_table"),
        (b"a,b\n1,2\n", "error.weather_not_table"),
        (b"date,temp_min,temp_max\n", "error.weather_no_rows"),
        (b"date,temp_min,temp_max\n01/25/2026,1,2\n", "error.weather_date"),
        (b"date,temp_min,temp_max\n32/01/2026,1,2\n", "error.weather_date"),
        (b"date,temp_min,wind (furlongs)\n01/01/2026,1,2\n", "error.weather_unit"),
        (b"time,temp\n1801-01-01 01:00,1\n2199-01-01 01:00,1\n", "error.weather_rows"),
        (b"time,temp\n0001-01-01 01:00,1\n", "error.weather_date"),
        (b"time,temp\n9999-12-31 24:00,1\n", "error.weather_date"),
        (b"time,t\n2026-01-01T99:99,1\n", "error.weather_date"),
        (b"city,date,rain\nA,2026-01-01,1\nB,2026-01-01,1\n", "error.weather_which_place"),
    ],
)
def test_what_is_no_table_of_weather_is_one_sentence(data: bytes, key: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_table(data, name="x.csv")
    assert raised.value.message.key == key


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for one in (data, b"date,temp_min\n" + data, b"time;t;rain\n2026-01-01T01:00;" + data):
        try:
            read_table(one, name="x.csv")
        except BadInput:
            continue


def test_values_that_cannot_be_a_series_are_refused() -> None:
    with pytest.raises(BadInput):
        Days(first=date(2026, 1, 1), low_c=[], high_c=[])
    with pytest.raises(BadInput):
        Days(first=date(2026, 1, 1), low_c=[1.0, 2.0], high_c=[1.0])
    with pytest.raises(BadInput):
        Hours(start=datetime(2026, 1, 1), temperature_c=[1.0])  # noqa: DTZ001 - what is refused
    with pytest.raises(BadInput):
        degree_days([1.0], [2.0], base_c=10.0, upper_c=9.0)
