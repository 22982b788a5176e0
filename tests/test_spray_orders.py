"""Which order, which width, and what of equally good ones: known by counting and adding up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from shapely.geometry import Polygon, box

from agri.weather import Wind
from missions.airspace.route import Place
from missions.coverage.swaths import turn_matrix
from missions.passes.route import Pass
from missions.spray.lines import _over_plot, _Task, lay_lines
from missions.spray.order import wind_order
from missions.spray.plot import Plot, even_widths, in_order, lines_of, plot_of, sides_of
from missions.spray.widths import _promises, widths
from missions.sprayer.job import SpraySettings
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
Way = tuple[Place, ...]


def plot(shape: Polygon) -> Plot:
    found = plot_of(shape)
    assert found is not None
    return found


def tour_m(home: Place, ways: Sequence[Way]) -> float:
    """From home over all ways and back."""
    stops = [home, *(end for way in ways for end in (way[0], way[-1])), home]
    return sum(math.dist(a, b) for a, b in pairwise(stops))


# ---- small plots


@pytest.mark.parametrize(
    ("home", "edge_first"),
    [((20.0, 13.0), True), ((-10.0, -10.0), False), ((60.0, 60.0), False), ((50.0, 3.0), False)],
)
def test_no_other_order_over_a_plot_is_shorter(home: Place, edge_first: bool) -> None:
    ground = plot(box(0, 0, 40, 27))
    sides, lines = sides_of(ground, 5.0), lines_of(ground, 90.0, 5.0)
    kinds = (True,) * len(sides) + (False,) * len(lines)
    found, told = in_order((*sides, *lines), kinds, home)
    assert sorted(map(sorted, found)) == sorted(map(sorted, (*sides, *lines)))
    assert told == (kinds if edge_first else kinds[::-1])
    for first in range(len(sides)):
        edge = [*sides[first:], *sides[:first]]
        for rows in (lines, lines[::-1]):
            for odd in (0, 1):
                back_and_forth = [way[:: -1 if k % 2 == odd else 1] for k, way in enumerate(rows)]
                for order in ([*edge, *back_and_forth], [*back_and_forth, *edge]):
                    assert tour_m(home, found) <= tour_m(home, order) + 0.021


def test_a_plot_without_a_line_or_without_an_edge_has_an_order_too() -> None:
    ground = plot(box(0, 0, 40, 27))
    sides, lines = sides_of(ground, 5.0), lines_of(ground, 90.0, 5.0)
    found, told = in_order(sides, (True,) * 4, (-5.0, -5.0))
    assert (len(found), told) == (4, (True,) * 4)
    found, told = in_order(lines, (False,) * len(lines), (-5.0, -5.0))
    assert (len(found), told) == (len(lines), (False,) * len(lines))
    assert in_order((), (), (0.0, 0.0)) == ((), ())


@pytest.mark.parametrize(("width_m", "roomy"), [(2.7, True), (2.9, False), (5.0, False)])
def test_a_clipped_corner_leaves_no_room_once_the_edges_swath_takes_it(
    width_m: float, roomy: bool
) -> None:
    """2.83 m of it, less 0.83 for each metre of the swath: half a metre must be left."""
    clipped = Polygon([(0, 0), (40, 0), (40, 27), (38, 29), (0, 29)])
    assert plot(clipped).roomy(width_m) is roomy


def test_a_plot_narrower_than_three_swaths_is_divided_by_three_and_more() -> None:
    """Two for the edge and one or more lines between: 14 m over 3, 4, 5 and 6."""
    found = even_widths(plot(box(0, 0, 30, 14)), 90.0, 5.0, 2.3)
    assert found == pytest.approx([14.0 / 3.0, 14.0 / 4.0, 14.0 / 5.0, 14.0 / 6.0], abs=1e-6)


def test_what_divides_a_plot_evenly_does_not_hang_on_its_size() -> None:
    for scale in (1.0, 0.1):
        ground = plot(box(0, 0, 30 * scale, 20 * scale))
        found = even_widths(ground, 90.0, 4.0 * scale, 2.4 * scale)
        assert [w / scale for w in found] == pytest.approx([4.0, 20 / 6, 20 / 7, 2.5], abs=1e-5)


@pytest.mark.parametrize(("north_m", "lines"), [(10.98, 0), (11.02, 4)])
def test_lines_shorter_than_a_fifth_of_their_width_are_not_laid(north_m: float, lines: int) -> None:
    """Between two edges of 5 m a metre is left, over 20 m of them four lines."""
    assert len(lines_of(plot(box(0, 0, 30, north_m)), 0.0, 5.0)) == lines


@pytest.mark.parametrize(("out_m", "held"), [(0.001, True), (0.003, False)])
def test_a_plots_ways_may_run_out_of_what_is_allowed_by_a_millimetre(
    out_m: float, held: bool
) -> None:
    ground = box(0, 0, 60, 35)
    allowed = box(-9, -9, 90, 35.0 - out_m)
    task = _Task(ground, allowed.union(ground), allowed, (-5.0, -5.0),
                 replace(CALM, angle_deg=90.0, swath_m=5.0))  # fmt: skip
    assert (_over_plot(task, None, 20.0) is not None) is held


# ---- widths


def laid(ground: Polygon, asked: SpraySettings = CALM) -> tuple[Pass, ...]:
    return lay_lines(ground, ground.buffer(30.0).convex_hull, (-20.0, -20.0), asked).passes


def test_a_field_without_an_edge_is_laid_at_the_width_that_divides_it() -> None:
    """38 m are eight lines of 4.75 m."""
    found = laid(box(0, 0, 90, 38), replace(CALM, edge_pass=False))
    assert [work.width_m for work in found] == pytest.approx([38.0 / 8.0 * 1.0005] * 8, abs=1e-3)


def test_where_no_first_width_is_even_the_one_that_fills_all_arms_is_found() -> None:
    """An upside-down T of arms 11 m wide: three swaths fill each, an edge and a line."""
    tee = Polygon([(0, 0), (36, 0), (36, 11), (23.6, 11), (23.6, 22), (12.6, 22), (12.6, 11),
                   (0, 11)])  # fmt: skip
    found = laid(tee)
    assert [work.width_m for work in found] == pytest.approx([11.0 / 3.0] * len(found), abs=0.01)


def test_two_lines_over_a_slant_are_as_long_as_their_own_strips() -> None:
    """A trapezium 100 m and 60 m by 10 m: two strips of 5 m, 90 m and 70 m in their middles."""
    shape = Polygon([(0, 0), (100, 0), (80, 10), (20, 10)])
    _, arms = _promises(shape, 5.0, turn_matrix(90.0), replace(CALM, edge_pass=False))
    assert 0.0 <= arms <= (100.0 + 80.0) * 5.0 / 800.0 - 1.0
    narrow = Polygon([(0, 0), (100, 0), (55, 10), (45, 10)])
    _, arms = _promises(narrow, 5.0, turn_matrix(90.0), replace(CALM, edge_pass=False))
    assert arms == pytest.approx((97.3 + 52.3) * 5.0 / 550.0 - 1.0, abs=0.05)


def test_no_two_widths_to_be_laid_out_are_nearly_the_same() -> None:
    found = widths(box(0, 0, 100, 12).union(box(0, 12, 20, 33)), 90.0, CALM, 20.0)
    assert len(found) == 6, "three by each of two ways to judge them"
    for k, one in enumerate(found):
        assert all(abs(one - other) > 0.045 for other in found[:k])
        assert 3.0 <= one < 5.0


# ---- the order that the wind asks for

UP_NORTH = Wind(speed_m_s=3.0, from_deg=0.0)


def rows(*norths: float, east_m: float = 100.0) -> tuple[Way, ...]:
    """Lines of four places, all flown east."""
    return tuple(((0.0, n), (10.0, n), (20.0, n), (east_m, n)) for n in norths)


def test_each_line_begins_at_the_end_nearer_to_where_the_one_before_ended() -> None:
    ways = rows(15.0, 0.0, 10.0, 5.0)
    found = wind_order(ways, (False,) * 4, (-5.0, 0.0), UP_NORTH)
    assert [way[0] for way in found] == [(0.0, 0.0), (100.0, 5.0), (0.0, 10.0), (100.0, 15.0)]
    assert [len(way) for way in found] == [4] * 4


@pytest.mark.parametrize(("nearer_m", "turned"), [(0.015, False), (0.025, True)])
def test_a_line_is_turned_for_more_than_two_centimetres(nearer_m: float, turned: bool) -> None:
    ways = rows(0.0, 5.0)
    start = (50.0 + nearer_m / 2.0 * math.hypot(50.0, 9.0) / 50.0, -9.0)
    found = wind_order(ways, (False, False), start, UP_NORTH)
    assert (found[0] == ways[0][::-1]) is turned


def test_an_order_that_is_a_twelfth_longer_is_not_flown_for_the_wind() -> None:
    """From the north the four rows are 200 m southwards and 260 m begun in the south."""
    norths = (80.0, 60.0, 40.0, 20.0)
    ways = tuple(way[:: -1 if k % 2 else 1] for k, way in enumerate(rows(*norths, east_m=30.0)))
    kinds = (False,) * 4
    assert wind_order(ways, kinds, (0.0, 100.0), UP_NORTH) == ways
    upwards = tuple(way[::-1] for way in reversed(ways))
    assert wind_order(upwards, kinds, (0.0, 100.0), UP_NORTH) == ways
    assert wind_order(ways, kinds, (0.0, 50.0), UP_NORTH)[0][0] == (0.0, 20.0)
