"""Swaths over plots whose every metre can be told by hand, and what joins them to a plan."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry import LineString, Polygon, box

from agri.errors import BadInput, Refused
from agri.field import ObstacleKind, SensitiveKind, SensitiveSite
from agri.weather import Wind
from missions.airspace.keepouts import VERTICAL_CLEARANCE_M
from missions.airspace.route import Place
from missions.coverage.tracks import Leg, LegKind
from missions.flightplan import DEFAULT_LIMITS, FlightPlan
from missions.passes.route import Pass, SprayRoute
from missions.spray.lines import lay_lines
from missions.spray.mission import flown_settings, fly_route, plan_spray, several_fields
from missions.spray.planning import Treatable, treatable_area, unevenly, untreated
from missions.spray.plot import (
    Plot,
    even_widths,
    in_order,
    lines_of,
    plot_of,
    shares,
    sides_of,
    tracks_over,
)
from missions.spray.trimming import cut_passes, straight_end
from missions.sprayer.job import EdgeClearance, SprayEstimate, SpraySettings
from tests.sites import Draft
from tests.sprays import SETTINGS

CALM = replace(SETTINGS, wind=Wind(speed_m_s=0.0), edges=())
DRAFT = Draft()
Ways = Sequence[Sequence[Place]]


def plot(shape: Polygon) -> Plot:
    found = plot_of(shape)
    assert found is not None
    return found


def close(ways: Ways, expected: Ways, within_m: float = 0.03) -> bool:
    return [len(way) for way in ways] == [len(way) for way in expected] and all(
        math.dist(a, b) <= within_m
        for way, other in zip(ways, expected, strict=True)
        for a, b in zip(way, other, strict=True)
    )


# ---- a plot of 60 m by 30 m and swaths of 5 m: nothing is left over


PADDY = plot(box(0, 0, 60, 30))
SIDES = [
    ((5.0, 2.5), (60.0, 2.5)), ((57.5, 5.0), (57.5, 30.0)), ((55.0, 27.5), (0.0, 27.5)),
    ((2.5, 25.0), (2.5, 0.0)),
]  # fmt: skip
LINES = [((5.0, n), (55.0, n)) for n in (7.5, 12.5, 17.5, 22.5)]


def test_the_edge_goes_round_each_corner_belonging_to_the_side_that_comes_first() -> None:
    found = sides_of(PADDY, 5.0)
    first = next(k for k in range(4) if close([found[k]], SIDES[:1]))
    assert close([*found[first:], *found[:first]], SIDES)


def test_lines_fill_what_the_edge_leaves_in_one_sense_across_the_plot() -> None:
    assert close(lines_of(PADDY, 90.0, 5.0), LINES)
    north = [((e, 5.0), (e, 25.0)) for e in np.arange(52.5, 5.0, -5.0)]
    assert close(lines_of(PADDY, 0.0, 5.0), north)


@pytest.mark.parametrize("turn_deg", [30.0, 135.0])
def test_a_turned_plot_has_the_turned_swaths(turn_deg: float) -> None:
    turned = plot(affinity.rotate(box(0, 0, 60, 30), -turn_deg, origin=(0, 0)))
    assert turned.directions[0] == pytest.approx((90.0 + turn_deg) % 180.0)
    ways = [*sides_of(turned, 5.0), *lines_of(turned, 90.0 + turn_deg, 5.0)]
    assert sum(math.dist(*way) for way in ways) == pytest.approx(360.0, abs=0.2)
    share, uneven = shares(turned, ways, 5.0)
    assert share == pytest.approx(1.0, abs=2e-3)
    assert uneven == pytest.approx(0.0, abs=4e-3)


def test_shares_count_what_is_missed_and_what_is_sprayed_twice() -> None:
    whole = [*SIDES, *LINES]
    assert shares(PADDY, whole, 5.0) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))
    inner_m2 = 55.0 * 25.0
    missed = shares(PADDY, whole[:-1], 5.0)
    assert missed == (pytest.approx(1.0 - 250.0 / 1800.0), pytest.approx(250.0 / inner_m2))
    doubled = shares(PADDY, [*whole, LINES[1], LINES[1]], 5.0)
    assert doubled == (pytest.approx(1.0), pytest.approx(500.0 / inner_m2))
    turned = shares(PADDY, [way[::-1] for way in whole], 5.0)
    assert turned == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))


def test_tracks_to_compare_are_the_ring_and_the_lines() -> None:
    ring, *lines = tracks_over(PADDY, 90.0, 5.0)
    assert ring.kind is LegKind.EDGE
    assert Polygon(ring.points).equals_exact(box(2.5, 2.5, 57.5, 27.5), 1e-9, normalize=True)
    assert len(ring.points) == 5
    assert {line.kind for line in lines} == {LegKind.LINE}
    assert close([[tuple(p) for p in line.points] for line in lines], LINES)


def test_even_widths_are_the_plots_own_divisions() -> None:
    """Edge and lines share one width: 30 m = (n + 2) widths."""
    found = even_widths(PADDY, 90.0, 5.0, 3.0)
    assert found == pytest.approx([30.0 / n for n in (6, 7, 8, 9, 10)], abs=1e-5)
    assert even_widths(PADDY, 90.0, 5.0, 3.01) == pytest.approx(found[:-1])
    assert even_widths(PADDY, 0.0, 5.0, 4.6) == pytest.approx([5.0, 60.0 / 13.0])


def test_a_plot_tells_its_sides_the_longest_first() -> None:
    assert PADDY.directions == pytest.approx([90.0, 90.0, 0.0, 0.0])
    slant = plot(Polygon([(0, 0), (40, 0), (40, 30), (10, 40)]))
    bearings = [90.0, math.degrees(math.atan2(10.0, 40.0)), 108.4349, 0.0]
    long_m = [40.0, math.hypot(10.0, 40.0), math.hypot(30.0, 10.0), 30.0]
    by_length = [bearings[k] for k in sorted(range(4), key=lambda k: -long_m[k])]
    assert slant.directions == pytest.approx(by_length, abs=1e-3)
    assert PADDY.extent_m(90.0, 2.0) == pytest.approx(26.0)
    assert PADDY.extent_m(0.0, 2.0) == pytest.approx(56.0)


@pytest.mark.parametrize(("width_m", "roomy"), [(14.75, True), (14.76, False)])
def test_edges_must_leave_half_a_metre_between_them(width_m: float, roomy: bool) -> None:
    assert PADDY.roomy(width_m) is roomy


def ngon(corners: int, across_m: float = 60.0) -> Polygon:
    angles = [2.0 * math.pi * k / corners for k in range(corners)]
    half = across_m / 2.0
    return Polygon([(half * math.cos(a), half * math.sin(a)) for a in angles])


def cornered(turn_deg: float) -> Polygon:
    """A triangle, two sides of which turn into each other by so much, the others less."""
    tip = math.radians(180.0 - turn_deg)
    return Polygon([(0, 0), (50, 0), (50.0 * math.cos(tip), 50.0 * math.sin(tip))])


@pytest.mark.parametrize(
    ("shape", "is_one"),
    [
        (ngon(3), True), (ngon(8), True), (ngon(9), False), (box(0, 0, 100, 100), True),
        (box(0, 0, 100, 100.1), False),
        (box(0, 0, 60, 30).difference(box(20, 10, 25, 15)), False),
        (box(0, 0, 60, 30).difference(box(20, 10, 60, 30)), False),
        (Polygon([(0, 0), (60, 0), (60, 30), (30, 30.02), (0, 30)]), True),
        (Polygon([(0, 0), (60, 0), (60, 30), (30, 33), (0, 30)]), False),
        (cornered(124.5), True), (cornered(125.5), False),
        (shapely.MultiPolygon([box(0, 0, 60, 30)]), False),
        (box(0, 0, 60, 30).reverse(), True),
    ],
)  # fmt: skip
def test_a_plot_is_small_convex_of_few_straight_sides_and_blunt_corners(
    shape: Polygon, is_one: bool
) -> None:
    assert (plot_of(shape) is not None) is is_one


@pytest.mark.parametrize("home", [(-10.0, -10.0), (70.0, 15.0), (30.0, 40.0), (-5.0, 29.0)])
@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_no_way_from_home_and_back_is_shorter_than_the_one_taken(home: Place, count: int) -> None:
    """All ways that keep to the rules: edge first or last, from any side; lines from any corner."""

    def way_m(order: Ways) -> float:
        return sum(math.dist(a[-1], b[0]) for a, b in pairwise([[home], *order, [home]]))

    lines = LINES[:count]
    found, kinds = in_order([*SIDES, *lines], [True] * 4 + [False] * count, home)
    assert sorted(map(sorted, found)) == sorted(map(sorted, [*SIDES, *lines]))
    assert [way in SIDES for way in found] == list(kinds)
    all_m = []
    for k, turned, back, edge_first in product(range(4), (0, 1), (False, True), (True, False)):
        edge = [*SIDES[k:], *SIDES[:k]]
        sweep = [
            way if n % 2 == turned else way[::-1]
            for n, way in enumerate(lines[::-1] if back else lines)
        ]
        all_m.append(way_m([*edge, *sweep] if edge_first else [*sweep, *edge]))
    assert way_m(found) <= min(all_m) + 0.011


def test_nothing_has_no_order() -> None:
    assert in_order([], [], (0.0, 0.0)) == ((), ())


# ---- the whole laying


@pytest.mark.parametrize("angle_deg", [None, 90.0])
def test_a_plot_that_divides_evenly_is_sprayed_whole_and_once(angle_deg: float | None) -> None:
    ground = box(0, 0, 60, 30)
    asked = replace(CALM, angle_deg=angle_deg)
    laid = lay_lines(ground, ground.buffer(30.0).convex_hull, (-20.0, -20.0), asked)
    assert (laid.width_m, laid.angle_deg) == (5.0, pytest.approx(90.0, abs=0.01))
    assert sum(work.length_m for work in laid.passes) == pytest.approx(360.0, abs=0.5)
    assert {work.rate_l_ha for work in laid.passes} == {20.0}
    assert {work.speed_m_s for work in laid.passes} == {4.0}
    assert len(laid.passes) == 8


def test_an_angle_that_is_asked_is_kept_and_twice_over_means_half_the_rate() -> None:
    ground = box(0, 0, 60, 30)
    region = ground.buffer(30.0).convex_hull
    laid = lay_lines(ground, region, (-20.0, -20.0), replace(CALM, angle_deg=0.0))
    assert math.remainder(laid.angle_deg, 180.0) == pytest.approx(0.0, abs=0.01)
    crossed = lay_lines(ground, region, (-20.0, -20.0), replace(CALM, crosshatch=True))
    assert {work.rate_l_ha for work in crossed.passes} == {10.0}
    litres = sum(work.litres for work in crossed.passes)
    assert litres == pytest.approx(0.18 * 20.0, rel=0.06)


@pytest.mark.parametrize("north_m", [26.0, 28.5, 31.0, 33.0])
def test_a_plot_that_does_not_divide_gets_a_narrower_width_that_does(north_m: float) -> None:
    ground = box(0, 0, 60, north_m)
    laid = lay_lines(ground, ground.buffer(30.0).convex_hull, (-20.0, -20.0), CALM)
    strips = [LineString(w.points).buffer(w.width_m / 2, cap_style="flat") for w in laid.passes]
    once = shapely.union_all(strips)
    assert once.intersection(ground).area >= 0.99 * ground.area
    twice_m2 = sum(strip.area for strip in strips) - once.area
    assert twice_m2 <= 0.03 * ground.area
    assert 3.0 <= laid.width_m <= 5.0


@pytest.mark.parametrize("angle_deg", [None, 90.0])
def test_ground_in_which_no_swath_fits_is_refused(angle_deg: float | None) -> None:
    thin = box(0, 0, 60, 2.0)
    asked = replace(CALM, angle_deg=angle_deg)
    with pytest.raises(Refused) as refused:
        lay_lines(thin, thin.buffer(30.0), (-20.0, -20.0), asked)
    assert refused.value.message.key == "error.swath_does_not_fit"


# ---- passes cut out of legs


GROUND = box(0, 0, 40, 20)


def line(*points: Place) -> Leg:
    return Leg(kind=LegKind.LINE, points=points)


def cut(*legs: Leg, ground: Polygon = GROUND, allowed: Polygon | None = None) -> list[Ways]:
    return [way for way, _ in cut_passes(legs, ground, 5.0, allowed=allowed)]


@pytest.mark.parametrize(("west", "east"), [(-10.0, 50.0), (0.0, 40.0), (-0.3, 41.7)])
def test_a_line_ends_where_its_flat_end_leaves_the_ground(west: float, east: float) -> None:
    assert close(cut(line((west, 10.0), (east, 10.0))), [[(0.0, 10.0), (40.0, 10.0)]], 0.02)


def test_a_line_beside_the_border_keeps_its_whole_width_inside() -> None:
    assert cut(line((0.0, 2.0), (40.0, 2.0))) == []
    assert close(cut(line((0.0, 2.5), (40.0, 2.5))), [[(0.0, 2.5), (40.0, 2.5)]], 0.02)


def test_a_line_is_parted_by_a_hole_in_its_way() -> None:
    holed = GROUND.difference(box(15, 8, 20, 12))
    assert close(
        cut(line((0.0, 10.0), (40.0, 10.0)), ground=holed),
        [[(0.0, 10.0), (15.0, 10.0)], [(20.0, 10.0), (40.0, 10.0)]], 0.05,
    )  # fmt: skip


def test_a_line_shorter_than_a_fifth_of_its_width_is_not_flown() -> None:
    def over(east: float) -> list[Ways]:
        return cut(line((0.0, 10.0), (40.0, 10.0)), ground=box(0, 0, east, 20))

    assert over(0.97) == []
    assert len(over(1.05)) == 1


def test_the_aircraft_itself_stays_where_it_may() -> None:
    found = cut(line((0.0, 10.0), (40.0, 10.0)), allowed=box(5, 0, 30, 20))
    assert close(found, [[(5.0, 10.0), (30.0, 10.0)]], 0.02)


def test_of_two_lines_over_the_same_ground_the_short_one_yields_what_is_sprayed() -> None:
    """A short line across the end of a long one keeps what is left of it."""
    found = cut(line((0.0, 10.0), (40.0, 10.0)), line((20.0, 5.0), (20.0, 12.0)))
    assert close(found[:1], [[(0.0, 10.0), (40.0, 10.0)]], 0.02)
    assert len(found) == 2
    (_, start), (_, end) = found[1]
    assert (start, end) == (pytest.approx(5.0, abs=0.03), pytest.approx(7.5, abs=0.03))


def test_legs_that_do_not_work_are_not_sprayed() -> None:
    assert cut(Leg(kind=LegKind.TRANSIT, points=((0.0, 10.0), (40.0, 10.0)))) == []


def test_a_pass_ends_at_a_sharp_bend_and_goes_on_through_a_gentle_one() -> None:
    def bent(deg: float) -> list[Ways]:
        turn = math.radians(deg)
        far = (20.0 + 15.0 * math.cos(turn), 8.0 + 15.0 * math.sin(turn))
        return cut(line((3.0, 8.0), (20.0, 8.0), far))

    assert len(bent(19.0)) == 1
    assert len(bent(19.0)[0]) == 3
    assert len(bent(21.0)) == 2


@pytest.mark.parametrize(("bend_m", "moved"), [(1.5, True), (2.5, False)])
def test_a_bend_in_the_last_metres_is_put_before_them(bend_m: float, moved: bool) -> None:
    way = ((0.0, 0.0), (20.0 - bend_m, 0.0), (20.0, 0.1))
    found = straight_end(way, 2.0)
    assert (found != way) is moved
    assert found[0] == way[0]
    assert found[-1] == pytest.approx(way[-1])
    length_m = sum(math.dist(a, b) for a, b in pairwise(way))
    assert not moved or math.dist(found[-2], found[-1]) == pytest.approx(2.0, abs=0.01)
    assert length_m == pytest.approx(sum(math.dist(a, b) for a, b in pairwise(found)), abs=0.02)


def test_a_way_shorter_than_that_stays() -> None:
    way = ((0.0, 0.0), (1.0, 0.0), (2.0, 0.3))
    assert straight_end(way, 2.0) == way
    assert straight_end(((0.0, 0.0), (30.0, 0.0)), 2.0) == ((0.0, 0.0), (30.0, 0.0))


def test_a_side_of_the_edge_with_a_gentle_bend_goes_on_over_its_corner_as_well() -> None:
    ring = ((3.0, 3.4), (20.0, 3.1), (37.0, 3.4), (37.0, 17.0), (3.0, 17.0), (3.0, 3.4))
    found = cut_passes([Leg(kind=LegKind.EDGE, points=ring)], GROUND, 6.0)
    assert all(edge for _, edge in found)
    bent = [way for way, _ in found if len(way) == 3]
    assert len(bent) == 1
    assert bent[0][1] == pytest.approx((20.0, 3.1))
    assert bent[0][2][0] == pytest.approx(40.0, abs=0.1)
    ends = [max(way, key=lambda p: abs(p[0] - 20.0) + abs(p[1] - 10.0)) for way, _ in found]
    assert len({(round(e), round(n)) for e, n in ends}) == 4


# ---- what may be sprayed, and what is told of it


FIELD = box(-60, -30, 60, 30)
PAD = (-70.0, -40.0)


def treated(asked: SpraySettings = CALM, **more: object) -> Treatable:
    site = DRAFT.site(FIELD, PAD)
    return treatable_area(site, asked, (), site.field.frame, **more)  # type: ignore[arg-type]


def test_a_clearance_is_taken_off_every_edge_or_the_one_that_is_named() -> None:
    assert treated().area.area == pytest.approx(7200.0, rel=1e-3)
    assert treated().rounded_m2 == 0.0
    assert treated(replace(CALM, clearance_m=5.0)).area.area == pytest.approx(5500.0, rel=1e-3)
    areas = [
        treated(replace(CALM, edges=(EdgeClearance(edge=n, clearance_m=5.0),))).area.area
        for n in (1, 2, 3, 4)
    ]
    assert sorted(areas) == pytest.approx([6600.0, 6600.0, 6900.0, 6900.0], rel=1e-3)
    assert areas[0] == pytest.approx(areas[2], rel=1e-3)
    with pytest.raises(BadInput) as unknown:
        treated(replace(CALM, edges=(EdgeClearance(edge=5, clearance_m=5.0),)))
    assert dict(unknown.value.message.values) == {"edge": 5, "count": 4}


@pytest.mark.parametrize(
    "shape",
    [
        FIELD.difference(box(0, 0, 60, 30)),
        FIELD.difference(box(-15, 0, 15, 30)),
        FIELD.difference(box(-15, -8, 15, 8)),
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_a_clearance_is_kept_at_corners_that_bend_in_too(shape: Polygon, turned: bool) -> None:
    """An L, a U and a hole, drawn either way round."""
    site = DRAFT.site(shape.reverse() if turned else shape, PAD)
    asked = replace(CALM, clearance_m=4.0)
    found = treatable_area(site, asked, (), site.field.frame)
    kept = shape.buffer(-4.0, join_style="mitre")
    assert found.area.area == pytest.approx(kept.area, rel=3e-3)


def test_ground_that_the_aircraft_cannot_reach_is_dropped() -> None:
    """Half a swath further than it may fly is sprayed; a strip too narrow for the swath is not."""
    frame = DRAFT.site(FIELD, PAD).field.frame
    west = frame.geometry_to_local(DRAFT.site(box(-80, -50, 0, 50), PAD).field.boundary)
    found = treated(allowed=west)
    assert found.area.area == pytest.approx(62.5 * 60.0, rel=2e-3)
    assert found.dropped.area == pytest.approx(57.5 * 60.0, rel=2e-3)


@pytest.mark.parametrize(("area_m2", "told"), [(4.99, False), (5.01, True)])
def test_ground_left_out_is_told_from_five_square_metres_on(area_m2: float, told: bool) -> None:
    left = Treatable(area=box(0, 0, 10, 9.5), dropped=box(0, 20, 1, 20 + area_m2))
    found = untreated(left, DRAFT.site(FIELD, PAD))
    assert bool(found) is told
    if told:
        values = dict(found[0].message.values)
        assert values["area_m2"] == pytest.approx(area_m2)
        assert values["percent"] == pytest.approx(100.0 * area_m2 / (95.0 + area_m2))


def swaths(count: int, *, width_m: float = 5.0) -> SprayRoute:
    ground = box(0, 0, 60, 50)
    ends = [(0.0, 60.0), (60.0, 0.0)]
    return SprayRoute(
        passes=tuple(
            Pass(points=((ends[k % 2][0], 2.5 + 5.0 * (k % 10)),
                         (ends[k % 2][1], 2.5 + 5.0 * (k % 10))),
                 width_m=width_m, rate_l_ha=20.0, speed_m_s=4.0)
            for k in range(count)
        ),
        home=(-20.0, -20.0), allowed=ground.buffer(40.0), treatable=ground, angle_deg=90.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("count", "expected"),
    [(10, []), (9, ["finding.spray_missed"]), (11, ["finding.spray_twice"])],
)
def test_what_the_passes_miss_or_spray_twice_is_told(count: int, expected: list[str]) -> None:
    ground = Treatable(area=box(0, 0, 60, 50), dropped=Polygon())
    found = list(unevenly(swaths(count), ground, CALM))
    assert [finding.key for finding in found] == expected
    if count == 9:
        assert dict(found[0].message.values)["percent"] == pytest.approx(10.0, abs=1.0)
    if count == 11:
        assert dict(found[0].message.values)["percent"] == pytest.approx(10.4, abs=0.4)
    once = swaths(count)
    both = replace(once, passes=(*once.passes, *once.passes))
    crossed = list(unevenly(both, ground, replace(CALM, crosshatch=True)))
    assert [finding.key for finding in crossed] == expected


@pytest.mark.parametrize(("north_m", "told"), [(16.6, False), (16.7, True)])
def test_of_small_ground_nothing_is_told(north_m: float, told: bool) -> None:
    small = Treatable(area=box(0, 0, 60, north_m), dropped=Polygon())
    assert bool(list(unevenly(swaths(1), small, CALM))) is told
    rounded = replace(small, area=box(0, 0, 60, 16.6), rounded_m2=10.0)
    assert list(unevenly(swaths(1), rounded, CALM)) != []


# ---- the plan


def estimate() -> SprayEstimate:
    return SprayEstimate(
        length_m=900.0, sprayed_m=600.0, time_s=240.0, energy_wh=100.0, litres=6.0, area_m2=3000.0
    )


@pytest.mark.parametrize(
    ("widths", "kept"),
    [((5.0, 5.0), 5.0), ((4.0, 4.0), 4.0), ((4.0, 4.5), 5.0)],
)
def test_a_plan_tells_the_width_that_its_swaths_have(
    widths: tuple[float, ...], kept: float
) -> None:
    route = swaths(2)
    passes = tuple(replace(w, width_m=m) for w, m in zip(route.passes, widths, strict=True))
    assert flown_settings(replace(route, passes=passes), CALM).swath_m == kept


def test_a_plan_carries_what_it_was_made_of() -> None:
    site = DRAFT.site(FIELD, PAD)
    plan = plan_spray(site, CALM, name="Phun")
    assert plan.spray is not None
    assert (plan.name, plan.home, plan.site) == ("Phun", site.pad.place, site)
    assert (plan.spray.job, plan.spray.kind) == ("Phun", "field")
    assert (plan.spray.sortie, plan.spray.sorties) == (1, 1)
    assert plan.spray.ground is None
    assert plan.ceiling_m == 50.0
    assert plan.aircraft == CALM.sprayer.aircraft
    assert all(point.altitude_m == CALM.flying_height_m for point in plan.rally_points)
    frame = site.field.frame
    ground = frame.geometry_to_local(plan.spray.treatable)
    assert ground.area == pytest.approx(7200.0, rel=2e-3)
    assert 0.0 <= plan.spray.angle_deg < 180.0


@pytest.mark.parametrize(("ceiling_m", "refused"), [(2.5, False), (2.49, True)])
def test_a_plan_stays_under_its_ceiling(ceiling_m: float, refused: bool) -> None:
    site = DRAFT.site(FIELD, PAD)
    if not refused:
        assert plan_spray(site, CALM, name="Phun", ceiling_m=ceiling_m).ceiling_m == ceiling_m
        return
    with pytest.raises(Refused) as told:
        plan_spray(site, CALM, name="Phun", ceiling_m=ceiling_m)
    assert told.value.message.key == "error.above_ceiling"


def test_a_plan_of_more_items_than_the_vehicle_stores_is_refused() -> None:
    site = DRAFT.site(FIELD, PAD)
    count = len(plan_spray(site, CALM, name="Phun").items)
    fits = plan_spray(site, CALM, name="Phun", limits=replace(DEFAULT_LIMITS, items=count))
    assert len(fits.items) == count
    with pytest.raises(BadInput) as told:
        plan_spray(site, CALM, name="Phun", limits=replace(DEFAULT_LIMITS, items=count - 1))
    assert dict(told.value.message.values) == {"count": count, "limit": count - 1}


def test_a_route_that_no_fence_holds_is_refused() -> None:
    site = DRAFT.site(FIELD, PAD)
    away = replace(swaths(4), passes=tuple(
        replace(w, points=tuple((e + 5000.0, n) for e, n in w.points)) for w in swaths(4).passes
    ), allowed=box(-9000, -9000, 9000, 9000))  # fmt: skip
    with pytest.raises(Refused) as told:
        fly_route(site, CALM, away, name="Phun", estimate=estimate())
    assert told.value.message.key == "error.spray_no_fence"


def test_the_way_home_climbs_over_what_stands_in_the_fence() -> None:
    small, pad = box(-20, -15, 20, 15), (-30.0, -25.0)

    def home_m(plan: FlightPlan) -> float:
        start = max(n for n, item in enumerate(plan.items) if item.command == 189)
        return max(item.z for item in plan.items[start + 1 :] if item.command == 16)

    house = DRAFT.obstacle(ObstacleKind.HOUSE, box(-3, -3, 3, 3), 6.0)
    site = DRAFT.site(small, pad)
    built = replace(site, obstacles=(house,))
    assert home_m(plan_spray(built, CALM, name="Phun")) == 6.0 + VERTICAL_CLEARANCE_M
    assert home_m(plan_spray(site, CALM, name="Phun")) == CALM.flying_height_m


# ---- several fields


def three(order: Sequence[int]) -> list[object]:
    fields = [box(0, 0, 40, 30), box(50, 0, 90, 30), box(100, 0, 140, 30)]
    return [DRAFT.site(fields[k], (-5.0, -5.0)) for k in order]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (2, 1, 0)])
def test_fields_are_flown_nearest_first_whatever_their_order(order: tuple[int, ...]) -> None:
    site, route = several_fields(three(order), CALM, name="Ba ruộng")  # type: ignore[arg-type]
    west = route.home[0] + 5.0
    number = [int((work.points[0][0] - west) // 50.0) for work in route.passes]
    assert number == sorted(number)
    assert {*number} == {0, 1, 2}
    assert site.field.name == "Ba ruộng"
    assert route.treatable.area == pytest.approx(3600.0, rel=5e-3)


def test_what_stands_around_any_field_counts_once_for_all() -> None:
    pond = SensitiveSite(
        kind=SensitiveKind.WATER,
        geometry=DRAFT.site(box(200, 200, 210, 210), PAD).field.boundary,
    )
    sites = [replace(site, sensitive_sites=(pond,)) for site in three((0, 1))]  # type: ignore[type-var]
    joined, _ = several_fields(sites, CALM, name="Hai")
    assert joined.sensitive_sites == (pond,)


def test_no_field_and_different_pads_are_refused() -> None:
    with pytest.raises(BadInput) as none:
        several_fields([], CALM, name="x")
    assert none.value.message.key == "error.no_fields"
    one, other = three((0, 1))
    moved = DRAFT.site(box(50, 0, 90, 30), (-6.0, -5.0))
    with pytest.raises(BadInput) as pads:
        several_fields([one, moved], CALM, name="x")  # type: ignore[list-item]
    assert pads.value.message.key == "error.different_pads"
    assert other != moved
