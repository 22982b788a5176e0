"""An orthomosaic tried: its header and a few small windows, read where a crash costs little.

Theory of operation
-------------------
GDAL opens a GeoTIFF in the house's own process, guarded (`imagery.raster`), and reads it window by
window for as long as a product takes. A file that makes its native code crash, or eat memory or
time, should do so before, and elsewhere: so each stranger's map is opened in the confined process
first, and a few windows of it are read.

What is merely wrong with a map is not judged here: whoever opens it next will say it in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.errors import AgriError
from imagery.raster import Ortho, Window, blocks, open_ortho

SAMPLE = 192
"""Pixels a side of a sampled window."""
_PARTS = (0.5, 0.25, 0.75, 0.1, 0.9)
"""Where windows lie, as shares of the way from the upper left to the lower right corner."""


def samples(ortho: Ortho, layers: list[int]) -> Iterator[NDArray[np.float32]]:
    """Yield the values of a few small windows.

    Parameters
    ----------
    ortho : Ortho
        From `imagery.raster.open_ortho`.
    layers : list of int
        From 1.

    Yields
    ------
    (B, h, w) float32
        NaN where a layer has no value.
    """
    for part in _PARTS:
        column = int(part * max(0, ortho.width - SAMPLE))
        row = int(part * max(0, ortho.height - SAMPLE))
        window = Window(
            column=column,
            row=row,
            width=min(SAMPLE, ortho.width - column),
            height=min(SAMPLE, ortho.height - row),
        )
        for _, values in blocks(ortho, layers, side=SAMPLE, area=window):
            yield values


def try_map(path: Path) -> None:
    """Open a GeoTIFF and read a little of it."""
    try:
        ortho = open_ortho(path)
        for _ in samples(ortho, list(range(1, len(ortho.bands) + 1))):
            pass
    except AgriError:
        return
