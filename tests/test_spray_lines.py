"""Directions, widths and passes of a spraying: chosen and cut so that the dose is even."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from agri.weather import Wind
from missions.coverage.tracks import Leg, LegKind, Track, swept
from missions.passes.route import Pass, SprayRoute
from missions.spray.directions import directions, flying_cost
from missions.spray.lines import Laid, lay_lines
from missions.spray.planning import Treatable, unevenly
from missions.spray.trimming import cut_passes
from missions.spray.widths import widths
from missions.sprayer.job import SpraySettings
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
TWO_HOLES = box(-30, -30, 30, 30).difference(
    shapely.union_all([box(6, 6, 18, 18), box(-18, -18, -12, -12)])
)


def asked(width_m: float) -> SpraySettings:
    return replace(CALM, swath_m=width_m)


def lay(ground: BaseGeometry, width_m: float) -> Laid:
    return lay_lines(ground, ground.buffer(30.0).convex_hull, (-40.0, -40.0), asked(width_m))


def uneven(ground: BaseGeometry, laid: Laid) -> float:
    """What is missed or sprayed twice half a width from the edge on, as a share of that ground."""
    inner = ground.buffer(-laid.width_m / 2.0)
    strips = [swept([work.points], laid.width_m).intersection(inner) for work in laid.passes]
    once = shapely.union_all(strips).area
    return (sum(strip.area for strip in strips) - once + inner.area - once) / inner.area


@pytest.mark.parametrize("width_m", [4.0, 6.0, 9.0])
@pytest.mark.parametrize("turn_deg", [0.0, 33.0])
def test_a_field_with_holes_gets_an_even_dose(width_m: float, turn_deg: float) -> None:
    ground = affinity.rotate(TWO_HOLES, turn_deg, origin=(0, 0))
    laid = lay(ground, width_m)
    assert uneven(ground, laid) <= 0.012
    covered = swept([work.points for work in laid.passes], laid.width_m).intersection(ground)
    assert covered.area >= 0.99 * ground.area


def test_each_ring_is_closed_by_its_own_last_side() -> None:
    rings = [
        Leg(kind=LegKind.EDGE, points=((3, 3), (57, 3), (57, 37), (3, 37), (3, 3))),
        Leg(kind=LegKind.EDGE, points=((37, 17), (23, 17), (23, 23), (37, 23), (37, 17))),
    ]
    ground = box(0, 0, 60, 40)
    ways = [way for way, _ in cut_passes(rings, ground, 6.0)]
    strips = [swept([way], 6.0) for way in ways]
    assert sum(strip.area for strip in strips) <= 1.01 * shapely.union_all(strips).area


def test_a_side_that_a_line_sprays_as_it_passes_is_left_to_the_line() -> None:
    legs = [
        Leg(kind=LegKind.EDGE, points=((20, 10), (40, 10))),
        Leg(kind=LegKind.LINE, points=((0, 10), (80, 10))),
    ]
    found = cut_passes(legs, box(0, 0, 80, 20), 4.0)
    assert [edge for _, edge in found] == [False]


def test_a_line_rests_where_sides_have_sprayed_its_ground() -> None:
    legs = [
        Leg(kind=LegKind.EDGE, points=((30, 10.5), (60, 10.5), (60, 30))),
        Leg(kind=LegKind.LINE, points=((0, 10), (90, 10))),
    ]
    lines = [way for way, edge in cut_passes(legs, box(0, 0, 90, 40), 4.0) if not edge]
    assert [round(way[0][0]) for way in lines] == [0, 62]
    assert [round(way[1][0]) for way in lines] == [30, 90]


def test_a_line_flies_on_over_a_gap_too_short_for_a_run_up() -> None:
    legs = [
        Leg(kind=LegKind.EDGE, points=((40, 0), (40, 40))),
        Leg(kind=LegKind.LINE, points=((0, 10), (90, 10))),
    ]
    lines = [way for way, edge in cut_passes(legs, box(0, 0, 90, 40), 4.0) if not edge]
    assert len(lines) == 1


def test_directions_along_the_sides_are_looked_at_beside_the_quickest() -> None:
    ground = affinity.rotate(box(-50, -40, 50, 40), 20.0, origin=(0, 0))
    found = directions(ground, 76.6, CALM, None)
    assert found[0] == pytest.approx(76.6)
    assert any(abs(math.remainder(angle_deg - 70.0, 180.0)) < 0.01 for angle_deg in found)


def test_a_narrower_width_divides_the_ground_evenly() -> None:
    found = widths(box(0, 0, 100, 33), 90.0, asked(6.0), 20.0)
    assert any(width_m == pytest.approx(5.5, abs=0.01) for width_m in found)


def test_flying_along_the_wind_costs_more_than_across_it() -> None:
    windy = replace(CALM, wind=Wind(speed_m_s=3.0, from_deg=0.0))
    north, east = (
        [Track(LegKind.LINE, shapely.get_coordinates(shapely.LineString([(0, 0), end])))]
        for end in ((0, 100), (100, 0))
    )
    assert flying_cost(north, windy, None) > 1.05 * flying_cost(east, windy, None)
    assert flying_cost(north, CALM, None) == pytest.approx(flying_cost(east, CALM, None))


def test_a_trapezoid_is_not_left_with_a_long_wedge_sprayed_twice() -> None:
    ground = Polygon([(-106, -58), (106, -42), (85, 58), (-93, 28)])
    assert uneven(ground, lay(ground, 6.0)) <= 0.0095


def test_a_pass_does_not_bend_where_the_sprayer_is_switched_off() -> None:
    """Too near before a bend an off may be lost; given sooner it would leave metres unsprayed."""
    ground = Polygon([(-30, -30), (30, -30), (32.5, -29.1), (34, 0), (-30, 0)])
    laid = lay(ground, 4.0)
    empties_m = CALM.speed_m_s * CALM.sprayer.hose_s
    bent = [work for work in laid.passes if len(work.points) > 2]
    assert bent
    for work in bent:
        assert math.dist(*work.points[-2:]) >= empties_m - 0.1 - 1e-9
    covered = swept([work.points for work in laid.passes], laid.width_m)
    assert covered.difference(ground.buffer(0.05)).area < 0.1
    assert covered.intersection(ground).area >= 0.98 * ground.area


def test_ground_that_is_begun_too_late_for_want_of_room_is_told_as_missed() -> None:
    ground = box(0, 0, 40, 30)
    lines = tuple(
        Pass(points=((2.5 + 5.0 * n, 0.0), (2.5 + 5.0 * n, 30.0)), width_m=5.0, rate_l_ha=20.0,
             speed_m_s=4.0) for n in range(8)
    )  # fmt: skip
    roomy = SprayRoute(passes=lines, home=(0.0, 0.0), allowed=ground.buffer(20.0),
                       treatable=ground, angle_deg=0.0)  # fmt: skip
    treatable = Treatable(area=ground, dropped=Polygon())
    assert not list(unevenly(roomy, treatable, asked(5.0)))
    [found] = unevenly(replace(roomy, allowed=ground), treatable, asked(5.0))
    assert found.key == "finding.spray_missed"
    assert 3.0 < dict(found.message.values)["percent"] < 6.0


def test_a_ring_begun_beside_its_corner_is_cut_as_one_begun_there() -> None:
    """Made straighter from a start on its side, it leant into the hole it runs round."""
    hole = box(-6.0, -6.0, 6.0, 6.0)
    ground = box(-40.0, -40.0, 40.0, 40.0).difference(hole)
    corners = [(9.0, -9.0), (-9.0, -9.0), (-9.0, 9.0), (9.0, 9.0)]
    beside = (9.0, -8.961)
    cut = [
        cut_passes([Leg(kind=LegKind.EDGE, points=tuple(ring))], ground, 6.0)
        for ring in ([*corners, corners[0]], [beside, *corners, beside])
    ]
    ways = [sorted(np.round(way, 6).tolist() for way, _ in passes) for passes in cut]
    assert ways[0] == ways[1]


@settings(max_examples=8, database=None)
@given(turn_deg=st.floats(-180.0, 180.0))
def test_lines_of_two_widths_are_flown_whichever_way_they_lie(turn_deg: float) -> None:
    """Some lines between the holes are two widths long but for millimetres: none may be lost."""
    ground = affinity.rotate(TWO_HOLES, turn_deg, origin=(0, 0))
    assert uneven(ground, lay(ground, 4.0)) <= 0.012


def test_no_pass_bends_a_hands_width_before_its_end() -> None:
    """So short a leg is off its swath once its ends are rounded on the wire."""
    way = ((0.0, 0.0), (30.0, 0.0), (35.0, 0.9))
    ground = box(-10.0, -10.0, 30.42, 10.0)
    [(cut, _)] = cut_passes([Leg(kind=LegKind.LINE, points=way)], ground, 4.0)
    assert 30.0 < cut[-1][0] < 30.1
    assert len(cut) == 2


def test_no_pass_ends_with_a_leg_on_which_its_boom_only_turns() -> None:
    """There the boom's inner end would go backwards, and the strip cross itself."""
    way = ((0.0, 0.0), (30.0, 0.0), (35.0, 1.4))
    for far_m, points in ((30.2, 2), (33.0, 3)):
        ground = box(-10.0, -10.0, far_m, 12.0)
        [(cut, _)] = cut_passes([Leg(kind=LegKind.LINE, points=way)], ground, 6.0)
        [(back, _)] = cut_passes([Leg(kind=LegKind.LINE, points=way[::-1])], ground, 6.0)
        assert len(cut) == len(back) == points
        assert cut[-1][0] >= 29.5
