"""Laying footprints on a grid: how much of what was put on the ground lies in every cell.

A footprint is a convex four-sided piece of swath or a disc, with an amount spread evenly over it.
Each is cut into `LINES` scan lines a cell; along a scan line the overlap with every cell is exact.
A scan line belongs to the one footprint whose area its middle is in, so footprints that share an
edge neither overlap nor leave a gap: ground that is sprayed evenly comes out even to the last bit.
What a single footprint adds up to is true to a scan line's width at its upper and lower edge.

The overlap of a line [a, b] with cell j is r(b − j) − r(a − j), with r the ramp from 0 to 1. So
each line is written as two ends only: an end within cell c adds its fraction to c and a whole to
every cell before it, and those wholes are summed along the row once, when all is laid.

Coordinates are cells: column to the right, row downwards, (0, 0) the corner of the first cell.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

LINES = 16
"""Scan lines a cell."""
AT_ONCE = 1_000_000
"""Scan lines worked on at once: some 100 MB."""
DUST = 1e-9
"""Of the largest amount: what summing leaves behind where nothing was laid."""


class Ground:
    """Amounts laid on a grid, per cell.

    Parameters
    ----------
    rows, columns : int
        Size of the grid.

    Examples
    --------
    >>> ground = Ground(1, 3)
    >>> ground.lay_pieces(np.array([[[0.5, 0], [2.0, 0], [2.0, 1], [0.5, 1]]]), np.array([2.0]))
    >>> ground.amounts().tolist()
    [[1.0, 2.0, 0.0]]
    """

    def __init__(self, rows: int, columns: int) -> None:
        self._shape = (rows, columns)
        self._within = np.zeros(rows * columns)
        self._before = np.zeros(rows * columns)

    def lay_pieces(self, corners: FloatArray, density: FloatArray) -> None:
        """Lay four-sided pieces.

        Parameters
        ----------
        corners : (N, 4, 2) float64
            Column and row of the corners, in order around; convex.
        density : (N,) float64
            Amount per cell of area.
        """
        rows = corners[:, :, 1]
        for piece, line in _lines(rows.min(axis=1), rows.max(axis=1)):
            middle = (line + 0.5) / LINES
            left = np.full(len(line), np.inf)
            right = np.full(len(line), -np.inf)
            for edge in range(4):
                start, end = corners[piece, edge], corners[piece, (edge + 1) % 4]
                crosses = (start[:, 1] <= middle) != (end[:, 1] <= middle)
                fall = np.where(crosses, end[:, 1] - start[:, 1], 1.0)
                share = (middle - start[:, 1]) / fall
                column = start[:, 0] + (end[:, 0] - start[:, 0]) * share
                left = np.where(crosses, np.minimum(left, column), left)
                right = np.where(crosses, np.maximum(right, column), right)
            met = right > left
            self._add(line[met], left[met], right[met], density[piece[met]])

    def lay_discs(self, centres: FloatArray, radius: FloatArray, density: FloatArray) -> None:
        """Lay discs: (N, 2) column and row of their centres, (N,) radius in cells."""
        top, bottom = centres[:, 1] - radius, centres[:, 1] + radius
        for disc, line in _lines(top, bottom):
            off = (line + 0.5) / LINES - centres[disc, 1]
            half = np.sqrt(np.maximum(0.0, radius[disc] ** 2 - off**2))
            self._add(line, centres[disc, 0] - half, centres[disc, 0] + half, density[disc])

    def amounts(self) -> FloatArray:
        """Return what lies in every cell, (rows, columns) float64."""
        before = self._before.reshape(self._shape)
        after = np.cumsum(before[:, ::-1], axis=1)[:, ::-1] - before
        total = self._within.reshape(self._shape) + after
        total[np.abs(total) < DUST * np.max(np.abs(total), initial=0.0)] = 0.0
        return np.asarray(total)

    def _add(
        self, line: IntArray, left: FloatArray, right: FloatArray, density: FloatArray
    ) -> None:
        """Add lines from `left` to `right`; what lies outside the grid is left out."""
        rows, columns = self._shape
        row = line // LINES
        good = (row >= 0) & (row < rows)
        row, amount = row[good], density[good] / LINES
        for ends, sign in ((right[good], 1.0), (left[good], -1.0)):
            end = np.clip(ends, 0.0, columns)
            column = np.minimum(end.astype(np.intp), columns - 1)
            cell = row * columns + column
            size = rows * columns
            self._within += np.bincount(cell, sign * amount * (end - column), size)
            self._before += np.bincount(cell, sign * amount, size)


def _lines(top: FloatArray, bottom: FloatArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield (footprint, scan line) numbers of all footprints between two rows, some at a time."""
    first = np.ceil(top * LINES - 0.5).astype(np.intp)
    last = np.ceil(bottom * LINES - 0.5).astype(np.intp)
    counts = np.maximum(0, last - first)
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        laid = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, laid + AT_ONCE, side="right")))
        some = counts[start:stop]
        footprint = np.repeat(np.arange(start, stop), some)
        within = np.arange(len(footprint)) - np.repeat(np.cumsum(some) - some, some)
        yield footprint, first[footprint] + within
        start = stop
