"""A crown as imagery sees it, and the outline of its pixels.

Theory of operation. An outline is the half-way line of the crown's pixels after they have been
blurred by one pixel: smooth, of about the same area, and since the blurred pixels of two crowns
never sum to more than one, neighbours do not overlap but by a hair. A crown of so few pixels that
the blur would change its area by more than a fifth keeps the edges of its pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry import Polygon

from agri.errors import BadInput
from imagery.extras import extra

BoolArray = NDArray[np.bool_]
FAITHFUL = 0.2
"""Most by which an outline's area may differ from that of the pixels, as a share."""
AROUND = 4
"""Pixels left free around a crown before it is blurred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crown:
    """The crown of one tree.

    Parameters
    ----------
    top : (x, y)
        Its highest place, in the raster's CRS, metres.
    outline : shapely.Polygon
        In the same CRS.
    height_m : float
        Of its top above the ground, NaN when only colours are known.
    volume_m3 : float
        Between its surface and the ground, NaN when only colours are known. What is beneath the
        lowest leaves is part of it: a camera sees no lower edge.
    name : str
        Its number in the orchard, "" before it has one.
    indices : mapping of str to float
        Means over the crown by name, NaN where no pixel is known.

    Raises
    ------
    BadInput
        When the outline is empty or crosses itself, or the height is negative.
    """

    top: tuple[float, float]
    outline: Polygon
    height_m: float = math.nan
    volume_m3: float = math.nan
    name: str = ""
    indices: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.outline.is_empty or not self.outline.is_valid or self.height_m < 0.0:
            raise BadInput("error.crown_value", x=self.top[0], y=self.top[1])

    @property
    def area_m2(self) -> float:
        """Ground beneath the crown."""
        return float(self.outline.area)

    @property
    def diameter_m(self) -> float:
        """Diameter of the circle of the same area."""
        return 2.0 * math.sqrt(self.area_m2 / math.pi)

    @property
    def middle(self) -> tuple[float, float]:
        """Middle of its outline."""
        centre = self.outline.centroid
        return float(centre.x), float(centre.y)


def outline_of(pixels: BoolArray) -> Polygon:
    """Return the outline of a crown's pixels, in (column, row), pixel centres at halves.

    Parameters
    ----------
    pixels : (H, W) bool
        Which belong to the crown; at least one.

    Examples
    --------
    >>> rows, columns = np.mgrid[:21, :21]
    >>> disk = (rows - 10) ** 2 + (columns - 10) ** 2 <= 64
    >>> outline = outline_of(disk)
    >>> bool(abs(outline.area / disk.sum() - 1.0) < 0.03), outline.centroid.coords[0]
    (True, (10.5, 10.5))
    """
    count = int(pixels.sum())
    smooth = _blurred(pixels)
    if smooth is not None and abs(smooth.area - count) <= FAITHFUL * count:
        return smooth
    rows, columns = np.nonzero(pixels)
    joined = shapely.union_all(shapely.box(columns, rows, columns + 1, rows + 1))
    return Polygon(_largest(joined).exterior)


def _blurred(pixels: BoolArray) -> Polygon | None:
    """Return the half-way line of the blurred pixels, None when there is none."""
    soft = ndimage.gaussian_filter(np.pad(pixels.astype(np.float64), AROUND), 1.0)
    lines = extra("skimage.measure").find_contours(soft, 0.5)
    rings = [Polygon(line[:, ::-1] - (AROUND - 0.5)) for line in lines if len(line) >= 4]
    if not rings:
        return None
    ring = max(rings, key=lambda one: one.area)
    whole = _largest(ring if ring.is_valid else shapely.make_valid(ring))
    return None if whole.is_empty else Polygon(whole.exterior)


def _largest(shape: shapely.Geometry) -> Polygon:
    parts = [part for part in getattr(shape, "geoms", [shape]) if isinstance(part, Polygon)]
    return max(parts, key=lambda part: part.area, default=Polygon())
