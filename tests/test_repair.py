"""Rings as people draw them: what is repaired, what is refused, and that sound ones are kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon

from agri.boundaries.repair import MAX_VERTICES, repair_area
from agri.boundaries.rings import Ring, clean_ring, turns_around
from agri.errors import BadInput
from agri.findings import Finding, Severity
from agri.geo import LocalFrame, LonLat
from tests.sizes import of_full

FRAME = LocalFrame(LonLat(lon_deg=106.51, lat_deg=21.08))
SQUARE = [(0, 0), (100, 0), (100, 100), (0, 100), (0, 0)]
Points = list[tuple[float, float]]


def degrees(points: Points) -> Ring:
    """Metres around Đông Triều as degrees; a ring closed in metres is closed to the bit."""
    ring = np.column_stack(FRAME.to_lonlat(*zip(*points, strict=True)))
    if points[0] == points[-1]:
        ring[-1] = ring[0]
    return ring


def repaired(
    *polygons: list[Points], rings_turn: bool = False
) -> tuple[MultiPolygon, dict[str, Finding]]:
    """The area in metres, and findings by key."""
    area, findings = repair_area(
        [tuple(degrees(ring) for ring in rings) for rings in polygons],
        name="Ruộng 1",
        rings_turn=rings_turn,
    )
    assert all(finding.where == "Ruộng 1" for finding in findings)
    assert area.is_valid
    assert all(part.exterior.is_ccw for part in area.geoms)
    assert not any(hole.is_ccw for part in area.geoms for hole in part.interiors)
    local = FRAME.geometry_to_local(area)
    assert local.is_valid  # in a frame that is not the repair's own
    return local, {finding.key: finding for finding in findings}


def refused(*polygons: list[Points]) -> str:
    with pytest.raises(BadInput) as caught:
        repaired(*polygons)
    sentence = str(caught.value)
    assert sentence.startswith("Ruộng 1: ")
    assert sentence.count(". ") == 0
    return caught.value.message.key


def test_a_sound_ring_is_kept_to_the_last_bit_without_a_word() -> None:
    ring = degrees(SQUARE)
    area, findings = repair_area([(ring,)], name="a", rings_turn=True)
    assert findings == ()
    assert np.array_equal(shapely.get_coordinates(area), ring)


def test_a_ring_that_is_not_closed_is_closed() -> None:
    area, findings = repaired([SQUARE[:-1]])
    assert area.area == pytest.approx(10_000, rel=1e-5)
    assert list(findings) == ["finding.ring_closed"]


def test_repeated_corners_go() -> None:
    area, findings = repaired([[(0, 0), (100, 0), (100, 0), (100.0004, 0), *SQUARE[2:]]])
    assert len(area.geoms[0].exterior.coords) == 5
    assert dict(findings["finding.corners_repeated"].message.values)["count"] == 2


@pytest.mark.parametrize(
    "ring",
    [
        [(0, 0), (100, 0), (100, 50), (160, 50), (100, 50.02), (100, 100), (0, 100), (0, 0)],
        [(160, -0.02), (0, 0), (0, 100), (100, 100), (100, 0.0), (160, -0.02)],
        [(0, 0), (0, -50), (0.01, 0), (100, 0), (100, 100), (0, 100), (0, 0)],
    ],
)
def test_spikes_go_wherever_the_ring_begins(ring: Points) -> None:
    area, findings = repaired([ring])
    assert area.area == pytest.approx(10_000, abs=5)
    assert area.bounds == pytest.approx((0, 0, 100, 100), abs=0.1)
    assert "finding.spikes" in findings


def test_a_spike_on_a_spike_goes_too() -> None:
    spike = [(100, 50), (150, 50), (150, 80), (150, 50), (100, 50.01)]
    ring = [(0, 0), (100, 0), *spike, *SQUARE[2:]]
    area, findings = repaired([ring])
    assert area.bounds == pytest.approx((0, 0, 100, 100), abs=0.1)
    assert dict(findings["finding.spikes"].message.values)["count"] == 2


def test_a_sharp_corner_of_a_real_field_is_no_spike() -> None:
    area, findings = repaired([[(0, 0), (200, 0), (200, 5), (0, 0)]])
    assert area.area == pytest.approx(500, rel=1e-5)
    assert findings == {}


def test_corners_on_straight_lines_go_but_a_fine_curve_stays() -> None:
    straight = [(float(x), 0.0) for x in range(0, 100, 10)]
    arc = [(100 * math.cos(a), 100 * math.sin(a)) for a in np.linspace(0, math.pi, 4000)]
    area, findings = repaired([[*straight, *arc, (0.0, 0.0)]])
    assert dict(findings["finding.corners_straight"].message.values)["count"] == 10
    assert area.area == pytest.approx(math.pi * 100**2 / 2, rel=1e-5)


def test_a_wrong_turn_is_told_only_where_the_format_fixes_it() -> None:
    hole = [(20, 20), (30, 20), (30, 30), (20, 30), (20, 20)]
    _, findings = repaired([SQUARE[::-1], hole], rings_turn=True)
    assert list(findings) == ["finding.ring_order"]
    _, findings = repaired([SQUARE[::-1], hole])
    assert findings == {}


def test_a_bow_tie_becomes_its_two_triangles_with_a_warning() -> None:
    area, findings = repaired([[(0, 0), (100, 100), (100, 0), (0, 100), (0, 0)]])
    assert len(area.geoms) == 2
    assert area.area == pytest.approx(5_000, rel=1e-5)
    assert findings["finding.self_crossing"].severity is Severity.WARNING


def test_a_small_loop_at_a_corner_stays_a_piece_or_goes_as_a_sliver() -> None:
    loop = [(0, 0), (100, 0), (100, 98), (103, 100), (103, 98), (100, 100), (0, 100), (0, 0)]
    area, findings = repaired([loop])
    assert area.area == pytest.approx(10_000, rel=0.001)
    assert "finding.self_crossing" in findings
    tiny = [(0, 0), (100, 0), (100, 99), (101, 100), (101, 99), (100, 100), (0, 100), (0, 0)]
    area, findings = repaired([tiny])
    assert len(area.geoms) == 1
    assert {"finding.self_crossing", "finding.slivers"} <= findings.keys()


def test_a_ring_touching_itself_keeps_its_area() -> None:
    touching = [(0, 0), (100, 0), (50, 50), (100, 100), (0, 100), (50, 50), (0, 0)]
    area, findings = repaired([touching])
    assert area.area == pytest.approx(5_000, rel=1e-5)
    assert findings["finding.self_touch"].severity is Severity.INFO


def test_a_hole_drawn_into_the_border_by_a_cut_becomes_a_hole() -> None:
    keyhole = [(0, 0), (100, 0), (100, 100), (50, 100), (50, 60), (60, 60), (60, 40), (40, 40),
               (40, 60), (50, 60), (50, 100), (0, 100), (0, 0)]  # fmt: skip
    area, findings = repaired([keyhole])
    assert area.area == pytest.approx(10_000 - 400, rel=1e-5)
    assert len(area.geoms[0].interiors) == 1
    assert "finding.self_crossing" not in findings


def test_a_shape_gone_round_twice_is_refused_as_nobody_can_tell_it() -> None:
    star = [
        (100 * math.sin(4 * math.pi * k / 5), 100 * math.cos(4 * math.pi * k / 5)) for k in range(5)
    ]
    assert refused([[*star, star[0]]]) == "error.boundary_ambiguous"
    twice = [*SQUARE[:-1], (2, 2), (98, 3), (97, 98), (3, 97), (0, 0)]
    assert refused([twice]) == "error.boundary_ambiguous"


def test_a_zigzag_of_many_pieces_is_refused() -> None:
    zigzag = [(10.0 * k, 60.0 * (k % 2)) for k in range(16)]
    back = [(10.0 * k, 60.0 * ((k + 1) % 2)) for k in reversed(range(16))]
    assert refused([[*zigzag, *back, zigzag[0]]]) == "error.boundary_ambiguous"


def test_a_scribble_is_refused_before_it_is_reckoned_out() -> None:
    corners = np.random.default_rng(7).uniform(0.0, 300.0, (20_000, 2))
    assert refused([[tuple(corner) for corner in corners]]) == "error.boundary_tangled"


def test_holes_are_kept_and_needless_ones_go() -> None:
    hole = [(20, 20), (30, 20), (30, 30), (20, 30), (20, 20)]
    flat = [(50, 50), (60, 60), (50, 50.0), (50, 50)]
    line = [(50, 60), (60, 60), (70, 60), (50, 60)]
    outside = [(200, 200), (210, 200), (210, 210), (200, 200)]
    area, findings = repaired([SQUARE, hole, flat, line, outside])
    assert area.area == pytest.approx(9_900, rel=1e-5)
    assert findings.keys() == {"finding.hole_without_area", "finding.hole_outside"}


def test_a_hole_over_the_border_is_cut_to_it() -> None:
    area, findings = repaired([SQUARE, [(90, 40), (120, 40), (120, 60), (90, 60), (90, 40)]])
    assert area.area == pytest.approx(10_000 - 200, rel=1e-5)
    assert list(findings) == ["finding.hole_cut"]


def test_overlapping_holes_are_one_hole() -> None:
    one = [(20, 20), (40, 20), (40, 40), (20, 40), (20, 20)]
    two = [(30, 30), (50, 30), (50, 50), (30, 50), (30, 30)]
    area, _ = repaired([SQUARE, one, two])
    assert area.area == pytest.approx(10_000 - 700, rel=1e-5)


def test_border_and_hole_exchanged_are_put_right_with_a_warning() -> None:
    hole = [(20, 20), (30, 20), (30, 30), (20, 30), (20, 20)]
    area, findings = repaired([hole, SQUARE])
    assert area.area == pytest.approx(9_900, rel=1e-5)
    assert findings["finding.ring_roles"].severity is Severity.WARNING


def test_a_hole_as_large_as_the_field_leaves_nothing() -> None:
    assert refused([SQUARE, SQUARE]) == "error.boundary_no_area"


def test_overlapping_parts_and_parts_sharing_a_border_are_joined() -> None:
    shifted = [(x + 50, y) for x, y in SQUARE]
    area, findings = repaired([SQUARE], [shifted])
    assert area.area == pytest.approx(15_000, rel=1e-5)
    assert list(findings) == ["finding.parts_joined"]
    beside = [(x + 100, y) for x, y in SQUARE]
    area, findings = repaired([SQUARE], [beside])
    assert len(area.geoms) == 1
    assert list(findings) == ["finding.parts_joined"]
    area, findings = repaired([SQUARE], [SQUARE])
    assert area.area == pytest.approx(10_000, rel=1e-5)


def test_parts_apart_stay_apart() -> None:
    area, findings = repaired([SQUARE], [[(x + 300, y) for x, y in SQUARE]])
    assert len(area.geoms) == 2
    assert findings == {}


def test_small_and_thin_parts_go() -> None:
    small = [(200, 0), (202, 0), (202, 2), (200, 2), (200, 0)]
    thin = [(300, 0), (700, 0), (700, 0.04), (300, 0.04), (300, 0)]
    area, findings = repaired([SQUARE], [small], [thin])
    assert len(area.geoms) == 1
    assert dict(findings["finding.slivers"].message.values)["count"] == 2


def test_a_part_without_area_goes_when_another_has_one() -> None:
    area, findings = repaired([SQUARE], [[(200, 0), (300, 0), (200, 0)]])
    assert len(area.geoms) == 1
    assert list(findings) == ["finding.part_without_area"]


@pytest.mark.parametrize(
    ("ring", "key"),
    [
        ([(0, 0), (0, 0), (0, 0), (0, 0)], "error.boundary_few_corners"),
        ([(0, 0), (100, 0), (0, 0)], "error.boundary_few_corners"),
        ([(0, 0), (100, 0), (200, 0), (50, 0), (0, 0)], "error.boundary_no_area"),
        ([(0, 0), (0.01, 0), (0.01, 0.01), (0, 0)], "error.boundary_no_area"),
        ([(0, 0), (500, 0), (500, 0.03), (0, 0.03), (0, 0)], "error.boundary_no_area"),
        ([(0, 0), (250_000, 0), (250_000, 100), (0, 0)], "error.boundary_extent"),
    ],
)
def test_rings_around_nothing_are_refused(ring: Points, key: str) -> None:
    assert refused([ring]) == key


@pytest.mark.parametrize(
    ("corner", "key"),
    [
        ((float("nan"), 21.0), "error.boundary_not_finite"),
        ((106.5, float("inf")), "error.boundary_not_finite"),
        ((186.5, 21.0), "error.geometry_off_earth"),
        ((106.5, 91.0), "error.geometry_off_earth"),
        ((106.5, -85.0), "error.geometry_off_earth"),
    ],
)
def test_numbers_off_the_earth_are_refused(corner: tuple[float, float], key: str) -> None:
    ring = np.vstack([degrees(SQUARE)[:-1], [corner]])
    with pytest.raises(BadInput, match=r"^Ruộng 1: ") as caught:
        repair_area([(ring,)], name="Ruộng 1")
    assert caught.value.message.key == key


def test_too_many_corners_and_too_many_rings_are_refused() -> None:
    round_field = np.linspace(0.0, 2.0 * math.pi, MAX_VERTICES + 1)
    circle = [(500 * math.cos(a), 500 * math.sin(a)) for a in round_field]
    assert refused([circle]) == "error.boundary_vertices"
    assert refused(*[[SQUARE]] * 1001) == "error.boundary_rings"
    assert refused() == "error.geometry_empty"


def test_a_large_sound_outline_is_taken() -> None:
    angles = np.linspace(0.0, 2.0 * math.pi, 50_000)
    wavy = 800.0 + 40.0 * np.sin(300.0 * angles)
    area, _ = repaired([list(zip(wavy * np.cos(angles), wavy * np.sin(angles), strict=True))])
    assert area.area == pytest.approx(math.pi * (800.0**2 + 40.0**2 / 2.0), rel=1e-3)


def test_winding_numbers_count_turns() -> None:
    twice = np.array([[0, 0], [4, 0], [4, 4], [0, 4], [0, 0.5], [3, 1], [3, 3], [1, 3.0]])
    assert turns_around(twice, np.array([[2.0, 2.0], [0.5, 3.5], [9.0, 9.0]])).tolist() == [2, 1, 0]


corner = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda c: (5.0 * c[0], 5.0 * c[1]))


@given(st.lists(st.lists(corner, min_size=1, max_size=12), min_size=1, max_size=4))
def test_any_rings_on_a_grid_give_a_sound_area_within_them_or_one_sentence(
    rings: list[Points],
) -> None:
    """Grids make the hard cases common: shared corners, overlaps, collinear and repeated ones."""
    try:
        area, _ = repaired(rings)
    except BadInput:
        assert refused(rings)
        return
    hull = shapely.MultiPoint([c for ring in rings for c in ring]).convex_hull
    assert area.difference(hull.buffer(0.01)).area < 0.01
    assert area.area <= hull.area * 1.0001


@given(st.lists(st.floats(20.0, 200.0), min_size=3, max_size=40), st.integers(0, 39), st.booleans())
def test_any_star_shaped_field_is_kept_from_any_first_corner_and_turn(
    radii: list[float], first: int, backwards: bool
) -> None:
    angles = np.linspace(0.0, 2.0 * math.pi, len(radii), endpoint=False)
    points = [(r * math.cos(a), r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]
    truth = Polygon(points).area
    turned = points[first % len(points) :] + points[: first % len(points)]
    area, _ = repaired([turned[::-1] if backwards else turned])
    assert area.area == pytest.approx(truth, rel=1e-3)


@given(st.lists(corner, min_size=3, max_size=30))
def test_cleaning_only_picks_among_the_corners_given(points: Points) -> None:
    ring = degrees(points)
    loop, _ = clean_ring(ring, FRAME)
    given_corners = {tuple(row) for row in ring.tolist()}
    assert {tuple(row) for row in loop.degrees.tolist()} <= given_corners


@pytest.mark.slow
def test_ten_thousand_wrong_outlines_give_a_sound_area_within_them_or_one_sentence(
    record_property,
) -> None:
    record_property("wrong_outlines", of_full(10_000))
    chance = np.random.default_rng(20260101)
    areas = 0
    for _ in range(of_full(10_000)):
        rings = [
            [tuple(c) for c in 10.0 * chance.integers(0, 12, (chance.integers(1, 14), 2))]
            for _ in range(chance.integers(1, 5))
        ]
        try:
            area, _ = (
                repaired(*([ring] for ring in rings)) if chance.random() < 0.5 else repaired(rings)
            )
        except BadInput:
            continue
        areas += 1
        hull = shapely.MultiPoint([c for ring in rings for c in ring]).convex_hull
        assert area.difference(hull.buffer(0.01)).area < 0.01
    assert of_full(1_000) < areas < of_full(9_500)
