"""Changed ground between two rasters, and zones.

Theory of operation
-------------------
The difference of two flights, less its median (season, light, camera), is noise nearly everywhere.
What an agronomist can walk to is not a pixel but a patch, so

1. the difference is averaged to pixels of a tenth of the least patch's width, and blurred by a
   third of its radius: noise of single pixels goes, patches stay. Unknown pixels have no say, so
   soil between crowns can be left out by making it NaN; what lies between known pixels is told by
   them, so sick trees that stand in rows are one patch and not many crowns;
2. each pixel is counted in robust deviations of all, never finer than the noise floor, and the
   pixels that are listed at the rate of false discoveries (`significance`) are the cores;
3. a core grows to where the change falls to half of what it is inside: a blurred edge crosses half
   its height where the sharp edge was, so the area is right whatever the threshold;
4. what is smaller than `least_m2`, the minimum mapping unit, is dropped.

Both rasters must lie on the same pixels: `registration.laid_on` does that, and says how well they
fit. A shift that is left over makes every edge a change; its rims are narrow and go with step 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import MultiPolygon, Polygon

from agri.errors import BadInput
from agri.grid import FloatArray, Grid
from imagery.change.significance import NORMAL, false_discovery, robust_z, two_sided
from imagery.metric import pixel_m, plane, same_lattice
from imagery.trees.finding import blurred
from imagery.trees.measuring import mean_over

BoolArray = NDArray[np.bool_]
PIXELS_ACROSS = 10
BLUR = 0.35
"""Width of the blur as a share of the least patch's radius."""
HALF = 0.5
NOISE = 0.01
LEAST_SEEN = 0.12
"""Share of known ground around a pixel, weighted by nearness, that tells what is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaChange:
    """A patch of ground that changed.

    Parameters
    ----------
    outline : shapely.Polygon or MultiPolygon
        In the rasters' CRS.
    change : float
        Median over it, less the median of the whole, in the rasters' unit.
    z : float
        The same in robust deviations of what is usual.
    doubt : float
        Rate of false discoveries at which it is listed, 0 to 1.
    """

    outline: Polygon | MultiPolygon
    change: float
    z: float
    doubt: float

    @property
    def area_m2(self) -> float:
        """Ground of the patch."""
        return float(self.outline.area)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneChange:
    """What changed in one zone.

    Parameters
    ----------
    name : str
    before, after : float
        Means over the zone, NaN when nothing is known there.
    change : float
        After less before, less the median change of the whole.
    z : float
        In deviations of what changes by chance over ground as large as the zone.
    """

    name: str
    before: float
    after: float
    change: float
    z: float


def changed_areas(
    before: Grid, after: Grid, *, least_m2: float = 25.0, rate: float = 0.05, noise: float = NOISE
) -> tuple[AreaChange, ...]:
    """Return the patches that changed, the largest first.

    Parameters
    ----------
    before, after : Grid
        An index of two flights on the same pixels, in metres.
    least_m2 : float
        Minimum mapping unit.
    rate : float
        Share of false discoveries that is accepted.
    noise : float
        Noise floor of the difference, in its unit.

    Raises
    ------
    BadInput
        When the rasters lie on different pixels, or `least_m2` is less than nine pixels.
    """
    off = _difference(before, after)
    fine = pixel_m(off)
    radius = math.sqrt(least_m2 / math.pi)
    if least_m2 < 9.0 * fine**2:
        raise BadInput("error.change_unit", least_m2=least_m2, limit_m2=9.0 * fine**2)
    coarse = off.coarser(max(1, math.floor(2.0 * radius / PIXELS_ACROSS / fine)))
    pixel = pixel_m(coarse)
    soft = _bridged(coarse.values, BLUR * radius / pixel)
    known = np.isfinite(soft)
    if not known.any():
        return ()
    z = np.full(soft.shape, np.nan)
    z[known] = robust_z(soft[known], floor=noise)
    doubt = np.ones(soft.shape)
    doubt[known] = false_discovery(two_sided(z[known], int(known.sum())))
    found = []
    for sense in (-1.0, 1.0):
        cores, count = ndimage.label((doubt <= rate) & (sense * z > 0.0))
        taken = np.zeros(soft.shape, dtype=bool)
        for number in range(1, count + 1):
            core = cores == number
            if (core & taken).any():
                continue
            patch = _grown(sense * soft, core)
            taken |= patch
            if patch.sum() * pixel**2 >= least_m2:
                found.append(_area(coarse, patch, core, z=z, doubt=doubt))
    return tuple(sorted(found, key=lambda one: -one.area_m2))


def _bridged(values: FloatArray, sigma: float) -> FloatArray:
    """Return values blurred by what is known around, narrow unknown strips bridged."""
    known = np.isfinite(values)
    weight = ndimage.gaussian_filter(known.astype(np.float64), sigma)
    total = ndimage.gaussian_filter(np.where(known, values, 0.0), sigma)
    enough = weight >= LEAST_SEEN
    return np.where(enough, total / np.where(enough, weight, 1.0), np.nan)


def _difference(before: Grid, after: Grid) -> Grid:
    """Return after less before, less the median of that."""
    if not same_lattice(before, after):
        raise BadInput("error.change_lattice", one=before.name, other=after.name)
    values = after.values - before.values
    known = np.isfinite(values)
    return replace(after, values=values - (np.median(values[known]) if known.any() else 0.0))


def _grown(depth: FloatArray, core: BoolArray) -> BoolArray:
    """Return the ground round a core where the change is at least half of what it is inside."""
    level = HALF * float(np.median(depth[core]))
    pieces, _ = ndimage.label(np.nan_to_num(depth, nan=-math.inf) >= level)
    numbers = np.unique(pieces[core])
    return np.asarray(np.isin(pieces, numbers[numbers > 0]))


def _area(
    coarse: Grid, patch: BoolArray, core: BoolArray, *, z: FloatArray, doubt: FloatArray
) -> AreaChange:
    values = coarse.values[patch]
    return AreaChange(
        outline=_outline(coarse, patch),
        change=float(np.median(values[np.isfinite(values)])),
        z=float(np.median(z[patch & np.isfinite(z)])),
        doubt=float(doubt[core].min()),
    )


def _outline(grid: Grid, patch: BoolArray) -> Polygon | MultiPolygon:
    """Return the ground of pixels in the grid's CRS."""
    edges = np.diff(np.pad(patch.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    joined: Any = shapely.union_all(shapely.box(starts, rows, ends, rows + 1), grid_size=1.0)

    def mapped(pixels: FloatArray) -> FloatArray:
        return plane(grid, pixels[:, 0], pixels[:, 1])

    ground: Polygon | MultiPolygon = shapely.transform(joined, mapped)
    return ground


def compare_zones(
    zones: Mapping[str, Polygon | MultiPolygon], before: Grid, after: Grid, *, noise: float = NOISE
) -> tuple[ZoneChange, ...]:
    """Return what changed in each zone.

    Parameters
    ----------
    zones : mapping of str to polygon
        By name, in the rasters' CRS.
    before, after : Grid
        On the same pixels.
    noise : float
        Noise floor of a zone's change.

    Raises
    ------
    BadInput
        When the rasters lie on different pixels.
    """
    off = _difference(before, after)
    told = []
    for name, zone in zones.items():
        change = mean_over(off, zone)
        sigma = math.sqrt(zone.area / math.pi) / 2.0 / pixel_m(off)
        soft = blurred(off.values, min(sigma, min(off.shape) / 8.0))
        known = soft[np.isfinite(soft)]
        spread = NORMAL * float(np.median(np.abs(known - np.median(known)))) if len(known) else 0.0
        told.append(
            ZoneChange(name=name, before=mean_over(before, zone), after=mean_over(after, zone),
                       change=change, z=change / max(spread, noise))
        )  # fmt: skip
    return tuple(told)
