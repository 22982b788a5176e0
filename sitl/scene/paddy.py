"""A paddy made by a seed: plots between bunds, rows of rice in water, three vigours, a burnt patch.

Theory of operation
-------------------
Rice stands in rows; the vigour of a planted zone is how wide they are and how much they reflect in
near infrared, so that a zone differs from its neighbour as nitrogen makes it differ. Zones are
broad belts with a bent border, the same for the same seed. Where hoppers burnt the crop it is dead
straw.
"""

from __future__ import annotations

import numpy as np
from shapely.geometry import Point, Polygon

from agri.geo import LocalFrame, LonLat
from sitl.scene.land import Scene
from sitl.scene.orchard import HERE
from sitl.scene.spectra import Material, reflectance_of
from sitl.scene.texture import noise, rough

ROW_M = 0.3
PLOT_M = 24.0
BUND_M = 0.6
COVER = (0.0, 0.35, 0.6, 0.85)
"""Share of a zone's surface that rice covers; the first is outside."""
NIR = (1.0, 0.85, 1.0, 1.15)


def paddy(
    *,
    seed: int = 1,
    size_m: tuple[float, float] = (90.0, 70.0),
    cell_m: float = 0.1,
    hoppers: bool = True,
    place: LonLat = HERE,
) -> Scene:
    """Return a paddy with its truth.

    Parameters
    ----------
    seed : int
        The same seed gives the same paddy.
    size_m : (float, float)
        Width (east) and height (north).
    cell_m : float
        Side of a cell.
    hoppers : bool
        Whether a patch of it is burnt.
    place : LonLat
        Its middle.
    """
    rng = np.random.default_rng(seed)
    shape = (round(size_m[1] / cell_m), round(size_m[0] / cell_m))
    east = (np.arange(shape[1]) + 0.5) * cell_m - shape[1] * cell_m / 2.0
    north = shape[0] * cell_m / 2.0 - (np.arange(shape[0]) + 0.5) * cell_m
    bend = 0.12 * size_m[0] * noise(shape, 25.0 / cell_m, rng)
    belt = (east[None, :] + bend) / size_m[0] + 0.5
    zone = np.clip(1 + np.floor(3.0 * belt), 1, 3).astype(np.uint8)
    bund = (np.abs((east[None, :] + PLOT_M / 2) % PLOT_M - PLOT_M / 2) < BUND_M / 2) | (
        np.abs((north[:, None] + PLOT_M / 2) % PLOT_M - PLOT_M / 2) < BUND_M / 2
    )
    row = np.abs((north[:, None] / ROW_M + 0.15 * noise(shape, 1.0 / cell_m, rng)) % 1.0 - 0.5)
    rice = row < 0.5 * np.array(COVER)[zone] + 0.06 * noise(shape, 2.0, rng)
    material = np.where(rice, Material.RICE, Material.WATER).astype(np.uint8)
    middle = rng.uniform(-0.25, 0.25, 2) * size_m
    burnt = Point(float(middle[0]), float(middle[1])).buffer(0.14 * min(size_m))
    within = np.hypot(east[None, :] - middle[0], north[:, None] - middle[1]) < 0.14 * min(size_m)
    if hoppers:
        material[within & rice] = Material.SICK
    material[bund] = Material.BUND
    zone[bund] = 0
    leaves = rough(shape, rng, (1.0, 3.0, 10.0))
    reflectance = reflectance_of(material).astype(np.float64)
    healthy = material == Material.RICE
    reflectance[:, :, 4] *= np.where(healthy, np.array(NIR)[zone], 1.0)
    reflectance[:, :, 3] += np.where(healthy, 0.15 * (1.0 - np.array(NIR)[zone]), 0.0)
    reflectance *= (1.0 + 0.10 * leaves + 0.06 * rough(shape, rng, (20.0, 60.0)))[:, :, None]
    ground = 0.02 * noise(shape, 40.0 / cell_m, rng) + np.where(bund, 0.3, 0.0)
    tall = np.isin(material, (Material.RICE, Material.SICK))
    return Scene(
        name="paddy",
        frame=LocalFrame(place),
        cell_m=cell_m,
        ground_m=ground.astype(np.float32),
        surface_m=(ground + np.where(tall, 0.5, 0.0)).astype(np.float32),
        reflectance=np.clip(reflectance, 0.005, 0.95).astype(np.float32),
        material=material,
        zone=zone,
        sick_area=burnt if hoppers else Polygon(),
    )
