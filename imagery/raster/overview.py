"""A whole orthomosaic, or a part of it, at a glance: few pixels, little memory, whatever its size.

Where the file holds overviews the nearest finer one is read; what is still too fine is made coarser
by the mean of what is known, block by block as it streams past. A file without overviews is decoded
once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.bands import Role
from imagery.raster.guard import opened
from imagery.raster.ortho import (
    Ortho,
    Window,
    band_number,
    judge_unchanged,
    read_window,
    windows,
)

Affine = tuple[float, float, float, float, float, float]
GLANCE_PIXELS = 1_000_000


def glance(
    ortho: Ortho,
    bands: Sequence[int | Role],
    *,
    max_pixels: int = GLANCE_PIXELS,
    part: Window | None = None,
) -> tuple[NDArray[np.float32], Affine]:
    """Return bands of an orthomosaic in at most so many pixels.

    Parameters
    ----------
    ortho : Ortho
        From `imagery.raster.open_ortho`.
    bands : sequence of int or Role
        Layers from 1, or what they are in formulas.
    max_pixels : int
        Most pixels of one band.
    part : Window, optional
        Only these pixels of the file; what is read is at most a coarse pixel larger on each side.

    Returns
    -------
    values : (B, h, w) float32
        Means of what is known, NaN where nothing is.
    affine : tuple of six float
        Of the coarser grid.

    Raises
    ------
    BadInput
        When there is no such band or the file is damaged.
    """
    numbers = [band_number(ortho, band) for band in bands]
    part = part or Window(column=0, row=0, width=ortho.width, height=ortho.height)
    wanted = max(1.0, math.sqrt(part.width * part.height / max_pixels))
    with opened(ortho.path, ortho.name) as source:
        judge_unchanged(source, ortho)
        factors = source.overviews(numbers[0])
    level = max((n for n, factor in enumerate(factors) if factor <= wanted), default=None)
    with opened(ortho.path, ortho.name, level) as source:
        shown = _of_level(ortho, source)
        area = _scaled(part, ortho, shown)
        factor = max(1, math.ceil(math.sqrt(area.width * area.height / max_pixels)))
        values, first = _coarse(source, shown, numbers, factor, area)
    a, b, c, d, e, f = shown.affine_of(first)
    return values, (a * factor, b * factor, c, d * factor, e * factor, f)


def _scaled(part: Window, ortho: Ortho, shown: Ortho) -> Window:
    """Return a part of a file as pixels of its overview: every one that it touches."""
    across, down = ortho.width / shown.width, ortho.height / shown.height
    column, row = int(part.column / across), int(part.row / down)
    right = min(shown.width, math.ceil((part.column + part.width) / across))
    bottom = min(shown.height, math.ceil((part.row + part.height) / down))
    return Window(column=column, row=row, width=max(1, right - column), height=max(1, bottom - row))


def _of_level(ortho: Ortho, source: Any) -> Ortho:
    """Return the facts of an overview, which is open."""
    across, down = ortho.width / source.width, ortho.height / source.height
    a, b, c, d, e, f = ortho.affine
    return replace(
        ortho,
        width=source.width,
        height=source.height,
        block=source.block_shapes[0],
        affine=(a * across, b * down, c, d * across, e * down, f),
    )


def _coarse(
    source: Any, ortho: Ortho, numbers: Sequence[int], factor: int, area: Window
) -> tuple[NDArray[np.float32], Window]:
    """Return means of squares of `factor` pixels, and the window that they cover."""
    top, left = area.row // factor, area.column // factor
    bottom = math.ceil((area.row + area.height) / factor)
    right = math.ceil((area.column + area.width) / factor)
    whole = Window(
        column=left * factor,
        row=top * factor,
        width=min(right * factor, ortho.width) - left * factor,
        height=min(bottom * factor, ortho.height) - top * factor,
    )
    shape = (len(numbers), bottom - top, right - left)
    sums, counts = np.zeros(shape), np.zeros(shape)
    for window in windows(ortho, bands=len(numbers), area=whole):
        values = read_window(source, ortho, window, numbers).astype(np.float64)
        known = np.isfinite(values)
        rows, row_starts = _groups(window.row, window.height, factor)
        columns, column_starts = _groups(window.column, window.width, factor)
        at = np.ix_(np.arange(len(numbers)), rows - top, columns - left)
        for total, part in ((sums, np.where(known, values, 0.0)), (counts, known.astype(float))):
            by_rows = np.add.reduceat(part, row_starts, axis=1)
            total[at] += np.add.reduceat(by_rows, column_starts, axis=2)
    with np.errstate(invalid="ignore"):
        means = np.where(counts > 0.0, sums / counts, np.nan)
    return means.astype(np.float32), whole


def _groups(first: int, count: int, factor: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the coarse places that a run of pixels falls into, and where each begins in it."""
    places = (first + np.arange(count)) // factor
    starts = np.flatnonzero(np.diff(places, prepend=-1))
    return places[starts], starts
