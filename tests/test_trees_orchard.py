"""The orchard's grid, its gaps, and numbers that stay from flight to flight."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely import contains_xy
from shapely.geometry import MultiPoint, Point
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput, Refused
from imagery.trees.aligning import align_points
from imagery.trees.crown import Crown
from imagery.trees.gaps import find_gaps, to_replant
from imagery.trees.lattice import Orchard, fit_orchard, missing
from imagery.trees.numbering import first_numbers, match, next_numbers
from imagery.trees.output import gap_features, tree_features, write_trees
from imagery.trees.passport import register_from, register_text
from tests.canopies import EAST, NORTH
from tests.orchards import Planted, contours, grid

FloatArray = NDArray[np.float64]
LAYOUTS = {
    "square": grid(22, 18),
    "rectangle": grid(24, 15, along_m=4.0, across_m=7.0),
    "quincunx": grid(22, 18, shift=0.5),
    "contours": contours(9, 150.0),
}


def seen(planted: Planted, seed: int, *, gone: float = 0.07, off_m: float = 0.5,
         false: float = 0.01) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """What a flight sees of an orchard, and the places of which the tree is gone."""
    draw = np.random.default_rng(seed)
    lost = draw.random(len(planted.places)) < gone
    points = planted.places[~lost] + draw.uniform(-off_m, off_m, (int((~lost).sum()), 2))
    low, high = points.min(axis=0), points.max(axis=0)
    strange = draw.uniform(low, high, (int(false * len(points)), 2))
    points = np.concatenate([points, strange])
    draw.shuffle(points)
    return points, planted.places[lost]


def counted(orchard: Orchard, truth: FloatArray, area: BaseGeometry | None) -> tuple[int, int]:
    """How many of the true gaps are found, and how many are told that are none."""
    inside = None if area is None else contains_xy(area, orchard.spots)
    spots = orchard.spots[missing(orchard, inside)]
    found = cKDTree(spots).query(truth)[0] < 1.6
    false = cKDTree(truth).query(spots)[0] >= 1.6
    return int(found.sum()), int(false.sum())


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_of_an_orchard_nearly_all_trees_get_their_place_and_nearly_all_gaps_are_found(
    layout: str,
) -> None:
    trees = held = gaps = found = false = 0
    for seed in range(2):
        planted = LAYOUTS[layout].turned(23.0 * seed + 5.0, 650_000.0, 2_330_000.0)
        points, truth = seen(planted, seed)
        orchard = fit_orchard(points)
        area = MultiPoint(planted.places).buffer(5.0).buffer(-2.5) if layout == "contours" else None
        right, wrong = counted(orchard, truth, area)
        trees, held = trees + len(points), held + int((orchard.trees >= 0).sum())
        gaps, found, false = gaps + len(truth), found + right, false + wrong
    assert held >= 0.97 * trees
    assert found >= 0.95 * gaps
    assert false <= 0.02 * trees


def test_a_large_orchard_is_numbered_whole() -> None:
    points = grid(40, 30).thinned(0.05, 0.5, 1).places
    orchard = fit_orchard(points)
    assert len(orchard.between) == 0
    assert abs(len(missing(orchard)) + len(points) - 1200) <= 6


def test_rows_and_places_are_those_planted() -> None:
    planted = grid(12, 8, along_m=4.0, across_m=7.0).turned(30.0)
    points, _ = seen(planted, 3, false=0.0)
    orchard = fit_orchard(points)
    along, across = orchard.spacing_m
    assert abs(along - 4.0) < 0.05
    assert abs(across - 7.0) < 0.1
    assert abs(orchard.angle_deg - 30.0) < 0.5
    assert abs(orchard.cell_m2 - 28.0) < 0.5
    held = orchard.trees >= 0
    truth = cKDTree(planted.places).query(orchard.spots[held])[1]
    assert (orchard.rows[held] - 1 == planted.row[truth]).all()
    assert (orchard.places[held] - 1 == truth % 12).all()


def test_rows_that_bend_with_the_slope_stay_one_row_each() -> None:
    planted = contours(8, 150.0)
    points, _ = seen(planted, 2, gone=0.03, off_m=0.3, false=0.0)
    orchard = fit_orchard(points)
    held = orchard.trees >= 0
    truth = planted.row[cKDTree(planted.places).query(points[orchard.trees[held]])[1]]
    for row in np.unique(orchard.rows[held]):
        assert len(np.unique(truth[orchard.rows[held] == row])) == 1


def test_gaps_are_areas_with_places_to_plant() -> None:
    planted = grid(10, 6, along_m=5.0, across_m=6.0)
    gone = [23, 24, 41]
    orchard = fit_orchard(np.delete(planted.places, gone, axis=0))
    gaps, findings = find_gaps(orchard)
    assert [len(gap.places) for gap in gaps] == [2, 1]
    assert [place.name for place in to_replant(gaps)] == ["03-04", "03-05", "05-02"]
    assert [round(gap.area_m2, 1) for gap in gaps] == [60.0, 30.0]
    assert all(gap.outline.contains(Point(p.spot)) for gap in gaps for p in gap.places)
    assert findings == ()


def test_with_the_planted_area_given_a_missing_corner_is_noticed() -> None:
    planted = grid(8, 6)
    area = MultiPoint(planted.places).convex_hull.buffer(3.0)
    orchard = fit_orchard(planted.places[1:])
    assert to_replant(find_gaps(orchard)[0]) == ()
    numbered = first_numbers(crowns_at(planted.places[1:]), epsg=32648, flight="a", area=area)
    assert not numbered.register.passport("01-01").stands
    corner = to_replant(find_gaps(orchard, area)[0])
    assert len(corner) == 1
    assert math.dist(corner[0].spot, planted.places[0]) < 0.1


def test_a_pond_is_no_list_of_missing_trees() -> None:
    planted = grid(16, 16)
    pond = np.hypot(*(planted.places - 45.0).T) < 24.0
    points = planted.places[~pond & (np.arange(256) != 17)]
    gaps, findings = find_gaps(fit_orchard(points), MultiPoint(planted.places).convex_hull)
    assert [gap.hole for gap in gaps] == [True, False]
    assert len(to_replant(gaps)) == 1
    assert [finding.key for finding in findings] == ["finding.orchard_hole"]


def test_trees_without_order_are_refused_or_keep_no_grid() -> None:
    with pytest.raises(BadInput, match="at least 6"):
        fit_orchard(np.zeros((3, 2)))
    draw = np.random.default_rng(3)
    with pytest.raises(BadInput, match="even rows"):
        fit_orchard(np.column_stack([np.arange(8) ** 2.3, draw.uniform(0, 0.1, 8)]))


def crowns_at(points: FloatArray, radius_m: float = 2.0) -> list[Crown]:
    return [
        Crown(top=(float(x), float(y)), outline=Point(x, y).buffer(radius_m), height_m=3.0,
              volume_m3=20.0, indices={"ndvi": 0.8})
        for x, y in points
    ]  # fmt: skip


def flown(
    planted: FloatArray, alive: NDArray[np.bool_], seed: int, shift: tuple[float, float]
) -> tuple[list[Crown], NDArray[np.int64]]:
    """Crowns of one flight, a little off and all of them shifted, in any order."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(np.flatnonzero(alive))
    points = planted[order] + draw.normal(0.0, 0.15, (len(order), 2)) + shift
    return crowns_at(points), order


@given(seed=st.integers(0, 10_000), east=st.floats(-3, 3), north=st.floats(-3, 3))
@settings(max_examples=5, deadline=None)
def test_every_tree_keeps_its_number_over_flights(seed: int, east: float, north: float) -> None:
    draw = np.random.default_rng(seed)
    planted = np.add(grid(14, 10).thinned(0.0, 0.5, seed).places, (EAST, NORTH))
    alive = draw.random(140) >= 0.06
    crowns, order = flown(planted, alive, seed, (0.0, 0.0))
    first = first_numbers(crowns, epsg=32648, flight="2026-02")
    number = dict(zip(order.tolist(), [crown.name for crown in first.crowns], strict=True))
    later = alive.copy()
    later[draw.choice(np.flatnonzero(alive), 5, replace=False)] = False
    crowns, order = flown(planted, later, seed + 1, (east, north))
    second = next_numbers(first.register, crowns, epsg=32648, flight="2026-03")
    kept = [number[k] == crown.name for k, crown in zip(order.tolist(), second.crowns, strict=True)]
    assert all(kept)
    gone = {number[k] for k in np.flatnonzero(alive & ~later)}
    assert gone == {p.name for p in second.register.passports
                    if p.visits[0].seen and not p.stands}  # fmt: skip
    assert second.alignment is not None
    assert math.dist(second.alignment.shift_m, (-east, -north)) < 0.15
    assert second.alignment.residual_m < 0.4


def test_a_tree_planted_in_a_gap_takes_the_number_of_the_place() -> None:
    planted = np.add(grid(9, 7).places, (EAST, NORTH))
    alive = np.ones(63, dtype=bool)
    alive[30] = False
    first = first_numbers(flown(planted, alive, 1, (0, 0))[0], epsg=32648, flight="a")
    crowns, order = flown(planted, ~np.zeros(63, dtype=bool), 2, (1.0, 0.5))
    extra = crowns_at(planted[[5]] + (3.0, 3.0) + (1.0, 0.5), 0.5)
    second = next_numbers(first.register, [*crowns, *extra], epsg=32648, flight="b")
    name = second.crowns[order.tolist().index(30)].name
    passport = second.register.passport(name)
    assert passport.replanted
    assert [visit.seen for visit in passport.visits] == [False, True]
    assert second.crowns[-1].name == "N-1"
    assert not second.register.passport("N-1").replanted
    keys = [finding.key for finding in second.findings]
    assert keys == ["finding.trees_replanted", "finding.trees_between"]
    with pytest.raises(BadInput):
        next_numbers(second.register, crowns, epsg=32648, flight="b")


def test_a_register_is_read_back_equal() -> None:
    planted = np.add(grid(6, 5).places, (EAST, NORTH))
    first = first_numbers(flown(planted, np.arange(30) != 8, 1, (0, 0))[0], epsg=32648, flight="a")
    text = register_text(first.register)
    assert register_text(register_from(text)) == text
    assert register_from(text).flights == ("a",)
    assert first.register.passports[0].series("ndvi") == (("a", 0.8),)
    for broken in ("", "[]", "{}", text.replace('"version": 1', '"version": 9'), text[:-40]):
        with pytest.raises(BadInput, match="register"):
            register_from(broken)


def test_another_orchard_is_not_taken_for_this_one() -> None:
    draw = np.random.default_rng(1)
    with pytest.raises(Refused, match="orchard"):
        align_points(draw.uniform(0, 200, (150, 2)), draw.uniform(0, 200, (150, 2)), bound_m=0.5)
    with pytest.raises(Refused, match="at least 3"):
        align_points(np.zeros((2, 2)), np.zeros((9, 2)))


def test_a_turned_list_is_laid_back() -> None:
    points = grid(10, 8).thinned(0.0, 0.5, 4).places
    cos, sin = math.cos(0.01), math.sin(0.01)
    turned = (points - 20.0) @ np.array([[cos, sin], [-sin, cos]]) + 20.0 + (1.5, -2.0)
    found = align_points(points, turned)
    assert np.abs(found.moved(turned) - points).max() < 0.01
    assert abs(found.turn_rad + 0.01) < 1e-4


def test_pairs_have_the_least_total_distance() -> None:
    old = np.array([[0.0, 0.0], [1.0, 0.0]])
    new = np.array([[0.9, 0.0], [1.8, 0.0]])
    assert match(old, new, 1.0) == [(0, 0), (1, 1)]
    assert match(old, np.zeros((0, 2)), 1.0) == []


@pytest.mark.parametrize("ending", ["geojson", "gpkg"])
def test_files_of_trees_are_tree_lists_for_spraying(tmp_path: Path, ending: str) -> None:
    from agri.operations.trees import read_trees
    from tests.sites import Draft

    draft = Draft()
    field = draft.site(MultiPoint(grid(6, 5).places).convex_hull.buffer(6.0), (-20.0, -20.0)).field
    from pyproj import Transformer

    lon, lat = draft.frame.to_lonlat(*grid(6, 5).places.T)
    east, north = Transformer.from_crs(4326, 32648, always_xy=True).transform(lon, lat)
    numbered = first_numbers(crowns_at(np.column_stack([east, north]), 1.8), epsg=32648, flight="a")
    path = tmp_path / f"trees.{ending}"
    write_trees(path, numbered.crowns, epsg=32648)
    trees, _ = read_trees(path, field)
    assert [tree.name for tree in trees] == [crown.name for crown in numbered.crowns]
    assert all(abs(tree.radius_m - 1.8) < 0.02 and tree.height_m == 3.0 for tree in trees)
    with pytest.raises(BadInput):
        write_trees(tmp_path / "trees.shp", numbered.crowns, epsg=32648)
    with pytest.raises(BadInput):
        write_trees(path, (), epsg=32648)


def test_gaps_lie_in_the_geopackage_beside_the_trees(tmp_path: Path) -> None:
    import pyogrio

    planted = np.add(grid(9, 7).places, (EAST, NORTH))
    crowns = crowns_at(np.delete(planted, 20, axis=0))
    gaps, _ = find_gaps(fit_orchard(np.array([crown.middle for crown in crowns])))
    path = tmp_path / "trees.gpkg"
    write_trees(path, crowns, epsg=32648, gaps=gaps)
    assert [name for name, _ in pyogrio.list_layers(path)] == ["trees", "gaps"]
    told = gap_features(gaps, epsg=32648)["features"]
    assert [feature["properties"]["missing"] for feature in told] == [1]
    assert json.dumps(tree_features(crowns, epsg=32648)) == json.dumps(
        tree_features(crowns, epsg=32648)
    )
