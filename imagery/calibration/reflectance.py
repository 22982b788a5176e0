"""From radiance to reflectance: what a flight's panel and light sensor allow, and no more.

Theory of operation
-------------------
Reflectance is π · L / E. L comes from `imagery.calibration.radiance`, E from one of three grounds,
the best that a band has:

* **panel and light sensor**: E of the photo's own moment, times what the panel told of the sensor,
  E = D · mean(E_panel / D_panel), D being the sensor's reading. The sensor's unknown constant and
  the camera's fall out together, so this gives reflectance for every maker. It follows clouds.
* **panel alone**: E as the panel had it, by a straight line in time between panel photos before and
  after the flight. It is wrong as soon as the light changes; a light sensor's readings, even if
  nobody asked to use them, tell whether it did.
* **light sensor alone**: only where camera and sensor are both absolute (MicaSense); 5 to 20 % off
  from band to band on the makers' own sample flight. Where they are not, L / D is proportional to
  reflectance by an unknown factor, and that is called relative. DJI says that its factor is one
  for all bands: ratios between bands hold, indices with constants (SAVI, EVI …) do not.
  Sequoia's factor is another one in each band: not even NDVI holds, only the same band compared
  between photos and days.
* **nothing**: radiance, relative.

`ground_calibration` settles this once for a flight, band by band; `reflectance` applies it to one
photo. What could not be done is a finding on every product. Saturated pixels become NaN. Values are
not cut at 1: a wet leaf's glint is brighter than any panel.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from agri.findings import Finding
from imagery.calibration.light import Downwelling, downwelling
from imagery.calibration.panel import PanelReading
from imagery.calibration.radiance import Counts, radiance
from imagery.photo import Photo

Ground = Literal["panel and light", "panel", "light", "none"]
"""What reflectance stands on."""
Wanted = Literal["best", "panel", "light"]
"""What the user asks for."""
DRIFT = 0.05
"""Panel readings that disagree by more than this, light taken into account, are told of."""
VARIED = 0.10
"""Light that varied by more than this (5th to 95th percentile over the median) is told of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandGround:
    """What one band of one camera is calibrated by.

    Parameters
    ----------
    band : str
        `imagery.bands.Band.label`.
    serial : str
        Of the camera.
    ground : {"panel and light", "panel", "light", "none"}
    anchors : tuple of (float, float)
        Panel photos in order of time: seconds since 1970 (0 when unknown) and E, or E per unit of
        the light sensor when `ground` says so.
    findings : tuple of Finding
    """

    band: str
    serial: str
    ground: Ground
    anchors: tuple[tuple[float, float], ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def correction(self) -> float:
        """Mean of the anchors' second numbers, 1 without a panel."""
        return statistics.fmean(value for _, value in self.anchors) if self.anchors else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What all bands of a flight are calibrated by.

    Parameters
    ----------
    bands : tuple of BandGround
    """

    bands: tuple[BandGround, ...]

    def of(self, photo: Photo) -> BandGround | None:
        """Return a photo's ground, None when its band was not among those settled."""
        key = _key(photo)
        return next((one for one in self.bands if (one.band, one.serial) == key), None)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All bands' findings, each once."""
        return tuple(dict.fromkeys(f for one in self.bands for f in one.findings))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reflectance:
    """One band of one photo, calibrated as far as it can be.

    Parameters
    ----------
    values : (H, W) float32
        Reflectance 0 to 1 (glints above) when not `relative`; NaN where saturated.
    ground : {"panel and light", "panel", "light", "none"}
    relative : bool
        Whether an unknown factor remains.
    findings : tuple of Finding
        What could not be calibrated.
    """

    values: NDArray[np.float32]
    ground: Ground
    relative: bool
    findings: tuple[Finding, ...]


def ground_calibration(
    photos: Iterable[Photo], readings: Sequence[PanelReading] = (), wanted: Wanted = "best"
) -> Calibration:
    """Settle for every band of a flight what its reflectance stands on.

    Parameters
    ----------
    photos : iterable of Photo
        All photos of the flight, without those of the panel or with them.
    readings : sequence of PanelReading
        What the panel's photos told, from `imagery.calibration.panel.read_panel`.
    wanted : {"best", "panel", "light"}
        "panel" leaves the light sensor out, "light" the panel.
    """
    by_band: dict[tuple[str, str], list[Photo]] = {}
    for photo in photos:
        by_band.setdefault(_key(photo), []).append(photo)
    chosen = () if wanted == "light" else tuple(readings)
    for reading in chosen:
        by_band.setdefault(_key(reading.photo), [])
    grounds = []
    for key, members in by_band.items():
        own = [reading for reading in chosen if _key(reading.photo) == key]
        grounds.append(_settled(key, members, own, use_light=wanted != "panel"))
    return Calibration(bands=tuple(grounds))


def reflectance(photo: Photo, counts: Counts, calibration: Calibration) -> Reflectance:
    """Return one photo's reflectance by what its flight is calibrated by.

    Parameters
    ----------
    photo : Photo
    counts : (H, W) uint8 or uint16
        The file's pixels as stored.
    calibration : Calibration
        From `ground_calibration`.

    Raises
    ------
    BadInput
        As `imagery.calibration.radiance.radiance`.
    """
    measured = radiance(photo, counts)
    ground = calibration.of(photo)
    told = [f for f in measured.findings if f.key != "finding.radiance_relative"]
    if ground is None:
        unsettled = Finding.warning("finding.band_not_settled", where=photo.name)
        ground = BandGround(band="", serial="", ground="none", findings=(unsettled,))
    told += ground.findings
    factor, relative, more = _factor(photo, measured.absolute, ground)
    values = measured.values * np.float32(factor)
    values[measured.saturated] = np.nan
    settled: Ground = "none" if more and ground.ground == "light" else ground.ground
    return Reflectance(
        values=values, ground=settled, relative=relative, findings=tuple(told + more)
    )


def _factor(photo: Photo, absolute: bool, ground: BandGround) -> tuple[float, bool, list[Finding]]:
    """Return π / E, whether an unknown factor remains, and what went wrong for this photo."""
    if ground.ground == "panel":
        return math.pi / _at(ground.anchors, photo.taken_utc), False, []
    if ground.ground == "none":
        return 1.0, True, []
    found = downwelling(photo)
    if isinstance(found, Finding):
        if ground.ground == "light":
            return 1.0, True, [found]
        return math.nan, False, [found, _no_light(photo)]
    value = found.value * ground.correction
    relative = ground.ground == "light" and not (absolute and found.absolute)
    return math.pi / value, relative, list(found.findings)


def _no_light(photo: Photo) -> Finding:
    return Finding.error("finding.photo_without_light", where=photo.name)


def _settled(
    key: tuple[str, str], photos: list[Photo], readings: list[PanelReading], *, use_light: bool
) -> BandGround:
    """Choose the best ground of one band and say what is missing."""
    band, serial = key
    lights = [found for photo in photos if isinstance(found := downwelling(photo), Downwelling)]
    has_light = bool(photos) and len(lights) >= 0.9 * len(photos)
    at_panel = [downwelling(reading.photo) for reading in readings]
    pairs = [
        (_seconds(reading.photo.taken_utc), reading.irradiance / light.value)
        for reading, light in zip(readings, at_panel, strict=True)
        if isinstance(light, Downwelling)
    ]
    findings = list(_varied(band, lights)) if readings or use_light else []
    if readings and use_light and has_light and pairs:
        findings += _drift(band, [value for _, value in pairs])
        kept = [f for f in findings if f.key != "finding.light_varied"]
        return BandGround(band=band, serial=serial, ground="panel and light",
                          anchors=tuple(sorted(pairs)), findings=tuple(kept))  # fmt: skip
    if readings:
        own = sorted((_seconds(r.photo.taken_utc), r.irradiance) for r in readings)
        findings += [] if lights else [Finding.warning("finding.light_unknown", where=band)]
        return BandGround(band=band, serial=serial, ground="panel", anchors=tuple(own),
                          findings=tuple(findings))  # fmt: skip
    if use_light and has_light:
        told = Finding.warning(_light_alone(photos[0], lights), where=band)
        return BandGround(band=band, serial=serial, ground="light", findings=(told,))
    told = Finding.warning("finding.not_calibrated", where=band)
    return BandGround(band=band, serial=serial, ground="none", findings=(told,))


def _light_alone(photo: Photo, lights: list[Downwelling]) -> str:
    """Return the key of what reflectance by a light sensor alone is worth."""
    if all(light.absolute for light in lights) and photo.row_gradient is not None:
        return "finding.calibrated_by_light"
    if photo.light is not None and photo.light.kind == "dji":
        return "finding.calibrated_relative"
    return "finding.calibrated_relative_band"


def _varied(band: str, lights: list[Downwelling]) -> list[Finding]:
    """Tell when the light over a flight did not stay as the panel had it."""
    if len(lights) < 2:
        return []
    low, middle, high = np.percentile([light.value for light in lights], (5, 50, 95))
    spread = float((high - low) / middle)
    if spread <= VARIED:
        return []
    return [Finding.warning("finding.light_varied", where=band, spread_pct=100.0 * spread)]


def _drift(band: str, ratios: list[float]) -> list[Finding]:
    spread = (max(ratios) - min(ratios)) / statistics.fmean(ratios)
    if spread <= DRIFT:
        return []
    return [Finding.warning("finding.panel_drift", where=band, spread_pct=100.0 * spread)]


def _at(anchors: tuple[tuple[float, float], ...], taken: datetime | None) -> float:
    """E at a time by straight lines between panel photos; their mean when a time is unknown."""
    times, values = zip(*anchors, strict=True)
    if taken is None or not all(times) or len(set(times)) < 2:
        return statistics.fmean(values)
    return float(np.interp(taken.timestamp(), times, values))


def _seconds(taken: datetime | None) -> float:
    return 0.0 if taken is None else taken.timestamp()


def _key(photo: Photo) -> tuple[str, str]:
    """A band of a camera; without a known band the camera's own number of it."""
    band = photo.band
    label = band.label if band is not None else f"band {photo.band_index}"
    return label, photo.serial
