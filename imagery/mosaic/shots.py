"""One photograph as a mosaic needs it: where it was taken, through which lens, and its pixels.

Theory of operation
-------------------
The rooms of this package know nothing of EXIF: a `Shot` holds the few numbers of a photo's
metadata that place it (what is not told is NaN, never a guess) and a function that gives its
pixels, coarser when less is enough, so that a JPEG is decoded at an eighth of the cost. Nothing of
a file is decoded in this package: who makes a shot says who reads its pixels. Calibrated
captures are shots like any other: their pixels are float32 reflectance, NaN where there is none.

Attitude is the camera's, not the aircraft's: how far the lens looks away from straight down,
forward (towards the picture's upper edge) and to the right. The heading is not asked for: matches
and GPS tell it better than any compass (`imagery.mosaic.layout`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.geo import LonLat

PixelSource = Callable[[int], NDArray[Any]]
"""Pixels of a photo, coarser by a whole factor (1, 2, 4 or 8): (H, W, B)."""
REDUCTIONS = (1, 2, 4, 8)
MAX_SIDE_PX = 20_000
"""Longest side of a photo; a larger one is no photo of a survey camera."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shot:
    """One photo with what its metadata tell.

    Parameters
    ----------
    name : str
        For sentences; unique within a mosaic.
    width_px, height_px : int
        Full size.
    focal_px : float
        Focal length in full-size pixels, as told; it is refined for all photos together.
    place : LonLat
        WGS 84, from the photo's GPS.
    altitude_m : float
        As told, above whatever it is told above; only differences between photos are used.
    forward_deg, right_deg : float
        Tilt of the lens away from straight down, towards the upper edge and to the right; NaN
        when not told.
    gps_m, gps_up_m : float
        Standard error of place and altitude.
    centre_px : (float, float) or None
        Where the view's middle falls, column and row (whole numbers are centres of pixels); the
        picture's middle when not told.
    pixels : callable
        Gives the pixels, ``pixels(4)`` at a fourth of the width.

    Raises
    ------
    BadInput
        When a size or the focal length is impossible.
    """

    name: str
    width_px: int
    height_px: int
    focal_px: float
    place: LonLat
    altitude_m: float
    pixels: PixelSource
    forward_deg: float = math.nan
    right_deg: float = math.nan
    gps_m: float = 3.0
    gps_up_m: float = 5.0
    centre_px: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        sides = (self.width_px, self.height_px)
        if not 16 <= min(sides) <= max(sides) <= MAX_SIDE_PX:
            raise BadInput(
                "error.mosaic_photo_size",
                name=self.name,
                width=self.width_px,
                height=self.height_px,
                most=MAX_SIDE_PX,
            )
        if not 0.2 * max(sides) < self.focal_px < 50.0 * max(sides):
            raise BadInput("error.mosaic_focal", name=self.name, focal_px=self.focal_px)

    @property
    def middle_px(self) -> NDArray[np.float64]:
        """Column and row of the view's middle, (2,)."""
        if self.centre_px is not None:
            return np.array(self.centre_px)
        return np.array([self.width_px / 2.0 - 0.5, self.height_px / 2.0 - 0.5])
