"""What is kept of a working track: its corners, its stretches, and what others spray before it.

Grounds, rings and lines are drawn so that what is flown follows from plain lengths.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from shapely import affinity
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from missions.airspace.route import Place
from missions.coverage.tracks import Leg, LegKind, swept
from missions.spray.trimming import cut_passes, straight_end

Way = tuple[Place, ...]
WIDE = box(-100, -100, 200, 200)
HAIR_M = 0.002


def line(*points: Place) -> Leg:
    return Leg(kind=LegKind.LINE, points=points)


def edge(*points: Place) -> Leg:
    return Leg(kind=LegKind.EDGE, points=points)


def cut(
    *legs: Leg,
    ground: BaseGeometry = WIDE,
    width_m: float = 5.0,
    allowed: BaseGeometry | None = None,
) -> list[Way]:
    return [way for way, _ in cut_passes(legs, ground, width_m, allowed=allowed)]


def long_m(way: Way) -> float:
    return sum(math.dist(a, b) for a, b in pairwise(way))


def wet(ways: list[Way], width_m: float = 5.0) -> BaseGeometry:
    return swept(ways, width_m)


# ---- rings

RING: Way = ((0.0, 0.0), (60.0, 0.0), (75.0, 40.0), (-10.0, 50.0), (0.0, 0.0))


def begun(ring: Way, number: int, share: float) -> Way:
    """The same ring begun so far along one of its sides, which is no corner."""
    (e0, n0), (e1, n1) = ring[number], ring[number + 1]
    start = (e0 + share * (e1 - e0), n0 + share * (n1 - n0))
    corners = ring[:-1]
    return (start, *corners[number + 1 :], *corners[: number + 1], start)


def sides(ring: Way) -> list[Way]:
    return sorted(cut(edge(*ring)))


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_ring_is_cut_at_its_corners_wherever_it_was_begun(number: int, share: float) -> None:
    found, expected = sides(begun(RING, number, share)), sides(RING)
    assert len(found) == len(expected) == 4
    for one, other in zip(found, expected, strict=True):
        assert one[0] == pytest.approx(other[0])
        assert one[-1] == pytest.approx(other[-1])
        assert LineString(one).hausdorff_distance(LineString(other)) < HAIR_M


@pytest.mark.parametrize("number", [0, 3, 7, 11])
def test_a_ring_with_a_round_side_is_cut_at_its_two_corners_wherever_it_was_begun(
    number: int,
) -> None:
    angles = [math.radians(15.0 * k) for k in range(13)]
    corners = [(40.0 * math.cos(a), 40.0 * math.sin(a)) for a in angles]
    found = sides((*corners[number:], *corners[:number], corners[number]))
    assert len(found) == 2
    straight, bent = sorted(found, key=long_m)
    assert long_m(straight) == pytest.approx(80.0, abs=3.0)
    assert long_m(bent) == pytest.approx(math.pi * 40.0, abs=3.0)
    assert (len(straight), len(bent)) == (2, 13)


def test_a_triangle_goes_on_over_all_of_its_corners() -> None:
    """Half a width times tan 60° over each; nothing is near enough to shorten them."""
    top = (30.0, 30.0 * math.sqrt(3.0))
    found = cut(edge((0.0, 0.0), (60.0, 0.0), top, (0.0, 0.0)))
    assert len(found) == 3
    over_m = 2.5 * math.tan(math.radians(60.0))
    centre = Polygon([(0, 0), (60, 0), top]).centroid
    for way in found:
        assert len(way) == 2
        corner = min([(0.0, 0.0), (60.0, 0.0), top], key=lambda at: math.dist(at, way[-1]))
        assert math.dist(corner, way[-1]) == pytest.approx(over_m, abs=HAIR_M)
        assert centre.distance(LineString(way)) == pytest.approx(10.0 * math.sqrt(3.0), abs=0.01)


def test_an_open_way_goes_on_over_each_corner_by_what_it_turns_there() -> None:
    """40°, then 100°: half a width times the tangent of the half of it."""
    first = (60.0 + 50.0 * math.cos(math.radians(40.0)), 50.0 * math.sin(math.radians(40.0)))
    last = (first[0] + 60.0 * math.cos(math.radians(140.0)),
            first[1] + 60.0 * math.sin(math.radians(140.0)))  # fmt: skip
    one, two, three = cut(edge((0.0, 0.0), (60.0, 0.0), first, last))
    assert one[-1][0] == pytest.approx(60.0 + 2.5 * math.tan(math.radians(20.0)), abs=HAIR_M)
    assert math.dist(first, two[-1]) == pytest.approx(
        2.5 * math.tan(math.radians(50.0)), abs=HAIR_M
    )
    assert three[-1] == pytest.approx(last)


@pytest.mark.parametrize(("turn_deg", "passes"), [(19.5, 1), (20.5, 2)])
def test_a_bend_of_twenty_degrees_is_flown_through_and_a_sharper_one_is_a_corner(
    turn_deg: float, passes: int
) -> None:
    turn = math.radians(turn_deg)
    on = (60.0 + 60.0 * math.cos(turn), 60.0 * math.sin(turn))
    assert len(cut(edge((0.0, 0.0), (60.0, 0.0), on))) == passes


# ---- where the aircraft itself must stay


@pytest.mark.parametrize(("room_m", "over_m"), [(2.6, 2.5), (1.0, 0.0)])
def test_a_side_goes_on_over_its_corner_only_where_the_aircraft_may_fly(
    room_m: float, over_m: float
) -> None:
    """It bends gently on the way, so that its last leg is not its first."""
    bent = ((0.0, 1.0), (30.0, 0.0), (60.0, 0.0), (60.0, 50.0))
    allowed = box(-20, -20, 60.0 + room_m, 80)
    first, _ = cut(edge(*bent), allowed=allowed)
    assert first[-1][0] == pytest.approx(60.0 + over_m, abs=HAIR_M)
    assert allowed.covers(LineString(first))


@pytest.mark.parametrize("room_m", [0.9, 1.7, 2.4])
def test_a_side_goes_on_over_its_corner_as_far_as_the_ground_goes(room_m: float) -> None:
    """A bend on its way and a corner cut off at a slant: its whole flat end stays inside."""
    bent = ((0.0, 1.0), (30.0, 0.0), (60.0, 0.0), (60.0, 50.0))
    first, *_ = cut(edge(*bent), ground=box(-20, -20, 60.0 + room_m, 80))
    assert first[-1][0] == pytest.approx(60.0 + room_m, abs=0.02)
    # at 45° the outer end of the boom, 2.5 m aside, is where the ground ends
    slant = Polygon([(-20, -20), (37.5 + room_m, -20), (97.5 + room_m, 40), (97, 80), (-20, 80)])
    first, *_ = cut(edge(*bent), ground=slant)
    assert first[-1][0] == pytest.approx(55.0 + room_m, abs=0.03)


def test_of_a_line_both_parts_are_flown_that_lie_where_the_aircraft_may_fly() -> None:
    allowed = box(-5, -5, 25, 5).union(box(40, -5, 90, 5))
    found = cut(line((0.0, 0.0), (80.0, 0.0)), allowed=allowed)
    assert np.array(found) == pytest.approx(
        np.array([[(0.0, 0.0), (25.0, 0.0)], [(40.0, 0.0), (80.0, 0.0)]]), abs=0.01
    )


# ---- what must stay dry


@pytest.mark.parametrize("aside_m", [-2.2, -0.9, 0.3, 1.6])
@pytest.mark.parametrize("kind", [LegKind.LINE, LegKind.EDGE])
def test_nothing_is_sprayed_over_a_hole_however_small(kind: LegKind, aside_m: float) -> None:
    """A post of half a metre beside the middle of a pass."""
    post = box(30.0, aside_m - 0.25, 30.5, aside_m + 0.25)
    ground = box(-10, -10, 80, 10).difference(post)
    found = cut(Leg(kind=kind, points=((0.0, 0.0), (70.0, 0.0))), ground=ground)
    assert wet(found).intersection(post).area < 0.01
    assert [long_m(way) for way in found] == pytest.approx([30.0, 39.5], abs=0.05)


def test_a_side_does_not_go_on_over_a_post_that_stands_in_its_way() -> None:
    """The post lies between two of the nine lines at which a flat end is looked at."""
    post = box(30.0, 0.2, 30.3, 0.5)
    ground = box(-10, -10, 80, 80).difference(post)
    found = cut(edge((0.0, 0.0), (70.0, 0.0), (70.0, 60.0)), ground=ground)
    assert [way[-1][0] for way in found] == pytest.approx([30.0, 72.5, 70.0], abs=0.05)
    assert wet(found).intersection(post).area < 0.005


@pytest.mark.parametrize(("path_m", "begin_m"), [(0.055, 0.0), (0.065, 60.0)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_path_five_centimetres_wide_along_a_line_is_not_sprayed(
    path_m: float, begin_m: float, backwards: bool
) -> None:
    """It lies between two of the nine lines; flat ends are tried a centimetre narrower."""
    path = box(20.0, 0.3, 60.0, 0.3 + path_m) if not backwards else box(-9, 0.3, 60, 0.3 + path_m)
    ground = box(-10, -10, 110, 10).difference(path)
    places = ((0.0, 0.0), (100.0, 0.0))
    found = cut(line(*places), ground=ground)
    if backwards:
        assert [way[0][0] for way in found] == pytest.approx([begin_m], abs=0.05)
    else:
        assert [way[0][0] for way in found] == pytest.approx([0.0, 60.0], abs=0.05)


def test_a_path_that_goes_on_to_a_lines_end_ends_it_where_it_begins() -> None:
    path = box(40.0, 0.3, 110.0, 0.365)
    [way] = cut(line((0.0, 0.0), (100.0, 0.0)), ground=box(-10, -10, 110, 10).difference(path))
    assert (way[0][0], way[-1][0]) == pytest.approx((0.0, 40.0), abs=0.05)


# ---- who sprays first


@pytest.mark.parametrize(("longer_m", "first"), [(0.003, 0), (-0.003, 0), (0.04, 1), (-0.04, 0)])
def test_of_two_short_lines_the_longer_is_flown_whole_and_of_equals_the_first(
    longer_m: float, first: int
) -> None:
    """They cross: what one sprays the other leaves out. Less than a centimetre makes no longer."""
    lines = [line((0.0, 0.0), (7.001, 0.0)), line((6.0, -2.0), (6.0, 5.001 + longer_m))]
    found = cut(*lines)
    whole = [
        abs(long_m(way) - long_m(leg.points)) < 0.05 for way, leg in zip(found, lines, strict=True)
    ]
    assert whole == [first == 0, first == 1]


def test_short_lines_yield_to_long_ones_wherever_they_stand_in_the_order() -> None:
    short, long = line((30.0, 0.0), (30.0, 9.0)), line((0.0, 0.0), (60.0, 0.0))
    for legs in ((short, long), (long, short)):
        found = sorted(cut(*legs), key=long_m)
        assert [long_m(way) for way in found] == pytest.approx([6.5, 60.0], abs=0.05)


@pytest.mark.parametrize(("long_enough_m", "length_m"), [(9.97, 7.47), (9.99, 9.99)])
def test_lines_of_two_widths_are_long(long_enough_m: float, length_m: float) -> None:
    """A long line is trimmed by sides alone, a shorter one by long lines as well."""
    other = line((30.0, 0.0), (30.0, long_enough_m))
    found = cut(line((0.0, 0.0), (60.0, 0.0)), other)
    assert long_m(found[1]) == pytest.approx(length_m, abs=0.02)


def test_a_line_that_rests_misses_nothing_and_takes_up_at_once() -> None:
    side = edge((30.2, 11.0), (60.2, 11.0))
    first, second = (way for way in cut(line((0.0, 10.0), (90.0, 10.0)), side)
                     if way[0][1] == way[-1][1] == 10.0)  # fmt: skip
    assert 30.2 - HAIR_M <= first[-1][0] <= 30.7
    assert 59.7 <= second[0][0] <= 60.2 + HAIR_M


def test_less_than_twelve_metres_is_no_rest() -> None:
    side = edge((30.4, 11.0), (42.2, 11.0))
    assert len(cut(line((0.0, 10.0), (90.0, 10.0)), side)) == 2


@pytest.mark.parametrize(("long_m", "parts"), [(14.5, 1), (18.0, 2)])
def test_less_than_two_widths_is_no_rest_either(long_m: float, parts: int) -> None:
    side = edge((30.0, 11.0), (30.0 + long_m, 11.0))
    found = cut(line((0.0, 10.0), (90.0, 10.0)), side, width_m=8.0)
    assert len([way for way in found if way[0][1] == 10.0]) == parts


# ---- bends at the ends


@pytest.mark.parametrize("turn_deg", [0.0, 47.0, 118.0, 200.0])
@pytest.mark.parametrize("bend_deg", [-19.0, 19.0])
@pytest.mark.parametrize(("leg_m", "kept"), [(0.40, False), (0.44, True)])
def test_whether_a_last_leg_is_flown_does_not_hang_on_where_it_points(
    leg_m: float, kept: bool, bend_deg: float, turn_deg: float
) -> None:
    """Half a width times tan(turn / 2): at 19° and 5 m that is 0.418 m."""
    bend = math.radians(bend_deg)
    way = LineString([(0, 0), (30, 0), (30 + leg_m * math.cos(bend), leg_m * math.sin(bend))])
    [found] = cut(line(*affinity.rotate(way, turn_deg, origin=(0, 0)).coords))
    assert len(found) == (3 if kept else 2)


def test_a_bend_just_before_the_straight_end_is_left_out() -> None:
    """It would be a leg of five centimetres; one of fifteen is flown."""
    near = ((0.0, 0.0), (10.0, 0.0), (11.0, 0.1), (12.0, 0.3))
    for far_m, count in ((2.075, 3), (1.975, 3), (1.85, 4)):
        found = straight_end(near, far_m)
        assert len(found) == count
        assert math.dist(found[-2], found[-1]) == pytest.approx(far_m, abs=0.02)
        assert all(a[0] < b[0] for a, b in pairwise(found))


def test_a_bend_ten_centimetres_late_is_early_enough() -> None:
    near = ((0.0, 0.0), (10.0, 0.0), (12.0, 0.3))
    late_m = math.dist(near[1], near[2])
    assert straight_end(near, late_m + 0.09) == near
    assert straight_end(near, late_m + 0.11) != near
    assert straight_end(near, 20.0) == near


def test_ends_are_found_where_most_of_a_line_is_sprayed_already() -> None:
    """Thirty metres, six widths, at its beginning are another's."""
    side = edge((-10.0, 10.5), (30.0, 10.5))
    found = [way for way in cut(line((0.0, 10.0), (80.0, 10.0)), side) if way[0][1] == 10.0]
    assert np.array(found) == pytest.approx(np.array([[(30.0, 10.0), (80.0, 10.0)]]), abs=0.02)


def test_passes_shorter_than_a_fifth_of_their_width_are_not_flown() -> None:
    assert cut(line((0.0, 0.0), (0.98, 0.0))) == []
    [way] = cut(line((0.0, 0.0), (1.02, 0.0)))
    assert long_m(way) == pytest.approx(1.02)
