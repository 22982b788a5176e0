"""How many photos see each place: counted on a grid, judged over a field.

A mosaic needs three photos of a place: two to find how far it is, a third to know that they agree.
Where fewer see it, its picture may have holes or bends, and the time to fly again is now. Grids
here are `agri.grid.Grid`s of counts, NaN where no photo sees anything.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from agri.field import Field
from agri.findings import Finding
from agri.grid import Grid

ENOUGH = 3
"""Photos that should see a place so that a mosaic can be made of it."""
MOST_UNSEEN = 0.01
MOST_THIN = 0.05
POINTS = 3_000
CELLS = 60_000
"""Of a grid of counts, about."""


def judge_overlap(counts: Grid, field: Field) -> list[Finding]:
    """Return how much of a field no photo, or fewer than three, saw; nothing when all is well.

    Parameters
    ----------
    counts : Grid
        Photos that see each cell.
    field : Field
        What should be seen.
    """
    hidden, thin = shares_of(counts, field)
    if hidden > MOST_UNSEEN:
        area_m2 = hidden * field.area_m2
        return [Finding.warning("finding.field_not_seen", where=field.name,
                                share_pct=100.0 * hidden, area_m2=area_m2)]  # fmt: skip
    if thin > MOST_THIN:
        return [Finding.warning("finding.field_thinly_seen", where=field.name,
                                share_pct=100.0 * thin, enough=ENOUGH)]  # fmt: skip
    return []


def shares_of(counts: Grid, field: Field) -> tuple[float, float]:
    """Return the shares of a field that no photo, and that fewer than three photos, saw."""
    frame = field.frame
    points = points_in(frame.geometry_to_local(field.boundary))
    found = counts.sample(*frame.to_lonlat(points[:, 0], points[:, 1]), nearest=True)
    seen = np.nan_to_num(found)
    return float(np.mean(seen == 0)), float(np.mean(seen < ENOUGH))


def points_in(area: shapely.MultiPolygon) -> NDArray[np.float64]:
    """Return about `POINTS` points on a square grid within an area, (N, 2) local metres."""
    west, south, east, north = area.bounds
    step = max(0.2, math.sqrt(area.area / POINTS))
    xs = np.arange(west + step / 2.0, east, step)
    ys = np.arange(south + step / 2.0, north, step)
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(xs, ys)])
    inside = shapely.contains_xy(area, grid[:, 0], grid[:, 1])
    if not inside.any():
        centre = area.representative_point()
        return np.array([[centre.x, centre.y]])
    points: NDArray[np.float64] = grid[inside]
    return points
