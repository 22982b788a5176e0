"""The shortest way: never outside, never longer than another one, None where there is none."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from missions.airspace.route import distances, distances_from, shortest_way, ways

HALL = Polygon(
    [(0, 0), (100, 0), (100, 60), (0, 60)],
    [[(30, 4), (40, 4), (40, 50), (30, 50)], [(60, 10), (70, 10), (70, 56), (60, 56)]],
)
places = st.tuples(st.floats(0.5, 99.5), st.floats(0.5, 59.5)).filter(
    lambda p: HALL.covers(shapely.Point(p))
)


def length_m(way: tuple[tuple[float, float], ...]) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(way))


@given(start=places, end=places)
def test_no_leg_of_a_way_leaves_the_region(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    way = shortest_way(HALL, start, end)
    assert way is not None
    assert way[0] == start
    assert way[-1] == end
    for leg in pairwise(way):
        assert HALL.buffer(0.006).covers(LineString(leg))


@given(start=places, end=places)
def test_a_way_is_as_long_back_as_forth_and_no_shorter_than_straight(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    there, back = shortest_way(HALL, start, end), shortest_way(HALL, end, start)
    assert there is not None
    assert back is not None
    assert length_m(there) == pytest.approx(length_m(back))
    assert length_m(there) >= math.dist(start, end) - 1e-9


def grid_length_m(start: tuple[float, float], end: tuple[float, float], step: float) -> float:
    """The shortest way over a fine grid with 16 directions: an upper bound found another way."""
    import heapq

    size = (int(100 / step) + 1, int(60 / step) + 1)
    inside = np.array(
        [
            [bool(shapely.contains_xy(HALL, i * step, j * step)) for j in range(size[1])]
            for i in range(size[0])
        ]
    )
    moves = [(di, dj) for di in (-2, -1, 0, 1, 2) for dj in (-2, -1, 0, 1, 2) if di or dj]
    first = (round(start[0] / step), round(start[1] / step))
    last = (round(end[0] / step), round(end[1] / step))
    best = {first: 0.0}
    queue = [(0.0, first)]
    while queue:
        far, here = heapq.heappop(queue)
        if here == last:
            return far
        for di, dj in moves:
            there = (here[0] + di, here[1] + dj)
            middle = (here[0] + di // 2, here[1] + dj // 2)
            if not (0 <= there[0] < size[0] and 0 <= there[1] < size[1]):
                continue
            if inside[there] and inside[middle]:
                length = far + step * math.hypot(di, dj)
                if length < best.get(there, math.inf):
                    best[there] = length
                    heapq.heappush(queue, (length, there))
    return math.inf


@pytest.mark.parametrize("end", [(90.0, 30.0), (50.0, 58.0), (50.0, 2.0), (95.0, 58.0)])
def test_no_other_way_is_shorter(end: tuple[float, float]) -> None:
    way = shortest_way(HALL, (10.0, 30.0), end)
    assert way is not None
    over_grid = grid_length_m((10.0, 30.0), end, 1.0)
    assert over_grid / 1.05 <= length_m(way) <= over_grid + 2.0


def test_between_two_islands_there_is_no_way() -> None:
    islands = MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)])
    assert shortest_way(islands, (5.0, 5.0), (25.0, 5.0)) is None
    assert shortest_way(islands, (1.0, 5.0), (9.0, 5.0)) == ((1.0, 5.0), (9.0, 5.0))


def test_a_place_outside_the_region_has_no_way() -> None:
    assert shortest_way(HALL, (-5.0, 5.0), (5.0, 5.0)) is None


@given(ends=st.lists(places, min_size=2, max_size=5))
def test_distances_between_many_places_are_those_of_the_single_ways(
    ends: list[tuple[float, float]],
) -> None:
    table = distances(HALL, np.array(ends))
    for i, start in enumerate(ends):
        for j, end in enumerate(ends):
            way = shortest_way(HALL, start, end)
            assert way is not None
            assert table[i, j] == pytest.approx(length_m(way), abs=1e-6)


def test_places_that_nothing_joins_are_infinitely_far_apart() -> None:
    islands = MultiPolygon([box(0, 0, 10, 10), box(20, 0, 30, 10)])
    table = distances(islands, np.array([[5.0, 5.0], [8.0, 5.0], [25.0, 5.0]]))
    assert table[0, 1] == pytest.approx(3.0)
    assert np.isinf(table[0, 2])
    assert np.isinf(table[2, 1])


@given(start=places, end=places)
def test_with_a_berth_a_way_bends_inside_the_corners(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    way = shortest_way(HALL, start, end, berth_m=0.5)
    assert way is not None
    for corner in way[1:-1]:
        assert HALL.boundary.distance(shapely.Point(corner)) >= 0.5 - 1e-6


def test_a_way_has_no_bend_a_hands_width_from_its_end() -> None:
    """Rounded on the wire, so short a leg turns by tens of degrees: a corner to the vehicle."""
    hall = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 1), (6, 1), (6, 9), (4, 9)]])
    [beside, further] = ways(hall, [((3.96, 1.01), (9.0, 2.0)), ((3.8, 1.3), (9.0, 2.0))])
    assert beside == ((3.96, 1.01), (6.0, 1.0), (9.0, 2.0))
    assert further == ((3.8, 1.3), (4.0, 1.0), (6.0, 1.0), (9.0, 2.0))


def test_a_place_a_hairs_width_outside_is_as_far_as_the_nearest_one_inside() -> None:
    """Passes along a border are drawn straighter by a centimetre: home is not endlessly far."""
    hall = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(4, 1), (6, 1), (6, 9), (4, 9)]])
    places = np.array([[9.0, 0.0], [9.0, -0.008], [5.0, 1.03], [9.0, -0.2]])
    found = distances_from(hall, (1.0, 2.0), places)
    assert found[1] == pytest.approx(found[0], abs=0.01)
    assert found[2] == pytest.approx(math.hypot(4.0, 1.0), abs=0.1)
    assert math.isinf(found[3])
    assert places[1, 1] == -0.008
