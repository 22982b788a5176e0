"""What can be found again in another photo: SIFT points of a reduced picture.

Theory of operation
-------------------
Scale-invariant features (Lowe 2004, OpenCV's implementation) are looked for on a picture of about
`FEATURE_SIDE_PX` on its longer side. Measured on farm photos of 12 megapixels, what counts is a low
threshold of contrast and many features, because young crops and soil have little of it: 6,000
features at 0.005 tied bare soil with four times the matches of 3,000 at 0.02, and evening the
contrast out beforehand (CLAHE) cost half of them. 4,000 are the compromise that matching can pay
for. Descriptors are turned into RootSIFT (Arandjelović and Zisserman 2012), whose dot product is
what matching needs, and kept as bytes: 512 kB for a photo, so that 500 photos fit in 260 MB.

Each point keeps the colour round it, from which the exposure of photos is compared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from imagery.decoding.pixels import reduced
from imagery.extras import extra
from imagery.mosaic.shots import REDUCTIONS, Shot

FEATURE_SIDE_PX = 1200
"""Longer side of the picture in which features are looked for, at most."""
FEATURES = 4000
"""Most features of one photo."""
_SCALE = 512.0
"""RootSIFT values (unit length, rarely above 0.4) times this are kept as bytes."""
_CONTRAST = 0.005


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """The features of one photo.

    Parameters
    ----------
    points_px : (N, 2) float64
        Right and down from the picture's centre, in feature pixels.
    descriptors : (N, 128) uint8
        RootSIFT × 512.
    shades : (N, B) float32
        Mean of the pixels round each point, NaN where there is none.
    reduction : float
        Full-size pixels in one feature pixel.
    """

    points_px: NDArray[np.float64]
    descriptors: NDArray[np.uint8]
    shades: NDArray[np.float32]
    reduction: float


def find_features(shot: Shot, *, limit: int = FEATURES, side_px: int = FEATURE_SIDE_PX) -> Features:
    """Look for a photo's features.

    Parameters
    ----------
    shot : Shot
        The photo; its pixels are read once, reduced.
    limit : int
        Most features, the strongest are kept.
    side_px : int
        Longer side of the picture looked at.

    Returns
    -------
    Features
        None at all when the picture is blank.

    Raises
    ------
    BadInput
        When the photo cannot be decoded, or is of another size than it was said to be.
    """
    cv2 = extra("cv2")

    longer = max(shot.width_px, shot.height_px)
    coarse = max(r for r in REDUCTIONS if r == 1 or longer / r >= side_px)
    image = shot.pixels(coarse)
    if image.shape[:2] != (-(-shot.height_px // coarse), -(-shot.width_px // coarse)):
        raise BadInput("error.mosaic_photo_unread", name=shot.name)
    size = _feature_size(shot, side_px)
    if image.shape[1] > size[0]:
        image = _resized(image, size)
    sift = cv2.SIFT_create(nfeatures=limit, contrastThreshold=_CONTRAST)
    found, raw = sift.detectAndCompute(eight_bit(image), None)
    if raw is None:
        found, raw = (), np.empty((0, 128), dtype=np.float32)
    raw, found = raw[:limit], found[:limit]
    share = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1e-9)
    pixels = np.array([point.pt for point in found], dtype=np.float64).reshape(-1, 2)
    reduction = shot.width_px / image.shape[1]
    points = ((pixels + 0.5) * reduction - 0.5 - shot.middle_px) / reduction
    return Features(
        points_px=points,
        descriptors=np.minimum(np.sqrt(share) * _SCALE + 0.5, 255.0).astype(np.uint8),
        shades=_shades(image, pixels),
        reduction=reduction,
    )


def _feature_size(shot: Shot, side_px: int) -> tuple[int, int]:
    factor = min(1.0, side_px / max(shot.width_px, shot.height_px))
    return math.ceil(shot.width_px * factor), math.ceil(shot.height_px * factor)


def _resized(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    cv2 = extra("cv2")

    smaller = cv2.resize(np.ascontiguousarray(image), size, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller).reshape(size[1], size[0], image.shape[2])


def eight_bit(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return one grey byte for each pixel: the bands' mean, stretched unless it is bytes already.

    Parameters
    ----------
    image : (H, W, B) array
        Bytes, 16-bit numbers or floats; NaN becomes black.

    Examples
    --------
    >>> eight_bit(np.array([[[0.0], [0.5], [1.0]]], dtype=np.float32)).tolist()
    [[0, 127, 255]]
    """
    if image.dtype == np.uint8:
        if image.shape[2] == 1:
            return np.ascontiguousarray(image[:, :, 0])
        cv2 = extra("cv2")

        return np.asarray(cv2.transform(np.ascontiguousarray(image[:, :, :3]), _GREY))
    mean = image.astype(np.float32).mean(axis=2)
    known = mean[np.isfinite(mean)]
    if known.size == 0:
        return np.zeros(mean.shape, dtype=np.uint8)
    low, high = np.percentile(known, (0.5, 99.5))
    stretched = (mean - low) * (255.0 / max(float(high - low), 1e-9))
    return np.asarray(np.clip(np.nan_to_num(stretched), 0.0, 255.0), dtype=np.uint8)


_GREY = np.full((1, 3), 1.0 / 3.0, dtype=np.float32)


def _shades(image: NDArray[Any], pixels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the mean colour round each point, over about a thirtieth of the picture's width."""
    coarse = reduced(image.astype(np.float32), 8)
    column = np.clip((pixels[:, 0] / 8.0).astype(np.intp), 0, coarse.shape[1] - 1)
    row = np.clip((pixels[:, 1] / 8.0).astype(np.intp), 0, coarse.shape[0] - 1)
    return np.asarray(coarse[row, column], dtype=np.float32)
