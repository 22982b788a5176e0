"""Crowns from colours alone, and what rasters say about crowns."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from agri.errors import BadInput
from agri.grid import Grid
from imagery.trees.colours import find_crowns_by_colour, vegetation
from imagery.trees.finding import find_crowns
from imagery.trees.flooding import CrownRule
from imagery.trees.measuring import mean_over, measured
from imagery.trees.tops import WindowRule
from tests.canopies import EAST, NORTH, orchard

FloatGrids = dict[str, Grid]


def pictured(seed: int, pixel: float = 0.1, side: int = 6) -> tuple[FloatGrids, np.ndarray]:
    """Green crowns over brown, patchy soil, seen through noise: bands and places."""
    canopy, places, *_ = orchard(side, side, seed=seed, pixel=pixel)
    draw = np.random.default_rng(seed)
    crown = canopy.values > 0.6
    patches = np.kron(draw.uniform(0.8, 1.2, (40, 40)), np.ones((30, 30)))
    patches = patches[: crown.shape[0], : crown.shape[1]]
    bands = {}
    for name, leaf, soil in (
        ("red", 0.05, 0.20), ("green", 0.11, 0.15), ("blue", 0.04, 0.10), ("nir", 0.5, 0.28),
    ):  # fmt: skip
        values = np.where(crown, leaf, soil * patches) * draw.normal(1.0, 0.08, crown.shape)
        bands[name] = Grid(values=values, affine=canopy.affine, epsg=32648, name="ortho.tif")
    return bands, places * (1, -1) + (EAST, NORTH)


@pytest.mark.parametrize("names", [("red", "green", "blue"), ("red", "nir")])
def test_crowns_are_found_from_colours(names: tuple[str, ...]) -> None:
    bands, places = pictured(1)
    green = vegetation({name: bands[name] for name in names})
    crowns = find_crowns_by_colour(green, crown_m=(3.4, 5.0))
    off, _ = cKDTree([crown.middle for crown in crowns]).query(places)
    assert len(crowns) == len(places)
    assert off.max() < 0.4
    assert all(math.isnan(crown.height_m) and math.isnan(crown.volume_m3) for crown in crowns)


def test_crowns_from_colours_are_the_same_in_pieces() -> None:
    bands, _ = pictured(2)
    green = vegetation(bands)
    whole = find_crowns_by_colour(green, crown_m=(3.4, 5.0), tile=10_000)
    in_pieces = find_crowns_by_colour(green, crown_m=(3.4, 5.0), tile=250)
    assert [crown.outline for crown in in_pieces] == [crown.outline for crown in whole]


def test_a_finer_picture_gives_the_same_number_of_crowns() -> None:
    bands, places = pictured(3, pixel=0.05, side=4)
    assert len(find_crowns_by_colour(vegetation(bands), crown_m=(3.4, 5.0))) == len(places)


def test_bare_soil_has_hardly_a_crown() -> None:
    draw = np.random.default_rng(5)
    soil = Grid(values=draw.normal(0.1, 0.02, (300, 300)), affine=(0.1, 0, 0, 0, -0.1, 0),
                epsg=32648)  # fmt: skip
    assert len(find_crowns_by_colour(soil, threshold=0.2)) == 0
    nothing = Grid(values=np.full((9, 9), np.nan), affine=soil.affine, epsg=32648)
    assert find_crowns_by_colour(nothing) == ()


def test_pixels_too_coarse_for_crowns_are_refused() -> None:
    grid = Grid(values=np.zeros((5, 5)), affine=(1.0, 0, 0, 0, -1.0, 0), epsg=32648)
    with pytest.raises(BadInput, match=r"1\.00 m"):
        find_crowns_by_colour(grid)
    with pytest.raises(BadInput, match="red and nir"):
        vegetation({"red": grid, "green": grid})


def test_the_real_scene_with_hand_drawn_boxes_keeps_its_figures(shared_data: Path) -> None:
    from benchmarks.trees import picture

    folder = shared_data / "imagery"
    if not (folder / "trees_deepforest_mit").is_dir():
        pytest.skip("the hand-drawn crowns are not here")
    found = picture(folder, "OSBS_029.tif", "OSBS_029.csv", (3.0, 4.2))
    assert found["precision"] >= 0.75
    assert found["recall"] >= 0.7


def test_the_mean_of_an_index_over_crowns_is_that_of_their_pixels() -> None:
    canopy, *_ = orchard(4, 4, seed=7)
    rule = CrownRule(window=WindowRule(slope=0.05, base_m=1.2, lowest_m=1.0), share=0.2)
    crowns = find_crowns(canopy, rule, smooth_m=0.3)
    columns = np.indices(canopy.shape)[1]
    ndvi = Grid(values=0.001 * columns, affine=canopy.affine, epsg=32648)
    told = measured(measured(crowns, {"ndvi": ndvi}, epsg=32648), {"chm": canopy}, epsg=32648)
    for crown in told:
        expected = 0.001 * ((crown.middle[0] - EAST) / 0.2 - 0.5)
        assert abs(crown.indices["ndvi"] - expected) < 5e-4
        assert abs(crown.indices["chm"] * crown.area_m2 - crown.volume_m3) < 0.1 * crown.volume_m3
    with pytest.raises(BadInput):
        measured(crowns, {"ndvi": Grid(values=ndvi.values, affine=ndvi.affine, epsg=32649)},
                 epsg=32648)  # fmt: skip


def test_outside_the_raster_there_is_no_mean() -> None:
    from shapely import box

    grid = Grid(values=np.ones((3, 3)), affine=(1, 0, 0, 0, -1, 3), epsg=32648)
    assert math.isnan(mean_over(grid, box(-5, 0, -1, 3)))
