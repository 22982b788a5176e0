"""What a photo tells of its sensor and lens: exposure, black level, vignette, focal length.

Theory of operation
-------------------
Each maker tells the same in a way of its own, and what it means is settled here, once:

* **Gain**: MicaSense, Sentera and plain cameras ISO / 100; Sequoia ISO itself; DJI's
  multispectral cameras ``SensorGain``, with ``ExposureTime`` of XMP in microseconds.
* **Vignette**: MicaSense lists the coefficients of r¹ to r⁶, light is divided; Sentera the same
  with the highest power first; DJI r¹ to r⁶ about its calibrated optical centre, light is
  multiplied. ``VignettingPolynomial2D`` (Sequoia, RedEdge-P) comes with its powers in pairs.
* **Focal length**: ``PerspectiveFocalLength`` with the unit "mm" is millimetres. Without a unit
  (RedEdge's firmware 2.1.2, Sequoia's colour camera) the size tells: no such lens has 100 mm, and
  none has as few as 100 pixels.
* **Principal point**: millimetres from the corner; DJI's DewarpData has an offset in pixels from
  the calibrated optical centre.
* **Pixel pitch**: from ``FocalPlaneXResolution`` and its unit, made larger when the picture has
  been made smaller since; else from the 35 mm equivalent of the focal length, which goes by the
  diagonal (CIPA DCG-001).

Sources: micasense/imageprocessing (radial and 2-D model, units of the focal length); OpenDroneMap
(order of Sentera's coefficients); DJI, Mavic 3M Image Processing Guide v1.0 (2023); Parrot
SEQ-AN-01. What is missing, or impossible, is None.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from agri.errors import BadInput
from imagery.intake.told import Told
from imagery.photo import (
    BrownLens,
    Exposure,
    FisheyeLens,
    Homography,
    Lens,
    PlaneVignette,
    RadialVignette,
    Vignette,
)

T = TypeVar("T")

LONGEST_MM = 100.0
"""A focal length without unit is millimetres below this, pixels above."""
_UNIT_MM = {2.0: 25.4, 3.0: 10.0, 4.0: 1.0, 5.0: 0.001}
"""EXIF FocalPlaneResolutionUnit: inch, centimetre, millimetre, micrometre."""
_FULL_FRAME_DIAGONAL_MM = math.hypot(36.0, 24.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What is known of sensor and lens; fields as in `imagery.photo.Photo`."""

    exposure: Exposure | None
    black_level: float | None
    vignette: Vignette | None
    lens: Lens | None
    focal_mm: float | None
    pixel_um: float | None
    homography: Homography | None


def optics_of(told: Told, width_px: int, height_px: int) -> Optics:
    """Return what a photo tells of its sensor and lens.

    Parameters
    ----------
    told : Told
        Its EXIF and XMP.
    width_px, height_px : int
        Its size.
    """
    make = told.text("Make").casefold()
    pitch = _pixel_mm(told, width_px, height_px)
    matrix = told.numbers("drone-dji:CalibratedHMatrix")
    vignette: Vignette | None = _or_none(partial(_vignette, told, make))
    lens: Lens | None = _or_none(partial(_lens, told, pitch, width_px, height_px))
    return Optics(
        exposure=_or_none(partial(_exposure, told, make)),
        black_level=_black(told, make),
        vignette=vignette,
        lens=lens,
        focal_mm=_positive(told.value("FocalLength")),
        pixel_um=pitch * 1000.0 if pitch else None,
        homography=_nine(matrix) if len(matrix) == 9 else None,
    )


def _or_none(build: Callable[[], T]) -> T | None:
    """Return what is built, None when its numbers are impossible."""
    try:
        return build()
    except (BadInput, OverflowError, ValueError):
        return None


def _positive(value: float | None) -> float | None:
    return value if value is not None and 0.0 < value < 1e9 else None


def _nine(values: tuple[float, ...]) -> Homography:
    a, b, c, d, e, f, g, h, i = values
    return a, b, c, d, e, f, g, h, i


def _exposure(told: Told, make: str) -> Exposure | None:
    iso = told.value("ISOSpeedRatings", "PhotographicSensitivity", "ISOSpeed")
    iso = _positive(iso or told.value("RecommendedExposureIndex"))
    time_s, gain = told.value("ExposureTime"), iso / 100.0 if iso else None
    if make == "parrot":
        gain = iso
    if make == "dji" and told.number("drone-dji:SensorGain") is not None:
        gain = told.number("drone-dji:SensorGain")
        micros = told.number("drone-dji:ExposureTime")
        time_s = time_s if micros is None else micros / 1e6
    if time_s is None or gain is None:
        return None
    return Exposure(time_s=time_s, gain=gain, iso=iso, aperture=_positive(told.value("FNumber")))


def _black(told: Told, make: str) -> float | None:
    levels = told.values("BlackLevel")
    if not levels and make == "dji":
        levels = told.numbers("drone-dji:BlackLevel", "drone-dji:BlackCurrent", "BlackCurrent")
    mean = sum(levels) / len(levels) if levels else -1.0
    return mean if 0.0 <= mean < 1e9 else None


def _vignette(told: Told, make: str) -> Vignette | None:
    powers = tuple(int(power) for power in told.numbers("VignettingPolynomial2DName"))
    plane = told.numbers("VignettingPolynomial2D")
    if plane and len(powers) == 2 * len(plane):
        pairs = tuple(zip(powers[::2], powers[1::2], strict=True))
        return PlaneVignette(powers=pairs, coefficients=plane)
    if make == "dji":
        x, y = (told.number(f"drone-dji:CalibratedOpticalCenter{axis}") for axis in "XY")
        radial = told.numbers("drone-dji:VignettingData")
    else:
        x, y = (*told.numbers("VignettingCenter"), None, None)[:2]
        radial = told.numbers("VignettingPolynomial")
        radial = radial[::-1] if make == "sentera" else radial
    if x is None or y is None or not radial:
        return None
    return RadialVignette(centre_x_px=x, centre_y_px=y, coefficients=radial, multiply=make == "dji")


def _pixel_mm(told: Told, width_px: int, height_px: int) -> float | None:
    """Return the width of one pixel on the sensor, millimetres."""
    per_unit = _positive(told.value("FocalPlaneXResolution"))
    unit = _UNIT_MM.get(told.value("FocalPlaneResolutionUnit") or 2.0)
    if per_unit and unit:
        shot = _positive(told.value("ExifImageWidth")) or width_px
        pitch = unit / per_unit * max(1.0, shot / width_px)
        if 0.0003 < pitch < 0.1:
            return pitch
    focal = _positive(told.value("FocalLength"))
    equivalent = _positive(told.value("FocalLengthIn35mmFilm"))
    if focal and equivalent:
        return _FULL_FRAME_DIAGONAL_MM * focal / equivalent / math.hypot(width_px, height_px)
    return None


def _lens(told: Told, pitch: float | None, width_px: int, height_px: int) -> Lens | None:
    dewarp = told.word("drone-dji:DewarpData").rpartition(";")[2]
    if dewarp:
        return _dji_lens(told, width_px, height_px)
    centre = told.numbers("PrincipalPoint")
    if told.word("ModelType").casefold() == "fisheye":
        return _fisheye(told, centre, pitch)
    return _brown(told, centre, pitch, width_px, height_px)


def _dji_lens(told: Told, width_px: int, height_px: int) -> BrownLens | None:
    _, _, terms = told.word("drone-dji:DewarpData").rpartition(";")
    values = Told({}, {"terms": (terms,)}).numbers("terms")
    if len(values) != 9:
        return None
    fx, fy, cx, cy, k1, k2, p1, p2, k3 = values
    x = told.number("drone-dji:CalibratedOpticalCenterX")
    y = told.number("drone-dji:CalibratedOpticalCenterY")
    return BrownLens(
        focal_x_px=fx,
        focal_y_px=fy,
        centre_x_px=(width_px / 2.0 if x is None else x) + cx,
        centre_y_px=(height_px / 2.0 if y is None else y) + cy,
        k1=k1, k2=k2, k3=k3, p1=p1, p2=p2,
    )  # fmt: skip


def _brown(
    told: Told, centre: tuple[float, ...], pitch: float | None, width_px: int, height_px: int
) -> BrownLens | None:
    focal = _positive(told.number("PerspectiveFocalLength"))
    if focal is None:
        return None
    unit = told.word("PerspectiveFocalLengthUnits").casefold()
    if unit == "mm" or (not unit and focal < LONGEST_MM):
        if pitch is None:
            return None
        focal /= pitch
    x, y = width_px / 2.0, height_px / 2.0
    if len(centre) == 2 and pitch is not None:
        x, y = centre[0] / pitch, centre[1] / pitch
    k1, k2, k3, p1, p2 = (*told.numbers("PerspectiveDistortion"), *(0.0,) * 5)[:5]
    return BrownLens(
        focal_x_px=focal, focal_y_px=focal, centre_x_px=x, centre_y_px=y,
        k1=k1, k2=k2, k3=k3, p1=p1, p2=p2,
    )  # fmt: skip


def _fisheye(told: Told, centre: tuple[float, ...], pitch: float | None) -> FisheyeLens | None:
    affine = told.numbers("FisheyeAffineMatrix")
    if len(affine) != 4 or len(centre) != 2 or pitch is None:
        return None
    c, d, e, f = affine
    return FisheyeLens(
        affine=(c, d, e, f),
        polynomial=told.numbers("FisheyePolynomial"),
        centre_x_px=centre[0] / pitch,
        centre_y_px=centre[1] / pitch,
    )
