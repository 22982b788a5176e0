"""Zones filled with one value each, as a grid to draw: a commune's fields by how they fare."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agri.grid import Grid
from agri.zone import Zone
from imagery.zonal.coverage import cover, edges_of, ranges
from imagery.zonal.placing import in_pixels


def filled(zones: Sequence[Zone], values: Sequence[float], like: Grid) -> Grid:
    """Return a grid on which every zone has its value.

    Parameters
    ----------
    zones : sequence of Zone
        WGS 84.
    values : sequence of float
        One for each; NaN for a zone that is left out.
    like : Grid
        Whose pixels are taken; its values do not matter.

    Returns
    -------
    Grid
        Where zones meet in a pixel, their mean weighted by cover; NaN outside of all.
    """
    told = np.asarray(values, dtype=np.float64)
    known = np.isfinite(told)
    height, width = like.shape
    edges = edges_of(in_pixels(zones, like.epsg, like.affine))
    found = cover(edges, 0, 0, width, height)
    lengths = found.run_stop - found.run_start
    inner = ranges(found.run_row * width + found.run_start, lengths)
    place = np.concatenate([found.row * width + found.column, inner])
    zone = np.concatenate([found.area, np.repeat(found.run_area, lengths)])
    weight = np.concatenate([found.weight, np.ones(len(inner))])
    used = known[zone]
    place, zone, weight = place[used], zone[used], weight[used]
    total = np.bincount(place, weights=weight, minlength=height * width)
    amount = np.bincount(place, weights=weight * told[zone], minlength=height * width)
    shown: NDArray[np.float64] = np.full(height * width, np.nan)
    np.divide(amount, total, out=shown, where=total > 0.0)
    return Grid(values=shown.reshape(height, width), affine=like.affine, epsg=like.epsg,
                name=like.name)  # fmt: skip
