"""Weather as values: what dries droplets, where the sun stands, what cannot be weather."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import BadInput
from agri.geo import LonLat
from agri.weather import Weather, Wind, delta_t_c, in_utc, sun_elevation_deg, wet_bulb_c

HERE = LonLat(lon_deg=106.51, lat_deg=21.08)
HANOI = timezone(timedelta(hours=7))


def local_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HANOI)


# --- wet bulb -------------------------------------------------------------------------------


def psychrometer_c(temperature_c: float, humidity_pct: float) -> float:
    """The wet-bulb temperature at which a ventilated psychrometer comes to rest, at sea level."""

    def saturated_hpa(t: float) -> float:
        return 6.112 * math.exp(17.62 * t / (243.12 + t))

    vapour_hpa = humidity_pct / 100.0 * saturated_hpa(temperature_c)
    low, high = -60.0, temperature_c
    for _ in range(60):
        wet = (low + high) / 2.0
        coefficient = 1013.25 * 0.000662 * (1.0 + 0.00115 * wet)
        if saturated_hpa(wet) - coefficient * (temperature_c - wet) < vapour_hpa:
            low = wet
        else:
            high = wet
    return high


@given(st.floats(10, 45), st.floats(20, 99))
def test_wet_bulb_temperatures_agree_with_a_psychrometer(t: float, humidity: float) -> None:
    assert wet_bulb_c(t, humidity) == pytest.approx(psychrometer_c(t, humidity), abs=0.75)


@given(st.floats(10, 45), st.floats(20, 99), st.floats(0.5, 20))
def test_drier_air_dries_droplets_faster(t: float, humidity: float, drier: float) -> None:
    assert delta_t_c(t, max(20.0, humidity - drier)) >= delta_t_c(t, humidity) - 1e-9


@given(st.floats(-20, 50), st.floats(0, 100))
def test_the_wet_bulb_is_never_warmer_than_the_air(t: float, humidity: float) -> None:
    assert delta_t_c(t, humidity) >= 0.0


def test_delta_t_is_unknown_while_a_part_of_it_is() -> None:
    assert Weather(temperature_c=30.0).delta_t_c is None
    assert Weather(humidity_pct=50.0).delta_t_c is None
    assert Weather(temperature_c=30.0, humidity_pct=50.0).delta_t_c == delta_t_c(30.0, 50.0)


# --- sun ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sunrise_or_sunset",
    ["2026-06-21T05:15", "2026-06-21T18:37", "2026-12-21T06:31", "2026-12-21T17:19",
     "2026-03-20T05:58", "2026-03-20T18:04"],
)  # fmt: skip
def test_the_sun_rises_and_sets_when_the_almanac_says(sunrise_or_sunset: str) -> None:
    """Within five minutes of the times printed for Hạ Long and Hải Dương."""
    here = [
        sun_elevation_deg(HERE, local_time(sunrise_or_sunset) + timedelta(minutes=minutes))
        for minutes in (-6, 6)
    ]
    assert min(here) < -0.833 < max(here)


def test_the_sun_stands_highest_at_local_noon() -> None:
    day = local_time("2026-06-21T00:00")
    heights = [sun_elevation_deg(HERE, day + timedelta(minutes=m)) for m in range(0, 1440, 2)]
    best = day + timedelta(minutes=2 * heights.index(max(heights)))
    assert abs(best - local_time("2026-06-21T11:56")) <= timedelta(minutes=4)
    assert max(heights) == pytest.approx(90.0 - (23.44 - 21.08), abs=0.3)
    assert min(heights) == pytest.approx(-(90.0 - 21.08 - 23.44), abs=0.3)


def test_at_the_pole_the_sun_keeps_its_height_all_day() -> None:
    pole = LonLat(lon_deg=0.0, lat_deg=90.0)
    heights = [
        sun_elevation_deg(pole, datetime(2024, 6, 20, hour, tzinfo=UTC)) for hour in range(24)
    ]
    assert heights == pytest.approx([23.44] * 24, abs=0.3)


@pytest.mark.parametrize("year", [1900, 2000, 2024, 2026])
def test_the_last_day_of_a_year_joins_the_first_of_the_next(year: int) -> None:
    last = sun_elevation_deg(HERE, datetime(year, 12, 31, 23, 59, 59, tzinfo=UTC))
    first = sun_elevation_deg(HERE, datetime(year + 1, 1, 1, tzinfo=UTC))
    assert first == pytest.approx(last, abs=0.05)


def test_a_time_is_the_same_in_every_zone() -> None:
    noon = datetime(2026, 5, 1, 5, tzinfo=UTC)
    assert sun_elevation_deg(HERE, noon) == sun_elevation_deg(HERE, noon.astimezone(HANOI))
    assert in_utc(noon.astimezone(HANOI)) == noon
    assert in_utc(noon.astimezone(HANOI)).tzinfo is UTC


def test_a_time_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 5, 1, 6)  # noqa: DTZ001
    for use in (in_utc, lambda t: sun_elevation_deg(HERE, t), lambda t: Weather(time_utc=t)):
        with pytest.raises(BadInput, match="time zone"):
            use(naive)


# --- values ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("temperature_c", (-60.0, 60.0), (-60.1, 60.1, math.nan, math.inf)),
        ("humidity_pct", (0.0, 100.0), (-0.1, 100.1, math.nan)),
        ("rain_mm_h", (0.0, 500.0), (-0.1, 500.1, math.nan)),
    ],
)
def test_figures_out_of_range_are_refused(
    name: str, good: tuple[float, ...], bad: tuple[float, ...]
) -> None:
    for value in good:
        assert getattr(Weather(**{name: value}), name) == value
    for value in bad:
        with pytest.raises(BadInput, match=name):
            Weather(**{name: value})


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"speed_m_s": -0.1}, "error.wind_speed"),
        ({"speed_m_s": 40.1}, "error.wind_speed"),
        ({"speed_m_s": math.nan}, "error.wind_speed"),
        ({"speed_m_s": 2.0, "from_deg": math.inf}, "error.wind_direction"),
        ({"speed_m_s": 2.0, "gust_m_s": 1.9}, "error.wind_gust"),
        ({"speed_m_s": 2.0, "gust_m_s": 60.1}, "error.wind_gust"),
    ],
)
def test_a_wind_that_cannot_be_is_refused(values: dict[str, float], key: str) -> None:
    with pytest.raises(BadInput) as caught:
        Wind(**values)
    assert caught.value.message.key == key


def test_directions_are_folded_into_one_turn() -> None:
    assert Wind(speed_m_s=2.0, from_deg=360.0).from_deg == 0.0
    assert Wind(speed_m_s=2.0, from_deg=-90.0).from_deg == 270.0
    assert Wind(speed_m_s=2.0, from_deg=-90.0).to_deg == 90.0
    assert Wind(speed_m_s=2.0).to_deg is None
