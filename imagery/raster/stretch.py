"""A stretch of a product: read, reckoned, packed and halved, depending on nothing else.

It knows all it needs, can be sent to another machine, and its result does not depend on who makes
it. Every source is opened by the guard; each thread has its own handle (`Sources`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agri.errors import AgriError
from imagery.raster.cog import encoded, in_tiles
from imagery.raster.guard import damage_told, open_source
from imagery.raster.ortho import Ortho, Window, judge_unchanged, read_window
from imagery.raster.tiff import TILE
from imagery.raster.tiles import Encoding, Layer, TileRow, none_of, rounded, stored_of

SLAB_PIXELS = TILE * TILE
"""Pixels reckoned in one go: few enough to stay in the processor's cache."""


class Recipe(Protocol):
    """From an orthomosaic's bands to a product's layers; it can be pickled."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """Layers (from 1) that are read."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Bands of the product."""

    @property
    def identity(self) -> str:
        """Words that differ when results would."""

    def compute(self, values: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[int, ...]]:
        """Return (K, h, w) values, NaN for none, and what was counted, from (B, h, w) values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A part of the work that depends on nothing else.

    Parameters
    ----------
    ortho : Ortho
        What is read.
    recipe : Recipe
        What is reckoned.
    encoding : Encoding
        How it is stored.
    window : Window
        Which pixels; a whole number of tiles but at the right and lower edge.
    """

    ortho: Ortho
    recipe: Recipe
    encoding: Encoding
    window: Window


class Sources:
    """Open handles of one file, each used by one thread at a time."""

    def __init__(self, ortho: Ortho) -> None:
        self._ortho = ortho
        self._free: SimpleQueue[Any] = SimpleQueue()
        self._stack = ExitStack()

    @contextmanager
    def one(self) -> Iterator[Any]:
        """Lend a handle."""
        with damage_told(self._ortho.name):
            try:
                source = self._free.get_nowait()
            except Empty:
                source = open_source(self._ortho.path)
                self._stack.callback(source.close)
                judge_unchanged(source, self._ortho)
            yield source
            self._free.put(source)

    def close(self) -> None:
        """Close all."""
        self._stack.close()


def make(stretch: Stretch, sources: Sources | None = None) -> list[TileRow]:
    """Make a stretch: its rows of tiles, from the upper one down.

    Parameters
    ----------
    stretch : Stretch
        What is asked for.
    sources : Sources, optional
        Handles to use; otherwise the file is opened for this stretch.
    """
    own = sources or Sources(stretch.ortho)
    try:
        with fit_to_travel(), own.one() as source:
            window = stretch.window
            return [
                _row(stretch, source, top, min(TILE, window.height - top))
                for top in range(0, window.height, TILE)
            ]
    finally:
        if sources is None:
            own.close()


@contextmanager
def fit_to_travel() -> Iterator[None]:
    """Let errors of ours pass without what caused them: GDAL's own cannot be sent to a program."""
    try:
        yield
    except AgriError as error:
        error.__cause__ = None
        error.__suppress_context__ = True
        sentence = error
    else:
        return
    sentence.__context__ = None
    raise sentence


def _row(stretch: Stretch, source: Any, top: int, height: int) -> TileRow:
    """Make one row of tiles: tile by tile, or of a file in strips strip by strip."""
    window, layers, encoding = stretch.window, stretch.recipe.layers, stretch.encoding
    clipped = [0] * len(layers)
    counts: list[tuple[int, ...]] = []

    def reckoned(slab: Window) -> NDArray[np.float32]:
        values = read_window(source, stretch.ortho, slab, stretch.recipe.numbers)
        planes, counted = stretch.recipe.compute(values)
        counts.append(counted)
        if encoding.kind == "int16":
            for index, (layer, band) in enumerate(zip(layers, planes, strict=True)):
                clipped[index] += rounded(band, layer.scale)
        return planes

    slabs = list(_slabs(stretch.ortho, window, top, height))
    if in_strips(stretch.ortho):
        stored = none_of((len(layers), TILE, -(-window.width // TILE) * TILE), encoding)
        for slab in slabs:
            row = slab.row - window.row - top
            stored[:, row : row + slab.height, : slab.width] = stored_of(
                reckoned(slab), encoding.kind
            )
        tiles = in_tiles(stored)
    else:
        tiles = (_padded(reckoned(slab)) for slab in slabs)
    found = encoded(tiles, encoding, counted=True)
    for sums, beyond in zip(found.tallies, clipped, strict=True):
        sums.clipped += beyond
    return replace(found, counts=tuple(map(sum, zip(*counts, strict=True))))


def _padded(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return planes as whole tiles."""
    _, height, width = planes.shape
    if (height, width) == (TILE, TILE):
        return planes
    room = ((0, 0), (0, TILE - height), (0, TILE - width))
    return np.pad(planes, room, constant_values=np.nan)


def in_strips(ortho: Ortho) -> bool:
    """Return whether the file's blocks are so wide that whole rows must be read."""
    return ortho.block[1] >= min(ortho.width, 8 * TILE)


def _slabs(ortho: Ortho, window: Window, top: int, height: int) -> Iterator[Window]:
    """Yield the parts that are reckoned in one go: squares, or whole rows of a file in strips."""
    rows = ortho.block[0]
    if in_strips(ortho):
        step, wide = max(1, SLAB_PIXELS // window.width // rows) * rows, window.width
    else:
        step, wide = height, TILE
    for row in range(0, height, step):
        for column in range(0, window.width, wide):
            yield Window(
                column=window.column + column,
                row=window.row + top + row,
                width=min(wide, window.width - column),
                height=min(step, height - row),
            )
