"""Fitted lines: as many as it takes, evenly, as far as their ground and no further."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from missions.coverage.scanlines import chord_lengths, chords, edges_of
from missions.coverage.swaths import Fit, cut_strips, line_count, sweep_cost
from tests.strategies import KINDS, fields

WEDGE = Polygon([(0, 0), (100, 0), (100, 40), (0, 10)])


@given(extent_m=st.floats(0.1, 5_000.0), width_m=st.floats(0.5, 60.0))
def test_lines_are_as_few_as_cover_the_extent(extent_m: float, width_m: float) -> None:
    count = line_count(extent_m, width_m)
    assert count * width_m * 1.0041 >= extent_m
    assert count == 1 or (count - 1) * width_m < extent_m


@settings(max_examples=40, deadline=None)
@given(field=fields(max_ha=5.0), share=st.floats(0.01, 0.99))
def test_scan_lines_measure_what_cutting_the_area_does(field: BaseGeometry, share: float) -> None:
    west, low, east, high = field.bounds
    y = low + share * (high - low)
    cut = field.intersection(LineString([(west - 1, y), (east + 1, y)]))
    edges, at = edges_of(field), np.array([y])
    assert chord_lengths(edges, at)[0] == pytest.approx(cut.length, abs=1e-3 * (east - west))
    pieces = chords(edges, at)[0]
    assert sum(b - a for a, b in pieces) == pytest.approx(chord_lengths(edges, at)[0])


@settings(max_examples=40, deadline=None)
@given(
    field=fields(max_ha=2.0, kinds=tuple(k for k in KINDS if k != "sliver")),
    direction_deg=st.floats(0.0, 180.0),
)
def test_untrimmed_lines_leave_nothing_of_the_ground(
    field: BaseGeometry, direction_deg: float
) -> None:
    strips = cut_strips(field, direction_deg, width_m=5.0)
    swaths = [LineString(line).buffer(2.5, cap_style="flat") for line in strips.lines()]
    left = field.difference(shapely.union_all(swaths, grid_size=1e-6).buffer(0.05))
    assert strips.spacing_m <= 5.0
    assert left.area <= 0.01 * field.area


@pytest.mark.parametrize("turn_deg", [0.0, 17.0, 140.0])
def test_flat_ends_stay_inside_the_field(turn_deg: float) -> None:
    field = affinity.rotate(WEDGE, turn_deg, origin=(0, 0))
    lines = cut_strips(field, 20.0 - turn_deg, width_m=4.0).lines(field=field)
    assert lines
    for line in lines:
        tip = LineString(line).buffer(2.0, cap_style="flat")
        assert tip.difference(field.buffer(0.02)).area <= 0.02 * tip.area


def test_trimmed_lines_end_where_their_strip_grows_thin() -> None:
    tip = Polygon([(0, 0), (80, 0), (0, 4)])
    (line,) = cut_strips(tip, 90.0, width_m=4.0).lines(trim=0.25)
    assert line[:, 0].tolist() == pytest.approx([0.0, 60.0])


def test_a_line_flown_for_a_sliver_may_be_left_out() -> None:
    even = cut_strips(WEDGE, 90.0, width_m=9.0)
    fewer = cut_strips(WEDGE, 90.0, width_m=9.0, fit=Fit.FEWER)
    assert len(even.lines()) == 5
    assert len(fewer.lines()) == 4
    covered = [LineString(line).buffer(4.5, cap_style="flat") for line in fewer.lines()]
    assert WEDGE.difference(shapely.union_all(covered)).area <= 0.03 * WEDGE.area


def test_lines_from_one_side_lie_at_full_width_from_it() -> None:
    ground = box(0, 0, 100, 20)
    low = sorted(line[0, 1] for line in cut_strips(ground, 90.0, width_m=6.0, fit=Fit.LOW).lines())
    high = sorted(
        line[0, 1] for line in cut_strips(ground, 90.0, width_m=6.0, fit=Fit.HIGH).lines()
    )
    assert low == pytest.approx([3.0, 9.0, 15.0, 21.0], abs=0.01)
    assert high == pytest.approx([-1.0, 5.0, 11.0, 17.0], abs=0.01)


def test_sweeping_along_the_longer_side_costs_less_and_what_cannot_be_left_out_infinitely() -> None:
    def cost(direction_deg: float, fit: Fit = Fit.EVEN) -> float:
        return sweep_cost(
            box(0, 0, 120, 40),
            direction_deg,
            width_m=8.0,
            speed_m_s=5.0,
            acceleration_m_s2=2.5,
            fit=fit,
        )

    assert cost(90.0) < cost(0.0)
    assert cost(90.0) == pytest.approx(5 * 120 / 5.0 + 5 * (8.0 / 5.0 + 4.0))
    assert math.isinf(cost(90.0, Fit.FEWER))
