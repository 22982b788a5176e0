"""Where swaths begin and end, to the millimetre, on ground whose sides stand at a slant.

The oracle tries nine lines across a flat end, as the rooms promise: a pass works where four of
them lie on ground that nothing else sprays, and where all of them lie in the field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LineString, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from missions.airspace.route import Place
from missions.coverage.tracks import Leg, LegKind
from missions.spray.plot import Plot, lines_of, plot_of, sides_of
from missions.spray.trimming import cut_passes

Way = tuple[Place, ...]
FloatArray = NDArray[np.float64]
HAIR_M = 0.002
PLOTS = [
    Polygon([(0, 0), (62, 4), (55, 38), (-6, 30)]),
    Polygon([(0, 0), (48, -14), (70, 30), (20, 52)]),
    Polygon([(0, 0), (60, 0), (75, 25), (40, 50), (-10, 32)]),
    affinity.rotate(Polygon([(0, 0), (55, 0), (80, 40), (25, 40)]), 131.0, origin=(0, 0)),
]


def plot(shape: Polygon) -> Plot:
    found = plot_of(shape)
    assert found is not None
    return found


def across(place: FloatArray, ahead: FloatArray, width_m: float) -> FloatArray:
    """Nine places across a swath, a centimetre inside its edges."""
    half = width_m / 2.0 - 0.01
    return np.asarray(place + np.linspace(-half, half, 9)[:, None] * [-ahead[1], ahead[0]])


def looked(way: Way, width_m: float, shape: BaseGeometry) -> Callable[[bool, float], int]:
    """How many of nine lines lie in a shape, so far on from the begin or the end of a way."""
    ends = np.array(way)
    ahead = (ends[1] - ends[0]) / np.hypot(*(ends[1] - ends[0]))

    def count(at_end: bool, on_m: float) -> int:
        spots = across(ends[int(at_end)] + on_m * ahead, ahead, width_m)
        return int(shapely.contains_xy(shape, spots[:, 0], spots[:, 1]).sum())

    return count


@pytest.mark.parametrize("width_m", [5.0, 3.7])
@pytest.mark.parametrize("turn_deg", [0.0, 20.0, 90.0])
@pytest.mark.parametrize("shape", PLOTS)
def test_lines_reach_from_where_four_ninths_are_fresh_to_where_they_end(
    shape: Polygon, turn_deg: float, width_m: float
) -> None:
    ground = plot(shape)
    inner = shape.buffer(-width_m, join_style="mitre")
    field = shape.buffer(0.005, join_style="mitre")
    ways = lines_of(ground, ground.directions[0] + turn_deg, width_m)
    assert len(ways) >= 2
    for way in ways:
        fresh, held = looked(way, width_m, inner), looked(way, width_m, field)
        for at_end, inwards in ((False, 1.0), (True, -1.0)):
            on_m = inwards * HAIR_M
            assert fresh(at_end, on_m) >= 4
            assert held(at_end, on_m) == 9
            assert fresh(at_end, -on_m) < 4 or held(at_end, -on_m) < 9


@pytest.mark.parametrize("width_m", [5.0, 3.7])
@pytest.mark.parametrize("shape", PLOTS)
def test_a_side_goes_on_over_its_corner_and_the_next_begins_where_it_sprays_no_more(
    shape: Polygon, width_m: float
) -> None:
    ground = plot(shape)
    field = shape.buffer(0.005, join_style="mitre")
    ways = sides_of(ground, width_m)
    ring = ground.moved(width_m / 2.0)
    assert len(ways) == len(ring)
    for k, way in enumerate(ways):
        before = ways[k - 1]
        a, b = np.array(before)
        back = a - 100.0 * (b - a) / np.hypot(*(b - a))
        wide = LineString([back, b]).buffer(width_m / 2.0, cap_style="flat")
        out = affinity.translate(wide, *(-20.0 * ground.inward[k - 1]))
        sprayed = shapely.union(wide, out).convex_hull
        fresh, held = looked(way, width_m, sprayed), looked(way, width_m, field)
        assert held(False, HAIR_M) == held(True, -HAIR_M) == 9
        assert 9 - fresh(False, HAIR_M) >= 4
        at_corner = math.dist(way[0], ring[k]) <= HAIR_M
        assert 9 - fresh(False, -HAIR_M) < 4 or held(False, -HAIR_M) < 9 or at_corner
        turn = float(ground.turns[(k + 1) % len(ring)])
        over_m = width_m / 2.0 * math.tan(turn / 2.0)
        beyond_m = math.dist(ring[k], way[1]) - math.dist(ring[k], ring[(k + 1) % len(ring)])
        assert beyond_m <= over_m + HAIR_M
        assert beyond_m >= over_m - HAIR_M or held(True, HAIR_M) < 9


# ---- passes cut out of legs


WIDE = box(-100, -100, 200, 200)


def line(*points: Place) -> Leg:
    return Leg(kind=LegKind.LINE, points=points)


def edge(*points: Place) -> Leg:
    return Leg(kind=LegKind.EDGE, points=points)


def cut(*legs: Leg, ground: BaseGeometry = WIDE, width_m: float = 5.0) -> list[tuple[Way, bool]]:
    return list(cut_passes(legs, ground, width_m))


def test_a_ring_without_corners_is_one_pass() -> None:
    angles = np.radians(np.arange(0, 361, 10))
    ring = [(30.0 * math.cos(a), 30.0 * math.sin(a)) for a in angles[:-1]]
    ring = [*ring, ring[0]]
    [(way, is_edge)] = cut(edge(*ring))
    assert is_edge
    assert sum(math.dist(a, b) for a, b in pairwise(way)) == pytest.approx(
        LineString(ring).length, abs=0.3
    )


@pytest.mark.parametrize(("north_m", "flown"), [(2.4845, False), (2.4855, True)])
def test_a_swath_may_stick_out_by_a_centimetre_and_a_half_and_no_more(
    north_m: float, flown: bool
) -> None:
    assert bool(cut(line((5.0, north_m), (35.0, north_m)), ground=box(0, 0, 40, 20))) is flown


@pytest.mark.parametrize(
    ("turn_deg", "over_m"),
    [(60.0, 2.5 * math.tan(math.pi / 6)), (90.0, 2.5), (120.0, 2.5 * math.tan(math.pi / 3)),
     (150.0, 7.5)],
)  # fmt: skip
def test_a_side_goes_on_half_a_width_times_the_tangent_of_half_the_turn(
    turn_deg: float, over_m: float
) -> None:
    """At most one and a half widths; here nothing but the corner is in its way."""
    turn = math.radians(turn_deg)
    on = (60.0 + 40.0 * math.cos(turn), 40.0 * math.sin(turn))
    way = cut(edge((0.0, 0.0), (60.0, 0.0), on, (-30.0, 90.0), (0.0, 0.0)))
    [side] = [one for one, _ in way if abs(one[0][1]) + abs(one[-1][1]) < 0.01]
    assert side[-1][0] == pytest.approx(60.0 + over_m, abs=HAIR_M)


def test_an_open_way_does_not_go_on_over_its_end() -> None:
    first, second = (way for way, _ in cut(edge((0.0, 0.0), (60.0, 0.0), (60.0, 50.0))))
    assert first == (pytest.approx((0.0, 0.0)), pytest.approx((62.5, 0.0), abs=HAIR_M))
    assert second[0] == pytest.approx((60.0, 2.5), abs=0.01)
    assert second[1] == pytest.approx((60.0, 50.0))


def test_a_side_cut_by_a_hole_goes_on_over_its_corner_only_at_its_end() -> None:
    ground = box(0, 0, 40, 20).difference(box(15, 4.5, 20, 8))
    ring = edge((3.0, 3.0), (37.0, 3.0), (37.0, 17.0), (3.0, 17.0), (3.0, 3.0))
    found = [way for way, _ in cut(ring, ground=ground, width_m=6.0)]
    south = sorted(way for way in found if way[0][1] == way[-1][1] == 3.0)
    assert [way[0][0] for way in south] == pytest.approx([6.0, 20.0], abs=0.03)
    assert [way[-1][0] for way in south] == pytest.approx([15.0, 40.0], abs=0.03)


@pytest.mark.parametrize(("aside_m", "kinds"), [(0.14, [False]), (0.16, [True])])
def test_a_side_is_left_to_a_line_that_sprays_97_percent_of_it(
    aside_m: float, kinds: list[bool]
) -> None:
    """A line 5 m wide so far aside sprays 97.2 % or 96.8 % of it; then the line has no ground."""
    found = cut(
        edge((0.0, 10.0), (60.0, 10.0)), line((0.0, 10.0 + aside_m), (60.0, 10.0 + aside_m))
    )
    assert [is_edge for _, is_edge in found] == kinds


@pytest.mark.parametrize(
    ("north_m", "long_m", "parts"),
    [(11.7, 30.0, 2), (12.0, 30.0, 1), (11.0, 13.0, 2), (11.0, 11.4, 1)],
)
def test_a_line_rests_where_sides_spray_six_ninths_of_it_for_twelve_metres(
    north_m: float, long_m: float, parts: int
) -> None:
    """Five ninths of its width sprayed already are not worth resting for, nor is a short way."""
    side = edge((30.0, north_m), (30.0 + long_m, north_m))
    found = [way for way, is_edge in cut(line((0.0, 10.0), (90.0, 10.0)), side) if not is_edge]
    assert len(found) == parts
    assert (found[0][0], found[-1][-1]) == ((0.0, 10.0), (90.0, 10.0))
    if parts == 2:
        assert found[0][-1][0] == pytest.approx(30.0, abs=0.5)
        assert found[1][0][0] == pytest.approx(30.0 + long_m, abs=0.5)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("lean_m", [-18.0, 0.0, 7.0, 25.0])
def test_a_line_ends_where_four_ninths_of_it_are_no_more_fresh(
    lean_m: float, backwards: bool
) -> None:
    """It runs into a side that leans; the ground ends where the side's swath does."""
    side = ((60.0 - lean_m / 2.0, -30.0), (60.0 + lean_m / 2.0, 30.0))
    strip = LineString(side).buffer(2.5, cap_style="flat")
    ground = box(0, -25, 120, 25).difference(affinity.translate(strip, 5.0, 0.0)).union(strip)
    places = ((0.0, 1.0), (60.0, 1.0))
    found = cut(edge(*side), line(*(places[::-1] if backwards else places)), ground=ground)
    [way] = [sorted(way) for way, is_edge in found if not is_edge]
    fresh = looked(tuple(way), 5.0, strip)
    assert 9 - fresh(True, -HAIR_M) >= 4
    assert 9 - fresh(True, HAIR_M) < 4


@pytest.mark.parametrize(("leg_m", "kept"), [(0.40, False), (0.44, True)])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_last_leg_is_flown_when_its_boom_goes_forward_all_along(
    leg_m: float, kept: bool, backwards: bool
) -> None:
    """Half a width times tan(turn / 2): at 19° and 5 m that is 0.418 m."""
    turn = math.radians(19.0)
    end = (30.0 + leg_m * math.cos(turn), leg_m * math.sin(turn))
    way = ((0.0, 0.0), (30.0, 0.0), end)
    [(found, _)] = cut(line(*(way[::-1] if backwards else way)))
    assert len(found) == (3 if kept else 2)
    assert Point(30.0, 0.0).distance(LineString(found)) < 0.05
