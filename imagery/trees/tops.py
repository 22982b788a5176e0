"""Tree tops: the highest place within a window that grows with the tree.

Theory of operation
-------------------
Tall trees have wide crowns, so a pixel is a top when nothing within R = slope · h + base of it is
higher, h being its own height (variable window filter: Popescu and Wynne, Photogramm. Eng. Remote
Sens. 70 (2004) 589). The window is the disk of the pixels whose centres lie within round(R / pixel)
pixels. With R = 0.05 h + 0.8 m this gives, on a public canopy model of 0.25 m, just the 1,115 tops
that ForestTools finds there.

Only pixels that are highest among their eight neighbours are looked at, all those of one window
size at once. Of equal heights within a window the first in reading order is the top, so that a flat
crown has one; ForestTools keeps each (`equals`).

Whether a pixel is a top depends on nothing outside its window: a raster read in pieces with a
margin of the widest window gives the same tops.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from agri.errors import BadInput
from agri.grid import FloatArray

IntArray = NDArray[np.int64]
AT_ONCE = 4_000_000
"""Values compared in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowRule:
    """How far from a top nothing may be higher.

    Parameters
    ----------
    slope : float
        Metres of radius for each metre of height, 0 to 1.
    base_m : float
        Radius at height 0, more than 0.
    lowest_m : float
        Lower things are no trees.

    Raises
    ------
    BadInput
        When a figure is out of range.

    Examples
    --------
    >>> round(WindowRule().radius_m(4.0), 2)
    1.0
    """

    slope: float = 0.05
    base_m: float = 0.8
    lowest_m: float = 1.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.slope <= 1.0 and 0.0 < self.base_m <= 20.0 and self.lowest_m > 0.0):
            raise BadInput(
                "error.window_rule", slope=self.slope, base=self.base_m, lowest=self.lowest_m
            )

    def radius_m(self, height_m: float) -> float:
        """Return the radius of the window of a thing so high."""
        return self.slope * height_m + self.base_m


def tree_tops(
    heights: FloatArray, pixel: float, rule: WindowRule, *, equals: bool = False
) -> IntArray:
    """Return the pixels that are tree tops.

    Parameters
    ----------
    heights : (H, W) float64
        Above ground, metres; NaN where none.
    pixel : float
        Side of a pixel, metres.
    rule : WindowRule
        The window's size.
    equals : bool
        Whether each of several equal heights within a window is a top.

    Returns
    -------
    (N, 2) int64
        Row and column, in reading order.

    Examples
    --------
    >>> heights = np.zeros((9, 9))
    >>> heights[2, 2], heights[2, 3], heights[7, 6] = 4.0, 3.5, 3.0
    >>> tree_tops(heights, 0.5, WindowRule()).tolist()
    [[2, 2], [7, 6]]
    """
    low = np.where(np.isfinite(heights), heights, -math.inf)
    peaks = (low >= rule.lowest_m) & (low >= ndimage.maximum_filter(low, size=3, mode="nearest"))
    places = np.argwhere(peaks)
    if not len(places):
        return np.empty((0, 2), dtype=np.int64)
    tall = low[peaks]
    radius = np.rint((rule.slope * tall + rule.base_m) / pixel).astype(np.int64)
    edge = int(radius.max())
    padded = np.pad(low, edge, constant_values=-math.inf)
    top = np.zeros(len(places), dtype=bool)
    for cells in np.unique(radius):
        chosen = np.flatnonzero(radius == cells)
        halves = _disk(int(cells))
        step = max(1, AT_ONCE // (2 * len(halves[0]) + 1))
        for first in range(0, len(chosen), step):
            some = chosen[first : first + step]
            top[some] = _highest(
                padded, places[some] + edge, tall[some], halves=halves, equals=equals
            )
    return np.asarray(places[top], dtype=np.int64)


def _disk(cells: int) -> tuple[IntArray, IntArray]:
    """Return the offsets of a disk that come before its middle in reading order, and after."""
    rows, columns = np.mgrid[-cells : cells + 1, -cells : cells + 1]
    within = rows**2 + columns**2 <= cells**2
    offsets = np.column_stack([rows[within], columns[within]])
    middle = len(offsets) // 2
    return offsets[:middle], offsets[middle + 1 :]


def _highest(
    padded: FloatArray,
    places: IntArray,
    tall: FloatArray,
    *,
    halves: tuple[IntArray, IntArray],
    equals: bool,
) -> NDArray[np.bool_]:
    """Return which places are the highest of their windows."""
    first = _around(padded, places, halves[0])
    second = _around(padded, places, halves[1])
    led = first <= tall if equals else first < tall
    return np.asarray(led & (second <= tall))


def _around(padded: FloatArray, places: IntArray, offsets: IntArray) -> FloatArray:
    """Return the highest value at the offsets from each place."""
    if not len(offsets):
        return np.full(len(places), -math.inf)
    at = places[:, None, :] + offsets
    return np.asarray(padded[at[..., 0], at[..., 1]].max(axis=1))
