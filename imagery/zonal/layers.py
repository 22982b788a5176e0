"""What statistics are taken of: layers on one grid of pixels, read window by window.

A file of several bands (`OrthoLayers`), an array (`ArrayLayers`) and `agri.grid.Grid` all answer to
`Layers`, so the statistics need not know where pixels come from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.grid import Grid
from imagery.bands import Role
from imagery.raster.guard import opened
from imagery.raster.ortho import (
    Affine,
    Ortho,
    Window,
    band_number,
    judge_unchanged,
    read_window,
    windows,
)

Read = Callable[[Window], NDArray[np.float32]]
"""Gives a window's values, (B, h, w) float32, NaN where there is no data."""

SIDE = 1024
"""Pixels a side of an array's windows."""


class Layers(Protocol):
    """Layers on one grid of pixels."""

    @property
    def labels(self) -> tuple[str, ...]:
        """One name for each layer."""

    @property
    def width(self) -> int:
        """Columns."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def epsg(self) -> int:
        """CRS of the grid."""

    @property
    def affine(self) -> Affine:
        """From pixels to the CRS, as in `agri.grid.Grid`."""

    def windows(self, layers: int) -> Iterator[Window]:
        """Yield windows that cover the grid row by row, for so many layers read together."""

    def reading(self) -> AbstractContextManager[Read]:
        """Return what reads windows while it is entered."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ArrayLayers:
    """Layers held in memory.

    Parameters
    ----------
    values : (B, H, W) float32
        NaN where there is no data.
    affine : tuple of six float
        As in `agri.grid.Grid`.
    epsg : int
        CRS.
    labels : tuple of str
        One for each layer.
    side : int
        Pixels a side of a window.

    Raises
    ------
    BadInput
        When the array has another shape or another number of layers than names.
    """

    values: NDArray[np.float32]
    affine: Affine
    epsg: int
    labels: tuple[str, ...]
    side: int = SIDE

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or len(self.values) != len(self.labels):
            raise BadInput("error.grid_shape", name=", ".join(self.labels)[:60],
                           shape=str(self.values.shape))  # fmt: skip

    @classmethod
    def of_grid(cls, grid: Grid, label: str = "") -> ArrayLayers:
        """Return a grid's values as one layer."""
        return cls(values=grid.values.astype(np.float32)[None], affine=grid.affine, epsg=grid.epsg,
                   labels=(label or grid.name,))  # fmt: skip

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.values.shape[2])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.values.shape[1])

    def windows(self, layers: int) -> Iterator[Window]:  # noqa: ARG002 - no matter here
        """Yield windows that cover the array row by row."""
        for row in range(0, self.height, self.side):
            for column in range(0, self.width, self.side):
                yield Window(column=column, row=row, width=min(self.side, self.width - column),
                             height=min(self.side, self.height - row))  # fmt: skip

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """Return what reads windows."""
        yield lambda window: self.values[(slice(None), *window.slices)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrthoLayers:
    """Bands of a raster file.

    Parameters
    ----------
    ortho : Ortho
        The opened file's facts.
    bands : tuple of int or Role
        Layers from 1, or what they are in formulas.
    labels : tuple of str
        One for each of `bands`.

    Raises
    ------
    BadInput
        When there are not as many names as bands, or the file has no such band.
    """

    ortho: Ortho
    bands: tuple[int | Role, ...]
    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.bands or len(self.bands) != len(self.labels):
            raise BadInput("error.ortho_layers", name=self.ortho.name, count=len(self.bands),
                           told=len(self.labels))  # fmt: skip
        for band in self.bands:
            band_number(self.ortho, band)

    @classmethod
    def of(cls, ortho: Ortho, bands: Sequence[int | Role] = ()) -> OrthoLayers:
        """Return bands of a file, all but alpha when none is named, under the file's own names."""
        chosen = tuple(bands) or tuple(
            number for number in range(1, len(ortho.bands) + 1) if number != ortho.alpha
        )
        labels = []
        for band in chosen:
            number = band_number(ortho, band)
            known = ortho.bands[number - 1]
            labels.append(known.label if known is not None and known.label else f"{number}")
        return cls(ortho=ortho, bands=chosen, labels=tuple(labels))

    @property
    def width(self) -> int:
        """Columns."""
        return self.ortho.width

    @property
    def height(self) -> int:
        """Rows."""
        return self.ortho.height

    @property
    def epsg(self) -> int:
        """CRS of the file."""
        return self.ortho.epsg

    @property
    def affine(self) -> Affine:
        """The file's transform."""
        return self.ortho.affine

    def windows(self, layers: int) -> Iterator[Window]:
        """Yield windows that follow the file's own blocks."""
        return windows(self.ortho, bands=layers)

    @contextmanager
    def reading(self) -> Iterator[Read]:
        """Open the file and return what reads windows of it."""
        numbers = [band_number(self.ortho, band) for band in self.bands]
        with opened(self.ortho.path, self.ortho.name) as source:
            judge_unchanged(source, self.ortho)
            yield lambda window: read_window(source, self.ortho, window, numbers)
