"""Time, energy and packs: by hand on simple flights, and never less for more."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agri.errors import BadInput, Refused
from missions.catalogue import aircraft
from missions.energy import (
    LAND_BELOW_M,
    LOITER_HOME_S,
    corner_speeds,
    cruise_power_w,
    estimate_flight,
    leg_time_s,
    level_time_s,
    up_and_down,
    with_payload,
)

QUAD = aircraft("X500")
Path = list[tuple[float, float]]

paths = st.lists(
    st.tuples(st.floats(-150.0, 150.0), st.floats(-150.0, 150.0)), min_size=1, max_size=8
).map(lambda points: [(0.0, 0.0), *points, (0.0, 0.0)])


def lawn(lines: int, length_m: float = 200.0, spacing_m: float = 20.0) -> Path:
    path: Path = [(0.0, 0.0)]
    for line in range(lines):
        ends = [(line * spacing_m, 0.0), (line * spacing_m, length_m)]
        path += ends if line % 2 == 0 else ends[::-1]
    return [*path, (0.0, 0.0)]


def flown_time_s(path: Path, speed: float, acceleration: float, step_s: float = 0.002) -> float:
    """Fly the path in small steps: full ahead, but never too fast for the next corner."""
    corners = corner_speeds(path, speed, acceleration)
    time_s, now = 0.0, 0.0
    for leg, (start, end) in enumerate(pairwise(path)):
        left = math.dist(start, end)
        while left > 0.0:
            ahead = corners[leg + 1]
            may = math.sqrt(ahead**2 + 2.0 * acceleration * left)
            now = min(now + acceleration * step_s, speed, max(may, 1e-3))
            left -= now * step_s
            time_s += step_s
    return time_s


def test_a_straight_flight_takes_its_length_over_speed_and_one_stop() -> None:
    assert level_time_s([(0, 0), (400, 0)], 8.0, 2.5) == pytest.approx(400 / 8 + 8 / 2.5)


def test_a_way_there_and_back_costs_a_stop_at_the_far_end_too() -> None:
    there = level_time_s([(0, 0), (400, 0)], 8.0, 2.5)
    assert level_time_s([(0, 0), (400, 0), (0, 0)], 8.0, 2.5) == pytest.approx(2.0 * there)


def test_a_point_on_a_straight_line_costs_nothing() -> None:
    straight = level_time_s([(0, 0), (400, 0)], 8.0, 2.5)
    assert level_time_s([(0, 0), (123, 0), (400, 0)], 8.0, 2.5) == pytest.approx(straight)


def test_a_sharper_corner_never_costs_less_time() -> None:
    times = [
        level_time_s([(0, 0), (300, 0), (300 + 300 * math.cos(a), 300 * math.sin(a))], 8.0, 2.5)
        for a in np.radians(np.arange(0, 181, 5))
    ]
    assert all(later >= sooner - 1e-9 for sooner, later in pairwise(times))
    assert times[-1] - times[0] == pytest.approx(8.0 / 2.5)


@pytest.mark.parametrize("path", [lawn(4), lawn(3, 9.0, 4.0), [(0, 0), (60, 0), (90, 30), (0, 0)]])
def test_the_time_agrees_with_a_flight_in_small_steps(path: Path) -> None:
    assert level_time_s(path, 6.0, 2.5) == pytest.approx(flown_time_s(path, 6.0, 2.5), rel=0.01)


@given(
    length=st.floats(0.1, 500.0), top=st.floats(1.0, 20.0), a=st.floats(0.5, 5.0),
    ends=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
)  # fmt: skip
def test_no_leg_is_flown_faster_than_its_top_speed(
    length: float, top: float, a: float, ends: tuple[float, float]
) -> None:
    start, end = ends[0] * top, ends[1] * top
    gap = abs(start**2 - end**2) / (2.0 * a)
    if gap > length:
        return
    time = leg_time_s(length, start, end, top, a)
    assert time >= length / top - 1e-9
    assert time <= length / top + 2.0 * top / a + 2.0 * math.sqrt(length / a)


def test_climb_and_landing_are_timed_as_the_autopilot_flies_them() -> None:
    time_s, energy_wh = up_and_down(QUAD, 50.0)
    by_hand = 50.0 / QUAD.climb_m_s + LOITER_HOME_S + 40.0 / QUAD.descent_m_s
    assert time_s == pytest.approx(by_hand + LAND_BELOW_M / QUAD.land_speed_m_s)
    assert energy_wh > QUAD.hover_power_w * time_s / 3600.0


def test_a_whole_flight_adds_up() -> None:
    path = lawn(4)
    found = estimate_flight(path, QUAD, height_m=50.0, speed_m_s=6.0, wind_m_s=3.0, photos=77)
    up_s, up_wh = up_and_down(QUAD, 50.0)
    level_s = level_time_s(path, 6.0, QUAD.acceleration_m_s2)
    assert found.time_s == pytest.approx(up_s + level_s)
    assert found.energy_wh == pytest.approx(up_wh + cruise_power_w(QUAD, 9.0) * level_s / 3600.0)
    assert found.length_m == pytest.approx(sum(math.dist(a, b) for a, b in pairwise(path)))
    assert (found.batteries, found.photos) == (1, 77)


@given(path=paths, wind=st.floats(0.0, 6.0), more=st.floats(0.1, 2.0))
def test_more_wind_never_costs_less_energy(path: Path, wind: float, more: float) -> None:
    calm = estimate_flight(path, QUAD, height_m=40.0, speed_m_s=6.0, wind_m_s=wind)
    windy = estimate_flight(path, QUAD, height_m=40.0, speed_m_s=6.0, wind_m_s=wind + more)
    assert windy.energy_wh > calm.energy_wh or calm.length_m < 1.0
    assert windy.batteries >= calm.batteries


@given(path=paths, payload=st.floats(0.05, 0.6))
def test_more_mass_never_costs_less_energy(path: Path, payload: float) -> None:
    light = estimate_flight(path, QUAD, height_m=40.0, speed_m_s=6.0)
    heavy = estimate_flight(path, with_payload(QUAD, payload), height_m=40.0, speed_m_s=6.0)
    assert heavy.energy_wh > light.energy_wh
    assert heavy.batteries >= light.batteries


@pytest.mark.parametrize("lines", range(1, 40))
def test_more_lines_never_cost_less(lines: int) -> None:
    fewer = estimate_flight(lawn(lines), QUAD, height_m=40.0, speed_m_s=6.0)
    more = estimate_flight(lawn(lines + 1), QUAD, height_m=40.0, speed_m_s=6.0)
    assert more.length_m > fewer.length_m
    assert more.time_s > fewer.time_s
    assert more.energy_wh > fewer.energy_wh
    assert more.batteries >= fewer.batteries


def test_hover_power_grows_with_mass_to_the_three_halves() -> None:
    double = with_payload(QUAD, QUAD.mass_kg)
    assert double.hover_power_w == pytest.approx(QUAD.hover_power_w * 2.0**1.5)


@pytest.mark.parametrize("lines", [20, 30, 45, 70])
def test_a_long_flight_takes_packs_enough_for_every_reserve(lines: int) -> None:
    usable = QUAD.battery_wh * (1.0 - QUAD.reserve)
    found = estimate_flight(lawn(lines), QUAD, height_m=50.0, speed_m_s=6.0)
    assert found.batteries >= 2
    assert found.energy_wh <= found.batteries * usable + 1e-6
    work_m = sum(math.dist(a, b) for a, b in pairwise(lawn(lines)))
    assert found.length_m > work_m
    assert found.energy_wh > (found.batteries - 1.5) * usable


def test_a_bigger_reserve_never_needs_fewer_packs() -> None:
    packs = [
        estimate_flight(
            lawn(30), replace(QUAD, reserve=reserve), height_m=50.0, speed_m_s=6.0
        ).batteries
        for reserve in (0.2, 0.3, 0.4, 0.5)
    ]
    assert packs == sorted(packs)
    assert packs[-1] > packs[0]


def test_a_place_out_of_reach_of_one_pack_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        estimate_flight([(0, 0), (6000, 0), (0, 0)], QUAD, height_m=50.0, speed_m_s=6.0)
    assert caught.value.message.key == "error.pack_too_small"


def test_a_pack_that_cannot_even_climb_and_land_is_refused() -> None:
    tiny = replace(QUAD, battery_wh=8.0)
    with pytest.raises(Refused):
        estimate_flight(lawn(2), tiny, height_m=100.0, speed_m_s=6.0)


@pytest.mark.parametrize("name", ["mass_kg", "battery_wh", "hover_power_w", "acceleration_m_s2"])
def test_an_aircraft_without_a_figure_cannot_exist(name: str) -> None:
    with pytest.raises(BadInput):
        replace(QUAD, **{name: 0.0})


@given(st.integers(1, 120), st.floats(50.0, 900.0), st.floats(3.0, 9.0))
def test_the_packs_counted_are_enough_for_the_energy_told(
    lines: int, length_m: float, speed_m_s: float
) -> None:
    """However the flight breaks into packs: their ways and stops are in what each may use."""
    path = [*lawn(lines, length_m), (0.0, 0.0)]
    try:
        found = estimate_flight(path, QUAD, height_m=50.0, speed_m_s=speed_m_s)
    except Refused:
        return
    usable_wh = found.batteries * QUAD.battery_wh * (1.0 - QUAD.reserve)
    assert found.energy_wh <= usable_wh * (1.0 + 1e-9)
