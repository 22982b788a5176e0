"""Rows found among trees whose rows are known, and flights along them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon

from agri.errors import BadInput, Refused
from agri.field import ObstacleKind
from missions.flightplan import Site
from missions.orchard.crowns import Tree
from missions.orchard.rows import Row, Rows, find_rows, plan_rows
from missions.passes.route import SprayRoute
from tests.orchards import Planted, asked, contours, grid, in_field, orchard_site
from tests.sites import Draft

PLANTINGS: dict[str, Planted] = {
    "4 × 6 m": grid(15, 8, along_m=4.0),
    "6 × 6 m": grid(20, 9),
    "5 × 7 m quincunx": grid(15, 9, along_m=5.0, across_m=7.0, shift=0.5),
    "6 × 6 m quincunx": grid(15, 9, shift=0.5),
    "along the slope": contours(9, 150.0),
}


def found_numbers(planted: Planted, rows: Rows) -> list[list[int]]:
    """For each row found, the planted rows its trees are of."""
    number = {tree.place: int(row) for tree, row in zip(planted.trees(), planted.row, strict=True)}
    return [[number[tree.place] for tree in row.trees] for row in rows.rows]


@pytest.mark.parametrize("turn_deg", [0.0, 17.0, 45.0, 90.0, 133.0, 211.7])
@pytest.mark.parametrize("name", list(PLANTINGS))
def test_planted_rows_are_found_at_any_angle(name: str, turn_deg: float) -> None:
    planted = PLANTINGS[name].turned(turn_deg, 30.0, -70.0)
    found = find_rows(planted.trees())
    numbers = found_numbers(planted, found)
    assert not found.alone
    assert [set(row) for row in numbers] in (
        [{k} for k in range(max(planted.row) + 1)],
        [{k} for k in reversed(range(max(planted.row) + 1))],
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", list(PLANTINGS))
def test_rows_are_found_with_a_seventh_missing_and_the_others_off_their_place(
    name: str, seed: int
) -> None:
    """15 % missing, and jitter of 12 % of the spacing each way."""
    planted = PLANTINGS[name].thinned(0.15, 0.6, seed).turned(31.0 * seed)
    found = find_rows(planted.trees())
    numbers = found_numbers(planted, found)
    mixed = [row for row in numbers if len(set(row)) > 1]
    assert not mixed
    assert len(found.alone) <= 0.02 * len(planted.row)
    most = Counter(row[0] for row in numbers)
    assert len(most) == max(planted.row) + 1
    assert len(numbers) <= len(most) + 1


def test_trees_that_stand_in_no_row_are_told_as_alone() -> None:
    planted = grid(12, 6, along_m=4.0)
    stray = Tree(place=(22.0, 80.0), radius_m=2.0, height_m=3.0, name="Cây lạc")
    found = find_rows([*planted.trees(), stray])
    assert [tree.name for tree in found.alone] == ["Cây lạc"]
    assert len(found.rows) == 6


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_trees_make_no_row(count: int) -> None:
    found = find_rows(grid(3, 1).trees()[:count])
    assert not found.rows
    assert len(found.alone) == count


def test_short_rows_of_close_trees_are_rows_rather_than_the_long_way_across() -> None:
    planted = grid(5, 12, along_m=4.0, across_m=7.0)
    assert [len(row.trees) for row in find_rows(planted.trees()).rows] == [5] * 12


def test_a_row_with_four_trees_missing_in_a_row_is_still_one() -> None:
    planted = grid(15, 5, along_m=4.0)
    kept = np.setdiff1d(np.arange(75), [2 * 15 + k for k in (5, 6, 7, 8)])
    found = find_rows(Planted(planted.places[kept], planted.row[kept]).trees())
    assert [len(row.trees) for row in found.rows] == [15, 15, 11, 15, 15]


def test_one_row_alone_is_a_row_in_order() -> None:
    planted = grid(9, 1).turned(71.0)
    (row,) = find_rows(planted.trees()).rows
    steps = [math.dist(a.place, b.place) for a, b in pairwise(row.trees)]
    assert steps == pytest.approx([6.0] * 8)
    assert row.length_m == pytest.approx(48.0)


def test_a_straight_row_gets_a_straight_line_and_a_curved_one_follows_its_trees() -> None:
    straight = find_rows(grid(20, 6, along_m=4.0).thinned(0.1, 0.4, 2).turned(20.0).trees())
    assert all(len(row.line) == 2 for row in straight.rows)
    planted = contours(7, 150.0)
    for row in find_rows(planted.thinned(0.1, 0.3, 2).trees()).rows:
        off = [LineString(row.line).distance(Point(tree.place)) for tree in row.trees]
        assert max(off) < 1.2
        assert len(row.line) > 2
        assert all(math.dist(a, b) >= 5.0 - 1e-9 for a, b in pairwise(row.line))


def test_jitter_is_smoothed_away_from_the_line_of_a_curved_row() -> None:
    true, seen = contours(7, 150.0), contours(7, 150.0).thinned(0.0, 0.75, 4)
    lines = [LineString(row.line) for row in find_rows(seen.trees()).rows]
    truth = shapely.points(true.places)
    off = np.min([shapely.distance(truth, line) for line in lines], axis=0)
    assert np.sqrt((off**2).mean()) < 0.45
    raw = np.hypot(*(seen.places - true.places).T)
    assert np.sqrt((off**2).mean()) < 0.8 * np.sqrt((raw**2).mean())


def test_an_impossible_row_is_refused() -> None:
    tree = grid(1, 1).trees()[0]
    with pytest.raises(BadInput):
        Row(trees=(tree,), line=((0.0, 0.0),))
    with pytest.raises(BadInput):
        Row(trees=(), line=((0.0, 0.0), (9.0, 0.0)))


def planned(
    planted: Planted, *, around: dict[str, Any] | None = None, radius_m: float = 1.8, **how: Any
) -> tuple[Site, tuple[Tree, ...], Rows, SprayRoute]:
    site = orchard_site(planted, **(around or {}))
    trees = in_field(site, planted).trees(radius_m, 3.5)
    found = find_rows(trees)
    settings = asked(**how.pop("settings", {}))
    route = plan_rows(site, settings, found.rows, alone=found.alone, **how)
    return site, trees, found, route


def lines_of(route: SprayRoute) -> list[LineString]:
    return [LineString(work.points) for work in route.passes]


def test_each_row_is_one_pass_over_all_its_crowns() -> None:
    site, trees, _, route = planned(grid(15, 8, along_m=4.0).turned(25.0))
    assert len(route.passes) == 8
    assert all(work.length_m == pytest.approx(14 * 4.0 + 3.6, abs=0.02) for work in route.passes)
    wetted = shapely.union_all([line.buffer(2.0, cap_style="flat") for line in lines_of(route)])
    crowns = shapely.union_all([Point(t.place).buffer(1.8) for t in trees])
    assert crowns.difference(wetted).area < 0.01 * crowns.area
    assert route.angle_deg == pytest.approx(65.0, abs=0.6)
    assert {(w.width_m, w.rate_l_ha, w.speed_m_s) for w in route.passes} == {(4.0, 80.0, 2.0)}
    field = site.field.frame.geometry_to_local(site.field.boundary)
    assert all(field.covers(line) for line in lines_of(route))


def test_rows_side_by_side_are_flown_to_and_fro() -> None:
    _, _, found, route = planned(grid(15, 8, along_m=4.0).turned(25.0))
    rows = [LineString(row.line) for row in found.rows]
    order = [min(range(8), key=lambda k: rows[k].distance(line)) for line in lines_of(route)]
    assert order in ([*range(8)], [*reversed(range(8))])
    ways = [np.subtract(work.points[-1], work.points[0]) for work in route.passes]
    assert all(float(a @ b) < 0.0 for a, b in pairwise(ways))


def test_the_sprayer_rests_where_trees_are_missing() -> None:
    planted = grid(15, 5, along_m=4.0)
    gone = [2 * 15 + 6, 2 * 15 + 7, 3 * 15 + 3]
    kept = np.setdiff1d(np.arange(75), gone)
    _, _, _, route = planned(Planted(planted.places[kept], planted.row[kept]))
    assert len(route.passes) == 5 + 2
    site = orchard_site(planted)
    holes = in_field(site, planted).places[gone]
    for hole in holes:
        assert min(line.distance(Point(hole)) for line in lines_of(route)) > 2.0
    _, _, _, on = planned(Planted(planted.places[kept], planted.row[kept]), gap_m=20.0)
    assert len(on.passes) == 5
    assert on.litres > route.litres


def test_a_small_crown_within_a_wide_one_does_not_cut_the_pass() -> None:
    planted = grid(12, 6, along_m=4.0)
    site = orchard_site(planted)
    trees = in_field(site, planted).trees(0.6, 3.5)
    wide = tuple(replace(t, radius_m=5.0) if k == 6 else t for k, t in enumerate(trees[24:36]))
    few = wide[6:9]
    row = Row(trees=few, line=(few[0].place, few[-1].place))
    (work,) = plan_rows(site, asked(), [row], gap_m=2.5).passes
    assert work.length_m == pytest.approx(5.0 + 8.0 + 0.6, abs=0.01)


def test_both_sides_of_a_row_are_flown_beside_it() -> None:
    _, trees, _, route = planned(contours(6, 120.0), radius_m=2.6, offset_m=2.0)
    assert len(route.passes) == 12
    tree_places = shapely.points([tree.place for tree in trees])
    for line in lines_of(route):
        assert shapely.distance(tree_places, line).min() > 1.0
    wetted = shapely.union_all([line.buffer(2.0, cap_style="flat") for line in lines_of(route)])
    crowns = shapely.union_all([Point(t.place).buffer(2.6) for t in trees])
    assert crowns.difference(wetted).area < 0.03 * crowns.area


def test_no_swath_reaches_into_a_buffer_and_what_is_left_out_is_told() -> None:
    planted = grid(15, 8, along_m=4.0)
    site = orchard_site(planted)
    trees = in_field(site, planted).trees(1.8, 3.5)
    wet = Point(trees[52].place).buffer(7.0)
    route = plan_rows(site, asked(), find_rows(trees).rows, buffers=[wet])
    assert min(line.distance(wet) for line in lines_of(route)) > 2.0 - 1e-6
    near = sum(Point(tree.place).distance(wet) < 2.0 for tree in trees)
    told = [f.text("en") for f in route.findings if f.key == "finding.trees_left_out"]
    assert told
    assert str(near) in told[0]


def test_a_swath_ends_where_its_corners_would_leave_the_field() -> None:
    """A slanted border cuts across the ends of the rows."""
    planted = grid(15, 8, along_m=4.0)
    whole = orchard_site(planted)
    trees = in_field(whole, planted).trees(1.8, 3.5)
    local = whole.field.frame.geometry_to_local(whole.field.boundary)
    slanted = local.intersection(Polygon([(-99, -99), (8, -99), (28, 99), (-99, 99)]))
    field = replace(whole.field, boundary=whole.field.frame.geometry_to_lonlat(slanted))
    site = replace(whole, field=field)
    moved = field.frame.geometry_to_local(whole.field.frame.geometry_to_lonlat(slanted))
    shift = np.subtract(moved.bounds[:2], slanted.bounds[:2])
    inside = [
        replace(t, place=(t.place[0] + shift[0], t.place[1] + shift[1]))
        for t in trees
        if slanted.covers(Point(t.place))
    ]
    route = plan_rows(site, asked(), find_rows(inside).rows)
    strips = [line.buffer(2.0, cap_style="flat") for line in lines_of(route)]
    assert all(moved.buffer(0.08).covers(strip) for strip in strips)
    sprayed = shapely.union_all(strips)
    kept = [t for t in inside if Point(t.place).distance(moved.boundary) > 4.0]
    assert all(sprayed.covers(Point(t.place)) for t in kept)


def test_passes_and_legs_keep_off_a_pole_among_the_rows() -> None:
    planted = grid(15, 8, along_m=4.0)
    pole = Draft().obstacle(ObstacleKind.POLE, Point(30.0, 21.0), 9.0, "Cột điện")
    _, _, _, route = planned(planted, around={"obstacles": (pole,)})
    assert all(route.allowed.buffer(0.01).covers(line) for line in lines_of(route))
    assert len(route.passes) > 8
    assert any("Cột điện" in finding.text("vi") for finding in route.findings)


def test_trees_of_no_row_and_trees_far_beside_theirs_are_told() -> None:
    planted = grid(12, 6, along_m=4.0)
    stray = Planted(np.vstack([planted.places, [[22.0, 55.0]]]), np.append(planted.row, 9))
    site, trees, found, route = planned(stray)
    assert [tree.name for tree in found.alone] == ["cây 73"]
    assert [f.key for f in route.findings] == ["finding.trees_alone"]
    off = (Row(trees=trees[:3], line=tuple((e, n + 5.0) for e, n in found.rows[0].line)),)
    with_line_off = plan_rows(site, asked(), [*found.rows[1:], *off])
    assert "not sprayed: 3, because" in with_line_off.findings[0].text("en")


def test_rows_that_cannot_be_flown_right_are_refused() -> None:
    planted = grid(12, 6, along_m=4.0)
    site = orchard_site(planted)
    trees = in_field(site, planted).trees(1.8, 3.5)
    rows = find_rows(trees).rows
    tall = Tree(place=trees[0].place, radius_m=1.0, height_m=9.0, name="Cây cao")

    def key(rows: Any = rows, changes: Any = None, **how: Any) -> str:
        with pytest.raises((BadInput, Refused)) as caught:
            plan_rows(site, asked(**(changes or {})), rows, **how)
        return caught.value.message.key

    assert key([]) == "error.rows_none"
    assert key(offset_m=1.0) == "error.row_offset"
    assert key(offset_m=-2.0) == "error.row_offset"
    assert key(offset_m=math.nan) == "error.row_offset"
    assert key(gap_m=-1.0) == "error.row_gap"
    assert key(changes={"crosshatch": True}) == "error.rows_crosshatch"
    assert key(changes={"rate_l_ha": 900.0}).startswith("error.dose_over")
    assert key(alone=[tall]) == "error.trees_above_flight"
    assert key(buffers=[Point(trees[0].place).buffer(400.0)]) == "error.no_tree_left"


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(sorted(PLANTINGS)), st.integers(0, 2**32 - 1), st.floats(0.0, 360.0),
    st.sampled_from([0.0, 2.0]),
)  # fmt: skip
def test_every_tree_is_sprayed_or_told_and_nothing_is_sprayed_outside(
    name: str, seed: int, turn_deg: float, offset_m: float
) -> None:
    planted = PLANTINGS[name].thinned(0.15, 0.6, seed).turned(turn_deg)
    site, trees, found, route = planned(planted, offset_m=offset_m)
    lines = lines_of(route)
    reach_m = offset_m + 2.0
    over = shapely.union_all(lines)
    missed = sum(not over.dwithin(Point(tree.place), reach_m + 1e-6) for tree in trees)
    told = sum(dict(f.message.values).get("count", 0) for f in route.findings)
    assert missed <= told
    assert sum(len(row.trees) for row in found.rows) + len(found.alone) == len(trees)
    field = site.field.frame.geometry_to_local(site.field.boundary)
    assert all(field.buffer(0.08).covers(line.buffer(2.0, cap_style="flat")) for line in lines)
    assert all(route.allowed.buffer(1e-6).covers(line) for line in lines)
    for work in route.passes:
        assert min(math.dist(a, b) for a, b in pairwise(work.points)) >= 0.5
        starts = [Point(work.points[0]), Point(work.points[-1])]
        assert all(min(p.distance(Point(t.place)) for t in trees) < reach_m + 3.0 for p in starts)
    again = plan_rows(site, asked(), found.rows, alone=found.alone, offset_m=offset_m)
    assert again.passes == route.passes
