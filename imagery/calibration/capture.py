"""One capture's bands as one picture: reflectance, straightened, laid on each other.

Theory of operation
-------------------
Each file goes through radiance and reflectance in its own pixels, where vignette and rows are
described; then its lens is undone; then it is laid on the reference band. The picture is resampled
twice, by straight interpolation; a pixel is NaN as soon as one that weighs in is.

The reference is green, else red, else the first band: bright enough in every scene, and in the
middle of most rigs. Alignments of one rig differ little from capture to capture, so a flight goes
fast when the alignment of one capture is given as the start for the next
(`CapturePicture.alignment`). Bands without lens facts are laid on each other as they are, and
that is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agri.errors import BadInput
from agri.findings import Finding
from imagery.bands import Band, Role
from imagery.calibration.alignment import Alignment, align, plane_start, rig_start, warped
from imagery.calibration.lens import undistorted
from imagery.calibration.radiance import Counts
from imagery.calibration.reflectance import Calibration, reflectance
from imagery.photo import Photo

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CapturePicture:
    """All bands of one moment on one grid of pixels.

    Parameters
    ----------
    values : (B, H, W) float32
        Reflectance 0 to 1 unless `relative`; NaN where there is none.
    bands : tuple of Band
        One for each.
    relative : tuple of bool
        Whether an unknown factor remains in a band.
    alignment : Alignment
        With residuals in pixels.
    findings : tuple of Finding
        Everything that could not be calibrated or aligned, each once.
    """

    values: NDArray[np.float32]
    bands: tuple[Band, ...]
    relative: tuple[bool, ...]
    alignment: Alignment
    findings: tuple[Finding, ...]


def capture_picture(
    photos: Sequence[Photo],
    read: Callable[[Photo], Counts],
    calibration: Calibration,
    *,
    before: Alignment | None = None,
    progress: Progress | None = None,
) -> CapturePicture:
    """Return a capture's reflectance with its bands on each other.

    Parameters
    ----------
    photos : sequence of Photo
        One single-band file for each band, of one size.
    read : callable
        Returns a photo's pixels as stored, (H, W).
    calibration : Calibration
        Of the flight, from `imagery.calibration.reflectance.ground_calibration`.
    before : Alignment, optional
        Of another capture of the same rig, bands in the same order.
    progress : callable, optional
        Is told the share done, 0 to 1.

    Raises
    ------
    BadInput
        When a photo is not of a single known band, sizes differ, or a file lacks its exposure.
    """
    bands = tuple(_band(photo) for photo in photos)
    reference = _reference(bands)
    pictures, relative, findings = [], [], []
    for number, photo in enumerate(photos):
        found = reflectance(photo, read(photo), calibration)
        findings += list(found.findings)
        relative.append(found.relative)
        if photo.lens is None:
            findings.append(Finding.warning("finding.photo_no_lens", where=photo.name))
            pictures.append(found.values)
        else:
            pictures.append(undistorted(photo, found.values))
        if progress is not None:
            progress(0.5 * (number + 1) / len(photos))
    alignment = align(
        pictures,
        names=[band.label for band in bands],
        starts=_starts(photos, reference, before),
        reference=reference,
        progress=None if progress is None else lambda share: progress(0.5 + 0.5 * share),
    )
    values = np.stack(
        [warped(picture, band) for picture, band in zip(pictures, alignment.bands, strict=True)]
    )
    return CapturePicture(
        values=values,
        bands=bands,
        relative=tuple(relative),
        alignment=alignment,
        findings=tuple(dict.fromkeys((*findings, *alignment.findings))),
    )


def _band(photo: Photo) -> Band:
    if photo.band is None:
        raise BadInput("error.photo_not_single", name=photo.name, count=len(photo.bands))
    return photo.band


def _reference(bands: Sequence[Band]) -> int:
    """Index of green, else of red, else 0."""
    roles = [band.role for band in bands]
    return next((roles.index(role) for role in (Role.G, Role.R) if role in roles), 0)


def _starts(
    photos: Sequence[Photo], reference: int, before: Alignment | None
) -> list[NDArray[np.float64] | None]:
    """What is known of each band before looking."""
    if before is not None and before.reference == reference and len(before.bands) == len(photos):
        return [band.matrix if band.good else None for band in before.bands]
    base = photos[reference]
    starts = []
    for photo in photos:
        plane = plane_start(base, photo)
        starts.append(plane if plane is not None else rig_start(base, photo))
    return starts
