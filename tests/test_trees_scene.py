"""Trees, gaps and the sick patch of the simulator's orchard, found from above."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from shapely.geometry import MultiPoint

from agri.geo import transformer
from agri.grid import Grid
from imagery.change.anomalies import tree_anomalies
from imagery.change.area_change import changed_areas
from imagery.change.tree_change import compare_trees
from imagery.trees.canopy import canopy_height
from imagery.trees.colours import find_crowns_by_colour, vegetation
from imagery.trees.crown import Crown
from imagery.trees.finding import find_crowns
from imagery.trees.flooding import CrownRule
from imagery.trees.gaps import find_gaps, to_replant
from imagery.trees.lattice import fit_orchard
from imagery.trees.measuring import measured
from imagery.trees.numbering import first_numbers, next_numbers
from imagery.trees.tops import WindowRule
from sitl.scene.land import Scene
from sitl.scene.orchard import orchard
from sitl.scene.spectra import BANDS

FloatArray = NDArray[np.float64]
RULE = CrownRule(window=WindowRule(slope=0.05, base_m=1.2, lowest_m=1.0), share=0.3)
SEEDS = (1, 2, 3)
_, _, RED, _, NIR = BANDS


@dataclass(frozen=True)
class Seen:
    scene: Scene
    ndvi: Grid
    crowns: tuple[Crown, ...]


@cache
def seen(seed: int) -> Seen:
    """What a perfect camera sees of the orchard; the ground beneath is not given."""
    scene = orchard(seed=seed, cell_m=0.15)
    crowns = find_crowns(canopy_height(scene.grid("surface")), RULE, smooth_m=0.25)
    ndvi = vegetation({"nir": scene.grid(NIR), "red": scene.grid(RED)})
    return Seen(scene, ndvi, measured(crowns, {"ndvi": ndvi}, epsg=scene.epsg))


def mapped(scene: Scene, east: FloatArray, north: FloatArray) -> FloatArray:
    lon, lat = scene.frame.to_lonlat(east, north)
    return np.column_stack(transformer(4326, scene.epsg).transform(lon, lat))


def trunks(scene: Scene) -> FloatArray:
    return mapped(scene, np.array([tree.east_m for tree in scene.trees]),
                  np.array([tree.north_m for tree in scene.trees]))  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_of_the_scenes_trees_nearly_all_are_found_and_hardly_any_added(seed: int) -> None:
    one = seen(seed)
    truth = trunks(one.scene)
    found = np.array([crown.middle for crown in one.crowns])
    missed = cKDTree(found).query(truth)[0] > 1.0
    added = cKDTree(truth).query(found)[0] > 1.0
    assert missed.mean() <= 0.03
    assert added.mean() <= 0.02
    which = cKDTree(found).query(truth)[1][~missed]
    area = np.array([one.crowns[k].area_m2 for k in which])
    height = np.array([one.crowns[k].height_m for k in which])
    trees = [tree for tree, gone in zip(one.scene.trees, missed, strict=True) if not gone]
    assert abs(np.median(area / [math.pi * t.radius_m**2 for t in trees]) - 1.0) < 0.1
    assert abs(np.median(height / [t.height_m for t in trees]) - 1.0) < 0.08


@pytest.mark.parametrize("seed", SEEDS)
def test_of_the_scenes_gaps_nearly_all_are_found(seed: int) -> None:
    one = seen(seed)
    gaps = mapped(one.scene, np.array([gap.east_m for gap in one.scene.gaps]),
                  np.array([gap.north_m for gap in one.scene.gaps]))  # fmt: skip
    planted = MultiPoint(np.concatenate([trunks(one.scene), gaps])).buffer(4.0).buffer(-2.0)
    grid = fit_orchard(np.array([crown.middle for crown in one.crowns]))
    spots = np.array([p.spot for p in to_replant(find_gaps(grid, planted)[0])]).reshape(-1, 2)
    assert (cKDTree(spots).query(gaps)[0] < 1.5).mean() >= 0.95
    assert (cKDTree(gaps).query(spots)[0] > 1.5).sum() <= 0.02 * len(one.scene.trees)
    assert sorted(round(step, 1) for step in grid.spacing_m) == [5.0, 6.0]
    assert grid.residual_m < 0.35


def test_colours_alone_find_the_healthy_trees_above_the_greenness_of_grass() -> None:
    one = seen(1)
    found = find_crowns_by_colour(one.ndvi, crown_m=(3.0, 4.5), threshold=0.76)
    healthy = trunks(one.scene)[[tree.sick == 0.0 for tree in one.scene.trees]]
    middles = np.array([crown.middle for crown in found])
    assert (cKDTree(middles).query(healthy)[0] < 1.0).mean() >= 0.95
    assert (cKDTree(trunks(one.scene)).query(middles)[0] > 1.0).mean() <= 0.05


def before_the_disease(one: Seen, seed: int) -> Grid:
    """The same orchard a month earlier: sick crowns still green, all of it a little paler."""
    draw = np.random.default_rng(seed)
    sick = [tree for tree in one.scene.trees if tree.sick > 0.0]
    east, north = one.scene.places()
    values = one.ndvi.values.copy()
    for tree in sick:
        far = np.hypot(east[None, :] - tree.east_m, north[:, None] - tree.north_m)
        values[far < tree.radius_m] = 0.86
    return replace(one.ndvi, values=values - 0.04 + draw.normal(0.0, 0.02, values.shape))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sick_patch_is_found_tree_by_tree(seed: int) -> None:
    one = seen(seed)
    earlier = measured(one.crowns, {"ndvi": before_the_disease(one, seed)}, epsg=one.scene.epsg)
    first = first_numbers(earlier, epsg=one.scene.epsg, flight="2026-02")
    second = next_numbers(first.register, one.crowns, epsg=one.scene.epsg, flight="2026-03")
    spacing = second.register.spacing_m
    found = tree_anomalies(
        compare_trees(second.register, "ndvi"), measure="ndvi", spacing_m=spacing
    )
    truth = trunks(one.scene)
    area = {True: 0.0, False: 0.0}
    sick_area = 0.0
    for crown in second.crowns:
        tree = one.scene.trees[int(cKDTree(truth).query(crown.middle)[1])]
        sick_area += crown.area_m2 * (tree.sick > 0.0)
        if crown.name in found[0].names:
            area[tree.sick > 0.0] += crown.area_m2
    assert area[True] / (sick_area + area[False]) >= 0.9
    assert found[0].sense == "falls"
    assert sum(len(other.names) for other in found[1:]) <= 4


@pytest.mark.parametrize("seed", SEEDS)
def test_the_sick_patch_is_found_on_the_raster_with_the_soil_left_out(seed: int) -> None:
    one = seen(seed)
    crowns = shapely.union_all([crown.outline for crown in one.crowns])
    rows, columns = np.indices(one.ndvi.shape)
    a, b, c, d, e, f = one.ndvi.affine
    x, y = columns + 0.5, rows + 0.5
    shapely.prepare(crowns)
    leaf = shapely.contains_xy(crowns, a * x + b * y + c, d * x + e * y + f)
    after = replace(one.ndvi, values=np.where(leaf, one.ndvi.values, np.nan))
    areas = changed_areas(before_the_disease(one, seed), after)
    truth = np.zeros(leaf.shape, dtype=bool)
    east, north = one.scene.places()
    for tree in one.scene.trees:
        far = np.hypot(east[None, :] - tree.east_m, north[:, None] - tree.north_m)
        truth |= (far < tree.radius_m) & (tree.sick > 0.0)
    patches = shapely.union_all([area.outline for area in areas if area.change < -0.1])
    shapely.prepare(patches)
    found = leaf & shapely.contains_xy(patches, a * x + b * y + c, d * x + e * y + f)
    assert (found & truth & leaf).sum() / ((found | truth) & leaf).sum() >= 0.9
