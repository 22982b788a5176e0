"""Small plots with straight sides: laid without a search, and no worse for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import Polygon

from agri.weather import Wind
from missions.airspace.route import Place
from missions.coverage.tracks import swept
from missions.spray.order import wind_order
from missions.spray.plot import (
    even_widths,
    in_order,
    lines_of,
    plot_of,
    shares,
    sides_of,
)


@st.composite
def quadrilaterals(draw: st.DrawFn) -> Polygon:
    """A plot of 0.02 to 0.3 ha with sides that lean, turned anyhow."""
    wide, high = draw(st.floats(14.0, 45.0)), draw(st.floats(20.0, 60.0))
    lean = [draw(st.floats(-3.0, 3.0)) for _ in range(4)]
    corners = [(0, 0), (wide, lean[0]), (wide + lean[1], high + lean[2]), (lean[3], high)]
    return affinity.rotate(Polygon(corners), draw(st.floats(0.0, 360.0)), origin=(0, 0))


@settings(max_examples=60)
@given(quadrilaterals(), st.floats(2.5, 5.0))
def test_a_plot_is_sprayed_to_its_corners_and_not_beyond(plot: Polygon, width_m: float) -> None:
    found = plot_of(plot)
    assert found is not None
    assume(found.roomy(width_m))
    widths = even_widths(found, found.directions[0], width_m, 0.6 * width_m)
    assume(widths)
    ways = [*sides_of(found, widths[0]), *lines_of(found, found.directions[0], widths[0])]
    sprayed = swept(ways, widths[0])
    assert sprayed.difference(plot).area <= 0.0005 * plot.area
    assert sprayed.intersection(plot).area >= 0.975 * plot.area
    share, uneven = shares(found, ways, widths[0])
    assert share == pytest.approx(sprayed.intersection(plot).area / plot.area, abs=1e-4)
    inner = plot.buffer(-widths[0] / 2.0, join_style="mitre")
    times = [swept([way], widths[0]).intersection(inner).area for way in ways]
    missed = inner.difference(sprayed).area
    twice_m2 = sum(times) - (inner.area - missed)
    assert uneven == pytest.approx((missed + twice_m2) / inner.area, abs=2e-4)
    twice = sum(math.dist(*way) for way in ways) * widths[0] / sprayed.area - 1.0
    assert twice <= 0.08


@settings(max_examples=40)
@given(quadrilaterals())
def test_lines_fill_the_ground_at_an_even_width(plot: Polygon) -> None:
    found = plot_of(plot)
    assert found is not None
    direction_deg = found.directions[0]
    for width_m in even_widths(found, direction_deg, 4.0, 2.4):
        assert 2.4 <= width_m <= 4.0
        if found.roomy(width_m) and width_m < 4.0:
            count = found.extent_m(direction_deg, width_m) / width_m
            assert count == pytest.approx(round(count), abs=1e-3)


def test_a_right_angled_plot_is_sprayed_whole_and_once() -> None:
    found = plot_of(shapely.box(0, 0, 40, 24))
    assert found is not None
    ways = [*sides_of(found, 4.0), *lines_of(found, 90.0, 4.0)]
    assert len(ways) == 8
    share, uneven = shares(found, ways, 4.0)
    assert share >= 0.999
    assert uneven <= 0.001
    assert sum(math.dist(*way) for way in ways) * 4.0 == pytest.approx(40 * 24, rel=0.01)


@pytest.mark.parametrize(
    "shape",
    [
        Polygon([(0, 0), (40, 0), (40, 40), (20, 20), (0, 40)]),
        shapely.box(0, 0, 40, 40).difference(shapely.box(15, 15, 20, 20)),
        shapely.MultiPolygon([shapely.box(0, 0, 20, 20), shapely.box(30, 0, 50, 20)]),
        Polygon([(0, 0), (60, 0), (60, 15)]),
        Polygon([(0, 0), (40, 0), (44, 10), (40, 30), (0, 30), (-1, 15)]),
        shapely.box(0, 0, 200, 200),
    ],
    ids=["bent in", "hole", "parts", "sharp corner", "gentle bend", "large"],
)
def test_what_takes_a_search_is_no_plot(shape: Polygon) -> None:
    assert plot_of(shape) is None


def test_a_plot_too_narrow_for_a_line_between_the_edge_passes_is_not_roomy() -> None:
    found = plot_of(shapely.box(0, 0, 60, 9))
    assert found is not None
    assert found.roomy(4.0)
    assert not found.roomy(4.5)


def test_the_order_leaves_no_pass_out_and_is_shorter_than_the_plain_one() -> None:
    found = plot_of(shapely.box(0, 0, 40, 24))
    assert found is not None
    sides, lines = sides_of(found, 4.0), lines_of(found, 90.0, 4.0)
    home = (45.0, 29.0)
    given = [True] * len(sides) + [False] * len(lines)
    ways, kinds = in_order([*sides, *lines], given, home)
    assert {frozenset(way) for way in ways} == {frozenset(way) for way in [*sides, *lines]}
    assert [frozenset(way) in map(frozenset, sides) for way in ways] == list(kinds)
    assert _hops_m(ways, home) < _hops_m([*sides, *lines], home)
    assert _hops_m(ways, home) <= 110.0


def _hops_m(ways: Sequence[tuple[Place, ...]], home: Place) -> float:
    """Length of the ways between passes, from home and back."""
    ends = [(home, home), *ways, (home, home)]
    return sum(math.dist(a[1], b[0]) for a, b in pairwise(ends))


def test_without_wind_the_order_stays() -> None:
    ways = (((0.0, 0.0), (9.0, 0.0)), ((9.0, 4.0), (0.0, 4.0)))
    assert wind_order(ways, (False, False), (0.0, 0.0), Wind(speed_m_s=3.0)) == ways


SOUTH = Wind(speed_m_s=3.0, from_deg=180.0)
TWO_PARTS = tuple(
    ((x, y), (x + 50.0, y)) for x, first in ((0.0, 0.0), (80.0, 2.0)) for y in (first, first + 8.0)
)
"""Two parts of two lines each; from downwind to upwind one would go to and fro between them."""


def test_after_the_edge_lines_go_from_downwind_to_upwind_each_from_its_nearer_end() -> None:
    edge = ((0.0, 12.0), (0.0, 0.0), (50.0, 0.0), (50.0, 12.0))
    south, north = ((50.0, 5.0), (0.0, 5.0)), ((0.0, 9.0), (0.0, 8.5), (50.0, 9.0))
    found = wind_order((edge, south, north), (True, False, False), edge[0], SOUTH)
    assert found == (edge, north[::-1], south[::-1])


def test_where_downwind_first_is_too_far_about_the_sense_that_begins_downwind_is_flown() -> None:
    ways = TWO_PARTS
    back = tuple(way[::-1] for way in reversed(ways))
    middle = (65.0, 5.0)
    assert wind_order(ways, [False] * 4, middle, SOUTH) == back
    assert wind_order(ways, [False] * 4, middle, Wind(speed_m_s=3.0, from_deg=0.0)) == ways


def test_no_wind_makes_the_way_longer_than_it_is_worth() -> None:
    ways = TWO_PARTS
    assert wind_order(ways, [False] * 4, (-20.0, 0.0), SOUTH) == ways
