"""The sun, the sky, and the shadows they leave on a scene.

Theory of operation
-------------------
A cell receives the sky's diffuse light everywhere, and the sun's direct light where nothing stands
between, as much as it faces it: ``E = E_h · ((1 − s) + s · lit · cos i / sin h)``, E_h the
irradiance of a level plane, s the sun's share of it, i the angle between sun and the surface's
normal, h the sun's height. Whether a cell is lit is found by walking from it towards the sun. Under
an overcast sky (s = 0) the radiance is ``ρ · E_h / π`` exactly: the truth that calibration is held
against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sitl.scene.land import Scene

SUN_W_M2_NM = (1.45, 1.40, 1.25, 1.10, 0.88)
"""Irradiance of a level plane at noon under a clear sky, W m⁻² nm⁻¹ in the five bands (ASTM G173,
rounded)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daylight:
    """The light on a flight.

    Parameters
    ----------
    elevation_deg, azimuth_deg : float
        Of the sun; azimuth clockwise from north.
    direct_share : float
        The sun's share of the light on a level plane; 0 under an overcast sky.
    irradiance : tuple of five float
        On a level plane, W m⁻² nm⁻¹, in `sitl.scene.spectra.BANDS`.
    """

    elevation_deg: float = 55.0
    azimuth_deg: float = 140.0
    direct_share: float = 0.0
    irradiance: tuple[float, ...] = SUN_W_M2_NM


def shading(scene: Scene, light: Daylight) -> NDArray[np.float32]:
    """Return how much light each cell receives, in that of a level plane.

    Parameters
    ----------
    scene : Scene
        The land.
    light : Daylight
        Sun and sky.

    Returns
    -------
    (H, W) float32
        1 everywhere under an overcast sky.
    """
    if light.direct_share <= 0.0:
        return np.ones(scene.shape, dtype=np.float32)
    turn, high = math.radians(light.azimuth_deg), math.radians(light.elevation_deg)
    east, north, up = (
        math.sin(turn) * math.cos(high),
        math.cos(turn) * math.cos(high),
        math.sin(high),
    )
    by_row, by_column = np.gradient(scene.surface_m.astype(np.float64), scene.cell_m)
    length = np.sqrt(1.0 + by_row**2 + by_column**2)
    facing = np.clip((-by_column * east + by_row * north + up) / length, 0.0, None)
    lit = ~_shadowed(scene, math.tan(high), turn)
    share = light.direct_share
    return np.asarray((1.0 - share) + share * lit * facing / up, dtype=np.float32)


def _shadowed(scene: Scene, climb: float, turn_rad: float) -> NDArray[np.bool_]:
    """Return which cells the sun does not reach."""
    surface = scene.surface_m
    reach = float(surface.max() - surface.min()) / max(climb, 0.05)
    dark = np.zeros(scene.shape, dtype=bool)
    rows, columns = np.indices(scene.shape)
    for step in range(1, int(reach / scene.cell_m) + 1):
        row = np.clip(np.rint(rows - step * math.cos(turn_rad)), 0, scene.shape[0] - 1)
        column = np.clip(np.rint(columns + step * math.sin(turn_rad)), 0, scene.shape[1] - 1)
        there = surface[row.astype(np.intp), column.astype(np.intp)]
        dark |= there > surface + step * scene.cell_m * climb + 0.02
    return dark
