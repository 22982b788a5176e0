"""An orchard made by a seed: rows of crowns on rolling ground, gaps, a sick patch.

Theory of operation
-------------------
Trees stand on a grid turned by an angle, each a little off its place, as planters plant. A crown is
half an ellipsoid with leaves: seen from above its edge drops to the ground within a few cells. Some
places are empty, others hold trees whose sickness grows towards the middle of one patch.
Reflectance varies from leaf to leaf and from tuft to tuft; that variation is part of the truth.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from shapely.geometry import Point, Polygon

from agri.geo import LocalFrame, LonLat
from sitl.scene.land import FloatArray, Gap, Scene, Tree
from sitl.scene.spectra import REFLECTANCE, Material, reflectance_of
from sitl.scene.texture import noise, rough

HERE = LonLat(lon_deg=106.51, lat_deg=21.08)


def orchard(
    *,
    seed: int = 1,
    size_m: tuple[float, float] = (90.0, 70.0),
    cell_m: float = 0.1,
    spacing_m: tuple[float, float] = (6.0, 5.0),
    angle_deg: float = 12.0,
    gap_share: float = 0.08,
    sickest: float = 1.0,
    edge_m: float | None = None,
    place: LonLat = HERE,
) -> Scene:
    """Return a lychee orchard with its truth.

    Parameters
    ----------
    seed : int
        The same seed gives the same orchard.
    size_m : (float, float)
        Width (east) and height (north).
    cell_m : float
        Side of a cell; half of a photo's ground sample distance or less looks real.
    spacing_m : (float, float)
        Between rows, and between trees of a row.
    angle_deg : float
        Of the rows, clockwise from north.
    gap_share : float
        Share of the grid's places that is empty.
    sickest : float
        Of the trees in the middle of the sick patch, 0 for a sound orchard.
    edge_m : float, optional
        Land along the border on which no tree stands; by default a little over half the distance
        between two trees.
    place : LonLat
        Its middle.
    """
    rng = np.random.default_rng(seed)
    shape = (round(size_m[1] / cell_m), round(size_m[0] / cell_m))
    sick = _sick_patch(size_m, rng)
    trees, gaps = _planted(
        size_m, spacing_m, angle_deg, gap_share=gap_share, sick=sick, rng=rng,
        margin=0.6 * spacing_m[1] if edge_m is None else edge_m,
    )  # fmt: skip
    trees = tuple(replace(tree, sick=sickest * tree.sick) for tree in trees)
    east: FloatArray = (np.arange(shape[1], dtype=np.float64) + 0.5) * cell_m - shape[
        1
    ] * cell_m / 2.0
    north: FloatArray = (
        shape[0] * cell_m / 2.0 - (np.arange(shape[0], dtype=np.float64) + 0.5) * cell_m
    )
    ground = 0.02 * east[None, :] + 0.6 * noise(shape, 30.0 / cell_m, rng)
    material = np.where(rough(shape, rng, (2.0 / cell_m, 0.5 / cell_m)) > 0.2,
                        Material.SOIL, Material.GRASS).astype(np.uint8)  # fmt: skip
    surface = ground + np.where(material == Material.GRASS, 0.05, 0.0)
    sickness = np.zeros(shape)
    for tree in trees:
        _grow(tree, (east, north), cell_m, (ground, surface, material, sickness))
    leaves = rough(shape, rng, (1.0, 3.0, 8.0))
    surface = np.where(material == Material.LEAF, surface + 0.06 * leaves, surface)
    reflectance = reflectance_of(material).astype(np.float64)
    ill = np.array(REFLECTANCE[Material.SICK]) - np.array(REFLECTANCE[Material.LEAF])
    reflectance += sickness[:, :, None] * ill
    reflectance *= (1.0 + 0.12 * leaves + 0.08 * rough(shape, rng, (15.0, 40.0)))[:, :, None]
    material[sickness > 0.5] = Material.SICK
    return Scene(
        name="orchard",
        frame=LocalFrame(place),
        cell_m=cell_m,
        ground_m=ground.astype(np.float32),
        surface_m=surface.astype(np.float32),
        reflectance=np.clip(reflectance, 0.005, 0.95).astype(np.float32),
        material=material,
        zone=np.zeros(shape, dtype=np.uint8),
        trees=trees,
        gaps=gaps,
        sick_area=sick if sickest > 0.0 else Polygon(),
    )


def stressed(scene: Scene, area: Polygon, *, share: float = 0.85) -> Scene:
    """Return the orchard as it stands after the crowns within an area have lost their green.

    Parameters
    ----------
    scene : Scene
        With trees.
    area : shapely.Polygon
        Local metres; trees whose trunk stands in it.
    share : float
        How far their leaves go towards sick ones, 0 to 1.

    Returns
    -------
    Scene
        Its `sick_area` is `area`.
    """
    ill = np.array(REFLECTANCE[Material.SICK]) / np.array(REFLECTANCE[Material.LEAF])
    reflectance, trees = scene.reflectance.copy(), []
    east, north = scene.places()
    for tree in scene.trees:
        hit = bool(area.contains(Point(tree.east_m, tree.north_m)))
        trees.append(replace(tree, sick=max(tree.sick, share)) if hit else tree)
        if not hit:
            continue
        far = np.hypot(east[None, :] - tree.east_m, north[:, None] - tree.north_m)
        leaf = (far < tree.radius_m) & (scene.material == Material.LEAF)
        reflectance[leaf] *= ((1.0 - share) + share * ill).astype(np.float32)
    return replace(scene, reflectance=np.clip(reflectance, 0.005, 0.95), trees=tuple(trees),
                   sick_area=area)  # fmt: skip


def _sick_patch(size_m: tuple[float, float], rng: np.random.Generator) -> Polygon:
    reach = 0.16 * min(size_m)
    middle = rng.uniform(-0.2, 0.2, 2) * size_m
    return Point(float(middle[0]), float(middle[1])).buffer(reach)


def _planted(
    size_m: tuple[float, float],
    spacing_m: tuple[float, float],
    angle_deg: float,
    *,
    gap_share: float,
    sick: Polygon,
    rng: np.random.Generator,
    margin: float,
) -> tuple[tuple[Tree, ...], tuple[Gap, ...]]:
    """Return trees and gaps of every place of the grid that lies well within the orchard."""
    turn = math.radians(angle_deg)
    along = np.array([math.sin(turn), math.cos(turn)])
    across = np.array([math.cos(turn), -math.sin(turn)])
    reach = int(math.hypot(*size_m) / min(spacing_m)) + 1
    core = sick.centroid
    trees: list[Tree] = []
    gaps = []
    for row in range(-reach, reach + 1):
        for column in range(-reach, reach + 1):
            spot = row * spacing_m[0] * across + column * spacing_m[1] * along
            if (np.abs(spot) > np.array(size_m) / 2.0 - margin).any():
                continue
            if rng.random() < gap_share:
                gaps.append(
                    Gap(row=row, column=column, east_m=float(spot[0]), north_m=float(spot[1]))
                )
                continue
            at = spot + rng.normal(0.0, 0.12, 2)
            far = Point(float(at[0]), float(at[1])).distance(core) * math.sqrt(math.pi / sick.area)
            size = 1.0 + rng.normal(0.0, 0.1)
            trees.append(
                Tree(
                    number=len(trees) + 1,
                    row=row,
                    column=column,
                    east_m=float(at[0]),
                    north_m=float(at[1]),
                    radius_m=0.38 * spacing_m[1] * float(np.clip(size, 0.75, 1.2)),
                    height_m=3.2 * float(np.clip(size + rng.normal(0.0, 0.08), 0.7, 1.3)),
                    sick=float(np.clip(1.6 - far, 0.0, 1.0)) if far <= 1.0 else 0.0,
                )
            )
    return tuple(trees), tuple(gaps)


def _grow(
    tree: Tree,
    places: tuple[FloatArray, FloatArray],
    cell_m: float,
    layers: tuple[FloatArray, FloatArray, np.ndarray, FloatArray],
) -> None:
    """Put a crown onto the layers, in place: ground, surface, material, sickness."""
    ground, surface, material, sickness = layers
    east, north = places
    columns = np.flatnonzero(np.abs(east - tree.east_m) <= tree.radius_m + cell_m)
    rows = np.flatnonzero(np.abs(north - tree.north_m) <= tree.radius_m + cell_m)
    if not len(rows) or not len(columns):
        return
    part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    far = np.hypot(east[columns][None, :] - tree.east_m, north[rows][:, None] - tree.north_m)
    inside = far < tree.radius_m
    share = np.clip(1.0 - (far / tree.radius_m) ** 2, 0.0, 1.0)
    top = ground[part] + tree.height_m * (0.35 + 0.65 * np.sqrt(share))
    higher = inside & (top > surface[part])
    surface[part] = np.where(higher, top, surface[part])
    material[part] = np.where(higher, Material.LEAF, material[part])
    sickness[part] = np.where(higher, tree.sick, sickness[part])
