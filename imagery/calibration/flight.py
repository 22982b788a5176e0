"""A whole flight's photos calibrated: panel photos read, grounds settled, captures made pictures.

Theory of operation
-------------------
`calibrate_flight` reads every panel photo band by band and settles what each band stands on
(`imagery.calibration.reflectance`). Captures that only *may* show a panel (held low, by intake's
judgement) are searched too, without a word when there is none; a band for which no panel photo gave
a reading is told of once, with the reasons its photos had.

Pixels come one file at a time from a callable that the caller gives: `imagery.intake.counts_of`,
which decodes strangers' files in a confined process.

`CapturePixels` hands calibrated captures to the mosaic one by one: straightened, bands on each
other, coarser by a whole factor. The alignment of one capture is the start for the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.bands import Role
from imagery.calibration.alignment import Alignment
from imagery.calibration.capture import CapturePicture, capture_picture
from imagery.calibration.certificate import Certificate
from imagery.calibration.panel import PanelReading, read_panel
from imagery.calibration.radiance import Counts
from imagery.calibration.reflectance import Calibration, Wanted, ground_calibration
from imagery.photo import Photo

Read = Callable[[Photo], Counts]
Outline = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightCalibration:
    """What a flight is calibrated by.

    Parameters
    ----------
    calibration : Calibration
        For `imagery.calibration.reflectance.reflectance` and `capture_picture`.
    readings : tuple of PanelReading
        What panel photos told.
    findings : tuple of Finding
        What could not be had, each once.
    """

    calibration: Calibration
    readings: tuple[PanelReading, ...]
    findings: tuple[Finding, ...]


def calibrate_flight(
    photos: Sequence[Photo],
    panel_photos: Sequence[Photo] = (),
    *,
    read: Read,
    certificate: Certificate | None = None,
    outlines: Mapping[Path, Outline] | None = None,
    wanted: Wanted = "best",
    progress: Callable[[float], None] | None = None,
) -> FlightCalibration:
    """Settle what the bands of a flight are calibrated by.

    Parameters
    ----------
    photos : sequence of Photo
        Single-band photos of the flight; colour pictures and thermal bands are passed over.
    panel_photos : sequence of Photo
        Those that show, or may show, the panel.
    read : callable
        Gives a photo's pixels as stored: `imagery.intake.counts_of`.
    certificate : Certificate, optional
        The panel's, on paper; else its code's or the camera's own.
    outlines : mapping of Path to corners, optional
        The panel's square drawn by hand in a file, pixels x and y.
    wanted : {"best", "panel", "light"}
        See `imagery.calibration.reflectance`.
    progress : callable, optional
        Is told the share done, 0 to 1.

    Raises
    ------
    BadInput
        When a certificate does not reach a band, or an outline lies outside.
    """
    outlines = outlines or {}
    readings: list[PanelReading] = []
    missed: list[tuple[Photo, Finding]] = []
    singles = _optical(panel_photos)
    for number, photo in enumerate(singles):
        found = read_panel(photo, read(photo), outline=outlines.get(photo.path, ()),
                           certificate=certificate)  # fmt: skip
        if isinstance(found, PanelReading):
            readings.append(found)
        else:
            missed.append((photo, found))
        if progress is not None:
            progress((number + 1) / len(singles))
    calibration = ground_calibration(_optical(photos), readings, wanted)
    told = [] if wanted == "light" else _missed(missed, readings)
    return FlightCalibration(
        calibration=calibration,
        readings=tuple(readings),
        findings=tuple(dict.fromkeys((*told, *calibration.findings))),
    )


@dataclass(slots=True, kw_only=True)
class CapturePixels:
    """Calibrated captures of one flight, made when asked for.

    Parameters
    ----------
    calibration : Calibration
    read : callable
        Gives a photo's pixels.
    findings : list of Finding
        Grows with what every capture tells, each finding once.

    Notes
    -----
    Holds the alignment of the last good capture and no pixels.
    """

    calibration: Calibration
    read: Read
    findings: list[Finding]
    _before: Alignment | None = None

    @classmethod
    def of(cls, flight: FlightCalibration, read: Read) -> CapturePixels:
        """Build from a flight's calibration."""
        return cls(calibration=flight.calibration, read=read, findings=list(flight.findings))

    def picture(self, photos: Sequence[Photo]) -> CapturePicture:
        """Return one capture, as `imagery.calibration.capture.capture_picture`.

        Parameters
        ----------
        photos : sequence of Photo
            Of one moment. Thermal bands, colour pictures and bands of another size than most
            (panchromatic) are left out and told of.

        Raises
        ------
        BadInput
            When no band is left; else as `imagery.calibration.capture.capture_picture`.
        """
        optical = _optical(photos)
        sizes = Counter((photo.width_px, photo.height_px) for photo in optical)
        if not sizes:
            raise BadInput("error.capture_empty", count=len(photos))
        size = sizes.most_common(1)[0][0]
        singles = [photo for photo in optical if (photo.width_px, photo.height_px) == size]
        names = [
            photo.band.label if photo.band else "RGB" for photo in photos if photo not in singles
        ]
        left = [Finding.info("finding.band_left_out", where=name) for name in names]
        found = capture_picture(singles, self.read, self.calibration, before=self._before)
        if all(band.good for band in found.alignment.bands):
            self._before = found.alignment
        for finding in (*left, *found.findings):
            if finding not in self.findings:
                self.findings.append(finding)
        return found

    def source(self, photos: Sequence[Photo]) -> Callable[[int], NDArray[np.float32]]:
        """Return what gives a capture's pixels, coarser by a whole factor: (H, W, B), NaN none."""

        def pixels(reduction: int) -> NDArray[np.float32]:
            return coarser(np.moveaxis(self.picture(photos).values, 0, 2), reduction)

        return pixels


def coarser(picture: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return a picture's means over factor × factor pixels, NaN where any of them has none.

    Parameters
    ----------
    picture : (H, W, B) float32
    factor : int
        1 or more; rows and columns at the end that do not fill a pixel count alone.

    Examples
    --------
    >>> coarser(np.arange(8, dtype=np.float32).reshape(2, 4, 1), 2)[..., 0].tolist()
    [[2.5, 4.5]]
    """
    if factor == 1:
        return picture
    height, width, bands = picture.shape
    padded = np.pad(picture, ((0, -height % factor), (0, -width % factor), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // factor, padded.shape[1] // factor
    blocks = padded.reshape(rows, factor, columns, factor, bands)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def _optical(photos: Sequence[Photo]) -> list[Photo]:
    """Files of a single band that measures reflected light."""
    return [
        photo
        for photo in photos
        if photo.channels == 1 and photo.band is not None and photo.band.role is not Role.T
    ]


def _missed(
    missed: Sequence[tuple[Photo, Finding]], readings: Sequence[PanelReading]
) -> list[Finding]:
    """Why bands have no panel reading: a photo's own reason, unless another photo gave one."""
    had = {(reading.photo.serial, reading.photo.band) for reading in readings}
    told = []
    for photo, finding in missed:
        silent = finding.key == "finding.panel_not_found" and not photo.calibration_picture
        if (photo.serial, photo.band) not in had and not silent:
            told.append(finding)
    return told
