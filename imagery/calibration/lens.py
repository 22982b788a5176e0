"""Undoing a lens: where a straight ray would have fallen.

Theory of operation
-------------------
A pixel (u, v) of the file is turned into the pixel that a lens without distortion, with the same
principal point and focal length, would have lit. Pictures keep their size: corners that no light
reached are NaN.

* `BrownLens`: OpenCV's five terms. DJI asks that the camera matrix is kept as it is
  (no "optimal" one), and so it is for every maker.
* `FisheyeLens`: Pix4D's model, which OpenCV has not (it counts all powers, of 2 · angle / π). The
  straight camera's focal length is the slope at the axis, affine · 2 / π.

Points go both ways with `straight_points` and `bent_points`; the second is the model itself, the
first its inverse by repeated correction, refused where that does not settle.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from imagery.extras import extra
from imagery.photo import BrownLens, FisheyeLens, Lens, Photo

FloatArray = NDArray[np.float64]
FloatImage = NDArray[np.float32]


def camera_matrix(lens: Lens) -> FloatArray:
    """Return the straight camera's matrix.

    Returns
    -------
    (3, 3) float64
        Focal lengths and principal point in pixels.

    Examples
    --------
    >>> camera_matrix(BrownLens(focal_x_px=9.0, focal_y_px=8.0, centre_x_px=2.0, centre_y_px=1.0))
    array([[9., 0., 2.], [0., 8., 1.], [0., 0., 1.]])
    """
    if isinstance(lens, BrownLens):
        fx, fy = lens.focal_x_px, lens.focal_y_px
    else:
        slope = lens.polynomial[1] * 2.0 / math.pi
        fx, fy = lens.affine[0] * slope, lens.affine[3] * slope
    return np.array([[fx, 0.0, lens.centre_x_px], [0.0, fy, lens.centre_y_px], [0.0, 0.0, 1.0]])


def bent_points(lens: Lens, straight: FloatArray) -> FloatArray:
    """Return where the file has the points of the straight picture.

    Parameters
    ----------
    lens : BrownLens or FisheyeLens
    straight : (N, 2) float64
        Pixels x, y.

    Returns
    -------
    (N, 2) float64
    """
    matrix = camera_matrix(lens)
    x = (straight[:, 0] - matrix[0, 2]) / matrix[0, 0]
    y = (straight[:, 1] - matrix[1, 2]) / matrix[1, 1]
    if isinstance(lens, FisheyeLens):
        return _fisheye(lens, x, y)
    r2 = x * x + y * y
    radial = 1.0 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))
    bx = x * radial + 2.0 * lens.p1 * x * y + lens.p2 * (r2 + 2.0 * x * x)
    by = y * radial + lens.p1 * (r2 + 2.0 * y * y) + 2.0 * lens.p2 * x * y
    return np.column_stack([bx * matrix[0, 0] + matrix[0, 2], by * matrix[1, 1] + matrix[1, 2]])


def straight_points(lens: Lens, bent: FloatArray) -> FloatArray:
    """Return where a straight lens would have put the file's points; the inverse of `bent_points`.

    Raises
    ------
    BadInput
        When the lens cannot be undone there.
    """
    guess = np.array(bent, dtype=np.float64)
    for _ in range(60):
        with np.errstate(over="ignore", invalid="ignore"):
            miss = bent_points(lens, guess) - bent
        if not np.isfinite(miss).all():
            break
        if float(np.abs(miss).max(initial=0.0)) < 1e-7:
            return guess
        guess = guess - miss
    raise BadInput("error.lens_not_invertible")


def undistorted(photo: Photo, values: FloatImage) -> FloatImage:
    """Return a picture as a straight lens would have taken it.

    Parameters
    ----------
    photo : Photo
        `lens` is needed.
    values : (H, W) float32
        Of the file's size.

    Returns
    -------
    (H, W) float32
        Bilinear; NaN where no light was measured.

    Raises
    ------
    BadInput
        When the photo tells no lens, or OpenCV is missing.
    """
    if photo.lens is None:
        raise BadInput("error.photo_no_lens", name=photo.name)
    cv2: Any = extra("cv2")
    across, down = _maps(photo.lens, photo.width_px, photo.height_px)
    result: FloatImage = cv2.remap(
        values, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan
    )
    return result


@lru_cache(maxsize=12)
def _maps(lens: Lens, width_px: int, height_px: int) -> tuple[FloatImage, FloatImage]:
    """Return for each straight pixel the file's x and y."""
    x, y = np.meshgrid(np.arange(width_px, dtype=np.float64), np.arange(height_px))
    with np.errstate(over="ignore", invalid="ignore"):
        points = bent_points(lens, np.column_stack([x.ravel(), y.ravel()]))
    bent = np.clip(np.nan_to_num(points, nan=-9999.0), -9999.0, 32_000.0).astype(np.float32)
    across, down = (bent[:, axis].reshape(height_px, width_px).copy() for axis in (0, 1))
    for one in (across, down):
        one.setflags(write=False)
    return across, down


def _fisheye(lens: FisheyeLens, x: FloatArray, y: FloatArray) -> FloatArray:
    radius = np.hypot(x, y)
    theta = np.arctan(radius) * 2.0 / math.pi
    rho = np.polynomial.polynomial.polyval(theta, lens.polynomial)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(radius > 1e-12, rho / radius, lens.polynomial[1] * 2.0 / math.pi)
    px, py = share * x, share * y
    c, d, e, f = lens.affine
    return np.column_stack([c * px + d * py + lens.centre_x_px, e * px + f * py + lens.centre_y_px])
