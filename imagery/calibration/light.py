"""From a light sensor's reading to the light that falls on a level field.

Theory of operation
-------------------
Reflectance is light up over light down. Light down is what the sensor on the aircraft's back tells,
each kind in its own way:

* **DLS1** (MicaSense): one diffuser that leans with the aircraft and loses light at its surfaces.
  The loss follows from Fresnel's equations through two layers (air 1.000277, 1.6, 1.38) at the
  angle θ between sun and sensor. Of the rest a sixth of the sun's is taken to come from the sky:
  sun = (E / fresnel(θ)) / (1/6 + cos θ), level = sun · sin(elevation) + sun / 6. The sixth is the
  maker's assumption for a clear sky; it says nothing about clouds.
* **DLS2**: reckons the level irradiance itself. Firmware of RedEdge before 5.1.7 and of Altum
  before 1.2.3 got it wrong; there it is made from its parts, sun · sin(elevation) + sky.
* **DJI**: Irradiance already is the sensor's value times its gain; the camera's value is multiplied
  by SensorGainAdjustment before the two are compared, so light here is Irradiance / that factor.
  The constant between camera and light sensor (ρ of the NIR band) is not published.
* **Sequoia**: counts of channel 0 per gain and millisecond, the middle of the records kept with the
  photo. Its constant is not published either.

So DLS readings are W m⁻² nm⁻¹ and the others relative: right between photos, not against radiance.
The sun behind the sensor, a sun below 5°, or a sensor that marks itself invalid gives no light and
a finding instead.
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass
from itertools import pairwise

from agri.findings import Finding
from imagery.calibration.sun import Sun, leaning_deg, sun_at
from imagery.photo import Light, Photo

LAYERS = (1.000277, 1.6, 1.38)
"""Refractive indices of air, DLS1's cover and diffuser (MicaSense's library)."""
SKY_SHARE = 1.0 / 6.0
"""Skylight as a share of the sun's, DLS1's assumption for a clear sky."""
MIN_SUN_DEG = 5.0
"""Below this elevation no reading is trusted."""
MAX_LEANING_DEG = 80.0
"""A sun farther than this from the sensor's axis is not measured by it."""
TRUSTED = {"rededge": (5, 1, 7), "altum": (1, 2, 3)}
"""First firmware whose level irradiance DLS2 reckons rightly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Downwelling:
    """Light on a level plane at one photo.

    Parameters
    ----------
    value : float
        W m⁻² nm⁻¹ when `absolute`, else the maker's own unit; above zero.
    absolute : bool
    sun : Sun or None
        Where it was taken to stand.
    leaning_deg : float or None
        Between the sun and the sensor's axis, where that was used.
    findings : tuple of Finding
    """

    value: float
    absolute: bool
    sun: Sun | None = None
    leaning_deg: float | None = None
    findings: tuple[Finding, ...] = ()


def downwelling(photo: Photo) -> Downwelling | Finding:
    """Return the light on a level plane when the photo was taken, or why it is not known.

    Parameters
    ----------
    photo : Photo
        `light` is needed; DLS1 needs place, time and the sensor's attitude too.

    Examples
    --------
    >>> from pathlib import Path
    >>> photo = Photo(path=Path("a.tif"), width_px=2, height_px=1, bits=16,
    ...               light=Light(kind="dji", absolute=False, spectral_irradiance=3000.0,
    ...                           sensor_gain_adjustment=1.5))
    >>> downwelling(photo).value
    2000.0
    """
    light = photo.light
    if light is None:
        return Finding.info("finding.light_missing", where=photo.name)
    if not light.valid:
        return Finding.warning("finding.light_invalid", where=photo.name)
    sun = _sun(photo, light)
    if sun is not None and sun.elevation_deg < MIN_SUN_DEG:
        return Finding.warning("finding.sun_low", where=photo.name, elevation_deg=sun.elevation_deg)
    return {"dls1": _first, "dls2": _second}.get(light.kind, _relative)(photo, light, sun)


def transmission(angle_deg: float, layers: tuple[float, ...] = LAYERS) -> float:
    """Return the share of unpolarised light that passes flat layers (Fresnel, Snell).

    Parameters
    ----------
    angle_deg : float
        Between ray and normal in the first medium.
    layers : tuple of float
        Refractive indices from outside to inside.

    Notes
    -----
    As the maker's library does, the angle inside each layer is taken from the angle before it by
    dividing its sine by the index of the layer *left*; the sensors' calibration rests on this.

    Examples
    --------
    >>> round(transmission(0.0), 4), round(transmission(60.0), 4)
    (0.9416, 0.8888)
    """
    share, angle = 1.0, math.radians(angle_deg)
    for n1, n2 in pairwise(layers):
        angle = math.asin(math.sin(angle) / n1)
        outside = math.cos(angle)
        inside = math.sqrt(1.0 - (n1 / n2 * math.sin(angle)) ** 2)
        across = ((n1 * outside - n2 * inside) / (n1 * outside + n2 * inside)) ** 2
        along = ((n1 * inside - n2 * outside) / (n1 * inside + n2 * outside)) ** 2
        share *= 1.0 - 0.5 * across - 0.5 * along
    return share


def _sun(photo: Photo, light: Light) -> Sun | None:
    """From place and time; else as the sensor reckoned it."""
    if photo.place is not None and photo.taken_utc is not None:
        return sun_at(photo.place, photo.taken_utc)
    if light.solar_elevation_deg is None:
        return None
    return Sun(
        elevation_deg=light.solar_elevation_deg,
        azimuth_deg=(light.solar_azimuth_deg or 0.0) % 360.0,
    )


def _first(photo: Photo, light: Light, sun: Sun | None) -> Downwelling | Finding:
    measured = light.spectral_irradiance
    if measured is None or not measured > 0.0:
        return Finding.warning("finding.light_unusable", where=photo.name)
    if sun is None or light.attitude is None:
        value = measured / transmission(0.0)
        told = Finding.warning("finding.light_not_levelled", where=photo.name)
        return Downwelling(value=value, absolute=light.absolute, findings=(told,))
    angle = leaning_deg(sun, light.attitude)
    if angle > MAX_LEANING_DEG:
        return Finding.warning("finding.light_turned_away", where=photo.name, angle_deg=angle)
    direct = measured / transmission(angle) / (SKY_SHARE + math.cos(math.radians(angle)))
    value = direct * (math.sin(math.radians(sun.elevation_deg)) + SKY_SHARE)
    return Downwelling(value=value, absolute=light.absolute, sun=sun, leaning_deg=angle)


def _second(photo: Photo, light: Light, sun: Sun | None) -> Downwelling | Finding:
    parts = light.direct_irradiance is not None and light.scattered_irradiance is not None
    findings: tuple[Finding, ...] = ()
    value = light.horizontal_irradiance
    if not _trusted(photo) and parts and sun is not None:
        value = (light.direct_irradiance or 0.0) * math.sin(math.radians(sun.elevation_deg)) + (
            light.scattered_irradiance or 0.0
        )
    elif not _trusted(photo):
        findings = (Finding.warning("finding.light_old_firmware", where=photo.name,
                                    firmware=photo.firmware[:30]),)  # fmt: skip
    if value is None or not (math.isfinite(value) and value > 0.0):
        return Finding.warning("finding.light_unusable", where=photo.name)
    return Downwelling(value=value, absolute=light.absolute, sun=sun, findings=findings)


def _relative(photo: Photo, light: Light, sun: Sun | None) -> Downwelling | Finding:
    value = _counted(light) if light.kind == "sequoia" else _dji(light)
    if value is None:
        return Finding.warning("finding.light_unusable", where=photo.name)
    return Downwelling(value=value, absolute=False, sun=sun)


def _trusted(photo: Photo) -> bool:
    kind = next((k for k in TRUSTED if k in photo.model.casefold()), None)
    version = re.search(r"(\d+)\.(\d+)\.(\d+)", photo.firmware)
    if kind is None or version is None:
        return True
    newer_camera = photo.model.casefold().replace(" ", "-") in ("rededge-p", "altum-pt")
    return newer_camera or tuple(int(n) for n in version.groups()) >= TRUSTED[kind]


def _dji(light: Light) -> float | None:
    value = light.spectral_irradiance
    if value is None or not value > 0.0:
        return None
    return value / (light.sensor_gain_adjustment or 1.0)


def _counted(light: Light) -> float | None:
    """Middle of Sequoia's records; a saturated or dark record is no reading."""
    values = [
        record.channel0 / (record.gain * record.exposure_ms)
        for record in light.readings
        if 0 < record.channel0 < 65535 and record.gain > 0 and record.exposure_ms > 0
    ]
    return statistics.median(values) if values else None
