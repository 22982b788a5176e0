"""Shots from what intake read of photos: `imagery.photo.Photo` as `imagery.mosaic.Shot`.

Theory of operation
-------------------
A photo without a place cannot be put on the earth and is left out, named in a `Finding`. The focal
length comes from the lens's calibration, else from its millimetres and the pixel's size. A lens
whose bending is told is undone as the photo is read, so that the block has only what is left to
find. A gimbal's tilt is taken; the aircraft's is not, because a camera hangs level or tilts with
the frame, and nobody tells which. The told error of GPS is the photo's own where there is one: a
centimetre-level fix holds the block firmly, a plain receiver's 3 m hold it gently. Heights count
above one zero for all photos: the sea, or take-off where not every photo tells the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.calibration.lens import bent_points, camera_matrix
from imagery.extras import extra
from imagery.mosaic.shots import PixelSource, Shot
from imagery.photo import Lens, Photo

PLAIN_GPS_M = 3.0
"""Standard error of a receiver without corrections, level (FAA: 95 % within 5 m)."""
FIXED_GPS_M = 0.03
"""The same with a fixed carrier-phase solution."""
UP = 2.0
"""A satellite receiver's error in height, in its error on the level."""
UNTOLD_UP_M = 15.0
"""What a survey's height varies by, at most, when no altitude is told."""


def shots_from_photos(
    photos: Sequence[Photo], *, pixels: Callable[[Photo], PixelSource]
) -> tuple[tuple[Shot, ...], tuple[Finding, ...]]:
    """Return the photos that can be placed, and findings on those that cannot.

    Parameters
    ----------
    photos : sequence of Photo
        Of one flight and one band or colour camera; panel pictures are left out silently.
    pixels : callable
        Gives the pixels of a photo as a straight lens would have taken them: `straightened`, or
        calibrated or aligned captures.

    Returns
    -------
    shots : tuple of Shot
    findings : tuple of Finding
    """
    shots, findings = [], []
    above = _told_by_all(photos)
    for photo in photos:
        if photo.calibration_picture:
            continue
        source = pixels(photo)
        if photo.place is None:
            findings.append(Finding.warning("finding.mosaic_no_place", where=photo.name))
            continue
        try:
            shots.append(_shot(photo, source, above))
        except BadInput as error:
            findings.append(Finding.warning("finding.mosaic_left_out", where=photo.name,
                                            why=error.message))  # fmt: skip
    return tuple(shots), tuple(findings)


def _told_by_all(photos: Sequence[Photo]) -> str:
    """Return above what every photo tells its height, "" when there is no such height."""
    heights = {"sea": [p.height_sea for p in photos], "home": [p.height_home for p in photos]}
    return next((name for name, told in heights.items() if None not in told), "")


def _shot(photo: Photo, source: PixelSource, above: str) -> Shot:
    assert photo.place is not None  # noqa: S101 - asked by the only caller
    height = {"sea": photo.height_sea, "home": photo.height_home}.get(above)
    level = FIXED_GPS_M if photo.rtk_fixed else PLAIN_GPS_M
    if photo.position_sd_m is not None and photo.position_sd_m > 0.0:
        level = photo.position_sd_m
    forward, right = _tilts(photo)
    return Shot(
        name=photo.name,
        width_px=photo.width_px,
        height_px=photo.height_px,
        focal_px=_focal_px(photo),
        centre_px=_centre_px(photo),
        place=photo.place,
        altitude_m=0.0 if height is None else height.metres,
        pixels=source,
        forward_deg=forward,
        right_deg=right,
        gps_m=level,
        gps_up_m=UNTOLD_UP_M if height is None else UP * level,
    )


def _focal_px(photo: Photo) -> float:
    if photo.lens is not None:
        matrix = camera_matrix(photo.lens)
        return float(matrix[0, 0] + matrix[1, 1]) / 2.0
    if photo.focal_mm and photo.pixel_um:
        return photo.focal_mm * 1000.0 / photo.pixel_um
    raise BadInput("error.mosaic_focal", name=photo.name, focal_px=0.0)


def _centre_px(photo: Photo) -> tuple[float, float] | None:
    if photo.lens is None:
        return None
    matrix = camera_matrix(photo.lens)
    return float(matrix[0, 2]), float(matrix[1, 2])


def straightened(decode: Callable[[Photo, int], NDArray[Any]]) -> Callable[[Photo], PixelSource]:
    """Return what gives photos' pixels, decoded by somebody else, for `shots_from_photos`.

    Parameters
    ----------
    decode : callable
        Photo and reduction → (H, W, B): `imagery.intake.pictures_of`.
    """
    return lambda photo: straight_pixels(photo, partial(decode, photo))


def straight_pixels(photo: Photo, source: PixelSource) -> PixelSource:
    """Return a photo's pixel source with its lens undone where its lens is told."""
    if photo.lens is None:
        return source
    lens = photo.lens

    def read(reduction: int) -> NDArray[Any]:
        cv2 = extra("cv2")
        image = np.ascontiguousarray(source(reduction))
        where = _bent(lens, photo.width_px, photo.height_px, reduction)
        straight = cv2.remap(image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(straight).reshape(*where.shape[:2], image.shape[2])

    return read


@lru_cache(maxsize=4)
def _bent(lens: Lens, width_px: int, height_px: int, reduction: int) -> NDArray[np.float32]:
    """Return for each straight pixel of a reduced picture where the reduced file has it."""
    columns, rows = -(-width_px // reduction), -(-height_px // reduction)
    x, y = np.meshgrid(np.arange(columns, dtype=np.float64), np.arange(rows, dtype=np.float64))
    full = (np.column_stack([x.ravel(), y.ravel()]) + 0.5) * reduction - 0.5
    with np.errstate(over="ignore", invalid="ignore"):
        bent = (bent_points(lens, full) + 0.5) / reduction - 0.5
    bent = np.clip(np.nan_to_num(bent, nan=-9999.0), -9999.0, 32_000.0)
    return bent.astype(np.float32).reshape(rows, columns, 2)


def _tilts(photo: Photo) -> tuple[float, float]:
    """Return tilt forward and tilt right in degrees, NaN where not told."""
    if photo.camera is not None and -135.0 < photo.camera.pitch_deg < -45.0:
        # a gimbal's roll turns the picture about the view: near straight down it is heading
        return photo.camera.pitch_deg + 90.0, 0.0
    return math.nan, math.nan
