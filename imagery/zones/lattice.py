"""The cells that management zones are made of: as wide as the sprayer's swath, along its passes.

A zone is only of use if the aircraft can follow its border. So the ground is not divided into the
raster's pixels but into cells of one swath's width across the direction of flight: every border
between zones then lies between two passes or across one. Where each cell has a rate of its own it
is as long as the pump needs to change its flow; where cells are joined to zones they are a part of
that (`parts_of`), so that a border lies where the crop changes and not up to half a run beside it,
and no zone's run is made shorter than the whole (`imagery.zones.shaping`). The lattice is a grid
turned into that direction, in UTM metres (0.04 % off true ones), and every cell's value is the
exact mean of the raster under it and inside the field (`imagery.zonal`), so pixels of any size, CRS
and date can go into it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from agri.errors import BadInput
from agri.findings import Finding
from agri.geo import LocalFrame, transformer
from agri.grid import Grid
from agri.zone import Zone
from imagery.zonal import Layers, zonal_statistics

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Affine = tuple[float, float, float, float, float, float]

MAX_CELLS = 200_000
"""More cells than this are a mistake of units."""
LEAST_PIECE_M = 3.0
"""No shorter piece of a pass is flown at a rate of its own."""
BORDER_M = 2.0
"""How finely a border between zones is placed along a pass, about: what the pump's start and stop
are off by anyway."""
FINE_CELLS = 50_000
"""Larger fields have coarser borders rather than more cells: 40 ha at 4 m by 2 m."""
HAIR_DEG2 = 1e-12
"""Smaller parts of an area (about 0.01 m²) are the rounding of corners."""
SLIVER_M2 = 0.01
"""A cell that has less of the field than this has none."""


def run_length_m(speed_m_s: float, reaction_s: float) -> float:
    """Return the least length along a pass that can have a rate of its own, metres.

    Parameters
    ----------
    speed_m_s : float
        While spraying.
    reaction_s : float
        From the command to the new flow at the nozzles (pump and hose).

    Notes
    -----
    Twice the way flown meanwhile, so that at least half of the stretch gets what it should.

    Examples
    --------
    >>> run_length_m(5.0, 0.8), run_length_m(1.0, 0.2)
    (8.0, 3.0)
    """
    return max(LEAST_PIECE_M, 2.0 * speed_m_s * reaction_s)


def parts_of(along_m: float, *, across_m: float, area_m2: float) -> int:
    """Return in how many cells the least run is divided, so that zones' borders are well placed.

    Parameters
    ----------
    along_m : float
        The least run; see `run_length_m`.
    across_m : float
        Swath width.
    area_m2 : float
        Of the field.

    Examples
    --------
    >>> parts_of(8.0, across_m=4.0, area_m2=5_000.0), parts_of(8.0, across_m=4.0, area_m2=3e6)
    (4, 1)
    """
    wished = round(along_m / BORDER_M)
    room = int(FINE_CELLS * across_m * along_m / max(area_m2, 1e-9))
    return max(1, min(wished, room))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """Cells over a field.

    Parameters
    ----------
    field : shapely.Polygon or MultiPolygon
        WGS 84 degrees.
    affine : tuple of six float
        From (column, row) to UTM, as in `agri.grid.Grid`; columns run along the passes.
    epsg : int
        The UTM zone.
    inside_m2 : (H, W) float64
        How much of each cell lies in the field.
    along_m, across_m : float
        A cell's sides.
    """

    field: Polygon | MultiPolygon
    affine: Affine
    epsg: int
    inside_m2: FloatArray
    along_m: float
    across_m: float

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which cells reach into the field, (H, W)."""
        found: NDArray[np.bool_] = self.inside_m2 > SLIVER_M2
        return found

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (passes) and columns (along them)."""
        return self.inside_m2.shape[0], self.inside_m2.shape[1]

    def grid(self, values: FloatArray, *, unit: str = "", name: str = "") -> Grid:
        """Return values of the cells, (H, W), as a grid."""
        return Grid(values=values, affine=self.affine, epsg=self.epsg, unit=unit, name=name)

    def area_of(self, chosen: NDArray[np.bool_]) -> MultiPolygon:
        """Return the ground of chosen cells within the field, WGS 84 degrees.

        Parameters
        ----------
        chosen : (H, W) bool

        Returns
        -------
        shapely.MultiPolygon
            Neighbours joined; empty when none is chosen.
        """
        wanted = np.pad((chosen & self.inside).astype(np.int8), ((0, 0), (1, 1)))
        row, first = np.nonzero(np.diff(wanted, axis=1) == 1)
        _, end = np.nonzero(np.diff(wanted, axis=1) == -1)
        cells = shapely.union_all(shapely.box(first, row, end, row + 1), grid_size=1.0)
        placed = shapely.transform(cells, self._degrees)
        found = shapely.intersection(placed, self.field)
        parts = [part for part in shapely.get_parts(found) if isinstance(part, Polygon)]
        return MultiPolygon([part for part in parts if part.area > HAIR_DEG2])

    def _degrees(self, places: FloatArray) -> FloatArray:
        x, y = _to_map(self.affine, places)
        return np.column_stack(transformer(self.epsg, 4326).transform(x, y))


def lattice(
    area: Polygon | MultiPolygon, *, direction_deg: float, across_m: float, along_m: float
) -> Lattice:
    """Lay cells over a field.

    Parameters
    ----------
    area : shapely.Polygon or MultiPolygon
        WGS 84 degrees.
    direction_deg : float
        Bearing of the passes, clockwise from north.
    across_m : float
        Swath width.
    along_m : float
        Cell length along a pass; see `run_length_m`.

    Returns
    -------
    Lattice

    Raises
    ------
    BadInput
        When the sides are no lengths or the cells too many.

    Examples
    --------
    >>> frame = LocalFrame.around(shapely.box(106.51, 21.08, 106.511, 21.081))
    >>> field = frame.geometry_to_lonlat(shapely.box(0.0, 0.0, 40.0, 20.0))
    >>> lattice(field, direction_deg=90.0, across_m=5.2, along_m=8.2).shape
    (4, 5)
    """
    sane = math.isfinite(direction_deg) and min(across_m, along_m) > 0.0
    epsg = LocalFrame.around(area).utm_epsg
    placed = shapely.transform(area, lambda xy: np.column_stack(
        transformer(4326, epsg).transform(*xy.T)))  # fmt: skip
    if not sane or placed.area / (across_m * along_m) > MAX_CELLS:
        raise BadInput("error.zones_cells", across_m=across_m, along_m=along_m, most=MAX_CELLS)
    bearing = math.radians(direction_deg)
    along = np.array([math.sin(bearing), math.cos(bearing)])
    across = np.array([along[1], -along[0]])  # to the right of the way
    corners = shapely.get_coordinates(placed)
    u, v = corners @ along, corners @ across
    columns, rows = (max(1, math.ceil(np.ptp(axis) / side - 1e-3)) for axis, side in
                     ((u, along_m), (v, across_m)))  # fmt: skip
    if rows * columns > 20 * MAX_CELLS:
        raise BadInput("error.zones_cells", across_m=across_m, along_m=along_m, most=MAX_CELLS)
    begin_u = (u.min() + u.max() - columns * along_m) / 2.0
    begin_v = (v.min() + v.max() - rows * across_m) / 2.0
    origin = begin_u * along + begin_v * across
    east, north = (float(value) for value in origin)
    affine = (along_m * float(along[0]), across_m * float(across[0]), east,
              along_m * float(along[1]), across_m * float(across[1]), north)  # fmt: skip
    inside = _inside(placed, affine, rows, columns)
    return Lattice(field=area, affine=affine, epsg=epsg, along_m=along_m, across_m=across_m,
                   inside_m2=inside)  # fmt: skip


def _to_map(affine: Affine, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    a, b, c, d, e, f = affine
    column, row = places.T
    return a * column + b * row + c, d * column + e * row + f


def _inside(placed: BaseGeometry, affine: Affine, rows: int, columns: int) -> FloatArray:
    """Return how much of each cell lies in the area, m²."""
    cells = _cells(affine, rows, columns)
    found = np.zeros(rows * columns)
    touched = shapely.STRtree(cells).query(placed, predicate="intersects")
    found[touched] = shapely.area(shapely.intersection(cells[touched], placed))
    return found.reshape(rows, columns)


def _cells(affine: Affine, rows: int, columns: int) -> NDArray[np.object_]:
    row, column = np.divmod(np.arange(rows * columns), columns)
    boxes = shapely.box(column, row, column + 1, row + 1)
    placed = shapely.transform(boxes, lambda xy: np.column_stack(_to_map(affine, xy)))
    return np.asarray(placed, dtype=np.object_)


def cell_values(
    layers: Layers | Sequence[Layers],
    cells: Lattice,
    *,
    least_coverage: float = 0.5,
    progress: Callable[[float], None] | None = None,
) -> tuple[FloatArray, tuple[Finding, ...]]:
    """Return the exact mean of layers in every cell, within the field.

    Parameters
    ----------
    layers : Layers or sequence of Layers
        Rasters; as in `imagery.zonal.zonal_statistics`.
    cells : Lattice
    least_coverage : float
        A cell with data on less than this share has no value.
    progress : callable, optional
        Is told the share done.

    Returns
    -------
    values : (H, W, L) float64
        NaN outside the field and where there is no data.
    findings : tuple of Finding
        How many cells of the field have no value, if any.
    """
    inside = cells.inside
    rows, columns = cells.shape
    squares = shapely.transform(
        _cells(cells.affine, rows, columns)[inside.ravel()],
        lambda xy: np.column_stack(transformer(cells.epsg, 4326).transform(*xy.T)),
    )
    pieces = shapely.intersection(squares, cells.field)
    zones = [Zone(name=str(k), area=_areal(piece)) for k, piece in enumerate(pieces)]
    table, _ = zonal_statistics(layers, zones, quantiles=(), progress=progress)
    found = np.array([row.mean if row.coverage >= least_coverage else math.nan
                      for row in table.rows])  # fmt: skip
    values = np.full((rows, columns, len(table.labels)), np.nan)
    values[inside] = found.reshape(len(zones), len(table.labels))
    blind = int(np.isnan(values[inside]).any(axis=1).sum())
    if not blind:
        return values, ()
    told = Finding.warning("finding.cells_no_data", count=blind, total=len(zones))
    return values, (told,)


def _areal(geometry: BaseGeometry) -> Polygon | MultiPolygon:
    if isinstance(geometry, Polygon | MultiPolygon):
        return geometry
    return MultiPolygon([p for p in shapely.get_parts(geometry) if isinstance(p, Polygon)])
