"""Spraying tree by tree: every tree once, its litres, and where the aircraft may not go."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

from agri.errors import BadInput, Refused
from agri.field import ObstacleKind
from agri.findings import Severity
from missions.airspace.keepouts import keep_outs
from missions.airspace.route import shortest_way
from missions.checks.plan import check_plan
from missions.flightplan import Site
from missions.orchard.crowns import LITRES_PER_M3, Tree
from missions.orchard.tour import visit, way_length_m
from missions.orchard.trees import (
    CORNERS,
    DOSE_ERROR,
    SLOWEST_M_S,
    hover_flow_l_min,
    plan_trees,
    ring_radii,
)
from missions.passes.energy import estimate_spray
from missions.passes.route import Pass, SprayRoute
from missions.sortie import split_sorties
from missions.spray.mission import fly_route
from missions.sprayer.gear import PumpPoint
from missions.sprayer.job import EdgeClearance
from missions.sprayer.parameters import job_parameters
from tests.orchards import SPRAYER, Planted, asked, grid, in_field, orchard_site
from tests.sites import Draft

FLOWS_L_MIN = np.interp(np.arange(20, 101) / 100.0, [0.2, 1.0], [0.8, 4.0])
"""What the test sprayer's pump gives at whole percents."""


def flow_l_min(work: Pass) -> float:
    if work.is_spot:
        return 60.0 * work.spot_l / work.dwell_s
    return 0.006 * work.rate_l_ha * work.width_m * work.speed_m_s


def middle(work: Pass) -> tuple[float, float]:
    """Of a spot or of rings flown whole."""
    at = np.array(work.points)
    low, high = at.min(axis=0), at.max(axis=0)
    return tuple(map(float, (low + high) / 2.0))


def sprayed_trees(route: SprayRoute, trees: tuple[Tree, ...]) -> list[int]:
    """For each pass the tree it is over."""
    places = np.array([tree.place for tree in trees])
    return [int(np.argmin(np.hypot(*(places - middle(work)).T))) for work in route.passes]


def planted_site(planted: Planted, **around: Any) -> tuple[Site, Planted]:
    site = orchard_site(planted, **around)
    return site, in_field(site, planted)


def way_m(route: SprayRoute) -> float:
    stops = [route.home, *(middle(work) for work in route.passes), route.home]
    return sum(math.dist(a, b) for a, b in pairwise(stops))


PLANTED = grid(12, 8).thinned(0.15, 0.6, 3).turned(23.0)
SITE, HERE = planted_site(PLANTED)


def test_every_tree_of_an_orchard_is_hovered_over_once() -> None:
    trees = HERE.trees(1.8, 3.5)
    route = plan_trees(SITE, asked(), trees, litres_per_tree=0.4)
    assert sorted(sprayed_trees(route, trees)) == list(range(len(trees)))
    assert all(work.is_spot and work.width_m == 4.0 for work in route.passes)
    assert not route.findings


def test_spots_dwell_whole_seconds_at_one_flow_that_the_autopilot_can_hold() -> None:
    trees = tuple(
        replace(tree, radius_m=1.0 + 0.01 * k) for k, tree in enumerate(HERE.trees(1.0, 3.5))
    )
    route = plan_trees(SITE, asked(), trees, litres_per_m3=0.1)
    flow = hover_flow_l_min(route)
    assert flow is not None
    assert np.abs(FLOWS_L_MIN - flow).min() < 1e-9
    for work, number in zip(route.passes, sprayed_trees(route, trees), strict=True):
        assert work.dwell_s == round(work.dwell_s) >= 3
        assert flow_l_min(work) == pytest.approx(flow)
        assert work.litres == pytest.approx(0.1 * trees[number].volume_m3, rel=DOSE_ERROR)


def test_a_crown_wider_than_the_swath_is_ringed_and_covered() -> None:
    trees = (
        Tree(place=HERE.trees()[0].place, radius_m=1.9, height_m=3.0),
        Tree(place=HERE.trees()[20].place, radius_m=2.6, height_m=4.0),
        Tree(place=HERE.trees()[40].place, radius_m=3.7, height_m=4.0),
        Tree(place=HERE.trees()[60].place, radius_m=7.0, height_m=4.0),
    )
    route = plan_trees(SITE, asked(), trees, litres_per_m3=LITRES_PER_M3)
    flow = flow_l_min(route.passes[0])
    for work, number in zip(route.passes, sprayed_trees(route, trees), strict=True):
        tree = trees[number]
        crown = Point(tree.place).buffer(tree.radius_m)
        way = Point(work.points[0]) if work.is_spot else LineString(work.points)
        wetted = way.buffer(work.width_m / 2.0)
        assert work.is_spot == (tree.radius_m <= 2.0)
        assert crown.difference(wetted).area < 0.015 * crown.area
        assert wetted.difference(crown.buffer(1.05)).area < 0.01
        assert work.litres == pytest.approx(LITRES_PER_M3 * tree.volume_m3, rel=DOSE_ERROR)
        assert flow_l_min(work) == pytest.approx(flow)
        if not work.is_spot:
            assert work.points[0] == pytest.approx(work.points[-1]) or len(work.points) > 13
            assert SLOWEST_M_S <= work.speed_m_s <= asked().speed_m_s


@given(st.floats(0.3, 15.0), st.floats(0.5, 12.0))
def test_rings_leave_no_gap_and_spray_little_beyond_the_crown(
    radius_m: float, swath_m: float
) -> None:
    rings = ring_radii(radius_m, swath_m)
    half_m = swath_m / 2.0
    if not rings:
        assert radius_m <= half_m + 1e-6
        return
    assert rings[-1] <= half_m + 1e-9
    assert rings[0] + half_m >= radius_m - 1e-9
    assert rings[0] + half_m <= radius_m + 1.0 + 1e-9
    assert all(0.0 <= outer - inner <= swath_m + 1e-9 for outer, inner in pairwise(rings))


def test_slow_litres_are_given_by_flying_the_ring_again() -> None:
    tree = Tree(place=HERE.trees()[30].place, radius_m=2.6, height_m=4.0)
    strong = replace(SPRAYER, pump=(PumpPoint(output=0.5, flow_l_min=1.0),
                                    PumpPoint(output=0.51, flow_l_min=1.02)))  # fmt: skip
    route = plan_trees(SITE, asked(sprayer=strong), [tree], litres_per_tree=2.0)
    (work,) = route.passes
    assert work.litres == pytest.approx(2.0)
    assert work.speed_m_s >= SLOWEST_M_S
    assert len(work.points) > 2 * CORNERS
    assert work.points[0] == pytest.approx(work.points[-1])


def test_two_rings_flown_again_go_in_and_out() -> None:
    tree = Tree(place=HERE.trees()[30].place, radius_m=5.0, height_m=4.0)
    route = plan_trees(SITE, asked(), [tree], litres_per_tree=9.0)
    (work,) = route.passes
    steps = [math.dist(a, b) for a, b in pairwise(work.points)]
    assert work.length_m > 50.0
    assert max(steps) < 2.1
    assert work.litres == pytest.approx(9.0)
    assert work.length_m / work.speed_m_s == pytest.approx(60.0 * 9.0 / flow_l_min(work))


def test_no_hovering_is_shorter_than_the_sprayer_can_be_switched() -> None:
    route = plan_trees(SITE, asked(), HERE.trees(1.8, 3.5), litres_per_tree=0.1)
    assert min(work.dwell_s for work in route.passes) >= 3.0


def test_the_dose_is_by_volume_by_tree_or_by_the_ground_beneath_the_crown() -> None:
    trees = HERE.trees(2.0, 3.0)[:20]
    one = plan_trees(SITE, asked(), trees, litres_per_tree=0.5)
    volume = plan_trees(SITE, asked(), trees, litres_per_m3=0.02)
    ground = plan_trees(SITE, asked(rate_l_ha=200.0), trees)
    assert one.litres == pytest.approx(20 * 0.5, rel=DOSE_ERROR)
    assert volume.litres == pytest.approx(20 * 0.02 * 8.0 * math.pi, rel=DOSE_ERROR)
    assert ground.litres == pytest.approx(20 * 200.0 * 4.0 * math.pi / 1e4, rel=DOSE_ERROR)


def test_the_way_is_shorter_than_row_by_row_and_than_the_nearest_next() -> None:
    planted = grid(25, 20).thinned(0.15, 0.6, 8)
    site, here = planted_site(planted)
    trees = here.trees(1.8, 3.5)
    route = plan_trees(site, asked(), trees, litres_per_tree=0.4)
    by_rows = [
        sorted(np.flatnonzero(here.row == row), key=lambda k: here.places[k][0] * (-1) ** row)
        for row in range(20)
    ]
    stops = [route.home, *(trees[k].place for row in by_rows for k in row), route.home]
    assert way_m(route) < 0.95 * sum(math.dist(a, b) for a, b in pairwise(stops))
    places = np.array([route.home, *(tree.place for tree in trees)])
    between = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1))
    best_m = way_length_m(between, visit(between, first=0, last=0), closed=True)
    assert way_m(route) < 1.005 * best_m


def test_trees_in_a_buffer_are_left_out_and_told() -> None:
    trees = HERE.trees(1.8, 3.5)
    wet = Point(trees[10].place).buffer(9.0)
    route = plan_trees(SITE, asked(), trees, litres_per_tree=0.4, buffers=[wet])
    near = [k for k, t in enumerate(trees) if Point(t.place).distance(wet) < 2.0]
    assert sorted(sprayed_trees(route, trees)) == sorted(set(range(len(trees))) - set(near))
    (told,) = route.findings
    assert told.key == "finding.trees_left_out"
    assert f"not sprayed: {len(near)}, because" in told.text("en")
    assert trees[near[0]].name in told.text("vi")
    assert not shapely.union_all([Point(middle(w)) for w in route.passes]).intersects(wet)
    assert route.treatable.intersection(wet).area < 1e-6


def test_a_wider_buffer_never_sprays_more() -> None:
    trees = HERE.trees(1.8, 3.5)
    counts = []
    for radius_m in (0.0, 5.0, 10.0, 20.0, 30.0):
        wet = Point(trees[30].place).buffer(radius_m + 0.1)
        route = plan_trees(SITE, asked(), trees, litres_per_tree=0.4, buffers=[wet])
        counts.append(len(route.passes))
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < counts[0]


def pole_site() -> tuple[Site, Planted]:
    draft = Draft()
    e, n = PLANTED.places.mean(axis=0)
    pole = draft.obstacle(ObstacleKind.POLE, Point(e, n), 8.0, "Cột điện")
    wall = draft.obstacle(ObstacleKind.HOUSE, box(e + 12, n - 40, e + 13, n + 8), 4.0, "Nhà")
    return planted_site(PLANTED, obstacles=(pole, wall))


def test_legs_between_trees_go_round_what_stands_there() -> None:
    site, here = pole_site()
    trees = here.trees(1.8, 3.5)
    route = plan_trees(site, asked(), trees, litres_per_tree=0.4)
    shut = shapely.union_all(
        [shape for _, shape in keep_outs(site, asked().flying_height_m, site.field.frame)]
    )
    stops = [route.home, *(work.points[0] for work in route.passes), route.home]
    for a, b in pairwise(stops):
        way = shortest_way(route.allowed, a, b)
        assert way is not None
        assert LineString(way).distance(shut) > 2.0
    told = " ".join(finding.text("en") for finding in route.findings)
    assert "Cột điện" in told
    assert "Nhà" in told
    assert 0 < len(route.passes) < len(trees)
    left = set(range(len(trees))) - set(sprayed_trees(route, trees))
    assert all(Point(trees[k].place).distance(shut) < 15.0 for k in left)


def test_a_detour_counts_in_the_order() -> None:
    """A zone lies like a wall between two columns: the flight changes sides there and back only."""
    planted = grid(8, 8, along_m=8.0)
    site, here = planted_site(planted, margin_m=30.0, zones=(box(27.9, -30, 28.1, 60),))
    route = plan_trees(site, asked(), here.trees(1.8, 3.5), litres_per_tree=0.4)
    assert len(route.passes) == 64
    east = [work.points[0][0] > np.mean(here.places[:, 0]) for work in route.passes]
    assert sum(a != b for a, b in pairwise(east)) <= 2


def test_a_distance_set_for_an_edge_leaves_its_trees_out() -> None:
    planted = grid(10, 6)
    site, here = planted_site(planted, margin_m=4.0)
    trees = here.trees(1.8, 3.5)
    told = plan_trees(site, asked(), trees, litres_per_tree=0.4)
    assert len(told.passes) == 60
    whole = plan_trees(site, asked(clearance_m=3.0), trees, litres_per_tree=0.4)
    assert len(whole.passes) == 8 * 4
    assert {f.key for f in whole.findings} == {"finding.trees_left_out"}
    for edge in range(1, 5):
        one = asked(edges=(EdgeClearance(edge=edge, clearance_m=3.0),))
        route = plan_trees(site, one, trees, litres_per_tree=0.4)
        assert len(route.passes) in {50, 54}


@pytest.mark.parametrize("radius_m", [1.8, 3.5])
def test_no_spray_falls_beyond_the_border(radius_m: float) -> None:
    site, here = planted_site(grid(5, 5), margin_m=1.5)
    trees = here.trees(radius_m, 3.5)
    route = plan_trees(site, asked(), trees, litres_per_tree=0.6)
    assert len(route.passes) == 9
    (told,) = route.findings
    assert "not sprayed: 16, because" in told.text("en")
    assert "border" in told.text("en")
    field = site.field.frame.geometry_to_local(site.field.boundary)
    for work in route.passes:
        way = Point(work.points[0]) if work.is_spot else LineString(work.points)
        assert field.buffer(0.05).covers(way.buffer(work.width_m / 2.0))


def test_low_trees_far_below_the_flight_are_told() -> None:
    settings = asked(crop_height_m=8.0)
    trees = (*HERE.trees(1.8, 7.0)[:10], *HERE.trees(1.8, 3.0)[10:15])
    route = plan_trees(SITE, settings, trees, litres_per_tree=0.4)
    assert [f.key for f in route.findings] == ["finding.trees_far_below"]
    assert "5 trees" in route.findings[0].text("en")


def test_a_sapling_that_no_common_flow_doses_right_is_left_out_and_told() -> None:
    sapling = Tree(place=HERE.trees()[5].place, radius_m=0.3, height_m=0.5, name="Cây con")
    others = HERE.trees(1.8, 3.5)
    trees = (*others[:5], sapling, *others[6:])
    route = plan_trees(SITE, asked(), trees, litres_per_m3=0.02)
    assert sorted(sprayed_trees(route, trees)) == sorted(set(range(len(trees))) - {5})
    told = [f.text("en") for f in route.findings if f.key == "finding.trees_left_out"]
    assert len(told) == 1
    assert "Cây con" in told[0]


@pytest.mark.parametrize("radius_m", [1.8, 2.6])
def test_the_flight_is_without_fault_and_the_pump_is_told_to_hold_the_one_flow(
    radius_m: float,
) -> None:
    """Hovering or in rings: litres are flow times time, whatever the speed."""
    route = plan_trees(SITE, asked(), HERE.trees(radius_m, 3.5), litres_per_tree=0.6)
    sorties = split_sorties(route, asked())
    assert sum(len(sortie.passes) for sortie in sorties) == len(route.passes)
    first = sorties[0]
    plan = fly_route(
        SITE, asked(), first, name="Cây", kind="trees", estimate=estimate_spray(first, asked())
    )
    wrong = [f.text("en") for f in check_plan(plan) if f.severity is not Severity.INFO]
    assert not wrong
    assert plan.spray is not None
    told = job_parameters(plan.spray)
    assert told["SPRAY_PUMP_RATE"] == 0.0
    assert told["SPRAY_SPEED_MIN"] <= 100.0 * 0.5 * min(p.speed_m_s for p in route.passes)
    flow = FLOWS_L_MIN[round(told["SPRAY_PUMP_MIN"]) - 20]
    assert flow == pytest.approx(flow_l_min(route.passes[0]), rel=1e-6)


def refusal(trees: Any, **changes: Any) -> str:
    dose = {"litres_per_tree": 0.4}
    dose = {k: changes.pop(k) for k in ("litres_per_tree", "litres_per_m3") if k in changes} or dose
    buffers = changes.pop("buffers", ())
    with pytest.raises((BadInput, Refused)) as caught:
        plan_trees(SITE, asked(**changes), trees, buffers=buffers, **dose)
    assert caught.value.text("vi") != caught.value.text("en")
    return caught.value.message.key


def test_what_cannot_be_done_right_is_refused() -> None:
    trees = HERE.trees(1.8, 3.5)
    everywhere = Point(trees[0].place).buffer(500.0)
    tall = (*trees, Tree(place=trees[0].place, radius_m=1.0, height_m=6.0, name="Cây cao"))
    assert refusal([]) == "error.trees_none"
    assert refusal(trees, litres_per_tree=20.0) == "error.tree_over_tank"
    assert refusal(trees, litres_per_tree=0.01) == "error.trees_out_of_pump"
    assert refusal(trees, litres_per_tree=0.0) == "error.trees_dose_value"
    assert refusal(trees, litres_per_tree=math.nan) == "error.trees_dose_value"
    assert refusal(trees, litres_per_tree=1.0, litres_per_m3=0.1) == "error.trees_two_doses"
    assert refusal(trees, buffers=[everywhere]) == "error.no_tree_left"
    assert refusal(tall) == "error.trees_above_flight"
    wide = [Tree(place=trees[30].place, radius_m=3.5, height_m=4.0)]
    assert refusal(wide, litres_per_tree=0.05) == "error.trees_out_of_pump"


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**32 - 1), st.floats(0.0, 360.0),
    st.floats(0.031, 0.1), st.sampled_from([3.0, 4.0, 5.5]),
)  # fmt: skip
def test_every_tree_gets_its_litres_exactly_once_inside_the_field(
    columns: int, rows: int, seed: int, turn_deg: float, litres_per_m3: float, swath_m: float
) -> None:
    planted = grid(columns, rows).thinned(0.0, 0.9, seed).turned(turn_deg)
    site, here = planted_site(planted)
    draw = np.random.default_rng(seed)
    trees = tuple(
        replace(tree, radius_m=float(draw.uniform(1.2, 2.9)), height_m=float(draw.uniform(2, 4)))
        for tree in here.trees()
    )
    route = plan_trees(site, asked(swath_m=swath_m), trees, litres_per_m3=litres_per_m3)
    numbers = sprayed_trees(route, trees)
    assert sorted(numbers) == list(range(len(trees)))
    field = site.field.frame.geometry_to_local(site.field.boundary)
    for work, number in zip(route.passes, numbers, strict=True):
        tree = trees[number]
        assert middle(work) == pytest.approx(tree.place, abs=0.2)
        assert work.litres == pytest.approx(litres_per_m3 * tree.volume_m3, rel=DOSE_ERROR)
        assert 0.8 - 1e-9 <= flow_l_min(work) <= 4.0 + 1e-9
        assert all(field.covers(Point(point)) for point in work.points)
        assert all(route.allowed.covers(Point(point)) for point in work.points)
    assert len({round(flow_l_min(work), 9) for work in route.passes}) == 1
    again = plan_trees(site, asked(swath_m=swath_m), trees, litres_per_m3=litres_per_m3)
    assert again.passes == route.passes
