"""Where areas' whole pixels lie in a block, and which areas are too large to hold their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from imagery.zonal.coverage import Cover, Edges, IntArray
from imagery.zonal.tally import FloatArray, Values

HELD_BYTES = 80_000_000
"""Most bytes of values that are held for quantiles."""


def too_large(
    edges: Edges, sizes: FloatArray, bands: int, limit: int = HELD_BYTES
) -> NDArray[np.bool_]:
    """Return which areas are counted rather than held, so that what is held stays small.

    Parameters
    ----------
    edges : Edges
        Of the areas.
    sizes : (Z,) float64
        Their areas in pixels.
    bands : int
        Bands of a block.
    limit : int
        Most bytes of values held.

    Returns
    -------
    (Z,) bool
        The fewest of the largest areas.

    Notes
    -----
    Blocks come row by row, so an area is held while the stream is between its first and last row.
    """
    tops, bottoms = edges.bounds[:, 1], edges.bounds[:, 3]
    need = 4.0 * bands * np.nan_to_num(sizes)
    order = np.argsort(need, kind="stable")
    low, high = 0, len(order)  # how many of the smallest are held
    while low < high:
        middle = (low + high + 1) // 2
        held = order[:middle]
        places = np.concatenate([tops[held], bottoms[held]])
        change = np.concatenate([need[held], -need[held]])
        peak = np.cumsum(change[np.lexsort((-change, places))]).max()
        low, high = (middle, high) if peak <= limit else (low, middle - 1)
    found = np.zeros(len(order), dtype=np.bool_)
    found[order[low:]] = True
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where an area's whole pixels lie in a block: a box, and which pixels of it if not all."""

    box: tuple[slice, slice]
    mask: NDArray[np.bool_] | None


def inner_places(found: Cover, chosen: NDArray[np.bool_]) -> Iterator[tuple[int, Place]]:
    """Yield each area of the chosen runs, (R,), with where its whole pixels lie."""
    runs = np.flatnonzero(chosen)
    of = found.run_area[runs]
    starts = np.flatnonzero(np.diff(of, prepend=-1))
    for begin, end in pairwise([*starts.tolist(), len(runs)]):
        yield int(of[begin]), _place(found, runs[begin:end])


def _place(found: Cover, runs: IntArray) -> Place:
    rows, starts, stops = found.run_row[runs], found.run_start[runs], found.run_stop[runs]
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    left, right = int(starts.min()), int(stops.max())
    box = (slice(top, bottom), slice(left, right))
    if len(rows) == bottom - top and int(starts.max()) == left and int(stops.min()) == right:
        return Place(box, None)
    marks = np.zeros((bottom - top, right - left + 1), dtype=np.int8)
    marks[rows - top, starts - left] = 1
    marks[rows - top, stops - left] = -1
    mask = np.cumsum(marks[:, :-1], axis=1, dtype=np.int8).view(np.bool_)
    return Place(box, mask)


def inner_values(values: Values, place: Place) -> Values:
    """Return the whole pixels' values, a new array."""
    part = values[place.box]
    return part.ravel().copy() if place.mask is None else part[place.mask]
