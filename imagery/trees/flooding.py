"""From tops to crowns: every crown flooded from its top, in pieces that fit without a seam.

Theory of operation
-------------------
**Flooding.** The canopy is turned upside down and flooded from all tops at once (marker-controlled
watershed; Meyer and Beucher, J. Vis. Commun. Image Represent. 1 (1990) 21): crowns meet along the
valleys between them. What lies lower than `floor` is not flooded. Of what a top has flooded its
crown is the piece around it that is at least `share` of its height and within half of `widest_m`.

**No chance.** Equal heights would be flooded in the order in which they happen to be read. So each
height is counted in tenths of a millimetre and followed by a number that belongs to the pixel's
place in the whole raster and is like no other's: no two are equal, and the order depends on nothing
but the raster.

**Pieces.** A raster is read in pieces with a margin. The outermost rim of the margin, as wide as a
window of the rule (where tops cannot be told for sure), is flooded from the beginning by *what is
not known*. Water from outside can enter through the rim only, never earlier than that. So a pixel
that a top still gets in this race is that top's in the whole raster too, and a crown that does not
touch the unknown where it could grow is whole and exact. When one touches it, the piece is read
again with twice the margin. A crown belongs to the piece in which its top lies. The crowns of a
raster are therefore the same for every size of pieces; the tests compare them bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from agri.errors import BadInput
from agri.grid import FloatArray
from imagery.extras import extra
from imagery.trees.tops import IntArray, WindowRule, tree_tops

BoolArray = NDArray[np.bool_]
Read = Callable[[int, int, int, int], FloatArray]
"""(row, column, rows, columns) → heights there, NaN where none."""
UNKNOWN = -1
STEP_M = 1e-4
"""Heights nearer to each other than this are equal, and their places decide."""
PLACES = 2**32


@dataclass(frozen=True, slots=True, kw_only=True)
class CrownRule:
    """What belongs to a crown.

    Parameters
    ----------
    window : WindowRule
        For tops.
    share : float
        Lowest pixel of a crown as a share of its top's height, 0 to 1.
    widest_m : float
        Width of the widest crown.
    least_m2 : float
        Smaller ones are no trees.
    floor : float
        Lower pixels are no crown's.

    Raises
    ------
    BadInput
        When a figure is out of range.
    """

    window: WindowRule = field(default_factory=WindowRule)
    share: float = 0.4
    widest_m: float = 12.0
    least_m2: float = 0.3
    floor: float = 0.4

    def __post_init__(self) -> None:
        fits = 0.0 <= self.share < 1.0 and 0.2 <= self.widest_m <= 60.0 and self.least_m2 >= 0.0
        if not fits or self.floor > self.window.lowest_m:
            raise BadInput(
                "error.crown_rule", share=self.share, widest=self.widest_m, least=self.least_m2,
                floor=self.floor, lowest=self.window.lowest_m,
            )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Flooded:
    """The pixels of one crown.

    Parameters
    ----------
    top : (row, column)
        In the whole raster.
    corner : (row, column)
        Of `pixels` in the whole raster.
    pixels : (H, W) bool
    heights : (H, W) float64
        Of the same pixels.
    """

    top: tuple[int, int]
    corner: tuple[int, int]
    pixels: BoolArray
    heights: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Rows and columns from (row, column) on."""

    row: int
    column: int
    rows: int
    columns: int

    def wider(self, margin: int, shape: tuple[int, int]) -> _Piece:
        row, column = max(0, self.row - margin), max(0, self.column - margin)
        end = min(shape[0], self.row + self.rows + margin)
        side = min(shape[1], self.column + self.columns + margin)
        return _Piece(row=row, column=column, rows=end - row, columns=side - column)


def flood(
    read: Read, piece: tuple[int, int, int, int], shape: tuple[int, int], pixel: float,
    rule: CrownRule,
) -> list[Flooded]:  # fmt: skip
    """Return the crowns whose tops lie in a piece of a raster.

    Parameters
    ----------
    read : callable
        Gives heights of any part of the raster, the same ones whichever part is asked for.
    piece : (row, column, rows, columns)
        Whose tops are meant.
    shape : (rows, columns)
        Of the whole raster.
    pixel : float
        Side of a pixel, metres.
    rule : CrownRule
        What belongs to a crown.

    Returns
    -------
    list of Flooded
        In reading order of their tops; the same for every division into pieces.
    """
    row, column, rows, columns = piece
    core = _Piece(row=row, column=column, rows=rows, columns=columns)
    margin = math.ceil(1.5 * rule.widest_m / pixel) + 2
    while True:
        window = core.wider(margin, shape)
        found = _flooded(read, core, window, shape=shape, pixel=pixel, rule=rule)
        if found is not None:
            return found
        margin *= 2


def _flooded(
    read: Read,
    core: _Piece,
    window: _Piece,
    *,
    shape: tuple[int, int],
    pixel: float,
    rule: CrownRule,
) -> list[Flooded] | None:
    """Return the crowns of the core, None when the window is too narrow to be sure of one."""
    heights = read(window.row, window.column, window.rows, window.columns)
    high = np.nanmax(heights, initial=0.0)
    rim = _rim(window, shape, math.ceil(rule.window.radius_m(float(high)) / pixel) + 1)
    first, left = core.row - window.row, core.column - window.column
    inner = (slice(first, first + core.rows), slice(left, left + core.columns))
    if rim[inner].any():
        return None
    tops = tree_tops(heights, pixel, rule.window)
    tops = tops[~rim[tops[:, 0], tops[:, 1]]]
    labels = _raced(heights, tops, rim, window=window, shape=shape, floor=rule.floor)
    found = []
    for number, (top_row, top_column) in enumerate(tops.tolist(), start=1):
        if not (0 <= top_row - first < core.rows and 0 <= top_column - left < core.columns):
            continue
        crown = _crown(heights, labels, number, top=(top_row, top_column), pixel=pixel, rule=rule)
        if crown is None:
            return None
        row, column = window.row, window.column
        found.append(
            Flooded(
                top=(top_row + row, top_column + column),
                corner=(crown.corner[0] + row, crown.corner[1] + column),
                pixels=crown.pixels,
                heights=crown.heights,
            )
        )
    return found


def _rim(window: _Piece, shape: tuple[int, int], width: int) -> BoolArray:
    """Return the outermost pixels of the window on sides that are not the raster's own edges."""
    rim = np.zeros((window.rows, window.columns), dtype=bool)
    if window.row > 0:
        rim[:width] = True
    if window.row + window.rows < shape[0]:
        rim[-width:] = True
    if window.column > 0:
        rim[:, :width] = True
    if window.column + window.columns < shape[1]:
        rim[:, -width:] = True
    return rim


def _raced(
    heights: FloatArray,
    tops: IntArray,
    rim: BoolArray,
    *,
    window: _Piece,
    shape: tuple[int, int],
    floor: float,
) -> IntArray:
    """Return for every pixel the number of the top that floods it, `UNKNOWN`, or 0."""
    dry = np.isfinite(heights) & (heights >= floor)
    seeds = np.zeros(heights.shape, dtype=np.int32)
    seeds[rim & dry] = len(tops) + 1
    seeds[tops[:, 0], tops[:, 1]] = np.arange(1, len(tops) + 1)
    if not seeds.any():
        return np.zeros(heights.shape, dtype=np.int64)
    level = _unequal(heights, window, shape)
    labels = extra("skimage.segmentation").watershed(level, seeds, mask=dry)
    labels = labels.astype(np.int64)
    labels[labels == len(tops) + 1] = UNKNOWN
    return np.asarray(labels)


def _unequal(heights: FloatArray, window: _Piece, shape: tuple[int, int]) -> FloatArray:
    """Return depths of which no two are equal; see the head of this room."""
    rows = np.arange(window.row, window.row + window.rows, dtype=np.uint64)[:, None]
    columns = np.arange(window.column, window.column + window.columns, dtype=np.uint64)
    place = (rows * np.uint64(shape[1]) + columns) % np.uint64(PLACES)
    mixed = (place * np.uint64(2654435761)) % np.uint64(PLACES)
    mixed ^= mixed >> np.uint64(16)
    mixed = (mixed * np.uint64(0x85EBCA6B)) % np.uint64(PLACES)
    steps = np.rint(np.where(np.isfinite(heights), heights, 0.0) / STEP_M)
    return np.asarray(-steps * float(PLACES) + mixed.astype(np.float64))


def _crown(
    heights: FloatArray,
    labels: IntArray,
    number: int,
    *,
    top: tuple[int, int],
    pixel: float,
    rule: CrownRule,
) -> Flooded | None:
    """Return one crown, None when it touches the unknown where it could grow."""
    reach = math.ceil(rule.widest_m / 2.0 / pixel) + 1
    row, column = max(0, top[0] - reach), max(0, top[1] - reach)
    part = (slice(row, top[0] + reach + 1), slice(column, top[1] + reach + 1))
    near, own = heights[part], labels[part]
    rows, columns = np.ogrid[: near.shape[0], : near.shape[1]]
    away = (rows + row - top[0]) ** 2 + (columns + column - top[1]) ** 2
    fits = (near >= rule.share * heights[top]) & (away <= (rule.widest_m / 2.0 / pixel) ** 2)
    pieces, _ = ndimage.label(fits & (own == number))
    pixels = pieces == pieces[top[0] - row, top[1] - column]
    if (ndimage.binary_dilation(pixels) & fits & (own == UNKNOWN)).any():
        return None
    ys, xs = np.nonzero(pixels)
    box = (slice(ys.min(), ys.max() + 1), slice(xs.min(), xs.max() + 1))
    return Flooded(
        top=top,
        corner=(row + int(ys.min()), column + int(xs.min())),
        pixels=pixels[box],
        heights=near[box],
    )
