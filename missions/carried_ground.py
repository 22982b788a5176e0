"""The ground a plan was made over, as the plan itself carries it.

Theory of operation
-------------------
A plan over a height file is stored, shown, checked again, exported and flown long after; the file
may then lie elsewhere, or be another one. Judged over level ground a hill plan would be all wrong,
and judged over nothing it would be believed. So the plan carries a cut-out of what it was planned
over (`CarriedGround`), and every later check measures its items over that; it says so, because the
file itself was not looked at again.

* Heights are kept as whole centimetres above the lowest, two bytes each, compressed
  (`CarriedGrid`): a hectare at a metre takes some 20 kB. They are covered by the checksum of agri's
  own file like all else.
* What was asked of the heights goes with them, and the height from which every straight way home is
  clear: the vehicle's RTL_ALT must be no lower.

`missions.terrain.carrying` makes it and makes heights of it again; this room holds the values only.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass

import numpy as np

from agri.errors import BadInput
from agri.grid import Grid

STEP_M = 0.01
"""Heights are kept in whole centimetres."""
UNKNOWN = 65535
"""Stands for a pixel without height."""
MOST_PIXELS = 1_000_000
"""More are never carried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedGrid:
    """Heights on a grid, in a form that goes into a text file.

    Parameters
    ----------
    epsg : int
        Horizontal CRS.
    affine : tuple of six float
        As in `agri.grid.Grid`.
    rows, columns : int
        Its size.
    lowest_m : float
        Height that 0 stands for.
    heights : str
        Row after row, unsigned 16-bit little-endian centimetres above the lowest, `UNKNOWN` where
        there is none; zlib, base64.

    Raises
    ------
    BadInput
        When the heights are not as many as the size says, or are no heights.

    Examples
    --------
    >>> grid = Grid(values=np.array([[5.0, 5.123], [np.nan, 7.0]]), epsg=32648,
    ...             affine=(1.0, 0.0, 0.0, 0.0, -1.0, 0.0))
    >>> CarriedGrid.of(grid).grid("hill").values.tolist()
    [[5.0, 5.12], [nan, 7.0]]
    """

    epsg: int
    affine: tuple[float, ...]
    rows: int
    columns: int
    lowest_m: float
    heights: str

    def __post_init__(self) -> None:
        size = self.rows * self.columns
        if len(self.affine) != 6 or min(self.rows, self.columns) < 1 or size > MOST_PIXELS:
            raise BadInput("error.carried_ground")
        if not -1000.0 <= self.lowest_m <= 9000.0:
            raise BadInput("error.carried_ground")
        if len(self._bytes()) != 2 * size:
            raise BadInput("error.carried_ground")
        self.grid("")

    @classmethod
    def of(cls, grid: Grid) -> CarriedGrid:
        """Return a grid of metres in this form.

        Raises
        ------
        BadInput
            When it holds no height, more than `MOST_PIXELS`, or its heights differ by more than
            655 m.
        """
        known = np.isfinite(grid.values)
        if not known.any():
            raise BadInput("error.terrain_gap", name=grid.name)
        lowest_m = float(np.floor(grid.values[known].min() / STEP_M + 1e-6) * STEP_M)
        steps = np.where(known, np.round((grid.values - lowest_m) / STEP_M), UNKNOWN)
        if steps[known].max() >= UNKNOWN:
            raise BadInput("error.carried_ground")
        packed = zlib.compress(steps.astype("<u2").tobytes(), 9)
        return cls(
            epsg=grid.epsg,
            affine=tuple(float(number) for number in grid.affine),
            rows=grid.shape[0],
            columns=grid.shape[1],
            lowest_m=lowest_m,
            heights=base64.b64encode(packed).decode("ascii"),
        )

    def grid(self, name: str) -> Grid:
        """Return the grid, named for sentences."""
        steps = np.frombuffer(self._bytes(), dtype="<u2").reshape(self.rows, self.columns)
        values = np.round(self.lowest_m + steps * STEP_M, 2)
        a, b, c, d, e, f = self.affine
        return Grid(
            values=np.where(steps == UNKNOWN, np.nan, values),
            affine=(a, b, c, d, e, f),
            epsg=self.epsg,
            unit="m",
            name=name,
        )

    def _bytes(self) -> bytes:
        """Return the heights unpacked, never more than they may be."""
        limit = 2 * self.rows * self.columns + 1
        try:
            return zlib.decompressobj().decompress(
                base64.b64decode(self.heights, validate=True), limit
            )
        except (binascii.Error, ValueError, zlib.error):
            raise BadInput("error.carried_ground") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedGround:
    """What a plan was made over, and what was asked of its heights.

    Parameters
    ----------
    source : str
        Names of the height files.
    ground : CarriedGrid
        DEM.
    surface : CarriedGrid or None
        What stands on it, crowns told otherwise included.
    height_m, speed_m_s, swath_m, tolerance_m, min_clearance_m, climb_m_s, descent_m_s : float
        As in `missions.terrain.model.HeightModel`.
    return_m : float
        Height above home from which every straight way home is clear.
    """

    source: str
    ground: CarriedGrid
    surface: CarriedGrid | None = None
    height_m: float
    speed_m_s: float
    swath_m: float
    tolerance_m: float
    min_clearance_m: float
    climb_m_s: float
    descent_m_s: float
    return_m: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.return_m <= 120.0:
            raise BadInput("error.carried_ground")
