"""Heights of what grows: surface less ground, the ground found beneath the surface if need be.

Theory of operation
-------------------
**Ground.** Photographs from above give a surface (DSM), not the ground. What stands out of it and
is narrower than `widest_m` is no ground: the surface is opened (eroded, then dilated) with windows
that grow up to that width, and a cell that loses more than the terrain's slope explains is taken
for an object (the progressive morphological filter of Zhang et al., IEEE TGRS 41 (2003) 872, with
the slope rule of Pingel et al., ISPRS J. 77 (2013) 21). This is done on the lowest heights of
coarse cells, so it costs little. Over each hole that objects leave, the ground is spanned like a
membrane fixed at the rim (Laplace's equation: exact on any even slope). Where crowns close over
more than `widest_m` the ground is not seen by any camera, and no filter can find it: give a DTM.

**Pits.** A pixel that lies deeper than its surroundings by more than `depth_m`, in a hole narrower
than `width_m`, was matched wrongly or looks through the leaves: it gets the median of what is round
it. No pixel is raised above its surroundings, so pits never become tree tops.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import linalg

from agri.errors import BadInput
from agri.grid import FloatArray, Grid
from imagery.metric import pixel_m, pixels_of, plane, same_lattice

CELL_M = 0.5
"""Side of the cells in which ground is looked for."""
LEAST_RISE_M = 0.25
"""Less is no object: rough ground, noise of a photogrammetric surface."""


def ground_under(surface: Grid, *, widest_m: float = 12.0, slope: float = 0.3) -> Grid:
    """Return the ground beneath a surface.

    Parameters
    ----------
    surface : Grid
        Heights of what a camera sees, metres, NaN where none.
    widest_m : float
        Width of the widest thing that stands on the ground: a crown, a row of crowns, a house.
    slope : float
        Steepest terrain, as rise over run.

    Returns
    -------
    Grid
        On the same pixels; known everywhere.

    Raises
    ------
    BadInput
        When the grid is not in metres or holds no height.
    """
    pixel = pixel_m(surface)
    if not np.isfinite(surface.values).any():
        raise BadInput("error.raster_empty", name=surface.name)
    factor = max(1, round(CELL_M / pixel))
    cells = surface.coarser(factor, "min")
    heights = _filled(cells.values)
    bare = _bare(heights, pixel * factor, widest_m, slope) & np.isfinite(cells.values)
    level = _spanned(np.where(bare, heights, np.nan))
    if factor == 1:
        return replace(surface, values=level)
    rows, columns = np.indices(surface.shape, dtype=np.float64)
    at = pixels_of(cells, plane(surface, columns.ravel() + 0.5, rows.ravel() + 0.5))
    where = np.stack([at[:, 1] - 0.5, at[:, 0] - 0.5])
    fine = ndimage.map_coordinates(level, where, order=1, mode="nearest")
    return replace(surface, values=fine.reshape(surface.shape))


def _bare(heights: FloatArray, cell_m: float, widest_m: float, slope: float) -> NDArray[np.bool_]:
    """Return which cells are ground: what opening by growing windows leaves where it is."""
    bare = np.ones(heights.shape, dtype=bool)
    level = heights
    last = max(1, int(np.ceil(widest_m / 2.0 / cell_m)))
    for radius in range(1, last + 1):
        opened = ndimage.grey_opening(level, size=2 * radius + 1, mode="nearest")
        bare &= level - opened <= max(LEAST_RISE_M, slope * cell_m)
        level = opened
    return bare & (heights - level <= LEAST_RISE_M + slope * widest_m / 2.0)


def _filled(values: FloatArray) -> FloatArray:
    """Return values with NaN replaced by the nearest known one."""
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    nearest = ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True)
    return np.asarray(values[tuple(nearest)])


def _spanned(ground: FloatArray) -> FloatArray:
    """Return ground known everywhere, spanned like a membrane over each hole."""
    missing = ~np.isfinite(ground)
    if missing.all():
        raise BadInput("error.no_ground")
    whole = _filled(ground)
    if not missing.any():
        return whole
    number = np.full(ground.shape, -1)
    number[missing] = np.arange(missing.sum())
    degree, total = np.zeros((2, int(missing.sum())))
    pairs = []
    for here, there in _neighbours():
        inner = missing[here]
        degree += np.bincount(number[here][inner], minlength=len(degree))
        known = inner & ~missing[there]
        np.add.at(total, number[here][known], ground[there][known])
        both = inner & missing[there]
        pairs.append(np.stack([number[here][both], number[there][both]]))
    row, column = np.concatenate(pairs, axis=1)
    links = sparse.coo_array((-np.ones(len(row)), (row, column)), shape=(len(degree),) * 2)
    membrane = (links + sparse.diags_array(degree)).tocsr()
    level = float(np.median(whole))
    spanned, _ = linalg.cg(membrane, total - membrane @ np.full(len(degree), level),
                           x0=whole[missing] - level, rtol=1e-6, maxiter=2000,
                           M=sparse.diags_array(1.0 / degree))  # fmt: skip
    whole[missing] = spanned + level
    return whole


def _neighbours() -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Return pairs of parts of an array that lie one pixel apart, in four directions."""
    most, rest, every = slice(None, -1), slice(1, None), slice(None)
    return [
        ((most, every), (rest, every)), ((rest, every), (most, every)),
        ((every, most), (every, rest)), ((every, rest), (every, most)),
    ]  # fmt: skip


def fill_pits(canopy: Grid, *, width_m: float = 0.8, depth_m: float = 0.5) -> Grid:
    """Return a canopy without narrow holes.

    Parameters
    ----------
    canopy : Grid
        Heights above ground, metres.
    width_m : float
        Width of the widest hole that is filled.
    depth_m : float
        How far a pixel must lie below what closes over it.

    Examples
    --------
    >>> values = np.full((7, 7), 4.0)
    >>> values[3, 3] = 0.5
    >>> grid = Grid(values=values, affine=(0.4, 0, 0, 0, -0.4, 0), epsg=32648)
    >>> float(fill_pits(grid).values[3, 3])
    4.0
    """
    size = 2 * max(1, round(width_m / 2.0 / pixel_m(canopy))) + 1
    known = np.isfinite(canopy.values)
    heights = np.where(known, canopy.values, 0.0)
    closed = ndimage.grey_closing(heights, size=size, mode="nearest")
    pit = (closed - heights > depth_m) & ndimage.binary_closing(known, np.ones((size, size)))
    if not pit.any():
        return canopy
    around = ndimage.median_filter(closed, size=size, mode="nearest")
    return replace(canopy, values=np.where(pit, np.minimum(around, closed), canopy.values))


def canopy_height(
    surface: Grid, ground: Grid | None = None, *, widest_m: float = 12.0, slope: float = 0.3
) -> Grid:
    """Return heights above ground, never below zero, pits filled.

    Parameters
    ----------
    surface : Grid
        Heights of what a camera sees, metres.
    ground : Grid, optional
        Heights of the ground over the same level and in the same CRS, on any pixels; without it the
        ground is found beneath the surface (`ground_under`).
    widest_m, slope : float
        As there.

    Returns
    -------
    Grid
        On the surface's pixels, NaN where surface or ground is not known.

    Raises
    ------
    BadInput
        When the two lie in different systems, or neither in metres.
    """
    if ground is None:
        beneath = ground_under(surface, widest_m=widest_m, slope=slope).values
    elif same_lattice(surface, ground):
        beneath = ground.values
    elif surface.epsg != ground.epsg:
        raise BadInput(
            "error.rasters_apart", one=surface.name, other=ground.name,
            epsg=surface.epsg, other_epsg=ground.epsg,
        )  # fmt: skip
    else:
        rows, columns = np.indices(surface.shape, dtype=np.float64)
        at = pixels_of(ground, plane(surface, columns.ravel() + 0.5, rows.ravel() + 0.5))
        beneath = ground.at(at[:, 0], at[:, 1]).reshape(surface.shape)
    heights = np.maximum(surface.values - beneath, 0.0)
    return fill_pits(replace(surface, values=heights, unit="m", datum="ground"))
