"""What a spraying chooses among, and by what: directions, widths and drafts, worked apart.

The oracles here know geometry and the rooms' documented formulas, not the rooms' code.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from agri.weather import Wind
from missions.coverage.swaths import sweep_cost, turn_matrix
from missions.coverage.ties import ranked
from missions.coverage.tracks import Leg, LegKind
from missions.passes.route import Pass
from missions.spray.directions import directions, flying_cost, plot_directions
from missions.spray.lines import (
    _cut,
    _Draft,
    _ending_straight,
    _over_plot,
    _plot_draft,
    _scores,
    _Task,
    lay_lines,
)
from missions.spray.order import wind_order
from missions.spray.plot import Plot, plot_of, tracks_over
from missions.spray.widths import _promises, widths
from missions.sprayer.job import SpraySettings
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
SWATH = CALM.swath_m
ACCELERATION = CALM.sprayer.aircraft.acceleration_m_s2
SIDES, PROMISING, WAY = 4, 2, 0.07
EVEN, EVEN_WORTH, MISSED, UNEVEN, NEARLY = 0.0095, 0.35, 4.0, 1.0, 0.005


def plot(shape: Polygon) -> Plot:
    found = plot_of(shape)
    assert found is not None
    return found


def aside(one_deg: float, other_deg: float) -> float:
    return abs(math.remainder(one_deg - other_deg, 180.0))


# ---- directions along and across the sides


def sides_of_ring(shape: Polygon) -> list[tuple[float, float]]:
    """Bearing and length of every side."""
    return [
        (math.degrees(math.atan2(b[0] - a[0], b[1] - a[1])), math.dist(a, b))
        for a, b in pairwise(shape.exterior.coords)
    ]


def teeth_m2(shape: Polygon, angle_deg: float, width_m: float) -> float:
    """Two triangles for each line that meets a side at a slant: (w / 2)² / tan(a) / 2 each."""
    total = 0.0
    for bearing_deg, long_m in sides_of_ring(shape):
        a = math.radians(aside(bearing_deg, angle_deg))
        if math.degrees(a) > 0.25:
            lines = long_m * math.sin(a) / width_m
            total += lines * 2.0 * (width_m / 2.0) ** 2 / math.tan(a) / 2.0 if a < 1.57 else 0.0
    return total


def apart(angles: list[float]) -> list[float]:
    found: list[float] = []
    for angle_deg in angles:
        if all(aside(angle_deg, other) > 0.5 for other in found):
            found.append(angle_deg % 180.0)
    return found


def promising(tried: list[float], promises: list[float]) -> list[float]:
    """The two that promise most; of those as good but for 0.002, the longer side's."""
    return [tried[k] for k in ranked(promises, 2, tie=0.002)]


SLANTED = [
    Polygon([(0, 0), (210, 0), (250, 70), (25, 95)]),
    Polygon([(0, 0), (180, 30), (150, 120), (-30, 90)]),
    Polygon([(0, 0), (120, -20), (190, 60), (90, 150), (-20, 80)]),
    Polygon([(0, 0), (300, 0), (340, 60), (40, 60)]),
    Polygon([(0, 0), (90, 0), (160, 120), (70, 120)]),
    Polygon([(0, 0), (60, -70), (240, 10), (150, 110)]),
    Polygon([(0, 0), (140, 10), (120, 90), (60, 130), (5, 80)]),
    Polygon([(0, 0), (87, 5), (85, 130), (-17, 120)]),  # three directions nearly as good
    Polygon([(0, 0), (202, 0), (200, 81.2), (0, 80)]),  # sides that lie a third of a degree apart
    Polygon([(0, 0), (202, 0), (200, 82.5), (0, 80)]),  # and two thirds
]


@pytest.mark.parametrize("edge_pass", [True, False])
@pytest.mark.parametrize("field", SLANTED)
def test_of_the_sides_directions_those_with_least_teeth_for_their_time_are_laid_out(
    field: Polygon, edge_pass: bool
) -> None:
    asked = replace(CALM, edge_pass=edge_pass)
    sides = sorted(sides_of_ring(field), key=lambda side: -side[1])[:SIDES]
    tried = apart([b for b, _ in sides] + [b + 90.0 for b, _ in sides])
    inner = field.buffer(-SWATH, join_style="mitre") if edge_pass else field
    times = [
        sweep_cost(inner, b, width_m=SWATH, speed_m_s=CALM.speed_m_s,
                   acceleration_m_s2=ACCELERATION)
        for b in tried
    ]  # fmt: skip
    promises = [
        teeth_m2(inner, b, SWATH) / field.area + WAY * time_s / min(times)
        for b, time_s in zip(tried, times, strict=True)
    ]
    quickest = 37.7
    assert all(aside(quickest, b) > 0.5 for b in tried)
    found = directions(field, quickest, asked, None)
    assert found[0] == quickest
    assert sorted(found[1:]) == pytest.approx(sorted(promising(tried, promises)), abs=1e-6)


@pytest.mark.parametrize("field", [affinity.scale(field, 0.45, 0.45) for field in SLANTED])
@pytest.mark.parametrize("blown", [Wind(speed_m_s=0.0), Wind(speed_m_s=3.0, from_deg=61.0)])
def test_over_a_small_plot_flying_the_tracks_stands_for_the_time(
    field: Polygon, blown: Wind
) -> None:
    asked = replace(CALM, wind=blown)
    small = plot(field)
    own = small.directions
    more = [] if blown.from_deg is None else [blown.from_deg + 90.0, own[0] + 90.0]
    tried = apart([*own, *more])
    costs = [flying_cost(tracks_over(small, b, SWATH), asked, None) for b in tried]
    inner = field.buffer(-SWATH, join_style="mitre")
    promises = [
        teeth_m2(inner, b, SWATH) / field.area + WAY * cost / min(costs)
        for b, cost in zip(tried, costs, strict=True)
    ]
    found = plot_directions(small, asked, None)
    assert len(found) == PROMISING
    assert sorted(found) == pytest.approx(sorted(promising(tried, promises)), abs=1e-6)


def test_clipped_corners_do_not_hide_the_long_sides() -> None:
    clipped = Polygon([(7, 0), (192, 0), (200, 5), (200, 84), (194, 90), (3, 90), (0, 81), (0, 4)])
    found = directions(clipped, 41.0, CALM, None)
    assert min(aside(b, 90.0) for b in found) < 0.01
    assert min(aside(b, 0.0) for b in found) < 0.01


def test_sides_shorter_than_the_four_longest_are_not_looked_at() -> None:
    """Stairs at 30° would leave no teeth, but each step is shorter than the four sides."""
    steps = [(0.0, 0.0)]
    for _ in range(9):
        (e, n), turn = steps[-1], math.radians(30.0)
        steps += [(e + 9.0 * math.cos(turn), n + 9.0 * math.sin(turn))]
        e, n = steps[-1]
        steps += [(e + 9.0 * math.sin(turn), n - 9.0 * math.cos(turn))]
    stairs = Polygon([*steps, (160.0, 40.0), (110.0, 120.0), (10.0, 135.0), (-30.0, 60.0)])
    assert stairs.is_valid
    found = directions(stairs, 41.3, replace(CALM, edge_pass=False), None)
    assert all(aside(b, 60.0) > 1.0 and aside(b, 150.0) > 1.0 for b in found[1:])
    assert len(found) == 1 + PROMISING


# ---- which draft is flown


def draft(**figures: float) -> _Draft:
    plain = {"missed": 0.01, "twice": 0.02, "uneven": 0.005, "cost": 100.0}
    return _Draft(ways=(), kinds=(), angle_deg=0.0, width_m=5.0, **{**plain, **figures})


def test_what_is_sprayed_twice_missed_uneven_and_dearer_is_weighed() -> None:
    plain, other = draft(), draft(missed=0.012, twice=0.05, uneven=0.007, cost=110.0)
    found = _scores([plain, other])
    assert found[0] == pytest.approx(0.02 + 0.005 + MISSED * 0.01)
    assert found[1] == pytest.approx(0.05 + 0.007 + MISSED * 0.012 + WAY * 0.1)


@pytest.mark.parametrize(
    ("figures", "even"),
    [
        ({"uneven": EVEN}, True), ({"uneven": EVEN + 1e-6}, False),
        ({"cost": 100.0 * (1.0 + EVEN_WORTH) - 1e-6}, True),
        ({"cost": 100.0 * (1.0 + EVEN_WORTH) + 1e-4}, False),
        ({"missed": 0.01 + NEARLY}, True), ({"missed": 0.01 + NEARLY + 1e-6}, False),
    ],
)  # fmt: skip
def test_a_draft_is_even_up_to_a_hundredth_a_third_dearer_and_nearly_as_full(
    figures: dict[str, float], even: bool
) -> None:
    one = draft(**figures)
    weighed = one.twice + one.uneven + MISSED * one.missed + WAY * (one.cost / 100.0 - 1.0)
    assert _scores([draft(), one])[1] == pytest.approx(weighed + (0.0 if even else UNEVEN))


def test_a_cheap_flight_that_misses_ground_makes_no_other_dear() -> None:
    cheap = draft(missed=0.2, cost=10.0)
    whole, missing = _scores([draft(), cheap])
    assert whole == pytest.approx(0.02 + 0.005 + MISSED * 0.01)
    assert missing > whole


# ---- how a draft is measured


def task(ground: Polygon | MultiPolygon, asked: SpraySettings = CALM) -> _Task:
    allowed = ground.buffer(40.0).convex_hull
    return _Task(ground, shapely.union(allowed, ground), allowed, (-20.0, -20.0), asked)


def row(north_m: float, west_m: float = 0.0, east_m: float = 60.0) -> Leg:
    return Leg(kind=LegKind.LINE, points=((west_m, north_m), (east_m, north_m)))


def test_lines_over_a_rectangle_are_measured_in_shares_of_it() -> None:
    """60 m by 30 m in swaths of 5 m: even ground is what lies 2.5 m from the border on."""
    ground = box(0, 0, 60, 30)
    norths = [2.5, 7.5, 12.5, 17.5, 22.5, 27.5]
    whole = _cut(task(ground), [row(n) for n in norths], 270.0, 5.0)
    assert (whole.angle_deg, whole.width_m, whole.kinds) == (90.0, 5.0, (False,) * 6)
    assert whole.missed == pytest.approx(0.0, abs=1e-3)
    assert whole.twice == pytest.approx(0.0, abs=1e-3)
    assert whole.uneven == pytest.approx(0.0, abs=1e-3)
    gap = _cut(task(ground), [row(n) for n in norths if n != 12.5], 90.0, 5.0)
    assert gap.missed == pytest.approx(1.0 / 6.0, abs=1e-3)
    assert gap.twice == pytest.approx(0.0, abs=1e-3)
    assert gap.uneven == pytest.approx(55.0 * 5.0 / (55.0 * 25.0), abs=2e-3)
    lapped = _cut(task(ground), [row(n) for n in (2.5, 6.5, 12.5, 17.5, 22.5, 27.5)], 90.0, 5.0)
    assert lapped.missed == pytest.approx(1.0 / 30.0, abs=1e-3)
    assert lapped.twice == pytest.approx(30.0 / 29.0 - 1.0, abs=1e-3)
    assert lapped.uneven == pytest.approx((1.0 + 1.0) / 25.0, abs=2e-3)


def test_ground_no_wider_than_a_swath_is_not_uneven() -> None:
    thin = _cut(task(box(0, 0, 60, 5)), [row(2.5)], 90.0, 5.0)
    assert thin.uneven == 0.0
    assert thin.missed == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("width_m", [5.0, 4.2, 3.4])
def test_a_plots_draft_is_measured_as_any_other(width_m: float) -> None:
    """Its shares against the union and the sum of its strips, on the plot itself."""
    ground = Polygon([(0, 0), (62, 4), (55, 38), (-6, 30)])
    found = _plot_draft(plot(ground), 86.0, width_m)
    strips = [LineString(way).buffer(width_m / 2.0, cap_style="flat") for way in found.ways]
    once = shapely.union_all(strips)
    inner = ground.buffer(-width_m / 2.0, join_style="mitre")
    assert found.missed == pytest.approx(
        1.0 - once.intersection(ground).area / ground.area, abs=1e-6
    )
    work_m2 = sum(strip.area for strip in strips)
    assert found.twice == pytest.approx(work_m2 / once.intersection(ground).area - 1.0, abs=1e-6)
    given = sum(strip.intersection(inner).area for strip in strips)
    uneven = (given + inner.area - 2.0 * once.intersection(inner).area) / inner.area
    assert found.uneven == pytest.approx(uneven, abs=1e-6)
    assert found.kinds == (True,) * 4 + (False,) * (len(found.ways) - 4)
    assert (found.angle_deg, found.width_m) == (86.0, width_m)


# ---- which widths


@pytest.mark.parametrize("angle_deg", [90.0, 0.0])
@pytest.mark.parametrize("edge_pass", [True, False])
@pytest.mark.parametrize("width_m", [4.9, 4.1, 3.3])
def test_a_rectangle_promises_what_its_lines_overlap_and_the_way_grows(
    width_m: float, edge_pass: bool, angle_deg: float
) -> None:
    """The edge's own swath overlaps nothing; n lines of the width lie on the extent it leaves."""
    asked = replace(CALM, edge_pass=edge_pass)
    ground = box(0, 0, 140, 61)
    rest_m = (61.0 if angle_deg else 140.0) - (2.0 * width_m if edge_pass else 0.0)
    long_m = (140.0 if angle_deg else 61.0) - (2.0 * width_m if edge_pass else 0.0)
    count = math.ceil(rest_m / (width_m * 1.004))
    overlap_m2 = (count * width_m - rest_m) * long_m
    expected = overlap_m2 / ground.area + WAY * (SWATH / width_m - 1.0)
    found = _promises(ground, width_m, turn_matrix(angle_deg), asked)
    assert found == (pytest.approx(expected, abs=1e-6), pytest.approx(expected, abs=1e-6))


def test_two_parts_promise_the_sum_of_what_each_overlaps() -> None:
    asked = replace(CALM, edge_pass=False)
    parts = MultiPolygon([box(0, 0, 100, 22), box(0, 200, 60, 231)])
    overlap_m2 = (6 * 4.0 - 22.0) * 100.0 + (8 * 4.0 - 31.0) * 60.0
    expected = overlap_m2 / parts.area + WAY * 0.25
    found = _promises(parts, 4.0, turn_matrix(90.0), asked)
    assert found == (pytest.approx(expected, abs=1e-6), pytest.approx(expected, abs=1e-6))


def test_an_arm_is_told_by_its_own_chords() -> None:
    """An L: 100 m by 12 m with an arm of 20 m to 33 m. At 4 m the even spread laps a yard over;

    from below 3 lines of 100 m fill the foot and 6 of 20 m the arm, 3 m over its end.
    """
    asked = replace(CALM, edge_pass=False)
    ell = box(0, 0, 100, 12).union(box(0, 12, 20, 33))
    even, arms = _promises(ell, 4.0, turn_matrix(90.0), asked)
    more_way = WAY * 0.25
    assert even == pytest.approx(36.0 / 33.0 - 1.0 + more_way)
    low_m2 = (3 * 100.0 + 6 * 20.0) * 4.0
    assert arms == pytest.approx((low_m2 - ell.area) / ell.area + more_way, abs=2e-3)


def test_an_edge_that_goes_up_and_down_a_narrow_arm_sprays_it_twice() -> None:
    """An arm one and a half widths wide: each side's swath takes a width of it."""
    width_m = 4.0
    ground = box(0, 0, 100, 60).union(box(100, 20, 160, 26))
    ring_m2 = (2 * (160.0 + 60.0) - 4.0 * width_m) * width_m
    rest_m2 = 92.0 * 52.0
    edge_m2 = ring_m2 - (6360.0 - rest_m2)
    assert edge_m2 > 100.0
    even, arms = _promises(ground, width_m, turn_matrix(90.0), CALM)
    more_way = WAY * 0.25
    assert even == pytest.approx(edge_m2 / 6360.0 + more_way, abs=1e-6)
    assert arms == pytest.approx(edge_m2 / 6360.0 + more_way, abs=1e-6)


@pytest.mark.parametrize("upside_down", [False, True])
def test_a_line_over_a_slant_is_as_long_as_its_strip_where_that_is_longest(
    upside_down: bool,
) -> None:
    """A triangle 100 m by 20 m: four lines of 5 m, each nearly as long as its strip's foot."""
    shape = Polygon([(0, 0), (100, 0), (30, 20)])
    shape = affinity.scale(shape, 1.0, -1.0) if upside_down else shape
    _, arms = _promises(shape, 5.0, turn_matrix(90.0), replace(CALM, edge_pass=False))
    feet_m = sum(100.0 * (1.0 - 5.0 * k / 20.0) for k in range(4))
    assert feet_m * 5.0 / 1000.0 - 1.0 >= arms >= feet_m * 5.0 / 1000.0 - 1.0 - 0.02


@pytest.mark.parametrize("share", [-0.24, 0.003, 0.23])
def test_a_single_line_is_as_long_as_what_it_sprays_is_anywhere(share: float) -> None:
    bulge = Polygon([(0, 0), (50, (0.5 + share) * 5), (0, 5), (-50, (0.5 + share) * 5)])
    _, arms = _promises(bulge, 5.0, turn_matrix(90.0), replace(CALM, edge_pass=False))
    assert arms == pytest.approx(1.0, abs=1e-6)  # 100 m by 5 m over half as much ground


def test_an_even_division_promises_most_and_is_told_first() -> None:
    """58 m less two edges in w-wide lines: w = 58 / n; nothing overlaps, the way grows least."""
    found = widths(box(0, 0, 200, 58), 90.0, CALM, 20.0)
    assert 58.0 / 12 <= found[0] <= 58.0 / 12 + 0.05
    plain = replace(CALM, edge_pass=False)
    found = widths(box(0, 0, 200, 58), 0.0, replace(plain, swath_m=4.9), 20.0)
    assert found[0] == pytest.approx(200.0 / 41.0 * 1.0005)


# ---- which order


def test_of_two_ways_that_stand_alike_the_one_that_goes_upwind_is_flown() -> None:
    """Edge first as it comes is a third longer; line first and edge first backwards are equal."""
    line, edge = ((100.0, 20.0), (0.0, 20.0)), ((0.0, 0.0), (100.0, 0.0))
    start = (100.0, 10.0)

    def flown(from_deg: float) -> tuple[object, ...]:
        wind = Wind(speed_m_s=3.0, from_deg=from_deg)
        return wind_order((line, edge), (False, True), start, wind)

    assert flown(180.0) == (line, edge)
    assert flown(0.0) == (edge[::-1], line[::-1])


def test_work_goes_downwind_where_the_way_to_begin_downwind_is_too_long() -> None:
    """120 m as it comes; upwind each line from its nearer end 130 m, all backwards 142 m."""
    ways = (
        ((0.0, 0.0), (30.0, 0.0)), ((30.0, 5.0), (0.0, 5.0)), ((0.0, 10.0), (30.0, 10.0)),
    )  # fmt: skip
    wind = Wind(speed_m_s=3.0, from_deg=180.0)
    assert wind_order(ways, (False,) * 3, (0.0, -20.0), wind) == ways
    assert wind_order(ways, (False,) * 3, (0.0, -60.0), wind)[0] == ((0.0, 10.0), (30.0, 10.0))


def test_every_way_has_its_kind() -> None:
    ways = (((0.0, 0.0), (9.0, 0.0)), ((9.0, 5.0), (0.0, 5.0)))
    with pytest.raises(ValueError, match="zip"):
        wind_order(ways, (False,), (0.0, 0.0), Wind(speed_m_s=3.0, from_deg=0.0))


# ---- the whole laying


def laid(ground: Polygon, asked: SpraySettings) -> tuple[Pass, ...]:
    return lay_lines(ground, ground.buffer(30.0).convex_hull, (-20.0, -20.0), asked).passes


def test_without_the_edge_lines_run_from_border_to_border() -> None:
    found = laid(box(0, 0, 60, 30), replace(CALM, edge_pass=False, angle_deg=90.0))
    assert sorted(work.points[0][1] for work in found) == pytest.approx(
        [2.5, 7.5, 12.5, 17.5, 22.5, 27.5], abs=0.01
    )
    assert [work.length_m for work in found] == pytest.approx([60.0] * 6, abs=0.03)


@pytest.mark.parametrize("edge_pass", [True, False])
def test_a_direction_and_its_opposite_are_the_same_lines(edge_pass: bool) -> None:
    field = Polygon([(0, 0), (40, 4), (35, 26), (-6, 20)])
    asked = replace(CALM, edge_pass=edge_pass)
    one = laid(field, replace(asked, angle_deg=20.0))
    other = laid(field, replace(asked, angle_deg=200.0))
    assert np.concatenate([work.points for work in one]) == pytest.approx(
        np.concatenate([work.points for work in other]), abs=0.005
    )


def test_lines_across_the_asked_ones_come_second_and_as_wide() -> None:
    ground = box(0, 0, 60, 40)
    asked = replace(CALM, edge_pass=False, crosshatch=True, angle_deg=90.0)
    found = laid(ground, asked)
    bearing = [aside(math.degrees(math.atan2(w.points[1][0] - w.points[0][0],
                                             w.points[1][1] - w.points[0][1])), 90.0)
               for w in found]  # fmt: skip
    assert bearing == pytest.approx([0.0] * 8 + [90.0] * 12, abs=0.1)
    assert {(w.width_m, w.rate_l_ha) for w in found} == {(found[0].width_m, 10.0)}


@pytest.mark.parametrize("home", [(-20.0, -20.0), (90.0, 15.0), (30.0, 70.0), (30.0, -40.0)])
@pytest.mark.parametrize("angle_deg", [5.0, 90.0, 175.0])
def test_an_asked_direction_is_told_as_asked_wherever_the_pad_is(
    angle_deg: float, home: tuple[float, float]
) -> None:
    ground = box(0, 0, 60, 30)
    found = lay_lines(
        ground, ground.buffer(80.0).convex_hull, home, replace(CALM, angle_deg=angle_deg)
    )
    assert found.angle_deg == pytest.approx(angle_deg, abs=1e-6)


def test_a_plot_is_laid_at_the_width_that_divides_it() -> None:
    for north_m in (31.0, 33.0):
        found = laid(box(0, 0, 60, north_m), replace(CALM, angle_deg=90.0))
        assert [w.width_m for w in found] == pytest.approx([north_m / 7.0] * len(found), abs=2e-3)


def test_a_plot_whose_corner_is_shut_is_not_laid_from_its_sides_alone() -> None:
    ground = box(0, 0, 60, 30)
    free = task(ground)
    assert _over_plot(free, None, 20.0) is not None
    shut = replace(free, allowed=free.allowed.difference(box(50, 20, 70, 40)))
    assert _over_plot(shut, None, 20.0) is None
    assert _over_plot(task(ground, replace(CALM, edge_pass=False)), None, 20.0) is None
    assert _over_plot(task(ground, replace(CALM, crosshatch=True)), None, 20.0) is None
    assert _over_plot(task(ground, replace(CALM, swath_m=14.8)), None, 20.0) is None


def test_the_second_layer_begins_at_the_end_nearer_to_where_the_first_ended() -> None:
    asked = replace(CALM, edge_pass=False, crosshatch=True, angle_deg=90.0,
                    wind=Wind(speed_m_s=3.0, from_deg=80.0))  # fmt: skip
    for north_m in (35.0, 40.0):  # seven lines end on one side, eight on the other
        ground = box(0, 0, 60, north_m)
        found = lay_lines(ground, ground.buffer(30.0).convex_hull, (-9.0, -9.0), asked).passes
        first = [w for w in found if abs(w.points[0][1] - w.points[-1][1]) < 0.01]
        assert found[: len(first)] == tuple(first)
        here, second = first[-1].points[-1], found[len(first)].points
        assert math.dist(here, second[0]) < math.dist(here, second[-1])


# ---- where the sprayer is switched off

BENT = ((5.0, 10.0), (49.0, 10.0), (50.0, 10.35))
"""Its last bend lies 1.06 m before its end; 2.1 m long is what the hose still sprays at 7 m/s."""
FAST = replace(CALM, speed_m_s=7.0)


def test_a_bend_where_the_sprayer_is_switched_off_is_flown_before() -> None:
    found = _ending_straight(task(box(0, 0, 60, 30), FAST), BENT, 5.0)
    assert len(found) == 3
    assert (found[0], found[-1]) == (BENT[0], pytest.approx(BENT[-1]))
    assert math.dist(found[1], found[2]) == pytest.approx(7.0 * 0.3, abs=0.05)
    assert _ending_straight(task(box(0, 0, 60, 30), FAST), BENT[:2], 5.0) == BENT[:2]


def test_it_is_flown_as_it_was_where_straight_would_spray_or_fly_elsewhere() -> None:
    ground = LineString(BENT).buffer(2.5, cap_style="flat", join_style="mitre")
    assert _ending_straight(task(ground, FAST), BENT, 5.0) == BENT
    roomy = task(box(0, 0, 60, 30), FAST)
    narrow = replace(roomy, allowed=LineString(BENT).buffer(0.05))
    assert _ending_straight(narrow, BENT, 5.0) == BENT
