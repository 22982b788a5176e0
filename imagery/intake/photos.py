"""One photo file's facts as `imagery.photo.Photo`, from its header and what a reader told.

Theory of operation
-------------------
This room asks the others (`moments`, `optics`, `lights`) and settles what the file's channels are.
A band is what the file itself says: name, centre, width (``CentralWavelength`` and
``WavelengthFWHM``, or DJI's ``BandFreq`` "560(+/-16)nm", half the width after the sign); what it
leaves out comes from the catalogue by maker and model. A colour picture has bands when it names
them, when its maker builds colour cameras only (DJI, Parrot), or when the user says what the
camera is; otherwise none: a camera converted to near infrared calls itself what it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from imagery.bands import Band, Sensor, band_from, sensor_for
from imagery.decoding.headers import Header
from imagery.decoding.pixels import Measures
from imagery.intake.lights import is_calibration, light_of, panel_of
from imagery.intake.moments import (
    aircraft_attitude,
    camera_attitude,
    clock,
    height_home,
    height_sea,
    place,
    position_sd_m,
    taken_utc,
)
from imagery.intake.optics import optics_of
from imagery.intake.replies import Answer
from imagery.intake.told import Told
from imagery.photo import Photo

COLOUR_MAKERS = ("dji", "parrot")
"""Makers whose colour pictures are red, green and blue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A photo, and what is known of it beyond its facts.

    Parameters
    ----------
    photo : Photo
        Its facts.
    clock : datetime or None
        The camera's own clock, without a zone: the order of one camera's photos.
    measures : Measures or None
        Of its pixels.
    """

    photo: Photo
    clock: datetime | None
    measures: Measures | None


def seen(path: Path, header: Header, answer: Answer, declared: Sensor | None = None) -> Seen:
    """Return a photo's facts.

    Parameters
    ----------
    path : Path
        The file.
    header : Header
        What it says of its size.
    answer : Answer
        What a reader told; not refused.
    declared : Sensor, optional
        What the user says that the camera is.
    """
    told = Told.by(answer)
    make, model = told.text("Make"), told.text("Model")
    optics = optics_of(told, header.width, header.height)
    photo = Photo(
        path=path,
        make=make,
        model=model,
        serial=told.text("CameraSerialNumber") or told.text("BodySerialNumber"),
        firmware=told.text("Software"),
        width_px=header.width,
        height_px=header.height,
        bits=header.bits,
        channels=header.samples,
        bands=_bands(told, header.samples, declared or sensor_for(make, model), declared),
        band_index=_band_index(told, header.samples),
        capture_id=told.word("CaptureId", "CaptureUUID", "CaptureID"),
        flight_id=told.word("FlightId", "FlightUUID", "FlightID"),
        taken_utc=taken_utc(told),
        place=place(told),
        position_sd_m=position_sd_m(told),
        rtk_fixed=None if (flag := told.number("drone-dji:RtkFlag")) is None else flag == 50.0,
        height_sea=height_sea(told),
        height_home=height_home(told),
        camera=camera_attitude(told),
        aircraft=aircraft_attitude(told),
        exposure=optics.exposure,
        black_level=optics.black_level,
        vignette=optics.vignette,
        row_gradient=_three(told.numbers("MicaSense:RadiometricCalibration")),
        sensor_model=_three(told.numbers("SensorModel")),
        lens=optics.lens,
        focal_mm=optics.focal_mm,
        pixel_um=optics.pixel_um,
        homography=optics.homography,
        rig_rotation_deg=_three(told.numbers("RigRelatives")),
        light=light_of(told),
        panel=panel_of(told),
        calibration_picture=is_calibration(told),
    )
    return Seen(photo=photo, clock=clock(told), measures=answer.measures)


def _three(values: tuple[float, ...]) -> tuple[float, float, float] | None:
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def _band_index(told: Told, samples: int) -> int | None:
    rig = told.number("RigCameraIndex")
    if rig is None and samples == 1:
        index = told.number("drone-dji:SensorIndex")
        rig = None if index is None else index - 1.0
    return int(rig) if rig is not None and 0.0 <= rig < 64.0 else None


def _bands(
    told: Told, samples: int, found: Sensor | None, declared: Sensor | None
) -> tuple[Band, ...]:
    names = told.words("BandName")
    names = tuple(names[0].split(",")) if len(names) == 1 and "," in names[0] else names
    if samples == 1:
        return _single(told, names[0] if names else "", found)
    if declared is not None and len(declared.bands) == samples:
        return declared.bands
    if len(names) == samples:
        return tuple(Band.named(name.strip()) for name in names)
    if samples == 3 and told.text("Make").casefold() in COLOUR_MAKERS:
        return tuple(Band.named(name) for name in ("Red", "Green", "Blue"))
    return ()


def _single(told: Told, name: str, found: Sensor | None) -> tuple[Band, ...]:
    centre, width = told.number("CentralWavelength"), told.number("WavelengthFWHM")
    stated = told.numbers("BandFreq")
    if centre is None and stated:
        centre, width = stated[0], 2.0 * stated[1] if len(stated) > 1 else width
    centre = centre if centre is not None and 0.0 < centre < 1e5 else None
    width = width if width is not None and 0.0 < width < 1e5 else None
    if not name and centre is None:
        return ()
    return (band_from(name, centre, width, found),)
