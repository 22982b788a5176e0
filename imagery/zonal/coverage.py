"""How much of every pixel an area covers, exact, for thousands of areas at once.

Theory of operation
-------------------
By Green's theorem the area of a polygon within a pixel is a sum over the pieces of its edges alone.
An edge piece within one pixel that goes down by dy and has its middle at the share u of the pixel's
width adds dy · (1 − u) to that pixel and dy to every pixel to the right of it in the row. So

* edges (of all areas together) are cut where they cross pixel borders: every piece lies in one
  pixel, which is the one of its middle;
* pieces are summed by (area, row, column): these are the pixels that an outline crosses, their
  weight is the row's sum so far plus their own share;
* between two such pixels of a row the sum stays as it is: 0 without, 1 within (told as runs of
  whole pixels), or a share where a level edge passes through the row (told pixel by pixel).

Rings are turned so that outer ones count up and holes count down; parts and holes need no other
care. An area may be cut by a window (a block of the raster): what is left of it is moved onto the
left border, what is right of it onto a column behind the last, so that every row still sums to
zero. Nothing is rasterised per area, so areas may overlap freely, and the work grows with the
outlines' length and not with the ground within.

Everything is double precision; the weights of one area sum to its area in pixels to about 1 part in
10¹². Pixel coordinates: column and row with fractions, pixel (0, 0) from (0, 0) to (1, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

NOTHING = 1e-12
"""A smaller weight is arithmetic's dust."""
DUST = 1e-9
"""Between outlines a row's sum is a whole number, or a level edge's share, to this."""
_INSIDE = 1.0 - 1e-8
"""Keeps the places along an edge apart from the next edge's, in one sorting key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """The edges of many areas in pixel coordinates, outer rings turned so that they count up.

    Parameters
    ----------
    begin, end : (E, 2) float64
        Column and row.
    first : (Z + 1,) intp
        Where each area's edges begin; area z has edges first[z] to first[z + 1].
    bounds : (Z, 4) float64
        Least column, least row, greatest column, greatest row; NaN for an empty area.
    """

    begin: FloatArray
    end: FloatArray
    first: IntArray
    bounds: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """Pixels of a window that areas cover, sorted by area, row and column.

    Parameters
    ----------
    area, row, column : (M,) intp
        Pixels that are covered in part, or crossed by an outline.
    weight : (M,) float64
        Share of the pixel that is covered, above 0 to 1.
    run_area, run_row, run_start, run_stop : (R,) intp
        Whole pixels: columns start to stop − 1 of a row.
    """

    area: IntArray
    row: IntArray
    column: IntArray
    weight: FloatArray
    run_area: IntArray
    run_row: IntArray
    run_start: IntArray
    run_stop: IntArray


def edges_of(areas: NDArray[np.object_]) -> Edges:
    """Return the edges of areas.

    Parameters
    ----------
    areas : (Z,) array of shapely.Polygon or MultiPolygon
        Valid, in pixel coordinates (column, row).

    Examples
    --------
    >>> found = edges_of(np.array([shapely.box(0.0, 0.0, 2.0, 1.0)]))
    >>> found.begin.shape, found.bounds.tolist()
    ((4, 2), [[0.0, 0.0, 2.0, 1.0]])
    """
    turned = shapely.orient_polygons(areas, exterior_cw=True)
    parts, part_of = shapely.get_parts(turned, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    places, place_of = shapely.get_coordinates(rings, return_index=True)
    inner = place_of[:-1] == place_of[1:]
    area = part_of[ring_of[place_of[:-1][inner]]]
    counts = np.bincount(area, minlength=len(areas))
    return Edges(
        begin=np.ascontiguousarray(places[:-1][inner]),
        end=np.ascontiguousarray(places[1:][inner]),
        first=np.concatenate([[0], np.cumsum(counts)]).astype(np.intp),
        bounds=shapely.bounds(areas).reshape(-1, 4),
    )


def touching(edges: Edges, column: int, row: int, width: int, height: int) -> IntArray:
    """Return which areas' bounds reach into a window."""
    left, top, right, bottom = edges.bounds.T
    with np.errstate(invalid="ignore"):
        across = (left < column + width) & (right > column)
        found: IntArray = np.flatnonzero(across & (top < row + height) & (bottom > row))
    return found


def ranges(first: IntArray, counts: IntArray) -> IntArray:
    """Return first[0], first[0] + 1, …, first[1], …: counts[k] numbers from each first[k] on.

    Examples
    --------
    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    total = int(counts.sum())
    shift = np.repeat(first - np.cumsum(counts) + counts, counts)
    found: IntArray = np.arange(total, dtype=np.intp) + shift
    return found


def cover(edges: Edges, column: int, row: int, width: int, height: int) -> Cover:
    """Return the pixels of a window that the areas cover, exactly.

    Parameters
    ----------
    edges : Edges
        Of all areas.
    column, row, width, height : int
        The window; rows and columns of what is returned count from its corner.

    Returns
    -------
    Cover
        Areas that cover nothing of the window do not occur.

    Examples
    --------
    >>> half = edges_of(np.array([shapely.box(0.5, 0.0, 3.0, 0.5)]))
    >>> found = cover(half, 0, 0, 4, 2)
    >>> found.column.tolist(), found.weight.tolist()
    ([0, 1, 2], [0.25, 0.5, 0.5])
    """
    chosen = touching(edges, column, row, width, height)
    counts = edges.first[chosen + 1] - edges.first[chosen]
    which = ranges(edges.first[chosen], counts)
    area = np.repeat(chosen, counts)
    corner = np.array([column, row], dtype=np.float64)
    begin, end, area = _within_rows(edges.begin[which] - corner, edges.end[which] - corner, area,
                                    height)  # fmt: skip
    return _summed(*_pieces(begin, end, area, width), width=width, height=height)


def of_areas(found: Cover, wanted: NDArray[np.bool_]) -> Cover:
    """Return the cover of some of the areas, (Z,) bool."""
    part, run = wanted[found.area], wanted[found.run_area]
    return Cover(area=found.area[part], row=found.row[part], column=found.column[part],
                 weight=found.weight[part], run_area=found.run_area[run],
                 run_row=found.run_row[run], run_start=found.run_start[run],
                 run_stop=found.run_stop[run])  # fmt: skip


def _within_rows(
    begin: FloatArray, end: FloatArray, area: IntArray, height: int
) -> tuple[FloatArray, FloatArray, IntArray]:
    """Cut edges to the window's rows; level edges and those outside are dropped."""
    low, high = np.minimum(begin[:, 1], end[:, 1]), np.maximum(begin[:, 1], end[:, 1])
    kept = (low < high) & (high > 0.0) & (low < height)
    begin, end, area = begin[kept], end[kept], area[kept]
    slope = (end[:, 0] - begin[:, 0]) / (end[:, 1] - begin[:, 1])
    cut = []
    for place in (begin, end):
        y = np.clip(place[:, 1], 0.0, height)
        x = np.where(y == place[:, 1], place[:, 0], begin[:, 0] + (y - begin[:, 1]) * slope)
        cut.append(np.column_stack([x, y]))
    return cut[0], cut[1], area


def _crossings(
    start: FloatArray, stop: FloatArray, least: float, most: float
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return where edges cross whole numbers: (edge, the whole number, share of the way)."""
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    first = np.maximum(np.floor(low) + 1.0, least)
    counts = np.maximum(np.minimum(np.ceil(high) - 1.0, most) - first + 1.0, 0.0).astype(np.intp)
    edge = np.repeat(np.arange(len(start), dtype=np.intp), counts)
    line = ranges(first.astype(np.intp), counts).astype(np.float64)
    begun = start[edge]
    return edge, line, (line - begun) / (stop[edge] - begun)


def _pieces(
    begin: FloatArray, end: FloatArray, area: IntArray, width: int
) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Cut edges at pixel borders; return area, middle (column, row) and way down of every piece."""
    x0, y0 = begin.T
    dx, dy = (end - begin).T
    row_edge, row_line, row_share = _crossings(y0, end[:, 1], -np.inf, np.inf)
    column_edge, column_line, column_share = _crossings(x0, end[:, 0], 0.0, float(width))
    everyone = np.arange(len(x0), dtype=np.intp)
    edge = np.concatenate([everyone, row_edge, column_edge])
    share = np.concatenate([np.zeros(len(x0)), row_share, column_share])
    x = np.concatenate([x0, x0[row_edge] + row_share * dx[row_edge], column_line])
    y = np.concatenate([y0, row_line, y0[column_edge] + column_share * dy[column_edge]])
    order = np.argsort(edge + share * _INSIDE)
    edge, x, y = edge[order], x[order], y[order]
    last = np.append(edge[1:] != edge[:-1], np.ones(min(1, len(edge)), bool))
    x_next, y_next = np.append(x[1:], 0.0)[: len(x)], np.append(y[1:], 0.0)[: len(y)]
    x_next[last], y_next[last] = end[edge[last]].T
    return area[edge], (x + x_next) / 2.0, (y + y_next) / 2.0, y_next - y


def _summed(
    area: IntArray, x: FloatArray, y: FloatArray, down: FloatArray, *, width: int, height: int
) -> Cover:
    """Sum pieces by pixel, and rows from left to right."""
    row = np.clip(np.floor(y), 0, height - 1).astype(np.intp)
    column = np.clip(np.floor(x), 0, width).astype(np.intp)
    right = down * (1.0 - np.clip(x - column, 0.0, 1.0))
    line = area * height + row
    key = line * (width + 1) + column
    order = np.argsort(key)
    key = key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    if not len(starts):
        nobody = np.empty(0, dtype=np.intp)
        return Cover(area=nobody, row=nobody, column=nobody, weight=np.empty(0), run_area=nobody,
                     run_row=nobody, run_start=nobody, run_stop=nobody)  # fmt: skip
    line, column = np.divmod(key[starts], width + 1)
    total = np.add.reduceat(down[order], starts)
    own = np.add.reduceat(right[order], starts)
    so_far = _within_lines(total, line)
    weight = so_far - total + own
    area, row = np.divmod(line, height)
    gaps = (line[:-1] == line[1:]) & (column[1:] > column[:-1] + 1) & (so_far[:-1] > DUST)
    whole = np.flatnonzero(gaps & (so_far[:-1] >= 1.0 - DUST))
    part = np.flatnonzero(gaps & (so_far[:-1] < 1.0 - DUST))
    lengths = column[part + 1] - column[part] - 1
    kept = np.flatnonzero((weight > NOTHING) & (column < width))
    source = np.concatenate([kept, np.repeat(part, lengths)])
    at = np.concatenate([column[kept], ranges(column[part] + 1, lengths)])
    share = np.concatenate([weight[kept], np.repeat(so_far[part], lengths)])
    order = np.lexsort((at, source)) if len(part) else np.arange(len(kept))
    return Cover(
        area=area[source][order],
        row=row[source][order],
        column=at[order],
        weight=np.minimum(share[order], 1.0),
        run_area=area[whole],
        run_row=row[whole],
        run_start=column[whole] + 1,
        run_stop=column[whole + 1],
    )


def _within_lines(total: FloatArray, line: IntArray) -> FloatArray:
    """Return running sums that begin anew in every line."""
    so_far = np.cumsum(total)
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    before = so_far[starts] - total[starts]
    found: FloatArray = so_far - np.repeat(before, np.diff(starts, append=len(line)))
    return found
