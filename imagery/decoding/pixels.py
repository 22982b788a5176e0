"""The image itself: decoded, and how sharp, how bright and how dark it is.

Theory of operation
-------------------
A TIFF band is decoded by tifffile, a JPEG by OpenCV as grey, at half or a quarter of its size
when it is large (the decoder does that in passing, so a 20-megapixel photo costs a fraction of
the time and memory).

*Sharpness* is the variance of the Laplacian (4 c − n − s − e − w) of brightness above black,
divided by the square of the mean brightness, so that a darker photo of the same ground is no less
sharp. It compares photos of one camera over like ground, and nothing else: the number has no
meaning of its own (Pech-Pacheco et al., 2000, "Diatom autofocusing in brightfield microscopy").

*Bright* is the share of pixels within 1.5 % of full scale: they hold no measurement any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[Any]
"""(H, W) unsigned integers or floats."""

HALVED = 6_000_000
"""Pixels from which a JPEG is decoded at half its size."""
QUARTERED = 30_000_000
LOOKED_AT = 2_000
"""Rows and columns around the middle on which sharpness is measured, at most."""
NEARLY_FULL = 0.985
"""Share of full scale from which a pixel counts as saturated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What one image's pixels say.

    Parameters
    ----------
    sharpness : float
        See above; 0 for an image without detail.
    bright_share : float
        Share of saturated pixels, 0 to 1.
    median_level, high_level : float
        Median and 99th percentile as a share of full scale, black not taken off.
    """

    sharpness: float
    bright_share: float
    median_level: float
    high_level: float


class Undecodable(ValueError):
    """The image cannot be decoded, or is not the image its header promised."""


def decode(path: Path, *, jpeg: bool, pixels: int) -> Plane:
    """Return an image as one plane.

    Parameters
    ----------
    path : Path
        A file whose header has been judged.
    jpeg : bool
        Whether it is a JPEG; else a TIFF.
    pixels : int
        How many its header tells of.

    Returns
    -------
    (H, W) array of unsigned integers or floats
        A JPEG's grey, smaller by a whole factor when large; of a TIFF with several bands their
        second (green) or only one.

    Raises
    ------
    Undecodable
        When it is damaged.
    """
    plane = _grey(path, pixels) if jpeg else _band(path)
    if plane.ndim != 2 or plane.size == 0 or plane.dtype.kind not in "uf":
        raise Undecodable(str(plane.shape))
    return plane


def counts(path: Path, *, jpeg: bool) -> Plane:
    """Return an image's numbers as they are stored, not turned and not made smaller.

    Parameters
    ----------
    path : Path
        A file whose header has been judged.
    jpeg : bool
        Whether it is a JPEG; else a TIFF.

    Returns
    -------
    (H, W) array, or (H, W, 3) of a colour picture: red, green, blue

    Raises
    ------
    Undecodable
        When it is damaged.
    """
    if jpeg:
        import cv2

        stored = _decoded(path, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    else:
        import tifffile

        with tifffile.TiffFile(path) as file:
            stored = np.asarray(file.pages.first.asarray())
    if stored.ndim not in (2, 3) or stored.size == 0 or stored.dtype.kind not in "uf":
        raise Undecodable(str(stored.shape))
    return np.ascontiguousarray(stored)


def picture(path: Path, *, jpeg: bool, reduction: int) -> Plane:
    """Return an image as a mosaic asks for it: bands last, coarser by a whole factor, not turned.

    Parameters
    ----------
    path : Path
        A file whose header has been judged.
    jpeg : bool
        Whether it is a JPEG, which is decoded coarser in passing; else a TIFF.
    reduction : {1, 2, 4, 8}
        Width and height are divided by it, rounded up.

    Returns
    -------
    (H, W, B) array
        Of colour pictures red, green and blue; opacity is left out.

    Raises
    ------
    Undecodable
        When it is damaged.
    """
    if jpeg:
        import cv2

        flag = (cv2.IMREAD_COLOR if reduction == 1
                else getattr(cv2, f"IMREAD_REDUCED_COLOR_{reduction}"))  # fmt: skip
        return _decoded(path, flag | cv2.IMREAD_IGNORE_ORIENTATION)[:, :, ::-1]
    stored = counts(path, jpeg=False)
    if stored.ndim == 2:
        return reduced(stored[:, :, None], reduction)
    if stored.shape[0] < stored.shape[2]:
        stored = np.moveaxis(stored, 0, 2)
    return reduced(stored[:, :, :3], reduction)


def reduced(image: NDArray[Any], reduction: int) -> NDArray[Any]:
    """Return an image coarser by a whole factor, each pixel the mean of those it stands for.

    Parameters
    ----------
    image : (H, W, B) array
        Of any number kind.
    reduction : int
        1 leaves it as it is. Rows and columns that do not fill a pixel join the last one.

    Returns
    -------
    (⌈H/reduction⌉, ⌈W/reduction⌉, B) array of the same kind

    Examples
    --------
    >>> reduced(np.array([[[0.0], [2.0]], [[4.0], [6.0]]]), 2).tolist()
    [[[3.0]]]
    """
    if reduction == 1:
        return image
    import cv2

    height, width = image.shape[:2]
    pad = ((0, -height % reduction), (0, -width % reduction), (0, 0))
    padded = np.ascontiguousarray(np.pad(image, pad, mode="edge"))
    size = (padded.shape[1] // reduction, padded.shape[0] // reduction)
    smaller = cv2.resize(padded, size, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller).reshape(size[1], size[0], image.shape[2])


def _grey(path: Path, pixels: int) -> Plane:
    import cv2

    flag = cv2.IMREAD_GRAYSCALE
    if pixels > QUARTERED:
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_4
    elif pixels > HALVED:
        flag = cv2.IMREAD_REDUCED_GRAYSCALE_2
    return _decoded(path, flag)


def _decoded(path: Path, flag: int) -> Plane:
    import cv2

    try:
        decoded = cv2.imdecode(np.fromfile(path, np.uint8), flag)
    except cv2.error as error:
        raise Undecodable(str(error)) from error
    if decoded is None:
        raise Undecodable("no image")
    plane: Plane = decoded
    return plane


def _band(path: Path) -> Plane:
    import tifffile

    with tifffile.TiffFile(path) as file:
        values = np.asarray(file.pages.first.asarray())
    if values.ndim == 3:
        axis = 0 if values.shape[0] < values.shape[2] else 2
        values = values.take(min(1, values.shape[axis] - 1), axis=axis)
    plane: Plane = values
    return plane


def measured(plane: Plane, *, black: float = 0.0) -> Measures:
    """Return how sharp, bright and dark a plane is.

    Parameters
    ----------
    plane : (H, W) unsigned integers or floats
        Floats are taken for shares of full scale.
    black : float
        What the camera writes where there is no light, in the plane's own numbers.

    Examples
    --------
    >>> board = np.indices((8, 8)).sum(axis=0) % 2
    >>> crisp = measured((board * 100 + 50).astype(np.uint8))
    >>> soft = measured((board * 10 + 95).astype(np.uint8))
    >>> crisp.sharpness > 50 * soft.sharpness, crisp.bright_share
    (True, 0.0)
    """
    full = float(np.iinfo(plane.dtype).max) if plane.dtype.kind == "u" else 1.0
    bright = float(np.mean(plane >= NEARLY_FULL * full))
    thinned = plane[:: max(1, plane.shape[0] // 500), :: max(1, plane.shape[1] // 500)] / full
    median, high = (float(level) for level in np.nanpercentile(thinned, (50.0, 99.0)))
    rows, columns = (_middle(size) for size in plane.shape)
    light = plane[rows, columns].astype(np.float32) / np.float32(full)
    return Measures(
        sharpness=_sharpness(light, black / full),
        bright_share=bright,
        median_level=median,
        high_level=high,
    )


def _middle(size: int) -> slice:
    start = max(0, (size - LOOKED_AT) // 2)
    return slice(start, start + LOOKED_AT)


def _sharpness(light: NDArray[np.float32], black: float) -> float:
    if min(light.shape) < 3:
        return 0.0
    inner = light[1:-1, 1:-1]
    edges = light[:-2, 1:-1] + light[2:, 1:-1]
    edges += light[1:-1, :-2]
    edges += light[1:-1, 2:]
    edges -= 4.0 * inner
    mean = float(inner.mean()) - black
    value = float(edges.var()) / mean**2 if mean > 1e-4 else 0.0
    return value if np.isfinite(value) else 0.0
