"""Tree tops and crowns of canopy models: the truth found, whatever the pieces."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial import cKDTree

from agri.errors import BadInput
from agri.grid import Grid
from imagery.metric import pixels_of
from imagery.trees.canopy import canopy_height, fill_pits, ground_under
from imagery.trees.finding import find_crowns
from imagery.trees.flooding import CrownRule
from imagery.trees.tops import WindowRule, tree_tops
from tests.canopies import EAST, NORTH, domes, orchard

RULE = CrownRule(window=WindowRule(slope=0.05, base_m=1.2, lowest_m=1.0), share=0.2)


def golden(shared_data: Path) -> tuple[Grid, set[tuple[int, int]]]:
    geopandas = pytest.importorskip("geopandas")
    from imagery.raster import read_grid

    folder = shared_data / "imagery" / "chm_foresttools_gpl3"
    if not folder.is_dir():
        pytest.skip("the public canopy model is not here")
    grid = read_grid(folder / "CHM_test.tif", unit="m")
    tops = geopandas.read_file(folder / "ttops_test.gpkg")
    at = pixels_of(grid, np.column_stack([tops.geometry.x, tops.geometry.y]))
    return grid, {(int(row), int(column)) for column, row in at}


def test_the_golden_tops_of_a_real_canopy_are_all_found_and_none_added(shared_data: Path) -> None:
    grid, truth = golden(shared_data)
    rule = WindowRule(slope=0.05, base_m=0.8, lowest_m=1.5)
    found = tree_tops(grid.values, 0.25, rule, equals=True)
    assert len(truth) == 1115
    assert {(int(row), int(column)) for row, column in found} == truth


def test_equal_heights_of_a_real_canopy_give_one_top_each(shared_data: Path) -> None:
    grid, truth = golden(shared_data)
    found = tree_tops(grid.values, 0.25, WindowRule(slope=0.05, base_m=0.8, lowest_m=1.5))
    places = {(int(row), int(column)) for row, column in found}
    assert places < truth
    assert not cKDTree(found).query_pairs(2.0)


@pytest.mark.parametrize("tile", [140])
def test_a_real_forest_in_pieces_has_the_crowns_of_the_whole(shared_data: Path, tile: int) -> None:
    grid, _ = golden(shared_data)
    rule = CrownRule(window=WindowRule(slope=0.05, base_m=0.8, lowest_m=1.5), floor=1.0)
    assert find_crowns(grid, rule, tile=tile) == find_crowns(grid, rule, tile=10_000)


@pytest.mark.parametrize("tile", [31, 64, 150])
def test_plateaus_in_pieces_have_the_crowns_of_the_whole(tile: int) -> None:
    grid, *_ = orchard(7, 6, seed=3, apart_m=3.6)
    grid = replace(grid, values=np.round(grid.values * 2.0) / 2.0)
    whole = find_crowns(grid, RULE, tile=10_000)
    assert len(whole) > 20
    assert find_crowns(grid, RULE, tile=tile) == whole
    smooth = find_crowns(grid, RULE, smooth_m=0.3, tile=10_000)
    assert find_crowns(grid, RULE, smooth_m=0.3, tile=tile) == smooth


@given(
    values=arrays(np.int8, st.tuples(st.integers(12, 40), st.integers(12, 40)),
                  elements=st.integers(-1, 6), fill=st.nothing()),
    tile=st.integers(5, 30), share=st.floats(0.0, 0.6), widest_m=st.floats(1.0, 8.0),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_any_raster_in_any_pieces_has_the_crowns_of_the_whole(
    values: np.ndarray, tile: int, share: float, widest_m: float
) -> None:
    heights = np.where(values < 0, np.nan, values.astype(float))
    grid = Grid(values=heights, affine=(0.5, 0, EAST, 0, -0.5, NORTH), epsg=32648)
    rule = CrownRule(window=WindowRule(slope=0.1, base_m=0.7), share=share, widest_m=widest_m,
                     least_m2=0.0)  # fmt: skip
    assert find_crowns(grid, rule, tile=tile) == find_crowns(grid, rule, tile=10_000)


def test_an_orchard_gives_its_trees_with_their_areas_heights_and_volumes() -> None:
    grid, places, radius, height = orchard(9, 8, seed=1)
    crowns = find_crowns(grid, RULE, smooth_m=0.3)
    found = np.array([crown.middle for crown in crowns])
    off, which = cKDTree(found).query(places * (1, -1) + (EAST, NORTH))
    assert len(crowns) == len(places)
    assert off.max() < 0.3
    areas = np.array([crown.area_m2 for crown in crowns])[which] / (math.pi * radius**2)
    heights = np.array([crown.height_m for crown in crowns])[which] / height
    volumes = np.array([crown.volume_m3 for crown in crowns])[which]
    assert 0.9 < areas.min() < areas.max() < 1.1
    assert 0.93 < heights.min() < heights.max() < 1.04
    assert np.abs(volumes / (2.0 / 3.0 * math.pi * radius**2 * height) - 1.0).max() < 0.1


def test_crowns_that_touch_are_parted_and_do_not_overlap() -> None:
    grid, places, *_ = orchard(8, 8, seed=5, apart_m=3.8)
    crowns = find_crowns(grid, RULE, smooth_m=0.3)
    assert 0.95 * len(places) <= len(crowns) <= 1.05 * len(places)
    assert all(crown.outline.is_valid for crown in crowns)
    total = sum(crown.area_m2 for crown in crowns)
    from shapely import union_all

    assert union_all([crown.outline for crown in crowns]).area > 0.995 * total


def test_a_finer_raster_of_the_same_trees_gives_the_same_trees() -> None:
    coarse, places, *_ = orchard(5, 5, seed=2, pixel=0.2)
    fine, *_ = orchard(5, 5, seed=2, pixel=0.05)
    assert len(find_crowns(coarse, RULE, smooth_m=0.3)) == len(places)
    assert len(find_crowns(fine, RULE, smooth_m=0.3)) == len(places)


@pytest.mark.parametrize("slope", [0.0, 0.15])
def test_ground_is_found_beneath_crowns_on_a_slope(slope: float) -> None:
    canopy, *_ = orchard(7, 7, seed=4)
    rows, columns = np.indices(canopy.shape)
    ground = 20.0 + slope * columns * 0.2 + 0.05 * rows * 0.2
    surface = replace(canopy, values=canopy.values + ground)
    found = ground_under(surface, slope=0.3)
    assert np.abs(found.values - ground).max() < 0.5
    assert np.sqrt(((found.values - ground) ** 2).mean()) < 0.03
    heights = canopy_height(surface)
    assert len(find_crowns(heights, RULE, smooth_m=0.3)) == 49


def test_a_given_ground_on_other_pixels_is_taken_off() -> None:
    canopy, *_ = orchard(4, 4, seed=6)
    surface = replace(canopy, values=canopy.values + 30.0)
    _, b, c, d, _, f = canopy.affine
    ground = Grid(values=np.full((40, 40), 30.0), affine=(1.0, b, c - 2.0, d, -1.0, f + 2.0),
                  epsg=32648)  # fmt: skip
    assert np.allclose(canopy_height(surface, ground).values, fill_pits(canopy).values)
    with pytest.raises(BadInput, match="EPSG:4326"):
        canopy_height(surface, replace(ground, epsg=4326))


def test_a_pit_is_filled_and_raises_no_top() -> None:
    canopy = domes(np.array([[5.0, 5.0]]), np.array([3.0]), np.array([4.0]), shape=(50, 50))
    holed = canopy.values.copy()
    holed[24, 27] = 0.2
    holed[26, 22] = np.nan
    filled = fill_pits(replace(canopy, values=holed))
    assert abs(filled.values[24, 27] - canopy.values[24, 27]) < 0.15
    assert np.isfinite(filled.values[26, 22])
    assert filled.values.max() <= canopy.values.max()


def test_rasters_in_degrees_are_refused() -> None:
    grid = Grid(values=np.ones((4, 4)), affine=(1e-5, 0, 106.5, 0, -1e-5, 21.1), epsg=4326)
    with pytest.raises(BadInput, match="EPSG:32648"):
        find_crowns(grid)


def test_where_there_is_no_height_there_is_no_crown() -> None:
    grid = domes(np.zeros((0, 2)), np.zeros(0), np.zeros(0), shape=(30, 30))
    assert find_crowns(grid) == ()
    assert find_crowns(replace(grid, values=np.full((30, 30), np.nan))) == ()


def test_a_file_read_in_pieces_has_the_crowns_of_the_raster_in_memory(tmp_path: Path) -> None:
    from imagery.raster import open_ortho, read_grid, write_grid
    from imagery.trees.reading import canopy_of

    grid, places, *_ = orchard(8, 7, seed=9)
    write_grid(tmp_path / "chm.tif", grid)
    canopy = canopy_of(open_ortho(tmp_path / "chm.tif"))
    crowns = find_crowns(canopy, RULE, smooth_m=0.3, tile=100)
    assert len(crowns) == len(places)
    whole = find_crowns(read_grid(tmp_path / "chm.tif"), RULE, smooth_m=0.3)
    assert crowns == whole
    fine = replace(RULE, window=WindowRule(slope=0.05, base_m=4.0, lowest_m=1.0))
    assert find_crowns(canopy, fine, tile=60) == find_crowns(read_grid(tmp_path / "chm.tif"), fine)
