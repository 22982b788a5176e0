"""Trees: what a list of them may hold, and how high they stand along a way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon, box

from agri.errors import BadInput
from agri.field import Field
from agri.findings import Severity
from missions.orchard.crowns import (
    MAX_TREES,
    Tree,
    TreeNote,
    canopy_heights,
    canopy_volume_m3,
    highest_m,
    trees_from,
)
from tests.sites import Draft

DRAFT = Draft()
FIELD = Field(name="Vườn thử", boundary=DRAFT(box(-100, -60, 100, 60)))
NOTE = TreeNote(radius_m=2.0, height_m=3.5)


def points(*places: tuple[float, float]) -> list[Point]:
    return [DRAFT(Point(place)) for place in places]


def test_a_crown_of_equal_axes_is_half_a_ball() -> None:
    assert canopy_volume_m3(2.0, 2.0) == pytest.approx(2.0 / 3.0 * math.pi * 8.0)


def test_the_volume_is_the_one_that_random_places_fill() -> None:
    draw = np.random.default_rng(1)
    e, n, up = draw.uniform(-1, 1, (3, 200_000)) * [[2.0], [2.0], [1.5]]
    share = np.mean(e**2 / 4 + n**2 / 4 + up**2 / 2.25 <= 1.0)
    assert canopy_volume_m3(2.0, 3.0) == pytest.approx(share * 4 * 4 * 3, rel=0.01)


def test_a_crown_that_begins_above_the_ground_holds_less() -> None:
    whole = Tree(place=(0, 0), radius_m=2.0, height_m=4.0)
    lifted = Tree(place=(0, 0), radius_m=2.0, height_m=4.0, base_m=1.0)
    assert lifted.volume_m3 == pytest.approx(0.75 * whole.volume_m3)


@pytest.mark.parametrize(
    "changes",
    [
        {"radius_m": 0.0},
        {"radius_m": 40.0},
        {"radius_m": math.nan},
        {"height_m": 0.0},
        {"height_m": math.inf},
        {"base_m": 3.5},
        {"base_m": -1.0},
    ],
)
def test_a_tree_that_cannot_be_is_refused_by_name(changes: dict[str, float]) -> None:
    given = {"radius_m": 2.0, "height_m": 3.5, **changes}
    with pytest.raises(BadInput, match="Cây 7"):
        Tree(place=(0.0, 0.0), name="Cây 7", **given)
    with pytest.raises(BadInput):
        Tree(place=(math.nan, 0.0), radius_m=2.0, height_m=3.0)


def test_points_become_trees_in_the_fields_own_metres() -> None:
    trees, findings = trees_from(
        points((-100, -60), (0, 0), (30, 40)), [NOTE, NOTE, TreeNote(radius_m=1.0, height_m=2.0)],
        FIELD,
    )  # fmt: skip
    assert not findings
    apart = math.dist(trees[1].place, trees[2].place)
    assert apart == pytest.approx(50.0, abs=0.01)
    assert [tree.name for tree in trees] == ["1", "2", "3"]
    assert (trees[2].radius_m, trees[2].height_m) == (1.0, 2.0)


def test_a_crown_area_becomes_the_circle_of_the_same_area() -> None:
    crown = DRAFT(box(10, 10, 14, 13))
    (tree,), findings = trees_from([crown], [TreeNote(height_m=3.0)], FIELD)
    assert tree.ground_m2 == pytest.approx(12.0, rel=1e-3)
    assert not findings


def test_trees_outside_the_field_refuse_the_list_with_their_number_and_the_first() -> None:
    outside = points((0, 0), (0, 61), (0, 62))
    with pytest.raises(BadInput) as caught:
        trees_from(outside, [NOTE, TreeNote(name="Cây lạc"), NOTE], FIELD)
    assert caught.value.message.key == "error.trees_outside"
    assert "2" in caught.value.text("vi")
    assert "Cây lạc" in caught.value.text("vi")


def test_a_tree_in_a_pond_is_outside() -> None:
    pond = Polygon(box(-100, -60, 100, 60).exterior, [box(-10, -10, 10, 10).exterior.coords])
    with pytest.raises(BadInput, match="1 tree stands outside"):
        trees_from(points((0, 0)), [NOTE], Field(name="Vườn", boundary=DRAFT(pond)))


def test_doubled_trees_are_dropped_but_not_a_chain_of_near_ones_as_a_whole() -> None:
    trees, findings = trees_from(points((0, 0), (0.3, 0), (0.6, 0), (9, 0)), [NOTE] * 4, FIELD)
    assert [tree.name for tree in trees] == ["1", "3", "4"]
    (told,) = findings
    assert (told.severity, told.key) == (Severity.WARNING, "finding.trees_doubled")
    assert "the first is 2" in told.text("en")


def test_a_size_that_is_not_told_is_assumed_and_said_or_refused() -> None:
    notes = [TreeNote(name="a"), NOTE, TreeNote(name="c", radius_m=1.0)]
    places = points((0, 0), (9, 0), (18, 0))
    trees, findings = trees_from(places, notes, FIELD, radius_m=2.5, height_m=4.0)
    assert [tree.radius_m for tree in trees] == [2.5, 2.0, 1.0]
    assert [tree.height_m for tree in trees] == [4.0, 3.5, 4.0]
    assert [f.key for f in findings] == ["finding.crowns_assumed", "finding.heights_assumed"]
    with pytest.raises(BadInput, match="Trees with no crown size: 1, the first is a"):
        trees_from(places, notes, FIELD, height_m=4.0)
    with pytest.raises(BadInput, match="Trees with no height: 2, the first is a"):
        trees_from(places, notes, FIELD, radius_m=2.5)


def test_no_tree_and_too_many_trees_are_refused() -> None:
    with pytest.raises(BadInput):
        trees_from([], [], FIELD)
    many = MAX_TREES + 1
    with pytest.raises(BadInput, match=str(many)):
        trees_from([Point(106.51, 21.08)] * many, [NOTE] * many, FIELD)


@given(st.integers(0, 2**32 - 1))
def test_the_canopy_is_as_high_as_the_highest_crown_there(seed: int) -> None:
    draw = np.random.default_rng(seed)
    trees = [
        Tree(place=(float(e), float(n)), radius_m=float(r), height_m=float(h))
        for e, n, r, h in draw.uniform([0, 0, 0.5, 1], [40, 40, 5, 8], (25, 4))
    ]
    asked = draw.uniform(-5, 45, (30, 2))
    found = canopy_heights(trees, margin_m=0.5)(*asked.T)
    for (e, n), height_m in zip(asked, found, strict=True):
        over = [t.height_m for t in trees if math.dist((e, n), t.place) <= t.radius_m + 0.5]
        assert height_m == max(over, default=0.0)


def test_a_way_is_as_high_as_the_highest_crown_it_crosses() -> None:
    trees = [Tree(place=(20.0 * k, 0.0), radius_m=2.0, height_m=2.0 + k) for k in range(5)]
    assert highest_m(trees, [(-5.0, 0.0), (45.0, 0.0)]) == 4.0
    assert highest_m(trees, [(-5.0, 3.5), (90.0, 3.5)]) == 0.0
    assert highest_m([], [(0.0, 0.0), (1.0, 0.0)]) == 0.0
    assert highest_m(trees, [(40.0, 0.0)]) == 4.0
