"""From stored counts to radiance: what the camera itself adds is taken away again.

Theory of operation
-------------------
Counts grow with the light, but also with the sensor's black level, the lens's fall-off, the
exposure and the gain. Each maker publishes how to undo them. p is a stored count, BL the black
level, t the exposure time in seconds, g the gain, n the bits stored, V the vignette's polynomial:

* **MicaSense** (its open library, MIT licence): L = (p − BL) / V · R · a₁ / (2ⁿ · g · t) with the
  row gradient R = 1 / (1 + a₂·y/t − a₃·y), because a sensor that is read row by row collects light
  while it waits. W m⁻² sr⁻¹ nm⁻¹: absolute.
* **DJI** P4 Multispectral and Mavic 3M (image processing guides): X = (p − BL) · V / (2ⁿ · g · t),
  V multiplies. The first divides by 2ⁿ − 1. Not absolute: no factor to W is published.
* **Sequoia** (application note SEQ-AN-01): X = f² · (p / V − B) / (A·t·ISO + C). The note divides
  by the fall-off before it subtracts B, and the camera's files agree: in a real red edge file with
  B = 5,079 dark corners hold 3,400 to 4,400, far below B but near V · B = 3,600. Not absolute.
* **Any other**: X = (p − BL) / (2ⁿ · g · t), with V if there is one. Not absolute.

A relative value is proportional to radiance within one band of one camera. Set against a panel, or
against the light sensor's reading anchored by a panel, the unknown factor falls out.

Firmware of RedEdge before 2.1 writes an exposure of 1/6329 s where it meant 0.274 ms; the makers'
own library mends it, and so does this, and says so. Values below zero (noise under black) are zero.
Saturated counts hold no measurement: they are marked.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.bands import Role
from imagery.photo import Exposure, Photo, PlaneVignette, RadialVignette, Vignette

FloatImage = NDArray[np.float32]
Counts = NDArray[np.uint8] | NDArray[np.uint16]
LEGACY_EXPOSURE_S = 1.0 / 6329.0
"""What old RedEdge firmware writes …"""
MENDED_EXPOSURE_S = 0.000274
"""… and what it meant."""
SATURATED_SHARE = 0.9995
"""Counts from this share of full scale on are saturated; of 12 bits in 16 the two last steps."""
SATURATED_LIMIT = 0.01
"""More saturated pixels than this share are told of."""
MIN_ROW = 0.2
"""A row gradient that takes more than four fifths of the light away is no row gradient."""
KELVIN = 273.15
P4M_MODELS = ("FC6360", "P4 Multispectral")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Light measured by one band.

    Parameters
    ----------
    values : (H, W) float32
        Radiance, W m⁻² sr⁻¹ nm⁻¹ when `absolute`, else in the camera's own unit.
    absolute : bool
        Whether the unit is known.
    saturated : (H, W) bool
        Pixels that hold no measurement.
    findings : tuple of Finding
        What could not be corrected, or was mended.
    """

    values: FloatImage
    absolute: bool
    saturated: NDArray[np.bool_]
    findings: tuple[Finding, ...] = ()


def radiance(photo: Photo, counts: Counts) -> Measured:
    """Return the light that one band's photo measured.

    Parameters
    ----------
    photo : Photo
        Facts of the file; `exposure` is needed.
    counts : (H, W) uint8 or uint16
        The file's pixels as stored.

    Returns
    -------
    Measured
        Missing facts (black level, vignette) are left out and told as findings.

    Raises
    ------
    BadInput
        When the pixels are no counts or not of the photo's size, it tells no exposure or figures
        that cannot be (vignette, row gradient, sensor model), or it is thermal (`temperature_c`).

    Examples
    --------
    >>> from pathlib import Path
    >>> photo = Photo(path=Path("a.tif"), width_px=2, height_px=1, bits=16, black_level=4096.0,
    ...               exposure=Exposure(time_s=0.5, gain=1.0))
    >>> found = radiance(photo, np.array([[4096, 36864]], np.uint16))
    >>> found.values.tolist(), found.absolute
    ([[0.0, 1.0]], False)
    """
    _fits(photo, counts)
    if photo.band is not None and photo.band.role is Role.T:
        raise BadInput("error.photo_thermal", name=photo.name)
    if photo.exposure is None:
        raise BadInput("error.photo_no_exposure", name=photo.name)
    exposure, findings = _mended(photo, photo.exposure)
    light = exposure.time_s * exposure.gain
    if not (1e-9 < light < 1e9 and (exposure.aperture or 1.0) < 1e3):
        raise BadInput("error.photo_not_finite", name=photo.name)
    if photo.sensor_model is not None and "parrot" in photo.make.casefold():
        values = _sequoia(photo, counts, exposure, photo.sensor_model, findings)
    else:
        values = _linear(photo, counts, exposure, findings)
    np.maximum(values, 0.0, out=values)
    if not np.isfinite(values).all():
        raise BadInput("error.photo_not_finite", name=photo.name)
    saturated = saturation(photo, counts)
    share = float(saturated.mean())
    if share > SATURATED_LIMIT:
        findings.append(
            Finding.warning("finding.photo_saturated", where=photo.name, share_pct=100.0 * share)
        )
    absolute = photo.row_gradient is not None
    if not absolute:
        findings.append(Finding.info("finding.radiance_relative", where=photo.name))
    return Measured(values=values, absolute=absolute, saturated=saturated, findings=tuple(findings))


def saturation(photo: Photo, counts: Counts) -> NDArray[np.bool_]:
    """Return which pixels are as bright as the file can hold."""
    return np.asarray(counts >= SATURATED_SHARE * (2.0**photo.bits - 1.0))


def temperature_c(photo: Photo, counts: Counts) -> FloatImage:
    """Return the temperature of a thermal band in °C.

    Parameters
    ----------
    photo : Photo
        Of Altum's or Altum-PT's thermal band, which stores hundredths of a kelvin.
    counts : (H, W) uint16
        Pixels as stored.

    Raises
    ------
    BadInput
        When the band is not thermal or the pixels are not of the photo's size.
    """
    _fits(photo, counts)
    if photo.band is None or photo.band.role is not Role.T:
        raise BadInput("error.photo_not_thermal", name=photo.name)
    return (counts.astype(np.float32) / np.float32(100.0)) - np.float32(KELVIN)


@lru_cache(maxsize=12)
def fall_off(vignette: Vignette, width_px: int, height_px: int) -> FloatImage:
    """Return the factor by which the lens darkens each pixel, 1 where it does not.

    Parameters
    ----------
    vignette : RadialVignette or PlaneVignette
        Published polynomial; one that multiplies is turned round.
    width_px, height_px : int
        Of the picture.

    Returns
    -------
    (H, W) float32
        Light is divided by it. Read-only: it is kept for the next photo.

    Raises
    ------
    BadInput
        When the polynomial falls to nothing within the picture: light there cannot be known.
    """
    if isinstance(vignette, PlaneVignette):
        x = np.arange(width_px, dtype=np.float64) / width_px
        y = np.arange(height_px, dtype=np.float64) / height_px
        order = 1 + max(max(pair) for pair in vignette.powers)
        table = np.zeros((order, order))
        for (i, j), coefficient in zip(vignette.powers, vignette.coefficients, strict=True):
            table[j, i] += coefficient
        values = np.polynomial.polynomial.polygrid2d(y, x, table)
    else:
        values = _radial(vignette, width_px, height_px)
    if not np.isfinite(values).all() or float(values.min()) < 0.02:
        raise BadInput("error.photo_vignette_dark", least=float(np.nanmin(values)))
    result = values.astype(np.float32)
    result.setflags(write=False)
    return result


def _radial(vignette: RadialVignette, width_px: int, height_px: int) -> NDArray[np.float64]:
    dx = np.arange(width_px, dtype=np.float64) - vignette.centre_x_px
    dy = np.arange(height_px, dtype=np.float64)[:, None] - vignette.centre_y_px
    r = np.sqrt(dx * dx + dy * dy)
    values = np.polynomial.polynomial.polyval(r, (1.0, *vignette.coefficients))
    if not vignette.multiply:
        return np.asarray(values)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / values)


def _linear(
    photo: Photo, counts: Counts, exposure: Exposure, findings: list[Finding]
) -> FloatImage:
    """MicaSense, DJI and any other: black level off, over exposure, vignette and row gradient."""
    values = counts.astype(np.float32)
    if photo.black_level is None:
        findings.append(Finding.warning("finding.photo_no_black", where=photo.name))
    else:
        values -= np.float32(photo.black_level)
    if photo.vignette is None:
        findings.append(Finding.warning("finding.photo_no_vignette", where=photo.name))
    else:
        values /= fall_off(photo.vignette, photo.width_px, photo.height_px)
    full = 2.0**photo.bits - (1.0 if photo.model in P4M_MODELS else 0.0)
    factor = 1.0 / (full * exposure.gain * exposure.time_s)
    if photo.row_gradient is not None:
        a1, a2, a3 = photo.row_gradient
        y = np.arange(photo.height_px, dtype=np.float64)
        late = 1.0 + a2 * y / exposure.time_s - a3 * y
        if not (a1 > 0.0 and float(late.min()) > MIN_ROW and float(late.max()) < 1.0 / MIN_ROW):
            raise BadInput("error.photo_rows", name=photo.name)
        rows = factor * a1 / late
        values *= rows.astype(np.float32)[:, None]
    else:
        values *= np.float32(factor)
    return values


def _sequoia(
    photo: Photo,
    counts: Counts,
    exposure: Exposure,
    model: tuple[float, float, float],
    findings: list[Finding],
) -> FloatImage:
    """SEQ-AN-01; its gain is the ISO speed and its B the black level."""
    a, b, c = model
    values = counts.astype(np.float32)
    if photo.vignette is None:
        findings.append(Finding.warning("finding.photo_no_vignette", where=photo.name))
    else:
        values /= fall_off(photo.vignette, photo.width_px, photo.height_px)
    aperture = exposure.aperture if exposure.aperture is not None else 1.0
    slope = a * exposure.time_s * exposure.gain + c
    if not slope > 0.0:
        raise BadInput("error.photo_sensor_model", name=photo.name)
    values -= np.float32(b)
    values *= np.float32(aperture**2 / slope)
    return values


def _mended(photo: Photo, exposure: Exposure) -> tuple[Exposure, list[Finding]]:
    legacy = "micasense" in photo.make.casefold() and "altum" not in photo.model.casefold()
    if not (legacy and abs(exposure.time_s - LEGACY_EXPOSURE_S) < 1e-6):
        return exposure, []
    mended = Exposure(
        time_s=MENDED_EXPOSURE_S,
        gain=exposure.gain,
        iso=exposure.iso,
        aperture=exposure.aperture,
    )
    return mended, [Finding.info("finding.photo_exposure_mended", where=photo.name)]


def _fits(photo: Photo, counts: Counts) -> None:
    if counts.dtype not in (np.uint8, np.uint16):
        raise BadInput("error.photo_no_counts", name=photo.name, kind=str(counts.dtype))
    if counts.shape != (photo.height_px, photo.width_px):
        raise BadInput(
            "error.photo_pixels",
            name=photo.name,
            shape=" × ".join(str(size) for size in counts.shape),
            width=photo.width_px,
            height=photo.height_px,
        )
