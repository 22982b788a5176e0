"""Order, cost, directions and widths of a spraying against their own formulas, worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry import Polygon, box

from agri.weather import Wind
from missions.coverage.tracks import LegKind, Track
from missions.energy import cruise_power_w, with_payload
from missions.spray.directions import directions, flying_cost
from missions.spray.order import wind_order
from missions.spray.widths import least_width_m, widths
from missions.sprayer.job import Objective, SpraySettings
from missions.terrain.relief import Slope
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
SPEED, SWATH = SETTINGS.speed_m_s, SETTINGS.swath_m
ACCELERATION = SETTINGS.sprayer.aircraft.acceleration_m_s2


def blown(speed_m_s: float, from_deg: float | None) -> SpraySettings:
    return replace(CALM, wind=Wind(speed_m_s=speed_m_s, from_deg=from_deg))


def track(*points: tuple[float, float], kind: LegKind = LegKind.LINE) -> Track:
    return Track(kind=kind, points=np.array(points, float))


NORTH = track((0.0, 0.0), (0.0, 100.0))
EAST = track((0.0, 0.0), (100.0, 0.0))
ENDS_S = SWATH / SPEED + 2.0 * SPEED / ACCELERATION
"""What turning from one track to the next takes."""


# ---- what a flight costs


def test_a_line_costs_its_time_and_that_of_its_turn() -> None:
    assert flying_cost([NORTH], CALM, None) == pytest.approx(100.0 / SPEED + ENDS_S)
    assert flying_cost([NORTH, EAST], CALM, None) == pytest.approx(2 * (100.0 / SPEED + ENDS_S))
    assert flying_cost([], CALM, None) == 0.0
    bent = track((0.0, 0.0), (0.0, 0.0), (30.0, 40.0), (30.0, 50.0))
    assert flying_cost([bent], CALM, None) == pytest.approx(60.0 / SPEED + ENDS_S)


@pytest.mark.parametrize(
    ("wind_m_s", "from_deg", "longer"),
    [
        (3.0, 0.0, 0.1), (6.0, 0.0, 0.1), (1.5, 0.0, 0.05), (3.0, 180.0, 0.1), (3.0, 90.0, 0.0),
        (3.0, 60.0, 0.025), (3.0, None, 0.0),
    ],
)  # fmt: skip
def test_a_line_along_the_wind_counts_a_tenth_longer_and_the_edge_does_not(
    wind_m_s: float, from_deg: float | None, longer: float
) -> None:
    windy = blown(wind_m_s, from_deg)
    expected = 100.0 / SPEED * (1.0 + longer) + ENDS_S
    assert flying_cost([NORTH], windy, None) == pytest.approx(expected)
    edge = replace_kind(NORTH)
    assert flying_cost([edge], windy, None) == pytest.approx(100.0 / SPEED + ENDS_S)


def replace_kind(one: Track) -> Track:
    return Track(kind=LegKind.EDGE, points=one.points)


@pytest.mark.parametrize(
    ("direction_deg", "along"), [(0.0, 1.0), (180.0, 1.0), (90.0, 0.0), (60.0, 0.5)]
)
def test_a_line_counts_twice_its_rise_longer(direction_deg: float, along: float) -> None:
    slope = Slope(rise=0.1, direction_deg=direction_deg)
    expected = 100.0 / SPEED * (1.0 + 0.2 * along) + ENDS_S
    assert flying_cost([NORTH], CALM, slope) == pytest.approx(expected)


def test_energy_is_power_at_the_airspeed_of_either_way_and_half_a_tank() -> None:
    """In watt-hours: 3 m/s of wind from the north, a line north and back; turns hover."""
    loaded = with_payload(CALM.sprayer.aircraft, CALM.sprayer.tank_l / 2.0)
    power = sum(cruise_power_w(loaded, SPEED + sign * 3.0) for sign in (1.0, -1.0)) / 2.0
    hover_wh = ENDS_S * loaded.hover_power_w / 3600.0
    windy = replace(blown(3.0, 0.0), objective=Objective.ENERGY)
    expected = 100.0 / SPEED * power / 3600.0 * 1.1 + hover_wh
    assert flying_cost([NORTH], windy, None) == pytest.approx(expected)
    across = cruise_power_w(loaded, math.hypot(SPEED, 3.0))
    expected = 100.0 / SPEED * across / 3600.0 + hover_wh
    assert flying_cost([EAST], windy, None) == pytest.approx(expected)


def test_energy_lifts_the_loaded_aircraft_up_half_of_its_lines() -> None:
    from missions.energy import EFFICIENCY

    loaded = with_payload(CALM.sprayer.aircraft, CALM.sprayer.tank_l / 2.0)
    calm = replace(CALM, objective=Objective.ENERGY)
    slope = Slope(rise=0.1, direction_deg=180.0)
    flat_wh = 100.0 / SPEED * cruise_power_w(loaded, SPEED) / 3600.0
    lift_wh = 5.0 * loaded.mass_kg * 9.80665 / EFFICIENCY / 3600.0
    expected = (flat_wh + lift_wh) * 1.2 + ENDS_S * loaded.hover_power_w / 3600.0
    assert flying_cost([NORTH], calm, slope) == pytest.approx(expected, rel=1e-4)


# ---- which directions


FIELD = box(0, 0, 200, 90)


def near(found: list[float], angle_deg: float, apart_deg: float = 0.01) -> bool:
    return any(abs(math.remainder(angle_deg - one, 180.0)) <= apart_deg for one in found)


def test_the_quickest_comes_first_and_nothing_is_tried_twice() -> None:
    found = directions(FIELD, 90.0, blown(3.0, 0.5), Slope(rise=0.1, direction_deg=1.0))
    assert found[0] == 90.0
    assert all(0.0 <= angle_deg < 180.0 for angle_deg in found)
    for number, one in enumerate(found):
        assert not near(found[:number], one, 0.5)


@pytest.mark.parametrize(
    ("wind_m_s", "from_deg", "tried"),
    [(0.5, 30.0, True), (0.49, 30.0, False), (3.0, 210.0, True), (3.0, None, False)],
)
def test_across_the_wind_is_tried_when_it_has_a_direction(
    wind_m_s: float, from_deg: float | None, tried: bool
) -> None:
    assert near(directions(FIELD, 90.0, blown(wind_m_s, from_deg), None), 120.0) is tried


@pytest.mark.parametrize(("rise", "tried"), [(0.02, False), (0.021, True)])
def test_along_the_contour_is_tried_on_a_slope(rise: float, tried: bool) -> None:
    slope = Slope(rise=rise, direction_deg=50.0)
    assert near(directions(FIELD, 90.0, CALM, slope), 140.0) is tried


def test_square_to_the_quickest_is_tried_where_wind_or_slope_may_want_it() -> None:
    """On a field whose sides tell nothing of it."""
    round_ = shapely.Point(0, 0).buffer(60.0, quad_segs=64)
    quickest = 13.7
    level = Slope(rise=0.0, direction_deg=0.0)
    assert near(directions(round_, quickest, CALM, level), quickest + 90.0)
    assert near(directions(round_, quickest, blown(1.0, 77.0), None), quickest + 90.0)


@pytest.mark.parametrize(("aside_deg", "tried"), [(2.9, False), (3.1, True)])
def test_directions_of_wind_within_three_degrees_are_one(aside_deg: float, tried: bool) -> None:
    found = directions(box(0, 0, 2000, 400), 90.0, blown(3.0, aside_deg), None)
    assert near(found, 90.0 + aside_deg) is tried
    assert len(found) == 2  # so large that no side is looked at


@pytest.mark.parametrize("turn_deg", [0.0, 20.0, 77.0])
def test_the_longest_sides_of_a_field_are_tried_along_and_across(turn_deg: float) -> None:
    field = affinity.rotate(FIELD, -turn_deg, origin=(0, 0))
    found = directions(field, 45.0, CALM, None)
    assert near(found, 90.0 + turn_deg)
    assert near(found, turn_deg)


def test_a_side_that_spoils_no_line_is_preferred_to_one_that_leaves_a_wedge() -> None:
    """Two long sides lie one degree apart; either leaves teeth along the other."""
    wedge = Polygon([(0, 0), (300, 0), (300, 100), (0, 94.8)])
    found = directions(wedge, 40.0, CALM, None)
    assert len(found) == 3
    assert near(found, 90.0, 1.1)


@pytest.mark.parametrize(("north_m", "tried"), [(999.0, 3), (1001.0, 1)])
def test_thirty_hectares_are_the_most_that_are_tried_for_evenness(
    north_m: float, tried: int
) -> None:
    assert len(directions(box(0, 0, 300, north_m), 45.0, CALM, None)) == tried


def test_ground_that_the_edge_takes_whole_has_no_sides_to_try() -> None:
    thin = box(0, 0, 100, 2.0 * SWATH - 0.1)
    assert directions(thin, 45.0, CALM, None) == [45.0]
    assert len(directions(thin, 45.0, replace(CALM, edge_pass=False), None)) == 3


# ---- which order


Line = tuple[tuple[float, float], tuple[float, float]]


def rows(*norths: float, east_m: float = 100.0) -> tuple[Line, ...]:
    """Lines east-west, flown to and fro."""
    return tuple(
        ((0.0, n), (east_m, n)) if k % 2 == 0 else ((east_m, n), (0.0, n))
        for k, n in enumerate(norths)
    )


def ordered(ways: tuple[Line, ...], from_deg: float | None, wind_m_s: float = 3.0, start=(0.0, 0.0),
            kinds: tuple[bool, ...] = ()) -> list[float]:  # fmt: skip
    found = wind_order(
        ways, kinds or (False,) * len(ways), start, Wind(speed_m_s=wind_m_s, from_deg=from_deg)
    )
    return [way[0][1] for way in found]


def test_work_begins_on_the_side_the_wind_blows_to() -> None:
    lines = rows(0.0, 5.0, 10.0, 15.0)
    assert ordered(lines, 0.0) == [0.0, 5.0, 10.0, 15.0]  # from the north: the south first
    assert ordered(lines, 180.0) == [15.0, 10.0, 5.0, 0.0]
    turned = tuple(tuple((n, e) for e, n in line) for line in lines)
    found = wind_order(turned, (False,) * 4, (0.0, 0.0), Wind(speed_m_s=3.0, from_deg=270.0))  # type: ignore[arg-type]
    assert [way[0][0] for way in found] == [15.0, 10.0, 5.0, 0.0]


@pytest.mark.parametrize(("wind_m_s", "turned"), [(0.49, False), (0.5, True)])
def test_a_breath_of_wind_turns_no_order(wind_m_s: float, turned: bool) -> None:
    asked = ordered(rows(0.0, 5.0, 10.0), 180.0, wind_m_s)
    assert asked == ([10.0, 5.0, 0.0] if turned else [0.0, 5.0, 10.0])


def test_one_line_has_no_order_and_two_have() -> None:
    one, start = rows(5.0), (100.0, 5.0)
    assert wind_order(one, (False,), start, Wind(speed_m_s=3.0, from_deg=180.0)) == one
    assert ordered(rows(0.0, 5.0), 180.0) == [5.0, 0.0]


@pytest.mark.parametrize(("far_m", "strict"), [(46.0, True), (47.5, False)])
def test_working_upwind_may_cost_a_twelfth_more_way_and_no_more(far_m: float, strict: bool) -> None:
    """A third line lies between two others, but beyond their end: upwind means there and back.

    Upwind 300 m + √(far² + 5²) + √((100 + far)² + 5²), as it comes 300 m + 10 m + the second root.
    """
    lines: tuple[Line, ...] = (
        ((0.0, 0.0), (100.0, 0.0)),
        ((100.0, 10.0), (0.0, 10.0)),
        ((100.0 + far_m, 5.0), (200.0 + far_m, 5.0)),
    )
    assert ordered(lines, 0.0) == ([0.0, 5.0, 10.0] if strict else [0.0, 10.0, 5.0])


def test_each_line_begins_at_its_nearer_end() -> None:
    found = wind_order(
        (((0.0, 0.0), (100.0, 0.0)), ((0.0, 5.0), (100.0, 5.0)), ((0.0, 10.0), (100.0, 10.0))),
        (False,) * 3, (100.0, 0.0), Wind(speed_m_s=3.0, from_deg=0.0),
    )  # fmt: skip
    assert [way[0][0] for way in found] == [100.0, 0.0, 100.0]


def test_the_edge_goes_first_as_it_comes_and_lines_begin_where_it_ends() -> None:
    ring = ((0.0, -5.0), (100.0, -5.0), (100.0, 25.0), (0.0, 25.0), (0.0, -5.0))
    ways = (ring, *rows(0.0, 20.0))
    for from_deg, first, second in ((0.0, 0.0, 20.0), (180.0, 20.0, 0.0)):
        found = wind_order(
            ways, (True, False, False), (0.0, 0.0), Wind(speed_m_s=3.0, from_deg=from_deg)
        )
        assert found[0] == ring
        assert [way[0] for way in found[1:]] == [(0.0, first), (100.0, second)]


def test_lines_begin_near_where_the_last_pass_of_the_edge_ends() -> None:
    edge = (((0.0, -5.0), (100.0, -5.0)), ((100.0, 25.0), (0.0, 25.0)))
    found = wind_order(
        (*edge, *rows(0.0, 20.0)), (True, True, False, False), (100.0, 0.0),
        Wind(speed_m_s=3.0, from_deg=180.0),
    )  # fmt: skip
    assert found[:2] == edge
    assert [way[0] for way in found[2:]] == [(0.0, 20.0), (100.0, 0.0)]


# ---- which widths


def test_the_narrowest_swath_is_what_pump_and_worth_allow() -> None:
    """10 L/ha at 4 m/s is 0.24 L/min for each metre of width; the pump gives no less than 0.8."""
    assert least_width_m(CALM, 5.0) == 5.0  # 6.7 m, but no swath is wider than the full one
    assert least_width_m(CALM, 10.0) == pytest.approx(0.8 / 0.24)
    assert least_width_m(CALM, 8.0) == pytest.approx(0.8 / 0.192)
    assert least_width_m(CALM, 20.0) == pytest.approx(3.0)  # 0.6 of 5 m


def test_no_narrower_width_is_tried_that_the_pump_cannot_give() -> None:
    assert widths(FIELD, 90.0, CALM, 5.0) == []
    for rate_l_ha in (8.0, 10.0, 20.0):
        least_m = least_width_m(CALM, rate_l_ha)
        found = widths(FIELD, 90.0, CALM, rate_l_ha)
        assert found
        assert all(least_m <= width_m < 0.999 * SWATH for width_m in found)


@pytest.mark.parametrize("north_m", [62.0, 147.0])
def test_an_even_division_of_the_field_is_among_the_widths(north_m: float) -> None:
    plain = replace(CALM, edge_pass=False)
    found = widths(box(0, 0, 400, north_m), 90.0, plain, 20.0)
    even_m = north_m / math.ceil(north_m / SWATH)
    assert any(1.0 <= width_m / even_m < 1.001 for width_m in found)
    assert 1 <= len(found) <= 6
    for number, one in enumerate(found):
        assert all(abs(one - other) > 0.01 * SWATH for other in found[:number])


def test_fewer_widths_are_tried_on_large_ground_and_none_on_the_largest() -> None:
    def count(north_m: float) -> int:
        return len(widths(box(0, 0, 600, north_m), 90.0, CALM, 20.0))

    assert count(480.0) > 2
    assert 1 <= count(510.0) <= 2
    assert count(999.0) >= 1
    assert count(1001.0) == 0
