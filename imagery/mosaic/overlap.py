"""How many placed photos see each place: the block's own answer, heading and tilt included.

A coarse grid over the sheet, each cell's middle laid on the ground and looked for in every photo
that may show it; what the first look at photos only supposes (`imagery.intake.coverage`) is known
here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agri.grid import Grid
from imagery.mosaic.ground import Ground
from imagery.mosaic.painting import Sheet, View, box_on
from imagery.overlap import CELLS


def overlap_of(views: Sequence[View], ground: Ground, sheet: Sheet, *, cells: int = CELLS) -> Grid:
    """Return how many photos see each cell of a coarse grid; NaN where none does.

    Parameters
    ----------
    views : sequence of View
        Placed photos.
    ground : Ground
        What they look at.
    sheet : Sheet
        Where the mosaic lies.
    cells : int
        About how many cells.
    """
    step = max(1, math.ceil(math.sqrt(sheet.width * sheet.height / cells)))
    shape = (math.ceil(sheet.height / step), math.ceil(sheet.width / step))
    at = [(np.arange(size) + 0.5) * step - 0.5 for size in shape]
    column, row = np.meshgrid(at[1], at[0])
    east, north = sheet.local(column, row)
    places = np.stack([east, north, ground.heights_m(east, north)], axis=-1)
    counts = np.zeros(shape)
    for view in views:
        left, top, right, bottom = box_on(view, sheet, ground) / step
        part = (slice(max(0, int(top)), max(0, int(bottom) + 1)),
                slice(max(0, int(left)), max(0, int(right) + 1)))  # fmt: skip
        seen = view.pixels_at(places[part]) + 0.5
        inside = (seen >= 0.0) & (seen <= [view.shot.width_px, view.shot.height_px])
        counts[part] += inside.all(axis=-1)
    a, _, c, _, e, f = sheet.affine
    return Grid(values=np.where(counts > 0.0, counts, np.nan),
                affine=(a * step, 0.0, c, 0.0, e * step, f),
                epsg=sheet.frame.utm_epsg)  # fmt: skip
