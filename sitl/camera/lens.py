"""Cameras as a scene is seen through them: geometry, distortion, vignette, electronics.

Theory of operation
-------------------
A perspective lens with Brown's distortion (1971; terms as OpenCV orders them): an undistorted
direction (x, y, 1) is seen at ``f · (x · (1 + k1 r² + k2 r⁴ + k3 r⁶) + tangential)``. A photo asks
the other way round, from pixel to direction, which is found by repeating the formula. Light falls
off with the distance from the middle by a polynomial, as MicaSense publishes it.

The two cameras here are a five-band one and a colour one of 640 × 480 pixels, small enough that a
whole flight is rendered in seconds; `SceneCamera.of_width` makes them coarser or finer with the
same field of view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneCamera:
    """A camera.

    Parameters
    ----------
    make, model : str
        As its files tell.
    width_px, height_px : int
        Picture size.
    focal_mm, pixel_um : float
        Focal length, side of a pixel.
    centre_off_px : (float, float)
        Principal point, right and down of the picture's middle.
    distortion : tuple of five float
        k1, k2, k3, p1, p2.
    vignette : tuple of float
        Of r¹, r², … in half diagonals: the share of light that arrives is 1 + Σ c rⁿ.
    colour : bool
        One JPEG of red, green and blue, or one TIFF for each of five bands.
    black : float
        Counts without light (16 bits).
    gain : float
        Factor.
    noise : (float, float)
        Standard deviation: of the signal, as a share of it; of the electronics, counts of 16 bits.
    gimbal : bool
        Whether a gimbal tells its attitude.
    """

    make: str
    model: str
    width_px: int
    height_px: int
    focal_mm: float
    pixel_um: float
    centre_off_px: tuple[float, float] = (0.0, 0.0)
    distortion: tuple[float, float, float, float, float] = (0.0, 0.0, 0.0, 0.0, 0.0)
    vignette: tuple[float, ...] = ()
    colour: bool = False
    black: float = 4800.0
    gain: float = 1.0
    noise: tuple[float, float] = (0.004, 20.0)
    gimbal: bool = False

    def of_width(self, width_px: int) -> SceneCamera:
        """Return the camera with so many pixels across the same field of view."""
        factor = width_px / self.width_px
        return replace(
            self,
            width_px=width_px,
            height_px=round(self.height_px * factor),
            pixel_um=self.pixel_um / factor,
            centre_off_px=(self.centre_off_px[0] * factor, self.centre_off_px[1] * factor),
        )

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        return self.focal_mm * 1000.0 / self.pixel_um

    @property
    def centre_px(self) -> tuple[float, float]:
        """Principal point, column and row; whole numbers are centres of pixels."""
        return (
            self.width_px / 2.0 - 0.5 + self.centre_off_px[0],
            self.height_px / 2.0 - 0.5 + self.centre_off_px[1],
        )

    def gsd_m(self, height_m: float) -> float:
        """Return the ground sample distance from a height above the ground."""
        return height_m / self.focal_px


MULTISPECTRAL = SceneCamera(
    make="MicaSense",
    model="RedEdge",
    width_px=640,
    height_px=480,
    focal_mm=5.5,
    pixel_um=7.5,
    centre_off_px=(3.0, -2.0),
    distortion=(-0.10, 0.12, -0.02, 0.0002, -0.0001),
    vignette=(0.0, -0.25, -0.10),
)
COLOUR = SceneCamera(
    make="DJI",
    model="FC300S",
    width_px=640,
    height_px=480,
    focal_mm=3.61,
    pixel_um=9.6,
    distortion=(-0.02, 0.0, 0.0, 0.0, 0.0),
    vignette=(0.0, -0.20),
    colour=True,
    gimbal=True,
)


def seen_at(camera: SceneCamera, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the column and row at which undistorted directions (x right, y down, 1) are seen."""
    k1, k2, k3, p1, p2 = camera.distortion
    r2 = x * x + y * y
    radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    bent_x = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x)
    bent_y = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y
    column, row = camera.centre_px
    return camera.focal_px * bent_x + column, camera.focal_px * bent_y + row


def directions(camera: SceneCamera, fine: int = 1) -> FloatArray:
    """Return the direction each pixel looks in, in the camera's axes.

    Parameters
    ----------
    camera : SceneCamera
    fine : int
        Rays across a pixel.

    Returns
    -------
    (fine · H, fine · W, 3) float64
        Right, down, along the view (1).

    Examples
    --------
    >>> rays = directions(MULTISPECTRAL)
    >>> column, row = seen_at(MULTISPECTRAL, rays[20, 600, 0], rays[20, 600, 1])
    >>> round(float(column), 4), round(float(row), 4)
    (600.0, 20.0)
    """
    step = (np.arange(fine) + 0.5) / fine - 0.5
    column = (np.arange(camera.width_px)[:, None] + step).ravel()
    row = (np.arange(camera.height_px)[:, None] + step).ravel()
    columns, rows = np.meshgrid(column, row)
    x = aim_x = (columns - camera.centre_px[0]) / camera.focal_px
    y = aim_y = (rows - camera.centre_px[1]) / camera.focal_px
    for _ in range(20):
        at_column, at_row = seen_at(camera, x, y)
        x = x + aim_x - (at_column - camera.centre_px[0]) / camera.focal_px
        y = y + aim_y - (at_row - camera.centre_px[1]) / camera.focal_px
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def fall_off(camera: SceneCamera) -> FloatArray:
    """Return the share of light that arrives at each pixel, (H, W), 1 in the middle."""
    column = np.arange(camera.width_px) - camera.centre_px[0]
    row = np.arange(camera.height_px) - camera.centre_px[1]
    radius = np.hypot(column[None, :], row[:, None])
    return np.asarray(np.polynomial.polynomial.polyval(radius, (1.0, *vignette_px(camera))))


def vignette_px(camera: SceneCamera) -> tuple[float, ...]:
    """Return the vignette's coefficients of the radius in pixels, from r¹ on."""
    half = float(np.hypot(camera.width_px, camera.height_px)) / 2.0
    return tuple(c / half**power for power, c in enumerate(camera.vignette, start=1))
