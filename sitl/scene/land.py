"""The value of a scene: one raster of heights and reflectance, and what stands on it.

Theory of operation
-------------------
Everything lies on one raster of square cells, first row in the north, in local metres (east,
north of the frame's origin). A cell has the ground's height, the surface's height (leaves on top),
what covers it, and what that reflects in each band: a photo of it is made from nothing else, so
that whatever is found in the photo can be held against these very numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Point, Polygon

from agri.geo import LocalFrame, transformer
from agri.grid import Grid
from sitl.scene.spectra import BANDS, Material

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree of an orchard.

    Parameters
    ----------
    number : int
        From 1, row after row.
    row, column : int
        Its place in the orchard's grid.
    east_m, north_m : float
        Of its trunk.
    radius_m : float
        Of its crown.
    height_m : float
        Of its top above the ground.
    sick : float
        0 healthy to 1.
    """

    number: int
    row: int
    column: int
    east_m: float
    north_m: float
    radius_m: float
    height_m: float
    sick: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A place of the orchard's grid without a tree."""

    row: int
    column: int
    east_m: float
    north_m: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """Land with its truth.

    Parameters
    ----------
    name : str
        "orchard" or "paddy".
    frame : LocalFrame
        Where east and north count from; the middle of the scene.
    cell_m : float
        Side of a cell.
    ground_m, surface_m : (H, W) float32
        Heights above the frame's zero: of the ground, of what is on top.
    reflectance : (H, W, 5) float32
        In `sitl.scene.spectra.BANDS`.
    material : (H, W) uint8
        `Material`.
    zone : (H, W) uint8
        Planted management zone from 1, 0 outside.
    trees, gaps : tuple
        Of an orchard.
    sick_area : shapely.Polygon
        Local metres; empty when nothing is sick.
    """

    name: str
    frame: LocalFrame
    cell_m: float
    ground_m: NDArray[np.float32]
    surface_m: NDArray[np.float32]
    reflectance: NDArray[np.float32]
    material: NDArray[np.uint8]
    zone: NDArray[np.uint8]
    trees: tuple[Tree, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sick_area: Polygon = field(default_factory=Polygon)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.ground_m.shape[0], self.ground_m.shape[1]

    @property
    def half_m(self) -> tuple[float, float]:
        """Half of its width and height; it lies round the frame's origin."""
        rows, columns = self.shape
        return columns * self.cell_m / 2.0, rows * self.cell_m / 2.0

    def cells(self, east_m: FloatArray, north_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (row, column) of places with fractions; whole numbers are centres of cells."""
        half_east, half_north = self.half_m
        column = (east_m + half_east) / self.cell_m - 0.5
        row = (half_north - north_m) / self.cell_m - 0.5
        return row, column

    def places(self) -> tuple[FloatArray, FloatArray]:
        """Return east (W,) and north (H,) of the centres of cells."""
        half_east, half_north = self.half_m
        rows, columns = self.shape
        east: FloatArray = (np.arange(columns, dtype=np.float64) + 0.5) * self.cell_m - half_east
        north: FloatArray = half_north - (np.arange(rows, dtype=np.float64) + 0.5) * self.cell_m
        return east, north

    @property
    def epsg(self) -> int:
        """UTM zone of its rasters."""
        return self.frame.utm_epsg

    @property
    def affine(self) -> tuple[float, float, float, float, float, float]:
        """Cell corner (column, row) to UTM: turned by the meridians' convergence."""
        half_east, half_north = self.half_m
        corner = np.array([-half_east, -half_east + self.cell_m, -half_east])
        side = np.array([half_north, half_north, half_north - self.cell_m])
        lon, lat = self.frame.to_lonlat(corner, side)
        x, y = transformer(4326, self.epsg).transform(lon, lat)
        a, d = float(x[1] - x[0]), float(y[1] - y[0])
        b, e = float(x[2] - x[0]), float(y[2] - y[0])
        return a, b, float(x[0]), d, e, float(y[0])

    def grid(self, layer: str) -> Grid:
        """Return a layer as a raster on the earth.

        Parameters
        ----------
        layer : str
            "ground", "surface" or "canopy" (metres), "zone", "material", or a band's name.

        Raises
        ------
        KeyError
            When there is no such layer.
        """
        layers = {
            "ground": self.ground_m,
            "surface": self.surface_m,
            "canopy": self.surface_m - self.ground_m,
            "zone": self.zone,
            "material": self.material,
            **{band: self.reflectance[:, :, k] for k, band in enumerate(BANDS)},
        }
        unit = "m" if layer in ("ground", "surface", "canopy") else ""
        values = layers[layer].astype(np.float64)
        return Grid(values=values, affine=self.affine, epsg=self.epsg, unit=unit, name=layer)

    def crown(self, tree: Tree) -> Polygon:
        """Return a crown's outline, WGS 84 (lon, lat) degrees."""
        circle = Point(tree.east_m, tree.north_m).buffer(tree.radius_m)
        return self.frame.geometry_to_lonlat(circle)

    def outline(self) -> MultiPolygon:
        """Return the scene's border, WGS 84 (lon, lat) degrees."""
        half_east, half_north = self.half_m
        box = shapely.box(-half_east, -half_north, half_east, half_north)
        return MultiPolygon([self.frame.geometry_to_lonlat(box)])

    def covered_by(self, *materials: Material) -> NDArray[np.bool_]:
        """Return which cells are covered by any of these, (H, W)."""
        return np.isin(self.material, np.array([int(each) for each in materials], dtype=np.uint8))
