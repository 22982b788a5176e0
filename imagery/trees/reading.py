"""A canopy model too large for memory: read from its file piece by piece.

Theory of operation. `finding` asks for pieces with margins; each is one window of the file, decoded
when it is asked for and forgotten afterwards. Memory is that of one piece with its margins,
whatever the file's size, and the crowns are those of the whole.
"""

from __future__ import annotations

import numpy as np

from agri.grid import FloatArray
from imagery.bands import Role
from imagery.raster.guard import opened
from imagery.raster.ortho import Ortho, Window, band_number, judge_unchanged, read_window
from imagery.trees.finding import Canopy


def canopy_of(ortho: Ortho, *, layer: int | Role = 1) -> Canopy:
    """Return a raster file as a canopy that is read in pieces.

    Parameters
    ----------
    ortho : Ortho
        From `imagery.raster.open_ortho`: heights above ground in metres for `find_crowns`, or an
        index for `find_crowns_by_colour`.
    layer : int or Role
        Which layer of the file, from 1.

    Raises
    ------
    BadInput
        When there is no such layer; and when pieces are read, if the file was changed or is
        damaged.
    """
    number = band_number(ortho, layer)

    def read(row: int, column: int, rows: int, columns: int) -> FloatArray:
        rows, columns = min(rows, ortho.height - row), min(columns, ortho.width - column)
        window = Window(column=column, row=row, width=columns, height=rows)
        with opened(ortho.path, ortho.name) as source:
            judge_unchanged(source, ortho)
            values = read_window(source, ortho, window, [number])[0]
        return np.asarray(values, dtype=np.float64)

    return Canopy(
        read=read, shape=(ortho.height, ortho.width), affine=ortho.affine, epsg=ortho.epsg,
        name=ortho.name,
    )  # fmt: skip
