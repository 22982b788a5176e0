"""What leaves, soil and water reflect in the bands of a five-band camera.

Theory of operation
-------------------
Reflectance factors (0 to 1, looking straight down, diffuse) at 475, 560, 668, 717 and 840 nm. The
figures are typical of published libraries (USGS spectral library 7; green leaf, dry and wet soil,
turbid water) rounded to a hundredth: an index of them lies where agronomists know it to lie, NDVI
0.86 for a dense crown, 0.15 for soil, below zero for water. Sick leaves reflect more red and less
near infrared, as browned tissue does.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

BANDS = ("Blue", "Green", "Red", "Red edge", "NIR")
WAVELENGTHS_NM = (475.0, 560.0, 668.0, 717.0, 840.0)
WIDTHS_NM = (20.0, 20.0, 10.0, 10.0, 40.0)


class Material(IntEnum):
    """What covers a cell."""

    SOIL = 0
    GRASS = 1
    LEAF = 2
    SICK = 3
    RICE = 4
    WATER = 5
    BUND = 6
    PATH = 7


REFLECTANCE: dict[Material, tuple[float, float, float, float, float]] = {
    Material.SOIL: (0.09, 0.13, 0.18, 0.20, 0.25),
    Material.GRASS: (0.04, 0.10, 0.07, 0.20, 0.36),
    Material.LEAF: (0.03, 0.07, 0.035, 0.18, 0.47),
    Material.SICK: (0.06, 0.10, 0.13, 0.20, 0.28),
    Material.RICE: (0.03, 0.08, 0.04, 0.17, 0.42),
    Material.WATER: (0.05, 0.06, 0.05, 0.04, 0.03),
    Material.BUND: (0.08, 0.12, 0.15, 0.19, 0.28),
    Material.PATH: (0.16, 0.20, 0.24, 0.26, 0.30),
}


def reflectance_of(material: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the reflectance of what covers each cell.

    Parameters
    ----------
    material : (H, W) uint8
        `Material`.

    Returns
    -------
    (H, W, 5) float32

    Examples
    --------
    >>> blue, _, red, _, nir = reflectance_of(np.array([[Material.LEAF]], dtype=np.uint8))[0, 0]
    >>> round(float((nir - red) / (nir + red)), 2)
    0.86
    """
    table = np.array([REFLECTANCE[each] for each in Material], dtype=np.float32)
    return np.asarray(table[material])
