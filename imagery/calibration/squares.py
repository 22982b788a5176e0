"""Shifts of squares: how two pictures of one scene lie on each other, place by place.

Theory of operation
-------------------
Bands differ in brightness (leaves are dark in red and bright in near infrared) but have their edges
in the same places. So each picture is turned into the strength of its edges, evened out so that
strong and weak edges count alike, and cut into squares. The shift between two squares is the peak
of their phase correlation (OpenCV), good to a few hundredths of a pixel; its response tells how
sure the peak is. A homography through the shifts lays the pictures on each other; the shifts that
remain in other squares are its residual.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagery.extras import extra

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]
SQUARES_PX = (32, 96)
"""Least and greatest side of a square …"""
SQUARES_DOWN = 6
"""… and how many there are along the shorter side of a small picture."""
MIN_SQUARES = 6
"""Fewer squares that tell are no measurement, …"""
MIN_SHARE = 0.3
"""… and so is a smaller share of those with texture."""
MIN_RESPONSE = 0.15
"""Phase correlation's own measure of a sure peak, 1 at most: on real captures it is above 0.35
where bands lie right, in unrelated squares below 0.05."""
ROUNDS = 5
"""Times that the squares' shifts are followed."""
MOST_MOVED = 0.25
"""Corners that a homography moves by more than this share of the diagonal are no rig's."""


def edges(picture: FloatImage) -> FloatImage:
    """Return the strength of edges, evened out over the picture, 0 where nothing was measured.

    Parameters
    ----------
    picture : (H, W) float32
        NaN for none.

    Returns
    -------
    (H, W) float32
        Sobel gradients of a slightly smoothed picture over their local mean; edges of about equal
        strength wherever light and contrast are.
    """
    cv2: Any = extra("cv2")
    known = np.isfinite(picture)
    fill = float(np.median(picture[known])) if known.any() else 0.0
    spread = float(np.std(picture[known])) if known.any() else 1.0
    smooth = cv2.GaussianBlur(np.where(known, picture, np.float32(fill)), (0, 0), 1.0)
    strength = cv2.magnitude(
        cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    )
    local = cv2.blur(strength, (65, 65))
    evened: FloatImage = strength / (local + np.float32(1e-3 * spread + 1e-12))
    inner = cv2.erode(known.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    evened[~inner] = 0.0
    return np.minimum(evened, np.float32(6.0))


def square_side(picture: FloatImage) -> int:
    """Return the side of squares for a picture, pixels.

    Examples
    --------
    >>> [square_side(np.zeros(shape, np.float32)) for shape in ((960, 1280), (180, 240))]
    [96, 32]
    """
    least, most = SQUARES_PX
    return int(max(least, min(most, min(picture.shape) // SQUARES_DOWN // 2 * 2)))


def residual(fixed: FloatImage, moved: FloatImage) -> tuple[float, float, int]:
    """Measure what shift remains between two edge pictures.

    Parameters
    ----------
    fixed, moved : (H, W) float32
        From `edges`, the second warped onto the first.

    Returns
    -------
    median_px, ninety_px : float
        Of the lengths of the shifts; NaN when fewer than six squares tell.
    squares : int
        How many tell.
    """
    side = square_side(fixed)
    found, textured = shifts(fixed, moved, side, side // 2)
    if len(found) < max(MIN_SQUARES, MIN_SHARE * textured):
        return math.nan, math.nan, len(found)
    lengths = np.hypot(found[:, 2], found[:, 3])
    return float(np.median(lengths)), float(np.quantile(lengths, 0.9)), len(found)


def follow_squares(fixed: FloatImage, moving: FloatImage, start: FloatArray) -> FloatArray | None:
    """Return the homography that squares' shifts lead to, large squares first.

    Parameters
    ----------
    fixed, moving : (H, W) float32
        From `edges`.
    start : (3, 3) float64
        From pixels of `fixed` to pixels of `moving`.

    Returns
    -------
    (3, 3) float64 or None
        None where too few squares tell.
    """
    cv2: Any = extra("cv2")
    matrix = start
    for number in range(ROUNDS):
        side = square_side(fixed) * (2 if number < 2 else 1)
        found, _ = shifts(fixed, np.nan_to_num(warp(moving, matrix), nan=0.0), side, 0)
        if len(found) < 2 * MIN_SQUARES:
            return None
        seen = np.column_stack([found[:, :2] + found[:, 2:], np.ones(len(found))]) @ matrix.T
        aims = (seen[:, :2] / seen[:, 2:]).astype(np.float32)
        fitted, inside = cv2.findHomography(
            found[:, :2].astype(np.float32), aims, cv2.USAC_MAGSAC, 1.5, maxIters=2000
        )
        if fitted is None or int(inside.sum()) < 2 * MIN_SQUARES:
            return None
        settled = sane(np.asarray(fitted, dtype=np.float64), fixed.shape)
        if settled is None:
            return None
        matrix = settled
    return matrix


def shifts(fixed: FloatImage, moved: FloatImage, side: int, begin: int) -> tuple[FloatArray, int]:
    """Return the shifts of squares that tell, and how many squares have texture.

    Parameters
    ----------
    fixed, moved : (H, W) float32
        From `edges`, lying on each other but for small shifts.
    side : int
        Of a square, pixels.
    begin : int
        Row and column of the first square.

    Returns
    -------
    shifts : (N, 4) float64
        Middle x and y, and by how much the second picture is shifted there.
    textured : int
        Squares that were looked at.
    """
    cv2: Any = extra("cv2")
    height, width = fixed.shape
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    found, textured = [], 0
    for row in range(begin, height - side + 1, side):
        for column in range(begin, width - side + 1, side):
            here = np.s_[row : row + side, column : column + side]
            one, two = fixed[here].copy(), moved[here].copy()  # OpenCV 5.0 writes into its inputs
            if min(float((one > 0).mean()), float((two > 0).mean())) < 0.9:
                continue
            textured += 1
            (dx, dy), response = cv2.phaseCorrelate(one, two, window)
            if response >= MIN_RESPONSE and math.hypot(dx, dy) <= side / 4.0:
                middle = (side - 1) / 2.0
                found.append((column + middle, row + middle, dx, dy))
    return np.array(found, dtype=np.float64).reshape(-1, 4), textured


def warp(picture: FloatImage, matrix: FloatArray) -> FloatImage:
    """Return a picture read through a homography.

    Parameters
    ----------
    picture : (H, W) float32
    matrix : (3, 3) float64
        From pixels of the result to pixels of `picture`.

    Returns
    -------
    (H, W) float32
        Bilinear, NaN where there is nothing.
    """
    cv2: Any = extra("cv2")
    height, width = picture.shape
    result: FloatImage = cv2.warpPerspective(
        picture, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan,
    )  # fmt: skip
    return result


def sane(matrix: FloatArray, shape: tuple[int, ...]) -> FloatArray | None:
    """Return a homography unless no rig can have it: corners that fly away or turn over.

    Parameters
    ----------
    matrix : (3, 3) float64
    shape : (height, width)
    """
    height, width = shape[:2]
    corners = np.array([(0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)], dtype=float)
    seen = corners @ matrix.T
    if not np.isfinite(seen).all() or (seen[:, 2] <= 0.0).any():
        return None
    moved = seen[:, :2] / seen[:, 2:] - corners[:, :2]
    limit = MOST_MOVED * math.hypot(width, height)
    return matrix if float(np.hypot(*moved.T).max()) <= limit else None
