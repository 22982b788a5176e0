"""A commune of small fields, made by a seed: outlines, pads, and the ground a camera would see.

Theory of operation
-------------------
Fields stand in rows in a grid of cells of 55 × 80 m, from a north-west corner in UTM to the east
and south: quadrilaterals of 0.02 to 0.25 ha with leaning sides, none across its cell's border, a
pad for every ninth. Every cell has one vigour, known, from which all its pixels' reflectance
follows, with noise whose mean is none; so what a map tells of a field can be held against the
truth. A tile of ground follows from seed, row and column alone: the same commune can be painted as
small or as large as wanted, by anybody, in any order.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import MultiPolygon, Polygon

from agri.field import Field, Pad
from agri.geo import LonLat, transformer

EPSG = 32648
CORNER_M = (656_000.0, 2_332_000.0)
"""East and north of the north-west corner, UTM 48N: Đông Triều."""
CELL_M = (55.0, 80.0)
"""A field's cell, east and south."""
PER_PAD = 9
TILE = 512
"""Pixels a side of a tile of ground."""
BANDS = ("Green 560 nm", "Red 668 nm", "Red edge 717 nm", "NIR 842 nm")
SOIL = np.array([0.10, 0.14, 0.18, 0.24])
LEAVES = np.array([0.08, 0.03, 0.20, 0.52])
"""Reflectance of bare soil and of the densest crop, in the order of `BANDS`: usual values."""
NOISE = 0.04
"""Standard deviation of a pixel's brightness, the same in all bands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commune:
    """Small fields in rows, and how well each grows.

    Parameters
    ----------
    fields : tuple of Field
        From west to east, then from north to south.
    pads : tuple of Pad
        One for every ninth field.
    vigour : (rows, across) float64
        Of each cell, 0 bare soil to 1 the densest crop.
    seed : int
        Of the noise.
    """

    fields: tuple[Field, ...]
    pads: tuple[Pad, ...]
    vigour: NDArray[np.float64]
    seed: int

    def truth(self, number: int) -> NDArray[np.float64]:
        """Return the reflectance of a field, by band."""
        across = self.vigour.shape[1]
        share = float(self.vigour[number // across, number % across])
        mixed: NDArray[np.float64] = SOIL + share * (LEAVES - SOIL)
        return mixed

    def ndvi(self, number: int) -> float:
        """Return the true NDVI of a field."""
        _, red, _, near = self.truth(number).tolist()
        return float((near - red) / (near + red))

    def ground(
        self, row: int, column: int, height: int, width: int, *, pixel_m: float
    ) -> NDArray[np.uint16]:
        """Return a tile of ground as an orthomosaic holds it: reflectance × 10,000.

        Parameters
        ----------
        row, column : int
            Number of the tile, not of its pixels, from the north-west corner.
        height, width : int
            Its pixels, `TILE` at most.
        pixel_m : float
            Size of a pixel.

        Returns
        -------
        (4, height, width) uint16
        """
        rows, across = self.vigour.shape
        x = (column * TILE + np.arange(width) + 0.5) * pixel_m // CELL_M[0]
        y = (row * TILE + np.arange(height) + 0.5) * pixel_m // CELL_M[1]
        cells = np.ix_(y.astype(np.intp) % rows, x.astype(np.intp) % across)
        chance = np.random.default_rng([self.seed, row, column])
        noise = chance.standard_normal((height, width), dtype=np.float32)
        light = 10_000.0 * (1.0 + NOISE * np.clip(noise, -3.0, 3.0))
        share = self.vigour[cells].astype(np.float32)
        slopes = zip(SOIL.tolist(), (LEAVES - SOIL).tolist(), strict=True)
        return np.stack([light * (soil + share * more) for soil, more in slopes]).astype(np.uint16)


def commune(count: int, *, across: int = 100, seed: int = 1) -> Commune:
    """Make a commune.

    Parameters
    ----------
    count : int
        Fields.
    across : int
        Fields in a row.
    seed : int
        Outlines, vigour and noise follow from it.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    fields, pads = [], []
    for number in range(count):
        wide, high = chance.uniform(12.0, 40.0), chance.uniform(20.0, 60.0)
        lean = [chance.uniform(-3.0, 3.0) for _ in range(4)]
        corners = [(0, 0), (wide, lean[0]), (wide + lean[1], high + lean[2]), (lean[3], high)]
        turned = affinity.rotate(Polygon(corners), chance.uniform(-4.0, 4.0), origin=(0, 0))
        east = CORNER_M[0] + (number % across) * CELL_M[0]
        north = CORNER_M[1] - (number // across + 1) * CELL_M[1]
        shape = affinity.translate(turned, east + 7.4, north + 7.0)
        fields.append(
            Field(name=f"T{number}", uid=f"field-{number:06d}",
                  boundary=MultiPolygon([shapely.transform(shape, _degrees)]))
        )  # fmt: skip
        if number % PER_PAD == 0:
            lon, lat = transformer(EPSG, 4326).transform(east + 1.0, north + 1.0)
            pads.append(
                Pad(
                    name=f"p{number}",
                    uid=f"pad-{number:06d}",
                    place=LonLat(lon_deg=lon, lat_deg=lat),
                )
            )
    rows = -(-count // across)
    vigour = np.random.default_rng(seed).uniform(0.15, 0.95, size=(rows, across))
    return Commune(fields=tuple(fields), pads=tuple(pads), vigour=vigour, seed=seed)


def _degrees(places: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(transformer(EPSG, 4326).transform(*places.T))
